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

#include "tnl-gro-list.h"

#include <stdlib.h>
#include <string.h>

#include "dp-packet.h"
#include "test-tnl-gso.h"
#include "tnl-gso/core/tnl-gso-packet.h"
#include "tnl-gso/receive/tnl-gro-expect.h"
#include "tnl-gso/receive/tnl-gro.h"
#include "util.h"

/* The judge of what is made of a list: see tnl-gro-list.h.
 *
 * A superpacket takes the place of the first packet in it.  So what comes out
 * begins with the first packet that has not come out yet, always.  What is cut
 * from it must be, one by one, the next packets of that flow. */

struct judge {
    const struct gro_list *list;
    struct gro_unit units[GRO_MAX_UNITS];
    size_t n;
    size_t first;               /* No unit before this has yet to come out. */
    struct dp_packet *packets[GRO_MAX_ITEMS]; /* As they went in. */
};

/* Compares the outer headers of the packet of 'len' bytes at 'f', which was
 * made of 'u' and others, in all that is left of them behind a pop. */
static char *
judge_outer(const struct judge *j, const struct gro_unit *u, const uint8_t *f,
            size_t len, size_t l3, size_t l4)
{
    enum ref_encap encap = j->list->encap;
    size_t head = l4 + (ref_over_udp(encap) ? 8 : 0);
    bool v4 = f[l3] >> 4 == 4;
    const uint8_t *from = u->item->data;

    COMPARE(u->item->l3, l3);
    COMPARE(u->item->l4, l4);
    for (size_t i = 0; i < head; i++) {
        if (i == l3 + (v4 ? 2 : 4)) {
            COMPARE(ref_get16(f + i), len - l3 - (v4 ? 0 : 40));
            i += v4 ? 3 : 1;    /* Length, and IPv4 ID. */
        } else if ((v4 && i == l3 + 10) || i == l4 + 6) {
            i++;                /* Checksums. */
        } else if (i == l4 + 4) {
            COMPARE(ref_get16(f + i), len - l4);
            i++;
        } else if (f[i] != from[i]) {
            return xasprintf("outer byte %"PRIuSIZE" is %#x, not %#x", i, f[i],
                             from[i]);
        }
    }
    if (ref_over_udp(encap) && !u->item->unit_len) {
        COMPARE(!ref_get16(f + l4 + 6), !ref_get16(from + l4 + 6));
    }
    return NULL;
}

/* Everything of 'p' beside its bytes that comes from 'u'. */
static char *
judge_metadata(const struct dp_packet *p, const struct gro_unit *u, bool first)
{
    struct pkt_metadata md;

    memset(&md, 0x5a, sizeof md);
    md.in_port.odp_port = u->item->in_port;
    md.pkt_mark = u->item->mark;
    md.skb_priority = u->item->priority;
    COMPARE(memcmp(&p->md, &md, sizeof md), 0);
    COMPARE(p->packet_type, htonl(PT_ETH));
    if (first) {
        COMPARE(dp_packet_rss_valid(p), true);
        COMPARE(dp_packet_get_rss_hash(p), 0x12345678 + u->item->len);
    }
    return NULL;
}

/* Judges the unit of a train that came out by itself. */
static char *
judge_train_single(struct judge *j, const struct dp_packet *p,
                   const struct gro_unit *u)
{
    const uint8_t *f = dp_packet_data(p);
    size_t len = dp_packet_size(p);
    size_t head = gro_item_head(j->list, u->item);
    uint32_t marks = DP_PACKET_OL_L4_PROTO_UDP;
    char *error;

    marks |= (ref_get16(f + p->l4_ofs + 6) ? DP_PACKET_OL_L4_CKSUM_MASK
              : DP_PACKET_OL_L4_CKSUM_GOOD);
    COMPARE(len, head + u->len);
    error = judge_outer(j, u, f, len, p->l3_ofs, p->l4_ofs);
    if (!error) {
        error = judge_metadata(p, u, true);
    }
    if (error) {
        return error;
    }
    if (f[p->l3_ofs] >> 4 == 4) {
        marks |= DP_PACKET_OL_IP_CKSUM_MASK;
    }
    COMPARE(p->offloads, marks);
    COMPARE(p->uso_segsz, 0);
    COMPARE(memcmp(f + head, u->data, u->len), 0);
    return NULL;
}

