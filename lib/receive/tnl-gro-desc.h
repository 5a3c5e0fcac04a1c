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

#ifndef TNL_GRO_DESC_H
#define TNL_GRO_DESC_H 1

/* Stage "describe" of receiving: where everything is in one unit.
 *
 * Called by tnl-gro.c.  Must not write, allocate or read payload. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/tnl-gso-parse.h"
#include "core/tnl-gso-types.h"
#include "encap/encap.h"
#include "openvswitch/types.h"

struct dp_packet;

/* The packet in which units are, and its outer headers.  Without a tunnel
 * there are none. */
struct tnl_gro_outer {
    struct dp_packet *packet;   /* Not owned. */
    const struct tnl_gso_encap_class *class; /* Of the tunnel. */
    const uint8_t *frame;       /* First byte of 'packet'. */
    struct tnl_gso_l3 l3;       /* Outer IP header; not set without a
                                 * tunnel. */
    uint16_t len;               /* Bytes in front of a unit: up to the tunnel
                                 * header, UDP included, GRE not. */
    bool train;                 /* Units share one outer header. */
    bool csum;                  /* There is an outer checksum. */
    bool sum_outer;             /* It has yet to be verified. */
    bool sum_inner;             /* So have those inside. */
};

/* A unit.  Offsets count bytes from its start, that is from the tunnel header,
 * or without a tunnel from the start of the frame. */
struct tnl_gro_unit {
    const struct tnl_gro_outer *outer; /* Not owned. */
    const uint8_t *data;        /* Any alignment. */
    uint32_t len;
    struct tnl_gso_l3 l3;       /* IP header in front of TCP. */
    uint16_t inner_ofs;         /* First byte behind the tunnel header. */
    uint16_t hdr_len;           /* Up to the TCP payload. */
    uint16_t payload_len;
    uint16_t ctl;               /* TCP data offset and flags. */
    uint16_t id;                /* IPv4. */
    uint32_t seq;
    uint32_t ip_sum;            /* IPv4: header without total length, ID and
                                 * checksum. */
    bool has_flow;              /* Addresses and TCP ports have been found,
                                 * even if the unit cannot be merged. */
    bool rco;                   /* The checksum is remote: that of each unit is
                                 * the sum of its own pseudo-header. */
    uint8_t len_ofs;            /* As in struct tnl_gso_desc, 0 if the tunnel
                                 * header has no length. */
};

/* Is the length in the tunnel header of the unit of 'len' bytes at 'data',
 * which is laid out like 'u', right, if there is one? */
static inline bool
tnl_gro_own_len_right(const struct tnl_gro_unit *u, const uint8_t *data,
                      uint32_t len)
{
    return (OVS_LIKELY(!u->len_ofs)
            || (u->len_ofs + TNL_GSO_OWN_LEN_SKIP
                + tnl_gso_get16(data + u->len_ofs) == len));
}

bool tnl_gso_is_train(const struct dp_packet *);
enum tnl_gro_rule tnl_gro_describe_outer(struct dp_packet *,
                                         enum tnl_gso_encap, bool train,
                                         struct tnl_gro_outer *);
enum tnl_gro_rule tnl_gro_describe(const struct tnl_gro_outer *,
                                   const uint8_t *data, uint32_t len,
                                   struct tnl_gro_unit *);
bool tnl_gro_ip_continues(const struct tnl_gro_unit *, const uint8_t *data,
                          uint32_t len);

#endif /* tnl-gro-desc.h */
