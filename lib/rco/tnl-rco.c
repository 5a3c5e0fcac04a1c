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

#include "rco/tnl-rco.h"

#include <netinet/in.h>
#include <string.h>

#include "core/csum-copy.h"
#include "core/tnl-gso-packet.h"
#include "core/tnl-gso-parse.h"
#include "core/tnl-gso-port.h"
#include "csum.h"
#include "dp-packet.h"
#include "encap/encap.h"
#include "netdev-native-tnl.h"
#include "netdev-provider.h"
#include "netdev-vport.h"
#include "odp-netlink.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "stages/tnl-gso-desc.h"
#include "unaligned.h"
#include "util.h"

/* Remote checksum offload: packets.  See tnl-rco.h.
 *
 * Called before and after a pop (tnl-gso-pop.c, receive/), when a push
 * completes checksums (tnl-gso-push.c, netdev-stt.c) and when it has put the
 * header in front (netdev.c), for the header itself (netdev-native-tnl.c), and
 * for superpackets from the kernel (tnl-gso-marks.c).  The headers that are
 * read here come from a peer: every read is bounded by the size of the
 * packet. */

VLOG_DEFINE_THIS_MODULE(tnl_rco);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);

enum { MAX_START = 0x7f * 2 };  /* In bytes: fits into each tunnel header. */

/* Looks for a remote checksum in the tunnel header at 'hdr', and stores where
 * it is in '*rco', as 'class->find' does.  Returns TNL_RCO_NONE if 'class' is
 * null or if the 'size' bytes at 'hdr' are too few.  'udp_dst' is the port
 * that the packet was sent to. */
enum tnl_rco_found
tnl_rco_find(const struct tnl_rco_class *class, const uint8_t *hdr,
             size_t size, ovs_be16 udp_dst, struct tnl_rco *rco)
{
    enum { MIN_HDR_LEN = 8 };

    *rco = (struct tnl_rco) { .start = 0 };
    return (class && size >= MIN_HDR_LEN
            ? class->find(hdr, size, udp_dst, rco) : TNL_RCO_NONE);
}

/* Is the checksum at 'rco' that of the TCP or UDP header behind the IP header
 * 'inner' in the frame that starts at 'inner_ofs'?  Only one value of 'rco' is
 * right for a packet. */
bool
tnl_rco_agrees(const struct tnl_rco *rco, const struct tnl_gso_l3 *inner,
               size_t inner_ofs)
{
    return ((inner->proto == IPPROTO_TCP || inner->proto == IPPROTO_UDP)
            && inner->l4_ofs == inner_ofs + rco->start
            && rco->field == rco->start + tnl_gso_l4_csum_ofs(inner->proto));
}

/* Does the checksum field of the TCP or UDP header behind 'l3' hold the sum of
 * the pseudo-header for 'l4_len' bytes?  0 and 0xffff are the same sum. */
bool
tnl_rco_sum_right(const uint8_t *frame, const struct tnl_gso_l3 *l3,
                  size_t l4_len)
{
    const uint8_t *p = frame + l3->l4_ofs + tnl_gso_l4_csum_ofs(l3->proto);
    ovs_be16 field = get_unaligned_be16((const void *) p);
    ovs_be16 sum = tnl_gso_pseudo_csum(frame, l3, l4_len);

    return field == sum || (!field && sum == htons(0xffff));
}

/* Completes the checksum of the 'l4_len' bytes at 'l4', TCP or UDP according
 * to 'proto', from the sum in its field, as Linux v6.18 skb_remcsum_process()
 * does: from a wrong sum, it becomes a wrong checksum. */
void
tnl_rco_complete(uint8_t *l4, size_t l4_len, uint8_t proto)
{
    ovs_be16 sum = csum_finish(csum_fold(l4, l4_len));

    if (!sum && proto == IPPROTO_UDP) {
        sum = htons(0xffff);
    }
    put_unaligned_be16((void *) (l4 + tnl_gso_l4_csum_ofs(proto)), sum);
}

/* Returns the length in bytes of the packet behind the IP header 'l3',
 * according to that header. */
