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
#include "netdev-provider.h"
#include "tnl-gso-pkt.h"
#include "tnl-gso/core/tnl-gso-buf.h"
#include "tnl-gso/stages/tnl-gso-frames.h"
#include "tnl-gso/stages/tnl-gso-seg.h"
#include "util.h"

/* Runs the stages over one superpacket and compares with the reference:
 * descriptions field by field, packets byte by byte.
 *
 * Must not repair what the code under test got wrong: only a checksum that a
 * packet is marked as lacking is filled in before the comparison. */

enum tnl_gso_encap
test_encap(enum ref_encap encap)
{
    switch (encap) {
    case REF_PLAIN:
        return TNL_GSO_PLAIN;
    case REF_VXLAN:
        return TNL_GSO_VXLAN;
    case REF_GENEVE:
        return TNL_GSO_GENEVE;
    case REF_GRE:
        return TNL_GSO_GRE;
    case REF_GTPU:
        return TNL_GSO_GTPU;
    case REF_IPIP:
        return TNL_GSO_IPIP;
    default:
        OVS_NOT_REACHED();
    }
}

/* What a port needs, besides the flag to cut TCP or UDP, for this kind of
 * packet. */
uint64_t
test_tnl_tso(enum ref_encap encap)
{
    return (encap == REF_VXLAN ? NETDEV_TX_VXLAN_TNL_TSO
            : encap == REF_GENEVE ? NETDEV_TX_GENEVE_TNL_TSO
            : encap == REF_GRE ? NETDEV_TX_GRE_TNL_TSO : 0);
}

/* What a port needs to cut TCP or 'udp'. */
uint64_t
test_seg_flag(enum ref_encap encap, bool udp)
{
    return (!udp ? NETDEV_TX_OFFLOAD_TCP_TSO
            : encap == REF_PLAIN ? TNL_GSO_TX_UDP_GSO
            : TNL_GSO_TX_TNL_UDP_GSO);
}

static char *
compare_l3(const struct tnl_gso_l3 *got, const struct ref_l3 *expected)
{
    COMPARE(got->ofs, expected->ofs);
    COMPARE(got->l4_ofs, expected->l4);
    COMPARE(got->dst_ofs, expected->dst);
    COMPARE(got->version, expected->version);
    COMPARE(got->proto, expected->proto);
    COMPARE(got->ext, expected->ext);
    return NULL;
}

/* Where the length field of the header of a tunnel over 'l3' is, or 0. */
static size_t
own_len_ofs(enum ref_encap encap, const struct ref_l3 *l3)
{
    return encap == REF_GTPU ? l3->l4 + 8 + 2 : 0;
}

/* Compares what 'got' says of a tunnel in the tunnel of 'frame'. */
static char *
compare_mid(const struct tnl_gso_desc *got, const struct ref_layout *l,
            const uint8_t *frame, const struct ref_job *job)
{
    COMPARE(got->mid_l4, (ref_over_udp(job->mid) ? TNL_GSO_OUTER_UDP
                          : job->mid == REF_GRE ? TNL_GSO_OUTER_GRE
                          : job->mid == REF_IPIP ? TNL_GSO_OUTER_IP
                          : TNL_GSO_OUTER_NONE));
    if (job->mid == REF_PLAIN) {
        return NULL;
    }
    COMPARE(got->mid_encap, test_encap(job->mid));
    COMPARE(got->mid_csum, (ref_over_udp(job->mid)
                            ? ref_get16(frame + l->mid.l4 + 6) != 0
                            : l->mid_gre_csum));
    COMPARE(got->mid_len_ofs, own_len_ofs(job->mid, &l->mid));
    return compare_l3(&got->mid, &l->mid);
}

static char *
compare_desc(const struct tnl_gso_desc *got, const struct ref_layout *l,
             const uint8_t *frame, size_t len, const struct ref_job *job)
{
    size_t payload = len - l->payload;
    char *error;

    COMPARE(got->encap, test_encap(job->encap));
    COMPARE(got->hdr_len, l->payload);
    COMPARE(got->payload_len, payload);
    COMPARE(got->mss, job->mss);
    COMPARE(got->n_segs,
            payload > job->mss ? (payload + job->mss - 1) / job->mss : 1);
    COMPARE(got->outer_csum, (ref_over_udp(job->encap) ? job->outer_csum
                              : job->encap == REF_GRE && l->gre_csum));
    COMPARE(got->len_ofs, own_len_ofs(job->encap, &l->outer));
    COMPARE(got->stacked, l->stacked);
    COMPARE(got->l4_partial, !job->l4_done);
    COMPARE(got->rco, job->rco);
    error = compare_l3(&got->inner, &l->inner);
    if (!error && job->encap != REF_PLAIN) {
        error = compare_l3(&got->outer, &l->outer);
    }
    return error ? error : compare_mid(got, l, frame, job);
}

