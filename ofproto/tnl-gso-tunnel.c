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

#include <string.h>

#include "dp-packet.h"
#include "encap/encap.h"
#include "netdev-provider.h"
#include "netdev-vport.h"
#include "ofproto/ofproto-provider.h"
#include "ofproto/tnl-gso/tnl-gso-path.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "packets.h"
#include "util.h"

/* `tnl-gso/show` of a tunnel, and which tunnels leave through a port.
 *
 * Called by the main thread only.  Must not decide anything. */

/* Fills in '*header', that of 'path', which must be whole. */
void
tnl_gso_tunnel_header(const struct tnl_gso_path *path,
                      struct tnl_gso_show_header *header)
{
    const struct netdev *tunnel = path->tunnel->netdev;
    const struct netdev_tunnel_config *cfg = netdev_get_tunnel_config(tunnel);

    *header = (struct tnl_gso_show_header) {
        .encap = tunnel->tnl_gso->encap,
        .version = tnl_gso_path_ip_version(path),
        .rco = cfg->rco_tx,
        .len = path->push.header_len,
    };
    /* As in tnl_port_send(). */
    header->csum = (cfg->csum == NETDEV_TNL_CSUM_ENABLED
                    || (cfg->csum == NETDEV_TNL_CSUM_DEFAULT
                        && header->version == 6));
}

/* Do superpackets get the header of 'path' whole? */
bool
tnl_gso_tunnel_takes_super(const struct tnl_gso_path *path)
{
    const struct tnl_gso_encap_class *class
        = tnl_gso_encap_of_push(&path->push);
    struct dp_packet *packet = dp_packet_new(0);
    bool takes = (class && (class->outer == TNL_GSO_OUTER_NONE
                            || class->takes_super(&path->push, packet)));

    dp_packet_delete(packet);
    return takes;
}

/* Fills in 'row', to be destroyed by the caller, for superpackets of 'proto'
 * that leave on 'path' through 'netdev'. */
void
tnl_gso_tunnel_row(const struct tnl_gso_path *path,
                   const struct netdev *netdev, uint8_t proto,
                   struct tnl_gso_show_row *row)
{
    struct tnl_gso_show_header header;

    if (tnl_gso_tunnel_takes_super(path)) {
        tnl_gso_tunnel_header(path, &header);
        tnl_gso_show_row_behind(netdev->tnl_gso, proto, &header, row);
    } else {
        row->method = TNL_GSO_SOFTWARE;
        ds_init(&row->why);
        ds_put_cstr(&row->why, "cut before this header, which is different "
                    "for each packet");
    }
}

/* Returns the bytes of the longest IP packet that fits into 'path' out of
 * 'netdev', or 0 if there is no such limit or it is not known. */
int
tnl_gso_tunnel_mtu(const struct tnl_gso_path *path, struct netdev *netdev)
{
    const struct netdev *tunnel = path->tunnel->netdev;
    bool l3 = netdev_get_pt_mode(tunnel) == NETDEV_PT_LEGACY_L3;
    int overhead = path->push.header_len - (l3 ? ETH_HEADER_LEN : 0);
    int mtu;

    /* Without an outer header, frames are cut: STT. */
    if (netdev_get_mtu(netdev, &mtu)
        || (tunnel->tnl_gso->encap != TNL_GSO_NO_TUNNEL
            && !tnl_gso_has_outer(tunnel->tnl_gso->encap))) {
        return 0;
    }
    return MAX(mtu - overhead, 0);
}

/* Appends the port 'netdev' that 'path' leaves through, and the methods there,
 * to 'json', or if that is null, to 'text'. */
static void
show_egress(const struct tnl_gso_path *path, struct netdev *netdev,
            struct ds *text, struct json *json)
{
    bool any = path->tunnel->netdev->tnl_gso->encap != TNL_GSO_NO_TUNNEL
               && !tnl_gso_has_outer(path->tunnel->netdev->tnl_gso->encap);
    static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP };
    int mtu = tnl_gso_tunnel_mtu(path, netdev);
    struct json *table = json ? json_array_create_empty() : NULL;

    if (json) {
        struct json *egress = json_object_create();

        json_object_put_string(egress, "name", netdev_get_name(netdev));
        json_object_put_string(egress, "type", netdev_get_type(netdev));
        json_object_put(egress, "inner-mtu", json_integer_create(mtu));
        json_object_put(egress, "table", table);
        json_array_add(json, egress);
    } else {
        ds_put_format(text, "    egress: %s (%s)", netdev_get_name(netdev),
                      netdev_get_type(netdev));
        if (mtu) {
            ds_put_format(text, ", inner MTU up to %d", mtu);
        }
        ds_put_char(text, '\n');
    }
    for (size_t i = 0; i < (any ? 1 : ARRAY_SIZE(protos)); i++) {
        const char *l4 = (any ? "any" : protos[i] == IPPROTO_UDP ? "UDP"
                          : "TCP");
        struct tnl_gso_show_row row;
        const char *method;

        tnl_gso_tunnel_row(path, netdev, protos[i], &row);
        method = tnl_gso_method_to_string(row.method);
        if (json) {
            struct json *line = json_object_create();

            json_object_put_string(line, "l4", l4);
            json_object_put_string(line, "method", method);
            json_object_put_string(line, "why", ds_cstr(&row.why));
            json_array_add(table, line);
        } else {
            ds_put_format(text, "      %s  %-11s %s", l4, method,
                          ds_cstr(&row.why));
            while (ds_chomp(text, ' ')) {
                continue;
            }
            ds_put_char(text, '\n');
        }
        ds_destroy(&row.why);
    }
}

