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

#include "test-tnl-gso-nested.h"

#include <stdlib.h>
#include <string.h>

#include "command-line.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "test-tnl-gso.h"
#include "util.h"

/* The reference in tunnels in tunnels, judged: segments by a walk through
 * their bytes that knows nothing but port numbers and Ethertypes, and by
 * cutting what is in the outer tunnel alone.
 *
 * Must not use the code under test. */

enum { MSS = 1400 };

/* Levels of a segment, the outermost first. */
enum { N_LEVELS = 3 };

struct walk {
    const uint8_t *f;
    size_t len;
    size_t ofs;                 /* What comes next, */
    uint16_t type;              /* by its Ethertype. */
    uint32_t pseudo;            /* Sum of the pseudo-header. */
    uint8_t proto;
    int n_ids;                  /* Levels so far. */
    int ids[N_LEVELS];          /* IPv4 IDs; -1 for IPv6. */
};

static uint32_t
sum16(const uint8_t *p, size_t len)
{
    uint32_t sum = 0;

    for (; len > 1; p += 2, len -= 2) {
        sum += p[0] * 256 + p[1];
    }
    sum += len ? p[0] * 256 : 0;
    while (sum > 0xffff) {
        sum = sum % 0x10000 + sum / 0x10000;
    }
    return sum;
}

/* Is the sum of all behind 'w->ofs', with its pseudo-header, right? */
static bool
sum_is_right(const struct walk *w, uint32_t pseudo)
{
    uint32_t sum = pseudo + sum16(w->f + w->ofs, w->len - w->ofs);

    return sum % 0xffff == 0 && sum;
}

static char *
walk_l2(struct walk *w)
{
    if (w->type == ETH_TYPE_TEB) {
        w->ofs += 14;
        w->type = ref_get16(w->f + w->ofs - 2);
    }
    while (w->type == ETH_TYPE_VLAN_8021Q || w->type == ETH_TYPE_VLAN_8021AD) {
        w->ofs += 4;
        w->type = ref_get16(w->f + w->ofs - 2);
    }
    return NULL;
}

/* An IP header without extension headers. */
static char *
walk_ip(struct walk *w)
{
    const uint8_t *ip = w->f + w->ofs;
    size_t left = w->len - w->ofs;

    if (w->n_ids == N_LEVELS) {
        return xstrdup("too many levels");
    }
    if (w->type == ETH_TYPE_IP) {
        size_t hlen = ip[0] % 16 * 4;

        COMPARE(ip[0] / 16, 4);
        COMPARE(ref_get16(ip + 2), left);
        COMPARE(sum16(ip, hlen), 0xffff);
        w->proto = ip[9];
        w->pseudo = sum16(ip + 12, 8);
        w->ids[w->n_ids++] = ref_get16(ip + 4);
        w->ofs += hlen;
    } else {
        COMPARE(w->type, ETH_TYPE_IPV6);
        COMPARE(ip[0] >> 4, 6);
        COMPARE(ref_get16(ip + 4), left - 40);
        w->proto = ip[6];
        w->pseudo = sum16(ip + 8, 32);
        w->ids[w->n_ids++] = -1;
        w->ofs += 40;
    }
    w->pseudo += w->proto + (w->len - w->ofs);
    return NULL;
}

static char *
walk_gre(struct walk *w, const struct pkt_tunnel *t)
{
    const uint8_t *gre = w->f + w->ofs;

    COMPARE(w->proto, IPPROTO_GRE);
    COMPARE(ref_get16(gre), t->csum * 0x8000 + t->gre_key * 0x2000);
    if (t->csum) {
        COMPARE(sum_is_right(w, 0), true);
        COMPARE(ref_get16(gre + 6), 0);
    }
    w->type = ref_get16(gre + 2);
    w->ofs += 4 + 4 * t->csum + 4 * t->gre_key;
    return NULL;
}

