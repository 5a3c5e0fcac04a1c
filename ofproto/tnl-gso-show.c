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
#include <string.h>

#include "encap/encap.h"
#include "netdev-provider.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "stages/tnl-gso-flags.h"
#include "util.h"

/* The plan of each kind of superpacket on a port, in words.
 *
 * Called for Interface status (tnl-gso-bridge.c) and for appctl commands
 * (tnl-gso-unixctl.c, tnl-gso-explain.c).  Must not decide or count
 * anything. */

/* Does 'port' send frames itself, so that it has methods?  The Interface of a
 * tunnel does not: its underlay does. */
bool
tnl_gso_port_sends(const struct tnl_gso_port *port)
{
    return port->netdev->netdev_class->send != NULL;
}

/* Returns the source of the offloads of 'port', for people. */
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

/* Bytes of an IP header of 'version' without options. */
static size_t
ip_header_len(uint8_t version)
{
    return version == 4 ? IP_HEADER_LEN : IPV6_HEADER_LEN;
}

/* Is there nothing between the IP headers of 'encap', no checksum either? */
static bool
is_ip_in_ip(enum tnl_gso_encap encap)
{
    return tnl_gso_encap_class(encap)->outer == TNL_GSO_OUTER_IP;
}

/* Returns the description of a typical superpacket of its kind: two segments
 * of 'proto', as small as 'limits' allow, behind headers of 'encap' that take
 * 'tnl_len' bytes, with a checksum there if 'outer_csum' is true.  The first
 * IP header is of 'version', one inside is IPv4. */