/* Judges 'p', which is the packet of 'u' as it went in. */
static char *
judge_single(const struct dp_packet *p, const struct gro_unit *u)
{
    const struct gro_item *item = u->item;
    const uint8_t *f = dp_packet_data(p);
    size_t ofs = item->partial_ofs;

    COMPARE(dp_packet_size(p), item->len);
    if (ofs) {
        COMPARE(ref_get16(f + ofs), item->partial);
        COMPARE(memcmp(f, item->data, ofs), 0);
        ofs += 2;
    }
    COMPARE(memcmp(f + ofs, item->data + ofs, item->len - ofs), 0);
    COMPARE(p->offloads, item->offloads);
    COMPARE(p->uso_segsz, item->unit_len);
    COMPARE(dp_packet_get_tso_segsz(p), item->mss);
    COMPARE(p->l3_ofs, item->l3);
    COMPARE(p->l4_ofs, item->l4);
    COMPARE(p->l2_pad_size, 0);
    return judge_metadata(p, u, true);
}

/* Is 'piece', which was cut from a superpacket with 'head' bytes in front of
 * its tunnel header, the unit 'u'? */
static char *
judge_piece(const struct judge *j, const struct ref_layout *l, size_t head,
            const struct ref_frame *piece, const struct gro_unit *u)
{
    const uint8_t *a = piece->data + head;
    size_t skip = j->list->encap == REF_GRE && l->gre_csum ? 8 : 0;

    COMPARE(piece->len - head, u->len);
    COMPARE(memcmp(a, u->data, skip / 2), 0);
    if (memcmp(a + skip, u->data + skip, u->len - skip)) {
        size_t i = skip;

        while (a[i] == u->data[i]) {
            i++;
        }
        return xasprintf("byte %"PRIuSIZE" of a unit is %#x, and %#x when cut "
                         "again", i, u->data[i], a[i]);
    }
    return NULL;
}

/* The marks, offsets and lengths of superpacket 'p', which is laid out as in
 * 'l'. */
static char *
judge_finish(const struct judge *j, const struct dp_packet *p,
             const struct ref_layout *l)
{
    enum ref_encap encap = j->list->encap;
    const uint8_t *f = dp_packet_data(p);
    size_t len = dp_packet_size(p);
    const struct ref_l3 *first = encap == REF_PLAIN ? &l->inner : &l->outer;
    uint32_t marks = DP_PACKET_OL_L4_PROTO_TCP | DP_PACKET_OL_L4_CKSUM_MASK;

    COMPARE(len <= 65535, true);
    if (encap != REF_PLAIN) {
        marks <<= DP_PACKET_OL_SHIFT_COUNT;
        marks |= pkt_encap_mark(encap);
        marks |= l->outer.version == 4 ? DP_PACKET_OL_IP_CKSUM_MASK : 0;
        if (ref_over_udp(encap)) {
            marks |= DP_PACKET_OL_L4_PROTO_UDP | DP_PACKET_OL_L4_CKSUM_GOOD;
        } else if (l->gre_csum) {
            marks |= DP_PACKET_OL_L4_CKSUM_GOOD;
        }
        if (encap == REF_GTPU) {
            COMPARE(ref_get16(f + l->outer.l4 + 10), len - l->outer.l4 - 16);
        }
        COMPARE(p->inner_l3_ofs, l->inner.ofs);
        COMPARE(p->inner_l4_ofs, l->inner.l4);
    }
    COMPARE(p->offloads & ~(encap == REF_PLAIN ? DP_PACKET_OL_FIXED_ID
                            : TNL_GSO_OL_INNER_FIXED_ID), marks);
    COMPARE(p->l3_ofs, first->ofs);
    COMPARE(p->l4_ofs, first->l4);
    COMPARE(p->uso_segsz, 0);
    COMPARE(p->l2_pad_size, 0);
    COMPARE(dp_packet_headroom(p), MIN(128, (65535 - len) / 2 * 2));
    COMPARE(ref_get16(f + l->l4_csum), ref_partial_csum(f, len, &l->inner));
    if (l->inner.version == 4) {
        COMPARE(ref_get16(f + l->inner.ofs + 2), len - l->inner.ofs);
        COMPARE(ref_csum(f + l->inner.ofs, l->inner.l4 - l->inner.ofs), 0);
    } else {
        COMPARE(ref_get16(f + l->inner.ofs + 4), len - l->inner.ofs - 40);
    }
    return NULL;
}

/* Judges superpacket 'p', whose first unit is 'u', and stores how many it has
 * in '*n_units'. */
