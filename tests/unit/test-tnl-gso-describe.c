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

#include "dp-packet.h"
#include "packets.h"
#include "tnl-gso-pkt.h"
#include "util.h"

/* Describe: rows of superpackets with the offsets that they must have, added
 * up by hand from the RFCs' header lengths, and what becomes of them when they
 * end early. */

struct good_row {
    const char *name;
    enum ref_encap encap;
    struct pkt_level outer, inner;
    bool csum, key, no_eth;
    int geneve_opt, tcp_opt;

    uint16_t outer_ofs, outer_l4, inner_ofs, inner_l4, inner_dst, hdr_len;
    bool stacked;
};

#define V4 { .version = 4 }
#define V6 { .version = 6 }

static const struct good_row good_rows[] = {
    { "plain v4", REF_PLAIN, V4, V4, .inner_ofs = 14, .inner_l4 = 34,
      .inner_dst = 30, .hdr_len = 54 },
    { "plain v6", REF_PLAIN, V4, V6, .inner_ofs = 14, .inner_l4 = 54,
      .inner_dst = 38, .hdr_len = 74 },
    { "plain v4, timestamp", REF_PLAIN, V4, V4, .tcp_opt = 12, .inner_ofs = 14,
      .inner_l4 = 34, .inner_dst = 30, .hdr_len = 66 },
    { "plain v4, options", REF_PLAIN, V4, { .version = 4, .ipopt = 40 },
      .tcp_opt = 40, .inner_ofs = 14, .inner_l4 = 74, .inner_dst = 30,
      .hdr_len = 134 },
    { "plain v4, VLAN", REF_PLAIN, V4, { .version = 4, .n_vlans = 1 },
      .inner_ofs = 18, .inner_l4 = 38, .inner_dst = 34, .hdr_len = 58 },
    { "plain v4, QinQ", REF_PLAIN, V4, { .version = 4, .n_vlans = 2 },
      .inner_ofs = 22, .inner_l4 = 42, .inner_dst = 38, .hdr_len = 62,
      .stacked = true },
    { "plain v6, MPLS", REF_PLAIN, V4, { .version = 6, .n_mpls = 3 },
      .inner_ofs = 26, .inner_l4 = 66, .inner_dst = 50, .hdr_len = 86,
      .stacked = true },
    { "plain v6, hop-by-hop", REF_PLAIN, V4,
      { .version = 6, .ext = PKT_EXT_HOPOPTS }, .inner_ofs = 14,
      .inner_l4 = 62, .inner_dst = 38, .hdr_len = 82 },
    { "plain v6, AH", REF_PLAIN, V4, { .version = 6, .ext = PKT_EXT_AH },
      .inner_ofs = 14, .inner_l4 = 78, .inner_dst = 38, .hdr_len = 98 },
    { "plain v6, routing 0", REF_PLAIN, V4,
      { .version = 6, .ext = PKT_EXT_RT0 }, .inner_ofs = 14, .inner_l4 = 94,
      .inner_dst = 78, .hdr_len = 114 },
    { "plain v6, routing 0, arrived", REF_PLAIN, V4,
      { .version = 6, .ext = PKT_EXT_RT0 | PKT_EXT_ARRIVED }, .inner_ofs = 14,
      .inner_l4 = 94, .inner_dst = 38, .hdr_len = 114 },
    { "plain v6, routing 2", REF_PLAIN, V4,
      { .version = 6, .ext = PKT_EXT_RT2 }, .inner_ofs = 14, .inner_l4 = 78,
      .inner_dst = 62, .hdr_len = 98 },
    { "plain v6, SRH", REF_PLAIN, V4, { .version = 6, .ext = PKT_EXT_SRH },
      .inner_ofs = 14, .inner_l4 = 110, .inner_dst = 62, .hdr_len = 130 },
    { "vxlan v4 v4", REF_VXLAN, V4, V4, .csum = true, .outer_ofs = 14,
      .outer_l4 = 34, .inner_ofs = 64, .inner_l4 = 84, .inner_dst = 80,
      .hdr_len = 104 },
    { "vxlan v6 v6", REF_VXLAN, V6, V6, .tcp_opt = 12, .outer_ofs = 14,
      .outer_l4 = 54, .inner_ofs = 84, .inner_l4 = 124, .inner_dst = 108,
      .hdr_len = 156 },
    { "vxlan v4 v4, VLAN in both", REF_VXLAN, { .version = 4, .n_vlans = 1 },
      { .version = 4, .n_vlans = 1 }, .csum = true, .outer_ofs = 18,
      .outer_l4 = 38, .inner_ofs = 72, .inner_l4 = 92, .inner_dst = 88,
      .hdr_len = 112 },
    { "vxlan v4 v4, QinQ inside", REF_VXLAN, V4,
      { .version = 4, .n_vlans = 2 }, .csum = true, .outer_ofs = 14,
      .outer_l4 = 34, .inner_ofs = 72, .inner_l4 = 92, .inner_dst = 88,
      .hdr_len = 112, .stacked = true },
    { "vxlan-gpe v4 v6", REF_VXLAN, V4, V6, .csum = true, .no_eth = true,
      .outer_ofs = 14, .outer_l4 = 34, .inner_ofs = 50, .inner_l4 = 90,
      .inner_dst = 74, .hdr_len = 110 },
    { "geneve v4 v4", REF_GENEVE, V4, V4, .csum = true, .outer_ofs = 14,
      .outer_l4 = 34, .inner_ofs = 64, .inner_l4 = 84, .inner_dst = 80,
      .hdr_len = 104 },
    { "geneve v6 v4, 252 bytes of options", REF_GENEVE, V6, V4,
      .geneve_opt = 252, .outer_ofs = 14, .outer_l4 = 54, .inner_ofs = 336,
      .inner_l4 = 356, .inner_dst = 352, .hdr_len = 376 },
    { "geneve v4 v4, destination options, MPLS inside", REF_GENEVE,
      { .version = 6, .ext = PKT_EXT_DSTOPTS }, { .version = 4, .n_mpls = 1 },
      .csum = true, .geneve_opt = 4, .outer_ofs = 14, .outer_l4 = 70,
      .inner_ofs = 108, .inner_l4 = 128, .inner_dst = 124, .hdr_len = 148,
      .stacked = true },
    { "gre v4 v4", REF_GRE, V4, V4, .outer_ofs = 14, .outer_l4 = 34,
      .inner_ofs = 52, .inner_l4 = 72, .inner_dst = 68, .hdr_len = 92 },
    { "gre v4 v4, key", REF_GRE, V4, V4, .key = true, .outer_ofs = 14,
      .outer_l4 = 34, .inner_ofs = 56, .inner_l4 = 76, .inner_dst = 72,
      .hdr_len = 96 },
    { "gre v6 v6, checksum, key", REF_GRE, V6, V6, .csum = true, .key = true,
      .outer_ofs = 14, .outer_l4 = 54, .inner_ofs = 80, .inner_l4 = 120,
      .inner_dst = 104, .hdr_len = 140 },
    { "gre v4 v6, no Ethernet", REF_GRE, V4, V6, .csum = true, .no_eth = true,
      .outer_ofs = 14, .outer_l4 = 34, .inner_ofs = 42, .inner_l4 = 82,
      .inner_dst = 66, .hdr_len = 102 },
    { "gtpu v4 v4", REF_GTPU, V4, V4, .outer_ofs = 14, .outer_l4 = 34,
      .inner_ofs = 50, .inner_l4 = 70, .inner_dst = 66, .hdr_len = 90 },
    { "gtpu v4 v4, E bit", REF_GTPU, V4, V4, .csum = true, .geneve_opt = 4,
      .outer_ofs = 14, .outer_l4 = 34, .inner_ofs = 54, .inner_l4 = 74,
      .inner_dst = 70, .hdr_len = 94 },
    { "gtpu v6 v6, two extension headers", REF_GTPU, V6, V6, .csum = true,
      .geneve_opt = 12, .outer_ofs = 14, .outer_l4 = 54, .inner_ofs = 82,
      .inner_l4 = 122, .inner_dst = 106, .hdr_len = 142 },
    { "ipip v4 v4", REF_IPIP, V4, V4, .no_eth = true, .outer_ofs = 14,
      .outer_l4 = 34, .inner_ofs = 34, .inner_l4 = 54, .inner_dst = 50,
      .hdr_len = 74 },
    { "ipip v4 v6, VLAN", REF_IPIP, { .version = 4, .n_vlans = 1 }, V6,
      .no_eth = true, .tcp_opt = 12, .outer_ofs = 18, .outer_l4 = 38,
      .inner_ofs = 38, .inner_l4 = 78, .inner_dst = 62, .hdr_len = 110 },
    { "ipip v6 v4, destination options", REF_IPIP,
      { .version = 6, .ext = PKT_EXT_DSTOPTS }, V4, .no_eth = true,
      .outer_ofs = 14, .outer_l4 = 70, .inner_ofs = 70, .inner_l4 = 90,
      .inner_dst = 86, .hdr_len = 110 },
    { "ipip v6 v6, SRH", REF_IPIP, { .version = 6, .ext = PKT_EXT_SRH }, V6,
      .no_eth = true, .outer_ofs = 14, .outer_l4 = 110, .inner_ofs = 110,
      .inner_l4 = 150, .inner_dst = 134, .hdr_len = 170 },
    { "ipip v6 v6, SRH in both", REF_IPIP,
      { .version = 6, .ext = PKT_EXT_SRH | PKT_EXT_ARRIVED },
      { .version = 6, .ext = PKT_EXT_SRH }, .no_eth = true, .outer_ofs = 14,
      .outer_l4 = 110, .inner_ofs = 110, .inner_l4 = 206, .inner_dst = 158,
      .hdr_len = 226 },
};

