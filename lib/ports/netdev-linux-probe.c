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

#include "ports/netdev-linux-probe.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* Not all of the functions in there are inline. */
#pragma GCC diagnostic ignored "-Wunused-function"
#include "core/tnl-gso-port.h"
#include "encap/encap.h"
#include "netdev-linux-private.h"
#include "netdev-provider.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "ovs-atomic.h"
#include "ovs-thread.h"
#include "packets.h"
#include "ports/netdev-linux-gro.h"
#include "ports/netdev-linux-life.h"
#include "ports/netdev-linux-packet-uso.h"
#include "ports/netdev-linux-relay.h"
#include "ports/netdev-linux-tap.h"
#include "ports/netdev-linux-tnl.h"
#include "ports/netdev-linux-vnet.h"
#include "socket-util.h"
#include "stages/tnl-gso-flags.h"
#include "timeval.h"
#include "userspace-tso.h"
#include "util.h"

/* Superpackets that the kernel can cut behind a port.
 *
 * Called by netdev-linux.c when a port is made and when the kernel reports
 * that it has changed, by a sender when the kernel has refused a superpacket
 * that it should take (netdev_linux_tnl_stop_udp_gso()), and for
 * `tnl-gso/show`.  Must not send packets that others can see, and must not
 * touch a packet.
 *
 * There are two kinds of ports:
 *
 *   tap     The ioctls by which the owner of a tap announces which
 *           superpackets it takes also tell which ones the kernel knows, in
 *           either direction.
 *   others  AF_PACKET sockets.  They take the same superpackets for all
 *           devices: one is tried once, in a network namespace of its own.
 *           Tunnelled ones go through a relay (netdev-linux-relay.h).
 *           ethtool tells which ones the device itself cuts; the kernel cuts
 *           the others. */

VLOG_DEFINE_THIS_MODULE(netdev_linux_probe);

/* Offloads requested on top of upstream's, the most first: each step leaves
 * out those that the kernel got last.  The last step is upstream's. */
static const unsigned long tap_steps[] = {
    TUN_F_TSO_ECN | TAP_USO | TAP_TUNNEL,
    TUN_F_TSO_ECN | TAP_USO | TUN_F_UDP_TUNNEL_GSO,
    TUN_F_TSO_ECN | TAP_USO,
    TUN_F_TSO_ECN,
    0,
};

static const struct tnl_gso_flag_name tap_names[] = {
    { TUN_F_CSUM, "csum" },
    { TUN_F_TSO4, "tso4" },
    { TUN_F_TSO6, "tso6" },
    { TUN_F_TSO_ECN, "ecn" },
    { TUN_F_USO4, "uso4" },
    { TUN_F_USO6, "uso6" },
    { TUN_F_UDP_TUNNEL_GSO, "tunnel" },
    { TUN_F_UDP_TUNNEL_GSO_CSUM, "tunnel_csum" },
};

/* The device features that we look at. */
enum feature { UDP_SEG, TNL_SEG, TNL_CSUM_SEG, N_FEATURES };
static const char *const feature_names[] = {
    [UDP_SEG] = "tx-udp-segmentation",
    [TNL_SEG] = "tx-udp_tnl-segmentation",
    [TNL_CSUM_SEG] = "tx-udp_tnl-csum-segmentation",
};

/* After a refusal UDP superpackets are tried again: it may have been because
 * of one packet, and one that is refused again is cut instead.  Milliseconds;
 * twice as long after each refusal that comes too soon. */
enum { FIRST_RETRY = 1000, LAST_RETRY = 600 * 1000 };

/* Number of demoted ports. */
static atomic_count n_stopped = ATOMIC_COUNT_INIT(0);

/* Hangs on struct tnl_gso_port.  Protected by the netdev's mutex once the
 * netdev is constructed; the main thread writes all but what is about
 * demotions. */
struct netdev_linux_probe {
    bool tap;

    /* The kernel has refused what it should have taken. */
    atomic_bool demoted;        /* Read without the mutex, too. */
    unsigned int n_refused;     /* How often that has happened. */
    long long int retry_at;     /* When it is or was tried again. */
    long long int retry_after;  /* How long after the last refusal. */

