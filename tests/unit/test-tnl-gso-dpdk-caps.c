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

#include <rte_ethdev.h>

#include "netdev-provider.h"
#include "tnl-gso/ports/netdev-dpdk-tnl.h"
#include "tnl-gso/core/tnl-gso-port.h"
#include "userspace-tso.h"
#include "util.h"

/* lib/ports/netdev-dpdk-caps.c: what becomes of what a device says of itself. */

#define ETH(NAME) RTE_ETH_TX_OFFLOAD_##NAME
#define SUMS (ETH(IPV4_CKSUM) | ETH(UDP_CKSUM) | ETH(TCP_CKSUM) | ETH(TCP_TSO))

enum { VXLAN_ = 1 << TNL_GSO_VXLAN, GENEVE_ = 1 << TNL_GSO_GENEVE,
       GRE_ = 1 << TNL_GSO_GRE, IPIP_ = 1 << TNL_GSO_IPIP };

/* An mbuf's data has up to 64 kB, of which there are 128 bytes of headroom, 24
 * of the data's reference count and 8 for a pointer. */
enum { MAX_LEN = 65528 - 128 - 24 - 8 };

static const struct {
    const char *driver;
    uint64_t capa;
    uint64_t offloads;          /* Asked for by us. */
    uint64_t super_flags;       /* In addition to the netdev's own. */
    uint64_t vxlan, geneve, gre, ipip; /* By which it is told of these. */
    struct tnl_gso_limits limits;
} rows[] = {
    { "net_new", 0, 0, 0, 0, 0, 0, 0,
      { .max_len = MAX_LEN, .max_l2_len = 127 } },
    { "net_i40e", SUMS | ETH(VXLAN_TNL_TSO) | ETH(GRE_TNL_TSO), 0, 0,
      RTE_MBUF_F_TX_TUNNEL_VXLAN, 0, RTE_MBUF_F_TX_TUNNEL_GRE, 0,
      { .min_mss = 256, .max_mss = 9674, .max_len = MAX_LEN,
        .max_l2_len = 127, .tunnels = VXLAN_ | GRE_, .sums_by_len = true } },

    /* Its own flag for a tunnel that it knows by name, too. */
    { "net_new", SUMS | ETH(UDP_TNL_TSO) | ETH(GENEVE_TNL_TSO),
      ETH(UDP_TNL_TSO), NETDEV_TX_VXLAN_TNL_TSO,
      RTE_MBUF_F_TX_TUNNEL_UDP, RTE_MBUF_F_TX_TUNNEL_GENEVE, 0, 0,
      { .max_len = MAX_LEN, .max_l2_len = 127, .tunnels = VXLAN_ | GENEVE_ } },
    { "net_new", SUMS | ETH(UDP_TNL_TSO) | ETH(IP_TNL_TSO),
      ETH(UDP_TNL_TSO) | ETH(IP_TNL_TSO),
      NETDEV_TX_VXLAN_TNL_TSO | NETDEV_TX_GENEVE_TNL_TSO
      | NETDEV_TX_GRE_TNL_TSO | TNL_GSO_TX_IPIP_TNL_TSO,
      RTE_MBUF_F_TX_TUNNEL_UDP, RTE_MBUF_F_TX_TUNNEL_UDP,
      RTE_MBUF_F_TX_TUNNEL_IP, RTE_MBUF_F_TX_TUNNEL_IP,
      { .max_len = MAX_LEN, .max_l2_len = 127,
        .tunnels = VXLAN_ | GENEVE_ | GRE_ | IPIP_ } },

    /* Upstream asks for no IP in IP. */
    { "net_new", SUMS | ETH(IPIP_TNL_TSO) | ETH(IP_TNL_TSO),
      ETH(IPIP_TNL_TSO) | ETH(IP_TNL_TSO),
      NETDEV_TX_GRE_TNL_TSO | TNL_GSO_TX_IPIP_TNL_TSO,
      0, 0, RTE_MBUF_F_TX_TUNNEL_IP, RTE_MBUF_F_TX_TUNNEL_IPIP,
      { .max_len = MAX_LEN, .max_l2_len = 127, .tunnels = GRE_ | IPIP_ } },

    /* UDP that is cut to datagrams, and checksums for them. */
    { "net_igc", SUMS | ETH(UDP_TSO), ETH(UDP_TSO), TNL_GSO_TX_UDP_GSO,
      0, 0, 0, 0,
      { .max_mss = 9216, .max_hdr_len = 512, .max_len = 32768,
        .max_l2_len = 127, .sums_by_len = true } },
    { "net_bnxt", SUMS | ETH(UDP_TSO), ETH(UDP_TSO), TNL_GSO_TX_UDP_GSO,
      0, 0, 0, 0, { .max_len = MAX_LEN, .max_l2_len = 127 } },
    { "net_bnxt", (SUMS & ~ETH(UDP_CKSUM)) | ETH(UDP_TSO), 0, 0, 0, 0, 0, 0,
      { .max_len = MAX_LEN, .max_l2_len = 127 } },
    { "net_zxdh", SUMS | ETH(UDP_TSO), 0, 0, 0, 0, 0, 0,
      { .no_tso = true, .max_len = MAX_LEN, .max_l2_len = 127 } },
    { "net_new", SUMS | ETH(UDP_TSO), 0, 0, 0, 0, 0, 0,
      { .max_len = MAX_LEN, .max_l2_len = 127 } },

    /* The smaller one of two lengths, or the only one. */
    { "net_idpf", SUMS, 0, 0, 0, 0, 0, 0,
      { .min_mss = 88, .max_mss = 9728, .max_len = 16383,
        .max_l2_len = 127 } },
    { "net_ixgbe", SUMS, 0, 0, 0, 0, 0, 0,
      { .max_len = 16384, .max_l2_len = 127, .sums_by_len = true } },
    { "net_nfp_pf", SUMS, 0, 0, 0, 0, 0, 0,
      { .max_hdr_len = 255, .max_segs = 64, .max_len = MAX_LEN,
        .max_l2_len = 127 } },
    { "net_ena", SUMS, 0, 0, 0, 0, 0, 0,
      { .no_tso6 = true, .max_len = MAX_LEN, .max_l2_len = 127 } },
};

