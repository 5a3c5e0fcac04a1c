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

#ifndef TNL_GRO_GLANCE_H
#define TNL_GRO_GLANCE_H 1

/* Is a batch worth to be looked at by tnl_gro_merge(), if nothing has merged
 * for a while?
 *
 * A glance at a few packets finds a TCP stream that begins, for a fiftieth of
 * what a look costs.  It may be wrong both ways: core/tnl-gro-feedback.h has
 * what limits the harm.
 *
 * Called by the ways of pop and send.  Must not write, allocate or read
 * payload. */

#include <stdbool.h>

#include "core/tnl-gro-feedback.h"
#include "encap/list.h"

struct dp_packet_batch;

bool tnl_gro_glance(enum tnl_gso_encap, const struct dp_packet_batch *);
bool tnl_gro_is_worth_it(struct tnl_gro_effort *, enum tnl_gso_encap,
                         const struct dp_packet_batch *);

#endif /* tnl-gro-glance.h */
