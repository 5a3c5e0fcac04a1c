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

#include <string.h>

#include "core/tnl-gso-port.h"
#include "dp-packet.h"
#include "encap/encap.h"
#include "flow.h"
#include "netdev-provider.h"
#include "netdev-vport.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "receive/tnl-gro.h"
#include "unixctl.h"
#include "userspace-tso.h"
#include "util.h"

/* Merging of what arrives cut, as an operator sees it: its state and its
 * counters on a tunnel, and why two packets stay apart.
 *
 * Called by the main thread only.  Must not change packets that are sent. */

/* What each rule says, for people. */
static const char *const rule_texts[] = {
    [TNL_GRO_JOINED] = "it continues the first",
    [TNL_GRO_FIRST] = "it belongs to another flow: addresses or TCP ports "
                      "differ",
    [TNL_GRO_R_NOT_TCP] = "it is not TCP",
    [TNL_GRO_R_HEADERS] = "a header is malformed, cut short, unknown or "
                          "stacked, or a length does not agree",
    [TNL_GRO_R_FRAGMENT] = "it is an IP fragment",
    [TNL_GRO_R_SUPER] = "it is a superpacket already",
    [TNL_GRO_R_CONTROL] = "it has SYN, RST or URG",
    [TNL_GRO_R_NO_PAYLOAD] = "it has no payload",
    [TNL_GRO_R_CSUM] = "a checksum is wrong",
    [TNL_GRO_R_METADATA] = "ingress port, mark or priority differ",
    [TNL_GRO_R_OUTER] = "outer headers differ",
    [TNL_GRO_R_TUNNEL] = "tunnel headers or their options differ",
    [TNL_GRO_R_L2] = "Ethernet headers or VLAN tags differ",
    [TNL_GRO_R_TOS] = "TOS or traffic class differ, maybe in the ECN mark",
    [TNL_GRO_R_TTL] = "TTL or hop limit differ",
    [TNL_GRO_R_IP] = "DF, flow label, IP options or extension headers differ",
    [TNL_GRO_R_IP_ID] = "the IPv4 ID is neither the same nor the next",
    [TNL_GRO_R_ACK] = "acknowledgement numbers differ",
    [TNL_GRO_R_WINDOW] = "windows differ",
    [TNL_GRO_R_OPTIONS] = "TCP options differ: timestamps, for instance",
    [TNL_GRO_R_TCP_FLAGS] = "TCP flags differ, or it has CWR, which only the "
                            "first may have",
    [TNL_GRO_R_SEQ] = "its sequence number is not the next",
    [TNL_GRO_R_LENGTH] = "it has more payload than the first",
    [TNL_GRO_R_ENDED] = "the first has PSH or FIN, which only the last may "
                        "have",
    [TNL_GRO_R_FULL] = "both together would be more than 64 kB",
    [TNL_GRO_R_TABLE] = "there are too many flows",
};

BUILD_ASSERT_DECL(ARRAY_SIZE(rule_texts) == TNL_GRO_N_RULES);

/* Is 'port' a tunnel whose packets can be merged? */
bool
tnl_gro_port_is_tunnel(const struct tnl_gso_port *port)
{
    return tnl_gso_encap_merges(port->encap);
}

/* Can anything be merged on 'port', in a tunnel or when it is sent? */
bool
tnl_gro_port_can(const struct tnl_gso_port *port)
{
    return tnl_gro_port_is_tunnel(port) || port->welcomes_super;
}

/* Returns a word for what 'port' does now, and stores the reason, or null if
 * there is none, in '*why'. */
const char *
tnl_gro_state(const struct tnl_gso_port *port, const char **why)
{
    *why = (!userspace_tso_enabled() ? "userspace TSO is disabled"
            : !tnl_gso_port_gro(port) ? "other_config:tnl-gro=false"
            : !tnl_gro_port_is_tunnel(port)
              && !(port->netdev->ol_flags & NETDEV_TX_OFFLOAD_TCP_TSO)
            ? "the port takes no superpackets"
            : !tnl_gso_port_merges(port)
            ? "most superpackets were cut again on this host"
            : NULL);
    return (!*why ? "on"
            : tnl_gro_port_is_tunnel(port) && userspace_tso_enabled()
              && tnl_gso_port_gro(port) ? "paused"
            : "off");
}

