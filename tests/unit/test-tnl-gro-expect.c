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

#include "test-tnl-gro.h"

#include "dp-packet.h"
#include "flow.h"
#include "packets.h"
#include "test-tnl-gso.h"
#include "tnl-gso-pkt.h"
#include "tnl-gso-train.h"
#include "tnl-gso/receive/tnl-gro-expect.h"
#include "unaligned.h"
#include "util.h"

/* The short way of matching against the long one: a packet that is expected
 * next must be one that all rules let continue the flow.
 *
 * The third unit of a flow, with each bit of its headers changed and each
 * other thing that rules look at. */

enum { MSS = 1000 };

/* A flow that expects its third unit. */
struct third {
    struct dp_packet *packets[3];
    enum tnl_gso_encap encap;
    struct tnl_gro_outer outer;
    struct tnl_gro_flow flow;
    struct tnl_gro_expect expect;
    int n_expected;
    int n_refused;
};

static void
third_init(struct third *t, const struct pkt_row *row, bool good)
{
    struct tnl_gro_unit first;
    struct ref_frames units;
    struct dp_packet *p;

    t->encap = test_encap(row->encap);
    t->n_expected = t->n_refused = 0;
    train_cut_row(row, &units);
    for (size_t i = 0; i < ARRAY_SIZE(t->packets); i++) {
        struct flow flow;

        p = dp_packet_clone_data(units.v[i].data, units.v[i].len);
        flow_extract(p, &flow);
        dp_packet_reset_offload(p);
        if (row->encap == REF_VXLAN || row->encap == REF_GENEVE) {
            dp_packet_l4_proto_set_udp(p);
        }
        if (good) {
            dp_packet_ip_checksum_set_good(p);
            dp_packet_l4_checksum_set_good(p);
        }
        t->packets[i] = p;
    }
    ref_frames_destroy(&units);

    p = t->packets[0];
    ovs_assert(!tnl_gro_describe_outer(p, t->encap, false, &t->outer));
    ovs_assert(!tnl_gro_describe(&t->outer, t->outer.frame + t->outer.len,
                                 dp_packet_size(p) - t->outer.len, &first));
    tnl_gro_flow_init(&t->flow, &first);
    p = t->packets[1];
    tnl_gro_flow_add(&t->flow,
                     (uint8_t *) dp_packet_data(p) + t->outer.len,
                     dp_packet_size(p) - t->outer.len);
    t->expect.number = 0;
    tnl_gro_expect_next(&t->expect, &t->flow);
}

static void
third_destroy(struct third *t)
{
    for (size_t i = 0; i < ARRAY_SIZE(t->packets); i++) {
        dp_packet_delete(t->packets[i]);
    }
}

/* Does 'p' continue 'flow' by the rules? */
static bool
long_way(const struct third *t, const struct tnl_gro_flow *flow,
         struct dp_packet *p)
{
    struct tnl_gro_outer outer;
    struct tnl_gro_unit unit;

    return (!tnl_gro_describe_outer(p, t->encap, false, &outer)
            && !tnl_gro_describe(&outer, outer.frame + outer.len,
                                 dp_packet_size(p) - outer.len, &unit)
            && !tnl_gro_match(flow, &unit));
}

/* Asks both ways about 'p'.  Returns null, or what is wrong. */
static char *
ask(struct third *t, const struct tnl_gro_flow *flow, struct dp_packet *p,
    const char *what, size_t i)
{
    bool expected = tnl_gro_expects_packet(&t->expect, flow, p);
    bool right = long_way(t, flow, p);

    t->n_expected += expected;
    t->n_refused += !right;
    return (expected && !right
            ? xasprintf("expected although rules refuse it: %s %"PRIuSIZE,
                        what, i)
            : NULL);
}

/* Each bit of the headers changed, which may make a checksum wrong. */
static char *
ask_bits(struct third *t)
{
    struct dp_packet *p = t->packets[2];
    uint8_t *frame = dp_packet_data(p);
    size_t n = 8 * (t->outer.len + t->flow.first.hdr_len);
    char *error = NULL;

    for (size_t i = 0; i < n && !error; i++) {
        frame[i / 8] ^= 1 << i % 8;
        error = ask(t, &t->flow, p, "bit", i);
        frame[i / 8] ^= 1 << i % 8;
    }
    return error;
}

