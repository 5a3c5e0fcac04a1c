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

#ifndef TNL_GSO_BRIDGE_H
#define TNL_GSO_BRIDGE_H 1

/* What an operator sees and a bridge must know: appctl commands, Interface
 * status and statistics, and which bridges an Interface can be in.
 *
 * Called by bridge.c and ofproto.c, by the main thread only.  lib/ does
 * without: nothing here changes packets that are sent. */

struct netdev;
struct netdev_custom_stats;
struct smap;

void tnl_gso_init(void);

int tnl_gso_check_datapath(const struct netdev *, const char *datapath_type,
                           char **errorp);
void tnl_gso_get_status(const struct netdev *, struct smap *);
void tnl_gso_get_custom_stats(const struct netdev *,
                              struct netdev_custom_stats *);

#endif /* tnl-gso-bridge.h */
