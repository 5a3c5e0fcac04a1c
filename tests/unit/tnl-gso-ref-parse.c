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

#include "tnl-gso-ref.h"

#include <string.h>

/* The reference's own parser; see tnl-gso-ref.h for what it must not do. */

enum {
    PROTO_HOPOPTS = 0,
    PROTO_IPV4 = 4,
    PROTO_TCP = 6,
    PROTO_UDP = 17,
    PROTO_IPV6 = 41,
    PROTO_ROUTING = 43,
    PROTO_FRAGMENT = 44,
    PROTO_GRE = 47,
    PROTO_AH = 51,
    PROTO_DSTOPTS = 60,
};

enum {
    TYPE_IPV4 = 0x0800,
    TYPE_TEB = 0x6558,
    TYPE_VLAN = 0x8100,
    TYPE_IPV6 = 0x86dd,
    TYPE_MPLS = 0x8847,
    TYPE_MPLS_MULTICAST = 0x8848,
    TYPE_QINQ = 0x88a8,
    TYPE_NSH = 0x894f,
};

uint16_t
ref_get16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

uint32_t
ref_get32(const uint8_t *p)
{
    return (uint32_t) ref_get16(p) << 16 | ref_get16(p + 2);
}

void
ref_put16(uint8_t *p, uint16_t value)
{
    p[0] = value >> 8;
    p[1] = value & 0xff;
}

void
ref_put32(uint8_t *p, uint32_t value)
{
    ref_put16(p, value >> 16);
    ref_put16(p + 2, value & 0xffff);
}

static const char *
parse_ipv4(const uint8_t *f, size_t len, size_t ofs, struct ref_l3 *l3)
{
    size_t hlen;

    if (ofs + 20 > len) {
        return "IPv4 header cut short";
    }
    if (f[ofs] >> 4 != 4) {
        return "not IPv4";
    }
    hlen = (f[ofs] & 15) * 4;
    if (hlen < 20) {
        return "IPv4 header length below 20";
    }
    if (ofs + hlen > len) {
        return "IPv4 options cut short";
    }
    if (ref_get16(f + ofs + 6) & 0x3fff) {
        return "IPv4 fragment";
    }
    l3->version = 4;
    l3->ofs = ofs;
    l3->l4 = ofs + hlen;
    l3->dst = ofs + 16;
    l3->proto = f[ofs + 9];
    return NULL;
}

/* Where the last destination of the routing header at 'ofs' is, or 0 if this
 * packet has arrived there or the type is unknown. */
static size_t
final_destination(const uint8_t *f, size_t ofs, size_t hlen)
{
    uint8_t type = f[ofs + 2];
    uint8_t segments_left = f[ofs + 3];

    if (!segments_left || hlen < 24) {
        return 0;
    }
    switch (type) {
    case 0:                     /* RFC 2460: in order of travel. */
    case 2:                     /* RFC 6275: one home address. */
        return ofs + 8 + ((hlen - 8) / 16 - 1) * 16;
    case 4:                     /* RFC 8754: Segment List[0] is the last. */
        return ofs + 8;
    default:
        return 0;
    }
}

static const char *
parse_ipv6(const uint8_t *f, size_t len, size_t ofs, struct ref_l3 *l3)
{
    if (ofs + 40 > len) {
        return "IPv6 header cut short";
    }
    if (f[ofs] >> 4 != 6) {
        return "not IPv6";
    }
    l3->version = 6;
    l3->ofs = ofs;
    l3->l4 = ofs + 40;
    l3->dst = ofs + 24;
    l3->proto = f[ofs + 6];
    l3->ext = false;
    for (;;) {
        size_t hlen;

        if (l3->proto == PROTO_FRAGMENT) {
            return "IPv6 fragment";
        } else if (l3->proto != PROTO_HOPOPTS && l3->proto != PROTO_ROUTING
                   && l3->proto != PROTO_DSTOPTS && l3->proto != PROTO_AH) {
            return NULL;
        }
        if (l3->l4 + 8 > len) {
            return "IPv6 extension header cut short";
        }
        hlen = (l3->proto == PROTO_AH
                ? (f[l3->l4 + 1] + 2) * 4       /* RFC 4302 section 2.2. */
                : (f[l3->l4 + 1] + 1) * 8);     /* RFC 8200 section 4. */
        if (l3->l4 + hlen > len) {
            return "IPv6 extension header cut short";
        }
        if (l3->proto == PROTO_ROUTING && final_destination(f, l3->l4, hlen)) {
            l3->dst = final_destination(f, l3->l4, hlen);
        }
        l3->ext = true;
        l3->proto = f[l3->l4];
        l3->l4 += hlen;
    }
}

