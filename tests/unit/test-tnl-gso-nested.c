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

#include "test-tnl-gso-nested.h"

#include <stdlib.h>

#include "command-line.h"
#include "netdev-provider.h"
#include "openvswitch/dynamic-string.h"
#include "test-tnl-gso.h"
#include "tnl-gso/stages/tnl-gso-finish.h"
#include "util.h"

/* Tunnels in tunnels: each row, cut for ports of some kinds, compared with the
 * reference. */

#define CSUMS (NETDEV_TX_OFFLOAD_IPV4_CKSUM | NETDEV_TX_OFFLOAD_TCP_CKSUM \
               | NETDEV_TX_OFFLOAD_UDP_CKSUM)

/* What ports do with one tunnel.  None knows two. */
#define ONE_TUNNEL (NETDEV_TX_OFFLOAD_TCP_TSO | NETDEV_TX_VXLAN_TNL_TSO     \
                    | NETDEV_TX_GENEVE_TNL_TSO | NETDEV_TX_GRE_TNL_TSO      \
                    | NETDEV_TX_OFFLOAD_OUTER_IP_CKSUM                      \
                    | NETDEV_TX_OFFLOAD_OUTER_UDP_CKSUM                     \
                    | TNL_GSO_TX_TNL_UDP_GSO | TNL_GSO_TX_TNL_GSO)

/* How 'row', with 'hdr_len' bytes of headers, leaves a port that can do
 * 'ol_flags'.  One segment is cut, too: nobody else completes a checksum
 * between two others. */
static enum tnl_gso_method
expected_method(const struct pkt_row *row, size_t hdr_len, uint64_t ol_flags)
{
    return (row->payload > row->mss && row->csum && row->encap != REF_GRE
            && ol_flags & TNL_GSO_TX_UDP_GSO && hdr_len <= TNL_GSO_MAX_TEMPLATE
            ? TNL_GSO_UDP_GSO : TNL_GSO_SOFTWARE);
}

static void
test_row(const struct pkt_row *row)
{
    static const struct {
        uint64_t ol_flags;
        uint32_t split;         /* The longest frame of each part. */
    } ways[] = {
        { 0, 0 },
        { CSUMS, 0 },
        { ONE_TUNNEL, 0 },
        { ONE_TUNNEL | CSUMS | TNL_GSO_TX_UDP_GSO, 0 },
        { TNL_GSO_TX_UDP_GSO, 0 },
        { 0, 20000 },
        { 0, 3500 },
    };
    uint8_t *frame;
    size_t len;

    frame = pkt_build_frame(row, &len);
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        const struct tnl_gso_caps caps = {
            .ol_flags = ways[i].ol_flags,
            .methods = TNL_GSO_METHODS_ALL,
        };
        const struct cut_job job = {
            .ref = pkt_job(row),
            .caps = ways[i].split ? NULL : &caps,
            .max_frame_len = ways[i].split,
        };
        struct ds s = DS_EMPTY_INITIALIZER;
        struct tnl_gso_plan plan;
        char *error;

        error = cut_and_compare(frame, len, &job, &plan);
        if (!ways[i].split) {
            EXPECT(plan.method, expected_method(row, len - row->payload,
                                                ways[i].ol_flags));
        }
        pkt_row_format(row, &s);
        test_case(error, "nested, way %"PRIuSIZE": %s", i, ds_cstr(&s));
        ds_destroy(&s);
    }
    free(frame);
}

void
test_nested(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    nested_each_row(test_row);
}
