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


/* Hands mbufs to a DPDK port as it is told: tests/run-nic uses it to judge the
 * NIC for tests without any of Open vSwitch.
 *
 *     feed OFFLOADS EAL-ARGUMENT...
 *
 * configures the first port for OFFLOADS (a number, RTE_ETH_TX_OFFLOAD_*; 0
 * for all that it has) and reads lines
 *
 *     send|prepare FLAGS OUTER_L2 OUTER_L3 L2 L3 L4 SEGSZ PARTS FRAME
 *     info
 *
 * FLAGS are ol_flags as a hexadecimal number; PARTS are the lengths of the
 * mbuf segments but the last, joined by ',', or '-'; FRAME is in hexadecimal.
 * Each line is answered by one: "sent", "refused ERRNO", "prepared FRAME", or
 * "NAME CAPABILITIES OPACKETS OERRORS MBUFS-IN-USE". */

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

/* The largest mbuf there is. */
#define DATA_ROOM 65535

static struct rte_mempool *pool;

static void
fatal(const char *what)
{
    fprintf(stderr, "feed: %s\n", what);
    exit(1);
}

static void
open_port(uint64_t offloads)
{
    struct rte_eth_conf conf = { .txmode.offloads = offloads };
    struct rte_eth_dev_info info;

    pool = rte_pktmbuf_pool_create("feed", 255, 0, 0, DATA_ROOM,
                                   SOCKET_ID_ANY);
    if (!pool || !rte_eth_dev_is_valid_port(0)
        || rte_eth_dev_info_get(0, &info)) {
        fatal("no port");
    }
    if (!offloads) {
        conf.txmode.offloads = info.tx_offload_capa;
    }
    if (rte_eth_dev_configure(0, 1, 1, &conf)
        || rte_eth_rx_queue_setup(0, 0, 64, SOCKET_ID_ANY, NULL, pool)
        || rte_eth_tx_queue_setup(0, 0, 64, SOCKET_ID_ANY, NULL)) {
        fatal("the port cannot be configured");
    }
    /* Not all drivers take another MTU. */
    rte_eth_dev_set_mtu(0, info.max_mtu);
    if (rte_eth_dev_start(0)) {
        fatal("the port cannot be started");
    }
}

static uint64_t
number(int base)
{
    const char *word = strtok(NULL, " \n");

    return word ? strtoull(word, NULL, base) : 0;
}

/* Appends 'len' bytes, in hexadecimal at 'hex', as a segment of 'head'. */
static void
append(struct rte_mbuf **head, const char *hex, size_t len)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
    char *data = m ? rte_pktmbuf_append(m, len) : NULL;

    if (!data) {
        fatal("no mbuf");
    }
    for (size_t i = 0; i < len; i++) {
        char digits[3] = { hex[2 * i], hex[2 * i + 1], '\0' };

        data[i] = strtoul(digits, NULL, 16);
    }
    if (!*head) {
        *head = m;
    } else if (rte_pktmbuf_chain(*head, m)) {
        fatal("too many segments");
    }
}

static struct rte_mbuf *
read_mbuf(void)
{
    uint64_t flags = number(16);
    unsigned int lens[6];
    struct rte_mbuf *head = NULL;
    char *parts, *hex, *end;
    size_t len;

    for (int i = 0; i < 6; i++) {
        lens[i] = number(10);
    }
    parts = strtok(NULL, " \n");
    hex = strtok(NULL, " \n");
    if (!hex) {
        fatal("bad line");
    }
    len = strlen(hex) / 2;
    while (*parts != '-') {
        size_t n = strtoul(parts, &end, 10);

        append(&head, hex, n);
        hex += 2 * n;
        len -= n;
        parts = *end == ',' ? end + 1 : (char *) "-";
    }
    append(&head, hex, len);
    head->ol_flags = flags;
    head->outer_l2_len = lens[0];
    head->outer_l3_len = lens[1];
    head->l2_len = lens[2];
    head->l3_len = lens[3];
    head->l4_len = lens[4];
    head->tso_segsz = lens[5];
    return head;
}

static void
send_mbuf(bool prepare_only)
{
    struct rte_mbuf *m = read_mbuf();

    if (rte_eth_tx_prepare(0, 0, &m, 1) != 1) {
        printf("refused %d\n", rte_errno);
        rte_pktmbuf_free(m);
    } else if (prepare_only) {
        printf("prepared ");
        for (const struct rte_mbuf *s = m; s; s = s->next) {
            for (unsigned int i = 0; i < s->data_len; i++) {
                printf("%02x", rte_pktmbuf_mtod(s, const uint8_t *)[i]);
            }
        }
        putchar('\n');
        rte_pktmbuf_free(m);
    } else {
        while (!rte_eth_tx_burst(0, 0, &m, 1)) {
            continue;
        }
        puts("sent");
    }
}

static void
tell(void)
{
    struct rte_eth_dev_info info;
    struct rte_eth_stats stats;

    if (rte_eth_dev_info_get(0, &info) || rte_eth_stats_get(0, &stats)) {
        fatal("no info");
    }
    printf("%s 0x%"PRIx64" %"PRIu64" %"PRIu64" %u\n", info.driver_name,
           info.tx_offload_capa, stats.opackets, stats.oerrors,
           rte_mempool_in_use_count(pool));
}

int
main(int argc, char *argv[])
{
    char *line = NULL;
    size_t size = 0;

    if (argc < 2 || rte_eal_init(argc - 1, argv + 1) < 0) {
        fatal("no EAL");
    }
    open_port(strtoull(argv[1], NULL, 0));
    puts("ready");
    fflush(stdout);
    while (getline(&line, &size, stdin) > 0) {
        const char *command = strtok(line, " \n");

        if (!strcmp(command, "info")) {
            tell();
        } else {
            send_mbuf(!strcmp(command, "prepare"));
        }
        fflush(stdout);
    }
    free(line);
    rte_eth_dev_stop(0);
    rte_eth_dev_close(0);
    rte_eal_cleanup();
    return 0;
}