/* UDP, which has 8 bytes of header. */
static const struct good_row udp_rows[] = {
    { "plain v4", REF_PLAIN, V4, V4, .inner_ofs = 14, .inner_l4 = 34,
      .inner_dst = 30, .hdr_len = 42 },
    { "plain v6", REF_PLAIN, V4, V6, .inner_ofs = 14, .inner_l4 = 54,
      .inner_dst = 38, .hdr_len = 62 },
    { "plain v4, options, VLAN", REF_PLAIN, V4,
      { .version = 4, .ipopt = 40, .n_vlans = 1 }, .inner_ofs = 18,
      .inner_l4 = 78, .inner_dst = 34, .hdr_len = 86 },
    { "plain v4, QinQ", REF_PLAIN, V4, { .version = 4, .n_vlans = 2 },
      .inner_ofs = 22, .inner_l4 = 42, .inner_dst = 38, .hdr_len = 50,
      .stacked = true },
    { "plain v6, hop-by-hop", REF_PLAIN, V4,
      { .version = 6, .ext = PKT_EXT_HOPOPTS }, .inner_ofs = 14,
      .inner_l4 = 62, .inner_dst = 38, .hdr_len = 70 },
    { "plain v6, SRH", REF_PLAIN, V4, { .version = 6, .ext = PKT_EXT_SRH },
      .inner_ofs = 14, .inner_l4 = 110, .inner_dst = 62, .hdr_len = 118 },
    { "vxlan v4 v4", REF_VXLAN, V4, V4, .csum = true, .outer_ofs = 14,
      .outer_l4 = 34, .inner_ofs = 64, .inner_l4 = 84, .inner_dst = 80,
      .hdr_len = 92 },
    { "vxlan v6 v6", REF_VXLAN, V6, V6, .outer_ofs = 14, .outer_l4 = 54,
      .inner_ofs = 84, .inner_l4 = 124, .inner_dst = 108, .hdr_len = 132 },
    { "vxlan-gpe v4 v6", REF_VXLAN, V4, V6, .csum = true, .no_eth = true,
      .outer_ofs = 14, .outer_l4 = 34, .inner_ofs = 50, .inner_l4 = 90,
      .inner_dst = 74, .hdr_len = 98 },
    { "geneve v6 v4, 252 bytes of options", REF_GENEVE, V6, V4,
      .geneve_opt = 252, .outer_ofs = 14, .outer_l4 = 54, .inner_ofs = 336,
      .inner_l4 = 356, .inner_dst = 352, .hdr_len = 364 },
    { "geneve v4 v4, destination options, MPLS inside", REF_GENEVE,
      { .version = 6, .ext = PKT_EXT_DSTOPTS }, { .version = 4, .n_mpls = 1 },
      .csum = true, .geneve_opt = 4, .outer_ofs = 14, .outer_l4 = 70,
      .inner_ofs = 108, .inner_l4 = 128, .inner_dst = 124, .hdr_len = 136,
      .stacked = true },
    { "gre v4 v4, key", REF_GRE, V4, V4, .key = true, .outer_ofs = 14,
      .outer_l4 = 34, .inner_ofs = 56, .inner_l4 = 76, .inner_dst = 72,
      .hdr_len = 84 },
    { "gre v6 v6, checksum, key", REF_GRE, V6, V6, .csum = true, .key = true,
      .outer_ofs = 14, .outer_l4 = 54, .inner_ofs = 80, .inner_l4 = 120,
      .inner_dst = 104, .hdr_len = 128 },
    { "gtpu v6 v4", REF_GTPU, V6, V4, .csum = true, .outer_ofs = 14,
      .outer_l4 = 54, .inner_ofs = 70, .inner_l4 = 90, .inner_dst = 86,
      .hdr_len = 98 },
    { "ipip v4 v4", REF_IPIP, V4, V4, .no_eth = true, .outer_ofs = 14,
      .outer_l4 = 34, .inner_ofs = 34, .inner_l4 = 54, .inner_dst = 50,
      .hdr_len = 62 },
    { "ipip v6 v6, SRH", REF_IPIP, { .version = 6, .ext = PKT_EXT_SRH }, V6,
      .no_eth = true, .outer_ofs = 14, .outer_l4 = 110, .inner_ofs = 110,
      .inner_l4 = 150, .inner_dst = 134, .hdr_len = 158 },
};

