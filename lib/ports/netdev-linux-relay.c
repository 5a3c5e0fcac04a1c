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

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

/* Not all of the functions in there are inline. */
#pragma GCC diagnostic ignored "-Wunused-function"
#include "core/tnl-gso-port.h"
#include "netdev-linux-private.h"
#include "netdev-provider.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "ovs-atomic.h"
#include "ovs-thread.h"
#include "ports/netdev-linux-io.h"
#include "ports/netdev-linux-redirect.h"
#include "ports/netdev-linux-trial.h"
#include "timeval.h"
#include "util.h"

/* See netdev-linux-relay.h.
 *
 * A relay that is up is used; its tap is made when the first superpacket is
 * written to it, by the thread that does, since most ports never send one in a
 * tunnel.  It goes down when the kernel refuses what is
 * written to it, when somebody takes its filter away, and when the port's
 * device is replaced; superpackets then leave as from a port without one.  The
 * main thread tries to set it up again: at once if there is a new device,
 * otherwise after a while, twice as long after each attempt that did not last.
 *
 * The tap stays as long as the port, since other threads write to it. */

VLOG_DEFINE_THIS_MODULE(netdev_linux_relay);

/* Milliseconds. */
enum { FIRST_RETRY = 1000, LAST_RETRY = 600 * 1000 };

/* How often the filter of a relay in use is looked at, in milliseconds. */
enum { LOOK_EVERY = 1000 };

/* The methods by which superpackets leave through a relay. */
enum { RELAY_METHODS = (1u << TNL_GSO_HW | 1u << TNL_GSO_HW_PARTIAL
                        | 1u << TNL_GSO_KERNEL) };

/* Hangs on struct tnl_gso_port. */
struct netdev_linux_relay {
    /* Called without locks whenever it has gone up or down. */
    void (*changed)(struct netdev *);
    atomic_bool up;             /* Read by senders. */
    atomic_bool made;           /* There is a tap, in 'redirect'; for good. */
    atomic_bool used;           /* Since the main thread looked last. */

    /* Protects what follows. */
    struct ovs_mutex mutex;
    bool wanted;                /* The port is in a datapath, and may have
                                 * one. */
    struct netdev_linux_redirect redirect;
    int target;                 /* Index of the device behind it, or 0. */
    uint32_t n_devices;         /* Number of the port's devices then. */
    uint32_t lost;              /* Packets that have not got to the device. */
    const char *step;           /* What has failed, or null. */
    int error;                  /* Its errno value. */
    unsigned int n_down;        /* How often it went down by itself. */
    long long int retry_at;     /* When it is or was tried again. */
    long long int retry_after;  /* How long after it went down. */
};

/* Something is to be done by netdev_linux_relay_run(). */
static atomic_bool pending = false;

/* When it looks at all relays again.  Main thread only. */
static long long int look_at = LLONG_MAX;

/* Returns the state of a new kernel port, which has no relay yet.  'changed'
 * is called with the netdev whenever it has one or none from then on. */
struct netdev_linux_relay *
netdev_linux_relay_new(void (*changed)(struct netdev *))
{
    struct netdev_linux_relay *relay = xzalloc(sizeof *relay);

    relay->changed = changed;
    atomic_init(&relay->up, false);
    atomic_init(&relay->made, false);
    atomic_init(&relay->used, false);
    ovs_mutex_init(&relay->mutex);
    netdev_linux_redirect_init(&relay->redirect);
    return relay;
}

/* Frees 'relay', which may be null.  Its tap is gone then. */
void
netdev_linux_relay_free(struct netdev_linux_relay *relay)
{
    if (relay) {
        netdev_linux_redirect_close(&relay->redirect);
        ovs_mutex_destroy(&relay->mutex);
        free(relay);
    }
}

/* Does 'netdev' have a relay that is to be used? */
bool
netdev_linux_relay_is_up(const struct netdev *netdev)
{
    bool up;

    atomic_read_explicit(&netdev->tnl_gso->relay->up, &up,
                         memory_order_acquire);
    return up;
}

/* Does 'relay' have a tap? */
static bool
is_made(const struct netdev_linux_relay *relay)
{
    bool made;

    atomic_read_explicit(&relay->made, &made, memory_order_acquire);
    return made;
}

/* Wakes the main thread up for netdev_linux_relay_run(). */
static void
wake_main_thread(struct netdev *netdev)
{
    atomic_store_relaxed(&pending, true);
    netdev_change_seq_changed(netdev);
}

/* Takes the relay of 'netdev', if it is up, out of use, because 'step' has
 * failed with 'error', a positive errno value; null for no failure.  It is
 * tried again later. */