static size_t
l4_len_by_ip(const uint8_t *frame, const struct tnl_gso_l3 *l3)
{
    size_t end = tnl_gso_ip_end(frame, l3->ofs);

    return end > l3->l4_ofs ? end - l3->l4_ofs : 0;
}

/* Parses the IP header in the frame at 'inner_ofs' in the 'size' bytes of
 * 'frame' into '*l3'.  Returns false if it is not in front of a TCP or UDP
 * header. */
static bool
parse_inner(const uint8_t *frame, size_t size, size_t inner_ofs,
            struct tnl_gso_l3 *l3)
{
    bool stacked;

    return (!tnl_gso_parse_l2(frame, size, inner_ofs, l3, &stacked)
            && (l3->proto == IPPROTO_TCP || l3->proto == IPPROTO_UDP)
            && l3->l4_ofs + tnl_gso_l4_min_len(l3->proto) <= size);
}

/* Send. */

/* Returns how remote checksums are written into the header in 'data', or null
 * if it cannot have them. */
static const struct tnl_rco_class *
push_rco_class(const struct ovs_action_push_tnl *data)
{
    const struct tnl_gso_encap_class *class = tnl_gso_encap_of_push(data);

    return class ? class->rco : NULL;
}

/* The tunnel header in 'data', which is the last one in it. */
static uint8_t *
push_data_hdr(const struct ovs_action_push_tnl *data)
{
    return (CONST_CAST(uint8_t *, (const uint8_t *) tnl_gso_push_l4(data))
            + UDP_HEADER_LEN);
}

/* Finishes the header for tunnel 'netdev' in 'data': if packets are to be sent
 * with remote checksums, it announces them, for tnl_rco_push_finish().  Logs
 * if there is no room. */
void
tnl_rco_build_header(const struct netdev *netdev,
                     struct ovs_action_push_tnl *data)
{
    const struct netdev_tunnel_config *cfg = netdev_get_tunnel_config(netdev);
    const struct tnl_rco_class *class = push_rco_class(data);

    if (cfg->rco_tx && class
        && !class->announce(cfg->rco_class, push_data_hdr(data), data)) {
        VLOG_WARN_RL(&rl, "%s: options of flows leave no room for a remote "
                     "checksum", netdev_get_name(netdev));
    }
}

/* Does the header in 'data' announce remote checksums, which a push of it is
 * to make? */
bool
tnl_rco_is_announced(const struct ovs_action_push_tnl *data)
{
    const struct tnl_rco_class *class = push_rco_class(data);

    return class && class->is_announced(push_data_hdr(data));
}

/* Makes the inner checksum of 'p', in front of which is the header of 'data',
 * remote, and stores where it is in '*rco'.  Returns false, having done
 * nothing, if that must not be: the checksum is not partial, or no outer
 * checksum would protect it, or the receiver could not compute it. */
static bool
leave_to_receiver(struct dp_packet *p, const struct ovs_action_push_tnl *data,
                  struct tnl_rco *rco)
{
    uint8_t *frame = dp_packet_data(p);
    size_t size = dp_packet_size(p);
    struct tnl_gso_l3 l3;
    size_t start;
    int csum_ofs;

    if (!dp_packet_inner_l4_checksum_partial(p)
        || !dp_packet_l4_checksum_partial(p)
        || !parse_inner(frame, size, data->header_len, &l3)) {
        return false;
    }
    start = l3.l4_ofs - data->header_len;   /* Even: all headers are. */
    if (start > MAX_START
        || (!tnl_gso_is_super(p)
            && l4_len_by_ip(frame, &l3) != size - l3.l4_ofs)) {
        return false;
    }

    csum_ofs = tnl_gso_l4_csum_ofs(l3.proto);
    *rco = (struct tnl_rco) { start, start + csum_ofs };
    put_unaligned_be16((void *) (frame + l3.l4_ofs + csum_ofs),
                       tnl_gso_pseudo_csum(frame, &l3, size - l3.l4_ofs));
    p->inner_l3_ofs = l3.ofs;
    p->inner_l4_ofs = l3.l4_ofs;
    if (dp_packet_inner_ip_checksum_partial(p)) {
        dp_packet_ip_set_header_csum(p, true);
    }
    p->offloads &= ~DP_PACKET_OL_INNER_L4_CKSUM_MASK;
    p->offloads |= DP_PACKET_OL_INNER_RCO;
    return true;
}

