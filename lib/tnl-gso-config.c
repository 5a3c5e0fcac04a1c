/*
 * Copyright (c) 2026 The tnl-gso authors.
 *
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at:
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */

#include <config.h>

#include "tnl-gso.h"

#include <stdlib.h>
#include <string.h>

#include "core/csum-copy.h"
#include "core/tnl-gso-port.h"
#include "core/tnl-gso-settings.h"
#include "encap/encap.h"
#include "netdev-provider.h"
#include "netdev-vport.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/netdev.h"
#include "openvswitch/vlog.h"
#include "smap.h"
#include "stages/tnl-gso-plan.h"
#include "stt/stt-reasm.h"
#include "userspace-tso.h"
#include "util.h"

/* The configuration in the database: other_config of Open_vSwitch and of
 * Interfaces.
 *
 * Called by dpif-netdev.c and userspace-tso.c, by the main thread only,
 * whenever something may have changed. */

VLOG_DEFINE_THIS_MODULE(tnl_gso_config);

/* Userspace TSO.  Ports and sockets are created with or without it, so it is
 * fixed from the first datapath in userspace on until the restart. */
static bool tso_is_fixed;
static bool tso_after_restart;
/* What stands there that is neither true nor false, or null. */
static char *tso_misspelt;

/* Sets '*on', whether userspace TSO is enabled, from userspace-tso-enable in
 * Open_vSwitch 'other_config', unless it is fixed already.  Returns true if it
 * is fixed, or disabled now.  What else stands there may be defaults. */
bool
tnl_gso_set_tso(const struct smap *other_config, bool *on)
{
    static const char key[] = "userspace-tso-enable"; /* Upstream's. */
    const char *value = smap_get_def(other_config, key, "false");
    bool want;

    tnl_gso_set_defaults(other_config);
    if (tnl_gso_parse_bool(value, &want)) {
        value = NULL;
    }
    if (!nullable_string_is_equal(value, tso_misspelt)) {
        if (value) {
            VLOG_WARN("other_config:%s=\"%s\" is neither true nor false", key,
                      value);
        }
        free(tso_misspelt);
        tso_misspelt = nullable_xstrdup(value);
    }
    if (!tso_is_fixed) {
        *on = want;
    } else if (want != tso_after_restart && want != *on) {
        VLOG_WARN("other_config:%s is now %s, userspace TSO stays %s until "
                  "ovs-vswitchd is restarted", key, want ? "true" : "false",
                  *on ? "enabled" : "disabled");
    } else if (want != tso_after_restart) {
        VLOG_INFO("other_config:%s is %s again, no restart is pending", key,
                  want ? "true" : "false");
    }
    tso_after_restart = want;
    return tso_is_fixed || !want;
}

/* Would userspace TSO be on after a restart? */
bool
tnl_gso_tso_after_restart(void)
{
    return tso_after_restart;
}

/* What userspace-tso-enable says that is neither true nor false, or null. */
const char *
tnl_gso_tso_misspelt(void)
{
    return tso_misspelt;
}

/* Are our counters among the statistics of Interfaces and OpenFlow ports? */
static bool publishes_statistics = true;

bool
tnl_gso_publishes_statistics(void)
{
    return publishes_statistics;
}

/* Reads other_config:tnl-gso-statistics. */
static void
set_statistics(const char *s)
{
    static char *old;

    if (nullable_string_is_equal(old, s)) {
        return;
    }
    free(old);
    old = nullable_xstrdup(s);
    publishes_statistics = true;
    if (s && !tnl_gso_parse_bool(s, &publishes_statistics)) {
        publishes_statistics = true;
        VLOG_WARN("other_config:tnl-gso-statistics: ignoring \"%s\", which is "
                  "neither true nor false", s);
    }
}

/* Lets 'port' merge, or not.  What it has found before is then forgotten. */
static void
set_gro(struct tnl_gso_port *port, bool gro)
{
    atomic_store_relaxed(&port->gro, gro);
    if (!gro) {
        tnl_gro_effort_reset(&port->gro_effort);
    }
}

/* Keeps 'ignored' as what is ignored of the settings of 'netdev': empty for
 * nothing.  Logs what is new. */
static void
set_ignored(struct netdev *netdev, const struct ds *ignored)
{
    struct tnl_gso_port *port = netdev->tnl_gso;
    const char *why = ignored->length ? ds_cstr_ro(ignored) : NULL;

    if (nullable_string_is_equal(port->ignored, why)) {
        return;
    }
    if (why) {
        VLOG_WARN("%s: ignoring %s", netdev_get_name(netdev), why);
    }
    free(port->ignored);
    port->ignored = nullable_xstrdup(why);
    netdev_change_seq_changed(netdev);
}

