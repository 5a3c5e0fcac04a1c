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


/* The NIC for tests: a virtual device.  See nic.h.
 *
 *     net_tnlnic0,caps=all,tx_pcap=FILE,log=FILE
 *
 * The keys are those of struct nic_config; tests/dpdk/README.rst describes
 * them.  What tx_burst is handed goes to the log, what leaves to the capture.
 * A packet that a strict NIC would not send is counted in oerrors and logged
 * as BAD, also if tx_prepare refuses it; packets beyond a limit or against the
 * rule 'refuse' are refused, which is nobody's fault. */

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <bus_vdev_driver.h>
#include <ethdev_driver.h>
#include <ethdev_vdev.h>
#include <rte_cycles.h>
#include <rte_kvargs.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_version.h>

#include "nic.h"

#define MAX_QUEUES 128
#define MAX_PACKET (256 * 1024)
#define MAX_MTU 9710

/* Ethernet and two tags: what may come on top of the MTU. */
#define L2_OVERHEAD (14 + 8)

struct nic_queue {
    struct nic *nic;
    struct rte_mempool *pool;   /* Rx. */
    uint64_t enabled;           /* Tx: RTE_ETH_TX_OFFLOAD_*. */
};

/* ethdev frees this itself, by dev_private. */
struct nic {
    struct nic_config config;
    struct rte_eth_dev_data *data;
    struct rte_vdev_device *vdev;
    const struct rte_driver *real_driver;
    struct rte_vdev_driver named_driver; /* Has 'config.driver' as name. */
    struct rte_ether_addr mac;
    struct nic_queue rxq[MAX_QUEUES];
    struct nic_queue txq[MAX_QUEUES];

    /* Tx queues take turns. */
    pthread_mutex_t mutex;
    FILE *tx_pcap, *log;
    uint8_t *packet, *scratch;  /* MAX_PACKET bytes each. */
    uint32_t n_super;           /* For NIC_REFUSE_SUPER. */
    uint64_t opackets, obytes, oerrors;

    /* Rx queue 0. */
    struct nic_pcap rx_pcap;
    uint64_t next_poll;         /* In rte_get_timer_cycles(). */
    uint64_t ipackets, ibytes, ierrors;
};

static struct rte_vdev_driver nic_driver;

static void
count_bad(struct nic *nic, const char *why, const struct rte_mbuf *m)
{
    nic->oerrors++;
    if (nic->log) {
        nic_log_mbuf(nic->log, "BAD", why, m);
    }
}

static bool
refuses(struct nic *nic, const struct nic_job *job)
{
    const struct nic_config *config = &nic->config;

    switch (config->refuse) {
    case NIC_REFUSE_ALL:
        return true;
    case NIC_REFUSE_FLAGS:
        return job->flags & RTE_MBUF_F_TX_OFFLOAD_MASK;
    case NIC_REFUSE_TUNNEL:
        return job->tunnel;
    case NIC_REFUSE_SUPER:
        return job->tso && ++nic->n_super % config->refuse_n == 0;
    case NIC_REFUSE_MSS:
        return job->tso && job->mss < config->refuse_n;
    case NIC_REFUSE_NONE:
    default:
        return false;
    }
}

/* As all drivers' tx_prepare: returns the number of packets before the first
 * that is refused, and the reason in rte_errno. */
static uint16_t
nic_tx_prepare(void *queue_, struct rte_mbuf **pkts, uint16_t n)
{
    struct nic_queue *queue = queue_;
    struct nic *nic = queue->nic;
    uint16_t i;

    pthread_mutex_lock(&nic->mutex);
    for (i = 0; i < n; i++) {
        struct nic_job job;
        const char *why;
        int error = 0;

        nic_job_init(&job, pkts[i]);
        switch (nic_check(&nic->config, queue->enabled, pkts[i], &why)) {
        case NIC_BAD:
            count_bad(nic, why, pkts[i]);
            error = ENOTSUP;
            break;
        case NIC_LIMIT:
            error = EINVAL;
            break;
        case NIC_OK:
            why = "rule";
            error = refuses(nic, &job) ? nic->config.refuse_errno : 0;
            break;
        }
        if (error) {
            if (nic->log) {
                nic_log_mbuf(nic->log, "refuse", why, pkts[i]);
                fflush(nic->log);
            }
            rte_errno = error;
            break;
        }
        nic_preset(nic->config.preset, &job, pkts[i]);
    }
    pthread_mutex_unlock(&nic->mutex);
    return i;
}

