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
#include "packets.h"
#include "timeval.h"
#include "tnl-gso-pkt.h"
#include "tnl-gso-train.h"
#include "tnl-gso/tnl-gso.h"
#include "tnl-gso/receive/tnl-gro-desc.h"
#include "tnl-gso/receive/tnl-gro.h"
#include "tnl-gso/core/tnl-gso-port.h"
#include "util.h"

/* Trains at a tunnel pop: the exact inverse of cutting, limits, batches, marks
 * behind the pop, random trains and random bytes.
 *
 * The rules of merging, one by one, are in test-tnl-gso-merge-rules.c. */

/* A superpacket that is cut and comes as a train is one superpacket again. */
static void
inverse(const struct pkt_row *row)
{
    struct ds name = DS_EMPTY_INITIALIZER;
    struct ref_frames units;
    struct ref_layout l;
    struct train t;
    char *expected;

    train_cut_row(row, &units);
    train_build(&t, row->encap, &units);
    if (row->rco) {
        ref_parse(units.v[0].data, units.v[0].len, row->encap, &l);
        train_make_remote(&t, &l);
    }
    expected = xasprintf("%"PRIuSIZE, units.n);
    pkt_row_format(row, &name);
    test_case(train_expect(&t, expected), "inverse: %s", ds_cstr(&name));
    ds_destroy(&name);
    free(expected);
    train_destroy(&t);
    ref_frames_destroy(&units);
}

static void
test_inverse(void)
{
    static const struct {
        uint16_t mss;
        uint32_t payload;
    } sizes[] = {
        { 1400, 2800 }, { 1400, 2801 }, { 1400, 4199 }, { 1333, 5000 },
        { 1448, 30 * 1448 }, { 536, 536 * 60 }, { 1, 100 }, { 9000, 60000 },
    };
    static const uint16_t flags[] = {
        TCP_ACK, TCP_ACK | TCP_PSH, TCP_ACK | TCP_FIN | TCP_PSH,
        TCP_ACK | TCP_CWR, TCP_ACK | TCP_CWR | TCP_ECE | TCP_FIN,
        TCP_ACK | 0x500,
    };
    struct pkt_row row;

    for (int variant = 0; variant < 5; variant++) {
        for (int versions = 0; versions < 4; versions++) {
            for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
                for (size_t f = 0; f < ARRAY_SIZE(flags); f++) {
                    pkt_row_init(&row, (variant % 4 ? REF_GENEVE
                                        : REF_VXLAN));
                    row.rco = variant == 4;
                    row.geneve_opt = variant == 2 ? 8 : variant == 3 ? 252 : 0;
                    row.outer.version = versions & 1 ? 6 : 4;
                    row.inner.version = versions & 2 ? 6 : 4;
                    row.outer.df = row.inner.df = f & 1;
                    row.inner.tos = 0x5a + f;
                    row.inner.id = 0xfffe;
                    row.seq = 0xffffff00;
                    row.csum = f & 2;
                    row.mss = sizes[s].mss;
                    row.payload = sizes[s].payload;
                    row.tcp_flags = flags[f];
                    row.tcp_opt = s % 3 * 12;
                    row.inner.n_vlans = f % 3 == 1;
                    if (s == 3 && !(versions & 2)) {
                        row.inner.ipopt = f * 8;
                    } else if (s == 3) {
                        row.inner.ext = f * 3 % 8;
                    }
                    inverse(&row);
                }
            }
        }
    }
}

/* 2048 units, but not one more; 65535 bytes. */
static void
test_limits(void)
{
    static const struct {
        size_t len;
        uint16_t unit_len;
        bool too_many;
        size_t n;
    } rows[] = {
        { 2048 * 9, 9, false, 2048 },
        { 2047 * 9 + 1, 9, false, 2048 },
        { 2048 * 9 + 1, 9, true, 0 },
        { 60000, 1, true, 0 },
        { 65535 - 42, 1400, false, 47 },
        { 65535 - 42, 65535 - 42 - 1, false, 2 },
    };
    uint8_t *payload = xzalloc(65536);

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct tnl_gro_count count = { .trains = 0 };
        struct ds runs = DS_EMPTY_INITIALIZER;
        struct dp_packet_batch out;
        struct dp_packet *p;
        char *error = NULL;
        struct train t;

        train_wrap(&t, REF_VXLAN, 4, rows[i].unit_len, payload, rows[i].len);
        p = train_packet(&t);
        dp_packet_batch_init_packet(&out, train_packet(&t));
        EXPECT(tnl_gso_is_train(p), true);
        tnl_gro_merge(TNL_GSO_VXLAN, true, 0, &out, &count);
        EXPECT(count.too_many, rows[i].too_many);
        EXPECT(dp_packet_batch_size(&out), rows[i].n);
        EXPECT(count.train_single, rows[i].n);
        if (!error && !rows[i].too_many) {
            error = train_merge_and_judge(&t, &runs);
        }
        test_case(error, "limits: row %"PRIuSIZE, i);
        ds_destroy(&runs);
        dp_packet_delete_batch(&out, true);
        dp_packet_batch_destroy(&out);
        dp_packet_delete(p);
        train_destroy(&t);
    }
    free(payload);
}

