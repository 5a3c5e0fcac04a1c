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

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rte_ethdev.h>
#include <rte_gso.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#include "bench.h"
#include "csum.h"
#include "dp-packet.h"
#include "dp-packet-gso.h"
#include "netdev-dpdk.h"
#include "netdev-provider.h"
#include "openvswitch/json.h"
#include "tests/ovstest.h"
#include "tests/tnl-gso/unit/tnl-gso-dpdk.h"
#include "tnl-gso/core/csum-copy.h"
#include "tnl-gso/core/tnl-gso-buf.h"
#include "tnl-gso/stages/tnl-gso-desc.h"
#include "tnl-gso/stages/tnl-gso-plan.h"
#include "tnl-gso/stages/tnl-gso-finish.h"
#include "tnl-gso/stages/tnl-gso-seg.h"
#include "tnl-gso/core/tnl-gso-port.h"
#include "tnl-gso/tnl-gso.h"
#include "util.h"

/* Our segmentation for a DPDK port against upstream's and DPDK's own:
 *
 *     ovstest bench-tnl-gso-dpdk [--json=FILE] [ROUNDS]
 *
 * From a superpacket in an mbuf to packets in a port that frees them
 * (net_null).  DPDK's rte_gso cuts VXLAN over IPv4 only, and leaves all
 * checksums to others; here they are completed with DPDK's code for sums
 * ("rte-gso") and with ours ("rte-gso-fast").  "refs" is what ours could be
 * without copying: a segment is an mbuf with its headers and one that points
 * into the superpacket.  The last three do not go through netdev-dpdk, which
 * takes no chains of mbufs, and save its work.
 *
 * A port with checksum offload ("port csum") completes those of TCP; net_null
 * only says that it does.
 *
 * What a way makes is compared byte by byte before it is timed; all ways take
 * turns in every round. */

enum { PORT_SUMS = NETDEV_TX_OFFLOAD_TCP_CKSUM | NETDEV_TX_OFFLOAD_UDP_CKSUM };
enum { DEFAULT_ROUNDS = 31, MTU = 9100, MAX_SEGS = 512, TURNS = 16 };

static struct netdev *port;
static struct rte_mempool *mempool;
static struct rte_mempool *indirect_pool;
static uint16_t port_id;

/* Of the superpacket that is being cut. */
static struct tnl_gso_desc desc;

/* Does the port complete checksums? */
static bool
port_sums(void)
{
    return (port->ol_flags & NETDEV_TX_OFFLOAD_TCP_CKSUM) != 0;
}

/* netdev_send() of 4.0.0. */
static void
send_upstream(struct dp_packet *p)
{
    struct dp_packet_batch batch;

    dp_packet_batch_init_packet(&batch, p);
    dp_packet_gso_batch(&batch);
    DP_PACKET_BATCH_FOR_EACH (i, p, &batch) {
        dp_packet_ol_send_prepare(p, port->ol_flags);
    }
    port->netdev_class->send(port, 0, &batch, false);
    dp_packet_batch_destroy(&batch);
}

static void
send_ours(struct dp_packet *p)
{
    struct dp_packet_batch batch;

    dp_packet_batch_init_packet(&batch, p);
    tnl_gso_send(port, 0, &batch, false);
    dp_packet_batch_destroy(&batch);
}

/* Ours as it is without the port's own mbufs. */
static void
send_pool(struct dp_packet *p)
{
    tnl_gso_alloc_func *alloc = port->tnl_gso->alloc;

    port->tnl_gso->alloc = tnl_gso_buf_new;
    send_ours(p);
    port->tnl_gso->alloc = alloc;
}

/* DPDK's sum is an inline function: what applications with DPDK are usually
 * compiled with makes it three times as fast as this build's -O2 does. */
#ifdef __clang__
#define OPTIMIZED
#else
#define OPTIMIZED __attribute__((optimize("O3")))
#endif

/* Sums of 'len' bytes, not complemented. */
static uint32_t OPTIMIZED
sum_dpdk(const void *data, size_t len)
{
    return rte_raw_cksum(data, len);
}

static uint32_t
sum_ours(const void *data, size_t len)
{
    return csum_fold(data, len);
}

/* Adds all of 'm' behind 'ofs' to 'sum'.  Only the last mbuf of a chain from
 * rte_gso can have an odd length. */
static uint32_t
add_chain(const struct rte_mbuf *m, size_t ofs, uint32_t sum,
          uint32_t (*sum_func)(const void *, size_t))
{
    for (; m; m = m->next) {
        sum += sum_func(rte_pktmbuf_mtod_offset(m, char *, ofs),
                        m->data_len - ofs);
        ofs = 0;
    }
    return sum;
}

