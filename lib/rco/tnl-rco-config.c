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

#include "rco/tnl-rco.h"

#include <errno.h>
#include <string.h>

#include "netdev-provider.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/list.h"
#include "ovs-atomic.h"
#include "ovs-thread.h"
#include "smap.h"
#include "util.h"

/* Remote checksum offload: configuration.
 *
 * Called for the options of tunnel Interfaces (netdev-vport.c), and when one
 * is removed, which is before others are configured (netdev.c).  All
 * Interfaces with the same UDP port receive through one netdev, which cannot
 * know yet for which of them a packet is.  So they must agree, and the policy
 * that they agree on is kept by port. */

enum { CLASS_MIN = 0xff00 };    /* RFC 8926 section 7: for experiments. */
enum { CLASS_DEFAULT = 0xff52 };

/* A UDP port on which an Interface receives, and its policy. */
struct listener {
    struct ovs_list node;
    const struct netdev *netdev;
    ovs_be16 udp_port;
    struct tnl_rco_policy policy;
};

static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;
static struct ovs_list listeners OVS_GUARDED_BY(mutex)
    = OVS_LIST_INITIALIZER(&listeners);

/* Policies by UDP port, for threads that receive: the class, and RX. */
enum { RX = 1 << 16 };
static atomic_uint32_t policies[UINT16_MAX + 1];

atomic_bool tnl_rco_rx_used = false;

/* Returns the policy of the tunnels that listen on 'udp_dst'.  Any thread may
 * call this. */
struct tnl_rco_policy
tnl_rco_policy_get(ovs_be16 udp_dst)
{
    uint32_t policy;

    atomic_read_explicit(&policies[ntohs(udp_dst)], &policy,
                         memory_order_acquire);
    return (struct tnl_rco_policy) {
        .rx = (policy & RX) != 0,
        .opt_class = policy & UINT16_MAX,
    };
}

/* Publishes what the listeners on 'udp_port' agree on, in one step: threads
 * receive meanwhile. */
static void
publish(ovs_be16 udp_port)
    OVS_REQUIRES(mutex)
{
    const struct listener *l;
    uint32_t policy = 0;

    LIST_FOR_EACH (l, node, &listeners) {
        if (l->udp_port == udp_port) {
            policy |= (l->policy.rx ? RX : 0);
            policy = (policy & RX) | (l->policy.opt_class
                                      ? l->policy.opt_class
                                      : policy & UINT16_MAX);
        }
    }
    /* A thread that reads RX finds tnl_rco_rx_used set. */
    if (policy & RX) {
        atomic_store_relaxed(&tnl_rco_rx_used, true);
    }
    atomic_store_explicit(&policies[ntohs(udp_port)], policy,
                          memory_order_release);
}

/* Returns the listener of 'netdev', or null if it has none. */
static struct listener *
find_listener(const struct netdev *netdev)
    OVS_REQUIRES(mutex)
{
    struct listener *l;

    LIST_FOR_EACH (l, node, &listeners) {
        if (l->netdev == netdev) {
            return l;
        }
    }
    return NULL;
}

/* Returns a listener on 'udp_port', not that of 'netdev', that does not agree
 * with 'policy', or null. */
static const struct listener *
find_conflict(const struct netdev *netdev, ovs_be16 udp_port,
              const struct tnl_rco_policy *policy)
    OVS_REQUIRES(mutex)
{
    const struct listener *l;

    LIST_FOR_EACH (l, node, &listeners) {
        if (l->udp_port == udp_port && l->netdev != netdev
            && (l->policy.rx != policy->rx
                || (policy->rx
                    && l->policy.opt_class != policy->opt_class))) {
            return l;
        }
    }
    return NULL;
}

/* Makes 'netdev' listen on 'udp_port' with 'policy'.  Most calls change
 * nothing: whenever the database changes, all Interfaces are configured. */
static void
set_listener(const struct netdev *netdev, ovs_be16 udp_port,
             const struct tnl_rco_policy *policy)
    OVS_REQUIRES(mutex)
{
    struct listener *l = find_listener(netdev);
    ovs_be16 old_port;

    if (!l) {
        l = xzalloc(sizeof *l);
        l->netdev = netdev;
        l->udp_port = udp_port;
        ovs_list_push_back(&listeners, &l->node);
    }
    old_port = l->udp_port;
    l->udp_port = udp_port;
    l->policy = *policy;
    publish(udp_port);
    if (old_port != udp_port) {
        publish(old_port);
    }
}

/* Removes the listener of 'netdev', which is no longer an Interface's, though
 * others may still use it. */
