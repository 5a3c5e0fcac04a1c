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

#include <string.h>

#include "dp-packet.h"
#include "flow.h"
#include "ovs-atomic.h"
#include "test-tnl-gso.h"
#include "tnl-gso-pkt.h"
#include "tnl-gso-train.h"
#include "tnl-gso/core/tnl-gro-feedback.h"
#include "tnl-gso/receive/tnl-gro-glance.h"
#include "tnl-gso/receive/tnl-gro.h"
#include "util.h"

/* Which batches are looked at: after how many that have nothing to merge most
 * are not, and how soon a burst that merges is. */

enum { FRUITLESS = 16, GLANCE_EACH = 7, LOOK_EACH = 63, GLANCES = 16 };

/* Makes '*batch' one of units of 'row', the numbers of which are in
 * 'order'. */
static void
burst(const struct pkt_row *row, const char *order,
      struct dp_packet_batch *batch)
{
    struct ref_frames units;

    train_cut_row(row, &units);
    dp_packet_batch_init(batch);
    for (; *order; order++) {
        const struct ref_frame *unit = &units.v[*order - '0'];
        struct dp_packet *p = dp_packet_clone_data(unit->data, unit->len);
        struct flow flow;

        flow_extract(p, &flow);
        dp_packet_batch_add(batch, p);
    }
    ref_frames_destroy(&units);
}

/* The row that most cases are of, 'encap' aside. */
static void
row_init(struct pkt_row *row, enum ref_encap encap)
{
    pkt_row_init(row, encap);
    row->mss = 1000;
    row->payload = 4900;
    row->tcp_opt = 12;
}

/* A glance at units of 'row' in 'order' must say 'expected'. */
static void
test_glance(const char *name, const struct pkt_row *row, const char *order,
            bool expected)
{
    struct dp_packet_batch batch;
    char *error = NULL;

    burst(row, order, &batch);
    EXPECT(tnl_gro_glance(test_encap(row->encap), &batch), expected);
    dp_packet_delete_batch(&batch, true);
    dp_packet_batch_destroy(&batch);
    test_case(error, "glance: %s, %s", name, order);
}

static void
test_glances(void)
{
    static const char *const names[] = { "plain", "vxlan", "geneve", "gre" };
    struct pkt_row row;

    for (enum ref_encap encap = REF_PLAIN; encap <= REF_GRE; encap++) {
        const char *name = names[encap];

        row_init(&row, encap);
        test_glance(name, &row, "01", true);
        test_glance(name, &row, "34", true);
        test_glance(name, &row, "301", true);
        test_glance(name, &row, "0121034", true);
        test_glance(name, &row, "30123", true);
        test_glance(name, &row, "0", false);
        test_glance(name, &row, "00", false);
        test_glance(name, &row, "10", false);
        test_glance(name, &row, "02", false);
        test_glance(name, &row, "420", false);

        /* Behind the last, none can follow. */
        row.payload = 5000;
        test_glance(name, &row, "34", true);
        row.tcp_flags |= TCP_PSH;
        test_glance(name, &row, "34", true);
        row.payload = 900;
        test_glance(name, &row, "00", false);

        row_init(&row, encap);
        row.inner.version = 6;
        test_glance(name, &row, "01", true);
        row_init(&row, encap);
        row.inner.n_vlans = 1;
        test_glance(name, &row, "01", true);
        row_init(&row, encap);
        row.mss = row.payload = 10;
        row.payload = 40;
        test_glance(name, &row, "0123", false);
        row_init(&row, encap);
        row.udp = true;
        row.tcp_opt = 0;
        test_glance(name, &row, "01", false);
    }

    /* Behind options, if there are any. */
    row_init(&row, REF_GENEVE);
    row.geneve_opt = 32;
    test_glance("options", &row, "01", true);
    row_init(&row, REF_GRE);
    row.csum = row.gre_key = true;
    test_glance("key", &row, "01", true);
}

/* What a batch of units of a row in some order is for a port. */
struct traffic {
    struct tnl_gro_effort effort;
    struct pkt_row row;
    const char *order;
    bool wrong;                 /* Checksums are. */
    int n_looked;
};

/* A batch of 't' as the ways of pop and send handle it.  Returns whether
 * anything in it has been merged. */
