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

#include "tnl-gso-dpdk-driver.h"

#include <stdio.h>
#include <string.h>
#include <rte_mbuf.h>

#include "dp-packet.h"
#include "netdev-provider.h"
#include "packets.h"
#include "tnl-gso-dpdk.h"
#include "tnl-gso-pkt.h"
#include "tnl-gso-ref.h"
#include "util.h"

/* lib/ports/netdev-dpdk-tx.c: what a device is told of a packet, compared with
 * numbers in a table. */

enum packet {
    V4 = 0,                     /* Outer and inner IP versions, in tunnels. */
    OUT6 = 1 << 0,
    IN6 = 1 << 1,
    CSUM = 1 << 2,              /* An outer UDP checksum. */
    UDP = 1 << 3,
    SINGLE = 1 << 4,            /* An ordinary packet. */
    IN_EXT = 1 << 5,            /* IPv6 extension headers. */
    OUT_EXT = 1 << 6,
    TCP_OPT = 1 << 7,           /* 12 bytes of TCP options. */
    VLAN = 1 << 8,              /* In front of all. */
    DONE = 1 << 9,              /* The inner TCP checksum is complete. */
    LABELS = 1 << 10,           /* 30 MPLS labels in front of all: the outer
                                 * IP header is at 134. */
};

