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

#ifndef TNL_GSO_BUF_H
#define TNL_GSO_BUF_H 1

/* Buffers for segments and for received packets, from a pool.
 *
 * Allocated by the segment stage (tnl-gso-seg.c, tnl-gso-train.c), by
 * netdev-linux.c and netdev-linux-big.c for packets that they receive, and by
 * stt-frame.c for STT frames; freed by dp_packet_delete() wherever a packet
 * ends: 'source' is DPBUF_POOL.  Must not know what is in a packet.
 *
 * Any code may do this with such a packet, which it cannot tell from others:
 *
 *   - keep it, hand it to another thread, write all of it, its headroom and
 *     its tailroom;
 *   - have its data moved, by dp_packet_resize() and its callers: the data is
 *     then in memory from malloc(), and the packet still in the pool's;
 *   - copy it: dp_packet_clone() returns packets from malloc();
 *   - take its data, by dp_packet_steal_data(), which copies;
 *   - free it, by dp_packet_delete() only, in any thread, also in one that is
 *     ending.  dp_packet_uninit() is for owners of the structure.
 *
 * No code may copy the structure, as dp_packet_swap() does: the buffer is
 * around it.  It has to call tnl_gso_buf_to_malloc() first.  The same is true
 * of packets of DPDK and AF_XDP.
 *
 * A dp_packet counts its room in 16 bits: headroom, data and tailroom are no
 * more than 65,535 bytes.  Everything here keeps to that, and so must callers
 * that pass a 'size' and a 'headroom': tnl_gso_headroom().
 *
 * A malloc() for the packet and another one for its data would cost more than
 * copying the payload of a segment does, and memory for a superpacket would
 * come from the system and go back each time.  Each thread keeps the buffers
 * that it has freed, and hands out the one freed last, which is still in its
 * cache.  A buffer belongs to no thread: the thread that frees it keeps it, so
 * there are no locks and nothing to send back.  Each thread keeps a bounded
 * number, and frees them when it ends. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util.h"

struct dp_packet;
struct netdev;

/* Returns how many of 'wanted' bytes of headroom a dp_packet can have in front
 * of 'size' bytes of data: all of them, or else a multiple of 'align'. */
static inline size_t
tnl_gso_headroom(size_t size, size_t wanted, size_t align)
{
    return size + wanted <= UINT16_MAX ? wanted
           : size >= UINT16_MAX ? 0 : ROUND_DOWN(UINT16_MAX - size, align);
}

struct dp_packet *tnl_gso_alloc_any(const struct netdev *, size_t size,
                                    size_t headroom);
struct dp_packet *tnl_gso_buf_new(const struct netdev *, size_t size,
                                  size_t headroom);
struct dp_packet *tnl_gso_buf_new_rx(size_t headroom);
void tnl_gso_buf_reserve_rx(struct dp_packet *[], size_t n, size_t *fitted,
                            size_t headroom);
size_t tnl_gso_buf_rx_len(size_t len, bool aux);
struct dp_packet *tnl_gso_buf_new_rx_std(size_t size);
struct dp_packet *tnl_gso_buf_new_parts(size_t size);
struct dp_packet *tnl_gso_alloc_super(const struct netdev *, size_t size,
                                      size_t headroom);
size_t tnl_gso_buf_parts_memory(size_t size);
struct dp_packet *tnl_gso_buf_received(struct dp_packet *);
struct dp_packet *tnl_gso_buf_to_malloc(struct dp_packet *);
void tnl_gso_buf_free(struct dp_packet *);
void tnl_gso_buf_free_data(struct dp_packet *);

/* Buffers of all threads together. */
struct tnl_gso_buf_usage {
    size_t n_bufs;              /* Existing buffers. */
    size_t n_idle;              /* Of these, kept for the next segment. */
    size_t bytes;               /* Memory of all of them. */
};
void tnl_gso_buf_usage_get(struct tnl_gso_buf_usage *);

#endif /* tnl-gso-buf.h */
