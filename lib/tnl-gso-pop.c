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

#include <config.h>

#include "tnl-gso.h"

#include <netinet/in.h>
#include <netinet/ip6.h>
#include <string.h>

#include "core/tnl-gso-packet.h"
#include "core/tnl-gso-parse.h"
#include "core/tnl-gso-port.h"
#include "encap/encap.h"
#include "fix/tnl-gso-marks.h"
#include "netdev-provider.h"
#include "openvswitch/types.h"
#include "ovs-atomic.h"
#include "packets.h"
#include "rco/tnl-rco.h"
#include "receive/tnl-gro-desc.h"
#include "receive/tnl-gro-glance.h"
#include "receive/tnl-gro.h"
#include "stages/tnl-gso-desc.h"
#include "util.h"

/* The way of a batch whose tunnel headers come off.
 *
 * dpif-netdev.c calls tnl_gso_pop_prepare() before class->pop_header() of the
 * tunnel, and netdev_pop_header() calls tnl_gso_pop_finish() after it.  In
 * between each packet is one tunnelled packet, and upstream's code judges the
 * header.  Must not look behind the tunnel header; only receive/ and rco/
 * do. */

/* UDP ports on which a tunnel over IPv6 must have a checksum: a bit each. */
static atomic_uint32_t csum6_ports[(UINT16_MAX + 1) / 32];

/* Makes tunnel packets over IPv6 to port 'udp_dst' need a UDP checksum if
 * 'require' is true, otherwise not.  RFC 6935 and RFC 6936 let a receiver
 * choose by port.  Called by the main thread, while others receive. */
void
tnl_gso_require_csum6(ovs_be16 udp_dst, bool require)
{
    uint32_t bit = 1u << (ntohs(udp_dst) % 32);
    uint32_t orig;

    if (require) {
        atomic_or_relaxed(&csum6_ports[ntohs(udp_dst) / 32], bit, &orig);
    } else {
        atomic_and_relaxed(&csum6_ports[ntohs(udp_dst) / 32], ~bit, &orig);
    }
}

/* Must a tunnel packet over IPv6 to port 'udp_dst' have a UDP checksum? */
static bool
csum6_required(ovs_be16 udp_dst)
{
    uint32_t bits;

    atomic_read_relaxed(&csum6_ports[ntohs(udp_dst) / 32], &bits);
    return bits & (1u << (ntohs(udp_dst) % 32));
}

/* Checks 'p', a packet in a tunnel, before class->pop_header() of 'tunnel'.
 * Removes bytes behind the outer IP packet or UDP datagram, as Linux v6.18
 * ip_rcv_core() and udp_rcv() do: upstream would include them in the sum and
 * drop the packet.  Counts, and if so configured refuses, a UDP checksum of
 * zero over IPv6.
 *
 * Returns 'p', or null if 'p' was refused and freed. */
static struct dp_packet *
pop_check(const struct netdev *tunnel, struct dp_packet *p)
{
    const struct tnl_gso_encap_class *class
        = tnl_gso_encap_class(tunnel->tnl_gso->encap);
    const struct ip_header *ip = dp_packet_l3(p);
    const struct udp_header *udp = dp_packet_l4(p);
    bool ipv6;

    if (!udp || p->l4_ofs + UDP_HEADER_LEN > dp_packet_size(p)) {
        return p;
    }
    ipv6 = IP_VER(ip->ip_ihl_ver) == 6;
    if (class->pop_prepare) {
        class->pop_prepare(p);
    }
    if (!dp_packet_l4_proto_udp(p)) {
        return p;
    }
    tnl_gso_trim(p, tnl_gso_ip_end(dp_packet_data(p), p->l3_ofs));
    if (ntohs(udp->udp_len) >= UDP_HEADER_LEN) {
        tnl_gso_trim(p, p->l4_ofs + ntohs(udp->udp_len));
    }
    if (ipv6 && !udp->udp_csum) {
        tnl_gso_count_event(tunnel->tnl_gso, TNL_GSO_E_ZERO_CSUM6);
        if (csum6_required(udp->udp_dst)) {
            tnl_gso_count_event(tunnel->tnl_gso, TNL_GSO_E_ZERO_CSUM6_DROP);
            dp_packet_delete(p);
            return NULL;
        }
    }
    return p;
}

