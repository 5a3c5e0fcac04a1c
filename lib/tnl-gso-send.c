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

#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>

#include "encap/encap.h"
#include "netdev-provider.h"
#include "openvswitch/vlog.h"
#include "ovs-atomic.h"
#include "tnl-gso-buf.h"
#include "tnl-gso-desc.h"
#include "tnl-gso-frames.h"
#include "tnl-gso-id.h"
#include "tnl-gso-plan.h"
#include "tnl-gso-seg.h"
#include "tnl-gso-stats.h"
#include "tnl-rco.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(tnl_gso);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);

atomic_bool tnl_gso_stt_in_use = false;

/* Packets that go down to a driver together.  Segments are sent while they
 * are in the cache: collecting those of a whole batch, up to 1,500 packets,
 * would push the first ones out again. */
enum { SEND_BATCH = 2 * NETDEV_MAX_BURST };

/* dp_packet keeps sizes in 16 bits.  A frame that has been given a tunnel
 * header leaves this much of them for what may still come in front or behind:
 * VLAN tag and MPLS labels, a vnet header, an mbuf's shared info. */
enum { FRAME_RESERVE = 128 };
enum { MAX_TUNNEL_FRAME_LEN = UINT16_MAX - FRAME_RESERVE };

/* Says that 'netdev' does not send what 'd' describes, and why. */
static void
tnl_gso_log_drop(const struct netdev *netdev, const struct tnl_gso_desc *d,
                 const struct tnl_gso_plan *plan)
{
    const char *name = netdev_get_name(netdev);

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

/* The MTU of 'netdev', Ethernet header not included. */
static uint32_t
port_mtu(const struct netdev *netdev)
{
    uint32_t known;
    int mtu;

    atomic_read_relaxed(&netdev->tnl_gso->mtu, &known);
    return (known ? known
            : netdev_get_mtu(netdev, &mtu) ? ETH_PAYLOAD_MAX
            : mtu);
}

/* Describes superpacket 'p' and plans its way through a port with 'caps'. */
void
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
}

/* Counts on 'netdev' that superpacket 'p' is treated as 'plan' says. */
static void
count(const struct netdev *netdev, const struct dp_packet *p,
      const struct tnl_gso_desc *desc, const struct tnl_gso_plan *plan)
{
    tnl_gso_count_tx(netdev->tnl_gso, desc, plan, dp_packet_size(p));
    if (plan->method == TNL_GSO_SOFTWARE) {
        dp_packet_gso_count_cut();
    } else if (plan->method == TNL_GSO_DROP) {
        tnl_gso_log_drop(netdev, desc, plan);
    }
}

/* Does with superpacket 'p' what 'plan' says, counts it on 'netdev', and
 * appends what comes out to 'out', new packets from 'alloc'.  Takes ownership
 * of 'p'. */
