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

#ifndef NETDEV_STT_H
#define NETDEV_STT_H 1

/* STT (stt.h) with the interface of other tunnels: the push makes an STT frame
 * of a packet, the pop a packet of STT frames.
 *
 * Called by netdev_push_header() and netdev_pop_header() for netdevs of type
 * "stt" (netdev-vport.c), and by the class of STT (encap/stt.c).  Does not
 * know flows; templates of headers come from stt-header.c, and segments are
 * joined in stt-reasm.c.
 *
 * A push gives the whole packet, superpacket or not, one header.  To all
 * devices on its way it is an ordinary TCP packet; marked DP_PACKET_OL_STT, it
 * is cut as such when it leaves.  The port that it leaves through determines
 * its segment size; until then it has one that fits any path. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dp-packet.h"
#include "encap/encap.h"
#include "stt/stt-header.h"

struct netdev;
struct ovs_action_push_tnl;

/* Payload bytes of a TCP packet that no path needs to cut: RFC 9293 section
 * 3.7.1. */
#define STT_MIN_MSS 536

/* The least mss of a superpacket in an STT frame: a peer's few packets must
 * not become many of ours.  Linux does not believe in a path with an MTU below
 * 552 bytes (v6.18 net/ipv4/route.c, DEFAULT_MIN_PMTU), which leaves TCP with
 * all the options that it can have 472.  For those that have less, be it that
 * the other end of their connection wants it, the sender cuts. */
#define STT_LEAST_INNER_MSS 472

void netdev_stt_push_header(const struct netdev *,
                            const struct netdev *ingress_netdev,
                            struct dp_packet *,
                            const struct ovs_action_push_tnl *);
struct dp_packet *netdev_stt_pop_header(struct dp_packet *);
size_t netdev_stt_pop_end(void);
void netdev_stt_run(void);
bool netdev_stt_takes_super(const struct dp_packet *);
void netdev_stt_set_mss(struct dp_packet *, uint32_t mtu);

/* Members of struct netdev_class that only tunnels of type "stt" have. */
#define STT_FUNCTIONS                               \
    .build_header = netdev_stt_build_header,        \
    .push_header = netdev_stt_push_header,          \
    .pop_header = netdev_stt_pop_header

/* Is 'p' an STT frame, or part of one?  Marks of other encapsulations may have
 * STT's bit in them. */
static inline bool
netdev_stt_is_frame(const struct dp_packet *p)
{
    return (p->offloads & TNL_GSO_ENCAP_MARKS) == DP_PACKET_OL_STT;
}

#endif /* netdev-stt.h */
