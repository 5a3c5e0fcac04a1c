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

#ifndef TEST_TNL_GSO_VNET_H
#define TEST_TNL_GSO_VNET_H 1

/* Vnet headers of kernel ports: rows of header and frame with the marks that
 * they mean.  Offsets and values in the rows are added up by hand. */

#include <stddef.h>
#include <stdint.h>

/* The header's fields in the order of struct virtio_net_hdr. */
struct vnet {
    uint8_t flags, type;
    uint16_t hdr_len, gso_size, start, offset;
};

/* Flags and types. */
enum { NEEDS = 1, VALID = 2, TNL_CSUM = 8 };
enum { T4 = 1, UFO = 3, T6 = 4, USO = 5, TUN4 = 0x20, TUN6 = 0x40,
       ECN = 0x80 };

/* A frame is written as its headers:
 *
 *     e  Ethernet           4  IPv4           u  UDP          t  TCP
 *     q  VLAN               6  IPv6           z  UDP without  c  TCP with CWR
 *     v  VXLAN              f  IPv4, MF set      checksum     d  TCP, doff 4
 *     g  Geneve, 8 bytes    r  GRE            s  SCTP         o  TCP, 12 bytes
 *        of options         R  GRE, checksum  i  ICMP            of options
 *
 * GTP-U is 'G', and PPPoE 'p', where what is in it is not looked at.  IP
 * directly behind IP is a tunnel, too. */
uint8_t *vnet_build_frame(const char *layers, size_t payload, size_t *len);

/* What is received.  Marks in short: of the outermost L4 header its protocol
 * and whether its checksum is good or partial, the tunnel, and the same for
 * the inner one, a letter each. */
struct vnet_row {
    const char *name;
    const char *layers;
    size_t payload;
    struct vnet v;

    int retval;
    const char *marks;          /* If 'retval' is 0; "" for none. */
    uint16_t tso, uso;
    uint16_t l4, inner_l3, inner_l4;    /* 0: unset. */
};
extern const struct vnet_row vnet_rows[];
extern const size_t n_vnet_rows;

#endif /* test-tnl-gso-vnet.h */
