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

#include "test-tnl-gso.h"

#include <stdlib.h>
#include <string.h>

#include "dp-packet.h"
#include "netdev-provider.h"
#include "netdev-vport.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "smap.h"
#include "tnl-gso-pkt.h"
#include "tnl-gso/tnl-gso.h"
#include "tnl-gso/rco/tnl-rco.h"
#include "util.h"

/* Has the code under test look at a tunnelled frame before the pop, and judges
 * what it makes of its remote checksum.
 *
 * Must not use the code under test to find out what is right: headers are read
 * here and by the reference. */

enum { VXLAN_PORT = 4789, GENEVE_PORT = 6081 };

/* Opens a tunnel of each kind that takes remote checksums if 'rx'. */
void
rco_open_tunnels(struct rco_tunnels *tunnels, bool rx)
{
    static const char *types[] = { [REF_VXLAN] = "vxlan",
                                   [REF_GENEVE] = "geneve" };

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    netdev_vport_tunnel_register();
    for (enum ref_encap encap = REF_VXLAN; encap <= REF_GENEVE; encap++) {
        struct netdev_tunnel_config cfg = {
            .dst_port = htons(encap == REF_VXLAN ? VXLAN_PORT : GENEVE_PORT),
            .rco_rx = rx,
        };
        struct ds errors = DS_EMPTY_INITIALIZER;
        struct smap args = SMAP_INITIALIZER(&args);
        char *name = xasprintf("rco-%s", types[encap]);

        ovs_assert(!netdev_open(name, types[encap], &tunnels->dev[encap]));
        ovs_assert(!tnl_rco_check_config(tunnels->dev[encap], &args,
                                         &cfg, &errors));
        ds_destroy(&errors);
        free(name);
    }
    tunnels->rx = rx;
}

void
rco_close_tunnels(struct rco_tunnels *tunnels)
{
    netdev_close(tunnels->dev[REF_VXLAN]);
    netdev_close(tunnels->dev[REF_GENEVE]);
}

/* Does the IP header 'l3' say that there are as many bytes behind it as there
 * are, at most?  Stores how many in '*l4_len'. */
static bool
length_fits(const uint8_t *f, size_t len, const struct ref_l3 *l3,
            size_t *l4_len)
{
    size_t end = l3->ofs + (l3->version == 4 ? ref_get16(f + l3->ofs + 2)
                            : 40 + ref_get16(f + l3->ofs + 4));

    *l4_len = end > l3->l4 ? end - l3->l4 : 0;
    return end <= len;
}

/* What is wrong with 'p', made of 'f', which was to be accepted. */
static char *
judge_accepted(const uint8_t *f, size_t len, enum ref_encap encap,
               const struct ref_layout *l, size_t l4_len,
               const struct dp_packet *p)
{
    uint32_t pending = (DP_PACKET_OL_INNER_RCO
                        | DP_PACKET_OL_INNER_L4_CKSUM_MASK
                        | (ref_is_udp(l) ? DP_PACKET_OL_INNER_L4_PROTO_UDP
                           : DP_PACKET_OL_INNER_L4_PROTO_TCP));
    uint16_t partial = ref_partial_csum(f, l->inner.l4 + l4_len, &l->inner);
    uint16_t field = ref_get16(f + l->l4_csum);
    uint8_t *expected = xmemdup(f, len);
    char *error = NULL;

    if (encap == REF_VXLAN) {
        expected[l->outer.l4 + 9] &= ~0x20;
        expected[l->outer.l4 + 15] = 0;
    }
    if (field == partial || (!field && partial == 0xffff)) {
        EXPECT(p->offloads >> 16, pending >> 16);
    } else {
        uint16_t csum = ref_csum(f + l->inner.l4, l4_len);

        EXPECT(p->offloads >> 16, DP_PACKET_OL_INNER_RCO >> 16);
        ref_put16(expected + l->l4_csum,
                  csum || !ref_is_udp(l) ? csum : 0xffff);
    }
    EXPECT(dp_packet_size(p), len);
    for (size_t i = 0; i < len && !error; i++) {
        EXPECT(((const uint8_t *) dp_packet_data(p))[i], expected[i]);
    }
    free(expected);
    return error;
}

/* Shows 'frame', whose outer checksum is known to be good, to the tunnel of
 * kind 'encap'.  Returns null, or what is wrong with what comes out.  Sets
 * '*accepted' to whether a remote checksum was accepted. */
char *
rco_pop_and_judge(const struct rco_tunnels *tunnels, const uint8_t *frame,
                  size_t len, enum ref_encap encap, bool *accepted)
{
    bool ipv6 = len > 14 && frame[14] >> 4 == 6;
    size_t l4 = ipv6 ? 54 : 34;
    struct dp_packet *p = dp_packet_new(0);
    struct ref_layout l;
    const char *broken;
    char *error = NULL;
    struct ref_remote said;
    size_t l4_len = 0;
    bool right;

    *accepted = false;
    dp_packet_uninit(p);
    dp_packet_use(p, xmemdup(frame, MAX(len, 1)), len);
    dp_packet_set_size(p, len);
    p->l3_ofs = 14;
    p->l4_ofs = l4;
    dp_packet_l4_proto_set_udp(p);
    dp_packet_l4_checksum_set_good(p);
    memset(&p->md, 0, sizeof p->md);

    p = tnl_rco_pop_check(tunnels->dev[encap], p);

    said = ref_read_remote(encap, frame + l4 + 8,
                           len >= l4 + 8 ? len - l4 - 8 : 0);
    broken = ref_parse(frame, len, encap, &l);
    right = (!broken && said.start == l.inner.l4 - (l.outer.l4 + 16
                 + (encap == REF_GENEVE ? frame[l4 + 8] % 64 * 4 : 0))
             && said.field == said.start + (ref_is_udp(&l) ? 6 : 16)
             && length_fits(frame, len, &l.inner, &l4_len)
             && l4_len >= (ref_is_udp(&l) ? 8 : 18));
    if (!said.there || (said.noop && tunnels->rx)) {
        if (!p || dp_packet_size(p) != len
            || memcmp(dp_packet_data(p), frame, len) || p->offloads >> 16) {
            error = xstrdup("nothing was to be done");
        }
    } else if (p && !tunnels->rx) {
        error = xstrdup("not refused");
    } else if (!p) {
        if (tunnels->rx && right) {
            error = xstrdup("refused");
        }
    } else if (broken) {
        /* Options of TCP do not matter here, nor does what only the reference
         * asks of the outer headers. */
        if (strncmp(broken, "TCP ", 4) && strncmp(broken, "outer ", 6)
            && strncmp(broken, "Geneve ", 7)) {
            error = xasprintf("not refused: %s", broken);
        }
    } else if (!right) {
        error = xstrdup("not refused");
    } else {
        *accepted = true;
        error = judge_accepted(frame, len, encap, &l, l4_len, p);
    }
    if (p) {
        dp_packet_delete(p);
    }
    return error;
}
