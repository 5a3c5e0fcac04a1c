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

#include <stdlib.h>
#include <string.h>

#include "command-line.h"
#include "dp-packet.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "test-tnl-gro.h"
#include "tnl-gso/core/tnl-gso-packet.h"
#include "util.h"

/* Mistakes that others have made when they merged packets, each with the test
 * that finds it.  tests/run-mutants makes each of them, to prove that. */

static const char tunnels[] = "vgr";
static const char kinds[] = "vgrp";

/* Each kind in 'KINDS' in IPv4 and IPv6 on both levels. */
#define FOR_EACH_LIST(LIST, KIND, VERSIONS, KINDS)                          \
    for (const char *KIND = KINDS; *KIND; KIND++)                           \
        for (int VERSIONS = 0; VERSIONS < 4; VERSIONS++)                    \
            if (gro_list_five(LIST, *KIND, VERSIONS & 1 ? 6 : 4,            \
                              VERSIONS & 2 ? 6 : 4), true)

/* Counts a case: 'list' becomes 'runs'. */
static void
expect(struct gro_list *list, const char *runs, enum tnl_gro_rule rule,
       int mistake, char kind, int versions)
{
    test_case(gro_list_expect(list, runs, rule),
              "mistake %d, kind %c, versions %d", mistake, kind, versions);
}

/* Makes 'data' the frame of 'item', with outer headers that are right. */
static void
set_frame(struct gro_list *list, struct gro_item *item, uint8_t *data,
          size_t len)
{
    free(item->data);
    item->data = data;
    item->len = len;
    gro_settle_outer(list, item);
}

/* 1: two tunnel levels are two headers of unknown length.  What is in the
 * second one is not looked at, even if only that is different. */
static void
two_levels(void)
{
    struct gro_list list, inner;

    FOR_EACH_LIST (&list, kind, versions, tunnels) {
        gro_list_five(&inner, 'v', versions & 2 ? 6 : 4, 4);
        for (size_t i = 0; i < list.n; i++) {
            struct gro_item *item = &list.v[i];
            struct gro_item *in = &inner.v[i];
            size_t head = item->l.inner.ofs - 18; /* Ethernet and a tag. */
            uint8_t *data = xmalloc(head + in->len);

            ref_put16(in->data + in->l.outer.l4 + 6, 0); /* No checksum. */
            memcpy(data, item->data, head);
            memcpy(data + head, in->data, in->len);
            set_frame(&list, item, data, head + in->len);
            ovs_assert(!ref_parse(data, item->len, list.encap, &item->l));
        }
        gro_list_destroy(&inner);
        expect(&list, "1 1 1 1 1", TNL_GRO_R_NOT_TCP, 1, *kind, versions);
    }
}

/* 2: a superpacket among those that may become one, marked as one in a tunnel
 * or as one in none. */
static void
plain_superpacket(void)
{
    struct gro_list list;

    for (int marks = 0; marks < 2; marks++) {
        FOR_EACH_LIST (&list, kind, versions, kinds) {
            list.v[2].mss = 50;
            if (marks) {
                list.v[2].offloads = (DP_PACKET_OL_L4_PROTO_TCP
                                      | DP_PACKET_OL_L4_CKSUM_MASK);
            }
            expect(&list, "2 1 2", TNL_GRO_R_SUPER, 2, *kind, versions);
        }
    }
    FOR_EACH_LIST (&list, kind, versions, "p") {
        list.v[2].offloads = DP_PACKET_OL_TUNNEL_VXLAN;
        expect(&list, "2 1 2", TNL_GRO_R_NOT_TCP, 2, *kind, versions);
    }
}

/* 3: offsets and lengths of the outer headers are not those of the inner ones:
 * the judge looks at both. */
static void
offsets(void)
{
    struct gro_list list;

    FOR_EACH_LIST (&list, kind, versions, kinds) {
        expect(&list, "5", TNL_GRO_JOINED, 3, *kind, versions);
    }
}

/* 4: what ends one flow does not end another, and does not wait for the next
 * packet. */
