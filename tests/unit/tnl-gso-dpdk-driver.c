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

#include <string.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "dp-packet.h"
#include "netdev-provider.h"
#include "netdev-dpdk.h"
#include "tnl-gso-pkt.h"
#include "tnl-gso-ref.h"
#include "tnl-gso/ports/netdev-dpdk-tnl.h"
#include "util.h"

/* A driver for the port of tnl-gso-dpdk.h, and packets to send to it: see
 * tnl-gso-dpdk-driver.h. */

/* ---------------------------------------------------------------------------
 * The driver.
 * ------------------------------------------------------------------------ */

struct rte_mbuf *tg_frames[TG_MAX_FRAMES];
size_t tg_n_frames;
size_t tg_room;
size_t tg_at_once;
bool (*tg_refuses)(const struct rte_mbuf *);

/* Leaves in outer UDP checksums what drivers do: a start value, if they are
 * asked for them, otherwise zero; in checksums of UDP superpackets what no
 * device may rely on. */
static void
spoil_sums(struct rte_mbuf *mbuf)
{
    uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
    size_t outer = mbuf->outer_l2_len + mbuf->outer_l3_len;

    if (mbuf->ol_flags & (TX(OUTER_IPV4) | TX(OUTER_IPV6))
        && !dp_packet_tunnel_gre(CONTAINER_OF(mbuf, struct dp_packet, mbuf))) {
        ref_put16(frame + outer + 6,
                  mbuf->ol_flags & TX(OUTER_UDP_CKSUM) ? TG_START_VALUE : 0);
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
        if (tg_refuses && tg_refuses(pkts[i])) {
            rte_errno = ENOTSUP;
            return i;
        }
    }
    return n;
}

static uint16_t
burst(void *queue OVS_UNUSED, struct rte_mbuf **pkts, uint16_t n)
{
    n = MIN(n, MIN(tg_room, tg_at_once));
    for (uint16_t i = 0; i < n; i++) {
        ovs_assert(tg_n_frames < TG_MAX_FRAMES);
        tg_frames[tg_n_frames++] = pkts[i];
    }
    tg_room -= n;
    return n;
}

void
tg_driver_install(const struct netdev *port)
{
    int port_id = netdev_dpdk_get_port_id(CONST_CAST(struct netdev *, port));

    rte_eth_fp_ops[port_id].tx_pkt_prepare = prepare;
    rte_eth_fp_ops[port_id].tx_pkt_burst = burst;
}

/* Forgets what was sent, and refuses nothing. */
void
tg_driver_reset(void)
{
    for (size_t i = 0; i < tg_n_frames; i++) {
        rte_pktmbuf_free(tg_frames[i]);
    }
    tg_n_frames = 0;
    tg_room = tg_at_once = TG_MAX_FRAMES;
    tg_refuses = NULL;
}

/* 'port' becomes one with a device of 'driver' with 'capa', and 'ol_flags'. */
void
tg_device(struct netdev *port, const char *driver, uint64_t capa,
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

void
tg_send_one(struct netdev *port, struct dp_packet *p)
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
struct dp_packet *
tg_build(const struct pkt_row *row, bool single)
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
size_t
tg_expect_cut(const struct pkt_row *row, size_t first)
{
    const struct ref_job job = pkt_job(row);
    struct ref_frames cut;
    size_t len;
    uint8_t *frame = pkt_build_frame(row, &len);

    ovs_assert(!ref_cut(frame, len, &job, job.mss, &cut));
    ovs_assert(first + cut.n <= tg_n_frames);
    for (size_t i = 0; i < cut.n; i++) {
        const struct rte_mbuf *mbuf = tg_frames[first + i];

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
