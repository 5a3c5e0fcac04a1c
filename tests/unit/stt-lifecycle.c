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

#include "stt-lifecycle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dp-packet.h"
#include "flow.h"
#include "netdev-provider.h"
#include "odp-netlink.h"
#include "packets.h"
#include "stt-lifecycle-ports.h"
#include "tnl-gso-ref.h"
#include "tnl-gso/ports/netdev-stt.h"
#include "tnl-gso/stt/stt-reasm.h"
#include "tnl-gso/stages/tnl-gso-plan.h"
#include "tnl-gso/tnl-gso.h"
#include "util.h"

/* A packet arrives, is popped as dpif-netdev does it, and what comes out goes
 * through the rest of its life: it is parsed, pushed into other tunnels, cut,
 * and given to ports of several kinds.
 *
 * Judged are: how many packets are held, dropped and handed on, memory in the
 * end; of each packet that a port without offloads gets whose checksum was
 * ours to complete, all checksums and that it fits into the MTU; and of what
 * is pushed, cut, shuffled, popped and cut again, each byte, against what the
 * reference cuts from the packet that was pushed. */

struct stt_lifecycle_stats stt_lifecycle_stats;

/* Where the input is read. */
struct input {
    const uint8_t *p;
    size_t n;
};

static uint8_t
next8(struct input *in)
{
    if (!in->n) {
        return 0;
    }
    in->n--;
    return *in->p++;
}

static uint16_t
next16(struct input *in)
{
    uint16_t high = next8(in);

    return high << 8 | next8(in);
}

/* An MTU from 'min' to 9000. */
static uint32_t
next_mtu(struct input *in, uint32_t min)
{
    uint32_t mtu = next16(in) % 9001;

    return MAX(min, mtu);
}

/* The next bytes, as many of '*len' as there are. */
static const uint8_t *
next_bytes(struct input *in, size_t *len)
{
    const uint8_t *p = in->p;

    *len = MIN(*len, in->n);
    in->p += *len;
    in->n -= *len;
    return p;
}

/* Pops. */

static struct {
    struct dp_packet_batch batch;       /* Packets that have arrived. */
    uint32_t mtu;
    struct ref_frames *wire;            /* If not null, where packets go that
                                         * come out; else they live on. */
} rx;

static unsigned long long int
drops(const unsigned long long int counts[])
{
    unsigned long long int n = 0;

    for (size_t i = STT_DROP_CSUM; i < STT_EXPIRED; i++) {
        n += counts[i];
    }
    return n;
}

/* As dp_execute_cb() pops a batch. */
static void
pop_batch(void)
{
    unsigned long long before[STT_N_VERDICTS], after[STT_N_VERDICTS];
    size_t n = dp_packet_batch_size(&rx.batch);
    struct dp_packet *p;
    size_t n_held;

    stt_lifecycle_stats.popped += n;
    stt_counts_get(before);
    n += tnl_gso_pop_prepare(&life_stt, &rx.batch);
    netdev_pop_header(&life_stt, &rx.batch);
    n_held = netdev_stt_pop_end();
    stt_counts_get(after);

    stt_lifecycle_stats.held += n_held;
    stt_lifecycle_stats.out += dp_packet_batch_size(&rx.batch);
    if (after[STT_HELD] - before[STT_HELD] != n_held
        || (n != n_held + dp_packet_batch_size(&rx.batch)
            + drops(after) - drops(before))) {
        life_fail("packets were lost and not counted", NULL, 0);
    }
    DP_PACKET_BATCH_FOR_EACH (i, p, &rx.batch) {
        if (rx.wire) {
            struct flow flow;

            flow_extract(p, &flow);
            life_wire = rx.wire;
            life_send(&life_plain, p, 0, false, false);
            life_wire = NULL;
        } else {
            life_live(p, rx.mtu);
            dp_packet_delete(p);
        }
    }
    dp_packet_batch_reset(&rx.batch);
}

/* 'frame' arrives with 'marks', in 'headroom'. */
static void
arrive(const void *frame, size_t len, uint8_t marks, size_t headroom)
{
    struct dp_packet *p;
    struct flow flow;

    if (len < ETH_HEADER_LEN) {
        /* dpif-netdev refuses it. */
        return;
    }
    p = dp_packet_new_with_headroom(len, headroom);
    dp_packet_put(p, frame, len);
    if (marks & LIFE_IP_GOOD) {
        dp_packet_ip_checksum_set_good(p);
    }
    if (marks & LIFE_L4_GOOD) {
        dp_packet_l4_checksum_set_good(p);
    }
    if (marks & LIFE_L4_PARTIAL) {
        dp_packet_l4_checksum_set_partial(p);
        if (marks & LIFE_UDP) {
            dp_packet_l4_proto_set_udp(p);
        } else {
            dp_packet_l4_proto_set_tcp(p);
        }
        if (marks & LIFE_TSO) {
            dp_packet_set_tso_segsz(p, 1 + len / 3);
        }
    }
    flow_extract(p, &flow);
    dp_packet_batch_add(&rx.batch, p);
    if (dp_packet_batch_size(&rx.batch) >= NETDEV_MAX_BURST) {
        pop_batch();
    }
}

