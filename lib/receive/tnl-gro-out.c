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

#include "receive/tnl-gro-turn.h"

#include <string.h>

#include "core/tnl-gso-probes.h"
#include "dp-packet.h"
#include "encap/encap.h"
#include "receive/tnl-gro-gather.h"
#include "receive/tnl-gro-join.h"
#include "util.h"

/* The end of a turn: see tnl-gro-turn.h. */

/* Prepares '*t' for the next turn. */
void
tnl_gro_turn_init(struct tnl_gro_turn *t)
{
    t->n_outer = t->n_packets = t->n_units = t->n_entries = 0;
    t->trains = false;
    t->recent = TNL_GRO_NONE;
    t->expect.number = 0;
    memset(t->buckets, 0xff, sizeof t->buckets);
}

/* For tnl_gro_join(): units from one on. */
struct chain {
    const struct tnl_gro_turn *turn;
    uint16_t next;              /* Of the next call. */
};

static struct tnl_gro_part
next_part(void *chain_, uint32_t i OVS_UNUSED)
{
    struct chain *chain = chain_;
    const struct tnl_gro_place *u = &chain->turn->units[chain->next];

    chain->next = u->next;
    return (struct tnl_gro_part) {
        .outer = &chain->turn->outer[u->outer],
        .packet = u->packet,
        .data = u->data,
        .len = u->len,
    };
}

/* Makes the units behind number 'i' of 't' begin a chain of their own. */
static void
break_chain(struct tnl_gro_turn *t, uint16_t i)
{
    uint16_t next = t->units[i].next;

    if (next != TNL_GRO_NONE) {
        t->units[i].next = TNL_GRO_NONE;
        t->units[next].continues = false;
        t->units[next].rule = TNL_GRO_FIRST;
    }
}

/* Takes unit number 'n' of the chain that begins with unit 'i' of 't' out of
 * it: a checksum is wrong.  What is behind it begins another chain. */
static void
take_out(struct tnl_gro_turn *t, uint16_t i, uint32_t n)
{
    uint16_t before = TNL_GRO_NONE;

    while (n--) {
        before = i;
        i = t->units[i].next;
    }
    if (before != TNL_GRO_NONE) {
        break_chain(t, before);
    }
    break_chain(t, i);
    t->units[i].rule = TNL_GRO_R_CSUM;
}

/* Describes the flow of the units that begin with number 'i' of 't' in '*flow'
 * and '*outer', to which it refers. */
static void
chain_flow(const struct tnl_gro_turn *t, uint16_t i, struct tnl_gro_flow *flow,
           struct tnl_gro_outer *outer)
{
    const struct tnl_gro_place *u = &t->units[i];
    struct tnl_gro_unit first;

    *outer = t->outer[u->outer];
    outer->packet = u->packet;
    outer->frame = dp_packet_data(u->packet);
    tnl_gro_describe(outer, u->data, u->len, &first);
    tnl_gro_flow_init(flow, &first);
    for (i = u->next; i != TNL_GRO_NONE; i = u->next) {
        u = &t->units[i];
        tnl_gro_flow_add(flow, u->data, u->len);
    }
}

/* Returns the units that begin with number 'i' of 't' as a superpacket, or
 * null if there is only one.  It is the packet of the first one if all of them
 * have been gathered.  One with a wrong checksum ends it, and goes on by
 * itself. */
static struct dp_packet *
put_together(struct tnl_gro_turn *t, uint16_t i)
{
    while (t->units[i].next != TNL_GRO_NONE) {
        struct chain chain = { .turn = t, .next = i };
        const struct tnl_gro_flow *f;
        struct tnl_gro_outer outer;
        struct tnl_gro_flow flow;
        struct dp_packet *p;
        uint32_t n_right;

        if (t->units[i].entry != TNL_GRO_NONE) {
            f = &t->entries[t->units[i].entry].flow;
        } else {
            chain_flow(t, i, &flow, &outer);
            f = &flow;
        }
        if (t->gather && tnl_gro_gather_has_room(t->gather, f->n_units)) {
            p = (tnl_gro_gather_add(t->gather, f, next_part, &chain, &n_right)
                 ? t->units[i].packet : NULL);
        } else {
            p = tnl_gro_join(f, t->alloc, t->netdev, next_part, &chain,
                             &n_right);
        }
        if (OVS_LIKELY(p)) {
            const struct tnl_gro_outer *o = f->first.outer;

            TNL_GSO_PROBE(merge, tnl_gso_encap_class(t->encap)->name,
                          t->encap ? o->frame + o->l3.ofs : NULL,
                          f->first.data + f->first.l3.ofs, f->n_units,
                          f->payload_len);
            t->count->supers[MIN(log_2_floor(f->n_units),
                                 TNL_GRO_N_SIZES) - 1]++;
            return p;
        }
        /* Again without it, in a buffer of the right size: packets must not
         * take many times their memory because of wrong checksums. */
        t->units[i].entry = TNL_GRO_NONE;
        take_out(t, i, n_right);
    }
    return NULL;
}

/* Puts out unit number 'i' of 't', and those that continue it. */
static void
put_out_unit(struct tnl_gro_turn *t, uint16_t i)
{
    const struct tnl_gro_place *u = &t->units[i];
    const struct tnl_gro_outer *o = &t->outer[u->outer];
    struct dp_packet *p = put_together(t, i);

    if (p && p != u->packet) {
        t->count->train_merged += o->train;
        p->gro_id = t->gro_id;
        for (; i != TNL_GRO_NONE; i = t->units[i].next) {
            if (OVS_LIKELY(!t->trains)
                || !t->outer[t->units[i].outer].train) {
                dp_packet_delete(t->units[i].packet);
            }
        }
    } else if (!p && o->train) {
        t->count->train_single++;
        p = tnl_gro_single(o, u->data, u->len);
    } else {
        p = u->packet;
    }
    if (OVS_UNLIKELY(u->rule == TNL_GRO_R_CSUM
                     && t->encap != TNL_GSO_NO_TUNNEL)) {
        p->gro_id = t->gro_id;
    }
    dp_packet_batch_add(t->out, p);
}

/* Has unit 'u' of 't' a wrong checksum that a pop has counted before? */
static bool
counted_before(const struct tnl_gro_turn *t, const struct tnl_gro_place *u)
{
    return (u->rule == TNL_GRO_R_CSUM && t->encap == TNL_GSO_NO_TUNNEL
            && u->packet->gro_id);
}

/* Ends a turn: puts out all units of 't', and prepares the next one. */
void
tnl_gro_put_out(struct tnl_gro_turn *t)
{
    for (size_t i = 0; i < t->n_units; i++) {
        if (!t->units[i].continues) {
            put_out_unit(t, i);
        }
        if (OVS_LIKELY(!counted_before(t, &t->units[i]))) {
            t->count->units[t->units[i].rule]++;
        }
    }
    for (size_t i = 0; t->trains && i < t->n_outer; i++) {
        if (t->outer[i].train) {
            dp_packet_delete(t->outer[i].packet);
        }
    }
    tnl_gro_turn_init(t);
}
