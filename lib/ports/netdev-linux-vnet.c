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

#include "ports/netdev-linux-vnet.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/csum-copy.h"
#include "core/tnl-gso-port.h"
#include "dp-packet.h"
#include "netdev-provider.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "ports/netdev-linux-ufo.h"
#include "stages/tnl-gso-desc.h"
#include "tnl-gso.h"
#include "unaligned.h"
#include "userspace-tso.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(netdev_linux_vnet);

/* A container, a VM or a peer has made every packet that we get from the
 * kernel, and one of the first two its vnet header: neither is trusted. */

BUILD_ASSERT_DECL(VNET_LEN == sizeof(struct virtio_net_hdr));

enum { ECN = VIRTIO_NET_HDR_GSO_ECN };

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);

/* The length of the innermost L4 header of 'b', or 0: tnl_gso_l4_len(). */
static size_t
l4_len(const struct dp_packet *b, const struct tnl_gso_desc *d)
{
    return tnl_gso_l4_len(dp_packet_data(b), dp_packet_size(b), &d->inner);
}

/* Completes all checksums of 'b', which is described by 'd', according to its
 * marks, and clears these. */
static void
complete(struct dp_packet *b, const struct tnl_gso_desc *d)
{
    dp_packet_ol_send_prepare(b, 0);
    if (d->outer_l4 == TNL_GSO_OUTER_GRE) {
        tnl_gso_gre_seq_csum(dp_packet_at_assert(b, d->outer.l4_ofs, 8),
                             dp_packet_size(b) - d->outer.l4_ofs);
    }
    dp_packet_reset_offload(b);
}

/* Marks the outermost checksum of 'b' as good: the kernel has verified it. */
static void
parse_valid(struct dp_packet *b)
{
    struct tnl_gso_desc d;

    if (!tnl_gso_find_headers(b, &d) && l4_len(b, &d)) {
        tnl_gso_marks_partial(b, &d, false);
        dp_packet_l4_checksum_set_good(b);
    }
}

/* Marks the checksum of 'b', no superpacket, that 'vnet' describes as partial,
 * or completes it if no mark can say where it is.  Returns 0, EINVAL, or -1 if
 * this is upstream's business. */
static int
parse_needs_csum(struct dp_packet *b, struct virtio_net_hdr *vnet)
{
    uint16_t start = (OVS_FORCE uint16_t) vnet->csum_start;
    uint16_t offset = (OVS_FORCE uint16_t) vnet->csum_offset;
    uint8_t *l4 = dp_packet_at(b, start, offset + sizeof(ovs_be16));
    struct tnl_gso_desc d;
    ovs_be16 csum_value;

    if (!l4) {
        return EINVAL;
    }

    if (!tnl_gso_find_headers(b, &d)) {
        if (start == d.inner.l4_ofs) {
            /* The usual case; upstream wants no other flag. */
            vnet->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
            return -1;
        }
        if (start > d.inner.l4_ofs && !tnl_gso_find_tunnel(b, start, &d)
            && d.mid_l4 == TNL_GSO_OUTER_NONE
            && offset == tnl_gso_l4_csum_ofs(d.inner.proto)
            && l4_len(b, &d)) {
            /* The outer checksum of TCP and UDP is final, made by local
             * checksum offload: Linux v6.18 udp_set_csum(),
             * gre_build_header().  That knows nothing of SCTP's CRC. */
            bool sctp = d.inner.proto == IPPROTO_SCTP;

            tnl_gso_marks_partial(b, &d, sctp);
            if (sctp) {
                complete(b, &d);
            }
            return 0;
        }
    }

    /* Linux v6.18 skb_checksum_help(): a sum that is zero is written as ones,
     * because zero means none in UDP. */
    csum_value = csum_fast(l4, dp_packet_size(b) - start);
    put_unaligned_be16(ALIGNED_CAST(ovs_be16 *, l4 + offset),
                       csum_value ? csum_value : htons(0xffff));
    return 0;
}

/* The packets that a gso_type stands for. */
struct gso_type {
    uint8_t proto;
    uint8_t version;            /* Of IP; 0: either. */
};

