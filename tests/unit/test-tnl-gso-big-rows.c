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

#include "test-tnl-gso-big.h"

#include <string.h>

#include "dp-packet.h"
#include "test-tnl-gso.h"
#include "tnl-gso/core/tnl-gso-vnet.h"
#include "util.h"

/* See test-tnl-gso-big.h. */

const struct big_row big_rows[] = {
    { "IPv4", "e4t", REF_PLAIN, 14, 195492,
      { NEEDS, T4, 54, 1448, 34, 16 }, NONE, 4, 0 },
    { "IPv4, without csum", "e4t", REF_PLAIN, 14, 130000,
      { VALID, T4, 54, 1448, 0, 0 }, NONE, 3, 0 },
    { "IPv4, CWR, options", "e4c", REF_PLAIN, 14, 65500,
      { NEEDS, T4 | ECN, 54, 1400, 34, 16 }, NONE, 2, 0 },
    { "IPv4, VLAN", "eq4t", REF_PLAIN, 18, 70001,
      { NEEDS, T4, 58, 1000, 38, 16 }, NONE, 2, 0 },
    { "IPv4, last one of one byte", "e4t", REF_PLAIN, 14, 64960 + 1448 * 4 + 1,
      { NEEDS, T4, 54, 1448, 34, 16 }, NONE, 2, 0 },
    { "IPv4, last one of one segment", "e4t", REF_PLAIN, 14, 1448 * 89,
      { NEEDS, T4, 54, 1448, 34, 16 }, NONE, 3, 0 },
    { "IPv4, full parts", "e4t", REF_PLAIN, 14, 1448 * 44 * 3,
      { NEEDS, T4, 54, 1448, 34, 16 }, NONE, 3, 0 },
    { "IPv4, largest", "e4t", REF_PLAIN, 14, 524280 - 40,
      { NEEDS, T4, 54, 1448, 34, 16 }, NONE, 9, 0 },
    { "IPv4, jumbo frames", "e4t", REF_PLAIN, 14, 524280 - 40,
      { NEEDS, T4, 54, 8948, 34, 16 }, NONE, 9, 0 },
    { "IPv4, mss 32,000", "e4t", REF_PLAIN, 14, 200000,
      { NEEDS, T4, 54, 32000, 34, 16 }, NONE, 4, 0 },
    { "IPv4, mss 33,000", "e4t", REF_PLAIN, 14, 524280 - 40,
      { NEEDS, T4, 54, 33000, 34, 16 }, NONE, 16, 0 },
    { "IPv4, mss 62,000", "e4t", REF_PLAIN, 14, 462000,
      { NEEDS, T4, 54, 62000, 34, 16 }, NONE, 8, 0 },
    { "IPv6", "e6t", REF_PLAIN, 14, 195492,
      { NEEDS, T6, 74, 1428, 54, 16 }, NONE, 4, 0 },
    { "IPv6, jumbo", "e6t", REF_PLAIN, 14, 195492,
      { NEEDS, T6, 82, 1428, 62, 16 }, RIGHT, 4, 0 },
    { "IPv6, largest", "e6t", REF_PLAIN, 14, 524280 - 68,
      { NEEDS, T6, 82, 1428, 62, 16 }, RIGHT, 9, 0 },
    { "IPv6, VLAN, options, jumbo", "eq6o", REF_PLAIN, 18, 400000,
      { NEEDS, T6, 106, 1416, 66, 16 }, RIGHT, 7, 0 },
    { "VXLAN", "e4uve4t", REF_VXLAN, 64, 100000,
      { NEEDS, T4, 104, 1400, 84, 16 }, NONE, 2, 0 },
    { "VXLAN, IPv6 inside", "e4uve6t", REF_VXLAN, 64, 100000,
      { NEEDS, T6, 132, 1400, 112, 16 }, RIGHT, 2, 0 },
    { "mss over 64 kB", "e4t", REF_PLAIN, 14, 200000,
      { NEEDS, T4, 54, 65500, 34, 16 }, NONE, 0, TNL_GSO_R_TOO_BIG },
    { "UDP", "e4u", REF_PLAIN, 14, 65500,
      { NEEDS, USO, 42, 1400, 34, 6 }, NONE, 2, 0 },
    { "UDP over IPv6", "e6u", REF_PLAIN, 14, 65487,
      { VALID, USO, 62, 1232, 0, 0 }, NONE, 2, 0 },
    { "UDP to become fragments", "e4u", REF_PLAIN, 14, 65500,
      { NEEDS, UFO, 42, 1480, 34, 6 }, NONE, 0, TNL_GSO_R_TOO_BIG },
    { "no superpacket", "e4t", REF_PLAIN, 14, 100000,
      { NEEDS, 0, 0, 0, 34, 16 }, NONE, 0, TNL_GSO_R_TOO_BIG },
    { "no checksum either", "e4t", REF_PLAIN, 14, 100000,
      { 0, 0, 0, 0, 0, 0 }, NONE, 0, TNL_GSO_R_TOO_BIG },
    { "jumbo, too long", "e6t", REF_PLAIN, 14, 195492,
      { NEEDS, T6, 82, 1428, 62, 16 }, TOO_LONG, 0, TNL_GSO_R_L3 },
    { "jumbo, too short", "e6t", REF_PLAIN, 14, 195492,
      { NEEDS, T6, 82, 1428, 62, 16 }, TOO_SHORT, 0, TNL_GSO_R_L3 },
    { "jumbo, not needed", "e6t", REF_PLAIN, 14, 65480,
      { NEEDS, T6, 82, 1428, 62, 16 }, RIGHT, 0, TNL_GSO_R_L3 },
    { "jumbo, shortest", "e6t", REF_PLAIN, 14, 65536 - 28,
      { NEEDS, T6, 82, 1428, 62, 16 }, RIGHT, 2, 0 },
    { "jumbo, one byte less", "e6t", REF_PLAIN, 14, 65535 - 28,
      { NEEDS, T6, 82, 1428, 62, 16 }, RIGHT, 0, TNL_GSO_R_L3 },
    { "jumbo behind padding", "e6t", REF_PLAIN, 14, 195492,
      { NEEDS, T6, 90, 1428, 70, 16 }, PADDED, 0, TNL_GSO_R_L3 },
    { "jumbo in destination options", "e6t", REF_PLAIN, 14, 195492,
      { NEEDS, T6, 82, 1428, 62, 16 }, IN_DST, 0, TNL_GSO_R_L3 },
    { "jumbo twice", "e6t", REF_PLAIN, 14, 195492,
      { NEEDS, T6, 90, 1428, 70, 16 }, TWICE, 0, TNL_GSO_R_L3 },
    { "hop-by-hop options without jumbo", "e6t", REF_PLAIN, 14, 195492,
      { NEEDS, T6, 82, 1428, 62, 16 }, OTHER, 4, 0 },
};
const size_t n_big_rows = ARRAY_SIZE(big_rows);

