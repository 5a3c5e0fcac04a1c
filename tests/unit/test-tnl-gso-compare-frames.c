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

#include "test-tnl-gso.h"

#include <stdlib.h>
#include <string.h>

#include "dp-packet.h"
#include "tnl-gso-pkt.h"
#include "tnl-gso/core/tnl-gso-buf.h"
#include "tnl-gso/stages/tnl-gso-frames.h"
#include "tnl-gso/stages/tnl-gso-seg.h"
#include "util.h"

/* Frames: what a kernel port is sent, segments and trains, compared with the
 * reference after a model of the kernel has done its part.
 *
 * The model knows nothing but the vnet header and the bytes behind it. */

/* struct virtio_net_hdr; fields are in the machine's byte order. */
struct vnet {
    uint8_t flags, gso_type;
    uint16_t hdr_len, gso_size, csum_start, csum_offset;
};

enum { NEEDS_CSUM = 1, DATA_VALID = 2 };
enum { GSO_TCPV4 = 1, GSO_TCPV6 = 4, GSO_UDP_L4 = 5, GSO_ECN = 0x80 };

/* Limits of facts: the kernel's UDP_MAX_SEGMENTS before Linux 6.9, and what
 * the receive buffers of an Open vSwitch hold. */
enum { TRAIN_SEGS = 64, TRAIN_BYTES = 65280 };

static uint16_t
fold(uint64_t sum)
{
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

static uint64_t
sum_bytes(const uint8_t *p, size_t len)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < len; i++) {
        sum += i & 1 ? p[i] : p[i] << 8;
    }
    return sum;
}

static struct ref_frame *
wire_add(struct ref_frames *wire, const uint8_t *head, size_t head_len,
         const uint8_t *payload, size_t payload_len)
{
    struct ref_frame *f;

    wire->v = xrealloc(wire->v, (wire->n + 1) * sizeof *wire->v);
    f = &wire->v[wire->n++];
    f->len = head_len + payload_len;
    f->data = xmalloc(f->len);
    memcpy(f->data, head, head_len);
    memcpy(f->data + head_len, payload, payload_len);
    return f;
}

/* Completes the checksum of 'f', whose field holds the sum of the
 * pseudo-header: Linux v6.18 skb_checksum_help(). */
static void
complete_csum(struct ref_frame *f, const struct vnet *v)
{
    uint8_t *field = f->data + v->csum_start + v->csum_offset;
    uint16_t csum = ~fold(sum_bytes(f->data + v->csum_start,
                                    f->len - v->csum_start));

    ref_put16(field, csum || v->csum_offset != 6 ? csum : 0xffff);
}

/* Appends to 'wire' segment number 'i' of the UDP superpacket at 'f', 'len'
 * bytes, what Linux v6.18 __udp_gso_segment(), inet_gso_segment() and
 * ipv6_gso_segment() make of it.  The checksum field is adapted, not computed
 * from nothing: a wrong one would go to the wire. */
static void
cut_segment(const uint8_t *f, size_t len, const struct vnet *v, size_t i,
            struct ref_frames *wire)
{
    size_t hdr_len = v->csum_start + 8;
    size_t pos = hdr_len + i * v->gso_size;
    struct ref_frame *seg;
    uint16_t udp_len, type;
    size_t ip_ofs = 14;
    uint8_t *ip, *udp;

    seg = wire_add(wire, f, hdr_len, f + pos, MIN(v->gso_size, len - pos));
    while ((type = ref_get16(f + ip_ofs - 2)) == 0x8100 || type == 0x88a8) {
        ip_ofs += 4;
    }
    ip = seg->data + ip_ofs;
    if (ip[0] >> 4 == 4) {
        ref_put16(ip + 2, seg->len - ip_ofs);
        ref_put16(ip + 4, ref_get16(ip + 4) + i);
        ref_put16(ip + 10, 0);
        ref_put16(ip + 10, ~fold(sum_bytes(ip, (ip[0] & 15) * 4)));
    } else {
        ref_put16(ip + 4, seg->len - ip_ofs - 40);
    }
    udp = seg->data + v->csum_start;
    udp_len = seg->len - v->csum_start;
    ref_put16(udp + 6, fold(ref_get16(udp + 6)
                            + (uint16_t) ~ref_get16(udp + 4) + udp_len));
    ref_put16(udp + 4, udp_len);
    complete_csum(seg, v);
}

