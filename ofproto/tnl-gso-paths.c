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
#include "openvswitch/shash.h"
#include "packets.h"
#include "unaligned.h"
#include "util.h"

/* All paths of all tunnels, see tnl-gso-path.h.  A tunnel with remote_ip=flow
 * has as many as its flows say, and one of Geneve the options that they say.
 * Which those are is in the datapath's flows, which know the headers that they
 * push; not in OpenFlow's, whose actions may copy them from anywhere. */

/* Most remote addresses of one such tunnel, and headers of all flows together,
 * that are looked at. */
enum { MAX_FLOW_REMOTES = 64 };
enum { MAX_HEADERS = 4096 };

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

/* A header that flows of a datapath push: the longest of those that one of its
 * ports puts in front of packets to one address.  Flows may set options, which
 * take room: OVN's do, in Geneve. */
struct header {
    const struct dpif *dpif;
    struct in6_addr dst;
    struct ovs_action_push_tnl push;
};

/* Those of all flows. */
struct headers {
    struct header *all;
    size_t n;
    size_t allocated;
};

/* Returns the header that port 'tunnel' of 'dpif' puts in front of packets to
 * 'dst', or null if none of 'headers' is that. */
static struct header *
headers_find(const struct headers *headers, const struct dpif *dpif,
             odp_port_t tunnel, const struct in6_addr *dst)
{
    for (size_t i = 0; i < headers->n; i++) {
        struct header *h = &headers->all[i];

        if (h->dpif == dpif && h->push.tnl_port == tunnel
            && ipv6_addr_equals(&h->dst, dst)) {
            return h;
        }
    }
    return NULL;
}

/* Adds those that 'actions' of 'dpif', 'len' bytes, push. */
static void
headers_read(const struct dpif *dpif, const struct nlattr *actions, size_t len,
             struct headers *headers)
{
    const struct nlattr *a;
    size_t left;

    NL_ATTR_FOR_EACH_UNSAFE (a, left, actions, len) {
        if (nl_attr_type(a) == OVS_ACTION_ATTR_CLONE) {
            headers_read(dpif, nl_attr_get(a), nl_attr_get_size(a), headers);
        } else if (nl_attr_type(a) == OVS_ACTION_ATTR_TUNNEL_PUSH) {
            const struct ovs_action_push_tnl *push = nl_attr_get(a);
            struct in6_addr dst;
            struct header *h;

            if (!push_destination(push, &dst)) {
                continue;
            }
            h = headers_find(headers, dpif, push->tnl_port, &dst);
            if (!h && headers->n < MAX_HEADERS) {
                if (headers->n == headers->allocated) {
                    headers->all = x2nrealloc(headers->all,
                                              &headers->allocated,
                                              sizeof *headers->all);
                }
                h = &headers->all[headers->n++];
                *h = (struct header) { .dpif = dpif, .dst = dst };
            }
            if (h && push->header_len > h->push.header_len) {
                tnl_gso_push_read(a, &h->push);
            }
        }
    }
}

/* Finds those of all flows of all datapaths in userspace.  The caller must
 * free 'headers->all'. */
static void
headers_get(struct headers *headers)
{
    struct shash_node *node;

    *headers = (struct headers) { .n = 0 };
    SHASH_FOR_EACH (node, &all_dpif_backers) {
        const struct dpif_backer *backer = node->data;
        struct dpif_flow_dump_types types = { .ovs_flows = true };
        struct dpif_flow_dump_thread *thread;
        struct dpif_flow_dump *dump;
        struct dpif_flow f;

        if (!strcmp(node->name, "system")) {
            continue;
        }
        dump = dpif_flow_dump_create(backer->dpif, false, &types);
        thread = dpif_flow_dump_thread_create(dump);
        while (dpif_flow_dump_next(thread, &f, 1)) {
            headers_read(backer->dpif, f.actions, f.actions_len, headers);
        }
        dpif_flow_dump_thread_destroy(thread);
        dpif_flow_dump_destroy(dump);
    }
}

