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

#ifndef TNL_GSO_DESC_H
#define TNL_GSO_DESC_H 1

/* Stage "describe": where everything is in one superpacket.
 *
 * Called first for every superpacket that is sent, and for those that may have
 * to be cut before (tnl-gso-execute.c, tnl-gso-push.c, netdev-linux-big.c,
 * netdev-stt.c).  Reads packet bytes and offload marks.  Must not write to the
 * packet, allocate, or decide anything: the next stage decides who cuts
 * (tnl-gso-plan.h). */

#include <stddef.h>
#include <stdint.h>

#include "core/tnl-gso-parse.h"
#include "core/tnl-gso-types.h"

struct dp_packet;

enum tnl_gso_reason tnl_gso_describe(const struct dp_packet *,
                                     struct tnl_gso_desc *);

/* Finding the headers alone, of ordinary packets, too. */
enum tnl_gso_reason tnl_gso_find_first_l3(const struct dp_packet *,
                                          size_t size, struct tnl_gso_l3 *,
                                          bool *stacked);
enum tnl_gso_reason tnl_gso_find_headers(const struct dp_packet *,
                                         struct tnl_gso_desc *);
enum tnl_gso_reason tnl_gso_find_tunnel(const struct dp_packet *,
                                        size_t inner_l4_ofs,
                                        struct tnl_gso_desc *);

uint32_t tnl_gso_segment_len(const struct dp_packet *);

#endif /* tnl-gso-desc.h */