/* Sets '*type' to the type of superpacket that 'vnet' announces.  Returns 0,
 * EINVAL or ENOTSUP.
 *
 * The kernel writes vnet headers that it does not take.  UDP_L4 without
 * NEEDS_CSUM, which Linux v6.18 __virtio_net_hdr_to_skb() refuses, is what
 * virtio_net_hdr_from_skb() makes of datagrams that were joined with their
 * checksums verified and left as they were ("rx-gro-list on":
 * udp4_gro_complete(), __skb_incr_checksum_unnecessary()): with DATA_VALID, or
 * with no flag if the device had summed up the whole packet
 * (CHECKSUM_COMPLETE).  TCP comes like that too, in a tunnel or not. */
static int
parse_gso_type(const struct virtio_net_hdr *vnet, struct gso_type *type)
{
    uint8_t tunnel = vnet->gso_type & VNET_GSO_UDP_TUNNEL;
    bool needs_csum = vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;
    uint16_t gso_size = (OVS_FORCE uint16_t) vnet->gso_size;

    switch (vnet->gso_type & ~(VNET_GSO_UDP_TUNNEL | ECN)) {
    case VIRTIO_NET_HDR_GSO_TCPV4:
        *type = (struct gso_type) { IPPROTO_TCP, 4 };
        break;
    case VIRTIO_NET_HDR_GSO_TCPV6:
        *type = (struct gso_type) { IPPROTO_TCP, 6 };
        break;
    case VNET_GSO_UDP_L4:
        *type = (struct gso_type) { IPPROTO_UDP, 0 };
        if (vnet->gso_type & ECN) {
            return EINVAL;
        }
        break;
    case VIRTIO_NET_HDR_GSO_NONE:
        return EINVAL;
    case VIRTIO_NET_HDR_GSO_UDP:
        *type = (struct gso_type) { IPPROTO_UDP, 0 };
        if (tunnel || vnet->gso_type & ECN) {
            return EINVAL;
        }
        break;
    default:
        return ENOTSUP;
    }

    /* Linux v6.18 __virtio_net_hdr_to_skb(), virtio_net_hdr_tnl_to_skb().
     * There, 65,535 is GSO_BY_FRAGS. */
    return (tunnel == VNET_GSO_UDP_TUNNEL
            || !gso_size || gso_size == UINT16_MAX
            || (needs_csum && ((OVS_FORCE uint16_t) vnet->csum_offset
                               != tnl_gso_l4_csum_ofs(type->proto)))
            ? EINVAL : 0);
}

/* Finds the headers of superpacket 'b', announced by 'vnet', such that the L4
 * header at which it is cut is of 'type' and at the place that 'vnet' tells.
 * Stores them in '*d'.  Returns 0, EINVAL or ENOTSUP. */
static int
find_super(const struct dp_packet *b, const struct virtio_net_hdr *vnet,
           const struct gso_type *type, struct tnl_gso_desc *d)
{
    bool tunnel = vnet->gso_type & VNET_GSO_UDP_TUNNEL;
    uint16_t start = (OVS_FORCE uint16_t) vnet->csum_start;
    enum tnl_gso_reason reason = tnl_gso_find_headers(b, d);

    if (reason) {
        return reason == TNL_GSO_R_L2 ? ENOTSUP : EINVAL;
    }
    if (!(vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)) {
        if (d->inner.proto == type->proto) {
            return tunnel ? EINVAL : 0;
        }
        /* 'vnet' does not tell where it is, but TCP that is not here is in a
         * tunnel.  UDP in one always needs a checksum: Linux v6.18
         * udp4_gro_complete() joins no fraglist there. */
        return (type->proto != IPPROTO_TCP || tnl_gso_find_tunnel(b, 0, d)
                ? EINVAL : 0);
    }
    if (start == d->inner.l4_ofs) {
        return tunnel ? EINVAL : 0;
    }
    if (start < d->inner.l4_ofs + UDP_HEADER_LEN
        || d->inner.proto == IPPROTO_TCP || start >= dp_packet_size(b)) {
        return EINVAL;
    }
    return tnl_gso_find_tunnel(b, start, d) ? ENOTSUP : 0;
}

/* Marks 'b', which 'vnet' announces as a superpacket, so that it will be cut.
 * Returns 0, EINVAL or ENOTSUP. */
