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

/* Shared by the implementations of csum-copy.h, and by no other code. */

#include <string.h>

#include "compiler.h"
#include "core/csum-copy.h"

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

/* Folds 'sum', a ones-complement sum in 64 bits, to 16 bits.  The first two
 * steps leave 32 bits of it, the last two 16. */
static inline uint32_t
csum_copy_fold64(uint64_t sum)
{
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & UINT32_MAX) + (sum >> 32);
    sum = (sum & UINT16_MAX) + (sum >> 16);
    sum = (sum & UINT16_MAX) + (sum >> 16);
    return sum;
}

/* Sums the bytes at 'ofs' of 'src' into 'sum', and copies them to 'dst' if
 * 'copy' is true: 'n' <= 8 of them, which the compiler must know. */
static inline uint64_t ALWAYS_INLINE
csum_copy_word(uint64_t sum, bool copy, uint8_t *dst, const uint8_t *src,
               size_t ofs, size_t n)
{
    uint64_t word = 0;

    memcpy(&word, src + ofs, n);
    if (copy) {
        memcpy(dst + ofs, &word, n);
    }
    return csum_copy_add(sum, word);
}

/* How vectors sum up.  Let v = 2^32 * h + l be a 64-bit word, h and l its
 * halves.  'total' is the sum of all v, modulo 2^64, and 'high' the sum of all
 * h, which does not overflow.  Then total - (high << 32) is the sum of all l,
 * exactly, since that is less than 2^64.  'high' is added to it in turn: 2^32
 * is 1 in ones-complement arithmetic.  That takes an instruction less for each
 * word than two sums of halves do. */

/* Sums as many of the 'n' bytes of 'src' as fill vectors of 16 bytes, which
 * any 64-bit CPU has, and copies them to 'dst' if 'copy' is true.  Sets
 * '*done' to their number. */
static inline uint64_t ALWAYS_INLINE
csum_copy_vectors(bool copy, uint8_t *dst, const uint8_t *src, size_t n,
                  size_t *done)
{
    size_t i = 0;
    uint64_t sum = 0;

#ifdef __GNUC__
    typedef uint64_t vector __attribute__((vector_size(16)));
    vector total0 = { 0, 0 };
    vector high0 = { 0, 0 };
    vector total1 = { 0, 0 };
    vector high1 = { 0, 0 };

    for (; i + 32 <= n; i += 32) {
        vector v0, v1;

        memcpy(&v0, src + i, 16);
        memcpy(&v1, src + i + 16, 16);
        if (copy) {
            memcpy(dst + i, &v0, 16);
            memcpy(dst + i + 16, &v1, 16);
        }
        total0 += v0;
        high0 += v0 >> 32;
        total1 += v1;
        high1 += v1 >> 32;
    }
    total0 += total1;
    high0 += high1;
    total0 += high0 - (high0 << 32);
    sum = total0[0] + total0[1];
#endif
    *done = i;
    return sum;
}

/* Sums 'n' bytes of 'src' and copies them to 'dst' if 'copy' is true, which
 * the compiler must know: a loop that tests 'copy' is half as fast. */
static inline uint64_t ALWAYS_INLINE
csum_copy_plain(bool copy, uint8_t *dst, const uint8_t *src, size_t n)
{
    size_t i;
    uint64_t sum = csum_copy_vectors(copy, dst, src, n, &i);

    for (; i + 8 <= n; i += 8) {
        sum = csum_copy_word(sum, copy, dst, src, i, 8);
    }
    if (n & 4) {
        sum = csum_copy_word(sum, copy, dst, src, i, 4);
        i += 4;
    }
    if (n & 2) {
        sum = csum_copy_word(sum, copy, dst, src, i, 2);
        i += 2;
    }
    return n & 1 ? csum_copy_word(sum, copy, dst, src, i, 1) : sum;
}

#endif /* csum-copy-impl.h */
