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

#include <stdlib.h>
#include <string.h>

#include "dp-packet.h"
#include "openvswitch/vlog.h"
#include "smap.h"
#include "test-stt-reasm.h"
#include "test-tnl-gso.h"
#include "tnl-gso/core/tnl-gso-buf.h"
#include "util.h"

/* Reassembly of STT frames: limits of memory, and who loses frames. */

enum { BIG = 65495, MSS = 1460, N_PARTS = 45 };

/* What a frame of BIG bytes counts. */
static size_t big_bytes;

/* Adds one part of 'f', BIG bytes. */
static enum stt_verdict
add_part(const struct ref_stt_frame *f, int i, struct dp_packet **p)
{
    uint16_t ofs = i * MSS;
    uint8_t payload[MSS];
    enum stt_verdict verdict;
    struct stt_segment s;
    struct dp_packet *q;
    bool ce;

    ref_stt_segment(f, ofs, MIN(MSS, f->total - ofs), false, payload, &s);
    q = stt_add(&s, &verdict, &ce);
    if (p) {
        *p = q;
    } else {
        dp_packet_delete(q);
    }
    return verdict;
}

static struct ref_stt_frame
big(unsigned int src, uint32_t id)
{
    return (struct ref_stt_frame) { .src = src, .dst = 1, .id = id,
                                    .total = BIG };
}

/* Begins frames [first, first + n) of 'src'. */
static void
begin(unsigned int src, uint32_t first, int n)
{
    for (int i = 0; i < n; i++) {
        struct ref_stt_frame f = big(src, first + i);

        add_part(&f, 0, NULL);
    }
}

/* Adds the rest of such a frame.  Returns the last verdict: STT_COMPLETE if
 * the beginning was still there. */
static enum stt_verdict
finish(unsigned int src, uint32_t id)
{
    struct ref_stt_frame f = big(src, id);
    enum stt_verdict verdict = STT_N_VERDICTS;
    struct dp_packet *p = NULL;

    for (int i = 1; i < N_PARTS; i++) {
        verdict = add_part(&f, i, &p);
    }
    if (verdict == STT_COMPLETE) {
        char *error = stt_compare(p, &f);

        test_case(error, "reasm: frame %u of %u is right", id, src);
    }
    return verdict;
}

/* What the ledger counts is what is allocated. */
static void
test_costs(void)
{
    static const uint16_t totals[] = {
        18, 1500, 1920, 1921, 10112, 10113, 16383, 16384, 30000, 65535
    };

    for (size_t i = 0; i < ARRAY_SIZE(totals); i++) {
        struct ref_stt_frame f = { .src = 2, .total = totals[i] };
        struct tnl_gso_buf_usage before, after;
        char *error = NULL;
        uint8_t payload[1];
        enum stt_verdict verdict;
        struct stt_segment s;
        size_t bytes, used;
        bool ce;

        tnl_gso_buf_usage_get(&before);
        ref_stt_segment(&f, 0, 1, false, payload, &s);
        dp_packet_delete(stt_add(&s, &verdict, &ce));
        tnl_gso_buf_usage_get(&after);
        bytes = stt_usage().bytes;
        /* The buffer, if it is a new one of the pool. */
        used = MAX(totals[i], after.bytes - before.bytes);
        EXPECT(verdict, STT_HELD);
        if (!error && (bytes < used + 256 || bytes > used + 11000)
            && after.n_bufs != before.n_bufs) {
            error = xasprintf("%"PRIuSIZE" bytes, %"PRIuSIZE" used", bytes,
                              used);
        }
        if (!error && bytes < totals[i] + 512u) {
            error = xasprintf("%"PRIuSIZE" bytes", bytes);
        }
        test_case(error ? error : stt_empty(), "reasm: memory of %u bytes",
                  totals[i]);
    }
}

/* A peer that needs more than its limit loses its own oldest frames. */
static void
test_peer_limit(void)
{
    unsigned long long evicted = stt_counted(STT_EVICTED_PEER);
    unsigned long long others = stt_counted(STT_EVICTED);
    char *error = NULL;

    stt_limits(100 * big_bytes, 10 * big_bytes);
    begin(2, 0, 3);
    begin(4, 0, 25);
    EXPECT(stt_usage().n_frames, 13);
    EXPECT(stt_usage().n_peers, 2);
    EXPECT(stt_counted(STT_EVICTED_PEER) - evicted, 15);
    EXPECT(stt_counted(STT_EVICTED) - others, 0);
    for (int i = 0; i < 3; i++) {
        EXPECT(finish(2, i), STT_COMPLETE);
    }
    for (int i = 15; i < 25; i++) {
        EXPECT(finish(4, i), STT_COMPLETE);
    }
    EXPECT(stt_usage().n_frames, 0);
    EXPECT(finish(4, 14), STT_HELD);
    test_case(error ? error : stt_empty(), "reasm: limit of a peer");
}

