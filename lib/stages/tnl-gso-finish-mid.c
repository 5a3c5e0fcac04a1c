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

#include "stages/tnl-gso-finish-mid.h"

#include "core/csum-copy.h"
#include "core/tnl-gso-parse.h"
#include "encap/encap.h"
#include "packets.h"
#include "stages/tnl-gso-finish-ip.h"

/* See tnl-gso-finish-mid.h.
 *
 * A packet in two tunnels is one packet to the outer of them, in which
 * everything is final: Linux v6.18 skb_udp_tunnel_segment() has the headers
 * behind its own cut first.  So this checksum, and its length and IPv4 ID, are
 * made as if there were no other tunnel, and the outer checksum covers a
 * packet of which it is known what it sums up to. */

/* The length field of a UDP header behind 'desc->mid' in a packet that ends at
 * 'end'. */
static ovs_be16
mid_udp_len(const struct tnl_gso_finish *f, uint32_t end)
{
    return htons(end - f->desc->mid.l4_ofs);
}

/* Stores in '*f' what is the same in all packets out of the superpacket that
 * starts at 'frame'. */
void
tnl_gso_finish_mid_init(struct tnl_gso_finish *f, const uint8_t *frame)
{
    const struct tnl_gso_desc *d = f->desc;
    uint32_t sum = finish_tunnel_sum(frame, d->mid_l4, d->mid.l4_ofs,
                                     d->mid_csum, d->inner.ofs);

    f->mid_id = finish_ip_id(frame, &d->mid);
    f->mid_ip_sum = csum_fold16(tnl_gso_ip_sum(frame, &d->mid));
    f->mid_pseudo_sum = csum_fold16(tnl_gso_pseudo_sum(frame, &d->mid, 0));
    f->mid_l4_sum = csum_fold16(finish_without_own_len(frame, d->mid_len_ofs,
                                                       sum));
}

/* Returns the checksum of the inner tunnel in a packet that ends at 'end' and
 * whose innermost one sums up to 'inner_sum'. */
static ovs_be16
mid_csum(const struct tnl_gso_finish *f, uint32_t end, uint32_t inner_sum)
{
    bool udp = f->desc->mid_l4 == TNL_GSO_OUTER_UDP;
    uint32_t sum = (f->mid_l4_sum + csum_fold16(inner_sum)
                    + (udp ? f->mid_pseudo_sum : 0));

    sum = finish_with_own_len(f->desc->mid_len_ofs, end, sum);
    return finish_tunnel_csum(f->desc->mid_l4, sum, mid_udp_len(f, end));
}

/* Returns what the packet of the inner tunnel sums up to, from its IP header
 * to its end at 'end', if the innermost packet sums up to 'inner_sum'.  Zero
 * is what an IPv4 header with its checksum sums up to, and so do UDP with a
 * checksum and its pseudo-header, and GRE with a checksum. */
uint32_t
tnl_gso_finish_mid_sum(const struct tnl_gso_finish *f, uint32_t end,
                       uint32_t inner_sum)
{
    const struct tnl_gso_desc *d = f->desc;
    bool udp = d->mid_l4 == TNL_GSO_OUTER_UDP;
    uint32_t sum = 0;

    if (d->mid.version == 6) {
        sum = csum_add16(f->mid_ip_sum, finish_ip_len(&d->mid, end));
    }
    if (!d->mid_csum) {
        sum += f->mid_l4_sum + csum_fold16(inner_sum);
        sum = finish_with_own_len(d->mid_len_ofs, end, sum);
        sum = udp ? csum_add16(sum, mid_udp_len(f, end)) : sum;
    } else if (udp) {
        sum = csum_add16(sum, finish_sum(csum_add16(f->mid_pseudo_sum,
                                                    mid_udp_len(f, end))));
    }
    return sum;
}

/* Fills in the members of '*l' that are about the inner tunnel.  Segments,
 * which have 'seg_len' bytes of payload, have an innermost packet that sums up
 * to 'inner_sum'. */
void
tnl_gso_finish_mid_len(const struct tnl_gso_finish *f,
                       struct tnl_gso_finish_len *l, uint32_t seg_len,
                       uint32_t inner_sum)
{
    const struct tnl_gso_desc *d = f->desc;
    uint32_t end = d->hdr_len + l->payload_len;

    l->mid_ip_len = finish_ip_len(&d->mid, end);
    l->mid_ip_sum = csum_add16(f->mid_ip_sum, l->mid_ip_len);
    l->mid_udp_len = mid_udp_len(f, end);
    l->mid_csum = mid_csum(f, d->hdr_len + seg_len, inner_sum);
}

/* Writes the fields that are the same in all packets of length 'l'. */
void
tnl_gso_finish_mid_common(const struct tnl_gso_finish *f, uint8_t *frame,
                          const struct tnl_gso_finish_len *l)
{
    const struct tnl_gso_desc *d = f->desc;

    finish_put_ip_len(frame, &d->mid, l->mid_ip_len);
    if (d->mid_l4 == TNL_GSO_OUTER_UDP) {
        struct udp_header *udp = (void *) (frame + d->mid.l4_ofs);

        udp->udp_len = l->mid_udp_len;
        udp->udp_csum = d->mid_csum ? l->mid_csum : 0;
        finish_put_own_len(frame, d->mid_len_ofs, d->hdr_len + l->payload_len);
    } else if (d->mid_csum) {
        ovs_be16 *field = (void *) (frame + d->mid.l4_ofs
                                    + sizeof(struct gre_base_hdr));

        field[0] = l->mid_csum;
        field[1] = 0;
    }
}

/* Writes the fields that packet number 'index' has for itself. */
void
tnl_gso_finish_mid_packet(const struct tnl_gso_finish *f, uint8_t *frame,
                          const struct tnl_gso_finish_len *l, uint32_t index)
{
    finish_put_ip_id(frame, &f->desc->mid, l->mid_ip_sum,
                     f->mid_id + index * f->outer_ids);
}
