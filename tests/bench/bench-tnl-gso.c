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

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "csum.h"
#include "dp-packet.h"
#include "flow.h"
#include "netdev-provider.h"
#include "openvswitch/json.h"
#include "random.h"
#include "tests/ovstest.h"
#include "tnl-gso/core/csum-copy.h"
#include "util.h"

/* Our segmentation against upstream's, in one process, over the same
 * superpackets:
 *
 *     ovstest bench-tnl-gso [--json=FILE] [--tables=NAME,...]
 *                           [--csum-impl=NAME] [ROUNDS]
 *
 * What a way makes is compared byte by byte before it is timed.  How it is
 * timed: bench/measure.c. */

enum { DEFAULT_ROUNDS = 31 };

/* The standard row: VXLAN over IPv4, outer checksum, 46 segments of 1,400
 * bytes, hot. */
enum { STANDARD_MSS = 1400, STANDARD_SEGS = 46 };

static void
put_speeds(struct json *row, const struct bench_result *r)
{
    for (int w = BENCH_PACKETS; w < BENCH_N_WAYS; w++) {
        json_object_put(row, bench_ways[w].name,
                        json_real_create(r->speed[w]));
    }
}

static void
put_limit(struct json *row, const struct bench_result *r)
{
    json_object_put(row, "memcpy", json_real_create(r->memcpy_speed));
    json_object_put(row, "to-memcpy", json_real_create(r->to_memcpy));
}

/* Kinds of tunnels and ports. */

static const char *const matrix_columns[] = {
    "encap", "options", "outer", "csum", "port-csum", "mss", "segs",
    "packets", "frames", "memcpy", "to-memcpy", NULL
};

static void
matrix_row(struct bench_table *table, const struct bench_case *c)
{
    struct json *row = json_object_create();
    struct bench_result r;

    bench_measure(c, &r);
    json_object_put_string(row, "encap", pkt_encap_name(c->row.encap));
    json_object_put(row, "options", json_integer_create(c->row.geneve_opt));
    json_object_put_format(row, "outer", "ipv%d", c->row.outer.version);
    json_object_put(row, "csum", json_boolean_create(c->row.csum));
    json_object_put(row, "port-csum", json_boolean_create(bench_port_sums()));
    json_object_put(row, "mss", json_integer_create(c->row.mss));
    json_object_put(row, "segs", json_integer_create(r.n_segs));
    put_speeds(row, &r);
    put_limit(row, &r);
    bench_table_row(table, row);
}

static void
do_standard(struct bench_table *table, int rounds)
{
    struct bench_case c;

    bench_table_start(table, "The standard superpacket, times upstream's "
                      "speed", matrix_columns);
    for (int sums = 0; sums <= 1; sums++) {
        bench_set_port(sums ? NETDEV_TX_OFFLOAD_TCP_CKSUM : 0);
        bench_case_init(&c, REF_VXLAN, STANDARD_MSS, STANDARD_SEGS, rounds);
        matrix_row(table, &c);
    }
}

static void
do_matrix(struct bench_table *table, int rounds)
{
    static const struct {
        enum ref_encap encap;
        int options;
    } encaps[] = { { REF_VXLAN, 0 }, { REF_GENEVE, 0 }, { REF_GENEVE, 64 } };
    static const uint16_t msses[] = { 536, STANDARD_MSS, 8900 };

    bench_table_start(table, "Tunnels of 64 kB superpackets, times upstream's "
                      "speed", matrix_columns);
    for (int sums = 0; sums <= 1; sums++) {
        bench_set_port(sums ? NETDEV_TX_OFFLOAD_TCP_CKSUM : 0);
        for (size_t e = 0; e < ARRAY_SIZE(encaps); e++) {
            for (int version = 4; version <= 6; version += 2) {
                for (int csum = 1; csum >= 0; csum--) {
                    for (size_t m = 0; m < ARRAY_SIZE(msses); m++) {
                        struct bench_case c;

                        bench_case_init(&c, encaps[e].encap, msses[m],
                                        65000 / msses[m], rounds);
                        c.row.geneve_opt = encaps[e].options;
                        c.row.outer.version = version;
                        c.row.csum = csum;
                        matrix_row(table, &c);
                    }
                }
            }
        }
    }
}

/* Does the cost of a byte depend on how many segments there are? */

static const char *const segments_columns[] = {
    "mss", "segs", "packets", "frames", "packets-cost", "frames-cost", NULL
};

