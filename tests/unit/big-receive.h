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

#ifndef BIG_RECEIVE_H
#define BIG_RECEIVE_H 1

/* A packet socket for tests of netdev-linux-big.c: writes a message to the
 * buffers that are there for it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dp_packet_batch;
struct netdev_linux_big;
struct netdev_rxq;

bool big_receive(struct netdev_linux_big *, struct netdev_rxq *,
                 struct dp_packet_batch *, const uint8_t *msg, size_t len,
                 size_t i, uint16_t tci);

#endif /* big-receive.h */
