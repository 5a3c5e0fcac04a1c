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

#ifndef NETDEV_LINUX_LIFE_H
#define NETDEV_LINUX_LIFE_H 1

/* Kernel ports that outlive the daemon, and devices that their ports outlive.
 * Called by netdev-linux.c. */

struct netdev;
struct netdev_rxq_linux;

/* Taps, which are put back when the daemon ends. */
void netdev_linux_life_add_tap(struct netdev *, int fd,
                               unsigned long offloads);
void netdev_linux_life_drop_tap(const struct netdev *);

/* Devices that are replaced by others. */
void netdev_linux_life_replaced(struct netdev *);
void netdev_linux_life_follow(struct netdev_rxq_linux *);

#endif /* netdev-linux-life.h */
