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

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "csum.h"
#include "dp-packet.h"
#include "dummy.h"
#include "flow.h"
#include "netdev.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "smap.h"
#include "userspace-tso.h"
#include "util.h"

/* What netdev_send() costs traffic that holds no superpacket: to be counted by
 * callgrind from outside (run-callgrind), with collection on in measured()
 * only.
 *
 * Compiled against a patched and against an unpatched tree: must not use
 * anything of ours. */

enum { WARM_UP = 64, MEASURED = 1024 };

int measured(struct netdev *, struct dp_packet_batch *);

__attribute__((noinline)) int
measured(struct netdev *netdev, struct dp_packet_batch *batch)
{
    return netdev_send(netdev, 0, batch, false);
}

/* Returns a TCP packet of 'size' bytes that its receiver has marked as
 * 'partial' says: the checksum is still to be completed, or is known to be
 * good. */
static struct dp_packet *
build(size_t size, bool partial)
{
    size_t l4_len = size - ETH_HEADER_LEN - IP_HEADER_LEN;
    struct dp_packet *p = dp_packet_new_with_headroom(size, 128);
    struct eth_header *eth = dp_packet_put_zeros(p, size);
    struct ip_header *ip = (void *) (eth + 1);
    struct tcp_header *tcp = (void *) (ip + 1);
    struct flow flow;

    memset(eth, 0x02, 2 * ETH_ADDR_LEN);
    eth->eth_type = htons(ETH_TYPE_IP);
    ip->ip_ihl_ver = IP_IHL_VER(5, 4);
    ip->ip_tot_len = htons(size - ETH_HEADER_LEN);
    ip->ip_ttl = 64;
    ip->ip_proto = IPPROTO_TCP;
    put_16aligned_be32(&ip->ip_src, htonl(0x0a000001));
    put_16aligned_be32(&ip->ip_dst, htonl(0x0a000002));
    ip->ip_csum = csum(ip, sizeof *ip);
    tcp->tcp_ctl = TCP_CTL(TCP_ACK, 5);
    if (partial) {
        tcp->tcp_csum = ~csum_finish(packet_csum_pseudoheader(ip));
    }
    ovs_assert(l4_len >= sizeof *tcp);

    flow_extract(p, &flow);
    dp_packet_ip_checksum_set_good(p);
    if (partial) {
        dp_packet_l4_checksum_set_partial(p);
    } else {
        dp_packet_l4_checksum_set_good(p);
    }
    return p;
}

/* Puts VXLAN over IPv4 around 'p', with marks as a tunnel push sets them. */
static void
encapsulate(struct dp_packet *p)
{
    enum { HDR_LEN = (ETH_HEADER_LEN + IP_HEADER_LEN + UDP_HEADER_LEN
                      + sizeof(struct vxlanhdr)) };
    uint32_t offloads = p->offloads << DP_PACKET_OL_SHIFT_COUNT;
    uint16_t l3_ofs = p->l3_ofs;
    uint16_t l4_ofs = p->l4_ofs;
    struct eth_header *eth = dp_packet_push_zeros(p, HDR_LEN);
    struct ip_header *ip = (void *) (eth + 1);
    struct udp_header *udp = (void *) (ip + 1);

    memset(eth, 0x02, 2 * ETH_ADDR_LEN);
    eth->eth_type = htons(ETH_TYPE_IP);
    ip->ip_ihl_ver = IP_IHL_VER(5, 4);
    ip->ip_tot_len = htons(dp_packet_size(p) - ETH_HEADER_LEN);
    ip->ip_ttl = 64;
    ip->ip_proto = IPPROTO_UDP;
    udp->udp_dst = htons(4789);
    udp->udp_len = htons(dp_packet_size(p) - ETH_HEADER_LEN - IP_HEADER_LEN);
    udp->udp_csum = htons(0xffff);

    p->offloads = offloads;
    dp_packet_tunnel_set_vxlan(p);
    dp_packet_l4_proto_set_udp(p);
    dp_packet_ip_checksum_set_partial(p);
    dp_packet_l4_checksum_set_partial(p);
    p->inner_l3_ofs = l3_ofs + HDR_LEN;
    p->inner_l4_ofs = l4_ofs + HDR_LEN;
    p->l3_ofs = ETH_HEADER_LEN;
    p->l4_ofs = ETH_HEADER_LEN + IP_HEADER_LEN;
}

static void
send_packets(struct netdev *netdev, const struct dp_packet *p,
             size_t batch_size, size_t n,
             int (*send)(struct netdev *, struct dp_packet_batch *))
{
    for (size_t i = 0; i < n / batch_size; i++) {
        struct dp_packet_batch batch;

        dp_packet_batch_init(&batch);
        for (size_t j = 0; j < batch_size; j++) {
            struct dp_packet *q = dp_packet_clone_with_headroom(p, 128);

            q->offloads = p->offloads;
            q->inner_l3_ofs = p->inner_l3_ofs;
            q->inner_l4_ofs = p->inner_l4_ofs;
            dp_packet_batch_add(&batch, q);
        }
        ovs_assert(!send(netdev, &batch));
    }
}

static int
not_measured(struct netdev *netdev, struct dp_packet_batch *batch)
{
    return netdev_send(netdev, 0, batch, false);
}

int
main(int argc, char *argv[])
{
    struct smap config = SMAP_INITIALIZER(&config);
    struct netdev *netdev;
    struct dp_packet *p;

    set_program_name(argv[0]);
    if (argc != 5) {
        ovs_fatal(0, "usage: %s tso|notso good|partial|vxlan SIZE "
                  "BATCH", argv[0]);
    }
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    smap_add(&config, "userspace-tso-enable",
             strcmp(argv[1], "tso") ? "false" : "true");
    userspace_tso_init(&config);
    smap_destroy(&config);

    dummy_enable("system");
    ovs_assert(!netdev_open("p0", "dummy", &netdev));
    ovs_assert(!netdev_set_mtu(netdev, 2000));
    ovs_assert(userspace_tso_enabled() == !strcmp(argv[1], "tso"));

    p = build(atoi(argv[3]), strcmp(argv[2], "good"));
    if (!strcmp(argv[2], "vxlan")) {
        encapsulate(p);
    }
    send_packets(netdev, p, atoi(argv[4]), WARM_UP, not_measured);
    send_packets(netdev, p, atoi(argv[4]), MEASURED, measured);
    printf("%d\n", MEASURED);

    dp_packet_delete(p);
    netdev_close(netdev);
    return 0;
}