/* IP behind IP: the protocol says which. */
static char *
walk_ipip(struct walk *w, const struct pkt_tunnel *t OVS_UNUSED)
{
    COMPARE(w->proto == 4 || w->proto == 41, true);
    w->type = w->proto == 4 ? ETH_TYPE_IP : ETH_TYPE_IPV6;
    return NULL;
}

static char *
walk_udp_tunnel(struct walk *w, const struct pkt_tunnel *t)
{
    const uint8_t *udp = w->f + w->ofs;
    const uint8_t *tnl = udp + 8;

    COMPARE(w->proto, IPPROTO_UDP);
    COMPARE(ref_get16(udp + 4), w->len - w->ofs);
    COMPARE(ref_get16(udp + 6) != 0, t->csum);
    COMPARE(!t->csum || sum_is_right(w, w->pseudo), true);
    w->ofs += 16;
    w->type = ETH_TYPE_TEB;
    switch (ref_get16(udp + 2)) {
    case 4790:
        w->type = tnl[3] == 1 ? ETH_TYPE_IP : ETH_TYPE_IPV6;
        /* Fall through. */
    case 4789:
        COMPARE(t->encap, REF_VXLAN);
        break;
    case 6081:
        COMPARE(t->encap, REF_GENEVE);
        COMPARE(tnl[0] * 4, t->geneve_opt);
        w->type = ref_get16(tnl + 2);
        w->ofs += t->geneve_opt;
        break;
    case 2152:
        COMPARE(t->encap, REF_GTPU);
        COMPARE(ref_get16(tnl), t->geneve_opt ? 0x34ff : 0x30ff);
        COMPARE(ref_get16(tnl + 2), w->len - w->ofs);
        w->ofs += t->geneve_opt;
        w->type = (w->f[w->ofs] / 16 == 4 ? ETH_TYPE_IP : ETH_TYPE_IPV6);
        break;
    default:
        return xstrdup("unknown UDP port");
    }
    return NULL;
}

static char *
walk_tunnel(struct walk *w, const struct pkt_tunnel *t)
{
    char *error = walk_l2(w);

    error = error ? error : walk_ip(w);
    if (!error) {
        error = (t->encap == REF_GRE ? walk_gre
                 : t->encap == REF_IPIP ? walk_ipip
                 : walk_udp_tunnel)(w, t);
    }
    return error;
}

/* Walks through segment 'f', the one with the payload at 'pos' of 'row', all
 * of which is 'whole'. */
static char *
judge_segment(const struct ref_frame *f, const struct pkt_row *row,
              const struct ref_frame *whole, size_t pos)
{
    const struct pkt_tunnel outer = {
        .encap = row->encap,
        .csum = row->csum,
        .gre_key = row->gre_key,
        .geneve_opt = row->geneve_opt,
    };
    const struct pkt_level *levels[] = {
        &row->outer, &row->mid.level, &row->inner
    };
    struct walk w = { .f = f->data, .len = f->len, .type = ETH_TYPE_TEB };
    size_t n = MIN(MSS, row->payload - pos);
    char *error;

    error = walk_tunnel(&w, &outer);
    error = error ? error : walk_tunnel(&w, &row->mid);
    error = error ? error : walk_l2(&w);
    error = error ? error : walk_ip(&w);
    if (error) {
        return error;
    }
    for (int i = 0; i < N_LEVELS; i++) {
        if (levels[i]->version == 4) {
            COMPARE(w.ids[i], (levels[i]->id + pos / MSS) % 0x10000);
        }
        COMPARE(w.ids[i] >= 0, levels[i]->version == 4);
    }
    COMPARE(w.proto, row->udp ? IPPROTO_UDP : IPPROTO_TCP);
    COMPARE(sum_is_right(&w, w.pseudo), true);
    if (row->udp) {
        COMPARE(ref_get16(w.f + w.ofs + 4), 8 + n);
        COMPARE(ref_get16(w.f + w.ofs + 6) != 0, true);
    } else {
        COMPARE(ref_get32(w.f + w.ofs + 4), row->seq + pos);
    }
    w.ofs += row->udp ? 8 : 20 + row->tcp_opt;
    COMPARE(w.len - w.ofs, n);
    if (memcmp(w.f + w.ofs, whole->data + whole->len - row->payload + pos,
               n)) {
        return xstrdup("payload differs");
    }
    return NULL;
}

