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

#include <config.h>

#include "tnl-rco.h"

#include <netinet/in.h>
#include <string.h>

#include "csum.h"
#include "csum-copy.h"
#include "dp-packet.h"
#include "netdev-native-tnl.h"
#include "netdev-provider.h"
#include "netdev-vport.h"
#include "odp-netlink.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "tnl-gso.h"
#include "tnl-gso-stats.h"
#include "unaligned.h"
#include "util.h"

/* Remote checksum offload: packets.  See tnl-rco.h.
 *
 * Called before and after a tunnel header is taken off (tnl-gso-merge.c,
 * tnl-gso-marks.c), when one has been put in front (netdev.c), and for the
 * header itself (netdev-native-tnl.c).  A peer wrote what is decoded here:
 * every read is bounded by the size of the packet. */

VLOG_DEFINE_THIS_MODULE(tnl_rco);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);

enum { VXLAN_P_BIT = 0x04 };    /* VXLAN-GPE, first byte. */
enum { VXLAN_RCO_BIT = 0x20 };  /* Second byte. */
enum { VXLAN_UDP_BIT = 0x80 };  /* Last byte. */
enum { MAX_START = 0x7f * 2 };  /* What fits below it. */

/* Geneve.  An option is a class, a type and a length in words, then data. */
enum {
    GENEVE_OPT_HDR_LEN = 4,
    GENEVE_TYPE = 0x81,         /* The critical bit and our number. */
    GENEVE_OPT_LEN = GENEVE_OPT_HDR_LEN + 4,
    GENEVE_MAX_OPTS_LEN = 252,
    GENEVE_C_BIT = 0x40,        /* Second byte of the header. */
};

static void
put16(uint8_t *p, uint16_t value)
{
    put_unaligned_be16((void *) p, htons(value));
}

/* Looks for our option among the 'len' bytes of 'opts', which have class
 * 'opt_class'.  Returns its offset, or 'len' if there is none, or more than
 * 'len' if it is malformed or there is more than one. */
static size_t
find_option(const uint8_t *opts, size_t len, uint16_t opt_class)
{
    size_t found = len;
    size_t ofs = 0;

    while (len - ofs >= GENEVE_OPT_HDR_LEN) {
        size_t opt_len = GENEVE_OPT_HDR_LEN + (opts[ofs + 3] & 0x1f) * 4;

        if (tnl_gso_get16(opts + ofs) == opt_class
            && opts[ofs + 2] == GENEVE_TYPE) {
            found = (found == len && opt_len == GENEVE_OPT_LEN
                     && opt_len <= len - ofs ? ofs : SIZE_MAX);
        }
        if (opt_len > len - ofs) {
            break;
        }
        ofs += opt_len;
    }
    return found;
}

/* Looks in the tunnel header at 'hdr', of which there are 'size' bytes with
 * what is behind it, for a remote checksum, and if there is one, stores where
 * it says that it is in '*rco'.  What cannot be understood gets zeros there,
 * which do not agree with any packet.  'udp_dst' is the port that it was sent
 * to. */
enum tnl_rco_found
tnl_rco_find(enum tnl_gso_encap encap, const uint8_t *hdr, size_t size,
             ovs_be16 udp_dst, struct tnl_rco *rco)
{
    *rco = (struct tnl_rco) { .start = 0 };
    if (size < sizeof(struct vxlanhdr)) {
        return TNL_RCO_NONE;
    }
    if (encap == TNL_GSO_VXLAN) {
        if (!(hdr[1] & VXLAN_RCO_BIT) || hdr[0] & VXLAN_P_BIT) {
            return TNL_RCO_NONE;
        }
        rco->start = (hdr[7] & ~VXLAN_UDP_BIT) * 2;
        rco->field = rco->start + tnl_gso_l4_csum_ofs(
            hdr[7] & VXLAN_UDP_BIT ? IPPROTO_UDP : IPPROTO_TCP);
        return TNL_RCO_SET;
    } else if (encap == TNL_GSO_GENEVE) {
        size_t len = (hdr[0] & 0x3f) * 4;
        const uint8_t *opts = hdr + sizeof(struct genevehdr);
        struct tnl_rco_policy policy;
        size_t ofs;

        if (!len || len > size - sizeof(struct genevehdr)
            || hdr[0] >> 6 || tnl_gso_get16(hdr + 2) != ETH_TYPE_TEB) {
            return TNL_RCO_NONE;
        }
        policy = tnl_rco_policy_get(udp_dst);
        ofs = policy.opt_class ? find_option(opts, len, policy.opt_class)
                               : len;
        if (ofs == len) {
            return TNL_RCO_NONE;
        } else if (ofs < len) {
            rco->start = tnl_gso_get16(opts + ofs + GENEVE_OPT_HDR_LEN);
            rco->field = tnl_gso_get16(opts + ofs + GENEVE_OPT_HDR_LEN + 2);
            if (!rco->start && !rco->field) {
                return TNL_RCO_NOOP;
            }
        }
        return TNL_RCO_SET;
    }
    return TNL_RCO_NONE;
}

