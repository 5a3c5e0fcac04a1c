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

#include "ports/netdev-stt.h"

#include <netinet/in.h>

#include "core/csum-copy.h"
#include "core/tnl-gso-id.h"
#include "csum.h"
#include "encap/encap.h"
#include "netdev-native-tnl.h"
#include "odp-netlink.h"
#include "ovs-atomic.h"
#include "ovs-thread.h"
#include "packets.h"
#include "rco/tnl-rco.h"
#include "stages/tnl-gso-desc.h"
#include "stt/stt-reasm.h"
#include "stt/stt.h"
#include "timeval.h"
#include "tnl-gso.h"
#include "unaligned.h"
#include "util.h"

/* Records that superpackets can come from STT from now on. */
static void
set_in_use(void)
{
    bool in_use;

    atomic_read_relaxed(&tnl_gso_stt_in_use, &in_use);
    if (OVS_UNLIKELY(!in_use)) {
        atomic_store_relaxed(&tnl_gso_stt_in_use, true);
    }
}

/* Push. */

/* Returns an ID for a frame behind the IP header 'l3'.  It must not be used
 * again between the same two addresses while another frame may be incomplete,
 * and must not be predictable: an attacker who sends parts with it ahead of
 * ours makes the receiver drop ours. */
static ovs_be32
new_frame_id(const void *l3)
{
    const struct ovs_16aligned_ip6_hdr *ip6 = l3;
    const struct ip_header *ip = l3;
    bool v6 = IP_VER(ip->ip_ihl_ver) == 6;

    return htonl(v6
                 ? tnl_gso_new_ids(&ip6->ip6_src, &ip6->ip6_dst, true,
                                   TNL_GSO_ID_STT, 1)
                 : tnl_gso_new_ids(&ip->ip_src, &ip->ip_dst, false,
                                   TNL_GSO_ID_STT, 1));
}

/* Does 'p' start with a VLAN tag that fits into an STT header? */
static bool
has_stt_vlan(const struct dp_packet *p)
{
    const struct vlan_eth_header *veh = dp_packet_data(p);

    return (dp_packet_size(p) >= sizeof *veh
            && veh->veth_type == htons(ETH_TYPE_VLAN_8021Q));
}

/* Can an STT header say where the inner TCP or UDP header of 'p', described by
 * 'd', is?  A receiver finds the IP header by the type behind the one VLAN tag
 * that is not in the frame: Linux' STT did. */
static bool
can_point_at_l4(const struct dp_packet *p, const struct tnl_gso_desc *d)
{
    return (!tnl_gso_encap_of(p) && !d->stacked
            && (d->inner.proto == IPPROTO_TCP
                || d->inner.proto == IPPROTO_UDP)
            && (d->inner.l4_ofs - (has_stt_vlan(p) ? VLAN_HEADER_LEN : 0)
                <= UINT8_MAX));
}

/* Can superpacket 'p' be in an STT frame?  Not with an mss that a receiver
 * refuses.  An STT header cannot say that UDP is to be cut.  CWR belongs in
 * the first segment only, which the receiver may not know when it cuts TCP in
 * the end: Linux' STT did not.  Bytes behind the IP packet are payload to code
 * that cuts, and padding to a receiver. */
bool
netdev_stt_takes_super(const struct dp_packet *p)
{
    struct tnl_gso_desc d;
    const struct tcp_header *tcp;

    if (p->uso_segsz || dp_packet_get_tso_segsz(p) < STT_LEAST_INNER_MSS
        || dp_packet_l2_pad_size(p) || tnl_gso_describe(p, &d)
        || !can_point_at_l4(p, &d)) {
        return false;
    }
    tcp = dp_packet_at_assert(p, d.inner.l4_ofs, TCP_HEADER_LEN);
    return !(tcp->tcp_ctl & htons(TCP_CWR));
}

/* Is 'p' as long as the IP header 'l3' says?  The length in a superpacket
 * ('super') is ignored. */
static bool
holds_whole_ip(const struct dp_packet *p, const struct tnl_gso_l3 *l3,
               bool super)
{
    return super || (tnl_gso_ip_end(dp_packet_data(p), l3->ofs)
                     <= dp_packet_size(p));
}

/* Leaves the checksum of 'p', described by 'd', to the receiver, and fills in
 * the fields of 'stt' that say so. */
static void
leave_checksum(struct dp_packet *p, const struct tnl_gso_desc *d,
               struct stt_header *stt)
{
    const struct tnl_gso_l3 *l3 = &d->inner;
    bool tcp = l3->proto == IPPROTO_TCP;
    size_t csum_ofs = l3->l4_ofs + tnl_gso_l4_csum_ofs(l3->proto);
    ovs_be16 *csum = dp_packet_at_assert(p, csum_ofs, sizeof *csum);

