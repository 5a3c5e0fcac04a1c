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

#include "test-tnl-gso-vnet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "command-line.h"
#include "dp-packet.h"
#include "flow.h"
#include "netdev-provider.h"
#include "openvswitch/dynamic-string.h"
#include "test-tnl-gso.h"
#include "tnl-gso/ports/netdev-linux-vnet.h"
#include "tnl-gso/core/tnl-gso-port.h"
#include "util.h"

/* Vnet headers of kernel ports, both ways: what is received becomes marks
 * (test-tnl-gso-vnet-rows.c), and marks become a header again.  Sums are made
 * byte by byte. */

static struct dp_packet *
new_packet(const struct vnet *v, const uint8_t *frame, size_t len)
{
    uint8_t header[10] = { v->flags, v->type };
    struct dp_packet *b = dp_packet_new_with_headroom(len + 10, 6);

    memcpy(header + 2, &v->hdr_len, 8);
    dp_packet_put(b, header, sizeof header);
    dp_packet_put(b, frame, len);
    return b;
}

/* Marks in short: see struct vnet_row. */
static void
format_level(uint32_t marks, struct ds *s)
{
    static const char protos[] = "-tus";
    uint32_t csum = marks & DP_PACKET_OL_L4_CKSUM_MASK;

    ds_put_char(s, protos[(marks & DP_PACKET_OL_L4_PROTO_TCP ? 1 : 0)
                          + (marks & DP_PACKET_OL_L4_PROTO_UDP ? 2 : 0)]);
    ds_put_char(s, (csum == DP_PACKET_OL_L4_CKSUM_MASK ? 'p'
                    : csum == DP_PACKET_OL_L4_CKSUM_GOOD ? 'g'
                    : csum ? 'b' : '-'));
}

static char *
check_marks(const struct dp_packet *b, const char *expected)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    char *error = NULL;

    format_level(b->offloads, &s);
    for (uint32_t marks = b->offloads; marks & DP_PACKET_OL_TUNNEL_MASK;
         marks >>= DP_PACKET_OL_SHIFT_COUNT) {
        uint32_t tunnel = marks & (DP_PACKET_OL_TUNNEL_MASK
                                   | DP_PACKET_OL_STT);

        ds_put_char(&s, (tunnel == DP_PACKET_OL_TUNNEL_VXLAN ? 'v'
                         : tunnel == DP_PACKET_OL_TUNNEL_GENEVE ? 'g'
                         : tunnel == DP_PACKET_OL_TUNNEL_MASK ? 'r'
                         : tunnel & DP_PACKET_OL_TUNNEL_GENEVE ? 'i' : 'G'));
    }
    if (dp_packet_tunnel(b)) {
        format_level(b->offloads >> DP_PACKET_OL_SHIFT_COUNT, &s);
    }
    if (strcmp(ds_cstr(&s), expected)) {
        error = xasprintf("marks are %s, not %s", ds_cstr(&s), expected);
    }
    ds_destroy(&s);
    return error;
}

static char *
check_parsed(const struct dp_packet *b, const struct vnet_row *r,
             const uint8_t *frame, size_t len)
{
    char *error = check_marks(b, r->marks);

    EXPECT(dp_packet_get_tso_segsz(b), r->tso);
    EXPECT(b->uso_segsz, r->uso);
    EXPECT(b->l4_ofs, r->l4 ? r->l4 : UINT16_MAX);
    EXPECT(b->inner_l3_ofs, r->inner_l3 ? r->inner_l3 : UINT16_MAX);
    EXPECT(b->inner_l4_ofs, r->inner_l4 ? r->inner_l4 : UINT16_MAX);
    EXPECT(dp_packet_size(b), len);
    EXPECT(memcmp(dp_packet_data(b), frame, len), 0);
    return error;
}

static void
test_parse(const struct vnet_row *r)
{
    size_t len;
    uint8_t *frame = vnet_build_frame(r->layers, r->payload, &len);
    struct dp_packet *b = new_packet(&r->v, frame, len);
    char *error = NULL;

    EXPECT(netdev_linux_vnet_parse(b), r->retval);
    if (!error && !r->retval) {
        error = check_parsed(b, r, frame, len);
    } else if (!error && r->retval < 0) {
        EXPECT(dp_packet_size(b), len + 10);
        EXPECT(b->offloads, 0);
        EXPECT(*(uint8_t *) dp_packet_data(b) & NEEDS, r->v.flags & NEEDS);
        if (r->v.flags & NEEDS) {
            /* All that upstream takes. */
            EXPECT(*(uint8_t *) dp_packet_data(b), NEEDS);
        }
    }
    test_case(error, "vnet parse: %s", r->name);
    dp_packet_delete(b);
    free(frame);
}

