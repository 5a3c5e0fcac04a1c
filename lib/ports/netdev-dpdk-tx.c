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

#include "ports/netdev-dpdk-tnl.h"

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#include "core/tnl-gso-port.h"
#include "dp-packet.h"
#include "encap/encap.h"
#include "netdev-provider.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "tnl-gso.h"
#include "util.h"

/* From marks to mbufs' flags, and from there to the device.
 *
 * Called by netdev-dpdk.c for packets that are about to be sent.  All packets
 * are mbufs of one piece, whatever the device allows, so headers are always
 * contiguous.  Every packet has been planned for the capabilities of its
 * device (tnl-gso-plan.h): must not decide who cuts, except where a driver
 * breaks its promise. */

VLOG_DEFINE_THIS_MODULE(netdev_dpdk_tx);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);

/* Number of packets that are prepared together. */
enum { TX_CHUNK = 64 };

/* The dp_packet that 'mbuf' is a member of. */
static struct dp_packet *
packet_of(const struct rte_mbuf *mbuf)
{
    return CONTAINER_OF(CONST_CAST(struct rte_mbuf *, mbuf), struct dp_packet,
                        mbuf);
}

/* Returns the number of segments that tnl_gso_send() has counted as sent for
 * the 'cnt' packets 'pkts', which need not be mbufs.  A packet that it has not
 * made counts as 0.  Called for each batch: without superpackets there is
 * nothing to add up. */
uint32_t
netdev_dpdk_tnl_planned(struct rte_mbuf *const *pkts, size_t cnt)
{
    uint32_t n_segs = 0;

    if (!tnl_gso_enabled()) {
        return 0;
    }
    for (size_t i = 0; i < cnt; i++) {
        n_segs += packet_of(pkts[i])->n_planned;
    }
    return n_segs;
}

/* Counts that 'netdev' does not send 'n_segs' segments that have been counted
 * as sent. */
void
netdev_dpdk_tnl_lost(struct netdev *netdev, uint32_t n_segs)
{
    if (OVS_UNLIKELY(n_segs)) {
        tnl_gso_count_events(netdev->tnl_gso, TNL_GSO_E_TX_REFUSED, n_segs);
    }
}

/* Is the packet in 'mbuf' to be cut by the device? */
bool
netdev_dpdk_tnl_is_super(const struct rte_mbuf *mbuf)
{
    return tnl_gso_is_super(packet_of(mbuf));
}

/* Is the IP header at 'l3' IPv4? */
static bool
is_ipv4(const void *l3)
{
    const struct ip_header *ip = l3;

    return IP_VER(ip->ip_ihl_ver) == 4;
}

/* Can the IP header at 'l3', of 'l3_len' bytes, be left to a device?  Not with
 * IPv6 extension headers: DPDK's prepare step takes protocol and length of the
 * pseudo-header from the IPv6 header alone. */
static bool
is_simple_l3(const void *l3, size_t l3_len)
{
    return is_ipv4(l3) || l3_len == IPV6_HEADER_LEN;
}

/* Completes in software all checksums of 'p' that a device could complete. */
static void
complete_all(struct dp_packet *p)
{
    dp_packet_ol_send_prepare(p, 0);
}

/* The flag for the checksum behind the (inner) IP header of a packet, whose
 * protocol is given by 'tcp' and 'udp', or 0 unless it is 'partial'. */
static uint64_t
l4_flag(bool partial, bool tcp, bool udp)
{
    return (!partial ? 0
            : tcp ? RTE_MBUF_F_TX_TCP_CKSUM
            : udp ? RTE_MBUF_F_TX_UDP_CKSUM
            : RTE_MBUF_F_TX_SCTP_CKSUM);
}

/* Requests that the device cut the packet in 'mbuf' at the TCP header 'th'
 * behind the IP header 'l3'.  DPDK requires that the IPv4 checksum be
 * requested, too. */
static void
prep_tso(struct rte_mbuf *mbuf, const void *l3, const struct tcp_header *th)
{
    mbuf->l4_len = TCP_OFFSET(th->tcp_ctl) * 4;
    mbuf->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
    if (is_ipv4(l3)) {
        mbuf->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;
    }
}

/* Describes packet 'p', in a tunnel, to a device that knows the tunnel by
 * 'flag' or, if that is 0, does not know it.  To the latter, everything in
 * front of the inner IP header is a long link layer header, as in DPDK's
 * programmer's guide, "Meta Information" of mbufs. */
