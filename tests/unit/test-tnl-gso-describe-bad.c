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

#include <stdlib.h>
#include <string.h>

#include "dp-packet.h"
#include "packets.h"
#include "tnl-gso-pkt.h"
#include "util.h"

/* Describe: superpackets that are broken or unusual, with the reason that they
 * must get.  Where the bytes that are replaced lie is added up by hand. */

/* Frames with a few bytes replaced. */
struct bad_row {
    const char *name;
    enum ref_encap encap;
    int outer, inner;           /* IP versions; 0: 4. */
    unsigned int inner_ext;
    bool key;
    size_t ofs;                 /* Where bytes are replaced. */
    size_t n;
    uint8_t bytes[4];
    enum tnl_gso_reason reason;
};

static const struct bad_row bad_rows[] = {
    /* L2. */
    { "ARP", REF_PLAIN, .ofs = 12, .n = 2, .bytes = { 0x08, 0x06 },
      .reason = TNL_GSO_R_L2 },
    { "LLC length instead of Ethertype", REF_PLAIN, .ofs = 12, .n = 2,
      .bytes = { 0x00, 0x2e }, .reason = TNL_GSO_R_L2 },
    { "ARP inside VXLAN", REF_VXLAN, .ofs = 62, .n = 2,
      .bytes = { 0x08, 0x06 }, .reason = TNL_GSO_R_L2 },
    { "NSH of length 0", REF_PLAIN, .ofs = 12, .n = 4,
      .bytes = { 0x89, 0x4f, 0x00, 0x00 }, .reason = TNL_GSO_R_L2 },
    { "NSH beyond the packet", REF_GRE, .ofs = 36, .n = 4,
      .bytes = { 0x89, 0x4f, 0x00, 0x3f }, .reason = TNL_GSO_R_L2 },
    { "unknown protocol in Geneve", REF_GENEVE, .ofs = 44, .n = 2,
      .bytes = { 0x12, 0x34 }, .reason = TNL_GSO_R_L2 },

    { "Ethernet that announces Ethernet", REF_PLAIN, .ofs = 12, .n = 2,
      .bytes = { 0x65, 0x58 }, .reason = TNL_GSO_R_L2 },

    /* L3. */
    { "IPv4 Ethertype, IPv6 header", REF_PLAIN, .inner = 6, .ofs = 12, .n = 2,
      .bytes = { 0x08, 0x00 }, .reason = TNL_GSO_R_L3 },
    { "IPv6 Ethertype, IPv4 header", REF_PLAIN, .ofs = 12, .n = 2,
      .bytes = { 0x86, 0xdd }, .reason = TNL_GSO_R_L3 },
    { "IPv4 header length 0", REF_PLAIN, .ofs = 14, .n = 1, .bytes = { 0x40 },
      .reason = TNL_GSO_R_L3 },
    { "IPv4 header length 16", REF_PLAIN, .ofs = 14, .n = 1, .bytes = { 0x44 },
      .reason = TNL_GSO_R_L3 },
    { "inner IPv4 header length 16", REF_GRE, .ofs = 52, .n = 1,
      .bytes = { 0x44 }, .reason = TNL_GSO_R_L3 },
    { "outer IPv4 header length 16", REF_VXLAN, .ofs = 14, .n = 1,
      .bytes = { 0x44 }, .reason = TNL_GSO_R_L3 },
    { "IPv6 options beyond the packet", REF_PLAIN, .inner = 6,
      .inner_ext = PKT_EXT_HOPOPTS, .ofs = 55, .n = 1, .bytes = { 0xff },
      .reason = TNL_GSO_R_L3 },

    /* Fragments. */
    { "first fragment", REF_PLAIN, .ofs = 20, .n = 2, .bytes = { 0x20, 0x00 },
      .reason = TNL_GSO_R_FRAGMENT },
    { "last fragment", REF_PLAIN, .ofs = 20, .n = 2, .bytes = { 0x00, 0x01 },
      .reason = TNL_GSO_R_FRAGMENT },
    { "fragment with DF", REF_PLAIN, .ofs = 20, .n = 2,
      .bytes = { 0x5f, 0xff }, .reason = TNL_GSO_R_FRAGMENT },
    { "inner fragment", REF_VXLAN, .ofs = 70, .n = 2, .bytes = { 0x20, 0x00 },
      .reason = TNL_GSO_R_FRAGMENT },
    { "outer fragment", REF_VXLAN, .ofs = 20, .n = 2, .bytes = { 0x20, 0x00 },
      .reason = TNL_GSO_R_FRAGMENT },
    { "IPv6 fragment", REF_PLAIN, .inner = 6, .inner_ext = PKT_EXT_FRAGMENT,
      .reason = TNL_GSO_R_FRAGMENT },
    { "inner IPv6 fragment", REF_GENEVE, .outer = 6, .inner = 6,
      .inner_ext = PKT_EXT_HOPOPTS | PKT_EXT_FRAGMENT,
      .reason = TNL_GSO_R_FRAGMENT },

    /* L4. */
    { "ICMP", REF_PLAIN, .ofs = 23, .n = 1, .bytes = { 1 },
      .reason = TNL_GSO_R_NOT_TCP },
    { "UDP", REF_PLAIN, .ofs = 23, .n = 1, .bytes = { 17 },
      .reason = TNL_GSO_R_NOT_TCP },
    { "SCTP", REF_PLAIN, .ofs = 23, .n = 1, .bytes = { 132 },
      .reason = TNL_GSO_R_NOT_TCP },
    { "SCTP inside VXLAN", REF_VXLAN, .ofs = 73, .n = 1, .bytes = { 132 },
      .reason = TNL_GSO_R_NOT_TCP },
    { "IPv6 with protocol 0 at the end", REF_PLAIN, .inner = 6,
      .inner_ext = PKT_EXT_HOPOPTS, .ofs = 54, .n = 1, .bytes = { 59 },
      .reason = TNL_GSO_R_NOT_TCP },
    { "TCP header length 0", REF_PLAIN, .ofs = 46, .n = 1, .bytes = { 0x00 },
      .reason = TNL_GSO_R_TCP },
    { "TCP header length 16", REF_PLAIN, .ofs = 46, .n = 1, .bytes = { 0x40 },
      .reason = TNL_GSO_R_TCP },
    { "inner TCP header length 16", REF_VXLAN, .ofs = 96, .n = 1,
      .bytes = { 0x4f }, .reason = TNL_GSO_R_TCP },

    /* Tunnels. */
    { "VXLAN mark, outer TCP", REF_VXLAN, .ofs = 23, .n = 1, .bytes = { 6 },
      .reason = TNL_GSO_R_TUNNEL },
    { "GRE mark, outer UDP", REF_GRE, .ofs = 23, .n = 1, .bytes = { 17 },
      .reason = TNL_GSO_R_TUNNEL },
    { "VXLAN-GPE, next protocol 0", REF_VXLAN, .ofs = 42, .n = 4,
      .bytes = { 0x0c, 0, 0, 0 }, .reason = TNL_GSO_R_TUNNEL },
    { "VXLAN-GPE, no NSH behind it", REF_VXLAN, .ofs = 42, .n = 4,
      .bytes = { 0x0c, 0, 0, 4 }, .reason = TNL_GSO_R_L2 },
    { "VXLAN-GPE, MPLS", REF_VXLAN, .ofs = 42, .n = 4,
      .bytes = { 0x0c, 0, 0, 5 }, .reason = TNL_GSO_R_TUNNEL },
    { "VXLAN-GPE, Ethernet", REF_VXLAN, .ofs = 42, .n = 4,
      .bytes = { 0x0c, 0, 0, 3 }, .reason = TNL_GSO_OK },
    { "VXLAN-GBP", REF_VXLAN, .ofs = 42, .n = 4,
      .bytes = { 0x88, 0, 0x12, 0x34 }, .reason = TNL_GSO_OK },
    { "VXLAN with RCO", REF_VXLAN, .ofs = 42, .n = 1, .bytes = { 0x28 },
      .reason = TNL_GSO_OK },
    { "VXLAN without its I bit", REF_VXLAN, .ofs = 42, .n = 1,
      .bytes = { 0x00 }, .reason = TNL_GSO_OK },
    { "Geneve version 1", REF_GENEVE, .ofs = 42, .n = 1, .bytes = { 0x40 },
      .reason = TNL_GSO_R_TUNNEL },
    { "Geneve with OAM and critical bits", REF_GENEVE, .ofs = 43, .n = 1,
      .bytes = { 0xc0 }, .reason = TNL_GSO_OK },
    { "GRE with a sequence number", REF_GRE, .ofs = 34, .n = 1,
      .bytes = { 0x10 }, .reason = TNL_GSO_R_TUNNEL },
    { "GRE with key and sequence number", REF_GRE, .key = true, .ofs = 34,
      .n = 1, .bytes = { 0x30 }, .reason = TNL_GSO_R_TUNNEL },
    { "GRE with routing", REF_GRE, .ofs = 34, .n = 1, .bytes = { 0x40 },
      .reason = TNL_GSO_R_TUNNEL },
    { "GRE version 1", REF_GRE, .ofs = 35, .n = 1, .bytes = { 0x01 },
      .reason = TNL_GSO_R_TUNNEL },
    { "GRE, unknown protocol", REF_GRE, .ofs = 36, .n = 2,
      .bytes = { 0x12, 0x34 }, .reason = TNL_GSO_R_L2 },

    /* Lengths that lie are not looked at. */
    { "IPv4 total length 0", REF_PLAIN, .ofs = 16, .n = 2, .bytes = { 0, 0 },
      .reason = TNL_GSO_OK },
    { "IPv4 total length 20", REF_PLAIN, .ofs = 16, .n = 2, .bytes = { 0, 20 },
      .reason = TNL_GSO_OK },
    { "IPv4 total length 65535", REF_PLAIN, .ofs = 16, .n = 2,
      .bytes = { 0xff, 0xff }, .reason = TNL_GSO_OK },
    { "IPv6 payload length 65535", REF_PLAIN, .inner = 6, .ofs = 18, .n = 2,
      .bytes = { 0xff, 0xff }, .reason = TNL_GSO_OK },
    { "outer UDP length 3", REF_VXLAN, .ofs = 38, .n = 2, .bytes = { 0, 3 },
      .reason = TNL_GSO_OK },
};

