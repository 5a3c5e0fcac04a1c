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

#include "receive/tnl-gro-gather.h"

#include <string.h>

#include "core/tnl-gso-port.h"
#include "dp-packet.h"
#include "netdev-provider.h"
#include "packets.h"
#include "receive/tnl-gro-finish.h"
#include "stages/tnl-gso-frames.h"
#include "util.h"

/* See tnl-gro-gather.h.  Like join, must not write a header of a unit. */

/* Is there room in 'gather' for 'n_units' units of one flow? */
bool
tnl_gro_gather_has_room(const struct tnl_gro_gather *gather, uint32_t n_units)
{
    return (gather->n < ARRAY_SIZE(gather->items)
            && n_units <= ARRAY_SIZE(gather->packets) - gather->n_packets);
}

/* Adds the units of 'flow' to 'gather', in which there must be room, unless a
 * checksum of one of them is wrong; then returns false, having changed
 * nothing.  Stores the number of units in front of that in '*n_right'.  'part'
 * is called with 'aux'; each part must be all of a packet, which 'gather' then
 * owns. */
bool
tnl_gro_gather_add(struct tnl_gro_gather *gather,
                   const struct tnl_gro_flow *flow, tnl_gro_part_func *part,
                   void *aux, uint32_t *n_right)
{
    struct tnl_gro_gathered *g = &gather->items[gather->n];
    struct dp_packet **packets = &gather->packets[gather->n_packets];
    struct tnl_gro_sums sums;

    tnl_gro_sums_init(&sums, flow);
    for (uint32_t i = 0; i < flow->n_units; i++) {
        struct tnl_gro_part unit = part(aux, i);

        if (OVS_UNLIKELY(!tnl_gro_take_payload(flow, &sums, &unit,
                                                NULL))) {
            *n_right = i;
            return false;
        }
        packets[i] = unit.packet;
    }
    g->outer = *flow->first.outer;
    g->flow = *flow;
    g->flow.first.outer = &g->outer;
    g->packets = packets;
    gather->n++;
    gather->n_packets += flow->n_units;
    *n_right = flow->n_units;
    return true;
}

/* Describes the superpacket that the units of 'g' are. */
void
tnl_gro_gathered_describe(const struct tnl_gro_gathered *g,
                          struct tnl_gso_desc *d)
{
    const struct tnl_gro_unit *u = &g->flow.first;

    *d = (struct tnl_gso_desc) {
        .encap = TNL_GSO_NO_TUNNEL,
        .outer_l4 = TNL_GSO_OUTER_NONE,
        .inner = u->l3,
        .hdr_len = u->hdr_len,
        .payload_len = g->flow.payload_len,
        .mss = u->payload_len,
        .n_segs = g->flow.n_units,
        .l4_partial = true,
        .fixed_id = g->flow.ids == TNL_GRO_IDS_FIXED,
    };
}

/* Appends the units of 'g', as the superpacket that 'd' describes, to
 * 'frames', where there must be room.  'super' is the caller's number of it.
 * The units must stay until the frames have been sent. */
void
tnl_gro_gathered_frame(const struct tnl_gro_gathered *g,
                       const struct tnl_gso_desc *d,
                       struct tnl_gso_frames *frames, uint16_t super)
{
    const struct tnl_gro_unit *u = &g->flow.first;
    uint8_t *head = tnl_gso_frames_add_whole(frames, super, d,
                                             u->ctl & TCP_CWR);

    memcpy(head, u->data, u->hdr_len);
    tnl_gro_finish_inner(&g->flow, head);
    for (uint32_t i = 0; i < g->flow.n_units; i++) {
        const struct dp_packet *p = g->packets[i];

        tnl_gso_frames_add_piece(frames,
                                 (char *) dp_packet_data(p) + u->hdr_len,
                                 dp_packet_size(p) - u->hdr_len);
    }
}

/* For tnl_gro_join(): unit 'i' of the struct tnl_gro_gathered 'g_', whose
 * checksums are known to be right by now. */
static struct tnl_gro_part
gathered_part(void *g_, uint32_t i)
{
    const struct tnl_gro_gathered *g = g_;

    return (struct tnl_gro_part) {
        .outer = &g->outer,
        .packet = g->packets[i],
        .data = dp_packet_data(g->packets[i]),
        .len = dp_packet_size(g->packets[i]),
    };
}

/* Returns the units of 'g' as a packet for 'netdev'.  The caller still owns
 * 'g'. */
struct dp_packet *
tnl_gro_gathered_join(const struct tnl_gro_gathered *g,
                      const struct netdev *netdev)
{
    struct tnl_gro_gathered right = *g;
    uint32_t n_right;

    right.outer.sum_inner = false;
    right.flow.first.outer = &right.outer;
    return tnl_gro_join(&right.flow, netdev->tnl_gso->alloc, netdev,
                        gathered_part, &right, &n_right);
}

/* Frees the units of 'g'. */
void
tnl_gro_gathered_free(const struct tnl_gro_gathered *g)
{
    for (uint32_t i = 0; i < g->flow.n_units; i++) {
        dp_packet_delete(g->packets[i]);
    }
}
