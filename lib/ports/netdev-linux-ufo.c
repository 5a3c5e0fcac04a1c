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

#include "ports/netdev-linux-ufo.h"

#include <errno.h>
#include <netinet/ip6.h>

#include "csum.h"
#include "packets.h"
#include "random.h"
#include "stages/tnl-gso-desc.h"
#include "tnl-gso.h"
#include "util.h"

/* Prepares 'b', with UDP over 'l3', for fragments with 'gso_size' bytes of IP
 * payload.  Returns 0 or a positive errno value.  If 'needs_csum' is true, the
 * UDP checksum is partial.
 *
 * It has to be complete before: Linux v6.18 udp4_ufo_fragment(). */
int
netdev_linux_ufo_prepare(struct dp_packet *b, const struct tnl_gso_l3 *l3,
                         uint16_t gso_size, bool needs_csum)
{
    size_t len = dp_packet_size(b) - l3->l4_ofs;
    uint16_t unit = ROUND_DOWN(gso_size, 8);
    struct tnl_gso_desc d = { .inner = *l3 };
    bool cut = len > gso_size;

    if (l3->ext) {
        /* Not all extension headers go into each fragment. */
        return ENOTSUP;
    }
    if (cut && (!unit || DIV_ROUND_UP(len, unit) > TNL_GSO_MAX_SEGS)) {
        return EINVAL;
    }
    if (needs_csum) {
        tnl_gso_marks_partial(b, &d, false);
    }
    if (cut) {
        dp_packet_ol_send_prepare(b, 0);
        dp_packet_reset_offload(b);
        b->l3_ofs = l3->ofs;
        b->l4_ofs = l3->l4_ofs;
        b->uso_segsz = unit;
    }
    return 0;
}

/* Writes the fields of 'ip', of 'header_len' bytes, that a fragment has for
 * itself: it has 'len' bytes of payload, from byte 'ofs' of the datagram's on,
 * and is not the last one if there are 'more' (RFC 791 section 3.2).  Options
 * and ID are those of the datagram: Linux v6.18 inet_gso_segment(). */
static void
finish_ipv4(struct ip_header *ip, size_t header_len, size_t ofs, size_t len,
            bool more)
{
    ip->ip_tot_len = htons(header_len + len);
    ip->ip_frag_off = htons(ofs / 8 | (more ? IP_MORE_FRAGMENTS : 0));
    ip->ip_csum = 0;
    ip->ip_csum = csum(ip, header_len);
}

/* Writes the fragment header behind 'ip6' of a datagram with 'id', and the
 * fields of 'ip6' that a fragment has for itself (RFC 8200 section 4.5).  See
 * finish_ipv4() for the others. */
static void
finish_ipv6(struct ovs_16aligned_ip6_hdr *ip6, ovs_be32 id, size_t ofs,
            size_t len, bool more)
{
    struct ovs_16aligned_ip6_frag *frag = (void *) (ip6 + 1);

    frag->ip6f_nxt = ip6->ip6_nxt;
    frag->ip6f_reserved = 0;
    frag->ip6f_offlg = htons(ofs | (more ? 1 : 0));
    put_16aligned_be32(&frag->ip6f_ident, id);
    ip6->ip6_nxt = IPPROTO_FRAGMENT;
    ip6->ip6_plen = htons(sizeof *frag + len);
}

/* Returns a fragment of 'b': the 'len' bytes from 'ofs' on of the payload
 * behind its IP header.  Over IPv6, 'id' is the ID of the datagram. */
static struct dp_packet *
fragment(const struct dp_packet *b, size_t ofs, size_t len, ovs_be32 id)
{
    enum { HEADROOM = 128 };    /* For a vnet and a tunnel header. */
    size_t hdr_len = b->l4_ofs;
    const uint8_t *frame = dp_packet_data(b);
    bool more = hdr_len + ofs + len < dp_packet_size(b);
    bool v4 = IP_VER(frame[b->l3_ofs]) == 4;
    size_t frag_len = v4 ? 0 : sizeof(struct ovs_16aligned_ip6_frag);
    struct dp_packet *p;
    void *l3;

    p = dp_packet_new_with_headroom(hdr_len + frag_len + len, HEADROOM);
    dp_packet_put(p, frame, hdr_len);
    dp_packet_put_uninit(p, frag_len);
    dp_packet_put(p, frame + hdr_len + ofs, len);
    l3 = dp_packet_at_assert(p, b->l3_ofs, IP_HEADER_LEN);
    if (v4) {
        finish_ipv4(l3, hdr_len - b->l3_ofs, ofs, len, more);
    } else {
        finish_ipv6(l3, id, ofs, len, more);
    }
    return p;
}

/* Prepares 'ufo' for the first call of netdev_linux_ufo_cut(). */
void
netdev_linux_ufo_init(struct netdev_linux_ufo *ufo)
{
    ufo->ofs = 0;
}

/* Adds fragments of 'b', which has been prepared, to 'batch' until that has
 * NETDEV_MAX_BURST packets: from where the last call for 'b' with 'ufo' has
 * stopped.  Returns true, having freed 'b', after the last one; 'ufo' is then
 * ready for another datagram. */
bool
netdev_linux_ufo_cut(struct netdev_linux_ufo *ufo, struct dp_packet *b,
                     struct dp_packet_batch *batch)
{
    size_t total = dp_packet_size(b) - b->l4_ofs;

    if (!ufo->ofs) {
        ufo->id = (OVS_FORCE ovs_be32) random_uint32();
    }
    while (ufo->ofs < total) {
        size_t len = MIN(b->uso_segsz, total - ufo->ofs);

        if (dp_packet_batch_size(batch) >= NETDEV_MAX_BURST) {
            return false;
        }
        dp_packet_batch_add(batch, fragment(b, ufo->ofs, len, ufo->id));
        ufo->ofs += len;
    }
    dp_packet_delete(b);
    ufo->ofs = 0;
    return true;
}
