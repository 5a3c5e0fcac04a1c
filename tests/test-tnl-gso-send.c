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
#include "odp-netlink.h"
#include "tnl-gso-pkt.h"
#include "tnl-gso/stages/tnl-gso-frames.h"
#include "tnl-gso/core/tnl-gso-stats.h"
#include "tnl-gso/tnl-gso.h"
#include "util.h"

/* Way: batches through tnl_gso_send() to a port that records what leaves, and
 * through tnl_gso_push_prepare().
 *
 * The port does what a kernel port does with frames, and what the reference
 * does with superpackets. */

static struct {
    struct netdev netdev;
    struct ref_frames wire;     /* What has left. */
    unsigned int n_supers;      /* Superpackets that the port has cut. */
    unsigned int n_trains;
    unsigned int n_calls;       /* Of send_frames(). */
    int refuse;                 /* Number of the train that is refused, or
                                 * -1. */
    bool stubborn;              /* Still says that it takes trains. */
} port;

static void
wire_add(const uint8_t *data, size_t len)
{
    port.wire.v = xrealloc(port.wire.v,
                           (port.wire.n + 1) * sizeof *port.wire.v);
    port.wire.v[port.wire.n++] = (struct ref_frame) {
        .data = xmemdup(data, len),
        .len = len,
    };
}

static void
wire_add_cut(const uint8_t *data, size_t len, const struct ref_job *job)
{
    struct ref_frames segments;

    ovs_assert(!ref_cut(data, len, job, job->mss, &segments));
    for (size_t i = 0; i < segments.n; i++) {
        wire_add(segments.v[i].data, segments.v[i].len);
    }
    ref_frames_destroy(&segments);
}

static enum ref_encap
encap_of(const struct dp_packet *p)
{
    return (dp_packet_tunnel_vxlan(p) ? REF_VXLAN
            : dp_packet_tunnel_geneve(p) ? REF_GENEVE
            : dp_packet_tunnel_gre(p) ? REF_GRE : REF_PLAIN);
}

static int
port_send(struct netdev *netdev OVS_UNUSED, int qid OVS_UNUSED,
          struct dp_packet_batch *batch, bool concurrent_txq OVS_UNUSED)
{
    struct dp_packet *p;

    DP_PACKET_BATCH_FOR_EACH (i, p, batch) {
        if (tnl_gso_is_super(p)) {
            const struct ref_job job = {
                .encap = encap_of(p),
                .udp = p->uso_segsz != 0,
                .outer_csum = (encap_of(p) != REF_GRE
                               && dp_packet_l4_checksum_partial(p)),
                .mss = dp_packet_get_tso_segsz(p) | p->uso_segsz,
            };

            wire_add_cut(dp_packet_data(p), dp_packet_size(p), &job);
            port.n_supers++;
        } else {
            wire_add(dp_packet_data(p), dp_packet_size(p));
        }
    }
    dp_packet_delete_batch(batch, true);
    return 0;
}

/* As netdev_linux_tnl_send_frames() on a kernel that does not know trains from
 * number 'port.refuse' on. */
static int
port_send_frames(struct netdev *netdev OVS_UNUSED,
                 const struct tnl_gso_frames *frames, size_t *first_left)
{
    port.n_calls++;
    for (size_t i = 0; i < frames->n; i++) {
        const struct tnl_gso_frame *frame = &frames->frame[i];
        uint8_t *bytes;

        if (tnl_gso_frame_is_train(frame) && port.n_trains == port.refuse) {
            uint64_t orig;

            if (!port.stubborn) {
                atomic_and_relaxed(&port.netdev.tnl_gso->super_flags,
                                   ~TNL_GSO_TX_UDP_SEG, &orig);
            }
            *first_left = i;
            return 0;
        }
        port.n_trains += tnl_gso_frame_is_train(frame);
        bytes = frame_flatten(frames, frame);
        ovs_assert(!vnet_to_wire(bytes, frame->len, frames->vnet_size,
                                 &port.wire));
        free(bytes);
    }
    return 0;
}

static const struct netdev_class port_class = {
    .type = "test",
    .send = port_send,
};