/* What is in front of the IP header of 'level', behind a tunnel header. */
static size_t
l2_len(const struct pkt_level *level)
{
    return (14 + 4 * level->n_vlans + 4 * level->n_mpls
            + (level->nsh == 0 ? 0 : level->nsh == 1 ? 24 : 24 + 14));
}

/* Compares 'segments', all of 'whole', with those of what is in the outer
 * tunnel, behind a copy of the outer headers. */
static char *
compare_early(const struct pkt_row *row, const struct ref_frame *whole,
              const struct ref_frames *segments)
{
    const struct ref_job job = pkt_job(row);
    const struct ref_job early_job = {
        .encap = row->mid.encap,
        .outer_csum = row->mid.csum && row->mid.encap != REF_GRE,
        .udp = row->udp,
        .mss = row->mss,
    };
    struct ref_frames early;
    struct ref_layout l;
    char *error = NULL;
    size_t start;

    ovs_assert(!ref_parse_job(whole->data, whole->len, &job, &l));
    start = l.mid.ofs - l2_len(&row->mid.level);
    ovs_assert(!ref_cut(whole->data + start, whole->len - start, &early_job,
                        row->mss, &early));
    EXPECT(early.n, segments->n);
    for (size_t i = 0; i < early.n && !error; i++) {
        const struct ref_frame *late = &segments->v[i];
        size_t len = start + early.v[i].len;
        uint8_t *f = xmalloc(len);

        memcpy(f, whole->data, start);
        memcpy(f + start, early.v[i].data, early.v[i].len);
        if (l.outer.version == 4) {
            ref_put16(f + l.outer.ofs + 4, row->outer.id + i);
        }
        ref_settle_outer(f, len, &job, &l);
        EXPECT(late->len, len);
        if (!error && memcmp(late->data, f, len)) {
            error = xasprintf("segment %"PRIuSIZE" is not that of cutting "
                              "early", i);
        }
        free(f);
    }
    ref_frames_destroy(&early);
    return error;
}

/* Cuts a superpacket and judges the segments.  A walk is for the shapes of
 * nested_each_row(). */
static void
judge_row(const struct pkt_row *row, bool walk)
{
    const struct ref_job job = pkt_job(row);
    struct ds s = DS_EMPTY_INITIALIZER;
    struct ref_frames segments;
    struct ref_frame whole;
    char *error = NULL;
    const char *broken;

    whole.data = pkt_build_frame(row, &whole.len);
    broken = ref_cut(whole.data, whole.len, &job, row->mss, &segments);
    for (size_t i = 0; i < segments.n && !broken; i++) {
        broken = ref_check(segments.v[i].data, segments.v[i].len, &job);
    }
    if (broken) {
        error = xstrdup(broken);
    }
    if (!error) {
        EXPECT(segments.n, MAX(1, DIV_ROUND_UP(row->payload, row->mss)));
    }
    for (size_t i = 0; i < segments.n && walk && !error; i++) {
        error = judge_segment(&segments.v[i], row, &whole, i * MSS);
        if (error) {
            char *why = xasprintf("segment %"PRIuSIZE": %s", i, error);

            free(error);
            error = why;
        }
    }
    if (!error && !row->no_eth && row->encap != REF_GTPU) {
        error = compare_early(row, &whole, &segments);
    }
    pkt_row_format(row, &s);
    test_case(error, "nested reference: %s", ds_cstr(&s));
    ds_destroy(&s);
    ref_frames_destroy(&segments);
    free(whole.data);
}

static void
judge_walking(const struct pkt_row *row)
{
    judge_row(row, true);
}