/* RFC 8300 section 2.2. */
static const char *
parse_nsh(const uint8_t *f, size_t len, size_t ofs, size_t *next,
          uint16_t *type)
{
    size_t hlen;

    if (ofs + 8 > len) {
        return "NSH cut short";
    }
    hlen = (f[ofs + 1] & 0x3f) * 4;
    if (hlen < 8 || ofs + hlen > len) {
        return "NSH length wrong";
    }
    switch (f[ofs + 3]) {
    case 1:
        *type = TYPE_IPV4;
        break;
    case 2:
        *type = TYPE_IPV6;
        break;
    case 3:
        *type = TYPE_TEB;
        break;
    default:
        return "NSH with an unknown next protocol";
    }
    *next = ofs + hlen;
    return NULL;
}

static const char *parse_ethernet(const uint8_t *, size_t len, size_t ofs,
                                  struct ref_l3 *, bool *stacked);

/* Parses from an Ethertype's payload at 'ofs' to the end of the IP headers. */
static const char *
parse_network(const uint8_t *f, size_t len, size_t ofs, uint16_t type,
              struct ref_l3 *l3, bool *stacked)
{
    if (type == TYPE_MPLS || type == TYPE_MPLS_MULTICAST) {
        bool bottom = false;

        *stacked = true;
        while (!bottom) {
            if (ofs + 4 > len) {
                return "MPLS label cut short";
            }
            bottom = f[ofs + 2] & 1;
            ofs += 4;
        }
        if (ofs >= len) {
            return "nothing after MPLS";
        }
        type = f[ofs] >> 4 == 4 ? TYPE_IPV4 : TYPE_IPV6;
    } else if (type == TYPE_NSH) {
        const char *error;

        *stacked = true;
        error = parse_nsh(f, len, ofs, &ofs, &type);
        if (error) {
            return error;
        }
        if (type == TYPE_TEB) {
            return parse_ethernet(f, len, ofs, l3, stacked);
        }
    }
    switch (type) {
    case TYPE_IPV4:
        return parse_ipv4(f, len, ofs, l3);
    case TYPE_IPV6:
        return parse_ipv6(f, len, ofs, l3);
    default:
        return "Ethertype is not IP";
    }
}

static const char *
parse_ethernet(const uint8_t *f, size_t len, size_t ofs, struct ref_l3 *l3,
               bool *stacked)
{
    uint16_t type;
    int n_tags = 0;

    if (ofs + 14 > len) {
        return "Ethernet header cut short";
    }
    type = ref_get16(f + ofs + 12);
    ofs += 14;
    while (type == TYPE_VLAN || type == TYPE_QINQ) {
        if (ofs + 4 > len) {
            return "VLAN tag cut short";
        }
        type = ref_get16(f + ofs + 2);
        ofs += 4;
        if (++n_tags > 1) {
            *stacked = true;
        }
    }
    return parse_network(f, len, ofs, type, l3, stacked);
}

static const char *
parse_vxlan(const uint8_t *f, size_t len, size_t ofs, size_t *next,
            uint16_t *type)
{
    if (ofs + 8 > len) {
        return "VXLAN header cut short";
    }
    *next = ofs + 8;
    *type = TYPE_TEB;
    if (f[ofs] & 0x04) {        /* GPE's P bit. */
        switch (f[ofs + 3]) {
        case 1:
            *type = TYPE_IPV4;
            break;
        case 2:
            *type = TYPE_IPV6;
            break;
        case 3:
            break;
        default:
            return "VXLAN-GPE with an unknown next protocol";
        }
    }
    return NULL;
}