static void
flags_of_another(void)
{
    struct gro_list list;

    FOR_EACH_LIST (&list, kind, versions, kinds) {
        struct pkt_row row = list.flows[0].row;
        struct gro_flow *flow;
        struct gro_item *item;

        gro_list_destroy(&list);
        gro_list_init(&list, row.encap);
        gro_list_add_flow(&list, &row, false);
        flow = gro_list_add_flow(&list, &row, false);
        flow->frame[flow->l.inner.l4] ^= 0x80;
        gro_list_add_units(&list, 1, NULL);
        item = &list.v[4];
        item->data[item->l.inner.l4 + 13] |= TCP_PSH;
        gro_item_settle(&list, item);
        expect(&list, "3 5 2", TNL_GRO_R_ENDED, 4, *kind, versions);
    }
}

/* Leaves the inner checksum of 'item' to others. */
static void
make_partial(const struct gro_list *list, struct gro_item *item)
{
    uint32_t inner = DP_PACKET_OL_L4_PROTO_TCP | DP_PACKET_OL_L4_CKSUM_MASK;

    item->partial_ofs = item->l.l4_csum;
    item->partial = ref_partial_csum(item->data, item->len, &item->l.inner);
    if (list->encap == REF_PLAIN) {
        item->offloads = inner;
    } else {
        item->offloads = (inner << DP_PACKET_OL_SHIFT_COUNT
                          | DP_PACKET_OL_L4_PROTO_UDP
                          | DP_PACKET_OL_L4_CKSUM_MASK
                          | (list->encap == REF_VXLAN
                             ? DP_PACKET_OL_TUNNEL_VXLAN
                             : DP_PACKET_OL_TUNNEL_GENEVE));
    }
}

/* 5: a partial checksum is right, and not what is in the packet; packets that
 * are units are freed once, and those that have come out are not. */
static void
partial(void)
{
    struct gro_list list;

    FOR_EACH_LIST (&list, kind, versions, "vgp") {
        make_partial(&list, &list.v[1]);
        make_partial(&list, &list.v[2]);
        make_partial(&list, &list.v[4]);
        expect(&list, "5", TNL_GRO_JOINED, 5, *kind, versions);
    }
    FOR_EACH_LIST (&list, kind, versions, "vg") {
        list.v[1].data[list.v[1].l.payload] ^= 1;
        gro_list_merge_train(&list, 0, 3);
        expect(&list, "1 1 3", TNL_GRO_R_CSUM, 5, *kind, versions);
    }
}

/* 6: packets that this host sends to itself have checksums that nobody has
 * summed up, and another port; both do not get mixed. */
static void
local_host(void)
{
    struct gro_list list;

    for (int ports = 0; ports < 2; ports++) {
        FOR_EACH_LIST (&list, kind, versions, "vg") {
            for (size_t i = 0; i < list.n; i++) {
                struct gro_item *item = &list.v[i];

                item->offloads = (DP_PACKET_OL_L4_PROTO_UDP
                                  | DP_PACKET_OL_L4_CKSUM_MASK);
                item->data[item->l.outer.l4 + 7] ^= 0xff;
                if (item->l.outer.version == 4) {
                    item->offloads |= DP_PACKET_OL_IP_CKSUM_MASK;
                    item->data[item->l.outer.ofs + 10] ^= 0xff;
                }
            }
            list.v[2].in_port = ports;
            expect(&list, ports ? "2 1 2" : "5",
                   ports ? TNL_GRO_R_METADATA : TNL_GRO_JOINED, 6, *kind,
                   versions);
        }
    }
}

/* Writes lengths into all headers of 'item' that are there, and IPv4 checksums
 * that fit, as if it ended where it does. */
