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

#include "encap/encap.h"

#include <netinet/in.h>

#include "core/tnl-gso-parse.h"
#include "netdev-provider.h"
#include "odp-netlink.h"
#include "packets.h"
#include "ports/netdev-stt.h"
#include "stt/stt.h"

/* STT (stt.h).  Its own TCP-like header is the one that is cut, so to the
 * stages nothing is around it: to all devices on its way, a frame is a TCP
 * packet.  netdev-stt.c pushes and pops it. */

static const struct tnl_gso_plan_row stt_rows[] = {
    { TNL_GSO_TCP_TSO, false, false, NETDEV_TX_OFFLOAD_TCP_TSO },
    { TNL_GSO_TCP_TSO, false, false, TNL_GSO_TX_TCP_GSO },
};

static const struct tnl_gso_kind stt_kinds[] = {
    { IPPROTO_TCP, 4, false },
    { IPPROTO_TCP, 6, false },
};

/* See netdev_stt_takes_super(). */
static bool
stt_takes_super(const struct ovs_action_push_tnl *data OVS_UNUSED,
                const struct dp_packet *p)
{
    return netdev_stt_takes_super(p);
}

/* Gives 'p', a superpacket with one of TNL_GSO_LATE_MSS_MARKS, the largest
 * segment size with which its segments leave through a port with 'mtu', in
 * bytes without the Ethernet header. */
void
tnl_gso_set_late_mss(struct dp_packet *p, uint32_t mtu)
{
    netdev_stt_set_mss(p, mtu);
}

/* To the parser an STT frame is TCP, which only its destination port tells
 * from other TCP. */
static void
stt_mark_by_port(struct dp_packet *p)
{
    const void *frame = dp_packet_data(p);
    size_t size = dp_packet_size(p);
    const struct tcp_header *tcp;
    struct tnl_gso_l3 l3;
    bool stacked;

    if (!tnl_gso_parse_l2(frame, size, 0, &l3, &stacked)
        && l3.proto == IPPROTO_TCP) {
        tcp = tnl_gso_at(frame, size, l3.l4_ofs, TCP_HEADER_LEN);
        if (tcp && tcp->tcp_dst == htons(STT_DST_PORT)) {
            p->offloads |= DP_PACKET_OL_STT;
        }
    }
}

#define STT(MEMBER)                                     \
    MEMBER(name, "stt")                                 \
    MEMBER(netdev_type, "stt")                          \
    MEMBER(vport_type, OVS_VPORT_TYPE_STT)              \
    MEMBER(vport_type6, 0)                              \
    MEMBER(mark, DP_PACKET_OL_STT)                      \
    MEMBER(outer, TNL_GSO_OUTER_NONE)                   \
    MEMBER(tso, 0)                                      \
    MEMBER(tso_name, NULL)                              \
    MEMBER(rows, stt_rows)                              \
    MEMBER(n_rows, ARRAY_SIZE(stt_rows))                \
    MEMBER(why_no_row, NULL)                            \
    MEMBER(kinds, stt_kinds)                            \
    MEMBER(n_kinds, ARRAY_SIZE(stt_kinds))              \
    MEMBER(parse, NULL)                                 \
    MEMBER(likelihood, NULL)                            \
    MEMBER(hdr_len, NULL)                               \
    MEMBER(takes_super, stt_takes_super)                \
    MEMBER(sums_at_push, tnl_gso_sums_nothing)          \
    MEMBER(mark_by_port, stt_mark_by_port)              \
    MEMBER(pop_prepare, NULL)                           \
    MEMBER(rco, NULL)

TNL_GSO_ENCAP_CLASS(stt, STT);
