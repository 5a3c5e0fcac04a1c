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

#include "ports/netdev-dpdk-drivers.h"

#include <string.h>

#include "stages/tnl-gso-plan.h"
#include "util.h"

/* "prepare" is the function that the driver has for rte_eth_tx_prepare().  A
 * limit that it checks is here, too: packets beyond it are cut by us without
 * trying the driver first. */
static const struct netdev_dpdk_driver drivers[] = {
    /* i40e_prep_pkts().  MSS outside of this is a malicious event. */
    { .name = "net_i40e", .min_mss = 256, .max_mss = 9674, .max_len = 262144,
      .csum_by_len = true },

    /* iavf_prep_pkts(). */
    { .name = "net_iavf", .min_mss = 256, .max_mss = 9668,
      .csum_by_len = true },

    /* ice_prep_pkts(). */
    { .name = "net_ice", .min_mss = 64, .max_mss = 9728, .max_len = 262144,
      .csum_by_len = true },

    /* idpf_prep_pkts(), since 23.03 idpf_dp_prep_pkts(); net_cpfl has the
     * same.  idpf_splitq_xmit_pkts() writes a length into 14 bits. */
    { .name = "net_idpf", .min_mss = 88, .max_mss = 9728, .max_len = 262143,
      .max_buf_len = 16383 },
    { .name = "net_cpfl", .min_mss = 88, .max_mss = 9728, .max_len = 262143,
      .max_buf_len = 16383 },

    /* ixgbe_xmit_pkts() gives each mbuf to the device as one buffer; Linux'
     * driver makes them at most 16 kB (IXGBE_MAX_DATA_PER_TXD). */
    { .name = "net_ixgbe", .max_buf_len = 16384, .csum_by_len = true },

    /* eth_igb_prep_pkts(); buffers as above, 32 kB (IGB_MAX_DATA_PER_TXD). */
    { .name = "net_e1000_igb", .max_mss = 9216, .max_hdr_len = 512,
      .max_buf_len = 32768, .csum_by_len = true },

    /* em_set_xmit_ctx(). */
    { .name = "net_e1000_em", .csum_by_len = true },

    /* eth_igc_prep_pkts(), igc_set_xmit_ctx(): the descriptor for UDP is the
     * one with which Linux' igc_tso() serves GSO_UDP_L4.  Buffers as above,
     * 32 kB (IGC_MAX_DATA_PER_TXD). */
    { .name = "net_igc", .max_mss = 9216, .max_hdr_len = 512,
      .max_buf_len = 32768, .udp_tso = NETDEV_DPDK_UDP_TSO_DATAGRAMS,
      .csum_by_len = true },

    /* fm10k_prep_pkts(); FM10K_TSO_MAX_HEADERLEN; buffers as above, 16 kB
     * (FM10K_MAX_DATA_PER_TXD). */
    { .name = "net_fm10k", .min_mss = 64, .max_hdr_len = 192,
      .max_buf_len = 16384 },

    /* txgbe_prep_pkts(), ngbe_prep_pkts(): those of 22.11 refuse UDP_SEG;
     * what the device makes of it is not known.  Buffers as above, 16 kB
     * (WX_MAX_DATA_PER_TXD). */
    { .name = "net_txgbe", .max_buf_len = 16384 },
    { .name = "net_ngbe", .max_buf_len = 16384 },

    /* mlx5_tx_burst_tso(), mlx4_tx_burst_tso_get_params(): MLX5_ and
     * MLX4_MAX_TSO_HEADER.  No prepare: what is beyond stops the burst. */
    { .name = "mlx5", .max_hdr_len = 192 },
    { .name = "net_mlx4", .max_hdr_len = 192 },

    /* bnxt_start_xmit(): fields that are wide enough.  UDP_TSO (24.11) depends
     * on the flag of the firmware for which Linux' bnxt_en has GSO_UDP_L4. */
    { .name = "net_bnxt", .udp_tso = NETDEV_DPDK_UDP_TSO_DATAGRAMS },

    /* struct nix_send_ext_s, filled in without checks: lso_sb has 8 bits,
     * lso_mps 14. */
    { .name = "net_cn9k", .max_mss = 16383, .max_hdr_len = 255,
      .csum_by_len = true },
    { .name = "net_cn10k", .max_mss = 16383, .max_hdr_len = 255,
      .csum_by_len = true },
    { .name = "net_cn20k", .max_mss = 16383, .max_hdr_len = 255,
      .csum_by_len = true },

    /* hns3_check_tso_pkt_valid(); the bounds of MSS are those that the device
     * is configured with (hns3_config_tso()). */
    { .name = "net_hns3", .min_mss = 256, .max_mss = 9668, .max_hdr_len = 512,
      .max_len = 1024 * 1024 - 1 },

    /* nfp_net_nfdk_tx_tso(), without checks: the header's length and the
     * number of segments have 8 bits.  Linux' driver has 255 and 64
     * (NFP_NET_LSO_MAX_SEGS).  UDP_TSO (24.11) is advertised if the firmware
     * can do GSO_UDP_L4 (NFP_NET_CFG_CTRL_USO), but of the two functions that
     * send, one ignores UDP_SEG. */
    { .name = "net_nfp", .max_hdr_len = 255, .max_segs = 64 },

    /* sfc_dp_tx_prepare_pkt(): on EF10, TCP must begin at 208 or before; on
     * EF100, all headers are at most 192 bytes. */
    { .name = "net_sfc", .max_hdr_len = 192 },

    /* qede_xmit_prep_pkts(): ETH_TX_MAX_NON_LSO_PKT_LEN. */
    { .name = "net_qede", .max_mss = 9672 },

    /* enic_prep_pkts(): ENIC_TX_MAX_PKT_SIZE with headers, which the MTU
     * bounds.  wq_enet_desc_enc() cuts a length down to 14 bits. */
    { .name = "net_enic", .max_buf_len = 16383 },

    /* eth_ena_prep_pkts() refuses TSO over IPv6. */
    { .name = "net_ena", .no_tso6 = true },

    /* hinic_prepare_sq_ctrl() raises a smaller MSS to TX_MSS_MIN in silence;
     * MAX_PLD_OFFSET.  hinic3 has the same constants. */
    { .name = "net_hinic", .min_mss = 80, .max_hdr_len = 221 },
    { .name = "net_hinic3", .min_mss = 80, .max_hdr_len = 221 },

    /* zxdh_xmit_fill_net_hdr(): MSS in units of 4 bytes, rounded down in
     * silence; UDP_SEG asks for fragments as long as the MTU. */
    { .name = "net_zxdh", .udp_tso = NETDEV_DPDK_UDP_TSO_FRAGMENTS,
      .no_tso = true },

    /* atl_xmit_pkt(); buffers as above, 16 kB (AQ_CFG_TX_FRAME_MAX). */
    { .name = "net_atlantic", .max_buf_len = 16384 },

    /* vmxnet3_xmit_pkts(): "assumes" that no mbuf has more than 16 kB; its
     * length has 14 bits. */
    { .name = "net_vmxnet3", .max_buf_len = 16383, .csum_by_len = true },

    /* virtqueue_xmit_offload(): csum_start. */
    { .name = "net_virtio", .csum_by_len = true },

    /* pmd_tx_burst() cuts with rte_gso: at most MAX_GSO_MBUFS segments, IPv4
     * only (IPv6 goes out uncut), and a segment's Ethernet header must be
     * within the MTU; what is not stops the burst. */
    { .name = "net_tap", .no_tso = true },

    /* These pass packets on to ports of drivers that are not known here, and
     * some without their prepare: the smallest of all limits. */
    { .name = "net_bonding", .min_mss = 256, .max_mss = 9216,
      .max_hdr_len = 192, .max_segs = 64, .max_len = 262143,
      .max_buf_len = 16383, .no_tso6 = true },
    { .name = "net_failsafe", .min_mss = 256, .max_mss = 9216,
      .max_hdr_len = 192, .max_segs = 64, .max_len = 262143,
      .max_buf_len = 16383, .no_tso6 = true },
    { .name = "net_netvsc", .min_mss = 256, .max_mss = 9216,
      .max_hdr_len = 192, .max_segs = 64, .max_len = 262143,
      .max_buf_len = 16383, .no_tso6 = true },
};

