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

#include "ports/netdev-linux-gro.h"

#include <dirent.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>

/* Not all of the functions in there are inline. */
#pragma GCC diagnostic ignored "-Wunused-function"
#include "core/tnl-gso-port.h"
#include "fatal-signal.h"
#include "netdev-linux-private.h"
#include "netdev-provider.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/list.h"
#include "openvswitch/vlog.h"
#include "ovs-thread.h"
#include "smap.h"
#include "socket-util.h"
#include "userspace-tso.h"
#include "util.h"

/* A device with two features on, rx-gro and rx-udp-gro-forwarding, hands over
 * trains where a sender's superpackets have been cut on their way: Linux v6.18
 * udp_gro_receive().  An operator can switch them on by ethtool; with
 * other_config:tnl-kernel-gro we do, and put back what was there when the key
 * or the port goes, or the daemon ends in an orderly way.
 *
 * A device is known by its index, since another one can get its name.  What
 * somebody else sets after us stays as it is: nothing is set twice. */

VLOG_DEFINE_THIS_MODULE(netdev_linux_gro);

/* Features of a device, as bits: the two, and rx-gro-list, with which the
 * kernel merges without rx-udp-gro-forwarding. */
enum feature {
    F_GRO = 1 << 0,
    F_FORWARD = 1 << 1,
    F_LIST = 1 << 2,
};
enum { N_FEATURES = 3, F_MERGE = F_GRO | F_FORWARD };
static const char *const feature_names[N_FEATURES] = {
    "rx-gro", "rx-udp-gro-forwarding", "rx-gro-list",
};

/* Why a device does not merge. */
static const char no_feature[]
    = "the kernel has no rx-udp-gro-forwarding (Linux 5.12)";
static const char fixed[]
    = "the device does not let its features be switched";

/* What ethtool tells about a device: sets of enum feature. */
struct features {
    uint32_t has;               /* The kernel knows them. */
    uint32_t can;               /* They can be switched. */
    uint32_t asked;             /* They are asked for. */
    uint32_t on;                /* They are on. */
};

/* Hangs on struct tnl_gso_port.  Protected by 'mutex'. */
struct netdev_linux_gro {
    struct ovs_list node;       /* In 'changed_ports', unless 'changed' is
                                 * 0. */
    char *value;                /* Of the key, or null. */
    enum { LEAVE, SWITCH_OFF, SWITCH_ON } want;
    char *why;                  /* Why that has not been done, or null. */

    /* The device for which it was tried last. */
    unsigned int ifindex;       /* Or 0. */
    uint32_t changed;           /* Features that we have switched. */
    uint32_t before;            /* Those that were asked for before. */
};

static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;
static struct ovs_list changed_ports OVS_GUARDED_BY(mutex)
    = OVS_LIST_INITIALIZER(&changed_ports);
static bool ended OVS_GUARDED_BY(mutex);

/* The features' numbers in this kernel, UINT32_MAX if it has no such feature,
 * and how many it has; 0 if that is not known yet. */
static uint32_t feature_bits[N_FEATURES] OVS_GUARDED_BY(mutex);
static uint32_t n_bits OVS_GUARDED_BY(mutex);

/* Returns the state of a new port. */
struct netdev_linux_gro *
netdev_linux_gro_new(void)
{
    return xzalloc(sizeof(struct netdev_linux_gro));
}

/* Has the kernel execute ethtool command 'cmd', a struct that begins with its
 * number, on the device 'name'.  Returns 0 or a positive errno value. */
static int
ethtool(const char *name, void *cmd)
{
    struct ifreq ifr;

    memset(&ifr, 0, sizeof ifr);
    ovs_strzcpy(ifr.ifr_name, name, sizeof ifr.ifr_name);
    ifr.ifr_data = cmd;
    return af_inet_ioctl(SIOCETHTOOL, &ifr);
}

/* Finds the numbers of the features, which are the same for all devices, by
 * asking the device 'name'.  Returns 0 or a positive errno value. */
static int
find_bits(const char *name)
    OVS_REQUIRES(mutex)
{
    union {
        struct ethtool_sset_info info;
        uint32_t words[DIV_ROUND_UP(sizeof(struct ethtool_sset_info), 4) + 1];
    } sset = {
        .info.cmd = ETHTOOL_GSSET_INFO,
        .info.sset_mask = 1ULL << ETH_SS_FEATURES,
    };
    struct ethtool_gstrings *strings;
    uint32_t n;
    int error;

    if (n_bits) {
        return 0;
    }
    error = ethtool(name, &sset);
    n = error || !sset.info.sset_mask ? 0 : sset.info.data[0];
    if (!n) {
        return error ? error : EOPNOTSUPP;
    }
    strings = xzalloc(sizeof *strings + n * ETH_GSTRING_LEN);
    strings->cmd = ETHTOOL_GSTRINGS;
    strings->string_set = ETH_SS_FEATURES;
    strings->len = n;
    error = ethtool(name, strings);
    if (!error) {
        for (size_t f = 0; f < N_FEATURES; f++) {
            feature_bits[f] = UINT32_MAX;
            for (uint32_t i = 0; i < MIN(n, strings->len); i++) {
                if (!strncmp((char *) strings->data + i * ETH_GSTRING_LEN,
                             feature_names[f], ETH_GSTRING_LEN)) {
                    feature_bits[f] = i;
                }
            }
        }
        n_bits = n;
    }
    free(strings);
    return error;
}

