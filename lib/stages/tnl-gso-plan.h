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

#ifndef TNL_GSO_PLAN_H
#define TNL_GSO_PLAN_H 1

/* Stage "plan": who cuts a superpacket, and into what.
 *
 * A pure function of a description (tnl-gso-desc.h) and of the capabilities of
 * the egress port.  Called by tnl-gso-execute.c, by tnl-gso-push.c and
 * netdev-linux-big.c to split, and by `tnl-gso/show`.  Never looks at packet
 * bytes, never fails: "drop, for this reason" is a plan. */

#include <stdbool.h>
#include <stdint.h>

#include "core/tnl-gso-types.h"

struct ds;

void tnl_gso_plan(const struct tnl_gso_desc *, const struct tnl_gso_caps *,
                  struct tnl_gso_plan *);
void tnl_gso_plan_refused(enum tnl_gso_reason, uint32_t l3_len, uint16_t mss,
                          struct tnl_gso_plan *);
void tnl_gso_plan_split(const struct tnl_gso_desc *, uint32_t max_frame_len,
                        struct tnl_gso_plan *);

bool tnl_gso_plan_row_is_for(const struct tnl_gso_plan_row *,
                             const struct tnl_gso_desc *);
uint64_t tnl_gso_plan_row_need(const struct tnl_gso_plan_row *,
                               const struct tnl_gso_desc *);
const char *tnl_gso_plan_row_limit(const struct tnl_gso_plan_row *,
                                   const struct tnl_gso_desc *,
                                   const struct tnl_gso_limits *);

const char *tnl_gso_method_to_string(enum tnl_gso_method);
bool tnl_gso_methods_from_string(const char *, uint32_t *methods,
                                 char **errorp);
void tnl_gso_methods_format(uint32_t methods, struct ds *);

#endif /* tnl-gso-plan.h */