/* Appends what `tnl-gso/show` says of merging on 'port' to 'json', or if that
 * is null, to 'text'.  An Interface receives nothing itself: the datapath has
 * one port for all of the same type and UDP port. */
void
tnl_gro_show(const struct tnl_gso_port *port, struct ds *text,
             struct json *json)
{
    char buf[NETDEV_VPORT_NAME_BUFSIZE];
    const char *receiver = netdev_vport_get_dpif_port(port->netdev, buf,
                                                      sizeof buf);
    bool tunnel = tnl_gro_port_is_tunnel(port);
    bool is_receiver = !strcmp(receiver, netdev_get_name(port->netdev));
    const char *why;
    const char *state = tnl_gro_state(port, &why);

    if (json) {
        if (tunnel) {
            json_object_put_string(json, "receives-on", receiver);
        }
        if (is_receiver) {
            json_object_put_string(json, "gro", state);
            json_object_put_string(json, "gro-why", why ? why : "");
        }
    } else if (is_receiver) {
        ds_put_format(text, "  gro%s: %s%s%s\n",
                      tunnel ? "" : " when sent", state, why ? ", " : "",
                      why ? why : "");
    } else {
        ds_put_format(text, "  gro: see %s%s\n", receiver,
                      tnl_gso_port_gro(port) ? ""
                      : ", off because of other_config:tnl-gro=false here");
    }
}

/* The largest number of units in a superpacket that 'gro_supers[i]' counts. */
static unsigned int
max_units(size_t i)
{
    return (i == TNL_GRO_N_SIZES - 1 ? TNL_GSO_MAX_SEGS
            : (4u << i) - 1);
}

/* Appends the counters of merging in 's' to 'json', or if that is null, to
 * 'text'. */
void
tnl_gro_stats(const struct tnl_gso_stats *s, struct ds *text,
              struct json *json)
{
    unsigned long long n_units = 0, n_supers = 0;
    struct json *units = NULL;
    struct json *supers = NULL;

    for (size_t i = 0; i < TNL_GRO_N_RULES; i++) {
        n_units += s->gro_units[i];
    }
    for (size_t i = 0; i < TNL_GRO_N_SIZES; i++) {
        n_supers += s->gro_supers[i];
    }
    if (json) {
        struct json *gro = json_object_create();

        units = json_object_create();
        supers = json_object_create();
        json_object_put(gro, "units", units);
        json_object_put(gro, "superpackets", supers);
        json_object_put(gro, "cut_again",
                        json_integer_create(s->gro_feedback.cut));
        json_object_put(gro, "pauses",
                        json_integer_create(s->gro_feedback.pauses));
        json_object_put(gro, "skipped",
                        json_integer_create(s->gro_skipped));
        json_object_put(json, "gro", gro);
    } else if (n_units) {
        ds_put_format(text, "  gro: %llu packets, of which %llu in %llu "
                      "superpackets\n", n_units,
                      s->gro_units[TNL_GRO_JOINED] + n_supers, n_supers);
    }

    for (size_t i = 0; i < TNL_GRO_N_SIZES; i++) {
        if (!s->gro_supers[i]) {
            continue;
        } else if (supers) {
            char *name = xasprintf("%u", 2u << i);

            json_object_put(supers, name,
                            json_integer_create(s->gro_supers[i]));
            free(name);
        } else {
            ds_put_format(text, "  gro superpackets of %u to %u: %llu\n",
                          2u << i, max_units(i), s->gro_supers[i]);
        }
    }
    for (size_t i = 0; i < TNL_GRO_N_RULES; i++) {
        if (!s->gro_units[i]) {
            continue;
        } else if (units) {
            json_object_put(units, tnl_gro_rule_to_string(i),
                            json_integer_create(s->gro_units[i]));
        } else {
            ds_put_format(text, "  gro %s: %llu\n", tnl_gro_rule_to_string(i),
                          s->gro_units[i]);
        }
    }
    if (!json && s->gro_feedback.cut) {
        ds_put_format(text, "  gro cut again: %llu\n", s->gro_feedback.cut);
    }
    if (!json && s->gro_feedback.pauses) {
        ds_put_format(text, "  gro pauses: %llu\n", s->gro_feedback.pauses);
    }
    if (!json && s->gro_skipped) {
        ds_put_format(text, "  gro skipped: %llu\n", s->gro_skipped);
    }
}

