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

#include "stt/stt-ledger.h"

#include "heap.h"
#include "openvswitch/hmap.h"
#include "ovs-thread.h"
#include "packets.h"
#include "util.h"

/* A source address that has incomplete frames. */
struct stt_peer {
    struct hmap_node node;      /* In 'peers'. */
    struct heap_node heap_node; /* In 'by_bytes'. */
    struct in6_addr src;
    size_t bytes;               /* Of all frames, victims included. */
    size_t n_frames;
    struct heap own;            /* "struct stt_hold"s that are no victims. */
};

/* Bytes of a "struct stt_peer" and of pointers to it and to a frame: each
 * frame may be the only one of its peer. */
enum { PEER_BYTES = sizeof(struct stt_peer) + 8 * sizeof(void *) };

static struct ovs_mutex mutex = OVS_MUTEX_INITIALIZER;
static struct hmap peers OVS_GUARDED_BY(mutex) = HMAP_INITIALIZER(&peers);
static struct heap by_bytes OVS_GUARDED_BY(mutex);
static struct ovs_list by_age OVS_GUARDED_BY(mutex)
    = OVS_LIST_INITIALIZER(&by_age);

/* All "struct stt_hold"s that are not victims yet.  As in the heaps of peers,
 * the first one is that with the least 'last', as far as is known: it grows
 * behind the heap's back. */
static struct heap all OVS_GUARDED_BY(mutex);

/* Written with the mutex locked.  Has a cache line of its own for threads that
 * only read it. */
OVS_ALIGNED_VAR(CACHE_LINE_SIZE) atomic_ullong stt_ledger_clock = 0;

static struct stt_reasm_usage usage OVS_GUARDED_BY(mutex) = {
    .limit = STT_REASM_DEF_LIMIT,
    .peer_limit = STT_REASM_DEF_PEER_LIMIT,
};

/* Returns the peer 'src', whose hash is 'hash', or null if it has no
 * frames. */
static struct stt_peer *
peer_find(const struct in6_addr *src, uint32_t hash)
    OVS_REQUIRES(mutex)
{
    struct stt_peer *peer;

    HMAP_FOR_EACH_WITH_HASH (peer, node, hash, &peers) {
        if (ipv6_addr_equals(&peer->src, src)) {
            return peer;
        }
    }
    return NULL;
}

/* The peer that was destroyed last, or null: most have one frame at a time,
 * and come back. */
static struct stt_peer *spare OVS_GUARDED_BY(mutex);

/* Returns a new peer 'src', whose hash is 'hash', without frames yet. */
static struct stt_peer *
peer_create(const struct in6_addr *src, uint32_t hash)
    OVS_REQUIRES(mutex)
{
    struct stt_peer *peer = spare;

    spare = NULL;
    if (!peer) {
        peer = xmalloc(sizeof *peer);
        heap_init(&peer->own);
    }
    peer->src = *src;
    peer->bytes = peer->n_frames = 0;
    hmap_insert(&peers, &peer->node, hash);
    heap_insert(&by_bytes, &peer->heap_node, 0);
    return peer;
}

/* Frees 'peer', which has no frames any more, or keeps it as 'spare'. */
static void
peer_destroy(struct stt_peer *peer)
    OVS_REQUIRES(mutex)
{
    heap_remove(&by_bytes, &peer->heap_node);
    hmap_remove(&peers, &peer->node);
    if (!spare) {
        spare = peer;
        return;
    }
    heap_destroy(&peer->own);
    free(peer);
}

/* Takes 'hold' off the list and out of the heaps: it can be named as victim no
 * more. */
static void
unlist(struct stt_hold *hold)
    OVS_REQUIRES(mutex)
{
    ovs_list_remove(&hold->age_node);
    heap_remove(&all, &hold->all_node);
    heap_remove(&hold->peer->own, &hold->own_node);
    hold->listed = false;
}

/* Names 'hold' as '*victim' because of 'why'.  It will not be named again. */
static void
pop(struct stt_hold *hold, enum stt_verdict why, struct stt_victim *victim)
    OVS_REQUIRES(mutex)
{
    unlist(hold);
    *victim = (struct stt_victim) { hold->serial, hold->hash, why };
}

/* Returns the hold in 'heap', which is not empty, to which nothing has come
 * for longest.  'member' is the offset of its nodes in holds.  Brings the heap
 * up to date for that: it does not know of later calls of stt_ledger_touch().
 *
 * Looks at no more than MAX_LOOKS holds, since the mutex is locked: each look
 * is for a packet that a peer has sent. */