static void
prep_tunnel(struct dp_packet *p, uint64_t flag)
{
    struct rte_mbuf *mbuf = &p->mbuf;
    const void *l3 = dp_packet_inner_l3(p);

    mbuf->outer_l2_len = flag ? p->l3_ofs : 0;
    mbuf->outer_l3_len = flag ? p->l4_ofs - p->l3_ofs : 0;
    mbuf->l2_len = p->inner_l3_ofs - (flag ? p->l4_ofs : 0);
    mbuf->l3_len = p->inner_l4_ofs - p->inner_l3_ofs;

    if (flag) {
        mbuf->ol_flags |= flag;
        mbuf->ol_flags |= (is_ipv4(dp_packet_l3(p)) ? RTE_MBUF_F_TX_OUTER_IPV4
                           : RTE_MBUF_F_TX_OUTER_IPV6);
        if (dp_packet_ip_checksum_partial(p)) {
            mbuf->ol_flags |= RTE_MBUF_F_TX_OUTER_IP_CKSUM;
        }
        if (dp_packet_l4_checksum_partial(p)) {
            mbuf->ol_flags |= RTE_MBUF_F_TX_OUTER_UDP_CKSUM;
        }
    }

    mbuf->ol_flags |= is_ipv4(l3) ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6;
    if (dp_packet_inner_ip_checksum_partial(p)) {
        mbuf->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;
    }
    mbuf->ol_flags |= l4_flag(dp_packet_inner_l4_checksum_partial(p),
                              dp_packet_inner_l4_proto_tcp(p),
                              dp_packet_inner_l4_proto_udp(p));
    if (mbuf->tso_segsz) {
        prep_tso(mbuf, l3, dp_packet_inner_l4(p));
    }
}

/* Is there a checksum in 'p', in a tunnel, for the device to complete, or has
 * the device to cut it? */
static bool
asks_inside(const struct dp_packet *p)
{
    return (p->mbuf.tso_segsz
            || dp_packet_inner_ip_checksum_partial(p)
            || dp_packet_inner_l4_checksum_partial(p));
}

/* Do the fields of an mbuf suffice to request the checksums of 'p'?  It is in
 * a tunnel that the device knows by 'flag' or, if that is 0, does not know.
 * The headers in front of the inner IP header may come from a guest, and have
 * any length. */
static bool
fits_mbuf_fields(const struct dp_packet *p, uint64_t flag,
                 const struct tnl_gso_limits *limits)
{
    return (dp_packet_inner_l4(p)
            && is_simple_l3(dp_packet_inner_l3(p),
                            p->inner_l4_ofs - p->inner_l3_ofs)
            && (p->inner_l3_ofs - (flag ? p->l4_ofs : 0)
                <= limits->max_l2_len)
            && (flag
                ? (p->l3_ofs <= limits->max_l2_len
                   && is_simple_l3(dp_packet_l3(p), p->l4_ofs - p->l3_ofs))
                : limits->sums_by_len));
}

/* Prepares 'p', which is in a tunnel and has something partial, for 'netdev'.
 * Returns false if it is an ordinary packet to the device now. */
static bool
prep_in_tunnel(const struct netdev *netdev, struct dp_packet *p)
{
    const struct tnl_gso_limits *limits = &netdev->tnl_gso->limits;
    uint64_t flag = netdev_dpdk_tnl_flag(netdev, tnl_gso_encap_of(p));

    if (!flag) {
        /* The mbuf can request only one sum. */
        dp_packet_ol_send_prepare(p, netdev->ol_flags
                                  & ~(NETDEV_TX_OFFLOAD_OUTER_IP_CKSUM
                                      | NETDEV_TX_OFFLOAD_OUTER_UDP_CKSUM));
    }
    if (!p->mbuf.tso_segsz && !fits_mbuf_fields(p, flag, limits)) {
        complete_all(p);
    }
    if (!asks_inside(p)) {
        /* Some devices stop working at a request for outer checksums only. */
        p->offloads &= ~TNL_GSO_ENCAP_MARKS;
        return false;
    }
    prep_tunnel(p, flag);
    return true;
}

