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

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "core/tnl-gso-port.h"
#include "encap/encap.h"
#include "fix/tnl-gso-marks.h"
#include "flow.h"
#include "netdev-native-tnl.h"
#include "netdev-provider.h"
#include "ofproto/ofproto-provider.h"
#include "ofproto/tnl-gso/tnl-gso-path.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "stages/tnl-gso-desc.h"
#include "stages/tnl-gso-execute.h"
#include "stages/tnl-gso-plan.h"
#include "openvswitch/shash.h"
#include "unixctl.h"
#include "util.h"

/* `ovs-appctl tnl-gso/explain`: how a port, or the one that a tunnel leaves
 * through, would send a packet that the operator describes, and why.
 *
 * Called by the main thread only.  Sends nothing. */

/* What a push leaves whole, see tnl-gso-push.c. */
enum { MAX_LEN = 65407 };

/* Arguments and result of `tnl-gso/explain`. */
struct explanation {
    const char *name;           /* Of the port or tunnel. */
    struct tnl_gso_told told;
    struct dp_packet *packet;   /* That of 'told', later with a header. */
    struct tnl_gso_path *path;  /* The tunnel that it is sent to, or null. */
    enum tnl_gso_reason reason;
    struct tnl_gso_desc desc;
    struct tnl_gso_plan plan;
    enum tnl_gso_method method; /* How the port cuts. */
    struct ds why;
};

/* Plans for 'port' to send what '*x' is about. */
static void
explain_port(const struct tnl_gso_port *port, struct explanation *x)
{
    struct tnl_gso_caps caps = tnl_gso_port_caps(port);

    x->reason = tnl_gso_describe_and_plan(x->packet, &caps, &x->desc,
                                          &x->plan);
    x->method = tnl_gso_plan_port_method(&x->plan);
    if (x->reason) {
        return;
    }
    if (x->method != TNL_GSO_HW && x->method != TNL_GSO_TCP_TSO
        && x->method != TNL_GSO_PASS
        && x->plan.reason != TNL_GSO_R_MTU) {
        tnl_gso_format_why_not_hw(&x->desc, &caps, x->method, &x->why);
    }
}

/* Plans for the path that '*x' has, which must be whole: puts its header in
 * front of the packet, or cuts before that if the header cannot be in front of
 * all of it. */
static void
explain_tunnel(struct explanation *x)
{
    const struct netdev *tunnel = x->path->tunnel->netdev;
    int mtu;

    if (tnl_gso_tunnel_takes_super(x->path)) {
        /* Not netdev_push_header(), which counts. */
        tunnel->netdev_class->push_header(tunnel, NULL, x->packet,
                                          &x->path->push);
        if (netdev_get_tunnel_config(tunnel)->rco_tx) {
            x->packet->offloads |= DP_PACKET_OL_INNER_RCO;
        }
        if (tnl_gso_is_super(x->packet) && tnl_gso_has_late_mss(x->packet)
            && !netdev_get_mtu(x->path->egress[0], &mtu)) {
            tnl_gso_set_late_mss(x->packet, mtu);
        }
        explain_port(x->path->egress[0]->tnl_gso, x);
    } else {
        const struct tnl_gso_caps none = { .methods = TNL_GSO_METHODS_ALL };

        x->reason = tnl_gso_describe_and_plan(x->packet, &none, &x->desc,
                                              &x->plan);
        x->method = tnl_gso_plan_port_method(&x->plan);
        ds_put_cstr(&x->why, "cut before the tunnel's header, which is "
                    "different for each packet");
    }
}

/* Returns the number of packets that 'plan' makes for the port: trains count
 * as one. */
static uint32_t
packets_to_port(const struct tnl_gso_plan *plan)
{
    return (plan->segs_per_train
            ? DIV_ROUND_UP(plan->n_packets, plan->segs_per_train)
            : plan->n_packets);
}

/* Appends 'x' to 'ds' as text: frame, description, plan, and why the port does
 * not cut all of it. */
