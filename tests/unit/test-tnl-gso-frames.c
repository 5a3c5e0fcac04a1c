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

#include "dp-packet.h"
#include "netdev-provider.h"
#include "openvswitch/dynamic-string.h"
#include "tnl-gso-pkt.h"
#include "util.h"

/* Frames: trains and segments without packets, for kernel ports.  What is
 * expected of each is in test-tnl-gso-compare-frames.c. */

#define MAX_PAYLOAD -1

static const struct {
    uint16_t mss;
    int payload;
} sizes[] = {
    { 1400, 1401 }, { 1400, 2800 }, { 1400, 2801 }, { 1448, 64000 },
    { 1448, MAX_PAYLOAD }, { 1399, 30001 },
    /* 64 segments in a train, and what does not fit in one. */
    { 100, 6400 }, { 100, 6401 }, { 100, 12800 }, { 100, 12801 },
    { 28, 28 * TNL_GSO_MAX_SEGS }, { 1, 65 }, { 1, TNL_GSO_MAX_SEGS },
    /* Two in a train, or one. */
    { 8900, MAX_PAYLOAD }, { 32000, MAX_PAYLOAD }, { 33000, MAX_PAYLOAD },
};

static const struct {
    const char *name;
    struct pkt_level outer, inner;
    int tcp_opt, geneve_opt;
    bool trains;                /* May be sent as a train. */
} shapes[] = {
    { "", { 0 }, { 0 }, 0, 0, true },
    { "timestamp", { 0 }, { 0 }, 12, 0, true },
    { "VLAN in both", { .n_vlans = 1 }, { .n_vlans = 1 }, 0, 4, true },
    { "all options", { .n_vlans = 1, .ipopt = 40 },
      { .n_vlans = 1, .ipopt = 40 }, 40, 252, true },
    { "QinQ", { .n_vlans = 2 }, { 0 }, 0, 0, false },
    { "QinQ inside", { 0 }, { .n_vlans = 2 }, 0, 0, false },
};

/* One packet, on a port that takes trains and on ports that do not: all of
 * it, and from each segment on. */
static void
test_packet(const struct pkt_row *row, const char *shape, bool may_train)
{
    static const uint64_t ports[] = {
        TNL_GSO_TX_UDP_GSO, 0,
        NETDEV_TX_OFFLOAD_TCP_CKSUM | NETDEV_TX_OFFLOAD_UDP_CKSUM,
    };
    const struct ref_job job = pkt_job(row);
    struct dp_packet *p = pkt_build(row);
    struct ref_frames segments;
    struct tnl_gso_desc desc;

    ovs_assert(!tnl_gso_describe(p, &desc));
    ovs_assert(!ref_cut(dp_packet_data(p), dp_packet_size(p), &job, job.mss,
                        &segments));
    for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
        const struct tnl_gso_caps caps = {
            .ol_flags = ports[i],
            .methods = 1u << TNL_GSO_UDP_GSO | 1u << TNL_GSO_SOFTWARE,
        };
        bool train = (!i && may_train && row->csum && row->encap != REF_PLAIN
                      && row->encap != REF_GRE && row->mss <= 32000);
        struct ds s = DS_EMPTY_INITIALIZER;
        struct tnl_gso_plan plan;
        char *error = NULL;

        tnl_gso_plan(&desc, &caps, &plan);
        EXPECT(plan.method, train ? TNL_GSO_UDP_GSO : TNL_GSO_SOFTWARE);
        if (!error) {
            error = frames_and_compare(p, &desc, &plan, &job);
        }
        if (train && !error) {
            error = trains_and_compare(p, &desc, &plan, &job);
        }
        for (uint32_t j = 0; train && j < segments.n && !error; j++) {
            /* All of few, and some of many. */
            if (segments.n <= 130 || !(j % 97)) {
                error = restart_and_compare(p, &desc, &job, j, &segments);
            }
        }
        pkt_row_format(row, &s);
        test_case(error, "frames %s, port %"PRIuSIZE": %s", shape, i,
                  ds_cstr(&s));
        ds_destroy(&s);
    }
    ref_frames_destroy(&segments);
    dp_packet_delete(p);
}

static void
test_shape(size_t shape, struct pkt_row *row)
{
    int outer = row->outer.version;
    int inner = row->inner.version;

    row->outer = shapes[shape].outer;
    row->outer.version = outer;
    row->outer.ipopt = outer == 4 ? row->outer.ipopt : 0;
    row->outer.id = 0xffff;
    row->inner = shapes[shape].inner;
    row->inner.version = inner;
    row->inner.ipopt = inner == 4 ? row->inner.ipopt : 0;
    row->inner.id = 0xfffe;
    row->tcp_opt = shapes[shape].tcp_opt;
    row->geneve_opt = row->encap == REF_GENEVE ? shapes[shape].geneve_opt : 0;
    if (!pkt_row_valid(row)) {
        return;                 /* Ethernet in GTP-U. */
    }
    row->tcp_flags = 0x0ff;
    row->seq = UINT32_MAX - 5000;
    row->lie = true;
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        size_t hdr_len;

        row->mss = sizes[i].mss;
        row->payload = 0;
        free(pkt_build_frame(row, &hdr_len));
        row->payload = (sizes[i].payload == MAX_PAYLOAD ? UINT16_MAX - hdr_len
                        : sizes[i].payload);
        test_packet(row, shapes[shape].name, shapes[shape].trains);
    }
}

void
test_frames(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    for (int i = 0; i < (REF_IPIP + 1) * 2 * 2 * 2 * 2; i++) {
        for (size_t shape = 0; shape < ARRAY_SIZE(shapes); shape++) {
            struct pkt_row row;

            pkt_row_init(&row, i / 16);
            row.outer.version = i & 1 ? 6 : 4;
            row.inner.version = i & 2 ? 6 : 4;
            row.csum = i & 4;
            row.udp = i & 8;
            if (row.encap == REF_PLAIN
                && (row.csum || row.outer.version == 6
                    || shapes[shape].outer.n_vlans)) {
                continue;
            }
            if (row.encap == REF_IPIP
                && (row.csum || shapes[shape].inner.n_vlans
                    || shapes[shape].inner.n_mpls)) {
                continue;
            }
            test_shape(shape, &row);
        }
    }
}
