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

#include "ofproto/tnl-gso/tnl-gso-bridge.h"

#include <string.h>

#include "core/csum-copy.h"
#include "core/tnl-gso-buf.h"
#include "core/tnl-gso-port.h"
#include "encap/encap.h"
#include "netdev-provider.h"
#include "ofproto/tnl-gso/tnl-gso-show.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#ifdef DPDK_NETDEV
#include "ports/netdev-dpdk-tnl.h"
#endif
#ifdef __linux__
#include "ports/netdev-linux-gro.h"
#include "ports/netdev-linux-probe.h"
#include "ports/netdev-linux-tnl.h"
#endif
#include "stages/tnl-gso-flags.h"
#include "stages/tnl-gso-plan.h"
#include "stt/stt-reasm.h"
#include "tnl-gso.h"
#include "unixctl.h"
#include "userspace-tso.h"
#include "util.h"

/* `ovs-appctl tnl-gso/show` and `stats`; registers all commands.
 *
 * Called by the main thread only.  Must not change packets that are sent. */

/* A reply to an appctl command, through tnl_gso_ports_for_each(). */
struct reply {
    const char *port_name;      /* Wanted, or null for all. */
    bool found;
    struct ds text;
    struct json *ports;         /* Null for text. */
};

/* Does 'port' belong in reply 'r'?  If no port was named, all do except
 * those that the datapath makes for itself.  Records that one was found. */
static bool
reply_wants(struct reply *r, const struct tnl_gso_port *port)
{
    const char *name = netdev_get_name(port->netdev);

    if (r->port_name ? strcmp(r->port_name, name)
                     : !strncmp(name, "ovs-netdev", 10)) {
        return false;
    }
    r->found = true;
    return true;
}

/* Returns a new JSON object with the name and the type of 'port'. */
static struct json *
json_for_port(const struct tnl_gso_port *port)
{
    struct json *json = json_object_create();

    json_object_put_string(json, "name", netdev_get_name(port->netdev));
    json_object_put_string(json, "type", netdev_get_type(port->netdev));
    return json;
}

/* The output of show_known(). */
struct show_known {
    struct ds *text;
    struct json *json;          /* Null for text. */
};

/* Callback of netdev_linux_probe_list() and the like: appends 'text', called
 * 'name', to the struct show_known 'out_'. */
static void
show_known(const char *name, const char *text, void *out_)
{
    struct show_known *out = out_;

    if (out->json) {
        json_object_put_string(out->json, name, text);
    } else {
        ds_put_format(out->text, "  %s: %s\n", name, text);
    }
}

/* Appends the capabilities of 'netdev' that the kernel, or DPDK, has reported
 * to 'json', or if that is null, to 'text'. */
static void
show_all_known(const struct netdev *netdev, struct ds *text,
               struct json *json)
{
    struct show_known out = { text, json };

#ifdef __linux__
    netdev_linux_probe_list(netdev, show_known, &out);
    netdev_linux_gro_list(netdev, show_known, &out);
#endif
#ifdef DPDK_NETDEV
    netdev_dpdk_tnl_list(netdev, show_known, &out);
#endif
}

/* show_port() for 'port', a tunnel, which sends nothing itself. */
static void
show_tunnel(struct tnl_gso_port *port, struct reply *r)
{
    struct json *json = NULL;

    if (!reply_wants(r, port)) {
        return;
    }
    if (r->ports) {
        json = json_for_port(port);
        json_array_add(r->ports, json);
    } else {
        ds_put_format(&r->text, "%s (%s)\n", netdev_get_name(port->netdev),
                      netdev_get_type(port->netdev));
    }
    tnl_gro_show(port, &r->text, json);
}

/* For tnl_gso_ports_for_each(): appends `tnl-gso/show` of 'port' to the struct
 * reply 'r_': its offloads, allowed methods and capabilities, and a table with
 * the method for each kind of superpacket. */
