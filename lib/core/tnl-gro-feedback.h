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

#ifndef TNL_GRO_FEEDBACK_H
#define TNL_GRO_FEEDBACK_H 1

/* Does merging pay?
 *
 * A superpacket that was merged at a pop and then cut again by us has cost
 * more than it has saved.  The superpackets of a tunnel carry its number
 * (struct dp_packet, gro_id).  Whoever cuts one notes it here, and merging
 * pauses for a tunnel most of whose superpackets are cut.  A copy of a
 * superpacket, for a mirror for instance, is another one: each is sent, whole
 * or cut.
 *
 * A packet that is none has the number if its pop has found and counted that a
 * checksum is wrong, so that nobody counts that again.
 *
 * Looking at packets that never merge is a waste, too.  When nothing in the
 * last batches of a port has merged, the port is "tired": most batches are
 * skipped.  Each seventh is looked at if a glance finds it worth that
 * (receive/tnl-gro-glance.h), and each 63rd in any case, until something
 * merges.  A glance that is wrong again and again is not believed any more.
 *
 * Called by the ways of pop and send, in any thread.  Must not know what is in
 * a packet. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ovs-atomic.h"

/* What an operator sees of one tunnel. */
struct tnl_gro_feedback {
    unsigned long long cut;     /* Superpackets merged and cut again. */
    unsigned long long pauses;  /* How often merging has paused. */
    bool paused;                /* It does now. */
};

/* What looking at the packets of one port has brought.  Starts as zeros. */
struct tnl_gro_effort {
    atomic_uint32_t fruitless;  /* Batches since something merged. */
    atomic_uint32_t glances;    /* Those of them that a glance was for. */
    atomic_ullong skipped;      /* Packets that were not looked at. */
};

/* Batches without anything to merge before a port is tired; and then, of how
 * many one is not skipped, and of how many one is looked at in any case, which
 * must be a multiple. */
enum {
    TNL_GRO_FRUITLESS = 16,
    TNL_GRO_GLANCE_EACH = 7,
    TNL_GRO_LOOK_EACH = 9 * TNL_GRO_GLANCE_EACH,
};

uint8_t tnl_gro_feedback_id(atomic_uint8_t *id);
void tnl_gro_feedback_free(uint8_t id);
bool tnl_gro_feedback_paused(uint8_t id);
void tnl_gro_feedback_made(uint8_t id, uint32_t n);
void tnl_gro_feedback_cut__(uint8_t id);
struct tnl_gro_feedback tnl_gro_feedback_get(uint8_t id);

bool tnl_gro_effort_looks(const struct tnl_gro_effort *);
bool tnl_gro_effort_glances(struct tnl_gro_effort *);
void tnl_gro_effort_looked(struct tnl_gro_effort *, bool merged);
void tnl_gro_effort_reset(struct tnl_gro_effort *);

/* Notes that a batch of 'n_packets' is not looked at. */
static inline void
tnl_gro_effort_skip(struct tnl_gro_effort *e, size_t n_packets)
{
    unsigned long long orig;

    atomic_add_relaxed(&e->skipped, n_packets, &orig);
}

/* Is a batch of 'n_packets' to be left as it is, because of what was found in
 * those before it?  Then it is counted.  Otherwise the caller has to ask
 * tnl_gro_is_worth_it().  Each packet that never merges pays for this, so it
 * is inline. */
static inline bool
tnl_gro_effort_skips(struct tnl_gro_effort *e, size_t n_packets)
{
    uint32_t fruitless;

    atomic_read_relaxed(&e->fruitless, &fruitless);
    if (OVS_LIKELY(fruitless < TNL_GRO_FRUITLESS)) {
        return false;
    }
    atomic_store_relaxed(&e->fruitless, fruitless + 1);
    if ((fruitless - TNL_GRO_FRUITLESS) % TNL_GRO_GLANCE_EACH) {
        tnl_gro_effort_skip(e, n_packets);
        return true;
    }
    return false;
}

/* Notes that a superpacket with 'id' has been cut in software; 0 stands for
 * one that was not merged. */
static inline void
tnl_gro_feedback_cut(uint8_t id)
{
    if (id) {
        tnl_gro_feedback_cut__(id);
    }
}

#endif /* tnl-gro-feedback.h */
