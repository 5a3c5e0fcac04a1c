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

#include "ofproto/tnl-gso/tnl-gso-show.h"

#include <stdlib.h>
#include <string.h>

#include "core/tnl-gso-port.h"
#include "encap/encap.h"
#include "netdev-provider.h"
#include "netdev-vport.h"
#include "ofproto/ofproto-provider.h"
#include "ofproto/tnl-gso/tnl-gso-path.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/netdev.h"
#include "openvswitch/shash.h"
#include "stages/tnl-gso-desc.h"
#include "stages/tnl-gso-plan.h"
#include "sset.h"
#include "svec.h"
#include "userspace-tso.h"
#include "util.h"

/* `tnl-gso/show --brief`: a line for each port or tunnel that carries
 * something or leads nowhere, and advice where there is some.
 *
 * Called by the main thread only.  Must not decide or count anything. */

/* One line. */
struct line {
    struct sset through;        /* Tunnels: ports that packets leave by. */
    struct sset methods;        /* Tunnels: chosen; others: counted. */
    struct ds counted;          /* Others: how often. */
    struct svec advice;
    bool carries;               /* It does, or should, carry something. */
};

/* Adds advice to 'line', unless it is there. */
static void OVS_PRINTF_FORMAT(2, 3)
advise(struct line *line, const char *format, ...)
{
    va_list args;
    char *s;

    va_start(args, format);
    s = xvasprintf(format, args);
    va_end(args);
    if (svec_contains_unsorted(&line->advice, s)) {
        free(s);
    } else {
        svec_add_nocopy(&line->advice, s);
    }
}

/* Advice about the checksum of 'header', with which superpackets leave through
 * 'port' by 'method'. */
static void
advise_csum(struct line *line, const struct tnl_gso_port *port,
            const struct tnl_gso_show_header *header,
            enum tnl_gso_method method)
{
    struct tnl_gso_show_header other = *header;
    struct tnl_gso_show_row row;

    other.csum = !header->csum;
    tnl_gso_show_row_behind(port, IPPROTO_TCP, &other, &row);
    /* A checksum protects, so it is given up only for what saves most. */
    if (row.method < method && (other.csum || method >= TNL_GSO_SOFTWARE)) {
        advise(line, "csum=%s would give %s on %s",
               other.csum ? "true" : "false",
               tnl_gso_method_to_string(row.method),
               netdev_get_name(port->netdev));
    }
    ds_destroy(&row.why);
}

/* Returns the largest MTU of the ports of the bridge of 'tunnel' that send. */
static int
bridge_mtu(const struct ofport *tunnel)
{
    const struct ofport *ofport;
    int max = 0;

    HMAP_FOR_EACH (ofport, hmap_node, &tunnel->ofproto->ports) {
        int mtu;

        if (tnl_gso_port_sends(ofport->netdev->tnl_gso)
            && !netdev_get_mtu(ofport->netdev, &mtu)) {
            max = MAX(max, mtu);
        }
    }
    return max;
}

/* Advice about the MTU of 'netdev', through which 'path' leaves, if anything
 * was lost for it.  Who sends knows how large packets are meant to be: the
 * ports' MTUs alone say little. */
static void
advise_mtu(struct line *line, const struct tnl_gso_path *path,
           struct netdev *netdev, const struct tnl_gso_show_header *header)
{
    int inner = tnl_gso_tunnel_mtu(path, netdev);
    int wanted = bridge_mtu(path->tunnel);
    struct tnl_gso_stats s;

    tnl_gso_stats_since(netdev->tnl_gso, &s);
    if ((s.drops[TNL_GSO_R_MTU] || s.events[TNL_GSO_E_TX_REFUSED])
        && inner && wanted > inner) {
        advise(line, "MTU of %s too small by %d for %d bytes of %s%s and "
               "packets of %d", netdev_get_name(netdev), wanted - inner,
               path->push.header_len,
               netdev_get_type(path->tunnel->netdev),
               header->rco ? " with remote checksums" : "", wanted);
    }
}

/* Advice about what 'port', through which a tunnel leaves, may do. */
static void
advise_methods(struct line *line, const struct tnl_gso_port *port)
{
    if (!(tnl_gso_port_methods(port) & (1u << TNL_GSO_SOFTWARE))) {
        advise(line, "software is excluded by tnl-gso-methods of %s, what "
               "it cannot cut is dropped", netdev_get_name(port->netdev));
    }
}

/* Adds what there is to say of 'path' to 'line', which is that of its
 * tunnel. */
