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

/* A bad wire: forwards frames between two network devices, and loses, delays
 * and repeats some of them.
 *
 *     impair IF1 IF2 SEED LOST LATE TWICE
 *
 * LOST, LATE and TWICE are counts out of 1000.  A late frame leaves behind 1
 * to 16 others, or after LATE_MS.  Which frames are hit depends on SEED and on
 * how many have come before, for each direction by itself.
 *
 * Prints "ready" once it forwards.  SIGTERM ends it; then it prints for each
 * direction "IF FRAMES LOST LATE TWICE LONG", IF being where they came from.
 * LONG ones are longer than the MTU; they are forwarded cut short, so that
 * nobody takes them for a packet of a wire.
 *
 * For tests/run-stt (there is no netem in every kernel).  Uses neither Open
 * vSwitch nor our code.  A frame's outermost VLAN tag gets lost.  Both devices
 * must have their offloads off on either end: a checksum that is pending would
 * stay so. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, FRAME = 9216, LATE_MAX = 64, LATE_MS = 2 };

struct late_frame {
    uint8_t data[FRAME];
    size_t len;
    uint64_t turn;              /* Leaves behind so many frames. */
    long long int when;         /* Or then, in ms. */
};

/* One device, and the direction that begins there. */
struct end {
    const char *name;
    int fd;
    size_t mtu;
    uint64_t random;
    uint64_t n, lost, late, twice, too_long;
    struct late_frame held[LATE_MAX];
    int n_held;
};

static volatile sig_atomic_t stop;
static uint8_t buffers[BATCH][FRAME];

static void
on_signal(int signo)
{
    (void) signo;
    stop = 1;
}

static void
die(const char *what, const char *name)
{
    fprintf(stderr, "impair: %s ", name);
    perror(what);
    exit(1);
}

static long long int
now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* From 0 to 'n' - 1: xorshift64*, Marsaglia (2003), Vigna (2016). */
static unsigned int
draw(struct end *end, unsigned int n)
{
    uint64_t x = end->random;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    end->random = x;
    return ((x * 0x2545f4914f6cdd1dULL) >> 33) % n;
}

