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

#include <stdbool.h>
#include <stddef.h>

struct dp_packet;
struct netdev;
struct netdev_class;
struct rte_mempool;

bool netdev_dpdk_tnl_sends_mbufs(const struct netdev_class *);
struct dp_packet *netdev_dpdk_tnl_alloc(const struct netdev *, size_t size,
                                        size_t headroom);
struct dp_packet *netdev_dpdk_tnl_alloc_from(struct rte_mempool *, size_t size,
                                             size_t headroom);

/* netdev-dpdk.c, by our patch: the mempool from which a DPDK netdev takes
 * mbufs, or null if it has none yet. */
struct rte_mempool *netdev_dpdk_tnl_mempool(const struct netdev *);

#endif /* netdev-dpdk-tnl.h */
