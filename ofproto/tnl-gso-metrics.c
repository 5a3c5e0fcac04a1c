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

#include "ofproto/tnl-gso/tnl-gso-show.h"

#include "core/csum-copy.h"
#include "core/tnl-gso-buf.h"
#include "core/tnl-gso-port.h"
#include "encap/encap.h"
#include "netdev-provider.h"
#include "ofproto/ofproto-provider.h"
#include "ofproto/ofproto.h"
#include "ofproto/tnl-gso/tnl-gso-path.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/shash.h"
#ifdef __linux__
#include "ports/netdev-linux-tnl.h"
#endif
#include "receive/tnl-gro.h"
#include "stt/stt-reasm.h"
#include "unixctl.h"
#include "userspace-tso.h"
#include "util.h"

/* `ovs-appctl tnl-gso/metrics`: what `tnl-gso/show`, `tnl-gso/stats` and
 * `stt/show` know, in the text format of Prometheus, version 0.0.4: all
 * samples of a metric in one group, behind its HELP and TYPE.
 *
 * A port's counters that are zero are left out: a port has some hundred, and
 * most never count.
 *
 * Called by the main thread only.  Must not change packets that are sent. */

/* Each metric: its identifier, name, type and help. */
#define METRICS                                                             \
    METRIC(PORT_PACKETS, "ovs_tnl_gso_port_packets_total", "counter",       \
           "Packets of any kind, of ports and tunnels.")                    \
    METRIC(PORT_BYTES, "ovs_tnl_gso_port_bytes_total", "counter",           \
           "Bytes of these packets.")                                       \
    METRIC(PORT_DROPS, "ovs_tnl_gso_port_drops_total", "counter",           \
           "Packets of any kind that were dropped.")                        \
    METRIC(TX_SUPERS, "ovs_tnl_gso_tx_superpackets_total", "counter",       \
           "Superpackets sent, by who cut them.")                           \
    METRIC(TX_SEGMENTS, "ovs_tnl_gso_tx_segments_total", "counter",         \
           "Segments that they became.")                                    \
    METRIC(TX_SIZES, "ovs_tnl_gso_tx_superpacket_segments", "histogram",    \
           "Segments in a superpacket that was sent.")                      \
    METRIC(TX_BYTES, "ovs_tnl_gso_tx_bytes_total", "counter",               \
           "Bytes of the superpackets.")                                    \
    METRIC(DROPS, "ovs_tnl_gso_drops_total", "counter",                     \
           "Packets dropped, by reason.")                                   \
    METRIC(EVENTS, "ovs_tnl_gso_events_total", "counter",                   \
           "Other events of tnl-gso/stats.")                                \
    METRIC(GRO_PACKETS, "ovs_tnl_gso_gro_packets_total", "counter",         \
           "Packets that arrived cut, by what became of each.")             \
    METRIC(GRO_SUPERS, "ovs_tnl_gso_gro_superpacket_packets", "histogram",  \
           "Packets in a superpacket that merging has made.")               \
    METRIC(GRO_SKIPPED, "ovs_tnl_gso_gro_skipped_total", "counter",         \
           "Packets that were not looked at, for merging did not pay.")     \
    METRIC(GRO_CUT_AGAIN, "ovs_tnl_gso_gro_cut_again_total", "counter",     \
           "Merged superpackets that were cut again on this host.")         \
    METRIC(GRO_PAUSES, "ovs_tnl_gso_gro_pauses_total", "counter",           \
           "How often merging has paused for that.")                        \
    METRIC(METHOD, "ovs_tnl_gso_method", "gauge",                           \
           "1 for the method of each kind of superpacket.")                 \
    METRIC(TSO, "ovs_tnl_gso_userspace_tso", "gauge",                       \
           "Whether userspace TSO is enabled.")                             \
    METRIC(INFO, "ovs_tnl_gso_info", "gauge",                               \
           "1, with what does not change while ovs-vswitchd runs.")         \
    METRIC(BUFFERS, "ovs_tnl_gso_buffers", "gauge",                         \
           "Packet buffers of 64 kB, by state.")                            \
    METRIC(BUFFER_BYTES, "ovs_tnl_gso_buffer_bytes", "gauge",               \
           "Memory that they take.")                                        \
    METRIC(STT_FRAMES, "ovs_stt_frames", "gauge",                           \
           "STT frames that are not complete.")                             \
    METRIC(STT_BYTES, "ovs_stt_bytes", "gauge",                             \
           "Memory that they take.")                                        \
    METRIC(STT_PEERS, "ovs_stt_peers", "gauge",                             \
           "Hosts that they come from.")                                    \
    METRIC(STT_VERDICTS, "ovs_stt_verdicts_total", "counter",               \
           "STT packets and frames, by what became of each.")