/* Does 'rco' say of the frame that starts at 'inner_ofs' what is so, according
 * to its IP header 'inner'?  That leaves one value for each packet. */
bool
tnl_rco_agrees(const struct tnl_rco *rco, const struct tnl_gso_l3 *inner,
               size_t inner_ofs)
{
    return ((inner->proto == IPPROTO_TCP || inner->proto == IPPROTO_UDP)
            && inner->l4_ofs == inner_ofs + rco->start
            && rco->field == rco->start + tnl_gso_l4_csum_ofs(inner->proto));
}

/* Has the checksum field of the TCP or UDP header behind 'l3' the sum of the
 * pseudo-header for 'l4_len' bytes?  0 and 0xffff are the same sum. */
bool
tnl_rco_sum_right(const uint8_t *frame, const struct tnl_gso_l3 *l3,
                  size_t l4_len)
{
    const uint8_t *p = frame + l3->l4_ofs + tnl_gso_l4_csum_ofs(l3->proto);
    ovs_be16 field = get_unaligned_be16((const void *) p);
    ovs_be16 sum = tnl_gso_pseudo_csum(frame, l3, l4_len);

    return field == sum || (!field && sum == htons(0xffff));
}

/* Completes the checksum in the 'l4_len' bytes at 'l4', TCP or UDP as 'proto'
 * says, from what its field holds, as Linux v6.18 skb_remcsum_process() does:
 * wrong if that is wrong. */
void
tnl_rco_complete(uint8_t *l4, size_t l4_len, uint8_t proto)
{
    ovs_be16 sum = csum_finish(csum_fold(l4, l4_len));

    if (!sum && proto == IPPROTO_UDP) {
        sum = htons(0xffff);
    }
    put_unaligned_be16((void *) (l4 + tnl_gso_l4_csum_ofs(proto)), sum);
}

/* Bytes that the IP header 'l3' says that there are behind it. */
static size_t
l4_len_by_ip(const uint8_t *frame, const struct tnl_gso_l3 *l3)
{
    size_t end = tnl_gso_ip_end(frame, l3->ofs);

    return end > l3->l4_ofs ? end - l3->l4_ofs : 0;
}

/* Finds the IP header in front of what could have a remote checksum in the
 * 'size' bytes of 'frame', in which the inner Ethernet header is at
 * 'inner_ofs'. */
static bool
parse_inner(const uint8_t *frame, size_t size, size_t inner_ofs,
            struct tnl_gso_l3 *l3)
{
    bool stacked;

    return (!tnl_gso_parse_l2(frame, size, inner_ofs, l3, &stacked)
            && (l3->proto == IPPROTO_TCP || l3->proto == IPPROTO_UDP)
            && l3->l4_ofs + tnl_gso_l4_min_len(l3->proto) <= size);
}

/* Send. */

/* The tunnel header in 'data', which is the last one, without its options. */
static uint8_t *
push_data_hdr(const struct ovs_action_push_tnl *data)
{
    uint8_t *frame = CONST_CAST(uint8_t *, (const uint8_t *) data->header);

    return (frame + ETH_HEADER_LEN
            + (netdev_tnl_is_header_ipv6(frame) ? IPV6_HEADER_LEN
               : IP_HEADER_LEN)
            + UDP_HEADER_LEN);
}

