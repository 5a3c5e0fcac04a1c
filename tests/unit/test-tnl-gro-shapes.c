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

#include "test-tnl-gro.h"

#include <stdlib.h>
#include <string.h>

#include "dp-packet.h"
#include "packets.h"
#include "test-tnl-gso.h"
#include "util.h"

/* Rules of merging that a changed byte does not show: see
 * test-tnl-gro-rules.c. */

static const char kinds[] = "vgrp";

/* Changes five packets of one flow. */
typedef void change_func(struct gro_list *);

static struct gro_item *
insert_copy(struct gro_list *list, size_t to, size_t from)
{
    const struct gro_item *item = &list->v[from];
    uint8_t *data = xmemdup(item->data, item->len);

    return gro_list_insert(list, to, data, item->len, &item->l, item->flow);
}

static void
in_port(struct gro_list *list)
{
    list->v[2].in_port = 1;
}

static void
mark(struct gro_list *list)
{
    list->v[2].mark = 1;
}

static void
priority(struct gro_list *list)
{
    list->v[2].priority = 1;
}

static void
super(struct gro_list *list)
{
    list->v[2].mss = 50;
}

/* The payload of packet 'i' becomes 'len' bytes, and what follows goes on from
 * there. */
void
gro_set_payload(struct gro_list *list, size_t i, size_t len)
{
    struct gro_item *item = &list->v[i];
    size_t was = item->len - item->l.payload;
    uint8_t *data = xzalloc(item->l.payload + len + 1);

    memcpy(data, item->data, item->l.payload);
    free(item->data);
    item->data = data;
    item->len = item->l.payload + len;
    gro_item_settle(list, item);
    for (i++; i < list->n; i++) {
        uint8_t *seq = list->v[i].data + list->v[i].l.inner.l4 + 4;

        ref_put32(seq, ref_get32(seq) + len - was);
        gro_item_settle(list, &list->v[i]);
    }
}

static void
longer(struct gro_list *list)
{
    gro_set_payload(list, 2, 102);
}

static void
shorter(struct gro_list *list)
{
    gro_set_payload(list, 2, 100);
}

static void
no_payload(struct gro_list *list)
{
    gro_set_payload(list, 2, 0);
}

/* Makes the lengths and checksums of the outer headers of 'item' right. */
void
gro_settle_outer(const struct gro_list *list, struct gro_item *item)
{
    const struct ref_job job = { .encap = list->encap, .outer_csum = true };

    if (list->encap != REF_PLAIN) {
        ref_settle_outer(item->data, item->len, &job, &item->l);
    }
}

/* Puts six bytes behind the IP packet in packet 'i', in the tunnel. */
void
gro_pad(struct gro_list *list, size_t i)
{
    struct gro_item *item = &list->v[i];

    item->data = xrealloc(item->data, item->len + 6);
    memset(item->data + item->len, 0, 6);
    item->len += 6;
    gro_settle_outer(list, item);
}

static void
padded(struct gro_list *list)
{
    gro_pad(list, 2);
}

static void
lost(struct gro_list *list)
{
    gro_list_remove(list, 2);
}

static void
twice(struct gro_list *list)
{
    insert_copy(list, 2, 2);
}

static void
swapped(struct gro_list *list)
{
    struct gro_item item = list->v[1];

    list->v[1] = list->v[2];
    list->v[2] = item;
}

/* One of another flow in between. */
static void
other_flow(struct gro_list *list)
{
    struct gro_item *item = insert_copy(list, 2, 2);

    item->data[item->l.inner.l4] ^= 0x80;
    gro_item_settle(list, item);
}

/* A pure ACK of the same flow in between. */
static void
ack_between(struct gro_list *list)
{
    struct gro_item *item = insert_copy(list, 2, 2);

    item->len = item->l.payload;
    gro_item_settle(list, item);
}

static void
udp_between(struct gro_list *list)
{
    struct gro_item *item = insert_copy(list, 2, 2);

    item->data[item->l.inner.ofs
               + (item->l.inner.version == 4 ? 9 : 6)] = 17;
    gro_item_settle(list, item);
}

static void
fragment_between(struct gro_list *list)
{
    struct gro_item *item = insert_copy(list, 2, 2);
    uint8_t *ip = item->data + item->l.inner.ofs;

    if (item->l.inner.version == 4) {
        ref_put16(ip + 6, 0x0010);
        ref_put16(ip + 10, 0);
        ref_put16(ip + 10, ref_csum(ip, 20));
    } else {
        ip[6] = 44;
    }
    gro_settle_outer(list, item);
}

