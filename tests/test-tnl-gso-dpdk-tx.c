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

#include "tnl-gso-dpdk.h"

#include <stdio.h>
#include <string.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "dp-packet.h"
#include "netdev-dpdk.h"
#include "netdev-provider.h"
#include "packets.h"
#include "tnl-gso-pkt.h"
#include "tnl-gso-ref.h"
#include "tnl-gso/netdev-dpdk-tnl.h"
#include "tnl-gso/tnl-gso-stats.h"
#include "util.h"

/* lib/netdev-dpdk-tx.c: what a device is told of a packet, and what becomes of
 * packets that its driver refuses.
 *
 * The port is a net_null whose functions for sending are those of this file.
 * What they are handed is compared with numbers in a table; frames that need
 * nothing from the device with the reference (tnl-gso-ref.c). */

#define ETH(NAME) RTE_ETH_TX_OFFLOAD_##NAME
#define TX(NAME) RTE_MBUF_F_TX_##NAME

#define SUM_FLAGS (NETDEV_TX_OFFLOAD_IPV4_CKSUM                             \
                   | NETDEV_TX_OFFLOAD_TCP_CKSUM                            \
                   | NETDEV_TX_OFFLOAD_UDP_CKSUM)
#define OUTER_FLAGS (NETDEV_TX_OFFLOAD_OUTER_IP_CKSUM                       \
                     | NETDEV_TX_OFFLOAD_OUTER_UDP_CKSUM)
#define TSO_FLAGS (SUM_FLAGS | NETDEV_TX_OFFLOAD_TCP_TSO)
#define TNL_FLAGS (TSO_FLAGS | NETDEV_TX_OFFLOAD_OUTER_IP_CKSUM             \
                   | NETDEV_TX_VXLAN_TNL_TSO | NETDEV_TX_GENEVE_TNL_TSO     \
                   | NETDEV_TX_GRE_TNL_TSO)
#define TNL_CAPA (ETH(VXLAN_TNL_TSO) | ETH(GENEVE_TNL_TSO) | ETH(GRE_TNL_TSO))

/* ---------------------------------------------------------------------------
 * The driver.
 * ------------------------------------------------------------------------ */

enum { MAX_FRAMES = 512 };

static struct rte_mbuf *frames[MAX_FRAMES];
static size_t n_frames;
static size_t room;             /* Packets that the queue still takes. */
static size_t at_once;          /* Packets that it takes in one call. */
static bool (*refuses)(const struct rte_mbuf *);

/* Leaves in outer UDP checksums what drivers do: a start value, if they are
 * asked for them, otherwise zero; in checksums of UDP superpackets what no
 * device may rely on. */
enum { START_VALUE = 0xbbbb };
static void
spoil_sums(struct rte_mbuf *mbuf)
{
    uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
    size_t outer = mbuf->outer_l2_len + mbuf->outer_l3_len;

    if (mbuf->ol_flags & (TX(OUTER_IPV4) | TX(OUTER_IPV6))
        && !dp_packet_tunnel_gre(CONTAINER_OF(mbuf, struct dp_packet, mbuf))) {
        ref_put16(frame + outer + 6,
                  mbuf->ol_flags & TX(OUTER_UDP_CKSUM) ? START_VALUE : 0);
    }
    if (mbuf->ol_flags & TX(UDP_SEG)) {
        ref_put16(frame + mbuf->l2_len + mbuf->l3_len + 6, 0xaaaa);
    }
}

static uint16_t
prepare(void *queue OVS_UNUSED, struct rte_mbuf **pkts, uint16_t n)
{
    for (uint16_t i = 0; i < n; i++) {
        spoil_sums(pkts[i]);
        if (refuses && refuses(pkts[i])) {
            rte_errno = ENOTSUP;
            return i;
        }
    }
    return n;
}

static uint16_t
burst(void *queue OVS_UNUSED, struct rte_mbuf **pkts, uint16_t n)
{
    n = MIN(n, MIN(room, at_once));
    for (uint16_t i = 0; i < n; i++) {
        ovs_assert(n_frames < MAX_FRAMES);
        frames[n_frames++] = pkts[i];
    }
    room -= n;
    return n;
}

