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

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command-line.h"
#include "dp-packet.h"
#include "pcap-file.h"
#include "tnl-gso-pkt.h"
#include "tnl-gso/tnl-gso-buf.h"
#include "tnl-gso/tnl-gso-seg.h"
#include "util.h"

/* Segment: cuts the superpackets in a capture file, so that judges in other
 * processes (tshark, the kernel) can look at what comes out.
 *
 * Must judge nothing itself. */

static enum ref_encap
encap_from_string(const char *s)
{
    for (enum ref_encap encap = REF_PLAIN; encap <= REF_GRE; encap++) {
        if (!strcmp(s, pkt_encap_name(encap))) {
            return encap;
        }
    }
    ovs_fatal(0, "%s: not one of plain, vxlan, geneve, gre", s);
}

/* Appends to 'out' what a port without any capability would be sent. */
static void
segment(struct dp_packet *p, struct dp_packet_batch *out, int n)
{
    const struct tnl_gso_caps caps = { .methods = TNL_GSO_METHODS_ALL };
    enum tnl_gso_reason reason;
    struct tnl_gso_desc desc;
    struct tnl_gso_plan plan;

    reason = tnl_gso_describe(p, &desc);
    if (reason) {
        ovs_fatal(0, "packet %d: %s", n, tnl_gso_reason_to_string(reason));
    }
    tnl_gso_plan(&desc, &caps, &plan);
    switch (plan.method) {
    case TNL_GSO_PASS:
        dp_packet_set_tso_segsz(p, 0);
        dp_packet_ol_send_prepare(p, 0);
        dp_packet_batch_add(out, p);
        break;
    case TNL_GSO_SOFTWARE:
        tnl_gso_cut(p, &desc, &plan, tnl_gso_buf_new, NULL, out);
        break;
    case TNL_GSO_HW:
    case TNL_GSO_HW_PARTIAL:
    case TNL_GSO_TCP_TSO:
    case TNL_GSO_UDP_GSO:
    case TNL_GSO_DROP:
    case TNL_GSO_N_METHODS:
    default:
        ovs_fatal(0, "packet %d: %s: %s", n,
                  tnl_gso_method_to_string(plan.method),
                  tnl_gso_reason_to_string(plan.reason));
    }
}

void
test_segment(struct ovs_cmdl_context *ctx)
{
    enum ref_encap encap = encap_from_string(ctx->argv[1]);
    uint16_t mss = atoi(ctx->argv[2]);
    bool csum = atoi(ctx->argv[3]);
    struct pcap_file *in, *out;
    struct dp_packet *frame;
    int n_in = 0;
    size_t n_out = 0;
    int error;

    if (!mss) {
        ovs_fatal(0, "%s: not a segment size", ctx->argv[2]);
    }
    in = ovs_pcap_open(ctx->argv[4], "rb");
    out = in ? ovs_pcap_open(ctx->argv[5], "wb") : NULL;
    if (!in || !out) {
        ovs_fatal(errno, "%s", ctx->argv[in ? 5 : 4]);
    }
    while (!(error = ovs_pcap_read(in, &frame, NULL))) {
        struct dp_packet_batch batch;

        dp_packet_batch_init(&batch);
        segment(pkt_from_frame(dp_packet_data(frame), dp_packet_size(frame),
                               encap, csum, mss), &batch, ++n_in);
        for (size_t i = 0; i < batch.count; i++) {
            ovs_pcap_write(out, batch.packets[i]);
        }
        n_out += batch.count;
        dp_packet_delete_batch(&batch, true);
        dp_packet_batch_destroy(&batch);
        dp_packet_delete(frame);
    }
    if (error != EOF) {
        ovs_fatal(error, "%s", ctx->argv[4]);
    }
    ovs_pcap_close(in);
    ovs_pcap_close(out);
    printf("%d packets in, %"PRIuSIZE" out\n", n_in, n_out);
}
