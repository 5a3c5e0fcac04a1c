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

#ifndef TNL_GSO_TYPES_H
#define TNL_GSO_TYPES_H 1

/* Data that the stages hand to each other (tnl-gso.h): the description of a
 * superpacket, the capabilities of a port, and the plan that follows from
 * both.
 *
 * No functions but those that compute one member from others. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>

#include "encap/list.h"
#include "packets.h"

struct dp_packet;
struct netdev;

/* Why a packet cannot be described, or why a plan refuses it.  Each is a
 * counter that an operator sees: tnl_gso_reason_to_string(). */
enum tnl_gso_reason {
    TNL_GSO_OK,
    TNL_GSO_R_L2,               /* Ethernet, VLAN or MPLS header cut short, or
                                 * an Ethertype that is not IP. */
    TNL_GSO_R_L3,               /* IP header cut short or malformed. */
    TNL_GSO_R_FRAGMENT,         /* An IP fragment. */
    TNL_GSO_R_NOT_TCP,          /* Marked for TCP segmentation, not TCP. */
    TNL_GSO_R_NOT_UDP,          /* Marked for UDP segmentation, not UDP. */
    TNL_GSO_R_TCP,              /* TCP header cut short or malformed. */
    TNL_GSO_R_UDP,              /* UDP header cut short, or no checksum. */
    TNL_GSO_R_TUNNEL,           /* Tunnel header malformed, or not the one
                                 * that the packet is marked with. */
    TNL_GSO_R_TOO_MANY,         /* Over TNL_GSO_MAX_SEGS segments. */
    TNL_GSO_R_NO_METHOD,        /* 'tnl-gso-methods' leaves no way to send. */
    TNL_GSO_R_TOO_BIG,          /* Does not fit in 64 kB with its headers. */
    TNL_GSO_R_MTU,              /* A segment would exceed the port's MTU. */
    TNL_GSO_R_RCO_OFF,          /* Received with a remote checksum in a tunnel
                                 * without remote_csum_rx. */
    TNL_GSO_R_RCO,              /* Received with a remote checksum that cannot
                                 * be where the tunnel header says. */
    TNL_GSO_N_REASONS
};

/* Receive: what becomes of a unit, a packet or one of those in a train, when
 * packets that arrived cut are merged (receive/tnl-gro.h).  Each is a counter
 * that an operator sees: tnl_gro_rule_to_string(). */
enum tnl_gro_rule {
    TNL_GRO_JOINED,             /* Continues a superpacket. */
    TNL_GRO_FIRST,              /* The first of its flow.  Others may follow
                                 * it. */

    /* It cannot be merged. */
    TNL_GRO_R_NOT_TCP,
    TNL_GRO_R_HEADERS,          /* A header malformed, cut short, unknown or
                                 * stacked; a length that does not agree, as
                                 * with padding. */
    TNL_GRO_R_FRAGMENT,         /* An IP fragment. */
    TNL_GRO_R_SUPER,            /* A superpacket already. */
    TNL_GRO_R_CONTROL,          /* SYN, RST or URG. */
    TNL_GRO_R_NO_PAYLOAD,
    TNL_GRO_R_CSUM,             /* A checksum is wrong. */

    /* It does not continue what came before it in its flow. */
    TNL_GRO_R_METADATA,         /* Another ingress port, mark or priority. */
    TNL_GRO_R_OUTER,            /* Outer headers differ. */
    TNL_GRO_R_TUNNEL,           /* Tunnel headers or their options differ. */
    TNL_GRO_R_L2,               /* Inner Ethernet header or VLAN tag. */
    TNL_GRO_R_TOS,              /* Inner TOS or traffic class, ECN included. */
    TNL_GRO_R_TTL,              /* Inner TTL or hop limit. */
    TNL_GRO_R_IP,               /* Inner DF, flow label, IP options or
                                 * extension headers. */
    TNL_GRO_R_IP_ID,            /* IPv4 IDs neither count nor stay. */
    TNL_GRO_R_ACK,
    TNL_GRO_R_WINDOW,
    TNL_GRO_R_OPTIONS,          /* TCP options: timestamps, for instance. */
    TNL_GRO_R_TCP_FLAGS,        /* TCP flags differ, or there is CWR, which
                                 * only a first one may have. */
    TNL_GRO_R_SEQ,              /* Sequence number: loss, reordering. */
    TNL_GRO_R_LENGTH,           /* Longer than those before it. */
    TNL_GRO_R_ENDED,            /* The one before it was shorter, or had PSH or
                                 * FIN. */
    TNL_GRO_R_FULL,             /* The superpacket would exceed 64 kB. */
    TNL_GRO_R_TABLE,            /* Too many flows at once. */
    TNL_GRO_N_RULES
};