/* Ends the header for tunnel 'netdev' in 'data': if packets are to be sent
 * with remote checksums, it says so to tnl_rco_push_finish().  For Geneve,
 * that is a bit which is reserved, and which never leaves. */
void
tnl_rco_build_header(const struct netdev *netdev,
                     struct ovs_action_push_tnl *data)
{
    const struct netdev_tunnel_config *cfg = netdev_get_tunnel_config(netdev);
    uint8_t *hdr = push_data_hdr(data);

    if (!cfg->rco_tx) {
        return;
    } else if (data->tnl_type == OVS_VPORT_TYPE_VXLAN) {
        hdr[1] |= VXLAN_RCO_BIT;
    } else if ((hdr[0] & 0x3f) * 4 + GENEVE_OPT_LEN <= GENEVE_MAX_OPTS_LEN) {
        uint8_t *opt = (uint8_t *) data->header + data->header_len;

        memset(opt, 0, GENEVE_OPT_LEN);
        put16(opt, cfg->rco_class);
        opt[2] = GENEVE_TYPE;
        opt[3] = (GENEVE_OPT_LEN - GENEVE_OPT_HDR_LEN) / 4;
        hdr[0] += GENEVE_OPT_LEN / 4;
        hdr[1] |= GENEVE_C_BIT;
        hdr[7] = 1;
        data->header_len += GENEVE_OPT_LEN;
    } else {
        VLOG_WARN_RL(&rl, "%s: options of flows leave no room for a remote "
                     "checksum", netdev_get_name(netdev));
    }
}

/* Makes the inner checksum of 'p', in front of which there is the header of
 * 'data', remote, and stores where it is in '*rco'.  Returns false, having
 * done nothing, if that must not be: the checksum is not partial, no outer one
 * would protect it, or the other end could not compute it. */
static bool
make_remote(struct dp_packet *p, const struct ovs_action_push_tnl *data,
            struct tnl_rco *rco)
{
    uint8_t *frame = dp_packet_data(p);
    size_t size = dp_packet_size(p);
    struct tnl_gso_l3 l3;
    size_t start;
    int csum_ofs;

    if (!dp_packet_inner_l4_checksum_partial(p)
        || !dp_packet_l4_checksum_partial(p)
        || !parse_inner(frame, size, data->header_len, &l3)) {
        return false;
    }
    start = l3.l4_ofs - data->header_len;   /* Even: all headers are. */
    if (start > MAX_START
        || (!tnl_gso_is_super(p)
            && l4_len_by_ip(frame, &l3) != size - l3.l4_ofs)) {
        return false;
    }

    csum_ofs = tnl_gso_l4_csum_ofs(l3.proto);
    *rco = (struct tnl_rco) { start, start + csum_ofs };
    put_unaligned_be16((void *) (frame + l3.l4_ofs + csum_ofs),
                       tnl_gso_pseudo_csum(frame, &l3, size - l3.l4_ofs));
    p->inner_l3_ofs = l3.ofs;
    p->inner_l4_ofs = l3.l4_ofs;
    if (dp_packet_inner_ip_checksum_partial(p)) {
        dp_packet_ip_set_header_csum(p, true);
    }
    p->offloads &= ~DP_PACKET_OL_INNER_L4_CKSUM_MASK;
    p->offloads |= DP_PACKET_OL_INNER_RCO;
    return true;
}

/* Ends a push of the header in 'data' in front of the packets of 'batch':
 * where it says so, leaves the inner checksum to the other end of 'tunnel'. */
