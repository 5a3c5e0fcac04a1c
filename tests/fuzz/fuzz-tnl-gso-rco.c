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

#include "tnl-gso/core/tnl-gso-port.h"
#include "util.h"

/* libFuzzer target: any bytes as a tunnelled frame, of VXLAN or Geneve, that
 * may have a remote checksum (tests/run-fuzz).
 *
 * Besides what the sanitizers see, what is accepted must be where the
 * reference finds it, and what is right must be accepted; see
 * rco_pop_and_judge(). */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Makes the outer headers of 'frame' what upstream's parser and its lookup of
 * tunnels have found: UDP, no fragment, to the port of a tunnel. */
static void
set_outer(uint8_t *frame, enum ref_encap encap)
{
    bool ipv4 = frame[14] == 0x45;

    ref_put16(frame + 12, ipv4 ? 0x0800 : 0x86dd);
    if (ipv4) {
        ref_put16(frame + 20, 0);
    }
    frame[ipv4 ? 23 : 20] = 17;
    ref_put16(frame + (ipv4 ? 34 : 54) + 2,
              encap == REF_VXLAN ? 4789 : 6081);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rco_tunnels tunnels;
    enum ref_encap encap;
    bool accepted;
    uint8_t *frame;
    char *error;

    if (!tunnels.rx) {
        rco_open_tunnels(&tunnels, true);
    }
    /* Upstream's parser has found the outer headers. */
    if (size < 1 + 70 || size > UINT16_MAX
        || (data[15] != 0x45 && data[15] >> 4 != 6)) {
        return 0;
    }
    encap = data[0] & 1 ? REF_VXLAN : REF_GENEVE;
    frame = xmemdup(data + 1, size - 1);
    set_outer(frame, encap);
    error = rco_pop_and_judge(&tunnels, frame, size - 1, encap, &accepted);
    if (error) {
        fprintf(stderr, "%s\n", error);
        abort();
    }
    free(frame);
    return 0;
}
