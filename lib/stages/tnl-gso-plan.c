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

#include "stages/tnl-gso-plan.h"

#include <netinet/in.h>
#include <string.h>

#include "encap/encap.h"
#include "netdev-provider.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "util.h"

/* The rows of the table are those of the class of the encapsulation
 * (encap/encap.h): the capabilities with which a port cuts.  They are per
 * tunnel type: a port that cuts VXLAN gets no Geneve.  NETDEV_TX_OFFLOAD_*
 * flags of outer headers are needed because the header of every segment
 * differs from the superpacket's:
 *
 *    - an outer IPv4 header has its own total length, ID and checksum;
 *
 *    - an outer UDP checksum covers its own length and payload, except that it
 *      is the same for segments of equal size, since the inner checksums
 *      cancel everything that differs: "hw-partial".
 *
 * No NIC fills in a GRE checksum, hence no row for it.
 *
 * Where the device does not cut, the kernel does, before it queues the packet
 * for the device; it does that at less cost than we make a train.  But where
 * the device cuts plain UDP, a train is cut by nobody else.
 *
 * A train has an outer UDP checksum whether it is wanted or not.  Its tunnel
 * needs no capability: the port sees plain UDP.
 *
 * A remote checksum must not be completed.  No port leaves an inner checksum
 * alone while it cuts, but in a train the inner packet is payload.  For the
 * same reason trains are what is left of this table for two tunnels: no port
 * changes three IP headers. */

/* Is 'row', of the class of 'd->encap', for superpackets like the one that 'd'
 * describes? */
bool
tnl_gso_plan_row_is_for(const struct tnl_gso_plan_row *row,
                        const struct tnl_gso_desc *d)
{
    return (((!d->rco && d->mid_l4 == TNL_GSO_OUTER_NONE)
             || row->method == TNL_GSO_UDP_GSO)
            && (!tnl_gso_has_outer(d->encap)
                || (row->outer_csum == d->outer_csum
                    && row->outer_ipv4 == (d->outer.version == 4))));
}

/* Returns the capabilities, NETDEV_TX_* and TNL_GSO_TX_*, that a port must
 * have to cut 'd' as 'row' says. */
uint64_t
tnl_gso_plan_row_need(const struct tnl_gso_plan_row *row,
                      const struct tnl_gso_desc *d)
{
    if (d->inner.proto != IPPROTO_UDP || row->method == TNL_GSO_UDP_GSO
        || row->method == TNL_GSO_KERNEL) {
        return row->need;
    }
    return ((row->need & ~NETDEV_TX_OFFLOAD_TCP_TSO)
            | (tnl_gso_has_outer(d->encap) ? TNL_GSO_TX_TNL_UDP_GSO
               : TNL_GSO_TX_UDP_GSO));
}

/* Returns the number of segments of 'd' in each of as few trains as 'limits'
 * allow, all of them of one length but the last. */
static uint32_t
choose_segs_per_train(const struct tnl_gso_desc *d,
                      const struct tnl_gso_limits *limits)
{
    uint32_t head_len = tnl_gso_train_head_len(d);
    uint32_t max_len = (limits->max_len
                        ? MIN(limits->max_len, TNL_GSO_MAX_TRAIN_LEN)
                        : TNL_GSO_MAX_TRAIN_LEN);
    uint32_t room = max_len - MIN(max_len, head_len);
    uint32_t max = MIN(room / tnl_gso_train_unit_len(d),
                       limits->max_segs
                       ? MIN(limits->max_segs, TNL_GSO_MAX_UDP_GSO_SEGS)
                       : TNL_GSO_MAX_UDP_GSO_SEGS);

    return max ? DIV_ROUND_UP(d->n_segs, DIV_ROUND_UP(d->n_segs, max)) : 1;
}

/* Can a port with 'limits' that cuts as 'row' says make as many segments as
 * 'd' has?  A train must have more than one. */
static bool
row_takes_segs(const struct tnl_gso_plan_row *row,
               const struct tnl_gso_desc *d,
               const struct tnl_gso_limits *limits)
{
    return (row->method == TNL_GSO_UDP_GSO
            ? choose_segs_per_train(d, limits) > 1
            : (d->inner.proto != IPPROTO_UDP
               || d->n_segs <= TNL_GSO_MAX_UDP_GSO_SEGS));
}

