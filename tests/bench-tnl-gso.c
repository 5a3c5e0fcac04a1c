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

#include <linux/virtio_net.h>
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
#include "tnl-gso/tnl-gso-frames.h"
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

/* What the port does: NETDEV_TX_OFFLOAD_*, the same for all ways. */
static uint64_t ol_flags;

/* From a marked superpacket to what the driver gets.  Packets are appended to
 * 'out', unless the way makes none. */
struct way {
    const char *name;
    void (*cut)(struct dp_packet *, struct dp_packet_batch *out);
};

static void
prepare(struct dp_packet_batch *out)
{
    struct dp_packet *seg;

    DP_PACKET_BATCH_FOR_EACH (i, seg, out) {
        dp_packet_ol_send_prepare(seg, ol_flags);
    }
}

static void
cut_upstream(struct dp_packet *p, struct dp_packet_batch *out)
{
    dp_packet_batch_add(out, p);
    dp_packet_gso_batch(out);
    prepare(out);
}

static void
describe_and_plan(struct dp_packet *p, struct tnl_gso_desc *desc,
                  struct tnl_gso_plan *plan)
{
    const struct tnl_gso_caps caps = {
        .ol_flags = ol_flags,
        .methods = TNL_GSO_METHODS_ALL,
    };

    ovs_assert(!tnl_gso_describe(p, desc));
    tnl_gso_plan(desc, &caps, plan);
    ovs_assert(plan->method == TNL_GSO_SOFTWARE);
}

static void
cut_packets(struct dp_packet *p, struct dp_packet_batch *out)
{
    struct tnl_gso_desc desc;
    struct tnl_gso_plan plan;

    describe_and_plan(p, &desc, &plan);
    tnl_gso_cut(p, &desc, &plan, tnl_gso_buf_new, out);
    prepare(out);
}

/* What verify() wants to see of frames, which do not outlive their cut. */
static struct dp_packet_batch *frames_seen;

static void
cut_frames(struct dp_packet *p, struct dp_packet_batch *out OVS_UNUSED)
{
    struct tnl_gso_frames *frames = tnl_gso_frames_get();
    struct tnl_gso_desc desc;
    struct tnl_gso_plan plan;

    describe_and_plan(p, &desc, &plan);
    for (uint32_t i = 0; i < plan.n_packets; ) {
        i = tnl_gso_frames_cut(frames, p, &desc, &plan, i);
        for (size_t j = 0; frames_seen && j < frames->n; j++) {
            struct iovec *iov = frames->iov[j];
            struct dp_packet *q = dp_packet_new(iov[0].iov_len
                                                + iov[1].iov_len);

            dp_packet_put(q, iov[0].iov_base, iov[0].iov_len);
            dp_packet_put(q, iov[1].iov_base, iov[1].iov_len);
            dp_packet_pull(q, sizeof(struct virtio_net_hdr));
            dp_packet_batch_add(frames_seen, q);
        }
        tnl_gso_frames_clear(frames);
    }
    dp_packet_delete(p);
}

static const struct way ways[] = {
    { "upstream", cut_upstream },
    { "packets", cut_packets },
    { "frames", cut_frames },
};
enum { UPSTREAM, PACKETS, FRAMES, N_WAYS };

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

/* Are 'a' and 'b', from different ways, the same to a driver?  A TCP checksum
 * that is left to the port may hold anything by then. */
static bool
same_packet(const struct dp_packet *a, const struct dp_packet *b,
            const struct tnl_gso_desc *desc)
{
    size_t csum = desc->inner.l4_ofs + offsetof(struct tcp_header, tcp_csum);
    const char *x = dp_packet_data(a);
    const char *y = dp_packet_data(b);
    size_t size = dp_packet_size(a);

    return (size == dp_packet_size(b)
            && !memcmp(x, y, csum) && !memcmp(x + csum + 2, y + csum + 2,
                                              size - csum - 2)
            && (ol_flags || !memcmp(x + csum, y + csum, 2)));
}

/* Cuts 'p' all ways and compares.  Upstream is right for all that we time:
 * VXLAN and Geneve without IPv6 extension headers. */