/* Appends to 'wire' what the reference cuts the TCP superpacket at 'f', 'len'
 * bytes, into.  Returns null, or why the kernel would refuse it. */
static char *
cut_tcp(const uint8_t *f, size_t len, const struct vnet *v,
        struct ref_frames *wire)
{
    const struct ref_job job = { .encap = REF_PLAIN, .mss = v->gso_size };
    struct ref_frames segments;
    struct ref_layout l;

    if (ref_parse(f, len, REF_PLAIN, &l) || v->flags != NEEDS_CSUM
        || v->csum_start != l.inner.l4 || v->csum_offset != 16
        || v->hdr_len != l.payload || !v->gso_size
        || (v->gso_type & ~GSO_ECN) != (l.inner.version == 4 ? GSO_TCPV4
                                        : GSO_TCPV6)
        || !(v->gso_type & GSO_ECN) != !(f[l.inner.l4 + 13] & 0x80)
        || ref_get16(f + l.l4_csum) != ref_partial_csum(f, len, &l.inner)
        || ref_cut(f, len, &job, job.mss, &segments)) {
        return xstrdup("TCP superpacket refused");
    }
    for (size_t i = 0; i < segments.n; i++) {
        wire_add(wire, segments.v[i].data, segments.v[i].len, f, 0);
    }
    ref_frames_destroy(&segments);
    return NULL;
}

/* Appends to 'wire' what leaves a port whose offloads are off when it is
 * written the 'len' bytes at 'bytes', with a vnet header of 'vnet_size'.
 * Returns null, or why the kernel would refuse them. */
char *
vnet_to_wire(const uint8_t *bytes, size_t len, size_t vnet_size,
             struct ref_frames *wire)
{
    const uint8_t *f = bytes + vnet_size;
    struct ref_frame *whole;
    struct vnet v;

    BUILD_ASSERT_DECL(sizeof v == 10);
    memcpy(&v, bytes, sizeof v);
    len -= vnet_size;
    if (v.gso_type == GSO_UDP_L4) {
        size_t hdr_len = v.csum_start + 8;

        if (v.flags != NEEDS_CSUM || v.csum_offset != 6 || !v.gso_size
            || len <= hdr_len + v.gso_size || v.hdr_len != hdr_len
            || len > UINT16_MAX) {
            return xstrdup("train refused");
        }
        for (size_t i = 0; hdr_len + i * v.gso_size < len; i++) {
            cut_segment(f, len, &v, i, wire);
        }
        return NULL;
    }
    if ((v.gso_type & ~GSO_ECN) == GSO_TCPV4
        || (v.gso_type & ~GSO_ECN) == GSO_TCPV6) {
        return cut_tcp(f, len, &v, wire);
    }
    if (v.gso_type || v.gso_size
        || (v.flags != NEEDS_CSUM && v.flags != DATA_VALID)) {
        return xasprintf("vnet header: flags %#x, type %#x, size %u", v.flags,
                         v.gso_type, v.gso_size);
    }
    whole = wire_add(wire, f, len, f, 0);
    if (v.flags == NEEDS_CSUM) {
        complete_csum(whole, &v);
    }
    return NULL;
}

/* Compares packets with segments, of which there are enough. */
char *
compare_wire_frames(const struct ref_frames *wire,
                    const struct ref_frame *expected)
{
    for (size_t i = 0; i < wire->n; i++) {
        const struct ref_frame *got = &wire->v[i];

        if (got->len != expected[i].len) {
            return xasprintf("packet %"PRIuSIZE" has %"PRIuSIZE" bytes, not "
                             "%"PRIuSIZE, i, got->len, expected[i].len);
        }
        for (size_t j = 0; j < got->len; j++) {
            if (got->data[j] != expected[i].data[j]) {
                return xasprintf("packet %"PRIuSIZE", byte %"PRIuSIZE" of "
                                 "%"PRIuSIZE" is %#x, not %#x", i, j,
                                 got->len, got->data[j],
                                 expected[i].data[j]);
            }
        }
    }
    return NULL;
}

