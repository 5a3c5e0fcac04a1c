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

#include "tnl-gso-show.h"

#include <netinet/in.h>
#include <string.h>

#include "netdev-provider.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "util.h"

/* Asks the plan stage what it would choose, and puts it into words.
 *
 * Called for Interface status (tnl-gso-config.c) and for appctl commands
 * (tnl-gso-unixctl.c).  Must not decide or count anything. */

/* Only a port that sends frames itself has a method; a tunnel's Interface has
 * none, its underlay's has. */
bool
tnl_gso_port_sends(const struct tnl_gso_port *port)
{
    return port->netdev->netdev_class->send != NULL;
}

/* How 'ol_flags' have come about. */
const char *
tnl_gso_port_source(const struct tnl_gso_port *port)
{
    const char *type = netdev_get_type(port->netdev);

    return (!strcmp(type, "tap") ? "tap"
            : !strcmp(type, "system") || !strcmp(type, "internal") ? "ethtool"
            : !strncmp(type, "dpdk", 4) ? "DPDK capabilities"
            : !strncmp(type, "dummy", 5) ? "configured"
            : "driver");
}

static size_t
ip_header_len(uint8_t version)
{
    return version == 4 ? IP_HEADER_LEN : IPV6_HEADER_LEN;
}

/* A packet as good as any of its kind: two segments of 'proto', as small as
 * 'limits' allow, behind the shortest tunnel header.  The first IP header is
 * of 'version', one inside is IPv4. */
static struct tnl_gso_desc
typical_desc(uint8_t proto, enum tnl_gso_encap encap, uint8_t version,
             bool outer_csum, const struct tnl_gso_limits *limits)
{
    uint16_t mss = MAX(limits->min_mss, 10);
    struct tnl_gso_l3 outer = {
        .version = version,
        .ofs = ETH_HEADER_LEN,
        .l4_ofs = ETH_HEADER_LEN + ip_header_len(version),
    };
    bool has_outer = tnl_gso_has_outer(encap);
    uint8_t inner_version = has_outer ? 4 : version;
    uint16_t inner_ofs = ((has_outer ? outer.l4_ofs + UDP_HEADER_LEN + 8 : 0)
                          + ETH_HEADER_LEN);
    uint16_t inner_l4_ofs = inner_ofs + ip_header_len(inner_version);

    return (struct tnl_gso_desc) {
        .encap = encap,
        .outer = has_outer ? outer : (struct tnl_gso_l3) { .version = 0 },
        .inner = { .version = inner_version, .proto = proto, .ofs = inner_ofs,
                   .l4_ofs = inner_l4_ofs },
        .hdr_len = inner_l4_ofs + (proto == IPPROTO_UDP ? UDP_HEADER_LEN
                                   : TCP_HEADER_LEN),
        .outer_csum = outer_csum,
        .payload_len = 2 * mss,
        .mss = mss,
        .n_segs = 2,
    };
}

/* As in Interface status. */
static const struct tnl_gso_flag_name flag_names[] = {
    { NETDEV_TX_OFFLOAD_IPV4_CKSUM, "ip_csum" },
    { NETDEV_TX_OFFLOAD_TCP_CKSUM, "tcp_csum" },
    { NETDEV_TX_OFFLOAD_UDP_CKSUM, "udp_csum" },
    { NETDEV_TX_OFFLOAD_SCTP_CKSUM, "sctp_csum" },
    { NETDEV_TX_OFFLOAD_TCP_TSO, "tcp_seg" },
    { NETDEV_TX_VXLAN_TNL_TSO, "vxlan_tso" },
    { NETDEV_TX_GENEVE_TNL_TSO, "geneve_tso" },
    { NETDEV_TX_GRE_TNL_TSO, "gre_tso" },
    { NETDEV_TX_OFFLOAD_OUTER_IP_CKSUM, "out_ip_csum" },
    { NETDEV_TX_OFFLOAD_OUTER_UDP_CKSUM, "out_udp_csum" },
    { TNL_GSO_TX_UDP_SEG, "udp_seg" },
    { TNL_GSO_TX_TNL_UDP_SEG, "tnl_udp_seg" },
    { TNL_GSO_TX_TCP_GSO, "tcp_gso" },
};

/* Appends those of the 'n' 'names' whose flags are in 'flags' to 'ds',
 * separated by commas. */
void
tnl_gso_format_flags(uint64_t flags, const struct tnl_gso_flag_name *names,
                     size_t n, struct ds *ds)
{
    const char *comma = "";

    for (size_t i = 0; i < n; i++) {
        if (flags & names[i].flag) {
            ds_put_format(ds, "%s%s", comma, names[i].name);
            comma = ",";
        }
    }
    if (!*comma) {
        ds_put_cstr(ds, "none");
    }
}

/* The same for NETDEV_TX_* and TNL_GSO_TX_* 'flags'. */
void
tnl_gso_format_offloads(uint64_t flags, struct ds *ds)
{
    tnl_gso_format_flags(flags, flag_names, ARRAY_SIZE(flag_names), ds);
}

/* Appends to 'ds' why a port with 'caps' does not send 'd' by the method of
 * 'row', which is for 'd'. */
