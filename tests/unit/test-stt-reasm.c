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
#include "ovs-thread.h"
#include "stt-ref.h"
#include "test-stt-reasm.h"
#include "test-tnl-gso.h"
#include "tnl-gso/stt/stt-reasm.h"
#include "util.h"

/* Reassembly of STT frames, a rule at a time.  What a frame must contain
 * follows from who sent it (stt-ref.h). */

enum { TIMEOUT = 30000, MSS = 100 };

static const struct ref_stt_frame plain = {
    .src = 2, .dst = 4, .id = 7, .total = 500
};

static void
swap(int *a, int *b)
{
    int t = *a;

    *a = *b;
    *b = t;
}

/* Advances 'order' to the next permutation of 'n'.  Returns false behind the
 * last one. */
static bool
next_permutation(int order[], int n)
{
    int i = n - 1;
    int j = n - 1;

    while (i > 0 && order[i - 1] >= order[i]) {
        i--;
    }
    if (!i) {
        return false;
    }
    while (order[j] <= order[i - 1]) {
        j--;
    }
    swap(&order[i - 1], &order[j]);
    for (j = n - 1; i < j; i++, j--) {
        swap(&order[i], &order[j]);
    }
    return true;
}

/* Every order of five parts, the last one shorter; with CE in none or in one
 * of them. */
static void
test_orders(void)
{
    int order[5] = { 0, 1, 2, 3, 4 };
    struct ref_stt_frame f = plain;

    f.total = 4 * MSS + 37;
    do {
        for (int marked = -1; marked < 5; marked++) {
            struct dp_packet *p = NULL;
            char *error = NULL;
            bool ce = false;

            f.generation++;
            for (int i = 0; i < 5; i++) {
                struct stt_change change = { .ce = order[i] == marked };
                uint16_t ofs = order[i] * MSS;

                EXPECT(stt_add_changed(&f, ofs, MIN(MSS, f.total - ofs),
                                       &change, &p, &ce),
                       i == 4 ? STT_COMPLETE : STT_HELD);
            }
            EXPECT(ce, marked >= 0);
            test_case(error ? error : stt_compare(p, &f),
                      "reasm: order %d%d%d%d%d, CE in %d", order[0], order[1],
                      order[2], order[3], order[4], marked);
        }
    } while (next_permutation(order, 5));
    test_case(stt_empty(), "reasm: orders: nothing left");
}

/* Each part lost once: nothing comes out, whatever else does. */
static void
test_loss(void)
{
    for (int lost = 0; lost < 5; lost++) {
        struct ref_stt_frame f = plain;
        unsigned long long expired;
        char *error = NULL;

        for (int i = 0; i < 5; i++) {
            if (i != lost) {
                EXPECT(stt_add_part(&f, i * MSS, MSS, NULL), STT_HELD);
            }
        }
        EXPECT(stt_usage().n_frames, 1);
        expired = stt_counted(STT_EXPIRED);
        if (!error) {
            error = stt_empty();
        }
        EXPECT(stt_counted(STT_EXPIRED) - expired, 1);
        test_case(error, "reasm: part %d lost", lost);
    }
}

/* Each part twice, with other bytes the second time, after each other part. */
static void
test_duplicates(void)
{
    static const struct stt_change other = { .other = true };

    for (int twice = 0; twice < 5; twice++) {
        for (int after = twice; after < 4; after++) {
            struct ref_stt_frame f = plain;
            struct dp_packet *p = NULL;
            char *error = NULL;
            bool ce;

            for (int i = 0; i < 5; i++) {
                EXPECT(stt_add_part(&f, i * MSS, MSS, &p),
                       i == 4 ? STT_COMPLETE : STT_HELD);
                if (i == after) {
                    EXPECT(stt_add_changed(&f, twice * MSS, MSS, &other, NULL,
                                       &ce), STT_DROP_DUPLICATE);
                }
            }
            test_case(error ? error : stt_compare(p, &f),
                      "reasm: part %d again after %d", twice, after);
        }
    }
}

