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

#include "tnl-gso-packet.h"

#include <string.h>

#include "tnl-gso-types.h"
#include "util.h"

/* See tnl-gso-packet.h. */

/* Gives 'seg', cut from 'p', what does not depend on its data. */
void
tnl_gso_packet_copy_marks(struct dp_packet *seg, const struct dp_packet *p)
{
    seg->packet_type = p->packet_type;
    seg->offloads = p->offloads;
    seg->has_hash = p->has_hash;
    *dp_packet_rss_ptr(seg) = *dp_packet_rss_ptr(p);
    seg->has_mark = p->has_mark;
    *dp_packet_flow_mark_ptr(seg) = *dp_packet_flow_mark_ptr(p);
    seg->l2_5_ofs = p->l2_5_ofs;
}

/* Gives the packets of 'batch' from number 'first' on the metadata 'md', those
 * of what they were cut from.  Nobody reads them in what is on its way to a
 * driver, so that tnl_gso_cut() leaves them alone. */
void
tnl_gso_packet_set_md(struct dp_packet_batch *batch, size_t first,
                   const struct pkt_metadata *md)
{
    for (size_t i = first; i < dp_packet_batch_size(batch); i++) {
        batch->packets[i]->md = *md;
    }
}

/* Tells where the headers of 'p' are: the first IP header is 'first', and if
 * the port knows of a tunnel, the one in it is 'second', otherwise null.
 *
 * Drivers find headers by these offsets, which upstream's parser leaves unset
 * behind a second VLAN tag and behind MPLS labels. */
void
tnl_gso_packet_set_offsets(struct dp_packet *p, const struct tnl_gso_l3 *first,
                        const struct tnl_gso_l3 *second)
{
    p->l2_pad_size = 0;
    p->l3_ofs = first->ofs;
    p->l4_ofs = first->l4_ofs;
    p->inner_l3_ofs = second ? second->ofs : UINT16_MAX;
    p->inner_l4_ofs = second ? second->l4_ofs : UINT16_MAX;
}