static bool
send_batch(struct traffic *t)
{
    enum tnl_gso_encap encap = test_encap(t->row.encap);
    struct tnl_gro_count count = { .trains = 0 };
    struct dp_packet_batch batch;
    bool merged = false;

    burst(&t->row, t->order, &batch);
    for (size_t i = 0; t->wrong && i < dp_packet_batch_size(&batch); i++) {
        uint8_t *tail = dp_packet_tail(batch.packets[i]);

        tail[-1] ^= 1;
    }
    if (!tnl_gro_effort_skips(&t->effort, dp_packet_batch_size(&batch))
        && tnl_gro_is_worth_it(&t->effort, encap, &batch)) {
        t->n_looked++;
        tnl_gro_merge(encap, false, 0, &batch, &count);
        merged = count.units[TNL_GRO_JOINED] > 0;
        tnl_gro_effort_looked(&t->effort, merged);
    }
    dp_packet_delete_batch(&batch, true);
    dp_packet_batch_destroy(&batch);
    return merged;
}

/* Sends batches of 't' until something is merged, but not more than
 * LOOK_EACH.  Returns their number. */
static int
until_merged(struct traffic *t)
{
    int n = 1;

    while (!send_batch(t) && n <= LOOK_EACH) {
        n++;
    }
    return n;
}

/* Sends 'n' batches of units in 'order' of 't', in which nothing merges. */
static void
send_fruitless(struct traffic *t, const char *order, int n)
{
    t->order = order;
    for (int i = 0; i < n; i++) {
        ovs_assert(!send_batch(t));
    }
}

/* Returns the number of batches until the first of 'each' batches comes, of
 * which 'i' have been. */
static int
wait_for(int each, int i)
{
    return (each - i % each) % each + 1;
}

/* Batches of units in 'order', in which nothing merges, and which a glance is
 * not for: few are looked at.  A burst that begins is merged soon, and sooner
 * if a glance finds it. */
static void
test_fruitless(enum ref_encap encap, const char *order)
{
    struct traffic t = { .order = order };
    unsigned long long skipped;
    char *error = NULL;

    row_init(&t.row, encap);
    send_fruitless(&t, order, FRUITLESS);
    EXPECT(t.n_looked, FRUITLESS);
    send_fruitless(&t, order, 10 * LOOK_EACH);
    EXPECT(t.n_looked, FRUITLESS + 10);
    atomic_read_relaxed(&t.effort.skipped, &skipped);
    EXPECT(skipped, 10 * (LOOK_EACH - 1) * strlen(order));

    t.order = "01";
    EXPECT(until_merged(&t), 1);

    /* Bursts that a glance finds, beginning at any time. */
    for (int i = 0; i <= GLANCE_EACH; i++) {
        send_fruitless(&t, order, FRUITLESS + i);
        t.order = "01";
        EXPECT(until_merged(&t), wait_for(GLANCE_EACH, i));
    }

    /* Then all are looked at again. */
    t.n_looked = 0;
    send_fruitless(&t, order, FRUITLESS);
    EXPECT(t.n_looked, FRUITLESS);
    t.order = "01";
    EXPECT(until_merged(&t), 1);

    /* Bursts that it does not find. */
    for (int i = 0; i <= LOOK_EACH; i++) {
        send_fruitless(&t, order, FRUITLESS + i);
        t.order = "301431";
        EXPECT(until_merged(&t), wait_for(LOOK_EACH, i));
    }
    test_case(error, "effort: %s, %s", pkt_encap_name(encap), order);
}

/* Batches that a glance is for although nothing in them merges: it is not
 * believed for long, until something has merged. */
static void
test_wrong_glances(void)
{
    struct traffic t = { .order = "34" };
    char *error = NULL;

    row_init(&t.row, REF_VXLAN);
    t.wrong = true;
    send_fruitless(&t, "34", FRUITLESS + 10 * LOOK_EACH);
    EXPECT(t.n_looked, FRUITLESS + 10 + GLANCES);

    t.wrong = false;
    EXPECT(until_merged(&t), 1);
    send_fruitless(&t, "10", FRUITLESS + 1);
    t.order = "34";
    EXPECT(until_merged(&t), GLANCE_EACH);
    test_case(error, "wrong glances");
}

void
test_gro_effort(void)
{
    test_glances();
    for (enum ref_encap encap = REF_PLAIN; encap <= REF_GRE; encap++) {
        test_fruitless(encap, "10");
        test_fruitless(encap, "43210");
        test_fruitless(encap, "4433221100443322110044332211004433");
    }
    test_wrong_glances();
}