/* What is not even a header. */
static void
test_parse_short(void)
{
    for (size_t n = 0; n < 10; n++) {
        struct dp_packet *b = dp_packet_new(16);
        char *error = NULL;

        dp_packet_put_zeros(b, n);
        EXPECT(netdev_linux_vnet_parse(b), EINVAL);
        test_case(error, "vnet parse: %"PRIuSIZE" bytes", n);
        dp_packet_delete(b);
    }
}

/* Frames that end anywhere: nothing is read beyond, for tools that see it. */
static void
test_parse_cut(const struct vnet_row *r)
{
    size_t len;
    uint8_t *frame = vnet_build_frame(r->layers, r->payload, &len);

    for (size_t n = 0; n < MIN(len, 200); n++) {
        struct dp_packet *b = new_packet(&r->v, frame, n);

        netdev_linux_vnet_parse(b);
        dp_packet_delete(b);
    }
    free(frame);
}

/* Sums that we have to make. */
static void
test_parse_sum(void)
{
    static const struct {
        const char *name, *layers;
        size_t payload;
        struct vnet v;
    } rows[] = {
        { "in an unknown tunnel", "e4uve4uve4t", 100,
          { NEEDS, 0, 0, 0, 134, 16 } },
        { "at an odd offset", "e4t", 101, { NEEDS, 0, 0, 0, 35, 17 } },
        { "of another header", "e4uve4t", 100, { NEEDS, 0, 0, 0, 84, 6 } },
        { "of no IP packet", "ep4t", 33, { NEEDS, 0, 0, 0, 42, 16 } },
        { "of the whole frame", "e4t", 100, { NEEDS, 0, 0, 0, 0, 50 } },
        { "of a frame with a tunnel", "e4uve4u", 100,
          { NEEDS, 0, 0, 0, 0, 6 } },
        { "in a fragment", "efu", 100, { NEEDS, 0, 0, 0, 34, 6 } },
        { "that is zero", "e4uve4uve4u", 0, { NEEDS, 0, 0, 0, 134, 6 } },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        size_t len;
        uint8_t *frame = vnet_build_frame(rows[i].layers, rows[i].payload,
                                          &len);
        uint8_t *field = frame + rows[i].v.start + rows[i].v.offset;
        bool zero = i == ARRAY_SIZE(rows) - 1;
        struct dp_packet *b;
        char *error = NULL;

        if (zero) {
            ref_put16(field, 0);
            ref_put16(field, ref_csum(frame + 134, len - 134));
        }
        b = new_packet(&rows[i].v, frame, len);
        ref_put16(field, zero ? 0xffff
                  : ref_csum(frame + rows[i].v.start,
                             len - rows[i].v.start));
        EXPECT(netdev_linux_vnet_parse(b), 0);
        error = error ? error : check_marks(b, "--");
        EXPECT(dp_packet_size(b), len);
        EXPECT(memcmp(dp_packet_data(b), frame, len), 0);
        test_case(error, "vnet parse: sum %s", rows[i].name);
        dp_packet_delete(b);
        free(frame);
    }
}

/* An outer IP header that counts less than there is: the rest is padding for
 * upstream's parser, which may leave nothing of the checksum's header. */
static void
test_lying_length(void)
{
    const struct vnet v = { NEEDS, 0, 0, 0, 84, 16 };
    size_t len;
    uint8_t *frame = vnet_build_frame("e4uve4t", 100, &len);

    for (uint16_t tot_len = 20; tot_len <= len - 14; tot_len++) {
        struct dp_packet *b;
        char *error = NULL;
        struct flow flow;

        ref_put16(frame + 16, tot_len);
        b = new_packet(&v, frame, len);
        EXPECT(netdev_linux_vnet_parse(b), 0);
        flow_extract(b, &flow);
        dp_packet_ol_send_prepare(b, 0);
        EXPECT(dp_packet_inner_l4_checksum_partial(b), false);
        EXPECT(dp_packet_size(b), len);
        test_case(error, "vnet: outer IP length %u of %"PRIuSIZE, tot_len,
                  len - 14);
        dp_packet_delete(b);
    }
    free(frame);
}

