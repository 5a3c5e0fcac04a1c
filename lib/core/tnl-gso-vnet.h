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

#ifndef TNL_GSO_VNET_H
#define TNL_GSO_VNET_H 1

/* Constants of virtio-net's header, in front of a packet to or from a kernel
 * port, and how it says what is to be cut.
 *
 * virtio-net's header is that of Virtual I/O Device (VIRTIO) 1.2 section
 * 5.1.6, in the byte order of the host; its extension for UDP tunnels is that
 * of Linux v6.18 struct virtio_net_hdr_v1_hash_tunnel. */

#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/tnl-gso-types.h"

/* Bytes of a vnet header: without and with the fields for a tunnel. */
enum { VNET_LEN = 10, VNET_TUNNEL_LEN = 24 };

/* Places of fields in a vnet header for a tunnel: offsets in the frame of the
 * outer L4 header and of the inner IP header. */
enum { VNET_OUTER_TH_OFS = 20, VNET_INNER_NH_OFS = 22 };

/* Constants that older <linux/virtio_net.h> lack. */
enum {
    VNET_F_UDP_TUNNEL_CSUM = 8,     /* flags: outer checksum wanted. */
    VNET_GSO_UDP_L4 = 5,            /* gso_type: datagrams of gso_size. */
    VNET_GSO_UDP_TUNNEL_IPV4 = 0x20, /* Or-ed to that of the inner packet. */
    VNET_GSO_UDP_TUNNEL_IPV6 = 0x40,
    VNET_GSO_UDP_TUNNEL = VNET_GSO_UDP_TUNNEL_IPV4 | VNET_GSO_UDP_TUNNEL_IPV6,
};

/* Segments that Linux takes: UDP_MAX_SEGMENTS in v6.18 include/linux/udp.h. */
#define VNET_MAX_UDP_SEGMENTS 128

/* Returns the gso_type of the superpacket that 'd' describes, in a tunnel over
 * UDP or in none.  If it is TCP, 'cwr' tells whether it has CWR, which the
 * kernel is to leave to the first segment. */
static inline uint8_t
vnet_gso_type(const struct tnl_gso_desc *d, bool cwr)
{
    uint8_t type;

    if (d->inner.proto == IPPROTO_UDP) {
        type = VNET_GSO_UDP_L4;
    } else {
        type = ((d->inner.version == 4 ? VIRTIO_NET_HDR_GSO_TCPV4
                 : VIRTIO_NET_HDR_GSO_TCPV6)
                | (cwr ? VIRTIO_NET_HDR_GSO_ECN : 0));
    }
    if (d->outer_l4 != TNL_GSO_OUTER_NONE) {
        /* Linux wants the outer family, the specification the inner one. */
        type |= (d->outer.version == 4 ? VNET_GSO_UDP_TUNNEL_IPV4
                 : VNET_GSO_UDP_TUNNEL_IPV6);
    }
    return type;
}

#endif /* tnl-gso-vnet.h */
