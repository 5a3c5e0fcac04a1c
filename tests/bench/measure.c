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

#include "bench.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dp-packet.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "timeval.h"
#include "tnl-gso/stages/tnl-gso-desc.h"
#include "util.h"

/* Timing: all ways take turns in every round, so that whatever else the
 * machine does hits them alike.  A figure is the median over all rounds of the
 * ratio within one round. */

/* What a hot turn cuts between two looks at the clock: the payload must not
 * push itself out of the cache. */
enum { HOT_BYTES = 65536 };

/* What one way cuts per round. */
enum { ROUND_BYTES = 1024 * 1024 };

/* More than a last level cache holds. */
enum { COLD_BYTES = 128 * 1024 * 1024 };

/* Parses the arguments of a benchmark, which has 'rounds' by default.  'parse',
 * if it is not null, is called with those that not all benchmarks know, and
 * returns false for what none does; 'usage' names them, with a space behind
 * each. */
struct bench_args
bench_args(int argc, char *argv[], int rounds, const char *usage,
           bool (*parse)(const char *arg))
{
    struct bench_args args = { .rounds = rounds };

    for (int i = 1; i < argc; i++) {
        if (!strncmp(argv[i], "--json=", 7)) {
            args.json_file = argv[i] + 7;
        } else if (!(parse && parse(argv[i]))
                   && (!str_to_int(argv[i], 10, &args.rounds)
                       || args.rounds < 1)) {
            ovs_fatal(0, "usage: %s [--json=FILE] %s[ROUNDS]", argv[0], usage);
        }
    }
    return args;
}

/* Writes 'json' to the file 'file_name'. */
void
bench_write_json(const struct json *json, const char *file_name)
{
    char *s = json_to_string(json, JSSF_SORT | JSSF_PRETTY);
    FILE *file = fopen(file_name, "w");

    if (!file || fprintf(file, "%s\n", s) < 0 || fclose(file)) {
        ovs_fatal(errno, "%s", file_name);
    }
    free(s);
}

uint64_t
bench_now(void)
{
    struct timespec ts;

    xclock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static int
compare_doubles(const void *a_, const void *b_)
{
    const double *a = a_;
    const double *b = b_;

    return *a < *b ? -1 : *a > *b;
}

/* Sorts 'values'. */
double
bench_median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, compare_doubles);
    return values[n / 2];
}

/* The limit: copies as many bytes as leave, packet by packet, to one flat
 * buffer. */
static void
copy_batch(struct dp_packet_batch *batch, uint32_t hdr_len, uint32_t mss)
{
    static char buffer[4 * UINT16_MAX];
    struct dp_packet *p;

    DP_PACKET_BATCH_FOR_EACH (i, p, batch) {
        uint32_t payload = dp_packet_size(p) - hdr_len;
        const char *src = dp_packet_data(p);
        char *dst = buffer;

        for (uint32_t ofs = 0; ofs < payload; ofs += mss) {
            uint32_t len = MIN(mss, payload - ofs);

            memcpy(dst, src, hdr_len);
            memcpy(dst + hdr_len, src + hdr_len + ofs, len);
            dst += hdr_len + len;
        }
    }
}

/* Returns the nanoseconds that some fixed work takes: what costs of different
 * cases, which are minutes apart, are expressed in. */
static uint64_t
time_yardstick(void)
{
    static char buffer[2][HOT_BYTES];
    uint64_t start = bench_now();

    for (int i = 0; i < 2 * ROUND_BYTES / HOT_BYTES; i++) {
        memcpy(buffer[i & 1], buffer[!(i & 1)], HOT_BYTES);
    }
    return MAX(1, bench_now() - start);
}

/* Returns the nanoseconds that it takes to send 'n' copies of 'p', a whole
 * number of batches, by 'way', or to copy them if 'way' is null.  The first
 * batch goes to port 'port' modulo their number. */
