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

#include "tnl-gso-desc.h"

#include <netinet/in.h>
#include <netinet/ip6.h>

#include "csum.h"
#include "csum-copy.h"
#include "dp-packet.h"
#include "netdev-stt.h"
#include "packets.h"
#include "unaligned.h"

/* The parser of stage "describe": where the headers of a packet are.
 *
 * Called by describe (tnl-gso-desc.c) and by all that look at packets which
 * nobody is going to cut.  Like all of that stage, must not write to them. */

/* Every read below goes through one of these: a guest or a peer wrote the
 * bytes, and no header is known to be complete. */
static inline const void *
at(const void *frame, size_t size, size_t ofs, size_t n)
{
    return ofs <= size && n <= size - ofs ? (const char *) frame + ofs : NULL;
}

static bool
be16_at(const void *frame, size_t size, size_t ofs, ovs_be16 *value)
{
    const void *p = at(frame, size, ofs, sizeof *value);

    if (p) {
        *value = get_unaligned_be16(p);
    }
    return p != NULL;
}

static enum tnl_gso_reason
parse_ipv4(const void *frame, size_t size, size_t ofs, struct tnl_gso_l3 *l3)
{
    const struct ip_header *ip = at(frame, size, ofs, IP_HEADER_LEN);
    size_t ip_len = ip ? IP_IHL(ip->ip_ihl_ver) * 4 : 0;

    if (!ip || IP_VER(ip->ip_ihl_ver) != 4 || ip_len < IP_HEADER_LEN
        || !at(frame, size, ofs, ip_len)) {
        return TNL_GSO_R_L3;
    }
    *l3 = (struct tnl_gso_l3) {
        .ofs = ofs,
        .l4_ofs = ofs + ip_len,
        .dst_ofs = ofs + offsetof(struct ip_header, ip_dst),
        .version = 4,
        .proto = ip->ip_proto,
    };
    return IP_IS_FRAGMENT(ip->ip_frag_off) ? TNL_GSO_R_FRAGMENT : TNL_GSO_OK;
}

/* Returns the offset of the address that the pseudo-header has as destination
 * because of the IPv6 routing header of 'len' bytes at 'ofs', or 'dst_ofs' if
 * the IPv6 header's own counts: RFC 8200 section 8.1. */
static size_t
routing_dst(const uint8_t *rh, size_t ofs, size_t len, size_t dst_ofs)
{
    enum { TYPE0 = 0, TYPE2 = 2, SEGMENT_ROUTING = 4, ADDRS_OFS = 8 };
    uint8_t type = rh[2];
    uint8_t segments_left = rh[3];
    size_t n_addrs;

    if (!segments_left || len < ADDRS_OFS + sizeof(struct in6_addr)) {
        return dst_ofs;
    }
    switch (type) {
    case TYPE0:                 /* RFC 2460 section 4.4: the last address. */
    case TYPE2:                 /* RFC 6275 section 6.4: the only one. */
        n_addrs = (len - ADDRS_OFS) / sizeof(struct in6_addr);
        return ofs + ADDRS_OFS + (n_addrs - 1) * sizeof(struct in6_addr);
    case SEGMENT_ROUTING:       /* RFC 8754 section 2: Segment List[0]. */
        return ofs + ADDRS_OFS;
    default:
        return dst_ofs;
    }
}

static enum tnl_gso_reason
parse_ipv6(const void *frame, size_t size, size_t ofs, struct tnl_gso_l3 *l3)
{
    const struct ovs_16aligned_ip6_hdr *ip6 = at(frame, size, ofs,
                                                 IPV6_HEADER_LEN);
    size_t next = ofs + IPV6_HEADER_LEN;
    size_t dst_ofs = ofs + offsetof(struct ovs_16aligned_ip6_hdr, ip6_dst);
    uint8_t proto;

    if (!ip6 || ntohl(get_16aligned_be32(&ip6->ip6_flow)) >> 28 != 6) {
        return TNL_GSO_R_L3;
    }

    proto = ip6->ip6_nxt;
    for (;;) {
        const uint8_t *ext;
        size_t len;

        if (proto != IPPROTO_HOPOPTS && proto != IPPROTO_ROUTING
            && proto != IPPROTO_DSTOPTS && proto != IPPROTO_AH) {
            break;
        }

        ext = at(frame, size, next, 8);
        len = !ext ? 0 : proto == IPPROTO_AH ? (ext[1] + 2) * 4
                                             : (ext[1] + 1) * 8;
        if (!ext || len < 8 || !at(frame, size, next, len)) {
            return TNL_GSO_R_L3;
        }
        if (proto == IPPROTO_ROUTING) {
            dst_ofs = routing_dst(ext, next, len, dst_ofs);
        }
        proto = ext[0];
        next += len;
    }

    *l3 = (struct tnl_gso_l3) {
        .ofs = ofs,
        .l4_ofs = next,
        .dst_ofs = dst_ofs,
        .version = 6,
        .proto = proto,
        .ext = next != ofs + IPV6_HEADER_LEN,
    };
    return proto == IPPROTO_FRAGMENT ? TNL_GSO_R_FRAGMENT : TNL_GSO_OK;
}

