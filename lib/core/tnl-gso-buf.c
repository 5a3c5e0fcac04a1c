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

#include "core/tnl-gso-buf.h"

#include "dp-packet.h"
#include "openvswitch/list.h"
#include "ovs-atomic.h"
#include "ovs-thread.h"
#include "util.h"

/* A packet and its data, in one piece.  The data starts at a cache line. */
struct buf {
    PADDED_MEMBERS(CACHE_LINE_SIZE,
        struct dp_packet packet;
        size_t class;           /* Index into 'classes'.  Not in a cache line
                                 * that a segment uses: see class_of(). */
    );
};

BUILD_ASSERT_DECL(offsetof(struct buf, packet) == 0);

/* Bytes of headroom that a received superpacket has for a tunnel header: those
 * of the usual ones, and a vnet header. */
enum { RX_HEADROOM = 128 };

/* Shorter data, in bytes, does not get a buffer of 64 kB. */
enum { LITTLE = 16 * 1024 };

/* Sizes of data, in bytes: a segment of a 1,500 byte MTU and of jumbo frames,
 * with tunnel headers, Geneve options and headroom.  Of these, 'max_idle' are
 * kept for each thread: as many as five superpackets need, or one with an mss
 * of 256 bytes.
 *
 * A buffer for a received superpacket has as much room as a dp_packet can
 * have, and two batches of them are kept.  'in_front' more bytes of memory lie
 * in front of that room: tnl_gso_buf_received(). */
static const struct {
    size_t data_size;
    size_t max_idle;
    size_t in_front;
} classes[] = {
    { 2048, 256, 0 },
    { 10240, 32, 0 },
    { UINT16_MAX, 64, RX_HEADROOM },
};
enum { N_CLASSES = ARRAY_SIZE(classes), MAX_IDLE = 256 };
enum { RX_CLASS = N_CLASSES - 1, N_SMALL_CLASSES = RX_CLASS };

/* The idle buffers of one thread; the one freed last is on top. */
struct stack {
    struct ovs_list node;       /* In 'stacks'. */
    atomic_size_t n[N_CLASSES]; /* Written by the owner only. */
    struct buf *bufs[N_CLASSES][MAX_IDLE];
};

static struct ovs_mutex stacks_mutex = OVS_MUTEX_INITIALIZER;
static struct ovs_list stacks OVS_GUARDED_BY(stacks_mutex)
    = OVS_LIST_INITIALIZER(&stacks);
static atomic_size_t n_bufs[N_CLASSES];

DEFINE_STATIC_PER_THREAD_DATA(struct stack *, my_stack, NULL);
/* The thread is ending and has no stack any more, but destructors of other
 * keys may still free packets.  In there, no key can be given a new value:
 * ovsthread_key_create(). */
DEFINE_STATIC_PER_THREAD_DATA(bool, ended, false);
static ovsthread_key_t stack_key;

/* Returns '*value', which other threads may be changing. */
static size_t
size_read(atomic_size_t *value)
{
    size_t n;

    atomic_read_relaxed(value, &n);
    return n;
}

/* The memory for data in 'buf', right behind the packet. */
static void *
buf_data(const struct buf *buf)
{
    return CONST_CAST(struct buf *, buf) + 1;
}

/* Is the data of 'buf' in it, and not somewhere that dp_packet_resize() has
 * moved it to? */
static bool
is_data_here(const struct buf *buf)
{
    const char *base = dp_packet_base(&buf->packet);
    const char *data = buf_data(buf);

    return ((uintptr_t) base >= (uintptr_t) data
            && (uintptr_t) base <= (uintptr_t) data + RX_HEADROOM);
}

/* The class of 'p', whose data is that of its buffer.  A size of data is that
 * of one class only, so that the buffer's end need not be read. */
static size_t
class_of(const struct dp_packet *p)
{
    size_t class = 0;

    while (dp_packet_get_allocated(p) != classes[class].data_size) {
        class++;
    }
    return class;
}

/* Makes the packet of 'buf', of 'class', an empty one without headroom. */
static void
buf_init(struct buf *buf, size_t class)
{
    char *base = (char *) buf_data(buf) + classes[class].in_front;

    dp_packet_use(&buf->packet, base, classes[class].data_size);
    buf->packet.source = DPBUF_POOL;
}

