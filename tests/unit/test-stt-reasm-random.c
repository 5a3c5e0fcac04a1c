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

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command-line.h"
#include "dp-packet.h"
#include "ovs-atomic.h"
#include "ovs-thread.h"
#include "test-stt-reasm.h"
#include "test-tnl-gso.h"
#include "timeval.h"
#include "tnl-gso-pkt.h"
#include "util.h"

/* Reassembly of STT frames: random sequences of parts against the reference,
 * and threads that add parts of the same frames. */

enum { TIMEOUT = 30000 };

/* Frames that are under way in a random case. */
struct sender {
    struct ref_stt_frame frames[8];
    uint16_t msses[8];
    size_t n;
};

static void
new_frame(struct sender *sender, size_t i, struct pkt_rng *rng)
{
    struct ref_stt_frame *f = &sender->frames[i];

    f->src = pkt_range(rng, 3);
    f->dst = pkt_range(rng, 2);
    f->id = pkt_range(rng, 3) - 1;
    f->generation = pkt_rand(rng);
    f->total = (pkt_range(rng, 4) ? 18 + pkt_range(rng, 600)
                : pkt_range(rng, 65536));
    sender->msses[i] = 1 + f->total / (1 + pkt_range(rng, 40));
}

/* A part of a frame: as a rule one that its sender would send. */
static void
random_part(const struct sender *sender, struct pkt_rng *rng, uint8_t *payload,
            struct stt_segment *s)
{
    size_t i = pkt_range(rng, sender->n);
    struct ref_stt_frame f = sender->frames[i];
    uint32_t mss = sender->msses[i];
    uint32_t n = DIV_ROUND_UP(f.total, mss);
    uint32_t ofs = pkt_range(rng, n + 1) * mss;
    uint32_t len = mss * (1 + (pkt_range(rng, 8) ? 0 : pkt_range(rng, 3)));

    if (!pkt_range(rng, 40)) {
        ofs += pkt_range(rng, 20);
    }
    if (pkt_range(rng, 40)) {
        len = ofs < f.total ? MIN(len, f.total - ofs) : 0;
    }
    if (!pkt_range(rng, 40)) {
        len = pkt_range(rng, 2 * mss);
    }
    if (!pkt_range(rng, 60)) {
        f.total += 1 + pkt_range(rng, 9);
    }
    ref_stt_segment(&f, ofs, MIN(len, UINT16_MAX), false, payload, s);
    s->ce = !pkt_range(rng, 50);
    if (!pkt_range(rng, 30) && s->len) {
        payload[pkt_range(rng, s->len)] ^= 1 << pkt_range(rng, 8);
    }
    s->check = pkt_range(rng, 4);
}

