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
#undef NDEBUG

#include "test-tnl-gso-vnet.h"

#include <errno.h>
#include <string.h>

#include "tnl-gso-ref.h"
#include "util.h"

/* See test-tnl-gso-vnet.h. */

static size_t
layer_len(char c)
{
    switch (c) {
    case 'e':
        return 14;
    case 'q': case 'r':
        return 4;
    case '4': case 'f': case 't': case 'c': case 'd':
        return 20;
    case '6':
        return 40;
    case 'u': case 'z': case 'v': case 'i': case 'R': case 'p':
        return 8;
    case 'g':
        return 16;
    case 'o':
        return 32;
    case 's':
        return 12;
    default:
        OVS_NOT_REACHED();
    }
}

static uint16_t
eth_type_of(char c)
{
    return (c == '4' || c == 'f' ? 0x0800 : c == '6' ? 0x86dd
            : c == 'q' ? 0x8100 : c == 'p' ? 0x8864 : 0x6558);
}

static uint8_t
ip_proto_of(char c)
{
    return (strchr("tcdo", c) ? 6 : strchr("uz", c) ? 17
            : strchr("rR", c) ? 47 : c == 's' ? 132 : 1);
}

uint8_t *
vnet_build_frame(const char *layers, size_t payload, size_t *len)
{
    uint8_t *frame, *p;

    *len = payload;
    for (const char *c = layers; *c; c++) {
        *len += layer_len(*c);
    }
    p = frame = xmalloc(*len);
    for (size_t i = 0; i < *len; i++) {
        frame[i] = i * 7 + 1;
    }
    for (const char *c = layers; *c; c++) {
        size_t left = *len - (p - frame);

        memset(p + (*c == 'e' ? 12 : 0), 0,
               layer_len(*c) - (*c == 'e' ? 12 : 0));
        switch (*c) {
        case 'e':
            ref_put16(p + 12, eth_type_of(c[1]));
            break;
        case 'q':
            ref_put16(p, 5);
            ref_put16(p + 2, eth_type_of(c[1]));
            break;
        case '4': case 'f':
            p[0] = 0x45;
            ref_put16(p + 2, left);
            ref_put16(p + 6, *c == 'f' ? 0x2000 : 0x4000);
            p[8] = 64;
            p[9] = ip_proto_of(c[1]);
            ref_put32(p + 12, 0x0a000001);
            ref_put32(p + 16, 0x0a0000fe);
            ref_put16(p + 10, ref_csum(p, 20));
            break;
        case '6':
            p[0] = 0x60;
            ref_put16(p + 4, left - 40);
            p[6] = ip_proto_of(c[1]);
            p[7] = 64;
            p[8] = p[24] = 0xfd;
            p[23] = 1;
            p[39] = 2;
            break;
        case 'u': case 'z':
            ref_put16(p, 50000);
            ref_put16(p + 2, c[1] == 'v' ? 4789 : c[1] == 'g' ? 6081 : 9);
            ref_put16(p + 4, left);
            ref_put16(p + 6, *c == 'z' ? 0 : 0x1234);
            break;
        case 'v':
            p[0] = 8;
            p[6] = 5;
            break;
        case 'g':
            p[0] = 2;
            ref_put16(p + 2, 0x6558);
            p[11] = 1;
            break;
        case 'r': case 'R':
            ref_put16(p, *c == 'R' ? 0x8000 : 0);
            ref_put16(p + 2, eth_type_of(c[1]));
            break;
        case 't': case 'c': case 'd': case 'o':
            ref_put16(p, 40000);
            ref_put16(p + 2, 5201);
            p[12] = *c == 'd' ? 0x40 : *c == 'o' ? 0x80 : 0x50;
            p[13] = *c == 'c' ? 0x90 : 0x10;
            ref_put16(p + 16, 0x5678);
            break;
        case 's':
            ref_put16(p, 7);
            break;
        case 'i':
            p[0] = 8;
            break;
        }
        p += layer_len(*c);
    }
    return frame;
}

