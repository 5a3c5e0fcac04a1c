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

#ifndef NETDEV_LINUX_REDIRECT_H
#define NETDEV_LINUX_REDIRECT_H 1

/* A tap whose ingress is redirected to another device by traffic control: made
 * and looked at through netlink.
 *
 * Called by netdev-linux-relay.c and netdev-linux-relay-probe.c.  Must not
 * touch any device but the tap. */

#include <stdint.h>

#include <net/if.h>

struct nl_sock;

/* A tap that takes tunnelled superpackets, for writing only. */
struct netdev_linux_redirect {
    int fd;                     /* Owned; negative until it is opened. */
    int ifindex;
    char name[IFNAMSIZ];
    const char *step;           /* What has failed, or null. */
    int error;                  /* Its errno value. */
};

void netdev_linux_redirect_init(struct netdev_linux_redirect *);
int netdev_linux_redirect_open(struct netdev_linux_redirect *,
                               struct nl_sock *, const char *name,
                               const char *alias);
int netdev_linux_redirect_carrier(struct netdev_linux_redirect *,
                                  struct nl_sock *);
int netdev_linux_redirect_to(struct netdev_linux_redirect *, struct nl_sock *,
                             int ifindex);
int netdev_linux_redirect_get(struct netdev_linux_redirect *,
                              int ifindex, uint32_t *lost);
void netdev_linux_redirect_close(struct netdev_linux_redirect *);

#endif /* netdev-linux-redirect.h */