/* A new part against [100, 200) and [300, 400) of 500 bytes. */
static void
test_overlaps(void)
{
    static const struct {
        const char *name;
        uint16_t start, end;
        enum stt_verdict verdict;
    } rows[] = {
        { "the same", 100, 200, STT_DROP_DUPLICATE },
        { "the same as the second", 300, 400, STT_DROP_DUPLICATE },
        { "within", 120, 180, STT_DROP_DUPLICATE },
        { "within, same start", 100, 101, STT_DROP_DUPLICATE },
        { "within, same end", 399, 400, STT_DROP_DUPLICATE },
        { "over its start", 50, 101, STT_DROP_OVERLAP },
        { "over all of it", 50, 250, STT_DROP_OVERLAP },
        { "up to its end", 50, 200, STT_DROP_OVERLAP },
        { "from its start", 100, 201, STT_DROP_OVERLAP },
        { "over its end", 199, 201, STT_DROP_OVERLAP },
        { "over the hole, touching the next", 200, 301, STT_DROP_OVERLAP },
        { "over the hole and both", 199, 301, STT_DROP_OVERLAP },
        { "from the first to the end of the next", 150, 400,
          STT_DROP_OVERLAP },
        { "over everything but a byte", 1, 500, STT_DROP_OVERLAP },
        { "over the end of the last", 350, 500, STT_DROP_OVERLAP },
        { "up to its start", 99, 100, STT_HELD },
        { "all in front of it", 0, 100, STT_HELD },
        { "the first byte", 0, 1, STT_HELD },
        { "from its end", 200, 201, STT_HELD },
        { "the hole", 200, 300, STT_HELD },
        { "in the hole", 220, 280, STT_HELD },
        { "up to the end of the hole", 299, 300, STT_HELD },
        { "behind the last", 400, 401, STT_HELD },
        { "to the end", 400, 500, STT_HELD },
        { "the last byte", 499, 500, STT_HELD },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        bool dropped = rows[i].verdict != STT_HELD;
        struct stt_change change = { .other = dropped };
        struct ref_stt_frame f = plain;
        bool have[500] = { false };
        struct dp_packet *p = NULL;
        char *error = NULL;
        bool ce;

        f.generation = i;
        stt_add_part(&f, 100, 100, NULL);
        stt_add_part(&f, 300, 100, NULL);
        memset(have + 100, true, 100);
        memset(have + 300, true, 100);
        EXPECT(stt_add_changed(&f, rows[i].start, rows[i].end - rows[i].start,
                               &change, NULL, &ce), rows[i].verdict);
        if (!dropped) {
            memset(have + rows[i].start, true, rows[i].end - rows[i].start);
        }
        /* Then the rest, a byte at a time. */
        for (size_t j = 0; j < 500; j++) {
            if (!have[j]) {
                stt_add_part(&f, j, 1, &p);
            }
        }
        test_case(error ? error : stt_compare(p, &f), "reasm: overlap: %s",
                  rows[i].name);
    }
    test_case(stt_empty(), "reasm: overlaps: nothing left");
}

static void
test_lengths(void)
{
    static const struct {
        uint16_t total, ofs, len;
        enum stt_verdict verdict;
    } rows[] = {
        { 500, 0, 0, STT_DROP_LENGTH },
        { 500, 500, 0, STT_DROP_LENGTH },
        { 500, 100, 0, STT_DROP_LENGTH },
        { 500, 0, 501, STT_DROP_LENGTH },
        { 500, 1, 500, STT_DROP_LENGTH },
        { 500, 500, 1, STT_DROP_LENGTH },
        { 500, 499, 2, STT_DROP_LENGTH },
        { 500, 65535, 1, STT_DROP_LENGTH },
        { 500, 65535, 65535, STT_DROP_LENGTH },
        { 500, 65036, 1000, STT_DROP_LENGTH },  /* Over 16 bits. */
        { 65535, 65535, 1, STT_DROP_LENGTH },
        { 65535, 1, 65535, STT_DROP_LENGTH },
        { 0, 0, 1, STT_DROP_LENGTH },
        { 1, 0, 1, STT_DROP_LENGTH },
        { 17, 0, 17, STT_DROP_LENGTH },
        { 17, 0, 16, STT_DROP_LENGTH },
        { 18, 0, 18, STT_COMPLETE },
        { 18, 0, 17, STT_HELD },
        { 500, 0, 500, STT_COMPLETE },
        { 500, 499, 1, STT_HELD },
        { 500, 0, 499, STT_HELD },
        { 65495, 0, 65495, STT_COMPLETE },
        { 65535, 0, 65535, STT_COMPLETE },
        { 65535, 65534, 1, STT_HELD },
        { 65535, 0, 65534, STT_HELD },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct ref_stt_frame f = plain;
        struct dp_packet *p;
        char *error = NULL;

        f.total = rows[i].total;
        EXPECT(stt_add_part(&f, rows[i].ofs, rows[i].len, &p),
               rows[i].verdict);
        EXPECT(stt_usage().n_frames, rows[i].verdict == STT_HELD);
        if (rows[i].verdict == STT_COMPLETE && !error) {
            error = stt_compare(p, &f);
        }
        test_case(error, "reasm: %u bytes at %u of %u", rows[i].len,
                  rows[i].ofs, rows[i].total);
        free(stt_empty());
    }
}

