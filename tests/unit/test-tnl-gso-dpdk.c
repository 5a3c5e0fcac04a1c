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
#include <rte_mbuf.h>

#include "dp-packet.h"
#include "netdev-provider.h"
#include "tests/ovstest.h"
#include "tnl-gso-dpdk.h"
#include "tnl-gso-pkt.h"
#include "tnl-gso/ports/netdev-dpdk-tnl.h"
#include "tnl-gso/tnl-gso.h"
#include "util.h"

/* Segments in mbufs: `ovstest test-tnl-gso-dpdk`, called by tests/run-dpdk.
 *
 * What an mbuf has in it, and that all are back in their mempool whatever
 * becomes of a segment.  That the segments are right is for run-dpdk. */

enum { MTU = 1500 };

static struct netdev *port;
static struct rte_mempool *mempool;

static size_t
in_use(void)
{
    size_t n;

    tg_dpdk_mempool(port, &n);
    return n;
}

static struct dp_packet *
superpacket(uint16_t mss, uint32_t payload)
{
    struct pkt_row row;

    pkt_row_init(&row, REF_VXLAN);
    row.csum = true;
    row.mss = mss;
    row.payload = payload;
    return pkt_build(&row);
}

static void
send_super(struct dp_packet *p)
{
    struct dp_packet_batch batch;

    dp_packet_batch_init_packet(&batch, p);
    ovs_assert(!tnl_gso_send(port, 0, &batch, false));
    ovs_assert(dp_packet_batch_is_empty(&batch));
    dp_packet_batch_destroy(&batch);
}

/* Leaves traces in an mbuf, like a driver that has sent it. */
static void
soil(struct rte_mbuf *mbuf)
{
    struct dp_packet *p = CONTAINER_OF(mbuf, struct dp_packet, mbuf);

    mbuf->ol_flags |= RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_TUNNEL_VXLAN;
    mbuf->tx_offload = UINT64_MAX;
    mbuf->vlan_tci = 1;
    p->cutlen = 1;
}

static void
test_fields(void)
{
    size_t room = rte_pktmbuf_data_room_size(mempool);
    static const size_t headrooms[] = { 0, 1, 128, 191 };
    size_t before = in_use();

    for (size_t size = 1; size <= room;
         size += size < 8 || size == room ? 1 : MIN(61, room - size)) {
        for (size_t h = 0; h < ARRAY_SIZE(headrooms); h++) {
            struct dp_packet *p;

            p = netdev_dpdk_tnl_alloc(port, size, headrooms[h]);
            ovs_assert(p->source == DPBUF_DPDK);
            ovs_assert(dp_packet_size(p) == size);
            ovs_assert(dp_packet_headroom(p)
                       == MIN(headrooms[h], room - size));
            ovs_assert(dp_packet_headroom(p) + size + dp_packet_tailroom(p)
                       == room);
            ovs_assert(p->mbuf.data_len == size && p->mbuf.pkt_len == size);
            ovs_assert(p->mbuf.nb_segs == 1 && !p->mbuf.next);
            ovs_assert(!p->mbuf.ol_flags && !p->mbuf.tx_offload);
            ovs_assert(!dp_packet_get_tso_segsz(p));
            ovs_assert(rte_mbuf_refcnt_read(&p->mbuf) == 1);
            memset(dp_packet_data(p), 0xff, size);
            soil(&p->mbuf);
            dp_packet_delete(p);
        }
    }
    ovs_assert(in_use() == before);
}

/* What an mbuf has no room for gets a buffer of its own, and what does not fit
 * in 64 kB with headroom and DPDK's own data is no mbuf. */
static void
test_large(void)
{
    size_t room = rte_pktmbuf_data_room_size(mempool);
    const size_t sizes[] = { room + 1, 9000, 65280, 65368 };
    size_t before = in_use();
    struct dp_packet *p;

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        p = netdev_dpdk_tnl_alloc(port, sizes[i], 128);
        ovs_assert(p->source == DPBUF_DPDK);
        ovs_assert(dp_packet_size(p) == sizes[i]);
        ovs_assert(dp_packet_headroom(p) == 128);
        ovs_assert(p->mbuf.data_len == sizes[i] && p->mbuf.nb_segs == 1);
        ovs_assert(p->mbuf.ol_flags == RTE_MBUF_F_EXTERNAL);
        ovs_assert(!p->mbuf.tx_offload);
        memset(dp_packet_data(p), 0xff, sizes[i]);
        dp_packet_delete(p);
        ovs_assert(in_use() == before);
    }

    p = netdev_dpdk_tnl_alloc(port, 65369, 128);
    ovs_assert(p->source != DPBUF_DPDK && dp_packet_size(p) == 65369);
    dp_packet_delete(p);
    ovs_assert(in_use() == before);
}

