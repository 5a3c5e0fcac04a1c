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

#ifndef TEST_TNL_GSO_H
#define TEST_TNL_GSO_H 1

/* What the subcommands of `ovstest test-tnl-gso` and the fuzz target share.
 *
 * Expectations must come from the reference or from rows written here, never
 * from the code under test. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/compiler.h"
#include "tnl-gso-ref.h"
#include "tnl-gso/core/tnl-gso-port.h"
#include "tnl-gso/stages/tnl-gso-desc.h"
#include "tnl-gso/stages/tnl-gso-plan.h"
#include "util.h"

struct dp_packet;
struct ds;
struct netdev;
struct ovs_cmdl_context;
struct tnl_gso_frame;
struct tnl_gso_frames;

/* Counts one case.  A failed one is reported with its name; 'error' is NULL
 * for success, otherwise what went wrong, which is freed. */
void test_case(char *error, const char *name, ...) OVS_PRINTF_FORMAT(2, 3);

/* Compares integers; the first difference becomes 'error'. */
#define EXPECT(GOT, EXPECTED)                                               \
    do {                                                                    \
        int got_ = GOT;                                                     \
        int expected_ = EXPECTED;                                           \
                                                                            \
        if (!error && got_ != expected_) {                                  \
            error = xasprintf("%s is %d, not %d", #GOT, got_, expected_);   \
        }                                                                   \
    } while (0)

/* The same; the first difference is returned. */
#define COMPARE(GOT, EXPECTED)                                              \
    do {                                                                    \
        unsigned long long int got_ = (GOT);                                \
        unsigned long long int expected_ = (EXPECTED);                      \
                                                                            \
        if (got_ != expected_) {                                            \
            return xasprintf("%s is %llu, not %llu", #GOT, got_, expected_); \
        }                                                                   \
    } while (0)

/* A model of a kernel port: test-tnl-gso-compare-frames.c. */
uint8_t *frame_flatten(const struct tnl_gso_frames *,
                       const struct tnl_gso_frame *);
char *vnet_to_wire(const uint8_t *bytes, size_t len, size_t vnet_size,
                   struct ref_frames *wire);
char *compare_wire_frames(const struct ref_frames *wire,
                          const struct ref_frame *expected);

/* Writes a seed for a fuzz target, 'header' and what follows it, to a file
 * that is named by number 'i' in directory 'dir'. */
void write_seed(const char *dir, uint64_t i, const void *header,
                size_t header_len, const void *data, size_t len);

/* How to cut one superpacket. */
struct cut_job {
    struct ref_job ref;
    const struct tnl_gso_caps *caps;    /* NULL: tnl_gso_plan_split(). */
    uint32_t max_frame_len;             /* For tnl_gso_plan_split(). */
};

char *cut_and_compare(const uint8_t *frame, size_t len, const struct cut_job *,
                      struct tnl_gso_plan *);

char *frames_and_compare(const struct dp_packet *,
                         const struct tnl_gso_desc *,
                         const struct tnl_gso_plan *, const struct ref_job *);
char *trains_and_compare(const struct dp_packet *, const struct tnl_gso_desc *,
                         const struct tnl_gso_plan *, const struct ref_job *);
char *restart_and_compare(const struct dp_packet *,
                          const struct tnl_gso_desc *, const struct ref_job *,
                          uint32_t first, const struct ref_frames *segments);

enum tnl_gso_encap test_encap(enum ref_encap);
uint64_t test_tnl_tso(enum ref_encap);
uint64_t test_seg_flag(enum ref_encap, bool udp);

/* What a plan has to be: test-tnl-gso-plan-rules.c. */
void plan_expect(const struct tnl_gso_desc *, const struct tnl_gso_caps *,
                 struct tnl_gso_plan *);
bool plan_equal(const struct tnl_gso_plan *, const struct tnl_gso_plan *);
void plan_format(const struct tnl_gso_plan *, struct ds *);

/* Tunnels with and without remote checksums: test-tnl-gso-rco-pop.c. */
struct rco_tunnels {
    struct netdev *dev[REF_GENEVE + 1]; /* By enum ref_encap. */
    bool rx;
};
void rco_open_tunnels(struct rco_tunnels *, bool rx);
void rco_close_tunnels(struct rco_tunnels *);
char *rco_pop_and_judge(const struct rco_tunnels *, const uint8_t *frame,
                        size_t len, enum ref_encap, bool *accepted);

void test_describe_bad(void);
void test_merge_rules(void);
void test_describe(struct ovs_cmdl_context *);
void test_plan(struct ovs_cmdl_context *);
void test_port_limits(struct ovs_cmdl_context *);
void test_cut(struct ovs_cmdl_context *);
void test_props(struct ovs_cmdl_context *);
void test_complete_ordinary(struct ovs_cmdl_context *);
void test_csum(struct ovs_cmdl_context *);
void test_dpdk_drivers(struct ovs_cmdl_context *);
void test_afxdp(struct ovs_cmdl_context *);
void test_buf(struct ovs_cmdl_context *);
void test_big(struct ovs_cmdl_context *);
void test_room(struct ovs_cmdl_context *);
void test_accept(struct ovs_cmdl_context *);
void test_ufo(struct ovs_cmdl_context *);
void test_rx(struct ovs_cmdl_context *);
void test_vnet(struct ovs_cmdl_context *);
void test_vnet_corpus(struct ovs_cmdl_context *);
void test_merge(struct ovs_cmdl_context *);
void test_gro(struct ovs_cmdl_context *);
void test_gro_pop(struct ovs_cmdl_context *);
void test_gro_diff(struct ovs_cmdl_context *);
void test_gro_mistakes(struct ovs_cmdl_context *);
void test_gro_rules(struct ovs_cmdl_context *);
void test_nested_ref(struct ovs_cmdl_context *);
void test_nested(struct ovs_cmdl_context *);
void test_nested_push(struct ovs_cmdl_context *);
void test_nested_props(struct ovs_cmdl_context *);
void test_frames(struct ovs_cmdl_context *);
void test_gtpu(struct ovs_cmdl_context *);
void test_relay(struct ovs_cmdl_context *);
void test_send_hook(struct ovs_cmdl_context *);
void test_gro_send(struct ovs_cmdl_context *);
void test_push_hook(struct ovs_cmdl_context *);
void test_stt(struct ovs_cmdl_context *);
void test_segment(struct ovs_cmdl_context *);
void test_train(struct ovs_cmdl_context *);
void test_rco(struct ovs_cmdl_context *);
void test_rco_corpus(struct ovs_cmdl_context *);
void test_corpus(struct ovs_cmdl_context *);
void test_merge_corpus(struct ovs_cmdl_context *);
void test_gro_corpus(struct ovs_cmdl_context *);
void test_stt_attack(struct ovs_cmdl_context *);
void test_stt_lifecycle(struct ovs_cmdl_context *);
void test_stt_corpus(struct ovs_cmdl_context *);

/* The fuzz target's input: this, then a frame. */
struct fuzz_header {
    uint8_t encap;              /* enum ref_encap up to REF_GRE, and FUZZ_*. */
    uint8_t methods;            /* Of struct tnl_gso_caps, and FUZZ_GTPU or
                                 * FUZZ_IPIP. */
    uint8_t mss[2];
    uint8_t ol_flags[2];        /* See fuzz_ol_flags(). */
    uint8_t max_frame_len[2];   /* For FUZZ_SPLIT and FUZZ_MTU. */
};
enum {
    FUZZ_CSUM = 1 << 7,
    FUZZ_SPLIT = 1 << 6,
    FUZZ_UDP = 1 << 5,
    FUZZ_L4_DONE = 1 << 4,
    FUZZ_MTU = 1 << 3,
    FUZZ_RCO = 1 << 2,

    FUZZ_GTPU = 1 << 7,         /* REF_GTPU, in 'methods'. */
    FUZZ_IPIP = 1 << 0,         /* REF_IPIP, in 'methods'. */
};

/* The same for fuzz-tnl-gso-merge: this, then the payload of a train. */
struct fuzz_train_header {
    uint8_t flags;              /* FUZZ_TRAIN_*. */
    uint8_t unit_len[2];
};
enum {
    FUZZ_TRAIN_GENEVE = 1 << 0,
    FUZZ_TRAIN_IPV6 = 1 << 1,   /* Outer. */
    FUZZ_TRAIN_SETTLE = 1 << 2, /* Inner checksums are made right. */
};

/* The same for fuzz-tnl-gro: this, then packets. */
struct fuzz_gro_header {
    uint8_t flags;              /* enum ref_encap, and FUZZ_GRO_TRAINS_ONLY. */
    uint8_t marks;              /* 0, or a seed of random ones. */
};
enum { FUZZ_GRO_TRAINS_ONLY = 1 << 2 };

/* A packet: this, then 'len' bytes of it.  With FUZZ_GRO_AGAIN, of changes to
 * what follows the packet before it in its flow: where, in two bytes, and what
 * is xored. */
struct fuzz_gro_item {
    uint8_t flags;              /* FUZZ_GRO_*. */
    uint8_t len[2];
};
enum {
    FUZZ_GRO_AGAIN = 1 << 0,
    FUZZ_GRO_SETTLE = 1 << 1,   /* Checksums and lengths are made right. */
    FUZZ_GRO_TRAIN = 1 << 2,    /* In a train with the one before it. */
    FUZZ_GRO_SUPER = 1 << 3,    /* A superpacket already. */
    FUZZ_GRO_PORT = 1 << 4,     /* From another port. */
};

/* What a port can do, from 16 bits: the lowest ten are NETDEV_TX_*, two more
 * TNL_GSO_TX_*. */
static inline uint64_t
fuzz_ol_flags(uint16_t bits)
{
    BUILD_ASSERT(TNL_GSO_TX_UDP_GSO == UINT64_C(1) << 40
                 && TNL_GSO_TX_TNL_UDP_GSO == UINT64_C(1) << 41
                 && TNL_GSO_TX_TNL_GSO == UINT64_C(1) << 44);
    return (bits & 0x3ff) | (uint64_t) (bits & 0x7c00) << 30;
}

#endif /* test-tnl-gso.h */