static int
parse_gso(struct dp_packet *b, const struct virtio_net_hdr *vnet)
{
    bool needs_csum = vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;
    uint16_t gso_size = (OVS_FORCE uint16_t) vnet->gso_size;
    struct tnl_gso_desc d;
    struct gso_type type;
    size_t payload_len;
    bool super;
    size_t len;
    int error;

    error = parse_gso_type(vnet, &type);
    error = error ? error : find_super(b, vnet, &type, &d);
    if (error) {
        return error;
    }
    len = l4_len(b, &d);
    if (!len || d.inner.proto != type.proto
        || (d.outer_l4 != TNL_GSO_OUTER_UDP
            && vnet->gso_type & VNET_GSO_UDP_TUNNEL)
        || (type.version && type.version != d.inner.version)) {
        return EINVAL;
    }
    if (vnet->gso_type == VIRTIO_NET_HDR_GSO_UDP) {
        return (d.outer_l4 != TNL_GSO_OUTER_NONE ? ENOTSUP
                : netdev_linux_ufo_prepare(b, &d.inner, gso_size,
                                           needs_csum));
    }
    payload_len = dp_packet_size(b) - d.inner.l4_ofs - len;
    if (type.proto == IPPROTO_UDP
        && payload_len > VNET_MAX_UDP_SEGMENTS * gso_size) {
        return EINVAL;
    }

    /* Linux v6.18 __virtio_net_hdr_to_skb(): "Too small packets are not really
     * GSO ones."  The sum over each part of the others is made anew, whatever
     * the packet's is: tcp4_gso_segment(). */
    super = payload_len > gso_size;
    if (super || needs_csum) {
        tnl_gso_marks_partial(b, &d, true);
    }
    if (!super && needs_csum && d.outer_l4 == TNL_GSO_OUTER_GRE) {
        /* No later stage completes a GRE checksum.  The kernel leaves it to
         * the code that cuts, and for superpackets so do we. */
        complete(b, &d);
    }
    if (super && type.proto == IPPROTO_TCP) {
        dp_packet_set_tso_segsz(b, gso_size);
    } else if (super) {
        b->uso_segsz = gso_size;
    }
    return 0;
}

/* Takes off the vnet header of 10 bytes at the start of 'b', and marks 'b'
 * accordingly.  Returns 0 if successful, or a positive errno value if the
 * packet must be dropped: EINVAL if it is malformed, ENOTSUP if it is of a
 * kind that we do not know.  Returns -1 if this is upstream's business; the
 * header is then still there.
 *
 * The headers in 'b' must be found here: only the vnet header tells where the
 * innermost one is.  hdr_len is only a hint, and is ignored. */
int
netdev_linux_vnet_parse(struct dp_packet *b)
{
    struct virtio_net_hdr *vnet = dp_packet_at(b, 0, VNET_LEN);
    int error = 0;

    if (OVS_UNLIKELY(!vnet)) {
        return EINVAL;
    }
    if (!vnet->gso_type && !(vnet->flags & (VIRTIO_NET_HDR_F_NEEDS_CSUM
                                            | VIRTIO_NET_HDR_F_DATA_VALID))) {
        return -1;
    }

    dp_packet_pull(b, VNET_LEN);
    if (vnet->gso_type) {
        error = parse_gso(b, vnet);
    } else if (vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
        error = parse_needs_csum(b, vnet);
    } else {
        parse_valid(b);
    }
    if (error < 0) {
        dp_packet_push_uninit(b, VNET_LEN);
    }
    return error;
}

/* Returns the value of a partial checksum field behind 'l3', whose payload
 * goes up to the end of 'b'. */
static ovs_be16
pseudo_csum(const struct dp_packet *b, const struct tnl_gso_l3 *l3)
{
    return tnl_gso_pseudo_csum(dp_packet_data(b), l3,
                               dp_packet_size(b) - l3->l4_ofs);
}

/* Writes 'value' at byte 'ofs' of 'b', which must be there. */
static void
put_at(struct dp_packet *b, size_t ofs, ovs_be16 value)
{
    memcpy(dp_packet_at_assert(b, ofs, sizeof value), &value, sizeof value);
}

/* Returns the bit of gso_type for a TCP superpacket with header 'tcp' that
 * tells the kernel to leave CWR to the first segment, or 0 if it has none. */
uint8_t
netdev_linux_vnet_ecn(const struct tcp_header *tcp)
{
    return tcp->tcp_ctl & htons(TCP_CWR) ? ECN : 0;
}

/* Puts a vnet header of 10 bytes in front of 'b', if it is a UDP superpacket
 * or one in a tunnel, which the port must be able to cut.  'mtu' is that of
 * the port.  Returns 0 if successful, a positive errno value if the packet
 * must be dropped, or -1 if this is upstream's business.
 *
 * The kernel relies on the sums in the checksum fields.  Linux v6.18
 * __udp_gso_segment() also relies on the length in the UDP header, and
 * __skb_udp_tunnel_segment() on the size of the packet. */