/* Each pair of bytes changed that the IPv4 header at 'ofs' begins with, but so
 * that its checksum stays right. */
static char *
ask_ip(struct third *t, size_t ofs)
{
    struct dp_packet *p = t->packets[2];
    uint8_t *ip = (uint8_t *) dp_packet_data(p) + ofs;
    void *csum = ip + 10;
    char *error = NULL;

    for (size_t i = 0; i < IP_HEADER_LEN && !error; i += 2) {
        ovs_be16 old_csum = get_unaligned_be16(csum);
        void *field = ip + i;
        ovs_be16 old = get_unaligned_be16(field);
        ovs_be16 new = htons(ntohs(old) + 1);

        if (i == 10) {
            continue;
        }
        put_unaligned_be16(field, new);
        put_unaligned_be16(csum, recalc_csum16(old_csum, old, new));
        error = ask(t, &t->flow, p, "field", i);
        put_unaligned_be16(field, old);
        put_unaligned_be16(csum, old_csum);
    }
    return error;
}

/* What is beside the bytes. */
static char *
ask_marks(struct third *t)
{
    char *error = NULL;

    for (size_t i = 0; i < 32 + 10 && !error; i++) {
        struct dp_packet *p = dp_packet_clone(t->packets[2]);

        if (i < 32) {
            uint32_t marks = p->offloads ^ UINT32_C(1) << i;

            /* Other marks of tunnels there are not. */
            if (UINT32_C(1) << i & TNL_GSO_ENCAP_MARKS) {
                dp_packet_delete(p);
                continue;
            }
            p->offloads = marks;
        } else {
            switch (i - 32) {
            case 0: p->md.in_port.odp_port = u32_to_odp(77); break;
            case 1: p->md.orig_in_port = u32_to_odp(77); break;
            case 2: p->md.skb_priority = 77; break;
            case 3: p->md.pkt_mark = 77; break;
            case 4: p->packet_type = htonl(PT_IPV4); break;
            case 5: p->l3_ofs += 2; break;
            case 6: p->l4_ofs += 2; break;
            case 7: dp_packet_set_tso_segsz(p, MSS); break;
            case 8: p->uso_segsz = MSS; break;
            case 9: dp_packet_set_size(p, dp_packet_size(p) - 1); break;
            default: OVS_NOT_REACHED();
            }
        }
        error = ask(t, &t->flow, p, "mark", i);
        dp_packet_delete(p);
    }
    return error;
}

/* Flows of all lengths that come near the limits, and one that has ended. */
static char *
ask_lengths(struct third *t)
{
    const struct tnl_gro_unit *u = &t->flow.first;
    struct dp_packet *p = t->packets[2];
    struct tnl_gro_flow flow = t->flow;
    char *error = NULL;

    for (uint32_t n = 60; n < 70 && !error; n++) {
        flow = t->flow;
        flow.n_units = n;
        flow.payload_len = n * u->payload_len;
        flow.first.seq = u->seq + 2 * u->payload_len - flow.payload_len;
        flow.first.id = u->id + 2 - n;
        error = ask(t, &flow, p, "length", n);
    }
    flow = t->flow;
    flow.ended = true;
    return error ? error : ask(t, &flow, p, "ended", 0);
}

/* PSH is allowed; another outer UDP checksum, which units with a remote
 * checksum have, for join to verify; and in a train, everything but a shorter
 * length. */
