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

#include "csum-copy.h"

#include <string.h>

#include "openvswitch/vlog.h"
#include "ovs-atomic.h"
#include "ovs-thread.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(csum_copy);

/* Adds with the carry brought around, which is what a ones-complement sum
 * is: any width that is a multiple of 16 bits gives the same result once it
 * is folded (RFC 1071 section 2). */
static inline uint64_t
add_carry(uint64_t a, uint64_t b)
{
    a += b;
    return a + (a < b);
}

static inline uint32_t
fold64(uint64_t sum)
{
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & UINT16_MAX) + (sum >> 16);
    sum = (sum & UINT16_MAX) + (sum >> 16);
    return sum;
}

/* Sums the 'n' < 8 bytes at 'src' into 'sum', and copies them to 'dst' if
 * that is nonnull. */
static inline uint64_t
sum_tail(uint64_t sum, uint8_t *dst, const uint8_t *src, size_t n)
{
    uint64_t word = 0;

    memcpy(&word, src, n);
    if (dst) {
        memcpy(dst, src, n);
    }
    return add_carry(sum, word);
}

/* Sums 'n' bytes of 'src', copying them to 'dst' if that is nonnull.  Four
 * sums that do not depend on each other keep the adders busy. */
static inline uint64_t
sum_plain(uint8_t *dst, const uint8_t *src, size_t n)
{
    uint64_t s[4] = { 0, 0, 0, 0 };
    uint64_t w[4];

    for (; n >= sizeof w; n -= sizeof w) {
        memcpy(w, src, sizeof w);
        if (dst) {
            memcpy(dst, w, sizeof w);
            dst += sizeof w;
        }
        src += sizeof w;
        for (int i = 0; i < 4; i++) {
            s[i] = add_carry(s[i], w[i]);
        }
    }
    s[0] = add_carry(add_carry(s[0], s[1]), add_carry(s[2], s[3]));
    for (; n >= sizeof w[0]; n -= sizeof w[0]) {
        memcpy(w, src, sizeof w[0]);
        if (dst) {
            memcpy(dst, w, sizeof w[0]);
            dst += sizeof w[0];
        }
        src += sizeof w[0];
        s[0] = add_carry(s[0], w[0]);
    }
    return sum_tail(s[0], dst, src, n);
}

static uint32_t
copy_plain(void *dst, const void *src, size_t n)
{
    return fold64(sum_plain(dst, src, n));
}

static uint32_t
fold_plain(const void *src, size_t n)
{
    return fold64(sum_plain(NULL, src, n));
}

static bool
usable_plain(void)
{
    return true;
}

/* Best first. */
static const struct csum_copy_impl impls[] = {
    { "plain", usable_plain, copy_plain, fold_plain },
};

static ATOMIC(const struct csum_copy_impl *) current;

/* All implementations, '*n' of them, those that this CPU lacks included. */
const struct csum_copy_impl *
csum_copy_impls(size_t *n)
{
    *n = ARRAY_SIZE(impls);
    return impls;
}

/* The implementation in use. */
const struct csum_copy_impl *
csum_copy_impl(void)
{
    const struct csum_copy_impl *impl;

    atomic_read_relaxed(&current, &impl);
    if (OVS_UNLIKELY(!impl)) {
        for (impl = impls; !impl->usable(); impl++) {
            continue;
        }
        atomic_store_relaxed(&current, impl);
        VLOG_DBG("using %s", impl->name);
    }
    return impl;
}

/* Uses the implementation called 'name' from now on, or the best one if
 * 'name' is null.  Returns false, changing nothing, if there is no such
 * implementation or this CPU lacks it. */
bool
csum_copy_force(const char *name)
{
    const struct csum_copy_impl *impl = NULL;

    for (size_t i = 0; name && i < ARRAY_SIZE(impls); i++) {
        if (!strcmp(impls[i].name, name) && impls[i].usable()) {
            impl = &impls[i];
        }
    }
    if (name && !impl) {
        return false;
    }
    atomic_store_relaxed(&current, impl);
    return true;
}

uint32_t
csum_copy(void *dst, const void *src, size_t n)
{
    return csum_copy_impl()->copy(dst, src, n);
}

uint32_t
csum_fold(const void *src, size_t n)
{
    return csum_copy_impl()->fold(src, n);
}
