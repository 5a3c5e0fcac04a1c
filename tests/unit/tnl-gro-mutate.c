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

#include "tnl-gro-list.h"

#include <stdlib.h>
#include <string.h>

#include "packets.h"
#include "util.h"

/* Changes to lists of packets: see tnl-gro-list.h. */

/* Item 'i', and with some luck all that follow it in its flow: calls 'change'
 * with 'arg' for each. */
typedef void change_func(const struct gro_list *, struct gro_item *,
                         const struct pkt_rng *arg);

static void
change_some(struct gro_list *list, struct pkt_rng *rng, change_func *change)
{
    size_t i = pkt_range(rng, list->n);
    bool all = !pkt_range(rng, 3);
    struct pkt_rng arg = { pkt_rand(rng) };
    int flow = list->v[i].flow;

    for (; i < list->n; i++) {
        if (list->v[i].flow == flow) {
            change(list, &list->v[i], &arg);
            if (!all) {
                break;
            }
        }
    }
}

/* Xors a bit in a header. */
static void
flip(const struct gro_list *list, struct gro_item *item,
     const struct pkt_rng *arg)
{
    struct pkt_rng rng = *arg;
    size_t max = MIN(item->l.payload, item->len);
    size_t ofs = max ? pkt_range(&rng, max) : 0;

    if (!max) {
        return;
    }
    item->data[ofs] ^= 1 << pkt_range(&rng, 8);
    if (pkt_range(&rng, 4)) {
        gro_item_settle(list, item);
    }
}

/* Changes a field that a router or a guest might change. */
static void
change_field(const struct gro_list *list, struct gro_item *item,
             const struct pkt_rng *arg)
{
    static const uint8_t in_ipv4[] = { 1, 4, 5, 6, 8, 9, 12, 16, 19 };
    static const uint8_t in_ipv6[] = { 0, 1, 2, 3, 6, 7, 8, 24, 39 };
    static const uint8_t in_tcp[] = {
        1, 3, 4, 5, 6, 7, 8, 11, 12, 13, 14, 15, 18, 19, 20, 24, 28, 31,
    };
    struct pkt_rng rng = *arg;
    const struct ref_l3 *l3 = (list->encap == REF_PLAIN || pkt_range(&rng, 2)
                               ? &item->l.inner : &item->l.outer);
    size_t ofs;

    switch (pkt_range(&rng, list->encap == REF_PLAIN ? 2 : 3)) {
    case 0:
        ofs = l3->ofs + (l3->version == 4
                         ? in_ipv4[pkt_range(&rng, ARRAY_SIZE(in_ipv4))]
                         : in_ipv6[pkt_range(&rng, ARRAY_SIZE(in_ipv6))]);
        break;
    case 1:
        ofs = item->l.inner.l4 + in_tcp[pkt_range(&rng, ARRAY_SIZE(in_tcp))];
        break;
    default:
        ofs = item->l.outer.l4 + pkt_range(&rng, 24);
        break;
    }
    if (ofs < item->len) {
        item->data[ofs] = (pkt_range(&rng, 2)
                           ? item->data[ofs] + 1 - pkt_range(&rng, 3)
                           : pkt_rand(&rng));
        gro_item_settle(list, item);
    }
}

/* ECN, as routers mark it. */
static void
mark_ce(const struct gro_list *list, struct gro_item *item,
        const struct pkt_rng *arg)
{
    struct pkt_rng rng = *arg;
    const struct ref_l3 *l3 = (list->encap == REF_PLAIN || pkt_range(&rng, 3)
                               ? &item->l.inner : &item->l.outer);

    if (item->l.payload <= item->len) {
        if (l3->version == 4) {
            item->data[l3->ofs + 1] |= 3;
        } else {
            item->data[l3->ofs + 1] |= 0x30;
        }
        gro_item_settle(list, item);
    }
}

static void
change_flags(const struct gro_list *list, struct gro_item *item,
             const struct pkt_rng *arg)
{
    struct pkt_rng rng = *arg;

    if (item->l.payload <= item->len) {
        item->data[item->l.inner.l4 + 13] ^= 1 << pkt_range(&rng, 8);
        gro_item_settle(list, item);
    }
}

