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

#include "ports/netdev-linux-redirect.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/gen_stats.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/tnl-gso-vnet.h"
#include "netlink-socket.h"
#include "netlink.h"
#include "openvswitch/ofpbuf.h"
#include "openvswitch/types.h"
#include "ports/netdev-linux-tap.h"
#include "util.h"

/* See netdev-linux-redirect.h.  Filters as in Linux v6.18 cls_u32.c,
 * cls_matchall.c and act_mirred.c. */

enum {
    ALL_OFFLOADS = (TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN
                    | TAP_USO | TAP_TUNNEL)
};

/* Linux v6.18 include/uapi/linux/if_tun.h.  Older headers lack it. */
#ifndef TUNSETCARRIER
#define TUNSETCARRIER _IOW('T', 226, int)
#endif

/* In front of all packets that arrive from a device; Linux 4.5. */
#define INGRESS TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)

/* Of classifier u32, which Open vSwitch's <linux/pkt_cls.h> leaves out: Linux
 * v6.18 include/uapi/linux/pkt_cls.h.  A selector with one key. */
enum { U32_SEL = 5, U32_ACT = 7, U32_TERMINAL = 1 };
struct u32_sel {
    uint8_t flags;
    uint8_t offshift;
    uint8_t nkeys;
    ovs_be16 offmask;
    uint16_t off;
    int16_t offoff;
    int16_t hoff;
    ovs_be32 hmask;
    struct {
        ovs_be32 mask;
        ovs_be32 val;
        int32_t off;
        int32_t offmask;
    } key;
};
BUILD_ASSERT_DECL(sizeof(struct u32_sel) == 32);

/* The only filter there. */
enum { PRIORITY = 1 };

/* Makes 'r' one without a tap. */
void
netdev_linux_redirect_init(struct netdev_linux_redirect *r)
{
    *r = (struct netdev_linux_redirect) { .fd = -1 };
}

/* Notes that 'step' has failed on 'r' with 'error', a positive errno value;
 * returns that. */
static int
fail(struct netdev_linux_redirect *r, const char *step, int error)
{
    r->step = step;
    r->error = error;
    return error;
}

/* Sends 'request' over 'sock', or if that is null, over a socket of the
 * process.  Returns 0 or a positive errno value. */
static int
transact(struct nl_sock *sock, struct ofpbuf *request)
{
    int error;

    if (sock) {
        uint64_t stub[512];
        struct ofpbuf reply;

        ofpbuf_use_stub(&reply, stub, sizeof stub);
        error = nl_sock_send(sock, request, true);
        error = error ? error : nl_sock_recv(sock, &reply, NULL, true);
        if (!error && !nl_msg_nlmsgerr(&reply, &error, NULL)) {
            error = EPROTO;
        }
        ofpbuf_uninit(&reply);
    } else {
        error = nl_transact(NETLINK_ROUTE, request, NULL);
    }
    ofpbuf_uninit(request);
    return error;
}

/* Starts a request to change device 'ifindex'. */
static struct ofpbuf
link_request(int ifindex)
{
    struct ofpbuf request;
    struct ifinfomsg *ifi;

    ofpbuf_init(&request, 128);
    nl_msg_put_nlmsghdr(&request, sizeof *ifi, RTM_SETLINK,
                        NLM_F_REQUEST | NLM_F_ACK);
    ifi = ofpbuf_put_zeros(&request, sizeof *ifi);
    ifi->ifi_index = ifindex;
    return request;
}

/* Gives device 'ifindex' an 'alias' that people see, and no IPv6 addresses by
 * itself.  It works without both. */
static void
set_alias(struct nl_sock *sock, int ifindex, const char *alias)
{
    struct ofpbuf request = link_request(ifindex);
    size_t spec, inet6;

    nl_msg_put_string(&request, IFLA_IFALIAS, alias);
    transact(sock, &request);

    request = link_request(ifindex);
    spec = nl_msg_start_nested(&request, IFLA_AF_SPEC);
    inet6 = nl_msg_start_nested(&request, AF_INET6);
    nl_msg_put_u8(&request, IFLA_INET6_ADDR_GEN_MODE,
                  IN6_ADDR_GEN_MODE_NONE);
    nl_msg_end_nested(&request, inet6);
    nl_msg_end_nested(&request, spec);
    transact(sock, &request);
}

