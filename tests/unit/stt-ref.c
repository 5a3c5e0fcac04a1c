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

#include "stt-ref.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/list.h"
#include "util.h"

enum { MAX_RUNS = 62, MIN_TOTAL = 18 };

struct map {
    struct ovs_list node;
    struct in6_addr src, dst;
    uint32_t id;
    uint32_t total;
    long long int first;
    bool ce;
    bool have[UINT16_MAX];
    uint8_t bytes[UINT16_MAX];
};

struct ref_stt {
    struct ovs_list maps;
    unsigned int timeout;
};

static uint64_t
mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

void
ref_stt_content(const struct ref_stt_frame *f, uint16_t ofs, size_t len,
                uint8_t *dst)
{
    uint64_t seed = mix(((uint64_t) f->src << 48 | (uint64_t) f->dst << 32
                         | f->id) + mix(f->generation));

    uint64_t word = mix(seed + ofs / 8);

    for (size_t i = 0; i < len; i++) {
        size_t at = ofs + i;

        if (at % 8 == 0) {
            word = mix(seed + at / 8);
        }
        dst[i] = word >> at % 8 * 8;
    }
}

static void
set_address(struct in6_addr *a, unsigned int n, bool v6)
{
    static const uint8_t mapped[12] = { [10] = 0xff, 0xff };
    static const uint8_t global[12] = { 0x20, 0x01, 0x0d, 0xb8 };

    memcpy(a->s6_addr, v6 ? global : mapped, 12);
    a->s6_addr[12] = 10;
    a->s6_addr[13] = n >> 16;
    a->s6_addr[14] = n >> 8;
    a->s6_addr[15] = n;
}

/* The sum of bytes as csum_continue() gives it: in their own order. */
static uint32_t
sum_bytes(const uint8_t *p, size_t n)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++) {
        uint8_t pair[2] = { 0, 0 };
        uint16_t word;

        pair[i & 1] = p[i];
        memcpy(&word, pair, sizeof word);
        sum += word;
    }
    while (sum > UINT16_MAX) {
        sum = (sum & UINT16_MAX) + (sum >> 16);
    }
    return sum;
}

static bool
is_good(const struct stt_segment *s)
{
    uint64_t sum = (uint64_t) s->csum + sum_bytes(s->payload, s->len);

    while (sum > UINT16_MAX) {
        sum = (sum & UINT16_MAX) + (sum >> 16);
    }
    return sum == UINT16_MAX;
}

void
ref_stt_settle(struct stt_segment *s, bool bad)
{
    uint32_t headers = (sum_bytes((const uint8_t *) &s->src, 16)
                        + sum_bytes((const uint8_t *) &s->dst, 16)
                        + sum_bytes((const uint8_t *) &s->frame_id, 4)
                        + s->total + s->ofs);
    uint32_t sum = headers + sum_bytes(s->payload, s->len);

    while (sum > UINT16_MAX) {
        sum = (sum & UINT16_MAX) + (sum >> 16);
    }
    s->check = true;
    s->csum = headers + (uint16_t) ~sum + bad;
}

void
ref_stt_segment(const struct ref_stt_frame *f, uint16_t ofs, uint16_t len,
                bool bad, uint8_t *payload, struct stt_segment *s)
{
    *s = (struct stt_segment) {
        .frame_id = htonl(f->id),
        .total = f->total,
        .ofs = ofs,
        .payload = payload,
        .len = len,
    };
    set_address(&s->src, f->src, f->src & 1);
    set_address(&s->dst, f->dst, f->src & 1);
    ref_stt_content(f, ofs, len, payload);
    ref_stt_settle(s, bad);
}

struct ref_stt *
ref_stt_create(unsigned int timeout)
{
    struct ref_stt *ref = xmalloc(sizeof *ref);

    ovs_list_init(&ref->maps);
    ref->timeout = timeout;
    return ref;
}

static void
map_free(struct map *map)
{
    ovs_list_remove(&map->node);
    free(map);
}

void
ref_stt_destroy(struct ref_stt *ref)
{
    struct map *map;

    LIST_FOR_EACH_SAFE (map, node, &ref->maps) {
        map_free(map);
    }
    free(ref);
}

size_t
ref_stt_count(const struct ref_stt *ref)
{
    return ovs_list_size(&ref->maps);
}

/* Returns the number of frames that have expired. */
size_t
ref_stt_expire(struct ref_stt *ref, long long int now)
{
    struct map *map;
    size_t n = 0;

    LIST_FOR_EACH_SAFE (map, node, &ref->maps) {
        if (now - map->first >= ref->timeout) {
            map_free(map);
            n++;
        }
    }
    return n;
}

static struct map *
map_get(struct ref_stt *ref, const struct stt_segment *s, long long int now)
{
    struct map *map;

    LIST_FOR_EACH (map, node, &ref->maps) {
        if (!memcmp(&map->src, &s->src, 16) && !memcmp(&map->dst, &s->dst, 16)
            && map->id == ntohl(s->frame_id) && map->total == s->total) {
            if (now - map->first < ref->timeout) {
                return map;
            }
            map_free(map);
            break;
        }
    }
    map = xzalloc(sizeof *map);
    map->src = s->src;
    map->dst = s->dst;
    map->id = ntohl(s->frame_id);
    map->total = s->total;
    map->first = now;
    ovs_list_push_back(&ref->maps, &map->node);
    return map;
}

static enum stt_verdict
map_store(struct map *map, const struct stt_segment *s)
{
    uint32_t end = (uint32_t) s->ofs + s->len;
    uint32_t n_there = 0;
    uint32_t missing = 0;
    uint32_t runs = 0;

    for (uint32_t i = s->ofs; i < end; i++) {
        n_there += map->have[i];
    }
    if (n_there) {
        return n_there == s->len ? STT_DROP_DUPLICATE : STT_DROP_OVERLAP;
    }
    for (uint32_t i = s->ofs; i < end; i++) {
        map->have[i] = true;
    }
    for (uint32_t i = 0; i < map->total; i++) {
        missing += !map->have[i];
        runs += map->have[i] && (!i || !map->have[i - 1]);
    }
    if (runs > MAX_RUNS) {
        for (uint32_t i = s->ofs; i < end; i++) {
            map->have[i] = false;
        }
        return STT_DROP_HOLES;
    }
    memcpy(map->bytes + s->ofs, s->payload, s->len);
    map->ce = map->ce || s->ce;
    return missing ? STT_HELD : STT_COMPLETE;
}

/* What stt_reasm_add() is to do; the frame is for the caller to free. */
uint8_t *
ref_stt_add(struct ref_stt *ref, const struct stt_segment *s,
            long long int now, enum stt_verdict *verdict, bool *ce)
{
    uint8_t *frame = NULL;
    struct map *map;

    if (s->check && !is_good(s)) {
        *verdict = STT_DROP_CSUM;
    } else if (!s->len || s->total < MIN_TOTAL
               || (uint32_t) s->ofs + s->len > s->total) {
        *verdict = STT_DROP_LENGTH;
    } else {
        map = map_get(ref, s, now);
        *verdict = map_store(map, s);
        if (*verdict == STT_COMPLETE) {
            *ce = map->ce;
            frame = xmemdup(map->bytes, map->total);
            map_free(map);
        }
    }
    return frame;
}
