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

#include "command-line.h"
#include "netdev-provider.h"
#include "openvswitch/dynamic-string.h"
#include "timeval.h"
#include "tnl-gso-pkt.h"
#include "util.h"

/* Properties: random packets, ports and damage, compared with the reference.
 *
 * Case number i of seed S is case 0 of seed S + i, and each failure names its
 * own seed: `ovstest test-tnl-gso props 1 SEED` runs it alone; `nested-props`
 * is the same with tunnels in tunnels. */

/* Random capabilities, and half of the time those that matter. */
static void
random_caps(struct tnl_gso_caps *caps, struct pkt_rng *rng,
            const struct pkt_row *row)
{
    *caps = (struct tnl_gso_caps) {
        .ol_flags = fuzz_ol_flags(pkt_rand(rng)),
    };
    caps->methods = (pkt_range(rng, 4) ? TNL_GSO_METHODS_ALL
                     : pkt_rand(rng) & TNL_GSO_METHODS_ALL);
    if (pkt_range(rng, 2)) {
        caps->ol_flags |= (test_seg_flag(row->encap, row->udp)
                           | test_tnl_tso(row->encap)
                           | NETDEV_TX_OFFLOAD_OUTER_IP_CKSUM);
    } else {
        caps->ol_flags &= ~test_seg_flag(row->encap, row->udp);
    }
    if (pkt_range(rng, 4)) {
        /* Most other ways come behind it. */
        caps->ol_flags &= ~TNL_GSO_TX_TNL_GSO;
    }
    if (!pkt_range(rng, 8)) {
        caps->max_frame_len = 1 + pkt_range(rng, 2 * row->mss);
    }
}

/* Damages up to three bytes of the first 'hdr_len', where the headers are, or
 * cuts the frame short. */
static void
damage(uint8_t *frame, size_t *len, size_t hdr_len, struct pkt_rng *rng)
{
    if (pkt_range(rng, 3)) {
        for (uint32_t n = 1 + pkt_range(rng, 3); n > 0; n--) {
            frame[pkt_range(rng, MIN(*len, hdr_len))] = pkt_rand(rng);
        }
    } else {
        *len = pkt_range(rng, *len);
    }
}

/* The frame of case 'seed', for the caller to free. */
static uint8_t *
random_frame(uint64_t seed, bool nested, struct pkt_row *row,
             struct pkt_rng *rng, size_t *len, bool *damaged)
{
    uint8_t *frame;

    rng->state = seed;
    (nested ? pkt_row_random_nested : pkt_row_random)(row, rng);
    frame = pkt_build_frame(row, len);
    *damaged = !pkt_range(rng, 4);
    if (*damaged) {
        damage(frame, len, nested ? 250 : 150, rng);
    }
    return frame;
}

static void
one(uint64_t seed, bool nested, unsigned int n_methods[])
{
    struct ds s = DS_EMPTY_INITIALIZER;
    struct tnl_gso_caps caps;
    struct tnl_gso_plan plan;
    struct cut_job job;
    struct pkt_row row;
    struct pkt_rng rng;
    bool damaged, split, unmarked;
    struct ref_layout l;
    uint8_t *frame;
    char *error;
    size_t len;

    frame = random_frame(seed, nested, &row, &rng, &len, &damaged);
    split = !pkt_range(&rng, 6);
    unmarked = !pkt_range(&rng, 10);
    random_caps(&caps, &rng, &row);
    job = (struct cut_job) {
        .ref = pkt_job(&row),
        .caps = split ? NULL : &caps,
        .max_frame_len = 1 + pkt_range(&rng, MIN(len * 2 + 1, UINT16_MAX)),
    };
    if (unmarked) {
        job.ref.encap = job.ref.mid = REF_PLAIN;
        job.ref.outer_csum = false;
    }
    if (split || unmarked) {
        job.ref.rco = false;
    }
    if (nested && !ref_parse_job(frame, len, &job.ref, &l)
        && len - l.payload <= job.ref.mss) {
        /* Is a checksum that is there kept or not?  Either will do. */
        job.ref.l4_done = false;
    }
    error = cut_and_compare(frame, len, &job, &plan);
    n_methods[plan.method]++;
    pkt_row_format(&row, &s);
    test_case(error, "%s 1 %"PRIu64" (%s%s%s, flags %#"PRIx64", methods "
              "%#x)%s: %s", nested ? "nested-props" : "props", seed,
              split ? "split, " : "",
              unmarked ? "unmarked, " : "",
              tnl_gso_method_to_string(plan.method), caps.ol_flags,
              caps.methods, damaged ? ", damaged" : "", ds_cstr(&s));
    ds_destroy(&s);
    free(frame);
}

