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

#include "core/tnl-gso-packet.h"
#include "core/tnl-gso-port.h"
#include "encap/encap.h"
#include "netdev-provider.h"
#include "ovs-atomic.h"
#include "stages/tnl-gso-desc.h"
#include "stages/tnl-gso-execute.h"
#include "stages/tnl-gso-frames.h"
#include "stages/tnl-gso-plan.h"
#include "util.h"

/* The way of a batch that is sent.
 *
 * Called by netdev_send() for batches with superpackets, and by the drivers
 * for one that the kernel or a device has refused.  Owns the order of packets,
 * and what is in front of class->send(). */

/* Packets that go down to a driver together.  Segments are sent while they
 * are in the cache: collecting those of a whole batch, up to 1,500 packets,
 * would push the first ones out again. */
enum { SEND_BATCH = 2 * NETDEV_MAX_BURST };

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

        tnl_gso_count_plan(s->netdev, h->p, &h->desc, &h->plan);
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
goes_as_frames(const struct tnl_gso_port *port,
               const struct tnl_gso_desc *desc,
               const struct tnl_gso_plan *plan)
{
    return (port->send_frames
            && (plan->method == TNL_GSO_UDP_GSO
                || (plan->method == TNL_GSO_SOFTWARE
                    && tnl_gso_frames_can_hold(desc))));
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
        || !tnl_gso_frames_have_room(s->frames, desc)) {
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
    each = (plan->segs_per_train ? plan->segs_per_train
            : MAX(plan->unit / d->mss, 1));
    for (size_t i = first; i < n; i++) {
        out->packets[i]->n_planned = i < n - 1 ? MIN(each, left) : left;
        left -= out->packets[i]->n_planned;
    }
}

static void send_super(struct sender *, struct dp_packet *,
                       const struct tnl_gso_caps *);

/* Appends the superpackets that 'plan', a split, makes of superpacket 'p' to
 * what 's' sends, each planned again.  The last one may be a single segment,
 * which is then an ordinary packet and counts as what the others are.  Takes
 * ownership of 'p'. */
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
    if (OVS_UNLIKELY(plan.method == TNL_GSO_SPLIT)) {
        send_parts(s, p, &desc, &plan, caps);
    } else if (goes_as_frames(port, &desc, &plan)) {
        add_frames(s, p, &desc, &plan);
    } else {
        size_t first = dp_packet_batch_size(&s->out);

        tnl_gso_execute(s->netdev, p, &desc, &plan, port->alloc, packets(s));
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

