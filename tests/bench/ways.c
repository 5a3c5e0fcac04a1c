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
#undef NDEBUG

#include "bench.h"

#include <linux/virtio_net.h>
#include <string.h>

#include "dp-packet.h"
#include "dp-packet-gso.h"
#include "netdev-provider.h"
#include "tnl-gso/stages/tnl-gso-frames.h"
#include "tnl-gso/core/tnl-gso-port.h"
#include "tnl-gso/tnl-gso.h"
#include "util.h"

/* The ways: each from the batch that netdev_send() gets to the driver.
 *
 * Counters, planning and everything else that our send hook does on the way
 * is in the time. */

/* What bench_verify() wants to see, or null: the driver frees packets. */
static struct dp_packet_batch *kept;

/* What bench_time_last() waits for, or null, and when a driver got it. */
static const struct dp_packet *awaited;
static uint64_t arrival;

static int
driver_send(struct netdev *netdev OVS_UNUSED, int qid OVS_UNUSED,
            struct dp_packet_batch *batch, bool concurrent_txq OVS_UNUSED)
{
    struct dp_packet *p;

    if (awaited
        && batch->packets[dp_packet_batch_size(batch) - 1] == awaited) {
        arrival = bench_now();
    }
    if (!kept) {
        dp_packet_delete_batch(batch, true);
        return 0;
    }
    DP_PACKET_BATCH_FOR_EACH (i, p, batch) {
        dp_packet_batch_add(kept, p);
    }
    return 0;
}

static int
driver_send_frames(struct netdev *netdev OVS_UNUSED,
                   const struct tnl_gso_frames *frames,
                   size_t *first_left OVS_UNUSED)
{
    for (size_t i = 0; kept && i < frames->n; i++) {
        const struct tnl_gso_frame *frame = &frames->frame[i];
        struct dp_packet *p = dp_packet_new(frame->len);

        for (size_t j = 0; j < frame->n; j++) {
            const struct iovec *iov = &frames->iov[frame->first + j];

            dp_packet_put(p, iov->iov_base, iov->iov_len);
        }
        dp_packet_pull(p, frames->vnet_size);
        dp_packet_batch_add(kept, p);
    }
    return 0;
}

static const struct netdev_class driver_class = {
    .type = "bench",
    .send = driver_send,
};

static struct netdev packet_ports[BENCH_MAX_PORTS];
static struct netdev frame_ports[BENCH_MAX_PORTS];

static void
port_init(struct netdev *port, const char *name)
{
    port->netdev_class = &driver_class;
    port->name = CONST_CAST(char *, name);
    port->tnl_gso = tnl_gso_port_new(port);
}

/* To be called once, before all others. */
void
bench_ways_init(void)
{
    for (size_t i = 0; i < BENCH_MAX_PORTS; i++) {
        port_init(&packet_ports[i], "packets");
        port_init(&frame_ports[i], "frames");
        frame_ports[i].tnl_gso->send_frames = driver_send_frames;
        frame_ports[i].tnl_gso->vnet_size = sizeof(struct virtio_net_hdr);
    }
}

void
bench_set_port(uint64_t ol_flags)
{
    for (size_t i = 0; i < BENCH_MAX_PORTS; i++) {
        packet_ports[i].ol_flags = ol_flags;
        frame_ports[i].ol_flags = ol_flags;
    }
}

/* Do the ports complete TCP checksums? */
bool
bench_port_sums(void)
{
    return (packet_ports[0].ol_flags & NETDEV_TX_OFFLOAD_TCP_CKSUM) != 0;
}

/* What netdev_send() of 4.0.0 does for a port that cannot cut. */
static void
send_upstream(struct dp_packet_batch *batch, size_t port)
{
    struct netdev *netdev = &packet_ports[port];
    struct dp_packet *p;

    dp_packet_gso_batch(batch);
    DP_PACKET_BATCH_FOR_EACH (i, p, batch) {
        dp_packet_ol_send_prepare(p, netdev->ol_flags);
    }
    netdev->netdev_class->send(netdev, 0, batch, false);
}

static void
send_packets(struct dp_packet_batch *batch, size_t port)
{
    tnl_gso_send(&packet_ports[port], 0, batch, false);
}

static void
send_frames(struct dp_packet_batch *batch, size_t port)
{
    tnl_gso_send(&frame_ports[port], 0, batch, false);
}

const struct bench_way bench_ways[BENCH_N_WAYS] = {
    { "upstream", send_upstream },
    { "packets", send_packets },
    { "frames", send_frames },
};

