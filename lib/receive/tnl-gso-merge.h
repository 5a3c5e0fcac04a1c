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

#ifndef TNL_GSO_MERGE_H
#define TNL_GSO_MERGE_H 1

/* Trains that arrive, for tnl_gso_pop_prepare().
 *
 * A train is a UDP datagram that holds several tunnelled packets, its "units",
 * each of uso_segsz bytes but a shorter last one.  It has arrived uncut, so it
 * is cut here, before the tunnel's headers come off; and units that were cut
 * from one TCP superpacket become that superpacket again. */

#include <stdbool.h>
#include <stdint.h>

#include "stages/tnl-gso-desc.h"

struct dp_packet;
struct dp_packet_batch;

/* Packets and superpackets that one train became. */
struct tnl_gso_train_result {
    uint32_t n_merged;          /* Superpackets of two or more units. */
    uint32_t n_single;          /* Units that go on by themselves. */
};

bool tnl_gso_is_train(const struct dp_packet *);
enum tnl_gso_reason tnl_gso_train_split(const struct dp_packet *train,
                                        enum tnl_gso_encap,
                                        struct dp_packet_batch *out,
                                        struct tnl_gso_train_result *);

#endif /* tnl-gso-merge.h */