/* Sum over the pseudo-header of what is at 'l4' up to 'len', as it is in a
 * field that is to be completed. */
static uint16_t
pseudo(const uint8_t *frame, size_t len, size_t l3, size_t l4, uint8_t proto)
{
    bool v4 = frame[l3] >> 4 == 4;
    uint8_t buf[36];
    size_t n = v4 ? 8 : 32;

    memcpy(buf, frame + l3 + (v4 ? 12 : 8), n);
    ref_put16(buf + n, proto);
    ref_put16(buf + n + 2, len - l4);
    return ~ref_csum(buf, n + 4);
}

/* GRE and SCTP cannot wait for a checksum: it is complete at once. */
static void
test_parse_complete(void)
{
    static const struct {
        const char *name, *layers;
        struct vnet v;
    } rows[] = {
        { "GRE with checksum, short superpacket", "e4Re4t",
          { NEEDS, T4, 96, 1400, 76, 16 } },
        { "VXLAN, SCTP", "e4uve4s", { NEEDS, 0, 0, 0, 84, 8 } },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        size_t len;
        uint8_t *frame = vnet_build_frame(rows[i].layers, 100, &len);
        struct dp_packet *b;
        char *error = NULL;
        uint8_t *f;

        if (!i) {
            ref_put16(frame + 76 + 16, pseudo(frame, len, 56, 76, 6));
        }
        b = new_packet(&rows[i].v, frame, len);
        EXPECT(netdev_linux_vnet_parse(b), 0);
        EXPECT(b->offloads, 0);
        f = dp_packet_data(b);
        if (!i) {
            EXPECT(ref_csum(f + 34, len - 34), 0);
            EXPECT(ref_csum(f + 76, len - 76),
                   pseudo(f, len, 56, 76, 6));
        } else {
            EXPECT(ref_csum(f + 34, len - 34),
                   pseudo(f, len, 14, 34, 17));
            EXPECT(memcmp(f + 84 + 8, "\0\0\0\0", 4) != 0, true);
        }
        test_case(error, "vnet parse: %s, complete", rows[i].name);
        dp_packet_delete(b);
        free(frame);
    }
}

/* Superpackets that leave, and what the kernel makes of them if it gives them
 * back. */
struct build_row {
    const char *parsed;         /* Name of the row in 'vnet_rows' from whose
                                 * marks this is built. */
    int mtu;
    int retval;
    struct vnet v;              /* If 'retval' is 0. */
};

static const struct build_row build_rows[] = {
    { "TCPv4", 1500, -1, { 0, 0, 0, 0, 0, 0 } },
    { "USO", 1500, 0, { NEEDS, USO, 42, 1000, 34, 6 } },
    { "USO over IPv6", 1500, 0, { NEEDS, USO, 62, 1000, 54, 6 } },
    { "USO", 1024, 0, { NEEDS, USO, 42, 1000, 34, 6 } },
    { "USO", 1023, EMSGSIZE, { 0, 0, 0, 0, 0, 0 } },
    { "a train", 1514, 0, { NEEDS, USO, 42, 1486, 34, 6 } },
    { "VXLAN", 1500, 0, { NEEDS | TNL_CSUM, T4 | TUN4, 104, 1400, 84, 16 } },
    { "VXLAN, no outer checksum", 1500, 0, { NEEDS, T4 | TUN4, 104, 1400, 84,
      16 } },
    { "VXLAN, IPv6 in IPv4", 1600, 0, { NEEDS | TNL_CSUM, T6 | TUN4, 124,
      1400, 104, 16 } },
    { "VXLAN, IPv4 in IPv6, ECN", 1600, 0, { NEEDS | TNL_CSUM, T4 | TUN6
      | ECN, 124, 1400, 104, 16 } },
    { "VXLAN, VLAN in and out", 1600, 0, { NEEDS | TNL_CSUM, T4 | TUN4, 112,
      1400, 92, 16 } },
    { "Geneve", 1600, 0, { NEEDS | TNL_CSUM, T4 | TUN4, 112, 1400, 92, 16 } },
    { "VXLAN, USO", 1500, 0, { NEEDS | TNL_CSUM, USO | TUN4, 92, 1000, 84,
      6 } },
    { "tap: Geneve over IPv6, USO", 1500, 0, { NEEDS, USO | TUN6, 120, 1000,
      112, 6 } },
    { "VXLAN", 1485, EMSGSIZE, { 0, 0, 0, 0, 0, 0 } },
    { "GRE", 1500, EOPNOTSUPP, { 0, 0, 0, 0, 0, 0 } },
    { "GTP-U", 1500, EOPNOTSUPP, { 0, 0, 0, 0, 0, 0 } },
    { "IPv4 in IPv4", 1500, EOPNOTSUPP, { 0, 0, 0, 0, 0, 0 } },
    { "VXLAN, short", 1500, -1, { 0, 0, 0, 0, 0, 0 } },
};