/* RFC 8300 section 2.2.  Stores what the header at '*ofs' announces in
 * '*eth_type' and moves '*ofs' behind it. */
static bool
skip_nsh(const void *frame, size_t size, size_t *ofs, ovs_be16 *eth_type)
{
    enum { BASE_AND_PATH_LEN = 8, LENGTH_MASK = 0x3f };
    enum { NEXT_IPV4 = 1, NEXT_IPV6 = 2, NEXT_ETH = 3 };
    const uint8_t *nsh = at(frame, size, *ofs, BASE_AND_PATH_LEN);
    size_t len = nsh ? (nsh[1] & LENGTH_MASK) * 4 : 0;

    if (len < BASE_AND_PATH_LEN || !at(frame, size, *ofs, len)) {
        return false;
    }
    *ofs += len;
    *eth_type = htons(nsh[3] == NEXT_IPV4 ? ETH_TYPE_IP
                      : nsh[3] == NEXT_IPV6 ? ETH_TYPE_IPV6
                      : nsh[3] == NEXT_ETH ? ETH_TYPE_TEB : 0);
    return true;
}

/* Moves '*ofs' behind the Ethernet header there and any number of VLAN tags,
 * and stores what they announce in '*eth_type'.  Another Ethernet header can
 * be announced by a tunnel or an NSH only. */
static bool
skip_ethernet(const void *frame, size_t size, size_t *ofs,
              ovs_be16 *eth_type, bool *stacked)
{
    int n_tags = -1;

    *ofs += ETH_HEADER_LEN - VLAN_HEADER_LEN;
    do {
        *ofs += VLAN_HEADER_LEN;
        if (!be16_at(frame, size, *ofs - 2, eth_type)) {
            return false;
        }
        n_tags++;
    } while (eth_type_vlan(*eth_type));
    if (n_tags > 1) {
        *stacked = true;
    }
    return *eth_type != htons(ETH_TYPE_TEB);
}

/* Moves '*ofs' behind the MPLS labels there, and stores what is likely to
 * follow in '*eth_type'.  A label does not say what it labels; IP tells itself
 * by its version (RFC 4928 section 3), while a pseudowire starts with zero. */
static bool
skip_mpls(const void *frame, size_t size, size_t *ofs, ovs_be16 *eth_type)
{
    const uint8_t *p;

    do {
        p = at(frame, size, *ofs, MPLS_HLEN);
        *ofs += MPLS_HLEN;
    } while (p && !(p[2] & 1));

    p = at(frame, size, *ofs, 1);
    *eth_type = (!p ? 0 : *p >> 4 == 4 ? htons(ETH_TYPE_IP)
                 : *p >> 4 == 6 ? htons(ETH_TYPE_IPV6) : 0);
    return *eth_type != 0;
}

/* Parses the IP header that the header of type 'eth_type' at 'ofs' in the
 * 'size' bytes of 'frame' leads to, which may be itself, into '*l3'.  Sets
 * '*stacked' if more than one VLAN tag, MPLS labels or an NSH are on the way.
 * Returns TNL_GSO_OK or why it cannot be done.  '*l3' is set for a fragment
 * too, and otherwise left alone. */