void
tnl_rco_forget(const struct netdev *netdev)
{
    struct listener *l;

    ovs_mutex_lock(&mutex);
    l = find_listener(netdev);
    if (l) {
        ovs_list_remove(&l->node);
        publish(l->udp_port);
        free(l);
    }
    ovs_mutex_unlock(&mutex);
}

/* Returns what 'value' of option 'key' of the tunnel 'netdev' says, false if it
 * is neither "true" nor "false", having appended a warning to 'errors'. */
static bool
parse_bool(const struct netdev *netdev, const char *key, const char *value,
           struct ds *errors)
{
    bool is = !strcmp(value, "true");

    if (!is && strcmp(value, "false")) {
        ds_put_format(errors, "%s: %s=%s is neither true nor false\n",
                      netdev_get_name(netdev), key, value);
    }
    return is;
}

/* If 'key' is an option of ours for tunnels such as 'netdev', stores 'value' in
 * '*cfg' and returns true, otherwise returns false.  Appends a warning to
 * 'errors' if the value makes no sense. */
bool
tnl_rco_set_option(const struct netdev *netdev, const char *key,
                   const char *value, struct netdev_tunnel_config *cfg,
                   struct ds *errors)
{
    const char *type = netdev_get_type(netdev);
    bool geneve = !strcmp(type, "geneve");

    if (!geneve && strcmp(type, "vxlan")) {
        return false;
    } else if (!strcmp(key, "remote_csum_tx")) {
        cfg->rco_tx = parse_bool(netdev, key, value, errors);
    } else if (!strcmp(key, "remote_csum_rx")) {
        cfg->rco_rx = parse_bool(netdev, key, value, errors);
    } else if (geneve && !strcmp(key, "remote_csum_class")) {
        int class_;

        /* 1 is refused later. */
        cfg->rco_class = (str_to_int(value, 0, &class_) && class_ >= CLASS_MIN
                          && class_ <= UINT16_MAX ? class_ : 1);
    } else {
        return false;
    }
    return true;
}

/* Checks '*cfg', new for tunnel 'netdev', fills in defaults, and makes it
 * known to threads that receive.  Returns 0 or a positive errno value, having
 * appended the reason to 'errors'. */
int
tnl_rco_check_config(const struct netdev *netdev,
                     struct netdev_tunnel_config *cfg, struct ds *errors)
{
    const char *type = netdev_get_type(netdev);
    const char *name = netdev_get_name(netdev);
    const struct listener *conflict;
    struct tnl_rco_policy policy;

    if (strcmp(type, "vxlan") && strcmp(type, "geneve")) {
        return 0;
    }
    if (!strcmp(type, "geneve") && !cfg->rco_class) {
        cfg->rco_class = CLASS_DEFAULT;
    }
    if (cfg->rco_class && cfg->rco_class < CLASS_MIN) {
        ds_put_format(errors, "%s: remote_csum_class is not in the "
                      "experimental range, 0xff00 to 0xffff\n", name);
        return EINVAL;
    }
    if ((cfg->rco_tx || cfg->rco_rx)
        && cfg->exts & (1 << OVS_VXLAN_EXT_GPE)) {
        ds_put_format(errors, "%s: VXLAN-GPE has no remote checksums\n", name);
        return EINVAL;
    }
    if (cfg->rco_tx && cfg->csum != NETDEV_TNL_CSUM_ENABLED) {
        ds_put_format(errors, "%s: remote_csum_tx needs csum=true: nothing "
                      "else would protect what is in the tunnel\n", name);
        return EINVAL;
    }

    policy = (struct tnl_rco_policy) {
        .rx = cfg->rco_rx,
        .opt_class = cfg->rco_class,
    };
    ovs_mutex_lock(&mutex);
    conflict = find_conflict(netdev, cfg->dst_port, &policy);
    if (conflict) {
        ds_put_format(errors, "%s: remote_csum_rx%s must be the same as on "
                      "%s, which has the same dst_port\n", name,
                      conflict->policy.rx && policy.rx
                      ? " and remote_csum_class" : "",
                      netdev_get_name(conflict->netdev));
    } else {
        set_listener(netdev, cfg->dst_port, &policy);
    }
    ovs_mutex_unlock(&mutex);
    return conflict ? EEXIST : 0;
}

/* Adds the options in '*cfg' that are not the default to 'options'. */
void
tnl_rco_get_options(const struct netdev_tunnel_config *cfg,
                    struct smap *options)
{
    if (cfg->rco_tx) {
        smap_add(options, "remote_csum_tx", "true");
    }
    if (cfg->rco_rx) {
        smap_add(options, "remote_csum_rx", "true");
    }
    if (cfg->rco_class && cfg->rco_class != CLASS_DEFAULT) {
        smap_add_format(options, "remote_csum_class", "0x%04x",
                        cfg->rco_class);
    }
}
