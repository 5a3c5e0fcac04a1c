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

#include "stages/tnl-gso-frames.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <linux/virtio_net.h>

#include "core/csum-copy.h"
#include "core/tnl-gso-probes.h"
#include "core/tnl-gso-vnet.h"
#include "dp-packet.h"
#include "ovs-thread.h"
#include "packets.h"
#include "stages/tnl-gso-finish.h"
#include "util.h"

/* Stage "segment", for kernel ports: see tnl-gso-frames.h.  Like tnl-gso-seg.c
 * it must not write a header of a frame; the vnet header, which is not part of
 * the frame, is written here. */

DEFINE_STATIC_PER_THREAD_DATA(struct tnl_gso_frames *, my_frames, NULL);
static ovsthread_key_t frames_key;

/* Pieces in the area start at a multiple of this.  They are packed, because
 * the nearest cache has little room beside a superpacket. */
enum { ALIGN = 16 };

/* More than any vnet header has. */
enum { MAX_VNET_ROOM = 2 * ALIGN };
BUILD_ASSERT_DECL((int) MAX_VNET_ROOM >= (int) VNET_TUNNEL_LEN);

BUILD_ASSERT_DECL(offsetof(struct tnl_gso_frames, area) % ALIGN == 0);
BUILD_ASSERT_DECL(MAX_VNET_ROOM + ROUND_UP(TNL_GSO_MAX_TEMPLATE, ALIGN)
                  <= TNL_GSO_MAX_FRAME_HEAD);

/* The destructor of 'frames_key', called by the thread that ends. */
static void
frames_destroy(void *frames)
{
    *my_frames_get() = NULL;
    free(frames);
}

/* Returns the calling thread's frames, empty, for a port with 'vnet_size'
 * bytes of vnet header.  Those that it got before must have been sent: a
 * driver may call tnl_gso_send() from inside of class->send(), but nobody may
 * call class->send() while there are frames. */
struct tnl_gso_frames *
tnl_gso_frames_get(size_t vnet_size)
{
    static struct ovsthread_once once = OVSTHREAD_ONCE_INITIALIZER;
    struct tnl_gso_frames **frames = my_frames_get();

    if (OVS_UNLIKELY(!*frames)) {
        if (ovsthread_once_start(&once)) {
            ovsthread_key_create(&frames_key, frames_destroy);
            ovsthread_once_done(&once);
        }
        *frames = xmalloc(sizeof **frames);
        (*frames)->n = 0;
        ovsthread_setspecific(frames_key, *frames);
    }
    ovs_assert(vnet_size <= MAX_VNET_ROOM);
    ovs_assert(!(*frames)->n);
    (*frames)->vnet_size = vnet_size;
    tnl_gso_frames_clear(*frames);
    return *frames;
}

/* Makes 'frames' empty, keeping the size of a vnet header: all of them have
 * been sent, or are given up. */
void
tnl_gso_frames_clear(struct tnl_gso_frames *frames)
{
    frames->n = 0;
    frames->n_iov = 0;
    frames->area_len = 0;
}

/* Can segments of 'd' be frames?  Yes, unless headers are stacked higher than
 * any port cuts. */
bool
tnl_gso_frames_can_hold(const struct tnl_gso_desc *d)
{
    return d->hdr_len <= TNL_GSO_MAX_TEMPLATE;
}

/* Is there room in 'frames' for all of a superpacket that 'd' describes? */
bool
tnl_gso_frames_have_room(const struct tnl_gso_frames *frames,
                         const struct tnl_gso_desc *d)
{
    return frames->n_iov + 2 * d->n_segs <= ARRAY_SIZE(frames->iov);
}

/* Makes 'vnet' request the completion of the checksum in the header behind
 * 'l3'. */
static void
put_needs_csum(struct virtio_net_hdr *vnet, const struct tnl_gso_l3 *l3)
{
    vnet->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    vnet->csum_start = (OVS_FORCE __virtio16) l3->l4_ofs;
    vnet->csum_offset = (OVS_FORCE __virtio16)
        tnl_gso_l4_csum_ofs(l3->proto);
}

/* Writes the vnet header of a single segment. */
static void
put_vnet_hdr(struct virtio_net_hdr *vnet, const struct tnl_gso_desc *d,
             const struct tnl_gso_plan *plan)
{
    if (plan->csum || (d->rco && !d->outer_csum)) {
        vnet->flags = VIRTIO_NET_HDR_F_DATA_VALID;
    } else {
        put_needs_csum(vnet, d->rco ? &d->outer : &d->inner);
    }
}