enum metric {
#define METRIC(ID, NAME, TYPE, HELP) M_##ID,
    METRICS
#undef METRIC
    N_METRICS
};

static const struct {
    const char *name;
    const char *type;
    const char *help;
} metrics[N_METRICS] = {
#define METRIC(ID, NAME, TYPE, HELP) [M_##ID] = { NAME, TYPE, HELP },
    METRICS
#undef METRIC
};

/* A reply that is being written. */
struct page {
    struct ds samples[N_METRICS]; /* Lines, without HELP and TYPE. */
    struct ds labels;           /* Of the port: port="..",type="..". */
    struct shash ofports;       /* Ports of all bridges. */
};

/* Appends 'label' with 'value' to 'ds', behind a comma unless it is the first
 * one.  A name may have any character. */
static void
put_label(struct ds *ds, const char *label, const char *value)
{
    ds_put_format(ds, "%s%s=\"", ds->length ? "," : "", label);
    for (const char *c = value; *c; c++) {
        if (*c == '\n') {
            ds_put_cstr(ds, "\\n");
        } else {
            if (*c == '"' || *c == '\\') {
                ds_put_char(ds, '\\');
            }
            ds_put_char(ds, *c);
        }
    }
    ds_put_char(ds, '"');
}

/* Appends a sample of 'metric' with 'value'.  Its name ends with 'suffix', and
 * it has 'labels' and the label 'name', unless that is null, with the value
 * 'is'. */
static void
put_sample(struct page *page, enum metric metric, const char *suffix,
           const char *labels, const char *name, const char *is,
           unsigned long long value)
{
    struct ds *ds = &page->samples[metric];
    struct ds all = DS_EMPTY_INITIALIZER;

    ds_put_cstr(&all, labels);
    if (name) {
        put_label(&all, name, is);
    }
    ds_put_format(ds, "%s%s", metrics[metric].name, suffix);
    if (all.length) {
        ds_put_format(ds, "{%s}", ds_cstr(&all));
    }
    ds_put_format(ds, " %llu\n", value);
    ds_destroy(&all);
}

/* Appends a sample of a counter of the port whose labels 'page' has, unless it
 * is zero.  The counter has a label 'name' of its own, if that is not null,
 * with the value 'is'. */
static void
put_count(struct page *page, enum metric metric, const char *name,
          const char *is, unsigned long long value)
{
    if (value) {
        put_sample(page, metric, "", ds_cstr(&page->labels), name, is, value);
    }
}

/* Appends histogram 'metric', unless nothing is counted in it.  'sizes' has
 * what is less than 'first', what is less than twice that, and so on, and at
 * last all that is more; 'sum' is that of all sizes. */
static void
put_histogram(struct page *page, enum metric metric,
              const unsigned long long *sizes, size_t n_sizes,
              unsigned int first, unsigned long long sum)
{
    const char *labels = ds_cstr(&page->labels);
    unsigned long long n = 0;

    for (size_t i = 0; i < n_sizes; i++) {
        n += sizes[i];
    }
    if (!n) {
        return;
    }
    n = 0;
    for (size_t i = 0; i < n_sizes; i++) {
        bool last = i == n_sizes - 1;
        char *le = last ? xstrdup("+Inf") : xasprintf("%u", (first << i) - 1);

        n += sizes[i];
        put_sample(page, metric, "_bucket", labels, "le", le, n);
        free(le);
    }
    put_sample(page, metric, "_sum", labels, NULL, NULL, sum);
    put_sample(page, metric, "_count", labels, NULL, NULL, n);
}

