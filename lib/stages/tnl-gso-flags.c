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

#include "stages/tnl-gso-flags.h"

#include <string.h>

#include "core/tnl-gso-types.h"
#include "encap/encap.h"
#include "netdev-provider.h"
#include "openvswitch/dynamic-string.h"
#include "util.h"

/* Names as in Interface status.  Those of the encapsulations stand in
 * between. */
static const struct tnl_gso_flag_name before_encaps[] = {
    { NETDEV_TX_OFFLOAD_IPV4_CKSUM, "ip_csum" },
    { NETDEV_TX_OFFLOAD_TCP_CKSUM, "tcp_csum" },
    { NETDEV_TX_OFFLOAD_UDP_CKSUM, "udp_csum" },
    { NETDEV_TX_OFFLOAD_SCTP_CKSUM, "sctp_csum" },
    { NETDEV_TX_OFFLOAD_TCP_TSO, "tcp_seg" },
};
static const struct tnl_gso_flag_name behind_encaps[] = {
    { NETDEV_TX_OFFLOAD_OUTER_IP_CKSUM, "out_ip_csum" },
    { NETDEV_TX_OFFLOAD_OUTER_UDP_CKSUM, "out_udp_csum" },
    { TNL_GSO_TX_UDP_GSO, "udp_seg" },
    { TNL_GSO_TX_TNL_UDP_GSO, "tnl_udp_seg" },
    { TNL_GSO_TX_TCP_GSO, "tcp_gso" },
    { TNL_GSO_TX_UDP_TSO, "udp_tso" },
    { TNL_GSO_TX_TNL_GSO, "tnl_gso" },
};

enum {
    N_BEFORE = ARRAY_SIZE(before_encaps),
    N_BEHIND = ARRAY_SIZE(behind_encaps),
    N_OFFLOADS = N_BEFORE + TNL_GSO_N_ENCAPS + N_BEHIND
};

/* Stores the names of all offloads in 'names', in the order in which they are
 * shown.  An encapsulation without a flag gets 0 and null. */
static void
get_offloads(struct tnl_gso_flag_name names[N_OFFLOADS])
{
    memcpy(names, before_encaps, sizeof before_encaps);
    for (size_t i = 0; i < TNL_GSO_N_ENCAPS; i++) {
        names[N_BEFORE + i] = (struct tnl_gso_flag_name) {
            .flag = tnl_gso_encap_class(i)->tso,
            .name = tnl_gso_encap_class(i)->tso_name,
        };
    }
    memcpy(names + N_BEFORE + TNL_GSO_N_ENCAPS, behind_encaps,
           sizeof behind_encaps);
}

/* Appends those of the 'n' 'names' whose flags are in 'flags' to 'ds',
 * separated by commas, or "none". */
void
tnl_gso_format_flags(uint64_t flags, const struct tnl_gso_flag_name *names,
                     size_t n, struct ds *ds)
{
    const char *comma = "";

    for (size_t i = 0; i < n; i++) {
        if (flags & names[i].flag) {
            ds_put_format(ds, "%s%s", comma, names[i].name);
            comma = ",";
        }
    }
    if (!*comma) {
        ds_put_cstr(ds, "none");
    }
}

/* Appends the names of 'flags', NETDEV_TX_* and TNL_GSO_TX_*, to 'ds',
 * separated by commas, or "none". */
void
tnl_gso_format_offloads(uint64_t flags, struct ds *ds)
{
    struct tnl_gso_flag_name names[N_OFFLOADS];

    get_offloads(names);
    tnl_gso_format_flags(flags, names, N_OFFLOADS, ds);
}

/* Returns the NETDEV_TX_* or TNL_GSO_TX_* flag that is called 'name', or 0 if
 * there is none. */
uint64_t
tnl_gso_offload_from_string(const char *name)
{
    struct tnl_gso_flag_name names[N_OFFLOADS];

    get_offloads(names);
    for (size_t i = 0; i < N_OFFLOADS; i++) {
        if (names[i].name && !strcmp(name, names[i].name)) {
            return names[i].flag;
        }
    }
    return 0;
}
