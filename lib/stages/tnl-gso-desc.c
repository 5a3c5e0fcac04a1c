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

#include "stages/tnl-gso-desc.h"

#include <netinet/in.h>

#include "core/tnl-gso-packet.h"
#include "dp-packet.h"
#include "encap/encap.h"
#include "packets.h"
#include "util.h"

/* Initializes '*d' for 'encap', before anything is parsed. */
static void
desc_init(struct tnl_gso_desc *d, enum tnl_gso_encap encap)
{
    *d = (struct tnl_gso_desc) {
        .encap = encap,
        .outer_l4 = tnl_gso_encap_class(encap)->outer,
    };
}

/* Makes 'd->inner', which has been found in a tunnel, the IP header of a
 * tunnel of 'encap' in that, whose header 'm' describes as if it were the only
 * one. */
static void
set_mid(const void *frame, enum tnl_gso_encap encap,
        const struct tnl_gso_desc *m, struct tnl_gso_desc *d)
{
    const struct udp_header *udp;

    d->mid = d->inner;
    d->mid_encap = encap;
    d->inner = m->inner;
    d->mid_l4 = tnl_gso_encap_class(encap)->outer;
    d->stacked |= m->stacked;
    d->numbered |= m->numbered;
    d->mid_csum = m->outer_csum;
    d->mid_len_ofs = m->len_ofs;
    if (d->mid_l4 == TNL_GSO_OUTER_UDP) {
        udp = (const void *) ((const char *) frame + d->mid.l4_ofs);
        d->mid_csum = udp->udp_csum != 0;
    }
}

/* Finds the headers of the tunnel in the tunnel that 'd' describes, which
 * 'marks' say, out of TNL_GSO_ENCAP_MARKS. */
static enum tnl_gso_reason
find_mid(const void *frame, size_t size, uint32_t marks,
         struct tnl_gso_desc *d)
{
    enum tnl_gso_encap encap = tnl_gso_encap_of_marks__(marks);
    struct tnl_gso_desc m = { .outer = d->inner };
    enum tnl_gso_reason reason;

    reason = tnl_gso_encap_class(encap)->parse(frame, size, &m);
    if (!reason) {
        set_mid(frame, encap, &m, d);
    }
    return reason;
}

/* Finds the first IP header in the first 'size' bytes of 'p' and stores it in
 * '*l3': behind an Ethernet header, unless 'p' has none, as behind the pop of a
 * tunnel for IP, and in front of the push of one.  Sets '*stacked' if it is
 * behind labels or two VLAN tags.  Returns TNL_GSO_OK or the reason why it
 * cannot be done. */
enum tnl_gso_reason
tnl_gso_find_first_l3(const struct dp_packet *p, size_t size,
                      struct tnl_gso_l3 *l3, bool *stacked)
{
    const void *frame = dp_packet_data(p);

    return (OVS_LIKELY(dp_packet_is_eth(p))
            ? tnl_gso_parse_l2(frame, size, 0, l3, stacked)
            : tnl_gso_parse_l3(frame, size, 0, pt_ns_type_be(p->packet_type),
                               l3, stacked));
}

/* Finds the IP headers of 'p' and stores them in '*d'.  The tunnel marks that
 * pushes have left say which encapsulations surround the innermost one.
 * Ignores lengths in headers.
 *
 * Returns TNL_GSO_OK, or the reason why it cannot be done; '*d' is then valid
 * only in 'encap' and 'outer_l4'. */
enum tnl_gso_reason
tnl_gso_find_headers(const struct dp_packet *p, struct tnl_gso_desc *d)
{
    const void *frame = dp_packet_data(p);
    size_t size = dp_packet_size(p);
    enum tnl_gso_reason reason;

    desc_init(d, tnl_gso_encap_of(p));
    if (size > UINT16_MAX) {
        return TNL_GSO_R_TOO_BIG;
    }
    if (d->outer_l4 == TNL_GSO_OUTER_NONE) {
        return tnl_gso_find_first_l3(p, size, &d->inner, &d->stacked);
    }

    reason = tnl_gso_find_first_l3(p, size, &d->outer, &d->stacked);
    if (reason) {
        return reason;
    }
    d->outer_csum = dp_packet_l4_checksum_partial(p);
    reason = tnl_gso_encap_class(d->encap)->parse(frame, size, d);
    if (OVS_UNLIKELY(p->offloads & TNL_GSO_MID_MARKS) && !reason) {
        reason = find_mid(frame, size,
                          p->offloads >> DP_PACKET_OL_SHIFT_COUNT
                          & TNL_GSO_ENCAP_MARKS, d);
    }
    return reason;
}

