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

#ifndef TNL_GRO_LIST_H
#define TNL_GRO_LIST_H 1

/* Lists of packets as a tunnel, or the send hook, gets them in a batch, and a
 * judge of what is made of them.
 *
 * Superpackets are cut by the reference, interleaved, and then changed in any
 * way that a network or a guest can think of.  Must not use the code under
 * test, and must not know its rules: what has been merged is right if the
 * reference cuts it into the packets that came, byte by byte and in order.
 *
 *     tnl-gro-list.c      flows, their packets, marks
 *     tnl-gro-random.c    random ones
 *     tnl-gro-mutate.c    changes
 *     tnl-gro-units.c     what may be put together, and the flow of it
 *     tnl-gro-judge.c     the judge of what has been merged
 *     tnl-gro-joinable.c  the judge of what has not */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/dynamic-string.h"
#include "tnl-gso-pkt.h"
#include "tnl-gso-ref.h"

struct dp_packet;
struct dp_packet_batch;
struct tnl_gro_count;

enum { GRO_MAX_ITEMS = 224, GRO_MAX_FLOWS = 80, GRO_MAX_UNITS = 4096 };

/* A superpacket, and how it is cut. */
struct gro_flow {
    struct pkt_row row;
    uint8_t *frame;             /* Owned. */
    size_t len;
    struct ref_job job;
    struct ref_layout l;
    size_t n_units;
};

/* One packet: a segment, a train of some, or anything else. */
struct gro_item {
    uint8_t *data;              /* Owned.  As on a wire. */
    size_t len;
    struct ref_layout l;        /* Where headers were made, before changes; in
                                 * a train, those of the first unit. */
    int flow;                   /* Index in 'flows', or negative. */
    uint16_t unit_len;          /* A train's, otherwise 0. */
    uint16_t mss;               /* A superpacket's, otherwise 0. */
    uint32_t offloads;          /* Marks. */
    uint16_t l3, l4;            /* Offsets that flow_extract() finds, or
                                 * UINT16_MAX. */
    uint16_t partial_ofs;       /* Of an inner checksum that is left to others,
                                 * which is not in 'data', or 0. */
    uint16_t partial;           /* What it is. */
    uint32_t in_port, mark, priority;
};

/* What may be put together. */
struct gro_unit {
    const struct gro_item *item;
    size_t i_item;
    const uint8_t *data;        /* From the tunnel header on. */
    size_t len;
    int flow;                   /* A number, or negative: none, or any. */
    bool taken;                 /* It has come out, */
    size_t out;                 /* as part of this packet. */
};

struct gro_list {
    enum ref_encap encap;
    bool trains_only;
    bool any;                   /* Of any bytes: what could have been merged is
                                 * not asked. */
    bool guarded;               /* A read behind a packet's end crashes. */
    bool clean;                 /* Each flow is one superpacket again. */
    bool geneve_rco;            /* A tunnel on its UDP port knows the option for
                                 * remote checksums. */
    bool for_kernel;            /* What Linux' tunnel device can be given. */
    struct gro_flow flows[GRO_MAX_FLOWS];
    size_t n_flows;
    struct gro_item v[GRO_MAX_ITEMS];
    size_t n;
    struct ds how;              /* What has been done to it. */
};

/* tnl-gro-list.c. */
void gro_list_init(struct gro_list *, enum ref_encap);
void gro_list_destroy(struct gro_list *);
void gro_list_format(const struct gro_list *, struct ds *);

struct gro_flow *gro_list_add_flow(struct gro_list *, const struct pkt_row *,
                                   bool fixed_id);
void gro_list_add_units(struct gro_list *, size_t burst, struct pkt_rng *);
struct gro_item *gro_list_insert(struct gro_list *, size_t i, uint8_t *data,
                                 size_t len, const struct ref_layout *,
                                 int flow);
void gro_list_remove(struct gro_list *, size_t i);
void gro_list_merge_train(struct gro_list *, size_t i, size_t n);
void gro_list_finish(struct gro_list *, struct pkt_rng *);
void gro_item_settle(const struct gro_list *, struct gro_item *);
size_t gro_item_head(const struct gro_list *, const struct gro_item *);
struct ref_remote gro_read_remote(const struct gro_list *,
                                  const uint8_t *frame, size_t len,
                                  const struct ref_layout *);
bool gro_is_remote(const struct gro_list *, const uint8_t *frame, size_t len,
                   const struct ref_layout *);
struct dp_packet *gro_item_packet(const struct gro_list *,
                                  const struct gro_item *);

/* tnl-gro-random.c. */
void gro_list_random(struct gro_list *, struct pkt_rng *);
void gro_list_random_for_kernel(struct gro_list *, enum ref_encap,
                                struct pkt_rng *);

/* tnl-gro-mutate.c. */
void gro_list_mutate(struct gro_list *, struct pkt_rng *);

/* tnl-gro-units.c. */
size_t gro_list_units(const struct gro_list *, struct gro_unit *);
struct gro_unit *gro_next_of_flow(struct gro_unit *, size_t n,
                                  const struct gro_unit *);
uint8_t *gro_unit_frame(const struct gro_list *, const struct gro_unit *,
                        size_t *len);

/* tnl-gro-judge.c. */
struct gro_result {
    size_t n_units;
    size_t n_out;
    size_t n_supers;
    size_t n_merged;            /* Units in these. */
    size_t n_refused;           /* Pairs that could not have been merged. */
};
char *gro_list_merge_and_judge(const struct gro_list *, struct gro_result *,
                               struct tnl_gro_count *, struct ds *runs);

/* tnl-gro-joinable.c. */
bool gro_may_end_all(const struct gro_list *, const struct gro_unit *);
bool gro_sum_wrong(const struct gro_list *, const struct gro_unit *);
bool gro_joinable(const struct gro_list *, const struct gro_unit *const *,
                  size_t n);

#endif /* tnl-gro-list.h */