static const struct prep_row {
    enum ref_encap encap;
    unsigned int packet;
    int geneve_opt;
    uint32_t payload;
    const char *driver;
    uint64_t capa;
    uint64_t ol_flags;

    /* What the device is told of the first packet: nothing at all if 'flags'
     * is 0. */
    uint64_t flags;
    uint8_t outer_l2, outer_l3, l2, l3;
    uint8_t l4;                 /* 0 if it is not to be cut. */
    uint16_t segsz;
} prep_rows[] = {
    /* Cut in tunnels that the device knows. */
    { REF_VXLAN, V4, 0, 12000, "net_new", TNL_CAPA, TNL_FLAGS,
      TX(TUNNEL_VXLAN) | TX(OUTER_IPV4) | TX(OUTER_IP_CKSUM) | TX(IPV4)
      | TX(IP_CKSUM) | TX(TCP_SEG) | TX(TCP_CKSUM), 14, 20, 30, 20, 20, 1200 },
    { REF_VXLAN, OUT6 | IN6 | CSUM | TCP_OPT, 0, 12000, "net_new", TNL_CAPA,
      TNL_FLAGS | OUTER_FLAGS,
      TX(TUNNEL_VXLAN) | TX(OUTER_IPV6) | TX(OUTER_UDP_CKSUM) | TX(IPV6)
      | TX(TCP_SEG) | TX(TCP_CKSUM), 14, 40, 30, 40, 32, 1200 },
    { REF_GENEVE, IN6 | CSUM | VLAN, 96, 12000, "net_new", TNL_CAPA,
      TNL_FLAGS | OUTER_FLAGS,
      TX(TUNNEL_GENEVE) | TX(OUTER_IPV4) | TX(OUTER_IP_CKSUM)
      | TX(OUTER_UDP_CKSUM) | TX(IPV6) | TX(TCP_SEG) | TX(TCP_CKSUM),
      18, 20, 126, 40, 20, 1200 },
    { REF_GRE, OUT6, 0, 12000, "net_new", TNL_CAPA, TNL_FLAGS,
      TX(TUNNEL_GRE) | TX(OUTER_IPV6) | TX(IPV4) | TX(IP_CKSUM) | TX(TCP_SEG)
      | TX(TCP_CKSUM), 14, 40, 18, 20, 20, 1200 },
    /* Equal segments share an outer checksum, which is there. */
    { REF_VXLAN, CSUM, 0, 12000, "net_new", TNL_CAPA, TNL_FLAGS,
      TX(TUNNEL_VXLAN) | TX(OUTER_IPV4) | TX(OUTER_IP_CKSUM) | TX(IPV4)
      | TX(IP_CKSUM) | TX(TCP_SEG) | TX(TCP_CKSUM), 14, 20, 30, 20, 20, 1200 },

    /* Checksums of one packet, in a tunnel that is known, */
    { REF_VXLAN, SINGLE | CSUM, 0, 1000, "net_new", TNL_CAPA,
      TNL_FLAGS | OUTER_FLAGS,
      TX(TUNNEL_VXLAN) | TX(OUTER_IPV4) | TX(OUTER_IP_CKSUM)
      | TX(OUTER_UDP_CKSUM) | TX(IPV4) | TX(IP_CKSUM) | TX(TCP_CKSUM),
      14, 20, 30, 20, 0, 0 },
    { REF_VXLAN, SINGLE | IN6 | UDP, 0, 1000, "net_new", TNL_CAPA, SUM_FLAGS,
      TX(TUNNEL_VXLAN) | TX(OUTER_IPV4) | TX(IPV6) | TX(UDP_CKSUM),
      14, 20, 30, 40, 0, 0 },
    { REF_GENEVE, SINGLE, 96, 1000, "net_new", TNL_CAPA, SUM_FLAGS,
      TX(TUNNEL_GENEVE) | TX(OUTER_IPV4) | TX(IPV4) | TX(IP_CKSUM)
      | TX(TCP_CKSUM), 14, 20, 126, 20, 0, 0 },
    { REF_GENEVE, SINGLE, 100, 1000, "net_new", TNL_CAPA, SUM_FLAGS,
      0, 0, 0, 0, 0, 0, 0 },
    /* and in one that is not: by lengths, if the device goes by them. */
    { REF_VXLAN, SINGLE, 0, 1000, "net_ixgbe", 0, SUM_FLAGS,
      TX(IPV4) | TX(IP_CKSUM) | TX(TCP_CKSUM), 0, 0, 64, 20, 0, 0 },
    { REF_VXLAN, SINGLE | OUT6 | CSUM, 0, 1000, "net_ixgbe", 0,
      SUM_FLAGS | OUTER_FLAGS,
      TX(IPV4) | TX(IP_CKSUM) | TX(TCP_CKSUM), 0, 0, 84, 20, 0, 0 },
    { REF_GENEVE, SINGLE, 60, 1000, "net_ixgbe", 0, SUM_FLAGS,
      TX(IPV4) | TX(IP_CKSUM) | TX(TCP_CKSUM), 0, 0, 124, 20, 0, 0 },
    { REF_GENEVE, SINGLE, 64, 1000, "net_ixgbe", 0, SUM_FLAGS,
      0, 0, 0, 0, 0, 0, 0 },
    { REF_VXLAN, SINGLE, 0, 1000, "net_ngbe", 0, SUM_FLAGS,
      0, 0, 0, 0, 0, 0, 0 },
    { REF_VXLAN, SINGLE | OUT6 | IN6 | CSUM, 0, 1000, "net_ngbe", 0,
      SUM_FLAGS | OUTER_FLAGS, 0, 0, 0, 0, 0, 0, 0 },

    { REF_VXLAN, SINGLE | DONE, 0, 1000, "net_new", TNL_CAPA,
      TNL_FLAGS | OUTER_FLAGS,
      TX(TUNNEL_VXLAN) | TX(OUTER_IPV4) | TX(OUTER_IP_CKSUM) | TX(IPV4)
      | TX(IP_CKSUM), 14, 20, 30, 20, 0, 0 },
    /* outer_l2_len has 7 bits. */
    { REF_VXLAN, SINGLE | LABELS | CSUM, 0, 1000, "net_new", TNL_CAPA,
      TNL_FLAGS | OUTER_FLAGS, 0, 0, 0, 0, 0, 0, 0 },

    /* No device is asked for outer sums alone, as those of a tunnel. */
    { REF_VXLAN, SINGLE | IN6 | CSUM, 0, 1000, "net_new", TNL_CAPA,
      (SUM_FLAGS | OUTER_FLAGS) & ~NETDEV_TX_OFFLOAD_TCP_CKSUM,
      TX(IPV4) | TX(IP_CKSUM) | TX(UDP_CKSUM), 0, 0, 14, 20, 0, 0 },

    /* No pseudo-header behind extension headers. */
    { REF_VXLAN, SINGLE | IN6 | IN_EXT, 0, 1000, "net_new", TNL_CAPA,
      SUM_FLAGS, 0, 0, 0, 0, 0, 0, 0 },
    { REF_VXLAN, SINGLE | OUT6 | OUT_EXT | CSUM, 0, 1000, "net_new", TNL_CAPA,
      SUM_FLAGS | OUTER_FLAGS, 0, 0, 0, 0, 0, 0, 0 },
    { REF_PLAIN, SINGLE | IN6 | IN_EXT, 0, 1000, "net_new", 0, SUM_FLAGS,
      0, 0, 0, 0, 0, 0, 0 },
    { REF_PLAIN, SINGLE | IN6, 0, 1000, "net_new", 0, SUM_FLAGS,
      TX(IPV6) | TX(TCP_CKSUM), 0, 0, 14, 40, 0, 0 },

    /* Without a tunnel. */
    { REF_PLAIN, SINGLE | DONE, 0, 1000, "net_new", 0, SUM_FLAGS,
      TX(IPV4) | TX(IP_CKSUM), 0, 0, 14, 20, 0, 0 },
    { REF_PLAIN, TCP_OPT | VLAN, 0, 12000, "net_new", 0, TSO_FLAGS,
      TX(IPV4) | TX(IP_CKSUM) | TX(TCP_SEG) | TX(TCP_CKSUM),
      0, 0, 18, 20, 32, 1200 },
    { REF_PLAIN, UDP, 0, 12000, "net_igc", ETH(UDP_TSO), TSO_FLAGS,
      TX(IPV4) | TX(IP_CKSUM) | TX(UDP_SEG) | TX(UDP_CKSUM),
      0, 0, 14, 20, 8, 1200 },
    { REF_PLAIN, UDP | IN6 | VLAN, 0, 12000, "net_igc", ETH(UDP_TSO),
      TSO_FLAGS, TX(IPV6) | TX(UDP_SEG) | TX(UDP_CKSUM),
      0, 0, 18, 40, 8, 1200 },
    /* Trains. */
    { REF_VXLAN, CSUM, 0, 12000, "net_igc", ETH(UDP_TSO), TSO_FLAGS,
      TX(IPV4) | TX(IP_CKSUM) | TX(UDP_SEG) | TX(UDP_CKSUM),
      0, 0, 14, 20, 8, 1200 + 8 + 14 + 40 },
    { REF_VXLAN, OUT6 | CSUM, 0, 12000, "net_igc", ETH(UDP_TSO), TSO_FLAGS,
      TX(IPV6) | TX(UDP_SEG) | TX(UDP_CKSUM),
      0, 0, 14, 40, 8, 1200 + 8 + 14 + 40 },
};

