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

#include "receive/tnl-gso-merge.h"

#include <netinet/in.h>
#include <netinet/ip6.h>
#include <string.h>

#include "core/csum-copy.h"
#include "core/tnl-gso-buf.h"
#include "core/tnl-gso-packet.h"
#include "core/tnl-gso-port.h"
#include "csum.h"
#include "dp-packet.h"
#include "encap/encap.h"
#include "netdev-provider.h"
#include "packets.h"
#include "rco/tnl-rco.h"
#include "unaligned.h"
#include "util.h"

/* Receive: trains, right before a tunnel pop.
 *
 * Called by tnl_gso_pop_prepare() (tnl-gso-pop.c) for the trains in a batch.
 * Makes packets as if the units had arrived by themselves, or as if we had
 * pushed the header in front of a superpacket, so that pop_header() judges
 * them like any other.  Must not drop or reorder a unit, and must not merge
 * units unless cutting would give them back byte by byte: a wrong checksum
 * stays with the unit that has it.
 *
 * The rules are those of Linux v6.18 tcp_gro_receive(), inet_gro_receive() and
 * vxlan_gro_receive(), except that CWR may be on a first unit and that IPv4
 * IDs must count up with DF set too: tcp_gso_segment() makes such. */

/* The layout of a train. */
struct train {
    const struct dp_packet *packet;
    const struct tnl_gso_encap_class *class; /* Of the tunnel. */
    const uint8_t *units;       /* UDP payload. */
    uint32_t len;               /* Its bytes. */
    uint32_t unit_len;          /* Bytes of each unit but the last. */
    uint32_t n_units;
    uint32_t hdr_len;           /* Outer headers, UDP included. */
    ovs_be16 udp_dst;
};

/* The first unit of a run: those that follow differ from it in few fields
 * only.  Offsets count bytes from the start of the unit. */
struct unit {
    const uint8_t *data;
    struct tnl_gso_l3 l3;
    uint32_t hdr_len;           /* Up to the TCP payload. */
    uint32_t payload_len;
    uint32_t seq;
    uint32_t addr_sum;          /* Of the TCP pseudo-header but the length. */
    uint16_t ctl;               /* TCP data offset and flags. */
    uint16_t id;                /* IPv4. */
    bool rco;                   /* The checksum is remote: that of each unit is
                                 * the sum of its own pseudo-header. */
};

/* Bytes of a tunnel header that must be there before a class looks at it. */
enum { MIN_TUNNEL_HDR_LEN = 8 };

/* Headers behind this many bytes of a unit are not looked for.  The longest
 * that do occur: Geneve 260, Ethernet with a VLAN tag 18, IPv4 60, TCP 60. */
enum { MAX_UNIT_HDR_LEN = 512 };

/* The 32 bits at 'p', which may have any alignment. */
static uint32_t
get32(const uint8_t *p)
{
    return ntohl(get_unaligned_be32((const void *) p));
}

/* The first byte of unit 'i' of 't'. */
static const uint8_t *
unit_data(const struct train *t, uint32_t i)
{
    return t->units + i * t->unit_len;
}

/* Bytes of unit 'i' of 't'; the last one may be shorter. */
static uint32_t
unit_len(const struct train *t, uint32_t i)
{
    return MIN(t->unit_len, t->len - i * t->unit_len);
}

/* Returns the length of the tunnel header at 'hdr' if it is one of 'class'
 * with Ethernet inside, otherwise 0.  'size' bytes are there. */
static size_t
tunnel_hdr_len(const struct tnl_gso_encap_class *class, const uint8_t *hdr,
               size_t size)
{
    return (class->outer == TNL_GSO_OUTER_UDP && size >= MIN_TUNNEL_HDR_LEN
            && class->has_ethernet(hdr)
            ? class->hdr_len(hdr) : 0);
}

/* Do the headers of the unit of 'len' bytes at 'data', with its IP header at
 * 'l3', say that it ends where it does, and is the IPv4 checksum right? */
static bool
l3_valid(const uint8_t *data, uint32_t len, const struct tnl_gso_l3 *l3)
{
    return (tnl_gso_ip_end(data, l3->ofs) == len
            && (l3->version == 6
                || !csum_finish(csum_fold(data + l3->ofs,
                                          l3->l4_ofs - l3->ofs))));
}

/* Finds the headers of unit 'i' of 't' and stores them in '*u'.  Returns true
 * if its headers allow it to be the first of a superpacket. */