/* Returns a new buffer of 'class' from malloc(), aligned to a cache line, and
 * counts it.  Its packet is empty. */
static struct buf *
buf_create(size_t class)
{
    struct buf *buf = xmalloc_cacheline(sizeof *buf + classes[class].in_front
                                        + classes[class].data_size);
    size_t orig;

    buf_init(buf, class);
    buf->class = class;
    atomic_add_relaxed(&n_bufs[class], 1, &orig);
    return buf;
}

/* Gives the memory of 'buf' back to malloc(), having counted that.  The data
 * of its packet must be in it: tnl_gso_buf_free_data(). */
static void
buf_destroy(struct buf *buf)
{
    size_t orig;

    atomic_sub_relaxed(&n_bufs[buf->class], 1, &orig);
    free_cacheline(buf);
}

/* The destructor of 'stack_key', called by the thread that ends: frees its
 * stack 'stack_' and all buffers on it.  Buffers that this thread frees from
 * now on go back to malloc(). */
static void
stack_destroy(void *stack_)
{
    struct stack *stack = stack_;

    *my_stack_get() = NULL;
    *ended_get() = true;
    ovs_mutex_lock(&stacks_mutex);
    ovs_list_remove(&stack->node);
    ovs_mutex_unlock(&stacks_mutex);
    for (size_t c = 0; c < N_CLASSES; c++) {
        for (size_t i = size_read(&stack->n[c]); i-- > 0; ) {
            buf_destroy(stack->bufs[c][i]);
        }
    }
    free(stack);
}

/* Returns a new, empty stack for the calling thread, freed when the thread
 * ends, or null if it is ending. */
static struct stack *
stack_create(void)
{
    static struct ovsthread_once once = OVSTHREAD_ONCE_INITIALIZER;
    struct stack *stack;

    if (*ended_get()) {
        return NULL;
    }
    stack = xzalloc(sizeof *stack);
    if (ovsthread_once_start(&once)) {
        ovsthread_key_create(&stack_key, stack_destroy);
        ovsthread_once_done(&once);
    }
    ovsthread_setspecific(stack_key, stack);
    ovs_mutex_lock(&stacks_mutex);
    ovs_list_push_back(&stacks, &stack->node);
    ovs_mutex_unlock(&stacks_mutex);
    return stack;
}

/* Returns the calling thread's stack, or null if the thread is ending. */
static struct stack *
stack_get(void)
{
    struct stack **stack = my_stack_get();

    if (OVS_UNLIKELY(!*stack)) {
        *stack = stack_create();
    }
    return *stack;
}

/* Returns a packet like tnl_gso_buf_new(), but from malloc(): any code may get
 * it.  A tnl_gso_alloc_func. */
struct dp_packet *
tnl_gso_alloc_any(const struct netdev *netdev OVS_UNUSED, size_t size,
                  size_t headroom)
{
    struct dp_packet *p;

    ovs_assert(size + headroom <= UINT16_MAX);
    p = dp_packet_new_with_headroom(size, headroom);
    dp_packet_set_size(p, size);
    return p;
}

/* The class of the smallest buffers for a segment or an ordinary packet that
 * hold 'size' bytes, headroom included; N_SMALL_CLASSES if there is none. */
static inline size_t
class_for(size_t size)
{
    size_t class = 0;

    while (class < N_SMALL_CLASSES && size > classes[class].data_size) {
        class++;
    }
    return class;
}

/* Returns a buffer of 'class', whatever its last user has left in it. */
static inline struct buf *
buf_get(size_t class)
{
    struct stack *stack = stack_get();
    size_t n = OVS_LIKELY(stack) ? size_read(&stack->n[class]) : 0;

    if (OVS_LIKELY(n)) {
        atomic_store_relaxed(&stack->n[class], n - 1);
        return stack->bufs[class][n - 1];
    }
    return buf_create(class);
}

/* Returns a packet with 'size' bytes of data, not initialized, behind
 * 'headroom' bytes, for a driver.  The caller must set every other field that
 * a driver reads: offsets, offloads, hash and mark are those of its last user.
 * 'size' and 'headroom' together must not be more than 65,535.
 *
 * A packet that is too large for the pool comes from malloc(). */
