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

#ifndef TNL_GSO_SEG_H
#define TNL_GSO_SEG_H 1

/* Stage "segment": from one superpacket to the packets of a plan.
 *
 * Called by tnl-gso-execute.c.  Allocates, copies payload and sums it up; must
 * not write a header: that is finish (tnl-gso-finish.h).  Cannot fail. */

#include "core/tnl-gso-types.h"

struct dp_packet;
struct dp_packet_batch;
struct netdev;

void tnl_gso_cut(struct dp_packet *, const struct tnl_gso_desc *,
                 const struct tnl_gso_plan *, tnl_gso_alloc_func *,
                 const struct netdev *, struct dp_packet_batch *out);

#endif /* tnl-gso-seg.h */