static char *
ask_allowed(struct third *t)
{
    const struct tnl_gro_unit *u = &t->flow.first;
    uint8_t *unit = (uint8_t *) dp_packet_data(t->packets[2]) + t->outer.len;
    char *error = NULL;
    bool expected;

    unit[u->l3.l4_ofs + 13] |= TCP_PSH;
    expected = tnl_gro_expects_packet(&t->expect, &t->flow, t->packets[2]);
    EXPECT(expected, true);
    unit[u->l3.l4_ofs + 13] &= ~TCP_PSH;

    if (t->expect.udp_csum) {
        unit[-1] ^= 1;
        expected = tnl_gro_expects_packet(&t->expect, &t->flow,
                                          t->packets[2]);
        EXPECT(expected, true);
        unit[-1] ^= 1;
    }
    for (int less = 0; less <= 1; less++) {
        expected = tnl_gro_expects_unit(&t->expect, &t->flow, &t->outer, unit,
                                        u->len - less);
        EXPECT(expected, !less);
    }
    return error;
}

/* An IPv4 ID with which the header's checksum is zero, in both of its
 * representations. */
static char *
ask_zero(struct third *t)
{
    struct dp_packet *p = t->packets[2];
    uint8_t *ip = ((uint8_t *) dp_packet_data(p) + t->outer.len
                   + t->flow.first.l3.ofs);
    void *csum = ip + 10;
    ovs_be16 old_csum = get_unaligned_be16(csum);
    ovs_be16 old_id = get_unaligned_be16((void *) (ip + 4));
    uint32_t sum = (OVS_FORCE uint16_t) old_csum + (OVS_FORCE uint16_t) old_id;
    ovs_be16 id = (OVS_FORCE ovs_be16) ((sum & UINT16_MAX) + (sum >> 16));
    struct tnl_gro_flow flow = t->flow;
    char *error = NULL;

    flow.first.id = ntohs(id) - 2;
    put_unaligned_be16((void *) (ip + 4), id);
    for (int all_ones = 0; all_ones <= 1 && !error; all_ones++) {
        int n = t->n_expected;

        put_unaligned_be16(csum, htons(all_ones ? UINT16_MAX : 0));
        error = ask(t, &flow, p, "zero", all_ones);
        EXPECT(t->n_expected - n, !all_ones);
    }
    put_unaligned_be16(csum, old_csum);
    put_unaligned_be16((void *) (ip + 4), old_id);
    return error;
}

/* All of this for the third unit of 'row', with checksums that are known to be
 * right if 'good'. */
static void
test_row(const struct pkt_row *row, bool good)
{
    struct third t;
    char *error = NULL;

    third_init(&t, row, good);
    error = ask(&t, &t.flow, t.packets[2], "as it is", 0);
    EXPECT(t.n_expected, 1);
    EXPECT(t.n_refused, 0);
    error = error ? error : ask_bits(&t);
    if (!error && t.flow.first.l3.version == 4) {
        error = ask_ip(&t, t.outer.len + t.flow.first.l3.ofs);
        error = error ? error : ask_zero(&t);
    }
    if (!error && t.outer.l3.version == 4) {
        error = ask_ip(&t, t.outer.l3.ofs);
    }
    error = error ? error : ask_allowed(&t);
    error = error ? error : ask_marks(&t);
    error = error ? error : ask_lengths(&t);

    /* PSH and FIN, and lengths that are allowed. */
    EXPECT(t.n_expected > 5, true);
    EXPECT(t.n_refused > 100, true);
    test_case(error, "expect: %s over IPv%d, IPv%d, checksum %d, good %d",
              pkt_encap_name(row->encap), row->outer.version,
              row->inner.version, row->csum, good);
    third_destroy(&t);
}

void
test_gro_expect(void)
{
    struct pkt_row row;

    for (unsigned int i = 0; i < 4 * 16; i++) {

        pkt_row_init(&row, i / 16);
        row.csum = row.encap != REF_PLAIN && i & 1;
        row.outer.version = i & 2 ? 6 : 4;
        row.inner.version = i & 4 ? 6 : 4;
        row.gre_key = row.encap == REF_GRE && i & 2;
        row.geneve_opt = row.encap == REF_GENEVE && i & 1 ? 8 : 0;
        row.inner.n_vlans = i & 1;
        row.tcp_opt = 12;
        row.mss = MSS;
        row.payload = 4 * MSS;
        test_row(&row, i & 8);
    }
}