/* What is a train, and what only has its mark. */
static void
test_is_train(void)
{
    enum { N = 16 };

    for (int i = 0; i < N; i++) {
        bool expected = false;
        struct dp_packet *p;
        struct ref_layout l;
        char *error = NULL;
        struct train t;

        train_five_units('4', &t, &l);
        if (i == 1) {           /* Outer IPv4 checksum wrong. */
            t.data[t.l3 + 10] ^= 1;
        }
        p = train_packet(&t);
        switch (i) {
        case 0:
            expected = true;
            break;
        case 1:
            break;
        case 2:
            p->uso_segsz = 0;
            break;
        case 3:                 /* One unit. */
            p->uso_segsz = t.len - t.l4 - 8;
            break;
        case 4:
            p->uso_segsz = t.len - t.l4 - 9;
            expected = true;
            break;
        case 5:
            dp_packet_l4_checksum_set_unknown(p);
            break;
        case 6:
            dp_packet_l4_checksum_set_bad(p);
            break;
        case 7:
            dp_packet_l4_checksum_set_good(p);
            expected = true;
            break;
        case 8:                 /* The size is for something inside. */
            dp_packet_tunnel_set_vxlan(p);
            break;
        case 9:
            dp_packet_l4_proto_set_tcp(p);
            break;
        case 10:
            p->l4_ofs = UINT16_MAX;
            break;
        case 11:
            dp_packet_ip_checksum_set_bad(p);
            break;
        case 12:
            ((uint8_t *) dp_packet_data(p))[t.l3 + 10] ^= 1;
            dp_packet_ip_checksum_set_partial(p);
            expected = true;
            break;
        case 13:
            dp_packet_set_tso_segsz(p, 1001);
            break;
        case 14:                /* Headers cut short. */
            dp_packet_set_size(p, t.l4 + 7);
            break;
        case 15:                /* Offsets that cannot be. */
            p->l4_ofs = p->l3_ofs + 19;
            break;
        }
        EXPECT(tnl_gso_is_train(p), expected);
        test_case(error, "is_train: row %d", i);
        dp_packet_delete(p);
        train_destroy(&t);
    }
}

