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

#ifndef TNL_GSO_FINISH_MID_H
#define TNL_GSO_FINISH_MID_H 1

/* The stage "finish" for a tunnel in a tunnel: the headers between the
 * outermost and the innermost ones.
 *
 * Called by tnl-gso-finish.c alone, if 'desc->mid_l4' is not
 * TNL_GSO_OUTER_NONE. */

#include <stdint.h>

#include "stages/tnl-gso-finish.h"

void tnl_gso_finish_mid_init(struct tnl_gso_finish *, const uint8_t *frame);
uint32_t tnl_gso_finish_mid_sum(const struct tnl_gso_finish *, uint32_t end,
                                uint32_t inner_sum);
void tnl_gso_finish_mid_len(const struct tnl_gso_finish *,
                            struct tnl_gso_finish_len *, uint32_t seg_len,
                            uint32_t inner_sum);
void tnl_gso_finish_mid_common(const struct tnl_gso_finish *, uint8_t *frame,
                               const struct tnl_gso_finish_len *);
void tnl_gso_finish_mid_packet(const struct tnl_gso_finish *, uint8_t *frame,
                               const struct tnl_gso_finish_len *,
                               uint32_t index);

#endif /* tnl-gso-finish-mid.h */
