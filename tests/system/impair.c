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
 *     impair IF1 IF2 SEED LOST LATE TWICE [EACH outer|inner|both|bit]
 *
 * LOST, LATE and TWICE are counts out of 1000.  A late frame leaves behind 1
 * to 16 others, or after LATE_MS.  Which frames are hit depends on SEED and on
 * how many have come before, for each direction by itself.
 *
 * Of the frames with TCP, in a VXLAN, Geneve or GRE tunnel or in none, that
 * have at least BIG bytes of payload and are ECN capable, each EACH-th one
 * gets a congestion mark in its outer or inner IP header or in both, or one bit
 * of its payload flipped.  All checksums stay right but for that of TCP over the
 * flipped bit.
 *
 * Prints "ready" once it forwards.  SIGTERM ends it; then it prints for each
 * direction "IF FRAMES LOST LATE TWICE LONG CHANGED ECT", IF being where they
 * came from; ECT are frames with TCP and a mark of ECN that it has forwarded.
 * LONG ones are longer than the MTU; they are forwarded cut short, so that
 * nobody takes them for a packet of a wire.
 *
 * For tests/run-stt and tests/run-gro-tcp (there is no netem in every kernel).
 * Uses neither Open vSwitch nor our code.  A frame's outermost VLAN tag gets
 * lost.  Both devices must have their offloads off on either end: a checksum
 * that is pending would stay so. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
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

enum { BATCH = 64, FRAME = 9216, LATE_MAX = 64, LATE_MS = 2, BIG = 100 };

/* What becomes of each 'each'-th frame; 0 stands for none. */
struct change {
    unsigned int each;
    bool outer, inner;          /* Congestion marks. */
    bool bit;                   /* Flips one. */
};

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
    uint64_t n, lost, late, twice, too_long, changed, ect;
    uint64_t n_big;             /* Frames that could be changed. */
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

/* Where the headers of a frame are, in bytes from its start. */
struct headers {
    int outer;                  /* IP header of the tunnel, or 0. */
    int outer_sum;              /* Checksum in UDP or GRE, or 0 for none. */
    bool outer_udp;
    int covered;                /* From where on that checksum covers. */
    int ip;                     /* IP header in front of TCP. */
    int payload, end;           /* Of TCP. */
};

static unsigned int
word(const uint8_t *f, int ofs)
{
    return f[ofs] << 8 | f[ofs + 1];
}

/* Reads the IP header at 'ofs' of a frame of 'len' bytes.  Returns the
 * protocol, and sets where its header begins and where the packet ends; or
 * returns -1. */
static int
read_ip(const uint8_t *f, int len, int ofs, int *l4, int *end)
{
    if (ofs + 40 > len) {
        return -1;
    } else if (f[ofs] >> 4 == 4) {
        *l4 = ofs + (f[ofs] & 15) * 4;
        *end = ofs + word(f, ofs + 2);
        return word(f, ofs + 6) & 0x3fff || *end > len ? -1 : f[ofs + 9];
    }
    *l4 = ofs + 40;
    *end = *l4 + word(f, ofs + 4);
    return *end > len ? -1 : f[ofs + 6];
}

/* Finds the headers of a frame, if it has TCP. */
static bool
find_headers(const uint8_t *f, int len, struct headers *h)
{
    int l4, end, proto, tunnel = 0;

    memset(h, 0, sizeof *h);
    h->ip = ETH_HLEN;
    if (len < 60 || (word(f, 12) != ETH_P_IP && word(f, 12) != ETH_P_IPV6)) {
        return false;
    }
    proto = read_ip(f, len, h->ip, &l4, &end);
    if (proto == IPPROTO_UDP && l4 + 16 <= end) {
        int port = word(f, l4 + 2);

        tunnel = l4 + 16 + (port == 6081 ? (f[l4 + 8] & 63) * 4 : 0);
        if (port != 4789 && port != 6081) {
            return false;
        }
        h->outer_udp = true;
        h->outer_sum = word(f, l4 + 6) ? l4 + 6 : 0;
    } else if (proto == IPPROTO_GRE && l4 + 4 <= end) {
        tunnel = l4 + 4 + (f[l4] & 0x80 ? 4 : 0) + (f[l4] & 0x20 ? 4 : 0);
        h->outer_sum = f[l4] & 0x80 ? l4 + 4 : 0;
    }
    if (tunnel) {
        h->outer = h->ip;
        h->covered = l4;
        h->ip = tunnel + ETH_HLEN;
        proto = read_ip(f, len, h->ip, &l4, &end);
    }
    if (proto != IPPROTO_TCP || l4 + 20 > end) {
        return false;
    }
    h->payload = l4 + (f[l4 + 12] >> 4) * 4;
    h->end = end;
    return true;
}

