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

#include <stdlib.h>
#include <string.h>

#include "dp-packet.h"
#include "netdev-provider.h"
#include "test-tnl-gso.h"
#include "tnl-gso/ports/netdev-linux-big.h"
#include "tnl-gso/ports/netdev-linux-vnet.h"
#include "tnl-gso/ports/tnl-gso-rx.h"
#include "tnl-gso/core/tnl-gso-port.h"
#include "util.h"

/* Superpackets of more than 64 kB, as a packet socket receives them: in three
 * pieces.  What they become is compared with what the reference cuts
 * from the whole, byte by byte. */

enum { HERE = 65400, JUMBO_LEN = 8 };

struct big_row {
    const char *name;
    const char *layers;         /* See vnet_build_frame(). */
    enum ref_encap encap;
    size_t ip_ofs;              /* Of the innermost IP header. */
    size_t payload;
    struct vnet v;
    bool jumbo;                 /* Comes with a jumbo payload option. */
    size_t n_parts;             /* 0: dropped. */
};

static const struct big_row rows[] = {
    { "IPv4", "e4t", REF_PLAIN, 14, 195492,
      { NEEDS, T4, 54, 1448, 34, 16 }, false, 4 },
    { "IPv4, without csum", "e4t", REF_PLAIN, 14, 130000,
      { VALID, T4, 54, 1448, 0, 0 }, false, 3 },
    { "IPv4, CWR, options", "e4c", REF_PLAIN, 14, 65500,
      { NEEDS, T4 | ECN, 54, 1400, 34, 16 }, false, 2 },
    { "IPv4, VLAN", "eq4t", REF_PLAIN, 18, 70001,
      { NEEDS, T4, 58, 1000, 38, 16 }, false, 2 },
    { "IPv4, last one of one byte", "e4t", REF_PLAIN, 14, 64960 + 1448 * 4 + 1,
      { NEEDS, T4, 54, 1448, 34, 16 }, false, 2 },
    { "IPv4, largest", "e4t", REF_PLAIN, 14, 524280 - 40,
      { NEEDS, T4, 54, 1448, 34, 16 }, false, 9 },
    { "IPv4, mss 32,000", "e4t", REF_PLAIN, 14, 200000,
      { NEEDS, T4, 54, 32000, 34, 16 }, false, 4 },
    { "IPv6", "e6t", REF_PLAIN, 14, 195492,
      { NEEDS, T6, 74, 1428, 54, 16 }, false, 4 },
    { "IPv6, jumbo", "e6t", REF_PLAIN, 14, 195492,
      { NEEDS, T6, 82, 1428, 62, 16 }, true, 4 },
    { "IPv6, VLAN, options, jumbo", "eq6o", REF_PLAIN, 18, 400000,
      { NEEDS, T6, 106, 1416, 66, 16 }, true, 7 },
    { "VXLAN", "e4uve4t", REF_VXLAN, 64, 100000,
      { NEEDS, T4, 104, 1400, 84, 16 }, false, 2 },
    { "mss over 64 kB", "e4t", REF_PLAIN, 14, 200000,
      { NEEDS, T4, 54, 65500, 34, 16 }, false, 0 },
    { "UDP", "e4u", REF_PLAIN, 14, 65500,
      { NEEDS, USO, 42, 1400, 34, 6 }, false, 2 },
    { "UDP over IPv6", "e6u", REF_PLAIN, 14, 65487,
      { VALID, USO, 62, 1232, 0, 0 }, false, 2 },
    { "UDP to become fragments", "e4u", REF_PLAIN, 14, 65500,
      { NEEDS, UFO, 42, 1480, 34, 6 }, false, 0 },
    { "no superpacket", "e4t", REF_PLAIN, 14, 100000,
      { NEEDS, 0, 0, 0, 34, 16 }, false, 0 },
};

/* The frame of 'r' as the kernel writes it: lengths of more than 64 kB are
 * zero. */
