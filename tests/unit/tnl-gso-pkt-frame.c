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
#undef NDEBUG

#include "tnl-gso-pkt.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "packets.h"
#include "util.h"

/* The bytes of a superpacket: pkt_build_frame().  Rows and marks are in
 * tnl-gso-pkt.c. */

/* A frame under construction. */
struct builder {
    uint8_t *data;
    size_t len;
    struct pkt_rng rng;
};

static uint8_t *
put_zeros(struct builder *b, size_t n)
{
    uint8_t *p;

    b->data = xrealloc(b->data, b->len + n + 1);
    p = b->data + b->len;
    memset(p, 0, n);
    b->len += n;
    return p;
}

static uint8_t *
put_random(struct builder *b, size_t n)
{
    uint8_t *p = put_zeros(b, n);

    for (size_t i = 0; i < n; i++) {
        p[i] = pkt_rand(&b->rng);
    }
    return p;
}

static void
put_be16(struct builder *b, uint16_t value)
{
    ref_put16(put_zeros(b, 2), value);
}

/* Ethernet header, VLAN tags, MPLS labels.  'eth' tells whether there is an
 * Ethernet header at all; if not, '*type_ofs' must be where the Ethertype of
 * what follows belongs, or 0 if there is no such place. */
static void
put_l2(struct builder *b, const struct pkt_level *level, bool eth,
       size_t type_ofs)
{
    uint16_t type = level->version == 4 ? ETH_TYPE_IP : ETH_TYPE_IPV6;

    if (eth) {
        uint8_t *mac = put_random(b, 12);

        mac[0] &= ~3;
        mac[6] &= ~3;
        for (int i = 0; i < level->n_vlans; i++) {
            put_be16(b, i == 0 && level->n_vlans == 2 ? ETH_TYPE_VLAN_8021AD
                                                      : ETH_TYPE_VLAN_8021Q);
            put_random(b, 2);
        }
        type_ofs = b->len;
        put_zeros(b, 2);
    }
    if (type_ofs) {
        ref_put16(b->data + type_ofs, (level->n_mpls ? ETH_TYPE_MPLS
                                       : level->nsh ? ETH_TYPE_NSH : type));
    }
    if (level->nsh) {
        uint8_t *nsh = put_random(b, 24);

        nsh[0] = 0x0f;
        nsh[1] = 0xc0 | 24 / 4;
        nsh[2] = 1;             /* MD type: fixed length. */
        nsh[3] = level->nsh == 2 ? 3 : level->version == 4 ? 1 : 2;
        if (level->nsh == 2) {
            put_random(b, 12);
            put_be16(b, type);
        }
    }
    for (int i = 0; i < level->n_mpls; i++) {
        uint8_t *lse = put_random(b, 4);

        lse[2] = (lse[2] & ~1) | (i == level->n_mpls - 1);
    }
}

static void
put_ipv4(struct builder *b, const struct pkt_level *level, uint8_t proto,
         bool lie)
{
    uint8_t *ip = put_random(b, 20 + level->ipopt);

    ip[0] = 0x40 | (5 + level->ipopt / 4);
    ip[1] = level->tos;
    ref_put16(ip + 4, level->id);
    ref_put16(ip + 6, level->df ? IP_DONT_FRAGMENT : 0);
    ip[9] = proto;
    if (!lie) {
        ref_put16(ip + 2, 0);
        ref_put16(ip + 10, 0);
    }
    /* Options: a timestamp-like one, then padding. */
    memset(ip + 20, 1, level->ipopt);
}

static void
put_ext(struct builder *b, size_t *next_ofs, uint8_t proto, size_t len)
{
    uint8_t *ext = put_random(b, len);

    b->data[*next_ofs] = proto;
    *next_ofs = ext - b->data;
    ext[0] = 0;
    ext[1] = proto == IPPROTO_AH ? len / 4 - 2 : len / 8 - 1;
    if (proto == IPPROTO_HOPOPTS || proto == IPPROTO_DSTOPTS) {
        ext[2] = 1;             /* PadN. */
        ext[3] = len - 4;
        memset(ext + 4, 0, len - 4);
    }
}

static void
put_routing(struct builder *b, size_t *next_ofs, uint8_t type, int n_addrs,
            unsigned int flags)
{
    uint8_t *rh;

    put_ext(b, next_ofs, IPPROTO_ROUTING, 8 + n_addrs * 16);
    rh = b->data + *next_ofs;
    rh[2] = type;
    rh[3] = flags & PKT_EXT_ARRIVED ? 0 : type == 4 ? n_addrs - 1 : n_addrs;
    if (type == 4) {
        rh[4] = n_addrs - 1;
        memset(rh + 5, 0, 3);
    } else {
        memset(rh + 4, 0, 4);
    }
}

