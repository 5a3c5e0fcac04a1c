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

#include "receive/tnl-gro-match.h"

#include <string.h>

#include "core/tnl-gso-parse.h"
#include "dp-packet.h"
#include "packets.h"
#include "receive/tnl-gro.h"
#include "unaligned.h"
#include "util.h"

/* See tnl-gro-match.h.  What the rules follow from is in tnl-gro.h. */

/* Are bytes 'from' to 'to' the same in 'a' and 'b'? */
static inline bool
same(const uint8_t *a, const uint8_t *b, size_t from, size_t to)
{
    return !memcmp(a + from, b + from, to - from);
}

/* Are the outer headers of 'a' and 'b' the same, in so far as anything is left
 * of them behind a pop?  IPv4 IDs, lengths and checksums are not. */
static bool
same_outer(const struct tnl_gro_outer *a, const struct tnl_gro_outer *b)
{
    size_t l3 = a->l3.ofs;
    size_t l4 = a->l3.l4_ofs;

    if (a->len != b->len || a->csum != b->csum || a->l3.ofs != b->l3.ofs
        || a->l3.l4_ofs != b->l3.l4_ofs || a->l3.version != b->l3.version) {
        return false;
    }
    if (a->class->outer == TNL_GSO_OUTER_NONE) {
        return true;
    }
    /* Ethernet; IP; UDP ports. */
    return (a->l3.version == 4
            ? (same(a->frame, b->frame, 0, l3 + 2)
               && same(a->frame, b->frame, l3 + 6, l3 + 10)
               && same(a->frame, b->frame, l3 + 12, l4))
            : (same(a->frame, b->frame, 0, l3 + 4)
               && same(a->frame, b->frame, l3 + 6, l4)))
           && (a->len == l4 || same(a->frame, b->frame, l4, l4 + 4));
}

/* Is something in the tunnel header of 'u' another one in each unit: a GRE
 * checksum, or a length? */
static inline bool
tunnel_varies(const struct tnl_gro_unit *u)
{
    return ((u->outer->csum && u->outer->class->outer == TNL_GSO_OUTER_GRE)
            || u->len_ofs);
}

/* Are the tunnel headers of 'u' and of the unit at 'b' the same, but for a GRE
 * checksum and a length? */
static inline bool
same_tunnel(const struct tnl_gro_unit *u, const uint8_t *b)
{
    const struct tnl_gro_outer *o = u->outer;

    if (OVS_UNLIKELY(o->csum && o->class->outer == TNL_GSO_OUTER_GRE)) {
        return (same(u->data, b, 0, 4)
                && same(u->data, b, 8, u->inner_ofs));
    }
    if (OVS_UNLIKELY(u->len_ofs)) {
        return (same(u->data, b, 0, u->len_ofs)
                && same(u->data, b, u->len_ofs + 2, u->inner_ofs));
    }
    return same(u->data, b, 0, u->inner_ofs);
}

/* Compares the IP headers at 'l3' of 'a' and 'b', in all fields but lengths,
 * ID and checksum. */
static enum tnl_gro_rule
match_ip(const struct tnl_gso_l3 *l3, const uint8_t *a, const uint8_t *b)
{
    size_t ofs = l3->ofs;

    if (l3->version == 4) {
        if (a[ofs + 1] != b[ofs + 1]) {
            return TNL_GRO_R_TOS;
        } else if (a[ofs + 8] != b[ofs + 8]) {
            return TNL_GRO_R_TTL;
        } else if (a[ofs] != b[ofs] || !same(a, b, ofs + 6, ofs + 8)
                   || a[ofs + 9] != b[ofs + 9]
                   || !same(a, b, ofs + 12, l3->l4_ofs)) {
            return TNL_GRO_R_IP;
        }
    } else if ((tnl_gso_get16(a + ofs) ^ tnl_gso_get16(b + ofs)) & 0xff0) {
        return TNL_GRO_R_TOS;
    } else if (a[ofs + 7] != b[ofs + 7]) {
        return TNL_GRO_R_TTL;
    } else if (!same(a, b, ofs, ofs + 4) || a[ofs + 6] != b[ofs + 6]
               || !same(a, b, ofs + 8, l3->l4_ofs)) {
        return TNL_GRO_R_IP;
    }
    return TNL_GRO_JOINED;
}

/* Compares the TCP headers of 'u' and of the unit at 'b', but for sequence
 * numbers and checksums. */
