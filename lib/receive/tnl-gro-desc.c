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

#include "receive/tnl-gro-desc.h"

#include <netinet/in.h>
#include <netinet/ip6.h>
#include <string.h>

#include "core/csum-copy.h"
#include "core/tnl-gso-packet.h"
#include "core/tnl-gso-parse.h"
#include "csum.h"
#include "dp-packet.h"
#include "packets.h"
#include "rco/tnl-rco.h"
#include "unaligned.h"
#include "util.h"

/* See tnl-gro-desc.h. */

/* Headers behind this many bytes of a unit are not looked for.  The longest
 * that do occur: Geneve 260, Ethernet with a VLAN tag 18, IPv4 60, TCP 60. */
enum { MAX_UNIT_HDR_LEN = 512 };

/* Bytes in front of a unit, if it is one of a train.  Ethernet and IPv6 with
 * UDP are 62. */
enum { MAX_OUTER_LEN = 256 };

/* Is 'p' a train, or another UDP superpacket, that has to be cut before the
 * tunnel header behind its UDP header comes off?
 *
 * A packet with a wrong checksum is left to pop_header(), which drops it; so
 * is one whose checksum has not been verified, because that covers all of the
 * datagram. */
bool
tnl_gso_is_train(const struct dp_packet *p)
{
    const struct ip_header *ip = dp_packet_l3(p);
    size_t size = dp_packet_size(p);

    if (!p->uso_segsz || dp_packet_get_tso_segsz(p) || dp_packet_tunnel(p)
        || !dp_packet_l4_proto_udp(p) || !ip || !dp_packet_l4(p)
        || size > UINT16_MAX
        || p->l4_ofs < p->l3_ofs + IP_HEADER_LEN
        || p->l4_ofs + UDP_HEADER_LEN + p->uso_segsz >= size
        || !(dp_packet_l4_checksum_good(p)
             || dp_packet_l4_checksum_partial(p))) {
        return false;
    }
    if (IP_VER(ip->ip_ihl_ver) == 6) {
        return p->l4_ofs >= p->l3_ofs + IPV6_HEADER_LEN;
    }
    return (IP_VER(ip->ip_ihl_ver) == 4
            && IP_IHL(ip->ip_ihl_ver) * 4 == p->l4_ofs - p->l3_ofs
            && !dp_packet_ip_checksum_bad(p)
            && (!dp_packet_ip_checksum_unknown(p)
                || !csum(ip, p->l4_ofs - p->l3_ofs)));
}

/* Do the headers of 'o', which are in front of a single unit, agree with its
 * length and with each other? */
static bool
outer_valid(const struct tnl_gro_outer *o)
{
    const struct dp_packet *p = o->packet;
    const struct ip_header *ip = (const void *) (o->frame + o->l3.ofs);
    const struct udp_header *udp = (const void *) (o->frame + o->l3.l4_ofs);
    size_t size = dp_packet_size(p);
    size_t gre_len = o->len + sizeof(struct gre_base_hdr);

    if (size < o->len || size > UINT16_MAX
        || (o->class->outer == TNL_GSO_OUTER_GRE && size < gre_len)
        || tnl_gso_ip_end(o->frame, o->l3.ofs) != size
        || (o->class->outer == TNL_GSO_OUTER_UDP
            && (ntohs(udp->udp_len) != size - o->l3.l4_ofs
                || dp_packet_l4_checksum_bad(p)))) {
        return false;
    }
    return (o->l3.version == 6
            || (ip->ip_ihl_ver == IP_IHL_VER(5, 4)
                && !IP_IS_FRAGMENT(ip->ip_frag_off)
                && !dp_packet_ip_checksum_bad(p)
                && (!dp_packet_ip_checksum_unknown(p)
                    || !csum_finish(csum_short(ip, IP_HEADER_LEN)))));
}

/* Fills in the members of '*o' that tell which checksums of the unit behind it
 * are known. */
