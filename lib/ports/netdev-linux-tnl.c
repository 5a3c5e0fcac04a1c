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

#include "ports/netdev-linux-tnl.h"

#include <errno.h>
#include <net/if.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* Not all of the functions in there are inline. */
#pragma GCC diagnostic ignored "-Wunused-function"
#include "core/tnl-gso-port.h"
#include "netdev-linux-private.h"
#include "netdev-provider.h"
#include "openvswitch/vlog.h"
#include "ports/netdev-linux-io.h"
#include "ports/netdev-linux-relay.h"
#include "stages/tnl-gso-frames.h"
#include "tnl-gso.h"
#include "util.h"

/* Sending superpackets and frames on kernel ports.
 *
 * Called from the senders in netdev-linux.c, and by tnl-gso-send.c for frames
 * that are no packets.  Must not look into a frame. */

VLOG_DEFINE_THIS_MODULE(netdev_linux_tnl);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

/* Sends UDP superpacket 'p', behind a vnet header, which the kernel has
 * refused on 'netdev', in another way, having demoted the port.  Returns
 * false, having sent nothing, if there is no other way.  Segments that are
 * sent are counted once more, with their new method. */
static bool
send_otherwise(struct netdev *netdev, const struct dp_packet *p)
{
    struct dp_packet_batch batch;
    struct dp_packet *copy;

    if (!p->uso_segsz || dp_packet_tunnel(p)) {
        return false;
    }
    netdev_linux_tnl_stop_udp_gso(netdev);
    if (tnl_gso_port_caps(netdev->tnl_gso).ol_flags & TNL_GSO_TX_UDP_GSO) {
        return false;
    }
    tnl_gso_count_refused(netdev->tnl_gso, p);
    copy = dp_packet_clone(p);
    dp_packet_pull(copy, sizeof(struct virtio_net_hdr));
    dp_packet_batch_init_packet(&batch, copy);
    tnl_gso_send(netdev, 0, &batch, false);
    dp_packet_batch_destroy(&batch);
    return true;
}

/* Did the kernel refuse 'p' on 'netdev', null for a frame, with 'error'
 * because of the packet itself, so that the next one may be taken?  If so,
 * logs it, and counts a drop if it was longer than the MTU: the caller should
 * count the packet as dropped by the device and go on. */
static bool
skip(const struct netdev *netdev, const struct dp_packet *p, int error)
{
    const char *name = netdev_get_name(netdev);

    if (error == EMSGSIZE) {
        uint32_t mtu;

        tnl_gso_count_drop(netdev->tnl_gso, TNL_GSO_R_MTU, p);
        atomic_read_relaxed(&netdev->tnl_gso->mtu, &mtu);
        VLOG_WARN_RL(&rl, "%s: packet dropped, the kernel refused it: mtu is "
                     "%"PRIu32" (see ovs-appctl tnl-gso/stats %s)", name, mtu,
                     name);
    } else if (error == EINVAL || error == ENOMEM) {
        VLOG_WARN_RL(&rl, "%s: packet dropped, the kernel refused it: %s",
                     name, ovs_strerror(error));
    } else {
        return false;
    }
    return true;
}

/* Counts 'packet', which 'netdev' does not send because of 'error', a positive
 * errno value. */
void
netdev_linux_tnl_lost(struct netdev *netdev,
                      const struct dp_packet *packet, int error)
{
    tnl_gso_count_refused(netdev->tnl_gso, packet);
    netdev_linux_io_lost(netdev, 1, error);
}

/* netdev_linux_tnl_lost() for all of 'batch'.  Returns 'error'. */
int
netdev_linux_tnl_lost_batch(struct netdev *netdev,
                            const struct dp_packet_batch *batch, int error)
{
    const struct dp_packet *packet;

    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        netdev_linux_tnl_lost(netdev, packet, error);
    }
    return error;
}