/* A part of an STT frame arrives.  'how' are bits of enum stt_lifecycle_op. */
static void
arrive_part(uint8_t how, uint8_t id, uint16_t total, uint16_t ofs,
            const uint8_t *payload, size_t len)
{
    bool v6 = how & LIFE_IPV6;
    size_t tcp = life_outer_len(v6);
    size_t vlan = how & LIFE_VLAN ? 4 : 0;
    size_t pad = how & LIFE_VLAN ? id % 8 : 0;
    size_t frame_len = tcp + TCP_LEN + len;
    uint8_t *frame = xzalloc(vlan + frame_len + pad);
    uint8_t *h = frame + vlan;

    life_put_ip(h, v6, 6, how & LIFE_CE ? 3 : 2);
    life_put_tcp(h + tcp);
    ref_put32(h + tcp + 4, (uint32_t) total << 16 | ofs);
    ref_put32(h + tcp + 8, id);
    nullable_memcpy(h + tcp + TCP_LEN, payload, len);
    if (v6) {
        ref_put16(h + 18, TCP_LEN + len);
    } else {
        ref_put16(h + 16, 20 + TCP_LEN + len);
        ref_put16(h + 24, ref_csum(h + 14, 20));
    }
    if (!(how & LIFE_BAD)) {
        struct ref_layout l;

        ovs_assert(!ref_parse(h, frame_len, REF_PLAIN, &l));
        ref_put16(h + tcp + 16, ref_partial_csum(h, frame_len, &l.inner));
        ref_put16(h + tcp + 16, ref_csum(h + tcp, TCP_LEN + len));
    }
    if (vlan) {
        memmove(frame, h, 12);
        ref_put16(frame + 12, 0x8100);
        ref_put16(frame + 14, id);
    }
    arrive(frame, vlan + frame_len + pad, 0, id & 1 ? 128 : 0);
    free(frame);
}

/* Puts numbers up to 'n' into 'order' as 'how' says: as they are, backwards,
 * odd ones first, or by chance. */
static void
put_order(size_t *order, size_t n, uint8_t how)
{
    for (size_t i = 0; i < n; i++) {
        order[i] = (!(how & 3) ? i
                    : (how & 3) == 1 ? n - 1 - i
                    : i < n / 2 ? 2 * i + 1 : 2 * (i - n / 2));
    }
    if ((how & 3) == 3) {
        uint32_t seed = how;

        for (size_t i = n; i > 1; i--) {
            size_t j, tmp;

            seed = seed * 1664525 + 1013904223;
            j = (seed >> 16) % i;
            tmp = order[i - 1];
            order[i - 1] = order[j];
            order[j] = tmp;
        }
    }
}

static void
op_raw(struct input *in)
{
    uint8_t marks = next8(in);
    size_t len = next16(in);
    const uint8_t *frame = next_bytes(in, &len);

    arrive(frame, len, marks, marks & LIFE_IP_PARTIAL ? 0 : 64);
}

static void
op_part(struct input *in, uint8_t op)
{
    uint8_t id = next8(in);
    uint16_t total = next16(in);
    uint16_t ofs = next16(in);
    size_t len = next16(in);
    const uint8_t *payload = next_bytes(in, &len);

    arrive_part(op, id, total, ofs, payload, MIN(len, 60000));
}

/* Makes the first bytes of an STT header say the truth about 'inner'. */
static void
settle_header(uint8_t *stt, const uint8_t *inner, size_t len)
{
    struct ref_layout l;

    stt[0] = 0;
    if (ref_parse(inner, len, REF_PLAIN, &l) || l.inner.l4 > 255
        || (l.inner.proto != 6 && l.inner.proto != 17)) {
        stt[1] = 0;
        return;
    }
    stt[1] = (2 | (l.inner.version == 4 ? 4 : 0)
              | (l.inner.proto == 6 ? 8 : 0));
    stt[2] = l.inner.l4;
    if (l.inner.proto != 6) {
        ref_put16(stt + 4, 0);
    }
}

