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

#include "ports/netdev-dpdk-tnl.h"

#include <string.h>
#include <rte_mbuf.h>

#include "core/tnl-gso-buf.h"
#include "coverage.h"
#include "dp-packet.h"
#include "netdev-dpdk.h"
#include "netdev-provider.h"
#include "util.h"

/* Stage "segment", for DPDK ports: packets in the port's own mbufs, so that
 * its driver can send them as they are.
 *
 * Called by the segment stage (tnl-gso-seg.c, tnl-gso-train.c), through the
 * port's allocator, for packets that go to this port and nowhere else.  Must
 * not write data, nor any mark: the segment stage does.  Packets from here
 * have DPBUF_DPDK as source, and are freed like every packet of netdev-dpdk,
 * by the driver or by dp_packet_delete().
 *
 * A mempool belongs to its port for as long as the port can send: the datapath
 * stops all threads that send before the port is reconfigured. */

COVERAGE_DEFINE(netdev_dpdk_tnl_no_mbuf);

/* Does a netdev of 'class' send mbufs?  Those for Ethernet and vhost-user
 * devices do. */
bool
netdev_dpdk_tnl_sends_mbufs(const struct netdev_class *class)
{
    return !strncmp(class->type, "dpdk", 4);
}

/* Is there a guest behind a netdev of 'class'?  What has been negotiated with
 * it is in its ol_flags.  Behind others there is a wire, for which a
 * superpacket would only have to be cut again. */
bool
netdev_dpdk_tnl_has_guest(const struct netdev_class *class)
{
    return !strncmp(class->type, "dpdkvhostuser", 13);
}

/* Gives the packet in 'mbuf' a buffer of its own for 'size' bytes behind
 * 'headroom'.  Returns false if there is no memory, or no room in 64 kB. */
static bool
attach_buffer(struct rte_mbuf *mbuf, size_t size, size_t headroom)
{
    uint32_t len = netdev_dpdk_extbuf_size(headroom + size);
    void *buf = len <= UINT16_MAX ? netdev_dpdk_extbuf_allocate(len) : NULL;

    if (!buf) {
        return false;
    }
    netdev_dpdk_extbuf_replace(CONTAINER_OF(mbuf, struct dp_packet, mbuf),
                               buf, len);
    return true;
}

/* Returns a packet of 'size' bytes in an mbuf of 'mp', or null if there is
 * none left.  A packet that is too long for an mbuf, a train, gets a buffer of
 * its own.  As with tnl_gso_buf_new(), data, offsets, offloads, hash and mark
 * are not initialized.
 *
 * The packet has 'headroom' bytes of headroom or, if the mbuf has no room for
 * them, fewer: a driver can do with less, but data as long as the MTU must
 * fit. */
struct dp_packet *
netdev_dpdk_tnl_alloc_from(struct rte_mempool *mp, size_t size,
                           size_t headroom)
{
    size_t room = rte_pktmbuf_data_room_size(mp);
    struct rte_mbuf *mbuf;
    struct dp_packet *p;

    /* This also resets what drivers read: lengths, chain, offload flags and
     * all of 'tx_offload', in which the segment size is. */
    mbuf = rte_pktmbuf_alloc(mp);
    if (OVS_UNLIKELY(!mbuf)) {
        return NULL;
    }
    if (OVS_LIKELY(size <= room)) {
        mbuf->data_off = MIN(headroom, room - size);
    } else if (attach_buffer(mbuf, size, headroom)) {
        mbuf->data_off = headroom;
    } else {
        rte_pktmbuf_free(mbuf);
        return NULL;
    }

    /* 'source' is that of all mbufs of this mempool, since it was made. */
    p = CONTAINER_OF(mbuf, struct dp_packet, mbuf);
    dp_packet_set_size(p, size);
    return p;
}

/* The tnl_gso_alloc_func of 'netdev', a DPDK port. */
struct dp_packet *
netdev_dpdk_tnl_alloc(const struct netdev *netdev, size_t size,
                      size_t headroom)
{
    struct rte_mempool *mp = netdev_dpdk_tnl_mempool(netdev);
    struct dp_packet *p = NULL;

    if (OVS_LIKELY(mp)) {
        p = netdev_dpdk_tnl_alloc_from(mp, size, headroom);
    }
    if (OVS_UNLIKELY(!p)) {
        /* netdev-dpdk.c tries again to get an mbuf, and copies the packet. */
        COVERAGE_INC(netdev_dpdk_tnl_no_mbuf);
        p = tnl_gso_buf_new(netdev, size, headroom);
    }
    return p;
}
