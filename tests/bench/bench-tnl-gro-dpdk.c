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

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rte_gro.h>
#include <rte_mbuf.h>

#include "bench.h"
#include "dp-packet.h"
#include "flow.h"
#include "netdev-provider.h"
#include "openvswitch/json.h"
#include "tests/ovstest.h"
#include "tests/tnl-gso/unit/tnl-gso-dpdk.h"
#include "tnl-gso/core/csum-copy.h"
#include "tnl-gso/encap/encap.h"
#include "tnl-gso/receive/tnl-gro.h"
#include "tnl-gso/tnl-gso.h"
#include "util.h"

/* Merging of what arrives cut, by us and by DPDK's rte_gro, of the same mbufs:
 *
 *     ovstest bench-tnl-gro-dpdk [--json=FILE] [ROUNDS]
 *
 * rte_gro makes chains that point to what has arrived, and looks at no
 * checksum ("chain").  netdev-dpdk sends no chains, and somebody has to verify
 * them: "flat" does both, with our code, in one copy.
 *
 * The second table is what is lost: how many packets are not what they were
 * when what was merged is cut again, by the reference and by us. */

enum { DEFAULT_ROUNDS = 31, MTU = 9100, MAX_PACKETS = 64, TURNS = 16 };

static struct netdev *port;
static struct rte_mempool *mempool;

/* Packets that arrive together. */
struct burst {
    enum ref_encap encap;
    struct ref_frame frames[MAX_PACKETS];
    struct dp_packet *templates[MAX_PACKETS];
    struct ref_layout layout;   /* Of each. */
    size_t n;
};

static void
burst_add(struct burst *b, const uint8_t *data, size_t len)
{
    b->frames[b->n++] = (struct ref_frame) { xmemdup(data, len), len };
}

/* Makes 'b' a burst of 'n_flows' with 'n_segs' packets each that take
 * turns. */
static void
burst_init(struct burst *b, enum ref_encap encap, size_t n_flows,
           size_t n_segs)
{
    struct ref_frames units[MAX_PACKETS];

    *b = (struct burst) { .encap = encap };
    for (size_t f = 0; f < n_flows; f++) {
        struct pkt_row row;
        uint8_t *frame;
        size_t len;

        pkt_row_init(&row, encap);
        row.csum = encap != REF_PLAIN;
        row.payload = row.mss * n_segs;
        row.seed = 1 + f;
        frame = pkt_build_frame(&row, &len);
        const struct ref_job job = pkt_job(&row);
        ovs_assert(!ref_cut(frame, len, &job, row.mss, &units[f]));
        ovs_assert(!ref_parse(frame, len, encap, &b->layout));
        free(frame);
    }
    for (size_t i = 0; i < n_segs; i++) {
        for (size_t f = 0; f < n_flows; f++) {
            burst_add(b, units[f].v[i].data, units[f].v[i].len);
        }
    }
    for (size_t f = 0; f < n_flows; f++) {
        ref_frames_destroy(&units[f]);
    }
}

static void
burst_destroy(struct burst *b)
{
    for (size_t i = 0; i < b->n; i++) {
        free(b->frames[i].data);
        dp_packet_delete(b->templates[i]);
    }
}

/* Ends changes of 'b': packets are what a port receives. */
static void
burst_settle(struct burst *b)
{
    for (size_t i = 0; i < b->n; i++) {
        struct dp_packet *p = dp_packet_new(b->frames[i].len);
        struct flow flow;

        dp_packet_put(p, b->frames[i].data, b->frames[i].len);
        flow_extract(p, &flow);
        p->offloads = 0;
        if (b->encap != REF_PLAIN) {
            dp_packet_l4_proto_set_udp(p);
        }
        b->templates[i] = p;
    }
}

/* Makes '*batch' one of mbufs that a PMD has received. */
static void
receive(const struct burst *b, struct dp_packet_batch *batch)
{
    dp_packet_batch_init(batch);
    for (size_t i = 0; i < b->n; i++) {
        const struct dp_packet *from = b->templates[i];
        struct rte_mbuf *m = rte_pktmbuf_alloc(mempool);
        struct dp_packet *p;

        ovs_assert(m);
        p = CONTAINER_OF(m, struct dp_packet, mbuf);
        dp_packet_set_size(p, dp_packet_size(from));
        memcpy(dp_packet_data(p), dp_packet_data(from), dp_packet_size(from));
        memcpy(&p->l2_pad_size, &from->l2_pad_size,
               sizeof *p - offsetof(struct dp_packet, l2_pad_size));
        p->offloads = from->offloads;
        dp_packet_batch_add(batch, p);
    }
}