/* Who holds more than half of what a peer can have loses its oldest frame. */
static void
test_limit(void)
{
    unsigned long long evicted = stt_counted(STT_EVICTED);
    char *error = NULL;

    stt_limits(10 * big_bytes, 100 * big_bytes);
    begin(2, 0, 10);
    begin(4, 0, 3);
    EXPECT(stt_usage().n_frames, 10);
    EXPECT(stt_counted(STT_EVICTED) - evicted, 3);
    begin(6, 0, 2);
    EXPECT(stt_counted(STT_EVICTED) - evicted, 5);
    for (int i = 0; i < 3; i++) {
        EXPECT(finish(4, i), STT_COMPLETE);
    }
    for (int i = 0; i < 2; i++) {
        EXPECT(finish(6, i), STT_COMPLETE);
    }
    for (int i = 5; i < 10; i++) {
        EXPECT(finish(2, i), STT_COMPLETE);
    }
    EXPECT(stt_usage().n_frames, 0);
    test_case(error ? error : stt_empty(), "reasm: limit of all");
}

/* When nobody holds much, the oldest goes, also if it is of one who holds
 * more than others. */
static void
test_limit_of_many(void)
{
    char *error = NULL;

    stt_limits(10 * big_bytes, 100 * big_bytes);
    for (int i = 0; i < 30; i++) {
        begin(100 + 2 * i, 0, 1);
    }
    EXPECT(stt_usage().n_frames, 10);
    begin(2, 0, 2);
    for (int i = 30; i < 38; i++) {
        begin(100 + 2 * i, 0, 1);
    }
    for (int i = 0; i < 2; i++) {
        EXPECT(finish(2, i), STT_COMPLETE);
    }
    for (int i = 30; i < 38; i++) {
        EXPECT(finish(100 + 2 * i, 0), STT_COMPLETE);
    }
    test_case(error ? error : stt_empty(), "reasm: limit of many peers");
}

/* First parts without end, from 'n_attackers', while two others send frames,
 * in order and backward.  These are all completed: there is memory for more
 * frames than are begun between two parts of theirs. */
static void
test_flood(int n_attackers)
{
    size_t limit = 40 * big_bytes;
    size_t peer_limit = 20 * big_bytes;
    struct tnl_gso_buf_usage bufs_before, bufs;
    size_t most = 0;
    uint32_t id = 0;
    char *error = NULL;

    stt_limits(limit, peer_limit);
    tnl_gso_buf_usage_get(&bufs_before);
    for (uint32_t round = 0; round < 20; round++) {
        struct ref_stt_frame f = big(2, round);
        struct ref_stt_frame g = big(3, round);
        struct dp_packet *p, *q;

        for (int i = 0; i < N_PARTS; i++) {
            struct stt_reasm_usage u;

            enum stt_verdict expected = (i == N_PARTS - 1 ? STT_COMPLETE
                                         : STT_HELD);

            EXPECT(add_part(&f, i, &p), expected);
            EXPECT(add_part(&g, N_PARTS - 1 - i, &q), expected);
            for (int k = 0; k < 20; k++) {
                begin(100 + id % n_attackers, id, 1);
                id++;
            }
            u = stt_usage();
            tnl_gso_buf_usage_get(&bufs);
            most = MAX(most, u.bytes);
            ovs_assert(u.bytes <= limit);
            /* With 'p' and 'q'. */
            ovs_assert((bufs.n_bufs - bufs.n_idle
                        - (bufs_before.n_bufs - bufs_before.n_idle))
                       * 65535 <= limit + 2 * 65535);
        }
        if (!error) {
            error = stt_compare(p, &f);
        }
        if (!error) {
            error = stt_compare(q, &g);
        }
    }
    if (!error && most < 18 * big_bytes) {
        error = xstrdup("limit not reached");
    }
    if (!error) {
        error = stt_empty();
    }
    test_case(error, "reasm: flood of %d", n_attackers);
}

/* Parts with a wrong checksum take no memory from anybody. */
static void
test_bad_flood(void)
{
    unsigned long long evicted = (stt_counted(STT_EVICTED)
                                  + stt_counted(STT_EVICTED_PEER));
    char *error = NULL;

    stt_limits(10 * big_bytes, 5 * big_bytes);
    begin(2, 0, 5);
    begin(4, 0, 5);
    for (int i = 0; i < 100; i++) {
        struct ref_stt_frame f = big(2 * (i % 10), 1000 + i);
        uint8_t payload[MSS];
        enum stt_verdict verdict;
        struct stt_segment s;
        bool ce;

        ref_stt_segment(&f, 0, MSS, true, payload, &s);
        stt_add(&s, &verdict, &ce);
        EXPECT(verdict, STT_DROP_CSUM);
    }
    EXPECT(stt_counted(STT_EVICTED) + stt_counted(STT_EVICTED_PEER) - evicted,
           0);
    for (int i = 0; i < 5; i++) {
        EXPECT(finish(2, i), STT_COMPLETE);
        EXPECT(finish(4, i), STT_COMPLETE);
    }
    test_case(error ? error : stt_empty(), "reasm: flood of bad checksums");
}

