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
#undef NDEBUG

#include <stdlib.h>
#include <string.h>

#include "dp-packet.h"
#include "ovs-thread.h"
#include "test-tnl-gso.h"
#include "tnl-gso/core/tnl-gso-buf.h"
#include "util.h"

/* The pool of buffers: what it keeps is bounded and counted, and nothing is
 * lost when a packet changes hands.  Leaks are for ASan to see (run-asan). */

enum { SMALL = 1500, BIG = 9000, HEADROOM = 128, MANY = 300 };

static struct tnl_gso_buf_usage
usage(void)
{
    struct tnl_gso_buf_usage u;

    tnl_gso_buf_usage_get(&u);
    return u;
}

static struct dp_packet *
new_packet(size_t size)
{
    struct dp_packet *p = tnl_gso_buf_new(NULL, size, HEADROOM);

    p->packet_type = htonl(PT_ETH);
    memset(dp_packet_data(p), 0x5a, size);
    return p;
}

static char *
check_data(const struct dp_packet *p, size_t size)
{
    const uint8_t *data = dp_packet_data(p);

    for (size_t i = 0; i < size; i++) {
        if (data[i] != 0x5a) {
            return xasprintf("byte %"PRIuSIZE" is %#x", i, data[i]);
        }
    }
    return dp_packet_size(p) != size ? xstrdup("size is wrong") : NULL;
}

static char *
expect(bool ok, const char *what)
{
    return ok ? NULL : xstrdup(what);
}

/* Many are given back, few are kept, and the last one comes first. */
static void
test_bounds(size_t size)
{
    struct dp_packet *packets[MANY];
    size_t before = usage().n_bufs - usage().n_idle;
    struct tnl_gso_buf_usage u;
    struct dp_packet *p;

    for (size_t i = 0; i < MANY; i++) {
        packets[i] = new_packet(size);
    }
    u = usage();
    test_case(expect(u.n_bufs - u.n_idle == before + MANY, "not counted"),
              "buf: %"PRIuSIZE" bytes: %d in use", size, MANY);
    test_case(expect(u.bytes >= MANY * size, "bytes not counted"),
              "buf: %"PRIuSIZE" bytes: memory", size);
    test_case(check_data(packets[0], size),
              "buf: %"PRIuSIZE" bytes: data of the first", size);
    for (size_t i = 0; i < MANY; i++) {
        dp_packet_delete(packets[i]);
    }
    u = usage();
    test_case(expect(u.n_bufs - u.n_idle == before && u.n_idle
                     && u.n_idle < MANY, "not bounded"),
              "buf: %"PRIuSIZE" bytes: kept", size);

    p = new_packet(size);
    packets[0] = p;
    dp_packet_delete(p);
    p = new_packet(size);
    test_case(expect(p == packets[0], "another one"),
              "buf: %"PRIuSIZE" bytes: last in, first out", size);
    dp_packet_delete(p);
}

/* What other code does to a packet it got. */
static void
test_other_code(void)
{
    struct dp_packet *p = new_packet(SMALL);
    struct dp_packet *clone = dp_packet_clone(p);
    size_t in_use;
    char *data;

    test_case(check_data(clone, SMALL), "buf: clone");
    test_case(expect(clone->source == DPBUF_MALLOC, "not from malloc"),
              "buf: source of a clone");
    dp_packet_delete(clone);

    dp_packet_prealloc_tailroom(p, 20000);
    test_case(check_data(p, SMALL), "buf: more tailroom than there is");
    dp_packet_prealloc_headroom(p, 1000);
    test_case(check_data(p, SMALL), "buf: more headroom than there is");
    in_use = usage().n_bufs - usage().n_idle;
    dp_packet_delete(p);
    test_case(expect(usage().n_bufs - usage().n_idle == in_use - 1,
                     "not back"), "buf: free after it was moved");
    p = new_packet(SMALL);
    test_case(expect(dp_packet_tailroom(p) < 2048, "data of another"),
              "buf: its own data again");

    data = dp_packet_steal_data(p);
    test_case(expect(data[0] == 0x5a && data[SMALL - 1] == 0x5a, "data lost"),
              "buf: steal data");
    free(data);
    dp_packet_delete(p);
    p = new_packet(SMALL);
    test_case(check_data(p, SMALL), "buf: use after a theft");

    /* What is left behind is seen by LeakSanitizer. */
    dp_packet_prealloc_tailroom(p, 20000);
    data = dp_packet_steal_data(p);
    test_case(expect(data[0] == 0x5a && data[SMALL - 1] == 0x5a, "data lost"),
              "buf: steal data that was moved");
    free(data);
    dp_packet_delete(p);

    p = new_packet(40000);
    test_case(expect(p->source == DPBUF_MALLOC, "from the pool"),
              "buf: too large");
    dp_packet_delete(p);
}

/* Received packets, put together as netdev-linux.c does: 'std' bytes in front
 * of what is in the large buffer. */
static struct dp_packet *
receive(size_t size)
{
    enum { STD = 1528, NETDEV_HEADROOM = 6 };
    struct dp_packet *p = tnl_gso_buf_new_rx(STD + NETDEV_HEADROOM);

    ovs_assert(dp_packet_tailroom(p) == 65535 - STD - NETDEV_HEADROOM);
    memset(dp_packet_data(p), 0x5a, size - STD);
    dp_packet_set_size(p, size - STD);
    memset(dp_packet_push_uninit(p, STD), 0x5a, STD);
    return tnl_gso_buf_received(p);
}

