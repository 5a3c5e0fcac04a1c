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
#include <rte_mbuf.h>

#include "dp-packet.h"
#include "netdev-provider.h"
#include "packets.h"
#include "tnl-gso-dpdk.h"
#include "tnl-gso-pkt.h"
#include "tnl-gso-ref.h"
#include "tnl-gso/core/tnl-gso-port.h"
#include "util.h"

/* lib/ports/netdev-dpdk-tx.c: what becomes of packets that a driver refuses,
 * and of superpackets that are longer than it takes. */

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

/* Segments that were counted as sent, and not as refused afterwards. */
static unsigned long long
left(const struct netdev *port)
{
    struct tnl_gso_stats stats;
    unsigned long long n = 0;

    tnl_gso_stats_get(port->tnl_gso, &stats);
    for (size_t e = 0; e < TNL_GSO_N_ENCAPS; e++) {
        for (size_t m = 0; m < TNL_GSO_N_METHODS; m++) {
            n += stats.tx[e][m].segments;
        }
    }
    return n - stats.events[TNL_GSO_E_TX_REFUSED];
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
        struct dp_packet *p = tg_build(&rows[i], single[i]);

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
    unsigned long long n_left = left(port);
    struct pkt_row rows[N_MIXED];
    bool single[N_MIXED];
    size_t next = 0;

    tg_refuses = refuses_flags;
    send_mixed(port);
    mixed_rows(rows, single);
    for (int i = 0; i < N_MIXED; i++) {
        next = tg_expect_cut(&rows[i], next);
    }
    ovs_assert(next == tg_n_frames);
    ovs_assert(dropped(port) == n_dropped);
    ovs_assert(refused(port) == n_refused + 4);
    ovs_assert(left(port) == n_left + 3 * 11);
}

/* Each packet that was handed over is dropped, and counted, once. */
static void
test_refused_always(struct netdev *port)
{
    unsigned long long n_dropped = dropped(port);
    unsigned long long n_left = left(port);

    tg_refuses = refuses_all;
    send_mixed(port);
    ovs_assert(!tg_n_frames);
    ovs_assert(dropped(port) == n_dropped + N_MIXED);
    ovs_assert(left(port) == n_left);
}

/* A queue that takes 'n' packets and refuses none. */
static void
test_full(struct netdev *port, size_t n)
{
    unsigned long long n_dropped = dropped(port);
    unsigned long long n_left = left(port);
    struct pkt_row rows[N_MIXED];
    bool single[N_MIXED];

    tg_room = n;
    send_mixed(port);
    ovs_assert(tg_n_frames == n);
    ovs_assert(dropped(port) == n_dropped + N_MIXED - n);
    mixed_rows(rows, single);
    for (size_t i = 0; i < n; i++) {
        n_left += single[i] ? 0 : 11;
    }
    ovs_assert(left(port) == n_left);
}

/* A port that is down. */
static void
test_down(struct netdev *port)
{
    unsigned long long n_dropped = dropped(port);
    unsigned long long n_left = left(port);
    struct netdev_saved_flags *flags;

    ovs_assert(!netdev_turn_flags_off(port, NETDEV_UP, &flags));
    send_mixed(port);
    netdev_restore_flags(flags);
    ovs_assert(!tg_n_frames);
    ovs_assert(dropped(port) == n_dropped + N_MIXED);
    ovs_assert(left(port) == n_left);
}

/* Nobody may cut instead. */
static void
test_refused_methods(struct netdev *port)
{
    unsigned long long n_dropped = dropped(port);
    struct pkt_row rows[N_MIXED];
    bool single[N_MIXED];

    tg_refuses = refuses_flags;
    atomic_store_relaxed(&port->tnl_gso->methods,
                         1u << TNL_GSO_HW | 1u << TNL_GSO_UDP_GSO);
    send_mixed(port);
    atomic_store_relaxed(&port->tnl_gso->methods, TNL_GSO_METHODS_ALL);
    mixed_rows(rows, single);
    ovs_assert(tg_expect_cut(&rows[3], tg_expect_cut(&rows[1], 0))
               == tg_n_frames);
    ovs_assert(dropped(port) == n_dropped + 3);
}