static void
change_metadata(const struct gro_list *list OVS_UNUSED, struct gro_item *item,
                const struct pkt_rng *arg)
{
    struct pkt_rng rng = *arg;
    uint32_t *fields[] = { &item->in_port, &item->mark, &item->priority };

    *fields[pkt_range(&rng, ARRAY_SIZE(fields))] = 1 + pkt_range(&rng, 2);
}

/* IPv4 IDs that stay, or that mean nothing. */
static void
change_id(const struct gro_list *list, struct gro_item *item,
          const struct pkt_rng *arg)
{
    struct pkt_rng rng = *arg;
    uint8_t *id = item->data + item->l.inner.ofs + 4;

    if (item->l.inner.version != 4 || item->l.payload > item->len) {
        return;
    }
    switch (pkt_range(&rng, 3)) {
    case 0:
        ref_put16(id, pkt_rand(&rng));
        break;
    case 1:
        ref_put16(id, ref_get16(id) + 1);
        break;
    default:
        ref_put16(id, ref_get16(id) ^ item->data[item->l.inner.l4 + 7]);
        break;
    }
    gro_item_settle(list, item);
}

/* A wrong checksum, or a changed byte of payload that the outer one may
 * cover. */
static void
break_csum(const struct gro_list *list, struct gro_item *item,
           const struct pkt_rng *arg)
{
    struct pkt_rng rng = *arg;
    const struct ref_l3 *outer = &item->l.outer;
    const struct ref_l3 *inner = &item->l.inner;
    struct ref_job job = { .encap = list->encap };
    size_t ofs = item->l.l4_csum;
    struct ref_layout l;

    switch (pkt_range(&rng, list->encap == REF_PLAIN ? 3 : 6)) {
    case 0:
        break;
    case 1:
        ofs = inner->ofs + (inner->version == 4 ? 10 : 0);
        break;
    case 2:
        ofs = item->l.payload;
        break;
    case 3:
        ofs = outer->ofs + (outer->version == 4 ? 10 : 4);
        break;
    case 4:
        ofs = outer->l4 + (list->encap == REF_GRE ? 4 : 6);
        break;
    case 5:                     /* One zero for another. */
        if (item->l.payload < item->len
            && !ref_get16(item->data + item->l.l4_csum)) {
            ref_put16(item->data + item->l.l4_csum, 0xffff);
        }
        return;
    }
    ofs += pkt_range(&rng, 2);
    if (ofs < item->len) {
        item->data[ofs] ^= 1 << pkt_range(&rng, 8);
        if (pkt_range(&rng, 2)
            && !ref_parse(item->data, item->len, list->encap, &l)
            && list->encap != REF_PLAIN && ofs >= inner->ofs) {
            job.outer_csum = (ref_over_udp(list->encap)
                              && ref_get16(item->data + l.outer.l4 + 6));
            ref_settle_outer(item->data, item->len, &job, &l);
        }
    }
}

/* Takes 'n' bytes at 'ofs' out of 'item', or puts as many there. */
static void
splice(struct gro_item *item, size_t ofs, size_t n_out, const uint8_t *in,
       size_t n_in)
{
    size_t len = item->len - n_out + n_in;
    uint8_t *data = xmalloc(MAX(len, 1));

    memcpy(data, item->data, ofs);
    if (n_in) {
        memcpy(data + ofs, in, n_in);
    }
    memcpy(data + ofs + n_in, item->data + ofs + n_out,
           item->len - ofs - n_out);
    free(item->data);
    item->data = data;
    item->len = len;
}

/* Makes the payload of item 'i' longer or shorter.  What follows it goes on
 * from there, or not. */
