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

#include "test-tnl-gso-port.h"

#include <stdlib.h>
#include <string.h>

#include "dp-packet.h"
#include "test-tnl-gso.h"
#include "tnl-gso-pkt.h"
#include "tnl-gso/stages/tnl-gso-frames.h"
#include "tnl-gso/core/tnl-gso-port.h"
#include "tnl-gso/tnl-gso.h"
#include "util.h"

struct test_port test_port;

static void
wire_add(const uint8_t *data, size_t len)
{
    test_port.wire.v = xrealloc(test_port.wire.v,
                           (test_port.wire.n + 1) * sizeof *test_port.wire.v);
    test_port.wire.v[test_port.wire.n++] = (struct ref_frame) {
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

int
test_port_send(struct netdev *netdev OVS_UNUSED, int qid OVS_UNUSED,
               struct dp_packet_batch *batch, bool concurrent_txq OVS_UNUSED)
{
    struct dp_packet *p;

    DP_PACKET_BATCH_FOR_EACH (i, p, batch) {
        if (tnl_gso_is_super(p)) {
            enum ref_encap encap = pkt_marked_encap(p->offloads);
            const struct ref_job job = {
                .encap = encap,
                .mid = pkt_marked_encap(p->offloads
                                        >> DP_PACKET_OL_SHIFT_COUNT),
                .udp = p->uso_segsz != 0,
                .outer_csum = (encap != REF_GRE
                               && dp_packet_l4_checksum_partial(p)),
                .mss = dp_packet_get_tso_segsz(p) | p->uso_segsz,
            };

            wire_add_cut(dp_packet_data(p), dp_packet_size(p), &job);
            test_port.n_supers++;
        } else {
            wire_add(dp_packet_data(p), dp_packet_size(p));
        }
    }
    dp_packet_delete_batch(batch, true);
    return 0;
}

/* As netdev_linux_tnl_send_frames() on a kernel that does not know trains from
 * number 'test_port.refuse' on. */
static int
port_send_frames(struct netdev *netdev OVS_UNUSED,
                 const struct tnl_gso_frames *frames, size_t *first_left)
{
    test_port.n_calls++;
    for (size_t i = 0; i < frames->n; i++) {
        const struct tnl_gso_frame *frame = &frames->frame[i];
        uint8_t *bytes;

        if (frame->train
            && test_port.n_trains == test_port.refuse) {
            uint64_t orig;

            if (!test_port.stubborn) {
                atomic_and_relaxed(&test_port.netdev.tnl_gso->super_flags,
                                   ~TNL_GSO_TX_UDP_GSO, &orig);
            }
            *first_left = i;
            return 0;
        }
        test_port.n_trains += frame->train;
        test_port.n_supers += !frame->train && frame->n_segs > 1;
        bytes = frame_flatten(frames, frame);
        ovs_assert(!vnet_to_wire(bytes, frame->len, frames->vnet_size,
                                 &test_port.wire));
        free(bytes);
    }
    return 0;
}

static const struct netdev_class port_class = {
    .type = "test",
    .send = test_port_send,
};

void
test_port_open(uint64_t ol_flags, uint64_t super_flags, uint32_t mtu,
               int refuse)
{
    test_port.netdev = (struct netdev) {
        .name = CONST_CAST(char *, "test"),
        .netdev_class = &port_class,
        .ol_flags = ol_flags,
    };
    test_port.netdev.tnl_gso = tnl_gso_port_new(&test_port.netdev);
    test_port.netdev.tnl_gso->send_frames = port_send_frames;
    test_port.netdev.tnl_gso->vnet_size = 10;
    atomic_store_relaxed(&test_port.netdev.tnl_gso->super_flags, super_flags);
    atomic_store_relaxed(&test_port.netdev.tnl_gso->mtu, mtu);
    test_port.wire = (struct ref_frames) { .n = 0 };
    test_port.n_supers = test_port.n_trains = test_port.n_calls = 0;
    test_port.refuse = refuse;
    test_port.stubborn = false;
}

void
test_port_close(void)
{
    ref_frames_destroy(&test_port.wire);
    tnl_gso_port_free(test_port.netdev.tnl_gso);
}

void
add_item(const struct item *item, int i, struct dp_packet_batch *batch,
         struct ref_frames *expected)
{
    struct ref_frames wire = test_port.wire;

    test_port.wire = *expected;
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
    *expected = test_port.wire;
    test_port.wire = wire;
}
