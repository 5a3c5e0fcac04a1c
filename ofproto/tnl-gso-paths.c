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

#include <stdlib.h>
#include <string.h>

#include "dpif.h"
#include "netdev-vport.h"
#include "netlink.h"
#include "ofproto/ofproto-dpif.h"
#include "ofproto/ofproto-provider.h"
#include "openvswitch/netdev.h"
#include "packets.h"
#include "unaligned.h"
#include "util.h"

/* All paths of all tunnels, see tnl-gso-path.h.  A tunnel with remote_ip=flow
 * has as many as its flows say.  Which those are is in the datapath's flows,
 * which know the headers that they push; not in OpenFlow's, whose actions may
 * copy an address from anywhere. */

/* Most remote addresses of one such tunnel that are looked at. */
enum { MAX_FLOW_REMOTES = 64 };

/* Returns the destination of the header in 'push' in '*dst', true if it has
 * one. */
static bool
push_destination(const struct ovs_action_push_tnl *push, struct in6_addr *dst)
{
    const struct eth_header *eth = (const void *) push->header;
    const void *ip = eth + 1;

    if (eth->eth_type == htons(ETH_TYPE_IP)) {
        const struct ip_header *ip4 = ip;

        in6_addr_set_mapped_ipv4(dst, get_16aligned_be32(&ip4->ip_dst));
    } else if (eth->eth_type == htons(ETH_TYPE_IPV6)) {
        const struct ovs_16aligned_ip6_hdr *ip6 = ip;

        memcpy(dst, &ip6->ip6_dst, sizeof *dst);
    } else {
        return false;
    }
    return true;
}

/* Remote addresses that the flows of a datapath push headers for. */
struct remotes {
    odp_port_t tunnel;          /* The tunnels' port of the datapath. */
    struct in6_addr addrs[MAX_FLOW_REMOTES];
    size_t n;
};

/* Adds 'dst' to '*r' if it is not there and there is room. */
static void
remotes_add(struct remotes *r, const struct in6_addr *dst)
{
    for (size_t i = 0; i < r->n; i++) {
        if (ipv6_addr_equals(&r->addrs[i], dst)) {
            return;
        }
    }
    if (r->n < MAX_FLOW_REMOTES) {
        r->addrs[r->n++] = *dst;
    }
}

/* Adds the destinations that 'actions', 'len' bytes, push headers for. */
static void
remotes_read(const struct nlattr *actions, size_t len, struct remotes *r)
{
    const struct nlattr *a;
    size_t left;

    NL_ATTR_FOR_EACH_UNSAFE (a, left, actions, len) {
        if (nl_attr_type(a) == OVS_ACTION_ATTR_CLONE) {
            remotes_read(nl_attr_get(a), nl_attr_get_size(a), r);
        } else if (nl_attr_type(a) == OVS_ACTION_ATTR_TUNNEL_PUSH) {
            const struct ovs_action_push_tnl *push = nl_attr_get(a);
            struct in6_addr dst;

            if (push->tnl_port == r->tunnel && push_destination(push, &dst)) {
                remotes_add(r, &dst);
            }
        }
    }
}

static int
compare_addrs(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct in6_addr));
}

/* Is 'addr' the remote_ip of a tunnel in 'ofports' that has the port called
 * 'dp_name' in the datapath? */
static bool
is_fixed_remote(const struct shash *ofports, const char *dp_name,
                const struct in6_addr *addr)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, ofports) {
        const struct ofport *o = node->data;
        const struct netdev_tunnel_config *cfg
            = netdev_get_tunnel_config(o->netdev);
        char buf[NETDEV_VPORT_NAME_BUFSIZE];

        if (cfg && !cfg->ip_dst_flow && ipv6_addr_equals(&cfg->ipv6_dst, addr)
            && !strcmp(netdev_vport_get_dpif_port(o->netdev, buf, sizeof buf),
                       dp_name)) {
            return true;
        }
    }
    return false;
}

/* Finds the remote addresses of 'tunnel', which has remote_ip=flow, in the
 * flows of its datapath, and stores them in '*r', sorted.  Those that belong
 * to another Interface are left out. */
