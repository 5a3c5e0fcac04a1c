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

#include "tnl-gso-train.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "dp-packet.h"
#include "netdev-native-tnl.h"
#include "openvswitch/dynamic-string.h"
#include "tnl-gso-pkt.h"
#include "tnl-gso/tnl-gso.h"
#include "tnl-gso/receive/tnl-gso-merge.h"
#include "test-tnl-gso.h"
#include "util.h"

/* See tnl-gso-train.h for what this must not do. */

/* Writes the lengths and the IPv4 checksum of the outer headers of a frame of
 * 'len' bytes. */
static void
settle_outer(uint8_t *f, size_t len, size_t l3, size_t l4)
{
    uint8_t *ip = f + l3;

    if (ip[0] >> 4 == 4) {
        ref_put16(ip + 2, len - l3);
        ref_put16(ip + 10, 0);
        ref_put16(ip + 10, ref_csum(ip, l4 - l3));
    } else {
        ref_put16(ip + 4, len - l3 - 40);
    }
    ref_put16(f + l4 + 4, len - l4);
}

/* Makes a train of what is behind the outer UDP headers in 'units'. */
void
train_build(struct train *t, enum ref_encap encap,
            const struct ref_frames *units)
{
    struct ref_layout l;
    size_t payload;

    ovs_assert(!ref_parse(units->v[0].data, units->v[0].len, encap, &l));
    payload = l.outer.l4 + 8;
    *t = (struct train) {
        .data = xmalloc(65536),
        .len = payload,
        .encap = encap,
        .l3 = l.outer.ofs,
        .l4 = l.outer.l4,
        .unit_len = units->v[0].len - payload,
    };
    memcpy(t->data, units->v[0].data, payload);
    for (size_t i = 0; i < units->n; i++) {
        size_t n = units->v[i].len - payload;

        ovs_assert(n <= t->unit_len && t->len + n <= 65535);
        memcpy(t->data + t->len, units->v[i].data + payload, n);
        t->len += n;
    }
    settle_outer(t->data, t->len, t->l3, t->l4);
}

/* Makes a train of any bytes, in IPv4 or IPv6. */
void
train_wrap(struct train *t, enum ref_encap encap, int version,
           uint16_t unit_len, const uint8_t *payload, size_t len)
{
    size_t l4 = version == 4 ? 34 : 54;

    *t = (struct train) {
        .data = xzalloc(l4 + 8 + len),
        .len = l4 + 8 + len,
        .encap = encap,
        .l3 = 14,
        .l4 = l4,
        .unit_len = unit_len,
    };
    ref_put16(t->data + 12, version == 4 ? 0x0800 : 0x86dd);
    t->data[14] = version == 4 ? 0x45 : 0x60;
    t->data[version == 4 ? 23 : 20] = 17;
    ref_put16(t->data + l4 + 2, 4789);
    memcpy(t->data + l4 + 8, payload, len);
    settle_outer(t->data, t->len, t->l3, t->l4);
}

void
train_destroy(struct train *t)
{
    free(t->data);
}

/* Returns 't' as it comes from a port, in a buffer of exactly that size. */
struct dp_packet *
train_packet(const struct train *t)
{
    struct dp_packet *p = dp_packet_new(0);

    dp_packet_uninit(p);
    dp_packet_use(p, xmemdup(t->data, t->len), t->len);
    dp_packet_set_size(p, t->len);
    p->l3_ofs = t->l3;
    p->l4_ofs = t->l4;
    p->uso_segsz = t->unit_len;
    dp_packet_l4_proto_set_udp(p);
    dp_packet_l4_checksum_set_partial(p);
    dp_packet_set_rss_hash(p, 0x12345678);
    dp_packet_set_flow_mark(p, 0x87654321);
    memset(&p->md, 0x5a, sizeof p->md);
    return p;
}

/* All but payload and inner marks of 'p', which was made of 'from'. */
static char *
judge_outer(const struct train *t, const struct dp_packet *from,
            const struct dp_packet *p)
{
    const uint8_t *f = dp_packet_data(p);
    size_t len = dp_packet_size(p);
    uint8_t *expected;
    uint32_t mark;
    char *error = NULL;

    COMPARE(p->l3_ofs, t->l3);
    COMPARE(p->l4_ofs, t->l4);
    COMPARE(p->l2_pad_size, 0);
    COMPARE(p->uso_segsz, 0);
    COMPARE(dp_packet_l4_proto_udp(p), true);
    COMPARE(dp_packet_l4_checksum_good(p), true);
    COMPARE(dp_packet_ip_checksum_partial(p), f[t->l3] >> 4 == 4);
    COMPARE(dp_packet_rss_valid(p), dp_packet_rss_valid(from));
    COMPARE(dp_packet_get_rss_hash(p), dp_packet_get_rss_hash(from));
    COMPARE(dp_packet_has_flow_mark(p, &mark), true);
    COMPARE(mark, 0x87654321);
    COMPARE(memcmp(&p->md, &from->md, sizeof p->md), 0);
    COMPARE(dp_packet_headroom(p), MIN(128, (65535 - len) / 2 * 2));
    COMPARE(len <= 65535, true);

    /* The IPv4 checksum is marked as partial. */
    expected = xmemdup(t->data, t->l4 + 8);
    settle_outer(expected, len, t->l3, t->l4);
    if (expected[t->l3] >> 4 == 4) {
        memcpy(expected + t->l3 + 10, f + t->l3 + 10, 2);
    }
    for (size_t i = 0; i < t->l4 + 8 && !error; i++) {
        if (f[i] != expected[i]) {
            error = xasprintf("outer byte %"PRIuSIZE" is %#x, not %#x", i,
                              f[i], expected[i]);
        }
    }
    free(expected);
    return error;
}