static enum tnl_gro_rule
match_tcp(const struct tnl_gro_unit *u, const uint8_t *b)
{
    const uint8_t *a = u->data;
    size_t l4 = u->l3.l4_ofs;

    return (!same(a, b, l4 + 8, l4 + 12) ? TNL_GRO_R_ACK
            : !same(a, b, l4 + 14, l4 + 16) ? TNL_GRO_R_WINDOW
            : a[l4 + 12] >> 4 != b[l4 + 12] >> 4
              || !same(a, b, l4 + TCP_HEADER_LEN, u->hdr_len)
            ? TNL_GRO_R_OPTIONS
            /* Without URG, the urgent pointer means nothing. */
            : TNL_GRO_R_TCP_FLAGS);
}

/* Returns the rule by which the headers of 'u' and of the unit at 'b', whose
 * TCP ports are the same, differ, which they do: same_headers(). */
static enum tnl_gro_rule
which_differs(const struct tnl_gro_unit *u, const uint8_t *b)
{
    enum tnl_gro_rule rule;

    if (!same_tunnel(u, b)) {
        return TNL_GRO_R_TUNNEL;
    } else if (!same(u->data, b, u->inner_ofs, u->l3.ofs)) {
        return TNL_GRO_R_L2;
    }
    rule = match_ip(&u->l3, u->data, b);
    return rule ? rule : match_tcp(u, b);
}

/* Are all fields the same in the headers of 'u' and of the unit at 'b' that
 * are the same in all segments, apart from TCP's flags?  They include all that
 * say where a header is. */
static inline bool
same_headers(const struct tnl_gro_unit *u, const uint8_t *b)
{
    const uint16_t may_differ = TCP_FLAGS(htons(UINT16_MAX));
    const uint8_t *a = u->data;
    size_t l3 = u->l3.ofs;
    size_t l4 = u->l3.l4_ofs;
    size_t start = 0;

    if (OVS_UNLIKELY(tunnel_varies(u))) {
        if (!same_tunnel(u, b)) {
            return false;
        }
        start = u->inner_ofs;
    }
    /* Not total length, ID and checksum; sequence number, flags and
     * checksum. */
    return ((u->l3.version == 4
             ? (same(a, b, start, l3 + 2) && same(a, b, l3 + 6, l3 + 10)
                && same(a, b, l3 + 12, l4 + 4))
             : same(a, b, start, l3 + 4) && same(a, b, l3 + 6, l4 + 4))
            && same(a, b, l4 + 8, l4 + 12)
            && !((tnl_gso_get16(b + l4 + 12) ^ u->ctl) & ~may_differ)
            && same(a, b, l4 + 14, l4 + 16)
            && same(a, b, l4 + 18, u->hdr_len));
}

/* Returns TNL_GRO_JOINED if the unit of 'len' bytes at 'data', behind 'o',
 * continues the flow 'f', otherwise a rule that says that it does not, which
 * need not be the one that an operator wants to know: the unit need not be
 * described. */
enum tnl_gro_rule
tnl_gro_match_bytes(const struct tnl_gro_flow *f,
                    const struct tnl_gro_outer *o, const uint8_t *data,
                    uint32_t len)
{
    const uint16_t may_differ = TCP_FIN | TCP_PSH;
    const struct tnl_gro_unit *u = &f->first;
    const struct tnl_gso_l3 *l3 = &u->l3;
    uint32_t payload_len = len - u->hdr_len;
    const uint8_t *tcp = data + l3->l4_ofs;

    if (len <= u->hdr_len) {
        return TNL_GRO_R_HEADERS;
    } else if (get_unaligned_be32((const void *) (u->data + l3->l4_ofs))
               != get_unaligned_be32((const void *) tcp)) {
        /* Ports first, because it tells interleaved flows apart. */
        return TNL_GRO_FIRST;
    } else if (o != u->outer
               && !tnl_gro_same_metadata(o->packet, u->outer->packet)) {
        return TNL_GRO_R_METADATA;
    } else if (o != u->outer && !same_outer(o, u->outer)) {
        return TNL_GRO_R_OUTER;
    } else if (!same_headers(u, data)) {
        return which_differs(u, data);
    } else if (!tnl_gro_own_len_right(u, data, len)) {
        return TNL_GRO_R_HEADERS;
    } else if ((tnl_gso_get16(tcp + 12) ^ (u->ctl & ~TCP_CWR))
               & ~may_differ) {
        return TNL_GRO_R_TCP_FLAGS;
    } else if (!tnl_gro_ip_continues(u, data, len)) {
        return TNL_GRO_R_CSUM;
    } else if (f->ended) {
        return TNL_GRO_R_ENDED;
    } else if (get_unaligned_be32((const void *) (tcp + 4))
               != htonl(u->seq + f->payload_len)) {
        return TNL_GRO_R_SEQ;
    } else if (payload_len > u->payload_len) {
        return TNL_GRO_R_LENGTH;
    } else if (l3->version == 4
               && !tnl_gro_id_continues(
                   f, tnl_gso_get16(data + l3->ofs + 4))) {
        return TNL_GRO_R_IP_ID;
    } else if (u->outer->len + u->hdr_len + f->payload_len + payload_len
               > UINT16_MAX || f->n_units == TNL_GSO_MAX_SEGS) {
        return TNL_GRO_R_FULL;
    }
    return TNL_GRO_JOINED;
}

