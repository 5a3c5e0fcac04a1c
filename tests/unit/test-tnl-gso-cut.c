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

#include "netdev-provider.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "tnl-gso-pkt.h"
#include "util.h"

/* Cut: a matrix of superpackets, compared byte by byte with the reference.
 *
 * The matrix is data.  A case's name is built from its row. */

/* Ways to leave. */
enum mode {
    SOFTWARE,                   /* The port can do nothing. */
    CSUM,                       /* The port completes checksums. */
    HW_PARTIAL,                 /* All but the outer UDP checksum. */
    HW,                         /* Everything. */
    SPLIT,                      /* In front of a push. */
    N_MODES
};
static const char *mode_names[] = {
    "software", "csum", "hw-partial", "hw", "split"
};

/* Payload lengths, with the mss that goes with them. */
enum size { MAX_SEGS = -1, MAX_SEGS_PLUS_1 = -2, MAX_FRAME = -3 };
static const struct {
    const char *name;
    uint16_t mss;
    int payload;                /* Or enum size. */
} sizes[] = {
    { "1", 1400, 1 },
    { "mss-1", 1400, 1399 },
    { "mss", 1400, 1400 },
    { "mss+1", 1400, 1401 },
    { "2*mss", 1400, 2800 },
    { "5*mss", 1400, 7000 },
    { "5*mss+1", 1400, 7001 },
    { "odd mss", 1399, 1399 * 4 + 2 },
    { "tiny mss", 32, 32 * 9 + 31 },
    { "max segments", 28, MAX_SEGS },
    { "max segments+1", 28, MAX_SEGS_PLUS_1 },
    { "max frame", 8900, MAX_FRAME },
};

/* What else a packet may have. */
struct variant {
    const char *name;
    unsigned int encaps;        /* Bits of enum ref_encap. */
    int outer_version;          /* 0: any. */
    int inner_version;          /* 0: any. */
    struct pkt_level outer;
    struct pkt_level inner;
    int tcp_opt, geneve_opt;
    bool key, no_eth, udp, l4_done, rco;
};

enum {
    ALL = (1 << REF_PLAIN | 1 << REF_VXLAN | 1 << REF_GENEVE | 1 << REF_GRE
           | 1 << REF_GTPU | 1 << REF_IPIP),
    TUNNELS = ALL & ~(1 << REF_PLAIN),
    RCO_TUNNELS = 1 << REF_VXLAN | 1 << REF_GENEVE,
};
#define EXT_ALL (PKT_EXT_HOPOPTS | PKT_EXT_DSTOPTS | PKT_EXT_AH)