/* For tnl_gso_ports_for_each(): what the name of a port stands for. */
struct wanted {
    const char *name;
    bool found;
    enum tnl_gso_encap encap;
};

static void
find_port(struct tnl_gso_port *port, void *wanted_)
{
    struct wanted *wanted = wanted_;

    if (!strcmp(netdev_get_name(port->netdev), wanted->name)) {
        wanted->found = true;
        wanted->encap = (tnl_gro_port_is_tunnel(port) ? port->encap
                         : TNL_GSO_NO_TUNNEL);
    }
}

/* Merges copies of the 'n' packets at 'packets' as they would arrive for
 * 'encap', and counts in '*count'.  Returns the segment size of the first that
 * comes out, 0 if it is no superpacket. */
static uint16_t
try_merge(enum tnl_gso_encap encap, struct dp_packet *const packets[],
          size_t n, struct tnl_gro_count *count)
{
    struct dp_packet_batch batch;
    uint16_t mss;

    *count = (struct tnl_gro_count) { .trains = 0 };
    dp_packet_batch_init(&batch);
    for (size_t i = 0; i < n; i++) {
        dp_packet_batch_add(&batch, dp_packet_clone(packets[i]));
    }
    tnl_gro_merge(encap, false, 0, &batch, count);
    mss = dp_packet_get_tso_segsz(batch.packets[0]);
    dp_packet_delete_batch(&batch, true);
    dp_packet_batch_destroy(&batch);
    return mss;
}

/* The rule of one unit in 'count', apart from one that is TNL_GRO_FIRST. */
static enum tnl_gro_rule
other_rule(const struct tnl_gro_count *count)
{
    for (size_t i = 0; i < TNL_GRO_N_RULES; i++) {
        if (count->units[i] && i != TNL_GRO_FIRST) {
            return i;
        }
    }
    return TNL_GRO_FIRST;
}

/* Replies to `tnl-gso/explain NAME PACKET with=PACKET`: do 'packets', two of
 * them, become one superpacket when they arrive in the port 'name'? */
void
tnl_gro_explain(struct unixctl_conn *conn, const char *name,
                struct dp_packet *const packets[2])
{
    struct wanted wanted = { .name = name };
    struct ds text = DS_EMPTY_INITIALIZER;
    enum tnl_gro_rule rule = TNL_GRO_FIRST;
    struct tnl_gro_count count;
    const char *which = "second";
    uint16_t mss = 0;

    tnl_gso_ports_for_each(find_port, &wanted);
    if (!wanted.found) {
        tnl_gso_reply_no_port(conn, name);
        return;
    }
    for (size_t i = 0; i < 2 && rule == TNL_GRO_FIRST; i++) {
        struct flow flow;

        flow_extract(packets[i], &flow);
        try_merge(wanted.encap, &packets[i], 1, &count);
        rule = other_rule(&count);
        which = i ? "second" : "first";
    }
    if (rule == TNL_GRO_FIRST) {
        mss = try_merge(wanted.encap, packets, 2, &count);
        rule = other_rule(&count);
        which = rule == TNL_GRO_R_CSUM ? "first or second" : "second";
    }

    if (unixctl_command_get_output_format(conn) == UNIXCTL_OUTPUT_FMT_JSON) {
        struct json *json = json_object_create();

        json_object_put(json, "merged",
                        json_boolean_create(rule == TNL_GRO_JOINED));
        json_object_put(json, "mss", json_integer_create(mss));
        json_object_put_string(json, "rule", tnl_gro_rule_to_string(rule));
        json_object_put_string(json, "packet", which);
        json_object_put_string(json, "why", rule_texts[rule]);
        unixctl_command_reply_json(conn, json);
        return;
    }
    if (rule == TNL_GRO_JOINED) {
        ds_put_format(&text, "merged: one superpacket, mss %"PRIu16"\n", mss);
    } else {
        ds_put_format(&text, "not merged: %s packet: %s: %s\n", which,
                      tnl_gro_rule_to_string(rule), rule_texts[rule]);
    }
    unixctl_command_reply(conn, ds_cstr(&text));
    ds_destroy(&text);
}
