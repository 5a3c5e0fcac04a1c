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

#include "stt/stt-reasm.h"

#include <stdlib.h>
#include <string.h>

#include "entropy.h"
#include "ovs-atomic.h"
#include "ovs-thread.h"
#include "stt/stt-frame.h"
#include "stt/stt-ledger.h"
#include "stt/stt.h"
#include "util.h"

/* Locks: a bucket's, then the ledger's, never two buckets'.  A frame is given
 * up while no bucket is locked, since it may be in any. */

enum { N_BUCKETS = 4096 };

struct bucket {
    PADDED_MEMBERS(CACHE_LINE_SIZE,
        struct ovs_mutex mutex;
        struct stt_frame *frames OVS_GUARDED;
    );
};

static struct bucket *table;    /* N_BUCKETS. */

/* Words of a frame's key: source, destination, frame ID, length. */
enum { SRC_WORDS = 4, KEY_WORDS = 10 };
static uint64_t hash_seed[KEY_WORDS + 1];

static atomic_uint timeout = STT_REASM_DEF_TIMEOUT; /* ms. */

/* Expiry: at most one sweep per SWEEP_INTERVAL ms, and at most SWEEP_MAX
 * frames per sweep; the next part begins another one if there may be more. */
enum { SWEEP_INTERVAL = 100, SWEEP_MAX = 64 };
static atomic_llong next_sweep;

/* State of a thread from one part to the next. */
struct batch {
    bool open;                  /* Between stt_reasm_begin() and _end(). */
    struct bucket *bucket;      /* Locked by this thread, or null. */
    struct stt_frame *frame;    /* In it: where the last part went. */
    unsigned int n_held;        /* Parts that have yet to be counted. */
};
DEFINE_STATIC_PER_THREAD_DATA(struct batch, batch, { false, NULL, NULL, 0 });

/* Allocates the table and draws 'hash_seed', once. */
static void
init(void)
{
    static struct ovsthread_once once = OVSTHREAD_ONCE_INITIALIZER;

    if (ovsthread_once_start(&once)) {
        get_entropy_or_die(hash_seed, sizeof hash_seed);
        table = xzalloc_cacheline(N_BUCKETS * sizeof *table);
        for (size_t i = 0; i < N_BUCKETS; i++) {
            ovs_mutex_init_adaptive(&table[i].mutex);
        }
        ovsthread_once_done(&once);
    }
}

/* Hashes of 32-bit words, with a key for each word.  Without 'hash_seed', an
 * attacker cannot find keys that collide more often than random ones do
 * (Dietzfelbinger's multilinear hashing).  hash_bytes() is not so: with CRC
 * instructions, its collisions do not depend on its seed. */
struct hash {
    uint32_t src;               /* Of the source alone. */
    uint32_t all;
};

/* Hashes the key of the frame that 's' is a part of. */
static struct hash
hash_key(const struct stt_segment *s)
{
    uint32_t words[KEY_WORDS];
    uint64_t sum = hash_seed[KEY_WORDS];
    struct hash hash;

    BUILD_ASSERT(sizeof words == (2 * sizeof s->src + sizeof s->frame_id
                                  + sizeof *words));
    memcpy(words, &s->src, sizeof s->src);
    memcpy(words + SRC_WORDS, &s->dst, sizeof s->dst);
    memcpy(words + 2 * SRC_WORDS, &s->frame_id, sizeof s->frame_id);
    words[2 * SRC_WORDS + 1] = s->total;
    for (size_t i = 0; i < SRC_WORDS; i++) {
        sum += hash_seed[i] * words[i];
    }
    hash.src = sum >> 32;
    for (size_t i = SRC_WORDS; i < KEY_WORDS; i++) {
        sum += hash_seed[i] * words[i];
    }
    hash.all = sum >> 32;
    return hash;
}

/* The bucket of frames with 'hash'. */
static struct bucket *
bucket_of(uint32_t hash)
{
    return &table[hash % N_BUCKETS];
}

/* Locks the bucket of 'hash', as that of 'b', which has none locked. */
static void
enter(struct batch *b, uint32_t hash)
    OVS_NO_THREAD_SAFETY_ANALYSIS
{
    b->bucket = bucket_of(hash);
    ovs_mutex_lock(&b->bucket->mutex);
}

/* Unlocks the bucket of 'b', if one is locked, and forgets its frame. */
static void
leave(struct batch *b)
    OVS_NO_THREAD_SAFETY_ANALYSIS
{
    if (b->bucket) {
        ovs_mutex_unlock(&b->bucket->mutex);
        b->bucket = NULL;
        b->frame = NULL;
    }
}

/* Takes 'frame' out of 'bucket', in which it is. */
static void
bucket_remove(struct bucket *bucket, struct stt_frame *frame)
    OVS_REQUIRES(bucket->mutex)
{
    struct stt_frame **f = &bucket->frames;

    while (*f != frame) {
        f = &(*f)->next;
    }
    *f = frame->next;
}

/* Takes the frame with 'serial' out of the bucket of 'hash' and returns it, or
 * null if it is not there any more. */