static void
driver_install(const struct netdev *port)
{
    int port_id = netdev_dpdk_get_port_id(CONST_CAST(struct netdev *, port));

    rte_eth_fp_ops[port_id].tx_pkt_prepare = prepare;
    rte_eth_fp_ops[port_id].tx_pkt_burst = burst;
}

/* Forgets what was sent, and refuses nothing. */
static void
driver_reset(void)
{
    for (size_t i = 0; i < n_frames; i++) {
        rte_pktmbuf_free(frames[i]);
    }
    n_frames = 0;
    room = at_once = MAX_FRAMES;
    refuses = NULL;
}

/* 'port' becomes one with a device of 'driver' with 'capa', and 'ol_flags'. */
static void
device(struct netdev *port, const char *driver, uint64_t capa,
       uint64_t ol_flags)
{
    const struct rte_eth_dev_info info = {
        .driver_name = driver,
        .tx_offload_capa = (capa | ETH(IPV4_CKSUM) | ETH(UDP_CKSUM)
                            | ETH(TCP_CKSUM) | ETH(TCP_TSO)),
    };

    netdev_dpdk_tnl_configure(port, &info);
    port->ol_flags = ol_flags;
}

/* ---------------------------------------------------------------------------
 * Packets.
 * ------------------------------------------------------------------------ */

static void
send_one(struct netdev *port, struct dp_packet *p)
{
    struct dp_packet_batch batch;

    dp_packet_batch_init_packet(&batch, p);
    ovs_assert(!netdev_send(port, 0, &batch, false));
}

/* Puts into checksum fields of 'frame', final for 'job', what is there as long
 * as they are partial. */
static void
undo_sums(uint8_t *frame, size_t len, const struct ref_job *job)
{
    struct ref_layout l;
    size_t csum_ofs = job->udp ? 6 : 16;

    ovs_assert(!ref_parse(frame, len, job->encap, &l));
    if (!job->l4_done) {
        ref_put16(frame + l.inner.l4 + csum_ofs,
                  ref_partial_csum(frame, len, &l.inner));
    }
    if (l.inner.version == 4) {
        ref_put16(frame + l.inner.ofs + 10, 0);
    }
    if (job->outer_csum) {
        ref_put16(frame + l.outer.l4 + 6,
                  ref_partial_csum(frame, len, &l.outer));
    }
}

/* Gives 'p', with 'frame' in it, the offsets that it has after labels were
 * pushed. */
static void
set_offsets(struct dp_packet *p, const uint8_t *frame, size_t len,
            enum ref_encap encap)
{
    struct ref_layout l;

    ovs_assert(!ref_parse(frame, len, encap, &l));
    if (l.stacked && encap != REF_PLAIN) {
        p->l2_5_ofs = ETH_HEADER_LEN;
        p->l3_ofs = l.outer.ofs;
        p->l4_ofs = l.outer.l4;
        p->inner_l3_ofs = l.inner.ofs;
        p->inner_l4_ofs = l.inner.l4;
    }
}

/* Builds the packet of 'row', which is none to be cut if 'single': it has the
 * right lengths then. */
static struct dp_packet *
build(const struct pkt_row *row, bool single)
{
    const struct ref_job job = pkt_job(row);
    struct ref_frames cut;
    struct dp_packet *p;
    uint8_t *frame;
    size_t len;

    if (!single) {
        return pkt_build(row);
    }
    frame = pkt_build_frame(row, &len);
    ovs_assert(!ref_cut(frame, len, &job, job.mss, &cut) && cut.n == 1);
    undo_sums(cut.v[0].data, cut.v[0].len, &job);
    p = pkt_from_job(cut.v[0].data, cut.v[0].len, &job);
    set_offsets(p, cut.v[0].data, cut.v[0].len, job.encap);
    dp_packet_set_tso_segsz(p, 0);
    p->uso_segsz = 0;
    ref_frames_destroy(&cut);
    free(frame);
    return p;
}

/* Are the frames from number 'first' on those that become of 'row'?  Returns
 * the number of the first one behind them. */