/* Sets device 'ifindex' up.  Returns 0 or a positive errno value. */
static int
set_up(struct nl_sock *sock, int ifindex)
{
    struct ofpbuf request = link_request(ifindex);
    struct ifinfomsg *ifi = ofpbuf_at(&request, NLMSG_HDRLEN, sizeof *ifi);

    ifi->ifi_flags = ifi->ifi_change = IFF_UP;
    return transact(sock, &request);
}

/* Makes the tap of 'r' over 'sock' or, if that is null, over sockets of the
 * process.  If 'r' has one, which somebody has deleted, the new one gets its
 * file descriptor, to which other threads may be writing.  'name' may have a
 * "%d" in it, in whose place the kernel puts a number that makes it unique.
 * It ends with its file descriptor.
 *
 * It has no carrier: nobody takes it for a way to anywhere.  What is written
 * to it arrives there nevertheless.
 *
 * Returns 0 or a positive errno value. */
int
netdev_linux_redirect_open(struct netdev_linux_redirect *r,
                           struct nl_sock *sock, const char *name,
                           const char *alias)
{
    struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    int size = VNET_TUNNEL_LEN;
    int off = 0;

    if (fd < 0) {
        return fail(r, "/dev/net/tun", errno);
    }
    if (r->fd >= 0) {
        dup3(fd, r->fd, O_CLOEXEC);
        close(fd);
    } else {
        r->fd = fd;
    }
    ovs_strlcpy(ifr.ifr_name, name, sizeof ifr.ifr_name);
    if (ioctl(r->fd, TUNSETIFF, &ifr)) {
        return fail(r, "tap", errno);
    }
    ovs_strlcpy(r->name, ifr.ifr_name, sizeof r->name);
    if (ioctl(r->fd, TUNSETVNETHDRSZ, &size)) {
        return fail(r, "24-byte vnet header", errno);
    }
    /* Linux 6.17. */
    if (ioctl(r->fd, TUNSETOFFLOAD, (unsigned long) ALL_OFFLOADS)) {
        return fail(r, "tunnel offloads of a tap", errno);
    }
    if (ioctl(r->fd, TUNSETCARRIER, &off)) {
        return fail(r, "TUNSETCARRIER", errno);
    }
    r->ifindex = if_nametoindex(r->name);
    if (!r->ifindex) {
        return fail(r, "tap", errno);
    }
    set_alias(sock, r->ifindex, alias);
    return 0;
}

/* Makes the tap of 'r' one that can be sent to: up, with a carrier.  Returns 0
 * or a positive errno value. */
int
netdev_linux_redirect_carrier(struct netdev_linux_redirect *r,
                              struct nl_sock *sock)
{
    int on = 1;
    int error;

    if (ioctl(r->fd, TUNSETCARRIER, &on)) {
        return fail(r, "TUNSETCARRIER", errno);
    }
    error = set_up(sock, r->ifindex);
    return error ? fail(r, "setting the tap up", error) : 0;
}

/* Closes the tap of 'r', if there is one. */
void
netdev_linux_redirect_close(struct netdev_linux_redirect *r)
{
    if (r->fd >= 0) {
        close(r->fd);
    }
    netdev_linux_redirect_init(r);
}

/* Starts a request of 'type' and 'flags' about 'parent' of device
 * 'ifindex'. */
static struct ofpbuf
tc_request(int type, int flags, int ifindex, uint32_t parent)
{
    struct ofpbuf request;
    struct tcmsg *tcm;

    ofpbuf_init(&request, 256);
    nl_msg_put_nlmsghdr(&request, sizeof *tcm, type,
                        NLM_F_REQUEST | NLM_F_ACK | flags);
    tcm = ofpbuf_put_zeros(&request, sizeof *tcm);
    tcm->tcm_ifindex = ifindex;
    tcm->tcm_parent = parent;
    return request;
}

