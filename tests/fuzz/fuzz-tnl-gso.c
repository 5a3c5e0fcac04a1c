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

#include "tests/tnl-gso/unit/test-tnl-gso.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

/* libFuzzer target: any bytes as a superpacket with any marks, through
 * describe, plan, segment and finish (tests/run-fuzz).
 *
 * Besides what the sanitizers see, what comes out must be what the reference
 * makes of it; see cut_and_compare(). */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_header header;
    struct tnl_gso_caps caps;
    struct tnl_gso_plan plan;
    struct cut_job job;
    char *error;

    if (size <= sizeof header || size - sizeof header > UINT16_MAX) {
        return 0;
    }
    memcpy(&header, data, sizeof header);
    data += sizeof header;
    size -= sizeof header;

    job = (struct cut_job) {
        .ref = {
            .encap = (header.methods & FUZZ_GTPU ? REF_GTPU
                      : header.methods & FUZZ_IPIP ? REF_IPIP
                      : header.encap & 3),
            .udp = header.encap & FUZZ_UDP,
            .l4_done = header.encap & FUZZ_L4_DONE,
            .mss = ref_get16(header.mss),
        },
        .caps = header.encap & FUZZ_SPLIT ? NULL : &caps,
        .max_frame_len = ref_get16(header.max_frame_len),
    };
    job.ref.outer_csum = (header.encap & FUZZ_CSUM
                          && ref_over_udp(job.ref.encap));
    job.ref.rco = (header.encap & FUZZ_RCO && !job.ref.l4_done
                   && !(header.encap & FUZZ_SPLIT)
                   && (job.ref.encap == REF_VXLAN
                       || job.ref.encap == REF_GENEVE));
    caps = (struct tnl_gso_caps) {
        .ol_flags = fuzz_ol_flags(ref_get16(header.ol_flags)),
        .methods = header.methods & TNL_GSO_METHODS_ALL,
        .max_frame_len = (header.encap & FUZZ_MTU
                          ? ref_get16(header.max_frame_len) : 0),
    };
    if (!job.ref.mss) {
        /* Not a superpacket. */
        return 0;
    }

    error = cut_and_compare(data, size, &job, &plan);
    if (error) {
        fprintf(stderr, "%s: %s\n", tnl_gso_method_to_string(plan.method),
                error);
        abort();
    }
    return 0;
}