static size_t
expect_cut(const struct pkt_row *row, size_t first)
{
    const struct ref_job job = pkt_job(row);
    struct ref_frames cut;
    size_t len;
    uint8_t *frame = pkt_build_frame(row, &len);

    ovs_assert(!ref_cut(frame, len, &job, job.mss, &cut));
    ovs_assert(first + cut.n <= n_frames);
    for (size_t i = 0; i < cut.n; i++) {
        const struct rte_mbuf *mbuf = frames[first + i];

        ovs_assert(!(mbuf->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK));
        ovs_assert(!mbuf->tso_segsz);
        ovs_assert(mbuf->pkt_len == cut.v[i].len);
        ovs_assert(!memcmp(rte_pktmbuf_mtod(mbuf, void *), cut.v[i].data,
                           cut.v[i].len));
    }
    first += cut.n;
    ref_frames_destroy(&cut);
    free(frame);
    return first;
}

/* ---------------------------------------------------------------------------
 * prep.
 * ------------------------------------------------------------------------ */

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

        ovs_assert(r->flags & TX(OUTER_UDP_CKSUM) ? csum == START_VALUE
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
    driver_install(port);
    for (size_t i = 0; i < ARRAY_SIZE(prep_rows); i++) {
        const struct prep_row *r = &prep_rows[i];
        const struct pkt_row row = packet_of_row(r);

        printf("  row %"PRIuSIZE"\n", i);
        for (int is_mbuf = 0; is_mbuf < 2; is_mbuf++) {
            struct dp_packet *p = build(&row, r->packet & SINGLE);

            driver_reset();
            device(port, r->driver, r->capa, r->ol_flags);
            send_one(port, is_mbuf ? used_mbuf(port, p) : p);
            ovs_assert(n_frames);
            if (r->flags) {
                check_told(frames[0], r, &row);
            } else {
                ovs_assert(expect_cut(&row, 0) == n_frames);
            }
        }
    }
    driver_reset();
}

/* ---------------------------------------------------------------------------
 * What the driver refuses.
 * ------------------------------------------------------------------------ */

static bool
refuses_all(const struct rte_mbuf *mbuf OVS_UNUSED)
{
    return true;
}

static bool
refuses_flags(const struct rte_mbuf *mbuf)
{
    return (mbuf->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK) != 0;
}

/* One that is marked by its length. */
enum { MARKED_PAYLOAD = 777 };
static bool
refuses_marked(const struct rte_mbuf *mbuf)
{
    return refuses_flags(mbuf) && mbuf->pkt_len == 54 + MARKED_PAYLOAD;
}

static unsigned long long
dropped(const struct netdev *port)
{
    struct netdev_stats stats;

    ovs_assert(!netdev_get_stats(port, &stats));
    return stats.tx_dropped;
}

static unsigned long long
refused(const struct netdev *port)
{
    struct tnl_gso_stats stats;

    tnl_gso_stats_get(port->tnl_gso, &stats);
    return stats.events[TNL_GSO_E_REFUSED];
}

/* A superpacket, a packet, a train, a packet with complete checksums, and
 * another superpacket. */
enum { N_MIXED = 5 };

static void
mixed_rows(struct pkt_row rows[N_MIXED], bool single[N_MIXED])
{
    static const enum ref_encap encaps[N_MIXED] = {
        REF_VXLAN, REF_VXLAN, REF_GENEVE, REF_PLAIN, REF_VXLAN
    };

    for (int i = 0; i < N_MIXED; i++) {
        pkt_row_init(&rows[i], encaps[i]);
        single[i] = i == 1 || i == 3;
        rows[i].payload = single[i] ? 1000 : 13001;
        rows[i].mss = single[i] ? 1000 : 1300;
        rows[i].seed = i + 1;
    }
    rows[1].csum = rows[2].csum = true;
    rows[3].l4_done = true;
    rows[4].outer.version = 6;
}

static void
send_mixed(struct netdev *port)
{
    struct dp_packet_batch batch;
    struct pkt_row rows[N_MIXED];
    bool single[N_MIXED];

    mixed_rows(rows, single);
    dp_packet_batch_init(&batch);
    for (int i = 0; i < N_MIXED; i++) {
        struct dp_packet *p = build(&rows[i], single[i]);

        if (i == 3) {
            dp_packet_ol_send_prepare(p, 0);
        }
        dp_packet_batch_add(&batch, p);
    }
    ovs_assert(!netdev_send(port, 0, &batch, false));
    dp_packet_batch_destroy(&batch);
}