static struct stt_hold *
find_idle__(struct heap *heap, size_t member)
    OVS_REQUIRES(mutex)
{
    enum { MAX_LOOKS = 64 };

    for (size_t n = 0; ; n++) {
        struct heap_node *node = heap_max(heap);
        struct stt_hold *hold = (void *) ((char *) node - member);
        unsigned long long int last;

        atomic_read_relaxed(&hold->last, &last);
        if (node->priority == UINT64_MAX - last || n >= MAX_LOOKS) {
            return hold;
        }
        heap_change(heap, node, UINT64_MAX - last);
    }
}

#define FIND_IDLE(HEAP, MEMBER) \
    find_idle__(HEAP, offsetof(struct stt_hold, MEMBER))

/* Names a frame of 'peer' as '*victim' because of 'why'.  Returns false if all
 * of its frames have been named, and other threads are about to give them
 * up. */
static bool
pop_own(struct stt_peer *peer, enum stt_verdict why, struct stt_victim *victim)
    OVS_REQUIRES(mutex)
{
    if (heap_is_empty(&peer->own)) {
        return false;
    }
    pop(FIND_IDLE(&peer->own, own_node), why, victim);
    return true;
}

/* Returns the peer that holds the most memory, or null if there is none. */
static struct stt_peer *
largest_peer(void)
    OVS_REQUIRES(mutex)
{
    return (heap_is_empty(&by_bytes) ? NULL
            : CONTAINER_OF(heap_max(&by_bytes), struct stt_peer, heap_node));
}

/* Names a frame of any peer as '*victim' so that 'peer' gets memory, when all
 * peers together hold too much.  'peer' is null if it has no frames yet.
 * Returns false if all frames have been named. */
static bool
pop_any(const struct stt_peer *peer, struct stt_victim *victim)
    OVS_REQUIRES(mutex)
{
    struct stt_peer *largest = largest_peer();
    struct stt_hold *hold;

    if (largest && largest->bytes > MIN(usage.limit, usage.peer_limit) / 2
        && pop_own(largest, (largest == peer ? STT_EVICTED_PEER
                             : STT_EVICTED), victim)) {
        return true;
    } else if (heap_is_empty(&all)) {
        return false;
    }
    hold = FIND_IDLE(&all, all_node);
    pop(hold, hold->peer == peer ? STT_EVICTED_PEER : STT_EVICTED, victim);
    return true;
}

/* stt_ledger_reserve() with the mutex locked. */
static enum stt_ledger_result
reserve__(struct stt_hold *hold, const struct in6_addr *src, uint32_t src_hash,
          struct stt_victim *victim)
    OVS_REQUIRES(mutex)
{
    struct stt_peer *peer = peer_find(src, src_hash);
    size_t bytes = hold->bytes + PEER_BYTES;
    unsigned long long int now;

    if (bytes > usage.limit || bytes > usage.peer_limit) {
        return STT_LEDGER_NO;
    } else if (peer && peer->bytes + bytes > usage.peer_limit) {
        return (pop_own(peer, STT_EVICTED_PEER, victim)
                ? STT_LEDGER_VICTIM : STT_LEDGER_NO);
    } else if (usage.bytes + bytes > usage.limit) {
        return (pop_any(peer, victim)
                ? STT_LEDGER_VICTIM : STT_LEDGER_NO);
    }

    if (!peer) {
        peer = peer_create(src, src_hash);
    }
    peer->bytes += bytes;
    peer->n_frames++;
    heap_change(&by_bytes, &peer->heap_node, peer->bytes);
    usage.n_frames++;
    usage.bytes += bytes;
    usage.max_bytes = MAX(usage.max_bytes, usage.bytes);

    atomic_read_relaxed(&stt_ledger_clock, &now);
    atomic_store_relaxed(&stt_ledger_clock, now + 1);
    hold->peer = peer;
    hold->serial = now;
    hold->listed = true;
    atomic_init(&hold->last, now);
    ovs_list_push_back(&by_age, &hold->age_node);
    heap_insert(&all, &hold->all_node, UINT64_MAX - now);
    heap_insert(&peer->own, &hold->own_node, UINT64_MAX - now);
    return STT_LEDGER_OK;
}