/* Returns a copy of superpacket 'p' with room for a tunnel header in front, as
 * a packet that has just been given one has, to be sent by 'way', null if it
 * is not sent.  Upstream, which knows of no remote checksum, has the same
 * packet with a partial one. */
struct dp_packet *
bench_clone(const struct dp_packet *p, const struct bench_way *way)
{
    struct dp_packet *q = dp_packet_clone_with_headroom(p, 128);

    q->offloads = p->offloads;
    if (way == &bench_ways[BENCH_UPSTREAM]
        && q->offloads & DP_PACKET_OL_INNER_RCO) {
        q->offloads &= ~DP_PACKET_OL_INNER_RCO;
        dp_packet_inner_l4_checksum_set_partial(q);
    }
    dp_packet_set_tso_segsz(q, dp_packet_get_tso_segsz(p));
    return q;
}

/* Makes of '*batch' one of 'n' copies of 'p' for 'way', and of 'last' behind
 * them if it is not null. */
static void
batch_fill(struct dp_packet_batch *batch, const struct bench_way *way,
           const struct dp_packet *p, size_t n, const struct dp_packet *last)
{
    dp_packet_batch_init(batch);
    for (size_t i = 0; i < n; i++) {
        dp_packet_batch_add(batch, bench_clone(p, way));
    }
    if (last) {
        dp_packet_batch_add(batch, bench_clone(last, way));
    }
}

/* Are 'a' and 'b', from different ways, the same to a driver?  A TCP checksum
 * that is left to the port may hold anything by then. */
static bool
same_packet(const struct dp_packet *a, const struct dp_packet *b,
            size_t csum_ofs)
{
    const char *x = dp_packet_data(a);
    const char *y = dp_packet_data(b);
    size_t size = dp_packet_size(a);

    return (size == dp_packet_size(b)
            && (!memcmp(x, y, size)
                || (bench_port_sums()
                    && size >= csum_ofs + 2
                    && !memcmp(x, y, csum_ofs)
                    && !memcmp(x + csum_ofs + 2, y + csum_ofs + 2,
                               size - csum_ofs - 2))));
}

/* Sends a batch of 'batch' copies of 'p', with 'last' behind them if it is not
 * null, to each of 'ports' ports all ways, and ends the program unless all
 * drivers get the same.  Upstream is right for all that we time: VXLAN and
 * Geneve without IPv6 extension headers; not for remote checksums, of which
 * our ways are compared with each other. */
void
bench_verify(const struct dp_packet *p, size_t batch,
             const struct dp_packet *last, size_t ports)
{
    size_t csum_ofs = p->inner_l4_ofs + offsetof(struct tcp_header, tcp_csum);
    struct dp_packet_batch out[BENCH_N_WAYS];
    bool remote = p->offloads & DP_PACKET_OL_INNER_RCO;
    int first = remote ? BENCH_PACKETS : BENCH_UPSTREAM;
    const struct dp_packet_batch *want = &out[first];
    bool same = true;

    for (int w = first; w < BENCH_N_WAYS; w++) {
        dp_packet_batch_init(&out[w]);
        kept = &out[w];
        for (size_t port = 0; port < ports; port++) {
            struct dp_packet_batch in;

            batch_fill(&in, &bench_ways[w], p, batch, last);
            bench_ways[w].send(&in, port);
            dp_packet_batch_destroy(&in);
        }
        kept = NULL;

        same = same && (dp_packet_batch_size(&out[w])
                        == dp_packet_batch_size(want));
        for (size_t i = 0; same && i < dp_packet_batch_size(want); i++) {
            same = same_packet(out[w].packets[i], want->packets[i], csum_ofs);
        }
    }
    for (int w = first; w < BENCH_N_WAYS; w++) {
        dp_packet_delete_batch(&out[w], true);
        dp_packet_batch_destroy(&out[w]);
    }
    if (!same) {
        ovs_fatal(0, "not all ways make the same of a superpacket");
    }
}

/* Sends 'n' copies of 'p' and 'last' behind them, which is no superpacket, as
 * one batch by 'way'.  Returns the nanoseconds until the driver gets 'last'. */
uint64_t
bench_time_last(const struct bench_way *way, const struct dp_packet *p,
                size_t n, const struct dp_packet *last)
{
    struct dp_packet_batch batch;
    uint64_t start;

    batch_fill(&batch, way, p, n, last);
    awaited = batch.packets[n];
    arrival = 0;
    start = bench_now();
    way->send(&batch, 0);
    ovs_assert(arrival);
    awaited = NULL;
    dp_packet_batch_destroy(&batch);
    return arrival - start;
}