/* Prepares UDP superpacket 'p', a train perhaps. */
static void
prep_udp_super(struct dp_packet *p)
{
    struct rte_mbuf *mbuf = &p->mbuf;
    bool ipv4 = is_ipv4(dp_packet_l3(p));

    mbuf->outer_l2_len = 0;
    mbuf->outer_l3_len = 0;
    mbuf->l2_len = p->l3_ofs;
    mbuf->l3_len = p->l4_ofs - p->l3_ofs;
    mbuf->l4_len = UDP_HEADER_LEN;
    mbuf->tso_segsz = p->uso_segsz;
    mbuf->ol_flags |= (RTE_MBUF_F_TX_UDP_SEG | RTE_MBUF_F_TX_UDP_CKSUM
                       | (ipv4 ? RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM
                          : RTE_MBUF_F_TX_IPV6));
}

/* Sets the fields and flags of 'mbuf' by which the device of 'netdev' learns
 * what to do with the packet in it, whose marks say that something has to be
 * done.  Returns false if netdev-dpdk.c has to do that instead, as for any
 * ordinary packet. */
bool
netdev_dpdk_tnl_prep(const struct netdev *netdev, struct rte_mbuf *mbuf)
{
    struct dp_packet *p = packet_of(mbuf);

    /* Receiving does not reset what it was when the mbuf was sent before, and
     * rte_net_intel_cksum_prepare() refuses packets that are shorter. */
    mbuf->l4_len = 0;

    if (dp_packet_tunnel(p)) {
        if (prep_in_tunnel(netdev, p)) {
            return true;
        }
    } else if (p->uso_segsz) {
        prep_udp_super(p);
        return true;
    }
    if (!mbuf->tso_segsz
        && (!dp_packet_l4(p)
            || !is_simple_l3(dp_packet_l3(p), p->l4_ofs - p->l3_ofs))) {
        complete_all(p);
    }
    return !(dp_packet_ip_checksum_partial(p)
             || dp_packet_l4_checksum_partial(p)
             || mbuf->tso_segsz);
}

/* Returns the outer UDP checksum of the packet in 'mbuf' if the device has to
 * leave it alone, else null.  rte_net_intel_cksum_flags_prepare(), which most
 * drivers call, zeroes it since DPDK 24.07. */
static ovs_be16 *
kept_csum(struct rte_mbuf *mbuf)
{
    struct dp_packet *p = packet_of(mbuf);
    struct udp_header *udp;

    if (!(mbuf->ol_flags & (RTE_MBUF_F_TX_OUTER_IPV4
                            | RTE_MBUF_F_TX_OUTER_IPV6))
        || mbuf->ol_flags & RTE_MBUF_F_TX_OUTER_UDP_CKSUM
        || (tnl_gso_encap_class(tnl_gso_encap_of(p))->outer
            != TNL_GSO_OUTER_UDP)) {
        return NULL;
    }
    udp = dp_packet_l4(p);
    return &udp->udp_csum;
}

/* Writes the sum of the pseudo-header into the UDP superpacket in 'mbuf' as
 * the device expects it: without the length, as for TCP.
 * rte_net_intel_cksum_flags_prepare() of DPDK 22.11 includes the length. */
static void
put_pseudo_sum(struct rte_mbuf *mbuf)
{
    struct dp_packet *p = packet_of(mbuf);
    const void *l3 = dp_packet_l3(p);
    struct udp_header *udp = dp_packet_l4(p);

    udp->udp_csum = (OVS_FORCE ovs_be16)
        (is_ipv4(l3) ? rte_ipv4_phdr_cksum(l3, RTE_MBUF_F_TX_TCP_SEG)
         : rte_ipv6_phdr_cksum(l3, RTE_MBUF_F_TX_TCP_SEG));
}

/* Like rte_eth_tx_prepare() for at most TX_CHUNK packets, but leaves the same
 * in checksum fields with all releases of DPDK: does not change an outer UDP
 * checksum for which no offload is requested. */
static int
prepare_chunk(uint16_t port_id, int qid, struct rte_mbuf **pkts, int cnt)
{
    ovs_be16 csums[TX_CHUNK];
    int n_good;

    for (int i = 0; i < cnt; i++) {
        const ovs_be16 *csum = kept_csum(pkts[i]);

        csums[i] = csum ? *csum : 0;
    }
    n_good = rte_eth_tx_prepare(port_id, qid, pkts, cnt);
    for (int i = 0; i < cnt; i++) {
        if (csums[i]) {
            *kept_csum(pkts[i]) = csums[i];
        } else if (pkts[i]->ol_flags & RTE_MBUF_F_TX_UDP_SEG) {
            put_pseudo_sum(pkts[i]);
        }
    }
    return n_good;
}