/* Compares where 'p' says that its headers are, for drivers. */
static char *
compare_offsets(const struct dp_packet *p, const struct ref_layout *l,
                enum ref_encap encap)
{
    bool plain = encap == REF_PLAIN;

    COMPARE(p->l3_ofs, plain ? l->inner.ofs : l->outer.ofs);
    COMPARE(p->l4_ofs, plain ? l->inner.l4 : l->outer.l4);
    COMPARE(p->inner_l3_ofs, plain ? UINT16_MAX : l->inner.ofs);
    COMPARE(p->inner_l4_ofs, plain ? UINT16_MAX : l->inner.l4);
    COMPARE(p->l2_pad_size, 0);
    return NULL;
}

static char *
compare_tunnel_marks(const struct dp_packet *p, const struct ref_job *job)
{
    enum ref_encap encap = job->encap;

    if (job->rco) {
        /* Nobody must look inside any more: plain UDP. */
        COMPARE(p->offloads & ~(DP_PACKET_OL_IP_CKSUM_MASK
                                | DP_PACKET_OL_L4_CKSUM_MASK),
                DP_PACKET_OL_L4_PROTO_UDP);
        return NULL;
    }
    COMPARE(pkt_marked_encap(p->offloads), encap);
    COMPARE(pkt_marked_encap(p->offloads >> DP_PACKET_OL_SHIFT_COUNT),
            job->mid);
    if (encap == REF_PLAIN) {
        COMPARE(dp_packet_l4_proto_tcp(p), !job->udp);
        COMPARE(dp_packet_l4_proto_udp(p), job->udp);
    } else {
        COMPARE(dp_packet_inner_l4_proto_tcp(p), !job->udp);
        COMPARE(dp_packet_inner_l4_proto_udp(p), job->udp);
        COMPARE(dp_packet_l4_proto_tcp(p), false);
        COMPARE(dp_packet_l4_proto_udp(p), ref_over_udp(encap));
    }
    return NULL;
}

static void
take16(uint8_t *to, const uint8_t *from, size_t ofs)
{
    memcpy(to + ofs, from + ofs, 2);
}

static char *
compare_bytes(const struct ref_frame *got, const struct ref_frame *expected,
              const struct ref_layout *l)
{
    COMPARE(got->len, expected->len);
    for (size_t i = 0; i < got->len; i++) {
        if (got->data[i] != expected->data[i]) {
            return xasprintf("byte %"PRIuSIZE" of %"PRIuSIZE" is %#x, not "
                             "%#x (outer L3 %"PRIuSIZE", L4 %"PRIuSIZE"; "
                             "mid L3 %"PRIuSIZE", L4 %"PRIuSIZE"; "
                             "inner L3 %"PRIuSIZE", L4 %"PRIuSIZE")",
                             i, got->len, got->data[i], expected->data[i],
                             l->outer.ofs, l->outer.l4, l->mid.ofs,
                             l->mid.l4, l->inner.ofs, l->inner.l4);
        }
    }
    return NULL;
}

/* Takes the checksums that 'p' is marked as lacking from 'from'. */
static void
take_partial(const struct dp_packet *p, const struct ref_layout *l,
             enum ref_encap encap, const struct ref_frame *from,
             struct ref_frame *to)
{
    bool plain = encap == REF_PLAIN;

    if (plain ? dp_packet_l4_checksum_partial(p)
        : dp_packet_inner_l4_checksum_partial(p)) {
        take16(to->data, from->data, l->l4_csum);
    }
    if (l->inner.version == 4
        && (plain ? dp_packet_ip_checksum_partial(p)
            : dp_packet_inner_ip_checksum_partial(p))) {
        take16(to->data, from->data, l->inner.ofs + 10);
    }
    if (l->outer.version == 4 && dp_packet_ip_checksum_partial(p)) {
        take16(to->data, from->data, l->outer.ofs + 10);
    }
    if (ref_over_udp(encap) && dp_packet_l4_checksum_partial(p)) {
        take16(to->data, from->data, l->outer.l4 + 6);
    }
}