static void
emit(void *nic_, const uint8_t *frame, uint32_t len)
{
    struct nic *nic = nic_;

    if (len > (uint32_t) nic->data->mtu + L2_OVERHEAD) {
        nic->oerrors++;
        if (nic->log) {
            fprintf(nic->log, "BAD frame of %u bytes, MTU %u\n", len,
                    (unsigned int) nic->data->mtu);
        }
        return;
    }
    nic->opackets++;
    nic->obytes += len;
    if (nic->tx_pcap) {
        nic_pcap_write(nic->tx_pcap, frame, len);
    }
}

static void
transmit(struct nic *nic, struct rte_mbuf *m)
{
    struct nic_job job;
    const void *bytes;

    nic_job_init(&job, m);
    bytes = rte_pktmbuf_read(m, 0, m->pkt_len, nic->packet);
    if (bytes != nic->packet) {
        memcpy(nic->packet, bytes, m->pkt_len);
    }
    nic_transmit(nic->config.preset, &job, nic->packet, nic->scratch, emit,
                 nic);
}

static uint16_t
nic_tx_burst(void *queue_, struct rte_mbuf **pkts, uint16_t n)
{
    struct nic_queue *queue = queue_;
    struct nic *nic = queue->nic;

    pthread_mutex_lock(&nic->mutex);
    for (uint16_t i = 0; i < n; i++) {
        const char *why = "too-long";

        if (nic->log) {
            nic_log_mbuf(nic->log, "tx", NULL, pkts[i]);
        }
        if (pkts[i]->pkt_len > MAX_PACKET
            || nic_check(&nic->config, queue->enabled, pkts[i], &why)) {
            count_bad(nic, why, pkts[i]);
        } else {
            transmit(nic, pkts[i]);
        }
        rte_pktmbuf_free(pkts[i]);
    }
    if (nic->tx_pcap) {
        fflush(nic->tx_pcap);
    }
    if (nic->log) {
        fflush(nic->log);
    }
    pthread_mutex_unlock(&nic->mutex);
    return n;
}

static uint16_t
nic_rx_burst(void *queue_, struct rte_mbuf **pkts, uint16_t n)
{
    struct nic_queue *queue = queue_;
    struct nic *nic = queue->nic;
    uint16_t received = 0;
    const uint8_t *frame;
    uint64_t now;
    uint32_t len;

    if (queue != nic->rxq || !nic->config.rx_pcap[0]) {
        return 0;
    }
    now = rte_get_timer_cycles();
    if (now >= nic->next_poll) {
        nic_pcap_poll(&nic->rx_pcap, nic->config.rx_pcap);
        nic->next_poll = now + rte_get_timer_hz() / 500;
    }
    while (received < n && (frame = nic_pcap_next(&nic->rx_pcap, &len))) {
        struct rte_mbuf *m = rte_pktmbuf_alloc(queue->pool);
        void *data = NULL;

        if (m && len <= UINT16_MAX) {
            data = rte_pktmbuf_append(m, len);
        }
        if (!data) {
            rte_pktmbuf_free(m);
            nic->ierrors++;
            continue;
        }
        memcpy(data, frame, len);
        /* A driver that takes mbufs as they come from the pool sets only what
         * it knows; this is what the last user has left. */
        m->tso_segsz = nic->config.rx_segsz;
        m->port = nic->data->port_id;
        pkts[received++] = m;
        nic->ipackets++;
        nic->ibytes += len;
    }
    return received;
}

/* Devices that are stopped may be other ones when they are asked again, as
 * after an update of their firmware. */
static int
nic_infos_get(struct rte_eth_dev *dev, struct rte_eth_dev_info *info)
{
    struct nic *nic = dev->data->dev_private;
    const struct nic_config *config = &nic->config;

    if (!dev->data->dev_started && !nic_config_reread(&nic->config)) {
        fprintf(stderr, "%s: bad line in %s\n", dev->data->name, config->ctl);
        return -EINVAL;
    }
    info->max_mac_addrs = 1;
    info->max_rx_queues = info->max_tx_queues = MAX_QUEUES;
    info->max_rx_pktlen = MAX_MTU + L2_OVERHEAD;
    info->max_mtu = MAX_MTU;
    info->tx_offload_capa = config->caps;
    /* So that it can be asked for: see nic_configure(). */
    info->rx_offload_capa = RTE_ETH_RX_OFFLOAD_TCP_LRO;
    info->max_lro_pkt_size = UINT16_MAX;
    if (config->seg_max) {
        info->tx_desc_lim.nb_seg_max = config->seg_max;
    }
    if (config->mtu_seg_max) {
        info->tx_desc_lim.nb_mtu_seg_max = config->mtu_seg_max;
    }
    if (config->driver[0]) {
        /* ethdev reads the name from here when this returns. */
        nic->named_driver = nic_driver;
        nic->named_driver.driver.name = config->driver;
        nic->vdev->device.driver = &nic->named_driver.driver;
    }
    return 0;
}