/* The same as rte_eth_tx_prepare(), by prepare_chunk(), for 'cnt' packets. */
int
netdev_dpdk_tnl_tx_prepare(uint16_t port_id, int qid, struct rte_mbuf **pkts,
                           int cnt)
{
    int n_good = 0;

    while (n_good < cnt) {
        int n = MIN(cnt - n_good, TX_CHUNK);
        int good = prepare_chunk(port_id, qid, pkts + n_good, n);

        n_good += good;
        if (good < n) {
            break;
        }
    }
    return n_good;
}

/* Sends as many of 'pkts' as the device takes.  Returns their number. */
static int
tx_burst(uint16_t port_id, int qid, struct rte_mbuf **pkts, int cnt)
{
    int n = 0;

    while (n < cnt) {
        int sent = rte_eth_tx_burst(port_id, qid, pkts + n, cnt - n);

        if (!sent) {
            break;
        }
        n += sent;
    }
    return n;
}

/* Clears all requests of 'p' to a device. */
static void
unprep(struct dp_packet *p)
{
    p->mbuf.ol_flags &= ~RTE_MBUF_F_TX_OFFLOAD_MASK;
    if (p->uso_segsz) {
        dp_packet_set_tso_segsz(p, 0);
    }
}

/* Sends packet 'p', which the driver of 'netdev' has refused with 'error', an
 * rte_errno, without any offload: cut in software, with final checksums.
 * Takes ownership of 'p'.  Returns true if all of it was sent. */
static bool
send_refused(struct netdev *netdev, uint16_t port_id, int qid,
             struct dp_packet *p, int error)
{
    struct dp_packet_batch batch;
    size_t n_sent = 0;
    size_t n;

    VLOG_WARN_RL(&rl, "%s: the driver has refused a packet: %s; %s (see "
                 "ovs-appctl tnl-gso/stats %s)", netdev_get_name(netdev),
                 rte_strerror(error),
                 tnl_gso_is_super(p) ? "it is cut in software"
                 : "its checksums are made in software",
                 netdev_get_name(netdev));
    tnl_gso_count_event(netdev->tnl_gso, TNL_GSO_E_REFUSED);

    unprep(p);
    dp_packet_batch_init(&batch);
    if (tnl_gso_is_super(p)) {
        tnl_gso_cut_again(netdev, p, &batch);
    } else {
        complete_all(p);
        dp_packet_batch_add(&batch, p);
    }

    n = dp_packet_batch_size(&batch);
    DP_PACKET_BATCH_FOR_EACH (i, p, &batch) {
        struct rte_mbuf *mbuf = &p->mbuf;

        /* A driver frees mbufs; a segment is none if there were none left. */
        if (p->source == DPBUF_DPDK
            && rte_eth_tx_prepare(port_id, qid, &mbuf, 1) == 1
            && tx_burst(port_id, qid, &mbuf, 1)) {
            n_sent++;
        } else {
            netdev_dpdk_tnl_lost(netdev, netdev_dpdk_tnl_planned(&mbuf, 1));
            dp_packet_delete(p);
        }
    }
    dp_packet_batch_destroy(&batch);
    return n && n_sent == n;
}

/* Sends the 'cnt' packets 'pkts' on queue 'qid' of 'netdev', device 'port_id',
 * and takes ownership of them.  The first 'n_good' have been prepared, the
 * next one was refused: it is sent without offloads, and the others are sent
 * nevertheless.  Keeps the order.  Returns the number of packets that were
 * dropped. */
int
netdev_dpdk_tnl_tx_refused(struct netdev *netdev, uint16_t port_id, int qid,
                           struct rte_mbuf **pkts, int cnt, int n_good)
{
    int dropped = 0;

    for (;;) {
        int error = rte_errno;
        int sent = tx_burst(port_id, qid, pkts, n_good);

        pkts += sent;
        cnt -= sent;
        if (sent < n_good) {
            /* The queue is full. */
            netdev_dpdk_tnl_lost(netdev, netdev_dpdk_tnl_planned(pkts, cnt));
            rte_pktmbuf_free_bulk(pkts, cnt);
            return dropped + cnt;
        }
        if (!cnt) {
            return dropped;
        }
        dropped += !send_refused(netdev, port_id, qid, packet_of(pkts[0]),
                                 error);
        pkts++;
        cnt--;
        n_good = netdev_dpdk_tnl_tx_prepare(port_id, qid, pkts, cnt);
    }
}
