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

#include "tnl-gso.h"

#include "core/tnl-gso-port.h"
#include "encap/encap.h"
#include "netdev-provider.h"
#ifdef DPDK_NETDEV
#include "ports/netdev-dpdk-tnl.h"
#endif
#ifdef __linux__
#include "ports/netdev-linux-gro.h"
#include "ports/netdev-linux-io.h"
#include "ports/netdev-linux-probe.h"
#include "ports/netdev-linux-relay.h"
#include "ports/netdev-linux-tnl.h"
#include "ports/netdev-linux-vnet.h"
#endif
#include "rco/tnl-rco.h"
#include "userspace-tso.h"

/* The life of a port's state: its kind of port, and the state of its driver.
 *
 * Called by netdev_open() before the provider's construct(), and by
 * netdev_unref() after its destruct().  Must not query a device: drivers store
 * its capabilities later. */

#ifdef __linux__
/* 'set_config' of struct tnl_gso_port. */
static void
set_config(struct netdev *netdev, const struct smap *config)
{
    netdev_linux_gro_set_config(netdev, config);
    if (netdev_linux_tnl_asks_ethtool(netdev)) {
        netdev_linux_relay_set_config(netdev);
    }
}
#endif

/* Gives 'netdev', whose class is known, its state. */
void
tnl_gso_port_create(struct netdev *netdev)
{
    netdev->tnl_gso = tnl_gso_port_new(netdev);
    netdev->tnl_gso->encap
        = tnl_gso_encap_of_netdev_type(netdev_get_type(netdev));
#ifdef __linux__
    netdev->tnl_gso->kernel_gro = netdev_linux_gro_new();
    netdev->tnl_gso->set_config = set_config;
    if (netdev_linux_tnl_takes_frames(netdev->netdev_class)) {
        netdev->tnl_gso->send_frames = netdev_linux_tnl_send_frames;
        /* netdev_linux_tnl_probe_tap() sets that of a tap. */
        netdev->tnl_gso->vnet_size =
            (userspace_tso_enabled()
             && netdev->netdev_class != &netdev_tap_class ? VNET_LEN : 0);
        netdev->tnl_gso->welcomes_super = true;
        netdev->tnl_gso->kernel = netdev_linux_probe_new();
        netdev->tnl_gso->io = netdev_linux_io_new();
        netdev->tnl_gso->relay = netdev_linux_relay_new(
            netdev_linux_probe_refresh);
    }
#endif
#ifdef DPDK_NETDEV
    if (netdev_dpdk_tnl_sends_mbufs(netdev->netdev_class)) {
        netdev->tnl_gso->alloc = netdev_dpdk_tnl_alloc;
        netdev->tnl_gso->welcomes_super
            = netdev_dpdk_tnl_has_guest(netdev->netdev_class);
        netdev_dpdk_tnl_port_init(netdev->tnl_gso);
    }
#endif
}

/* Frees the state of 'netdev', which must not be linked.  No thread may be
 * sending on it any more. */
void
tnl_gso_port_destroy(struct netdev *netdev)
{
#ifdef __linux__
    netdev_linux_probe_free(netdev->tnl_gso->kernel);
    netdev_linux_relay_free(netdev->tnl_gso->relay);
    netdev_linux_io_free(netdev->tnl_gso->io);
    netdev_linux_gro_free(netdev->tnl_gso->kernel_gro);
#endif
#ifdef DPDK_NETDEV
    netdev_dpdk_tnl_port_destroy(netdev->tnl_gso);
#endif
    tnl_rco_forget(netdev);
    tnl_gso_port_free(netdev->tnl_gso);
    netdev->tnl_gso = NULL;
}
