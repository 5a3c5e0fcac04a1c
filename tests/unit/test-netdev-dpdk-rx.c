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
#include <rte_mbuf.h>

#include "dp-packet.h"
#include "netdev.h"
#include "tests/ovstest.h"
#include "tnl-gso-dpdk.h"
#include "tnl-gso/ports/netdev-dpdk-rx.h"
#include "util.h"

/* Segment sizes of received mbufs: `ovstest test-netdev-dpdk-rx`, called by
 * tests/run-vhost. */

static struct netdev *port;
static struct rte_mempool *mempool;

/* An mbuf's last use: superpackets of both kinds. */
static void
soil(struct rte_mbuf *mbuf)
{
    struct dp_packet *p = CONTAINER_OF(mbuf, struct dp_packet, mbuf);

    mbuf->tso_segsz = 1234;
    p->uso_segsz = 1234;
}

/* net_null receives packets in whatever mbufs it gets: here, those that have
 * just been freed.  It resets what DPDK knows of. */
static void
test_received(void)
{
    struct rte_mbuf *mbufs[NETDEV_MAX_BURST];
    struct dp_packet_batch batch;
    struct netdev_rxq *rxq;
    struct dp_packet *p;

    ovs_assert(!rte_pktmbuf_alloc_bulk(mempool, mbufs, ARRAY_SIZE(mbufs)));
    for (size_t i = 0; i < ARRAY_SIZE(mbufs); i++) {
        soil(mbufs[i]);
    }
    rte_pktmbuf_free_bulk(mbufs, ARRAY_SIZE(mbufs));

    ovs_assert(!netdev_rxq_open(port, &rxq, 0));
    dp_packet_batch_init(&batch);
    ovs_assert(!netdev_rxq_recv(rxq, &batch, NULL));
    ovs_assert(dp_packet_batch_size(&batch) == ARRAY_SIZE(mbufs));
    DP_PACKET_BATCH_FOR_EACH (i, p, &batch) {
        ovs_assert(!p->uso_segsz && !dp_packet_get_tso_segsz(p));
    }
    dp_packet_delete_batch(&batch, true);
    netdev_rxq_close(rxq);
}

/* A driver that does not reset, and one that has merged packets. */
static void
test_fields(void)
{
    struct rte_mbuf *mbuf = rte_pktmbuf_alloc(mempool);
    struct dp_packet *p = CONTAINER_OF(mbuf, struct dp_packet, mbuf);
    struct dp_packet_batch batch;

    dp_packet_batch_init_packet(&batch, p);
    soil(mbuf);
    netdev_dpdk_rx_segsz(&batch);
    ovs_assert(!p->uso_segsz && !dp_packet_get_tso_segsz(p));

    soil(mbuf);
    mbuf->ol_flags |= RTE_MBUF_F_RX_LRO;
    netdev_dpdk_rx_segsz(&batch);
    ovs_assert(!p->uso_segsz && dp_packet_get_tso_segsz(p) == 1234);
    dp_packet_delete_batch(&batch, true);
}

static void
test_main(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    port = tg_dpdk_port(1500, true);
    mempool = tg_dpdk_mempool(port, NULL);
    test_received();
    test_fields();
    printf("2 passed, 0 failed\n");
}

OVSTEST_REGISTER("test-netdev-dpdk-rx", test_main);
