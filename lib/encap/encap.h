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

#ifndef TNL_GSO_ENCAP_H
#define TNL_GSO_ENCAP_H 1

/* Encapsulations: headers around the TCP or UDP packet that is to be cut.
 *
 * Everything peculiar to one encapsulation is said in a file of its own,
 * encap/NAME.c, as members of its class.  Stages, ports and commands use
 * these.  Describe copies the members that are needed for each segment into
 * the description (tnl-gso-types.h).
 *
 * To add an encapsulation: a file beside this one with a class in it, a line
 * in encap/list.h and one in automake.mk.  The compiler names a member that
 * the class lacks.  tests/run-encap builds the library with one more
 * encapsulation, to prove that nothing else is needed.
 *
 * A class must not decide who cuts a packet, or keep state. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/tnl-gso-packet.h"
#include "core/tnl-gso-types.h"
#include "dp-packet.h"
#include "encap/list.h"
#include "util.h"

struct ovs_action_push_tnl;
struct tnl_rco_class;

/* The marks that tell packets of all encapsulations apart. */
#define TNL_GSO_ENCAP_MARKS (DP_PACKET_OL_TUNNEL_MASK | DP_PACKET_OL_STT)

/* What of the inner marks is set in a packet in two tunnels.  With it, those
 * at the places of TNL_GSO_ENCAP_MARKS say which one the inner tunnel is, by
 * the mark of its class.  All other inner marks are those of the innermost
 * headers, and so are the inner offsets. */
#define TNL_GSO_MID_MARKS \
    ((uint32_t) DP_PACKET_OL_TUNNEL_MASK << DP_PACKET_OL_SHIFT_COUNT)

/* Marks that a superpacket keeps when it is made several. */
#define TNL_GSO_KEPT_MARKS \
    (DP_PACKET_OL_STT \
     | (uint32_t) DP_PACKET_OL_STT << DP_PACKET_OL_SHIFT_COUNT \
     | DP_PACKET_OL_FIXED_ID | TNL_GSO_OL_INNER_FIXED_ID)

/* One row of `tnl-gso/show`: a kind of superpacket. */
struct tnl_gso_kind {
    uint8_t proto;              /* The header that is cut: IPPROTO_TCP or
                                 * IPPROTO_UDP. */
    uint8_t version;            /* Of the first IP header. */
    bool outer_csum;            /* The tunnel has a checksum. */
};

struct tnl_gso_encap_class {
    /* Name in commands, statistics and messages. */
    const char *name;

    /* Type of the Interfaces that push and pop it, or null for none. */
    const char *netdev_type;

    /* 'tnl_type' of a push over IPv4, and over IPv6 if that is another one; 0
     * for none (OVS_VPORT_TYPE_UNSPEC). */
    uint32_t vport_type;
    uint32_t vport_type6;

    /* The mark of a packet that has it, a value of TNL_GSO_ENCAP_MARKS; 0 in
     * the class of those that have none. */
    uint32_t mark;

    /* The outer header in front of its header. */
    enum tnl_gso_outer outer;

    /* NETDEV_TX_* flag of ports that cut TCP in it, and the name of the flag
     * in commands and in the options of dummy ports; 0 and null if there is no
     * such flag. */
    uint64_t tso;
    const char *tso_name;

    /* The capabilities with which a port cuts it, in the order in which the
     * plan tries them, and the reason that an operator gets for superpackets
     * without a row.  The first row, if there is any, is for ports that can
     * cut all of a superpacket, unless there are rows for trains only. */
    const struct tnl_gso_plan_row *rows;
    size_t n_rows;
    const char *why_no_row;

    /* The rows of `tnl-gso/show`. */
    const struct tnl_gso_kind *kinds;
    size_t n_kinds;

    /* Finds the header of this encapsulation behind 'd->outer' in the 'size'
     * bytes of 'frame', none of which is trusted, and the IP header in it,
     * which it stores in 'd->inner'.  Sets 'd->stacked' if that is behind
     * labels or two VLAN tags and, where the header says so, 'd->outer_csum',
     * 'd->numbered' and 'd->len_ofs'.
     * Returns TNL_GSO_OK or the reason why it cannot be done.  Null with
     * TNL_GSO_OUTER_NONE. */
    enum tnl_gso_reason (*parse)(const void *frame, size_t size,
                                 struct tnl_gso_desc *d);

    /* How likely is it, from 0 on, that an unmarked packet is of this
     * encapsulation?  What follows its outer IP header is at 'l4', and if it
     * is UDP, 4 bytes behind that are there.  Among those with the same
     * 'outer', the likeliest is tried first.  Null with TNL_GSO_OUTER_NONE. */
    int (*likelihood)(const void *l4);

