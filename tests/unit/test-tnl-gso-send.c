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
#include "netdev-provider.h"
#include "test-tnl-gso-port.h"
#include "tnl-gso-pkt.h"
#include "tnl-gso/stages/tnl-gso-frames.h"
#include "tnl-gso/core/tnl-gso-port.h"
#include "tnl-gso/tnl-gso.h"
#include "util.h"

/* Send: batches through tnl_gso_send(), to the port of test-tnl-gso-port.h. */

struct send_row {
    const char *name;
    uint64_t ol_flags, super_flags;
    uint32_t methods;           /* 0: all. */
    uint32_t mtu;
    int refuse;
    struct item items[6];

    /* Superpackets by what is counted for them. */
    unsigned int pass, hw, trains, software, no_method, mtu_drops;
    unsigned int n_trains;      /* Trains that left. */
    unsigned int n_calls;       /* Of send_frames(); 0: any number. */
    bool stubborn;              /* Of the test_port. */
    bool no_frames;             /* Packets must be sent. */
};

#define CSUMS (NETDEV_TX_OFFLOAD_IPV4_CKSUM | NETDEV_TX_OFFLOAD_TCP_CKSUM \
               | NETDEV_TX_OFFLOAD_UDP_CKSUM)

#define CUTS (NETDEV_TX_OFFLOAD_TCP_TSO | NETDEV_TX_VXLAN_TNL_TSO          \
              | NETDEV_TX_OFFLOAD_OUTER_IP_CKSUM)

/* A packet of 64,000 bytes has 46 segments, and goes in two trains of 23.
 * VXLAN over IPv4 is 104 bytes of headers in front of TCP. */
