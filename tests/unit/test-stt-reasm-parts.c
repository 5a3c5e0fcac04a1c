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

#include "test-stt-reasm.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dp-packet.h"
#include "smap.h"
#include "test-tnl-gso.h"
#include "util.h"

/* What the tests of STT's reassembly share: parts of frames, and what has
 * become of them. */

long long int stt_now = 1000;   /* All tests'; it never goes back. */

enum { TIMEOUT = 30000, MSS = 100 };

/* Sets limits; a negative one is the default. */
void
stt_limits(long long int limit, long long int peer_limit)
{
    struct smap config = SMAP_INITIALIZER(&config);

    if (limit >= 0) {
        smap_add_format(&config, "stt-reasm-max-memory", "%lld", limit);
    }
    if (peer_limit >= 0) {
        smap_add_format(&config, "stt-reasm-max-memory-per-peer", "%lld",
                        peer_limit);
    }
    stt_reasm_set_config(&config);
    smap_destroy(&config);
}

struct stt_reasm_usage
stt_usage(void)
{
    struct stt_reasm_usage u;

    stt_reasm_usage_get(&u);
    return u;
}

unsigned long long
stt_counted(enum stt_verdict verdict)
{
    unsigned long long counts[STT_N_VERDICTS];

    stt_counts_get(counts);
    return counts[verdict];
}

/* All that is held expires.  Returns what is wrong then. */
char *
stt_empty(void)
{
    struct stt_reasm_usage u;
    char *error = NULL;

    stt_now += 10 * TIMEOUT;
    stt_reasm_run(stt_now);
    u = stt_usage();
    EXPECT(u.n_frames, 0);
    EXPECT(u.bytes, 0);
    EXPECT(u.n_peers, 0);
    return error;
}

/* Compares 'p', which is freed, with the whole of 'f'. */
char *
stt_compare(struct dp_packet *p, const struct ref_stt_frame *f)
{
    const uint8_t *data = p ? dp_packet_data(p) : NULL;
    uint8_t *expected = xmalloc(f->total);
    char *error = NULL;

    ref_stt_content(f, 0, f->total, expected);
    if (!p) {
        error = xstrdup("no frame");
    } else if (dp_packet_size(p) != f->total) {
        error = xasprintf("%u bytes, not %u", dp_packet_size(p), f->total);
    } else if (memcmp(data, expected, f->total)) {
        error = xstrdup("other bytes");
    } else if ((uintptr_t) data & 3) {
        error = xstrdup("not aligned");
    } else if (dp_packet_headroom(p) < MIN(128, (65535 - f->total) & ~3)) {
        error = xasprintf("headroom is %"PRIuSIZE, dp_packet_headroom(p));
    } else if (p->offloads || p->l4_ofs != UINT16_MAX
               || dp_packet_get_tso_segsz(p)) {
        error = xstrdup("has marks");
    } else {
        /* All of the room that it says it has is there. */
        memset(dp_packet_base(p), 0x5a, dp_packet_headroom(p));
        memset(dp_packet_tail(p), 0x5a, dp_packet_tailroom(p));
    }
    free(expected);
    dp_packet_delete(p);
    return error;
}

struct dp_packet *
stt_add(const struct stt_segment *s, enum stt_verdict *verdict, bool *ce)
{
    unsigned long long before[STT_N_VERDICTS];
    unsigned long long after[STT_N_VERDICTS];
    struct dp_packet *p;

    stt_counts_get(before);
    p = stt_reasm_add(s, stt_now, verdict, ce);
    stt_counts_get(after);
    ovs_assert(after[*verdict] == before[*verdict] + 1);
    ovs_assert(!p == (*verdict != STT_COMPLETE));
    return p;
}

/* Adds bytes [ofs, ofs + len) of 'f'.  A complete frame is stored in '*p'. */
enum stt_verdict
stt_add_changed(const struct ref_stt_frame *f, uint16_t ofs, uint16_t len,
                const struct stt_change *change, struct dp_packet **p,
                bool *ce)
{
    struct ref_stt_frame other = *f;
    uint8_t *payload = xmalloc(len ? len : 1);
    enum stt_verdict verdict;
    struct stt_segment s;
    struct dp_packet *q;

    other.generation += 1000 * change->other;
    if (change->total) {
        other.total = change->total;
    }
    ref_stt_segment(&other, ofs, len, change->bad, payload, &s);
    s.ce = change->ce;
    q = stt_add(&s, &verdict, ce);
    if (p) {
        *p = q;
    } else {
        dp_packet_delete(q);
    }
    free(payload);
    return verdict;
}

enum stt_verdict
stt_add_part(const struct ref_stt_frame *f, uint16_t ofs, uint16_t len,
             struct dp_packet **p)
{
    static const struct stt_change none = { .bad = false };
    bool ce;

    return stt_add_changed(f, ofs, len, &none, p, &ce);
}

/* Adds bytes [from, to) in parts of MSS bytes.  Returns the last verdict. */
enum stt_verdict
stt_add_range(const struct ref_stt_frame *f, uint16_t from, uint16_t to,
              struct dp_packet **p)
{
    enum stt_verdict verdict = STT_N_VERDICTS;

    for (uint32_t ofs = from; ofs < to; ofs += MSS) {
        verdict = stt_add_part(f, ofs, MIN(MSS, to - ofs), p);
    }
    return verdict;
}

/* Adds bytes [from, to), after which 'f' must be complete and right. */
char *
stt_complete(const struct ref_stt_frame *f, uint16_t from, uint16_t to)
{
    struct dp_packet *p = NULL;
    char *error = NULL;

    EXPECT(stt_add_range(f, from, to, &p), STT_COMPLETE);
    if (error) {
        dp_packet_delete(p);
        return error;
    }
    return stt_compare(p, f);
}
