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

#include "test-tnl-gso.h"

#include <stdlib.h>
#include <string.h>

#include "dp-packet.h"
#include "tnl-gso/ports/tnl-gso-rx.h"
#include "util.h"

/* What a receive queue hands over in one turn: tnl-gso-rx.h.  The rows say how
 * many turns there must be, of a provider that has received all at once. */

enum { MAX_FRAMES = 32, HDR = 14 + 20 };

enum kind { PLAIN, TSO, USO, UFO };

/* 'n' frames of a kind, with 'len' bytes behind the IP header. */
struct frames {
    size_t n;
    enum kind kind;
    uint16_t mss;
    size_t len;
};

static const struct rx_row {
    const char *name;
    struct frames frames[4];
    size_t n_turns;
} rows[] = {
    { "ordinary", { { 32, PLAIN, 0, 60 } }, 1 },
    { "superpackets", { { 32, TSO, 1448, 65000 } }, 1 },
    { "superpackets, mss 536", { { 32, TSO, 536, 65000 } }, 1 },
    { "superpackets, mss 512", { { 32, USO, 512, 65450 } }, 1 },
    /* 1,017 packets each, headers counted: 4 of them are 4,068. */
    { "mss 64", { { 32, TSO, 64, 65000 } }, 8 },
    { "USO, mss 64", { { 32, USO, 64, 65000 } }, 8 },
    { "mss 1", { { 32, TSO, 1, 65000 } }, 32 },
    { "mss 1, small", { { 32, TSO, 1, 20 } }, 1 },
    /* One frame that takes all of a turn keeps the others waiting. */
    { "mss 1 between others",
      { { 10, PLAIN, 0, 60 }, { 1, TSO, 1, 65000 }, { 10, PLAIN, 0, 60 },
        { 10, TSO, 1448, 65000 } }, 3 },
    { "fragments", { { 1, UFO, 8, 80 } }, 1 },
    { "fragments, exactly a batch", { { 1, UFO, 8, 256 } }, 1 },
    { "fragments, one more", { { 1, UFO, 8, 257 } }, 2 },
    { "fragments, then others",
      { { 1, UFO, 8, 160 }, { 31, PLAIN, 0, 60 } }, 2 },
    { "others, then fragments",
      { { 31, PLAIN, 0, 60 }, { 1, UFO, 8, 160 } }, 2 },
    { "fragments between others",
      { { 5, PLAIN, 0, 60 }, { 3, UFO, 1480, 65000 }, { 5, PLAIN, 0, 60 } },
      5 },
    { "fragments of 64 kB", { { 32, UFO, 1480, 65000 } }, 44 },
    { "65,536 fragments", { { 32, UFO, 8, 16384 } }, 2048 },
};

/* Returns a frame whose MAC addresses are 'number'. */
static struct dp_packet *
new_frame(const struct frames *f, uint32_t number)
{
    struct dp_packet *p = dp_packet_new(HDR + f->len);
    uint8_t *data = dp_packet_put_zeros(p, HDR + f->len);

    ref_put32(data, number);
    ref_put16(data + 12, 0x0800);
    data[14] = 0x45;
    data[23] = 17;
    p->l3_ofs = 14;
    p->l4_ofs = HDR;
    switch (f->kind) {
    case PLAIN:
        break;
    case TSO:
        dp_packet_l4_checksum_set_partial(p);
        dp_packet_set_tso_segsz(p, f->mss);
        break;
    case USO:
        dp_packet_l4_checksum_set_partial(p);
        p->uso_segsz = f->mss;
        break;
    case UFO:
        p->uso_segsz = f->mss;
        break;
    }
    return p;
}

/* How many packets a port could make of 'p'. */
static size_t
n_packets(const struct dp_packet *p)
{
    size_t mss = dp_packet_get_tso_segsz(p) | p->uso_segsz;

    return mss ? (dp_packet_size(p) - HDR + mss - 1) / mss : 1;
}

/* The packets that must come: in the order of their frames, fragments of UFO
 * in theirs. */
