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

#include "dp-packet.h"
#include "packets.h"
#include "util.h"

/* Are there packets that could have been merged?  Those that the reference
 * cuts from one superpacket, in so far as a receiver looks at such.  See
 * tnl-gro-list.h. */

/* Are lengths and checksums in front of the tunnel header in 'f', which is of
 * 'u', right? */
static bool
outer_right(const struct gro_list *list, const struct gro_unit *u,
            const uint8_t *f, size_t len, const struct ref_layout *l)
{
    const struct gro_item *item = u->item;
    uint32_t marks = item->offloads;
    const uint8_t *outer = f + l->outer.ofs;
    const uint8_t *udp = f + l->outer.l4;

    if (list->encap == REF_PLAIN || item->unit_len) {
        return true;
    }
    if (l->outer.version == 4
        ? (outer[0] != 0x45 || ref_get16(outer + 2) != len - l->outer.ofs
           || (marks & DP_PACKET_OL_IP_CKSUM_MASK) == DP_PACKET_OL_IP_CKSUM_BAD
           || ref_csum(outer, 20))
        : ref_get16(outer + 4) != len - l->outer.ofs - 40) {
        return false;
    }
    return (!ref_over_udp(list->encap)
            || (ref_get16(udp + 4) == len - l->outer.l4
                && ((marks & DP_PACKET_OL_L4_CKSUM_MASK)
                    != DP_PACKET_OL_L4_CKSUM_BAD)));
}

/* Do marks say that 'item', of a list without a tunnel, is in one? */
static bool
in_other_tunnel(const struct gro_list *list, const struct gro_item *item)
{
    return (list->encap == REF_PLAIN
            && item->offloads & DP_PACKET_OL_TUNNEL_MASK);
}

/* Are the headers of a unit longer than what is looked at in a train? */
static bool
too_long(const struct gro_list *list, const struct gro_item *item,
         const struct ref_layout *l)
{
    size_t end = MAX(l->payload, l->inner.l4);

    return item->unit_len && end > gro_item_head(list, item) + 512;
}

/* Is a remote checksum in 'f', if there is one, where that of TCP is? */
static bool
remote_agrees(const struct gro_list *list, const uint8_t *f, size_t len,
              const struct ref_layout *l)
{
    const uint8_t *hdr = f + l->outer.l4 + 8;
    size_t hdr_len = 8 + (list->encap == REF_GENEVE ? hdr[0] % 64 * 4 : 0);
    struct ref_remote remote;

    if (!gro_is_remote(list, f, len, l)) {
        return true;
    }
    remote = gro_read_remote(list, f, len, l);
    return (remote.start == l->inner.l4 - (l->outer.l4 + 8 + hdr_len)
            && remote.field == remote.start + 16);
}

/* Does a receiver look at 'u', whose frame is 'f'?  Not if a checksum in front
 * of it is wrong, or if it is no plain data. */
static bool
looked_at(const struct gro_list *list, const struct gro_unit *u,
          const uint8_t *f, size_t len, struct ref_layout *l)
{
    const uint8_t *tnl;

    if (ref_parse(f, len, list->encap, l) || ref_is_udp(l) || l->stacked
        || l->payload >= len || u->item->partial == 0xffff
        || f[l->inner.l4 + 13] & (TCP_SYN | TCP_RST | TCP_URG)) {
        return false;
    }
    if (list->encap == REF_PLAIN) {
        return !in_other_tunnel(list, u->item);
    }
    tnl = f + l->outer.l4 + 8;
    if (!outer_right(list, u, f, len, l) || too_long(list, u->item, l)
        || !remote_agrees(list, f, len, l)) {
        return false;
    }
    if (list->encap == REF_GRE) {
        return (!l->gre_csum
                || !ref_csum(f + l->outer.l4, len - l->outer.l4));
    }
    return (!ref_over_udp(list->encap) || u->item->unit_len || !ref_get16(tnl - 2)
            || !ref_l4_csum(f, &l->outer, len - l->outer.l4));
}

/* Is what is in front of the tunnel headers of 'a' and 'b' the same to those
 * behind a pop? */
static bool
same_way(const struct gro_list *list, const struct gro_item *a,
         const struct gro_item *b)
{
    size_t head = gro_item_head(list, a);
    bool v4 = a->data[a->l3] >> 4 == 4;

    if (a->in_port != b->in_port || a->mark != b->mark
        || a->priority != b->priority) {
        return false;
    } else if (list->encap == REF_PLAIN) {
        return true;
    } else if (a->l3 != b->l3 || a->l4 != b->l4
               || head != gro_item_head(list, b)) {
        return false;
    }
    for (size_t i = 0; i < head; i++) {
        size_t ofs = i - a->l3;

        if (i >= a->l4 + 4) {
            break;
        } else if ((i < a->l3 || i >= a->l4
                    || (v4 ? ((ofs < 2 || ofs > 5) && ofs != 10 && ofs != 11)
                        : ofs != 4 && ofs != 5))
                   && a->data[i] != b->data[i]) {
            return false;
        }
    }
    return (!ref_over_udp(list->encap)
            || !ref_get16(a->data + a->l4 + 6)
               == !ref_get16(b->data + a->l4 + 6));
}

