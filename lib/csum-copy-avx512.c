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

#include "csum-copy-impl.h"

#ifdef CSUM_COPY_X86
#include <immintrin.h>

/* 64 bytes at a time, and the rest under a mask. */

#define TARGET __attribute__((target("avx512f,avx512bw")))

/* Adds the 32-bit halves of eight 64-bit words to two sums of 64 bits each,
 * in which carries have room. */
static inline void TARGET ALWAYS_INLINE
add(__m512i v, __m512i *even, __m512i *odd)
{
    const __m512i low = _mm512_set1_epi64(UINT32_MAX);

    *even = _mm512_add_epi64(*even, _mm512_and_si512(v, low));
    *odd = _mm512_add_epi64(*odd, _mm512_srli_epi64(v, 32));
}

static inline uint64_t TARGET ALWAYS_INLINE
sum_avx512(bool copy, uint8_t *dst, const uint8_t *src, size_t n)
{
    __m512i even0 = _mm512_setzero_si512();
    __m512i odd0 = even0;
    __m512i even1 = even0;
    __m512i odd1 = even0;
    size_t i = 0;

    for (; i + 128 <= n; i += 128) {
        __m512i v0 = _mm512_loadu_si512(src + i);
        __m512i v1 = _mm512_loadu_si512(src + i + 64);

        if (copy) {
            _mm512_storeu_si512(dst + i, v0);
            _mm512_storeu_si512(dst + i + 64, v1);
        }
        add(v0, &even0, &odd0);
        add(v1, &even1, &odd1);
    }
    for (; i < n; i += 64) {
        __mmask64 mask = n - i >= 64 ? ~0ULL : (1ULL << (n - i)) - 1;
        __m512i v = _mm512_maskz_loadu_epi8(mask, src + i);

        if (copy) {
            _mm512_mask_storeu_epi8(dst + i, mask, v);
        }
        add(v, &even0, &odd0);
    }
    even0 = _mm512_add_epi64(_mm512_add_epi64(even0, odd0),
                             _mm512_add_epi64(even1, odd1));
    return _mm512_reduce_add_epi64(even0);
}

static uint32_t TARGET
copy_avx512(void *dst, const void *src, size_t n)
{
    return csum_copy_fold64(sum_avx512(true, dst, src, n));
}

static uint32_t TARGET
fold_avx512(const void *src, size_t n)
{
    return csum_copy_fold64(sum_avx512(false, NULL, src, n));
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
