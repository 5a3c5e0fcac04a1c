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

#include "stages/tnl-gso-seg.h"

#include <string.h>

#include "core/csum-copy.h"
#include "core/tnl-gso-packet.h"
#include "core/tnl-gso-probes.h"
#include "dp-packet.h"
#include "stages/tnl-gso-finish.h"
#include "stages/tnl-gso-train.h"
#include "util.h"

/* Stage "segment": the only place that allocates buffers for packets and
 * copies payload.
 *
 * Called for every plan but "pass" and "drop" that is not sent as frames, and
 * before a push (tnl-gso-execute.c).  Frees the superpacket or hands its
 * buffer on.  Must not write a header: that is finish (tnl-gso-finish.c). */

/* Returns a new packet for 'netdev', from 'alloc', with room for the headers
 * of 'p' and with the 'len' bytes of payload at 'payload_ofs', counted from
 * the first byte of payload.  If 'csum' is true, stores the sum of the payload
 * in '*sum'. */
static struct dp_packet *
seg_new(const struct dp_packet *p, const struct tnl_gso_desc *d,
        uint32_t payload_ofs, uint32_t len, bool csum, uint32_t *sum,
        tnl_gso_alloc_func *alloc, const struct netdev *netdev)
{
    const char *frame = dp_packet_data(p);
    const char *payload = frame + d->hdr_len + payload_ofs;
    /* Payload that starts at a cache line is stored faster. */
    size_t headroom = ROUND_UP(TNL_GSO_HEADROOM + d->hdr_len, CACHE_LINE_SIZE)
                      - d->hdr_len;
    size_t size = d->hdr_len + len;
    struct dp_packet *seg = alloc(netdev, size,
                                  tnl_gso_headroom(size, headroom, 2));
    char *dst = dp_packet_data(seg);

    if (csum) {
        *sum = csum_copy(dst + d->hdr_len, payload, len);
    } else {
        memcpy(dst + d->hdr_len, payload, len);
        *sum = 0;
    }
    tnl_gso_packet_copy_marks(seg, p);
    return seg;
}

/* Appends the packets that 'plan' makes of superpacket 'p', described by 'd',
 * to 'out'.  New ones come from 'alloc', which gets 'netdev': the port's own
 * allocator if they go to its driver and nowhere else, otherwise
 * tnl_gso_alloc_any().  Takes ownership of 'p'. */
void
tnl_gso_cut(struct dp_packet *p, const struct tnl_gso_desc *d,
            const struct tnl_gso_plan *plan, tnl_gso_alloc_func *alloc,
            const struct netdev *netdev, struct dp_packet_batch *out)
{
    /* Reuse p's buffer for the first part if it is itself a superpacket; a
     * single segment is copied so that it does not pin a 64 kB buffer. */
    uint32_t in_place = plan->unit > d->mss;
    bool has_outer = d->outer_l4 != TNL_GSO_OUTER_NONE;
    const struct tnl_gso_l3 *first = has_outer ? &d->outer : &d->inner;
    const struct tnl_gso_l3 *second = has_outer ? &d->inner : NULL;
    struct tnl_gso_finish f;

    TNL_GSO_PROBE(segment, d->hdr_len, d->payload_len, plan->unit,
                  plan->n_packets, plan->segs_per_train, 0);
    tnl_gso_finish_init(&f, dp_packet_data(p), d, plan);

    if (plan->segs_per_train) {
        tnl_gso_train_cut(&f, p, alloc, netdev, out);
        dp_packet_delete(p);
        return;
    }
    if (in_place) {
        dp_packet_batch_add(out, p);
    }
    for (uint32_t i = in_place; i < plan->n_packets; i++) {
        uint32_t ofs = i * plan->unit;
        uint32_t len = MIN(plan->unit, d->payload_len - ofs);
        struct dp_packet *seg;
        uint32_t sum;

        seg = seg_new(p, d, ofs, len, plan->csum, &sum, alloc, netdev);
        tnl_gso_packet_set_offsets(seg, first, second);
        tnl_gso_finish(&f, seg, i, len, sum);
        dp_packet_batch_add(out, seg);
    }
    if (in_place) {
        dp_packet_set_size(p, d->hdr_len + MIN(plan->unit, d->payload_len));
        tnl_gso_packet_set_offsets(p, first, second);
        tnl_gso_finish(&f, p, 0, plan->unit, 0);
    } else {
        dp_packet_delete(p);
    }
}