static void
show_port(struct tnl_gso_port *port, void *r_)
{
    struct reply *r = r_;
    struct tnl_gso_caps caps = tnl_gso_port_caps(port);
    struct ds flags = DS_EMPTY_INITIALIZER;
    struct ds methods = DS_EMPTY_INITIALIZER;
    struct json *json = NULL;
    struct json *known = NULL;
    struct json *table = NULL;
    struct tnl_gso_show_row row;

    if (tnl_gro_port_is_tunnel(port)) {
        show_tunnel(port, r);
        return;
    }
    if (!tnl_gso_port_sends(port) || !reply_wants(r, port)) {
        return;
    }
    tnl_gso_format_offloads(caps.ol_flags, &flags);
    tnl_gso_methods_format(caps.methods, &methods);
    if (r->ports) {
        json = json_for_port(port);
        known = json_object_create();
        table = json_array_create_empty();
        json_object_put_string(json, "source", tnl_gso_port_source(port));
        json_object_put_string(json, "offloads", ds_cstr(&flags));
        json_object_put_string(json, "methods", ds_cstr(&methods));
        json_object_put(json, port->dpdk ? "device" : "kernel", known);
        json_object_put(json, "table", table);
        json_array_add(r->ports, json);
    } else {
        ds_put_format(&r->text, "%s (%s)\n",
                      netdev_get_name(port->netdev),
                      netdev_get_type(port->netdev));
        ds_put_format(&r->text, "  offloads (%s): %s\n",
                      tnl_gso_port_source(port), ds_cstr(&flags));
        ds_put_format(&r->text, "  allowed methods%s: %s\n",
                      caps.methods == TNL_GSO_METHODS_ALL ? "" : " (narrowed)",
                      ds_cstr(&methods));
    }
    if (tnl_gro_port_can(port)) {
        tnl_gro_show(port, &r->text, json);
    }
    show_all_known(port->netdev, &r->text, known);
    if (!table) {
        ds_put_format(&r->text, "  %-9s %-5s %-5s %-11s %s\n",
                      "encap", "outer", "csum", "method", "why not hw");
    }
    for (size_t i = 0; tnl_gso_show_row_get(port, i, &row); i++) {
        const char *method = tnl_gso_method_to_string(row.method);
        const char *encap = tnl_gso_encap_class(row.desc.encap)->name;
        const char *l4 = tnl_gso_l4_string(&row.desc);
        bool udp = row.desc.inner.proto == IPPROTO_UDP;
        const char *outer = tnl_gso_outer_family(&row.desc);
        const char *csum = tnl_gso_csum_string(&row.desc);

        if (table) {
            struct json *line = json_object_create();

            json_object_put_string(line, "encap", encap);
            json_object_put_string(line, "l4", l4);
            json_object_put_string(line, "outer", outer);
            json_object_put_string(line, "csum", csum);
            json_object_put_string(line, "method", method);
            json_object_put_string(line, "why", ds_cstr(&row.why));
            json_array_add(table, line);
        } else {
            ds_put_format(&r->text, "  %-9s %-5s %-5s %-11s %s",
                          udp ? "plain udp" : encap, outer, csum, method,
                          ds_cstr(&row.why));
            while (ds_chomp(&r->text, ' ')) {
                continue;
            }
            ds_put_char(&r->text, '\n');
        }
        ds_destroy(&row.why);
    }
    ds_destroy(&flags);
    ds_destroy(&methods);
}

/* For tnl_gso_ports_for_each(): appends `tnl-gso/stats` of 'port' to the
 * struct reply 'r_': all counters that are not zero. */
