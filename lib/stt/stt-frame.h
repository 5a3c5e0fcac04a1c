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

#ifndef STT_FRAME_H
#define STT_FRAME_H 1

/* One STT frame of which parts are missing.
 *
 * Called by reassembly (stt-reasm.c), which finds the frame for a part and has
 * its bucket locked.  Does not know other frames.
 *
 * A part is stored at its place in the packet that the frame will become:
 * copied once, and summed in the same pass.  Bytes that have been stored are
 * never stored again.  A part with a wrong checksum has been written into a
 * hole when that is found out, and the hole stays one. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>

#include "openvswitch/types.h"
#include "stt/stt-ledger.h"
#include "stt/stt-reasm.h"

struct dp_packet;

/* Bytes [start, end) of a frame. */
struct stt_range {
    uint16_t start;
    uint16_t end;
};

/* Ranges that a frame can have.  In whatever order its parts arrive, there are
 * never more ranges than half of its parts, and the longest frame has 123
 * parts at IPv4's smallest MTU that hosts must take, 576 bytes. */
enum { STT_MAX_RANGES = 62 };

struct stt_frame {
    struct stt_frame *next;     /* In its bucket. */
    struct stt_hold hold;
    struct in6_addr src;
    struct in6_addr dst;
    ovs_be32 id;
    bool ce;                    /* Of any part. */
    uint16_t total;             /* Bytes, */
    uint16_t received;          /* and how many of them are here. */
    struct dp_packet *packet;

    /* Ranges that have been stored, in order.  There is a hole between any
     * two. */
    size_t n_ranges;
    struct stt_range ranges[STT_MAX_RANGES];
};

size_t stt_frame_memory(uint16_t total);
void stt_frame_init(struct stt_frame *, const struct stt_segment *);
void stt_frame_free(struct stt_frame *);
struct dp_packet *stt_frame_finish(struct stt_frame *, bool *ce);
bool stt_frame_has(const struct stt_frame *, const struct stt_segment *);
enum stt_verdict stt_frame_store(struct stt_frame *,
                                 const struct stt_segment *);

#endif /* stt-frame.h */