static void
describe_sums(struct tnl_gro_outer *o)
{
    const struct dp_packet *p = o->packet;
    const uint8_t *l4 = o->frame + o->l3.l4_ofs;

    if (o->train) {
        const struct udp_header *udp = (const void *) l4;

        o->csum = udp->udp_csum != 0;
        o->sum_inner = true;
    } else if (o->class->outer == TNL_GSO_OUTER_NONE) {
        o->sum_inner = !(dp_packet_l4_checksum_good(p)
                         || dp_packet_l4_checksum_partial(p));
    } else {
        o->sum_inner = !(dp_packet_tunnel(p)
                         && (dp_packet_inner_l4_checksum_good(p)
                             || dp_packet_inner_l4_checksum_partial(p)));
        if (o->class->outer == TNL_GSO_OUTER_UDP) {
            const struct udp_header *udp = (const void *) l4;

            o->csum = udp->udp_csum != 0;
            o->sum_outer = o->csum && !(dp_packet_l4_checksum_good(p)
                                        || dp_packet_l4_checksum_partial(p));
        } else if (o->class->outer == TNL_GSO_OUTER_GRE) {
            const struct gre_base_hdr *gre = (const void *) l4;

            o->csum = (gre->flags & htons(GRE_CSUM)) != 0;
            o->sum_outer = o->csum;
        }
    }
}

/* Stores the outer IP header of 'packet', a tunnel's of 'class', in '*l3'.
 * Returns true if it is there. */
static bool
describe_outer_ip(const struct dp_packet *packet,
                  const struct tnl_gso_encap_class *class,
                  struct tnl_gso_l3 *l3)
{
    const uint8_t *ip = dp_packet_l3(packet);
    bool stacked = false;

    if (!ip || !dp_packet_l4(packet)
        || packet->l4_ofs < packet->l3_ofs + IP_HEADER_LEN) {
        return false;
    }
    if (class->outer == TNL_GSO_OUTER_IP) {
        /* What is in the tunnel, only the last extension header knows. */
        return (!tnl_gso_parse_l3(dp_packet_data(packet),
                                  dp_packet_size(packet), packet->l3_ofs,
                                  htons(*ip >> 4 == 6 ? ETH_TYPE_IPV6
                                        : ETH_TYPE_IP), l3, &stacked)
                && l3->l4_ofs == packet->l4_ofs);
    }
    *l3 = (struct tnl_gso_l3) {
        .ofs = packet->l3_ofs,
        .l4_ofs = packet->l4_ofs,
        .version = *ip >> 4,
        .proto = (class->outer == TNL_GSO_OUTER_UDP ? IPPROTO_UDP
                  : IPPROTO_GRE),
    };
    if (l3->version == 6) {
        l3->dst_ofs = l3->ofs + offsetof(struct ovs_16aligned_ip6_hdr,
                                         ip6_dst);
        return l3->l4_ofs >= l3->ofs + IPV6_HEADER_LEN;
    }
    l3->dst_ofs = l3->ofs + offsetof(struct ip_header, ip_dst);
    return true;
}

/* Describes the headers of 'packet' up to the first unit in it, for a pop of
 * 'encap', or without a tunnel if that is TNL_GSO_NO_TUNNEL.  'train' tells
 * whether it is a train.  The offsets of 'packet' must be set.
 *
 * Returns TNL_GRO_JOINED if they have been stored in '*o', otherwise the rule
 * by which nothing in 'packet' can be merged. */
