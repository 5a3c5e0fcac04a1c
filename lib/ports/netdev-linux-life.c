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

#include "ports/netdev-linux-life.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Not all of the functions in there are inline. */
#pragma GCC diagnostic ignored "-Wunused-function"
#include "core/tnl-gso-port.h"
#include "fatal-signal.h"
#include "netdev-linux-private.h"
#include "netdev-provider.h"
#include "openvswitch/list.h"
#include "openvswitch/vlog.h"
#include "ovs-thread.h"
#include "ports/netdev-linux-relay.h"
#include "ports/netdev-linux-vnet.h"
#include "socket-util.h"
#include "util.h"

/* Kernel ports whose life is not ours: taps that outlive the daemon, and
 * devices that are replaced.
 *
 * A tap of ours outlives us, with the size of its vnet header and its
 * offloads: internal ports keep their addresses and routes over a restart.
 * The next process that opens it may know only vnet headers of 10 bytes, as
 * Open vSwitch without our changes does.  So taps are put back when the daemon
 * ends in an orderly way.
 *
 * A device can go away and come again while its port stays, as a container's
 * veth does, or another one can get its name.  We send to the device that has
 * the port's name now; a packet socket stays bound to the device that is gone.
 *
 * Called by netdev-linux.c.  Must not look at a packet. */

VLOG_DEFINE_THIS_MODULE(netdev_linux_life);

/* A tap with another vnet header or other offloads than upstream's. */
struct life_tap {
    struct ovs_list node;       /* In 'taps'. */
    const struct netdev *netdev;
    int fd;                     /* The netdev's. */
    unsigned long offloads;     /* TUN_F_*: upstream's. */
};

static struct ovs_mutex taps_mutex = OVS_MUTEX_INITIALIZER;
static struct ovs_list taps OVS_GUARDED_BY(taps_mutex)
    = OVS_LIST_INITIALIZER(&taps);

/* Gives 'tap' the vnet header and the offloads that it would have without us.
 *
 * Other threads may still write to it, with vnet headers of the old size:
 * before that, their file descriptor becomes one of /dev/null. */
static void
put_back(const struct life_tap *tap)
{
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    int fd = fcntl(tap->fd, F_DUPFD_CLOEXEC, 0);
    int size = VNET_LEN;

    /* Fewer offloads first: what comes in a tunnel needs the header. */
    if (null_fd < 0 || fd < 0 || dup2(null_fd, tap->fd) < 0
        || ioctl(fd, TUNSETOFFLOAD, tap->offloads)
        || ioctl(fd, TUNSETVNETHDRSZ, &size)) {
        VLOG_WARN("%s: cannot put back the vnet header: %s",
                  netdev_get_name(tap->netdev), ovs_strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    if (null_fd >= 0) {
        close(null_fd);
    }
}

/* Puts back all taps: a hook for the end of the daemon, called by any
 * thread. */
static void
put_back_all(void *aux OVS_UNUSED)
{
    struct life_tap *tap;

    ovs_mutex_lock(&taps_mutex);
    LIST_FOR_EACH (tap, node, &taps) {
        put_back(tap);
    }
    ovs_mutex_unlock(&taps_mutex);
}

/* Makes the daemon put back the tap of 'netdev' when it ends, unless
 * netdev_linux_life_drop_tap() is called before: to vnet headers of 10 bytes,
 * and 'offloads', TUN_F_*.  'fd' remains the caller's. */
void
netdev_linux_life_add_tap(struct netdev *netdev, int fd,
                          unsigned long offloads)
{
    static struct ovsthread_once once = OVSTHREAD_ONCE_INITIALIZER;
    struct life_tap *tap = xmalloc(sizeof *tap);

    if (ovsthread_once_start(&once)) {
        fatal_signal_add_hook(put_back_all, NULL, NULL, true);
        ovsthread_once_done(&once);
    }
    *tap = (struct life_tap) {
        .netdev = netdev, .fd = fd, .offloads = offloads,
    };
    ovs_mutex_lock(&taps_mutex);
    ovs_list_push_back(&taps, &tap->node);
    ovs_mutex_unlock(&taps_mutex);
}

/* Undoes netdev_linux_life_add_tap(), if that was called, before 'netdev'
 * closes the file descriptor of its tap. */
void
netdev_linux_life_drop_tap(const struct netdev *netdev)
{
    struct life_tap *tap;

    ovs_mutex_lock(&taps_mutex);
    LIST_FOR_EACH_SAFE (tap, node, &taps) {
        if (tap->netdev == netdev) {
            ovs_list_remove(&tap->node);
            free(tap);
        }
    }
    ovs_mutex_unlock(&taps_mutex);
}

/* Records that the device of 'netdev' is gone, that another one has its name
 * now, or that such an event may have been missed. */
void
netdev_linux_life_replaced(struct netdev *netdev)
{
    if (netdev->tnl_gso->kernel) {
        uint32_t orig;

        atomic_add_relaxed(&netdev->tnl_gso->n_devices, 1, &orig);
        netdev_linux_relay_follow(netdev);
    }
}

/* Binds packet socket 'fd' to the device 'name' with index 'ifindex', and
 * makes the device promiscuous, as the datapath does when it adds a port.
 * Returns 0 or a positive errno value. */
static int
bind_packet_socket(const char *name, int fd, int ifindex)
{
    struct sockaddr_ll sll = {
        .sll_family = AF_PACKET,
        .sll_ifindex = ifindex,
        .sll_protocol = htons(ETH_P_ALL),
    };
    struct ifreq ifr;
    int error;

    if (bind(fd, (struct sockaddr *) &sll, sizeof sll)) {
        return errno;
    }
    memset(&ifr, 0, sizeof ifr);
    error = af_inet_ifreq_ioctl(name, &ifr, SIOCGIFFLAGS, "SIOCGIFFLAGS");
    if (!error && !(ifr.ifr_flags & IFF_PROMISC)) {
        ifr.ifr_flags |= IFF_PROMISC;
        error = af_inet_ifreq_ioctl(name, &ifr, SIOCSIFFLAGS, "SIOCSIFFLAGS");
    }
    return error;
}

/* Makes 'rx', which had nothing to receive or an error, receive from the
 * device that has the name of its netdev now.
 *
 * The kernel unbinds a socket when the device is unregistered: Linux v6.18
 * packet_notifier().  The number of devices so far is compared, not their
 * indexes: one that comes back from another namespace has the same again. */
void
netdev_linux_life_follow(struct netdev_rxq_linux *rx)
{
    struct netdev *netdev = rx->up.netdev;
    uint32_t n_devices;
    int ifindex;
    int error;

    atomic_read_relaxed(&netdev->tnl_gso->n_devices, &n_devices);
    if (OVS_LIKELY(n_devices == rx->n_devices) || rx->is_tap) {
        return;
    }
    ifindex = netdev_get_ifindex(netdev);
    if (ifindex < 0) {
        return;                 /* There is none at present. */
    }
    error = bind_packet_socket(netdev_get_name(netdev), rx->fd, ifindex);
    if (error) {
        static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);

        /* If it is gone again, netdev_linux_life_replaced() will be called. */
        VLOG_WARN_RL(&rl, "%s: cannot receive from the new device: %s",
                     netdev_get_name(netdev), ovs_strerror(error));
        return;
    }
    VLOG_DBG("%s: receiving from the device with index %d",
             netdev_get_name(netdev), ifindex);
    rx->n_devices = n_devices;
}
