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

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "netdev-provider.h"
#include "openvswitch/dynamic-string.h"
#include "tnl-gso/encap/encap.h"
#include "util.h"

/* Plan: every subset of a port's capabilities with every kind of packet.  What
 * is expected is in test-tnl-gso-plan-rules.c. */

enum { MSS = 1400, HDR_LEN = 104 };

/* Payload lengths, the limit on segments on either side. */
static const uint32_t payloads[] = {
    0, 1, MSS - 1, MSS, MSS + 1, 2 * MSS, 5 * MSS, 5 * MSS + 1,
    TNL_GSO_MAX_SEGS * MSS, TNL_GSO_MAX_SEGS * MSS + 1,
};

enum shape { SIMPLE, INNER_EXT, OUTER_EXT, STACKED, REMOTE, N_SHAPES };

static const struct {
    uint64_t flag;
    const char *name;
} flags[] = {
    { NETDEV_TX_OFFLOAD_TCP_CKSUM, "tcp" },
    { NETDEV_TX_OFFLOAD_UDP_CKSUM, "udp" },
    { NETDEV_TX_OFFLOAD_TCP_TSO, "tso" },
    { NETDEV_TX_VXLAN_TNL_TSO, "vxlan-tso" },
    { NETDEV_TX_GENEVE_TNL_TSO, "geneve-tso" },
    { NETDEV_TX_OFFLOAD_OUTER_IP_CKSUM, "outer-ip" },
    { NETDEV_TX_OFFLOAD_OUTER_UDP_CKSUM, "outer-udp" },
    { NETDEV_TX_GRE_TNL_TSO, "gre-tso" },
    { TNL_GSO_TX_IPIP_TNL_TSO, "ipip-tso" },
    { TNL_GSO_TX_UDP_GSO, "udp-seg" },
    { TNL_GSO_TX_TNL_UDP_GSO, "tnl-udp-seg" },
    { TNL_GSO_TX_TCP_GSO, "tcp-gso" },
    { TNL_GSO_TX_UDP_TSO, "udp-tso" },
    { TNL_GSO_TX_TNL_GSO, "tnl-gso" },
};

/* Returns what is wrong with the plan for 'd' on a port with 'caps', or
 * NULL. */
static char *
check(const struct tnl_gso_desc *d, const struct tnl_gso_caps *caps)
{
    struct tnl_gso_plan got, expected;
    struct ds s;

    tnl_gso_plan(d, caps, &got);
    plan_expect(d, caps, &expected);
    if (OVS_LIKELY(plan_equal(&got, &expected))) {
        return NULL;
    }

    ds_init(&s);
    ds_put_format(&s, "methods %#x, frames of %"PRIu32", port:",
                  caps->methods, caps->max_frame_len);
    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        if (caps->ol_flags & flags[i].flag) {
            ds_put_format(&s, " %s", flags[i].name);
        }
    }
    ds_put_cstr(&s, ": ");
    plan_format(&got, &s);
    ds_put_cstr(&s, ", expected ");
    plan_format(&expected, &s);
    return ds_steal_cstr(&s);
}

/* One case: a packet on every port that takes frames of 'max_frame_len', up to
 * the first wrong plan. */
static void
check_all_ports(const struct tnl_gso_desc *d, uint32_t max_frame_len)
{
    static const enum tnl_gso_method methods[] = {
        TNL_GSO_HW, TNL_GSO_HW_PARTIAL, TNL_GSO_TCP_TSO, TNL_GSO_KERNEL,
        TNL_GSO_UDP_GSO, TNL_GSO_SOFTWARE,
    };
    char *error = NULL;

    for (uint32_t i = 0; i < 1u << ARRAY_SIZE(flags) && !error; i++) {
        struct tnl_gso_caps caps = { .max_frame_len = max_frame_len };

        for (size_t j = 0; j < ARRAY_SIZE(flags); j++) {
            caps.ol_flags |= i & (1u << j) ? flags[j].flag : 0;
        }
        /* Others than these two are told both or nothing: it takes half the
         * time. */
        if (d->encap != TNL_GSO_GRE && d->encap != TNL_GSO_IPIP
            && (!(caps.ol_flags & NETDEV_TX_GRE_TNL_TSO)
                != !(caps.ol_flags & TNL_GSO_TX_IPIP_TNL_TSO))) {
            continue;
        }
        for (uint32_t m = 0; m < 1u << ARRAY_SIZE(methods) && !error; m++) {
            /* Only STT has this one. */
            if (d->encap != TNL_GSO_STT && m & 1u << 2) {
                continue;
            }
            caps.methods = 0;
            for (size_t j = 0; j < ARRAY_SIZE(methods); j++) {
                caps.methods |= m & (1u << j) ? 1u << methods[j] : 0;
            }
            error = check(d, &caps);
        }
    }
    test_case(error, "plan %s %s outer v%d%s payload=%"PRIu32" frames of "
              "%"PRIu32"%s%s%s%s", tnl_gso_encap_class(d->encap)->name,
              d->inner.proto == IPPROTO_TCP ? "TCP" : "UDP", d->outer.version,
              d->outer_csum ? " csum" : "", d->payload_len, max_frame_len,
              d->inner.ext ? " inner-ext" : "",
              d->outer.ext ? " outer-ext" : "", d->stacked ? " stacked" : "",
              d->rco ? " remote" : "");
}

