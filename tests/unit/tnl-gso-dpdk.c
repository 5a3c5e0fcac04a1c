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

#include "tnl-gso-dpdk.h"

#include <string.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "dp-packet.h"
#include "dpdk.h"
#include "netdev-dpdk.h"
#include "netdev-provider.h"
#include "openvswitch/vlog.h"
#include "smap.h"
#include "tnl-gso/ports/netdev-dpdk-tnl.h"
#include "userspace-tso.h"
#include "util.h"

static void
start_dpdk(bool tso)
{
    struct smap config = SMAP_INITIALIZER(&config);

    smap_add(&config, "userspace-tso-enable", tso ? "true" : "false");
    smap_add(&config, "dpdk-init", "true");
    /* Nothing is shared with other processes that use DPDK. */
    smap_add(&config, "dpdk-extra", "--legacy-mem --no-huge -m 512 --no-pci "
             "--no-shconf --no-telemetry");
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_EMER);
    dpdk_init(&config);
    ovs_assert(dpdk_available());
    userspace_tso_init(&config);
    smap_destroy(&config);

    /* This thread gets a cache of mbufs, as PMD threads have. */
    ovs_assert(dpdk_attach_thread(0));
}

/* Returns a port that is up, with mbufs for 'mtu'. */
struct netdev *
tg_dpdk_port(int mtu, bool tso)
{
    struct smap args = SMAP_INITIALIZER(&args);
    struct netdev_saved_flags *saved;
    struct netdev *netdev;

    start_dpdk(tso);
    ovs_assert(!netdev_open("null0", "dpdk", &netdev));
    smap_add(&args, "dpdk-devargs", "net_null0");
    ovs_assert(!netdev_set_config(netdev, &args, NULL));
    smap_destroy(&args);
    ovs_assert(!netdev_set_mtu(netdev, mtu));
    ovs_assert(!netdev_reconfigure(netdev));
    ovs_assert(!netdev_turn_flags_on(netdev, NETDEV_UP, &saved));
    return netdev;
}

/* Returns the mempool of 'netdev' and, unless 'in_use' is null, how many of
 * its mbufs are in use. */
struct rte_mempool *
tg_dpdk_mempool(const struct netdev *netdev, size_t *in_use)
{
    struct rte_mempool *mp = netdev_dpdk_tnl_mempool(netdev);

    if (in_use) {
        *in_use = rte_mempool_in_use_count(mp);
    }
    return mp;
}

static struct dp_packet_batch *keep_in;

static int
keep(struct netdev *netdev OVS_UNUSED, int qid OVS_UNUSED,
     struct dp_packet_batch *batch, bool concurrent_txq OVS_UNUSED)
{
    struct dp_packet *p;

    DP_PACKET_BATCH_FOR_EACH (i, p, batch) {
        dp_packet_batch_add(keep_in, p);
    }
    return 0;
}

void
tg_dpdk_keep(struct netdev *netdev, struct dp_packet_batch *kept)
{
    static const struct netdev_class *real_class;
    static struct netdev_class keeping_class;

    if (!real_class) {
        real_class = netdev->netdev_class;
        keeping_class = *real_class;
        keeping_class.send = keep;
    }
    keep_in = kept;
    netdev->netdev_class = kept ? &keeping_class : real_class;
}

/* Returns a copy of superpacket 'p' as the vhost library hands one over: an
 * mbuf of 'mp' with an external buffer. */
struct dp_packet *
tg_dpdk_clone(struct rte_mempool *mp, const struct dp_packet *p)
{
    uint32_t size = dp_packet_size(p);
    uint32_t len = netdev_dpdk_extbuf_size(RTE_PKTMBUF_HEADROOM + size);
    struct rte_mbuf *mbuf = rte_pktmbuf_alloc(mp);
    void *buf = netdev_dpdk_extbuf_allocate(len);
    struct dp_packet *q;

    ovs_assert(mbuf && buf && len <= UINT16_MAX);
    q = CONTAINER_OF(mbuf, struct dp_packet, mbuf);
    netdev_dpdk_extbuf_replace(q, buf, len);
    rte_pktmbuf_reset_headroom(mbuf);
    dp_packet_set_size(q, size);
    memcpy(dp_packet_data(q), dp_packet_data(p), size);

    memcpy(&q->l2_pad_size, &p->l2_pad_size,
           sizeof *p - offsetof(struct dp_packet, l2_pad_size));
    q->has_hash = p->has_hash;
    q->has_mark = p->has_mark;
    dp_packet_set_tso_segsz(q, dp_packet_get_tso_segsz(p));
    return q;
}
