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

#ifndef TNL_GSO_PORT_H
#define TNL_GSO_PORT_H 1

/* The state of one port, and its counters.
 *
 * All code that sends, drops or receives counts; Interface statistics
 * (ofproto/tnl-gso-bridge.c) and appctl commands (ofproto/tnl-gso-unixctl.c)
 * read.  Counters are kept in buckets by thread, so that PMD threads do not
 * share cache lines, and are never reset: `tnl-gso/stats` shows differences
 * from what `tnl-gso/stats-clear` has found. */

#include <stdint.h>

#include "core/tnl-gro-feedback.h"
#include "core/tnl-gso-types.h"
#include "openvswitch/list.h"
#include "ovs-atomic.h"
#include "ovs-thread.h"
#include "smap.h"
#include "userspace-tso.h"

struct dp_packet;
struct netdev;
struct netdev_dpdk_tnl;
struct netdev_linux_gro;
struct netdev_linux_io;
struct netdev_linux_probe;
struct netdev_linux_relay;
struct tnl_gso_frames;

/* Events other than the execution of plans, counted by port. */
enum tnl_gso_event {
    TNL_GSO_E_ZERO_CSUM6,       /* Received in a tunnel over IPv6 without a
                                 * UDP checksum (RFC 6936). */
    TNL_GSO_E_ZERO_CSUM6_DROP,  /* The same, and refused. */
    TNL_GSO_E_TRAINS,           /* Trains received, cut before the pop. */
    TNL_GSO_E_TRAIN_MERGED,     /* Superpackets made of their units. */
    TNL_GSO_E_TRAIN_SINGLE,     /* Units that went on by themselves. */
    TNL_GSO_E_TX_NESTED,        /* Superpackets in two tunnels, of those that
                                 * are counted by encapsulation and method. */
    TNL_GSO_E_TX_RCO,           /* Sent with a remote checksum; superpackets
                                 * count as one. */
    TNL_GSO_E_RX_RCO,           /* Received with one. */
    TNL_GSO_E_RX_RCO_NO_CSUM,   /* The same, without an outer checksum. */
    TNL_GSO_E_RX_RCO_WRONG,     /* The same, with a wrong one, which stays
                                 * wrong. */
    TNL_GSO_E_RCO_COMPLETED,    /* Sent after computing a checksum that the
                                 * other end of a tunnel had left to us. */
    TNL_GSO_E_REFUSED,          /* Refused by a driver's prepare step; sent
                                 * without any offload instead. */
    TNL_GSO_E_DEMOTED,          /* How often a port was demoted, for the kernel
                                 * refused a UDP superpacket. */
    TNL_GSO_E_TX_REFUSED,       /* Segments, of superpackets that are counted,
                                 * that the kernel or a driver did not take. */
    TNL_GSO_E_RX_SOCKET_FULL,   /* Packets that a packet socket had no room
                                 * for when they arrived. */
    TNL_GSO_E_RX_TAP_FULL,      /* Packets that the kernel has dropped in
                                 * front of a tap. */
    TNL_GSO_E_RX_BIG,           /* Superpackets received that no dp_packet
                                 * holds, and that became several. */
    TNL_GSO_E_RX_BIG_COPIED,    /* Those of them whose payload was copied. */
    TNL_GSO_E_RELAY_DOWN,       /* How often a port's relay has gone down, for
                                 * the kernel refused a superpacket, or for
                                 * somebody has taken its filter away. */
    TNL_GSO_E_RELAY_LOST,       /* Superpackets that got lost between a port's
                                 * relay and its device. */
    TNL_GSO_N_EVENTS
};

/* Superpackets that become 1 segment, 2 or 3, 4 to 7, and so on: one counter
 * for each power of two.  Those that are dropped count as 1. */
#define TNL_GSO_N_SIZES 12

struct tnl_gso_counter {
    unsigned long long packets; /* Superpackets: the sum of 'sizes'. */
    unsigned long long sizes[TNL_GSO_N_SIZES];
    unsigned long long segments; /* Segments that they become in the end. */
    unsigned long long bytes;   /* Bytes of the superpackets. */
};

/* A sum over all threads. */
struct tnl_gso_stats {
    struct tnl_gso_counter tx[TNL_GSO_N_ENCAPS][TNL_GSO_N_METHODS];
    unsigned long long drops[TNL_GSO_N_REASONS];
    unsigned long long events[TNL_GSO_N_EVENTS];
    unsigned long long gro_units[TNL_GRO_N_RULES];
    unsigned long long gro_supers[TNL_GRO_N_SIZES];
    unsigned long long gro_skipped;
    struct tnl_gro_feedback gro_feedback;
};