static void
end_open(struct end *end, const char *name, uint64_t seed)
{
    int room = 64 << 20, on = 1;
    struct sockaddr_ll sll = { .sll_family = AF_PACKET,
                               .sll_protocol = htons(ETH_P_ALL) };
    struct packet_mreq mreq = { .mr_type = PACKET_MR_PROMISC };
    struct ifreq ifr = { .ifr_flags = 0 };

    end->name = name;
    end->random = seed;
    end->fd = socket(AF_PACKET, SOCK_RAW, 0);
    sll.sll_ifindex = mreq.mr_ifindex = if_nametoindex(name);
    snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", name);
    if (end->fd < 0 || !sll.sll_ifindex
        || ioctl(end->fd, SIOCGIFMTU, &ifr)
        || setsockopt(end->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on,
                      sizeof on)
        || setsockopt(end->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &mreq,
                      sizeof mreq)
        || bind(end->fd, (struct sockaddr *) &sll, sizeof sll)) {
        die("cannot be opened", name);
    }
    end->mtu = ifr.ifr_mtu;
    if (end->mtu + ETH_HLEN > FRAME) {
        errno = EMSGSIZE;
        die("has too large an MTU", name);
    }
    /* A sender's burst; without, it would lose more than it was told. */
    setsockopt(end->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
}

/* Frames that leave 'to'. */
struct batch {
    struct mmsghdr msgs[BATCH * 2 + LATE_MAX];
    struct iovec iovs[BATCH * 2 + LATE_MAX];
    int n;
};

static void
batch_add(struct batch *b, void *data, size_t len)
{
    b->iovs[b->n].iov_base = data;
    b->iovs[b->n].iov_len = len;
    memset(&b->msgs[b->n], 0, sizeof b->msgs[b->n]);
    b->msgs[b->n].msg_hdr.msg_iov = &b->iovs[b->n];
    b->msgs[b->n].msg_hdr.msg_iovlen = 1;
    b->n++;
}

static void
batch_send(struct batch *b, const struct end *to)
{
    int sent = 0;

    while (sent < b->n) {
        int n = sendmmsg(to->fd, &b->msgs[sent], b->n - sent, 0);

        if (n > 0) {
            sent += n;
        } else if (errno != EINTR && errno != EAGAIN && errno != ENOBUFS) {
            die("cannot send", to->name);
        }
    }
    b->n = 0;
}

/* Late frames whose turn it is, by the number of frames or by the clock. */
static void
release(struct end *from, struct batch *b, const struct end *to)
{
    long long int now = now_ms();
    bool any = false;

    for (int i = 0; i < from->n_held; i++) {
        struct late_frame *f = &from->held[i];

        if (from->n >= f->turn || now >= f->when) {
            batch_add(b, f->data, f->len);
            f->len = 0;
            any = true;
        }
    }
    if (any) {
        int n = 0;

        batch_send(b, to);
        for (int i = 0; i < from->n_held; i++) {
            if (from->held[i].len) {
                if (i != n) {
                    from->held[n] = from->held[i];
                }
                n++;
            }
        }
        from->n_held = n;
    }
}

static void
forward(struct end *from, const struct end *to, const unsigned int odds[3])
{
    struct mmsghdr msgs[BATCH];
    struct iovec iovs[BATCH];
    static struct batch b;
    int n;

    memset(msgs, 0, sizeof msgs);
    for (int i = 0; i < BATCH; i++) {
        iovs[i].iov_base = buffers[i];
        iovs[i].iov_len = FRAME;
        msgs[i].msg_hdr.msg_iov = &iovs[i];
        msgs[i].msg_hdr.msg_iovlen = 1;
    }
    n = recvmmsg(from->fd, msgs, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n; i++) {
        size_t len = msgs[i].msg_len;
        bool lost = draw(from, 1000) < odds[0];
        bool late = draw(from, 1000) < odds[1];
        bool twice = draw(from, 1000) < odds[2];
        unsigned int turns = 1 + draw(from, 16);

        from->n++;
        if (msgs[i].msg_hdr.msg_flags & MSG_TRUNC
            || len > from->mtu + ETH_HLEN) {
            from->too_long++;
            len = from->mtu + ETH_HLEN;
        }
        if (lost) {
            from->lost++;
        } else if (late && from->n_held < LATE_MAX) {
            struct late_frame *f = &from->held[from->n_held++];

            from->late++;
            memcpy(f->data, buffers[i], len);
            f->len = len;
            f->turn = from->n + turns;
            f->when = now_ms() + LATE_MS;
        } else {
            batch_add(&b, buffers[i], len);
            if (twice) {
                from->twice++;
                batch_add(&b, buffers[i], len);
            }
        }
        release(from, &b, to);
    }
    release(from, &b, to);
    batch_send(&b, to);
}

static void
report(const struct end *end)
{
    printf("%s %llu %llu %llu %llu %llu\n", end->name,
           (unsigned long long int) end->n,
           (unsigned long long int) end->lost,
           (unsigned long long int) end->late,
           (unsigned long long int) end->twice,
           (unsigned long long int) end->too_long);
}

int
main(int argc, char *argv[])
{
    static struct end ends[2];
    unsigned int odds[3];

    if (argc != 7) {
        fprintf(stderr, "usage: impair IF1 IF2 SEED LOST LATE TWICE\n");
        return 2;
    }
    for (int i = 0; i < 3; i++) {
        odds[i] = strtoul(argv[4 + i], NULL, 10);
    }
    for (int i = 0; i < 2; i++) {
        end_open(&ends[i], argv[1 + i],
                 strtoull(argv[3], NULL, 10) * 2 + i + 1);
        /* Small seeds have few bits set: let them spread. */
        for (int j = 0; j < 16; j++) {
            draw(&ends[i], 1);
        }
    }
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    printf("ready\n");
    fflush(stdout);
    while (!stop) {
        struct pollfd fds[2] = { { .fd = ends[0].fd, .events = POLLIN },
                                 { .fd = ends[1].fd, .events = POLLIN } };

        /* Not forever: a signal may have come just before. */
        poll(fds, 2, ends[0].n_held || ends[1].n_held ? 1 : 100);
        forward(&ends[0], &ends[1], odds);
        forward(&ends[1], &ends[0], odds);
    }
    report(&ends[0]);
    report(&ends[1]);
    return 0;
}