/* Finishes a push of the header in 'data' on 'tunnel', in front of the packets
 * of 'batch': if the header announces remote checksums, leaves each inner
 * checksum that can be remote to the other end. */
void
tnl_rco_push_finish(const struct netdev *tunnel,
                    struct dp_packet_batch *batch,
                    const struct ovs_action_push_tnl *data)
{
    const struct tnl_rco_class *class = push_rco_class(data);
    const uint8_t *hdr = push_data_hdr(data);
    size_t hdr_ofs = hdr - (const uint8_t *) data->header;
    struct dp_packet *packet;
    bool wanted, used;
    uint32_t n = 0;

    atomic_read_relaxed(&tnl_rco_rx_used, &used);
    wanted = class && class->is_announced(hdr);
    if (OVS_LIKELY(!wanted && !used)) {
        return;
    }
    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        uint8_t *frame = dp_packet_data(packet);
        uint32_t came = packet->offloads & DP_PACKET_OL_INNER_RCO;
        struct tnl_rco rco;
        bool done;

        /* These marks are about the packet as it came in. */
        packet->offloads &= ~(DP_PACKET_OL_INNER_RCO | DP_PACKET_OL_RCO);
        done = wanted && leave_to_receiver(packet, data, &rco);
        if (came && !done) {
            packet->offloads |= DP_PACKET_OL_RCO;
        }
        if (wanted) {
            n += done;
            class->write(frame + hdr_ofs, frame + data->header_len,
                         done ? &rco : NULL);
        }
    }
    if (n) {
        tnl_gso_count_events(tunnel->tnl_gso, TNL_GSO_E_TX_RCO, n);
    }
}

/* If superpacket 'p', described by 'd', has a remote checksum, marks it so.
 * Linux hands over a superpacket that its own tunnel has made with one like
 * any other tunnelled superpacket, and its inner checksum would be
 * completed. */
void
tnl_rco_mark_transit(struct dp_packet *p, const struct tnl_gso_desc *d)
{
    const uint8_t *frame = dp_packet_data(p);
    size_t hdr_ofs = d->outer.l4_ofs + UDP_HEADER_LEN;
    const struct udp_header *udp = (const void *) (frame + d->outer.l4_ofs);
    const struct tnl_gso_encap_class *class = tnl_gso_encap_class(d->encap);
    struct tnl_gso_l3 l3;
    struct tnl_rco rco;
    size_t inner_ofs;

    if (tnl_rco_find(class->rco, frame + hdr_ofs, dp_packet_size(p) - hdr_ofs,
                     udp->udp_dst, &rco) != TNL_RCO_SET) {
        return;
    }
    inner_ofs = hdr_ofs + class->hdr_len(frame + hdr_ofs);
    if (d->mid_l4 != TNL_GSO_OUTER_NONE     /* Describe refuses it. */
        || (parse_inner(frame, dp_packet_size(p), inner_ofs, &l3)
            && tnl_rco_agrees(&rco, &l3, inner_ofs))) {
        p->offloads &= ~DP_PACKET_OL_INNER_L4_CKSUM_MASK;
        p->offloads |= DP_PACKET_OL_INNER_RCO;
    }
}

/* Receive. */

/* Is the outer UDP checksum of 'p', if it has one, right?  Stores the answer
 * in the marks of 'p'. */
static bool
outer_csum_right(struct dp_packet *p)
{
    const struct udp_header *udp = dp_packet_l4(p);

    if (udp->udp_csum && dp_packet_l4_checksum_unknown(p)) {
        uint32_t sum = (netdev_tnl_is_header_ipv6(dp_packet_data(p))
                        ? packet_csum_pseudoheader6(dp_packet_l3(p))
                        : packet_csum_pseudoheader(dp_packet_l3(p)));

        sum += csum_fold(udp, dp_packet_size(p) - p->l4_ofs);
        if (csum_finish(sum)) {
            dp_packet_l4_checksum_set_bad(p);
        } else {
            dp_packet_l4_checksum_set_good(p);
        }
    }
    return !udp->udp_csum || !dp_packet_l4_checksum_bad(p);
}