/* Longest frames: any, just as long as a segment, and a byte less. */
static void
check_all_mtus(struct tnl_gso_desc *d)
{
    d->inner.proto = IPPROTO_TCP;
    check_all_ports(d, 0);
    check_all_ports(d, HDR_LEN + MSS);
    check_all_ports(d, HDR_LEN + MSS - 1);
    if (d->encap == TNL_GSO_STT) {
        return;                 /* Always TCP. */
    }
    d->inner.proto = IPPROTO_UDP;
    check_all_ports(d, 0);
    check_all_ports(d, HDR_LEN + MSS);
    check_all_ports(d, HDR_LEN + MSS - 1);
}

static void
test_every_subset(void)
{
    static const enum tnl_gso_encap encaps[] = {
        TNL_GSO_PLAIN, TNL_GSO_VXLAN, TNL_GSO_GENEVE, TNL_GSO_GRE,
        TNL_GSO_GTPU, TNL_GSO_STT, TNL_GSO_IPIP
    };

    for (size_t e = 0; e < ARRAY_SIZE(encaps); e++) {
        enum tnl_gso_encap encap = encaps[e];

        for (int csum = 0; csum <= (encap != TNL_GSO_PLAIN); csum++) {
            for (int version = 4; version <= 6; version += 2) {
                for (size_t i = 0; i < ARRAY_SIZE(payloads); i++) {
                    for (enum shape shape = 0; shape < N_SHAPES; shape++) {
                        struct tnl_gso_desc d = {
                            .encap = encap,
                            .outer = { .version = version, .l4_ofs = 34 },
                            .inner = { .version = version },
                            .hdr_len = HDR_LEN,
                            .payload_len = payloads[i],
                            .mss = MSS,
                            .n_segs = MAX(DIV_ROUND_UP(payloads[i], MSS), 1),
                            .outer_csum = csum,
                            .stacked = shape == STACKED,
                            .rco = shape == REMOTE,
                        };

                        if (encap == TNL_GSO_IPIP && csum) {
                            continue;
                        }
                        if (d.rco && encap != TNL_GSO_VXLAN
                            && encap != TNL_GSO_GENEVE) {
                            continue;
                        }
                        if (encap == TNL_GSO_PLAIN) {
                            if (shape == OUTER_EXT || version == 6) {
                                continue;
                            }
                            d.outer.version = 0;
                        } else if (encap == TNL_GSO_STT) {
                            if (shape == OUTER_EXT || csum) {
                                continue;
                            }
                            d.outer.version = 0;
                        }
                        d.inner.ext = shape == INNER_EXT;
                        d.outer.ext = shape == OUTER_EXT;
                        check_all_mtus(&d);
                    }
                }
            }
        }
    }
}

