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
#include "tnl-gso/csum-copy.h"
#include "util.h"

/* Copy and checksum in one pass: each implementation that this CPU can run,
 * against a sum of byte after byte.
 *
 * Must not use Open vSwitch's csum.c. */

enum { MAX_LEN = 9001, MAX_ALIGN = 64, GUARD = 64, GUARD_BYTE = 0xa5 };

struct buffers {
    uint8_t *src;               /* MAX_LEN + MAX_ALIGN, at any alignment. */
    uint8_t *dst;               /* The same between two guards. */
};

/* The sum, not its complement, with the bytes in memory as on the wire. */
static uint32_t
expected_sum(const uint8_t *p, size_t n)
{
    return htons((uint16_t) ~ref_csum(p, n));
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
    for (size_t i = 0; i < GUARD; i++) {
        if (dst[n + i] != GUARD_BYTE || dst[-1 - (int) i] != GUARD_BYTE) {
            return "copy: wrote beyond the buffer";
        }
    }
    if (impl->fold(src, n) != expected) {
        return "fold: wrong sum";
    }
    return NULL;
}

static void
test_lengths(const struct csum_copy_impl *impl, const struct buffers *b,
             const char *fill)
{
    /* Every length, alignments in strides that meet all of them. */
    for (size_t n = 0; n <= MAX_LEN; n++) {
        const char *error = NULL;

        for (size_t i = 0; i < 3 && !error; i++) {
            size_t src_align = (n * 7 + i * 29) % MAX_ALIGN;
            size_t dst_align = (n * 11 + i * 37) % MAX_ALIGN;

            error = check(impl, b, src_align, dst_align, n,
                          expected_sum(b->src + src_align, n));
        }
        test_case(error ? xstrdup(error) : NULL,
                  "csum %s, %s, %"PRIuSIZE" bytes", impl->name, fill, n);
    }
}

/* Every alignment of either side for short lengths. */
static void
test_alignments(const struct csum_copy_impl *impl, const struct buffers *b,
                const char *fill)
{
    for (size_t n = 0; n <= 300; n++) {
        const char *error = NULL;

        for (size_t i = 0; i < MAX_ALIGN * MAX_ALIGN && !error; i++) {
            size_t src_align = i / MAX_ALIGN;
            size_t dst_align = i % MAX_ALIGN;

            error = check(impl, b, src_align, dst_align, n,
                          expected_sum(b->src + src_align, n));
        }
        test_case(error ? xstrdup(error) : NULL,
                  "csum %s, %s, %"PRIuSIZE" bytes, every alignment",
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
    struct buffers b = {
        .src = xmalloc(MAX_LEN + MAX_ALIGN),
        .dst = xmalloc(MAX_LEN + MAX_ALIGN + 2 * GUARD),
    };
    struct pkt_rng rng = { 1 };

    for (size_t i = 0; i < MAX_LEN + MAX_ALIGN; i++) {
        b.src[i] = pkt_rand(&rng);
    }
    test_lengths(impl, &b, "random");
    test_alignments(impl, &b, "random");

    memset(b.src, 0xff, MAX_LEN + MAX_ALIGN);
    test_lengths(impl, &b, "ones");
    test_alignments(impl, &b, "ones");

    memset(b.src, 0, MAX_LEN + MAX_ALIGN);
    test_alignments(impl, &b, "zeros");

    test_exact(impl);
    test_long(impl);
    free(b.src);
    free(b.dst);
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
