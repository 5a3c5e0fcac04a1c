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

#ifndef CSUM_COPY_IMPL_H
#define CSUM_COPY_IMPL_H 1

/* What the implementations of csum-copy.h share.  Not for anybody else. */

#include <string.h>

#include "compiler.h"
#include "csum-copy.h"

/* Vector implementations: compiled for their instructions function by
 * function, so that the rest of the library runs on any CPU. */
#if defined(__x86_64__) && defined(__GNUC__)
#define CSUM_COPY_X86 1
extern const struct csum_copy_impl csum_copy_avx2;
extern const struct csum_copy_impl csum_copy_avx512;
#endif

/* Adds with the carry brought around, which is what a ones-complement sum
 * is: any width that is a multiple of 16 bits gives the same result once it
 * is folded (RFC 1071 section 2). */
static inline uint64_t
csum_copy_add(uint64_t a, uint64_t b)
{
    a += b;
    return a + (a < b);
}

static inline uint32_t
csum_copy_fold64(uint64_t sum)
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
csum_copy_word(uint64_t sum, bool copy, uint8_t *dst, const uint8_t *src,
               size_t n)
{
    uint64_t word = 0;

    memcpy(&word, src, n);
    if (copy) {
        memcpy(dst, &word, n);
    }
    return csum_copy_add(sum, word);
}

/* Sums 'n' bytes of 'src' and copies them to 'dst' if 'copy' is true, which
 * the compiler must know: a loop with the question in it is half as fast.
 * Four sums that do not depend on each other keep the adders busy. */
static inline uint64_t ALWAYS_INLINE
csum_copy_plain(bool copy, uint8_t *dst, const uint8_t *src, size_t n)
{
    uint64_t s0 = 0;
    uint64_t s1 = 0;
    uint64_t s2 = 0;
    uint64_t s3 = 0;
    size_t i = 0;

    for (; i + 32 <= n; i += 32) {
        s0 = csum_copy_word(s0, copy, dst + i, src + i, 8);
        s1 = csum_copy_word(s1, copy, dst + i + 8, src + i + 8, 8);
        s2 = csum_copy_word(s2, copy, dst + i + 16, src + i + 16, 8);
        s3 = csum_copy_word(s3, copy, dst + i + 24, src + i + 24, 8);
    }
    s0 = csum_copy_add(csum_copy_add(s0, s1), csum_copy_add(s2, s3));
    for (; i + 8 <= n; i += 8) {
        s0 = csum_copy_word(s0, copy, dst + i, src + i, 8);
    }
    return csum_copy_word(s0, copy, dst + i, src + i, n - i);
}

#endif /* csum-copy-impl.h */