/* Shape number 'shape' of 'row'. */
static void
set_shape(struct pkt_row *row, int shape)
{
    struct pkt_level *levels[] = { &row->outer, &row->mid.level, &row->inner };

    switch (shape) {
    case 1:
        for (int i = 0; i < N_LEVELS; i++) {
            levels[i]->n_vlans = 1;
            levels[i]->id = 0xfffe - i;
        }
        row->lie = true;
        row->tcp_opt = 12;
        break;
    case 2:
        for (int i = 0; i < N_LEVELS; i++) {
            levels[i]->tos = 0x2e + i;
            levels[i]->df = false;
        }
        row->gre_key = row->encap == REF_GRE;
        row->geneve_opt = (row->encap == REF_GENEVE ? 12
                           : row->encap == REF_GTPU ? 4 : 0);
        row->mid.gre_key = row->mid.encap == REF_GRE;
        row->mid.geneve_opt = (row->mid.encap == REF_GENEVE ? 40
                               : row->mid.encap == REF_GTPU ? 12 : 0);
        row->tcp_flags = TCP_ACK | TCP_PSH | TCP_CWR;
        break;
    case 3:
        row->no_eth = row->mid.no_eth = true;
        break;
    case 4:                     /* The longest headers. */
        for (int i = 0; i < N_LEVELS; i++) {
            levels[i]->ipopt = levels[i]->version == 4 ? 40 : 0;
        }
        row->geneve_opt = row->encap == REF_GENEVE ? 252 : 0;
        row->mid.geneve_opt = row->mid.encap == REF_GENEVE ? 252 : 0;
        row->tcp_opt = 40;
        break;
    }
}

enum { N_SHAPES = 5 };

/* Takes what cannot be in GTP-U and in IP in IP out of 'row': in both is IP. */
static void
fit(struct pkt_row *row)
{
    if (row->encap == REF_GTPU || row->encap == REF_IPIP) {
        row->mid.level.n_vlans = 0;
    }
    if (row->mid.encap == REF_GTPU || row->mid.encap == REF_IPIP) {
        row->inner.n_vlans = 0;
    }
    row->no_eth |= row->encap == REF_IPIP;
    row->mid.no_eth |= row->mid.encap == REF_IPIP;
}

void
nested_each_row(void (*cb)(const struct pkt_row *))
{
    static const uint32_t payloads[] = {
        1, MSS, MSS + 1, 4 * MSS + 701, 40 * MSS
    };

    for (unsigned int bits = 0; bits < 25 * 64; bits++) {
        for (int shape = 0; shape < N_SHAPES; shape++) {
            for (size_t i = 0; i < ARRAY_SIZE(payloads); i++) {
                struct pkt_row row;

                if (payloads[i] > 8 * MSS && shape != 1) {
                    continue;
                }
                pkt_row_init(&row, 1 + bits / 64 % 5);
                row.mid.encap = 1 + bits / 64 / 5;
                row.mid.level = row.outer;
                row.mid.level.id = 0x3000;
                row.csum = bits & 1;
                row.mid.csum = bits & 2;
                row.outer.version = bits & 4 ? 6 : 4;
                row.mid.level.version = bits & 8 ? 6 : 4;
                row.inner.version = bits & 16 ? 6 : 4;
                row.udp = bits & 32;
                row.payload = payloads[i];
                row.mss = MSS;
                row.seed = bits;
                set_shape(&row, shape);
                fit(&row);
                if ((row.encap == REF_IPIP && row.csum)
                    || (row.mid.encap == REF_IPIP && row.mid.csum)) {
                    continue;
                }
                ovs_assert(pkt_row_valid(&row));
                cb(&row);
            }
        }
    }
}

void
test_nested_ref(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct pkt_rng rng = { 1 };

    nested_each_row(judge_walking);
    for (int i = 0; i < 5000; i++) {
        struct pkt_row row;

        pkt_row_random_nested(&row, &rng);
        row.l4_done = false;
        judge_row(&row, false);
    }
}
