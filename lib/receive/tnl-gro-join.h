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

#ifndef TNL_GRO_JOIN_H
#define TNL_GRO_JOIN_H 1

/* Stage "join" of receiving: units of a flow into one buffer.
 *
 * Called by tnl-gro.c, and by tnl-gro-gather.c, which does the same for kernel
 * ports without a buffer.  The only stage that allocates and copies.  Must not
 * write a header: that is finish (tnl-gro-finish.h). */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/csum-copy.h"
#include "core/tnl-gso-parse.h"
#include "csum.h"
#include "encap/encap.h"
#include "rco/tnl-rco.h"
#include "receive/tnl-gro-match.h"
#include "unaligned.h"
#include "util.h"

struct dp_packet;

/* Where one unit of a flow is. */
struct tnl_gro_part {
    const struct tnl_gro_outer *outer; /* Of it, or of another one that it was
                                        * expected behind; then without packet
                                        * and frame. */
    struct dp_packet *packet;
    const uint8_t *data;
    uint32_t len;
};

/* Returns part number 'i' of those that 'aux' stands for. */
typedef struct tnl_gro_part tnl_gro_part_func(void *aux, uint32_t i);

/* What the checksums of all units of a flow have in common: sums that are not
 * folded. */
struct tnl_gro_sums {
    uint32_t tcp;               /* TCP header without sequence number, flags
                                 * and checksum. */
    uint32_t addrs;             /* TCP pseudo-header without the length. */
    uint32_t outer;             /* What is under the outer checksum in front of
                                 * TCP, without that and without lengths, that
                                 * of a tunnel header too;
                                 * without IPv4, whose header has the sum 0. */
};

void tnl_gro_sums_init(struct tnl_gro_sums *, const struct tnl_gro_flow *);
struct dp_packet *tnl_gro_join(const struct tnl_gro_flow *,
                               tnl_gso_alloc_func *, const struct netdev *,
                               tnl_gro_part_func *, void *aux,
                               uint32_t *n_right);
struct dp_packet *tnl_gro_single(const struct tnl_gro_outer *,
                                 const uint8_t *data, uint32_t len);


/* Is the outer checksum of the unit 'part' of 'f' right?  'tcp_sum' is the sum
 * of all that is behind its IP header. */
static inline bool
tnl_gro_outer_right(const struct tnl_gro_flow *f, const struct tnl_gro_sums *s,
            const struct tnl_gro_part *part, uint32_t tcp_sum)
{
    const struct tnl_gro_outer *o = part->outer;
    const struct tnl_gso_l3 *l3 = &f->first.l3;
    uint32_t sum = tcp_sum + s->outer;

    if (o->class->outer == TNL_GSO_OUTER_UDP) {
        /* Units of trains do not come here. */
        const uint8_t *udp = part->data - UDP_HEADER_LEN;
        ovs_be16 len = get_unaligned_be16((const void *) (udp + 4));

        /* Length, and that of the pseudo-header; checksum. */
        sum = csum_add16(csum_add16(sum, len), len);
        sum = csum_add16(sum, get_unaligned_be16((const void *) (udp + 6)));
        if (OVS_UNLIKELY(f->first.len_ofs)) {
            sum = csum_add16(sum, get_unaligned_be16(
                (const void *) (part->data + f->first.len_ofs)));
        }
    } else {
        /* Checksum, reserved. */
        sum = csum_add32(sum, get_unaligned_be32((const void *)
                                                 (part->data + 4)));
    }
    if (l3->version == 6) {
        sum = csum_add16(sum, get_unaligned_be16((const void *)
                                                 (part->data + l3->ofs + 4)));
    }
    return csum_fold16(sum) == UINT16_MAX;
}

/* Copies the payload of 'part', a unit of the flow 'f' of which 's' are the
 * sums, to 'dst', unless that
 * is null, and finds out whether its checksums are right, in so far as that is
 * not known: everything is read once for all of it.  A TCP checksum of 0xffff
 * is not what cutting would write. */
static inline bool
tnl_gro_take_payload(const struct tnl_gro_flow *f,
                     const struct tnl_gro_sums *s,
                     const struct tnl_gro_part *part, uint8_t *dst)
{
    const struct tnl_gro_unit *u = &f->first;
    const struct tnl_gro_outer *o = part->outer;
    const uint8_t *data = part->data;
    const uint8_t *payload = data + u->hdr_len;
    size_t l4 = u->l3.l4_ofs;
    const uint8_t *tcp = data + l4;
    uint32_t payload_len = part->len - u->hdr_len;
    bool sum_inner = o->sum_inner && !u->rco;
    uint32_t sum;

    if (u->rco ? !tnl_rco_sum_right(data, &u->l3, part->len - l4)
        : tnl_gso_get16(tcp + 16) == UINT16_MAX) {
        return false;
    } else if (!sum_inner && !o->sum_outer) {
        if (dst) {
            memcpy(dst, payload, payload_len);
        }
        return true;
    }

    sum = csum_add32(s->tcp, get_unaligned_be32((const void *) (tcp + 4)));
    sum = csum_add16(sum, get_unaligned_be16((const void *) (tcp + 12)));
    sum = csum_add16(sum, get_unaligned_be16((const void *) (tcp + 16)));
    sum += (dst ? csum_copy(dst, payload, payload_len)
            : csum_fold(payload, payload_len));
    if (sum_inner
        && csum_fold16(sum + csum_add16(s->addrs, htons(part->len - l4)))
           != UINT16_MAX) {
        return false;
    }
    return !o->sum_outer || tnl_gro_outer_right(f, s, part, sum);
}

#endif /* tnl-gro-join.h */
