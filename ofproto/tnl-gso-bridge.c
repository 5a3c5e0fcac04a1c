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

#include "ofproto/tnl-gso/tnl-gso-bridge.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "core/tnl-gso-port.h"
#include "encap/encap.h"
#include "netdev-provider.h"
#include "netdev-vport.h"
#include "ofproto/tnl-gso/tnl-gso-show.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/netdev.h"
#include "openvswitch/vlog.h"
#ifdef __linux__
#include "ports/netdev-linux-tnl.h"
#endif
#include "receive/tnl-gro.h"
#include "smap.h"
#include "stages/tnl-gso-desc.h"
#include "stages/tnl-gso-plan.h"
#include "tnl-gso.h"
#include "userspace-tso.h"
#include "util.h"

/* Port checks for the bridge, and status and statistics for the database: see
 * tnl-gso-bridge.h. */

VLOG_DEFINE_THIS_MODULE(tnl_gso_bridge);

/* Can 'netdev' be in a bridge of 'datapath_type'?  Returns 0, or a positive
 * errno value and, unless 'errorp' is null, an error message in '*errorp',
 * which the caller must free. */
int
tnl_gso_check_datapath(const struct netdev *netdev, const char *datapath_type,
                       char **errorp)
{
    static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);
    const struct netdev_tunnel_config *cfg = netdev_get_tunnel_config(netdev);
    bool stt = !strcmp(netdev_get_type(netdev), "stt");
    bool rco = cfg && tnl_rco_is_own(netdev, cfg);

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

/* Adds the state of merging on the port that tunnel 'netdev' receives on to
 * its status 'smap'. */
static void
get_gro_status(const struct netdev *netdev, struct smap *smap)
{
    char buf[NETDEV_VPORT_NAME_BUFSIZE];
    struct netdev *receiver = netdev_from_name(
        netdev_vport_get_dpif_port(netdev, buf, sizeof buf));
    const char *why;

    if (receiver) {
        smap_add(smap, "tnl_gro", tnl_gro_state(receiver->tnl_gso, &why));
        netdev_close(receiver);
    }
}

/* Adds the method that 'netdev' uses for each kind of superpacket to its
 * status 'smap', for an operator who looks at the database. */
void
tnl_gso_get_status(const struct netdev *netdev, struct smap *smap)
{
    struct tnl_gso_show_row row;

    if (netdev->tnl_gso->ignored) {
        smap_add(smap, "tnl_gso_ignored", netdev->tnl_gso->ignored);
    }
    if (userspace_tso_enabled() && tnl_gro_port_is_tunnel(netdev->tnl_gso)) {
        get_gro_status(netdev, smap);
    }
    if (!userspace_tso_enabled() || !tnl_gso_port_sends(netdev->tnl_gso)) {
        return;
    }
    for (size_t i = 0; tnl_gso_show_row_get(netdev->tnl_gso, i, &row); i++) {
        const struct tnl_gso_desc *d = &row.desc;
        char *key = (d->encap == TNL_GSO_NO_TUNNEL
                     ? xstrdup(d->inner.proto == IPPROTO_UDP
                               ? "tnl_gso_plain_udp" : "tnl_gso_plain")
                     : xasprintf("tnl_gso_%s_%s%s",
                                 tnl_gso_encap_class(d->encap)->name,
                                 tnl_gso_outer_family(d),
                                 d->outer_csum ? "_csum" : ""));

        smap_add_nocopy(smap, key,
                        xstrdup(tnl_gso_method_to_string(row.method)));
        ds_destroy(&row.why);
    }
}

/* Appends a counter with 'value' to 'cs', unless that is 0.  The other
 * arguments are the parts of its name, in which '-' becomes '_'. */
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

/* Appends the counters of merging in 's' that are not zero to 'cs'. */
static void
put_gro_counters(struct netdev_custom_stats *cs,
                 const struct tnl_gso_stats *s, const char *prefix)
{
    unsigned long long n_supers = 0;

    for (size_t i = 0; i < TNL_GRO_N_RULES; i++) {
        put_counter(cs, s->gro_units[i], prefix, "gro",
                    tnl_gro_rule_to_string(i), "");
    }
    for (size_t i = 0; i < TNL_GRO_N_SIZES; i++) {
        n_supers += s->gro_supers[i];
    }
    put_counter(cs, n_supers, prefix, "gro", "superpackets", "");
    put_counter(cs, s->gro_feedback.cut, prefix, "gro", "cut_again", "");
    put_counter(cs, s->gro_feedback.pauses, prefix, "gro", "pauses", "");
    put_counter(cs, s->gro_skipped, prefix, "gro", "skipped", "");
}

/* Appends the counters of 'port' that are not zero to 'cs'.  Their names begin
 * with "tnl_gso_" and 'prefix'. */
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
    put_gro_counters(cs, &s, prefix);
}

/* Appends our counters of 'netdev' that are not zero to 'cs'.  Tunnels share a
 * port of the datapath, which has no Interface and on which packets are pushed
 * and popped: the counters of that port are appended for each of them, with
 * "shared_" in their names.  Appends nothing if the database says so. */
void
tnl_gso_get_custom_stats(const struct netdev *netdev,
                         struct netdev_custom_stats *cs)
{
    char buf[NETDEV_VPORT_NAME_BUFSIZE];
    const char *name = netdev_vport_get_dpif_port(netdev, buf, sizeof buf);

#ifdef __linux__
    netdev_linux_tnl_poll(netdev);
#endif
    if (!tnl_gso_publishes_statistics()) {
        return;
    }
    put_counters(cs, netdev->tnl_gso, "");
    if (strcmp(name, netdev_get_name(netdev))) {
        struct netdev *shared = netdev_from_name(name);

        if (shared) {
            put_counters(cs, shared->tnl_gso, "shared_");
            netdev_close(shared);
        }
    }
}
