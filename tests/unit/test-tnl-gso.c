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

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "command-line.h"
#include "test-stt-reasm.h"
#include "tests/ovstest.h"
#include "util.h"

/* Unit and property tests of tunnel segmentation, stage by stage.
 *
 * Each subcommand ends with a line `N passed, N failed`; its exit status is
 * that of the tests. */

static unsigned int n_passed, n_failed;

void
test_case(char *error, const char *name, ...)
{
    if (!error) {
        n_passed++;
    } else {
        va_list args;

        n_failed++;
        printf("FAILED: ");
        va_start(args, name);
        vprintf(name, args);
        va_end(args);
        printf(": %s\n", error);
        free(error);
    }
}

void
write_seed(const char *dir, uint64_t i, const void *header, size_t header_len,
           const void *data, size_t len)
{
    char *name = xasprintf("%s/%"PRIu64, dir, i);
    FILE *file = fopen(name, "wb");

    if (!file || fwrite(header, header_len, 1, file) != 1
        || fwrite(data, len, 1, file) != 1 || fclose(file)) {
        ovs_fatal(errno, "%s", name);
    }
    free(name);
}

static void
usage(struct ovs_cmdl_context *ctx OVS_UNUSED)
{
    printf("usage: ovstest test-tnl-gso COMMAND\n"
           "  describe                offsets and reasons, bad packets\n"
           "  plan                    every subset of capabilities\n"
           "  limits                  what a port cannot do in spite of them\n"
           "  cut                     segments against the reference\n"
           "  csum                    copy+checksum, each implementation\n"
           "  dpdk-drivers            limits of DPDK's drivers\n"
           "  afxdp                   packets from and to AF_XDP ports\n"
           "  buf                     the pool of buffers\n"
           "  vnet                    vnet headers of kernel ports\n"
           "  accept                  no socket before a connection\n"
           "  merge [N [SEED]]        trains at a tunnel pop\n"
           "  gro [N [SEED]]          lists of packets that are merged\n"
           "  gro-pop [N [SEED]]      the same through a tunnel pop\n"
           "  gro-diff ENCAP N SEED   lists, and what they are merged to\n"
           "  gro-mistakes [NUMBER]   what others have got wrong\n"
           "  gro-rules               what keeps packets apart\n"
           "  reasm                   reassembly of STT frames\n"
           "  reasm-random [N [SEED]] random sequences of their parts\n"
           "  rco [N [SEED]]          remote checksums\n"
           "  big                     TCP superpackets over 64 kB\n"
           "  ufo                     IP fragments of UDP superpackets\n"
           "  rx                      turns of a receive queue\n"
           "  props [N [SEED]]        random packets\n"
           "  complete [N [SEED]]     checksums of ordinary packets\n"
           "  nested-ref              the reference in tunnels in tunnels\n"
           "  nested                  superpackets in two tunnels\n"
           "  nested-push             ... through pushes\n"
           "  nested-props [N [SEED]] ... random ones\n"
           "  frames                  trains, and the kernel's part\n"
           "  gtpu                    GTP-U headers, bad ones too\n"
           "  relay                   superpackets for a relay\n"
           "  send                    batches through the send hook\n"
           "  gro-send                merging there, and whether it pays\n"
           "  push                    batches in front of a tunnel header\n"
           "  stt                     push, cut and pop of STT\n"
           "  stt-attack              STT while somebody attacks\n"
           "  stt-lifecycle [N [SEED]]     random packets around STT tunnels\n"
           "  segment ENCAP MSS CSUM IN.pcap OUT.pcap [udp] [reference]\n"
           "                          cuts captured superpackets; CSUM is 1\n"
           "                          if an outer UDP checksum is wanted;\n"
           "                          ENCAP is plain, vxlan, geneve, gre or\n"
           "                          two tunnels as in geneve/vxlan;\n"
           "                          the reference can do it, too\n"
           "  train ENCAP MSS IN.pcap OUT.pcap [udp]\n"
           "                          makes trains of captured superpackets,\n"
           "                          with vnet headers of 10 bytes\n"
           "  corpus DIR N            seeds for fuzz-tnl-gso\n"
           "  vnet-corpus DIR         seeds for fuzz-tnl-gso-vnet\n"
           "  merge-corpus DIR N      seeds for fuzz-tnl-gso-merge\n"
           "  gro-corpus DIR N        seeds for fuzz-tnl-gro\n"
           "  rco-corpus DIR N        seeds for fuzz-tnl-gso-rco\n"
           "  reasm-corpus DIR N      seeds for fuzz-stt-reasm\n"
           "  stt-corpus DIR N        seeds for fuzz-stt-pop\n");
}

