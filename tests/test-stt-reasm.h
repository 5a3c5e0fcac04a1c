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

#ifndef TEST_STT_REASM_H
#define TEST_STT_REASM_H 1

/* What the unit tests of STT's reassembly share. */

#include <stdbool.h>

#include "stt-ref.h"
#include "tnl-gso/stt-reasm.h"

struct dp_packet;
struct ovs_cmdl_context;

extern long long int stt_now;

void stt_limits(long long int limit, long long int peer_limit);
struct stt_reasm_usage stt_usage(void);
unsigned long long stt_counted(enum stt_verdict);
char *stt_empty(void);
char *stt_compare(struct dp_packet *, const struct ref_stt_frame *);
struct dp_packet *stt_add(const struct stt_segment *, enum stt_verdict *,
                          bool *ce);

void test_reasm_memory(void);
void test_reasm_threads(void);

void test_reasm(struct ovs_cmdl_context *);
void test_reasm_random(struct ovs_cmdl_context *);

#endif /* test-stt-reasm.h */
