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


#ifndef NETDEV_DPDK_DRIVERS_H
#define NETDEV_DPDK_DRIVERS_H 1

/* Limits that DPDK's drivers do not report through the API, but enforce or get
 * wrong: a table by driver name.
 *
 * Read by netdev-dpdk-caps.c when a port is configured.  A pure table: knows
 * neither ports nor DPDK's headers.
 *
 * All of it was read in the sources of DPDK 22.11.11, of the drivers that are
 * newer than that in DPDK's main branch, and, where this says so, of Linux'
 * driver of the same device; none of it was measured on a device.  The checks
 * in the preparing functions of the drivers were read again in the machine
 * code of Debian's 24.11.8 and 25.11.4. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tnl_gso_limits;

/* Meaning of RTE_MBUF_F_TX_UDP_SEG to a driver with
 * RTE_ETH_TX_OFFLOAD_UDP_TSO.  DPDK's documentation says fragments. */
enum netdev_dpdk_udp_tso {
    NETDEV_DPDK_UDP_TSO_UNKNOWN,    /* Not known, or it refuses the packet. */
    NETDEV_DPDK_UDP_TSO_DATAGRAMS,  /* UDP datagrams, as Linux' GSO_UDP_L4. */
    NETDEV_DPDK_UDP_TSO_FRAGMENTS,  /* IP fragments of one datagram. */
};

/* Limits are those of one packet that the port is to cut; 0: none is known.
 *
 * Flags for outer headers may be used for types of tunnels that the port
 * advertises only: without, ixgbe refuses the type, and ionic all outer flags,
 * in spite of advertising outer checksums. */
struct netdev_dpdk_driver {
    /* A driver's name, as in rte_eth_dev_info.driver_name.  The row is also
     * for names that go on with "_": virtual functions, buses. */
    const char *name;

    uint16_t min_mss;           /* Bytes. */
    uint16_t max_mss;
    uint16_t max_hdr_len;       /* Bytes of all headers in front of the
                                 * payload, outer ones included. */
    uint16_t max_segs;          /* Segments that it makes of one packet. */
    uint32_t max_len;           /* Bytes of the packet, headers included. */
    uint32_t max_buf_len;       /* Bytes of it in each single mbuf. */

    enum netdev_dpdk_udp_tso udp_tso;
    bool no_tso;                /* Has TCP_TSO, but must not be used. */
    bool no_tso6;               /* The same, TCP over IPv6. */

    /* If the type of a packet's tunnel is not advertised, does the device fill
     * in the checksum behind l2_len + l3_len?  Then l2_len can cover the outer
     * headers.  If not, or not known, the device finds headers by itself, and
     * these are the outer ones. */
    bool csum_by_len;
};

const struct netdev_dpdk_driver *netdev_dpdk_driver_find(const char *name);
void netdev_dpdk_driver_limits(const struct netdev_dpdk_driver *,
                               struct tnl_gso_limits *);
const struct netdev_dpdk_driver *netdev_dpdk_drivers(size_t *n);

#endif /* netdev-dpdk-drivers.h */
