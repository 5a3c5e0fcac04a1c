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

#include "command-line.h"
#include "dp-packet.h"
#include "netdev-provider.h"
#include "openvswitch/dynamic-string.h"
#include "timeval.h"
#include "tnl-gso-pkt.h"
#include "tnl-gso/tnl-gso.h"
#include "util.h"

/* Ordinary packets whose checksums are partial, on their way to ports that
 * complete some of them: against the reference, and against upstream's
 * dp_packet_ol_send_prepare(), which damaged packets must not tell from ours.
 *
 * Case number i of seed S is case 0 of seed S + i. */

static const uint64_t port_flags[] = {
    NETDEV_TX_OFFLOAD_IPV4_CKSUM,
    NETDEV_TX_OFFLOAD_TCP_CKSUM,
    NETDEV_TX_OFFLOAD_UDP_CKSUM,
    NETDEV_TX_OFFLOAD_OUTER_IP_CKSUM,
    NETDEV_TX_OFFLOAD_OUTER_UDP_CKSUM,
};

static uint64_t
random_port(struct pkt_rng *rng)
{
    uint64_t ol_flags = 0;

    for (size_t i = 0; i < ARRAY_SIZE(port_flags); i++) {
        ol_flags |= pkt_range(rng, 3) ? 0 : port_flags[i];
    }
    return ol_flags;
}

/* Half of the packets are the usual ones, which have a way of their own. */
static void
random_row(struct pkt_row *row, struct pkt_rng *rng)
{
    pkt_row_random(row, rng);
    row->rco = row->lie = false;
    row->payload = pkt_range(rng, pkt_range(rng, 4) ? 200 : 3000);
    row->mss = UINT16_MAX;
    /* Upstream takes the first bits of an IPv6 header's traffic class for the
     * length of an IPv4 header. */
    row->inner.tos &= 0x4f;
    if (row->encap == REF_GRE) {
        /* A push that sums up completes the packet first. */
        row->csum = false;
    }
    if (pkt_range(rng, 2)) {
        struct pkt_level *levels[] = { &row->outer, &row->inner };

        for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
            levels[i]->n_vlans = MIN(levels[i]->n_vlans, 1);
            levels[i]->n_mpls = levels[i]->nsh = levels[i]->ipopt = 0;
            levels[i]->ext = 0;
        }
    }
}

/* Damages up to three of the first bytes of 'frame', where the headers are. */
static void
damage(uint8_t *frame, size_t len, struct pkt_rng *rng)
{
    for (uint32_t n = 1 + pkt_range(rng, 3); n > 0; n--) {
        frame[pkt_range(rng, MIN(len, 150))] = pkt_rand(rng);
    }
}

/* Makes the innermost marks of 'p' say what is not there, or nothing of what
 * is. */
static void
damage_marks(struct dp_packet *p, struct pkt_rng *rng, bool tunnel)
{
    uint32_t shift = tunnel ? DP_PACKET_OL_SHIFT_COUNT : 0;

    if (pkt_range(rng, 2)) {
        p->offloads &= ~((uint32_t) DP_PACKET_OL_L4_PROTO_MASK << shift);
    } else {
        p->offloads |= (uint32_t) DP_PACKET_OL_IP_CKSUM_MASK << shift;
    }
}

/* What a guest sends may be damaged, cut short, or not what its vnet header
 * has promised, so that offsets or marks are wrong. */
enum damage { NONE, DAMAGED, SHORT, FORGED, MARKS, N_DAMAGES };

static struct dp_packet *
copy_of(const struct dp_packet *p)
{
    struct dp_packet *q = dp_packet_clone(p);

    q->offloads = p->offloads;
    q->inner_l3_ofs = p->inner_l3_ofs;
    q->inner_l4_ofs = p->inner_l4_ofs;
    return q;
}

