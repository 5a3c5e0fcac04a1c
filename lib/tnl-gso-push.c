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
#include <netinet/ip.h>

#include "core/tnl-gso-buf.h"
#include "core/tnl-gso-id.h"
#include "core/tnl-gso-packet.h"
#include "core/tnl-gso-port.h"
#include "dp-packet.h"
#include "encap/encap.h"
#include "netdev-provider.h"
#include "openvswitch/vlog.h"
#include "ovs-atomic.h"
#include "rco/tnl-rco.h"
#include "stages/tnl-gso-desc.h"
#include "stages/tnl-gso-execute.h"
#include "stages/tnl-gso-plan.h"
#include "util.h"

/* The way of a batch that is about to get a tunnel header.
 *
 * Called by netdev_push_header() right before the header comes in front, and
 * by netdev-native-tnl.c for its IPv4 ID, its marks, and where upstream makes
 * none of superpackets.  Leaves a superpacket whole if the header can carry it;
 * must not write a header. */

VLOG_DEFINE_THIS_MODULE(tnl_gso_push);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);

/* dp_packet keeps sizes in 16 bits.  A frame with a tunnel header leaves this
 * many bytes of them for headers that may still come in front or data behind:
 * VLAN tag and MPLS labels, a vnet header, an mbuf's shared info. */
enum { FRAME_RESERVE = 128 };
enum { MAX_TUNNEL_FRAME_LEN = UINT16_MAX - FRAME_RESERVE };

/* Can a header of 'class' be put in front of superpacket 'p', which is in a
 * tunnel?  Marks, offsets and descriptions have room for two; a checksum that
 * is remote in one of them would have to be final in the other. */
static bool
nests(const struct tnl_gso_encap_class *class, const struct dp_packet *p)
{
    const uint32_t must_not = (TNL_GSO_MID_MARKS | DP_PACKET_OL_INNER_RCO
                               | ((uint32_t) DP_PACKET_OL_STT
                                  << DP_PACKET_OL_SHIFT_COUNT));
    struct tnl_gso_desc d;

    return (class->outer != TNL_GSO_OUTER_NONE
            && !(p->offloads & must_not)
            && !tnl_gso_describe(p, &d) && d.n_segs > 1);
}

/* Can the header in 'data' be put in front of superpacket 'p'?  'class' is
 * that of the header, or null if we do not know it. */
static bool
push_takes_super(const struct tnl_gso_encap_class *class,
                 const struct ovs_action_push_tnl *data,
                 const struct dp_packet *p)
{
    return (class && class->takes_super(data, p)
            && (OVS_LIKELY(!dp_packet_tunnel(p))
                || (nests(class, p) && !tnl_rco_is_announced(data))));
}

/* Must the checksum of 'p' be completed before the header in 'data' comes in
 * front of it, because no later stage could do that?  'class' is that of the
 * header, or null if we do not know it. */
static bool
push_wants_final(const struct tnl_gso_encap_class *class,
                 const struct ovs_action_push_tnl *data,
                 const struct dp_packet *p)
{
    if (tnl_gso_is_super(p)) {
        return !push_takes_super(class, data, p);
    }
    return dp_packet_tunnel(p) || !class || class->sums_at_push(data);
}

/* Does 'p' leave room for the header in 'data', and for FRAME_RESERVE bytes
 * more?  A packet from AF_XDP has the room that its frame has. */
static bool
has_room(const struct dp_packet *p, const struct ovs_action_push_tnl *data)
{
    return (dp_packet_size(p) + data->header_len <= MAX_TUNNEL_FRAME_LEN
            && (OVS_LIKELY(p->source != DPBUF_AFXDP)
                || tnl_gso_takes_headroom(p, data->header_len)));
}

/* Makes superpacket 'p', which is in a tunnel, ready to get another header in
 * front: the tunnel's header says whether a checksum is wanted, marks become
 * those that the push turns into inner ones, and offsets those of the
 * innermost headers. */
