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
#include "unaligned.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(netdev_linux_big);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

enum { MEMORY_SIZE = NETDEV_MAX_BURST * NETDEV_LINUX_BIG_SIZE };

/* Bytes in front of each packet that we make: enough for the longest tunnel
 * header, Geneve over IPv6 with 252 bytes of options, and a vnet header, so
 * that a push neither copies it nor has to cut it again. */
enum { HEADROOM = 512 };
enum { MAX_LEN = UINT16_MAX - HEADROOM };

/* Messages of those received at once that have buffers for parts.  More of
 * them wait seldom: NETDEV_LINUX_BIG_SIZE times this many is what a packet
 * socket has room for. */
enum { N_SLOTS = 8 };

/* Parts that a packet may become.  More than half of MAX_LEN is payload in
 * each, unless somebody sends headers of more than 30 kB. */
enum { MAX_PARTS = NETDEV_MAX_BURST };

/* A layout that nothing has needed for so many packets is given up. */
enum { MAX_OTHERS = 4096 };

/* Where a message continues behind its two usual buffers. */
struct slot {
    uint32_t unit;              /* Bytes in each of 'parts' but the last; 0:
                                 * it continues in a piece of 'memory'. */
    uint32_t hdr_len;           /* Bytes of headers that 'parts' have room
                                 * for behind HEADROOM. */
    size_t aux_len;             /* What the second buffer has room for. */
    struct dp_packet *parts[NETDEV_LINUX_BIG_PARTS]; /* Empty, or null. */
};

/* What a thread receives into. */
struct mine {
    char *memory;               /* MEMORY_SIZE bytes, or null. */
    struct slot slots[N_SLOTS];
    size_t first_len;           /* Bytes of the usual buffers of the message
                                 * that was taken last. */
};

DEFINE_STATIC_PER_THREAD_DATA(struct mine *, my_big, NULL);
static ovsthread_key_t my_key;

/* The destructor of 'my_key', called by the thread that ends. */
static void
mine_destroy(void *mine_)
{
    struct mine *mine = mine_;

    *my_big_get() = NULL;
    for (size_t i = 0; i < N_SLOTS; i++) {
        for (size_t n = 0; n < NETDEV_LINUX_BIG_PARTS; n++) {
            dp_packet_delete(mine->slots[i].parts[n]);
        }
    }
    if (mine->memory) {
        munmap(mine->memory, MEMORY_SIZE);
    }
    free(mine);
}

/* Returns what the calling thread receives into, freed when it ends.  Its
 * memory is address space only, until the kernel writes to it, and null if the
 * system has none. */
static struct mine *
mine_create(void)
{
    static struct ovsthread_once once = OVSTHREAD_ONCE_INITIALIZER;
    struct mine *mine = xzalloc(sizeof *mine);
    void *memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    mine->memory = memory != MAP_FAILED ? memory : NULL;
    if (ovsthread_once_start(&once)) {
        ovsthread_key_create(&my_key, mine_destroy);
        ovsthread_once_done(&once);
    }
    ovsthread_setspecific(my_key, mine);
    return mine;
}

static struct mine *
mine_get(void)
{
    struct mine **mine = my_big_get();

    if (OVS_UNLIKELY(!*mine)) {
        *mine = mine_create();
    }
    return *mine;
}

/* Returns a buffer for a part: payload goes behind HEADROOM and 'hdr_len'
 * bytes of headers. */
static struct dp_packet *
new_part(size_t hdr_len)
{
    return tnl_gso_buf_new_rx(HEADROOM + hdr_len);
}

/* Has 'slot' ready for 'layout'. */
static void
slot_fill(struct slot *slot, const struct netdev_linux_big *layout)
{
    bool fits = slot->hdr_len == layout->hdr_len;

    for (size_t n = 0; n < NETDEV_LINUX_BIG_PARTS; n++) {
        if (slot->parts[n] && !fits) {
            dp_packet_delete(slot->parts[n]);
            slot->parts[n] = NULL;
        }
        if (!slot->parts[n]) {
            slot->parts[n] = new_part(layout->hdr_len);
        }
    }
    slot->hdr_len = layout->hdr_len;
}

/* netdev_linux_big_prepare() for a message that has two buffers: adds ours. */
void
netdev_linux_big_prepare__(const struct netdev_linux_big *layout,
                           struct msghdr *msg, size_t i)
{
    struct mine *mine = mine_get();
    struct iovec *iov = msg->msg_iov;
    struct slot *slot = i < N_SLOTS ? &mine->slots[i] : NULL;
    size_t first_len = layout->first_len;

