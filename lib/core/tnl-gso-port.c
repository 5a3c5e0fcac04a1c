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

#include "core/tnl-gso-port.h"

#include "core/tnl-gso-buf.h"
#include "core/tnl-gso-probes.h"
#include "dp-packet.h"
#include "netdev-provider.h"
#include "packets.h"
#include "util.h"

static struct ovs_mutex ports_mutex = OVS_MUTEX_INITIALIZER;
static struct ovs_list ports OVS_GUARDED_BY(ports_mutex)
    = OVS_LIST_INITIALIZER(&ports);

/* The counters of those threads that share a bucket, laid out like struct
 * tnl_gso_stats, but for what is a sum of others. */
struct bucket {
    struct {
        atomic_ullong sizes[TNL_GSO_N_SIZES];
        atomic_ullong segments;
        atomic_ullong bytes;
    } tx[TNL_GSO_N_ENCAPS][TNL_GSO_N_METHODS];
    atomic_ullong drops[TNL_GSO_N_REASONS];
    atomic_ullong events[TNL_GSO_N_EVENTS];
    atomic_ullong gro_units[TNL_GRO_N_RULES];
    atomic_ullong gro_supers[TNL_GRO_N_SIZES];
};

/* For ovsthread_stats_bucket_get(): a bucket of zeros. */
static void *
bucket_new(void)
{
    return xzalloc_cacheline(sizeof(struct bucket));
}

/* Adds 'n' to '*counter', in a bucket that other threads may share. */
static void
add(atomic_ullong *counter, unsigned long long n)
{
    unsigned long long orig;

    atomic_add_relaxed(counter, n, &orig);
}

/* Returns '*counter', which other threads may be increasing. */
static unsigned long long
get(atomic_ullong *counter)
{
    unsigned long long value;

    atomic_read_relaxed(counter, &value);
    return value;
}

atomic_bool tnl_gso_stt_in_use = false;

#ifdef HAVE_USDT_PROBES
#define TNL_GSO_PROBE_NAME(NAME)                        \
    unsigned short int tnl_gso_##NAME##_semaphore       \
        __attribute__((section(".probes")));
TNL_GSO_PROBES
#undef TNL_GSO_PROBE_NAME
#endif

/* Returns the state for new 'netdev', which must outlive it. */
struct tnl_gso_port *
tnl_gso_port_new(const struct netdev *netdev)
{
    struct tnl_gso_port *port = xzalloc(sizeof *port);

    port->netdev = netdev;
    port->alloc = tnl_gso_buf_new;
    atomic_init(&port->methods, TNL_GSO_METHODS_ALL);
    atomic_init(&port->gro, true);
    atomic_init(&port->gro_id, 0);
    atomic_init(&port->gro_effort.fruitless, 0);
    atomic_init(&port->gro_effort.glances, 0);
    atomic_init(&port->gro_effort.skipped, 0);
    atomic_init(&port->super_flags, 0);
    atomic_init(&port->mtu, 0);
    atomic_init(&port->n_devices, 0);
    ovsthread_stats_init(&port->buckets);
    return port;
}

/* Adds 'netdev', which is complete, to the ports that are shown. */
void
tnl_gso_port_link(struct netdev *netdev)
{
    ovs_mutex_lock(&ports_mutex);
    ovs_list_push_back(&ports, &netdev->tnl_gso->node);
    ovs_mutex_unlock(&ports_mutex);
}

/* Takes 'netdev' off the list of ports that are shown, before any of it is
 * destroyed: any thread can be the last one to close it, while the main thread
 * shows ports. */
void
tnl_gso_port_unlink(struct netdev *netdev)
{
    ovs_mutex_lock(&ports_mutex);
    ovs_list_remove(&netdev->tnl_gso->node);
    ovs_mutex_unlock(&ports_mutex);
}

/* The number of 'port' among tunnels that merge, or 0. */
static uint8_t
port_gro_id(const struct tnl_gso_port *port)
{
    uint8_t id;

    atomic_read_relaxed(&CONST_CAST(struct tnl_gso_port *, port)->gro_id,
                        &id);
    return id;
}