/* Hangs on a struct netdev from its creation to its end. */
struct tnl_gso_port {
    struct ovs_list node;       /* In the list of all ports. */
    const struct netdev *netdev;
    enum tnl_gso_encap encap;   /* Encapsulation that it pushes and pops;
                                 * TNL_GSO_PLAIN if it is no tunnel of ours. */
    atomic_uint32_t methods;    /* Allowed: bits of TNL_GSO_METHODS_ALL. */
    atomic_bool gro;            /* Merging is allowed. */
    bool welcomes_super;        /* Who is behind it has use for superpackets:
                                 * packets are merged when they are sent, if
                                 * it takes superpackets. */
    atomic_uint8_t gro_id;      /* tnl-gro-feedback.h; 0 until something is
                                 * merged. */
    struct tnl_gro_effort gro_effort; /* Of merging. */
    struct ovsthread_stats buckets;
    struct tnl_gso_stats *cleared; /* What an operator knows already, or null,
                                    * and since when, in ms. */
    long long int cleared_at;   /* Both for the main thread only. */
    char *ignored;              /* What of its Interface's settings, and of
                                 * the defaults for it, has no effect, and why,
                                 * or null.  Main thread only. */
    char *ignored_options;      /* The same of a tunnel's options. */

    /* Capabilities of the netdev for superpackets, in addition to its
     * ol_flags: NETDEV_TX_* and TNL_GSO_TX_*.  The netdev's driver stores them
     * whenever they change. */
    atomic_uint64_t super_flags;
    atomic_uint32_t mtu;        /* Likewise; 0 if the driver checks it. */
    struct tnl_gso_limits limits; /* Likewise, but only while no thread
                                   * sends. */
    size_t vnet_size;           /* Kernel ports: bytes of a vnet header.  Does
                                 * not change once there is traffic. */
    atomic_uint32_t n_devices;  /* Kernel ports: how often the device that
                                 * has the port's name was replaced. */
    struct netdev_linux_probe *kernel; /* Kernel ports: for
                                        * netdev-linux-probe.c. */
    struct netdev_linux_io *io; /* The same: their sockets. */
    struct netdev_linux_relay *relay; /* The same: netdev-linux-relay.c. */
    struct netdev_linux_gro *kernel_gro; /* On Linux: for
                                          * netdev-linux-gro.c. */
    struct netdev_dpdk_tnl *dpdk; /* DPDK ports: for netdev-dpdk-tnl.c. */

    /* Applies the keys of an Interface's other_config that only one file
     * knows, or null. */
    void (*set_config)(struct netdev *, const struct smap *);

    /* Makes packets that only this netdev sends. */
    tnl_gso_alloc_func *alloc;

    /* Sends all of the frames on the netdev, or null if only packets can be
     * sent there.  Returns 0 or a positive errno value.  If trains turn out to
     * be refused, stores the number of the first frame that is left to the
     * caller in '*first_left'. */
    int (*send_frames)(struct netdev *, const struct tnl_gso_frames *,
                       size_t *first_left);
};

struct tnl_gso_port *tnl_gso_port_new(const struct netdev *);
void tnl_gso_port_free(struct tnl_gso_port *);
void tnl_gso_port_link(struct netdev *);
void tnl_gso_port_unlink(struct netdev *);
uint32_t tnl_gso_port_methods(const struct tnl_gso_port *);
struct tnl_gso_caps tnl_gso_port_caps(const struct tnl_gso_port *);
bool tnl_gso_port_gro(const struct tnl_gso_port *);
bool tnl_gso_port_merges(const struct tnl_gso_port *);

void tnl_gso_count_tx(struct tnl_gso_port *, const struct tnl_gso_desc *,
                      const struct tnl_gso_plan *, uint32_t frame_len);
void tnl_gso_count_event(struct tnl_gso_port *, enum tnl_gso_event);
void tnl_gso_count_events(struct tnl_gso_port *, enum tnl_gso_event,
                          uint32_t n);
void tnl_gso_count_drop(struct tnl_gso_port *, enum tnl_gso_reason,
                        const struct dp_packet *);
void tnl_gso_count_gro(struct tnl_gso_port *, const struct tnl_gro_count *);
void tnl_gso_count_refused(struct tnl_gso_port *, const struct dp_packet *);
void tnl_gso_stats_get(const struct tnl_gso_port *, struct tnl_gso_stats *);

void tnl_gso_ports_for_each(void (*cb)(struct tnl_gso_port *, void *aux),
                            void *aux);

const char *tnl_gso_reason_to_string(enum tnl_gso_reason);
const char *tnl_gso_event_to_string(enum tnl_gso_event);

/* STT has made a superpacket.  Never false again once it is true. */
extern atomic_bool tnl_gso_stt_in_use;

/* Can there be superpackets?  With userspace TSO they come from ports; STT
 * makes some even without. */
static inline bool
tnl_gso_enabled(void)
{
    bool stt;

    atomic_read_relaxed(&tnl_gso_stt_in_use, &stt);
    return stt || userspace_tso_enabled();
}

#endif /* tnl-gso-port.h */
