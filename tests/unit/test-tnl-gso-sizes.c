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

#include "test-tnl-gso.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>
#include <linux/virtio_net.h>

#include "dp-packet.h"
#include "flow.h"
#include "netdev-provider.h"
#include "packets.h"
#include "tnl-gso/ports/netdev-linux-vnet.h"
#include "tnl-gso/core/tnl-gso-buf.h"
#include "tnl-gso/stages/tnl-gso-seg.h"
#include "tnl-gso/core/tnl-gso-port.h"
#include "tnl-gso/tnl-gso.h"
#include "util.h"

/* Sizes: dp_packet tells its room in 16 bits.  Whatever is asked for, what it
 * tells is there, and nothing is where it tells of none.  That it is there is
 * for ASan to see (run-asan): all of it is written. */

static char *
expect(bool ok, const char *what)
{
    return ok ? NULL : xstrdup(what);
}

/* Writes all the room that 'p' says it has. */
static void
write_all(struct dp_packet *p)
{
    memset(dp_packet_base(p), 0x11, dp_packet_headroom(p));
    memset(dp_packet_tail(p), 0x22, dp_packet_tailroom(p));
}

static char *
check_room(struct dp_packet *p, size_t size, size_t headroom, size_t tailroom)
{
    COMPARE(dp_packet_size(p), size);
    COMPARE(dp_packet_headroom(p), headroom);
    COMPARE(dp_packet_tailroom(p), tailroom);
    write_all(p);
    return NULL;
}

/* What malloc() gave is more than a dp_packet can tell. */
static void
test_new(void)
{
    static const struct {
        size_t size;
        size_t headroom;
        size_t tailroom;        /* As it should be told. */
    } rows[] = {
        { 1500, 128, 1500 },
        { 65407, 128, 65407 },
        { 65408, 128, 65407 },
        { 65528, 128, 65407 },
        { 65535, 0, 65535 },
        { 65536, 0, 65535 },
        { 65535, 1, 65534 },
        { 70000, 2, 65533 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct dp_packet *p = dp_packet_new_with_headroom(rows[i].size,
                                                          rows[i].headroom);

        test_case(check_room(p, 0, rows[i].headroom, rows[i].tailroom),
                  "sizes: new %"PRIuSIZE" behind %"PRIuSIZE, rows[i].size,
                  rows[i].headroom);
        dp_packet_delete(p);
    }
}

/* Buffers for a port of 'mtu', as netdev-linux.c asks for them. */
static char *
check_receive(size_t mtu, bool tso)
{
    size_t want = (tso ? VNET_LEN : 0) + VLAN_ETH_HEADER_LEN + mtu;
    size_t len = tnl_gso_buf_rx_len(want, tso);
    struct dp_packet *p = tnl_gso_buf_new_rx_std(len);
    char *error = NULL;

    EXPECT(len == want || len >= UINT16_MAX - tso, true);
    EXPECT(dp_packet_tailroom(p) >= len, true);
    EXPECT(dp_packet_headroom(p),
           len + 128 <= UINT16_MAX ? 128 : UINT16_MAX - len);
    write_all(p);
    if (tso) {
        struct dp_packet *aux = tnl_gso_buf_new_rx(0);
        size_t fitted = 0;
        size_t rest;

        /* The longest one that arrives in both. */
        tnl_gso_buf_reserve_rx(&aux, 1, &fitted, want);
        rest = dp_packet_tailroom(aux);
        EXPECT(dp_packet_data(aux) != NULL, true);
        EXPECT(dp_packet_headroom(aux) >= len, true);
        EXPECT(len + rest <= UINT16_MAX, true);
        if (!error) {
            write_all(aux);
            memset(dp_packet_put_uninit(aux, rest), 0x5a, rest);
            memset(dp_packet_push_uninit(aux, len), 0x5a, len);
            aux = tnl_gso_buf_received(aux);
            EXPECT(dp_packet_size(aux), len + rest);
            write_all(aux);
        }
        dp_packet_delete(aux);
    }
    dp_packet_delete(p);
    return error;
}

static void
test_receive(void)
{
    static const size_t mtus[] = {
        1500, 9000, 65379, 65380, 65389, 65390, 65407, 65408, 65500, 65506,
        65507, 65508, 65516, 65517, 65521, 65525, 65526, 65535, 65536, 200000,
        INT32_MAX,
    };

    for (size_t i = 0; i < ARRAY_SIZE(mtus); i++) {
        for (int tso = 0; tso < 2; tso++) {
            test_case(check_receive(mtus[i], tso),
                      "sizes: receive with an MTU of %"PRIuSIZE"%s", mtus[i],
                      tso ? ", TSO" : "");
        }
    }
}

/* A header goes in front of 'size' bytes in a buffer of 'room'. */
static char *
check_push(size_t size, size_t room, size_t header)
{
    struct dp_packet *p = dp_packet_new_with_headroom(room, 10);
    size_t whole = MIN(size, UINT16_MAX - header);
    char *error = NULL;
    const uint8_t *data;

    memset(dp_packet_put_uninit(p, size), 0x5a, size);
    EXPECT(tnl_gso_takes_headroom(p, header), size == whole);
    memset(dp_packet_push_uninit(p, header), 0x33, header);
    EXPECT(dp_packet_size(p), header + whole);
    data = dp_packet_data(p);
    for (size_t i = 0; i < whole; i++) {
        EXPECT(data[header + i], 0x5a);
    }
    EXPECT(dp_packet_headroom(p) + dp_packet_size(p) + dp_packet_tailroom(p)
           <= UINT16_MAX, true);
    write_all(p);
    dp_packet_delete(p);
    return error;
}

static void
test_push(void)
{
    static const size_t sizes[] = { 1000, 1200, 65000, 65300, 65400, 65485,
                                    65486, 65500, 65525 };
    static const size_t rooms[] = { 65508, 65526, 65528, 65563, 66000 };

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        for (size_t k = 0; k < ARRAY_SIZE(rooms); k++) {
            static const size_t headers[] = { 4, 50, 150, 300 };

            for (size_t h = 0; h < ARRAY_SIZE(headers); h++) {
                test_case(check_push(sizes[i], MAX(rooms[k], sizes[i]),
                                     headers[h]),
                          "sizes: push %"PRIuSIZE" to %"PRIuSIZE" of "
                          "%"PRIuSIZE, headers[h], sizes[i], rooms[k]);
            }
        }
    }
}

