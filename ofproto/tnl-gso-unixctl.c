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
#include "ofproto/ofproto-provider.h"
#include "ofproto/tnl-gso/tnl-gso-path.h"
#include "ofproto/tnl-gso/tnl-gso-show.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "openvswitch/version.h"
#ifdef DPDK_NETDEV
#include "ports/netdev-dpdk-tnl.h"
#endif
#ifdef __linux__
#include "ports/netdev-linux-gro.h"
#include "ports/netdev-linux-probe.h"
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

/* What `tnl-gso/show` shows of ports. */
struct show {
    struct shash ofports;       /* All ports of bridges: struct ofport. */
    struct tnl_gso_paths paths; /* All paths of all tunnels. */
    struct ds text;
    struct json *ports;         /* Null for text. */
};

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

/* Appends a port's head to 's': its name, type and bridge.  Returns it as a
 * JSON object, null for text. */
static struct json *
show_head(const struct tnl_gso_port *port, struct show *s)
{
    const char *name = netdev_get_name(port->netdev);
    struct json *json = NULL;

    if (s->ports) {
        json = tnl_gso_port_json(port);
        json_object_put_string(json, "ignored",
                               port->ignored ? port->ignored : "");
        json_array_add(s->ports, json);
    } else {
        ds_put_format(&s->text, "%s (%s)\n", name,
                      netdev_get_type(port->netdev));
        if (port->ignored) {
            ds_put_format(&s->text, "  ignored: %s\n", port->ignored);
        }
    }
    return json;
}

/* show_port() for 'port', a tunnel, which sends nothing itself.  'ofport' is
 * null if it is the datapath's port of some tunnels. */
static void
show_tunnel(struct tnl_gso_port *port, const struct ofport *ofport,
            struct show *s)
{
    struct json *json = show_head(port, s);

    if (ofport) {
        tnl_gso_bridge_show(ofport, &s->text, json);
        tnl_gso_tunnel_show(&s->paths, port->netdev, &s->text, json);
    } else {
        tnl_gso_port_tunnels_show(&s->paths, port->netdev, &s->text, json);
    }
    if (tnl_gro_port_is_tunnel(port)) {
        tnl_gro_show(port, &s->text, json);
    }
}

/* Appends `tnl-gso/show` of 'port' to 's': its bridge, offloads, allowed
 * methods and capabilities, and a table with the method for each kind of
 * superpacket. */
static void
show_port(struct tnl_gso_port *port, struct show *s)
{
    const struct ofport *ofport
        = shash_find_data(&s->ofports, netdev_get_name(port->netdev));
    struct tnl_gso_caps caps = tnl_gso_port_caps(port);
    struct ds flags = DS_EMPTY_INITIALIZER;
    struct ds methods = DS_EMPTY_INITIALIZER;
    struct json *json;
    struct json *known = NULL;
    struct json *table = NULL;
    struct tnl_gso_show_row row;

    json = show_head(port, s);
    tnl_gso_bridge_show(ofport, &s->text, json);
    if (!ofport || tnl_gso_ofport_is_kernels(ofport)) {
        return;
    }
    tnl_gso_port_tunnels_show(&s->paths, port->netdev, &s->text, json);
    tnl_gso_format_offloads(caps.ol_flags, &flags);
    tnl_gso_methods_format(caps.methods, &methods);
    if (json) {
        known = json_object_create();
        table = json_array_create_empty();
        json_object_put_string(json, "source", tnl_gso_port_source(port));
        json_object_put_string(json, "offloads", ds_cstr(&flags));
        json_object_put_string(json, "methods", ds_cstr(&methods));
        json_object_put(json, port->dpdk ? "device" : "kernel", known);
        json_object_put(json, "table", table);
    } else {
        ds_put_format(&s->text, "  offloads (%s): %s\n",
                      tnl_gso_port_source(port), ds_cstr(&flags));
        ds_put_format(&s->text, "  allowed methods%s: %s\n",
                      caps.methods == TNL_GSO_METHODS_ALL ? "" : " (narrowed)",
                      ds_cstr(&methods));
    }
    if (tnl_gro_port_can(port)) {
        tnl_gro_show(port, &s->text, json);
    }
    show_all_known(port->netdev, &s->text, known);
    if (!table) {
        ds_put_format(&s->text, "  %-9s %-5s %-5s %-11s %s\n",
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
            ds_put_format(&s->text, "  %-9s %-5s %-5s %-11s %s",
                          udp ? "plain udp" : encap, outer, csum, method,
                          ds_cstr(&row.why));
            while (ds_chomp(&s->text, ' ')) {
                continue;
            }
            ds_put_char(&s->text, '\n');
        }
        ds_destroy(&row.why);
    }
    ds_destroy(&flags);
    ds_destroy(&methods);
}