/* Frees 'port', which must not be linked.  No thread may be sending on it any
 * more. */
void
tnl_gso_port_free(struct tnl_gso_port *port)
{
    struct bucket *b;
    size_t i;

    if (!port) {
        return;
    }
    OVSTHREAD_STATS_FOR_EACH_BUCKET (b, i, &port->buckets) {
        free_cacheline(b);
    }
    ovsthread_stats_destroy(&port->buckets);
    tnl_gro_feedback_free(port_gro_id(port));
    free(port->ignored);
    free(port->ignored_options);
    free(port->cleared);
    free(port);
}

/* Returns the methods that are allowed on 'port': bits of
 * TNL_GSO_METHODS_ALL. */
uint32_t
tnl_gso_port_methods(const struct tnl_gso_port *port)
{
    uint32_t methods;

    atomic_read_relaxed(&CONST_CAST(struct tnl_gso_port *, port)->methods,
                        &methods);
    return methods;
}

/* Is merging allowed on 'port'? */
bool
tnl_gso_port_gro(const struct tnl_gso_port *port)
{
    bool gro;

    atomic_read_relaxed(&CONST_CAST(struct tnl_gso_port *, port)->gro, &gro);
    return gro;
}

/* Are packets that arrive in the tunnel 'port', or are sent on another, to be
 * merged now?  Without userspace TSO, nobody takes superpackets. */
bool
tnl_gso_port_merges(const struct tnl_gso_port *port)
{
    return (userspace_tso_enabled() && tnl_gso_port_gro(port)
            && !tnl_gro_feedback_paused(port_gro_id(port)));
}

/* Returns a snapshot of the capabilities of 'port' for superpackets. */
struct tnl_gso_caps
tnl_gso_port_caps(const struct tnl_gso_port *port_)
{
    struct tnl_gso_port *port = CONST_CAST(struct tnl_gso_port *, port_);
    uint64_t super_flags;
    uint32_t mtu;

    atomic_read_relaxed(&port->super_flags, &super_flags);
    atomic_read_relaxed(&port->mtu, &mtu);
    return (struct tnl_gso_caps) {
        .ol_flags = port->netdev->ol_flags | super_flags,
        .limits = port->limits,
        .methods = tnl_gso_port_methods(port),
        .max_frame_len = mtu ? mtu + VLAN_ETH_HEADER_LEN : 0,
    };
}

/* Returns the calling thread's bucket of 'port'. */
static struct bucket *
bucket_get(struct tnl_gso_port *port)
{
    return ovsthread_stats_bucket_get(&port->buckets, bucket_new);
}

/* Counts a superpacket of 'frame_len' bytes for which 'plan' was made. */
void
tnl_gso_count_tx(struct tnl_gso_port *port, const struct tnl_gso_desc *desc,
                 const struct tnl_gso_plan *plan, uint32_t frame_len)
{
    struct bucket *b = bucket_get(port);
    uint32_t n_segs = plan->method == TNL_GSO_DROP ? 0 : desc->n_segs;
    size_t size = MIN(log_2_floor(n_segs | 1), TNL_GSO_N_SIZES - 1);

    add(&b->tx[desc->encap][plan->method].sizes[size], 1);
    add(&b->tx[desc->encap][plan->method].segments, n_segs);
    add(&b->tx[desc->encap][plan->method].bytes, frame_len);
    if (plan->method == TNL_GSO_DROP) {
        add(&b->drops[plan->reason], 1);
    }
}

/* Counts 'event' on 'port'. */
void
tnl_gso_count_event(struct tnl_gso_port *port, enum tnl_gso_event event)
{
    tnl_gso_count_events(port, event, 1);
}

/* Counts 'event' 'n' times on 'port'.  Like all functions here that count, any
 * thread may call it. */
void
tnl_gso_count_events(struct tnl_gso_port *port, enum tnl_gso_event event,
                     uint32_t n)
{
    add(&bucket_get(port)->events[event], n);
}

