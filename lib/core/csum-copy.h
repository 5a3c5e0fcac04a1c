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

#ifndef CSUM_COPY_H
#define CSUM_COPY_H 1

/* Copying and summing in one pass over the bytes: every TCP payload is read
 * once on its way from a superpacket to its segments.
 *
 * Called by the segment stage (tnl-gso-seg.c, tnl-gso-frames.c,
 * tnl-gso-train.c), by join (tnl-gro-join.c) and STT reassembly
 * (stt-frame.c) on arrival, and wherever the checksum of a whole packet or of
 * a header is computed.  Knows nothing about packets. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "csum.h"

/* Copies 'n' bytes from 'src' to 'dst', which must not overlap, and returns
 * their ones-complement sum (RFC 1071), folded to 16 bits, in the byte order
 * of the data.  An odd last byte counts as if a zero byte followed.
 *
 * The result suits csum_continue() and csum_finish() as 'partial'. */
uint32_t csum_copy(void *dst, const void *src, size_t n);

/* The same sum without the copy. */
uint32_t csum_fold(const void *src, size_t n);

/* The same as csum(), which is slow for more than a header. */
static inline ovs_be16
csum_fast(const void *src, size_t n)
{
    return csum_finish(csum_fold(src, n));
}

/* Ones-complement sum 'sum', folded to 16 bits: csum_finish() without the
 * complement, and inline, because every segment takes several. */
static inline uint16_t
csum_fold16(uint32_t sum)
{
    sum = (sum & UINT16_MAX) + (sum >> 16);
    return sum + (sum >> 16);
}

/* The same as csum_fold(), in 17 bits, for 'n' bytes that are too few for
 * vectors: a header. */
static inline uint32_t
csum_short(const void *p_, size_t n)
{
    const uint8_t *p = p_;
    uint64_t sum = 0;
    uint32_t word;
    uint16_t half = 0;

    for (; n >= sizeof word; p += sizeof word, n -= sizeof word) {
        memcpy(&word, p, sizeof word);
        sum += word;
    }
    if (n & 2) {
        memcpy(&half, p, sizeof half);
        sum += half;
    }
    if (n & 1) {
        half = 0;
        memcpy(&half, p + (n & 2), 1);
        sum += half;
    }
    sum = (sum & UINT32_MAX) + (sum >> 32);
    return (sum & UINT16_MAX) + (sum >> 16);
}

/* csum_short() of bytes ['start', 'end') of 'p', which must be few, too. */
static inline uint32_t
csum_range(const uint8_t *p, size_t start, size_t end)
{
    return csum_short(p + start, end - start);
}

/* One implementation of csum_copy() and csum_fold(). */
struct csum_copy_impl {
    const char *name;
    bool (*usable)(void);       /* Does this CPU have the instructions? */
    uint32_t (*copy)(void *dst, const void *src, size_t n);
    uint32_t (*fold)(const void *src, size_t n);
};

const struct csum_copy_impl *const *csum_copy_impls(size_t *n);
const struct csum_copy_impl *csum_copy_impl(void);
bool csum_copy_force(const char *name);

#endif /* csum-copy.h */
