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

#include "ofproto/tnl-gso/tnl-gso-show.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "dp-packet.h"
#include "dpif.h"
#include "flow.h"
#include "odp-util.h"
#include "ofproto/ofproto-dpif.h"
#include "openvswitch/ofpbuf.h"
#include "simap.h"
#include "util.h"

/* A packet from what an operator has at hand: hexadecimal digits, a datapath
 * flow, or a line of `ovs-appctl dpctl/dump-flows`, which has masks, names of
 * ports, and statistics and actions behind the flow.
 *
 * Called by the main thread only. */

/* Stores the names of all ports of all datapaths in '*names', with their
 * numbers.  The caller must destroy it. */
static void
port_names_get(struct simap *names)
{
    struct shash_node *node;

    simap_init(names);
    SHASH_FOR_EACH (node, &all_dpif_backers) {
        const struct dpif_backer *backer = node->data;
        struct dpif_port_dump dump;
        struct dpif_port port;

        DPIF_PORT_FOR_EACH (&port, &dump, backer->dpif) {
            simap_put(names, port.name, odp_to_u32(port.port_no));
        }
    }
}

/* Returns a copy of 's' without what is in front of the flow, and behind it,
 * in a line of dpctl/dump-flows.  The caller must free it. */
static char *
flow_of_line(const char *s)
{
    static const char *const ends[] = { ", packets:", ", used:",
                                        ", actions:" };
    size_t len;

    if (!strncmp(s, "ufid:", 5)) {
        s += strcspn(s, ", ");
        s += strspn(s, ", ");
    }
    len = strlen(s);
    for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
        const char *end = strstr(s, ends[i]);

        len = end ? MIN(len, end - s) : len;
    }
    return xmemdup0(s, len);
}

/* Returns flow 's' with a TTL in its tunnel(...): where that is wildcarded, it
 * is not printed, but without one tunnel(...) is an error.  Frees 's'. */
static char *
with_tunnel_ttl(char *s)
{
    char *tunnel = strstr(s, "tunnel(");
    char *with;
    int depth = 0;

    for (const char *p = tunnel; p && *p; p++) {
        depth += (*p == '(') - (*p == ')');
        if (!strncmp(p, "ttl=", 4)) {
            return s;
        } else if (*p == ')' && !depth) {
            break;
        }
    }
    if (!tunnel) {
        return s;
    }
    tunnel += strlen("tunnel(");
    with = xasprintf("%.*sttl=64,%s", (int) (tunnel - s), s, tunnel);
    free(s);
    return with;
}

/* Parses 's', a datapath flow with or without masks, into '*flow'.  Returns
 * null or an error message, which the caller must free. */
static char *
flow_from_string(const char *s, struct flow *flow)
{
    char *copy = with_tunnel_ttl(flow_of_line(s));
    struct ofpbuf key, mask;
    struct simap names;
    char *error = NULL;

    port_names_get(&names);
    ofpbuf_init(&key, 0);
    ofpbuf_init(&mask, 0);
    if (odp_flow_from_string(copy, &names, &key, &mask, &error)
        || odp_flow_key_to_flow(key.data, key.size, flow, &error)
           == ODP_FIT_ERROR) {
        if (!error) {
            error = xasprintf("%s: neither hexadecimal nor a flow", s);
        }
    } else if (!strstr(copy, "packet_type(ns=1")) {
        /* Where all of eth() is wildcarded, it is not printed. */
        flow->packet_type = htonl(PT_ETH);
    }
    ofpbuf_uninit(&mask);
    ofpbuf_uninit(&key);
    simap_destroy(&names);
    free(copy);
    return error;
}

/* Makes '*told' of 's'.  If that is a flow, the packet has at least 'len'
 * bytes; where the flow's mask leaves the protocol open, it is 'proto'.
 * Returns null or an error message, which the caller must free, as it must
 * otherwise delete 'told->packet'. */
char *
tnl_gso_told_from_string(const char *s, size_t len, uint8_t proto,
                         struct tnl_gso_told *told)
{
    char *error;

    told->packet = dp_packet_new(0);
    if (*dp_packet_put_hex(told->packet, s, NULL) == '\0') {
        flow_extract(told->packet, &told->flow);
        return NULL;
    }
    dp_packet_clear(told->packet);
    error = flow_from_string(s, &told->flow);
    if (error) {
        dp_packet_delete(told->packet);
        told->packet = NULL;
        return error;
    }
    if (is_ip_any(&told->flow) && !told->flow.nw_proto) {
        told->flow.nw_proto = proto;
    }
    flow_compose(told->packet, &told->flow, NULL, 0, false);
    if (dp_packet_size(told->packet) < len) {
        packet_expand(told->packet, &told->flow, len);
    }
    return NULL;
}