static void
explanation_format(const struct explanation *x, struct ds *ds)
{
    const struct tnl_gso_desc *d = &x->desc;
    const char *l4 = tnl_gso_l4_string(d);

    if (x->path) {
        ds_put_format(ds, "tunnel: %s to ",
                      netdev_get_name(x->path->tunnel->netdev));
        ipv6_format_mapped(&x->path->remote, ds);
        ds_put_format(ds, ", leaves through %s\n",
                      netdev_get_name(x->path->egress[0]));
    }
    if (flow_tnl_dst_is_set(&x->told.flow.tunnel)
        && !(x->path && netdev_get_tunnel_config(
                            x->path->tunnel->netdev)->ip_dst_flow)) {
        ds_put_cstr(ds, "tunnel(...): what it arrived in, and lost there\n");
    }
    ds_put_format(ds, "frame: %"PRIu32" bytes, %s %"PRIu16"\n",
                  dp_packet_size(x->packet),
                  x->packet->uso_segsz ? "uso" : "mss", d->mss);
    if (x->reason) {
        ds_put_format(ds, "description: none, %s\n",
                      tnl_gso_reason_to_string(x->reason));
    } else {
        ds_put_format(ds, "description: %s",
                      tnl_gso_encap_class(d->encap)->name);
        if (d->outer_l4 != TNL_GSO_OUTER_NONE) {
            ds_put_format(ds, " over IPv%d%s, outer checksum %s, IP at "
                          "%"PRIu16", L4 at %"PRIu16",", d->outer.version,
                          d->outer.ext ? " with extension headers" : "",
                          d->outer_csum ? "wanted" : "off",
                          d->outer.ofs, d->outer.l4_ofs);
        }
        ds_put_format(ds, " %s over IPv%d%s, IP at %"PRIu16", %s at "
                      "%"PRIu16", %"PRIu16" bytes of headers, %"PRIu32
                      " of payload, %"PRIu32" segment%s%s\n", l4,
                      d->inner.version,
                      d->inner.ext ? " with extension headers" : "",
                      d->inner.ofs, l4, d->inner.l4_ofs, d->hdr_len,
                      d->payload_len, d->n_segs, d->n_segs == 1 ? "" : "s",
                      d->rco ? ", remote checksum" : "");
    }
    ds_put_format(ds, "plan: %s", tnl_gso_method_to_string(x->method));
    if (x->method == TNL_GSO_DROP) {
        ds_put_format(ds, ", %s\n", tnl_gso_reason_to_string(x->plan.reason));
    } else {
        uint32_t n = packets_to_port(&x->plan);

        ds_put_format(ds, ", %"PRIu32" %s%s to the port", n,
                      x->plan.segs_per_train ? "train" : "packet",
                      n == 1 ? "" : "s");
        if (x->method == TNL_GSO_SOFTWARE) {
            ds_put_format(ds, ", %s checksums %s%s", l4,
                          d->rco ? "remote, outer ones " : "",
                          d->rco && !d->outer_csum ? "off"
                          : x->plan.csum ? "completed" : "left to it");
        }
        ds_put_char(ds, '\n');
    }
    if (x->why.length) {
        ds_put_format(ds, "why not hw: %s\n", ds_cstr_ro(&x->why));
    }
}

/* Returns 'x' as a JSON object, with the same members for all packets that can
 * be described. */
static struct json *
explanation_to_json(const struct explanation *x)
{
    const struct tnl_gso_desc *d = &x->desc;
    struct json *json = json_object_create();

    if (x->path) {
        char remote[INET6_ADDRSTRLEN];

        json_object_put_string(json, "tunnel", x->name);
        json_object_put_string(json, "remote", ipv6_string_mapped(
                                   remote, &x->path->remote));
        json_object_put_string(json, "port",
                               netdev_get_name(x->path->egress[0]));
    }
    json_object_put(json, "frame_len",
                    json_integer_create(dp_packet_size(x->packet)));
    json_object_put(json, "mss", json_integer_create(d->mss));
    json_object_put_string(json, "reason", tnl_gso_reason_to_string(
                           x->reason ? x->reason : x->plan.reason));
    if (!x->reason) {
        json_object_put_string(json, "encap",
                               tnl_gso_encap_class(d->encap)->name);
        json_object_put_string(json, "outer", tnl_gso_outer_family(d));
        json_object_put_string(json, "csum", tnl_gso_csum_string(d));
        json_object_put_string(json, "l4", tnl_gso_l4_string(d));
        json_object_put(json, "inner_ip_version",
                        json_integer_create(d->inner.version));
        json_object_put(json, "hdr_len", json_integer_create(d->hdr_len));
        json_object_put(json, "payload_len",
                        json_integer_create(d->payload_len));
        json_object_put(json, "segments", json_integer_create(d->n_segs));
        json_object_put(json, "remote_checksum", json_boolean_create(d->rco));
    }
    json_object_put_string(json, "method",
                           tnl_gso_method_to_string(x->method));
    json_object_put(json, "packets",
                    json_integer_create(packets_to_port(&x->plan)));
    json_object_put_string(json, "why", ds_cstr_ro(&x->why));
    return json;
}

/* Marks 'p' with the encapsulation that its TCP or UDP ports stand for, if it
 * has no mark. */
static void
mark_by_port(struct dp_packet *p)
{
    for (size_t i = 0; i < TNL_GSO_N_ENCAPS && !tnl_gso_encap_of(p); i++) {
        if (tnl_gso_encap_class(i)->mark_by_port) {
            tnl_gso_encap_class(i)->mark_by_port(p);
        }
    }
}

/* `tnl-gso/explain PORT PACKET with=PACKET`. */
static void
explain_two(struct unixctl_conn *conn, const char *argv[])
{
    const char *args[] = { argv[2], argv[3] + strlen("with=") };
    struct dp_packet *packets[2] = { NULL, NULL };
    char *error = NULL;

    for (size_t i = 0; i < 2 && !error; i++) {
        struct tnl_gso_told told;

        error = tnl_gso_told_from_string(args[i], 0, IPPROTO_TCP, &told);
        packets[i] = told.packet;
    }
    if (error) {
        unixctl_command_reply_error(conn, error);
        free(error);
    } else {
        tnl_gro_explain(conn, argv[1], packets);
    }
    dp_packet_delete(packets[0]);
    dp_packet_delete(packets[1]);
}