struct expected {
    const struct rx_row *row;
    size_t frames, i;           /* The i-th one of row->frames[frames]. */
    size_t ofs;                 /* UFO: next fragment. */
    uint32_t number;
};

static char *
check_packet(struct expected *e, const struct dp_packet *p)
{
    const uint8_t *data = dp_packet_data(p);
    const struct frames *f = &e->row->frames[e->frames];

    COMPARE(ref_get32(data), e->number);
    if (f->kind == UFO) {
        COMPARE((ref_get16(data + 20) & 0x1fff) * 8, e->ofs);
        COMPARE(dp_packet_size(p) - HDR, MIN(f->mss, f->len - e->ofs));
        e->ofs += f->mss;
        if (e->ofs < f->len) {
            return NULL;
        }
        e->ofs = 0;
    } else {
        COMPARE(dp_packet_size(p), HDR + f->len);
    }
    e->number++;
    if (++e->i == f->n) {
        e->i = 0;
        e->frames++;
    }
    return NULL;
}

static char *
check_turn(struct expected *e, const struct dp_packet_batch *turn)
{
    const struct dp_packet *p;
    size_t n = 0;

    DP_PACKET_BATCH_FOR_EACH (i, p, turn) {
        char *error = check_packet(e, p);

        if (error) {
            return error;
        }
        n += n_packets(p);
    }
    COMPARE(turn->count > 0 && turn->count <= 32, true);
    COMPARE(turn->count == 1 || n <= 4096, true);
    return NULL;
}

/* Receives all frames of 'row', and takes up to 'max' turns. */
static char *
run_row(const struct rx_row *row, size_t max)
{
    struct expected expected = { .row = row };
    struct netdev_rxq rx = { .held = NULL };
    struct dp_packet_batch turn;
    uint32_t number = 0;
    char *error = NULL;
    size_t n_turns = 0;

    dp_packet_batch_init(&turn);
    for (size_t k = 0; k < ARRAY_SIZE(row->frames); k++) {
        for (size_t i = 0; i < row->frames[k].n; i++) {
            tnl_gso_rx_add(&rx, &turn, new_frame(&row->frames[k], number++));
        }
    }
    for (;;) {
        error = check_turn(&expected, &turn);
        n_turns++;
        dp_packet_delete_batch(&turn, true);
        if (!rx.held || error || n_turns == max) {
            break;
        }
        tnl_gso_rx_again(&rx, &turn);
    }
    if (max >= row->n_turns) {
        EXPECT(n_turns, row->n_turns);
        EXPECT(expected.number, number);
        EXPECT(rx.held != NULL, false);
    }
    tnl_gso_rx_drop(&rx);
    EXPECT(rx.held != NULL, false);
    dp_packet_batch_destroy(&turn);
    return error;
}

/* A batch that a driver has filled. */
static char *
run_bound(void)
{
    static const struct frames many = { 32, TSO, 64, 65000 };
    struct netdev_rxq rx = { .held = NULL };
    struct dp_packet_batch batch;
    char *error = NULL;
    size_t n = 0;

    dp_packet_batch_init(&batch);
    for (uint32_t i = 0; i < many.n; i++) {
        dp_packet_batch_add(&batch, new_frame(&many, i));
    }
    tnl_gso_rx_bound(&rx, &batch);
    for (;;) {
        EXPECT(batch.count, 4);
        n += batch.count;
        dp_packet_delete_batch(&batch, true);
        if (!rx.held || error) {
            break;
        }
        tnl_gso_rx_again(&rx, &batch);
    }
    EXPECT(n, 32);
    tnl_gso_rx_drop(&rx);
    dp_packet_batch_destroy(&batch);
    return error;
}

void
test_rx(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        test_case(run_row(&rows[i], SIZE_MAX), "rx %s", rows[i].name);
        test_case(run_row(&rows[i], 1), "rx %s, closed", rows[i].name);
    }
    test_case(run_bound(), "rx bound");
}