static void
resize(struct gro_list *list, struct pkt_rng *rng, size_t i)
{
    struct gro_item *item = &list->v[i];
    size_t payload = item->len - MIN(item->l.payload, item->len);
    uint8_t more[64];
    int diff;

    for (size_t k = 0; k < sizeof more; k++) {
        more[k] = pkt_rand(rng);
    }
    if (pkt_range(rng, 2) && item->len < 60000) {
        diff = 1 + pkt_range(rng, sizeof more);
        splice(item, item->len, 0, more, diff);
    } else {
        diff = -(int) pkt_range(rng, payload + 1);
        splice(item, item->len + diff, -diff, NULL, 0);
    }
    gro_item_settle(list, item);
    if (pkt_range(rng, 4)) {
        for (size_t k = i + 1; k < list->n; k++) {
            struct gro_item *next = &list->v[k];

            if (next->flow == item->flow && next->l.payload <= next->len) {
                uint8_t *seq = next->data + next->l.inner.l4 + 4;

                ref_put32(seq, ref_get32(seq) + diff);
                gro_item_settle(list, next);
            }
        }
    }
}

/* Bytes behind the inner IP packet, or behind the outer one. */
static void
pad(struct gro_list *list, struct pkt_rng *rng, size_t i)
{
    struct gro_item *item = &list->v[i];
    uint8_t bytes[46] = { 0 };
    const struct ref_job job = { .encap = list->encap };
    struct ref_layout l;

    if (pkt_range(rng, 2)) {
        memset(bytes, pkt_rand(rng), sizeof bytes);
    }
    splice(item, item->len, 0, bytes, 1 + pkt_range(rng, sizeof bytes));
    if (list->encap != REF_PLAIN && pkt_range(rng, 4)
        && !ref_parse(item->data, item->len, list->encap, &l)) {
        ref_settle_outer(item->data, item->len, &job, &l);
    }
}

/* A VLAN tag more or less. */
static void
change_vlan(struct gro_list *list, struct pkt_rng *rng, size_t i)
{
    struct gro_item *item = &list->v[i];
    const struct gro_flow *flow = item->flow >= 0 ? &list->flows[item->flow]
                                                  : NULL;
    size_t type = item->l.inner.ofs - 2;
    uint8_t tag[4] = { 0x81, 0x00, pkt_range(rng, 2), pkt_range(rng, 3) };

    if (!flow || flow->row.no_eth || item->l.payload > item->len) {
        return;
    }
    if (flow->row.inner.n_vlans && pkt_range(rng, 2)) {
        splice(item, type - 4, 4, NULL, 0);
    } else {
        splice(item, type, 0, tag, 4);
    }
    /* Keep what is said of it true. */
    if (!ref_parse(item->data, item->len, list->encap, &item->l)) {
        gro_item_settle(list, item);
    } else {
        item->l = list->flows[item->flow].l;
    }
}

/* TCP options more or less. */
static void
change_options(struct gro_list *list, struct pkt_rng *rng, size_t i)
{
    static const uint8_t nops[4] = { 1, 1, 1, 1 };
    struct gro_item *item = &list->v[i];
    size_t tcp = item->l.inner.l4;

    if (item->l.payload > item->len) {
        return;
    } else if (item->data[tcp + 12] >> 4 < 15 && pkt_range(rng, 2)) {
        item->data[tcp + 12] += 0x10;
        splice(item, tcp + 20, 0, nops, 4);
        item->l.payload += 4;
    } else if (item->data[tcp + 12] >> 4 > 5
               && item->l.payload >= tcp + 24) {
        item->data[tcp + 12] -= 0x10;
        splice(item, tcp + 20, 4, NULL, 0);
        item->l.payload -= 4;
    }
    gro_item_settle(list, item);
}

/* Puts something else at place 'i', made of what is there: of the same flow or
 * of none. */
