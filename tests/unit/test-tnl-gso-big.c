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

#include "big-receive.h"

#include <stdlib.h>
#include <string.h>

#include "dp-packet.h"
#include "dpif-netdev.h"
#include "netdev-provider.h"
#include "random.h"
#include "test-tnl-gso-big.h"
#include "test-tnl-gso-vnet.h"
#include "test-tnl-gso.h"
#include "tnl-gso/core/tnl-gso-port.h"
#include "tnl-gso/core/tnl-gso-vnet.h"
#include "tnl-gso/ports/netdev-linux-big.h"
#include "tnl-gso/ports/tnl-gso-rx.h"
#include "util.h"

/* Superpackets of more than 64 kB, as a packet socket receives them: in
 * buffers that were laid out before anybody knew what would come.  What they
 * become is compared with what the reference cuts from the whole, byte by
 * byte, and what is cut from that with what is cut from the whole. */

enum { JUMBO_LEN = 8 };

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

/* The headroom that a packet has at least: for the first part, which is the
 * one that was received, that of any other superpacket. */
static size_t
min_headroom(size_t i, bool in_place)
{
    return i || !in_place ? 322 + VNET_LEN : DP_NETDEV_HEADROOM;
}

/* What must become of the payload. */
enum payload { COPIED, IN_PLACE, EITHER };

/* Receives 'r' as message 'i', laid out as '*layout' says, and compares. */
static char *
receive_row(const struct big_row *r, struct netdev_linux_big *layout,
            size_t i, enum payload payload)
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
    bool ext = r->jumbo == OTHER;
    struct dp_packet_batch batch;
    struct tnl_gso_stats stats;
    uint8_t *frame, *kernel;
    char *error = NULL;
    size_t len, kernel_len;
    uint64_t drops = 0;
    bool in_place;

    netdev.tnl_gso = tnl_gso_port_new(&netdev);
    frame = vnet_build_frame(r->layers, r->payload, &len);
    kernel_len = len;
    kernel = big_to_kernel(r, frame, &kernel_len);

    dp_packet_batch_init(&batch);
    EXPECT(big_receive(layout, &rx, &batch, kernel, kernel_len, i, 0),
           r->n_parts > 0);
    EXPECT(dp_packet_batch_size(&batch), r->n_parts);
    EXPECT(rx.held == NULL, true);
    tnl_gso_stats_get(netdev.tnl_gso, &stats);
    for (size_t n = 0; n < TNL_GSO_N_REASONS; n++) {
        drops += stats.drops[n];
    }
    EXPECT(drops, !r->n_parts);
    EXPECT(stats.drops[r->reason], !r->n_parts);
    EXPECT(stats.events[TNL_GSO_E_RX_BIG], r->n_parts > 0);
    in_place = r->n_parts && !stats.events[TNL_GSO_E_RX_BIG_COPIED];
    EXPECT(!r->n_parts || payload == EITHER
           || in_place == (payload == IN_PLACE), true);

    for (size_t n = 0; n < r->n_parts && !error; n++) {
        const struct dp_packet *p = batch.packets[n];

        EXPECT(dp_packet_headroom(p) >= min_headroom(n, in_place), true);
        EXPECT(dp_packet_size(p) + dp_packet_headroom(p) <= UINT16_MAX, true);
    }
    if (!error && r->n_parts) {
        struct ref_frames pieces = { .n = 0 };
        struct ref_layout l;
        const uint8_t *whole = ext ? kernel + VNET_LEN : frame;
        size_t whole_len = ext ? kernel_len - VNET_LEN : len;
        size_t unit;

        ref_parse(whole, whole_len, r->encap, &l);
        unit = dp_packet_size(batch.packets[0]) - l.payload;
        EXPECT(unit % r->v.gso_size, 0);
        EXPECT(ref_cut(whole, whole_len, &job, unit, &pieces) == NULL, true);
        EXPECT(pieces.n, r->n_parts);
        for (size_t n = 0; n < r->n_parts && !error; n++) {
            error = check_part(batch.packets[n], r, &pieces.v[n]);
        }
        ref_frames_destroy(&pieces);
        error = (error ? error
                 : big_check_law(&batch, &job, whole, whole_len));
    }
    dp_packet_delete_batch(&batch, true);
    dp_packet_batch_destroy(&batch);
    tnl_gso_port_free(netdev.tnl_gso);
    free(kernel);
    free(frame);
    return error;
}

/* Each row as the first packet of its queue, as the second one, which is
 * received in place if its parts are not too many, as a message that has no
 * buffers for parts, and before and behind each other row. */
