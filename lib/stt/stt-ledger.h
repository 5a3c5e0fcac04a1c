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

#ifndef STT_LEDGER_H
#define STT_LEDGER_H 1

/* How much memory each peer holds in incomplete STT frames, and which frame is
 * given up when there is no more.
 *
 * Called by reassembly (stt-reasm.c, stt-frame.c) alone, twice for each frame
 * that comes in more than one packet.  One lock, which is the innermost one.
 * Does not know where frames are: it names a victim, and the caller looks for
 * it, under its own locks, and may find that it is complete by now.
 *
 * The victim is the frame to which nothing has come for longest.  So frames
 * that are being received stay, however many others begin, unless as many as
 * there is memory for begin between two of their parts.
 *
 * It is chosen among the frames of these peers.  A peer at its own limit loses
 * one of its own.  When all together are at the limit of all, a peer that has
 * more than half of what a peer can have loses one: a peer with only a few
 * addresses cannot displace frames of peers that hold little, however slow
 * these are.  Otherwise no peer is to blame, and the victim is one of all
 * frames.  It must not be one of the peer that holds most, however little that
 * is: against faked sources with a frame each, that would always be a real
 * peer. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>

#include "heap.h"
#include "openvswitch/list.h"
#include "ovs-atomic.h"
#include "stt/stt-reasm.h"

struct stt_peer;

/* The memory of a frame: a member of it. */
struct stt_hold {
    /* Set by the owner before stt_ledger_reserve(). */
    size_t bytes;
    uint32_t hash;              /* Where the owner will find it. */
    long long int first;        /* Time of its first segment, ms. */

    /* The ledger's. */
    struct stt_peer *peer;
    uint64_t serial;            /* Of no other frame before or after. */
    bool listed;                /* Not yet named as victim. */
    struct ovs_list age_node;   /* In the list of all, oldest first. */

    struct heap_node all_node;  /* In 'all'. */
    struct heap_node own_node;  /* In that of its peer. */
    atomic_ullong last;         /* Of stt_ledger_clock: when something came. */
};

/* Counts frames that have begun: a clock that tells to which frame nothing has
 * come for longest. */
extern atomic_ullong stt_ledger_clock;

/* Records that a part has come for the frame of 'hold'.  Takes no lock. */
static inline void
stt_ledger_touch(struct stt_hold *hold)
{
    unsigned long long int now;

    atomic_read_relaxed(&stt_ledger_clock, &now);
    atomic_store_relaxed(&hold->last, now);
}

/* A frame to be given up. */
struct stt_victim {
    uint64_t serial;
    uint32_t hash;
    enum stt_verdict why;       /* To be counted. */
};

enum stt_ledger_result {
    STT_LEDGER_OK,
    STT_LEDGER_VICTIM,          /* Give up the victim and try again. */
    STT_LEDGER_NO,              /* Not within the limits. */
};

enum stt_ledger_result stt_ledger_reserve(struct stt_hold *,
                                          const struct in6_addr *src,
                                          uint32_t src_hash,
                                          struct stt_victim *);
void stt_ledger_release(struct stt_hold *);

bool stt_ledger_pop_expired(long long int first, struct stt_victim *);
bool stt_ledger_pop_excess(struct stt_victim *);
void stt_ledger_set_limits(size_t limit, size_t peer_limit);
void stt_ledger_usage_get(struct stt_reasm_usage *);
size_t stt_ledger_peers_get(struct stt_reasm_peer *, size_t max);

#endif /* stt-ledger.h */
