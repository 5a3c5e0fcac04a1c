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

#include "tnl-gso-pkt.h"
#include "tnl-gso-train.h"
#include "util.h"

/* Each rule of merging, violated by the least that violates it. */

/* Where a byte is that violates a rule. */
enum base { TUNNEL, INNER_ETH, INNER_L3, INNER_L4, PAYLOAD };

enum {
    ALL = 0x1f,
    FROM2 = 0x1c,
};

/* In those of five units that 'units' has a bit for,
 * 'value' is xored to the byte at 'ofs' behind 'base'. */
struct violation {
    const char *name;
    char kind;                  /* For train_train_five_units(). */
    unsigned int units;
    enum base base;
    int ofs;                    /* Negative: from the end. */
    uint8_t value;
    bool bad_csum;              /* Inner checksums do not follow. */
    const char *runs;
};

static const struct violation violations[] = {
    { "none",               '4', 0, PAYLOAD, 0, 0, false, "5" },
    { "none",               '6', 0, PAYLOAD, 0, 0, false, "5" },
    { "none",               'g', 0, PAYLOAD, 0, 0, false, "5" },
    { "payload differs",    '4', 1 << 2, PAYLOAD, 7, 0xff, false, "5" },

    { "VNI",                '4', 1 << 2, TUNNEL, 6, 0x01, false, "2 1 2" },
    { "VNI of the first",   '4', 1 << 0, TUNNEL, 4, 0x80, false, "1 4" },
    { "VNI of the last",    '4', 1 << 4, TUNNEL, 5, 0x10, false, "4 1" },
    { "VNI changes",        '4', FROM2, TUNNEL, 5, 0x10, false, "2 3" },
    { "VXLAN flags",        '4', 1 << 2, TUNNEL, 0, 0x80, false, "2 1 2" },
    { "VXLAN group",        '4', 1 << 2, TUNNEL, 3, 0x01, false, "2 1 2" },
    { "VXLAN reserved",     '4', 1 << 2, TUNNEL, 7, 0x01, false, "2 1 2" },
    { "VXLAN-GPE",          '4', ALL, TUNNEL, 0, 0x04, false, "1 1 1 1 1" },
    { "Geneve VNI",         'g', 1 << 2, TUNNEL, 6, 0x01, false, "2 1 2" },
    { "Geneve reserved",    'g', 1 << 2, TUNNEL, 7, 0x01, false, "2 1 2" },
    { "Geneve OAM",         'g', 1 << 2, TUNNEL, 1, 0x80, false, "2 1 2" },
    { "Geneve option",      'g', 1 << 2, TUNNEL, 9, 0x01, false, "2 1 2" },
    { "Geneve last option", 'g', 1 << 3, TUNNEL, 15, 0x80, false, "3 1 1" },
    { "Geneve fewer options", 'g', 1 << 2, TUNNEL, 0, 0x01, false, "2 1 2" },
    { "Geneve version",     'g', ALL, TUNNEL, 0, 0x40, false, "1 1 1 1 1" },
    { "Geneve protocol",    'g', ALL, TUNNEL, 3, 0x01, false, "1 1 1 1 1" },

    { "Ethernet dst",       '4', 1 << 2, INNER_ETH, 5, 0x01, false, "2 1 2" },
    { "Ethernet src",       '4', 1 << 2, INNER_ETH, 6, 0x02, false, "2 1 2" },
    { "VLAN ID",            '4', 1 << 2, INNER_ETH, 15, 0x01, false, "2 1 2" },
    { "VLAN PCP",           '4', 1 << 2, INNER_ETH, 14, 0x80, false, "2 1 2" },
    { "Ethertype",          '4', 1 << 2, INNER_ETH, 17, 0x06, false, "2 1 2" },

    { "TOS",                '4', 1 << 2, INNER_L3, 1, 0x04, false, "2 1 2" },
    { "ECN",                '4', FROM2, INNER_L3, 1, 0x03, false, "2 3" },
    { "total length less",  '4', 1 << 2, INNER_L3, 3, 0x04, false, "2 1 2" },
    { "total length more",  '4', 1 << 4, INNER_L3, 2, 0x10, false, "4 1" },
    { "total length, first", '4', 1 << 0, INNER_L3, 3, 0x10, false, "1 4" },
    { "ID",                 '4', 1 << 2, INNER_L3, 5, 0x40, false, "2 1 2" },
    { "ID jumps",           '4', FROM2, INNER_L3, 4, 0x40, false, "2 3" },
    { "DF",                 '4', 1 << 2, INNER_L3, 6, 0x40, false, "2 1 2" },
    { "reserved IP flag",   '4', 1 << 2, INNER_L3, 6, 0x80, false, "2 1 2" },
    { "MF",                 '4', 1 << 2, INNER_L3, 6, 0x20, false, "2 1 2" },
    { "MF",                 '4', ALL, INNER_L3, 6, 0x20, false, "1 1 1 1 1" },
    { "fragment offset",    '4', ALL, INNER_L3, 7, 0x08, false, "1 1 1 1 1" },
    { "TTL",                '4', 1 << 2, INNER_L3, 8, 0x01, false, "2 1 2" },
    { "protocol",           '4', 1 << 2, INNER_L3, 9, 0x17, false, "2 1 2" },
    { "protocol",           '4', ALL, INNER_L3, 9, 0x17, false, "1 1 1 1 1" },
    { "IPv4 checksum",      '4', 1 << 2, INNER_L3, 10, 0x01, true, "2 1 2" },
    { "IPv4 checksum, first", '4', 1, INNER_L3, 11, 0x01, true, "1 4" },
    { "IPv4 src",           '4', 1 << 2, INNER_L3, 15, 0x01, false, "2 1 2" },
    { "IPv4 dst",           '4', 1 << 2, INNER_L3, 16, 0x01, false, "2 1 2" },
    { "IP version",         '4', ALL, INNER_L3, 0, 0x10, false, "1 1 1 1 1" },
    { "IPv4 header length", '4', ALL, INNER_L3, 0, 0x01, true, "1 1 1 1 1" },

    { "traffic class",      '6', 1 << 2, INNER_L3, 1, 0x10, false, "2 1 2" },
    { "flow label",         '6', 1 << 2, INNER_L3, 3, 0x01, false, "2 1 2" },
    { "payload length less", '6', 1 << 2, INNER_L3, 5, 0x04, false, "2 1 2" },
    { "payload length more", '6', 1, INNER_L3, 4, 0x10, false, "1 4" },
    { "next header",        '6', 1 << 2, INNER_L3, 6, 0x17, false, "2 1 2" },
    { "hop limit",          '6', 1 << 2, INNER_L3, 7, 0x01, false, "2 1 2" },
    { "IPv6 src",           '6', 1 << 2, INNER_L3, 23, 0x01, false, "2 1 2" },
    { "IPv6 dst",           '6', FROM2, INNER_L3, 24, 0x01, false, "2 3" },

    { "source port",        '4', 1 << 2, INNER_L4, 1, 0x01, false, "2 1 2" },
    { "destination port",   '6', 1 << 2, INNER_L4, 2, 0x01, false, "2 1 2" },
    { "sequence number",    '4', 1 << 2, INNER_L4, 7, 0x01, false, "2 1 2" },
    { "sequence gap",       '6', FROM2, INNER_L4, 4, 0x80, false, "2 3" },
    { "acknowledgement",    '4', 1 << 2, INNER_L4, 11, 0x01, false, "2 1 2" },
    { "acknowledges more",  '4', FROM2, INNER_L4, 8, 0x01, false, "2 3" },
    { "data offset less",   '4', 1 << 2, INNER_L4, 12, 0xd0, false, "2 1 2" },
    { "data offset < 5",    '4', ALL, INNER_L4, 12, 0xc0, false,
      "1 1 1 1 1" },
    { "AE",                 '4', 1 << 2, INNER_L4, 12, 0x01, false, "2 1 2" },
    { "reserved TCP bit",   '4', 1 << 2, INNER_L4, 12, 0x08, false, "2 1 2" },
    { "FIN",                '4', 1 << 2, INNER_L4, 13, 0x01, false, "3 2" },
    { "FIN in the first",   '4', 1 << 0, INNER_L4, 13, 0x01, false, "1 4" },
    { "FIN in the last",    '4', 1 << 4, INNER_L4, 13, 0x01, false, "5" },
    { "SYN",                '4', 1 << 2, INNER_L4, 13, 0x02, false, "2 1 2" },
    { "SYN",                '4', ALL, INNER_L4, 13, 0x02, false,
      "1 1 1 1 1" },
    { "RST",                '4', 1 << 4, INNER_L4, 13, 0x04, false, "4 1" },
    { "RST",                '4', ALL, INNER_L4, 13, 0x04, false,
      "1 1 1 1 1" },
    { "PSH",                '6', 1 << 1, INNER_L4, 13, 0x08, false, "2 3" },
    { "PSH",                '6', ALL, INNER_L4, 13, 0x08, false,
      "1 1 1 1 1" },
    { "ACK",                '4', 1 << 2, INNER_L4, 13, 0x10, false, "2 1 2" },
    { "URG",                '4', 1 << 2, INNER_L4, 13, 0x20, false, "2 1 2" },
    { "URG",                '4', ALL, INNER_L4, 13, 0x20, false,
      "1 1 1 1 1" },
    { "ECE",                '4', 1 << 2, INNER_L4, 13, 0x40, false, "2 1 2" },
    { "ECE",                '4', ALL, INNER_L4, 13, 0x40, false, "5" },
    { "CWR",                '4', 1 << 2, INNER_L4, 13, 0x80, false, "2 3" },
    { "CWR in the first",   '4', 1 << 0, INNER_L4, 13, 0x80, false, "5" },
    { "CWR",                '4', ALL, INNER_L4, 13, 0x80, false,
      "1 1 1 1 1" },
    { "CWR and PSH",        '4', 1 << 2, INNER_L4, 13, 0x88, false, "2 1 2" },
    { "window",             '4', 1 << 2, INNER_L4, 15, 0x01, false, "2 1 2" },
    { "TCP checksum, first", '4', 1 << 0, INNER_L4, 16, 0x01, true, "1 4" },
    { "TCP checksum, second", '4', 1 << 1, INNER_L4, 17, 1, true, "1 1 3" },
    { "TCP checksum",       '6', 1 << 2, INNER_L4, 17, 0x01, true, "2 1 2" },
    { "TCP checksum, last", '4', 1 << 4, INNER_L4, 17, 0x80, true, "4 1" },
    { "TCP checksum, two",  '4', 1 << 1 | 1 << 3, INNER_L4, 17, 0x80, true,
      "1 1 1 1 1" },
    { "TCP checksum, all",  '4', ALL, INNER_L4, 17, 0x80, true,
      "1 1 1 1 1" },
    { "urgent pointer",     '4', 1 << 2, INNER_L4, 19, 0x01, false, "2 1 2" },
    { "TCP option",         '4', 1 << 2, INNER_L4, 20, 0x08, false, "2 1 2" },
    { "timestamp",          '6', FROM2, INNER_L4, 27, 0x01, false, "2 3" },
    { "timestamp echo",     '4', 1 << 2, INNER_L4, 31, 0x01, false, "2 1 2" },
    { "damaged payload",    '4', 1 << 3, PAYLOAD, 500, 0x01, true, "3 1 1" },
    { "damaged last byte",  '6', 1 << 4, PAYLOAD, -1, 0x01, true, "4 1" },

    /* Only the outer checksum covers the payload. */
    { "remote",             'r', 0, PAYLOAD, 0, 0, false, "5" },
    { "remote",             'R', 0, PAYLOAD, 0, 0, false, "5" },
    { "remote, payload",    'r', 1 << 3, PAYLOAD, 500, 0x01, true, "5" },
    { "remote sum",         'r', 1 << 2, INNER_L4, 17, 0x01, true, "2 1 2" },
    { "remote sum, first",  'R', 1 << 0, INNER_L4, 16, 0x80, true, "1 4" },
    { "remote sum, last",   'R', 1 << 4, INNER_L4, 16, 0x80, true, "4 1" },
    { "remote length",      'r', 1 << 2, INNER_L3, 3, 0x04, false, "2 1 2" },
    { "remote start",       'r', 1 << 2, TUNNEL, 7, 0x01, false, "2 1 2" },
    { "remote start",       'r', ALL, TUNNEL, 7, 0x01, false, "1 1 1 1 1" },
    { "remote UDP",         'r', ALL, TUNNEL, 7, 0x80, false, "1 1 1 1 1" },
    { "remote and not",     'r', 1 << 2, TUNNEL, 1, 0x20, false, "2 1 2" },
    { "remote, bit lost",   'r', ALL, TUNNEL, 1, 0x20, true, "1 1 1 1 1" },
    { "remote, bit added",  '4', ALL, TUNNEL, 1, 0x20, true, "1 1 1 1 1" },
};