/* Merges 'batch' by rte_gro, which wants to know where headers are. */
static void
merge_rte(const struct burst *b, struct dp_packet_batch *batch)
{
    const struct ref_layout *l = &b->layout;
    struct rte_gro_param param = {
        .gro_types = (b->encap == REF_PLAIN ? RTE_GRO_TCP_IPV4
                      : RTE_GRO_IPV4_VXLAN_TCP_IPV4),
        .max_flow_num = MAX_PACKETS,
        .max_item_per_flow = MAX_PACKETS,
    };
    struct rte_mbuf *mbufs[MAX_PACKETS];
    uint16_t n = dp_packet_batch_size(batch);
    struct dp_packet *p;

    DP_PACKET_BATCH_FOR_EACH (i, p, batch) {
        struct rte_mbuf *m = &p->mbuf;

        m->packet_type = RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4;
        if (b->encap == REF_PLAIN) {
            m->packet_type |= RTE_PTYPE_L4_TCP;
            m->l2_len = l->inner.ofs;
        } else {
            m->packet_type |= (RTE_PTYPE_L4_UDP | RTE_PTYPE_TUNNEL_VXLAN
                               | RTE_PTYPE_INNER_L2_ETHER
                               | RTE_PTYPE_INNER_L3_IPV4
                               | RTE_PTYPE_INNER_L4_TCP);
            m->outer_l2_len = l->outer.ofs;
            m->outer_l3_len = l->outer.l4 - l->outer.ofs;
            m->l2_len = l->inner.ofs - l->outer.l4;
        }
        m->l3_len = l->inner.l4 - l->inner.ofs;
        m->l4_len = l->payload - l->inner.l4;
        mbufs[i] = m;
    }
    n = rte_gro_reassemble_burst(mbufs, n, &param);
    dp_packet_batch_reset(batch);
    for (uint16_t i = 0; i < n; i++) {
        dp_packet_batch_add(batch, CONTAINER_OF(mbufs[i], struct dp_packet,
                                                mbuf));
    }
}

/* The same, and verifies and flattens each chain. */
static void
merge_rte_flat(const struct burst *b, struct dp_packet_batch *batch)
{
    static volatile uint32_t sums;
    struct dp_packet *p;

    merge_rte(b, batch);
    DP_PACKET_BATCH_FOR_EACH (i, p, batch) {
        const struct rte_mbuf *m = &p->mbuf;
        struct dp_packet *q;

        if (m->nb_segs == 1) {
            continue;
        }
        q = dp_packet_new_with_headroom(m->pkt_len, 128);
        for (; m; m = m->next) {
            sums = csum_copy(dp_packet_put_uninit(q, m->data_len),
                             rte_pktmbuf_mtod(m, char *), m->data_len);
        }
        (void) sums;
        dp_packet_delete(p);
        batch->packets[i] = q;
    }
}

static void
merge_ours(const struct burst *b, struct dp_packet_batch *batch)
{
    struct tnl_gro_count count = { .trains = 0 };

    tnl_gro_merge(b->encap == REF_PLAIN ? TNL_GSO_NO_TUNNEL : TNL_GSO_VXLAN,
                  false, 0, batch, &count);
}

enum { CHAIN, FLAT, OURS, N_WAYS };
static void (*const ways[N_WAYS])(const struct burst *,
                                  struct dp_packet_batch *) = {
    merge_rte, merge_rte_flat, merge_ours
};

/* Speed. */

static double
time_way(int way, const struct burst *b)
{
    double total = 0;

    for (int i = 0; i < TURNS; i++) {
        struct dp_packet_batch batch;
        uint64_t start;

        receive(b, &batch);
        start = bench_now();
        ways[way](b, &batch);
        dp_packet_delete_batch(&batch, true);
        total += bench_now() - start;
        dp_packet_batch_destroy(&batch);
    }
    return MAX(1, total);
}