static char *
judge_super(struct judge *j, const struct dp_packet *p, size_t out,
            struct gro_unit *u, size_t *n_units)
{
    enum ref_encap encap = j->list->encap;
    const uint8_t *f = dp_packet_data(p);
    size_t len = dp_packet_size(p);
    struct ref_job job = {
        .encap = encap,
        .mss = dp_packet_get_tso_segsz(p),
    };
    size_t head = gro_item_head(j->list, u->item);
    struct ref_frames pieces;
    struct ref_layout l;
    const char *bad;
    char *error;

    bad = ref_parse(f, len, encap, &l);
    if (bad || ref_is_udp(&l)) {
        return xasprintf("superpacket: %s", bad ? bad : "UDP");
    }
    error = judge_finish(j, p, &l);
    if (error) {
        return error;
    }
    job.rco = gro_is_remote(j->list, f, len, &l);
    job.fixed_id = (p->offloads & (encap == REF_PLAIN ? DP_PACKET_OL_FIXED_ID
                                   : TNL_GSO_OL_INNER_FIXED_ID)) != 0;
    bad = ref_cut(f, len, &job, job.mss, &pieces);
    if (bad || pieces.n < 2) {
        error = xasprintf("superpacket: %s", bad ? bad : "of one unit");
    } else if (u->flow < 0) {
        error = xstrdup("superpacket: of no flow");
    }
    for (size_t i = 0; i < pieces.n && !error; i++) {
        u = i ? gro_next_of_flow(j->units, j->n, u) : u;
        if (!u || u->taken || u->item->mss) {
            error = xasprintf("unit %"PRIuSIZE" is not the next of its flow",
                              i);
            break;
        }
        error = judge_piece(j, &l, head, &pieces.v[i], u);
        if (!error && encap != REF_PLAIN) {
            error = judge_outer(j, u, f, len, l.outer.ofs, l.outer.l4);
        }
        if (!error) {
            error = judge_metadata(p, u, !i);
        }
        if (error) {
            char *s = xasprintf("unit %"PRIuSIZE" of %"PRIuSIZE": %s", i,
                                pieces.n, error);

            free(error);
            error = s;
        }
        u->taken = true;
        u->out = out;
    }
    *n_units = pieces.n;
    ref_frames_destroy(&pieces);
    return error;
}

/* Is 'p', from a list as cut, the superpacket that this was cut from? */
static char *
judge_clean(const struct judge *j, const struct dp_packet *p,
            const struct gro_unit *first, size_t n_units)
{
    const struct gro_flow *flow = &j->list->flows[first->item->flow];
    uint32_t fixed = (j->list->encap == REF_PLAIN ? DP_PACKET_OL_FIXED_ID
                      : TNL_GSO_OL_INNER_FIXED_ID);
    const uint8_t *f = dp_packet_data(p);
    const struct ref_l3 *l3 = &flow->l.inner;
    size_t len_ofs = l3->ofs + (l3->version == 4 ? 2 : 4);

    COMPARE(n_units, flow->n_units);
    if (n_units == 1) {
        return NULL;
    }
    COMPARE(dp_packet_size(p), flow->len);
    COMPARE(dp_packet_get_tso_segsz(p), flow->job.mss);
    COMPARE(!!(p->offloads & fixed), flow->job.fixed_id);
    for (size_t i = gro_item_head(j->list, first->item); i < flow->len; i++) {
        if (i == len_ofs || (l3->version == 4 && i == l3->ofs + 10)
            || i == flow->l.l4_csum
            || (flow->job.encap == REF_GTPU && i == flow->l.outer.l4 + 10)
            || (flow->l.gre_csum && i == flow->l.outer.l4 + 4)) {
            i++;                /* Lengths and checksums: judge_finish(). */
        } else if (f[i] != flow->frame[i]) {
            return xasprintf("byte %"PRIuSIZE" is %#x, not %#x as before it "
                             "was cut", i, f[i], flow->frame[i]);
        }
    }
    return NULL;
}

/* Judges packet 'p', number 'out' of those that came out, and adds it to
 * '*result'. */
static char *
judge_packet(struct judge *j, const struct dp_packet *p, size_t out,
             struct gro_result *result, struct tnl_gro_count *expected,
             struct ds *runs)
{
    struct gro_unit *u;
    char *error;
    size_t n = 1;

