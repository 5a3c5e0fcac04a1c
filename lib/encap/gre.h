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

#ifndef TNL_GSO_ENCAP_GRE_H
#define TNL_GSO_ENCAP_GRE_H 1

/* GRE checksums, for upstream's push and pop (netdev-native-tnl.c) and for
 * packets behind a vnet header (netdev-linux-vnet.c).  Everything else that is
 * so of GRE is said in its class. */

#include <stddef.h>

#include "openvswitch/types.h"
#include "packets.h"

struct dp_packet;

ovs_be16 tnl_gso_gre_csum(const struct dp_packet *, size_t len);
void tnl_gso_gre_seq_csum(struct gre_base_hdr *, size_t len);

#endif /* encap/gre.h */
