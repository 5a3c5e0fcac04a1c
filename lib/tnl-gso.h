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

#ifndef TNL_GSO_H
#define TNL_GSO_H 1

/* Tunnel GSO: how superpackets leave the userspace datapath.
 *
 * What Open vSwitch's own files need of this directory.  Drivers also include
 * the headers that are named after them.
 *
 * Theory of operation
 * ===================
 *
 * A VM or container hands over a "superpacket": one TCP or UDP packet of up to
 * 64 kB whose mark, tso_segsz or uso_segsz, says into segments of how many
 * payload bytes ("mss") somebody must cut it in the end.  A tunnel push puts
 * headers in front of it and leaves it whole.  It arrives at netdev_send(),
 * which hands every batch that holds one to tnl_gso_send().  From there on the
 * data flows one way:
 *
 *     describe    bytes and marks -> where everything is     tnl-gso-desc.c
 *        |                                                   tnl-gso-parse.c
 *        |                                                   encap/
 *      plan       description, port -> who cuts, into what   tnl-gso-plan.c
 *        |
 *     segment     buffers, payload, the payload's sum        tnl-gso-seg.c
 *        |        (kernel ports: no buffers)                 tnl-gso-frames.c
 *     finish      headers of segment i, checksums            tnl-gso-finish.c
 *        |
 *      send       the port's driver
 *
 * | stage    | reads               | writes        | fails  | must not      |
 * |----------|---------------------|---------------|--------|---------------|
 * | describe | packet bytes, marks | tnl_gso_desc  | with a | write,        |
 * |          |                     |               | reason | allocate      |
 * | plan     | description, port's | tnl_gso_plan  | never: | touch packet  |
 * |          | capabilities        |               | "drop" | bytes         |
 * |          |                     |               | is one |               |
 * | segment  | packet, plan        | buffers,      | never  | write headers |
 * |          |                     | payload, sum  |        |               |
 * | finish   | segment, its index, | headers,      | never  | allocate,     |
 * |          | payload's sum       | marks         |        | resize        |
 *
 * STT (netdev-stt.c) makes a superpacket of everything that is too long for
 * one packet, userspace TSO or not.  Its tunnel header is cut as TCP, so it is
 * a plain superpacket here; only its segment size is not known before the port
 * is, which tnl_gso_send() has.
 *
 * A push that cannot carry a superpacket (the tunnel has per-packet state, or
 * there is a tunnel around it already, or 64 kB would not hold it) cuts it
 * first: tnl_gso_push_prepare().
 *
 * The other way around, a superpacket arrives in a tunnel as one packet, which
 * loses its headers and stays whole, or as a train: a UDP superpacket that has
 * several tunnelled packets in it.  Before the headers come off,
 * tnl_gso_pop_prepare() makes of a train the superpackets that it was cut
 * from, if cutting them again would give the same bytes, and else what it is
 * made of (tnl-gso-merge.c).  tnl_gso_pop_finish() then keeps what is known of
 * the checksums inside.
 *
 * Marks on ordinary packets that nothing stands behind are set right in
 * tnl-gso-marks.c, which also has what a tunnel pop needs of each packet.
 * Checksums that a port leaves to us are completed in tnl-gso-complete.c.
 *
 * Everything is counted by port (tnl-gso-port.c) and told by the database
 * (tnl-gso-config.c) and by `ovs-appctl tnl-gso/show`, `stats` and `explain`
 * (tnl-gso-unixctl.c). */

#include <stdbool.h>
#include <stddef.h>
#include <netinet/ip6.h>

#include "core/tnl-gso-packet.h"
#include "dp-packet.h"
#include "ovs-atomic.h"
#include "packets.h"
#include "userspace-tso.h"

struct ds;
struct netdev;
struct netdev_custom_stats;
struct netdev_tunnel_config;
struct nlattr;
struct ovs_action_push_tnl;
struct smap;
struct tnl_gso_desc;

/* tnl-gso-send.c: the way of a batch that is sent. */
int tnl_gso_send(struct netdev *, int qid, struct dp_packet_batch *,
                 bool concurrent_txq);
void tnl_gso_cut_refused(const struct netdev *, struct dp_packet *,
                         struct dp_packet_batch *out);

/* tnl-gso-push.c: the way of a batch that gets a tunnel header. */
void tnl_gso_push_prepare(const struct netdev *tunnel,
                          struct dp_packet_batch *,
                          const struct ovs_action_push_tnl *);
ovs_be16 tnl_gso_new_ip_id(const struct dp_packet *, const struct ip_header *);

/* Can there be superpackets?  With userspace TSO they come from ports; STT
 * makes them by itself, and says so with the first one. */
extern atomic_bool tnl_gso_stt_in_use;