enum tnl_gso_reason
tnl_gso_parse_l3(const void *frame, size_t size, size_t ofs,
                 ovs_be16 eth_type, struct tnl_gso_l3 *l3, bool *stacked)
{
    /* Each step moves on, so that 'size' bounds them. */
    for (;;) {
        bool ok;

        if (eth_type == htons(ETH_TYPE_IP)) {
            return parse_ipv4(frame, size, ofs, l3);
        } else if (eth_type == htons(ETH_TYPE_IPV6)) {
            return parse_ipv6(frame, size, ofs, l3);
        } else if (eth_type == htons(ETH_TYPE_TEB)) {
            ok = skip_ethernet(frame, size, &ofs, &eth_type, stacked);
        } else if (eth_type_mpls(eth_type)) {
            ok = skip_mpls(frame, size, &ofs, &eth_type);
            *stacked = true;
        } else if (eth_type == htons(ETH_TYPE_NSH)) {
            ok = skip_nsh(frame, size, &ofs, &eth_type);
            *stacked = true;
        } else {
            ok = false;
        }
        if (!ok) {
            return TNL_GSO_R_L2;
        }
    }
}

/* The same for an Ethernet header at 'ofs'. */
enum tnl_gso_reason
tnl_gso_parse_l2(const void *frame, size_t size, size_t ofs,
                 struct tnl_gso_l3 *l3, bool *stacked)
{
    return tnl_gso_parse_l3(frame, size, ofs, htons(ETH_TYPE_TEB), l3,
                            stacked);
}

/* Parses what a tunnel header announces as 'eth_type' at 'ofs'. */
static enum tnl_gso_reason
parse_inner(const void *frame, size_t size, size_t ofs, ovs_be16 eth_type,
            struct tnl_gso_desc *d)
{
    return tnl_gso_parse_l3(frame, size, ofs, eth_type, &d->inner,
                            &d->stacked);
}

/* RFC 7348 section 5; next protocol: draft-ietf-nvo3-vxlan-gpe-13 section
 * 3.2, of which Open vSwitch's netdev_vxlan_build_header() writes these. */
static enum tnl_gso_reason
parse_vxlan(const void *frame, size_t size, struct tnl_gso_desc *d)
{
    enum { P_BIT = 0x04 };
    enum { NEXT_IPV4 = 1, NEXT_IPV6 = 2, NEXT_ETH = 3, NEXT_NSH = 4 };
    size_t ofs = d->outer.l4_ofs + UDP_HEADER_LEN;
    const uint8_t *vxlan = at(frame, size, ofs, sizeof(struct vxlanhdr));
    uint16_t eth_type;
    uint8_t next;

    if (!vxlan || d->outer.proto != IPPROTO_UDP) {
        return TNL_GSO_R_TUNNEL;
    }
    next = vxlan[0] & P_BIT ? vxlan[3] : NEXT_ETH;
    eth_type = (next == NEXT_ETH ? ETH_TYPE_TEB
                : next == NEXT_IPV4 ? ETH_TYPE_IP
                : next == NEXT_IPV6 ? ETH_TYPE_IPV6
                : next == NEXT_NSH ? ETH_TYPE_NSH : 0);
    return (eth_type
            ? parse_inner(frame, size, ofs + sizeof(struct vxlanhdr),
                          htons(eth_type), d)
            : TNL_GSO_R_TUNNEL);
}

/* RFC 8926 section 3.4. */
static enum tnl_gso_reason
parse_geneve(const void *frame, size_t size, struct tnl_gso_desc *d)
{
    size_t ofs = d->outer.l4_ofs + UDP_HEADER_LEN;
    const uint8_t *geneve = at(frame, size, ofs, sizeof(struct genevehdr));

    if (!geneve || d->outer.proto != IPPROTO_UDP || geneve[0] >> 6) {
        return TNL_GSO_R_TUNNEL;
    }
    ofs += tnl_gso_tunnel_hdr_len(TNL_GSO_GENEVE, geneve);
    return parse_inner(frame, size, ofs, htons(geneve[2] << 8 | geneve[3]), d);
}

/* RFC 2784 section 2, RFC 2890 section 2. */
static enum tnl_gso_reason
parse_gre(const void *frame, size_t size, struct tnl_gso_desc *d)
{
    size_t ofs = d->outer.l4_ofs;
    const struct gre_base_hdr *gre = at(frame, size, ofs, sizeof *gre);

    if (!gre || d->outer.proto != IPPROTO_GRE
        || gre->flags & ~htons(GRE_CSUM | GRE_KEY | GRE_SEQ)) {
        return TNL_GSO_R_TUNNEL;
    }
    d->outer_csum = (gre->flags & htons(GRE_CSUM)) != 0;
    d->numbered = (gre->flags & htons(GRE_SEQ)) != 0;
    ofs += (sizeof *gre + (d->outer_csum ? 4 : 0)
            + (gre->flags & htons(GRE_KEY) ? 4 : 0) + (d->numbered ? 4 : 0));
    return parse_inner(frame, size, ofs, gre->protocol, d);
}

