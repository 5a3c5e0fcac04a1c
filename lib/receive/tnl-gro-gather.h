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

#ifndef TNL_GRO_GATHER_H
#define TNL_GRO_GATHER_H 1

/* Stage "join" of receiving, for kernel ports: units of a flow without a
 * buffer.
 *
 * The kernel copies all data that it gets.  So for a kernel port the units
 * stay where they are, and become pieces of one frame (tnl-gso-frames.h).
 *
 * Filled by tnl-gro.c, for units that are packets without a tunnel, and turned
 * into frames, or into a packet after all, by tnl-gso-send.c. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "receive/tnl-gro-join.h"
#include "receive/tnl-gro-match.h"
#include "stages/tnl-gso-desc.h"

struct dp_packet;
struct netdev;
struct tnl_gso_frames;

/* Units that are to be sent together. */
struct tnl_gro_gathered {
    struct tnl_gro_outer outer; /* Of the first. */
    struct tnl_gro_flow flow;   /* Refers to 'outer'. */
    struct dp_packet **packets; /* 'flow.n_units' of them, owned; the first one
                                 * stands for all in its batch. */
};

/* All that one batch has.  More become packets. */
struct tnl_gro_gather {
    struct tnl_gro_gathered items[16];
    size_t n;
    struct dp_packet *packets[64];
    size_t n_packets;
};

bool tnl_gro_gather_has_room(const struct tnl_gro_gather *, uint32_t n_units);
bool tnl_gro_gather_add(struct tnl_gro_gather *, const struct tnl_gro_flow *,
                        tnl_gro_part_func *, void *aux, uint32_t *n_right);

void tnl_gro_gathered_describe(const struct tnl_gro_gathered *,
                               struct tnl_gso_desc *);
void tnl_gro_gathered_frame(const struct tnl_gro_gathered *,
                            const struct tnl_gso_desc *,
                            struct tnl_gso_frames *, uint16_t super);
struct dp_packet *tnl_gro_gathered_join(const struct tnl_gro_gathered *,
                                        const struct netdev *);
void tnl_gro_gathered_free(const struct tnl_gro_gathered *);

#endif /* tnl-gro-gather.h */
