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

#include "tnl-gso-ref.h"

#include <stdlib.h>
#include <string.h>

enum {
    FLAG_FIN = 0x01,
    FLAG_PSH = 0x08,
    FLAG_CWR = 0x80,
};

/* Adds 'len' bytes to a ones-complement sum; those at even offsets count as
 * the high byte. */
static uint64_t
add_bytes(uint64_t sum, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        sum += i % 2 ? p[i] : p[i] << 8;
    }
    return sum;
}

static uint16_t
fold(uint64_t sum)
{
    while (sum > 0xffff) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

uint16_t
ref_csum(const uint8_t *p, size_t len)
{
    return ~fold(add_bytes(0, p, len)) & 0xffff;
}

/* The sum of the pseudo-header of RFC 793 or RFC 8200 section 8.1 for 'len'
 * bytes behind 'l3'. */
static uint64_t
pseudo_sum(const uint8_t *frame, const struct ref_l3 *l3, size_t len)
{
    uint8_t pseudo[40];
    size_t n;

    memset(pseudo, 0, sizeof pseudo);
    if (l3->version == 4) {
        memcpy(pseudo, frame + l3->ofs + 12, 4);
        memcpy(pseudo + 4, frame + l3->dst, 4);
        pseudo[9] = l3->proto;
        ref_put16(pseudo + 10, len);
        n = 12;
    } else {
        memcpy(pseudo, frame + l3->ofs + 8, 16);
        memcpy(pseudo + 16, frame + l3->dst, 16);
        ref_put32(pseudo + 32, len);
        pseudo[39] = l3->proto;
        n = 40;
    }
    return add_bytes(0, pseudo, n);
}

/* The L4 checksum of the 'len' bytes at 'l3->l4'.  Zero if the field is filled
 * in and right. */
uint16_t
ref_l4_csum(const uint8_t *frame, const struct ref_l3 *l3, size_t len)
{
    return ~fold(add_bytes(pseudo_sum(frame, l3, len), frame + l3->l4, len));
}

/* What the checksum field behind 'l3' holds while it is left to somebody else:
 * the sum of the pseudo-header. */
uint16_t
ref_partial_csum(const uint8_t *frame, size_t len, const struct ref_l3 *l3)
{
    return fold(pseudo_sum(frame, l3, len - l3->l4));
}

/* Writes the checksum of the UDP datagram behind 'l3': RFC 768, where 0 means
 * that there is none. */
static void
settle_udp(uint8_t *f, size_t len, const struct ref_l3 *l3)
{
    uint8_t *field = f + l3->l4 + 6;
    uint16_t csum;

    ref_put16(field, 0);
    csum = ref_l4_csum(f, l3, len - l3->l4);
    ref_put16(field, csum ? csum : 0xffff);
}

/* Writes the lengths and the IPv4 checksum of the header at 'l3', which goes
 * up to the end of the frame. */
static void
settle_l3(uint8_t *f, size_t len, const struct ref_l3 *l3)
{
    uint8_t *ip = f + l3->ofs;

    if (l3->version == 4) {
        ref_put16(ip + 2, len - l3->ofs);
        ref_put16(ip + 10, 0);
        ref_put16(ip + 10, ref_csum(ip, l3->l4 - l3->ofs));
    } else if (l3->version == 6) {
        ref_put16(ip + 4, len - l3->ofs - 40);
    }
}

/* Writes the lengths and checksums of the headers of a tunnel over 'l3', if
 * there is one, which go up to the end of 'f'. */
static void
settle_tunnel(uint8_t *f, size_t len, const struct ref_l3 *l3,
              enum ref_encap encap, bool udp_csum, bool gre_csum)
{
    uint8_t *tnl = f + l3->l4;

    if (!l3->version) {
        return;
    }
    settle_l3(f, len, l3);
    if (ref_over_udp(encap)) {
        ref_put16(tnl + 4, len - l3->l4);
        if (encap == REF_GTPU) {
            /* What is behind UDP and the first 8 bytes. */
            ref_put16(tnl + 10, len - l3->l4 - 16);
        }
        if (udp_csum) {
            settle_udp(f, len, l3);
        }
    } else if (encap == REF_GRE && gre_csum) {
        ref_put32(tnl + 4, 0);  /* The checksum and 16 reserved bits. */
        ref_put16(tnl + 4, ref_csum(tnl, len - l3->l4));
    }
}

/* Writes the lengths and checksums of the outer headers of 'f', where 'l'
 * says. */
void
ref_settle_outer(uint8_t *f, size_t len, const struct ref_job *job,
                 const struct ref_layout *l)
{
    settle_tunnel(f, len, &l->outer, job->encap, job->outer_csum,
                  l->gre_csum);
}

/* Writes all lengths and checksums, the innermost first: each outer checksum
 * covers the finished inner packet. */
const char *
ref_settle(uint8_t *f, size_t len, const struct ref_job *job)
{
    struct ref_layout l;
    const char *error;

    error = ref_parse_job(f, len, job, &l);
    if (error) {
        return error;
    }
    settle_l3(f, len, &l.inner);
    if (ref_is_udp(&l)) {
        ref_put16(f + l.inner.l4 + 4, len - l.inner.l4);
        settle_udp(f, len, &l.inner);
    } else {
        ref_put16(f + l.l4_csum, 0);
        ref_put16(f + l.l4_csum, ref_l4_csum(f, &l.inner, len - l.inner.l4));
    }
    if (job->rco) {
        ref_put16(f + l.l4_csum, ref_partial_csum(f, len, &l.inner));
    }

    settle_tunnel(f, len, &l.mid, job->mid, ref_get16(f + l.mid.l4 + 6) != 0,
                  l.mid_gre_csum);
    ref_settle_outer(f, len, job, &l);
    return NULL;
}

static void
advance_id(uint8_t *f, const struct ref_l3 *l3, uint32_t n)
{
    if (l3->version == 4) {
        uint8_t *id = f + l3->ofs + 4;

        ref_put16(id, (ref_get16(id) + n) & 0xffff);
    }
}

/* Writes what makes 'tcp' the header in front of the payload at 'pos'. */
static void
advance_tcp(uint8_t *tcp, size_t pos, bool last)
{
    ref_put32(tcp + 4, (ref_get32(tcp + 4) + pos) & 0xffffffff);
    if (pos) {
        tcp[13] &= ~FLAG_CWR;
    }
    if (!last) {
        tcp[13] &= ~(FLAG_FIN | FLAG_PSH);
    }
}

/* Makes the packet with the 'n' bytes of payload at 'pos'. */
static const char *
make_piece(const uint8_t *frame, size_t len, const struct ref_layout *l,
           const struct ref_job *job, size_t pos, size_t n,
           struct ref_frame *piece)
{
    uint8_t *f;

    piece->len = l->payload + n;
    piece->data = f = malloc(piece->len);
    if (!f) {
        abort();
    }
    memcpy(f, frame, l->payload);
    memcpy(f + l->payload, frame + l->payload + pos, n);

    advance_id(f, &l->outer, pos / job->mss);
    advance_id(f, &l->mid, pos / job->mss);
    advance_id(f, &l->inner, job->fixed_id ? 0 : pos / job->mss);
    if (!ref_is_udp(l)) {
        advance_tcp(f + l->inner.l4, pos, l->payload + pos + n == len);
    }
    return ref_settle(f, piece->len, job);
}

/* Cuts 'frame' into packets of 'unit' bytes of payload, a multiple of the
 * job's mss; the last may be shorter.
 *
 * One that is longer than the mss is for hardware to cut, which copies the
 * outer UDP checksum: it is then that of the first segment which it will
 * make.  Its inner checksum is the one of the whole. */
const char *
ref_cut(const uint8_t *frame, size_t len, const struct ref_job *job,
        uint32_t unit, struct ref_frames *frames)
{
    struct ref_layout l;
    const char *error;
    size_t total;

    frames->v = NULL;
    frames->n = 0;
    error = ref_parse_job(frame, len, job, &l);
    if (error) {
        return error;
    }
    total = len - l.payload;
    for (size_t pos = 0; pos < total || !pos; pos += unit) {
        size_t n = total - pos < unit ? total - pos : unit;
        struct ref_frame *piece;

        frames->v = realloc(frames->v, (frames->n + 1) * sizeof *frames->v);
        if (!frames->v) {
            abort();
        }
        piece = &frames->v[frames->n++];
        error = make_piece(frame, len, &l, job, pos, n, piece);
        if (!error && n > job->mss && job->outer_csum
            && ref_over_udp(job->encap)) {
            size_t csum_ofs = l.outer.l4 + 6;
            struct ref_frame segment;

            error = make_piece(frame, len, &l, job, pos, job->mss, &segment);
            memcpy(piece->data + csum_ofs, segment.data + csum_ofs, 2);
            free(segment.data);
        }
        if (error) {
            return error;
        }
    }
    return NULL;
}

void
ref_frames_destroy(struct ref_frames *frames)
{
    for (size_t i = 0; i < frames->n; i++) {
        free(frames->v[i].data);
    }
    free(frames->v);
}

static const char *
check_l3(const uint8_t *f, size_t len, const struct ref_l3 *l3)
{
    const uint8_t *ip = f + l3->ofs;

    if (l3->version == 4) {
        if (ref_get16(ip + 2) != len - l3->ofs) {
            return "wrong IPv4 total length";
        }
        if (ref_csum(ip, l3->l4 - l3->ofs)) {
            return "wrong IPv4 header checksum";
        }
    } else if (l3->version == 6) {
        if (ref_get16(ip + 4) != len - l3->ofs - 40) {
            return "wrong IPv6 payload length";
        }
    }
    return NULL;
}

/* Judges the headers of a tunnel over 'l3', if there is one. */
static const char *
check_tunnel(const uint8_t *f, size_t len, const struct ref_l3 *l3,
             enum ref_encap encap, bool udp_csum, bool gre_csum)
{
    const uint8_t *tnl = f + l3->l4;

    if (!l3->version) {
        return NULL;
    }
    if (ref_over_udp(encap)) {
        if (ref_get16(tnl + 4) != len - l3->l4) {
            return "wrong UDP length of a tunnel";
        }
        if (encap == REF_GTPU && ref_get16(tnl + 10) != len - l3->l4 - 16) {
            return "wrong GTP-U length";
        }
        if (udp_csum && !ref_get16(tnl + 6)) {
            return "no UDP checksum of a tunnel";
        }
        if (udp_csum && ref_l4_csum(f, l3, len - l3->l4)) {
            return "wrong UDP checksum of a tunnel";
        }
    } else if (encap == REF_GRE && gre_csum) {
        if (ref_get16(tnl + 6)) {
            return "GRE's reserved bits are not zero";
        }
        if (ref_csum(tnl, len - l3->l4)) {
            return "wrong GRE checksum";
        }
    }
    return NULL;
}

/* Judges every length and checksum of one finished frame.  'job->outer_csum'
 * says whether the outer UDP checksum has to be there; it is not looked at
 * otherwise.  That of a tunnel in the tunnel is if it is not zero. */
const char *
ref_check(const uint8_t *f, size_t len, const struct ref_job *job)
{
    struct ref_layout l;
    const char *error;

    error = ref_parse_job(f, len, job, &l);
    if (!error) {
        error = check_l3(f, len, &l.outer);
    }
    if (!error) {
        error = check_l3(f, len, &l.mid);
    }
    if (!error) {
        error = check_l3(f, len, &l.inner);
    }
    if (error) {
        return error;
    }
    if (ref_is_udp(&l) && ref_get16(f + l.inner.l4 + 4) != len - l.inner.l4) {
        return "wrong UDP length";
    }
    if (ref_is_udp(&l) && !ref_get16(f + l.l4_csum)) {
        return "no UDP checksum";
    }
    if (job->rco
        ? ref_get16(f + l.l4_csum) != ref_partial_csum(f, len, &l.inner)
        : ref_l4_csum(f, &l.inner, len - l.inner.l4)) {
        return "wrong TCP or UDP checksum";
    }
    error = check_tunnel(f, len, &l.mid, job->mid,
                         ref_get16(f + l.mid.l4 + 6) != 0, l.mid_gre_csum);
    return error ? error : check_tunnel(f, len, &l.outer, job->encap,
                                        job->outer_csum, l.gre_csum);
}
