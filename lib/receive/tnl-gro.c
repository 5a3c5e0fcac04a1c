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

#include "receive/tnl-gro.h"

#include <string.h>

#include "core/tnl-gso-buf.h"
#include "core/tnl-gso-packet.h"
#include "core/tnl-gso-port.h"
#include "dp-packet.h"
#include "entropy.h"
#include "netdev-provider.h"
#include "ovs-thread.h"
#include "receive/tnl-gro-desc.h"
#include "receive/tnl-gro-expect.h"
#include "receive/tnl-gro-match.h"
#include "receive/tnl-gro-turn.h"
#include "util.h"

/* Which flow a unit is of: see tnl-gro-turn.h.
 *
 * Called by the ways of pop and send (tnl-gso-pop.c, tnl-gso-send.c). */

/* Words of the key of a flow: two IPv6 addresses and the ports, and one that
 * makes their number even. */
enum { N_WORDS = 10 };

static uint32_t secret[N_WORDS];

/* Draws the secret from the system's entropy, once. */
static void
init_secret(void)
{
    static struct ovsthread_once once = OVSTHREAD_ONCE_INITIALIZER;

    if (ovsthread_once_start(&once)) {
        get_entropy_or_die(secret, sizeof secret);
        ovsthread_once_done(&once);
    }
}

/* Multiplies the pair of words at 'p' with the secret's words from number 'i'
 * on: a term of key_hash(). */
static inline uint64_t
hash_pair(const uint8_t *p, size_t i)
{
    uint32_t words[2];

    memcpy(words, p, sizeof words);
    return ((uint64_t) (uint32_t) (words[0] + secret[i])
            * (uint32_t) (words[1] + secret[i + 1]));
}

/* Hashes the addresses and ports of 'u' by a function out of a family of which
 * two keys have the same value with a probability of 2^-32, whoever chooses
 * them: NH of UMAC (RFC 4418 section 5.2). */
static inline uint32_t
key_hash(const struct tnl_gro_unit *u)
{
    bool v4 = u->l3.version == 4;
    const uint8_t *addrs = u->data + u->l3.ofs + (v4 ? 12 : 8);
    size_t n = v4 ? 2 : 8;      /* Words. */
    uint64_t sum = 0;
    uint32_t ports;

    for (size_t i = 0; i < n; i += 2) {
        sum += hash_pair(addrs + i * sizeof(uint32_t), i);
    }
    memcpy(&ports, u->data + u->l3.l4_ofs, sizeof ports);
    sum += (uint64_t) (uint32_t) (ports + secret[n]) * secret[n + 1];
    return sum ^ sum >> 32;
}

/* Do 'a' and 'b' have the same addresses and ports? */
static bool
same_flow(const struct tnl_gro_unit *a, const struct tnl_gro_unit *b)
{
    bool v4 = a->l3.version == 4;

    return (a->l3.version == b->l3.version
            && !memcmp(a->data + a->l3.ofs + (v4 ? 12 : 8),
                       b->data + b->l3.ofs + (v4 ? 12 : 8), v4 ? 8 : 32)
            && !memcmp(a->data + a->l3.l4_ofs, b->data + b->l3.l4_ofs, 4));
}

/* Returns the entry of the flow of 'u', whose hash is 'hash', or null. */
static struct tnl_gro_entry *
find_entry(struct tnl_gro_turn *t, const struct tnl_gro_unit *u, uint32_t hash)
{
    for (uint16_t i = t->buckets[hash % TNL_GRO_N_BUCKETS]; i != TNL_GRO_NONE;
         i = t->entries[i].next) {
        struct tnl_gro_entry *e = &t->entries[i];

        if (e->hash == hash && same_flow(&e->flow.first, u)) {
            return e;
        }
    }
    return NULL;
}

