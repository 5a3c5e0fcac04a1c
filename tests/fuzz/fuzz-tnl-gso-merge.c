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

#include "openvswitch/dynamic-string.h"
#include "tests/tnl-gso/unit/tnl-gso-train.h"
#include "tnl-gso/stages/tnl-gso-desc.h"
#include "util.h"

/* libFuzzer target: any bytes as a train for a VXLAN or Geneve tunnel
 * (tests/run-fuzz).
 *
 * Besides what the sanitizers see, no byte may be lost or moved, and what has
 * been merged must be what the reference cuts into the same units; see
 * train_merge_and_judge(). */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Makes all inner checksums in 't' right: the fuzzer would not find them. */
static void
settle(struct train *t)
{
    size_t payload = t->l4 + 8;
    size_t n = DIV_ROUND_UP(t->len - payload, t->unit_len);

    for (size_t i = 0; i < n; i++) {
        struct ref_frame unit = train_unit(t, i);
        struct ref_frame frame = { xmemdup(t->data, t->len), unit.len };
        struct ref_layout l;

        memcpy(frame.data + payload, unit.data + payload, unit.len - payload);
        if (!ref_parse(frame.data, frame.len, t->encap, &l)) {
            train_settle_unit(&unit, &l);
        }
        free(frame.data);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_train_header header;
    struct ds runs = DS_EMPTY_INITIALIZER;
    uint16_t unit_len;
    struct train t;
    char *error;

    if (size <= sizeof header || size > 65000) {
        return 0;
    }
    memcpy(&header, data, sizeof header);
    data += sizeof header;
    size -= sizeof header;
    unit_len = ref_get16(header.unit_len);
    if (!unit_len || unit_len >= size
        || DIV_ROUND_UP(size, unit_len) > TNL_GSO_MAX_SEGS) {
        /* Not a train, or refused. */
        return 0;
    }

    train_wrap(&t, header.flags & FUZZ_TRAIN_GENEVE ? REF_GENEVE : REF_VXLAN,
               header.flags & FUZZ_TRAIN_IPV6 ? 6 : 4, unit_len, data, size);
    if (header.flags & FUZZ_TRAIN_SETTLE) {
        settle(&t);
    }
    error = train_merge_and_judge(&t, &runs);
    if (error) {
        fprintf(stderr, "%s: %s\n", ds_cstr(&runs), error);
        abort();
    }
    ds_destroy(&runs);
    train_destroy(&t);
    return 0;
}