static void
nest(struct dp_packet *p)
{
    uint32_t inner = p->offloads >> DP_PACKET_OL_SHIFT_COUNT;
    struct tnl_gso_desc d;

    if (tnl_gso_describe(p, &d)) {
        OVS_NOT_REACHED();
    }
    if (d.outer_l4 == TNL_GSO_OUTER_UDP) {
        struct udp_header *udp = dp_packet_at_assert(p, d.outer.l4_ofs,
                                                     UDP_HEADER_LEN);

        udp->udp_csum = d.outer_csum ? OVS_BE16_MAX : 0;
    }
    p->offloads = inner | (p->offloads & TNL_GSO_ENCAP_MARKS);
    p->l3_ofs = d.inner.ofs;
    p->l4_ofs = d.inner.l4_ofs;
}

/* Makes the packets of 'batch' that are in a tunnel fit for another header:
 * those that stay whole, or final, since marks would describe the wrong
 * headers. */
static void
prepare_nested(struct dp_packet_batch *batch)
{
    struct dp_packet *packet;

    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        if (OVS_LIKELY(!dp_packet_tunnel(packet))) {
            continue;
        } else if (tnl_gso_is_super(packet)) {
            nest(packet);
        } else {
            dp_packet_ol_send_prepare(packet, 0);
            packet->offloads = 0;
        }
    }
}

/* Appends superpacket 'p' to 'out' in a form that a push of 'data', of 'class'
 * or of no known class, can take: whole, as several superpackets, or as
 * segments.  These get the metadata of 'p', because another lookup may follow.
 * Takes ownership of 'p'. */
static void
push_prepare_super(const struct netdev *tunnel,
                   const struct tnl_gso_encap_class *class,
                   struct dp_packet *p,
                   const struct ovs_action_push_tnl *data,
                   struct dp_packet_batch *out)
{
    const struct tnl_gso_caps none = { .methods = TNL_GSO_METHODS_ALL };
    size_t first = dp_packet_batch_size(out);
    struct pkt_metadata md;
    struct tnl_gso_desc desc;
    struct tnl_gso_plan plan;

    if (!push_takes_super(class, data, p)) {
        md = p->md;
        tnl_gso_describe_and_plan(p, &none, &desc, &plan);
        tnl_gso_execute(tunnel, p, &desc, &plan, tnl_gso_alloc_any, out);
        tnl_gso_packet_set_md(out, first, &md);
        return;
    }

    if (OVS_LIKELY(has_room(p, data))) {
        dp_packet_batch_add(out, p);
        return;
    }

    if (tnl_gso_describe(p, &desc)) {
        /* tnl_gso_send() drops and counts it for the same reason. */
        dp_packet_batch_add(out, p);
        return;
    }
    md = p->md;
    tnl_gso_plan_split(&desc, MAX_TUNNEL_FRAME_LEN - data->header_len, &plan);
    tnl_gso_execute(tunnel, p, &desc, &plan, tnl_gso_alloc_any, out);
    tnl_gso_packet_set_md(out, first, &md);
}

/* Drops 'p', no superpacket, which a header that 'tunnel' pushes would make
 * too long.  An underlay might take it: STT makes superpackets of all. */
static void
drop_long(const struct netdev *tunnel, struct dp_packet *p)
{
    tnl_gso_count_drop(tunnel->tnl_gso, TNL_GSO_R_TOO_BIG, p);
    VLOG_WARN_RL(&rl, "%s: packet dropped: %s: %"PRIu32" bytes (see "
                 "ovs-appctl tnl-gso/stats %s)", netdev_get_name(tunnel),
                 tnl_gso_reason_to_string(TNL_GSO_R_TOO_BIG),
                 dp_packet_size(p), netdev_get_name(tunnel));
    dp_packet_delete(p);
}

/* Completes the checksums of those packets in 'batch' that will not be cut,
 * whether they have a segment size or not.  The push computes a GRE checksum
 * over the packet, which must be final by then; segments get new checksums
 * when they are cut. */
static void
complete_uncut(struct dp_packet_batch *batch)
{
    const struct tnl_gso_caps none = { .methods = TNL_GSO_METHODS_ALL };
    struct dp_packet *packet;

    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        struct tnl_gso_desc desc;
        struct tnl_gso_plan plan;

        if (tnl_gso_is_super(packet)) {
            tnl_gso_describe_and_plan(packet, &none, &desc, &plan);
            if (plan.method != TNL_GSO_PASS) {
                continue;
            }
            tnl_gso_clear_segsz(packet);
        }
        dp_packet_ol_send_prepare(packet, 0);
    }
}