static void
port_open(uint64_t ol_flags, uint64_t super_flags, uint32_t mtu, int refuse)
{
    port.netdev = (struct netdev) {
        .name = CONST_CAST(char *, "test"),
        .netdev_class = &port_class,
        .ol_flags = ol_flags,
    };
    port.netdev.tnl_gso = tnl_gso_port_new(&port.netdev);
    port.netdev.tnl_gso->send_frames = port_send_frames;
    port.netdev.tnl_gso->vnet_size = 10;
    atomic_store_relaxed(&port.netdev.tnl_gso->super_flags, super_flags);
    atomic_store_relaxed(&port.netdev.tnl_gso->mtu, mtu);
    port.wire = (struct ref_frames) { .n = 0 };
    port.n_supers = port.n_trains = port.n_calls = 0;
    port.refuse = refuse;
    port.stubborn = false;
}

static void
port_close(void)
{
    ref_frames_destroy(&port.wire);
    tnl_gso_port_free(port.netdev.tnl_gso);
}

/* One kind of packet in a batch. */
struct item {
    enum { END, ORDINARY, SUPER } what;
    enum ref_encap encap;
    bool csum, udp;
    uint16_t mss;
    uint32_t payload;
    bool dropped;               /* Must not be on the wire. */
    int n_mpls;                 /* Labels in front of the inner IP header. */
};

struct way_row {
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
    bool stubborn;              /* Of the port. */
    bool no_frames;             /* Packets must be sent. */
};

#define TCP_SUPER(ENCAP, CSUM, MSS, PAYLOAD, DROPPED)                       \
    { SUPER, ENCAP, CSUM, false, MSS, PAYLOAD, DROPPED, 0 }
#define UDP_SUPER(ENCAP, CSUM, MSS, PAYLOAD, DROPPED)                       \
    { SUPER, ENCAP, CSUM, true, MSS, PAYLOAD, DROPPED, 0 }
#define TCP_1400(ENCAP, CSUM) TCP_SUPER(ENCAP, CSUM, 1400, 64000, false)
#define UDP_1400(ENCAP, CSUM) UDP_SUPER(ENCAP, CSUM, 1400, 64000, false)
#define OTHER { .what = ORDINARY }
#define CSUMS (NETDEV_TX_OFFLOAD_IPV4_CKSUM | NETDEV_TX_OFFLOAD_TCP_CKSUM \
               | NETDEV_TX_OFFLOAD_UDP_CKSUM)

#define CUTS (NETDEV_TX_OFFLOAD_TCP_TSO | NETDEV_TX_VXLAN_TNL_TSO          \
              | NETDEV_TX_OFFLOAD_OUTER_IP_CKSUM)

/* A packet of 64,000 bytes has 46 segments, and goes in two trains of 23.
 * VXLAN over IPv4 is 104 bytes of headers in front of TCP. */