/* Settings in an Interface's other_config that have none there. */
static const struct {
    const char *key;
    const char *where;          /* They belong. */
} misplaced[] = {
    { "csum", "options of a tunnel" },
    { "remote_csum_tx", "options of a tunnel" },
    { "remote_csum_rx", "options of a tunnel" },
    { "remote_csum_class", "options of a tunnel" },
    { "tnl-gso-csum-impl", "other_config of Open_vSwitch" },
    { "tnl-gso-csum6-ports", "other_config of Open_vSwitch" },
    { "userspace-tso-enable", "other_config of Open_vSwitch" },
};

/* Tells in 'ignored' what of an Interface's 'other_config' belongs
 * elsewhere. */
static void
find_misplaced(const struct smap *other_config, struct ds *ignored)
{
    for (size_t i = 0; i < ARRAY_SIZE(misplaced); i++) {
        if (smap_get(other_config, misplaced[i].key)) {
            tnl_gso_ignore(ignored, "other_config:%s: belongs into %s",
                           misplaced[i].key, misplaced[i].where);
        }
    }
}

/* A tnl_gso_parse_func for methods. */
static char *
parse_methods(const char *value, void *methods)
{
    char *error;

    tnl_gso_methods_from_string(value, methods, &error);
    return error;
}

/* Applies those keys of an Interface's other_config 'config' that are ours,
 * and defaults, to 'netdev'.  A malformed value is told and ignored.  The port
 * of the datapath that tunnels share gets that of each of them, and has no
 * methods itself. */
void
tnl_gso_port_set_config(struct netdev *netdev, const struct smap *config)
{
    struct ds ignored = DS_EMPTY_INITIALIZER;
    bool gro = tnl_gso_get_bool(config, "tnl-gro", true, &ignored);
    uint32_t methods = TNL_GSO_METHODS_ALL;

    if (!netdev_get_tunnel_config(netdev)) {
        tnl_gso_get_setting(config, "tnl-gso-methods", parse_methods, &methods,
                            &ignored);
        find_misplaced(config, &ignored);
        set_ignored(netdev, &ignored);
    }
    ds_destroy(&ignored);
    if (methods != tnl_gso_port_methods(netdev->tnl_gso)) {
        atomic_store_relaxed(&netdev->tnl_gso->methods, methods);
        netdev_change_seq_changed(netdev);
    }
    set_gro(netdev->tnl_gso, gro);
    if (netdev->tnl_gso->set_config) {
        netdev->tnl_gso->set_config(netdev, config);
    }
}

/* Checks '*cfg', new for tunnel 'netdev' from its options 'args', as
 * tnl_rco_check_config() does.  'errors' has what Open vSwitch has logged of
 * 'args' so far and otherwise ignores: that is kept, for the operator. */
int
tnl_gso_tunnel_check_config(struct netdev *netdev, const struct smap *args,
                            struct netdev_tunnel_config *cfg,
                            struct ds *errors)
{
    size_t prefix = strlen(netdev_get_name(netdev)) + strlen(": ");
    struct ds warnings = DS_EMPTY_INITIALIZER;
    char *save_ptr = NULL;
    char *copy;

    copy = xstrdup(ds_cstr(errors));
    for (char *line = strtok_r(copy, "\n", &save_ptr); line;
         line = strtok_r(NULL, "\n", &save_ptr)) {
        tnl_gso_ignore(&warnings, "options: %s",
                       line + MIN(prefix, strlen(line)));
    }
    free(copy);
    free(netdev->tnl_gso->ignored_options);
    netdev->tnl_gso->ignored_options = ds_steal_cstr(&warnings);

    return tnl_rco_check_config(netdev, args, cfg, errors);
}

/* Tells in 'ignored' what of the settings of tunnel 'netdev', whose
 * other_config is 'config', has no effect. */
static void
find_tunnel_ignored(const struct netdev *netdev, const struct smap *config,
                    struct ds *ignored)
{
    const char *options = netdev->tnl_gso->ignored_options;
    const char *methods = smap_get(config, "tnl-gso-methods");

    if (options && *options) {
        tnl_gso_ignore(ignored, "%s", options);
    }
    if (methods) {
        tnl_gso_ignore(ignored, "other_config:tnl-gso-methods=\"%s\": a "
                       "tunnel sends nothing itself, this is for the ports "
                       "that it leaves through", methods);
    }
    if (smap_get(config, "tnl-kernel-gro")) {
        tnl_gso_ignore(ignored, "other_config:tnl-kernel-gro: this is for the "
                       "ports on which packets of the tunnel arrive");
    }
    find_misplaced(config, ignored);
    tnl_rco_get_ignored(netdev, ignored);
}