/* The same for packets that are marked for UDP segmentation. */
static const struct bad_row udp_bad_rows[] = {
    { "ARP", REF_PLAIN, .ofs = 12, .n = 2, .bytes = { 0x08, 0x06 },
      .reason = TNL_GSO_R_L2 },
    { "IPv4 header length 16", REF_PLAIN, .ofs = 14, .n = 1, .bytes = { 0x44 },
      .reason = TNL_GSO_R_L3 },
    { "IPv6 options beyond the packet", REF_PLAIN, .inner = 6,
      .inner_ext = PKT_EXT_HOPOPTS, .ofs = 55, .n = 1, .bytes = { 0xff },
      .reason = TNL_GSO_R_L3 },
    { "first fragment", REF_PLAIN, .ofs = 20, .n = 2, .bytes = { 0x20, 0x00 },
      .reason = TNL_GSO_R_FRAGMENT },
    { "last fragment", REF_PLAIN, .ofs = 20, .n = 2, .bytes = { 0x00, 0x01 },
      .reason = TNL_GSO_R_FRAGMENT },
    { "inner fragment", REF_VXLAN, .ofs = 70, .n = 2, .bytes = { 0x20, 0x00 },
      .reason = TNL_GSO_R_FRAGMENT },
    { "outer fragment", REF_GENEVE, .ofs = 20, .n = 2, .bytes = { 0x20, 0x00 },
      .reason = TNL_GSO_R_FRAGMENT },
    { "IPv6 fragment", REF_PLAIN, .inner = 6,
      .inner_ext = PKT_EXT_HOPOPTS | PKT_EXT_FRAGMENT,
      .reason = TNL_GSO_R_FRAGMENT },
    { "inner IPv6 fragment", REF_GRE, .outer = 6, .inner = 6,
      .inner_ext = PKT_EXT_FRAGMENT, .reason = TNL_GSO_R_FRAGMENT },

    { "TCP", REF_PLAIN, .ofs = 23, .n = 1, .bytes = { 6 },
      .reason = TNL_GSO_R_NOT_UDP },
    { "TCP over IPv6", REF_PLAIN, .inner = 6, .ofs = 20, .n = 1,
      .bytes = { 6 }, .reason = TNL_GSO_R_NOT_UDP },
    { "ICMP", REF_PLAIN, .ofs = 23, .n = 1, .bytes = { 1 },
      .reason = TNL_GSO_R_NOT_UDP },
    { "GRE", REF_PLAIN, .ofs = 23, .n = 1, .bytes = { 47 },
      .reason = TNL_GSO_R_NOT_UDP },
    { "UDP-Lite", REF_PLAIN, .ofs = 23, .n = 1, .bytes = { 136 },
      .reason = TNL_GSO_R_NOT_UDP },
    { "TCP inside VXLAN", REF_VXLAN, .ofs = 73, .n = 1, .bytes = { 6 },
      .reason = TNL_GSO_R_NOT_UDP },
    { "SCTP inside GRE", REF_GRE, .ofs = 61, .n = 1, .bytes = { 132 },
      .reason = TNL_GSO_R_NOT_UDP },
    { "IPv6 with no next header at the end", REF_PLAIN, .inner = 6,
      .inner_ext = PKT_EXT_HOPOPTS, .ofs = 54, .n = 1, .bytes = { 59 },
      .reason = TNL_GSO_R_NOT_UDP },

    { "VXLAN mark, outer TCP", REF_VXLAN, .ofs = 23, .n = 1, .bytes = { 6 },
      .reason = TNL_GSO_R_TUNNEL },
    { "Geneve version 1", REF_GENEVE, .ofs = 42, .n = 1, .bytes = { 0x40 },
      .reason = TNL_GSO_R_TUNNEL },
    { "GRE with a sequence number", REF_GRE, .ofs = 34, .n = 1,
      .bytes = { 0x10 }, .reason = TNL_GSO_R_TUNNEL },

    { "UDP length 0", REF_PLAIN, .ofs = 38, .n = 2, .bytes = { 0, 0 },
      .reason = TNL_GSO_OK },
    { "UDP length 7", REF_PLAIN, .ofs = 38, .n = 2, .bytes = { 0, 7 },
      .reason = TNL_GSO_OK },
    { "UDP length 65535", REF_PLAIN, .ofs = 38, .n = 2,
      .bytes = { 0xff, 0xff }, .reason = TNL_GSO_OK },
    { "inner UDP length 0", REF_VXLAN, .ofs = 88, .n = 2, .bytes = { 0, 0 },
      .reason = TNL_GSO_OK },
};

