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

#include "netdev-linux-tnl.h"

#include <errno.h>

#include "netdev-provider.h"
#include "openvswitch/vlog.h"
#include "util.h"

/* What netdev-linux does differently for the sake of superpackets.
 *
 * Called from the senders in netdev-linux.c. */

VLOG_DEFINE_THIS_MODULE(netdev_linux_tnl);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

/* Did the kernel refuse to send one packet on 'netdev' with 'error' for what
 * that packet is, so that the next one may do better?  If so, logs it: the
 * caller should count the packet as dropped and go on. */
bool
netdev_linux_tnl_skip(const struct netdev *netdev, int error)
{
    if (error != EMSGSIZE && error != EINVAL && error != ENOMEM) {
        return false;
    }
    VLOG_WARN_RL(&rl, "%s: packet dropped, the kernel refused it: %s",
                 netdev_get_name(netdev), ovs_strerror(error));
    return true;
}
