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

#ifndef TNL_GSO_COMPLETE_H
#define TNL_GSO_COMPLETE_H 1

/* Checksums of ordinary packets that a port leaves to us.
 *
 * Called by netdev_send(), and by tnl-gso-send.c for ordinary packets in a
 * batch with superpackets. */

#include <stdint.h>

#include "dp-packet.h"
#include "util.h"

void tnl_gso_complete(struct dp_packet *, uint64_t ol_flags);

/* Completes all checksums of 'p', which is no superpacket, that are partial
 * and that a port with 'ol_flags' does not complete.  Most packets that are
 * about to be sent have none. */
static inline void
tnl_gso_send_prepare(struct dp_packet *p, uint64_t ol_flags)
{
    if (p->offloads & (DP_PACKET_OL_IP_CKSUM_BAD
                       | DP_PACKET_OL_L4_CKSUM_BAD
                       | DP_PACKET_OL_INNER_IP_CKSUM_BAD
                       | DP_PACKET_OL_INNER_L4_CKSUM_BAD)) {
        /* 'Partial' is GOOD and BAD together: testing the BAD bits alone skips
         * packets that need nothing. */
        tnl_gso_complete(p, ol_flags);
    }
}

#endif /* tnl-gso-complete.h */