/* Handles 'error' with which the kernel has refused to send a packet of
 * 'batch' on 'netdev': that with the vnet header at 'iov[0]', the first one of
 * 'n' that have been prepared.  Returns 0 if it has been sent otherwise or
 * counted, and the others are to be tried.  Otherwise counts all 'n' as lost
 * and returns 'error'. */
int
netdev_linux_tnl_refused(struct netdev *netdev,
                         const struct dp_packet_batch *batch,
                         const struct iovec *iov, size_t n, int error)
{
    const struct dp_packet *p;
    bool first = true;

    /* 'iov' has the order of the batch, without packets that got no vnet
     * header. */
    DP_PACKET_BATCH_FOR_EACH (i, p, batch) {
        if (dp_packet_data(p) != iov->iov_base) {
            continue;
        }
        if (first && error == EINVAL && send_otherwise(netdev, p)) {
            return 0;
        }
        netdev_linux_tnl_lost(netdev, p, error);
        if (first && skip(netdev, p, error)) {
            return 0;
        }
        if (!--n) {
            break;
        }
        first = false;
        iov++;
    }
    return error;
}

/* netdev_linux_tnl_refused() for tap device 'netdev' and packet number 'i' of
 * 'batch'. */
int
netdev_linux_tnl_tap_refused(struct netdev *netdev,
                             const struct dp_packet_batch *batch, size_t i,
                             int error)
{
    if (error == EINVAL && send_otherwise(netdev, batch->packets[i])) {
        return 0;
    }
    netdev_linux_tnl_lost(netdev, batch->packets[i], error);
    if (skip(netdev, batch->packets[i], error) || error == EIO) {
        return 0;
    }
    while (++i < dp_packet_batch_size(batch)) {
        netdev_linux_tnl_lost(netdev, batch->packets[i], error);
    }
    return error;
}

/* Brings the counters of 'netdev' up to date, before they are shown. */
void
netdev_linux_tnl_poll(const struct netdev *netdev)
{
    netdev_linux_io_poll(netdev);
    netdev_linux_relay_poll(netdev);
}

/* Does a netdev of 'class' take frames?  All with vnet headers do. */
bool
netdev_linux_tnl_takes_frames(const struct netdev_class *class)
{
    return is_netdev_linux_class(class) && strncmp(class->type, "afxdp", 5);
}

/* The pieces of frame number 'i'.  System calls that send do not write to
 * them. */
static struct iovec *
frame_iov(const struct tnl_gso_frames *frames, size_t i)
{
    return CONST_CAST(struct iovec *, &frames->iov[frames->frame[i].first]);
}

/* Sends frames from 'first' on through AF_PACKET socket 'fd' on the device of
 * 'netdev', up to the first one that is for the relay.  Returns how many were
 * sent, and sets '*error' to 0, or to a positive errno value if none was. */
static size_t
send_packet_socket(struct netdev *netdev, int fd,
                   const struct tnl_gso_frames *frames, size_t first,
                   int *error)
{
    struct mmsghdr msgs[TNL_GSO_MAX_FRAMES];
    struct sockaddr_ll sll = {
        .sll_family = AF_PACKET,
        .sll_ifindex = netdev_get_ifindex(netdev),
    };
    size_t end;
    int retval;

    if (sll.sll_ifindex < 0) {
        *error = -sll.sll_ifindex;
        return 0;
    }
    for (end = first; end < frames->n && !frames->frame[end].relay; end++) {
        msgs[end].msg_hdr = (struct msghdr) {
            .msg_name = &sll,
            .msg_namelen = sizeof sll,
            .msg_iov = frame_iov(frames, end),
            .msg_iovlen = frames->frame[end].n,
        };
    }
    do {
        retval = sendmmsg(fd, &msgs[first], end - first, 0);
    } while (retval < 0 && errno == EINTR);
    *error = retval < 0 ? errno : 0;
    return MAX(retval, 0);
}

/* send_packet_socket() for the tap device 'fd', which takes one frame at a
 * time. */
