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

#ifndef NETDEV_LINUX_PROBE_H
#define NETDEV_LINUX_PROBE_H 1

/* Capabilities of a kernel port: probed, followed at run time, shown.
 *
 * Called by tnl-gso-ports.c and `tnl-gso/show`.  The functions that
 * netdev-linux.c calls are in netdev-linux-tnl.h. */

struct netdev;
struct netdev_linux_probe;

struct netdev_linux_probe *netdev_linux_probe_new(void);
void netdev_linux_probe_free(struct netdev_linux_probe *);

void netdev_linux_probe_refresh(struct netdev *);

/* Calls 'cb' with 'aux' for each property that is known of 'netdev', with its
 * name. */
void netdev_linux_probe_list(const struct netdev *netdev,
                             void (*cb)(const char *name, const char *text,
                                        void *aux),
                             void *aux);

#endif /* netdev-linux-probe.h */