static const char *const speed_columns[] = {
    "encap", "flows", "segs", "ns", "rte-gro", "rte-gro-flat", NULL
};

static void
speed_row(struct bench_table *table, enum ref_encap encap, size_t n_flows,
          size_t n_segs, int rounds)
{
    double *ns = xcalloc(rounds, sizeof *ns);
    double *chain = xcalloc(rounds, sizeof *chain);
    double *flat = xcalloc(rounds, sizeof *flat);
    struct json *row = json_object_create();
    struct burst b;

    burst_init(&b, encap, n_flows, n_segs);
    burst_settle(&b);
    for (int r = -1; r < rounds; r++) {
        double t[N_WAYS];

        for (int w = 0; w < N_WAYS; w++) {
            t[w] = time_way(w, &b);
        }
        if (r >= 0) {
            ns[r] = t[OURS] / (TURNS * b.n);
            chain[r] = t[CHAIN] / t[OURS];
            flat[r] = t[FLAT] / t[OURS];
        }
    }
    json_object_put_string(row, "encap", pkt_encap_name(encap));
    json_object_put(row, "flows", json_integer_create(n_flows));
    json_object_put(row, "segs", json_integer_create(n_segs));
    json_object_put(row, "ns", json_real_create(bench_median(ns, rounds)));
    json_object_put(row, "rte-gro",
                    json_real_create(bench_median(chain, rounds)));
    json_object_put(row, "rte-gro-flat",
                    json_real_create(bench_median(flat, rounds)));
    bench_table_row(table, row);
    burst_destroy(&b);
    free(ns);
    free(chain);
    free(flat);
}

/* Losses. */

/* Writes all checksums of frame 'i' of 'b'. */
static void
sum_up(struct burst *b, size_t i)
{
    const struct ref_job job = {
        .encap = b->encap, .outer_csum = b->encap != REF_PLAIN,
        .mss = UINT16_MAX,
    };
    struct ref_frame *f = &b->frames[i];
    struct ref_frames one;

    ovs_assert(!ref_cut(f->data, f->len, &job, UINT16_MAX, &one));
    ovs_assert(one.n == 1 && one.v[0].len == f->len);
    memcpy(f->data, one.v[0].data, f->len);
    ref_frames_destroy(&one);
}

/* Makes packet 'i' of 'b' shorter by 'n' bytes. */
static void
shorten(struct burst *b, size_t i, size_t n)
{
    const struct ref_layout *l = &b->layout;
    struct ref_frame *f = &b->frames[i];

    f->len -= n;
    ref_put16(f->data + l->inner.ofs + 2, f->len - l->inner.ofs);
    if (b->encap != REF_PLAIN) {
        ref_put16(f->data + l->outer.ofs + 2, f->len - l->outer.ofs);
        ref_put16(f->data + l->outer.l4 + 4, f->len - l->outer.l4);
    }
    for (size_t j = i + 1; j < b->n; j++) {
        uint8_t *seq = b->frames[j].data + l->inner.l4 + 4;

        ref_put32(seq, ref_get32(seq) - n);
        sum_up(b, j);
    }
    sum_up(b, i);
}

/* Makes the payload of the last packet of 'b' one byte, and puts 5 zeros behind
 * it, as Ethernet does to reach 60 bytes; in a tunnel, inside of it. */
static void
pad(struct burst *b)
{
    const struct ref_layout *l = &b->layout;
    struct ref_frame *f = &b->frames[b->n - 1];

    shorten(b, b->n - 1, f->len - l->payload - 1);
    f->data = xrealloc(f->data, f->len + 5);
    memset(f->data + f->len, 0, 5);
    f->len += 5;
    if (b->encap != REF_PLAIN) {
        ref_put16(f->data + l->outer.ofs + 2, f->len - l->outer.ofs);
        ref_put16(f->data + l->outer.l4 + 4, f->len - l->outer.l4);
        /* No outer checksum, and a right one of the header. */
        ref_put16(f->data + l->outer.l4 + 6, 0);
        ref_put16(f->data + l->outer.ofs + 10, 0);
        ref_put16(f->data + l->outer.ofs + 10,
                  ref_csum(f->data + l->outer.ofs,
                           l->outer.l4 - l->outer.ofs));
    }
}