/* Returns TNL_GRO_JOINED if unit 'u', which has the addresses and ports of the
 * flow 'f', continues it, otherwise the rule that says that it does not. */
enum tnl_gro_rule
tnl_gro_match(const struct tnl_gro_flow *f, const struct tnl_gro_unit *u)
{
    const struct tnl_gro_unit *first = &f->first;

    if (!tnl_gro_same_metadata(u->outer->packet, first->outer->packet)) {
        return TNL_GRO_R_METADATA;
    } else if (u->inner_ofs != first->inner_ofs) {
        return TNL_GRO_R_TUNNEL;
    } else if (u->l3.ofs != first->l3.ofs) {
        return TNL_GRO_R_L2;
    } else if (u->l3.l4_ofs != first->l3.l4_ofs) {
        return TNL_GRO_R_IP;
    } else if (u->hdr_len != first->hdr_len) {
        return TNL_GRO_R_OPTIONS;
    }
    return tnl_gro_match_bytes(f, u->outer, u->data, u->len);
}

/* Makes '*f' a flow of one unit, 'u'. */
void
tnl_gro_flow_init(struct tnl_gro_flow *f, const struct tnl_gro_unit *u)
{
    f->first = *u;
    f->n_units = 1;
    f->payload_len = u->payload_len;
    f->ctl = u->ctl;
    f->ended = (u->ctl & (TCP_FIN | TCP_PSH)) != 0;
    f->ids = TNL_GRO_IDS_UNKNOWN;
    f->expect = 0;
}

/* Returns the name of 'rule' in statistics and commands, in static memory. */
const char *
tnl_gro_rule_to_string(enum tnl_gro_rule rule)
{
    switch (rule) {
    case TNL_GRO_JOINED:
        return "joined";
    case TNL_GRO_FIRST:
        return "first";
    case TNL_GRO_R_NOT_TCP:
        return "not_tcp";
    case TNL_GRO_R_HEADERS:
        return "headers";
    case TNL_GRO_R_FRAGMENT:
        return "fragment";
    case TNL_GRO_R_SUPER:
        return "superpacket";
    case TNL_GRO_R_CONTROL:
        return "syn_rst_urg";
    case TNL_GRO_R_NO_PAYLOAD:
        return "no_payload";
    case TNL_GRO_R_CSUM:
        return "bad_csum";
    case TNL_GRO_R_METADATA:
        return "metadata";
    case TNL_GRO_R_OUTER:
        return "outer";
    case TNL_GRO_R_TUNNEL:
        return "tunnel";
    case TNL_GRO_R_L2:
        return "l2";
    case TNL_GRO_R_TOS:
        return "tos";
    case TNL_GRO_R_TTL:
        return "ttl";
    case TNL_GRO_R_IP:
        return "ip";
    case TNL_GRO_R_IP_ID:
        return "ip_id";
    case TNL_GRO_R_ACK:
        return "ack";
    case TNL_GRO_R_WINDOW:
        return "window";
    case TNL_GRO_R_OPTIONS:
        return "tcp_options";
    case TNL_GRO_R_TCP_FLAGS:
        return "tcp_flags";
    case TNL_GRO_R_SEQ:
        return "seq";
    case TNL_GRO_R_LENGTH:
        return "longer";
    case TNL_GRO_R_ENDED:
        return "ended";
    case TNL_GRO_R_FULL:
        return "full";
    case TNL_GRO_R_TABLE:
        return "table_full";
    case TNL_GRO_N_RULES:
    default:
        OVS_NOT_REACHED();
    }
}
