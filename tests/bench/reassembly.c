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

#include "bench.h"

#include <stdlib.h>
#include <string.h>

#include "csum.h"
#include "dp-packet.h"
#include "openvswitch/json.h"
#include "packets.h"
#include "random.h"
#include "smap.h"
#include "tnl-gso/core/csum-copy.h"
#include "tnl-gso/stt/stt-reasm.h"
#include "tnl-gso/core/tnl-gso-buf.h"
#include "util.h"

/* Reassembly of STT frames: what it takes in addition to copying the frame,
 * and whether a flood of frames that are never completed stays within the
 * limit of memory. */

/* Packets as a driver receives them, one after the other: headers, and a
 * payload. */
enum { STRIDE = 2048, HEADERS = 54 };

enum { COLD_BYTES = 128 * 1024 * 1024, ROUND_BYTES = 4 * 1024 * 1024 };

struct frames {
    uint8_t *packets;
    struct stt_segment *segments;
    size_t n_frames;
    size_t n_segs;              /* Of each frame. */
};

static long long int now = 1;
static uint32_t next_id;

static void
frames_init(struct frames *f, size_t n_frames, uint16_t mss, size_t n_segs)
{
    f->n_frames = n_frames;
    f->n_segs = n_segs;
    f->packets = xmalloc_pagealign(n_frames * n_segs * STRIDE);
    f->segments = xcalloc(n_frames * n_segs, sizeof *f->segments);
    for (size_t i = 0; i < n_frames * n_segs * STRIDE; i += 4) {
        uint32_t word = random_uint32();

        memcpy(f->packets + i, &word, sizeof word);
    }
    for (size_t i = 0; i < n_frames * n_segs; i++) {
        struct stt_segment *s = &f->segments[i];

        in6_addr_set_mapped_ipv4(&s->src, htonl(0x0a000001));
        in6_addr_set_mapped_ipv4(&s->dst, htonl(0x0a000002));
        s->total = mss * n_segs;
        s->ofs = i % n_segs * mss;
        s->payload = f->packets + i * STRIDE + HEADERS;
        s->len = mss;
        /* What makes the sum of it all right. */
        s->csum = (OVS_FORCE uint16_t) csum(s->payload, s->len);
    }
}

static void
frames_destroy(struct frames *f)
{
    free_pagealign(f->packets);
    free(f->segments);
}

static void
way_memcpy(const struct stt_segment *s, size_t n)
{
    static char buffer[UINT16_MAX];

    for (size_t i = 0; i < n; i++) {
        memcpy(buffer + s[i].ofs, s[i].payload, s[i].len);
    }
}

static void
way_csum_copy(const struct stt_segment *s, size_t n)
{
    static char buffer[UINT16_MAX];

    for (size_t i = 0; i < n; i++) {
        uint32_t sum = csum_copy(buffer + s[i].ofs, s[i].payload, s[i].len);

        ovs_assert(!csum_finish(sum + s[i].csum));
    }
}

static struct dp_packet *
reassemble(const struct stt_segment *s, size_t n, bool check)
{
    ovs_be32 id = htonl(next_id++);
    struct dp_packet *p = NULL;

    for (size_t i = 0; i < n; i++) {
        struct stt_segment segment = s[i];
        if (i % NETDEV_MAX_BURST == 0) {
            stt_reasm_begin();
        }
        enum stt_verdict verdict;
        bool ce;

        segment.frame_id = id;
        segment.check = check;
        p = stt_reasm_add(&segment, now, &verdict, &ce);
        if (i % NETDEV_MAX_BURST == NETDEV_MAX_BURST - 1 || i == n - 1) {
            stt_reasm_end();
        }
    }
    return p;
}

static void
way_trust(const struct stt_segment *s, size_t n)
{
    dp_packet_delete(reassemble(s, n, false));
}

static void
way_check(const struct stt_segment *s, size_t n)
{
    dp_packet_delete(reassemble(s, n, true));
}

enum { MEMCPY, CSUM_COPY, TRUST, CHECK, N_WAYS };
static void (*const ways[N_WAYS])(const struct stt_segment *, size_t) = {
    way_memcpy, way_csum_copy, way_trust, way_check
};

static double
time_way(int way, const struct frames *f)
{
    size_t bytes = f->n_frames * f->n_segs * f->segments[0].len;
    size_t turns = DIV_ROUND_UP(ROUND_BYTES, bytes);
    uint64_t start = bench_now();

    for (size_t t = 0; t < turns; t++) {
        for (size_t i = 0; i < f->n_frames; i++) {
            ways[way](f->segments + i * f->n_segs, f->n_segs);
        }
    }
    return MAX(1, bench_now() - start);
}

static void
verify(const struct frames *f)
{
    struct dp_packet *p = reassemble(f->segments, f->n_segs, true);
    const struct stt_segment *s = f->segments;

    ovs_assert(p && dp_packet_size(p) == s->total);
    for (size_t i = 0; i < f->n_segs; i++) {
        ovs_assert(!memcmp((char *) dp_packet_data(p) + s[i].ofs,
                           s[i].payload, s[i].len));
    }
    dp_packet_delete(p);
}

static const char *const reassembly_columns[] = {
    "source", "mss", "segs", "trust", "check", "check/csum-copy", NULL
};

