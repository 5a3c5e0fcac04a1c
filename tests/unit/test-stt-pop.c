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
#include "flow.h"
#include "odp-netlink.h"
#include "packets.h"
#include "tnl-gso/ports/netdev-stt.h"
#include "tnl-gso/stt/stt-reasm.h"
#include "util.h"

/* STT, what a pop takes and refuses: frames that are right but for a byte, and
 * packets that are too short. */

/* One byte of a frame that is right otherwise, and in one packet. */
struct bad_row {
    const char *name;
    const struct push_row *row;
    int base;                   /* 0: Ethernet, 1: TCP, 2: STT, 3: inner. */
    size_t ofs;
    uint8_t value;
    enum stt_verdict verdict;   /* STT_WHOLE: it is taken. */
};

static const struct bad_row bad_rows[] = {
    { "nothing", &stt_tcp_row, 2, 3, 0x00, STT_WHOLE },
    { "reserved byte", &stt_tcp_row, 2, 3, 0xff, STT_WHOLE },
    { "reserved flags", &stt_tcp_row, 2, 1, 0xf0 | PARTIAL | IPV4 | TCP,
      STT_WHOLE },
    { "padding", &stt_tcp_row, 2, 16, 0xff, STT_WHOLE },
    { "TCP flags", &stt_tcp_row, 1, 13, 0x02, STT_WHOLE },
    { "IPv4 options", &stt_tcp_row, 0, 14, 0x46, STT_DROP_IP },
    { "IPv4 version", &stt_tcp_row, 0, 14, 0x55, STT_DROP_IP },
    { "more fragments", &stt_tcp_row, 0, 20, 0x20, STT_DROP_IP },
    { "IP length beyond the packet", &stt_tcp_row, 0, 16, 0xff, STT_DROP_IP },
    { "IPv6 length beyond the packet", &stt_tcp6_row, 0, 18, 0xff,
      STT_DROP_IP },
    { "not TCP", &stt_tcp6_row, 0, 20, 17, STT_DROP_IP },
    { "TCP options", &stt_tcp_row, 1, 12, 0x60, STT_DROP_TCP_HEADER },
    { "TCP header of 16 bytes", &stt_tcp_row, 1, 12, 0x40,
      STT_DROP_TCP_HEADER },
    { "version", &stt_tcp_row, 2, 0, 1, STT_DROP_VERSION },
    { "verified and partial", &stt_tcp_row, 2, 1, 0x0f, STT_DROP_OFFLOAD },
    { "not TCP but UDP", &stt_tcp_row, 2, 1, PARTIAL | IPV4,
      STT_DROP_OFFLOAD },
    { "not UDP but TCP", &stt_udp_row, 2, 1, PARTIAL | IPV4 | TCP,
      STT_DROP_OFFLOAD },
    { "not IPv4 but IPv6", &stt_tcp_row, 2, 1, PARTIAL | TCP,
      STT_DROP_OFFLOAD },
    { "not IPv6 but IPv4", &stt_tcp6_row, 2, 1, PARTIAL | IPV4 | TCP,
      STT_DROP_OFFLOAD },
    { "L4 offset", &stt_tcp_row, 2, 2, 36, STT_DROP_OFFLOAD },
    { "L4 offset of none", &stt_tcp_row, 2, 2, 0, STT_DROP_OFFLOAD },
    { "mss with UDP", &stt_udp_row, 2, 5, 1, STT_DROP_OFFLOAD },
    { "mss of 376", &stt_tcp_row, 2, 4, 376 / 256, STT_DROP_MSS },
    { "mss of 632", &stt_tcp_row, 2, 4, 632 / 256, STT_WHOLE },
    { "Ethertype", &stt_tcp_row, 3, 12, 0x07, STT_DROP_OFFLOAD },
    { "inner IP version", &stt_tcp_row, 3, 14, 0x65, STT_DROP_OFFLOAD },
    { "inner fragment", &stt_tcp_row, 3, 20, 0x20, STT_DROP_OFFLOAD },
    { "inner protocol", &stt_tcp_row, 3, 23, 1, STT_DROP_OFFLOAD },
    { "inner IP length, longer", &stt_udp_row, 3, 16, 0xff, STT_DROP_OFFLOAD },
    { "inner IPv6 length, longer", &stt_udp6_row, 3, 18, 0xff,
      STT_DROP_OFFLOAD },
    { "inner IP length, longer, superpacket", &stt_tcp_row, 3, 16, 0xff,
      STT_WHOLE },
    { "inner TCP header of 16 bytes", &stt_tcp_row, 3, 34 + 12, 0x40,
      STT_DROP_OFFLOAD },
};

static char *
pop_bad(const struct bad_row *bad)
{
    unsigned long long before[STT_N_VERDICTS], after[STT_N_VERDICTS];
    const struct push_row *row = bad->row;
    size_t tcp = stt_outer_len(row->outer);
    size_t base[] = { 0, tcp, tcp + TCP_LEN, tcp + TCP_LEN + STT_LEN };
    struct ovs_action_push_tnl data;
    struct dp_packet *p;
    struct ref_job job;
    char *error = NULL;
    uint8_t *frame;
    size_t len;

    frame = stt_build_inner(row, &job, &len);
    p = pkt_from_job(frame, len, &job);
    p->uso_segsz = 0;
    free(frame);
    stt_put_template(&data, row->outer);
    netdev_stt_push_header(NULL, NULL, p, &data);
    frame = dp_packet_steal_data(p);
    len = dp_packet_size(p);
    dp_packet_delete(p);

    frame[base[bad->base] + bad->ofs] = bad->value;
    if (row->outer == 4) {
        ref_put16(frame + 24, 0);
        ref_put16(frame + 24, ref_csum(frame + 14, 20));
    }
    stt_counts_get(before);
    p = stt_received(frame, len);
    dp_packet_ip_checksum_set_good(p);
    dp_packet_l4_checksum_set_good(p);
    free(frame);
    p = netdev_stt_pop_header(p);
    stt_counts_get(after);

    EXPECT(p != NULL, bad->verdict == STT_WHOLE);
    EXPECT(after[bad->verdict] - before[bad->verdict], 1);
    EXPECT(netdev_stt_pop_end(), 0);
    dp_packet_delete(p);
    return error;
}

