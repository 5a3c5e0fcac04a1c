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


/* Files of the NIC for tests: captures, and the log of what it was handed.
 *
 * Called by nic.c, which keeps threads apart.  Must not change packets. */

#include <inttypes.h>
#include <string.h>

#include <rte_malloc.h>
#include <rte_mbuf.h>

#include "nic.h"

struct pcap_header {
    uint32_t magic;
    uint16_t major, minor;
    uint32_t zone, sigfigs, snaplen, network;
};

struct pcap_record {
    uint32_t sec, usec, caplen, len;
};

FILE *
nic_pcap_create(const char *name)
{
    const struct pcap_header header = { 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1 };
    FILE *file = fopen(name, "wb");

    if (file) {
        fwrite(&header, sizeof header, 1, file);
        fflush(file);
    }
    return file;
}

void
nic_pcap_write(FILE *file, const uint8_t *frame, uint32_t len)
{
    const struct pcap_record record = { 0, 0, len, len };

    fwrite(&record, sizeof record, 1, file);
    fwrite(frame, len, 1, file);
}

/* Reads 'name' if it is another file than the last time, which is whole: tests
 * write a new one and rename it. */
void
nic_pcap_poll(struct nic_pcap *pcap, const char *name)
{
    struct stat s;
    FILE *file;

    if (stat(name, &s)
        || (s.st_ino == pcap->seen.st_ino
            && s.st_mtim.tv_sec == pcap->seen.st_mtim.tv_sec
            && s.st_mtim.tv_nsec == pcap->seen.st_mtim.tv_nsec)) {
        return;
    }
    file = fopen(name, "rb");
    if (!file) {
        return;
    }
    nic_pcap_free(pcap);
    pcap->data = rte_malloc(NULL, s.st_size + 1, 0);
    pcap->size = pcap->data ? fread(pcap->data, 1, s.st_size, file) : 0;
    pcap->next = sizeof(struct pcap_header);
    pcap->seen = s;
    fclose(file);
}

/* Returns the next frame, or NULL if there is none. */
const uint8_t *
nic_pcap_next(struct nic_pcap *pcap, uint32_t *len)
{
    const uint8_t *frame;
    struct pcap_record record;

    if (pcap->size < pcap->next + sizeof record) {
        return NULL;
    }
    memcpy(&record, pcap->data + pcap->next, sizeof record);
    if (pcap->size - pcap->next - sizeof record < record.caplen) {
        return NULL;
    }
    frame = pcap->data + pcap->next + sizeof record;
    pcap->next += sizeof record + record.caplen;
    *len = record.caplen;
    return frame;
}

void
nic_pcap_free(struct nic_pcap *pcap)
{
    rte_free(pcap->data);
    pcap->data = NULL;
    pcap->size = pcap->next = 0;
}

#define FLAG(NAME) { RTE_MBUF_F_TX_##NAME, #NAME }

static void
put_flags(FILE *file, uint64_t flags)
{
    static const struct {
        uint64_t flag;
        const char *name;
    } names[] = {
        FLAG(TCP_SEG), FLAG(UDP_SEG), FLAG(IP_CKSUM), FLAG(IPV4), FLAG(IPV6),
        FLAG(OUTER_IP_CKSUM), FLAG(OUTER_IPV4), FLAG(OUTER_IPV6),
        FLAG(OUTER_UDP_CKSUM),
    };
    static const struct {
        uint64_t value;
        const char *name;
    } l4_sums[] = {
        FLAG(TCP_CKSUM), FLAG(UDP_CKSUM), FLAG(SCTP_CKSUM),
    }, tunnels[] = {
        FLAG(TUNNEL_VXLAN), FLAG(TUNNEL_GRE), FLAG(TUNNEL_IPIP),
        FLAG(TUNNEL_GENEVE), FLAG(TUNNEL_MPLSINUDP), FLAG(TUNNEL_VXLAN_GPE),
        FLAG(TUNNEL_GTP), FLAG(TUNNEL_ESP), FLAG(TUNNEL_IP), FLAG(TUNNEL_UDP),
    };
    uint64_t l4 = flags & RTE_MBUF_F_TX_L4_MASK;
    uint64_t tunnel = flags & RTE_MBUF_F_TX_TUNNEL_MASK;
    uint64_t rest = flags & RTE_MBUF_F_TX_OFFLOAD_MASK & ~(l4 | tunnel);
    const char *sep = "";

    for (size_t i = 0; i < RTE_DIM(names); i++) {
        if (flags & names[i].flag) {
            fprintf(file, "%s%s", sep, names[i].name);
            sep = "+";
            rest &= ~names[i].flag;
        }
    }
    for (size_t i = 0; i < RTE_DIM(l4_sums); i++) {
        if (l4 == l4_sums[i].value) {
            fprintf(file, "%s%s", sep, l4_sums[i].name);
            sep = "+";
            l4 = 0;
        }
    }
    for (size_t i = 0; i < RTE_DIM(tunnels); i++) {
        if (tunnel == tunnels[i].value) {
            fprintf(file, "%s%s", sep, tunnels[i].name);
            sep = "+";
            tunnel = 0;
        }
    }
    rest |= l4 | tunnel;
    if (rest) {
        fprintf(file, "%s0x%"PRIx64, sep, rest);
    } else if (!*sep) {
        fputs("-", file);
    }
}

/* One line: VERB, fields, and in the end 'why' if it is not NULL. */
void
nic_log_mbuf(FILE *file, const char *verb, const char *why,
             const struct rte_mbuf *m)
{
    fprintf(file, "%s flags=", verb);
    put_flags(file, m->ol_flags);
    fprintf(file, " outer_l2_len=%u outer_l3_len=%u l2_len=%u l3_len=%u"
            " l4_len=%u tso_segsz=%u pkt_len=%u nb_segs=%u",
            (unsigned int) m->outer_l2_len, (unsigned int) m->outer_l3_len,
            (unsigned int) m->l2_len, (unsigned int) m->l3_len,
            (unsigned int) m->l4_len, (unsigned int) m->tso_segsz,
            m->pkt_len, (unsigned int) m->nb_segs);
    fprintf(file, why ? " why=%s\n" : "\n", why);
}