/* Makes 'p', off which the outer one of two tunnel headers has come, a packet
 * in one tunnel.  'marks' are what was the inner marks. */
static void
unnest(struct dp_packet *p, uint32_t marks)
{
    uint32_t fixed = marks & DP_PACKET_OL_FIXED_ID;
    struct tnl_gso_desc d;

    dp_packet_reset_offload(p);
    p->offloads = marks & TNL_GSO_ENCAP_MARKS;
    if (tnl_gso_find_headers(p, &d)) {
        return;                 /* Whoever sends it drops and counts it. */
    }
    if (d.outer_l4 == TNL_GSO_OUTER_UDP) {
        const struct udp_header *udp
            = dp_packet_at_assert(p, d.outer.l4_ofs, UDP_HEADER_LEN);

        d.outer_csum = udp->udp_csum != 0;
    }
    tnl_gso_marks_partial(p, &d, true);
    p->offloads |= fixed << DP_PACKET_OL_SHIFT_COUNT;
    if (d.outer.version == 4) {
        dp_packet_ip_checksum_set_partial(p);
    }
}

/* Ends the pop of the header of 'tunnel' off 'p'.  class->pop_header() has
 * turned the inner marks of 'p' into its marks.  Clears them, as upstream
 * does, except for those that say that a checksum of the inner packet is
 * partial. */
void
tnl_gso_pop_finish(const struct netdev *tunnel, struct dp_packet *p)
{
    uint32_t marks = p->offloads;
    uint32_t stay = 0;

    if (OVS_UNLIKELY(dp_packet_tunnel(p))
        && (tnl_gso_is_super(p) || dp_packet_l4_checksum_partial(p))) {
        unnest(p, marks);
        return;
    }
    if (dp_packet_ip_checksum_partial(p)) {
        stay |= DP_PACKET_OL_IP_CKSUM_MASK;
    }
    if (dp_packet_l4_checksum_partial(p)) {
        stay |= (DP_PACKET_OL_L4_CKSUM_MASK
                 | (marks & (DP_PACKET_OL_L4_PROTO_MASK
                             | DP_PACKET_OL_RCO
                             | DP_PACKET_OL_FIXED_ID)));
    }
    dp_packet_reset_offload(p);
    p->offloads = stay;
    if (OVS_UNLIKELY(marks & DP_PACKET_OL_RCO)) {
        tnl_rco_count_received(tunnel, p);
    }
    tnl_rco_pop_finish(p);
}

/* 'clone' has become a copy of 'p' that will go a way of its own. */
void
tnl_gso_cloned(struct dp_packet *clone, const struct dp_packet *p)
{
    clone->gro_id = p->gro_id;
    if (OVS_UNLIKELY(p->gro_id && tnl_gso_is_super(p))) {
        tnl_gro_feedback_made(p->gro_id, 1);
    }
}

/* Calls 'cb' with 'pmd' for the packets of 'batch', off which a tunnel header
 * has come, in runs in which the outer TOS is the same.  'cb' takes ownership
 * of the packets.
 *
 * The datapath sorts a batch by flows, one of which is handled after another,
 * and flows tell outer TOS apart, ECN marks included.  Packets of a connection
 * of which some have been marked would overtake each other. */
void
tnl_gso_pop_runs(struct dp_packet_batch *batch,
                 void (*cb)(struct dp_netdev_pmd_thread *,
                            struct dp_packet_batch *),
                 struct dp_netdev_pmd_thread *pmd)
{
    size_t size = dp_packet_batch_size(batch);

