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

#include "core/tnl-gso-packet.h"
#include "core/tnl-gso-parse.h"
#include "core/tnl-gso-port.h"
#include "encap/encap.h"
#include "netdev-provider.h"
#include "openvswitch/types.h"
#include "ovs-atomic.h"
#include "packets.h"
#include "rco/tnl-rco.h"
#include "receive/tnl-gso-merge.h"
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

/* Ends the pop of the header of 'tunnel' off 'p'.  class->pop_header() has
 * turned the inner marks of 'p' into its marks.  Clears them, as upstream
 * does, except for those that say that a checksum of the inner packet is
 * partial. */
void
tnl_gso_pop_finish(const struct netdev *tunnel, struct dp_packet *p)
{
    uint32_t marks = p->offloads;
    uint32_t stay = 0;

    if (dp_packet_ip_checksum_partial(p)) {
        stay |= DP_PACKET_OL_IP_CKSUM_MASK;
    }
    if (dp_packet_l4_checksum_partial(p)) {
        stay |= (DP_PACKET_OL_L4_CKSUM_MASK
                 | (marks & (DP_PACKET_OL_L4_PROTO_MASK
                             | DP_PACKET_OL_RCO)));
    }
    dp_packet_reset_offload(p);
    p->offloads = stay;
    if (OVS_UNLIKELY(marks & DP_PACKET_OL_RCO)) {
        tnl_rco_count_received(tunnel, p);
    }
    tnl_rco_pop_finish(p);
}

/* Replaces each train in 'batch' by the superpackets and packets in it, for a
 * pop of 'encap' on 'tunnel', and counts them.  Returns the number of packets
 * that 'batch' has gained by that. */
static size_t
split_trains(const struct netdev *tunnel, enum tnl_gso_encap encap,
             struct dp_packet_batch *batch)
{
    struct tnl_gso_port *port = tunnel->tnl_gso;
    struct dp_packet_batch out;
    struct dp_packet *packet;
    size_t n_more = 0;

    dp_packet_batch_init(&out);
    out.trunc = batch->trunc;
    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        struct tnl_gso_train_result result;
        enum tnl_gso_reason reason;

        if (!tnl_gso_is_train(packet)) {
            /* Without a tunnel mark, it is the segment size for the UDP header
             * that will come off. */
            if (!dp_packet_tunnel(packet)) {
                packet->uso_segsz = 0;
            }
            dp_packet_batch_add(&out, packet);
            continue;
        }

        reason = tnl_gso_train_split(packet, encap, &out, &result);
        if (reason) {
            tnl_gso_count_drop(port, reason);
        } else {
            n_more += result.n_merged + result.n_single - 1;
            tnl_gso_count_events(port, TNL_GSO_E_TRAINS, 1);
            tnl_gso_count_events(port, TNL_GSO_E_TRAIN_MERGED,
                                 result.n_merged);
            tnl_gso_count_events(port, TNL_GSO_E_TRAIN_SINGLE,
                                 result.n_single);
        }
        dp_packet_delete(packet);
    }
    dp_packet_batch_swap(batch, &out);
    dp_packet_batch_destroy(&out);
    return n_more;
}

/* Makes 'batch' fit for class->pop_header() of 'tunnel'.  Returns the number
 * of packets that it has gained because trains were cut; packets that were
 * refused are not subtracted. */
size_t
tnl_gso_pop_prepare(const struct netdev *tunnel,
                    struct dp_packet_batch *batch)
{
    size_t i, size = dp_packet_batch_size(batch);
    enum tnl_gso_encap encap = tunnel->tnl_gso->encap;
    const struct tnl_rco_class *rco = tnl_gso_encap_class(encap)->rco;
    struct dp_packet *packet;
    size_t n_more = 0;
    bool uso = false;

    DP_PACKET_BATCH_REFILL_FOR_EACH (i, size, packet, batch) {
        packet = pop_check(tunnel, packet);
        if (packet) {
            uso |= packet->uso_segsz != 0;
            dp_packet_batch_add(batch, packet);
        }
    }
    if (OVS_UNLIKELY(uso)) {
        n_more = split_trains(tunnel, encap, batch);
    }
    if (rco) {
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
