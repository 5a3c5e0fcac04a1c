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

#ifndef TNL_GSO_FLAGS_H
#define TNL_GSO_FLAGS_H 1

/* Names of flags, for people.
 *
 * Called by commands, Interface status and the options of dummy ports. */

#include <stddef.h>
#include <stdint.h>

struct ds;

struct tnl_gso_flag_name {
    uint64_t flag;
    const char *name;
};

void tnl_gso_format_flags(uint64_t flags, const struct tnl_gso_flag_name *,
                          size_t n, struct ds *);
void tnl_gso_format_offloads(uint64_t flags, struct ds *);
uint64_t tnl_gso_offload_from_string(const char *);

#endif /* tnl-gso-flags.h */