static void
take_down(struct netdev *netdev, const char *step, int error)
    OVS_REQUIRES(netdev->tnl_gso->relay->mutex)
{
    struct netdev_linux_relay *relay = netdev->tnl_gso->relay;
    long long int now = time_msec();

    if (!netdev_linux_relay_is_up(netdev)) {
        return;
    }
    atomic_store_relaxed(&relay->up, false);
    relay->step = step;
    relay->error = error;
    if (step) {
        relay->retry_after = (relay->n_down
                              && now < relay->retry_at + relay->retry_after
                              ? MIN(2 * relay->retry_after, LAST_RETRY)
                              : FIRST_RETRY);
        relay->retry_at = now + relay->retry_after;
        relay->n_down++;
        tnl_gso_count_event(netdev->tnl_gso, TNL_GSO_E_RELAY_DOWN);
        VLOG_WARN("%s: tunnelled superpackets go without a relay for %lld s: "
                  "%s: %s", netdev_get_name(netdev),
                  relay->retry_after / 1000, step, ovs_strerror(error));
    }
}

/* Adds to the counters of 'netdev' what has got lost between its relay and its
 * device since this was called last.  Returns false if the relay's filter is
 * gone. */
static bool
poll_lost(struct netdev *netdev)
    OVS_REQUIRES(netdev->tnl_gso->relay->mutex)
{
    struct netdev_linux_relay *relay = netdev->tnl_gso->relay;
    uint32_t lost;

    if (!netdev_linux_relay_is_up(netdev) || !is_made(relay)) {
        return true;
    }
    if (netdev_linux_redirect_get(&relay->redirect, relay->target, &lost)) {
        return false;
    }
    if (lost != relay->lost) {
        tnl_gso_count_events(netdev->tnl_gso, TNL_GSO_E_RELAY_LOST,
                             lost - relay->lost);
        netdev_linux_io_lost(netdev, lost - relay->lost, ENOBUFS);
        relay->lost = lost;
    }
    return true;
}

/* netdev_linux_tnl_poll() for what gets lost behind the relay of 'netdev'. */
void
netdev_linux_relay_poll(const struct netdev *netdev)
{
    struct netdev_linux_relay *relay = netdev->tnl_gso->relay;

    if (relay) {
        ovs_mutex_lock(&relay->mutex);
        poll_lost(CONST_CAST(struct netdev *, netdev));
        ovs_mutex_unlock(&relay->mutex);
    }
}

/* How many devices on each other are looked at by may_reorder(). */
enum { MAX_DEVICES = 8 };

/* May packets of a tap wait in another queue of device 'name' than others of
 * their flow?
 *
 * Of several queues, Linux v6.18 netdev_pick_tx() takes the one that is
 * configured for the CPU (XPS), and else for packets of a packet socket one by
 * the hash of their flow, but for those of a tap the first. */
static bool
has_unlike_queues(const char *name)
{
    bool steered = false;
    int n_queues = 0;
    FILE *file;

    for (;; n_queues++) {
        char *path = xasprintf("/sys/class/net/%s/queues/tx-%d/xps_cpus",
                               name, n_queues);
        int c;

        file = fopen(path, "r");
        free(path);
        if (!file) {
            break;
        }
        while ((c = getc(file)) != EOF) {
            steered |= isxdigit(c) && c != '0';
        }
        fclose(file);
    }
    return n_queues > 1 && !steered && !netdev_linux_io_is_noqueue(name);
}

/* Does has_unlike_queues() hold for device 'name', or for one below it, which
 * is in the same network namespace: of a bond, a VLAN, a macvlan?  At most
 * 'max' deep. */
static bool
may_reorder(const char *name, int max)
{
    static const char lower[] = "lower_";
    bool result = has_unlike_queues(name);
    char *path = xasprintf("/sys/class/net/%s", name);
    DIR *dir = max > 1 ? opendir(path) : NULL;
    struct dirent *entry;

    while (!result && dir && (entry = readdir(dir))) {
        if (!strncmp(entry->d_name, lower, strlen(lower))) {
            result = may_reorder(entry->d_name + strlen(lower), max - 1);
        }
    }
    if (dir) {
        closedir(dir);
    }
    free(path);
    return result;
}

/* Makes a tap for 'netdev', if it has none, and redirects it to the device
 * that has the port's name now.  Returns 0, or a positive errno value and
 * stores in '*step' what has failed. */
