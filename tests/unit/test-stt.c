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

#include "test-stt.h"

#include <stdlib.h>
#include <string.h>

#include "dp-packet.h"
#include "flow.h"
#include "netdev-provider.h"
#include "odp-netlink.h"
#include "packets.h"
#include "tnl-gso-pkt.h"
#include "tnl-gso/ports/netdev-stt.h"
#include "tnl-gso/core/tnl-gso-port.h"
#include "tnl-gso/tnl-gso.h"
#include "util.h"

/* STT, push to pop: what a push makes of a packet, field by field; what a port
 * cuts that into, compared with the reference, to which it is TCP; and whether
 * a pop of the segments, in any order, gives back what was pushed.  What a pop
 * refuses is in test-stt-pop.c, odd packets for a push in test-stt-push.c.
 *
 * The headers are put together here, from facts about STT, by offsets. */

/* A port that cuts nothing, and records what leaves. */
static struct ref_frames wire;

static int
record(struct netdev *netdev OVS_UNUSED, int qid OVS_UNUSED,
       struct dp_packet_batch *batch, bool concurrent_txq OVS_UNUSED)
{
    struct dp_packet *p;

    DP_PACKET_BATCH_FOR_EACH (i, p, batch) {
        wire.v = xrealloc(wire.v, (wire.n + 1) * sizeof *wire.v);
        wire.v[wire.n++] = (struct ref_frame) {
            .data = xmemdup(dp_packet_data(p), dp_packet_size(p)),
            .len = dp_packet_size(p),
        };
    }
    dp_packet_delete_batch(batch, true);
    return 0;
}

static const struct netdev_class recorder = { .type = "test", .send = record };

/* Sends 'p' to a port with 'mtu' and stores what leaves in '*frames'. */
void
stt_send_on(struct dp_packet *p, uint32_t mtu, struct ref_frames *frames)
{
    struct netdev netdev = {
        .name = CONST_CAST(char *, "test"),
        .netdev_class = &recorder,
    };
    struct dp_packet_batch batch;

    netdev.tnl_gso = tnl_gso_port_new(&netdev);
    atomic_store_relaxed(&netdev.tnl_gso->mtu, mtu);
    wire = (struct ref_frames) { .n = 0 };
    dp_packet_batch_init_packet(&batch, p);
    ovs_assert(!tnl_gso_send(&netdev, 0, &batch, false));
    dp_packet_batch_destroy(&batch);
    tnl_gso_port_free(netdev.tnl_gso);
    *frames = wire;
}

size_t
stt_outer_len(int version)
{
    return 14 + (version == 4 ? 20 : 40);
}

/* The header for a push. */
void
stt_put_template(struct ovs_action_push_tnl *data, int version)
{
    uint8_t *h = (uint8_t *) data->header;
    size_t tcp = stt_outer_len(version);

    *data = (struct ovs_action_push_tnl) {
        .tnl_type = OVS_VPORT_TYPE_STT,
        .header_len = tcp + TCP_LEN + STT_LEN,
    };
    memset(h, 0, data->header_len);
    memset(h, 0x02, 12);
    if (version == 4) {
        ref_put16(h + 12, 0x0800);
        h[14] = 0x45;
        ref_put16(h + 20, 0x4000);
        h[22] = 64;
        h[23] = 6;
        ref_put32(h + 26, 0xc0000201);
        ref_put32(h + 30, 0xc0000202);
    } else {
        ref_put16(h + 12, 0x86dd);
        h[14] = 0x60;
        h[20] = 6;
        h[21] = 64;
        memset(h + 22, 0x20, 32);
        h[53] = 0x21;
    }
    ref_put16(h + tcp + 2, PORT);
    h[tcp + 12] = 0x50;
    h[tcp + 13] = 0x18;
    ref_put16(h + tcp + 14, 0xffff);
    ref_put32(h + tcp + TCP_LEN + 8, KEY >> 32);
    ref_put32(h + tcp + TCP_LEN + 12, KEY & UINT32_MAX);
}

static void
as_it_is(struct pkt_row *row OVS_UNUSED)
{
}

static void
ipv6(struct pkt_row *row)
{
    row->inner.version = 6;
}

static void
udp(struct pkt_row *row)
{
    row->udp = true;
}

static void
udp6(struct pkt_row *row)
{
    row->udp = true;
    row->inner.version = 6;
}

static void
vlan(struct pkt_row *row)
{
    row->inner.n_vlans = 1;
}

static void
vlan6(struct pkt_row *row)
{
    row->inner.n_vlans = 1;
    row->inner.version = 6;
}

