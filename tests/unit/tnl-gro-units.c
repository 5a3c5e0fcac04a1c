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

#include "tnl-gro-list.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

/* The units in lists, and their flows: see tnl-gro-list.h.
 *
 * A flow is addresses and TCP ports.  Nothing of any flow may be moved across
 * what cannot be read: it might belong to it. */

enum { KEY_LEN = 37 };
enum { FLOW_NONE = -1, FLOW_ANY = -2 };

/* Flows, in the order in which they are met. */
struct flows {
    uint8_t keys[GRO_MAX_UNITS][KEY_LEN];
    int n;
};

/* The flow of the packet of 'len' bytes at 'f'. */
static int
flow_of(struct flows *flows, enum ref_encap encap, const uint8_t *f,
        size_t len)
{
    uint8_t key[KEY_LEN] = { 0 };
    const struct ref_l3 *l3;
    struct ref_layout l;
    const char *error;

    error = ref_parse(f, len, encap, &l);
    l3 = &l.inner;
    if (!l3->version || l3->proto != 6 || l3->l4 + 4 > len) {
        return (!error || !strcmp(error, "Ethertype is not IP")
                || !strcmp(error, "neither TCP nor UDP")
                || !strncmp(error, "UDP ", 4) ? FLOW_NONE : FLOW_ANY);
    }
    key[0] = l3->version;
    if (l3->version == 4) {
        memcpy(key + 1, f + l3->ofs + 12, 8);
    } else {
        memcpy(key + 1, f + l3->ofs + 8, 32);
    }
    memcpy(key + 33, f + l3->l4, 4);
    for (int i = 0; i < flows->n; i++) {
        if (!memcmp(flows->keys[i], key, KEY_LEN)) {
            return i;
        }
    }
    memcpy(flows->keys[flows->n], key, KEY_LEN);
    return flows->n++;
}

/* Stores the units in 'list', up to GRO_MAX_UNITS, in 'units', and returns how
 * many there are. */
size_t
gro_list_units(const struct gro_list *list, struct gro_unit *units)
{
    static struct flows flows;
    size_t n = 0;

    flows.n = 0;
    for (size_t i = 0; i < list->n; i++) {
        const struct gro_item *item = &list->v[i];
        size_t head = gro_item_head(list, item);
        size_t ofs = head;

        do {
            struct gro_unit *u = &units[n++];
            size_t len;
            uint8_t *f;

            ovs_assert(n <= GRO_MAX_UNITS);
            *u = (struct gro_unit) {
                .item = item,
                .i_item = i,
                .data = item->data + ofs,
                .len = item->len - ofs,
            };
            if (!item->unit_len) {
                u->flow = flow_of(&flows, list->encap, item->data, item->len);
                break;
            }
            u->len = MIN(u->len, item->unit_len);
            f = gro_unit_frame(list, u, &len);
            u->flow = flow_of(&flows, list->encap, f, len);
            free(f);
            ofs += u->len;
        } while (ofs < item->len);
    }
    return n;
}

/* The unit that has to come out behind 'u', one of 'n' 'units', if that is not
 * the end of a superpacket.  Null if there is none, or if something is in
 * between. */
struct gro_unit *
gro_next_of_flow(struct gro_unit *units, size_t n, const struct gro_unit *u)
{
    for (size_t i = u - units + 1; i < n; i++) {
        if (units[i].flow == u->flow) {
            return &units[i];
        } else if (units[i].flow == FLOW_ANY) {
            return NULL;
        }
    }
    return NULL;
}

/* Returns the frame of 'u', its outer headers and itself, for the caller to
 * free. */
uint8_t *
gro_unit_frame(const struct gro_list *list, const struct gro_unit *u,
               size_t *len)
{
    size_t head = gro_item_head(list, u->item);
    uint8_t *f = xmalloc(MAX(head + u->len, 1));

    memcpy(f, u->item->data, head);
    memcpy(f + head, u->data, u->len);
    *len = head + u->len;
    return f;
}
