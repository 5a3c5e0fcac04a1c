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

#ifndef TNL_GSO_FINISH_H
#define TNL_GSO_FINISH_H 1

/* Stage "finish": the headers of one packet out of a superpacket.
 *
 * Called by the segment stage (tnl-gso-seg.c, tnl-gso-frames.c,
 * tnl-gso-train.c) and by netdev-linux-big.c.  Must not allocate, resize, or
 * look at other packets.  Cannot fail.
 *
 * Sums are ones-complement sums, folded to 16 bits, in the packet's byte
 * order. */

#include <stdbool.h>
#include <stdint.h>

#include "core/tnl-gso-types.h"
#include "openvswitch/types.h"
#include "util.h"

struct dp_packet;

/* The part of the headers that is the same in all packets with one length of
 * payload. */
struct tnl_gso_finish_len {
    uint32_t payload_len;
    uint32_t l4_sum;            /* Inner pseudo-header. */
    uint32_t inner_ip_sum;      /* Inner IPv4 header without ID, checksum. */
    uint32_t outer_ip_sum;      /* Outer IPv4, likewise. */
    ovs_be16 inner_l4_len;      /* As in the inner pseudo-header. */
    ovs_be16 inner_ip_len;      /* IPv4 total length, IPv6 payload length. */
    ovs_be16 outer_ip_len;
    ovs_be16 outer_udp_len;
    ovs_be16 outer_csum;        /* UDP or GRE.  With a remote checksum the sum
                                 * of the pseudo-header. */

    /* Only in two tunnels: headers of the inner one. */
    uint32_t mid_ip_sum;        /* IPv4, as 'outer_ip_sum'. */
    ovs_be16 mid_ip_len;
    ovs_be16 mid_udp_len;
    ovs_be16 mid_csum;
};

/* Everything that is the same in all packets out of one superpacket, found
 * once.  All but the last have one length. */
struct tnl_gso_finish {
    const struct tnl_gso_desc *desc;
    const struct tnl_gso_plan *plan;
    bool sum_l4;                /* The inner TCP or UDP checksum is ours. */
    bool sum_remote;            /* There is a remote checksum, and the outer
                                 * one, which then depends on the payload, is
                                 * ours. */
    bool more;                  /* That, or two tunnels. */
    uint32_t l4_sum;            /* Addresses and protocol of the inner
                                 * pseudo-header. */
    uint32_t l4_hdr_sum;        /* TCP header without sequence number, control
                                 * word and checksum; UDP header without
                                 * length and checksum. */
    uint32_t inner_ip_sum;      /* Inner IPv4 header without total length, ID
                                 * and checksum; inner IPv6 header and
                                 * extension headers without length. */
    uint32_t outer_ip_sum;      /* Outer IPv4, likewise. */
    uint32_t outer_l4_sum;      /* Outer UDP or GRE header and all up to the
                                 * next IP header, without lengths and
                                 * checksum; UDP: with addresses and protocol
                                 * of the outer pseudo-header. */
    uint32_t outer_pseudo_sum;  /* UDP: addresses and protocol of the outer
                                 * pseudo-header. */
    uint32_t mid_ip_sum;        /* In two tunnels, the same of the inner one:
                                 * as 'outer_ip_sum', */
    uint32_t mid_l4_sum;        /* as 'outer_l4_sum' without the pseudo-header,
                                 * up to the innermost IP header, */
    uint32_t mid_pseudo_sum;    /* as 'outer_pseudo_sum'. */
    uint32_t seq;               /* TCP: of the first payload byte. */
    uint32_t segment_marks;     /* Of a packet that nobody cuts again, unless
                                 * it is the only one. */
    ovs_be16 tcp_ctl;           /* TCP: data offset and flags, as it came. */
    struct tnl_gso_finish_len full;
    struct tnl_gso_finish_len last;
    uint32_t inner_ids;         /* IPv4 IDs that each packet but the last
                                 * takes: its segments, or 0 if the ID is
                                 * fixed. */
    uint32_t outer_ids;
    uint16_t inner_id;          /* IPv4 IDs of the first segment. */
    uint16_t outer_id;
    uint16_t mid_id;
    const uint8_t *head;        /* 'template', or the headers of the
                                 * superpacket if they do not fit there. */
    const struct tnl_gso_finish_len *head_is_for; /* Length class for which
                                                   * 'head' has final headers,
                                                   * or null. */
    OVS_ALIGNED_VAR(8) uint8_t template[TNL_GSO_MAX_TEMPLATE];
};

void tnl_gso_finish_init(struct tnl_gso_finish *, const void *frame,
                         const struct tnl_gso_desc *,
                         const struct tnl_gso_plan *);
void tnl_gso_finish_frame(const struct tnl_gso_finish *, uint8_t *frame,
                          uint32_t index, uint32_t payload_len,
                          uint32_t payload_sum);
void tnl_gso_finish_whole(const struct tnl_gso_finish *, uint8_t *frame,
                          uint32_t payload_len);
void tnl_gso_finish_train(const struct tnl_gso_finish *, uint8_t *frame,
                          uint32_t len);
void tnl_gso_finish_train_packet(const struct tnl_gso_finish *,
                                 struct dp_packet *, uint32_t n);
void tnl_gso_finish(const struct tnl_gso_finish *, struct dp_packet *,
                    uint32_t index, uint32_t payload_len,
                    uint32_t payload_sum);

#endif /* tnl-gso-finish.h */