static void
test_build(const struct build_row *r)
{
    const struct vnet_row *from = vnet_rows;
    struct dp_packet *b;
    char *error = NULL;
    uint8_t *frame;
    uint32_t marks;
    size_t len;

    while (strcmp(from->name, r->parsed)) {
        from++;
    }
    frame = vnet_build_frame(from->layers, from->payload, &len);
    b = new_packet(&from->v, frame, len);
    EXPECT(netdev_linux_vnet_parse(b), 0);
    marks = b->offloads;
    EXPECT(netdev_linux_vnet_build(b, r->mtu), r->retval);
    if (!error && !r->retval) {
        const uint8_t *f = dp_packet_data(b);
        struct vnet got = { f[0], f[1], 0, 0, 0, 0 };
        size_t l3 = from->inner_l3 ? from->inner_l3 : from->l4 == 54 ? 14
                                   : from->l4 - 20;
        uint8_t proto = from->tso ? 6 : 17;
        size_t l4 = r->v.start;

        memcpy(&got.hdr_len, f + 2, 8);
        EXPECT(got.flags, r->v.flags);
        EXPECT(got.type, r->v.type);
        EXPECT(got.hdr_len, r->v.hdr_len);
        EXPECT(got.gso_size, r->v.gso_size);
        EXPECT(got.start, r->v.start);
        EXPECT(got.offset, r->v.offset);

        ref_put16(frame + l4 + r->v.offset, pseudo(frame, len, l3, l4,
                                                   proto));
        if (r->v.flags & TNL_CSUM) {
            size_t outer_l3 = from->l4 == 54 ? 14 : from->l4 - 20;

            ref_put16(frame + from->l4 + 6, pseudo(frame, len, outer_l3,
                                                   from->l4, 17));
        }
        EXPECT(dp_packet_size(b), len + 10);
        EXPECT(memcmp(f + 10, frame, len), 0);

        b->offloads = 0;
        dp_packet_reset_offsets(b);
        dp_packet_set_tso_segsz(b, 0);
        b->uso_segsz = 0;
        EXPECT(netdev_linux_vnet_parse(b), 0);
        error = error ? error : check_parsed(b, from, frame, len);
        EXPECT(b->offloads, marks);
    }
    test_case(error, "vnet build: %s, MTU %d", r->parsed, r->mtu);
    dp_packet_delete(b);
    free(frame);
}

/* UDP whose length is not that of the packet: the kernel would go by it. */
static void
test_build_length(void)
{
    size_t len;
    uint8_t *frame = vnet_build_frame("e4u", 3000, &len);
    struct vnet v = { NEEDS, USO, 42, 1000, 34, 6 };
    struct dp_packet *b;
    char *error = NULL;
    const uint8_t *f;

    ref_put16(frame + 38, 77);
    b = new_packet(&v, frame, len);
    EXPECT(netdev_linux_vnet_parse(b), 0);
    EXPECT(netdev_linux_vnet_build(b, 1500), 0);
    f = dp_packet_data(b);
    EXPECT(ref_get16(f + 10 + 38), 3008);
    EXPECT(ref_get16(f + 10 + 40), pseudo(frame, len, 14, 34, 17));
    test_case(error, "vnet build: length in UDP header is wrong");
    dp_packet_delete(b);
    free(frame);
}

