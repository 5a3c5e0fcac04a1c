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

#include "netdev-provider.h"

/* No encapsulation: an IP packet over Ethernet. */

static const struct tnl_gso_plan_row plain_rows[] = {
    { TNL_GSO_HW, false, false, NETDEV_TX_OFFLOAD_TCP_TSO },
};

static const struct tnl_gso_kind plain_kinds[] = {
    { IPPROTO_TCP, 4, false },
    { IPPROTO_UDP, 4, false },
};

#define PLAIN(MEMBER)                                   \
    MEMBER(name, "plain")                               \
    MEMBER(netdev_type, NULL)                           \
    MEMBER(vport_type, 0)                               \
    MEMBER(vport_type6, 0)                              \
    MEMBER(mark, 0)                                     \
    MEMBER(outer, TNL_GSO_OUTER_NONE)                   \
    MEMBER(tso, 0)                                      \
    MEMBER(tso_name, NULL)                              \
    MEMBER(rows, plain_rows)                            \
    MEMBER(n_rows, ARRAY_SIZE(plain_rows))              \
    MEMBER(why_no_row, NULL)                            \
    MEMBER(kinds, plain_kinds)                          \
    MEMBER(n_kinds, ARRAY_SIZE(plain_kinds))            \
    MEMBER(parse, NULL)                                 \
    MEMBER(likelihood, NULL)                            \
    MEMBER(hdr_len, NULL)                               \
    MEMBER(takes_super, NULL)                           \
    MEMBER(sums_at_push, NULL)                          \
    MEMBER(mark_by_port, NULL)                          \
    MEMBER(pop_prepare, NULL)                           \
    MEMBER(rco, NULL)

TNL_GSO_ENCAP_CLASS(plain, PLAIN);