/* May a receiver end all flows at 'u', because it need not find out of which
 * one it is? */
bool
gro_may_end_all(const struct gro_list *list, const struct gro_unit *u)
{
    struct ref_layout l;
    size_t len;
    uint8_t *f = gro_unit_frame(list, u, &len);
    const char *error = ref_parse(f, len, list->encap, &l);
    bool end = (u->item->mss || in_other_tunnel(list, u->item)
                || (error && strcmp(error, "neither TCP nor UDP")
                    && strcmp(error, "UDP header cut short")
                    && strcmp(error, "TCP header length below 20")
                    && strcmp(error, "TCP options cut short"))
                || !outer_right(list, u, f, len, &l)
                || too_long(list, u->item, &l));

    free(f);
    return end;
}

/* Has 'u', a unit of a flow, a wrong checksum over its payload?  A receiver
 * that finds it late has let it decide what can follow. */
bool
gro_sum_wrong(const struct gro_list *list, const struct gro_unit *u)
{
    struct ref_job job = { .encap = list->encap };
    struct ref_layout l;
    size_t len;
    uint8_t *f = gro_unit_frame(list, u, &len);
    bool wrong = false;

    if (!ref_parse(f, len, list->encap, &l)) {
        const uint8_t *udp = f + l.outer.l4;

        if (ref_over_udp(list->encap)) {
            job.rco = gro_is_remote(list, f, len, &l);
            job.outer_csum = !u->item->unit_len && ref_get16(udp + 6);
        }
        wrong = (job.rco
                 ? (ref_get16(f + l.l4_csum)
                    != ref_partial_csum(f, len, &l.inner))
                 : ref_l4_csum(f, &l.inner, len - l.inner.l4) != 0);
        wrong |= ref_get16(f + l.l4_csum) == 0xffff;
        wrong |= (job.outer_csum
                  && ref_l4_csum(f, &l.outer, len - l.outer.l4) != 0);
        wrong |= l.gre_csum && ref_csum(udp, len - l.outer.l4) != 0;
    }
    free(f);
    return wrong;
}

/* Does the reference cut the 'n' 'units' from the superpacket of 'len' bytes
 * at 'f', which begins like the first of them? */
static bool
cuts_into(const struct gro_list *list, const struct gro_unit *const *units,
          size_t n, const uint8_t *f, size_t len, const struct ref_job *job)
{
    size_t head = gro_item_head(list, units[0]->item);
    size_t skip = 0;
    struct ref_frames pieces;
    bool same;

    if (list->encap == REF_GRE && f[head] & 0x80) {
        skip = 8;
    }
    same = !ref_cut(f, len, job, job->mss, &pieces) && pieces.n == n;
    for (size_t i = 0; i < n && same; i++) {
        const uint8_t *a = pieces.v[i].data + head;
        const struct gro_unit *u = units[i];

        same = (pieces.v[i].len == head + u->len
                && !memcmp(a, u->data, skip / 2)
                && !memcmp(a + skip, u->data + skip, u->len - skip));
    }
    ref_frames_destroy(&pieces);
    return same;
}

/* Could the 'n' 'units' be one superpacket? */
bool
gro_joinable(const struct gro_list *list, const struct gro_unit *const *units,
             size_t n)
{
    const struct gro_unit *last = units[n - 1];
    struct ref_job job = { .encap = list->encap };
    struct ref_layout first, l;
    uint8_t *f, *frame;
    size_t f_len, len;
    bool joinable;

    frame = gro_unit_frame(list, units[0], &len);
    joinable = looked_at(list, units[0], frame, len, &first);
    if (!joinable) {
        free(frame);
        return false;
    }
    job.mss = len - first.payload;
    job.rco = gro_is_remote(list, frame, len, &first);
    f = xmalloc(65536 * 2);
    f_len = len;
    memcpy(f, frame, len);
    free(frame);
    for (size_t i = 1; i < n && joinable; i++) {
        frame = gro_unit_frame(list, units[i], &len);
        joinable = (looked_at(list, units[i], frame, len, &l)
                    && same_way(list, units[i]->item, units[0]->item)
                    && l.payload == first.payload
                    && f_len + len - l.payload <= 65535);
        if (joinable) {
            memcpy(f + f_len, frame + l.payload, len - l.payload);
            f_len += len - l.payload;
            if (units[i] == last) {
                f[l.inner.l4 + 13] |= (frame[l.inner.l4 + 13]
                                       & (TCP_FIN | TCP_PSH));
            }
        }
        free(frame);
    }
    if (joinable) {
        joinable = cuts_into(list, units, n, f, f_len, &job);
        if (!joinable) {
            job.fixed_id = true;
            joinable = cuts_into(list, units, n, f, f_len, &job);
        }
    }
    free(f);
    return joinable;
}