static const struct send_row send_rows[] = {
    { "nothing taken", 0, 0, 0, 0, -1,
      { TCP_1400(REF_VXLAN, true), UDP_1400(REF_VXLAN, true),
        OTHER, UDP_1400(REF_PLAIN, false),
        UDP_1400(REF_GENEVE, false) },
      .software = 4 },
    { "trains", CSUMS, TNL_GSO_TX_UDP_GSO, 0, 0, -1,
      { OTHER, TCP_1400(REF_VXLAN, true), OTHER,
        UDP_1400(REF_GENEVE, true), OTHER },
      .trains = 2, .n_trains = 4 },
    { "two superpackets in a call", 0, 0, 0, 0, -1,
      { TCP_1400(REF_VXLAN, true), UDP_1400(REF_GENEVE, false), OTHER,
        TCP_1400(REF_PLAIN, false) },
      .software = 3, .n_calls = 2 },
    { "as many as fit in a call", 0, 0, 0, 0, -1,
      { TCP_1400(REF_VXLAN, true), TCP_1400(REF_VXLAN, false),
        TCP_1400(REF_GENEVE, true), TCP_1400(REF_VXLAN, true) },
      .software = 4, .n_calls = 2 },
    { "more than fits in a call, and another", 0, 0, 0, 0, -1,
      { TCP_SUPER(REF_VXLAN, true, 100, 30000, false),
        TCP_1400(REF_VXLAN, true) },
      .software = 2, .n_calls = 4 },
    { "trains of two superpackets in a call", CSUMS, TNL_GSO_TX_UDP_GSO, 0, 0,
      -1,
      { TCP_1400(REF_VXLAN, true), UDP_1400(REF_GENEVE, true) },
      .trains = 2, .n_trains = 4, .n_calls = 1 },
    { "trains and segments in a call", CSUMS, TNL_GSO_TX_UDP_GSO, 0, 0, -1,
      { TCP_1400(REF_VXLAN, true), TCP_1400(REF_VXLAN, false) },
      .trains = 1, .software = 1, .n_trains = 2, .n_calls = 1 },
    { "train of the second superpacket refused", CSUMS, TNL_GSO_TX_UDP_GSO,
      0, 0, 3,
      { TCP_1400(REF_VXLAN, true), TCP_1400(REF_GENEVE, true) },
      .trains = 1, .software = 1, .n_trains = 3, .n_calls = 2 },
    { "train of the first of two refused", CSUMS, TNL_GSO_TX_UDP_GSO,
      0, 0, 1,
      { TCP_1400(REF_VXLAN, true), TCP_1400(REF_GENEVE, true), OTHER },
      .software = 2, .n_trains = 1, .n_calls = 2 },
    { "train of a long one refused, and another behind it", 0,
      TNL_GSO_TX_UDP_GSO, 0, 0, 1,
      { TCP_SUPER(REF_VXLAN, true, 100, 30000, false),
        UDP_1400(REF_VXLAN, true), OTHER },
      .software = 2, .n_trains = 1 },
    { "train of the first of two refused, software not allowed", 0,
      TNL_GSO_TX_UDP_GSO, 1u << TNL_GSO_UDP_GSO, 0, 0,
      { TCP_SUPER(REF_VXLAN, true, 1400, 64000, true),
        UDP_SUPER(REF_VXLAN, true, 1400, 64000, true), OTHER },
      .no_method = 2 },
    { "no checksum, no train", CSUMS, TNL_GSO_TX_UDP_GSO, 0, 0, -1,
      { TCP_1400(REF_VXLAN, false), TCP_1400(REF_GRE, true) },
      .software = 2 },
    { "plain UDP and a train", CSUMS, TNL_GSO_TX_UDP_GSO, 0, 0, -1,
      { UDP_1400(REF_PLAIN, false), TCP_1400(REF_VXLAN, true),
        UDP_1400(REF_PLAIN, false) },
      .hw = 2, .trains = 1, .n_trains = 2 },
    { "first train refused", CSUMS, TNL_GSO_TX_UDP_GSO, 0, 0, 0,
      { OTHER, TCP_1400(REF_VXLAN, true), OTHER },
      .software = 1 },
    { "second train refused", CSUMS, TNL_GSO_TX_UDP_GSO, 0, 0, 1,
      { OTHER, TCP_1400(REF_VXLAN, true), OTHER },
      .software = 1, .n_trains = 1 },
    { "train of UDP refused", 0, TNL_GSO_TX_UDP_GSO, 0, 0, 1,
      { UDP_1400(REF_GENEVE, true) },
      .software = 1, .n_trains = 1 },
    { "many trains, the third refused", 0, TNL_GSO_TX_UDP_GSO, 0, 0, 2,
      { TCP_SUPER(REF_VXLAN, true, 100, 30000, false) },
      .software = 1, .n_trains = 2 },
    { "first train refused, but none forgotten", CSUMS, TNL_GSO_TX_UDP_GSO,
      0, 0, 0,
      { OTHER, TCP_1400(REF_VXLAN, true), OTHER },
      .software = 1, .stubborn = true },
    { "headers beyond those of a frame", 0, TNL_GSO_TX_UDP_GSO, 0, 0, -1,
      { { SUPER, REF_PLAIN, false, false, 1000, 3001, false, 130 },
        { SUPER, REF_GENEVE, true, true, 100, 12001, false, 130 } },
      .software = 2, .no_frames = true },
    { "train refused, software not allowed", 0, TNL_GSO_TX_UDP_GSO,
      1u << TNL_GSO_UDP_GSO, 0, 0,
      { OTHER, TCP_SUPER(REF_VXLAN, true, 1400, 64000, true), OTHER },
      .no_method = 1 },
    { "UDP in hardware", CSUMS | NETDEV_TX_OFFLOAD_OUTER_IP_CKSUM
      | NETDEV_TX_VXLAN_TNL_TSO | NETDEV_TX_OFFLOAD_OUTER_UDP_CKSUM,
      TNL_GSO_TX_TNL_UDP_GSO, 0, 0, -1,
      { UDP_1400(REF_VXLAN, true), TCP_1400(REF_VXLAN, true),
        UDP_1400(REF_PLAIN, false), UDP_1400(REF_GENEVE, true) },
      .hw = 1, .software = 3 },
    { "nobody has to cut", 0, 0, 0, 0, -1,
      { UDP_SUPER(REF_PLAIN, false, 1400, 1400, false),
        TCP_SUPER(REF_PLAIN, false, 1400, 1400, false) },
      .pass = 2 },

    /* 1,500 bytes, Ethernet header and a VLAN tag. */
    { "segments as long as the MTU", 0, TNL_GSO_TX_UDP_GSO, 0, 1500, -1,
      { TCP_SUPER(REF_VXLAN, true, 1518 - 104, 64000, false),
        UDP_SUPER(REF_VXLAN, true, 1518 - 92, 64000, false) },
      .trains = 2, .n_trains = 4 },
    { "segments over the MTU", 0, TNL_GSO_TX_UDP_GSO, 0, 1500, -1,
      { OTHER,
        TCP_SUPER(REF_VXLAN, true, 1518 - 104 + 1, 64000, true),
        UDP_SUPER(REF_VXLAN, true, 1518 - 92 + 1, 64000, true),
        TCP_1400(REF_VXLAN, true), OTHER },
      .trains = 1, .mtu_drops = 2, .n_trains = 2 },
};

