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

#ifndef TEST_TNL_GSO_NESTED_H
#define TEST_TNL_GSO_NESTED_H 1

/* Rows of superpackets in a tunnel in a tunnel: all pairs of tunnels, versions
 * of IP, checksums, TCP and UDP, in some shapes and sizes.
 *
 * Must not use the code under test. */

#include "tnl-gso-pkt.h"

void nested_each_row(void (*cb)(const struct pkt_row *));

#endif /* test-tnl-gso-nested.h */
