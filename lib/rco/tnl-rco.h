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

#ifndef TNL_RCO_H
#define TNL_RCO_H 1

/* Remote checksum offload: a tunnelled packet goes out with an inner TCP or
 * UDP checksum that is still partial.
 *
 * The inner checksum field then holds the sum of the pseudo-header, not
 * complemented, as in any packet with a partial checksum.  The tunnel header
 * tells where the sum starts and where the field is.  The outer UDP checksum,
 * which most ports compute, protects all of it.  The receiver has a packet
 * with a partial checksum again.  On the wire:
 *
 *    VXLAN     as in Linux v6.18 vxlan_build_skb(), vxlan_remcsum().  Bit
 *              0x00200000 of the flags.  In the last byte of the VNI word,
 *              otherwise 0, half of the start; 0x80 tells UDP from TCP.
 *
 *    Geneve    our own, in an experimental option (RFC 8926 section 7) with
 *              the critical bit and 4 bytes of data: start and field.  All
 *              packets of the tunnel have it; 0 and 0 mean nothing.
 *
 * Two offload marks of a packet tell of it, DP_PACKET_OL_INNER_RCO and
 * DP_PACKET_OL_RCO.  A pop turns the former into the latter, as it does with
 * all inner marks, and a push the other way around.
 *
 * | flag      | set by         | on which packet | means        | cleared by |
 * |-----------|----------------|-----------------|--------------|------------|
 * | INNER_RCO | push_finish(), | in a tunnel     | Its header   | finish,    |
 * |           | mark_transit() |                 | has a remote | pop,       |
 * |           |                |                 | checksum.    | next push  |
 * | INNER_RCO | pop_check()    | about to be     | Its header   | pop        |
 * |           |                | popped          | had one.     |            |
 * | RCO       | pop            | popped, with a  | The other    | next push  |
 * |           |                | partial L4      | end has left |            |
 * |           |                | checksum        | it to us.    |            |
 * | RCO       | push_finish()  | pushed, with a  | The same, of | pop,       |
 * |           |                | partial inner   | the inner    | next push  |
 * |           |                | L4 checksum     | checksum.    |            |
 *
 * Functions are those below without "tnl_rco_".  In the first row the inner L4
 * checksum has no other mark: it stays as it is, in each segment the sum of a
 * pseudo-header of its own.  In the second row it is marked as partial, unless
 * it was wrong.
 *
 * tnl-rco.c has the packets, tnl-rco-config.c the configuration.  Must not
 * decide who cuts a superpacket: that is the plan's (tnl-gso-plan.h). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/tnl-gso-types.h"
#include "encap/tnl-rco-class.h"
#include "openvswitch/types.h"
#include "ovs-atomic.h"
#include "util.h"

struct dp_packet;
struct dp_packet_batch;
struct ds;
struct netdev;
struct netdev_tunnel_config;
struct ovs_action_push_tnl;
struct smap;

/* tnl-rco.c. */
enum tnl_rco_found tnl_rco_find(const struct tnl_rco_class *,
                                const uint8_t *hdr, size_t size,
                                ovs_be16 udp_dst, struct tnl_rco *);
bool tnl_rco_agrees(const struct tnl_rco *, const struct tnl_gso_l3 *inner,
                    size_t inner_ofs);
bool tnl_rco_sum_right(const uint8_t *frame, const struct tnl_gso_l3 *,
                       size_t l4_len);
void tnl_rco_complete(uint8_t *l4, size_t l4_len, uint8_t proto);
void tnl_rco_mark_transit(struct dp_packet *, const struct tnl_gso_desc *);
struct dp_packet *tnl_rco_pop_check(const struct netdev *tunnel,
                                    struct dp_packet *);
void tnl_rco_count_received(const struct netdev *tunnel,
                            const struct dp_packet *);
void tnl_rco_pop_finish(struct dp_packet *);
void tnl_rco_count_final(const struct netdev *tunnel,
                         const struct dp_packet *);
bool tnl_rco_is_announced(const struct ovs_action_push_tnl *);
void tnl_rco_build_header(const struct netdev *,
                          struct ovs_action_push_tnl *);
void tnl_rco_push_finish(const struct netdev *tunnel,
                         struct dp_packet_batch *,
                         const struct ovs_action_push_tnl *);
void tnl_rco_count_completed__(struct netdev *,
                               const struct dp_packet_batch *);

/* Has any tunnel accepted remote checksums so far? */
extern atomic_bool tnl_rco_rx_used;

/* Counts on 'netdev' those packets in 'batch', which it is about to send,
 * whose checksum the other end of a tunnel has left to us and 'netdev' does
 * not complete.  Called for every batch. */
static inline void
tnl_rco_count_completed(struct netdev *netdev,
                        const struct dp_packet_batch *batch)
{
    bool used;

    atomic_read_relaxed(&tnl_rco_rx_used, &used);
    if (OVS_UNLIKELY(used)) {
        tnl_rco_count_completed__(netdev, batch);
    }
}

/* tnl-rco-config.c: options of tunnel Interfaces. */
bool tnl_rco_set_option(const struct netdev *, const char *key,
                        const char *value, struct netdev_tunnel_config *,
                        struct ds *errors);
int tnl_rco_check_config(const struct netdev *, const struct smap *args,
                         struct netdev_tunnel_config *, struct ds *errors);
bool tnl_rco_is_own(const struct netdev *,
                    const struct netdev_tunnel_config *);
void tnl_rco_get_ignored(const struct netdev *, struct ds *ignored);
void tnl_rco_get_options(const struct netdev_tunnel_config *, struct smap *);
void tnl_rco_forget(const struct netdev *);

#endif /* tnl-rco.h */