/* Marks of the packet inside, before and behind tnl_gso_pop_finish(). */
static void
test_finish(void)
{
    enum {
        IP_GOOD = DP_PACKET_OL_IP_CKSUM_GOOD,
        IP_BAD = DP_PACKET_OL_IP_CKSUM_BAD,
        IP_PART = DP_PACKET_OL_IP_CKSUM_MASK,
        L4_GOOD = DP_PACKET_OL_L4_CKSUM_GOOD,
        L4_BAD = DP_PACKET_OL_L4_CKSUM_BAD,
        L4_PART = DP_PACKET_OL_L4_CKSUM_MASK,
        TCP = DP_PACKET_OL_L4_PROTO_TCP,
        UDP = DP_PACKET_OL_L4_PROTO_UDP,
    };
    static const uint32_t rows[][2] = {
        { 0, 0 },
        { IP_GOOD | TCP | L4_GOOD, 0 },
        { IP_BAD | UDP | L4_BAD, 0 },
        { TCP, 0 },
        { TCP | L4_PART, TCP | L4_PART },
        { UDP | L4_PART | IP_GOOD, UDP | L4_PART },
        { TCP | UDP | L4_PART, TCP | UDP | L4_PART },
        { IP_PART | TCP | L4_GOOD, IP_PART },
        { IP_PART | TCP | L4_PART, IP_PART | TCP | L4_PART },
        /* A tunnel in the tunnel, of which there is nothing: describe refuses
         * it. */
        { DP_PACKET_OL_TUNNEL_VXLAN | TCP | L4_PART,
          DP_PACKET_OL_TUNNEL_VXLAN },
        { DP_PACKET_OL_TUNNEL_VXLAN | TCP | L4_GOOD,
          DP_PACKET_OL_TUNNEL_VXLAN },
        { DP_PACKET_OL_INNER_L4_CKSUM_MASK, 0 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct dp_packet *p = dp_packet_new(64);
        char *error = NULL;

        p->offloads = rows[i][0];
        dp_packet_set_rss_hash(p, 1);
        dp_packet_set_flow_mark(p, 1);
        dp_packet_set_tso_segsz(p, 1000);
        tnl_gso_pop_finish(NULL, p);
        EXPECT(p->offloads, rows[i][1]);
        EXPECT(p->has_hash, false);
        EXPECT(p->has_mark, false);
        EXPECT(dp_packet_get_tso_segsz(p), 1000);
        test_case(error, "finish: row %"PRIuSIZE, i);
        dp_packet_delete(p);
    }
}

/* A batch on a real tunnel: order, what it gains, what is counted. */
static void
test_batch(void)
{
    struct tnl_gso_stats stats;
    struct dp_packet_batch b;
    struct netdev *tunnel;
    struct dp_packet *p;
    struct ref_layout l;
    char *error = NULL;
    struct train t, big;
    uint8_t *payload;
    const struct {
        size_t from;            /* Which packet it was. */
        uint16_t tso_segsz;
    } expected[] = { { 0, 0 }, { 1, 1001 }, { 3, 0 },
                     { 4, 1001 }, { 4, 0 }, { 4, 1001 }, { 5, 0 } };

    netdev_vport_tunnel_register();
    ovs_assert(!netdev_open("vxlan_merge", "vxlan", &tunnel));
    payload = xzalloc(60000);
    train_wrap(&big, REF_VXLAN, 4, 1, payload, 60000);
    train_five_units('4', &t, &l);

    dp_packet_batch_init(&b);
    for (int i = 0; i < 6; i++) {
        if (i == 4) {
            t.data[2 * t.unit_len + l.payload] ^= 1;
        }
        p = train_packet(i == 2 ? &big : &t);
        if (i == 0 || i == 5) {
            p->uso_segsz = 0;
        } else if (i == 3) {    /* A mark that means nothing here. */
            p->uso_segsz = t.len;
        }
        p->md.skb_priority = i;
        dp_packet_batch_add(&b, p);
    }
    EXPECT(tnl_gso_pop_prepare(tunnel, &b), 2);
    EXPECT(dp_packet_batch_size(&b), ARRAY_SIZE(expected));
    DP_PACKET_BATCH_FOR_EACH (i, p, &b) {
        EXPECT(p->md.skb_priority, expected[i].from);
        EXPECT(dp_packet_get_tso_segsz(p), expected[i].tso_segsz);
        EXPECT(p->uso_segsz, 0);
    }
    tnl_gso_stats_get(tunnel->tnl_gso, &stats);
    EXPECT(stats.events[TNL_GSO_E_TRAINS], 2);
    EXPECT(stats.events[TNL_GSO_E_TRAIN_MERGED], 3);
    EXPECT(stats.events[TNL_GSO_E_TRAIN_SINGLE], 1);
    EXPECT(stats.drops[TNL_GSO_R_TOO_MANY], 1);
    test_case(error, "batch");

    dp_packet_delete_batch(&b, true);
    dp_packet_batch_destroy(&b);
    free(payload);
    train_destroy(&t);
    train_destroy(&big);
    netdev_close(tunnel);
}

/* Makes train 'seed', of a random superpacket, with bytes changed in some:
 * those of headers mostly, and with checksums that follow half of the time.
 * Returns the number of units. */
static size_t
random_train(uint64_t seed, struct pkt_row *row, struct train *t)
{
    struct pkt_rng rng = { seed };
    struct ref_frames units;
    struct ref_layout l;
    size_t n_units;

    for (;;) {
        pkt_row_random(row, &rng);
        /* The outer level is as a tunnel has it. */
        row->outer.n_vlans = row->outer.n_mpls = row->outer.nsh = 0;
        row->outer.ipopt = row->outer.ext = 0;
        if (pkt_range(&rng, 8)) {
            row->tcp_flags &= ~(TCP_SYN | TCP_RST | TCP_URG);
        }
        train_cut_row(row, &units);
        n_units = units.n;
        ref_parse(units.v[0].data, units.v[0].len, row->encap, &l);
        if ((row->encap == REF_VXLAN || row->encap == REF_GENEVE)
            && n_units > 1 && n_units * (l.payload + row->mss) < 65000) {
            break;
        }
        ref_frames_destroy(&units);
    }

    train_build(t, row->encap, &units);
    if (row->rco && row->encap == REF_VXLAN && !row->no_eth) {
        train_make_remote(t, &l);
    }
    for (uint32_t n = pkt_range(&rng, 4); n > 0; n--) {
        struct ref_frame unit = train_unit(t, pkt_range(&rng, n_units));
        size_t hdr = l.payload - t->l4 - 8;
        size_t ofs = pkt_range(&rng, 8) ? pkt_range(&rng, hdr)
                     : pkt_range(&rng, unit.len - t->l4 - 8);

        unit.data[t->l4 + 8 + ofs] ^= 1 << pkt_range(&rng, 8);
        if (pkt_range(&rng, 2) && unit.len > l.payload) {
            train_settle_unit(&unit, &l);
        }
    }
    ref_frames_destroy(&units);
    return n_units;
}

/* Judges train 'seed'.  Returns true if units of it are merged. */
static bool
test_random(uint64_t seed)
{
    struct ds name = DS_EMPTY_INITIALIZER;
    struct ds runs = DS_EMPTY_INITIALIZER;
    size_t n_packets = 1;
    size_t n_units;
    struct pkt_row row;
    struct train t;

    n_units = random_train(seed, &row, &t);
    pkt_row_format(&row, &name);
    test_case(train_merge_and_judge(&t, &runs), "merge 1 %"PRIu64": %s", seed,
              ds_cstr(&name));
    for (size_t i = 0; i < runs.length; i++) {
        n_packets += runs.string[i] == ' ';
    }
    ds_destroy(&name);
    ds_destroy(&runs);
    train_destroy(&t);
    return n_packets < n_units;
}

static void
random_payload(uint64_t seed)
{
    struct ds runs = DS_EMPTY_INITIALIZER;
    struct pkt_rng rng = { seed };
    uint32_t len = 2 + pkt_range(&rng, pkt_range(&rng, 8) ? 600 : 60000);
    uint8_t *payload = xmalloc(len);
    struct train t;

    for (uint32_t i = 0; i < len; i++) {
        payload[i] = pkt_rand(&rng);
    }
    train_wrap(&t, 1 + pkt_range(&rng, 2), pkt_range(&rng, 2) ? 4 : 6,
               1 + len / 2048 + pkt_range(&rng, len - 1 - len / 2048),
               payload, len);
    test_case(train_merge_and_judge(&t, &runs), "merge 1 %"PRIu64": bytes",
              seed);
    ds_destroy(&runs);
    train_destroy(&t);
    free(payload);
}

void
test_merge(struct ovs_cmdl_context *ctx)
{
    uint64_t n = ctx->argc > 1 ? strtoull(ctx->argv[1], NULL, 0) : 5000;
    uint64_t seed = (ctx->argc > 2 ? strtoull(ctx->argv[2], NULL, 0)
                     : time_wall_msec());
    unsigned int n_merged = 0;

    test_inverse();
    test_merge_rules();
    test_limits();
    test_is_train();
    test_finish();
    test_batch();
    for (uint64_t i = 0; i < n; i++) {
        n_merged += test_random(seed + i);
        random_payload(seed + i);
    }
    printf("seed %"PRIu64", units of %u trains merged\n", seed, n_merged);
}

/* Writes seeds for the fuzz target: random trains, small ones. */
void
test_merge_corpus(struct ovs_cmdl_context *ctx)
{
    const char *dir = ctx->argv[1];
    uint64_t n = strtoull(ctx->argv[2], NULL, 0);
    uint64_t seed = 0;

    for (uint64_t i = 0; i < n; seed++) {
        struct fuzz_train_header header;
        struct pkt_row row;
        struct train t;
        size_t payload;

        random_train(seed, &row, &t);
        payload = t.l4 + 8;
        if (t.len < 2000) {
            header.flags = ((t.encap == REF_GENEVE ? FUZZ_TRAIN_GENEVE : 0)
                            | (row.outer.version == 6 ? FUZZ_TRAIN_IPV6 : 0)
                            | (i % 2 ? 0 : FUZZ_TRAIN_SETTLE));
            ref_put16(header.unit_len, t.unit_len);
            write_seed(dir, i++, &header, sizeof header, t.data + payload,
                       t.len - payload);
        }
        train_destroy(&t);
    }
}
