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

#include "core/tnl-gro-feedback.h"
#include "core/tnl-gso-packet.h"
#include "core/tnl-gso-port.h"
#include "core/tnl-gso-probes.h"
#include "core/tnl-gso-vnet.h"
#include "encap/encap.h"
#include "netdev-provider.h"
#include "ovs-atomic.h"
#include "receive/tnl-gro-gather.h"
#include "receive/tnl-gro-glance.h"
#include "receive/tnl-gro.h"
#include "stages/tnl-gso-desc.h"
#include "stages/tnl-gso-execute.h"
#include "stages/tnl-gso-frames.h"
#include "stages/tnl-gso-plan.h"
#include "util.h"

/* The way of a batch that is sent.
 *
 * Called by netdev_send() for batches with superpackets or packets that can be
 * merged, by netdev-linux-tnl.c for a superpacket that the kernel has refused,
 * and by netdev-dpdk-tx.c for one that a driver has refused.  Decides the
 * order in which packets and frames go down to class->send() and
 * port->send_frames(). */

/* Packets that go down to a driver together.  Segments are sent while they
 * are in the cache: collecting those of a whole batch, up to 1,500 packets,
 * would push the first ones out again. */
enum { SEND_BATCH = 2 * NETDEV_MAX_BURST };

/* The MTU of 'netdev' in bytes, without the Ethernet header. */
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

/* A superpacket that frames point into. */
struct held {
    struct dp_packet *p;        /* Owned. */
    const struct tnl_gro_gathered *gathered; /* Its units, of which 'p' is the
                                              * first, or null if 'p' is all of
                                              * it. */
    struct tnl_gso_desc desc;
    struct tnl_gso_plan plan;
};

/* More superpackets than fit into the frames of one system call, unless they
 * are tiny. */
enum { MAX_HELD = 32 };

/* One call of tnl_gso_send().  At any time, it keeps either packets that have
 * yet to be sent, or frames. */
struct sender {
    struct netdev *netdev;
    int qid;
    bool concurrent_txq;
    uint64_t ol_flags;          /* Offloads of the port for a packet. */
    uint64_t super_flags;       /* Offloads of the port for a superpacket. */
    struct dp_packet_batch out; /* Packets that have yet to be sent. */
    struct tnl_gso_frames *frames; /* Frames that have yet to be sent.  The
                                    * thread's, or null if not needed yet. */
    struct held *held;          /* Superpackets that 'frames' point into, in
                                 * an array of MAX_HELD. */
    size_t n_held;              /* Their number. */
    size_t rest;                /* Index of the first of them that has segments
                                 * which are in no frame yet. */
    uint32_t next;              /* Number of the first segment of held[rest]
                                 * that is in no frame yet. */
    int error;                  /* The first errno value, or 0. */
};

/* Makes 'error', a positive errno value or 0, the result of 's', unless it has
 * one already. */
static void
note_error(struct sender *s, int error)
{
    s->error = s->error ? s->error : error;
}

/* The kernel has refused 'frame'.  Plans its superpacket, and those of 's'
 * after it, without such frames: without trains, or without a relay. */
static void
plan_without(struct sender *s, const struct tnl_gso_frame *frame)
{
    struct tnl_gso_caps caps = tnl_gso_port_caps(s->netdev->tnl_gso);

    caps.methods &= (1u << TNL_GSO_SOFTWARE
                     | (frame->train ? 0 : 1u << TNL_GSO_UDP_GSO));
    for (size_t i = frame->super; i < s->n_held; i++) {
        if (!s->held[i].gathered) {
            tnl_gso_plan(&s->held[i].desc, &caps, &s->held[i].plan);
        }
    }
}

/* Makes frames of those segments of held superpackets of 's' that are in none
 * yet, until there is no more room. */
