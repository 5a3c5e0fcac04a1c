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

#ifndef TNL_RCO_CLASS_H
#define TNL_RCO_CLASS_H 1

/* Remote checksum offload (tnl-rco.h) in the header of one encapsulation.
 *
 * Implemented by those encapsulations that have it (encap/), called by
 * tnl-rco.c. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/types.h"

struct flow_tnl;
struct ovs_action_push_tnl;

/* Where the checksum is, in bytes from the start of the inner Ethernet
 * header. */
struct tnl_rco {
    uint16_t start;             /* Start of the bytes that the checksum covers:
                                 * the TCP or UDP header. */
    uint16_t field;             /* The checksum. */
};

enum tnl_rco_found {
    TNL_RCO_NONE,               /* Nothing about it in the header. */
    TNL_RCO_NOOP,               /* Something that says that there is none. */
    TNL_RCO_SET,
};

struct tnl_rco_class {
    /* Looks for a remote checksum in the tunnel header at 'hdr'.  'size'
     * bytes, at least 8, are there, including the packet behind the header;
     * 'udp_dst' is the port that it was sent to.  With TNL_RCO_SET, stores
     * where the checksum is in '*rco', or leaves zeros there, which do not
     * agree with any packet, if the header does not make sense. */
    enum tnl_rco_found (*find)(const uint8_t *hdr, size_t size,
                               ovs_be16 udp_dst, struct tnl_rco *rco);

    /* Makes the tunnel header at 'hdr', the last one in the template 'data',
     * announce that packets may have remote checksums.  'opt_class' is the
     * class of the option, if the encapsulation has options.  Returns false,
     * having done nothing, if there is no room. */
    bool (*announce)(uint16_t opt_class, uint8_t *hdr,
                     struct ovs_action_push_tnl *data);

    /* Does the header at 'hdr' in a template announce remote checksums? */
    bool (*is_announced)(const uint8_t *hdr);

    /* Finishes the header at 'hdr' of a packet, a copy of an announcing
     * template that ends at 'end': with the checksum at '*rco', or without one
     * if 'rco' is null. */
    void (*write)(uint8_t *hdr, uint8_t *end, const struct tnl_rco *rco);

    /* Clears in the header at 'hdr' of a received packet the bits that
     * upstream would not understand. */
    void (*clear)(uint8_t *hdr);

    /* Removes from 'tnl', the metadata of a packet whose header has come off,
     * an option of ours, of class 'opt_class'.  Null if the encapsulation has
     * no options. */
    void (*forget)(struct flow_tnl *tnl, uint16_t opt_class);
};

/* tnl-rco-config.c: what tunnels that listen on one UDP port have in
 * common. */
struct tnl_rco_policy {
    bool rx;                    /* Remote checksums are accepted. */
    uint16_t opt_class;         /* Class of the option in Geneve; 0: none. */
};

struct tnl_rco_policy tnl_rco_policy_get(ovs_be16 udp_dst);

#endif /* tnl-rco-class.h */
