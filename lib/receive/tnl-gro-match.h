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

#ifndef TNL_GRO_MATCH_H
#define TNL_GRO_MATCH_H 1

/* Stage "match" of receiving: does a unit continue a flow?
 *
 * Called by tnl-gro.c.  Must not write, allocate or read payload. */

#include <stdbool.h>
#include <stdint.h>

#include "core/tnl-gso-parse.h"
#include "core/tnl-gso-types.h"
#include "dp-packet.h"
#include "packets.h"
#include "receive/tnl-gro-desc.h"

/* IPv4 IDs of the units of a flow: the second one tells.  IPv6 has none. */
enum tnl_gro_ids {
    TNL_GRO_IDS_UNKNOWN,
    TNL_GRO_IDS_COUNT,          /* Each is that before it plus 1. */
    TNL_GRO_IDS_FIXED,          /* All are the same. */
};

/* Units that will be one superpacket. */
struct tnl_gro_flow {
    struct tnl_gro_unit first;
    uint32_t n_units;
    uint32_t payload_len;       /* Of all of them. */
    uint16_t ctl;               /* TCP data offset and flags of the last. */
    bool ended;                 /* Nothing can follow. */
    enum tnl_gro_ids ids;

    /* For struct tnl_gro_expect. */
    uint32_t expect;            /* Number of the layout, or 0. */
    uint32_t max_units;         /* As long as all have the same length. */
    uint32_t ip_sum;            /* IPv4 header without ID and checksum. */
    uint32_t outer_ip_sum;      /* The outer one, likewise. */
};

/* Is everything the same that 'p' and 'q' carry beside their bytes and that is
 * behind a pop? */
static inline bool
tnl_gro_same_metadata(const struct dp_packet *p, const struct dp_packet *q)
{
    return (p->md.in_port.odp_port == q->md.in_port.odp_port
            && p->md.orig_in_port == q->md.orig_in_port
            && p->md.skb_priority == q->md.skb_priority
            && p->md.pkt_mark == q->md.pkt_mark
            && p->packet_type == q->packet_type);
}

void tnl_gro_flow_init(struct tnl_gro_flow *, const struct tnl_gro_unit *);
enum tnl_gro_rule tnl_gro_match(const struct tnl_gro_flow *,
                                const struct tnl_gro_unit *);
enum tnl_gro_rule tnl_gro_match_bytes(const struct tnl_gro_flow *,
                                      const struct tnl_gro_outer *,
                                      const uint8_t *data, uint32_t len);

/* Do the IPv4 IDs of the flow 'f' go on with 'id'? */
static inline bool
tnl_gro_id_continues(const struct tnl_gro_flow *f, uint16_t id)
{
    bool counts = id == (uint16_t) (f->first.id + f->n_units);
    bool fixed = id == f->first.id;

    return (f->ids == TNL_GRO_IDS_UNKNOWN ? counts || fixed
            : f->ids == TNL_GRO_IDS_COUNT ? counts : fixed);
}

/* Adds the unit of 'len' bytes at 'data', which continues it, to the flow
 * 'f'. */
static inline void
tnl_gro_flow_add(struct tnl_gro_flow *f, const uint8_t *data, uint32_t len)
{
    const struct tnl_gro_unit *u = &f->first;
    uint32_t payload_len = len - u->hdr_len;

    if (f->n_units == 1 && u->l3.version == 4) {
        f->ids = (tnl_gso_get16(data + u->l3.ofs + 4) == u->id
                  ? TNL_GRO_IDS_FIXED : TNL_GRO_IDS_COUNT);
    }
    f->n_units++;
    f->payload_len += payload_len;
    f->ctl = tnl_gso_get16(data + u->l3.l4_ofs + 12);
    f->ended = (f->ctl & (TCP_FIN | TCP_PSH) || payload_len < u->payload_len);
}

#endif /* tnl-gro-match.h */