/* Zero has two representations in a checksum field, and cutting writes one of
 * them. */
static bool
same_csum(const uint8_t *a, const uint8_t *b)
{
    uint16_t x = ref_get16(a);
    uint16_t y = ref_get16(b);

    return x == y || ((x == 0 || x == 0xffff) && (y == 0 || y == 0xffff));
}

/* Compares 'piece', cut from a merged packet laid out as in 'l', with the unit
 * at 'unit', of which 'size' bytes are left in the train. */
static char *
judge_piece(const struct train *t, const struct ref_layout *l,
            const struct ref_frame *piece, const uint8_t *unit, size_t size)
{
    size_t ofs = t->l4 + 8;
    size_t len = piece->len - ofs;

    COMPARE(len, MIN(size, t->unit_len));
    for (size_t i = 0; i < len; i++) {
        size_t pos = ofs + i;
        bool in_csum = (pos == l->inner.l4 + 16
                        || (l->inner.version == 4
                            && pos == l->inner.ofs + 10));

        if (in_csum && same_csum(piece->data + pos, unit + i)) {
            i++;
        } else if (piece->data[pos] != unit[i]) {
            return xasprintf("byte %"PRIuSIZE" of a unit is %#x, and %#x when "
                             "cut again", i, unit[i], piece->data[pos]);
        }
    }
    return NULL;
}

/* The sum that a partial TCP checksum holds: RFC 9293 section 3.1. */
static uint16_t
pseudo_sum(const uint8_t *f, size_t len, const struct ref_l3 *l3)
{
    size_t addr = l3->version == 4 ? 4 : 16;
    uint8_t pseudo[40] = { 0 };

    memcpy(pseudo, f + l3->ofs + (l3->version == 4 ? 12 : 8), addr);
    memcpy(pseudo + 16, f + l3->dst, addr);
    ref_put32(pseudo + 32, len - l3->l4);
    pseudo[39] = 6;
    return ~ref_csum(pseudo, sizeof pseudo);
}

/* Does the VXLAN header at 'hdr' say that the checksum is remote? */
static bool
is_remote(enum ref_encap encap, const uint8_t *hdr)
{
    return encap == REF_VXLAN && hdr[1] & 0x20 && !(hdr[0] & 0x04);
}

/* Judges superpacket 'p', made of the units from '*pos' on; moves '*pos'
 * behind them. */
static char *
judge_merged(const struct train *t, const struct dp_packet *p, size_t *pos,
             size_t *n)
{
    const uint8_t *f = dp_packet_data(p);
    size_t len = dp_packet_size(p);
    uint16_t mss = dp_packet_get_tso_segsz(p);
    struct ref_job job = { .encap = t->encap, .mss = mss };
    struct ref_frames pieces;
    struct ref_layout l;
    const char *bad;
    char *error = NULL;

    bad = ref_parse(f, len, t->encap, &l);
    if (!bad && ref_is_udp(&l)) {
        bad = "UDP";
    }
    if (bad) {
        return xasprintf("merged packet: %s", bad);
    }
    job.rco = is_remote(t->encap, f + l.outer.l4 + 8);
    COMPARE(dp_packet_tunnel_vxlan(p), t->encap == REF_VXLAN);
    COMPARE(dp_packet_tunnel_geneve(p), t->encap == REF_GENEVE);
    COMPARE(p->inner_l3_ofs, l.inner.ofs);
    COMPARE(p->inner_l4_ofs, l.inner.l4);
    COMPARE(dp_packet_inner_l4_proto_tcp(p), true);
    COMPARE(dp_packet_inner_l4_checksum_partial(p), true);
    COMPARE(dp_packet_inner_ip_checksum_partial(p), false);
    COMPARE(ref_get16(f + l.inner.l4 + 16), pseudo_sum(f, len, &l.inner));
    if (l.inner.version == 4) {
        COMPARE(ref_get16(f + l.inner.ofs + 2), len - l.inner.ofs);
        COMPARE(ref_csum(f + l.inner.ofs, l.inner.l4 - l.inner.ofs), 0);
    } else {
        COMPARE(ref_get16(f + l.inner.ofs + 4), len - l.inner.ofs - 40);
    }

    bad = ref_cut(f, len, &job, mss, &pieces);
    if (bad) {
        error = xasprintf("merged packet: %s", bad);
    } else if (pieces.n < 2) {
        error = xstrdup("a superpacket of one unit");
    }
    for (size_t i = 0; i < pieces.n && !error; i++) {
        error = judge_piece(t, &l, &pieces.v[i], t->data + *pos,
                            t->len - *pos);
        *pos += pieces.v[i].len - t->l4 - 8;
    }
    *n = pieces.n;
    ref_frames_destroy(&pieces);
    return error;
}

