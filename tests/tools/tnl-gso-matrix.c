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
#undef NDEBUG

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command-line.h"
#include "netdev-provider.h"
#include "openvswitch/dynamic-string.h"
#include "tests/ovstest.h"
#include "tnl-gso/core/tnl-gso-port.h"
#include "tnl-gso/encap/encap.h"
#include "tnl-gso/stages/tnl-gso-desc.h"
#include "tnl-gso/stages/tnl-gso-plan.h"
#include "util.h"

/* What the plan stage chooses, as lines of fields separated by tabs, from
 * which build-aux/gen-offload-matrix makes tables.
 *
 * Asks the plan stage for everything, so that the documentation cannot say
 * something else than the code does. */

static const struct {
    uint64_t flag;
    const char *name;           /* As in `tnl-gso/show`. */
} flag_names[] = {
    { NETDEV_TX_OFFLOAD_TCP_TSO, "tcp_seg" },
    { TNL_GSO_TX_UDP_GSO, "udp_seg" },
    { TNL_GSO_TX_TNL_UDP_GSO, "tnl_udp_seg" },
    { TNL_GSO_TX_TCP_GSO, "tcp_gso" },
    { TNL_GSO_TX_UDP_TSO, "udp_tso" },
    { TNL_GSO_TX_TNL_GSO, "tnl_gso" },
    { NETDEV_TX_VXLAN_TNL_TSO, "vxlan_tso" },
    { NETDEV_TX_GENEVE_TNL_TSO, "geneve_tso" },
    { NETDEV_TX_GRE_TNL_TSO, "gre_tso" },
    { TNL_GSO_TX_IPIP_TNL_TSO, "ipip_tso" },
    { NETDEV_TX_OFFLOAD_OUTER_IP_CKSUM, "out_ip_csum" },
    { NETDEV_TX_OFFLOAD_OUTER_UDP_CKSUM, "out_udp_csum" },
};

/* Ports, each able to do what its predecessor can and something more. */
#define CSUM (NETDEV_TX_OFFLOAD_IPV4_CKSUM | NETDEV_TX_OFFLOAD_TCP_CKSUM \
              | NETDEV_TX_OFFLOAD_UDP_CKSUM)
#define TCP (CSUM | NETDEV_TX_OFFLOAD_TCP_TSO)
#define UDP (TCP | TNL_GSO_TX_UDP_GSO)
#define TUNNELS (UDP | NETDEV_TX_VXLAN_TNL_TSO | NETDEV_TX_GENEVE_TNL_TSO \
                 | NETDEV_TX_GRE_TNL_TSO | TNL_GSO_TX_IPIP_TNL_TSO)
#define OUTER_IP (TUNNELS | NETDEV_TX_OFFLOAD_OUTER_IP_CKSUM)
#define OUTER_UDP (OUTER_IP | NETDEV_TX_OFFLOAD_OUTER_UDP_CKSUM)
#define TUNNELLED_UDP (OUTER_UDP | TNL_GSO_TX_TNL_UDP_GSO)
static const uint64_t ports[] = { CSUM, TCP, UDP, TUNNELS, OUTER_IP,
                                  OUTER_UDP, TUNNELLED_UDP };

static const char *
csum_name(bool csum)
{
    return csum ? "yes" : "no";
}

static const char *
family_name(bool ipv4)
{
    return ipv4 ? "IPv4" : "IPv6";
}

/* Prints the kind of superpacket that a line is about. */
static void
print_kind(enum tnl_gso_encap encap, bool ipv4, bool csum)
{
    bool outer = tnl_gso_has_outer(encap);
    bool has_csum = (outer && tnl_gso_encap_class(encap)->outer
                              != TNL_GSO_OUTER_IP);

    printf("%s\t%s\t%s", tnl_gso_encap_class(encap)->name,
           outer ? family_name(ipv4) : "-",
           has_csum ? csum_name(csum) : encap == TNL_GSO_STT ? "yes" : "-");
}

/* A superpacket of 'payload_len' bytes of payload.  Lengths of headers are
 * those of VXLAN over IPv4. */
