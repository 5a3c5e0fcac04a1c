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

#ifndef TNL_GRO_EXPECT_H
#define TNL_GRO_EXPECT_H 1

/* Stage "match" of receiving, the short way: is a unit the one that is
 * expected next?
 *
 * Most units have the length and the headers of the first one of their flow,
 * but for a few fields at known places.  So there is a mask of those places,
 * and all other bytes are compared at once, the outer headers with those of
 * the unit.  That they are equal means that the unit would be described as the
 * first one has been, and that all rules are kept that compare a field with
 * the first unit's.  What is left are those of the other fields, in the form
 * that they have for units of one length.  A unit that is not as expected goes
 * the long way, which has all rules and says which one is broken.
 *
 * Called by tnl-gro.c.  Must not write, allocate or read payload. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/csum-copy.h"
#include "core/tnl-gso-packet.h"
#include "core/tnl-gso-parse.h"
#include "csum.h"
#include "dp-packet.h"
#include "encap/encap.h"
#include "packets.h"
#include "receive/tnl-gro-match.h"
#include "unaligned.h"

/* Longer headers, outer ones included, are compared the long way. */
enum { TNL_GRO_EXPECT_LEN = 192 };

/* Bytes that are compared at once. */
enum { TNL_GRO_EXPECT_STEP = 32 };

/* Where the headers of units are. */
struct tnl_gro_layout {
    uint16_t outer_l3, outer_l4, outer_len;
    uint16_t outer_version, csum;
    uint16_t version, l3, l4, hdr_len;
};

/* What is expected of units with one layout. */
struct tnl_gro_expect {
    uint32_t number;            /* Of the layout, or 0 if there is none. */
    struct tnl_gro_layout layout;
    size_t len;                 /* Bytes of all headers. */
    bool udp_csum;              /* The outer UDP checksum must not be 0. */
    bool outer_ip_csum;         /* There is an outer IPv4 checksum. */

    /* Of outer headers and those of the unit: 0xff for a byte that must be
     * equal, else 0; and 0 behind them. */
    uint8_t mask[TNL_GRO_EXPECT_LEN + TNL_GRO_EXPECT_STEP];
};

void tnl_gro_expect_first(const struct tnl_gro_expect *,
                          struct tnl_gro_flow *);
bool tnl_gro_expect_next(struct tnl_gro_expect *, struct tnl_gro_flow *);
/* For tests: nothing is as expected. */
void tnl_gro_expect_nothing(bool);

/* Are all bytes from 'start' to 'end' of 'a' and 'b' equal that 'mask' has?
 * Up to TNL_GRO_EXPECT_STEP - 1 more are read. */
static inline bool
tnl_gro_equal_but(const uint8_t *a, const uint8_t *b, const uint8_t *mask,
                  size_t start, size_t end)
{
#ifdef __GNUC__
    typedef uint64_t vector __attribute__((vector_size(16)));
    vector differ = { 0, 0 };

    for (size_t i = start; i < end; i += TNL_GRO_EXPECT_STEP) {
        vector v, w, m;

        memcpy(&v, a + i, 16);
        memcpy(&w, b + i, 16);
        memcpy(&m, mask + i, 16);
        differ |= (v ^ w) & m;
        memcpy(&v, a + i + 16, 16);
        memcpy(&w, b + i + 16, 16);
        memcpy(&m, mask + i + 16, 16);
        differ |= (v ^ w) & m;
    }
    return !(differ[0] | differ[1]);
#else
    uint8_t differ = 0;

    for (size_t i = start; i < end; i++) {
        differ |= (a[i] ^ b[i]) & mask[i];
    }
    return !differ;
#endif
}

/* Is the checksum of the IPv4 header at 'ip' right, which has the sum 'sum'
 * without it and the ID? */
static inline bool
tnl_gro_expects_ip_csum(uint32_t sum, const uint8_t *ip)
{
    sum = csum_add16(sum, get_unaligned_be16((const void *) (ip + 4)));
    sum = csum_add16(sum, get_unaligned_be16((const void *) (ip + 10)));
    return csum_fold16(sum) == UINT16_MAX;
}

/* Do those fields of the unit at 'data' continue the flow 'f' that are not the
 * same in all units?  All others are, and so is the length. */
static inline bool
tnl_gro_expects_fields(const struct tnl_gro_flow *f, const uint8_t *data)
{
    const struct tnl_gro_unit *u = &f->first;
    const uint8_t *tcp = data + u->l3.l4_ofs;
    const uint8_t *ip = data + u->l3.ofs;
    uint16_t ctl = tnl_gso_get16(tcp + 12);

    if (f->ended
        || f->n_units >= f->max_units
        || (ctl & ~(TCP_FIN | TCP_PSH)) != (u->ctl & ~TCP_CWR)
        || (get_unaligned_be32((const void *) (tcp + 4))
            != htonl(u->seq + f->payload_len))) {
        return false;
    } else if (u->l3.version == 6) {
        return true;
    }
    return (tnl_gro_expects_ip_csum(f->ip_sum, ip)
            && tnl_gso_get16(ip + 10) != UINT16_MAX
            && tnl_gro_id_continues(f, tnl_gso_get16(ip + 4)));
}

/* Is the packet 'p', which is no train, what is expected next in the flow 'f'?
 * Then it would be described as the first of 'f' has been, and continues
 * it. */
static inline bool
tnl_gro_expects_packet(const struct tnl_gro_expect *x,
                       const struct tnl_gro_flow *f,
                       const struct dp_packet *p)
{
    const struct tnl_gro_unit *u = &f->first;
    const struct tnl_gro_outer *o = u->outer;
    const struct dp_packet *first = o->packet;
    const uint8_t *frame = dp_packet_data(p);
    const uint8_t *l4 = frame + o->l3.l4_ofs;

    /* What describe and the rules of metadata look at beside bytes. */
    if (!f->expect || f->expect != x->number || o->train
        || dp_packet_size(p) != o->len + u->len
        || tnl_gso_is_super(p)
        || p->offloads != first->offloads
        || p->l3_ofs != first->l3_ofs
        || p->l4_ofs != first->l4_ofs
        || !tnl_gro_same_metadata(p, first)) {
        return false;
    }

    /* All bytes of headers, or the rules for them. */
    return (tnl_gro_equal_but(frame, o->frame, x->mask, 0, x->len)
            && (!x->udp_csum || tnl_gso_get16(l4 + 6))
            && (!x->outer_ip_csum || !dp_packet_ip_checksum_unknown(p)
                || tnl_gro_expects_ip_csum(f->outer_ip_sum,
                                           frame + o->l3.ofs))
            && tnl_gro_expects_fields(f, frame + o->len));
}

/* Is the unit of 'len' bytes at 'data', of the train behind 'o', what is
 * expected next in the flow 'f'? */
static inline bool
tnl_gro_expects_unit(const struct tnl_gro_expect *x,
                     const struct tnl_gro_flow *f,
                     const struct tnl_gro_outer *o, const uint8_t *data,
                     uint32_t len)
{
    const struct tnl_gro_unit *u = &f->first;

    return (f->expect && f->expect == x->number && o == u->outer
            && len == u->len
            && tnl_gro_equal_but(data - o->len, u->data - o->len, x->mask,
                                 o->len, x->len)
            && tnl_gro_expects_fields(f, data));
}

#endif /* tnl-gro-expect.h */
