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

#include "stages/tnl-gso-finish.h"

#include <netinet/in.h>
#include <netinet/ip6.h>
#include <string.h>

#include "core/csum-copy.h"
#include "core/tnl-gso-parse.h"
#include "csum.h"
#include "dp-packet.h"
#include "encap/encap.h"
#include "packets.h"
#include "stages/tnl-gso-finish-ip.h"
#include "stages/tnl-gso-finish-mid.h"
#include "unaligned.h"
#include "util.h"

/* Stage "finish": the headers of one packet out of a superpacket.
 *
 * Called by the segment stage (tnl-gso-seg.c, tnl-gso-frames.c,
 * tnl-gso-train.c) once per packet that it has made, with the sum of the
 * payload at hand, so that no byte of payload is read again.  Must not
 * allocate, resize, or look at other packets.
 *
 * All packets but the last are of one length, and most fields that change in
 * their headers change in all of them alike.  These are written once, into a
 * template.  Each packet gets a copy of it, into which its own fields are
 * written.
 *
 * Which fields change from segment to segment follows Linux v6.18
 * tcp_gso_segment(), __udp_gso_segment(), inet_gso_segment(),
 * ipv6_gso_segment(), __skb_udp_tunnel_segment() and gre_gso_segment().
 *
 * All sums are kept in the packet's byte order.  Headers are even in length
 * from the outer L4 header on, so everything that one sum covers starts at an
 * even offset of another. */

/* Does the port write the outer UDP checksum of every segment?  In the parts
 * of a split, the plan of each decides that later. */
static bool
port_sums_outer(const struct tnl_gso_finish *f)
{
    return (f->desc->outer_csum
            && (f->plan->method == TNL_GSO_HW
                || f->plan->method == TNL_GSO_KERNEL
                || f->plan->method == TNL_GSO_SPLIT));
}

/* Returns what the innermost packet sums up to, from its IP header to its end
 * at 'end', without looking at payload: an IPv4 header with its checksum sums
 * up to zero.  So do the TCP or UDP packet and its pseudo-header: the packet
 * is minus the latter. */
static uint32_t
inner_sum(const struct tnl_gso_finish *f, uint32_t end)
{
    const struct tnl_gso_desc *d = f->desc;
    ovs_be16 l4_len = htons(end - d->inner.l4_ofs);
    uint32_t sum = 0;

    if (d->inner.version == 6) {
        sum = csum_add16(f->inner_ip_sum,
                         htons(end - d->inner.ofs - IPV6_HEADER_LEN));
    }
    return csum_add16(sum, finish_sum(csum_add16(f->l4_sum, l4_len)));
}

/* Returns the outer checksum of a packet whose segments have 'seg_len' bytes
 * of payload.  Local checksum offload, Linux'
 * Documentation/networking/checksum-offloads.rst: a packet with a right inner
 * checksum sums up to its headers alone, so the payload is not needed. */
static ovs_be16
outer_csum(const struct tnl_gso_finish *f, uint32_t seg_len)
{
    const struct tnl_gso_desc *d = f->desc;
    uint32_t end = d->hdr_len + seg_len;
    ovs_be16 udp_len = htons(end - d->outer.l4_ofs);
    uint32_t sum = inner_sum(f, end);

    if (OVS_UNLIKELY(d->mid_l4 != TNL_GSO_OUTER_NONE)) {
        sum = tnl_gso_finish_mid_sum(f, end, sum);
    }
    sum = finish_with_own_len(d->len_ofs, end, sum);
    return finish_tunnel_csum(d->outer_l4, sum + f->outer_l4_sum, udp_len);
}

/* Returns the outer checksum of 'frame', a packet with a remote checksum whose
 * inner headers are finished and whose payload's sum is 'payload_sum'.  The
 * inner packet does not sum up to anything that is known, but for an IPv4
 * header. */
