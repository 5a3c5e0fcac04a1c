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

#ifndef TNL_GSO_H
#define TNL_GSO_H 1

/* Tunnel GSO: how superpackets leave the userspace datapath.
 *
 * The interface of this directory to Open vSwitch's own files.  Drivers also
 * include the headers that are named after them.
 *
 * Theory of operation
 * ===================
 *
 * A VM or container hands over a "superpacket": one TCP or UDP packet of up to
 * 64 kB that is to be cut into segments in the end.  Its mark, tso_segsz or
 * uso_segsz, is the number of payload bytes of each ("mss").  A tunnel push
 * puts headers in front of it and leaves it whole.  It arrives at
 * netdev_send(), which hands every batch that holds one to tnl_gso_send().
 * From there on the data flows one way:
 *
 *     describe    bytes and marks -> where everything is     tnl-gso-desc.c
 *        |                                                   tnl-gso-parse.c
 *        |                                                   encap/
 *      plan       description, port -> who cuts, into what   tnl-gso-plan.c
 *        |
 *     segment     buffers, payload, the payload's sum        tnl-gso-seg.c
 *        |        (kernel ports: no buffers)                 tnl-gso-frames.c
 *     finish      headers of segment i, checksums            tnl-gso-finish.c
 *        |
 *      send       the port's driver
 *
 * | stage    | reads               | writes        | fails  | must not      |
 * |----------|---------------------|---------------|--------|---------------|
 * | describe | packet bytes, marks | tnl_gso_desc  | with a | write,        |
 * |          |                     |               | reason | allocate      |
 * | plan     | description, port's | tnl_gso_plan  | never: | touch packet  |
 * |          | capabilities        |               | "drop" | bytes         |
 * |          |                     |               | is one |               |
 * | segment  | packet, plan        | buffers,      | never  | write headers |
 * |          |                     | payload, sum  |        |               |
 * | finish   | segment, its index, | headers,      | never  | allocate,     |
 * |          | payload's sum       | marks         |        | resize        |
 *
 * STT (netdev-stt.c) makes a superpacket of everything that is too long for
 * one packet, userspace TSO or not.  Its tunnel header is cut as TCP, so it is
 * a plain superpacket here; only its segment size is not known before the port
 * is, which tnl_gso_send() has.
 *
 * A push that cannot carry a superpacket (the tunnel has per-packet state, or
 * there are two tunnels around it already, or 64 kB would not hold it) cuts it
 * first: tnl_gso_push_prepare().
 *
 * The other way around, a superpacket arrives in a tunnel as one packet, which
 * loses its headers and stays whole; or cut, as packets; or as a train: a UDP
 * superpacket that has several tunnelled packets in it.  Before the headers
 * come off, tnl_gso_pop_prepare() makes superpackets of what was cut from one,
 * if cutting them again would give the same bytes: receive/tnl-gro.h.
 * tnl_gso_pop_finish() then keeps the marks of inner checksums.  What arrives
 * cut in no tunnel is merged by tnl_gso_send().
 *
 * tnl-gso-marks.c corrects wrong marks on ordinary packets.
 * tnl-gso-complete.c completes checksums that a port leaves to us.
 *
 * Everything is counted by port (tnl-gso-port.c).  ofproto/tnl-gso/ shows it
 * to the operator: status and statistics (tnl-gso-bridge.c), `ovs-appctl
 * tnl-gso/show` and `stats` (tnl-gso-unixctl.c), `explain`
 * (tnl-gso-explain.c). */

#include <stdbool.h>
#include <stddef.h>

#include "openvswitch/types.h"

/* Headers of lib/tnl-gso/ with functions that Open vSwitch calls. */
#include "core/tnl-gso-packet.h"
#include "core/tnl-gso-port.h"
#include "encap/gre.h"
#include "encap/gtpu.h"
#include "fix/tnl-gso-complete.h"
#include "fix/tnl-gso-marks.h"
#include "rco/tnl-rco.h"
#include "stages/tnl-gso-desc.h"

struct dp_netdev_pmd_thread;
struct dp_packet;
struct dp_packet_batch;
struct ds;
struct ip_header;
struct netdev;
struct netdev_tunnel_config;
struct nlattr;
struct ovs_action_push_tnl;
struct smap;

/* tnl-gso-send.c: the way of a batch that is sent. */
bool tnl_gso_send_takes(const struct netdev *,
                        const struct dp_packet_batch *);
int tnl_gso_send(struct netdev *, int qid, struct dp_packet_batch *,
                 bool concurrent_txq);
void tnl_gso_cut_again(const struct netdev *, struct dp_packet *,
                       struct dp_packet_batch *out);

/* tnl-gso-push.c: the way of a batch that gets a tunnel header. */
void tnl_gso_push_prepare(const struct netdev *tunnel,
                          struct dp_packet_batch *,
                          const struct ovs_action_push_tnl *);
void tnl_gso_push_finish(struct dp_packet *,
                         const struct ovs_action_push_tnl *);
uint32_t tnl_gso_push_marks(const struct ovs_action_push_tnl *);
ovs_be16 tnl_gso_new_ip_id(const struct dp_packet *, const struct ip_header *);

/* tnl-gso-upcall.c: superpackets of which somebody gets the bytes. */
bool tnl_gso_upcall_must_cut(const struct dp_packet_batch *,
                             const struct nlattr *userspace);
void tnl_gso_upcall_cut(struct dp_packet_batch *, bool should_steal,
                        struct dp_packet_batch *out);
void tnl_gso_trunc(struct dp_packet_batch *); /* In dp-packet.h, too. */

/* Bytes of a packet that a controller gets: an OpenFlow message counts its
 * length, packet and fields together, in 16 bits. */
#define TNL_GSO_MAX_PACKET_IN (UINT16_MAX - 2047)

/* tnl-gso-pop.c: the way of a batch whose tunnel headers come off. */
int tnl_gso_pop_prepare(const struct netdev *tunnel,
                        struct dp_packet_batch *);
void tnl_gso_pop_runs(struct dp_packet_batch *,
                      void (*cb)(struct dp_netdev_pmd_thread *,
                                 struct dp_packet_batch *),
                      struct dp_netdev_pmd_thread *);
void tnl_gso_pop_finish(const struct netdev *tunnel, struct dp_packet *);
void tnl_gso_require_csum6(ovs_be16 udp_dst, bool);
void tnl_gso_cloned(struct dp_packet *, const struct dp_packet *);

/* tnl-gso-ports.c: the life of a port's state. */
void tnl_gso_port_create(struct netdev *);
void tnl_gso_port_destroy(struct netdev *);

/* tnl-gso-config.c: other_config. */
void tnl_gso_set_config(const struct smap *other_config);
bool tnl_gso_set_tso(const struct smap *other_config, bool *on);
bool tnl_gso_tso_after_restart(void);
const char *tnl_gso_tso_misspelt(void);
bool tnl_gso_publishes_statistics(void);
void tnl_gso_port_set_config(struct netdev *, const struct smap *);
void tnl_gso_tunnel_set_config(struct netdev *, const struct smap *);
int tnl_gso_tunnel_check_config(struct netdev *, const struct smap *args,
                                struct netdev_tunnel_config *,
                                struct ds *errors);

#endif /* tnl-gso.h */
