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

#include "core/tnl-gro-feedback.h"

#include "ovs-atomic.h"
#include "ovs-thread.h"
#include "timeval.h"
#include "util.h"

/* See tnl-gro-feedback.h.  Threads count without locks: a superpacket that is
 * counted in one period or in the next makes no difference. */

/* A decision is taken after this many superpackets; a pause has this many
 * milliseconds, so that what changes behind the pop is noticed soon, and
 * trying again costs next to nothing. */
enum { PERIOD = 64, PAUSE = 1000 };

/* Glances that may be wrong before they are not believed. */
enum { GLANCES = 16 };

enum { MAX_IDS = UINT8_MAX + 1 };

static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;
static bool in_use[MAX_IDS] OVS_GUARDED_BY(mutex);

static struct slot {
    atomic_uint32_t made;       /* Superpackets in this period. */
    atomic_uint32_t cut;        /* Those of them that were cut again. */
    atomic_llong paused_until;  /* In terms of time_msec(), or 0. */
    atomic_ullong all_cut;
    atomic_ullong pauses;
} slots[MAX_IDS];

/* Finds a number that is not in use, and makes it a new one. */
static uint8_t
new_id(void)
    OVS_REQUIRES(mutex)
{
    for (size_t i = 1; i < MAX_IDS; i++) {
        if (!in_use[i]) {
            struct slot *slot = &slots[i];

            in_use[i] = true;
            atomic_store_relaxed(&slot->made, 0);
            atomic_store_relaxed(&slot->cut, 0);
            atomic_store_relaxed(&slot->paused_until, 0);
            atomic_store_relaxed(&slot->all_cut, 0);
            atomic_store_relaxed(&slot->pauses, 0);
            return i;
        }
    }
    return 0;
}

/* Returns '*id', the number of a tunnel, which gets one now if it is 0.
 * Returns 0 if there are too many: then nothing is known of it, and merging
 * does not pause.  Only ports of the datapath have numbers; Interfaces that
 * share one do not count. */
uint8_t
tnl_gro_feedback_id(atomic_uint8_t *id)
{
    uint8_t value;

    atomic_read_relaxed(id, &value);
    if (OVS_UNLIKELY(!value)) {
        ovs_mutex_lock(&mutex);
        atomic_read_relaxed(id, &value);
        if (!value) {
            value = new_id();
            atomic_store_relaxed(id, value);
        }
        ovs_mutex_unlock(&mutex);
    }
    return value;
}

/* Gives up 'id'.  Packets that still have it may be counted for the tunnel
 * that gets it next. */
void
tnl_gro_feedback_free(uint8_t id)
{
    ovs_mutex_lock(&mutex);
    in_use[id] = false;
    ovs_mutex_unlock(&mutex);
}

/* Does merging pause for the tunnel 'id'? */
bool
tnl_gro_feedback_paused(uint8_t id)
{
    struct slot *slot = &slots[id];
    long long until;

    atomic_read_relaxed(&slot->paused_until, &until);
    if (OVS_LIKELY(!until)) {
        return false;
    } else if (time_msec() < until) {
        return true;
    }
    atomic_store_relaxed(&slot->paused_until, 0);
    return false;
}

/* Notes that 'n' superpackets are about to be made for the tunnel 'id'.
 * Decides about those before. */
void
tnl_gro_feedback_made(uint8_t id, uint32_t n)
{
    struct slot *slot = &slots[id];
    uint32_t made, cut;

    if (!id) {
        return;
    }
    atomic_add_relaxed(&slot->made, n, &made);
    if (OVS_UNLIKELY(made >= PERIOD)) {
        unsigned long long orig;

        atomic_read_relaxed(&slot->cut, &cut);
        atomic_store_relaxed(&slot->made, n);
        atomic_store_relaxed(&slot->cut, 0);
        if (cut > made / 2) {
            atomic_store_relaxed(&slot->paused_until, time_msec() + PAUSE);
            atomic_add_relaxed(&slot->pauses, 1, &orig);
        }
    }
}

/* tnl_gro_feedback_cut() for an 'id' that is not 0. */
void
tnl_gro_feedback_cut__(uint8_t id)
{
    unsigned long long orig;
    uint32_t orig32;

    atomic_add_relaxed(&slots[id].cut, 1, &orig32);
    atomic_add_relaxed(&slots[id].all_cut, 1, &orig);
}

/* Returns what is known of the tunnel 'id'. */
struct tnl_gro_feedback
tnl_gro_feedback_get(uint8_t id)
{
    struct tnl_gro_feedback f = { .paused = tnl_gro_feedback_paused(id) };

    atomic_read_relaxed(&slots[id].all_cut, &f.cut);
    atomic_read_relaxed(&slots[id].pauses, &f.pauses);
    return f;
}

/* Is a batch that tnl_gro_effort_skips() has not skipped to be looked at in
 * any case? */
bool
tnl_gro_effort_looks(const struct tnl_gro_effort *e)
{
    uint32_t fruitless;

    atomic_read_relaxed(&CONST_CAST(struct tnl_gro_effort *, e)->fruitless,
                        &fruitless);
    /* The port being tired, it has just been counted. */
    return (fruitless <= TNL_GRO_FRUITLESS
            || (fruitless - TNL_GRO_FRUITLESS - 1) % TNL_GRO_LOOK_EACH == 0);
}

/* Is a batch to be looked at because a glance is for it? */
bool
tnl_gro_effort_glances(struct tnl_gro_effort *e)
{
    uint32_t glances;

    atomic_read_relaxed(&e->glances, &glances);
    if (glances < GLANCES) {
        atomic_store_relaxed(&e->glances, glances + 1);
        return true;
    }
    return false;
}

/* Notes that a batch has been looked at, and whether anything in it was
 * 'merged'. */
void
tnl_gro_effort_looked(struct tnl_gro_effort *e, bool merged)
{
    uint32_t fruitless;

    atomic_read_relaxed(&e->fruitless, &fruitless);
    if (OVS_UNLIKELY(merged ? fruitless > 0 : fruitless < TNL_GRO_FRUITLESS)) {
        atomic_store_relaxed(&e->fruitless, merged ? 0 : fruitless + 1);
        atomic_store_relaxed(&e->glances, 0);
    }
}

/* Makes '*e' one of a port that is not tired. */
void
tnl_gro_effort_reset(struct tnl_gro_effort *e)
{
    atomic_store_relaxed(&e->fruitless, 0);
    atomic_store_relaxed(&e->glances, 0);
}
