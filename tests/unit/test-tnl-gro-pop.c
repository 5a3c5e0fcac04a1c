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

#include "test-tnl-gso.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command-line.h"
#include "dp-packet.h"
#include "netdev-provider.h"
#include "netdev-vport.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "smap.h"
#include "timeval.h"
#include "tnl-gro-list.h"
#include "tnl-gso/core/tnl-gso-port.h"
#include "tnl-gso/tnl-gso.h"
#include "userspace-tso.h"
#include "util.h"

/* Lists of packets (tnl-gro-list.h) through a pop: what comes out of a batch
 * is what comes out if each packet has a batch for itself, where nothing can
 * be merged.  Superpackets are cut by the reference, as packets without a
 * tunnel, which they are by then. */

/* A packet by itself behind the pop. */
struct popped {
    struct dp_packet *p;        /* Null if it has been dropped. */
    bool refused;               /* Before its headers came off. */
};

struct pops {
    const struct gro_list *list;
    struct gro_unit units[GRO_MAX_UNITS];
    struct popped alone[GRO_MAX_UNITS];
    size_t n;
    size_t first;               /* No unit before this has yet to come out. */
    size_t n_supers;
};

static struct netdev *tunnels[REF_IPIP + 1];

/* Pops 'p' by itself.  Stores whether the way to the pop has refused it. */
static struct dp_packet *
pop_alone(struct netdev *tunnel, struct dp_packet *p, bool *refused)
{
    struct dp_packet_batch batch;

    dp_packet_batch_init_packet(&batch, p);
    ovs_assert(!tnl_gso_pop_prepare(tunnel, &batch));
    *refused = dp_packet_batch_is_empty(&batch);
    netdev_pop_header(tunnel, &batch);
    p = dp_packet_batch_is_empty(&batch) ? NULL : batch.packets[0];
    dp_packet_batch_destroy(&batch);
    return p;
}

/* Returns unit 'u' as it would have come by itself. */
static struct dp_packet *
unit_packet(const struct gro_list *list, const struct gro_unit *u)
{
    /* Outer headers alone: a length in GTP-U stays. */
    struct ref_job job = { .encap = REF_VXLAN };
    struct gro_item item = *u->item;
    struct dp_packet *p;
    struct ref_layout l;

    if (!item.unit_len) {
        return gro_item_packet(list, &item);
    }
    memset(&l, 0, sizeof l);
    l.outer.ofs = item.l3;
    l.outer.l4 = item.l4;
    l.outer.version = item.data[item.l3] >> 4;
    item.data = gro_unit_frame(list, u, &item.len);
    l.outer.proto = 17;
    l.outer.dst = item.l3 + (l.outer.version == 4 ? 16 : 24);
    job.outer_csum = (list->encap == REF_GTPU
                      && ref_get16(item.data + item.l4 + 6));
    ref_settle_outer(item.data, item.len, &job, &l);
    item.unit_len = 0;
    p = gro_item_packet(list, &item);
    free(item.data);
    return p;
}

/* Compares 'p', which came out as it went in, with the same by itself. */
static char *
judge_same(const struct dp_packet *p, const struct dp_packet *alone)
{
    COMPARE(dp_packet_size(p), dp_packet_size(alone));
    COMPARE(memcmp(dp_packet_data(p), dp_packet_data(alone),
                   dp_packet_size(p)), 0);
    COMPARE(memcmp(&p->md, &alone->md, sizeof p->md), 0);
    COMPARE(p->offloads, alone->offloads);
    COMPARE(p->packet_type, alone->packet_type);
    COMPARE(dp_packet_get_tso_segsz(p), dp_packet_get_tso_segsz(alone));
    COMPARE(p->uso_segsz, alone->uso_segsz);
    COMPARE(p->l2_pad_size, alone->l2_pad_size);
    COMPARE(p->l3_ofs, alone->l3_ofs);
    COMPARE(p->l4_ofs, alone->l4_ofs);
    COMPARE(dp_packet_rss_valid(p), dp_packet_rss_valid(alone));
    return NULL;
}

