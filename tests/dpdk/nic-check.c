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


/* What a strict NIC would not send, or not send right.
 *
 * Called by nic.c for each packet, before it is prepared and before it is
 * sent.  Other than nic-cut.c it looks at all headers, since its question is
 * whether the mbuf tells the truth.  Must not change anything. */

#include <string.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "nic.h"

enum { PROTO_IPIP = 4, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_IPV6 = 41,
       PROTO_GRE = 47, PROTO_SCTP = 132 };

/* mbuf flags, and the capability of the port that each needs. */
static const struct {
    uint64_t mask, value;
    uint64_t cap;
} requests[] = {
#define FLAG(NAME, CAP) \
    { RTE_MBUF_F_TX_##NAME, RTE_MBUF_F_TX_##NAME, RTE_ETH_TX_OFFLOAD_##CAP }
#define FIELD(MASK, NAME, CAP) \
    { RTE_MBUF_F_TX_##MASK##_MASK, RTE_MBUF_F_TX_##NAME, \
      RTE_ETH_TX_OFFLOAD_##CAP }
    FLAG(IP_CKSUM, IPV4_CKSUM),
    FIELD(L4, TCP_CKSUM, TCP_CKSUM),
    FIELD(L4, UDP_CKSUM, UDP_CKSUM),
    FIELD(L4, SCTP_CKSUM, SCTP_CKSUM),
    FLAG(UDP_SEG, UDP_TSO),
    FLAG(OUTER_IP_CKSUM, OUTER_IPV4_CKSUM),
    FLAG(OUTER_UDP_CKSUM, OUTER_UDP_CKSUM),
    FIELD(TUNNEL, TUNNEL_VXLAN, VXLAN_TNL_TSO),
    FIELD(TUNNEL, TUNNEL_VXLAN_GPE, VXLAN_TNL_TSO),
    FIELD(TUNNEL, TUNNEL_GRE, GRE_TNL_TSO),
    FIELD(TUNNEL, TUNNEL_IPIP, IPIP_TNL_TSO),
    FIELD(TUNNEL, TUNNEL_GENEVE, GENEVE_TNL_TSO),
    FIELD(TUNNEL, TUNNEL_UDP, UDP_TNL_TSO),
    FIELD(TUNNEL, TUNNEL_IP, IP_TNL_TSO),
#undef FLAG
#undef FIELD
};

/* Flags that ask for nothing by themselves, or that others stand for. */
#define PLAIN_FLAGS (RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6            \
                     | RTE_MBUF_F_TX_OUTER_IPV4                         \
                     | RTE_MBUF_F_TX_OUTER_IPV6 | RTE_MBUF_F_TX_TCP_SEG)

static uint16_t
get16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

/* Is exactly one of two flags set? */
static bool
one_of(uint64_t flags, uint64_t a, uint64_t b)
{
    return !(flags & a) != !(flags & b);
}

/* Flags against what the port was configured for. */
static const char *
check_enabled(uint64_t flags, uint64_t enabled)
{
    uint64_t known = PLAIN_FLAGS;

    for (size_t i = 0; i < RTE_DIM(requests); i++) {
        if ((flags & requests[i].mask) == requests[i].value) {
            known |= requests[i].mask;
            if (!(enabled & requests[i].cap)) {
                return "not-configured";
            }
        }
    }
    if (flags & RTE_MBUF_F_TX_TCP_SEG
        && !(flags & RTE_MBUF_F_TX_TUNNEL_MASK)
        && !(enabled & RTE_ETH_TX_OFFLOAD_TCP_TSO)) {
        return "not-configured";
    }
    return (flags & RTE_MBUF_F_TX_OFFLOAD_MASK & ~known
            ? "unknown-flag" : NULL);
}

/* Flags against each other: rte_mbuf_core.h says what belongs together. */
static const char *
check_flags(const struct nic_job *job)
{
    uint64_t flags = job->flags;
    uint64_t l4 = flags & RTE_MBUF_F_TX_L4_MASK;
    bool inner = job->tso || l4 || flags & RTE_MBUF_F_TX_IP_CKSUM;
    uint64_t outer = flags & (RTE_MBUF_F_TX_OUTER_IP_CKSUM
                              | RTE_MBUF_F_TX_OUTER_UDP_CKSUM
                              | RTE_MBUF_F_TX_OUTER_IPV4
                              | RTE_MBUF_F_TX_OUTER_IPV6);

    if (!inner) {
        return outer || job->tunnel ? "outer-without-inner" : NULL;
    }
    if (!one_of(flags, RTE_MBUF_F_TX_IPV4, RTE_MBUF_F_TX_IPV6)) {
        return "no-ip-version";
    }
    if (flags & RTE_MBUF_F_TX_IP_CKSUM && flags & RTE_MBUF_F_TX_IPV6) {
        return "ip-checksum-of-ipv6";
    }
    if (job->tso) {
        if (job->udp_seg && flags & RTE_MBUF_F_TX_TCP_SEG) {
            return "tcp-and-udp";
        }
        if (l4 && l4 != (job->udp_seg ? RTE_MBUF_F_TX_UDP_CKSUM
                         : RTE_MBUF_F_TX_TCP_CKSUM)) {
            return "wrong-l4";
        }
        if (!job->mss) {
            return "no-mss";
        }
        if (flags & RTE_MBUF_F_TX_IPV4 && !(flags & RTE_MBUF_F_TX_IP_CKSUM)) {
            return "tso-without-ip-checksum";
        }
    }
    if (!job->tunnel) {
        return outer ? "outer-without-tunnel" : NULL;
    }
    if (!one_of(flags, RTE_MBUF_F_TX_OUTER_IPV4, RTE_MBUF_F_TX_OUTER_IPV6)) {
        return "no-outer-ip-version";
    }
    if (flags & RTE_MBUF_F_TX_OUTER_IP_CKSUM
        && flags & RTE_MBUF_F_TX_OUTER_IPV6) {
        return "ip-checksum-of-ipv6";
    }
    if (job->tso && flags & RTE_MBUF_F_TX_OUTER_IPV4
        && !(flags & RTE_MBUF_F_TX_OUTER_IP_CKSUM)) {
        return "tso-without-outer-ip-checksum";
    }
    if (flags & RTE_MBUF_F_TX_OUTER_UDP_CKSUM && !job->outer_udp) {
        return "udp-checksum-of-other-tunnel";
    }
    return NULL;
}

/* The chain of segments. */
static const char *
check_chain(const struct rte_mbuf *m, uint64_t enabled)
{
    bool fast_free = enabled & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
    uint32_t n = 0, len = 0;

    for (const struct rte_mbuf *s = m; s; s = s->next) {
        if (!s->data_len) {
            return "empty-segment";
        }
        if (fast_free && (rte_mbuf_refcnt_read(s) != 1
                          || !RTE_MBUF_DIRECT(s) || s->pool != m->pool)) {
            return "fast-free";
        }
        n++;
        len += s->data_len;
    }
    if (n != m->nb_segs || len != m->pkt_len) {
        return "chain";
    }
    if (n > 1 && (fast_free || !(enabled & RTE_ETH_TX_OFFLOAD_MULTI_SEGS))) {
        return "segments-not-configured";
    }
    return len < 14 ? "too-short" : NULL;
}

/* Length of the Ethernet header at 'ofs', with its tags, of 'end' bytes. */
static uint32_t
ethernet_len(const uint8_t *p, uint32_t ofs, uint32_t end, uint16_t *type)
{
    uint32_t at = ofs + 12;

    while (at + 6 <= end && (get16(p + at) == 0x8100
                             || get16(p + at) == 0x88a8)) {
        at += 4;
    }
    *type = at + 2 <= end ? get16(p + at) : 0;
    return at + 2 - ofs;
}

/* Is there an IP header from 'l3' to 'l4' whose length says that the packet
 * ends where it does?  'p' is 'end' bytes long and holds all of it; 'len' is
 * the packet's length.  Stores the protocol. */
static bool
is_ip(const uint8_t *p, uint32_t end, uint32_t l3, uint32_t l4, bool v6,
      uint32_t len, uint8_t *proto)
{
    uint32_t total, at;

    if (l4 > end || l4 < l3 + (v6 ? 40 : 20) || p[l3] >> 4 != (v6 ? 6 : 4)) {
        return false;
    }
    if (!v6) {
        total = get16(p + l3 + 2);
        *proto = get16(p + l3 + 6) & 0x3fff ? 0 : p[l3 + 9];
        at = l3 + (p[l3] & 15) * 4;
    } else {
        total = get16(p + l3 + 4) + 40;
        *proto = p[l3 + 6];
        for (at = l3 + 40; at + 8 <= l4 && (*proto == 0 || *proto == 43
                                       || *proto == 60); ) {
            *proto = p[at];
            at += (p[at + 1] + 1) * 8;
        }
    }
    /* Ethernet pads. */
    return at == l4 && (total == len - l3 || (total < len - l3 && len <= 60));
}

/* Is the header at 'outer_l4' one of this kind of tunnel, ending at 'l3'? */
static bool
is_tunnel(const struct nic_job *job, const uint8_t *p, uint8_t proto)
{
    uint32_t at = job->outer_l4 + 8;
    uint16_t type = 0;
    bool ethernet;

    switch (job->tunnel) {
    case RTE_MBUF_F_TX_TUNNEL_VXLAN:
        ethernet = true;
        if (proto != PROTO_UDP || at + 8 > job->l3 || !(p[at] & 0x08)) {
            return false;
        }
        at += 8;
        break;
    case RTE_MBUF_F_TX_TUNNEL_GENEVE:
        if (proto != PROTO_UDP || at + 8 > job->l3 || p[at] >> 6) {
            return false;
        }
        ethernet = get16(p + at + 2) == 0x6558;
        at += 8 + (p[at] & 0x3f) * 4;
        break;
    case RTE_MBUF_F_TX_TUNNEL_GRE:
        at -= 8;
        if (proto != PROTO_GRE || at + 4 > job->l3) {
            return false;
        }
        ethernet = get16(p + at + 2) == 0x6558;
        at += 4 + 4 * (!!(p[at] & 0x80) + !!(p[at] & 0x20)
                       + !!(p[at] & 0x10));
        break;
    case RTE_MBUF_F_TX_TUNNEL_IPIP:
        return ((proto == PROTO_IPIP || proto == PROTO_IPV6)
                && job->l3 == job->outer_l4);
    case RTE_MBUF_F_TX_TUNNEL_UDP:
    case RTE_MBUF_F_TX_TUNNEL_VXLAN_GPE:
        return proto == PROTO_UDP && job->l3 >= at;
    default:
        return true;
    }
    if (ethernet && at < job->l3) {
        at += ethernet_len(p, at, job->l3, &type);
    }
    return at == job->l3;
}

/* Lengths against what is in the packet. */
static const char *
check_lengths(const struct nic_job *job, const struct rte_mbuf *m)
{
    const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
    uint64_t flags = job->flags;
    uint64_t l4 = flags & RTE_MBUF_F_TX_L4_MASK;
    uint32_t end = m->data_len;
    uint8_t proto, want = 0;
    uint16_t type;

    if (job->tunnel) {
        if (ethernet_len(p, 0, end, &type) != job->outer_l3) {
            return "outer_l2_len";
        }
        if (!is_ip(p, end, job->outer_l3, job->outer_l4,
                   flags & RTE_MBUF_F_TX_OUTER_IPV6, job->len, &proto)) {
            return "outer_l3_len";
        }
        if (job->l3 > end || !is_tunnel(job, p, proto)) {
            return "l2_len-of-tunnel";
        }
    }
    if (job->l4 > end) {
        return "headers-not-contiguous";
    }
    if (!is_ip(p, end, job->l3, job->l4, flags & RTE_MBUF_F_TX_IPV6,
               job->len, &proto)) {
        return job->tunnel ? "inner-lengths" : "l2_len-or-l3_len";
    }
    if (l4 == RTE_MBUF_F_TX_TCP_CKSUM || flags & RTE_MBUF_F_TX_TCP_SEG) {
        want = PROTO_TCP;
    } else if (l4 == RTE_MBUF_F_TX_UDP_CKSUM || job->udp_seg) {
        want = PROTO_UDP;
    } else if (l4 == RTE_MBUF_F_TX_SCTP_CKSUM) {
        want = PROTO_SCTP;
    } else {
        return NULL;
    }
    if (proto != want) {
        return "l4-protocol";
    }
    if (job->l4 + (want == PROTO_TCP ? 20 : want == PROTO_UDP ? 8 : 12) > end
        || job->payload > end) {
        return "headers-not-contiguous";
    }
    if ((job->tso || m->l4_len) && want != PROTO_SCTP
        && m->l4_len != (want == PROTO_TCP ? (p[job->l4 + 12] >> 4) * 4 : 8)) {
        return "l4_len";
    }
    if (job->tso && job->payload >= job->len) {
        return "nothing-to-cut";
    }
    return NULL;
}

/* mbuf segments that one segment of a superpacket is made of, at most: the
 * headers' and those that hold its payload. */
static uint32_t
segs_per_frame(const struct nic_job *job, const struct rte_mbuf *m)
{
    uint32_t most = 0, ofs = job->payload;

    while (ofs < job->len) {
        uint32_t end = RTE_MIN(ofs + job->mss, job->len);
        uint32_t at = 0, n = 1;

        for (const struct rte_mbuf *s = m; s; at += s->data_len, s = s->next) {
            n += at < end && at + s->data_len > ofs;
        }
        most = RTE_MAX(most, n);
        ofs = end;
    }
    return most;
}

static const char *
check_limits(const struct nic_config *config, const struct nic_job *job,
             const struct rte_mbuf *m)
{
    if (!job->tso) {
        return (config->mtu_seg_max && m->nb_segs > config->mtu_seg_max
                ? "mtu_seg_max" : NULL);
    }
    if (job->mss < config->min_mss) {
        return "min_mss";
    }
    if (config->max_mss && job->mss > config->max_mss) {
        return "max_mss";
    }
    if (config->max_hdr && job->payload > config->max_hdr) {
        return "max_hdr";
    }
    if (config->seg_max && m->nb_segs > config->seg_max) {
        return "seg_max";
    }
    if (config->mtu_seg_max && m->nb_segs > 1
        && segs_per_frame(job, m) > config->mtu_seg_max) {
        return "mtu_seg_max";
    }
    return NULL;
}

/* Judges 'm' on a port on which 'enabled' is configured.  Stores the reason, a
 * word, if it is not well. */
enum nic_verdict
nic_check(const struct nic_config *config, uint64_t enabled,
          const struct rte_mbuf *m, const char **why)
{
    struct nic_job job;

    nic_job_init(&job, m);
    *why = check_chain(m, enabled);
    if (!*why) {
        *why = check_enabled(job.flags, enabled);
    }
    if (!*why) {
        *why = check_flags(&job);
    }
    if (!*why && (job.tso || job.flags & (RTE_MBUF_F_TX_IP_CKSUM
                                          | RTE_MBUF_F_TX_L4_MASK))) {
        *why = check_lengths(&job, m);
    }
    if (*why) {
        return NIC_BAD;
    }
    *why = check_limits(config, &job, m);
    return *why ? NIC_LIMIT : NIC_OK;
}