/* Finds the way of 'x->told' into the tunnel 'ofport'.  Returns null or, where
 * it ends before the packet leaves, an error message, which the caller must
 * free. */
static char *
find_path(const struct ofport *ofport, struct explanation *x)
{
    const struct netdev_tunnel_config *cfg
        = netdev_get_tunnel_config(ofport->netdev);
    struct in6_addr told_dst = flow_tnl_dst(&x->told.flow.tunnel);
    struct in6_addr remote = cfg->ip_dst_flow ? told_dst : cfg->ipv6_dst;
    struct shash ofports;

    if (cfg->ip_dst_flow && !ipv6_addr_is_set(&told_dst)) {
        return xasprintf("%s: remote_ip=flow: say where to, with a flow that "
                         "has tunnel(dst=ADDRESS)", x->name);
    }
    x->path = xmalloc(sizeof *x->path);
    tnl_gso_ofports_get(&ofports);
    tnl_gso_path_find(&ofports, ofport, &remote, &x->told.flow, x->path);
    shash_destroy(&ofports);
    return (x->path->end == TNL_GSO_PATH_WHOLE ? NULL
            : xasprintf("%s: %s: %s", x->name,
                        tnl_gso_path_end_to_string(x->path->end),
                        x->path->why));
}

/* Explains what becomes of 'x->packet' in the port or tunnel 'x->name'.
 * Returns null or an error message, which the caller must free: an empty one
 * if there is no such port. */
static char *
explain(struct explanation *x)
{
    const struct ofport *ofport = tnl_gso_ofport_find(x->name);
    struct netdev *netdev;
    char *error = NULL;

    if (ofport && tnl_gso_ofport_is_tunnel(ofport)) {
        error = find_path(ofport, x);
        if (error) {
            return error;
        } else if (dp_packet_size(x->packet) + x->path->push.header_len
                   > MAX_LEN) {
            return xasprintf("%s: longer than %d bytes with its header, so "
                             "it becomes several superpackets first; a "
                             "smaller len=N is one of them", x->name, MAX_LEN);
        }
        explain_tunnel(x);
        return NULL;
    }
    netdev = netdev_from_name(x->name);
    if (!netdev) {
        return xstrdup("");
    }
    if (tnl_gso_port_sends(netdev->tnl_gso)) {
        explain_port(netdev->tnl_gso, x);
    } else {
        error = xasprintf("%s: it does not send", x->name);
    }
    netdev_close(netdev);
    return error;
}

/* `tnl-gso/explain PORT PACKET mss=N|uso=N [len=N]`, or the above. */
void
tnl_gso_unixctl_explain(struct unixctl_conn *conn, int argc,
                        const char *argv[], void *aux OVS_UNUSED)
{
    struct explanation x = {
        .name = argv[1],
        .why = DS_EMPTY_INITIALIZER,
    };
    unsigned int mss = 0;
    unsigned int uso = 0;
    unsigned int len = 0;
    char *error;

    if (argc == 4 && !strncmp(argv[3], "with=", 5)) {
        explain_two(conn, argv);
        return;
    }
    for (int i = 3; i < argc; i++) {
        if (!ovs_scan(argv[i], "mss=%u", &mss)
            && !ovs_scan(argv[i], "uso=%u", &uso)
            && !ovs_scan(argv[i], "len=%u", &len)) {
            mss = uso = 0;
            break;
        }
    }
    if (!mss == !uso || mss > UINT16_MAX || uso > UINT16_MAX
        || len > UINT16_MAX) {
        unixctl_command_reply_error(conn, "neither mss=N nor uso=N, or both, "
                                    "or an argument is out of range or "
                                    "unknown");
        return;
    }

    error = tnl_gso_told_from_string(argv[2], len,
                                     uso ? IPPROTO_UDP : IPPROTO_TCP,
                                     &x.told);
    if (!error) {
        x.packet = x.told.packet;
        dp_packet_set_tso_segsz(x.packet, mss);
        x.packet->uso_segsz = uso;
        tnl_gso_marks_guess(x.packet);
        mark_by_port(x.packet);
        error = explain(&x);
    }

    if (error && !*error) {
        tnl_gso_reply_no_port(conn, x.name);
    } else if (error) {
        unixctl_command_reply_error(conn, error);
    } else if (unixctl_command_get_output_format(conn)
               == UNIXCTL_OUTPUT_FMT_JSON) {
        unixctl_command_reply_json(conn, explanation_to_json(&x));
    } else {
        struct ds ds = DS_EMPTY_INITIALIZER;

        explanation_format(&x, &ds);
        unixctl_command_reply(conn, ds_cstr(&ds));
        ds_destroy(&ds);
    }
    free(error);
    if (x.path) {
        tnl_gso_path_uninit(x.path);
        free(x.path);
    }
    dp_packet_delete(x.packet);
    ds_destroy(&x.why);
}