static void
put_costs(struct json *row, const struct bench_result *r,
          const struct bench_result *base)
{
    for (int w = BENCH_PACKETS; w < BENCH_N_WAYS; w++) {
        char *name = xasprintf("%s-cost", bench_ways[w].name);

        json_object_put(row, name, json_real_create(r->cost[w]
                                                    / base->cost[w]));
        free(name);
    }
}

static void
do_segments(struct bench_table *table, int rounds)
{
    static const struct {
        uint16_t mss;
        uint32_t n_segs[8];     /* The first one is what costs refer to. */
    } series[] = {
        { STANDARD_MSS, { 46, 2, 4, 8, 16, 32 } },
        { 384, { 170, 2, 5, 10, 20, 46, 100 } },
    };

    bench_table_start(table, "Segments: times upstream's speed; cost of a "
                      "byte of payload, 1 is that of 64 kB", segments_columns);
    bench_set_port(0);
    for (size_t s = 0; s < ARRAY_SIZE(series); s++) {
        struct bench_result base;

        for (size_t i = 0; series[s].n_segs[i]; i++) {
            struct json *row = json_object_create();
            struct bench_result r;
            struct bench_case c;

            bench_case_init(&c, REF_VXLAN, series[s].mss,
                            series[s].n_segs[i], rounds);
            bench_measure(&c, &r);
            if (!i) {
                base = r;
            }
            json_object_put(row, "mss", json_integer_create(c.row.mss));
            json_object_put(row, "segs", json_integer_create(r.n_segs));
            put_speeds(row, &r);
            put_costs(row, &r, &base);
            bench_table_row(table, row);
        }
    }
}

/* Does it depend on how many superpackets come at once? */

static const char *const batches_columns[] = {
    "source", "batch", "packets", "frames", "memcpy", "to-memcpy",
    "packets-cost", "frames-cost", NULL
};

static void
do_batches(struct bench_table *table, int rounds)
{
    bench_table_start(table, "Superpackets per batch: times upstream's speed; "
                      "cost of a byte of payload, 1 is that of one "
                      "superpacket", batches_columns);
    bench_set_port(0);
    for (int cold = 0; cold <= 1; cold++) {
        struct bench_result base;

        for (size_t batch = 1; batch <= 32; batch *= 2) {
            struct json *row = json_object_create();
            struct bench_result r;
            struct bench_case c;

            bench_case_init(&c, REF_VXLAN, STANDARD_MSS, STANDARD_SEGS,
                            cold ? MAX(1, rounds / 4) : rounds);
            c.batch = batch;
            c.cold = cold;
            bench_measure(&c, &r);
            if (batch == 1) {
                base = r;
            }
            json_object_put_string(row, "source", cold ? "cold" : "hot");
            json_object_put(row, "batch", json_integer_create(batch));
            put_speeds(row, &r);
            put_limit(row, &r);
            put_costs(row, &r, &base);
            bench_table_row(table, row);
        }
    }
}

/* Does it depend on how many ports there are? */

static const char *const ports_columns[] = {
    "ports", "packets", "frames", "packets-cost", "frames-cost", NULL
};

static void
do_ports(struct bench_table *table, int rounds)
{
    static const size_t n_ports[] = { 1, 2, 8, BENCH_MAX_PORTS };
    struct bench_result base;

    bench_table_start(table, "One superpacket to each port in turn: times "
                      "upstream's speed; cost of a byte of payload, 1 is that "
                      "of one port", ports_columns);
    bench_set_port(0);
    for (size_t i = 0; i < ARRAY_SIZE(n_ports); i++) {
        struct json *row = json_object_create();
        struct bench_result r;
        struct bench_case c;

        bench_case_init(&c, REF_VXLAN, STANDARD_MSS, STANDARD_SEGS, rounds);
        c.ports = n_ports[i];
        bench_measure(&c, &r);
        if (!i) {
            base = r;
        }
        json_object_put(row, "ports", json_integer_create(c.ports));
        put_speeds(row, &r);
        put_costs(row, &r, &base);
        bench_table_row(table, row);
    }
}

/* What superpackets cost others. */

static const char *const delay_columns[] = {
    "ahead", "packets", "frames", NULL
};

