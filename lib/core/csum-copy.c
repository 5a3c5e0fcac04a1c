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

#include "core/csum-copy.h"

#include <string.h>

#include "core/csum-copy-impl.h"
#include "openvswitch/vlog.h"
#include "ovs-atomic.h"
#include "ovs-thread.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(csum_copy);

/* Members of struct csum_copy_impl: for any CPU. */
static uint32_t
copy_plain(void *dst, const void *src, size_t n)
{
    return csum_copy_fold64(csum_copy_plain(true, dst, src, n));
}

static uint32_t
fold_plain(const void *src, size_t n)
{
    return csum_copy_fold64(csum_copy_plain(false, NULL, src, n));
}

static bool
usable_plain(void)
{
    return true;
}

static const struct csum_copy_impl csum_copy_plain_impl = {
    "plain", usable_plain, copy_plain, fold_plain
};

/* Best first. */
static const struct csum_copy_impl *const impls[] = {
#ifdef CSUM_COPY_X86
    &csum_copy_avx512,
    &csum_copy_avx2,
#endif
    &csum_copy_plain_impl,
};

static ATOMIC(const struct csum_copy_impl *) current;

/* All implementations, '*n' of them, those that this CPU lacks included. */
const struct csum_copy_impl *const *
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
        size_t i = 0;

        while (!impls[i]->usable()) {
            i++;
        }
        impl = impls[i];
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
        if (!strcmp(impls[i]->name, name) && impls[i]->usable()) {
            impl = impls[i];
        }
    }
    if (name && !impl) {
        return false;
    }
    atomic_store_relaxed(&current, impl);
    return true;
}

/* See csum-copy.h. */
uint32_t
csum_copy(void *dst, const void *src, size_t n)
{
    return csum_copy_impl()->copy(dst, src, n);
}

/* See csum-copy.h. */
uint32_t
csum_fold(const void *src, size_t n)
{
    return csum_copy_impl()->fold(src, n);
}
