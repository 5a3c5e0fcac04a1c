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

#include <stdlib.h>

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
#include "timeval.h"
#include "util.h"

/* `ovs-appctl tnl-gso/stats`: what was counted on a port since an operator has
 * cleared that.
 *
 * Called by the main thread only. */

/* Takes from the 'n' numbers at 'a' those at 'b'. */
static void
subtract(unsigned long long *a, const unsigned long long *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        a[i] -= b[i];
    }
}

/* Stores what was counted on 'port' since it was cleared in '*s'. */
void
tnl_gso_stats_since(const struct tnl_gso_port *port, struct tnl_gso_stats *s)
{
    const struct tnl_gso_stats *c = port->cleared;

    tnl_gso_stats_get(port, s);
    if (!c) {
        return;
    }
    for (size_t e = 0; e < TNL_GSO_N_ENCAPS; e++) {
        for (size_t m = 0; m < TNL_GSO_N_METHODS; m++) {
            s->tx[e][m].packets -= c->tx[e][m].packets;
            subtract(s->tx[e][m].sizes, c->tx[e][m].sizes, TNL_GSO_N_SIZES);
            s->tx[e][m].segments -= c->tx[e][m].segments;
            s->tx[e][m].bytes -= c->tx[e][m].bytes;
        }
    }
    subtract(s->drops, c->drops, ARRAY_SIZE(s->drops));
    subtract(s->events, c->events, ARRAY_SIZE(s->events));
    subtract(s->gro_units, c->gro_units, ARRAY_SIZE(s->gro_units));
    subtract(s->gro_supers, c->gro_supers, ARRAY_SIZE(s->gro_supers));
    s->gro_skipped -= c->gro_skipped;
    s->gro_feedback.cut -= c->gro_feedback.cut;
    s->gro_feedback.pauses -= c->gro_feedback.pauses;
}

/* Shows from now on what 'port' counts after this. */
void
tnl_gso_stats_clear(struct tnl_gso_port *port)
{
    if (!port->cleared) {
        port->cleared = xmalloc(sizeof *port->cleared);
    }
    tnl_gso_stats_get(port, port->cleared);
    port->cleared_at = time_msec();
}

/* Appends the head of `tnl-gso/stats` of 'port', on which something was
 * counted or not, to 'text'. */
static void
format_head(const struct tnl_gso_port *port, bool counted, struct ds *text)
{
    ds_put_format(text, "%s (%s)", netdev_get_name(port->netdev),
                  netdev_get_type(port->netdev));
    if (port->cleared) {
        ds_put_format(text, ", since %lld s",
                      (time_msec() - port->cleared_at) / 1000);
    }
    ds_put_format(text, "%s\n", counted ? "" : ": nothing counted");
}

/* Appends `tnl-gso/stats` of 'port' to 'array', or if that is null, to 'text':
 * all counters that are not zero.  A port on which nothing was counted is left
 * out of the text, unless it 'was_named'. */
void
tnl_gso_stats_show(struct tnl_gso_port *port, bool was_named, struct ds *text,
                   struct json *array)
{
    struct ds body = DS_EMPTY_INITIALIZER;
    struct tnl_gso_stats s;
    struct json *json = NULL;
    struct json *tx = NULL;
    struct json *drops = NULL;
    struct json *events = NULL;

#ifdef __linux__
    netdev_linux_tnl_poll(port->netdev);
#endif
    tnl_gso_stats_since(port, &s);
    if (array) {
        json = tnl_gso_port_json(port);
        tx = json_object_create();
        drops = json_object_create();
        events = json_object_create();
        json_object_put(json, "tx", tx);
        json_object_put(json, "drops", drops);
        json_object_put(json, "events", events);
        if (port->cleared) {
            json_object_put(json, "since-ms", json_integer_create(
                                time_msec() - port->cleared_at));
        }
        json_array_add(array, json);
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
                ds_put_format(&body, "  tx %s %s: packets=%llu, "
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
            ds_put_format(&body, "  drop %s: %llu\n",
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
            ds_put_format(&body, "  %s: %llu\n",
                          tnl_gso_event_to_string(i), s.events[i]);
        }
    }
    if (tnl_gro_port_can(port)) {
        tnl_gro_stats(&s, &body, json);
    }
    if (!array && (was_named || body.length)) {
        format_head(port, body.length > 0, text);
        ds_put_cstr(text, ds_cstr(&body));
    }
    ds_destroy(&body);
}