/* Appends what `tnl-gso/show` says of all ports together to 'ds'. */
static void
show_common_text(struct ds *ds)
{
    bool tso = userspace_tso_enabled(), next = tnl_gso_tso_after_restart();
    const char *misspelt = tnl_gso_tso_misspelt();
    struct tnl_gso_buf_usage bufs;

    tnl_gso_buf_usage_get(&bufs);
    ds_put_format(ds, "version: " OVS_PACKAGE_VERSION "\n"
                  "userspace TSO: %s%s", tso ? "enabled" : "disabled",
                  next == tso ? ""
                  : next ? ", enabled after a restart of ovs-vswitchd"
                  : ", disabled after a restart of ovs-vswitchd");
    if (misspelt) {
        ds_put_format(ds, ", other_config:userspace-tso-enable=\"%s\" is "
                      "neither true nor false", misspelt);
    }
    ds_put_format(ds, "\nchecksum code: %s\n"
                  "buffers: %"PRIuSIZE", of which idle %"PRIuSIZE", "
                  "%"PRIuSIZE" kB\n",
                  csum_copy_impl()->name,
                  bufs.n_bufs, bufs.n_idle, bufs.bytes / 1024);
}

/* Returns the reply of `tnl-gso/show` and `stats` with 'ports'. */
static struct json *
reply_json(struct json *ports)
{
    struct json *json = json_object_create();
    struct tnl_gso_buf_usage bufs;

    tnl_gso_buf_usage_get(&bufs);
    json_object_put_string(json, "version", OVS_PACKAGE_VERSION);
    json_object_put(json, "userspace-tso",
                    json_boolean_create(userspace_tso_enabled()));
    json_object_put(json, "userspace-tso-after-restart",
                    json_boolean_create(tnl_gso_tso_after_restart()));
    json_object_put_string(json, "checksum-code", csum_copy_impl()->name);
    json_object_put(json, "buffers", json_integer_create(bufs.n_bufs));
    json_object_put(json, "buffers-idle", json_integer_create(bufs.n_idle));
    json_object_put(json, "buffer-bytes", json_integer_create(bufs.bytes));
    json_object_put(json, "ports", ports);
    return json;
}

/* Replies with 'text', or if 'ports' is not null, with that. */
static void
reply(struct unixctl_conn *conn, const struct ds *text, struct json *ports)
{
    if (ports) {
        unixctl_command_reply_json(conn, reply_json(ports));
    } else {
        unixctl_command_reply(conn, ds_cstr_ro(text));
    }
}

/* Returns an array for the ports of a reply, or null for text. */
static struct json *
reply_ports(struct unixctl_conn *conn)
{
    return (unixctl_command_get_output_format(conn) == UNIXCTL_OUTPUT_FMT_JSON
            ? json_array_create_empty() : NULL);
}

/* What `tnl-gso/show` is asked. */
struct question {
    const char *name;           /* A port's or tunnel's, or a pattern. */
    bool brief;
    struct tnl_gso_brief_filter filter;
};

/* Parses 'argv' into '*q'.  Returns null or an error message, which the caller
 * must free. */
static char *
parse_question(int argc, const char *argv[], struct question *q)
{
    *q = (struct question) { .name = NULL };
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--brief")) {
            q->brief = true;
        } else if (!strncmp(argv[i], "type=", 5)) {
            q->filter.type = argv[i] + 5;
        } else if (!strncmp(argv[i], "method=", 7)) {
            q->filter.method = argv[i] + 7;
        } else if (!q->name) {
            q->name = argv[i];
        } else {
            return xasprintf("%s: one name is enough, or a pattern", argv[i]);
        }
    }
    if (!q->brief && (q->filter.type || q->filter.method)) {
        return xstrdup("type=TYPE and method=METHOD go with --brief");
    }
    for (size_t i = 0; q->filter.method
         && strcmp(q->filter.method, tnl_gso_method_to_string(i)); i++) {
        if (i + 1 == TNL_GSO_SPLIT) {
            return xasprintf("method=%s: there is no such method",
                             q->filter.method);
        }
    }
    return NULL;
}

