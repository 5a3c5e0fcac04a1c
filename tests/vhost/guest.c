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

/* A guest for a vhost-user port: the front-end that QEMU plays elsewhere, and
 * a driver that writes whatever it is told into its rings.
 *
 *     guest [-c] [-n] [-q] [-f FEATURES] [-o FILE] SOCKET
 *
 * Listens at SOCKET, to which a dpdkvhostuserclient port connects; with -c
 * connects to that of a dpdkvhostuser port.  Of what the port offers, takes
 * FEATURES (a mask).  Appends to FILE a line "HEADER FRAME" in hex for each
 * frame received, HEADER being struct virtio_net_hdr as it came.  With -n
 * gives the port no room to put frames into, with -q looks for frames without
 * a pause, and at nothing in them.
 *
 * Commands, a line each on standard input, which is what ends it:
 *
 *     send FILE   Each line of FILE is "HEADER FRAME [SIZE,SIZE...]", in hex,
 *                 "-" for no frame: a packet in a chain of descriptors of
 *                 these sizes, the last of which takes what is left, or in
 *                 one.  All are made available at once, if there is room.
 *     raw FILE    Each line is "OFFSET LENGTH FLAGS NEXT", a descriptor that
 *                 is written as it is; the first one is made available.
 *                 OFFSET counts from where the guest's memory begins.
 *     reset       Closes the connection and waits for a new one.
 *
 * Each is answered with a line "ok N" or "stuck N" on standard output, N being
 * the number of packets that were taken.  After each connection comes "ready
 * OFFERED TAKEN".
 *
 * For tests/run-vhost.  Uses neither DPDK nor Open vSwitch.  Split rings, one
 * pair.  Sources: virtio 1.2 sections 2.7 and 5.1, QEMU's
 * docs/interop/vhost-user.rst.  The memory is two regions, and the first
 * packet that is sent lies across their border. */

#define _GNU_SOURCE
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "guest.h"

uint8_t *memory;
int memory_fd;
struct ring rings[N_RINGS];
uint64_t wanted, taken;

static const char *path;
static bool no_room;
static FILE *received;
static bool quiet;
static size_t hdr_len, buffer_len;

