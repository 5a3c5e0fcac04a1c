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

#include "dp-packet.h"
#include "ovs-thread.h"
#include "smap.h"
#include "test-stt-reasm.h"
#include "test-tnl-gso.h"
#include "util.h"

/* Reassembly of STT frames: time, damage, and what else happens to parts on
 * their way. */

enum { TIMEOUT = 30000, MSS = 100 };

static const struct ref_stt_frame plain = {
    .src = 2, .dst = 4, .id = 7, .total = 500
};

/* Time counts from the first part. */
static void
test_expiry(void)
{
    struct ref_stt_frame f = plain;
    struct ref_stt_frame g = plain;
    unsigned long long expired = stt_counted(STT_EXPIRED);
    struct smap config = SMAP_INITIALIZER(&config);
    char *error = NULL;

    EXPECT(stt_add_part(&f, 0, MSS, NULL), STT_HELD);
    stt_now += TIMEOUT - 1;
    EXPECT(stt_add_part(&f, 100, MSS, NULL), STT_HELD);
    stt_reasm_run(stt_now);
    EXPECT(stt_usage().n_frames, 1);
    EXPECT(stt_add_part(&f, 200, MSS, NULL), STT_HELD);
    stt_now++;
    EXPECT(stt_add_part(&f, 300, MSS, NULL), STT_HELD);
    EXPECT(stt_add_part(&f, 400, MSS, NULL), STT_HELD);
    EXPECT(stt_counted(STT_EXPIRED) - expired, 1);
    test_case(error ? error : stt_complete(&f, 0, 300),
              "reasm: time from the first part");

    /* The last part comes too late. */
    error = NULL;
    stt_add_range(&f, 0, 400, NULL);
    stt_now += TIMEOUT;
    EXPECT(stt_add_part(&f, 400, MSS, NULL), STT_HELD);
    EXPECT(stt_usage().n_frames, 1);
    test_case(error ? error : stt_empty(), "reasm: the last part too late");

    /* Other parts that are added sweep, nobody else does. */
    error = NULL;
    for (g.id = 0; g.id < 200; g.id++) {
        stt_add_part(&g, 0, MSS, NULL);
    }
    stt_now += TIMEOUT;
    f.src = 12;
    for (int i = 0; i < 5; i++) {
        EXPECT(stt_add_part(&f, i * 50, 50, NULL), STT_HELD);
    }
    EXPECT(stt_usage().n_frames, 1);
    test_case(error ? error : stt_empty(),
              "reasm: parts of other frames sweep");

    /* The main thread does. */
    error = NULL;
    for (g.id = 0; g.id < 200; g.id++) {
        stt_add_part(&g, 0, MSS, NULL);
    }
    stt_reasm_run(stt_now + TIMEOUT - 1);
    EXPECT(stt_usage().n_frames, 200);
    stt_reasm_run(stt_now + TIMEOUT);
    EXPECT(stt_usage().n_frames, 0);
    test_case(error, "reasm: the main thread sweeps");

    /* Configured. */
    error = NULL;
    smap_add(&config, "stt-reasm-timeout", "5");
    stt_reasm_set_config(&config);
    EXPECT(stt_usage().timeout, 5);
    stt_add_part(&f, 0, MSS, NULL);
    stt_reasm_run(stt_now + 4);
    EXPECT(stt_usage().n_frames, 1);
    stt_reasm_run(stt_now + 5);
    EXPECT(stt_usage().n_frames, 0);
    smap_destroy(&config);
    stt_limits(-1, -1);
    EXPECT(stt_usage().timeout, TIMEOUT);
    test_case(error, "reasm: stt-reasm-timeout");
    test_case(stt_empty(), "reasm: expiry: nothing left");
}

/* A wrong checksum changes nothing, wherever it is. */
static void
test_bad_checksums(void)
{
    static const struct stt_change none = { .bad = false };
    static const struct stt_change bad = { .bad = true, .ce = true };
    static const struct stt_change bad_other = { .bad = true, .other = true };
    static const struct stt_change bad_total = { .bad = true, .total = 501 };
    struct stt_reasm_usage before, after;
    struct ref_stt_frame f = plain;
    struct dp_packet *p = NULL;
    struct stt_segment s;
    enum stt_verdict verdict;
    uint8_t payload[MSS];
    char *error = NULL;
    bool ce = true;

    EXPECT(stt_add_changed(&f, 0, 500, &bad, NULL, &ce), STT_DROP_CSUM);
    EXPECT(stt_add_changed(&f, 0, MSS, &bad, NULL, &ce), STT_DROP_CSUM);
    EXPECT(stt_usage().n_frames, 0);
    EXPECT(stt_usage().bytes, 0);
    test_case(error, "reasm: bad checksum: no frame");

    /* In each place of a frame, its bytes other ones: whether they go into a
     * hole, are there, overlap, or are of another total. */
    error = NULL;
    stt_add_part(&f, 0, MSS, NULL);
    before = stt_usage();
    for (uint16_t ofs = 0; ofs < 500; ofs += 50) {
        EXPECT(stt_add_changed(&f, ofs, 50, &bad_other, NULL, &ce),
               STT_DROP_CSUM);
    }
    EXPECT(stt_add_changed(&f, 50, 100, &bad_other, NULL, &ce), STT_DROP_CSUM);
    EXPECT(stt_add_changed(&f, 100, 400, &bad_other, NULL, &ce),
           STT_DROP_CSUM);
    EXPECT(stt_add_changed(&f, 100, 100, &bad_total, NULL, &ce),
           STT_DROP_CSUM);
    EXPECT(stt_add_changed(&f, 100, 0, &bad, NULL, &ce), STT_DROP_CSUM);
    EXPECT(stt_add_changed(&f, 450, 100, &bad, NULL, &ce), STT_DROP_CSUM);
    EXPECT(stt_add_changed(&f, 400, 100, &bad, NULL, &ce), STT_DROP_CSUM);
    after = stt_usage();
    EXPECT(after.bytes, before.bytes);
    EXPECT(after.n_frames, 1);
    for (uint16_t ofs = 100; ofs < 500; ofs += MSS) {
        EXPECT(stt_add_changed(&f, ofs, MSS, &none, &p, &ce),
               ofs == 400 ? STT_COMPLETE : STT_HELD);
    }
    EXPECT(ce, false);
    test_case(error ? error : stt_compare(p, &f),
              "reasm: bad checksum: none of it in the frame");

    /* One bit of the payload. */
    error = NULL;
    for (int bit = 0; bit < 8 * MSS; bit += 41) {
        ref_stt_segment(&f, 0, MSS, false, payload, &s);
        payload[bit / 8] ^= 1 << bit % 8;
        dp_packet_delete(stt_add(&s, &verdict, &ce));
        EXPECT(verdict, STT_DROP_CSUM);
    }
    /* Not to be checked. */
    s.check = false;
    dp_packet_delete(stt_add(&s, &verdict, &ce));
    EXPECT(verdict, STT_HELD);
    test_case(error, "reasm: bad checksum: a bit");
    test_case(stt_empty(), "reasm: bad checksums: nothing left");
}