static int
nic_configure(struct rte_eth_dev *dev)
{
    struct nic *nic = dev->data->dev_private;

    if (nic->log) {
        fprintf(nic->log, "configure rx_offloads=0x%"PRIx64"\n",
                dev->data->dev_conf.rxmode.offloads);
        fflush(nic->log);
    }
    return 0;
}

static int
nic_start(struct rte_eth_dev *dev)
{
    dev->data->dev_link.link_status = RTE_ETH_LINK_UP;
    return 0;
}

static int
nic_stop(struct rte_eth_dev *dev)
{
    dev->data->dev_link.link_status = RTE_ETH_LINK_DOWN;
    return 0;
}

static int
nic_close(struct rte_eth_dev *dev)
{
    struct nic *nic = dev->data->dev_private;

    if (nic->tx_pcap) {
        fclose(nic->tx_pcap);
    }
    if (nic->log) {
        fclose(nic->log);
    }
    nic_pcap_free(&nic->rx_pcap);
    rte_free(nic->packet);
    rte_free(nic->scratch);
    pthread_mutex_destroy(&nic->mutex);
    /* ethdev frees the addresses otherwise, which are part of 'nic'. */
    dev->data->mac_addrs = NULL;
    nic->vdev->device.driver = nic->real_driver;
    return 0;
}

static int
nic_rx_queue_setup(struct rte_eth_dev *dev, uint16_t id,
                   uint16_t n_desc __rte_unused,
                   unsigned int node __rte_unused,
                   const struct rte_eth_rxconf *conf __rte_unused,
                   struct rte_mempool *pool)
{
    struct nic *nic = dev->data->dev_private;

    nic->rxq[id].nic = nic;
    nic->rxq[id].pool = pool;
    dev->data->rx_queues[id] = &nic->rxq[id];
    return 0;
}

static int
nic_tx_queue_setup(struct rte_eth_dev *dev, uint16_t id,
                   uint16_t n_desc __rte_unused,
                   unsigned int node __rte_unused,
                   const struct rte_eth_txconf *conf)
{
    struct nic *nic = dev->data->dev_private;

    nic->txq[id].nic = nic;
    nic->txq[id].enabled = (dev->data->dev_conf.txmode.offloads
                            | conf->offloads);
    dev->data->tx_queues[id] = &nic->txq[id];
    return 0;
}

static int
nic_link_update(struct rte_eth_dev *dev __rte_unused, int wait __rte_unused)
{
    return 0;
}

static int
nic_mtu_set(struct rte_eth_dev *dev __rte_unused, uint16_t mtu __rte_unused)
{
    return 0;
}

static int
nic_no_op(struct rte_eth_dev *dev __rte_unused)
{
    return 0;
}

static int
nic_mac_addr_set(struct rte_eth_dev *dev __rte_unused,
                 struct rte_ether_addr *mac __rte_unused)
{
    return 0;
}

#if RTE_VERSION >= RTE_VERSION_NUM(25, 11, 0, 0)
#define QUEUE_STATS , struct eth_queue_stats *queue_stats __rte_unused
#else
#define QUEUE_STATS
#endif

static int
nic_stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats QUEUE_STATS)
{
    const struct nic *nic = dev->data->dev_private;

    stats->opackets = nic->opackets;
    stats->obytes = nic->obytes;
    stats->oerrors = nic->oerrors;
    stats->ipackets = nic->ipackets;
    stats->ibytes = nic->ibytes;
    stats->ierrors = nic->ierrors;
    return 0;
}

static int
nic_stats_reset(struct rte_eth_dev *dev)
{
    struct nic *nic = dev->data->dev_private;

    nic->opackets = nic->obytes = nic->oerrors = 0;
    nic->ipackets = nic->ibytes = nic->ierrors = 0;
    return 0;
}

