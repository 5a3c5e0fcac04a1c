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

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command-line.h"
#include "stt-lifecycle.h"
#include "timeval.h"
#include "tnl-gso-pkt.h"
#include "util.h"

/* The same as fuzz-stt-pop.c with random packets of the packet builder, and
 * its seeds.
 *
 * Case number i of seed S is case 0 of seed S + i: when a case aborts, its
 * seed is the last one that was printed, or later; `ovstest test-tnl-gso
 * stt-lifecycle 1 SEED` runs one alone. */

struct program {
    uint8_t *v;
    size_t n;
    size_t max;
};

static void
put8(struct program *p, uint8_t value)
{
    if (p->n < p->max) {
        p->v[p->n++] = value;
    }
}

static void
put16(struct program *p, uint16_t value)
{
    put8(p, value >> 8);
    put8(p, value);
}

static void
put_bytes(struct program *p, const uint8_t *bytes, size_t len)
{
    put16(p, len);
    for (size_t i = 0; i < len; i++) {
        put8(p, bytes[i]);
    }
}

/* A random plain packet, no longer than 'max'. */
static uint8_t *
random_inner(struct pkt_rng *rng, size_t max, struct pkt_row *row, size_t *len)
{
    for (;;) {
        uint8_t *frame;

        pkt_row_random(row, rng);
        row->encap = REF_PLAIN;
        if (pkt_range(rng, 2)) {
            row->inner.n_vlans = MIN(row->inner.n_vlans, 1);
            row->inner.n_mpls = row->inner.nsh = 0;
            row->tcp_flags &= ~0x80;
        }
        if (!pkt_row_valid(row) || row->payload > max) {
            continue;
        }
        frame = pkt_build_frame(row, len);
        if (*len <= max) {
            return frame;
        }
        free(frame);
    }
}

static uint8_t
random_marks(struct pkt_rng *rng, const struct pkt_row *row)
{
    static const uint8_t marks[] = {
        0, LIFE_L4_GOOD, LIFE_L4_PARTIAL, LIFE_L4_PARTIAL | LIFE_TSO,
        LIFE_L4_PARTIAL | LIFE_TSO,
    };

    return (marks[pkt_range(rng, ARRAY_SIZE(marks))]
            | (row->udp ? LIFE_UDP : 0));
}

static uint8_t
random_how(struct pkt_rng *rng)
{
    return ((pkt_range(rng, 2) ? LIFE_IPV6 : 0)
            | (pkt_range(rng, 4) ? 0 : LIFE_VLAN)
            | (pkt_range(rng, 16) ? 0 : LIFE_BAD)
            | (pkt_range(rng, 4) ? 0 : LIFE_CE)
            | (pkt_range(rng, 8) ? LIFE_SETTLE : 0));
}

static void
put_op(struct program *p, struct pkt_rng *rng, size_t max)
{
    struct pkt_row row;
    uint8_t *inner;
    size_t len, n;

    inner = random_inner(rng, max, &row, &len);
    switch (pkt_range(rng, 8)) {
    case 0:
        put8(p, LIFE_RAW);
        put8(p, pkt_rand(rng));
        put_bytes(p, inner, len);
        break;
    case 1:
        put8(p, LIFE_PART | random_how(rng));
        put8(p, pkt_range(rng, 4));
        put16(p, pkt_range(rng, 3) ? len + 18 : pkt_rand(rng));
        put16(p, pkt_range(rng, 100));
        n = pkt_range(rng, 200);
        put_bytes(p, inner, MIN(len, n));
        break;
    case 2:
        put8(p, LIFE_END);
        break;
    case 3:
    case 4:
        put8(p, LIFE_FRAME | random_how(rng));
        put8(p, pkt_range(rng, 8));
        put16(p, pkt_range(rng, len + 20));
        put8(p, pkt_rand(rng) & (pkt_range(rng, 4) ? 0x3f : 0xff));
        put8(p, 0);
        put8(p, pkt_rand(rng));
        put16(p, pkt_range(rng, 100) << 8);
        put16(p, pkt_range(rng, 4) ? row.mss : 0);
        put16(p, pkt_range(rng, 4) ? 0 : pkt_rand(rng));
        put_bytes(p, inner, len);
        break;
    default:
        put8(p, LIFE_PUSH | random_how(rng));
        put8(p, random_marks(rng, &row));
        put16(p, row.mss);
        put16(p, pkt_range(rng, 2) ? 1500 : pkt_rand(rng));
        put8(p, pkt_rand(rng));
        put_bytes(p, inner, len);
        break;
    }
    free(inner);
}

/* Makes program number 'seed' in 'p', of packets up to 'max' bytes. */
static void
random_program(struct program *p, uint64_t seed, size_t max)
{
    struct pkt_rng rng = { seed };

    p->n = 0;
    put16(p, pkt_range(&rng, 2) ? 1500 : pkt_rand(&rng));
    for (uint32_t n = 1 + pkt_range(&rng, 8); n > 0; n--) {
        put_op(p, &rng, max);
    }
}

void
test_stt_lifecycle(struct ovs_cmdl_context *ctx)
{
    uint64_t n = ctx->argc > 1 ? strtoull(ctx->argv[1], NULL, 0) : 2000;
    uint64_t seed = (ctx->argc > 2 ? strtoull(ctx->argv[2], NULL, 0)
                     : time_wall_msec());
    const struct stt_lifecycle_stats *s = &stt_lifecycle_stats;
    struct program p = { .max = 1000000 };

    p.v = xmalloc(p.max);
    for (uint64_t i = 0; i < n; i++) {
        if (i % 256 == 0) {
            printf("stt-lifecycle: %"PRIu64" cases, seed %"PRIu64"\n", i,
                   seed + i);
        }
        random_program(&p, seed + i, (seed + i) % 8 ? 10000 : 65000);
        stt_lifecycle_run(p.v, p.n);
    }
    free(p.v);
    printf("stt-lifecycle: %llu packets popped, %llu held, %llu out; "
           "%llu pushed, "
           "%llu came back; %llu sent\n", s->popped, s->held, s->out,
           s->pushed, s->returned, s->sent);
    test_case(s->returned ? NULL : xstrdup("nothing"),
              "stt-lifecycle: %"PRIu64" random sequences", n);
}

/* Writes seeds for the fuzz target. */
void
test_stt_corpus(struct ovs_cmdl_context *ctx)
{
    uint64_t n = strtoull(ctx->argv[2], NULL, 0);
    struct program p = { .max = 4096 };

    p.v = xmalloc(p.max);
    for (uint64_t i = 0; i < n; i++) {
        random_program(&p, i, 1500);
        write_seed(ctx->argv[1], i, p.v, 1, p.v + 1, p.n - 1);
    }
    free(p.v);
}