static void
good_row_to_pkt(const struct good_row *g, bool udp, struct pkt_row *row)
{
    pkt_row_init(row, g->encap);
    row->udp = udp;
    row->outer.version = g->outer.version;
    row->outer.n_vlans = g->outer.n_vlans;
    row->outer.n_mpls = g->outer.n_mpls;
    row->outer.ext = g->outer.ext;
    row->inner.version = g->inner.version;
    row->inner.n_vlans = g->inner.n_vlans;
    row->inner.n_mpls = g->inner.n_mpls;
    row->inner.ipopt = g->inner.ipopt;
    row->inner.ext = g->inner.ext;
    row->csum = g->csum;
    row->gre_key = g->key;
    row->no_eth = g->no_eth;
    row->geneve_opt = g->geneve_opt;
    row->tcp_opt = g->tcp_opt;
    row->payload = 2801;
    row->mss = 1400;
}

static void
test_good(const struct good_row *g, bool udp)
{
    enum tnl_gso_reason reason;
    struct tnl_gso_desc d;
    struct pkt_row row;
    struct dp_packet *p;
    char *error = NULL;

    good_row_to_pkt(g, udp, &row);
    p = pkt_build(&row);
    reason = tnl_gso_describe(p, &d);
    EXPECT(reason, TNL_GSO_OK);
    EXPECT(d.encap, test_encap(g->encap));
    if (g->encap != REF_PLAIN) {
        EXPECT(d.outer.ofs, g->outer_ofs);
        EXPECT(d.outer.l4_ofs, g->outer_l4);
        EXPECT(d.outer.version, g->outer.version);
        EXPECT(d.outer.ext, g->outer.ext != 0);
    }
    EXPECT(d.inner.ofs, g->inner_ofs);
    EXPECT(d.inner.l4_ofs, g->inner_l4);
    EXPECT(d.inner.dst_ofs, g->inner_dst);
    EXPECT(d.inner.version, g->inner.version);
    EXPECT(d.inner.ext, g->inner.ext != 0);
    EXPECT(d.inner.proto, udp ? IPPROTO_UDP : IPPROTO_TCP);
    EXPECT(d.hdr_len, g->hdr_len);
    EXPECT(d.payload_len, 2801);
    EXPECT(d.mss, 1400);
    EXPECT(d.n_segs, 3);
    EXPECT(d.outer_csum, g->csum);
    EXPECT(d.stacked, g->stacked);
    EXPECT(d.l4_partial, true);
    test_case(error, "describe %s%s", udp ? "UDP, " : "", g->name);
    dp_packet_delete(p);
}