static uint8_t *
to_kernel(const struct big_row *r, const uint8_t *frame, size_t *len)
{
    size_t ip6_end = r->ip_ofs + 40;
    size_t extra = r->jumbo ? JUMBO_LEN : 0;
    uint8_t *f = xmalloc(*len + extra);
    size_t l3_len = *len - r->ip_ofs;

    if (!r->jumbo) {
        memcpy(f, frame, *len);
    } else {
        memcpy(f, frame, ip6_end);
        memcpy(f + ip6_end, (uint8_t[]) { f[r->ip_ofs + 6], 0, 0xc2, 4 }, 4);
        ref_put32(f + ip6_end + 4, l3_len - 40 + JUMBO_LEN);
        memcpy(f + ip6_end + JUMBO_LEN, frame + ip6_end, *len - ip6_end);
        f[r->ip_ofs + 6] = 0;
    }
    ref_put16(f + r->ip_ofs + (f[r->ip_ofs] >> 4 == 4 ? 2 : 4), 0);
    *len += extra;
    return f;
}

/* Is 'p' piece 'want' of the reference, but with a partial checksum? */
static char *
check_part(const struct dp_packet *p, const struct big_row *r,
           const struct ref_frame *want)
{
    struct ref_layout l;
    const uint8_t *f = dp_packet_data(p);
    size_t len = dp_packet_size(p);
    char *error = NULL;

    EXPECT(len, want->len);
    if (error || ref_parse(f, len, r->encap, &l)) {
        return error ? error : xstrdup("is malformed");
    }
    EXPECT(ref_is_udp(&l) ? p->uso_segsz : dp_packet_get_tso_segsz(p),
           len - l.payload > r->v.gso_size ? r->v.gso_size : 0);
    EXPECT(p->l3_ofs, l.outer.version ? l.outer.ofs : l.inner.ofs);
    EXPECT(p->l4_ofs, l.outer.version ? l.outer.l4 : l.inner.l4);
    EXPECT(ref_get16(f + l.l4_csum), ref_partial_csum(f, len, &l.inner));
    EXPECT(l.outer.version ? dp_packet_inner_l4_checksum_partial(p)
           : dp_packet_l4_checksum_partial(p), true);
    EXPECT(dp_packet_headroom(p) >= 322 + 10, true);
    for (size_t i = 0; i < len && !error; i++) {
        if (f[i] != want->data[i]
            && i != l.l4_csum && i != l.l4_csum + 1
            /* Partial, too. */
            && !(l.outer.version && i >= l.outer.l4 + 6
                 && i < l.outer.l4 + 8)) {
            error = xasprintf("byte %"PRIuSIZE" is 0x%02x, not 0x%02x", i,
                              f[i], want->data[i]);
        }
    }
    return error;
}

static void
test_row(const struct big_row *r)
{
    struct netdev netdev = { .name = CONST_CAST(char *, "big") };
    struct netdev_rxq rx = { .netdev = &netdev };
    const struct ref_job job = {
        .encap = r->encap,
        .mss = r->v.gso_size,
        .udp = strchr(r->layers, 't') == NULL && strchr(r->layers, 'o') == NULL
               && strchr(r->layers, 'c') == NULL,
        .outer_csum = true,
    };
    struct ref_frames pieces = { .n = 0 };
    struct dp_packet_batch batch;
    struct tnl_gso_stats stats;
    uint8_t *frame, *kernel;
    struct dp_packet *p;
    char *error = NULL;
    size_t len, unit;
    uint64_t drops = 0;

    netdev.tnl_gso = tnl_gso_port_new(&netdev);
    frame = vnet_build_frame(r->layers, r->payload, &len);
    kernel = to_kernel(r, frame, &len);

    p = dp_packet_new_with_headroom(HERE + 10, 100);
    dp_packet_put(p, &r->v, 10);
    dp_packet_put(p, kernel, HERE);
    memcpy(netdev_linux_big_memory(3), kernel + HERE, len - HERE);
    dp_packet_batch_init(&batch);
    if (netdev_linux_vnet_parse(p)) {
        /* Upstream's business, or malformed. */
        EXPECT(r->n_parts, 0);
    }
    EXPECT(netdev_linux_big_add(&rx, &batch, p, len - HERE, 3),
           r->n_parts > 0);
    EXPECT(dp_packet_batch_size(&batch), r->n_parts);
    tnl_gso_stats_get(netdev.tnl_gso, &stats);
    for (size_t i = 0; i < TNL_GSO_N_REASONS; i++) {
        drops += stats.drops[i];
    }
    EXPECT(drops, !r->n_parts);

    if (!error && r->n_parts) {
        struct ref_layout l;

        len -= r->jumbo ? JUMBO_LEN : 0;
        ref_parse(frame, len, r->encap, &l);
        unit = dp_packet_size(batch.packets[0]) - l.payload;
        EXPECT(unit % r->v.gso_size, 0);
        EXPECT(ref_cut(frame, len, &job, unit, &pieces) == NULL, true);
        EXPECT(pieces.n, r->n_parts);
        for (size_t i = 0; i < r->n_parts && !error; i++) {
            error = check_part(batch.packets[i], r, &pieces.v[i]);
        }
        ref_frames_destroy(&pieces);
    }
    test_case(error, "big: %s", r->name);
    dp_packet_delete_batch(&batch, true);
    dp_packet_batch_destroy(&batch);
    tnl_gso_port_free(netdev.tnl_gso);
    free(kernel);
    free(frame);
}