static struct tnl_gso_desc
superpacket(uint8_t proto, enum tnl_gso_encap encap, bool ipv4, bool csum,
            uint32_t payload_len, uint16_t mss)
{
    return (struct tnl_gso_desc) {
        .encap = encap,
        .outer = { .version = ipv4 ? 4 : 6, .l4_ofs = 34 },
        .inner = { .version = 4, .proto = proto },
        .hdr_len = 84 + (proto == IPPROTO_TCP ? 20 : 8),
        .payload_len = payload_len,
        .mss = mss,
        .n_segs = DIV_ROUND_UP(payload_len, mss),
        .outer_csum = csum,
        .l4_partial = true,
    };
}

/* The argument, "tcp" or "udp". */
static uint8_t
arg_proto(struct ovs_cmdl_context *ctx)
{
    return strcmp(ctx->argv[1], "udp") ? IPPROTO_TCP : IPPROTO_UDP;
}

/* What cutting 'd' in the way of 'row' needs. */
static void
print_row(const struct tnl_gso_plan_row *row, const struct tnl_gso_desc *d)
{
    uint64_t need = tnl_gso_plan_row_need(row, d);
    const char *comma = "";

    print_kind(d->encap, row->outer_ipv4, row->outer_csum);
    printf("\t%s\t", tnl_gso_method_to_string(row->method));
    for (size_t j = 0; j < ARRAY_SIZE(flag_names); j++) {
        if (need & flag_names[j].flag) {
            printf("%s%s", comma, flag_names[j].name);
            comma = ", ";
            need &= ~flag_names[j].flag;
        }
    }
    printf("\n");
    ovs_assert(!need);
}

/* The rows of the plan's table, in their order. */
static void
print_rows(struct ovs_cmdl_context *ctx)
{
    for (enum tnl_gso_encap encap = 0; encap < TNL_GSO_N_ENCAPS; encap++) {
        const struct tnl_gso_encap_class *class = tnl_gso_encap_class(encap);
        const struct tnl_gso_desc d = superpacket(arg_proto(ctx), encap, true,
                                                  false, 2, 1);

        if (encap == TNL_GSO_STT && d.inner.proto == IPPROTO_UDP) {
            continue;
        }
        for (size_t i = 0; i < class->n_rows; i++) {
            print_row(&class->rows[i], &d);
        }
    }
}

/* The method for each kind of superpacket on each of 'ports'. */
static void
print_ports(struct ovs_cmdl_context *ctx)
{
    for (enum tnl_gso_encap encap = 0; encap < TNL_GSO_N_ENCAPS; encap++) {
        if (encap == TNL_GSO_STT && arg_proto(ctx) == IPPROTO_UDP) {
            continue;           /* Cut as TCP, whatever is in it. */
        }
        for (int i = 0; i < (tnl_gso_has_outer(encap) ? 4 : 1); i++) {
            bool ipv4 = !(i & 2);
            bool csum = i & 1;

            if (csum && tnl_gso_encap_class(encap)->outer
                        == TNL_GSO_OUTER_IP) {
                continue;
            }
            print_kind(encap, ipv4, csum);
            for (size_t j = 0; j < ARRAY_SIZE(ports); j++) {
                const struct tnl_gso_caps caps = {
                    .ol_flags = ports[j],
                    .methods = TNL_GSO_METHODS_ALL,
                };
                struct tnl_gso_desc d = superpacket(arg_proto(ctx), encap,
                                                    ipv4, csum, 3000, 1000);
                struct tnl_gso_plan plan;

                tnl_gso_plan(&d, &caps, &plan);
                printf("\t%s", tnl_gso_method_to_string(plan.method));
            }
            printf("\n");
        }
    }
}

static void
print_shape(const char *what, const struct tnl_gso_desc *d, uint64_t ol_flags,
            const char *methods)
{
    struct tnl_gso_caps caps = {
        .ol_flags = ol_flags,
        .max_frame_len = 1518,
    };
    struct tnl_gso_plan plan;
    char *error;

    if (!tnl_gso_methods_from_string(methods, &caps.methods, &error)) {
        ovs_fatal(0, "%s", error);
    }
    tnl_gso_plan(d, &caps, &plan);
    printf("%s\t%s\t", what, tnl_gso_method_to_string(plan.method));
    if (plan.method == TNL_GSO_DROP) {
        printf("%s\n", tnl_gso_reason_to_string(plan.reason));
    } else {
        printf("%"PRIu32" of %"PRIu32"\n",
               DIV_ROUND_UP(plan.n_packets, MAX(plan.segs_per_train, 1)),
               d->n_segs);
    }
}

/* What becomes of a VXLAN/IPv4 superpacket with outer checksum whose shape or
 * whose port is special. */