/* A packet that ends anywhere in its headers gets a reason, one that ends with
 * them is all right and has no payload.  Buffers have the packet's exact size,
 * for tools that see what is read beyond. */
static void
test_truncated(const struct good_row *g, bool udp)
{
    struct pkt_row row;
    struct ref_job job;
    uint8_t *frame;
    size_t len;

    good_row_to_pkt(g, udp, &row);
    job = pkt_job(&row);
    frame = pkt_build_frame(&row, &len);
    for (size_t n = 0; n <= g->hdr_len; n++) {
        struct dp_packet *p = pkt_from_job(frame, n, &job);
        enum tnl_gso_reason reason;
        struct tnl_gso_desc d;
        char *error = NULL;

        reason = tnl_gso_describe(p, &d);
        if (n < g->hdr_len) {
            if (reason != TNL_GSO_R_L2 && reason != TNL_GSO_R_L3
                && reason != TNL_GSO_R_TUNNEL
                && reason != (udp ? TNL_GSO_R_UDP : TNL_GSO_R_TCP)) {
                error = xasprintf("reason is %s",
                                  tnl_gso_reason_to_string(reason));
            }
        } else {
            EXPECT(reason, TNL_GSO_OK);
            EXPECT(d.payload_len, 0);
            EXPECT(d.n_segs, 1);
        }
        test_case(error, "describe %s%s, cut at %"PRIuSIZE" of %d",
                  udp ? "UDP, " : "", g->name, n, g->hdr_len);
        dp_packet_delete(p);
    }
    free(frame);
}