    while (j->first < j->n && j->units[j->first].taken) {
        j->first++;
    }
    if (j->first == j->n) {
        return xstrdup("more packets than there were");
    }
    u = &j->units[j->first];
    u->taken = true;
    u->out = out;
    if (!u->item->unit_len && p == j->packets[u->i_item]) {
        error = judge_single(p, u);
    } else if (!dp_packet_get_tso_segsz(p)) {
        if (!u->item->unit_len) {
            return xstrdup("not the packet that it was");
        }
        error = judge_train_single(j, p, u);
        expected->train_single++;
    } else {
        u->taken = false;
        error = judge_super(j, p, out, u, &n);
        if (error) {
            return error;
        }
        expected->train_merged += u->item->unit_len != 0;
        for (size_t size = 2, i = 0;; size *= 2, i++) {
            if (n < size * 2 || i == TNL_GRO_N_SIZES - 1) {
                expected->supers[i]++;
                break;
            }
        }
        result->n_supers++;
        result->n_merged += n;
    }
    if (!error && j->list->clean) {
        error = judge_clean(j, p, u, n);
    }
    if (runs) {
        ds_put_format(runs, "%s%"PRIuSIZE, runs->length ? " " : "", n);
    }
    return error;
}

/* Could a unit have been put behind those in front of it, going by what the
 * reference cuts?  Not asked where something ends all flows or a checksum is
 * wrong, or where there are more packets or flows than are looked at at
 * once. */
static char *
judge_what_is_left(struct judge *j, struct gro_result *r)
{
    const struct gro_unit *group[GRO_MAX_UNITS];
    enum { MAX_PACKETS = 64, MAX_FLOWS = 64 };
    bool wrong[MAX_FLOWS] = { false };

    if (j->list->any || j->list->trains_only || j->list->n > MAX_PACKETS
        || j->n > 1024) {
        return NULL;
    }
    for (size_t i = 0; i < j->n; i++) {
        if (gro_may_end_all(j->list, &j->units[i])) {
            return NULL;
        } else if (j->units[i].flow >= MAX_FLOWS) {
            return NULL;
        } else if (j->units[i].flow >= 0) {
            wrong[j->units[i].flow] |= gro_sum_wrong(j->list, &j->units[i]);
        }
    }
    for (size_t i = 0; i < j->n; i++) {
        struct gro_unit *u = &j->units[i];
        const struct gro_unit *next = (u->flow < 0 || wrong[u->flow] ? NULL
                                       : gro_next_of_flow(j->units, j->n, u));
        size_t n = 0;

        if (!next || next->out == u->out) {
            continue;
        }
        for (size_t k = 0; k <= i; k++) {
            if (j->units[k].out == u->out) {
                group[n++] = &j->units[k];
            }
        }
        group[n++] = next;
        r->n_refused++;
        if (gro_joinable(j->list, group, n)) {
            return xasprintf("unit %"PRIuSIZE" could be joined to the %"
                             PRIuSIZE" in front of it",
                             (size_t) (next - j->units), n - 1);
        }
    }
    return NULL;
}

/* Do the numbers in 'count' add up? */
static char *
judge_count(const struct judge *j, const struct gro_result *r,
            const struct tnl_gro_count *count,
            const struct tnl_gro_count *expected)
{
    size_t n_looked_at = 0;
    size_t n_seen = 0;

    for (size_t i = 0; i < j->n; i++) {
        bool train = j->units[i].item->unit_len;

        n_looked_at += train || !j->list->trains_only;
    }
    for (size_t i = 0; i < TNL_GRO_N_RULES; i++) {
        n_seen += count->units[i];
    }
    COMPARE(n_seen, n_looked_at);
    COMPARE(count->units[TNL_GRO_JOINED], r->n_merged - r->n_supers);
    COMPARE(memcmp(count->supers, expected->supers, sizeof count->supers), 0);
    COMPARE(count->trains, expected->trains);
    COMPARE(count->train_merged, expected->train_merged);
    COMPARE(count->train_single, expected->train_single);
    COMPARE(count->too_many, 0);
    return NULL;
}

/* Stores the packets of 'list' in '*batch'. */
static void
list_packets(const struct gro_list *list, struct dp_packet_batch *batch)
{
    dp_packet_batch_init(batch);
    for (size_t i = 0; i < list->n; i++) {
        dp_packet_batch_add(batch, gro_item_packet(list, &list->v[i]));
    }
}

