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

/* Random lists: see tnl-gro-list.h. */

static void
level_random(struct pkt_level *level, struct pkt_rng *rng)
{
    *level = (struct pkt_level) {
        .version = pkt_range(rng, 2) ? 4 : 6,
        .id = pkt_range(rng, 3) ? pkt_rand(rng) : 0xffff - pkt_range(rng, 6),
        .df = pkt_range(rng, 2),
        .tos = pkt_rand(rng),
        .n_vlans = !pkt_range(rng, 5),
    };
}

/* A superpacket that is cut into one to eight packets, mostly: a mistake does
 * not need many to show. */
static void
row_random(struct pkt_row *row, const struct gro_list *list,
           struct pkt_rng *rng)
{
    enum ref_encap encap = list->encap;
    bool clean = list->clean;
    static const uint16_t mss[] = { 1, 2, 536, 1400, 1448, 8900 };
    static const uint16_t flags[] = {
        TCP_PSH, TCP_FIN | TCP_PSH, TCP_CWR, TCP_ECE, TCP_CWR | TCP_ECE,
        TCP_CWR | TCP_PSH, 0x100, 0xe00,
    };
    size_t n;

    pkt_row_init(row, encap);
    level_random(&row->outer, rng);
    level_random(&row->inner, rng);
    if (list->for_kernel && pkt_range(rng, 8)) {
        row->inner.n_vlans = 0;
    }
    row->csum = (encap != REF_PLAIN && encap != REF_IPIP
                 && pkt_range(rng, 2));
    if (encap == REF_IPIP && pkt_range(rng, 8)) {
        row->outer.version = 6; /* SRv6, which is the one that is popped. */
        row->outer.ipopt = 0;
        row->outer.ext = PKT_EXT_SRH | PKT_EXT_ARRIVED;
    }
    row->gre_key = encap == REF_GRE && pkt_range(rng, 2);
    row->no_eth = (encap == REF_IPIP
                   || (encap != REF_PLAIN && !list->for_kernel
                       && !pkt_range(rng, 6)));
    if (row->no_eth) {
        row->inner.n_vlans = 0;
    }
    if (encap == REF_GENEVE && pkt_range(rng, 2)) {
        row->geneve_opt = pkt_range(rng, pkt_range(rng, 8) ? 5 : 64) * 4;
    } else if (encap == REF_GTPU && pkt_range(rng, 2)) {
        row->geneve_opt = pkt_range(rng, 5) * 4;
    }
    if (!pkt_range(rng, 8)) {
        if (row->inner.version == 4) {
            row->inner.ipopt = pkt_range(rng, 11) * 4;
        } else {
            row->inner.ext = pkt_rand(rng) & (PKT_EXT_HOPOPTS
                                              | PKT_EXT_DSTOPTS
                                              | PKT_EXT_SRH
                                              | PKT_EXT_ARRIVED);
        }
    }
    if (!clean && !pkt_range(rng, 32)) {
        row->inner.n_mpls = encap != REF_VXLAN;
        if (!list->for_kernel) {
            row->outer.ext = row->outer.version == 6 ? PKT_EXT_HOPOPTS : 0;
            row->outer.ipopt = row->outer.version == 4 ? 8 : 0;
        }
    } else if (!clean && !row->no_eth && !pkt_range(rng, 32)) {
        row->inner.n_vlans = 2;
    }
    row->rco = ((encap == REF_VXLAN || list->geneve_rco) && !row->no_eth
                && !list->for_kernel && !pkt_range(rng, 6));
    if (encap == REF_GENEVE && row->rco) {
        row->geneve_opt = MIN(row->geneve_opt + 8, 252);
    }
    if (encap == REF_GTPU || encap == REF_IPIP) {
        row->inner.n_vlans = row->inner.n_mpls = 0;     /* In it is IP. */
    }
    row->tcp_opt = pkt_range(rng, 2) ? 12 : pkt_range(rng, 11) * 4;
    if (!pkt_range(rng, 2)) {
        row->tcp_flags |= flags[pkt_range(rng, ARRAY_SIZE(flags))];
    }
    if (!clean && !pkt_range(rng, 32)) {
        row->tcp_flags ^= 1 << pkt_range(rng, 12);
    }
    row->seq = pkt_range(rng, 4) ? pkt_rand(rng)
                                 : UINT32_MAX - pkt_range(rng, 70);
    row->seed = pkt_rand(rng);
    row->mss = (pkt_range(rng, 8) ? 1 + pkt_range(rng, 40)
                : mss[pkt_range(rng, ARRAY_SIZE(mss))]);
    n = pkt_range(rng, 16) ? 1 + pkt_range(rng, 5) : 1 + pkt_range(rng, 8);
    row->payload = n * row->mss;
    if (pkt_range(rng, 2)) {
        row->payload -= pkt_range(rng, row->mss);
    }
    if (row->payload > 60000) {
        row->payload = 60000;
    }
}

