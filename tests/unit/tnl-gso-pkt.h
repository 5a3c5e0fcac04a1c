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

#ifndef TNL_GSO_PKT_H
#define TNL_GSO_PKT_H 1

/* Superpackets for tests: built from a row of a table, or at random, and
 * marked as Open vSwitch marks them by the time they reach netdev_send().
 *
 * Must not use the code under test: offsets come from the reference's
 * parser. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tnl-gso-ref.h"

struct dp_packet;
struct ds;

/* Headers behind an IPv6 header, in the order in which they are put there. */
enum {
    PKT_EXT_HOPOPTS = 1 << 0,
    PKT_EXT_DSTOPTS = 1 << 1,
    PKT_EXT_RT0 = 1 << 2,       /* Routing type 0, two addresses. */
    PKT_EXT_RT2 = 1 << 3,       /* Routing type 2, mobile IPv6. */
    PKT_EXT_SRH = 1 << 4,       /* Routing type 4, three segments. */
    PKT_EXT_AH = 1 << 5,        /* Authentication header. */
    PKT_EXT_FRAGMENT = 1 << 6,
    PKT_EXT_ARRIVED = 1 << 7,   /* Routing headers have no segments left. */
};

/* One Ethernet and IP header. */
struct pkt_level {
    int version;                /* 4 or 6. */
    int n_vlans;                /* 0 to 2. */
    int n_mpls;                 /* Labels. */
    int nsh;                    /* NSH, RFC 8300, and what is in it: 1 for IP,
                                 * 2 for Ethernet. */
    int ipopt;                  /* Bytes of IPv4 options: 0, 4, ..., 40. */
    unsigned int ext;           /* PKT_EXT_*. */
    uint16_t id;                /* IPv4 ID. */
    bool df;
    uint8_t tos;
};

/* A tunnel in the tunnel. */
struct pkt_tunnel {
    enum ref_encap encap;       /* REF_PLAIN: there is none. */
    bool csum;                  /* UDP checksum wanted; GRE's C bit. */
    bool gre_key;
    bool no_eth;                /* IP or MPLS directly in it. */
    int geneve_opt;             /* As in struct pkt_row. */
    struct pkt_level level;     /* In front of it. */
};

enum pkt_fill {
    PKT_RANDOM,
    PKT_ZEROS,
    PKT_ONES,
    PKT_N_FILLS
};

struct pkt_row {
    enum ref_encap encap;
    bool csum;                  /* Outer UDP checksum wanted; GRE's C bit. */
    bool gre_key;
    bool no_eth;                /* IP or MPLS directly in the tunnel.  GTP-U:
                                 * always IP. */
    int geneve_opt;             /* Bytes of options: 0, 4, ..., 252.  GTP-U:
                                 * 4 for none but the field that would say so,
                                 * and 4 for each extension header. */
    struct pkt_level outer;
    struct pkt_tunnel mid;
    struct pkt_level inner;
    bool udp;                   /* UDP is to be cut; without what follows. */
    int tcp_opt;                /* Bytes of options: 0, 4, ..., 40. */
    uint16_t tcp_flags;         /* 12 bits. */
    uint32_t seq;
    uint32_t payload;
    enum pkt_fill fill;
    uint16_t mss;
    bool l4_done;               /* Checksum not marked as partial. */
    bool rco;                   /* The checksum is remote. */
    bool lie;                   /* Lengths and checksums hold rubbish. */
    uint64_t seed;              /* Of all other bytes. */
};

/* A generator of its own: the same seed makes the same packets everywhere. */
struct pkt_rng {
    uint64_t state;
};
uint64_t pkt_rand(struct pkt_rng *);
uint32_t pkt_range(struct pkt_rng *, uint32_t n);

void pkt_row_init(struct pkt_row *, enum ref_encap);
void pkt_row_random(struct pkt_row *, struct pkt_rng *);
void pkt_row_random_nested(struct pkt_row *, struct pkt_rng *);
bool pkt_row_valid(const struct pkt_row *);
void pkt_row_format(const struct pkt_row *, struct ds *);

uint8_t *pkt_build_frame(const struct pkt_row *, size_t *len);
struct dp_packet *pkt_from_frame(const uint8_t *, size_t len, enum ref_encap,
                                 bool csum, uint16_t mss);
struct dp_packet *pkt_from_job(const uint8_t *, size_t len,
                               const struct ref_job *);
struct dp_packet *pkt_build(const struct pkt_row *);

enum ref_encap pkt_marked_encap(uint32_t offloads);
uint32_t pkt_encap_mark(enum ref_encap);
struct ref_job pkt_job(const struct pkt_row *);
const char *pkt_encap_name(enum ref_encap);

#endif /* tnl-gso-pkt.h */