    if (slot) {
        slot->unit = 0;
    }
    if (slot && layout->unit && layout->n_others <= MAX_OTHERS
        && first_len > iov[0].iov_len
        && first_len - iov[0].iov_len <= iov[1].iov_len) {
        slot_fill(slot, layout);
        slot->unit = layout->unit;
        slot->aux_len = iov[1].iov_len;
        iov[1].iov_len = first_len - iov[0].iov_len;
        for (size_t n = 0; n < NETDEV_LINUX_BIG_PARTS; n++) {
            iov[msg->msg_iovlen++] = (struct iovec) {
                .iov_base = dp_packet_data(slot->parts[n]),
                .iov_len = layout->unit,
            };
        }
    } else if (mine->memory) {
        iov[msg->msg_iovlen++] = (struct iovec) {
            .iov_base = mine->memory + i * NETDEV_LINUX_BIG_SIZE,
            .iov_len = NETDEV_LINUX_BIG_SIZE,
        };
    }
}

/* Returns part 'n' of 'slot', which becomes the caller's. */
static struct dp_packet *
take_part(struct slot *slot, size_t n)
{
    struct dp_packet *part = slot->parts[n];

    slot->parts[n] = NULL;
    return part;
}

/* Copies 'len' bytes to 'dst' from byte 'ofs' on of what message 'i' has
 * behind its usual buffers. */
static void
copy_rest(char *dst, const struct mine *mine, size_t i, size_t ofs, size_t len)
{
    const struct slot *slot = i < N_SLOTS ? &mine->slots[i] : NULL;

    if (!slot || !slot->unit) {
        memcpy(dst, mine->memory + i * NETDEV_LINUX_BIG_SIZE + ofs, len);
        return;
    }
    while (len) {
        const char *part = dp_packet_data(slot->parts[ofs / slot->unit]);
        size_t skip = ofs % slot->unit;
        size_t n = MIN(len, slot->unit - skip);

        memcpy(dst, part + skip, n);
        dst += n, ofs += n, len -= n;
    }
}

/* netdev_linux_big_take() for message 'i', which is longer than the buffers
 * that it may have used.  If it would not be had it had all of them, its end
 * goes there. */
size_t
netdev_linux_big_take__(struct netdev_linux_big *layout, struct mmsghdr *msg,
                        size_t i)
{
    struct mine *mine = mine_get();
    struct iovec *iov = msg->msg_hdr.msg_iov;
    size_t rest = msg->msg_len - (iov[0].iov_len + iov[1].iov_len);

    if (i < N_SLOTS && mine->slots[i].unit
        && msg->msg_len <= iov[0].iov_len + mine->slots[i].aux_len) {
        copy_rest((char *) iov[1].iov_base + iov[1].iov_len, mine, i, 0, rest);
        layout->n_others++;
        return 0;
    }
    mine->first_len = iov[0].iov_len + iov[1].iov_len;
    layout->n_others = 0;
    msg->msg_len -= rest;
    return rest;
}

/* Options of IPv6: RFC 8200 section 4.2, RFC 2675 section 2. */
enum { OPT_PAD1 = 0, OPT_JUMBO = 0xc2 };

/* Looks for a jumbo payload option in the IPv6 extension headers from byte
 * 'ofs' of 'p' to 'end', which the parser has found, the first of type 'next'.
 * Nothing but the hop-by-hop header has one: RFC 2675 section 2.  Returns
 * true if there is one, wherever. */
static bool
has_jumbo(const struct dp_packet *p, uint8_t next, size_t ofs, size_t end)
{
    while (ofs < end) {
        const uint8_t *ext = dp_packet_at_assert(p, ofs, 8);
        size_t len = (next == IPPROTO_AH ? (ext[1] + 2) * 4
                      : (ext[1] + 1) * 8);

        if (next == IPPROTO_HOPOPTS || next == IPPROTO_DSTOPTS) {
            for (size_t i = 2; i < len; ) {
                if (ext[i] == OPT_JUMBO) {
                    return true;
                }
                i += ext[i] == OPT_PAD1 || i + 1 >= len ? 1 : 2 + ext[i + 1];
            }
        }
        next = ext[0];
        ofs += len;
    }
    return false;
}

/* Removes from 'p', described by '*d', the header that Linux puts in front of
 * all others in IPv6 packets of more than 64 kB, and removes again when it
 * cuts them: a hop-by-hop header that says nothing but their length, in 32
 * bits (RFC 2675 section 2; Linux v6.18 ip6_xmit(), ipv6_gro_complete(),
 * ipv6_hopopt_jumbo_remove()).  'rest_len' more bytes of 'p' are elsewhere.
 * '*stripped' tells whether there was one; '*d' is then no longer right.
 *
 * Returns TNL_GSO_R_L3 if that length is not the packet's, or not more than
 * 64 kB, or if the option is anywhere else: it would still be there in
 * segments that it is not true of. */