static void
qinq(struct pkt_row *row)
{
    row->inner.n_vlans = 2;
}

static void
options(struct pkt_row *row)
{
    row->inner.ipopt = 40;
    row->tcp_opt = 40;
}

static void
extensions(struct pkt_row *row)
{
    row->inner.version = 6;
    row->inner.ext = PKT_EXT_HOPOPTS | PKT_EXT_SRH;
}

static void
mpls(struct pkt_row *row)
{
    row->inner.n_mpls = 1;
}

static void
largest(struct pkt_row *row)
{
    row->payload = 65000;
}

static void
odd(struct pkt_row *row)
{
    row->payload = 1400 * 7 + 1;
}

static const struct push_row push_rows[] = {
    { "TCP", as_it_is, true, 4, PARTIAL | IPV4 | TCP, 34, false, false },
    { "TCP", as_it_is, true, 6, PARTIAL | IPV4 | TCP, 34, false, false },
    { "TCP", as_it_is, false, 4, PARTIAL | IPV4 | TCP, 34, false, false },
    { "TCP, good", as_it_is, false, 4, VERIFIED, 0, false, true },
    { "TCP, IPv6", ipv6, true, 4, PARTIAL | TCP, 54, false, false },
    { "TCP, IPv6", ipv6, true, 6, PARTIAL | TCP, 54, false, false },
    { "TCP, IPv6", ipv6, false, 6, PARTIAL | TCP, 54, false, false },
    { "UDP", udp, false, 4, PARTIAL | IPV4, 34, false, false },
    { "UDP, IPv6", udp6, false, 4, PARTIAL, 54, false, false },
    { "UDP, good", udp, false, 4, VERIFIED, 0, false, true },
    { "VLAN", vlan, true, 4, PARTIAL | IPV4 | TCP, 34, true, false },
    { "VLAN", vlan, false, 6, PARTIAL | IPV4 | TCP, 34, true, false },
    { "VLAN, IPv6", vlan6, true, 6, PARTIAL | TCP, 54, true, false },
    { "VLAN, good", vlan, false, 4, VERIFIED, 0, true, true },
    { "two VLANs", qinq, false, 4, VERIFIED, 0, false, false },
    { "options", options, true, 4, PARTIAL | IPV4 | TCP, 74, false, false },
    { "extension headers", extensions, true, 4, PARTIAL | TCP, 54 + 8 + 56,
      false, false },
    { "MPLS", mpls, false, 4, VERIFIED, 0, false, false },
    { "largest", largest, true, 4, PARTIAL | IPV4 | TCP, 34, false, false },
    { "last segment of a byte", odd, true, 4, PARTIAL | IPV4 | TCP, 34, false,
      false },
};

const struct push_row stt_tcp_row = {
    "TCP", as_it_is, true, 4, PARTIAL | IPV4 | TCP, 34, false, false
};

const struct push_row stt_udp_row = {
    "UDP", udp, false, 4, PARTIAL | IPV4, 34, false, false
};

const struct push_row stt_udp6_row = {
    "UDP, IPv6", udp6, false, 4, PARTIAL, 54, false, false
};

const struct push_row stt_tcp6_row = {
    "TCP", ipv6, true, 6, PARTIAL | TCP, 54, false, false
};

/* The frame of 'row', with right lengths and all checksums but those that are
 * partial. */
uint8_t *
stt_build_inner(const struct push_row *row, struct ref_job *job, size_t *len)
{
    struct ref_layout l;
    struct pkt_row pkt;
    uint8_t *frame;

    pkt_row_init(&pkt, REF_PLAIN);
    pkt.mss = 1400;
    pkt.payload = row->super ? 20000 : 700;
    pkt.seed = 1;
    row->change(&pkt);
    *job = pkt_job(&pkt);
    frame = pkt_build_frame(&pkt, len);
    ovs_assert(!ref_parse(frame, *len, REF_PLAIN, &l));
    if (l.inner.version == 4) {
        size_t ip = l.inner.ofs;

        ref_put16(frame + ip + 2, *len - ip);
        ref_put16(frame + ip + 10, 0);
        ref_put16(frame + ip + 10, ref_csum(frame + ip, l.inner.l4 - ip));
    } else {
        ref_put16(frame + l.inner.ofs + 4, *len - l.inner.ofs - 40);
    }
    if (job->udp) {
        ref_put16(frame + l.inner.l4 + 4, *len - l.inner.l4);
    }
    return frame;
}