static void
put_frames(struct sender *s)
{
    for (; s->rest < s->n_held; s->rest++, s->next = 0) {
        struct held *h = &s->held[s->rest];

        if (h->gathered) {
            tnl_gro_gathered_frame(h->gathered, &h->desc, s->frames, s->rest);
        } else if (OVS_LIKELY(h->plan.method != TNL_GSO_DROP)) {
            s->next = tnl_gso_frames_cut(s->frames, s->rest, h->p, &h->desc,
                                         &h->plan, s->next);
            if (s->next < h->plan.n_packets) {
                break;
            }
        }
    }
}

/* Sends all held superpackets of 's' as frames through the driver, counts and
 * frees them.  Does nothing if there are none. */
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
            const struct tnl_gso_frame *left = &s->frames->frame[first_left];

            s->rest = left->super;
            s->next = left->segment;
            plan_without(s, left);
        }
        tnl_gso_frames_clear(s->frames);
        put_frames(s);
    } while (s->frames->n);

    for (size_t i = 0; i < s->n_held; i++) {
        struct held *h = &s->held[i];

        if (h->gathered) {
            TNL_GSO_PROBE(plan, s->netdev->name,
                          tnl_gso_encap_class(h->desc.encap)->name,
                          tnl_gso_method_to_string(h->plan.method), NULL,
                          h->desc.hdr_len + h->desc.payload_len,
                          h->desc.n_segs);
            tnl_gso_count_tx(port, &h->desc, &h->plan,
                             h->desc.hdr_len + h->desc.payload_len);
            tnl_gro_gathered_free(h->gathered);
        } else {
            tnl_gso_count_plan(s->netdev, h->p, &h->desc, &h->plan);
            dp_packet_delete(h->p);
        }
    }
    s->n_held = s->rest = s->next = 0;
}

/* Sends the packets of 's' through the driver.  Does nothing if there are
 * none. */
static void
flush_packets(struct sender *s)
{
    if (!dp_packet_batch_is_empty(&s->out)) {
        note_error(s, s->netdev->netdev_class->send(s->netdev, s->qid, &s->out,
                                                    s->concurrent_txq));
        dp_packet_batch_reset(&s->out);
    }
}

/* Does 'port' get the superpacket that 'desc' describes, cut as 'plan' says,
 * in frames instead of packets? */
static bool
goes_as_frames(const struct tnl_gso_port *port,
               const struct tnl_gso_desc *desc,
               const struct tnl_gso_plan *plan)
{
    return (port->send_frames
            && (plan->method == TNL_GSO_UDP_GSO
                || (plan->method == TNL_GSO_SOFTWARE
                    && tnl_gso_frames_can_hold(desc))
                || (port->relay && port->vnet_size < VNET_TUNNEL_LEN
                    && tnl_gso_frames_for_relay(desc, plan))));
}

/* Appends frames for 'h' to those of 's'.  Takes ownership of what 'h'
 * holds. */
static void
add_frames(struct sender *s, const struct held *h)
{
    flush_packets(s);
    if (!s->frames) {
        s->frames = tnl_gso_frames_get(s->netdev->tnl_gso->vnet_size);
    }
    if (s->rest < s->n_held || s->n_held == MAX_HELD
        || !tnl_gso_frames_have_room(s->frames, &h->desc)) {
        flush_frames(s);
    }
    s->held[s->n_held++] = *h;
    put_frames(s);
}

/* Returns the batch of packets of 's' that have yet to be sent, for the caller
 * to append to: sends frames first, to keep the order. */
static struct dp_packet_batch *
packets(struct sender *s)
{
    flush_frames(s);
    return &s->out;
}

/* Completes those checksums of the packets of 's' from number 'first' on that
 * the port does not complete. */
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

/* Sets 'n_planned' of the packets in 'out' from number 'first' on, which
 * 'plan' has made of the superpacket that 'd' describes: the number of
 * segments that each becomes.  The driver counts those of packets that it does
 * not send. */
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
    each = (plan->segs_per_train ? plan->segs_per_train
            : MAX(plan->unit / d->mss, 1));
    for (size_t i = first; i < n; i++) {
        out->packets[i]->n_planned = i < n - 1 ? MIN(each, left) : left;
        left -= out->packets[i]->n_planned;
    }
}

