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

#ifndef TNL_GSO_REF_H
#define TNL_GSO_REF_H 1

/* A slow and obvious segmenter of TCP and UDP, which the fast one in lib/ is
 * compared with, and a judge of single frames.
 *
 * Must not share code with lib/, nor with Open vSwitch's csum.c and
 * packets.c, and includes none of their headers: a mistake that is made twice
 * would be none.  Reads frames byte by byte, parses every segment afresh and
 * sums every checksum from its first to its last byte. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ref_encap {
    REF_PLAIN,
    REF_VXLAN,
    REF_GENEVE,
    REF_GRE,
    REF_GTPU,
    REF_IPIP,                   /* IP behind IP and its extension headers. */
};

/* One IP header. */
struct ref_l3 {
    int version;                /* 4 or 6; 0 if there is no such header. */
    bool ext;                   /* IPv6 extension headers follow it. */
    size_t ofs;
    size_t l4;                  /* First byte after all of its headers. */
    size_t dst;                 /* Final destination address. */
    int proto;                  /* What is at 'l4'. */
};

/* Where everything is in a frame. */
struct ref_layout {
    struct ref_l3 outer;        /* Unset if not in a tunnel. */
    struct ref_l3 mid;          /* Unset if not in a tunnel in a tunnel:
                                 * that of the inner one. */
    struct ref_l3 inner;        /* In front of what is cut, TCP or UDP. */
    bool gre_csum;              /* GRE's C bit, of the outer tunnel. */
    bool mid_gre_csum;
    bool stacked;               /* MPLS, or a second VLAN tag. */
    size_t l4_csum;             /* Checksum of TCP or UDP. */
    size_t payload;             /* First byte behind TCP or UDP. */
};

struct ref_job {
    enum ref_encap encap;
    enum ref_encap mid;         /* Of the tunnel in the tunnel; REF_PLAIN for
                                 * none.  Its UDP checksum is wanted if the
                                 * field is not zero. */
    bool outer_csum;            /* The outer UDP checksum is wanted. */
    bool udp;                   /* UDP is to be cut, not TCP. */
    bool l4_done;               /* The checksum of what is to be cut is
                                 * complete. */
    bool rco;                   /* It is left to the other end of the tunnel,
                                 * in each segment. */
    bool fixed_id;              /* Inner IPv4 IDs do not count. */
    uint32_t mss;
};

struct ref_frame {
    uint8_t *data;
    size_t len;
};

struct ref_frames {
    struct ref_frame *v;
    size_t n;
};

/* What a tunnel header says of a remote checksum, in bytes behind the header.
 * In Geneve that is an option of class REF_RCO_CLASS; if it is malformed or
 * there twice, the numbers are greater than any packet. */
struct ref_remote {
    bool there, noop;
    size_t start, field;
};
enum { REF_RCO_CLASS = 0xff52, REF_RCO_TYPE = 0x81 };

struct ref_remote ref_read_remote(enum ref_encap, const uint8_t *hdr,
                                  size_t size);

/* These return NULL if all is well, otherwise what is wrong. */
const char *ref_parse(const uint8_t *frame, size_t len, enum ref_encap,
                      struct ref_layout *);
const char *ref_parse_job(const uint8_t *frame, size_t len,
                          const struct ref_job *, struct ref_layout *);
const char *ref_check(const uint8_t *frame, size_t len,
                      const struct ref_job *);
const char *ref_cut(const uint8_t *frame, size_t len, const struct ref_job *,
                    uint32_t unit, struct ref_frames *);

/* What cutting does with each piece, for frames that have been changed. */
const char *ref_settle(uint8_t *frame, size_t len, const struct ref_job *);
void ref_settle_outer(uint8_t *frame, size_t len, const struct ref_job *,
                      const struct ref_layout *);

bool ref_is_udp(const struct ref_layout *);
bool ref_over_udp(enum ref_encap);
uint16_t ref_l4_csum(const uint8_t *frame, const struct ref_l3 *, size_t len);
uint16_t ref_partial_csum(const uint8_t *frame, size_t len,
                          const struct ref_l3 *);
void ref_frames_destroy(struct ref_frames *);

/* The checksum field's value over 'len' bytes, byte by byte. */
uint16_t ref_csum(const uint8_t *, size_t len);

/* Big-endian fields at any alignment. */
uint16_t ref_get16(const uint8_t *);
uint32_t ref_get32(const uint8_t *);
void ref_put16(uint8_t *, uint16_t);
void ref_put32(uint8_t *, uint32_t);

#endif /* tnl-gso-ref.h */
