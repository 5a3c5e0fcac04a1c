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
#undef NDEBUG

#include "test-tnl-gso.h"

#include <netinet/in.h>
#include <string.h>

#include "netdev-provider.h"
#include "openvswitch/dynamic-string.h"
#include "util.h"

/* What the plan has to be, as rules.  Must not look at the rows of the
 * classes, from which the code under test and the documentation are made. */

static bool
has(const struct tnl_gso_caps *caps, uint64_t flag)
{
    return (caps->ol_flags & flag) == flag;
}

static bool
allowed(const struct tnl_gso_caps *caps, enum tnl_gso_method method)
{
    return (caps->methods >> method) & 1;
}

/* Can the port cut such a packet, and everything but write the outer UDP
 * checksum of each segment? */
static bool
port_cuts(const struct tnl_gso_desc *d, const struct tnl_gso_caps *caps)
{
    if (d->stacked || d->inner.ext || d->outer.ext || d->rco) {
        return false;
    }
    if (!has(caps, (d->inner.proto == IPPROTO_TCP ? NETDEV_TX_OFFLOAD_TCP_TSO
                    : d->encap == TNL_GSO_PLAIN ? TNL_GSO_TX_UDP_GSO
                    : TNL_GSO_TX_TNL_UDP_GSO))) {
        return false;
    }
    if (d->inner.proto == IPPROTO_UDP && d->n_segs > 64) {
        return false;
    }
    if (d->encap == TNL_GSO_PLAIN) {
        return true;
    }
    if (d->outer.version == 4
        && !has(caps, NETDEV_TX_OFFLOAD_OUTER_IP_CKSUM)) {
        return false;
    }
    if (d->encap == TNL_GSO_VXLAN) {
        return has(caps, NETDEV_TX_VXLAN_TNL_TSO);
    }
    if (d->encap == TNL_GSO_GENEVE) {
        return has(caps, NETDEV_TX_GENEVE_TNL_TSO);
    }
    if (d->encap == TNL_GSO_IPIP) {
        return has(caps, TNL_GSO_TX_IPIP_TNL_TSO);
    }
    return (d->encap == TNL_GSO_GRE && has(caps, NETDEV_TX_GRE_TNL_TSO)
            && !d->outer_csum);
}

/* Can the port cut an STT frame, which is TCP to it, or have it cut? */
static bool
port_cuts_stt(const struct tnl_gso_desc *d, const struct tnl_gso_caps *caps)
{
    return (!d->stacked && !d->inner.ext
            && (has(caps, NETDEV_TX_OFFLOAD_TCP_TSO)
                || has(caps, TNL_GSO_TX_TCP_GSO)));
}

/* How many segments go into each train, but the last: as few trains as do, of
 * at most 64 segments and 65,280 bytes, outer headers included.  1 if no two
 * segments fit. */
static uint32_t
expect_train_len(const struct tnl_gso_desc *d)
{
    uint32_t outer_len = d->outer.l4_ofs + 8;
    uint32_t unit = d->hdr_len - outer_len + d->mss;

    for (uint32_t n_trains = 1; ; n_trains++) {
        uint32_t len = (d->n_segs + n_trains - 1) / n_trains;

        if (len == 1 || (len <= 64 && outer_len + len * unit <= 65280)) {
            return len;
        }
    }
}

/* Can the port take trains of such packets? */
static bool
port_takes_trains(const struct tnl_gso_desc *d,
                  const struct tnl_gso_caps *caps)
{
    return (!d->stacked && !d->inner.ext && !d->outer.ext
            && (d->encap == TNL_GSO_VXLAN || d->encap == TNL_GSO_GENEVE
                || d->encap == TNL_GSO_GTPU)
            && d->outer_csum && has(caps, TNL_GSO_TX_UDP_GSO)
            && expect_train_len(d) > 1);
}

/* Does the kernel cut such packets behind the port? */
static bool
kernel_cuts(const struct tnl_gso_desc *d, const struct tnl_gso_caps *caps)
{
    return (!d->stacked && !d->inner.ext && !d->outer.ext && !d->rco
            && (d->encap == TNL_GSO_VXLAN || d->encap == TNL_GSO_GENEVE)
            && (d->inner.proto == IPPROTO_TCP || d->n_segs <= 64)
            && has(caps, TNL_GSO_TX_TNL_GSO));
}