static const char *
parse_geneve(const uint8_t *f, size_t len, size_t ofs, size_t *next,
             uint16_t *type)
{
    if (ofs + 8 > len) {
        return "Geneve header cut short";
    }
    if (f[ofs] >> 6) {
        return "Geneve version is not 0";
    }
    *next = ofs + 8 + (f[ofs] & 0x3f) * 4;
    *type = ref_get16(f + ofs + 2);
    return *next > len ? "Geneve options cut short" : NULL;
}

static const char *
parse_gre(const uint8_t *f, size_t len, size_t ofs, size_t *next,
          uint16_t *type, bool *csum)
{
    uint16_t flags;

    if (ofs + 4 > len) {
        return "GRE header cut short";
    }
    flags = ref_get16(f + ofs);
    if (flags & ~0xa000) {      /* All but C and K. */
        return "GRE flags or version unknown, or a sequence number";
    }
    *csum = flags & 0x8000;
    *type = ref_get16(f + ofs + 2);
    *next = ofs + 4 + (flags & 0x8000 ? 4 : 0) + (flags & 0x2000 ? 4 : 0);
    return *next > len ? "GRE header cut short" : NULL;
}

/* 3GPP TS 29.281 sections 5.1 and 5.2: a G-PDU without any numbers. */
static const char *
parse_gtpu(const uint8_t *f, size_t len, size_t ofs, size_t *next,
           uint16_t *type)
{
    if (ofs + 8 > len) {
        return "GTP-U header cut short";
    }
    if (f[ofs] >> 5 != 1 || !(f[ofs] & 0x10) || f[ofs + 1] != 0xff) {
        return "not GTP-U version 1, or not a G-PDU";
    }
    if (f[ofs] & 0x03) {
        return "GTP-U sequence or N-PDU number";
    }
    *next = ofs + 8;
    if (f[ofs] & 0x04) {
        *next += 4;
        while (*next <= len && f[*next - 1]) {
            uint8_t kind = f[*next - 1];
            size_t words = *next < len ? f[*next] : 0;

            if (!words) {
                return "GTP-U extension header of length 0, or cut short";
            }
            if (kind != 0x20 && kind != 0x40 && (kind != 0x85 || words > 1)) {
                return "GTP-U extension header that may count";
            }
            *next += words * 4;
        }
    }
    if (*next >= len) {
        return "GTP-U extension headers cut short";
    }
    *type = f[*next] >> 4 == 4 ? TYPE_IPV4 : TYPE_IPV6;
    return NULL;
}

/* Is there UDP in front of the header of 'encap'? */
bool
ref_over_udp(enum ref_encap encap)
{
    return encap == REF_VXLAN || encap == REF_GENEVE || encap == REF_GTPU;
}

/* Parses the tunnel header behind 'l3' and what is in it, up to the end of
 * its IP headers, which go to 'next'. */
static const char *
parse_tunnel(const uint8_t *f, size_t len, enum ref_encap encap,
             const struct ref_l3 *l3, bool *gre_csum, struct ref_l3 *next,
             bool *stacked)
{
    const char *error;
    uint16_t type;
    size_t ofs;

    if (encap == REF_IPIP) {
        return (l3->proto == PROTO_IPV4 ? parse_ipv4(f, len, l3->l4, next)
                : l3->proto == PROTO_IPV6 ? parse_ipv6(f, len, l3->l4, next)
                : "tunnel's protocol is not IP");
    } else if (encap == REF_GRE) {
        if (l3->proto != PROTO_GRE) {
            return "tunnel's protocol is not GRE";
        }
        error = parse_gre(f, len, l3->l4, &ofs, &type, gre_csum);
    } else {
        if (l3->proto != PROTO_UDP) {
            return "tunnel's protocol is not UDP";
        }
        if (l3->l4 + 8 > len) {
            return "tunnel's UDP header cut short";
        }
        error = (encap == REF_VXLAN ? parse_vxlan
                 : encap == REF_GTPU ? parse_gtpu : parse_geneve)(
            f, len, l3->l4 + 8, &ofs, &type);
    }
    if (error) {
        return error;
    }
    return (type == TYPE_TEB
            ? parse_ethernet(f, len, ofs, next, stacked)
            : parse_network(f, len, ofs, type, next, stacked));
}