/* A part with another total than the first one's is one of another frame. */
static void
test_totals(void)
{
    static const uint16_t others[] = { 400, 499, 501, 65535, 300 };

    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        struct stt_change change = { .total = others[i], .other = true };
        struct ref_stt_frame f = plain;
        char *error = NULL;
        bool ce;

        EXPECT(stt_add_changed(&f, 0, MSS, &change, NULL, &ce), STT_HELD);
        stt_add_part(&f, 0, MSS, NULL);
        EXPECT(stt_add_changed(&f, 200, MSS, &change, NULL, &ce), STT_HELD);
        EXPECT(stt_add_changed(&f, 0, MSS, &change, NULL, &ce),
               STT_DROP_DUPLICATE);
        EXPECT(stt_usage().n_frames, 2);
        test_case(error ? error : stt_complete(&f, MSS, 500),
                  "reasm: total %u instead of %u", others[i], f.total);
        free(stt_empty());
    }
}

/* Frames of any size, cut into parts of any size. */
static void
test_sizes(void)
{
    static const uint16_t totals[] = {
        19, 1518, 1920, 1921, 10112, 10113, 16383, 16384, 65407, 65408, 65409,
        65495, 65534, 65535
    };
    static const uint16_t msses[] = { 1, 536, 1460, 8960, 65000 };

    for (size_t t = 0; t < ARRAY_SIZE(totals); t++) {
        for (size_t m = 0; m < ARRAY_SIZE(msses); m++) {
            struct ref_stt_frame f = plain;
            uint16_t mss = MIN(msses[m], totals[t] - 1);
            struct dp_packet *p = NULL;
            char *error = NULL;

            f.total = totals[t];
            for (uint32_t ofs = 0; ofs < f.total; ofs += mss) {
                EXPECT(stt_add_part(&f, ofs, MIN(mss, f.total - ofs), &p),
                       ofs + mss < f.total ? STT_HELD : STT_COMPLETE);
            }
            EXPECT(stt_usage().bytes, 0);
            test_case(error ? error : stt_compare(p, &f),
                      "reasm: %u bytes in parts of %u", f.total, mss);
        }
    }
}

/* Parts that were merged on the way, of different lengths. */
static void
test_merged(void)
{
    static const uint16_t cuts[][6] = {
        { 0, 300, 500 },
        { 0, 100, 400, 500 },
        { 0, 200, 300, 500 },
        { 0, 1, 499, 500 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cuts); i++) {
        for (int backward = 0; backward <= 1; backward++) {
            struct ref_stt_frame f = plain;
            struct dp_packet *p = NULL;
            char *error = NULL;
            size_t n = 0;

            while (cuts[i][n] < 500) {
                n++;
            }
            for (size_t j = 0; j < n; j++) {
                size_t k = backward ? n - 1 - j : j;

                EXPECT(stt_add_part(&f, cuts[i][k],
                                    cuts[i][k + 1] - cuts[i][k], &p),
                       j == n - 1 ? STT_COMPLETE : STT_HELD);
            }
            test_case(error ? error : stt_compare(p, &f),
                      "reasm: merged parts, row %"PRIuSIZE"%s", i,
                      backward ? " backward" : "");
        }
    }
}

