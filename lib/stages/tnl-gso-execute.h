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

#ifndef TNL_GSO_EXECUTE_H
#define TNL_GSO_EXECUTE_H 1

/* One superpacket through the stages.
 *
 * Called for superpackets that are sent (tnl-gso-send.c), that a push may have
 * to cut (tnl-gso-push.c), that go to userspace (tnl-gso-upcall.c), and that
 * `tnl-gso/explain` explains.  Knows one packet, no batch and no order. */

#include "core/tnl-gso-types.h"

struct dp_packet;
struct dp_packet_batch;
struct netdev;

enum tnl_gso_reason tnl_gso_describe_and_plan(const struct dp_packet *,
                                              const struct tnl_gso_caps *,
                                              struct tnl_gso_desc *,
                                              struct tnl_gso_plan *);
void tnl_gso_count_plan(const struct netdev *, const struct dp_packet *,
                        const struct tnl_gso_desc *,
                        const struct tnl_gso_plan *);
void tnl_gso_execute(const struct netdev *, struct dp_packet *,
                     const struct tnl_gso_desc *, const struct tnl_gso_plan *,
                     tnl_gso_alloc_func *, struct dp_packet_batch *out);

#endif /* tnl-gso-execute.h */
