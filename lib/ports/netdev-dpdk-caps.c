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

#include <string.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "core/tnl-gso-port.h"
#include "netdev-dpdk.h"
#include "netdev-provider.h"
#include "openvswitch/dynamic-string.h"
#include "ports/netdev-dpdk-drivers.h"
#include "stages/tnl-gso-flags.h"
#include "userspace-tso.h"
#include "util.h"

/* Capabilities of DPDK devices for superpackets, and the offloads that Open
 * vSwitch enables on them besides those that upstream enables.
 *
 * Called by netdev-dpdk.c when it configures a device, to which no thread can
 * send meanwhile, and by `tnl-gso/show`.  Must not look at packets. */

/* A mbuf's l2_len has 7 bits. */
enum { MAX_L2_LEN = 127 };

/* Hangs on the tnl_gso_port of a DPDK port. */
struct netdev_dpdk_tnl {
    /* RTE_MBUF_F_TX_TUNNEL_* flag for each tunnel type, or 0 if the device
     * does not know it. */
    uint64_t tunnel_flag[TNL_GSO_N_ENCAPS];
    bool configured;
    char *driver;
    uint64_t capa;              /* RTE_ETH_TX_OFFLOAD_* of the device. */
    uint16_t seg_max;           /* dev_info.tx_desc_lim.nb_seg_max and */
    uint16_t mtu_seg_max;       /* nb_mtu_seg_max; 0: not reported. */
};

static const struct tnl_gso_flag_name capa_names[] = {
    { RTE_ETH_TX_OFFLOAD_IPV4_CKSUM, "ipv4_cksum" },
    { RTE_ETH_TX_OFFLOAD_UDP_CKSUM, "udp_cksum" },
    { RTE_ETH_TX_OFFLOAD_TCP_CKSUM, "tcp_cksum" },
    { RTE_ETH_TX_OFFLOAD_SCTP_CKSUM, "sctp_cksum" },
    { RTE_ETH_TX_OFFLOAD_TCP_TSO, "tcp_tso" },
    { RTE_ETH_TX_OFFLOAD_UDP_TSO, "udp_tso" },
    { RTE_ETH_TX_OFFLOAD_OUTER_IPV4_CKSUM, "outer_ipv4_cksum" },
    { RTE_ETH_TX_OFFLOAD_OUTER_UDP_CKSUM, "outer_udp_cksum" },
    { RTE_ETH_TX_OFFLOAD_VXLAN_TNL_TSO, "vxlan_tnl_tso" },
    { RTE_ETH_TX_OFFLOAD_GENEVE_TNL_TSO, "geneve_tnl_tso" },
    { RTE_ETH_TX_OFFLOAD_GRE_TNL_TSO, "gre_tnl_tso" },
    { RTE_ETH_TX_OFFLOAD_IPIP_TNL_TSO, "ipip_tnl_tso" },
    { RTE_ETH_TX_OFFLOAD_UDP_TNL_TSO, "udp_tnl_tso" },
    { RTE_ETH_TX_OFFLOAD_IP_TNL_TSO, "ip_tnl_tso" },
    { RTE_ETH_TX_OFFLOAD_MULTI_SEGS, "multi_segs" },
};

/* Tunnel types, and the capabilities of a device that cuts them.  A device
 * that cuts any UDP or IP tunnel also cuts this one, but is told so by another
 * flag. */