/* Returns a new entry for 'hash', or null if there is no room. */
static struct tnl_gro_entry *
new_entry(struct tnl_gro_turn *t, uint32_t hash)
{
    uint16_t *bucket = &t->buckets[hash % TNL_GRO_N_BUCKETS];
    struct tnl_gro_entry *e;

    if (t->n_entries == TNL_GRO_MAX_FLOWS) {
        return NULL;
    }
    e = &t->entries[t->n_entries];
    e->hash = hash;
    e->next = *bucket;
    e->after = *bucket = t->n_entries++;
    return e;
}

/* Notes that entry number 'n' of 't' has got unit number 'i', as its last. */
static inline void
note_last(struct tnl_gro_turn *t, uint16_t n, uint16_t i)
{
    t->entries[n].last = i;
    if (t->recent != TNL_GRO_NONE) {
        t->entries[t->recent].after = n;
    }
    t->recent = n;
}

/* Makes unit number 'i' of 't' continue the flow of entry number 'n'. */
static inline void
join_unit(struct tnl_gro_turn *t, uint16_t n, uint16_t i)
{
    struct tnl_gro_entry *e = &t->entries[n];
    struct tnl_gro_place *u = &t->units[i];

    tnl_gro_flow_add(&e->flow, u->data, u->len);
    t->units[e->last].next = i;
    u->continues = true;
    note_last(t, n, i);
}

/* Expects what continues the flow of 'e', which has gone on by the long way,
 * and the flows of 't' that have the same layout. */
static void
expect_next(struct tnl_gro_turn *t, struct tnl_gro_entry *e)
{
    if (tnl_gro_expect_next(&t->expect, &e->flow)) {
        for (size_t i = 0; i < t->n_entries; i++) {
            if (t->entries[i].live) {
                tnl_gro_expect_first(&t->expect, &t->entries[i].flow);
            }
        }
    }
}

/* Makes unit number 'i' of 't', which 'desc' describes, the first one of the
 * flow of 'e', which may have been another one until now. */
static void
begin_flow(struct tnl_gro_turn *t, struct tnl_gro_entry *e, uint16_t i,
           const struct tnl_gro_unit *desc)
{
    uint16_t n = e - t->entries;

    tnl_gro_flow_init(&e->flow, desc);
    tnl_gro_expect_first(&t->expect, &e->flow);
    e->live = true;
    e->first = i;
    t->units[i].entry = n;
    note_last(t, n, i);
}

/* Ends all flows of 't', for a unit that could belong to any. */
static void
end_flows(struct tnl_gro_turn *t)
{
    for (size_t i = 0; i < t->n_entries; i++) {
        t->entries[i].live = false;
    }
}

/* Finds out what becomes of unit number 'i' of 't', and returns why. */
static enum tnl_gro_rule
sort_unit(struct tnl_gro_turn *t, uint16_t i)
{
    struct tnl_gro_place *u = &t->units[i];
    const struct tnl_gro_outer *o = &t->outer[u->outer];
    const uint8_t *data = u->data;
    struct tnl_gro_unit desc;
    enum tnl_gro_rule rule;
    struct tnl_gro_entry *e;
    uint32_t hash;

    /* The next unit is mostly of the same flow as the one before it, and then
     * nothing of it has to be parsed. */
    e = t->recent != TNL_GRO_NONE ? &t->entries[t->recent] : NULL;
    if (e && e->live) {
        if (tnl_gro_expects_unit(&t->expect, &e->flow, o, data, u->len)) {
            join_unit(t, t->recent, i);
            return TNL_GRO_JOINED;
        } else if (!tnl_gro_match_bytes(&e->flow, o, data, u->len)) {
            join_unit(t, t->recent, i);
            expect_next(t, e);
            return TNL_GRO_JOINED;
        }
    }

    rule = tnl_gro_describe(o, data, u->len, &desc);
    if (!desc.has_flow) {
        if (rule != TNL_GRO_R_NOT_TCP) {
            end_flows(t);
        }
        return rule;
    }

    hash = key_hash(&desc);
    e = find_entry(t, &desc, hash);
    if (rule) {
        if (e) {
            e->live = false;
        }
        return rule;
    }

    rule = TNL_GRO_FIRST;
    if (e && e->live) {
        rule = tnl_gro_match(&e->flow, &desc);
        if (!rule) {
            join_unit(t, e - t->entries, i);
            expect_next(t, e);
            return TNL_GRO_JOINED;
        }
    }
    if (e) {
        t->units[e->first].entry = TNL_GRO_NONE;
    } else {
        e = new_entry(t, hash);
        if (!e) {
            return TNL_GRO_R_TABLE;
        }
    }
    begin_flow(t, e, i, &desc);
    return rule;
}

