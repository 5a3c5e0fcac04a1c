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

#ifndef STT_LIFECYCLE_PORTS_H
#define STT_LIFECYCLE_PORTS_H 1

/* What stt-lifecycle.c has packets live through: ports and tunnels. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dp_packet;
struct dp_packet_batch;
struct netdev;
struct ovs_action_push_tnl;
struct ref_frames;

enum { TCP_LEN = 20, STT_LEN = 18 };

void life_fail(const char *what, const void *data, size_t len);

/* A port without offloads, and the tunnel. */
extern struct netdev life_plain, life_stt;
void life_ports_init(void);

/* If not null, where packets go that ports without offloads get. */
extern struct ref_frames *life_wire;

void life_send_batch(struct netdev *, struct dp_packet_batch *, uint32_t mtu,
                     bool ours, bool fits);
void life_send(struct netdev *, struct dp_packet *, uint32_t mtu, bool ours,
               bool fits);

size_t life_outer_len(bool v6);
void life_put_ip(uint8_t *, bool v6, uint8_t proto, uint8_t tos);
void life_put_tcp(uint8_t *);
void life_stt_template(struct ovs_action_push_tnl *, bool v6);
void life_push(struct netdev *, struct dp_packet_batch *,
               const struct ovs_action_push_tnl *);
bool life_will_fit(uint32_t mtu);

void life_live(struct dp_packet *, uint32_t mtu);

#endif /* stt-lifecycle-ports.h */