/* Returns the bytes of 'frame', for the caller to free. */
uint8_t *
frame_flatten(const struct tnl_gso_frames *frames,
              const struct tnl_gso_frame *frame)
{
    uint8_t *bytes = xmalloc(frame->len);
    size_t ofs = 0;

    for (size_t i = 0; i < frame->n; i++) {
        const struct iovec *iov = &frames->iov[frame->first + i];

        ovs_assert(ofs + iov->iov_len <= frame->len);
        memcpy(bytes + ofs, iov->iov_base, iov->iov_len);
        ofs += iov->iov_len;
    }
    ovs_assert(ofs == frame->len);
    return bytes;
}

static bool
within(const struct iovec *iov, const void *base, size_t size)
{
    const char *start = iov->iov_base;

    return (start >= (const char *) base
            && start + iov->iov_len <= (const char *) base + size);
}

/* Is everything that 'frames' point to in their area or in 'p'? */
static char *
check_bounds(const struct tnl_gso_frames *frames, const struct dp_packet *p)
{
    size_t n_iov = 0;

    if (frames->n > TNL_GSO_MAX_FRAMES
        || frames->n_iov > ARRAY_SIZE(frames->iov)
        || frames->area_len > sizeof frames->area) {
        return xasprintf("%"PRIuSIZE" frames, %"PRIuSIZE" pieces, "
                         "%"PRIuSIZE" bytes of headers", frames->n,
                         frames->n_iov, frames->area_len);
    }
    for (size_t i = 0; i < frames->n; i++) {
        if (frames->frame[i].first != n_iov) {
            return xasprintf("frame %"PRIuSIZE" starts at piece %"PRIu32
                             ", not %"PRIuSIZE, i, frames->frame[i].first,
                             n_iov);
        }
        n_iov += frames->frame[i].n;
    }
    if (n_iov != frames->n_iov) {
        return xasprintf("%"PRIuSIZE" pieces in frames, %"PRIuSIZE" in all",
                         n_iov, frames->n_iov);
    }
    for (size_t i = 0; i < n_iov; i++) {
        if (!within(&frames->iov[i], frames->area, frames->area_len)
            && !within(&frames->iov[i], dp_packet_data(p),
                       dp_packet_size(p))) {
            return xasprintf("piece %"PRIuSIZE" is out of bounds", i);
        }
    }
    return NULL;
}

/* What the vnet header of a frame of 'n' segments of the packet at 'l' has to
 * be, by the virtio specification (1.2, section 5.1.6.2) and facts of
 * Linux. */
static struct vnet
expected_vnet(const struct ref_layout *l, const struct ref_job *job,
              const struct tnl_gso_plan *plan, size_t n)
{
    if (plan->method == TNL_GSO_UDP_GSO) {
        struct vnet v = {
            .flags = NEEDS_CSUM,
            .csum_start = l->outer.l4,
            .csum_offset = 6,
        };

        if (n > 1) {
            v.gso_type = GSO_UDP_L4;
            v.gso_size = l->payload - (l->outer.l4 + 8) + job->mss;
            v.hdr_len = l->outer.l4 + 8;
        }
        return v;
    }
    return (plan->csum || (job->rco && !job->outer_csum)
            ? (struct vnet) { .flags = DATA_VALID }
            : job->rco ? (struct vnet) {
                .flags = NEEDS_CSUM,
                .csum_start = l->outer.l4,
                .csum_offset = 6,
              }
            : (struct vnet) {
                .flags = NEEDS_CSUM,
                .csum_start = l->inner.l4,
                .csum_offset = job->udp ? 6 : 16,
              });
}

/* Compares the 'len' bytes at 'bytes', a frame of 'n' segments, with the
 * segments at 'expected'. */
