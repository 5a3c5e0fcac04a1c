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

#include "receive/tnl-gro-glance.h"

#include <netinet/in.h>
#include <string.h>

#include "core/tnl-gso-parse.h"
#include "dp-packet.h"
#include "encap/encap.h"
#include "packets.h"
#include "unaligned.h"

/* See tnl-gro-glance.h. */

enum {
    MIN_SIZE = 256,             /* Bytes of a packet that is worth it. */
    EACH = 4,                   /* Packets of a batch for one pair of them that
                                 * is glanced at. */
};

/* The same as guess_tcp() for what is behind the tunnel's header, at 'l3': an
 * IP header, which reaches to the end of the packet. */
static size_t
guess_raw_tcp(const uint8_t *data, size_t size, size_t l3)
{
    const uint8_t *ip = data + l3;

    return (ip[0] == IP_IHL_VER(5, 4) && ip[9] == IPPROTO_TCP
            && tnl_gso_get16(ip + 2) == size - l3
            ? l3 + IP_HEADER_LEN
            : ip[0] >> 4 == 6 && ip[6] == IPPROTO_TCP
              && tnl_gso_get16(ip + 4) == size - l3 - IPV6_HEADER_LEN
            ? l3 + IPV6_HEADER_LEN : 0);
}

/* Returns the offset of the TCP header in the 'size' bytes at 'data', a packet
 * behind a tunnel's header of 'class' if that has one, or 0 if it is not where
 * it mostly is.  'l4_ofs' is that of the packet's first L4 header. */
static size_t
guess_tcp(const struct tnl_gso_encap_class *class, const uint8_t *data,
          size_t size, size_t l4_ofs)
{
    size_t eth, l3;
    ovs_be16 type;

    if (class->outer == TNL_GSO_OUTER_NONE) {
        return l4_ofs;
    }
    if (class->outer == TNL_GSO_OUTER_IP) {
        return (l4_ofs + IPV6_HEADER_LEN > size ? 0
                : guess_raw_tcp(data, size, l4_ofs));
    }
    eth = l4_ofs + (class->outer == TNL_GSO_OUTER_UDP ? UDP_HEADER_LEN : 0);
    if (eth + ETH_HEADER_LEN + IPV6_HEADER_LEN > size) {
        return 0;
    }
    eth += class->hdr_len(data + eth);
    l3 = eth + ETH_HEADER_LEN;
    if (l3 + VLAN_HEADER_LEN + IPV6_HEADER_LEN > size) {
        return 0;
    }
    type = get_unaligned_be16((const void *) (data + l3 - 2));
    if (type == htons(ETH_TYPE_VLAN_8021Q)) {
        l3 += VLAN_HEADER_LEN;
        type = get_unaligned_be16((const void *) (data + l3 - 2));
    }
    return (type == htons(ETH_TYPE_IP) && data[l3 + 9] == IPPROTO_TCP
            ? l3 + IP_HEADER_LEN
            : type == htons(ETH_TYPE_IPV6) && data[l3 + 6] == IPPROTO_TCP
            ? l3 + IPV6_HEADER_LEN : guess_raw_tcp(data, size, eth));
}

/* Does 'b' look as if it continued 'a'? */
static bool
continues(const struct tnl_gso_encap_class *class, const struct dp_packet *a,
          const struct dp_packet *b)
{
    const uint16_t must_not = (TCP_FIN | TCP_SYN | TCP_RST | TCP_PSH
                               | TCP_URG);
    size_t size = dp_packet_size(a);
    const uint8_t *p, *q;
    uint32_t seq, next;
    size_t tcp;

    if (size < MIN_SIZE || dp_packet_size(b) > size
        || a->l4_ofs != b->l4_ofs) {
        return false;
    }
    p = dp_packet_data(a);
    q = dp_packet_data(b);
    tcp = guess_tcp(class, p, size, a->l4_ofs);
    if (!tcp || tcp + TCP_HEADER_LEN > dp_packet_size(b)
        || memcmp(p + tcp, q + tcp, 4)
        || tnl_gso_get16(p + tcp + 12) & must_not) {
        return false;
    }
    seq = ntohl(get_unaligned_be32((const void *) (p + tcp + 4)));
    next = ntohl(get_unaligned_be32((const void *) (q + tcp + 4)));
    return next - seq == size - tcp - (p[tcp + 12] >> 4) * 4;
}

/* Are there likely packets in 'batch', in front of a pop of 'encap', or
 * without a tunnel if that is TNL_GSO_NO_TUNNEL, that merge? */
bool
tnl_gro_glance(enum tnl_gso_encap encap, const struct dp_packet_batch *batch)
{
    const struct tnl_gso_encap_class *class = tnl_gso_encap_class(encap);

    /* From the end, since what comes in bursts is then in the middle of
     * one. */
    for (size_t i = dp_packet_batch_size(batch); i > 1;
         i -= MIN(i, EACH)) {
        if (continues(class, batch->packets[i - 2], batch->packets[i - 1])) {
            return true;
        }
    }
    return false;
}

/* Is 'batch', as for tnl_gro_glance(), which tnl_gro_effort_skips() has not
 * skipped, to be looked at?  If so, the caller has to say what it found:
 * tnl_gro_effort_looked(). */
bool
tnl_gro_is_worth_it(struct tnl_gro_effort *e, enum tnl_gso_encap encap,
                    const struct dp_packet_batch *batch)
{
    if (tnl_gro_effort_looks(e)
        || (tnl_gro_glance(encap, batch) && tnl_gro_effort_glances(e))) {
        return true;
    }
    tnl_gro_effort_skip(e, dp_packet_batch_size(batch));
    return false;
}