static void
test_row(const struct big_row *r)
{
    enum payload again = r->v.gso_size < 33000 ? IN_PLACE : COPIED;
    struct netdev_linux_big layout = { .unit = 0 };
    char *error;

    error = receive_row(r, &layout, 3, COPIED);
    test_case(error, "big: %s", r->name);
    error = NULL;
    if (r->n_parts) {
        EXPECT(layout.unit != 0, again == IN_PLACE);
        error = error ? error : receive_row(r, &layout, 3, again);
        error = error ? error : receive_row(r, &layout, 7, again);
        test_case(error, "big: %s, once more", r->name);
        error = receive_row(r, &layout, 20, COPIED);
        test_case(error, "big: %s, in a long burst", r->name);
    }
    error = NULL;
    for (size_t i = 0; i < n_big_rows && !error; i++) {
        error = receive_row(&big_rows[i], &layout, 3, EITHER);
        error = error ? error : receive_row(r, &layout, 3, EITHER);
        if (error) {
            char *why = error;

            error = xasprintf("around %s: %s", big_rows[i].name, why);
            free(why);
        }
    }
    test_case(error, "big: %s, among others", r->name);
}

/* A VLAN tag that comes beside the packet is in each part. */
static void
test_vlan(void)
{
    enum { TCI = 0x2005, L2_LEN = 12, TAG_LEN = 4 };
    struct netdev netdev = { .name = CONST_CAST(char *, "big") };
    struct netdev_rxq rx = { .netdev = &netdev };
    struct netdev_linux_big layout = { .unit = 0 };
    const struct big_row r = { .layers = "e4t", .ip_ofs = 14,
                               .v = { NEEDS, T4, 54, 1448, 34, 16 } };
    const struct ref_job job = { .encap = REF_PLAIN, .mss = 1448 };
    size_t len, kernel_len;
    uint8_t *frame = vnet_build_frame("eq4t", 300000, &len);
    uint8_t *kernel, *untagged = xmemdup(frame, len);
    struct dp_packet_batch batch;
    char *error = NULL;

    ref_put16(frame + 14, TCI);
    kernel_len = len - TAG_LEN;
    memmove(untagged + L2_LEN, untagged + L2_LEN + TAG_LEN,
            kernel_len - L2_LEN);
    kernel = big_to_kernel(&r, untagged, &kernel_len);
    netdev.tnl_gso = tnl_gso_port_new(&netdev);
    for (size_t i = 0; i < 3; i++) {
        dp_packet_batch_init(&batch);
        EXPECT(big_receive(&layout, &rx, &batch, kernel, kernel_len, i, TCI),
               true);
        error = error ? error : big_check_law(&batch, &job, frame, len);
        dp_packet_delete_batch(&batch, true);
        dp_packet_batch_destroy(&batch);
    }
    test_case(error, "big: tag beside the packet");
    tnl_gso_port_free(netdev.tnl_gso);
    free(kernel);
    free(untagged);
    free(frame);
}

/* Headers of 60 kB, which each part would have, and 5 kB of payload: as many
 * as a batch holds, and one more. */
static void
test_long_headers(void)
{
    enum { IP6_OFS = 14, IP6_END = 54, N_EXT = 29, EXT_LEN = 2048 };
    enum { UNIT = 5500, DSTOPTS = 60 };

    for (size_t extra = 0; extra < 2; extra++) {
        struct netdev netdev = { .name = CONST_CAST(char *, "big") };
        struct netdev_rxq rx = { .netdev = &netdev };
        struct netdev_linux_big layout = { .unit = 0 };
        const struct vnet v = { NEEDS, T6, 0, 100, IP6_END + N_EXT * EXT_LEN,
                                16 };
        size_t len, kernel_len = VNET_LEN + N_EXT * EXT_LEN;
        uint8_t *frame = vnet_build_frame("e6t", NETDEV_MAX_BURST * UNIT
                                          + extra, &len);
        uint8_t *msg = xzalloc(kernel_len + len), *next;
        struct dp_packet_batch batch;
        struct tnl_gso_stats stats;
        char *error = NULL;

        memcpy(msg, &v, VNET_LEN);
        memcpy(msg + VNET_LEN, frame, IP6_END);
        next = msg + VNET_LEN + IP6_OFS + 6;
        for (size_t i = 0; i < N_EXT; i++) {
            uint8_t *ext = msg + VNET_LEN + IP6_END + i * EXT_LEN;

            *next = DSTOPTS;
            next = ext;
            ext[1] = EXT_LEN / 8 - 1;
        }
        *next = frame[IP6_OFS + 6];
        memcpy(msg + kernel_len + IP6_END, frame + IP6_END, len - IP6_END);

        netdev.tnl_gso = tnl_gso_port_new(&netdev);
        dp_packet_batch_init(&batch);
        EXPECT(big_receive(&layout, &rx, &batch, msg, kernel_len + len, 0, 0),
               !extra);
        tnl_gso_stats_get(netdev.tnl_gso, &stats);
        EXPECT(stats.drops[TNL_GSO_R_TOO_BIG], extra);
        EXPECT(stats.events[TNL_GSO_E_RX_BIG], !extra);
        test_case(error, "big: headers of 60 kB, %"PRIuSIZE" more", extra);
        dp_packet_delete_batch(&batch, true);
        tnl_gso_rx_drop(&rx);
        dp_packet_batch_destroy(&batch);
        tnl_gso_port_free(netdev.tnl_gso);
        free(msg);
        free(frame);
    }
}

