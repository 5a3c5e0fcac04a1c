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

#ifndef NETDEV_LINUX_IO_H
#define NETDEV_LINUX_IO_H 1

/* The packet sockets of a kernel port, and packets that get lost between them
 * and the device, which does not count them.
 *
 * Called from netdev-linux.c, and by netdev-linux-tnl.c for packets that the
 * kernel has refused, and before counters are shown.  Must not look into a
 * packet. */

#include <stdbool.h>
#include <stddef.h>

struct netdev;
struct netdev_linux_io;
struct netdev_stats;

struct netdev_linux_io *netdev_linux_io_new(void);
void netdev_linux_io_free(struct netdev_linux_io *);

int netdev_linux_io_tx(const struct netdev *);
void netdev_linux_io_add_rx(const struct netdev *, int fd);
void netdev_linux_io_del_rx(const struct netdev *, int fd);

void netdev_linux_io_lost(struct netdev *, size_t n, int error);
void netdev_linux_io_poll(const struct netdev *);
int netdev_linux_io_stats(const struct netdev *, struct netdev_stats *,
                          int error);
bool netdev_linux_io_is_noqueue(const char *name);

#endif /* netdev-linux-io.h */