static void
put_ipv6(struct builder *b, const struct pkt_level *level, uint8_t proto,
         bool lie)
{
    uint8_t *ip6 = put_random(b, 40);
    size_t next_ofs = ip6 + 6 - b->data;

    ip6[0] = 0x60 | level->tos >> 4;
    ip6[1] = (level->tos << 4) | (ip6[1] & 0xf);
    if (!lie) {
        ref_put16(ip6 + 4, 0);
    }
    if (level->ext & PKT_EXT_HOPOPTS) {
        put_ext(b, &next_ofs, IPPROTO_HOPOPTS, 8);
    }
    if (level->ext & PKT_EXT_DSTOPTS) {
        put_ext(b, &next_ofs, IPPROTO_DSTOPTS, 16);
    }
    if (level->ext & PKT_EXT_RT0) {
        put_routing(b, &next_ofs, 0, 2, level->ext);
    }
    if (level->ext & PKT_EXT_RT2) {
        put_routing(b, &next_ofs, 2, 1, level->ext);
    }
    if (level->ext & PKT_EXT_SRH) {
        put_routing(b, &next_ofs, 4, 3, level->ext);
    }
    if (level->ext & PKT_EXT_AH) {
        put_ext(b, &next_ofs, IPPROTO_AH, 24);
    }
    if (level->ext & PKT_EXT_FRAGMENT) {
        put_ext(b, &next_ofs, IPPROTO_FRAGMENT, 8);
    }
    b->data[next_ofs] = proto;
}

static void
put_l3(struct builder *b, const struct pkt_level *level, uint8_t proto,
       bool lie)
{
    (level->version == 4 ? put_ipv4 : put_ipv6)(b, level, proto, lie);
}

/* A G-PDU: IP follows.  Extension headers are those of 4 bytes that have no
 * number in them: a PDU session container, or a UDP port. */
static void
put_gtpu(struct builder *b, const struct pkt_tunnel *t, bool lie)
{
    static const uint8_t kinds[] = { 0x85, 0x40, 0x20 };
    int n = t->geneve_opt / 4 - 1;
    uint8_t *gtpu = put_zeros(b, 8);

    gtpu[0] = 0x30 | (t->geneve_opt ? 0x04 : 0);
    gtpu[1] = 0xff;
    ref_put32(gtpu + 4, pkt_rand(&b->rng));
    if (lie) {
        ref_put16(gtpu + 2, pkt_rand(&b->rng));
    }
    if (t->geneve_opt) {
        gtpu = put_zeros(b, 4);
        gtpu[3] = n ? kinds[0] : 0;
    }
    for (int i = 1; i <= n; i++) {
        gtpu = put_random(b, 4);
        gtpu[0] = 1;
        gtpu[3] = i < n ? kinds[i % ARRAY_SIZE(kinds)] : 0;
    }
}

/* Returns the offset of the Ethertype in the tunnel header, or 0 if it has
 * none. */
static size_t
put_udp_tunnel(struct builder *b, const struct pkt_tunnel *t,
               const struct pkt_level *in, uint16_t csum, bool lie)
{
    bool vxlan = t->encap == REF_VXLAN;
    uint8_t *udp = put_zeros(b, 8);
    uint8_t *tnl;

    ref_put16(udp, 49152 + pkt_range(&b->rng, 16384));
    ref_put16(udp + 2, (t->encap == REF_GTPU ? 2152 : !vxlan ? 6081
                        : t->no_eth ? 4790 : 4789));
    ref_put16(udp + 6, t->csum ? csum : 0);
    if (t->encap == REF_GTPU) {
        put_gtpu(b, t, lie);
        return 0;
    }

    tnl = put_zeros(b, 8);
    ref_put32(tnl + 4, pkt_rand(&b->rng) << 8);
    if (vxlan) {
        tnl[0] = 0x08;
        if (t->no_eth) {
            tnl[0] |= 0x04;
            tnl[3] = in->version == 4 ? 1 : 2;
        }
        return 0;
    } else {
        size_t type_ofs = tnl + 2 - b->data;

        tnl[0] = t->geneve_opt / 4;
        ref_put16(tnl + 2, ETH_TYPE_TEB);
        put_random(b, t->geneve_opt);
        for (int i = 0; i < t->geneve_opt; i += 4) {
            /* Options without a value, so that dissectors agree. */
            b->data[b->len - t->geneve_opt + i + 2] &= 0x7f;
            b->data[b->len - t->geneve_opt + i + 3] = 0;
        }
        return type_ofs;
    }
}

