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

#ifndef STT_REASM_H
#define STT_REASM_H 1

/* STT frames, put together again from the packets that they were cut into.
 *
 * Called by the tunnel pop (netdev-stt.c), by any thread, for each packet that
 * holds a part of an STT frame; one that holds all of it needs none of this,
 * and would only be copied.  One table for the process: packets of one
 * frame that arrive on different receive queues, in different threads, meet.
 *
 * Trusts nothing but what a checksum covers: a peer may send any lengths, in
 * any order, any number of times.  Memory is bounded for all peers together
 * and for each of them, and a peer that asks for more loses its own frames.
 *
 * Does not read the frame itself: the STT header is for the caller to check,
 * once there is a whole frame. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>

#include "openvswitch/types.h"

struct dp_packet;
struct smap;

/* The fate of a packet, or of a frame that was not completed.  Each has a
 * counter. */
enum stt_verdict {
    STT_WHOLE,                  /* An STT frame in one packet: stt_count(). */
    STT_HELD,                   /* A part of a frame that is not complete. */
    STT_COMPLETE,               /* The part that made a frame complete. */

    /* Packets refused by stt_reasm_add(). */
    STT_DROP_CSUM,              /* TCP checksum is wrong. */
    STT_DROP_LENGTH,            /* Empty, or behind the end of its frame, or a
                                 * frame shorter than an STT header. */
    STT_DROP_DUPLICATE,         /* All of it was there before. */
    STT_DROP_OVERLAP,           /* Some of it was there before. */
    STT_DROP_HOLES,             /* Too many holes in the frame. */
    STT_DROP_MEMORY,            /* No memory for its frame within limits. */

    /* Packets refused by callers of stt_count(). */
    STT_DROP_IP,                /* Outer IP header, or its length. */
    STT_DROP_TCP_HEADER,        /* TCP header cut short, or with options. */
    STT_DROP_VERSION,           /* STT version is not 0. */
    STT_DROP_OFFLOAD,           /* STT header contradicts itself or the inner
                                 * frame. */
    STT_DROP_MSS,               /* Inner mss is too small. */

    /* Frames that were given up. */
    STT_EXPIRED,                /* Not complete in time. */
    STT_EVICTED_PEER,           /* Its peer needed memory for another one. */
    STT_EVICTED,                /* Another peer did. */
    STT_N_VERDICTS
};

/* A packet's part of an STT frame. */
struct stt_segment {
    struct in6_addr src;        /* Outer addresses; IPv4 ones are mapped. */
    struct in6_addr dst;
    ovs_be32 frame_id;          /* TCP acknowledgment number. */
    uint16_t total;             /* From the TCP sequence number: length of the
                                 * STT frame, */
    uint16_t ofs;               /* and where in it 'payload' starts. */
    const void *payload;        /* Data behind the TCP header, */
    uint16_t len;               /* without Ethernet padding. */
    bool ce;                    /* Outer IP says: congestion experienced. */

    /* If 'check' is true, the TCP checksum has yet to be verified, and 'csum'
     * is the partial sum (csum_continue()) of pseudo-header and TCP header, to
     * which that of the payload is to be added. */
    bool check;
    uint32_t csum;
};

/* Limits without configuration.  The kernel module of Open vSwitch before 3.6
 * had 4 MiB for each CPU.  At the default limit, a peer can have 250 frames of
 * 64 kB on their way, and four that misbehave are needed to fill it all. */
#define STT_REASM_DEF_LIMIT (64 * 1024 * 1024)
#define STT_REASM_DEF_PEER_LIMIT (16 * 1024 * 1024)
#define STT_REASM_DEF_TIMEOUT 30000

struct dp_packet *stt_reasm_add(const struct stt_segment *, long long int now,
                                enum stt_verdict *, bool *ce);

/* stt-frame.c. */
bool stt_segment_is_good(const struct stt_segment *);

/* Around the calls for a batch of packets, for speed. */
void stt_reasm_begin(void);
void stt_reasm_end(void);

void stt_reasm_run(long long int now);
void stt_reasm_set_limits(size_t limit, size_t peer_limit,
                          unsigned int timeout);

/* stt-config.c. */
void stt_reasm_set_config(const struct smap *other_config);

/* Counters, summed up over all threads. */
void stt_count(enum stt_verdict);
void stt_count_n(enum stt_verdict, unsigned int n);
void stt_counts_get(unsigned long long counts[STT_N_VERDICTS]);
const char *stt_verdict_to_string(enum stt_verdict);

/* Frames that are held. */
struct stt_reasm_usage {
    size_t n_frames;            /* Incomplete frames. */
    size_t bytes;               /* Memory of all of them. */
    size_t max_bytes;           /* The most that 'bytes' has ever been. */
    size_t n_peers;             /* Source addresses of all of them. */

    /* Configured. */
    size_t limit;               /* Of 'bytes'. */
    size_t peer_limit;          /* Of the bytes of each peer. */
    unsigned int timeout;       /* ms. */
};

struct stt_reasm_peer {
    struct in6_addr src;
    size_t n_frames;
    size_t bytes;
};

void stt_reasm_usage_get(struct stt_reasm_usage *);
size_t stt_reasm_peers_get(struct stt_reasm_peer *, size_t max);

#endif /* stt-reasm.h */
