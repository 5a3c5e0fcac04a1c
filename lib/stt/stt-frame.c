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

#include "stt/stt-frame.h"

#include <stdlib.h>
#include <string.h>

#include "core/csum-copy.h"
#include "core/tnl-gso-buf.h"
#include "csum.h"
#include "dp-packet.h"
#include "packets.h"

/* Bytes of memory that a frame of 'total' bytes takes. */
size_t
stt_frame_memory(uint16_t total)
{
    return sizeof(struct stt_frame) + tnl_gso_buf_parts_memory(total);
}

/* Initializes 'frame', for which the ledger has reserved memory by its 'hold',
 * as the frame of 's', without any part yet. */
void
stt_frame_init(struct stt_frame *frame, const struct stt_segment *s)
{
    frame->src = s->src;
    frame->dst = s->dst;
    frame->id = s->frame_id;
    frame->ce = false;
    frame->total = s->total;
    frame->received = 0;
    frame->packet = tnl_gso_buf_new_parts(s->total);
    frame->n_ranges = 0;
}

/* Frees 'frame', which is in no bucket, and its packet, and gives its memory
 * back to the ledger.  Does nothing if 'frame' is null. */
void
stt_frame_free(struct stt_frame *frame)
{
    if (frame) {
        stt_ledger_release(&frame->hold);
        dp_packet_delete(frame->packet);
        free(frame);
    }
}

/* Frees 'frame', complete and in no bucket any more, except for its packet,
 * which it returns.  Stores in '*ce' whether any part had a CE mark. */
struct dp_packet *
stt_frame_finish(struct stt_frame *frame, bool *ce)
{
    struct dp_packet *packet = frame->packet;

    *ce = frame->ce;
    frame->packet = NULL;
    stt_frame_free(frame);
    return packet;
}

/* Is the TCP checksum of 's' right if its payload sums up to 'payload'? */
static bool
is_sum_good(const struct stt_segment *s, uint32_t payload)
{
    return !csum_finish(s->csum + payload);
}

/* Is the TCP checksum of 's' right, or has it been verified before? */
bool
stt_segment_is_good(const struct stt_segment *s)
{
    return !s->check || is_sum_good(s, csum_fold(s->payload, s->len));
}

/* Copies the payload of 's' to 'dst'.  Returns false if its sum is wrong. */
static bool
copy_part(void *dst, const struct stt_segment *s)
{
    if (s->check) {
        return is_sum_good(s, csum_copy(dst, s->payload, s->len));
    }
    memcpy(dst, s->payload, s->len);
    return true;
}

/* Stores the payload of 's' into 'frame'.  Returns STT_COMPLETE if no part is
 * missing any more, STT_HELD if one is, or why 's' was refused; the ranges of
 * 'frame' are then unchanged. */
enum stt_verdict
stt_frame_store(struct stt_frame *frame, const struct stt_segment *s)
{
    struct stt_range *ranges = frame->ranges;
    uint16_t end = s->ofs + s->len;
    bool follows, precedes;
    size_t i;

    /* The part comes before ranges[i].  As a rule it is the next one. */
    for (i = frame->n_ranges; i && ranges[i - 1].start > s->ofs; i--) {
        continue;
    }
    if (i && ranges[i - 1].end >= end) {
        return STT_DROP_DUPLICATE;
    } else if ((i && ranges[i - 1].end > s->ofs)
               || (i < frame->n_ranges && ranges[i].start < end)) {
        return STT_DROP_OVERLAP;
    }
    follows = i && ranges[i - 1].end == s->ofs;
    precedes = i < frame->n_ranges && ranges[i].start == end;
    if (!follows && !precedes && frame->n_ranges >= STT_MAX_RANGES) {
        return STT_DROP_HOLES;
    }

    if (!copy_part((char *) dp_packet_data(frame->packet) + s->ofs, s)) {
        return STT_DROP_CSUM;
    }
    if (follows && precedes) {
        ranges[i - 1].end = ranges[i].end;
        memmove(&ranges[i], &ranges[i + 1],
                (--frame->n_ranges - i) * sizeof *ranges);
    } else if (follows) {
        ranges[i - 1].end = end;
    } else if (precedes) {
        ranges[i].start = s->ofs;
    } else {
        memmove(&ranges[i + 1], &ranges[i],
                (frame->n_ranges++ - i) * sizeof *ranges);
        ranges[i] = (struct stt_range) { s->ofs, end };
    }
    frame->received += s->len;
    stt_ledger_touch(&frame->hold);
    frame->ce |= s->ce;
    return frame->received == frame->total ? STT_COMPLETE : STT_HELD;
}

/* Is 's' a part of 'frame'?  A part that gives another length belongs to
 * another frame: otherwise a forged part would keep the right ones out. */
bool
stt_frame_has(const struct stt_frame *frame, const struct stt_segment *s)
{
    return (frame->id == s->frame_id && frame->total == s->total
            && ipv6_addr_equals(&frame->src, &s->src)
            && ipv6_addr_equals(&frame->dst, &s->dst));
}