static uint16_t
fold(uint32_t sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return ~sum;
}

/* Completes the checksums of 'm', a segment from rte_gso. */
static void
complete(struct rte_mbuf *m, uint32_t (*sum_func)(const void *, size_t))
{
    char *frame = rte_pktmbuf_mtod(m, char *);
    struct rte_ipv4_hdr *outer = (void *) (frame + desc.outer.ofs);
    struct rte_ipv4_hdr *inner = (void *) (frame + desc.inner.ofs);
    struct rte_udp_hdr *udp = (void *) (frame + desc.outer.l4_ofs);
    struct rte_tcp_hdr *tcp = (void *) (frame + desc.inner.l4_ofs);

    outer->hdr_checksum = 0;
    outer->hdr_checksum = rte_ipv4_cksum(outer);
    inner->hdr_checksum = 0;
    inner->hdr_checksum = rte_ipv4_cksum(inner);
    if (port_sums()) {
        /* The inner packet will sum up to zero without its pseudo-header. */
        tcp->cksum = rte_ipv4_phdr_cksum(inner, 0);
        if (desc.outer_csum) {
            udp->dgram_cksum = 0;
            udp->dgram_cksum = fold(
                rte_ipv4_phdr_cksum(outer, 0) + (uint16_t) ~tcp->cksum
                + sum_func(udp, desc.inner.l4_ofs - desc.outer.l4_ofs));
        }
        return;
    }
    tcp->cksum = 0;
    tcp->cksum = fold(add_chain(m, desc.inner.l4_ofs,
                                rte_ipv4_phdr_cksum(inner, 0), sum_func));
    if (desc.outer_csum) {
        udp->dgram_cksum = 0;
        udp->dgram_cksum = fold(add_chain(m, desc.outer.l4_ofs,
                                          rte_ipv4_phdr_cksum(outer, 0),
                                          sum_func));
        if (!udp->dgram_cksum) {
            udp->dgram_cksum = UINT16_MAX;
        }
    }
}

/* Cuts 'p' into 'segs'. */
static uint16_t
cut_rte(struct dp_packet *p, struct rte_mbuf **segs,
        uint32_t (*sum_func)(const void *, size_t))
{
    const struct rte_gso_ctx ctx = {
        .direct_pool = mempool,
        .indirect_pool = indirect_pool,
        .gso_types = RTE_ETH_TX_OFFLOAD_VXLAN_TNL_TSO,
        /* Counts headers. */
        .gso_size = desc.hdr_len + desc.mss,
    };
    struct rte_mbuf *mbuf = &p->mbuf;
    int n;

    mbuf->ol_flags |= RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TUNNEL_VXLAN
                      | RTE_MBUF_F_TX_OUTER_IPV4 | RTE_MBUF_F_TX_IPV4;
    mbuf->outer_l2_len = desc.outer.ofs;
    mbuf->outer_l3_len = desc.outer.l4_ofs - desc.outer.ofs;
    mbuf->l2_len = desc.inner.ofs - desc.outer.l4_ofs;
    mbuf->l3_len = desc.inner.l4_ofs - desc.inner.ofs;
    mbuf->l4_len = desc.hdr_len - desc.inner.l4_ofs;
    n = rte_gso_segment(mbuf, &ctx, segs, MAX_SEGS);
    ovs_assert(n > 0);
    rte_pktmbuf_free(mbuf);
    for (int i = 0; i < n; i++) {
        /* Headers are in an mbuf of their own; rte_gso copies this flag from
         * the superpacket all the same. */
        segs[i]->ol_flags &= ~RTE_MBUF_F_EXTERNAL;
        complete(segs[i], sum_func);
    }
    return n;
}

/* Cuts 'p' into 'segs' that point into it. */
static uint16_t
cut_refs(struct dp_packet *p, struct rte_mbuf **segs)
{
    const struct tnl_gso_caps caps = tnl_gso_port_caps(port->tnl_gso);
    const char *frame = dp_packet_data(p);
    struct tnl_gso_finish f;
    struct tnl_gso_plan plan;

    tnl_gso_plan(&desc, &caps, &plan);
    tnl_gso_finish_init(&f, frame, &desc, &plan);
    for (uint32_t i = 0; i < plan.n_packets; i++) {
        uint32_t ofs = i * plan.unit;
        uint32_t len = MIN(plan.unit, desc.payload_len - ofs);
        struct rte_mbuf *header = rte_pktmbuf_alloc(mempool);
        struct rte_mbuf *payload = rte_pktmbuf_alloc(indirect_pool);
        uint8_t *dst = rte_pktmbuf_mtod(header, uint8_t *);

        rte_pktmbuf_attach(payload, &p->mbuf);
        payload->data_off += desc.hdr_len + ofs;
        payload->data_len = payload->pkt_len = len;
        header->next = payload;
        header->nb_segs = 2;
        header->data_len = desc.hdr_len;
        header->pkt_len = desc.hdr_len + len;
        tnl_gso_finish_frame(&f, dst, i, len,
                             plan.csum ? csum_fold(frame + desc.hdr_len + ofs,
                                                   len) : 0);
        if (port_sums()) {
            header->ol_flags |= RTE_MBUF_F_TX_TCP_CKSUM;
            header->l2_len = desc.inner.ofs;
            header->l3_len = desc.inner.l4_ofs - desc.inner.ofs;
            header->l4_len = desc.hdr_len - desc.inner.l4_ofs;
        }
        segs[i] = header;
    }
    rte_pktmbuf_free(&p->mbuf);
    return plan.n_packets;
}