static inline bool
tnl_gso_enabled(void)
{
    bool stt;

    atomic_read_relaxed(&tnl_gso_stt_in_use, &stt);
    return stt || userspace_tso_enabled();
}

/* tnl-gso-upcall.c: superpackets that userspace is told about. */
bool tnl_gso_upcall_must_cut(const struct dp_packet_batch *,
                             const struct nlattr *userspace);
void tnl_gso_upcall_cut(struct dp_packet_batch *, bool should_steal,
                        struct dp_packet_batch *out);

/* Bytes of a packet that go to a controller: an OpenFlow message has 16 bits
 * of length for them and for what is told about them. */
#define TNL_GSO_MAX_PACKET_IN (UINT16_MAX - 2047)

/* tnl-gso-desc.c: how long packets will be. */
uint32_t tnl_gso_segment_len(const struct dp_packet *);

/* dp-packet-gso.c, by our patch: upstream's coverage counter for cuts. */
void dp_packet_gso_count_cut(void);

/* tnl-gso-marks.c: ordinary packets. */
void tnl_gso_marks_partial(struct dp_packet *, const struct tnl_gso_desc *,
                           bool outer_partial);
void tnl_gso_marks_guess(struct dp_packet *);
void tnl_gso_marks_repair(struct dp_packet *);
void tnl_gso_marks_truncate(struct dp_packet *); /* In dp-packet.h, too. */
bool tnl_gso_takes_headroom(const struct dp_packet *, size_t size);
bool tnl_gso_make_headroom(struct dp_packet *, size_t size);
void tnl_gso_try_tailroom(struct dp_packet *, size_t size);
void tnl_gso_gre_seq_csum(struct gre_base_hdr *, size_t len);
uint32_t tnl_gso_pseudo_csum6(const struct ovs_16aligned_ip6_hdr *);
struct dp_packet *tnl_gso_pop_check(const struct netdev *tunnel,
                                    struct dp_packet *);
void tnl_gso_pop_finish(const struct netdev *tunnel, struct dp_packet *);
void tnl_gso_require_csum6(ovs_be16 udp_dst, bool);

/* Does 'ip6' have extension headers, so that its next header and payload
 * length are not those of the pseudo-header? */
static inline bool
tnl_gso_ip6_has_ext(const struct ovs_16aligned_ip6_hdr *ip6)
{
    switch (ip6->ip6_nxt) {
    case IPPROTO_HOPOPTS:
    case IPPROTO_ROUTING:
    case IPPROTO_AH:
    case IPPROTO_DSTOPTS:
        return true;
    default:
        return false;
    }
}

/* Does one of 'marks', those of one level of 'p', say that a checksum is
 * partial which is in a header that 'p' does not have, or may not have?
 *
 * Every packet with a partial checksum is asked on its way out, so this must
 * be short. */
static inline bool
tnl_gso_level_wrong(const struct dp_packet *p, uint32_t marks,
                    uint16_t l3_ofs, uint32_t l4_ofs)
{
    const struct ip_header *ip;

    if ((marks & DP_PACKET_OL_L4_CKSUM_MASK) != DP_PACKET_OL_L4_CKSUM_MASK) {
        return (l4_ofs == UINT16_MAX || l4_ofs > dp_packet_size(p))
               && (marks & DP_PACKET_OL_IP_CKSUM_MASK)
                  == DP_PACKET_OL_IP_CKSUM_MASK;
    }
    if (!(marks & DP_PACKET_OL_L4_PROTO_MASK)
        || (l4_ofs + TCP_HEADER_LEN + dp_packet_l2_pad_size(p)
            > dp_packet_size(p))) {
        return true;
    }

    /* The upper layer's checksum is not in a fragment, or not over it. */
    ip = (const void *) ((const char *) dp_packet_base(p) + __packet_data(p)
                         + l3_ofs);
    return (IP_VER(ip->ip_ihl_ver) == 4
            ? IP_IS_FRAGMENT(ip->ip_frag_off)
            : (((const struct ovs_16aligned_ip6_hdr *) ip)->ip6_nxt
               != IPPROTO_TCP
               && ((const struct ovs_16aligned_ip6_hdr *) ip)->ip6_nxt
                  != IPPROTO_UDP));
}

/* Is a mark of 'p' wrong?  Only worth asking if one says "partial". */
static inline bool
tnl_gso_marks_wrong(const struct dp_packet *p)
{
    uint32_t inner = p->offloads >> DP_PACKET_OL_SHIFT_COUNT;

    return (tnl_gso_level_wrong(p, p->offloads, p->l3_ofs, p->l4_ofs)
            || (inner && tnl_gso_level_wrong(p, inner, p->inner_l3_ofs,
                                             p->inner_l4_ofs)));
}

