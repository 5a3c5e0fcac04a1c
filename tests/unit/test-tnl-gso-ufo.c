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

#include "test-tnl-gso.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dp-packet.h"
#include "tnl-gso/ports/netdev-linux-vnet.h"
#include "tnl-gso/ports/tnl-gso-rx.h"
#include "util.h"

/* UDP to be cut into IP fragments: what a receiver puts together again must be
 * the datagram, with its checksum.  The reassembly here goes by RFC 791 and
 * RFC 8200 alone. */

enum { ETH = 14, MAX_FRAME = 65536 };

struct ufo_row {
    const char *name;
    int version;
    size_t payload;             /* Of UDP. */
    uint16_t gso_size;
    bool needs_csum;            /* Else the checksum is final. */
    size_t n_fragments;         /* 0: 'retval' is not 0; 1: not cut. */
    int retval;
    int extra;                  /* Bytes of IPv4 options or IPv6 extension
                                 * headers. */
};

static const struct ufo_row rows[] = {
    /* 4000 + 8 bytes behind the IP header. */
    { "IPv4", 4, 4000, 1480, true, 3, 0, 0 },
    { "IPv6", 6, 4000, 1448, true, 3, 0, 0 },
    { "IPv4, options", 4, 4000, 1440, true, 3, 0, 40 },
    { "IPv4, checksum is there", 4, 4000, 1480, false, 3, 0, 0 },
    { "IPv4, rounded down to 1480", 4, 4000, 1487, true, 3, 0, 0 },
    { "IPv4, 8 bytes each", 4, 100, 8, true, 14, 0, 0 },
    { "IPv4, 15 is 8", 4, 100, 15, true, 14, 0, 0 },
    { "IPv4, 7 is none", 4, 100, 7, true, 0, EINVAL, 0 },
    { "IPv4, exact", 4, 2952, 1480, true, 2, 0, 0 },
    { "IPv4, one more", 4, 2953, 1480, true, 3, 0, 0 },
    { "IPv4, all in one", 4, 1472, 1480, true, 1, 0, 0 },
    { "IPv4, all but a byte", 4, 1473, 1480, true, 2, 0, 0 },
    { "IPv4, largest", 4, 65000, 1480, true, 44, 0, 0 },
    { "IPv4, 2048 fragments", 4, 16376, 8, true, 2048, 0, 0 },
    { "IPv4, 2049 fragments", 4, 16377, 8, true, 0, EINVAL, 0 },
    { "IPv6, extension header", 6, 4000, 1440, true, 0, ENOTSUP, 8 },
    { "IPv4, gso_size 0", 4, 4000, 0, true, 0, EINVAL, 0 },
};

static uint16_t
pseudo(const uint8_t *ip, size_t len)
{
    bool v4 = ip[0] >> 4 == 4;
    size_t n = v4 ? 8 : 32;
    uint8_t buf[36];

    memcpy(buf, ip + (v4 ? 12 : 8), n);
    ref_put16(buf + n, 17);
    ref_put16(buf + n + 2, len);
    return ~ref_csum(buf, n + 4);
}

/* Builds the frame; its checksum, once complete, goes to '*csum'. */
static size_t
build(const struct ufo_row *r, uint8_t *frame, uint16_t *csum)
{
    size_t hdr = (r->version == 4 ? 20 : 40) + r->extra;
    size_t len = 8 + r->payload;
    uint8_t *ip = frame + ETH;
    uint8_t *udp = ip + hdr;

    memset(frame, 0, ETH + hdr);
    memset(frame, 0x02, 12);
    ref_put16(frame + 12, r->version == 4 ? 0x0800 : 0x86dd);
    if (r->version == 4) {
        ip[0] = 0x40 | hdr / 4;
        ref_put16(ip + 2, hdr + len);
        ref_put16(ip + 4, 0xbeef);
        ip[8] = 64;
        ip[9] = 17;
        ref_put32(ip + 12, 0x0a000001);
        ref_put32(ip + 16, 0x0a000002);
        memset(ip + 20, 1, r->extra);
        ref_put16(ip + 10, ref_csum(ip, hdr));
    } else {
        ip[0] = 0x60;
        ref_put16(ip + 4, r->extra + len);
        ip[6] = r->extra ? 60 : 17;
        ip[7] = 64;
        ip[8] = ip[24] = 0xfd;
        ip[39] = 1;
        ip[40] = 17;
    }
    ref_put16(udp, 1000);
    ref_put16(udp + 2, 2000);
    ref_put16(udp + 4, len);
    ref_put16(udp + 6, pseudo(ip, len));
    for (size_t i = 0; i < r->payload; i++) {
        udp[8 + i] = i * 13 + i / 256;
    }
    *csum = ref_csum(udp, len);
    if (!r->needs_csum) {
        ref_put16(udp + 6, *csum);
    }
    return ETH + hdr + len;
}