/* Parses the tunnel 'encap' behind 'd->outer', if that is one that Linux makes
 * superpackets with, and if the L4 header in it is at 'inner_l4_ofs', if that
 * is not 0. */
static enum tnl_gso_reason
try_tunnel(const void *frame, size_t size, enum tnl_gso_encap encap,
           size_t inner_l4_ofs, struct tnl_gso_desc *d)
{
    enum tnl_gso_reason reason;
    bool stacked = d->stacked;

    reason = (encap == TNL_GSO_VXLAN ? parse_vxlan(frame, size, d)
              : encap == TNL_GSO_GENEVE ? parse_geneve(frame, size, d)
              : parse_gre(frame, size, d));
    if (!reason && !d->numbered
        && (!inner_l4_ofs || d->inner.l4_ofs == inner_l4_ofs)) {
        d->encap = encap;
        return TNL_GSO_OK;
    }
    d->stacked = stacked;
    return TNL_GSO_R_TUNNEL;
}

/* Finds the tunnel in 'p', which has no mark of one, from what the kernel says
 * about it: that the innermost L4 header is at 'inner_l4_ofs', or without that
 * (0), where nothing is at stake but an explanation.  Sets '*d' as
 * tnl_gso_find_headers() does for a packet with a mark; 'd->outer_csum' is
 * whether there is an outer checksum.
 *
 * Where a container runs VXLAN over a veth, the kernel hands over tunnelled
 * superpackets as if they were plain ones (Linux v6.18
 * virtio_net_hdr_from_skb(): nothing else in a vnet header of 10 bytes
 * tells). */
enum tnl_gso_reason
tnl_gso_find_tunnel(const struct dp_packet *p, size_t inner_l4_ofs,
                    struct tnl_gso_desc *d)
{
    enum { PORT_VXLAN = 4789, PORT_GENEVE = 6081 };     /* IANA. */
    enum tnl_gso_reason reason = tnl_gso_find_headers(p, d);
    const void *frame = dp_packet_data(p);
    size_t size = dp_packet_size(p);
    const struct udp_header *udp;
    ovs_be16 geneve_type;
    bool geneve;

    if (reason) {
        return reason;
    }
    d->outer = d->inner;
    if (d->outer.proto == IPPROTO_GRE) {
        return try_tunnel(frame, size, TNL_GSO_GRE, inner_l4_ofs, d);
    }

    udp = at(frame, size, d->outer.l4_ofs, sizeof *udp);
    if (!udp || d->outer.proto != IPPROTO_UDP
        || !be16_at(frame, size, d->outer.l4_ofs + UDP_HEADER_LEN + 2,
                    &geneve_type)) {
        return TNL_GSO_R_TUNNEL;
    }
    d->outer_csum = udp->udp_csum != 0;

    /* Without options, both may fit.  On other ports, what Geneve has there
     * would be a rare group policy ID in VXLAN. */
    geneve = (udp->udp_dst == htons(PORT_GENEVE)
              || (udp->udp_dst != htons(PORT_VXLAN)
                  && (geneve_type == htons(ETH_TYPE_TEB)
                      || geneve_type == htons(ETH_TYPE_IP)
                      || geneve_type == htons(ETH_TYPE_IPV6))));
    return (!try_tunnel(frame, size, geneve ? TNL_GSO_GENEVE : TNL_GSO_VXLAN,
                        inner_l4_ofs, d)
            ? TNL_GSO_OK
            : try_tunnel(frame, size, geneve ? TNL_GSO_VXLAN : TNL_GSO_GENEVE,
                         inner_l4_ofs, d));
}

/* Bytes of the smallest header of 'proto' with a checksum in it, or 0 if we
 * know none. */
size_t
tnl_gso_l4_min_len(uint8_t proto)
{
    switch (proto) {
    case IPPROTO_TCP:
        return TCP_HEADER_LEN;
    case IPPROTO_UDP:
        return UDP_HEADER_LEN;
    case IPPROTO_SCTP:
        return SCTP_HEADER_LEN;
    default:
        return 0;
    }
}

