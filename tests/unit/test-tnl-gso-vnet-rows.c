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
            : strchr("rR", c) ? 47 : c == 's' ? 132 : c == '4' ? 4
            : c == '6' ? 41 : 1);
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
    { "nothing to say", "e4t", 100, .retval = -1, .marks = "" },
    { "no frame at all", "", 0, .retval = -1, .marks = "" },
    { "csum, TCP", "e4t", 100,
      .v = { .flags = NEEDS, .start = 34, .offset = 16 }, .retval = -1,
      .marks = "" },
    { "csum, UDP over IPv6", "e6u", 100,
      .v = { .flags = NEEDS, .start = 54, .offset = 6 }, .retval = -1,
      .marks = "" },
    { "csum and valid", "e4t", 100,
      .v = { .flags = NEEDS | VALID, .start = 34, .offset = 16 }, .retval = -1,
      .marks = "" },
    { "csum and unknown flags", "e4t", 100,
      .v = { .flags = NEEDS | 0xf4, .start = 34, .offset = 16 }, .retval = -1,
      .marks = "" },
    { "valid, TCP", "e4t", 100, .v = { .flags = VALID }, .marks = "tg",
      .l4 = 34 },
    { "valid, UDP", "e6u", 100, .v = { .flags = VALID }, .marks = "ug",
      .l4 = 54 },
    { "valid, SCTP", "e4s", 100, .v = { .flags = VALID }, .marks = "sg",
      .l4 = 34 },
    { "valid, QinQ", "eqq4t", 100, .v = { .flags = VALID }, .marks = "tg",
      .l4 = 42 },
    { "valid, VXLAN: the outer one is", "e4uve4t", 100,
      .v = { .flags = VALID }, .marks = "ug", .l4 = 34 },
    { "valid, ICMP", "e4i", 100, .v = { .flags = VALID }, .marks = "--" },
    { "valid, GRE", "e4re4t", 100, .v = { .flags = VALID }, .marks = "--" },
    { "valid, fragment", "efu", 100, .v = { .flags = VALID }, .marks = "--" },
    { "valid, TCP header malformed", "e4d", 100, .v = { .flags = VALID },
      .marks = "--" },
    { "unknown flags", "e4t", 100, .v = { .flags = 0xf4 }, .retval = -1,
      .marks = "" },

    /* The checksum is inside a tunnel; the outer one is final. */
    { "csum in VXLAN", "e4uve4t", 100,
      .v = { .flags = NEEDS, .start = 84, .offset = 16 }, .marks = "ugvtp",
      .l4 = 34, .inner_l3 = 64, .inner_l4 = 84 },
    { "csum in VXLAN, outer zero", "e4zve4t", 100,
      .v = { .flags = NEEDS, .start = 84, .offset = 16 }, .marks = "ugvtp",
      .l4 = 34, .inner_l3 = 64, .inner_l4 = 84 },
    { "csum in VXLAN over IPv6, UDP", "e6uve6u", 100,
      .v = { .flags = NEEDS, .start = 124, .offset = 6 }, .marks = "ugvup",
      .l4 = 54, .inner_l3 = 84, .inner_l4 = 124 },
    { "csum in Geneve", "e4uge4t", 100,
      .v = { .flags = NEEDS, .start = 92, .offset = 16 }, .marks = "uggtp",
      .l4 = 34, .inner_l3 = 72, .inner_l4 = 92 },
    { "csum in GRE with checksum", "e4Re4t", 100,
      .v = { .flags = NEEDS, .start = 76, .offset = 16 }, .marks = "--rtp",
      .l4 = 34, .inner_l3 = 56, .inner_l4 = 76 },
    { "csum in IPv6 in IPv4", "e46u", 100,
      .v = { .flags = NEEDS, .start = 74, .offset = 6 }, .marks = "--iup",
      .l4 = 34, .inner_l3 = 34, .inner_l4 = 74 },

    /* TCP superpackets. */
    { "TCPv4", "e4t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 54, .gso_size = 1400,
        .start = 34, .offset = 16 }, .marks = "tp", .tso = 1400, .l4 = 34 },
    { "TCPv6", "e6t", 3000,
      .v = { .flags = NEEDS, .type = T6, .hdr_len = 74, .gso_size = 1400,
        .start = 54, .offset = 16 }, .marks = "tp", .tso = 1400, .l4 = 54 },
    { "TCPv4, ECN", "e4c", 3000,
      .v = { .flags = NEEDS, .type = T4 | ECN, .hdr_len = 54,
        .gso_size = 1400, .start = 34, .offset = 16 }, .marks = "tp",
      .tso = 1400, .l4 = 34 },
    { "TCPv6, ECN", "e6c", 3000,
      .v = { .flags = NEEDS, .type = T6 | ECN, .hdr_len = 74,
        .gso_size = 1400, .start = 54, .offset = 16 }, .marks = "tp",
      .tso = 1400, .l4 = 54 },
    { "TCPv4, VLAN", "eq4t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 58, .gso_size = 1400,
        .start = 38, .offset = 16 }, .marks = "tp", .tso = 1400, .l4 = 38 },
    { "TCPv4, QinQ", "eqq4t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 62, .gso_size = 1400,
        .start = 42, .offset = 16 }, .marks = "tp", .tso = 1400, .l4 = 42 },
    { "hdr_len 0", "e4t", 3000,
      .v = { .flags = NEEDS, .type = T4, .gso_size = 1400, .start = 34,
        .offset = 16 }, .marks = "tp", .tso = 1400, .l4 = 34 },
    { "hdr_len too short", "e4t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 20, .gso_size = 1400,
        .start = 34, .offset = 16 }, .marks = "tp", .tso = 1400, .l4 = 34 },
    { "hdr_len beyond the end", "e4t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 65535, .gso_size = 1400,
        .start = 34, .offset = 16 }, .marks = "tp", .tso = 1400, .l4 = 34 },
    { "TCPv4 with csum and valid", "e4t", 3000,
      .v = { .flags = NEEDS | VALID, .type = T4, .hdr_len = 54,
        .gso_size = 1400, .start = 34, .offset = 16 }, .marks = "tp",
      .tso = 1400, .l4 = 34 },
    { "TCPv4 without csum", "e4t", 3000,
      .v = { .type = T4, .hdr_len = 54, .gso_size = 1400 }, .marks = "tp",
      .tso = 1400, .l4 = 34 },
    { "TCPv4, received as one", "e4t", 3000,
      .v = { .flags = VALID, .type = T4, .hdr_len = 54, .gso_size = 1400 },
      .marks = "tp", .tso = 1400, .l4 = 34 },
    { "gso_size 1", "e4t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 54, .gso_size = 1,
        .start = 34, .offset = 16 }, .marks = "tp", .tso = 1, .l4 = 34 },
    { "gso_size 7", "e4t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 54, .gso_size = 7,
        .start = 34, .offset = 16 }, .marks = "tp", .tso = 7, .l4 = 34 },
    { "gso_size is payload - 1", "e4t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 54, .gso_size = 2999,
        .start = 34, .offset = 16 }, .marks = "tp", .tso = 2999, .l4 = 34 },
    { "gso_size is payload", "e4t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 54, .gso_size = 3000,
        .start = 34, .offset = 16 }, .marks = "tp", .l4 = 34 },
    { "gso_size is payload, options", "e4o", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 66, .gso_size = 3000,
        .start = 34, .offset = 16 }, .marks = "tp", .l4 = 34 },
    { "gso_size is payload + 1", "e4t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 54, .gso_size = 3001,
        .start = 34, .offset = 16 }, .marks = "tp", .l4 = 34 },
    { "gso_size 65534", "e4t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 54, .gso_size = 65534,
        .start = 34, .offset = 16 }, .marks = "tp", .l4 = 34 },
    { "no payload", "e4t", 0,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 54, .gso_size = 1400,
        .start = 34, .offset = 16 }, .marks = "tp", .l4 = 34 },
    { "short, without csum", "e4t", 100,
      .v = { .type = T4, .hdr_len = 54, .gso_size = 1400 }, .marks = "--" },

    /* UDP. */
    { "USO", "e4u", 3000,
      .v = { .flags = NEEDS, .type = USO, .hdr_len = 42, .gso_size = 1000,
        .start = 34, .offset = 6 }, .marks = "up", .uso = 1000, .l4 = 34 },
    { "USO over IPv6", "e6u", 3000,
      .v = { .flags = NEEDS, .type = USO, .hdr_len = 62, .gso_size = 1000,
        .start = 54, .offset = 6 }, .marks = "up", .uso = 1000, .l4 = 54 },
    { "a train", "e4uve4t", 3000,
      .v = { .flags = NEEDS, .type = USO, .hdr_len = 42, .gso_size = 1486,
        .start = 34, .offset = 6 }, .marks = "up", .uso = 1486, .l4 = 34 },
    { "USO, one datagram", "e4u", 1000,
      .v = { .flags = NEEDS, .type = USO, .hdr_len = 42, .gso_size = 1000,
        .start = 34, .offset = 6 }, .marks = "up", .l4 = 34 },
    { "USO, 128 datagrams", "e4u", 1280,
      .v = { .flags = NEEDS, .type = USO, .hdr_len = 42, .gso_size = 10,
        .start = 34, .offset = 6 }, .marks = "up", .uso = 10, .l4 = 34 },
    { "USO, 129 datagrams", "e4u", 1281,
      .v = { .flags = NEEDS, .type = USO, .hdr_len = 42, .gso_size = 10,
        .start = 34, .offset = 6 }, .retval = EINVAL, .marks = "" },
    { "USO, joined", "e4u", 3000,
      .v = { .flags = VALID, .type = USO, .hdr_len = 42, .gso_size = 1000 },
      .marks = "up", .uso = 1000, .l4 = 34 },
    { "USO over IPv6, joined", "e6u", 3000,
      .v = { .flags = VALID, .type = USO, .hdr_len = 62, .gso_size = 1000 },
      .marks = "up", .uso = 1000, .l4 = 54 },
    { "USO, QinQ, joined", "eqq4u", 3000,
      .v = { .flags = VALID, .type = USO, .hdr_len = 50, .gso_size = 1000 },
      .marks = "up", .uso = 1000, .l4 = 42 },
    { "USO, joined and summed up", "e4u", 3000,
      .v = { .type = USO, .hdr_len = 42, .gso_size = 1000 }, .marks = "up",
      .uso = 1000, .l4 = 34 },
    { "a train, joined", "e4uve4t", 3000,
      .v = { .flags = VALID, .type = USO, .hdr_len = 42, .gso_size = 1486 },
      .marks = "up", .uso = 1486, .l4 = 34 },
    { "USO, joined, one datagram", "e4u", 1000,
      .v = { .flags = VALID, .type = USO, .hdr_len = 42, .gso_size = 1000 },
      .marks = "--" },
    { "USO, joined, 129 datagrams", "e4u", 1281,
      .v = { .flags = VALID, .type = USO, .hdr_len = 42, .gso_size = 10 },
      .retval = EINVAL, .marks = "" },
    { "USO, joined, packet is TCP", "e4t", 3000,
      .v = { .flags = VALID, .type = USO, .hdr_len = 42, .gso_size = 1000 },
      .retval = EINVAL, .marks = "" },
    { "USO, joined, tunnel", "e4uve4u", 3000,
      .v = { .flags = VALID, .type = USO | TUN4, .hdr_len = 92,
        .gso_size = 1000 }, .retval = EINVAL, .marks = "" },
    { "USO with ECN", "e4u", 3000,
      .v = { .flags = NEEDS, .type = USO | ECN, .hdr_len = 42,
        .gso_size = 1000, .start = 34, .offset = 6 }, .retval = EINVAL,
      .marks = "" },
    { "USO, TCP's checksum", "e4u", 3000,
      .v = { .flags = NEEDS, .type = USO, .hdr_len = 42, .gso_size = 1000,
        .start = 34, .offset = 16 }, .retval = EINVAL, .marks = "" },

    /* Tunnels, from a packet socket. */
    { "VXLAN", "e4uve4t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 104, .gso_size = 1400,
        .start = 84, .offset = 16 }, .marks = "upvtp", .tso = 1400, .l4 = 34,
      .inner_l3 = 64, .inner_l4 = 84 },
    { "VXLAN, no outer checksum", "e4zve4t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 104, .gso_size = 1400,
        .start = 84, .offset = 16 }, .marks = "ugvtp", .tso = 1400, .l4 = 34,
      .inner_l3 = 64, .inner_l4 = 84 },
    { "VXLAN, IPv6 in IPv4", "e4uve6t", 3000,
      .v = { .flags = NEEDS, .type = T6, .hdr_len = 124, .gso_size = 1400,
        .start = 104, .offset = 16 }, .marks = "upvtp", .tso = 1400, .l4 = 34,
      .inner_l3 = 64, .inner_l4 = 104 },
    { "VXLAN, IPv4 in IPv6, ECN", "e6uve4c", 3000,
      .v = { .flags = NEEDS, .type = T4 | ECN, .hdr_len = 124,
        .gso_size = 1400, .start = 104, .offset = 16 }, .marks = "upvtp",
      .tso = 1400, .l4 = 54, .inner_l3 = 84, .inner_l4 = 104 },
    { "VXLAN, VLAN in and out", "eq4uveq4t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 112, .gso_size = 1400,
        .start = 92, .offset = 16 }, .marks = "upvtp", .tso = 1400, .l4 = 38,
      .inner_l3 = 72, .inner_l4 = 92 },
    { "Geneve", "e4uge4t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 112, .gso_size = 1400,
        .start = 92, .offset = 16 }, .marks = "upgtp", .tso = 1400, .l4 = 34,
      .inner_l3 = 72, .inner_l4 = 92 },
    { "GRE", "e4re4t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 92, .gso_size = 1400,
        .start = 72, .offset = 16 }, .marks = "--rtp", .tso = 1400, .l4 = 34,
      .inner_l3 = 52, .inner_l4 = 72 },
    { "GRE, no Ethernet", "e4r6t", 3000,
      .v = { .flags = NEEDS, .type = T6, .hdr_len = 98, .gso_size = 1400,
        .start = 78, .offset = 16 }, .marks = "--rtp", .tso = 1400, .l4 = 34,
      .inner_l3 = 38, .inner_l4 = 78 },
    { "GRE, checksum", "e4Re4t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 96, .gso_size = 1400,
        .start = 76, .offset = 16 }, .marks = "--rtp", .tso = 1400, .l4 = 34,
      .inner_l3 = 56, .inner_l4 = 76 },
    { "VXLAN, USO", "e4uve4u", 3000,
      .v = { .flags = NEEDS, .type = USO, .hdr_len = 92, .gso_size = 1000,
        .start = 84, .offset = 6 }, .marks = "upvup", .uso = 1000, .l4 = 34,
      .inner_l3 = 64, .inner_l4 = 84 },
    { "VXLAN, short", "e4uve4t", 100,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 104, .gso_size = 1400,
        .start = 84, .offset = 16 }, .marks = "upvtp", .l4 = 34,
      .inner_l3 = 64, .inner_l4 = 84 },
    { "VXLAN, TCP joined", "e4uve4t", 3000,
      .v = { .flags = VALID, .type = T4, .hdr_len = 104, .gso_size = 1400 },
      .marks = "upvtp", .tso = 1400, .l4 = 34, .inner_l3 = 64,
      .inner_l4 = 84 },
    { "VXLAN, no outer checksum, TCP over IPv6 joined", "e6zve6t", 3000,
      .v = { .flags = VALID, .type = T6, .hdr_len = 144, .gso_size = 1400 },
      .marks = "ugvtp", .tso = 1400, .l4 = 54, .inner_l3 = 84,
      .inner_l4 = 124 },
    { "GRE, checksum, TCP joined", "e4Re4t", 3000,
      .v = { .flags = VALID, .type = T4, .hdr_len = 96, .gso_size = 1400 },
      .marks = "--rtp", .tso = 1400, .l4 = 34, .inner_l3 = 56,
      .inner_l4 = 76 },
    { "GRE, checksum, TCP joined, short", "e4Re4t", 100,
      .v = { .flags = VALID, .type = T4, .hdr_len = 96, .gso_size = 1400 },
      .marks = "--" },
    { "VXLAN, TCP joined, other family", "e4uve4t", 3000,
      .v = { .flags = VALID, .type = T6, .hdr_len = 104, .gso_size = 1400 },
      .retval = EINVAL, .marks = "" },
    { "VXLAN, TCP joined, packet is UDP", "e4uve4u", 3000,
      .v = { .flags = VALID, .type = T4, .hdr_len = 104, .gso_size = 1400 },
      .retval = EINVAL, .marks = "" },
    { "TCP joined, no tunnel", "e4i", 3000,
      .v = { .flags = VALID, .type = T4, .hdr_len = 104, .gso_size = 1400 },
      .retval = EINVAL, .marks = "" },
    { "VXLAN in VXLAN", "e4uve4uve4t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 154, .gso_size = 1400,
        .start = 134, .offset = 16 }, .marks = "upvvtp", .tso = 1400,
      .l4 = 34, .inner_l3 = 114, .inner_l4 = 134 },
    { "Geneve over IPv6 in GRE", "e4re6zge4t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 170, .gso_size = 1400,
        .start = 150, .offset = 16 }, .marks = "--rgtp", .tso = 1400,
      .l4 = 34, .inner_l3 = 130, .inner_l4 = 150 },
    { "VXLAN in VXLAN in VXLAN", "e4uve4uve4uve4t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 204, .gso_size = 1400,
        .start = 184, .offset = 16 }, .retval = ENOTSUP, .marks = "" },
    { "IPv4 in IPv4", "e44t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 74, .gso_size = 1400,
        .start = 54, .offset = 16 }, .marks = "--itp", .tso = 1400, .l4 = 34,
      .inner_l3 = 34, .inner_l4 = 54 },
    { "IPv6 in IPv4, ECN", "e46c", 3000,
      .v = { .flags = NEEDS, .type = T6 | ECN, .hdr_len = 94,
        .gso_size = 1400, .start = 74, .offset = 16 }, .marks = "--itp",
      .tso = 1400, .l4 = 34, .inner_l3 = 34, .inner_l4 = 74 },
    { "IPv4 in IPv6, VLAN", "eq64t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 98, .gso_size = 1400,
        .start = 78, .offset = 16 }, .marks = "--itp", .tso = 1400, .l4 = 58,
      .inner_l3 = 58, .inner_l4 = 78 },
    { "IPv6 in IPv6", "e66t", 3000,
      .v = { .flags = NEEDS, .type = T6, .hdr_len = 114, .gso_size = 1400,
        .start = 94, .offset = 16 }, .marks = "--itp", .tso = 1400, .l4 = 54,
      .inner_l3 = 54, .inner_l4 = 94 },
    { "IPv4 in IPv4, USO", "e44u", 3000,
      .v = { .flags = NEEDS, .type = USO, .hdr_len = 62, .gso_size = 1000,
        .start = 54, .offset = 6 }, .marks = "--iup", .uso = 1000, .l4 = 34,
      .inner_l3 = 34, .inner_l4 = 54 },
    { "IPv4 in IPv4, TCP joined", "e44t", 3000,
      .v = { .flags = VALID, .type = T4, .hdr_len = 74, .gso_size = 1400 },
      .marks = "--itp", .tso = 1400, .l4 = 34, .inner_l3 = 34,
      .inner_l4 = 54 },
    { "IPv4 in IPv4, short", "e44t", 100,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 74, .gso_size = 1400,
        .start = 54, .offset = 16 }, .marks = "--itp", .l4 = 34,
      .inner_l3 = 34, .inner_l4 = 54 },
    { "VXLAN in IPv4 in IPv6", "e64uve4t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 164, .gso_size = 1400,
        .start = 124, .offset = 16 }, .marks = "--ivtp", .tso = 1400,
      .l4 = 54, .inner_l3 = 104, .inner_l4 = 124 },
    { "IPv6 in IPv4 in VXLAN", "e4uve46t", 3000,
      .v = { .flags = NEEDS, .type = T6, .hdr_len = 144, .gso_size = 1400,
        .start = 124, .offset = 16 }, .marks = "upvitp", .tso = 1400,
      .l4 = 34, .inner_l3 = 84, .inner_l4 = 124 },
    { "IPv4 in IPv4 in IPv4", "e444t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 94, .gso_size = 1400,
        .start = 74, .offset = 16 }, .marks = "--iitp", .tso = 1400, .l4 = 34,
      .inner_l3 = 54, .inner_l4 = 74 },
    { "four IPv4 headers", "e4444t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 114, .gso_size = 1400,
        .start = 94, .offset = 16 }, .retval = ENOTSUP, .marks = "" },
    { "IPv4 in IPv4, checksum elsewhere", "e44t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 74, .gso_size = 1400,
        .start = 56, .offset = 16 }, .retval = ENOTSUP, .marks = "" },
    { "IPv4 in IPv4, a fragment", "e4ft", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 74, .gso_size = 1400,
        .start = 54, .offset = 16 }, .retval = ENOTSUP, .marks = "" },
    { "ICMP", "e4i", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 82, .gso_size = 1400,
        .start = 54, .offset = 16 }, .retval = ENOTSUP, .marks = "" },

    /* Tunnels, from a tap. */
    { "tap: VXLAN", "e4uve4t", 3000,
      .v = { .flags = NEEDS | TNL_CSUM, .type = T4 | TUN4, .hdr_len = 104,
        .gso_size = 1400, .start = 84, .offset = 16 }, .marks = "upvtp",
      .tso = 1400, .l4 = 34, .inner_l3 = 64, .inner_l4 = 84 },
    { "tap: VXLAN, the inner family's bit", "e6uve4t", 3000,
      .v = { .flags = NEEDS, .type = T4 | TUN4, .hdr_len = 124,
        .gso_size = 1400, .start = 104, .offset = 16 }, .marks = "upvtp",
      .tso = 1400, .l4 = 54, .inner_l3 = 84, .inner_l4 = 104 },
    { "tap: Geneve over IPv6, USO", "e6zge4u", 3000,
      .v = { .flags = NEEDS, .type = USO | TUN6, .hdr_len = 120,
        .gso_size = 1000, .start = 112, .offset = 6 }, .marks = "uggup",
      .uso = 1000, .l4 = 54, .inner_l3 = 92, .inner_l4 = 112 },
    { "tap: VXLAN, ECN", "e4zve6c", 3000,
      .v = { .flags = NEEDS, .type = T6 | TUN4 | ECN, .hdr_len = 124,
        .gso_size = 1400, .start = 104, .offset = 16 }, .marks = "ugvtp",
      .tso = 1400, .l4 = 34, .inner_l3 = 64, .inner_l4 = 104 },
    { "tap: TUNNEL_CSUM without a tunnel", "e4t", 3000,
      .v = { .flags = NEEDS | TNL_CSUM, .type = T4, .hdr_len = 54,
        .gso_size = 1400, .start = 34, .offset = 16 }, .marks = "tp",
      .tso = 1400, .l4 = 34 },
    { "tap: both families", "e4uve4t", 3000,
      .v = { .flags = NEEDS, .type = T4 | TUN4 | TUN6, .hdr_len = 104,
        .gso_size = 1400, .start = 84, .offset = 16 }, .retval = EINVAL,
      .marks = "" },
    { "tap: nothing in the tunnel", "e4uve4t", 3000,
      .v = { .flags = NEEDS, .type = TUN4, .hdr_len = 104, .gso_size = 1400,
        .start = 84, .offset = 16 }, .retval = EINVAL, .marks = "" },
    { "tap: UFO in the tunnel", "e4uve4u", 3000,
      .v = { .flags = NEEDS, .type = UFO | TUN4, .hdr_len = 104,
        .gso_size = 1400, .start = 84, .offset = 6 }, .retval = EINVAL,
      .marks = "" },
    { "tap: TCP joined in the tunnel", "e4uve4t", 3000,
      .v = { .flags = VALID | TNL_CSUM, .type = T4 | TUN4, .hdr_len = 104,
        .gso_size = 1400 }, .marks = "upvtp", .tso = 1400, .l4 = 34,
      .inner_l3 = 64, .inner_l4 = 84 },
    { "tap: TCP joined, no tunnel", "e4t", 3000,
      .v = { .flags = VALID, .type = T4 | TUN4, .hdr_len = 54,
        .gso_size = 1400 }, .retval = EINVAL, .marks = "" },
    { "tap: tunnel bit, no tunnel", "e4t", 3000,
      .v = { .flags = NEEDS, .type = T4 | TUN4, .hdr_len = 54,
        .gso_size = 1400, .start = 34, .offset = 16 }, .retval = EINVAL,
      .marks = "" },
    { "tap: tunnel bit on GRE", "e4re4t", 3000,
      .v = { .flags = NEEDS, .type = T4 | TUN4, .hdr_len = 92,
        .gso_size = 1400, .start = 72, .offset = 16 }, .retval = EINVAL,
      .marks = "" },

    /* Malformed. */
    { "gso_size 0", "e4t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 54, .start = 34,
        .offset = 16 }, .retval = EINVAL, .marks = "" },
    { "gso_size 65535", "e4t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 54, .gso_size = 65535,
        .start = 34, .offset = 16 }, .retval = EINVAL, .marks = "" },
    { "ECN alone", "e4t", 3000,
      .v = { .flags = NEEDS, .type = ECN, .hdr_len = 54, .gso_size = 1400,
        .start = 34, .offset = 16 }, .retval = EINVAL, .marks = "" },
    { "TCPv4, packet is IPv6", "e6t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 74, .gso_size = 1400,
        .start = 54, .offset = 16 }, .retval = EINVAL, .marks = "" },
    { "TCPv6, packet is IPv4", "e4t", 3000,
      .v = { .flags = NEEDS, .type = T6, .hdr_len = 54, .gso_size = 1400,
        .start = 34, .offset = 16 }, .retval = EINVAL, .marks = "" },
    { "TCPv6, tunnel holds IPv4", "e6uve4t", 3000,
      .v = { .flags = NEEDS, .type = T6, .hdr_len = 124, .gso_size = 1400,
        .start = 104, .offset = 16 }, .retval = EINVAL, .marks = "" },
    { "TCPv4, packet is UDP", "e4u", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 54, .gso_size = 1400,
        .start = 34, .offset = 16 }, .retval = EINVAL, .marks = "" },
    { "TCPv4, packet is UDP, no csum", "e4u", 3000,
      .v = { .type = T4, .hdr_len = 54, .gso_size = 1400 }, .retval = EINVAL,
      .marks = "" },
    { "USO, packet is TCP", "e4t", 3000,
      .v = { .flags = NEEDS, .type = USO, .hdr_len = 42, .gso_size = 1000,
        .start = 34, .offset = 6 }, .retval = EINVAL, .marks = "" },
    { "unknown type", "e4t", 3000,
      .v = { .flags = NEEDS, .type = 2, .hdr_len = 54, .gso_size = 1400,
        .start = 34, .offset = 16 }, .retval = ENOTSUP, .marks = "" },
    { "unknown type 0x1f", "e4t", 3000,
      .v = { .flags = NEEDS, .type = 0x1f, .hdr_len = 54, .gso_size = 1400,
        .start = 34, .offset = 16 }, .retval = ENOTSUP, .marks = "" },
    { "csum_start at the end", "e4t", 100,
      .v = { .flags = NEEDS, .start = 154 }, .retval = EINVAL, .marks = "" },
    { "csum_start past the end", "e4t", 100,
      .v = { .flags = NEEDS, .start = 65535, .offset = 16 }, .retval = EINVAL,
      .marks = "" },
    { "csum_offset past the end", "e4t", 100,
      .v = { .flags = NEEDS, .start = 34, .offset = 65535 }, .retval = EINVAL,
      .marks = "" },
    { "half a checksum", "e4t", 100,
      .v = { .flags = NEEDS, .start = 34, .offset = 119 }, .retval = EINVAL,
      .marks = "" },
    { "no frame, csum", "", 0, .v = { .flags = NEEDS }, .retval = EINVAL,
      .marks = "" },
    { "no frame, TCPv4", "", 0,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 54, .gso_size = 1400,
        .start = 34, .offset = 16 }, .retval = ENOTSUP, .marks = "" },
    { "TCPv4, csum_start past the end", "e4t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 54, .gso_size = 1400,
        .start = 60000, .offset = 16 }, .retval = EINVAL, .marks = "" },
    { "TCPv4, csum_start before L4", "e4t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 54, .gso_size = 1400,
        .start = 33, .offset = 16 }, .retval = EINVAL, .marks = "" },
    { "TCPv4, csum_start inside TCP", "e4t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 54, .gso_size = 1400,
        .start = 36, .offset = 16 }, .retval = EINVAL, .marks = "" },
    { "TCPv4, csum_start in the payload", "e4t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 54, .gso_size = 1400,
        .start = 84, .offset = 16 }, .retval = EINVAL, .marks = "" },
    { "TCPv4, csum_offset 6", "e4t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 54, .gso_size = 1400,
        .start = 34, .offset = 6 }, .retval = EINVAL, .marks = "" },
    { "VXLAN, csum_start inside UDP", "e4uve4t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 104, .gso_size = 1400,
        .start = 38, .offset = 16 }, .retval = EINVAL, .marks = "" },
    { "VXLAN, csum_start inside TCP", "e4uve4t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 104, .gso_size = 1400,
        .start = 86, .offset = 16 }, .retval = ENOTSUP, .marks = "" },
    { "VXLAN, csum_start past the end", "e4uve4t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 104, .gso_size = 1400,
        .start = 65000, .offset = 16 }, .retval = EINVAL, .marks = "" },
    { "TCP header malformed", "e4d", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 54, .gso_size = 1400,
        .start = 34, .offset = 16 }, .retval = EINVAL, .marks = "" },
    { "TCP header malformed in VXLAN", "e4uve4d", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 104, .gso_size = 1400,
        .start = 84, .offset = 16 }, .retval = EINVAL, .marks = "" },
    { "fragment", "eft", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 54, .gso_size = 1400,
        .start = 34, .offset = 16 }, .retval = EINVAL, .marks = "" },
    { "PPPoE", "ep4t", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 62, .gso_size = 1400,
        .start = 42, .offset = 16 }, .retval = ENOTSUP, .marks = "" },
    { "SCTP", "e4s", 3000,
      .v = { .flags = NEEDS, .type = T4, .hdr_len = 46, .gso_size = 1400,
        .start = 34, .offset = 8 }, .retval = EINVAL, .marks = "" },
};
const size_t n_vnet_rows = ARRAY_SIZE(vnet_rows);