static uint64_t
time_way(const struct bench_way *way, const struct bench_case *c,
         const struct dp_packet *p, uint32_t hdr_len, size_t n, size_t port)
{
    struct dp_packet_batch *batches = xmalloc(n / c->batch * sizeof *batches);
    uint64_t start;
    uint64_t end;

    for (size_t i = 0; i < n; i++) {
        struct dp_packet_batch *batch = &batches[i / c->batch];

        if (i % c->batch == 0) {
            dp_packet_batch_init(batch);
        }
        dp_packet_batch_add(batch, bench_clone(p, way));
    }
    start = bench_now();
    for (size_t i = 0; i < n / c->batch; i++) {
        if (way) {
            way->send(&batches[i], (port + i) % c->ports);
        } else {
            copy_batch(&batches[i], hdr_len, c->row.mss);
        }
    }
    end = bench_now();
    for (size_t i = 0; i < n / c->batch; i++) {
        if (!way) {
            dp_packet_delete_batch(&batches[i], true);
        }
        dp_packet_batch_destroy(&batches[i]);
    }
    free(batches);
    return end - start;
}

/* Returns the number of turns in a round of 'c', whose superpacket has 'size'
 * bytes, and stores how many of it a turn sends in '*n'. */
static size_t
round_turns(const struct bench_case *c, size_t size, size_t *n)
{
    size_t turns;

    *n = ROUND_UP(DIV_ROUND_UP(c->cold ? COLD_BYTES : HOT_BYTES - 1, size),
                  c->batch);
    turns = c->cold ? 1 : DIV_ROUND_UP(ROUND_BYTES, *n * size);

    /* Every port is sent to in every round. */
    return MAX(turns, DIV_ROUND_UP(c->ports * c->batch, *n));
}

/* The same over all turns of a round. */
static uint64_t
time_round(const struct bench_way *way, const struct bench_case *c,
           const struct dp_packet *p, uint32_t hdr_len)
{
    uint64_t total = 0;
    size_t turns, n;

    turns = round_turns(c, dp_packet_size(p), &n);
    for (size_t i = 0; i < turns; i++) {
        total += time_way(way, c, p, hdr_len, n, i * (n / c->batch));
    }
    return total;
}

void
bench_case_init(struct bench_case *c, enum ref_encap encap, uint16_t mss,
                uint32_t n_segs, int rounds)
{
    *c = (struct bench_case) { .batch = 1, .ports = 1, .rounds = rounds };
    pkt_row_init(&c->row, encap);
    c->row.csum = true;
    c->row.mss = mss;
    c->row.payload = mss * n_segs;
}

/* Times 'c' and stores the result in '*r'. */
void
bench_measure(const struct bench_case *c, struct bench_result *r)
{
    enum { LIMIT = BENCH_N_WAYS, N_TIMED };
    struct dp_packet *p = pkt_build(&c->row);
    double *speed[N_TIMED], *ns[N_TIMED], *cost[N_TIMED];
    struct tnl_gso_desc desc;
    double *to_memcpy;
    double round_bytes;
    size_t n;

    ovs_assert(!tnl_gso_describe(p, &desc));
    bench_verify(p, c->batch, NULL, c->ports);

    to_memcpy = xcalloc(c->rounds, sizeof *to_memcpy);
    for (int w = 0; w < N_TIMED; w++) {
        speed[w] = xcalloc(c->rounds, sizeof *speed[w]);
        ns[w] = xcalloc(c->rounds, sizeof *ns[w]);
        cost[w] = xcalloc(c->rounds, sizeof *cost[w]);
    }
    for (int i = -1; i < c->rounds; i++) {
        uint64_t yardstick = time_yardstick();

        for (int w = 0; w < N_TIMED; w++) {
            const struct bench_way *way = w == LIMIT ? NULL : &bench_ways[w];

            if (i < 0) {
                /* Takes memory from the kernel, which later rounds need
                 * not. */
                time_round(way, c, p, desc.hdr_len);
                continue;
            }
            ns[w][i] = MAX(1, time_round(way, c, p, desc.hdr_len));
            cost[w][i] = ns[w][i] / yardstick;
            speed[w][i] = ns[BENCH_UPSTREAM][i] / ns[w][i];
        }
        if (i >= 0) {
            to_memcpy[i] = (MIN(ns[BENCH_PACKETS][i], ns[BENCH_FRAMES][i])
                            / ns[LIMIT][i]);
        }
    }

    round_bytes = round_turns(c, dp_packet_size(p), &n);
    round_bytes *= n * c->row.payload;
    r->n_segs = desc.n_segs;
    for (int w = 0; w < BENCH_N_WAYS; w++) {
        r->speed[w] = bench_median(speed[w], c->rounds);
        r->cost[w] = bench_median(cost[w], c->rounds) / round_bytes;
    }
    r->memcpy_speed = bench_median(speed[LIMIT], c->rounds);
    r->to_memcpy = bench_median(to_memcpy, c->rounds);

    free(to_memcpy);
    for (int w = 0; w < N_TIMED; w++) {
        free(speed[w]);
        free(ns[w]);
        free(cost[w]);
    }
    dp_packet_delete(p);
}