static const struct ovs_cmdl_command commands[] = {
    { "describe", NULL, 0, 0, test_describe, OVS_RO },
    { "plan", NULL, 0, 0, test_plan, OVS_RO },
    { "limits", NULL, 0, 0, test_port_limits, OVS_RO },
    { "cut", NULL, 0, 0, test_cut, OVS_RO },
    { "csum", NULL, 0, 0, test_csum, OVS_RO },
    { "dpdk-drivers", NULL, 0, 0, test_dpdk_drivers, OVS_RO },
    { "afxdp", NULL, 0, 0, test_afxdp, OVS_RO },
    { "buf", NULL, 0, 0, test_buf, OVS_RO },
    { "sizes", NULL, 0, 0, test_room, OVS_RO },
    { "vnet", NULL, 0, 0, test_vnet, OVS_RO },
    { "accept", NULL, 0, 0, test_accept, OVS_RO },
    { "merge", NULL, 0, 2, test_merge, OVS_RO },
    { "gro", NULL, 0, 2, test_gro, OVS_RO },
    { "gro-rules", NULL, 0, 0, test_gro_rules, OVS_RO },
    { "gro-mistakes", NULL, 0, 1, test_gro_mistakes, OVS_RO },
    { "gro-diff", NULL, 3, 3, test_gro_diff, OVS_RO },
    { "gro-pop", NULL, 0, 2, test_gro_pop, OVS_RO },
    { "reasm", NULL, 0, 0, test_reasm, OVS_RO },
    { "reasm-random", NULL, 0, 2, test_reasm_random, OVS_RO },
    { "rco", NULL, 0, 2, test_rco, OVS_RO },
    { "big", NULL, 0, 0, test_big, OVS_RO },
    { "ufo", NULL, 0, 0, test_ufo, OVS_RO },
    { "rx", NULL, 0, 0, test_rx, OVS_RO },
    { "props", NULL, 0, 2, test_props, OVS_RO },
    { "complete", NULL, 0, 2, test_complete_ordinary, OVS_RO },
    { "nested-ref", NULL, 0, 0, test_nested_ref, OVS_RO },
    { "nested", NULL, 0, 0, test_nested, OVS_RO },
    { "nested-push", NULL, 0, 0, test_nested_push, OVS_RO },
    { "nested-props", NULL, 0, 2, test_nested_props, OVS_RO },
    { "frames", NULL, 0, 0, test_frames, OVS_RO },
    { "gtpu", NULL, 0, 0, test_gtpu, OVS_RO },
    { "relay", NULL, 0, 0, test_relay, OVS_RO },
    { "send", NULL, 0, 0, test_send_hook, OVS_RO },
    { "gro-send", NULL, 0, 0, test_gro_send, OVS_RO },
    { "push", NULL, 0, 0, test_push_hook, OVS_RO },
    { "stt", NULL, 0, 0, test_stt, OVS_RO },
    { "stt-attack", NULL, 0, 0, test_stt_attack, OVS_RO },
    { "stt-lifecycle", NULL, 0, 2, test_stt_lifecycle, OVS_RO },
    { "segment", NULL, 5, 7, test_segment, OVS_RO },
    { "train", NULL, 4, 5, test_train, OVS_RO },
    { "corpus", NULL, 2, 2, test_corpus, OVS_RO },
    { "vnet-corpus", NULL, 1, 1, test_vnet_corpus, OVS_RO },
    { "merge-corpus", NULL, 2, 2, test_merge_corpus, OVS_RO },
    { "gro-corpus", NULL, 2, 2, test_gro_corpus, OVS_RO },
    { "rco-corpus", NULL, 2, 2, test_rco_corpus, OVS_RO },
    { "reasm-corpus", NULL, 2, 2, test_reasm_corpus, OVS_RO },
    { "stt-corpus", NULL, 2, 2, test_stt_corpus, OVS_RO },
    { "help", NULL, 0, 0, usage, OVS_RO },
    { NULL, NULL, 0, 0, NULL, OVS_RO },
};

static void
test_tnl_gso_main(int argc, char *argv[])
{
    struct ovs_cmdl_context ctx = {
        .argc = argc - 1,
        .argv = argv + 1,
    };

    set_program_name(argv[0]);
    setvbuf(stdout, NULL, _IOLBF, 0);
    ovs_cmdl_run_command(&ctx, commands);
    if (n_passed + n_failed) {
        printf("%u passed, %u failed\n", n_passed, n_failed);
    }
    if (n_failed) {
        exit(EXIT_FAILURE);
    }
}

OVSTEST_REGISTER("test-tnl-gso", test_tnl_gso_main);