/* Returns the row for the driver 'name', or null if there is none: nothing
 * but what its port advertises is known. */
const struct netdev_dpdk_driver *
netdev_dpdk_driver_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
        const struct netdev_dpdk_driver *d = &drivers[i];
        size_t n = strlen(d->name);

        if (!strncmp(name, d->name, n) && (!name[n] || name[n] == '_')) {
            return d;
        }
    }
    return NULL;
}

/* Stores what the plan stage has to know of 'd', which may be null, in
 * '*limits'.  A superpacket is one mbuf. */
void
netdev_dpdk_driver_limits(const struct netdev_dpdk_driver *d,
                          struct tnl_gso_limits *limits)
{
    *limits = (struct tnl_gso_limits) { .no_tso = false };
    if (d) {
        limits->no_tso = d->no_tso;
        limits->no_tso6 = d->no_tso6;
        limits->min_mss = d->min_mss;
        limits->max_mss = d->max_mss;
        limits->max_hdr_len = d->max_hdr_len;
        limits->max_segs = d->max_segs;
        limits->max_len = (d->max_len && d->max_buf_len
                           ? MIN(d->max_len, d->max_buf_len)
                           : d->max_len | d->max_buf_len);
        limits->sums_by_len = d->csum_by_len;
    }
}

/* The rows, '*n' of them, for documentation. */
const struct netdev_dpdk_driver *
netdev_dpdk_drivers(size_t *n)
{
    *n = ARRAY_SIZE(drivers);
    return drivers;
}
