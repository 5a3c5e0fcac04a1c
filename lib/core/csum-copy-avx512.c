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

#include "core/csum-copy-impl.h"

#ifdef CSUM_COPY_X86
#include <immintrin.h>

/* 64 bytes at a time; a mask selects the bytes of a vector that is not
 * full. */

#define TARGET __attribute__((target("avx512f,avx512bw")))

/* The lowest 'n' bytes of a vector, or all. */
static inline __mmask64
lowest(size_t n)
{
    return n >= 64 ? ~0ULL : (1ULL << n) - 1;
}

/* Adds those of the 64 bytes at 'ofs' that 'mask' has to '*total' and '*high':
 * csum-copy-impl.h. */
static inline void TARGET ALWAYS_INLINE
step(bool copy, uint8_t *dst, const uint8_t *src, size_t ofs, __mmask64 mask,
     __m512i *total, __m512i *high)
{
    __m512i v = _mm512_maskz_loadu_epi8(mask, src + ofs);

    if (copy) {
        _mm512_mask_storeu_epi8(dst + ofs, mask, v);
    }
    *total = _mm512_add_epi64(*total, v);
    *high = _mm512_add_epi64(*high, _mm512_srli_epi64(v, 32));
}

/* Sums the 'n' bytes at 'src' and, if 'copy' is true, which the compiler must
 * know, copies them to 'dst', else ignores 'dst'.  Returns the sum, folded to
 * 16 bits.  Two sums are kept at a time, so that an addition need not wait for
 * the one before. */
static inline uint32_t TARGET ALWAYS_INLINE
sum_avx512(bool copy, uint8_t *dst, const uint8_t *src, size_t n)
{
    /* A vector that is in two cache lines takes twice as long to load.  So the
     * first one starts at a line, 'before' bytes before the first byte; when
     * it also has to be stored, that is no gain any more. */
    size_t before = copy ? 0 : (uintptr_t) src % 64;
    size_t end = before + n;
    __m512i total0 = _mm512_setzero_si512();
    __m512i high0 = total0;
    __m512i total1 = total0;
    __m512i high1 = total0;
    uint32_t sum;
    size_t i = 0;

    /* No pointer arithmetic: there need not be anything that early. */
    src = (const uint8_t *) ((uintptr_t) src - before);
    if (before) {
        step(false, NULL, src, 0, lowest(end) & ~0ULL << before,
             &total0, &high0);
        i = 64;
    }
    for (; i + 128 <= end; i += 128) {
        step(copy, dst, src, i, ~0ULL, &total0, &high0);
        step(copy, dst, src, i + 64, ~0ULL, &total1, &high1);
    }
    if (i + 64 <= end) {
        step(copy, dst, src, i, ~0ULL, &total0, &high0);
        i += 64;
    }
    if (i < end) {
        step(copy, dst, src, i, lowest(end - i), &total1, &high1);
    }
    total0 = _mm512_add_epi64(total0, total1);
    high0 = _mm512_add_epi64(high0, high1);
    total0 = _mm512_sub_epi64(_mm512_add_epi64(total0, high0),
                              _mm512_slli_epi64(high0, 32));
    sum = csum_copy_fold64(_mm512_reduce_add_epi64(total0));

    /* If it is odd, high and low bytes have changed places (RFC 1071 section
     * 2, "byte order independence"). */
    return before & 1 ? (uint16_t) (sum << 8) | sum >> 8 : sum;
}

/* Members of struct csum_copy_impl. */
static uint32_t TARGET
copy_avx512(void *dst, const void *src, size_t n)
{
    return sum_avx512(true, dst, src, n);
}

static uint32_t TARGET
fold_avx512(const void *src, size_t n)
{
    return sum_avx512(false, NULL, src, n);
}

static bool
usable_avx512(void)
{
    return (__builtin_cpu_supports("avx512f")
            && __builtin_cpu_supports("avx512bw"));
}

const struct csum_copy_impl csum_copy_avx512 = {
    "avx512", usable_avx512, copy_avx512, fold_avx512
};
#endif /* CSUM_COPY_X86 */