static void
op_frame(struct input *in, uint8_t op)
{
    uint8_t id = next8(in);
    size_t unit = 1 + next16(in);
    uint8_t how = next8(in);
    uint8_t header[8];
    uint8_t *frame;
    const uint8_t *inner;
    size_t *order;
    size_t len, total, n;

    for (size_t i = 0; i < sizeof header; i++) {
        header[i] = next8(in);
    }
    len = next16(in);
    inner = next_bytes(in, &len);
    len = MIN(len, 65000);
    total = STT_LEN + len;
    unit = MAX(unit, total / 100 + 1);
    frame = xzalloc(total);
    if (op & LIFE_SETTLE) {
        settle_header(header, inner, len);
    }
    memcpy(frame, header, sizeof header);
    nullable_memcpy(frame + STT_LEN, inner, len);

    n = DIV_ROUND_UP(total, unit);
    order = xmalloc(n * sizeof *order);
    put_order(order, n, how);
    for (size_t i = 0; i < n; i++) {
        size_t ofs = order[i] * unit;

        if (how & 0x80 && i == n / 2) {
            /* Lost; or twice, if there is an ID of its own. */
            continue;
        }
        for (size_t twice = 0; twice <= (how >> 6 & 1); twice++) {
            arrive_part(op, id, total, ofs, frame + ofs,
                        MIN(unit, total - ofs));
        }
    }
    free(order);
    free(frame);
}

/* A packet as we get it from a guest, 'len' bytes at 'frame'. */
static struct dp_packet *
from_guest(const uint8_t *frame, size_t len, uint8_t marks, uint16_t mss)
{
    struct dp_packet *p = dp_packet_new_with_headroom(len, 0);
    struct flow flow;

    dp_packet_put(p, frame, len);
    if (marks & LIFE_UDP) {
        dp_packet_l4_proto_set_udp(p);
    } else {
        dp_packet_l4_proto_set_tcp(p);
    }
    if (marks & LIFE_L4_PARTIAL) {
        dp_packet_l4_checksum_set_partial(p);
        if (marks & LIFE_TSO) {
            if (marks & LIFE_UDP) {
                p->uso_segsz = mss;
            } else {
                dp_packet_set_tso_segsz(p, mss);
            }
        }
    } else if (marks & LIFE_L4_GOOD) {
        dp_packet_l4_checksum_set_good(p);
    }
    flow_extract(p, &flow);
    return p;
}

/* Makes lengths and an unfinished checksum of 'frame' right. */
static void
settle_packet(uint8_t *frame, size_t len, uint8_t marks)
{
    struct ref_layout l;

    if (!ref_parse(frame, len, REF_PLAIN, &l)) {
        size_t ip = l.inner.ofs;

        if (l.inner.version == 4) {
            ref_put16(frame + ip + 2, len - ip);
            ref_put16(frame + ip + 10, 0);
            ref_put16(frame + ip + 10,
                      ref_csum(frame + ip, l.inner.l4 - ip));
        } else {
            ref_put16(frame + ip + 4, len - ip - 40);
        }
        if (l.inner.proto == 17 && l.inner.l4 + 8 <= len) {
            ref_put16(frame + l.inner.l4 + 4, len - l.inner.l4);
        }
        if (marks & LIFE_L4_PARTIAL
            && (l.inner.proto == 6 || l.inner.proto == 17)) {
            ref_put16(frame + l.l4_csum,
                      ref_partial_csum(frame, len, &l.inner));
        }
    }
}

/* STT has no place for the drop eligible indicator of the tag that it takes
 * off. */
static void
forget_dei(struct ref_frame *f)
{
    if (f->len >= 18 && ref_get16(f->data + 12) == 0x8100) {
        f->data[14] &= ~0x10;
    }
}

/* 'got' must be those of 'want', in any order. */
static void
compare(struct ref_frames *got, struct ref_frames *want)
{
    if (got->n != want->n) {
        fprintf(stderr, "%"PRIuSIZE" packets, not %"PRIuSIZE"\n", got->n,
                want->n);
        life_fail("not as many packets come out as the reference has", NULL,
                  0);
    }
    for (size_t i = 0; i < want->n; i++) {
        bool found = false;

        forget_dei(&want->v[i]);
        for (size_t j = 0; j < got->n && !found; j++) {
            struct ref_frame *g = &got->v[(i + j) % got->n];

            forget_dei(g);
            if (g->data && g->len == want->v[i].len
                && !memcmp(g->data, want->v[i].data, g->len)) {
                free(g->data);
                g->data = NULL;
                g->len = 0;
                found = true;
            }
        }
        if (!found) {
            for (size_t j = 0; j < got->n; j++) {
                ovs_hex_dump(stderr, got->v[j].data,
                             MIN(got->v[j].len, 128), 0, false);
            }
            life_fail("what comes out is not what the reference cuts:",
                      want->v[i].data, want->v[i].len);
        }
    }
}