static bool find_unmarked(const void *frame, size_t size, size_t inner_l4_ofs,
                          bool nested, struct tnl_gso_desc *);

/* Finds a tunnel in the one that 'd' describes, for find_unmarked(). */
static bool
find_unmarked_mid(const void *frame, size_t size, size_t inner_l4_ofs,
                  struct tnl_gso_desc *d)
{
    struct tnl_gso_desc m = { .outer = d->inner };

    if (find_unmarked(frame, size, inner_l4_ofs, true, &m)) {
        set_mid(frame, m.encap, &m, d);
        return true;
    }
    return false;
}

/* Parses the header behind 'd->outer' as one of 'encap'.  Returns true if it
 * is one with which Linux makes superpackets and, unless 'inner_l4_ofs' is 0,
 * if the L4 header in it is there, or unless 'nested' the one in a tunnel in
 * it.  Otherwise returns false, having changed nothing in 'd' but 'inner',
 * 'numbered' and 'len_ofs'. */
static bool
try_tunnel(const void *frame, size_t size, enum tnl_gso_encap encap,
           size_t inner_l4_ofs, bool nested, struct tnl_gso_desc *d)
{
    const struct tnl_gso_encap_class *class = tnl_gso_encap_class(encap);
    bool outer_csum = d->outer_csum;
    bool stacked = d->stacked;

    d->numbered = false;
    d->len_ofs = 0;
    if (!class->parse(frame, size, d) && !d->numbered
        && (!inner_l4_ofs || d->inner.l4_ofs == inner_l4_ofs
            || (!nested && d->inner.l4_ofs < inner_l4_ofs
                && find_unmarked_mid(frame, size, inner_l4_ofs, d)))) {
        d->encap = encap;
        d->outer_l4 = class->outer;
        return true;
    }
    d->outer_csum = outer_csum;
    d->stacked = stacked;
    return false;
}

/* Finds the tunnel behind 'd->outer' by what its headers look like, likeliest
 * first: see try_tunnel() for the arguments and the result. */
static bool
find_unmarked(const void *frame, size_t size, size_t inner_l4_ofs, bool nested,
              struct tnl_gso_desc *d)
{
    enum { MAX_LIKELIHOOD = 3, MIN_UDP_LEN = UDP_HEADER_LEN + 4 };
    enum tnl_gso_outer outer_l4;
    const void *l4;

    if (d->outer.proto == IPPROTO_GRE) {
        outer_l4 = TNL_GSO_OUTER_GRE;
        l4 = tnl_gso_at(frame, size, d->outer.l4_ofs,
                        sizeof(struct gre_base_hdr));
    } else if (d->outer.proto == IPPROTO_UDP) {
        outer_l4 = TNL_GSO_OUTER_UDP;
        l4 = tnl_gso_at(frame, size, d->outer.l4_ofs, MIN_UDP_LEN);
        d->outer_csum = l4 && ((const struct udp_header *) l4)->udp_csum;
    } else if (d->outer.proto == IPPROTO_IPIP
               || d->outer.proto == IPPROTO_IPV6) {
        outer_l4 = TNL_GSO_OUTER_IP;
        l4 = tnl_gso_at(frame, size, d->outer.l4_ofs, IP_HEADER_LEN);
    } else {
        return false;
    }
    for (int likelihood = l4 ? MAX_LIKELIHOOD : -1; likelihood >= 0;
         likelihood--) {
        for (size_t i = 0; i < TNL_GSO_N_ENCAPS; i++) {
            const struct tnl_gso_encap_class *class = tnl_gso_encap_class(i);

            if (class->outer == outer_l4
                && class->likelihood(l4) == likelihood
                && try_tunnel(frame, size, i, inner_l4_ofs, nested, d)) {
                return true;
            }
        }
    }
    return false;
}

/* Finds the tunnel, or the two tunnels, in 'p', which has no tunnel mark.
 * 'inner_l4_ofs' is the offset of the innermost L4 header that the kernel has
 * told, or 0 where nothing is at stake but an explanation, and where one
 * tunnel is looked for.  Sets '*d' as tnl_gso_find_headers() does for a packet
 * with a mark, except that 'd->outer_csum' tells whether there is an outer
 * checksum.  Returns TNL_GSO_OK, or the reason why there is no tunnel.
 *
 * Where a container runs VXLAN over a veth, the kernel hands over tunnelled
 * superpackets as if they were plain ones: a vnet header of 10 bytes has no
 * other field to tell (Linux v6.18 virtio_net_hdr_from_skb()). */