int
netdev_linux_vnet_build(struct dp_packet *b, int mtu)
{
    uint16_t segsz = b->uso_segsz ? b->uso_segsz : dp_packet_get_tso_segsz(b);
    struct virtio_net_hdr vnet = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM };
    struct tnl_gso_desc d;
    bool cwr = false;
    size_t hdr_len;
    int csum_ofs;
    size_t l4;
    size_t len;

    if (OVS_UNLIKELY(dp_packet_headroom(b) < VNET_LEN) && !segsz
        && !tnl_gso_takes_headroom(b, VNET_LEN)) {
        /* It must not lose its end to the header. */
        return EMSGSIZE;
    }
    if (!b->uso_segsz && !(segsz && dp_packet_tunnel(b))) {
        return -1;
    }
    if (tnl_gso_find_headers(b, &d)
        || d.inner.proto != (b->uso_segsz ? IPPROTO_UDP : IPPROTO_TCP)) {
        return EINVAL;
    }
    if ((d.outer_l4 != TNL_GSO_OUTER_NONE && d.outer_l4 != TNL_GSO_OUTER_UDP)
        || d.len_ofs) {
        /* There is no word for it, or the kernel does not write its length. */
        return EOPNOTSUPP;
    }
    l4 = d.inner.l4_ofs;
    len = l4_len(b, &d);
    hdr_len = l4 + len;
    if (!len) {
        return EINVAL;
    }
    if (hdr_len + segsz > mtu + ETH_HEADER_LEN + VLAN_HEADER_LEN) {
        return EMSGSIZE;
    }

    if (b->uso_segsz) {
        put_at(b, l4 + offsetof(struct udp_header, udp_len),
               htons(dp_packet_size(b) - l4));
    } else {
        const struct tcp_header *tcp = dp_packet_at_assert(b, l4,
                                                           TCP_HEADER_LEN);

        cwr = tcp->tcp_ctl & htons(TCP_CWR);
    }
    vnet.gso_type = vnet_gso_type(&d, cwr);
    csum_ofs = tnl_gso_l4_csum_ofs(d.inner.proto);
    put_at(b, l4 + csum_ofs, pseudo_csum(b, &d.inner));
    if (d.outer_l4 != TNL_GSO_OUTER_NONE) {
        if (d.outer_csum) {
            vnet.flags |= VNET_F_UDP_TUNNEL_CSUM;
            put_at(b, d.outer.l4_ofs + offsetof(struct udp_header, udp_csum),
                   pseudo_csum(b, &d.outer));
        }
        /* For netdev_linux_vnet_write(). */
        b->l4_ofs = d.outer.l4_ofs;
        b->inner_l3_ofs = d.inner.ofs;
    }
    vnet.hdr_len = (OVS_FORCE __virtio16) hdr_len;
    vnet.gso_size = (OVS_FORCE __virtio16) segsz;
    vnet.csum_start = (OVS_FORCE __virtio16) l4;
    vnet.csum_offset = (OVS_FORCE __virtio16) csum_ofs;
    dp_packet_push(b, &vnet, sizeof vnet);
    return 0;
}

/* Returns the number of bytes by which the vnet header of tap device 'netdev'
 * is longer than 10, the length of all others and of those in packets. */
static size_t
vnet_extra(const struct netdev *netdev)
{
    size_t size = netdev->tnl_gso->vnet_size;

    return size > VNET_LEN ? MIN(size, VNET_TUNNEL_LEN) - VNET_LEN : 0;
}

/* May a packet that was read into 'iov', and was longer than that, go on
 * without its end?  A TCP superpacket may: every segment that is cut from the
 * rest is right.  See tnl_gso_make_headroom(). */
static bool
may_lose_end(const struct iovec *iov)
{
    const struct virtio_net_hdr *vnet = iov->iov_base;

    switch (vnet->gso_type & ~(VNET_GSO_UDP_TUNNEL | ECN)) {
    case VIRTIO_NET_HDR_GSO_TCPV4:
    case VIRTIO_NET_HDR_GSO_TCPV6:
        return true;
    default:
        return false;
    }
}

/* The same as readv() from the tap device 'netdev', except that the packet
 * always starts with a vnet header of 10 bytes.  netdev_linux_vnet_parse()
 * does not need the rest of it.  The first one of the 'n' buffers must have
 * room for the header.
 *
 * Returns 0, which is no packet, for one that was too long for the buffers,
 * since a tap does not tell that it has cut it off.  The caller counts it. */