/* Can the outer UDP checksum of 'p' be derived from the inner one?  Are the
 * inner IP header and what is needed of its upper layer there, and if it is
 * IPv6, is the length that it tells that of what follows?
 *
 * The pseudo-header has it when the outer checksum is derived, and the length
 * of the data when the inner one is completed.  Who wrote the header need not
 * have told the truth, and the outer checksum is ours.  The offsets are those
 * of what the header before has announced, or of what was there before 'p' was
 * truncated: they may be beyond the end.  Behind a second VLAN tag, upstream's
 * parser has not set them, but marks may say that a checksum is good. */
static inline bool
tnl_gso_inner_len_ok(const struct dp_packet *p)
{
    const struct ovs_16aligned_ip6_hdr *ip6 = dp_packet_inner_l3(p);
    size_t size = dp_packet_size(p);
    size_t inner_len = size - p->inner_l3_ofs;

    return (ip6 && p->inner_l4_ofs + UDP_HEADER_LEN <= size
            && ((inner_len >= IP_HEADER_LEN
                 && IP_VER(*(const uint8_t *) ip6) != 6)
                || (inner_len >= IPV6_HEADER_LEN
                    && (inner_len
                        == IPV6_HEADER_LEN + ntohs(ip6->ip6_plen)))));
}

/* tnl-gso-complete.c: checksums of ordinary packets. */
void tnl_gso_complete(struct dp_packet *, uint64_t ol_flags);

/* Completes all checksums of 'p' that are partial and that a port with
 * 'ol_flags' does not complete.  Of packets that are about to be sent, most
 * have none. */
static inline void
tnl_gso_send_prepare(struct dp_packet *p, uint64_t ol_flags)
{
    if (p->offloads & (DP_PACKET_OL_IP_CKSUM_BAD
                       | DP_PACKET_OL_L4_CKSUM_BAD
                       | DP_PACKET_OL_INNER_IP_CKSUM_BAD
                       | DP_PACKET_OL_INNER_L4_CKSUM_BAD)) {
        /* Of the two marks that say "partial", one. */
        tnl_gso_complete(p, ol_flags);
    }
}

/* tnl-gso-merge.c: what arrives in a tunnel. */
size_t tnl_gso_pop_prepare(const struct netdev *tunnel,
                           struct dp_packet_batch *);

/* tnl-rco.c: checksums that the other end of a tunnel computes, or leaves to
 * us. */
void tnl_rco_build_header(const struct netdev *,
                          struct ovs_action_push_tnl *);
void tnl_rco_push_finish(const struct netdev *tunnel,
                         struct dp_packet_batch *,
                         const struct ovs_action_push_tnl *);
void tnl_rco_count_completed__(struct netdev *,
                               const struct dp_packet_batch *);

/* Has any tunnel accepted remote checksums so far? */
extern atomic_bool tnl_rco_rx_used;

/* Counts on 'netdev' the packets in 'batch', which it is about to send, whose
 * checksum the other end of a tunnel has left to us, and that 'netdev' leaves
 * to us as well.  Called for every batch. */
static inline void
tnl_rco_count_completed(struct netdev *netdev,
                        const struct dp_packet_batch *batch)
{
    bool used;

    atomic_read_relaxed(&tnl_rco_rx_used, &used);
    if (OVS_UNLIKELY(used)) {
        tnl_rco_count_completed__(netdev, batch);
    }
}

/* tnl-rco-config.c: the same, as options of tunnel Interfaces. */
bool tnl_rco_set_option(const char *type, const char *key, const char *value,
                        struct netdev_tunnel_config *);
int tnl_rco_check_config(const struct netdev *, struct netdev_tunnel_config *,
                         struct ds *errors);
void tnl_rco_get_options(const struct netdev_tunnel_config *, struct smap *);
void tnl_rco_forget(const struct netdev *);

/* tnl-gso-unixctl.c: appctl commands. */
void tnl_gso_init(void);

/* tnl-gso-config.c: configuration, and what the database is told. */
void tnl_gso_port_create(struct netdev *);
void tnl_gso_port_link(struct netdev *);
void tnl_gso_port_unlink(struct netdev *);
void tnl_gso_port_destroy(struct netdev *);
void tnl_gso_set_config(const struct smap *other_config);
bool tnl_gso_set_tso(const struct smap *other_config, bool *on);
bool tnl_gso_tso_after_restart(void);
void tnl_gso_port_set_config(struct netdev *, const struct smap *);
int tnl_gso_check_datapath(const struct netdev *, const char *datapath_type,
                           char **errorp);
void tnl_gso_get_status(const struct netdev *, struct smap *);
void tnl_gso_get_custom_stats(const struct netdev *,
                              struct netdev_custom_stats *);

#endif /* tnl-gso.h */