/* Is the outer UDP checksum of 'frame', if there is one, right? */
static bool
outer_sum_right(const struct burst *b, const uint8_t *frame, size_t len)
{
    const struct ref_layout *l = &b->layout;
    size_t l4_len = len - l->outer.l4;
    uint8_t *buf;
    bool right;

    if (b->encap == REF_PLAIN || !ref_get16(frame + l->outer.l4 + 6)) {
        return true;
    }
    buf = xzalloc(12 + l4_len);
    memcpy(buf, frame + l->outer.ofs + 12, 8);
    buf[9] = 17;
    ref_put16(buf + 10, l4_len);
    memcpy(buf + 12, frame + l->outer.l4, l4_len);
    right = !ref_csum(buf, 12 + l4_len);
    free(buf);
    return right;
}

/* Appends to 'out' what the reference cuts 'p' into, a chain from rte_gro, or
 * a copy if it is none.  The mss is what the first packet had.  Returns false
 * if the outer checksum is wrong.  Takes ownership of 'p'. */
static bool
cut_chain(const struct burst *b, struct dp_packet *p,
          struct dp_packet_batch *out)
{
    const struct ref_job job = {
        .encap = b->encap, .outer_csum = b->encap != REF_PLAIN,
        .mss = p->mbuf.data_len - b->layout.payload,
    };
    size_t len = p->mbuf.pkt_len;
    uint8_t *flat = xmalloc(len);
    struct ref_frames again;
    bool right = true;
    size_t ofs = 0;

    for (const struct rte_mbuf *m = &p->mbuf; m; m = m->next) {
        memcpy(flat + ofs, rte_pktmbuf_mtod(m, char *), m->data_len);
        ofs += m->data_len;
    }
    if (p->mbuf.nb_segs == 1) {
        dp_packet_batch_add(out, dp_packet_clone_data(flat, len));
    } else {
        right = outer_sum_right(b, flat, len);
        ovs_assert(!ref_cut(flat, len, &job, job.mss, &again));
        for (size_t i = 0; i < again.n; i++) {
            dp_packet_batch_add(out, dp_packet_clone_data(again.v[i].data,
                                                          again.v[i].len));
        }
        ref_frames_destroy(&again);
    }
    free(flat);
    dp_packet_delete(p);
    return right;
}

/* Returns, in words, what 'way' makes of 'b', and how that differs when it is
 * cut again. */
static char *
judge(const struct burst *b, int way)
{
    struct dp_packet_batch batch, out;
    struct dp_packet *p;
    size_t n, n_out, wrong = 0;
    bool right = true;

    receive(b, &batch);
    ways[way](b, &batch);
    n = dp_packet_batch_size(&batch);
    dp_packet_batch_init(&out);
    DP_PACKET_BATCH_FOR_EACH (i, p, &batch) {
        if (way != OURS) {
            right = cut_chain(b, p, &out) && right;
        } else if (tnl_gso_is_super(p)) {
            if (b->encap != REF_PLAIN) {
                /* Known to be right, for it comes off. */
                dp_packet_l4_checksum_set_partial(p);
            }
            tnl_gso_cut_again(port, p, &out);
        } else {
            dp_packet_batch_add(&out, p);
        }
    }
    n_out = dp_packet_batch_size(&out);
    for (size_t i = 0; i < MAX(n_out, b->n); i++) {
        wrong += (i >= n_out || i >= b->n
                  || !dp_packet_equal(out.packets[i], b->templates[i]));
    }
    dp_packet_delete_batch(&out, true);
    dp_packet_batch_destroy(&out);
    dp_packet_batch_destroy(&batch);
    return (wrong ? xasprintf("%"PRIuSIZE"%s, %"PRIuSIZE" wrong", n,
                              right ? "" : " with stale sum", wrong)
            : xasprintf("%"PRIuSIZE"%s", n, right ? "" : " with stale sum"));
}

static const char *const changes[] = {
    "none", "ce", "window", "ack", "ttl", "psh", "fixed-id", "bad-csum",
    "larger", "padding", "loss", "swapped",
};

/* Makes of 'b', five packets of one flow, one with change number 'change', of
 * the third packet if not all. */