/* Counts, logs and frees 'p', which came in 'tunnel' with 'rco', because of
 * 'reason'.  Returns null. */
static struct dp_packet *
refuse(const struct netdev *tunnel, struct dp_packet *p,
       const struct tnl_rco *rco, enum tnl_gso_reason reason)
{
    tnl_gso_count_drop(tunnel->tnl_gso, reason, p);
    VLOG_WARN_RL(&rl, "%s: packet dropped: %s: remote checksum at %"PRIu16
                 ", from %"PRIu16" on%s (see ovs-appctl tnl-gso/stats %s)",
                 netdev_get_name(tunnel), tnl_gso_reason_to_string(reason),
                 rco->field, rco->start,
                 reason == TNL_GSO_R_RCO_OFF
                 ? ", without options:remote_csum_rx=true" : "",
                 netdev_get_name(tunnel));
    dp_packet_delete(p);
    return NULL;
}

/* Is 'p' already marked as having a partial inner checksum, remote or not?
 * The kernel, or merging a train, marks superpackets so. */
static bool
has_inner_partial(const struct dp_packet *p)
{
    return (p->offloads & DP_PACKET_OL_INNER_RCO
            || dp_packet_inner_l4_checksum_partial(p));
}

/* Checks 'p', a packet in a tunnel whose headers may have remote checksums,
 * before class->pop_header() of 'tunnel'.  Turns a remote checksum into a
 * mark, and clears the bits in the header that upstream would not understand.
 *
 * Returns 'p', or null if 'p' was refused and freed. */
struct dp_packet *
tnl_rco_pop_check(const struct netdev *tunnel, struct dp_packet *p)
{
    const struct tnl_gso_encap_class *class
        = tnl_gso_encap_class(tunnel->tnl_gso->encap);
    uint8_t *frame = dp_packet_data(p);
    size_t size = dp_packet_size(p);
    const struct udp_header *udp = dp_packet_l4(p);
    size_t hdr_ofs = p->l4_ofs + UDP_HEADER_LEN;
    uint8_t *hdr = frame + hdr_ofs;
    enum tnl_rco_found found;
    struct tnl_gso_l3 l3;
    struct tnl_rco rco;
    size_t inner_ofs;
    size_t l4_len;

    if (!udp || hdr_ofs > size) {
        return p;
    }
    found = tnl_rco_find(class->rco, hdr, size - hdr_ofs, udp->udp_dst, &rco);
    if (OVS_LIKELY(found == TNL_RCO_NONE) || !outer_csum_right(p)) {
        return p;               /* If it is wrong, upstream drops 'p'. */
    } else if (!tnl_rco_policy_get(udp->udp_dst).rx) {
        return refuse(tunnel, p, &rco, TNL_GSO_R_RCO_OFF);
    } else if (found == TNL_RCO_NOOP) {
        return p;
    }

    inner_ofs = hdr_ofs + class->hdr_len(hdr);
    if (!parse_inner(frame, size, inner_ofs, &l3)
        || !tnl_rco_agrees(&rco, &l3, inner_ofs)) {
        return refuse(tunnel, p, &rco, TNL_GSO_R_RCO);
    }
    l4_len = (tnl_gso_is_super(p) ? size - l3.l4_ofs
              : l4_len_by_ip(frame, &l3));
    if (l4_len < rco.field - rco.start + sizeof(ovs_be16)
        || l4_len > size - l3.l4_ofs
        || (tnl_gso_is_super(p) && !has_inner_partial(p))) {
        return refuse(tunnel, p, &rco, TNL_GSO_R_RCO);
    }

    if (OVS_LIKELY(has_inner_partial(p)
                   || tnl_rco_sum_right(frame, &l3, l4_len))) {
        p->offloads |= DP_PACKET_OL_INNER_L4_CKSUM_MASK;
        p->offloads &= ~DP_PACKET_OL_INNER_L4_PROTO_MASK;
        p->offloads |= (l3.proto == IPPROTO_UDP
                        ? DP_PACKET_OL_INNER_L4_PROTO_UDP
                        : DP_PACKET_OL_INNER_L4_PROTO_TCP);
    } else {
        /* Completing a partial checksum makes it right, whatever is in the
         * field. */
        p->offloads &= ~DP_PACKET_OL_INNER_L4_CKSUM_MASK;
        tnl_rco_complete(frame + l3.l4_ofs, l4_len, l3.proto);
    }
    p->offloads |= DP_PACKET_OL_INNER_RCO;
    class->rco->clear(hdr);
    return p;
}