static const struct {
    enum tnl_gso_encap encap;
    uint64_t ol_flag;           /* NETDEV_TX_* or TNL_GSO_TX_*. */
    uint64_t capa, flag;
    uint64_t generic_capa, generic_flag;
} tunnels[] = {
    { TNL_GSO_VXLAN, NETDEV_TX_VXLAN_TNL_TSO,
      RTE_ETH_TX_OFFLOAD_VXLAN_TNL_TSO, RTE_MBUF_F_TX_TUNNEL_VXLAN,
      RTE_ETH_TX_OFFLOAD_UDP_TNL_TSO, RTE_MBUF_F_TX_TUNNEL_UDP },
    { TNL_GSO_GENEVE, NETDEV_TX_GENEVE_TNL_TSO,
      RTE_ETH_TX_OFFLOAD_GENEVE_TNL_TSO, RTE_MBUF_F_TX_TUNNEL_GENEVE,
      RTE_ETH_TX_OFFLOAD_UDP_TNL_TSO, RTE_MBUF_F_TX_TUNNEL_UDP },
    { TNL_GSO_GRE, NETDEV_TX_GRE_TNL_TSO,
      RTE_ETH_TX_OFFLOAD_GRE_TNL_TSO, RTE_MBUF_F_TX_TUNNEL_GRE,
      RTE_ETH_TX_OFFLOAD_IP_TNL_TSO, RTE_MBUF_F_TX_TUNNEL_IP },
    { TNL_GSO_IPIP, TNL_GSO_TX_IPIP_TNL_TSO,
      RTE_ETH_TX_OFFLOAD_IPIP_TNL_TSO, RTE_MBUF_F_TX_TUNNEL_IPIP,
      RTE_ETH_TX_OFFLOAD_IP_TNL_TSO, RTE_MBUF_F_TX_TUNNEL_IP },
};

/* Sets the limits in 'limits' that every mbuf has.  netdev-dpdk.c copies a
 * superpacket that is no mbuf into an external buffer, which is 64 kB long
 * with its headroom and the data that DPDK keeps at its end. */
static void
limit_mbuf(struct tnl_gso_limits *limits)
{
    uint32_t len = (ROUND_DOWN(UINT16_MAX, sizeof(uintptr_t))
                    - netdev_dpdk_extbuf_size(RTE_PKTMBUF_HEADROOM));

    limits->max_len = limits->max_len ? MIN(len, limits->max_len) : len;
    limits->max_l2_len = MAX_L2_LEN;
}

/* Makes the state of a DPDK port.  Its limits are those of vhost ports, whose
 * library knows no tunnels but tells the guest at which byte a checksum
 * begins; and those of every other device until it has been configured. */
void
netdev_dpdk_tnl_port_init(struct tnl_gso_port *port)
{
    port->dpdk = xzalloc(sizeof *port->dpdk);
    limit_mbuf(&port->limits);
    port->limits.sums_by_len = true;
    atomic_store_relaxed(&port->mtu, RTE_ETHER_MTU);
}

/* Frees the state that netdev_dpdk_tnl_port_init() has made, if there is
 * one. */
void
netdev_dpdk_tnl_port_destroy(struct tnl_gso_port *port)
{
    if (port->dpdk) {
        free(port->dpdk->driver);
        free(port->dpdk);
    }
}

/* Sets the MTU of 'netdev' to 'mtu' bytes, Ethernet header not included. */
void
netdev_dpdk_tnl_set_mtu(struct netdev *netdev, int mtu)
{
    atomic_store_relaxed(&netdev->tnl_gso->mtu, mtu);
}

/* Returns the RTE_MBUF_F_TX_TUNNEL_* flag by which an mbuf tells the device of
 * 'netdev' that it is in a tunnel of type 'encap', or 0 if the device does not
 * know such tunnels. */
uint64_t
netdev_dpdk_tnl_flag(const struct netdev *netdev, unsigned int encap)
{
    return netdev->tnl_gso->dpdk->tunnel_flag[encap];
}

/* Stores the capabilities of the device of 'netdev', from 'info', in place of
 * earlier ones.  Returns the RTE_ETH_TX_OFFLOAD_* with which it has to be
 * configured, besides those of upstream.
 *
 * A device that cuts tunnels of a type also completes checksums in them, with
 * userspace TSO disabled, too. */
