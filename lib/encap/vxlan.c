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

#include "encap/encap.h"

#include <netinet/in.h>

#include "core/tnl-gso-parse.h"
#include "encap/tnl-rco-class.h"
#include "netdev-provider.h"
#include "odp-netlink.h"
#include "packets.h"

/* VXLAN: RFC 7348; VXLAN-GPE: draft-ietf-nvo3-vxlan-gpe-13; VXLAN-GBP:
 * draft-smith-vxlan-group-policy-05.
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |G|   |I|P|     |   |R|         | group policy   or | next proto. |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |                      VNI                      |U| R: start / 2  |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+ */

enum { PORT = 4789 };           /* IANA. */
enum { P_BIT = 0x04 };          /* Byte 0: GPE, byte 3 is what follows. */
enum { RCO_BIT = 0x20 };        /* Byte 1: remote checksum, without P only. */
enum { RCO_UDP_BIT = 0x80 };    /* Byte 7: of UDP, else of TCP; and half of */
enum { RCO_START_MASK = 0x7f }; /* where it starts. */

/* draft-ietf-nvo3-vxlan-gpe-13 section 3.2, of which Open vSwitch's
 * netdev_vxlan_build_header() writes these. */
enum { NEXT_IPV4 = 1, NEXT_IPV6 = 2, NEXT_ETH = 3, NEXT_NSH = 4 };

static const struct tnl_gso_plan_row vxlan_rows[] = {
    TNL_GSO_UDP_TUNNEL_ROWS(NETDEV_TX_VXLAN_TNL_TSO),
};

/* See struct tnl_gso_encap_class.  RFC 7348 section 5. */
static enum tnl_gso_reason
vxlan_parse(const void *frame, size_t size, struct tnl_gso_desc *d)
{
    size_t ofs = d->outer.l4_ofs + UDP_HEADER_LEN;
    const uint8_t *hdr = tnl_gso_at(frame, size, ofs, sizeof(struct vxlanhdr));
    ovs_be16 type;

    if (!hdr || d->outer.proto != IPPROTO_UDP) {
        return TNL_GSO_R_TUNNEL;
    }
    switch (hdr[0] & P_BIT ? hdr[3] : NEXT_ETH) {
    case NEXT_ETH:
        type = htons(ETH_TYPE_TEB);
        break;
    case NEXT_IPV4:
        type = htons(ETH_TYPE_IP);
        break;
    case NEXT_IPV6:
        type = htons(ETH_TYPE_IPV6);
        break;
    case NEXT_NSH:
        type = htons(ETH_TYPE_NSH);
        break;
    default:
        return TNL_GSO_R_TUNNEL;
    }
    return tnl_gso_parse_l3(frame, size, ofs + sizeof(struct vxlanhdr), type,
                            &d->inner, &d->stacked);
}

/* A packet without a sign of another encapsulation is taken for VXLAN, on any
 * port. */
static int
vxlan_likelihood(const void *l4)
{
    const struct udp_header *udp = l4;

    return udp->udp_dst == htons(PORT) ? 3 : 1;
}

/* See struct tnl_gso_encap_class. */
static size_t
vxlan_hdr_len(const uint8_t *hdr OVS_UNUSED)
{
    return sizeof(struct vxlanhdr);
}

/* Remote checksums, as in Linux v6.18 vxlan_build_skb() and vxlan_remcsum().
 * See struct tnl_rco_class. */

/* Without VXLAN-GPE's P bit only. */
static enum tnl_rco_found
vxlan_rco_find(const uint8_t *hdr, size_t size OVS_UNUSED,
               ovs_be16 udp_dst OVS_UNUSED, struct tnl_rco *rco)
{
    if (!(hdr[1] & RCO_BIT) || hdr[0] & P_BIT) {
        return TNL_RCO_NONE;
    }
    rco->start = (hdr[7] & RCO_START_MASK) * 2;
    rco->field = rco->start + tnl_gso_l4_csum_ofs(
        hdr[7] & RCO_UDP_BIT ? IPPROTO_UDP : IPPROTO_TCP);
    return TNL_RCO_SET;
}

/* A bit in the template's header announces it: there is always room. */
static bool
vxlan_rco_announce(uint16_t opt_class OVS_UNUSED, uint8_t *hdr,
                   struct ovs_action_push_tnl *data OVS_UNUSED)
{
    hdr[1] |= RCO_BIT;
    return true;
}

/* Reads the bit that vxlan_rco_announce() has set. */
static bool
vxlan_rco_is_announced(const uint8_t *hdr)
{
    return hdr[1] & RCO_BIT && !(hdr[0] & P_BIT);
}

/* Without a remote checksum, clears the bit. */
static void
vxlan_rco_write(uint8_t *hdr, uint8_t *end OVS_UNUSED,
                const struct tnl_rco *rco)
{
    if (rco) {
        hdr[7] = rco->start / 2 | (rco->field - rco->start
                                   == tnl_gso_l4_csum_ofs(IPPROTO_UDP)
                                   ? RCO_UDP_BIT : 0);
    } else {
        hdr[1] &= ~RCO_BIT;
    }
}

/* Upstream's netdev_vxlan_pop_header() drops packets with bits that it does
 * not know. */
static void
vxlan_rco_clear(uint8_t *hdr)
{
    hdr[1] &= ~RCO_BIT;
    hdr[7] = 0;
}

static const struct tnl_rco_class vxlan_rco = {
    .find = vxlan_rco_find,
    .announce = vxlan_rco_announce,
    .is_announced = vxlan_rco_is_announced,
    .write = vxlan_rco_write,
    .clear = vxlan_rco_clear,
    .forget = NULL,             /* Nothing of it is metadata. */
};

#define VXLAN(MEMBER)                                   \
    MEMBER(name, "vxlan")                               \
    MEMBER(netdev_type, "vxlan")                        \
    MEMBER(vport_type, OVS_VPORT_TYPE_VXLAN)            \
    MEMBER(vport_type6, 0)                              \
    MEMBER(mark, DP_PACKET_OL_TUNNEL_VXLAN)             \
    MEMBER(outer, TNL_GSO_OUTER_UDP)                    \
    MEMBER(tso, NETDEV_TX_VXLAN_TNL_TSO)                \
    MEMBER(tso_name, "vxlan_tso")                       \
    MEMBER(rows, vxlan_rows)                            \
    MEMBER(n_rows, ARRAY_SIZE(vxlan_rows))              \
    MEMBER(why_no_row, NULL)                            \
    MEMBER(kinds, tnl_gso_tunnel_kinds)                 \
    MEMBER(n_kinds, TNL_GSO_N_TUNNEL_KINDS)             \
    MEMBER(parse, vxlan_parse)                          \
    MEMBER(likelihood, vxlan_likelihood)                \
    MEMBER(hdr_len, vxlan_hdr_len)                      \
    MEMBER(takes_super, tnl_gso_takes_any_super)        \
    MEMBER(sums_at_push, tnl_gso_sums_nothing)          \
    MEMBER(mark_by_port, NULL)                          \
    MEMBER(pop_prepare, NULL)                           \
    MEMBER(rco, &vxlan_rco)

TNL_GSO_ENCAP_CLASS(vxlan, VXLAN);
