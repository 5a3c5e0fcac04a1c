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

#include <stdlib.h>
#include <string.h>

#include "dp-packet.h"
#include "flow.h"
#include "netdev-provider.h"
#include "openvswitch/json.h"
#include "tnl-gso/core/csum-copy.h"
#include "tnl-gso/core/tnl-gso-buf.h"
#include "tnl-gso/core/tnl-gso-port.h"
#include "tnl-gso/encap/encap.h"
#include "tnl-gso/receive/tnl-gro.h"
#include "tnl-gso/tnl-gso.h"
#include "util.h"

/* Merging of what arrives cut: what a packet costs that is looked at, beside
 * the copy of its payload, and what merging costs, over a copy.
 *
 * Packets are in buffers like those that kernel ports receive into.  All ways
 * end with all packets freed, and the time of nothing but that is subtracted
 * from each. */

enum { COLD_BYTES = 128 * 1024 * 1024, ROUND_BYTES = 4 * 1024 * 1024 };

enum { MAX_FLOWS = 32 };

/* What is known of checksums. */
enum sums {
    SUMS_UNKNOWN,               /* Nothing. */
    SUMS_OUTER,                 /* The outer ones are right: kernel ports. */
    SUMS_ALL,                   /* So are those inside. */
};

struct traffic {
    const char *name;
    enum ref_encap encap;
    bool udp;                   /* Not TCP. */
    uint16_t mss;
    size_t n_flows;             /* Whose packets take turns. */
    size_t n_segs;              /* Packets of each flow. */
    enum sums sums;
};

/* One batch. */
struct burst {
    const struct traffic *traffic;
    struct dp_packet *templates[MAX_FLOWS * 64]; /* In order. */
    size_t n;
    uint32_t hdr_len;           /* Bytes in front of a payload. */
    size_t bytes;               /* Of all payloads. */
};

static struct dp_packet *
make_template(const struct traffic *t, const struct ref_frame *frame)
{
    struct dp_packet *p = dp_packet_new(frame->len);
    struct flow flow;

    dp_packet_put(p, frame->data, frame->len);
    flow_extract(p, &flow);
    p->offloads = 0;
    if (t->encap != REF_PLAIN) {
        dp_packet_l4_proto_set_udp(p);
    }
    if (t->sums != SUMS_UNKNOWN) {
        dp_packet_ip_checksum_set_good(p);
        dp_packet_l4_checksum_set_good(p);
    }
    if (t->sums == SUMS_ALL && t->encap == REF_VXLAN) {
        dp_packet_tunnel_set_vxlan(p);
        dp_packet_inner_l4_checksum_set_good(p);
    }
    return p;
}

static void
burst_init(struct burst *burst, const struct traffic *t)
{
    *burst = (struct burst) { .traffic = t, .n = t->n_flows * t->n_segs };
    ovs_assert(burst->n <= ARRAY_SIZE(burst->templates));
    for (size_t f = 0; f < t->n_flows; f++) {
        struct ref_layout layout;
        struct ref_frames units;
        struct pkt_row row;
        uint8_t *frame;
        size_t len;

        pkt_row_init(&row, t->encap);
        row.csum = t->encap != REF_PLAIN;
        row.udp = t->udp;
        row.mss = t->mss;
        row.payload = t->mss * t->n_segs;
        row.seed = 1 + f;
        frame = pkt_build_frame(&row, &len);
        const struct ref_job job = pkt_job(&row);
        ovs_assert(!ref_cut(frame, len, &job, row.mss, &units));
        ovs_assert(units.n == t->n_segs);
        ovs_assert(!ref_parse(frame, len, t->encap, &layout));
        for (size_t i = 0; i < units.n; i++) {
            burst->templates[i * t->n_flows + f]
                = make_template(t, &units.v[i]);
            burst->bytes += units.v[i].len - layout.payload;
        }
        burst->hdr_len = layout.payload;
        ref_frames_destroy(&units);
        free(frame);
    }
}

static void
burst_destroy(struct burst *burst)
{
    for (size_t i = 0; i < burst->n; i++) {
        dp_packet_delete(burst->templates[i]);
    }
}

/* Makes '*batch' one that a kernel port has received. */
static void
receive(const struct burst *burst, struct dp_packet_batch *batch)
{
    dp_packet_batch_init(batch);
    for (size_t i = 0; i < burst->n; i++) {
        const struct dp_packet *from = burst->templates[i];
        size_t size = dp_packet_size(from);
        struct dp_packet *p = tnl_gso_buf_new_rx_std(size);

        dp_packet_put(p, dp_packet_data(from), size);
        memcpy(&p->l2_pad_size, &from->l2_pad_size,
               sizeof *p - offsetof(struct dp_packet, l2_pad_size));
        p->offloads = from->offloads;
        p->has_hash = p->has_mark = false;
        dp_packet_batch_add(batch, p);
    }
}