/* More pieces that are apart from each other than a frame can have. */
static void
test_holes(void)
{
    enum { MAX_PIECES = 62 };
    struct ref_stt_frame f = plain;
    struct dp_packet *p = NULL;
    char *error = NULL;

    for (int i = 0; i < MAX_PIECES; i++) {
        EXPECT(stt_add_part(&f, 2 * i, 1, NULL), STT_HELD);
    }
    EXPECT(stt_add_part(&f, 2 * MAX_PIECES, 1, NULL), STT_DROP_HOLES);
    EXPECT(stt_add_part(&f, 2 * MAX_PIECES + 100, 1, NULL), STT_DROP_HOLES);
    /* One that follows a piece, and one that joins two. */
    EXPECT(stt_add_part(&f, 2 * MAX_PIECES - 1, 1, NULL), STT_HELD);
    EXPECT(stt_add_part(&f, 1, 1, NULL), STT_HELD);
    EXPECT(stt_add_part(&f, 400, 50, NULL), STT_HELD);
    EXPECT(stt_add_part(&f, 470, 30, NULL), STT_DROP_HOLES);
    for (int i = 1; i < MAX_PIECES - 1; i++) {
        EXPECT(stt_add_part(&f, 2 * i + 1, 1, NULL), STT_HELD);
    }
    EXPECT(stt_add_part(&f, 450, 50, NULL), STT_HELD);
    EXPECT(stt_add_part(&f, 2 * MAX_PIECES, 400 - 2 * MAX_PIECES, &p),
           STT_COMPLETE);
    test_case(error ? error : stt_compare(p, &f), "reasm: too many holes");
}

/* The same in batches, whatever is mixed in them; and no lock is left. */
static void *
add_in_thread(void *f)
{
    stt_add_part(f, 200, MSS, NULL);
    return NULL;
}

static void
test_batches(void)
{
    struct ref_stt_frame frames[3] = { plain, plain, plain };
    struct ref_stt_frame whole = plain;
    unsigned long long held = stt_counted(STT_HELD);
    struct dp_packet *p[3];
    char *error = NULL;
    pthread_t thread;

    frames[1].id++;
    frames[2].src++;
    whole.id += 2;
    for (int alternate = 0; alternate <= 1; alternate++) {
        uint8_t payload[500];
        struct stt_segment s;
        enum stt_verdict verdict;
        bool ce;

        stt_reasm_begin();
        for (int i = 0; i < 15; i++) {
            int f = alternate ? i % 3 : i / 5;
            int k = alternate ? i / 3 : i % 5;

            ref_stt_segment(&frames[f], k * MSS, MSS, false, payload, &s);
            p[f] = stt_reasm_add(&s, stt_now, &verdict, &ce);
            EXPECT(verdict, k == 4 ? STT_COMPLETE : STT_HELD);
            ref_stt_segment(&whole, 0, 500, false, payload, &s);
            dp_packet_delete(stt_reasm_add(&s, stt_now, &verdict, &ce));
            EXPECT(verdict, STT_COMPLETE);
        }
        stt_reasm_end();
        held += 12;
        EXPECT(stt_counted(STT_HELD) - held, 0);
        for (int f = 0; f < 3; f++) {
            test_case(error ? error : stt_compare(p[f], &frames[f]),
                      "reasm: batch, %s, frame %d",
                      alternate ? "alternately" : "in order", f);
            error = NULL;
        }
    }

    stt_reasm_begin();
    for (int k = 0; k < 2; k++) {
        uint8_t payload[MSS];
        struct stt_segment s;
        enum stt_verdict verdict;
        bool ce;

        ref_stt_segment(&frames[0], k * MSS, MSS, false, payload, &s);
        stt_reasm_add(&s, stt_now, &verdict, &ce);
    }
    stt_reasm_end();
    thread = ovs_thread_create("stt", add_in_thread, &frames[0]);
    xpthread_join(thread, NULL);
    test_case(stt_complete(&frames[0], 300, 500),
              "reasm: another thread after a batch");
}

void
test_reasm_events(void)
{
    test_expiry();
    test_bad_checksums();
    test_holes();
    test_batches();
}