static size_t
put_gre(struct builder *b, const struct pkt_tunnel *t, bool lie)
{
    size_t type_ofs;

    put_be16(b, (t->csum ? 0x8000 : 0) | (t->gre_key ? 0x2000 : 0));
    type_ofs = b->len;
    put_be16(b, ETH_TYPE_TEB);
    if (t->csum) {
        /* What the push left there, and reserved bits that must vanish. */
        if (lie) {
            put_random(b, 4);
        } else {
            put_zeros(b, 4);
        }
    }
    if (t->gre_key) {
        put_random(b, 4);
    }
    return type_ofs;
}

/* All headers of 't', in which is 'in'; 'csum' asks for a UDP checksum.
 * '*eth' tells whether they begin with Ethernet and becomes whether 'in' does,
 * '*type_ofs' likewise where the Ethertype belongs if it does not. */
static void
put_tunnel(struct builder *b, const struct pkt_tunnel *t, uint16_t csum,
           const struct pkt_level *in, bool lie, bool *eth, size_t *type_ofs)
{
    put_l2(b, &t->level, *eth, *type_ofs);
    put_l3(b, &t->level, (t->encap == REF_GRE ? IPPROTO_GRE
                          : t->encap != REF_IPIP ? IPPROTO_UDP
                          : in->version == 4 ? IPPROTO_IPIP : IPPROTO_IPV6),
           lie);
    *type_ofs = (t->encap == REF_GRE ? put_gre(b, t, lie)
                 : t->encap == REF_IPIP ? 0
                 : put_udp_tunnel(b, t, in, csum, lie));
    *eth = !t->no_eth && t->encap != REF_GTPU;
}

static void
put_tcp(struct builder *b, const struct pkt_row *row)
{
    uint8_t *tcp = put_random(b, 20 + row->tcp_opt);

    ref_put32(tcp + 4, row->seq);
    ref_put16(tcp + 12, (5 + row->tcp_opt / 4) << 12 | row->tcp_flags);
    if (!row->lie) {
        ref_put16(tcp + 16, 0);
    }
    memset(tcp + 20, 1, row->tcp_opt);
    if (row->tcp_opt >= 12) {   /* A timestamp. */
        tcp[22] = 8;
        tcp[23] = 10;
        ref_put32(tcp + 24, pkt_rand(&b->rng));
        ref_put32(tcp + 28, pkt_rand(&b->rng));
    }
}

static void
put_udp(struct builder *b, const struct pkt_row *row)
{
    uint8_t *udp = put_random(b, 8);

    if (!row->lie) {
        ref_put32(udp + 4, 0);
    }
    if (row->l4_done) {
        udp[7] |= 1;            /* There is one. */
    }
}

/* Returns the frame that 'row' describes, '*len' bytes, for the caller to
 * free. */
uint8_t *
pkt_build_frame(const struct pkt_row *row, size_t *len)
{
    struct builder b = { .rng = { row->seed } };
    size_t type_ofs = 0;
    bool eth = true;

    if (row->encap != REF_PLAIN) {
        const struct pkt_tunnel outer = {
            .encap = row->encap,
            .csum = row->csum,
            .gre_key = row->gre_key,
            .no_eth = row->no_eth,
            .geneve_opt = row->geneve_opt,
            .level = row->outer,
        };
        bool nested = row->mid.encap != REF_PLAIN;

        put_tunnel(&b, &outer, 0xffff,
                   nested ? &row->mid.level : &row->inner, row->lie, &eth,
                   &type_ofs);
        if (nested) {
            /* Whatever the first push left there. */
            uint16_t csum = row->lie ? pkt_rand(&b.rng) | 1 : 0xffff;

            put_tunnel(&b, &row->mid, csum, &row->inner, row->lie, &eth,
                       &type_ofs);
        }
    }
    put_l2(&b, &row->inner, eth, type_ofs);
    put_l3(&b, &row->inner, row->udp ? IPPROTO_UDP : IPPROTO_TCP, row->lie);
    (row->udp ? put_udp : put_tcp)(&b, row);
    if (row->fill == PKT_RANDOM) {
        put_random(&b, row->payload);
    } else {
        memset(put_zeros(&b, row->payload), row->fill == PKT_ONES ? 0xff : 0,
               row->payload);
    }
    *len = b.len;
    return b.data;
}
