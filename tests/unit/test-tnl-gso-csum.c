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
#undef NDEBUG

#include "test-tnl-gso.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "tnl-gso-pkt.h"
#include "tnl-gso/core/csum-copy.h"
#include "util.h"

/* Copy and checksum in one pass: each implementation that this CPU can run,
 * against a sum of byte after byte.
 *
 * Must not use Open vSwitch's csum.c. */

enum { MAX_LEN = 9001, MAX_ALIGN = 64, GUARD = 64, GUARD_BYTE = 0xa5 };

/* 'src' and 'dst' + GUARD begin at a cache line, so that what is added to them
 * is the alignment. */
struct buffers {
    uint8_t *src;               /* MAX_LEN + MAX_ALIGN. */
    uint8_t *dst;               /* The same between two guards. */

    /* Sums of the first 0, 1, ... MAX_LEN + MAX_ALIGN bytes of 'src', not
     * folded, where the high bytes are those at even offsets and those at odd
     * offsets. */
    uint32_t *sums[2];
};

/* The sum, not its complement, with the bytes in memory as on the wire. */
static uint32_t
expected_sum(const uint8_t *p, size_t n)
{
    return htons((uint16_t) ~ref_csum(p, n));
}

/* Sets 'b->sums', byte after byte. */
static void
set_sums(struct buffers *b)
{
    for (size_t odd = 0; odd < 2; odd++) {
        b->sums[odd][0] = 0;
        for (size_t i = 0; i < MAX_LEN + MAX_ALIGN; i++) {
            bool high = i % 2 == odd;

            b->sums[odd][i + 1] = (b->sums[odd][i]
                                   + (high ? b->src[i] << 8 : b->src[i]));
        }
    }
}

/* expected_sum() of the 'n' bytes at 'ofs' of 'b->src': what all up to their
 * end have more than those in front of them. */
static uint32_t
difference(const struct buffers *b, size_t ofs, size_t n)
{
    const uint32_t *sums = b->sums[ofs % 2];
    uint32_t sum = sums[ofs + n] - sums[ofs];

    while (sum > UINT16_MAX) {
        sum = (sum & UINT16_MAX) + (sum >> 16);
    }
    return htons(sum);
}

/* Sets 'b->sums', and compares what the other tests take from it, each length
 * at an even and at an odd offset. */
static void
test_sums(struct buffers *b, const char *fill)
{
    char *error = NULL;

    set_sums(b);
    for (size_t n = 0; n <= MAX_LEN && !error; n++) {
        for (size_t odd = 0; odd < 2 && !error; odd++) {
            size_t ofs = (n * 2 + odd) % MAX_ALIGN;

            if (difference(b, ofs, n) != expected_sum(b->src + ofs, n)) {
                error = xasprintf("%"PRIuSIZE" bytes at %"PRIuSIZE, n, ofs);
            }
        }
    }
    test_case(error, "csum reference, %s", fill);
}

static bool
guard_is_intact(const uint8_t *p)
{
    uint8_t guard[GUARD];

    memset(guard, GUARD_BYTE, sizeof guard);
    return !memcmp(p, guard, sizeof guard);
}

/* Compares with 'expected', the sum of the 'n' bytes at 'src'; returns what is
 * wrong. */
static const char *
check(const struct csum_copy_impl *impl, const struct buffers *b,
      size_t src_align, size_t dst_align, size_t n, uint32_t expected)
{
    const uint8_t *src = b->src + src_align;
    uint8_t *dst = b->dst + GUARD + dst_align;

    memset(dst - GUARD, GUARD_BYTE, n + 2 * GUARD);
    if (impl->copy(dst, src, n) != expected) {
        return "copy: wrong sum";
    }
    if (memcmp(dst, src, n)) {
        return "copy: wrong bytes";
    }
    if (!guard_is_intact(dst - GUARD) || !guard_is_intact(dst + n)) {
        return "copy: wrote beyond the buffer";
    }
    if (impl->fold(src, n) != expected) {
        return "fold: wrong sum";
    }
    return NULL;
}

/* The same, from one alignment to another, with the sum that is right. */
static char *
check_pair(const struct csum_copy_impl *impl, const struct buffers *b,
           size_t src_align, size_t dst_align, size_t n)
{
    const char *error = check(impl, b, src_align, dst_align, n,
                              difference(b, src_align, n));

    return error ? xasprintf("%s, alignments %"PRIuSIZE" and %"PRIuSIZE,
                             error, src_align, dst_align) : NULL;
}

/* Every length with every alignment of the source and with every alignment of
 * the destination.
 *
 * The other side's alignment takes all 64 values, too.  The length is added to
 * it, so that any 64 lengths in a row meet all pairs, or twice the length, so
 * that each length has pairs of the same alignment. */
static void
test_lengths(const struct csum_copy_impl *impl, const struct buffers *b,
             const char *fill)
{
    for (size_t n = 0; n <= MAX_LEN; n++) {
        char *error = NULL;

        for (size_t i = 0; i < MAX_ALIGN && !error; i++) {
            error = check_pair(impl, b, i, (i * 7 + n) % MAX_ALIGN, n);
            if (!error) {
                error = check_pair(impl, b, (i * 7 + n * 2) % MAX_ALIGN, i, n);
            }
        }
        test_case(error, "csum %s, %s, %"PRIuSIZE" bytes",
                  impl->name, fill, n);
    }
}

