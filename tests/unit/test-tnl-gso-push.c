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

#include "dp-packet.h"
#include "odp-netlink.h"
#include "test-tnl-gso-port.h"
#include "tnl-gso/stages/tnl-gso-frames.h"
#include "tnl-gso/core/tnl-gso-port.h"
#include "tnl-gso/tnl-gso.h"
#include "util.h"

/* Push: batches through tnl_gso_push_prepare(), before a tunnel header. */

/* In front of a push of 'tnl_type' with 'header_len' bytes, of GRE or GTP-U
 * with 'flags' in the first 2 bytes: 'n' packets have to come out, which are
 * superpackets if 'whole' unless too short for it. */
static void
test_push(const char *name, const struct item *item, uint32_t tnl_type,
          uint32_t header_len, uint16_t flags, size_t n, bool whole)
{
    struct ovs_action_push_tnl data = {
        .tnl_type = tnl_type,
        .header_len = header_len,
    };
    struct ref_frames expected = { .n = 0 };
    struct dp_packet_batch batch;
    struct dp_packet *p;
    char *error = NULL;

    /* Ethernet, IPv4; UDP. */
    ref_put16((uint8_t *) data.header + 12, ETH_TYPE_IP);
    ref_put16((uint8_t *) data.header
              + (tnl_type == OVS_VPORT_TYPE_GTPU ? 42 : 34), flags);

    test_port_open(0, 0, 0, -1);
    dp_packet_batch_init(&batch);
    add_item(item, 0, &batch, &expected);
    batch.packets[0]->md.recirc_id = 0x12345678;
    batch.packets[0]->md.in_port.odp_port = u32_to_odp(0x23456789);
    tnl_gso_push_prepare(&test_port.netdev, &batch, &data);
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
    test_port_send(&test_port.netdev, 0, &batch, false);
    dp_packet_batch_destroy(&batch);
    EXPECT(test_port.wire.n, expected.n);
    if (!error) {
        error = compare_wire_frames(&test_port.wire, expected.v);
    }
    test_case(error, "push %s", name);
    ref_frames_destroy(&expected);
    test_port_close();
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
    test_port_open(0, 0, 0, -1);
    dp_packet_batch_init(&batch);
    for (int i = 0; i < 3; i++) {
        struct dp_packet *p = dp_packet_new(len);

        dp_packet_put_zeros(p, i == 1 ? len : 100);
        dp_packet_batch_add(&batch, p);
    }
    tnl_gso_push_prepare(&test_port.netdev, &batch, &data);
    EXPECT(dp_packet_batch_size(&batch), 2 + ok);
    tnl_gso_stats_get(test_port.netdev.tnl_gso, &stats);
    EXPECT(stats.drops[TNL_GSO_R_TOO_BIG], !ok);
    dp_packet_delete_batch(&batch, true);
    dp_packet_batch_destroy(&batch);
    test_case(error, "push of %"PRIu32" bytes, to be cut by nobody", len);
    test_port_close();
}

void
test_push_hook(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    /* Headers of 42 bytes here, and of 50 there. */
    const struct item plain = UDP_1400(REF_PLAIN, false);
    const struct item fits = UDP_SUPER(REF_PLAIN, false, 1400,
                                       65407 - 50 - 42, false);
    const struct item big = UDP_SUPER(REF_PLAIN, false, 1400,
                                      65407 - 50 - 42 + 1, false);
    const struct item tunnelled = UDP_1400(REF_VXLAN, true);

    test_push("UDP", &plain, OVS_VPORT_TYPE_VXLAN, 50, 0, 1, true);
    test_push("UDP that just fits", &fits, OVS_VPORT_TYPE_VXLAN, 50, 0, 1,
              true);
    test_push("UDP, a byte too much", &big, OVS_VPORT_TYPE_VXLAN, 50, 0, 2,
              true);
    test_push("UDP, GRE", &plain, OVS_VPORT_TYPE_GRE, 38, 0, 1, true);
    test_push("UDP, GRE with sequence numbers", &plain, OVS_VPORT_TYPE_GRE,
              42, 0x1000, 46, false);
    test_push("UDP, GTP-U", &plain, OVS_VPORT_TYPE_GTPU, 50, 0x30ff, 1, true);
    test_push("UDP, GTP-U with sequence numbers", &plain, OVS_VPORT_TYPE_GTPU,
              54, 0x32ff, 46, false);
    test_push("UDP, GTP-U, a bit that says too much", &plain,
              OVS_VPORT_TYPE_GTPU, 50, 0x34ff, 46, false);
    test_push("UDP, GTP-U, no G-PDU", &plain, OVS_VPORT_TYPE_GTPU, 50, 0x30fe,
              46, false);
    test_push_ordinary(65407 - 72, true);
    test_push_ordinary(65407 - 72 + 1, false);
    test_push_ordinary(65535, false);
    test_push("UDP in a tunnel, STT", &tunnelled, OVS_VPORT_TYPE_STT, 72, 0,
              46, false);
    test_push("UDP in a tunnel, GRE with sequence numbers", &tunnelled,
              OVS_VPORT_TYPE_GRE, 42, 0x1000, 46, false);
}
