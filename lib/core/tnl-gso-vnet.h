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
 * port.
 *
 * virtio-net's header is that of Virtual I/O Device (VIRTIO) 1.2 section
 * 5.1.6, in the byte order of the host; its extension for UDP tunnels is that
 * of Linux v6.18 struct virtio_net_hdr_v1_hash_tunnel. */

/* Bytes of a vnet header: without and with the fields for a tunnel. */
enum { VNET_LEN = 10, VNET_TUNNEL_LEN = 24 };

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

#endif /* tnl-gso-vnet.h */
