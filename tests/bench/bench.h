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

#ifndef BENCH_H
#define BENCH_H 1

/* What the benchmark (bench-tnl-gso.c) is made of: ways to segment
 * (bench/ways.c) and how they are timed (bench/measure.c).
 *
 * Nothing here passes or fails by speed. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/tnl-gso/unit/tnl-gso-pkt.h"

struct dp_packet_batch;
struct json;

/* bench/ways.c: from a batch of marked superpackets to what a driver gets.
 *
 * Each way owns the batch that it is given, and hands everything to a driver
 * that frees it at once. */
enum bench_way_id {
    BENCH_UPSTREAM,             /* netdev_send() of 4.0.0. */
    BENCH_PACKETS,              /* tnl_gso_send(), port wants packets. */
    BENCH_FRAMES,               /* tnl_gso_send(), a kernel port. */
    BENCH_N_WAYS
};

/* Ports of each way, numbered from 0. */
enum { BENCH_MAX_PORTS = 32 };

struct bench_way {
    const char *name;
    void (*send)(struct dp_packet_batch *, size_t port);
};
extern const struct bench_way bench_ways[BENCH_N_WAYS];

void bench_ways_init(void);

/* What the ports do: NETDEV_TX_OFFLOAD_*, for all ways. */
void bench_set_port(uint64_t ol_flags);
bool bench_port_sums(void);

struct dp_packet *bench_clone(const struct dp_packet *,
                              const struct bench_way *);
void bench_verify(const struct dp_packet *, size_t batch,
                  const struct dp_packet *last, size_t ports);
uint64_t bench_time_last(const struct bench_way *, const struct dp_packet *,
                         size_t n, const struct dp_packet *last);

/* bench/measure.c: one superpacket, timed. */
struct bench_case {
    struct pkt_row row;
    size_t batch;               /* Superpackets per batch. */
    size_t ports;               /* To which batches go in turn. */
    bool cold;                  /* Not in any cache when its turn comes. */
    int rounds;
};

struct bench_result {
    uint32_t n_segs;
    double speed[BENCH_N_WAYS]; /* Times upstream's. */
    double memcpy_speed;        /* The limit's. */
    double to_memcpy;           /* Time of the better of our ways, over that of
                                 * the limit. */
    double cost[BENCH_N_WAYS];  /* Per byte of payload, in a unit that is the
                                 * same for all cases. */
};

void bench_case_init(struct bench_case *, enum ref_encap, uint16_t mss,
                     uint32_t n_segs, int rounds);
void bench_measure(const struct bench_case *, struct bench_result *);
void bench_delay(const struct bench_case *, const struct dp_packet *last,
                 double delay[BENCH_N_WAYS]);

/* What each benchmark takes as arguments. */
struct bench_args {
    const char *json_file;      /* To be written, or null. */
    int rounds;
};

struct bench_args bench_args(int argc, char *argv[], int rounds,
                             const char *usage,
                             bool (*parse)(const char *arg));
void bench_write_json(const struct json *, const char *file_name);

uint64_t bench_now(void);
double bench_median(double *, size_t n);

struct bench_table;

/* bench/gro.c. */
void bench_gro(struct bench_table *, int rounds);

/* bench/reassembly.c. */
void bench_reassembly(struct bench_table *, int rounds);
void bench_flood(struct bench_table *, int rounds);

/* A table that is printed row by row and kept for the JSON file.  Columns have
 * the names of the members of a row. */
struct bench_table {
    const char *const *columns; /* Null-terminated. */
    struct json *rows;
};

void bench_table_start(struct bench_table *, const char *title,
                       const char *const *columns);
void bench_table_row(struct bench_table *, struct json *row);

#endif /* bench.h */