static void
stats_port(struct tnl_gso_port *port, void *r_)
{
    struct reply *r = r_;
    struct tnl_gso_stats s;
    struct json *json = NULL;
    struct json *tx = NULL;
    struct json *drops = NULL;
    struct json *events = NULL;

    if (!reply_wants(r, port)) {
        return;
    }
#ifdef __linux__
    netdev_linux_tnl_poll(port->netdev);
#endif
    tnl_gso_stats_get(port, &s);
    if (r->ports) {
        json = json_for_port(port);
        tx = json_object_create();
        drops = json_object_create();
        events = json_object_create();
        json_object_put(json, "tx", tx);
        json_object_put(json, "drops", drops);
        json_object_put(json, "events", events);
        json_array_add(r->ports, json);
    } else {
        ds_put_format(&r->text, "%s (%s)\n", netdev_get_name(port->netdev),
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
                ds_put_format(&r->text, "  tx %s %s: packets=%llu, "
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
            ds_put_format(&r->text, "  drop %s: %llu\n",
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
            ds_put_format(&r->text, "  %s: %llu\n",
                          tnl_gso_event_to_string(i), s.events[i]);
        }
    }
    if (tnl_gro_port_can(port)) {
        tnl_gro_stats(&s, &r->text, json);
    }
}

/* `tnl-gso/show [PORT]` and `tnl-gso/stats [PORT]`: 'cb_' is show_port() or
 * stats_port(). */
static void
tnl_gso_unixctl_ports(struct unixctl_conn *conn, int argc,
                      const char *argv[], void *cb_)
{
    void (**cb)(struct tnl_gso_port *, void *) = cb_;
    bool is_json = (unixctl_command_get_output_format(conn)
                    == UNIXCTL_OUTPUT_FMT_JSON);
    struct reply r = {
        .port_name = argc > 1 ? argv[1] : NULL,
        .text = DS_EMPTY_INITIALIZER,
        .ports = is_json ? json_array_create_empty() : NULL,
    };
    const char *impl = csum_copy_impl()->name;
    bool tso = userspace_tso_enabled(), next = tnl_gso_tso_after_restart();
    struct tnl_gso_buf_usage bufs;

    tnl_gso_buf_usage_get(&bufs);
    if (*cb == show_port) {
        ds_put_format(&r.text, "userspace TSO: %s%s\nchecksum code: %s\n"
                      "buffers: %"PRIuSIZE", of which idle %"PRIuSIZE", "
                      "%"PRIuSIZE" kB\n",
                      tso ? "enabled" : "disabled",
                      next == tso ? ""
                      : next ? ", enabled after a restart of ovs-vswitchd"
                      : ", disabled after a restart of ovs-vswitchd", impl,
                      bufs.n_bufs, bufs.n_idle, bufs.bytes / 1024);
    }
    tnl_gso_ports_for_each(*cb, &r);

    if (r.port_name && !r.found) {
        unixctl_command_reply_error(conn, "no such port");
        json_destroy(r.ports);
    } else if (is_json) {
        struct json *json = json_object_create();

        json_object_put(json, "userspace-tso", json_boolean_create(tso));
        json_object_put(json, "userspace-tso-after-restart",
                        json_boolean_create(next));
        json_object_put_string(json, "checksum-code", impl);
        json_object_put(json, "buffers", json_integer_create(bufs.n_bufs));
        json_object_put(json, "buffers-idle",
                        json_integer_create(bufs.n_idle));
        json_object_put(json, "buffer-bytes",
                        json_integer_create(bufs.bytes));
        json_object_put(json, "ports", r.ports);
        unixctl_command_reply_json(conn, json);
    } else {
        unixctl_command_reply(conn, ds_cstr(&r.text));
    }
    ds_destroy(&r.text);
}

/* Registers the appctl commands. */
void
tnl_gso_init(void)
{
    static void (*show)(struct tnl_gso_port *, void *) = show_port;
    static void (*stats)(struct tnl_gso_port *, void *) = stats_port;

    unixctl_command_register("tnl-gso/show", "[port]", 0, 1,
                             tnl_gso_unixctl_ports, &show);
    unixctl_command_register("tnl-gso/stats", "[port]", 0, 1,
                             tnl_gso_unixctl_ports, &stats);
    unixctl_command_register("tnl-gso/explain",
                             "port packet mss=N|uso=N [len=N] | "
                             "port packet with=packet", 3, 4,
                             tnl_gso_unixctl_explain, NULL);
    unixctl_command_register("tnl-gso/metrics", "", 0, 0,
                             tnl_gso_unixctl_metrics, NULL);
    unixctl_command_register("stt/show", "", 0, 0, stt_unixctl_show, NULL);
}