ssize_t
netdev_linux_vnet_read(const struct netdev *netdev, int fd,
                       const struct iovec *iov, int n)
{
    enum { MAX_IOV = 4 };
    uint8_t rest[VNET_TUNNEL_LEN];
    size_t extra = vnet_extra(netdev);
    struct iovec v[MAX_IOV + 3];
    ssize_t retval;
    size_t room = 0;
    uint8_t over;
    int n_v = 0;

    ovs_assert(n <= MAX_IOV && iov[0].iov_len >= VNET_LEN);
    if (extra) {
        v[n_v++] = (struct iovec) { iov[0].iov_base, VNET_LEN };
        v[n_v++] = (struct iovec) { rest, extra };
        v[n_v++] = (struct iovec) { (char *) iov[0].iov_base + VNET_LEN,
                                    iov[0].iov_len - VNET_LEN };
    } else {
        v[n_v++] = iov[0];
    }
    for (int i = 1; i < n; i++) {
        v[n_v++] = iov[i];
    }
    for (int i = 0; i < n; i++) {
        room += iov[i].iov_len;
    }
    v[n_v++] = (struct iovec) { &over, sizeof over };

    retval = readv(fd, v, n_v);
    if (retval <= VNET_LEN) {
        return retval;
    }
    retval = MAX(VNET_LEN, retval - (ssize_t) extra);
    if (OVS_UNLIKELY(retval > (ssize_t) room)) {
        VLOG_WARN_RL(&rl, "%s: Dropped packet: Too big",
                     netdev_get_name(netdev));
        return may_lose_end(iov) ? room : 0;
    }
    return retval;
}

/* Writes 'b' to the tap device 'netdev'.  If 'netdev' has vnet headers, 'b'
 * starts with one of 10 bytes.  Returns the result of write(), not counting
 * the bytes of a longer header there. */
ssize_t
netdev_linux_vnet_write(const struct netdev *netdev, int fd,
                        const struct dp_packet *b)
{
    size_t extra = vnet_extra(netdev);
    const struct virtio_net_hdr *vnet = dp_packet_data(b);
    uint8_t header[VNET_TUNNEL_LEN] = { 0 };
    struct iovec iov[2];
    ssize_t retval;

    if (!extra) {
        return write(fd, dp_packet_data(b), dp_packet_size(b));
    }

    memcpy(header, vnet, VNET_LEN);
    if (vnet->gso_type & VNET_GSO_UDP_TUNNEL) {
        /* Offsets of the frame: build has not adjusted them to the header. */
        memcpy(header + VNET_OUTER_TH_OFS, &b->l4_ofs, sizeof b->l4_ofs);
        memcpy(header + VNET_INNER_NH_OFS, &b->inner_l3_ofs,
               sizeof b->inner_l3_ofs);
    }
    iov[0] = (struct iovec) { header, VNET_LEN + extra };
    iov[1] = (struct iovec) { dp_packet_at_assert(b, VNET_LEN, 0),
                              dp_packet_size(b) - VNET_LEN };
    retval = writev(fd, iov, ARRAY_SIZE(iov));
    return retval < 0 ? retval : retval - (ssize_t) extra;
}

/* Most bytes of packets that wait to be received; Linux doubles it to account
 * for its own structures. */
enum { RX_SOCKET_SIZE = 4 << 20 };

/* Prepares packet socket 'fd' to receive superpackets.
 *
 * It should not get packets that we send.  Upstream's filter drops these, but
 * only after the kernel has cloned each packet for it: Linux v6.18
 * dev_queue_xmit_nit().  Kernels before v4.20 do not know the option, and the
 * filter still drops.
 *
 * The usual buffer has room for three superpackets; a sender sends as many at
 * once as its window has room for.  A buffer of more than net.core.rmem_max
 * takes CAP_NET_ADMIN. */
void
netdev_linux_vnet_rx_socket(int fd)
{
    const int size = userspace_tso_enabled() ? RX_SOCKET_SIZE : 0;
#ifdef PACKET_IGNORE_OUTGOING
    int one = 1;

    if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one,
                   sizeof one)) {
        VLOG_DBG("packet sockets get what is sent: %s", ovs_strerror(errno));
    }
#endif
    if (size
        && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size)
        && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size)) {
        VLOG_DBG("packet sockets keep their buffers: %s", ovs_strerror(errno));
    }
}