static void
way_free(const struct burst *burst OVS_UNUSED,
         struct dp_packet_batch *batch OVS_UNUSED)
{
}

/* Where payloads are copied to: as many bytes as a superpacket has. */
static char copies[2 * UINT16_MAX];

static void
way_memcpy(const struct burst *burst, struct dp_packet_batch *batch)
{
    struct dp_packet *p;
    size_t ofs = 0;

    DP_PACKET_BATCH_FOR_EACH (i, p, batch) {
        size_t len = dp_packet_size(p) - burst->hdr_len;

        memcpy(copies + ofs, (char *) dp_packet_data(p) + burst->hdr_len, len);
        ofs = (ofs + len) % UINT16_MAX;
    }
}

static void
way_csum_copy(const struct burst *burst, struct dp_packet_batch *batch)
{
    static volatile uint32_t result;
    struct dp_packet *p;
    size_t ofs = 0;

    DP_PACKET_BATCH_FOR_EACH (i, p, batch) {
        size_t len = dp_packet_size(p) - burst->hdr_len;

        result = csum_copy(copies + ofs,
                           (char *) dp_packet_data(p) + burst->hdr_len, len);
        ofs = (ofs + len) % UINT16_MAX;
    }
    (void) result;
}

static void
way_merge(const struct burst *burst, struct dp_packet_batch *batch)
{
    struct tnl_gro_count count = { .trains = 0 };

    tnl_gro_merge(burst->traffic->encap == REF_PLAIN
                  ? TNL_GSO_NO_TUNNEL : TNL_GSO_VXLAN,
                  false, 0, batch, &count);
}

enum { FREE, MEMCPY, CSUM_COPY, MERGE, N_WAYS };
static void (*const ways[N_WAYS])(const struct burst *,
                                  struct dp_packet_batch *) = {
    way_free, way_memcpy, way_csum_copy, way_merge
};

/* Returns the nanoseconds that a batch takes. */
static double
time_way(int way, const struct burst *burst, bool cold)
{
    size_t n = cold ? COLD_BYTES / (burst->n * 2048) : 1;
    size_t turns = cold ? 1 : ROUND_BYTES / (burst->n * 2048);
    struct dp_packet_batch *batches = xmalloc(n * sizeof *batches);
    double total = 0;

    for (size_t t = 0; t < turns; t++) {
        uint64_t start;

        for (size_t i = 0; i < n; i++) {
            receive(burst, &batches[i]);
        }
        start = bench_now();
        for (size_t i = 0; i < n; i++) {
            ways[way](burst, &batches[i]);
            dp_packet_delete_batch(&batches[i], true);
        }
        total += bench_now() - start;
        for (size_t i = 0; i < n; i++) {
            dp_packet_batch_destroy(&batches[i]);
        }
    }
    free(batches);
    return MAX(1, total / (n * turns));
}

/* Merges a batch of 'burst', cuts it again, and ends the program unless each
 * flow is as it was.  Returns the number of packets between. */
static size_t
verify(const struct burst *burst)
{
    static const struct netdev_class class = { .type = "bench" };
    struct netdev port = { .netdev_class = &class };
    size_t next[MAX_FLOWS] = { 0 };
    struct dp_packet_batch batch, out;
    struct dp_packet *p;
    size_t n;

    port.name = CONST_CAST(char *, "bench");
    port.tnl_gso = tnl_gso_port_new(&port);
    receive(burst, &batch);
    way_merge(burst, &batch);
    n = dp_packet_batch_size(&batch);

    dp_packet_batch_init(&out);
    DP_PACKET_BATCH_FOR_EACH (i, p, &batch) {
        if (tnl_gso_is_super(p)) {
            if (burst->traffic->encap != REF_PLAIN) {
                /* Known to be right, for it comes off. */
                dp_packet_l4_checksum_set_partial(p);
            }
            tnl_gso_cut_again(&port, p, &out);
        } else {
            dp_packet_batch_add(&out, p);
        }
    }
    ovs_assert(dp_packet_batch_size(&out) == burst->n);
    DP_PACKET_BATCH_FOR_EACH (i, p, &out) {
        size_t n_flows = burst->traffic->n_flows;
        size_t f;

        for (f = 0; f < n_flows; f++) {
            size_t k = next[f] * n_flows + f;

            if (k < burst->n
                && dp_packet_equal(p, burst->templates[k])) {
                break;
            }
        }
        if (f == n_flows) {
            ovs_fatal(0, "%s: cut again, it is not what it was",
                      burst->traffic->name);
        }
        next[f]++;
    }
    dp_packet_delete_batch(&out, true);
    dp_packet_batch_destroy(&out);
    dp_packet_batch_destroy(&batch);
    tnl_gso_port_free(port.tnl_gso);
    return n;
}