static unsigned int
sum_tx(const struct tnl_gso_stats *stats, enum tnl_gso_method method)
{
    unsigned int n = 0;

    for (enum tnl_gso_encap encap = 0; encap < TNL_GSO_N_ENCAPS; encap++) {
        n += stats->tx[encap][method].packets;
    }
    return n;
}

static void
test_row(const struct send_row *row)
{
    struct ref_frames expected = { .n = 0 };
    struct dp_packet_batch batch;
    struct tnl_gso_stats stats;
    char *error = NULL;

    test_port_open(row->ol_flags, row->super_flags, row->mtu, row->refuse);
    test_port.stubborn = row->stubborn;
    if (row->methods) {
        atomic_store_relaxed(&test_port.netdev.tnl_gso->methods, row->methods);
    }
    dp_packet_batch_init(&batch);
    for (size_t i = 0; i < ARRAY_SIZE(row->items); i++) {
        if (row->items[i].what != END) {
            add_item(&row->items[i], i, &batch, &expected);
        }
    }
    EXPECT(tnl_gso_send(&test_port.netdev, 0, &batch, false), 0);
    EXPECT(dp_packet_batch_size(&batch), 0);
    dp_packet_batch_destroy(&batch);

    EXPECT(test_port.wire.n, expected.n);
    if (!error) {
        error = compare_wire_frames(&test_port.wire, expected.v);
    }
    tnl_gso_stats_get(test_port.netdev.tnl_gso, &stats);
    EXPECT(sum_tx(&stats, TNL_GSO_PASS), row->pass);
    EXPECT(sum_tx(&stats, TNL_GSO_HW), row->hw);
    EXPECT(sum_tx(&stats, TNL_GSO_UDP_GSO), row->trains);
    EXPECT(sum_tx(&stats, TNL_GSO_SOFTWARE), row->software);
    EXPECT(stats.drops[TNL_GSO_R_NO_METHOD], row->no_method);
    EXPECT(stats.drops[TNL_GSO_R_MTU], row->mtu_drops);
    EXPECT(test_port.n_trains, row->n_trains);
    EXPECT(test_port.n_supers, row->hw);
    EXPECT(row->no_frames && test_port.n_calls, false);
    if (row->n_calls) {
        EXPECT(test_port.n_calls, row->n_calls);
    }
    test_case(error, "send %s", row->name);
    ref_frames_destroy(&expected);
    test_port_close();
}

/* A port that has refused a train is not asked again. */
static void
test_demoted(void)
{
    struct ref_frames expected = { .n = 0 };
    char *error = NULL;

    test_port_open(CSUMS, TNL_GSO_TX_UDP_GSO, 0, 1);
    for (int i = 0; i < 2; i++) {
        const struct item item = TCP_1400(REF_VXLAN, true);
        struct dp_packet_batch batch;

        dp_packet_batch_init(&batch);
        add_item(&item, i, &batch, &expected);
        test_port.n_calls = 0;
        tnl_gso_send(&test_port.netdev, 0, &batch, false);
        dp_packet_batch_destroy(&batch);
    }
    EXPECT(test_port.n_trains, 1);
    EXPECT(test_port.n_calls, 1);
    EXPECT(test_port.wire.n, expected.n);
    if (!error) {
        error = compare_wire_frames(&test_port.wire, expected.v);
    }
    test_case(error, "send, after a refused train");
    ref_frames_destroy(&expected);
    test_port_close();
}