static size_t
send_tap(int fd, const struct tnl_gso_frames *frames, size_t first,
         int *error)
{
    ssize_t retval;

    do {
        retval = writev(fd, frame_iov(frames, first), frames->frame[first].n);
    } while (retval < 0 && errno == EINTR);
    *error = retval < 0 ? errno : 0;
    return retval >= 0;
}

/* send_packet_socket() for the relay of 'netdev', which takes one frame at a
 * time. */
static size_t
send_relay(struct netdev *netdev, const struct tnl_gso_frames *frames,
           size_t first, int *error)
{
    int fd = netdev_linux_relay_fd(netdev);

    if (fd < 0) {
        *error = -fd;
        return 0;
    }
    return send_tap(fd, frames, first, error);
}

/* Counts frames ['first', 'end'), which 'netdev' does not send because of
 * 'error', and their segments. */
static void
lost_frames(struct netdev *netdev, const struct tnl_gso_frames *frames,
            size_t first, size_t end, int error)
{
    netdev_linux_io_lost(netdev, end - first, error);
    for (size_t i = first; i < end; i++) {
        tnl_gso_count_events(netdev->tnl_gso, TNL_GSO_E_TX_REFUSED,
                             frames->frame[i].n_segs);
    }
}

/* Sends all of 'frames' on 'netdev'.  A frame that the kernel refuses, or
 * drops because a queue is full, is counted as dropped, and the others are
 * sent nevertheless.  But if it is a train, which an old kernel does not know,
 * or was for a relay that does not work any more, the port does without, and
 * frames from '*first_left' on are left to the caller.  Returns 0 or a
 * positive errno value, EAGAIN if a queue was full. */
int
netdev_linux_tnl_send_frames(struct netdev *netdev_,
                             const struct tnl_gso_frames *frames,
                             size_t *first_left)
{
    struct netdev_linux *netdev = netdev_linux_cast(netdev_);
    bool tap = netdev_get_class(netdev_) == &netdev_tap_class;
    int fd = netdev_linux_tnl_fd(netdev_);
    int result = 0;

    /* Each write to a tap device that is down fails with EIO. */
    if (fd < 0 || (tap && netdev->present && !(netdev->ifi_flags & IFF_UP))) {
        lost_frames(netdev_, frames, 0, frames->n, fd < 0 ? -fd : ENETDOWN);
        return fd < 0 ? -fd : 0;
    }

    for (size_t i = 0; i < frames->n; ) {
        bool relay = frames->frame[i].relay;
        int error;

        if (relay && netdev->present && !(netdev->ifi_flags & IFF_UP)) {
            /* What gets lost behind a relay has no error. */
            lost_frames(netdev_, frames, i, i + 1, ENETDOWN);
            result = ENETDOWN;
            i++;
            continue;
        }
        i += (tap ? send_tap(fd, frames, i, &error)
              : relay ? send_relay(netdev_, frames, i, &error)
              : send_packet_socket(netdev_, fd, frames, i, &error));
        if (OVS_UNLIKELY(error && relay && error != ENOBUFS
                         && error != ENOMEM)) {
            netdev_linux_relay_refused(netdev_, error);
            *first_left = i;
            return 0;
        }
        if (error == EINVAL && frames->frame[i].train) {
            netdev_linux_tnl_stop_udp_gso(netdev_);
            *first_left = i;
            return 0;
        }
        if (error && (skip(netdev_, NULL, error) || error == ENOBUFS
                      || (tap && error == EIO))) {
            lost_frames(netdev_, frames, i, i + 1, error);
            i++;
            result = error == ENOBUFS ? EAGAIN : result;
        } else if (error) {
            lost_frames(netdev_, frames, i, frames->n, error);
            result = error;
            break;
        }
    }
    if (result && result != EAGAIN) {
        VLOG_WARN_RL(&rl, "error sending Ethernet packet on %s: %s",
                     netdev_get_name(netdev_), ovs_strerror(result));
    }
    return result;
}
