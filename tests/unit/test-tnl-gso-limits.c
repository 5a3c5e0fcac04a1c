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
#include <string.h>

#include "netdev-provider.h"
#include "tnl-gso/encap/encap.h"
#include "util.h"

/* Plan: what a port cannot do in spite of its offloads.
 *
 * Offsets are added up by hand.  Ethernet 14, IPv4 20, IPv6 40, UDP 8, VXLAN
 * and Geneve 8, GRE 4, TCP 20. */

#define TCP_PORT (NETDEV_TX_OFFLOAD_IPV4_CKSUM                              \
                  | NETDEV_TX_OFFLOAD_TCP_CKSUM                             \
                  | NETDEV_TX_OFFLOAD_UDP_CKSUM                             \
                  | NETDEV_TX_OFFLOAD_TCP_TSO)
#define TUNNEL_PORT (TCP_PORT                                               \
                     | NETDEV_TX_VXLAN_TNL_TSO                              \
                     | NETDEV_TX_GENEVE_TNL_TSO                             \
                     | NETDEV_TX_GRE_TNL_TSO                                \
                     | NETDEV_TX_OFFLOAD_OUTER_IP_CKSUM)
#define UDP_PORT (TUNNEL_PORT | TNL_GSO_TX_UDP_GSO)

#define ALL_TUNNELS (1u << TNL_GSO_VXLAN | 1u << TNL_GSO_GENEVE             \
                     | 1u << TNL_GSO_GRE)

enum packet {
    PLAIN,                      /* IP header at 14, payload at 54. */
    PLAIN6,                     /* The same at 14 and 74. */
    LABELS,                     /* As PLAIN, with MPLS labels in front. */
    VXLAN4,                     /* UDP at 34, inner IP at 64, payload 104. */
    RCO,                        /* The same with a remote checksum. */
    VXLAN6,                     /* UDP at 54, inner IP at 84, payload 124. */
    GENEVE,                     /* As VXLAN4 and 'options'. */
    GRE,                        /* GRE at 34, inner IP at 52, payload 92. */
    STT,                        /* IP at 14, payload (STT's header) at 54. */
};

