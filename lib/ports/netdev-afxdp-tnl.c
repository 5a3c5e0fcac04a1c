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

#include "ports/netdev-afxdp-tnl.h"

#include "core/tnl-gso-port.h"
#include "core/tnl-gso-types.h"
#include "dp-packet.h"
#include "netdev-provider.h"
#include "openvswitch/vlog.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(netdev_afxdp_tnl);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);

/* Removes those packets from 'batch', which 'netdev' is to send, that are
 * longer than 'max' bytes, and counts them.  Upstream would write their ends
 * over the frames of others, or behind the last one.
 *
 * Returns false if none is left; 'batch' is then as after a call of
 * dp_packet_delete_batch(). */
bool
netdev_afxdp_fit(struct netdev *netdev, struct dp_packet_batch *batch,
                 size_t max)
{
    size_t i, size = dp_packet_batch_size(batch), longer = 0;
    struct dp_packet *packet;

    DP_PACKET_BATCH_FOR_EACH (j, packet, batch) {
        longer += dp_packet_size(packet) > max;
    }
    if (OVS_LIKELY(!longer)) {
        return true;
    }

    DP_PACKET_BATCH_REFILL_FOR_EACH (i, size, packet, batch) {
        if (dp_packet_size(packet) <= max) {
            dp_packet_batch_add(batch, packet);
            continue;
        }
        tnl_gso_count_drop(netdev->tnl_gso, TNL_GSO_R_MTU, packet);
        VLOG_WARN_RL(&rl, "%s: packet dropped: %"PRIu32" bytes, an AF_XDP "
                     "frame takes %"PRIuSIZE, netdev_get_name(netdev),
                     dp_packet_size(packet), max);
        dp_packet_delete(packet);
    }
    if (dp_packet_batch_is_empty(batch)) {
        dp_packet_delete_batch(batch, true);
        return false;
    }
    return true;
}
