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

#include "receive/tnl-gro-finish.h"

#include <string.h>

#include "core/csum-copy.h"
#include "core/tnl-gso-packet.h"
#include "core/tnl-gso-parse.h"
#include "dp-packet.h"
#include "packets.h"
#include "unaligned.h"
#include "util.h"

/* See tnl-gro-finish.h. */

/* Writes the lengths in the headers of 'o', of which 'p' has a copy, and sets
 * the marks of their checksums: those of all units are right.  A GRE checksum
 * is marked like one of UDP, so that nobody sums up the packet for it. */
void
tnl_gro_finish_outer(const struct tnl_gro_outer *o, struct dp_packet *p)
{
    uint8_t *ip = (uint8_t *) dp_packet_data(p) + o->l3.ofs;
    uint32_t l3_len = dp_packet_size(p) - o->l3.ofs;

    p->offloads = 0;
    if (o->l3.version == 4) {
        put_unaligned_be16((void *) (ip + 2), htons(l3_len));
        dp_packet_ip_checksum_set_partial(p);
    } else {
        put_unaligned_be16((void *) (ip + 4), htons(l3_len - IPV6_HEADER_LEN));
    }
    if (o->class->outer == TNL_GSO_OUTER_UDP) {
        struct udp_header *udp = dp_packet_l4(p);

        udp->udp_len = htons(dp_packet_size(p) - o->l3.l4_ofs);
        dp_packet_l4_proto_set_udp(p);
        dp_packet_l4_checksum_set_good(p);
    } else if (o->csum) {
        dp_packet_l4_checksum_set_good(p);
    }
}

/* Writes the fields of all units of 'f' together into 'inner', a copy of the
 * headers of the first one. */
void
tnl_gro_finish_inner(const struct tnl_gro_flow *f, uint8_t *inner)
{
    const struct tnl_gro_unit *u = &f->first;
    uint32_t len = u->hdr_len + f->payload_len;
    uint8_t *ip = inner + u->l3.ofs;
    uint8_t *tcp = inner + u->l3.l4_ofs;

    if (OVS_UNLIKELY(u->len_ofs)) {
        put_unaligned_be16((void *) (inner + u->len_ofs),
                           htons(len - u->len_ofs - TNL_GSO_OWN_LEN_SKIP));
    }
    if (u->l3.version == 4) {
        size_t hdr_len = u->l3.l4_ofs - u->l3.ofs;

        put_unaligned_be16((void *) (ip + 2), htons(len - u->l3.ofs));
        put_unaligned_be16((void *) (ip + 10), 0);
        put_unaligned_be16((void *) (ip + 10),
                           csum_finish(csum_short(ip, hdr_len)));
    } else {
        put_unaligned_be16((void *) (ip + 4),
                           htons(len - u->l3.ofs - IPV6_HEADER_LEN));
    }
    put_unaligned_be16((void *) (tcp + 12),
                       htons(u->ctl | (f->ctl & (TCP_FIN | TCP_PSH))));
    put_unaligned_be16((void *) (tcp + 16),
                       tnl_gso_pseudo_csum(inner, &u->l3,
                                           len - u->l3.l4_ofs));
}

/* Finishes 'p', which has a copy of the headers of the first unit of 'f' and
 * the payload of all of them. */
void
tnl_gro_finish_super(const struct tnl_gro_flow *f, struct dp_packet *p)
{
    const struct tnl_gro_unit *u = &f->first;
    const struct tnl_gro_outer *o = u->outer;
    uint32_t marks = DP_PACKET_OL_L4_PROTO_TCP | DP_PACKET_OL_L4_CKSUM_MASK;

    tnl_gro_finish_inner(f, (uint8_t *) dp_packet_data(p) + o->len);
    if (f->ids == TNL_GRO_IDS_FIXED) {
        marks |= DP_PACKET_OL_FIXED_ID;
    }
    if (o->class->outer == TNL_GSO_OUTER_NONE) {
        tnl_gso_packet_set_offsets(p, &u->l3, NULL);
        p->offloads = marks;
    } else {
        tnl_gro_finish_outer(o, p);
        p->offloads |= o->class->mark | marks << DP_PACKET_OL_SHIFT_COUNT;
        p->inner_l3_ofs = o->len + u->l3.ofs;
        p->inner_l4_ofs = o->len + u->l3.l4_ofs;
    }
    dp_packet_set_tso_segsz(p, u->payload_len);
}