static struct stt_frame *
take_serial(uint32_t hash, uint64_t serial)
{
    struct bucket *bucket = bucket_of(hash);
    struct stt_frame *frame;

    ovs_mutex_lock(&bucket->mutex);
    for (frame = bucket->frames; frame; frame = frame->next) {
        if (frame->hold.serial == serial) {
            bucket_remove(bucket, frame);
            break;
        }
    }
    ovs_mutex_unlock(&bucket->mutex);
    return frame;
}

/* Frees and counts the frame that 'victim' names, unless it has been completed
 * or given up meanwhile.  The thread must have no bucket locked. */
static void
give_up(const struct stt_victim *victim)
{
    struct stt_frame *frame = take_serial(victim->hash, victim->serial);

    if (frame) {
        stt_count(victim->why);
        stt_frame_free(frame);
    }
}

/* Is the time for 'frame' over at 'now', ms? */
static bool
is_expired(const struct stt_frame *frame, long long int now)
{
    unsigned int ms;

    atomic_read_relaxed(&timeout, &ms);
    return frame->hold.first <= now - ms;
}

/* Gives up at most 'max' frames whose time is over at 'now', ms.  Returns
 * false if there may be more. */
static bool
expire(long long int now, size_t max)
{
    struct stt_victim victim;
    unsigned int ms;

    atomic_read_relaxed(&timeout, &ms);
    while (stt_ledger_pop_expired(now - ms, &victim)) {
        give_up(&victim);
        if (!--max) {
            return false;
        }
    }
    return true;
}

/* Calls expire() if it is time for a sweep and no other thread does. */
static void
sweep(long long int now)
{
    long long int when;

    atomic_read_relaxed(&next_sweep, &when);
    if (now >= when
        && atomic_compare_exchange_strong(&next_sweep, &when,
                                          now + SWEEP_INTERVAL)
        && !expire(now, SWEEP_MAX)) {
        atomic_store_relaxed(&next_sweep, now);
    }
}

/* Returns the frame in 'bucket' that 's' is a part of, or null. */
static struct stt_frame *
bucket_find(struct bucket *bucket, const struct stt_segment *s)
    OVS_REQUIRES(bucket->mutex)
{
    struct stt_frame *frame = bucket->frames;

    while (frame && !stt_frame_has(frame, s)) {
        frame = frame->next;
    }
    return frame;
}

/* Locks the bucket of 'hash', that of 's', and looks for the frame of 's'
 * there, which becomes that of 'b', or null.  A frame that has expired is
 * given up: it must not be mixed with a new one. */
static void
find(struct batch *b, const struct stt_segment *s, uint32_t hash,
     long long int now)
    OVS_NO_THREAD_SAFETY_ANALYSIS
{
    struct stt_frame *frame;

    enter(b, hash);
    frame = bucket_find(b->bucket, s);
    if (frame && is_expired(frame, now)) {
        stt_count(STT_EXPIRED);
        bucket_remove(b->bucket, frame);
        stt_frame_free(frame);
        frame = NULL;
    }
    b->frame = frame;
}

/* Makes a frame for 's', whose hash is 'hash', in the bucket that 'b' has
 * locked, unless another thread makes it while this one gives up other frames.
 * Returns false, having no bucket locked, if there is no memory for it. */
static bool
create(struct batch *b, const struct stt_segment *s, const struct hash *hash,
       long long int now)
    OVS_NO_THREAD_SAFETY_ANALYSIS
{
    /* Other threads may take all memory that this one frees, again and
     * again. */
    enum { MAX_VICTIMS = 256 };
    struct stt_frame *frame = xmalloc(sizeof *frame);

    frame->hold.bytes = stt_frame_memory(s->total);
    frame->hold.hash = hash->all;
    frame->hold.first = now;
    for (size_t n = 0; ; n++) {
        enum stt_ledger_result result;
        struct stt_victim victim;

        result = stt_ledger_reserve(&frame->hold, &s->src, hash->src, &victim);
        if (result == STT_LEDGER_OK) {
            break;
        }
        leave(b);
        if (result == STT_LEDGER_VICTIM) {
            give_up(&victim);
        }
        if (result == STT_LEDGER_NO || n >= MAX_VICTIMS) {
            free(frame);
            return false;
        }
        find(b, s, hash->all, now);
        if (b->frame) {
            free(frame);
            return true;
        }
    }

    stt_frame_init(frame, s);
    frame->next = b->bucket->frames;
    b->bucket->frames = frame;
    b->frame = frame;
    return true;
}

/* Stores 's' into its frame, which is made if it does not exist and becomes
 * that of 'b'.  A frame that is complete now is taken out of its bucket and
 * stored in '*complete' instead. */
