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

#include "fix/tnl-gso-marks.h"

#include <netinet/in.h>
#include <netinet/ip6.h>

#include "core/csum-copy.h"
#include "core/tnl-gso-port.h"
#include "coverage.h"
#include "encap/encap.h"
#include "netdev-provider.h"
#include "rco/tnl-rco.h"
#include "stages/tnl-gso-desc.h"
#include "util.h"

/* Ordinary packets: marks that cannot be true, sizes that do not fit into 16
 * bits, and marks for packets that have none.
 *
 * tnl_gso_marks_partial() and tnl_gso_marks_guess() are called for packets
 * that enter: from a vnet header (netdev-linux-vnet.c), a dummy port or
 * `tnl-gso/explain`.  The others are called through one-line hooks from
 * dp-packet.h, dp-packet.c, packets.c and conntrack.c, for packets of any
 * kind.  Must not cut: superpackets are the stages' (tnl-gso-send.c). */

COVERAGE_DEFINE(tnl_gso_csum_unknown);
COVERAGE_DEFINE(tnl_gso_truncated);

/* The mark for an upper layer of 'proto', TCP, UDP or SCTP. */
static uint32_t
l4_proto_mark(uint8_t proto)
{
    switch (proto) {
    case IPPROTO_TCP:
        return DP_PACKET_OL_L4_PROTO_TCP;
    case IPPROTO_UDP:
        return DP_PACKET_OL_L4_PROTO_UDP;
    default:                    /* SCTP. */
        return DP_PACKET_OL_L4_PROTO_TCP | DP_PACKET_OL_L4_PROTO_UDP;
    }
}

/* The marks that say that a checksum is partial. */
enum {
    IP_PARTIAL = DP_PACKET_OL_IP_CKSUM_MASK,
    L4_PARTIAL = DP_PACKET_OL_L4_CKSUM_MASK,
};

/* Returns those of 'marks' of one level that say "partial" and can stay, with
 * the right protocol.  'reason' and 'l3' are the parser's result for a packet
 * of 'size' bytes.  A fragment has an IP checksum but none of the upper
 * layer. */
static uint32_t
marks_that_stay(uint32_t marks, enum tnl_gso_reason reason,
                const struct tnl_gso_l3 *l3, size_t size)
{
    size_t len = reason ? 0 : tnl_gso_l4_min_len(l3->proto);
    uint32_t stay = 0;

    if ((marks & IP_PARTIAL) == IP_PARTIAL && l3->version == 4
        && (!reason || reason == TNL_GSO_R_FRAGMENT)) {
        stay |= IP_PARTIAL;
    }
    if ((marks & L4_PARTIAL) == L4_PARTIAL && len
        && l3->l4_ofs + len <= size) {
        stay |= L4_PARTIAL | l4_proto_mark(l3->proto);
    }
    return stay;
}

/* Returns 'marks' of one level without those that say "partial" and cannot
 * stay: see marks_that_stay(). */
static uint32_t
repair_level(uint32_t marks, enum tnl_gso_reason reason,
             const struct tnl_gso_l3 *l3, size_t size)
{
    uint32_t stay = marks_that_stay(marks, reason, l3, size);

    if ((marks & IP_PARTIAL) == IP_PARTIAL) {
        marks &= ~IP_PARTIAL;
    }
    if ((marks & L4_PARTIAL) == L4_PARTIAL) {
        if (!(stay & L4_PARTIAL)) {
            COVERAGE_INC(tnl_gso_csum_unknown);
        }
        /* Upstream looks for the header of a protocol that is marked. */
        marks &= ~(L4_PARTIAL | DP_PACKET_OL_L4_PROTO_MASK);
    }
    return marks | stay;
}

/* Marks 'p', described by 'd', as having a partial innermost L4 checksum,
 * whose header must be TCP, UDP or SCTP.  If there is a tunnel or two, also
 * marks 'p' as being in it; an outer UDP checksum, if there is one, is then
 * partial if 'outer_partial' is true, else final. */
