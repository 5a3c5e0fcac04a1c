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

#include "stt-lifecycle-ports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dp-packet.h"
#include "flow.h"
#include "netdev-native-tnl.h"
#include "netdev-provider.h"
#include "odp-netlink.h"
#include "packets.h"
#include "stt-lifecycle.h"
#include "tnl-gso-ref.h"
#include "tnl-gso/ports/netdev-stt.h"
#include "tnl-gso/stages/tnl-gso-plan.h"
#include "tnl-gso/core/tnl-gso-port.h"
#include "tnl-gso/tnl-gso.h"
#include "util.h"

/* The ports and the pushes of stt-lifecycle.c, and what must be true of every
 * packet that a port gets. */

enum { PORT = 7471 };

void
life_fail(const char *what, const void *data, size_t len)
{
    fprintf(stderr, "%s\n", what);
    if (data) {
        ovs_hex_dump(stderr, data, MIN(len, 256), 0, false);
    }
    abort();
}

/* Ports. */

/* What the packets that a port gets next must be. */
static struct {
    bool ours;                  /* Their checksums were ours to complete. */
    uint32_t mtu;               /* And the MTU to care for; 0: none. */
} expected;

struct ref_frames *life_wire;

static void
judge(const struct dp_packet *p, uint64_t ol_flags)
{
    const uint8_t *frame = dp_packet_data(p);
    size_t len = dp_packet_size(p);
    enum ref_encap encap = (dp_packet_tunnel_vxlan(p) ? REF_VXLAN
                            : dp_packet_tunnel_geneve(p) ? REF_GENEVE
                            : REF_PLAIN);
    const char *error;

    if (ol_flags) {
        return;
    }
    if (tnl_gso_is_super(p)) {
        life_fail("a superpacket for a port that cuts nothing", frame, len);
    }
    if (dp_packet_ip_checksum_partial(p) || dp_packet_l4_checksum_partial(p)
        || dp_packet_inner_ip_checksum_partial(p)
        || dp_packet_inner_l4_checksum_partial(p)) {
        life_fail("a partial checksum for a port that completes none", frame,
                  len);
    }
    if (expected.mtu && len > expected.mtu + VLAN_ETH_HEADER_LEN) {
        life_fail("longer than the MTU", frame, len);
    }
    if (expected.ours) {
        error = ref_check(frame, len, &(struct ref_job) { .encap = encap });
        if (error) {
            life_fail(error, frame, len);
        }
    }
    if (life_wire) {
        struct ref_frames *wire = life_wire;

        wire->v = xrealloc(wire->v, (wire->n + 1) * sizeof *wire->v);
        wire->v[wire->n++] = (struct ref_frame) { xmemdup(frame, len), len };
    }
}

static int
port_send(struct netdev *netdev, int qid OVS_UNUSED,
          struct dp_packet_batch *batch, bool concurrent_txq OVS_UNUSED)
{
    struct dp_packet *p;

    DP_PACKET_BATCH_FOR_EACH (i, p, batch) {
        stt_lifecycle_stats.sent++;
        judge(p, netdev->ol_flags);
    }
    dp_packet_delete_batch(batch, true);
    return 0;
}

static const struct netdev_class port_class = {
    .type = "test",
    .send = port_send,
};
static const struct netdev_class stt_class = {
    .type = "stt",
    .push_header = netdev_stt_push_header,
    .pop_header = netdev_stt_pop_header,
};
static const struct netdev_class vxlan_class = {
    .type = "vxlan",
    .push_header = netdev_tnl_push_udp_header,
};

#define CSUMS (NETDEV_TX_OFFLOAD_IPV4_CKSUM | NETDEV_TX_OFFLOAD_TCP_CKSUM \
               | NETDEV_TX_OFFLOAD_UDP_CKSUM)
struct netdev life_plain, life_stt;
static struct netdev sums, cuts, vxlan_dev;

