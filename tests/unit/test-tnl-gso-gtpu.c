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

#include "dp-packet.h"
#include "tnl-gso-pkt.h"
#include "tnl-gso/encap/gtpu.h"
#include "tnl-gso/stages/tnl-gso-desc.h"
#include "util.h"

/* GTP-U headers that are broken or unusual, with the reason that they must
 * get.  They are at byte 42, an optional part at 50, extension headers from 54
 * on. */

static const struct {
    const char *name;
    int ext;                    /* 'geneve_opt' of struct pkt_row. */
    size_t ofs;                 /* Where bytes are replaced. */
    size_t n;
    uint8_t bytes[2];
    enum tnl_gso_reason reason;
} rows[] = {
    { "mark, outer TCP", .ofs = 23, .n = 1, .bytes = { 6 },
      .reason = TNL_GSO_R_TUNNEL },
    { "version 2", .ofs = 42, .n = 1, .bytes = { 0x50 },
      .reason = TNL_GSO_R_TUNNEL },
    { "GTP'", .ofs = 42, .n = 1, .bytes = { 0x20 },
      .reason = TNL_GSO_R_TUNNEL },
    { "echo request", .ofs = 43, .n = 1, .bytes = { 1 },
      .reason = TNL_GSO_R_TUNNEL },
    { "spare bit", .ofs = 42, .n = 1, .bytes = { 0x38 },
      .reason = TNL_GSO_OK },
    { "with a sequence number", .ext = 4, .ofs = 42, .n = 1,
      .bytes = { 0x32 }, .reason = TNL_GSO_R_TUNNEL },
    { "with an N-PDU number", .ext = 4, .ofs = 42, .n = 1,
      .bytes = { 0x31 }, .reason = TNL_GSO_R_TUNNEL },
    { "no IP in it", .ofs = 50, .n = 1, .bytes = { 0x00 },
      .reason = TNL_GSO_R_L3 },
    { "E bit, nothing there", .ofs = 42, .n = 1,
      .bytes = { 0x34 }, .reason = TNL_GSO_R_L3 },
    { "extension header of length 0", .ext = 8, .ofs = 54,
      .n = 1, .bytes = { 0 }, .reason = TNL_GSO_R_TUNNEL },
    { "extension header of 1,020 bytes", .ext = 8, .ofs = 54,
      .n = 1, .bytes = { 255 }, .reason = TNL_GSO_R_TUNNEL },
    { "extension headers without end", .ext = 8, .ofs = 57,
      .n = 2, .bytes = { 0x40, 0 }, .reason = TNL_GSO_R_TUNNEL },
    { "long PDU session container", .ext = 12, .ofs = 54,
      .n = 1, .bytes = { 2 }, .reason = TNL_GSO_R_TUNNEL },
    { "service class", .ext = 8, .ofs = 53, .n = 1,
      .bytes = { 0x20 }, .reason = TNL_GSO_OK },
    { "PDCP PDU number", .ext = 8, .ofs = 53, .n = 1,
      .bytes = { 0xc0 }, .reason = TNL_GSO_R_TUNNEL },
    { "unknown extension header", .ext = 8, .ofs = 53,
      .n = 1, .bytes = { 0x41 }, .reason = TNL_GSO_R_TUNNEL },
    { "length 0", .ofs = 44, .n = 2, .bytes = { 0, 0 },
      .reason = TNL_GSO_OK },
    { "length 65535", .ofs = 44, .n = 2,
      .bytes = { 0xff, 0xff }, .reason = TNL_GSO_OK },
};

static void
test_bad(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        enum tnl_gso_reason reason;
        struct tnl_gso_desc d;
        struct pkt_row row;
        struct dp_packet *p;
        char *error = NULL;

        pkt_row_init(&row, REF_GTPU);
        row.geneve_opt = rows[i].ext;
        p = pkt_build(&row);
        memcpy((uint8_t *) dp_packet_data(p) + rows[i].ofs, rows[i].bytes,
               rows[i].n);
        reason = tnl_gso_describe(p, &d);
        if (reason != rows[i].reason) {
            error = xasprintf("reason is %s, not %s",
                              tnl_gso_reason_to_string(reason),
                              tnl_gso_reason_to_string(rows[i].reason));
        }
        test_case(error, "describe GTP-U, %s", rows[i].name);
        dp_packet_delete(p);
    }
}

/* What a pop takes off, of headers that are cut short anywhere: in a buffer of
 * just that size, so that a sanitizer sees a read behind it. */
static void
test_pop_len(void)
{
    static const struct {
        const char *name;
        uint8_t hdr[24];
        size_t len;
    } headers[] = {
        { "no flag", { 0x30, 255 }, 8 },
        { "S", { 0x32, 255 }, 12 },
        { "N", { 0x31, 255 }, 12 },
        { "E", { 0x34, 255 }, 12 },
        { "an extension header", { 0x34, 255, [11] = 0x85, [12] = 1 }, 16 },
        { "one of 8 bytes, and S", { 0x36, 255, [11] = 0xc0, [12] = 2 }, 20 },
        { "two", { 0x34, 255, [11] = 0x85, [12] = 1, [15] = 0x40, [16] = 1 },
          20 },
        { "of length 0", { 0x34, 255, [11] = 0x85 }, 0 },
        { "of 1,020 bytes", { 0x34, 255, [11] = 0x85, [12] = 255 }, 0 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
        char *error = NULL;

        for (size_t size = 0; size <= sizeof headers[i].hdr; size++) {
            uint8_t *hdr = xmemdup(headers[i].hdr, MAX(size, 1));

            EXPECT(tnl_gso_gtpu_hdr_len(hdr, size),
                   size > headers[i].len ? headers[i].len : 0);
            free(hdr);
        }
        test_case(error, "GTP-U pop: %s", headers[i].name);
    }
}

void
test_gtpu(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    test_bad();
    test_pop_len();
}