static char *
one(uint64_t seed, unsigned long long counts[STT_N_VERDICTS])
{
    struct ref_stt *ref = ref_stt_create(TIMEOUT);
    uint8_t *payload = xmalloc(UINT16_MAX);
    struct pkt_rng rng = { seed };
    struct sender sender = { .n = 1 + pkt_range(&rng, 8) };
    bool tiny_parts = !pkt_range(&rng, 10);
    char *error = NULL;
    size_t i;

    for (i = 0; i < sender.n; i++) {
        new_frame(&sender, i, &rng);
    }
    if (tiny_parts) {
        sender.n = 1;
        sender.msses[0] = 1 + sender.frames[0].total / 500;
    }
    for (i = 0; i < 400 && !error; i++) {
        enum stt_verdict expected, verdict;
        bool expected_ce = false, ce = false;
        struct stt_segment s;
        struct dp_packet *p;
        uint8_t *bytes;

        if (!tiny_parts && !pkt_range(&rng, 60)) {
            new_frame(&sender, pkt_range(&rng, sender.n), &rng);
        }
        if (!tiny_parts && !pkt_range(&rng, 30)) {
            stt_now += pkt_range(&rng, TIMEOUT + TIMEOUT / 4);
        }
        random_part(&sender, &rng, payload, &s);
        bytes = ref_stt_add(ref, &s, stt_now, &expected, &expected_ce);
        p = stt_add(&s, &verdict, &ce);
        counts[expected]++;
        EXPECT(verdict, expected);
        EXPECT(ce, expected_ce);
        if (!error && bytes
            && (dp_packet_size(p) != s.total
                || memcmp(dp_packet_data(p), bytes, s.total))) {
            error = xstrdup("other bytes");
        }
        free(bytes);
        dp_packet_delete(p);
        if (!pkt_range(&rng, 50)) {
            counts[STT_EXPIRED] += ref_stt_expire(ref, stt_now);
            stt_reasm_run(stt_now);
            EXPECT(stt_usage().n_frames, ref_stt_count(ref));
        }
        if (error) {
            char *what = error;

            error = xasprintf("part %"PRIuSIZE", %u at %u of %u: %s", i,
                              s.len, s.ofs, s.total, what);
            free(what);
        }
    }
    ref_stt_destroy(ref);
    free(payload);
    if (!error) {
        error = stt_empty();
    } else {
        free(stt_empty());
    }
    return error;
}

/* `reasm-random [N [SEED]]`.  Case number i of seed S is case 0 of seed S + i,
 * and each failure names its own seed. */
void
test_reasm_random(struct ovs_cmdl_context *ctx)
{
    uint64_t n = ctx->argc > 1 ? strtoull(ctx->argv[1], NULL, 0) : 200;
    uint64_t seed = (ctx->argc > 2 ? strtoull(ctx->argv[2], NULL, 0)
                     : time_wall_msec());
    unsigned long long counts[STT_N_VERDICTS] = { 0 };

    printf("reasm-random: %"PRIu64" cases, seed %"PRIu64"\n", n, seed);
    for (uint64_t i = 0; i < n; i++) {
        test_case(one(seed + i, counts), "reasm-random: seed %"PRIu64,
                  seed + i);
    }
    for (size_t v = 0; v < STT_N_VERDICTS; v++) {
        /* What has to be there, if there is enough of anything. */
        if (n >= 100 && v != STT_WHOLE && v != STT_DROP_MEMORY
            && v != STT_EVICTED && v != STT_EVICTED_PEER
            && (v < STT_DROP_IP || v >= STT_EXPIRED)) {
            test_case(counts[v] ? NULL : xstrdup("never"),
                      "reasm-random: %s", stt_verdict_to_string(v));
        }
    }
}

/* Appends an operation of the fuzz target. */
static void
put_op(FILE *file, uint8_t what, uint8_t slot, uint16_t x, uint16_t y)
{
    struct fuzz_stt_op op = {
        what, slot, { x & 0xff, x >> 8 }, { y & 0xff, y >> 8 }
    };

    fwrite(&op, sizeof op, 1, file);
}

/* `reasm-corpus DIR N`: seeds for the fuzz target, frames of several senders
 * in parts that are out of order, few of them damaged. */
void
test_reasm_corpus(struct ovs_cmdl_context *ctx)
{
    const char *dir = ctx->argv[1];
    uint64_t n = strtoull(ctx->argv[2], NULL, 0);

    for (uint64_t i = 0; i < n; i++) {
        char *name = xasprintf("%s/%"PRIu64, dir, i);
        size_t n_slots = 1 + i % 16;
        FILE *file = fopen(name, "wb");
        struct pkt_rng rng = { i };

        if (!file) {
            ovs_fatal(errno, "%s", name);
        }
        for (size_t k = 0; k < n_slots; k++) {
            put_op(file, FUZZ_STT_FRAME, k, pkt_rand(&rng),
                   2 * (1 + pkt_range(&rng, 20)));
        }
        for (size_t k = 0; k < 30 * n_slots; k++) {
            uint8_t what = (pkt_range(&rng, 20) ? FUZZ_STT_PART
                            : pkt_range(&rng, FUZZ_STT_N));

            put_op(file, what | (pkt_range(&rng, 20) ? 0 : FUZZ_STT_CE)
                   | (pkt_range(&rng, 4) ? 0 : FUZZ_STT_ATTACK),
                   pkt_range(&rng, n_slots), pkt_range(&rng, 21),
                   pkt_range(&rng, 4) ? 0 : pkt_rand(&rng));
        }
        if (ferror(file) || fclose(file)) {
            ovs_fatal(errno, "%s", name);
        }
        free(name);
    }
}

