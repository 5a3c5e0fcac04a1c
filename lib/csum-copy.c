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

#include "compiler.h"
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

/* Sums the 'n' <= 8 bytes at 'src' into 'sum', and copies them to 'dst' if
 * 'copy' is true. */
static inline uint64_t ALWAYS_INLINE
sum_word(uint64_t sum, bool copy, uint8_t *dst, const uint8_t *src, size_t n)
{
    uint64_t word = 0;

    memcpy(&word, src, n);
    if (copy) {
        memcpy(dst, &word, n);
    }
    return add_carry(sum, word);
}

/* Sums 'n' bytes of 'src' and copies them to 'dst' if 'copy' is true, which
 * the compiler must know: a loop with the question in it is half as fast.
 * Four sums that do not depend on each other keep the adders busy. */
static inline uint64_t ALWAYS_INLINE
sum_plain(bool copy, uint8_t *dst, const uint8_t *src, size_t n)
{
    uint64_t s0 = 0;
    uint64_t s1 = 0;
    uint64_t s2 = 0;
    uint64_t s3 = 0;
    size_t i = 0;

    for (; i + 32 <= n; i += 32) {
        s0 = sum_word(s0, copy, dst + i, src + i, 8);
        s1 = sum_word(s1, copy, dst + i + 8, src + i + 8, 8);
        s2 = sum_word(s2, copy, dst + i + 16, src + i + 16, 8);
        s3 = sum_word(s3, copy, dst + i + 24, src + i + 24, 8);
    }
    s0 = add_carry(add_carry(s0, s1), add_carry(s2, s3));
    for (; i + 8 <= n; i += 8) {
        s0 = sum_word(s0, copy, dst + i, src + i, 8);
    }
    return sum_word(s0, copy, dst + i, src + i, n - i);
}

static uint32_t
copy_plain(void *dst, const void *src, size_t n)
{
    return fold64(sum_plain(true, dst, src, n));
}

static uint32_t
fold_plain(const void *src, size_t n)
{
    return fold64(sum_plain(false, NULL, src, n));
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