    p->l3_ofs = l3->ofs;
    if (dp_packet_ip_checksum_partial(p)) {
        dp_packet_ip_set_header_csum(p, false);
    }
    *csum = tnl_gso_pseudo_csum(dp_packet_data(p), l3,
                                dp_packet_size(p) - l3->l4_ofs);

    stt->flags = (STT_F_PARTIAL | (l3->version == 4 ? STT_F_IPV4 : 0)
                  | (tcp ? STT_F_TCP : 0));
    stt->l4_ofs = l3->l4_ofs;
    stt->mss = htons(dp_packet_get_tso_segsz(p));
}

/* Prepares 'p' for a push on 'tunnel', and fills in '*stt' except for the
 * tunnel key: leaves a partial checksum to the receiver or completes it, and
 * moves a VLAN tag into '*stt'. */
static void
prepare_inner(const struct netdev *tunnel, struct dp_packet *p,
              struct stt_header *stt)
{
    bool super = dp_packet_get_tso_segsz(p);
    struct tnl_gso_desc d;

    *stt = (struct stt_header) { .version = 0 };
    /* The receiver's checksum covers all of the frame that follows: no
     * padding. */
    if ((super || dp_packet_l4_checksum_partial(p))
        && !dp_packet_l2_pad_size(p)
        && !tnl_gso_find_headers(p, &d) && can_point_at_l4(p, &d)
        && holds_whole_ip(p, &d.inner, super)
        && tnl_gso_l4_len(dp_packet_data(p), dp_packet_size(p), &d.inner)) {
        leave_checksum(p, &d, stt);
    } else {
        tnl_rco_count_final(tunnel, p);
        dp_packet_ol_send_prepare(p, 0);
        if (dp_packet_l4_checksum_good(p)) {
            stt->flags = STT_F_VERIFIED;
        }
    }

    if (has_stt_vlan(p)) {
        const struct vlan_eth_header *veh = dp_packet_data(p);

        stt->vlan_tci = ((veh->veth_tci & ~htons(VLAN_CFI))
                         | htons(STT_VLAN_PRESENT));
        if (stt->l4_ofs) {
            stt->l4_ofs -= VLAN_HEADER_LEN;
        }
        eth_pop_vlan(p);
    }
}

/* Member 'push_header' of the netdev class: makes an STT frame of 'packet'
 * with the header in 'data'. */
void
netdev_stt_push_header(const struct netdev *netdev,
                       const struct netdev *ingress_netdev OVS_UNUSED,
                       struct dp_packet *packet,
                       const struct ovs_action_push_tnl *data)
{
    ovs_be16 src_port = netdev_tnl_get_src_port(packet);
    struct stt_header from_inner;
    struct stt_header *stt;
    struct tcp_header *tcp;
    uint32_t frame_len;
    int ip_len;

    prepare_inner(netdev, packet, &from_inner);
    packet->offloads = 0;
    tnl_gso_clear_segsz(packet);
    if (STT_HEADER_LEN + dp_packet_size(packet) > STT_MIN_MSS) {
        dp_packet_set_tso_segsz(packet, STT_MIN_MSS);
        set_in_use();
    }
    tcp = netdev_tnl_push_ip_header(packet, data->header, data->header_len,
                                    &ip_len, 0);
    dp_packet_l4_proto_set_tcp(packet);
    dp_packet_l4_checksum_set_partial(packet);
    packet->offloads |= DP_PACKET_OL_STT;

    /* A packet loses its end if there is no room for headers. */
    frame_len = dp_packet_size(packet) - data->header_len + STT_HEADER_LEN;
    tcp->tcp_src = src_port;
    put_16aligned_be32(&tcp->tcp_seq, htonl(frame_len << 16));
    put_16aligned_be32(&tcp->tcp_ack, new_frame_id(dp_packet_l3(packet)));
    stt = (struct stt_header *) (tcp + 1);
    stt->flags = from_inner.flags;
    stt->l4_ofs = from_inner.l4_ofs;
    stt->mss = from_inner.mss;
    stt->vlan_tci = from_inner.vlan_tci;
}

/* Gives 'p', an STT frame or one in a tunnel, the largest segment size with
 * which its segments leave through a port with 'mtu', in bytes.  Linux v6.18
 * packet_snd() grants an Ethernet header and one VLAN tag on top of that; all
 * other headers that the underlay has pushed take their share. */
void
netdev_stt_set_mss(struct dp_packet *p, uint32_t mtu)
{
    uint16_t l4_ofs = netdev_stt_is_frame(p) ? p->l4_ofs : p->inner_l4_ofs;
    uint32_t hdr_len = (l4_ofs + TCP_HEADER_LEN
                        - (has_stt_vlan(p) ? VLAN_ETH_HEADER_LEN
                           : ETH_HEADER_LEN));

    if (l4_ofs != UINT16_MAX && mtu > hdr_len) {
        dp_packet_set_tso_segsz(p, MIN(mtu - hdr_len, UINT16_MAX));
    }
}