    /* Taps. */
    unsigned long granted;      /* TUN_F_*. */
    unsigned long refused[ARRAY_SIZE(tap_steps)]; /* TUN_F_*, by step. */
    int refused_errno[ARRAY_SIZE(tap_steps)];
    int vnet_errno;             /* Of TUNSETVNETHDRSZ. */

    /* Others. */
    bool known;                 /* The features have been read. */
    bool on[N_FEATURES];        /* Those that are on. */
};

/* Returns the state of a new kernel port, of which nothing is known yet. */
struct netdev_linux_probe *
netdev_linux_probe_new(void)
{
    struct netdev_linux_probe *probe = xzalloc(sizeof *probe);

    atomic_init(&probe->demoted, false);
    return probe;
}

/* Is the port of 'probe' demoted, so that no UDP superpackets are sent to
 * it? */
static bool
udp_gso_stopped(const struct netdev_linux_probe *probe)
{
    bool demoted;

    atomic_read_relaxed(&CONST_CAST(struct netdev_linux_probe *,
                                    probe)->demoted, &demoted);
    return demoted;
}

/* Frees 'probe', which may be null. */
void
netdev_linux_probe_free(struct netdev_linux_probe *probe)
{
    if (probe && udp_gso_stopped(probe)) {
        atomic_count_dec(&n_stopped);
    }
    free(probe);
}

/* Returns the capabilities of the port of 'p' for superpackets, in addition to
 * its ol_flags.
 *
 * AF_PACKET: UDP superpackets and STT frames are worth sending whatever the
 * device's tx-udp-segmentation and tx-tcp-segmentation say.  If these are off,
 * the kernel cuts, which costs less than one packet per segment through the
 * socket.  So do superpackets in a tunnel, if there is a relay; a device that
 * cuts these knows the outer IP header anyway.
 *
 * Tap: superpackets that its owner may write are those that the kernel can
 * hand over. */
static uint64_t
super_flags(const struct netdev *netdev)
{
    const struct netdev_linux_probe *p = netdev->tnl_gso->kernel;
    uint64_t flags = 0;

    if (!p->tap) {
        flags = (TNL_GSO_TX_TCP_GSO
                 | (netdev_linux_packet_takes_uso() ? TNL_GSO_TX_UDP_GSO : 0)
                 | (p->on[UDP_SEG] ? TNL_GSO_TX_UDP_TSO : 0));
        if (netdev_linux_relay_is_up(netdev)) {
            flags |= TNL_GSO_TX_TNL_GSO;
            if (p->on[TNL_SEG]) {
                flags |= (tnl_gso_encap_tso_flags(true)
                          | NETDEV_TX_OFFLOAD_OUTER_IP_CKSUM
                          | (p->on[TNL_CSUM_SEG]
                             ? NETDEV_TX_OFFLOAD_OUTER_UDP_CKSUM : 0)
                          | (p->on[UDP_SEG] ? TNL_GSO_TX_TNL_UDP_GSO : 0));
            }
        }
    } else {
        bool uso = (p->granted & TAP_USO) == TAP_USO;

        if (p->granted & TUN_F_UDP_TUNNEL_GSO) {
            flags |= (tnl_gso_encap_tso_flags(true)
                      | NETDEV_TX_OFFLOAD_OUTER_IP_CKSUM
                      | (uso ? TNL_GSO_TX_TNL_UDP_GSO : 0));
        }
        if (p->granted & TUN_F_UDP_TUNNEL_GSO_CSUM) {
            flags |= NETDEV_TX_OFFLOAD_OUTER_UDP_CKSUM;
        }
        flags |= uso ? TNL_GSO_TX_UDP_GSO : 0;
    }
    return udp_gso_stopped(p) ? flags & ~TNL_GSO_TX_UDP_GSO : flags;
}

/* Stores 'ol_flags', and the super_flags that follow from the state of
 * 'netdev'.  Other threads read them meanwhile, so each is written once, and
 * only if it differs.  Returns true if one did. */
static bool
store_flags(struct netdev *netdev, uint64_t ol_flags)
{
    struct tnl_gso_port *port = netdev->tnl_gso;
    uint64_t old, new = super_flags(netdev);
    bool changed = false;

    atomic_read_relaxed(&port->super_flags, &old);
    if (new != old) {
        atomic_store_relaxed(&port->super_flags, new);
        changed = true;
    }
    if (ol_flags != netdev->ol_flags) {
        netdev->ol_flags = ol_flags;
        changed = true;
    }
    return changed;
}

