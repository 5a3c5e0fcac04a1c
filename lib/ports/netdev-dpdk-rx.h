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


#ifndef NETDEV_DPDK_RX_H
#define NETDEV_DPDK_RX_H 1

/* Segment sizes of received mbufs, for DPDK ports.
 *
 * Called by netdev-dpdk.c for each burst that it has received, and when it
 * registers a vhost-user port.  Must not look at packet bytes: a guest has
 * written them, and the describe stage (tnl-gso-desc.h) reads them when a
 * packet has to be cut. */

#include <stdbool.h>
#include <stdint.h>
#include <linux/virtio_net.h>
#include <rte_mbuf.h>
#include <rte_vhost.h>

#include "dp-packet.h"
#include "ports/tnl-gso-rx.h"
#include "tnl-gso.h"
#include "userspace-tso.h"
#include "util.h"

/* Sets right the segment sizes of the packets in 'batch'.
 *
 * An mbuf keeps tso_segsz from its last use if a driver does not reset it when
 * it refills its ring, and uso_segsz is in the part of struct dp_packet that
 * DPDK does not know.  Both would make a superpacket of an ordinary one.  The
 * vhost library marks with RTE_MBUF_F_RX_LRO each packet that a guest wants to
 * have cut, even if segmentation has not been negotiated. */
static inline void
netdev_dpdk_rx_segsz(struct dp_packet_batch *batch)
{
    bool tso = userspace_tso_enabled(), enabled = tnl_gso_enabled();
    struct dp_packet *packet;

    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        bool super = packet->mbuf.ol_flags & RTE_MBUF_F_RX_LRO;

        packet->uso_segsz = 0;
        /* Where there are no superpackets at all, no mbuf has been one, and
         * its second cache line need not be touched. */
        if (super ? !tso : enabled) {
            packet->mbuf.tso_segsz = 0;
        }
    }
}

/* Keeps packets that would be too much for one turn of 'rxq', a guest's, out
 * of 'batch', which netdev_dpdk_rx_segsz() has been called for.  Only guests
 * that ask for tiny segments exceed a turn: of other packets, only a flag is
 * read. */
static inline void
netdev_dpdk_rx_bound(struct netdev_rxq *rxq, struct dp_packet_batch *batch)
{
    struct dp_packet *packet;
    bool tiny = false;

    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        tiny |= (packet->mbuf.ol_flags & RTE_MBUF_F_RX_LRO
                 && packet->mbuf.tso_segsz
                 && packet->mbuf.tso_segsz < TNL_GSO_MIN_USUAL_MSS);
    }
    if (OVS_UNLIKELY(tiny)) {
        tnl_gso_rx_bound(rxq, batch);
    }
}

/* Flags of a dpdkvhostuser port, besides those that it has in Open vSwitch
 * 4.0: those of a dpdkvhostuserclient port.  Without them the library reports
 * partial checksums in flags for sending, which Open vSwitch does not read,
 * and takes no packet that is longer than an mbuf. */
static inline uint64_t
netdev_dpdk_rx_vhost_flags(void)
{
    return (RTE_VHOST_USER_NET_COMPLIANT_OL_FLAGS
            | (userspace_tso_enabled() ? RTE_VHOST_USER_EXTBUF_SUPPORT : 0));
}

/* Features that a dpdkvhostuser port with userspace TSO does not offer, like a
 * dpdkvhostuserclient port: IP fragments are not made of packets from a guest,
 * and the ports that superpackets leave through may not know that CWR is for
 * the first segment. */
static inline uint64_t
netdev_dpdk_rx_vhost_unsupported(void)
{
    return 1ULL << VIRTIO_NET_F_HOST_ECN | 1ULL << VIRTIO_NET_F_HOST_UFO;
}

#endif /* netdev-dpdk-rx.h */