enum tnl_gro_rule
tnl_gro_describe_outer(struct dp_packet *packet, enum tnl_gso_encap encap,
                       bool train, struct tnl_gro_outer *o)
{
    const struct tnl_gso_encap_class *class = tnl_gso_encap_class(encap);
    bool udp = class->outer == TNL_GSO_OUTER_UDP;

    *o = (struct tnl_gro_outer) {
        .packet = packet,
        .class = class,
        .frame = dp_packet_data(packet),
        .train = train,
    };
    if (tnl_gso_is_super(packet) && !train) {
        return TNL_GRO_R_SUPER;
    } else if (class->outer == TNL_GSO_OUTER_NONE
               && tnl_gso_encap_of(packet)) {
        return TNL_GRO_R_NOT_TCP;
    }
    if (class->outer != TNL_GSO_OUTER_NONE) {
        if (!describe_outer_ip(packet, class, &o->l3)) {
            return TNL_GRO_R_HEADERS;
        }
        o->len = o->l3.l4_ofs + (udp ? UDP_HEADER_LEN : 0);
        if (!train && !outer_valid(o)) {
            return TNL_GRO_R_HEADERS;
        }
    }
    describe_sums(o);
    return TNL_GRO_JOINED;
}

/* Finds the IP header in unit 'u' and stores it in 'u->l3', where the tunnel
 * header tells a length in 'u->len_ofs', and whether the IP header is behind
 * MPLS labels or two VLAN tags in '*stacked'. */
static enum tnl_gro_rule
find_inner(struct tnl_gro_unit *u, bool *stacked)
{
    const struct tnl_gro_outer *o = u->outer;
    /* Units of a train start at any address, while the parser reads 16 bits at
     * once. */
    ovs_be64 head[(MAX_OUTER_LEN + MAX_UNIT_HDR_LEN) / sizeof(ovs_be64)];
    struct tnl_gso_desc d = { .outer = o->l3, .encap = 0 };
    const uint8_t *frame = o->frame;
    size_t size = o->len + u->len;
    enum tnl_gso_reason reason;

    if (o->train) {
        if (o->len > MAX_OUTER_LEN) {
            return TNL_GRO_R_HEADERS;
        }
        size = o->len + MIN(u->len, MAX_UNIT_HDR_LEN);
        memcpy(head, frame, o->len);
        memcpy((uint8_t *) head + o->len, u->data, size - o->len);
        frame = (const uint8_t *) head;
    }
    if (o->class->outer != TNL_GSO_OUTER_NONE) {
        reason = o->class->parse(frame, size, &d);
    } else if (dp_packet_is_eth(o->packet)) {
        reason = tnl_gso_parse_l2(frame, size, 0, &d.inner, &d.stacked);
    } else {
        reason = TNL_GSO_R_L2;
    }
    if (reason == TNL_GSO_R_FRAGMENT) {
        return TNL_GRO_R_FRAGMENT;
    } else if (reason || d.numbered) {
        return TNL_GRO_R_HEADERS;
    }
    u->len_ofs = d.len_ofs ? d.len_ofs - o->len : 0;
    *stacked = d.stacked;
    u->l3 = d.inner;
    u->l3.ofs -= o->len;
    u->l3.l4_ofs -= o->len;
    u->l3.dst_ofs -= o->len;
    return TNL_GRO_JOINED;
}

/* Does the IP header of the unit of 'len' bytes at 'data', which is that of
 * 'u' but for length, ID and checksum, say that the unit ends where it does,
 * and is the IPv4 checksum right?  Of the two representations of zero, cutting
 * writes one. */
bool
tnl_gro_ip_continues(const struct tnl_gro_unit *u, const uint8_t *data,
                     uint32_t len)
{
    const uint8_t *ip = data + u->l3.ofs;
    ovs_be16 csum;
    uint32_t sum;

    if (u->l3.version == 6) {
        return u->l3.ofs + IPV6_HEADER_LEN + tnl_gso_get16(ip + 4) == len;
    }
    csum = get_unaligned_be16((const void *) (ip + 10));
    sum = csum_add16(u->ip_sum, get_unaligned_be16((const void *) (ip + 2)));
    sum = csum_add16(sum, get_unaligned_be16((const void *) (ip + 4)));
    return (u->l3.ofs + tnl_gso_get16(ip + 2) == len
            && csum_fold16(csum_add16(sum, csum)) == UINT16_MAX
            && csum != htons(UINT16_MAX));
}