static const struct {
    enum packet packet;
    bool csum;
    uint16_t options;           /* Bytes of Geneve options. */
    uint16_t mss;
    uint32_t payload;
    uint64_t port;
    struct tnl_gso_limits limits;
    enum tnl_gso_method method;
    uint32_t n_packets;
    bool sums;                  /* We complete checksums. */
    const char *limit;          /* What keeps the port from 'hw'. */
    uint32_t again;             /* Payload of each superpacket that is planned
                                 * again, or 0. */
} rows[] = {
    /* The segment size, on either side. */
    { VXLAN4, false, 0, 256, 2560, TUNNEL_PORT, { .min_mss = 256 },
      TNL_GSO_HW, 1, false, NULL, 0 },
    { VXLAN4, false, 0, 255, 2560, TUNNEL_PORT, { .min_mss = 256 },
      TNL_GSO_SOFTWARE, 11, false, "min_mss", 0 },
    { VXLAN4, true, 0, 255, 2560, TUNNEL_PORT, { .min_mss = 256 },
      TNL_GSO_SOFTWARE, 11, false, "min_mss", 0 },
    { VXLAN4, true, 0, 256, 2561, TUNNEL_PORT, { .min_mss = 256 },
      TNL_GSO_HW_PARTIAL, 2, false, NULL, 0 },
    { PLAIN, false, 0, 255, 2560, TCP_PORT, { .min_mss = 256 },
      TNL_GSO_SOFTWARE, 11, false, "min_mss", 0 },
    { STT, false, 0, 87, 174, TCP_PORT, { .min_mss = 88 },
      TNL_GSO_SOFTWARE, 2, false, "min_mss", 0 },
    { STT, false, 0, 88, 176, TCP_PORT, { .min_mss = 88 },
      TNL_GSO_TCP_TSO, 1, false, NULL, 0 },
    { VXLAN4, false, 0, 9674, 20000, TUNNEL_PORT, { .max_mss = 9674 },
      TNL_GSO_HW, 1, false, NULL, 0 },
    { VXLAN4, false, 0, 9675, 20000, TUNNEL_PORT, { .max_mss = 9674 },
      TNL_GSO_SOFTWARE, 3, false, "max_mss", 0 },

    /* A train's segments have 62 bytes more: what is between the outer UDP
     * header and the payload. */
    { VXLAN4, true, 0, 194, 1940, UDP_PORT, { .min_mss = 256 },
      TNL_GSO_UDP_GSO, 10, true, "min_mss", 0 },
    { VXLAN4, true, 0, 193, 1930, UDP_PORT, { .min_mss = 256 },
      TNL_GSO_SOFTWARE, 10, false, "min_mss", 0 },
    { VXLAN4, true, 0, 1000, 2000, TCP_PORT | TNL_GSO_TX_UDP_GSO,
      { .max_mss = 1062 }, TNL_GSO_UDP_GSO, 2, true, NULL, 0 },
    { VXLAN4, true, 0, 1001, 2002, TCP_PORT | TNL_GSO_TX_UDP_GSO,
      { .max_mss = 1062 }, TNL_GSO_SOFTWARE, 2, false, NULL, 0 },

    /* All of a superpacket: it becomes several, unless no two segments fit
     * into one. */
    { VXLAN4, false, 0, 1000, 9896, TUNNEL_PORT, { .max_len = 10000 },
      TNL_GSO_HW, 1, false, NULL, 0 },
    { VXLAN4, false, 0, 1000, 9897, TUNNEL_PORT, { .max_len = 10000 },
      TNL_GSO_HW, 2, false, NULL, 9000 },
    { VXLAN4, true, 0, 1000, 9897, TUNNEL_PORT, { .max_len = 3104 },
      TNL_GSO_HW_PARTIAL, 4, false, NULL, 3000 },
    { VXLAN4, true, 0, 1000, 2001, TUNNEL_PORT, { .max_len = 2104 },
      TNL_GSO_HW_PARTIAL, 2, false, NULL, 2000 },
    { VXLAN4, true, 0, 1000, 2000, TUNNEL_PORT, { .max_len = 2104 },
      TNL_GSO_HW_PARTIAL, 1, false, NULL, 0 },
    { VXLAN4, false, 0, 1000, 9897, TUNNEL_PORT, { .max_len = 2103 },
      TNL_GSO_SOFTWARE, 10, false, "max_len", 0 },
    { VXLAN4, false, 0, 1000, 1999, TUNNEL_PORT, { .max_len = 2103 },
      TNL_GSO_HW, 1, false, NULL, 0 },
    { VXLAN4, false, 0, 1000, 9000, TUNNEL_PORT, { .max_segs = 4 },
      TNL_GSO_HW, 3, false, NULL, 4000 },
    { VXLAN4, false, 0, 1000, 4000, TUNNEL_PORT, { .max_segs = 4 },
      TNL_GSO_HW, 1, false, NULL, 0 },
    { STT, false, 0, 1000, 4001, TCP_PORT, { .max_segs = 4 },
      TNL_GSO_TCP_TSO, 2, false, NULL, 4000 },
    { VXLAN4, true, 0, 1000, 9000, TCP_PORT | TNL_GSO_TX_UDP_GSO,
      { .max_segs = 4 }, TNL_GSO_UDP_GSO, 9, true, NULL, 0 },
    { VXLAN4, true, 0, 1000, 9000, TCP_PORT | TNL_GSO_TX_UDP_GSO,
      { .max_segs = 1 }, TNL_GSO_SOFTWARE, 9, false, "max_len", 0 },

    /* 64 kB are less for a train: two segments of 32,660 bytes do not fit. */
    { VXLAN4, true, 0, 32598, 65196, TCP_PORT | TNL_GSO_TX_UDP_GSO,
      { .max_len = 65368 }, TNL_GSO_SOFTWARE, 2, false, NULL, 0 },

    /* An outer checksum is that of plain UDP, which every port finds. */
    { RCO, true, 0, 1000, 2000, TCP_PORT, { .max_l2_len = 127 },
      TNL_GSO_SOFTWARE, 2, false, "none", 0 },

    /* Offloads that must not be asked for. */
    { PLAIN, false, 0, 1000, 2000, TCP_PORT, { .no_tso = true },
      TNL_GSO_SOFTWARE, 2, false, "no_tso", 0 },
    { VXLAN4, false, 0, 1000, 2000, TUNNEL_PORT, { .no_tso = true },
      TNL_GSO_SOFTWARE, 2, false, "no_tso", 0 },
    { VXLAN4, true, 0, 1000, 2000, UDP_PORT, { .no_tso = true },
      TNL_GSO_UDP_GSO, 2, true, "no_tso", 0 },
    { STT, false, 0, 1000, 2000, TCP_PORT, { .no_tso = true },
      TNL_GSO_SOFTWARE, 2, false, "no_tso", 0 },
    { PLAIN, false, 0, 1000, 2000, TCP_PORT, { .no_tso6 = true },
      TNL_GSO_HW, 1, false, NULL, 0 },
    { PLAIN6, false, 0, 1000, 2000, TCP_PORT, { .no_tso6 = true },
      TNL_GSO_SOFTWARE, 2, false, "no_tso6", 0 },

    /* Headers in front of the payload; a train's are those up to UDP. */
    { VXLAN4, false, 0, 1000, 2000, TUNNEL_PORT, { .max_hdr_len = 104 },
      TNL_GSO_HW, 1, false, NULL, 0 },
    { VXLAN6, false, 0, 1000, 2000, TUNNEL_PORT, { .max_hdr_len = 104 },
      TNL_GSO_SOFTWARE, 2, false, "max_hdr_len", 0 },
    { VXLAN6, true, 0, 1000, 2000, UDP_PORT, { .max_hdr_len = 62 },
      TNL_GSO_UDP_GSO, 2, true, "max_hdr_len", 0 },
    { VXLAN6, true, 0, 1000, 2000, UDP_PORT, { .max_hdr_len = 61 },
      TNL_GSO_SOFTWARE, 2, false, "max_hdr_len", 0 },

    /* Geneve options between two IP headers: 30 + 96 bytes fit into 7 bits. */
    { GENEVE, false, 96, 1000, 2000, TUNNEL_PORT,
      { .max_l2_len = 127, .tunnels = ALL_TUNNELS },
      TNL_GSO_HW, 1, false, NULL, 0 },
    { GENEVE, false, 100, 1000, 2000, TUNNEL_PORT,
      { .max_l2_len = 127, .tunnels = ALL_TUNNELS },
      TNL_GSO_SOFTWARE, 2, true, "max_l2_len", 0 },
    { GENEVE, true, 100, 1000, 2000, UDP_PORT,
      { .max_l2_len = 127, .tunnels = ALL_TUNNELS },
      TNL_GSO_UDP_GSO, 2, true, "max_l2_len", 0 },

    /* The outer headers count as well if the port does not know the tunnel:
     * 64 and 60 bytes do.  Not all ports can be told of such a checksum. */
    { GENEVE, false, 60, 1000, 2000, TCP_PORT,
      { .max_l2_len = 127, .tunnels = 1u << TNL_GSO_VXLAN,
        .sums_by_len = true },
      TNL_GSO_SOFTWARE, 2, false, NULL, 0 },
    { GENEVE, false, 64, 1000, 2000, TCP_PORT,
      { .max_l2_len = 127, .tunnels = 1u << TNL_GSO_VXLAN,
        .sums_by_len = true },
      TNL_GSO_SOFTWARE, 2, true, "max_l2_len", 0 },
    { GENEVE, false, 60, 1000, 2000, TCP_PORT,
      { .max_l2_len = 127, .tunnels = 1u << TNL_GSO_VXLAN },
      TNL_GSO_SOFTWARE, 2, true, "max_l2_len", 0 },
    { GRE, false, 0, 1000, 2000, TUNNEL_PORT,
      { .max_l2_len = 18, .tunnels = ALL_TUNNELS },
      TNL_GSO_HW, 1, false, NULL, 0 },
    { GRE, false, 0, 1000, 2000, TCP_PORT,
      { .max_l2_len = 52, .sums_by_len = true },
      TNL_GSO_SOFTWARE, 2, false, NULL, 0 },
    { GRE, false, 0, 1000, 2000, TCP_PORT,
      { .max_l2_len = 51, .sums_by_len = true },
      TNL_GSO_SOFTWARE, 2, true, "max_l2_len", 0 },
    { PLAIN, false, 0, 1000, 2000, TCP_PORT, { .max_l2_len = 14 },
      TNL_GSO_HW, 1, false, NULL, 0 },

    /* No device cuts behind labels.  Not all find a checksum there. */
    { LABELS, false, 0, 1000, 2000, TCP_PORT, { .max_l2_len = 127 },
      TNL_GSO_SOFTWARE, 2, true, "max_l2_len", 0 },
    { LABELS, false, 0, 1000, 2000, TCP_PORT,
      { .max_l2_len = 127, .sums_by_len = true },
      TNL_GSO_SOFTWARE, 2, false, NULL, 0 },
    { LABELS, false, 0, 1000, 2000, TCP_PORT, { .max_l2_len = 0 },
      TNL_GSO_SOFTWARE, 2, false, NULL, 0 },
};