    for (size_t i = 0, end; i < size; i = end) {
        uint8_t tos = batch->packets[i]->md.tunnel.ip_tos;
        struct dp_packet_batch run;

        for (end = i + 1; end < size; end++) {
            if (batch->packets[end]->md.tunnel.ip_tos != tos) {
                break;
            }
        }
        if (OVS_LIKELY(end - i == size)) {
            cb(pmd, batch);
            return;
        }
        dp_packet_batch_init(&run);
        run.trunc = batch->trunc;
        for (size_t k = i; k < end; k++) {
            dp_packet_batch_add(&run, batch->packets[k]);
        }
        cb(pmd, &run);
        dp_packet_batch_destroy(&run);
    }
}

/* Takes the segment size of UDP off those packets in 'batch' that are no
 * trains: it is for the UDP header that will come off. */
static void
clear_uso_segsz(struct dp_packet_batch *batch)
{
    struct dp_packet *packet;

    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        if (packet->uso_segsz && !dp_packet_tunnel(packet)
            && !tnl_gso_is_train(packet)) {
            packet->uso_segsz = 0;
        }
    }
}

/* Merges what follows each other in 'batch', for a pop on 'tunnel', and counts
 * it: the packets with 'singles', and what is in trains with 'trains'.
 * Returns the number of packets that 'batch' has gained by that, those that
 * were refused not subtracted. */
static int
merge(const struct netdev *tunnel, bool singles, bool trains,
      struct dp_packet_batch *batch)
{
    struct tnl_gso_port *port = tunnel->tnl_gso;
    int size = dp_packet_batch_size(batch);
    struct tnl_gro_count count;

    if (!trains
        && !tnl_gro_is_worth_it(&port->gro_effort, port->encap, batch)) {
        return 0;
    }
    memset(&count, 0, sizeof count);
    tnl_gro_merge(port->encap, !singles, tnl_gro_feedback_id(&port->gro_id),
                  batch, &count);
    tnl_gso_count_gro(port, &count);
    if (singles) {
        tnl_gro_effort_looked(&port->gro_effort,
                              count.units[TNL_GRO_JOINED] > 0);
    }
    return (int) dp_packet_batch_size(batch) - size + (int) count.too_many;
}

/* Makes 'batch' fit for class->pop_header() of 'tunnel'.  Returns the number
 * of packets that it has gained because trains were cut, or negative if it has
 * lost some because they were merged; packets that were refused are not
 * subtracted. */
int
tnl_gso_pop_prepare(const struct netdev *tunnel,
                    struct dp_packet_batch *batch)
{
    size_t i, size = dp_packet_batch_size(batch);
    const struct tnl_gso_encap_class *class
        = tnl_gso_encap_class(tunnel->tnl_gso->encap);
    struct dp_packet *packet;
    int n_more = 0;
    bool uso = false;

    DP_PACKET_BATCH_REFILL_FOR_EACH (i, size, packet, batch) {
        packet = pop_check(tunnel, packet);
        if (packet) {
            uso |= packet->uso_segsz != 0;
            dp_packet_batch_add(batch, packet);
        }
    }
    if (OVS_UNLIKELY(uso)) {
        clear_uso_segsz(batch);
    }
    if (tnl_gso_encap_merges(tunnel->tnl_gso->encap)) {
        struct tnl_gso_port *port = tunnel->tnl_gso;
        bool singles;

        size = dp_packet_batch_size(batch);
        singles = (size > 1
                   && (uso || !tnl_gro_effort_skips(&port->gro_effort, size))
                   && tnl_gso_port_merges(port));

        if (singles || OVS_UNLIKELY(uso)) {
            n_more = merge(tunnel, singles, uso, batch);
        }
    }
    if (class->rco) {
        size = dp_packet_batch_size(batch);
        DP_PACKET_BATCH_REFILL_FOR_EACH (i, size, packet, batch) {
            packet = tnl_rco_pop_check(tunnel, packet);
            if (packet) {
                dp_packet_batch_add(batch, packet);
            }
        }
    }
    return n_more;
}