enum tnl_gso_reason
tnl_gso_find_tunnel(const struct dp_packet *p, size_t inner_l4_ofs,
                    struct tnl_gso_desc *d)
{
    enum tnl_gso_reason reason = tnl_gso_find_headers(p, d);

    if (reason) {
        return reason;
    }
    d->outer = d->inner;
    return (find_unmarked(dp_packet_data(p), dp_packet_size(p), inner_l4_ofs,
                          false, d) ? TNL_GSO_OK : TNL_GSO_R_TUNNEL);
}

/* Does the UDP header behind 'd->inner' have a checksum, or will it get one?
 * Linux v6.18 udp_send_skb() makes no superpacket of datagrams without, and
 * the outer checksum could not be derived from it. */
static bool
udp_has_csum(const void *frame, const struct tnl_gso_desc *d)
{
    const struct udp_header *udp = (const void *) ((const char *) frame
                                                   + d->inner.l4_ofs);

    return d->l4_partial || udp->udp_csum;
}

/* Parses the header behind 'd->inner', which must be UDP if 'udp' is true,
 * else TCP, and sets the lengths in 'd' and the number of segments.  Returns
 * TNL_GSO_OK, or the reason why it cannot be done. */
static enum tnl_gso_reason
parse_l4(const void *frame, size_t size, bool udp, struct tnl_gso_desc *d)
{
    size_t len;

    if (d->inner.proto != (udp ? IPPROTO_UDP : IPPROTO_TCP)) {
        return udp ? TNL_GSO_R_NOT_UDP : TNL_GSO_R_NOT_TCP;
    }
    len = tnl_gso_l4_len(frame, size, &d->inner);
    if (!len || (udp && !udp_has_csum(frame, d))) {
        return udp ? TNL_GSO_R_UDP : TNL_GSO_R_TCP;
    }
    d->hdr_len = d->inner.l4_ofs + len;
    d->payload_len = size - d->hdr_len;
    d->n_segs = (d->payload_len > d->mss
                 ? DIV_ROUND_UP(d->payload_len, d->mss) : 1);
    return TNL_GSO_OK;
}

/* Describes superpacket 'p', whose mss is its tso_segsz or else its uso_segsz,
 * in '*d'.  Lengths come from the size of 'p', never from a header: Linux
 * v6.18 inet_gso_segment() ignores the total length in a superpacket, too.
 *
 * Returns TNL_GSO_OK, or the reason why 'p' cannot be described; '*d' is then
 * valid only in 'encap', 'outer_l4' and 'mss'. */
enum tnl_gso_reason
tnl_gso_describe(const struct dp_packet *p, struct tnl_gso_desc *d)
{
    const void *frame = dp_packet_data(p);
    size_t size = dp_packet_size(p);
    enum tnl_gso_reason reason = tnl_gso_find_headers(p, d);
    bool udp = !dp_packet_get_tso_segsz(p);

    d->mss = tnl_gso_segsz(p);
    d->l4_partial = (d->outer_l4 != TNL_GSO_OUTER_NONE
                     ? dp_packet_inner_l4_checksum_partial(p)
                     : dp_packet_l4_checksum_partial(p));
    d->fixed_id = (p->offloads & (d->outer_l4 != TNL_GSO_OUTER_NONE
                                  ? TNL_GSO_OL_INNER_FIXED_ID
                                  : DP_PACKET_OL_FIXED_ID)) != 0;
    if (p->offloads & DP_PACKET_OL_INNER_RCO) {
        d->rco = d->l4_partial = true;
    }
    if (d->numbered) {
        /* Such packets are cut before the push. */
        return TNL_GSO_R_TUNNEL;
    }
    if (OVS_UNLIKELY(d->mid_l4 != TNL_GSO_OUTER_NONE) && d->rco) {
        /* Nobody but another host makes such a one. */
        return TNL_GSO_R_RCO;
    }
    return reason ? reason : parse_l4(frame, size, udp, d);
}

/* Returns the length in bytes of the longest frame that 'p' becomes, Ethernet
 * header included: that of 'p' itself unless it is a superpacket. */
uint32_t
tnl_gso_segment_len(const struct dp_packet *p)
{
    struct tnl_gso_desc d;

    return (tnl_gso_is_super(p) && !tnl_gso_describe(p, &d)
            ? d.hdr_len + MIN(d.payload_len, d.mss)
            : dp_packet_size(p));
}