static enum tnl_gso_reason
strip_jumbo(struct dp_packet *p, const struct tnl_gso_desc *d, size_t rest_len,
            bool *stripped)
{
    enum { LEN = 8, OPT_LEN = 4 };
    size_t end = d->inner.ofs + IPV6_HEADER_LEN;
    struct ovs_16aligned_ip6_hdr *ip6;
    const uint8_t *hop;
    uint32_t said;

    *stripped = false;
    if (d->inner.version != 6 || !d->inner.ext) {
        return TNL_GSO_OK;
    }
    ip6 = dp_packet_at_assert(p, d->inner.ofs, IPV6_HEADER_LEN);
    hop = dp_packet_at_assert(p, end, LEN);
    if (ip6->ip6_nxt == IPPROTO_HOPOPTS && !hop[1] && hop[2] == OPT_JUMBO
        && hop[3] == OPT_LEN) {
        said = ntohl(get_unaligned_be32(ALIGNED_CAST(const ovs_be32 *,
                                                     hop + 4)));
        if (said <= UINT16_MAX || said != dp_packet_size(p) - end + rest_len
            || has_jumbo(p, hop[0], end + LEN, d->inner.l4_ofs)) {
            return TNL_GSO_R_L3;
        }
        ip6->ip6_nxt = hop[0];
        memmove((char *) dp_packet_data(p) + LEN, dp_packet_data(p), end);
        dp_packet_pull(p, LEN);
        *stripped = true;
        return TNL_GSO_OK;
    }
    return (has_jumbo(p, ip6->ip6_nxt, end, d->inner.l4_ofs)
            ? TNL_GSO_R_L3 : TNL_GSO_OK);
}

/* Describes superpacket 'p', of which 'rest_len' more bytes of payload are
 * elsewhere, in '*d'.  Returns TNL_GSO_OK, or the reason why it cannot be
 * split.
 *
 * Lengths in IP and UDP headers are not looked at: 16 bits cannot hold these,
 * Linux writes 0 (iph_set_totlen()), and all of them are written anew. */
static enum tnl_gso_reason
describe(struct dp_packet *p, size_t rest_len, struct tnl_gso_desc *d)
{
    enum tnl_gso_reason reason;
    bool stripped;

    if (!tnl_gso_is_super(p)) {
        return TNL_GSO_R_TOO_BIG;
    }
    reason = tnl_gso_describe(p, d);
    if (!reason && (d->rco || !d->l4_partial)) {
        /* It cannot be split, only cut into segments or IP fragments. */
        return TNL_GSO_R_TOO_BIG;
    }
    if (!reason) {
        reason = strip_jumbo(p, d, rest_len, &stripped);
        if (!reason && stripped) {
            reason = tnl_gso_describe(p, d);
        }
    }
    if (!reason) {
        d->payload_len += rest_len;
        d->n_segs = DIV_ROUND_UP(d->payload_len, d->mss);
    }
    return reason;
}

/* Makes '*plan' for the packet that is described by 'd'.  Unlike
 * tnl_gso_plan_split() it does not look at what is left for the last part, so
 * that packets of any length have the same parts.  Returns TNL_GSO_OK, or the
 * reason why there is no plan. */
static enum tnl_gso_reason
make_plan(const struct tnl_gso_desc *d, struct tnl_gso_plan *plan)
{
    tnl_gso_plan_split(d, MAX_LEN, plan);
    if (plan->reason) {
        return plan->reason;
    }
    plan->unit = ROUND_DOWN(MAX_LEN - d->hdr_len, d->mss);
    plan->n_packets = DIV_ROUND_UP(d->payload_len, plan->unit);
    return plan->n_packets > MAX_PARTS ? TNL_GSO_R_TOO_BIG : TNL_GSO_OK;
}

/* Has '*layout' say how the next packet comes without being copied, if it is
 * like the one that is described by 'd': 'here' bytes of its payload were in
 * the 'first_len' bytes of the usual buffers, and its parts have 'unit' bytes
 * each.  With a part of one segment in the usual buffers, what is parsed there
 * would look like an ordinary packet. */
static void
learn(struct netdev_linux_big *layout, const struct tnl_gso_desc *d,
      uint32_t unit, size_t here, size_t first_len)
{
    *layout = (struct netdev_linux_big) { .unit = 0 };
    if (unit > d->mss
        && unit * NETDEV_LINUX_BIG_PARTS >= NETDEV_LINUX_BIG_SIZE) {
        layout->unit = unit;
        layout->hdr_len = d->hdr_len;
        layout->first_len = first_len - here + unit;
    }
}

/* Is the payload of the packet described by 'd', of which 'here' bytes are in
 * its first buffers and the others in 'slot', where parts of 'unit' bytes have
 * it?  Its headers are then as long as what 'slot' has room for, a VLAN tag
 * apart. */
static bool
is_in_place(const struct tnl_gso_desc *d, const struct slot *slot,
            uint32_t unit, size_t here)
{
    return (slot && slot->unit == unit && here == unit
            && d->hdr_len <= TNL_GSO_MAX_TEMPLATE);
}

