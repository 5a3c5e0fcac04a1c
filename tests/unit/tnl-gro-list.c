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
#include <sys/mman.h>

#include "dp-packet.h"
#include "packets.h"
#include "util.h"

/* See tnl-gro-list.h for what this must not do. */

void
gro_list_init(struct gro_list *list, enum ref_encap encap)
{
    list->encap = encap;
    list->trains_only = list->clean = list->guarded = list->any = false;
    list->for_kernel = list->geneve_rco = false;
    list->n = list->n_flows = 0;
    ds_init(&list->how);
}

void
gro_list_destroy(struct gro_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        free(list->v[i].data);
    }
    for (size_t i = 0; i < list->n_flows; i++) {
        free(list->flows[i].frame);
    }
    ds_destroy(&list->how);
}

/* Bytes in front of the tunnel header of 'item', or of all of it if a receiver
 * would not find that. */
size_t
gro_item_head(const struct gro_list *list, const struct gro_item *item)
{
    size_t head = item->l4 + (ref_over_udp(list->encap) ? 8 : 0);

    return list->encap == REF_PLAIN || head > item->len ? 0 : head;
}

/* What does the tunnel header in 'frame' say of a remote checksum to those who
 * get 'list'? */
struct ref_remote
gro_read_remote(const struct gro_list *list, const uint8_t *frame, size_t len,
                const struct ref_layout *l)
{
    enum { GENEVE_PORT = 6081 };
    size_t udp = l->outer.l4;
    size_t size = len > udp + 8 ? len - udp - 8 : 0;

    if (list->encap == REF_GENEVE && size
        && (!list->geneve_rco || ref_get16(frame + udp + 2) != GENEVE_PORT)) {
        size = 0;
    }
    return ref_read_remote(list->encap, frame + udp + 8, size);
}

/* Does it say that there is one? */
bool
gro_is_remote(const struct gro_list *list, const uint8_t *frame, size_t len,
              const struct ref_layout *l)
{
    struct ref_remote remote;

    if (list->encap != REF_VXLAN && list->encap != REF_GENEVE) {
        return false;
    }
    remote = gro_read_remote(list, frame, len, l);
    return remote.there && !remote.noop;
}

/* Makes lengths and checksums of 'item' right, as far as its headers can be
 * read. */
void
gro_item_settle(const struct gro_list *list, struct gro_item *item)
{
    struct ref_job job = { .encap = list->encap };
    struct ref_layout l;

    if (ref_parse(item->data, item->len, list->encap, &l)) {
        return;
    }
    if (ref_over_udp(list->encap)) {
        const uint8_t *udp = item->data + l.outer.l4;

        job.outer_csum = ref_get16(udp + 6) != 0;
        job.rco = gro_is_remote(list, item->data, item->len, &l);
    }
    ref_settle(item->data, item->len, &job);
}

/* Adds a superpacket to 'list': without packets, so far. */
struct gro_flow *
gro_list_add_flow(struct gro_list *list, const struct pkt_row *row,
                  bool fixed_id)
{
    struct gro_flow *flow = &list->flows[list->n_flows++];

    ovs_assert(list->n_flows <= GRO_MAX_FLOWS);
    flow->row = *row;
    flow->frame = pkt_build_frame(row, &flow->len);
    flow->job = pkt_job(row);
    flow->job.fixed_id = fixed_id;
    ovs_assert(!ref_parse(flow->frame, flow->len, list->encap, &flow->l));
    if (row->rco) {
        uint8_t *hdr = flow->frame + flow->l.outer.l4 + 8;
        size_t start = (flow->l.inner.l4 - flow->l.outer.l4 - 16
                        - row->geneve_opt);

        if (list->encap == REF_VXLAN) {
            hdr[1] |= 0x20;
            hdr[7] = start / 2;
        } else {                /* The last option. */
            uint8_t *opt = hdr + row->geneve_opt;

            ref_put16(opt, REF_RCO_CLASS);
            opt[2] = REF_RCO_TYPE;
            opt[3] = 1;
            ref_put16(opt + 4, start);
            ref_put16(opt + 6, start + 16);
        }
    }
    flow->n_units = MAX(1, DIV_ROUND_UP(flow->len - flow->l.payload,
                                        row->mss));
    return flow;
}