/* Writes the vnet header of a train of 'n' segments. */
static void
put_train_vnet_hdr(struct virtio_net_hdr *vnet, const struct tnl_gso_desc *d,
                   uint32_t n)
{
    put_needs_csum(vnet, &d->outer);
    if (n > 1) {
        vnet->gso_type = VNET_GSO_UDP_L4;
        vnet->gso_size = (OVS_FORCE __virtio16) tnl_gso_train_unit_len(d);
        vnet->hdr_len = (OVS_FORCE __virtio16) tnl_gso_train_head_len(d);
    }
}

/* Writes the vnet header, of 'size' bytes, of the superpacket that 'd'
 * describes: all of it but the fields for a tunnel.  'cwr' tells whether it
 * is TCP with CWR. */
static void
put_super_vnet_hdr(struct virtio_net_hdr *vnet, size_t size,
                   const struct tnl_gso_desc *d, bool cwr)
{
    memset(vnet, 0, size);
    put_needs_csum(vnet, &d->inner);
    vnet->gso_type = vnet_gso_type(d, cwr);
    vnet->gso_size = (OVS_FORCE __virtio16) d->mss;
    vnet->hdr_len = (OVS_FORCE __virtio16) d->hdr_len;
}

/* The place for the next segment, and the rest of the superpacket. */
struct cursor {
    struct iovec *iov;
    uint8_t *head;
    size_t step;                /* From one 'head' to the next. */
    char *payload;
    uint32_t left;              /* Bytes of payload. */
    uint32_t i;                 /* Number of the segment. */
};

/* Puts segment number 'c->i' at 'c', which advances: its headers from byte
 * 'start' on, and a pointer to its payload.  A negative 'start' includes the
 * vnet header in front of the headers, which the caller writes.  Returns the
 * length of the segment in bytes. */
static inline size_t ALWAYS_INLINE
put_segment(struct cursor *c, const struct tnl_gso_finish *f, ptrdiff_t start)
{
    size_t head_len = f->desc->hdr_len - start;
    uint32_t len = MIN(f->plan->unit, c->left);

    tnl_gso_finish_frame(f, c->head, c->i, len,
                         f->plan->csum ? csum_fold(c->payload, len) : 0);
    c->iov[0] = (struct iovec) { c->head + start, head_len };
    c->iov[1] = (struct iovec) { c->payload, len };
    c->iov += 2;
    c->head += c->step;
    c->payload += len;
    c->left -= len;
    c->i++;
    return head_len + len;
}

/* Appends a frame for each segment from 'c' on to 'frames', until there is no
 * more room.  'super' is the caller's number of the superpacket. */
static void
put_singles(struct tnl_gso_frames *frames, uint16_t super,
            const struct tnl_gso_finish *f, struct cursor *c_)
{
    const size_t vnet_size = frames->vnet_size;
    const size_t room = ROUND_UP(vnet_size, ALIGN);
    /* Ends at 'room'. */
    OVS_ALIGNED_VAR(ALIGN) uint8_t vnet[MAX_VNET_ROOM] = { 0 };
    uint32_t n_packets = f->plan->n_packets;
    struct cursor c = *c_;      /* A local one stays in registers. */

    if (vnet_size) {
        put_vnet_hdr((void *) (vnet + room - vnet_size), f->desc, f->plan);
    }
    while (c.i < n_packets && c.iov < &frames->iov[ARRAY_SIZE(frames->iov)]) {
        struct tnl_gso_frame *out = &frames->frame[frames->n++];

        out->super = super;
        out->segment = c.i;
        out->first = c.iov - frames->iov;
        out->n = 2;
        out->n_segs = 1;
        out->train = out->relay = false;
        for (size_t k = 0; k < room; k += ALIGN) {
            memcpy(c.head - room + k, vnet + k, ALIGN);
        }
        out->len = put_segment(&c, f, -(ptrdiff_t) vnet_size);
    }
    *c_ = c;
}

/* Appends trains of the segments from 'c' on to 'frames', until there is no
 * more room.  'super' is the caller's number of the superpacket. */
