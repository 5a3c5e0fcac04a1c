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

#ifndef TNL_GSO_PACKET_H
#define TNL_GSO_PACKET_H 1

/* Superpackets among packets: fields and marks of a dp_packet.
 *
 * All other files stand on this one; it knows none of them. */

#include <stdbool.h>

#include "core/tnl-gso-types.h"
#include "dp-packet.h"

/* DP_PACKET_OL_FIXED_ID for the inner IP header.  It does not fit into the
 * enum, which has the type int. */
#define TNL_GSO_OL_INNER_FIXED_ID \
    ((uint32_t) DP_PACKET_OL_FIXED_ID << DP_PACKET_OL_SHIFT_COUNT)

/* Is 'p' a superpacket?  It then has one of two segment sizes, in bytes of
 * payload: tso_segsz says how to cut TCP, uso_segsz how to cut UDP.  Either
 * means the innermost header that the marks know of.  A train (a UDP datagram
 * that holds several tunnelled packets) is plain UDP to be cut. */
static inline bool
tnl_gso_is_super(const struct dp_packet *p)
{
    return dp_packet_get_tso_segsz(p) || p->uso_segsz;
}

/* Returns the segment size of 'p', in bytes of payload, or 0 if it is no
 * superpacket. */
static inline uint16_t
tnl_gso_segsz(const struct dp_packet *p)
{
    uint16_t tso_segsz = dp_packet_get_tso_segsz(p);

    return tso_segsz ? tso_segsz : p->uso_segsz;
}

/* Returns the header at 'ofs' of 'p', or null if 'ofs' is 0: there is none. */
static inline const void *
tnl_gso_header(const struct dp_packet *p, uint16_t ofs)
{
    return ofs ? (const char *) dp_packet_data(p) + ofs : NULL;
}

/* Makes 'p' an ordinary packet. */
static inline void
tnl_gso_clear_segsz(struct dp_packet *p)
{
    dp_packet_set_tso_segsz(p, 0);
    p->uso_segsz = 0;
}

/* Does 'batch' hold a superpacket? */
static inline bool
tnl_gso_batch_has_super(const struct dp_packet_batch *batch)
{
    const struct dp_packet *packet;

    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        if (tnl_gso_is_super(packet)) {
            return true;
        }
    }
    return false;
}

/* Shortens 'p' to 'size' bytes if it is longer. */
static inline void
tnl_gso_trim(struct dp_packet *p, size_t size)
{
    if (OVS_UNLIKELY(size < dp_packet_size(p))) {
        dp_packet_set_size(p, size);
        dp_packet_set_l2_pad_size(p, 0);
    }
}

/* Copies to 'seg', cut from 'p', everything that does not depend on its
 * data. */
static inline void
tnl_gso_packet_copy_marks(struct dp_packet *seg, const struct dp_packet *p)
{
    seg->packet_type = p->packet_type;
    seg->offloads = p->offloads;
    seg->has_hash = p->has_hash;
    *dp_packet_rss_ptr(seg) = *dp_packet_rss_ptr(p);
    seg->has_mark = p->has_mark;
    *dp_packet_flow_mark_ptr(seg) = *dp_packet_flow_mark_ptr(p);
    seg->l2_5_ofs = p->l2_5_ofs;
}

/* Gives the packets of 'batch' from number 'first' on the metadata 'md', those
 * of the packet that they were cut from.  tnl_gso_cut() does not: on the way
 * to a driver nobody reads metadata. */
static inline void
tnl_gso_packet_set_md(struct dp_packet_batch *batch, size_t first,
                       const struct pkt_metadata *md)
{
    for (size_t i = first; i < dp_packet_batch_size(batch); i++) {
        batch->packets[i]->md = *md;
    }
}

/* Sets the offsets of the headers of 'p': 'first' is the first IP header, and
 * 'second' the one in the tunnel if the port knows of a tunnel, otherwise
 * null.
 *
 * Drivers find headers by these offsets, which upstream's parser leaves unset
 * behind a second VLAN tag and behind MPLS labels. */
static inline void
tnl_gso_packet_set_offsets(struct dp_packet *p, const struct tnl_gso_l3 *first,
                            const struct tnl_gso_l3 *second)
{
    p->l2_pad_size = 0;
    p->l3_ofs = first->ofs;
    p->l4_ofs = first->l4_ofs;
    p->inner_l3_ofs = second ? second->ofs : UINT16_MAX;
    p->inner_l4_ofs = second ? second->l4_ofs : UINT16_MAX;
}

/* dp-packet-gso.c, by our patch: upstream's coverage counter for cuts. */
void dp_packet_gso_count_cut(void);

#endif /* tnl-gso-packet.h */
