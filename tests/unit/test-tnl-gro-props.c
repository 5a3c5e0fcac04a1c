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

#include "command-line.h"
#include "openvswitch/dynamic-string.h"
#include "timeval.h"
#include "tnl-gro-list.h"
#include "tnl-gso/receive/tnl-gro.h"
#include "util.h"

/* Random lists of packets: cutting what is merged gives what came, and what
 * has been cut becomes whole again (tnl-gro-list.h). */

/* What has become of all lists. */
struct total {
    struct gro_result r;
    uint64_t rules[TNL_GRO_N_RULES];
};

/* Judges list 'seed', and adds what becomes of it to '*total'. */
static void
test_list(uint64_t seed, struct total *total)
{
    static struct gro_list list;
    struct pkt_rng rng = { seed };
    struct tnl_gro_count count;
    struct gro_result r;
    char *error;

    gro_list_random(&list, &rng);
    error = gro_list_merge_and_judge(&list, &r, &count, NULL);
    if (error) {
        struct ds name = DS_EMPTY_INITIALIZER;

        gro_list_format(&list, &name);
        test_case(error, "gro 1 %"PRIu64": %s", seed, ds_cstr(&name));
        ds_destroy(&name);
    } else {
        test_case(NULL, "list");
    }
    total->r.n_units += r.n_units;
    total->r.n_out += r.n_out;
    total->r.n_supers += r.n_supers;
    total->r.n_merged += r.n_merged;
    total->r.n_refused += r.n_refused;
    for (size_t i = 0; i < TNL_GRO_N_RULES; i++) {
        total->rules[i] += count.units[i];
    }
    gro_list_destroy(&list);
}

/* Enough lists meet every rule, or they are not random enough. */
static void
test_coverage(const struct total *total)
{
    for (size_t i = 0; i < TNL_GRO_N_RULES; i++) {
        if (i != TNL_GRO_R_TABLE) {
            test_case(total->rules[i] ? NULL : xstrdup("never"), "rule %s",
                      tnl_gro_rule_to_string(i));
        }
    }
    test_case(total->r.n_refused ? NULL : xstrdup("never"), "refused");
}

void
test_gro(struct ovs_cmdl_context *ctx)
{
    uint64_t n = ctx->argc > 1 ? strtoull(ctx->argv[1], NULL, 0) : 20000;
    uint64_t seed = (ctx->argc > 2 ? strtoull(ctx->argv[2], NULL, 0)
                     : time_wall_msec());
    struct total total = { .rules = { 0 } };
    struct rco_tunnels tunnels;

    rco_open_tunnels(&tunnels, true); /* For Geneve's option. */
    for (uint64_t i = 0; i < n; i++) {
        test_list(seed + i, &total);
    }
    rco_close_tunnels(&tunnels);
    if (n >= 100000) {
        test_coverage(&total);
    }
    printf("seed %"PRIu64", %"PRIuSIZE" units in %"PRIuSIZE" packets, "
           "%"PRIuSIZE" of them in %"PRIuSIZE" superpackets, %"PRIuSIZE
           " rightly apart\n", seed, total.r.n_units, total.r.n_out,
           total.r.n_merged, total.r.n_supers, total.r.n_refused);
    for (size_t i = 0; i < TNL_GRO_N_RULES; i++) {
        printf("%s%s %"PRIu64, i ? ", " : "", tnl_gro_rule_to_string(i),
               total.rules[i]);
    }
    printf("\n");
}

/* Appends a packet to a seed for the fuzz target. */
static void
put_item(struct ds *ds, uint8_t flags, const uint8_t *data, size_t len)
{
    struct fuzz_gro_item header = { .flags = flags };

    ref_put16(header.len, len);
    ds_put_buffer(ds, (const char *) &header, sizeof header);
    ds_put_buffer(ds, (const char *) data, len);
}

/* Writes seeds for the fuzz target: random lists, small ones, with each packet
 * as it is or as what follows the one before it. */
void
test_gro_corpus(struct ovs_cmdl_context *ctx)
{
    const char *dir = ctx->argv[1];
    uint64_t n = strtoull(ctx->argv[2], NULL, 0);
    static struct gro_list list;
    uint64_t seed = 0;

    for (uint64_t i = 0; i < n; seed++) {
        struct pkt_rng rng = { seed };
        struct fuzz_gro_header header;
        struct ds ds = DS_EMPTY_INITIALIZER;
        bool again = seed % 2;

        gro_list_random(&list, &rng);
        for (size_t k = 0; k < list.n; k++) {
            const struct gro_item *item = &list.v[k];
            uint8_t flags = pkt_range(&rng, 2) ? FUZZ_GRO_SETTLE : 0;

            flags |= item->mss ? FUZZ_GRO_SUPER : 0;
            flags |= item->in_port ? FUZZ_GRO_PORT : 0;
            flags |= pkt_range(&rng, 8) ? 0 : FUZZ_GRO_TRAIN;
            if (item->unit_len) {
                continue;
            } else if (k && again && item->flow == list.v[k - 1].flow) {
                flags |= FUZZ_GRO_AGAIN | FUZZ_GRO_SETTLE;
                put_item(&ds, flags, NULL, 0);
            } else {
                put_item(&ds, flags, item->data, item->len);
            }
        }
        header.flags = list.encap;
        header.flags |= list.trains_only ? FUZZ_GRO_TRAINS_ONLY : 0;
        header.marks = seed % 4 ? 0 : seed;
        if (list.n > 1 && ds.length && ds.length < 2000) {
            write_seed(dir, i++, &header, sizeof header, ds.string,
                       ds.length);
        }
        ds_destroy(&ds);
        gro_list_destroy(&list);
    }
}
