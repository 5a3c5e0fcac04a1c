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

#ifndef TNL_GSO_ENCAP_LIST_H
#define TNL_GSO_ENCAP_LIST_H 1

/* All encapsulations, each with its enumerator and the name of its class
 * (encap.h).  The order is that of the rows in every table of this
 * directory. */
#define TNL_GSO_ENCAPS                          \
    TNL_GSO_ENCAP(TNL_GSO_PLAIN, plain)         \
    TNL_GSO_ENCAP(TNL_GSO_VXLAN, vxlan)         \
    TNL_GSO_ENCAP(TNL_GSO_GENEVE, geneve)       \
    TNL_GSO_ENCAP(TNL_GSO_GRE, gre)             \
    TNL_GSO_ENCAP(TNL_GSO_GTPU, gtpu)           \
    TNL_GSO_ENCAP(TNL_GSO_STT, stt)             \
    TNL_GSO_ENCAP(TNL_GSO_IPIP, ipip)

/* The encapsulation of the TCP or UDP packet that is to be cut. */
enum tnl_gso_encap {
#define TNL_GSO_ENCAP(ENCAP, NAME) ENCAP,
    TNL_GSO_ENCAPS
#undef TNL_GSO_ENCAP
    TNL_GSO_N_ENCAPS
};

/* The header between the outer IP header and the header of an encapsulation.
 * It has the outer checksum. */
enum tnl_gso_outer {
    TNL_GSO_OUTER_NONE,         /* No outer IP header: the first IP header is
                                 * in front of the header that is cut. */
    TNL_GSO_OUTER_UDP,
    TNL_GSO_OUTER_GRE,          /* GRE itself, which may have no checksum. */
    TNL_GSO_OUTER_IP,           /* Nothing: the inner IP header follows, and
                                 * no outer checksum covers it. */
};

#endif /* encap/list.h */