/* Superpackets made of 2 or 3 units, of 4 to 7, and so on: one counter for
 * each power of two. */
#define TNL_GRO_N_SIZES 11

/* What became of units. */
struct tnl_gro_count {
    uint32_t units[TNL_GRO_N_RULES]; /* Each unit has one rule. */
    uint32_t supers[TNL_GRO_N_SIZES]; /* Superpackets made, by the logarithm of
                                       * their units, less 1. */
    uint32_t trains;            /* Trains that were cut. */
    uint32_t train_merged;      /* Superpackets that begin with a unit of a
                                 * train. */
    uint32_t train_single;      /* Units of trains that go on by themselves. */
    uint32_t too_many;          /* Trains of too many units, which are
                                 * dropped. */
};

/* One IP header.  Offsets count bytes from the start of the frame. */
struct tnl_gso_l3 {
    uint16_t ofs;               /* IP header. */
    uint16_t l4_ofs;            /* First byte after it, its options and, for
                                 * IPv6, its extension headers. */
    uint16_t dst_ofs;           /* Destination address of the pseudo-header:
                                 * not the IPv6 header's own while a routing
                                 * header has segments left (RFC 8200 section
                                 * 8.1). */
    uint8_t version;            /* 4 or 6. */
    uint8_t proto;              /* IPPROTO_* found at 'l4_ofs'. */
    bool ext;                   /* IPv6 extension headers are present. */
};

/* A packet may be in two tunnels.  "Outer" then means the outermost headers,
 * "inner" the innermost ones, and "mid" those between them, the outer headers
 * of the inner tunnel. */
struct tnl_gso_desc {
    enum tnl_gso_encap encap;   /* The outermost one. */
    enum tnl_gso_outer outer_l4; /* That of the class of 'encap'. */
    enum tnl_gso_outer mid_l4;  /* TNL_GSO_OUTER_NONE unless there are two
                                 * tunnels. */
    struct tnl_gso_l3 outer;    /* Tunnel's IP header; unset with
                                 * TNL_GSO_OUTER_NONE. */
    struct tnl_gso_l3 inner;    /* IP header in front of the header that is
                                 * cut: TCP, or UDP if 'inner.proto' says
                                 * so. */
    uint16_t hdr_len;           /* Bytes from the start of the frame up to the
                                 * first byte of payload. */
    uint32_t payload_len;       /* TCP or UDP payload bytes, up to the frame's
                                 * end. */
    uint16_t mss;               /* Payload bytes in a segment. */
    uint32_t n_segs;            /* Segments that leave in the end; 1 if
                                 * 'payload_len' <= 'mss'. */
    bool outer_csum;            /* UDP: outer checksum wanted.  GRE: checksum
                                 * present. */
    bool numbered;              /* GRE, GTP-U: a sequence number is present, or
                                 * something like it, which would have to
                                 * advance from segment to segment: no
                                 * superpacket. */
    uint16_t len_ofs;           /* GTP-U: where the length field of its own
                                 * header is, which counts all that comes
                                 * TNL_GSO_OWN_LEN_SKIP bytes after it starts;
                                 * else 0. */
    bool l4_partial;            /* TCP or UDP checksum is partial.  Segments
                                 * get one in any case. */
    bool rco;                   /* The other end of the tunnel completes it,
                                 * for each segment: tnl-rco.h. */
    bool fixed_id;              /* The IPv4 ID of 'inner' is that of each
                                 * segment; otherwise it counts. */
    bool stacked;               /* MPLS labels, or more than one VLAN tag, on
                                 * either level: no NIC describes these. */