/* Parses from the outermost Ethernet header to the innermost IP headers. */
static const char *
parse_levels(const uint8_t *f, size_t len, const struct ref_job *job,
             struct ref_layout *l)
{
    const char *error;

    if (job->encap == REF_PLAIN) {
        return parse_ethernet(f, len, 0, &l->inner, &l->stacked);
    }
    error = parse_ethernet(f, len, 0, &l->outer, &l->stacked);
    if (error) {
        return error;
    }
    if (job->mid == REF_PLAIN) {
        return parse_tunnel(f, len, job->encap, &l->outer, &l->gre_csum,
                            &l->inner, &l->stacked);
    }
    error = parse_tunnel(f, len, job->encap, &l->outer, &l->gre_csum,
                         &l->mid, &l->stacked);
    if (error) {
        return error;
    }
    return parse_tunnel(f, len, job->mid, &l->mid, &l->mid_gre_csum,
                        &l->inner, &l->stacked);
}

/* Is UDP behind the innermost header, not TCP? */
bool
ref_is_udp(const struct ref_layout *l)
{
    return l->inner.proto == PROTO_UDP;
}

/* Finds all headers of 'frame' down to the payload of TCP or UDP. */
const char *
ref_parse_job(const uint8_t *f, size_t len, const struct ref_job *job,
              struct ref_layout *l)
{
    const char *error;
    size_t hlen;

    memset(l, 0, sizeof *l);
    error = parse_levels(f, len, job, l);
    if (error) {
        return error;
    }
    if (ref_is_udp(l)) {
        l->l4_csum = l->inner.l4 + 6;
        l->payload = l->inner.l4 + 8;
        return l->payload > len ? "UDP header cut short" : NULL;
    }
    if (l->inner.proto != PROTO_TCP) {
        return "neither TCP nor UDP";
    }
    l->l4_csum = l->inner.l4 + 16;
    if (l->inner.l4 + 20 > len) {
        return "TCP header cut short";
    }
    hlen = (f[l->inner.l4 + 12] >> 4) * 4;
    if (hlen < 20) {
        return "TCP header length below 20";
    }
    if (l->inner.l4 + hlen > len) {
        return "TCP options cut short";
    }
    l->payload = l->inner.l4 + hlen;
    return NULL;
}

/* The same for a packet in one tunnel at most. */
const char *
ref_parse(const uint8_t *f, size_t len, enum ref_encap encap,
          struct ref_layout *l)
{
    const struct ref_job job = { .encap = encap };

    return ref_parse_job(f, len, &job, l);
}

/* Reads the tunnel header at 'hdr', with the 'size' bytes behind it that are
 * there. */
struct ref_remote
ref_read_remote(enum ref_encap encap, const uint8_t *hdr, size_t size)
{
    struct ref_remote said = { .there = false };
    size_t ofs = 8;
    size_t end;

    if (size < 8) {
        return said;
    }
    if (encap == REF_VXLAN) {
        if (hdr[1] & 0x20 && !(hdr[0] & 4)) {
            said.there = true;
            said.start = hdr[7] % 128 * 2;
            said.field = said.start + (hdr[7] >= 128 ? 6 : 16);
        }
        return said;
    }
    end = 8 + hdr[0] % 64 * 4;
    if (encap != REF_GENEVE || end > size || hdr[0] >> 6
        || ref_get16(hdr + 2) != 0x6558) {
        return said;            /* Version 0, with Ethernet in it, only. */
    }
    while (ofs + 4 <= end) {
        size_t next = ofs + 4 + hdr[ofs + 3] % 32 * 4;

        if (ref_get16(hdr + ofs) == REF_RCO_CLASS
            && hdr[ofs + 2] == REF_RCO_TYPE) {
            bool good = !said.there && next == ofs + 8 && next <= end;

            said.there = true;
            said.start = good ? ref_get16(hdr + ofs + 4) : 65535;
            said.field = good ? ref_get16(hdr + ofs + 6) : 65535;
            said.noop = good && !said.start && !said.field;
        }
        ofs = next;
    }
    return said;
}
