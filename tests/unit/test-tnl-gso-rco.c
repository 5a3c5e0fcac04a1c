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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command-line.h"
#include "dp-packet.h"
#include "netdev-provider.h"
#include "odp-netlink.h"
#include "openvswitch/dynamic-string.h"
#include "ovs-atomic.h"
#include "ovs-thread.h"
#include "packets.h"
#include "smap.h"
#include "timeval.h"
#include "tnl-gso-pkt.h"
#include "tnl-gso/encap/encap.h"
#include "tnl-gso/tnl-gso.h"
#include "tnl-gso/rco/tnl-rco.h"
#include "util.h"

/* Remote checksums: encoding, decoding, completing; packets in front of a pop
 * and behind a push, whole, damaged and cut short. */

/* VXLAN as Linux writes it, from captures of Linux v6.18 vxlan_build_skb(). */
static void
test_find(void)
{
    static const struct {
        const char *name;
        enum tnl_gso_encap encap;
        const char *hdr;
        enum tnl_rco_found found;
        uint16_t start, field;
    } rows[] = {
        { "TCP, IPv4", TNL_GSO_VXLAN, "0820000000000511",
          .found = TNL_RCO_SET, .start = 34, .field = 50 },
        { "UDP, IPv4", TNL_GSO_VXLAN, "0820000000000591",
          .found = TNL_RCO_SET, .start = 34, .field = 40 },
        { "TCP, IPv6", TNL_GSO_VXLAN, "082000000000051b",
          .found = TNL_RCO_SET, .start = 54, .field = 70 },
        { "farthest", TNL_GSO_VXLAN, "08200000000005ff",
          .found = TNL_RCO_SET, .start = 254, .field = 260 },
        { "nearest", TNL_GSO_VXLAN, "0820000000000500",
          .found = TNL_RCO_SET, .start = 0, .field = 16 },
        { "GBP", TNL_GSO_VXLAN, "8820000700000511",
          .found = TNL_RCO_SET, .start = 34, .field = 50 },
        { "no bit", TNL_GSO_VXLAN, "0800000000000511", .found = TNL_RCO_NONE },
        { "other bits", TNL_GSO_VXLAN, "08dfffff00000511",
          .found = TNL_RCO_NONE },
        { "GPE", TNL_GSO_VXLAN, "0c20000300000511", .found = TNL_RCO_NONE },
        { "cut", TNL_GSO_VXLAN, "08200000000005", .found = TNL_RCO_NONE },
        { "VXLAN's, in Geneve", TNL_GSO_GENEVE, "0020655800000511",
          .found = TNL_RCO_NONE },
        { "in GRE", TNL_GSO_GRE, "0820000000000511", .found = TNL_RCO_NONE },
        { "option", TNL_GSO_GENEVE, "0240655800000500ff52810100220032",
          .found = TNL_RCO_SET, .start = 34, .field = 50 },
        { "no-op", TNL_GSO_GENEVE, "0240655800000500ff52810100000000",
          .found = TNL_RCO_NOOP },
        { "behind others", TNL_GSO_GENEVE,
          "0540655800000500ffff0100ffff010111223344ff5281010036003c",
          .found = TNL_RCO_SET, .start = 54, .field = 60 },
        { "in front", TNL_GSO_GENEVE,
          "0340655800000500ff52810100220032ffff0100",
          .found = TNL_RCO_SET, .start = 34, .field = 50 },
        { "other class", TNL_GSO_GENEVE, "0240655800000500ff53810100220032",
          .found = TNL_RCO_NONE },
        { "other type", TNL_GSO_GENEVE, "0240655800000500ff52010100220032",
          .found = TNL_RCO_NONE },
        { "short", TNL_GSO_GENEVE, "0140655800000500ff528100",
          .found = TNL_RCO_SET, .start = 0, .field = 0 },
        { "long", TNL_GSO_GENEVE, "0340655800000500ff5281020022003200000000",
          .found = TNL_RCO_SET, .start = 0, .field = 0 },
        { "twice", TNL_GSO_GENEVE,
          "0440655800000500ff52810100220032ff52810100220032",
          .found = TNL_RCO_SET, .start = 0, .field = 0 },
        { "over the end", TNL_GSO_GENEVE, "0140655800000500ff528101",
          .found = TNL_RCO_SET, .start = 0, .field = 0 },
        { "others over the end", TNL_GSO_GENEVE,
          "0240655800000500ffff010fff528101", .found = TNL_RCO_NONE },
        { "options cut", TNL_GSO_GENEVE, "0240655800000500ff52810100220",
          .found = TNL_RCO_NONE },
        { "no options", TNL_GSO_GENEVE, "0000655800000500", .found = TNL_RCO_NONE,
          0, 0 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        size_t len = strlen(rows[i].hdr) / 2;
        uint8_t *hdr = xmalloc(len);
        bool ok;
        struct tnl_rco rco = { 77, 77 };
        char *error = NULL;

        for (size_t j = 0; j < len; j++) {
            hdr[j] = hexits_value(rows[i].hdr + 2 * j, 2, &ok);
        }
        EXPECT(tnl_rco_find(tnl_gso_encap_class(rows[i].encap)->rco, hdr,
                            len,
                            htons(rows[i].encap == TNL_GSO_GENEVE ? 6081
                                  : 4789), &rco),
               rows[i].found);
        EXPECT(rco.start, rows[i].start);
        EXPECT(rco.field, rows[i].field);
        test_case(error, "find: %s", rows[i].name);
        free(hdr);
    }
}

/* Byte by byte, all lengths, and the two zeros. */
static void
test_complete(void)
{
    struct pkt_rng rng = { 1 };

    for (size_t len = 20; len < 300; len++) {
        for (int udp = 0; udp < 2; udp++) {
            uint8_t *got = xmalloc(len);
            char *error = NULL;
            uint16_t csum;

            for (size_t i = 0; i < len; i++) {
                got[i] = pkt_rand(&rng);
            }
            if (len % 7 == 0) {
                /* Sums up to ones. */
                ref_put16(got, 0);
                ref_put16(got, ref_csum(got, len));
            }
            csum = ref_csum(got, len);
            csum = csum || !udp ? csum : 0xffff;
            tnl_rco_complete(got, len, udp ? IPPROTO_UDP : IPPROTO_TCP);
            EXPECT(ref_get16(got + (udp ? 6 : 16)), csum);
            test_case(error, "complete: %"PRIuSIZE" bytes, %s", len,
                      udp ? "UDP" : "TCP");
            free(got);
        }
    }
}

/* A frame in VXLAN or Geneve with a remote checksum; the option of Geneve is
 * the only one. */
static uint8_t *
remote_frame(const struct pkt_row *row, size_t *len, struct ref_layout *l)
{
    struct ref_frames frames;
    struct ref_job job = pkt_job(row);
    uint8_t *frame = pkt_build_frame(row, len);
    size_t start;
    uint8_t *hdr;

    job.rco = true;
    ovs_assert(!ref_cut(frame, *len, &job, row->payload + 1, &frames));
    free(frame);
    frame = xmemdup(frames.v[0].data, *len);
    ref_frames_destroy(&frames);
    ovs_assert(!ref_parse(frame, *len, row->encap, l));
    hdr = frame + l->outer.l4 + 8;
    start = l->inner.l4 - l->outer.l4 - 16 - row->geneve_opt;
    if (row->encap == REF_VXLAN) {
        ref_put32(hdr, 0x08200000);
        hdr[7] = start / 2 | (row->udp ? 0x80 : 0);
    } else {
        ref_put32(hdr + 8, 0xff528101);
        ref_put16(hdr + 12, start);
        ref_put16(hdr + 14, start + (row->udp ? 6 : 16));
    }
    return frame;
}

static void
row_random(struct pkt_row *row, struct pkt_rng *rng)
{
    do {
        pkt_row_random(row, rng);
    } while ((row->encap != REF_VXLAN && row->encap != REF_GENEVE)
             || row->no_eth);
    row->outer.n_vlans = row->outer.n_mpls = row->outer.nsh = 0;
    row->outer.ipopt = row->outer.ext = 0;
    row->payload = pkt_range(rng, 300);
    row->mss = 16000;
    row->lie = row->l4_done = false;
    row->rco = true;
    row->geneve_opt = row->encap == REF_GENEVE ? 8 : 0;
}

/* In front of a pop: whole, cut short anywhere, damaged. */
static void
test_pop(const struct rco_tunnels *tunnels, uint64_t n, uint64_t seed)
{
    unsigned int n_accepted = 0;

    for (uint64_t i = 0; i < n; i++) {
        struct ds name = DS_EMPTY_INITIALIZER;
        struct pkt_rng rng = { seed + i };
        struct ref_layout l;
        struct pkt_row row;
        uint8_t *frame;
        bool accepted;
        char *error;
        size_t len;

        row_random(&row, &rng);
        pkt_row_format(&row, &name);
        frame = remote_frame(&row, &len, &l);
        error = rco_pop_and_judge(tunnels, frame, len, row.encap, &accepted);
        n_accepted += accepted;
        for (size_t cut = 0; cut < l.payload && !error; cut++) {
            error = rco_pop_and_judge(tunnels, frame, cut, row.encap,
                                      &accepted);
        }
        for (int j = 0; j < 20 && !error; j++) {
            uint8_t *damaged = xmemdup(frame, len);

            damaged[l.outer.l4 + 8 + pkt_range(&rng, l.payload - l.outer.l4
                                               - 8)] ^= 1 << pkt_range(&rng,
                                                                       8);
            error = rco_pop_and_judge(tunnels, damaged, len, row.encap,
                                      &accepted);
            free(damaged);
        }
        test_case(error, "rco 1 %"PRIu64": %s pop %s", seed + i,
                  tunnels->rx ? "on" : "off", ds_cstr(&name));
        ds_destroy(&name);
        free(frame);
    }
    test_case((n_accepted > n / 2) == tunnels->rx ? NULL
              : xasprintf("%u of %"PRIu64" accepted", n_accepted, n),
              "pop: accepted");
}

/* Behind a push: 'frame' is as it is there, 'hdr_len' bytes of it from the
 * header. */
static char *
push_and_judge(const struct rco_tunnels *tunnels, const struct pkt_row *row,
               uint8_t *frame, size_t len, const struct ref_layout *l)
{
    size_t hdr_len = l->outer.l4 + 16 + row->geneve_opt;
    size_t start = l->inner.l4 - hdr_len;
    bool remote = (!row->l4_done && row->csum && start % 2 == 0
                   && start <= 254
                   && len >= l->inner.l4 + (row->udp ? 8 : 20));
    struct ovs_action_push_tnl data = { .header_len = hdr_len };
    struct ref_job job = pkt_job(row);
    uint8_t *hdr = frame + l->outer.l4 + 8;
    struct dp_packet_batch batch;
    struct dp_packet *p;
    uint8_t *expected;
    char *error = NULL;

    if (row->encap == REF_VXLAN) {
        data.tnl_type = OVS_VPORT_TYPE_VXLAN;
        ref_put32(hdr, 0x08200000);
        hdr[7] = 0;
    } else {
        data.tnl_type = OVS_VPORT_TYPE_GENEVE;
        ref_put32(hdr + row->geneve_opt, 0xff528101);
        ref_put32(hdr + row->geneve_opt + 4, 0);
        hdr[7] = 1;
    }
    memcpy(data.header, frame, hdr_len);

    expected = xmemdup(frame, len);
    hdr = expected + l->outer.l4 + 8;
    if (remote) {
        ref_put16(expected + l->l4_csum,
                  ref_partial_csum(frame, len, &l->inner));
    }
    if (row->encap == REF_GENEVE) {
        hdr[7] = 0;
        if (remote) {
            ref_put16(hdr + row->geneve_opt + 4, start);
            ref_put16(hdr + row->geneve_opt + 6, l->l4_csum - hdr_len);
        }
    } else if (remote) {
        hdr[7] = start / 2 + (row->udp ? 128 : 0);
    } else {
        hdr[1] = 0;
    }

    job.rco = false;
    p = pkt_from_job(frame, len, &job);
    /* The push makes this checksum, which is not compared here. */
    if (l->inner.version == 4) {
        p->offloads &= ~DP_PACKET_OL_INNER_IP_CKSUM_MASK;
    }
    dp_packet_batch_init_packet(&batch, p);
    tnl_rco_push_finish(tunnels->dev[row->encap], &batch, &data);
    EXPECT((p->offloads & DP_PACKET_OL_INNER_RCO) != 0, remote);
    if (remote) {
        EXPECT(p->offloads & DP_PACKET_OL_INNER_L4_CKSUM_MASK, 0);
    }
    for (size_t i = 0; i < len && !error; i++) {
        EXPECT(((const uint8_t *) dp_packet_data(p))[i], expected[i]);
    }
    dp_packet_delete_batch(&batch, true);
    dp_packet_batch_destroy(&batch);
    free(expected);
    return error;
}

static void
test_push(const struct rco_tunnels *tunnels, uint64_t n, uint64_t seed)
{
    for (uint64_t i = 0; i < n; i++) {
        struct ds name = DS_EMPTY_INITIALIZER;
        struct pkt_rng rng = { seed + i };
        struct ref_layout l;
        struct pkt_row row;
        uint8_t *frame;
        size_t len;

        row_random(&row, &rng);
        row.payload = pkt_range(&rng, 3000);
        row.mss = 1 + pkt_range(&rng, 1400);
        row.l4_done = !pkt_range(&rng, 8);
        if (!pkt_range(&rng, 8)) {
            row.inner.version = 6;
            row.inner.n_vlans = pkt_range(&rng, 100);
            row.inner.n_mpls = row.inner.nsh = 0;
        }
        pkt_row_format(&row, &name);
        frame = pkt_build_frame(&row, &len);
        ovs_assert(!ref_parse(frame, len, row.encap, &l));
        /* The last option is ours: pkt_build_frame() made one of 8 bytes. */
        row.geneve_opt = 0;
        if (row.encap == REF_GENEVE) {
            row.geneve_opt = 8;
        }
        test_case(push_and_judge(tunnels, &row, frame, len, &l),
                  "rco 1 %"PRIu64": push %s", seed + i, ds_cstr(&name));
        /* A mark that nothing stands behind. */
        len = (l.inner.l4 - 4
               + pkt_range(&rng, l.payload - l.inner.l4 + 5));
        test_case(push_and_judge(tunnels, &row, frame, len, &l),
                  "rco 1 %"PRIu64": push %"PRIuSIZE" bytes of %s", seed + i,
                  len, ds_cstr(&name));
        ds_destroy(&name);
        free(frame);
    }
}

static int
configure(struct netdev *netdev, uint16_t port, bool rx)
{
    struct netdev_tunnel_config cfg = { .dst_port = htons(port),
                                        .rco_rx = rx };
    struct ds errors = DS_EMPTY_INITIALIZER;
    struct smap args = SMAP_INITIALIZER(&args);
    int error = tnl_rco_check_config(netdev, &args, &cfg, &errors);

    ds_destroy(&errors);
    return error;
}

static atomic_bool stop;

/* Counts how often remote checksums are not accepted on the port at 'port'. */
static void *
watch_policy(void *port)
{
    uintptr_t n_off = 0;
    bool end;

    do {
        n_off += !tnl_rco_policy_get(*(ovs_be16 *) port).rx;
        atomic_read(&stop, &end);
    } while (!end);
    return (void *) n_off;
}

/* What Interfaces have agreed on. */
static void
test_policy(void)
{
    enum { PORT = 4800, OTHER = 4801 };
    ovs_be16 port = htons(PORT);
    struct netdev *a, *b;
    char *error = NULL;
    pthread_t thread;
    void *n_off;

    ovs_assert(!netdev_open("rco-a", "vxlan", &a));
    ovs_assert(!netdev_open("rco-b", "vxlan", &b));
    EXPECT(configure(a, PORT, true), 0);
    EXPECT(configure(b, PORT, false), EEXIST);
    EXPECT(configure(b, OTHER, false), 0);
    EXPECT(configure(b, PORT, true), 0);
    EXPECT(configure(a, PORT, false), EEXIST);
    EXPECT(configure(b, OTHER, true), 0);
    EXPECT(configure(a, PORT, false), 0);
    EXPECT(tnl_rco_policy_get(port).rx, false);
    EXPECT(tnl_rco_policy_get(htons(OTHER)).rx, true);
    test_case(error, "policy: changes");

    /* Packets keep coming in while Interfaces are configured again. */
    error = NULL;
    EXPECT(configure(a, PORT, true), 0);
    atomic_init(&stop, false);
    thread = ovs_thread_create("watch", watch_policy, &port);
    for (int i = 0; i < 200000; i++) {
        ovs_assert(!configure(a, PORT, true));
    }
    atomic_store(&stop, true);
    xpthread_join(thread, &n_off);
    EXPECT((uintptr_t) n_off, 0);
    test_case(error, "policy: the same again");

    /* An Interface that has been removed, while a thread still uses it. */
    error = NULL;
    netdev_ref(a);
    netdev_remove(a);
    EXPECT(tnl_rco_policy_get(port).rx, false);
    EXPECT(configure(b, PORT, false), 0);
    EXPECT(tnl_rco_policy_get(htons(OTHER)).rx, false);
    netdev_close(a);
    netdev_close(b);
    test_case(error, "policy: removed");
}

void
test_rco(struct ovs_cmdl_context *ctx)
{
    uint64_t n = ctx->argc > 1 ? strtoull(ctx->argv[1], NULL, 0) : 2000;
    uint64_t seed = (ctx->argc > 2 ? strtoull(ctx->argv[2], NULL, 0)
                     : time_wall_msec());
    struct rco_tunnels tunnels;

    printf("rco: seed %"PRIu64"\n", seed);
    rco_open_tunnels(&tunnels, true);
    test_find();
    test_complete();
    test_policy();
    test_pop(&tunnels, n, seed);
    test_push(&tunnels, n, seed);
    rco_close_tunnels(&tunnels);
    rco_open_tunnels(&tunnels, false);
    test_pop(&tunnels, n / 10, seed);
    rco_close_tunnels(&tunnels);
}

/* Writes seeds for fuzz-tnl-gso-rco: a byte for the kind of tunnel, then a
 * frame. */
void
test_rco_corpus(struct ovs_cmdl_context *ctx)
{
    uint64_t n = strtoull(ctx->argv[2], NULL, 0);

    for (uint64_t i = 0; i < n; i++) {
        char *name = xasprintf("%s/%"PRIu64, ctx->argv[1], i);
        struct pkt_rng rng = { i };
        FILE *file = fopen(name, "wb");
        struct ref_layout l;
        struct pkt_row row;
        uint8_t *frame;
        size_t len;

        row_random(&row, &rng);
        frame = remote_frame(&row, &len, &l);
        if (!file || fputc(row.encap, file) == EOF
            || fwrite(frame, len, 1, file) != 1 || fclose(file)) {
            ovs_fatal(errno, "%s", name);
        }
        free(frame);
        free(name);
    }
}
