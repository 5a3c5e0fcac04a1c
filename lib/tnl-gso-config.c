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

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/csum-copy.h"
#ifdef DPDK_NETDEV
#include "ports/netdev-dpdk-tnl.h"
#endif
#ifdef __linux__
#include "ports/netdev-linux-io.h"
#include "ports/netdev-linux-probe.h"
#include "ports/netdev-linux-tnl.h"
#include "ports/netdev-linux-vnet.h"
#endif
#include "core/tnl-gso-port.h"
#include "encap/encap.h"
#include "netdev-provider.h"
#include "netdev-vport.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/netdev.h"
#include "openvswitch/vlog.h"
#include "rco/tnl-rco.h"
#include "smap.h"
#include "stages/tnl-gso-plan.h"
#include "stt/stt-reasm.h"
#include "tnl-gso-show.h"
#include "userspace-tso.h"
#include "util.h"

/* What the database says, and what it is told: the life of a port's state,
 * other_config, Interface status and statistics.
 *
 * Called by the main thread only.  Must not change what is sent but through
 * configuration. */

VLOG_DEFINE_THIS_MODULE(tnl_gso_config);

void
tnl_gso_port_create(struct netdev *netdev)
{
    netdev->tnl_gso = tnl_gso_port_new(netdev);
    netdev->tnl_gso->encap
        = tnl_gso_encap_of_netdev_type(netdev_get_type(netdev));
#ifdef __linux__
    if (netdev_linux_tnl_takes_frames(netdev->netdev_class)) {
        netdev->tnl_gso->send_frames = netdev_linux_tnl_send_frames;
        /* A tap's is found out when it is opened. */
        netdev->tnl_gso->vnet_size =
            (userspace_tso_enabled()
             && netdev->netdev_class != &netdev_tap_class ? VNET_LEN : 0);
        netdev->tnl_gso->kernel = netdev_linux_probe_new();
        netdev->tnl_gso->io = netdev_linux_io_new();
    }
#endif
#ifdef DPDK_NETDEV
    if (netdev_dpdk_tnl_sends_mbufs(netdev->netdev_class)) {
        netdev->tnl_gso->alloc = netdev_dpdk_tnl_alloc;
        netdev_dpdk_tnl_port_init(netdev->tnl_gso);
    }
#endif
}

void
tnl_gso_port_destroy(struct netdev *netdev)
{
#ifdef __linux__
    netdev_linux_probe_free(netdev->tnl_gso->kernel);
    netdev_linux_io_free(netdev->tnl_gso->io);
#endif
#ifdef DPDK_NETDEV
    netdev_dpdk_tnl_port_destroy(netdev->tnl_gso);
#endif
    tnl_rco_forget(netdev);
    tnl_gso_port_free(netdev->tnl_gso);
    netdev->tnl_gso = NULL;
}

/* Userspace TSO.  Ports and sockets are made for it or without it, so the first
 * datapath in userspace fixes it until the restart. */
static bool tso_is_fixed;
static bool tso_after_restart;

/* Takes userspace-tso-enable from Open_vSwitch 'other_config', and sets '*on',
 * whether userspace TSO is on, to it, unless it is fixed.  Returns true if it
 * is, or off now. */