static void
do_delay(struct bench_table *table, int rounds)
{
    static const size_t ahead[] = { 1, 8, NETDEV_MAX_BURST - 1 };
    static const struct flow flow = {
        .dl_type = CONSTANT_HTONS(ETH_TYPE_IP),
        .nw_proto = IPPROTO_UDP,
        .nw_ttl = 64,
    };
    struct dp_packet *last = dp_packet_new(64);

    flow_compose(last, &flow, NULL, 64 - ETH_HEADER_LEN - IP_HEADER_LEN
                 - UDP_HEADER_LEN, false);
    last->offloads = 0;

    bench_table_start(table, "Delay of a packet of 64 bytes behind "
                      "superpackets; 1 is the time that each of them takes",
                      delay_columns);
    bench_set_port(0);
    for (size_t i = 0; i < ARRAY_SIZE(ahead); i++) {
        struct json *row = json_object_create();
        double delay[BENCH_N_WAYS];
        struct bench_case c;

        bench_case_init(&c, REF_VXLAN, STANDARD_MSS, STANDARD_SEGS, rounds);
        c.batch = ahead[i];
        bench_delay(&c, last, delay);
        json_object_put(row, "ahead", json_integer_create(c.batch));
        for (int w = BENCH_PACKETS; w < BENCH_N_WAYS; w++) {
            json_object_put(row, bench_ways[w].name,
                            json_real_create(delay[w]));
        }
        bench_table_row(table, row);
    }
    dp_packet_delete(last);
}

/* Remote checksums. */

static const char *const remote_columns[] = {
    "remote", "port-csum", "packets", "frames", "memcpy",
    "packets-to-memcpy", "frames-to-memcpy", NULL
};

static void
do_remote(struct bench_table *table, int rounds)
{
    bench_table_start(table, "Remote checksums, the standard superpacket: "
                      "times the speed of upstream, without them; time, of "
                      "memcpy's", remote_columns);
    for (int sums = 0; sums <= 1; sums++) {
        bench_set_port(sums ? (NETDEV_TX_OFFLOAD_TCP_CKSUM
                               | NETDEV_TX_OFFLOAD_UDP_CKSUM) : 0);
        for (int remote = 0; remote <= 1; remote++) {
            struct json *row = json_object_create();
            struct bench_result r;
            struct bench_case c;

            bench_case_init(&c, REF_VXLAN, STANDARD_MSS, STANDARD_SEGS,
                            rounds);
            c.row.rco = remote;
            bench_measure(&c, &r);
            json_object_put(row, "remote", json_boolean_create(remote));
            json_object_put(row, "port-csum", json_boolean_create(sums));
            put_speeds(row, &r);
            json_object_put(row, "memcpy", json_real_create(r.memcpy_speed));
            json_object_put(row, "packets-to-memcpy",
                            json_real_create(r.memcpy_speed
                                             / r.speed[BENCH_PACKETS]));
            json_object_put(row, "frames-to-memcpy",
                            json_real_create(r.memcpy_speed
                                             / r.speed[BENCH_FRAMES]));
            bench_table_row(table, row);
        }
    }
}

/* Copy and checksum. */

static const char *const impls_columns[] = {
    "code", "packets", "frames", "memcpy", "to-memcpy", NULL
};

static void
do_impls(struct bench_table *table, int rounds)
{
    const struct csum_copy_impl *chosen = csum_copy_impl();
    const struct csum_copy_impl *const *impls;
    size_t n;

    bench_table_start(table, "Checksum code, the standard superpacket: times "
                      "upstream's speed", impls_columns);
    bench_set_port(0);
    impls = csum_copy_impls(&n);
    for (size_t i = 0; i < n; i++) {
        if (impls[i]->usable()) {
            struct json *row = json_object_create();
            struct bench_result r;
            struct bench_case c;

            ovs_assert(csum_copy_force(impls[i]->name));
            bench_case_init(&c, REF_VXLAN, STANDARD_MSS, STANDARD_SEGS,
                            rounds);
            bench_measure(&c, &r);
            json_object_put_string(row, "code", impls[i]->name);
            put_speeds(row, &r);
            put_limit(row, &r);
            bench_table_row(table, row);
        }
    }
    csum_copy_force(chosen->name);
}

/* What a receiver does: the sum of a packet, without a copy. */

static const char *const receive_columns[] = { "code", "bytes", "sum", NULL };

static uint16_t
sum_upstream(const struct csum_copy_impl *impl OVS_UNUSED, const void *p,
             size_t n)
{
    return (OVS_FORCE uint16_t) csum(p, n);
}

static uint16_t
sum_ours(const struct csum_copy_impl *impl, const void *p, size_t n)
{
    return ~impl->fold(p, n);
}