/* Reserves memory for a new frame from 'src', whose hash is 'src_hash', and
 * returns STT_LEDGER_OK.  If there is not enough, names a '*victim' and
 * returns STT_LEDGER_VICTIM, or STT_LEDGER_NO.  From now on, 'hold' can be a
 * victim itself: the caller keeps its bucket locked until the frame is in
 * it. */
enum stt_ledger_result
stt_ledger_reserve(struct stt_hold *hold, const struct in6_addr *src,
                   uint32_t src_hash, struct stt_victim *victim)
    OVS_EXCLUDED(mutex)
{
    enum stt_ledger_result result;

    ovs_mutex_lock(&mutex);
    result = reserve__(hold, src, src_hash, victim);
    ovs_mutex_unlock(&mutex);
    return result;
}

/* Gives the memory of 'hold' back, which stt_ledger_reserve() has reserved. */
void
stt_ledger_release(struct stt_hold *hold)
    OVS_EXCLUDED(mutex)
{
    size_t bytes = hold->bytes + PEER_BYTES;
    struct stt_peer *peer = hold->peer;

    ovs_mutex_lock(&mutex);
    if (hold->listed) {
        unlist(hold);
    }
    usage.bytes -= bytes;
    usage.n_frames--;
    peer->bytes -= bytes;
    if (--peer->n_frames) {
        heap_change(&by_bytes, &peer->heap_node, peer->bytes);
    } else {
        peer_destroy(peer);
    }
    ovs_mutex_unlock(&mutex);
}

/* Names the oldest frame as '*victim' if its first segment came no later than
 * 'first', ms.  Returns false if it came later. */
bool
stt_ledger_pop_expired(long long int first, struct stt_victim *victim)
    OVS_EXCLUDED(mutex)
{
    bool found = false;

    ovs_mutex_lock(&mutex);
    if (!ovs_list_is_empty(&by_age)) {
        struct stt_hold *hold = CONTAINER_OF(ovs_list_front(&by_age),
                                             struct stt_hold, age_node);

        if (hold->first <= first) {
            pop(hold, STT_EXPIRED, victim);
            found = true;
        }
    }
    ovs_mutex_unlock(&mutex);
    return found;
}

/* Names a frame as '*victim' if a limit is exceeded, because it has become
 * smaller.  Returns false if there is none. */
bool
stt_ledger_pop_excess(struct stt_victim *victim)
    OVS_EXCLUDED(mutex)
{
    struct stt_peer *largest;
    bool found;

    ovs_mutex_lock(&mutex);
    largest = largest_peer();
    if (largest && largest->bytes > usage.peer_limit) {
        found = pop_own(largest, STT_EVICTED_PEER, victim);
    } else {
        found = usage.bytes > usage.limit && pop_any(NULL, victim);
    }
    ovs_mutex_unlock(&mutex);
    return found;
}

/* Sets the limits, in bytes, of all peers together and of each.  Frames that
 * exceed them are not given up by this: stt_ledger_pop_excess(). */
void
stt_ledger_set_limits(size_t limit, size_t peer_limit)
    OVS_EXCLUDED(mutex)
{
    ovs_mutex_lock(&mutex);
    usage.limit = limit;
    usage.peer_limit = peer_limit;
    ovs_mutex_unlock(&mutex);
}

/* Stores all members but the timeout in '*u'. */
void
stt_ledger_usage_get(struct stt_reasm_usage *u)
    OVS_EXCLUDED(mutex)
{
    ovs_mutex_lock(&mutex);
    *u = usage;
    u->n_peers = hmap_count(&peers);
    ovs_mutex_unlock(&mutex);
}

/* Stores the peers that hold the most memory in 'out', 'max' at most, the
 * largest one first.  Returns their number. */
size_t
stt_ledger_peers_get(struct stt_reasm_peer *out, size_t max)
    OVS_EXCLUDED(mutex)
{
    struct stt_peer **taken = xmalloc(max * sizeof *taken);
    size_t n = 0;

    ovs_mutex_lock(&mutex);
    while (n < max && !heap_is_empty(&by_bytes)) {
        struct stt_peer *peer = largest_peer();

        heap_remove(&by_bytes, &peer->heap_node);
        out[n] = (struct stt_reasm_peer) {
            .src = peer->src,
            .n_frames = peer->n_frames,
            .bytes = peer->bytes,
        };
        taken[n++] = peer;
    }
    for (size_t i = 0; i < n; i++) {
        heap_insert(&by_bytes, &taken[i]->heap_node, taken[i]->bytes);
    }
    ovs_mutex_unlock(&mutex);
    free(taken);
    return n;
}
