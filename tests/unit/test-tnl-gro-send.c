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
#include <unistd.h>

#include "dp-packet.h"
#include "netdev-provider.h"
#include "smap.h"
#include "test-tnl-gro.h"
#include "test-tnl-gso-port.h"
#include "timeval.h"
#include "tnl-gso-pkt.h"
#include "tnl-gso-train.h"
#include "tnl-gso/core/tnl-gro-feedback.h"
#include "tnl-gso/core/tnl-gso-port.h"
#include "tnl-gso/receive/tnl-gro.h"
#include "tnl-gso/tnl-gso.h"
#include "userspace-tso.h"
#include "util.h"

/* Merging when packets are sent, to the port of test-tnl-gso-port.h, which
 * has the reference cut what it gets; and whether merging pays. */

/* Cuts 'payload' bytes of TCP into '*units' of 1,000 and appends them to
 * 'batch' as packets that arrived by themselves, in the order 'order', or all
 * of them if that is null. */
static void
add_units(uint32_t payload, const char *order, struct ref_frames *units,
          struct dp_packet_batch *batch)
{
    struct pkt_row row;

    pkt_row_init(&row, REF_PLAIN);
    row.mss = 1000;
    row.payload = payload;
    train_cut_row(&row, units);
    for (size_t i = 0; order ? order[i] != '\0' : i < units->n; i++) {
        const struct ref_frame *unit = &units->v[order ? order[i] - '0' : i];

        dp_packet_batch_add(batch,
                            dp_packet_clone_data(unit->data, unit->len));
    }
}

enum setting {
    TAKES,                      /* Frames, for a kernel port. */
    TAKES_PACKETS,
    SOFTWARE,                   /* Merged, then cut again by us. */
    NO_TSO,
    UNWELCOME,
    OFF,
};

/* Sends units in 'order' to a port with 'setting', which must get 'n_supers'
 * superpackets, and packets else; on the wire there must be the same units in
 * the same order. */
static void
test_sent(const char *order, enum setting setting, unsigned int n_supers)
{
    struct ref_frames units;
    struct dp_packet_batch batch;
    struct tnl_gso_stats stats;
    char *error = NULL;
    bool takes;

    test_port_open(NETDEV_TX_OFFLOAD_TCP_CKSUM
                   | (setting == NO_TSO ? 0 : NETDEV_TX_OFFLOAD_TCP_TSO),
                   0, 0, -1);
    test_port.netdev.tnl_gso->welcomes_super = setting != UNWELCOME;
    atomic_store_relaxed(&test_port.netdev.tnl_gso->gro, setting != OFF);
    if (setting == TAKES_PACKETS) {
        test_port.netdev.tnl_gso->send_frames = NULL;
    } else if (setting == SOFTWARE) {
        atomic_store_relaxed(&test_port.netdev.tnl_gso->methods,
                             1u << TNL_GSO_SOFTWARE);
    }
    dp_packet_batch_init(&batch);
    add_units(4900, order, &units, &batch);
    takes = tnl_gso_send_takes(&test_port.netdev, &batch);
    EXPECT(takes, setting <= SOFTWARE && order[1]);
    EXPECT(tnl_gso_send(&test_port.netdev, 0, &batch, false), 0);
    dp_packet_batch_destroy(&batch);

    EXPECT(test_port.n_supers, setting == SOFTWARE ? 0 : n_supers);
    EXPECT(test_port.wire.n, strlen(order));
    for (size_t i = 0; i < test_port.wire.n && !error; i++) {
        const struct ref_frame *unit = &units.v[order[i] - '0'];

        EXPECT(test_port.wire.v[i].len, unit->len);
        EXPECT(memcmp(test_port.wire.v[i].data, unit->data, unit->len), 0);
    }
    tnl_gso_stats_get(test_port.netdev.tnl_gso, &stats);
    EXPECT(stats.gro_supers[0] + stats.gro_supers[1], n_supers);
    EXPECT(stats.gro_units[TNL_GRO_JOINED] + stats.gro_units[TNL_GRO_FIRST]
           + stats.gro_units[TNL_GRO_R_SEQ] + stats.gro_units[TNL_GRO_R_ENDED],
           takes ? strlen(order) : 0);
    test_case(error, "sent: %s, setting %d", order, setting);
    ref_frames_destroy(&units);
    test_port_close();
}

/* What a tunnel makes pauses if most of it is cut again, and goes on later. */
static void
test_pause(void)
{
    atomic_uint8_t id = 0;
    struct tnl_gro_feedback f;
    char *error = NULL;
    long long deadline;
    uint8_t n, other;
    bool paused;

    n = tnl_gro_feedback_id(&id);
    EXPECT(n > 0, true);
    EXPECT(tnl_gro_feedback_id(&id), n);
    for (int round = 0; round < 3; round++) {
        /* Half of them is not most of them. */
        for (int i = 0; i < 65; i++) {
            tnl_gro_feedback_made(n, 1);
            if (round < 2 ? i < 32 : i < 33) {
                tnl_gro_feedback_cut(n);
            }
        }
        paused = tnl_gro_feedback_paused(n);
        EXPECT(paused, round == 2);
    }
    f = tnl_gro_feedback_get(n);
    EXPECT(f.cut, 32 + 32 + 33);
    EXPECT(f.pauses, 1);
    EXPECT(f.paused, true);
    deadline = time_msec() + 10000;
    while (tnl_gro_feedback_paused(n) && time_msec() < deadline) {
        usleep(1000);
    }
    paused = tnl_gro_feedback_paused(n);
    EXPECT(paused, false);

    /* Without a number, nothing is known. */
    tnl_gro_feedback_cut(0);
    tnl_gro_feedback_made(0, 1000);
    paused = tnl_gro_feedback_paused(0);
    EXPECT(paused, false);
    tnl_gro_feedback_free(n);
    atomic_store_relaxed(&id, 0);
    other = tnl_gro_feedback_id(&id);
    f = tnl_gro_feedback_get(other);
    EXPECT(f.cut, 0);
    tnl_gro_feedback_free(other);
    test_case(error, "pause");
}