/* What goes into a train, added up by hand. */
static void
test_train_len(void)
{
    static const struct {
        uint16_t outer_l4, hdr_len, mss;
        uint32_t payload;
        uint32_t segs_per_train;             /* 0: software. */
    } rows[] = {
        /* VXLAN over IPv4, TCP without options: 62 bytes in front of each
         * segment, 42 of outer headers. */
        { 34, 104, 1400, 1401, 2 },
        { 34, 104, 1400, 2800, 2 },
        { 34, 104, 1400, 2801, 3 },
        /* With timestamps, 42 segments of 1448 bytes fit. */
        { 34, 116, 1448, 42 * 1448, 42 },
        { 34, 116, 1448, 42 * 1448 + 1, 22 },
        { 34, 116, 1448, 45 * 1448, 23 },
        /* 64 segments at most. */
        { 34, 104, 100, 6400, 64 },
        { 34, 104, 100, 6401, 33 },
        { 34, 104, 100, 12800, 64 },
        { 34, 104, 100, 12801, 43 },
        { 34, 104, 1, TNL_GSO_MAX_SEGS, 64 },
        /* 65,280 bytes at most: 42 + 2 * 32619, 42 + 6 * 10873. */
        { 34, 104, 32557, 65114, 2 },
        { 34, 104, 32558, 65116, 0 },
        { 34, 104, 10811, 64866, 6 },
        { 34, 104, 10812, 64872, 3 },
        { 34, 104, 33000, 65000, 0 },
        /* IPv6: 62 + 2 * 32609. */
        { 54, 124, 32547, 65094, 2 },
        { 54, 124, 32548, 65096, 0 },
        /* Geneve with all of its options. */
        { 54, 376, 16000, 48000, 3 },
        { 54, 376, 16000, 64000, 2 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct tnl_gso_caps caps = {
            .ol_flags = TNL_GSO_TX_UDP_GSO,
            .methods = TNL_GSO_METHODS_ALL,
        };
        const struct tnl_gso_desc d = {
            .encap = TNL_GSO_VXLAN,
            .outer = { .version = 4, .l4_ofs = rows[i].outer_l4 },
            .inner = { .version = 4, .proto = IPPROTO_TCP },
            .hdr_len = rows[i].hdr_len,
            .payload_len = rows[i].payload,
            .mss = rows[i].mss,
            .n_segs = DIV_ROUND_UP(rows[i].payload, rows[i].mss),
            .outer_csum = true,
        };
        struct tnl_gso_plan plan;
        char *error = NULL;

        tnl_gso_plan(&d, &caps, &plan);
        EXPECT(plan.method, (rows[i].segs_per_train ? TNL_GSO_UDP_GSO
                             : TNL_GSO_SOFTWARE));
        EXPECT(plan.segs_per_train, rows[i].segs_per_train);
        test_case(error, "train mss=%u payload=%"PRIu32" headers=%u",
                  rows[i].mss, rows[i].payload, rows[i].hdr_len);
    }
}

/* Ports cut UDP into 64 segments at most. */
static void
test_udp_segs(void)
{
    static const struct {
        uint8_t proto;
        uint32_t payload;
        enum tnl_gso_method method;
    } rows[] = {
        { IPPROTO_UDP, 6400, TNL_GSO_HW },
        { IPPROTO_UDP, 6401, TNL_GSO_SOFTWARE },
        { IPPROTO_TCP, 6401, TNL_GSO_HW },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct tnl_gso_caps caps = {
            .ol_flags = TNL_GSO_TX_UDP_GSO | NETDEV_TX_OFFLOAD_TCP_TSO,
            .methods = TNL_GSO_METHODS_ALL,
        };
        const struct tnl_gso_desc d = {
            .encap = TNL_GSO_PLAIN,
            .inner = { .version = 4, .proto = rows[i].proto },
            .payload_len = rows[i].payload,
            .mss = 100,
            .n_segs = DIV_ROUND_UP(rows[i].payload, 100),
        };
        struct tnl_gso_plan plan;
        char *error = NULL;

        tnl_gso_plan(&d, &caps, &plan);
        EXPECT(plan.method, rows[i].method);
        test_case(error, "proto=%u payload=%"PRIu32" mss=100", rows[i].proto,
                  rows[i].payload);
    }
}

/* Splitting in front of a push. */
static void
test_split(void)
{
    static const struct {
        uint32_t payload, max_frame_len;
        uint32_t unit, n_packets;       /* 'n_packets' 0: to be dropped. */
    } rows[] = {
        /* Fits. */
        { 0, 100, 0, 1 },
        { 1400, 1500, 1400, 1 },
        { 60000, 60100, 60000, 1 },
        /* One byte too much: the last one has two segments nevertheless. */
        { 60000, 60099, 41 * MSS, 2 },
        { 58800, 58899, 40 * MSS, 2 },
        /* A multiple of the mss, and around it. */
        { 60000, 100 + 42 * MSS, 41 * MSS, 2 },
        { 60000, 99 + 42 * MSS, 41 * MSS, 2 },
        { 60000, 101 + 42 * MSS, 41 * MSS, 2 },
        { 60000, 100 + 41 * MSS, 41 * MSS, 2 },
        { 60000, 100 + 40 * MSS, 40 * MSS, 2 },
        { 60000, 100 + 10 * MSS, 10 * MSS, 5 },
        { 60000, 100 + MSS, MSS, 43 },
        /* 43 segments: 3 * 13 + 4, not 3 * 14 + 1.  One less than 7 at a time
         * would be one more packet. */
        { 60000, 100 + 14 * MSS, 13 * MSS, 4 },
        { 60000, 100 + 7 * MSS, 7 * MSS, 7 },
        { 4 * MSS, 100 + 3 * MSS, 2 * MSS, 2 },
        /* Two and one: there is no other way. */
        { 3 * MSS, 100 + 2 * MSS, 2 * MSS, 2 },
        /* No room for a segment. */
        { 60000, 99 + MSS, 0, 0 },
        { 60000, 100, 0, 0 },
        { 60000, 10, 0, 0 },
        { 1400, 1499, 0, 0 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct tnl_gso_desc d = {
            .encap = TNL_GSO_PLAIN,
            .inner = { .version = 4 },
            .hdr_len = 100,
            .payload_len = rows[i].payload,
            .mss = MSS,
            .n_segs = MAX(DIV_ROUND_UP(rows[i].payload, MSS), 1),
        };
        struct tnl_gso_plan plan;
        struct ds error = DS_EMPTY_INITIALIZER;

        tnl_gso_plan_split(&d, rows[i].max_frame_len, &plan);
        if (rows[i].n_packets
            ? (plan.method == TNL_GSO_DROP || plan.unit != rows[i].unit
               || plan.n_packets != rows[i].n_packets || plan.csum)
            : (plan.method != TNL_GSO_DROP
               || plan.reason != TNL_GSO_R_TOO_BIG)) {
            plan_format(&plan, &error);
        }
        test_case(error.length ? ds_steal_cstr(&error) : NULL,
                  "split payload=%"PRIu32" into frames of %"PRIu32,
                  rows[i].payload, rows[i].max_frame_len);
        ds_destroy(&error);
    }
}

/* What describe refuses is dropped with describe's reason, unless nobody would
 * have had to cut it. */
static void
test_refused(void)
{
    for (enum tnl_gso_reason reason = TNL_GSO_R_L2;
         reason < TNL_GSO_N_REASONS; reason++) {
        for (uint32_t l3_len = MSS - 1; l3_len <= MSS + 1; l3_len++) {
            bool pass = l3_len <= MSS;
            struct tnl_gso_plan plan;

            tnl_gso_plan_refused(reason, l3_len, MSS, &plan);
            test_case(((pass ? plan.method == TNL_GSO_PASS
                        : plan.method == TNL_GSO_DROP
                          && plan.reason == reason)
                       ? NULL : xstrdup(tnl_gso_method_to_string(
                                            plan.method))),
                      "plan refused %s, %"PRIu32" bytes",
                      tnl_gso_reason_to_string(reason), l3_len);
        }
    }
}

/* The configuration's names for methods. */
static void
test_methods(void)
{
    static const struct {
        const char *s;
        uint32_t methods;               /* 0: an error. */
    } rows[] = {
        { "hw", 1u << TNL_GSO_HW },
        { "hw-partial", 1u << TNL_GSO_HW_PARTIAL },
        { "software", 1u << TNL_GSO_SOFTWARE },
        { "hw,udp-gso,software", (1u << TNL_GSO_HW | 1u << TNL_GSO_UDP_GSO
                                  | 1u << TNL_GSO_SOFTWARE) },
        { "tcp-tso, software", (1u << TNL_GSO_TCP_TSO
                                | 1u << TNL_GSO_SOFTWARE) },
        { "kernel", 1u << TNL_GSO_KERNEL },
        { "hw,hw-partial,tcp-tso,kernel,udp-gso,software",
          TNL_GSO_METHODS_ALL },
        { "", 0 },
        { ",", 0 },
        { "pass", 0 },
        { "drop", 0 },
        { "hw,soft", 0 },
        { "HW", 0 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint32_t methods = 0xdeadbeef;
        char *message = NULL;
        char *error = NULL;
        bool ok = tnl_gso_methods_from_string(rows[i].s, &methods, &message);

        if (ok != (rows[i].methods != 0) || ok != !message
            || methods != (ok ? rows[i].methods : 0xdeadbeef)) {
            error = xasprintf("%s, %#x", ok ? "accepted" : "refused",
                              methods);
        }
        if (ok && !error) {
            struct ds ds = DS_EMPTY_INITIALIZER;
            uint32_t again = 0;
            char *ignored = NULL;

            tnl_gso_methods_format(methods, &ds);
            if (!tnl_gso_methods_from_string(ds_cstr(&ds), &again, &ignored)
                || again != methods) {
                error = xasprintf("formatted as \"%s\"", ds_cstr(&ds));
            }
            ds_destroy(&ds);
            free(ignored);
        }
        test_case(error, "methods \"%s\"", rows[i].s);
        free(message);
    }
}

void
test_plan(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    test_every_subset();
    test_train_len();
    test_udp_segs();
    test_split();
    test_refused();
    test_methods();
}
