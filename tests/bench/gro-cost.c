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

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cost.h"
#include "csum.h"
#include "dp-packet.h"
#include "dummy.h"
#include "flow.h"
#include "netdev-provider.h"
#include "netdev-vport.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "smap.h"
#include "tnl-gso/core/tnl-gro-feedback.h"
#include "tnl-gso/tnl-gso.h"
#include "userspace-tso.h"
#include "util.h"

/* What it costs packets that never merge that merging is on: to be counted by
 * callgrind from outside (run-callgrind), with collection on in measured()
 * only.
 *
 * Packets in VXLAN over IPv4, as a kernel port hands them over: the outer
 * checksum is known to be good.  Inside is UDP, or TCP in packets of 64 bytes,
 * each of another connection.  The path is that of a batch in the datapath but
 * for its tables: extract the flow of each, take the tunnel's header off,
 * extract it again, send. */

enum { WARM_UP = 64, MEASURED = 64, MAX_BATCH = 32 };
enum { OUTER_LEN = (ETH_HEADER_LEN + IP_HEADER_LEN + UDP_HEADER_LEN
                    + sizeof(struct vxlanhdr)) };

static struct netdev *tunnel;
static struct netdev *port;

void measured(struct dp_packet_batch *);

static inline void
way(struct dp_packet_batch *batch)
{
    struct dp_packet *p;
    struct flow flow;

    DP_PACKET_BATCH_FOR_EACH (i, p, batch) {
        flow_extract(p, &flow);
    }
    tnl_gso_pop_prepare(tunnel, batch);
    netdev_pop_header(tunnel, batch);
    DP_PACKET_BATCH_FOR_EACH (i, p, batch) {
        flow_extract(p, &flow);
    }
    netdev_send(port, 0, batch, false);
}

__attribute__((noinline)) void
measured(struct dp_packet_batch *batch)
{
    way(batch);
}

/* Returns packet 'i' of a batch. */
static struct dp_packet *
build(bool tcp, int i)
{
    size_t inner_len = tcp ? 64 : 1400;
    size_t l4_len = inner_len - ETH_HEADER_LEN - IP_HEADER_LEN;
    size_t len = OUTER_LEN + inner_len;
    struct dp_packet *p = dp_packet_new_with_headroom(len, 128);
    char *data = dp_packet_put_zeros(p, len);
    size_t udp_len = len - ETH_HEADER_LEN - IP_HEADER_LEN;
    struct udp_header *udp = (void *) (put_ip(data, IPPROTO_UDP, udp_len, i)
                                       + 1);
    struct vxlanhdr *vxlan = (void *) (udp + 1);
    struct ip_header *ip;

    udp->udp_dst = htons(4789);
    udp->udp_len = htons(udp_len);
    udp->udp_csum = htons(0xffff);
    put_16aligned_be32(&vxlan->vx_flags, htonl(VXLAN_FLAGS));
    put_16aligned_be32(&vxlan->vx_vni, htonl(5 << 8));
    ip = put_ip(data + OUTER_LEN, tcp ? IPPROTO_TCP : IPPROTO_UDP, l4_len, i);
    if (tcp) {
        struct tcp_header *th = (void *) (ip + 1);

        th->tcp_src = htons(1024 + i);
        th->tcp_ctl = TCP_CTL(TCP_ACK | TCP_PSH, 5);
        th->tcp_csum = csum_finish(csum_continue(packet_csum_pseudoheader(ip),
                                                 th, l4_len));
    } else {
        struct udp_header *uh = (void *) (ip + 1);

        uh->udp_dst = htons(443);
        uh->udp_len = htons(l4_len);
    }
    return p;
}

/* Sends 'n' batches of 'size' of 'packets'.  With 'look', each of them is
 * looked at, otherwise as Open vSwitch does it. */
static void
run(struct dp_packet *packets[], size_t size, bool look, size_t n,
    void (*path)(struct dp_packet_batch *))
{
    while (n--) {
        struct dp_packet_batch batch;

        dp_packet_batch_init(&batch);
        for (size_t i = 0; i < size; i++) {
            struct dp_packet *p
                = dp_packet_clone_with_headroom(packets[i], 128);

            dp_packet_reset_offload(p);
            dp_packet_ip_checksum_set_good(p);
            dp_packet_l4_proto_set_udp(p);
            dp_packet_l4_checksum_set_good(p);
            dp_packet_batch_add(&batch, p);
        }
        if (look) {
            tnl_gro_effort_looked(&tunnel->tnl_gso->gro_effort, true);
        }
        path(&batch);
        dp_packet_batch_destroy(&batch);
    }
}

int
main(int argc, char *argv[])
{
    struct smap config = SMAP_INITIALIZER(&config);
    struct dp_packet *packets[MAX_BATCH];
    unsigned long long looked, skipped, all;
    struct tnl_gso_stats stats;
    bool tcp, look;
    int size;

    set_program_name(argv[0]);
    if (argc != 4) {
        ovs_fatal(0, "usage: %s udp|tcp off|on|look BATCH", argv[0]);
    }
    tcp = !strcmp(argv[1], "tcp");
    look = !strcmp(argv[2], "look");
    size = atoi(argv[3]);
    ovs_assert(size > 0 && size <= MAX_BATCH);
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    smap_add(&config, "userspace-tso-enable", "true");
    userspace_tso_init(&config);
    smap_clear(&config);

    dummy_enable("system");
    ovs_assert(!netdev_open("p0", "dummy", &port));
    ovs_assert(!netdev_set_mtu(port, 2000));
    ovs_assert(!netdev_open("vxlan0", "vxlan", &tunnel));
    smap_add(&config, "tnl-gro", strcmp(argv[2], "off") ? "true" : "false");
    tnl_gso_tunnel_set_config(tunnel, &config);
    smap_destroy(&config);

    for (int i = 0; i < size; i++) {
        packets[i] = build(tcp, i);
    }
    run(packets, size, look, WARM_UP, way);
    run(packets, size, look, MEASURED, measured);
    printf("%d\n", MEASURED * size);

    /* Nothing has merged, and what was to be looked at has been. */
    tnl_gso_stats_get(tunnel->tnl_gso, &stats);
    looked = stats.gro_units[tcp ? TNL_GRO_FIRST : TNL_GRO_R_NOT_TCP];
    skipped = stats.gro_skipped;
    all = strcmp(argv[2], "off") && size > 1 ? (WARM_UP + MEASURED) * size : 0;
    ovs_assert(!stats.gro_units[TNL_GRO_JOINED]);
    ovs_assert(looked + skipped == all
               && (skipped > 0) == (all && !look));

    for (int i = 0; i < size; i++) {
        dp_packet_delete(packets[i]);
    }
    netdev_close(tunnel);
    netdev_close(port);
    return 0;
}
