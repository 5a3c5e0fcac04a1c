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

#include "encap/encap.h"

#include <netinet/in.h>
#include <string.h>

#include "core/tnl-gso-parse.h"
#include "encap/tnl-rco-class.h"
#include "netdev-provider.h"
#include "odp-netlink.h"
#include "packets.h"

/* Geneve: RFC 8926.
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |Ver|options / 4|O|C|    Rsvd.  |        Ethertype inside         |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |                      VNI                      |    Reserved     |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |         option class          |     type      |R|R|R| data / 4  |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |                      option data, ...                           | */

enum { PORT = 6081 };           /* IANA. */
enum { C_BIT = 0x40 };          /* Byte 1: there is a critical option. */
enum {
    HDR_LEN = sizeof(struct genevehdr),
    MAX_OPTS_LEN = 252,
    OPT_HDR_LEN = 4,
};

/* Our option for remote checksums: RFC 8926 section 7, experimental. */
enum {
    RCO_TYPE = 0x81,            /* The critical bit and our number. */
    RCO_OPT_LEN = OPT_HDR_LEN + 4,
};

static const struct tnl_gso_plan_row geneve_rows[] = {
    TNL_GSO_UDP_TUNNEL_ROWS(NETDEV_TX_GENEVE_TNL_TSO),
};

/* Bytes of options behind the header at 'hdr'. */
static size_t
opts_len(const uint8_t *hdr)
{
    return (hdr[0] & 0x3f) * 4;
}

/* Members of struct tnl_gso_encap_class: see there.  RFC 8926 section 3.4. */
static size_t
geneve_hdr_len(const uint8_t *hdr)
{
    return HDR_LEN + opts_len(hdr);
}

/* See struct tnl_gso_encap_class.  RFC 8926 section 3.4. */
static enum tnl_gso_reason
geneve_parse(const void *frame, size_t size, struct tnl_gso_desc *d)
{
    size_t ofs = d->outer.l4_ofs + UDP_HEADER_LEN;
    const uint8_t *hdr = tnl_gso_at(frame, size, ofs, HDR_LEN);

    if (!hdr || d->outer.proto != IPPROTO_UDP || hdr[0] >> 6) {
        return TNL_GSO_R_TUNNEL;
    }
    return tnl_gso_parse_l3(frame, size, ofs + geneve_hdr_len(hdr),
                            htons(tnl_gso_get16(hdr + 2)), &d->inner,
                            &d->stacked);
}

/* Without options, a VXLAN header may fit as well.  On other ports, what
 * Geneve has in bytes 2 and 3 would be a rare group policy ID in VXLAN. */
static int
geneve_likelihood(const void *l4)
{
    const struct udp_header *udp = l4;
    uint16_t type = tnl_gso_get16((const uint8_t *) (udp + 1) + 2);

    return (udp->udp_dst == htons(PORT) ? 3
            : (type == ETH_TYPE_TEB || type == ETH_TYPE_IP
               || type == ETH_TYPE_IPV6) ? 2 : 0);
}

static bool
geneve_has_ethernet(const uint8_t *hdr)
{
    return !(hdr[0] >> 6) && tnl_gso_get16(hdr + 2) == ETH_TYPE_TEB;
}

/* Remote checksums.  See struct tnl_rco_class. */

/* Writes 'value' to the 16 bits at 'p', which may have any alignment. */
static void
put16(uint8_t *p, uint16_t value)
{
    put_unaligned_be16((void *) p, htons(value));
}

/* Looks for our option, of class 'opt_class', among the 'len' bytes of 'opts'.
 * Returns its offset in bytes, or 'len' if there is none, or more than 'len'
 * if it is malformed or there is more than one. */
static size_t
find_option(const uint8_t *opts, size_t len, uint16_t opt_class)
{
    size_t found = len;
    size_t ofs = 0;

    while (len - ofs >= OPT_HDR_LEN) {
        size_t opt_len = OPT_HDR_LEN + (opts[ofs + 3] & 0x1f) * 4;

        if (tnl_gso_get16(opts + ofs) == opt_class
            && opts[ofs + 2] == RCO_TYPE) {
            found = (found == len && opt_len == RCO_OPT_LEN
                     && opt_len <= len - ofs ? ofs : SIZE_MAX);
        }
        if (opt_len > len - ofs) {
            break;
        }
        ofs += opt_len;
    }
    return found;
}

/* The option is valid in front of an Ethernet frame only.  Zeros in it say
 * that this packet has no remote checksum; an option that is malformed, or
 * there twice, is TNL_RCO_SET with zeros. */
static enum tnl_rco_found
geneve_rco_find(const uint8_t *hdr, size_t size, ovs_be16 udp_dst,
                struct tnl_rco *rco)
{
    const uint8_t *opts = hdr + HDR_LEN;
    size_t len = opts_len(hdr);
    uint16_t opt_class;
    size_t ofs;

