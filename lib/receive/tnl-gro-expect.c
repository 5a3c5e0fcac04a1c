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

#include "receive/tnl-gro-expect.h"

#include <string.h>

#include "encap/encap.h"
#include "packets.h"
#include "util.h"

/* See tnl-gro-expect.h. */

/* Of one turn: bounds the work if layouts alternate. */
enum { MAX_LAYOUTS = 4 };

static bool nothing;

/* Makes all units go the long way if 'long_way' is true. */
void
tnl_gro_expect_nothing(bool long_way)
{
    nothing = long_way;
}

/* Stores where the headers of 'u' are in '*layout'.  Returns false if they are
 * too long. */
static bool
get_layout(const struct tnl_gro_unit *u, struct tnl_gro_layout *layout)
{
    const struct tnl_gro_outer *o = u->outer;
    size_t len = o->len + u->hdr_len;

    *layout = (struct tnl_gro_layout) {
        .outer_l3 = o->l3.ofs,
        .outer_l4 = o->l3.l4_ofs,
        .outer_len = o->len,
        .outer_version = o->l3.version,
        .csum = o->csum,
        .version = u->l3.version,
        .l3 = u->l3.ofs,
        .l4 = u->l3.l4_ofs,
        .hdr_len = u->hdr_len,
    };
    /* Comparing may read a step behind the headers. */
    return (len <= TNL_GRO_EXPECT_LEN
            && u->payload_len >= TNL_GRO_EXPECT_STEP);
}

/* Excepts the 'n' bytes at 'ofs' from being equal. */
static void
except(struct tnl_gro_expect *x, size_t ofs, size_t n)
{
    memset(x->mask + ofs, 0, n);
}

/* Excepts the ID and the checksum of the IP header at 'ofs'.  Lengths need no
 * exception: those of the packets are equal. */
static void
except_ip(struct tnl_gro_expect *x, uint8_t version, size_t ofs)
{
    if (version == 4) {
        except(x, ofs + 4, 2);
        except(x, ofs + 10, 2);
    }
}

/* Makes the mask of units with the layout of 'u'.
 *
 * A GRE checksum needs no exception: what it covers always has the same sum,
 * since all checksums inside are right. */
static void
make_mask(struct tnl_gro_expect *x, const struct tnl_gro_unit *u)
{
    const struct tnl_gro_outer *o = u->outer;
    size_t len = o->len + u->hdr_len;
    size_t tcp = o->len + u->l3.l4_ofs;

    x->len = len;
    x->udp_csum = o->class->outer == TNL_GSO_OUTER_UDP && o->csum;
    x->outer_ip_csum = (o->class->outer != TNL_GSO_OUTER_NONE
                        && o->l3.version == 4);
    memset(x->mask, 0xff, len);
    memset(x->mask + len, 0, sizeof x->mask - len);

    if (o->class->outer != TNL_GSO_OUTER_NONE) {
        except_ip(x, o->l3.version, o->l3.ofs);
    }
    if (x->udp_csum) {
        except(x, o->l3.l4_ofs + 6, 2);     /* Checksum. */
    }

    except_ip(x, u->l3.version, o->len + u->l3.ofs);
    except(x, tcp + 4, 4);                  /* Sequence number. */
    except(x, tcp + 12, 2);                 /* Flags. */
    except(x, tcp + 16, 2);                 /* Checksum. */
}

/* Returns the sum of the IPv4 header of 'len' bytes at 'ip' without its ID and
 * checksum. */
static uint32_t
sum_but(const uint8_t *ip, size_t len)
{
    return csum_range(ip, 0, 4) + csum_range(ip, 6, 10)
           + csum_range(ip, 12, len);
}

/* Expects units of layout number 'number' to continue the flow 'f'. */
static void
set_expect(struct tnl_gro_flow *f, uint32_t number)
{
    const struct tnl_gro_unit *u = &f->first;
    const struct tnl_gro_outer *o = u->outer;

    f->expect = number;
    f->max_units = MIN(TNL_GSO_MAX_SEGS,
                       (UINT16_MAX - o->len - u->hdr_len)
                       / u->payload_len);
    if (u->l3.version == 4) {
        f->ip_sum = sum_but(u->data + u->l3.ofs, u->l3.l4_ofs - u->l3.ofs);
    }
    if (o->class->outer != TNL_GSO_OUTER_NONE && o->l3.version == 4) {
        f->outer_ip_sum = sum_but(o->frame + o->l3.ofs, IP_HEADER_LEN);
    }
}

/* Expects what continues the flow 'f', of one unit, if its layout is known. */
void
tnl_gro_expect_first(const struct tnl_gro_expect *x, struct tnl_gro_flow *f)
{
    struct tnl_gro_layout layout;

    if (x->number && get_layout(&f->first, &layout)
        && !memcmp(&layout, &x->layout, sizeof layout)) {
        set_expect(f, x->number);
    }
}

/* Expects what continues the flow 'f', which has gone on by the long way.
 * Returns true if its layout was not known, and is now, instead of another one
 * if there was one. */
bool
tnl_gro_expect_next(struct tnl_gro_expect *x, struct tnl_gro_flow *f)
{
    struct tnl_gro_layout layout;

    if (x->number && f->expect == x->number) {
        return false;
    }
    f->expect = 0;
    tnl_gro_expect_first(x, f);
    if (f->expect || nothing || x->number == MAX_LAYOUTS
        || !get_layout(&f->first, &layout)) {
        return false;
    }
    x->layout = layout;
    x->number++;
    make_mask(x, &f->first);
    set_expect(f, x->number);
    return true;
}
