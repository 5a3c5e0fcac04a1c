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

#include "tests/tnl-gso/unit/stt-lifecycle.h"

#include <stdio.h>
#include <stdlib.h>

#include "util.h"

/* libFuzzer target: any packets in the life of STT tunnels (tests/run-fuzz);
 * what is judged is in stt-lifecycle.c. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
print_stats(void)
{
    const struct stt_lifecycle_stats *s = &stt_lifecycle_stats;

    printf("popped %llu, held %llu, out %llu, pushed %llu, returned %llu, "
           "sent %llu\n", s->popped, s->held, s->out, s->pushed, s->returned,
           s->sent);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool once;

    if (!once) {
        once = true;
        atexit(print_stats);
    }
    stt_lifecycle_run(data, size);
    return 0;
}