    /* Returns the bytes of the header at 'hdr', of which the first 2 must be
     * there, with all options of which these tell the length.  Null with
     * TNL_GSO_OUTER_NONE. */
    size_t (*hdr_len)(const uint8_t *hdr);

    /* Can the header in 'data' be put in front of superpacket 'p'?  Not if
     * something in it is different for each segment, which only a push knows.
     * Null without 'vport_type'. */
    bool (*takes_super)(const struct ovs_action_push_tnl *data,
                        const struct dp_packet *p);

    /* Does a push of the header in 'data' sum up the packet behind it, or lose
     * its marks, or make it one that nobody would find, so that it must be
     * final by then unless it is a superpacket?  Null without 'vport_type'. */
    bool (*sums_at_push)(const struct ovs_action_push_tnl *data);

    /* Marks 'p', which has no mark of an encapsulation, if its TCP or UDP
     * ports say that it has this one: for explanations.  Null where
     * 'likelihood' recognizes such packets. */
    void (*mark_by_port)(struct dp_packet *p);

    /* Prepares 'p' for a pop of its header, 4 bytes of which are there: makes
     * checksums in it complete that upstream verifies, and takes off padding
     * that they do not cover.  Null if upstream needs nothing, or if the
     * header is behind UDP, where this is the same for all. */
    void (*pop_prepare)(struct dp_packet *p);

    /* Remote checksums in its header (tnl-rco.h), or null. */
    const struct tnl_rco_class *rco;
};

/* Defines the class of encapsulation NAME.  MEMBERS is a macro that applies
 * its argument to each member and its value.  All must be there, null ones
 * too: otherwise the compiler complains of 'GIVEN_<member>'. */
#define TNL_GSO_ENCAP_CLASS(NAME, MEMBERS)                                    \
    enum { MEMBERS(TNL_GSO_GIVEN) };                                          \
    BUILD_ASSERT_DECL(GIVEN_name + GIVEN_netdev_type + GIVEN_vport_type       \
                      + GIVEN_vport_type6 + GIVEN_mark + GIVEN_outer          \
                      + GIVEN_tso + GIVEN_tso_name + GIVEN_rows               \
                      + GIVEN_n_rows + GIVEN_why_no_row + GIVEN_kinds         \
                      + GIVEN_n_kinds + GIVEN_parse + GIVEN_likelihood        \
                      + GIVEN_hdr_len + GIVEN_takes_super                     \
                      + GIVEN_sums_at_push + GIVEN_mark_by_port               \
                      + GIVEN_pop_prepare + GIVEN_rco >= 0);                  \
    const struct tnl_gso_encap_class tnl_gso_encap_##NAME = {                 \
        MEMBERS(TNL_GSO_INIT)                                                 \
    }
#define TNL_GSO_GIVEN(MEMBER, VALUE) GIVEN_##MEMBER,
#define TNL_GSO_INIT(MEMBER, VALUE) .MEMBER = VALUE,

#define TNL_GSO_ENCAP(ENCAP, NAME) \
    extern const struct tnl_gso_encap_class tnl_gso_encap_##NAME;
TNL_GSO_ENCAPS
#undef TNL_GSO_ENCAP

/* The encapsulation of packets that are in no tunnel. */
#define TNL_GSO_NO_TUNNEL TNL_GSO_PLAIN

/* All classes. */
extern const struct tnl_gso_encap_class *const
    tnl_gso_encap_classes[TNL_GSO_N_ENCAPS];

/* Returns the class of 'encap'. */
static inline const struct tnl_gso_encap_class *
tnl_gso_encap_class(enum tnl_gso_encap encap)
{
    return tnl_gso_encap_classes[encap];
}

/* Is there an outer IP header in front of the one that is cut? */
static inline bool
tnl_gso_has_outer(enum tnl_gso_encap encap)
{
    return tnl_gso_encap_class(encap)->outer != TNL_GSO_OUTER_NONE;
}

/* Are packets that arrive in 'encap' merged before its header comes off
 * (receive/)?  Those of STT are superpackets already. */
static inline bool
tnl_gso_encap_merges(enum tnl_gso_encap encap)
{
    enum tnl_gso_outer outer = tnl_gso_encap_class(encap)->outer;

    return (outer == TNL_GSO_OUTER_UDP || outer == TNL_GSO_OUTER_GRE
            || outer == TNL_GSO_OUTER_IP);
}

enum tnl_gso_encap tnl_gso_encap_of_marks__(uint32_t marks);

/* Returns the encapsulation that 'p' is marked with, TNL_GSO_PLAIN if with
 * none. */