static void
test_receive(void)
{
    static const struct {
        size_t size;
        size_t headroom;        /* At least. */
        bool pool;
    } rows[] = {
        { 1529, 128, false },
        { 16383, 128, false },
        { 16384, 134, true },
        { 65236, 134, true },   /* 45 x 1448. */
        { 65401, 134, true },
        { 65402, 133, true },
        { 65519, 16, true },
        { 65529, 6, true },     /* The largest that upstream takes. */
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        size_t before = usage().n_bufs - usage().n_idle;
        size_t size = rows[i].size;
        struct dp_packet *p = receive(size);
        struct dp_packet *q;

        test_case(check_data(p, size), "buf: receive %"PRIuSIZE, size);
        test_case(expect((p->source == DPBUF_POOL) == rows[i].pool,
                         "wrong source"),
                  "buf: source of %"PRIuSIZE, size);
        test_case(expect(dp_packet_headroom(p) >= rows[i].headroom
                         && (!rows[i].pool || dp_packet_headroom(p)
                                              == rows[i].headroom),
                         "wrong headroom"),
                  "buf: headroom of %"PRIuSIZE, size);
        test_case(expect(dp_packet_headroom(p) + size + dp_packet_tailroom(p)
                         <= UINT16_MAX && !p->offloads
                         && p->l4_ofs == UINT16_MAX, "wrong fields"),
                  "buf: fields of %"PRIuSIZE, size);

        /* All of the room that it says it has is there. */
        memset(dp_packet_base(p), 0x5a, dp_packet_headroom(p));
        memset(dp_packet_tail(p), 0x5a, dp_packet_tailroom(p));
        q = dp_packet_clone(p);
        dp_packet_delete(p);
        test_case(check_data(q, size), "buf: clone of %"PRIuSIZE, size);
        dp_packet_delete(q);

        if (size + 300 <= UINT16_MAX) {
            p = receive(size);
            dp_packet_pull(p, 300);
            dp_packet_prealloc_headroom(p, 600);
            memset(dp_packet_push_uninit(p, 300), 0x5a, 300);
            test_case(check_data(p, size), "buf: move of %"PRIuSIZE, size);
            dp_packet_delete(p);
        }
        test_case(expect(usage().n_bufs - usage().n_idle == before, "lost"),
                  "buf: %"PRIuSIZE" back", size);
    }
}

static void
test_receive_std(void)
{
    static const size_t sizes[] = { 60, 1528, 1920, 1921, 9028, 65000 };

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        size_t before = usage().n_bufs - usage().n_idle;
        size_t size = sizes[i];

        /* The second one has been used before. */
        for (int again = 0; again < 2; again++) {
            struct dp_packet *p = tnl_gso_buf_new_rx_std(size);

            test_case(expect(!dp_packet_size(p)
                             && dp_packet_headroom(p) >= 128
                             && dp_packet_tailroom(p) >= size, "no room"),
                      "buf: room to receive %"PRIuSIZE, size);
            test_case(expect(!p->offloads && !p->uso_segsz && !p->has_hash
                             && !dp_packet_get_tso_segsz(p)
                             && p->l4_ofs == UINT16_MAX
                             && p->inner_l4_ofs == UINT16_MAX,
                             "wrong fields"),
                      "buf: fields to receive %"PRIuSIZE, size);
            memset(dp_packet_put_uninit(p, size), 0x5a, size);
            dp_packet_push_zeros(p, 100);
            p->offloads = UINT32_MAX;
            p->uso_segsz = p->l4_ofs = p->inner_l4_ofs = 1;
            p->has_hash = true;
            dp_packet_set_tso_segsz(p, 1);
            dp_packet_delete(p);
        }
        test_case(expect(usage().n_bufs - usage().n_idle == before, "lost"),
                  "buf: received %"PRIuSIZE" back", size);
    }
}

static void *
free_all(void *packets_)
{
    struct dp_packet **packets = packets_;

    for (size_t i = 0; i < MANY; i++) {
        dp_packet_delete(packets[i]);
    }
    return NULL;
}

/* A thread frees what another one made, and ends. */
static void
test_threads(void)
{
    struct dp_packet *packets[MANY];
    struct tnl_gso_buf_usage before = usage();
    struct tnl_gso_buf_usage after;

    for (size_t i = 0; i < MANY; i++) {
        packets[i] = new_packet(i % 2 ? SMALL : BIG);
    }
    xpthread_join(ovs_thread_create("free", free_all, packets), NULL);
    after = usage();
    test_case(expect(after.n_bufs - after.n_idle
                     == before.n_bufs - before.n_idle
                     && after.n_bufs <= before.n_bufs, "lost or kept"),
              "buf: freed by a thread that ends");
}

/* Frees 'p' when the thread's buffers are gone: keys are destroyed in the order
 * in which they were made. */
static void
free_late(void *p)
{
    dp_packet_delete(p);
}

static void *
end_with_packet(void *key_)
{
    ovsthread_key_t *key = key_;

    ovsthread_setspecific(*key, new_packet(SMALL));
    return NULL;
}

/* A destructor of another key frees a packet. */
static void
test_thread_end(void)
{
    struct tnl_gso_buf_usage before = usage();
    struct tnl_gso_buf_usage after;
    ovsthread_key_t key;

    ovsthread_key_create(&key, free_late);
    xpthread_join(ovs_thread_create("end", end_with_packet, &key), NULL);
    ovsthread_key_delete(key);
    after = usage();
    test_case(expect(after.n_bufs == before.n_bufs
                     && after.n_idle == before.n_idle, "lost or kept"),
              "buf: freed by a destructor");
}

void
test_buf(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    test_bounds(SMALL);
    test_bounds(BIG);
    test_other_code();
    test_receive();
    test_receive_std();
    test_threads();
    test_thread_end();
}
