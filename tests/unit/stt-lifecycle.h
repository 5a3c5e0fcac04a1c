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

#ifndef STT_LIFECYCLE_H
#define STT_LIFECYCLE_H 1

/* The life of packets around STT tunnels, as a sequence of bytes says: what
 * fuzz-stt-pop.c and `ovstest test-tnl-gso stt-lifecycle` share. */

#include <stddef.h>
#include <stdint.h>

/* Parts of the input.  Each starts with a byte that says what it is, the lower
 * bits, and how, the upper ones. */
enum stt_lifecycle_op {
    LIFE_RAW,                   /* A frame: marks, length, bytes. */
    LIFE_PART,                  /* Part of an STT frame: ID, total, offset,
                                 * length, bytes. */
    LIFE_FRAME,                 /* An STT frame that a peer cuts: ID, unit,
                                 * order, header of 8 bytes, length, bytes. */
    LIFE_PUSH,                  /* A packet that we push: marks, mss, MTU,
                                 * order, length, bytes. */
    LIFE_END,                   /* End of the batch. */
    LIFE_N_OPS
};
enum {
    LIFE_OP_MASK = 7,
    LIFE_IPV6 = 1 << 3,         /* Outer. */
    LIFE_VLAN = 1 << 4,         /* The outer frame is tagged, and padded. */
    LIFE_BAD = 1 << 5,          /* TCP checksum is left as it is. */
    LIFE_CE = 1 << 6,
    LIFE_SETTLE = 1 << 7,       /* LIFE_FRAME: header says what the inner
                                 * frame is.  LIFE_PUSH: what the frame says
                                 * of itself is made right. */
};

/* Marks that a packet arrives with. */
enum {
    LIFE_IP_GOOD = 1 << 0,
    LIFE_L4_GOOD = 1 << 1,
    LIFE_L4_PARTIAL = 1 << 2,
    LIFE_TSO = 1 << 3,
    LIFE_UDP = 1 << 4,          /* L4 marks are about UDP, else TCP. */
    LIFE_IP_PARTIAL = 1 << 5,
};

/* Runs 'data', and aborts if something is wrong. */
void stt_lifecycle_run(const uint8_t *data, size_t size);

/* Since the start. */
struct stt_lifecycle_stats {
    unsigned long long int popped;      /* Packets handed to a pop, */
    unsigned long long int out;         /* and packets that came out, */
    unsigned long long int held;        /* and parts that were kept. */
    unsigned long long int pushed;      /* Packets pushed. */
    unsigned long long int returned;    /* Those of them that came back and
                                         * were compared with the reference. */
    unsigned long long int sent;        /* Packets that ports were given. */
};
extern struct stt_lifecycle_stats stt_lifecycle_stats;

#endif /* stt-lifecycle.h */