/* An IP packet without an Ethernet header, as other tunnels have them. */
static void
test_pop_l3(void)
{
    struct ovs_action_push_tnl data;
    char *error = NULL;
    uint8_t frame[128];
    struct dp_packet *p;
    struct flow flow;

    stt_put_template(&data, 4);
    memset(frame, 0, sizeof frame);
    memcpy(frame, data.header, data.header_len);
    ref_put16(frame + 16, sizeof frame - 14);
    ref_put16(frame + 24, ref_csum(frame + 14, 20));
    ref_put32(frame + 34 + 4, (sizeof frame - 34 - TCP_LEN) << 16);
    p = dp_packet_clone_data(frame + 14, sizeof frame - 14);
    p->packet_type = htonl(PT_IPV4);
    dp_packet_l4_checksum_set_good(p);
    flow_extract(p, &flow);
    p = netdev_stt_pop_header(p);
    EXPECT(p && p->packet_type == htonl(PT_ETH), true);
    dp_packet_delete(p);
    test_case(error, "stt pop of an IP packet");
}

/* A frame in one packet does not disturb the parts of another one that has its
 * ID. */
static void
test_whole_beside(void)
{
    enum { LEN = 54 + STT_LEN + 60 };
    struct ovs_action_push_tnl data;
    uint8_t whole[LEN] = { 0 };
    struct ref_frames parts;
    struct pkt_row row;
    struct dp_packet *p;
    char *error = NULL;
    size_t inner_len;

    pkt_row_init(&row, REF_PLAIN);
    row.payload = 5000;
    row.mss = 1400;
    p = pkt_build(&row);
    inner_len = dp_packet_size(p);
    stt_put_template(&data, 4);
    netdev_stt_push_header(NULL, NULL, p, &data);
    stt_send_on(p, 1500, &parts);

    memcpy(whole, data.header, data.header_len);
    ref_put16(whole + 16, LEN - 14);
    ref_put16(whole + 24, ref_csum(whole + 14, 20));
    memcpy(whole + 34, parts.v[0].data + 34, TCP_LEN);
    ref_put32(whole + 34 + 4, (LEN - 54) << 16);

    for (size_t i = 0; i < parts.n; i++) {
        p = stt_received(parts.v[i].data, parts.v[i].len);
        p = netdev_stt_pop_header(p);
        EXPECT(p ? dp_packet_size(p) : 0, i == parts.n - 1 ? inner_len : 0);
        dp_packet_delete(p);

        p = stt_received(whole, LEN);
        dp_packet_l4_checksum_set_good(p);
        p = netdev_stt_pop_header(p);
        EXPECT(p ? dp_packet_size(p) : 0, LEN - 54 - STT_LEN);
        dp_packet_delete(p);
    }
    EXPECT(netdev_stt_pop_end(), parts.n - 1);
    ref_frames_destroy(&parts);
    test_case(error, "stt pop of a whole frame beside parts");
}

/* Packets that end before their headers do. */
static char *
pop_short(size_t len, enum stt_verdict verdict)
{
    unsigned long long before[STT_N_VERDICTS], after[STT_N_VERDICTS];
    struct ovs_action_push_tnl data;
    uint8_t frame[128];
    struct dp_packet *p;
    char *error = NULL;

    stt_put_template(&data, 4);
    memset(frame, 0, sizeof frame);
    memcpy(frame, data.header, data.header_len);
    ref_put16(frame + 16, len - 14);
    ref_put32(frame + 34 + 4, (len > 54 ? len - 54 : 0) << 16);
    stt_counts_get(before);
    p = dp_packet_clone_data(frame, len);
    dp_packet_ip_checksum_set_good(p);
    dp_packet_l4_checksum_set_good(p);
    p = netdev_stt_pop_header(p);
    stt_counts_get(after);
    EXPECT(p != NULL, verdict == STT_WHOLE);
    EXPECT(after[verdict] - before[verdict], 1);
    dp_packet_delete(p);
    return error;
}

void
test_stt_pop(void)
{
    static const struct {
        size_t len;
        enum stt_verdict verdict;
    } lengths[] = {
        { 33, STT_DROP_IP },
        { 34, STT_DROP_TCP_HEADER },
        { 53, STT_DROP_TCP_HEADER },
        { 54, STT_DROP_LENGTH },
        { 55, STT_DROP_LENGTH },
        { 54 + STT_LEN + 13, STT_DROP_LENGTH },
        { 54 + STT_LEN + 14, STT_WHOLE },
    };

    test_pop_l3();
    test_whole_beside();
    for (size_t i = 0; i < ARRAY_SIZE(bad_rows); i++) {
        test_case(pop_bad(&bad_rows[i]), "stt pop, other %s",
                  bad_rows[i].name);
    }
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        test_case(pop_short(lengths[i].len, lengths[i].verdict),
                  "stt pop of %"PRIuSIZE" bytes", lengths[i].len);
    }
}