static void send_super(struct sender *, struct dp_packet *,
                       const struct tnl_gso_caps *);

/* Splits superpacket 'p' into superpackets as 'plan' says, and appends each,
 * planned again for 'caps', to the packets or frames of 's'.  The last part
 * may be a single segment, which is then an ordinary packet and is counted
 * with the method of the others.  Takes ownership of 'p'. */
static void
send_parts(struct sender *s, struct dp_packet *p,
           const struct tnl_gso_desc *desc, const struct tnl_gso_plan *plan,
           const struct tnl_gso_caps *caps)
{
    struct tnl_gso_desc single_desc = *desc;
    const struct tnl_gso_plan single_plan = { .method = plan->parts };
    struct dp_packet_batch parts;
    struct dp_packet *part;

    single_desc.n_segs = 1;
    dp_packet_batch_init(&parts);
    tnl_gso_execute(s->netdev, p, desc, plan, s->netdev->tnl_gso->alloc,
                    &parts);
    DP_PACKET_BATCH_FOR_EACH (i, part, &parts) {
        if (OVS_LIKELY(tnl_gso_is_super(part))) {
            send_super(s, part, caps);
        } else {
            tnl_gso_count_plan(s->netdev, part, &single_desc, &single_plan);
            part->n_planned = 1;
            dp_packet_batch_add(packets(s), part);
            prepare(s, dp_packet_batch_size(&s->out) - 1);
        }
    }
    dp_packet_batch_destroy(&parts);
}

/* Appends superpacket 'p' to the packets or frames of 's', in the form that a
 * port with 'caps' takes.  Takes ownership of 'p'. */
static void
send_super(struct sender *s, struct dp_packet *p,
           const struct tnl_gso_caps *caps)
{
    struct tnl_gso_port *port = s->netdev->tnl_gso;
    struct tnl_gso_desc desc;
    struct tnl_gso_plan plan;

    tnl_gso_describe_and_plan(p, caps, &desc, &plan);
    if (OVS_UNLIKELY(plan.method == TNL_GSO_SPLIT)) {
        send_parts(s, p, &desc, &plan, caps);
    } else if (goes_as_frames(port, &desc, &plan)) {
        struct held h = { .p = p, .desc = desc, .plan = plan };

        add_frames(s, &h);
    } else {
        size_t first = dp_packet_batch_size(&s->out);

        tnl_gso_execute(s->netdev, p, &desc, &plan, port->alloc, packets(s));
        set_planned(&s->out, first, &desc, &plan);
        if (plan.method != TNL_GSO_SOFTWARE) {
            /* Segments are finished: the port does the rest. */
            prepare(s, first);
        }
    }
}

/* Appends the units of 'g' as one superpacket to the frames of 's', or in the
 * form that a port with 'caps' gets to its packets or frames.  Takes ownership
 * of the units. */
static void
send_gathered(struct sender *s, const struct tnl_gro_gathered *g,
              const struct tnl_gso_caps *caps)
{
    struct held h = { .p = g->packets[0], .gathered = g };

    tnl_gro_gathered_describe(g, &h.desc);
    tnl_gso_plan(&h.desc, caps, &h.plan);
    if (OVS_LIKELY(h.plan.method == TNL_GSO_HW
                   && tnl_gso_frames_can_hold(&h.desc))) {
        add_frames(s, &h);
    } else {
        struct dp_packet *p = tnl_gro_gathered_join(g, s->netdev);

        tnl_gro_gathered_free(g);
        send_super(s, p, caps);
    }
}

/* Can packets of 'batch' be merged for 'netdev'?  It must be one behind which
 * superpackets are welcome, and take them now. */