static ovs_be16
outer_csum_rco(const struct tnl_gso_finish *f, const uint8_t *frame,
               const struct tnl_gso_finish_len *l, uint32_t payload_sum)
{
    const struct tnl_gso_desc *d = f->desc;
    const void *l4 = frame + d->inner.l4_ofs;
    uint32_t sum = f->outer_l4_sum + f->l4_hdr_sum + payload_sum;

    sum = csum_add16(csum_add16(sum, l->outer_udp_len), l->outer_udp_len);
    if (d->inner.version == 6) {
        sum += l->inner_ip_sum;
    }
    if (d->inner.proto == IPPROTO_TCP) {
        const struct tcp_header *tcp = l4;

        sum = csum_add32(sum, get_16aligned_be32(&tcp->tcp_seq));
        sum = csum_add16(csum_add16(sum, tcp->tcp_ctl), tcp->tcp_csum);
    } else {
        const struct udp_header *udp = l4;

        sum = csum_add16(csum_add16(sum, udp->udp_len), udp->udp_csum);
    }
    return finish_udp_csum(sum);
}

/* Fills in '*l' for packets with 'payload_len' bytes of payload. */
static void
finish_len_init(struct tnl_gso_finish_len *l, const struct tnl_gso_finish *f,
                uint32_t payload_len)
{
    const struct tnl_gso_desc *d = f->desc;
    uint32_t end = d->hdr_len + payload_len;

    *l = (struct tnl_gso_finish_len) {
        .payload_len = payload_len,
        .inner_l4_len = htons(end - d->inner.l4_ofs),
        .inner_ip_len = finish_ip_len(&d->inner, end),
    };
    l->l4_sum = csum_add16(f->l4_sum, l->inner_l4_len);
    l->inner_ip_sum = csum_add16(f->inner_ip_sum, l->inner_ip_len);

    if (d->outer_l4 != TNL_GSO_OUTER_NONE) {
        l->outer_ip_len = finish_ip_len(&d->outer, end);
        l->outer_ip_sum = csum_add16(f->outer_ip_sum, l->outer_ip_len);
        l->outer_udp_len = htons(end - d->outer.l4_ofs);
        if (OVS_UNLIKELY(d->mid_l4 != TNL_GSO_OUTER_NONE)) {
            uint32_t seg_len = MIN(payload_len, d->mss);

            tnl_gso_finish_mid_len(f, l, seg_len,
                                   inner_sum(f, d->hdr_len + seg_len));
        }
        if (d->rco) {
            l->outer_csum = (OVS_FORCE ovs_be16) csum_fold16(
                csum_add16(f->outer_pseudo_sum, l->outer_udp_len));
        } else if (d->outer_csum && !port_sums_outer(f)) {
            l->outer_csum = outer_csum(f, MIN(payload_len, d->mss));
        }
    }
}

/* Does a packet that stays whole keep its TCP or UDP checksum, because that is
 * complete? */
static bool
keep_l4_csum(const struct tnl_gso_finish *f)
{
    return f->plan->n_packets == 1 && !f->desc->l4_partial;
}

/* Writes into 'frame' all fields that are the same in all packets of length
 * 'l'.  'frame' holds the headers of the superpacket, or a copy of them that
 * was finished for another length. */