static int
make(struct netdev *netdev, const char **step)
    OVS_REQUIRES(netdev->tnl_gso->relay->mutex)
{
    struct netdev_linux_relay *relay = netdev->tnl_gso->relay;
    struct netdev_linux_redirect *r = &relay->redirect;
    int ifindex = netdev_get_ifindex(netdev);
    char name[IFNAMSIZ];
    int error;

    if (r->fd < 0 || !if_indextoname(r->ifindex, name)
        || strcmp(name, r->name)) {
        char *alias = xasprintf("ovs-vswitchd: tunnelled superpackets to %s",
                                netdev_get_name(netdev));

        error = netdev_linux_redirect_open(r, NULL, "ovs-relay%d", alias);
        free(alias);
        if (error) {
            *step = r->step;
            return error;
        }
    }
    error = netdev_linux_redirect_to(r, NULL, ifindex);
    *step = r->step;
    relay->target = error ? 0 : ifindex;
    relay->lost = 0;
    if (!error) {
        VLOG_INFO("%s: tunnelled superpackets go through relay %s",
                  netdev_get_name(netdev), r->name);
        atomic_store_explicit(&relay->made, true, memory_order_release);
    }
    return error;
}

/* Can 'netdev' have a relay?  If it has one, redirects it to the device that
 * has the port's name now.  Returns 0, or a positive errno value and stores in
 * '*step' what has failed. */
static int
set_up(struct netdev *netdev, const char **step)
    OVS_REQUIRES(netdev->tnl_gso->relay->mutex)
{
    int ifindex = netdev_get_ifindex(netdev);
    int error;

    error = netdev_linux_relay_probe(step);
    if (error && *step != netdev_linux_trial_unshare) {
        return error;
    }
    if (ifindex < 0) {
        *step = "device";
        return -ifindex;
    }
    if (may_reorder(netdev_get_name(netdev), MAX_DEVICES)) {
        *step = "several transmit queues without XPS";
        return EOPNOTSUPP;
    }
    return is_made(netdev->tnl_gso->relay) ? make(netdev, step) : 0;
}

/* Takes the relay of 'netdev' out of use if it is not wanted, or if its filter
 * is gone, which is looked at if it has been 'used'.  Sets up one that is
 * wanted and not up, if 'now', if its time has come, or if the device has been
 * replaced. */
static void
update(struct netdev *netdev, bool now, bool used)
{
    struct netdev_linux_relay *relay = netdev->tnl_gso->relay;
    bool was_up, up;

    ovs_mutex_lock(&relay->mutex);
    was_up = netdev_linux_relay_is_up(netdev);
    if (!relay->wanted) {
        take_down(netdev, NULL, 0);
        relay->step = NULL;
    } else {
        uint32_t n_devices;

        if (used && !poll_lost(netdev)) {
            take_down(netdev, relay->redirect.step, relay->redirect.error);
        }
        now |= relay->n_down && time_msec() >= relay->retry_at;
        atomic_read_relaxed(&netdev->tnl_gso->n_devices, &n_devices);
        if (n_devices != relay->n_devices) {
            poll_lost(netdev);
            take_down(netdev, NULL, 0);
            now = true;
        }
        if (!netdev_linux_relay_is_up(netdev) && now) {
            relay->n_devices = n_devices;
            relay->error = set_up(netdev, &relay->step);
            if (!relay->error) {
                atomic_store_explicit(&relay->up, true, memory_order_release);
            } else {
                VLOG_INFO("%s: no relay for tunnelled superpackets: %s: %s",
                          netdev_get_name(netdev), relay->step,
                          ovs_strerror(relay->error));
            }
        }
    }
    up = netdev_linux_relay_is_up(netdev);
    if (up && is_made(relay)) {
        look_at = MIN(look_at, time_msec() + LOOK_EVERY);
    } else if (!up && relay->wanted && relay->n_down) {
        look_at = MIN(look_at,
                      MAX(relay->retry_at, time_msec() + FIRST_RETRY));
    }
    ovs_mutex_unlock(&relay->mutex);
    if (up != was_up) {
        relay->changed(netdev);
    }
}

/* Makes a relay for 'netdev', which is in a datapath, or takes it out of use,
 * as the methods say that are allowed. */
void
netdev_linux_relay_set_config(struct netdev *netdev)
{
    struct netdev_linux_relay *relay = netdev->tnl_gso->relay;
    bool wanted;

    wanted = tnl_gso_port_methods(netdev->tnl_gso) & RELAY_METHODS;
    if (wanted != relay->wanted) {
        ovs_mutex_lock(&relay->mutex);
        relay->wanted = wanted;
        ovs_mutex_unlock(&relay->mutex);
        update(netdev, true, false);
    }
}

/* The device of 'netdev' has been replaced. */
void
netdev_linux_relay_follow(struct netdev *netdev)
{
    if (netdev->tnl_gso->relay) {
        wake_main_thread(netdev);
    }
}