static const struct eth_dev_ops nic_ops = {
    .dev_configure = nic_configure,
    .dev_start = nic_start,
    .dev_stop = nic_stop,
    .dev_close = nic_close,
    .dev_infos_get = nic_infos_get,
    .rx_queue_setup = nic_rx_queue_setup,
    .tx_queue_setup = nic_tx_queue_setup,
    .link_update = nic_link_update,
    .mtu_set = nic_mtu_set,
    .mac_addr_set = nic_mac_addr_set,
    .promiscuous_enable = nic_no_op,
    .promiscuous_disable = nic_no_op,
    .allmulticast_enable = nic_no_op,
    .allmulticast_disable = nic_no_op,
    .stats_get = nic_stats_get,
    .stats_reset = nic_stats_reset,
};

static int
set_key(const char *key, const char *value, void *config)
{
    if (!value || !nic_config_set(config, key, value)) {
        fprintf(stderr, "net_tnlnic: bad value in %s=%s\n", key,
                value ? value : "");
        return -EINVAL;
    }
    return 0;
}

static int
parse_args(const char *args, struct nic_config *config)
{
    struct rte_kvargs *kvlist;
    int error;

    config->preset = NIC_PRESET_LIB;
    if (!args || !*args) {
        return 0;
    }
    kvlist = rte_kvargs_parse(args, nic_config_keys());
    if (!kvlist) {
        return -EINVAL;
    }
    error = rte_kvargs_process(kvlist, NULL, set_key, config);
    rte_kvargs_free(kvlist);
    return error ? -EINVAL : 0;
}

static bool
open_files(struct nic *nic)
{
    const struct nic_config *config = &nic->config;

    if (config->tx_pcap[0]) {
        nic->tx_pcap = nic_pcap_create(config->tx_pcap);
    }
    if (config->log[0]) {
        nic->log = fopen(config->log, "a");
    }
    nic->packet = rte_malloc(NULL, MAX_PACKET, 0);
    nic->scratch = rte_malloc(NULL, MAX_PACKET, 0);
    return (nic->packet && nic->scratch
            && !nic->tx_pcap == !config->tx_pcap[0]
            && !nic->log == !config->log[0]);
}

static int
nic_probe(struct rte_vdev_device *vdev)
{
    struct nic_config config = { .caps = 0 };
    struct rte_eth_dev *dev;
    struct nic *nic;
    int error = parse_args(rte_vdev_device_args(vdev), &config);

    if (error) {
        return error;
    }
    dev = rte_eth_vdev_allocate(vdev, sizeof *nic);
    if (!dev) {
        return -ENOMEM;
    }
    nic = dev->data->dev_private;
    nic->config = config;
    nic->data = dev->data;
    nic->vdev = vdev;
    nic->real_driver = &nic_driver.driver;
    rte_eth_random_addr(nic->mac.addr_bytes);
    pthread_mutex_init(&nic->mutex, NULL);
    if (!open_files(nic)) {
        fprintf(stderr, "%s: a file cannot be opened\n", dev->data->name);
        nic_close(dev);
        rte_eth_dev_release_port(dev);
        return -EIO;
    }
    dev->data->mac_addrs = &nic->mac;
    dev->data->dev_link = (struct rte_eth_link) {
        .link_speed = RTE_ETH_SPEED_NUM_10G,
        .link_duplex = RTE_ETH_LINK_FULL_DUPLEX,
        .link_autoneg = RTE_ETH_LINK_FIXED,
        .link_status = RTE_ETH_LINK_DOWN,
    };
    dev->dev_ops = &nic_ops;
    dev->rx_pkt_burst = nic_rx_burst;
    dev->tx_pkt_burst = nic_tx_burst;
    dev->tx_pkt_prepare = nic_tx_prepare;
    rte_eth_dev_probing_finish(dev);
    return 0;
}

static int
nic_remove(struct rte_vdev_device *vdev)
{
    const char *name = rte_vdev_device_name(vdev);
    struct rte_eth_dev *dev = rte_eth_dev_allocated(name);

    /* It is gone if it was closed before. */
    if (dev) {
        nic_close(dev);
        rte_eth_dev_release_port(dev);
    }
    return 0;
}

static struct rte_vdev_driver nic_driver = {
    .probe = nic_probe,
    .remove = nic_remove,
};

RTE_PMD_REGISTER_VDEV(net_tnlnic, nic_driver);