static void
test_tailroom(void)
{
    static const struct {
        size_t size;
        size_t headroom;
        bool grows;
    } rows[] = {
        { 2000, 128, true }, { 65343, 128, true }, { 65344, 128, false },
        { 65535, 0, false },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct dp_packet *p = dp_packet_new_with_headroom(rows[i].size,
                                                          rows[i].headroom);

        dp_packet_put_zeros(p, rows[i].size);
        tnl_gso_try_tailroom(p, 64);
        test_case(check_room(p, rows[i].size, rows[i].headroom,
                             rows[i].grows ? 64 : 0),
                  "sizes: tailroom for %"PRIuSIZE, rows[i].size);
        dp_packet_delete(p);
    }
}

/* A segment that is nearly as long as a dp_packet can be.  Its headroom is
 * what that leaves. */
static void
test_segment_headroom(void)
{
    static const struct {
        size_t size;
        size_t headroom;
    } rows[] = {
        { 60, 150 }, { 65384, 150 }, { 65386, 148 }, { 65387, 148 },
        { 65533, 2 }, { 65534, 0 }, { 65535, 0 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        size_t size = rows[i].size;
        size_t headroom = tnl_gso_headroom(size, 150, 2);
        struct dp_packet *p = tnl_gso_buf_new(NULL, size, headroom);
        char *error = NULL;

        EXPECT(headroom, rows[i].headroom);
        EXPECT(dp_packet_headroom(p), headroom);
        EXPECT(dp_packet_size(p), size);
        EXPECT(headroom + size + dp_packet_tailroom(p) <= UINT16_MAX, true);
        write_all(p);
        test_case(error, "sizes: segment of %"PRIuSIZE, size);
        dp_packet_delete(p);
    }
}

/* Hex digits for 'n' bytes; the caller must free them. */
static char *
hex(size_t n)
{
    char *s = xmalloc(2 * n + 1);

    memset(s, '1', 2 * n);
    s[2 * n] = '\0';
    return s;
}

static char *
check_hex(size_t n)
{
    size_t fits = MIN(n, UINT16_MAX);
    struct dp_packet *p = dp_packet_new(0);
    char *s = hex(n);
    char *error = NULL;
    size_t added;
    char *rest;

    rest = dp_packet_put_hex(p, s, &added);
    EXPECT(rest - s, 2 * fits);
    EXPECT(added, fits);
    EXPECT(dp_packet_size(p), fits);
    dp_packet_delete(p);

    EXPECT(eth_from_hex(s, &p) == NULL, fits == n);
    EXPECT(p != NULL, fits == n);
    if (p) {
        EXPECT(dp_packet_size(p), n);
    }
    dp_packet_delete(p);
    free(s);
    return error;
}

static void
test_hex(void)
{
    static const size_t sizes[] = { 60, 65470, 65472, 65533, 65535, 65536,
                                    65537, 70000, 200000 };
    struct flow flow = { .dl_type = htons(ETH_TYPE_IP),
                         .nw_proto = IPPROTO_UDP };

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        test_case(check_hex(sizes[i]), "sizes: %"PRIuSIZE" bytes in hex",
                  sizes[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct dp_packet *p = dp_packet_new(0);

        flow_compose(p, &flow, NULL, sizes[i], false);
        test_case(expect(dp_packet_size(p) <= UINT16_MAX
                         && dp_packet_size(p) >= MIN(sizes[i], 64000),
                         "wrong size"),
                  "sizes: flow with %"PRIuSIZE" bytes of payload", sizes[i]);
        dp_packet_delete(p);
    }
}

/* What comes from the pool must not be swapped, and becomes what can. */
static void
test_swap(void)
{
    struct tnl_gso_buf_usage before;
    struct tnl_gso_buf_usage after;

    tnl_gso_buf_usage_get(&before);
    for (int moved = 0; moved < 2; moved++) {
        struct dp_packet *p = tnl_gso_buf_new_rx_std(1500);
        struct dp_packet *q = dp_packet_new(100);
        char *error = NULL;

        memset(dp_packet_put_uninit(p, 700), 0x5a, 700);
        p->md.in_port.odp_port = ODP_PORT_C(17);
        p->l4_ofs = 34;
        p->uso_segsz = 99;
        if (moved) {
            dp_packet_prealloc_tailroom(p, 20000);
        }
        p = tnl_gso_buf_to_malloc(p);
        EXPECT(p->source, DPBUF_MALLOC);
        EXPECT(dp_packet_headroom(p), 128);
        dp_packet_swap(p, q);
        EXPECT(dp_packet_size(q), 700);
        EXPECT(*(uint8_t *) dp_packet_at_assert(q, 699, 1), 0x5a);
        EXPECT(odp_to_u32(q->md.in_port.odp_port), 17);
        EXPECT(q->l4_ofs, 34);
        EXPECT(q->uso_segsz, 99);
        EXPECT(tnl_gso_buf_to_malloc(q) == q, true);
        test_case(error, "sizes: swap of a pool packet%s",
                  moved ? " that was moved" : "");
        dp_packet_delete(p);
        dp_packet_delete(q);
    }
    tnl_gso_buf_usage_get(&after);
    test_case(expect(after.n_bufs - after.n_idle
                     == before.n_bufs - before.n_idle, "lost"),
              "sizes: swapped packets are back");
}

/* A datagram socket cuts off what there is no room for, as a tap does. */
static void
test_read(void)
{
    enum { STD = 100, AUX = 50, EXTRA = VNET_TUNNEL_LEN - VNET_LEN };
    static const struct {
        size_t n;               /* After a vnet header of 10 bytes. */
        uint8_t gso_type;
        bool aux;
        ssize_t retval;
    } rows[] = {
        { 60, 0, false, 70 },
        { 90, 0, false, 100 },
        { 91, 0, false, 0 },
        { 91, 0, true, 101 },
        { 140, 0, true, 150 },
        { 141, 0, true, 0 },
        { 3000, 0, true, 0 },
        { 3000, VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN, true, 150 },
        { 3000, VIRTIO_NET_HDR_GSO_TCPV6 | VNET_GSO_UDP_TUNNEL, true, 150 },
        { 3000, VNET_GSO_UDP_L4, true, 0 },
        { 3000, VIRTIO_NET_HDR_GSO_UDP, true, 0 },
    };
    struct netdev netdev = { .name = CONST_CAST(char *, "sizes") };

    netdev.tnl_gso = tnl_gso_port_new(&netdev);
    for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
        size_t row = i / 2;
        size_t extra = i % 2 ? EXTRA : 0;
        uint8_t in[VNET_TUNNEL_LEN + 3000] = { 0 };
        uint8_t std[STD];
        uint8_t aux[AUX];
        struct iovec iov[] = { { std, STD }, { aux, AUX } };
        char *error = NULL;
        int fds[2];

        netdev.tnl_gso->vnet_size = VNET_LEN + extra;
        in[1] = rows[row].gso_type;
        memset(in + VNET_LEN + extra, 0x5a, rows[row].n);
        ovs_assert(!socketpair(AF_UNIX, SOCK_DGRAM, 0, fds));
        ovs_assert(write(fds[0], in, VNET_LEN + extra + rows[row].n) > 0);
        EXPECT(netdev_linux_vnet_read(&netdev, fds[1], iov,
                                      rows[row].aux ? 2 : 1),
               rows[row].retval);
        EXPECT(std[0] == 0 && std[VNET_LEN] == 0x5a, true);
        close(fds[0]);
        close(fds[1]);
        test_case(error, "sizes: read %"PRIuSIZE", type %"PRIu8"%s%s",
                  rows[row].n, rows[row].gso_type,
                  rows[row].aux ? ", two buffers" : "",
                  extra ? ", large header" : "");
    }
    tnl_gso_port_free(netdev.tnl_gso);
}

/* A packet that a vnet header would make too long is refused whole; segments
 * of a superpacket are right without its end. */
static void
test_build(void)
{
    static const struct {
        size_t size;
        size_t headroom;
        uint16_t mss;
        int retval;
    } rows[] = {
        { 1500, 0, 0, -1 },
        { 65525, 0, 0, -1 },
        { 65526, 0, 0, EMSGSIZE },
        { 65535, 0, 0, EMSGSIZE },
        { 65525, 10, 0, -1 },
        { 65535, 0, 1400, -1 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct dp_packet *p = dp_packet_new_with_headroom(rows[i].size,
                                                          rows[i].headroom);
        char *error = NULL;

        dp_packet_put_zeros(p, rows[i].size);
        dp_packet_set_tso_segsz(p, rows[i].mss);
        EXPECT(netdev_linux_vnet_build(p, UINT16_MAX), rows[i].retval);
        EXPECT(dp_packet_size(p), rows[i].size);
        test_case(error, "sizes: vnet header for %"PRIuSIZE" behind "
                  "%"PRIuSIZE", mss %"PRIu16, rows[i].size, rows[i].headroom,
                  rows[i].mss);
        dp_packet_delete(p);
    }
}

/* Ports that exist for as long as they are complete. */
static size_t n_seen;

static void
see_port(struct tnl_gso_port *port, void *aux OVS_UNUSED)
{
    n_seen += !strcmp(netdev_get_name(port->netdev), "sizes0");
}

static size_t
count_ports(void)
{
    n_seen = 0;
    tnl_gso_ports_for_each(see_port, NULL);
    return n_seen;
}

static size_t n_constructing;
static size_t n_destructing;

static struct netdev *
sizes_alloc(void)
{
    return xzalloc(sizeof(struct netdev));
}

static int
sizes_construct(struct netdev *netdev OVS_UNUSED)
{
    n_constructing = count_ports();
    return 0;
}

static void
sizes_destruct(struct netdev *netdev OVS_UNUSED)
{
    n_destructing = count_ports();
}

static void
sizes_dealloc(struct netdev *netdev)
{
    free(netdev);
}

static void
test_ports(void)
{
    static const struct netdev_class class = {
        .type = "sizes",
        .alloc = sizes_alloc,
        .construct = sizes_construct,
        .destruct = sizes_destruct,
        .dealloc = sizes_dealloc,
    };
    struct netdev *netdev;
    size_t open;

    ovs_assert(!netdev_register_provider(&class));
    ovs_assert(!netdev_open("sizes0", "sizes", &netdev));
    open = count_ports();
    netdev_close(netdev);
    test_case(expect(open == 1, "not there"), "sizes: port is shown");
    test_case(expect(!n_constructing && !n_destructing && !count_ports(),
                     "there"), "sizes: port is not shown in part");
}

void
test_room(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    test_new();
    test_receive();
    test_push();
    test_tailroom();
    test_segment_headroom();
    test_hex();
    test_swap();
    test_read();
    test_build();
    test_ports();
}