/* Larger headers, through a pipe instead of a tap. */
static void
test_tap(size_t vnet_size, const char *layers, struct vnet v, size_t outer_th,
         size_t inner_nh)
{
    struct tnl_gso_port port = { .vnet_size = vnet_size };
    struct netdev netdev = { .tnl_gso = &port };
    size_t hdr = MAX(vnet_size, 10);
    uint8_t wire[4096], a[1000], c[4096];
    struct iovec iov[2] = { { a, sizeof a }, { c, sizeof c } };
    struct dp_packet *b;
    char *error = NULL;
    uint16_t got[2];
    uint8_t *frame;
    size_t len;
    int fd[2];

    ovs_assert(!pipe(fd));
    frame = vnet_build_frame(layers, 3000, &len);
    b = new_packet(&v, frame, len);
    EXPECT(netdev_linux_vnet_parse(b), 0);
    EXPECT(netdev_linux_vnet_build(b, 1600), 0);
    EXPECT(netdev_linux_vnet_write(&netdev, fd[1], b), len + 10);
    EXPECT(read(fd[0], wire, sizeof wire), len + hdr);
    EXPECT(memcmp(wire, dp_packet_data(b), 10), 0);
    EXPECT(memcmp(wire + hdr, (char *) dp_packet_data(b) + 10, len), 0);
    if (hdr == 24) {
        memcpy(got, wire + 20, 4);
        EXPECT(got[0], outer_th);
        EXPECT(got[1], inner_nh);
        for (size_t i = 10; i < 20; i++) {
            EXPECT(wire[i], 0);
        }
    }

    EXPECT(write(fd[1], wire, len + hdr), len + hdr);
    EXPECT(netdev_linux_vnet_read(&netdev, fd[0], iov, 2), len + 10);
    EXPECT(memcmp(a, dp_packet_data(b), sizeof a), 0);
    EXPECT(memcmp(c, (char *) dp_packet_data(b) + sizeof a,
                  len + 10 - sizeof a), 0);

    /* A header and no frame, or less. */
    for (size_t n = 1; n <= hdr; n++) {
        EXPECT(write(fd[1], wire, n), n);
        EXPECT(netdev_linux_vnet_read(&netdev, fd[0], iov, 2), MIN(n, 10));
    }
    close(fd[1]);
    EXPECT(netdev_linux_vnet_read(&netdev, fd[0], iov, 2), 0);
    close(fd[0]);
    EXPECT(netdev_linux_vnet_read(&netdev, fd[0], iov, 2), -1);
    EXPECT(netdev_linux_vnet_write(&netdev, fd[1], b), -1);
    test_case(error, "vnet tap: header of %"PRIuSIZE" bytes, %s", vnet_size,
              layers);
    dp_packet_delete(b);
    free(frame);
}

/* Writes the rows as seeds for the fuzz target. */
void
test_vnet_corpus(struct ovs_cmdl_context *ctx)
{
    for (size_t i = 0; i < n_vnet_rows; i++) {
        const struct vnet_row *r = &vnet_rows[i];
        size_t len;
        uint8_t *frame = vnet_build_frame(r->layers, MIN(r->payload, 300),
                                          &len);
        struct vnet v = r->v;
        uint8_t odd = i & 1;
        struct dp_packet *b;

        if (v.gso_size > 300 && v.gso_size < 3000) {
            v.gso_size /= 10;
        }
        b = new_packet(&v, frame, len);
        write_seed(ctx->argv[1], 2 * i, &odd, sizeof odd, dp_packet_data(b),
                   dp_packet_size(b));
        odd = 0xf0 | i;         /* As the beginning of more than 64 kB. */
        write_seed(ctx->argv[1], 2 * i + 1, &odd, sizeof odd,
                   dp_packet_data(b), dp_packet_size(b));
        dp_packet_delete(b);
        free(frame);
    }
}

void
test_vnet(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    for (size_t i = 0; i < n_vnet_rows; i++) {
        test_parse(&vnet_rows[i]);
        test_parse_cut(&vnet_rows[i]);
    }
    test_parse_short();
    test_parse_sum();
    test_lying_length();
    test_parse_complete();
    for (size_t i = 0; i < ARRAY_SIZE(build_rows); i++) {
        test_build(&build_rows[i]);
    }
    test_build_length();
    for (size_t size = 0; size <= 24; size += size ? 14 : 10) {
        test_tap(size, "e4uve4t",
                 (struct vnet) { NEEDS, T4, 104, 1400, 84, 16 }, 34, 64);
        test_tap(size, "e6uge4u",
                 (struct vnet) { NEEDS, USO, 120, 1000, 112, 6 }, 54, 92);
        test_tap(size, "e4u",
                 (struct vnet) { NEEDS, USO, 42, 1000, 34, 6 }, 0, 0);
    }
}