static void
burst_change(struct burst *b, const char *change)
{
    const struct ref_layout *l = &b->layout;
    uint8_t *third = b->frames[2].data;
    uint8_t *ip = third + l->inner.ofs;
    uint8_t *tcp = third + l->inner.l4;

    if (!strcmp(change, "ce")) {
        ip[1] |= 3;
    } else if (!strcmp(change, "window")) {
        tcp[15] ^= 1;
    } else if (!strcmp(change, "ack")) {
        tcp[11] ^= 1;
    } else if (!strcmp(change, "ttl")) {
        ip[8]--;
    } else if (!strcmp(change, "psh")) {
        tcp[13] |= 8;
    } else if (!strcmp(change, "fixed-id")) {
        for (size_t i = 0; i < b->n; i++) {
            ref_put16(b->frames[i].data + l->inner.ofs + 4, 1);
            sum_up(b, i);
        }
    } else if (!strcmp(change, "larger")) {
        shorten(b, 1, 700);
    } else if (!strcmp(change, "padding")) {
        pad(b);
        return;
    } else if (!strcmp(change, "loss")) {
        free(third);
        b->n--;
        memmove(&b->frames[2], &b->frames[3],
                (b->n - 2) * sizeof b->frames[0]);
        return;
    } else if (!strcmp(change, "swapped")) {
        struct ref_frame tmp = b->frames[2];

        b->frames[2] = b->frames[3];
        b->frames[3] = tmp;
        return;
    }
    sum_up(b, 2);
    if (!strcmp(change, "bad-csum")) {
        b->frames[2].data[b->frames[2].len - 1] ^= 1;
    }
}

static const char *const loss_columns[] = {
    "encap", "change", "packets", "rte-gro-becomes", "ours-becomes", NULL
};

static void
loss_row(struct bench_table *table, enum ref_encap encap, const char *change)
{
    struct json *row = json_object_create();
    struct burst b;
    char *ours;

    burst_init(&b, encap, 1, 5);
    burst_change(&b, change);
    burst_settle(&b);
    json_object_put_string(row, "encap", pkt_encap_name(encap));
    json_object_put_string(row, "change", change);
    json_object_put(row, "packets", json_integer_create(b.n));
    json_object_put(row, "rte-gro-becomes",
                    json_string_create_nocopy(judge(&b, CHAIN)));
    ours = judge(&b, OURS);
    ovs_assert(!strchr(ours, ','));
    json_object_put(row, "ours-becomes", json_string_create_nocopy(ours));
    bench_table_row(table, row);
    burst_destroy(&b);
}

static void
bench_main(int argc, char *argv[])
{
    static const struct {
        size_t n_flows, n_segs;
    } rows[] = { { 1, 46 }, { 1, 32 }, { 1, 2 }, { 16, 2 }, { 32, 1 } };
    struct json *top = json_object_create();
    struct bench_table table;
    struct bench_args args = bench_args(argc, argv, DEFAULT_ROUNDS, "", NULL);
    size_t before, after;

    port = tg_dpdk_port(MTU, true);
    mempool = tg_dpdk_mempool(port, &before);

    printf("mbufs with checksums unknown, medians of %d rounds; checksum "
           "code: %s\n", args.rounds, csum_copy_impl()->name);
    bench_table_start(&table, "Nanoseconds per packet; time of rte_gro over "
                      "ours", speed_columns);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        speed_row(&table, REF_VXLAN, rows[i].n_flows, rows[i].n_segs,
                  args.rounds);
        speed_row(&table, REF_PLAIN, rows[i].n_flows, rows[i].n_segs,
                  args.rounds);
    }
    json_object_put(top, "speed", table.rows);

    bench_table_start(&table, "What packets become, and how many of them are "
                      "wrong when that is cut again", loss_columns);
    for (int encap = REF_PLAIN; encap <= REF_VXLAN; encap++) {
        for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
            loss_row(&table, encap, changes[i]);
        }
    }
    json_object_put(top, "loss", table.rows);
    tg_dpdk_mempool(port, &after);
    ovs_assert(after == before);

    if (args.json_file) {
        bench_write_json(top, args.json_file);
    }
    json_destroy(top);
}

OVSTEST_REGISTER("bench-tnl-gro-dpdk", bench_main);
