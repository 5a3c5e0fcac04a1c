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

/* 32 bytes at a time. */

#define TARGET __attribute__((target("avx2")))

/* Adds the 32 bytes at 'ofs' to '*total' and '*high': csum-copy-impl.h. */
static inline void TARGET ALWAYS_INLINE
step(bool copy, uint8_t *dst, const uint8_t *src, size_t ofs, __m256i *total,
     __m256i *high)
{
    __m256i v = _mm256_loadu_si256((const void *) (src + ofs));

    if (copy) {
        _mm256_storeu_si256((void *) (dst + ofs), v);
    }
    *total = _mm256_add_epi64(*total, v);
    *high = _mm256_add_epi64(*high, _mm256_srli_epi64(v, 32));
}

/* Sums the 'n' bytes at 'src' and, if 'copy' is true, which the compiler must
 * know, copies them to 'dst', else ignores 'dst'.  Returns the sum in 64 bits,
 * not folded.  Two sums are kept at a time, so that an addition need not wait
 * for the one before. */
static inline uint64_t TARGET ALWAYS_INLINE
sum_avx2(bool copy, uint8_t *dst, const uint8_t *src, size_t n)
{
    __m256i total0 = _mm256_setzero_si256();
    __m256i high0 = total0;
    __m256i total1 = total0;
    __m256i high1 = total0;
    uint64_t lanes[4];
    uint64_t sum;
    size_t i = 0;

    for (; i + 64 <= n; i += 64) {
        step(copy, dst, src, i, &total0, &high0);
        step(copy, dst, src, i + 32, &total1, &high1);
    }
    if (i + 32 <= n) {
        step(copy, dst, src, i, &total0, &high0);
        i += 32;
    }
    total0 = _mm256_add_epi64(total0, total1);
    high0 = _mm256_add_epi64(high0, high1);
    total0 = _mm256_sub_epi64(_mm256_add_epi64(total0, high0),
                              _mm256_slli_epi64(high0, 32));
    _mm256_storeu_si256((void *) lanes, total0);
    sum = lanes[0] + lanes[1] + lanes[2] + lanes[3];

    return csum_copy_add(sum, csum_copy_plain(copy, copy ? dst + i : NULL,
                                              src + i, n - i));
}

/* Members of struct csum_copy_impl. */
static uint32_t TARGET
copy_avx2(void *dst, const void *src, size_t n)
{
    return csum_copy_fold64(sum_avx2(true, dst, src, n));
}

static uint32_t TARGET
fold_avx2(const void *src, size_t n)
{
    return csum_copy_fold64(sum_avx2(false, NULL, src, n));
}

static bool
usable_avx2(void)
{
    return __builtin_cpu_supports("avx2");
}

const struct csum_copy_impl csum_copy_avx2 = {
    "avx2", usable_avx2, copy_avx2, fold_avx2
};
#endif /* CSUM_COPY_X86 */
