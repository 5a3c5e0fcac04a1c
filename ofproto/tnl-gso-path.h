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

#ifndef TNL_GSO_PATH_H
#define TNL_GSO_PATH_H 1

/* The way of a tunnel's packets out of the host: from its Interface through
 * remote address, route and neighbour to the ports that they leave through.
 *
 * Called by the main thread only, for appctl commands.  Sends nothing and asks
 * nobody for an address; a neighbour that is looked up stays known a little
 * longer, as if a packet had gone there. */

#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>

#include "openvswitch/flow.h"
#include "openvswitch/shash.h"
#include "openvswitch/types.h"
#include "odp-netlink.h"

struct netdev;
struct nlattr;
struct ofport;

/* How far a path goes. */
enum tnl_gso_path_end {
    TNL_GSO_PATH_REMOTE,        /* No remote address is known. */
    TNL_GSO_PATH_ROUTE,         /* No route, or one over a port that the
                                 * datapath does not have. */
    TNL_GSO_PATH_NEIGHBOUR,     /* No MAC address. */
    TNL_GSO_PATH_EGRESS,        /* No port, or it cannot be known. */
    TNL_GSO_PATH_WHOLE,
};

/* The path to one remote address.  Members that are said to belong to a place
 * behind 'end' are not set. */
struct tnl_gso_path {
    const struct ofport *tunnel;
    enum tnl_gso_path_end end;
    char *why;                  /* Why it does not go on; null if whole. */

    struct in6_addr remote;     /* IPv4 is mapped, as in all that follow. */

    /* Route. */
    char device[IFNAMSIZ];
    struct in6_addr source;
    struct in6_addr next_hop;   /* A gateway or 'remote'. */

    struct eth_addr mac;        /* Neighbour: that of 'next_hop'. */

    /* Egress. */
    struct ovs_action_push_tnl push; /* The header. */
    struct netdev **egress;     /* Ports that get a packet, one reference for
                                 * each. */
    size_t n_egress;
};

/* All paths of some tunnels. */
struct tnl_gso_paths {
    struct tnl_gso_path *paths;
    size_t n;
};

void tnl_gso_push_read(const struct nlattr *, struct ovs_action_push_tnl *);
void tnl_gso_ofports_get(struct shash *);
const struct ofport *tnl_gso_ofport_find(const char *name);
bool tnl_gso_ofport_is_kernels(const struct ofport *);
bool tnl_gso_ofport_is_tunnel(const struct ofport *);

void tnl_gso_path_find(const struct shash *ofports,
                       const struct ofport *tunnel,
                       const struct in6_addr *remote,
                       const struct flow *inner, struct tnl_gso_path *);
void tnl_gso_path_uninit(struct tnl_gso_path *);
void tnl_gso_paths_get(const char *tunnel_name, struct tnl_gso_paths *);
void tnl_gso_paths_uninit(struct tnl_gso_paths *);

const char *tnl_gso_path_end_to_string(enum tnl_gso_path_end);
uint8_t tnl_gso_path_ip_version(const struct tnl_gso_path *);

#endif /* tnl-gso-path.h */