/* Counts that 'p' was dropped without a plan to drop it: before there was a
 * plan, or by the kernel.  It is null if only its bytes are left. */
void
tnl_gso_count_drop(struct tnl_gso_port *port, enum tnl_gso_reason reason,
                   const struct dp_packet *p)
{
    TNL_GSO_PROBE(drop, port->netdev->name, tnl_gso_reason_to_string(reason),
                  p ? dp_packet_size(p) : 0, p ? dp_packet_l3(p) : NULL,
                  p ? dp_packet_l4(p) : NULL);
    add(&bucket_get(port)->drops[reason], 1);
}

/* Counts what became of the units of one batch on the tunnel 'port'. */
void
tnl_gso_count_gro(struct tnl_gso_port *port,
                  const struct tnl_gro_count *count)
{
    struct bucket *b = bucket_get(port);
    uint32_t n_supers = 0;

    for (size_t i = 0; i < TNL_GRO_N_RULES; i++) {
        if (count->units[i]) {
            add(&b->gro_units[i], count->units[i]);
        }
    }
    for (size_t i = 0; i < TNL_GRO_N_SIZES; i++) {
        if (count->supers[i]) {
            add(&b->gro_supers[i], count->supers[i]);
            n_supers += count->supers[i];
        }
    }
    if (n_supers) {
        tnl_gro_feedback_made(port_gro_id(port), n_supers);
    }
    if (OVS_UNLIKELY(count->trains)) {
        add(&b->events[TNL_GSO_E_TRAINS], count->trains);
        add(&b->events[TNL_GSO_E_TRAIN_MERGED], count->train_merged);
        add(&b->events[TNL_GSO_E_TRAIN_SINGLE], count->train_single);
    }
    for (uint32_t i = 0; i < count->too_many; i++) {
        tnl_gso_count_drop(port, TNL_GSO_R_TOO_MANY, NULL);
    }
}

/* Counts that the driver of 'port' does not send 'p': all segments of it that
 * have been counted as sent. */
void
tnl_gso_count_refused(struct tnl_gso_port *port, const struct dp_packet *p)
{
    if (p->n_planned) {
        tnl_gso_count_events(port, TNL_GSO_E_TX_REFUSED, p->n_planned);
    }
}

/* Sums up what all threads have counted on 'port'. */
void
tnl_gso_stats_get(const struct tnl_gso_port *port, struct tnl_gso_stats *s)
{
    struct bucket *b;
    size_t i;

    *s = (struct tnl_gso_stats) {
        .gro_skipped = get(&CONST_CAST(struct tnl_gso_port *,
                                       port)->gro_effort.skipped),
        .gro_feedback = tnl_gro_feedback_get(port_gro_id(port)),
    };
    OVSTHREAD_STATS_FOR_EACH_BUCKET (b, i, &port->buckets) {
        for (size_t e = 0; e < TNL_GSO_N_ENCAPS; e++) {
            for (size_t m = 0; m < TNL_GSO_N_METHODS; m++) {
                for (size_t z = 0; z < TNL_GSO_N_SIZES; z++) {
                    unsigned long long n = get(&b->tx[e][m].sizes[z]);

                    s->tx[e][m].sizes[z] += n;
                    s->tx[e][m].packets += n;
                }
                s->tx[e][m].segments += get(&b->tx[e][m].segments);
                s->tx[e][m].bytes += get(&b->tx[e][m].bytes);
            }
        }
        for (size_t r = 0; r < TNL_GSO_N_REASONS; r++) {
            s->drops[r] += get(&b->drops[r]);
        }
        for (size_t e = 0; e < TNL_GSO_N_EVENTS; e++) {
            s->events[e] += get(&b->events[e]);
        }
        for (size_t r = 0; r < TNL_GRO_N_RULES; r++) {
            s->gro_units[r] += get(&b->gro_units[r]);
        }
        for (size_t g = 0; g < TNL_GRO_N_SIZES; g++) {
            s->gro_supers[g] += get(&b->gro_supers[g]);
        }
    }
}