static void
claim(const struct gro_list *list, struct gro_item *item)
{
    const struct ref_l3 *l3s[] = { &item->l.outer, &item->l.inner };

    for (size_t i = 0; i < ARRAY_SIZE(l3s); i++) {
        const struct ref_l3 *l3 = l3s[i];
        uint8_t *ip = item->data + l3->ofs;

        if (l3->version == 4 && l3->ofs + 20 <= item->len) {
            ref_put16(ip + 2, item->len - l3->ofs);
            ref_put16(ip + 10, 0);
            ref_put16(ip + 10, ref_csum(ip, 20));
        } else if (l3->version == 6 && l3->ofs + 40 <= item->len) {
            ref_put16(ip + 4, item->len - l3->ofs - 40);
        }
    }
    if ((list->encap == REF_VXLAN || list->encap == REF_GENEVE)
        && item->l.outer.l4 + 6 <= item->len) {
        ref_put16(item->data + item->l.outer.l4 + 4,
                  item->len - item->l.outer.l4);
    }
}

/* 7: outer headers that are longer than what is kept of a train. */
static void
outer_options(void)
{
    enum { EXT_LEN = 2048 };
    struct gro_list list;

    FOR_EACH_LIST (&list, kind, versions, "vg") {
        if (!(versions & 1)) {
            gro_list_destroy(&list);
            continue;
        }
        for (size_t i = 0; i < list.n; i++) {
            struct gro_item *item = &list.v[i];
            size_t l4 = item->l.outer.l4;
            uint8_t *data = xzalloc(item->len + EXT_LEN);

            memcpy(data, item->data, l4);
            memcpy(data + l4 + EXT_LEN, item->data + l4, item->len - l4);
            data[item->l.outer.ofs + 6] = 60; /* Destination options. */
            data[l4] = 17;
            data[l4 + 1] = EXT_LEN / 8 - 1;
            free(item->data);
            item->data = data;
            item->len += EXT_LEN;
            ovs_assert(!ref_parse(data, item->len, list.encap, &item->l));
            gro_item_settle(&list, item);
        }
        gro_list_merge_train(&list, 0, list.n);
        ovs_assert(list.n == 1);
        list.any = true;
        expect(&list, "1 1 1 1 1", TNL_GRO_R_HEADERS, 7, *kind, versions);
    }
}

/* 7: a header that says that it is longer than what there is. */
static void
options(void)
{
    struct gro_list list;

    FOR_EACH_LIST (&list, kind, versions, kinds) {
        struct gro_item *item = &list.v[2];

        list.guarded = true;
        item->data[item->l.inner.l4 + 12] |= 0xf0;
        item->len = item->l.payload + 10;
        claim(&list, item);
        gro_settle_outer(&list, item);
        expect(&list, "2 1 2", TNL_GRO_R_HEADERS, 7, *kind, versions);
    }
    FOR_EACH_LIST (&list, kind, versions, "g") {
        struct gro_item *item = &list.v[2];

        list.guarded = true;
        item->data[item->l.outer.l4 + 8] = 63;
        gro_settle_outer(&list, item);
        expect(&list, "2 1 2", TNL_GRO_R_HEADERS, 7, *kind, versions);
    }
    outer_options();
    FOR_EACH_LIST (&list, kind, versions, kinds) {
        struct gro_item *item = &list.v[2];
        uint8_t *ip = item->data + item->l.inner.ofs;

        list.guarded = true;
        if (item->l.inner.version == 4) {
            ip[0] = 0x4f;
        } else {
            ip[6] = 0;
            ip[41] = 255;
        }
        item->len = item->l.inner.l4 + 30;
        gro_settle_outer(&list, item);
        expect(&list, "2 1 2", TNL_GRO_R_HEADERS, 7, *kind, versions);
    }
}

/* 8: the marks of a tunnelled superpacket are those of its tunnel: the judge
 * knows them.  Also behind a train. */
static void
wrong_type(void)
{
    struct gro_list list;

    FOR_EACH_LIST (&list, kind, versions, tunnels) {
        gro_list_merge_train(&list, 1, 2);
        expect(&list, "5", TNL_GRO_JOINED, 8, *kind, versions);
    }
}

/* 9: the flags of the last packet go to the header of the first one, wherever
 * that ends. */
