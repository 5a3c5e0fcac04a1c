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

#include "test-tnl-gso.h"

#include "tnl-gso/ports/netdev-dpdk-drivers.h"

/* lib/ports/netdev-dpdk-drivers.c: each limit from both sides.
 *
 * The rows are what the sources of the drivers say, put down as packets. */

enum what { MSS, HDR, SEGS, LEN, BUF };

struct row {
    const char *driver;         /* rte_eth_dev_info.driver_name. */
    enum what what;
    uint32_t within;            /* This is in order, */
    uint32_t beyond;            /* this is not; 0: there is no limit. */
};

static const struct row rows[] = {
    { "net_i40e", MSS, 256, 255 },
    { "net_i40e", MSS, 9674, 9675 },
    { "net_i40e", LEN, 262144, 262145 },
    { "net_iavf", MSS, 256, 255 },
    { "net_iavf", MSS, 9668, 9669 },
    { "net_ice", MSS, 64, 63 },
    { "net_ice", MSS, 9728, 9729 },
    { "net_ice", LEN, 262144, 262145 },
    { "net_ice_dcf", MSS, 64, 63 },
    { "net_idpf", MSS, 88, 87 },
    { "net_idpf", MSS, 9728, 9729 },
    { "net_idpf", LEN, 262143, 262144 },
    { "net_idpf", BUF, 16383, 16384 },
    { "net_cpfl", MSS, 88, 87 },
    { "net_cpfl", MSS, 9728, 9729 },
    { "net_cpfl", LEN, 262143, 262144 },
    { "net_cpfl", BUF, 16383, 16384 },
    { "net_ixgbe", MSS, 1, 0 },
    { "net_ixgbe", BUF, 16384, 16385 },
    { "net_ixgbe_vf", BUF, 16384, 16385 },
    { "net_e1000_igb", HDR, 512, 513 },
    { "net_e1000_igb", BUF, 32768, 32769 },
    { "net_e1000_igb_vf", MSS, 9216, 9217 },
    { "net_e1000_em", BUF, 65535, 0 },
    { "net_igc", MSS, 9216, 9217 },
    { "net_igc", HDR, 512, 513 },
    { "net_igc", BUF, 32768, 32769 },
    { "net_fm10k", MSS, 64, 63 },
    { "net_fm10k", HDR, 192, 193 },
    { "net_fm10k", BUF, 16384, 16385 },
    { "net_txgbe", BUF, 16384, 16385 },
    { "net_txgbe_vf", BUF, 16384, 16385 },
    { "net_ngbe", BUF, 16384, 16385 },
    { "mlx5_pci", HDR, 192, 193 },
    { "mlx5_auxiliary", HDR, 192, 193 },
    { "net_mlx4", HDR, 192, 193 },
    { "net_bnxt", HDR, 500, 0 },
    { "net_cn9k", HDR, 255, 256 },
    { "net_cn9k", MSS, 16383, 16384 },
    { "net_cn10k", HDR, 255, 256 },
    { "net_cn10k", MSS, 16383, 16384 },
    { "net_cn20k", HDR, 255, 256 },
    { "net_cn20k", MSS, 16383, 16384 },
    { "net_hns3", MSS, 256, 255 },
    { "net_hns3", MSS, 9668, 9669 },
    { "net_hns3_vf", HDR, 512, 513 },
    { "net_hns3_vf", LEN, 1048575, 1048576 },
    { "net_nfp_pf", SEGS, 64, 65 },
    { "net_nfp_vf", HDR, 255, 256 },
    { "net_sfc_efx", HDR, 192, 193 },
    { "net_qede", MSS, 9672, 9673 },
    { "net_qede_vf", MSS, 9672, 9673 },
    { "net_enic", BUF, 16383, 16384 },
    { "net_hinic", MSS, 80, 79 },
    { "net_hinic", HDR, 221, 222 },
    { "net_hinic3", MSS, 80, 79 },
    { "net_hinic3", HDR, 221, 222 },
    { "net_atlantic", BUF, 16384, 16385 },
    { "net_vmxnet3", BUF, 16383, 16384 },
    { "net_virtio", BUF, 65535, 0 },
    { "net_virtio_user", MSS, 1, 0 },
};

/* A member of a bond may be any of these. */
static const char *const passing_on[] = {
    "net_bonding", "net_failsafe", "net_netvsc",
};

static const char *const unknown[] = {
    "", "net", "net_", "net_i40", "net_i40ex", "net_hinic4", "net_pcap",
    "net_ring", "net_null", "mlx", "mlx5x", "net_icecream",
};

