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

#include "core/tnl-gso-parse.h"
#include "encap/gtpu.h"
#include "netdev-provider.h"
#include "odp-netlink.h"
#include "packets.h"

/* GTP-U: 3GPP TS 29.281 sections 5.1 and 5.2.
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     | Ver |T|   |E|S|N| message type  |  length behind these 8 bytes  |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |                   tunnel endpoint identifier                  |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |    sequence number, with S    | N-PDU no. (N) | next type (E) |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |  length / 4   |   contents, ...               |   next type   |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * The third word is there if one of E, S and N is set.  Extension headers, as
 * the fourth one, follow with E, until a next type is 0.  Behind them is IP.
 *
 * The length is the only field of a tunnel's own header that is another one in
 * each segment. */

enum { PORT = 2152 };           /* IANA. */
enum { VERSION_1_GTP = 3 };     /* Upper half of byte 0: version, and T. */
enum { E_BIT = 0x04, S_BIT = 0x02, N_BIT = 0x01 };
enum { G_PDU = 255 };           /* Message type: a packet of a user. */
enum { LEN_OFS = 2, HDR_LEN = sizeof(struct gtpuhdr) };
enum { OPT_LEN = sizeof(struct gtpuhdr_opt), EXT_UNIT = 4 };

/* TS 29.281 figure 5.2.1-3. */
enum { SERVICE_CLASS = 0x20, UDP_PORT = 0x40, PDU_SESSION = 0x85 };

/* What cuts GTP-U has to write its length.  In a train, that is payload. */
static const struct tnl_gso_plan_row gtpu_rows[] = {
    { TNL_GSO_UDP_GSO, true, false, TNL_GSO_TX_UDP_GSO },
    { TNL_GSO_UDP_GSO, true, true, TNL_GSO_TX_UDP_GSO },
};

/* Is the header at 'hdr', of which 2 bytes are there, that of a packet of a
 * user?  Others have no IP in them. */
static bool
is_g_pdu(const uint8_t *hdr)
{
    return hdr[0] >> 4 == VERSION_1_GTP && hdr[1] == G_PDU;
}

/* Is an extension header of 'type' and 'len' bytes the same in all packets of
 * a flow?  Most have numbers in them.  A PDU session container is longer if it
 * has a sequence number or a time stamp (TS 38.415 section 5.5.2). */
static bool
ext_is_constant(uint8_t type, size_t len)
{
    return (type == SERVICE_CLASS || type == UDP_PORT
            || (type == PDU_SESSION && len == EXT_UNIT));
}

/* Returns the bytes of the header at 'hdr' with its extension headers, or 0 if
 * they are malformed or not all in the 'size' bytes there, HDR_LEN at least.
 * Sets '*numbered' if something in it is different in each packet. */
static size_t
full_len(const uint8_t *hdr, size_t size, bool *numbered)
{
    size_t len = HDR_LEN;
    uint8_t type;

    if (!(hdr[0] & (E_BIT | S_BIT | N_BIT))) {
        return len;
    }
    len += OPT_LEN;
    if (len > size) {
        return 0;
    }
    *numbered |= (hdr[0] & (S_BIT | N_BIT)) != 0;
    type = hdr[0] & E_BIT ? hdr[len - 1] : 0;
    while (type) {
        size_t ext_len = len < size ? hdr[len] * EXT_UNIT : 0;

        if (!ext_len || ext_len > size - len) {
            return 0;
        }
        *numbered |= !ext_is_constant(type, ext_len);
        len += ext_len;
        type = hdr[len - 1];
    }
    return len;
}

/* Returns the bytes from the GTP-U header at 'hdr' to the IP header behind it,
 * of which at least one byte is there, or 0 if there is none in the 'size'
 * bytes at 'hdr'. */
size_t
tnl_gso_gtpu_hdr_len(const void *hdr, size_t size)
{
    bool numbered = false;
    size_t len;

    len = size >= HDR_LEN ? full_len(hdr, size, &numbered) : 0;
    return len < size ? len : 0;
}

