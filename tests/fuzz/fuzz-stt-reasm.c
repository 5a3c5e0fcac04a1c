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
#undef NDEBUG

#include "tests/tnl-gso/unit/test-stt-reasm.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dp-packet.h"
#include "smap.h"
#include "tnl-gso/stt/stt-reasm.h"
#include "util.h"

/* libFuzzer target: sequences of parts of STT frames (tests/run-fuzz).
 *
 * Besides what the sanitizers see: a frame that is handed on has the bytes
 * that its sender, and nobody else, has sent under its ID, all of them; a part
 * that was damaged on the way is always dropped; limits hold after each part;
 * and in the end everything has been given back.
 *
 * A sender uses an ID again when its last frame with it must have expired, and
 * not before. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { N_SLOTS = 16, N_IDS = 8, N_SRCS = 4, TIMEOUT = 30000 };

struct slot {
    struct ref_stt_frame frame;
    uint16_t mss;
    bool ce[2];                 /* A part with CE was sent: by the sender, by
                                 * the attacker. */
};

struct fuzz {
    struct slot slots[N_SLOTS];
    long long int used[N_SRCS][N_IDS]; /* When this ID was used last. */
    uint32_t next_id;           /* If none of these is free. */
    uint32_t next_generation;
    size_t n_batch;             /* Parts left in this batch. */
    size_t limit, peer_limit;
};

static long long int now = 1000;
static unsigned long long n_segments;
static unsigned long long n_frames;

static void
report(void)
{
    fprintf(stderr, "%llu segments, %llu frames\n", n_segments, n_frames);
}

static uint16_t
get16(const uint8_t *p)
{
    return p[0] | p[1] << 8;
}

static void
set_limits(struct fuzz *fuzz, size_t limit, size_t peer_limit)
{
    struct smap config = SMAP_INITIALIZER(&config);

    fuzz->limit = limit;
    fuzz->peer_limit = peer_limit;
    smap_add_format(&config, "stt-reasm-max-memory", "%"PRIuSIZE, limit);
    smap_add_format(&config, "stt-reasm-max-memory-per-peer", "%"PRIuSIZE,
                    peer_limit);
    stt_reasm_set_config(&config);
    smap_destroy(&config);
}

static void
check_usage(const struct fuzz *fuzz)
{
    struct stt_reasm_usage u;

    stt_reasm_usage_get(&u);
    ovs_assert(u.bytes <= fuzz->limit);
    ovs_assert(!u.n_frames == !u.bytes && u.n_peers <= u.n_frames);
}

static void
end_batch(struct fuzz *fuzz)
{
    fuzz->n_batch = 0;
    stt_reasm_end();
}

/* A new frame in 'slot', whose ID its sender has not used for long. */
static void
new_frame(struct fuzz *fuzz, struct slot *slot, uint16_t x, uint16_t y)
{
    struct ref_stt_frame *f = &slot->frame;
    size_t src = (slot - fuzz->slots) % N_SRCS;

    f->src = src;
    f->dst = y & 1;
    f->generation = fuzz->next_generation++;
    f->total = x & 0x8000 ? MAX((uint16_t) (x << 1), 18) : 18 + (x & 0x7ff);
    f->id = fuzz->next_id++;
    slot->mss = 1 + f->total / (1 + (y >> 1) % 70);
    slot->ce[0] = slot->ce[1] = false;
    for (size_t id = 0; id < N_IDS; id++) {
        if (now - fuzz->used[src][id] >= TIMEOUT) {
            f->id = id - N_IDS / 2;
            fuzz->used[src][id] = now;
            break;
        }
    }
}

/* Keeps the ID of 'f' from being used again too early. */
static void
touch(struct fuzz *fuzz, const struct ref_stt_frame *f)
{
    uint32_t id = f->id + N_IDS / 2;

    if (id < N_IDS) {
        fuzz->used[f->src % N_SRCS][id] = now;
    }
}

static void
judge(struct dp_packet *p, const struct ref_stt_frame *f,
      const struct stt_segment *s, bool ce, bool ce_sent)
{
    uint8_t *expected = xmalloc(s->total);

    ref_stt_content(f, 0, s->total, expected);
    ovs_assert(dp_packet_size(p) == s->total);
    ovs_assert(!memcmp(dp_packet_data(p), expected, s->total));
    ovs_assert(!ce || ce_sent);
    ovs_assert(ce || !s->ce);
    free(expected);
    dp_packet_delete(p);
    n_frames++;
}