void
tnl_gso_marks_partial(struct dp_packet *p, const struct tnl_gso_desc *d,
                      bool outer_partial)
{
    const struct tnl_gso_l3 *first = (d->outer_l4 != TNL_GSO_OUTER_NONE
                                      ? &d->outer : &d->inner);

    p->offloads = L4_PARTIAL | l4_proto_mark(d->inner.proto);
    p->l3_ofs = first->ofs;
    p->l4_ofs = first->l4_ofs;
    if (d->outer_l4 == TNL_GSO_OUTER_NONE) {
        return;
    }

    if (d->mid_l4 != TNL_GSO_OUTER_NONE) {
        p->offloads |= tnl_gso_encap_class(d->mid_encap)->mark;
    }
    p->offloads <<= DP_PACKET_OL_SHIFT_COUNT;
    p->inner_l3_ofs = d->inner.ofs;
    p->inner_l4_ofs = d->inner.l4_ofs;
    p->offloads |= tnl_gso_encap_class(d->encap)->mark;
    if (d->outer_l4 != TNL_GSO_OUTER_UDP) {
        return;
    }
    dp_packet_l4_proto_set_udp(p);
    if (d->outer_csum && outer_partial) {
        dp_packet_l4_checksum_set_partial(p);
    } else {
        dp_packet_l4_checksum_set_good(p);
    }
    if (outer_partial) {
        tnl_rco_mark_transit(p, d);
    }
}

/* Marks 'p', whose TCP is to be cut, as a tunnelled packet if it seems to be
 * in a tunnel: for dummy ports and explanations, where nothing says where the
 * innermost header is. */
void
tnl_gso_marks_guess(struct dp_packet *p)
{
    struct tnl_gso_desc d;

    if (!tnl_gso_find_tunnel(p, 0, &d) && d.inner.proto == IPPROTO_TCP) {
        tnl_gso_marks_partial(p, &d, true);
    }
}

/* Corrects the marks of 'p' that say "partial" where upstream's parser has not
 * found the header: behind a second VLAN tag, behind MPLS labels, or because
 * 'p' has been truncated.  A packet without such a header has no checksum to
 * complete, nor has the upper layer of a fragment. */
void
tnl_gso_marks_repair(struct dp_packet *p)
{
    /* Bytes beyond the outer IP total length are padding to upstream's parser
     * (l2_pad_size); checksums do not cover them. */
    size_t size = dp_packet_size(p) - dp_packet_l2_pad_size(p);
    uint32_t outer = p->offloads & UINT16_MAX;
    uint32_t inner = p->offloads >> DP_PACKET_OL_SHIFT_COUNT;
    enum tnl_gso_reason reason;
    struct tnl_gso_desc d;
    bool stacked = false;

    reason = tnl_gso_find_headers(p, &d);
    if (d.outer_l4 == TNL_GSO_OUTER_NONE) {
        outer = repair_level(outer, reason, &d.inner, size);
        if (d.inner.version) {
            p->l3_ofs = d.inner.ofs;
            p->l4_ofs = d.inner.l4_ofs;
        }
    } else {
        inner = repair_level(inner, reason, &d.inner, size);
        if (d.inner.version) {
            p->inner_l3_ofs = d.inner.ofs;
            p->inner_l4_ofs = d.inner.l4_ofs;
        }
        reason = tnl_gso_find_first_l3(p, size, &d.outer, &stacked);
        outer = repair_level(outer, reason, &d.outer, size);
        if ((outer & L4_PARTIAL) == L4_PARTIAL
            && ((outer & DP_PACKET_OL_L4_PROTO_MASK)
                != DP_PACKET_OL_L4_PROTO_UDP)) {
            /* Upstream asserts that a tunnel's is UDP. */
            outer &= ~L4_PARTIAL;
        }
        if (d.outer.version) {
            p->l3_ofs = d.outer.ofs;
            p->l4_ofs = d.outer.l4_ofs;
        }
    }
    p->offloads = outer | inner << DP_PACKET_OL_SHIFT_COUNT;
}

