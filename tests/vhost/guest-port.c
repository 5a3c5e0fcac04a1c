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

/* The guest's side of a vhost-user connection: see guest.c. */

#include <linux/vhost_types.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "guest.h"

/* Messages, as QEMU numbers them. */
enum {
    GET_FEATURES = 1, SET_FEATURES, SET_OWNER, SET_MEM_TABLE = 5,
    SET_VRING_NUM = 8, SET_VRING_ADDR, SET_VRING_BASE, SET_VRING_KICK = 12,
    SET_VRING_CALL, GET_PROTOCOL_FEATURES = 15, SET_PROTOCOL_FEATURES,
    SET_VRING_ENABLE = 18,
};
enum { VERSION = 1, NEED_REPLY = 8, NO_FD = 1 << 8 };
#define F_PROTOCOL_FEATURES (1ULL << 30)
#define PROTOCOL_F_REPLY_ACK (1ULL << 3)

struct message {
    uint32_t request, flags, size;
    union {
        uint64_t u64;
        struct vhost_vring_state state;
        struct vhost_vring_addr addr;
        struct {
            uint32_t n, padding;
            struct { uint64_t gpa, size, user, offset; } regions[2];
        } memory;
    };
} __attribute__((packed));

static int listener = -1, port = -1;
static uint64_t offered;

/* Sends a request of 'size' bytes of payload, with 'n_fds' copies of the
 * memory's descriptor. */
static bool
tell(uint32_t request, struct message *m, uint32_t size, int n_fds)
{
    union {
        struct cmsghdr align;
        uint8_t space[CMSG_SPACE(2 * sizeof(int))];
    } control;
    struct iovec iov = { m, offsetof(struct message, u64) + size };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

    m->request = request;
    m->flags |= VERSION;
    m->size = size;
    if (n_fds) {
        struct cmsghdr *c;

        memset(&control, 0, sizeof control);
        msg.msg_control = &control;
        msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        for (int i = 0; i < n_fds; i++) {
            memcpy(CMSG_DATA(c) + i * sizeof(int), &memory_fd, sizeof(int));
        }
    }
    return sendmsg(port, &msg, MSG_NOSIGNAL) == (ssize_t) iov.iov_len;
}

/* Reads the answer to a request: a number. */
static bool
answer(uint64_t *n)
{
    struct message m;
    size_t len = offsetof(struct message, u64) + sizeof m.u64;

    if (recv(port, &m, len, MSG_WAITALL) != (ssize_t) len) {
        return false;
    }
    *n = m.u64;
    return true;
}

static bool
ask(uint32_t request, uint64_t *n)
{
    struct message m = { .flags = 0 };

    return tell(request, &m, 0, 0) && answer(n);
}

static bool
set(uint32_t request, uint64_t n)
{
    struct message m = { .u64 = n };

    return tell(request, &m, sizeof m.u64, 0);
}

static bool
set_ring(uint32_t request, uint32_t ring, uint32_t n)
{
    struct message m = { .state = { .index = ring, .num = n } };

    return tell(request, &m, sizeof m.state, 0);
}

static uint64_t
user(const void *p)
{
    return (uintptr_t) p;
}

static bool
set_up_ring(uint32_t i)
{
    struct vring *v = &rings[i].v;
    struct message addr = { .addr = {
        .index = i,
        .desc_user_addr = user(v->desc),
        .used_user_addr = user(v->used),
        .avail_user_addr = user(v->avail),
    } };

    return (set_ring(SET_VRING_NUM, i, RING)
            && set_ring(SET_VRING_BASE, i, 0)
            && tell(SET_VRING_ADDR, &addr, sizeof addr.addr, 0)
            && set(SET_VRING_CALL, i | NO_FD)
            && set(SET_VRING_KICK, i | NO_FD)
            && (!(taken & F_PROTOCOL_FEATURES)
                || set_ring(SET_VRING_ENABLE, i, 1)));
}

/* What QEMU does before the guest's driver may use its rings. */
static bool
negotiate(void)
{
    struct message mem = { .flags = 0 };
    uint64_t n;

    mem.memory.n = 2;
    for (int i = 0; i < 2; i++) {
        uint64_t ofs = i ? BORDER : 0;

        mem.memory.regions[i].gpa = GPA + ofs;
        mem.memory.regions[i].size = i ? MEMORY - BORDER : BORDER;
        mem.memory.regions[i].user = user(memory) + ofs;
        mem.memory.regions[i].offset = ofs;
    }
    if (!ask(GET_FEATURES, &offered)) {
        return false;
    }
    taken = offered & wanted;
    fill_rings();
    if (taken & F_PROTOCOL_FEATURES
        && (!ask(GET_PROTOCOL_FEATURES, &n)
            || !set(SET_PROTOCOL_FEATURES, n & PROTOCOL_F_REPLY_ACK))) {
        return false;
    }
    if (!set(SET_OWNER, 0) || !set(SET_FEATURES, taken)
        || !tell(SET_MEM_TABLE, &mem, sizeof mem.memory, 2)) {
        return false;
    }
    for (uint32_t i = 0; i < N_RINGS; i++) {
        if (!set_up_ring(i)) {
            return false;
        }
    }
    /* With this answered, all before it has been done. */
    return ask(GET_FEATURES, &n);
}

/* Connects, or waits for a connection, and negotiates. */
void
port_join(const char *path)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };

    snprintf(sun.sun_path, sizeof sun.sun_path, "%s", path);
    if (listener >= 0) {
        struct pollfd p = { .fd = listener, .events = POLLIN };

        if (poll(&p, 1, 30000) != 1
            || (port = accept(listener, NULL, NULL)) < 0) {
            die("nobody connects");
        }
    } else {
        port = socket(AF_UNIX, SOCK_STREAM, 0);
        if (connect(port, (struct sockaddr *) &sun, sizeof sun)) {
            die(path);
        }
    }
    if (!negotiate()) {
        die("negotiation");
    }
    printf("ready %#llx %#llx\n", (unsigned long long) offered,
           (unsigned long long) taken);
    fflush(stdout);
}

void
port_leave(void)
{
    close(port);
}

/* Listens at "path", for port_join(). */
void
port_listen(const char *path)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };

    snprintf(sun.sun_path, sizeof sun.sun_path, "%s", path);
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    unlink(path);
    if (bind(listener, (struct sockaddr *) &sun, sizeof sun)
        || listen(listener, 1)) {
        die(path);
    }
}
