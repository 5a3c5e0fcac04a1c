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

#ifndef NETDEV_LINUX_TAP_H
#define NETDEV_LINUX_TAP_H 1

/* Offloads of a tap, and what the kernel tells about its device, which may
 * have been moved to another network namespace and have another name there:
 * that of a container.  Called by netdev-linux-io.c. */

#include <linux/if_tun.h>
#include <stdbool.h>
#include <stdint.h>

/* Linux v6.18 include/uapi/linux/if_tun.h.  Older headers do not have
 * these. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif
#ifndef TUN_F_UDP_TUNNEL_GSO
#define TUN_F_UDP_TUNNEL_GSO 0x080
#define TUN_F_UDP_TUNNEL_GSO_CSUM 0x100
#endif

#define TAP_USO (TUN_F_USO4 | TUN_F_USO6)
#define TAP_TUNNEL (TUN_F_UDP_TUNNEL_GSO | TUN_F_UDP_TUNNEL_GSO_CSUM)

bool netdev_linux_tap_dropped(int fd, uint64_t *n);

#endif /* netdev-linux-tap.h */
