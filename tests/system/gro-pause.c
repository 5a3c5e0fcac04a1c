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

/* To be preloaded into Linux' selftest gro.c, for system/gro.py.
 *
 * The sender has GRO_PAUSE_FD, a socket.  To that it writes a character and
 * goes on when it gets one: "d" when it has sent a frame, "f" when that was a
 * FIN, which ends a test, and "p" instead of sleeping, which it does so that
 * what it has sent does not meet what comes next.
 *
 * The receiver of old versions does several tests, and ends with the first
 * that fails.  With GRO_GO_ON it goes on with the next. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <error.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { IPV4_LEN = 20, IPV6_LEN = 40, PPPOE_LEN = 8, TCP_FLAGS = 13, FIN = 1 };

/* What comes out must be in the order in which it was said. */
__attribute__((constructor))
static void
unbuffered(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
}

/* Tells what has happened, and waits until somebody is ready for more. */
static void
tell(char what)
{
    const char *fd = getenv("GRO_PAUSE_FD");

    if (fd && (write(atoi(fd), &what, 1) != 1
               || read(atoi(fd), &what, 1) != 1)) {
        _exit(EXIT_FAILURE);
    }
}

/* Is the frame of 'len' bytes a FIN?  Those have neither options nor extension
 * headers, but may be in IP in IP or PPPoE. */
static bool
is_fin(const uint8_t *frame, size_t len)
{
    size_t ofs = ETH_HLEN;
    uint8_t protocol;

    if (len > ETH_HLEN
        && (frame[12] << 8 | frame[13]) == ETH_P_PPP_SES) {
        ofs += PPPOE_LEN;
    }
    do {
        if (len < ofs + IPV6_LEN) {
            return false;
        } else if (frame[ofs] >> 4 == 4) {
            protocol = frame[ofs + 9];
            ofs += IPV4_LEN;
        } else {
            protocol = frame[ofs + 6];
            ofs += IPV6_LEN;
        }
    } while (protocol == IPPROTO_IPIP || protocol == IPPROTO_IPV6);

    return (protocol == IPPROTO_TCP && len > ofs + TCP_FLAGS
            && frame[ofs + TCP_FLAGS] & FIN);
}

ssize_t
sendmsg(int fd, const struct msghdr *msg, int flags)
{
    ssize_t (*real)(int, const struct msghdr *, int);
    ssize_t n;

    real = (ssize_t (*)(int, const struct msghdr *, int))
           dlsym(RTLD_NEXT, "sendmsg");
    n = real(fd, msg, flags);
    if (n > 0) {
        tell(is_fin(msg->msg_iov[0].iov_base, msg->msg_iov[0].iov_len)
             ? 'f' : 'd');
    }
    return n;
}

ssize_t
sendto(int fd, const void *data, size_t len, int flags,
       const struct sockaddr *addr, socklen_t addr_len)
{
    ssize_t (*real)(int, const void *, size_t, int, const struct sockaddr *,
                    socklen_t);
    ssize_t n;

    real = (ssize_t (*)(int, const void *, size_t, int,
                        const struct sockaddr *, socklen_t))
           dlsym(RTLD_NEXT, "sendto");
    n = real(fd, data, len, flags, addr, addr_len);
    if (n > 0) {
        tell(is_fin(data, len) ? 'f' : 'd');
    }
    return n;
}

int
usleep(useconds_t us)
{
    (void) us;
    tell('p');
    return 0;
}

unsigned int
sleep(unsigned int seconds)
{
    (void) seconds;
    tell('p');
    return 0;
}

void
error(int status, int errnum, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, errnum ? ": %s\n" : "\n", strerror(errnum));
    if (status && (errnum || !getenv("GRO_GO_ON"))) {
        exit(status);
    }
}