/* Can l2_len or outer_l2_len (at most 127) of an mbuf express the offset of
 * the inner IP header, in a way in which the device finds it?  Without
 * 'max_l2_len', there is no such limit. */
static bool
within_reach(const struct tnl_gso_desc *d, const struct tnl_gso_limits *limits)
{
    bool known = limits->tunnels & (1u << d->encap);
    bool found = (!d->stacked && d->mid_l4 == TNL_GSO_OUTER_NONE
                  && (known || !tnl_gso_has_outer(d->encap)));

    return (!limits->max_l2_len
            || ((found || limits->sums_by_len)
                && (d->inner.ofs - (known ? d->outer.l4_ofs : 0)
                    <= limits->max_l2_len)));
}

/* Returns the payload bytes of the longest superpacket that a port with
 * 'limits' takes: a multiple of the mss, or all of 'd'. */
static uint32_t
max_unit(const struct tnl_gso_desc *d, const struct tnl_gso_limits *limits)
{
    uint32_t unit = d->payload_len;

    if (limits->max_segs) {
        unit = MIN(unit, limits->max_segs * d->mss);
    }
    if (limits->max_len) {
        unit = MIN(unit, limits->max_len - MIN(limits->max_len, d->hdr_len));
    }
    return unit == d->payload_len ? unit : unit - unit % d->mss;
}

/* Returns the name of the first one of a port's 'limits' that keeps it from
 * cutting 'd' as 'row' says, or null. */
const char *
tnl_gso_plan_row_limit(const struct tnl_gso_plan_row *row,
                       const struct tnl_gso_desc *d,
                       const struct tnl_gso_limits *limits)
{
    bool train = row->method == TNL_GSO_UDP_GSO;
    bool tcp = !train && d->inner.proto == IPPROTO_TCP;
    uint32_t mss = train ? tnl_gso_train_unit_len(d) : d->mss;
    uint32_t hdr_len = train ? tnl_gso_train_head_len(d) : d->hdr_len;

    return (tcp && limits->no_tso ? "no_tso"
            : tcp && limits->no_tso6 && d->inner.version == 6 ? "no_tso6"
            : mss < limits->min_mss ? "min_mss"
            : limits->max_mss && mss > limits->max_mss ? "max_mss"
            : limits->max_hdr_len && hdr_len > limits->max_hdr_len
            ? "max_hdr_len"
            : !train && max_unit(d, limits) < MIN(2 * mss, d->payload_len)
            ? "max_len"
            : !train && !within_reach(d, limits) ? "max_l2_len"
            : NULL);
}

/* Does a port with 'caps' cut 'd' as 'row', one of the class of 'd->encap',
 * says? */
static bool
row_fits(const struct tnl_gso_plan_row *row, const struct tnl_gso_desc *d,
         const struct tnl_gso_caps *caps)
{
    uint64_t need = tnl_gso_plan_row_need(row, d);

    return (caps->methods & (1u << row->method)
            && (caps->ol_flags & need) == need
            && tnl_gso_plan_row_is_for(row, d)
            && row_takes_segs(row, d, &caps->limits)
            && !tnl_gso_plan_row_limit(row, d, &caps->limits));
}

/* Returns the cheapest method by which a port with 'caps' sends 'd'. */
static enum tnl_gso_method
choose(const struct tnl_gso_desc *d, const struct tnl_gso_caps *caps)
{
    const struct tnl_gso_encap_class *class = tnl_gso_encap_class(d->encap);

    if (d->n_segs == 1) {
        /* In two tunnels, only finish knows all headers. */
        return (d->mid_l4 == TNL_GSO_OUTER_NONE ? TNL_GSO_PASS
                : TNL_GSO_SOFTWARE);
    }

    /* Extension headers and label stacks are beyond what NICs parse, and
     * beyond what drivers compute a pseudo-header for. */
    if (!d->stacked && !d->inner.ext && !d->outer.ext && !d->mid.ext
        && d->hdr_len <= TNL_GSO_MAX_TEMPLATE) {
        for (size_t i = 0; i < class->n_rows; i++) {
            if (row_fits(&class->rows[i], d, caps)) {
                return class->rows[i].method;
            }
        }
    }
    return TNL_GSO_SOFTWARE;
}

