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

#ifndef TNL_GSO_PARSE_H
#define TNL_GSO_PARSE_H 1

/* The parser: IP headers, the headers that may be in front of them, and the
 * length of the header behind them.
 *
 * Called by describe (tnl-gso-desc.c), by the encapsulations (encap/) and by
 * all code that looks at packets which are not going to be cut.  Knows no
 * tunnels.  Must not write to a packet.  No byte is trusted, nor is any header
 * known to be complete: every read is bounded by the size of the frame. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>

#include "core/tnl-gso-types.h"
#include "openvswitch/types.h"
#include "packets.h"
#include "unaligned.h"

/* Returns the address of the 'n' bytes at 'ofs' in the 'size' bytes of
 * 'frame', or null if not all of them are there. */
static inline const void *
tnl_gso_at(const void *frame, size_t size, size_t ofs, size_t n)
{
    return ofs <= size && n <= size - ofs ? (const char *) frame + ofs : NULL;
}

enum tnl_gso_reason tnl_gso_parse_l3(const void *frame, size_t size,
                                     size_t ofs, ovs_be16 eth_type,
                                     struct tnl_gso_l3 *, bool *stacked);
enum tnl_gso_reason tnl_gso_parse_l2(const void *frame, size_t size,
                                     size_t ofs, struct tnl_gso_l3 *,
                                     bool *stacked);

/* The 16 bits at 'p', which may have any alignment. */
static inline uint16_t
tnl_gso_get16(const uint8_t *p)
{
    return ntohs(get_unaligned_be16((const void *) p));
}

/* Bytes from the start of the L4 header of 'proto' to its checksum, or -1 if
 * it has none that we know. */
static inline int
tnl_gso_l4_csum_ofs(uint8_t proto)
{
    switch (proto) {
    case IPPROTO_TCP:
        return offsetof(struct tcp_header, tcp_csum);
    case IPPROTO_UDP:
        return offsetof(struct udp_header, udp_csum);
    case IPPROTO_SCTP:
        return offsetof(struct sctp_header, sctp_csum);
    default:
        return -1;
    }
}

/* Offset in 'frame' of the end of the IP packet whose header, at 'l3_ofs', has
 * been parsed, according to the length in that header.  The caller must
 * compare it with the size of the frame.  'frame' may have any alignment. */
static inline size_t
tnl_gso_ip_end(const void *frame, size_t l3_ofs)
{
    const uint8_t *ip = (const uint8_t *) frame + l3_ofs;
    bool v6 = ip[0] >> 4 == 6;

    return (l3_ofs + (v6 ? IPV6_HEADER_LEN + tnl_gso_get16(ip + 4)
                      : tnl_gso_get16(ip + 2)));
}

size_t tnl_gso_l4_min_len(uint8_t proto);
size_t tnl_gso_l4_len(const void *frame, size_t size,
                      const struct tnl_gso_l3 *);
uint32_t tnl_gso_ip_sum(const void *frame, const struct tnl_gso_l3 *);
uint32_t tnl_gso_tcp_sum(const void *frame, size_t l4_ofs, size_t end);
uint32_t tnl_gso_pseudo_sum(const void *frame, const struct tnl_gso_l3 *,
                            size_t l4_len);
ovs_be16 tnl_gso_pseudo_csum(const void *frame, const struct tnl_gso_l3 *,
                             size_t l4_len);

#endif /* tnl-gso-parse.h */