static void
execute(const struct netdev *netdev, struct dp_packet *p,
        const struct tnl_gso_desc *desc, const struct tnl_gso_plan *plan,
        tnl_gso_alloc_func *alloc, struct dp_packet_batch *out)
{
    count(netdev, p, desc, plan);

    switch (plan->method) {
    case TNL_GSO_PASS:
        tnl_gso_clear_segsz(p);
        dp_packet_batch_add(out, p);
        break;

    case TNL_GSO_SOFTWARE:
    case TNL_GSO_HW:
    case TNL_GSO_HW_PARTIAL:
    case TNL_GSO_TCP_TSO:
    case TNL_GSO_UDP_GSO:
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

/* A superpacket that frames point into. */
struct held {
    struct dp_packet *p;        /* Owned. */
    struct tnl_gso_desc desc;
    struct tnl_gso_plan plan;
};

/* More than fit into the frames of one system call, but for tiny ones. */
enum { MAX_HELD = 32 };

/* Where one call of tnl_gso_send() sends to.  What has not been sent is either
 * packets or frames. */
struct sender {
    struct netdev *netdev;
    int qid;
    bool concurrent_txq;
    uint64_t ol_flags;          /* What is not left to us: of a packet, */
    uint64_t super_flags;       /* of a superpacket. */
    struct dp_packet_batch out; /* Packets that have not been sent. */
    struct tnl_gso_frames *frames; /* Frames that have not been sent, of */
    struct held *held;          /* these superpackets, up to MAX_HELD. */
    size_t n_held;
    size_t rest;                /* The first one of them that is not, or not
                                 * all, in frames; */
    uint32_t next;              /* its first segment that is in none. */
    int error;                  /* The first one, or 0. */
};

static void
note_error(struct sender *s, int error)
{
    s->error = s->error ? s->error : error;
}

/* The kernel has refused a train.  Plans the superpackets of 's' from number
 * 'i' on without trains. */
static void
plan_without_trains(struct sender *s, size_t i)
{
    struct tnl_gso_caps caps = tnl_gso_port_caps(s->netdev->tnl_gso);

    caps.methods &= 1u << TNL_GSO_SOFTWARE;
    for (; i < s->n_held; i++) {
        tnl_gso_plan(&s->held[i].desc, &caps, &s->held[i].plan);
    }
}

/* Makes frames of the superpackets of 's' that are in none yet, until there is
 * no more room. */
static void
put_frames(struct sender *s)
{
    for (; s->rest < s->n_held; s->rest++, s->next = 0) {
        struct held *h = &s->held[s->rest];

        if (OVS_LIKELY(h->plan.method != TNL_GSO_DROP)) {
            s->next = tnl_gso_frames_cut(s->frames, s->rest, h->p, &h->desc,
                                         &h->plan, s->next);
            if (s->next < h->plan.n_packets) {
                break;
            }
        }
    }
}

/* Hands the superpackets that are frames to the driver, unless there are
 * none. */
static void
flush_frames(struct sender *s)
{
    struct tnl_gso_port *port = s->netdev->tnl_gso;

    if (!s->n_held) {
        return;
    }
    do {
        size_t first_left = s->frames->n;

        note_error(s, port->send_frames(s->netdev, s->frames, &first_left));
        if (OVS_UNLIKELY(first_left < s->frames->n)) {
            s->rest = s->frames->frame[first_left].super;
            s->next = s->frames->frame[first_left].segment;
            plan_without_trains(s, s->rest);
        }
        tnl_gso_frames_clear(s->frames);
        put_frames(s);
    } while (s->frames->n);

    for (size_t i = 0; i < s->n_held; i++) {
        struct held *h = &s->held[i];

        count(s->netdev, h->p, &h->desc, &h->plan);
        dp_packet_delete(h->p);
    }
    s->n_held = s->rest = s->next = 0;
}

/* Hands the packets to the driver, unless there are none. */
static void
flush_packets(struct sender *s)
{
    if (!dp_packet_batch_is_empty(&s->out)) {
        note_error(s, s->netdev->netdev_class->send(s->netdev, s->qid, &s->out,
                                                    s->concurrent_txq));
        dp_packet_batch_reset(&s->out);
    }
}

/* Do segments of 'plan' go to 'port' as frames, without packets? */
static bool
takes_frames(const struct tnl_gso_port *port, const struct tnl_gso_desc *desc,
             const struct tnl_gso_plan *plan)
{
    return (port->send_frames
            && (plan->method == TNL_GSO_UDP_GSO
                || (plan->method == TNL_GSO_SOFTWARE
                    && tnl_gso_frames_take(desc))));
}

/* Appends superpacket 'p' to what 's' sends, as frames that 'plan' says.
 * Takes ownership of 'p'. */
static void
add_frames(struct sender *s, struct dp_packet *p,
           const struct tnl_gso_desc *desc, const struct tnl_gso_plan *plan)
{
    flush_packets(s);
    if (!s->frames) {
        s->frames = tnl_gso_frames_get(s->netdev->tnl_gso->vnet_size);
    }
    if (s->rest < s->n_held || s->n_held == MAX_HELD
        || !tnl_gso_frames_fit(s->frames, desc)) {
        flush_frames(s);
    }
    s->held[s->n_held++] = (struct held) { p, *desc, *plan };
    put_frames(s);
}

/* Returns the packets that have not been sent, for more of them. */
static struct dp_packet_batch *
packets(struct sender *s)
{
    flush_frames(s);
    return &s->out;
}

/* Completes the checksums that are left to us of what 's' sends, from packet
 * number 'first' on. */
static void
prepare(struct sender *s, size_t first)
{
    for (size_t i = first; i < dp_packet_batch_size(&s->out); i++) {
        struct dp_packet *p = s->out.packets[i];

        if (tnl_gso_is_super(p)) {
            dp_packet_ol_send_prepare(p, s->super_flags);
        } else {
            tnl_gso_send_prepare(p, s->ol_flags);
        }
    }
}

/* Writes on the packets in 'out' from number 'first' on, which 'plan' has made
 * of what 'd' describes, how many segments each has, for the driver to count
 * those that it does not take. */
static void
set_planned(struct dp_packet_batch *out, size_t first,
            const struct tnl_gso_desc *d, const struct tnl_gso_plan *plan)
{
    size_t n = dp_packet_batch_size(out);
    uint32_t left = d->n_segs;
    uint32_t each;

    if (first == n) {
        return;
    }
    each = plan->train_len ? plan->train_len : MAX(plan->unit / d->mss, 1);
    for (size_t i = first; i < n; i++) {
        out->packets[i]->n_planned = i < n - 1 ? MIN(each, left) : left;
        left -= out->packets[i]->n_planned;
    }
}

/* Appends what becomes of superpacket 'p' on a port with 'caps' to what 's'
 * sends.  Takes ownership of 'p'. */
static void
send_super(struct sender *s, struct dp_packet *p,
           const struct tnl_gso_caps *caps)
{
    struct tnl_gso_port *port = s->netdev->tnl_gso;
    struct tnl_gso_desc desc;
    struct tnl_gso_plan plan;

    tnl_gso_describe_and_plan(p, caps, &desc, &plan);
    if (OVS_UNLIKELY(plan.again)) {
        enum tnl_gso_method method = plan.method;
        struct dp_packet_batch parts;

        /* They are whole superpackets, with nothing settled, but for the last
         * one if it has no more than one segment. */
        plan.method = TNL_GSO_HW;
        dp_packet_batch_init(&parts);
        tnl_gso_cut(p, &desc, &plan, port->alloc, s->netdev, &parts);
        DP_PACKET_BATCH_FOR_EACH (i, p, &parts) {
            if (OVS_LIKELY(tnl_gso_is_super(p))) {
                send_super(s, p, caps);
            } else {
                desc.n_segs = 1;
                plan.method = method;
                count(s->netdev, p, &desc, &plan);
                p->n_planned = 1;
                dp_packet_batch_add(packets(s), p);
                prepare(s, dp_packet_batch_size(&s->out) - 1);
            }
        }
        dp_packet_batch_destroy(&parts);
    } else if (takes_frames(port, &desc, &plan)) {
        add_frames(s, p, &desc, &plan);
    } else {
        size_t first = dp_packet_batch_size(&s->out);

        execute(s->netdev, p, &desc, &plan, port->alloc, packets(s));
        set_planned(&s->out, first, &desc, &plan);
        if (plan.method != TNL_GSO_SOFTWARE) {
            /* Segments need nothing but what the port does. */
            prepare(s, first);
        }
    }
}

/* Sends 'batch', in which there are superpackets, on 'netdev': what
 * netdev_send() does for others, with the same arguments and result.  Order
 * is kept; what is refused is counted, and everything else goes out. */
int
tnl_gso_send(struct netdev *netdev, int qid, struct dp_packet_batch *batch,
             bool concurrent_txq)
{
    const struct tnl_gso_caps caps = tnl_gso_port_caps(netdev->tnl_gso);
    struct held held[MAX_HELD];
    struct sender s = {
        .held = held,
        .netdev = netdev,
        .qid = qid,
        .concurrent_txq = concurrent_txq,
        .ol_flags = netdev->ol_flags,
        /* A port that cuts also sums. */
        .super_flags = (caps.ol_flags | NETDEV_TX_OFFLOAD_TCP_CKSUM
                        | NETDEV_TX_OFFLOAD_UDP_CKSUM),
    };
    struct dp_packet *packet;
    uint32_t mtu = 0;

    dp_packet_batch_init(&s.out);
    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        if (tnl_gso_is_super(packet)) {
            if (OVS_UNLIKELY(packet->offloads & TNL_GSO_LATE_MSS_MARKS)) {
                mtu = mtu ? mtu : port_mtu(netdev);
                tnl_gso_set_late_mss(packet, mtu);
            }
            send_super(&s, packet, &caps);
        } else {
            tnl_gso_send_prepare(packet, s.ol_flags);
            dp_packet_batch_add(packets(&s), packet);
        }
        if (dp_packet_batch_size(&s.out) >= SEND_BATCH) {
            flush_packets(&s);
        }
    }
    flush_frames(&s);
    flush_packets(&s);
    dp_packet_batch_destroy(&s.out);
    dp_packet_batch_reset(batch);
    return s.error;
}

/* Makes of superpacket 'p', which the driver of 'netdev' has refused to cut in
 * spite of what it says of itself, packets that need no offload, appended to
 * 'out'.  They are counted once more, as what they become.  Takes ownership of
 * 'p'. */
void
tnl_gso_cut_refused(const struct netdev *netdev, struct dp_packet *p,
                    struct dp_packet_batch *out)
{
    struct tnl_gso_caps caps = tnl_gso_port_caps(netdev->tnl_gso);
    size_t first = dp_packet_batch_size(out);
    struct tnl_gso_desc desc;
    struct tnl_gso_plan plan;

    caps.ol_flags = 0;
    tnl_gso_count_refused(netdev->tnl_gso, p);
    tnl_gso_describe_and_plan(p, &caps, &desc, &plan);
    execute(netdev, p, &desc, &plan, netdev->tnl_gso->alloc, out);
    set_planned(out, first, &desc, &plan);
    for (size_t i = first; i < dp_packet_batch_size(out); i++) {
        dp_packet_ol_send_prepare(out->packets[i], 0);
    }
}

/* Can the header in 'data', of 'class' if we know that, be put in front of
 * superpacket 'p'? */
static bool
push_takes_super(const struct tnl_gso_encap_class *class,
                 const struct ovs_action_push_tnl *data,
                 const struct dp_packet *p)
{
    return class && !dp_packet_tunnel(p) && class->takes_super(data, p);
}

/* Will the checksum of 'p' be completed before the header in 'data', of
 * 'class' if we know that, comes in front of it, because nobody could do so
 * later? */
static bool
push_wants_final(const struct tnl_gso_encap_class *class,
                 const struct ovs_action_push_tnl *data,
                 const struct dp_packet *p)
{
    if (tnl_gso_is_super(p)) {
        return !push_takes_super(class, data, p);
    }
    return dp_packet_tunnel(p) || !class || class->sums_at_push(data);
}

/* Does 'p' leave room for the header in 'data', and for what may still come in
 * front of that? */
static bool
has_room(const struct dp_packet *p, const struct ovs_action_push_tnl *data)
{
    return dp_packet_size(p) + data->header_len <= MAX_TUNNEL_FRAME_LEN;
}

/* Appends superpacket 'p' to 'out' in a form that a push of 'data' can take:
 * whole, as several superpackets, or as segments, which get the metadata of
 * 'p': there may be another lookup.  Takes ownership of 'p'. */
static void
push_prepare_super(const struct netdev *tunnel,
                   const struct tnl_gso_encap_class *class,
                   struct dp_packet *p,
                   const struct ovs_action_push_tnl *data,
                   struct dp_packet_batch *out)
{
    const struct tnl_gso_caps none = { .methods = TNL_GSO_METHODS_ALL };
    size_t first = dp_packet_batch_size(out);
    struct pkt_metadata md;
    struct tnl_gso_desc desc;
    struct tnl_gso_plan plan;

    /* Marks and offsets have room for one tunnel. */
    if (!push_takes_super(class, data, p)) {
        md = p->md;
        tnl_gso_describe_and_plan(p, &none, &desc, &plan);
        execute(tunnel, p, &desc, &plan, tnl_gso_alloc_any, out);
        tnl_gso_seg_set_md(out, first, &md);
        return;
    }

    if (OVS_LIKELY(has_room(p, data))) {
        dp_packet_batch_add(out, p);
        return;
    }

    if (tnl_gso_describe(p, &desc)) {
        /* Whoever sends it will say why not. */
        dp_packet_batch_add(out, p);
        return;
    }
    md = p->md;
    tnl_gso_plan_split(&desc, MAX_TUNNEL_FRAME_LEN - data->header_len, &plan);
    if (plan.method == TNL_GSO_DROP) {
        execute(tunnel, p, &desc, &plan, tnl_gso_alloc_any, out);
    } else {
        tnl_gso_cut(p, &desc, &plan, tnl_gso_alloc_any, tunnel, out);
        tnl_gso_seg_set_md(out, first, &md);
    }
}

/* Drops 'p', no superpacket, which a header that 'tunnel' pushes would make
 * too long.  An underlay might take it: STT makes superpackets of all. */
static void
drop_long(const struct netdev *tunnel, struct dp_packet *p)
{
    tnl_gso_count_drop(tunnel->tnl_gso, TNL_GSO_R_TOO_BIG);
    VLOG_WARN_RL(&rl, "%s: packet dropped: %s: %"PRIu32" bytes (see "
                 "ovs-appctl tnl-gso/stats %s)", netdev_get_name(tunnel),
                 tnl_gso_reason_to_string(TNL_GSO_R_TOO_BIG),
                 dp_packet_size(p), netdev_get_name(tunnel));
    dp_packet_delete(p);
}

/* Completes the checksums of the packets in 'batch' that will not be cut,
 * marked as superpackets or not.  A GRE checksum is computed by the push, over
 * a packet that must be final by then; those of segments are made anew. */
static void
finish_singles(struct dp_packet_batch *batch)
{
    const struct tnl_gso_caps none = { .methods = TNL_GSO_METHODS_ALL };
    struct dp_packet *packet;

    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        struct tnl_gso_desc desc;
        struct tnl_gso_plan plan;

        if (tnl_gso_is_super(packet)) {
            tnl_gso_describe_and_plan(packet, &none, &desc, &plan);
            if (plan.method != TNL_GSO_PASS) {
                continue;
            }
            tnl_gso_clear_segsz(packet);
        }
        dp_packet_ol_send_prepare(packet, 0);
    }
}

