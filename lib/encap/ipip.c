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
#include "netdev-provider.h"
#include "odp-netlink.h"
#include "packets.h"

/* IP in IP, one header directly behind the other: IPv4 in IPv4 (IPIP, RFC
 * 2003), IPv6 in IPv4 (SIT, RFC 4213 section 3), either in IPv6 (RFC 2473
 * section 3).  Extension headers of an outer IPv6 header belong to it: a
 * tunnel encapsulation limit, or the segment routing header of SRv6 (RFC 8986
 * section 5), which is the one that Open vSwitch pushes and pops itself.
 *
 * It has no header of its own, and no checksum: what differs from segment to
 * segment is in the outer IP header.  The flow label that Open vSwitch writes
 * into it is zero, that of the inner header, or a hash of the flow: the same
 * in all segments. */

/* Not behind extension headers: tnl-gso-plan.c. */
static const struct tnl_gso_plan_row ipip_rows[] = {
    { TNL_GSO_HW, false, false,
      NETDEV_TX_OFFLOAD_TCP_TSO | TNL_GSO_TX_IPIP_TNL_TSO },
    { TNL_GSO_HW, false, true,
      (NETDEV_TX_OFFLOAD_TCP_TSO | TNL_GSO_TX_IPIP_TNL_TSO
       | NETDEV_TX_OFFLOAD_OUTER_IP_CKSUM) },
};

static const struct tnl_gso_kind ipip_kinds[] = {
    { IPPROTO_TCP, 4, false },
    { IPPROTO_TCP, 6, false },
};

/* See struct tnl_gso_encap_class. */
static enum tnl_gso_reason
ipip_parse(const void *frame, size_t size, struct tnl_gso_desc *d)
{
    uint8_t proto = d->outer.proto;

    if (proto != IPPROTO_IPIP && proto != IPPROTO_IPV6) {
        return TNL_GSO_R_TUNNEL;
    }
    d->outer_csum = false;
    return tnl_gso_parse_l3(frame, size, d->outer.l4_ofs,
                            htons(proto == IPPROTO_IPIP ? ETH_TYPE_IP
                                  : ETH_TYPE_IPV6),
                            &d->inner, &d->stacked);
}

/* There is no other behind an IP header that says IP. */
static int
ipip_likelihood(const void *l4 OVS_UNUSED)
{
    return 1;
}

/* See struct tnl_gso_encap_class. */
static size_t
ipip_hdr_len(const uint8_t *hdr OVS_UNUSED)
{
    return 0;
}

/* Nothing is summed up, but marks of ordinary packets get lost. */
static bool
ipip_sums_at_push(const struct ovs_action_push_tnl *data OVS_UNUSED)
{
    return true;
}

#define IPIP(MEMBER)                                                    \
    MEMBER(name, "ipip")                                                \
    MEMBER(netdev_type, "srv6")                                         \
    MEMBER(vport_type, OVS_VPORT_TYPE_SRV6)                             \
    MEMBER(vport_type6, 0)                                              \
    MEMBER(mark, (DP_PACKET_OL_TUNNEL_MASK | DP_PACKET_OL_STT))         \
    MEMBER(outer, TNL_GSO_OUTER_IP)                                     \
    MEMBER(tso, TNL_GSO_TX_IPIP_TNL_TSO)                                \
    MEMBER(tso_name, "ipip_tso")                                        \
    MEMBER(rows, ipip_rows)                                             \
    MEMBER(n_rows, ARRAY_SIZE(ipip_rows))                               \
    MEMBER(why_no_row, NULL)                                            \
    MEMBER(kinds, ipip_kinds)                                           \
    MEMBER(n_kinds, ARRAY_SIZE(ipip_kinds))                             \
    MEMBER(parse, ipip_parse)                                           \
    MEMBER(likelihood, ipip_likelihood)                                 \
    MEMBER(hdr_len, ipip_hdr_len)                                       \
    MEMBER(takes_super, tnl_gso_takes_any_super)                        \
    MEMBER(sums_at_push, ipip_sums_at_push)                             \
    MEMBER(mark_by_port, NULL)                                          \
    MEMBER(pop_prepare, NULL)                                           \
    MEMBER(rco, NULL)

TNL_GSO_ENCAP_CLASS(ipip, IPIP);