/* A superpacket of which a copy goes on whole pays, even if it is cut. */
static void
test_pause_clones(void)
{
    struct dp_packet *p, *clone;
    atomic_uint8_t id = 0;
    char *error = NULL;
    struct pkt_row row;
    bool paused;
    uint8_t n;

    pkt_row_init(&row, REF_PLAIN);
    p = pkt_build(&row);
    n = p->gro_id = tnl_gro_feedback_id(&id);
    for (int i = 0; i < 100; i++) {
        tnl_gro_feedback_made(n, 1);
        clone = dp_packet_clone(p);
        EXPECT(clone->gro_id, n);
        dp_packet_delete(clone);
        tnl_gro_feedback_cut(n);
    }
    paused = tnl_gro_feedback_paused(n);
    EXPECT(paused, false);
    for (int i = 0; i < 100; i++) {
        tnl_gro_feedback_made(n, 1);
        clone = dp_packet_clone(p);
        tnl_gro_feedback_cut(clone->gro_id);
        dp_packet_delete(clone);
        tnl_gro_feedback_cut(n);
    }
    paused = tnl_gro_feedback_paused(n);
    EXPECT(paused, true);

    /* Nothing has been merged for a packet with a wrong checksum. */
    dp_packet_set_tso_segsz(p, 0);
    dp_packet_delete(dp_packet_clone(p));
    dp_packet_delete(p);
    tnl_gro_feedback_free(n);
    test_case(error, "pause, clones");
}

/* A wrong checksum that the pop of a tunnel has found is not counted by the
 * port that sends it. */
static void
test_bad_csum_once(void)
{
    struct tnl_gro_count count = { .trains = 0 };
    struct dp_packet_batch batch;
    struct tnl_gso_stats stats;
    struct gro_item *item;
    struct gro_list list;
    struct dp_packet *p;
    char *error = NULL;

    gro_list_five(&list, 'v', 4, 4);
    item = &list.v[1];
    item->data[item->l.l4_csum] ^= 1;
    gro_settle_outer(&list, item);
    gro_list_finish(&list, NULL);
    dp_packet_batch_init(&batch);
    for (size_t i = 0; i < 3; i++) {
        dp_packet_batch_add(&batch, gro_item_packet(&list, &list.v[i]));
    }
    tnl_gro_merge(TNL_GSO_VXLAN, false, 1, &batch, &count);
    EXPECT(dp_packet_batch_size(&batch), 3);
    EXPECT(count.units[TNL_GRO_R_CSUM], 1);

    DP_PACKET_BATCH_FOR_EACH (i, p, &batch) {
        dp_packet_reset_packet(p, item->l.outer.l4 + 16);
        dp_packet_reset_offload(p);
    }
    test_port_open(NETDEV_TX_OFFLOAD_TCP_CKSUM | NETDEV_TX_OFFLOAD_TCP_TSO,
                   0, 0, -1);
    test_port.netdev.tnl_gso->welcomes_super = true;
    EXPECT(tnl_gso_send(&test_port.netdev, 0, &batch, false), 0);
    dp_packet_batch_destroy(&batch);
    EXPECT(test_port.wire.n, 3);
    tnl_gso_stats_get(test_port.netdev.tnl_gso, &stats);
    EXPECT(stats.gro_units[TNL_GRO_FIRST], 2);
    EXPECT(stats.gro_units[TNL_GRO_R_CSUM], 0);
    test_port_close();
    gro_list_destroy(&list);
    test_case(error, "bad_csum, once");
}

void
test_gro_send(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    struct smap config = SMAP_INITIALIZER(&config);

    smap_add(&config, "userspace-tso-enable", "true");
    userspace_tso_init(&config);
    smap_destroy(&config);

    test_sent("01234", TAKES, 1);
    test_sent("0", TAKES, 0);
    test_sent("10234", TAKES, 1);
    test_sent("01134", TAKES, 2);
    test_sent("43210", TAKES, 0);
    test_sent("012340123", TAKES, 2);
    test_sent("01234", TAKES_PACKETS, 1);
    test_sent("012340123", TAKES_PACKETS, 2);
    test_sent("01134", SOFTWARE, 2);
    test_sent("01234", NO_TSO, 0);
    test_sent("01234", UNWELCOME, 0);
    test_sent("01234", OFF, 0);
    test_pause();
    test_pause_clones();
    test_bad_csum_once();
    test_gro_effort();
}
