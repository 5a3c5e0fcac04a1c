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

#ifndef TNL_GRO_FINISH_H
#define TNL_GRO_FINISH_H 1

/* Stage "finish" of receiving: headers and marks of a packet made of units.
 *
 * Called by tnl-gro-join.c and tnl-gro-gather.c.  Must not allocate, resize or
 * look at payload.  Cannot fail. */

#include "receive/tnl-gro-match.h"

struct dp_packet;

void tnl_gro_finish_outer(const struct tnl_gro_outer *, struct dp_packet *);
void tnl_gro_finish_super(const struct tnl_gro_flow *, struct dp_packet *);
void tnl_gro_finish_inner(const struct tnl_gro_flow *, uint8_t *inner);

#endif /* tnl-gro-finish.h */
