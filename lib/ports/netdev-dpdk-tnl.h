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

#ifndef NETDEV_DPDK_TNL_H
#define NETDEV_DPDK_TNL_H 1

/* Superpackets on DPDK ports: their mbufs, the capabilities of devices, and
 * the requests to devices.
 *
 * Called by netdev-dpdk.c, by the segment stage through 'alloc' of struct
 * tnl_gso_port, and by `tnl-gso/show`. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dp_packet;
struct ds;
struct netdev;
struct netdev_class;
struct rte_eth_dev_info;
struct rte_mbuf;
struct rte_mempool;
struct tnl_gso_port;

/* netdev-dpdk-tnl.c: packets in mbufs. */
bool netdev_dpdk_tnl_sends_mbufs(const struct netdev_class *);
bool netdev_dpdk_tnl_has_guest(const struct netdev_class *);
struct dp_packet *netdev_dpdk_tnl_alloc(const struct netdev *, size_t size,
                                        size_t headroom);
struct dp_packet *netdev_dpdk_tnl_alloc_from(struct rte_mempool *, size_t size,
                                             size_t headroom);

/* Those of netdev-dpdk.c's flags that stand for tunnel TSO. */
#define NETDEV_DPDK_TNL_TSO (NETDEV_TX_VXLAN_TNL_TSO_OFFLOAD        \
                             | NETDEV_TX_GENEVE_TNL_TSO_OFFLOAD     \
                             | NETDEV_TX_GRE_TNL_TSO_OFFLOAD)

/* netdev-dpdk-caps.c: capabilities of a device, and how it is configured. */
void netdev_dpdk_tnl_port_init(struct tnl_gso_port *);
void netdev_dpdk_tnl_port_destroy(struct tnl_gso_port *);
uint64_t netdev_dpdk_tnl_configure(struct netdev *,
                                   const struct rte_eth_dev_info *);
void netdev_dpdk_tnl_set_mtu(struct netdev *, int mtu);
void netdev_dpdk_tnl_list(const struct netdev *,
                          void (*cb)(const char *name, const char *text,
                                     void *aux),
                          void *aux);
uint64_t netdev_dpdk_tnl_flag(const struct netdev *, unsigned int encap);

/* netdev-dpdk-tx.c: flags of mbufs that are sent, and packets that a driver
 * refuses. */
bool netdev_dpdk_tnl_is_super(const struct rte_mbuf *);
bool netdev_dpdk_tnl_prep(const struct netdev *, struct rte_mbuf *);
int netdev_dpdk_tnl_tx_prepare(uint16_t port_id, int qid, struct rte_mbuf **,
                               int cnt);
uint32_t netdev_dpdk_tnl_planned(struct rte_mbuf *const *, size_t cnt);
void netdev_dpdk_tnl_lost(struct netdev *, uint32_t n_segs);
int netdev_dpdk_tnl_tx_refused(struct netdev *, uint16_t port_id, int qid,
                               struct rte_mbuf **, int cnt, int n_good);

/* netdev-dpdk.c, by our patch: the mempool from which a DPDK netdev takes
 * mbufs, or null if it has none yet. */
struct rte_mempool *netdev_dpdk_tnl_mempool(const struct netdev *);

#endif /* netdev-dpdk-tnl.h */