/* IDs are not numbers: any may follow any other, and each again at once. */
static void
test_ids(void)
{
    static const uint32_t ids[] = {
        0xfffffffe, 0xffffffff, 0, 1, 1, 1, 0x80000000, 0
    };
    struct ref_stt_frame f = plain;
    char *error = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        f.id = ids[i];
        f.generation = i;
        test_case(stt_complete(&f, 0, 500), "reasm: ID %#x, frame %"PRIuSIZE,
                  f.id, i);
    }

    /* Incomplete, forgotten, and used again, by an add alone. */
    f.generation = 100;
    stt_add_range(&f, 0, 400, NULL);
    stt_now += TIMEOUT;
    f.generation = 101;
    EXPECT(stt_add_range(&f, 400, 500, NULL), STT_HELD);
    test_case(error ? error : stt_complete(&f, 0, 400),
              "reasm: an ID again after it has expired");
    test_case(stt_empty(), "reasm: IDs: nothing left");
}

/* Frames that differ in one member of the key, a part of each at a time. */
static void
test_keys(void)
{
    struct ref_stt_frame frames[] = {
        { 2, 4, 7, 0, 500 },
        { 6, 4, 7, 0, 500 },
        { 2, 8, 7, 0, 500 },
        { 4, 2, 7, 0, 500 },
        { 2, 4, 8, 0, 500 },
        { 3, 5, 7, 0, 500 },    /* IPv6. */
        { 5, 3, 7, 0, 500 },
        { 3, 7, 7, 0, 500 },
        { 2, 4, 7 << 24, 0, 500 },
    };
    struct dp_packet *p[ARRAY_SIZE(frames)];

    for (uint16_t ofs = 0; ofs < 500; ofs += MSS) {
        for (size_t i = 0; i < ARRAY_SIZE(frames); i++) {
            stt_add_part(&frames[i], ofs, MSS, &p[i]);
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(frames); i++) {
        test_case(stt_compare(p[i], &frames[i]),
                  "reasm: source %u, destination %u, ID %#x", frames[i].src,
                  frames[i].dst, frames[i].id);
    }
    test_case(stt_empty(), "reasm: keys: nothing left");
}

/* So many frames at once that several are in each bucket of the table: those
 * of as many sources, of as many destinations, and with as many IDs. */
static void
test_many(void)
{
    static const char *const names[] = { "sources", "destinations", "IDs" };
    enum { MANY = 12000 };

    for (int which = 0; which < 3; which++) {
        struct ref_stt_frame f = { .src = 2, .dst = 4, .total = 30 };
        size_t n_right = 0;
        char *error = NULL;

        for (int part = 0; part < 2; part++) {
            for (int i = 0; i < MANY; i++) {
                enum stt_verdict verdict;
                struct stt_segment s;
                struct dp_packet *p;
                uint8_t payload[15];
                bool ce;

                f.src = which == 0 ? 2 * i : 2;
                f.dst = which == 1 ? i : 4;
                f.id = which == 2 ? i : 0;
                ref_stt_segment(&f, part * 15, 15, false, payload, &s);
                p = stt_reasm_add(&s, stt_now, &verdict, &ce);
                if (p) {
                    error = stt_compare(p, &f);
                    n_right += !error;
                    free(error);
                }
            }
        }
        error = NULL;
        EXPECT(n_right, MANY);
        test_case(error, "reasm: many %s", names[which]);
        test_case(stt_empty(), "reasm: many %s: nothing left", names[which]);
    }
}

void
test_reasm(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    test_orders();
    test_loss();
    test_duplicates();
    test_overlaps();
    test_lengths();
    test_totals();
    test_sizes();
    test_merged();
    test_ids();
    test_keys();
    stt_limits(-1, STT_REASM_DEF_LIMIT);
    test_many();
    stt_limits(-1, -1);
    test_reasm_events();
    test_reasm_memory();
    test_reasm_threads();
}