static void
finish_common(const struct tnl_gso_finish *f, uint8_t *frame,
              const struct tnl_gso_finish_len *l)
{
    const struct tnl_gso_desc *d = f->desc;
    struct udp_header *inner_udp = (void *) (frame + d->inner.l4_ofs);
    struct udp_header *udp = (void *) (frame + d->outer.l4_ofs);

    finish_put_ip_len(frame, &d->inner, l->inner_ip_len);
    if (d->inner.proto == IPPROTO_UDP) {
        inner_udp->udp_len = l->inner_l4_len;
    }
    if (!f->sum_l4 && !keep_l4_csum(f)) {
        /* A checksum while it is partial: the uncomplemented sum of the
         * pseudo-header. */
        ovs_be16 csum = (OVS_FORCE ovs_be16) csum_fold16(l->l4_sum);

        memcpy(frame + d->inner.l4_ofs + tnl_gso_l4_csum_ofs(d->inner.proto),
               &csum, sizeof csum);
    }

    if (d->outer_l4 == TNL_GSO_OUTER_NONE) {
        return;
    }
    if (OVS_UNLIKELY(d->mid_l4 != TNL_GSO_OUTER_NONE)) {
        tnl_gso_finish_mid_common(f, frame, l);
    }
    finish_put_ip_len(frame, &d->outer, l->outer_ip_len);
    if (d->outer_l4 == TNL_GSO_OUTER_UDP) {
        udp->udp_len = l->outer_udp_len;
        if (d->outer_csum && !port_sums_outer(f)) {
            udp->udp_csum = l->outer_csum;
        }
        finish_put_own_len(frame, d->len_ofs, d->hdr_len + l->payload_len);
    } else if (d->outer_csum) {
        ovs_be16 *field = (void *) (frame + d->outer.l4_ofs
                                    + sizeof(struct gre_base_hdr));

        field[0] = l->outer_csum;
        field[1] = 0;
    }
}

/* Returns the marks of a packet that is plain UDP to the port, whatever is in
 * it: a segment with a remote checksum, or a train.  If 'partial' is true, the
 * port completes its checksum. */
static uint32_t
udp_marks(const struct tnl_gso_desc *d, bool partial)
{
    return (DP_PACKET_OL_L4_PROTO_UDP
            | (partial ? DP_PACKET_OL_L4_CKSUM_MASK
               : DP_PACKET_OL_L4_CKSUM_GOOD)
            | (d->outer.version == 4 ? DP_PACKET_OL_IP_CKSUM_GOOD : 0));
}

/* Returns the marks of a packet made of a superpacket with marks 'before', so
 * that the port's driver and dp_packet_ol_send_prepare() do everything that is
 * left to do and nothing else.  If 'super' is true, the packet is cut again,
 * and all IPv4 checksums and the inner TCP or UDP checksum are written
 * then. */
static uint32_t
finish_marks(const struct tnl_gso_finish *f, uint32_t before, bool super)
{
    const struct tnl_gso_desc *d = f->desc;
    bool udp = d->inner.proto == IPPROTO_UDP;
    uint32_t offloads = (udp ? DP_PACKET_OL_L4_PROTO_UDP
                         : DP_PACKET_OL_L4_PROTO_TCP);
    uint32_t kept = super ? before & TNL_GSO_KEPT_MARKS : 0;

    if (d->rco) {
        return udp_marks(d, d->outer_csum && !f->plan->csum);
    }
    if (keep_l4_csum(f)) {
        offloads |= (d->outer_l4 != TNL_GSO_OUTER_NONE
                     ? before >> DP_PACKET_OL_SHIFT_COUNT : before)
                    & DP_PACKET_OL_L4_CKSUM_MASK;
    } else {
        offloads |= (f->plan->csum ? DP_PACKET_OL_L4_CKSUM_GOOD
                     : DP_PACKET_OL_L4_CKSUM_MASK);
    }
    if (d->inner.version == 4) {
        offloads |= (super ? DP_PACKET_OL_IP_CKSUM_MASK
                     : DP_PACKET_OL_IP_CKSUM_GOOD);
    }
    if (d->outer_l4 != TNL_GSO_OUTER_NONE) {
        if (OVS_UNLIKELY(d->mid_l4 != TNL_GSO_OUTER_NONE)) {
            offloads |= tnl_gso_encap_class(d->mid_encap)->mark;
        }
        offloads <<= DP_PACKET_OL_SHIFT_COUNT;
        offloads |= tnl_gso_encap_class(d->encap)->mark;
        if (d->outer.version == 4) {
            offloads |= (super ? DP_PACKET_OL_IP_CKSUM_MASK
                         : DP_PACKET_OL_IP_CKSUM_GOOD);
        }
        if (d->outer_l4 == TNL_GSO_OUTER_UDP) {
            offloads |= DP_PACKET_OL_L4_PROTO_UDP;
            offloads |= (port_sums_outer(f) ? DP_PACKET_OL_L4_CKSUM_MASK
                         : DP_PACKET_OL_L4_CKSUM_GOOD);
        }
    }
    return offloads | kept;
}