/* A queue that takes 'n' packets, 'once' in each call. */
static void
test_refused_room(struct netdev *port, size_t n, size_t once)
{
    unsigned long long n_dropped = dropped(port);
    unsigned long long n_refused = refused(port);
    unsigned long long n_left = left(port);
    struct pkt_row rows[N_MIXED];
    bool single[N_MIXED];
    size_t lost = 0, next = 0;

    tg_refuses = refuses_flags;
    tg_room = n;
    tg_at_once = once;
    send_mixed(port);
    ovs_assert(tg_n_frames == MIN(n, 11 + 1 + 11 + 1 + 11));

    /* Packets of which not all segments went out. */
    mixed_rows(rows, single);
    for (int i = 0; i < N_MIXED; i++) {
        next += single[i] ? 1 : 11;
        lost += next > n;
    }
    ovs_assert(dropped(port) == n_dropped + lost);
    /* The fourth one is not refused; without room for it there is no more. */
    ovs_assert(refused(port) == n_refused + (n < 11 + 1 + 11 + 1 ? 3 : 4));
    for (size_t i = 0; i < tg_n_frames; i++) {
        n_left += i != 11 && i != 11 + 1 + 11;
    }
    ovs_assert(left(port) == n_left);
}

/* There is no mbuf left for segments. */
static void
test_refused_empty(struct netdev *port)
{
    struct rte_mempool *mempool = tg_dpdk_mempool(port, NULL);
    unsigned long long n_dropped = dropped(port);
    unsigned long long n_left = left(port);
    struct rte_mbuf *taken = NULL, *mbuf;
    struct pkt_row rows[N_MIXED];
    bool single[N_MIXED];
    struct dp_packet *p, *super;

    mixed_rows(rows, single);
    super = tg_build(&rows[0], false);
    p = tg_dpdk_clone(mempool, super);
    dp_packet_delete(super);
    while ((mbuf = rte_pktmbuf_alloc(mempool)) != NULL) {
        mbuf->next = taken;
        taken = mbuf;
    }
    tg_refuses = refuses_flags;
    tg_send_one(port, p);
    ovs_assert(!tg_n_frames);
    ovs_assert(dropped(port) == n_dropped + 1);
    ovs_assert(left(port) == n_left);
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
        dp_packet_batch_add(&batch, tg_build(&row, true));
    }
    tg_refuses = refuses_marked;
    ovs_assert(!netdev_send(port, 0, &batch, false));
    dp_packet_batch_destroy(&batch);

    ovs_assert(tg_n_frames == n);
    for (size_t i = 0; i < n; i++) {
        if (i == marked) {
            row.payload = MARKED_PAYLOAD;
            tg_expect_cut(&row, i);
        } else {
            ovs_assert(tg_frames[i]->pkt_len == 54 + i + 1);
            ovs_assert(refuses_flags(tg_frames[i]));
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

    for (size_t i = 0; i < tg_n_frames; i++) {
        const struct rte_mbuf *mbuf = tg_frames[i];
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

    tg_driver_install(port);
    pkt_row_init(&row, REF_VXLAN);
    row.mss = 1300;
    for (int csum = 0; csum < 2; csum++) {
        row.csum = csum;
        tg_device(port, "net_new", ETH(VXLAN_TNL_TSO), TNL_FLAGS);
        for (row.payload = 65200; row.payload + HDR_LEN <= UINT16_MAX;
             row.payload += 7) {
            tg_driver_reset();
            tg_send_one(port, tg_build(&row, false));
            check_parts(&row, HDR_LEN, UINT16_MAX);
        }
        tg_device(port, "net_ixgbe", ETH(VXLAN_TNL_TSO), TNL_FLAGS);
        for (row.payload = 15599; row.payload < 35000; row.payload += 99) {
            tg_driver_reset();
            tg_send_one(port, tg_build(&row, false));
            check_parts(&row, HDR_LEN, MAX_BUF_LEN);
        }
    }
    tg_driver_reset();
}

void
tg_dpdk_test_refused(struct netdev *port)
{
    tg_driver_install(port);
    tg_device(port, "net_igc", ETH(VXLAN_TNL_TSO) | ETH(UDP_TSO),
              TSO_FLAGS | NETDEV_TX_OFFLOAD_OUTER_IP_CKSUM
              | NETDEV_TX_VXLAN_TNL_TSO);
    tg_driver_reset();
    test_refused_mixed(port);
    tg_driver_reset();
    test_refused_always(port);
    tg_driver_reset();
    test_refused_methods(port);
    tg_driver_reset();
    test_refused_empty(port);
    for (size_t n = 0; n <= N_MIXED; n++) {
        tg_driver_reset();
        test_full(port, n);
    }
    tg_driver_reset();
    test_down(port);
    for (size_t n = 0; n <= 36; n++) {
        tg_driver_reset();
        test_refused_room(port, n, n % 3 + 1);
    }
    for (size_t i = 0; i < 200; i += i < 63 ? 31 : i < 66 ? 1 : 33) {
        tg_driver_reset();
        test_refused_many(port, 200, i);
    }
    tg_driver_reset();
}
