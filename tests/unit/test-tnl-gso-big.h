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

#ifndef TEST_TNL_GSO_BIG_H
#define TEST_TNL_GSO_BIG_H 1

/* Superpackets of more than 64 kB: rows, with what becomes of each. */

#include <stddef.h>

#include "test-tnl-gso-vnet.h"
#include "tnl-gso-ref.h"
#include "tnl-gso/core/tnl-gso-types.h"

struct dp_packet_batch;

/* Where a jumbo payload option is, and what is wrong with it. */
enum jumbo {
    NONE,
    RIGHT,                      /* As Linux has it. */
    TOO_LONG,                   /* It says a byte more than there is. */
    TOO_SHORT,                  /* It says less than 64 kB. */
    PADDED,                     /* Behind padding. */
    IN_DST,                     /* In destination options. */
    TWICE,                      /* And in another header behind it. */
    OTHER,                      /* Another option instead. */
};

struct big_row {
    const char *name;
    const char *layers;         /* See vnet_build_frame(). */
    enum ref_encap encap;
    size_t ip_ofs;              /* Of the innermost IP header. */
    size_t payload;
    struct vnet v;
    enum jumbo jumbo;
    size_t n_parts;             /* 0: dropped, */
    enum tnl_gso_reason reason; /* for this. */
};
extern const struct big_row big_rows[];
extern const size_t n_big_rows;

uint8_t *big_to_kernel(const struct big_row *, const uint8_t *frame,
                       size_t *len);
char *big_check_law(const struct dp_packet_batch *, const struct ref_job *,
                    const uint8_t *frame, size_t len);

#endif /* test-tnl-gso-big.h */