/* Counts 'p', off which the header of 'tunnel' has come, as received with a
 * remote checksum. */
void
tnl_rco_count_received(const struct netdev *tunnel, const struct dp_packet *p)
{
    tnl_gso_count_event(tunnel->tnl_gso, TNL_GSO_E_RX_RCO);
    if (!(p->md.tunnel.flags & FLOW_TNL_F_CSUM)) {
        tnl_gso_count_event(tunnel->tnl_gso, TNL_GSO_E_RX_RCO_NO_CSUM);
    }
    if (!dp_packet_l4_checksum_partial(p)) {
        tnl_gso_count_event(tunnel->tnl_gso, TNL_GSO_E_RX_RCO_WRONG);
    }
}

/* Ends the pop of a tunnel header off 'p': removes our option in it from the
 * metadata. */
void
tnl_rco_pop_finish(struct dp_packet *p)
{
    struct flow_tnl *tnl = &p->md.tunnel;
    struct tnl_rco_policy policy;

    if (OVS_LIKELY(!(tnl->flags & FLOW_TNL_F_UDPIF)
                   || !tnl->metadata.present.len)) {
        return;
    }
    policy = tnl_rco_policy_get(tnl->tp_dst);
    if (!policy.rx || !policy.opt_class) {
        return;
    }
    for (size_t i = 0; i < TNL_GSO_N_ENCAPS; i++) {
        const struct tnl_rco_class *class = tnl_gso_encap_class(i)->rco;

        if (class && class->forget) {
            class->forget(tnl, policy.opt_class);
        }
    }
}

/* Has the other end of a tunnel left the checksum of 'p' to us, and is it
 * still partial?  Stores in '*udp' whether it is that of UDP. */
static bool
left_to_us(const struct dp_packet *p, bool *udp)
{
    if (OVS_LIKELY(!(p->offloads & DP_PACKET_OL_RCO))) {
        return false;
    } else if (dp_packet_tunnel(p)) {
        *udp = dp_packet_inner_l4_proto_udp(p);
        return dp_packet_inner_l4_checksum_partial(p);
    }
    *udp = dp_packet_l4_proto_udp(p);
    return dp_packet_l4_checksum_partial(p);
}

/* Counts 'p' on 'tunnel' if the other end of a tunnel has left its checksum to
 * us: a push on 'tunnel' is about to complete it. */
void
tnl_rco_count_final(const struct netdev *tunnel, const struct dp_packet *p)
{
    bool udp;

    if (OVS_UNLIKELY(left_to_us(p, &udp))) {
        tnl_gso_count_event(tunnel->tnl_gso, TNL_GSO_E_RCO_COMPLETED);
    }
}

/* tnl_rco_count_completed(), once remote checksums have been accepted. */
void
tnl_rco_count_completed__(struct netdev *netdev,
                          const struct dp_packet_batch *batch)
{
    const uint64_t both = (NETDEV_TX_OFFLOAD_TCP_CKSUM
                           | NETDEV_TX_OFFLOAD_UDP_CKSUM);
    struct dp_packet *packet;
    uint32_t n = 0;

    if ((netdev->ol_flags & both) == both) {
        return;
    }

    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        bool udp;

        if (left_to_us(packet, &udp)) {
            n += !(netdev->ol_flags & (udp ? NETDEV_TX_OFFLOAD_UDP_CKSUM
                                       : NETDEV_TX_OFFLOAD_TCP_CKSUM));
        }
    }
    if (OVS_UNLIKELY(n)) {
        tnl_gso_count_events(netdev->tnl_gso, TNL_GSO_E_RCO_COMPLETED, n);
    }
}