/* Returns the capability with which a port completes the checksums of segments
 * of 'd': the inner ones, or if those are remote, the outer ones, since such
 * segments are plain UDP to it. */
static uint64_t
csum_flag(const struct tnl_gso_desc *d)
{
    return (d->rco || d->inner.proto == IPPROTO_UDP
            ? NETDEV_TX_OFFLOAD_UDP_CKSUM : NETDEV_TX_OFFLOAD_TCP_CKSUM);
}

/* Does the port get a superpacket by 'method', so that its limits of length
 * count? */
static bool
port_cuts(enum tnl_gso_method method)
{
    return (method == TNL_GSO_HW || method == TNL_GSO_HW_PARTIAL
            || method == TNL_GSO_TCP_TSO || method == TNL_GSO_KERNEL);
}

/* Makes '*plan' a drop for 'reason'. */
static void
plan_drop(struct tnl_gso_plan *plan, enum tnl_gso_reason reason)
{
    *plan = (struct tnl_gso_plan) { .method = TNL_GSO_DROP, .reason = reason };
}

/* Plans how a port with 'caps' sends the superpacket that 'd' describes, and
 * stores that in '*plan'. */
void
tnl_gso_plan(const struct tnl_gso_desc *d, const struct tnl_gso_caps *caps,
             struct tnl_gso_plan *plan)
{
    *plan = (struct tnl_gso_plan) {
        .method = choose(d, caps),
        .unit = d->payload_len,
        .n_packets = 1,
    };

    if (plan->method != TNL_GSO_PASS && caps->max_frame_len
        && d->hdr_len + d->mss > caps->max_frame_len) {
        plan_drop(plan, TNL_GSO_R_MTU);
    } else if (plan->method == TNL_GSO_KERNEL
               && d->n_segs > TNL_GSO_MAX_SEGS) {
        /* The kernel would cut them all, for one packet of a guest. */
        plan_drop(plan, TNL_GSO_R_TOO_MANY);
    } else if (port_cuts(plan->method)
               && max_unit(d, &caps->limits) < plan->unit) {
        plan->parts = plan->method;
        plan->method = TNL_GSO_SPLIT;
        plan->unit = max_unit(d, &caps->limits);
        plan->n_packets = DIV_ROUND_UP(d->payload_len, plan->unit);
    } else if (plan->method == TNL_GSO_HW_PARTIAL) {
        plan->unit -= d->payload_len % d->mss;
        plan->n_packets += plan->unit != d->payload_len;
    } else if (plan->method == TNL_GSO_UDP_GSO
               || plan->method == TNL_GSO_SOFTWARE) {
        bool train = plan->method == TNL_GSO_UDP_GSO;

        if (!train && !(caps->methods & (1u << TNL_GSO_SOFTWARE))) {
            plan_drop(plan, TNL_GSO_R_NO_METHOD);
        } else if (d->n_segs > TNL_GSO_MAX_SEGS) {
            plan_drop(plan, TNL_GSO_R_TOO_MANY);
        } else {
            plan->unit = d->mss;
            plan->n_packets = d->n_segs;
            plan->segs_per_train = (train ? choose_segs_per_train(
                                                d, &caps->limits) : 0);
            plan->csum = (!(caps->ol_flags & csum_flag(d))
                          || (!d->rco && !within_reach(d, &caps->limits)));
            if (d->rco) {
                plan->csum = plan->csum && d->outer_csum && !train;
            } else if (train) {
                plan->csum = true;
            }
        }
    }
}

/* Plans for a packet with segment size 'mss' that describe has refused for
 * 'reason'.  If it has no more than 'mss' bytes behind the Ethernet header,
 * 'l3_len', it needs no cutting and is sent like any other packet; otherwise
 * it is dropped. */
