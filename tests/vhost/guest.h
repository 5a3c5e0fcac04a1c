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

#ifndef GUEST_H
#define GUEST_H 1

/* What the two parts of tests/vhost/guest.c share. */

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>

/* The guest's memory: rings, receive buffers, and from SEND on what is sent.
 * Its second region begins at BORDER. */
enum { RX, TX, N_RINGS, RING = 256 };
enum { MEMORY = 64 << 20, BORDER = 32 << 20, SEND = BORDER - 8 };
static const uint64_t GPA = 1 << 20;    /* Address of its first byte. */
extern uint8_t *memory;
extern int memory_fd;

struct ring {
    struct vring v;
    uint16_t used;              /* Next entry of v.used to be looked at. */
};
extern struct ring rings[N_RINGS];

extern uint64_t wanted, taken;  /* Features. */

void die(const char *what);

/* Makes the rings ready for features 'taken'. */
void fill_rings(void);

/* The connection to Open vSwitch: guest-port.c. */
void port_listen(const char *path);
void port_join(const char *path);
void port_leave(void);

#endif /* guest.h */
