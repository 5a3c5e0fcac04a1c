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

#include "ovs-atomic.h"
#include "ovs-thread.h"
#include "util.h"

/* Counters of the fates of packets and frames of STT tunnels, in buckets by
 * thread: threads share no cache line per packet. */

struct bucket {
    atomic_ullong counts[STT_N_VERDICTS];
};

static struct ovsthread_stats buckets = { .mutex = OVS_MUTEX_INITIALIZER };

/* For ovsthread_stats_bucket_get(): a bucket of zeros. */
static void *
bucket_new(void)
{
    return xzalloc_cacheline(sizeof(struct bucket));
}

/* Counts 'verdict'.  Any thread may call this. */
void
stt_count(enum stt_verdict verdict)
{
    stt_count_n(verdict, 1);
}

/* Counts 'verdict' 'n' times.  Any thread may call this. */
void
stt_count_n(enum stt_verdict verdict, unsigned int n)
{
    struct bucket *b = ovsthread_stats_bucket_get(&buckets, bucket_new);
    unsigned long long orig;

    atomic_add_relaxed(&b->counts[verdict], n, &orig);
}

/* Sums up in 'counts' what all threads have counted since the start. */
void
stt_counts_get(unsigned long long counts[STT_N_VERDICTS])
{
    struct bucket *b;
    size_t i;

    for (size_t v = 0; v < STT_N_VERDICTS; v++) {
        counts[v] = 0;
    }
    OVSTHREAD_STATS_FOR_EACH_BUCKET (b, i, &buckets) {
        for (size_t v = 0; v < STT_N_VERDICTS; v++) {
            unsigned long long n;

            atomic_read_relaxed(&b->counts[v], &n);
            counts[v] += n;
        }
    }
}

/* Returns the name of 'verdict' in `stt/show`, in static memory. */
const char *
stt_verdict_to_string(enum stt_verdict verdict)
{
    switch (verdict) {
    case STT_WHOLE:
        return "whole";
    case STT_HELD:
        return "held";
    case STT_COMPLETE:
        return "complete";
    case STT_DROP_CSUM:
        return "bad_checksum";
    case STT_DROP_LENGTH:
        return "bad_length";
    case STT_DROP_DUPLICATE:
        return "duplicate";
    case STT_DROP_OVERLAP:
        return "overlap";
    case STT_DROP_HOLES:
        return "too_many_holes";
    case STT_DROP_MEMORY:
        return "no_memory";
    case STT_DROP_IP:
        return "bad_ip";
    case STT_DROP_TCP_HEADER:
        return "bad_tcp_header";
    case STT_DROP_VERSION:
        return "bad_version";
    case STT_DROP_OFFLOAD:
        return "bad_offload";
    case STT_DROP_MSS:
        return "small_mss";
    case STT_EXPIRED:
        return "expired";
    case STT_EVICTED_PEER:
        return "evicted_peer";
    case STT_EVICTED:
        return "evicted";
    case STT_N_VERDICTS:
    default:
        OVS_NOT_REACHED();
    }
}