static struct tnl_gso_desc
describe(size_t i)
{
    enum packet packet = rows[i].packet;
    bool gre = packet == GRE;
    bool v6 = packet == PLAIN6;
    bool plain = packet == PLAIN || packet == PLAIN6 || packet == LABELS;
    bool outer = !plain && packet != STT;
    uint16_t outer_l4 = packet == VXLAN6 ? 54 : 34;
    uint16_t inner = (!outer ? 14
                      : outer_l4 + (gre ? 4 : 16) + rows[i].options + 14);
    struct tnl_gso_desc d = {
        .encap = (plain ? TNL_GSO_PLAIN
                  : packet == GENEVE ? TNL_GSO_GENEVE
                  : packet == GRE ? TNL_GSO_GRE
                  : packet == STT ? TNL_GSO_STT
                  : TNL_GSO_VXLAN),
        .inner = { .version = v6 ? 6 : 4, .proto = IPPROTO_TCP, .ofs = inner,
                   .l4_ofs = inner + (v6 ? 40 : 20) },
        .hdr_len = inner + (v6 ? 60 : 40),
        .payload_len = rows[i].payload,
        .mss = rows[i].mss,
        .n_segs = DIV_ROUND_UP(rows[i].payload, rows[i].mss),
        .outer_csum = rows[i].csum,
        .stacked = packet == LABELS,
        .rco = packet == RCO,
    };

    if (outer) {
        d.outer.version = packet == VXLAN6 ? 6 : 4;
        d.outer.ofs = 14;
        d.outer.l4_ofs = outer_l4;
    }
    return d;
}