/* Threads. */

enum { N_THREADS = 4, N_FRAMES = 64, N_PARTS = 46, PART = 1424,
       N_ROUNDS = 12 };

struct part {
    size_t frame;
    uint16_t ofs;
};

struct job {
    struct ref_stt_frame frames[N_FRAMES];
    struct part parts[2 * N_FRAMES * N_PARTS];
    size_t n_parts;
    atomic_uint completed[N_FRAMES];
    atomic_uint errors;
    atomic_uint running;
    struct ovs_barrier barrier;
};

struct worker {
    struct job *job;
    size_t index;
    size_t batch;
};

static void
add_parts(struct job *job, size_t index, size_t batch)
{
    uint8_t payload[PART];

    for (size_t i = index; i < job->n_parts; i += N_THREADS) {
        const struct part *part = &job->parts[i];
        const struct ref_stt_frame *f = &job->frames[part->frame];
        size_t turn = i / N_THREADS % batch;
        enum stt_verdict verdict;
        struct stt_segment s;
        struct dp_packet *p;
        unsigned int orig;
        bool ce;

        if (!turn) {
            stt_reasm_begin();
        }
        ref_stt_segment(f, part->ofs, MIN(PART, f->total - part->ofs), false,
                        payload, &s);
        p = stt_reasm_add(&s, stt_now, &verdict, &ce);
        if (p) {
            char *error = stt_compare(p, f);

            atomic_add_relaxed(&job->completed[part->frame], 1, &orig);
            if (error) {
                atomic_add_relaxed(&job->errors, 1, &orig);
                free(error);
            }
        }
        if (turn == batch - 1) {
            stt_reasm_end();
        }
    }
    stt_reasm_end();
}

static void *
worker_main(void *worker_)
{
    struct worker *w = worker_;

    unsigned int orig;

    ovs_barrier_block(&w->job->barrier);
    add_parts(w->job, w->index, w->batch);
    atomic_sub(&w->job->running, 1, &orig);
    return NULL;
}

static void
swap_parts(struct part *a, struct part *b)
{
    struct part t = *a;

    *a = *b;
    *b = t;
}

/* All parts of the frames of 'job', and some of them twice if 'twice', in an
 * order that is random within 'window' of them. */
static void
job_shuffle(struct job *job, struct pkt_rng *rng, size_t window, bool twice)
{
    job->n_parts = 0;
    for (size_t i = 0; i < N_FRAMES; i++) {
        struct ref_stt_frame *f = &job->frames[i];

        f->src = pkt_range(rng, 4);
        f->dst = 1;
        f->id = i;
        f->generation = pkt_rand(rng);
        f->total = 65000 + pkt_range(rng, 400);
        atomic_init(&job->completed[i], 0);
        for (size_t k = 0; k < N_PARTS; k++) {
            size_t copies = !twice || pkt_range(rng, 20) ? 1 : 2;

            for (size_t c = 0; c < copies; c++) {
                job->parts[job->n_parts++] = (struct part) { i, k * PART };
            }
        }
    }
    for (size_t i = 0; i + 1 < job->n_parts; i++) {
        size_t n = MIN(window, job->n_parts - i);

        swap_parts(&job->parts[i], &job->parts[i + pkt_range(rng, n)]);
    }
}