/* Appends the counters of superpackets that were sent, 's->tx'. */
static void
put_tx(struct page *page, const struct tnl_gso_stats *s)
{
    for (size_t e = 0; e < TNL_GSO_N_ENCAPS; e++) {
        size_t length = page->labels.length;

        put_label(&page->labels, "encap", tnl_gso_encap_class(e)->name);
        for (size_t m = 0; m < TNL_GSO_N_METHODS; m++) {
            const struct tnl_gso_counter *c = &s->tx[e][m];
            const char *method = tnl_gso_method_to_string(m);
            size_t with_encap = page->labels.length;

            put_count(page, M_TX_SUPERS, "method", method, c->packets);
            put_count(page, M_TX_SEGMENTS, "method", method, c->segments);
            put_count(page, M_TX_BYTES, "method", method, c->bytes);
            if (m != TNL_GSO_DROP) {
                put_label(&page->labels, "method", method);
                put_histogram(page, M_TX_SIZES, c->sizes, TNL_GSO_N_SIZES, 2,
                              c->segments);
                ds_truncate(&page->labels, with_encap);
            }
        }
        ds_truncate(&page->labels, length);
    }
}

/* Appends the method of 'port' for each kind of superpacket. */
static void
put_methods(struct page *page, const struct tnl_gso_port *port)
{
    struct tnl_gso_show_row row;

    for (size_t i = 0; tnl_gso_show_row_get(port, i, &row); i++) {
        size_t length = page->labels.length;

        put_label(&page->labels, "encap",
                  tnl_gso_encap_class(row.desc.encap)->name);
        put_label(&page->labels, "l4", tnl_gso_l4_string(&row.desc));
        put_label(&page->labels, "outer", tnl_gso_outer_family(&row.desc));
        put_label(&page->labels, "csum", tnl_gso_csum_string(&row.desc));
        put_count(page, M_METHOD, "method",
                  tnl_gso_method_to_string(row.method), 1);
        ds_truncate(&page->labels, length);
        ds_destroy(&row.why);
    }
}

/* Appends a port's counters of all packets: 'rx' and 'tx'.  Some drivers lack
 * one, which is UINT64_MAX. */
static void
put_directions(struct page *page, enum metric metric, uint64_t rx, uint64_t tx)
{
    put_count(page, metric, "direction", "rx", rx == UINT64_MAX ? 0 : rx);
    put_count(page, metric, "direction", "tx", tx == UINT64_MAX ? 0 : tx);
}

/* Appends what OpenFlow tells of 'ofport'. */
static void
put_traffic(struct page *page, const struct ofport *ofport)
{
    struct netdev_stats stats;

    if (!ofproto_port_get_stats(ofport, &stats)) {
        put_directions(page, M_PORT_PACKETS, stats.rx_packets,
                       stats.tx_packets);
        put_directions(page, M_PORT_BYTES, stats.rx_bytes, stats.tx_bytes);
        put_directions(page, M_PORT_DROPS, stats.rx_dropped,
                       stats.tx_dropped);
    }
}