/* Where a short packet ends tells which header is missing. */
static void
test_truncated_reasons(void)
{
    static const struct {
        enum ref_encap encap;
        size_t end;             /* Packets shorter than this... */
        enum tnl_gso_reason reason;
    } rows[] = {
        { REF_PLAIN, 14, TNL_GSO_R_L2 },
        { REF_PLAIN, 34, TNL_GSO_R_L3 },
        { REF_PLAIN, 54, TNL_GSO_R_TCP },
        { REF_VXLAN, 14, TNL_GSO_R_L2 },
        { REF_VXLAN, 34, TNL_GSO_R_L3 },
        { REF_VXLAN, 50, TNL_GSO_R_TUNNEL },
        { REF_VXLAN, 64, TNL_GSO_R_L2 },
        { REF_VXLAN, 84, TNL_GSO_R_L3 },
        { REF_VXLAN, 104, TNL_GSO_R_TCP },
        { REF_GENEVE, 14, TNL_GSO_R_L2 },
        { REF_GENEVE, 34, TNL_GSO_R_L3 },
        { REF_GENEVE, 50, TNL_GSO_R_TUNNEL },
        { REF_GRE, 14, TNL_GSO_R_L2 },
        { REF_GRE, 34, TNL_GSO_R_L3 },
        { REF_GRE, 38, TNL_GSO_R_TUNNEL },
        { REF_GRE, 52, TNL_GSO_R_L2 },
        { REF_GRE, 72, TNL_GSO_R_L3 },
        { REF_GRE, 92, TNL_GSO_R_TCP },
        { REF_GTPU, 14, TNL_GSO_R_L2 },
        { REF_GTPU, 34, TNL_GSO_R_L3 },
        { REF_GTPU, 51, TNL_GSO_R_TUNNEL },
        { REF_GTPU, 70, TNL_GSO_R_L3 },
        { REF_GTPU, 90, TNL_GSO_R_TCP },
    };
    size_t start = 0;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct pkt_row row;
        uint8_t *frame;
        size_t len;

        if (!i || rows[i].encap != rows[i - 1].encap) {
            start = 0;
        }
        pkt_row_init(&row, rows[i].encap);
        frame = pkt_build_frame(&row, &len);
        for (; start < rows[i].end; start++) {
            struct dp_packet *p = pkt_from_frame(frame, start, row.encap,
                                                 false, row.mss);
            struct tnl_gso_desc d;
            enum tnl_gso_reason reason = tnl_gso_describe(p, &d);
            char *error = NULL;

            EXPECT(reason, rows[i].reason);
            test_case(error, "describe %s, %"PRIuSIZE" bytes",
                      pkt_encap_name(row.encap), start);
            dp_packet_delete(p);
        }
        free(frame);
    }
}