struct dp_packet *
tnl_gso_buf_new(const struct netdev *netdev, size_t size, size_t headroom)
{
    size_t class = class_for(size + headroom);
    struct dp_packet *p;

    if (class == N_SMALL_CLASSES) {
        return tnl_gso_alloc_any(netdev, size, headroom);
    }
    p = &buf_get(class)->packet;
    __packet_set_data(p, headroom);
    dp_packet_set_size(p, size);
    return p;
}

/* Returns how many of 'headroom' bytes a packet from tnl_gso_buf_new_rx()
 * gets: 65,535 would mean that a dp_packet has no data. */
static size_t
rx_headroom(size_t headroom)
{
    return MIN(headroom, UINT16_MAX - 1);
}

/* Returns an empty packet, for any code, with 64 kB of room less the
 * 'headroom' in front of it. */
struct dp_packet *
tnl_gso_buf_new_rx(size_t headroom)
{
    struct buf *buf = buf_get(RX_CLASS);

    buf_init(buf, RX_CLASS);
    dp_packet_reserve(&buf->packet, rx_headroom(headroom));
    return &buf->packet;
}

/* Gives those of the 'n' packets 'bufs' from tnl_gso_buf_new_rx() that are not
 * null, all of them still empty, 'headroom' bytes of headroom.  '*fitted' is
 * the headroom that they have and is updated; most often it is 'headroom'
 * already.  Called for each batch received. */
void
tnl_gso_buf_reserve_rx(struct dp_packet *bufs[], size_t n, size_t *fitted,
                       size_t headroom)
{
    if (OVS_LIKELY(*fitted == headroom)) {
        return;
    }
    *fitted = headroom;
    for (size_t i = 0; i < n; i++) {
        if (bufs[i]) {
            dp_packet_set_data(bufs[i], ((char *) dp_packet_base(bufs[i])
                                         + rx_headroom(headroom)));
        }
    }
}

/* Returns how many of 'len' bytes, the longest ordinary packet of a port with
 * its vnet header, can be received into a packet from
 * tnl_gso_buf_new_rx_std(): as many as a dp_packet can hold.  If 'aux' is
 * true, a longer packet continues in one from tnl_gso_buf_new_rx(), in front
 * of whose data the beginning has to fit. */
size_t
tnl_gso_buf_rx_len(size_t len, bool aux)
{
    return MIN(len, aux ? rx_headroom(len) : UINT16_MAX);
}

/* Returns an empty packet with room for 'size' bytes, at most
 * tnl_gso_buf_rx_len(), for a driver to receive an ordinary packet into:
 * behind enough headroom for a tunnel, so that a push copies nothing, or as
 * much of it as 'size' leaves. */
struct dp_packet *
tnl_gso_buf_new_rx_std(size_t size)
{
    size_t class = class_for(RX_HEADROOM + size);
    struct buf *buf;

    if (class == N_SMALL_CLASSES) {
        ovs_assert(size <= UINT16_MAX);
        return dp_packet_new_with_headroom(
            size, tnl_gso_headroom(size, RX_HEADROOM, 1));
    }
    buf = buf_get(class);
    buf_init(buf, class);
    dp_packet_reserve(&buf->packet, RX_HEADROOM);
    return &buf->packet;
}

/* Returns a packet with 'size' bytes of data, not initialized, that will
 * arrive in parts, for any code.  It has RX_HEADROOM bytes of headroom, or as
 * many of them as 'size' leaves.  Its data is aligned for a structure of 32
 * bit members. */
struct dp_packet *
tnl_gso_buf_new_parts(size_t size)
{
    size_t headroom = tnl_gso_headroom(size, RX_HEADROOM, 4);
    struct dp_packet *p;

    ovs_assert(size <= UINT16_MAX);
    p = (size < LITTLE ? tnl_gso_buf_new_rx_std(size)
                       : tnl_gso_buf_new_rx(headroom));
    dp_packet_set_size(p, size);
    return p;
}

/* The same as a tnl_gso_alloc_func, for superpackets that may go anywhere.
 * The headroom is that of tnl_gso_buf_new_parts(). */
struct dp_packet *
tnl_gso_alloc_super(const struct netdev *netdev OVS_UNUSED, size_t size,
                    size_t headroom OVS_UNUSED)
{
    return tnl_gso_buf_new_parts(size);
}