static void
test_random(struct ovs_cmdl_context *ctx, bool nested)
{
    const char *name = nested ? "nested-props" : "props";
    uint64_t n = ctx->argc > 1 ? strtoull(ctx->argv[1], NULL, 0) : 20000;
    uint64_t seed = (ctx->argc > 2 ? strtoull(ctx->argv[2], NULL, 0)
                     : time_wall_msec());
    unsigned int n_methods[TNL_GSO_N_METHODS] = { 0 };

    printf("%s: %"PRIu64" cases, seed %"PRIu64"\n", name, n, seed);
    for (uint64_t i = 0; i < n; i++) {
        one(seed + i, nested, n_methods);
    }

    printf("%s:", name);
    for (size_t i = 0; i < TNL_GSO_N_METHODS; i++) {
        bool later = (i == TNL_GSO_TCP_TSO
                      || (nested && i != TNL_GSO_UDP_GSO && i != TNL_GSO_SPLIT
                          && i != TNL_GSO_SOFTWARE && i != TNL_GSO_DROP));

        if (!later) {
            printf(" %s %u", tnl_gso_method_to_string(i), n_methods[i]);
            /* A method that is never chosen is not tested. */
            if (n >= 1000) {
                test_case(n_methods[i] ? NULL : xstrdup("never chosen"),
                          "%s: method %s", name, tnl_gso_method_to_string(i));
            }
        }
    }
    printf("\n");
}

void
test_props(struct ovs_cmdl_context *ctx)
{
    test_random(ctx, false);
}

/* In two tunnels. */
void
test_nested_props(struct ovs_cmdl_context *ctx)
{
    test_random(ctx, true);
}

/* Writes seeds for the fuzz target: random packets, small ones. */
void
test_corpus(struct ovs_cmdl_context *ctx)
{
    const char *dir = ctx->argv[1];
    uint64_t n = strtoull(ctx->argv[2], NULL, 0);
    uint64_t seed = 0;

    for (uint64_t i = 0; i < n; seed++) {
        struct fuzz_header header;
        struct tnl_gso_caps caps;
        struct pkt_row row;
        struct pkt_rng rng;
        uint8_t *frame;
        size_t len;
        bool damaged;

        frame = random_frame(seed, false, &row, &rng, &len, &damaged);
        if (len > 2000) {
            free(frame);
            continue;
        }
        random_caps(&caps, &rng, &row);
        header.encap = ((row.encap & 3) | (row.csum ? FUZZ_CSUM : 0)
                        | (row.udp ? FUZZ_UDP : 0)
                        | (row.l4_done ? FUZZ_L4_DONE : 0)
                        | (row.rco ? FUZZ_RCO : 0)
                        | (caps.max_frame_len ? FUZZ_MTU : 0)
                        | (pkt_range(&rng, 6) ? 0 : FUZZ_SPLIT));
        header.methods = (caps.methods
                          | (row.encap == REF_GTPU ? FUZZ_GTPU
                             : row.encap == REF_IPIP ? FUZZ_IPIP : 0));
        ref_put16(header.mss, row.mss);
        ref_put16(header.ol_flags, caps.ol_flags | caps.ol_flags >> 30);
        ref_put16(header.max_frame_len, (caps.max_frame_len
                                         ? caps.max_frame_len
                                         : 1 + pkt_range(&rng, 2000)));

        write_seed(dir, i++, &header, sizeof header, frame, len);
        free(frame);
    }
}