/* Compares 'p' with the 'len' bytes at 'bytes', which 'who' has made of it. */
static char *
compare(const struct dp_packet *p, const void *bytes, size_t len,
        const char *who)
{
    const uint8_t *x = dp_packet_data(p);
    const uint8_t *y = bytes;

    COMPARE(dp_packet_size(p), len);
    for (size_t i = 0; i < len; i++) {
        if (x[i] != y[i]) {
            return xasprintf("byte %"PRIuSIZE" is %#x, %s has %#x", i, x[i],
                             who, y[i]);
        }
    }
    return NULL;
}

/* Sends 'p' to a port with 'ol_flags', which does the rest. */
static char *
send_and_compare(struct dp_packet *p, uint64_t ol_flags)
{
    struct dp_packet *q = copy_of(p);
    char *error;

    tnl_gso_send_prepare(p, ol_flags);
    dp_packet_ol_send_prepare(q, ol_flags);
    error = compare(p, dp_packet_data(q), dp_packet_size(q), "upstream");
    EXPECT(p->offloads, q->offloads);
    dp_packet_ol_send_prepare(p, 0);
    dp_packet_delete(q);
    return error;
}

/* Returns what 'row' must be in the end, with rubbish in '*frame' where a
 * checksum is partial; the innermost IP header's is not if 'ip_done'. */
static struct ref_frames
build(const struct pkt_row *row, bool ip_done, uint8_t **frame, size_t *len,
      struct pkt_rng *rng)
{
    const struct ref_job job = pkt_job(row);
    struct ref_frames want;
    struct ref_layout l;
    uint8_t *f;

    f = pkt_build_frame(row, len);
    ovs_assert(!ref_cut(f, *len, &job, UINT16_MAX, &want) && want.n == 1);
    ovs_assert(!ref_parse(f, *len, row->encap, &l));
    memcpy(f, want.v[0].data, *len);
    if (!row->l4_done) {
        ref_put16(f + l.l4_csum, 1 + pkt_range(rng, UINT16_MAX));
    }
    if (job.outer_csum) {
        ref_put16(f + l.outer.l4 + 6, 1 + pkt_range(rng, UINT16_MAX));
    }
    if (l.outer.version == 4) {
        ref_put16(f + l.outer.ofs + 10, pkt_rand(rng));
    }
    if (l.inner.version == 4 && !ip_done) {
        ref_put16(f + l.inner.ofs + 10, pkt_rand(rng));
    }
    *frame = f;
    return want;
}

static struct dp_packet *
to_packet(const uint8_t *frame, size_t len, const struct ref_job *job,
          bool ip_done)
{
    struct dp_packet *p = pkt_from_job(frame, len, job);

    dp_packet_set_tso_segsz(p, 0);
    p->uso_segsz = 0;
    dp_packet_set_l2_pad_size(p, 0);
    if (ip_done) {
        p->offloads &= ~(job->encap == REF_PLAIN
                         ? DP_PACKET_OL_IP_CKSUM_MASK
                         : DP_PACKET_OL_INNER_IP_CKSUM_MASK);
    }
    return p;
}

static void
one(uint64_t seed)
{
    struct pkt_rng rng = { .state = seed };
    struct ds s = DS_EMPTY_INITIALIZER;
    struct ref_frames want;
    struct ref_layout l;
    struct dp_packet *p;
    struct ref_job job;
    struct pkt_row row;
    uint64_t ol_flags;
    uint8_t *frame;
    enum damage kind;
    bool ip_done;
    char *error;
    size_t len;

    random_row(&row, &rng);
    job = pkt_job(&row);
    ip_done = pkt_range(&rng, 2);
    want = build(&row, ip_done, &frame, &len, &rng);
    kind = pkt_range(&rng, 3) ? NONE : pkt_range(&rng, N_DAMAGES);
    if (kind == DAMAGED) {
        damage(frame, len, &rng);
    } else if (kind == SHORT) {
        len = pkt_range(&rng, len);
    }
    p = to_packet(frame, len, &job, ip_done);
    if (kind == FORGED) {
        ovs_assert(!ref_parse(frame, len, row.encap, &l));
        damage((uint8_t *) dp_packet_data(p) + l.inner.ofs, len - l.inner.ofs,
               &rng);
    } else if (kind == MARKS) {
        damage_marks(p, &rng, row.encap != REF_PLAIN);
    }
    ol_flags = random_port(&rng);

    error = send_and_compare(p, ol_flags);
    if (!error && kind == NONE) {
        error = compare(p, want.v[0].data, want.v[0].len, "the reference");
    }
    pkt_row_format(&row, &s);
    test_case(error, "complete 1 %"PRIu64" (flags %#"PRIx64", damage %d): %s",
              seed, ol_flags, kind, ds_cstr(&s));
    ds_destroy(&s);
    dp_packet_delete(p);
    ref_frames_destroy(&want);
    free(frame);
}