/* Random lengths, segment sizes and layouts, in one queue. */
static void
test_random(void)
{
    struct netdev_linux_big layout = { .unit = 0 };
    struct netdev netdev = { .name = CONST_CAST(char *, "big") };
    struct netdev_rxq rx = { .netdev = &netdev };
    size_t n_cases = 300, n_in_place = 0, n_big = 0;
    struct tnl_gso_stats stats;
    char *error = NULL;
    uint16_t mss = 1448;

    netdev.tnl_gso = tnl_gso_port_new(&netdev);
    for (size_t i = 0; i < n_cases && !error; i++) {
        bool v6 = random_range(8) == 0;
        size_t payload = 60000 + random_range(random_range(2) ? 10000
                                              : 524000 - 60000);
        struct ref_job job = { .encap = REF_PLAIN };
        struct dp_packet_batch batch;
        struct big_row r = { .layers = v6 ? "e6o" : "e4t", .ip_ofs = 14,
                             .payload = payload,
                             .v = { NEEDS, v6 ? T6 : T4, 54, 0,
                                    v6 ? 54 : 34, 16 } };
        uint8_t *frame, *kernel;
        size_t len, kernel_len;

        if (random_range(4) == 0) {
            mss = 536 + random_range(random_range(2) ? 1000 : 9000);
        }
        job.mss = r.v.gso_size = mss;
        if (v6 && payload + 32 > UINT16_MAX) {
            r.jumbo = RIGHT;
            r.v.start += JUMBO_LEN;
        }
        frame = vnet_build_frame(r.layers, payload, &len);
        kernel_len = len;
        kernel = big_to_kernel(&r, frame, &kernel_len);
        dp_packet_batch_init(&batch);
        EXPECT(big_receive(&layout, &rx, &batch, kernel, kernel_len,
                       random_range(10), 0), true);
        EXPECT(rx.held == NULL, true);
        error = error ? error : big_check_law(&batch, &job, frame, len);
        dp_packet_delete_batch(&batch, true);
        dp_packet_batch_destroy(&batch);
        free(kernel);
        free(frame);
    }
    tnl_gso_stats_get(netdev.tnl_gso, &stats);
    n_big = stats.events[TNL_GSO_E_RX_BIG];
    n_in_place = n_big - stats.events[TNL_GSO_E_RX_BIG_COPIED];
    /* Else the test would not be one. */
    EXPECT(n_big > n_cases / 3 && n_big < n_cases, true);
    EXPECT(n_in_place > n_cases / 20, true);
    test_case(error, "big: random packets");
    tnl_gso_port_free(netdev.tnl_gso);
}

/* A whole burst of the largest ones: no batch gets more than it may, and all
 * come in order. */