static void
send_chains(struct rte_mbuf **segs, uint16_t n)
{
    ovs_assert(rte_eth_tx_burst(port_id, 0, segs, n) == n);
}

static void
send_refs(struct dp_packet *p)
{
    struct rte_mbuf *segs[MAX_SEGS];

    send_chains(segs, cut_refs(p, segs));
}

static void
send_rte(struct dp_packet *p, uint32_t (*sum_func)(const void *, size_t))
{
    struct rte_mbuf *segs[MAX_SEGS];

    send_chains(segs, cut_rte(p, segs, sum_func));
}

static void
send_rte_dpdk(struct dp_packet *p)
{
    send_rte(p, sum_dpdk);
}

static void
send_rte_fast(struct dp_packet *p)
{
    send_rte(p, sum_ours);
}

enum { UPSTREAM, RTE, RTE_FAST, REFS, POOL, MBUFS, N_WAYS };

static const struct {
    const char *name;
    void (*send)(struct dp_packet *);
} ways[N_WAYS] = {
    [UPSTREAM] = { "upstream", send_upstream },
    [RTE] = { "rte-gso", send_rte_dpdk },
    [RTE_FAST] = { "rte-gso-fast", send_rte_fast },
    [REFS] = { "refs", send_refs },
    [POOL] = { "pool", send_pool },
    [MBUFS] = { "mbufs", send_ours },
};

/* Which way the time of our mbufs is compared with, apart from upstream. */
static const int others[] = { RTE, RTE_FAST, REFS };

static const char *const columns[] = {
    "port-csum", "csum", "mss", "segs", "rte-gso", "rte-gso-fast", "refs",
    "pool", "mbufs", "mbufs/rte-gso", "mbufs/rte-gso-fast", "mbufs/refs", NULL
};

/* Ends the program unless 'p' becomes the same by all ways.
 *
 * Superpackets with CWR would not: rte_gso copies it to all segments. */
static void
verify(const struct dp_packet *p)
{
    struct dp_packet_batch want, got;
    struct rte_mbuf *segs[MAX_SEGS];
    struct dp_packet *q;

    dp_packet_batch_init(&want);
    tg_dpdk_keep(port, &want);
    send_upstream(tg_dpdk_clone(mempool, p));

    dp_packet_batch_init(&got);
    tg_dpdk_keep(port, &got);
    send_ours(tg_dpdk_clone(mempool, p));
    send_pool(tg_dpdk_clone(mempool, p));
    tg_dpdk_keep(port, NULL);
    for (int way = 0; way < 3; way++) {
        struct dp_packet *super = tg_dpdk_clone(mempool, p);
        uint16_t n = (way == 2 ? cut_refs(super, segs)
                      : cut_rte(super, segs, way ? sum_ours : sum_dpdk));

        for (uint16_t i = 0; i < n; i++) {
            q = dp_packet_new(segs[i]->pkt_len);
            for (struct rte_mbuf *m = segs[i]; m; m = m->next) {
                dp_packet_put(q, rte_pktmbuf_mtod(m, char *), m->data_len);
            }
            rte_pktmbuf_free(segs[i]);
            dp_packet_batch_add(&got, q);
        }
    }

    for (size_t i = 0; i < dp_packet_batch_size(&got); i++) {
        const struct dp_packet *w = want.packets[i % want.count];

        q = got.packets[i];
        if (port_sums()) {
            /* Upstream leaves any bytes where the port writes. */
            size_t ofs = desc.inner.l4_ofs + offsetof(struct tcp_header,
                                                      tcp_csum);

            memset((char *) dp_packet_data(q) + ofs, 0, 2);
            memset((char *) dp_packet_data(w) + ofs, 0, 2);
        }
        if (dp_packet_size(q) != dp_packet_size(w)
            || memcmp(dp_packet_data(q), dp_packet_data(w),
                      dp_packet_size(w))) {
            ovs_fatal(0, "not all ways make the same of a superpacket");
        }
    }
    ovs_assert(got.count == 5 * want.count);
    dp_packet_delete_batch(&want, true);
    dp_packet_delete_batch(&got, true);
    dp_packet_batch_destroy(&want);
    dp_packet_batch_destroy(&got);
}

