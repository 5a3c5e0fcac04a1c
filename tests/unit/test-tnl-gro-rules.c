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

#include "test-tnl-gso.h"

#include <stdlib.h>
#include <string.h>

#include "command-line.h"
#include "dp-packet.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "test-tnl-gro.h"
#include "tnl-gso/core/tnl-gso-packet.h"
#include "tnl-gso/receive/tnl-gro.h"
#include "util.h"

/* The rules of merging, one by one, for packets that come by themselves: which
 * of five are merged if one is different, and which rule that counts.
 *
 * Trains have tables of their own: test-tnl-gso-merge-rules.c. */

/* Five packets of one flow, the last one shorter, in the encapsulation 'kind':
 * 'v', 'g', 'r', 't' (GTP-U) or 'p'; or 'c', which is 'v' with remote
 * checksums. */
void
gro_list_five(struct gro_list *list, char kind, int outer, int inner)
{
    enum ref_encap encap = (kind == 'v' || kind == 'c' ? REF_VXLAN
                            : kind == 'g' ? REF_GENEVE
                            : kind == 'r' ? REF_GRE
                            : kind == 't' ? REF_GTPU : REF_PLAIN);
    struct pkt_row row;

    pkt_row_init(&row, encap);
    row.geneve_opt = kind == 'g' || kind == 't' ? 8 : 0;
    row.gre_key = kind == 'r';
    row.csum = kind != 'p';
    row.rco = kind == 'c';
    row.outer.version = outer;
    row.inner.version = inner;
    row.inner.n_vlans = kind != 't';
    row.tcp_opt = 12;
    row.mss = 101;
    row.payload = 4 * 101 + 99;
    gro_list_init(list, encap);
    gro_list_add_flow(list, &row, false);
    gro_list_add_units(list, 1, NULL);
    ovs_assert(list->n == 5);
}

/* Does a packet that is kept apart by 'rule' begin a superpacket, which a
 * shorter one then ends? */
static bool
another_ends(enum tnl_gro_rule rule)
{
    return rule == TNL_GRO_R_LENGTH || rule == TNL_GRO_R_FULL;
}

/* Has 'list' merged, and compares what becomes of it: the number of units in
 * each packet with 'runs', and the rule counted, if it is not
 * TNL_GRO_JOINED.  Destroys 'list'. */
char *
gro_list_expect(struct gro_list *list, const char *runs,
                enum tnl_gro_rule rule)
{
    struct ds got = DS_EMPTY_INITIALIZER;
    struct tnl_gro_count count;
    struct gro_result r;
    char *error;

    gro_list_finish(list, NULL);
    error = gro_list_merge_and_judge(list, &r, &count, &got);
    if (!error && strcmp(ds_cstr(&got), runs)) {
        error = xasprintf("units %s, not %s", ds_cstr(&got), runs);
    }
    for (size_t i = 0; i < TNL_GRO_N_RULES && !error; i++) {
        bool other = (i != TNL_GRO_JOINED && i != TNL_GRO_FIRST && i != rule
                      && i != TNL_GRO_R_SEQ
                      && (i != TNL_GRO_R_ENDED || !another_ends(rule)));

        if (other ? count.units[i] > 0 : i == rule && !count.units[i]) {
            error = xasprintf("%u units of rule %s", count.units[i],
                              tnl_gro_rule_to_string(i));
        }
    }
    ds_destroy(&got);
    gro_list_destroy(list);
    return error;
}

/* Where 'ofs' counts from. */
enum base { OUTER_ETH, OUTER_L3, OUTER_L4, TUNNEL, INNER_ETH, INNER_L3,
            INNER_L4, PAYLOAD };

/* What is right when a byte has been changed. */
enum after { ALL, OUTER, NOTHING };

/* In the third of five packets, 'value' is xored to a byte. */
struct row {
    const char *name;
    const char *kinds;
    int version;                /* Of the IP header that is changed, or 0. */
    enum base base;
    int ofs;                    /* Negative: from the end. */
    uint8_t value;
    enum after after;
    const char *runs;
    enum tnl_gro_rule rule;
};

#define R(RULE) TNL_GRO_R_##RULE