static inline enum tnl_gso_encap
tnl_gso_encap_of(const struct dp_packet *p)
{
    uint32_t marks = p->offloads & TNL_GSO_ENCAP_MARKS;

    return OVS_LIKELY(!marks) ? 0 : tnl_gso_encap_of_marks__(marks);
}

/* Does superpacket 'p', an STT frame or one in a tunnel, get its segment size
 * from the port that it leaves through: tnl_gso_set_late_mss()? */
static inline bool
tnl_gso_has_late_mss(const struct dp_packet *p)
{
    uint32_t inner = p->offloads >> DP_PACKET_OL_SHIFT_COUNT;

    return ((p->offloads & TNL_GSO_ENCAP_MARKS) == DP_PACKET_OL_STT
            || (inner & TNL_GSO_ENCAP_MARKS) == DP_PACKET_OL_STT);
}

enum tnl_gso_encap tnl_gso_encap_of_netdev_type(const char *type);
const struct tnl_gso_encap_class *tnl_gso_encap_of_push(
    const struct ovs_action_push_tnl *);
uint64_t tnl_gso_encap_tso_flags(bool udp_only);

/* Members that classes of tunnels share: encap/encap.c.
 *
 * Rows of 'kinds' for a tunnel over either version of IP, with and without a
 * checksum. */
#define TNL_GSO_N_TUNNEL_KINDS 4
extern const struct tnl_gso_kind tnl_gso_tunnel_kinds[TNL_GSO_N_TUNNEL_KINDS];

/* Initializers of 'rows' for a tunnel over UDP that a port with TSO, one flag,
 * cuts.  tnl-gso-plan.c says why it needs the others. */
#define TNL_GSO_N_UDP_TUNNEL_ROWS 14
#define TNL_GSO_UDP_TUNNEL_ROWS(TSO)                                      \
    { TNL_GSO_HW, false, false, NETDEV_TX_OFFLOAD_TCP_TSO | (TSO) },      \
    { TNL_GSO_HW, false, true, (NETDEV_TX_OFFLOAD_TCP_TSO | (TSO)         \
                                | NETDEV_TX_OFFLOAD_OUTER_IP_CKSUM) },    \
    { TNL_GSO_HW, true, false, (NETDEV_TX_OFFLOAD_TCP_TSO | (TSO)         \
                                | NETDEV_TX_OFFLOAD_OUTER_UDP_CKSUM) },   \
    { TNL_GSO_HW, true, true, (NETDEV_TX_OFFLOAD_TCP_TSO | (TSO)          \
                               | NETDEV_TX_OFFLOAD_OUTER_UDP_CKSUM        \
                               | NETDEV_TX_OFFLOAD_OUTER_IP_CKSUM) },     \
    { TNL_GSO_HW_PARTIAL, true, false,                                    \
      NETDEV_TX_OFFLOAD_TCP_TSO | (TSO) },                                \
    { TNL_GSO_HW_PARTIAL, true, true,                                     \
      (NETDEV_TX_OFFLOAD_TCP_TSO | (TSO)                                  \
       | NETDEV_TX_OFFLOAD_OUTER_IP_CKSUM) },                             \
    { TNL_GSO_UDP_GSO, true, false,                                       \
      TNL_GSO_TX_UDP_GSO | TNL_GSO_TX_UDP_TSO },                          \
    { TNL_GSO_UDP_GSO, true, true,                                        \
      TNL_GSO_TX_UDP_GSO | TNL_GSO_TX_UDP_TSO },                          \
    { TNL_GSO_KERNEL, false, false, TNL_GSO_TX_TNL_GSO },                 \
    { TNL_GSO_KERNEL, false, true, TNL_GSO_TX_TNL_GSO },                  \
    { TNL_GSO_KERNEL, true, false, TNL_GSO_TX_TNL_GSO },                  \
    { TNL_GSO_KERNEL, true, true, TNL_GSO_TX_TNL_GSO },                   \
    { TNL_GSO_UDP_GSO, true, false, TNL_GSO_TX_UDP_GSO },                 \
    { TNL_GSO_UDP_GSO, true, true, TNL_GSO_TX_UDP_GSO }

const void *tnl_gso_push_l4(const struct ovs_action_push_tnl *);

/* Members of classes whose header is the same in front of each segment, and
 * whose checksum, if there is one, is left to whoever cuts or sends. */
bool tnl_gso_takes_any_super(const struct ovs_action_push_tnl *,
                             const struct dp_packet *);
bool tnl_gso_sums_nothing(const struct ovs_action_push_tnl *);

/* encap/stt.c. */
void tnl_gso_set_late_mss(struct dp_packet *, uint32_t mtu);

#endif /* encap/encap.h */
