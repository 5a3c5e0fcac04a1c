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
#include "dp-packet.h"
#include "openvswitch/dynamic-string.h"
#include "tnl-gro-list.h"
#include "tnl-gso/core/tnl-gso-packet.h"
#include "tnl-gso/receive/tnl-gro.h"
#include "util.h"

/* Random lists of packets, and what becomes of them here, for a test that has
 * the kernel's GRO do the same: tests/system/grodiff.py. */

/* Prints a line of 'word', numbers, and the 'len' bytes at 'data'. */
static void
print_frame(const char *word, unsigned int mss, bool fixed_id,
            const void *data, size_t len)
{
    struct ds ds = DS_EMPTY_INITIALIZER;

    ds_put_format(&ds, "%s %u %d ", word, mss, fixed_id);
    ds_put_hex_with_delimiter(&ds, data, len, "");
    puts(ds_cstr(&ds));
    ds_destroy(&ds);
}

/* Prints list number 'seed' and what is made of it.  Lines are
 *
 *     list SEED HOW
 *     in 0 0 FRAME              as it arrives
 *     out MSS FIXED-ID FRAME    as it goes on; MSS is 0 if it is single
 *     end */
static void
print_list(enum ref_encap encap, uint64_t seed)
{
    static struct gro_list list;
    uint64_t fixed_id = (encap == REF_PLAIN ? DP_PACKET_OL_FIXED_ID
                         : TNL_GSO_OL_INNER_FIXED_ID);
    struct tnl_gro_count count = { .trains = 0 };
    struct pkt_rng rng = { seed };
    struct dp_packet_batch batch;
    struct gro_result result;
    struct dp_packet *p;
    char *error;

    gro_list_random_for_kernel(&list, encap, &rng);
    error = gro_list_merge_and_judge(&list, &result, NULL, NULL);
    if (error) {
        printf("error %s\n", error);
        free(error);
    }
    printf("list %"PRIu64"%s\n", seed, ds_cstr_ro(&list.how));
    dp_packet_batch_init(&batch);
    for (size_t i = 0; i < list.n; i++) {
        print_frame("in", 0, false, list.v[i].data, list.v[i].len);
        dp_packet_batch_add(&batch, gro_item_packet(&list, &list.v[i]));
    }
    tnl_gro_merge(test_encap(encap), false, 0, &batch, &count);
    DP_PACKET_BATCH_FOR_EACH (i, p, &batch) {
        print_frame("out", dp_packet_get_tso_segsz(p),
                    (p->offloads & fixed_id) != 0, dp_packet_data(p),
                    dp_packet_size(p));
    }
    puts("end");
    dp_packet_delete_batch(&batch, true);
    dp_packet_batch_destroy(&batch);
    gro_list_destroy(&list);
}

void
test_gro_diff(struct ovs_cmdl_context *ctx)
{
    enum ref_encap encap = REF_PLAIN;
    uint64_t n = strtoull(ctx->argv[2], NULL, 0);
    uint64_t seed = strtoull(ctx->argv[3], NULL, 0);

    while (strcmp(pkt_encap_name(encap), ctx->argv[1])) {
        ovs_assert(encap++ < REF_GRE);
    }
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    for (uint64_t i = 0; i < n; i++) {
        print_list(encap, seed + i);
    }
}