/* Every pair of alignments for short lengths. */
static void
test_alignments(const struct csum_copy_impl *impl, const struct buffers *b,
                const char *fill)
{
    for (size_t n = 0; n <= 300; n++) {
        char *error = NULL;

        for (size_t i = 0; i < MAX_ALIGN * MAX_ALIGN && !error; i++) {
            error = check_pair(impl, b, i / MAX_ALIGN, i % MAX_ALIGN, n);
        }
        test_case(error, "csum %s, %s, %"PRIuSIZE" bytes, every alignment",
                  impl->name, fill, n);
    }
}

/* Buffers of the exact size, for tools that see what is read beyond. */
static void
test_exact(const struct csum_copy_impl *impl)
{
    for (size_t n = 1; n <= 600; n++) {
        struct pkt_rng rng = { n };
        uint8_t *src = xmalloc(n);
        uint8_t *dst = xmalloc(n);
        char *error = NULL;
        uint32_t expected;

        for (size_t i = 0; i < n; i++) {
            src[i] = pkt_rand(&rng);
        }
        expected = expected_sum(src, n);
        if (impl->copy(dst, src, n) != expected || memcmp(dst, src, n)
            || impl->fold(src, n) != expected) {
            error = xstrdup("wrong sum or bytes");
        }
        test_case(error, "csum %s, exactly %"PRIuSIZE" bytes", impl->name, n);
        free(src);
        free(dst);
    }
}

/* Up to the longest packet, for carries that overflow only then. */
static void
test_long(const struct csum_copy_impl *impl)
{
    static const size_t lens[] = { 32768, 65534, 65535 };

    for (size_t i = 0; i < 2 * ARRAY_SIZE(lens); i++) {
        int byte = i % 2 ? 0xff : 0;
        size_t n = lens[i / 2];
        struct buffers b = {
            .src = xmalloc(n),
            .dst = xmalloc(n + 2 * GUARD),
        };
        const char *error;

        memset(b.src, byte, n);
        error = check(impl, &b, 0, 0, n, expected_sum(b.src, n));
        test_case(error ? xstrdup(error) : NULL,
                  "csum %s, %"PRIuSIZE" bytes of %#x", impl->name, n, byte);
        free(b.src);
        free(b.dst);
    }
}

static void
test_impl(const struct csum_copy_impl *impl)
{
    enum { LEN = MAX_LEN + MAX_ALIGN };
    struct buffers b = {
        .src = xmalloc_cacheline(LEN),
        .dst = xmalloc_cacheline(LEN + 2 * GUARD),
        .sums = {
            xmalloc((LEN + 1) * sizeof *b.sums[0]),
            xmalloc((LEN + 1) * sizeof *b.sums[1]),
        },
    };
    struct pkt_rng rng = { 1 };

    for (size_t i = 0; i < LEN; i++) {
        b.src[i] = pkt_rand(&rng);
    }
    test_sums(&b, "random");
    test_lengths(impl, &b, "random");
    test_alignments(impl, &b, "random");

    memset(b.src, 0xff, LEN);
    test_sums(&b, "ones");
    test_lengths(impl, &b, "ones");
    test_alignments(impl, &b, "ones");

    memset(b.src, 0, LEN);
    test_sums(&b, "zeros");
    test_alignments(impl, &b, "zeros");

    test_exact(impl);
    test_long(impl);
    free_cacheline(b.src);
    free_cacheline(b.dst);
    free(b.sums[0]);
    free(b.sums[1]);
}

/* Choosing one by name, and what callers then get. */
static void
test_force(const struct csum_copy_impl *impl)
{
    const struct csum_copy_impl *old = csum_copy_impl();
    uint8_t src[77], dst[77];
    char *error = NULL;

    for (size_t i = 0; i < sizeof src; i++) {
        src[i] = i * 13;
    }
    if (!csum_copy_force(impl->name)) {
        error = xstrdup("refused");
    } else if (csum_copy_impl() != impl) {
        error = xstrdup("not chosen");
    } else if (csum_copy(dst, src, sizeof src)
               != expected_sum(src, sizeof src)
               || csum_fold(src, sizeof src) != expected_sum(src, sizeof src)
               || memcmp(dst, src, sizeof src)) {
        error = xstrdup("wrong sum or bytes");
    }
    if (!csum_copy_force(NULL) || csum_copy_impl() != old) {
        free(error);
        error = xstrdup("the best one is not back");
    }
    test_case(error, "csum force %s", impl->name);
}

void
test_csum(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    const struct csum_copy_impl *const *impls;
    size_t n;

    impls = csum_copy_impls(&n);
    for (size_t i = 0; i < n; i++) {
        if (!impls[i]->usable()) {
            printf("csum %s: skipped, this CPU cannot run it\n",
                   impls[i]->name);
            test_case(csum_copy_force(impls[i]->name)
                      ? xstrdup("accepted on a CPU that cannot run it")
                      : NULL, "csum force %s", impls[i]->name);
            continue;
        }
        test_impl(impls[i]);
        test_force(impls[i]);
    }
    test_case(csum_copy_force("no such implementation")
              ? xstrdup("accepted") : NULL, "csum force an unknown name");
    test_case(n ? NULL : xstrdup("there is none"), "csum implementations");
}