/* Stores the features of the device 'name' in '*f'.  Returns 0 or a positive
 * errno value. */
static int
read_features(const char *name, struct features *f)
    OVS_REQUIRES(mutex)
{
    struct ethtool_gfeatures *all;
    int error = find_bits(name);

    memset(f, 0, sizeof *f);
    if (error) {
        return error;
    }
    all = xzalloc(sizeof *all
                  + DIV_ROUND_UP(n_bits, 32) * sizeof all->features[0]);
    all->cmd = ETHTOOL_GFEATURES;
    all->size = DIV_ROUND_UP(n_bits, 32);
    error = ethtool(name, all);
    for (size_t i = 0; !error && i < N_FEATURES; i++) {
        if (feature_bits[i] != UINT32_MAX) {
            const struct ethtool_get_features_block *block
                = &all->features[feature_bits[i] / 32];
            uint32_t bit = 1u << feature_bits[i] % 32;

            f->has |= 1u << i;
            f->can |= block->available & ~block->never_changed & bit
                      ? 1u << i : 0;
            f->asked |= block->requested & bit ? 1u << i : 0;
            f->on |= block->active & bit ? 1u << i : 0;
        }
    }
    free(all);
    return error;
}

/* Asks for those of the features 'which', all of which the kernel knows, that
 * are in 'on' on the device 'name', and for the others of 'which' no more.
 * Returns 0 or a positive errno value. */
static int
set_features(const char *name, uint32_t which, uint32_t on)
    OVS_REQUIRES(mutex)
{
    struct ethtool_sfeatures *set;
    int error;

    set = xzalloc(sizeof *set
                  + DIV_ROUND_UP(n_bits, 32) * sizeof set->features[0]);
    set->cmd = ETHTOOL_SFEATURES;
    set->size = DIV_ROUND_UP(n_bits, 32);
    for (size_t i = 0; i < N_FEATURES; i++) {
        if (which & 1u << i) {
            struct ethtool_set_features_block *block
                = &set->features[feature_bits[i] / 32];
            uint32_t bit = 1u << feature_bits[i] % 32;

            block->valid |= bit;
            block->requested |= on & 1u << i ? bit : 0;
        }
    }
    error = ethtool(name, set);
    free(set);
    return error;
}

/* Appends the names of 'features' to 'ds'. */
static void
format_features(uint32_t features, struct ds *ds)
{
    const char *comma = "";

    for (size_t i = 0; i < N_FEATURES; i++) {
        if (features & 1u << i) {
            ds_put_format(ds, "%s%s", comma, feature_names[i]);
            comma = ", ";
        }
    }
}

/* Logs that 'features' of the device 'name' are 'what' now, or if 'error', a
 * positive errno value, is not 0, that they are not. */
static void
log_features(const char *name, uint32_t features, const char *what, int error)
{
    struct ds ds = DS_EMPTY_INITIALIZER;

    format_features(features, &ds);
    if (error) {
        VLOG_WARN("%s: %s cannot be %s: %s", name, ds_cstr(&ds), what,
                  ovs_strerror(error));
    } else {
        VLOG_INFO("%s: %s %s", name, ds_cstr(&ds), what);
    }
    ds_destroy(&ds);
}

/* Puts back what 'gro' has switched on its device, if that still exists, by
 * whatever name.  If somebody else has switched it since, that is what it was
 * before. */
static void
put_back(struct netdev_linux_gro *gro)
    OVS_REQUIRES(mutex)
{
    char name[IF_NAMESIZE];

    if (gro->changed) {
        if (if_indextoname(gro->ifindex, name)) {
            log_features(name, gro->changed, "put back",
                         set_features(name, gro->changed, gro->before));
        }
        ovs_list_remove(&gro->node);
        gro->changed = 0;
    }
    gro->ifindex = 0;
}

/* Puts back all devices: a hook for the end of the daemon, called by any
 * thread. */
static void
put_back_all(void *aux OVS_UNUSED)
{
    struct netdev_linux_gro *gro;

    ovs_mutex_lock(&mutex);
    ended = true;
    LIST_FOR_EACH_SAFE (gro, node, &changed_ports) {
        put_back(gro);
    }
    ovs_mutex_unlock(&mutex);
}

