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

#ifndef STT_H
#define STT_H 1

/* STT, the Stateless Transport Tunneling protocol, on the wire
 * (draft-davie-stt-08):
 *
 *     Ethernet | IP | TCP-like header | STT header | pad | Ethernet frame
 *                                     |<------ STT frame, L bytes ------>|
 *
 * The TCP-like header makes every device that can cut TCP cut an STT frame:
 *
 *     sequence number   L in the upper half; in the lower, at which byte of
 *                       the STT frame this packet's payload starts
 *     acknowledgment    frame ID, the same in all packets of an STT frame
 *     data offset       5
 *     flags             ACK, in the last packet PSH
 *     window            0xffff
 *
 * Everything behind it is the payload of that "TCP", so the STT header is in
 * the first packet only. */

#include <stddef.h>
#include <stdint.h>

#include "openvswitch/types.h"
#include "packets.h"
#include "unaligned.h"

#define STT_DST_PORT 7471

struct stt_header {
    uint8_t version;            /* 0. */
    uint8_t flags;              /* STT_F_*. */
    uint8_t l4_ofs;             /* Of the inner L4 header, from the start of
                                 * the inner frame; 0 without STT_F_PARTIAL. */
    uint8_t reserved;
    ovs_be16 mss;               /* The inner packet is to be cut into segments
                                 * of so many payload bytes; 0: not at all. */
    ovs_be16 vlan_tci;          /* Of a tag that was taken off the inner
                                 * frame, with STT_VLAN_PRESENT; or 0. */
    ovs_16aligned_be32 key[2];  /* 64 bits of tunnel key, high half first. */
    ovs_be16 pad;               /* Aligns the inner IP header. */
};
BUILD_ASSERT_DECL(sizeof(struct stt_header) == 18);

#define STT_HEADER_LEN 18
#define STT_F_VERIFIED 0x01     /* The inner L4 checksum is good. */
#define STT_F_PARTIAL 0x02      /* It holds the pseudo-header's sum only. */
#define STT_F_IPV4 0x04         /* With STT_F_PARTIAL: the inner packet is
                                 * IPv4, else IPv6. */
#define STT_F_TCP 0x08          /* With STT_F_PARTIAL: it is TCP, else UDP. */
#define STT_VLAN_PRESENT 0x1000 /* In vlan_tci: where CFI would be. */

/* Returns the tunnel key in 'stt'. */
static inline ovs_be64
stt_get_key(const struct stt_header *stt)
{
    return htonll((uint64_t) ntohl(get_16aligned_be32(&stt->key[0])) << 32
                  | ntohl(get_16aligned_be32(&stt->key[1])));
}

/* Writes the tunnel key 'key' into 'stt'. */
static inline void
stt_put_key(struct stt_header *stt, ovs_be64 key)
{
    put_16aligned_be32(&stt->key[0], htonl(ntohll(key) >> 32));
    put_16aligned_be32(&stt->key[1], htonl(ntohll(key)));
}

/* Longest STT frame: its TCP and IPv4 headers must fit into the 16 bits of
 * an IP length. */
#define STT_MAX_FRAME_LEN (UINT16_MAX - TCP_HEADER_LEN - IP_HEADER_LEN)

#endif /* stt.h */