/* See struct tnl_gso_encap_class. */
static enum tnl_gso_reason
gtpu_parse(const void *frame, size_t size, struct tnl_gso_desc *d)
{
    size_t ofs = d->outer.l4_ofs + UDP_HEADER_LEN;
    const uint8_t *hdr = tnl_gso_at(frame, size, ofs, HDR_LEN);
    const uint8_t *ip;
    size_t len;

    if (!hdr || d->outer.proto != IPPROTO_UDP || !is_g_pdu(hdr)) {
        return TNL_GSO_R_TUNNEL;
    }
    len = full_len(hdr, size - ofs, &d->numbered);
    ip = tnl_gso_at(frame, size, ofs + len, 1);
    if (!len || !ip) {
        return TNL_GSO_R_TUNNEL;
    }
    d->len_ofs = ofs + LEN_OFS;
    return tnl_gso_parse_l3(frame, size, ofs + len,
                            htons(*ip >> 4 == 6 ? ETH_TYPE_IPV6 : ETH_TYPE_IP),
                            &d->inner, &d->stacked);
}

/* The first bytes would be a strange header of any other tunnel. */
static int
gtpu_likelihood(const void *l4)
{
    const struct udp_header *udp = l4;

    return (!is_g_pdu((const uint8_t *) (udp + 1)) ? 0
            : udp->udp_dst == htons(PORT) ? 3 : 2);
}

/* See struct tnl_gso_encap_class.  Extension headers are not in it, since
 * their lengths are behind the first bytes. */
static size_t
gtpu_hdr_len(const uint8_t *hdr)
{
    return HDR_LEN + (hdr[0] & (E_BIT | S_BIT | N_BIT) ? OPT_LEN : 0);
}

/* Is the header in 'data' the same in front of each packet?  A sequence number
 * is not.  Flags and types that a packet has brought along from another tunnel
 * are written with nothing behind them: such packets are final before. */
static bool
push_is_constant(const struct ovs_action_push_tnl *data)
{
    const uint8_t *hdr = tnl_gso_push_l4(data);

    hdr += UDP_HEADER_LEN;
    return is_g_pdu(hdr) && !(hdr[0] & (E_BIT | S_BIT | N_BIT));
}

/* See struct tnl_gso_encap_class. */
static bool
gtpu_takes_super(const struct ovs_action_push_tnl *data,
                 const struct dp_packet *p OVS_UNUSED)
{
    return push_is_constant(data);
}

/* See struct tnl_gso_encap_class. */
static bool
gtpu_wants_final(const struct ovs_action_push_tnl *data)
{
    return !push_is_constant(data);
}

#define GTPU(MEMBER)                                                    \
    MEMBER(name, "gtpu")                                                \
    MEMBER(netdev_type, "gtpu")                                         \
    MEMBER(vport_type, OVS_VPORT_TYPE_GTPU)                             \
    MEMBER(vport_type6, 0)                                              \
    MEMBER(mark, DP_PACKET_OL_TUNNEL_VXLAN | DP_PACKET_OL_STT)          \
    MEMBER(outer, TNL_GSO_OUTER_UDP)                                    \
    MEMBER(tso, 0)                                                      \
    MEMBER(tso_name, NULL)                                              \
    MEMBER(rows, gtpu_rows)                                             \
    MEMBER(n_rows, ARRAY_SIZE(gtpu_rows))                               \
    MEMBER(why_no_row, "no port writes the length in a GTP-U header")   \
    MEMBER(kinds, tnl_gso_tunnel_kinds)                                 \
    MEMBER(n_kinds, TNL_GSO_N_TUNNEL_KINDS)                             \
    MEMBER(parse, gtpu_parse)                                           \
    MEMBER(likelihood, gtpu_likelihood)                                 \
    MEMBER(hdr_len, gtpu_hdr_len)                                       \
    MEMBER(takes_super, gtpu_takes_super)                               \
    MEMBER(sums_at_push, gtpu_wants_final)                              \
    MEMBER(mark_by_port, NULL)                                          \
    MEMBER(pop_prepare, NULL)                                           \
    MEMBER(rco, NULL)

TNL_GSO_ENCAP_CLASS(gtpu, GTPU);
