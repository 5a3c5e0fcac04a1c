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

#ifndef TNL_GSO_SETTINGS_H
#define TNL_GSO_SETTINGS_H 1

/* Settings in the database: defaults, and what of them is ignored.
 *
 * Who makes Interfaces may be a program that undoes what others set there, as
 * OVN's controller does with its tunnels.  So some settings of Interfaces may
 * stand in Open_vSwitch other_config, under the same name, and are then those
 * of all Interfaces for which they have a meaning.  What an Interface's own
 * record says wins.
 *
 * Called by the main thread only. */

#include <stdbool.h>

#include "compiler.h"

struct ds;
struct smap;

void tnl_gso_set_defaults(const struct smap *ovs_other_config);
const char *tnl_gso_get_default(const char *key);
bool tnl_gso_parse_bool(const char *value, bool *);

/* Stores what 'value' means in '*result' and returns null, or stores nothing
 * and returns what is wrong, which the caller must free. */
typedef char *tnl_gso_parse_func(const char *value, void *result);

bool tnl_gso_get_setting(const struct smap *other_config, const char *key,
                         tnl_gso_parse_func *, void *result,
                         struct ds *ignored);
bool tnl_gso_get_bool(const struct smap *other_config, const char *key,
                      bool def, struct ds *ignored);
void tnl_gso_ignore(struct ds *ignored, const char *format, ...)
    OVS_PRINTF_FORMAT(2, 3);

#endif /* tnl-gso-settings.h */
