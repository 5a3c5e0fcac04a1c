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

#ifndef TNL_GRO_TURN_H
#define TNL_GRO_TURN_H 1

/* The flows of one batch, and the order of what comes out: see tnl-gro.h.
 *
 * Units are noted in the order in which they came, and each is linked behind
 * the one that it continues, by tnl-gro.c.  At the end, each that continues
 * none is put out together with those that are linked behind it, by
 * tnl-gro-out.c.  A list that does not fit is merged in several turns. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/tnl-gso-types.h"
#include "encap/list.h"
#include "receive/tnl-gro-desc.h"
#include "receive/tnl-gro-expect.h"
#include "receive/tnl-gro-match.h"

struct dp_packet;
struct dp_packet_batch;
struct netdev;
struct tnl_gro_gather;

enum {
    TNL_GRO_MAX_PACKETS = 64,   /* In one turn. */
    TNL_GRO_MAX_UNITS = TNL_GRO_MAX_PACKETS + TNL_GSO_MAX_SEGS, /* The same. */
    TNL_GRO_MAX_FLOWS = 64,     /* A unit of more is put out by itself. */
    TNL_GRO_N_BUCKETS = 128,
};

/* Stands for no unit and for no flow. */
enum { TNL_GRO_NONE = UINT16_MAX };

/* A unit, where it is. */
struct tnl_gro_place {
    const uint8_t *data;
    struct dp_packet *packet;   /* Owned unless it is a train. */
    uint16_t len;               /* Bytes. */
    uint16_t outer;             /* Index in 'outer'. */
    uint16_t next;              /* The unit that continues it, or NONE. */
    uint16_t entry;             /* That has the flow of it and of those that
                                 * continue it, or NONE. */
    bool continues;             /* It is the 'next' of another one. */
    uint8_t rule;               /* What became of it: enum tnl_gro_rule. */
};

struct tnl_gro_entry {
    struct tnl_gro_flow flow;
    bool live;                  /* Units can be added. */
    uint32_t hash;
    uint16_t first, last;       /* Units. */
    uint16_t next;              /* Entry in the same bucket, or NONE. */
    uint16_t after;             /* Entry that got the unit behind the one
                                 * before 'last'; at first this one. */
};

/* One turn. */
struct tnl_gro_turn {
    enum tnl_gso_encap encap;
    uint8_t gro_id;
    tnl_gso_alloc_func *alloc;  /* Of superpackets. */
    const struct netdev *netdev; /* For 'alloc'. */
    struct tnl_gro_gather *gather; /* Takes superpackets as long as it has
                                    * room; null for none. */
    struct dp_packet_batch *out;
    struct tnl_gro_count *count;

    /* Packets that are expected share that of the first of their flow. */
    struct tnl_gro_outer outer[TNL_GRO_MAX_PACKETS];
    size_t n_outer;
    size_t n_packets;
    bool trains;                /* There are such among them. */
    struct tnl_gro_place units[TNL_GRO_MAX_UNITS];
    size_t n_units;
    struct tnl_gro_entry entries[TNL_GRO_MAX_FLOWS];
    size_t n_entries;
    uint16_t buckets[TNL_GRO_N_BUCKETS]; /* First entry, or NONE. */
    uint16_t recent;            /* Entry that got a unit last, or NONE. */
    struct tnl_gro_expect expect;
};

void tnl_gro_turn_init(struct tnl_gro_turn *);
void tnl_gro_put_out(struct tnl_gro_turn *);

#endif /* tnl-gro-turn.h */