static void
test_truncated_udp(void)
{
    static const struct {
        enum ref_encap encap;
        size_t start, end;      /* Packets as long as this, and up to... */
    } rows[] = {
        { REF_PLAIN, 34, 42 },
        { REF_VXLAN, 84, 92 },
        { REF_GENEVE, 84, 92 },
        { REF_GRE, 72, 80 },
        { REF_GTPU, 70, 78 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct pkt_row row;
        struct ref_job job;
        uint8_t *frame;
        size_t len;

        pkt_row_init(&row, rows[i].encap);
        row.udp = true;
        job = pkt_job(&row);
        frame = pkt_build_frame(&row, &len);
        for (size_t n = rows[i].start - 1; n <= rows[i].end; n++) {
            struct dp_packet *p = pkt_from_job(frame, n, &job);
            struct tnl_gso_desc d;
            char *error = NULL;

            EXPECT(tnl_gso_describe(p, &d),
                   (n < rows[i].start ? TNL_GSO_R_L3
                    : n < rows[i].end ? TNL_GSO_R_UDP : TNL_GSO_OK));
            test_case(error, "describe UDP, %s, %"PRIuSIZE" bytes",
                      pkt_encap_name(row.encap), n);
            dp_packet_delete(p);
        }
        free(frame);
    }
}

/* Segment sizes around the payload, and extreme ones. */
static void
test_mss(void)
{
    static const struct {
        uint16_t mss;
        uint32_t payload;
        uint32_t n_segs;
    } rows[] = {
        { 1, 0, 1 }, { 1, 1, 1 }, { 1, 2, 2 }, { 1, 60000, 60000 },
        { 7, 7, 1 }, { 7, 8, 2 }, { 1400, 0, 1 }, { 1400, 1399, 1 },
        { 1400, 1400, 1 }, { 1400, 1401, 2 }, { 1400, 2800, 2 },
        { 1400, 2801, 3 }, { 65535, 60000, 1 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        for (int j = 0; j < 4 * 2; j++) {
            enum ref_encap encap = j & 3;
            struct tnl_gso_desc d;
            struct pkt_row row;
            struct dp_packet *p;
            char *error = NULL;

            pkt_row_init(&row, encap);
            row.udp = j & 4;
            row.mss = rows[i].mss;
            row.payload = rows[i].payload;
            p = pkt_build(&row);
            EXPECT(tnl_gso_describe(p, &d), TNL_GSO_OK);
            EXPECT(d.n_segs, rows[i].n_segs);
            EXPECT(d.payload_len, rows[i].payload);
            test_case(error, "describe %s %s mss=%u payload=%u",
                      pkt_encap_name(encap), row.udp ? "UDP" : "TCP",
                      row.mss, row.payload);
            dp_packet_delete(p);
        }
    }
}

void
test_describe(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    for (size_t i = 0; i < ARRAY_SIZE(good_rows); i++) {
        test_good(&good_rows[i], false);
        test_truncated(&good_rows[i], false);
    }
    for (size_t i = 0; i < ARRAY_SIZE(udp_rows); i++) {
        test_good(&udp_rows[i], true);
        test_truncated(&udp_rows[i], true);
    }
    test_truncated_reasons();
    test_truncated_udp();
    test_mss();
    test_describe_bad();
}
