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

#include "fix/tnl-gso-complete.h"

#include <netinet/in.h>
#include <netinet/ip6.h>

#include "core/csum-copy.h"
#include "netdev-provider.h"
#include "util.h"

/* Ordinary packets on their way out: completes checksums that are partial and
 * that the port leaves to us.
 *
 * Called through tnl_gso_send_prepare() from netdev_send(), which all packets
 * pass.  Does what dp_packet_ol_send_prepare() does, with a fast sum, for TCP
 * and UDP, by themselves and in VXLAN or Geneve; hands everything else, and
 * marks that cannot be true, to that function.  Must not see superpackets.
 *
 * All sums are kept in the packet's byte order.  The bytes of one sum start at
 * an even offset of another's: headers from the outer UDP header on are even
 * in length. */

/* One level of a packet. */
struct level {
    struct ip_header *ip;       /* Or IPv6. */
    void *l4;
    size_t l4_size;
    bool udp;                   /* Not TCP. */
};

enum {
    IP_PARTIAL = DP_PACKET_OL_IP_CKSUM_MASK,
    L4_PARTIAL = DP_PACKET_OL_L4_CKSUM_MASK,
};

/* Marks that a packet in no tunnel does not have. */
#define NOT_PLAIN ((uint32_t) UINT16_MAX << DP_PACKET_OL_SHIFT_COUNT \
                   | DP_PACKET_OL_TUNNEL_MASK)

/* Have 'marks' all bits of 'mask', IP_PARTIAL or L4_PARTIAL? */
static bool
is_partial(uint32_t marks, uint32_t mask)
{
    return (marks & mask) == mask;
}

/* Bytes up to which a sum is not worth a call of csum_fold(). */
enum { SHORT = 64 };

/* The sum of the pseudo-header of 'l'. */
static uint32_t
pseudo_sum(const struct level *l)
{
    bool v4 = IP_VER(l->ip->ip_ihl_ver) == 4;
    const struct ovs_16aligned_ip6_hdr *ip6 = (const void *) l->ip;
    uint32_t sum = v4 ? csum_short(&l->ip->ip_src, 2 * sizeof l->ip->ip_src)
                   : csum_short(&ip6->ip6_src, 2 * sizeof ip6->ip6_src);

    return (sum + htons(l->l4_size)
            + htons(l->udp ? IPPROTO_UDP : IPPROTO_TCP));
}

/* The checksum field of the TCP or UDP header of 'l'. */
static ovs_be16 *
csum_field(const struct level *l)
{
    struct udp_header *udp = l->l4;
    struct tcp_header *tcp = l->l4;

    return l->udp ? &udp->udp_csum : &tcp->tcp_csum;
}

/* Completes the checksum of 'ip', of a level with 'marks', if it is IPv4, and
 * then without options.  Returns the marks that the level has then. */
static uint32_t
complete_ip(struct ip_header *ip, uint32_t marks)
{
    if (IP_VER(ip->ip_ihl_ver) == 4) {
        ip->ip_csum = 0;
        ip->ip_csum = ~csum_fold16(csum_short(ip, IP_HEADER_LEN));
    }
    return marks & ~DP_PACKET_OL_IP_CKSUM_BAD;
}

/* Completes the checksum of 'l', whose pseudo-header sums up to 'pseudo'.  A
 * UDP checksum of zero says that there is none, and is left alone. */
static void
complete_l4(const struct level *l, uint32_t pseudo)
{
    ovs_be16 *field = csum_field(l);

    if (l->udp && !*field) {
        return;
    }
    *field = 0;
    *field = ~csum_fold16(pseudo + (l->l4_size <= SHORT
                                    ? csum_short(l->l4, l->l4_size)
                                    : csum_fold(l->l4, l->l4_size)));
    if (l->udp && !*field) {
        *field = htons(0xffff);
    }
}

/* Completes the checksum of UDP header 'outer', in which there is 'inner',
 * whose checksum is right or will be made so and whose pseudo-header sums up
 * to 'inner_pseudo'.  With that, 'inner' sums up to zero, so that its bytes
 * are not needed (local checksum offload: Linux'
 * Documentation/networking/checksum-offloads.rst). */
static void
complete_outer(const struct level *outer, const struct level *inner,
               uint32_t inner_pseudo)
{
    struct udp_header *udp = outer->l4;

    udp->udp_csum = 0;
    udp->udp_csum = ~csum_fold16(
        pseudo_sum(outer)
        + csum_short(udp, (char *) inner->l4 - (char *) udp)
        + (uint16_t) ~csum_fold16(inner_pseudo));
    if (!udp->udp_csum) {
        udp->udp_csum = htons(0xffff);
    }
}

/* Fills in '*l' from the offsets of a level of 'p' with 'marks'.  Returns
 * false unless the offsets point at a whole TCP or UDP packet right behind an
 * IP header without anything unusual.  Guests have a say in marks, offsets and
 * bytes. */