/* Adapts the checksum at 'sum' to a word that was 'old' and is 'new' (RFC 1624
 * section 3). */
static void
adapt(uint8_t *f, int sum, unsigned int old, unsigned int new)
{
    uint32_t x = (~word(f, sum) & 0xffff) + (~old & 0xffff) + new;

    x = (x & 0xffff) + (x >> 16);
    x = ~(x + (x >> 16)) & 0xffff;
    f[sum] = x >> 8;
    f[sum + 1] = x;
}

/* Flips 'bits' of the word at 'ofs'. */
static void
flip(uint8_t *f, const struct headers *h, int ofs, unsigned int bits)
{
    unsigned int old = word(f, ofs);

    f[ofs] ^= bits >> 8;
    f[ofs + 1] ^= bits;
    if (h->outer_sum && ofs >= h->covered) {
        adapt(f, h->outer_sum, old, word(f, ofs));
        if (h->outer_udp && !word(f, h->outer_sum)) {
            f[h->outer_sum] = f[h->outer_sum + 1] = 0xff;
        }
    }
}

/* The ECN bits of the IP header at 'ip' (RFC 3168 section 5). */
static unsigned int
ecn(const uint8_t *f, int ip)
{
    return f[ip] >> 4 == 4 ? f[ip + 1] & 3 : f[ip + 1] >> 4 & 3;
}

/* Marks it with "congestion experienced", 3. */
static void
mark(uint8_t *f, const struct headers *h, int ip)
{
    unsigned int bits = 3 ^ ecn(f, ip), old = word(f, ip), sum;

    if (f[ip] >> 4 == 6) {
        flip(f, h, ip, bits << 4);
        return;
    }
    flip(f, h, ip, bits);
    sum = word(f, ip + 10);
    adapt(f, ip + 10, old, word(f, ip));
    bits = sum ^ word(f, ip + 10);
    f[ip + 10] = sum >> 8;
    f[ip + 11] = sum;
    flip(f, h, ip + 10, bits);
}

/* Changes it if it is its turn.  'n' is how often it is forwarded. */
static void
change(struct end *from, uint8_t *f, int len, int n, const struct change *c)
{
    struct headers h;

    if (!find_headers(f, len, &h) || ecn(f, h.ip) == 0) {
        return;
    }
    from->ect += n;
    if (!c->each || h.end - h.payload < BIG || ecn(f, h.ip) == 3
        || ++from->n_big % c->each) {
        return;
    }
    from->changed++;
    if (c->outer && h.outer) {
        mark(f, &h, h.outer);
    }
    if (c->inner) {
        mark(f, &h, h.ip);
    }
    if (c->bit) {
        /* Where a word begins, for all checksums. */
        flip(f, &h, h.payload + draw(from, (h.end - h.payload) / 2) * 2,
             1u << draw(from, 16));
    }
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
forward(struct end *from, const struct end *to, const unsigned int odds[3],
        const struct change *c)
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
        late = late && from->n_held < LATE_MAX;
        if (!lost) {
            change(from, buffers[i], len, twice && !late ? 2 : 1, c);
        }
        if (lost) {
            from->lost++;
        } else if (late) {
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
    printf("%s %llu %llu %llu %llu %llu %llu %llu\n", end->name,
           (unsigned long long int) end->n,
           (unsigned long long int) end->lost,
           (unsigned long long int) end->late,
           (unsigned long long int) end->twice,
           (unsigned long long int) end->too_long,
           (unsigned long long int) end->changed,
           (unsigned long long int) end->ect);
}

/* Reads the words that say what is to be changed.  Returns false if they are
 * wrong. */
static bool
read_change(char *words[], int n, struct change *c)
{
    memset(c, 0, sizeof *c);
    if (n != 2) {
        return n == 0;
    }
    c->each = strtoul(words[0], NULL, 10);
    c->bit = !strcmp(words[1], "bit");
    c->outer = !strcmp(words[1], "outer") || !strcmp(words[1], "both");
    c->inner = !strcmp(words[1], "inner") || !strcmp(words[1], "both");
    return c->bit || c->outer || c->inner;
}

int
main(int argc, char *argv[])
{
    static struct end ends[2];
    unsigned int odds[3];
    struct change c;

    if (argc < 7 || !read_change(argv + 7, argc - 7, &c)) {
        fprintf(stderr, "usage: impair IF1 IF2 SEED LOST LATE TWICE "
                "[EACH outer|inner|both|bit]\n");
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
        forward(&ends[0], &ends[1], odds, &c);
        forward(&ends[1], &ends[0], odds, &c);
    }
    report(&ends[0]);
    report(&ends[1]);
    return 0;
}
