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

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "core/tnl-gso-port.h"
#include "netdev-provider.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "sset.h"
#include "unixctl.h"
#include "util.h"

/* The names that operators use in appctl commands: of ports and of tunnels.
 *
 * Called by the main thread only. */

/* Names of ports: those that are asked for. */
struct asked {
    const char *pattern;        /* Or null for all. */
    struct sset names;
};

/* For tnl_gso_ports_for_each(): adds the name of 'port' to those of 'asked_'
 * if it matches.  If there is no pattern, all do except the one that the
 * datapath makes for itself. */
static void
add_name(struct tnl_gso_port *port, void *asked_)
{
    struct asked *asked = asked_;
    const char *name = netdev_get_name(port->netdev);

    if (asked->pattern
        ? !strcmp(asked->pattern, name) || !fnmatch(asked->pattern, name, 0)
        : strncmp(name, "ovs-netdev", 10) != 0) {
        sset_add(&asked->names, name);
    }
}

/* Finds the ports whose names match 'pattern', as file names of a shell do, or
 * all if it is null.  The caller must release '*ports'. */
void
tnl_gso_ports_get(const char *pattern, struct tnl_gso_ports *ports)
{
    struct asked asked = { pattern, SSET_INITIALIZER(&asked.names) };
    const char **sorted;

    /* A port may go while it is not locked, and then has no netdev. */
    tnl_gso_ports_for_each(add_name, &asked);
    sorted = sset_sort(&asked.names);
    ports->netdevs = xmalloc(sset_count(&asked.names)
                             * sizeof *ports->netdevs);
    ports->n = 0;
    for (size_t i = 0; i < sset_count(&asked.names); i++) {
        struct netdev *netdev = netdev_from_name(sorted[i]);

        if (netdev) {
            ports->netdevs[ports->n++] = netdev;
        }
    }
    free(sorted);
    sset_destroy(&asked.names);
}

/* Gives back what tnl_gso_ports_get() has found. */
void
tnl_gso_ports_release(struct tnl_gso_ports *ports)
{
    for (size_t i = 0; i < ports->n; i++) {
        netdev_close(ports->netdevs[i]);
    }
    free(ports->netdevs);
}

/* Replies that there is no port called 'name', and which there are. */
void
tnl_gso_reply_no_port(struct unixctl_conn *conn, const char *name)
{
    struct ds ds = DS_EMPTY_INITIALIZER;
    struct tnl_gso_ports ports;

    tnl_gso_ports_get(NULL, &ports);
    ds_put_format(&ds, "no such port: %s; there are", name);
    for (size_t i = 0; i < ports.n; i++) {
        ds_put_format(&ds, "%s%s", i ? ", " : " ",
                      netdev_get_name(ports.netdevs[i]));
    }
    tnl_gso_ports_release(&ports);
    unixctl_command_reply_error(conn, ds_cstr(&ds));
    ds_destroy(&ds);
}

/* Returns a new JSON object with the name and the type of 'port'. */
struct json *
tnl_gso_port_json(const struct tnl_gso_port *port)
{
    struct json *json = json_object_create();

    json_object_put_string(json, "name", netdev_get_name(port->netdev));
    json_object_put_string(json, "type", netdev_get_type(port->netdev));
    return json;
}
