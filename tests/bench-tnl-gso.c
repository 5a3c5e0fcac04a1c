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

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dp-packet.h"
#include "dp-packet-gso.h"
#include "netdev-provider.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "tests/ovstest.h"
#include "timeval.h"
#include "tnl-gso-pkt.h"
#include "tnl-gso/csum-copy.h"
#include "tnl-gso/tnl-gso-buf.h"
#include "tnl-gso/tnl-gso-seg.h"
#include "util.h"

/* Our segmentation against upstream's, in one process, over the same
 * superpackets: `ovstest bench-tnl-gso [--json] [ROUNDS]`.
 *
 * All ways take turns in every round, so that what else the machine does hits
 * them alike; the figures are medians over rounds, as ratios to upstream's.
 * What a way makes is compared byte by byte before it is timed.  Nothing here
 * passes or fails by speed. */

enum { DEFAULT_ROUNDS = 31 };

/* A superpacket's cut, from the marked packet to final segments in 'out'. */
struct way {
    const char *name;
    void (*cut)(struct dp_packet *, struct dp_packet_batch *out);
};

static void
cut_upstream(struct dp_packet *p, struct dp_packet_batch *out)
{
    struct dp_packet *seg;

    dp_packet_batch_add(out, p);
    dp_packet_gso_batch(out);
    DP_PACKET_BATCH_FOR_EACH (i, seg, out) {
        dp_packet_ol_send_prepare(seg, 0);
    }
}

static void
cut_ours(struct dp_packet *p, struct dp_packet_batch *out)
{
    const struct tnl_gso_caps none = { .methods = TNL_GSO_METHODS_ALL };
    struct tnl_gso_desc desc;
    struct tnl_gso_plan plan;
    struct dp_packet *seg;

    ovs_assert(!tnl_gso_describe(p, &desc));
    tnl_gso_plan(&desc, &none, &plan);
    tnl_gso_cut(p, &desc, &plan, tnl_gso_buf_new, out);
    DP_PACKET_BATCH_FOR_EACH (i, seg, out) {
        dp_packet_ol_send_prepare(seg, 0);
    }
}

static const struct way ways[] = {
    { "upstream", cut_upstream },
    { "tnl-gso", cut_ours },
};
enum { UPSTREAM, OURS, N_WAYS };

static struct dp_packet *
clone_super(const struct dp_packet *p)
{
    struct dp_packet *q = dp_packet_clone_with_headroom(p, 128);

    q->offloads = p->offloads;
    dp_packet_set_tso_segsz(q, dp_packet_get_tso_segsz(p));
    return q;
}

