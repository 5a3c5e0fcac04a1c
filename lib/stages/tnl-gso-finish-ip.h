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

#ifndef TNL_GSO_FINISH_IP_H
#define TNL_GSO_FINISH_IP_H 1

/* Headers of one level as the stage "finish" writes them, whichever level it
 * is: lengths, IPv4 IDs and checksums, and checksums of tunnels.
 *
 * For tnl-gso-finish.c and tnl-gso-finish-mid.c alone. */

#include <netinet/in.h>
#include <netinet/ip6.h>
#include <stdint.h>
#include <string.h>

#include "core/csum-copy.h"
#include "core/tnl-gso-types.h"
#include "packets.h"

/* The checksum that follows from sum 'partial'. */
static inline ovs_be16
finish_sum(uint32_t partial)
{
    return (OVS_FORCE ovs_be16) ~csum_fold16(partial);
}

/* The ID of header 'l3' in 'frame', or 0 if it is IPv6. */
static inline uint16_t
finish_ip_id(const uint8_t *frame, const struct tnl_gso_l3 *l3)
{
    const struct ip_header *ip = (const void *) (frame + l3->ofs);

    return l3->version == 4 ? ntohs(ip->ip_id) : 0;
}

/* The length field of 'l3' in a packet that ends at 'end'. */
static inline ovs_be16
finish_ip_len(const struct tnl_gso_l3 *l3, uint32_t end)
{
    return htons(end - l3->ofs - (l3->version == 4 ? 0 : IPV6_HEADER_LEN));
}

/* Writes the length 'len' of header 'l3'. */
static inline void
finish_put_ip_len(uint8_t *frame, const struct tnl_gso_l3 *l3, ovs_be16 len)
{
    if (l3->version == 4) {
        struct ip_header *ip = (void *) (frame + l3->ofs);

        ip->ip_tot_len = len;
    } else {
        struct ovs_16aligned_ip6_hdr *ip6 = (void *) (frame + l3->ofs);

        ip6->ip6_plen = len;
    }
}

/* Writes the ID 'id' and the checksum of header 'l3', if it is IPv4, with the
 * sum of the header without them. */
static inline void
finish_put_ip_id(uint8_t *frame, const struct tnl_gso_l3 *l3, uint32_t sum,
          uint16_t id)
{
    if (l3->version == 4) {
        struct ip_header *ip = (void *) (frame + l3->ofs);

        ip->ip_id = htons(id);
        ip->ip_csum = finish_sum(csum_add16(sum, ip->ip_id));
    }
}

/* Returns the sum of the UDP or GRE header at 'ofs' in 'frame', and all up to
 * 'end', without lengths and checksum.  'csum' tells whether GRE has one.
 * With TNL_GSO_OUTER_IP there is nothing. */
static inline uint32_t
finish_tunnel_sum(const uint8_t *frame, enum tnl_gso_outer l4, size_t ofs,
                  bool csum, size_t end)
{
    size_t behind;

    if (l4 == TNL_GSO_OUTER_UDP) {
        behind = UDP_HEADER_LEN;
    } else if (l4 == TNL_GSO_OUTER_GRE) {
        behind = sizeof(struct gre_base_hdr) + (csum ? 4 : 0);
    } else {
        return 0;
    }
    return (csum_range(frame, ofs, ofs + 4)
            + csum_range(frame, ofs + behind, end));
}

/* The length field at 'len_ofs' of a tunnel's own header, in a packet that
 * ends at 'end'. */
static inline ovs_be16
finish_own_len(uint16_t len_ofs, uint32_t end)
{
    return htons(end - len_ofs - TNL_GSO_OWN_LEN_SKIP);
}

/* Returns 'sum', which has the length field at 'len_ofs' of a tunnel's own
 * header in it if that is not 0, without the field. */
static inline uint32_t
finish_without_own_len(const uint8_t *frame, uint16_t len_ofs, uint32_t sum)
{
    ovs_be16 len;

    if (OVS_LIKELY(!len_ofs)) {
        return sum;
    }
    memcpy(&len, frame + len_ofs, sizeof len);
    /* The complement takes it off. */
    return csum_add16(sum, (OVS_FORCE ovs_be16) ~(OVS_FORCE uint16_t) len);
}

/* Returns 'sum' with the length field at 'len_ofs' of a tunnel's own header,
 * if that is not 0, in a packet that ends at 'end'. */
static inline uint32_t
finish_with_own_len(uint16_t len_ofs, uint32_t end, uint32_t sum)
{
    return (OVS_LIKELY(!len_ofs) ? sum
            : csum_add16(sum, finish_own_len(len_ofs, end)));
}

/* Writes the length field at 'len_ofs' of a tunnel's own header if that is not
 * 0, in a packet that ends at 'end'. */
static inline void
finish_put_own_len(uint8_t *frame, uint16_t len_ofs, uint32_t end)
{
    if (OVS_UNLIKELY(len_ofs)) {
        ovs_be16 len = finish_own_len(len_ofs, end);

        memcpy(frame + len_ofs, &len, sizeof len);
    }
}

/* Returns the checksum of UDP that follows from 'sum': 0 means none. */
static inline ovs_be16
finish_udp_csum(uint32_t sum)
{
    ovs_be16 csum = finish_sum(sum);

    return csum ? csum : htons(0xffff);
}

/* Returns the checksum of a tunnel whose packet sums up to 'sum'; UDP: with
 * addresses and protocol of the pseudo-header, but without its length
 * 'udp_len', which it has in two places. */
static inline ovs_be16
finish_tunnel_csum(enum tnl_gso_outer l4, uint32_t sum, ovs_be16 udp_len)
{
    return (l4 == TNL_GSO_OUTER_UDP
            ? finish_udp_csum(csum_add16(csum_add16(sum, udp_len), udp_len))
            : finish_sum(sum));
}

#endif /* tnl-gso-finish-ip.h */