/* Settings, what is not a setting, and what a smaller one does at once. */
static void
test_settings(void)
{
    static const struct {
        const char *key, *value;
        size_t expected;
    } rows[] = {
        { "stt-reasm-max-memory", "1000000", 1000000 },
        { "stt-reasm-max-memory", "0", 0 },
        { "stt-reasm-max-memory", "8589934592", 8589934592 },
        { "stt-reasm-max-memory", "-1", 67108864 },
        { "stt-reasm-max-memory", "much", 67108864 },
        { "stt-reasm-max-memory", "1000 MB", 67108864 },
        { "stt-reasm-max-memory", "", 67108864 },
        { "stt-reasm-max-memory", "99999999999999999999", 67108864 },
        { "stt-reasm-max-memory-per-peer", "1000000", 1000000 },
        { "stt-reasm-max-memory-per-peer", "-1", 16777216 },
        { "stt-reasm-timeout", "1", 1 },
        { "stt-reasm-timeout", "0", 30000 },
        { "stt-reasm-timeout", "2147483648", 30000 },
        { "stt-reasm-timeout", "30s", 30000 },
    };
    char *error = NULL;

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct smap config = SMAP_INITIALIZER(&config);
        struct stt_reasm_usage u;

        smap_add(&config, rows[i].key, rows[i].value);
        stt_reasm_set_config(&config);
        u = stt_usage();
        error = NULL;
        EXPECT(u.limit == (i < 8 ? rows[i].expected : 67108864), true);
        EXPECT(u.peer_limit == (i == 8 || i == 9 ? rows[i].expected
                                                 : 16777216), true);
        EXPECT(u.timeout == (i > 9 ? rows[i].expected : 30000), true);
        test_case(error, "reasm: %s=\"%s\"", rows[i].key, rows[i].value);
        smap_destroy(&config);
    }

    error = NULL;
    stt_limits(-1, -1);
    begin(2, 0, 20);
    begin(4, 0, 10);
    begin(6, 0, 1);
    stt_limits(-1, 12 * big_bytes);
    EXPECT(stt_usage().n_frames, 23);
    stt_limits(9 * big_bytes, -1);
    EXPECT(stt_usage().n_frames, 9);
    EXPECT(finish(6, 0), STT_COMPLETE);
    EXPECT(finish(4, 9), STT_COMPLETE);
    EXPECT(finish(2, 19), STT_COMPLETE);
    stt_limits(0, -1);
    EXPECT(stt_usage().n_frames, 0);
    EXPECT(stt_usage().bytes, 0);
    EXPECT(finish(2, 0), STT_DROP_MEMORY);
    stt_limits(-1, big_bytes - 1);
    EXPECT(finish(2, 0), STT_DROP_MEMORY);
    stt_limits(-1, big_bytes);
    begin(2, 0, 1);
    EXPECT(finish(2, 0), STT_COMPLETE);
    test_case(error ? error : stt_empty(), "reasm: smaller limits");
    stt_limits(-1, -1);
}

/* Who holds most is shown. */
static void
test_peers(void)
{
    struct stt_reasm_peer peers[4];
    char *error = NULL;

    for (int i = 1; i < 8; i++) {
        begin(2 * i, 0, i);
    }
    for (int again = 0; again < 2; again++) {
        EXPECT(stt_reasm_peers_get(peers, 4), 4);
        for (int i = 0; i < 4; i++) {
            EXPECT(peers[i].n_frames, 7 - i);
            EXPECT(peers[i].bytes, (7 - i) * big_bytes);
            EXPECT(peers[i].src.s6_addr[15], 2 * (7 - i));
        }
    }
    EXPECT(stt_usage().n_peers, 7);
    EXPECT(stt_usage().n_frames, 28);
    if (!error) {
        error = stt_empty();
    }
    EXPECT(stt_reasm_peers_get(peers, 4), 0);
    test_case(error, "reasm: peers");
}

void
test_reasm_memory(void)
{
    test_costs();
    stt_limits(-1, -1);
    begin(2, 0, 1);
    big_bytes = stt_usage().bytes;
    test_case(stt_empty(), "reasm: memory of a frame");

    test_peer_limit();
    test_limit();
    test_limit_of_many();
    test_flood(1);
    test_flood(2);
    test_flood(37);
    test_flood(1000);
    test_bad_flood();
    test_settings();
    test_peers();
}
