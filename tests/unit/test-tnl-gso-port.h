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

#ifndef TEST_TNL_GSO_PORT_H
#define TEST_TNL_GSO_PORT_H 1

/* A port that records what leaves, and packets for it.
 *
 * The port does what a kernel port does with frames, and what the reference
 * does with superpackets. */

#include "netdev-provider.h"
#include "tnl-gso-ref.h"

struct dp_packet_batch;

struct test_port {
    struct netdev netdev;
    struct ref_frames wire;     /* What has left. */
    unsigned int n_supers;      /* Superpackets that the port has cut. */
    unsigned int n_trains;
    unsigned int n_calls;       /* Of send_frames(). */
    int refuse;                 /* Number of the train that is refused, or
                                 * -1. */
    bool stubborn;              /* Still says that it takes trains. */
};
extern struct test_port test_port;

void test_port_open(uint64_t ol_flags, uint64_t super_flags, uint32_t mtu,
                    int refuse);
void test_port_close(void);
int test_port_send(struct netdev *, int qid, struct dp_packet_batch *,
                   bool concurrent_txq);

/* One kind of packet in a batch. */
struct item {
    enum { END, ORDINARY, SUPER } what;
    enum ref_encap encap;
    bool csum, udp;
    uint16_t mss;
    uint32_t payload;
    bool dropped;               /* Must not be on the wire. */
    int n_mpls;                 /* Labels in front of the inner IP header. */
};

#define TCP_SUPER(ENCAP, CSUM, MSS, PAYLOAD, DROPPED)                       \
    { SUPER, ENCAP, CSUM, false, MSS, PAYLOAD, DROPPED, 0 }
#define UDP_SUPER(ENCAP, CSUM, MSS, PAYLOAD, DROPPED)                       \
    { SUPER, ENCAP, CSUM, true, MSS, PAYLOAD, DROPPED, 0 }
#define TCP_1400(ENCAP, CSUM) TCP_SUPER(ENCAP, CSUM, 1400, 64000, false)
#define UDP_1400(ENCAP, CSUM) UDP_SUPER(ENCAP, CSUM, 1400, 64000, false)
#define OTHER { .what = ORDINARY }
/* Adds packet number 'i' of a row to 'batch', and what it has to become to
 * 'expected'. */
void add_item(const struct item *, int i, struct dp_packet_batch *,
              struct ref_frames *expected);

#endif /* test-tnl-gso-port.h */
