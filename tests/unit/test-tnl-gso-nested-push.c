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

#include "command-line.h"
#include "dp-packet.h"
#include "flow.h"
#include "netdev-vport.h"
#include "odp-netlink.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "test-tnl-gso-nested.h"
#include "test-tnl-gso-port.h"
#include "tnl-gso/core/tnl-gso-buf.h"
#include "tnl-gso/core/tnl-gso-packet.h"
#include "tnl-gso/core/tnl-gso-port.h"
#include "tnl-gso/stages/tnl-gso-execute.h"
#include "tnl-gso/tnl-gso.h"
#include "util.h"

/* Tunnels in tunnels through the real pushes: a superpacket that is cut behind
 * the second one becomes what it does in front of it, byte by byte, and what
 * the reference makes of it; a third push cuts it, and a pop of the second
 * header leaves what there was before. */

/* By encapsulation. */
static struct netdev *tunnels[REF_IPIP + 1];

static void
open_tunnels(void)
{
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    netdev_vport_tunnel_register();
    for (enum ref_encap encap = REF_VXLAN; encap <= REF_IPIP; encap++) {
        const char *type = (encap == REF_IPIP ? "srv6"
                            : pkt_encap_name(encap));
        char *name = xasprintf("nested-%s", type);

        ovs_assert(!netdev_open(name, type, &tunnels[encap]));
        free(name);
    }
}

static void
close_tunnels(void)
{
    for (enum ref_encap encap = REF_VXLAN; encap <= REF_IPIP; encap++) {
        netdev_close(tunnels[encap]);
    }
}

/* Is the header of 't' for IP alone? */
static bool
is_l3(const struct pkt_tunnel *t)
{
    return t->encap == REF_GTPU || t->encap == REF_IPIP;
}

/* Takes the Ethernet header off 'p', which is about to get the header of 't',
 * if that is for IP alone. */
static void
strip(const struct pkt_tunnel *t, struct dp_packet *p)
{
    if (is_l3(t) && dp_packet_is_eth(p)) {
        pop_eth(p);
    }
}

/* Pushes the header of 't' on each packet in 'batch'. */
static void
push(const struct pkt_tunnel *t, struct dp_packet_batch *batch)
{
    static const uint32_t types[][2] = {
        [REF_VXLAN] = { OVS_VPORT_TYPE_VXLAN, OVS_VPORT_TYPE_VXLAN },
        [REF_GENEVE] = { OVS_VPORT_TYPE_GENEVE, OVS_VPORT_TYPE_GENEVE },
        [REF_GRE] = { OVS_VPORT_TYPE_GRE, OVS_VPORT_TYPE_IP6GRE },
        [REF_GTPU] = { OVS_VPORT_TYPE_GTPU, OVS_VPORT_TYPE_GTPU },
        [REF_IPIP] = { OVS_VPORT_TYPE_SRV6, OVS_VPORT_TYPE_SRV6 },
    };
    struct ovs_action_push_tnl data = {
        .tnl_type = types[t->encap][t->level.version == 6],
    };
    struct dp_packet *p;
    struct pkt_row row;
    struct ref_layout l;
    uint8_t *frame;
    size_t len;

    /* The headers of a frame in such a tunnel.  SRv6's say which IP is in
     * it. */
    pkt_row_init(&row, t->encap);
    row.inner.version = *(uint8_t *) dp_packet_l3(batch->packets[0]) >> 4;
    row.csum = t->csum;
    row.gre_key = t->gre_key;
    row.geneve_opt = t->geneve_opt;
    row.outer = t->level;
    row.payload = 0;
    frame = pkt_build_frame(&row, &len);
    ovs_assert(!ref_parse(frame, len, t->encap, &l));
    data.header_len = l.inner.ofs - (is_l3(t) ? 0 : ETH_HEADER_LEN);
    memcpy(data.header, frame, data.header_len);
    free(frame);

    /* The same UDP source port for all. */
    DP_PACKET_BATCH_FOR_EACH (i, p, batch) {
        strip(t, p);
        dp_packet_set_rss_hash(p, 0x12345678);
    }
    netdev_push_header(tunnels[t->encap], NULL, batch, &data);
}

/* Appends the bytes of 'batch', which it takes ownership of, to 'frames'. */
static void
take_frames(struct dp_packet_batch *batch, struct ref_frames *frames)
{
    struct dp_packet *p;

    DP_PACKET_BATCH_FOR_EACH (i, p, batch) {
        dp_packet_ol_send_prepare(p, 0);
        frames->v = xrealloc(frames->v, (frames->n + 1) * sizeof *frames->v);
        frames->v[frames->n++] = (struct ref_frame) {
            .data = xmemdup(dp_packet_data(p), dp_packet_size(p)),
            .len = dp_packet_size(p),
        };
    }
    dp_packet_delete_batch(batch, true);
    dp_packet_batch_destroy(batch);
}

/* Cuts 'p', of which it takes ownership, into ordinary packets if it is not
 * one. */
