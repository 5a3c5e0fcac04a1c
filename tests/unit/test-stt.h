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

#ifndef TEST_STT_H
#define TEST_STT_H 1

/* What the tests of STT's push (test-stt.c, test-stt-push.c) and pop
 * (test-stt-pop.c) share. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "test-tnl-gso.h"
#include "tnl-gso-pkt.h"

struct dp_packet;
struct ovs_action_push_tnl;

enum { TCP_LEN = 20, STT_LEN = 18, PORT = 7471 };
#define KEY UINT64_C(0x0123456789abcdef)

enum { VERIFIED = 1, PARTIAL = 2, IPV4 = 4, TCP = 8 };

struct push_row {
    const char *name;
    void (*change)(struct pkt_row *);
    bool super;
    int outer;                  /* Version. */

    /* What must be in the STT header. */
    uint8_t flags;
    uint8_t l4_ofs;
    bool vlan;                  /* A tag is taken off. */
    bool good;                  /* Ordinary: the checksum is known as good. */
};

extern const struct push_row stt_tcp_row, stt_udp_row, stt_udp6_row;
extern const struct push_row stt_tcp6_row;

size_t stt_outer_len(int version);
void stt_put_template(struct ovs_action_push_tnl *, int version);
uint8_t *stt_build_inner(const struct push_row *, struct ref_job *,
                         size_t *len);
struct dp_packet *stt_received(const void *frame, size_t len);
void stt_send_on(struct dp_packet *, uint32_t mtu, struct ref_frames *);

void test_stt_push(void);
void test_stt_pop(void);

#endif /* test-stt.h */