static struct pkt_row
packet_of_row(const struct prep_row *r)
{
    struct pkt_row row;

    pkt_row_init(&row, r->encap);
    row.csum = (r->packet & CSUM) != 0;
    row.geneve_opt = r->geneve_opt;
    row.outer.version = r->packet & OUT6 ? 6 : 4;
    row.outer.ext = r->packet & OUT_EXT ? PKT_EXT_DSTOPTS : 0;
    row.inner.version = r->packet & IN6 ? 6 : 4;
    row.inner.ext = r->packet & IN_EXT ? PKT_EXT_DSTOPTS : 0;
    *(r->encap == REF_PLAIN ? &row.inner.n_vlans : &row.outer.n_vlans)
        = (r->packet & VLAN) != 0;
    row.udp = (r->packet & UDP) != 0;
    row.outer.n_mpls = r->packet & LABELS ? 30 : 0;
    row.l4_done = (r->packet & DONE) != 0;
    row.tcp_opt = r->packet & TCP_OPT ? 12 : 0;
    row.payload = r->payload;
    row.mss = MIN(r->payload, 1200);
    return row;
}

/* The pseudo-header's sum of the UDP datagram in 'frame' without its
 * length. */
static uint16_t
udp_pseudo_sum(const uint8_t *frame, const struct prep_row *r)
{
    bool ipv4 = (r->flags & TX(IPV4)) != 0;
    size_t n = ipv4 ? 8 : 32;
    uint8_t pseudo[34] = { 0 };

    memcpy(pseudo, frame + r->l2 + (ipv4 ? 12 : 8), n);
    pseudo[n + 1] = IPPROTO_UDP;
    return ~ref_csum(pseudo, n + 2);
}