/* Stores 'why', whose owner 'gro' becomes, the reason why 'netdev' is not as
 * wanted, or null, and logs it if it is another one. */
static void
set_why(const struct netdev *netdev, struct netdev_linux_gro *gro, char *why)
    OVS_REQUIRES(mutex)
{
    if (why && !nullable_string_is_equal(why, gro->why)) {
        VLOG_WARN("%s: other_config:tnl-kernel-gro=%s has no effect: %s",
                  netdev_get_name(netdev), gro->value, why);
    }
    free(gro->why);
    gro->why = why;
}

/* Returns the reason why nothing is switched on 'netdev', whatever its device
 * is, or null. */
static const char *
never(const struct netdev *netdev)
{
    const struct netdev_class *class = netdev_get_class(netdev);

    return (!is_netdev_linux_class(class) ? "this is no Linux device"
            : class == &netdev_tap_class
            ? "what this host sends here has not been cut"
            : !netdev->tnl_gso->kernel
            ? "AF_XDP gets packets before the kernel could merge them"
            : !userspace_tso_enabled() ? "userspace TSO is disabled"
            : NULL);
}

/* Switches 'features' of the device 'name', about which ethtool tells '*f', on
 * if they are in 'on', and off if not, and remembers that in 'gro'.  Returns
 * null, or the reason why not, which the caller must free. */
static char *
switch_features(const char *name, const struct features *f, uint32_t features,
                uint32_t on, struct netdev_linux_gro *gro)
    OVS_REQUIRES(mutex)
{
    static struct ovsthread_once once = OVSTHREAD_ONCE_INITIALIZER;
    struct features now;
    int error;

    if (ovsthread_once_start(&once)) {
        fatal_signal_add_hook(put_back_all, NULL, NULL, true);
        ovsthread_once_done(&once);
    }
    error = set_features(name, features, on);
    if (error) {
        return xasprintf("ethtool: %s", ovs_strerror(error));
    }
    error = read_features(name, &now);
    if (error) {
        return xasprintf("ethtool: %s", ovs_strerror(error));
    }
    gro->before = f->asked;
    gro->changed = (f->asked ^ now.asked) & features;
    if (gro->changed) {
        ovs_list_push_back(&changed_ports, &gro->node);
    }
    if ((now.on ^ on) & features) {
        unsigned int ifindex = gro->ifindex;

        put_back(gro);
        gro->ifindex = ifindex;
        return xstrdup("the kernel does not switch it");
    }
    log_features(name, gro->changed,
                 on ? "on, as other_config:tnl-kernel-gro says"
                 : "off, as other_config:tnl-kernel-gro says", 0);
    return NULL;
}

/* Does what 'gro' wants on the device that has the name of 'netdev' now,
 * unless it has been done. */
static void
apply(const struct netdev *netdev, struct netdev_linux_gro *gro)
    OVS_REQUIRES(mutex)
{
    const char *name = netdev_get_name(netdev);
    uint32_t on = gro->want == SWITCH_ON ? F_MERGE : 0;
    uint32_t which = gro->want == SWITCH_ON ? F_MERGE : F_FORWARD;
    const char *reason = never(netdev);
    unsigned int ifindex;
    struct features f;
    char *why = NULL;
    int error;

    if (gro->want == LEAVE || ended) {
        return;
    } else if (reason) {
        set_why(netdev, gro, xstrdup(reason));
        return;
    }
    ifindex = if_nametoindex(name);
    if (!ifindex || ifindex == gro->ifindex) {
        return;                 /* If there is none, one may come. */
    }
    put_back(gro);
    gro->ifindex = ifindex;

    error = read_features(name, &f);
    which &= f.on ^ on;
    if (error) {
        why = xasprintf("ethtool: %s", ovs_strerror(error));
    } else if (on & ~f.has) {
        why = xstrdup(no_feature);
    } else if (which & ~f.can) {
        why = xstrdup(fixed);
    } else if (which) {
        why = switch_features(name, &f, which, on, gro);
    }
    set_why(netdev, gro, why);
}

/* Applies key tnl-kernel-gro of an Interface's other_config 'config' to
 * 'netdev'.  Without it, the device is left, or put back, as it was. */