static bool
merges_for(const struct netdev *netdev, const struct dp_packet_batch *batch)
{
    return (dp_packet_batch_size(batch) > 1
            && netdev->tnl_gso->welcomes_super
            && netdev->ol_flags & NETDEV_TX_OFFLOAD_TCP_TSO
            && tnl_gso_port_merges(netdev->tnl_gso));
}

/* Is 'batch', which could be merged for 'netdev', not worth it? */
static bool
skips(const struct netdev *netdev, const struct dp_packet_batch *batch)
{
    return tnl_gro_effort_skips(&netdev->tnl_gso->gro_effort,
                                dp_packet_batch_size(batch));
}

/* Merges what follows each other in 'batch', which 'netdev' is about to send,
 * and counts it.  If the port takes frames, superpackets are in '*gather', the
 * first packet of each in 'batch'. */
static void
merge(const struct netdev *netdev, struct dp_packet_batch *batch,
      struct tnl_gro_gather *gather)
{
    struct tnl_gso_port *port = netdev->tnl_gso;
    struct tnl_gro_count count = { .trains = 0 };

    if (tnl_gro_is_worth_it(&port->gro_effort, TNL_GSO_NO_TUNNEL, batch)) {
        tnl_gro_merge_for(netdev, batch,
                          port->send_frames && port->vnet_size ? gather : NULL,
                          &count);
        tnl_gso_count_gro(port, &count);
        tnl_gro_effort_looked(&port->gro_effort,
                              count.units[TNL_GRO_JOINED] > 0);
    }
}

/* Sends 'batch', in which there are superpackets, or packets that are worth to
 * be merged (tnl_gso_send_takes()), on 'netdev'.  Arguments and result are
 * those of netdev_send(), which calls this.  Keeps the order.  A packet that
 * is refused is counted, and does not keep back the others. */
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
    struct tnl_gro_gather gather;
    struct dp_packet *packet;
    size_t n_gathered = 0;
    uint32_t mtu = 0;

    gather.n = gather.n_packets = 0;
    if (merges_for(netdev, batch)
        && !(tnl_gso_batch_has_super(batch) && skips(netdev, batch))) {
        merge(netdev, batch, &gather);
    }
    dp_packet_batch_init(&s.out);
    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        if (n_gathered < gather.n
            && packet == gather.items[n_gathered].packets[0]) {
            send_gathered(&s, &gather.items[n_gathered++], &caps);
        } else if (tnl_gso_is_super(packet)) {
            if (OVS_UNLIKELY(tnl_gso_has_late_mss(packet))) {
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

/* Is 'batch' to be sent on 'netdev' by tnl_gso_send(), because there are
 * superpackets in it, or packets that can be merged? */
bool
tnl_gso_send_takes(const struct netdev *netdev,
                   const struct dp_packet_batch *batch)
{
    return (tnl_gso_batch_has_super(batch)
            || (merges_for(netdev, batch) && !skips(netdev, batch)));
}

/* Appends to 'out' the packets, needing no offload, that superpacket 'p'
 * becomes when the driver of 'netdev' has refused to cut it in spite of its
 * capabilities.  They are counted once more, with their method.  Takes
 * ownership of 'p'. */
void
tnl_gso_cut_again(const struct netdev *netdev, struct dp_packet *p,
                  struct dp_packet_batch *out)
{
    struct tnl_gso_caps caps = tnl_gso_port_caps(netdev->tnl_gso);
    size_t first = dp_packet_batch_size(out);
    struct tnl_gso_desc desc;
    struct tnl_gso_plan plan;

    caps.ol_flags = 0;
    tnl_gso_count_refused(netdev->tnl_gso, p);
    tnl_gso_describe_and_plan(p, &caps, &desc, &plan);
    tnl_gso_execute(netdev, p, &desc, &plan, netdev->tnl_gso->alloc, out);
    set_planned(out, first, &desc, &plan);
    for (size_t i = first; i < dp_packet_batch_size(out); i++) {
        dp_packet_ol_send_prepare(out->packets[i], 0);
    }
}