static bool
within(const struct netdev_dpdk_driver *d, enum what what, uint32_t n)
{
    switch (what) {
    case MSS: return n >= d->min_mss && (!d->max_mss || n <= d->max_mss);
    case HDR: return !d->max_hdr_len || n <= d->max_hdr_len;
    case SEGS: return !d->max_segs || n <= d->max_segs;
    case LEN: return !d->max_len || n <= d->max_len;
    case BUF: return !d->max_buf_len || n <= d->max_buf_len;
    default: OVS_NOT_REACHED();
    }
}

static char *
check_row(const struct row *row)
{
    const struct netdev_dpdk_driver *d = netdev_dpdk_driver_find(row->driver);
    char *error = NULL;

    if (!d) {
        return xstrdup("is not in the table");
    }
    EXPECT(within(d, row->what, row->within), true);
    if (row->beyond) {
        EXPECT(within(d, row->what, row->beyond), false);
    }
    return error;
}

/* What a device is given by 'name' must be in order for each of 'rows', and
 * nothing more is refused. */
static char *
check_passing_on(const char *name)
{
    const struct netdev_dpdk_driver *d = netdev_dpdk_driver_find(name);
    char *error = NULL;

    if (!d) {
        return xstrdup("is not in the table");
    }
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (rows[i].beyond) {
            EXPECT(within(d, rows[i].what, rows[i].beyond), false);
        }
    }
    EXPECT(within(d, MSS, 256) && within(d, MSS, 9216), true);
    EXPECT(within(d, HDR, 192) && within(d, SEGS, 64), true);
    EXPECT(within(d, LEN, 262143) && within(d, BUF, 16383), true);
    EXPECT(d->no_tso6, true);
    EXPECT(d->csum_by_len, false);
    EXPECT(d->udp_tso, NETDEV_DPDK_UDP_TSO_UNKNOWN);
    return error;
}

/* The names for which 'member' is 'value', of 'names' and all others. */
#define CHECK_SET(MEMBER, VALUE, ...)                                       \
    do {                                                                    \
        static const char *const names[] = { __VA_ARGS__ };                 \
                                                                            \
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {                     \
            const struct netdev_dpdk_driver *d                              \
                = netdev_dpdk_driver_find(rows[i].driver);                  \
            bool is_in = false;                                             \
            char *error = NULL;                                             \
                                                                            \
            for (size_t j = 0; j < ARRAY_SIZE(names); j++) {                \
                is_in |= !strcmp(rows[i].driver, names[j]);                 \
            }                                                               \
            EXPECT(d && d->MEMBER == (VALUE), is_in);                       \
            test_case(error, "%s, " #MEMBER, rows[i].driver);               \
        }                                                                   \
    } while (0)

/* 'MEMBER' of drivers that no row of 'rows' is about. */
#define CHECK_ONE(NAME, MEMBER, VALUE)                                      \
    do {                                                                    \
        const struct netdev_dpdk_driver *d = netdev_dpdk_driver_find(NAME); \
        char *error = NULL;                                                 \
                                                                            \
        EXPECT(d && d->MEMBER == (VALUE), true);                            \
        test_case(error, "%s, " #MEMBER, NAME);                             \
    } while (0)

void
test_dpdk_drivers(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        test_case(check_row(&rows[i]), "%s, row %"PRIuSIZE, rows[i].driver, i);
    }
    for (size_t i = 0; i < ARRAY_SIZE(passing_on); i++) {
        test_case(check_passing_on(passing_on[i]), "%s", passing_on[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
        test_case(netdev_dpdk_driver_find(unknown[i])
                  ? xstrdup("is in the table") : NULL, "\"%s\"", unknown[i]);
    }

    CHECK_SET(udp_tso, NETDEV_DPDK_UDP_TSO_DATAGRAMS, "net_igc", "net_bnxt");
    CHECK_SET(udp_tso, NETDEV_DPDK_UDP_TSO_FRAGMENTS, "");
    CHECK_SET(no_tso, true, "");
    CHECK_SET(no_tso6, true, "");
    /* These write l2_len or l2_len + l3_len into a descriptor. */
    CHECK_SET(csum_by_len, true,
              "net_i40e", "net_iavf", "net_ice", "net_ice_dcf", "net_ixgbe",
              "net_ixgbe_vf", "net_e1000_igb", "net_e1000_igb_vf",
              "net_e1000_em", "net_igc", "net_cn9k", "net_cn10k", "net_cn20k",
              "net_vmxnet3", "net_virtio", "net_virtio_user");
    CHECK_ONE("net_tap", no_tso, true);
    CHECK_ONE("net_tap", csum_by_len, false);
    CHECK_ONE("net_ena", no_tso, false);
    CHECK_ONE("net_ena", no_tso6, true);
    CHECK_ONE("net_ena", csum_by_len, false);
    CHECK_ONE("net_zxdh", no_tso, true);
    CHECK_ONE("net_zxdh", udp_tso, NETDEV_DPDK_UDP_TSO_FRAGMENTS);
}