/* Makes 'batch' fit for a push of the header in 'data' on 'tunnel': cuts
 * superpackets that the header cannot carry whole, drops packets that would
 * become too long, and completes checksums where the push sums up the
 * packet. */
void
tnl_gso_push_prepare(const struct netdev *tunnel,
                     struct dp_packet_batch *batch,
                     const struct ovs_action_push_tnl *data)
{
    const struct tnl_gso_encap_class *class = tnl_gso_encap_of_push(data);
    bool sums = class && class->sums_at_push(data);
    struct dp_packet *packet;
    bool change = false;
    bool rco;

    atomic_read_relaxed(&tnl_rco_rx_used, &rco);
    if (OVS_UNLIKELY(rco)) {
        DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
            if (push_wants_final(class, data, packet)) {
                tnl_rco_count_final(tunnel, packet);
            }
        }
    }

    if (sums) {
        complete_uncut(batch);
    }

    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        change |= tnl_gso_is_super(packet) || !has_room(packet, data);
    }
    if (change) {
        struct dp_packet_batch out;

        dp_packet_batch_init(&out);
        out.trunc = batch->trunc;
        DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
            if (tnl_gso_is_super(packet)) {
                push_prepare_super(tunnel, class, packet, data, &out);
            } else if (has_room(packet, data)) {
                dp_packet_batch_add(&out, packet);
            } else {
                drop_long(tunnel, packet);
            }
        }
        dp_packet_batch_swap(batch, &out);
        dp_packet_batch_destroy(&out);
        if (sums) {
            /* The last part of a superpacket that was too long may be one
             * segment. */
            complete_uncut(batch);
        }
    }
    prepare_nested(batch);
}

/* Ends the push of the header in 'data' on 'p', for pushes that know nothing
 * of superpackets: makes the marks of one those of the packet behind the
 * header, and sets offsets.  An ordinary packet has been final before. */
void
tnl_gso_push_finish(struct dp_packet *p,
                    const struct ovs_action_push_tnl *data)
{
    uint32_t inner = p->offloads;
    struct tnl_gso_desc d;

    p->offloads = 0;
    if (!tnl_gso_is_super(p)) {
        return;
    }
    p->offloads = (inner << DP_PACKET_OL_SHIFT_COUNT
                   | tnl_gso_encap_of_push(data)->mark);
    if (!tnl_gso_find_headers(p, &d)) {
        p->l4_ofs = d.outer.l4_ofs;
        p->inner_l3_ofs = d.inner.ofs;
        p->inner_l4_ofs = d.inner.l4_ofs;
    }
}

/* Returns the marks of the encapsulation with which the header in 'data' is
 * put in front of a packet, 0 if we do not know it. */
uint32_t
tnl_gso_push_marks(const struct ovs_action_push_tnl *data)
{
    const struct tnl_gso_encap_class *class = tnl_gso_encap_of_push(data);

    return class ? class->mark : 0;
}

/* Returns the ID for header 'ip', which has just been put in front of
 * 'packet': the first one of a block with one for each segment that 'packet'
 * can become.
 *
 * Where fragmentation is allowed, IDs between two addresses must not repeat
 * while fragments may still be on their way (RFC 6864 section 4.3).  Segments
 * have no need of a block with DF set (section 4.1), and get IDs from zero as
 * in upstream. */
ovs_be16
tnl_gso_new_ip_id(const struct dp_packet *packet, const struct ip_header *ip)
{
    uint16_t mss = tnl_gso_segsz(packet);
    uint32_t n = mss ? DIV_ROUND_UP(dp_packet_size(packet), mss) : 1;

    if (ip->ip_frag_off & htons(IP_DF)) {
        return 0;
    }
    return htons(tnl_gso_new_ids(&ip->ip_src, &ip->ip_dst, false, ip->ip_proto,
                                 n));
}