/* Pop. */

/* The batch that the calling thread pops. */
struct pop {
    bool open;                  /* stt_reasm_begin() has been called. */
    long long int now;          /* ms; when the batch began. */
    size_t n_held;              /* Packets that have been kept. */
};
DEFINE_STATIC_PER_THREAD_DATA(struct pop, pop, { false, 0, 0 });

/* Ends a batch of calls of netdev_stt_pop_header(): to be called after each
 * batch, before anything else is done with its packets.  Returns how many
 * packets have been kept: they are not lost. */
size_t
netdev_stt_pop_end(void)
{
    struct pop *pop = pop_get();
    size_t n_held = pop->n_held;

    if (pop->open) {
        stt_reasm_end();
        *pop = (struct pop) { .open = false };
    }
    return n_held;
}

/* Gives up frames whose time is over, even if no packet arrives.  For the main
 * thread, now and then. */
void
netdev_stt_run(void)
{
    stt_reasm_run(time_msec());
}

/* Is the checksum of 'frame' the one that the header 'stt' describes as
 * partial?  Linux' STT did not check this, but left it to the code that
 * completed the checksum. */
static bool
partial_is_right(const struct dp_packet *frame, const struct stt_header *stt)
{
    const void *data = dp_packet_data(frame);
    size_t size = dp_packet_size(frame);
    struct tnl_gso_l3 l3;
    bool stacked = false;

    return (!(stt->flags & STT_F_VERIFIED)
            && (!stt->mss || stt->flags & STT_F_TCP)
            && !tnl_gso_parse_l2(data, size, 0, &l3, &stacked)
            && l3.l4_ofs == stt->l4_ofs
            && l3.version == (stt->flags & STT_F_IPV4 ? 4 : 6)
            && l3.proto == (stt->flags & STT_F_TCP ? IPPROTO_TCP
                            : IPPROTO_UDP)
            && tnl_gso_l4_len(data, size, &l3)
            && holds_whole_ip(frame, &l3, stt->mss));
}

/* Takes the STT header off 'frame', which starts with it, sets the marks of
 * the inner frame, and stores the tunnel key in '*tnl'.  Returns STT_COMPLETE,
 * or the reason to drop 'frame'. */
static enum stt_verdict
strip_stt_header(struct dp_packet *frame, struct flow_tnl *tnl)
{
    struct stt_header stt;

    if (dp_packet_size(frame) < STT_HEADER_LEN + ETH_HEADER_LEN) {
        return STT_DROP_LENGTH;
    }
    memcpy(&stt, dp_packet_data(frame), sizeof stt);
    if (stt.version) {
        return STT_DROP_VERSION;
    }
    dp_packet_reset_packet(frame, STT_HEADER_LEN);

    frame->offloads = 0;
    frame->uso_segsz = 0;
    dp_packet_set_tso_segsz(frame, 0);
    if (stt.flags & STT_F_PARTIAL) {
        if (!partial_is_right(frame, &stt)) {
            return STT_DROP_OFFLOAD;
        }
        if (stt.mss && ntohs(stt.mss) < STT_LEAST_INNER_MSS) {
            return STT_DROP_MSS;
        }
        dp_packet_l4_checksum_set_partial(frame);
        if (stt.flags & STT_F_TCP) {
            dp_packet_l4_proto_set_tcp(frame);
        } else {
            dp_packet_l4_proto_set_udp(frame);
        }
        dp_packet_set_tso_segsz(frame, ntohs(stt.mss));
        if (stt.mss) {
            set_in_use();
        }
    }
    if (stt.vlan_tci) {
        /* A Linux since 5.0 might send no STT_VLAN_PRESENT. */
        eth_push_vlan(frame, htons(ETH_TYPE_VLAN_8021Q),
                      stt.vlan_tci & ~htons(STT_VLAN_PRESENT));
    }
    tnl->tun_id = stt_get_key(&stt);
    tnl->flags |= FLOW_TNL_F_KEY | FLOW_TNL_F_CSUM;
    return STT_COMPLETE;
}

/* Parses the headers of 'packet' into '*s', stores its outer addresses and
 * ports in '*tnl', and the end of the headers in '*hdr_len'.  Returns
 * STT_HELD, or the reason to drop 'packet'. */
static enum stt_verdict
parse_segment(struct dp_packet *packet, struct flow_tnl *tnl,
              struct stt_segment *s, size_t *hdr_len)
{
    const char *frame = dp_packet_data(packet);
    const struct tcp_header *tcp;
    unsigned int unused;
    struct tnl_gso_desc d;
    uint32_t seq;
    size_t end;