static char *
judge_single(const struct train *t, const struct dp_packet *p, size_t *pos)
{
    const uint8_t *f = dp_packet_data(p);
    size_t len = dp_packet_size(p) - t->l4 - 8;

    COMPARE(dp_packet_tunnel(p), false);
    COMPARE(p->offloads >> 16, 0);
    COMPARE(len, MIN(t->unit_len, t->len - *pos));
    COMPARE(memcmp(f + t->l4 + 8, t->data + *pos, len), 0);
    *pos += len;
    return NULL;
}

/* Pops the tunnel header off a copy of 'p', which is merged, and compares. */
static char *
judge_pop(const struct train *t, const struct dp_packet *p)
{
    struct dp_packet *inner = dp_packet_clone(p);
    const uint8_t *f = dp_packet_data(p);
    uint16_t mss = dp_packet_get_tso_segsz(p);
    size_t ofs = t->l4 + 16 + (t->encap == REF_GENEVE
                               ? (f[t->l4 + 8] & 0x3f) * 4 : 0);
    char *error = NULL;

    inner = (t->encap == REF_VXLAN ? netdev_vxlan_pop_header
             : netdev_geneve_pop_header)(inner);
    if (!inner) {
        /* Flags that it does not take: the same for each unit. */
        return NULL;
    }
    tnl_gso_pop_finish(NULL, inner);
    EXPECT(dp_packet_size(inner), dp_packet_size(p) - ofs);
    EXPECT(memcmp(dp_packet_data(inner), f + ofs, dp_packet_size(inner)), 0);
    EXPECT(dp_packet_get_tso_segsz(inner), mss);
    EXPECT(inner->uso_segsz, 0);
    EXPECT(inner->offloads, (DP_PACKET_OL_L4_PROTO_TCP
                             | DP_PACKET_OL_L4_CKSUM_MASK));
    EXPECT(dp_packet_rss_valid(inner), false);
    dp_packet_delete(inner);
    return error;
}

/* Judges 'out', made of 't', which was 'packet'.  Appends the number of units
 * in each packet to 'runs'.  Returns null, or what is wrong. */
char *
train_judge(const struct train *t, const struct dp_packet *packet,
            const struct dp_packet_batch *out, struct ds *runs)
{
    size_t pos = t->l4 + 8;
    struct dp_packet *p;

    DP_PACKET_BATCH_FOR_EACH (i, p, out) {
        size_t n = 1;
        char *error;

        if (pos >= t->len) {
            return xstrdup("more packets than units");
        }
        error = judge_outer(t, packet, p);
        if (!error && dp_packet_get_tso_segsz(p)) {
            error = judge_merged(t, p, &pos, &n);
            error = error ? error : judge_pop(t, p);
        } else if (!error) {
            error = judge_single(t, p, &pos);
        }
        if (error) {
            char *s = xasprintf("packet %"PRIuSIZE": %s", i, error);

            free(error);
            return s;
        }
        ds_put_format(runs, "%s%"PRIuSIZE, i ? " " : "", n);
    }
    COMPARE(pos, t->len);
    return NULL;
}

/* Has the code under test split 't', and judges what it makes. */
char *
train_split_and_judge(const struct train *t, struct ds *runs)
{
    struct dp_packet *packet = train_packet(t);
    struct tnl_gso_train_result result;
    struct dp_packet_batch out;
    uint32_t n_single = 0;
    struct dp_packet *p;
    char *error = NULL;

    dp_packet_batch_init(&out);
    EXPECT(tnl_gso_is_train(packet), true);
    EXPECT(tnl_gso_train_split(packet, test_encap(t->encap), &out, &result),
           TNL_GSO_OK);
    EXPECT(dp_packet_size(packet), t->len);
    EXPECT(memcmp(dp_packet_data(packet), t->data, t->len), 0);
    if (!error) {
        error = train_judge(t, packet, &out, runs);
    }
    DP_PACKET_BATCH_FOR_EACH (i, p, &out) {
        n_single += !dp_packet_get_tso_segsz(p);
    }
    EXPECT(result.n_single, n_single);
    EXPECT(result.n_merged, dp_packet_batch_size(&out) - n_single);
    dp_packet_delete_batch(&out, true);
    dp_packet_batch_destroy(&out);
    dp_packet_delete(packet);
    return error;
}

