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

#include "netdev-native-tnl.h"
#include "netdev-provider.h"
#include "odp-netlink.h"
#include "packets.h"

/* The table of all encapsulations, and look-ups in it. */

const struct tnl_gso_encap_class *const tnl_gso_encap_classes[] = {
#define TNL_GSO_ENCAP(ENCAP, NAME) [ENCAP] = &tnl_gso_encap_##NAME,
    TNL_GSO_ENCAPS
#undef TNL_GSO_ENCAP
};

BUILD_ASSERT_DECL(ARRAY_SIZE(tnl_gso_encap_classes) == TNL_GSO_N_ENCAPS);

const struct tnl_gso_kind tnl_gso_tunnel_kinds[] = {
    { IPPROTO_TCP, 4, false },
    { IPPROTO_TCP, 4, true },
    { IPPROTO_TCP, 6, false },
    { IPPROTO_TCP, 6, true },
};

/* tnl_gso_encap_of() for 'marks' out of TNL_GSO_ENCAP_MARKS, which must be
 * those of an encapsulation. */
enum tnl_gso_encap
tnl_gso_encap_of_marks__(uint32_t marks)
{
    enum tnl_gso_encap encap = 0;

    while (tnl_gso_encap_classes[encap]->mark != marks) {
        if (++encap == TNL_GSO_N_ENCAPS) {
            OVS_NOT_REACHED();
        }
    }
    return encap;
}

/* Returns the encapsulation that netdevs of 'type' push and pop, TNL_GSO_PLAIN
 * if none that we know. */
enum tnl_gso_encap
tnl_gso_encap_of_netdev_type(const char *type)
{
    for (size_t i = 0; i < TNL_GSO_N_ENCAPS; i++) {
        const char *t = tnl_gso_encap_classes[i]->netdev_type;

        if (t && !strcmp(t, type)) {
            return i;
        }
    }
    return 0;
}

/* Returns the class of the header in 'data', or null if we do not know it. */
const struct tnl_gso_encap_class *
tnl_gso_encap_of_push(const struct ovs_action_push_tnl *data)
{
    uint32_t type = data->tnl_type;

    for (size_t i = 0; type && i < TNL_GSO_N_ENCAPS; i++) {
        const struct tnl_gso_encap_class *class = tnl_gso_encap_classes[i];

        if (type == class->vport_type || type == class->vport_type6) {
            return class;
        }
    }
    return NULL;
}

/* Returns the flags of all ports that cut TCP in a tunnel, or if 'udp_only',
 * in one over UDP. */
uint64_t
tnl_gso_encap_tso_flags(bool udp_only)
{
    uint64_t flags = 0;

    for (size_t i = 0; i < TNL_GSO_N_ENCAPS; i++) {
        const struct tnl_gso_encap_class *class = tnl_gso_encap_classes[i];

        flags |= (!udp_only || class->outer == TNL_GSO_OUTER_UDP ? class->tso
                  : 0);
    }
    return flags;
}

/* Returns what is behind the IP header of the template 'data': a UDP, GRE or
 * TCP header.  There are no IP options or extension headers in a template. */
const void *
tnl_gso_push_l4(const struct ovs_action_push_tnl *data)
{
    const uint8_t *header = (const uint8_t *) data->header;

    return (header + ETH_HEADER_LEN
            + (netdev_tnl_is_header_ipv6(data->header) ? IPV6_HEADER_LEN
               : IP_HEADER_LEN));
}

/* 'takes_super' of VXLAN and Geneve: see encap.h. */
bool
tnl_gso_takes_any_super(const struct ovs_action_push_tnl *data OVS_UNUSED,
                        const struct dp_packet *p OVS_UNUSED)
{
    return true;
}

/* 'sums_at_push' of VXLAN, Geneve and STT: see encap.h. */
bool
tnl_gso_sums_nothing(const struct ovs_action_push_tnl *data OVS_UNUSED)
{
    return false;
}