static void
flags(void)
{
    struct gro_list list;

    for (int opt = 0; opt <= 40; opt += 4) {
        FOR_EACH_LIST (&list, kind, versions, kinds) {
            struct pkt_row row = list.flows[0].row;

            gro_list_destroy(&list);
            gro_list_init(&list, row.encap);
            row.tcp_opt = opt;
            row.tcp_flags |= TCP_FIN | TCP_PSH | TCP_CWR;
            gro_list_add_flow(&list, &row, false);
            gro_list_add_units(&list, 1, NULL);
            list.clean = true;
            expect(&list, "5", TNL_GRO_JOINED, 9, *kind, versions);
        }
    }
}

/* 10: a packet with FIN or PSH that is not merged stays behind those that
 * are. */
static void
overtaken(void)
{
    struct gro_list list;

    FOR_EACH_LIST (&list, kind, versions, kinds) {
        uint8_t *tcp = list.v[4].data + list.v[4].l.inner.l4;

        tcp[13] |= TCP_FIN | TCP_PSH;
        tcp[15] ^= 1;
        gro_item_settle(&list, &list.v[4]);
        expect(&list, "4 1", TNL_GRO_R_WINDOW, 10, *kind, versions);
    }
}

/* 11: padding is no data, neither behind the last packet, where the sequence
 * number of the next one does not tell, nor behind the first. */
static void
padding(void)
{
    struct gro_list list;

    FOR_EACH_LIST (&list, kind, versions, kinds) {
        gro_set_payload(&list, 4, 20);
        gro_pad(&list, 4);
        expect(&list, "4 1", TNL_GRO_R_HEADERS, 11, *kind, versions);
    }
    FOR_EACH_LIST (&list, kind, versions, kinds) {
        gro_pad(&list, 0);
        expect(&list, "1 4", TNL_GRO_R_HEADERS, 11, *kind, versions);
    }
}

/* Merges 'list' and counts a case: of all its packets, none stays alone. */
static void
expect_all(struct gro_list *list, char kind, int versions)
{
    struct gro_result r;
    char *error;

    gro_list_finish(list, NULL);
    error = gro_list_merge_and_judge(list, &r, NULL, NULL);
    EXPECT(r.n_merged, list->n);
    test_case(error, "mistake 12, kind %c, versions %d", kind, versions);
    gro_list_destroy(list);
}

/* 12: all of a batch that is longer than what is looked at at once, with IPv6
 * addresses that differ where IPv4 has none; fragments are in
 * test-tnl-gro-shapes.c. */
static void
many(void)
{
    struct gro_list list;

    FOR_EACH_LIST (&list, kind, versions, kinds) {
        struct pkt_row row = list.flows[0].row;

        gro_list_destroy(&list);
        gro_list_init(&list, row.encap);
        row.mss = 10;
        row.payload = 70 * row.mss;
        for (int i = 0; i < 3; i++) {
            struct gro_flow *flow = gro_list_add_flow(&list, &row, false);

            if (row.inner.version == 6) {
                flow->frame[flow->l.inner.ofs + 39] = i;
            } else {
                flow->frame[flow->l.inner.ofs + 19] = i;
            }
        }
        gro_list_add_units(&list, 1, NULL);
        expect_all(&list, *kind, versions);
    }
}

/* 13: lengths are those of what it has become, and metadata that of all of
 * it. */
static void
lengths(void)
{
    struct gro_list list;

    for (size_t n = 1; n <= 101; n += 20) {
        FOR_EACH_LIST (&list, kind, versions, kinds) {
            gro_set_payload(&list, 4, n);
            for (size_t i = 0; i < list.n; i++) {
                list.v[i].mark = 3;
                list.v[i].priority = 4;
            }
            expect(&list, "5", TNL_GRO_JOINED, 13, *kind, versions);
        }
    }
}