static bool
parse_unit(const struct train *t, uint32_t i, struct unit *u)
{
    /* Units start at any address, while the parser reads 16 bits at once. */
    ovs_be64 head[MAX_UNIT_HDR_LEN / sizeof(ovs_be64)];
    uint32_t len = unit_len(t, i);
    uint32_t head_len = MIN(len, sizeof head);
    bool stacked = false;
    enum tnl_rco_found found;
    struct tnl_rco rco;
    const uint8_t *tcp;
    size_t ofs, tcp_len;

    u->data = unit_data(t, i);
    ofs = tunnel_hdr_len(t->class, u->data, len);
    if (!ofs) {
        return false;
    }
    memcpy(head, u->data, head_len);
    if (tnl_gso_parse_l2(head, head_len, ofs, &u->l3, &stacked)
        || stacked || u->l3.proto != IPPROTO_TCP
        || u->l3.l4_ofs + TCP_HEADER_LEN > head_len) {
        return false;
    }

    tcp = u->data + u->l3.l4_ofs;
    u->seq = get32(tcp + 4);
    u->ctl = tnl_gso_get16(tcp + 12);
    tcp_len = TCP_OFFSET(htons(u->ctl)) * 4;
    u->hdr_len = u->l3.l4_ofs + tcp_len;
    found = tnl_rco_find(t->class->rco, u->data, len, t->udp_dst, &rco);
    u->rco = found == TNL_RCO_SET;
    if ((u->rco && !tnl_rco_agrees(&rco, &u->l3, ofs))
        || tcp_len < TCP_HEADER_LEN || u->hdr_len >= len
        || u->ctl & (TCP_SYN | TCP_RST | TCP_URG)
        || !l3_valid(u->data, len, &u->l3)) {
        return false;
    }
    u->id = u->l3.version == 4 ? tnl_gso_get16(u->data + u->l3.ofs + 4) : 0;
    u->payload_len = len - u->hdr_len;
    u->addr_sum = tnl_gso_pseudo_sum(u->data, &u->l3, 0);
    return true;
}

/* Are bytes 'from' to 'to' the same in 'a' and 'b'? */
static bool
same(const uint8_t *a, const uint8_t *b, size_t from, size_t to)
{
    return !memcmp(a + from, b + from, to - from);
}

/* Are all fields that cutting does not change the same in the headers of 'u'
 * and of the unit at 'b'?  They include all fields that say where a header
 * is. */
static bool
same_headers(const struct unit *u, const uint8_t *b)
{
    const uint8_t *a = u->data;
    size_t l3 = u->l3.ofs;
    size_t l4 = u->l3.l4_ofs;

    /* Tunnel, Ethernet; not the total length, the ID and the checksum. */
    if (u->l3.version == 4
        ? (!same(a, b, 0, l3 + 2) || !same(a, b, l3 + 6, l3 + 10)
           || !same(a, b, l3 + 12, l4))
        : (!same(a, b, 0, l3 + 4) || !same(a, b, l3 + 6, l4))) {
        return false;
    }
    /* Ports; acknowledgement; window; urgent pointer and options. */
    return (same(a, b, l4, l4 + 4) && same(a, b, l4 + 8, l4 + 12)
            && same(a, b, l4 + 14, l4 + 16)
            && same(a, b, l4 + 18, u->hdr_len));
}

/* Do its headers allow unit 'i' of 't' to be the one that comes 'k' units
 * behind 'u' in a superpacket?  Stores its TCP flags in '*ctl'. */
static bool
continues(const struct train *t, const struct unit *u, uint32_t i, uint32_t k,
          uint16_t *ctl)
{
    const uint16_t may_differ = TCP_FIN | TCP_PSH;
    const uint8_t *b = unit_data(t, i);
    uint32_t len = unit_len(t, i);
    const uint8_t *tcp = b + u->l3.l4_ofs;

    if (len <= u->hdr_len || !same_headers(u, b)) {
        return false;
    }
    *ctl = tnl_gso_get16(tcp + 12);
    return (!((*ctl ^ (u->ctl & ~TCP_CWR)) & ~may_differ)
            && get32(tcp + 4) == u->seq + k * u->payload_len
            && (u->l3.version == 6
                || tnl_gso_get16(b + u->l3.ofs + 4) == (uint16_t) (u->id + k))
            && l3_valid(b, len, &u->l3));
}

/* Returns how many units of 't', starting with 'u', number 'i', make one
 * superpacket if their TCP checksums are right.  FIN and PSH may be in the
 * last one only; only the last unit of a train can be shorter. */
