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

#include "ofproto/tnl-gso/tnl-gso-path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dpif.h"
#include "encap/encap.h"
#include "netdev-provider.h"
#include "netlink.h"
#include "ofproto/ofproto-dpif.h"
#include "ofproto/ofproto-dpif-xlate.h"
#include "ofproto/ofproto-provider.h"
#include "openvswitch/meta-flow.h"
#include "openvswitch/netdev.h"
#include "openvswitch/ofp-actions.h"
#include "openvswitch/ofpbuf.h"
#include "ovs-router.h"
#include "packets.h"
#include "sset.h"
#include "tnl-neigh-cache.h"
#include "util.h"

/* The way of a tunnel's packets out of the host: see tnl-gso-path.h.
 *
 * Route and neighbour are looked up as native_tunnel_output() does, which
 * cannot be asked: where there is no neighbour, it sends a request.  Behind
 * these, translating an output to the tunnel tells the header and the ports,
 * whatever the underlay's flows, bonds and VLANs are. */

/* Fills 'ofports' with the ports of all bridges, name to struct ofport.  The
 * caller must destroy it before any bridge is reconfigured. */
void
tnl_gso_ofports_get(struct shash *ofports)
{
    struct sset types = SSET_INITIALIZER(&types);
    const char *type;

    shash_init(ofports);
    ofproto_enumerate_types(&types);
    SSET_FOR_EACH (type, &types) {
        struct sset names = SSET_INITIALIZER(&names);
        const char *name;

        ofproto_enumerate_names(type, &names);
        SSET_FOR_EACH (name, &names) {
            struct ofproto_dpif *ofproto = ofproto_dpif_lookup_by_name(name);
            const struct ofport *ofport;

            HMAP_FOR_EACH (ofport, hmap_node, &ofproto->up.ports) {
                shash_add_once(ofports, netdev_get_name(ofport->netdev),
                               ofport);
            }
        }
        sset_destroy(&names);
    }
    sset_destroy(&types);
}

/* Returns the port of any bridge that is called 'name', or null. */
const struct ofport *
tnl_gso_ofport_find(const char *name)
{
    const struct ofport *ofport;
    struct shash ofports;

    tnl_gso_ofports_get(&ofports);
    ofport = shash_find_data(&ofports, name);
    shash_destroy(&ofports);
    return ofport;
}

/* Is 'ofport' in a bridge of the kernel's datapath? */
bool
tnl_gso_ofport_is_kernels(const struct ofport *ofport)
{
    return !strcmp(ofport->ofproto->type, "system");
}

/* Is 'ofport' a tunnel? */
bool
tnl_gso_ofport_is_tunnel(const struct ofport *ofport)
{
    return netdev_get_tunnel_config(ofport->netdev) != NULL;
}

/* Ends 'path' at 'end', for the reason that 'format' says. */
static void OVS_PRINTF_FORMAT(3, 4)
path_ends(struct tnl_gso_path *path, enum tnl_gso_path_end end,
          const char *format, ...)
{
    va_list args;

    path->end = end;
    va_start(args, format);
    path->why = xvasprintf(format, args);
    va_end(args);
}

/* Finds the route of 'path' and the port of 'ofports' that it goes over.
 * Returns that port, or null at the end of 'path'. */
static const struct ofport *
find_route(const struct shash *ofports, struct tnl_gso_path *path)
{
    const struct netdev_tunnel_config *cfg
        = netdev_get_tunnel_config(path->tunnel->netdev);
    uint32_t mark = cfg->set_egress_pkt_mark ? cfg->egress_pkt_mark : 0;
    struct in6_addr source = cfg->ip_src_flow ? in6addr_any : cfg->ipv6_src;
    const struct ofport *out;
    struct in6_addr gw;

    path->source = source;
    if (!ovs_router_lookup(mark, &path->remote, path->device, &path->source,
                           &gw)) {
        char s[INET6_ADDRSTRLEN];

        path->source = in6addr_any;
        if (ipv6_addr_is_set(&source)
            && ovs_router_lookup(mark, &path->remote, path->device,
                                 &path->source, &gw)) {
            path_ends(path, TNL_GSO_PATH_ROUTE, "none from local_ip %s, which "
                      "this host does not have",
                      ipv6_string_mapped(s, &source));
        } else {
            path_ends(path, TNL_GSO_PATH_ROUTE, "none to %s%s",
                      ipv6_string_mapped(s, &path->remote),
                      mark ? " with this egress_pkt_mark" : "");
        }
        return NULL;
    }
    path->next_hop = (ipv6_addr_is_set(&gw)
                      && (!IN6_IS_ADDR_V4MAPPED(&gw)
                          || in6_addr_get_mapped_ipv4(&gw))
                      ? gw : path->remote);
    out = shash_find_data(ofports, path->device);
    if (!out) {
        path_ends(path, TNL_GSO_PATH_ROUTE, "over %s, which is in no bridge: "
                  "add it to one that has its address, or route over a port "
                  "of a bridge", path->device);
    } else if (tnl_gso_ofport_is_kernels(out)
               != tnl_gso_ofport_is_kernels(path->tunnel)) {
        path_ends(path, TNL_GSO_PATH_ROUTE, "over %s in bridge %s, which has "
                  "another datapath_type than bridge %s", path->device,
                  out->ofproto->name, path->tunnel->ofproto->name);
        out = NULL;
    }
    return out;
}

