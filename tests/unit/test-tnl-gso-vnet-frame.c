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
    case 'u': case 'z': case 'v': case 'i': case 'R': case 'p': case 'G':
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
            ref_put16(p + 2, (c[1] == 'v' ? 4789 : c[1] == 'g' ? 6081
                              : c[1] == 'G' ? 2152 : 9));
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
        case 'G':
            ref_put16(p, 0x30ff);
            ref_put16(p + 2, left - 8);
            p[7] = 9;
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
