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

#ifndef NETDEV_LINUX_BIG_H
#define NETDEV_LINUX_BIG_H 1

/* Superpackets that are too long for a dp_packet: TCP of more than 64 kB
 * (Linux' "BIG TCP"), UDP of nearly 64 kB.
 *
 * A container's device, and GRO on a port, make the former when gso_max_size,
 * gro_max_size or the same for IPv4 are raised.  They are split when they are
 * received, and no other code knows of them: the receive loop for packet
 * sockets in netdev-linux.c lets the kernel continue in our memory behind its
 * own two buffers.  Taps do not get such packets: Linux v6.18
 * netif_skb_features() has them cut, since gso_max_size of a tap cannot be
 * raised (tso_max_size). */

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "core/tnl-gso-port.h"
#include "netdev-provider.h"

struct dp_packet;
struct dp_packet_batch;

/* The longest packet that the kernel hands over, in bytes, rounded up: Linux
 * v6.18 GSO_MAX_SIZE and GRO_MAX_SIZE, 8 * 65,535. */
#define NETDEV_LINUX_BIG_SIZE (8 * 65536)

/* Number of buffers for a superpacket, without ours. */
enum { NETDEV_LINUX_BIG_USUAL_IOVS = 2 };

char *netdev_linux_big_memory(size_t i);
bool netdev_linux_big_add(struct netdev_rxq *, struct dp_packet_batch *,
                          struct dp_packet *, size_t rest_len, size_t i);

/* Adds a buffer of ours to 'msg', number 'i' of at most NETDEV_MAX_BURST that
 * are received at once, if it has those for a superpacket.  There must be room
 * for one more in its array. */
static inline void
netdev_linux_big_prepare(struct msghdr *msg, size_t i)
{
    if (msg->msg_iovlen == NETDEV_LINUX_BIG_USUAL_IOVS) {
        char *memory = netdev_linux_big_memory(i);

        if (OVS_LIKELY(memory)) {
            msg->msg_iov[msg->msg_iovlen++] = (struct iovec) {
                .iov_base = memory,
                .iov_len = NETDEV_LINUX_BIG_SIZE,
            };
        }
    }
}

/* Returns the number of bytes of 'msg', which has been received, that are in
 * our buffer, and subtracts it from the length of 'msg'. */
static inline size_t
netdev_linux_big_take(struct mmsghdr *msg)
{
    const struct iovec *iov = msg->msg_hdr.msg_iov;
    size_t rest = 0;

    if (msg->msg_hdr.msg_iovlen > NETDEV_LINUX_BIG_USUAL_IOVS
        && OVS_UNLIKELY(msg->msg_len > iov[0].iov_len + iov[1].iov_len)) {
        rest = msg->msg_len - (iov[0].iov_len + iov[1].iov_len);
        msg->msg_len -= rest;
    }
    return rest;
}

#endif /* netdev-linux-big.h */