/* `tnl-gso/show [--brief] [PORT] [type=TYPE] [method=METHOD]`. */
static void
tnl_gso_unixctl_show(struct unixctl_conn *conn, int argc, const char *argv[],
                     void *aux OVS_UNUSED)
{
    struct tnl_gso_ports ports;
    struct question q;
    bool found;
    struct show s = { .text = DS_EMPTY_INITIALIZER };
    char *error = parse_question(argc, argv, &q);

    if (error) {
        unixctl_command_reply_error(conn, error);
        free(error);
        return;
    }
    s.ports = reply_ports(conn);
    tnl_gso_ofports_get(&s.ofports);
    tnl_gso_paths_get(NULL, &s.paths);
    tnl_gso_ports_get(q.name, &ports);
    found = !q.name || (q.brief && ports.n);
    show_common_text(&s.text);
    if (q.brief) {
        tnl_gso_brief_show(&ports, &s.paths, &s.ofports, &q.filter, &s.text,
                           s.ports);
    }
    for (size_t i = 0; i < ports.n && !q.brief; i++) {
        const struct netdev *netdev = ports.netdevs[i];
        const struct ofport *ofport
            = shash_find_data(&s.ofports, netdev_get_name(netdev));

        if (tnl_gro_port_is_tunnel(netdev->tnl_gso)
            || (ofport && tnl_gso_ofport_is_tunnel(ofport))) {
            show_tunnel(netdev->tnl_gso, ofport, &s);
            found = true;
        } else if (tnl_gso_port_sends(netdev->tnl_gso)) {
            show_port(netdev->tnl_gso, &s);
            found = true;
        }
    }
    tnl_gso_ports_release(&ports);
    tnl_gso_paths_uninit(&s.paths);
    shash_destroy(&s.ofports);

    if (found) {
        reply(conn, &s.text, s.ports);
    } else {
        tnl_gso_reply_no_port(conn, q.name);
        json_destroy(s.ports);
    }
    ds_destroy(&s.text);
}

/* `tnl-gso/stats [PORT]`. */
static void
tnl_gso_unixctl_stats(struct unixctl_conn *conn, int argc, const char *argv[],
                      void *aux OVS_UNUSED)
{
    const char *name = argc > 1 ? argv[1] : NULL;
    struct ds text = DS_EMPTY_INITIALIZER;
    struct json *array = reply_ports(conn);
    struct tnl_gso_ports ports;

    tnl_gso_ports_get(name, &ports);
    for (size_t i = 0; i < ports.n; i++) {
        tnl_gso_stats_show(ports.netdevs[i]->tnl_gso, name, &text, array);
    }
    if (name && !ports.n) {
        tnl_gso_reply_no_port(conn, name);
        json_destroy(array);
    } else {
        if (!text.length) {
            ds_put_cstr(&text, "nothing counted\n");
        }
        reply(conn, &text, array);
    }
    tnl_gso_ports_release(&ports);
    ds_destroy(&text);
}

/* `tnl-gso/stats-clear [PORT]`. */
static void
tnl_gso_unixctl_stats_clear(struct unixctl_conn *conn, int argc,
                            const char *argv[], void *aux OVS_UNUSED)
{
    const char *name = argc > 1 ? argv[1] : NULL;
    struct tnl_gso_ports ports;

    tnl_gso_ports_get(name, &ports);
    for (size_t i = 0; i < ports.n; i++) {
        tnl_gso_stats_clear(ports.netdevs[i]->tnl_gso);
    }
    if (name && !ports.n) {
        tnl_gso_reply_no_port(conn, name);
    } else {
        unixctl_command_reply(conn, NULL);
    }
    tnl_gso_ports_release(&ports);
}

/* Registers the appctl commands. */
void
tnl_gso_init(void)
{
    unixctl_command_register("tnl-gso/show",
                             "[--brief] [port] [type=TYPE] [method=METHOD]",
                             0, 4,
                             tnl_gso_unixctl_show, NULL);
    unixctl_command_register("tnl-gso/stats", "[port]", 0, 1,
                             tnl_gso_unixctl_stats, NULL);
    unixctl_command_register("tnl-gso/stats-clear", "[port]", 0, 1,
                             tnl_gso_unixctl_stats_clear, NULL);
    unixctl_command_register("tnl-gso/explain",
                             "port packet mss=N|uso=N [len=N] | "
                             "port packet with=packet", 3, 4,
                             tnl_gso_unixctl_explain, NULL);
    unixctl_command_register("tnl-gso/metrics", "", 0, 0,
                             tnl_gso_unixctl_metrics, NULL);
    unixctl_command_register("stt/show", "", 0, 0, stt_unixctl_show, NULL);
}
