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

#ifndef STT_HEADER_H
#define STT_HEADER_H 1

/* The headers of STT as Open vSwitch's own code knows tunnel headers: built
 * (netdev-vport.c) when a flow is translated, with the fields that all its
 * packets have in common; formatted and parsed as text in datapath actions
 * (odp-util.c); read by sFlow (ofproto-dpif-sflow.c).
 *
 * netdev_stt_push_header() fills in the fields that differ from packet to
 * packet. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stt/stt.h"

struct ds;
struct flow_tnl;
struct netdev;
struct netdev_tnl_build_header_params;
struct ovs_action_push_tnl;

int netdev_stt_build_header(const struct netdev *,
                            struct ovs_action_push_tnl *,
                            const struct netdev_tnl_build_header_params *);

void stt_get_tunnel(const struct ovs_action_push_tnl *, struct flow_tnl *);
void stt_format(struct ds *, const void *l4, size_t size);
bool stt_parse(const char *s, int *n, void *l4, uint32_t *l4_len);

#endif /* stt-header.h */
