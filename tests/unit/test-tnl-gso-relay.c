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

#include <linux/virtio_net.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dp-packet.h"
#include "netdev-provider.h"
#include "openvswitch/dynamic-string.h"
#include "tnl-gso/core/tnl-gso-vnet.h"
#include "tnl-gso/stages/tnl-gso-frames.h"
#include "tnl-gso-pkt.h"
#include "tnl-gso-ref.h"
#include "util.h"

/* Frames for a relay: a superpacket in a tunnel, whole, behind a vnet header
 * of 24 bytes.  Its payload cannot be read while the frame is made: a pass over
 * it is a crash. */

static const struct {
    const char *name;
    struct pkt_level outer, inner;
    int tcp_opt, geneve_opt;
} shapes[] = {
    { "", { 0 }, { 0 }, 0, 0 },
    { "timestamp", { 0 }, { 0 }, 12, 0 },
    { "VLAN in both", { .n_vlans = 1 }, { .n_vlans = 1 }, 0, 4 },
    { "all options", { .n_vlans = 1, .ipopt = 40 },
      { .n_vlans = 1, .ipopt = 40 }, 40, 252 },
};

static const struct {
    uint16_t mss;
    uint32_t payload;
} sizes[] = {
    { 1400, 1401 }, { 1400, 2800 }, { 1448, 60000 }, { 1, 60 }, { 8900, 60000 },
};

/* A superpacket whose payload cannot be read. */
struct blind {
    struct dp_packet packet;
    uint8_t *map;
    size_t map_len;
};

