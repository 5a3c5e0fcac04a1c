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

#include "stages/tnl-gso-execute.h"

#include "core/tnl-gso-packet.h"
#include "core/tnl-gso-port.h"
#include "core/tnl-gso-probes.h"
#include "dp-packet.h"
#include "encap/encap.h"
#include "netdev-provider.h"
#include "openvswitch/vlog.h"
#include "ovs-atomic.h"
#include "stages/tnl-gso-desc.h"
#include "stages/tnl-gso-plan.h"
#include "stages/tnl-gso-seg.h"
#include "util.h"

/* See tnl-gso-execute.h. */

VLOG_DEFINE_THIS_MODULE(tnl_gso);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);

/* Logs that 'netdev' drops superpacket 'p', which 'd' describes, and why:
 * 'plan->reason'. */
static void
tnl_gso_log_drop(const struct netdev *netdev, const struct dp_packet *p,
                 const struct tnl_gso_desc *d, const struct tnl_gso_plan *plan)
{
    const char *name = netdev_get_name(netdev);

    TNL_GSO_PROBE(drop, name, tnl_gso_reason_to_string(plan->reason),
                  dp_packet_size(p), tnl_gso_header(p, d->inner.ofs),
                  tnl_gso_header(p, d->inner.l4_ofs));
    if (plan->reason == TNL_GSO_R_MTU) {
        uint32_t mtu;

        atomic_read_relaxed(&netdev->tnl_gso->mtu, &mtu);
        VLOG_WARN_RL(&rl, "%s: superpacket dropped: mtu is %"PRIu32", "
                     "segments are of %d bytes (see ovs-appctl "
                     "tnl-gso/stats %s)", name, mtu,
                     d->hdr_len + d->mss - ETH_HEADER_LEN, name);
    } else {
        VLOG_WARN_RL(&rl, "%s: superpacket dropped: %s (see ovs-appctl "
                     "tnl-gso/stats %s)", name,
                     tnl_gso_reason_to_string(plan->reason), name);
    }
}

/* Describes superpacket 'p' in '*desc' and plans its way through a port with
 * 'caps' in '*plan'.  Returns TNL_GSO_OK, or the reason why it cannot be
 * described; there is a plan in either case. */
enum tnl_gso_reason
tnl_gso_describe_and_plan(const struct dp_packet *p,
                          const struct tnl_gso_caps *caps,
                          struct tnl_gso_desc *desc,
                          struct tnl_gso_plan *plan)
{
    enum tnl_gso_reason reason = tnl_gso_describe(p, desc);

    if (reason) {
        desc->n_segs = 1;
        tnl_gso_plan_refused(reason, dp_packet_size(p) - ETH_HEADER_LEN,
                             desc->mss, plan);
    } else {
        tnl_gso_plan(desc, caps, plan);
    }
    TNL_GSO_PROBE(describe, dp_packet_data(p), dp_packet_size(p), reason,
                  tnl_gso_encap_class(desc->encap)->name, desc->mss,
                  desc->n_segs);
    return reason;
}

/* Counts on 'netdev' that 'plan' is executed on superpacket 'p', which 'desc'
 * describes; logs a drop. */
void
tnl_gso_count_plan(const struct netdev *netdev, const struct dp_packet *p,
                   const struct tnl_gso_desc *desc,
                   const struct tnl_gso_plan *plan)
{
    TNL_GSO_PROBE(plan, netdev->name, tnl_gso_encap_class(desc->encap)->name,
                  tnl_gso_method_to_string(plan->method),
                  tnl_gso_header(p, desc->outer.ofs), dp_packet_size(p),
                  desc->n_segs);
    tnl_gso_count_tx(netdev->tnl_gso, desc, plan, dp_packet_size(p));
    if (OVS_UNLIKELY(desc->mid_l4 != TNL_GSO_OUTER_NONE)) {
        tnl_gso_count_event(netdev->tnl_gso, TNL_GSO_E_TX_NESTED);
    }
    if (plan->method == TNL_GSO_SOFTWARE) {
        dp_packet_gso_count_cut();
        tnl_gro_feedback_cut(p->gro_id);
    } else if (plan->method == TNL_GSO_DROP) {
        tnl_gso_log_drop(netdev, p, desc, plan);
    }
}

/* Executes 'plan' on superpacket 'p', which 'desc' describes, and appends the
 * resulting packets to 'out'; new ones come from 'alloc'.  Counts 'p' on
 * 'netdev' unless that is null.  The parts of a split are not counted: they
 * are superpackets that the caller plans again, except for the last one, which
 * may be an ordinary packet.  Takes ownership of 'p'. */
void
tnl_gso_execute(const struct netdev *netdev, struct dp_packet *p,
                const struct tnl_gso_desc *desc,
                const struct tnl_gso_plan *plan, tnl_gso_alloc_func *alloc,
                struct dp_packet_batch *out)
{
    if (netdev && plan->method != TNL_GSO_SPLIT) {
        tnl_gso_count_plan(netdev, p, desc, plan);
    }

    switch (plan->method) {
    case TNL_GSO_PASS:
        tnl_gso_clear_segsz(p);
        dp_packet_batch_add(out, p);
        break;

    case TNL_GSO_SOFTWARE:
    case TNL_GSO_HW:
    case TNL_GSO_HW_PARTIAL:
    case TNL_GSO_TCP_TSO:
    case TNL_GSO_KERNEL:
    case TNL_GSO_UDP_GSO:
    case TNL_GSO_SPLIT:
        tnl_gso_cut(p, desc, plan, alloc, netdev, out);
        break;

    case TNL_GSO_DROP:
        dp_packet_delete(p);
        break;

    case TNL_GSO_N_METHODS:
    default:
        OVS_NOT_REACHED();
    }
}
