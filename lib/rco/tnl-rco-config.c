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
#include <stdlib.h>
#include <string.h>

#include "core/tnl-gso-settings.h"
#include "netdev-provider.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/list.h"
#include "ovs-atomic.h"
#include "ovs-thread.h"
#include "smap.h"
#include "util.h"

/* Remote checksum offload: configuration.
 *
 * Options of tunnels, for which Open_vSwitch other_config may have defaults
 * under the same names (core/tnl-gso-settings.h).
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
    bool tx_is_default;         /* What is sent is not its own record's. */
    bool rx_is_default;         /* Nor is what is received. */
    char *ignored;              /* What of the defaults has no effect, and why,
                                 * empty or null for nothing. */
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

/* Returns a listener on 'udp_port' whose own record says what is received, or
 * null. */
static const struct listener *
find_own(ovs_be16 udp_port)
    OVS_REQUIRES(mutex)
{
    const struct listener *l;

    LIST_FOR_EACH (l, node, &listeners) {
        if (l->udp_port == udp_port && !l->rx_is_default) {
            return l;
        }
    }
    return NULL;
}

/* Publishes what the listeners on 'udp_port' agree on, in one step: threads
 * receive meanwhile. */
static void
publish(ovs_be16 udp_port)
    OVS_REQUIRES(mutex)
{
    bool is_default = !find_own(udp_port);
    const struct listener *l;
    uint32_t policy = 0;

    LIST_FOR_EACH (l, node, &listeners) {
        if (l->udp_port == udp_port && l->rx_is_default == is_default) {
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

/* Returns a listener on 'udp_port', not that of 'netdev', whose own record
 * does not agree with 'policy', or null. */
static const struct listener *
find_conflict(const struct netdev *netdev, ovs_be16 udp_port,
              const struct tnl_rco_policy *policy)
    OVS_REQUIRES(mutex)
{
    const struct listener *l;

    LIST_FOR_EACH (l, node, &listeners) {
        if (l->udp_port == udp_port && l->netdev != netdev
            && !l->rx_is_default
            && (l->policy.rx != policy->rx
                || (policy->rx
                    && l->policy.opt_class != policy->opt_class))) {
            return l;
        }
    }
    return NULL;
}

/* Makes 'new->netdev' listen as 'new' says, whose 'ignored' it takes.  Most
 * calls change nothing: whenever the database changes, all Interfaces are
 * configured. */
static void
set_listener(const struct listener *new)
    OVS_REQUIRES(mutex)
{
    struct listener *l = find_listener(new->netdev);
    struct ovs_list node;
    ovs_be16 old_port;

    if (!l) {
        l = xzalloc(sizeof *l);
        l->udp_port = new->udp_port;
        ovs_list_push_back(&listeners, &l->node);
    }
    free(l->ignored);
    old_port = l->udp_port;
    node = l->node;
    *l = *new;
    l->node = node;
    publish(l->udp_port);
    if (old_port != l->udp_port) {
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
        free(l->ignored);
        free(l);
    }
    ovs_mutex_unlock(&mutex);
}

/* Returns what 'value' of option 'key' of the tunnel 'netdev' says, false if
 * it is neither, having appended a warning to 'errors'. */
static bool
parse_bool(const struct netdev *netdev, const char *key, const char *value,
           struct ds *errors)
{
    bool is;

    if (!tnl_gso_parse_bool(value, &is)) {
        ds_put_format(errors, "%s: %s=%s is neither true nor false\n",
                      netdev_get_name(netdev), key, value);
    }
    return is;
}

/* Parses 'value' as the class of Geneve's option.  Returns 1, which is
 * refused, if it is none of those for experiments. */
static uint16_t
parse_class(const char *value)
{
    int class_;

    return (str_to_int(value, 0, &class_) && class_ >= CLASS_MIN
            && class_ <= UINT16_MAX ? class_ : 1);
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
        cfg->rco_class = parse_class(value);
    } else {
        return false;
    }
    return true;
}

/* If 'args', a tunnel's options, do not say '*option', which is 'key', takes
 * the default for it.  Returns true if it has.  Tells in 'ignored' if the
 * default makes no sense. */
static bool
use_default(const struct smap *args, const char *key, bool *option,
            struct ds *ignored)
{
    const char *own = smap_get(args, key);
    const char *value = tnl_gso_get_default(key);
    bool is;

    if (!value || (own && tnl_gso_parse_bool(own, &is))) {
        return false;
    } else if (!tnl_gso_parse_bool(value, option)) {
        tnl_gso_ignore(ignored, "Open_vSwitch other_config:%s=\"%s\": neither "
                       "true nor false", key, value);
        return false;
    }
    return true;
}

/* Takes the defaults for what 'args', the options of tunnel 'l->netdev', do
 * not say into '*cfg', as far as they have a meaning there.  A default is no
 * reason to refuse a tunnel. */
static void
use_defaults(const struct smap *args, struct netdev_tunnel_config *cfg,
             struct listener *l)
{
    const char *class_ = tnl_gso_get_default("remote_csum_class");
    bool gpe = (cfg->exts & (1 << OVS_VXLAN_EXT_GPE)) != 0;
    struct ds ignored = DS_EMPTY_INITIALIZER;

    l->tx_is_default = use_default(args, "remote_csum_tx", &cfg->rco_tx,
                                   &ignored);
    l->rx_is_default = use_default(args, "remote_csum_rx", &cfg->rco_rx,
                                   &ignored);
    if (l->tx_is_default && cfg->rco_tx
        && (gpe || cfg->csum != NETDEV_TNL_CSUM_ENABLED)) {
        tnl_gso_ignore(&ignored, "Open_vSwitch other_config:"
                       "remote_csum_tx=true: %s",
                       gpe ? "VXLAN-GPE has no remote checksums"
                       : "needs csum=true");
        cfg->rco_tx = false;
    }
    if (l->rx_is_default && cfg->rco_rx && gpe) {
        cfg->rco_rx = false;
    }
    if (!strcmp(netdev_get_type(l->netdev), "geneve") && !cfg->rco_class
        && class_) {
        cfg->rco_class = parse_class(class_);
        if (cfg->rco_class < CLASS_MIN) {
            tnl_gso_ignore(&ignored, "Open_vSwitch other_config:"
                           "remote_csum_class=\"%s\": not in the experimental "
                           "range, 0xff00 to 0xffff", class_);
            cfg->rco_class = 0;
        }
    }
    l->ignored = ds_steal_cstr(&ignored);
}

/* Checks '*cfg', new for tunnel 'netdev' from its options 'args', fills in
 * defaults, and makes it known to threads that receive.  Returns 0 or a
 * positive errno value, having appended the reason to 'errors'. */
int
tnl_rco_check_config(const struct netdev *netdev, const struct smap *args,
                     struct netdev_tunnel_config *cfg, struct ds *errors)
{
    const char *type = netdev_get_type(netdev);
    const char *name = netdev_get_name(netdev);
    struct listener new = { .netdev = netdev, .udp_port = cfg->dst_port };
    const struct listener *conflict = NULL;
    int error = EINVAL;

    if (strcmp(type, "vxlan") && strcmp(type, "geneve")) {
        return 0;
    }
    use_defaults(args, cfg, &new);
    if (!strcmp(type, "geneve") && !cfg->rco_class) {
        cfg->rco_class = CLASS_DEFAULT;
    }
    if (cfg->rco_class && cfg->rco_class < CLASS_MIN) {
        ds_put_format(errors, "%s: remote_csum_class is not in the "
                      "experimental range, 0xff00 to 0xffff\n", name);
        goto error;
    }
    if ((cfg->rco_tx || cfg->rco_rx)
        && cfg->exts & (1 << OVS_VXLAN_EXT_GPE)) {
        ds_put_format(errors, "%s: VXLAN-GPE has no remote checksums\n", name);
        goto error;
    }
    if (cfg->rco_tx && cfg->csum != NETDEV_TNL_CSUM_ENABLED) {
        ds_put_format(errors, "%s: remote_csum_tx needs csum=true: nothing "
                      "else would protect what is in the tunnel\n", name);
        goto error;
    }

    new.policy = (struct tnl_rco_policy) {
        .rx = cfg->rco_rx,
        .opt_class = cfg->rco_class,
    };
    ovs_mutex_lock(&mutex);
    if (!new.rx_is_default) {
        conflict = find_conflict(netdev, cfg->dst_port, &new.policy);
    }
    if (conflict) {
        ds_put_format(errors, "%s: remote_csum_rx%s must be the same as on "
                      "%s, which has the same dst_port\n", name,
                      conflict->policy.rx && new.policy.rx
                      ? " and remote_csum_class" : "",
                      netdev_get_name(conflict->netdev));
        error = EEXIST;
    } else {
        set_listener(&new);
        error = 0;
    }
    ovs_mutex_unlock(&mutex);
    if (!error) {
        return 0;
    }
error:
    free(new.ignored);
    return error;
}

/* Is any of the remote checksums of 'netdev' its own record's wish, not that
 * of a default? */
bool
tnl_rco_is_own(const struct netdev *netdev,
               const struct netdev_tunnel_config *cfg)
{
    const struct listener *l;
    bool own;

    ovs_mutex_lock(&mutex);
    l = find_listener(netdev);
    own = ((cfg->rco_tx && !(l && l->tx_is_default))
           || (cfg->rco_rx && !(l && l->rx_is_default)));
    ovs_mutex_unlock(&mutex);
    return own;
}

/* Tells in 'ignored' what of the defaults has no effect on tunnel 'netdev'. */
void
tnl_rco_get_ignored(const struct netdev *netdev, struct ds *ignored)
{
    const struct listener *l, *own;

    ovs_mutex_lock(&mutex);
    l = find_listener(netdev);
    if (l && l->ignored && *l->ignored) {
        tnl_gso_ignore(ignored, "%s", l->ignored);
    }
    own = l && l->rx_is_default ? find_own(l->udp_port) : NULL;
    if (own && own->policy.rx != l->policy.rx) {
        tnl_gso_ignore(ignored, "Open_vSwitch other_config:remote_csum_rx=%s: "
                       "%s, which has the same dst_port, says otherwise",
                       l->policy.rx ? "true" : "false",
                       netdev_get_name(own->netdev));
    }
    ovs_mutex_unlock(&mutex);
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
