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

#include "core/tnl-gso-buf.h"
#include "core/tnl-gso-packet.h"
#include "coverage.h"
#include "netlink.h"
#include "odp-netlink.h"
#include "odp-util.h"
#include "stages/tnl-gso-desc.h"
#include "stages/tnl-gso-execute.h"
#include "util.h"

/* Superpackets of which somebody is to get the bytes of segments.
 *
 * First, those on their way to userspace: to a controller, which may let them
 * go on (continuations), or into a sample (sFlow, IPFIX).
 *
 * Linux v6.18 ovs_dp_upcall() cuts them before: queue_gso_packets().  So
 * userspace gets each segment, with final checksums, and returns it as an
 * ordinary packet.  A superpacket in an OpenFlow message would lose its marks,
 * and return as a packet over the MTU.
 *
 * Called from dpif-netdev's action "userspace".  The slow path gets
 * superpackets whole, because it keeps the marks, and so do misses, whose
 * packet is not copied.
 *
 * Second, those of which only the first bytes go on: output with max_len, a
 * mirror with a snaplen.  A superpacket that has been merged would leave as
 * one short packet, where each of those that it was made of has to. */

COVERAGE_DEFINE(tnl_gso_trunc_cut);
COVERAGE_DEFINE(tnl_gso_upcall_cut);
COVERAGE_DEFINE(tnl_gso_upcall_drop);

/* Does the upcall of action 'userspace' hand over nothing but the bytes of the
 * packet? */
static bool
tells_bytes(const struct nlattr *userspace)
{
    const struct nlattr *userdata
        = nl_attr_find_nested(userspace, OVS_USERSPACE_ATTR_USERDATA);
    const struct user_action_cookie *cookie;

    if (!userdata || nl_attr_get_size(userdata) != sizeof *cookie) {
        return true;
    }
    cookie = nl_attr_get(userdata);
    return cookie->type != USER_ACTION_COOKIE_SLOW_PATH;
}

/* Must superpackets in 'batch' be cut before action 'userspace' is executed on
 * it? */
bool
tnl_gso_upcall_must_cut(const struct dp_packet_batch *batch,
                        const struct nlattr *userspace)
{
    return (OVS_UNLIKELY(tnl_gso_enabled()) && tnl_gso_batch_has_super(batch)
            && tells_bytes(userspace));
}

/* Appends the segments of superpacket 'p', with final checksums and the
 * metadata of 'p', to 'out', or drops and counts it if it cannot be cut.
 * Takes ownership of 'p'. */
static void
cut(struct dp_packet *p, struct dp_packet_batch *out)
{
    const struct tnl_gso_caps none = { .methods = TNL_GSO_METHODS_ALL };
    size_t first = dp_packet_batch_size(out);
    const struct pkt_metadata md = p->md;
    struct tnl_gso_desc desc;
    struct tnl_gso_plan plan;

    tnl_gso_describe_and_plan(p, &none, &desc, &plan);
    if (plan.method == TNL_GSO_DROP) {
        COVERAGE_INC(tnl_gso_upcall_drop);
    } else if (plan.method == TNL_GSO_SOFTWARE) {
        COVERAGE_INC(tnl_gso_upcall_cut);
    }
    tnl_gso_execute(NULL, p, &desc, &plan, tnl_gso_alloc_any, out);
    tnl_gso_packet_set_md(out, first, &md);
}

/* Makes '*out', a new batch that the caller must destroy, of the packets in
 * 'batch': superpackets cut, all others as they are.  If 'should_steal', takes
 * ownership of the packets in 'batch', otherwise leaves them alone.  The
 * packets in '*out' have been truncated to the cut length of the batch. */
void
tnl_gso_upcall_cut(struct dp_packet_batch *batch, bool should_steal,
                   struct dp_packet_batch *out)
{
    struct dp_packet_batch clones;
    struct dp_packet *packet;

    dp_packet_batch_init(out);
    if (!should_steal) {
        dp_packet_batch_clone(&clones, batch);
        dp_packet_batch_reset_cutlen(batch);
        batch = &clones;
    }
    dp_packet_batch_apply_cutlen(batch);
    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        if (tnl_gso_is_super(packet)) {
            cut(packet, out);
        } else {
            dp_packet_batch_add(out, packet);
        }
    }
    if (!should_steal) {
        dp_packet_batch_destroy(&clones);
    }
}

/* Appends the segments of superpacket 'p' to 'out', each to be truncated to as
 * many bytes as 'p' is; or 'p' itself, if it cannot be cut.  Takes ownership
 * of 'p'. */
static void
trunc_cut(struct dp_packet *p, struct dp_packet_batch *out)
{
    const struct tnl_gso_caps none = { .methods = TNL_GSO_METHODS_ALL };
    uint32_t max_len = dp_packet_get_send_len(p);
    size_t first = dp_packet_batch_size(out);
    const struct pkt_metadata md = p->md;
    struct tnl_gso_desc desc;
    struct tnl_gso_plan plan;

    tnl_gso_describe_and_plan(p, &none, &desc, &plan);
    if (plan.method != TNL_GSO_SOFTWARE) {
        dp_packet_batch_add(out, p);
        return;
    }
    COVERAGE_INC(tnl_gso_trunc_cut);
    tnl_gso_execute(NULL, p, &desc, &plan, tnl_gso_alloc_any, out);
    tnl_gso_packet_set_md(out, first, &md);
    for (size_t i = first; i < dp_packet_batch_size(out); i++) {
        dp_packet_set_cutlen(out->packets[i], max_len);
    }
}

/* Replaces superpackets in 'batch' that are about to be truncated by their
 * segments, which then are. */
void
tnl_gso_trunc(struct dp_packet_batch *batch)
{
    struct dp_packet_batch out;
    struct dp_packet *packet;

    if (OVS_LIKELY(!tnl_gso_batch_has_super(batch))) {
        return;
    }
    dp_packet_batch_init(&out);
    out.trunc = batch->trunc;
    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        if (tnl_gso_is_super(packet) && dp_packet_get_cutlen(packet)) {
            trunc_cut(packet, &out);
        } else {
            dp_packet_batch_add(&out, packet);
        }
    }
    dp_packet_batch_swap(batch, &out);
    dp_packet_batch_destroy(&out);
}