static void
brief_path(struct line *line, const struct tnl_gso_path *path)
{
    if (path->end != TNL_GSO_PATH_WHOLE) {
        struct ds remote = DS_EMPTY_INITIALIZER;

        if (path->end > TNL_GSO_PATH_REMOTE) {
            ds_put_cstr(&remote, "to ");
            ipv6_format_mapped(&path->remote, &remote);
            ds_put_cstr(&remote, ": ");
            line->carries = true;
        }
        advise(line, "%s%s: %s", ds_cstr(&remote),
               tnl_gso_path_end_to_string(path->end), path->why);
        ds_destroy(&remote);
    }
    for (size_t i = 0; i < path->n_egress; i++) {
        struct netdev *netdev = path->egress[i];
        struct tnl_gso_show_header header;
        struct tnl_gso_show_row row;

        sset_add(&line->through, netdev_get_name(netdev));
        tnl_gso_tunnel_row(path, netdev, IPPROTO_TCP, &row);
        sset_add(&line->methods, tnl_gso_method_to_string(row.method));
        ds_destroy(&row.why);
        tnl_gso_tunnel_header(path, &header);
        if (tnl_gso_tunnel_takes_super(path)
            && tnl_gso_has_outer(header.encap)) {
            advise_csum(line, netdev->tnl_gso, &header, row.method);
        }
        advise_mtu(line, path, netdev, &header);
        advise_methods(line, netdev->tnl_gso);
    }
}

/* Advice about what 'port' has dropped: as 's' says, and 'where' that is not
 * the line's own port. */
static void
advise_drops(struct line *line, const struct tnl_gso_port *port,
             const struct tnl_gso_stats *s, const char *where)
{
    int mtu;

    for (size_t i = 0; i < TNL_GSO_N_REASONS; i++) {
        struct ds hint = DS_EMPTY_INITIALIZER;

        if (i == TNL_GSO_R_MTU && !netdev_get_mtu(port->netdev, &mtu)) {
            ds_put_format(&hint, ": longer than its MTU, %d", mtu);
        } else if (i == TNL_GSO_R_RCO_OFF) {
            ds_put_cstr(&hint, ": options:remote_csum_rx=true would take "
                        "them");
        } else if (i == TNL_GSO_R_NO_METHOD) {
            ds_put_cstr(&hint, ": other_config:tnl-gso-methods should have "
                        "software");
        }
        if (s->drops[i]) {
            advise(line, "drops%s: %s %llu%s", where,
                   tnl_gso_reason_to_string(i), s->drops[i],
                   ds_cstr(&hint));
        }
        ds_destroy(&hint);
    }
    if (s->events[TNL_GSO_E_TX_REFUSED]) {
        advise(line, "tx_refused %llu: segments that the kernel or the driver "
               "did not take, see the log", s->events[TNL_GSO_E_TX_REFUSED]);
    }
}

/* Fills in 'line' for 'tunnel'. */
static void
brief_tunnel(struct line *line, struct netdev *tunnel,
             const struct tnl_gso_paths *paths)
{
    char buf[NETDEV_VPORT_NAME_BUFSIZE];
    struct netdev *receiver = netdev_from_name(
        netdev_vport_get_dpif_port(tunnel, buf, sizeof buf));
    struct netdev_stats stats;
    const char *why;

    if (!netdev_get_stats(tunnel, &stats)) {
        line->carries = ((stats.tx_packets && stats.tx_packets != UINT64_MAX)
                         || (stats.rx_packets
                             && stats.rx_packets != UINT64_MAX));
    }
    for (size_t i = 0; i < paths->n; i++) {
        if (paths->paths[i].tunnel->netdev == tunnel) {
            brief_path(line, &paths->paths[i]);
        }
    }
    if (receiver) {
        const char *state = tnl_gro_state(receiver->tnl_gso, &why);
        char *where = xasprintf(" on %s", netdev_get_name(receiver));
        size_t n_advice = line->advice.n;
        struct tnl_gso_stats s;

        tnl_gso_stats_since(receiver->tnl_gso, &s);
        advise_drops(line, receiver->tnl_gso, &s, where);
        line->carries |= line->advice.n > n_advice;
        free(where);
        if (userspace_tso_enabled() && why
            && tnl_gro_port_is_tunnel(receiver->tnl_gso)) {
            advise(line, "gro %s: %s", state, why);
        }
        netdev_close(receiver);
    }
}