static void
test_bad(const struct bad_row *bad, bool udp)
{
    enum tnl_gso_reason reason;
    struct tnl_gso_desc d;
    struct pkt_row row;
    struct dp_packet *p;
    char *error = NULL;

    pkt_row_init(&row, bad->encap);
    row.outer.version = bad->outer ? bad->outer : 4;
    row.inner.version = bad->inner ? bad->inner : 4;
    row.inner.ext = bad->inner_ext;
    row.gre_key = bad->key;
    row.udp = udp;
    p = pkt_build(&row);
    memcpy((uint8_t *) dp_packet_data(p) + bad->ofs, bad->bytes, bad->n);
    reason = tnl_gso_describe(p, &d);
    if (reason != bad->reason) {
        error = xasprintf("reason is %s, not %s",
                          tnl_gso_reason_to_string(reason),
                          tnl_gso_reason_to_string(bad->reason));
    }
    test_case(error, "describe %s%s", udp ? "as UDP, " : "", bad->name);
    dp_packet_delete(p);
}

/* A UDP checksum is there, or somebody is to complete it. */
static void
test_udp_csum(void)
{
    for (int i = 0; i < 4 * 2 * 2 * 2; i++) {
        bool zero = i & 4;
        bool done = i & 8;
        struct tnl_gso_desc d;
        struct ref_layout l;
        struct ref_job job;
        struct pkt_row row;
        struct dp_packet *p;
        char *error = NULL;
        uint8_t *frame;
        size_t len;

        pkt_row_init(&row, i & 3);
        row.udp = true;
        row.l4_done = done;
        row.inner.version = i & 16 ? 6 : 4;
        row.payload = 3000;
        job = pkt_job(&row);
        frame = pkt_build_frame(&row, &len);
        ovs_assert(!ref_parse(frame, len, row.encap, &l));
        ref_put16(frame + l.l4_csum, zero ? 0 : 0x1234);
        p = pkt_from_job(frame, len, &job);
        EXPECT(tnl_gso_describe(p, &d),
               zero && done ? TNL_GSO_R_UDP : TNL_GSO_OK);
        EXPECT(d.l4_partial, !done);
        test_case(error, "describe UDP, %s, checksum %s%s, v%d",
                  pkt_encap_name(row.encap), zero ? "zero" : "there",
                  done ? "" : ", partial", row.inner.version);
        dp_packet_delete(p);
        free(frame);
    }
}

