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

#ifndef TEST_STT_REASM_H
#define TEST_STT_REASM_H 1

/* What the unit tests of STT's reassembly share. */

#include <stdbool.h>

#include "stt-ref.h"
#include "tnl-gso/stt/stt-reasm.h"

struct dp_packet;
struct ovs_cmdl_context;

extern long long int stt_now;

void stt_limits(long long int limit, long long int peer_limit);
struct stt_reasm_usage stt_usage(void);
unsigned long long stt_counted(enum stt_verdict);
char *stt_empty(void);
char *stt_compare(struct dp_packet *, const struct ref_stt_frame *);
struct dp_packet *stt_add(const struct stt_segment *, enum stt_verdict *,
                          bool *ce);

/* How a part differs from what its sender would send. */
struct stt_change {
    bool bad;                   /* Its checksum is wrong. */
    bool other;                 /* Its bytes are other ones. */
    bool ce;
    uint16_t total;             /* If not 0. */
};

enum stt_verdict stt_add_changed(const struct ref_stt_frame *, uint16_t ofs,
                                 uint16_t len, const struct stt_change *,
                                 struct dp_packet **, bool *ce);
enum stt_verdict stt_add_part(const struct ref_stt_frame *, uint16_t ofs,
                              uint16_t len, struct dp_packet **);
enum stt_verdict stt_add_range(const struct ref_stt_frame *, uint16_t from,
                               uint16_t to, struct dp_packet **);
char *stt_complete(const struct ref_stt_frame *, uint16_t from, uint16_t to);

void test_reasm_events(void);
void test_reasm_memory(void);
void test_reasm_threads(void);

void test_reasm(struct ovs_cmdl_context *);
void test_reasm_random(struct ovs_cmdl_context *);
void test_reasm_corpus(struct ovs_cmdl_context *);

/* The input of the fuzz target is a sequence of these: what is done next, to
 * which of several frames under way, and two numbers of 16 bits. */
struct fuzz_stt_op {
    uint8_t what;               /* FUZZ_STT_*, modulo FUZZ_STT_N; FUZZ_STT_CE
                                 * and so on. */
    uint8_t slot;
    uint8_t x[2];
    uint8_t y[2];
};
enum {
    FUZZ_STT_PART,              /* Part number x, and the y % 4 after it. */
    FUZZ_STT_BYTES,             /* y bytes from x on. */
    FUZZ_STT_FRAME,             /* A new frame, its length from x, parts from
                                 * y. */
    FUZZ_STT_TOTAL,             /* Part number x, y added to the total. */
    FUZZ_STT_FLIP,              /* Part number x, bit y of it flipped. */
    FUZZ_STT_MOVE,              /* Part number x, y added to its offset. */
    FUZZ_STT_TIME,              /* x * 10 ms later. */
    FUZZ_STT_LIMITS,            /* x * 1024 bytes, y * 1024 per peer. */
    FUZZ_STT_BATCH,             /* Of the x % 32 following ones. */
    FUZZ_STT_N,

    FUZZ_STT_CE = 1 << 7,
    FUZZ_STT_TRUST = 1 << 6,    /* Checksum is not to be verified. */
    FUZZ_STT_ATTACK = 1 << 5,   /* From somebody else, same ID. */
};

#endif /* test-stt-reasm.h */