void
tnl_rco_push_finish(const struct netdev *tunnel,
                    struct dp_packet_batch *batch,
                    const struct ovs_action_push_tnl *data)
{
    bool vxlan = data->tnl_type == OVS_VPORT_TYPE_VXLAN;
    bool geneve = data->tnl_type == OVS_VPORT_TYPE_GENEVE;
    const uint8_t *hdr = push_data_hdr(data);
    size_t hdr_ofs = hdr - (const uint8_t *) data->header;
    struct dp_packet *packet;
    bool wanted, used;
    uint32_t n = 0;

    atomic_read_relaxed(&tnl_rco_rx_used, &used);
    wanted = ((vxlan && hdr[1] & VXLAN_RCO_BIT && !(hdr[0] & VXLAN_P_BIT))
              || (geneve && hdr[7]));
    if (OVS_LIKELY(!wanted && !used)) {
        return;
    }
    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        uint8_t *p = (uint8_t *) dp_packet_data(packet) + hdr_ofs;
        uint32_t came = packet->offloads & DP_PACKET_OL_INNER_RCO;
        struct tnl_rco rco;
        bool done;

        /* What was said of this checksum was said on its way in. */
        packet->offloads &= ~(DP_PACKET_OL_INNER_RCO | DP_PACKET_OL_RCO);
        done = wanted && make_remote(packet, data, &rco);
        if (came && !done) {
            packet->offloads |= DP_PACKET_OL_RCO;
        }
        if (!wanted) {
            continue;
        }

        n += done;
        if (geneve) {
            p[7] = 0;
            if (done) {
                uint8_t *opt = p - hdr_ofs + data->header_len - GENEVE_OPT_LEN;

                put16(opt + GENEVE_OPT_HDR_LEN, rco.start);
                put16(opt + GENEVE_OPT_HDR_LEN + 2, rco.field);
            }
        } else if (done) {
            p[7] = rco.start / 2 | (rco.field - rco.start
                                    == tnl_gso_l4_csum_ofs(IPPROTO_UDP)
                                    ? VXLAN_UDP_BIT : 0);
        } else {
            p[1] &= ~VXLAN_RCO_BIT;
        }
    }
    if (n) {
        tnl_gso_count_events(tunnel->tnl_gso, TNL_GSO_E_TX_RCO, n);
    }
}

/* Marks superpacket 'p', described by 'd', if it has a remote checksum: Linux
 * hands one that its own tunnel has made over as any other tunnelled one,
 * whose inner checksum somebody would complete. */
void
tnl_rco_mark_transit(struct dp_packet *p, const struct tnl_gso_desc *d)
{
    const uint8_t *frame = dp_packet_data(p);
    size_t hdr_ofs = d->outer.l4_ofs + UDP_HEADER_LEN;
    const struct udp_header *udp = (const void *) (frame + d->outer.l4_ofs);
    struct tnl_gso_l3 l3;
    struct tnl_rco rco;
    size_t inner_ofs;

    if (tnl_rco_find(d->encap, frame + hdr_ofs, dp_packet_size(p) - hdr_ofs,
                     udp->udp_dst, &rco) != TNL_RCO_SET) {
        return;
    }
    inner_ofs = hdr_ofs + tnl_gso_tunnel_hdr_len(d->encap, frame + hdr_ofs);
    if (parse_inner(frame, dp_packet_size(p), inner_ofs, &l3)
        && tnl_rco_agrees(&rco, &l3, inner_ofs)) {
        p->offloads &= ~DP_PACKET_OL_INNER_L4_CKSUM_MASK;
        p->offloads |= DP_PACKET_OL_INNER_RCO;
    }
}

/* Receive. */

/* Is the outer UDP checksum of 'p', if it has one, right?  Remembers that. */
static bool
outer_csum_right(struct dp_packet *p)
{
    const struct udp_header *udp = dp_packet_l4(p);

    if (udp->udp_csum && dp_packet_l4_checksum_unknown(p)) {
        uint32_t sum = (netdev_tnl_is_header_ipv6(dp_packet_data(p))
                        ? packet_csum_pseudoheader6(dp_packet_l3(p))
                        : packet_csum_pseudoheader(dp_packet_l3(p)));

        sum += csum_fold(udp, dp_packet_size(p) - p->l4_ofs);
        if (csum_finish(sum)) {
            dp_packet_l4_checksum_set_bad(p);
        } else {
            dp_packet_l4_checksum_set_good(p);
        }
    }
    return !udp->udp_csum || !dp_packet_l4_checksum_bad(p);
}

