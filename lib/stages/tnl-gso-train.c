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

#include "stages/tnl-gso-train.h"

#include <string.h>

#include "core/csum-copy.h"
#include "core/tnl-gso-packet.h"
#include "dp-packet.h"
#include "util.h"

/* Stage "segment", for trains that are packets: the port cuts UDP, and its
 * driver takes packets only.  Kernel ports get trains from tnl-gso-frames.c;
 * tnl-gso-frames.h has a picture of one.
 *
 * Called by tnl-gso-seg.c.  Must not write a header: that is finish. */

/* Writes segment number 'i' of superpacket 'frame', from byte 'start' of its
 * headers on, to 'dst'.  Returns its end. */
static char *
put_segment(char *dst, const struct tnl_gso_finish *f, const char *frame,
            uint32_t i, size_t start)
{
    const struct tnl_gso_desc *d = f->desc;
    uint32_t ofs = i * d->mss;
    uint32_t payload_len = MIN(d->mss, d->payload_len - ofs);
    OVS_ALIGNED_VAR(8) uint8_t headers[TNL_GSO_MAX_TEMPLATE];
    char *payload = dst + d->hdr_len - start;
    uint32_t sum;

    sum = csum_copy(payload, frame + d->hdr_len + ofs, payload_len);
    tnl_gso_finish_frame(f, headers, i, payload_len, sum);
    memcpy(dst, headers + start, d->hdr_len - start);
    return payload + payload_len;
}

/* Appends the trains that the plan of 'f' makes of superpacket 'p' to 'out',
 * new packets from 'alloc', which gets 'netdev'.  Does not free 'p'.
 *
 * The headers of each segment are finished completely; all but the first in a
 * train then leave out those that a train has only once. */
void
tnl_gso_train_cut(const struct tnl_gso_finish *f, const struct dp_packet *p,
                  tnl_gso_alloc_func *alloc, const struct netdev *netdev,
                  struct dp_packet_batch *out)
{
    const struct tnl_gso_desc *d = f->desc;
    const struct tnl_gso_plan *plan = f->plan;
    size_t head_len = tnl_gso_train_head_len(d);
    const char *frame = dp_packet_data(p);

    ovs_assert(d->hdr_len <= TNL_GSO_MAX_TEMPLATE);
    for (uint32_t i = 0; i < plan->n_packets; i += plan->segs_per_train) {
        uint32_t n = MIN(plan->segs_per_train, plan->n_packets - i);
        uint32_t ofs = i * d->mss;
        uint32_t payload_len = MIN(n * d->mss, d->payload_len - ofs);
        size_t size = head_len + n * (d->hdr_len - head_len) + payload_len;
        struct dp_packet *train = alloc(
            netdev, size, tnl_gso_headroom(size, TNL_GSO_HEADROOM, 2));
        char *dst = dp_packet_data(train);

        for (uint32_t k = 0; k < n; k++) {
            dst = put_segment(dst, f, frame, i + k, k ? head_len : 0);
        }
        tnl_gso_packet_copy_marks(train, p);
        tnl_gso_packet_set_offsets(train, &d->outer, NULL);
        tnl_gso_finish_train_packet(f, train, n);
        dp_packet_batch_add(out, train);
    }
}
