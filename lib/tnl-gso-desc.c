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

#include "tnl-gso-desc.h"

#include <netinet/in.h>

#include "dp-packet.h"
#include "packets.h"
#include "tnl-gso.h"
#include "util.h"

/* Has the UDP header behind 'd->inner' a checksum, or will it get one?  Linux
 * v6.18 udp_send_skb() makes no superpacket of datagrams without, and what an
 * outer checksum is computed from would be missing. */
static bool
udp_has_csum(const void *frame, const struct tnl_gso_desc *d)
{
    const struct udp_header *udp = (const void *) ((const char *) frame
                                                   + d->inner.l4_ofs);

    return d->l4_partial || udp->udp_csum;
}

/* The header behind 'd->inner', TCP or as 'udp' says UDP, and what follows
 * from it. */
static enum tnl_gso_reason
parse_l4(const void *frame, size_t size, bool udp, struct tnl_gso_desc *d)
{
    size_t len;

    if (d->inner.proto != (udp ? IPPROTO_UDP : IPPROTO_TCP)) {
        return udp ? TNL_GSO_R_NOT_UDP : TNL_GSO_R_NOT_TCP;
    }
    len = tnl_gso_l4_len(frame, size, &d->inner);
    if (!len || (udp && !udp_has_csum(frame, d))) {
        return udp ? TNL_GSO_R_UDP : TNL_GSO_R_TCP;
    }
    d->hdr_len = d->inner.l4_ofs + len;
    d->payload_len = size - d->hdr_len;
    d->n_segs = (d->payload_len > d->mss
                 ? DIV_ROUND_UP(d->payload_len, d->mss) : 1);
    return TNL_GSO_OK;
}

/* Describes superpacket 'p', whose mss is its tso_segsz or else its uso_segsz,
 * in '*d'.  Lengths come from the size of 'p', never from a header: like
 * Linux v6.18 inet_gso_segment(), which ignores the total length that a
 * superpacket carries.
 *
 * Returns TNL_GSO_OK, or the reason why 'p' cannot be described; '*d' is then
 * valid only in 'encap' and 'mss'. */
enum tnl_gso_reason
tnl_gso_describe(const struct dp_packet *p, struct tnl_gso_desc *d)
{
    const void *frame = dp_packet_data(p);
    size_t size = dp_packet_size(p);
    enum tnl_gso_reason reason = tnl_gso_find_headers(p, d);
    bool udp = !dp_packet_get_tso_segsz(p);

    d->mss = udp ? p->uso_segsz : dp_packet_get_tso_segsz(p);
    d->l4_partial = (tnl_gso_has_outer(d->encap)
                     ? dp_packet_inner_l4_checksum_partial(p)
                     : dp_packet_l4_checksum_partial(p));
    if (p->offloads & DP_PACKET_OL_INNER_RCO) {
        d->rco = d->l4_partial = true;
    }
    if (d->numbered) {
        /* Such packets are cut before the push. */
        return TNL_GSO_R_TUNNEL;
    }
    return reason ? reason : parse_l4(frame, size, udp, d);
}

/* Returns how many bytes the longest frame has that 'p' becomes, Ethernet
 * header included: 'p' itself unless it is a superpacket. */
uint32_t
tnl_gso_segment_len(const struct dp_packet *p)
{
    struct tnl_gso_desc d;

    return (tnl_gso_is_super(p) && !tnl_gso_describe(p, &d)
            ? d.hdr_len + MIN(d.payload_len, d.mss)
            : dp_packet_size(p));
}

const char *
tnl_gso_encap_to_string(enum tnl_gso_encap encap)
{
    switch (encap) {
    case TNL_GSO_PLAIN:
        return "plain";
    case TNL_GSO_VXLAN:
        return "vxlan";
    case TNL_GSO_GENEVE:
        return "geneve";
    case TNL_GSO_GRE:
        return "gre";
    case TNL_GSO_STT:
        return "stt";
    case TNL_GSO_N_ENCAPS:
    default:
        OVS_NOT_REACHED();
    }
}

const char *
tnl_gso_reason_to_string(enum tnl_gso_reason reason)
{
    switch (reason) {
    case TNL_GSO_OK:
        return "ok";
    case TNL_GSO_R_L2:
        return "bad_l2";
    case TNL_GSO_R_L3:
        return "bad_l3";
    case TNL_GSO_R_FRAGMENT:
        return "fragment";
    case TNL_GSO_R_NOT_TCP:
        return "not_tcp";
    case TNL_GSO_R_NOT_UDP:
        return "not_udp";
    case TNL_GSO_R_TCP:
        return "bad_tcp";
    case TNL_GSO_R_UDP:
        return "bad_udp";
    case TNL_GSO_R_TUNNEL:
        return "bad_tunnel";
    case TNL_GSO_R_TOO_MANY:
        return "too_many_segments";
    case TNL_GSO_R_NO_METHOD:
        return "no_method";
    case TNL_GSO_R_TOO_BIG:
        return "too_big";
    case TNL_GSO_R_MTU:
        return "mtu";
    case TNL_GSO_R_RCO_OFF:
        return "rco_off";
    case TNL_GSO_R_RCO:
        return "bad_rco";
    case TNL_GSO_N_REASONS:
    default:
        OVS_NOT_REACHED();
    }
}
