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

#ifndef TNL_GSO_PROBES_H
#define TNL_GSO_PROBES_H 1

/* USDT probes of the stages, where Open vSwitch is configured with
 * --enable-usdt-probes: Documentation/ref/probes.rst has their arguments.
 *
 * Each has a counter of those that trace it, which they count up and down
 * (sys/sdt.h, "semaphores").  Arguments are evaluated only if it is not 0, so
 * a probe that nobody uses costs one comparison.
 *
 * Whatever includes this must not include usdt-probes.h before. */

#ifdef HAVE_USDT_PROBES
#define _SDT_HAS_SEMAPHORES 1
#endif
#include "openvswitch/usdt-probes.h"
#include "util.h"

#define TNL_GSO_PROBES \
    TNL_GSO_PROBE_NAME(describe)                \
    TNL_GSO_PROBE_NAME(plan)                    \
    TNL_GSO_PROBE_NAME(segment)                 \
    TNL_GSO_PROBE_NAME(merge)                   \
    TNL_GSO_PROBE_NAME(drop)

#ifdef HAVE_USDT_PROBES
#define TNL_GSO_PROBE_NAME(NAME) \
    extern unsigned short int tnl_gso_##NAME##_semaphore;
TNL_GSO_PROBES
#undef TNL_GSO_PROBE_NAME

#define TNL_GSO_PROBE(NAME, ...)                                        \
    do {                                                                \
        if (OVS_UNLIKELY(tnl_gso_##NAME##_semaphore)) {                 \
            OVS_USDT_PROBE(tnl_gso, NAME, __VA_ARGS__);                 \
        }                                                               \
    } while (0)
#else
/* What is an argument only counts as used, and is not evaluated. */
static inline void
tnl_gso_no_probe(int dummy OVS_UNUSED, ...)
{
}
#define TNL_GSO_PROBE(NAME, ...)                                        \
    do {                                                                \
        if (false) {                                                    \
            tnl_gso_no_probe(0, __VA_ARGS__);                           \
        }                                                               \
    } while (0)
#endif

#endif /* tnl-gso-probes.h */