static void
cut_early(struct dp_packet *p, struct dp_packet_batch *out)
{
    const struct tnl_gso_caps none = { .methods = TNL_GSO_METHODS_ALL };
    struct tnl_gso_desc desc;
    struct tnl_gso_plan plan;

    if (!tnl_gso_is_super(p)) {
        dp_packet_batch_add(out, p);
        return;
    }
    tnl_gso_describe_and_plan(p, &none, &desc, &plan);
    tnl_gso_execute(tunnels[REF_VXLAN], p, &desc, &plan, tnl_gso_alloc_any,
                    out);
}

/* Sends 'p' on a port that takes 'super_flags', and compares what leaves with
 * 'expected'. */
static char *
send_and_compare(struct dp_packet *p, uint64_t super_flags,
                 const struct ref_frames *expected)
{
    struct dp_packet_batch batch;
    char *error = NULL;

    if (!tnl_gso_is_super(p)) {
        dp_packet_ol_send_prepare(p, 0);
    }
    dp_packet_batch_init_packet(&batch, p);
    test_port_open(0, super_flags, 0, -1);
    EXPECT(tnl_gso_send(&test_port.netdev, 0, &batch, false), 0);
    dp_packet_batch_destroy(&batch);
    EXPECT(test_port.wire.n, expected->n);
    if (!error) {
        error = compare_wire_frames(&test_port.wire, expected->v);
    }
    test_port_close();
    return error;
}

/* Cuts 'once', which is in the tunnel 'row->mid', before it gets the header of
 * 'outer', and compares what comes out with 'late'.  Each push has counted the
 * outer IPv4 ID for itself. */
static char *
compare_early(struct dp_packet *once, const struct pkt_tunnel *outer,
              const struct ref_frames *late)
{
    struct ref_frames early = { .n = 0 };
    struct dp_packet_batch batch;
    char *error = NULL;

    dp_packet_batch_init(&batch);
    cut_early(once, &batch);
    push(outer, &batch);
    take_frames(&batch, &early);
    EXPECT(early.n, late->n);
    for (size_t i = 0; i < early.n && !error; i++) {
        uint8_t *ip = early.v[i].data + ETH_HEADER_LEN;

        if (outer->level.version == 4) {
            memcpy(ip + 4, late->v[i].data + ETH_HEADER_LEN + 4, 2);
            ref_put16(ip + 10, 0);
            ref_put16(ip + 10, ref_csum(ip, 20));
        }
    }
    if (!error) {
        error = compare_wire_frames(&early, late->v);
    }
    ref_frames_destroy(&early);
    return error;
}

/* Pushes a third header on 'p', and compares what is behind it with
 * 'expected'. */
static char *
compare_third(struct dp_packet *p, const struct ref_frames *expected)
{
    const struct pkt_tunnel third = {
        .encap = REF_VXLAN,
        .csum = true,
        .level = { .version = 4, .df = true },
    };
    struct ref_frames frames = { .n = 0 };
    struct dp_packet_batch batch;
    char *error = NULL;

    dp_packet_batch_init_packet(&batch, p);
    push(&third, &batch);
    DP_PACKET_BATCH_FOR_EACH (i, p, &batch) {
        EXPECT(tnl_gso_is_super(p), false);
    }
    take_frames(&batch, &frames);
    EXPECT(frames.n, expected->n);
    for (size_t i = 0; i < frames.n; i++) {
        struct ref_frame *f = &frames.v[i];
        size_t behind = f->len - expected->v[i].len;

        ovs_assert(f->len > expected->v[i].len);
        f->len -= behind;
        memmove(f->data, f->data + behind, f->len);
    }
    if (!error) {
        error = compare_wire_frames(&frames, expected->v);
    }
    ref_frames_destroy(&frames);
    return error;
}

/* Pops the header of 'outer' off 'p', and compares what is sent then with what
 * 'once' becomes, which has never had it.  Takes ownership of both. */
static char *
compare_popped(struct dp_packet *p, struct dp_packet *once,
               const struct pkt_tunnel *outer)
{
    struct netdev *tunnel = tunnels[outer->encap];
    uint16_t mss = tnl_gso_segsz(p);
    struct ref_frames expected = { .n = 0 };
    struct dp_packet_batch batch;
    char *error = NULL;
    struct flow flow;

    dp_packet_batch_init(&batch);
    cut_early(once, &batch);
    take_frames(&batch, &expected);

    if (outer->encap == REF_IPIP && !mss) {
        /* SRv6's push leaves L4 at its routing header. */
        flow_extract(p, &flow);
    }
    dp_packet_batch_init_packet(&batch, p);
    EXPECT(tnl_gso_pop_prepare(tunnel, &batch), 0);
    netdev_pop_header(tunnel, &batch);
    EXPECT(dp_packet_batch_size(&batch), 1);
    if (error) {
        dp_packet_delete_batch(&batch, true);
    } else {
        p = batch.packets[0];
        EXPECT(tnl_gso_segsz(p), mss);
        flow_extract(p, &flow);
        if (!error) {
            error = send_and_compare(p, 0, &expected);
        } else {
            dp_packet_delete(p);
        }
    }
    dp_packet_batch_destroy(&batch);
    ref_frames_destroy(&expected);
    return error;
}

