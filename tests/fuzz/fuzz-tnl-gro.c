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
#include "tests/tnl-gso/unit/tnl-gro-list.h"
#include "util.h"

/* libFuzzer target: any bytes as a list of packets, some of them in trains,
 * for a tunnel or without one (tests/run-fuzz).
 *
 * Besides what the sanitizers see, no packet may be lost or moved within its
 * flow, and what has been merged must be what the reference cuts into the same
 * packets; see tnl-gro-list.h. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Makes 'frame', a copy of that of 'from', what follows it in its flow. */
static void
advance(const struct gro_list *list, const struct gro_item *from,
        uint8_t *frame)
{
    struct ref_layout l;

    if (!ref_parse(frame, from->len, list->encap, &l) && !ref_is_udp(&l)) {
        uint8_t *seq = frame + l.inner.l4 + 4;
        uint8_t *id = frame + l.inner.ofs + 4;

        ref_put32(seq, ref_get32(seq) + from->len - l.payload);
        if (l.inner.version == 4) {
            ref_put16(id, ref_get16(id) + 1);
        }
    }
}

/* Reads a packet at '*pos' of the 'size' bytes of 'data' and adds it to
 * 'list'.  Returns false at the end. */
static bool
add_item(struct gro_list *list, const uint8_t *data, size_t size, size_t *pos)
{
    const struct gro_item *last = list->n ? &list->v[list->n - 1] : NULL;
    struct fuzz_gro_item header;
    struct gro_item *item;
    struct ref_layout l;
    uint8_t *frame;
    size_t len;

    if (*pos + sizeof header > size || list->n == GRO_MAX_ITEMS) {
        return false;
    }
    memcpy(&header, data + *pos, sizeof header);
    *pos += sizeof header;
    len = MIN(ref_get16(header.len), size - *pos);
    data += *pos;
    *pos += len;

    if (header.flags & FUZZ_GRO_AGAIN && last) {
        frame = xmemdup(last->data, MAX(last->len, 1));
        for (size_t i = 0; i + 3 <= len; i += 3) {
            size_t ofs = ref_get16(data + i);

            if (ofs < last->len) {
                frame[ofs] ^= data[i + 2];
            }
        }
        advance(list, last, frame);
        len = last->len;
    } else {
        frame = xmalloc(MAX(len, 1));
        memcpy(frame, data, len);
    }
    ref_parse(frame, len, list->encap, &l);
    item = gro_list_insert(list, list->n, frame, len, &l, 0);
    if (header.flags & FUZZ_GRO_SETTLE) {
        gro_item_settle(list, item);
    }
    item->mss = header.flags & FUZZ_GRO_SUPER ? 100 : 0;
    item->in_port = header.flags & FUZZ_GRO_PORT ? 1 : 0;
    return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct gro_list list;
    bool joins[GRO_MAX_ITEMS] = { false };
    struct fuzz_gro_header header;
    struct gro_result r;
    struct pkt_rng rng;
    size_t pos = sizeof header;
    char *error;

    if (size < sizeof header) {
        return 0;
    }
    memcpy(&header, data, sizeof header);
    gro_list_init(&list, header.flags & 3);
    list.any = true;
    list.trains_only = header.flags & FUZZ_GRO_TRAINS_ONLY;
    for (size_t start = pos; add_item(&list, data, size, &pos); start = pos) {
        joins[list.n - 1] = data[start] & FUZZ_GRO_TRAIN;
    }
    for (size_t end = list.n; end > 0;) {
        size_t i = end - 1;

        while (i > 0 && joins[i]) {
            i--;
        }
        gro_list_merge_train(&list, i, end - i);
        end = i;
    }

    rng.state = header.marks;
    gro_list_finish(&list, header.marks ? &rng : NULL);
    error = gro_list_merge_and_judge(&list, &r, NULL, NULL);
    if (error) {
        struct ds ds = DS_EMPTY_INITIALIZER;

        gro_list_format(&list, &ds);
        fprintf(stderr, "%s: %s\n", ds_cstr(&ds), error);
        abort();
    }
    gro_list_destroy(&list);
    return 0;
}
