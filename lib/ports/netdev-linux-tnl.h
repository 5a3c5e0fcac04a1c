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

#ifndef NETDEV_LINUX_TNL_H
#define NETDEV_LINUX_TNL_H 1

/* Superpackets and frames on kernel ports: sending them, and the capabilities
 * of the kernel for them.
 *
 * Called by netdev-linux.c, by tnl-gso-send.c through 'send_frames' of struct
 * tnl_gso_port, and before counters are shown. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ethtool_gfeatures;
struct ethtool_gstrings;
struct dp_packet;
struct dp_packet_batch;
struct iovec;
struct netdev;
struct netdev_class;
struct tnl_gso_frames;

void netdev_linux_tnl_lost(struct netdev *, const struct dp_packet *,
                           int error);
int netdev_linux_tnl_lost_batch(struct netdev *,
                                const struct dp_packet_batch *, int error);
int netdev_linux_tnl_refused(struct netdev *, const struct dp_packet_batch *,
                             const struct iovec *, size_t n, int error);
int netdev_linux_tnl_tap_refused(struct netdev *,
                                 const struct dp_packet_batch *, size_t i,
                                 int error);
void netdev_linux_tnl_poll(const struct netdev *);
bool netdev_linux_tnl_takes_frames(const struct netdev_class *);
int netdev_linux_tnl_send_frames(struct netdev *,
                                 const struct tnl_gso_frames *,
                                 size_t *first_left);

/* netdev-linux-probe.c: superpackets that the kernel can cut behind a
 * netdev. */
bool netdev_linux_tnl_asks_ethtool(const struct netdev *);
void netdev_linux_tnl_construct(struct netdev *);
unsigned long netdev_linux_tnl_probe_tap(struct netdev *, int fd,
                                         unsigned long offloads);
void netdev_linux_tnl_set_ol(struct netdev *, uint64_t ol_flags,
                             const struct ethtool_gstrings *,
                             const struct ethtool_gfeatures *);
void netdev_linux_tnl_set_mtu(struct netdev *, int mtu);
void netdev_linux_tnl_stop_udp_gso(struct netdev *);
void netdev_linux_tnl_run(void);
void netdev_linux_tnl_wait(void);

/* netdev-linux.c, by our patch: the file descriptor to which frames for a
 * netdev are written, behind a vnet header, or a negative errno value. */
int netdev_linux_tnl_fd(const struct netdev *);

#endif /* netdev-linux-tnl.h */
