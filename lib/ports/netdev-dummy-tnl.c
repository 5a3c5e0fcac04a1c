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

#include "ports/netdev-dummy-tnl.h"

#include <string.h>

#include "core/tnl-gso-port.h"
#include "core/tnl-gso-types.h"
#include "dp-packet.h"
#include "encap/encap.h"
#include "netdev-provider.h"
#include "openvswitch/vlog.h"
#include "smap.h"
#include "stages/tnl-gso-flags.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(netdev_dummy_tnl);

/* Makes options:ol_tx in 'args', a list of offloads with names as in
 * `tnl-gso/show`, the offloads of 'netdev'.  Without it, upstream's own
 * options for dummy ports count, which know no tunnel TSO.  Superpackets come
 * out uncut; a port takes those that do not exceed its MTU. */
void
netdev_dummy_tnl_set_config(struct netdev *netdev, const struct smap *args)
{
    const char *list = smap_get(args, "ol_tx");
    char *copy, *name, *save_ptr = NULL;

    if (!list) {
        netdev->ol_flags &= ~tnl_gso_encap_tso_flags(false);
        return;
    }

    netdev->ol_flags = 0;
    copy = xstrdup(list);
    for (name = strtok_r(copy, ", ", &save_ptr); name;
         name = strtok_r(NULL, ", ", &save_ptr)) {
        uint64_t flag = tnl_gso_offload_from_string(name);

        if (flag && (flag < TNL_GSO_TX_UDP_GSO
                     || flag & tnl_gso_encap_tso_flags(false))) {
            netdev->ol_flags |= flag;
        } else {
            VLOG_WARN("%s: unknown offload '%s'", netdev_get_name(netdev),
                      name);
        }
    }
    free(copy);
}

/* Counts that 'netdev' has not sent the packets of 'batch' from 'first' on. */
void
netdev_dummy_tnl_refused(struct netdev *netdev,
                         const struct dp_packet_batch *batch,
                         const struct dp_packet *first)
{
    const struct dp_packet *p;
    bool refused = false;

    DP_PACKET_BATCH_FOR_EACH (i, p, batch) {
        refused |= p == first;
        if (refused) {
            tnl_gso_count_refused(netdev->tnl_gso, p);
        }
    }
}