    /* Only in two tunnels. */
    enum tnl_gso_encap mid_encap; /* The inner one. */
    struct tnl_gso_l3 mid;      /* Its IP header. */
    bool mid_csum;              /* It has a UDP or GRE checksum. */
    uint16_t mid_len_ofs;       /* As 'len_ofs'. */
};

/* Bytes from the length field of a tunnel's own header to the first byte that
 * it counts: the field itself and a tunnel endpoint identifier. */
enum { TNL_GSO_OWN_LEN_SKIP = 6 };

/* Bytes of the headers that a train of 'd' has only once, the outer ones up to
 * and including UDP. */
static inline uint16_t
tnl_gso_train_head_len(const struct tnl_gso_desc *d)
{
    return d->outer.l4_ofs + UDP_HEADER_LEN;
}

/* Bytes of each unit of a train of 'd' but the last: the tunnel header, the
 * inner headers and 'd->mss' bytes of payload. */
static inline uint32_t
tnl_gso_train_unit_len(const struct tnl_gso_desc *d)
{
    return d->hdr_len - tnl_gso_train_head_len(d) + d->mss;
}

/* An upper bound on the number of packets that one packet may become.  64 kB
 * in segments of 32 bytes: Linux never sends less than TCP_MIN_SND_MSS (48,
 * header options included) unless told to, while a guest may ask for one
 * byte. */
#define TNL_GSO_MAX_SEGS 2048

/* Bytes of headers in front of payload that frames, trains and the template of
 * finish have room for.  Enough for IPv4 options on both levels, TCP options
 * and 252 bytes of Geneve options.  Two tunnels may have more. */
enum { TNL_GSO_MAX_TEMPLATE = 512 };

/* The order is that of cost: the first one that a port can do is taken. */
enum tnl_gso_method {
    TNL_GSO_PASS,               /* Nobody cuts: it is an ordinary packet. */
    TNL_GSO_HW,                 /* The port cuts all of it. */
    TNL_GSO_HW_PARTIAL,         /* The port cuts, equal segments only: they
                                 * share one outer UDP checksum, which we
                                 * compute.  A shorter last segment is a
                                 * packet of its own. */
    TNL_GSO_TCP_TSO,            /* STT: the port cuts the outer TCP header. */
    TNL_GSO_KERNEL,             /* The kernel cuts all of it, behind a port
                                 * whose device does not. */
    TNL_GSO_UDP_GSO,            /* A train: the port cuts the outer UDP. */
    TNL_GSO_SOFTWARE,           /* We cut. */
    TNL_GSO_DROP,
    TNL_GSO_SPLIT,              /* We make several superpackets of it, each of
                                 * which is planned again: all of it is longer
                                 * than a port, or a header in front of it,
                                 * can take. */
    TNL_GSO_N_METHODS
};

/* Methods that configuration can allow on a port: bit (1 << method). */
#define TNL_GSO_METHODS_ALL ((1u << TNL_GSO_HW)             \
                             | (1u << TNL_GSO_HW_PARTIAL)   \
                             | (1u << TNL_GSO_TCP_TSO)      \
                             | (1u << TNL_GSO_KERNEL)       \
                             | (1u << TNL_GSO_UDP_GSO)      \
                             | (1u << TNL_GSO_SOFTWARE))

/* Capabilities that Open vSwitch has no NETDEV_TX_* flag for. */
#define TNL_GSO_TX_UDP_GSO (UINT64_C(1) << 40)     /* Cuts plain UDP, so also a
                                                    * train. */
#define TNL_GSO_TX_TNL_UDP_GSO (UINT64_C(1) << 41) /* Cuts inner UDP where it
                                                    * cuts inner TCP. */