/* In the order in which they were sent, nothing missing. */
static void
test_refused_mixed(struct netdev *port)
{
    unsigned long long n_dropped = dropped(port);
    unsigned long long n_refused = refused(port);
    struct pkt_row rows[N_MIXED];
    bool single[N_MIXED];
    size_t next = 0;

    refuses = refuses_flags;
    send_mixed(port);
    mixed_rows(rows, single);
    for (int i = 0; i < N_MIXED; i++) {
        next = expect_cut(&rows[i], next);
    }
    ovs_assert(next == n_frames);
    ovs_assert(dropped(port) == n_dropped);
    ovs_assert(refused(port) == n_refused + 4);
}

/* Each packet that was handed over is dropped, and counted, once. */
static void
test_refused_always(struct netdev *port)
{
    unsigned long long n_dropped = dropped(port);

    refuses = refuses_all;
    send_mixed(port);
    ovs_assert(!n_frames);
    ovs_assert(dropped(port) == n_dropped + N_MIXED);
}

/* Nobody may cut instead. */
static void
test_refused_methods(struct netdev *port)
{
    unsigned long long n_dropped = dropped(port);
    struct pkt_row rows[N_MIXED];
    bool single[N_MIXED];

    refuses = refuses_flags;
    atomic_store_relaxed(&port->tnl_gso->methods,
                         1u << TNL_GSO_HW | 1u << TNL_GSO_UDP_GSO);
    send_mixed(port);
    atomic_store_relaxed(&port->tnl_gso->methods, TNL_GSO_METHODS_ALL);
    mixed_rows(rows, single);
    ovs_assert(expect_cut(&rows[3], expect_cut(&rows[1], 0)) == n_frames);
    ovs_assert(dropped(port) == n_dropped + 3);
}

/* A queue that takes 'n' packets, 'once' in each call. */
static void
test_refused_room(struct netdev *port, size_t n, size_t once)
{
    unsigned long long n_dropped = dropped(port);
    unsigned long long n_refused = refused(port);
    struct pkt_row rows[N_MIXED];
    bool single[N_MIXED];
    size_t lost = 0, next = 0;

    refuses = refuses_flags;
    room = n;
    at_once = once;
    send_mixed(port);
    ovs_assert(n_frames == MIN(n, 11 + 1 + 11 + 1 + 11));

    /* Packets of which not all segments went out. */
    mixed_rows(rows, single);
    for (int i = 0; i < N_MIXED; i++) {
        next += single[i] ? 1 : 11;
        lost += next > n;
    }
    ovs_assert(dropped(port) == n_dropped + lost);
    /* The fourth one is not refused; without room for it there is no more. */
    ovs_assert(refused(port) == n_refused + (n < 11 + 1 + 11 + 1 ? 3 : 4));
}

/* There is no mbuf left for segments. */
static void
test_refused_empty(struct netdev *port)
{
    struct rte_mempool *mempool = tg_dpdk_mempool(port, NULL);
    unsigned long long n_dropped = dropped(port);
    struct rte_mbuf *taken = NULL, *mbuf;
    struct pkt_row rows[N_MIXED];
    bool single[N_MIXED];
    struct dp_packet *p, *super;

    mixed_rows(rows, single);
    super = build(&rows[0], false);
    p = tg_dpdk_clone(mempool, super);
    dp_packet_delete(super);
    while ((mbuf = rte_pktmbuf_alloc(mempool)) != NULL) {
        mbuf->next = taken;
        taken = mbuf;
    }
    refuses = refuses_flags;
    send_one(port, p);
    ovs_assert(!n_frames);
    ovs_assert(dropped(port) == n_dropped + 1);
    while (taken) {
        mbuf = taken;
        taken = mbuf->next;
        mbuf->next = NULL;
        rte_pktmbuf_free(mbuf);
    }
}

/* Many packets of which 'marked', of 'n', is refused: the others are as they
 * are without. */
