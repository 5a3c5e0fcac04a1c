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

#ifndef NETDEV_LINUX_UFO_H
#define NETDEV_LINUX_UFO_H 1

/* UDP datagrams that are to be cut into IP fragments (gso_type UDP, "UFO").
 *
 * The kernel hands them over only to receivers that have asked for them, but
 * if one comes, it is not to be lost.  They are cut where they are received,
 * so that no other code knows of them: netdev_linux_vnet_parse() prepares
 * them, and tnl-gso-rx.c hands over as many fragments at a time as fit into a
 * batch. */

#include <stdbool.h>
#include <stddef.h>

#include "dp-packet.h"

struct tnl_gso_l3;

/* How far a datagram has been cut. */
struct netdev_linux_ufo {
    size_t ofs;                 /* Of the next fragment, in bytes behind the
                                 * IP header. */
    ovs_be32 id;                /* IPv6: of the datagram. */
};

int netdev_linux_ufo_prepare(struct dp_packet *, const struct tnl_gso_l3 *,
                             uint16_t gso_size, bool needs_csum);
void netdev_linux_ufo_init(struct netdev_linux_ufo *);
bool netdev_linux_ufo_cut(struct netdev_linux_ufo *, struct dp_packet *,
                          struct dp_packet_batch *);

/* Has netdev_linux_vnet_parse() prepared 'b' to become fragments?  It then has
 * a segment size as superpackets have, but its checksum is final. */
static inline bool
netdev_linux_ufo_is(const struct dp_packet *b)
{
    return (b->uso_segsz && !dp_packet_tunnel(b)
            && !dp_packet_l4_checksum_partial(b));
}

#endif /* netdev-linux-ufo.h */
