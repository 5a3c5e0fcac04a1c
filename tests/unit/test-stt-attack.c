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

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dp-packet.h"
#include "odp-netlink.h"
#include "test-stt-reasm.h"
#include "test-stt.h"
#include "test-tnl-gso.h"
#include "tnl-gso-pkt.h"
#include "tnl-gso/ports/netdev-stt.h"
#include "tnl-gso/core/tnl-gso-id.h"
#include "tnl-gso/tnl-gso.h"
#include "util.h"

/* STT against those who mean no good: how many frames of real peers complete
 * while somebody sends first parts of frames that never will, and what he has
 * to know.  Time is that of a simulation.
 *
 * Prints what it has counted, for Documentation/topics/stt.rst. */

enum { BIG = 65495, MSS = 1460, N_PARTS = DIV_ROUND_UP(BIG, MSS) };

/* Two real peers send N_FLOWS frames at a time, each. */
enum { N_PEERS = 2, N_FLOWS = 4 };

/* How the attacker sends. */
enum attack {
    SPOOFED,                    /* Each packet from another address. */
    AS_PEER,                    /* From that of a real peer, other IDs. */
    SIX_ADDRESSES,              /* From those that he has. */
    GROWING,                    /* Spoofed, two parts for each frame. */
    N_ATTACKS
};

static const char *const attack_names[] = {
    "spoofed", "as-peer", "six-addresses", "two-parts"
};

/* The 'n'th packet of an attack: 8 bytes of a frame of BIG. */
static void
attack(enum attack how, uint32_t n)
{
    uint32_t frame = how == GROWING ? n / 2 : n;
    struct ref_stt_frame f = {
        .src = (how == AS_PEER ? 2
                : how == SIX_ADDRESSES ? 100 + 2 * (n % 6)
                : 100 + 2 * frame),
        .dst = 1,
        .id = 0x80000000 + frame,
        .total = BIG,
    };
    enum stt_verdict verdict;
    struct stt_segment s;
    uint8_t payload[8];
    bool ce;

    ref_stt_segment(&f, how == GROWING ? n % 2 * 8 : 0, 8, false, payload, &s);
    dp_packet_delete(stt_reasm_add(&s, stt_now, &verdict, &ce));
}

/* Part 'i' of frame 'id' of real peer 'peer'.  Returns true if it completes
 * the frame, which is right. */
static bool
add_real(unsigned int peer, uint32_t id, int i)
{
    struct ref_stt_frame f = {
        .src = 2 + 2 * peer, .dst = 1, .id = id, .total = BIG
    };
    uint16_t ofs = i * MSS;
    uint8_t payload[MSS];
    enum stt_verdict verdict;
    struct stt_segment s;
    struct dp_packet *p;
    bool ce;

    ref_stt_segment(&f, ofs, MIN(MSS, BIG - ofs), false, payload, &s);
    p = stt_reasm_add(&s, stt_now, &verdict, &ce);
    if (p) {
        char *error = stt_compare(p, &f);

        ovs_assert(!error);
        return true;
    }
    return false;
}

/* How many frames are held at most; between two parts of a frame, so many
 * must be begun to lose it. */
static void
test_memory(void)
{
    struct stt_reasm_usage all, one;
    char *error = NULL;

    for (uint32_t n = 0; n < 2000; n++) {
        attack(AS_PEER, n);
    }
    one = stt_usage();
    for (uint32_t n = 0; n < 2000; n++) {
        attack(SPOOFED, n);
    }
    all = stt_usage();
    printf("memory: %"PRIuSIZE" frames of %d bytes, %"PRIuSIZE" of a peer\n",
           all.n_frames, BIG, one.n_frames);
    EXPECT(all.n_frames > 900, true);
    EXPECT(one.n_frames > 225, true);
    test_case(error ? error : stt_empty(), "stt: frames in memory");
}

/* Sends 'rounds' frames of each flow, a part of each in 'gap' us, while the
 * attacker, who has begun before, sends 'rate' packets in a second.  All of
 * the frames must complete, 'all' says. */
static void
test_attack(enum attack how, uint32_t rate, uint32_t gap, uint32_t rounds,
            bool all)
{
    uint32_t n_frames = rounds * N_PEERS * N_FLOWS;
    uint64_t start = stt_now * 1000;
    uint64_t now = start;
    uint32_t n_before = MIN(2000, 30 * rate);
    uint32_t n_attacks = 0;
    uint32_t n_complete = 0;
    char *error = NULL;
    char *left;

    /* All that can be there when a real frame comes. */
    while (n_attacks < n_before) {
        attack(how, n_attacks++);
    }
    for (uint32_t round = 0; round < rounds; round++) {
        for (int i = 0; i < N_PARTS; i++) {
            for (uint32_t j = 0; j < N_PEERS * N_FLOWS; j++) {
                uint64_t due = (now - start) * rate / 1000000;

                stt_now = now / 1000;
                while (n_attacks < n_before + due) {
                    attack(how, n_attacks++);
                }
                n_complete += add_real(j % N_PEERS, round * N_FLOWS * N_PEERS
                                       + j, i);
                now += gap / (N_PEERS * N_FLOWS);
            }
        }
    }
    printf("%s: %u/s, a part in %u us: %u of %u frames complete\n",
           attack_names[how], rate, gap, n_complete, n_frames);
    if (all) {
        EXPECT(n_complete, n_frames);
    }
    left = stt_empty();
    test_case(error ? error : left, "stt: %s, %u/s, a part in %u us", attack_names[how], rate,
              gap);
}

/* Parts that were sent ahead under the IDs of real frames, with other lengths
 * of the frame, do not keep the right ones out. */
