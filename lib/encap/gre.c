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
#include <netinet/ip6.h>

#include "core/csum-copy.h"
#include "core/tnl-gso-packet.h"
#include "core/tnl-gso-parse.h"
#include "netdev-provider.h"
#include "odp-netlink.h"
#include "packets.h"
#include "encap/gre.h"

/* GRE: RFC 2784 section 2, RFC 2890 section 2.
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |C| |K|S|     reserved    | Ver |            Ethertype            |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |      checksum, with C         |           reserved              |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |                          key, with K                            |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |                    sequence number, with S                      | */

/* No NIC fills in a GRE checksum. */
static const struct tnl_gso_plan_row gre_rows[] = {
    { TNL_GSO_HW, false, false,
      NETDEV_TX_OFFLOAD_TCP_TSO | NETDEV_TX_GRE_TNL_TSO },
    { TNL_GSO_HW, false, true,
      (NETDEV_TX_OFFLOAD_TCP_TSO | NETDEV_TX_GRE_TNL_TSO
       | NETDEV_TX_OFFLOAD_OUTER_IP_CKSUM) },
};

/* See struct tnl_gso_encap_class. */
static enum tnl_gso_reason
gre_parse(const void *frame, size_t size, struct tnl_gso_desc *d)
{
    size_t ofs = d->outer.l4_ofs;
    const struct gre_base_hdr *gre = tnl_gso_at(frame, size, ofs, sizeof *gre);

    if (!gre || d->outer.proto != IPPROTO_GRE
        || gre->flags & ~htons(GRE_CSUM | GRE_KEY | GRE_SEQ)) {
        return TNL_GSO_R_TUNNEL;
    }
    d->outer_csum = (gre->flags & htons(GRE_CSUM)) != 0;
    d->numbered = (gre->flags & htons(GRE_SEQ)) != 0;
    ofs += (sizeof *gre + (d->outer_csum ? 4 : 0)
            + (gre->flags & htons(GRE_KEY) ? 4 : 0) + (d->numbered ? 4 : 0));
    return tnl_gso_parse_l3(frame, size, ofs, gre->protocol, &d->inner,
                            &d->stacked);
}

/* There is no other behind an IP header that says GRE. */
static int
gre_likelihood(const void *l4 OVS_UNUSED)
{
    return 1;
}

/* The flags in the template 'data'. */
static ovs_be16
push_flags(const struct ovs_action_push_tnl *data)
{
    const struct gre_base_hdr *gre = tnl_gso_push_l4(data);

    return gre->flags;
}

/* A sequence number would have to be another one in each segment. */
static bool
gre_takes_super(const struct ovs_action_push_tnl *data,
                const struct dp_packet *p OVS_UNUSED)
{
    return !(push_flags(data) & htons(GRE_SEQ));
}

/* A push computes the checksum over all that follows. */
static bool
gre_sums_at_push(const struct ovs_action_push_tnl *data)
{
    return push_flags(data) & htons(GRE_CSUM);
}

/* See struct tnl_gso_encap_class. */
static size_t
gre_hdr_len(const uint8_t *hdr)
{
    ovs_be16 flags = get_unaligned_be16((const void *) hdr);

    return (sizeof(struct gre_base_hdr) + (flags & htons(GRE_CSUM) ? 4 : 0)
            + (flags & htons(GRE_KEY) ? 4 : 0)
            + (flags & htons(GRE_SEQ) ? 4 : 0));
}

/* Returns 0 if the GRE checksum of 'p', which covers the last 'len' bytes, is
 * right.  That of a packet with a mark has been verified. */
ovs_be16
tnl_gso_gre_csum(const struct dp_packet *p, size_t len)
{
    return (dp_packet_l4_checksum_good(p) ? 0
            : csum_fast(dp_packet_l4(p), len));
}

/* Writes the checksum of GRE header 'gre', of 'len' bytes with its payload,
 * if it has one, once all that it covers is there. */
void
tnl_gso_gre_seq_csum(struct gre_base_hdr *gre, size_t len)
{
    if (gre->flags & htons(GRE_CSUM)) {
        ovs_be16 *field = (ovs_be16 *) (gre + 1);

        *field = 0;
        *field = csum_fast(gre, len);
    }
}

/* Linux v6.18 ip_rcv_core() removes bytes behind the outer IP packet; upstream
 * would include them in the sum.  Without a checksum, upstream takes all of
 * them for the inner frame, and nothing is done here.
 *
 * The checksum of a marked packet is made anew: it covers an inner one that is
 * partial, or the kernel has left it to the code that cuts, to be made for
 * each segment. */
static void
gre_pop_prepare(struct dp_packet *p)
{
    const struct ip_header *ip = dp_packet_l3(p);
    const struct ovs_16aligned_ip6_hdr *ip6 = dp_packet_l3(p);
    struct gre_base_hdr *gre = dp_packet_l4(p);

    if ((IP_VER(ip->ip_ihl_ver) == 4 ? ip->ip_proto : ip6->ip6_nxt)
        != IPPROTO_GRE || !(gre->flags & htons(GRE_CSUM))) {
        return;
    }
    tnl_gso_trim(p, tnl_gso_ip_end(dp_packet_data(p), p->l3_ofs));
    if (tnl_gso_encap_of(p) == TNL_GSO_GRE) {
        tnl_gso_gre_seq_csum(gre, dp_packet_size(p) - p->l4_ofs);
    }
}

#define GRE(MEMBER)                                                     \
    MEMBER(name, "gre")                                                 \
    MEMBER(netdev_type, "gre")                                          \
    MEMBER(vport_type, OVS_VPORT_TYPE_GRE)                              \
    MEMBER(vport_type6, OVS_VPORT_TYPE_IP6GRE)                          \
    MEMBER(mark, DP_PACKET_OL_TUNNEL_MASK)                              \
    MEMBER(outer, TNL_GSO_OUTER_GRE)                                    \
    MEMBER(tso, NETDEV_TX_GRE_TNL_TSO)                                  \
    MEMBER(tso_name, "gre_tso")                                         \
    MEMBER(rows, gre_rows)                                              \
    MEMBER(n_rows, ARRAY_SIZE(gre_rows))                                \
    MEMBER(why_no_row, "no port computes a GRE checksum")               \
    MEMBER(kinds, tnl_gso_tunnel_kinds)                                 \
    MEMBER(n_kinds, TNL_GSO_N_TUNNEL_KINDS)                             \
    MEMBER(parse, gre_parse)                                            \
    MEMBER(likelihood, gre_likelihood)                                  \
    MEMBER(hdr_len, gre_hdr_len)                                          \
    MEMBER(takes_super, gre_takes_super)                                \
    MEMBER(sums_at_push, gre_sums_at_push)                              \
    MEMBER(mark_by_port, NULL)                                          \
    MEMBER(pop_prepare, gre_pop_prepare)                                \
    MEMBER(rco, NULL)

TNL_GSO_ENCAP_CLASS(gre, GRE);
