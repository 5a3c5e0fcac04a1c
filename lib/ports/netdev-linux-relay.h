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

#ifndef NETDEV_LINUX_RELAY_H
#define NETDEV_LINUX_RELAY_H 1

/* The relay of a kernel port: a tap through which tunnelled superpackets reach
 * the port's device whole.
 *
 * A packet socket takes none: its vnet header has no fields for a tunnel.  A
 * tap does, since Linux 6.17.  What is written to a tap enters the kernel as
 * if received there, and traffic control at the tap's ingress sends it on to
 * the port's device, whole, in the same system call.  A device that can cuts
 * it; for others the kernel does, as late as possible.
 *
 *     superpacket --> tap --> clsact, mirred --> device
 *     all others  --> packet socket -----------> device
 *
 * Nothing hangs on the device, which receives as ever, and the tap ends with
 * the process, in whatever way that ends.
 *
 * Redirected and looked at by the main thread: from set_config of struct
 * tnl_gso_port and netdev_linux_tnl_run().  Made when netdev-linux-tnl.c is
 * about to write the first superpacket to it. */

#include <stdbool.h>

struct ds;
struct netdev;
struct netdev_linux_relay;
struct tnl_gso_port;

struct netdev_linux_relay *netdev_linux_relay_new(
    void (*changed)(struct netdev *));
void netdev_linux_relay_free(struct netdev_linux_relay *);

void netdev_linux_relay_set_config(struct netdev *);
void netdev_linux_relay_follow(struct netdev *);
void netdev_linux_relay_run(void);
void netdev_linux_relay_wait(void);

bool netdev_linux_relay_is_up(const struct netdev *);
int netdev_linux_relay_fd(struct netdev *);
void netdev_linux_relay_refused(struct netdev *, int error);
void netdev_linux_relay_poll(const struct netdev *);
void netdev_linux_relay_format(const struct netdev *, struct ds *);

/* netdev-linux-relay-probe.c: does this kernel carry superpackets that way?
 * Returns 0, or a positive errno value and sets '*step' to what has
 * failed. */
int netdev_linux_relay_probe(const char **step);

#endif /* netdev-linux-relay.h */
