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

#ifndef TNL_GSO_MARKS_H
#define TNL_GSO_MARKS_H 1

/* Marks and sizes of ordinary packets: marks that cannot be true, and sizes
 * that do not fit into 16 bits.
 *
 * Called through one-line hooks in dp-packet.h, dp-packet.c, packets.c and
 * conntrack.c, and by code that marks packets (netdev-linux-vnet.c,
 * netdev-linux-ufo.c, netdev-dummy.c, `tnl-gso/explain`). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <netinet/ip6.h>

#include "dp-packet.h"
#include "packets.h"

struct tnl_gso_desc;

void tnl_gso_marks_partial(struct dp_packet *, const struct tnl_gso_desc *,
                           bool outer_partial);
void tnl_gso_marks_guess(struct dp_packet *);
void tnl_gso_marks_repair(struct dp_packet *);
void tnl_gso_marks_truncate(struct dp_packet *); /* In dp-packet.h, too. */
bool tnl_gso_takes_headroom(const struct dp_packet *, size_t size);
bool tnl_gso_make_headroom(struct dp_packet *, size_t size);
void tnl_gso_try_tailroom(struct dp_packet *, size_t size);
uint32_t tnl_gso_pseudo_csum6(const struct ovs_16aligned_ip6_hdr *);

/* Does 'ip6' have extension headers, so that its next header and payload
 * length are not those of the pseudo-header? */
static inline bool
tnl_gso_ip6_has_ext(const struct ovs_16aligned_ip6_hdr *ip6)
{
    switch (ip6->ip6_nxt) {
    case IPPROTO_HOPOPTS:
    case IPPROTO_ROUTING:
    case IPPROTO_AH:
    case IPPROTO_DSTOPTS:
        return true;
    default:
        return false;
    }
}

/* Does one of 'marks', those of one level of 'p', say that a checksum is
 * partial although 'p' does not have, or may not have, the header with that
 * checksum?
 *
 * Called for every packet with a partial checksum on its way out, so this must
 * be short. */
static inline bool
tnl_gso_level_marks_wrong(const struct dp_packet *p, uint32_t marks,
                          uint16_t l3_ofs, uint32_t l4_ofs)
{
    const struct ip_header *ip;

    if ((marks & DP_PACKET_OL_L4_CKSUM_MASK) != DP_PACKET_OL_L4_CKSUM_MASK) {
        return (l4_ofs == UINT16_MAX || l4_ofs > dp_packet_size(p))
               && (marks & DP_PACKET_OL_IP_CKSUM_MASK)
                  == DP_PACKET_OL_IP_CKSUM_MASK;
    }
    if (!(marks & DP_PACKET_OL_L4_PROTO_MASK)
        || (l4_ofs + TCP_HEADER_LEN + dp_packet_l2_pad_size(p)
            > dp_packet_size(p))) {
        return true;
    }

    /* The upper layer's checksum is not in a fragment, or not over it. */
    ip = (const void *) ((const char *) dp_packet_base(p) + __packet_data(p)
                         + l3_ofs);
    return (IP_VER(ip->ip_ihl_ver) == 4
            ? IP_IS_FRAGMENT(ip->ip_frag_off)
            : (((const struct ovs_16aligned_ip6_hdr *) ip)->ip6_nxt
               != IPPROTO_TCP
               && ((const struct ovs_16aligned_ip6_hdr *) ip)->ip6_nxt
                  != IPPROTO_UDP));
}

/* Is a mark of 'p' wrong?  Only marks that say "partial" can be. */
static inline bool
tnl_gso_marks_wrong(const struct dp_packet *p)
{
    uint32_t inner = p->offloads >> DP_PACKET_OL_SHIFT_COUNT;

    return (tnl_gso_level_marks_wrong(p, p->offloads, p->l3_ofs, p->l4_ofs)
            || (inner && tnl_gso_level_marks_wrong(p, inner, p->inner_l3_ofs,
                                                   p->inner_l4_ofs)));
}

/* Can the outer UDP checksum of 'p' be derived from the inner one?  The inner
 * IP header and the checksummed part of its upper layer must be there, and an
 * IPv6 payload length must be that of the bytes that follow.
 *
 * Deriving the outer checksum uses the length in the IPv6 header, completing
 * the inner one uses the length of the data.  A guest may have written a wrong
 * length, and the outer checksum is ours.  The offsets come from the previous
 * header, or from before 'p' was truncated: they may be beyond the end.
 * Behind a second VLAN tag, upstream's parser has not set them, but marks may
 * say that a checksum is good. */
static inline bool
tnl_gso_inner_len_ok(const struct dp_packet *p)
{
    const struct ovs_16aligned_ip6_hdr *ip6 = dp_packet_inner_l3(p);
    size_t size = dp_packet_size(p);
    size_t inner_len = size - p->inner_l3_ofs;

    return (ip6 && p->inner_l4_ofs + UDP_HEADER_LEN <= size
            && ((inner_len >= IP_HEADER_LEN
                 && IP_VER(*(const uint8_t *) ip6) != 6)
                || (inner_len >= IPV6_HEADER_LEN
                    && (inner_len
                        == IPV6_HEADER_LEN + ntohs(ip6->ip6_plen)))));
}

#endif /* tnl-gso-marks.h */