static void
port_init(struct netdev *netdev, const char *name,
          const struct netdev_class *class, uint64_t ol_flags)
{
    netdev->name = CONST_CAST(char *, name);
    netdev->netdev_class = class;
    netdev->ol_flags = ol_flags;
    netdev->tnl_gso = tnl_gso_port_new(netdev);
}

void
life_ports_init(void)
{
    if (!life_plain.tnl_gso) {
        port_init(&life_plain, "plain", &port_class, 0);
        port_init(&sums, "sums", &port_class, CSUMS);
        port_init(&cuts, "cuts", &port_class,
                  CSUMS | NETDEV_TX_OFFLOAD_TCP_TSO);
        port_init(&life_stt, "stt", &stt_class, 0);
        port_init(&vxlan_dev, "vxlan", &vxlan_class, 0);
    }
}

/* Sends 'batch' as netdev_send() does, when there has been STT.  Is a packet
 * 'ours', and is it to care for the MTU? */
void
life_send_batch(struct netdev *netdev, struct dp_packet_batch *batch,
                uint32_t mtu, bool ours, bool fits)
{
    struct dp_packet *p;

    atomic_store_relaxed(&netdev->tnl_gso->mtu, mtu);
    expected.ours = ours;
    expected.mtu = fits ? mtu : 0;
    if (tnl_gso_batch_has_super(batch)) {
        tnl_gso_send(netdev, 0, batch, false);
    } else {
        DP_PACKET_BATCH_FOR_EACH (i, p, batch) {
            dp_packet_ol_send_prepare(p, netdev->ol_flags);
        }
        port_send(netdev, 0, batch, false);
    }
    dp_packet_batch_destroy(batch);
}

void
life_send(struct netdev *netdev, struct dp_packet *p, uint32_t mtu, bool ours,
          bool fits)
{
    struct dp_packet_batch batch;

    dp_packet_batch_init_packet(&batch, p);
    life_send_batch(netdev, &batch, mtu, ours, fits);
}

/* Pushes. */

size_t
life_outer_len(bool v6)
{
    return 14 + (v6 ? 40 : 20);
}

/* Ethernet and IP headers of a tunnel. */
void
life_put_ip(uint8_t *h, bool v6, uint8_t proto, uint8_t tos)
{
    memset(h, 0, life_outer_len(v6));
    memset(h, 0x02, 12);
    if (v6) {
        ref_put16(h + 12, 0x86dd);
        ref_put32(h + 14, 6u << 28 | tos << 20);
        h[20] = proto;
        h[21] = 64;
        memset(h + 22, 0x20, 32);
        h[53] = 0x21;
    } else {
        ref_put16(h + 12, 0x0800);
        h[14] = 0x45;
        h[15] = tos;
        h[22] = 64;
        h[23] = proto;
        ref_put32(h + 26, 0xc0000201);
        ref_put32(h + 30, 0xc0000202);
    }
}

void
life_put_tcp(uint8_t *tcp)
{
    memset(tcp, 0, TCP_LEN);
    ref_put16(tcp + 2, PORT);
    tcp[12] = 0x50;
    tcp[13] = 0x18;
    ref_put16(tcp + 14, 0xffff);
}

void
life_stt_template(struct ovs_action_push_tnl *data, bool v6)
{
    uint8_t *h = (uint8_t *) data->header;
    size_t tcp = life_outer_len(v6);

    *data = (struct ovs_action_push_tnl) {
        .tnl_type = OVS_VPORT_TYPE_STT,
        .header_len = tcp + TCP_LEN + STT_LEN,
    };
    life_put_ip(h, v6, 6, 0);
    life_put_tcp(h + tcp);
    memset(h + tcp + TCP_LEN, 0, STT_LEN);
}