static const struct variant variants[] = {
    { .name = "", .encaps = ALL },
    { .name = "timestamp", .encaps = ALL, .tcp_opt = 12 },
    { .name = "UDP", .encaps = ALL, .udp = true },
    { .name = "UDP, complete checksum", .encaps = ALL, .udp = true,
      .l4_done = true },
    { .name = "complete checksum", .encaps = ALL, .l4_done = true },
    { .name = "UDP, VLAN in both", .encaps = TUNNELS, .udp = true,
      .outer = { .n_vlans = 1 }, .inner = { .n_vlans = 1 } },
    { .name = "UDP, inner QinQ", .encaps = ALL, .udp = true,
      .inner = { .n_vlans = 2 } },
    { .name = "UDP, inner options", .encaps = ALL, .udp = true,
      .inner_version = 4, .inner = { .ipopt = 8 } },
    { .name = "UDP, inner SRH", .encaps = ALL, .udp = true,
      .inner_version = 6, .inner = { .ext = PKT_EXT_SRH } },
    { .name = "UDP, no Ethernet", .encaps = TUNNELS, .udp = true,
      .no_eth = true },
    { .name = "TCP options", .encaps = ALL, .tcp_opt = 40 },
    { .name = "inner VLAN", .encaps = ALL, .inner = { .n_vlans = 1 } },
    { .name = "inner QinQ", .encaps = ALL, .inner = { .n_vlans = 2 } },
    { .name = "inner MPLS", .encaps = ALL, .inner = { .n_mpls = 1 } },
    { .name = "inner VLAN and MPLS", .encaps = ALL,
      .inner = { .n_vlans = 1, .n_mpls = 3 } },
    { .name = "inner NSH", .encaps = ALL, .inner = { .nsh = 1 } },
    { .name = "inner NSH, Ethernet", .encaps = ALL, .inner = { .nsh = 2 } },
    { .name = "outer VLAN", .encaps = TUNNELS, .outer = { .n_vlans = 1 } },
    { .name = "outer QinQ", .encaps = TUNNELS, .outer = { .n_vlans = 2 } },
    { .name = "outer MPLS", .encaps = TUNNELS, .outer = { .n_mpls = 2 } },
    { .name = "VLAN in both", .encaps = TUNNELS, .outer = { .n_vlans = 1 },
      .inner = { .n_vlans = 1 } },
    { .name = "inner options", .encaps = ALL, .inner_version = 4,
      .inner = { .ipopt = 8 } },
    { .name = "outer options", .encaps = TUNNELS, .outer_version = 4,
      .outer = { .ipopt = 40 } },
    { .name = "inner extension headers", .encaps = ALL, .inner_version = 6,
      .inner = { .ext = EXT_ALL } },
    { .name = "inner routing 0", .encaps = ALL, .inner_version = 6,
      .inner = { .ext = PKT_EXT_RT0 } },
    { .name = "inner routing 2", .encaps = ALL, .inner_version = 6,
      .inner = { .ext = PKT_EXT_RT2 } },
    { .name = "inner SRH", .encaps = ALL, .inner_version = 6,
      .inner = { .ext = PKT_EXT_SRH } },
    { .name = "inner SRH, arrived", .encaps = ALL, .inner_version = 6,
      .inner = { .ext = PKT_EXT_SRH | PKT_EXT_ARRIVED } },
    { .name = "outer extension headers", .encaps = TUNNELS,
      .outer_version = 6, .outer = { .ext = EXT_ALL } },
    { .name = "outer SRH", .encaps = TUNNELS, .outer_version = 6,
      .outer = { .ext = PKT_EXT_SRH } },
    { .name = "4 bytes of Geneve options", .encaps = 1 << REF_GENEVE,
      .geneve_opt = 4 },
    { .name = "252 bytes of Geneve options", .encaps = 1 << REF_GENEVE,
      .geneve_opt = 252 },
    { .name = "GTP-U's E bit", .encaps = 1 << REF_GTPU, .geneve_opt = 4 },
    { .name = "3 extension headers", .encaps = 1 << REF_GTPU,
      .geneve_opt = 16 },
    { .name = "key", .encaps = 1 << REF_GRE, .key = true },
    { .name = "key, no Ethernet", .encaps = 1 << REF_GRE, .key = true,
      .no_eth = true },
    { .name = "no Ethernet", .encaps = TUNNELS, .no_eth = true },
    { .name = "remote", .encaps = RCO_TUNNELS, .rco = true },
    { .name = "remote UDP", .encaps = RCO_TUNNELS, .rco = true, .udp = true },
    { .name = "remote, timestamp", .encaps = RCO_TUNNELS, .rco = true,
      .tcp_opt = 12 },
    { .name = "remote, QinQ in both", .encaps = RCO_TUNNELS, .rco = true,
      .outer = { .n_vlans = 2 }, .inner = { .n_vlans = 2 } },
    { .name = "remote, inner options", .encaps = RCO_TUNNELS, .rco = true,
      .inner_version = 4, .inner = { .ipopt = 8 } },
    { .name = "remote, inner SRH", .encaps = RCO_TUNNELS, .rco = true,
      .inner_version = 6, .inner = { .ext = PKT_EXT_SRH } },
    { .name = "remote UDP, outer SRH", .encaps = RCO_TUNNELS, .rco = true,
      .outer_version = 6, .outer = { .ext = PKT_EXT_SRH }, .udp = true },
    { .name = "remote, 252 bytes of options", .encaps = 1 << REF_GENEVE,
      .rco = true, .geneve_opt = 252 },
};