/* Finds the MAC address of the next hop of 'path' in the bridge of 'out'.
 * Returns true if 'path' goes on. */
static bool
find_neighbour(const struct ofport *out, struct tnl_gso_path *path)
{
    const char *bridge = out->ofproto->name;
    char s[INET6_ADDRSTRLEN];
    int error = tnl_neigh_lookup(bridge, &path->next_hop, &path->mac, false);

    if (error) {
        path_ends(path, TNL_GSO_PATH_NEIGHBOUR,
                  error == EINPROGRESS
                  ? "%s has been asked for on %s, no answer yet"
                  : "%s is not known on %s, the next packet asks for it",
                  ipv6_string_mapped(s, &path->next_hop), bridge);
    }
    return !error;
}

/* What a list of datapath actions does behind the push of a header. */
struct pushed {
    struct ovs_action_push_tnl push; /* The first one. */
    bool found;                 /* There is one. */
    odp_port_t *outputs;
    size_t n_outputs;
    bool more;                  /* Later actions of the datapath decide. */
};

/* Stores the tunnel push action 'a', which ends with its header, in
 * '*push'. */
void
tnl_gso_push_read(const struct nlattr *a, struct ovs_action_push_tnl *push)
{
    size_t len = MIN(nl_attr_get_size(a), sizeof *push);

    memset(push, 0, sizeof *push);
    memcpy(push, nl_attr_get(a), len);
}

/* Adds what 'actions', 'len' bytes, do to '*p'. */
static void
read_actions(const struct nlattr *actions, size_t len, struct pushed *p)
{
    const struct nlattr *a;
    size_t left;

    NL_ATTR_FOR_EACH_UNSAFE (a, left, actions, len) {
        switch (nl_attr_type(a)) {
        case OVS_ACTION_ATTR_CLONE:
            read_actions(nl_attr_get(a), nl_attr_get_size(a), p);
            break;
        case OVS_ACTION_ATTR_TUNNEL_PUSH:
            if (!p->found) {
                p->found = true;
                tnl_gso_push_read(a, &p->push);
            }
            break;
        case OVS_ACTION_ATTR_OUTPUT:
            if (p->found) {
                p->outputs = xrealloc(p->outputs, (p->n_outputs + 1)
                                                  * sizeof *p->outputs);
                p->outputs[p->n_outputs++] = nl_attr_get_odp_port(a);
            }
            break;
        case OVS_ACTION_ATTR_RECIRC:
        case OVS_ACTION_ATTR_LB_OUTPUT:
            p->more |= p->found;
            break;
        }
    }
}

/* Appends actions that output to 'path' to 'ofpacts'. */
static void
put_output(const struct tnl_gso_path *path, const struct flow *inner,
           struct ofpbuf *ofpacts)
{
    ovs_be32 ip4 = in6_addr_get_mapped_ipv4(&path->remote);
    const struct netdev_tunnel_config *cfg
        = netdev_get_tunnel_config(path->tunnel->netdev);

    if (cfg->ip_dst_flow) {
        ofpact_put_set_field(ofpacts,
                             mf_from_id(ip4 ? MFF_TUN_DST : MFF_TUN_IPV6_DST),
                             ip4 ? (const void *) &ip4
                             : (const void *) &path->remote, NULL);
    }
    if (cfg->out_key_flow) {
        ofpact_put_set_field(ofpacts, mf_from_id(MFF_TUN_ID),
                             &inner->tunnel.tun_id, NULL);
    }
    ofpact_put_OUTPUT(ofpacts)->port = path->tunnel->ofp_port;
}