static void
insert_foreign(struct gro_list *list, struct pkt_rng *rng, size_t i)
{
    const struct gro_item *from = &list->v[i];
    const struct gro_flow *flow = from->flow >= 0 ? &list->flows[from->flow]
                                                  : &list->flows[0];
    const struct ref_layout *l = &from->l;
    struct gro_item item = *from;
    size_t ip = l->inner.ofs;
    uint8_t *f;

    if (from->l.payload > from->len) {
        return;
    }
    item.data = f = xmemdup(from->data, from->len);
    switch (pkt_range(rng, 8)) {
    case 0:                     /* Pure ACK. */
        item.len = l->payload;
        gro_item_settle(list, &item);
        break;
    case 1:                     /* UDP, ICMP, and what nobody knows. */
    case 2:
        f[l->inner.version == 4 ? ip + 9 : ip + 6]
            = pkt_range(rng, 2) ? 17 : pkt_range(rng, 2) ? 1 : 253;
        gro_item_settle(list, &item);
        break;
    case 3:                     /* A fragment. */
        if (l->inner.version == 4) {
            ref_put16(f + ip + 6, pkt_range(rng, 2) ? 0x2000 : 0x0010);
            ref_put16(f + ip + 10, 0);
            ref_put16(f + ip + 10, ref_csum(f + ip, l->inner.l4 - ip));
        } else {
            f[ip + 6] = 44;
        }
        break;
    case 4:                     /* ARP. */
        ref_put16(f + ip - 2, 0x0806);
        break;
    case 5:                     /* Bytes. */
        for (size_t k = l->outer.l4 + 8; k < item.len; k++) {
            f[k] = pkt_rand(rng);
        }
        break;
    case 6:                     /* Cut short anywhere. */
        item.len = pkt_range(rng, item.len);
        if (pkt_range(rng, 2)) {
            gro_item_settle(list, &item);
        }
        break;
    case 7:                     /* What has been cut, whole. */
        free(f);
        item.data = f = xmemdup(flow->frame, flow->len);
        item.len = flow->len;
        item.l = flow->l;
        gro_item_settle(list, &item);
        from = gro_list_insert(list, i, f, item.len, &item.l, item.flow);
        if (from) {
            list->v[i].mss = flow->row.mss;
        }
        return;
    }
    gro_list_insert(list, i, f, item.len, &item.l, item.flow);
}

static void
move(struct gro_list *list, size_t from, size_t to)
{
    struct gro_item item = list->v[from];

    memmove(&list->v[from], &list->v[from + 1],
            (list->n - from - 1) * sizeof item);
    memmove(&list->v[to + 1], &list->v[to],
            (list->n - 1 - to) * sizeof item);
    list->v[to] = item;
}

/* Changes 'list' in up to five ways. */
void
gro_list_mutate(struct gro_list *list, struct pkt_rng *rng)
{
    static const struct {
        const char *name;
        change_func *change;
    } changes[] = {
        { "flip", flip },
        { "field", change_field },
        { "ce", mark_ce },
        { "flags", change_flags },
        { "metadata", change_metadata },
        { "id", change_id },
        { "csum", break_csum },
    };
    static const struct {
        const char *name;
        void (*change)(struct gro_list *, struct pkt_rng *, size_t);
    } others[] = {
        { "resize", resize },
        { "pad", pad },
        { "vlan", change_vlan },
        { "options", change_options },
        { "foreign", insert_foreign },
    };
    enum { N = ARRAY_SIZE(changes), M = ARRAY_SIZE(others) };

    for (uint32_t n = pkt_range(rng, 5); n > 0 && list->n; n--) {
        size_t i = pkt_range(rng, list->n);
        size_t to = pkt_range(rng, list->n);
        size_t kind = pkt_range(rng, N + M + 4);
        const char *name = "duplicate";

        if (kind < N) {
            name = changes[kind].name;
            change_some(list, rng, changes[kind].change);
        } else if (kind < N + M) {
            name = others[kind - N].name;
            others[kind - N].change(list, rng, i);
        } else if (kind == N + M) {
            name = "lose";
            gro_list_remove(list, i);
        } else if (kind == N + M + 1) {
            name = "swap";
            move(list, i, MIN(i + 1, list->n - 1));
        } else if (kind == N + M + 2) {
            name = "move";
            move(list, i, to);
        } else {
            const struct gro_item *item = &list->v[i];
            uint16_t mss = item->mss;
            uint8_t *data = xmemdup(item->data, MAX(item->len, 1));

            to = pkt_range(rng, 2) ? i : to;
            if (gro_list_insert(list, to, data, item->len, &item->l,
                                item->flow)) {
                list->v[to].mss = mss;
            }
        }
        ds_put_format(&list->how, " %s", name);
    }
}