static const struct way_row way_rows[] = {
    { "nothing taken", 0, 0, 0, 0, -1,
      { TCP_1400(REF_VXLAN, true), UDP_1400(REF_VXLAN, true),
        OTHER, UDP_1400(REF_PLAIN, false),
        UDP_1400(REF_GENEVE, false) },
      .software = 4 },
    { "trains", CSUMS, TNL_GSO_TX_UDP_SEG, 0, 0, -1,
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
    { "trains of two superpackets in a call", CSUMS, TNL_GSO_TX_UDP_SEG, 0, 0,
      -1,
      { TCP_1400(REF_VXLAN, true), UDP_1400(REF_GENEVE, true) },
      .trains = 2, .n_trains = 4, .n_calls = 1 },
    { "trains and segments in a call", CSUMS, TNL_GSO_TX_UDP_SEG, 0, 0, -1,
      { TCP_1400(REF_VXLAN, true), TCP_1400(REF_VXLAN, false) },
      .trains = 1, .software = 1, .n_trains = 2, .n_calls = 1 },
    { "train of the second superpacket refused", CSUMS, TNL_GSO_TX_UDP_SEG,
      0, 0, 3,
      { TCP_1400(REF_VXLAN, true), TCP_1400(REF_GENEVE, true) },
      .trains = 1, .software = 1, .n_trains = 3, .n_calls = 2 },
    { "train of the first of two refused", CSUMS, TNL_GSO_TX_UDP_SEG,
      0, 0, 1,
      { TCP_1400(REF_VXLAN, true), TCP_1400(REF_GENEVE, true), OTHER },
      .software = 2, .n_trains = 1, .n_calls = 2 },
    { "train of a long one refused, and another behind it", 0,
      TNL_GSO_TX_UDP_SEG, 0, 0, 1,
      { TCP_SUPER(REF_VXLAN, true, 100, 30000, false),
        UDP_1400(REF_VXLAN, true), OTHER },
      .software = 2, .n_trains = 1 },
    { "train of the first of two refused, software not allowed", 0,
      TNL_GSO_TX_UDP_SEG, 1u << TNL_GSO_UDP_GSO, 0, 0,
      { TCP_SUPER(REF_VXLAN, true, 1400, 64000, true),
        UDP_SUPER(REF_VXLAN, true, 1400, 64000, true), OTHER },
      .no_method = 2 },
    { "no checksum, no train", CSUMS, TNL_GSO_TX_UDP_SEG, 0, 0, -1,
      { TCP_1400(REF_VXLAN, false), TCP_1400(REF_GRE, true) },
      .software = 2 },
    { "plain UDP and a train", CSUMS, TNL_GSO_TX_UDP_SEG, 0, 0, -1,
      { UDP_1400(REF_PLAIN, false), TCP_1400(REF_VXLAN, true),
        UDP_1400(REF_PLAIN, false) },
      .hw = 2, .trains = 1, .n_trains = 2 },
    { "first train refused", CSUMS, TNL_GSO_TX_UDP_SEG, 0, 0, 0,
      { OTHER, TCP_1400(REF_VXLAN, true), OTHER },
      .software = 1 },
    { "second train refused", CSUMS, TNL_GSO_TX_UDP_SEG, 0, 0, 1,
      { OTHER, TCP_1400(REF_VXLAN, true), OTHER },
      .software = 1, .n_trains = 1 },
    { "train of UDP refused", 0, TNL_GSO_TX_UDP_SEG, 0, 0, 1,
      { UDP_1400(REF_GENEVE, true) },
      .software = 1, .n_trains = 1 },
    { "many trains, the third refused", 0, TNL_GSO_TX_UDP_SEG, 0, 0, 2,
      { TCP_SUPER(REF_VXLAN, true, 100, 30000, false) },
      .software = 1, .n_trains = 2 },
    { "first train refused, but none forgotten", CSUMS, TNL_GSO_TX_UDP_SEG,
      0, 0, 0,
      { OTHER, TCP_1400(REF_VXLAN, true), OTHER },
      .software = 1, .stubborn = true },
    { "headers beyond those of a frame", 0, TNL_GSO_TX_UDP_SEG, 0, 0, -1,
      { { SUPER, REF_PLAIN, false, false, 1000, 3001, false, 130 },
        { SUPER, REF_GENEVE, true, true, 100, 12001, false, 130 } },
      .software = 2, .no_frames = true },
    { "train refused, software not allowed", 0, TNL_GSO_TX_UDP_SEG,
      1u << TNL_GSO_UDP_GSO, 0, 0,
      { OTHER, TCP_SUPER(REF_VXLAN, true, 1400, 64000, true), OTHER },
      .no_method = 1 },
    { "UDP in hardware", CSUMS | NETDEV_TX_OFFLOAD_OUTER_IP_CKSUM
      | NETDEV_TX_VXLAN_TNL_TSO | NETDEV_TX_OFFLOAD_OUTER_UDP_CKSUM,
      TNL_GSO_TX_TNL_UDP_SEG, 0, 0, -1,
      { UDP_1400(REF_VXLAN, true), TCP_1400(REF_VXLAN, true),
        UDP_1400(REF_PLAIN, false), UDP_1400(REF_GENEVE, true) },
      .hw = 1, .software = 3 },
    { "nobody has to cut", 0, 0, 0, 0, -1,
      { UDP_SUPER(REF_PLAIN, false, 1400, 1400, false),
        TCP_SUPER(REF_PLAIN, false, 1400, 1400, false) },
      .pass = 2 },

    /* 1,500 bytes, Ethernet header and a VLAN tag. */
    { "segments as long as the MTU", 0, TNL_GSO_TX_UDP_SEG, 0, 1500, -1,
      { TCP_SUPER(REF_VXLAN, true, 1518 - 104, 64000, false),
        UDP_SUPER(REF_VXLAN, true, 1518 - 92, 64000, false) },
      .trains = 2, .n_trains = 4 },
    { "segments over the MTU", 0, TNL_GSO_TX_UDP_SEG, 0, 1500, -1,
      { OTHER,
        TCP_SUPER(REF_VXLAN, true, 1518 - 104 + 1, 64000, true),
        UDP_SUPER(REF_VXLAN, true, 1518 - 92 + 1, 64000, true),
        TCP_1400(REF_VXLAN, true), OTHER },
      .trains = 1, .mtu_drops = 2, .n_trains = 2 },
};

/* Adds packet number 'i' of a row to 'batch', and what it has to become to
 * 'expected'. */
static void
add_item(const struct item *item, int i, struct dp_packet_batch *batch,
         struct ref_frames *expected)
{
    struct ref_frames wire = port.wire;

    port.wire = *expected;
    if (item->what == ORDINARY) {
        uint8_t frame[60] = { [12] = 0x88, [13] = 0xb5, [14] = i };

        wire_add(frame, sizeof frame);
        dp_packet_batch_add(batch, dp_packet_clone_data(frame, sizeof frame));
    } else {
        struct pkt_row row;
        struct ref_job job;
        uint8_t *frame;
        size_t len;

        pkt_row_init(&row, item->encap);
        row.csum = item->csum;
        row.udp = item->udp;
        row.mss = item->mss;
        row.payload = item->payload;
        row.inner.n_mpls = item->n_mpls;
        row.seed = i + 1;
        job = pkt_job(&row);
        frame = pkt_build_frame(&row, &len);
        if (item->payload <= item->mss) {
            /* An ordinary packet has right lengths. */
            struct ref_frames settled;

            ovs_assert(!ref_cut(frame, len, &job, job.mss, &settled));
            memcpy(frame, settled.v->data, len);
            ref_frames_destroy(&settled);
        }
        dp_packet_batch_add(batch, pkt_from_job(frame, len, &job));
        if (!item->dropped) {
            wire_add_cut(frame, len, &job);
        }
        free(frame);
    }
    *expected = port.wire;
    port.wire = wire;
}

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
test_send(const struct way_row *row)
{
    struct ref_frames expected = { .n = 0 };
    struct dp_packet_batch batch;
    struct tnl_gso_stats stats;
    char *error = NULL;

    port_open(row->ol_flags, row->super_flags, row->mtu, row->refuse);
    port.stubborn = row->stubborn;
    if (row->methods) {
        atomic_store_relaxed(&port.netdev.tnl_gso->methods, row->methods);
    }
    dp_packet_batch_init(&batch);
    for (size_t i = 0; i < ARRAY_SIZE(row->items); i++) {
        if (row->items[i].what != END) {
            add_item(&row->items[i], i, &batch, &expected);
        }
    }
    EXPECT(tnl_gso_send(&port.netdev, 0, &batch, false), 0);
    EXPECT(dp_packet_batch_size(&batch), 0);
    dp_packet_batch_destroy(&batch);

    EXPECT(port.wire.n, expected.n);
    if (!error) {
        error = compare_wire_frames(&port.wire, expected.v);
    }
    tnl_gso_stats_get(port.netdev.tnl_gso, &stats);
    EXPECT(sum_tx(&stats, TNL_GSO_PASS), row->pass);
    EXPECT(sum_tx(&stats, TNL_GSO_HW), row->hw);
    EXPECT(sum_tx(&stats, TNL_GSO_UDP_GSO), row->trains);
    EXPECT(sum_tx(&stats, TNL_GSO_SOFTWARE), row->software);
    EXPECT(stats.drops[TNL_GSO_R_NO_METHOD], row->no_method);
    EXPECT(stats.drops[TNL_GSO_R_MTU], row->mtu_drops);
    EXPECT(port.n_trains, row->n_trains);
    EXPECT(port.n_supers, row->hw);
    EXPECT(row->no_frames && port.n_calls, false);
    if (row->n_calls) {
        EXPECT(port.n_calls, row->n_calls);
    }
    test_case(error, "way %s", row->name);
    ref_frames_destroy(&expected);
    port_close();
}

/* A port that has refused a train is not asked again. */
static void
test_demoted(void)
{
    struct ref_frames expected = { .n = 0 };
    char *error = NULL;

    port_open(CSUMS, TNL_GSO_TX_UDP_SEG, 0, 1);
    for (int i = 0; i < 2; i++) {
        const struct item item = TCP_1400(REF_VXLAN, true);
        struct dp_packet_batch batch;

        dp_packet_batch_init(&batch);
        add_item(&item, i, &batch, &expected);
        port.n_calls = 0;
        tnl_gso_send(&port.netdev, 0, &batch, false);
        dp_packet_batch_destroy(&batch);
    }
    EXPECT(port.n_trains, 1);
    EXPECT(port.n_calls, 1);
    EXPECT(port.wire.n, expected.n);
    if (!error) {
        error = compare_wire_frames(&port.wire, expected.v);
    }
    test_case(error, "way, after a refused train");
    ref_frames_destroy(&expected);
    port_close();
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

    port_open(ol_flags, super_flags, 0, -1);
    port.netdev.tnl_gso->send_frames = NULL;
    port.netdev.tnl_gso->limits.max_len = max_len;
    dp_packet_batch_init(&batch);
    add_item(item, 0, &batch, &expected);
    EXPECT(tnl_gso_send(&port.netdev, 0, &batch, false), 0);
    dp_packet_batch_destroy(&batch);

    EXPECT(port.wire.n, expected.n);
    if (!error) {
        error = compare_wire_frames(&port.wire, expected.v);
    }
    tnl_gso_stats_get(port.netdev.tnl_gso, &stats);
    EXPECT(sum_tx(&stats, method), method == TNL_GSO_UDP_GSO ? 1 : n_supers);
    EXPECT(port.n_supers, n_supers);
    test_case(error, "packets only: %s", name);
    ref_frames_destroy(&expected);
    port_close();
}

/* In front of a push of 'tnl_type' with 'header_len' bytes: 'n' packets have
 * to come out, which are superpackets if 'whole' unless too short for it. */
static void
test_push(const char *name, const struct item *item, uint32_t tnl_type,
          uint32_t header_len, uint16_t gre_flags, size_t n, bool whole)
{
    struct ovs_action_push_tnl data = {
        .tnl_type = tnl_type,
        .header_len = header_len,
    };
    struct ref_frames expected = { .n = 0 };
    struct dp_packet_batch batch;
    struct dp_packet *p;
    char *error = NULL;

    /* Ethernet, IPv4, GRE. */
    ref_put16((uint8_t *) data.header + 12, ETH_TYPE_IP);
    ref_put16((uint8_t *) data.header + 34, gre_flags);

    port_open(0, 0, 0, -1);
    dp_packet_batch_init(&batch);
    add_item(item, 0, &batch, &expected);
    batch.packets[0]->md.recirc_id = 0x12345678;
    batch.packets[0]->md.in_port.odp_port = u32_to_odp(0x23456789);
    tnl_gso_push_prepare(&port.netdev, &batch, &data);
    EXPECT(dp_packet_batch_size(&batch), n);
    DP_PACKET_BATCH_FOR_EACH (i, p, &batch) {
        bool super = whole && dp_packet_size(p) - 42 > item->mss;

        EXPECT(dp_packet_get_tso_segsz(p), 0);
        EXPECT(p->uso_segsz, super ? item->mss : 0);
        /* UINT16_MAX less what may come in front of a tunnel header. */
        EXPECT(dp_packet_size(p) + header_len <= 65407, true);
        EXPECT(p->md.recirc_id, 0x12345678);
        EXPECT(odp_to_u32(p->md.in_port.odp_port), 0x23456789);
        if (!super) {
            dp_packet_ol_send_prepare(p, 0);
        }
    }
    port_send(&port.netdev, 0, &batch, false);
    dp_packet_batch_destroy(&batch);
    EXPECT(port.wire.n, expected.n);
    if (!error) {
        error = compare_wire_frames(&port.wire, expected.v);
    }
    test_case(error, "push %s", name);
    ref_frames_destroy(&expected);
    port_close();
}

/* In front of a push of 72 bytes: a packet of 'len' bytes that nobody may cut,
 * and others, which stay. */
static void
test_push_ordinary(uint32_t len, bool ok)
{
    struct ovs_action_push_tnl data = {
        .tnl_type = OVS_VPORT_TYPE_STT,
        .header_len = 72,
    };
    struct tnl_gso_stats stats;
    struct dp_packet_batch batch;
    char *error = NULL;

    ref_put16((uint8_t *) data.header + 12, ETH_TYPE_IP);
    port_open(0, 0, 0, -1);
    dp_packet_batch_init(&batch);
    for (int i = 0; i < 3; i++) {
        struct dp_packet *p = dp_packet_new(len);

        dp_packet_put_zeros(p, i == 1 ? len : 100);
        dp_packet_batch_add(&batch, p);
    }
    tnl_gso_push_prepare(&port.netdev, &batch, &data);
    EXPECT(dp_packet_batch_size(&batch), 2 + ok);
    tnl_gso_stats_get(port.netdev.tnl_gso, &stats);
    EXPECT(stats.drops[TNL_GSO_R_TOO_BIG], !ok);
    dp_packet_delete_batch(&batch, true);
    dp_packet_batch_destroy(&batch);
    test_case(error, "push of %"PRIu32" bytes, to be cut by nobody", len);
    port_close();
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
    test_case(error, "way: marks of a header that is not found");
}

void
test_way(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    /* Headers of 42 bytes here, and of 50 there. */
    const struct item plain = UDP_1400(REF_PLAIN, false);
    const struct item fits = UDP_SUPER(REF_PLAIN, false, 1400,
                                       65407 - 50 - 42, false);
    const struct item big = UDP_SUPER(REF_PLAIN, false, 1400,
                                      65407 - 50 - 42 + 1, false);
    const struct item tunnelled = UDP_1400(REF_VXLAN, true);
    const struct item vxlan = TCP_1400(REF_VXLAN, true);

    for (size_t i = 0; i < ARRAY_SIZE(way_rows); i++) {
        test_send(&way_rows[i]);
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
    test_packets_only("trains", &vxlan, CSUMS, TNL_GSO_TX_UDP_SEG, 0,
                      TNL_GSO_UDP_GSO, 2);
    test_packets_only("trains of UDP", &tunnelled, CSUMS, TNL_GSO_TX_UDP_SEG,
                      0, TNL_GSO_UDP_GSO, 2);
    test_packets_only("short trains", &vxlan, CSUMS, TNL_GSO_TX_UDP_SEG,
                      20000, TNL_GSO_UDP_GSO, 4);

    test_push("UDP", &plain, OVS_VPORT_TYPE_VXLAN, 50, 0, 1, true);
    test_push("UDP that just fits", &fits, OVS_VPORT_TYPE_VXLAN, 50, 0, 1,
              true);
    test_push("UDP, a byte too much", &big, OVS_VPORT_TYPE_VXLAN, 50, 0, 2,
              true);
    test_push("UDP, GRE", &plain, OVS_VPORT_TYPE_GRE, 38, 0, 1, true);
    test_push("UDP, GRE with sequence numbers", &plain, OVS_VPORT_TYPE_GRE,
              42, 0x1000, 46, false);
    test_push_ordinary(65407 - 72, true);
    test_push_ordinary(65407 - 72 + 1, false);
    test_push_ordinary(65535, false);
    test_push("UDP in a tunnel", &tunnelled, OVS_VPORT_TYPE_GENEVE, 50, 0,
              46, false);
}
