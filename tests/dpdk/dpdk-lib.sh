# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# What suites share whose Open vSwitch has DPDK: no hardware, no huge pages.  To
# be sourced after netns-lib.sh.

# need_dpdk: $BUILD is a build with DPDK.
need_dpdk() {
    need_build "$BUILD"
    grep -q '^#define DPDK_NETDEV 1' "$BUILD/config.h" \
        || die "$BUILD has been built without DPDK"
}

# nl_nic_plugin: sets NL_PLUGIN, the NIC for tests as DPDK loads it: EAL takes no
# plugin from below a directory that others may write to, such as /tmp.
NL_PLUGIN=
nl_nic_plugin() {
    cp "$BUILD/tnlnic/librte_net_tnlnic.so" /run 2>/dev/null &&
        NL_PLUGIN=/run/librte_net_tnlnic.so
}

# dpdk_ovs NS TSO(true|false) EAL-OPTIONS [COLUMN...]: nl_ovs(), with DPDK.
dpdk_ovs() {
    local cpu
    # The first processor that this script may use is for the PMD thread.
    cpu=$(taskset -pc $$ | sed 's/.*: *\([0-9]*\).*/\1/')
    # Where DPDK keeps its files, instead of /var/run/dpdk.
    RUNTIME_DIRECTORY=$TMP nl_ovs "$1" "$2" other_config:dpdk-init=true \
        other_config:dpdk-extra="--legacy-mem --no-huge -m 1024 --no-pci $3" \
        other_config:pmd-cpu-mask="$(printf '0x%x' $((1 << ${cpu:-0})))" \
        "${@:4}" || return 1
    wait_for 20 dpdk_runs "$1"
}

dpdk_runs() {
    test "$(nl_vsctl "$1" get Open_vSwitch . dpdk_initialized)" = true
}

# dpdk_port NAME DEVARGS: a port of br-u.  It has the same number each time, so
# that flows to it go on.
dpdk_port() {
    nl_vsctl ovs add-port br-u "$1" -- set Interface "$1" type=dpdk \
        ofport_request=$((10 + ${#1})) options:dpdk-devargs="$2" || return 1
    # "[]" if the port could be opened.
    test "$(nl_vsctl ovs get Interface "$1" error)" = '[]'
}

# dpdk_underlay: br-u, with port pcap0, which writes to $CAPTURE.
CAPTURE=
dpdk_underlay() {
    nl_bridge ovs br-u 'other-config:hwaddr="02:00:00:01:00:01"' || return 1
    CAPTURE=$TMP/pcap0.$SECONDS
    dpdk_port pcap0 "net_pcap0,tx_pcap=$CAPTURE" || return 1
    nl_ip ovs addr add 172.16.1.1/24 dev br-u
    nl_ip ovs addr add fd00:1::1/64 dev br-u nodad
    nl_ip ovs link set br-u up
}

# dpdk_path ENCAP OUTER CSUM TO FROM...: from these ports of br-int to port TO of
# br-u.  Sets OUT, the port of br-int, and IN, what flows of br-u begin with.
dpdk_path() {
    local encap=$1 outer=$2 csum=true to=$4 from local=172.16.1.1
    local remote=172.16.1.2
    test "$3" = on || csum=false
    test "$outer" != 6 || local=fd00:1::1 remote=fd00:1::2
    shift 4
    nl_ofctl ovs del-flows br-int
    nl_ofctl ovs del-flows br-u
    nl_vsctl ovs --if-exists del-port br-int tun \
        -- --if-exists del-port br-int to-u -- --if-exists del-port br-u from-int
    if test "$encap" = plain; then
        nl_vsctl ovs add-port br-int to-u \
            -- set Interface to-u type=patch options:peer=from-int \
            -- add-port br-u from-int \
            -- set Interface from-int type=patch options:peer=to-u || return 1
        OUT=to-u IN=from-int
    else
        nl_vsctl ovs add-port br-int tun -- set Interface tun type="$encap" \
            options:local_ip=$local options:remote_ip=$remote \
            options:csum=$csum options:key=7 || return 1
        nl_neigh ovs br-u $remote 02:5e:00:00:00:02
        # Nothing but this, so that nothing else is captured, or goes in
        # circles.
        OUT=tun IN=LOCAL,dl_dst=02:5e:00:00:00:02
    fi
    nl_ofctl ovs add-flow br-u "in_port=$IN,actions=output:$to"
    for from; do
        nl_ofctl ovs add-flow br-int "in_port=$from,actions=output:$OUT"
    done
}

# written: prints how long the capture is.  Its header is written with the first
# packet.
written() {
    local size
    size=$(stat -c %s "$CAPTURE")
    echo $((size > 24 ? size : 24))
}

# captured SIZE FILE: what pcap0 has written behind its first SIZE bytes.
captured() {
    { head -c 24 "$CAPTURE"; tail -c "+$(($1 + 1))" "$CAPTURE"; } >"$2"
}

in_use() {
    nl_appctl ovs netdev-dpdk/get-mempool-info "$1" \
        | sed -n 's/.*count: avail.*in use (\([0-9]*\)).*/\1/p'
}

# all_back PORT IN-USE: as many mbufs are in use as before, or fewer, since a
# packet of somebody else may have been on its way then.
all_back() {
    local now
    now=$(in_use "$1")
    test "$now" -le "$2" || { echo "$now mbufs in use, $2 before"; return 1; }
}

# unit_case NAME WORD...: what needs DPDK, but no ovs-vswitchd.
unit_case() {
    local out
    begin "unit $*" || return 0
    out=$("$BUILD/tests/ovstest" "$@" 2>&1) \
        || problem "$(tail -n 20 <<<"$out")"
    verdict
}