static const struct row rows[] = {
    { "payload", "vgrtp", 0, PAYLOAD, 7, 0xff, ALL, "5", TNL_GRO_JOINED },

    { "outer dst", "vgrt", 0, OUTER_ETH, 5, 0x01, ALL, "2 1 2", R(OUTER) },
    { "outer src", "vgrt", 0, OUTER_ETH, 11, 0x01, ALL, "2 1 2", R(OUTER) },
    { "outer TOS", "vgrt", 4, OUTER_L3, 1, 0x04, ALL, "2 1 2", R(OUTER) },
    { "outer ECN", "vgrt", 4, OUTER_L3, 1, 0x03, ALL, "2 1 2", R(OUTER) },
    { "outer length", "vgrt", 4, OUTER_L3, 3, 0x01, NOTHING, "2 1 2",
      R(HEADERS) },
    { "outer ID", "vgrt", 4, OUTER_L3, 5, 0x40, ALL, "5", TNL_GRO_JOINED },
    { "outer DF", "vgrt", 4, OUTER_L3, 6, 0x40, ALL, "2 1 2", R(OUTER) },
    { "outer MF", "vgrt", 4, OUTER_L3, 6, 0x20, NOTHING, "2 1 2", R(HEADERS) },
    { "outer TTL", "vgrt", 4, OUTER_L3, 8, 0x01, ALL, "2 1 2", R(OUTER) },
    { "outer IPv4 checksum", "vgrt", 4, OUTER_L3, 10, 0x01, NOTHING, "2 1 2",
      R(HEADERS) },
    { "outer IPv4 src", "vgrt", 4, OUTER_L3, 15, 0x01, ALL, "2 1 2",
      R(OUTER) },
    { "outer IPv4 dst", "vgrt", 4, OUTER_L3, 16, 0x01, ALL, "2 1 2",
      R(OUTER) },
    { "outer class", "vgrt", 6, OUTER_L3, 1, 0x10, ALL, "2 1 2", R(OUTER) },
    { "outer label", "vgrt", 6, OUTER_L3, 3, 0x01, ALL, "2 1 2", R(OUTER) },
    { "outer length", "vgrt", 6, OUTER_L3, 5, 0x01, NOTHING, "2 1 2",
      R(HEADERS) },
    { "outer hop limit", "vgrt", 6, OUTER_L3, 7, 0x01, ALL, "2 1 2",
      R(OUTER) },
    { "outer IPv6 src", "vgrt", 6, OUTER_L3, 8, 0x01, ALL, "2 1 2",
      R(OUTER) },
    { "outer IPv6 dst", "vgrt", 6, OUTER_L3, 39, 0x01, ALL, "2 1 2",
      R(OUTER) },
    { "UDP src", "vgt", 0, OUTER_L4, 1, 0x01, ALL, "2 1 2", R(OUTER) },
    { "UDP dst", "vgt", 0, OUTER_L4, 3, 0x01, ALL, "2 1 2", R(OUTER) },
    { "UDP length", "vgt", 0, OUTER_L4, 5, 0x01, NOTHING, "2 1 2",
      R(HEADERS) },
    { "UDP checksum", "vgt", 0, OUTER_L4, 7, 0x01, NOTHING, "2 1 2",
      R(CSUM) },
    { "GRE checksum", "r", 0, OUTER_L4, 5, 0x01, NOTHING, "2 1 2", R(CSUM) },
    { "GRE key", "r", 0, OUTER_L4, 11, 0x01, ALL, "2 1 2", R(TUNNEL) },
    { "GRE sequence number", "r", 0, OUTER_L4, 0, 0x10, NOTHING, "2 1 2",
      R(HEADERS) },
    { "GRE version", "r", 0, OUTER_L4, 1, 0x01, NOTHING, "2 1 2",
      R(HEADERS) },
    { "GRE routing", "r", 0, OUTER_L4, 0, 0x40, NOTHING, "2 1 2",
      R(HEADERS) },
    { "GRE protocol", "r", 0, OUTER_L4, 3, 0x01, NOTHING, "2 1 2",
      R(HEADERS) },
    { "VXLAN flags", "v", 0, TUNNEL, 0, 0x80, ALL, "2 1 2", R(TUNNEL) },
    { "VXLAN I", "v", 0, TUNNEL, 0, 0x08, ALL, "2 1 2", R(TUNNEL) },
    { "VXLAN policy", "v", 0, TUNNEL, 1, 0x08, ALL, "2 1 2", R(TUNNEL) },
    { "VXLAN group", "v", 0, TUNNEL, 3, 0x01, ALL, "2 1 2", R(TUNNEL) },
    { "VXLAN-GPE", "v", 0, TUNNEL, 0, 0x04, NOTHING, "2 1 2", R(HEADERS) },
    { "VNI", "vg", 0, TUNNEL, 6, 0x01, ALL, "2 1 2", R(TUNNEL) },
    { "reserved", "vg", 0, TUNNEL, 7, 0x01, ALL, "2 1 2", R(TUNNEL) },
    { "Geneve version", "g", 0, TUNNEL, 0, 0x40, NOTHING, "2 1 2",
      R(HEADERS) },
    { "Geneve OAM", "g", 0, TUNNEL, 1, 0x80, ALL, "2 1 2", R(TUNNEL) },
    { "Geneve critical", "g", 0, TUNNEL, 1, 0x40, ALL, "2 1 2", R(TUNNEL) },
    { "Geneve protocol", "g", 0, TUNNEL, 3, 0x01, NOTHING, "2 1 2",
      R(HEADERS) },
    { "Geneve option", "g", 0, TUNNEL, 8, 0x01, ALL, "2 1 2", R(TUNNEL) },
    { "Geneve last option", "g", 0, TUNNEL, 15, 0x01, ALL, "2 1 2",
      R(TUNNEL) },

    { "GTP-U spare bit", "t", 0, TUNNEL, 0, 0x08, ALL, "2 1 2", R(TUNNEL) },
    { "GTP-U version", "t", 0, TUNNEL, 0, 0x20, NOTHING, "2 1 2",
      R(HEADERS) },
    { "GTP-U S", "t", 0, TUNNEL, 0, 0x02, NOTHING, "2 1 2", R(HEADERS) },
    { "GTP-U N", "t", 0, TUNNEL, 0, 0x01, NOTHING, "2 1 2", R(HEADERS) },
    { "GTP-U no E", "t", 0, TUNNEL, 0, 0x04, NOTHING, "2 1 2", R(HEADERS) },
    { "GTP-U type", "t", 0, TUNNEL, 1, 0x01, NOTHING, "2 1 2", R(HEADERS) },
    { "GTP-U length", "t", 0, TUNNEL, 3, 0x01, NOTHING, "2 1 2",
      R(HEADERS) },
    { "TEID", "t", 0, TUNNEL, 7, 0x01, ALL, "2 1 2", R(TUNNEL) },
    { "GTP-U extension", "t", 0, TUNNEL, 13, 0x01, ALL, "2 1 2", R(L2) },
    { "GTP-U extension's type", "t", 0, TUNNEL, 11, 0x45, NOTHING, "2 1 2",
      R(HEADERS) },
    { "GTP-U extension's length", "t", 0, TUNNEL, 12, 0x02, NOTHING, "2 1 2",
      R(HEADERS) },

    { "dst", "vgrp", 0, INNER_ETH, 5, 0x01, ALL, "2 1 2", R(L2) },
    { "src", "vgrp", 0, INNER_ETH, 6, 0x02, ALL, "2 1 2", R(L2) },
    { "VLAN type", "vgrp", 0, INNER_ETH, 13, 0x10, NOTHING, "2 1 2",
      R(HEADERS) },
    { "VLAN PCP", "vgrp", 0, INNER_ETH, 14, 0x80, ALL, "2 1 2", R(L2) },
    { "VLAN ID", "vgrp", 0, INNER_ETH, 15, 0x01, ALL, "2 1 2", R(L2) },
    { "Ethertype", "vgrp", 0, INNER_ETH, 17, 0x06, OUTER, "2 1 2",
      R(HEADERS) },

    { "IP version", "vgrtp", 4, INNER_L3, 0, 0x10, OUTER, "2 1 2",
      R(HEADERS) },
    { "IP header length", "vgrtp", 4, INNER_L3, 0, 0x01, OUTER, "2 1 2",
      R(HEADERS) },
    { "TOS", "vgrtp", 4, INNER_L3, 1, 0x04, ALL, "2 1 2", R(TOS) },
    { "ECN", "vgrtp", 4, INNER_L3, 1, 0x03, ALL, "2 1 2", R(TOS) },
    { "length less", "vgrtp", 4, INNER_L3, 3, 0x01, OUTER, "2 1 2",
      R(HEADERS) },
    { "length more", "vgrtp", 4, INNER_L3, 2, 0x10, OUTER, "2 1 2",
      R(HEADERS) },
    { "ID", "vgrtp", 4, INNER_L3, 5, 0x40, ALL, "2 1 2", R(IP_ID) },
    { "DF", "vgrtp", 4, INNER_L3, 6, 0x40, ALL, "2 1 2", R(IP) },
    { "reserved flag", "vgrtp", 4, INNER_L3, 6, 0x80, ALL, "2 1 2", R(IP) },
    { "MF", "vgrtp", 4, INNER_L3, 6, 0x20, OUTER, "2 1 2", R(FRAGMENT) },
    { "fragment offset", "vgrtp", 4, INNER_L3, 7, 0x08, OUTER, "2 1 2",
      R(FRAGMENT) },
    { "TTL", "vgrtp", 4, INNER_L3, 8, 0x01, ALL, "2 1 2", R(TTL) },
    { "UDP", "vgrtp", 4, INNER_L3, 9, 6 ^ 17, OUTER, "2 1 2", R(NOT_TCP) },
    { "ICMP", "vgrtp", 4, INNER_L3, 9, 6 ^ 1, OUTER, "2 1 2", R(NOT_TCP) },
    { "IPv4 checksum", "vgrtp", 4, INNER_L3, 11, 0x01, OUTER, "2 1 2",
      R(CSUM) },
    { "IPv4 src", "vgrtp", 4, INNER_L3, 15, 0x01, ALL, "2 1 2",
      TNL_GRO_JOINED },
    { "IPv4 dst", "vgrtp", 4, INNER_L3, 16, 0x01, ALL, "2 1 2",
      TNL_GRO_JOINED },
    { "class", "vgrtp", 6, INNER_L3, 1, 0x10, ALL, "2 1 2", R(TOS) },
    { "flow label", "vgrtp", 6, INNER_L3, 3, 0x01, ALL, "2 1 2", R(IP) },
    { "length less", "vgrtp", 6, INNER_L3, 5, 0x01, OUTER, "2 1 2",
      R(HEADERS) },
    { "length more", "vgrtp", 6, INNER_L3, 4, 0x10, OUTER, "2 1 2",
      R(HEADERS) },
    { "ICMPv6", "vgrtp", 6, INNER_L3, 6, 6 ^ 58, OUTER, "2 1 2",
      R(NOT_TCP) },
    { "fragment header", "vgrtp", 6, INNER_L3, 6, 6 ^ 44, OUTER, "2 1 2",
      R(FRAGMENT) },
    { "hop limit", "vgrtp", 6, INNER_L3, 7, 0x01, ALL, "2 1 2", R(TTL) },
    { "IPv6 src", "vgrtp", 6, INNER_L3, 23, 0x01, ALL, "2 1 2",
      TNL_GRO_JOINED },
    { "IPv6 dst", "vgrtp", 6, INNER_L3, 24, 0x01, ALL, "2 1 2",
      TNL_GRO_JOINED },

    { "src port", "vgrtp", 0, INNER_L4, 1, 0x01, ALL, "2 1 2",
      TNL_GRO_JOINED },
    { "dst port", "vgrtp", 0, INNER_L4, 2, 0x01, ALL, "2 1 2",
      TNL_GRO_JOINED },
    { "sequence number", "vgrtp", 0, INNER_L4, 7, 0x01, ALL, "2 1 2",
      R(SEQ) },
    { "far away", "vgrtp", 0, INNER_L4, 4, 0x80, ALL, "2 1 2", R(SEQ) },
    { "acknowledgement", "vgrtp", 0, INNER_L4, 11, 0x01, ALL, "2 1 2",
      R(ACK) },
    { "data offset less", "vgrtp", 0, INNER_L4, 12, 0xd0, ALL, "2 1 2",
      R(OPTIONS) },
    { "data offset < 5", "vgrtp", 0, INNER_L4, 12, 0xc0, OUTER, "2 1 2",
      R(HEADERS) },
    { "AE", "vgrtp", 0, INNER_L4, 12, 0x01, ALL, "2 1 2", R(TCP_FLAGS) },
    { "reserved bit", "vgrtp", 0, INNER_L4, 12, 0x08, ALL, "2 1 2",
      R(TCP_FLAGS) },
    { "FIN", "vgrtp", 0, INNER_L4, 13, 0x01, ALL, "3 2", R(ENDED) },
    { "SYN", "vgrtp", 0, INNER_L4, 13, 0x02, ALL, "2 1 2", R(CONTROL) },
    { "RST", "vgrtp", 0, INNER_L4, 13, 0x04, ALL, "2 1 2", R(CONTROL) },
    { "PSH", "vgrtp", 0, INNER_L4, 13, 0x08, ALL, "3 2", R(ENDED) },
    { "no ACK", "vgrtp", 0, INNER_L4, 13, 0x10, ALL, "2 1 2",
      R(TCP_FLAGS) },
    { "URG", "vgrtp", 0, INNER_L4, 13, 0x20, ALL, "2 1 2", R(CONTROL) },
    { "ECE", "vgrtp", 0, INNER_L4, 13, 0x40, ALL, "2 1 2", R(TCP_FLAGS) },
    { "CWR", "vgrtp", 0, INNER_L4, 13, 0x80, ALL, "2 3", R(TCP_FLAGS) },
    { "window", "vgrtp", 0, INNER_L4, 15, 0x01, ALL, "2 1 2", R(WINDOW) },
    { "TCP checksum", "vgrtp", 0, INNER_L4, 17, 0x01, OUTER, "2 1 2",
      R(CSUM) },
    { "urgent pointer", "vgrtp", 0, INNER_L4, 19, 0x01, ALL, "2 1 2",
      R(TCP_FLAGS) },
    { "option kind", "vgrtp", 0, INNER_L4, 20, 0x08, ALL, "2 1 2",
      R(OPTIONS) },
    { "timestamp", "vgrtp", 0, INNER_L4, 27, 0x01, ALL, "2 1 2",
      R(OPTIONS) },
    { "timestamp echo", "vgrtp", 0, INNER_L4, 31, 0x01, ALL, "2 1 2",
      R(OPTIONS) },
    { "damaged payload", "vgrtp", 0, PAYLOAD, 50, 0x01, OUTER, "2 1 2",
      R(CSUM) },
    /* Only the outer checksum covers the payload. */
    { "remote, payload", "c", 0, PAYLOAD, 50, 0x01, OUTER, "5",
      TNL_GRO_JOINED },
    { "remote sum", "c", 0, INNER_L4, 17, 0x01, OUTER, "2 1 2", R(CSUM) },
    { "remote start", "c", 0, TUNNEL, 7, 0x01, ALL, "2 1 2", R(HEADERS) },
    { "remote UDP", "c", 0, TUNNEL, 7, 0x80, ALL, "2 1 2", R(HEADERS) },
    { "remote and not", "c", 0, TUNNEL, 1, 0x20, ALL, "2 1 2", R(TUNNEL) },
    { "remote, bit lost", "c", 0, TUNNEL, 1, 0x20, OUTER, "2 1 2",
      R(TUNNEL) },

    { "damaged last byte", "vgrtp", 0, PAYLOAD, -1, 0x01, NOTHING, "2 1 2",
      R(CSUM) },
};