bool
tnl_gso_set_tso(const struct smap *other_config, bool *on)
{
    static const char key[] = "userspace-tso-enable"; /* Upstream's. */
    bool want = smap_get_bool(other_config, key, false);

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

/* Takes what concerns us from an Interface's other_config. */
void
tnl_gso_port_set_config(struct netdev *netdev, const struct smap *config)
{
    const char *s = smap_get(config, "tnl-gso-methods");
    uint32_t methods = TNL_GSO_METHODS_ALL;
    char *error;

    if (s && !tnl_gso_methods_from_string(s, &methods, &error)) {
        VLOG_WARN("%s: ignoring other_config:tnl-gso-methods=\"%s\": %s",
                  netdev_get_name(netdev), s, error);
        free(error);
    }
    if (methods != tnl_gso_port_methods(netdev->tnl_gso)) {
        atomic_store_relaxed(&netdev->tnl_gso->methods, methods);
        netdev_change_seq_changed(netdev);
    }
}

/* Can 'netdev' be in a bridge of 'datapath_type'?  Returns 0, or a positive
 * errno value and, unless 'errorp' is null, why not in '*errorp', which the
 * caller must free. */
int
tnl_gso_check_datapath(const struct netdev *netdev, const char *datapath_type,
                       char **errorp)
{
    static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);
    const struct netdev_tunnel_config *cfg = netdev_get_tunnel_config(netdev);
    bool stt = !strcmp(netdev_get_type(netdev), "stt");
    bool rco = cfg && (cfg->rco_tx || cfg->rco_rx);

    if (!(stt || rco) || strcmp(datapath_type, "system")) {
        return 0;
    }
    if (errorp) {
        *errorp = xasprintf("%s: %s a bridge with datapath_type=netdev",
                            netdev_get_name(netdev),
                            stt ? "a tunnel of type stt needs"
                            : "remote_csum_tx and remote_csum_rx need");
        VLOG_WARN_RL(&rl, "%s", *errorp);
    }
    return EOPNOTSUPP;
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

/* Takes what concerns us from Open_vSwitch other_config, for a datapath in
 * userspace, before it has ports. */
void
tnl_gso_set_config(const struct smap *other_config)
{
    static char *old_impl;
    const char *impl = smap_get(other_config, "tnl-gso-csum-impl");

    tso_is_fixed = true;
    stt_reasm_set_config(other_config);
    set_csum6_ports(smap_get(other_config, "tnl-gso-csum6-ports"));
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

/* Adds the methods that 'netdev' uses to its status, for an operator who
 * looks at the database: the keys of `tnl-gso/show`. */
void
tnl_gso_get_status(const struct netdev *netdev, struct smap *smap)
{
    struct tnl_gso_show_row row;

    if (!userspace_tso_enabled() || !tnl_gso_port_sends(netdev->tnl_gso)) {
        return;
    }
    for (size_t i = 0; tnl_gso_show_row_get(netdev->tnl_gso, i, &row); i++) {
        const struct tnl_gso_desc *d = &row.desc;
        char *key = (!tnl_gso_encap_class(d->encap)->netdev_type
                     ? xstrdup(d->inner.proto == IPPROTO_UDP
                               ? "tnl_gso_plain_udp" : "tnl_gso_plain")
                     : xasprintf("tnl_gso_%s_%s%s",
                                 tnl_gso_encap_class(d->encap)->name,
                                 tnl_gso_outer_family(d),
                                 d->outer_csum ? "_csum" : ""));

        smap_add_nocopy(smap, key,
                        xstrdup(tnl_gso_method_to_string(row.plan.method)));
        ds_destroy(&row.why);
    }
}

static void
put_counter(struct netdev_custom_stats *cs, unsigned long long value,
            const char *prefix, const char *what, const char *which,
            const char *unit)
{
    struct netdev_custom_counter *c;

    if (!value) {
        return;
    }
    cs->counters = xrealloc(cs->counters,
                            (cs->size + 1) * sizeof *cs->counters);
    c = &cs->counters[cs->size++];
    c->value = value;
    snprintf(c->name, sizeof c->name, "tnl_gso_%s%s_%s%s", prefix, what,
             which, unit);
    for (char *p = c->name; *p; p++) {
        *p = *p == '-' ? '_' : *p;
    }
}

/* Appends the counters of 'port' that are not zero to 'cs'. */
static void
put_counters(struct netdev_custom_stats *cs, const struct tnl_gso_port *port,
             const char *prefix)
{
    struct tnl_gso_stats s;

    tnl_gso_stats_get(port, &s);
    for (size_t e = 0; e < TNL_GSO_N_ENCAPS; e++) {
        for (size_t m = 0; m < TNL_GSO_N_METHODS; m++) {
            const char *encap = tnl_gso_encap_class(e)->name;
            const char *method = tnl_gso_method_to_string(m);

            put_counter(cs, s.tx[e][m].packets, prefix, encap, method,
                        "_packets");
            put_counter(cs, s.tx[e][m].segments, prefix, encap, method,
                        "_segments");
            put_counter(cs, s.tx[e][m].bytes, prefix, encap, method, "_bytes");
        }
    }
    for (size_t i = 0; i < TNL_GSO_N_REASONS; i++) {
        put_counter(cs, s.drops[i], prefix, "drop",
                    tnl_gso_reason_to_string(i), "");
    }
    for (size_t i = 0; i < TNL_GSO_N_EVENTS; i++) {
        put_counter(cs, s.events[i], prefix, "event",
                    tnl_gso_event_to_string(i), "");
    }
}

/* Appends our counters that are not zero to 'cs'.  A tunnel gets, marked as
 * shared, those of the datapath's port that it has with others: packets are
 * pushed and popped there, and no Interface stands for it. */
void
tnl_gso_get_custom_stats(const struct netdev *netdev,
                         struct netdev_custom_stats *cs)
{
    char buf[NETDEV_VPORT_NAME_BUFSIZE];
    const char *name = netdev_vport_get_dpif_port(netdev, buf, sizeof buf);

#ifdef __linux__
    netdev_linux_io_poll(netdev);
#endif
    put_counters(cs, netdev->tnl_gso, "");
    if (strcmp(name, netdev_get_name(netdev))) {
        struct netdev *shared = netdev_from_name(name);

        if (shared) {
            put_counters(cs, shared->tnl_gso, "shared_");
            netdev_close(shared);
        }
    }
}