static uint32_t
run_length(const struct train *t, const struct unit *u, uint32_t i)
{
    uint16_t ctl = u->ctl;
    uint32_t n = 1;

    while (i + n < t->n_units && !(ctl & (TCP_FIN | TCP_PSH))
           && continues(t, u, i + n, n, &ctl)) {
        n++;
    }
    return n;
}

/* Returns a packet with the outer headers of 't' and room for 'len' bytes of
 * UDP payload. */
static struct dp_packet *
packet_new(const struct train *t, uint32_t len)
{
    uint32_t size = t->hdr_len + len;
    /* Headers must be aligned to 16 bits. */
    struct dp_packet *p = tnl_gso_alloc_any(
        NULL, size, tnl_gso_headroom(size, TNL_GSO_HEADROOM, 2));

    memcpy(dp_packet_data(p), dp_packet_data(t->packet), t->hdr_len);

    /* Members that dp_packet_clone_with_headroom() copies. */
    memcpy(&p->l2_pad_size, &t->packet->l2_pad_size,
           sizeof *p - offsetof(struct dp_packet, l2_pad_size));
    p->has_hash = t->packet->has_hash;
    *dp_packet_rss_ptr(p) = *dp_packet_rss_ptr(t->packet);
    p->has_mark = t->packet->has_mark;
    *dp_packet_flow_mark_ptr(p) = *dp_packet_flow_mark_ptr(t->packet);
    p->l2_pad_size = 0;
    p->uso_segsz = 0;
    return p;
}

/* Writes the lengths in the outer headers of 'p', and sets the marks of their
 * checksums: those of the train were right. */
static void
finish_outer(struct dp_packet *p)
{
    struct ip_header *ip = dp_packet_l3(p);
    struct ovs_16aligned_ip6_hdr *ip6 = dp_packet_l3(p);
    struct udp_header *udp = dp_packet_l4(p);
    uint32_t l3_len = dp_packet_size(p) - p->l3_ofs;

    p->offloads = 0;
    if (IP_VER(ip->ip_ihl_ver) == 4) {
        ip->ip_tot_len = htons(l3_len);
        dp_packet_ip_checksum_set_partial(p);
    } else {
        ip6->ip6_plen = htons(l3_len - IPV6_HEADER_LEN);
    }
    udp->udp_len = htons(dp_packet_size(p) - p->l4_ofs);
    dp_packet_l4_proto_set_udp(p);
    dp_packet_l4_checksum_set_good(p);
}

/* Returns unit 'i' of 't', whatever it is, as a packet. */
static struct dp_packet *
single(const struct train *t, uint32_t i)
{
    uint32_t len = unit_len(t, i);
    struct dp_packet *p = packet_new(t, len);

    memcpy((char *) dp_packet_data(p) + t->hdr_len, unit_data(t, i), len);
    finish_outer(p);
    return p;
}

/* Copies the payload of 'n' units of 't', starting with 'u', number 'i', to
 * 'dst', until a TCP checksum is wrong.  Returns the number of units
 * copied. */
static uint32_t
copy_payload(const struct train *t, const struct unit *u, uint32_t i,
             uint32_t n, uint8_t *dst)
{
    size_t l4 = u->l3.l4_ofs;

    for (uint32_t k = 0; k < n; k++) {
        const uint8_t *data = unit_data(t, i + k);
        uint32_t len = unit_len(t, i + k);
        uint32_t sum = csum_add16(u->addr_sum, htons(len - l4));

        if (u->rco) {
            if (!tnl_rco_sum_right(data, &u->l3, len - l4)) {
                return k;
            }
            memcpy(dst, data + u->hdr_len, len - u->hdr_len);
            dst += len - u->hdr_len;
            continue;
        }
        sum += csum_fold(data + l4, u->hdr_len - l4);
        sum += csum_copy(dst, data + u->hdr_len, len - u->hdr_len);
        if (csum_finish(sum)) {
            return k;
        }
        dst += len - u->hdr_len;
    }
    return n;
}

/* Writes those fields of the inner headers of 'p' in which they differ from
 * the headers of 'u', and sets the marks.  'ctl' are the TCP flags of the last
 * unit in 'p'. */
static void
finish_super(const struct train *t, const struct unit *u, uint16_t ctl,
             struct dp_packet *p)
{
    uint8_t *inner = (uint8_t *) dp_packet_data(p) + t->hdr_len;
    uint32_t len = dp_packet_size(p) - t->hdr_len;
    uint8_t *ip = inner + u->l3.ofs;
    uint8_t *tcp = inner + u->l3.l4_ofs;