/* UDP in 'encap' with 500 bytes of payload. */
static void
udp_row(struct pkt_row *row, enum ref_encap encap)
{
    pkt_row_init(row, encap);
    row->udp = row->csum = true;
    row->payload = 500;
    row->mss = UINT16_MAX;
}

/* A UDP checksum that comes out as zero, in 'encap': with one of all values
 * of two bytes that it covers it must.  The inner one covers payload.  For the
 * outer one, if 'outer', which the payload does not change, these bytes are the
 * outer source port. */
static void
test_zero(enum ref_encap encap, bool outer)
{
    struct pkt_rng rng = { 1 };
    struct ref_frames want;
    struct ref_layout l;
    struct ref_job job;
    struct pkt_row row;
    char *error = NULL;
    size_t n_zero = 0;
    size_t value_ofs, csum_ofs;
    uint8_t *frame;
    size_t len;

    udp_row(&row, encap);
    job = pkt_job(&row);
    want = build(&row, true, &frame, &len, &rng);
    ref_frames_destroy(&want);
    ovs_assert(!ref_parse(frame, len, encap, &l));
    value_ofs = outer ? l.outer.l4 : l.payload + 2;
    csum_ofs = outer ? l.outer.l4 + 6 : l.l4_csum;
    for (uint32_t i = 0; i <= UINT16_MAX && !error; i++) {
        struct dp_packet *p;

        ref_put16(frame + value_ofs, i);
        p = to_packet(frame, len, &job, true);
        error = send_and_compare(p, 0);
        if (!error && ref_check(dp_packet_data(p), len, &job)) {
            error = xasprintf("%"PRIu32": wrong checksum", i);
        }
        n_zero += ref_get16((uint8_t *) dp_packet_data(p) + csum_ofs)
                  == UINT16_MAX;
        dp_packet_delete(p);
    }
    EXPECT(n_zero > 0, true);
    test_case(error, "complete: %schecksums of zero, %s",
              outer ? "outer " : "", pkt_encap_name(encap));
    free(frame);
}

/* A TCP header that the IP header cuts short: nobody writes behind it. */
static void
test_short(void)
{
    struct pkt_rng rng = { 1 };
    struct ref_frames want;
    struct ref_layout l;
    struct dp_packet *p;
    struct ref_job job;
    struct pkt_row row;
    uint8_t *frame;
    char *error;
    size_t len;

    pkt_row_init(&row, REF_PLAIN);
    row.payload = 500;
    row.mss = UINT16_MAX;
    job = pkt_job(&row);
    want = build(&row, true, &frame, &len, &rng);
    ovs_assert(!ref_parse(frame, len, REF_PLAIN, &l));
    len = l.inner.l4 + 10;
    ref_put16(frame + l.inner.ofs + 2, len - l.inner.ofs);
    p = to_packet(frame, l.payload, &job, true);
    dp_packet_set_size(p, len);
    error = send_and_compare(p, 0);
    if (!error) {
        error = compare(p, frame, len, "the frame");
    }
    test_case(error, "complete: a short header");
    dp_packet_delete(p);
    ref_frames_destroy(&want);
    free(frame);
}