/* Fills in 'line' for 'port', which sends. */
static void
brief_port(struct line *line, const struct tnl_gso_port *port)
{
    struct ds *ds = &line->counted;
    struct tnl_gso_stats s;

    tnl_gso_stats_since(port, &s);
    for (size_t e = 0; e < TNL_GSO_N_ENCAPS; e++) {
        for (size_t m = 0; m < TNL_GSO_N_METHODS; m++) {
            const char *method = tnl_gso_method_to_string(m);

            if (s.tx[e][m].packets) {
                sset_add(&line->methods, method);
                ds_put_format(ds, "%s%s %s %llu", ds->length ? ", " : "",
                              tnl_gso_encap_class(e)->name, method,
                              s.tx[e][m].packets);
            }
        }
    }
    advise_drops(line, port, &s, "");
    line->carries = ds->length || line->advice.n;
    advise_methods(line, port);
}

/* Returns the strings of 'set' as a sorted JSON array. */
static struct json *
json_from_sset(const struct sset *set)
{
    struct json *array = json_array_create_empty();
    const char **sorted = sset_sort(set);

    for (size_t i = 0; i < sset_count(set); i++) {
        json_array_add(array, json_string_create(sorted[i]));
    }
    free(sorted);
    return array;
}

/* Appends the strings of 'set', sorted, to 'ds', or "-". */
static void
format_sset(const struct sset *set, struct ds *ds)
{
    const char **sorted = sset_sort(set);

    for (size_t i = 0; i < sset_count(set); i++) {
        ds_put_format(ds, "%s%s", i ? "," : "", sorted[i]);
    }
    if (sset_is_empty(set)) {
        ds_put_char(ds, '-');
    }
    free(sorted);
}

/* Appends 'line' of 'netdev' to 'array', or if that is null, to 'text'. */
static void
line_show(const struct line *line, const struct netdev *netdev,
          struct ds *text, struct json *array)
{
    if (array) {
        struct json *json = tnl_gso_port_json(netdev->tnl_gso);
        struct json *advice = json_array_create_empty();

        for (size_t i = 0; i < line->advice.n; i++) {
            json_array_add(advice, json_string_create(line->advice.names[i]));
        }
        json_object_put(json, "through", json_from_sset(&line->through));
        json_object_put(json, "methods", json_from_sset(&line->methods));
        json_object_put(json, "advice", advice);
        json_array_add(array, json);
    } else {
        struct ds through = DS_EMPTY_INITIALIZER;

        format_sset(&line->through, &through);
        ds_put_format(text, "%-15s %-9s %-15s ", netdev_get_name(netdev),
                      netdev_get_type(netdev), ds_cstr(&through));
        if (line->counted.length) {
            ds_put_cstr(text, ds_cstr_ro(&line->counted));
        } else {
            format_sset(&line->methods, text);
        }
        ds_put_char(text, '\n');
        for (size_t i = 0; i < line->advice.n; i++) {
            ds_put_format(text, "  %s\n", line->advice.names[i]);
        }
        ds_destroy(&through);
    }
}

/* Appends the lines of 'ports' that 'filter' leaves to 'array', or if that is
 * null, to 'text'.  'paths' are those of all tunnels, and 'ofports' all ports
 * of all bridges. */
void
tnl_gso_brief_show(const struct tnl_gso_ports *ports,
                   const struct tnl_gso_paths *paths,
                   const struct shash *ofports,
                   const struct tnl_gso_brief_filter *filter,
                   struct ds *text, struct json *array)
{
    if (!array) {
        ds_put_format(text, "%-15s %-9s %-15s %s\n", "port", "type",
                      "through", "methods");
    }
    for (size_t i = 0; i < ports->n; i++) {
        struct netdev *netdev = ports->netdevs[i];
        const struct ofport *ofport
            = shash_find_data(ofports, netdev_get_name(netdev));
        struct line line = {
            .through = SSET_INITIALIZER(&line.through),
            .methods = SSET_INITIALIZER(&line.methods),
            .counted = DS_EMPTY_INITIALIZER,
            .advice = SVEC_EMPTY_INITIALIZER,
        };

        if (!ofport || (filter->type
                        && strcmp(filter->type, netdev_get_type(netdev)))) {
            continue;
        } else if (tnl_gso_ofport_is_tunnel(ofport)) {
            brief_tunnel(&line, netdev, paths);
        } else if (tnl_gso_port_sends(netdev->tnl_gso)) {
            brief_port(&line, netdev->tnl_gso);
        }
        if (netdev->tnl_gso->ignored) {
            advise(&line, "ignored: %s", netdev->tnl_gso->ignored);
            line.carries = true;
        }
        if (line.carries && (!filter->method
                             || sset_contains(&line.methods,
                                              filter->method))) {
            line_show(&line, netdev, text, array);
        }
        sset_destroy(&line.through);
        sset_destroy(&line.methods);
        ds_destroy(&line.counted);
        svec_destroy(&line.advice);
    }
}