static void
test_burst(void)
{
    struct netdev netdev = { .name = CONST_CAST(char *, "big") };
    struct netdev_rxq rx = { .netdev = &netdev };
    struct netdev_linux_big layout = { .unit = 0 };
    const struct big_row r = { .layers = "e4t", .ip_ofs = 14,
                               .payload = 524240,
                               .v = { NEEDS, T4, 54, 1448, 34, 16 } };
    enum { N_PARTS = 9 };
    size_t len, n = 0, turns = 0;
    struct dp_packet_batch batch;
    char *error = NULL;
    uint8_t *frame, *kernel;

    netdev.tnl_gso = tnl_gso_port_new(&netdev);
    frame = vnet_build_frame(r.layers, r.payload, &len);
    kernel = big_to_kernel(&r, frame, &len);
    dp_packet_batch_init(&batch);
    for (size_t i = 0; i < NETDEV_MAX_BURST; i++) {
        ref_put16(kernel + VNET_LEN + 32, i);       /* Of the destination. */
        EXPECT(big_receive(&layout, &rx, &batch, kernel, len, i, 0), true);
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
    free(kernel);
    free(frame);
}

/* Receives 'n' short packets. */
static void
take_others(struct netdev_linux_big *layout, size_t n)
{
    struct iovec iov[2] = { { NULL, 500 }, { NULL, 1000 } };
    struct mmsghdr msg = { .msg_hdr = { .msg_iov = iov, .msg_iovlen = 2 },
                           .msg_len = 100 };

    while (n--) {
        netdev_linux_big_take(layout, &msg, 0);
    }
}

/* Superpackets that a dp_packet holds, where longer ones are expected: what
 * went into the next buffer comes back.  When nothing else has come for long,
 * longer ones are not expected any more. */
static void
test_usual(void)
{
    struct netdev netdev = { .name = CONST_CAST(char *, "big") };
    struct netdev_rxq rx = { .netdev = &netdev };
    struct netdev_linux_big layout = { .unit = 0 };
    struct dp_packet_batch batch;
    struct tnl_gso_stats stats;
    char *error = receive_row(&big_rows[0], &layout, 0, COPIED);

    netdev.tnl_gso = tnl_gso_port_new(&netdev);
    for (size_t payload = 60000; payload <= 65200 && !error; payload += 400) {
        const struct big_row r = { .layers = "e4t", .ip_ofs = 14,
                                   .v = { NEEDS, T4, 54, 1448, 34, 16 } };
        uint8_t *frame, *kernel;
        size_t len, kernel_len;

        frame = vnet_build_frame("e4t", payload, &len);
        kernel_len = len;
        kernel = big_to_kernel(&r, frame, &kernel_len);
        dp_packet_batch_init(&batch);
        EXPECT(big_receive(&layout, &rx, &batch, kernel, kernel_len, 0, 0), true);
        EXPECT(dp_packet_batch_size(&batch), 1);
        EXPECT(dp_packet_size(batch.packets[0]), len);
        EXPECT(memcmp((char *) dp_packet_data(batch.packets[0]) + 54,
                      frame + 54, payload), 0);
        EXPECT(dp_packet_get_tso_segsz(batch.packets[0]), 1448);
        dp_packet_delete_batch(&batch, true);
        dp_packet_batch_destroy(&batch);
        free(kernel);
        free(frame);
    }
    tnl_gso_stats_get(netdev.tnl_gso, &stats);
    EXPECT(stats.events[TNL_GSO_E_RX_BIG], 0);
    tnl_gso_port_free(netdev.tnl_gso);
    EXPECT(layout.unit, 44 * 1448);
    error = error ? error : receive_row(&big_rows[0], &layout, 0, IN_PLACE);
    test_case(error, "big: usual ones in between");

    error = NULL;
    for (size_t i = 0; i < 3 && !error; i++) {
        take_others(&layout, 3000);
        error = receive_row(&big_rows[0], &layout, 0, IN_PLACE);
    }
    test_case(error, "big: still expected");
    take_others(&layout, 10000);
    error = receive_row(&big_rows[0], &layout, 0, COPIED);
    test_case(error, "big: not expected any more");
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
        struct iovec iov[2 + NETDEV_LINUX_BIG_PARTS] = { { NULL, 500 },
                                                         { NULL, 1000 } };
        struct mmsghdr msg = { .msg_hdr = { .msg_iov = iov,
                                            .msg_iovlen = lens[i].n_iovs },
                               .msg_len = lens[i].len };
        struct netdev_linux_big layout = { .unit = 0 };
        char *error = NULL;

        netdev_linux_big_prepare(&layout, &msg.msg_hdr, 31);
        EXPECT(msg.msg_hdr.msg_iovlen, lens[i].n_iovs == 2 ? 3 : 1);
        if (lens[i].n_iovs == 2) {
            EXPECT(iov[2].iov_len, NETDEV_LINUX_BIG_SIZE);
        }
        EXPECT(netdev_linux_big_take(&layout, &msg, 31), lens[i].rest);
        EXPECT(msg.msg_len, lens[i].usual);
        test_case(error, "big: %"PRIuSIZE" bytes in %"PRIuSIZE" buffers",
                  lens[i].len, lens[i].n_iovs);
    }
}

void
test_big(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    random_set_seed(1);
    for (size_t i = 0; i < n_big_rows; i++) {
        test_row(&big_rows[i]);
    }
    test_vlan();
    test_long_headers();
    test_random();
    test_burst();
    test_usual();
    test_lengths();
}