/* Puts a packet with the 'len' bytes of 'data', which 'list' owns from now on,
 * to place 'i', and returns it; or frees them and returns null if 'list' is
 * full. */
struct gro_item *
gro_list_insert(struct gro_list *list, size_t i, uint8_t *data, size_t len,
                const struct ref_layout *l, int flow)
{
    if (list->n == GRO_MAX_ITEMS) {
        free(data);
        return NULL;
    }
    memmove(&list->v[i + 1], &list->v[i], (list->n++ - i) * sizeof *list->v);
    list->v[i] = (struct gro_item) {
        .data = data,
        .len = len,
        .l = *l,
        .flow = flow,
    };
    return &list->v[i];
}

void
gro_list_remove(struct gro_list *list, size_t i)
{
    free(list->v[i].data);
    memmove(&list->v[i], &list->v[i + 1],
            (--list->n - i) * sizeof *list->v);
}

/* Interleaves the units of flows: 'burst' of each at a time, or up to that
 * many of one that is drawn if there is an 'rng'. */
void
gro_list_add_units(struct gro_list *list, size_t burst, struct pkt_rng *rng)
{
    struct ref_frames units[GRO_MAX_FLOWS];
    size_t next[GRO_MAX_FLOWS] = { 0 };
    size_t n_left = list->n_flows;

    for (size_t i = 0; i < list->n_flows; i++) {
        struct gro_flow *flow = &list->flows[i];

        ovs_assert(!ref_cut(flow->frame, flow->len, &flow->job,
                            flow->job.mss, &units[i]));
        ovs_assert(units[i].n == flow->n_units);
    }
    for (size_t i = 0; n_left; i = (i + 1) % list->n_flows) {
        size_t n = burst;

        if (rng) {
            i = pkt_range(rng, list->n_flows);
            n = 1 + pkt_range(rng, burst);
        }
        for (; n && next[i] < units[i].n; n--) {
            struct ref_frame *unit = &units[i].v[next[i]++];

            ovs_assert(list->n < GRO_MAX_ITEMS);
            gro_list_insert(list, list->n, unit->data, unit->len,
                            &list->flows[i].l, i);
            n_left -= next[i] == units[i].n;
        }
    }
    for (size_t i = 0; i < list->n_flows; i++) {
        free(units[i].v);
    }
}

/* Makes a train of 'n' items from number 'i' on, if they can be one: behind
 * the outer headers of the first one, all of the same length but a shorter
 * last one. */
void
gro_list_merge_train(struct gro_list *list, size_t i, size_t n)
{
    struct gro_item *first = &list->v[i];
    size_t head = first->l.outer.l4 + 8;
    /* The outer headers alone: the first unit's length in GTP-U stays. */
    const struct ref_job job = { .encap = REF_VXLAN };
    struct ref_layout l;
    size_t len = head;
    uint8_t *data;

    if (n < 2 || !ref_over_udp(list->encap)) {
        return;
    }
    for (size_t k = 0; k < n; k++) {
        const struct gro_item *item = &list->v[i + k];

        if (item->unit_len || item->mss || item->l.outer.l4 + 8 != head
            || item->len <= head || item->len > first->len
            || (k + 1 < n && item->len != first->len)
            || item->in_port != first->in_port) {
            return;
        }
        len += item->len - head;
    }
    if (len > UINT16_MAX
        || ref_parse(first->data, first->len, list->encap, &l)) {
        return;
    }
    data = xmalloc(len);
    memcpy(data, first->data, head);
    len = head;
    for (size_t k = 0; k < n; k++) {
        const struct gro_item *item = &list->v[i + k];

        memcpy(data + len, item->data + head, item->len - head);
        len += item->len - head;
    }
    ref_settle_outer(data, len, &job, &l);
    first->unit_len = first->len - head;
    free(first->data);
    first->data = data;
    first->len = len;
    while (--n) {
        gro_list_remove(list, i + 1);
    }
}

/* The offsets of the outer headers that flow_extract() finds, or would, had it
 * been asked. */
