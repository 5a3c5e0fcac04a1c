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


#ifndef NETDEV_LINUX_GRO_H
#define NETDEV_LINUX_GRO_H 1

/* Whether the kernel merges the packets of UDP tunnels that a port receives:
 * Interface other_config:tnl-kernel-gro.
 *
 * Called by tnl-gso-ports.c, by tnl-gso-config.c through 'set_config' of
 * struct tnl_gso_port, by netdev-linux-probe.c when the kernel reports a
 * change, and for `tnl-gso/show`.  Must not look at a packet. */

struct netdev;
struct netdev_linux_gro;
struct smap;

struct netdev_linux_gro *netdev_linux_gro_new(void);
void netdev_linux_gro_free(struct netdev_linux_gro *);

void netdev_linux_gro_set_config(struct netdev *, const struct smap *);
void netdev_linux_gro_follow(const struct netdev *);

/* Calls 'cb' with 'aux', "kernel-gro" and what there is to say about it, if
 * that concerns 'netdev'. */
void netdev_linux_gro_list(const struct netdev *netdev,
                           void (*cb)(const char *name, const char *text,
                                      void *aux),
                           void *aux);

#endif /* netdev-linux-gro.h */
