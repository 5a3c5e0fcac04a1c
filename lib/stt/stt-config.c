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

#include "stt/stt-reasm.h"

#include "openvswitch/vlog.h"
#include "smap.h"
#include "util.h"

/* The configuration of STT reassembly in the database.
 *
 * Called by the main thread only, when there is a datapath in userspace and
 * whenever the database has changed. */

VLOG_DEFINE_THIS_MODULE(stt_config);

/* Returns the number at 'key' in 'config', or 'def' if there is none.  One
 * that is not between 'min' and 'max' is logged and ignored. */
static long long int
get_number(const struct smap *config, const char *key, long long int min,
           long long int max, long long int def)
{
    const char *s = smap_get(config, key);
    long long int n;

    if (!s) {
        return def;
    } else if (!str_to_llong(s, 10, &n) || n < min || n > max) {
        VLOG_WARN("other_config:%s: ignoring \"%s\", which is not a number "
                  "from %lld to %lld", key, s, min, max);
        return def;
    }
    return n;
}

/* Applies the keys in Open_vSwitch other_config 'config' that concern
 * reassembly. */
void
stt_reasm_set_config(const struct smap *config)
{
    long long int max = MIN(SIZE_MAX / 2, LLONG_MAX);

    stt_reasm_set_limits(
        get_number(config, "stt-reasm-max-memory", 0, max,
                   STT_REASM_DEF_LIMIT),
        get_number(config, "stt-reasm-max-memory-per-peer", 0, max,
                   STT_REASM_DEF_PEER_LIMIT),
        get_number(config, "stt-reasm-timeout", 1, INT_MAX,
                   STT_REASM_DEF_TIMEOUT));
}