/* A whole burst of the largest ones: no batch gets more than it may, and all
 * come in order. */
static void
test_burst(void)
{
    struct netdev netdev = { .name = CONST_CAST(char *, "big") };
    struct netdev_rxq rx = { .netdev = &netdev };
    const struct vnet v = { NEEDS, T4, 54, 1448, 34, 16 };
    enum { N_PARTS = 9 };
    size_t len, n = 0, turns = 0;
    struct dp_packet_batch batch;
    char *error = NULL;
    uint8_t *frame;

    netdev.tnl_gso = tnl_gso_port_new(&netdev);
    frame = vnet_build_frame("e4t", 524240, &len);
    dp_packet_batch_init(&batch);
    for (size_t i = 0; i < NETDEV_MAX_BURST; i++) {
        struct dp_packet *p = dp_packet_new(HERE + 10);

        ref_put16(frame + 32, i);       /* Of the destination address. */
        dp_packet_put(p, &v, 10);
        dp_packet_put(p, frame, HERE);
        memcpy(netdev_linux_big_memory(i), frame + HERE, len - HERE);
        EXPECT(netdev_linux_vnet_parse(p), 0);
        EXPECT(netdev_linux_big_add(&rx, &batch, p, len - HERE, i), true);
    }
    for (;;) {
        size_t size = dp_packet_batch_size(&batch);

        EXPECT(size >= 1 && size <= NETDEV_MAX_BURST, true);
        for (size_t i = 0; i < size && !error; i++, n++) {
            const uint8_t *f = dp_packet_data(batch.packets[i]);

            EXPECT(ref_get16(f + 32), n / N_PARTS);
        }
        dp_packet_delete_batch(&batch, true);
        turns++;
        if (!rx.held || error) {
            break;
        }
        tnl_gso_rx_again(&rx, &batch);
    }
    EXPECT(n, N_PARTS * NETDEV_MAX_BURST);
    EXPECT(turns >= N_PARTS, true);
    tnl_gso_rx_drop(&rx);
    test_case(error, "big: a burst of 32");
    dp_packet_batch_destroy(&batch);
    tnl_gso_port_free(netdev.tnl_gso);
    free(frame);
}

/* What of a message is in which buffer. */
static void
test_lengths(void)
{
    static const struct {
        size_t n_iovs, len, usual, rest;
    } lens[] = {
        { 2, 1000, 1000, 0 },
        { 2, 1500, 1500, 0 },
        { 2, 1501, 1500, 1 },
        { 2, 525788, 1500, 524288 },
        { 1, 1501, 1501, 0 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
        struct iovec iov[3] = { { NULL, 500 }, { NULL, 1000 } };
        struct mmsghdr msg = { .msg_hdr = { .msg_iov = iov,
                                            .msg_iovlen = lens[i].n_iovs },
                               .msg_len = lens[i].len };
        char *error = NULL;

        netdev_linux_big_prepare(&msg.msg_hdr, 31);
        EXPECT(msg.msg_hdr.msg_iovlen, lens[i].n_iovs == 2 ? 3 : 1);
        if (lens[i].n_iovs == 2) {
            EXPECT(iov[2].iov_len, NETDEV_LINUX_BIG_SIZE);
            EXPECT(iov[2].iov_base == netdev_linux_big_memory(31), true);
        }
        EXPECT(netdev_linux_big_take(&msg), lens[i].rest);
        EXPECT(msg.msg_len, lens[i].usual);
        test_case(error, "big: %"PRIuSIZE" bytes in %"PRIuSIZE" buffers",
                  lens[i].len, lens[i].n_iovs);
    }
}

void
test_big(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        test_row(&rows[i]);
    }
    test_burst();
    test_lengths();
}