/* Puts 'batch' together in 'udp', of 'len' bytes in the end. */
static char *
reassemble(const struct dp_packet_batch *batch, const struct ufo_row *r,
           uint8_t *udp, size_t len)
{
    size_t hdr = (r->version == 4 ? 20 : 48) + r->extra;
    size_t next = 0;
    char *error = NULL;

    for (size_t i = 0; i < batch->count; i++) {
        const struct dp_packet *p = batch->packets[i];
        const uint8_t *ip = (uint8_t *) dp_packet_data(p) + ETH;
        bool last = i == batch->count - 1;
        size_t n = dp_packet_size(p) - ETH - hdr;
        const uint8_t *first = (uint8_t *) dp_packet_data(batch->packets[0])
                               + ETH;
        uint16_t ofs;

        if (r->version == 4) {
            EXPECT(ref_get16(ip + 2), hdr + n);
            EXPECT(ref_csum(ip, hdr), 0);
            EXPECT(ref_get16(ip + 4), 0xbeef);
            EXPECT(ip[9], 17);
            EXPECT(ref_get16(ip + 6) & 0xe000, last ? 0 : 0x2000);
            ofs = (ref_get16(ip + 6) & 0x1fff) * 8;
        } else {
            EXPECT(ref_get16(ip + 4), 8 + n);
            EXPECT(ip[6], 44);
            EXPECT(ip[40], 17);
            EXPECT(ip[41], 0);
            EXPECT(ref_get16(ip + 42) & 7, last ? 0 : 1);
            EXPECT(memcmp(ip + 44, first + 44, 4), 0);
            ofs = ref_get16(ip + 42) & ~7;
        }
        EXPECT(n <= r->gso_size, true);
        EXPECT(last || n % 8 == 0, true);
        EXPECT(ofs, next);
        EXPECT(p->uso_segsz, 0);
        EXPECT(p->offloads, 0);
        EXPECT(next + n <= len, true);
        if (error) {
            return error;
        }
        memcpy(udp + ofs, ip + hdr, n);
        next += n;
    }
    EXPECT(next, len);
    return error;
}

static void
test_row(const struct ufo_row *r)
{
    static uint8_t frame[MAX_FRAME], udp[MAX_FRAME];
    size_t hdr = ETH + (r->version == 4 ? 20 : 40) + r->extra;
    uint8_t vnet[10] = { r->needs_csum, 3 };
    struct netdev_rxq rx = { .held = NULL };
    struct dp_packet_batch batch, turn;
    struct dp_packet *packet;
    uint16_t fields[] = { hdr + 8, r->gso_size, hdr, 6 };
    struct dp_packet *b;
    char *error = NULL;
    uint16_t csum;
    size_t len;

    memcpy(vnet + 2, fields, sizeof fields);
    len = build(r, frame, &csum);
    b = dp_packet_new(sizeof vnet + len);
    dp_packet_put(b, vnet, sizeof vnet);
    dp_packet_put(b, frame, len);
    EXPECT(netdev_linux_vnet_parse(b), r->retval);
    if (error || r->retval) {
        dp_packet_delete(b);
        test_case(error, "ufo %s", r->name);
        return;
    }

    /* As many turns as there are fragments for. */
    dp_packet_batch_init(&batch);
    dp_packet_batch_init(&turn);
    tnl_gso_rx_add(&rx, &turn, b);
    for (;;) {
        EXPECT(turn.count > 0 && turn.count <= NETDEV_MAX_BURST, true);
        DP_PACKET_BATCH_FOR_EACH (i, packet, &turn) {
            dp_packet_batch_add(&batch, packet);
        }
        if (!rx.held) {
            break;
        }
        EXPECT(turn.count, NETDEV_MAX_BURST);
        tnl_gso_rx_again(&rx, &turn);
    }
    dp_packet_batch_destroy(&turn);
    EXPECT(batch.count, r->n_fragments);
    if (r->n_fragments == 1) {
        EXPECT(dp_packet_l4_checksum_partial(b), r->needs_csum);
        EXPECT(memcmp(dp_packet_data(b), frame, len), 0);
    } else if (!error) {
        error = reassemble(&batch, r, udp, len - hdr);
        ref_put16(frame + hdr + 6, csum);
        EXPECT(memcmp(udp, frame + hdr, len - hdr), 0);
    }
    test_case(error, "ufo %s", r->name);
    dp_packet_delete_batch(&batch, true);
    dp_packet_batch_destroy(&batch);
}

void
test_ufo(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        test_row(&rows[i]);
    }
}
