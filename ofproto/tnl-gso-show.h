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

#ifndef TNL_GSO_SHOW_H
#define TNL_GSO_SHOW_H 1

/* The method of a port for each kind of superpacket, and why. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/tnl-gso-port.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/flow.h"
#include "stages/tnl-gso-desc.h"
#include "stages/tnl-gso-plan.h"

/* One line of `tnl-gso/show`: the method for one kind of superpacket. */
struct tnl_gso_show_row {
    struct tnl_gso_desc desc;
    enum tnl_gso_method method; /* How the port cuts. */
    struct ds why;              /* Why not hw, kernel or udp-gso. */
};

/* A tunnel's header, as far as it decides about methods. */
struct tnl_gso_show_header {
    enum tnl_gso_encap encap;
    uint8_t version;            /* Of its IP header. */
    bool csum;                  /* It has a checksum. */
    bool rco;                   /* Checksums inside are remote. */
    size_t len;                 /* Bytes, with Ethernet and IP headers. */
};

/* What an operator has told of a packet. */
struct tnl_gso_told {
    struct dp_packet *packet;
    struct flow flow;           /* Of 'packet', or what it is made from, with
                                 * metadata. */
};

bool tnl_gso_port_sends(const struct tnl_gso_port *);
const char *tnl_gso_port_source(const struct tnl_gso_port *);
bool tnl_gso_show_row_get(const struct tnl_gso_port *, size_t i,
                          struct tnl_gso_show_row *);
void tnl_gso_show_row_behind(const struct tnl_gso_port *, uint8_t proto,
                             const struct tnl_gso_show_header *,
                             struct tnl_gso_show_row *);

void tnl_gso_format_why_not_hw(const struct tnl_gso_desc *,
                               const struct tnl_gso_caps *,
                               enum tnl_gso_method, struct ds *);
const char *tnl_gso_l4_string(const struct tnl_gso_desc *);
const char *tnl_gso_outer_family(const struct tnl_gso_desc *);
const char *tnl_gso_csum_string(const struct tnl_gso_desc *);

struct dp_packet;
struct json;
struct netdev;
struct ofport;
struct tnl_gso_path;
struct tnl_gso_paths;
struct unixctl_conn;

/* tnl-gso-tunnel.c. */
void tnl_gso_tunnel_header(const struct tnl_gso_path *,
                           struct tnl_gso_show_header *);
bool tnl_gso_tunnel_takes_super(const struct tnl_gso_path *);
void tnl_gso_tunnel_row(const struct tnl_gso_path *, const struct netdev *,
                        uint8_t proto, struct tnl_gso_show_row *);
int tnl_gso_tunnel_mtu(const struct tnl_gso_path *, struct netdev *);
void tnl_gso_bridge_show(const struct ofport *, struct ds *text,
                         struct json *);
void tnl_gso_tunnel_show(const struct tnl_gso_paths *,
                         const struct netdev *tunnel, struct ds *text,
                         struct json *);
void tnl_gso_port_tunnels_show(const struct tnl_gso_paths *,
                               const struct netdev *, struct ds *text,
                               struct json *);

/* tnl-gso-brief.c.  Null members let all through. */
struct shash;
struct tnl_gso_ports;
struct tnl_gso_brief_filter {
    const char *type;           /* Of the Interface. */
    const char *method;
};
void tnl_gso_brief_show(const struct tnl_gso_ports *,
                        const struct tnl_gso_paths *,
                        const struct shash *ofports,
                        const struct tnl_gso_brief_filter *,
                        struct ds *text, struct json *array);

/* tnl-gso-names.c. */
struct tnl_gso_ports {
    struct netdev **netdevs;    /* Sorted by name; one reference each. */
    size_t n;
};
void tnl_gso_ports_get(const char *pattern, struct tnl_gso_ports *);
void tnl_gso_ports_release(struct tnl_gso_ports *);
void tnl_gso_reply_no_port(struct unixctl_conn *, const char *name);
struct json *tnl_gso_port_json(const struct tnl_gso_port *);

/* tnl-gso-told.c. */
char *tnl_gso_told_from_string(const char *, size_t len, uint8_t proto,
                               struct tnl_gso_told *);

/* tnl-gso-stats.c. */
void tnl_gso_stats_show(struct tnl_gso_port *, bool was_named,
                        struct ds *text, struct json *array);
void tnl_gso_stats_since(const struct tnl_gso_port *, struct tnl_gso_stats *);
void tnl_gso_stats_clear(struct tnl_gso_port *);

/* tnl-gro-show.c. */
bool tnl_gro_port_is_tunnel(const struct tnl_gso_port *);
bool tnl_gro_port_can(const struct tnl_gso_port *);
const char *tnl_gro_state(const struct tnl_gso_port *, const char **why);
void tnl_gro_show(const struct tnl_gso_port *, struct ds *text, struct json *);
void tnl_gro_stats(const struct tnl_gso_stats *, struct ds *text,
                   struct json *);
void tnl_gro_explain(struct unixctl_conn *, const char *name,
                     struct dp_packet *const packets[2]);

/* Commands that have a file of their own. */
void tnl_gso_unixctl_explain(struct unixctl_conn *, int argc,
                             const char *argv[], void *aux);
void tnl_gso_unixctl_metrics(struct unixctl_conn *, int argc,
                             const char *argv[], void *aux);
void stt_unixctl_show(struct unixctl_conn *, int argc, const char *argv[],
                      void *aux);

#endif /* tnl-gso-show.h */
