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

#include <config.h>

#include "ports/netdev-linux-trial.h"

#include <errno.h>
#include <sched.h>

#include "util.h"

/* See netdev-linux-trial.h. */

const char netdev_linux_trial_unshare[] = "unshare";

/* The thread that tries 'trial_'.  Its network namespace ends with it. */
static void *
trial_main(void *trial_)
{
    struct netdev_linux_trial *trial = trial_;

    if (unshare(CLONE_NEWNET)) {
        trial->error = errno;
        trial->step = netdev_linux_trial_unshare;
    } else {
        trial->step = trial->try(&trial->error);
    }
    return NULL;
}

/* Tries 'trial', unless that has been done. */
void
netdev_linux_trial_run(struct netdev_linux_trial *trial)
{
    if (ovsthread_once_start(&trial->once)) {
        xpthread_join(ovs_thread_create("netdev_trial", trial_main, trial),
                      NULL);
        ovsthread_once_done(&trial->once);
    }
}