/* Refuses 'p', which came in 'tunnel' with 'rco', for 'reason'. */
static struct dp_packet *
refuse(const struct netdev *tunnel, struct dp_packet *p,
       const struct tnl_rco *rco, enum tnl_gso_reason reason)
{
    tnl_gso_count_drop(tunnel->tnl_gso, reason);
    VLOG_WARN_RL(&rl, "%s: packet dropped: %s: remote checksum at %"PRIu16
                 ", from %"PRIu16" on (see ovs-appctl tnl-gso/stats %s)",
                 netdev_get_name(tunnel), tnl_gso_reason_to_string(reason),
                 rco->field, rco->start, netdev_get_name(tunnel));
    dp_packet_delete(p);
    return NULL;
}

/* Has 'p' been marked before as having an inner checksum that is partial, be
 * it remote or not?  By the kernel, that is, or by whoever has merged it. */
static bool
inner_pending(const struct dp_packet *p)
{
    return (p->offloads & DP_PACKET_OL_INNER_RCO
            || dp_packet_inner_l4_checksum_partial(p));
}

/* Checks 'p', a packet in a tunnel, before class->pop_header() of 'tunnel',
 * which is an 'encap'.  A remote checksum becomes a mark, and what upstream
 * would not understand goes from a VXLAN header.
 *
 * Returns 'p', or null if 'p' was refused and freed. */
struct dp_packet *
tnl_rco_pop_check(const struct netdev *tunnel, enum tnl_gso_encap encap,
                  struct dp_packet *p)
{
    uint8_t *frame = dp_packet_data(p);
    size_t size = dp_packet_size(p);
    const struct udp_header *udp = dp_packet_l4(p);
    size_t hdr_ofs = p->l4_ofs + UDP_HEADER_LEN;
    uint8_t *hdr = frame + hdr_ofs;
    enum tnl_rco_found found;
    struct tnl_gso_l3 l3;
    struct tnl_rco rco;
    size_t inner_ofs;
    size_t l4_len;

    if (!udp || hdr_ofs > size) {
        return p;
    }
    found = tnl_rco_find(encap, hdr, size - hdr_ofs, udp->udp_dst, &rco);
    if (OVS_LIKELY(found == TNL_RCO_NONE) || !outer_csum_right(p)) {
        return p;               /* If it is wrong, upstream drops 'p'. */
    } else if (!tnl_rco_policy_get(udp->udp_dst).rx) {
        return refuse(tunnel, p, &rco, TNL_GSO_R_RCO_OFF);
    } else if (found == TNL_RCO_NOOP) {
        return p;
    }

    inner_ofs = hdr_ofs + tnl_gso_tunnel_hdr_len(encap, hdr);
    if (!parse_inner(frame, size, inner_ofs, &l3)
        || !tnl_rco_agrees(&rco, &l3, inner_ofs)) {
        return refuse(tunnel, p, &rco, TNL_GSO_R_RCO);
    }
    l4_len = (tnl_gso_is_super(p) ? size - l3.l4_ofs
              : l4_len_by_ip(frame, &l3));
    if (l4_len < rco.field - rco.start + sizeof(ovs_be16)
        || l4_len > size - l3.l4_ofs
        || (tnl_gso_is_super(p) && !inner_pending(p))) {
        return refuse(tunnel, p, &rco, TNL_GSO_R_RCO);
    }

    if (OVS_LIKELY(inner_pending(p)
                   || tnl_rco_sum_right(frame, &l3, l4_len))) {
        p->offloads |= DP_PACKET_OL_INNER_L4_CKSUM_MASK;
        p->offloads &= ~DP_PACKET_OL_INNER_L4_PROTO_MASK;
        p->offloads |= (l3.proto == IPPROTO_UDP
                        ? DP_PACKET_OL_INNER_L4_PROTO_UDP
                        : DP_PACKET_OL_INNER_L4_PROTO_TCP);
    } else {
        /* Whoever completes a partial checksum makes it right, whatever is in
         * the field. */
        p->offloads &= ~DP_PACKET_OL_INNER_L4_CKSUM_MASK;
        tnl_rco_complete(frame + l3.l4_ofs, l4_len, l3.proto);
    }
    p->offloads |= DP_PACKET_OL_INNER_RCO;
    if (encap == TNL_GSO_VXLAN) {
        hdr[1] &= ~VXLAN_RCO_BIT;
        hdr[7] = 0;
    }
    return p;
}

