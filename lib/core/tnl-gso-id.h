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

#ifndef TNL_GSO_ID_H
#define TNL_GSO_ID_H 1

/* Numbers in packets that must not come again too early, nor be guessed: IDs
 * of STT frames, of outer IPv4 headers, of IPv6 fragments.
 *
 * Called by any thread.  Does not know packets. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Users of the numbers: each has a sequence of its own.  IPv4 headers use
 * their protocol as 'user', which is never 0 or 255. */
enum tnl_gso_id_user {
    TNL_GSO_ID_FRAGMENT = 0,
    TNL_GSO_ID_STT = 255,
};

uint32_t tnl_gso_new_ids(const void *src, const void *dst, bool v6,
                         uint8_t user, uint32_t n);

/* Exposed for the tests. */
uint64_t tnl_gso_siphash(const uint64_t key[2], const uint64_t *words,
                         size_t n, uint8_t last);

#endif /* tnl-gso-id.h */
