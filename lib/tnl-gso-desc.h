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

#ifndef TNL_GSO_DESC_H
#define TNL_GSO_DESC_H 1

/* Stage "describe": where everything is in one superpacket.
 *
 * Called first for every superpacket that is sent and for those that a push
 * may have to cut (tnl-gso.c, netdev-stt.c), and by `tnl-gso/explain`.
 * Reads packet bytes and offload marks.  Must not write to the packet,
 * allocate, or decide anything: what is done with a packet is the next
 * stage's choice (tnl-gso-plan.h). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>

#include "openvswitch/types.h"
#include "packets.h"
#include "unaligned.h"

struct dp_packet;

/* What surrounds the TCP or UDP packet that is to be cut.  The order is that
 * of the rows in every table of this directory. */
enum tnl_gso_encap {
    TNL_GSO_PLAIN,              /* Nothing: an IP packet over Ethernet. */
    TNL_GSO_VXLAN,              /* RFC 7348, VXLAN-GPE and VXLAN-GBP too. */
    TNL_GSO_GENEVE,             /* RFC 8926. */
    TNL_GSO_GRE,                /* RFC 2784 and RFC 2890. */
    TNL_GSO_STT,                /* stt.h.  What is cut is its own TCP-like
                                 * header, so there is nothing around it. */
    TNL_GSO_N_ENCAPS
};

/* Does 'encap' have an outer IP header in front of the one that is cut? */
static inline bool
tnl_gso_has_outer(enum tnl_gso_encap encap)
{
    return encap != TNL_GSO_PLAIN && encap != TNL_GSO_STT;
}

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

struct tnl_gso_desc {
    enum tnl_gso_encap encap;
    struct tnl_gso_l3 outer;    /* Tunnel's IP header; unset without
                                 * tnl_gso_has_outer('encap'). */
    struct tnl_gso_l3 inner;    /* IP header in front of what is cut: TCP, or
                                 * UDP if 'inner.proto' says so. */
    uint16_t hdr_len;           /* Bytes from the start of the frame up to the
                                 * first byte of payload. */
    uint32_t payload_len;       /* TCP or UDP payload bytes, up to the frame's
                                 * end. */
    uint16_t mss;               /* Payload bytes in a segment. */
    uint32_t n_segs;            /* Segments that leave in the end; 1 if
                                 * 'payload_len' <= 'mss'. */
    bool outer_csum;            /* VXLAN, Geneve: outer UDP checksum wanted.
                                 * GRE: checksum present. */
    bool numbered;              /* GRE: a sequence number is present, which
                                 * would have to advance from segment to
                                 * segment: no superpacket. */
    bool l4_partial;            /* TCP or UDP checksum is to be completed by
                                 * somebody.  Segments get one in any case. */
    bool rco;                   /* That is the other end of the tunnel, for
                                 * each segment: tnl-rco.h. */
    bool stacked;               /* MPLS labels, or more than one VLAN tag, on
                                 * either level: no NIC describes these. */
};

/* Bytes of the headers that a train of 'd' has only once, up to its UDP
 * header, and of what each of its segments has behind them. */
static inline uint16_t
tnl_gso_train_head_len(const struct tnl_gso_desc *d)
{
    return d->outer.l4_ofs + UDP_HEADER_LEN;
}

static inline uint32_t
tnl_gso_train_unit_len(const struct tnl_gso_desc *d)
{
    return d->hdr_len - tnl_gso_train_head_len(d) + d->mss;
}

/* An upper bound on what one packet may turn into.  64 kB in segments of 32
 * bytes: Linux never sends less than TCP_MIN_SND_MSS (48, header options
 * included) unless told to, while a guest may ask for one byte. */
#define TNL_GSO_MAX_SEGS 2048

enum tnl_gso_reason tnl_gso_describe(const struct dp_packet *,
                                     struct tnl_gso_desc *);

/* tnl-gso-parse.c: the parser by itself, for those that look at ordinary
 * packets. */
enum tnl_gso_reason tnl_gso_find_headers(const struct dp_packet *,
                                         struct tnl_gso_desc *);
enum tnl_gso_reason tnl_gso_find_tunnel(const struct dp_packet *,
                                        size_t inner_l4_ofs,
                                        struct tnl_gso_desc *);
enum tnl_gso_reason tnl_gso_parse_l3(const void *frame, size_t size,
                                     size_t ofs, ovs_be16 eth_type,
                                     struct tnl_gso_l3 *, bool *stacked);
enum tnl_gso_reason tnl_gso_parse_l2(const void *frame, size_t size,
                                     size_t ofs, struct tnl_gso_l3 *,
                                     bool *stacked);

/* The 16 bits at 'p', which may have any alignment. */
static inline uint16_t
tnl_gso_get16(const uint8_t *p)
{
    return ntohs(get_unaligned_be16((const void *) p));
}

/* Bytes from the start of the L4 header of 'proto' to its checksum, or -1 if
 * it has none that we know. */
static inline int
tnl_gso_l4_csum_ofs(uint8_t proto)
{
    switch (proto) {
    case IPPROTO_TCP:
        return offsetof(struct tcp_header, tcp_csum);
    case IPPROTO_UDP:
        return offsetof(struct udp_header, udp_csum);
    case IPPROTO_SCTP:
        return offsetof(struct sctp_header, sctp_csum);
    default:
        return -1;
    }
}

/* Bytes of the VXLAN or Geneve header, as 'encap' says, at 'hdr', whose first
 * byte is there, with its options. */
static inline size_t
tnl_gso_tunnel_hdr_len(enum tnl_gso_encap encap, const uint8_t *hdr)
{
    return (encap == TNL_GSO_GENEVE
            ? sizeof(struct genevehdr) + (hdr[0] & 0x3f) * 4
            : sizeof(struct vxlanhdr));
}

/* Offset of the end of the IP packet whose header, at 'l3_ofs', has been
 * parsed, as that header says: whether there is so much is for the caller to
 * see.  'frame' may have any alignment. */
static inline size_t
tnl_gso_ip_end(const void *frame, size_t l3_ofs)
{
    const uint8_t *ip = (const uint8_t *) frame + l3_ofs;
    bool v6 = ip[0] >> 4 == 6;

    return (l3_ofs + (v6 ? IPV6_HEADER_LEN + tnl_gso_get16(ip + 4)
                      : tnl_gso_get16(ip + 2)));
}

size_t tnl_gso_l4_min_len(uint8_t proto);
size_t tnl_gso_l4_len(const void *frame, size_t size,
                      const struct tnl_gso_l3 *);
uint32_t tnl_gso_pseudo_sum(const void *frame, const struct tnl_gso_l3 *,
                            size_t l4_len);
ovs_be16 tnl_gso_pseudo_csum(const void *frame, const struct tnl_gso_l3 *,
                             size_t l4_len);

const char *tnl_gso_encap_to_string(enum tnl_gso_encap);
const char *tnl_gso_reason_to_string(enum tnl_gso_reason);

#endif /* tnl-gso-desc.h */