/* 14: nothing is left of the marks that the first packet had. */
static void
stale_marks(void)
{
    struct gro_list list;

    FOR_EACH_LIST (&list, kind, versions, kinds) {
        uint32_t good = DP_PACKET_OL_L4_CKSUM_GOOD;

        if (versions & (list.encap == REF_PLAIN ? 2 : 1)) {
            /* IPv6 has no checksum. */
        } else {
            good |= DP_PACKET_OL_IP_CKSUM_GOOD;
        }
        if (list.encap == REF_PLAIN) {
            good |= DP_PACKET_OL_L4_PROTO_TCP | DP_PACKET_OL_RCO;
        } else {
            good |= (DP_PACKET_OL_INNER_L4_CKSUM_GOOD
                     | DP_PACKET_OL_INNER_IP_CKSUM_GOOD
                     | DP_PACKET_OL_INNER_L4_PROTO_UDP
                     | TNL_GSO_OL_INNER_FIXED_ID);
            good |= list.encap == REF_GRE ? 0 : DP_PACKET_OL_L4_PROTO_UDP;
        }
        list.v[0].offloads = good;
        list.v[0].in_port = list.v[1].in_port = 5;
        gro_list_remove(&list, 4);
        gro_list_remove(&list, 3);
        gro_list_remove(&list, 2);
        expect(&list, "2", TNL_GRO_JOINED, 14, *kind, versions);
    }
}

/* 15: packets that end in any of their headers, with and without lengths that
 * say so. */
static void
tiny(void)
{
    struct gro_list list;
    size_t n_max = 1;

    for (int claims = 0; claims < 2; claims++) {
        for (size_t n = 0; n < n_max; n++) {
            FOR_EACH_LIST (&list, kind, versions, kinds) {
                struct gro_item *item = &list.v[2];

                n_max = MAX(n_max, item->l.payload);
                list.guarded = true;
                item->len = MIN(n, item->l.payload - 1);
                if (claims) {
                    claim(&list, item);
                }
                expect(&list, "2 1 2", TNL_GRO_R_HEADERS, 15, *kind,
                       versions);
            }
        }
    }
    /* Offsets that cannot be. */
    FOR_EACH_LIST (&list, kind, versions, tunnels) {
        list.v[2].l3 = 14;
        list.v[2].l4 = 14 + (versions & 1 ? 39 : 19);
        expect(&list, "2 1 2", TNL_GRO_R_HEADERS, 15, *kind, versions);
    }
}

/* 16: segments are no longer than those that came. */
static void
segment_size(void)
{
    struct gro_list list;

    FOR_EACH_LIST (&list, kind, versions, kinds) {
        gro_set_payload(&list, 0, 100);
        expect(&list, "1 4", TNL_GRO_R_LENGTH, 16, *kind, versions);
    }
    FOR_EACH_LIST (&list, kind, versions, kinds) {
        list.clean = true;
        expect(&list, "5", TNL_GRO_JOINED, 16, *kind, versions);
    }
}

/* 17: UDP, even if what is in it looks like TCP that goes on. */
static void
udp(void)
{
    struct gro_list list;

    FOR_EACH_LIST (&list, kind, versions, kinds) {
        for (size_t i = 0; i < list.n; i++) {
            struct gro_item *item = &list.v[i];
            struct ref_l3 *l3 = &item->l.inner;
            uint8_t *ip = item->data + l3->ofs;
            uint8_t *sum = item->data + item->l.l4_csum;

            l3->proto = 17;
            if (l3->version == 4) {
                ip[9] = 17;
                ref_put16(ip + 10, 0);
                ref_put16(ip + 10, ref_csum(ip, 20));
            } else {
                ip[6] = 17;
            }
            ref_put16(sum, 0);
            ref_put16(sum, ref_l4_csum(item->data, l3, item->len - l3->l4));
            gro_settle_outer(&list, item);
        }
        expect(&list, "1 1 1 1 1", TNL_GRO_R_NOT_TCP, 17, *kind, versions);
    }
}

void
test_gro_mistakes(struct ovs_cmdl_context *ctx)
{
    static void (*const tests[])(void) = {
        two_levels, plain_superpacket, offsets, flags_of_another, partial,
        local_host, options, wrong_type, flags, overtaken, padding, many,
        lengths, stale_marks, tiny, segment_size, udp,
    };
    size_t only = ctx->argc > 1 ? strtoul(ctx->argv[1], NULL, 0) : 0;

    for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
        if (!only || only == i + 1) {
            tests[i]();
        }
    }
}