static uint64_t
time_way(size_t way, const struct dp_packet *p)
{
    uint64_t total = 0;

    for (int i = 0; i < TURNS; i++) {
        struct dp_packet *q = tg_dpdk_clone(mempool, p);
        uint64_t start = bench_now();

        ways[way].send(q);
        total += bench_now() - start;
    }
    return MAX(1, total);
}

static void
bench_row(struct bench_table *table, bool csum, uint16_t mss, uint32_t segs,
          int rounds)
{
    double *speed[N_WAYS], *to[ARRAY_SIZE(others)];
    struct json *row = json_object_create();
    struct pkt_row pkt;
    struct dp_packet *p;

    pkt_row_init(&pkt, REF_VXLAN);
    pkt.csum = csum;
    pkt.mss = mss;
    pkt.payload = mss * segs;
    p = pkt_build(&pkt);
    ovs_assert(!tnl_gso_describe(p, &desc) && desc.n_segs == segs);
    verify(p);

    for (size_t w = 0; w < N_WAYS; w++) {
        speed[w] = xcalloc(rounds, sizeof *speed[w]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        to[i] = xcalloc(rounds, sizeof *to[i]);
    }
    for (int r = -1; r < rounds; r++) {
        double ns[N_WAYS];

        for (size_t w = 0; w < N_WAYS; w++) {
            ns[w] = time_way(w, p);
        }
        for (size_t w = 0; r >= 0 && w < N_WAYS; w++) {
            speed[w][r] = ns[UPSTREAM] / ns[w];
        }
        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(others); i++) {
            to[i][r] = ns[others[i]] / ns[MBUFS];
        }
    }

    json_object_put(row, "port-csum", json_boolean_create(port_sums()));
    json_object_put(row, "csum", json_boolean_create(csum));
    json_object_put(row, "mss", json_integer_create(mss));
    json_object_put(row, "segs", json_integer_create(segs));
    for (size_t w = 1; w < N_WAYS; w++) {
        json_object_put(row, ways[w].name,
                        json_real_create(bench_median(speed[w], rounds)));
    }
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        char *name = xasprintf("mbufs/%s", ways[others[i]].name);

        json_object_put(row, name,
                        json_real_create(bench_median(to[i], rounds)));
        free(name);
        free(to[i]);
    }
    bench_table_row(table, row);
    for (size_t w = 0; w < N_WAYS; w++) {
        free(speed[w]);
    }
    dp_packet_delete(p);
}

static void
bench_main(int argc, char *argv[])
{
    static const uint16_t msses[] = { 536, 1400, 8900 };
    static const uint32_t segs[] = { 2, 7, 46, 120 };
    uint64_t ol_flags;
    struct bench_table table;
    struct bench_args args = bench_args(argc, argv, DEFAULT_ROUNDS, "", NULL);

    port = tg_dpdk_port(MTU, true);
    mempool = tg_dpdk_mempool(port, NULL);
    port_id = netdev_dpdk_get_port_id(port);
    ol_flags = port->ol_flags & ~(uint64_t) PORT_SUMS;
    indirect_pool = rte_pktmbuf_pool_create("indirect", 4 * MAX_SEGS, 256, 0,
                                            0, SOCKET_ID_ANY);
    ovs_assert(indirect_pool);

    printf("DPDK port, VXLAN over IPv4, medians of %d rounds, all outputs "
           "compared; checksum code: %s\n", args.rounds, csum_copy_impl()->name);
    bench_table_start(&table, "Times upstream's speed; in the last three "
                      "columns, times that of another way", columns);
    for (int kind = 0; kind < 4; kind++) {
        port->ol_flags = ol_flags | (kind & 2 ? PORT_SUMS : 0);
        for (size_t m = 0; m < ARRAY_SIZE(msses); m++) {
            for (size_t s = 0; s < ARRAY_SIZE(segs); s++) {
                if (msses[m] * segs[s] <= 65000) {
                    bench_row(&table, !(kind & 1), msses[m], segs[s],
                              args.rounds);
                }
            }
        }
    }
    port->ol_flags = ol_flags;
    if (args.json_file) {
        struct json *top = json_object_create();

        json_object_put(top, "dpdk", table.rows);
        bench_write_json(top, args.json_file);
        json_destroy(top);
    } else {
        json_destroy(table.rows);
    }
}

OVSTEST_REGISTER("bench-tnl-gso-dpdk", bench_main);