static struct tnl_gso_caps
mode_caps(enum mode mode, const struct pkt_row *row)
{
    struct tnl_gso_caps caps = { .methods = TNL_GSO_METHODS_ALL };

    if (mode >= CSUM) {
        caps.ol_flags |= (row->udp || row->rco ? NETDEV_TX_OFFLOAD_UDP_CKSUM
                          : NETDEV_TX_OFFLOAD_TCP_CKSUM);
    }
    if (mode >= HW_PARTIAL) {
        caps.ol_flags |= (test_seg_flag(row->encap, row->udp)
                          | test_tnl_tso(row->encap)
                          | NETDEV_TX_OFFLOAD_OUTER_IP_CKSUM);
    }
    if (mode >= HW) {
        caps.ol_flags |= NETDEV_TX_OFFLOAD_OUTER_UDP_CKSUM;
    }
    return caps;
}

static enum tnl_gso_method
expected_method(const struct pkt_row *row, enum mode mode)
{
    bool udp_csum = row->csum && row->encap != REF_GRE;
    bool beyond_nic = (row->inner.n_vlans > 1 || row->outer.n_vlans > 1
                       || row->inner.n_mpls || row->outer.n_mpls
                       || row->inner.nsh || row->outer.nsh
                       || row->inner.ext || row->outer.ext || row->rco
                       || row->encap == REF_GTPU || row->encap == REF_IPIP
                       || (row->encap == REF_GRE && row->csum));

    if (mode == SPLIT) {
        return TNL_GSO_SPLIT;
    }
    if (row->payload <= row->mss) {
        return TNL_GSO_PASS;
    }
    if (mode >= HW_PARTIAL && !beyond_nic) {
        return (mode == HW || !udp_csum ? TNL_GSO_HW : TNL_GSO_HW_PARTIAL);
    }
    return (row->payload > TNL_GSO_MAX_SEGS * row->mss ? TNL_GSO_DROP
            : TNL_GSO_SOFTWARE);
}

static void
run(const struct pkt_row *row, enum mode mode, const char *name)
{
    const struct tnl_gso_caps caps = mode_caps(mode, row);
    struct cut_job job = {
        .ref = pkt_job(row),
        .caps = mode == SPLIT ? NULL : &caps,
    };
    struct ds s = DS_EMPTY_INITIALIZER;
    struct tnl_gso_plan plan;
    uint8_t *frame;
    char *error;
    size_t len;

    frame = pkt_build_frame(row, &len);
    /* Into about three; headers leave room for two segments at least. */
    job.max_frame_len = MAX(len / 3, len - row->payload + 2 * row->mss + 1);
    error = cut_and_compare(frame, len, &job, &plan);
    if (!error && plan.method != expected_method(row, mode)) {
        error = xasprintf("method is %s, not %s",
                          tnl_gso_method_to_string(plan.method),
                          tnl_gso_method_to_string(expected_method(row,
                                                                   mode)));
    }
    pkt_row_format(row, &s);
    test_case(error, "cut %s, %s: %s", mode_names[mode], name, ds_cstr(&s));
    ds_destroy(&s);
    free(frame);
}

static void
run_sizes(struct pkt_row *row, const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        bool many = (sizes[i].payload == MAX_SEGS
                     || sizes[i].payload == MAX_SEGS_PLUS_1);
        size_t hdr_len;
        char *s;

        if (many && *name) {
            /* The limit is the same whatever the headers. */
            continue;
        }
        row->mss = sizes[i].mss;
        row->payload = 0;
        free(pkt_build_frame(row, &hdr_len));
        row->payload = (sizes[i].payload >= 0 ? sizes[i].payload
                        : sizes[i].payload == MAX_FRAME
                          ? UINT16_MAX - hdr_len
                        : TNL_GSO_MAX_SEGS * row->mss
                          + (sizes[i].payload == MAX_SEGS_PLUS_1));
        s = xasprintf("%s%s%s", name, *name ? ", " : "", sizes[i].name);
        for (enum mode mode = 0; mode < N_MODES; mode++) {
            /* Checksums become remote in a push, not in front of one. */
            if (mode != SPLIT || !row->rco) {
                run(row, mode, s);
            }
        }
        free(s);
    }
}

