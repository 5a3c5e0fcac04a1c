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

#include "tnl-gso-buf.h"

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

/* Sizes of data: a segment of a 1,500 byte MTU and of jumbo frames, tunnel
 * headers, Geneve options and headroom included.  As many are kept as five
 * superpackets need, or one with an mss of 256 bytes. */
static const struct {
    size_t data_size;
    size_t max_idle;
} classes[] = {
    { 2048, 256 },
    { 10240, 32 },
};
enum { N_CLASSES = ARRAY_SIZE(classes), MAX_IDLE = 256 };

/* What a thread keeps, the one freed last on top. */
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
static ovsthread_key_t stack_key;

static size_t
size_read(atomic_size_t *value)
{
    size_t n;

    atomic_read_relaxed(value, &n);
    return n;
}

static void *
buf_data(const struct buf *buf)
{
    return CONST_CAST(struct buf *, buf) + 1;
}

/* The class of 'p', whose data is that of its buffer.  A size of data is that
 * of one class only. */
static size_t
class_of(const struct dp_packet *p)
{
    size_t class = 0;

    while (dp_packet_get_allocated(p) != classes[class].data_size) {
        class++;
    }
    return class;
}

static struct buf *
buf_create(size_t class)
{
    struct buf *buf = xmalloc_cacheline(sizeof *buf
                                        + classes[class].data_size);
    size_t orig;

    dp_packet_use(&buf->packet, buf_data(buf), classes[class].data_size);
    buf->packet.source = DPBUF_POOL;
    buf->class = class;
    atomic_add_relaxed(&n_bufs[class], 1, &orig);
    return buf;
}

static void
buf_destroy(struct buf *buf)
{
    size_t orig;

    atomic_sub_relaxed(&n_bufs[buf->class], 1, &orig);
    free_cacheline(buf);
}

static void
stack_destroy(void *stack_)
{
    struct stack *stack = stack_;

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

static struct stack *
stack_create(void)
{
    static struct ovsthread_once once = OVSTHREAD_ONCE_INITIALIZER;
    struct stack *stack = xzalloc(sizeof *stack);

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

static struct stack *
stack_get(void)
{
    struct stack **stack = my_stack_get();

    if (OVS_UNLIKELY(!*stack)) {
        *stack = stack_create();
    }
    return *stack;
}

/* The same as tnl_gso_buf_new(), from malloc(): for packets that any code may
 * get. */
struct dp_packet *
tnl_gso_alloc_any(const struct netdev *netdev OVS_UNUSED, size_t size,
                  size_t headroom)
{
    struct dp_packet *p = dp_packet_new_with_headroom(size, headroom);

    dp_packet_set_size(p, size);
    return p;
}

/* Returns a packet with 'size' bytes of data, not initialized, behind
 * 'headroom' bytes.  The caller must set every other field that a driver
 * reads: offsets, offloads, hash and mark are those of its last user.
 *
 * What is too large for the pool comes from malloc(). */
struct dp_packet *
tnl_gso_buf_new(const struct netdev *netdev, size_t size, size_t headroom)
{
    struct dp_packet *p;
    struct stack *stack;
    size_t class = 0;
    size_t n;

    while (size + headroom > classes[class].data_size) {
        if (++class >= N_CLASSES) {
            return tnl_gso_alloc_any(netdev, size, headroom);
        }
    }

    stack = stack_get();
    n = size_read(&stack->n[class]);
    if (OVS_LIKELY(n)) {
        atomic_store_relaxed(&stack->n[class], n - 1);
        p = &stack->bufs[class][n - 1]->packet;
    } else {
        p = &buf_create(class)->packet;
    }
    dp_packet_set_data(p, (char *) dp_packet_base(p) + headroom);
    dp_packet_set_size(p, size);
    return p;
}

/* Frees the data of 'p', whose source is DPBUF_POOL, if it had to be moved
 * out of the buffer: dp_packet_resize(). */
void
tnl_gso_buf_free_data(struct dp_packet *p)
{
    struct buf *buf = CONTAINER_OF(p, struct buf, packet);

    if (OVS_UNLIKELY(dp_packet_base(p) != buf_data(buf))) {
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
    n = size_read(&stack->n[class]);
    if (OVS_LIKELY(n < classes[class].max_idle)) {
        stack->bufs[class][n] = buf;
        atomic_store_relaxed(&stack->n[class], n + 1);
    } else {
        buf_destroy(buf);
    }
}

void
tnl_gso_buf_usage_get(struct tnl_gso_buf_usage *usage)
{
    struct stack *stack;

    *usage = (struct tnl_gso_buf_usage) { .n_bufs = 0 };
    for (size_t c = 0; c < N_CLASSES; c++) {
        size_t n = size_read(&n_bufs[c]);

        usage->n_bufs += n;
        usage->bytes += n * (sizeof(struct buf) + classes[c].data_size);
    }
    ovs_mutex_lock(&stacks_mutex);
    LIST_FOR_EACH (stack, node, &stacks) {
        for (size_t c = 0; c < N_CLASSES; c++) {
            usage->n_idle += size_read(&stack->n[c]);
        }
    }
    ovs_mutex_unlock(&stacks_mutex);
}