/* UDP with the marks of TCP in a tunnel, where nothing else can be meant. */
static void
test_udp_as_tcp(void)
{
    for (enum ref_encap encap = REF_VXLAN; encap <= REF_IPIP; encap++) {
        struct tnl_gso_desc d;
        struct pkt_row row;
        struct dp_packet *p;
        char *error = NULL;

        pkt_row_init(&row, encap);
        row.udp = true;
        p = pkt_build(&row);
        dp_packet_set_tso_segsz(p, 1400);
        p->uso_segsz = 0;
        EXPECT(tnl_gso_describe(p, &d), TNL_GSO_R_NOT_TCP);
        test_case(error, "describe UDP as TCP, %s", pkt_encap_name(encap));
        dp_packet_delete(p);
    }
}

/* A train looks like a packet in a tunnel, but is plain UDP. */
static void
test_train_is_udp(void)
{
    for (enum ref_encap encap = REF_VXLAN; encap <= REF_GENEVE; encap++) {
        for (int version = 4; version <= 6; version += 2) {
            const struct ref_job job = {
                .encap = REF_PLAIN,
                .udp = true,
                .mss = 1462,
            };
            struct tnl_gso_desc d;
            struct pkt_row row;
            struct dp_packet *p;
            char *error = NULL;
            uint8_t *frame;
            size_t len;

            pkt_row_init(&row, encap);
            row.outer.version = version;
            row.csum = true;
            row.payload = 3000;
            frame = pkt_build_frame(&row, &len);
            p = pkt_from_job(frame, len, &job);
            EXPECT(tnl_gso_describe(p, &d), TNL_GSO_OK);
            EXPECT(d.encap, TNL_GSO_PLAIN);
            EXPECT(d.inner.ofs, 14);
            EXPECT(d.hdr_len, version == 4 ? 42 : 62);
            EXPECT(d.mss, 1462);
            EXPECT(d.outer_csum, false);
            test_case(error, "describe %s train over v%d",
                      pkt_encap_name(encap), version);
            dp_packet_delete(p);
            free(frame);
        }
    }
}