/* Describes the IPv4 header of unit 'u'.  Returns false if its checksum is
 * wrong, or the representation of zero that cutting does not write. */
static bool
describe_ipv4(struct tnl_gro_unit *u)
{
    const uint8_t *ip = u->data + u->l3.ofs;
    ovs_be16 csum = get_unaligned_be16((const void *) (ip + 10));
    ovs_be16 len = get_unaligned_be16((const void *) (ip + 2));
    ovs_be16 id = get_unaligned_be16((const void *) (ip + 4));
    uint32_t sum = csum_short(ip, u->l3.l4_ofs - u->l3.ofs);

    u->id = ntohs(id);
    /* Without these: the complement takes a word off. */
    u->ip_sum = csum_add16(csum_add16(csum_add16(sum, ~len), ~id), ~csum);
    return csum_fold16(sum) == UINT16_MAX && csum != htons(UINT16_MAX);
}

/* Finds out whether the checksum of unit 'u' is remote.  Returns false if it
 * is said to be where it cannot be. */
static bool
describe_rco(struct tnl_gro_unit *u)
{
    const struct tnl_gro_outer *o = u->outer;
    const struct udp_header *udp = (const void *) (o->frame + o->l3.l4_ofs);
    struct tnl_rco rco;

    u->rco = (o->class->rco
              && tnl_rco_find(o->class->rco, u->data, u->len, udp->udp_dst,
                              &rco) == TNL_RCO_SET);
    return (!u->rco
            || tnl_rco_agrees(&rco, &u->l3, o->class->hdr_len(u->data)));
}

/* Describes in '*u' the unit of 'len' bytes at 'data', which is behind 'o'.
 * Returns TNL_GRO_JOINED if it can be the first of a superpacket, otherwise
 * the rule by which it cannot be merged; 'u->has_flow' is valid in either
 * case. */
enum tnl_gro_rule
tnl_gro_describe(const struct tnl_gro_outer *o, const uint8_t *data,
                 uint32_t len, struct tnl_gro_unit *u)
{
    enum tnl_gro_rule rule;
    const uint8_t *tcp;
    size_t tcp_len;
    bool stacked;

    u->outer = o;
    u->data = data;
    u->len = len;
    u->has_flow = false;
    rule = find_inner(u, &stacked);
    if (rule) {
        return rule;
    } else if (u->l3.proto != IPPROTO_TCP) {
        return TNL_GRO_R_NOT_TCP;
    } else if (u->l3.l4_ofs + TCP_HEADER_LEN > len) {
        return TNL_GRO_R_HEADERS;
    }

    tcp = data + u->l3.l4_ofs;
    u->has_flow = true;
    u->seq = ntohl(get_unaligned_be32((const void *) (tcp + 4)));
    u->ctl = tnl_gso_get16(tcp + 12);
    tcp_len = TCP_OFFSET(htons(u->ctl)) * 4;
    if (stacked || tcp_len < TCP_HEADER_LEN || u->l3.l4_ofs + tcp_len > len
        || tnl_gso_ip_end(data, u->l3.ofs) != len
        || !tnl_gro_own_len_right(u, data, len)) {
        return TNL_GRO_R_HEADERS;
    } else if (u->ctl & (TCP_SYN | TCP_RST | TCP_URG)) {
        return TNL_GRO_R_CONTROL;
    } else if (u->l3.l4_ofs + tcp_len == len) {
        return TNL_GRO_R_NO_PAYLOAD;
    } else if (!describe_rco(u)) {
        return TNL_GRO_R_HEADERS;
    }
    u->inner_ofs = o->class->hdr_len ? o->class->hdr_len(data) : 0;
    u->hdr_len = u->l3.l4_ofs + tcp_len;
    u->payload_len = len - u->hdr_len;
    u->id = u->ip_sum = 0;
    return (u->l3.version == 6 || describe_ipv4(u) ? TNL_GRO_JOINED
            : TNL_GRO_R_CSUM);
}