/* What another thread may do meanwhile. */
enum disturbance {
    QUIET,
    FLOOD,                      /* Frames that are never completed. */
    CHANGES,                    /* Limits and time. */
};

static void
flood(uint32_t id)
{
    struct ref_stt_frame f = {
        .src = 100, .dst = 1, .id = id, .total = 65000
    };
    enum stt_verdict verdict;
    struct stt_segment s;
    uint8_t payload[1];
    bool ce;

    ref_stt_segment(&f, 0, 1, false, payload, &s);
    stt_reasm_add(&s, stt_now, &verdict, &ce);
}

static void
change(unsigned int i)
{
    struct stt_reasm_peer peers[3];

    stt_limits(i % 3 ? 1 << (18 + i % 5) : -1, i % 2 ? 1 << 19 : -1);
    stt_reasm_run(stt_now + (i % 16 ? 0 : 2 * TIMEOUT));
    stt_reasm_peers_get(peers, 3);
}

static void
disturb(struct job *job, enum disturbance how)
{
    unsigned int running;
    unsigned int i = 0;

    do {
        if (how == FLOOD) {
            flood(i);
        } else {
            change(i);
        }
        i++;
        atomic_read(&job->running, &running);
    } while (running);
}

/* Each frame completed, by the parts that came to several threads, and once;
 * or not more than once if limits change meanwhile. */
static void
test_threads(struct job *job, struct pkt_rng *rng, size_t window,
             enum disturbance how)
{
    static const char *const names[] = { "", ", flood", ", changes" };
    struct worker workers[N_THREADS];
    pthread_t threads[N_THREADS];
    uint64_t seed = rng->state;
    unsigned int n;
    char *error = NULL;

    job_shuffle(job, rng, window, how != FLOOD);
    atomic_init(&job->errors, 0);
    atomic_init(&job->running, N_THREADS);
    ovs_barrier_init(&job->barrier, N_THREADS);
    if (how == FLOOD) {
        /* However far one thread is ahead of the others, all frames of the
         * job take less than the flood. */
        stt_limits(200 * 66000, -1);
        for (uint32_t i = 0; i < 200; i++) {
            flood(i);
        }
    }
    for (size_t i = 0; i < N_THREADS; i++) {
        workers[i] = (struct worker) { job, i, 1 + pkt_range(rng, 32) };
        threads[i] = ovs_thread_create("stt", worker_main, &workers[i]);
    }
    if (how != QUIET) {
        disturb(job, how);
    }
    for (size_t i = 0; i < N_THREADS; i++) {
        xpthread_join(threads[i], NULL);
    }
    ovs_barrier_destroy(&job->barrier);
    stt_limits(-1, -1);

    atomic_read(&job->errors, &n);
    EXPECT(n, 0);
    for (size_t i = 0; i < N_FRAMES; i++) {
        atomic_read(&job->completed[i], &n);
        if (how == CHANGES) {
            EXPECT(n <= 1, true);
        } else {
            EXPECT(n, 1);
        }
    }
    if (error) {
        free(stt_empty());
    } else {
        error = stt_empty();
    }
    test_case(error, "reasm: %d threads, window %"PRIuSIZE"%s, seed %"PRIu64,
              N_THREADS, window, names[how], seed);
}

void
test_reasm_threads(void)
{
    static const size_t windows[] = { 1, 8, 200, 100000 };
    struct pkt_rng rng = { time_wall_msec() };
    struct job *job = xmalloc(sizeof *job);

    for (size_t i = 0; i < N_ROUNDS; i++) {
        for (size_t w = 0; w < ARRAY_SIZE(windows); w++) {
            test_threads(job, &rng, windows[w], QUIET);
            test_threads(job, &rng, windows[w], CHANGES);
            if (windows[w] < 100) {
                test_threads(job, &rng, windows[w], FLOOD);
            }
        }
    }
    free(job);
}
