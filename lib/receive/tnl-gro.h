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

#ifndef TNL_GRO_H
#define TNL_GRO_H 1

/* Receive: what arrives cut becomes whole again.
 *
 * Theory of operation
 * ===================
 *
 * A superpacket that was cut arrives as many "units": packets of a batch, or
 * parts of a train, a UDP datagram that holds several tunnelled packets of
 * uso_segsz bytes each but a shorter last one.  Before the tunnel's headers
 * come off, units that follow each other in one TCP flow become a superpacket,
 * so that everything behind the pop has one packet to look up, to track and to
 * send.  What comes in no tunnel is merged when it is sent, on ports behind
 * which superpackets are welcome.  It is the way of the stages (tnl-gso.h)
 * back:
 *
 *     describe    bytes, marks -> where everything is        tnl-gro-desc.c
 *        |                                                   encap/
 *      match      flow, unit -> continues it, or which       tnl-gro-match.c
 *        |        rule says that it does not                 tnl-gro-expect.c
 *      join       one buffer, payloads, their sums           tnl-gro-join.c
 *        |        (kernel ports: no buffer)                  tnl-gro-gather.c
 *        |
 *     finish      lengths, checksums, marks                  tnl-gro-finish.c
 *
 * | stage    | reads             | writes            | fails   | must not    |
 * |----------|-------------------|-------------------|---------|-------------|
 * | describe | headers, marks    | tnl_gro_unit      | with a  | write,      |
 * |          |                   |                   | rule    | allocate,   |
 * |          |                   |                   |         | read        |
 * |          |                   |                   |         | payload     |
 * | match    | flow, headers     | nothing           | with a  | the same    |
 * |          |                   |                   | rule    |             |
 * | join     | units of a flow   | buffer, payload   | with    | write a     |
 * |          |                   |                   | the     | header      |
 * |          |                   |                   | number  |             |
 * |          |                   |                   | of a    |             |
 * |          |                   |                   | wrong   |             |
 * |          |                   |                   | sum     |             |
 * | finish   | description, last | headers, marks    | never   | look at     |
 * |          | unit's flags      |                   |         | payload     |
 *
 * The law: cutting what was merged gives the units that came, byte by byte and
 * in order.  So a field that cutting copies must be the same in all units; one
 * that it counts must count; and a checksum must be right, since cutting
 * writes right ones: a unit with a wrong one goes on by itself, as it came.
 * The rules are those of Linux v6.18 tcp_gro_receive(), inet_gro_receive(),
 * ipv6_gro_receive(), vxlan_gro_receive() and their like, except that CWR may
 * be on a first unit, because tcp_gso_segment() makes such.
 *
 * Nothing waits: what one call gets is merged, and the rest goes on.  A
 * superpacket takes the place of its first unit.  A unit that does not fit
 * ends its flow and goes behind what came before it, so that the order in a
 * flow stays.  That is also why a flow here is no more than inner addresses
 * and TCP ports: if anything else differs, even the tunnel, then that ends the
 * flow and does not begin one beside it.
 *
 * A packet that is what is expected next in a flow is neither described nor
 * compared field by field: tnl-gro-expect.h.  It is judged by the same rules.
 * Where nothing merges for a while, most batches are not looked at:
 * tnl-gro-glance.c.
 *
 * Flows are found by a hash with a secret key, so that nobody can choose some
 * that collide.  All memory is on the stack, and bounded. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/tnl-gso-types.h"

struct dp_packet;
struct dp_packet_batch;
struct netdev;
struct tnl_gro_gather;

/* tnl-gro.c. */
void tnl_gro_merge(enum tnl_gso_encap, bool trains_only, uint8_t gro_id,
                   struct dp_packet_batch *, struct tnl_gro_count *);
void tnl_gro_merge_for(const struct netdev *, struct dp_packet_batch *,
                       struct tnl_gro_gather *, struct tnl_gro_count *);

/* tnl-gro-match.c. */
const char *tnl_gro_rule_to_string(enum tnl_gro_rule);

#endif /* tnl-gro.h */
