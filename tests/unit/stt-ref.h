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

#ifndef STT_REF_H
#define STT_REF_H 1

/* A slow reassembler of STT frames that shares no code with lib/: a byte of a
 * map for each byte of a frame, a list of frames, checksums a byte at a time.
 * Knows no limits of memory.  And frames to feed to both: what is in one
 * follows from who sent it, so that no two have the same bytes anywhere.
 *
 * Used by the unit tests (test-stt-reasm*.c) and by the fuzz target. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tnl-gso/stt/stt-reasm.h"

/* A frame that somebody sends. */
struct ref_stt_frame {
    unsigned int src;           /* Odd ones have IPv6 addresses. */
    unsigned int dst;
    uint32_t id;
    uint32_t generation;        /* Of frames with this ID. */
    uint16_t total;
};

/* Stores bytes [ofs, ofs + len) of 'frame' in 'dst'. */
void ref_stt_content(const struct ref_stt_frame *, uint16_t ofs, size_t len,
                     uint8_t *dst);

/* A part of it, as a tunnel pop would hand it over: the checksum is to be
 * verified, and right unless 'bad'.  'payload' is the caller's, of 'len'
 * bytes. */
void ref_stt_segment(const struct ref_stt_frame *, uint16_t ofs, uint16_t len,
                     bool bad, uint8_t *payload, struct stt_segment *);
/* The same for bytes that are in 'payload' already. */
void ref_stt_settle(struct stt_segment *, bool bad);

struct ref_stt *ref_stt_create(unsigned int timeout);
void ref_stt_destroy(struct ref_stt *);
uint8_t *ref_stt_add(struct ref_stt *, const struct stt_segment *,
                     long long int now, enum stt_verdict *, bool *ce);
size_t ref_stt_expire(struct ref_stt *, long long int now);
size_t ref_stt_count(const struct ref_stt *);

#endif /* stt-ref.h */