/* Makes 'batch' fit for a push of the header in 'data' on 'tunnel'. */
void
tnl_gso_push_prepare(const struct netdev *tunnel,
                     struct dp_packet_batch *batch,
                     const struct ovs_action_push_tnl *data)
{
    const struct tnl_gso_encap_class *class = tnl_gso_encap_of_push(data);
    bool sums = class && class->sums_at_push(data);
    struct dp_packet *packet;
    bool change = false;
    bool rco;

    atomic_read_relaxed(&tnl_rco_rx_used, &rco);
    if (OVS_UNLIKELY(rco)) {
        DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
            if (push_wants_final(class, data, packet)) {
                tnl_rco_count_final(tunnel, packet);
            }
        }
    }

    if (sums) {
        finish_singles(batch);
    }

    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        change |= tnl_gso_is_super(packet) || !has_room(packet, data);
    }
    if (change) {
        struct dp_packet_batch out;

        dp_packet_batch_init(&out);
        out.trunc = batch->trunc;
        DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
            if (tnl_gso_is_super(packet)) {
                push_prepare_super(tunnel, class, packet, data, &out);
            } else if (has_room(packet, data)) {
                dp_packet_batch_add(&out, packet);
            } else {
                drop_long(tunnel, packet);
            }
        }
        dp_packet_batch_swap(batch, &out);
        dp_packet_batch_destroy(&out);
        if (sums) {
            /* The last part of what was too long may be one segment. */
            finish_singles(batch);
        }
    }
}

/* Returns the ID for header 'ip', which has just been put in front of
 * 'packet': the first one of a block with one for each segment that 'packet'
 * can become.
 *
 * Where fragmentation is allowed, IDs between two addresses must not repeat
 * while fragments may still be on their way (RFC 6864 section 4.3).  Segments
 * have no need of a block with DF set (section 4.1), and get IDs from zero as
 * in upstream. */
ovs_be16
tnl_gso_new_ip_id(const struct dp_packet *packet, const struct ip_header *ip)
{
    uint16_t mss = tnl_gso_segsz(packet);
    uint32_t n = mss ? DIV_ROUND_UP(dp_packet_size(packet), mss) : 1;

    if (ip->ip_frag_off & htons(IP_DF)) {
        return 0;
    }
    return htons(tnl_gso_new_ids(&ip->ip_src, &ip->ip_dst, false, ip->ip_proto,
                                 n));
}
