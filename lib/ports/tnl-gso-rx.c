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

#include "ports/tnl-gso-rx.h"

#include "ports/netdev-linux-ufo.h"
#include "stages/tnl-gso-desc.h"
#include "util.h"

/* See tnl-gso-rx.h.  Called by providers and by netdev.c; must not look at
 * packet bytes, except that UDP which is to become IP fragments is cut here,
 * as it is handed over (netdev-linux-ufo.c). */

/* Packets that a queue has received and not handed over. */
struct tnl_gso_rx_held {
    size_t first, n;            /* Those of 'packets' that are left: 'first'
                                 * up to 'n', not included. */
    size_t allocated;           /* Room in 'packets'. */
    struct netdev_linux_ufo ufo; /* How far the first one has been cut. */
    struct dp_packet **packets; /* Owned. */
};

/* The largest number of packets that 'p' can become. */
static uint32_t
n_packets(const struct dp_packet *p)
{
    uint16_t mss = dp_packet_get_tso_segsz(p) | p->uso_segsz;

    return mss ? DIV_ROUND_UP(dp_packet_size(p), mss) : 1;
}

/* Is there room in 'batch' for 'p' in this turn? */
static bool
has_room(const struct dp_packet_batch *batch, const struct dp_packet *p)
{
    size_t size = dp_packet_batch_size(batch);
    uint32_t n = n_packets(p);

    for (size_t i = 0; i < size; i++) {
        n += n_packets(batch->packets[i]);
    }
    return size < NETDEV_MAX_BURST && (!size || n <= TNL_GSO_MAX_TURN);
}

/* Keeps 'p' behind all other packets that 'rx' has kept.  The provider's
 * recv() is not called before all of them are gone, and each call adds a
 * bounded number: NETDEV_MAX_BURST packets, of which those of more than 64 kB
 * come as several (netdev-linux-big.c). */
static void
hold(struct netdev_rxq *rx, struct dp_packet *p)
{
    struct tnl_gso_rx_held *held = rx->held;

    if (!held) {
        held = rx->held = xzalloc(sizeof *held);
        netdev_linux_ufo_init(&held->ufo);
    }
    if (held->n >= held->allocated) {
        held->packets = x2nrealloc(held->packets, &held->allocated,
                                   sizeof *held->packets);
    }
    held->packets[held->n++] = p;
}

/* Frees the memory in which 'rx' keeps packets, but not the packets. */
static void
held_free(struct netdev_rxq *rx)
{
    free(rx->held->packets);
    free(rx->held);
    rx->held = NULL;
}

/* Moves packets that 'rx' has kept to 'batch' as long as there is room. */
static void
serve(struct netdev_rxq *rx, struct dp_packet_batch *batch)
{
    struct tnl_gso_rx_held *held = rx->held;

    for (; held->first < held->n; held->first++) {
        struct dp_packet *p = held->packets[held->first];

        if (netdev_linux_ufo_is(p)) {
            if (!netdev_linux_ufo_cut(&held->ufo, p, batch)) {
                return;
            }
        } else if (has_room(batch, p)) {
            dp_packet_batch_add(batch, p);
        } else {
            return;
        }
    }
    held_free(rx);
}

/* tnl_gso_rx_add() for superpackets, or if packets are kept already. */
void
tnl_gso_rx_add__(struct netdev_rxq *rx, struct dp_packet_batch *batch,
                 struct dp_packet *p)
{
    uint16_t mss = dp_packet_get_tso_segsz(p) | p->uso_segsz;

    if (!rx->held && !netdev_linux_ufo_is(p)
        && dp_packet_batch_size(batch) < NETDEV_MAX_BURST
        && (mss >= TNL_GSO_MIN_USUAL_MSS || has_room(batch, p))) {
        dp_packet_batch_add(batch, p);
    } else {
        hold(rx, p);
        serve(rx, batch);
    }
}

/* Keeps those packets in 'batch', of at most NETDEV_MAX_BURST that 'rx' has
 * just received, that are too much for one turn, for later turns of 'rx'. */
void
tnl_gso_rx_bound(struct netdev_rxq *rx, struct dp_packet_batch *batch)
{
    size_t i, size = dp_packet_batch_size(batch);
    struct dp_packet *packet;

    DP_PACKET_BATCH_REFILL_FOR_EACH (i, size, packet, batch) {
        tnl_gso_rx_add(rx, batch, packet);
    }
}

/* Moves as many of the packets that 'rx' has kept to 'batch' as fit into a
 * turn.  There must be some. */
void
tnl_gso_rx_again(struct netdev_rxq *rx, struct dp_packet_batch *batch)
{
    dp_packet_batch_reset(batch);
    serve(rx, batch);
}

/* Frees all packets that 'rx' has kept. */
void
tnl_gso_rx_drop(struct netdev_rxq *rx)
{
    struct tnl_gso_rx_held *held = rx->held;

    if (held) {
        for (size_t i = held->first; i < held->n; i++) {
            dp_packet_delete(held->packets[i]);
        }
        held_free(rx);
    }
}