/* Gives 'part', whose payload is there and whose headers are not, what does
 * not depend on it and is in 'p', described by 'd'. */
static void
take_after(struct dp_packet *part, const struct dp_packet *p,
           const struct tnl_gso_desc *d)
{
    bool tunnel = d->outer_l4 != TNL_GSO_OUTER_NONE;

    tnl_gso_packet_copy_marks(part, p);
    tnl_gso_packet_set_offsets(part, tunnel ? &d->outer : &d->inner,
                               tunnel ? &d->inner : NULL);
}

/* Returns a packet with room for the headers of 'p', described by 'd', and
 * with the 'len' bytes of its payload from byte 'ofs' on.  'here' bytes of
 * that are in 'p', the others in message 'i'. */
static struct dp_packet *
copy_part(const struct mine *mine, size_t i, const struct dp_packet *p,
          const struct tnl_gso_desc *d, size_t here, size_t ofs, size_t len)
{
    struct dp_packet *part = new_part(d->hdr_len);
    size_t n = ofs < here ? MIN(len, here - ofs) : 0;
    char *dst = dp_packet_data(part);

    memcpy(dst, (char *) dp_packet_data(p) + d->hdr_len + MIN(ofs, here), n);
    if (n < len) {
        copy_rest(dst + n, mine, i, ofs + n - here, len - n);
    }
    return part;
}

/* Splits superpacket 'p', which 'rx' has received as message 'i' and
 * netdev_linux_vnet_parse() has marked, and adds the parts to 'batch' or keeps
 * them for later turns of 'rx'.  The last 'rest_len' bytes of 'p' are in
 * buffers of ours.  There are as few parts as a dp_packet and a tunnel header
 * leave room for, with the headers that Linux' GSO would give them
 * (tnl-gso-finish.c), so that they are cut into the segments that Linux would
 * make.  Takes ownership of 'p'.
 *
 * If the payload was received as '*layout' has it, those buffers become the
 * parts.  Otherwise it is copied, and '*layout' changed for the next one.
 *
 * Returns false, having counted a drop, if this is no superpacket, or one that
 * cannot be described. */
bool
netdev_linux_big_add(struct netdev_linux_big *layout, struct netdev_rxq *rx,
                     struct dp_packet_batch *batch, struct dp_packet *p,
                     size_t rest_len, size_t i)
{
    struct mine *mine = mine_get();
    struct slot *slot = i < N_SLOTS ? &mine->slots[i] : NULL;
    struct tnl_gso_port *port = rx->netdev->tnl_gso;
    struct tnl_gso_plan plan = { .n_packets = 0 };
    struct tnl_gso_finish f;
    struct tnl_gso_desc d;
    enum tnl_gso_reason reason = describe(p, rest_len, &d);
    struct dp_packet *parts[MAX_PARTS];
    bool in_place;
    size_t here;

    if (!reason) {
        reason = make_plan(&d, &plan);
    }
    if (reason) {
        tnl_gso_count_drop(port, reason, p);
        VLOG_WARN_RL(&rl, "%s: Dropped packet: Too big: %"PRIuSIZE" bytes, %s",
                     netdev_get_name(rx->netdev), dp_packet_size(p) + rest_len,
                     tnl_gso_reason_to_string(reason));
        dp_packet_delete(p);
        return false;
    }

    here = dp_packet_size(p) - d.hdr_len;
    in_place = is_in_place(&d, slot, plan.unit, here);
    tnl_gso_count_event(port, TNL_GSO_E_RX_BIG);
    if (!in_place) {
        tnl_gso_count_event(port, TNL_GSO_E_RX_BIG_COPIED);
        learn(layout, &d, plan.unit, here, mine->first_len);
    }
    tnl_gso_finish_init(&f, dp_packet_data(p), &d, &plan);
    /* 'p', from which the others get their marks, is finished last. */
    for (uint32_t n = plan.n_packets; n-- > 0; ) {
        uint32_t ofs = n * plan.unit;
        uint32_t len = MIN(plan.unit, d.payload_len - ofs);

        if (in_place && !n) {
            parts[n] = p;
        } else {
            parts[n] = (in_place ? take_part(slot, n - 1)
                        : copy_part(mine, i, p, &d, here, ofs, len));
            dp_packet_push_uninit(parts[n], d.hdr_len);
            dp_packet_set_size(parts[n], d.hdr_len + len);
        }
        take_after(parts[n], p, &d);
        tnl_gso_finish(&f, parts[n], n, len, 0);
    }
    if (!in_place) {
        dp_packet_delete(p);
    }
    for (uint32_t n = 0; n < plan.n_packets; n++) {
        tnl_gso_rx_add(rx, batch, parts[n]);
    }
    return true;
}