static void
put_trains(struct tnl_gso_frames *frames, uint16_t super,
           const struct tnl_gso_finish *f, struct cursor *c)
{
    const ptrdiff_t vnet_size = frames->vnet_size;
    const struct tnl_gso_desc *d = f->desc;
    const struct tnl_gso_plan *plan = f->plan;
    const struct iovec *end = &frames->iov[ARRAY_SIZE(frames->iov)];

    while (c->i < plan->n_packets
           && end - c->iov >= 2 * plan->segs_per_train) {
        struct tnl_gso_frame *out = &frames->frame[frames->n++];
        uint32_t n = MIN(plan->segs_per_train, plan->n_packets - c->i);
        uint8_t *head = c->head;

        out->super = super;
        out->segment = c->i;
        out->first = c->iov - frames->iov;
        out->n = 2 * n;
        out->n_segs = n;
        out->train = n > 1;
        out->relay = false;
        memset(head - vnet_size, 0, vnet_size);
        out->len = put_segment(c, f, -vnet_size);
        for (uint32_t k = 1; k < n; k++) {
            out->len += put_segment(c, f, tnl_gso_train_head_len(d));
        }
        put_train_vnet_hdr((void *) (head - vnet_size), d, n);
        tnl_gso_finish_train(f, head, out->len - vnet_size);
    }
}

/* Writes the vnet header of the superpacket that 'd' describes and whose
 * finished headers are at 'head', in a tunnel over UDP.  'outer_csum' tells
 * whether the outer checksum of each segment is left to whoever cuts it. */
static void
put_tunnel_vnet_hdr(uint8_t *vnet_, const struct tnl_gso_desc *d,
                    const uint8_t *head, bool outer_csum)
{
    const struct tcp_header *tcp = (const void *) (head + d->inner.l4_ofs);
    struct virtio_net_hdr *vnet = (void *) vnet_;
    bool cwr = (d->inner.proto == IPPROTO_TCP
                && tcp->tcp_ctl & htons(TCP_CWR));

    put_super_vnet_hdr(vnet, VNET_TUNNEL_LEN, d, cwr);
    vnet->flags |= outer_csum ? VNET_F_UDP_TUNNEL_CSUM : 0;
    memcpy(vnet_ + VNET_OUTER_TH_OFS, &d->outer.l4_ofs,
           sizeof d->outer.l4_ofs);
    memcpy(vnet_ + VNET_INNER_NH_OFS, &d->inner.ofs, sizeof d->inner.ofs);
}

/* Appends the superpacket at 'c', which is in a tunnel, to 'frames': all of it
 * but a last segment that is a packet of its own. */
static void
put_tunnelled(struct tnl_gso_frames *frames, uint16_t super,
              const struct tnl_gso_finish *f, struct cursor *c)
{
    const struct tnl_gso_desc *d = f->desc;
    const struct tnl_gso_plan *plan = f->plan;
    uint8_t *base = c->head - ROUND_UP(frames->vnet_size, ALIGN);
    uint8_t *head = base + MAX_VNET_ROOM;
    uint8_t *vnet = head - VNET_TUNNEL_LEN;

    tnl_gso_finish_whole(f, head, plan->unit);
    put_tunnel_vnet_hdr(vnet, d, head,
                        (d->outer_csum
                         && plan->method != TNL_GSO_HW_PARTIAL));
    frames->frame[frames->n++] = (struct tnl_gso_frame) {
        .first = c->iov - frames->iov,
        .n = 2,
        .len = VNET_TUNNEL_LEN + d->hdr_len + plan->unit,
        .super = super,
        .n_segs = DIV_ROUND_UP(plan->unit, d->mss),
        .relay = true,
    };
    c->iov[0] = (struct iovec) { vnet, VNET_TUNNEL_LEN + d->hdr_len };
    c->iov[1] = (struct iovec) { c->payload, plan->unit };
    c->iov += 2;
    c->head += ROUND_UP(MAX_VNET_ROOM + d->hdr_len, ALIGN);
    c->payload += plan->unit;
    c->left -= plan->unit;
    c->i++;
}

/* Does the relay of a port get the superpacket that 'd' describes, cut as
 * 'plan' says? */
bool
tnl_gso_frames_for_relay(const struct tnl_gso_desc *d,
                         const struct tnl_gso_plan *plan)
{
    return (d->outer_l4 == TNL_GSO_OUTER_UDP
            && (plan->method == TNL_GSO_HW
                || plan->method == TNL_GSO_HW_PARTIAL
                || plan->method == TNL_GSO_KERNEL));
}