/* Puts extension headers of type 'jumbo' to 'ext', of a packet with 'l3_len'
 * bytes behind its IPv6 header without them, of which 'next' is the first
 * header.  Stores their type in '*first'.  Returns their length. */
static size_t
put_jumbo(uint8_t *ext, enum jumbo jumbo, size_t l3_len, uint8_t next,
          uint8_t *first)
{
    enum { HOPOPTS = 0, DSTOPTS = 60, JUMBO = 0xc2, PADN = 1, ALERT = 5 };
    size_t len = jumbo == PADDED || jumbo == TWICE ? 16 : 8;
    uint8_t *option = ext + (jumbo == PADDED ? 10 : 2);

    if (jumbo == NONE) {
        *first = next;
        return 0;
    }
    memset(ext, 0, 16);
    *first = jumbo == IN_DST ? DSTOPTS : HOPOPTS;
    ext[0] = jumbo == TWICE ? HOPOPTS : next;
    if (jumbo == PADDED) {
        ext[1] = 1;             /* Pad1, PadN. */
        ext[3] = PADN, ext[4] = 5;
    } else if (jumbo == TWICE) {
        ext[8] = next;
        ext[10] = JUMBO, ext[11] = 4;
        ref_put32(ext + 12, l3_len + len);
    }
    if (jumbo == OTHER) {
        option[0] = ALERT, option[1] = 2;
        option[4] = PADN;
    } else {
        option[0] = JUMBO, option[1] = 4;
        ref_put32(option + 2, (jumbo == TOO_LONG ? l3_len + len + 1
                               : jumbo == TOO_SHORT ? 1000
                               : l3_len + len));
    }
    return len;
}

/* Returns 'frame' of 'r' as the kernel writes it, behind its vnet header:
 * lengths of more than 64 kB are zero.  '*len' becomes its length. */
uint8_t *
big_to_kernel(const struct big_row *r, const uint8_t *frame, size_t *len)
{
    size_t l3_len = *len - r->ip_ofs;
    uint8_t ext[16];
    size_t n_ext = 0, at = r->ip_ofs;
    uint8_t next = 0;
    uint8_t *f;

    if (frame[r->ip_ofs] >> 4 == 6) {
        at += 40;
        n_ext = put_jumbo(ext, r->jumbo, l3_len - 40, frame[r->ip_ofs + 6],
                          &next);
    }
    f = xmalloc(VNET_LEN + *len + n_ext);
    memcpy(f, &r->v, VNET_LEN);
    memcpy(f + VNET_LEN, frame, at);
    memcpy(f + VNET_LEN + at, ext, n_ext);
    memcpy(f + VNET_LEN + at + n_ext, frame + at, *len - at);
    if (frame[r->ip_ofs] >> 4 == 6) {
        f[VNET_LEN + r->ip_ofs + 6] = next;
        ref_put16(f + VNET_LEN + r->ip_ofs + 4, 0);
    } else {
        ref_put16(f + VNET_LEN + r->ip_ofs + 2, 0);
    }
    *len += VNET_LEN + n_ext;
    return f;
}

/* Is what the reference cuts from all of 'batch' what it cuts from the 'len'
 * bytes of 'frame'? */
char *
big_check_law(const struct dp_packet_batch *batch, const struct ref_job *job,
              const uint8_t *frame, size_t len)
{
    struct ref_frames want, got;
    struct dp_packet *p;
    char *error = NULL;
    size_t n = 0;

    EXPECT(ref_cut(frame, len, job, job->mss, &want) == NULL, true);
    DP_PACKET_BATCH_FOR_EACH (i, p, batch) {
        EXPECT(ref_cut(dp_packet_data(p), dp_packet_size(p), job, job->mss,
                       &got) == NULL, true);
        for (size_t s = 0; s < got.n && !error; s++, n++) {
            if (n >= want.n || got.v[s].len != want.v[n].len
                || memcmp(got.v[s].data, want.v[n].data, got.v[s].len)) {
                error = xasprintf("segment %"PRIuSIZE" of part %"PRIuSIZE
                                  " differs", s, i);
            }
        }
        ref_frames_destroy(&got);
    }
    EXPECT(n, want.n);
    ref_frames_destroy(&want);
    return error;
}