void
netdev_linux_gro_set_config(struct netdev *netdev, const struct smap *config)
{
    struct netdev_linux_gro *gro = netdev->tnl_gso->kernel_gro;
    const char *value = smap_get(config, "tnl-kernel-gro");

    ovs_mutex_lock(&mutex);
    if (!nullable_string_is_equal(value, gro->value)) {
        put_back(gro);
        set_why(netdev, gro, NULL);
        free(gro->value);
        gro->value = nullable_xstrdup(value);
        gro->want = (!value ? LEAVE
                     : !strcasecmp(value, "true") ? SWITCH_ON
                     : !strcasecmp(value, "false") ? SWITCH_OFF
                     : LEAVE);
        if (value && gro->want == LEAVE) {
            set_why(netdev, gro, xstrdup("neither true nor false"));
        }
        apply(netdev, gro);
    }
    ovs_mutex_unlock(&mutex);
}

/* Looks whether another device has the name of 'netdev' now. */
void
netdev_linux_gro_follow(const struct netdev *netdev)
{
    struct netdev_linux_gro *gro = netdev->tnl_gso->kernel_gro;

    ovs_mutex_lock(&mutex);
    apply(netdev, gro);
    ovs_mutex_unlock(&mutex);
}

/* Frees 'gro', and puts back its device. */
void
netdev_linux_gro_free(struct netdev_linux_gro *gro)
{
    ovs_mutex_lock(&mutex);
    put_back(gro);
    ovs_mutex_unlock(&mutex);
    free(gro->value);
    free(gro->why);
    free(gro);
}

/* Appends to 'ds' what 'f' says of the device of 'gro', and whose doing that
 * is. */
static void
format_state(const struct netdev_linux_gro *gro, const struct features *f,
             struct ds *ds)
{
    bool merges = (f->on & F_GRO) && (f->on & (F_FORWARD | F_LIST));
    bool want = gro->want == SWITCH_ON;

    ds_put_cstr(ds, !merges ? "off"
                : f->on & F_LIST ? "on, as lists (rx-gro-list)" : "on");
    if (gro->why) {
        ds_put_format(ds, "; other_config:tnl-kernel-gro=%s has no effect: %s",
                      gro->value, gro->why);
    } else if (gro->want != LEAVE) {
        ds_put_cstr(ds, merges == want && gro->changed
                    ? ", by other_config:tnl-kernel-gro"
                    : merges == want
                    ? ", and was before other_config:tnl-kernel-gro was set"
                    : !want && f->on & F_LIST && !(f->on & F_FORWARD)
                    ? ", which other_config:tnl-kernel-gro leaves alone"
                    : ", switched by somebody else since "
                      "other_config:tnl-kernel-gro was set");
    } else if (merges) {
        ds_put_cstr(ds, ", the device's own setting");
    } else if (!(f->has & F_FORWARD)) {
        ds_put_format(ds, "; %s", no_feature);
    } else if (F_MERGE & ~f->on & ~f->can) {
        ds_put_format(ds, "; %s", fixed);
    } else {
        ds_put_cstr(ds, "; other_config:tnl-kernel-gro=true would have the "
                    "kernel merge VXLAN and Geneve packets with outer "
                    "checksums, for twice the throughput over a wire (see "
                    "\"Tunnel TSO\")");
    }
}

/* Appends to 'ds' the devices below the device 'name', where packets come in
 * and are merged before they are packets of 'name', if there are any. */
static void
format_lower(const char *name, struct ds *ds)
{
    char *path = xasprintf("/sys/class/net/%s", name);
    static const char prefix[] = "lower_";
    const char *comma = "; what comes in through ";
    DIR *dir = opendir(path);
    struct dirent *entry;

    while (dir && (entry = readdir(dir)) != NULL) {
        if (!strncmp(entry->d_name, prefix, sizeof prefix - 1)) {
            ds_put_format(ds, "%s%s", comma,
                          entry->d_name + sizeof prefix - 1);
            comma = ", ";
        }
    }
    if (dir) {
        ds_put_cstr(ds, *comma == ',' ? " is merged there, or not" : "");
        closedir(dir);
    }
    free(path);
}

/* See netdev-linux-gro.h. */
void
netdev_linux_gro_list(const struct netdev *netdev,
                      void (*cb)(const char *name, const char *text,
                                 void *aux),
                      void *aux)
{
    const struct netdev_linux_gro *gro = netdev->tnl_gso->kernel_gro;
    const char *name = netdev_get_name(netdev);
    struct ds ds = DS_EMPTY_INITIALIZER;
    struct features f;

    ovs_mutex_lock(&mutex);
    if (never(netdev)) {
        if (gro->why) {
            ds_put_format(&ds, "other_config:tnl-kernel-gro=%s has no effect: "
                          "%s", gro->value, gro->why);
        }
    } else if (read_features(name, &f)) {
        ds_put_cstr(&ds, "unknown, ethtool does not tell");
    } else {
        format_state(gro, &f, &ds);
        format_lower(name, &ds);
    }
    ovs_mutex_unlock(&mutex);
    if (ds.length) {
        cb("kernel-gro", ds_cstr(&ds), aux);
    }
    ds_destroy(&ds);
}
