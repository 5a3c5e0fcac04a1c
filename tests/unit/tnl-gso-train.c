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
#include "tnl-gso/core/tnl-gso-packet.h"
#include "tnl-gso/receive/tnl-gro.h"
#include "test-tnl-gso.h"
#include "tnl-gro-list.h"
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
    dp_packet_set_flow_mark(p, TRAIN_MARK);
    memset(&p->md, 0x5a, sizeof p->md);
    return p;
}

/* Does the VXLAN header at 'hdr' say that the checksum is remote? */
static bool
is_remote(enum ref_encap encap, const uint8_t *hdr)
{
    return encap == REF_VXLAN && hdr[1] & 0x20 && !(hdr[0] & 0x04);
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
                             | DP_PACKET_OL_L4_CKSUM_MASK
                             | (p->offloads & TNL_GSO_OL_INNER_FIXED_ID
                                ? DP_PACKET_OL_FIXED_ID : 0)));
    EXPECT(dp_packet_rss_valid(inner), false);
    dp_packet_delete(inner);
    return error;
}

/* Has the code under test merge 't' by itself, and pops the tunnel header off
 * what has been merged. */
static char *
merge_and_pop(const struct train *t)
{
    struct tnl_gro_count count = { .trains = 0 };
    struct dp_packet_batch out;
    struct dp_packet *p;
    char *error = NULL;

    dp_packet_batch_init_packet(&out, train_packet(t));
    tnl_gro_merge(test_encap(t->encap), true, 0, &out, &count);
    DP_PACKET_BATCH_FOR_EACH (i, p, &out) {
        uint32_t mark;

        EXPECT(dp_packet_has_flow_mark(p, &mark), true);
        EXPECT(mark, TRAIN_MARK);
        if (!error && dp_packet_get_tso_segsz(p)) {
            error = judge_pop(t, p);
        }
    }
    dp_packet_delete_batch(&out, true);
    dp_packet_batch_destroy(&out);
    return error;
}

/* Has the code under test merge 't', and judges what it makes, as a list of
 * one: units of different flows may be interleaved.  Appends the number of
 * units in each packet that comes out to 'runs'.  Returns null, or what is
 * wrong. */
char *
train_merge_and_judge(const struct train *t, struct ds *runs)
{
    static struct gro_list list;
    struct ref_layout l = { .outer = { .version = 0 } };
    struct gro_result r;
    struct gro_item *item;
    char *error;

    gro_list_init(&list, t->encap);
    list.any = true;
    item = gro_list_insert(&list, 0, xmemdup(t->data, t->len), t->len, &l, 0);
    item->unit_len = t->unit_len;
    item->l3 = t->l3;
    item->l4 = t->l4;
    gro_list_finish(&list, NULL);
    error = gro_list_merge_and_judge(&list, &r, NULL, runs);
    gro_list_destroy(&list);
    return error ? error : merge_and_pop(t);
}

/* The same, and compares the number of units in each packet with
 * 'expected'. */
char *
train_expect(const struct train *t, const char *expected)
{
    struct ds runs = DS_EMPTY_INITIALIZER;
    char *error = train_merge_and_judge(t, &runs);

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