/* Bits of the VXLAN header that rows have no word for: VXLAN-GBP, VXLAN-GPE
 * with Ethernet in it, reserved ones. */
static void
vxlan_random(struct gro_flow *flow, struct pkt_rng *rng)
{
    uint8_t *hdr = flow->frame + flow->l.outer.l4 + 8;

    switch (pkt_range(rng, 6)) {
    case 0:
        hdr[0] |= 0x80;
        hdr[1] |= pkt_rand(rng) & 0x48;
        ref_put16(hdr + 2, pkt_rand(rng));
        break;
    case 1:
        hdr[0] ^= pkt_rand(rng) & 0x7b;
        hdr[1] |= pkt_rand(rng) & 0xdf;
        if (!flow->row.rco) {
            hdr[7] = pkt_rand(rng);
        }
        break;
    case 2:
        if (!flow->row.rco) {
            hdr[0] |= 0x04;
            hdr[3] = 3;
        }
        break;
    }
}

/* An option for a remote checksum that says that there is none. */
static void
geneve_random(struct gro_flow *flow, struct pkt_rng *rng)
{
    uint8_t *opt = flow->frame + flow->l.outer.l4 + 8 + flow->row.geneve_opt;

    if (!pkt_range(rng, 4)) {
        ref_put32(opt + 4, 0);
        flow->row.rco = flow->job.rco = false;
    }
}

/* Sends what is in 'flow' to the kernel in tests/run-gro-diff. */
static void
address_kernel(struct gro_flow *flow)
{
    static const uint8_t macs[12] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };
    static const uint8_t ipv4[8] = { 172, 16, 1, 1, 172, 16, 1, 2 };
    static const uint8_t ipv6[32] = { 0xfd, 0, [3] = 1, [15] = 1,
                                      0xfd, 0, [19] = 1, [31] = 2 };
    uint8_t *ip = flow->frame + flow->l.outer.ofs;

    memcpy(flow->frame, macs, sizeof macs);
    if (flow->l.outer.version == 4) {
        memcpy(ip + 12, ipv4, sizeof ipv4);
    } else {
        memcpy(ip + 8, ipv6, sizeof ipv6);
    }
}

/* Adds a flow to 'list'.  Some are much like the one before: they differ in
 * one field, or are what comes behind it. */
static void
flow_random(struct gro_list *list, struct pkt_rng *rng)
{
    struct gro_flow *last = (list->n_flows ? &list->flows[list->n_flows - 1]
                             : NULL);
    struct gro_flow *flow;
    struct pkt_row row;

    if (!last || pkt_range(rng, 2)) {
        row_random(&row, list, rng);
        if (list->for_kernel) {
            row.outer.n_vlans = 0;
            if (pkt_range(rng, 8)) {
                row.outer.tos &= 0xfc;  /* Not ECN-capable. */
            }
        }
        flow = gro_list_add_flow(list, &row,
                                 row.inner.version == 4 && !pkt_range(rng, 4));
        if (list->for_kernel) {
            if (list->encap != REF_PLAIN) {
                address_kernel(flow);
            }
        } else if (list->encap == REF_VXLAN && !row.no_eth) {
            vxlan_random(flow, rng);
        } else if (list->encap == REF_GENEVE && row.rco) {
            geneve_random(flow, rng);
        }
        return;
    }

    row = last->row;
    flow = gro_list_add_flow(list, &row, last->job.fixed_id);
    memcpy(flow->frame, last->frame, flow->len);
    flow->l = last->l;
    flow->n_units = last->n_units;
    if (list->clean || pkt_range(rng, 2)) {
        /* A port: another one than those of all flows before. */
        uint8_t *port = flow->frame + flow->l.inner.l4 + pkt_range(rng, 2) * 2;

        ref_put16(port, ref_get16(port) + 1 + list->n_flows);
    } else if (pkt_range(rng, 2)) {
        uint8_t *seq = flow->frame + flow->l.inner.l4 + 4;
        uint8_t *id = flow->frame + flow->l.inner.ofs + 4;

        ref_put32(seq, ref_get32(seq) + row.payload);
        if (row.inner.version == 4 && !last->job.fixed_id) {
            ref_put16(id, ref_get16(id) + last->n_units);
        }
    } else {
        flow->frame[pkt_range(rng, flow->l.payload)] ^= 1 << pkt_range(rng, 8);
        if (ref_parse(flow->frame, flow->len, list->encap, &flow->l)
            || ref_is_udp(&flow->l)) {
            memcpy(flow->frame, last->frame, flow->len);
            flow->l = last->l;
        }
        flow->n_units = MAX(1, DIV_ROUND_UP(flow->len - flow->l.payload,
                                            row.mss));
    }
}