/* Up to the inner IP header, 'frame' is as it has to be on the wire. */
static void
check_outer_final(const uint8_t *frame, const struct pkt_row *row,
                  size_t inner_ofs)
{
    const struct ref_job job = pkt_job(row);
    struct ref_frames cut;
    size_t len;
    uint8_t *whole = pkt_build_frame(row, &len);

    ovs_assert(!ref_cut(whole, len, &job, job.mss, &cut) && cut.n == 1);
    ovs_assert(!memcmp(frame, cut.v[0].data, inner_ofs));
    ref_frames_destroy(&cut);
    free(whole);
}

static void
check_told(const struct rte_mbuf *mbuf, const struct prep_row *r,
           const struct pkt_row *row)
{
    const uint8_t *frame = rte_pktmbuf_mtod(mbuf, const uint8_t *);
    size_t outer = r->outer_l2 + r->outer_l3;

    ovs_assert((mbuf->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK) == r->flags);
    ovs_assert(mbuf->outer_l2_len == r->outer_l2);
    ovs_assert(mbuf->outer_l3_len == r->outer_l3);
    ovs_assert(mbuf->l2_len == r->l2);
    ovs_assert(mbuf->l3_len == r->l3);
    ovs_assert(mbuf->l4_len == r->l4);
    ovs_assert(mbuf->tso_segsz == r->segsz);
    ovs_assert(CONTAINER_OF(mbuf, struct dp_packet, mbuf)->l2_5_ofs
               == UINT16_MAX);
    if (r->flags & TX(UDP_SEG)) {
        ovs_assert(ref_get16(frame + r->l2 + r->l3 + 6)
                   == udp_pseudo_sum(frame, r));
    }
    if (outer && r->encap != REF_GRE) {
        uint16_t csum = ref_get16(frame + outer + 6);

        ovs_assert(r->flags & TX(OUTER_UDP_CKSUM) ? csum == TG_START_VALUE
                   : !csum == !row->csum);
    } else if (!outer && r->encap != REF_PLAIN && r->packet & SINGLE) {
        check_outer_final(frame, row, r->l2);
    }
}

/* Returns 'p' in an mbuf that has been sent before, with the lengths from
 * then. */
static struct dp_packet *
used_mbuf(const struct netdev *port, struct dp_packet *p)
{
    struct dp_packet *q = tg_dpdk_clone(tg_dpdk_mempool(port, NULL), p);

    q->mbuf.outer_l2_len = q->mbuf.l2_len = 127;
    q->mbuf.outer_l3_len = q->mbuf.l3_len = 511;
    q->mbuf.l4_len = 255;
    dp_packet_delete(p);
    return q;
}

void
tg_dpdk_test_prep(struct netdev *port)
{
    tg_driver_install(port);
    for (size_t i = 0; i < ARRAY_SIZE(prep_rows); i++) {
        const struct prep_row *r = &prep_rows[i];
        const struct pkt_row row = packet_of_row(r);

        printf("  row %"PRIuSIZE"\n", i);
        for (int is_mbuf = 0; is_mbuf < 2; is_mbuf++) {
            struct dp_packet *p = tg_build(&row, r->packet & SINGLE);

            tg_driver_reset();
            tg_device(port, r->driver, r->capa, r->ol_flags);
            tg_send_one(port, is_mbuf ? used_mbuf(port, p) : p);
            ovs_assert(tg_n_frames);
            if (r->flags) {
                check_told(tg_frames[0], r, &row);
            } else {
                ovs_assert(tg_expect_cut(&row, 0) == tg_n_frames);
            }
        }
    }
    tg_driver_reset();
}