static struct tnl_gso_desc
typical_desc(uint8_t proto, enum tnl_gso_encap encap, uint8_t version,
             bool outer_csum, size_t tnl_len,
             const struct tnl_gso_limits *limits)
{
    uint16_t mss = MAX(limits->min_mss, 10);
    struct tnl_gso_l3 outer = {
        .version = version,
        .ofs = ETH_HEADER_LEN,
        .l4_ofs = ETH_HEADER_LEN + ip_header_len(version),
    };
    bool has_outer = tnl_gso_has_outer(encap);
    uint8_t inner_version = has_outer ? 4 : version;
    uint16_t inner_ofs = ((has_outer ? tnl_len : 0)
                          + (is_ip_in_ip(encap) ? 0 : ETH_HEADER_LEN));
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

/* Appends to 'ds' the reason why a port with 'caps' does not cut 'd' as 'row',
 * which is for 'd', says. */
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

/* Returns the first row with 'method' for 'd', or null.  For trains the last
 * one, which needs the least: what others need decides about the order
 * only. */
static const struct tnl_gso_plan_row *
find_row(enum tnl_gso_method method, const struct tnl_gso_desc *d)
{
    const struct tnl_gso_encap_class *class = tnl_gso_encap_class(d->encap);
    const struct tnl_gso_plan_row *found = NULL;

    for (size_t i = 0; i < class->n_rows; i++) {
        if (class->rows[i].method == method
            && tnl_gso_plan_row_is_for(&class->rows[i], d)
            && (!found || method == TNL_GSO_UDP_GSO)) {
            found = &class->rows[i];
        }
    }
    return found;
}

/* Appends to 'ds' the reason why the kernel does not cut all of 'd' behind a
 * port with 'caps', which sends it by 'method': if it has to do with the
 * kernel, and if there is such a way at all. */
static void
format_why_not_kernel(const struct tnl_gso_desc *d,
                      const struct tnl_gso_caps *caps,
                      enum tnl_gso_method method, struct ds *ds)
{
    const struct tnl_gso_plan_row *row = find_row(TNL_GSO_KERNEL, d);

    if (!row || !(caps->ol_flags & TNL_GSO_TX_TCP_GSO)) {
        return;
    }
    ds_put_cstr(ds, "; kernel: ");
    if (method == TNL_GSO_UDP_GSO && caps->ol_flags & TNL_GSO_TX_TNL_GSO
        && caps->methods & (1u << TNL_GSO_KERNEL)) {
        ds_put_cstr(ds, "the device cuts trains, at less cost");
    } else {
        format_why_not_row(row, d, caps, ds);
    }
}

/* Appends to 'ds' the reason why a port with 'caps', which sends 'd' by
 * 'method', does not cut all of it (hw; tcp-tso), and, if 'method' is worse
 * than that, why the kernel does not cut it (kernel) or the port a train of it
 * (udp-gso). */
void
tnl_gso_format_why_not_hw(const struct tnl_gso_desc *d,
                          const struct tnl_gso_caps *caps,
                          enum tnl_gso_method method, struct ds *ds)
{
    const struct tnl_gso_encap_class *class = tnl_gso_encap_class(d->encap);
    const struct tnl_gso_plan_row *row;
    struct tnl_gso_desc with_csum = *d;

    if (d->stacked) {
        ds_put_cstr(ds, "more than one VLAN tag, or MPLS labels");
        return;
    } else if (d->inner.ext || d->outer.ext) {
        ds_put_cstr(ds, "IPv6 extension headers");
        return;
    }

    row = class->n_rows ? find_row(class->rows[0].method, d) : NULL;
    if (d->rco) {
        ds_put_cstr(ds, "no port knows remote checksums");
    } else if (d->mid_l4 != TNL_GSO_OUTER_NONE) {
        ds_put_cstr(ds, "no port changes three IP headers");
    } else if (row && row->method != TNL_GSO_UDP_GSO) {
        format_why_not_row(row, d, caps, ds);
    } else {
        ds_put_cstr(ds, class->why_no_row);
    }

    if (method == TNL_GSO_UDP_GSO || method == TNL_GSO_SOFTWARE
        || method == TNL_GSO_DROP) {
        format_why_not_kernel(d, caps, method, ds);
    }
    if (method == TNL_GSO_SOFTWARE || method == TNL_GSO_DROP) {
        with_csum.outer_csum = true;
        row = find_row(TNL_GSO_UDP_GSO, &with_csum);
        if (row) {
            ds_put_cstr(ds, "; udp-gso: ");
            if (d->outer_csum) {
                format_why_not_row(row, d, caps, ds);
            } else {
                ds_put_cstr(ds, "makes outer checksums (csum=true)");
            }
        }
    }
}

/* Fills in the method of 'port' with 'caps', and why, for 'row->desc'. */
static void
row_plan(const struct tnl_gso_caps *caps, struct tnl_gso_show_row *row)
{
    struct tnl_gso_plan plan;

    tnl_gso_plan(&row->desc, caps, &plan);
    ds_init(&row->why);
    row->method = tnl_gso_plan_port_method(&plan);
    if (row->method != TNL_GSO_HW && row->method != TNL_GSO_TCP_TSO) {
        tnl_gso_format_why_not_hw(&row->desc, caps, row->method, &row->why);
    }
}

/* Fills in 'row' for superpackets of 'proto' behind 'header' that leave
 * through 'port'; the caller must destroy 'row->why'. */
void
tnl_gso_show_row_behind(const struct tnl_gso_port *port, uint8_t proto,
                        const struct tnl_gso_show_header *header,
                        struct tnl_gso_show_row *row)
{
    struct tnl_gso_caps caps = tnl_gso_port_caps(port);

    row->desc = typical_desc(proto, header->encap, header->version,
                             header->csum, header->len, &caps.limits);
    row->desc.rco = header->rco;
    /* SRv6 has a routing header. */
    row->desc.outer.ext = (is_ip_in_ip(header->encap)
                           && header->len > row->desc.outer.l4_ofs);
    row_plan(&caps, row);
}

/* Fills in 'row' number 'i' for 'port'; the caller must destroy 'row->why'.
 * Returns false past the last one. */
bool
tnl_gso_show_row_get(const struct tnl_gso_port *port, size_t i,
                     struct tnl_gso_show_row *row)
{
    struct tnl_gso_caps caps = tnl_gso_port_caps(port);
    const struct tnl_gso_kind *kind;
    enum tnl_gso_encap encap = 0;

    for (; i >= tnl_gso_encap_class(encap)->n_kinds; encap++) {
        i -= tnl_gso_encap_class(encap)->n_kinds;
        if (encap + 1 == TNL_GSO_N_ENCAPS) {
            return false;
        }
    }
    kind = &tnl_gso_encap_class(encap)->kinds[i];
    row->desc = typical_desc(kind->proto, encap, kind->version,
                             kind->outer_csum,
                             ETH_HEADER_LEN + ip_header_len(kind->version)
                             + (is_ip_in_ip(encap) ? 0 : UDP_HEADER_LEN + 8),
                             &caps.limits);
    row_plan(&caps, row);
    return true;
}

/* Returns the protocol that is cut in 'd', for people. */
const char *
tnl_gso_l4_string(const struct tnl_gso_desc *d)
{
    return d->inner.proto == IPPROTO_UDP ? "UDP" : "TCP";
}

/* Returns the version of IP around the tunnel of 'd', or "-", for people. */
const char *
tnl_gso_outer_family(const struct tnl_gso_desc *d)
{
    uint8_t version = (tnl_gso_has_outer(d->encap) ? d->outer.version
                       : d->inner.version);

    return (d->encap == TNL_GSO_NO_TUNNEL ? "-"
            : version == 4 ? "ipv4" : "ipv6");
}

/* Returns whether the tunnel of 'd' has a checksum, or "-", for people.  STT
 * always has one. */
const char *
tnl_gso_csum_string(const struct tnl_gso_desc *d)
{
    return (d->encap == TNL_GSO_NO_TUNNEL || is_ip_in_ip(d->encap) ? "-"
            : d->outer_csum || !tnl_gso_has_outer(d->encap) ? "yes" : "no");
}
