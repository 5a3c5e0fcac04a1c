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

#include "ports/netdev-linux-io.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Not all of the functions in there are inline. */
#pragma GCC diagnostic ignored "-Wunused-function"
#include "core/tnl-gso-port.h"
#include "netdev-linux-private.h"
#include "netdev-provider.h"
#include "netlink-socket.h"
#include "netlink.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/vlog.h"
#include "ovs-atomic.h"
#include "ovs-thread.h"
#include "ports/netdev-linux-tap.h"
#include "socket-util.h"
#include "userspace-tso.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(netdev_linux_io);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);

/* Sockets from which a port receives: more than Open vSwitch opens. */
enum { MAX_RX = 8 };

/* Hangs on struct tnl_gso_port. */
struct netdev_linux_io {
    atomic_int tx_fd;           /* Negative until something is sent.  Of this
                                 * port only: the kernel accounts what waits in
                                 * a device's queues to the socket, and would
                                 * refuse everybody once one queue is full. */

    /* Protects what follows, and 'tx_dropped' of struct netdev_linux. */
    struct ovs_mutex mutex;
    int rx_fd[MAX_RX];          /* Sockets from which packets are received.
                                 * Not owned. */
    size_t n_rx;                /* Their number. */
    uint64_t rx_missed;         /* Packets that they had no room for. */
    uint64_t tap_dropped;       /* Packets that the kernel has dropped in
                                 * front of the tap, as it told last. */
    bool tap_known;             /* It has told. */
    uint64_t told;              /* Packets not sent that the device may have
                                 * counted: netdev_linux_io_lost(). */
};

/* Returns the state of a new kernel port.  Its socket is made later. */
struct netdev_linux_io *
netdev_linux_io_new(void)
{
    struct netdev_linux_io *io = xzalloc(sizeof *io);

    atomic_init(&io->tx_fd, -1);
    ovs_mutex_init(&io->mutex);
    return io;
}

/* Frees 'io', which may be null, and closes its own socket. */
void
netdev_linux_io_free(struct netdev_linux_io *io)
{
    int fd;

    if (!io) {
        return;
    }
    atomic_read_relaxed(&io->tx_fd, &fd);
    if (fd >= 0) {
        close(fd);
    }
    ovs_mutex_destroy(&io->mutex);
    free(io);
}

/* Opens a packet socket for sending on the device 'name'.  It is bound to no
 * device, so that it outlives one that is made again, and to no protocol: it
 * receives nothing.  Returns a file descriptor or a negative errno value. */
static int
open_tx(const char *name)
{
    int fd = socket(AF_PACKET, SOCK_RAW, 0);
    int error = fd < 0 ? errno : set_nonblocking(fd);
    int one = 1;

    if (!error && userspace_tso_enabled()
        && setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof one)) {
        error = errno;
    }
    if (error) {
        VLOG_ERR_RL(&rl, "%s: failed to create packet socket: %s", name,
                    ovs_strerror(error));
        if (fd >= 0) {
            close(fd);
        }
        return -error;
    }
    return fd;
}

/* Returns the packet socket through which 'netdev', no tap, sends, or a
 * negative errno value.  Opened by the first call: most devices that are
 * opened are never sent to. */
int
netdev_linux_io_tx(const struct netdev *netdev)
{
    struct netdev_linux_io *io = netdev->tnl_gso->io;
    int fd;

    atomic_read_explicit(&io->tx_fd, &fd, memory_order_acquire);
    if (OVS_UNLIKELY(fd < 0)) {
        ovs_mutex_lock(&io->mutex);
        atomic_read_relaxed(&io->tx_fd, &fd);
        if (fd < 0) {
            fd = open_tx(netdev_get_name(netdev));
            atomic_store_explicit(&io->tx_fd, fd, memory_order_release);
        }
        ovs_mutex_unlock(&io->mutex);
    }
    return fd;
}

/* Adds to the counters of 'port' the packets that the sockets of 'io' had no
 * room for.  The kernel reports each packet once: Linux v6.18
 * packet_getsockopt(). */
static void
poll_rx(struct netdev_linux_io *io, struct tnl_gso_port *port)
    OVS_REQUIRES(io->mutex)
{
    for (size_t i = 0; i < io->n_rx; i++) {
        struct tpacket_stats st;
        socklen_t len = sizeof st;

        if (!getsockopt(io->rx_fd[i], SOL_PACKET, PACKET_STATISTICS, &st,
                        &len) && st.tp_drops) {
            io->rx_missed += st.tp_drops;
            tnl_gso_count_events(port, TNL_GSO_E_RX_SOCKET_FULL, st.tp_drops);
        }
    }
}

/* Adds to the counters of 'netdev', if it is a tap, the packets that the
 * kernel has dropped in front of it since the last call.  What it had dropped
 * before the first one was somebody else's: a tap outlives the daemon. */
static void
poll_tap(struct netdev_linux_io *io, const struct netdev *netdev)
    OVS_REQUIRES(io->mutex)
{
    uint64_t n;

    if (netdev_get_class(netdev) != &netdev_tap_class
        || !netdev_linux_tap_dropped(netdev_linux_cast(netdev)->tap_fd, &n)) {
        return;
    }
    if (io->tap_known && n > io->tap_dropped) {
        tnl_gso_count_events(netdev->tnl_gso, TNL_GSO_E_RX_TAP_FULL,
                             MIN(n - io->tap_dropped, UINT32_MAX));
    }
    io->tap_dropped = n;
    io->tap_known = true;
}

/* Makes packet socket 'fd', which remains the caller's, one from which
 * 'netdev' receives. */