    if (u->l3.version == 4) {
        size_t hdr_len = u->l3.l4_ofs - u->l3.ofs;

        put_unaligned_be16((void *) (ip + 2), htons(len - u->l3.ofs));
        put_unaligned_be16((void *) (ip + 10), 0);
        put_unaligned_be16((void *) (ip + 10),
                           csum_finish(csum_fold(ip, hdr_len)));
    } else {
        put_unaligned_be16((void *) (ip + 4),
                           htons(len - u->l3.ofs - IPV6_HEADER_LEN));
    }
    put_unaligned_be16((void *) (tcp + 12),
                       htons(u->ctl | (ctl & (TCP_FIN | TCP_PSH))));
    put_unaligned_be16((void *) (tcp + 16),
                       tnl_gso_pseudo_csum(inner, &u->l3,
                                           len - u->l3.l4_ofs));

    finish_outer(p);
    p->offloads |= t->class->mark;
    p->inner_l3_ofs = t->hdr_len + u->l3.ofs;
    p->inner_l4_ofs = t->hdr_len + u->l3.l4_ofs;
    p->offloads |= (DP_PACKET_OL_INNER_L4_PROTO_TCP
                    | DP_PACKET_OL_INNER_L4_CKSUM_MASK);
    dp_packet_set_tso_segsz(p, u->payload_len);
}

/* Returns '*n' units of 't', starting with 'u', number 'i', as one
 * superpacket.  If a TCP checksum is wrong, the superpacket ends before that
 * unit, and '*n' becomes smaller.  If not even two are left, sets '*n' to 1
 * and returns null. */
static struct dp_packet *
merge(const struct train *t, const struct unit *u, uint32_t i, uint32_t *n)
{
    while (*n > 1) {
        const uint8_t *last = unit_data(t, i + *n - 1);
        uint32_t payload_len = ((*n - 1) * u->payload_len
                                + unit_len(t, i + *n - 1) - u->hdr_len);
        struct dp_packet *p = packet_new(t, u->hdr_len + payload_len);
        uint8_t *inner = (uint8_t *) dp_packet_data(p) + t->hdr_len;
        uint32_t n_good = copy_payload(t, u, i, *n, inner + u->hdr_len);

        if (OVS_LIKELY(n_good == *n)) {
            memcpy(inner, u->data, u->hdr_len);
            finish_super(t, u, tnl_gso_get16(last + u->l3.l4_ofs + 12), p);
            return p;
        }
        /* Again, in a buffer of the right size: a train must not become
         * many times its size because of wrong checksums in it. */
        dp_packet_delete(p);
        *n = MAX(n_good, 1);
    }
    return NULL;
}

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

/* Appends the superpackets and packets in 'train', which must be one, to
 * 'out', and counts them in '*result'.  The caller still owns 'train'.
 * 'encap' is the tunnel that will be popped; units are merged only if it is
 * one over UDP.
 *
 * Returns TNL_GSO_OK, or the reason why it cannot be done. */
enum tnl_gso_reason
tnl_gso_train_split(const struct dp_packet *train, enum tnl_gso_encap encap,
                    struct dp_packet_batch *out,
                    struct tnl_gso_train_result *result)
{
    struct train t = {
        .packet = train,
        .class = tnl_gso_encap_class(encap),
        .unit_len = train->uso_segsz,
        .hdr_len = train->l4_ofs + UDP_HEADER_LEN,
        .udp_dst = ((const struct udp_header *) dp_packet_l4(train))->udp_dst,
    };
    uint32_t run_end = 0;       /* Of headers that go together. */
    uint32_t n;

    *result = (struct tnl_gso_train_result) { .n_merged = 0 };
    t.units = (const uint8_t *) dp_packet_data(train) + t.hdr_len;
    t.len = dp_packet_size(train) - t.hdr_len;
    t.n_units = DIV_ROUND_UP(t.len, t.unit_len);
    if (t.n_units > TNL_GSO_MAX_SEGS) {
        return TNL_GSO_R_TOO_MANY;
    }

    for (uint32_t i = 0; i < t.n_units; i += n) {
        struct dp_packet *p = NULL;
        struct unit u;

        n = 1;
        if (parse_unit(&t, i, &u)) {
            if (i >= run_end) {
                run_end = i + run_length(&t, &u, i);
            }
            n = run_end - i;
            p = merge(&t, &u, i, &n);
        }
        if (p) {
            result->n_merged++;
        } else {
            p = single(&t, i);
            result->n_single++;
        }
        dp_packet_batch_add(out, p);
    }
    return TNL_GSO_OK;
}