#define TNL_GSO_TX_TCP_GSO (UINT64_C(1) << 42)     /* Takes plain TCP to be cut
                                                    * by somebody behind it,
                                                    * if not by itself. */

#define TNL_GSO_TX_UDP_TSO (UINT64_C(1) << 43)     /* Cuts plain UDP itself: a
                                                    * train is one packet to
                                                    * the kernel. */

#define TNL_GSO_TX_TNL_GSO (UINT64_C(1) << 44)     /* Takes VXLAN and Geneve to
                                                    * be cut by somebody behind
                                                    * it, if not by itself. */

#define TNL_GSO_TX_IPIP_TNL_TSO (UINT64_C(1) << 45) /* Cuts TCP in IP in
                                                     * IP. */

/* Limits of a port in spite of its offloads.  0 means that there is no such
 * limit.  For a train, its outer UDP header and the segments of that are
 * meant. */
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

/* A snapshot of the capabilities of a port. */
struct tnl_gso_caps {
    uint64_t ol_flags;          /* NETDEV_TX_* and TNL_GSO_TX_*. */
    struct tnl_gso_limits limits;
    uint32_t methods;           /* Allowed: bits of TNL_GSO_METHODS_ALL. */
    uint32_t max_frame_len;     /* Bytes of the longest segment that it takes,
                                 * Ethernet header included, or 0 if it finds
                                 * out itself. */
};

/* The most segments that a port gets in one UDP superpacket, a train or not:
 * Linux' UDP_MAX_SEGMENTS, which is larger only in newer kernels.
 * TNL_GSO_MAX_TRAIN_LEN is in bytes, headers included: a longer train might
 * not fit into the receive buffers of an Open vSwitch. */
#define TNL_GSO_MAX_UDP_GSO_SEGS 64
#define TNL_GSO_MAX_TRAIN_LEN 65280

struct tnl_gso_plan {
    enum tnl_gso_method method;
    enum tnl_gso_reason reason; /* If 'method' is TNL_GSO_DROP. */
    uint32_t unit;              /* Payload bytes in each packet that we
                                 * make, but the last; a multiple of the mss.
                                 * The mss itself if software cuts. */
    uint32_t n_packets;         /* Packets that we make. */
    uint32_t segs_per_train;    /* Segments per UDP GSO packet, or 0 if
                                 * segments are sent one by one. */
    enum tnl_gso_method parts;  /* With TNL_GSO_SPLIT: how the port cuts each
                                 * of them; TNL_GSO_SPLIT if no port is known
                                 * yet. */
    bool csum;                  /* True: software writes the L4 checksum of
                                 * each segment (with a remote checksum: the
                                 * outer UDP checksum).  False: it stays
                                 * partial for the port. */
};

/* How a port cuts what 'plan' is for: if it is split, each of its parts. */
static inline enum tnl_gso_method
tnl_gso_plan_port_method(const struct tnl_gso_plan *plan)
{
    return plan->method == TNL_GSO_SPLIT ? plan->parts : plan->method;
}

/* The capabilities with which a port cuts superpackets of one encapsulation:
 * tnl_gso_plan() takes the first row of its class that fits (encap.h). */
struct tnl_gso_plan_row {
    enum tnl_gso_method method;
    bool outer_csum;
    bool outer_ipv4;            /* Outer IP version is 4.  Both are ignored
                                 * with TNL_GSO_OUTER_NONE. */
    uint64_t need;              /* NETDEV_TX_* and TNL_GSO_TX_* that all must
                                 * be there to cut TCP. */
};
/* Bytes in front of a segment that we make: room for a vnet header, and for a
 * tunnel header when cutting happens before a push. */
#define TNL_GSO_HEADROOM 128

/* An allocator returns a packet with 'size' bytes of data behind 'headroom',
 * both not initialized.  The packet is to be sent on the netdev, which may be
 * null for allocators that do not care. */
typedef struct dp_packet *tnl_gso_alloc_func(const struct netdev *,
                                             size_t size, size_t headroom);

#endif /* tnl-gso-types.h */