/* Returns the bytes of 'p', with an Ethernet header if it has none. */
static uint8_t *
frame_of(const struct dp_packet *p, size_t *len)
{
    size_t eth = dp_packet_is_eth(p) ? 0 : 14;
    uint8_t *f = xzalloc(eth + dp_packet_size(p) + 1);

    memcpy(f + eth, dp_packet_data(p), dp_packet_size(p));
    if (eth) {
        ref_put16(f + 12, f[14] >> 4 == 4 ? 0x0800 : 0x86dd);
    }
    *len = eth + dp_packet_size(p);
    return f;
}

/* Compares 'piece' of superpacket 'p' with the same packet by itself. */
static char *
judge_piece(const struct dp_packet *p, const struct ref_layout *l,
            const struct ref_frame *piece, const struct dp_packet *alone)
{
    size_t len;
    uint8_t *f = frame_of(alone, &len);
    char *error = NULL;

    if (dp_packet_l4_checksum_partial(alone)
        && !(alone->offloads & DP_PACKET_OL_RCO)) {
        /* It has yet to be summed up. */
        EXPECT(ref_get16(f + l->l4_csum), ref_partial_csum(f, len, &l->inner));
        memcpy(f + l->l4_csum, piece->data + l->l4_csum, 2);
    }
    EXPECT(p->packet_type, alone->packet_type);
    EXPECT(len, piece->len);
    if (!error && memcmp(f, piece->data, len)) {
        error = xstrdup("bytes differ");
    }
    EXPECT(memcmp(&p->md, &alone->md, sizeof p->md), 0);
    EXPECT(dp_packet_get_tso_segsz(alone), 0);
    free(f);
    return error;
}

/* Judges superpacket 'p', which begins with 'u'. */
static char *
judge_super(struct pops *pops, const struct dp_packet *p, struct gro_unit *u)
{
    uint32_t may = DP_PACKET_OL_FIXED_ID | DP_PACKET_OL_RCO;
    struct ref_job job = {
        .encap = REF_PLAIN,
        .mss = dp_packet_get_tso_segsz(p),
        .fixed_id = (p->offloads & DP_PACKET_OL_FIXED_ID) != 0,
        .rco = (p->offloads & DP_PACKET_OL_RCO) != 0,
    };
    struct ref_frames pieces;
    struct ref_layout l;
    const char *bad;
    char *error = NULL;
    uint8_t *f;
    size_t len;

    EXPECT(p->offloads & ~may,
           DP_PACKET_OL_L4_PROTO_TCP | DP_PACKET_OL_L4_CKSUM_MASK);
    f = frame_of(p, &len);
    bad = ref_parse(f, len, REF_PLAIN, &l);
    if (!bad) {
        EXPECT(ref_get16(f + l.l4_csum), ref_partial_csum(f, len, &l.inner));
    }
    bad = bad ? bad : ref_cut(f, len, &job, job.mss, &pieces);
    free(f);
    if (bad) {
        free(error);
        return xstrdup(bad);
    }
    for (size_t i = 0; i < pieces.n && !error; i++) {
        while (u && (i || u->taken)) {
            u = gro_next_of_flow(pops->units, pops->n, u);
            if (!u || pops->alone[u - pops->units].p) {
                break;
            }
        }
        if (!u || u->taken) {
            error = xasprintf("unit %"PRIuSIZE" is not the next of its flow",
                              i);
            break;
        }
        error = judge_piece(p, &l, &pieces.v[i],
                            pops->alone[u - pops->units].p);
        u->taken = true;
    }
    ref_frames_destroy(&pieces);
    return error;
}

/* Completes what 'p', whose GTP-U header may still be there, is to be sent
 * with, which a unit of a train leaves open. */
static void
complete(struct dp_packet *p)
{
    dp_packet_ol_send_prepare(p, 0);
    p->offloads = 0;
}

/* Judges 'p', which came out of a batch. */
static char *
judge_packet(struct pops *pops, struct dp_packet *p)
{
    struct gro_unit *u;

    while (pops->first < pops->n
           && (pops->units[pops->first].taken
               || !pops->alone[pops->first].p)) {
        pops->first++;
    }
    if (pops->first == pops->n) {
        return xstrdup("more packets than there were");
    }
    u = &pops->units[pops->first];
    if (dp_packet_get_tso_segsz(p) && !u->item->mss) {
        pops->n_supers++;
        return judge_super(pops, p, u);
    }
    u->taken = true;
    if (pops->list->encap == REF_GTPU) {
        complete(p);
        complete(pops->alone[pops->first].p);
    }
    return judge_same(p, pops->alone[pops->first].p);
}

