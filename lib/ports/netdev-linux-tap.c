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

#include "ports/netdev-linux-tap.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "netlink-socket.h"
#include "netlink.h"
#include "openvswitch/ofpbuf.h"
#include "util.h"

/* Constants that older <linux/if_tun.h>, <linux/rtnetlink.h>,
 * <linux/net_namespace.h> and <linux/if_link.h> lack: RTM_GETNSID, NETNSA_FD,
 * NETNSA_NSID, IFLA_TARGET_NETNSID. */
#ifndef TUNGETDEVNETNS
#define TUNGETDEVNETNS _IO('T', 227)
#endif
enum { GETNSID = 90, NSID_OF_FD = 3, NSID = 1, LINK_IN_NSID = 46 };

/* The network namespace of the calling process, which has no number of its
 * own in there. */
enum { HERE = -1 };

/* Stores in '*nsid' the number that the kernel has for the network namespace
 * of tap 'fd', HERE if it is too old to say.  Returns false if it does not
 * tell us, or if there is no number: the tap was moved on from another
 * namespace.
 *
 * Our own has a number: netdev_linux_init_self_nsid().  So has one to which a
 * device was moved from here: Linux v6.18 __dev_change_net_namespace(). */
static bool
find_nsid(int fd, int *nsid)
{
    int ns_fd = ioctl(fd, TUNGETDEVNETNS);
    struct ofpbuf request, *reply;
    size_t family_len = NLMSG_ALIGN(sizeof(struct rtgenmsg));
    bool found = false;

    *nsid = HERE;
    if (ns_fd < 0) {
        return errno != EPERM;
    }
    ofpbuf_init(&request, 0);
    nl_msg_put_nlmsghdr(&request, family_len + NL_ATTR_SIZE(sizeof(uint32_t)),
                        GETNSID, NLM_F_REQUEST);
    ofpbuf_put_zeros(&request, family_len);
    nl_msg_put_u32(&request, NSID_OF_FD, ns_fd);
    if (!nl_transact(NETLINK_ROUTE, &request, &reply)) {
        const struct nlattr *a = nl_attr_find(reply, NLMSG_HDRLEN + family_len,
                                              NSID);

        if (a) {
            *nsid = (int32_t) nl_attr_get_u32(a);
            found = *nsid >= 0;
        }
        ofpbuf_delete(reply);
    }
    ofpbuf_uninit(&request);
    close(ns_fd);
    return found;
}

/* Stores in '*n' how many packets the kernel has dropped instead of queueing
 * them for the tap 'fd', ever: Linux v6.18 tun_net_xmit(), whose other reasons
 * are rare.  Returns false if the kernel does not tell. */
bool
netdev_linux_tap_dropped(int fd, uint64_t *n)
{
    struct ofpbuf request, *reply;
    struct ifreq ifr;
    bool found = false;
    int nsid;

    memset(&ifr, 0, sizeof ifr);
    if (ioctl(fd, TUNGETIFF, &ifr) || !find_nsid(fd, &nsid)) {
        return false;
    }
    ofpbuf_init(&request, 0);
    nl_msg_put_nlmsghdr(&request, (sizeof(struct ifinfomsg)
                                   + NL_ATTR_SIZE(IFNAMSIZ)
                                   + NL_ATTR_SIZE(sizeof(uint32_t))),
                        RTM_GETLINK, NLM_F_REQUEST);
    ofpbuf_put_zeros(&request, sizeof(struct ifinfomsg));
    nl_msg_put_string(&request, IFLA_IFNAME, ifr.ifr_name);
    if (nsid != HERE) {
        nl_msg_put_u32(&request, LINK_IN_NSID, nsid);
    }
    if (!nl_transact(NETLINK_ROUTE, &request, &reply)) {
        const struct nlattr *a = nl_attr_find(reply, (NLMSG_HDRLEN
                                              + sizeof(struct ifinfomsg)),
                                              IFLA_STATS64);

        if (a && nl_attr_get_size(a) >= sizeof(struct rtnl_link_stats64)) {
            struct rtnl_link_stats64 stats;

            memcpy(&stats, nl_attr_get(a), sizeof stats);
            *n = stats.tx_dropped;
            found = true;
        }
        ofpbuf_delete(reply);
    }
    ofpbuf_uninit(&request);
    return found;
}