static void
violate(const struct violation *v, struct ref_frame *unit,
        const struct ref_layout *l)
{
    size_t ofs = (v->ofs < 0 ? unit->len
                  : v->base == TUNNEL ? l->outer.l4 + 8
                  : v->base == INNER_ETH ? l->inner.ofs - 18
                  : v->base == INNER_L3 ? l->inner.ofs
                  : v->base == INNER_L4 ? l->inner.l4
                  : l->payload);

    unit->data[ofs + v->ofs] ^= v->value;
    if (!v->bad_csum) {
        train_settle_unit(unit, l);
    }
}

static void
test_violation(const struct violation *v)
{
    struct ref_layout l;
    struct train t;

    train_five_units(v->kind, &t, &l);
    for (size_t i = 0; i < TRAIN_N_UNITS; i++) {
        if (v->units & (1 << i)) {
            struct ref_frame unit = train_unit(&t, i);

            violate(v, &unit, &l);
        }
    }
    test_case(train_expect(&t, v->runs),
              "violation: %s, kind %c, units %#x", v->name, v->kind,
              v->units);
    train_destroy(&t);
}

/* What a byte cannot say. */
static void
test_shapes(void)
{
    struct ref_frame unit;
    struct ref_layout l;
    struct pkt_row row;
    struct train t;

    /* IDs that stay the same do so when they are cut again. */
    train_five_units('4', &t, &l);
    for (size_t i = 0; i < TRAIN_N_UNITS; i++) {
        unit = train_unit(&t, i);
        ref_put16(unit.data + l.inner.ofs + 4, 7);
        train_settle_unit(&unit, &l);
    }
    test_case(train_expect(&t, "5"), "shapes: constant IDs");
    train_destroy(&t);

    /* Addresses that no checksum tells from the right ones. */
    for (int i = 0; i < 4; i++) {
        uint8_t *addr;
        uint16_t word;

        train_five_units(i < 2 ? '4' : '6', &t, &l);
        unit = train_unit(&t, 2);
        addr = (unit.data + l.inner.ofs + (i < 2 ? 12 : 8)
                + i % 2 * (i < 2 ? 4 : 16));
        word = ref_get16(addr);
        ovs_assert(word != ref_get16(addr + 2));
        ref_put16(addr, ref_get16(addr + 2));
        ref_put16(addr + 2, word);
        test_case(train_expect(&t, "2 1 2"), "shapes: address %d", i);
        train_destroy(&t);
    }

    /* A last unit without payload. */
    train_five_units('6', &t, &l);
    unit = train_unit(&t, TRAIN_N_UNITS - 1);
    t.len -= unit.len - l.payload;
    unit.len = l.payload;
    ref_put16(unit.data + l.inner.ofs + 4, unit.len - l.inner.ofs - 40);
    train_settle_unit(&unit, &l);
    ref_put16(t.data + t.l3 + 2, t.len - t.l3);
    ref_put16(t.data + t.l3 + 10, 0);
    ref_put16(t.data + t.l3 + 10, ref_csum(t.data + t.l3, 20));
    test_case(train_expect(&t, "4 1"), "shapes: no payload");
    train_destroy(&t);

    /* A last unit that is cut short at any byte. */
    for (size_t n = 0; n < 999 + 78; n++) {
        train_five_units('4', &t, &l);
        t.len -= n;
        ref_put16(t.data + t.l3 + 2, t.len - t.l3);
        ref_put16(t.data + t.l3 + 10, 0);
        ref_put16(t.data + t.l3 + 10, ref_csum(t.data + t.l3, 20));
        test_case(train_expect(&t, n ? "4 1" : "5"),
                  "shapes: %"PRIuSIZE" bytes less", n);
        train_destroy(&t);
    }

    /* Headers that no port describes, and no Ethernet. */
    for (int i = 0; i < 4; i++) {
        struct ref_frames units;

        pkt_row_init(&row, REF_GENEVE);
        row.payload = 3000;
        row.inner.n_vlans = i == 0 ? 2 : 0;
        row.inner.n_mpls = i == 1;
        row.inner.nsh = i == 2;
        row.no_eth = i == 3;
        train_cut_row(&row, &units);
        train_build(&t, row.encap, &units);
        ref_frames_destroy(&units);
        test_case(train_expect(&t, i == 3 ? "3" : "1 1 1"), "shapes: row %d",
                  i);
        train_destroy(&t);
    }

    /* Another tunnel's units are not looked into. */
    train_five_units('4', &t, &l);
    t.encap = REF_GENEVE;
    test_case(train_expect(&t, "1 1 1 1 1"), "shapes: VXLAN for Geneve");
    train_destroy(&t);
}

void
test_merge_rules(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(violations); i++) {
        test_violation(&violations[i]);
    }
    test_shapes();
}