static inline bool
level_init(struct level *l, const struct dp_packet *p, uint32_t marks,
           size_t l3_ofs, size_t l4_ofs)
{
    uint32_t mark = marks & DP_PACKET_OL_L4_PROTO_MASK;
    char *frame = (char *) dp_packet_base(p) + __packet_data(p);
    size_t end = dp_packet_size(p) - dp_packet_l2_pad_size(p);
    uint8_t proto;

    if (l4_ofs + TCP_HEADER_LEN > end) {
        return false;
    }
    l->ip = (void *) (frame + l3_ofs);
    l->l4 = frame + l4_ofs;
    l->l4_size = end - l4_ofs;
    l->udp = mark == DP_PACKET_OL_L4_PROTO_UDP;
    if (!l->udp && mark != DP_PACKET_OL_L4_PROTO_TCP) {
        return false;
    }
    proto = l->udp ? IPPROTO_UDP : IPPROTO_TCP;
    if (OVS_LIKELY(l4_ofs - l3_ofs == IP_HEADER_LEN)) {
        return (l->ip->ip_ihl_ver == IP_IHL_VER(5, 4)
                && ntohs(l->ip->ip_tot_len) == IP_HEADER_LEN + l->l4_size
                && !IP_IS_FRAGMENT(l->ip->ip_frag_off)
                && l->ip->ip_proto == proto);
    } else if (l4_ofs - l3_ofs == IPV6_HEADER_LEN) {
        const struct ovs_16aligned_ip6_hdr *ip6 = (const void *) l->ip;

        return (IP_VER(l->ip->ip_ihl_ver) == 6
                && ntohs(ip6->ip6_plen) == l->l4_size
                && ip6->ip6_nxt == proto);
    }
    return false;
}

/* Does a port with 'ol_flags' complete the checksum of 'l'? */
static inline bool
port_sums(const struct level *l, uint64_t ol_flags)
{
    return (ol_flags & (l->udp ? NETDEV_TX_OFFLOAD_UDP_CKSUM
                        : NETDEV_TX_OFFLOAD_TCP_CKSUM)) != 0;
}

/* Completes the checksums of 'p', which is in no tunnel, that a port with
 * 'ol_flags' does not. */
static void
complete_plain(struct dp_packet *p, uint64_t ol_flags)
{
    uint32_t marks = p->offloads;
    struct level l;

    if (!is_partial(marks, L4_PARTIAL)
        || !level_init(&l, p, marks, p->l3_ofs, p->l4_ofs)) {
        dp_packet_ol_send_prepare(p, ol_flags);
        return;
    }
    if (is_partial(marks, IP_PARTIAL)
        && !(ol_flags & NETDEV_TX_OFFLOAD_IPV4_CKSUM)) {
        marks = complete_ip(l.ip, marks);
    }
    if (!port_sums(&l, ol_flags)) {
        complete_l4(&l, pseudo_sum(&l));
        marks &= ~DP_PACKET_OL_L4_CKSUM_BAD;
    }
    p->offloads = marks;
}

/* Completes the checksums of 'p', which is in a tunnel over UDP, that a port
 * with 'ol_flags' does not. */
static void
complete_tunnelled(struct dp_packet *p, uint64_t ol_flags)
{
    uint32_t marks = p->offloads;
    uint32_t inner_marks = marks >> DP_PACKET_OL_SHIFT_COUNT;
    struct level outer, inner;
    uint32_t pseudo;

    if (!is_partial(inner_marks, L4_PARTIAL)
        || is_partial(inner_marks, IP_PARTIAL)
        || !level_init(&outer, p, marks, p->l3_ofs, p->l4_ofs)
        || !level_init(&inner, p, inner_marks, p->inner_l3_ofs,
                       p->inner_l4_ofs)
        || !(inner.udp ? *csum_field(&inner) != 0
             : dp_packet_get_inner_tcp_payload(p) != NULL)) {
        dp_packet_ol_send_prepare(p, ol_flags);
        return;
    }

    pseudo = pseudo_sum(&inner);
    if (!port_sums(&inner, ol_flags)) {
        complete_l4(&inner, pseudo);
        marks &= ~DP_PACKET_OL_INNER_L4_CKSUM_BAD;
    }
    if (is_partial(marks, IP_PARTIAL)
        && !(ol_flags & NETDEV_TX_OFFLOAD_OUTER_IP_CKSUM)) {
        marks = complete_ip(outer.ip, marks);
    }
    if (is_partial(marks, L4_PARTIAL)
        && !(ol_flags & NETDEV_TX_OFFLOAD_OUTER_UDP_CKSUM)) {
        complete_outer(&outer, &inner, pseudo);
        marks &= ~DP_PACKET_OL_L4_CKSUM_BAD;
    }
    p->offloads = marks;
}

/* Completes all checksums of 'p', which is no superpacket, that are partial
 * and that a port with 'ol_flags' does not complete. */
void
tnl_gso_complete(struct dp_packet *p, uint64_t ol_flags)
{
    if (!(p->offloads & NOT_PLAIN)) {
        complete_plain(p, ol_flags);
    } else if (dp_packet_tunnel(p) && dp_packet_l4_proto_udp(p)) {
        complete_tunnelled(p, ol_flags);
    } else {
        dp_packet_ol_send_prepare(p, ol_flags);
    }
}