static void
vxlan_template(struct ovs_action_push_tnl *data, bool v6, bool csum)
{
    uint8_t *h = (uint8_t *) data->header;
    size_t udp = life_outer_len(v6);

    *data = (struct ovs_action_push_tnl) {
        .tnl_type = OVS_VPORT_TYPE_VXLAN,
        .header_len = udp + 16,
    };
    life_put_ip(h, v6, 17, 0);
    memset(h + udp, 0, 16);
    ref_put16(h + udp + 2, 4789);
    ref_put16(h + udp + 6, csum ? 0xffff : 0);
    h[udp + 8] = 0x08;
}

void
life_push(struct netdev *netdev, struct dp_packet_batch *batch,
          const struct ovs_action_push_tnl *data)
{
    stt_lifecycle_stats.pushed += dp_packet_batch_size(batch);
    netdev_push_header(netdev, NULL, batch, data);
}

/* Is what has been pushed into STT cut so that it fits into 'mtu'?  What any
 * path takes whole is not cut, in one tunnel more or less. */
bool
life_will_fit(uint32_t mtu)
{
    return mtu >= STT_MIN_MSS + 164;
}

/* The rest of the life of 'p', which stays the caller's. */
void
life_live(struct dp_packet *p, uint32_t mtu)
{
    struct netdev *ports[] = { &life_plain, &sums, &cuts };
    bool v6 = mtu & 1;
    struct ovs_action_push_tnl stt, vxlan;
    struct dp_packet_batch batch;
    struct dp_packet *c;
    struct flow flow;

    flow_extract(p, &flow);
    life_stt_template(&stt, v6);
    vxlan_template(&vxlan, !v6, mtu & 2);
    for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
        life_send(ports[i], dp_packet_clone(p), mtu, false, false);

        dp_packet_batch_init_packet(&batch, dp_packet_clone(p));
        life_push(&life_stt, &batch, &stt);
        life_send_batch(ports[i], &batch, mtu, true, life_will_fit(mtu));

        dp_packet_batch_init_packet(&batch, dp_packet_clone(p));
        life_push(&vxlan_dev, &batch, &vxlan);
        life_send_batch(ports[i], &batch, mtu, false, false);

        dp_packet_batch_init_packet(&batch, dp_packet_clone(p));
        life_push(&life_stt, &batch, &stt);
        life_push(&vxlan_dev, &batch, &vxlan);
        life_send_batch(ports[i], &batch, mtu, false, life_will_fit(mtu));

        dp_packet_batch_init_packet(&batch, dp_packet_clone(p));
        life_push(&life_stt, &batch, &stt);
        life_push(&life_stt, &batch, &stt);
        life_send_batch(ports[i], &batch, mtu, true, life_will_fit(mtu));

        dp_packet_batch_init_packet(&batch, dp_packet_clone(p));
        life_push(&vxlan_dev, &batch, &vxlan);
        life_push(&life_stt, &batch, &stt);
        life_send_batch(ports[i], &batch, mtu, true, life_will_fit(mtu));
    }

    /* Tags and a label between the push and the port. */
    dp_packet_batch_init_packet(&batch, dp_packet_clone(p));
    life_push(&life_stt, &batch, &stt);
    DP_PACKET_BATCH_FOR_EACH (i, c, &batch) {
        eth_push_vlan(c, htons(ETH_TYPE_VLAN_8021Q), htons(0x2001));
        if (mtu & 4) {
            eth_push_vlan(c, htons(ETH_TYPE_VLAN_8021AD), htons(0x2002));
        }
        if (mtu & 8) {
            push_mpls(c, htons(ETH_TYPE_MPLS), htonl(0x00001140));
        }
    }
    life_send_batch(&life_plain, &batch, mtu, true, life_will_fit(mtu));

    /* Less of it. */
    c = dp_packet_clone(p);
    dp_packet_set_cutlen(c, mtu);
    dp_packet_batch_init_packet(&batch, c);
    batch.trunc = true;
    dp_packet_batch_apply_cutlen(&batch);
    life_push(&life_stt, &batch, &stt);
    life_send_batch(&life_plain, &batch, mtu, true, life_will_fit(mtu));
}
