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

#include "ports/netdev-linux-packet-uso.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/tnl-gso-vnet.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "ports/netdev-linux-trial.h"
#include "socket-util.h"
#include "util.h"

/* See netdev-linux-packet-uso.h. */

/* A UDP superpacket of two datagrams of 16 bytes.  Its addresses are for
 * documentation (RFC 5737): nobody has a route to them. */
static const uint8_t uso_frame[ETH_HEADER_LEN + IP_HEADER_LEN + UDP_HEADER_LEN
                               + 32] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x08, 0x00,
    0x45, 0, 0, 60, 0, 0, 0x40, 0, 1, 17, 0xf5, 0xad, 192, 0, 2, 1,
    192, 0, 2, 2,
    0, 9, 0, 9, 0, 40, 0x84, 0x3d,
};

/* Sends 'uso_frame' into the loopback device of the calling thread's network
 * namespace.  Returns a null pointer, or the name of the step that has failed
 * and sets errno. */
static const char *
send_uso_to_loopback(int inet_fd, int packet_fd)
{
    struct virtio_net_hdr vnet = {
        .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
        .gso_type = VNET_GSO_UDP_L4,
        .hdr_len = sizeof uso_frame - 32,
        .gso_size = 16,
        .csum_start = ETH_HEADER_LEN + IP_HEADER_LEN,
        .csum_offset = 6,
    };
    struct iovec iov[] = {
        { .iov_base = &vnet, .iov_len = sizeof vnet },
        { .iov_base = CONST_CAST(uint8_t *, uso_frame),
          .iov_len = sizeof uso_frame },
    };
    struct sockaddr_ll sll = {
        .sll_family = AF_PACKET,
        .sll_protocol = htons(ETH_P_IP),
    };
    struct msghdr msg = {
        .msg_name = &sll,
        .msg_namelen = sizeof sll,
        .msg_iov = iov,
        .msg_iovlen = ARRAY_SIZE(iov),
    };
    struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
    int on = 1;

    if (ioctl(inet_fd, SIOCSIFFLAGS, &ifr)
        || ioctl(inet_fd, SIOCGIFINDEX, &ifr)) {
        return "loopback device";
    }
    sll.sll_ifindex = ifr.ifr_ifindex;
    if (setsockopt(packet_fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on)) {
        return "PACKET_VNET_HDR";
    }
    return sendmsg(packet_fd, &msg, 0) < 0 ? "sendmsg" : NULL;
}

/* Sends a UDP superpacket through an AF_PACKET socket of this kernel: 'try' of
 * struct netdev_linux_trial. */
static const char *
try_uso(int *error)
{
    int inet_fd = socket(AF_INET, SOCK_DGRAM, 0);
    int packet_fd = socket(AF_PACKET, SOCK_RAW, 0);
    const char *step = (inet_fd < 0 || packet_fd < 0 ? "socket"
                        : send_uso_to_loopback(inet_fd, packet_fd));

    *error = step ? errno : 0;
    if (inet_fd >= 0) {
        close(inet_fd);
    }
    if (packet_fd >= 0) {
        close(packet_fd);
    }
    return step;
}

static struct netdev_linux_trial packet_uso
    = NETDEV_LINUX_TRIAL_INITIALIZER(try_uso);

/* Does this kernel take UDP superpackets from AF_PACKET sockets?  Only EINVAL
 * means no: if it could not be tried, the first refusal will demote the
 * port. */
bool
netdev_linux_packet_takes_uso(void)
{
    netdev_linux_trial_run(&packet_uso);
    return !(packet_uso.step && !strcmp(packet_uso.step, "sendmsg")
             && packet_uso.error == EINVAL);
}

/* Appends to 'ds' whether AF_PACKET sockets take UDP superpackets, and whether
 * that has been tried or is assumed. */
void
netdev_linux_packet_uso_format(struct ds *ds)
{
    if (!netdev_linux_packet_takes_uso()) {
        ds_put_format(ds, "refused (probed: %s)",
                      ovs_strerror(packet_uso.error));
    } else if (!packet_uso.step) {
        ds_put_cstr(ds, "taken (probed)");
    } else {
        ds_put_format(ds, "assumed (not probed, %s: %s)", packet_uso.step,
                      ovs_strerror(packet_uso.error));
    }
}