/* Would 'n' more items from number 'i' on be of one flow? */
static size_t
run_of_flow(const struct gro_list *list, size_t i)
{
    size_t n = 1;

    while (i + n < list->n && list->v[i + n].flow == list->v[i].flow) {
        n++;
    }
    return n;
}

/* Makes trains of what can be one: of one flow, or of any. */
static void
trains_random(struct gro_list *list, struct pkt_rng *rng)
{
    for (size_t i = 0; i < list->n; i++) {
        size_t n = run_of_flow(list, i);

        if (list->clean) {
            gro_list_merge_train(list, i, n);
        } else if (pkt_range(rng, 2)) {
            if (!pkt_range(rng, 2)) {
                n = 2 + pkt_range(rng, 8);
            }
            gro_list_merge_train(list, i, MIN(list->n - i, n));
        }
    }
}

/* Adds up to 'n' flows to 'list', and their packets in some order. */
static void
fill_random(struct gro_list *list, size_t n, struct pkt_rng *rng)
{
    for (size_t i = 0, n_units = 0; i < n; i++) {
        flow_random(list, rng);
        n_units += list->flows[i].n_units;
        if (n_units > (list->clean ? 64 : GRO_MAX_ITEMS)) {
            free(list->flows[--list->n_flows].frame);
            break;
        }
    }
    switch (pkt_range(rng, 4)) {
    case 0:
        gro_list_add_units(list, 1, NULL);
        break;
    case 1:
        gro_list_add_units(list, GRO_MAX_ITEMS, NULL);
        break;
    case 2:
        gro_list_add_units(list, 1, rng);
        break;
    case 3:
        gro_list_add_units(list, 4, rng);
        break;
    }
}

/* Makes 'list' one of random packets. */
void
gro_list_random(struct gro_list *list, struct pkt_rng *rng)
{
    size_t n = pkt_range(rng, 2) ? 1 + pkt_range(rng, 2)
                                 : 1 + pkt_range(rng, 6);

    gro_list_init(list, pkt_range(rng, 6));
    list->geneve_rco = list->encap == REF_GENEVE;
    list->clean = !pkt_range(rng, 4);
    if (!list->clean) {
        list->trains_only = !pkt_range(rng, 32);
        if (!pkt_range(rng, 256)) {
            n = GRO_MAX_FLOWS;
        }
    }
    fill_random(list, n, rng);
    if (!list->clean) {
        gro_list_mutate(list, rng);
    }
    if (!pkt_range(rng, 4)) {
        trains_random(list, rng);
    }
    gro_list_finish(list, rng);
}

/* Takes the outer ECN mark of 'item' away if there are VLAN tags inside: Linux
 * v6.18 vxlan_ecn_decapsulate() changes something else then. */
static void
forget_ecn_of_tagged(const struct gro_list *list, struct gro_item *item)
{
    const struct ref_layout *l = &item->l;
    size_t type = l->outer.l4 + 16 + 12;
    uint8_t *ip = item->data + l->outer.ofs;

    if (list->encap == REF_PLAIN || item->len < type + 2
        || (ref_get16(item->data + type) != ETH_TYPE_VLAN_8021Q
            && ref_get16(item->data + type) != ETH_TYPE_VLAN_8021AD)) {
        return;
    }
    ip[1] &= l->outer.version == 4 ? 0xfc : 0xcf;
    gro_item_settle(list, item);
}

/* Makes 'list' one of random packets that Linux' device for 'encap' can be
 * sent: single ones, without marks. */
void
gro_list_random_for_kernel(struct gro_list *list, enum ref_encap encap,
                           struct pkt_rng *rng)
{
    enum { MIN_LEN = 14 + 4 + 2 };  /* With a VLAN tag, Linux wants more. */
    size_t n = (!pkt_range(rng, 64) ? 16
                : pkt_range(rng, 2) ? 1 + pkt_range(rng, 2)
                : 1 + pkt_range(rng, 6));

    gro_list_init(list, encap);
    list->for_kernel = true;
    fill_random(list, n, rng);
    if (pkt_range(rng, 8)) {
        gro_list_mutate(list, rng);
    }
    for (size_t i = 0; i < list->n; ) {
        struct gro_item *item = &list->v[i];

        if (item->mss || item->len < MIN_LEN) {
            gro_list_remove(list, i);
            continue;
        }
        item->in_port = item->mark = item->priority = 0;
        forget_ecn_of_tagged(list, item);
        i++;
    }
    gro_list_finish(list, NULL);
}