uint64_t
netdev_dpdk_tnl_configure(struct netdev *netdev,
                          const struct rte_eth_dev_info *info)
{
    const struct netdev_dpdk_driver *driver =
        netdev_dpdk_driver_find(info->driver_name);
    struct tnl_gso_port *port = netdev->tnl_gso;
    struct netdev_dpdk_tnl *dpdk = port->dpdk;
    uint64_t capa = info->tx_offload_capa;
    uint64_t super_flags = 0;
    uint64_t offloads = 0;

    free(dpdk->driver);
    dpdk->driver = xstrdup(info->driver_name);
    dpdk->configured = true;
    dpdk->capa = capa;
    dpdk->seg_max = info->tx_desc_lim.nb_seg_max;
    dpdk->mtu_seg_max = info->tx_desc_lim.nb_mtu_seg_max;

    netdev_dpdk_driver_limits(driver, &port->limits);
    limit_mbuf(&port->limits);
    for (size_t i = 0; i < ARRAY_SIZE(tunnels); i++) {
        enum tnl_gso_encap encap = tunnels[i].encap;
        uint64_t flag = 0;

        if (capa & tunnels[i].capa) {
            flag = tunnels[i].flag;
            if (tunnels[i].ol_flag >= TNL_GSO_TX_UDP_GSO) {
                /* Upstream knows nothing of it. */
                super_flags |= tunnels[i].ol_flag;
                offloads |= tunnels[i].capa;
            }
        } else if (capa & tunnels[i].generic_capa) {
            flag = tunnels[i].generic_flag;
            super_flags |= tunnels[i].ol_flag;
            offloads |= tunnels[i].generic_capa;
        }
        dpdk->tunnel_flag[encap] = flag;
        if (flag) {
            port->limits.tunnels |= 1u << encap;
        }
    }
    if (capa & RTE_ETH_TX_OFFLOAD_UDP_TSO
        && capa & RTE_ETH_TX_OFFLOAD_UDP_CKSUM
        && driver && driver->udp_tso == NETDEV_DPDK_UDP_TSO_DATAGRAMS) {
        super_flags |= TNL_GSO_TX_UDP_GSO;
        offloads |= RTE_ETH_TX_OFFLOAD_UDP_TSO;
    }

    if (!userspace_tso_enabled()) {
        super_flags = offloads = 0;
    }
    atomic_store_relaxed(&port->super_flags, super_flags);
    return offloads;
}

/* Appends the limit 'value' to 'ds' as 'name', unless it is 0: no limit. */
static void
put_limit(struct ds *ds, const char *name, unsigned int value)
{
    if (value) {
        ds_put_format(ds, "%s%s=%u", ds->length ? "," : "", name, value);
    }
}

/* Calls 'cb' with 'aux' for each capability and limit that is known of
 * 'netdev', for `tnl-gso/show`. */
void
netdev_dpdk_tnl_list(const struct netdev *netdev,
                     void (*cb)(const char *name, const char *text, void *aux),
                     void *aux)
{
    const struct tnl_gso_limits *limits = &netdev->tnl_gso->limits;
    const struct netdev_dpdk_tnl *dpdk = netdev->tnl_gso->dpdk;
    struct ds ds = DS_EMPTY_INITIALIZER;

    if (!dpdk) {
        return;
    }
    if (dpdk->configured) {
        cb("driver", dpdk->driver, aux);
        tnl_gso_format_flags(dpdk->capa, capa_names, ARRAY_SIZE(capa_names),
                             &ds);
        cb("device-offloads", ds_cstr(&ds), aux);
        ds_clear(&ds);
    }
    put_limit(&ds, "no_tso", limits->no_tso);
    put_limit(&ds, "no_tso6", limits->no_tso6);
    put_limit(&ds, "min_mss", limits->min_mss);
    put_limit(&ds, "max_mss", limits->max_mss);
    put_limit(&ds, "max_hdr_len", limits->max_hdr_len);
    put_limit(&ds, "max_segs", limits->max_segs);
    put_limit(&ds, "max_len", limits->max_len);
    put_limit(&ds, "max_l2_len", limits->max_l2_len);
    put_limit(&ds, "seg_max", dpdk->seg_max);
    put_limit(&ds, "mtu_seg_max", dpdk->mtu_seg_max);
    cb("limits", ds_cstr(&ds), aux);
    ds_destroy(&ds);
}
