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

#include "command-line.h"
#include "netdev-provider.h"
#include "tests/ovstest.h"
#include "tnl-gso/ports/netdev-dpdk-drivers.h"
#include "tnl-gso/stages/tnl-gso-plan.h"
#include "util.h"

/* What the plan stage chooses for network devices of DPDK, and what their
 * drivers limit, as lines of fields separated by tabs, from which
 * build-aux/gen-dpdk-nics makes tables.
 *
 * What a device advertises is put down here, at its best: it also depends on
 * model, firmware and configuration.  From the sources of DPDK 22.11.11, and
 * compared with the masks of capabilities in Debian's libraries of 24.11.8 and
 * 25.11.4; nothing was tried on a device. */

#define TCP (NETDEV_TX_OFFLOAD_TCP_CKSUM | NETDEV_TX_OFFLOAD_UDP_CKSUM \
             | NETDEV_TX_OFFLOAD_TCP_TSO)
#define VXLAN NETDEV_TX_VXLAN_TNL_TSO
#define GENEVE NETDEV_TX_GENEVE_TNL_TSO
#define GRE NETDEV_TX_GRE_TNL_TSO
#define OUTER_IP NETDEV_TX_OFFLOAD_OUTER_IP_CKSUM
#define OUTER_UDP NETDEV_TX_OFFLOAD_OUTER_UDP_CKSUM
#define UDP_TUNNELS (TCP | VXLAN | GENEVE | OUTER_IP)
#define TUNNELS (UDP_TUNNELS | GRE)

static const struct {
    const char *device;
    const char *driver;         /* rte_eth_dev_info.driver_name. */
    uint64_t ol_flags;
    bool udp_tso;               /* RTE_ETH_TX_OFFLOAD_UDP_TSO. */
} nics[] = {
    { "bnxt", "net_bnxt", TUNNELS, true },
    { "cnxk", "net_cn10k", TUNNELS | OUTER_UDP, false },
    { "enic", "net_enic", UDP_TUNNELS, false },
    { "hns3", "net_hns3", TUNNELS, false },
    { "hns3, newer", "net_hns3", TUNNELS | OUTER_UDP, false },
    { "i40e", "net_i40e", TUNNELS, false },
    { "i40e, X722", "net_i40e", TUNNELS | OUTER_UDP, false },
    { "iavf", "net_iavf", TUNNELS | OUTER_UDP, false },
    { "ice", "net_ice", TUNNELS | OUTER_UDP, false },
    { "igc", "net_igc", TCP, true },
    { "mlx4", "net_mlx4", TCP | VXLAN | GRE | OUTER_IP, false },
    { "mlx5", "mlx5_pci", TUNNELS, false },
    { "nfp", "net_nfp_pf", TCP | VXLAN, true },
    { "qede", "net_qede", UDP_TUNNELS, false },
    { "rnp", "net_rnp", TCP | VXLAN | GRE | OUTER_IP, false },
    { "sfc, EF10", "net_sfc_efx", UDP_TUNNELS, false },
    { "sfc, EF100", "net_sfc_efx", UDP_TUNNELS | OUTER_UDP, false },
    { "txgbe", "net_txgbe", TUNNELS, true },
    { "txgbe_vf", "net_txgbe_vf", TCP | VXLAN | GENEVE | GRE, true },
    { "zxdh", "net_zxdh", TCP | VXLAN | OUTER_IP | OUTER_UDP, true },
    { "tap", "net_tap", TCP, false },
    { "TCP TSO only", "net_ixgbe", TCP | OUTER_IP, false },
    { "no TSO", "net_af_packet", 0, false },
};

/* The columns of print_methods(). */
static const struct {
    enum tnl_gso_encap encap;
    bool csum;
} kinds[] = {
    { TNL_GSO_VXLAN, false },
    { TNL_GSO_VXLAN, true },
    { TNL_GSO_GENEVE, false },
    { TNL_GSO_GENEVE, true },
    { TNL_GSO_GRE, false },
    { TNL_GSO_STT, true },
};

static struct tnl_gso_caps
nic_caps(size_t i)
{
    const struct netdev_dpdk_driver *driver
        = netdev_dpdk_driver_find(nics[i].driver);
    struct tnl_gso_caps caps = {
        .ol_flags = nics[i].ol_flags,
        .methods = TNL_GSO_METHODS_ALL,
    };

    netdev_dpdk_driver_limits(driver, &caps.limits);
    if (driver && nics[i].udp_tso
        && driver->udp_tso == NETDEV_DPDK_UDP_TSO_DATAGRAMS) {
        caps.ol_flags |= TNL_GSO_TX_UDP_GSO;
    }
    return caps;
}

/* A superpacket within all limits of devices. */
static enum tnl_gso_method
method(const struct tnl_gso_caps *caps, size_t kind, bool ipv4)
{
    uint32_t payload_len = 14000;
    uint16_t mss = 1400;
    struct tnl_gso_desc d = {
        .encap = kinds[kind].encap,
        .outer = { .version = ipv4 ? 4 : 6, .l4_ofs = ipv4 ? 34 : 54 },
        .inner = { .version = 4, .proto = IPPROTO_TCP },
        .hdr_len = (ipv4 ? 84 : 104) + 20,
        .payload_len = payload_len,
        .mss = mss,
        .n_segs = payload_len / mss,
        .outer_csum = kinds[kind].csum,
        .l4_partial = true,
    };
    struct tnl_gso_plan plan;

    tnl_gso_plan(&d, caps, &plan);
    return plan.method;
}

static void
print_line(size_t nic, const struct tnl_gso_caps *caps, const char *outer,
           bool ipv4)
{
    printf("%s\t%s", nics[nic].device, outer);
    for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
        printf("\t%s", tnl_gso_method_to_string(method(caps, kind, ipv4)));
    }
    printf("\n");
}

static void
print_methods(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    for (size_t i = 0; i < ARRAY_SIZE(nics); i++) {
        struct tnl_gso_caps caps = nic_caps(i);
        bool same = true;

        for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
            same &= method(&caps, kind, true) == method(&caps, kind, false);
        }
        if (same) {
            print_line(i, &caps, "any", true);
        } else {
            print_line(i, &caps, "IPv4", true);
            print_line(i, &caps, "IPv6", false);
        }
    }
}

static void
print_limit(uint32_t limit)
{
    if (limit) {
        printf("\t%"PRIu32, limit);
    } else {
        printf("\t-");
    }
}

static void
print_limits(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    size_t n;
    const struct netdev_dpdk_driver *drivers = netdev_dpdk_drivers(&n);

    for (size_t i = 0; i < n; i++) {
        const struct netdev_dpdk_driver *d = &drivers[i];

        if (!d->no_tso && (d->min_mss || d->max_mss || d->max_hdr_len
                           || d->max_segs || d->max_buf_len)) {
            printf("%s", d->name);
            print_limit(d->min_mss);
            print_limit(d->max_mss);
            print_limit(d->max_hdr_len);
            print_limit(d->max_segs);
            print_limit(d->max_buf_len);
            printf("\n");
        }
    }
}

static const struct ovs_cmdl_command commands[] = {
    { "methods", NULL, 0, 0, print_methods, OVS_RO },
    { "limits", NULL, 0, 0, print_limits, OVS_RO },
    { NULL, NULL, 0, 0, NULL, OVS_RO },
};

static void
tnl_gso_nics_main(int argc, char *argv[])
{
    struct ovs_cmdl_context ctx = {
        .argc = argc - 1,
        .argv = argv + 1,
    };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("tnl-gso-nics", tnl_gso_nics_main);