static const char *const columns[] = {
    "traffic", "source", "flows", "segs", "sums", "become", "ns",
    "ns-beside-copy", "to-memcpy", "to-csum-copy", NULL
};

/* The first of them that is a result in floating point. */
enum { FIRST_RESULT = 6 };

static void
bench_row(struct bench_table *table, const struct traffic *t, bool cold,
          int rounds)
{
    static const char *const sums[] = { "unknown", "outer", "all" };
    double *v[ARRAY_SIZE(columns) - 1 - FIRST_RESULT];
    struct json *row = json_object_create();
    struct burst burst;
    size_t become;

    rounds = cold ? DIV_ROUND_UP(rounds, 4) : rounds;
    for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
        v[i] = xcalloc(rounds, sizeof *v[i]);
    }
    burst_init(&burst, t);
    for (int r = -1; r < rounds; r++) {
        double ns[N_WAYS];

        for (int w = 0; w < N_WAYS; w++) {
            ns[w] = time_way(w, &burst, cold);
        }
        for (int w = 1; r >= 0 && w < N_WAYS; w++) {
            ns[w] -= ns[FREE];
        }
        if (r >= 0) {
            v[0][r] = ns[MERGE] / burst.n;
            v[1][r] = (ns[MERGE] - ns[t->sums == SUMS_ALL
                                      ? MEMCPY : CSUM_COPY]) / burst.n;
            v[2][r] = ns[MERGE] / ns[MEMCPY];
            v[3][r] = ns[MERGE] / ns[CSUM_COPY];
        }
    }
    become = verify(&burst);
    json_object_put_string(row, "traffic", t->name);
    json_object_put_string(row, "source", cold ? "cold" : "hot");
    json_object_put(row, "flows", json_integer_create(t->n_flows));
    json_object_put(row, "segs", json_integer_create(t->n_segs));
    json_object_put_string(row, "sums", sums[t->sums]);
    json_object_put(row, "become", json_integer_create(become));
    for (size_t i = 0; columns[FIRST_RESULT + i]; i++) {
        /* Nothing is copied of what does not merge. */
        json_object_put(row, columns[FIRST_RESULT + i],
                        (i && become == burst.n ? json_string_create("-")
                         : json_real_create(bench_median(v[i], rounds))));
        free(v[i]);
    }
    bench_table_row(table, row);
    burst_destroy(&burst);
}

/* Times merging, by packet and against copying the same bytes. */
void
bench_gro(struct bench_table *table, int rounds)
{
    static const struct traffic traffics[] = {
        { "vxlan", REF_VXLAN, false, 1400, 1, 46, SUMS_UNKNOWN },
        { "vxlan", REF_VXLAN, false, 1400, 1, 46, SUMS_OUTER },
        { "vxlan", REF_VXLAN, false, 1400, 1, 46, SUMS_ALL },
        { "vxlan", REF_VXLAN, false, 1400, 1, 32, SUMS_UNKNOWN },
        { "vxlan", REF_VXLAN, false, 1400, 1, 32, SUMS_ALL },
        { "vxlan", REF_VXLAN, false, 1400, 16, 2, SUMS_UNKNOWN },
        { "vxlan", REF_VXLAN, false, 1400, 16, 2, SUMS_ALL },
        { "plain", REF_PLAIN, false, 1400, 1, 32, SUMS_UNKNOWN },
        { "plain", REF_PLAIN, false, 1400, 1, 32, SUMS_ALL },
        { "vxlan-udp", REF_VXLAN, true, 1400, 1, 32, SUMS_OUTER },
        { "vxlan-tcp-64", REF_VXLAN, false, 10, 32, 1, SUMS_OUTER },
        { "plain-udp", REF_PLAIN, true, 1400, 1, 32, SUMS_OUTER },
        { "plain-tcp-64", REF_PLAIN, false, 10, 32, 1, SUMS_OUTER },
    };

    bench_table_start(table, "Merging of what arrives cut: nanoseconds per "
                      "packet; time, of that of a copy", columns);
    for (int cold = 0; cold <= 1; cold++) {
        for (size_t i = 0; i < ARRAY_SIZE(traffics); i++) {
            bench_row(table, &traffics[i], cold, rounds);
        }
    }
}
