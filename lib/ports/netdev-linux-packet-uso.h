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

#ifndef NETDEV_LINUX_PACKET_USO_H
#define NETDEV_LINUX_PACKET_USO_H 1

/* Whether this kernel takes UDP superpackets from AF_PACKET sockets: tried
 * once, by sending one into the loopback device of a network namespace of its
 * own.
 *
 * Called by netdev-linux-probe.c, by any thread. */

#include <stdbool.h>

struct ds;

bool netdev_linux_packet_takes_uso(void);
void netdev_linux_packet_uso_format(struct ds *);

#endif /* netdev-linux-packet-uso.h */