/* Returns how many bytes of memory a packet from tnl_gso_buf_new_parts(size)
 * takes. */
size_t
tnl_gso_buf_parts_memory(size_t size)
{
    size_t class;

    if (size >= LITTLE) {
        return (sizeof(struct buf) + classes[RX_CLASS].in_front
                + classes[RX_CLASS].data_size);
    }
    class = class_for(RX_HEADROOM + size);
    return (class < N_SMALL_CLASSES
            ? sizeof(struct buf) + classes[class].data_size
            : sizeof(struct dp_packet) + RX_HEADROOM + size);
}

/* Takes 'p' from tnl_gso_buf_new_rx() when a packet has been received into it.
 * Returns the packet with more headroom, RX_HEADROOM bytes or as many of them
 * as its length leaves: the memory in front of its data becomes part of it,
 * and in exchange it loses as much tailroom.  A packet shorter than LITTLE is
 * copied into a buffer that is not larger than it needs, and 'p' is freed. */
struct dp_packet *
tnl_gso_buf_received(struct dp_packet *p)
{
    struct dp_packet *copy;
    char *base = dp_packet_base(p);
    char *data = dp_packet_data(p);
    size_t gain;

    if (dp_packet_size(p) < LITTLE) {
        copy = dp_packet_clone_with_headroom(p, dp_packet_headroom(p)
                                                + RX_HEADROOM);
        dp_packet_delete(p);
        return copy;
    }

    gain = MIN(RX_HEADROOM, dp_packet_tailroom(p));
    dp_packet_set_base(p, base - gain);
    dp_packet_set_data(p, data);
    return p;
}

/* Returns 'p', or if it is not from malloc(), a copy that is, having freed
 * 'p'. */
struct dp_packet *
tnl_gso_buf_to_malloc(struct dp_packet *p)
{
    struct dp_packet *copy;

    if (p->source == DPBUF_MALLOC) {
        return p;
    }
    copy = dp_packet_clone_with_headroom(p, dp_packet_headroom(p));
    dp_packet_delete(p);
    return copy;
}

/* Frees the data of 'p', whose source is DPBUF_POOL, if it had to be moved
 * out of the buffer: dp_packet_resize(). */
void
tnl_gso_buf_free_data(struct dp_packet *p)
{
    struct buf *buf = CONTAINER_OF(p, struct buf, packet);

    if (OVS_UNLIKELY(!is_data_here(buf))) {
        free(dp_packet_base(p));
        dp_packet_set_base(p, buf_data(buf));
        dp_packet_set_allocated(p, classes[buf->class].data_size);
    }
}

/* Frees 'p', whose source is DPBUF_POOL. */
void
tnl_gso_buf_free(struct dp_packet *p)
{
    struct buf *buf = CONTAINER_OF(p, struct buf, packet);
    struct stack *stack = stack_get();
    size_t class;
    size_t n;

    tnl_gso_buf_free_data(p);
    class = class_of(p);
    n = OVS_LIKELY(stack) ? size_read(&stack->n[class]) : MAX_IDLE;
    if (OVS_LIKELY(n < classes[class].max_idle)) {
        stack->bufs[class][n] = buf;
        atomic_store_relaxed(&stack->n[class], n + 1);
    } else {
        buf_destroy(buf);
    }
}

/* Stores in '*usage' what all threads together hold.  Threads go on meanwhile,
 * so the members need not be of one moment. */
void
tnl_gso_buf_usage_get(struct tnl_gso_buf_usage *usage)
{
    struct stack *stack;

    *usage = (struct tnl_gso_buf_usage) { .n_bufs = 0 };
    for (size_t c = 0; c < N_CLASSES; c++) {
        size_t n = size_read(&n_bufs[c]);

        usage->n_bufs += n;
        usage->bytes += n * (sizeof(struct buf) + classes[c].in_front
                             + classes[c].data_size);
    }
    ovs_mutex_lock(&stacks_mutex);
    LIST_FOR_EACH (stack, node, &stacks) {
        for (size_t c = 0; c < N_CLASSES; c++) {
            usage->n_idle += size_read(&stack->n[c]);
        }
    }
    ovs_mutex_unlock(&stacks_mutex);
}