static enum stt_verdict
add_part(struct batch *b, const struct stt_segment *s, long long int now,
         struct stt_frame **complete)
    OVS_NO_THREAD_SAFETY_ANALYSIS
{
    struct stt_segment verified;
    enum stt_verdict verdict;

    if (!b->frame || !stt_frame_has(b->frame, s)) {
        struct hash hash;

        leave(b);
        init();
        sweep(now);
        hash = hash_key(s);
        find(b, s, hash.all, now);
        if (!b->frame) {
            /* Before a new frame displaces others. */
            if (!stt_segment_is_good(s)) {
                leave(b);
                return STT_DROP_CSUM;
            }
            verified = *s;
            verified.check = false;
            s = &verified;
            if (!create(b, s, &hash, now)) {
                return STT_DROP_MEMORY;
            }
        }
    }

    verdict = stt_frame_store(b->frame, s);
    if (verdict == STT_COMPLETE) {
        *complete = b->frame;
        bucket_remove(b->bucket, b->frame);
        leave(b);
    }
    return verdict;
}

/* stt_reasm_add() without counting.  Unlocks the bucket unless a batch is
 * open. */
static struct dp_packet *
add(struct batch *b, const struct stt_segment *s, long long int now,
    enum stt_verdict *verdict, bool *ce)
{
    struct stt_frame *complete = NULL;

    if (!s->len || s->total < STT_HEADER_LEN || s->ofs + s->len > s->total) {
        *verdict = STT_DROP_LENGTH;
        return NULL;
    }

    *verdict = add_part(b, s, now, &complete);
    if (!b->open) {
        leave(b);
    }
    return complete ? stt_frame_finish(complete, ce) : NULL;
}

/* Lets the CPU load the payload of 's' while the frame is looked for.  The CPU
 * continues by itself behind MAX_BYTES. */
static void
prefetch(const struct stt_segment *s)
{
    enum { MAX_BYTES = 2048 };
    const char *payload = s->payload;

    for (size_t i = 0; i < MIN(s->len, MAX_BYTES); i += CACHE_LINE_SIZE) {
        OVS_PREFETCH(payload + i);
    }
}

/* Adds 's', which stays the caller's with its payload, at time 'now', ms.
 * Stores its fate in '*verdict', and counts it.
 *
 * If its frame is complete now, returns it as a packet that the caller must
 * free: STT header and inner frame, with 32 bit alignment, and 128 bytes of
 * headroom, or fewer if the frame is so long that a dp_packet has no room for
 * more.  Stores in '*ce' whether any part had a CE mark.  Otherwise returns
 * null. */
struct dp_packet *
stt_reasm_add(const struct stt_segment *s, long long int now,
              enum stt_verdict *verdict, bool *ce)
{
    struct batch *b = batch_get();
    struct dp_packet *packet;

    prefetch(s);
    packet = add(b, s, now, verdict, ce);

    if (*verdict == STT_HELD && b->open) {
        b->n_held++;
        return NULL;
    }

    /* A wrong checksum comes first: a part with one may, for example, be no
     * duplicate, since its header may be wrong.  Parts that were stored have
     * been verified. */
    if (!packet && *verdict != STT_HELD && *verdict != STT_DROP_CSUM
        && !stt_segment_is_good(s)) {
        *verdict = STT_DROP_CSUM;
    }
    stt_count(*verdict);
    return packet;
}

/* Begins a batch of packets whose parts the calling thread is going to add.
 * Parts of one frame are then added under one lock; a lock costs as much as
 * copying a part.  Until stt_reasm_end(), a lock may be held: the thread must
 * not wait for another one, nor call stt_reasm_run() or
 * stt_reasm_set_limits(). */
void
stt_reasm_begin(void)
{
    batch_get()->open = true;
}

/* Ends what stt_reasm_begin() has begun: unlocks the bucket, and counts the
 * parts that are held. */
void
stt_reasm_end(void)
{
    struct batch *b = batch_get();

    b->open = false;
    leave(b);
    if (b->n_held) {
        stt_count_n(STT_HELD, b->n_held);
        b->n_held = 0;
    }
}

/* Gives up all frames whose time is over at 'now', ms.  For the main thread:
 * frames also expire while no part is added. */
void
stt_reasm_run(long long int now)
{
    while (!expire(now, SWEEP_MAX)) {
        continue;
    }
}

/* Sets the limits of memory, in bytes, for all peers together and for each,
 * and the time for a frame, in ms.  Frames beyond a smaller limit are given up
 * at once. */
void
stt_reasm_set_limits(size_t limit, size_t peer_limit, unsigned int timeout_)
{
    struct stt_victim victim;

    atomic_store_relaxed(&timeout, timeout_);
    stt_ledger_set_limits(limit, peer_limit);
    while (stt_ledger_pop_excess(&victim)) {
        give_up(&victim);
    }
}

/* Stores what is held now, and the limits, in '*usage'. */
void
stt_reasm_usage_get(struct stt_reasm_usage *usage)
{
    stt_ledger_usage_get(usage);
    atomic_read_relaxed(&timeout, &usage->timeout);
}

/* See stt_ledger_peers_get(). */
size_t
stt_reasm_peers_get(struct stt_reasm_peer *peers, size_t max)
{
    return stt_ledger_peers_get(peers, max);
}