/* Takes the checksums of a tunnel in the tunnel from 'from': they come when
 * the packet is cut again. */
static char *
take_mid(const struct ref_layout *l, const struct ref_job *job,
         const struct ref_frame *from, struct ref_frame *to)
{
    if (l->mid.version == 4) {
        take16(to->data, from->data, l->mid.ofs + 10);
    }
    if (l->mid_gre_csum) {
        take16(to->data, from->data, l->mid.l4 + 4);
        take16(to->data, from->data, l->mid.l4 + 6);
    } else if (ref_over_udp(job->mid)) {
        COMPARE(ref_get16(to->data + l->mid.l4 + 6) != 0,
                ref_get16(from->data + l->mid.l4 + 6) != 0);
        take16(to->data, from->data, l->mid.l4 + 6);
    }
    return NULL;
}

/* Does what 'plan' makes leave the outer checksums of its segments to others?
 * To the port, or to the plan of each part. */
static bool
left_whole(const struct tnl_gso_plan *plan)
{
    return (plan->method == TNL_GSO_HW || plan->method == TNL_GSO_KERNEL
            || plan->method == TNL_GSO_SPLIT);
}

/* Compares one packet that was made of 'frame' with what it should be.  Stores
 * the bytes of the packet, completed as its marks ask for, in '*done'. */
static char *
compare_piece(const struct dp_packet *p, const uint8_t *frame,
              const struct ref_frame *expected, const struct ref_job *job,
              const struct tnl_gso_plan *plan, struct ref_frame *done)
{
    bool plain = job->encap == REF_PLAIN;
    /* A packet that stays whole keeps a checksum that is there. */
    bool kept = job->l4_done && plan->n_packets == 1;
    struct ref_layout l;
    const char *broken;
    bool super, l4_partial;
    char *error;

    done->len = dp_packet_size(p);
    done->data = xmemdup(dp_packet_data(p), done->len);
    ovs_assert(!ref_parse_job(expected->data, expected->len, job, &l));

    super = expected->len - l.payload > job->mss;
    COMPARE(dp_packet_get_tso_segsz(p), super && !job->udp ? job->mss : 0);
    COMPARE(p->uso_segsz, super && job->udp ? job->mss : 0);
    error = compare_offsets(p, &l, job->encap);
    if (!error) {
        error = compare_tunnel_marks(p, job);
    }
    if (error) {
        return error;
    }

    l4_partial = (plain ? dp_packet_l4_checksum_partial(p)
                  : dp_packet_inner_l4_checksum_partial(p));
    COMPARE(l4_partial, !plan->csum && !kept && !job->rco);
    if (l4_partial) {
        COMPARE(ref_get16(done->data + l.l4_csum),
                ref_partial_csum(expected->data, expected->len, &l.inner));
    }
    if (!super) {
        COMPARE(dp_packet_ip_checksum_partial(p), false);
        COMPARE(dp_packet_inner_ip_checksum_partial(p), false);
    }
    if (ref_over_udp(job->encap)) {
        /* Only who cuts can sum what is behind the outer header. */
        COMPARE(dp_packet_l4_checksum_partial(p),
                job->outer_csum && (job->rco ? !plan->csum
                                    : left_whole(plan)));
    }
    if (job->rco && dp_packet_l4_checksum_partial(p)) {
        COMPARE(ref_get16(done->data + l.outer.l4 + 6),
                ref_partial_csum(expected->data, expected->len, &l.outer));
    }
    take_partial(p, &l, job->encap, expected, done);
    if (kept) {
        COMPARE(ref_get16(done->data + l.l4_csum),
                ref_get16(frame + l.l4_csum));
        take16(done->data, expected->data, l.l4_csum);
    }
    if (l.gre_csum && left_whole(plan)) {
        /* In front of a push: it comes when the packet is cut again. */
        take16(done->data, expected->data, l.outer.l4 + 4);
        take16(done->data, expected->data, l.outer.l4 + 6);
    }

    if (left_whole(plan)) {
        error = take_mid(&l, job, expected, done);
    }
    if (!error) {
        error = compare_bytes(done, expected, &l);
    }
    if (error) {
        return error;
    }
    broken = super ? NULL : ref_check(done->data, done->len, job);
    return broken ? xstrdup(broken) : NULL;
}

/* Does to 'piece' what the port is expected to do with it, and compares what
 * leaves with the segments at 'expected', '*n' of them are used up.  For a
 * port that only copies the outer UDP checksum, it must be every segment's. */
