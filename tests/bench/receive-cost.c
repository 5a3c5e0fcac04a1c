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
#include "flow.h"
#include "netdev.h"
#include "netdev-provider.h"
#include "netdev-vport.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "smap.h"
#include "tnl-gso/tnl-gso.h"
#include "util.h"

/* What it costs to take VXLAN headers off what a VM gets: to be counted by
 * callgrind from outside (run-callgrind), with collection on in measured()
 * only.
 *
 * A train of 1,400-byte segments, or one of them, as a kernel port hands it
 * over: the outer checksum is known to be good. */

enum { WARM_UP = 8, MEASURED = 64, MSS = 1400, MAX_UNITS = 40 };
enum { OUTER_LEN = ETH_HEADER_LEN + IP_HEADER_LEN + UDP_HEADER_LEN };
enum { HDRS_LEN = (sizeof(struct vxlanhdr) + ETH_HEADER_LEN + IP_HEADER_LEN
                   + TCP_HEADER_LEN) };
enum { UNIT_LEN = HDRS_LEN + MSS };

void measured(struct netdev *, struct dp_packet_batch *);

__attribute__((noinline)) void
measured(struct netdev *tunnel, struct dp_packet_batch *batch)
{
    tnl_gso_pop_prepare(tunnel, batch);
    netdev_pop_header(tunnel, batch);
}

/* Writes unit 'i' of a train at 'p'. */
static void
put_unit(char *p, int i, bool remote)
{
    struct vxlanhdr *vxlan = (void *) p;
    size_t tcp_len = TCP_HEADER_LEN + MSS;
    struct ip_header *ip = put_ip(p + sizeof *vxlan, IPPROTO_TCP, tcp_len, i);
    struct tcp_header *tcp = (void *) (ip + 1);
    uint32_t pseudo = packet_csum_pseudoheader(ip);

    put_16aligned_be32(&vxlan->vx_flags, htonl(VXLAN_FLAGS
                                               | (remote ? 0x200000 : 0)));
    put_16aligned_be32(&vxlan->vx_vni, htonl(5 << 8 | (remote ? 0x11 : 0)));
    put_16aligned_be32(&tcp->tcp_seq, htonl(i * MSS));
    tcp->tcp_ctl = TCP_CTL(TCP_ACK, 5);
    memset(tcp + 1, i, MSS);
    tcp->tcp_csum = (remote ? ~csum_finish(pseudo)
                     : csum_finish(csum_continue(pseudo, tcp, tcp_len)));
}

static struct dp_packet *
build(int n_units, bool remote)
{
    size_t len = UDP_HEADER_LEN + n_units * UNIT_LEN;
    struct dp_packet *p = dp_packet_new_with_headroom(OUTER_LEN - 8 + len,
                                                      128);
    char *data = dp_packet_put_zeros(p, OUTER_LEN - 8 + len);
    struct udp_header *udp = (void *) (put_ip(data, IPPROTO_UDP, len, 0) + 1);
    struct flow flow;

    udp->udp_dst = htons(4789);
    udp->udp_len = htons(len);
    udp->udp_csum = htons(0xffff);
    for (int i = 0; i < n_units; i++) {
        put_unit(data + OUTER_LEN + i * UNIT_LEN, i, remote);
    }
    flow_extract(p, &flow);
    p->uso_segsz = n_units > 1 ? UNIT_LEN : 0;
    dp_packet_ip_checksum_set_good(p);
    dp_packet_l4_proto_set_udp(p);
    dp_packet_l4_checksum_set_good(p);
    return p;
}

static void
receive(struct netdev *tunnel, const struct dp_packet *p, bool remote,
        int n, void (*pop)(struct netdev *, struct dp_packet_batch *))
{
    for (int i = 0; i < n; i++) {
        struct dp_packet *q = dp_packet_clone_with_headroom(p, 128);
        struct dp_packet_batch batch;

        q->offloads = p->offloads;
        q->uso_segsz = p->uso_segsz;
        dp_packet_batch_init_packet(&batch, q);
        pop(tunnel, &batch);
        ovs_assert(dp_packet_batch_size(&batch) == 1);
        q = batch.packets[0];
        ovs_assert(dp_packet_l4_checksum_partial(q) == (p->uso_segsz
                                                        || remote));
        dp_packet_delete_batch(&batch, true);
        dp_packet_batch_destroy(&batch);
    }
}

static void
not_measured(struct netdev *tunnel, struct dp_packet_batch *batch)
{
    tnl_gso_pop_prepare(tunnel, batch);
    netdev_pop_header(tunnel, batch);
}

int
main(int argc, char *argv[])
{
    struct netdev_tunnel_config config = { .dst_port = htons(4789) };
    struct ds errors = DS_EMPTY_INITIALIZER;
    struct smap args = SMAP_INITIALIZER(&args);
    struct netdev *tunnel;
    struct dp_packet *p;
    bool remote;
    int n_units;

    set_program_name(argv[0]);
    if (argc != 3) {
        ovs_fatal(0, "usage: %s remote|complete SEGMENTS", argv[0]);
    }
    remote = !strcmp(argv[1], "remote");
    n_units = atoi(argv[2]);
    ovs_assert(n_units > 0 && n_units <= MAX_UNITS);
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);

    netdev_vport_tunnel_register();
    ovs_assert(!netdev_open("vxlan0", "vxlan", &tunnel));
    config.rco_rx = remote;
    ovs_assert(!tnl_rco_check_config(tunnel, &args, &config, &errors));

    p = build(n_units, remote);
    receive(tunnel, p, remote, WARM_UP, not_measured);
    receive(tunnel, p, remote, MEASURED, measured);
    printf("%d\n", MEASURED * n_units);

    dp_packet_delete(p);
    netdev_close(tunnel);
    return 0;
}