static char *
compare_frame(const uint8_t *bytes, size_t len, size_t vnet_size,
              const struct ref_layout *l, const struct ref_job *job,
              const struct tnl_gso_plan *plan, size_t n,
              const struct ref_frame *expected)
{
    struct vnet v = expected_vnet(l, job, plan, n);
    struct ref_frames wire = { .n = 0 };
    static const uint8_t zeros[24];
    char *error;

    if (memcmp(bytes, &v, sizeof v)
        || memcmp(bytes + sizeof v, zeros, vnet_size - sizeof v)) {
        return xstrdup("wrong vnet header");
    }
    if (plan->method == TNL_GSO_UDP_GSO) {
        const uint8_t *ip = bytes + vnet_size + l->outer.ofs;
        size_t ip_len = len - vnet_size - l->outer.ofs;

        /* What stays uncut is received as it is. */
        if (l->outer.version == 4
            ? (ref_get16(ip + 2) != ip_len
               || ref_csum(ip, l->outer.l4 - l->outer.ofs))
            : ref_get16(ip + 4) != ip_len - 40) {
            return xstrdup("the train's IP header is wrong");
        }
        if (ref_get16(bytes + vnet_size + l->outer.l4 + 4)
            != len - vnet_size - l->outer.l4) {
            return xstrdup("the train's UDP length is wrong");
        }
        if (n > TRAIN_SEGS || len - vnet_size > TRAIN_BYTES) {
            return xasprintf("a train of %"PRIuSIZE" segments, %"PRIuSIZE
                             " bytes", n, len - vnet_size);
        }
    }
    error = vnet_to_wire(bytes, len, vnet_size, &wire);
    if (!error && wire.n != n) {
        error = xasprintf("%"PRIuSIZE" segments, not %"PRIuSIZE, wire.n, n);
    }
    if (!error) {
        error = compare_wire_frames(&wire, expected);
    }
    ref_frames_destroy(&wire);
    return error;
}

/* Cuts 'p' into frames from segment 'first' on and compares them with
 * 'segments'. */
static char *
frames_compare_from(const struct dp_packet *p,
                    const struct tnl_gso_desc *desc,
                    const struct tnl_gso_plan *plan,
                    const struct ref_job *job, size_t vnet_size,
                    uint32_t first, const struct ref_frames *segments)
{
    uint32_t per_frame = MAX(plan->segs_per_train, 1);
    uint32_t done = first;
    struct ref_layout l;
    char *error = NULL;

    ovs_assert(!ref_parse_job(dp_packet_data(p), dp_packet_size(p), job, &l));
    while (done < segments->n && !error) {
        struct tnl_gso_frames *frames = tnl_gso_frames_get(vnet_size);
        uint32_t next;

        memset(frames->area, 0xa5, sizeof frames->area);
        next = tnl_gso_frames_cut(frames, 0, p, desc, plan, done);
        error = check_bounds(frames, p);
        for (size_t i = 0; i < frames->n && !error; i++) {
            const struct tnl_gso_frame *frame = &frames->frame[i];
            uint32_t n = MIN(per_frame, segments->n - done);
            uint8_t *bytes = frame_flatten(frames, frame);

            if (frame->segment != done || done >= segments->n) {
                error = xasprintf("starts with segment %"PRIu16", not "
                                  "%"PRIu32, frame->segment, done);
            } else if (frame->train != (n > 1)) {
                error = xstrdup("a train, or none");
            } else {
                error = compare_frame(bytes, frame->len, vnet_size, &l, job,
                                      plan, n, &segments->v[done]);
            }
            if (error) {
                char *s = xasprintf("frame with segment %"PRIu32" of "
                                    "%"PRIuSIZE", vnet header of %"PRIuSIZE
                                    ": %s", done, segments->n, vnet_size,
                                    error);
                free(error);
                error = s;
            }
            free(bytes);
            done += n;
        }
        if (!error && (next != done || !frames->n)) {
            error = xasprintf("%"PRIu32" segments done, not %"PRIu32, next,
                              done);
        }
        tnl_gso_frames_clear(frames);
    }
    return error;
}

/* What replaces a train that is refused: segments, from 'first' on. */
char *
restart_and_compare(const struct dp_packet *p,
                    const struct tnl_gso_desc *desc,
                    const struct ref_job *job, uint32_t first,
                    const struct ref_frames *segments)
{
    const struct tnl_gso_caps caps = { .methods = 1u << TNL_GSO_SOFTWARE };
    struct tnl_gso_plan plan;
    char *error;

    tnl_gso_plan(desc, &caps, &plan);
    error = frames_compare_from(p, desc, &plan, job, 10, first, segments);
    if (error) {
        char *s = xasprintf("restarted: %s", error);

        free(error);
        error = s;
    }
    return error;
}

/* Cuts 'p', which 'desc' describes, into frames as 'plan' says, and compares
 * what leaves in the end with the reference.  'p' must not change. */