/* Appends what 'port' has counted, and its methods, to 'page'. */
static void
put_port(struct page *page, const struct tnl_gso_port *port)
{
    const char *name = netdev_get_name(port->netdev);
    const struct ofport *ofport;
    unsigned long long n_merged;
    struct tnl_gso_stats s;

#ifdef __linux__
    netdev_linux_tnl_poll(port->netdev);
#endif
    tnl_gso_stats_get(port, &s);
    ds_clear(&page->labels);
    put_label(&page->labels, "port", name);
    put_label(&page->labels, "type", netdev_get_type(port->netdev));

    put_tx(page, &s);
    for (size_t i = 0; i < TNL_GSO_N_REASONS; i++) {
        put_count(page, M_DROPS, "reason", tnl_gso_reason_to_string(i),
                  s.drops[i]);
    }
    for (size_t i = 0; i < TNL_GSO_N_EVENTS; i++) {
        put_count(page, M_EVENTS, "event", tnl_gso_event_to_string(i),
                  s.events[i]);
    }
    for (size_t i = 0; i < TNL_GRO_N_RULES; i++) {
        put_count(page, M_GRO_PACKETS, "rule", tnl_gro_rule_to_string(i),
                  s.gro_units[i]);
    }
    n_merged = s.gro_units[TNL_GRO_JOINED];
    /* 'joined' are those packets that were not the first of a superpacket. */
    for (size_t i = 0; i < TNL_GRO_N_SIZES; i++) {
        n_merged += s.gro_supers[i];
    }
    put_histogram(page, M_GRO_SUPERS, s.gro_supers, TNL_GRO_N_SIZES, 4,
                  n_merged);
    put_count(page, M_GRO_SKIPPED, NULL, NULL, s.gro_skipped);
    put_count(page, M_GRO_CUT_AGAIN, NULL, NULL, s.gro_feedback.cut);
    put_count(page, M_GRO_PAUSES, NULL, NULL, s.gro_feedback.pauses);
    ofport = shash_find_data(&page->ofports, name);
    if (ofport && !tnl_gso_ofport_is_kernels(ofport)) {
        put_traffic(page, ofport);
        if (tnl_gso_port_sends(port)) {
            put_methods(page, port);
        }
    }
}

/* Appends what belongs to no port. */
static void
put_global(struct page *page)
{
    unsigned long long verdicts[STT_N_VERDICTS];
    struct stt_reasm_usage stt;
    struct tnl_gso_buf_usage bufs;

    put_sample(page, M_TSO, "", "", NULL, NULL, userspace_tso_enabled());
    put_sample(page, M_INFO, "", "", "checksum_code", csum_copy_impl()->name,
               1);
    tnl_gso_buf_usage_get(&bufs);
    put_sample(page, M_BUFFERS, "", "", "state", "idle", bufs.n_idle);
    put_sample(page, M_BUFFERS, "", "", "state", "used",
               bufs.n_bufs - bufs.n_idle);
    put_sample(page, M_BUFFER_BYTES, "", "", NULL, NULL, bufs.bytes);

    stt_reasm_usage_get(&stt);
    stt_counts_get(verdicts);
    put_sample(page, M_STT_FRAMES, "", "", NULL, NULL, stt.n_frames);
    put_sample(page, M_STT_BYTES, "", "", NULL, NULL, stt.bytes);
    put_sample(page, M_STT_PEERS, "", "", NULL, NULL, stt.n_peers);
    for (size_t i = 0; i < STT_N_VERDICTS; i++) {
        put_sample(page, M_STT_VERDICTS, "", "", "verdict",
                   stt_verdict_to_string(i), verdicts[i]);
    }
}

/* `tnl-gso/metrics`. */
void
tnl_gso_unixctl_metrics(struct unixctl_conn *conn, int argc OVS_UNUSED,
                        const char *argv[] OVS_UNUSED, void *aux OVS_UNUSED)
{
    struct ds text = DS_EMPTY_INITIALIZER;
    struct page page = { .labels = DS_EMPTY_INITIALIZER };
    struct tnl_gso_ports ports;

    tnl_gso_ofports_get(&page.ofports);
    put_global(&page);
    tnl_gso_ports_get(NULL, &ports);
    for (size_t i = 0; i < ports.n; i++) {
        put_port(&page, ports.netdevs[i]->tnl_gso);
    }
    tnl_gso_ports_release(&ports);
    shash_destroy(&page.ofports);
    for (size_t i = 0; i < N_METRICS; i++) {
        if (page.samples[i].length) {
            ds_put_format(&text, "# HELP %s %s\n# TYPE %s %s\n%s",
                          metrics[i].name, metrics[i].help, metrics[i].name,
                          metrics[i].type, ds_cstr(&page.samples[i]));
        }
        ds_destroy(&page.samples[i]);
    }
    ds_destroy(&page.labels);
    unixctl_command_reply(conn, ds_cstr(&text));
    ds_destroy(&text);
}
