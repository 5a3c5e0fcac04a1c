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

#include "tnl-gso-frames.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <linux/virtio_net.h>

#include "csum-copy.h"
#include "dp-packet.h"
#include "netdev-linux-vnet.h"
#include "ovs-thread.h"
#include "packets.h"
#include "tnl-gso-seg.h"
#include "util.h"

/* Stage "segment", for kernel ports.  Like tnl-gso-seg.c it must not write a
 * header of a frame; the vnet header, which is not part of the frame,
 * is written here. */

DEFINE_STATIC_PER_THREAD_DATA(struct tnl_gso_frames *, my_frames, NULL);
static ovsthread_key_t frames_key;

/* Returns the calling thread's frames, empty, for a port with 'vnet_size'
 * bytes of vnet header. */
struct tnl_gso_frames *
tnl_gso_frames_get(size_t vnet_size)
{
    static struct ovsthread_once once = OVSTHREAD_ONCE_INITIALIZER;
    struct tnl_gso_frames **frames = my_frames_get();

    if (OVS_UNLIKELY(!*frames)) {
        if (ovsthread_once_start(&once)) {
            ovsthread_key_create(&frames_key, free);
            ovsthread_once_done(&once);
        }
        *frames = xmalloc(sizeof **frames);
        ovsthread_setspecific(frames_key, *frames);
    }
    (*frames)->vnet_size = vnet_size;
    tnl_gso_frames_clear(*frames);
    return *frames;
}

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
tnl_gso_frames_take(const struct tnl_gso_desc *d)
{
    return d->hdr_len <= TNL_GSO_MAX_FRAME_HEAD - CACHE_LINE_SIZE;
}

/* Asks for completion of the checksum behind 'l3'. */
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

/* Adds segment number 'i' of superpacket 'frame' to the last one of 'frames':
 * its headers, from byte 'start' on, and a pointer to its payload.  What comes
 * before its first header is the vnet header, at a negative 'start'.  Returns
 * its first header. */
static uint8_t *
add_segment(struct tnl_gso_frames *frames, const struct tnl_gso_finish *f,
            char *frame, uint32_t i, ptrdiff_t start)
{
    const struct tnl_gso_desc *d = f->desc;
    const struct tnl_gso_plan *plan = f->plan;
    uint32_t ofs = i * plan->unit;
    uint32_t payload_len = MIN(plan->unit, d->payload_len - ofs);
    char *payload = frame + d->hdr_len + ofs;
    uint8_t *vnet = frames->area + frames->area_len;
    uint8_t *head = vnet + frames->vnet_size;

    memset(vnet, 0, frames->vnet_size);
    tnl_gso_finish_frame(f, head, i, payload_len,
                         plan->csum ? csum_fold(payload, payload_len) : 0);

    frames->iov[frames->n_iov++] = (struct iovec) {
        head + start, d->hdr_len - start,
    };
    frames->iov[frames->n_iov++] = (struct iovec) { payload, payload_len };
    frames->frame[frames->n - 1].n += 2;
    frames->frame[frames->n - 1].len += d->hdr_len - start + payload_len;
    frames->area_len += ROUND_UP(frames->vnet_size + d->hdr_len,
                                 CACHE_LINE_SIZE);
    return head;
}

/* Adds the frames that 'plan' makes of superpacket 'p', described by 'd', to
 * 'frames', from segment 'first' on, until there is no more room.  Returns the
 * number of the first segment that did not fit, 'plan->n_packets' if all did.
 *
 * 'plan->method' must be TNL_GSO_SOFTWARE or TNL_GSO_UDP_GSO, and
 * tnl_gso_frames_take(d) true.  'p' must stay until the frames have been
 * sent. */
uint32_t
tnl_gso_frames_cut(struct tnl_gso_frames *frames, const struct dp_packet *p,
                   const struct tnl_gso_desc *d,
                   const struct tnl_gso_plan *plan, uint32_t first)
{
    const ptrdiff_t vnet_size = frames->vnet_size;
    uint32_t per_frame = MAX(plan->train_len, 1);
    char *frame = dp_packet_data(p);
    struct tnl_gso_finish f;
    uint32_t i = first;

    frames->trains = plan->train_len != 0;
    tnl_gso_finish_init(&f, frame, d, plan);
    while (i < plan->n_packets
           && frames->n_iov + 2 * per_frame <= ARRAY_SIZE(frames->iov)) {
        struct tnl_gso_frame *out = &frames->frame[frames->n++];
        uint32_t end = MIN(i + per_frame, plan->n_packets);
        uint8_t *head;

        *out = (struct tnl_gso_frame) { .first = frames->n_iov, .segment = i };
        head = add_segment(frames, &f, frame, i++, -vnet_size);
        if (plan->train_len) {
            while (i < end) {
                add_segment(frames, &f, frame, i++,
                            tnl_gso_train_head_len(d));
            }
            put_train_vnet_hdr((void *) (head - vnet_size), d,
                               end - out->segment);
            tnl_gso_finish_train(&f, head, out->len - vnet_size);
        } else if (vnet_size) {
            put_vnet_hdr((void *) (head - vnet_size), d, plan);
        }
    }
    return i;
}