/* Does ethtool report the offloads of 'netdev', which change at run time? */
bool
netdev_linux_tnl_asks_ethtool(const struct netdev *netdev)
{
    return (userspace_tso_enabled() && netdev->tnl_gso->kernel
            && netdev_get_class(netdev) != &netdev_tap_class);
}

/* Stores the offloads of 'netdev' that ethtool has reported: upstream's
 * reading of them, 'ol_flags', and all features by 'names'. */
void
netdev_linux_tnl_set_ol(struct netdev *netdev, uint64_t ol_flags,
                        const struct ethtool_gstrings *names,
                        const struct ethtool_gfeatures *features)
{
    struct netdev_linux_probe *p = netdev->tnl_gso->kernel;
    bool again;

    if (!netdev_linux_tnl_asks_ethtool(netdev)) {
        netdev->ol_flags = ol_flags;
        return;
    }
    netdev_linux_gro_follow(netdev);

    again = p->known;
    p->known = true;
    memset(p->on, 0, sizeof p->on);
    for (uint32_t i = 0; i < names->len; i++) {
        for (size_t f = 0; f < N_FEATURES; f++) {
            if (!strncmp((const char *) names->data + i * ETH_GSTRING_LEN,
                         feature_names[f], ETH_GSTRING_LEN)) {
                p->on[f] = (features->features[i / 32].active >> i % 32) & 1;
            }
        }
    }
    if (store_flags(netdev, ol_flags) && again) {
        struct ds ds = DS_EMPTY_INITIALIZER;

        tnl_gso_format_offloads(tnl_gso_port_caps(netdev->tnl_gso).ol_flags,
                                &ds);
        VLOG_INFO("%s: offloads have changed: %s", netdev_get_name(netdev),
                  ds_cstr(&ds));
        ds_destroy(&ds);
        netdev_change_seq_changed(netdev);
    }
}

/* Stores what follows from the relay of 'netdev', which has come or gone. */
void
netdev_linux_probe_refresh(struct netdev *netdev_)
{
    struct netdev_linux *netdev = netdev_linux_cast(netdev_);

    ovs_mutex_lock(&netdev->mutex);
    if (store_flags(netdev_, netdev_->ol_flags)) {
        netdev_change_seq_changed(netdev_);
    }
    ovs_mutex_unlock(&netdev->mutex);
}

/* Stores the MTU of 'netdev', in bytes, or 0 if it is not known: then the
 * kernel refuses packets that are too long. */
void
netdev_linux_tnl_set_mtu(struct netdev *netdev, int mtu)
{
    uint32_t old;

    if (netdev->tnl_gso->kernel) {
        atomic_read_relaxed(&netdev->tnl_gso->mtu, &old);
        if (mtu >= 0 && mtu != old) {
            atomic_store_relaxed(&netdev->tnl_gso->mtu, mtu);
        }
    }
}

/* Prepares a port that sends through an AF_PACKET socket. */
void
netdev_linux_tnl_construct(struct netdev *netdev)
{
    struct ifreq ifr;

    if (!netdev_linux_tnl_asks_ethtool(netdev)) {
        return;
    }
    store_flags(netdev, netdev->ol_flags);
    memset(&ifr, 0, sizeof ifr);
    if (!af_inet_ifreq_ioctl(netdev_get_name(netdev), &ifr, SIOCGIFMTU,
                             "SIOCGIFMTU")) {
        netdev_linux_tnl_set_mtu(netdev, ifr.ifr_mtu);
    }
}

/* Makes vnet headers on tap device 'fd' 'size' bytes long.  Returns 0 or a
 * positive errno value. */
static int
set_vnet_size(struct netdev *netdev, int fd, int size)
{
    if (ioctl(fd, TUNSETVNETHDRSZ, &size)) {
        return errno;
    }
    netdev->tnl_gso->vnet_size = size;
    return 0;
}

/* Prepares tap device 'fd', for which upstream would ask for 'offloads',
 * TUN_F_*.  Returns the offloads that it shall ask for instead, which the
 * kernel has just granted.
 *
 * The vnet header grows first: with tunnel offloads and too small a header,
 * the kernel loses packets.  Its size outlives the process if the tap does
 * (TUNSETPERSIST), so it is set in any case. */