static void
find_offsets(const struct gro_list *list, struct gro_item *item)
{
    const uint8_t *f = item->data;
    struct ref_layout l;
    struct ref_l3 *outer = list->encap == REF_PLAIN ? &l.inner : &l.outer;
    const char *error;
    bool tunnel;

    error = ref_parse(f, item->len, list->encap, &l);
    item->l3 = item->l4 = UINT16_MAX;
    if (outer->version) {
        item->l3 = outer->ofs;
        item->l4 = outer->l4;
    } else if (list->encap != REF_PLAIN && item->l.outer.version && error
               && !strcmp(error, "IPv4 fragment")) {
        item->l3 = item->l.outer.ofs;
        item->l4 = item->l.outer.l4;
    }
    tunnel = (list->encap == REF_GRE ? outer->proto == 47
              : list->encap == REF_IPIP ? (outer->proto == 4
                                           || outer->proto == 41)
              : outer->proto == 17);
    if (list->encap != REF_PLAIN && outer->version && !tunnel) {
        item->l4 = UINT16_MAX;  /* It does not come to the tunnel. */
    }
}

/* The marks of the outer headers of 'item', or without a tunnel its only ones,
 * at random.  Marks that say that a checksum is right do not lie. */
static void
random_marks(const struct gro_list *list, struct gro_item *item,
             struct pkt_rng *rng)
{
    uint8_t *f = item->data;
    bool udp = ref_over_udp(list->encap);
    bool plain = list->encap == REF_PLAIN;
    struct ref_layout l;
    struct ref_l3 *outer = plain ? &l.inner : &l.outer;
    uint32_t inner;
    size_t ip_len;

    if (ref_parse(f, item->len, list->encap, &l) || item->l4 == UINT16_MAX
        || (plain && ref_is_udp(&l))) {
        return;
    }
    if (outer->version == 4) {
        switch (pkt_range(rng, 8)) {
        case 0:
            item->offloads |= DP_PACKET_OL_IP_CKSUM_MASK;
            break;
        case 1:
            item->offloads |= DP_PACKET_OL_IP_CKSUM_BAD;
            break;
        case 2:
        case 3:
        case 4:
            if (!ref_csum(f + outer->ofs, outer->l4 - outer->ofs)) {
                item->offloads |= DP_PACKET_OL_IP_CKSUM_GOOD;
            }
            break;
        }
    }
    if (udp) {
        item->offloads |= DP_PACKET_OL_L4_PROTO_UDP;
        switch (pkt_range(rng, 8)) {
        case 0:
            item->offloads |= DP_PACKET_OL_L4_CKSUM_MASK;
            break;
        case 1:
            item->offloads |= DP_PACKET_OL_L4_CKSUM_BAD;
            break;
        case 2:
        case 3:
        case 4:
            if (!ref_get16(f + outer->l4 + 6)
                || !ref_l4_csum(f, outer, item->len - outer->l4)) {
                item->offloads |= DP_PACKET_OL_L4_CKSUM_GOOD;
            }
            break;
        }
    }
    ip_len = (l.inner.version == 4 ? ref_get16(f + l.inner.ofs + 2)
              : 40 + ref_get16(f + l.inner.ofs + 4));
    if (gro_is_remote(list, f, item->len, &l) || ref_is_udp(&l)
        || ip_len != item->len - l.inner.ofs) {
        return;
    }

    inner = 0;
    if (!plain && pkt_range(rng, 3)) {
        return;
    }
    switch (pkt_range(rng, 4)) {
    case 0:
        if (l.gre_csum) {
            break;
        } else if (udp) {       /* What covers it is summed up later, too. */
            item->offloads |= DP_PACKET_OL_L4_CKSUM_MASK;
        }
        ref_put16(f + l.l4_csum, 0);
        ref_put16(f + l.l4_csum,
                  ref_l4_csum(f, &l.inner, item->len - l.inner.l4));
        item->partial_ofs = l.l4_csum;
        item->partial = ref_partial_csum(f, item->len, &l.inner);
        inner = DP_PACKET_OL_L4_CKSUM_MASK;
        break;
    case 1:
        inner = DP_PACKET_OL_L4_CKSUM_BAD;
        break;
    case 2:
        if (!ref_l4_csum(f, &l.inner, item->len - l.inner.l4)) {
            inner = DP_PACKET_OL_L4_CKSUM_GOOD;
        }
        break;
    }
    inner |= DP_PACKET_OL_L4_PROTO_TCP;
    if (plain) {
        item->offloads |= inner;
    } else {
        item->offloads |= (inner << DP_PACKET_OL_SHIFT_COUNT
                           | pkt_encap_mark(list->encap));
    }
}

/* Gives the packets of 'list' offsets, if they have none, and marks: random
 * ones with an 'rng'. */