/* Without userspace TSO, nobody cuts, and nothing is asked for. */
static void
check(struct netdev *port, size_t i, bool tso)
{
    const struct rte_eth_dev_info info = {
        .driver_name = rows[i].driver,
        .tx_offload_capa = rows[i].capa,
    };
    const struct tnl_gso_limits *limits = &port->tnl_gso->limits;
    const struct tnl_gso_limits *expected = &rows[i].limits;
    uint64_t super_flags;

    ovs_assert(netdev_dpdk_tnl_configure(port, &info)
               == (tso ? rows[i].offloads : 0));
    atomic_read_relaxed(&port->tnl_gso->super_flags, &super_flags);
    ovs_assert(super_flags == (tso ? rows[i].super_flags : 0));
    ovs_assert(netdev_dpdk_tnl_flag(port, TNL_GSO_VXLAN) == rows[i].vxlan);
    ovs_assert(netdev_dpdk_tnl_flag(port, TNL_GSO_GENEVE) == rows[i].geneve);
    ovs_assert(netdev_dpdk_tnl_flag(port, TNL_GSO_GRE) == rows[i].gre);
    ovs_assert(netdev_dpdk_tnl_flag(port, TNL_GSO_IPIP) == rows[i].ipip);

    ovs_assert(limits->no_tso == expected->no_tso);
    ovs_assert(limits->no_tso6 == expected->no_tso6);
    ovs_assert(limits->min_mss == expected->min_mss);
    ovs_assert(limits->max_mss == expected->max_mss);
    ovs_assert(limits->max_hdr_len == expected->max_hdr_len);
    ovs_assert(limits->max_segs == expected->max_segs);
    ovs_assert(limits->max_len == expected->max_len);
    ovs_assert(limits->max_l2_len == expected->max_l2_len);
    ovs_assert(limits->tunnels == expected->tunnels);
    ovs_assert(limits->sums_by_len == expected->sums_by_len);
}

/* What holds as long as nothing is known, and always for vhost-user ports. */
static void
check_init(void)
{
    struct tnl_gso_port port = { .dpdk = NULL };
    uint32_t mtu;

    netdev_dpdk_tnl_port_init(&port);
    atomic_read_relaxed(&port.mtu, &mtu);
    ovs_assert(mtu == 1500);
    ovs_assert(port.limits.max_len == MAX_LEN);
    ovs_assert(port.limits.max_l2_len == 127);
    ovs_assert(port.limits.sums_by_len);
    ovs_assert(!port.limits.tunnels);
    netdev_dpdk_tnl_port_destroy(&port);
}

static void
check_mtu(struct netdev *port)
{
    ovs_assert(tnl_gso_port_caps(port->tnl_gso).max_frame_len == 1518);
    ovs_assert(!netdev_set_mtu(port, 9000));
    ovs_assert(tnl_gso_port_caps(port->tnl_gso).max_frame_len == 1518);
    ovs_assert(!netdev_reconfigure(port));
    ovs_assert(tnl_gso_port_caps(port->tnl_gso).max_frame_len == 9018);
    ovs_assert(!netdev_set_mtu(port, 1500) && !netdev_reconfigure(port));
    ovs_assert(tnl_gso_port_caps(port->tnl_gso).max_frame_len == 1518);
}

/* In turns, so that each finds what others have left. */
void
tg_dpdk_test_caps(struct netdev *port)
{
    bool tso = userspace_tso_enabled();

    check_init();
    check_mtu(port);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        check(port, i, tso);
        check(port, (i * 5 + 1) % ARRAY_SIZE(rows), tso);
        check(port, i, tso);
    }
}
