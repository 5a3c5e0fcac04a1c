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

#include "stt/stt-header.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "netdev-native-tnl.h"
#include "netdev.h"
#include "odp-netlink.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/flow.h"
#include "packets.h"
#include "unaligned.h"
#include "util.h"

/* Bytes behind the IP header of a template. */
#define STT_L4_LEN (TCP_HEADER_LEN + STT_HEADER_LEN)

/* Writes the L4 headers of a template at 'l4': the fields that all packets of
 * a flow have in common.  Everything else is zero. */
static void
stt_header_init(void *l4, ovs_be16 src, ovs_be16 dst, ovs_be64 key)
{
    struct tcp_header *tcp = l4;
    struct stt_header *stt = (struct stt_header *) (tcp + 1);

    memset(l4, 0, STT_L4_LEN);
    tcp->tcp_src = src;
    tcp->tcp_dst = dst;
    tcp->tcp_ctl = TCP_CTL(TCP_PSH | TCP_ACK, TCP_HEADER_LEN / 4);
    tcp->tcp_winsz = OVS_BE16_MAX;
    stt_put_key(stt, key);
}

/* Member 'build_header' of the netdev class.  Returns 0, or EINVAL for packets
 * that are no Ethernet frames, which a port with options:packet_type=ptap may
 * get. */
int
netdev_stt_build_header(const struct netdev *netdev,
                        struct ovs_action_push_tnl *data,
                        const struct netdev_tnl_build_header_params *params)
{
    void *l4 = netdev_tnl_ip_build_header(data, params, IPPROTO_TCP, 0);

    if (params->flow->packet_type != htonl(PT_ETH)) {
        return EINVAL;
    }
    stt_header_init(l4, 0, netdev_get_tunnel_config(netdev)->dst_port,
             params->flow->tunnel.tun_id);
    data->header_len += STT_L4_LEN;
    data->tnl_type = OVS_VPORT_TYPE_STT;
    return 0;
}

/* Copies the ports and the key in the template 'data' to 'tnl', for sFlow. */
void
stt_get_tunnel(const struct ovs_action_push_tnl *data, struct flow_tnl *tnl)
{
    const struct tcp_header *tcp;

    if (data->header_len < STT_L4_LEN) {
        return;
    }
    tcp = ALIGNED_CAST(const struct tcp_header *,
                       (const char *) data->header + data->header_len
                       - STT_L4_LEN);
    tnl->tp_src = tcp->tcp_src;
    tnl->tp_dst = tcp->tcp_dst;
    tnl->tun_id = stt_get_key((const struct stt_header *) (tcp + 1));
}

/* Appends the headers of a template to 'ds' as text: the 'size' bytes at 'l4'
 * in a datapath action. */
void
stt_format(struct ds *ds, const void *l4, size_t size)
{
    const struct tcp_header *tcp = l4;
    const struct stt_header *stt = (const struct stt_header *) (tcp + 1);

    if (size < STT_L4_LEN) {
        ds_put_cstr(ds, "stt(truncated header)");
        return;
    }
    ds_put_format(ds, "tcp(src=%"PRIu16",dst=%"PRIu16"),stt(key=0x%"PRIx64")",
                  ntohs(tcp->tcp_src), ntohs(tcp->tcp_dst),
                  ntohll(stt_get_key(stt)));
}

/* Parses headers as stt_format() writes them, and the parenthesis that closes
 * the action's header, from 's' + '*n' on, and advances '*n'.  Writes them to
 * 'l4' and their length to '*l4_len'.  Returns false, with 'l4' unchanged, if
 * there is other text. */
bool
stt_parse(const char *s, int *n, void *l4, uint32_t *l4_len)
{
    uint16_t src, dst;
    uint64_t key;

    if (!ovs_scan_len(s, n, "tcp(src=%"SCNi16",dst=%"SCNi16"),"
                      "stt(key=%"SCNi64"))", &src, &dst, &key)) {
        return false;
    }
    stt_header_init(l4, htons(src), htons(dst), htonll(key));
    *l4_len = STT_L4_LEN;
    return true;
}
