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

#ifndef TNL_GSO_FRAMES_H
#define TNL_GSO_FRAMES_H 1

/* Segments without packets, for kernel ports.
 *
 * The kernel copies all data that it gets.  So for a kernel port the segment
 * stage makes no copy of its own.  A segment consists of headers, written
 * into an area that is used again and again, and of a pointer to its payload
 * in the superpacket.  The payload is read for its checksum, or not at all if
 * the port completes that.
 *
 * The kernel takes a frame as one packet.  It is a vnet header and one
 * segment, or a train of them:
 *
 *    | vnet header | outer headers | VXLAN, inner headers | payload |
 *                                  | VXLAN, inner headers | payload | ...
 *
 * or a whole superpacket, whose pieces arrived one by one (tnl-gro-gather.h):
 *
 *    | vnet header | headers | payload | payload | ...
 *
 * or a whole superpacket in a tunnel, for the port's relay
 * (netdev-linux-relay.h), behind the longer vnet header that this takes:
 *
 *    | vnet header with offsets of the tunnel | headers | payload |
 *
 * Filled by tnl_gso_frames_cut(), with as many superpackets as fit, and sent
 * by the port's driver (netdev-linux-tnl.c).  One per thread. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "stages/tnl-gso-desc.h"
#include "stages/tnl-gso-finish.h"
#include "stages/tnl-gso-plan.h"
#include "util.h"

struct dp_packet;

/* Two superpackets of a 1,500 byte MTU, with some room; two trains. */
enum { TNL_GSO_MAX_FRAMES = 128 };

BUILD_ASSERT_DECL(TNL_GSO_MAX_UDP_GSO_SEGS <= TNL_GSO_MAX_FRAMES);

/* Bytes that the vnet header and the headers of a segment may take. */
enum { TNL_GSO_MAX_FRAME_HEAD = 64 + TNL_GSO_MAX_TEMPLATE };

/* Pieces 'first' to 'first + n - 1' of 'iov'. */
struct tnl_gso_frame {
    uint32_t first;
    uint32_t n;
    uint32_t len;               /* Bytes, vnet header included. */
    uint16_t super;             /* The caller's number of its superpacket. */
    uint16_t segment;           /* Number of the first segment in it. */
    uint16_t n_segs;            /* Segments that it becomes in the end. */
    bool train;                 /* They are those of a train. */
    bool relay;                 /* For the port's relay. */
};

struct tnl_gso_frames {
    size_t vnet_size;           /* Bytes of a vnet header. */
    size_t n;
    struct tnl_gso_frame frame[TNL_GSO_MAX_FRAMES];
    size_t n_iov;
    struct iovec iov[2 * TNL_GSO_MAX_FRAMES]; /* Headers, payload, ... */
    size_t area_len;            /* Bytes of 'area' in use. */
    OVS_ALIGNED_VAR(16) uint8_t area[TNL_GSO_MAX_FRAMES
                                     * TNL_GSO_MAX_FRAME_HEAD];
};

struct tnl_gso_frames *tnl_gso_frames_get(size_t vnet_size);
bool tnl_gso_frames_can_hold(const struct tnl_gso_desc *);
bool tnl_gso_frames_for_relay(const struct tnl_gso_desc *,
                              const struct tnl_gso_plan *);
bool tnl_gso_frames_have_room(const struct tnl_gso_frames *,
                              const struct tnl_gso_desc *);
uint32_t tnl_gso_frames_cut(struct tnl_gso_frames *, uint16_t super,
                            const struct dp_packet *,
                            const struct tnl_gso_desc *,
                            const struct tnl_gso_plan *, uint32_t first);
uint8_t *tnl_gso_frames_add_whole(struct tnl_gso_frames *, uint16_t super,
                                  const struct tnl_gso_desc *, bool cwr);
void tnl_gso_frames_add_piece(struct tnl_gso_frames *, const void *,
                              size_t len);
void tnl_gso_frames_clear(struct tnl_gso_frames *);

#endif /* tnl-gso-frames.h */