static void
print_shapes(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    const uint64_t all = TUNNELLED_UDP;
    const uint64_t partial = all & ~NETDEV_TX_OFFLOAD_OUTER_UDP_CKSUM;
    const uint64_t relay = UDP | TNL_GSO_TX_TCP_GSO | TNL_GSO_TX_TNL_GSO;
    const char *any = "hw,hw-partial,tcp-tso,kernel,udp-gso,software";
    const struct tnl_gso_desc base = superpacket(IPPROTO_TCP, TNL_GSO_VXLAN,
                                                 true, true, 4000, 1000);
    struct tnl_gso_desc d = base;

    print_shape("4 x mss of payload", &base, all, any);
    print_shape("the same, port without out_udp_csum", &base, partial, any);

    d = superpacket(IPPROTO_TCP, TNL_GSO_VXLAN, true, true, 4001, 1000);
    print_shape("4 x mss + 1, port without out_udp_csum", &d, partial, any);

    d = superpacket(IPPROTO_TCP, TNL_GSO_VXLAN, true, true, 1000, 1000);
    print_shape("payload not more than mss", &d, all, any);

    d = base;
    d.stacked = true;
    print_shape("two VLAN tags or MPLS labels", &d, all, any);

    d = base;
    d.inner.ext = true;
    print_shape("IPv6 extension headers", &d, all, any);

    d = base;
    d.rco = true;
    print_shape("remote checksum", &d, all, any);
    print_shape("the same, port without udp_seg", &d,
                all & ~TNL_GSO_TX_UDP_GSO, any);

    d = superpacket(IPPROTO_TCP, TNL_GSO_VXLAN, true, true, 45 * 1400, 1400);
    print_shape("45 x 1400, port with udp_seg only", &d, UDP, any);

    d = superpacket(IPPROTO_TCP, TNL_GSO_VXLAN, true, true, 70 * 100, 100);
    print_shape("70 x 100, port with udp_seg only", &d, UDP, any);

    print_shape("port with udp_seg and tnl_gso", &base, relay, any);
    print_shape("the same with udp_tso", &base, relay | TNL_GSO_TX_UDP_TSO,
                any);
    d = superpacket(IPPROTO_TCP, TNL_GSO_VXLAN, true, false, 4000, 1000);
    print_shape("the same, no outer checksum", &d, relay | TNL_GSO_TX_UDP_TSO,
                any);

    d = superpacket(IPPROTO_TCP, TNL_GSO_VXLAN, true, true, 4000, 1415);
    print_shape("a segment would exceed the MTU", &d, all, any);

    d = superpacket(IPPROTO_TCP, TNL_GSO_VXLAN, true, true,
                    TNL_GSO_MAX_SEGS + 1, 1);
    print_shape("one segment too many, port cuts", &d, all, any);
    print_shape("one segment too many, port cannot cut", &d, 0, any);

    d = superpacket(IPPROTO_UDP, TNL_GSO_VXLAN, true, true, 4000, 1000);
    print_shape("4 x mss of UDP payload", &d, all, any);
    print_shape("the same, port without tnl_udp_seg", &d, OUTER_UDP, any);

    print_shape("tnl-gso-methods=software", &base, all, "software");
    print_shape("tnl-gso-methods=hw, port cannot cut", &base, 0, "hw");
}

/* The limits of a train. */
static void
print_train(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    printf("%d\t%d\n", TNL_GSO_MAX_UDP_GSO_SEGS, TNL_GSO_MAX_TRAIN_LEN);
}

static const struct ovs_cmdl_command commands[] = {
    { "rows", "tcp|udp", 1, 1, print_rows, OVS_RO },
    { "ports", "tcp|udp", 1, 1, print_ports, OVS_RO },
    { "train", NULL, 0, 0, print_train, OVS_RO },
    { "shapes", NULL, 0, 0, print_shapes, OVS_RO },
    { NULL, NULL, 0, 0, NULL, OVS_RO },
};

static void
tnl_gso_matrix_main(int argc, char *argv[])
{
    struct ovs_cmdl_context ctx = {
        .argc = argc - 1,
        .argv = argv + 1,
    };

    set_program_name(argv[0]);
    ovs_cmdl_run_command(&ctx, commands);
}

OVSTEST_REGISTER("tnl-gso-matrix", tnl_gso_matrix_main);