unsigned long
netdev_linux_tnl_probe_tap(struct netdev *netdev, int fd,
                           unsigned long offloads)
{
    struct netdev_linux_probe *p = netdev->tnl_gso->kernel;
    bool superpackets = userspace_tso_enabled();
    int size;

    p->tap = true;
    netdev->tnl_gso->vnet_size = VNET_LEN;
    if (ioctl(fd, TUNGETVNETHDRSZ, &size) || size != VNET_LEN) {
        set_vnet_size(netdev, fd, VNET_LEN);
    }
    if (!superpackets) {
        return offloads;
    }

    netdev_linux_life_add_tap(netdev, fd, offloads);
    p->vnet_errno = set_vnet_size(netdev, fd, VNET_TUNNEL_LEN);
    for (size_t i = 0; i < ARRAY_SIZE(tap_steps); i++) {
        unsigned long want = offloads | tap_steps[i];

        if (want & TAP_TUNNEL) {
            if (p->vnet_errno) {
                continue;
            }
        } else if (netdev->tnl_gso->vnet_size != VNET_LEN) {
            set_vnet_size(netdev, fd, VNET_LEN);
        }
        if (!ioctl(fd, TUNSETOFFLOAD, want)) {
            p->granted = want;
            break;
        }
        p->refused[i] = want;
        p->refused_errno[i] = errno;
    }
    store_flags(netdev, netdev->ol_flags);
    return p->granted ? p->granted : offloads;
}

/* Demotes 'netdev', on which the kernel has refused a UDP superpacket that it
 * should have taken: sends no more of them for a while.  Any thread may call
 * this. */
void
netdev_linux_tnl_stop_udp_gso(struct netdev *netdev_)
{
    struct netdev_linux *netdev = netdev_linux_cast(netdev_);
    struct netdev_linux_probe *p = netdev_->tnl_gso->kernel;
    long long int now = time_msec();

    ovs_mutex_lock(&netdev->mutex);
    /* More of them may have been on their way. */
    if (!udp_gso_stopped(p)) {
        p->retry_after = (p->n_refused && now < p->retry_at + p->retry_after
                          ? MIN(2 * p->retry_after, LAST_RETRY)
                          : FIRST_RETRY);
        p->retry_at = now + p->retry_after;
        p->n_refused++;
        atomic_store_relaxed(&p->demoted, true);
        atomic_count_inc(&n_stopped);
        tnl_gso_count_event(netdev_->tnl_gso, TNL_GSO_E_DEMOTED);
        VLOG_WARN("%s: the kernel refused a UDP superpacket, sending no more "
                  "of them for %lld s", netdev_get_name(netdev_),
                  p->retry_after / 1000);
        if (store_flags(netdev_, netdev_->ol_flags)) {
            netdev_change_seq_changed(netdev_);
        }
    }
    ovs_mutex_unlock(&netdev->mutex);
}

/* Ends the demotion of 'port', if it is demoted and its time is over. */
static void
retry(struct tnl_gso_port *port, void *aux OVS_UNUSED)
{
    struct netdev_linux_probe *p = port->kernel;
    struct netdev *netdev;

    if (!p || !udp_gso_stopped(p)) {
        return;
    }
    netdev = CONST_CAST(struct netdev *, port->netdev);
    ovs_mutex_lock(&netdev_linux_cast(netdev)->mutex);
    if (time_msec() >= p->retry_at) {
        atomic_store_relaxed(&p->demoted, false);
        atomic_count_dec(&n_stopped);
        VLOG_INFO("%s: trying UDP superpackets again",
                  netdev_get_name(netdev));
        if (store_flags(netdev, netdev->ol_flags)) {
            netdev_change_seq_changed(netdev);
        }
    }
    ovs_mutex_unlock(&netdev_linux_cast(netdev)->mutex);
}

/* Ends demotions whose time is over.  Called by the main thread in each of its
 * rounds. */
void
netdev_linux_tnl_run(void)
{
    netdev_linux_relay_run();
    if (atomic_count_get(&n_stopped)) {
        tnl_gso_ports_for_each(retry, NULL);
    }
}

/* Wakes the main thread up when it is time to try 'port' again, if it is
 * demoted. */