/* Sends 'len' bytes of 'slot' from 'ofs' on. */
static void
send_part(struct fuzz *fuzz, struct slot *slot, const struct fuzz_stt_op *op,
          uint32_t ofs, uint32_t len)
{
    static uint8_t payload[UINT16_MAX];
    struct ref_stt_frame f = slot->frame;
    bool attack = op->what & FUZZ_STT_ATTACK;
    bool damaged = false;
    enum stt_verdict verdict;
    uint16_t y = get16(op->y);
    struct stt_segment s;
    struct dp_packet *p;
    bool ce = false;

    touch(fuzz, &f);
    f.src += attack ? N_SRCS : 0;
    len = MIN(len, UINT16_MAX);
    ref_stt_segment(&f, ofs, len, false, payload, &s);
    s.ce = op->what & FUZZ_STT_CE;
    switch (op->what % 32 % FUZZ_STT_N) {
    case FUZZ_STT_TOTAL:
        /* Its sender says so. */
        s.total += y;
        ref_stt_settle(&s, false);
        break;
    case FUZZ_STT_FLIP:
        damaged = s.len;
        if (damaged) {
            payload[y / 8 % s.len] ^= 1 << y % 8;
        }
        break;
    case FUZZ_STT_MOVE:
        y += s.ofs;
        /* 0 and 65535 have the same sum. */
        damaged = y % UINT16_MAX != s.ofs % UINT16_MAX;
        if (damaged) {
            s.csum += (uint32_t) y - s.ofs;
            s.ofs = y;
        }
        break;
    default:
        break;
    }
    s.check = damaged || !(op->what & FUZZ_STT_TRUST);

    if (!damaged) {
        slot->ce[attack] |= s.ce;
    }
    p = stt_reasm_add(&s, now, &verdict, &ce);
    n_segments++;
    ovs_assert(!p == (verdict != STT_COMPLETE));
    ovs_assert(!damaged || verdict == STT_DROP_CSUM);
    if (p) {
        judge(p, &f, &s, ce, slot->ce[attack]);
    }
    if (fuzz->n_batch && !--fuzz->n_batch) {
        end_batch(fuzz);
    }
    check_usage(fuzz);
}

static void
do_op(struct fuzz *fuzz, const struct fuzz_stt_op *op)
{
    struct slot *slot = &fuzz->slots[op->slot % N_SLOTS];
    uint16_t x = get16(op->x);
    uint16_t y = get16(op->y);
    unsigned int what = op->what % 32 % FUZZ_STT_N;
    uint32_t ofs = (x % 128) * slot->mss;
    uint32_t len = ofs < slot->frame.total ? slot->frame.total - ofs : 0;

    if (what >= FUZZ_STT_TIME) {
        end_batch(fuzz);
    }
    switch (what) {
    case FUZZ_STT_PART:
        send_part(fuzz, slot, op, ofs, MIN(len, slot->mss * (1 + y % 4)));
        break;
    case FUZZ_STT_BYTES:
        send_part(fuzz, slot, op, x, y);
        break;
    case FUZZ_STT_FRAME:
        new_frame(fuzz, slot, x, y);
        break;
    case FUZZ_STT_TOTAL:
    case FUZZ_STT_FLIP:
    case FUZZ_STT_MOVE:
        send_part(fuzz, slot, op, ofs, MIN(len, slot->mss));
        break;
    case FUZZ_STT_TIME:
        now += x * 10;
        if (y & 1) {
            stt_reasm_run(now);
        }
        break;
    case FUZZ_STT_LIMITS:
        set_limits(fuzz, (x % 4096) * 1024, (y % 4096) * 1024);
        break;
    case FUZZ_STT_BATCH:
        fuzz->n_batch = x % 32;
        if (fuzz->n_batch) {
            stt_reasm_begin();
        }
        break;
    default:
        OVS_NOT_REACHED();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool started;
    struct stt_reasm_usage u;
    struct fuzz fuzz = { .next_id = 1000 };

    if (!started) {
        started = true;
        atexit(report);
    }
    set_limits(&fuzz, 1024 * 1024, 256 * 1024);
    for (size_t i = 0; i < N_SRCS; i++) {
        for (size_t id = 0; id < N_IDS; id++) {
            fuzz.used[i][id] = now - TIMEOUT;
        }
    }
    for (size_t i = 0; i < N_SLOTS; i++) {
        new_frame(&fuzz, &fuzz.slots[i], 40 * i, i);
    }
    for (; size >= sizeof(struct fuzz_stt_op);
         data += sizeof(struct fuzz_stt_op),
         size -= sizeof(struct fuzz_stt_op)) {
        struct fuzz_stt_op op;

        memcpy(&op, data, sizeof op);
        do_op(&fuzz, &op);
    }
    end_batch(&fuzz);

    now += TIMEOUT;
    stt_reasm_run(now);
    stt_reasm_usage_get(&u);
    ovs_assert(!u.bytes && !u.n_frames && !u.n_peers);
    return 0;
}
