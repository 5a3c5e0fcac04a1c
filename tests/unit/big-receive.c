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

#include <string.h>

#include "dp-packet.h"
#include "dpif-netdev.h"
#include "netdev-provider.h"
#include "packets.h"
#include "tnl-gso/core/tnl-gso-buf.h"
#include "tnl-gso/core/tnl-gso-vnet.h"
#include "tnl-gso/ports/netdev-linux-big.h"
#include "tnl-gso/ports/netdev-linux-vnet.h"
#include "tnl-gso/ports/tnl-gso-rx.h"
#include "util.h"

/* What a device with an MTU of 1500 receives into first, as netdev-linux.c
 * has it. */
enum { STD_LEN = VNET_LEN + 18 + 1500 };

/* Receives 'msg', a vnet header and a packet of 'len' bytes together, which
 * must be longer than an MTU, as message 'i', as netdev-linux.c does.  'layout'
 * is that of the queue 'rx'.  If 'tci' is not 0, a VLAN tag comes beside the
 * packet.  Returns false if it was dropped. */
bool
big_receive(struct netdev_linux_big *layout, struct netdev_rxq *rx,
            struct dp_packet_batch *batch, const uint8_t *msg, size_t len,
            size_t i, uint16_t tci)
{
    struct dp_packet *std = tnl_gso_buf_new_rx_std(STD_LEN);
    struct dp_packet *p = tnl_gso_buf_new_rx(STD_LEN + DP_NETDEV_HEADROOM);
    struct iovec iov[NETDEV_LINUX_BIG_USUAL_IOVS + NETDEV_LINUX_BIG_PARTS] = {
        { dp_packet_data(std), STD_LEN },
        { dp_packet_data(p), dp_packet_tailroom(p) },
    };
    struct mmsghdr m = {
        .msg_hdr = { .msg_iov = iov,
                     .msg_iovlen = NETDEV_LINUX_BIG_USUAL_IOVS },
        .msg_len = len,
    };
    size_t done = 0, rest;
    int retval;

    netdev_linux_big_prepare(layout, &m.msg_hdr, i);
    ovs_assert(m.msg_hdr.msg_iovlen <= ARRAY_SIZE(iov));
    for (size_t n = 0; n < m.msg_hdr.msg_iovlen; n++) {
        size_t now = MIN(iov[n].iov_len, len - done);

        memcpy(iov[n].iov_base, msg + done, now);
        done += now;
    }
    ovs_assert(done == len);
    rest = netdev_linux_big_take(layout, &m, i);
    ovs_assert(m.msg_len > STD_LEN && m.msg_len + rest == len);
    dp_packet_set_size(p, m.msg_len - STD_LEN);
    dp_packet_push(p, dp_packet_data(std), STD_LEN);
    p = tnl_gso_buf_received(p);
    dp_packet_delete(std);

    retval = netdev_linux_vnet_parse(p);
    if (retval > 0) {
        dp_packet_delete(p);
        return false;
    }
    if (retval < 0) {
        dp_packet_pull(p, VNET_LEN); /* Upstream's business. */
    }
    if (tci) {
        eth_push_vlan(p, htons(ETH_TYPE_VLAN), htons(tci));
    }
    if (rest) {
        return netdev_linux_big_add(layout, rx, batch, p, rest, i);
    }
    tnl_gso_rx_add(rx, batch, p);
    return true;
}
