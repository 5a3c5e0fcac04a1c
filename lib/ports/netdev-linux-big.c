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

#include "ports/netdev-linux-big.h"

#include <netinet/in.h>
#include <netinet/ip6.h>
#include <string.h>
#include <sys/mman.h>

#include "core/tnl-gso-buf.h"
#include "core/tnl-gso-packet.h"
#include "core/tnl-gso-port.h"
#include "dp-packet.h"
#include "openvswitch/vlog.h"
#include "ovs-thread.h"
#include "packets.h"
#include "ports/tnl-gso-rx.h"
#include "stages/tnl-gso-desc.h"
#include "stages/tnl-gso-finish.h"
#include "stages/tnl-gso-plan.h"
#include "tnl-gso.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(netdev_linux_big);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

enum { MEMORY_SIZE = NETDEV_MAX_BURST * NETDEV_LINUX_BIG_SIZE };

/* Bytes in front of each packet that we make: enough for the longest tunnel
 * header, Geneve over IPv6 with 252 bytes of options, and a vnet header, so
 * that a push neither copies it nor has to cut it again. */
enum { HEADROOM = 512 };
enum { MAX_LEN = UINT16_MAX - HEADROOM };

/* The memory of a thread, or null if it has none yet, or MAP_FAILED. */
DEFINE_STATIC_PER_THREAD_DATA(void *, my_memory, NULL);
static ovsthread_key_t memory_key;

/* The destructor of 'memory_key', called by the thread that ends. */
static void
memory_destroy(void *memory)
{
    *my_memory_get() = NULL;
    munmap(memory, MEMORY_SIZE);
}

/* Returns MEMORY_SIZE bytes for the calling thread, unmapped when it ends, or
 * MAP_FAILED.  They are address space only, until the kernel writes to
 * them. */
static void *
memory_create(void)
{
    static struct ovsthread_once once = OVSTHREAD_ONCE_INITIALIZER;
    void *memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (ovsthread_once_start(&once)) {
        ovsthread_key_create(&memory_key, memory_destroy);
        ovsthread_once_done(&once);
    }
    if (memory != MAP_FAILED) {
        ovsthread_setspecific(memory_key, memory);
    }
    return memory;
}

/* Returns where message 'i' continues: NETDEV_LINUX_BIG_SIZE bytes, which
 * belong to the calling thread and are valid until it receives again.  Returns
 * null if the system has none.  Only pages that the kernel has written to take
 * memory. */
char *
netdev_linux_big_memory(size_t i)
{
    void **memory = my_memory_get();

    if (OVS_UNLIKELY(!*memory)) {
        *memory = memory_create();
    }
    return (OVS_LIKELY(*memory != MAP_FAILED)
            ? (char *) *memory + i * NETDEV_LINUX_BIG_SIZE : NULL);
}

/* Removes from 'p', described by '*d', a hop-by-hop header that says nothing
 * but its length in 32 bits: RFC 2675 section 2.  Linux puts it into packets
 * of more than 64 kB only, and removes it itself: Linux v6.18
 * ipv6_hopopt_jumbo_remove().  Returns true if there was one; '*d' is then no
 * longer right. */
static bool
strip_jumbo(struct dp_packet *p, const struct tnl_gso_desc *d)
{
    enum { LEN = 8, OPT_JUMBO = 0xc2, OPT_LEN = 4 };
    size_t end = d->inner.ofs + IPV6_HEADER_LEN;
    struct ovs_16aligned_ip6_hdr *ip6 = dp_packet_at_assert(p, d->inner.ofs,
                                                            IPV6_HEADER_LEN);
    const uint8_t *hop;

    if (d->inner.version != 6 || ip6->ip6_nxt != IPPROTO_HOPOPTS) {
        return false;
    }
    hop = dp_packet_at_assert(p, end, LEN);
    if (hop[1] || hop[2] != OPT_JUMBO || hop[3] != OPT_LEN) {
        return false;
    }
    ip6->ip6_nxt = hop[0];
    memmove((char *) dp_packet_data(p) + LEN, dp_packet_data(p), end);
    dp_packet_pull(p, LEN);
    return true;
}

/* Describes superpacket 'p', of which 'rest_len' more bytes of payload are
 * elsewhere, in '*d'.  Returns TNL_GSO_OK, or the reason why it cannot be
 * split. */
