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

#ifndef NETDEV_DUMMY_TNL_H
#define NETDEV_DUMMY_TNL_H 1

/* Dummy ports with the offloads that a test gives them.  Called by
 * netdev-dummy.c. */

struct dp_packet;
struct dp_packet_batch;
struct netdev;
struct smap;

void netdev_dummy_tnl_set_config(struct netdev *, const struct smap *args);
void netdev_dummy_tnl_refused(struct netdev *, const struct dp_packet_batch *,
                              const struct dp_packet *first);

#endif /* netdev-dummy-tnl.h */