static void
format_why_not_row(const struct tnl_gso_plan_row *row,
                   const struct tnl_gso_desc *d,
                   const struct tnl_gso_caps *caps, struct ds *ds)
{
    uint64_t missing = tnl_gso_plan_row_need(row, d) & ~caps->ol_flags;
    const char *limit = tnl_gso_plan_row_limit(row, d, &caps->limits);

    if (missing) {
        ds_put_cstr(ds, "port lacks ");
        tnl_gso_format_offloads(missing, ds);
    } else if (!(caps->methods & (1u << row->method))) {
        ds_put_cstr(ds, "excluded by tnl-gso-methods");
    } else if (limit) {
        ds_put_format(ds, "port's %s", limit);
    } else {
        ds_put_cstr(ds, "not this packet");
    }
}

/* Returns the row of the plan by which 'method' is for 'd', or null. */
static const struct tnl_gso_plan_row *
find_row(enum tnl_gso_method method, const struct tnl_gso_desc *d)
{
    size_t n;
    const struct tnl_gso_plan_row *rows = tnl_gso_plan_rows(&n);

    for (size_t i = 0; i < n; i++) {
        if (rows[i].method == method
            && tnl_gso_plan_row_is_for(&rows[i], d)) {
            return &rows[i];
        }
    }
    return NULL;
}

/* Appends to 'ds' what keeps a port with 'caps', which sends 'd' by 'method',
 * from cutting all of it (hw; tcp-tso), and, if 'method' is a worse one than
 * that, from cutting a train of it (udp-gso). */
void
tnl_gso_format_why_not_hw(const struct tnl_gso_desc *d,
                          const struct tnl_gso_caps *caps,
                          enum tnl_gso_method method, struct ds *ds)
{
    bool stt = d->encap == TNL_GSO_STT;
    const struct tnl_gso_plan_row *row;
    struct tnl_gso_desc with_csum = *d;

    if (d->stacked) {
        ds_put_cstr(ds, "more than one VLAN tag, or MPLS labels");
        return;
    } else if (d->inner.ext || d->outer.ext) {
        ds_put_cstr(ds, "IPv6 extension headers");
        return;
    }

    row = find_row(stt ? TNL_GSO_TCP_TSO : TNL_GSO_HW, d);
    if (d->rco) {
        ds_put_cstr(ds, "no port knows remote checksums");
    } else if (row) {
        format_why_not_row(row, d, caps, ds);
    } else {
        ds_put_cstr(ds, "no port computes a GRE checksum");
    }

    if (method > TNL_GSO_UDP_GSO) {
        with_csum.outer_csum = true;
        row = find_row(TNL_GSO_UDP_GSO, &with_csum);
        if (row) {
            ds_put_cstr(ds, "; udp-gso: ");
            if (d->outer_csum) {
                format_why_not_row(row, d, caps, ds);
            } else {
                ds_put_cstr(ds, "makes outer checksums");
            }
        }
    }
}

/* Fills in 'row' number 'i' for 'port'; the caller must destroy 'row->why'.
 * Returns false past the last one. */
bool
tnl_gso_show_row_get(const struct tnl_gso_port *port, size_t i,
                     struct tnl_gso_show_row *row)
{
    /* TCP and UDP; outer IP version and checksum; outer IP version. */
    enum { PLAIN_ROWS = 2, TUNNEL_ROWS = 4 * (TNL_GSO_STT - TNL_GSO_VXLAN),
           STT_ROWS = 2 };
    struct tnl_gso_caps caps = tnl_gso_port_caps(port);

    if (i < PLAIN_ROWS) {
        row->desc = typical_desc(i ? IPPROTO_UDP : IPPROTO_TCP, TNL_GSO_PLAIN,
                                 4, false, &caps.limits);
    } else if (i < PLAIN_ROWS + TUNNEL_ROWS) {
        size_t k = i - PLAIN_ROWS;

        row->desc = typical_desc(IPPROTO_TCP, TNL_GSO_VXLAN + k / 4,
                                 k & 2 ? 6 : 4, k & 1, &caps.limits);
    } else if (i < PLAIN_ROWS + TUNNEL_ROWS + STT_ROWS) {
        row->desc = typical_desc(IPPROTO_TCP, TNL_GSO_STT,
                                 i & 1 ? 6 : 4, false, &caps.limits);
    } else {
        return false;
    }
    tnl_gso_plan(&row->desc, &caps, &row->plan);
    ds_init(&row->why);
    if (row->plan.method != TNL_GSO_HW
        && row->plan.method != TNL_GSO_TCP_TSO) {
        tnl_gso_format_why_not_hw(&row->desc, &caps, row->plan.method,
                                  &row->why);
    }
    return true;
}

/* What is cut, for humans. */
const char *
tnl_gso_l4_string(const struct tnl_gso_desc *d)
{
    return d->inner.proto == IPPROTO_UDP ? "UDP" : "TCP";
}

const char *
tnl_gso_outer_family(const struct tnl_gso_desc *d)
{
    uint8_t version = (tnl_gso_has_outer(d->encap) ? d->outer.version
                       : d->inner.version);

    return (d->encap == TNL_GSO_PLAIN ? "-"
            : version == 4 ? "ipv4" : "ipv6");
}

const char *
tnl_gso_csum_string(const struct tnl_gso_desc *d)
{
    return (d->encap == TNL_GSO_PLAIN ? "-"
            : d->outer_csum || d->encap == TNL_GSO_STT ? "yes" : "no");
}