/* A packet that has been truncated at every byte, and its marks and offsets
 * have not: nothing beyond its end is looked at, for which ASan is needed. */
static void
test_truncated(enum ref_encap encap, bool udp, int n_vlans, int version)
{
    struct dp_packet *p;
    struct pkt_row row;
    char *error = NULL;
    size_t size;

    pkt_row_init(&row, encap);
    row.csum = true;
    row.udp = udp;
    row.mss = 1400;
    row.payload = 20;
    row.inner.n_vlans = n_vlans;
    row.inner.version = version;
    p = pkt_build(&row);
    dp_packet_set_tso_segsz(p, 0);
    p->uso_segsz = 0;
    size = dp_packet_size(p);
    for (size_t len = ETH_HEADER_LEN; len <= size; len++) {
        /* What the IP checksum of either level says, too. */
        for (int marks = 0; marks < 4; marks++) {
            for (int fast = 0; fast < 2; fast++) {
                struct dp_packet *q = dp_packet_clone_with_headroom(p, 0);
                struct dp_packet *cut;

                if (marks & 1) {
                    dp_packet_ip_checksum_set_partial(q);
                }
                if (marks & 2 && encap != REF_PLAIN) {
                    dp_packet_inner_ip_checksum_set_partial(q);
                    dp_packet_inner_l4_checksum_set_good(q);
                }
                dp_packet_set_size(q, len);
                cut = dp_packet_clone_with_headroom(q, 0);
                if (fast) {
                    tnl_gso_send_prepare(cut, 0);
                } else {
                    dp_packet_ol_send_prepare(cut, 0);
                }
                EXPECT(dp_packet_size(cut), len);
                dp_packet_delete(cut);
                dp_packet_delete(q);
            }
        }
    }
    test_case(error, "complete: truncated, %s", pkt_encap_name(encap));
    dp_packet_delete(p);
}

/* UDP without a checksum stays without one. */
static void
test_none(enum ref_encap encap)
{
    struct pkt_rng rng = { 1 };
    struct ref_frames want;
    struct ref_layout l;
    struct dp_packet *p;
    struct ref_job job;
    struct pkt_row row;
    uint8_t *frame;
    char *error;
    size_t len;

    udp_row(&row, encap);
    job = pkt_job(&row);
    want = build(&row, true, &frame, &len, &rng);
    ref_frames_destroy(&want);
    ovs_assert(!ref_parse(frame, len, encap, &l));
    ref_put16(frame + l.l4_csum, 0);
    p = to_packet(frame, len, &job, true);
    error = send_and_compare(p, 0);
    EXPECT(ref_get16((uint8_t *) dp_packet_data(p) + l.l4_csum), 0);
    test_case(error, "complete: no checksum, %s", pkt_encap_name(encap));
    dp_packet_delete(p);
    free(frame);
}

void
test_complete_ordinary(struct ovs_cmdl_context *ctx)
{
    uint64_t n = ctx->argc > 1 ? strtoull(ctx->argv[1], NULL, 0) : 20000;
    uint64_t seed = (ctx->argc > 2 ? strtoull(ctx->argv[2], NULL, 0)
                     : time_wall_msec());

    printf("complete: %"PRIu64" cases, seed %"PRIu64"\n", n, seed);
    for (uint64_t i = 0; i < n; i++) {
        one(seed + i);
    }
    for (enum ref_encap encap = REF_PLAIN; encap <= REF_GENEVE; encap++) {
        test_zero(encap, false);
        test_none(encap);
        if (encap != REF_PLAIN) {
            test_zero(encap, true);
        }
    }
    test_short();
    for (enum ref_encap encap = REF_PLAIN; encap <= REF_GENEVE; encap++) {
        for (int kind = 0; kind < 12; kind++) {
            test_truncated(encap, kind & 1, kind / 4, kind & 2 ? 6 : 4);
        }
    }
}