static char *
compare_wire(const struct ref_frame *piece, const struct ref_job *job,
             bool copies_csum, const struct ref_frame *expected, size_t n_max,
             size_t *n)
{
    struct ref_frames cut;
    struct ref_layout l;
    char *error = NULL;

    ovs_assert(!ref_parse_job(piece->data, piece->len, job, &l));
    ovs_assert(!ref_cut(piece->data, piece->len, job, job->mss, &cut));
    *n = cut.n;
    if (cut.n > n_max) {
        error = xasprintf("more segments than there should be");
    }
    for (size_t i = 0; i < cut.n && !error; i++) {
        const struct ref_frame *s = &cut.v[i];

        if (s->len != expected[i].len
            || memcmp(s->data, expected[i].data, s->len)) {
            error = xasprintf("what the port makes of it is wrong");
        } else if (copies_csum
                   && memcmp(s->data + l.outer.l4 + 6,
                             piece->data + l.outer.l4 + 6, 2)) {
            error = xasprintf("its outer UDP checksum is not that of its "
                              "segment %"PRIuSIZE, i);
        }
    }
    ref_frames_destroy(&cut);
    return error;
}

static char *
compare_batch(const struct dp_packet_batch *batch, const uint8_t *frame,
              size_t len, const struct ref_job *job,
              const struct tnl_gso_plan *plan)
{
    struct ref_frames expected, segments;
    size_t n_segments = 0;
    char *error = NULL;

    ovs_assert(!ref_cut(frame, len, job, plan->unit, &expected));
    ovs_assert(!ref_cut(frame, len, job, job->mss, &segments));
    if (batch->count != expected.n || plan->n_packets != expected.n) {
        error = xasprintf("%"PRIuSIZE" packets (%"PRIu32" planned), not "
                          "%"PRIuSIZE, batch->count, plan->n_packets,
                          expected.n);
    }
    for (size_t i = 0; i < expected.n && !error; i++) {
        struct ref_frame done;
        size_t n;

        error = compare_piece(batch->packets[i], frame, &expected.v[i], job,
                              plan, &done);
        if (!error) {
            error = compare_wire(&done, job,
                                 plan->method == TNL_GSO_HW_PARTIAL,
                                 &segments.v[n_segments],
                                 segments.n - n_segments, &n);
            n_segments += n;
        }
        free(done.data);
        if (error) {
            char *s = xasprintf("packet %"PRIuSIZE" of %"PRIuSIZE": %s", i,
                                expected.n, error);
            free(error);
            error = s;
        }
    }
    if (!error && n_segments != segments.n) {
        error = xasprintf("segments are missing");
    }
    ref_frames_destroy(&expected);
    ref_frames_destroy(&segments);
    return error;
}

/* A packet that nobody has to cut is an ordinary one, whose checksums upstream
 * and our hooks complete as far as a port with 'ol_flags' does not. */
static char *
settle_and_compare(const uint8_t *frame, size_t len,
                   const struct ref_job *job, uint64_t ol_flags)
{
    struct ref_job settled = *job;
    struct ref_frames expected;
    struct ref_layout l;
    struct ref_frame done;
    struct dp_packet *p;
    uint8_t *partial;
    char *error;

    ovs_assert(!ref_cut(frame, len, job, job->mss, &expected));
    ovs_assert(expected.n == 1 && expected.v->len == len);
    ovs_assert(!ref_parse_job(frame, len, job, &l));

    partial = xmemdup(expected.v->data, len);
    /* Zero would mean that there is no UDP checksum. */
    if (!job->rco) {
        memset(partial + l.l4_csum, job->udp ? 0xff : 0, 2);
    }
    if (l.inner.version == 4 && !job->rco) {
        memset(partial + l.inner.ofs + 10, 0, 2);
    }
    if (l.outer.version == 4) {
        memset(partial + l.outer.ofs + 10, 0, 2);
    }
    if (job->outer_csum) {
        memset(partial + l.outer.l4 + 6, 0xff, 2);
    }
    settled.mss = 0;
    p = pkt_from_job(partial, len, &settled);
    free(partial);

    dp_packet_ol_send_prepare(p, ol_flags);
    done.len = dp_packet_size(p);
    done.data = xmemdup(dp_packet_data(p), done.len);
    take_partial(p, &l, job->encap, expected.v, &done);
    error = compare_bytes(&done, expected.v, &l);
    if (error) {
        char *s = xasprintf("as an ordinary packet: %s", error);
        free(error);
        error = s;
    }
    free(done.data);
    dp_packet_delete(p);
    ref_frames_destroy(&expected);
    return error;
}