static bool
variant_to_row(const struct variant *v, enum ref_encap encap, int outer,
               int inner, bool csum, struct pkt_row *row)
{
    pkt_row_init(row, encap);
    if (!(v->encaps & 1u << encap)
        || (v->outer_version && v->outer_version != outer)
        || (v->inner_version && v->inner_version != inner)
        || (encap == REF_PLAIN && outer == 6)) {
        return false;
    }
    row->csum = csum;
    row->gre_key = v->key;
    row->no_eth = v->no_eth || encap == REF_IPIP;
    row->udp = v->udp;
    row->l4_done = v->l4_done;
    row->rco = v->rco;
    row->tcp_opt = v->tcp_opt;
    row->geneve_opt = v->geneve_opt;
    row->outer = v->outer;
    row->outer.version = outer;
    row->outer.id = 0x1000;
    row->inner = v->inner;
    row->inner.version = inner;
    row->inner.id = 0x2000;
    row->inner.tos = 0x2e;
    row->tcp_flags = (TCP_ACK | TCP_PSH | TCP_FIN | TCP_CWR);
    return pkt_row_valid(row);
}

static void
test_matrix(void)
{
    for (enum ref_encap encap = REF_PLAIN; encap <= REF_IPIP; encap++) {
        for (int outer = 4; outer <= 6; outer += 2) {
            for (int inner = 4; inner <= 6; inner += 2) {
                for (int csum = 0; csum < 2; csum++) {
                    for (size_t i = 0; i < ARRAY_SIZE(variants); i++) {
                        struct pkt_row row;

                        if (variant_to_row(&variants[i], encap, outer, inner,
                                           csum, &row)) {
                            run_sizes(&row, variants[i].name);
                        }
                    }
                }
            }
        }
    }
}

/* Each of these changes one field of an ordinary superpacket, in every kind
 * of tunnel, for the first 'n_modes' ways to leave. */
static void
for_each_tunnel(void (*change)(struct pkt_row *, int i), int n,
                enum mode n_modes, const char *name)
{
    for (enum ref_encap encap = REF_PLAIN; encap <= REF_IPIP; encap++) {
        bool has_csum = encap != REF_PLAIN && encap != REF_IPIP;

        for (int csum = 0; csum <= has_csum; csum++) {
            for (int i = 0; i < n; i++) {
                struct pkt_row row;

                pkt_row_init(&row, encap);
                row.csum = csum;
                row.payload = 3 * 1400 + 333;
                change(&row, i);
                for (enum mode mode = 0; mode < n_modes; mode++) {
                    run(&row, mode, name);
                }
            }
        }
    }
}

/* All 4096 combinations of the reserved bits and flags. */
static void
change_flags(struct pkt_row *row, int i)
{
    row->tcp_flags = i;
    row->mss = 100;
    row->payload = 250;
}

/* Each flag alone, and each missing. */
static void
change_one_flag(struct pkt_row *row, int i)
{
    change_flags(row, i < 12 ? 1 << i : 0xfff & ~(1 << (i - 12)));
}

static void
change_seq(struct pkt_row *row, int i)
{
    static const uint32_t seqs[] = {
        0, 1, UINT32_MAX, UINT32_MAX - 1399, UINT32_MAX - 1400,
        UINT32_MAX - 2800, 0x7fffffff, 0xffff, 0xffff0000,
    };

    row->seq = seqs[i % ARRAY_SIZE(seqs)];
}

static void
change_ids(struct pkt_row *row, int i)
{
    row->inner.id = 0xffff - i;
    row->outer.id = 0xffff - (i * 7) % 5;
    row->inner.df = i & 1;
    row->outer.df = i & 2;
}

static void
change_fill(struct pkt_row *row, int i)
{
    row->fill = i % PKT_N_FILLS;
    row->mss = i / PKT_N_FILLS % 2 ? 1399 : 1400;
    row->lie = i / PKT_N_FILLS / 2;
}

static void
change_udp_ids(struct pkt_row *row, int i)
{
    row->udp = true;
    change_ids(row, i);
}