static void
test_row(const struct row *row, char kind, int outer, int inner)
{
    struct gro_list list;
    struct gro_item *item;
    size_t ofs;

    gro_list_five(&list, kind, outer, inner);
    item = &list.v[2];
    ofs = (row->ofs < 0 ? item->len
           : row->base == OUTER_L3 ? item->l.outer.ofs
           : row->base == OUTER_L4 ? item->l.outer.l4
           : row->base == TUNNEL ? item->l.outer.l4 + 8
           : row->base == INNER_ETH ? item->l.inner.ofs - 18
           : row->base == INNER_L3 ? item->l.inner.ofs
           : row->base == INNER_L4 ? item->l.inner.l4
           : row->base == PAYLOAD ? item->l.payload : 0);
    item->data[ofs + row->ofs] ^= row->value;
    if (row->after == ALL) {
        gro_item_settle(&list, item);
    } else if (row->after == OUTER) {
        gro_settle_outer(&list, item);
    }
    test_case(gro_list_expect(&list, row->runs, row->rule),
              "rule: %s, kind %c, outer v%d, inner v%d", row->name, kind,
              outer, inner);
}

static void
test_rows(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct row *row = &rows[i];
        bool in_outer = row->base == OUTER_L3;

        for (const char *kind = row->kinds; *kind; kind++) {
            for (int versions = 0; versions < 4; versions++) {
                int outer = versions & 1 ? 6 : 4;
                int inner = versions & 2 ? 6 : 4;

                if (!row->version
                    || row->version == (in_outer ? outer : inner)) {
                    test_row(row, *kind, outer, inner);
                }
            }
        }
    }
}

void
test_gro_rules(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    test_rows();
    test_gro_shapes();
    test_gro_expect();
}