static void
test_ahead(void)
{
    uint32_t n_complete = 0;
    char *error = NULL;

    for (uint32_t id = 0; id < 100; id++) {
        for (int k = 0; k < 2; k++) {
            struct ref_stt_frame f = {
                .src = 2, .dst = 1, .id = id, .total = BIG - 1 - k
            };

            EXPECT(stt_add_part(&f, 0, 8, NULL), STT_HELD);
        }
    }
    for (uint32_t id = 0; id < 100; id++) {
        for (int i = 0; i < N_PARTS; i++) {
            n_complete += add_real(0, id, i);
        }
    }
    printf("ahead, other length: %u of 100 frames complete\n", n_complete);
    EXPECT(n_complete, 100);
    test_case(error ? error : stt_empty(), "stt: other lengths ahead");
}

/* Values that `openssl mac SIPHASH` gives for the bytes 0, 1, 2, ... */
static void
test_siphash(void)
{
    static const uint64_t key[2] = {
        UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)
    };
    static const uint64_t words[4] = {
        UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908),
        UINT64_C(0x1716151413121110), UINT64_C(0x1f1e1d1c1b1a1918)
    };
    char *error = NULL;

    EXPECT(tnl_gso_siphash(key, words, 1, 8)
           == UINT64_C(0x9e0082df0ba9e4b0), true);
    EXPECT(tnl_gso_siphash(key, words, 4, 32)
           == UINT64_C(0xa7f32346f95978e3), true);
    test_case(error, "ids: SipHash-2-4");
}

static uint32_t
pushed_id(uint32_t dst)
{
    struct ovs_action_push_tnl data;
    const uint8_t *tcp;
    struct dp_packet *p;
    struct pkt_row row;
    uint32_t id;

    pkt_row_init(&row, REF_PLAIN);
    p = pkt_build(&row);
    p->uso_segsz = 0;
    stt_put_template(&data, 4);
    ref_put32((uint8_t *) data.header + 30, dst);
    netdev_stt_push_header(NULL, NULL, p, &data);
    tcp = (const uint8_t *) dp_packet_data(p) + 34;
    id = ref_get32(tcp + 8);
    dp_packet_delete(p);
    return id;
}

/* Frame IDs to one peer follow each other; whoever sees them knows nothing
 * about those to others. */
static void
test_frame_ids(void)
{
    enum { N = 1000 };
    uint32_t first = pushed_id(1);
    uint32_t min = UINT32_MAX;
    uint32_t max = 0;
    char *error = NULL;
    size_t n_near = 0;

    for (uint32_t i = 0; i < N; i++) {
        uint32_t mine = pushed_id(1);
        uint32_t other = pushed_id(0x0a000000 + i);

        n_near += other - mine + 5000 < 10000;
        min = MIN(min, other);
        max = MAX(max, other);
        /* Another one may have the same counter. */
        EXPECT(mine - first - 1 - i < 50, true);
    }
    printf("frame IDs: of %d peers, %"PRIuSIZE" get one that is less than "
           "5,000 from another's\n", N, n_near);
    EXPECT(n_near < 5, true);
    EXPECT(min < UINT32_MAX / 16, true);
    EXPECT(max > UINT32_MAX / 16 * 15, true);
    test_case(error, "ids: of STT frames");
}

static uint16_t
ip_id(uint32_t dst, uint8_t proto)
{
    struct dp_packet *p = dp_packet_new(64);
    uint8_t ip[20] = { 0x45, [9] = proto };
    uint16_t id;

    ref_put32(ip + 16, dst);
    id = ntohs(tnl_gso_new_ip_id(p, (const void *) ip));
    dp_packet_delete(p);
    return id;
}

/* The same for IDs of outer IPv4 headers, by protocol. */
static void
test_ip_ids(void)
{
    enum { N = 1000 };
    size_t n_near = 0, n_pairs = 0;
    char *error = NULL;
    uint16_t old[N];
    uint16_t mine;

    for (uint32_t i = 0; i < N; i++) {
        mine = ip_id(1, 17);
        old[i] = ip_id(0x0a000000 + i, 17);
        n_near += (uint16_t) (old[i] - mine + 100) < 200;
    }
    /* Whose numbers are a fixed distance from one another?  Counters of those
     * who share one are, and nobody must be able to say where that is. */
    for (uint32_t i = 1; i < N; i++) {
        n_pairs += (uint16_t) (old[i] - old[i - 1] - 1) < 2;
    }
    EXPECT(n_near < 20, true);
    EXPECT(n_pairs < 5, true);
    EXPECT((uint16_t) (ip_id(1, 17) - mine - 1) < 50, true);
    EXPECT((uint16_t) (ip_id(1, 47) - mine + 50) < 100, false);
    test_case(error, "ids: of outer IPv4 headers");
}

void
test_stt_attack(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    stt_limits(-1, -1);
    test_memory();
    test_attack(SPOOFED, 0, 120, 10, true);
    for (enum attack how = 0; how < N_ATTACKS; how++) {
        test_attack(how, 35, 120, 10, true);
        test_attack(how, 1000, 120, 10, true);
        test_attack(how, 100000, 120, 10, true);
        test_attack(how, 1000000, 120, 10, how != AS_PEER);
    }
    test_attack(SPOOFED, 5000000, 120, 2, true);
    test_attack(SPOOFED, 10000000, 120, 2, false);
    /* Parts a tenth of a second apart. */
    for (enum attack how = 0; how < N_ATTACKS; how++) {
        test_attack(how, 1000, 100000, 1, how != AS_PEER);
    }
    test_attack(SIX_ADDRESSES, 100000, 100000, 1, true);
    test_ahead();
    test_siphash();
    test_frame_ids();
    test_ip_ids();
}