/* Prepares '*f' for all packets out of the superpacket that starts at
 * 'frame_' and that 'desc' describes.  'desc' and 'plan' must stay. */
void
tnl_gso_finish_init(struct tnl_gso_finish *f, const void *frame_,
                    const struct tnl_gso_desc *desc,
                    const struct tnl_gso_plan *plan)
{
    const uint8_t *frame = frame_;
    size_t l4_ofs = desc->inner.l4_ofs;
    uint32_t sum;

    memset(f, 0, offsetof(struct tnl_gso_finish, template));
    f->desc = desc;
    f->plan = plan;
    f->sum_l4 = plan->csum && !desc->rco;
    f->sum_remote = plan->csum && desc->rco;
    f->more = f->sum_remote || desc->mid_l4 != TNL_GSO_OUTER_NONE;
    f->outer_ids = plan->unit / desc->mss;
    f->inner_ids = desc->fixed_id ? 0 : f->outer_ids;
    f->inner_id = finish_ip_id(frame, &desc->inner);
    f->inner_ip_sum = csum_fold16(tnl_gso_ip_sum(frame, &desc->inner));
    f->l4_sum = csum_fold16(tnl_gso_pseudo_sum(frame, &desc->inner, 0));

    if (desc->inner.proto == IPPROTO_TCP) {
        const struct tcp_header *tcp = (const void *) (frame + l4_ofs);

        f->seq = ntohl(get_16aligned_be32(&tcp->tcp_seq));
        f->tcp_ctl = tcp->tcp_ctl;
        sum = tnl_gso_tcp_sum(frame, l4_ofs, desc->hdr_len);
    } else {
        sum = csum_range(frame, l4_ofs, l4_ofs + 4);    /* Ports. */
    }
    f->l4_hdr_sum = csum_fold16(sum);

    if (desc->outer_l4 != TNL_GSO_OUTER_NONE) {
        bool nested = desc->mid_l4 != TNL_GSO_OUTER_NONE;
        size_t end = nested ? desc->mid.ofs : desc->inner.ofs;

        if (OVS_UNLIKELY(nested)) {
            tnl_gso_finish_mid_init(f, frame);
        }
        f->outer_id = finish_ip_id(frame, &desc->outer);
        f->outer_ip_sum = csum_fold16(tnl_gso_ip_sum(frame, &desc->outer));

        sum = finish_tunnel_sum(frame, desc->outer_l4, desc->outer.l4_ofs,
                                desc->outer_csum, end);
        sum = finish_without_own_len(frame, desc->len_ofs, sum);
        if (desc->outer_l4 == TNL_GSO_OUTER_UDP) {
            f->outer_pseudo_sum = csum_fold16(
                tnl_gso_pseudo_sum(frame, &desc->outer, 0));
            sum += f->outer_pseudo_sum;
        }
        f->outer_l4_sum = csum_fold16(sum);
    }

    finish_len_init(&f->full, f, MIN(plan->unit, desc->payload_len));
    finish_len_init(&f->last, f, (desc->payload_len
                                  - (plan->n_packets - 1) * plan->unit));
    f->segment_marks = finish_marks(f, 0, false);

    if (OVS_LIKELY(desc->hdr_len <= sizeof f->template)) {
        memcpy(f->template, frame, desc->hdr_len);
        finish_common(f, f->template, &f->full);
        f->head = f->template;
        f->head_is_for = &f->full;
    } else {
        f->head = frame;
        f->head_is_for = NULL;
    }
}

/* Writes the fields of TCP header 'tcp' that packet number 'index' has for
 * itself: sequence number, flags and, if we compute it, the checksum.
 * 'payload_sum' is the sum of the payload. */