/* Remote addresses of a tunnel. */
struct remotes {
    struct in6_addr addrs[MAX_FLOW_REMOTES];
    size_t n;
};

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

/* Finds the datapath of 'tunnel', and its port there.  Returns false if it has
 * none. */
static bool
tunnel_find_port(const struct ofport *tunnel, const struct dpif **dpif,
                 odp_port_t *port_no)
{
    struct ofproto_dpif *ofproto
        = ofproto_dpif_lookup_by_name(tunnel->ofproto->name);
    char buf[NETDEV_VPORT_NAME_BUFSIZE];
    struct dpif_port port;

    *dpif = ofproto->backer->dpif;
    if (dpif_port_query_by_name(*dpif,
                                netdev_vport_get_dpif_port(tunnel->netdev, buf,
                                                           sizeof buf),
                                &port)) {
        return false;
    }
    *port_no = port.port_no;
    dpif_port_destroy(&port);
    return true;
}

/* Finds the remote addresses of 'tunnel', which has remote_ip=flow, in
 * 'headers', and stores them in '*r', sorted.  Those that belong to another
 * Interface are left out. */
static void
remotes_get(const struct shash *ofports, const struct headers *headers,
            const struct ofport *tunnel, struct remotes *r)
{
    char buf[NETDEV_VPORT_NAME_BUFSIZE];
    const char *dp_name = netdev_vport_get_dpif_port(tunnel->netdev, buf,
                                                     sizeof buf);
    const struct dpif *dpif;
    odp_port_t port_no;

    r->n = 0;
    if (!tunnel_find_port(tunnel, &dpif, &port_no)) {
        return;
    }
    for (size_t i = 0; i < headers->n && r->n < MAX_FLOW_REMOTES; i++) {
        const struct header *h = &headers->all[i];

        if (h->dpif == dpif && h->push.tnl_port == port_no
            && !is_fixed_remote(ofports, dp_name, &h->dst)) {
            r->addrs[r->n++] = h->dst;
        }
    }
    qsort(r->addrs, r->n, sizeof *r->addrs, compare_addrs);
}

/* The header of 'path' is that of a packet without options.  If flows push a
 * longer one, takes that. */
static void
use_longest_header(const struct headers *headers, struct tnl_gso_path *path)
{
    const struct dpif *dpif;
    const struct header *h;
    odp_port_t port_no;

    if (path->end != TNL_GSO_PATH_WHOLE
        || !tunnel_find_port(path->tunnel, &dpif, &port_no)) {
        return;
    }
    h = headers_find(headers, dpif, port_no, &path->remote);
    if (h && h->push.header_len > path->push.header_len) {
        path->push = h->push;
    }
}

/* Appends the paths of 'tunnel' to '*paths': one, or one for each remote
 * address that is known, or one that ends before that. */
static void
add_paths(const struct shash *ofports, const struct headers *headers,
          const struct ofport *tunnel, struct tnl_gso_paths *paths)
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
        remotes_get(ofports, headers, tunnel, &r);
    }
    n_new = MAX(r.n, 1);
    paths->paths = xrealloc(paths->paths,
                            (paths->n + n_new) * sizeof *paths->paths);
    for (size_t i = 0; i < r.n; i++) {
        struct tnl_gso_path *path = &paths->paths[paths->n++];

        tnl_gso_path_find(ofports, tunnel, &r.addrs[i], &inner, path);
        use_longest_header(headers, path);
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
    struct headers headers;
    struct shash ofports;

    *paths = (struct tnl_gso_paths) { .n = 0 };
    headers_get(&headers);
    tnl_gso_ofports_get(&ofports);
    sorted = shash_sort(&ofports);
    for (size_t i = 0; i < shash_count(&ofports); i++) {
        if (tnl_gso_ofport_is_tunnel(sorted[i]->data)
            && (!tunnel_name || !strcmp(sorted[i]->name, tunnel_name))) {
            add_paths(&ofports, &headers, sorted[i]->data, paths);
        }
    }
    free(sorted);
    free(headers.all);
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