static double
time_sums(uint16_t (*sum)(const struct csum_copy_impl *, const void *, size_t),
          const struct csum_copy_impl *impl, const uint8_t *p, size_t n)
{
    enum { TIMES = 64 };
    uint64_t start = bench_now();
    volatile uint16_t result;

    for (int i = 0; i < TIMES; i++) {
        result = sum(impl, p, n);
    }
    (void) result;
    return MAX(1, bench_now() - start);
}

static void
do_receive(struct bench_table *table, int rounds)
{
    static const size_t sizes[] = { 64, 1400, 1500, 9000 };
    const struct csum_copy_impl *const *impls;
    double *speed = xcalloc(rounds, sizeof *speed);
    uint8_t *data = xmalloc(9000);
    size_t n;

    for (size_t i = 0; i < 9000; i++) {
        data[i] = random_uint32();
    }
    bench_table_start(table, "Sum without copy: times the speed of upstream's "
                      "csum()", receive_columns);
    impls = csum_copy_impls(&n);
    for (size_t i = 0; i < n; i++) {
        for (size_t s = 0; impls[i]->usable() && s < ARRAY_SIZE(sizes); s++) {
            struct json *row = json_object_create();

            ovs_assert(sum_ours(impls[i], data, sizes[s])
                       == sum_upstream(NULL, data, sizes[s]));
            for (int r = 0; r < rounds; r++) {
                speed[r] = time_sums(sum_upstream, NULL, data, sizes[s]);
                speed[r] /= time_sums(sum_ours, impls[i], data, sizes[s]);
            }
            json_object_put_string(row, "code", impls[i]->name);
            json_object_put(row, "bytes", json_integer_create(sizes[s]));
            json_object_put(row, "sum", json_real_create(
                                bench_median(speed, rounds)));
            bench_table_row(table, row);
        }
    }
    free(speed);
    free(data);
}

static const struct {
    const char *name;
    void (*run)(struct bench_table *, int rounds);
} tables[] = {
    { "standard", do_standard },
    { "matrix", do_matrix },
    { "segments", do_segments },
    { "batches", do_batches },
    { "ports", do_ports },
    { "delay", do_delay },
    { "remote", do_remote },
    { "impls", do_impls },
    { "receive", do_receive },
    { "reassembly", bench_reassembly },
    { "flood", bench_flood },
    { "gro", bench_gro },
};

/* Names of tables, separated by commas, or null for all of them. */
static const char *wanted_tables;

/* Is table 'name' one of 'wanted_tables'? */
static bool
wanted(const char *name)
{
    const char *list = wanted_tables;
    size_t len = strlen(name);

    while (list && *list) {
        size_t n = strcspn(list, ",");

        if (n == len && !memcmp(list, name, n)) {
            return true;
        }
        list += n + (list[n] == ',');
    }
    return !list;
}

/* For bench_args(). */
static bool
parse_arg(const char *arg)
{
    if (!strncmp(arg, "--tables=", 9)) {
        wanted_tables = arg + 9;
    } else if (!strncmp(arg, "--csum-impl=", 12)) {
        if (!csum_copy_force(arg + 12)) {
            ovs_fatal(0, "%s: not on this CPU", arg);
        }
    } else {
        return false;
    }
    return true;
}

static void
bench_main(int argc, char *argv[])
{
    struct bench_args args = bench_args(argc, argv, DEFAULT_ROUNDS,
                                        "[--tables=NAME,...] "
                                        "[--csum-impl=NAME] ", parse_arg);
    struct json *json = json_object_create();

    /* By default glibc gives memory back whenever 128 kB are free, which can
     * double the time of either side. */
    mallopt(M_TRIM_THRESHOLD, 1024 * 1024 * 1024);
    mallopt(M_MMAP_THRESHOLD, 1024 * 1024);

    printf("Medians of %d rounds, all outputs compared; checksum code: %s\n",
           args.rounds, csum_copy_impl()->name);
    bench_ways_init();
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        if (wanted(tables[i].name)) {
            struct bench_table table;

            tables[i].run(&table, args.rounds);
            json_object_put(json, tables[i].name, table.rows);
        }
    }
    if (args.json_file) {
        json_object_put_string(json, "code", csum_copy_impl()->name);
        json_object_put(json, "rounds", json_integer_create(args.rounds));
        bench_write_json(json, args.json_file);
    }
    json_destroy(json);
}

OVSTEST_REGISTER("bench-tnl-gso", bench_main);
