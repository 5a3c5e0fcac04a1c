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

/* A kernel that lacks something: to be preloaded into ovs-vswitchd.
 *
 *     gcc -shared -fPIC -o refusals.so refusals.c -ldl
 *     REFUSALS=FILE REFUSALS_PROGRAM=NAME LD_PRELOAD=refusals.so ...
 *
 * Acts in programs of that NAME only.  FILE holds rules, one in a line, and is
 * read again when it has changed:
 *
 *     CALL ERRNO WHEN [MASK]
 *
 * CALL   vnet-size   ioctl(TUNSETVNETHDRSZ) of more than 12 bytes
 *        offload     ioctl(TUNSETOFFLOAD) with a bit of MASK
 *        features    ioctl(SIOCETHTOOL), ETHTOOL_GFEATURES
 *        set-features  the same, ETHTOOL_SFEATURES
 *        gro-half    the same; does not fail, but does not switch features
 *                    whose numbers are over 31, as rx-udp-gro-forwarding's
 *        gro-fixed   ioctl(SIOCETHTOOL), ETHTOOL_GFEATURES: does not fail, but
 *                    says that nothing can be switched
 *        gro-none    ioctl(SIOCETHTOOL), ETHTOOL_GSTRINGS: does not fail, but
 *                    has no rx-udp-gro-forwarding, as Linux before 5.12
 *        unshare     unshare()
 *        vnet-hdr    setsockopt(PACKET_VNET_HDR)
 *        send        sendmmsg(), sendmsg(), writev(), write() of a packet
 *                    whose vnet header has a gso_type of MASK: bit
 *                    (1 << type), leaving out the bits for ECN and tunnels;
 *                    bit 31 for all with a tunnel bit
 *        ufo         recvmmsg(): does not fail, but gives each UDP superpacket
 *                    (gso_type UDP_L4) as Linux before 4.14 would: to be cut
 *                    into IP fragments (gso_type UDP), ERRNO bytes in each
 *        route       recvmsg(): does not fail, but returns what netlink tells
 *                    of a new route after ERRNO milliseconds
 *        raise       raise(SIGTERM): does not fail, but takes ERRNO
 *                    milliseconds
 * ERRNO  a number
 * WHEN   "always", "once", "N": every Nth such call, "+N": all after N
 *
 * What a rule has done is appended to FILE.log: "CALL ERRNO" for each
 * failure. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5 /* Linux 6.2. */
#endif

enum { MAX_RULES = 8, TUNNEL_BITS = 0x20 | 0x40, ECN_BIT = 0x80 };

struct rule {
    char call[16];
    int error;
    unsigned long every;        /* 0: only the first one. */
    unsigned long after;        /* How many it lets pass before that. */
    unsigned long mask;
    unsigned long n;            /* How many calls it has seen. */
};

static struct rule rules[MAX_RULES];
static size_t n_rules;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