static void
test_refused_many(struct netdev *port, size_t n, size_t marked)
{
    unsigned long long n_dropped = dropped(port);
    unsigned long long n_refused = refused(port);
    struct dp_packet_batch batch;
    struct pkt_row row;

    dp_packet_batch_init(&batch);
    for (size_t i = 0; i < n; i++) {
        pkt_row_init(&row, REF_PLAIN);
        row.payload = i == marked ? MARKED_PAYLOAD : i + 1;
        dp_packet_batch_add(&batch, build(&row, true));
    }
    refuses = refuses_marked;
    ovs_assert(!netdev_send(port, 0, &batch, false));
    dp_packet_batch_destroy(&batch);

    ovs_assert(n_frames == n);
    for (size_t i = 0; i < n; i++) {
        if (i == marked) {
            row.payload = MARKED_PAYLOAD;
            expect_cut(&row, i);
        } else {
            ovs_assert(frames[i]->pkt_len == 54 + i + 1);
            ovs_assert(refuses_flags(frames[i]));
        }
    }
    ovs_assert(dropped(port) == n_dropped);
    ovs_assert(refused(port) == n_refused + 1);
}

/* All that was sent are parts of one superpacket of 'row', with headers of
 * 'hdr_len' bytes up to the payload: nothing is missing, nothing longer than
 * 'max_len'. */
static void
check_parts(const struct pkt_row *row, size_t hdr_len, uint32_t max_len)
{
    uint32_t sent = 0;

    for (size_t i = 0; i < n_frames; i++) {
        const struct rte_mbuf *mbuf = frames[i];
        const uint8_t *tcp = (rte_pktmbuf_mtod(mbuf, const uint8_t *)
                              + hdr_len - TCP_HEADER_LEN);
        uint32_t payload = mbuf->pkt_len - hdr_len;

        ovs_assert(mbuf->nb_segs == 1 && mbuf->pkt_len <= max_len);
        ovs_assert(ref_get32(tcp + 4) == row->seq + sent);
        ovs_assert(mbuf->tso_segsz == (payload > row->mss ? row->mss : 0));
        sent += payload;
    }
    ovs_assert(sent == row->payload);
}

/* The longest superpackets, and parts that have one segment or less. */
void
tg_dpdk_test_long(struct netdev *port)
{
    enum { HDR_LEN = 14 + 20 + 16 + 14 + 20 + 20, MAX_BUF_LEN = 16384 };
    struct pkt_row row;

    driver_install(port);
    pkt_row_init(&row, REF_VXLAN);
    row.mss = 1300;
    for (int csum = 0; csum < 2; csum++) {
        row.csum = csum;
        device(port, "net_new", ETH(VXLAN_TNL_TSO), TNL_FLAGS);
        for (row.payload = 65200; row.payload + HDR_LEN <= UINT16_MAX;
             row.payload += 7) {
            driver_reset();
            send_one(port, build(&row, false));
            check_parts(&row, HDR_LEN, UINT16_MAX);
        }
        device(port, "net_ixgbe", ETH(VXLAN_TNL_TSO), TNL_FLAGS);
        for (row.payload = 15599; row.payload < 35000; row.payload += 99) {
            driver_reset();
            send_one(port, build(&row, false));
            check_parts(&row, HDR_LEN, MAX_BUF_LEN);
        }
    }
    driver_reset();
}

void
tg_dpdk_test_refused(struct netdev *port)
{
    driver_install(port);
    device(port, "net_igc", ETH(VXLAN_TNL_TSO) | ETH(UDP_TSO),
           TSO_FLAGS | NETDEV_TX_OFFLOAD_OUTER_IP_CKSUM
           | NETDEV_TX_VXLAN_TNL_TSO);
    driver_reset();
    test_refused_mixed(port);
    driver_reset();
    test_refused_always(port);
    driver_reset();
    test_refused_methods(port);
    driver_reset();
    test_refused_empty(port);
    for (size_t n = 0; n <= 36; n++) {
        driver_reset();
        test_refused_room(port, n, n % 3 + 1);
    }
    for (size_t i = 0; i < 200; i += i < 63 ? 31 : i < 66 ? 1 : 33) {
        driver_reset();
        test_refused_many(port, 200, i);
    }
    driver_reset();
}