/* Makes the tap of 'netdev', whose relay is to be used for the first time.
 * Returns true if the relay is up then. */
static bool
make_first(struct netdev *netdev)
{
    struct netdev_linux_relay *relay = netdev->tnl_gso->relay;
    bool up;

    ovs_mutex_lock(&relay->mutex);
    if (netdev_linux_relay_is_up(netdev) && !is_made(relay)) {
        const char *step;
        int error = make(netdev, &step);

        if (error) {
            take_down(netdev, step, error);
        }
    }
    up = netdev_linux_relay_is_up(netdev);
    ovs_mutex_unlock(&relay->mutex);
    wake_main_thread(netdev);
    return up;
}

/* Returns the tap of the relay of 'netdev', to which the caller is about to
 * write a frame, behind a vnet header of VNET_TUNNEL_LEN bytes.  Returns a
 * negative errno value if there is no relay that is up. */
int
netdev_linux_relay_fd(struct netdev *netdev)
{
    struct netdev_linux_relay *relay = netdev->tnl_gso->relay;
    bool used;

    if (!relay || !netdev_linux_relay_is_up(netdev)
        || (OVS_UNLIKELY(!is_made(relay)) && !make_first(netdev))) {
        return -ENXIO;
    }
    atomic_read_relaxed(&relay->used, &used);
    if (!used) {
        atomic_store_relaxed(&relay->used, true);
    }
    return relay->redirect.fd;
}

/* The kernel has refused what was written to the relay of 'netdev' with
 * 'error', a positive errno value: takes it out of use.  Any thread may call
 * this. */
void
netdev_linux_relay_refused(struct netdev *netdev, int error)
{
    struct netdev_linux_relay *relay = netdev->tnl_gso->relay;

    ovs_mutex_lock(&relay->mutex);
    take_down(netdev, "superpacket", error);
    ovs_mutex_unlock(&relay->mutex);
    relay->changed(netdev);
    wake_main_thread(netdev);
}

/* Looks at the relay of 'port', if it is to have one: whether its filter is
 * there, if it is in use, and whether it is time to set it up. */
static void
look(struct tnl_gso_port *port, void *aux OVS_UNUSED)
{
    struct netdev_linux_relay *relay = port->relay;

    if (relay && relay->wanted) {
        bool used;

        atomic_read_relaxed(&relay->used, &used);
        atomic_store_relaxed(&relay->used, false);
        update(CONST_CAST(struct netdev *, port->netdev), false, used);
    }
}

/* Looks at all relays when it is time to.  Called by the main thread in each
 * of its rounds. */
void
netdev_linux_relay_run(void)
{
    bool now;

    atomic_read_relaxed(&pending, &now);
    if (now || time_msec() >= look_at) {
        atomic_store_relaxed(&pending, false);
        look_at = LLONG_MAX;
        tnl_gso_ports_for_each(look, NULL);
    }
}

/* Wakes the main thread up when netdev_linux_relay_run() has something to
 * do. */
void
netdev_linux_relay_wait(void)
{
    bool now;

    atomic_read_relaxed(&pending, &now);
    if (now) {
        poll_immediate_wake();
    } else if (look_at != LLONG_MAX) {
        poll_timer_wait_until(look_at);
    }
}

/* Appends to 'ds' what there is to say about the relay of 'netdev'. */
void
netdev_linux_relay_format(const struct netdev *netdev, struct ds *ds)
{
    struct netdev_linux_relay *relay = netdev->tnl_gso->relay;

    ovs_mutex_lock(&relay->mutex);
    if (netdev_linux_relay_is_up(netdev)) {
        const char *step;
        int error = netdev_linux_relay_probe(&step);

        ds_put_format(ds, "%s (", is_made(relay) ? relay->redirect.name
                      : "with the first superpacket in a tunnel");
        if (error) {
            ds_put_format(ds, "not probed, %s: %s)", step,
                          ovs_strerror(error));
        } else {
            ds_put_cstr(ds, "probed)");
        }
    } else if (!relay->wanted) {
        ds_put_format(ds, "none, %s",
                      (tnl_gso_port_methods(netdev->tnl_gso) & RELAY_METHODS
                       ? "not in a datapath"
                       : "excluded by tnl-gso-methods"));
    } else {
        ds_put_format(ds, "none, %s: %s", relay->step ? relay->step : "device",
                      ovs_strerror(relay->error));
        if (relay->n_down) {
            ds_put_format(ds, " (%u), next attempt in %lld s", relay->n_down,
                          (MAX(relay->retry_at - time_msec(), 0) + 999)
                          / 1000);
        }
    }
    ovs_mutex_unlock(&relay->mutex);
}
