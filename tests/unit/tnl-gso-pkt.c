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
#undef NDEBUG

#include "tnl-gso-pkt.h"

#include <string.h>

#include "dp-packet.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "tnl-gso/encap/encap.h"
#include "util.h"

/* splitmix64. */
uint64_t
pkt_rand(struct pkt_rng *rng)
{
    uint64_t z = rng->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* A number below 'n'. */
uint32_t
pkt_range(struct pkt_rng *rng, uint32_t n)
{
    return pkt_rand(rng) % n;
}

const char *
pkt_encap_name(enum ref_encap encap)
{
    static const char *names[] = {
        [REF_PLAIN] = "plain",
        [REF_VXLAN] = "vxlan",
        [REF_GENEVE] = "geneve",
        [REF_GRE] = "gre",
        [REF_GTPU] = "gtpu",
        [REF_IPIP] = "ipip",
    };

    return names[encap];
}

/* The plainest packet there is. */
void
pkt_row_init(struct pkt_row *row, enum ref_encap encap)
{
    *row = (struct pkt_row) {
        .encap = encap,
        .no_eth = encap == REF_IPIP,
        .outer = { .version = 4, .id = 0x1000, .df = true },
        .inner = { .version = 4, .id = 0x2000, .df = true },
        .tcp_flags = TCP_ACK,
        .seq = 0x01020304,
        .payload = 1400,
        .mss = 1400,
        .seed = 1,
    };
}

static uint32_t
max_payload(const struct pkt_row *row)
{
    struct pkt_row empty = *row;
    size_t hdr_len;

    empty.payload = 0;
    free(pkt_build_frame(&empty, &hdr_len));
    return UINT16_MAX - hdr_len;
}

static void
level_random(struct pkt_level *level, struct pkt_rng *rng)
{
    *level = (struct pkt_level) {
        .version = pkt_range(rng, 2) ? 4 : 6,
        .id = pkt_range(rng, 4) ? pkt_rand(rng) : 0xffff - pkt_range(rng, 9),
        .df = pkt_range(rng, 2),
        .tos = pkt_rand(rng),
    };
    if (!pkt_range(rng, 4)) {
        level->n_vlans = pkt_range(rng, 3);
    }
    if (!pkt_range(rng, 8)) {
        level->n_mpls = 1 + pkt_range(rng, 3);
    }
    if (!pkt_range(rng, 12) && level->n_vlans < 2 && !level->n_mpls) {
        level->nsh = 1 + pkt_range(rng, 2);
    }
    if (level->version == 4) {
        level->ipopt = pkt_range(rng, 4) ? 0 : pkt_range(rng, 11) * 4;
    } else if (!pkt_range(rng, 3)) {
        level->ext = pkt_rand(rng) & ((PKT_EXT_FRAGMENT - 1)
                                      | PKT_EXT_ARRIVED);
    }
}

/* Any superpacket that can be described. */
void
pkt_row_random(struct pkt_row *row, struct pkt_rng *rng)
{
    static const uint16_t mss[] = {
        32, 33, 536, 1219, 1220, 1398, 1400, 1448, 8900, 16000
    };

    do {
        uint32_t max, n_segs, payload;

        pkt_row_init(row, pkt_range(rng, 6));
        row->csum = (row->encap != REF_PLAIN && row->encap != REF_IPIP
                     && pkt_range(rng, 2));
        row->gre_key = row->encap == REF_GRE && pkt_range(rng, 2);
        row->no_eth |= row->encap != REF_PLAIN && !pkt_range(rng, 5);
        if (row->encap == REF_GENEVE) {
            row->geneve_opt = pkt_range(rng, 64) * 4;
        } else if (row->encap == REF_GTPU) {
            row->geneve_opt = pkt_range(rng, 6) * 4;
        }
        level_random(&row->outer, rng);
        level_random(&row->inner, rng);
        if (row->outer.n_mpls || row->outer.n_vlans > 1 || row->outer.nsh) {
            /* An NSH is read only where nothing else is stacked. */
            row->inner.nsh = 0;
        }
        row->udp = !pkt_range(rng, 3);
        row->l4_done = !pkt_range(rng, 8);
        row->rco = (!row->l4_done && !pkt_range(rng, 4)
                    && (row->encap == REF_VXLAN || row->encap == REF_GENEVE));
        row->tcp_opt = pkt_range(rng, 2) ? 12 : pkt_range(rng, 11) * 4;
        row->tcp_flags = pkt_rand(rng) & 0xfff;
        row->seq = pkt_range(rng, 4) ? pkt_rand(rng)
                                     : UINT32_MAX - pkt_range(rng, 70000);
        row->mss = (pkt_range(rng, 2) ? mss[pkt_range(rng, ARRAY_SIZE(mss))]
                    : 32 + pkt_range(rng, 9000));
        row->fill = (pkt_range(rng, 8) ? PKT_RANDOM
                     : pkt_range(rng, PKT_N_FILLS));
        row->lie = pkt_range(rng, 2);
        row->seed = pkt_rand(rng);

        /* Mostly small: a bug does not need 64 kB to show. */
        max = max_payload(row);
        n_segs = pkt_range(rng, 8) ? pkt_range(rng, 8) : pkt_range(rng, 2048);
        payload = n_segs * row->mss;
        if (pkt_range(rng, 3)) {
            payload += pkt_range(rng, row->mss);
        }
        row->payload = MIN(payload, max);
    } while (!pkt_row_valid(row));
}

/* The same in a tunnel in a tunnel. */
void
pkt_row_random_nested(struct pkt_row *row, struct pkt_rng *rng)
{
    do {
        struct pkt_tunnel *mid = &row->mid;
        struct pkt_level *level = &mid->level;
        uint32_t max;

        pkt_row_random(row, rng);
        if (row->encap == REF_PLAIN) {
            row->encap = REF_VXLAN;
        }
        row->rco = false;
        *mid = (struct pkt_tunnel) {
            .encap = 1 + pkt_range(rng, 5),
        };
        mid->csum = mid->encap != REF_IPIP && pkt_range(rng, 2);
        mid->no_eth = mid->encap == REF_IPIP || !pkt_range(rng, 5);
        mid->gre_key = mid->encap == REF_GRE && pkt_range(rng, 2);
        if (mid->encap == REF_GENEVE) {
            mid->geneve_opt = pkt_range(rng, 64) * 4;
        } else if (mid->encap == REF_GTPU) {
            mid->geneve_opt = pkt_range(rng, 6) * 4;
        }
        level_random(level, rng);
        if (row->outer.n_mpls || row->outer.n_vlans > 1 || row->outer.nsh) {
            level->nsh = 0;
        }
        if (level->n_mpls || level->n_vlans > 1 || level->nsh) {
            row->inner.nsh = 0;
        }
        max = max_payload(row);
        row->payload = MIN(row->payload, max);
    } while (!pkt_row_valid(row));
}

/* Whether 'in' can be in a tunnel of 'encap', without Ethernet if 'no_eth':
 * VXLAN has no code point for MPLS, for NSH we do not read it, and GTP-U and
 * IP have one for nothing but IP. */
static bool
fits(const struct pkt_level *in, enum ref_encap encap, bool no_eth)
{
    if (encap == REF_GTPU || encap == REF_IPIP) {
        return !in->n_vlans && !in->n_mpls && !in->nsh;
    }
    return (!no_eth
            || (!in->n_vlans
                && !((in->n_mpls || in->nsh) && encap == REF_VXLAN)));
}

/* Whether such a packet exists. */
bool
pkt_row_valid(const struct pkt_row *row)
{
    const struct pkt_tunnel *mid = &row->mid;
    bool nested = mid->encap != REF_PLAIN;

    if (row->encap == REF_PLAIN) {
        return !row->csum && !row->no_eth && !nested;
    }
    if ((row->encap == REF_IPIP && (row->csum || !row->no_eth))
        || (mid->encap == REF_IPIP && (mid->csum || !mid->no_eth))) {
        return false;
    }
    return (fits(nested ? &mid->level : &row->inner, row->encap, row->no_eth)
            && (!nested || fits(&row->inner, mid->encap, mid->no_eth)));
}

static void
level_format(const char *name, const struct pkt_level *level, struct ds *ds)
{
    ds_put_format(ds, " %sv%d", name, level->version);
    if (level->n_vlans) {
        ds_put_format(ds, " vlans=%d", level->n_vlans);
    }
    if (level->n_mpls) {
        ds_put_format(ds, " mpls=%d", level->n_mpls);
    }
    if (level->nsh) {
        ds_put_format(ds, " nsh=%d", level->nsh);
    }
    if (level->ipopt) {
        ds_put_format(ds, " ipopt=%d", level->ipopt);
    }
    if (level->ext) {
        ds_put_format(ds, " ext=%#x", level->ext);
    }
}

static void
tunnel_format(bool csum, bool gre_key, int geneve_opt, bool no_eth,
              struct ds *ds)
{
    ds_put_cstr(ds, csum ? " csum" : " nocsum");
    ds_put_cstr(ds, gre_key ? " key" : "");
    if (geneve_opt) {
        ds_put_format(ds, " opt=%d", geneve_opt);
    }
    ds_put_cstr(ds, no_eth ? " noeth" : "");
}

/* Appends the name of the case to 'ds'. */
void
pkt_row_format(const struct pkt_row *row, struct ds *ds)
{
    const struct pkt_tunnel *mid = &row->mid;

    ds_put_cstr(ds, pkt_encap_name(row->encap));
    if (row->encap != REF_PLAIN) {
        level_format("outer", &row->outer, ds);
        tunnel_format(row->csum, row->gre_key, row->geneve_opt, row->no_eth,
                      ds);
    }
    if (mid->encap != REF_PLAIN) {
        ds_put_format(ds, " %s", pkt_encap_name(mid->encap));
        level_format("mid", &mid->level, ds);
        tunnel_format(mid->csum, mid->gre_key, mid->geneve_opt, mid->no_eth,
                      ds);
    }
    level_format("inner", &row->inner, ds);
    if (row->udp) {
        ds_put_cstr(ds, " udp");
    } else {
        ds_put_format(ds, " tcpopt=%d flags=%#x", row->tcp_opt,
                      row->tcp_flags);
    }
    ds_put_format(ds, " fill=%d%s%s%s mss=%u payload=%u", row->fill,
                  row->l4_done ? " done" : "", row->rco ? " remote" : "",
                  row->lie ? " lie" : "", row->mss, row->payload);
}

static void
set_offset(uint16_t *ofs, size_t value)
{
    *ofs = value ? value : UINT16_MAX;
}

/* The mark of GTP-U, which has VXLAN's bit. */
enum {
    GTPU_MARK = ((DP_PACKET_OL_TUNNEL_MASK & ~DP_PACKET_OL_TUNNEL_GENEVE)
                 | DP_PACKET_OL_STT),
};

/* The mark of a packet in a tunnel of 'encap'. */
uint32_t
pkt_encap_mark(enum ref_encap encap)
{
    switch (encap) {
    case REF_VXLAN:
        return DP_PACKET_OL_TUNNEL_VXLAN;
    case REF_GENEVE:
        return DP_PACKET_OL_TUNNEL_GENEVE;
    case REF_GRE:
        return DP_PACKET_OL_TUNNEL_MASK;
    case REF_GTPU:
        return GTPU_MARK;
    case REF_IPIP:
        return DP_PACKET_OL_TUNNEL_MASK | DP_PACKET_OL_STT;
    case REF_PLAIN:
    default:
        return 0;
    }
}

/* The tunnel that 'offloads', the marks of one half, say. */
enum ref_encap
pkt_marked_encap(uint32_t offloads)
{
    switch (offloads & TNL_GSO_ENCAP_MARKS) {
    case DP_PACKET_OL_TUNNEL_VXLAN:
        return REF_VXLAN;
    case DP_PACKET_OL_TUNNEL_GENEVE:
        return REF_GENEVE;
    case DP_PACKET_OL_TUNNEL_MASK:
        return REF_GRE;
    case GTPU_MARK:
        return REF_GTPU;
    case DP_PACKET_OL_TUNNEL_MASK | DP_PACKET_OL_STT:
        return REF_IPIP;
    default:
        return REF_PLAIN;
    }
}

/* Returns a packet with a copy of the 'len' bytes at 'frame', in a buffer of
 * exactly that size so that tools see any access beyond it, with the marks
 * that netdev_tnl_push_udp_header() and netdev_gre_push_header() leave.
 *
 * Offsets are set as far as flow_extract() knows them: it does not look behind
 * MPLS labels or a second VLAN tag.  With a tunnel in the tunnel, the inner
 * marks and offsets are those of the innermost headers, but for the mark of
 * that tunnel. */
struct dp_packet *
pkt_from_job(const uint8_t *frame, size_t len, const struct ref_job *job)
{
    enum ref_encap encap = job->encap;
    struct dp_packet *p = dp_packet_new(0);
    struct ref_layout l;
    bool readable;

    dp_packet_uninit(p);
    dp_packet_use(p, xmemdup(frame, MAX(len, 1)), len);
    dp_packet_set_size(p, len);
    dp_packet_set_tso_segsz(p, job->udp ? 0 : job->mss);
    p->uso_segsz = job->udp ? job->mss : 0;

    readable = !ref_parse_job(frame, len, job, &l);
    if (job->udp) {
        dp_packet_l4_proto_set_udp(p);
    } else {
        dp_packet_l4_proto_set_tcp(p);
    }
    if (job->rco) {
        p->offloads |= DP_PACKET_OL_RCO;
    } else if (job->l4_done) {
        dp_packet_l4_checksum_set_good(p);
    } else {
        dp_packet_l4_checksum_set_partial(p);
    }
    if (readable && l.inner.version == 4 && !job->rco) {
        dp_packet_ip_checksum_set_partial(p);
    }
    if (encap != REF_PLAIN) {
        p->offloads |= pkt_encap_mark(job->mid);
        p->offloads <<= DP_PACKET_OL_SHIFT_COUNT;
        if (readable && l.outer.version == 4) {
            dp_packet_ip_checksum_set_partial(p);
        }
        if (ref_over_udp(encap)) {
            dp_packet_l4_proto_set_udp(p);
            if (job->outer_csum) {
                dp_packet_l4_checksum_set_partial(p);
            } else {
                dp_packet_l4_checksum_set_good(p);
            }
        }
        p->offloads |= pkt_encap_mark(encap);
    }

    if (readable && !l.stacked) {
        if (encap == REF_PLAIN) {
            set_offset(&p->l3_ofs, l.inner.ofs);
            set_offset(&p->l4_ofs, l.inner.l4);
        } else {
            set_offset(&p->l3_ofs, l.outer.ofs);
            set_offset(&p->l4_ofs, l.outer.l4);
            set_offset(&p->inner_l3_ofs, l.inner.ofs);
            set_offset(&p->inner_l4_ofs, l.inner.l4);
        }
    }
    return p;
}

/* The same for TCP whose checksum is partial. */
struct dp_packet *
pkt_from_frame(const uint8_t *frame, size_t len, enum ref_encap encap,
               bool csum, uint16_t mss)
{
    const struct ref_job job = {
        .encap = encap,
        .outer_csum = csum,
        .mss = mss,
    };

    return pkt_from_job(frame, len, &job);
}

/* How 'row' is to be cut. */
struct ref_job
pkt_job(const struct pkt_row *row)
{
    return (struct ref_job) {
        .encap = row->encap,
        .mid = row->mid.encap,
        .outer_csum = row->csum && row->encap != REF_GRE,
        .udp = row->udp,
        .l4_done = row->l4_done,
        .rco = row->rco,
        .mss = row->mss,
    };
}

struct dp_packet *
pkt_build(const struct pkt_row *row)
{
    const struct ref_job job = pkt_job(row);
    size_t len;
    uint8_t *frame = pkt_build_frame(row, &len);
    struct dp_packet *p = pkt_from_job(frame, len, &job);

    free(frame);
    return p;
}