/* Takes back marks of 'p' after bytes were cut from its end: a checksum that
 * was good covers some of them. */
void
tnl_gso_marks_truncate(struct dp_packet *p)
{
    if (!dp_packet_l4_checksum_partial(p)) {
        dp_packet_l4_checksum_set_unknown(p);
    }
    dp_packet_set_l2_pad_size(p, 0);
}

/* How many bytes of headroom, data and tailroom 'p' can have: dp_packet keeps
 * sizes in 16 bits, an mbuf's shared info is behind its data, and a packet
 * from AF_XDP is in a frame that the kernel knows. */
static size_t
max_room(const struct dp_packet *p)
{
    enum { MBUF_EXTRA = 128 };

    return (p->source == DPBUF_AFXDP ? dp_packet_get_allocated(p)
            : UINT16_MAX - (p->source == DPBUF_DPDK ? MBUF_EXTRA : 0));
}

/* Can 'p' get 'size' bytes of headroom and lose nothing at its end? */
bool
tnl_gso_takes_headroom(const struct dp_packet *p, size_t size)
{
    return (size <= dp_packet_headroom(p)
            || size + dp_packet_size(p) <= max_room(p));
}

/* If upstream's way of giving 'p' at least 'size' bytes of headroom would need
 * more room than a packet can have, gives them without room to spare and
 * returns true.  Otherwise returns false, having done nothing.  The data of a
 * packet from AF_XDP moves towards its end; upstream's way would abort.
 *
 * A packet that does not fit at all loses bytes at its end.  Of a superpacket,
 * every segment that goes out is right nevertheless, and TCP sends the rest
 * again. */
bool
tnl_gso_make_headroom(struct dp_packet *p, size_t size)
{
    enum { USUAL = 64 };
    size_t max = max_room(p);

    if (OVS_LIKELY(p->source != DPBUF_AFXDP
                   && MAX(size, USUAL) + dp_packet_size(p)
                      + dp_packet_tailroom(p) <= max)) {
        return false;
    }
    if (size + dp_packet_size(p) > max) {
        COVERAGE_INC(tnl_gso_truncated);
        dp_packet_set_size(p, max - size);
    }
    if (p->source == DPBUF_AFXDP) {
        dp_packet_shift(p, MIN(MAX(size, USUAL), max - dp_packet_size(p))
                           - dp_packet_headroom(p));
        return true;
    }
    dp_packet_resize(p, MIN(MAX(size, USUAL), max - dp_packet_size(p)), 0);
    return true;
}

/* Gives 'p' at least 'size' bytes of tailroom if it can.  Its data may move.
 * It stays as it is if it would become too long, and so does one from AF_XDP,
 * which cannot get another buffer. */
void
tnl_gso_try_tailroom(struct dp_packet *p, size_t size)
{
    if (size > dp_packet_tailroom(p) && p->source != DPBUF_AFXDP
        && dp_packet_headroom(p) + dp_packet_size(p) + size <= max_room(p)) {
        dp_packet_resize(p, dp_packet_headroom(p), size);
    }
}

/* Returns the sum of the pseudo-header for the upper layer behind the
 * extension headers of 'ip6': RFC 8200 section 8.1. */
uint32_t
tnl_gso_pseudo_csum6(const struct ovs_16aligned_ip6_hdr *ip6)
{
    size_t size = IPV6_HEADER_LEN + ntohs(ip6->ip6_plen);
    bool stacked = false;
    struct tnl_gso_l3 l3;

    if (tnl_gso_parse_l3(ip6, size, 0, htons(ETH_TYPE_IPV6), &l3, &stacked)) {
        l3 = (struct tnl_gso_l3) {
            .l4_ofs = IPV6_HEADER_LEN,
            .dst_ofs = offsetof(struct ovs_16aligned_ip6_hdr, ip6_dst),
            .version = 6,
            .proto = ip6->ip6_nxt,
        };
    }
    return tnl_gso_pseudo_sum(ip6, &l3, size - l3.l4_ofs);
}