void
netdev_linux_io_add_rx(const struct netdev *netdev, int fd)
{
    struct netdev_linux_io *io = netdev->tnl_gso->io;

    ovs_mutex_lock(&io->mutex);
    if (io->n_rx < MAX_RX) {
        io->rx_fd[io->n_rx++] = fd;
    }
    ovs_mutex_unlock(&io->mutex);
}

/* Undoes netdev_linux_io_add_rx(), before 'fd' is closed. */
void
netdev_linux_io_del_rx(const struct netdev *netdev, int fd)
{
    struct netdev_linux_io *io = netdev->tnl_gso->io;

    ovs_mutex_lock(&io->mutex);
    poll_rx(io, netdev->tnl_gso);
    for (size_t i = 0; i < io->n_rx; i++) {
        if (io->rx_fd[i] == fd) {
            io->rx_fd[i] = io->rx_fd[--io->n_rx];
            break;
        }
    }
    ovs_mutex_unlock(&io->mutex);
}

/* netdev_linux_tnl_poll() for what gets lost at sockets and taps from which
 * 'netdev' receives. */
void
netdev_linux_io_poll(const struct netdev *netdev)
{
    struct netdev_linux_io *io = netdev->tnl_gso->io;

    if (io) {
        ovs_mutex_lock(&io->mutex);
        poll_rx(io, netdev->tnl_gso);
        poll_tap(io, netdev);
        ovs_mutex_unlock(&io->mutex);
    }
}

/* Counts 'n' packets that 'netdev' has not sent because of 'error', a positive
 * errno value.
 *
 * Packets that the device has counted, too, must not count twice.  A tap
 * counts them with all errors but EINVAL: Linux v6.18 tun_get_user().  Behind
 * a packet socket, ENOBUFS comes from the queueing discipline, which does not
 * count on the device, or, if there is none, from the device: Linux v6.18
 * packet_snd(), veth_xmit().  Other errors come before both. */
void
netdev_linux_io_lost(struct netdev *netdev_, size_t n, int error)
{
    struct netdev_linux *netdev = netdev_linux_cast(netdev_);
    struct netdev_linux_io *io = netdev_->tnl_gso->io;
    bool tap = netdev_get_class(netdev_) == &netdev_tap_class;

    ovs_mutex_lock(&io->mutex);
    if (tap ? error == EIO || error == ENOMEM : error == ENOBUFS) {
        io->told += n;
    } else {
        netdev->tx_dropped += n;
    }
    ovs_mutex_unlock(&io->mutex);
}

/* Does device 'name' send without a queueing discipline? */
bool
netdev_linux_io_is_noqueue(const char *name)
{
    static const struct nl_policy policy[] = {
        [IFLA_QDISC] = { .type = NL_A_STRING, .optional = true },
    };
    struct nlattr *attrs[ARRAY_SIZE(policy)];
    struct ofpbuf request, *reply;
    bool noqueue = false;

    ofpbuf_init(&request, 0);
    nl_msg_put_nlmsghdr(&request, sizeof(struct ifinfomsg)
                        + NL_ATTR_SIZE(IFNAMSIZ), RTM_GETLINK, NLM_F_REQUEST);
    ofpbuf_put_zeros(&request, sizeof(struct ifinfomsg));
    nl_msg_put_string(&request, IFLA_IFNAME, name);
    if (!nl_transact(NETLINK_ROUTE, &request, &reply)) {
        noqueue = (nl_policy_parse(reply, (NLMSG_HDRLEN
                                           + sizeof(struct ifinfomsg)),
                                   policy, attrs, ARRAY_SIZE(policy))
                   && attrs[IFLA_QDISC]
                   && !strcmp(nl_attr_get_string(attrs[IFLA_QDISC]),
                              "noqueue"));
        ofpbuf_delete(reply);
    }
    ofpbuf_uninit(&request);
    return noqueue;
}

/* Adds to '*stats' of 'netdev' the packets that netdev-linux and its sockets
 * have lost, and those that were dropped in front of a tap.  '*stats' are
 * those of the device if 'error', a positive errno value, is 0.  With ENODEV,
 * because the device is in another network namespace or does not exist, the
 * losses are all that is known.  Returns 0, or 'error' if that is neither. */
int
netdev_linux_io_stats(const struct netdev *netdev_,
                      struct netdev_stats *stats, int error)
{
    struct netdev_linux *netdev = netdev_linux_cast(netdev_);
    struct netdev_linux_io *io = netdev_->tnl_gso->io;
    bool tap = netdev_get_class(netdev_) == &netdev_tap_class;
    uint64_t told;

    if (error && error != ENODEV) {
        return error;
    }
    if (error) {
        memset(stats, 0xff, sizeof *stats);
        stats->rx_dropped = stats->tx_dropped = stats->rx_missed_errors = 0;
    }

    ovs_mutex_lock(&io->mutex);
    poll_rx(io, netdev_->tnl_gso);
    poll_tap(io, netdev_);
    told = io->told;
    if (!tap && told) {
        io->told = 0;
        ovs_mutex_unlock(&io->mutex);
        told = (netdev_linux_io_is_noqueue(netdev_get_name(netdev_)) ? 0
                : told);
        ovs_mutex_lock(&io->mutex);
        netdev->tx_dropped += told;
    }
    stats->rx_dropped += netdev->rx_dropped + (error ? io->tap_dropped : 0);
    stats->tx_dropped += netdev->tx_dropped + (tap && error ? told : 0);
    stats->rx_missed_errors += io->rx_missed;
    ovs_mutex_unlock(&io->mutex);
    return 0;
}