    if (tnl_gso_find_headers(packet, &d) || d.inner.proto != IPPROTO_TCP
        || d.outer_l4 != TNL_GSO_OUTER_NONE) {
        return STT_DROP_IP;
    }
    packet->l3_ofs = d.inner.ofs;
    packet->l4_ofs = d.inner.l4_ofs;
    if (!ip_extract_tnl_md(packet, tnl, &unused)) {
        return STT_DROP_IP;
    }

    /* Bytes behind the IP packet are Ethernet's padding. */
    end = tnl_gso_ip_end(frame, d.inner.ofs);
    if (end > dp_packet_size(packet)) {
        return STT_DROP_IP;
    }
    *hdr_len = d.inner.l4_ofs + TCP_HEADER_LEN;
    tcp = dp_packet_at(packet, d.inner.l4_ofs, TCP_HEADER_LEN);
    if (end < *hdr_len || TCP_OFFSET(tcp->tcp_ctl) * 4 != TCP_HEADER_LEN) {
        return STT_DROP_TCP_HEADER;
    }

    seq = ntohl(get_16aligned_be32(&tcp->tcp_seq));
    *s = (struct stt_segment) {
        .src = flow_tnl_src(tnl),
        .dst = flow_tnl_dst(tnl),
        .frame_id = get_16aligned_be32(&tcp->tcp_ack),
        .total = seq >> 16,
        .ofs = seq,
        .payload = tcp + 1,
        .len = end - *hdr_len,
        .ce = IP_ECN_is_ce(tnl->ip_tos),
    };
    tnl->tp_src = tcp->tcp_src;
    tnl->tp_dst = tcp->tcp_dst;

    if (dp_packet_l4_checksum_bad(packet)) {
        return STT_DROP_CSUM;
    }
    s->check = dp_packet_l4_checksum_unknown(packet);
    if (s->check) {
        s->csum = csum_continue(tnl_gso_pseudo_sum(frame, &d.inner,
                                                   end - d.inner.l4_ofs),
                                tcp, TCP_HEADER_LEN);
    }
    return STT_HELD;
}

/* Returns the STT frame that 'packet' is, or that it completes, or null if
 * there is none.  's' describes 'packet', the first 'hdr_len' bytes of which
 * are headers.  Stores the fate of 'packet' in '*verdict'.  Takes ownership of
 * 'packet'. */
static struct dp_packet *
get_frame(struct dp_packet *packet, struct stt_segment *s, size_t hdr_len,
          enum stt_verdict *verdict)
{
    struct dp_packet *frame;

    if (!s->ofs && s->len == s->total) {
        *verdict = stt_segment_is_good(s) ? STT_WHOLE : STT_DROP_CSUM;
        stt_count(*verdict);
        if (*verdict == STT_WHOLE) {
            dp_packet_set_size(packet, hdr_len + s->len);
            dp_packet_set_l2_pad_size(packet, 0);
            dp_packet_reset_packet(packet, hdr_len);
            packet->packet_type = htonl(PT_ETH);
            return packet;
        }
        frame = NULL;
    } else {
        struct pop *pop = pop_get();

        if (!pop->open) {
            stt_reasm_begin();
            pop->open = true;
            pop->now = time_msec();
        }
        frame = stt_reasm_add(s, pop->now, verdict, &s->ce);
        if (frame) {
            frame->md = packet->md;
            frame->packet_type = htonl(PT_ETH);
        } else if (*verdict == STT_HELD) {
            pop->n_held++;
        }
    }
    dp_packet_delete(packet);
    return frame;
}

/* Member 'pop_header' of the netdev class: takes the headers off 'packet',
 * which belongs to an STT tunnel.  Returns the packet that was pushed into it.
 * Returns null if 'packet' is kept because other parts are missing, or if it
 * was dropped.  Takes ownership of 'packet'.  After a batch of packets,
 * netdev_stt_pop_end() must be called. */
struct dp_packet *
netdev_stt_pop_header(struct dp_packet *packet)
{
    struct flow_tnl *tnl = &packet->md.tunnel;
    enum stt_verdict verdict;
    struct dp_packet *frame;
    struct stt_segment s;
    size_t hdr_len;

    pkt_metadata_init_tnl(&packet->md);
    verdict = parse_segment(packet, tnl, &s, &hdr_len);
    if (verdict != STT_HELD) {
        stt_count(verdict);
        dp_packet_delete(packet);
        return NULL;
    }

    frame = get_frame(packet, &s, hdr_len, &verdict);
    if (!frame) {
        return NULL;
    }
    tnl = &frame->md.tunnel;
    if (s.ce) {
        tnl->ip_tos |= IP_ECN_CE;
    }
    verdict = strip_stt_header(frame, tnl);
    if (verdict != STT_COMPLETE) {
        stt_count(verdict);
        dp_packet_delete(frame);
        return NULL;
    }
    return frame;
}