/* Is 'packet' what is expected next in the flow of entry number 'n' of 't'? */
static inline bool
expects(const struct tnl_gro_turn *t, uint16_t n,
        const struct dp_packet *packet)
{
    const struct tnl_gro_entry *e = &t->entries[n];

    return (e->live
            && tnl_gro_expects_packet(&t->expect, &e->flow, packet));
}

/* Adds those of the 'n' 'packets' to 't', from the first one on, that are what
 * is expected next in one of the flows that are likely: the one that got a
 * unit last, and the one whose turn it was behind that.  Returns their
 * number. */
static size_t
add_expected(struct tnl_gro_turn *t, struct dp_packet **packets, size_t n)
{
    size_t added;

    if (!t->expect.number || t->recent == TNL_GRO_NONE) {
        return 0;
    }
    n = MIN(n, MIN(TNL_GRO_MAX_PACKETS - t->n_packets,
                   TNL_GRO_MAX_UNITS - t->n_units));
    for (added = 0; added < n; added++) {
        struct dp_packet *packet = packets[added];
        uint16_t k = t->entries[t->recent].after;
        const struct tnl_gro_unit *first;
        struct tnl_gro_place *u;

        while (!expects(t, k, packet)) {
            if (k == t->recent) {
                return added;
            }
            k = t->recent;
        }

        first = &t->entries[k].flow.first;
        u = &t->units[t->n_units];
        u->data = (uint8_t *) dp_packet_data(packet) + first->outer->len;
        u->packet = packet;
        u->len = first->len;
        u->outer = first->outer - t->outer;
        u->next = u->entry = TNL_GRO_NONE;
        u->rule = TNL_GRO_JOINED;
        t->n_packets++;
        join_unit(t, k, t->n_units++);
    }
    return added;
}

/* Notes the unit at 'ofs' of the packet that was described last, of 'len'
 * bytes, and sorts it unless 'rule' says already that it cannot be merged. */
static void
add_unit(struct tnl_gro_turn *t, uint32_t ofs, uint32_t len,
         enum tnl_gro_rule rule)
{
    const struct tnl_gro_outer *o = &t->outer[t->n_outer - 1];
    uint16_t i = t->n_units++;

    t->units[i] = (struct tnl_gro_place) {
        .data = o->frame + ofs,
        .packet = o->packet,
        .len = len,
        .outer = t->n_outer - 1,
        .next = TNL_GRO_NONE,
        .entry = TNL_GRO_NONE,
    };
    if (rule) {
        end_flows(t);
    } else {
        rule = sort_unit(t, i);
    }
    t->units[i].rule = rule;
}

/* Adds 'packet', a train of 'n' units or, if 'n' is 0, one by itself, to
 * 't'. */