/* Turns 'frame' into what an STT frame has behind its header. */
static void
settle_inner(const struct push_row *row, const struct ref_job *job,
             uint8_t *frame, size_t *len, uint16_t *tci)
{
    struct ref_layout l;

    ovs_assert(!ref_parse(frame, *len, REF_PLAIN, &l));
    if (row->flags & PARTIAL) {
        ref_put16(frame + l.l4_csum,
                  ref_partial_csum(frame, *len, &l.inner));
    } else {
        struct ref_frames settled;

        ovs_assert(!ref_cut(frame, *len, job, UINT16_MAX, &settled));
        memcpy(frame, settled.v->data, *len);
        ref_frames_destroy(&settled);
    }
    *tci = 0;
    if (row->vlan) {
        *tci = (ref_get16(frame + 14) & ~0x1000) | 0x1000;
        memmove(frame + 12, frame + 16, *len - 16);
        *len -= 4;
    }
}

/* The STT frame that 'p' must be, by 'row', 'inner' and 'tci'; random fields
 * come from 'p'. */
static uint8_t *
expected_stt(const struct push_row *row, const struct dp_packet *p,
             const uint8_t *inner, size_t inner_len, uint16_t tci,
             uint16_t mss)
{
    size_t tcp = stt_outer_len(row->outer);
    size_t total = STT_LEN + inner_len;
    const uint8_t *got = dp_packet_data(p);
    struct ovs_action_push_tnl data;
    uint8_t *e;

    stt_put_template(&data, row->outer);
    e = xmalloc(data.header_len + inner_len);
    memcpy(e, data.header, data.header_len);
    ref_put16(e + (row->outer == 4 ? 16 : 18),
              TCP_LEN + total + (row->outer == 4 ? 20 : 0));
    memcpy(e + tcp, got + tcp, 2);              /* Source port. */
    ref_put32(e + tcp + 4, total << 16);
    memcpy(e + tcp + 8, got + tcp + 8, 4);      /* Frame ID. */
    e[tcp + TCP_LEN + 1] = row->flags;
    e[tcp + TCP_LEN + 2] = row->l4_ofs;
    ref_put16(e + tcp + TCP_LEN + 4, mss);
    ref_put16(e + tcp + TCP_LEN + 6, tci);
    memcpy(e + data.header_len, inner, inner_len);
    return e;
}

/* A packet as a port receives it. */
struct dp_packet *
stt_received(const void *frame, size_t len)
{
    struct dp_packet *p = dp_packet_new_with_headroom(len, 128);
    struct flow flow;

    dp_packet_put(p, frame, len);
    flow_extract(p, &flow);
    return p;
}

/* Pops 'frames', the last ones first. */
static struct dp_packet *
pop_backwards(const struct ref_frames *frames, size_t *n_out)
{
    struct dp_packet *result = NULL;

    *n_out = 0;
    for (size_t i = frames->n; i-- > 0; ) {
        struct dp_packet *p;

        p = netdev_stt_pop_header(stt_received(frames->v[i].data,
                                           frames->v[i].len));
        if (p) {
            dp_packet_delete(result);
            result = p;
            ++*n_out;
        }
    }
    return result;
}

static char *
compare_bytes(const char *what, const void *got, size_t got_len,
              const void *expected, size_t expected_len)
{
    for (size_t i = 0; i < MIN(got_len, expected_len); i++) {
        if (((const uint8_t *) got)[i] != ((const uint8_t *) expected)[i]) {
            return xasprintf("%s: byte %"PRIuSIZE" is %02x, not %02x", what, i,
                             ((const uint8_t *) got)[i],
                             ((const uint8_t *) expected)[i]);
        }
    }
    return (got_len != expected_len
            ? xasprintf("%s: %"PRIuSIZE" bytes, not %"PRIuSIZE, what, got_len,
                        expected_len)
            : NULL);
}

/* What has been popped as 'p' must be cut into what the reference makes of
 * 'frame'.  Takes ownership of 'p'. */
static char *
compare_popped(const struct push_row *row, struct dp_packet *p,
               const uint8_t *frame, size_t len, const struct ref_job *job)
{
    const struct flow_tnl *tnl = &p->md.tunnel;
    struct ref_frames expected;
    struct ref_frames got;
    char *error = NULL;
    struct flow flow;

    EXPECT(ntohll(tnl->tun_id) == KEY, true);
    EXPECT(tnl->flags & FLOW_TNL_F_KEY, FLOW_TNL_F_KEY);
    EXPECT(ntohs(tnl->tp_dst), PORT);
    EXPECT(dp_packet_get_tso_segsz(p), row->super ? job->mss : 0);
    EXPECT(dp_packet_l4_checksum_partial(p), (row->flags & PARTIAL) != 0);
    tnl_gso_pop_finish(NULL, p);
    flow_extract(p, &flow);
    stt_send_on(p, 0, &got);
    ovs_assert(!ref_cut(frame, len, job, row->super ? job->mss : UINT16_MAX,
                        &expected));
    EXPECT(got.n, expected.n);
    for (size_t i = 0; i < got.n && !error; i++) {
        error = compare_bytes("in the end", got.v[i].data, got.v[i].len,
                              expected.v[i].data, expected.v[i].len);
    }
    ref_frames_destroy(&got);
    ref_frames_destroy(&expected);
    return error;
}