/* The same, and compares the number of units in each packet with
 * 'expected'. */
char *
train_expect(const struct train *t, const char *expected)
{
    struct ds runs = DS_EMPTY_INITIALIZER;
    char *error = train_split_and_judge(t, &runs);

    if (!error && strcmp(ds_cstr(&runs), expected)) {
        error = xasprintf("units %s, not %s", ds_cstr(&runs), expected);
    }
    ds_destroy(&runs);
    return error;
}

/* Cuts the superpacket of 'row' into '*units'. */
void
train_cut_row(const struct pkt_row *row, struct ref_frames *units)
{
    const struct ref_job job = { .encap = row->encap, .mss = row->mss };
    size_t len;
    uint8_t *frame = pkt_build_frame(row, &len);

    ovs_assert(!ref_cut(frame, len, &job, row->mss, units));
    free(frame);
}

/* Writes the inner checksums of 'unit', where 'l' says. */
void
train_settle_unit(struct ref_frame *unit, const struct ref_layout *l)
{
    const struct ref_l3 *l3 = &l->inner;
    uint8_t *ip = unit->data + l3->ofs;
    uint8_t *field = unit->data + l->l4_csum;
    size_t addr = l3->version == 4 ? 4 : 16;
    size_t l4_len = unit->len - l3->l4;
    uint8_t *sum = xzalloc(40 + l4_len);

    if (l3->version == 4) {
        ref_put16(ip + 10, 0);
        ref_put16(ip + 10, ref_csum(ip, l3->l4 - l3->ofs));
    }
    ref_put16(field, 0);
    memcpy(sum, ip + (l3->version == 4 ? 12 : 8), addr);
    memcpy(sum + addr, unit->data + l3->dst, addr);
    ref_put32(sum + 32, l4_len);
    sum[39] = l3->proto;
    memcpy(sum + 40, unit->data + l3->l4, l4_len);
    ref_put16(field, ref_csum(sum, 40 + l4_len));
    if (is_remote(REF_VXLAN, unit->data + l->outer.l4 + 8)) {
        ref_put16(field, ~ref_csum(sum, 40));
    }
    free(sum);
}

/* Makes the checksum of each VXLAN unit in 't' remote: all are laid out as in
 * 'l'. */
void
train_make_remote(struct train *t, const struct ref_layout *l)
{
    size_t n = DIV_ROUND_UP(t->len - t->l4 - 8, t->unit_len);

    for (size_t i = 0; i < n; i++) {
        struct ref_frame unit = train_unit(t, i);
        uint8_t *hdr = unit.data + l->outer.l4 + 8;

        hdr[1] |= 0x20;
        hdr[7] = (l->inner.l4 - l->outer.l4 - 16) / 2;
        if (l->inner.proto == 17) {
            hdr[7] |= 0x80;
        }
        train_settle_unit(&unit, l);
    }
}

/* Unit 'i' of 't' as if the outer headers were right in front of it: a layout
 * of the first unit's frame holds for it too. */
struct ref_frame
train_unit(struct train *t, size_t i)
{
    size_t left = t->len - t->l4 - 8 - i * t->unit_len;

    return (struct ref_frame) {
        .data = t->data + i * t->unit_len,
        .len = t->l4 + 8 + MIN(left, t->unit_len),
    };
}

/* Five units, the last one shorter.  'kind' is '4' or '6', the inner IP
 * version, or 'g' for the same as '4' in Geneve, or 'r' or 'R' for the same as
 * '4' or '6' with remote checksums. */
void
train_five_units(char kind, struct train *t, struct ref_layout *l)
{
    struct ref_frames units;
    struct pkt_row row;

    pkt_row_init(&row, kind == 'g' ? REF_GENEVE : REF_VXLAN);
    row.geneve_opt = kind == 'g' ? 8 : 0;
    row.inner.version = kind == '6' || kind == 'R' ? 6 : 4;
    row.inner.n_vlans = 1;
    row.tcp_opt = 12;
    row.mss = 1001;
    row.payload = 4 * 1001 + 999;
    train_cut_row(&row, &units);
    ovs_assert(units.n == TRAIN_N_UNITS);
    ovs_assert(!ref_parse(units.v[0].data, units.v[0].len, row.encap, l));
    train_build(t, row.encap, &units);
    if (kind == 'r' || kind == 'R') {
        train_make_remote(t, l);
    }
    ref_frames_destroy(&units);
}
