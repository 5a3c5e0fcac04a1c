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

#ifndef TNL_GSO_DPDK_H
#define TNL_GSO_DPDK_H 1

/* A DPDK port in the process of a test or benchmark: DPDK's net_null, which
 * frees what it is sent, behind Open vSwitch's netdev-dpdk.
 *
 * DPDK can be started once per process, and needs neither hardware nor huge
 * pages.  Needs root. */

#include <stdbool.h>
#include <stddef.h>

struct dp_packet;
struct dp_packet_batch;
struct netdev;
struct rte_mempool;

struct netdev *tg_dpdk_port(int mtu, bool tso);
struct rte_mempool *tg_dpdk_mempool(const struct netdev *, size_t *in_use);

/* Sends to 'kept' instead of to the port, until it is called with null. */
void tg_dpdk_keep(struct netdev *, struct dp_packet_batch *kept);

struct dp_packet *tg_dpdk_clone(struct rte_mempool *,
                                const struct dp_packet *);

/* Parts of `ovstest test-tnl-gso-dpdk`. */
void tg_dpdk_test_caps(struct netdev *);
void tg_dpdk_test_prep(struct netdev *);
void tg_dpdk_test_long(struct netdev *);
void tg_dpdk_test_refused(struct netdev *);

#endif /* tnl-gso-dpdk.h */