static inline void
finish_tcp(const struct tnl_gso_finish *f, struct tcp_header *tcp,
           const struct tnl_gso_finish_len *l, uint32_t index,
           uint32_t payload_sum)
{
    const struct tnl_gso_plan *plan = f->plan;
    ovs_be32 seq = htonl(f->seq + index * plan->unit);
    ovs_be16 tcp_ctl = f->tcp_ctl;

    if (index) {
        tcp_ctl &= ~htons(TCP_CWR);
    }
    if (index < plan->n_packets - 1) {
        tcp_ctl &= ~htons(TCP_FIN | TCP_PSH);
    }
    tcp->tcp_ctl = tcp_ctl;
    put_16aligned_be32(&tcp->tcp_seq, seq);

    if (f->sum_l4) {
        uint32_t sum = l->l4_sum + f->l4_hdr_sum + payload_sum;

        sum = csum_add32(csum_add16(sum, tcp_ctl), seq);
        tcp->tcp_csum = finish_sum(sum);
    }
}

/* Writes the checksum in UDP header 'udp' if we compute it.  'payload_sum' is
 * the sum of the payload. */
static inline void
finish_udp(const struct tnl_gso_finish *f, struct udp_header *udp,
           const struct tnl_gso_finish_len *l, uint32_t payload_sum)
{
    if (f->sum_l4) {
        uint32_t sum = l->l4_sum + f->l4_hdr_sum + payload_sum;

        udp->udp_csum = finish_udp_csum(csum_add16(sum, udp->udp_len));
    }
}

/* Writes the headers that few packets have: those of a tunnel in the tunnel,
 * and an outer checksum that depends on the payload. */
static void
write_more(const struct tnl_gso_finish *f, uint8_t *frame,
           const struct tnl_gso_finish_len *l, uint32_t index,
           uint32_t payload_sum)
{
    const struct tnl_gso_desc *d = f->desc;

    if (d->mid_l4 != TNL_GSO_OUTER_NONE) {
        tnl_gso_finish_mid_packet(f, frame, l, index);
    }
    if (f->sum_remote) {
        struct udp_header *udp = (void *) (frame + d->outer.l4_ofs);

        udp->udp_csum = outer_csum_rco(f, frame, l, payload_sum);
    }
}

/* tnl_gso_finish_frame(), to be inlined. */
static inline void ALWAYS_INLINE
write_headers(const struct tnl_gso_finish *f, uint8_t *frame, uint32_t index,
              uint32_t payload_len, uint32_t payload_sum)
{
    const struct tnl_gso_desc *d = f->desc;
    const struct tnl_gso_finish_len *l = (payload_len == f->full.payload_len
                                          ? &f->full : &f->last);
    void *l4 = frame + d->inner.l4_ofs;

    if (OVS_LIKELY(frame != f->head)) {
        memcpy(frame, f->head, d->hdr_len);
    }
    if (OVS_UNLIKELY(l != f->head_is_for)) {
        finish_common(f, frame, l);
    }

    if (d->inner.proto == IPPROTO_UDP) {
        finish_udp(f, l4, l, payload_sum);
    } else {
        finish_tcp(f, l4, l, index, payload_sum);
    }
    finish_put_ip_id(frame, &d->inner, l->inner_ip_sum,
                     f->inner_id + index * f->inner_ids);
    if (d->outer_l4 != TNL_GSO_OUTER_NONE) {
        finish_put_ip_id(frame, &d->outer, l->outer_ip_sum,
                         f->outer_id + index * f->outer_ids);
        if (OVS_UNLIKELY(f->more)) {
            write_more(f, frame, l, index, payload_sum);
        }
    }
}

/* Writes the headers of packet number 'index' of the plan, 'desc->hdr_len'
 * bytes in front of 'payload_len' bytes of payload, to 'frame'.  'payload_sum'
 * is the sum of the payload; ignored unless the plan asks for final checksums.
 *
 * 'frame' may be that of the superpacket, but only for the packet that is the
 * last one to be finished. */