/* How many units are in 'p', which is in a tunnel? */
static size_t
units_in(const struct gro_list *list, const struct dp_packet *p)
{
    uint16_t mss = dp_packet_get_tso_segsz(p);
    size_t len = dp_packet_size(p);
    struct ref_layout l;

    if (!mss || !dp_packet_tunnel(p)
        || ref_parse(dp_packet_data(p), len, list->encap, &l)) {
        return 1;
    }
    return DIV_ROUND_UP(len - l.payload, mss);
}

/* For judge_run(), which gets no argument of its own. */
static struct {
    const struct dp_packet_batch *batch; /* All runs together. */
    size_t n;                   /* Packets of it that were in runs so far. */
    char *error;
} runs;

/* Judges one run: the next packets of 'runs.batch', of one TOS. */
static void
judge_run(struct dp_netdev_pmd_thread *pmd OVS_UNUSED,
          struct dp_packet_batch *run)
{
    char *error = runs.error;
    struct dp_packet *p;

    EXPECT(dp_packet_batch_is_empty(run), false);
    DP_PACKET_BATCH_FOR_EACH (i, p, run) {
        const struct dp_packet *from = runs.batch->packets[runs.n++];

        EXPECT(p->md.tunnel.ip_tos, run->packets[0]->md.tunnel.ip_tos);
        EXPECT(dp_packet_size(p), dp_packet_size(from));
        EXPECT(memcmp(dp_packet_data(p), dp_packet_data(from),
                      dp_packet_size(p)), 0);
    }
    dp_packet_delete_batch(run, true);
    runs.error = error;
}

/* Do the runs that 'batch' goes on in have everything, in order, and one TOS
 * each? */
static char *
judge_runs(struct dp_packet_batch *batch)
{
    struct dp_packet_batch all;
    char *error;

    dp_packet_batch_clone(&all, batch);
    runs.batch = batch;
    runs.n = 0;
    runs.error = NULL;
    tnl_gso_pop_runs(&all, judge_run, NULL);
    error = runs.error;
    EXPECT(runs.n, dp_packet_batch_size(batch));
    dp_packet_batch_destroy(&all);
    return error;
}

/* Pops all of 'list' in one batch, and judges what comes out. */
static char *
pop_and_judge(struct pops *pops, struct netdev *tunnel)
{
    const struct gro_list *list = pops->list;
    struct dp_packet_batch batch, out;
    size_t n_refused = 0, n_alone_refused = 0;
    size_t n_out = 0, n_alone = 0;
    size_t n_dropped = 0;
    struct dp_packet *p;
    char *error = NULL;
    int n_more;

    pops->n = gro_list_units(list, pops->units);
    pops->first = 0;
    for (size_t i = 0; i < pops->n; i++) {
        struct popped *alone = &pops->alone[i];

        alone->p = pop_alone(tunnel, unit_packet(list, &pops->units[i]),
                             &alone->refused);
        n_alone += alone->p != NULL;
        n_alone_refused += alone->refused;
    }

    dp_packet_batch_init(&batch);
    dp_packet_batch_init(&out);
    for (size_t i = 0; i < list->n; i++) {
        dp_packet_batch_add(&batch, gro_item_packet(list, &list->v[i]));
    }
    n_more = tnl_gso_pop_prepare(tunnel, &batch);
    n_refused = list->n + n_more - dp_packet_batch_size(&batch);
    if (n_refused > n_alone_refused || !n_refused != !n_alone_refused) {
        error = xasprintf("%"PRIuSIZE" packets refused, and %"PRIuSIZE" alone",
                          n_refused, n_alone_refused);
    }
    DP_PACKET_BATCH_FOR_EACH (i, p, &batch) {
        struct dp_packet_batch one;
        size_t n = p->gro_id ? units_in(list, p) : 1;

        dp_packet_batch_init_packet(&one, p);
        netdev_pop_header(tunnel, &one);
        if (dp_packet_batch_is_empty(&one)) {
            n_dropped += n;
        } else {
            dp_packet_batch_add(&out, one.packets[0]);
        }
        dp_packet_batch_destroy(&one);
    }
    DP_PACKET_BATCH_FOR_EACH (i, p, &out) {
        if (!error) {
            error = judge_packet(pops, p);
        }
        if (error) {
            char *s = xasprintf("packet %"PRIuSIZE": %s", i, error);

            free(error);
            error = s;
            break;
        }
    }
    for (size_t i = 0; i < pops->n; i++) {
        n_out += pops->units[i].taken;
        if (pops->alone[i].p) {
            dp_packet_delete(pops->alone[i].p);
        }
    }
    EXPECT(n_out, n_alone);
    EXPECT(n_dropped, pops->n - n_alone - n_alone_refused);
    if (!error) {
        error = judge_runs(&out);
    }
    dp_packet_delete_batch(&out, true);
    dp_packet_batch_destroy(&out);
    dp_packet_batch_destroy(&batch);
    return error;
}

