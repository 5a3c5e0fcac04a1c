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


/* What the NIC for tests pretends to be.
 *
 * Called by nic.c when the device is made, and again whenever it is stopped
 * and asked what it can do.  Must not look at packets. */

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>
#include <rte_ethdev.h>

#include "nic.h"

/* A capability is a NIC's word of RTE_ETH_TX_OFFLOAD_*. */
#define CAP(NAME) { #NAME, RTE_ETH_TX_OFFLOAD_##NAME }

/* Those that nic-cut.c does something about. */
static const struct {
    const char *name;
    uint64_t cap;
} caps[] = {
    CAP(IPV4_CKSUM),
    CAP(UDP_CKSUM),
    CAP(TCP_CKSUM),
    CAP(SCTP_CKSUM),
    CAP(TCP_TSO),
    CAP(UDP_TSO),
    CAP(OUTER_IPV4_CKSUM),
    CAP(OUTER_UDP_CKSUM),
    CAP(VXLAN_TNL_TSO),
    CAP(GRE_TNL_TSO),
    CAP(IPIP_TNL_TSO),
    CAP(GENEVE_TNL_TSO),
    CAP(UDP_TNL_TSO),
    CAP(IP_TNL_TSO),
    CAP(MULTI_SEGS),
    CAP(MBUF_FAST_FREE),
};

/* 'text' is names joined by '+', "none", "all" (not MBUF_FAST_FREE, which
 * changes what may be sent), or a number. */
static bool
parse_caps(const char *text, uint64_t *result)
{
    char copy[512], *save = NULL, *end;

    *result = strtoull(text, &end, 0);
    if (end > text && !*end) {
        return true;
    }
    *result = 0;
    snprintf(copy, sizeof copy, "%s", text);
    for (char *name = strtok_r(copy, "+", &save); name;
         name = strtok_r(NULL, "+", &save)) {
        bool all = !strcasecmp(name, "all");
        bool found = all || !strcasecmp(name, "none");

        for (size_t i = 0; i < RTE_DIM(caps); i++) {
            if (all ? caps[i].cap != RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE
                : !strcasecmp(name, caps[i].name)) {
                *result |= caps[i].cap;
                found = true;
            }
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

static bool
parse_preset(const char *text, enum nic_preset *result)
{
    static const char *const names[] = {
        [NIC_PRESET_NONE] = "none",
        [NIC_PRESET_OLD] = "old",
        [NIC_PRESET_LTS] = "lts",
        [NIC_PRESET_NEW] = "new",
        [NIC_PRESET_LIB] = "lib",
    };

    for (size_t i = 0; i < RTE_DIM(names); i++) {
        if (!strcmp(text, names[i])) {
            *result = i;
            return true;
        }
    }
    return false;
}

/* RULE[:N][+einval], RULE as in the table. */
static bool
parse_refusal(const char *text, struct nic_config *config)
{
    static const struct {
        const char *name;
        enum nic_refusal rule;
        bool number;
    } rules[] = {
        { "none", NIC_REFUSE_NONE, false },
        { "all", NIC_REFUSE_ALL, false },
        { "flags", NIC_REFUSE_FLAGS, false },
        { "tunnel", NIC_REFUSE_TUNNEL, false },
        { "super", NIC_REFUSE_SUPER, true },
        { "mss", NIC_REFUSE_MSS, true },
    };
    char copy[64], *number, *plus;

    snprintf(copy, sizeof copy, "%s", text);
    plus = strchr(copy, '+');
    if (plus) {
        *plus++ = '\0';
    }
    if (plus && strcmp(plus, "einval") && strcmp(plus, "enotsup")) {
        return false;
    }
    config->refuse_errno = plus && !strcmp(plus, "einval") ? EINVAL : ENOTSUP;
    number = strchr(copy, ':');
    if (number) {
        *number++ = '\0';
    }
    config->refuse_n = number ? strtoul(number, NULL, 10) : 0;
    for (size_t i = 0; i < RTE_DIM(rules); i++) {
        if (!strcmp(copy, rules[i].name)
            && rules[i].number == (config->refuse_n > 0)) {
            config->refuse = rules[i].rule;
            return true;
        }
    }
    return false;
}

static bool
parse_number(const char *text, uint32_t *result)
{
    char *end;

    *result = strtoul(text, &end, 10);
    return end > text && !*end;
}

static bool
parse_string(const char *text, char *result, size_t size)
{
    return snprintf(result, size, "%s", text) < (int) size;
}

/* For rte_kvargs_parse(). */
const char **
nic_config_keys(void)
{
    static const char *keys[] = {
        "caps", "min_mss", "max_mss", "max_hdr", "seg_max", "mtu_seg_max",
        "preset", "refuse", "rx_segsz", "driver", "tx_pcap", "rx_pcap", "log",
        "ctl", NULL,
    };

    return keys;
}

/* Returns false if there is no such key, or its value makes no sense. */
bool
nic_config_set(struct nic_config *config, const char *key, const char *value)
{
#define NUMBER(FIELD)                                   \
    if (!strcmp(key, #FIELD)) {                         \
        return parse_number(value, &config->FIELD);     \
    }
#define STRING(FIELD)                                                         \
    if (!strcmp(key, #FIELD)) {                                               \
        return parse_string(value, config->FIELD, sizeof config->FIELD);      \
    }
    NUMBER(min_mss)
    NUMBER(max_mss)
    NUMBER(max_hdr)
    NUMBER(seg_max)
    NUMBER(mtu_seg_max)
    NUMBER(rx_segsz)
    STRING(driver)
    STRING(tx_pcap)
    STRING(rx_pcap)
    STRING(log)
    STRING(ctl)
#undef NUMBER
#undef STRING
    if (!strcmp(key, "caps")) {
        return parse_caps(value, &config->caps);
    } else if (!strcmp(key, "preset")) {
        return parse_preset(value, &config->preset);
    } else if (!strcmp(key, "refuse")) {
        return parse_refusal(value, config);
    }
    return false;
}

/* Reads the control file again.  Files that are open stay what they are.
 * Returns false if a line makes no sense. */
bool
nic_config_reread(struct nic_config *config)
{
    char line[1024];
    bool ok = true;
    FILE *file;

    if (!config->ctl[0]) {
        return true;
    }
    file = fopen(config->ctl, "r");
    if (!file) {
        return errno == ENOENT;
    }
    while (fgets(line, sizeof line, file)) {
        char *value;

        line[strcspn(line, "\n")] = '\0';
        value = strchr(line, '=');
        if (value) {
            *value++ = '\0';
        }
        ok = ok && value && nic_config_set(config, line, value);
    }
    fclose(file);
    return ok;
}
