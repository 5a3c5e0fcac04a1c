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

#include "receive/tnl-gro-join.h"

#include <string.h>

#include "core/csum-copy.h"
#include "core/tnl-gso-buf.h"
#include "core/tnl-gso-packet.h"
#include "core/tnl-gso-parse.h"
#include "csum.h"
#include "dp-packet.h"
#include "packets.h"
#include "rco/tnl-rco.h"
#include "receive/tnl-gro-finish.h"
#include "unaligned.h"
#include "util.h"

/* See tnl-gro-join.h. */

/* Returns a new packet with the bytes in front of a unit of 'o', everything
 * that 'o->packet' carries beside its bytes, and room for 'len' bytes more.
 * 'alloc' gets 'netdev'. */
static struct dp_packet *
packet_new(const struct tnl_gro_outer *o, uint32_t len,
           tnl_gso_alloc_func *alloc, const struct netdev *netdev)
{
    const struct dp_packet *from = o->packet;
    uint32_t size = o->len + len;
    /* Headers must be aligned to 16 bits. */
    struct dp_packet *p = alloc(
        netdev, size, tnl_gso_headroom(size, TNL_GSO_HEADROOM, 2));

    memcpy(dp_packet_data(p), o->frame, o->len);

    /* Members that dp_packet_clone_with_headroom() copies. */
    memcpy(&p->l2_pad_size, &from->l2_pad_size,
           sizeof *p - offsetof(struct dp_packet, l2_pad_size));
    p->has_hash = from->has_hash;
    *dp_packet_rss_ptr(p) = *dp_packet_rss_ptr(from);
    p->has_mark = from->has_mark;
    *dp_packet_flow_mark_ptr(p) = *dp_packet_flow_mark_ptr(from);
    p->l2_pad_size = 0;
    p->uso_segsz = 0;
    return p;
}

/* Returns the unit of 'len' bytes at 'data' of the train behind 'o', whatever
 * it is, as a packet. */
struct dp_packet *
tnl_gro_single(const struct tnl_gro_outer *o, const uint8_t *data,
               uint32_t len)
{
    struct dp_packet *p = packet_new(o, len, tnl_gso_alloc_any, NULL);

    memcpy((char *) dp_packet_data(p) + o->len, data, len);
    tnl_gro_finish_outer(o, p);
    if (o->csum) {
        /* Its own has yet to be made, should the header stay: upstream takes
         * none off GTP-U that is no packet of a user. */
        dp_packet_l4_checksum_set_partial(p);
    }
    return p;
}

/* Sums up what the units of 'f' have in common. */
void
tnl_gro_sums_init(struct tnl_gro_sums *s, const struct tnl_gro_flow *f)
{
    const struct tnl_gro_unit *u = &f->first;
    const struct tnl_gro_outer *o = u->outer;
    const uint8_t *data = u->data;

    s->tcp = tnl_gso_tcp_sum(data, u->l3.l4_ofs, u->hdr_len);
    s->addrs = tnl_gso_pseudo_sum(data, &u->l3, 0);
    s->outer = 0;
    if (o->csum) {
        if (o->class->outer == TNL_GSO_OUTER_UDP) {
            s->outer = (csum_range(data, 0, u->l3.ofs)
                        + csum_range(o->frame, o->l3.l4_ofs,
                                     o->l3.l4_ofs + 4)
                        + tnl_gso_pseudo_sum(o->frame, &o->l3, 0));
            if (OVS_UNLIKELY(u->len_ofs)) {
                /* The complement takes it off. */
                s->outer = csum_add16(s->outer,
                                      htons(~tnl_gso_get16(data
                                                           + u->len_ofs)));
            }
        } else {
            /* GRE. */
            s->outer = (csum_range(data, 0, 4)
                        + csum_range(data, 8, u->l3.ofs));
        }
        if (u->l3.version == 6) {
            s->outer += tnl_gso_ip_sum(data, &u->l3);
        }
    }
}

/* Returns the units of the flow 'f' as one superpacket, or null if a checksum
 * of one of them is wrong.  Stores the number of units in front of that, all
 * of them if there is none, in '*n_right'.  'alloc' gets 'netdev', and 'part'
 * is called with 'aux'.
 *
 * The caller still owns the packets in which the units are. */
struct dp_packet *
tnl_gro_join(const struct tnl_gro_flow *f, tnl_gso_alloc_func *alloc,
             const struct netdev *netdev, tnl_gro_part_func *part, void *aux,
             uint32_t *n_right)
{
    const struct tnl_gro_unit *u = &f->first;
    struct dp_packet *p = packet_new(u->outer, u->hdr_len + f->payload_len,
                                     alloc, netdev);
    uint8_t *headers = (uint8_t *) dp_packet_data(p) + u->outer->len;
    uint8_t *dst = headers + u->hdr_len;
    struct tnl_gro_sums sums;

    tnl_gro_sums_init(&sums, f);
    for (uint32_t i = 0; i < f->n_units; i++) {
        struct tnl_gro_part unit = part(aux, i);

        if (OVS_UNLIKELY(!tnl_gro_take_payload(f, &sums, &unit, dst))) {
            dp_packet_delete(p);
            *n_right = i;
            return NULL;
        }
        dst += unit.len - u->hdr_len;
    }
    memcpy(headers, u->data, u->hdr_len);
    tnl_gro_finish_super(f, p);
    *n_right = f->n_units;
    return p;
}
