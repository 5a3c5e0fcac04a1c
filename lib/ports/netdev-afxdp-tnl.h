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

#ifndef NETDEV_AFXDP_TNL_H
#define NETDEV_AFXDP_TNL_H 1

/* What a port of type afxdp can send: packets that fit into one frame of the
 * memory that it shares with the kernel.
 *
 * Called by netdev-afxdp.c before it copies packets there.  Must not look into
 * a packet. */

#include <stdbool.h>
#include <stddef.h>

struct dp_packet_batch;
struct netdev;

bool netdev_afxdp_fit(struct netdev *, struct dp_packet_batch *, size_t max);

#endif /* netdev-afxdp-tnl.h */
