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

#ifndef NETDEV_LINUX_VNET_H
#define NETDEV_LINUX_VNET_H 1

/* The vnet header between us and a kernel port (AF_PACKET, tap), and the marks
 * that stand for it.
 *
 * Called from netdev-linux.c before its own code, which handles the usual
 * packets; this handles superpackets, tunnels, and the state of checksums in
 * these.  Must not decide who cuts: the sender's plan has (tnl-gso-plan.h). */

#include <stdint.h>
#include <sys/types.h>

#include "core/tnl-gso-vnet.h"

struct dp_packet;
struct iovec;
struct netdev;
struct tcp_header;

int netdev_linux_vnet_parse(struct dp_packet *);
int netdev_linux_vnet_build(struct dp_packet *, int mtu);
uint8_t netdev_linux_vnet_ecn(const struct tcp_header *);

ssize_t netdev_linux_vnet_read(const struct netdev *, int fd,
                               const struct iovec *, int n);
ssize_t netdev_linux_vnet_write(const struct netdev *, int fd,
                                const struct dp_packet *);
void netdev_linux_vnet_rx_socket(int fd);

#endif /* netdev-linux-vnet.h */