/* An outer checksum that is the same for segments of one size would do for
 * other packets. */
static void
change_rco_fill(struct pkt_row *row, int i)
{
    row->rco = row->encap == REF_VXLAN || row->encap == REF_GENEVE;
    row->udp = i & 1;
    change_fill(row, i / 2);
}

static void
change_udp_fill(struct pkt_row *row, int i)
{
    row->udp = true;
    change_fill(row, i);
}

/* With 65,536 different words, some segment's UDP checksum, of the tunnel or
 * with 'inner' of what is cut, comes out as zero for every kind of packet: it
 * must be sent as 0xffff.  A case without one would prove nothing. */
static void
test_zero_csum(enum ref_encap encap, int version, bool inner, bool train,
               bool rco)
{
    const struct tnl_gso_caps caps = {
        .methods = TNL_GSO_METHODS_ALL,
        .ol_flags = train ? TNL_GSO_TX_UDP_GSO : 0,
    };
    struct cut_job job = { .caps = &caps };
    struct pkt_row row;
    uint8_t *frame;
    bool found = false;
    char *error = NULL;
    size_t len;

    pkt_row_init(&row, encap);
    row.outer.version = version;
    row.inner.version = version;
    row.csum = encap != REF_PLAIN;
    row.udp = inner;
    row.rco = rco;
    row.mss = 100;
    row.payload = 250;
    job.ref = pkt_job(&row);
    frame = pkt_build_frame(&row, &len);
    for (uint32_t i = 0; i < 65536 && !found && !error; i++) {
        struct ref_frames segments;
        struct tnl_gso_plan plan;
        struct ref_layout l;

        /* The tunnel's ID counts in the outer sum only, a port in the
         * inner. */
        ovs_assert(!ref_parse(frame, len, encap, &l));
        ref_put16(frame + (inner ? l.inner.l4 : l.outer.l4 + 8 + 4), i);
        ovs_assert(!ref_cut(frame, len, &job.ref, 100, &segments));
        found = ref_get16(segments.v[0].data
                          + (inner ? l.l4_csum : l.outer.l4 + 6)) == 0xffff;
        ref_frames_destroy(&segments);
        if (found) {
            error = cut_and_compare(frame, len, &job, &plan);
        }
    }
    test_case(error ? error : found ? NULL : xstrdup("no such packet"),
              "cut zero %s checksum, %s%s%s, v%d", inner ? "inner" : "outer",
              pkt_encap_name(encap), train ? " train" : "",
              rco ? " remote" : "", version);
    free(frame);
}

void
test_cut(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    test_matrix();
    for_each_tunnel(change_flags, 4096, SOFTWARE + 1, "flags");
    for_each_tunnel(change_one_flag, 24, N_MODES, "flag");
    for_each_tunnel(change_seq, 9, N_MODES, "sequence number");
    for_each_tunnel(change_ids, 12, N_MODES, "IP ID");
    for_each_tunnel(change_fill, 12, N_MODES, "payload");
    for_each_tunnel(change_udp_ids, 12, N_MODES, "UDP, IP ID");
    for_each_tunnel(change_udp_fill, 12, N_MODES, "UDP, payload");
    for_each_tunnel(change_rco_fill, 24, SPLIT, "remote, payload");
    for (int version = 4; version <= 6; version += 2) {
        for (int train = 0; train <= 1; train++) {
            test_zero_csum(REF_VXLAN, version, false, train, false);
            test_zero_csum(REF_GENEVE, version, false, train, false);
            test_zero_csum(REF_GTPU, version, false, train, false);
            test_zero_csum(REF_VXLAN, version, true, train, false);
            test_zero_csum(REF_GENEVE, version, true, train, false);
            test_zero_csum(REF_GTPU, version, true, train, false);
            test_zero_csum(REF_VXLAN, version, false, train, true);
            test_zero_csum(REF_GENEVE, version, false, train, true);
        }
        test_zero_csum(REF_PLAIN, version, true, false, false);
        test_zero_csum(REF_GRE, version, true, false, false);
    }
}
