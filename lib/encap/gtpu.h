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

#ifndef TNL_GSO_ENCAP_GTPU_H
#define TNL_GSO_ENCAP_GTPU_H 1

/* GTP-U headers, for upstream's pop (netdev-native-tnl.c).  Everything else
 * that is so of GTP-U is said in its class. */

#include <stddef.h>

size_t tnl_gso_gtpu_hdr_len(const void *hdr, size_t size);

#endif /* encap/gtpu.h */