    if (!len || len > size - HDR_LEN || !geneve_has_ethernet(hdr)) {
        return TNL_RCO_NONE;
    }
    opt_class = tnl_rco_policy_get(udp_dst).opt_class;
    ofs = opt_class ? find_option(opts, len, opt_class) : len;
    if (ofs == len) {
        return TNL_RCO_NONE;
    } else if (ofs < len) {
        rco->start = tnl_gso_get16(opts + ofs + OPT_HDR_LEN);
        rco->field = tnl_gso_get16(opts + ofs + OPT_HDR_LEN + 2);
        if (!rco->start && !rco->field) {
            return TNL_RCO_NOOP;
        }
    }
    return TNL_RCO_SET;
}

/* Appends the option to the template.  The last byte of the header, which is
 * reserved, then tells geneve_rco_is_announced() of it; geneve_rco_write()
 * clears that byte in each packet. */
static bool
geneve_rco_announce(uint16_t opt_class, uint8_t *hdr,
                    struct ovs_action_push_tnl *data)
{
    uint8_t *opt = (uint8_t *) data->header + data->header_len;

    if (opts_len(hdr) + RCO_OPT_LEN > MAX_OPTS_LEN) {
        return false;
    }
    memset(opt, 0, RCO_OPT_LEN);
    put16(opt, opt_class);
    opt[2] = RCO_TYPE;
    opt[3] = (RCO_OPT_LEN - OPT_HDR_LEN) / 4;
    hdr[0] += RCO_OPT_LEN / 4;
    hdr[1] |= C_BIT;
    hdr[7] = 1;
    data->header_len += RCO_OPT_LEN;
    return true;
}

/* Reads the byte that geneve_rco_announce() has set. */
static bool
geneve_rco_is_announced(const uint8_t *hdr)
{
    return hdr[7];
}

/* Fills in the option, which is the last one.  Without a remote checksum, its
 * zeros are right. */
static void
geneve_rco_write(uint8_t *hdr, uint8_t *end, const struct tnl_rco *rco)
{
    hdr[7] = 0;
    if (rco) {
        put16(end - RCO_OPT_LEN + OPT_HDR_LEN, rco->start);
        put16(end - RCO_OPT_LEN + OPT_HDR_LEN + 2, rco->field);
    }
}

/* Upstream understands options. */
static void
geneve_rco_clear(uint8_t *hdr OVS_UNUSED)
{
}

/* Removes our option from the options in the metadata. */
static void
geneve_rco_forget(struct flow_tnl *tnl, uint16_t opt_class)
{
    uint8_t *opts = (uint8_t *) tnl->metadata.opts.gnv;
    size_t len = tnl->metadata.present.len;
    size_t ofs = find_option(opts, len, opt_class);

    if (ofs < len) {
        tnl->metadata.present.len -= RCO_OPT_LEN;
        memmove(opts + ofs, opts + ofs + RCO_OPT_LEN, len - ofs - RCO_OPT_LEN);
    }
}

static const struct tnl_rco_class geneve_rco = {
    .find = geneve_rco_find,
    .announce = geneve_rco_announce,
    .is_announced = geneve_rco_is_announced,
    .write = geneve_rco_write,
    .clear = geneve_rco_clear,
    .forget = geneve_rco_forget,
};

#define GENEVE(MEMBER)                                  \
    MEMBER(name, "geneve")                              \
    MEMBER(netdev_type, "geneve")                       \
    MEMBER(vport_type, OVS_VPORT_TYPE_GENEVE)           \
    MEMBER(vport_type6, 0)                              \
    MEMBER(mark, DP_PACKET_OL_TUNNEL_GENEVE)            \
    MEMBER(outer, TNL_GSO_OUTER_UDP)                    \
    MEMBER(tso, NETDEV_TX_GENEVE_TNL_TSO)               \
    MEMBER(tso_name, "geneve_tso")                      \
    MEMBER(rows, geneve_rows)                           \
    MEMBER(n_rows, ARRAY_SIZE(geneve_rows))             \
    MEMBER(why_no_row, NULL)                            \
    MEMBER(kinds, tnl_gso_tunnel_kinds)                 \
    MEMBER(n_kinds, TNL_GSO_N_TUNNEL_KINDS)             \
    MEMBER(parse, geneve_parse)                         \
    MEMBER(likelihood, geneve_likelihood)               \
    MEMBER(hdr_len, geneve_hdr_len)                     \
    MEMBER(takes_super, tnl_gso_takes_any_super)        \
    MEMBER(sums_at_push, tnl_gso_sums_nothing)          \
    MEMBER(mark_by_port, NULL)                          \
    MEMBER(pop_prepare, NULL)                           \
    MEMBER(rco, &geneve_rco)

TNL_GSO_ENCAP_CLASS(geneve, GENEVE);