/* Finds the header that a packet of flow 'inner' gets on 'path', and the ports
 * that it leaves through. */
static void
find_egress(const struct ofport *out, const struct flow *inner,
            struct tnl_gso_path *path)
{
    struct ofproto_dpif *ofproto
        = ofproto_dpif_lookup_by_name(path->tunnel->ofproto->name);
    const struct dpif *dpif = ofproto->backer->dpif;
    struct pushed p = { .found = false };
    struct ofpbuf ofpacts, odp_actions;
    struct flow_wildcards wc;
    struct flow flow = *inner;
    struct xlate_out xout;
    struct xlate_in xin;

    memset(&flow.tunnel, 0, sizeof flow.tunnel);
    ofpbuf_init(&ofpacts, 64);
    ofpbuf_init(&odp_actions, 1024);
    put_output(path, inner, &ofpacts);
    xlate_in_init(&xin, ofproto, ofproto_dpif_get_tables_version(ofproto),
                  &flow, OFPP_NONE, NULL, 0, NULL, &wc, &odp_actions);
    xin.ofpacts = ofpacts.data;
    xin.ofpacts_len = ofpacts.size;
    if (xlate_actions(&xin, &xout) == XLATE_OK) {
        read_actions(odp_actions.data, odp_actions.size, &p);
    }
    xlate_out_uninit(&xout);
    ofpbuf_uninit(&odp_actions);
    ofpbuf_uninit(&ofpacts);

    path->push = p.push;
    for (size_t i = 0; i < p.n_outputs; i++) {
        struct dpif_port port;
        struct netdev *netdev = NULL;

        if (!dpif_port_query_by_number(dpif, p.outputs[i], &port, false)) {
            netdev = netdev_from_name(port.name);
            dpif_port_destroy(&port);
        }
        if (netdev) {
            path->egress = xrealloc(path->egress, (path->n_egress + 1)
                                                  * sizeof *path->egress);
            path->egress[path->n_egress++] = netdev;
        }
    }
    free(p.outputs);

    if (path->n_egress) {
        path->end = TNL_GSO_PATH_WHOLE;
    } else if (p.more) {
        path_ends(path, TNL_GSO_PATH_EGRESS, "not known before there is a "
                  "packet: bridge %s chooses by hash, or by connection",
                  out->ofproto->name);
    } else {
        /* The header of a packet that goes nowhere is not pushed, either. */
        path_ends(path, TNL_GSO_PATH_EGRESS, "none, the flows of bridge %s "
                  "send it nowhere", out->ofproto->name);
    }
}

/* Finds the path of a packet of flow 'inner' that is sent to 'tunnel' and from
 * there to 'remote'.  'ofports' are all ports of all bridges.  The caller must
 * uninitialize '*path'. */
void
tnl_gso_path_find(const struct shash *ofports, const struct ofport *tunnel,
                  const struct in6_addr *remote, const struct flow *inner,
                  struct tnl_gso_path *path)
{
    const struct ofport *out;

    *path = (struct tnl_gso_path) { .tunnel = tunnel, .remote = *remote };
    if (tnl_gso_ofport_is_kernels(tunnel)) {
        path_ends(path, TNL_GSO_PATH_ROUTE, "the kernel's, whose datapath "
                  "bridge %s is of", tunnel->ofproto->name);
        return;
    }
    out = find_route(ofports, path);
    if (out && find_neighbour(out, path)) {
        find_egress(out, inner, path);
    }
}

/* Frees what '*path' holds. */
void
tnl_gso_path_uninit(struct tnl_gso_path *path)
{
    for (size_t i = 0; i < path->n_egress; i++) {
        netdev_close(path->egress[i]);
    }
    free(path->egress);
    free(path->why);
}

/* Returns the name of the place where a path ends, empty if it is whole. */
const char *
tnl_gso_path_end_to_string(enum tnl_gso_path_end end)
{
    switch (end) {
    case TNL_GSO_PATH_REMOTE:
        return "remote";
    case TNL_GSO_PATH_ROUTE:
        return "route";
    case TNL_GSO_PATH_NEIGHBOUR:
        return "neighbour";
    case TNL_GSO_PATH_EGRESS:
        return "egress";
    case TNL_GSO_PATH_WHOLE:
        return "";
    }
    OVS_NOT_REACHED();
}

/* The IP version around 'path's tunnel: 4 or 6. */
uint8_t
tnl_gso_path_ip_version(const struct tnl_gso_path *path)
{
    return IN6_IS_ADDR_V4MAPPED(&path->remote) ? 4 : 6;
}
