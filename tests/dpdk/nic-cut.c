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


/* What the NIC for tests does to a packet: checksum fields are prepared, as by
 * a driver's tx_prepare, and frames are made, as by hardware.
 *
 * Called by nic.c, with packets that nic-check.c has let through.  Knows of a
 * packet what its mbuf says: flags and lengths.  Must not look for headers. */

#include <string.h>

#include <rte_mbuf.h>
#include <rte_net.h>

#include "nic.h"

enum { PROTO_TCP = 6, PROTO_UDP = 17 };

enum {
    TCP_FIN = 0x01,
    TCP_PSH = 0x08,
    TCP_CWR = 0x80,
};

static uint16_t
get16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

static uint32_t
get32(const uint8_t *p)
{
    return (uint32_t) get16(p) << 16 | get16(p + 2);
}

static void
put16(uint8_t *p, uint16_t x)
{
    p[0] = x >> 8;
    p[1] = x;
}

/* Ones-complement sum of 'len' bytes and 'sum' (RFC 1071), not folded. */
static uint64_t
add_sum(uint64_t sum, const uint8_t *p, uint32_t len)
{
    for (; len > 1; p += 2, len -= 2) {
        sum += get16(p);
    }
    return len ? sum + (p[0] << 8) : sum;
}

static uint16_t
fold(uint64_t sum)
{
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

/* CRC32c of RFC 4960 appendix B, in the order of the bytes on the wire. */
static void
put_crc32c(uint8_t *field, const uint8_t *p, uint32_t len)
{
    uint32_t crc = UINT32_MAX;

    memset(field, 0, 4);
    while (len--) {
        crc ^= *p++;
        for (int i = 0; i < 8; i++) {
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
        }
    }
    crc = ~crc;
    for (int i = 0; i < 4; i++) {
        field[i] = crc >> 8 * i;
    }
}

void
nic_job_init(struct nic_job *job, const struct rte_mbuf *m)
{
    memset(job, 0, sizeof *job);
    job->flags = m->ol_flags;
    job->tunnel = m->ol_flags & RTE_MBUF_F_TX_TUNNEL_MASK;
    job->udp_seg = m->ol_flags & RTE_MBUF_F_TX_UDP_SEG;
    job->tso = job->udp_seg || m->ol_flags & RTE_MBUF_F_TX_TCP_SEG;
    job->len = m->pkt_len;
    job->mss = m->tso_segsz;
    if (job->tunnel) {
        job->outer_l3 = m->outer_l2_len;
        job->outer_l4 = job->outer_l3 + m->outer_l3_len;
        job->outer_udp = (job->tunnel == RTE_MBUF_F_TX_TUNNEL_VXLAN
                          || job->tunnel == RTE_MBUF_F_TX_TUNNEL_VXLAN_GPE
                          || job->tunnel == RTE_MBUF_F_TX_TUNNEL_GENEVE
                          || job->tunnel == RTE_MBUF_F_TX_TUNNEL_UDP);
    }
    job->l3 = job->outer_l4 + m->l2_len;
    job->l4 = job->l3 + m->l3_len;
    job->payload = job->tso ? job->l4 + m->l4_len : 0;
}

/* Sum of the pseudo-header, as DPDK's rte_ipv4_phdr_cksum() and
 * rte_ipv6_phdr_cksum() document it: protocol and length from the header at
 * 'l3', so wrong if IPv6 extension headers follow; no length for a packet that
 * is to be cut.  In 22.11 that means TCP only. */
static uint16_t
prepared_sum(enum nic_preset preset, const struct nic_job *job,
             const uint8_t *l3, bool v6)
{
    bool tso = job->tso && (!job->udp_seg || preset >= NIC_PRESET_NEW);
    uint32_t sum;

    if (v6) {
        sum = l3[6] + (tso ? 0 : get16(l3 + 4));
        return fold(add_sum(sum, l3 + 8, 32));
    } else {
        sum = l3[9] + (tso ? 0 : get16(l3 + 2) - (l3[0] & 15) * 4);
        return fold(add_sum(sum, l3 + 12, 8));
    }
}

static uint64_t
pseudo_sum(const uint8_t *l3, bool v6, uint8_t proto, uint32_t len)
{
    return (v6 ? add_sum(proto + len, l3 + 8, 32)
            : add_sum(proto + len, l3 + 12, 8));
}

static bool
inner_requests(const struct nic_job *job)
{
    return job->tso || job->flags & (RTE_MBUF_F_TX_IP_CKSUM
                                     | RTE_MBUF_F_TX_L4_MASK);
}

/* Offset of the checksum in the header at 'job->l4', or -1. */
static int
l4_field(const struct nic_job *job)
{
    switch (job->flags & RTE_MBUF_F_TX_L4_MASK) {
    case RTE_MBUF_F_TX_TCP_CKSUM:
        return 16;
    case RTE_MBUF_F_TX_UDP_CKSUM:
        return 6;
    default:
        return job->flags & RTE_MBUF_F_TX_TCP_SEG ? 16 : -1;
    }
}

/* A driver's preparation of 'm', whose headers are in its first segment. */
void
nic_preset(enum nic_preset preset, const struct nic_job *job,
           struct rte_mbuf *m)
{
    uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
    uint64_t flags = job->flags;
    int field = l4_field(job);

    if (preset == NIC_PRESET_NONE || !inner_requests(job)) {
        return;
    } else if (preset == NIC_PRESET_LIB) {
        rte_net_intel_cksum_prepare(m);
        return;
    }
    if (flags & RTE_MBUF_F_TX_OUTER_IP_CKSUM) {
        put16(p + job->outer_l3 + 10, 0);
    }
    if (job->outer_udp && preset >= NIC_PRESET_LTS
        && flags & RTE_MBUF_F_TX_OUTER_UDP_CKSUM) {
        put16(p + job->outer_l4 + 6,
              prepared_sum(preset, job, p + job->outer_l3,
                           flags & RTE_MBUF_F_TX_OUTER_IPV6));
    } else if (job->outer_udp && preset >= NIC_PRESET_NEW) {
        put16(p + job->outer_l4 + 6, 0);
    }
    if (flags & RTE_MBUF_F_TX_IP_CKSUM) {
        put16(p + job->l3 + 10, 0);
    }
    if (field >= 0) {
        put16(p + job->l4 + field,
              prepared_sum(preset, job, p + job->l3,
                           flags & RTE_MBUF_F_TX_IPV6));
    }
}

/* Completes the checksum at 'l4' + 'field' of a frame.  What is in the field
 * counts as sum of the pseudo-header, unless 'whole', without length if the
 * packet is to be cut. */
static void
put_l4_sum(const struct nic_job *job, uint8_t *frame, uint32_t len,
           uint32_t l3, bool v6, uint32_t l4, uint32_t field, bool whole)
{
    uint8_t *csum = frame + l4 + field;
    uint8_t proto = field == 6 ? PROTO_UDP : PROTO_TCP;
    uint64_t sum = (whole ? pseudo_sum(frame + l3, v6, proto, len - l4)
                    : get16(csum) + (job->tso ? len - l4 : 0));
    uint16_t result;

    put16(csum, 0);
    result = ~fold(add_sum(sum, frame + l4, len - l4));
    /* RFC 768: zero means that there is no checksum. */
    put16(csum, proto == PROTO_UDP && !result ? UINT16_MAX : result);
}

static void
put_ip_sum(uint8_t *ip, uint32_t len, bool whole)
{
    if (whole) {
        put16(ip + 10, 0);
    }
    uint16_t result = ~fold(add_sum(0, ip, len));
    put16(ip + 10, result);
}

/* All checksums of a frame, innermost first. */
static void
put_sums(enum nic_preset preset, const struct nic_job *job, uint8_t *frame,
         uint32_t len)
{
    bool whole = preset == NIC_PRESET_NONE;
    uint64_t flags = job->flags;
    int field = l4_field(job);

    if (field >= 0) {
        put_l4_sum(job, frame, len, job->l3, flags & RTE_MBUF_F_TX_IPV6,
                   job->l4, field, whole);
    } else if ((flags & RTE_MBUF_F_TX_L4_MASK) == RTE_MBUF_F_TX_SCTP_CKSUM) {
        put_crc32c(frame + job->l4 + 8, frame + job->l4, len - job->l4);
    }
    if (flags & RTE_MBUF_F_TX_IP_CKSUM) {
        put_ip_sum(frame + job->l3, job->l4 - job->l3, whole);
    }
    if (flags & RTE_MBUF_F_TX_OUTER_UDP_CKSUM) {
        put_l4_sum(job, frame, len, job->outer_l3,
                   flags & RTE_MBUF_F_TX_OUTER_IPV6, job->outer_l4, 6,
                   preset <= NIC_PRESET_OLD);
    }
    if (flags & RTE_MBUF_F_TX_OUTER_IP_CKSUM) {
        put_ip_sum(frame + job->outer_l3, job->outer_l4 - job->outer_l3,
                   whole);
    }
}

/* The IP header at 'l3' of segment 'i'.  IPv4 IDs count on each level. */
static void
put_ip(uint8_t *frame, uint32_t len, uint32_t l3, bool v6, uint32_t i)
{
    if (v6) {
        put16(frame + l3 + 4, len - l3 - 40);
    } else {
        put16(frame + l3 + 2, len - l3);
        put16(frame + l3 + 4, get16(frame + l3 + 4) + i);
    }
}

/* The headers of segment 'i', all but checksums. */
static void
put_headers(const struct nic_job *job, uint8_t *frame, uint32_t len,
            uint32_t i, bool last)
{
    uint8_t *l4 = frame + job->l4;

    if (job->tunnel) {
        put_ip(frame, len, job->outer_l3,
               job->flags & RTE_MBUF_F_TX_OUTER_IPV6, i);
        if (job->outer_udp) {
            put16(frame + job->outer_l4 + 4, len - job->outer_l4);
        }
    }
    put_ip(frame, len, job->l3, job->flags & RTE_MBUF_F_TX_IPV6, i);
    if (job->udp_seg) {
        put16(l4 + 4, len - job->l4);
    } else {
        uint32_t seq = get32(l4 + 4) + i * job->mss;

        put16(l4 + 4, seq >> 16);
        put16(l4 + 6, seq);
        if (i) {
            l4[13] &= ~TCP_CWR;
        }
        if (!last) {
            l4[13] &= ~(TCP_FIN | TCP_PSH);
        }
    }
}

/* Makes the frames of 'packet', which is 'job->len' bytes in one piece, and
 * hands them to 'emit' in order.  Changes 'packet'; 'scratch' is as long. */
void
nic_transmit(enum nic_preset preset, const struct nic_job *job,
             uint8_t *packet, uint8_t *scratch, nic_emit_cb *emit, void *aux)
{
    uint32_t ofs = job->payload;

    if (!job->tso) {
        put_sums(preset, job, packet, job->len);
        emit(aux, packet, job->len);
        return;
    }
    for (uint32_t i = 0; !i || ofs < job->len; i++) {
        uint32_t rest = job->len - ofs;
        uint32_t n = rest < job->mss ? rest : job->mss;
        uint32_t len = job->payload + n;

        memcpy(scratch, packet, job->payload);
        memcpy(scratch + job->payload, packet + ofs, n);
        put_headers(job, scratch, len, i, n == rest);
        put_sums(preset, job, scratch, len);
        emit(aux, scratch, len);
        ofs += n;
    }
}