/* A port whose driver takes packets only, and no superpacket of more than
 * 'max_len' bytes: has to cut 'item' in 'n_supers' superpackets, trains if it
 * can do these only. */
static void
test_packets_only(const char *name, const struct item *item, uint64_t ol_flags,
                  uint64_t super_flags, uint32_t max_len,
                  enum tnl_gso_method method, unsigned int n_supers)
{
    struct ref_frames expected = { .n = 0 };
    struct dp_packet_batch batch;
    struct tnl_gso_stats stats;
    char *error = NULL;

    test_port_open(ol_flags, super_flags, 0, -1);
    test_port.netdev.tnl_gso->send_frames = NULL;
    test_port.netdev.tnl_gso->limits.max_len = max_len;
    dp_packet_batch_init(&batch);
    add_item(item, 0, &batch, &expected);
    EXPECT(tnl_gso_send(&test_port.netdev, 0, &batch, false), 0);
    dp_packet_batch_destroy(&batch);

    EXPECT(test_port.wire.n, expected.n);
    if (!error) {
        error = compare_wire_frames(&test_port.wire, expected.v);
    }
    tnl_gso_stats_get(test_port.netdev.tnl_gso, &stats);
    EXPECT(sum_tx(&stats, method), method == TNL_GSO_UDP_GSO ? 1 : n_supers);
    EXPECT(test_port.n_supers, n_supers);
    test_case(error, "packets only: %s", name);
    ref_frames_destroy(&expected);
    test_port_close();
}

/* A packet in VXLAN, which is to get an outer checksum, whose marks are about
 * a UDP header that nobody finds. */
static void
test_unreadable(void)
{
    char *error = NULL;
    struct ref_job job;
    struct pkt_row row;
    struct dp_packet *p;
    uint8_t *frame;
    size_t len;

    pkt_row_init(&row, REF_VXLAN);
    row.udp = row.csum = true;
    row.payload = 100;
    job = pkt_job(&row);
    frame = pkt_build_frame(&row, &len);
    p = pkt_from_job(frame, len, &job);
    free(frame);
    p->uso_segsz = 0;
    ref_put16((uint8_t *) dp_packet_data(p) + p->inner_l3_ofs - 2, 0x88b5);
    p->inner_l4_ofs = UINT16_MAX;

    dp_packet_ol_send_prepare(p, 0);
    EXPECT(dp_packet_inner_l4_checksum_partial(p), false);
    EXPECT(dp_packet_l4_checksum_good(p), true);
    dp_packet_delete(p);
    test_case(error, "send: marks of a header that is not found");
}

void
test_send_hook(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    const struct item tunnelled = UDP_1400(REF_VXLAN, true);
    const struct item vxlan = TCP_1400(REF_VXLAN, true);

    for (size_t i = 0; i < ARRAY_SIZE(send_rows); i++) {
        test_row(&send_rows[i]);
    }
    test_demoted();
    test_unreadable();

    /* 14 segments of 1400 bytes and 104 bytes of headers are 19,704; 46
     * segments are left as 14, 14, 14 and, the last one shorter, 4. */
    test_packets_only("short superpackets", &vxlan, CSUMS | CUTS
                      | NETDEV_TX_OFFLOAD_OUTER_UDP_CKSUM, 0, 20000,
                      TNL_GSO_HW, 4);
    test_packets_only("short superpackets, no outer checksum", &vxlan, CUTS, 0,
                      20000, TNL_GSO_HW_PARTIAL, 4);
    test_packets_only("trains", &vxlan, CSUMS, TNL_GSO_TX_UDP_GSO, 0,
                      TNL_GSO_UDP_GSO, 2);
    test_packets_only("trains of UDP", &tunnelled, CSUMS, TNL_GSO_TX_UDP_GSO,
                      0, TNL_GSO_UDP_GSO, 2);
    test_packets_only("short trains", &vxlan, CSUMS, TNL_GSO_TX_UDP_GSO,
                      20000, TNL_GSO_UDP_GSO, 4);
}
