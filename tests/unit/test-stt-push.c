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

#include "test-stt.h"

#include <stdlib.h>
#include <string.h>

#include "dp-packet.h"
#include "odp-netlink.h"
#include "packets.h"
#include "tnl-gso/ports/netdev-stt.h"
#include "util.h"

/* STT, pushes of packets that an STT header cannot describe, or that leave no
 * room for one, and what is put around an STT frame before it is cut. */

/* Superpackets that an STT header cannot describe. */
static void
test_not_taken(void)
{
    static const struct {
        const char *name;
        bool udp;
        int n_vlans;
        int n_mpls;
        uint16_t tcp_flags;
        uint16_t mss;
    } rows[] = {
        { .name = "UDP", .udp = true },
        { .name = "two VLANs", .n_vlans = 2 },
        { .name = "MPLS", .n_mpls = 1 },
        { .name = "CWR", .tcp_flags = 0x090 },
        { .name = "mss 471", .mss = 471 },
        { .name = "mss 1", .mss = 1 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct pkt_row row;
        struct dp_packet *p;
        char *error = NULL;

        pkt_row_init(&row, REF_PLAIN);
        row.payload = 5000;
        row.mss = rows[i].mss ? rows[i].mss : 1400;
        row.udp = rows[i].udp;
        row.inner.n_vlans = rows[i].n_vlans;
        row.inner.n_mpls = rows[i].n_mpls;
        if (rows[i].tcp_flags) {
            row.tcp_flags = rows[i].tcp_flags;
        }
        p = pkt_build(&row);
        EXPECT(netdev_stt_takes_super(p), false);
        dp_packet_delete(p);
        test_case(error, "stt: superpacket of %s is cut before the push",
                  rows[i].name);
    }
}

/* What follows the IP packet in a superpacket, because its length is a lie, is
 * payload to who cuts it, and would be padding to a receiver. */
static void
test_lying(void)
{
    char *error = NULL;
    struct dp_packet *p;
    struct pkt_row row;

    pkt_row_init(&row, REF_PLAIN);
    row.payload = 5000;
    row.mss = 472;
    p = pkt_build(&row);
    EXPECT(netdev_stt_takes_super(p), true);
    dp_packet_set_l2_pad_size(p, 100);
    EXPECT(netdev_stt_takes_super(p), false);
    dp_packet_delete(p);
    test_case(error, "stt: superpacket with more than its IP length");
}

/* A checksum over more than there is cannot be left to anybody. */
static void
test_too_short(const struct push_row *row)
{
    struct ovs_action_push_tnl data;
    char *error = NULL;
    struct dp_packet *p;
    struct ref_job job;
    uint8_t *frame;
    size_t len;

    frame = stt_build_inner(row, &job, &len);
    p = pkt_from_job(frame, len, &job);
    p->uso_segsz = 0;
    dp_packet_set_size(p, len - 1);
    stt_put_template(&data, 4);
    netdev_stt_push_header(NULL, NULL, p, &data);
    EXPECT(((const uint8_t *) dp_packet_data(p))[54 + 1] & PARTIAL, 0);
    dp_packet_delete(p);
    free(frame);
    test_case(error, "stt: push of %s without its last byte", row->name);
}

/* A packet that leaves no room for headers. */
static void
test_no_room(size_t len)
{
    struct dp_packet *p = dp_packet_new(len);
    struct ovs_action_push_tnl data;
    char *error = NULL;

    dp_packet_put_zeros(p, len);
    stt_put_template(&data, 4);
    netdev_stt_push_header(NULL, NULL, p, &data);
    EXPECT(dp_packet_size(p) <= UINT16_MAX, true);
    EXPECT(ref_get16((uint8_t *) dp_packet_data(p) + 34 + 4),
           dp_packet_size(p) - 34 - TCP_LEN);
    dp_packet_delete(p);
    test_case(error, "stt: push of a packet of %"PRIuSIZE" bytes", len);
}

/* An STT frame that is given tags, as the letters in 'tags' say, on its way to
 * a port: 'q' is an 802.1Q tag, 'a' an 802.1ad one, 'm' an MPLS label.
 * 'free' of these bytes are not counted by the MTU. */
static void
test_tagged(const char *tags, size_t free)
{
    enum { MTU = 1500, PAYLOAD = 20000 };
    struct ovs_action_push_tnl data;
    size_t hdr_len, bytes = 0;
    struct ref_frames got;
    char *error = NULL;
    struct pkt_row row;
    struct dp_packet *p;
    size_t stt_len;

    pkt_row_init(&row, REF_PLAIN);
    row.payload = PAYLOAD;
    row.mss = 1400;
    p = pkt_build(&row);
    stt_put_template(&data, 4);
    netdev_stt_push_header(NULL, NULL, p, &data);
    stt_len = dp_packet_size(p) - 34 - TCP_LEN;
    for (const char *t = tags; *t; t++) {
        if (*t == 'm') {
            push_mpls(p, htons(ETH_TYPE_MPLS), htonl(0x00001140));
        } else {
            eth_push_vlan(p, htons(*t == 'q' ? ETH_TYPE_VLAN_8021Q
                                   : ETH_TYPE_VLAN_8021AD), htons(5));
        }
    }
    stt_send_on(p, MTU, &got);

    hdr_len = 34 + TCP_LEN + 4 * strlen(tags);
    for (size_t i = 0; i < got.n; i++) {
        bytes += got.v[i].len - hdr_len;
    }
    EXPECT(bytes, stt_len);
    EXPECT(got.n ? got.v[0].len : 0, 14 + MTU + free);
    ref_frames_destroy(&got);
    test_case(error, "stt: tags %s after the push", tags);
}

void
test_stt_push(void)
{
    test_not_taken();
    test_lying();
    test_too_short(&stt_udp_row);
    test_too_short(&stt_udp6_row);
    test_no_room(65463);
    test_no_room(65464);
    test_no_room(65518);
    test_no_room(65535);
    test_tagged("q", 4);
    test_tagged("a", 0);
    test_tagged("qq", 4);
    test_tagged("qa", 0);
    test_tagged("m", 0);
    test_tagged("mq", 4);
}
