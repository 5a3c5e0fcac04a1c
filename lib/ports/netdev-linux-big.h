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
 * sockets in netdev-linux.c lets the kernel continue in our buffers behind its
 * own two.  Taps do not get such packets: gso_max_size of a tap cannot be
 * raised (tso_max_size: Linux v6.18 do_setlink()), so that the kernel cuts
 * them before (gso_features_check()), whatever device they come from.
 *
 * How they come from a packet socket, Linux v6.18: one vnet header with
 * gso_type TCPV4 or TCPV6, NEEDS_CSUM and the offsets of any superpacket; an
 * IPv4 total length of 0 (iph_set_totlen()); an IPv6 payload length of 0 with
 * a hop-by-hop header that has a jumbo payload option, csum_start behind it
 * (ip6_xmit()); UDP and its length as ever, since it is no longer than 64 kB.
 *
 * The longest that comes is 8 times what a dp_packet holds.  A buffer of that
 * size for each message would be 16 MB, and the payload be copied out of it.
 * But most packets of a queue have headers of the same length, and the same
 * mss.  So each queue remembers where the parts of its last such packet began
 * (struct netdev_linux_big), and the kernel writes the payload of the next one
 * right into the packets that the parts become, of which only headers are left
 * to be written.  What comes otherwise is copied, once.
 *
 * Memory is taken by what is received, not by devices whose gso_max_size says
 * that it might be: that is the peer's, which may be in a namespace that we do
 * not see. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
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

/* Number of buffers of ours, at most. */
enum { NETDEV_LINUX_BIG_PARTS = 9 };

/* How the next packet of a queue is expected to come.  All zeros at first. */
struct netdev_linux_big {
    uint32_t unit;              /* Bytes of payload in each part, a multiple of
                                 * mss; 0 if nothing is expected. */
    uint32_t hdr_len;           /* Bytes of headers that parts will have. */
    uint32_t first_len;         /* Bytes of a message up to the end of the
                                 * payload of the first part. */
    uint32_t n_others;          /* Packets received since the last one. */
};

void netdev_linux_big_prepare__(const struct netdev_linux_big *,
                                struct msghdr *, size_t i);
size_t netdev_linux_big_take__(struct netdev_linux_big *, struct mmsghdr *,
                               size_t i);
bool netdev_linux_big_add(struct netdev_linux_big *, struct netdev_rxq *,
                          struct dp_packet_batch *, struct dp_packet *,
                          size_t rest_len, size_t i);

/* Adds buffers of ours to 'msg', number 'i' of at most NETDEV_MAX_BURST that
 * are received at once, if it has those for a superpacket.  There must be room
 * for NETDEV_LINUX_BIG_PARTS more in its array. */
static inline void
netdev_linux_big_prepare(const struct netdev_linux_big *layout,
                         struct msghdr *msg, size_t i)
{
    if (msg->msg_iovlen == NETDEV_LINUX_BIG_USUAL_IOVS) {
        netdev_linux_big_prepare__(layout, msg, i);
    }
}

/* Returns the number of bytes of 'msg', number 'i', which has been received,
 * that are in our buffers, and subtracts it from the length of 'msg'. */
static inline size_t
netdev_linux_big_take(struct netdev_linux_big *layout, struct mmsghdr *msg,
                      size_t i)
{
    const struct iovec *iov = msg->msg_hdr.msg_iov;

    if (msg->msg_hdr.msg_iovlen > NETDEV_LINUX_BIG_USUAL_IOVS
        && OVS_UNLIKELY(msg->msg_len > iov[0].iov_len + iov[1].iov_len)) {
        return netdev_linux_big_take__(layout, msg, i);
    }
    layout->n_others++;
    return 0;
}

#endif /* netdev-linux-big.h */
