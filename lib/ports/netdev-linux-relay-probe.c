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

#include "ports/netdev-linux-relay.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/tnl-gso-vnet.h"
#include "netlink-socket.h"
#include "packets.h"
#include "ports/netdev-linux-redirect.h"
#include "ports/netdev-linux-trial.h"
#include "util.h"

/* Whether a relay works is tried once (netdev-linux-trial.h): a superpacket in
 * VXLAN is written to a tap that is redirected to another one.  It must come
 * out of that one whole, with its marks. */

enum { HDR_LEN = 2 * (ETH_HEADER_LEN + IP_HEADER_LEN) + UDP_HEADER_LEN + 8
                 + TCP_HEADER_LEN,
       MSS = 16,
       OUTER_L4_OFS = ETH_HEADER_LEN + IP_HEADER_LEN,
       INNER_L3_OFS = OUTER_L4_OFS + UDP_HEADER_LEN + 8 + ETH_HEADER_LEN,
       INNER_L4_OFS = INNER_L3_OFS + IP_HEADER_LEN };

/* Two segments of 16 bytes.  The addresses are for documentation (RFC
 * 5737). */
static const uint8_t frame[HDR_LEN + 2 * MSS] = {
    2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00,
    0x45, 0, 0, 122, 0, 0, 0x40, 0, 1, 17, 0xf5, 0x6f, 192, 0, 2, 1,
    192, 0, 2, 2,
    0xc0, 0, 0x12, 0xb5, 0, 102, 0, 0,
    8, 0, 0, 0, 0, 0, 0, 0,
    2, 0, 0, 0, 0, 3, 2, 0, 0, 0, 0, 4, 0x08, 0x00,
    0x45, 0, 0, 72, 0, 0, 0x40, 0, 1, 6, 0xf5, 0xac, 192, 0, 2, 1,
    192, 0, 2, 2,
    0, 9, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x10, 0, 0, 0x84, 0x3e,
};

/* Writes 'frame' to 'from' and looks whether it comes out of 'to'.  Returns a
 * null pointer, or the name of the step that has failed and sets errno. */
static const char *
pass_one(int from, int to)
{
    uint8_t header[VNET_TUNNEL_LEN] = { 0 };
    struct virtio_net_hdr *vnet = (void *) header;
    uint8_t got[VNET_TUNNEL_LEN + sizeof frame];
    const uint16_t offsets[2] = { OUTER_L4_OFS, INNER_L3_OFS };
    struct iovec iov[] = {
        { header, sizeof header },
        { CONST_CAST(uint8_t *, frame), sizeof frame },
    };
    struct pollfd pollfd = { .fd = to, .events = POLLIN };

    *vnet = (struct virtio_net_hdr) {
        .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
        .gso_type = VIRTIO_NET_HDR_GSO_TCPV4 | VNET_GSO_UDP_TUNNEL_IPV4,
        .hdr_len = HDR_LEN,
        .gso_size = MSS,
        .csum_start = INNER_L4_OFS,
        .csum_offset = 16,
    };
    memcpy(header + VNET_OUTER_TH_OFS, offsets, sizeof offsets);

    if (writev(from, iov, ARRAY_SIZE(iov)) < 0) {
        return "superpacket";
    }
    if (poll(&pollfd, 1, 1000) <= 0) {
        errno = ETIMEDOUT;
        return "superpacket";
    }
    if (read(to, got, sizeof got) != sizeof got) {
        errno = EMSGSIZE;
        return "superpacket";
    }
    vnet = (void *) got;
    if (vnet->gso_type != (VIRTIO_NET_HDR_GSO_TCPV4
                           | VNET_GSO_UDP_TUNNEL_IPV4)
        || memcmp(got + VNET_TUNNEL_LEN, frame, sizeof frame)) {
        errno = EPROTO;
        return "superpacket";
    }
    return NULL;
}

/* Makes a relay of 'from' to 'to' over 'sock', and sends through it.  Returns
 * a null pointer, or the name of the step that has failed and sets '*error' to
 * its errno value. */
static const char *
try_taps(struct netdev_linux_redirect *from, struct netdev_linux_redirect *to,
         struct nl_sock *sock, int *error_)
{
    static const char alias[] = "ovs-vswitchd's probe";
    struct netdev_linux_redirect *failed = to;
    const char *step;
    int error;

    error = netdev_linux_redirect_open(to, sock, "to", alias);
    if (!error) {
        error = netdev_linux_redirect_carrier(to, sock);
    }
    if (!error) {
        failed = from;
        error = netdev_linux_redirect_open(from, sock, "from", alias);
    }
    if (!error) {
        error = netdev_linux_redirect_to(from, sock, to->ifindex);
    }
    step = error ? failed->step : pass_one(from->fd, to->fd);
    *error_ = error ? error : step ? errno : 0;
    return step;
}

/* 'try' of struct netdev_linux_trial. */
static const char *
try_relay(int *error)
{
    struct netdev_linux_redirect from, to;
    struct nl_sock *sock;
    const char *step;

    *error = nl_sock_create(NETLINK_ROUTE, &sock);
    if (*error) {
        return "netlink";
    }
    netdev_linux_redirect_init(&from);
    netdev_linux_redirect_init(&to);
    step = try_taps(&from, &to, sock, error);
    netdev_linux_redirect_close(&from);
    netdev_linux_redirect_close(&to);
    nl_sock_destroy(sock);
    return step;
}

/* See netdev-linux-relay.h. */
int
netdev_linux_relay_probe(const char **step)
{
    static struct netdev_linux_trial trial
        = NETDEV_LINUX_TRIAL_INITIALIZER(try_relay);

    netdev_linux_trial_run(&trial);
    *step = trial.step;
    return trial.error;
}