/* Compares 'p' with 'q', which must be the same. */
static char *
judge_same(const struct dp_packet *p, const struct dp_packet *q)
{
    COMPARE(dp_packet_size(p), dp_packet_size(q));
    COMPARE(memcmp(dp_packet_data(p), dp_packet_data(q), dp_packet_size(p)),
            0);
    COMPARE(p->offloads, q->offloads);
    COMPARE(dp_packet_get_tso_segsz(p), dp_packet_get_tso_segsz(q));
    COMPARE(p->uso_segsz, q->uso_segsz);
    COMPARE(p->gro_id, q->gro_id);
    COMPARE(p->l3_ofs, q->l3_ofs);
    COMPARE(p->l4_ofs, q->l4_ofs);
    COMPARE(p->inner_l3_ofs, q->inner_l3_ofs);
    COMPARE(p->inner_l4_ofs, q->inner_l4_ofs);
    COMPARE(p->packet_type, q->packet_type);
    COMPARE(p->md.in_port.odp_port, q->md.in_port.odp_port);
    COMPARE(p->md.orig_in_port, q->md.orig_in_port);
    COMPARE(p->md.skb_priority, q->md.skb_priority);
    COMPARE(p->md.pkt_mark, q->md.pkt_mark);
    return NULL;
}

/* Merges 'list' once more, by the long way only, and compares what comes out
 * with 'batch' and 'count', which may have gone the short one
 * (receive/tnl-gro-expect.h). */
static char *
judge_long_way(const struct gro_list *list,
               const struct dp_packet_batch *batch,
               const struct tnl_gro_count *count)
{
    struct tnl_gro_count other = { .trains = 0 };
    struct dp_packet_batch out;
    char *error = NULL;

    list_packets(list, &out);
    tnl_gro_expect_nothing(true);
    tnl_gro_merge(test_encap(list->encap), list->trains_only, 7, &out, &other);
    tnl_gro_expect_nothing(false);
    if (dp_packet_batch_size(&out) != dp_packet_batch_size(batch)
        || memcmp(&other, count, sizeof other)) {
        error = xstrdup("both ways of matching make something else of it");
    }
    for (size_t i = 0; i < dp_packet_batch_size(&out) && !error; i++) {
        error = judge_same(batch->packets[i], out.packets[i]);
    }
    dp_packet_delete_batch(&out, true);
    dp_packet_batch_destroy(&out);
    return error;
}

/* Has the code under test merge 'list', and judges what it makes.  Stores
 * numbers in '*r' and, unless null, those of the code under test in '*count',
 * and the number of units in each packet in 'runs'.  Returns null, or what is
 * wrong. */
char *
gro_list_merge_and_judge(const struct gro_list *list, struct gro_result *r,
                         struct tnl_gro_count *count, struct ds *runs)
{
    static struct judge judge;
    struct judge *j = &judge;
    struct tnl_gro_count expected = { .trains = 0 };
    struct tnl_gro_count got = { .trains = 0 };
    struct dp_packet_batch batch;
    struct dp_packet *p;
    char *error = NULL;

    j->list = list;
    j->n = gro_list_units(list, j->units);
    j->first = 0;
    *r = (struct gro_result) { .n_units = 0 };
    list_packets(list, &batch);
    for (size_t i = 0; i < list->n; i++) {
        j->packets[i] = batch.packets[i];
        expected.trains += list->v[i].unit_len != 0;
    }
    r->n_units = j->n;

    tnl_gro_merge(test_encap(list->encap), list->trains_only, 7, &batch, &got);

    DP_PACKET_BATCH_FOR_EACH (i, p, &batch) {
        error = judge_packet(j, p, i, r, &expected, runs);
        if (error) {
            char *s = xasprintf("packet %"PRIuSIZE": %s", i, error);

            free(error);
            error = s;
            break;
        }
    }
    for (size_t i = 0; i < j->n && !error; i++) {
        if (!j->units[i].taken) {
            error = xasprintf("unit %"PRIuSIZE" is lost", i);
        }
    }
    if (!error) {
        error = judge_what_is_left(j, r);
    }
    if (!error) {
        error = judge_count(j, r, &got, &expected);
    }
    if (!error && list->clean
        && dp_packet_batch_size(&batch) != list->n_flows) {
        error = xasprintf("%"PRIuSIZE" packets of %"PRIuSIZE" flows",
                          dp_packet_batch_size(&batch), list->n_flows);
    }
    if (!error) {
        error = judge_long_way(list, &batch, &got);
    }
    r->n_out = dp_packet_batch_size(&batch);
    if (count) {
        *count = got;
    }
    dp_packet_delete_batch(&batch, true);
    dp_packet_batch_destroy(&batch);
    return error;
}