void
gro_list_finish(struct gro_list *list, struct pkt_rng *rng)
{
    bool marked = rng && !list->clean && !pkt_range(rng, 4);

    for (size_t i = 0; i < list->n; i++) {
        struct gro_item *item = &list->v[i];

        if (!item->l4) {
            find_offsets(list, item);
        }
        if (item->unit_len) {
            item->offloads |= (DP_PACKET_OL_L4_PROTO_UDP
                               | (rng && pkt_range(rng, 2)
                                  ? DP_PACKET_OL_L4_CKSUM_GOOD
                                  : DP_PACKET_OL_L4_CKSUM_MASK));
        } else if (item->mss) {
            item->offloads |= (list->encap == REF_PLAIN
                               ? (DP_PACKET_OL_L4_PROTO_TCP
                                  | DP_PACKET_OL_L4_CKSUM_MASK)
                               : (DP_PACKET_OL_INNER_L4_PROTO_TCP
                                  | DP_PACKET_OL_INNER_L4_CKSUM_MASK
                                  | DP_PACKET_OL_TUNNEL_MASK));
        } else if (marked && pkt_range(rng, 2)) {
            random_marks(list, item, rng);
        }
    }
}

/* Returns 'len' bytes in front of a page that cannot be read, or if 'len' is
 * odd, one byte in front of it: packets start at even addresses.  They are
 * valid until this has been called GUARDED times more. */
static uint8_t *
guarded_bytes(size_t len)
{
    enum { GUARDED = 64, PAGE = 4096 };
    static uint8_t *pages;
    static size_t next;
    uint8_t *page;

    if (!pages) {
        pages = mmap(NULL, GUARDED * 2 * PAGE, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ovs_assert(pages != MAP_FAILED);
        for (size_t i = 0; i < GUARDED; i++) {
            ovs_assert(!mprotect(pages + (2 * i + 1) * PAGE, PAGE,
                                 PROT_NONE));
        }
    }
    ovs_assert(len <= PAGE);
    page = pages + next++ % GUARDED * 2 * PAGE;
    return page + PAGE - ROUND_UP(len, 2);
}

/* Returns 'item' as it comes from a port, in a buffer of exactly its size, so
 * that tools see any access beyond it. */
struct dp_packet *
gro_item_packet(const struct gro_list *list, const struct gro_item *item)
{
    struct dp_packet *p = dp_packet_new(0);

    dp_packet_uninit(p);
    if (list->guarded) {
        uint8_t *data = guarded_bytes(item->len);

        memcpy(data, item->data, item->len);
        dp_packet_use_stub(p, data, item->len);
    } else {
        dp_packet_use(p, xmemdup(item->data, MAX(item->len, 1)),
                      MAX(item->len, 1));
    }
    dp_packet_set_size(p, item->len);
    if (item->partial_ofs) {
        ref_put16((uint8_t *) dp_packet_data(p) + item->partial_ofs,
                  item->partial);
    }
    p->l3_ofs = item->l3;
    p->l4_ofs = item->l4;
    p->offloads = item->offloads;
    p->uso_segsz = item->unit_len;
    dp_packet_set_tso_segsz(p, item->mss);
    dp_packet_set_rss_hash(p, 0x12345678 + item->len);
    memset(&p->md, 0x5a, sizeof p->md);
    p->md.in_port.odp_port = item->in_port;
    p->md.pkt_mark = item->mark;
    p->md.skb_priority = item->priority;
    return p;
}

/* Appends what is in 'list' to 'ds'. */
void
gro_list_format(const struct gro_list *list, struct ds *ds)
{
    ds_put_format(ds, "%s%s%s,%s", pkt_encap_name(list->encap),
                  list->clean ? ", as cut" : "",
                  list->trains_only ? ", trains only" : "",
                  ds_cstr_ro(&list->how));
    for (size_t i = 0; i < list->n; i++) {
        const struct gro_item *item = &list->v[i];

        ds_put_format(ds, " [flow %d, %"PRIuSIZE" bytes", item->flow,
                      item->len);
        if (item->unit_len) {
            ds_put_format(ds, " in %d", item->unit_len);
        } else if (item->mss) {
            ds_put_format(ds, " of %d", item->mss);
        }
        ds_put_format(ds, "%s]", item->offloads ? " marked" : "");
    }
}