/* Appends attribute 'type' to 'request': the action that sends on to device
 * 'ifindex'.
 *
 * It mirrors, and the original ends there: Linux v6.18 tcf_mirred_to_dev(),
 * skb_clone().  The copy shares all data but belongs to no socket.  What
 * belongs to the tap's is cut by skb_segment() such that only the last segment
 * belongs to it, and on a veth gro_list_prepare() of the other end takes that
 * for another flow's: it would pass the segments before it. */
static void
put_redirect(struct ofpbuf *request, int type, int ifindex)
{
    const struct tc_mirred mirred = {
        .action = TC_ACT_STOLEN,
        .eaction = TCA_EGRESS_MIRROR,
        .ifindex = ifindex,
    };
    size_t actions = nl_msg_start_nested(request, type);
    size_t action = nl_msg_start_nested(request, 1);
    size_t options;

    nl_msg_put_string(request, TCA_ACT_KIND, "mirred");
    options = nl_msg_start_nested(request, TCA_ACT_OPTIONS);
    nl_msg_put_unspec(request, TCA_MIRRED_PARMS, &mirred, sizeof mirred);
    nl_msg_end_nested(request, options);
    nl_msg_end_nested(request, action);
    nl_msg_end_nested(request, actions);
}

/* Adds a filter of 'kind', matchall or u32, to device 'from' that redirects
 * everything to device 'to'.  Returns 0 or a positive errno value. */
static int
add_filter(struct nl_sock *sock, const char *kind, int from, int to)
{
    bool u32 = !strcmp(kind, "u32");
    struct ofpbuf request = tc_request(RTM_NEWTFILTER,
                                       NLM_F_CREATE | NLM_F_EXCL, from,
                                       INGRESS);
    struct tcmsg *tcm = ofpbuf_at(&request, NLMSG_HDRLEN, sizeof *tcm);
    size_t options;

    tcm->tcm_info = TC_H_MAKE(PRIORITY << 16,
                              (OVS_FORCE uint16_t) htons(ETH_P_ALL));
    nl_msg_put_string(&request, TCA_KIND, kind);
    options = nl_msg_start_nested(&request, TCA_OPTIONS);
    if (u32) {
        /* The key's mask is 0: it matches everything. */
        const struct u32_sel sel = { .flags = U32_TERMINAL, .nkeys = 1 };

        nl_msg_put_unspec(&request, U32_SEL, &sel, sizeof sel);
        put_redirect(&request, U32_ACT, to);
    } else {
        put_redirect(&request, TCA_MATCHALL_ACT, to);
    }
    nl_msg_end_nested(&request, options);
    return transact(sock, &request);
}

/* Sets the tap of 'r' up, and redirects it to device 'ifindex', wherever it
 * was redirected before.  Returns 0 or a positive errno value. */
int
netdev_linux_redirect_to(struct netdev_linux_redirect *r,
                         struct nl_sock *sock, int ifindex)
{
    struct ofpbuf request;
    int error;

    r->step = NULL;
    request = tc_request(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, r->ifindex,
                         TC_H_CLSACT);
    ((struct tcmsg *) ofpbuf_at(&request, NLMSG_HDRLEN,
                                sizeof(struct tcmsg)))->tcm_handle
        = TC_H_MAKE(TC_H_CLSACT, 0);
    nl_msg_put_string(&request, TCA_KIND, "clsact");
    error = transact(sock, &request);
    if (error && error != EEXIST) {
        return fail(r, "queueing discipline clsact", error);
    }

    request = tc_request(RTM_DELTFILTER, 0, r->ifindex, INGRESS);
    transact(sock, &request);