char *
frames_and_compare(const struct dp_packet *p, const struct tnl_gso_desc *desc,
                   const struct tnl_gso_plan *plan,
                   const struct ref_job *job)
{
    const uint8_t *frame = dp_packet_data(p);
    size_t len = dp_packet_size(p);
    uint8_t *copy = xmemdup(frame, len);
    struct ref_frames segments;
    char *error = NULL;

    ovs_assert(!ref_cut(frame, len, job, job->mss, &segments));
    if (segments.n != plan->n_packets) {
        error = xasprintf("%"PRIu32" packets planned, not %"PRIuSIZE,
                          plan->n_packets, segments.n);
    }
    for (size_t vnet_size = 10; vnet_size <= 24 && !error; vnet_size += 14) {
        error = frames_compare_from(p, desc, plan, job, vnet_size, 0,
                                    &segments);
    }
    if (plan->method == TNL_GSO_UDP_GSO && !error) {
        error = restart_and_compare(p, desc, job, plan->segs_per_train,
                                    &segments);
    }
    if (!error && memcmp(frame, copy, len)) {
        error = xstrdup("the superpacket has changed");
    }
    ref_frames_destroy(&segments);
    free(copy);
    return error;
}

/* Returns what the kernel would be sent of 'p', a plain UDP packet to be cut,
 * if it were not for a driver that takes packets: its data behind a vnet
 * header of 10 bytes, made from nothing but its marks. */
static uint8_t *
train_flatten(const struct dp_packet *p, size_t *len)
{
    struct vnet v = {
        .flags = dp_packet_l4_checksum_partial(p) ? NEEDS_CSUM : DATA_VALID,
        .csum_start = p->l4_ofs,
        .csum_offset = dp_packet_l4_proto_udp(p) ? 6 : 0,
    };
    uint8_t *bytes;

    if (p->uso_segsz) {
        v.gso_type = GSO_UDP_L4;
        v.gso_size = p->uso_segsz;
        v.hdr_len = p->l4_ofs + 8;
    }
    *len = sizeof v + dp_packet_size(p);
    bytes = xmalloc(*len);
    memcpy(bytes, &v, sizeof v);
    memcpy(bytes + sizeof v, dp_packet_data(p), dp_packet_size(p));
    return bytes;
}

/* The same as frames_and_compare() for trains that are packets. */
char *
trains_and_compare(const struct dp_packet *p, const struct tnl_gso_desc *desc,
                   const struct tnl_gso_plan *plan, const struct ref_job *job)
{
    const uint8_t *frame = dp_packet_data(p);
    struct ref_frames segments;
    struct dp_packet_batch out;
    struct dp_packet *train;
    char *error = NULL;
    struct ref_layout l;
    size_t done = 0;

    ovs_assert(!ref_parse_job(frame, dp_packet_size(p), job, &l));
    ovs_assert(!ref_cut(frame, dp_packet_size(p), job, job->mss, &segments));
    dp_packet_batch_init(&out);
    tnl_gso_cut(dp_packet_clone(p), desc, plan, tnl_gso_alloc_any, NULL, &out);
    DP_PACKET_BATCH_FOR_EACH (i, train, &out) {
        size_t n = MIN(plan->segs_per_train, segments.n - done);
        uint8_t *bytes;
        size_t len;

        if (error || !n) {
            continue;
        }
        bytes = train_flatten(train, &len);
        error = (dp_packet_tunnel(train) || dp_packet_get_tso_segsz(train)
                 || train->l3_ofs != l.outer.ofs
                 || dp_packet_inner_l3(train) || dp_packet_inner_l4(train)
                 ? xstrdup("marks are not of plain UDP")
                 : compare_frame(bytes, len, sizeof(struct vnet), &l, job,
                                 plan, n, &segments.v[done]));
        free(bytes);
        done += n;
    }
    if (!error && (done != segments.n
                   || DIV_ROUND_UP(segments.n, plan->segs_per_train)
                      != dp_packet_batch_size(&out))) {
        error = xasprintf("%"PRIuSIZE" trains", dp_packet_batch_size(&out));
    }
    dp_packet_delete_batch(&out, true);
    dp_packet_batch_destroy(&out);
    ref_frames_destroy(&segments);
    return error;
}