/* How long does 'last', an ordinary packet, wait for the superpackets of 'c'
 * in front of it in the same batch?  Stores in 'delay', for each of our ways,
 * the time until the driver gets it, less that without superpackets, over the
 * time of as many superpackets that are sent one by one.  All of these exist
 * before the first one is sent, as in a batch, so that both sides find them in
 * the same cache. */
void
bench_delay(const struct bench_case *c, const struct dp_packet *last,
            double delay[BENCH_N_WAYS])
{
    size_t turns = DIV_ROUND_UP(ROUND_BYTES / HOT_BYTES, c->batch);
    struct dp_packet *p = pkt_build(&c->row);
    struct bench_case alone = *c;

    alone.batch = 1;
    bench_verify(p, c->batch, last, 1);
    bench_verify(p, 0, last, 1);
    for (int w = BENCH_PACKETS; w < BENCH_N_WAYS; w++) {
        const struct bench_way *way = &bench_ways[w];
        double *ratio = xcalloc(c->rounds, sizeof *ratio);

        for (int i = -1; i < c->rounds; i++) {
            double wait = 0;
            double cost = 0;

            for (size_t t = 0; t < turns; t++) {
                wait += bench_time_last(way, p, c->batch, last);
                wait -= bench_time_last(way, p, 0, last);
                cost += time_way(way, &alone, p, 0, c->batch, 0);
            }
            if (i >= 0) {
                ratio[i] = wait / cost;
            }
        }
        delay[w] = bench_median(ratio, c->rounds);
        free(ratio);
    }
    dp_packet_delete(p);
}

/* Starts '*table' and prints 'title' and the names of 'columns'. */
void
bench_table_start(struct bench_table *table, const char *title,
                  const char *const *columns)
{
    *table = (struct bench_table) {
        .columns = columns,
        .rows = json_array_create_empty(),
    };
    printf("\n%s\n", title);
    for (size_t i = 0; columns[i]; i++) {
        printf("%s%*s", i ? "  " : "", (int) MAX(6, strlen(columns[i])),
               columns[i]);
    }
    putchar('\n');
}

/* Prints 'row', an object with a member for each column of 'table', and keeps
 * it. */
void
bench_table_row(struct bench_table *table, struct json *row)
{
    for (size_t i = 0; table->columns[i]; i++) {
        const char *name = table->columns[i];
        const struct json *value = shash_find_data(json_object(row), name);
        int width = MAX(6, strlen(name));

        printf("%s", i ? "  " : "");
        switch (value->type) {
        case JSON_STRING:
            printf("%*s", width, json_string(value));
            break;
        case JSON_INTEGER:
            printf("%*"PRId64, width, json_integer(value));
            break;
        case JSON_REAL:
            printf("%*.2f", width, json_real(value));
            break;
        case JSON_TRUE:
        case JSON_FALSE:
            printf("%*s", width, json_boolean(value) ? "yes" : "no");
            break;
        case JSON_NULL:
        case JSON_OBJECT:
        case JSON_ARRAY:
        case JSON_SERIALIZED_OBJECT:
        case JSON_N_TYPES:
        default:
            OVS_NOT_REACHED();
        }
    }
    putchar('\n');
    fflush(stdout);
    json_array_add(table->rows, row);
}