    error = add_filter(sock, "matchall", r->ifindex, ifindex);
    if (error) {
        error = add_filter(sock, "u32", r->ifindex, ifindex);
    }
    if (error) {
        return fail(r, "filter matchall or u32 with action mirred", error);
    }
    error = set_up(sock, r->ifindex);
    return error ? fail(r, "setting the tap up", error) : 0;
}

/* Parses an action 'attr' of a filter.  If it redirects to device 'ifindex',
 * stores in '*lost' how many packets did not get there and returns true. */
static bool
parse_redirect(const struct nlattr *attr, int ifindex, uint32_t *lost)
{
    const struct nlattr *options = nl_attr_find_nested(attr, TCA_ACT_OPTIONS);
    const struct nlattr *stats = nl_attr_find_nested(attr, TCA_ACT_STATS);
    const struct nlattr *queue = (stats ? nl_attr_find_nested(stats,
                                                              TCA_STATS_QUEUE)
                                  : NULL);
    const struct nlattr *parms = (options
                                  ? nl_attr_find_nested(options,
                                                        TCA_MIRRED_PARMS)
                                  : NULL);
    struct gnet_stats_queue q;
    struct tc_mirred mirred;

    if (!parms || nl_attr_get_size(parms) < sizeof mirred) {
        return false;
    }
    memcpy(&mirred, nl_attr_get(parms), sizeof mirred);
    if (mirred.ifindex != ifindex || mirred.eaction != TCA_EGRESS_MIRROR) {
        return false;
    }
    *lost = 0;
    if (queue && nl_attr_get_size(queue) >= sizeof q) {
        memcpy(&q, nl_attr_get(queue), sizeof q);
        *lost = q.overlimits;
    }
    return true;
}

/* Parses 'msg', a filter of a device: parse_redirect() for its first
 * action. */
static bool
parse_filter(const struct ofpbuf *msg, int ifindex, uint32_t *lost)
{
    static const struct nl_policy policy[] = {
        [TCA_KIND] = { .type = NL_A_STRING },
        [TCA_OPTIONS] = { .type = NL_A_NESTED, .optional = true },
    };
    struct nlattr *attrs[ARRAY_SIZE(policy)];
    const struct nlattr *actions, *action;
    int type;

    if (!nl_policy_parse(msg, NLMSG_HDRLEN + sizeof(struct tcmsg), policy,
                         attrs, ARRAY_SIZE(policy)) || !attrs[TCA_OPTIONS]) {
        return false;
    }
    type = (!strcmp(nl_attr_get_string(attrs[TCA_KIND]), "u32")
            ? U32_ACT : TCA_MATCHALL_ACT);
    actions = nl_attr_find_nested(attrs[TCA_OPTIONS], type);
    action = actions ? nl_attr_find_nested(actions, 1) : NULL;
    return action && parse_redirect(action, ifindex, lost);
}

/* Is the tap of 'r' redirected to device 'ifindex', and to no other?  Returns
 * 0, and stores in '*lost' how many packets have not got there since: the
 * device was down, gone, or its queue full.  Otherwise returns a positive
 * errno value. */
int
netdev_linux_redirect_get(struct netdev_linux_redirect *r, int ifindex,
                          uint32_t *lost)
{
    uint64_t stub[NL_DUMP_BUFSIZE / 8];
    struct ofpbuf request = tc_request(RTM_GETTFILTER, 0, r->ifindex, INGRESS);
    struct ofpbuf reply, buf;
    struct nl_dump dump;
    bool found = false;
    int error;

    ofpbuf_use_stub(&buf, stub, sizeof stub);
    nl_dump_start(&dump, NETLINK_ROUTE, &request);
    while (nl_dump_next(&dump, &reply, &buf)) {
        found |= parse_filter(&reply, ifindex, lost);
    }
    error = nl_dump_done(&dump);
    ofpbuf_uninit(&buf);
    ofpbuf_uninit(&request);
    error = error ? error : found ? 0 : ENOENT;
    return error ? fail(r, "filter of the tap", error) : 0;
}
