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


#ifndef TESTS_DPDK_NIC_H
#define TESTS_DPDK_NIC_H 1

/* A NIC for tests: a virtual device of DPDK, loaded as a plugin, that takes
 * packets as a NIC with offloads does and writes to a capture what would be on
 * the wire.  Driver name net_tnlnic.
 *
 *     nic.c         the device: queues, prepare, transmit, receive
 *     nic-config.c  what it pretends to be: devargs, control file
 *     nic-check.c   what a strict NIC would not send
 *     nic-cut.c     segments, checksums: by the mbuf's flags and lengths alone
 *     nic-file.c    captures and log
 *
 * It is a judge of Open vSwitch, so it shares no code with it and does not ask
 * it for anything. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

struct rte_mbuf;

/* Which release's checksum preparation tx_prepare does. */
enum nic_preset {
    NIC_PRESET_NONE,            /* Bytes stay; the NIC needs no preparation. */
    NIC_PRESET_OLD,             /* Up to 22.11.6 and 24.03: inner level, outer
                                 * IPv4. */
    NIC_PRESET_LTS,             /* 22.11.7: outer UDP, if it is asked for. */
    NIC_PRESET_NEW,             /* 24.07: outer UDP zeroed if it is not; a UDP
                                 * superpacket's sums without length. */
    NIC_PRESET_LIB,             /* rte_net_intel_cksum_prepare() of the DPDK
                                 * that is there. */
};

/* Which packets tx_prepare refuses, though they could be sent. */
enum nic_refusal {
    NIC_REFUSE_NONE,
    NIC_REFUSE_ALL,             /* Each packet. */
    NIC_REFUSE_FLAGS,           /* With any Tx flag. */
    NIC_REFUSE_TUNNEL,          /* With the flag of a tunnel. */
    NIC_REFUSE_SUPER,           /* Each 'refuse_n'th that is to be cut. */
    NIC_REFUSE_MSS,             /* With an mss below 'refuse_n'. */
};

struct nic_config {
    uint64_t caps;              /* RTE_ETH_TX_OFFLOAD_*: advertised. */

    /* Limits, 0 if there is none. */
    uint32_t min_mss, max_mss;  /* Bytes of payload. */
    uint32_t max_hdr;           /* Bytes of all headers of a superpacket. */
    uint32_t seg_max;           /* mbuf segments of a superpacket. */
    uint32_t mtu_seg_max;       /* The same of any other packet, and of what
                                 * one segment is made of. */

    enum nic_preset preset;
    enum nic_refusal refuse;
    uint32_t refuse_n;
    int refuse_errno;           /* ENOTSUP or EINVAL. */
    uint32_t rx_segsz;          /* tso_segsz of received mbufs. */

    char driver[64];            /* dev_info.driver_name, if not empty. */
    char tx_pcap[256];          /* Files; empty if not wanted. */
    char rx_pcap[256];
    char log[256];
    char ctl[256];              /* Lines "KEY=VALUE", read when stopped. */
};

const char **nic_config_keys(void);
bool nic_config_set(struct nic_config *, const char *key, const char *value);
bool nic_config_reread(struct nic_config *);

/* What an mbuf asks for, in offsets from its first byte. */
struct nic_job {
    uint64_t flags;             /* ol_flags. */
    uint64_t tunnel;            /* RTE_MBUF_F_TX_TUNNEL_*, or 0. */
    bool tso;                   /* To be cut: as TCP or, if 'udp_seg', UDP. */
    bool udp_seg;
    bool outer_udp;             /* The tunnel is one over UDP. */
    uint32_t outer_l3;          /* If 'tunnel'. */
    uint32_t outer_l4;          /* If 'tunnel'. */
    uint32_t l3, l4;
    uint32_t payload;           /* If 'tso'. */
    uint32_t len;               /* Of the packet, in bytes. */
    uint32_t mss;
};

void nic_job_init(struct nic_job *, const struct rte_mbuf *);

/* What was wrong with a packet. */
enum nic_verdict {
    NIC_OK,
    NIC_LIMIT,                  /* Beyond a limit: a driver's prepare refuses
                                 * it, nobody is to blame. */
    NIC_BAD,                    /* Against the rules of the interface. */
};

enum nic_verdict nic_check(const struct nic_config *, uint64_t enabled,
                           const struct rte_mbuf *, const char **why);

/* Called with each frame of 'len' bytes, which are valid until it returns. */
typedef void nic_emit_cb(void *aux, const uint8_t *frame, uint32_t len);

void nic_preset(enum nic_preset, const struct nic_job *, struct rte_mbuf *);
void nic_transmit(enum nic_preset, const struct nic_job *, uint8_t *packet,
                  uint8_t *scratch, nic_emit_cb *, void *aux);

/* Frames of a capture that is received. */
struct nic_pcap {
    uint8_t *data;              /* The file. */
    size_t size, next;          /* Bytes; where the next frame begins. */
    struct stat seen;           /* The file that was read last. */
};

FILE *nic_pcap_create(const char *name);
void nic_pcap_write(FILE *, const uint8_t *frame, uint32_t len);
void nic_pcap_poll(struct nic_pcap *, const char *name);
const uint8_t *nic_pcap_next(struct nic_pcap *, uint32_t *len);
void nic_pcap_free(struct nic_pcap *);

void nic_log_mbuf(FILE *, const char *verb, const char *why,
                  const struct rte_mbuf *);

#endif /* tests/dpdk/nic.h */