/* Times reassembly against copying the same bytes. */
void
bench_reassembly(struct bench_table *table, int rounds)
{
    static const struct {
        uint16_t mss;
        size_t n_segs;
    } rows[] = { { 1420, 46 }, { 1420, 2 }, { 1420, 10 } };
    double *ratios[3];

    for (size_t i = 0; i < ARRAY_SIZE(ratios); i++) {
        ratios[i] = xcalloc(rounds, sizeof *ratios[i]);
    }
    bench_table_start(table, "Reassembly of STT frames, time over that of a "
                      "copy", reassembly_columns);
    for (int cold = 0; cold <= 1; cold++) {
        for (size_t r = 0; r < ARRAY_SIZE(rows); r++) {
            struct json *row = json_object_create();
            struct frames f;

            frames_init(&f, cold ? COLD_BYTES / (rows[r].n_segs * STRIDE) : 1,
                        rows[r].mss, rows[r].n_segs);
            verify(&f);
            for (int i = 0; i < rounds; i++) {
                double ns[N_WAYS];

                for (int w = 0; w < N_WAYS; w++) {
                    ns[w] = time_way(w, &f);
                }
                ratios[0][i] = ns[TRUST] / ns[MEMCPY];
                ratios[1][i] = ns[CHECK] / ns[MEMCPY];
                ratios[2][i] = ns[CHECK] / ns[CSUM_COPY];
            }
            json_object_put_string(row, "source", cold ? "cold" : "hot");
            json_object_put(row, "mss", json_integer_create(rows[r].mss));
            json_object_put(row, "segs", json_integer_create(rows[r].n_segs));
            for (size_t i = 0; i < ARRAY_SIZE(ratios); i++) {
                json_object_put(row, reassembly_columns[3 + i],
                                json_real_create(bench_median(ratios[i],
                                                              rounds)));
            }
            bench_table_row(table, row);
            frames_destroy(&f);
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(ratios); i++) {
        free(ratios[i]);
    }
}

static const char *const flood_columns[] = {
    "peers", "limit-kB", "most-kB", "buffers-kB", "cost", NULL
};

/* Adds 'n' parts of frames of 65,495 bytes, each of which begins one, from
 * 'n_peers' in turns.  Returns the most memory that they have ever taken. */
static size_t
flood(const struct frames *f, size_t n, size_t n_peers)
{
    size_t most = 0;

    for (size_t i = 0; i < n; i++) {
        struct stt_segment s = f->segments[0];
        struct stt_reasm_usage usage;
        enum stt_verdict verdict;
        bool ce;

        in6_addr_set_mapped_ipv4(&s.src, htonl(i % n_peers));
        s.total = 65495;
        s.frame_id = htonl(next_id++);
        s.check = true;
        dp_packet_delete(stt_reasm_add(&s, now, &verdict, &ce));
        if (i % 16 == 0) {
            stt_reasm_usage_get(&usage);
            most = MAX(most, usage.bytes);
        }
    }
    return most;
}

/* A flood of parts that begin frames: the most memory that they have taken,
 * all buffers that there are after it, and what such a part costs, one that
 * frames are completed of costs 1. */
void
bench_flood(struct bench_table *table, int rounds)
{
    enum { LIMIT = 16 * 1024 * 1024, N_PARTS = 46 * 500 };
    static const size_t n_peers[] = { 1, 100, 100000 };
    struct smap config = SMAP_INITIALIZER(&config);
    double *cost = xcalloc(rounds, sizeof *cost);
    struct frames f;

    bench_table_start(table, "A flood of parts that begin STT frames of "
                      "65,495 bytes", flood_columns);
    smap_add_format(&config, "stt-reasm-max-memory", "%d", LIMIT);
    stt_reasm_set_config(&config);
    frames_init(&f, 1, 1420, 46);
    for (size_t i = 0; i < ARRAY_SIZE(n_peers); i++) {
        struct json *row = json_object_create();
        struct tnl_gso_buf_usage bufs;
        size_t most = 0;

        for (int r = 0; r < rounds; r++) {
            uint64_t start = bench_now();
            uint64_t middle;

            for (int k = 0; k < N_PARTS / 46; k++) {
                way_check(f.segments, f.n_segs);
            }
            middle = bench_now();
            most = MAX(most, flood(&f, N_PARTS, n_peers[i]));
            cost[r] = (double) (bench_now() - middle) / (middle - start);
        }
        ovs_assert(most <= LIMIT);
        tnl_gso_buf_usage_get(&bufs);
        json_object_put(row, "peers", json_integer_create(n_peers[i]));
        json_object_put(row, "limit-kB", json_integer_create(LIMIT / 1024));
        json_object_put(row, "most-kB", json_integer_create(most / 1024));
        json_object_put(row, "buffers-kB",
                        json_integer_create(bufs.bytes / 1024));
        json_object_put(row, "cost",
                        json_real_create(bench_median(cost, rounds)));
        bench_table_row(table, row);
        now += 10 * STT_REASM_DEF_TIMEOUT;
        stt_reasm_run(now);
    }
    frames_destroy(&f);
    free(cost);
    smap_clear(&config);
    stt_reasm_set_config(&config);
    smap_destroy(&config);
}