static char *
push_and_pop(const struct push_row *row, uint32_t mtu)
{
    size_t tcp = stt_outer_len(row->outer);
    struct ref_job stt_job = { .encap = REF_PLAIN };
    struct ref_frames segments;
    struct ref_frames got;
    struct ovs_action_push_tnl data;
    struct dp_packet *p;
    struct ref_job job;
    uint8_t *frame, *inner, *stt;
    size_t frame_len, inner_len, stt_len, n;
    char *error = NULL;
    uint16_t tci;

    frame = stt_build_inner(row, &job, &frame_len);
    inner = xmemdup(frame, frame_len);
    inner_len = frame_len;
    settle_inner(row, &job, inner, &inner_len, &tci);

    if (row->good) {
        struct ref_frames settled;

        ovs_assert(!ref_cut(frame, frame_len, &job, UINT16_MAX, &settled));
        memcpy(frame, settled.v->data, frame_len);
        ref_frames_destroy(&settled);
        job.l4_done = true;
    }
    p = pkt_from_job(frame, frame_len, &job);
    if (!row->super) {
        dp_packet_set_tso_segsz(p, 0);
        p->uso_segsz = 0;
    }
    job.l4_done = false;

    stt_put_template(&data, row->outer);
    EXPECT(!row->super || netdev_stt_takes_super(p), true);
    netdev_stt_push_header(NULL, NULL, p, &data);
    stt = expected_stt(row, p, inner, inner_len, tci,
                       row->super ? job.mss : 0);
    stt_len = tcp + TCP_LEN + STT_LEN + inner_len;
    if (!error) {
        error = compare_bytes("pushed", dp_packet_data(p), dp_packet_size(p),
                              stt, stt_len);
    }
    EXPECT(netdev_stt_is_frame(p), true);

    stt_job.mss = mtu - (tcp - 14) - TCP_LEN;
    stt_send_on(p, mtu, &got);
    ovs_assert(!ref_cut(stt, stt_len, &stt_job, stt_job.mss, &segments));
    EXPECT(got.n, segments.n);
    for (size_t i = 0; i < got.n && !error; i++) {
        error = compare_bytes("segment", got.v[i].data, got.v[i].len,
                              segments.v[i].data, segments.v[i].len);
    }

    /* The reference's, so that no mistake is undone by another one. */
    p = pop_backwards(&segments, &n);
    EXPECT(n, 1);
    EXPECT(netdev_stt_pop_end(), segments.n - 1);
    if (!error) {
        error = compare_popped(row, p, frame, frame_len, &job);
    } else {
        dp_packet_delete(p);
    }
    ref_frames_destroy(&got);
    ref_frames_destroy(&segments);
    free(frame);
    free(inner);
    free(stt);
    return error;
}

/* All three marks of an encapsulation tell a frame from other tunnels. */
static void
test_is_frame(void)
{
    for (uint32_t i = 0; i < 8; i++) {
        struct dp_packet p = {
            .offloads = ((i & 1 ? DP_PACKET_OL_STT : 0)
                         | (i & 2 ? DP_PACKET_OL_TUNNEL_VXLAN : 0)
                         | (i & 4 ? DP_PACKET_OL_TUNNEL_GENEVE : 0)),
        };
        char *error = NULL;

        EXPECT(netdev_stt_is_frame(&p), i == 1);
        test_case(error, "stt: a frame, marks %"PRIu32, i);
    }
}

void
test_stt(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    static const uint32_t mtus[] = { 576 + 40, 1280, 1500, 9000, 65535 };

    for (size_t i = 0; i < ARRAY_SIZE(push_rows); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(mtus); j++) {
            const struct push_row *row = &push_rows[i];

            test_case(push_and_pop(row, mtus[j]),
                      "stt %s%s over IPv%d, mtu %"PRIu32, row->name,
                      row->super ? ", superpacket" : "", row->outer, mtus[j]);
        }
    }
    test_is_frame();
    test_stt_push();
    test_stt_pop();
}
