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

#include "core/tnl-gso-id.h"

#include <string.h>

#include "entropy.h"
#include "ovs-atomic.h"
#include "ovs-thread.h"
#include "util.h"

/* As in RFC 7739 section 5.3 and RFC 6528 section 3: an ID is the sum of a
 * counter and of an offset, which depends on source and destination.  Both are
 * chosen by a hash with a secret key, so a receiver of our packets can predict
 * the next IDs of its own and none of those sent to others.  Linux v6.18
 * __ip_select_ident() chooses its counter like this, and adds no offset.
 *
 * Counters begin at random.  All pairs of addresses whose hash selects the
 * same one of N_COUNTERS share it.  No counter goes back, so an ID is not used
 * again before all others have been. */
enum { N_COUNTERS = 2048 };

static uint64_t key[2];
static atomic_uint32_t counters[N_COUNTERS];

/* Draws the key and the first value of each counter from the system's entropy,
 * once. */
static void
init(void)
{
    static struct ovsthread_once once = OVSTHREAD_ONCE_INITIALIZER;

    if (ovsthread_once_start(&once)) {
        uint32_t starts[N_COUNTERS];

        get_entropy_or_die(key, sizeof key);
        get_entropy_or_die(starts, sizeof starts);
        for (size_t i = 0; i < N_COUNTERS; i++) {
            atomic_init(&counters[i], starts[i]);
        }
        ovsthread_once_done(&once);
    }
}

/* Returns 'x' rotated to the left by 'n' bits, 0 < n < 64. */
static inline uint64_t
rotate(uint64_t x, int n)
{
    return x << n | x >> (64 - n);
}

/* Does 'n' SipRounds on the state 'v'. */
static inline void
sip_rounds(uint64_t v[4], int n)
{
    while (n--) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] = rotate(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[2] = rotate(v[2], 32);
    }
}

/* SipHash-2-4 (Aumasson and Bernstein, 2012) with 'key_' of the 'n' words at
 * 'words' in little endian, followed by the byte 'last'.  Without the key, its
 * values cannot be told from random ones, however many of them are known. */
uint64_t
tnl_gso_siphash(const uint64_t key_[2], const uint64_t *words, size_t n,
                uint8_t last)
{
    uint64_t end = (uint64_t) (8 * n + 1) << 56 | last;
    uint64_t v[4] = {
        key_[0] ^ UINT64_C(0x736f6d6570736575),
        key_[1] ^ UINT64_C(0x646f72616e646f6d),
        key_[0] ^ UINT64_C(0x6c7967656e657261),
        key_[1] ^ UINT64_C(0x7465646279746573),
    };

    for (size_t i = 0; i <= n; i++) {
        uint64_t word = i < n ? words[i] : end;

        v[3] ^= word;
        sip_rounds(v, 2);
        v[0] ^= word;
    }
    v[2] ^= 0xff;
    sip_rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* Returns the first of 'n' consecutive IDs for 'user' (an IP protocol, or an
 * enum tnl_gso_id_user) from address 'src' to 'dst', of 4 bytes, or of 16 with
 * 'v6', and of any alignment.  A caller that needs 16 bits takes the lower
 * ones.  Any thread may call this. */
uint32_t
tnl_gso_new_ids(const void *src, const void *dst, bool v6, uint8_t user,
                uint32_t n)
{
    size_t len = v6 ? 16 : 4;
    uint64_t words[4];
    uint64_t hash;
    uint32_t id;

    init();
    memcpy(words, src, len);
    memcpy((char *) words + len, dst, len);
    hash = tnl_gso_siphash(key, words, 2 * len / sizeof *words, user);
    atomic_add_relaxed(&counters[hash % N_COUNTERS], n, &id);
    return id + (hash >> 32);
}
