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

#include "tests/tnl-gso/unit/test-tnl-gso.h"

#include <stdlib.h>

#include "dp-packet.h"
#include "netdev-provider.h"
#include "tests/tnl-gso/unit/big-receive.h"
#include "tnl-gso/core/tnl-gso-port.h"
#include "tnl-gso/core/tnl-gso-vnet.h"
#include "tnl-gso/ports/netdev-linux-big.h"
#include "tnl-gso/ports/netdev-linux-vnet.h"
#include "tnl-gso/tnl-gso.h"
#include "tnl-gso/ports/tnl-gso-rx.h"
#include "tnl-gso/stages/tnl-gso-seg.h"
#include "util.h"

/* libFuzzer target: any bytes as what the kernel hands over, a vnet header and
 * a frame, through all that becomes of it: parse, then describe, plan and cut,
 * or the checksums of an ordinary packet, or a vnet header again
 * (tests/run-fuzz).
 *
 * The first byte is the port's capabilities, or, from BIG on, how long the
 * packet is: more than a dp_packet holds. */

enum { BIG = 0xf0, BIG_MIN = 65500, BIG_STEP = 30500 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
fail(const char *what)
{
    ovs_abort(0, "%s", what);
}

/* A packet of its exact size, for tools that see what is read beyond. */
static struct dp_packet *
new_packet(const uint8_t *data, size_t size)
{
    struct dp_packet *b = dp_packet_new(0);

    dp_packet_uninit(b);
    dp_packet_use(b, xmalloc(MAX(size, 1)), size);
    dp_packet_put(b, data, size);
    return b;
}

/* What is marked must be there. */
static void
check_marks(const struct dp_packet *b, size_t size)
{
    uint32_t inner = b->offloads >> DP_PACKET_OL_SHIFT_COUNT;

    if (dp_packet_size(b) != size - 10) {
        fail("the size has changed");
    }
    if (dp_packet_get_tso_segsz(b) && b->uso_segsz) {
        fail("cut as TCP and as UDP");
    }
    if (tnl_gso_is_super(b)
        && !(b->offloads & DP_PACKET_OL_INNER_RCO
             || (dp_packet_tunnel(b)
                 ? dp_packet_inner_l4_checksum_partial(b)
                 : dp_packet_l4_checksum_partial(b)))) {
        fail("superpacket without a partial or remote checksum");
    }
    if (!dp_packet_tunnel(b) != !inner) {
        fail("a tunnel without inner marks, or these without a tunnel");
    }
    if (tnl_gso_marks_wrong(b)
        && (dp_packet_l4_checksum_partial(b)
            || dp_packet_inner_l4_checksum_partial(b))) {
        /* Behind IPv6 extension headers they look wrong, no more. */
        uint32_t offloads = b->offloads;
        struct dp_packet *clone = dp_packet_clone(b);

        tnl_gso_marks_repair(clone);
        if (clone->offloads != offloads) {
            fail("wrong marks");
        }
        dp_packet_delete(clone);
    }
}

static void
cut(struct dp_packet *b, uint8_t caps_)
{
    struct tnl_gso_caps caps = {
        .ol_flags = caps_ & 1 ? UINT32_MAX : 0,
        .methods = TNL_GSO_METHODS_ALL,
    };
    struct tnl_gso_plan plan;
    struct tnl_gso_desc desc;

    if (tnl_gso_describe(b, &desc)) {
        return;
    }
    tnl_gso_plan(&desc, &caps, &plan);
    if (plan.method == TNL_GSO_SOFTWARE) {
        struct dp_packet_batch batch;

        dp_packet_batch_init(&batch);
        tnl_gso_cut(dp_packet_clone(b), &desc, &plan, tnl_gso_alloc_any, NULL,
                    &batch);
        if (batch.count != plan.n_packets) {
            fail("not as many packets as planned");
        }
        dp_packet_delete_batch(&batch, true);
        dp_packet_batch_destroy(&batch);
    }
}

/* Receives the 'len' bytes of 'msg' with '*layout', as packets in '*batch',
 * none of which may be malformed. */
static void
receive_big(struct netdev_linux_big *layout, struct dp_packet_batch *batch,
            const uint8_t *msg, size_t len)
{
    static struct netdev netdev = { .name = CONST_CAST(char *, "fuzz") };
    struct netdev_rxq rx = { .netdev = &netdev };
    struct dp_packet *p;

    if (!netdev.tnl_gso) {
        netdev.tnl_gso = tnl_gso_port_new(&netdev);
    }
    dp_packet_batch_init(batch);
    if (!big_receive(layout, &rx, batch, msg, len, 0, 0)) {
        if (batch->count) {
            fail("dropped and not dropped");
        }
        return;
    }
    /* What is more than a turn is not what this is about. */
    tnl_gso_rx_drop(&rx);
    DP_PACKET_BATCH_FOR_EACH (i, p, batch) {
        struct tnl_gso_desc desc;

        if (dp_packet_size(p) + dp_packet_headroom(p) > UINT16_MAX) {
            fail("longer than a packet can be");
        }
        if (tnl_gso_is_super(p) && tnl_gso_describe(p, &desc)
            == TNL_GSO_R_L3) {
            fail("a part that is malformed");
        }
    }
}

/* The 'size' bytes of 'data', and many more, twice: the payload of the second
 * one is received in place, and it must become the same packets. */
static void
fuzz_big(const uint8_t *data, size_t size, size_t len)
{
    struct netdev_linux_big layout = { .unit = 0 };
    struct dp_packet_batch first, second;
    uint8_t *msg = xzalloc(len);
    size_t n;

    memcpy(msg, data, MIN(size, len));
    /* What is in another place is another byte. */
    for (size_t i = size; i < len; i++) {
        msg[i] = i * 251 >> 8;
    }
    receive_big(&layout, &first, msg, len);
    receive_big(&layout, &second, msg, len);
    n = first.count;
    if (n != second.count) {
        fail("not as many packets in place");
    }
    for (size_t i = 0; i < n; i++) {
        const struct dp_packet *a = first.packets[i], *b = second.packets[i];

        if (dp_packet_size(a) != dp_packet_size(b)
            || memcmp(dp_packet_data(a), dp_packet_data(b), dp_packet_size(a))
            || a->offloads != b->offloads
            || dp_packet_get_tso_segsz(a) != dp_packet_get_tso_segsz(b)
            || a->uso_segsz != b->uso_segsz) {
            fail("not the same packets in place");
        }
    }
    dp_packet_delete_batch(&first, true);
    dp_packet_batch_destroy(&first);
    dp_packet_delete_batch(&second, true);
    dp_packet_batch_destroy(&second);
    free(msg);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dp_packet *b;
    uint8_t caps;
    int retval;

    if (!size || size > UINT16_MAX) {
        return 0;
    }
    caps = *data++;
    size--;

    if (caps >= BIG) {
        fuzz_big(data, size, BIG_MIN + (caps - BIG) * BIG_STEP);
        return 0;
    }
    b = new_packet(data, size);
    retval = netdev_linux_vnet_parse(b);
    if (retval < 0) {
        if (dp_packet_size(b) != size) {
            fail("the header is not there any more");
        }
    } else if (!retval && b->uso_segsz && !b->offloads) {
        struct netdev_rxq rx = { .held = NULL };
        struct dp_packet_batch batch;

        dp_packet_batch_init(&batch);
        tnl_gso_rx_add(&rx, &batch, b);
        if (batch.count < 2) {
            fail("prepared and not cut");
        }
        for (;;) {
            if (!batch.count || batch.count > NETDEV_MAX_BURST) {
                fail("not as many as a batch is to have");
            }
            dp_packet_delete_batch(&batch, true);
            if (!rx.held) {
                break;
            }
            tnl_gso_rx_again(&rx, &batch);
        }
        dp_packet_batch_destroy(&batch);
        return 0;
    } else if (!retval) {
        check_marks(b, size);
        if (tnl_gso_is_super(b)) {
            cut(b, caps);
            if (!netdev_linux_vnet_build(b, UINT16_MAX)) {
                struct dp_packet *again = new_packet(dp_packet_data(b),
                                                     dp_packet_size(b));

                if (netdev_linux_vnet_parse(again)
                    || again->offloads != b->offloads
                    || again->uso_segsz != b->uso_segsz
                    || (dp_packet_get_tso_segsz(again)
                        != dp_packet_get_tso_segsz(b))) {
                    fail("not what was built");
                }
                dp_packet_delete(again);
            }
        } else {
            dp_packet_ol_send_prepare(b, caps & 1 ? UINT32_MAX : 0);
        }
    }
    dp_packet_delete(b);
    return 0;
}