/* Returns the length of the L4 header behind 'l3' in the 'size' bytes of
 * 'frame', or 0 if it is malformed, not all there, or of a protocol that we do
 * not know. */
size_t
tnl_gso_l4_len(const void *frame, size_t size, const struct tnl_gso_l3 *l3)
{
    const struct tcp_header *tcp;
    size_t len;

    if (l3->proto == IPPROTO_TCP) {
        tcp = at(frame, size, l3->l4_ofs, TCP_HEADER_LEN);
        len = tcp ? TCP_OFFSET(tcp->tcp_ctl) * 4 : 0;
        len = len < TCP_HEADER_LEN ? 0 : len;
    } else {
        len = tnl_gso_l4_min_len(l3->proto);
    }
    return at(frame, size, l3->l4_ofs, len) ? len : 0;
}

/* Finds the IP headers of 'p' and stores them in '*d'.  What surrounds the
 * innermost one is taken from the tunnel mark that the push left.  Lengths in
 * headers are not looked at.
 *
 * Returns TNL_GSO_OK, or the reason why it cannot be done; '*d' is then valid
 * only in 'encap'. */
enum tnl_gso_reason
tnl_gso_find_headers(const struct dp_packet *p, struct tnl_gso_desc *d)
{
    const void *frame = dp_packet_data(p);
    size_t size = dp_packet_size(p);
    enum tnl_gso_reason reason;

    *d = (struct tnl_gso_desc) {
        .encap = (dp_packet_tunnel_vxlan(p) ? TNL_GSO_VXLAN
                  : dp_packet_tunnel_geneve(p) ? TNL_GSO_GENEVE
                  : dp_packet_tunnel_gre(p) ? TNL_GSO_GRE
                  : netdev_stt_is_frame(p) ? TNL_GSO_STT
                  : TNL_GSO_PLAIN),
    };

    if (size > UINT16_MAX) {
        return TNL_GSO_R_TOO_BIG;
    }
    if (!tnl_gso_has_outer(d->encap)) {
        return (dp_packet_is_eth(p)
                ? tnl_gso_parse_l2(frame, size, 0, &d->inner, &d->stacked)
                : tnl_gso_parse_l3(frame, size, 0,
                                   pt_ns_type_be(p->packet_type),
                                   &d->inner, &d->stacked));
    }

    reason = tnl_gso_parse_l2(frame, size, 0, &d->outer, &d->stacked);
    if (reason) {
        return reason;
    }
    d->outer_csum = dp_packet_l4_checksum_partial(p);
    return (d->encap == TNL_GSO_VXLAN ? parse_vxlan(frame, size, d)
            : d->encap == TNL_GSO_GENEVE ? parse_geneve(frame, size, d)
            : parse_gre(frame, size, d));
}

/* Returns the sum of the pseudo-header of what is behind 'l3', as the parser
 * has found that in 'frame': RFC 9293 section 3.1, RFC 8200 section 8.1.
 * 'l4_len' is the length in it, in bytes; with 0, the caller adds it.  The sum
 * is neither folded nor complemented. */
uint32_t
tnl_gso_pseudo_sum(const void *frame_, const struct tnl_gso_l3 *l3,
                   size_t l4_len)
{
    const uint8_t *frame = frame_;
    bool v4 = l3->version == 4;
    size_t addr_len = v4 ? 4 : 16;
    size_t src_ofs = v4 ? offsetof(struct ip_header, ip_src)
                     : offsetof(struct ovs_16aligned_ip6_hdr, ip6_src);
    uint32_t sum = csum_add16(htons(l3->proto), htons(l4_len));

    return (sum + csum_short(frame + l3->ofs + src_ofs, addr_len)
            + csum_short(frame + l3->dst_ofs, addr_len));
}

/* The same as the checksum field of a packet holds it whose checksum is
 * partial: folded, not complemented. */
ovs_be16
tnl_gso_pseudo_csum(const void *frame, const struct tnl_gso_l3 *l3,
                    size_t l4_len)
{
    return (OVS_FORCE ovs_be16) csum_fold16(tnl_gso_pseudo_sum(frame, l3,
                                                               l4_len));
}