/* Cuts 'p', into packets from 'alloc', and compares what comes out.  Takes
 * ownership of 'p'. */
static char *
cut_and_compare__(struct dp_packet *p, const struct tnl_gso_desc *desc,
                  const struct tnl_gso_plan *plan, tnl_gso_alloc_func *alloc,
                  const uint8_t *frame, size_t len, const struct ref_job *job)
{
    struct dp_packet_batch batch;
    char *error;

    dp_packet_batch_init(&batch);
    tnl_gso_cut(p, desc, plan, alloc, NULL, &batch);
    error = compare_batch(&batch, frame, len, job, plan);
    dp_packet_delete_batch(&batch, true);
    dp_packet_batch_destroy(&batch);
    return error;
}

/* What is wrong with 'frame' so that it cannot be cut as 'job' says, or null.
 * Otherwise, stores where everything is in '*l'. */
static const char *
parse_job(const uint8_t *frame, size_t len, const struct ref_job *job,
          struct ref_layout *l)
{
    const char *broken = ref_parse_job(frame, len, job, l);

    if (broken) {
        return broken;
    } else if (ref_is_udp(l) != job->udp) {
        return job->udp ? "not UDP" : "not TCP";
    } else if (job->udp && job->l4_done && !ref_get16(frame + l->l4_csum)) {
        return "UDP without a checksum";
    }
    return NULL;
}

/* Describes, plans and cuts the frame, the plan going to '*plan'.  Returns
 * NULL if all of it is right, or if the reference cannot read the frame
 * either (the plan is then to drop); otherwise what is wrong. */
char *
cut_and_compare(const uint8_t *frame, size_t len, const struct cut_job *job,
                struct tnl_gso_plan *plan)
{
    struct dp_packet *p = pkt_from_job(frame, len, &job->ref);
    struct ref_job ref = job->ref;
    enum tnl_gso_reason reason;
    struct tnl_gso_desc desc;
    struct ref_layout l;
    const char *broken;
    char *error;

    reason = tnl_gso_describe(p, &desc);
    broken = parse_job(frame, len, &ref, &l);
    if (dp_packet_size(p) != len || memcmp(dp_packet_data(p), frame, len)) {
        error = xstrdup("describe wrote to the packet");
    } else if (reason || broken) {
        error = (reason && broken ? NULL
                 : reason ? xasprintf("refused: %s",
                                      tnl_gso_reason_to_string(reason))
                 : xasprintf("not refused: %s", broken));
        *plan = (struct tnl_gso_plan) { .method = TNL_GSO_DROP };
    } else {
        error = compare_desc(&desc, &l, frame, len, &ref);
        if (job->caps) {
            tnl_gso_plan(&desc, job->caps, plan);
        } else {
            tnl_gso_plan_split(&desc, job->max_frame_len, plan);
        }
    }

    if (!error && plan->method == TNL_GSO_PASS) {
        /* A GRE checksum is final since the push. */
        if (!l.gre_csum && !ref.l4_done) {
            error = settle_and_compare(frame, len, &ref,
                                       job->caps->ol_flags);
        }
    } else if (!error && plan->method == TNL_GSO_UDP_GSO
               && !tnl_gso_frames_can_hold(&desc)) {
        error = xstrdup("a train that no frame can hold");
    } else if (!error && plan->method == TNL_GSO_UDP_GSO) {
        error = frames_and_compare(p, &desc, plan, &ref);
    } else if (!error && plan->method != TNL_GSO_DROP && plan->unit) {
        /* Packets of their exact size, for tools that see what is touched
         * beyond; then those that are sent. */
        struct dp_packet *clone = pkt_from_job(frame, len, &job->ref);

        error = cut_and_compare__(clone, &desc, plan, tnl_gso_alloc_any,
                                  frame, len, &ref);
        if (!error && plan->method == TNL_GSO_SOFTWARE
            && tnl_gso_frames_can_hold(&desc)) {
            error = frames_and_compare(p, &desc, plan, &ref);
        }
        if (!error) {
            error = cut_and_compare__(p, &desc, plan, tnl_gso_buf_new, frame,
                                      len, &ref);
            p = NULL;
        }
    }
    dp_packet_delete(p);
    return error;
}