/* Makes '*b' a copy of 'p', 'hdr_len' bytes of which can be read. */
static void
blind_init(struct blind *b, const struct dp_packet *p, size_t hdr_len)
{
    size_t page = sysconf(_SC_PAGESIZE);
    uint8_t *start;

    b->map_len = page + ROUND_UP(dp_packet_size(p), page);
    b->map = mmap(NULL, b->map_len, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ovs_assert(b->map != MAP_FAILED && hdr_len <= page);
    start = b->map + page - hdr_len;
    memcpy(start, dp_packet_data(p), dp_packet_size(p));
    dp_packet_use_const(&b->packet, start, dp_packet_size(p));
    ovs_assert(!mprotect(b->map + page, b->map_len - page, PROT_NONE));
}

/* The sum of 'n' bytes at 'p', byte by byte, and of 'sum'. */
static uint32_t
add_up(const uint8_t *p, size_t n, uint32_t sum)
{
    for (size_t i = 0; i < n; i++) {
        sum += i & 1 ? p[i] : p[i] << 8;
    }
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

/* Completes the checksum at 'csum', which is partial, of what is in the 'len'
 * bytes of 'frame' from 'l3' on, as whoever cuts does.  Returns true if it is
 * then that of RFC 768 and RFC 9293, pseudo-header included. */
static bool
complete(uint8_t *frame, size_t len, const struct ref_l3 *l3, size_t csum)
{
    size_t l4_len = len - l3->l4;
    uint32_t sum = ~add_up(frame + l3->l4, l4_len, 0) & 0xffff;
    size_t addresses = l3->version == 4 ? l3->ofs + 12 : l3->ofs + 8;

    frame[csum] = sum >> 8;
    frame[csum + 1] = sum;
    sum = add_up(frame + addresses, l3->version == 4 ? 8 : 32, 0);
    sum = add_up(frame + l3->l4, l4_len, sum + l3->proto + l4_len);
    return sum == 0xffff;
}

/* What is wrong with 'vnet', the header of 'frame' whose layout is 'l'? */
static char *
check_vnet(const uint8_t *vnet_, const uint8_t *frame,
           const struct ref_layout *l, const struct pkt_row *row, bool csum)
{
    const struct virtio_net_hdr *vnet = (const void *) vnet_;
    bool cwr = !row->udp && frame[l->inner.l4 + 13] & 0x80;
    char *error = NULL;
    uint16_t rest[7];

    memcpy(rest, vnet_ + 10, sizeof rest);
    EXPECT(vnet->flags, VIRTIO_NET_HDR_F_NEEDS_CSUM | (csum ? 8 : 0));
    EXPECT(vnet->gso_type, ((row->udp ? 5 : row->inner.version == 4 ? 1 : 4)
                            | (row->outer.version == 4 ? 0x20 : 0x40)
                            | (cwr ? 0x80 : 0)));
    EXPECT(vnet->hdr_len, l->payload);
    EXPECT(vnet->gso_size, row->mss);
    EXPECT(vnet->csum_start, l->inner.l4);
    EXPECT(vnet->csum_offset, l->l4_csum - l->inner.l4);
    /* num_buffers, hash_value, hash_report, padding. */
    for (size_t i = 0; i < 5; i++) {
        EXPECT(rest[i], 0);
    }
    EXPECT(rest[5], l->outer.l4);
    EXPECT(rest[6], l->inner.ofs);
    return error;
}

/* What is wrong with 'frames', made of 'p'?  The first one must be what a relay
 * takes for 'whole' of its bytes. */
static char *
check_frames(const struct tnl_gso_frames *frames, struct blind *b,
             const struct dp_packet *p, const struct pkt_row *row,
             const struct ref_frames *segments, bool csum)
{
    const struct iovec *iov = frames->iov;
    struct ref_job job = pkt_job(row);
    struct ref_frames got;
    struct ref_layout l;
    char *error = NULL;
    uint8_t *frame;
    size_t len;

    EXPECT(frames->n, 1);
    EXPECT(frames->frame[0].relay, true);
    EXPECT(frames->frame[0].n, 2);
    EXPECT(frames->frame[0].n_segs, segments->n);
    if (error) {
        return error;
    }
    len = iov[0].iov_len + iov[1].iov_len - VNET_TUNNEL_LEN;
    EXPECT(frames->frame[0].len, VNET_TUNNEL_LEN + len);
    EXPECT(len, dp_packet_size(p));
    EXPECT((uint8_t *) iov[1].iov_base + iov[1].iov_len
           == (uint8_t *) dp_packet_data(&b->packet) + len, true);
    if (error) {
        return error;
    }
    frame = xmalloc(len);
    memcpy(frame, dp_packet_data(p), len);
    memcpy(frame, (uint8_t *) iov[0].iov_base + VNET_TUNNEL_LEN,
           iov[0].iov_len - VNET_TUNNEL_LEN);
    if (ref_parse(frame, len, row->encap, &l)) {
        error = xstrdup("the reference does not find the headers");
    }
    if (!error) {
        error = check_vnet(iov[0].iov_base, frame, &l, row, csum);
    }
    if (!error) {
        /* The same segments are made of it as of the packet. */
        const char *why = ref_cut(frame, len, &job, job.mss, &got);

        EXPECT(why == NULL, true);
        EXPECT(got.n, segments->n);
        for (size_t i = 0; i < got.n && !error; i++) {
            EXPECT(got.v[i].len, segments->v[i].len);
            if (memcmp(got.v[i].data, segments->v[i].data, got.v[i].len)) {
                error = xasprintf("segment %"PRIuSIZE" differs", i);
            }
        }
        ref_frames_destroy(&got);
    }
    EXPECT(complete(frame, len, &l.inner, l.l4_csum), true);
    if (row->csum) {
        EXPECT(complete(frame, len, &l.outer, l.outer.l4 + 6), true);
    }
    free(frame);
    return error;
}

/* One packet. */
static void
test_packet(const struct pkt_row *row, const char *shape)
{
    const struct ref_job job = pkt_job(row);
    struct dp_packet *p = pkt_build(row);
    struct ref_frames segments;
    struct tnl_gso_desc desc;

    ovs_assert(!tnl_gso_describe(p, &desc));
    ovs_assert(!ref_cut(dp_packet_data(p), dp_packet_size(p), &job, job.mss,
                        &segments));
    for (int hw = 0; hw < 2; hw++) {
        const struct tnl_gso_caps caps = {
            .ol_flags = (TNL_GSO_TX_TNL_GSO
                         | (hw ? (NETDEV_TX_VXLAN_TNL_TSO
                                  | NETDEV_TX_GENEVE_TNL_TSO
                                  | NETDEV_TX_OFFLOAD_TCP_TSO
                                  | TNL_GSO_TX_TNL_UDP_GSO
                                  | NETDEV_TX_OFFLOAD_OUTER_IP_CKSUM
                                  | NETDEV_TX_OFFLOAD_OUTER_UDP_CKSUM) : 0)),
            .methods = TNL_GSO_METHODS_ALL,
        };
        struct ds s = DS_EMPTY_INITIALIZER;
        struct tnl_gso_frames *frames;
        struct tnl_gso_plan plan;
        char *error = NULL;
        struct blind b;

        tnl_gso_plan(&desc, &caps, &plan);
        EXPECT(plan.method, hw ? TNL_GSO_HW : TNL_GSO_KERNEL);
        EXPECT(tnl_gso_frames_for_relay(&desc, &plan), true);
        if (!error) {
            blind_init(&b, p, desc.hdr_len);
            frames = tnl_gso_frames_get(VNET_LEN);
            EXPECT(tnl_gso_frames_cut(frames, 0, &b.packet, &desc, &plan, 0),
                   1);
            error = error ? error : check_frames(frames, &b, p, row, &segments,
                                                 row->csum);
            tnl_gso_frames_clear(frames);
            munmap(b.map, b.map_len);
        }
        pkt_row_format(row, &s);
        test_case(error, "relay %s, %s: %s", shape, hw ? "hw" : "kernel",
                  ds_cstr(&s));
        ds_destroy(&s);
    }
    ref_frames_destroy(&segments);
    dp_packet_delete(p);
}

void
test_relay(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    for (int i = 0; i < 2 * 2 * 2 * 2 * 2; i++) {
        for (size_t j = 0; j < ARRAY_SIZE(shapes) * ARRAY_SIZE(sizes); j++) {
            size_t shape = j / ARRAY_SIZE(sizes), k = j % ARRAY_SIZE(sizes);
            struct pkt_row row;

            pkt_row_init(&row, i & 1 ? REF_GENEVE : REF_VXLAN);
            row.outer = shapes[shape].outer;
            row.outer.version = i & 2 ? 6 : 4;
            row.outer.ipopt = i & 2 ? 0 : row.outer.ipopt;
            row.inner = shapes[shape].inner;
            row.inner.version = i & 4 ? 6 : 4;
            row.inner.ipopt = i & 4 ? 0 : row.inner.ipopt;
            row.csum = i & 8;
            row.udp = i & 16;
            row.tcp_opt = shapes[shape].tcp_opt;
            row.geneve_opt = (row.encap == REF_GENEVE
                              ? shapes[shape].geneve_opt : 0);
            row.tcp_flags = k & 1 ? 0x0ff : 0x018;
            row.seq = UINT32_MAX - 5000;
            row.lie = true;
            row.mss = sizes[k].mss;
            row.payload = sizes[k].payload;
            test_packet(&row, shapes[shape].name);
        }
    }
}