/* The limit that keeps a port from cutting 'd' alone, as it is told to an
 * operator. */
static const char *
told_limit(const struct tnl_gso_desc *d, const struct tnl_gso_limits *limits)
{
    const struct tnl_gso_encap_class *class = tnl_gso_encap_class(d->encap);

    for (size_t i = 0; i < class->n_rows; i++) {
        const struct tnl_gso_plan_row *row = &class->rows[i];

        if ((row->method == TNL_GSO_HW || row->method == TNL_GSO_TCP_TSO)
            && tnl_gso_plan_row_is_for(row, d)) {
            return tnl_gso_plan_row_limit(row, d, limits);
        }
    }
    return "none";
}

void
test_port_limits(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct tnl_gso_desc d = describe(i);
        struct tnl_gso_caps caps = {
            .ol_flags = rows[i].port,
            .methods = TNL_GSO_METHODS_ALL,
            .limits = rows[i].limits,
        };
        const char *limit = told_limit(&d, &rows[i].limits);
        struct tnl_gso_plan plan;
        char *error = NULL;

        tnl_gso_plan(&d, &caps, &plan);
        EXPECT(tnl_gso_plan_port_method(&plan), rows[i].method);
        EXPECT(plan.n_packets, rows[i].n_packets);
        EXPECT(plan.csum, rows[i].sums);
        EXPECT(plan.method == TNL_GSO_SPLIT, rows[i].again != 0);
        if (rows[i].again) {
            EXPECT(plan.unit, rows[i].again);
        }
        if (!error && !nullable_string_is_equal(limit, rows[i].limit)) {
            error = xasprintf("limit is %s", limit ? limit : "none");
        }
        test_case(error, "limits row %"PRIuSIZE, i);
    }
}
