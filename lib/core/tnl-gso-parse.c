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

#include "core/tnl-gso-parse.h"

#include <netinet/in.h>
#include <netinet/ip6.h>

#include "core/csum-copy.h"
#include "csum.h"
#include "packets.h"
#include "unaligned.h"

/* See tnl-gso-parse.h. */

/* Stores the 16 bits at 'ofs' in the 'size' bytes of 'frame' in '*value'.
 * Returns false if they are not there.  Every read below goes through this
 * function or tnl_gso_at(). */
static bool
be16_at(const void *frame, size_t size, size_t ofs, ovs_be16 *value)
{
    const void *p = tnl_gso_at(frame, size, ofs, sizeof *value);

    if (p) {
        *value = get_unaligned_be16(p);
    }
    return p != NULL;
}

/* Parses the IPv4 header at 'ofs' in the 'size' bytes of 'frame' into '*l3',
 * as tnl_gso_parse_l3() does.  Ignores its total length. */
static enum tnl_gso_reason
parse_ipv4(const void *frame, size_t size, size_t ofs, struct tnl_gso_l3 *l3)
{
    const struct ip_header *ip = tnl_gso_at(frame, size, ofs, IP_HEADER_LEN);
    size_t ip_len = ip ? IP_IHL(ip->ip_ihl_ver) * 4 : 0;

    if (!ip || IP_VER(ip->ip_ihl_ver) != 4 || ip_len < IP_HEADER_LEN
        || !tnl_gso_at(frame, size, ofs, ip_len)) {
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

/* Parses the IPv6 header at 'ofs' in the 'size' bytes of 'frame', and the
 * extension headers behind it, all of which must be there, into '*l3', as
 * tnl_gso_parse_l3() does.  Stops at a fragment header, which it does not look
 * into.  Ignores the payload length. */
static enum tnl_gso_reason
parse_ipv6(const void *frame, size_t size, size_t ofs, struct tnl_gso_l3 *l3)
{
    const struct ovs_16aligned_ip6_hdr *ip6 = tnl_gso_at(frame, size, ofs,
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

        ext = tnl_gso_at(frame, size, next, 8);
        len = !ext ? 0 : proto == IPPROTO_AH ? (ext[1] + 2) * 4
                                             : (ext[1] + 1) * 8;
        if (!ext || len < 8 || !tnl_gso_at(frame, size, next, len)) {
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

/* Moves '*ofs' behind the network service header there (RFC 8300 section 2.2),
 * and stores the type of the next header in '*eth_type', 0 if we do not know
 * it.  Returns false if the header is cut short. */
static bool
skip_nsh(const void *frame, size_t size, size_t *ofs, ovs_be16 *eth_type)
{
    enum { BASE_AND_PATH_LEN = 8, LENGTH_MASK = 0x3f };
    enum { NEXT_IPV4 = 1, NEXT_IPV6 = 2, NEXT_ETH = 3 };
    const uint8_t *nsh = tnl_gso_at(frame, size, *ofs, BASE_AND_PATH_LEN);
    size_t len = nsh ? (nsh[1] & LENGTH_MASK) * 4 : 0;

    if (len < BASE_AND_PATH_LEN || !tnl_gso_at(frame, size, *ofs, len)) {
        return false;
    }
    *ofs += len;
    *eth_type = htons(nsh[3] == NEXT_IPV4 ? ETH_TYPE_IP
                      : nsh[3] == NEXT_IPV6 ? ETH_TYPE_IPV6
                      : nsh[3] == NEXT_ETH ? ETH_TYPE_TEB : 0);
    return true;
}

/* Moves '*ofs' behind the Ethernet header there and any number of VLAN tags,
 * and stores the type of the next header in '*eth_type'.  Sets '*stacked' if
 * there is more than one tag.  Returns false if they are cut short, or if the
 * type says that another Ethernet header follows: only a tunnel or an NSH may
 * say so. */
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

/* Moves '*ofs' behind the MPLS labels there, and stores the likely type of the
 * next header in '*eth_type'.  Returns false if that is not IP.  A label does
 * not say what follows: IP is recognized by its version (RFC 4928 section 3),
 * while a pseudowire starts with zero. */
static bool
skip_mpls(const void *frame, size_t size, size_t *ofs, ovs_be16 *eth_type)
{
    const uint8_t *p;

    do {
        p = tnl_gso_at(frame, size, *ofs, MPLS_HLEN);
        *ofs += MPLS_HLEN;
    } while (p && !(p[2] & 1));

    p = tnl_gso_at(frame, size, *ofs, 1);
    *eth_type = (!p ? 0 : *p >> 4 == 4 ? htons(ETH_TYPE_IP)
                 : *p >> 4 == 6 ? htons(ETH_TYPE_IPV6) : 0);
    return *eth_type != 0;
}

/* Finds the IP header that starts at 'ofs' in the 'size' bytes of 'frame', or
 * lies behind the headers that start there; 'eth_type' is the type of the
 * first of these.  Parses it into '*l3'.  Sets '*stacked' if there are more
 * than one VLAN tag, MPLS labels or an NSH in front of it.
 *
 * Returns TNL_GSO_OK, or the reason why there is none.  '*l3' is also set for
 * a fragment, and otherwise left alone. */
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

/* The same as tnl_gso_parse_l3() for an Ethernet header at 'ofs'. */
enum tnl_gso_reason
tnl_gso_parse_l2(const void *frame, size_t size, size_t ofs,
                 struct tnl_gso_l3 *l3, bool *stacked)
{
    return tnl_gso_parse_l3(frame, size, ofs, htons(ETH_TYPE_TEB), l3,
                            stacked);
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
        tcp = tnl_gso_at(frame, size, l3->l4_ofs, TCP_HEADER_LEN);
        len = tcp ? TCP_OFFSET(tcp->tcp_ctl) * 4 : 0;
        len = len < TCP_HEADER_LEN ? 0 : len;
    } else {
        len = tnl_gso_l4_min_len(l3->proto);
    }
    return tnl_gso_at(frame, size, l3->l4_ofs, len) ? len : 0;
}

/* Returns the sum of the IP header 'l3' in 'frame', options and extension
 * headers, without the fields that differ from segment to segment: IPv4 total
 * length, ID and checksum; IPv6 payload length. */
uint32_t
tnl_gso_ip_sum(const void *frame, const struct tnl_gso_l3 *l3)
{
    size_t ofs = l3->ofs;

    return (l3->version == 4
            ? (csum_range(frame, ofs, ofs + 2)
               + csum_range(frame, ofs + 6, ofs + 10)
               + csum_range(frame, ofs + 12, l3->l4_ofs))
            : (csum_range(frame, ofs, ofs + 4)
               + csum_range(frame, ofs + 6, l3->l4_ofs)));
}

/* Returns the sum of the TCP header at 'l4_ofs' in 'frame', which ends at
 * 'end', without the fields that differ from segment to segment: sequence
 * number, data offset with flags, checksum. */
uint32_t
tnl_gso_tcp_sum(const void *frame, size_t l4_ofs, size_t end)
{
    return (csum_range(frame, l4_ofs, l4_ofs + 4)           /* Ports. */
            + csum_range(frame, l4_ofs + 8, l4_ofs + 12)    /* Ack. */
            + csum_range(frame, l4_ofs + 14, l4_ofs + 16)   /* Window. */
            + csum_range(frame, l4_ofs + 18, end));
}

/* Returns the sum of the pseudo-header for the packet behind the IP header
 * 'l3', which the parser has found in 'frame': RFC 9293 section 3.1, RFC 8200
 * section 8.1.  The length in it is 'l4_len' bytes; with 0, the caller adds
 * it.  The sum is neither folded nor complemented. */
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

/* The same as tnl_gso_pseudo_sum(), in the form in which the checksum field of
 * a packet holds it while the checksum is partial: folded, not
 * complemented. */
ovs_be16
tnl_gso_pseudo_csum(const void *frame, const struct tnl_gso_l3 *l3,
                    size_t l4_len)
{
    return (OVS_FORCE ovs_be16) csum_fold16(tnl_gso_pseudo_sum(frame, l3,
                                                               l4_len));
}