#define REAL(NAME) \
    ((__typeof__(&NAME)) real(#NAME))

static void *
real(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

/* Reads the rules again if FILE has changed. */
static void
read_rules(const char *path)
{
    static struct timespec last;
    struct stat s;
    char when[16], line[128];
    FILE *file;

    if (stat(path, &s) || !memcmp(&s.st_mtim, &last, sizeof last)) {
        return;
    }
    last = s.st_mtim;
    n_rules = 0;
    file = fopen(path, "r");
    while (file && n_rules < MAX_RULES && fgets(line, sizeof line, file)) {
        struct rule *r = &rules[n_rules];

        memset(r, 0, sizeof *r);
        r->mask = ~0UL;
        if (sscanf(line, "%15s %d %15s %li", r->call, &r->error, when,
                   (long int *) &r->mask) >= 3) {
            if (when[0] == '+') {
                r->after = strtoul(when + 1, NULL, 10);
                r->every = 1;
            } else {
                r->every = (!strcmp(when, "always") ? 1
                            : strtoul(when, NULL, 10));
            }
            n_rules++;
        }
    }
    if (file) {
        fclose(file);
    }
}

/* Shall this call, about 'bits', fail?  Then sets errno. */
static int
fails(const char *call, unsigned long bits)
{
    const char *program = getenv("REFUSALS_PROGRAM");
    const char *path = getenv("REFUSALS");
    int saved = errno;
    int error = 0;

    if (!path || !program || strcmp(program, program_invocation_short_name)) {
        return 0;
    }
    pthread_mutex_lock(&mutex);
    read_rules(path);
    for (size_t i = 0; i < n_rules && !error; i++) {
        struct rule *r = &rules[i];

        if (!strcmp(r->call, call) && bits & r->mask) {
            r->n++;
            if (r->n > r->after
                && (r->every ? r->n % r->every == 0 : r->n == 1)) {
                error = r->error;
            }
        }
    }
    if (error) {
        char name[4096], line[32];
        int fd, len;

        snprintf(name, sizeof name, "%s.log", path);
        len = snprintf(line, sizeof line, "%s %d\n", call, error);
        fd = open(name, O_WRONLY | O_APPEND | O_CREAT, 0644);
        if (fd >= 0) {
            if (REAL(write)(fd, line, len) != len) {
                error = ENOSPC;
            }
            close(fd);
        }
    }
    pthread_mutex_unlock(&mutex);
    errno = error ? error : saved;
    return error;
}

/* What 'rule's of "send" look at: the type of the superpacket whose vnet
 * header, in front of Ethernet and IP, begins 'iov'; 0 for anything else.
 *
 * What begins with a byte of flags, a type and lengths that fit might also be
 * a line of a log: those have no such flags. */
static unsigned long
send_bits(const struct iovec *iov, size_t n)
{
    const uint8_t *vnet = n ? iov[0].iov_base : NULL;
    unsigned long bits;

    if (!n || iov[0].iov_len < 10 || vnet[0] & ~(1 | 2 | 8)
        || vnet[1] & ~(TUNNEL_BITS | ECN_BIT | 7)) {
        return 0;
    }
    bits = 1UL << (vnet[1] & 7);
    return vnet[1] & TUNNEL_BITS ? bits | 1UL << 31 : bits;
}

static int
is_socket(int fd, int family)
{
    int domain;
    socklen_t len = sizeof domain;

    return (!getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len)
            && domain == family);
}

static int
is_packet(int fd)
{
    return is_socket(fd, AF_PACKET);
}

/* ioctl(SIOCETHTOOL). */
static int
ethtool(int fd, struct ifreq *ifr)
{
    void *data = ifr->ifr_data;
    uint32_t cmd = *(uint32_t *) data;
    int retval;

    if ((cmd == ETHTOOL_GFEATURES && fails("features", 1))
        || (cmd == ETHTOOL_SFEATURES && fails("set-features", 1))) {
        return -1;
    } else if (cmd == ETHTOOL_SFEATURES && fails("gro-half", 1)) {
        struct ethtool_sfeatures *set = data;

        for (uint32_t i = 1; i < set->size; i++) {
            set->features[i].valid = 0;
        }
    }
    retval = REAL(ioctl)(fd, SIOCETHTOOL, ifr);
    if (retval) {
        return retval;
    } else if (cmd == ETHTOOL_GFEATURES && fails("gro-fixed", 1)) {
        struct ethtool_gfeatures *get = data;

        for (uint32_t i = 0; i < get->size; i++) {
            get->features[i].available = 0;
        }
    } else if (cmd == ETHTOOL_GSTRINGS && fails("gro-none", 1)) {
        struct ethtool_gstrings *get = data;

        for (uint32_t i = 0; i < get->len; i++) {
            char *name = (char *) get->data + i * ETH_GSTRING_LEN;

            if (!strcmp(name, "rx-udp-gro-forwarding")) {
                strcpy(name, "rx-nothing");
            }
        }
    }
    return 0;
}

int
ioctl(int fd, unsigned long request, ...)
{
    va_list args;
    void *arg;

    va_start(args, request);
    arg = va_arg(args, void *);
    va_end(args);

    if (request == TUNSETVNETHDRSZ && *(int *) arg > 12
        && fails("vnet-size", 1)) {
        return -1;
    } else if (request == TUNSETOFFLOAD
               && fails("offload", (unsigned long) arg)) {
        return -1;
    } else if (request == SIOCETHTOOL) {
        return ethtool(fd, arg);
    }
    return REAL(ioctl)(fd, request, arg);
}

ssize_t
recvmsg(int fd, struct msghdr *msg, int flags)
{
    ssize_t retval = REAL(recvmsg)(fd, msg, flags);
    int saved = errno;

    if (retval >= (ssize_t) sizeof(struct nlmsghdr)
        && msg->msg_iov[0].iov_len >= sizeof(struct nlmsghdr)
        && is_socket(fd, AF_NETLINK)) {
        const struct nlmsghdr *nlmsg = msg->msg_iov[0].iov_base;

        if (nlmsg->nlmsg_type == RTM_NEWROUTE) {
            usleep(fails("route", 1) * 1000);
        }
    }
    errno = saved;
    return retval;
}

int
raise(int signal_number)
{
    if (signal_number == SIGTERM) {
        usleep(fails("raise", 1) * 1000);
    }
    return REAL(raise)(signal_number);
}

int
unshare(int flags)
{
    return fails("unshare", 1) ? -1 : REAL(unshare)(flags);
}

int
setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
    return (level == SOL_PACKET && option == PACKET_VNET_HDR
            && fails("vnet-hdr", 1)
            ? -1 : REAL(setsockopt)(fd, level, option, value, len));
}

static int
msg_fails(int fd, const struct msghdr *msg)
{
    unsigned long bits = send_bits(msg->msg_iov, msg->msg_iovlen);

    return bits && is_packet(fd) && fails("send", bits);
}

ssize_t
sendmsg(int fd, const struct msghdr *msg, int flags)
{
    return msg_fails(fd, msg) ? -1 : REAL(sendmsg)(fd, msg, flags);
}

/* As the kernel: what has been sent before an error is told first, and the
 * error when the caller comes again with the rest. */
int
sendmmsg(int fd, struct mmsghdr *msgs, unsigned int n, int flags)
{
    static __thread int pending;
    unsigned int i;

    if (pending) {
        errno = pending;
        pending = 0;
        return -1;
    }
    for (i = 0; i < n; i++) {
        if (msg_fails(fd, &msgs[i].msg_hdr)) {
            if (!i) {
                return -1;
            }
            pending = errno;
            break;
        }
    }
    return REAL(sendmmsg)(fd, msgs, i, flags);
}

int
recvmmsg(int fd, struct mmsghdr *msgs, unsigned int n, int flags,
         struct timespec *timeout)
{
    int retval = REAL(recvmmsg)(fd, msgs, n, flags, timeout);
    int saved = errno;

    for (int i = 0; i < retval; i++) {
        struct virtio_net_hdr *vnet = msgs[i].msg_hdr.msg_iov[0].iov_base;
        int gso_size;

        if (msgs[i].msg_len > sizeof *vnet && is_packet(fd)
            && vnet->gso_type == VIRTIO_NET_HDR_GSO_UDP_L4
            && (gso_size = fails("ufo", 1)) != 0) {
            vnet->gso_type = VIRTIO_NET_HDR_GSO_UDP;
            vnet->gso_size = gso_size;
        }
    }
    errno = saved;
    return retval;
}

static int
is_tap(int fd)
{
    struct ifreq ifr;

    return !REAL(ioctl)(fd, TUNGETIFF, &ifr);
}

ssize_t
writev(int fd, const struct iovec *iov, int n)
{
    unsigned long bits = send_bits(iov, n);

    return (bits && is_tap(fd) && fails("send", bits)
            ? -1 : REAL(writev)(fd, iov, n));
}

ssize_t
write(int fd, const void *data, size_t size)
{
    struct iovec iov = { .iov_base = (void *) data, .iov_len = size };
    unsigned long bits = send_bits(&iov, 1);

    return (bits && is_tap(fd) && fails("send", bits)
            ? -1 : REAL(write)(fd, data, size));
}
