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

#ifndef TEST_TNL_GRO_H
#define TEST_TNL_GRO_H 1

/* What tables of receiving share: test-tnl-gro-*.c. */

#include "tnl-gro-list.h"
#include "tnl-gso/core/tnl-gso-types.h"

/* test-tnl-gro-rules.c. */
void gro_list_five(struct gro_list *, char kind, int outer, int inner);
char *gro_list_expect(struct gro_list *, const char *runs, enum tnl_gro_rule);

/* test-tnl-gro-shapes.c. */
void gro_set_payload(struct gro_list *, size_t i, size_t len);
void gro_settle_outer(const struct gro_list *, struct gro_item *);
void gro_pad(struct gro_list *, size_t i);
void test_gro_shapes(void);

/* test-tnl-gro-effort.c. */
void test_gro_effort(void);

/* test-tnl-gro-expect.c. */
void test_gro_expect(void);

#endif /* test-tnl-gro.h */