/* Appends 'path' to 'json', or if that is null, to 'text'. */
static void
show_path(const struct tnl_gso_path *path, struct ds *text, struct json *json)
{
    const char *end = tnl_gso_path_end_to_string(path->end);
    struct json *egress = json ? json_array_create_empty() : NULL;
    struct ds remote = DS_EMPTY_INITIALIZER;
    struct ds route = DS_EMPTY_INITIALIZER;
    struct ds neighbour = DS_EMPTY_INITIALIZER;

    if (path->end > TNL_GSO_PATH_REMOTE) {
        ipv6_format_mapped(&path->remote, &remote);
    }
    if (path->end > TNL_GSO_PATH_ROUTE) {
        ds_put_format(&route, "%s from ", path->device);
        ipv6_format_mapped(&path->source, &route);
        if (!ipv6_addr_equals(&path->next_hop, &path->remote)) {
            ds_put_cstr(&route, " by ");
            ipv6_format_mapped(&path->next_hop, &route);
        }
    }
    if (path->end > TNL_GSO_PATH_NEIGHBOUR) {
        ds_put_format(&neighbour, ETH_ADDR_FMT, ETH_ADDR_ARGS(path->mac));
    }

    if (json) {
        struct json *object = json_object_create();

        json_object_put_string(object, "remote", ds_cstr(&remote));
        json_object_put_string(object, "route", ds_cstr(&route));
        json_object_put_string(object, "neighbour", ds_cstr(&neighbour));
        json_object_put(object, "egress", egress);
        json_object_put_string(object, "broken", end);
        json_object_put_string(object, "why", path->why ? path->why : "");
        json_array_add(json, object);
    } else if (path->end == TNL_GSO_PATH_REMOTE) {
        ds_put_format(text, "  remote: %s\n", path->why);
    } else {
        ds_put_format(text, "  remote: %s\n", ds_cstr(&remote));
        if (route.length) {
            ds_put_format(text, "    route: %s\n", ds_cstr(&route));
        }
        if (neighbour.length) {
            ds_put_format(text, "    neighbour: %s\n", ds_cstr(&neighbour));
        }
        if (path->end != TNL_GSO_PATH_WHOLE) {
            ds_put_format(text, "    %s: %s\n", end, path->why);
        }
    }
    for (size_t i = 0; i < path->n_egress; i++) {
        show_egress(path, path->egress[i], text, egress);
    }
    ds_destroy(&remote);
    ds_destroy(&route);
    ds_destroy(&neighbour);
}

/* Appends the bridge of 'ofport', null for a port that is in none, to 'json',
 * or if that is null, to 'text'. */
void
tnl_gso_bridge_show(const struct ofport *ofport, struct ds *text,
                    struct json *json)
{
    if (json) {
        json_object_put_string(json, "bridge",
                               ofport ? ofport->ofproto->name : "");
    } else if (!ofport) {
        ds_put_cstr(text, "  bridge: none, so nothing is sent here\n");
    } else {
        ds_put_format(text, "  bridge: %s%s\n", ofport->ofproto->name,
                      tnl_gso_ofport_is_kernels(ofport)
                      ? ", of the kernel's datapath, which sends" : "");
    }
}

/* Appends those of 'paths' that are of 'tunnel' to 'json', or if that is null,
 * to 'text'. */
void
tnl_gso_tunnel_show(const struct tnl_gso_paths *paths,
                    const struct netdev *tunnel, struct ds *text,
                    struct json *json)
{
    struct json *array = json ? json_array_create_empty() : NULL;

    for (size_t i = 0; i < paths->n; i++) {
        if (paths->paths[i].tunnel->netdev == tunnel) {
            show_path(&paths->paths[i], text, array);
        }
    }
    if (json) {
        json_object_put(json, "remotes", array);
    }
}

/* Does 'path' leave through 'netdev', or is it received there, the port of the
 * datapath that its tunnel has in common with others? */
static bool
path_concerns(const struct tnl_gso_path *path, const struct netdev *netdev)
{
    char buf[NETDEV_VPORT_NAME_BUFSIZE];

    for (size_t i = 0; i < path->n_egress; i++) {
        if (path->egress[i] == netdev) {
            return true;
        }
    }
    return !strcmp(netdev_vport_get_dpif_port(path->tunnel->netdev, buf,
                                              sizeof buf),
                   netdev_get_name(netdev))
           && path->tunnel->netdev != netdev;
}

/* Appends the tunnels of 'paths' that leave through 'netdev', or that arrive
 * there, to 'json', or if that is null, to 'text'. */
void
tnl_gso_port_tunnels_show(const struct tnl_gso_paths *paths,
                          const struct netdev *netdev, struct ds *text,
                          struct json *json)
{
    struct json *array = json ? json_array_create_empty() : NULL;
    const struct netdev *last = NULL;

    for (size_t i = 0; i < paths->n; i++) {
        const struct netdev *tunnel = paths->paths[i].tunnel->netdev;

        if (tunnel == last || !path_concerns(&paths->paths[i], netdev)) {
            continue;
        } else if (array) {
            json_array_add(array, json_string_create(netdev_get_name(tunnel)));
        } else {
            ds_put_format(text, "%s%s", last ? ", " : "  tunnels: ",
                          netdev_get_name(tunnel));
        }
        last = tunnel;
    }
    if (json) {
        json_object_put(json, "tunnels", array);
    } else if (last) {
        ds_put_char(text, '\n');
    }
}