static void
add_packet(struct tnl_gro_turn *t, struct dp_packet *packet, uint32_t n)
{
    struct tnl_gro_outer *o;
    enum tnl_gro_rule rule;
    uint32_t size;

    if (t->n_packets == TNL_GRO_MAX_PACKETS
        || t->n_units + MAX(n, 1) > TNL_GRO_MAX_UNITS) {
        tnl_gro_put_out(t);
    }
    o = &t->outer[t->n_outer++];
    t->n_packets++;
    rule = tnl_gro_describe_outer(packet, t->encap, n > 0, o);
    size = dp_packet_size(packet);
    t->trains |= n > 0;
    if (!n) {
        add_unit(t, rule ? 0 : o->len, rule ? 0 : size - o->len, rule);
        return;
    }
    for (uint32_t ofs = o->len; ofs < size; ofs += packet->uso_segsz) {
        add_unit(t, ofs, MIN(packet->uso_segsz, size - ofs), rule);
    }
}

/* Replaces units in 'batch' that follow each other in one flow by
 * superpackets, and trains also by what else is in them, as '*t' says, in
 * which the members in front of 'outer' are set.  With 'trains_only', packets
 * that came by themselves stay as they are. */
static void
merge(struct tnl_gro_turn *t, bool trains_only, struct dp_packet_batch *batch)
{
    bool udp = tnl_gso_encap_class(t->encap)->outer == TNL_GSO_OUTER_UDP;
    size_t n = dp_packet_batch_size(batch);
    struct dp_packet_batch out;
    struct dp_packet *packet;
    size_t i = 0;

    init_secret();
    dp_packet_batch_init(&out);
    out.trunc = batch->trunc;
    t->out = &out;
    tnl_gro_turn_init(t);
    while (i < n) {
        if (!trains_only) {
            i += add_expected(t, &batch->packets[i], n - i);
            if (i == n) {
                break;
            }
        }
        packet = batch->packets[i++];
        if (udp && packet->uso_segsz && tnl_gso_is_train(packet)) {
            uint32_t n_units
                = DIV_ROUND_UP(dp_packet_size(packet) - packet->l4_ofs
                               - UDP_HEADER_LEN, packet->uso_segsz);

            if (n_units > TNL_GSO_MAX_SEGS) {
                t->count->too_many++;
                dp_packet_delete(packet);
            } else {
                t->count->trains++;
                add_packet(t, packet, n_units);
            }
        } else if (trains_only) {
            tnl_gro_put_out(t);
            dp_packet_batch_add(&out, packet);
        } else {
            add_packet(t, packet, 0);
        }
    }
    tnl_gro_put_out(t);
    dp_packet_batch_swap(batch, &out);
    dp_packet_batch_destroy(&out);
}

/* Merges what is in 'batch', before a pop of 'encap', or without a tunnel if
 * that is TNL_GSO_NO_TUNNEL; with 'trains_only', only what is in trains.
 * Superpackets get 'gro_id' (core/tnl-gro-feedback.h).  Adds what became of
 * the units to '*count'.
 *
 * A packet that stays is the one that it was; the others are freed. */
void
tnl_gro_merge(enum tnl_gso_encap encap, bool trains_only, uint8_t gro_id,
              struct dp_packet_batch *batch, struct tnl_gro_count *count)
{
    struct tnl_gro_turn t;

    t.encap = encap;
    t.gro_id = gro_id;
    t.alloc = tnl_gso_alloc_super;
    t.netdev = NULL;
    t.gather = NULL;
    t.count = count;
    merge(&t, trains_only, batch);
}

/* The same without a tunnel, for a 'batch' that is about to be sent on
 * 'netdev'.  Superpackets are gathered in 'gather', and the first packet of
 * each stays in 'batch' in its place; or if 'gather' is null or full, they are
 * in memory that the driver of 'netdev' sends from. */
void
tnl_gro_merge_for(const struct netdev *netdev, struct dp_packet_batch *batch,
                  struct tnl_gro_gather *gather, struct tnl_gro_count *count)
{
    struct tnl_gro_turn t;

    t.encap = TNL_GSO_NO_TUNNEL;
    t.gro_id = 0;
    t.alloc = netdev->tnl_gso->alloc;
    t.netdev = netdev;
    t.gather = gather;
    t.count = count;
    merge(&t, false, batch);
}