static void
remotes_get(const struct shash *ofports, const struct ofport *tunnel,
            struct remotes *r)
{
    struct ofproto_dpif *ofproto
        = ofproto_dpif_lookup_by_name(tunnel->ofproto->name);
    struct dpif *dpif = ofproto->backer->dpif;
    struct dpif_flow_dump_types types = { .ovs_flows = true };
    char buf[NETDEV_VPORT_NAME_BUFSIZE];
    const char *dp_name = netdev_vport_get_dpif_port(tunnel->netdev, buf,
                                                     sizeof buf);
    struct dpif_flow_dump_thread *thread;
    struct dpif_flow_dump *dump;
    struct dpif_port port;
    struct dpif_flow f;
    size_t n = 0;

    r->n = 0;
    if (dpif_port_query_by_name(dpif, dp_name, &port)) {
        return;
    }
    r->tunnel = port.port_no;
    dpif_port_destroy(&port);
    dump = dpif_flow_dump_create(dpif, false, &types);
    thread = dpif_flow_dump_thread_create(dump);
    while (dpif_flow_dump_next(thread, &f, 1)) {
        remotes_read(f.actions, f.actions_len, r);
    }
    dpif_flow_dump_thread_destroy(thread);
    dpif_flow_dump_destroy(dump);

    for (size_t i = 0; i < r->n; i++) {
        if (!is_fixed_remote(ofports, dp_name, &r->addrs[i])) {
            r->addrs[n++] = r->addrs[i];
        }
    }
    r->n = n;
    qsort(r->addrs, r->n, sizeof *r->addrs, compare_addrs);
}

/* Appends the paths of 'tunnel' to '*paths': one, or one for each remote
 * address that is known, or one that ends before that. */
static void
add_paths(const struct shash *ofports, const struct ofport *tunnel,
          struct tnl_gso_paths *paths)
{
    const struct netdev_tunnel_config *cfg
        = netdev_get_tunnel_config(tunnel->netdev);
    const struct flow inner = {
        .dl_type = htons(ETH_TYPE_IP),
        .nw_proto = IPPROTO_TCP,
        .nw_ttl = 64,
    };
    struct remotes r = { .n = 1 };
    size_t n_new;

    r.addrs[0] = cfg->ipv6_dst;
    if (cfg->ip_dst_flow && !tnl_gso_ofport_is_kernels(tunnel)) {
        remotes_get(ofports, tunnel, &r);
    }
    n_new = MAX(r.n, 1);
    paths->paths = xrealloc(paths->paths,
                            (paths->n + n_new) * sizeof *paths->paths);
    for (size_t i = 0; i < r.n; i++) {
        tnl_gso_path_find(ofports, tunnel, &r.addrs[i], &inner,
                          &paths->paths[paths->n++]);
    }
    if (!r.n) {
        struct tnl_gso_path *path = &paths->paths[paths->n++];

        *path = (struct tnl_gso_path) {
            .tunnel = tunnel,
            .end = TNL_GSO_PATH_REMOTE,
        };
        path->why = xstrdup("remote_ip=flow, and no flow of the datapath has "
                            "sent to it in the last seconds");
    }
}

/* Finds the paths of the tunnel called 'tunnel_name', or if that is null, of
 * all tunnels that are ports, sorted by name.  The caller must uninitialize
 * '*paths'. */
void
tnl_gso_paths_get(const char *tunnel_name, struct tnl_gso_paths *paths)
{
    const struct shash_node **sorted;
    struct shash ofports;

    *paths = (struct tnl_gso_paths) { .n = 0 };
    tnl_gso_ofports_get(&ofports);
    sorted = shash_sort(&ofports);
    for (size_t i = 0; i < shash_count(&ofports); i++) {
        if (tnl_gso_ofport_is_tunnel(sorted[i]->data)
            && (!tunnel_name || !strcmp(sorted[i]->name, tunnel_name))) {
            add_paths(&ofports, sorted[i]->data, paths);
        }
    }
    free(sorted);
    shash_destroy(&ofports);
}

/* Frees what '*paths' holds. */
void
tnl_gso_paths_uninit(struct tnl_gso_paths *paths)
{
    for (size_t i = 0; i < paths->n; i++) {
        tnl_gso_path_uninit(&paths->paths[i]);
    }
    free(paths->paths);
}