static void
retry_wait(struct tnl_gso_port *port, void *aux OVS_UNUSED)
{
    const struct netdev_linux_probe *p = port->kernel;

    if (p && udp_gso_stopped(p)) {
        struct netdev_linux *netdev = netdev_linux_cast(port->netdev);

        ovs_mutex_lock(&netdev->mutex);
        poll_timer_wait_until(p->retry_at);
        ovs_mutex_unlock(&netdev->mutex);
    }
}

/* Wakes the main thread up when netdev_linux_tnl_run() has something to do. */
void
netdev_linux_tnl_wait(void)
{
    netdev_linux_relay_wait();
    if (atomic_count_get(&n_stopped)) {
        tnl_gso_ports_for_each(retry_wait, NULL);
    }
}

/* Appends the names of 'offloads', TUN_F_*, to 'ds'. */
static void
format_tap_offloads(unsigned long offloads, struct ds *ds)
{
    tnl_gso_format_flags(offloads, tap_names, ARRAY_SIZE(tap_names), ds);
}

/* Appends to 'ds' the requests that the kernel of a tap has refused: each step
 * has something that the next one has not. */
static void
format_tap_refused(const struct netdev_linux_probe *p, struct ds *ds)
{
    const char *comma = "";

    if (p->vnet_errno) {
        ds_put_format(ds, "%d-byte vnet header (%s)", VNET_TUNNEL_LEN,
                      ovs_strerror(p->vnet_errno));
        comma = ", ";
    }
    for (size_t i = 0; i < ARRAY_SIZE(tap_steps); i++) {
        if (p->refused[i]) {
            ds_put_cstr(ds, comma);
            format_tap_offloads(p->refused[i], ds);
            ds_put_format(ds, " (%s)", ovs_strerror(p->refused_errno[i]));
            comma = ", ";
        }
    }
}

/* See netdev-linux-probe.h.  'cb' may be called with the netdev's mutex
 * locked. */
void
netdev_linux_probe_list(const struct netdev *netdev_,
                        void (*cb)(const char *name, const char *text,
                                   void *aux),
                        void *aux)
{
    const struct netdev_linux_probe *p = netdev_->tnl_gso->kernel;
    struct netdev_linux *netdev;
    struct ds ds = DS_EMPTY_INITIALIZER;

    if (!p || !userspace_tso_enabled()) {
        return;
    }
    netdev = netdev_linux_cast(netdev_);
    ovs_mutex_lock(&netdev->mutex);
    if (p->tap) {
        format_tap_offloads(p->granted, &ds);
        cb("tap-offloads", ds_cstr(&ds), aux);
        ds_clear(&ds);
        format_tap_refused(p, &ds);
        if (ds.length) {
            cb("tap-refused", ds_cstr(&ds), aux);
        }
        ds_clear(&ds);
        ds_put_format(&ds, "%"PRIuSIZE" bytes", netdev_->tnl_gso->vnet_size);
        cb("vnet-header", ds_cstr(&ds), aux);
        cb("largest-received", "64 kB, the kernel cuts what is longer", aux);
    } else if (netdev_linux_tnl_asks_ethtool(netdev_)) {
        netdev_linux_packet_uso_format(&ds);
        cb("packet-socket-uso", ds_cstr(&ds), aux);
        for (size_t f = 0; f < N_FEATURES; f++) {
            cb(feature_names[f],
               !p->known ? "unknown, ethtool does not tell"
               : p->on[f] ? "on"
               : "off, the kernel cuts", aux);
        }
        cb("largest-received", "512 kB, made several of at most 64 kB", aux);
    }
    if (udp_gso_stopped(p)) {
        ds_clear(&ds);
        ds_put_format(&ds, "a UDP superpacket was refused at run time (%u), "
                      "next attempt in %lld s", p->n_refused,
                      (MAX(p->retry_at - time_msec(), 0) + 999) / 1000);
        cb("demoted", ds_cstr(&ds), aux);
    }
    ovs_mutex_unlock(&netdev->mutex);
    if (netdev_linux_tnl_asks_ethtool(netdev_)) {
        ds_clear(&ds);
        netdev_linux_relay_format(netdev_, &ds);
        cb("relay", ds_cstr(&ds), aux);
    }
    ds_destroy(&ds);
}