/* What 'frame' with 'marks' must be in the end.  Returns false if the
 * reference does not know. */
static bool
want_frames(const uint8_t *frame, size_t len, uint8_t marks, uint16_t mss,
            struct ref_frames *want)
{
    struct ref_job job = { .encap = REF_PLAIN, .udp = marks & LIFE_UDP };
    bool super = marks & LIFE_L4_PARTIAL && marks & LIFE_TSO && mss;
    struct ref_layout l;

    *want = (struct ref_frames) { .n = 0 };
    if (!(marks & LIFE_L4_PARTIAL)) {
        want->v = xmalloc(sizeof *want->v);
        want->v[want->n++] = (struct ref_frame) { xmemdup(frame, len), len };
        return true;
    }
    if (ref_parse(frame, len, REF_PLAIN, &l)
        || ref_is_udp(&l) != job.udp) {
        return false;
    }
    job.mss = super ? mss : UINT16_MAX;
    if (DIV_ROUND_UP(len, job.mss) > TNL_GSO_MAX_SEGS) {
        /* Refused. */
        return false;
    }
    if (ref_cut(frame, len, &job, job.mss, want)) {
        ref_frames_destroy(want);
        return false;
    }
    return true;
}

static void
op_push(struct input *in, uint8_t op)
{
    uint8_t marks = next8(in);
    uint16_t mss = next16(in);
    uint32_t mtu = next_mtu(in, 120);
    uint8_t how = next8(in);
    size_t len = next16(in);
    const uint8_t *bytes = next_bytes(in, &len);
    uint8_t *frame;
    struct ref_frames wire = { .n = 0 };
    struct ref_frames got = { .n = 0 };
    struct ovs_action_push_tnl data;
    struct dp_packet_batch batch;
    struct ref_frames want;
    struct dp_packet *p;
    bool known;
    size_t *order;

    if (len < ETH_HEADER_LEN) {
        return;
    }
    frame = xmemdup(bytes, len);
    pop_batch();
    if (op & LIFE_SETTLE) {
        settle_packet(frame, len, marks);
    }
    known = (op & LIFE_SETTLE
             && want_frames(frame, len, marks, mss, &want));

    p = from_guest(frame, len, marks, mss);
    life_live(p, mtu);

    dp_packet_batch_init_packet(&batch, p);
    life_stt_template(&data, op & LIFE_IPV6);
    life_push(&life_stt, &batch, &data);
    life_wire = &wire;
    life_send_batch(&life_plain, &batch, mtu, true, life_will_fit(mtu));
    life_wire = NULL;

    order = xmalloc(MAX(wire.n, 1) * sizeof *order);
    /* Reassembly holds no more than 62 parts that are apart. */
    put_order(order, wire.n, wire.n <= 123 ? how : 0);
    rx.wire = &got;
    for (size_t i = 0; i < wire.n; i++) {
        arrive(wire.v[order[i]].data, wire.v[order[i]].len,
               how & 0x40 ? LIFE_IP_GOOD | LIFE_L4_GOOD : 0, 64);
    }
    pop_batch();
    rx.wire = NULL;
    if (known) {
        compare(&got, &want);
        stt_lifecycle_stats.returned++;
    }

    free(order);
    if (known) {
        ref_frames_destroy(&want);
    }
    ref_frames_destroy(&got);
    ref_frames_destroy(&wire);
    free(frame);
}

void
stt_lifecycle_run(const uint8_t *data, size_t size)
{
    struct input in = { data, size };
    struct stt_reasm_usage usage;

    life_ports_init();
    dp_packet_batch_init(&rx.batch);
    rx.mtu = next_mtu(&in, 68);
    while (in.n) {
        uint8_t op = next8(&in);

        switch ((enum stt_lifecycle_op) (op & LIFE_OP_MASK) % LIFE_N_OPS) {
        case LIFE_RAW:
            op_raw(&in);
            break;
        case LIFE_PART:
            op_part(&in, op);
            break;
        case LIFE_FRAME:
            op_frame(&in, op);
            break;
        case LIFE_PUSH:
            op_push(&in, op);
            break;
        case LIFE_END:
        case LIFE_N_OPS:
        default:
            pop_batch();
            break;
        }
    }
    pop_batch();
    dp_packet_batch_destroy(&rx.batch);

    stt_reasm_run(LLONG_MAX);
    stt_reasm_usage_get(&usage);
    if (usage.n_frames || usage.bytes || usage.n_peers) {
        life_fail("memory is still held", NULL, 0);
    }
}