/* A packet as 'row' says, in no tunnel. */
static struct dp_packet *
build_inner(const struct pkt_row *row)
{
    struct dp_packet *p;
    struct pkt_row plain;
    struct ref_job job;
    uint8_t *frame;
    size_t len;

    pkt_row_init(&plain, REF_PLAIN);
    plain.inner = row->inner;
    plain.udp = row->udp;
    plain.tcp_opt = row->tcp_opt;
    plain.tcp_flags = row->tcp_flags;
    plain.payload = row->payload;
    plain.mss = row->mss;
    plain.lie = row->lie && row->payload > row->mss;
    plain.seed = row->seed;
    job = pkt_job(&plain);
    frame = pkt_build_frame(&plain, &len);
    if (row->payload <= row->mss) {
        /* An ordinary packet has right lengths. */
        ovs_assert(!ref_settle(frame, len, &job));
    }
    p = pkt_from_job(frame, len, &job);
    free(frame);
    return p;
}

static char *
push_and_compare(const struct pkt_row *row, const struct pkt_tunnel *outer)
{
    struct ref_frames expected;
    struct dp_packet_batch batch;
    struct dp_packet *p, *once;
    char *error = NULL;
    struct ref_job job;

    dp_packet_batch_init_packet(&batch, build_inner(row));
    push(&row->mid, &batch);
    EXPECT(dp_packet_batch_size(&batch), 1);
    strip(outer, batch.packets[0]);
    once = dp_packet_clone(batch.packets[0]);
    push(outer, &batch);
    EXPECT(dp_packet_batch_size(&batch), 1);
    if (error) {
        dp_packet_delete_batch(&batch, true);
        dp_packet_batch_destroy(&batch);
        dp_packet_delete(once);
        return error;
    }

    p = batch.packets[0];
    dp_packet_batch_destroy(&batch);
    if (row->payload > row->mss) {
        EXPECT(tnl_gso_segsz(p), row->mss);
        EXPECT(pkt_marked_encap(p->offloads), row->encap);
        EXPECT(pkt_marked_encap(p->offloads >> DP_PACKET_OL_SHIFT_COUNT),
               row->mid.encap);
    }
    job = pkt_job(row);
    ovs_assert(!ref_cut(dp_packet_data(p), dp_packet_size(p), &job, row->mss,
                        &expected));
    if (!error) {
        error = send_and_compare(dp_packet_clone(p), 0, &expected);
    }
    if (!error) {
        error = send_and_compare(dp_packet_clone(p), TNL_GSO_TX_UDP_GSO,
                                 &expected);
    }
    if (!error) {
        error = compare_third(dp_packet_clone(p), &expected);
    }
    if (!error) {
        error = compare_popped(dp_packet_clone(p), dp_packet_clone(once),
                               outer);
    }
    if (!error) {
        error = compare_early(dp_packet_clone(once), outer, &expected);
    }
    ref_frames_destroy(&expected);
    dp_packet_delete(once);
    dp_packet_delete(p);
    return error;
}

/* Can Open vSwitch push a header of 'encap' behind 'level', with IP directly
 * in it if 'no_eth'?  Of IP in IP, that is SRv6. */
static bool
has_push(enum ref_encap encap, const struct pkt_level *level, bool no_eth)
{
    return encap == REF_IPIP ? level->version == 6 : !no_eth;
}

static void
test_row(const struct pkt_row *orig)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    struct pkt_row row = *orig;
    struct pkt_tunnel outer;

    if (!has_push(row.encap, &row.outer, row.no_eth)
        || !has_push(row.mid.encap, &row.mid.level, row.mid.no_eth)) {
        return;
    }
    row.outer.n_vlans = row.mid.level.n_vlans = 0;
    row.outer.ipopt = row.mid.level.ipopt = 0;
    if (row.encap == REF_GTPU) {
        row.geneve_opt = 0;
    }
    if (row.mid.encap == REF_GTPU) {
        row.mid.geneve_opt = 0;
    }
    if (row.encap == REF_IPIP) {
        row.outer.ext = PKT_EXT_SRH | PKT_EXT_ARRIVED;
    }
    if (row.mid.encap == REF_IPIP) {
        row.mid.level.ext = PKT_EXT_SRH | PKT_EXT_ARRIVED;
    }
    outer = (struct pkt_tunnel) {
        .encap = row.encap,
        .csum = row.csum,
        .gre_key = row.gre_key,
        .geneve_opt = row.geneve_opt,
        .level = row.outer,
    };
    pkt_row_format(&row, &s);
    test_case(push_and_compare(&row, &outer), "nested push: %s", ds_cstr(&s));
    ds_destroy(&s);
}

void
test_nested_push(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    open_tunnels();
    nested_each_row(test_row);
    close_tunnels();
}