/* What has to be done with a packet on a port. */
void
plan_expect(const struct tnl_gso_desc *d, const struct tnl_gso_caps *caps,
            struct tnl_gso_plan *plan)
{
    bool udp_csum = d->outer_csum && (d->encap == TNL_GSO_VXLAN
                                      || d->encap == TNL_GSO_GENEVE);
    bool cuts = d->encap != TNL_GSO_STT && port_cuts(d, caps);
    bool train = (allowed(caps, TNL_GSO_UDP_GSO)
                  && port_takes_trains(d, caps));

    memset(plan, 0, sizeof *plan);
    if (d->payload_len <= d->mss) {
        plan->method = TNL_GSO_PASS;
        plan->n_packets = 1;
    } else if (caps->max_frame_len
               && d->hdr_len + d->mss > caps->max_frame_len) {
        plan->method = TNL_GSO_DROP;
        plan->reason = TNL_GSO_R_MTU;
    } else if (cuts && allowed(caps, TNL_GSO_HW)
               && (!udp_csum || has(caps,
                                    NETDEV_TX_OFFLOAD_OUTER_UDP_CKSUM))) {
        plan->method = TNL_GSO_HW;
        plan->unit = d->payload_len;
        plan->n_packets = 1;
    } else if (d->encap == TNL_GSO_STT && port_cuts_stt(d, caps)
               && allowed(caps, TNL_GSO_TCP_TSO)) {
        plan->method = TNL_GSO_TCP_TSO;
        plan->unit = d->payload_len;
        plan->n_packets = 1;
    } else if (cuts && udp_csum && allowed(caps, TNL_GSO_HW_PARTIAL)) {
        plan->method = TNL_GSO_HW_PARTIAL;
        plan->unit = d->payload_len / d->mss * d->mss;
        plan->n_packets = d->payload_len % d->mss ? 2 : 1;
    } else if (kernel_cuts(d, caps) && allowed(caps, TNL_GSO_KERNEL)
               && !(train && has(caps, TNL_GSO_TX_UDP_TSO))) {
        if (d->payload_len > TNL_GSO_MAX_SEGS * d->mss) {
            plan->method = TNL_GSO_DROP;
            plan->reason = TNL_GSO_R_TOO_MANY;
        } else {
            plan->method = TNL_GSO_KERNEL;
            plan->unit = d->payload_len;
            plan->n_packets = 1;
        }
    } else {
        if (!train && !allowed(caps, TNL_GSO_SOFTWARE)) {
            plan->method = TNL_GSO_DROP;
            plan->reason = TNL_GSO_R_NO_METHOD;
        } else if (d->payload_len > TNL_GSO_MAX_SEGS * d->mss) {
            plan->method = TNL_GSO_DROP;
            plan->reason = TNL_GSO_R_TOO_MANY;
        } else {
            plan->method = train ? TNL_GSO_UDP_GSO : TNL_GSO_SOFTWARE;
            plan->unit = d->mss;
            plan->n_packets = (d->payload_len + d->mss - 1) / d->mss;
            plan->segs_per_train = train ? expect_train_len(d) : 0;
            plan->csum = !has(caps, (d->inner.proto == IPPROTO_TCP
                                     ? NETDEV_TX_OFFLOAD_TCP_CKSUM
                                     : NETDEV_TX_OFFLOAD_UDP_CKSUM));
            if (d->rco) {
                /* What is left is plain UDP, with a checksum or without. */
                plan->csum = (d->outer_csum && !train
                              && !has(caps, NETDEV_TX_OFFLOAD_UDP_CKSUM));
            } else if (train) {
                plan->csum = true;
            }
        }
    }
}

bool
plan_equal(const struct tnl_gso_plan *a, const struct tnl_gso_plan *b)
{
    if (a->method != b->method) {
        return false;
    }
    if (a->method == TNL_GSO_DROP) {
        return a->reason == b->reason;
    }
    if (a->method == TNL_GSO_PASS) {
        return a->n_packets == b->n_packets;
    }
    return (a->unit == b->unit && a->n_packets == b->n_packets
            && a->segs_per_train == b->segs_per_train && a->csum == b->csum);
}

void
plan_format(const struct tnl_gso_plan *plan, struct ds *ds)
{
    ds_put_format(ds, "%s (%s) unit %"PRIu32" packets %"PRIu32" train "
                  "%"PRIu32"%s", tnl_gso_method_to_string(plan->method),
                  tnl_gso_reason_to_string(plan->reason), plan->unit,
                  plan->n_packets, plan->segs_per_train,
                  plan->csum ? " csum" : "");
}
