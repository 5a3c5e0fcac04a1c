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

#ifndef TNL_GSO_RX_H
#define TNL_GSO_RX_H 1

/* Bounds on the packets that a receive queue hands over in one turn.
 *
 * A batch is an array that grows.  These are the promises about its size:
 *
 *  - netdev_rxq_recv() returns at most NETDEV_MAX_BURST packets, and not many
 *    more than TNL_GSO_MAX_TURN when all of them have been cut, so that no
 *    port keeps the others waiting.  Providers that can receive more, because
 *    one frame becomes several packets, or superpackets with a tiny segment
 *    size, add to the batch through tnl_gso_rx_add() or pass it through
 *    tnl_gso_rx_bound().  Packets beyond the bound are kept, in order, and
 *    handed over in the next turns before the provider receives again.
 *
 *  - dp_netdev_input__() takes at most NETDEV_MAX_BURST packets: it has arrays
 *    of that size on its stack, and asserts it.
 *
 *  - dp_netdev_recirculate() takes any number, and goes through it in parts of
 *    NETDEV_MAX_BURST.  It is called after all code that can make a batch
 *    longer and is followed by another lookup: a tunnel pop (trains), a tunnel
 *    push (superpackets that it cannot carry whole), conntrack (fragments that
 *    it has kept back).
 *
 *  - All other code that gets a batch, actions, netdev_push_header(),
 *    netdev_pop_header(), netdev_send() and class->send(), takes any number
 *    and must have no array of a fixed size for it.  tnl_gso_send() cuts
 *    superpackets and sends the segments a few at a time.
 *
 *  - A packet that is new in a batch has the metadata of the packet that it
 *    was made of: after a lookup, no code initializes them. */

#include "dp-packet.h"
#include "netdev-provider.h"
#include "openvswitch/poll-loop.h"

/* Packets that one turn may become.  One superpacket may be as many: then it
 * has a turn for itself.  32 superpackets of 64 kB with 512 bytes in each
 * segment, less than the smallest that TCP uses by itself (RFC 9293 section
 * 3.7.1: 536), are no more. */
enum { TNL_GSO_MAX_TURN = 4096, TNL_GSO_MIN_USUAL_MSS = 512 };

void tnl_gso_rx_add__(struct netdev_rxq *, struct dp_packet_batch *,
                      struct dp_packet *);
void tnl_gso_rx_bound(struct netdev_rxq *, struct dp_packet_batch *);
void tnl_gso_rx_again(struct netdev_rxq *, struct dp_packet_batch *);
void tnl_gso_rx_drop(struct netdev_rxq *);

/* Adds 'p', which 'rx' has received, to 'batch', or keeps it for a later turn
 * of 'rx'.  Takes ownership of 'p'. */
static inline void
tnl_gso_rx_add(struct netdev_rxq *rx, struct dp_packet_batch *batch,
               struct dp_packet *p)
{
    if (OVS_LIKELY(!p->uso_segsz && !rx->held
                   && !dp_packet_get_tso_segsz(p)
                   && dp_packet_batch_size(batch) < NETDEV_MAX_BURST)) {
        dp_packet_batch_add(batch, p);
    } else {
        tnl_gso_rx_add__(rx, batch, p);
    }
}

/* Wakes up poll_block() at once if 'rx' has kept packets. */
static inline void
tnl_gso_rx_wait(const struct netdev_rxq *rx)
{
    if (rx->held) {
        poll_immediate_wake();
    }
}

#endif /* tnl-gso-rx.h */