void
die(const char *what)
{
    fprintf(stderr, "guest: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t
milliseconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}

static void
provide(uint16_t desc)
{
    struct vring *v = &rings[RX].v;

    v->avail->ring[v->avail->idx % RING] = desc;
    atomic_thread_fence(memory_order_release);
    v->avail->idx++;
}

void
fill_rings(void)
{
    size_t size = vring_size(RING, 4096), ofs = N_RINGS * size;
    uint64_t mrg = 1ULL << VIRTIO_NET_F_MRG_RXBUF;

    memset(memory, 0, ofs);
    for (int i = 0; i < N_RINGS; i++) {
        vring_init(&rings[i].v, RING, memory + i * size, 4096);
        rings[i].used = 0;
    }
    hdr_len = (taken & (mrg | 1ULL << VIRTIO_F_VERSION_1)
               ? sizeof(struct virtio_net_hdr_mrg_rxbuf)
               : sizeof(struct virtio_net_hdr));
    buffer_len = taken & mrg ? 2048 : 66 * 1024;
    for (int i = 0; i < RING && !no_room; i++) {
        rings[RX].v.desc[i] = (struct vring_desc) {
            .addr = GPA + ofs + i * buffer_len,
            .len = buffer_len,
            .flags = VRING_DESC_F_WRITE,
        };
        provide(i);
    }
}

/* Receiving. */

static bool
is_used(struct ring *r)
{
    bool used = *(volatile uint16_t *) &r->v.used->idx != r->used;

    atomic_thread_fence(memory_order_acquire);
    return used;
}

static void
print_hex(const uint8_t *p, size_t n)
{
    static const char digits[] = "0123456789abcdef";

    while (n--) {
        fputc(digits[*p >> 4], received);
        fputc(digits[*p++ & 15], received);
    }
}

/* Prints the frames that have arrived.  Each is in one buffer or, with
 * mergeable ones, in several, of which the first says how many. */
static void
receive(void)
{
    struct ring *r = &rings[RX];

    while (is_used(r)) {
        uint16_t n = 1;

        for (uint16_t i = 0; i < n; i++) {
            struct vring_used_elem *e = &r->v.used->ring[r->used % RING];
            const uint8_t *p = (memory + r->v.desc[e->id].addr - GPA);
            size_t skip = i ? 0 : hdr_len;

            if (!i) {
                if (taken & 1ULL << VIRTIO_NET_F_MRG_RXBUF) {
                    memcpy(&n, p + sizeof(struct virtio_net_hdr), sizeof n);
                }
                if (!quiet) {
                    print_hex(p, hdr_len);
                    fputc(' ', received);
                }
            }
            if (!quiet) {
                print_hex(p + skip, e->len - skip);
            }
            r->used++;
            provide(e->id);
        }
        if (!quiet) {
            fputc('\n', received);
        }
    }
    fflush(received);
}

/* Sending. */

enum { PATIENCE = 15000 };          /* ms */

static uint16_t n_desc, n_avail;        /* Of this batch. */
static size_t n_bytes;

static void
begin(void)
{
    n_desc = n_avail = 0;
    n_bytes = 0;
}

/* Makes available what has been put into the ring since begin(), waits 'limit'
 * ms until it has been used and returns how many packets were.  Sets '*stuck'
 * if some were not. */
static uint16_t
commit(unsigned int limit, bool *stuck)
{
    struct ring *r = &rings[TX];
    uint64_t end = milliseconds() + limit;
    uint16_t n = 0;

    atomic_thread_fence(memory_order_release);
    r->v.avail->idx += n_avail;
    while (n < n_avail && milliseconds() < end) {
        if (is_used(r)) {
            r->used++;
            n++;
        } else {
            receive();
        }
    }
    *stuck = n < n_avail;
    return n;
}

static void
avail(uint16_t desc)
{
    struct vring *v = &rings[TX].v;

    v->avail->ring[(uint16_t) (v->avail->idx + n_avail++) % RING] = desc;
}

static uint8_t
digit(char c)
{
    return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

/* Puts a packet into the ring.  Returns false if there is no room. */
static bool
put(const char *header, const char *frame, const char *sizes)
{
    size_t n_header = strlen(header) / 2, n_frame = strlen(frame) / 2;
    size_t len = n_header + n_frame, n_sizes = 1;
    uint8_t *to = memory + SEND + n_bytes;
    struct vring_desc *d = NULL;

    for (const char *p = sizes; p && *p; p++) {
        n_sizes += *p == ',';
    }
    if (n_desc + n_sizes + 1 > RING
        || SEND + n_bytes + len + 64 > MEMORY) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        const char *p = (i < n_header ? header + 2 * i
                         : frame + 2 * (i - n_header));

        to[i] = digit(p[0]) << 4 | digit(p[1]);
    }
    avail(n_desc);
    do {
        size_t n = len;

        if (sizes) {
            char *end;

            n = strtoul(sizes, &end, 0);
            n = n < len ? n : len;
            sizes = *end == ',' ? end + 1 : NULL;
        }
        if (d) {
            d->flags = VRING_DESC_F_NEXT;
            d->next = n_desc;
        }
        d = &rings[TX].v.desc[n_desc++];
        *d = (struct vring_desc) { .addr = GPA + SEND + n_bytes, .len = n };
        n_bytes += n;
        len -= n;
    } while (sizes || len);
    n_bytes += 64;
    return true;
}

static unsigned int
send_packets(FILE *f, bool *stuck)
{
    char *line = NULL, *header, *frame, *sizes;
    unsigned int n_used = 0;
    size_t size = 0;

    begin();
    while (getline(&line, &size, f) > 0) {
        line[strcspn(line, "\n")] = '\0';
        sizes = line;
        header = strsep(&sizes, " ");
        frame = strsep(&sizes, " ");
        if (frame && !strcmp(frame, "-")) {
            frame = "";
        } else if (!frame) {
            errno = EINVAL;
            die("send");
        }
        if (!put(header, frame, sizes)) {
            n_used += commit(PATIENCE, stuck);
            begin();
            if (*stuck || !put(header, frame, sizes)) {
                break;
            }
        }
    }
    free(line);
    return *stuck ? n_used : n_used + commit(PATIENCE, stuck);
}

static unsigned int
send_raw(FILE *f, bool *stuck)
{
    long long int addr, len, flags, next;

    begin();
    memset(memory + SEND, 0, 1 << 20);
    while (n_desc < RING
           && fscanf(f, "%lli %lli %lli %lli", &addr, &len, &flags, &next)
              == 4) {
        rings[TX].v.desc[n_desc++] = (struct vring_desc) {
            .addr = GPA + addr, .len = len, .flags = flags, .next = next,
        };
    }
    avail(0);
    return commit(1000, stuck);
}

static void
obey(char *line)
{
    char *file = strchr(line, ' ');
    bool stuck = false;
    unsigned int n = 0;

    if (file) {
        FILE *f = fopen(++file, "r");

        if (!f) {
            die(file);
        }
        n = (line[0] == 's' ? send_packets : send_raw)(f, &stuck);
        fclose(f);
    } else {
        port_leave();
        port_join(path);
    }
    printf("%s %u\n", stuck ? "stuck" : "ok", n);
    fflush(stdout);
}

int
main(int argc, char *argv[])
{
    bool client = false;
    int opt;

    received = stderr;
    while ((opt = getopt(argc, argv, "cnqf:o:")) != -1) {
        switch (opt) {
        case 'c': client = true; break;
        case 'n': no_room = true; break;
        case 'q': quiet = true; break;
        case 'f': wanted = strtoull(optarg, NULL, 0); break;
        case 'o': received = fopen(optarg, "w"); break;
        default: return 1;
        }
    }
    if (optind + 1 != argc || !received) {
        fprintf(stderr, "usage: guest [-c] [-n] [-q] [-f FEATURES] "
                "[-o FILE] SOCKET\n");
        return 1;
    }
    path = argv[optind];
    memory_fd = memfd_create("guest", 0);
    if (memory_fd < 0 || ftruncate(memory_fd, MEMORY)) {
        die("memory");
    }
    memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd,
                  0);
    if (memory == MAP_FAILED) {
        die("memory");
    }
    if (!client) {
        port_listen(path);
    }
    port_join(path);
    for (;;) {
        struct pollfd p = { .fd = 0, .events = POLLIN };

        if (poll(&p, 1, !quiet) > 0) {
            char line[4096];
            size_t n = 0;

            /* Not one byte more than the line: poll() must see the rest. */
            while (n < sizeof line - 1 && read(0, &line[n], 1) == 1
                   && line[n] != '\n') {
                n++;
            }
            if (!n) {
                return 0;
            }
            line[n] = '\0';
            obey(line);
        }
        receive();
    }
}