/* The segment size of TCP counts where there are two. */
static void
test_both_sizes(void)
{
    for (int udp = 0; udp < 2; udp++) {
        struct tnl_gso_desc d;
        struct pkt_row row;
        struct dp_packet *p;
        char *error = NULL;

        pkt_row_init(&row, REF_VXLAN);
        row.udp = udp;
        p = pkt_build(&row);
        dp_packet_set_tso_segsz(p, 1000);
        p->uso_segsz = 500;
        EXPECT(tnl_gso_describe(p, &d),
               udp ? TNL_GSO_R_NOT_TCP : TNL_GSO_OK);
        EXPECT(d.mss, 1000);
        test_case(error, "describe both segment sizes, %s",
                  udp ? "UDP" : "TCP");
        dp_packet_delete(p);
    }
}

/* Tunnels without a mark, such as a container makes: found if the TCP header
 * in them is where the kernel says. */
static void
test_find_tunnel(void)
{
    static const struct {
        enum ref_encap encap;
        bool csum;
        uint16_t port;          /* 0: the usual one. */
        int geneve_opt;         /* 32 looks like VXLAN's I bit. */
        uint16_t l4_ofs;        /* Of TCP in the tunnel. */
    } rows[] = {
        { REF_VXLAN, .l4_ofs = 84 },
        { REF_VXLAN, .csum = true, .l4_ofs = 84 },
        { REF_VXLAN, .csum = true, .port = 4790, .l4_ofs = 84 },
        { REF_VXLAN, .csum = true, .port = 8472, .l4_ofs = 84 },
        { REF_VXLAN, .csum = true, .port = 12345, .l4_ofs = 84 },
        { REF_VXLAN, .csum = true, .port = 6081, .l4_ofs = 84 },
        { REF_GENEVE, .l4_ofs = 84 },
        { REF_GENEVE, .csum = true, .l4_ofs = 84 },
        { REF_GENEVE, .csum = true, .port = 4789, .geneve_opt = 12,
          .l4_ofs = 96 },
        { REF_GENEVE, .csum = true, .port = 12345, .l4_ofs = 84 },
        { REF_GENEVE, .csum = true, .port = 12345, .geneve_opt = 32,
          .l4_ofs = 116 },
        { REF_GENEVE, .csum = true, .port = 12345, .geneve_opt = 252,
          .l4_ofs = 336 },
        { REF_GRE, .l4_ofs = 72 },
        { REF_GRE, .csum = true, .l4_ofs = 76 },
        { REF_GTPU, .csum = true, .port = 4789, .l4_ofs = 70 },
        { REF_GTPU, .port = 12345, .geneve_opt = 12, .l4_ofs = 82 },
        { REF_IPIP, .l4_ofs = 54 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct tnl_gso_desc d;
        struct pkt_row row;
        struct dp_packet *p;
        char *error = NULL;
        uint8_t *frame;
        size_t len;

        pkt_row_init(&row, rows[i].encap);
        row.csum = rows[i].csum;
        row.geneve_opt = rows[i].geneve_opt;
        frame = pkt_build_frame(&row, &len);
        if (rows[i].port) {
            ref_put16(frame + 36, rows[i].port);
        }
        p = pkt_from_frame(frame, len, REF_PLAIN, false, 1400);
        EXPECT(tnl_gso_find_tunnel(p, rows[i].l4_ofs, &d), TNL_GSO_OK);
        EXPECT(d.encap, test_encap(rows[i].encap));
        EXPECT(d.outer_csum, row.csum);
        EXPECT(d.outer.ofs, 14);
        EXPECT(d.outer.l4_ofs, 34);
        EXPECT(d.inner.ofs, rows[i].l4_ofs - 20);
        EXPECT(d.inner.proto, 6);
        EXPECT(tnl_gso_find_tunnel(p, 0, &d), TNL_GSO_OK);
        for (int ofs = -1; ofs <= 1; ofs += 2) {
            EXPECT(tnl_gso_find_tunnel(p, rows[i].l4_ofs + ofs, &d),
                   TNL_GSO_R_TUNNEL);
        }
        EXPECT(tnl_gso_find_tunnel(p, 34, &d), TNL_GSO_R_TUNNEL);
        EXPECT(tnl_gso_describe(p, &d), TNL_GSO_R_NOT_TCP);
        test_case(error, "find tunnel: %s%s, port %u, options %d",
                  pkt_encap_name(row.encap), row.csum ? " csum" : "",
                  rows[i].port, row.geneve_opt);
        dp_packet_delete(p);
        free(frame);
    }
}

/* TCP header lengths and Geneve option lengths, against what is there. */
static void
test_lengths(void)
{
    for (int doff = 0; doff < 16; doff++) {
        for (size_t payload = 0; payload <= 44; payload += 4) {
            bool good = doff >= 5 && doff * 4 <= 20 + payload;
            struct tnl_gso_desc d;
            struct pkt_row row;
            struct dp_packet *p;
            char *error = NULL;

            pkt_row_init(&row, REF_PLAIN);
            row.payload = payload;
            p = pkt_build(&row);
            ((uint8_t *) dp_packet_data(p))[46] = doff << 4;
            EXPECT(tnl_gso_describe(p, &d),
                   good ? TNL_GSO_OK : TNL_GSO_R_TCP);
            test_case(error, "describe TCP header length %d, %"PRIuSIZE
                      " bytes there", doff * 4, 20 + payload);
            dp_packet_delete(p);
        }
    }
    for (int n = 0; n < 64; n++) {
        struct tnl_gso_desc d;
        struct pkt_row row;
        struct dp_packet *p;
        char *error = NULL;

        pkt_row_init(&row, REF_GENEVE);
        row.geneve_opt = 128;
        row.payload = 0;
        p = pkt_build(&row);
        ((uint8_t *) dp_packet_data(p))[42] = n;
        if (n * 4 != 128) {
            /* Whatever the bytes there look like: never an overrun.  Beyond
             * the last header there is nothing to find. */
            enum tnl_gso_reason reason = tnl_gso_describe(p, &d);

            if (n * 4 > 128 + 54 && !reason) {
                error = xstrdup("not refused");
            }
        } else {
            EXPECT(tnl_gso_describe(p, &d), TNL_GSO_OK);
        }
        test_case(error, "describe Geneve option length %d of 128", n * 4);
        dp_packet_delete(p);
    }
}

#ifndef DPDK_NETDEV
/* Lengths are 16 bits on the wire.  (With DPDK, no such packet exists.) */
static void
test_too_big(void)
{
    for (uint32_t size = UINT16_MAX - 1; size <= UINT16_MAX + 2; size++) {
        uint8_t *frame = xzalloc(size);
        struct dp_packet p;
        struct tnl_gso_desc d;
        struct pkt_row row;
        char *error = NULL;
        uint8_t *small;
        size_t len;

        pkt_row_init(&row, REF_PLAIN);
        small = pkt_build_frame(&row, &len);
        memcpy(frame, small, len);
        free(small);
        dp_packet_use_const(&p, frame, size);
        dp_packet_set_size(&p, size);
        dp_packet_set_tso_segsz(&p, 1400);
        EXPECT(tnl_gso_describe(&p, &d),
               size > UINT16_MAX ? TNL_GSO_R_TOO_BIG : TNL_GSO_OK);
        test_case(error, "describe %"PRIu32" bytes", size);
        free(frame);
    }
}
#endif

/* A frame without Ethernet header. */
static void
test_packet_type(void)
{
    struct tnl_gso_desc d;
    struct pkt_row row;
    struct dp_packet *p;
    char *error = NULL;

    pkt_row_init(&row, REF_PLAIN);
    p = pkt_build(&row);
    dp_packet_pull(p, ETH_HEADER_LEN);
    p->packet_type = htonl(PACKET_TYPE(OFPHTN_ETHERTYPE, ETH_TYPE_IP));
    EXPECT(tnl_gso_describe(p, &d), TNL_GSO_OK);
    EXPECT(d.inner.ofs, 0);
    EXPECT(d.hdr_len, 40);
    p->packet_type = htonl(PACKET_TYPE(OFPHTN_ETHERTYPE, ETH_TYPE_NSH));
    EXPECT(tnl_gso_describe(p, &d), TNL_GSO_R_L2);
    test_case(error, "describe packet type");
    dp_packet_delete(p);
}

void
test_describe_bad(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(bad_rows); i++) {
        test_bad(&bad_rows[i], false);
    }
    for (size_t i = 0; i < ARRAY_SIZE(udp_bad_rows); i++) {
        test_bad(&udp_bad_rows[i], true);
    }
    test_udp_csum();
    test_udp_as_tcp();
    test_train_is_udp();
    test_both_sizes();
    test_find_tunnel();
    test_lengths();
#ifndef DPDK_NETDEV
    test_too_big();
#endif
    test_packet_type();
}
