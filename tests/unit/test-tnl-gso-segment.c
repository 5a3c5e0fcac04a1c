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
#include "tnl-gso/core/tnl-gso-buf.h"
#include "tnl-gso/stages/tnl-gso-frames.h"
#include "tnl-gso/stages/tnl-gso-seg.h"
#include "util.h"

/* Segment, train: cut the superpackets in a capture file, so that
 * judges in other processes (tshark, the kernel) can look at what comes out.
 *
 * Must judge nothing itself. */

/* Appends to 'out' what becomes of packet number 'n', to be cut as 'job'
 * says. */
typedef void packet_func(struct dp_packet *, const struct ref_job *job,
                         struct dp_packet_batch *out, int n);

static enum ref_encap
encap_from_string(const char *s, size_t len)
{
    for (enum ref_encap encap = REF_PLAIN; encap <= REF_IPIP; encap++) {
        const char *name = pkt_encap_name(encap);

        if (strlen(name) == len && !strncmp(s, name, len)) {
            return encap;
        }
    }
    ovs_fatal(0, "%s: not plain, vxlan, geneve, gre, gtpu, ipip, or two of "
              "them", s);
}

/* Sets the encapsulations of 'job' from 's', as in "geneve" or, for VXLAN in
 * Geneve, "geneve/vxlan". */
static void
encaps_from_string(const char *s, struct ref_job *job)
{
    size_t len = strcspn(s, "/");

    job->encap = encap_from_string(s, len);
    if (s[len]) {
        job->mid = encap_from_string(s + len + 1, strlen(s + len + 1));
    }
}

/* What a port without any capability would be sent. */
static void
segment(struct dp_packet *p, const struct ref_job *job OVS_UNUSED,
        struct dp_packet_batch *out, int n)
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
        p->uso_segsz = 0;
        dp_packet_ol_send_prepare(p, 0);
        dp_packet_batch_add(out, p);
        break;
    case TNL_GSO_SOFTWARE:
        tnl_gso_cut(p, &desc, &plan, tnl_gso_buf_new, NULL, out);
        break;
    case TNL_GSO_HW:
    case TNL_GSO_HW_PARTIAL:
    case TNL_GSO_TCP_TSO:
    case TNL_GSO_KERNEL:
    case TNL_GSO_UDP_GSO:
    case TNL_GSO_DROP:
    case TNL_GSO_SPLIT:
    case TNL_GSO_N_METHODS:
    default:
        ovs_fatal(0, "packet %d: %s: %s", n,
                  tnl_gso_method_to_string(plan.method),
                  tnl_gso_reason_to_string(plan.reason));
    }
}

/* What the reference makes of it. */
static void
ref_segment(struct dp_packet *p, const struct ref_job *job,
            struct dp_packet_batch *out, int n)
{
    struct ref_frames frames;
    const char *error;

    error = ref_cut(dp_packet_data(p), dp_packet_size(p), job, job->mss,
                    &frames);
    if (error) {
        ovs_fatal(0, "packet %d: %s", n, error);
    }
    for (size_t i = 0; i < frames.n; i++) {
        dp_packet_batch_add(out, dp_packet_clone_data(frames.v[i].data,
                                                      frames.v[i].len));
    }
    ref_frames_destroy(&frames);
    dp_packet_delete(p);
}

/* The trains that a kernel port would be sent, vnet headers included. */
static void
train(struct dp_packet *p, const struct ref_job *job OVS_UNUSED,
      struct dp_packet_batch *out, int n)
{
    const struct tnl_gso_caps caps = {
        .ol_flags = TNL_GSO_TX_UDP_GSO,
        .methods = 1u << TNL_GSO_UDP_GSO,
    };
    struct tnl_gso_frames *frames;
    enum tnl_gso_reason reason;
    struct tnl_gso_desc desc;
    struct tnl_gso_plan plan;

    reason = tnl_gso_describe(p, &desc);
    tnl_gso_plan(&desc, &caps, &plan);
    if (reason || plan.method != TNL_GSO_UDP_GSO) {
        ovs_fatal(0, "packet %d: %s: %s", n, tnl_gso_reason_to_string(reason),
                  tnl_gso_method_to_string(plan.method));
    }
    for (uint32_t i = 0; i < plan.n_packets; ) {
        frames = tnl_gso_frames_get(10);
        i = tnl_gso_frames_cut(frames, 0, p, &desc, &plan, i);
        for (size_t j = 0; j < frames->n; j++) {
            uint8_t *bytes = frame_flatten(frames, &frames->frame[j]);

            dp_packet_batch_add(
                out, dp_packet_clone_data(bytes, frames->frame[j].len));
            free(bytes);
        }
        tnl_gso_frames_clear(frames);
    }
    dp_packet_delete(p);
}

/* Calls 'cb' for each superpacket in capture file 'in_name', to be cut as
 * 'job' says, and writes what it makes of it to 'out_name'. */
static void
each_packet(packet_func *cb, const struct ref_job *job, const char *in_name,
            const char *out_name)
{
    struct pcap_file *in, *out;
    struct dp_packet *frame;
    int n_in = 0;
    size_t n_out = 0;
    int error;

    if (!job->mss) {
        ovs_fatal(0, "not a segment size");
    }
    in = ovs_pcap_open(in_name, "rb");
    out = in ? ovs_pcap_open(out_name, "wb") : NULL;
    if (!in || !out) {
        ovs_fatal(errno, "%s", in ? out_name : in_name);
    }
    while (!(error = ovs_pcap_read(in, &frame, NULL))) {
        struct dp_packet_batch batch;

        dp_packet_batch_init(&batch);
        cb(pkt_from_job(dp_packet_data(frame), dp_packet_size(frame), job),
           job, &batch, ++n_in);
        for (size_t i = 0; i < batch.count; i++) {
            ovs_pcap_write(out, batch.packets[i]);
        }
        n_out += batch.count;
        dp_packet_delete_batch(&batch, true);
        dp_packet_batch_destroy(&batch);
        dp_packet_delete(frame);
    }
    if (error != EOF) {
        ovs_fatal(error, "%s", in_name);
    }
    ovs_pcap_close(in);
    ovs_pcap_close(out);
    printf("%d packets in, %"PRIuSIZE" out\n", n_in, n_out);
}

/* Is 'word' one of the arguments from 'i' on, which are optional? */
static bool
has_arg(const struct ovs_cmdl_context *ctx, int i, const char *word)
{
    for (; i < ctx->argc; i++) {
        if (!strcmp(ctx->argv[i], word)) {
            return true;
        }
    }
    return false;
}

void
test_segment(struct ovs_cmdl_context *ctx)
{
    struct ref_job job = {
        .mss = atoi(ctx->argv[2]),
        .outer_csum = atoi(ctx->argv[3]),
        .udp = has_arg(ctx, 6, "udp"),
    };

    encaps_from_string(ctx->argv[1], &job);
    each_packet(has_arg(ctx, 6, "reference") ? ref_segment : segment, &job,
                ctx->argv[4], ctx->argv[5]);
}

void
test_train(struct ovs_cmdl_context *ctx)
{
    struct ref_job job = {
        .mss = atoi(ctx->argv[2]),
        .outer_csum = true,
        .udp = has_arg(ctx, 5, "udp"),
    };

    encaps_from_string(ctx->argv[1], &job);
    each_packet(train, &job, ctx->argv[3], ctx->argv[4]);
}