static enum tnl_gso_reason
describe(struct dp_packet *p, size_t rest_len, struct tnl_gso_desc *d)
{
    enum tnl_gso_reason reason;

    if (!tnl_gso_is_super(p)) {
        return TNL_GSO_R_TOO_BIG;
    }
    reason = tnl_gso_describe(p, d);
    if (!reason && (d->rco || !d->l4_partial)) {
        /* It cannot be split, only cut into segments or IP fragments. */
        return TNL_GSO_R_TOO_BIG;
    }
    if (!reason && strip_jumbo(p, d)) {
        reason = tnl_gso_describe(p, d);
    }
    if (!reason) {
        d->payload_len += rest_len;
        d->n_segs = DIV_ROUND_UP(d->payload_len, d->mss);
    }
    return reason;
}

/* Copies 'len' bytes of payload of 'p', from byte 'ofs' on, to 'dst'.  'd'
 * describes 'p', and 'rest' is where its payload continues. */
static void
copy_payload(char *dst, const struct dp_packet *p,
             const struct tnl_gso_desc *d, const char *rest,
             size_t ofs, size_t len)
{
    size_t here = dp_packet_size(p) - d->hdr_len;
    size_t n = ofs < here ? MIN(len, here - ofs) : 0;

    if (n) {
        memcpy(dst, (char *) dp_packet_data(p) + d->hdr_len + ofs, n);
    }
    if (n < len) {
        memcpy(dst + n, rest + (ofs + n - here), len - n);
    }
}

/* Splits superpacket 'p', which 'rx' has received and
 * netdev_linux_vnet_parse() has marked, and adds the parts to 'batch' or keeps
 * them for later turns of 'rx'.  The last 'rest_len' bytes of 'p' are in the
 * memory of message 'i'.  There are as few parts as a dp_packet and a tunnel
 * header leave room for, with the headers that Linux' GSO would give them
 * (tnl-gso-finish.c), so that they are cut into the segments that Linux would
 * make.  Takes ownership of 'p'.
 *
 * Returns false, having counted a drop, if this is no superpacket, or one that
 * cannot be described. */
bool
netdev_linux_big_add(struct netdev_rxq *rx, struct dp_packet_batch *batch,
                     struct dp_packet *p, size_t rest_len, size_t i)
{
    const char *rest = netdev_linux_big_memory(i);
    struct netdev *netdev = rx->netdev;
    const struct tnl_gso_l3 *first, *second;
    struct tnl_gso_finish f;
    struct tnl_gso_desc d;
    struct tnl_gso_plan plan = { .n_packets = 0 };
    enum tnl_gso_reason reason = describe(p, rest_len, &d);

    if (!reason) {
        tnl_gso_plan_split(&d, MAX_LEN, &plan);
        reason = plan.reason;
    }
    if (reason) {
        tnl_gso_count_drop(netdev->tnl_gso, reason);
        VLOG_WARN_RL(&rl, "%s: Dropped packet: Too big: %"PRIuSIZE" bytes, %s",
                     netdev_get_name(netdev), dp_packet_size(p) + rest_len,
                     tnl_gso_reason_to_string(reason));
        dp_packet_delete(p);
        return false;
    }

    first = d.outer_l4 != TNL_GSO_OUTER_NONE ? &d.outer : &d.inner;
    second = d.outer_l4 != TNL_GSO_OUTER_NONE ? &d.inner : NULL;
    tnl_gso_finish_init(&f, dp_packet_data(p), &d, &plan);
    for (uint32_t n = 0; n < plan.n_packets; n++) {
        uint32_t ofs = n * plan.unit;
        uint32_t len = MIN(plan.unit, d.payload_len - ofs);
        struct dp_packet *part = tnl_gso_buf_new_rx(HEADROOM);

        dp_packet_set_size(part, d.hdr_len + len);
        copy_payload((char *) dp_packet_data(part) + d.hdr_len, p, &d,
                     rest, ofs, len);
        tnl_gso_packet_copy_marks(part, p);
        tnl_gso_packet_set_offsets(part, first, second);
        tnl_gso_finish(&f, part, n, len, 0);
        tnl_gso_rx_add(rx, batch, part);
    }
    dp_packet_delete(p);
    return true;
}
