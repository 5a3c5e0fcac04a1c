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

#ifndef TNL_GSO_TRAIN_H
#define TNL_GSO_TRAIN_H 1

/* Trains for tests.
 *
 * Built from segments of the reference; must not use the code under test, and
 * must not know its rules.  What is made of them is judged as a list of one
 * (tnl-gro-list.h).
 *
 * Runs are written as the number of units in each packet that comes out:
 * "2 1 2". */

#include <stddef.h>
#include <stdint.h>

#include "tnl-gso-ref.h"

struct dp_packet;
struct ds;
struct pkt_row;

/* One UDP datagram with the outer headers of the first unit. */
struct train {
    uint8_t *data;
    size_t len;
    enum ref_encap encap;       /* What the receiving tunnel is. */
    size_t l3, l4;              /* Outer headers. */
    uint16_t unit_len;
};

enum { TRAIN_N_UNITS = 5, TRAIN_MARK = 0x07654321 };

void train_cut_row(const struct pkt_row *, struct ref_frames *units);
void train_five_units(char kind, struct train *, struct ref_layout *);
void train_build(struct train *, enum ref_encap, const struct ref_frames *);
void train_wrap(struct train *, enum ref_encap, int version,
                uint16_t unit_len, const uint8_t *payload, size_t len);
void train_destroy(struct train *);
struct dp_packet *train_packet(const struct train *);

char *train_merge_and_judge(const struct train *, struct ds *runs);
char *train_expect(const struct train *, const char *runs);

struct ref_frame train_unit(struct train *, size_t i);
void train_settle_unit(struct ref_frame *, const struct ref_layout *);
void train_make_remote(struct train *, const struct ref_layout *);

#endif /* tnl-gso-train.h */