/* Tunnels that share the datapath port called 'name'. */
struct sharers {
    const char *name;
    bool gro;                   /* All of them may merge. */
};

/* For tnl_gso_ports_for_each(): does 'port' keep the 'sharers' from
 * merging? */
static void
ask_sharer(struct tnl_gso_port *port, void *sharers_)
{
    struct sharers *sharers = sharers_;
    char buf[NETDEV_VPORT_NAME_BUFSIZE];

    if (!tnl_gso_port_gro(port)
        && tnl_gso_encap_merges(port->encap)
        && strcmp(netdev_get_name(port->netdev), sharers->name)
        && !strcmp(netdev_vport_get_dpif_port(port->netdev, buf, sizeof buf),
                   sharers->name)) {
        sharers->gro = false;
    }
}

/* Applies those keys of the other_config 'config' of the Interface 'netdev'
 * that are for a tunnel; does nothing for other Interfaces.  A packet in a
 * tunnel arrives at a port of the datapath, which all Interfaces of one type
 * and UDP port share: if one of them says that nothing is to be merged,
 * nothing is.  Called whenever the database has changed, for all Interfaces,
 * so that the last one that is left counts. */
void
tnl_gso_tunnel_set_config(struct netdev *netdev, const struct smap *config)
{
    struct ds ignored = DS_EMPTY_INITIALIZER;
    bool gro = tnl_gso_get_bool(config, "tnl-gro", true, &ignored);
    struct sharers sharers = { .gro = gro };
    char buf[NETDEV_VPORT_NAME_BUFSIZE];
    struct netdev *shared;

    if (netdev_get_tunnel_config(netdev)) {
        find_tunnel_ignored(netdev, config, &ignored);
        set_ignored(netdev, &ignored);
    }
    ds_destroy(&ignored);
    if (!tnl_gso_encap_merges(netdev->tnl_gso->encap)) {
        return;
    }
    set_gro(netdev->tnl_gso, gro);
    sharers.name = netdev_vport_get_dpif_port(netdev, buf, sizeof buf);
    shared = netdev_from_name(sharers.name);
    if (shared) {
        if (tnl_gso_port_gro(shared->tnl_gso) != gro) {
            if (gro) {
                tnl_gso_ports_for_each(ask_sharer, &sharers);
            }
            set_gro(shared->tnl_gso, sharers.gro);
        }
        netdev_close(shared);
    }
}

/* Reads other_config:tnl-gso-csum6-ports, UDP ports separated by commas or
 * blanks, and applies what has changed. */
static void
set_csum6_ports(const char *s)
{
    static char *old;
    char *save_ptr = NULL;
    char *copy;

    if (nullable_string_is_equal(old, s)) {
        return;
    }
    free(old);
    old = nullable_xstrdup(s);

    for (int port = 0; port <= UINT16_MAX; port++) {
        tnl_gso_require_csum6(htons(port), false);
    }
    copy = xstrdup(s ? s : "");
    for (char *word = strtok_r(copy, ", ", &save_ptr); word;
         word = strtok_r(NULL, ", ", &save_ptr)) {
        int port;

        if (str_to_int(word, 10, &port) && port > 0 && port <= UINT16_MAX) {
            tnl_gso_require_csum6(htons(port), true);
        } else {
            VLOG_WARN("other_config:tnl-gso-csum6-ports: ignoring \"%s\", "
                      "which is not a UDP port", word);
        }
    }
    free(copy);
}

/* Applies those keys of Open_vSwitch 'other_config' that are ours, when there
 * is a datapath in userspace, before it has ports.  From then on userspace TSO
 * is fixed. */
void
tnl_gso_set_config(const struct smap *other_config)
{
    static char *old_impl;
    const char *impl = smap_get(other_config, "tnl-gso-csum-impl");

    tso_is_fixed = true;
    stt_reasm_set_config(other_config);
    set_csum6_ports(smap_get(other_config, "tnl-gso-csum6-ports"));
    set_statistics(smap_get(other_config, "tnl-gso-statistics"));
    if (!nullable_string_is_equal(old_impl, impl)) {
        if (!csum_copy_force(impl)) {
            VLOG_WARN("other_config:tnl-gso-csum-impl: no \"%s\" here, "
                      "choosing the best", impl);
            csum_copy_force(NULL);
        }
        free(old_impl);
        old_impl = nullable_xstrdup(impl);
    }
}