/* Judges list 'seed'.  Returns the number of superpackets that were made. */
static size_t
test_list(uint64_t seed)
{
    static const uint16_t ports[] = { 4789, 4790, 6081 };
    static struct gro_list list;
    static struct pops pops;
    struct pkt_rng rng = { seed };
    struct ds name = DS_EMPTY_INITIALIZER;
    bool csum6;
    char *error;

    do {
        gro_list_destroy(&list);
        gro_list_random(&list, &rng);
    } while (list.encap == REF_PLAIN);
    for (size_t i = 0; i < list.n;) {
        /* Upstream pops neither VLAN tags nor what has no tunnel header. */
        if (list.v[i].l3 != 14 || !gro_item_head(&list, &list.v[i])) {
            gro_list_remove(&list, i);
        } else {
            i++;
        }
    }
    csum6 = !pkt_range(&rng, 4);
    for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
        tnl_gso_require_csum6(htons(ports[i]), csum6);
    }
    pops.list = &list;
    pops.n_supers = 0;
    error = pop_and_judge(&pops, tunnels[list.encap]);
    if (error) {
        gro_list_format(&list, &name);
    }
    test_case(error, "gro-pop 1 %"PRIu64": %s", seed, ds_cstr(&name));
    ds_destroy(&name);
    return pops.n_supers;
}

void
test_gro_pop(struct ovs_cmdl_context *ctx)
{
    uint64_t n = ctx->argc > 1 ? strtoull(ctx->argv[1], NULL, 0) : 20000;
    uint64_t seed = (ctx->argc > 2 ? strtoull(ctx->argv[2], NULL, 0)
                     : time_wall_msec());
    struct smap config = SMAP_INITIALIZER(&config);
    size_t n_supers = 0;

    smap_add(&config, "userspace-tso-enable", "true");
    userspace_tso_init(&config);
    smap_destroy(&config);
    for (int rco = 0; rco < 2; rco++) {
        struct rco_tunnels rco_tunnels;

        rco_open_tunnels(&rco_tunnels, rco);
        tunnels[REF_VXLAN] = rco_tunnels.dev[REF_VXLAN];
        tunnels[REF_GENEVE] = rco_tunnels.dev[REF_GENEVE];
        ovs_assert(!netdev_open("gro-gre", "gre", &tunnels[REF_GRE]));
        ovs_assert(!netdev_open("gro-gtpu", "gtpu", &tunnels[REF_GTPU]));
        ovs_assert(!netdev_open("gro-srv6", "srv6", &tunnels[REF_IPIP]));
        for (uint64_t i = 0; i < n; i += 2) {
            n_supers += test_list(seed + i + rco);
        }
        netdev_close(tunnels[REF_GRE]);
        netdev_close(tunnels[REF_GTPU]);
        netdev_close(tunnels[REF_IPIP]);
        rco_close_tunnels(&rco_tunnels);
    }
    test_case(n_supers || n < 100 ? NULL : xstrdup("nothing merged"),
              "superpackets");
    printf("seed %"PRIu64", %"PRIuSIZE" superpackets\n", seed, n_supers);
}
