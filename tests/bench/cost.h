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

#ifndef COST_H
#define COST_H 1

/* Packets of gro-cost.c and receive-cost.c. */

#include <netinet/ip.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "csum.h"
#include "packets.h"

/* Writes an Ethernet and an IPv4 header in front of 'len' bytes. */
static inline struct ip_header *
put_ip(char *p, uint8_t proto, size_t len, uint16_t id)
{
    struct eth_header *eth = (void *) p;
    struct ip_header *ip = (void *) (eth + 1);

    memset(eth, 0x02, 2 * ETH_ADDR_LEN);
    eth->eth_type = htons(ETH_TYPE_IP);
    ip->ip_ihl_ver = IP_IHL_VER(5, 4);
    ip->ip_tot_len = htons(IP_HEADER_LEN + len);
    ip->ip_id = htons(id);
    ip->ip_frag_off = htons(IP_DF);
    ip->ip_ttl = 64;
    ip->ip_proto = proto;
    put_16aligned_be32(&ip->ip_src, htonl(0x0a000001));
    put_16aligned_be32(&ip->ip_dst, htonl(0x0a000002));
    ip->ip_csum = csum(ip, sizeof *ip);
    return ip;
}

#endif /* cost.h */