/* One of another flow behind two VLAN tags, in between. */
static void
stacked_between(struct gro_list *list)
{
    struct gro_item *item = insert_copy(list, 2, 2);
    size_t tag = item->l.inner.ofs - 2;

    item->data[item->l.inner.l4] ^= 0x80;
    gro_item_settle(list, item);
    item->data = xrealloc(item->data, item->len + 8);
    memmove(item->data + tag + 8, item->data + tag, item->len - tag);
    for (size_t i = 0; i < 8; i += 4) {
        ref_put16(item->data + tag + i, 0x8100);
        ref_put16(item->data + tag + i + 2, 1);
    }
    item->len += 8;
    gro_settle_outer(list, item);
}

static void
super_between(struct gro_list *list)
{
    insert_copy(list, 2, 4)->mss = 50;
}

static void
no_csum(struct gro_list *list)
{
    if (list->encap == REF_VXLAN || list->encap == REF_GENEVE) {
        ref_put16(list->v[2].data + list->v[2].l.outer.l4 + 6, 0);
    } else {
        list->v[2].in_port = 1;
    }
}

static void
fixed_ids(struct gro_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        struct gro_item *item = &list->v[i];

        if (item->l.inner.version == 4) {
            ref_put16(item->data + item->l.inner.ofs + 4, 7);
            gro_item_settle(list, item);
        }
    }
}

/* The second packet decides: 7, 7, then 8 does not go on. */
static void
fixed_then_counting(struct gro_list *list)
{
    fixed_ids(list);
    for (size_t i = 2; i < list->n; i++) {
        struct gro_item *item = &list->v[i];

        if (item->l.inner.version == 4) {
            ref_put16(item->data + item->l.inner.ofs + 4, 6 + i);
            gro_item_settle(list, item);
        } else if (i == 2) {
            item->in_port = 1;
        }
    }
}

static void
wrapping_ids(struct gro_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        struct gro_item *item = &list->v[i];

        if (item->l.inner.version == 4) {
            ref_put16(item->data + item->l.inner.ofs + 4, 0xfffe + i);
            gro_item_settle(list, item);
        }
    }
}

/* Checksums that are 0xffff, which is zero too, but not what cutting
 * writes. */
static void
other_zero(struct gro_list *list)
{
    struct gro_item *item = &list->v[2];
    uint8_t *sum = item->data + item->l.l4_csum;
    uint16_t value;

    /* A window that makes the checksum zero, and the same in the others, so
     * that nothing else is different. */
    for (size_t i = 0; i < list->n; i++) {
        ref_put16(list->v[i].data + list->v[i].l.inner.l4 + 14, 0);
        gro_item_settle(list, &list->v[i]);
    }
    value = ref_get16(sum);
    for (size_t i = 0; i < list->n; i++) {
        ref_put16(list->v[i].data + list->v[i].l.inner.l4 + 14, value);
        gro_item_settle(list, &list->v[i]);
    }
    ovs_assert(!ref_get16(sum));
    ref_put16(sum, 0xffff);
    gro_settle_outer(list, item);
}

/* Three packets of 30000 bytes: two fit. */
static void
full(struct gro_list *list)
{
    for (size_t i = 0; i < 3; i++) {
        gro_set_payload(list, i, 30000);
    }
}

static const struct {
    const char *name;
    change_func *change;
    const char *runs;
    enum tnl_gro_rule rule;
    const char *runs6;          /* If it is different for IPv6. */
} rows[] = {
    { "in_port", in_port, "2 1 2", TNL_GRO_R_METADATA, NULL },
    { "mark", mark, "2 1 2", TNL_GRO_R_METADATA, NULL },
    { "priority", priority, "2 1 2", TNL_GRO_R_METADATA, NULL },
    { "superpacket", super, "2 1 2", TNL_GRO_R_SUPER, NULL },
    { "superpacket between", super_between, "2 1 3", TNL_GRO_R_SUPER, NULL },
    { "longer", longer, "2 2 1", TNL_GRO_R_LENGTH, NULL },
    { "shorter", shorter, "3 2", TNL_GRO_R_ENDED, NULL },
    { "no payload", no_payload, "2 1 2", TNL_GRO_R_NO_PAYLOAD, NULL },
    { "padding", padded, "2 1 2", TNL_GRO_R_HEADERS, NULL },
    { "lost", lost, "2 2", TNL_GRO_R_SEQ, NULL },
    { "twice", twice, "3 3", TNL_GRO_R_SEQ, NULL },
    { "swapped", swapped, "1 1 1 2", TNL_GRO_R_SEQ, NULL },
    { "other flow", other_flow, "5 1", TNL_GRO_JOINED, NULL },
    { "ACK between", ack_between, "2 1 3", TNL_GRO_R_NO_PAYLOAD, NULL },
    { "UDP between", udp_between, "5 1", TNL_GRO_R_NOT_TCP, NULL },
    { "fragment between", fragment_between, "2 1 3", TNL_GRO_R_FRAGMENT,
      NULL },
    { "stacked between", stacked_between, "5 1", TNL_GRO_R_HEADERS, NULL },
    { "fixed IDs", fixed_ids, "5", TNL_GRO_JOINED, NULL },
    { "fixed, counting", fixed_then_counting, "2 3", TNL_GRO_R_IP_ID,
      "2 1 2" },
    { "wrapping IDs", wrapping_ids, "5", TNL_GRO_JOINED, NULL },
    { "0xffff", other_zero, "2 1 2", TNL_GRO_R_CSUM, NULL },
    { "full", full, "2 2 1", TNL_GRO_R_FULL, NULL },
};

