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

#include <stdlib.h>
#include <string.h>

#include "dp-packet.h"
#include "netdev-provider.h"
#include "test-tnl-gso.h"
#include "tnl-gso/core/tnl-gso-port.h"
#include "tnl-gso/ports/netdev-afxdp-tnl.h"
#include "util.h"

/* Packets from and to ports of type afxdp.  Their data lies in frames that
 * cannot be replaced: bytes outside of one are somebody else's. */

/* Of a frame, what a packet has: netdev-afxdp.c gives it 128 bytes in
 * front. */
enum { ROOM = 3840, IN_FRONT = 128, GUARD = 256 };

/* Does a packet of 'len' bytes, which is given 'size' bytes of headroom, keep
 * its first 'keeps' bytes, and what is around its frame? */
static char *
check_headroom(size_t len, size_t size, size_t keeps)
{
    static uint8_t memory[GUARD + ROOM + GUARD];
    struct dp_packet p;
    char *error = NULL;

    memset(memory, 0xa5, sizeof memory);
    dp_packet_use_stub(&p, memory + GUARD, ROOM);
    p.source = DPBUF_AFXDP;
    dp_packet_reserve(&p, IN_FRONT);
    memset(dp_packet_put_uninit(&p, len), 0x5a, len);
    memset(dp_packet_push_uninit(&p, size), 0xc3, size);

    if (dp_packet_size(&p) != size + keeps) {
        error = xasprintf("%"PRIu32" bytes, not %"PRIuSIZE, dp_packet_size(&p),
                          size + keeps);
    }
    for (size_t i = 0; i < size + keeps && !error; i++) {
        uint8_t byte = ((const uint8_t *) dp_packet_data(&p))[i];

        if (byte != (i < size ? 0xc3 : 0x5a)) {
            error = xasprintf("byte %"PRIuSIZE" is 0x%02x", i, byte);
        }
    }
    for (size_t i = 0; i < GUARD && !error; i++) {
        if (memory[i] != 0xa5 || memory[GUARD + ROOM + i] != 0xa5) {
            error = xstrdup("bytes outside of the frame have changed");
        }
    }
    return error;
}

static void
test_headroom(void)
{
    static const struct {
        size_t len, size, keeps;
    } rows[] = {
        { 1514, IN_FRONT, 1514 },
        { 1514, IN_FRONT + 1, 1514 },
        { 1514, 178, 1514 },
        { 1514, ROOM - 1514, 1514 },
        { 1514, ROOM - 1513, 1513 },
        { ROOM - IN_FRONT, IN_FRONT, ROOM - IN_FRONT },
        { ROOM - IN_FRONT, 178, ROOM - 178 },
        { 14, 1000, 14 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        test_case(check_headroom(rows[i].len, rows[i].size, rows[i].keeps),
                  "afxdp: %"PRIuSIZE" bytes in front of %"PRIuSIZE,
                  rows[i].size, rows[i].len);
    }
}

/* Of packets of these lengths, those of at most 100 bytes are left, in their
 * order; the others are counted. */
static char *
check_fit(const size_t *lens, size_t n, size_t n_fit)
{
    struct netdev netdev = { .name = CONST_CAST(char *, "afxdp") };
    struct dp_packet_batch batch;
    struct tnl_gso_stats stats;
    struct dp_packet *packet;
    char *error = NULL;
    size_t next = 0;
    bool left;

    netdev.tnl_gso = tnl_gso_port_new(&netdev);
    dp_packet_batch_init(&batch);
    for (size_t i = 0; i < n; i++) {
        struct dp_packet *p = dp_packet_new(lens[i]);

        memset(dp_packet_put_uninit(p, lens[i]), i, lens[i]);
        dp_packet_batch_add(&batch, p);
    }
    left = netdev_afxdp_fit(&netdev, &batch, 100);
    if (left != (n_fit > 0) || dp_packet_batch_size(&batch) != n_fit) {
        error = xasprintf("%"PRIuSIZE" are left, not %"PRIuSIZE,
                          dp_packet_batch_size(&batch), n_fit);
    }
    DP_PACKET_BATCH_FOR_EACH (i, packet, &batch) {
        while (next < n && lens[next] > 100) {
            next++;
        }
        if (!error && *(const uint8_t *) dp_packet_data(packet) != next++) {
            error = xasprintf("number %"PRIuSIZE" is another one", i);
        }
    }
    tnl_gso_stats_get(netdev.tnl_gso, &stats);
    if (!error && stats.drops[TNL_GSO_R_MTU] != n - n_fit) {
        error = xasprintf("%llu dropped", stats.drops[TNL_GSO_R_MTU]);
    }
    dp_packet_delete_batch(&batch, true);
    dp_packet_batch_destroy(&batch);
    tnl_gso_port_free(netdev.tnl_gso);
    return error;
}

void
test_afxdp(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    static const size_t mixed[] = { 101, 60, 100, 5000, 1, 101 };
    static const size_t all[] = { 60, 100 }, none[] = { 101, 4097 };

    test_headroom();
    test_case(check_fit(mixed, ARRAY_SIZE(mixed), 3), "afxdp: some fit");
    test_case(check_fit(all, ARRAY_SIZE(all), 2), "afxdp: all fit");
    test_case(check_fit(none, ARRAY_SIZE(none), 0), "afxdp: none fits");
}