void
tnl_gso_finish_frame(const struct tnl_gso_finish *f, uint8_t *frame,
                     uint32_t index, uint32_t payload_len,
                     uint32_t payload_sum)
{
    write_headers(f, frame, index, payload_len, payload_sum);
}

/* tnl_gso_finish_frame() for packet number 0 of the plan, a superpacket in a
 * tunnel over UDP with 'payload_len' bytes of payload, behind which there is
 * only a vnet header: the checksums that somebody else completes for each
 * segment become the sums of their pseudo-headers. */
void
tnl_gso_finish_whole(const struct tnl_gso_finish *f, uint8_t *frame,
                     uint32_t payload_len)
{
    const struct tnl_gso_desc *d = f->desc;
    size_t end = d->hdr_len + payload_len;
    ovs_be16 csum;

    write_headers(f, frame, 0, payload_len, 0);
    csum = tnl_gso_pseudo_csum(frame, &d->inner, end - d->inner.l4_ofs);
    memcpy(frame + d->inner.l4_ofs + tnl_gso_l4_csum_ofs(d->inner.proto),
           &csum, sizeof csum);
    if (port_sums_outer(f)) {
        struct udp_header *udp = (void *) (frame + d->outer.l4_ofs);

        udp->udp_csum = tnl_gso_pseudo_csum(frame, &d->outer,
                                            end - d->outer.l4_ofs);
    }
}

/* Turns 'frame', finished as the first packet of a train, into the outer
 * headers of the train, of 'len' bytes in all: one UDP datagram with a partial
 * checksum, whose payload somebody cuts. */
void
tnl_gso_finish_train(const struct tnl_gso_finish *f, uint8_t *frame,
                     uint32_t len)
{
    const struct tnl_gso_l3 *outer = &f->desc->outer;
    struct udp_header *udp = (void *) (frame + outer->l4_ofs);
    ovs_be16 outer_len = finish_ip_len(outer, len);

    finish_put_ip_len(frame, outer, outer_len);
    finish_put_ip_id(frame, outer, csum_add16(f->outer_ip_sum, outer_len),
                     finish_ip_id(frame, outer));
    udp->udp_len = htons(len - outer->l4_ofs);
    udp->udp_csum = tnl_gso_pseudo_csum(frame, outer, len - outer->l4_ofs);
}

/* The same as tnl_gso_finish_train() for the train of 'n' segments in 'p', and
 * sets the marks of 'p': those of plain UDP. */
void
tnl_gso_finish_train_packet(const struct tnl_gso_finish *f,
                            struct dp_packet *p, uint32_t n)
{
    const struct tnl_gso_desc *d = f->desc;

    tnl_gso_finish_train(f, dp_packet_data(p), dp_packet_size(p));
    p->offloads = udp_marks(d, true);
    dp_packet_set_tso_segsz(p, 0);
    p->uso_segsz = n > 1 ? tnl_gso_train_unit_len(d) : 0;
}

/* The same as tnl_gso_finish_frame() for the frame in 'p', and sets the marks
 * of 'p'. */
void
tnl_gso_finish(const struct tnl_gso_finish *f, struct dp_packet *p,
               uint32_t index, uint32_t payload_len, uint32_t payload_sum)
{
    const struct tnl_gso_desc *d = f->desc;
    uint16_t mss = 0;

    write_headers(f, dp_packet_data(p), index, payload_len, payload_sum);
    if (OVS_LIKELY(payload_len <= d->mss && f->plan->n_packets > 1)) {
        p->offloads = f->segment_marks;
    } else {
        bool super = payload_len > d->mss;

        p->offloads = finish_marks(f, p->offloads, super);
        mss = super && !d->rco ? d->mss : 0;
    }
    dp_packet_set_tso_segsz(p, d->inner.proto == IPPROTO_UDP ? 0 : mss);
    p->uso_segsz = d->inner.proto == IPPROTO_UDP ? mss : 0;
}