static void
test_changes(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        for (const char *kind = kinds; *kind; kind++) {
            for (int versions = 0; versions < 4; versions++) {
                enum tnl_gro_rule rule = rows[i].rule;
                const char *runs = rows[i].runs;
                struct gro_list list;

                gro_list_five(&list, *kind, versions & 1 ? 6 : 4,
                              versions & 2 ? 6 : 4);
                rows[i].change(&list);
                if (versions & 2 && rows[i].runs6) {
                    runs = rows[i].runs6;
                    rule = TNL_GRO_R_METADATA;
                }
                test_case(gro_list_expect(&list, runs, rule),
                          "shape: %s, kind %c, versions %d", rows[i].name,
                          *kind, versions);
            }
        }
    }
}

/* One without an outer checksum, and all. */
static void
test_no_csum(void)
{
    for (const char *kind = "vg"; *kind; kind++) {
        struct gro_list list;

        gro_list_five(&list, *kind, 4, 4);
        no_csum(&list);
        test_case(gro_list_expect(&list, "2 1 2", TNL_GRO_R_OUTER),
                  "shape: no checksum, kind %c", *kind);

        gro_list_five(&list, *kind, 6, 6);
        for (size_t i = 0; i < list.n; i++) {
            ref_put16(list.v[i].data + list.v[i].l.outer.l4 + 6, 0);
        }
        test_case(gro_list_expect(&list, "5", TNL_GRO_JOINED),
                  "shape: no checksums, kind %c", *kind);
    }
}

/* What is between an IP header and TCP differs in one byte. */
static void
test_ip_options(void)
{
    for (const char *kind = kinds; *kind; kind++) {
        for (int version = 4; version <= 6; version += 2) {
            struct gro_item *item;
            struct gro_list list;
            struct pkt_row row;

            gro_list_five(&list, *kind, 4, version);
            row = list.flows[0].row;
            gro_list_destroy(&list);
            row.inner.ipopt = version == 4 ? 8 : 0;
            row.inner.ext = version == 6 ? PKT_EXT_HOPOPTS : 0;
            gro_list_init(&list, row.encap);
            gro_list_add_flow(&list, &row, false);
            gro_list_add_units(&list, 1, NULL);
            item = &list.v[2];
            item->data[item->l.inner.l4 - 1] ^= 0x01;
            gro_item_settle(&list, item);
            test_case(gro_list_expect(&list, "2 1 2", TNL_GRO_R_IP),
                      "shape: IP options, kind %c, v%d", *kind, version);
        }
    }
}

/* More flows than are known at once: 80 in two trains, of two packets each. */
static void
test_table(void)
{
    struct ds runs = DS_EMPTY_INITIALIZER;
    struct gro_list list;
    struct pkt_row row;
    enum { N = 80 };

    pkt_row_init(&row, REF_VXLAN);
    row.csum = true;
    row.mss = 10;
    row.payload = 20;
    gro_list_init(&list, REF_VXLAN);
    for (int i = 0; i < N; i++) {
        struct gro_flow *flow = gro_list_add_flow(&list, &row, false);

        ref_put16(flow->frame + flow->l.inner.l4, i);
    }
    gro_list_add_units(&list, 1, NULL);
    gro_list_merge_train(&list, 0, N);
    gro_list_merge_train(&list, 1, N);
    ovs_assert(list.n == 2);

    for (int i = 0; i < N; i++) {
        ds_put_cstr(&runs, i < 64 ? "2 " : "1 ");
    }
    for (int i = 64; i < N; i++) {
        ds_put_cstr(&runs, "1 ");
    }
    ds_chomp(&runs, ' ');
    test_case(gro_list_expect(&list, ds_cstr(&runs), TNL_GRO_R_TABLE),
              "shape: table");
    ds_destroy(&runs);
}

void
test_gro_shapes(void)
{
    test_changes();
    test_no_csum();
    test_ip_options();
    test_table();
}
