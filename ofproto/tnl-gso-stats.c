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

#include <config.h>

#include "ofproto/tnl-gso/tnl-gso-show.h"

#include "core/tnl-gso-port.h"
#include "encap/encap.h"
#include "netdev-provider.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#ifdef __linux__
#include "ports/netdev-linux-tnl.h"
#endif
#include "stages/tnl-gso-desc.h"
#include "stages/tnl-gso-plan.h"

/* `ovs-appctl tnl-gso/stats`: what was counted on a port.
 *
 * Called by the main thread only. */

/* Appends `tnl-gso/stats` of 'port' to 'array', or if that is null, to 'text':
 * all counters that are not zero. */
void
tnl_gso_stats_show(struct tnl_gso_port *port, struct ds *text,
                   struct json *array)
{
    struct tnl_gso_stats s;
    struct json *json = NULL;
    struct json *tx = NULL;
    struct json *drops = NULL;
    struct json *events = NULL;

#ifdef __linux__
    netdev_linux_tnl_poll(port->netdev);
#endif
    tnl_gso_stats_get(port, &s);
    if (array) {
        json = tnl_gso_port_json(port);
        tx = json_object_create();
        drops = json_object_create();
        events = json_object_create();
        json_object_put(json, "tx", tx);
        json_object_put(json, "drops", drops);
        json_object_put(json, "events", events);
        json_array_add(array, json);
    } else {
        ds_put_format(text, "%s (%s)\n", netdev_get_name(port->netdev),
                      netdev_get_type(port->netdev));
    }

    for (size_t e = 0; e < TNL_GSO_N_ENCAPS; e++) {
        const char *encap = tnl_gso_encap_class(e)->name;
        struct json *by_method = NULL;

        if (tx) {
            by_method = json_object_create();
            json_object_put(tx, encap, by_method);
        }
        for (size_t m = 0; m < TNL_GSO_N_METHODS; m++) {
            const struct tnl_gso_counter *c = &s.tx[e][m];
            const char *method = tnl_gso_method_to_string(m);

            if (!c->packets) {
                continue;
            } else if (by_method) {
                struct json *counter = json_object_create();

                json_object_put(counter, "packets",
                                json_integer_create(c->packets));
                json_object_put(counter, "segments",
                                json_integer_create(c->segments));
                json_object_put(counter, "bytes",
                                json_integer_create(c->bytes));
                json_object_put(by_method, method, counter);
            } else {
                ds_put_format(text, "  tx %s %s: packets=%llu, "
                              "segments=%llu, bytes=%llu\n", encap, method,
                              c->packets, c->segments, c->bytes);
            }
        }
    }
    for (size_t i = 0; i < TNL_GSO_N_REASONS; i++) {
        if (!s.drops[i]) {
            continue;
        } else if (drops) {
            json_object_put(drops, tnl_gso_reason_to_string(i),
                            json_integer_create(s.drops[i]));
        } else {
            ds_put_format(text, "  drop %s: %llu\n",
                          tnl_gso_reason_to_string(i), s.drops[i]);
        }
    }
    for (size_t i = 0; i < TNL_GSO_N_EVENTS; i++) {
        if (!s.events[i]) {
            continue;
        } else if (events) {
            json_object_put(events, tnl_gso_event_to_string(i),
                            json_integer_create(s.events[i]));
        } else {
            ds_put_format(text, "  %s: %llu\n",
                          tnl_gso_event_to_string(i), s.events[i]);
        }
    }
    if (tnl_gro_port_can(port)) {
        tnl_gro_stats(&s, text, json);
    }
}