/* Counts 'p', off which the header of 'tunnel' has come, and which had a
 * remote checksum in it. */
void
tnl_rco_count_received(const struct netdev *tunnel, const struct dp_packet *p)
{
    tnl_gso_count_event(tunnel->tnl_gso, TNL_GSO_E_RX_RCO);
    if (!(p->md.tunnel.flags & FLOW_TNL_F_CSUM)) {
        tnl_gso_count_event(tunnel->tnl_gso, TNL_GSO_E_RX_RCO_NO_CSUM);
    }
    if (!dp_packet_l4_checksum_partial(p)) {
        tnl_gso_count_event(tunnel->tnl_gso, TNL_GSO_E_RX_RCO_WRONG);
    }
}

/* Ends the pop of a tunnel header off 'p': our Geneve option is not
 * metadata. */
void
tnl_rco_pop_finish(struct dp_packet *p)
{
    struct flow_tnl *tnl = &p->md.tunnel;
    uint8_t *opts = (uint8_t *) tnl->metadata.opts.gnv;
    size_t len = tnl->metadata.present.len;
    struct tnl_rco_policy policy;
    size_t ofs;

    if (OVS_LIKELY(!(tnl->flags & FLOW_TNL_F_UDPIF) || !len)) {
        return;
    }
    policy = tnl_rco_policy_get(tnl->tp_dst);
    if (policy.rx && policy.opt_class) {
        ofs = find_option(opts, len, policy.opt_class);
        if (ofs < len) {
            tnl->metadata.present.len -= GENEVE_OPT_LEN;
            memmove(opts + ofs, opts + ofs + GENEVE_OPT_LEN,
                    len - ofs - GENEVE_OPT_LEN);
        }
    }
}

/* Has the other end of a tunnel left the checksum of 'p' to us, and is it
 * still to be completed?  Stores in '*udp' whether it is UDP's. */
static bool
left_to_us(const struct dp_packet *p, bool *udp)
{
    if (OVS_LIKELY(!(p->offloads & DP_PACKET_OL_RCO))) {
        return false;
    } else if (dp_packet_tunnel(p)) {
        *udp = dp_packet_inner_l4_proto_udp(p);
        return dp_packet_inner_l4_checksum_partial(p);
    }
    *udp = dp_packet_l4_proto_udp(p);
    return dp_packet_l4_checksum_partial(p);
}

/* Counts 'p' on 'tunnel', whose push is about to complete the checksum of 'p',
 * if the other end of a tunnel has left it to us. */
void
tnl_rco_count_final(const struct netdev *tunnel, const struct dp_packet *p)
{
    bool udp;

    if (OVS_UNLIKELY(left_to_us(p, &udp))) {
        tnl_gso_count_event(tunnel->tnl_gso, TNL_GSO_E_RCO_COMPLETED);
    }
}

/* What tnl_rco_count_completed() does once remote checksums are accepted. */
void
tnl_rco_count_completed__(struct netdev *netdev,
                          const struct dp_packet_batch *batch)
{
    const uint64_t both = (NETDEV_TX_OFFLOAD_TCP_CKSUM
                           | NETDEV_TX_OFFLOAD_UDP_CKSUM);
    struct dp_packet *packet;
    uint32_t n = 0;

    if ((netdev->ol_flags & both) == both) {
        return;
    }

    DP_PACKET_BATCH_FOR_EACH (i, packet, batch) {
        bool udp;

        if (left_to_us(packet, &udp)) {
            n += !(netdev->ol_flags & (udp ? NETDEV_TX_OFFLOAD_UDP_CKSUM
                                       : NETDEV_TX_OFFLOAD_TCP_CKSUM));
        }
    }
    if (OVS_UNLIKELY(n)) {
        tnl_gso_count_events(netdev->tnl_gso, TNL_GSO_E_RCO_COMPLETED, n);
    }
}
