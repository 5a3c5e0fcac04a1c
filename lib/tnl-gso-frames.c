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

#include <stdlib.h>
#include <string.h>
#include <linux/virtio_net.h>

#include "csum-copy.h"
#include "dp-packet.h"
#include "ovs-thread.h"
#include "packets.h"
#include "tnl-gso-seg.h"
#include "util.h"

/* Stage "segment", for kernel ports.  Like tnl-gso-seg.c it must not edit a
 * header field of a frame; the vnet header, which is not part of the frame,
 * is written here. */

DEFINE_STATIC_PER_THREAD_DATA(struct tnl_gso_frames *, my_frames, NULL);
static ovsthread_key_t frames_key;

/* Returns the calling thread's frames, which are empty unless it has put some
 * there. */
struct tnl_gso_frames *
tnl_gso_frames_get(void)
{
    static struct ovsthread_once once = OVSTHREAD_ONCE_INITIALIZER;
    struct tnl_gso_frames **frames = my_frames_get();

    if (OVS_UNLIKELY(!*frames)) {
        if (ovsthread_once_start(&once)) {
            ovsthread_key_create(&frames_key, free);
            ovsthread_once_done(&once);
        }
        *frames = xmalloc(sizeof **frames);
        tnl_gso_frames_clear(*frames);
        ovsthread_setspecific(frames_key, *frames);
    }
    return *frames;
}

void
tnl_gso_frames_clear(struct tnl_gso_frames *frames)
{
    frames->n = 0;
    frames->area_len = 0;
}

static void
put_vnet_hdr(struct virtio_net_hdr *vnet, const struct tnl_gso_desc *d,
             const struct tnl_gso_plan *plan)
{
    memset(vnet, 0, sizeof *vnet);
    if (plan->csum) {
        vnet->flags = VIRTIO_NET_HDR_F_DATA_VALID;
    } else {
        vnet->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
        vnet->csum_start = (OVS_FORCE __virtio16) d->inner.l4_ofs;
        vnet->csum_offset = (OVS_FORCE __virtio16)
            offsetof(struct tcp_header, tcp_csum);
    }
}

/* Adds the packets that 'plan' makes of superpacket 'p', described by 'd', to
 * 'frames', from number 'first' on, until there is no more room.  Returns the
 * number of the first one that did not fit, 'plan->n_packets' if all did.
 *
 * 'plan->method' must be TNL_GSO_SOFTWARE, and 'd->hdr_len' no more than
 * TNL_GSO_MAX_FRAME_HEAD minus a cache line.  'p' must stay until the frames
 * have been sent. */
uint32_t
tnl_gso_frames_cut(struct tnl_gso_frames *frames, const struct dp_packet *p,
                   const struct tnl_gso_desc *d,
                   const struct tnl_gso_plan *plan, uint32_t first)
{
    char *frame = dp_packet_data(p);
    struct virtio_net_hdr vnet;
    struct tnl_gso_finish f;
    uint32_t i;

    put_vnet_hdr(&vnet, d, plan);
    tnl_gso_finish_init(&f, frame, d, plan);
    for (i = first; i < plan->n_packets && frames->n < TNL_GSO_MAX_FRAMES;
         i++) {
        uint32_t ofs = i * plan->unit;
        uint32_t len = MIN(plan->unit, d->payload_len - ofs);
        uint8_t *head = frames->area + frames->area_len;
        struct iovec *iov = frames->iov[frames->n++];
        char *payload = frame + d->hdr_len + ofs;

        memcpy(head, &vnet, sizeof vnet);
        memcpy(head + sizeof vnet, frame, d->hdr_len);
        tnl_gso_finish_frame(&f, head + sizeof vnet, i, len,
                             plan->csum ? csum_fold(payload, len) : 0);
        iov[0].iov_base = head;
        iov[0].iov_len = sizeof vnet + d->hdr_len;
        iov[1].iov_base = payload;
        iov[1].iov_len = len;
        frames->area_len += ROUND_UP(iov[0].iov_len, CACHE_LINE_SIZE);
    }
    return i;
}