const struct vnet_row vnet_rows[] = {
    /* Ordinary packets. */
    { "nothing to say", "e4t", 100, { 0, 0, 0, 0, 0, 0 }, -1, "", 0, 0,
      0, 0, 0 },
    { "no frame at all", "", 0, { 0, 0, 0, 0, 0, 0 }, -1, "", 0, 0, 0, 0, 0 },
    { "csum, TCP", "e4t", 100, { NEEDS, 0, 0, 0, 34, 16 }, -1, "", 0, 0,
      0, 0, 0 },
    { "csum, UDP over IPv6", "e6u", 100, { NEEDS, 0, 0, 0, 54, 6 }, -1, "",
      0, 0, 0, 0, 0 },
    { "csum and valid", "e4t", 100, { NEEDS | VALID, 0, 0, 0, 34, 16 }, -1,
      "", 0, 0, 0, 0, 0 },
    { "csum and unknown flags", "e4t", 100, { NEEDS | 0xf4, 0, 0, 0, 34, 16 },
      -1, "", 0, 0, 0, 0, 0 },
    { "valid, TCP", "e4t", 100, { VALID, 0, 0, 0, 0, 0 }, 0, "tg", 0, 0,
      34, 0, 0 },
    { "valid, UDP", "e6u", 100, { VALID, 0, 0, 0, 0, 0 }, 0, "ug", 0, 0,
      54, 0, 0 },
    { "valid, SCTP", "e4s", 100, { VALID, 0, 0, 0, 0, 0 }, 0, "sg", 0, 0,
      34, 0, 0 },
    { "valid, QinQ", "eqq4t", 100, { VALID, 0, 0, 0, 0, 0 }, 0, "tg", 0, 0,
      42, 0, 0 },
    { "valid, VXLAN: the outer one is", "e4uve4t", 100,
      { VALID, 0, 0, 0, 0, 0 }, 0, "ug", 0, 0, 34, 0, 0 },
    { "valid, ICMP", "e4i", 100, { VALID, 0, 0, 0, 0, 0 }, 0, "--", 0, 0,
      0, 0, 0 },
    { "valid, GRE", "e4re4t", 100, { VALID, 0, 0, 0, 0, 0 }, 0, "--", 0, 0,
      0, 0, 0 },
    { "valid, fragment", "efu", 100, { VALID, 0, 0, 0, 0, 0 }, 0, "--", 0, 0,
      0, 0, 0 },
    { "valid, TCP header malformed", "e4d", 100, { VALID, 0, 0, 0, 0, 0 }, 0,
      "--", 0, 0, 0, 0, 0 },
    { "unknown flags", "e4t", 100, { 0xf4, 0, 0, 0, 0, 0 }, -1, "", 0, 0,
      0, 0, 0 },

    /* The checksum is inside a tunnel; the outer one is final. */
    { "csum in VXLAN", "e4uve4t", 100, { NEEDS, 0, 0, 0, 84, 16 }, 0, "ugvtp",
      0, 0, 34, 64, 84 },
    { "csum in VXLAN, outer zero", "e4zve4t", 100,
      { NEEDS, 0, 0, 0, 84, 16 }, 0, "ugvtp", 0, 0, 34, 64, 84 },
    { "csum in VXLAN over IPv6, UDP", "e6uve6u", 100,
      { NEEDS, 0, 0, 0, 124, 6 }, 0, "ugvup", 0, 0, 54, 84, 124 },
    { "csum in Geneve", "e4uge4t", 100, { NEEDS, 0, 0, 0, 92, 16 }, 0,
      "uggtp", 0, 0, 34, 72, 92 },
    { "csum in GRE with checksum", "e4Re4t", 100, { NEEDS, 0, 0, 0, 76, 16 },
      0, "--rtp", 0, 0, 34, 56, 76 },

    /* TCP superpackets. */
    { "TCPv4", "e4t", 3000, { NEEDS, T4, 54, 1400, 34, 16 }, 0, "tp", 1400,
      0, 34, 0, 0 },
    { "TCPv6", "e6t", 3000, { NEEDS, T6, 74, 1400, 54, 16 }, 0, "tp", 1400,
      0, 54, 0, 0 },
    { "TCPv4, ECN", "e4c", 3000, { NEEDS, T4 | ECN, 54, 1400, 34, 16 }, 0,
      "tp", 1400, 0, 34, 0, 0 },
    { "TCPv6, ECN", "e6c", 3000, { NEEDS, T6 | ECN, 74, 1400, 54, 16 }, 0,
      "tp", 1400, 0, 54, 0, 0 },
    { "TCPv4, VLAN", "eq4t", 3000, { NEEDS, T4, 58, 1400, 38, 16 }, 0, "tp",
      1400, 0, 38, 0, 0 },
    { "TCPv4, QinQ", "eqq4t", 3000, { NEEDS, T4, 62, 1400, 42, 16 }, 0, "tp",
      1400, 0, 42, 0, 0 },
    { "hdr_len 0", "e4t", 3000, { NEEDS, T4, 0, 1400, 34, 16 }, 0, "tp", 1400,
      0, 34, 0, 0 },
    { "hdr_len too short", "e4t", 3000, { NEEDS, T4, 20, 1400, 34, 16 }, 0,
      "tp", 1400, 0, 34, 0, 0 },
    { "hdr_len beyond the end", "e4t", 3000, { NEEDS, T4, 65535, 1400, 34,
      16 }, 0, "tp", 1400, 0, 34, 0, 0 },
    { "TCPv4 with csum and valid", "e4t", 3000, { NEEDS | VALID, T4, 54, 1400,
      34, 16 }, 0, "tp", 1400, 0, 34, 0, 0 },
    { "TCPv4 without csum", "e4t", 3000, { 0, T4, 54, 1400, 0, 0 }, 0, "tp",
      1400, 0, 34, 0, 0 },
    { "TCPv4, received as one", "e4t", 3000, { VALID, T4, 54, 1400, 0, 0 }, 0,
      "tp", 1400, 0, 34, 0, 0 },
    { "gso_size 1", "e4t", 3000, { NEEDS, T4, 54, 1, 34, 16 }, 0, "tp", 1, 0,
      34, 0, 0 },
    { "gso_size 7", "e4t", 3000, { NEEDS, T4, 54, 7, 34, 16 }, 0, "tp", 7, 0,
      34, 0, 0 },
    { "gso_size is payload - 1", "e4t", 3000, { NEEDS, T4, 54, 2999, 34, 16 },
      0, "tp", 2999, 0, 34, 0, 0 },
    { "gso_size is payload", "e4t", 3000, { NEEDS, T4, 54, 3000, 34, 16 }, 0,
      "tp", 0, 0, 34, 0, 0 },
    { "gso_size is payload, options", "e4o", 3000, { NEEDS, T4, 66, 3000, 34,
      16 }, 0, "tp", 0, 0, 34, 0, 0 },
    { "gso_size is payload + 1", "e4t", 3000, { NEEDS, T4, 54, 3001, 34, 16 },
      0, "tp", 0, 0, 34, 0, 0 },
    { "gso_size 65534", "e4t", 3000, { NEEDS, T4, 54, 65534, 34, 16 }, 0,
      "tp", 0, 0, 34, 0, 0 },
    { "no payload", "e4t", 0, { NEEDS, T4, 54, 1400, 34, 16 }, 0, "tp", 0, 0,
      34, 0, 0 },
    { "short, without csum", "e4t", 100, { 0, T4, 54, 1400, 0, 0 }, 0, "--",
      0, 0, 0, 0, 0 },

    /* UDP. */
    { "USO", "e4u", 3000, { NEEDS, USO, 42, 1000, 34, 6 }, 0, "up", 0, 1000,
      34, 0, 0 },
    { "USO over IPv6", "e6u", 3000, { NEEDS, USO, 62, 1000, 54, 6 }, 0, "up",
      0, 1000, 54, 0, 0 },
    { "a train", "e4uve4t", 3000, { NEEDS, USO, 42, 1486, 34, 6 }, 0, "up",
      0, 1486, 34, 0, 0 },
    { "USO, one datagram", "e4u", 1000, { NEEDS, USO, 42, 1000, 34, 6 }, 0,
      "up", 0, 0, 34, 0, 0 },
    { "USO, 128 datagrams", "e4u", 1280, { NEEDS, USO, 42, 10, 34, 6 }, 0,
      "up", 0, 10, 34, 0, 0 },
    { "USO, 129 datagrams", "e4u", 1281, { NEEDS, USO, 42, 10, 34, 6 },
      EINVAL, "", 0, 0, 0, 0, 0 },
    { "USO, joined", "e4u", 3000, { VALID, USO, 42, 1000, 0, 0 }, 0, "up", 0,
      1000, 34, 0, 0 },
    { "USO over IPv6, joined", "e6u", 3000, { VALID, USO, 62, 1000, 0, 0 }, 0,
      "up", 0, 1000, 54, 0, 0 },
    { "USO, QinQ, joined", "eqq4u", 3000, { VALID, USO, 50, 1000, 0, 0 }, 0,
      "up", 0, 1000, 42, 0, 0 },
    { "USO, joined and summed up", "e4u", 3000, { 0, USO, 42, 1000, 0, 0 }, 0,
      "up", 0, 1000, 34, 0, 0 },
    { "a train, joined", "e4uve4t", 3000, { VALID, USO, 42, 1486, 0, 0 }, 0,
      "up", 0, 1486, 34, 0, 0 },
    { "USO, joined, one datagram", "e4u", 1000, { VALID, USO, 42, 1000, 0, 0 },
      0, "--", 0, 0, 0, 0, 0 },
    { "USO, joined, 129 datagrams", "e4u", 1281, { VALID, USO, 42, 10, 0, 0 },
      EINVAL, "", 0, 0, 0, 0, 0 },
    { "USO, joined, packet is TCP", "e4t", 3000, { VALID, USO, 42, 1000, 0,
      0 }, EINVAL, "", 0, 0, 0, 0, 0 },
    { "USO, joined, tunnel", "e4uve4u", 3000, { VALID, USO | TUN4, 92, 1000,
      0, 0 }, EINVAL, "", 0, 0, 0, 0, 0 },
    { "USO with ECN", "e4u", 3000, { NEEDS, USO | ECN, 42, 1000, 34, 6 },
      EINVAL, "", 0, 0, 0, 0, 0 },
    { "USO, TCP's checksum", "e4u", 3000, { NEEDS, USO, 42, 1000, 34, 16 },
      EINVAL, "", 0, 0, 0, 0, 0 },

    /* Tunnels, from a packet socket. */
    { "VXLAN", "e4uve4t", 3000, { NEEDS, T4, 104, 1400, 84, 16 }, 0, "upvtp",
      1400, 0, 34, 64, 84 },
    { "VXLAN, no outer checksum", "e4zve4t", 3000, { NEEDS, T4, 104, 1400, 84,
      16 }, 0, "ugvtp", 1400, 0, 34, 64, 84 },
    { "VXLAN, IPv6 in IPv4", "e4uve6t", 3000, { NEEDS, T6, 124, 1400, 104,
      16 }, 0, "upvtp", 1400, 0, 34, 64, 104 },
    { "VXLAN, IPv4 in IPv6, ECN", "e6uve4c", 3000, { NEEDS, T4 | ECN, 124,
      1400, 104, 16 }, 0, "upvtp", 1400, 0, 54, 84, 104 },
    { "VXLAN, VLAN in and out", "eq4uveq4t", 3000, { NEEDS, T4, 112, 1400, 92,
      16 }, 0, "upvtp", 1400, 0, 38, 72, 92 },
    { "Geneve", "e4uge4t", 3000, { NEEDS, T4, 112, 1400, 92, 16 }, 0,
      "upgtp", 1400, 0, 34, 72, 92 },
    { "GRE", "e4re4t", 3000, { NEEDS, T4, 92, 1400, 72, 16 }, 0, "--rtp",
      1400, 0, 34, 52, 72 },
    { "GRE, no Ethernet", "e4r6t", 3000, { NEEDS, T6, 98, 1400, 78, 16 }, 0,
      "--rtp", 1400, 0, 34, 38, 78 },
    { "GRE, checksum", "e4Re4t", 3000, { NEEDS, T4, 96, 1400, 76, 16 }, 0,
      "--rtp", 1400, 0, 34, 56, 76 },
    { "VXLAN, USO", "e4uve4u", 3000, { NEEDS, USO, 92, 1000, 84, 6 }, 0,
      "upvup", 0, 1000, 34, 64, 84 },
    { "VXLAN, short", "e4uve4t", 100, { NEEDS, T4, 104, 1400, 84, 16 }, 0,
      "upvtp", 0, 0, 34, 64, 84 },
    { "VXLAN, TCP joined", "e4uve4t", 3000, { VALID, T4, 104, 1400, 0, 0 }, 0,
      "upvtp", 1400, 0, 34, 64, 84 },
    { "VXLAN, no outer checksum, TCP over IPv6 joined", "e6zve6t", 3000,
      { VALID, T6, 144, 1400, 0, 0 }, 0, "ugvtp", 1400, 0, 54, 84, 124 },
    { "GRE, checksum, TCP joined", "e4Re4t", 3000, { VALID, T4, 96, 1400, 0,
      0 }, 0, "--rtp", 1400, 0, 34, 56, 76 },
    { "GRE, checksum, TCP joined, short", "e4Re4t", 100, { VALID, T4, 96,
      1400, 0, 0 }, 0, "--", 0, 0, 0, 0, 0 },
    { "VXLAN, TCP joined, other family", "e4uve4t", 3000, { VALID, T6, 104,
      1400, 0, 0 }, EINVAL, "", 0, 0, 0, 0, 0 },
    { "VXLAN, TCP joined, packet is UDP", "e4uve4u", 3000, { VALID, T4, 104,
      1400, 0, 0 }, EINVAL, "", 0, 0, 0, 0, 0 },
    { "TCP joined, no tunnel", "e4i", 3000, { VALID, T4, 104, 1400, 0, 0 },
      EINVAL, "", 0, 0, 0, 0, 0 },
    { "VXLAN in VXLAN", "e4uve4uve4t", 3000, { NEEDS, T4, 154, 1400, 134,
      16 }, ENOTSUP, "", 0, 0, 0, 0, 0 },
    { "IPv4 in IPv4", "e4i", 3000, { NEEDS, T4, 82, 1400, 54, 16 }, ENOTSUP,
      "", 0, 0, 0, 0, 0 },

    /* Tunnels, from a tap. */
    { "tap: VXLAN", "e4uve4t", 3000, { NEEDS | TNL_CSUM, T4 | TUN4, 104, 1400,
      84, 16 }, 0, "upvtp", 1400, 0, 34, 64, 84 },
    { "tap: VXLAN, the inner family's bit", "e6uve4t", 3000, { NEEDS, T4
      | TUN4, 124, 1400, 104, 16 }, 0, "upvtp", 1400, 0, 54, 84, 104 },
    { "tap: Geneve over IPv6, USO", "e6zge4u", 3000, { NEEDS, USO | TUN6, 120,
      1000, 112, 6 }, 0, "uggup", 0, 1000, 54, 92, 112 },
    { "tap: VXLAN, ECN", "e4zve6c", 3000, { NEEDS, T6 | TUN4 | ECN, 124, 1400,
      104, 16 }, 0, "ugvtp", 1400, 0, 34, 64, 104 },
    { "tap: TUNNEL_CSUM without a tunnel", "e4t", 3000, { NEEDS | TNL_CSUM,
      T4, 54, 1400, 34, 16 }, 0, "tp", 1400, 0, 34, 0, 0 },
    { "tap: both families", "e4uve4t", 3000, { NEEDS, T4 | TUN4 | TUN6, 104,
      1400, 84, 16 }, EINVAL, "", 0, 0, 0, 0, 0 },
    { "tap: nothing in the tunnel", "e4uve4t", 3000, { NEEDS, TUN4, 104, 1400,
      84, 16 }, EINVAL, "", 0, 0, 0, 0, 0 },
    { "tap: UFO in the tunnel", "e4uve4u", 3000, { NEEDS, UFO | TUN4, 104,
      1400, 84, 6 }, EINVAL, "", 0, 0, 0, 0, 0 },
    { "tap: TCP joined in the tunnel", "e4uve4t", 3000, { VALID | TNL_CSUM, T4
      | TUN4, 104, 1400, 0, 0 }, 0, "upvtp", 1400, 0, 34, 64, 84 },
    { "tap: TCP joined, no tunnel", "e4t", 3000, { VALID, T4 | TUN4, 54, 1400,
      0, 0 }, EINVAL, "", 0, 0, 0, 0, 0 },
    { "tap: tunnel bit, no tunnel", "e4t", 3000, { NEEDS, T4 | TUN4, 54, 1400,
      34, 16 }, EINVAL, "", 0, 0, 0, 0, 0 },
    { "tap: tunnel bit on GRE", "e4re4t", 3000, { NEEDS, T4 | TUN4, 92, 1400,
      72, 16 }, EINVAL, "", 0, 0, 0, 0, 0 },

    /* Malformed. */
    { "gso_size 0", "e4t", 3000, { NEEDS, T4, 54, 0, 34, 16 }, EINVAL, "",
      0, 0, 0, 0, 0 },
    { "gso_size 65535", "e4t", 3000, { NEEDS, T4, 54, 65535, 34, 16 }, EINVAL,
      "", 0, 0, 0, 0, 0 },
    { "ECN alone", "e4t", 3000, { NEEDS, ECN, 54, 1400, 34, 16 }, EINVAL, "",
      0, 0, 0, 0, 0 },
    { "TCPv4, packet is IPv6", "e6t", 3000, { NEEDS, T4, 74, 1400, 54, 16 },
      EINVAL, "", 0, 0, 0, 0, 0 },
    { "TCPv6, packet is IPv4", "e4t", 3000, { NEEDS, T6, 54, 1400, 34, 16 },
      EINVAL, "", 0, 0, 0, 0, 0 },
    { "TCPv6, tunnel holds IPv4", "e6uve4t", 3000, { NEEDS, T6, 124, 1400,
      104, 16 }, EINVAL, "", 0, 0, 0, 0, 0 },
    { "TCPv4, packet is UDP", "e4u", 3000, { NEEDS, T4, 54, 1400, 34, 16 },
      EINVAL, "", 0, 0, 0, 0, 0 },
    { "TCPv4, packet is UDP, no csum", "e4u", 3000, { 0, T4, 54, 1400, 0, 0 },
      EINVAL, "", 0, 0, 0, 0, 0 },
    { "USO, packet is TCP", "e4t", 3000, { NEEDS, USO, 42, 1000, 34, 6 },
      EINVAL, "", 0, 0, 0, 0, 0 },
    { "unknown type", "e4t", 3000, { NEEDS, 2, 54, 1400, 34, 16 }, ENOTSUP,
      "", 0, 0, 0, 0, 0 },
    { "unknown type 0x1f", "e4t", 3000, { NEEDS, 0x1f, 54, 1400, 34, 16 },
      ENOTSUP, "", 0, 0, 0, 0, 0 },
    { "csum_start at the end", "e4t", 100, { NEEDS, 0, 0, 0, 154, 0 }, EINVAL,
      "", 0, 0, 0, 0, 0 },
    { "csum_start past the end", "e4t", 100, { NEEDS, 0, 0, 0, 65535, 16 },
      EINVAL, "", 0, 0, 0, 0, 0 },
    { "csum_offset past the end", "e4t", 100, { NEEDS, 0, 0, 0, 34, 65535 },
      EINVAL, "", 0, 0, 0, 0, 0 },
    { "half a checksum", "e4t", 100, { NEEDS, 0, 0, 0, 34, 119 }, EINVAL, "",
      0, 0, 0, 0, 0 },
    { "no frame, csum", "", 0, { NEEDS, 0, 0, 0, 0, 0 }, EINVAL, "", 0, 0,
      0, 0, 0 },
    { "no frame, TCPv4", "", 0, { NEEDS, T4, 54, 1400, 34, 16 }, ENOTSUP, "",
      0, 0, 0, 0, 0 },
    { "TCPv4, csum_start past the end", "e4t", 3000, { NEEDS, T4, 54, 1400,
      60000, 16 }, EINVAL, "", 0, 0, 0, 0, 0 },
    { "TCPv4, csum_start before L4", "e4t", 3000, { NEEDS, T4, 54, 1400, 33,
      16 }, EINVAL, "", 0, 0, 0, 0, 0 },
    { "TCPv4, csum_start inside TCP", "e4t", 3000, { NEEDS, T4, 54, 1400, 36,
      16 }, EINVAL, "", 0, 0, 0, 0, 0 },
    { "TCPv4, csum_start in the payload", "e4t", 3000, { NEEDS, T4, 54, 1400,
      84, 16 }, EINVAL, "", 0, 0, 0, 0, 0 },
    { "TCPv4, csum_offset 6", "e4t", 3000, { NEEDS, T4, 54, 1400, 34, 6 },
      EINVAL, "", 0, 0, 0, 0, 0 },
    { "VXLAN, csum_start inside UDP", "e4uve4t", 3000, { NEEDS, T4, 104, 1400,
      38, 16 }, EINVAL, "", 0, 0, 0, 0, 0 },
    { "VXLAN, csum_start inside TCP", "e4uve4t", 3000, { NEEDS, T4, 104, 1400,
      86, 16 }, ENOTSUP, "", 0, 0, 0, 0, 0 },
    { "VXLAN, csum_start past the end", "e4uve4t", 3000, { NEEDS, T4, 104,
      1400, 65000, 16 }, EINVAL, "", 0, 0, 0, 0, 0 },
    { "TCP header malformed", "e4d", 3000, { NEEDS, T4, 54, 1400, 34, 16 },
      EINVAL, "", 0, 0, 0, 0, 0 },
    { "TCP header malformed in VXLAN", "e4uve4d", 3000, { NEEDS, T4, 104,
      1400, 84, 16 }, EINVAL, "", 0, 0, 0, 0, 0 },
    { "fragment", "eft", 3000, { NEEDS, T4, 54, 1400, 34, 16 }, EINVAL, "",
      0, 0, 0, 0, 0 },
    { "PPPoE", "ep4t", 3000, { NEEDS, T4, 62, 1400, 42, 16 }, ENOTSUP, "",
      0, 0, 0, 0, 0 },
    { "SCTP", "e4s", 3000, { NEEDS, T4, 46, 1400, 34, 8 }, EINVAL, "", 0, 0,
      0, 0, 0 },
};
const size_t n_vnet_rows = ARRAY_SIZE(vnet_rows);