/* Ports that send mbufs, and others. */
static void
test_classes(void)
{
    static const char *const types[] = {
        "dpdk", "dpdkvhostuser", "dpdkvhostuserclient", "system", "tap", "dp"
    };

    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        const struct netdev_class class = { .type = types[i] };

        ovs_assert(netdev_dpdk_tnl_sends_mbufs(&class) == (i < 3));
    }
}

static void
test_sent(void)
{
    struct dp_packet_batch kept;
    size_t before = in_use();
    struct dp_packet *p;

    dp_packet_batch_init(&kept);
    tg_dpdk_keep(port, &kept);
    send_super(superpacket(1400, 60000));
    tg_dpdk_keep(port, NULL);
    ovs_assert(dp_packet_batch_size(&kept) == 43);
    ovs_assert(in_use() == before + 43);
    DP_PACKET_BATCH_FOR_EACH (i, p, &kept) {
        ovs_assert(p->source == DPBUF_DPDK);
        ovs_assert(p->packet_type == htonl(PT_ETH));
        ovs_assert(!p->mbuf.ol_flags && !dp_packet_get_tso_segsz(p));
    }
    dp_packet_delete_batch(&kept, true);
    dp_packet_batch_destroy(&kept);
    ovs_assert(in_use() == before);

    for (int i = 0; i < 1000; i++) {
        struct dp_packet *q = superpacket(536, 30000);

        send_super(tg_dpdk_clone(mempool, q));
        send_super(q);
    }
    ovs_assert(in_use() == before);
}

/* Nothing bad happens when the mempool runs dry in the middle. */
static void
test_empty(void)
{
    struct rte_mbuf *taken = NULL, *mbuf;
    size_t before = in_use();
    unsigned long long dropped;
    struct netdev_stats stats;

    while ((mbuf = rte_pktmbuf_alloc(mempool)) != NULL) {
        mbuf->next = taken;
        taken = mbuf;
    }
    /* Ten are left. */
    for (int i = 0; i < 10; i++) {
        mbuf = taken;
        taken = mbuf->next;
        mbuf->next = NULL;
        rte_pktmbuf_free(mbuf);
    }
    ovs_assert(!netdev_get_stats(port, &stats));
    dropped = stats.tx_dropped;
    send_super(superpacket(1400, 60000));
    ovs_assert(!netdev_get_stats(port, &stats));
    ovs_assert(stats.tx_dropped - dropped == 33);

    while (taken) {
        mbuf = taken;
        taken = mbuf->next;
        mbuf->next = NULL;
        rte_pktmbuf_free(mbuf);
    }
    ovs_assert(in_use() == before);
    test_sent();
}

static void
test_caps(void)
{
    tg_dpdk_test_caps(port);
}

static void
test_prep(void)
{
    size_t before = in_use();

    tg_dpdk_test_prep(port);
    ovs_assert(in_use() == before);
}

static void
test_long(void)
{
    size_t before = in_use();

    tg_dpdk_test_long(port);
    ovs_assert(in_use() == before);
}

static void
test_refused(void)
{
    size_t before = in_use();

    tg_dpdk_test_refused(port);
    ovs_assert(in_use() == before);
}

/* With argument "no-tso", what there is without userspace TSO. */
static void
test_main(int argc, char *argv[])
{
    static const struct {
        const char *name;
        void (*run)(void);
        bool tso;
    } tests[] = {
        { "fields", test_fields, true },
        { "large", test_large, true },
        { "classes", test_classes, true },
        { "sent", test_sent, true },
        { "empty", test_empty, true },
        { "caps", test_caps, true },
        { "prep", test_prep, true },
        { "long", test_long, true },
        { "refused", test_refused, true },
        { "caps without tso", test_caps, false },
    };
    bool tso = argc < 2 || strcmp(argv[1], "no-tso");
    size_t n = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    port = tg_dpdk_port(MTU, tso);
    mempool = tg_dpdk_mempool(port, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
        if (tests[i].tso == tso) {
            printf("%s\n", tests[i].name);
            tests[i].run();
            n++;
        }
    }
    printf("%"PRIuSIZE" passed, 0 failed\n", n);
}

OVSTEST_REGISTER("test-tnl-gso-dpdk", test_main);
