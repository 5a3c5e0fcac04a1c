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

#ifndef NETDEV_LINUX_TRIAL_H
#define NETDEV_LINUX_TRIAL_H 1

/* Whether this kernel can do something: tried once, by doing it in a network
 * namespace of its own, where nobody sees it.
 *
 * Called by netdev-linux-packet-uso.c and netdev-linux-relay-probe.c, in any
 * thread. */

#include "ovs-thread.h"

struct netdev_linux_trial {
    struct ovsthread_once once;

    /* Returns a null pointer, or the name of the step that has failed and
     * sets '*error' to its errno value. */
    const char *(*try)(int *error);

    /* The result, valid once netdev_linux_trial_run() has returned. */
    const char *step;           /* The step that has failed, or null. */
    int error;                  /* Its errno value, or 0. */
};

#define NETDEV_LINUX_TRIAL_INITIALIZER(TRY) \
    { .once = OVSTHREAD_ONCE_INITIALIZER, .try = TRY }

/* The step that makes the namespace: if it fails, nothing has been tried. */
extern const char netdev_linux_trial_unshare[];

void netdev_linux_trial_run(struct netdev_linux_trial *);

#endif /* netdev-linux-trial.h */