static uint64_t
now_ns(void)
{
    struct timespec ts;

    xclock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* Returns the nanoseconds that 'way' takes to turn 'n' clones of 'p' into
 * segments and to free those, one at a time: the clone that a turn starts with
 * is as hot as a packet that was just received. */
static uint64_t
time_way(const struct way *way, const struct dp_packet *p, int n)
{
    uint64_t total = 0;

    for (int i = 0; i < n; i++) {
        struct dp_packet *q = clone_super(p);
        struct dp_packet_batch out;
        uint64_t start;

        dp_packet_batch_init(&out);
        start = now_ns();
        way->cut(q, &out);
        dp_packet_delete_batch(&out, true);
        total += now_ns() - start;
        dp_packet_batch_destroy(&out);
    }
    return total;
}

/* The limit: copies as many bytes as leave, to one flat buffer. */
static uint64_t
time_memcpy(const struct dp_packet *p, uint32_t hdr_len, uint32_t mss, int n)
{
    static char buffer[2 * UINT16_MAX * 4];
    uint32_t payload = dp_packet_size(p) - hdr_len;
    uint64_t total = 0;

    for (int i = 0; i < n; i++) {
        struct dp_packet *q = clone_super(p);
        const char *src = dp_packet_data(q);
        char *dst = buffer;
        uint64_t start = now_ns();

        for (uint32_t ofs = 0; ofs < payload; ofs += mss) {
            uint32_t len = MIN(mss, payload - ofs);

            memcpy(dst, src, hdr_len);
            memcpy(dst + hdr_len, src + hdr_len + ofs, len);
            dst += hdr_len + len;
        }
        total += now_ns() - start;
        dp_packet_delete(q);
    }
    return total;
}

/* Cuts 'p' both ways and compares.  Upstream is right for all that we time:
 * VXLAN and Geneve without IPv6 extension headers. */
static bool
verify(const struct dp_packet *p)
{
    struct dp_packet_batch out[N_WAYS];
    bool same;

    for (int w = 0; w < N_WAYS; w++) {
        dp_packet_batch_init(&out[w]);
        ways[w].cut(clone_super(p), &out[w]);
    }
    same = dp_packet_batch_size(&out[0]) == dp_packet_batch_size(&out[1]);
    for (size_t i = 0; same && i < dp_packet_batch_size(&out[0]); i++) {
        same = dp_packet_equal(out[0].packets[i], out[1].packets[i]);
    }
    for (int w = 0; w < N_WAYS; w++) {
        dp_packet_delete_batch(&out[w], true);
        dp_packet_batch_destroy(&out[w]);
    }
    return same;
}

static int
compare_u64(const void *a_, const void *b_)
{
    const uint64_t *a = a_;
    const uint64_t *b = b_;

    return *a < *b ? -1 : *a > *b;
}

static uint64_t
median(uint64_t *values, size_t n)
{
    qsort(values, n, sizeof *values, compare_u64);
    return values[n / 2];
}

/* Times one row in 'rounds' rounds and prints it, or adds it to 'array'. */
static void
bench_row(const struct pkt_row *row, uint32_t n_segs, int rounds,
          struct json *array)
{
    struct dp_packet *p = pkt_build(row);
    uint64_t *ns[N_WAYS + 1];
    uint64_t mid[N_WAYS + 1];
    struct tnl_gso_desc desc;
    bool verified = verify(p);
    int n = MAX(4, 400000 / (row->payload + 2000));

    ovs_assert(!tnl_gso_describe(p, &desc) && desc.n_segs == n_segs);
    for (int w = 0; w <= N_WAYS; w++) {
        ns[w] = xcalloc(rounds, sizeof *ns[w]);
    }
    for (int r = 0; r < rounds; r++) {
        for (int w = 0; w < N_WAYS; w++) {
            ns[w][r] = time_way(&ways[w], p, n);
        }
        ns[N_WAYS][r] = time_memcpy(p, desc.hdr_len, row->mss, n);
    }
    for (int w = 0; w <= N_WAYS; w++) {
        mid[w] = MAX(1, median(ns[w], rounds));
        free(ns[w]);
    }

    double ratio = (double) mid[UPSTREAM] / mid[OURS];
    double limit = (double) mid[UPSTREAM] / mid[N_WAYS];

    if (array) {
        struct json *json = json_object_create();

        json_object_put_string(json, "encap", pkt_encap_name(row->encap));
        json_object_put(json, "outer", json_integer_create(
                        row->outer.version));
        json_object_put(json, "csum", json_boolean_create(row->csum));
        json_object_put(json, "mss", json_integer_create(row->mss));
        json_object_put(json, "segments", json_integer_create(n_segs));
        json_object_put(json, "tnl_gso", json_real_create(ratio));
        json_object_put(json, "memcpy", json_real_create(limit));
        json_object_put(json, "verified", json_boolean_create(verified));
        json_array_add(array, json);
    } else {
        printf("%-7s ipv%d  %-4s %5u %5u  %8.2f %8.2f  %s\n",
               pkt_encap_name(row->encap), row->outer.version,
               row->csum ? "yes" : "no", row->mss, n_segs, ratio, limit,
               verified ? "equal" : "DIFFERENT");
    }
    dp_packet_delete(p);
    if (!verified) {
        ovs_fatal(0, "what tnl-gso made differs from what upstream made");
    }
}

static void
bench_main(int argc, char *argv[])
{
    static const uint16_t msses[] = { 536, 1400, 8900 };
    static const uint32_t segs[] = { 2, 10, 46 };
    int rounds = DEFAULT_ROUNDS;
    struct json *array = NULL;

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--json")) {
            array = json_array_create_empty();
        } else if (!str_to_int(argv[i], 10, &rounds) || rounds < 1) {
            ovs_fatal(0, "usage: %s [--json] [ROUNDS]", argv[0]);
        }
    }

    /* By default glibc gives memory back whenever 128 kB are free, which can
     * double the time of either side. */
    mallopt(M_TRIM_THRESHOLD, 64 * 1024 * 1024);
    mallopt(M_MMAP_THRESHOLD, 1024 * 1024);

    if (!array) {
        printf("Times upstream's speed, medians of %d rounds; checksum code: "
               "%s\n%-7s %-5s %-4s %5s %5s  %8s %8s  %s\n", rounds,
               csum_copy_impl()->name, "encap", "outer", "csum", "mss",
               "segs", "tnl-gso", "memcpy", "output");
    }
    for (int encap = REF_VXLAN; encap <= REF_GENEVE; encap++) {
        for (int version = 4; version <= 6; version += 2) {
            for (int csum = 1; csum >= 0; csum--) {
                for (size_t m = 0; m < ARRAY_SIZE(msses); m++) {
                    for (size_t s = 0; s < ARRAY_SIZE(segs); s++) {
                        struct pkt_row row;

                        pkt_row_init(&row, encap);
                        row.outer.version = version;
                        row.outer.df = true;
                        row.csum = csum;
                        row.mss = msses[m];
                        row.payload = segs[s] * msses[m];
                        if (row.payload <= 65000) {
                            bench_row(&row, segs[s], rounds, array);
                        }
                    }
                }
            }
        }
    }
    if (array) {
        char *s = json_to_string(array, JSSF_SORT | JSSF_PRETTY);

        puts(s);
        free(s);
        json_destroy(array);
    }
}

OVSTEST_REGISTER("bench-tnl-gso", bench_main);
