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

#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "packets.h"
#include "stt/stt-reasm.h"
#include "unixctl.h"
#include "util.h"

/* `ovs-appctl stt/show`: the frames that reassembly holds, and the counters of
 * all other packets and frames.
 *
 * Called by the main thread only.  Must not change what is held. */

enum { MAX_PEERS = 10 };        /* Shown; those that hold most. */

/* Groups of verdicts: each goes from 'first' up to that of the next one. */
static const struct {
    enum stt_verdict first;
    const char *name;           /* In JSON. */
    const char *title;
} groups[] = {
    { STT_WHOLE, "packets", "packets" },
    { STT_DROP_CSUM, "drops", "packets dropped" },
    { STT_EXPIRED, "frames-given-up", "frames given up" },
};

/* The first verdict behind group number 'group'. */
static enum stt_verdict
group_end(size_t group)
{
    return (group + 1 < ARRAY_SIZE(groups) ? groups[group + 1].first
            : STT_N_VERDICTS);
}

/* Returns the reply of `stt/show` as JSON: the usage 'u', the 'n_peers' peers
 * that hold most, and 'counts' by group, zeros included. */
static struct json *
show_json(const struct stt_reasm_usage *u, const struct stt_reasm_peer *peers,
          size_t n_peers, const unsigned long long counts[STT_N_VERDICTS])
{
    struct json *json = json_object_create();
    struct json *array = json_array_create_empty();

    json_object_put(json, "frames", json_integer_create(u->n_frames));
    json_object_put(json, "bytes", json_integer_create(u->bytes));
    json_object_put(json, "max-bytes", json_integer_create(u->max_bytes));
    json_object_put(json, "limit", json_integer_create(u->limit));
    json_object_put(json, "peer-limit", json_integer_create(u->peer_limit));
    json_object_put(json, "timeout", json_integer_create(u->timeout));
    json_object_put(json, "n-peers", json_integer_create(u->n_peers));
    for (size_t i = 0; i < n_peers; i++) {
        struct json *peer = json_object_create();
        struct ds ds = DS_EMPTY_INITIALIZER;

        ipv6_format_mapped(&peers[i].src, &ds);
        json_object_put_string(peer, "address", ds_cstr(&ds));
        json_object_put(peer, "frames",
                        json_integer_create(peers[i].n_frames));
        json_object_put(peer, "bytes", json_integer_create(peers[i].bytes));
        json_array_add(array, peer);
        ds_destroy(&ds);
    }
    json_object_put(json, "peers", array);
    for (size_t g = 0; g < ARRAY_SIZE(groups); g++) {
        struct json *group = json_object_create();

        for (size_t v = groups[g].first; v < group_end(g); v++) {
            json_object_put(group, stt_verdict_to_string(v),
                            json_integer_create(counts[v]));
        }
        json_object_put(json, groups[g].name, group);
    }
    return json;
}

/* Appends the reply of `stt/show` to 'ds' as text: the same as show_json(),
 * without zeros.  Memory is in kB, rounded up. */
static void
show_text(const struct stt_reasm_usage *u, const struct stt_reasm_peer *peers,
          size_t n_peers, const unsigned long long counts[STT_N_VERDICTS],
          struct ds *ds)
{
    ds_put_format(ds, "frames: %"PRIuSIZE" incomplete, timeout %u ms\n"
                  "memory: %"PRIuSIZE" kB of %"PRIuSIZE", "
                  "at most %"PRIuSIZE" so far\n"
                  "peers: %"PRIuSIZE", of %"PRIuSIZE" kB each\n",
                  u->n_frames, u->timeout, DIV_ROUND_UP(u->bytes, 1024),
                  u->limit / 1024, DIV_ROUND_UP(u->max_bytes, 1024),
                  u->n_peers, u->peer_limit / 1024);
    for (size_t i = 0; i < n_peers; i++) {
        ds_put_cstr(ds, "  ");
        ipv6_format_mapped(&peers[i].src, ds);
        ds_put_format(ds, ": frames=%"PRIuSIZE", %"PRIuSIZE" kB\n",
                      peers[i].n_frames, DIV_ROUND_UP(peers[i].bytes, 1024));
    }
    for (size_t g = 0; g < ARRAY_SIZE(groups); g++) {
        ds_put_format(ds, "%s:\n", groups[g].title);
        for (size_t v = groups[g].first; v < group_end(g); v++) {
            if (counts[v]) {
                ds_put_format(ds, "  %s: %llu\n", stt_verdict_to_string(v),
                              counts[v]);
            }
        }
    }
}

/* `stt/show`. */
void
stt_unixctl_show(struct unixctl_conn *conn, int argc OVS_UNUSED,
                 const char *argv[] OVS_UNUSED, void *aux OVS_UNUSED)
{
    unsigned long long counts[STT_N_VERDICTS];
    struct stt_reasm_peer peers[MAX_PEERS];
    size_t n_peers = stt_reasm_peers_get(peers, MAX_PEERS);
    struct stt_reasm_usage usage;

    stt_reasm_usage_get(&usage);
    stt_counts_get(counts);
    if (unixctl_command_get_output_format(conn) == UNIXCTL_OUTPUT_FMT_JSON) {
        unixctl_command_reply_json(conn, show_json(&usage, peers, n_peers,
                                                   counts));
    } else {
        struct ds ds = DS_EMPTY_INITIALIZER;

        show_text(&usage, peers, n_peers, counts, &ds);
        unixctl_command_reply(conn, ds_cstr(&ds));
        ds_destroy(&ds);
    }
}