void
tnl_gso_plan_refused(enum tnl_gso_reason reason, uint32_t l3_len, uint16_t mss,
                     struct tnl_gso_plan *plan)
{
    if (l3_len <= mss) {
        *plan = (struct tnl_gso_plan) {
            .method = TNL_GSO_PASS,
            .n_packets = 1,
        };
    } else {
        plan_drop(plan, reason);
    }
}

/* Plans to cut the superpacket that 'd' describes into the fewest superpackets
 * of at most 'max_frame_len' bytes, headers included, so that all but the last
 * carry a multiple of the mss.  When they are sent, each gets another plan.
 * If 'n_packets' is 1, nothing has to be cut.
 *
 * The last one has more than one segment, too, as far as the mss leaves a
 * choice: an ordinary packet would be shorter than the segments of the others,
 * and could leave where those are dropped. */
void
tnl_gso_plan_split(const struct tnl_gso_desc *d, uint32_t max_frame_len,
                   struct tnl_gso_plan *plan)
{
    uint32_t room = max_frame_len > d->hdr_len ? max_frame_len - d->hdr_len
                                               : 0;
    uint32_t unit = MIN(room, d->payload_len);

    if (unit < d->payload_len) {
        uint32_t max = unit / d->mss;
        uint32_t n = max ? DIV_ROUND_UP(d->n_segs, max) : 0;

        if (d->n_segs % MAX(max, 1) == 1 && n < max) {
            max--;
        }
        unit = max * d->mss;
    }
    if (!unit && d->payload_len) {
        plan_drop(plan, TNL_GSO_R_TOO_BIG);
        return;
    }
    *plan = (struct tnl_gso_plan) {
        .method = TNL_GSO_SPLIT,
        .parts = TNL_GSO_SPLIT,
        .unit = unit,
        .n_packets = unit ? DIV_ROUND_UP(d->payload_len, unit) : 1,
    };
}

static const char *method_names[TNL_GSO_N_METHODS] = {
    [TNL_GSO_PASS] = "pass",
    [TNL_GSO_HW] = "hw",
    [TNL_GSO_HW_PARTIAL] = "hw-partial",
    [TNL_GSO_TCP_TSO] = "tcp-tso",
    [TNL_GSO_KERNEL] = "kernel",
    [TNL_GSO_UDP_GSO] = "udp-gso",
    [TNL_GSO_SOFTWARE] = "software",
    [TNL_GSO_DROP] = "drop",
    [TNL_GSO_SPLIT] = "split",
};

/* Returns the name of 'method' in configuration, statistics and commands, in
 * static memory. */
const char *
tnl_gso_method_to_string(enum tnl_gso_method method)
{
    return method_names[method];
}

/* Parses 's', names of methods separated by commas or blanks, into '*methods'.
 * Returns true if successful.  Otherwise, '*methods' is unchanged and
 * '*errorp' is an error message, which the caller must free. */
bool
tnl_gso_methods_from_string(const char *s, uint32_t *methods, char **errorp)
{
    char *copy = xstrdup(s);
    char *save_ptr = NULL;
    uint32_t result = 0;

    *errorp = NULL;
    for (char *name = strtok_r(copy, ", ", &save_ptr); name;
         name = strtok_r(NULL, ", ", &save_ptr)) {
        uint32_t bit = 0;

        for (size_t i = 0; i < TNL_GSO_N_METHODS; i++) {
            if (!strcmp(name, method_names[i])) {
                bit = (1u << i) & TNL_GSO_METHODS_ALL;
            }
        }
        if (!bit) {
            *errorp = xasprintf("'%s' is not one of hw, hw-partial, tcp-tso, "
                                "kernel, udp-gso, software", name);
            break;
        }
        result |= bit;
    }
    if (!*errorp && !result) {
        *errorp = xstrdup("no method is named");
    }
    if (!*errorp) {
        *methods = result;
    }
    free(copy);
    return !*errorp;
}

/* Appends the names of 'methods' to 'ds', separated by commas. */
void
tnl_gso_methods_format(uint32_t methods, struct ds *ds)
{
    const char *comma = "";

    for (size_t i = 0; i < TNL_GSO_N_METHODS; i++) {
        if (methods & (1u << i)) {
            ds_put_format(ds, "%s%s", comma, method_names[i]);
            comma = ",";
        }
    }
}
