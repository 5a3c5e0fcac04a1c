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

#ifndef TNL_GSO_PLAN_H
#define TNL_GSO_PLAN_H 1

/* Stage "plan": who cuts a superpacket, and into what.
 *
 * A pure function of a description (tnl-gso-desc.h) and of what the egress
 * port can do.  Never looks at packet bytes, never fails: "drop, for this
 * reason" is a plan. */

#include <stdbool.h>
#include <stdint.h>

#include "tnl-gso-desc.h"

struct ds;

/* The order is that of cost: the first one that a port can do is taken. */
enum tnl_gso_method {
    TNL_GSO_PASS,               /* Nobody cuts: it is an ordinary packet. */
    TNL_GSO_HW,                 /* The port cuts all of it. */
    TNL_GSO_HW_PARTIAL,         /* The port cuts, equal segments only: they
                                 * share one outer UDP checksum, which we
                                 * compute.  A shorter last segment is a
                                 * packet of its own. */
    TNL_GSO_TCP_TSO,            /* STT: the port cuts the outer TCP header. */
    TNL_GSO_UDP_GSO,            /* A train: the port cuts the outer UDP. */
    TNL_GSO_SOFTWARE,           /* We cut. */
    TNL_GSO_DROP,
    TNL_GSO_N_METHODS
};

/* What may be chosen on a port by configuration: bit (1 << method). */
#define TNL_GSO_METHODS_ALL ((1u << TNL_GSO_HW)             \
                             | (1u << TNL_GSO_HW_PARTIAL)   \
                             | (1u << TNL_GSO_TCP_TSO)      \
                             | (1u << TNL_GSO_UDP_GSO)      \
                             | (1u << TNL_GSO_SOFTWARE))

/* Capabilities that Open vSwitch has no NETDEV_TX_* flag for. */
#define TNL_GSO_TX_UDP_SEG (UINT64_C(1) << 40)     /* Cuts plain UDP, so also a
                                                    * train. */
#define TNL_GSO_TX_TNL_UDP_SEG (UINT64_C(1) << 41) /* Cuts inner UDP where it
                                                    * cuts inner TCP. */

#define TNL_GSO_TX_TCP_GSO (UINT64_C(1) << 42)     /* Takes plain TCP to be cut
                                                    * by somebody behind it,
                                                    * if not by itself. */

/* What a port cannot do in spite of its offloads.  0: no such limit.  Segments
 * of a train are those of its outer UDP header. */
struct tnl_gso_limits {
    bool no_tso;                /* Does not cut TCP. */
    bool no_tso6;               /* Does not cut TCP over IPv6. */
    uint16_t min_mss;           /* Payload bytes in a segment. */
    uint16_t max_mss;
    uint16_t max_hdr_len;       /* Bytes of headers in front of the payload of
                                 * a superpacket. */
    uint16_t max_segs;          /* Segments of a superpacket. */
    uint32_t max_len;           /* Bytes of a superpacket.  Longer ones, and
                                 * ones of more segments, are made several. */
    uint16_t max_l2_len;        /* Bytes in front of the IP header over what is
                                 * cut or summed.  Behind a tunnel header that
                                 * the port knows, they count from the outer
                                 * UDP or GRE header on. */

    /* Only with 'max_l2_len'. */
    uint32_t tunnels;           /* Those that the port knows: bits (1 << enum
                                 * tnl_gso_encap). */
    bool sums_by_len;           /* Completes checksums behind others, too, and
                                 * behind label stacks: it need not find
                                 * headers by itself. */
};

/* A snapshot of what a port can do. */
struct tnl_gso_caps {
    uint64_t ol_flags;          /* NETDEV_TX_* and TNL_GSO_TX_*. */
    struct tnl_gso_limits limits;
    uint32_t methods;           /* Allowed: bits of TNL_GSO_METHODS_ALL. */
    uint32_t max_frame_len;     /* Bytes of the longest segment that it takes,
                                 * Ethernet header included, or 0 if it finds
                                 * out itself. */
};

/* Segments that a port may be asked to make of UDP, a train or not: Linux'
 * UDP_MAX_SEGMENTS, which is larger only in newer kernels.  A train that is
 * longer than this with its headers may not find room in the receive buffers
 * of an Open vSwitch. */
#define TNL_GSO_MAX_UDP_SEGS 64
#define TNL_GSO_MAX_TRAIN_LEN 65280

struct tnl_gso_plan {
    enum tnl_gso_method method;
    enum tnl_gso_reason reason; /* If 'method' is TNL_GSO_DROP. */
    uint32_t unit;              /* Payload bytes in each packet that we
                                 * make, but the last; a multiple of the mss.
                                 * The mss itself if software cuts. */
    uint32_t n_packets;         /* Packets that we make. */
    uint32_t train_len;         /* So many of them go down to the port as one
                                 * train; 0: each goes by itself. */
    bool again;                 /* They are superpackets that are planned again
                                 * each, the port takes no longer ones. */
    bool csum;                  /* We complete the checksums of what is cut, of
                                 * a remote checksum's packets the outer ones.
                                 * Otherwise they are left partial to the
                                 * port. */
};

void tnl_gso_plan(const struct tnl_gso_desc *, const struct tnl_gso_caps *,
                  struct tnl_gso_plan *);
void tnl_gso_plan_refused(enum tnl_gso_reason, uint32_t l3_len, uint16_t mss,
                          struct tnl_gso_plan *);
void tnl_gso_plan_split(const struct tnl_gso_desc *, uint32_t max_frame_len,
                        struct tnl_gso_plan *);

/* The rows from which tnl_gso_plan() chooses, also for documentation. */
struct tnl_gso_plan_row {
    enum tnl_gso_method method;
    enum tnl_gso_encap encap;
    bool outer_csum;
    bool outer_ipv4;            /* Outer IP version is 4.  Both are ignored
                                 * without tnl_gso_has_outer('encap'). */
    uint64_t need;              /* NETDEV_TX_* and TNL_GSO_TX_* that all must
                                 * be there to cut TCP. */
};
const struct tnl_gso_plan_row *tnl_gso_plan_rows(size_t *n);
bool tnl_gso_plan_row_is_for(const struct tnl_gso_plan_row *,
                             const struct tnl_gso_desc *);
uint64_t tnl_gso_plan_row_need(const struct tnl_gso_plan_row *,
                               const struct tnl_gso_desc *);
const char *tnl_gso_plan_row_limit(const struct tnl_gso_plan_row *,
                                   const struct tnl_gso_desc *,
                                   const struct tnl_gso_limits *);

const char *tnl_gso_method_to_string(enum tnl_gso_method);
bool tnl_gso_methods_from_string(const char *, uint32_t *methods,
                                 char **errorp);
void tnl_gso_methods_format(uint32_t methods, struct ds *);

/* tnl-gso.c: both, for those who need nothing in between. */
void tnl_gso_describe_and_plan(const struct dp_packet *,
                               const struct tnl_gso_caps *,
                               struct tnl_gso_desc *, struct tnl_gso_plan *);

#endif /* tnl-gso-plan.h */