static bool
verify(const struct dp_packet *p, const struct tnl_gso_desc *desc)
{
    struct dp_packet_batch out[N_WAYS];
    bool same = true;

    for (int w = 0; w < N_WAYS; w++) {
        dp_packet_batch_init(&out[w]);
        frames_seen = w == FRAMES ? &out[w] : NULL;
        ways[w].cut(clone_super(p), &out[w]);
        frames_seen = NULL;

        same = same && (dp_packet_batch_size(&out[w])
                        == dp_packet_batch_size(&out[UPSTREAM]));
        for (size_t i = 0; same && i < dp_packet_batch_size(&out[w]); i++) {
            same = same_packet(out[w].packets[i], out[UPSTREAM].packets[i],
                               desc);
        }
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
    int n = MAX(4, 400000 / (row->payload + 2000));
    uint64_t *ns[N_WAYS + 1];
    double ratio[N_WAYS + 1];
    struct tnl_gso_desc desc;
    uint64_t upstream = 0;

    ovs_assert(!tnl_gso_describe(p, &desc) && desc.n_segs == n_segs);
    if (!verify(p, &desc)) {
        ovs_fatal(0, "not all ways make the same of a superpacket");
    }
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
        uint64_t mid = MAX(1, median(ns[w], rounds));

        upstream = w == UPSTREAM ? mid : upstream;
        ratio[w] = (double) upstream / mid;
        free(ns[w]);
    }

    if (array) {
        struct json *json = json_object_create();

        json_object_put_string(json, "encap", pkt_encap_name(row->encap));
        json_object_put(json, "outer", json_integer_create(
                        row->outer.version));
        json_object_put(json, "csum", json_boolean_create(row->csum));
        json_object_put(json, "port_csum",
                        json_boolean_create(ol_flags != 0));
        json_object_put(json, "mss", json_integer_create(row->mss));
        json_object_put(json, "segments", json_integer_create(n_segs));
        for (int w = PACKETS; w < N_WAYS; w++) {
            json_object_put(json, ways[w].name, json_real_create(ratio[w]));
        }
        json_object_put(json, "memcpy", json_real_create(ratio[N_WAYS]));
        json_array_add(array, json);
    } else {
        printf("%-7s ipv%d  %-4s %-4s %5u %5u  %8.2f %8.2f %8.2f\n",
               pkt_encap_name(row->encap), row->outer.version,
               row->csum ? "yes" : "no", ol_flags ? "yes" : "no", row->mss,
               n_segs, ratio[PACKETS], ratio[FRAMES], ratio[N_WAYS]);
    }
    dp_packet_delete(p);
}

static void
bench_main(int argc, char *argv[])
{
    static const uint16_t msses[] = { 536, 1400, 8900 };
    static const uint32_t segs[] = { 2, 10, 46, 100 };
    static const uint64_t ports[] = { 0, NETDEV_TX_OFFLOAD_TCP_CKSUM };
    int rounds = DEFAULT_ROUNDS;
    struct json *array = NULL;

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--json")) {
            array = json_array_create_empty();
        } else if (!strncmp(argv[i], "--csum-impl=", 12)) {
            if (!csum_copy_force(argv[i] + 12)) {
                ovs_fatal(0, "%s: not on this CPU", argv[i]);
            }
        } else if (!str_to_int(argv[i], 10, &rounds) || rounds < 1) {
            ovs_fatal(0, "usage: %s [--json] [--csum-impl=NAME] [ROUNDS]",
                      argv[0]);
        }
    }

    /* By default glibc gives memory back whenever 128 kB are free, which can
     * double the time of either side. */
    mallopt(M_TRIM_THRESHOLD, 64 * 1024 * 1024);
    mallopt(M_MMAP_THRESHOLD, 1024 * 1024);

    if (!array) {
        printf("Times upstream's speed, medians of %d rounds, all outputs "
               "compared; checksum code: %s\n"
               "%-7s %-5s %-4s %-4s %5s %5s  %8s %8s %8s\n", rounds,
               csum_copy_impl()->name, "encap", "outer", "csum", "port",
               "mss", "segs", ways[PACKETS].name, ways[FRAMES].name,
               "memcpy");
    }
    for (size_t o = 0; o < ARRAY_SIZE(ports); o++) {
        ol_flags = ports[o];
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
    }
    if (array) {
        char *s = json_to_string(array, JSSF_SORT | JSSF_PRETTY);

        puts(s);
        free(s);
        json_destroy(array);
    }
}

OVSTEST_REGISTER("bench-tnl-gso", bench_main);