/* Calls 'cb' with 'aux' for all ports in the order of their creation.  The
 * list is locked meanwhile: 'cb' must not open or close a netdev. */
void
tnl_gso_ports_for_each(void (*cb)(struct tnl_gso_port *, void *aux),
                       void *aux)
{
    struct tnl_gso_port *port;

    ovs_mutex_lock(&ports_mutex);
    LIST_FOR_EACH (port, node, &ports) {
        cb(port, aux);
    }
    ovs_mutex_unlock(&ports_mutex);
}

/* Returns the name of 'reason' in statistics, commands and messages, in static
 * memory. */
const char *
tnl_gso_reason_to_string(enum tnl_gso_reason reason)
{
    switch (reason) {
    case TNL_GSO_OK:
        return "ok";
    case TNL_GSO_R_L2:
        return "bad_l2";
    case TNL_GSO_R_L3:
        return "bad_l3";
    case TNL_GSO_R_FRAGMENT:
        return "fragment";
    case TNL_GSO_R_NOT_TCP:
        return "not_tcp";
    case TNL_GSO_R_NOT_UDP:
        return "not_udp";
    case TNL_GSO_R_TCP:
        return "bad_tcp";
    case TNL_GSO_R_UDP:
        return "bad_udp";
    case TNL_GSO_R_TUNNEL:
        return "bad_tunnel";
    case TNL_GSO_R_TOO_MANY:
        return "too_many_segments";
    case TNL_GSO_R_NO_METHOD:
        return "no_method";
    case TNL_GSO_R_TOO_BIG:
        return "too_big";
    case TNL_GSO_R_MTU:
        return "mtu";
    case TNL_GSO_R_RCO_OFF:
        return "rco_off";
    case TNL_GSO_R_RCO:
        return "bad_rco";
    case TNL_GSO_N_REASONS:
    default:
        OVS_NOT_REACHED();
    }
}

/* Returns the name of 'event' in statistics and commands, in static memory. */
const char *
tnl_gso_event_to_string(enum tnl_gso_event event)
{
    switch (event) {
    case TNL_GSO_E_ZERO_CSUM6:
        return "rx_zero_csum6";
    case TNL_GSO_E_ZERO_CSUM6_DROP:
        return "rx_zero_csum6_drop";
    case TNL_GSO_E_TRAINS:
        return "rx_trains";
    case TNL_GSO_E_TRAIN_MERGED:
        return "rx_train_merged";
    case TNL_GSO_E_TRAIN_SINGLE:
        return "rx_train_single";
    case TNL_GSO_E_TX_NESTED:
        return "tx_nested";
    case TNL_GSO_E_TX_RCO:
        return "tx_rco";
    case TNL_GSO_E_RX_RCO:
        return "rx_rco";
    case TNL_GSO_E_RX_RCO_NO_CSUM:
        return "rx_rco_no_csum";
    case TNL_GSO_E_RX_RCO_WRONG:
        return "rx_rco_wrong";
    case TNL_GSO_E_RCO_COMPLETED:
        return "rco_completed";
    case TNL_GSO_E_REFUSED:
        return "refused_by_driver";
    case TNL_GSO_E_DEMOTED:
        return "demoted";
    case TNL_GSO_E_TX_REFUSED:
        return "tx_refused";
    case TNL_GSO_E_RX_SOCKET_FULL:
        return "rx_socket_full";
    case TNL_GSO_E_RX_TAP_FULL:
        return "rx_tap_full";
    case TNL_GSO_E_RX_BIG:
        return "rx_big";
    case TNL_GSO_E_RX_BIG_COPIED:
        return "rx_big_copied";
    case TNL_GSO_E_RELAY_DOWN:
        return "relay_down";
    case TNL_GSO_E_RELAY_LOST:
        return "relay_lost";
    case TNL_GSO_N_EVENTS:
    default:
        OVS_NOT_REACHED();
    }
}
