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

#ifndef TNL_GSO_DPDK_DRIVER_H
#define TNL_GSO_DPDK_DRIVER_H 1

/* For tests of lib/ports/netdev-dpdk-tx.c: functions for sending in place of
 * those of DPDK's net_null.  They keep what they are handed, until it is compared
 * with numbers in a table, or, where nothing is left to the device, with the
 * reference (tnl-gso-ref.c). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

struct dp_packet;
struct netdev;
struct pkt_row;

#define ETH(NAME) RTE_ETH_TX_OFFLOAD_##NAME
#define TX(NAME) RTE_MBUF_F_TX_##NAME

#define SUM_FLAGS (NETDEV_TX_OFFLOAD_IPV4_CKSUM                             \
                   | NETDEV_TX_OFFLOAD_TCP_CKSUM                            \
                   | NETDEV_TX_OFFLOAD_UDP_CKSUM)
#define OUTER_FLAGS (NETDEV_TX_OFFLOAD_OUTER_IP_CKSUM                       \
                     | NETDEV_TX_OFFLOAD_OUTER_UDP_CKSUM)
#define TSO_FLAGS (SUM_FLAGS | NETDEV_TX_OFFLOAD_TCP_TSO)
#define TNL_FLAGS (TSO_FLAGS | NETDEV_TX_OFFLOAD_OUTER_IP_CKSUM             \
                   | NETDEV_TX_VXLAN_TNL_TSO | NETDEV_TX_GENEVE_TNL_TSO     \
                   | NETDEV_TX_GRE_TNL_TSO)
#define TNL_CAPA (ETH(VXLAN_TNL_TSO) | ETH(GENEVE_TNL_TSO) | ETH(GRE_TNL_TSO))

/* What was sent. */
enum { TG_MAX_FRAMES = 512 };
extern struct rte_mbuf *tg_frames[TG_MAX_FRAMES];
extern size_t tg_n_frames;

extern size_t tg_room;          /* Packets that the queue still takes. */
extern size_t tg_at_once;       /* Packets that it takes in one call. */
extern bool (*tg_refuses)(const struct rte_mbuf *); /* Of the prepare step. */

/* In an outer UDP checksum that the device is asked for. */
enum { TG_START_VALUE = 0xbbbb };

void tg_driver_install(const struct netdev *);
void tg_driver_reset(void);
void tg_device(struct netdev *, const char *driver, uint64_t capa,
               uint64_t ol_flags);
void tg_send_one(struct netdev *, struct dp_packet *);
struct dp_packet *tg_build(const struct pkt_row *, bool single);
size_t tg_expect_cut(const struct pkt_row *, size_t first);

#endif /* tnl-gso-dpdk-driver.h */