/* Appends the frames that 'plan' makes of superpacket 'p', described by 'd',
 * to 'frames', from segment 'first' on, until there is no more room.  Returns
 * the number of the first segment that did not fit, 'plan->n_packets' if all
 * did.  'super', the caller's number of the superpacket, is stored in each of
 * them.
 *
 * 'plan->method' must be TNL_GSO_SOFTWARE or TNL_GSO_UDP_GSO, or
 * tnl_gso_frames_for_relay(d, plan) true, and tnl_gso_frames_can_hold(d)
 * true.  'p' must stay until the frames have been sent. */
uint32_t
tnl_gso_frames_cut(struct tnl_gso_frames *frames, uint16_t super,
                   const struct dp_packet *p, const struct tnl_gso_desc *d,
                   const struct tnl_gso_plan *plan, uint32_t first)
{
    const size_t room = ROUND_UP(frames->vnet_size, ALIGN);
    uint32_t ofs = first * plan->unit;
    struct tnl_gso_finish f;
    struct cursor c = {
        .iov = &frames->iov[frames->n_iov],
        .head = frames->area + frames->area_len + room,
        .step = ROUND_UP(room + d->hdr_len, ALIGN),
        .payload = (char *) dp_packet_data(p) + d->hdr_len + ofs,
        .left = d->payload_len - ofs,
        .i = first,
    };

    ovs_assert(tnl_gso_frames_can_hold(d));
    /* The vnet header is what says that a frame is a train. */
    ovs_assert(!plan->segs_per_train || frames->vnet_size);
    TNL_GSO_PROBE(segment, d->hdr_len, d->payload_len, plan->unit,
                  plan->n_packets, plan->segs_per_train, first);
    tnl_gso_finish_init(&f, dp_packet_data(p), d, plan);
    if (plan->segs_per_train) {
        put_trains(frames, super, &f, &c);
    } else {
        if (!first && tnl_gso_frames_for_relay(d, plan)) {
            put_tunnelled(frames, super, &f, &c);
        }
        put_singles(frames, super, &f, &c);
    }
    frames->n_iov = c.iov - frames->iov;
    frames->area_len = c.head - room - frames->area;
    return c.i;
}

/* Appends a frame for the superpacket of plain TCP that 'd' describes, whole,
 * for which there must be room: tnl_gso_frames_have_room(),
 * tnl_gso_frames_can_hold().  'super' is the caller's number of it, and 'cwr'
 * tells whether its first segment has CWR.
 *
 * Returns the place for its 'd->hdr_len' bytes of headers, which the caller
 * writes, and goes on with tnl_gso_frames_add_piece(). */
uint8_t *
tnl_gso_frames_add_whole(struct tnl_gso_frames *frames, uint16_t super,
                         const struct tnl_gso_desc *d, bool cwr)
{
    const size_t vnet_size = frames->vnet_size;
    const size_t room = ROUND_UP(vnet_size, ALIGN);
    uint8_t *head = frames->area + frames->area_len + room;
    struct virtio_net_hdr *vnet = (void *) (head - vnet_size);

    ovs_assert(vnet_size && d->outer_l4 == TNL_GSO_OUTER_NONE);
    put_super_vnet_hdr(vnet, vnet_size, d, cwr);

    frames->frame[frames->n++] = (struct tnl_gso_frame) {
        .first = frames->n_iov,
        .n = 1,
        .len = vnet_size + d->hdr_len,
        .super = super,
        .n_segs = d->n_segs,
    };
    frames->iov[frames->n_iov++] = (struct iovec) {
        vnet, vnet_size + d->hdr_len
    };
    frames->area_len += ROUND_UP(room + d->hdr_len, ALIGN);
    return head;
}

/* Appends 'len' bytes of payload at 'data', which must stay until the frames
 * have been sent, to the last one of 'frames'. */
void
tnl_gso_frames_add_piece(struct tnl_gso_frames *frames, const void *data,
                         size_t len)
{
    struct tnl_gso_frame *frame = &frames->frame[frames->n - 1];

    frames->iov[frames->n_iov++] = (struct iovec) {
        CONST_CAST(void *, data), len
    };
    frame->n++;
    frame->len += len;
}
