# Copyright (c) 2026 The tnl-gso authors.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at:
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

# What tests/demo, tests/run-system, tests/run-diff and
# tests/run-upstream-system share: a private world of network namespaces, Open
# vSwitch daemons in it, TCP transfers, captures and tshark's verdict on them.
#
# To be sourced by bash, with 'set -u'.  Every namespace that is made here is
# called tg<pid>-<name>, every process is remembered by its pid, every file
# lies in $NL_TMP: nl_cleanup(), which runs however the script ends, takes away
# exactly these.  Nothing outside is touched: no sysctl, no address, no route of
# the machine.

NL_HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
NL_TOOLS=$NL_HERE/system
PYTHON3=${PYTHON3:-/usr/bin/python3}
NL_RUN=tg$$
NL_TMP=
NL_NETNS=()
NL_PIDS=()
NL_PLUGINS=

# ---------------------------------------------------------------------------
# Beginning and end.
# ---------------------------------------------------------------------------

# nl_init: call once, before anything else of this file: from then on the
# cleaning is certain.
nl_init() {
    NL_TMP=$(mktemp -d "${TMPDIR:-/tmp}/$NL_RUN.XXXXXX") || exit 1
    # 'exit' inside a signal trap runs the EXIT trap, with the usual status.
    trap nl_cleanup EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    trap 'exit 129' HUP
}

nl_cleanup() {
    local status=$? ns pids
    # A second Ctrl-C must not stop the cleaning.
    trap '' INT TERM HUP
    trap - EXIT
    nl_end ${NL_PIDS[@]+"${NL_PIDS[@]}"}
    for ns in ${NL_NETNS[@]+"${NL_NETNS[@]}"}; do
        # Whatever still runs in a namespace of ours is ours.
        mapfile -t pids < <(ip netns pids "$ns" 2>/dev/null)
        nl_end ${pids[@]+"${pids[@]}"}
        ip netns del "$ns" 2>/dev/null
    done
    test -z "$NL_PLUGINS" || rm -rf -- "$NL_PLUGINS"
    if test -n "$NL_TMP"; then
        if test -n "${KEEP:-}"; then
            echo "Kept: $NL_TMP" >&2
        else
            rm -rf -- "$NL_TMP"
        fi
    fi
    exit $status
}

# nl_reap PID...: wait until these are gone, 5 seconds at most, then kill them.
nl_reap() {
    local pid i
    for pid; do
        for ((i = 0; i < 250; i++)); do
            kill -0 "$pid" 2>/dev/null || break
            sleep .02
        done
        kill -KILL "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
}

# nl_need_root: what no test in namespaces can do without.
nl_need_root() {
    if test "$(id -u)" != 0; then
        echo "$0: needs root (network namespaces)" >&2
        return 1
    fi
    if ! nl_ns probe 2>/dev/null; then
        echo "$0: cannot make network namespaces here" >&2
        return 1
    fi
    nl_ns_del probe
}

# nl_need PROGRAM...: prints the missing ones and fails if there are any.
nl_need() {
    local p missing=
    for p; do
        command -v "$p" >/dev/null || missing="$missing $p"
    done
    test -z "$missing" || { echo "missing:$missing"; return 1; }
}

# nl_wait SECONDS COMMAND...: until the command succeeds.
nl_wait() {
    local i n=$(($1 * 20))
    shift
    for ((i = 0; i < n; i++)); do
        "$@" >/dev/null 2>&1 && return 0
        sleep .05
    done
    return 1
}

# nl_bg COMMAND...: runs a command (not a function) in the background, such
# that NL_LAST_PID is the command itself, not a shell around it.
nl_bg() {
    (exec "$@") &
    NL_LAST_PID=$!
    NL_PIDS+=("$NL_LAST_PID")
}

# nl_fg COMMAND...: runs a command (not a function) and waits for it, such that
# a signal to this script ends the wait at once.  (bash runs a trap only after
# the command in the foreground.)
nl_fg() {
    nl_bg "$@"
    nl_join "$NL_LAST_PID"
}

# nl_join PID: waits for what nl_bg started, returns its exit status.
nl_join() {
    local status
    wait "$1"
    status=$?
    nl_forget "$1"
    return $status
}

nl_forget() {
    local p keep=()
    for p in ${NL_PIDS[@]+"${NL_PIDS[@]}"}; do
        test "$p" = "$1" || keep+=("$p")
    done
    NL_PIDS=(${keep[@]+"${keep[@]}"})
}

# nl_end PID...: ends processes that were started in the background.
nl_end() {
    local pid
    for pid; do
        kill "$pid" 2>/dev/null
    done
    nl_reap "$@"
    for pid; do
        nl_forget "$pid"
    done
}

# ---------------------------------------------------------------------------
# Namespaces and devices.
# ---------------------------------------------------------------------------

# nl_ns NAME...: makes namespaces.  From then on `in_ns NAME command` runs a
# command in one of them.
nl_ns() {
    local n
    for n; do
        NL_NETNS+=("$NL_RUN-$n")
        ip netns add "$NL_RUN-$n" || return 1
        # Where this fails, the reason is not a device that is missing.
        if ! in_ns "$n" true; then
            echo "network namespaces cannot be used here" >&2
            return 1
        fi
        ip -n "$NL_RUN-$n" link set lo up
        # Addresses are usable at once: no duplicate address detection.  No
        # router solicitations, no multicast joins that blur a capture.
        in_ns "$n" sysctl -qw net.ipv6.conf.all.accept_dad=0 \
            net.ipv6.conf.default.accept_dad=0 \
            net.ipv6.conf.default.router_solicitations=0 \
            net.ipv6.conf.all.router_solicitations=0 2>/dev/null
    done
    return 0
}

nl_ns_del() {
    local n ns keep=()
    for n; do
        ip netns del "$NL_RUN-$n" 2>/dev/null
    done
    for ns in ${NL_NETNS[@]+"${NL_NETNS[@]}"}; do
        case " $* " in *" ${ns#"$NL_RUN-"} "*) ;; *) keep+=("$ns") ;; esac
    done
    NL_NETNS=(${keep[@]+"${keep[@]}"})
}

in_ns() {
    local ns=$NL_RUN-$1
    shift
    ip netns exec "$ns" "$@"
}

# in_ns_bg NS COMMAND...: in the background, see nl_bg.  `ip netns exec` turns
# itself into the command.
in_ns_bg() {
    local ns=$NL_RUN-$1
    shift
    nl_bg ip netns exec "$ns" "$@"
}

# nl_veth NS1 IF1 NS2 IF2 [MTU]: a veth pair, both ends up.
nl_veth() {
    ip -n "$NL_RUN-$1" link add "$2" mtu "${5:-1500}" type veth \
        peer name "$4" mtu "${5:-1500}" netns "$NL_RUN-$3" || return 1
    ip -n "$NL_RUN-$1" link set "$2" up
    ip -n "$NL_RUN-$3" link set "$4" up
}

nl_ip() {
    local ns=$NL_RUN-$1
    shift
    ip -n "$ns" "$@"
}

nl_mac() { in_ns "$1" cat "/sys/class/net/$2/address"; }

# nl_can_link TYPE: does the kernel make such a device?
nl_can_link() {
    local status
    nl_ns probe || return 1
    case $1 in
        vxlan|geneve) set -- type "$1" id 1 remote 192.0.2.1 dstport 4789 ;;
        gretap) set -- type "$1" remote 192.0.2.1 ;;
        ip6gretap) set -- type "$1" remote 2001:db8::1 ;;
        veth) set -- type "$1" peer name probe1 ;;
        bridge) set -- type "$1" ;;
        8021q)
            nl_ip probe link add probe1 type veth peer name probe2
            set -- link probe1 type vlan id 1
            ;;
    esac
    nl_ip probe link add name probe0 "$@" 2>/dev/null
    status=$?
    nl_ns_del probe
    return $status
}

# nl_tap_grants SIZE OFFLOADS: does this kernel grant a tap a vnet header of SIZE
# bytes and then OFFLOADS (TUN_F_*)?  Asked without Open vSwitch.
nl_tap_grants() {
    in_ns kern "$PYTHON3" -B - "$1" "$2" 2>/dev/null <<'EOF'
import fcntl
import struct
import sys
fd = open('/dev/net/tun', 'r+b', buffering=0)
fcntl.ioctl(fd, 0x400454ca, struct.pack('16sH22x', b'grants', 0x5002))
fcntl.ioctl(fd, 0x400454d8, struct.pack('i', int(sys.argv[1])))
fcntl.ioctl(fd, 0x400454d0, int(sys.argv[2], 0))
EOF
}

# nl_wire NS IF: makes an interface show, on capture, what a wire would carry.
#
# A veth hands superpackets and unfinished checksums to its peer as long as its
# offloads are on: nobody would ever see whether a segment or a checksum is
# right.  With them off, the kernel finishes (for its own traffic) before the
# packet reaches the device, and a capture on either end shows final bytes;
# and Open vSwitch, which asks the device when it is added as a port, has to
# finish everything by itself.
nl_wire() {
    in_ns "$1" ethtool -K "$2" tx off tso off gso off gro off sg off \
        >/dev/null 2>&1
}

# nl_tso NS IF: a virtual machine's interface: hands over superpackets with
# unfinished checksums.
nl_tso() {
    in_ns "$1" ethtool -K "$2" tx on sg on tso on gso on \
        tx-udp-segmentation on >/dev/null 2>&1
}

# ---------------------------------------------------------------------------
# Open vSwitch.
# ---------------------------------------------------------------------------

# nl_need_build DIR: $BUILD is a build tree of Open vSwitch.
nl_need_build() {
    local p
    for p in vswitchd/ovs-vswitchd ovsdb/ovsdb-server ovsdb/ovsdb-tool \
             utilities/ovs-vsctl utilities/ovs-appctl utilities/ovs-ofctl; do
        if test ! -x "$1/$p"; then
            echo "$0: $1/$p is missing: build first (make), or set BUILD" >&2
            return 1
        fi
    done
    BUILD=$(cd "$1" && pwd)
    # The database schema lies in the source tree of the build.
    NL_SCHEMA=$(sed -n 's/^abs_top_srcdir *= *//p' "$BUILD/Makefile" \
                | head -n 1)/vswitchd/vswitch.ovsschema
    test -r "$NL_SCHEMA" || NL_SCHEMA=$BUILD/vswitchd/vswitch.ovsschema
    if test ! -r "$NL_SCHEMA"; then
        echo "$0: cannot find vswitch.ovsschema of $BUILD" >&2
        return 1
    fi
}

# nl_ovs NS TSO(true|false) [COLUMN...]: starts ovsdb-server and ovs-vswitchd in
# NS.  COLUMNs are set in Open_vSwitch before, NL_VSWITCHD_ARGS are more
# arguments of ovs-vswitchd.  They run in the foreground of a background job: no fork, so that $! is the
# process that is killed in the end.
declare -A NL_VSWITCHD NL_OVSDB
NL_VSWITCHD_ARGS=()
NL_N_BRIDGES=0
nl_ovs() {
    local ns=$1 tso=$2 dir=$NL_TMP/ovs-$1
    shift 2
    rm -rf "$dir"
    mkdir -p "$dir" || return 1
    "$BUILD/ovsdb/ovsdb-tool" create "$dir/conf.db" "$NL_SCHEMA" || return 1
    nl_ovs_env "$ns" in_ns_bg "$ns" "$BUILD/ovsdb/ovsdb-server" \
        "$dir/conf.db" --remote="punix:$dir/db.sock" --pidfile \
        --log-file="$dir/ovsdb-server.log" >"$dir/ovsdb-server.out" 2>&1
    NL_OVSDB[$ns]=$NL_LAST_PID
    nl_wait 10 test -S "$dir/db.sock" || return 1
    nl_vsctl "$ns" --no-wait init -- set Open_vSwitch . \
        other_config:userspace-tso-enable="$tso" "$@" || return 1
    nl_ovs_env "$ns" in_ns_bg "$ns" "$BUILD/vswitchd/ovs-vswitchd" \
        "unix:$dir/db.sock" --pidfile --disable-system \
        ${NL_VSWITCHD_ARGS[@]+"${NL_VSWITCHD_ARGS[@]}"} \
        --log-file="$dir/ovs-vswitchd.log" >"$dir/ovs-vswitchd.out" 2>&1
    NL_VSWITCHD[$ns]=$NL_LAST_PID
    nl_wait 20 nl_appctl "$ns" version
}

nl_ovs_env() {
    local ns=$1 dir=$NL_TMP/ovs-$1
    shift
    OVS_RUNDIR=$dir OVS_LOGDIR=$dir OVS_DBDIR=$dir \
        OVS_SYSCONFDIR=$dir "$@"
}

nl_vsctl() {
    local ns=$1
    shift
    nl_ovs_env "$ns" "$BUILD/utilities/ovs-vsctl" --timeout=15 \
        --db="unix:$NL_TMP/ovs-$ns/db.sock" "$@"
}

nl_appctl() {
    local ns=$1
    shift
    nl_ovs_env "$ns" timeout 15 "$BUILD/utilities/ovs-appctl" "$@"
}

nl_ofctl() {
    local ns=$1
    shift
    nl_ovs_env "$ns" timeout 15 "$BUILD/utilities/ovs-ofctl" "$@"
}

# nl_ovs_alive NS: it has not crashed.
nl_ovs_alive() { kill -0 "${NL_VSWITCHD[$1]}" 2>/dev/null; }

# nl_ovs_stop NS: also after a crash.  Bridges and internal ports are taps that
# outlive their process.
nl_ovs_stop() {
    nl_end "${NL_VSWITCHD[$1]}" "${NL_OVSDB[$1]}"
    nl_del_taps "$1"
    unset "NL_VSWITCHD[$1]" "NL_OVSDB[$1]"
}

nl_del_taps() {
    local link
    for link in $(nl_ip "$1" -br link show type tun | sed 's/[ @].*//'); do
        nl_ip "$1" link del "$link"
    done
}

# nl_bridge NS BRIDGE [vsctl arguments]
nl_bridge() {
    local ns=$1 br=$2
    shift 2
    nl_vsctl "$ns" add-br "$br" -- set Bridge "$br" datapath_type=netdev "$@"
}

# nl_underlay NS BRIDGE IP4/LEN IP6/LEN PORT [MTU]: the bridge that has the
# tunnels' local addresses, and PORT, which leads to the other side.
#
# The bridge must not have its port's Ethernet address, which it would take by
# itself: Open vSwitch reads the port through a packet socket, so the kernel
# gets every frame as well, and would answer those to an address of its own
# with "port unreachable".
nl_underlay() {
    local ns=$1 br=$2 ip4=$3 ip6=$4 port=$5 mtu=${6:-1500}
    NL_N_BRIDGES=$((NL_N_BRIDGES + 1))
    nl_bridge "$ns" "$br" "$(printf 'other-config:hwaddr="02:00:00:01:00:%02x"' \
                             $NL_N_BRIDGES)" \
        -- add-port "$br" "$port" || return 1
    nl_ip "$ns" addr add "$ip4" dev "$br"
    nl_ip "$ns" addr add "$ip6" dev "$br" nodad
    nl_vsctl "$ns" set Interface "$br" mtu_request="$mtu"
    nl_ip "$ns" link set "$br" up
}

# nl_neigh NS BRIDGE IP MAC: the tunnel's next hop, without waiting for ARP.
nl_neigh() {
    nl_appctl "$1" tnl/neigh/set "$2" "$3" "$4" >/dev/null
}

# ---------------------------------------------------------------------------
# The world that is drawn in tests/demo.
# ---------------------------------------------------------------------------

# nl_world: its namespaces, veths and addresses.
nl_world() {
    nl_ns vm ovs kern far vm2 || return 1
    nl_veth vm vm0 ovs vm0p || return 1
    nl_veth ovs plain0 kern plain1
    nl_veth ovs under0 kern under1
    nl_veth ovs under2 far under3
    nl_veth vm2 vm0 far vm0p

    nl_tso vm vm0
    nl_tso vm2 vm0
    nl_tso ovs plain0
    nl_wire ovs under0
    nl_wire kern under1
    nl_wire ovs under2
    nl_wire far under3

    # 1400 leaves room for the tunnel's headers in the underlay's 1500.
    nl_ip vm link set vm0 mtu 1400
    nl_ip vm2 link set vm0 mtu 1400
    nl_ip kern link set plain1 mtu 1400
    nl_ip vm addr add 10.0.0.1/24 dev vm0
    nl_ip vm addr add fd00:10::1/64 dev vm0 nodad
    nl_ip vm2 addr add 10.0.0.3/24 dev vm0
    nl_ip vm2 addr add fd00:10::3/64 dev vm0 nodad
    nl_ip kern addr add 10.0.0.4/32 dev plain1
    nl_ip kern addr add fd00:10::4/128 dev plain1 nodad
    nl_ip kern addr add 172.16.1.2/24 dev under1
    nl_ip kern addr add fd00:1::2/64 dev under1 nodad

    # A packet socket's receive buffer is net.core.rmem_default, which is the
    # whole machine's and stays as it is; its 208 kB hold three superpackets.
    # A sender that keeps less than that in flight loses nothing there.
    in_ns vm sysctl -qw net.ipv4.tcp_wmem="4096 16384 262144"
    # At the far Open vSwitch they hold about ninety segments.
    in_ns vm2 sysctl -qw net.ipv4.tcp_rmem="4096 131072 131072"
}

# nl_world_ovs TSO(true|false): both Open vSwitch, and their bridges.
nl_world_ovs() {
    nl_ovs ovs "$1" || { echo "ovs-vswitchd does not start" >&2; return 1; }
    nl_underlay ovs br-k 172.16.1.1/24 fd00:1::1/64 under0 || return 1
    nl_underlay ovs br-o 172.16.2.1/24 fd00:2::1/64 under2 || return 1
    nl_bridge ovs br-int -- add-port br-int vm0p -- add-port br-int plain0 \
        || return 1
    nl_ovs far "$1" || { echo "ovs-vswitchd does not start" >&2; return 1; }
    nl_underlay far br-o 172.16.2.2/24 fd00:2::2/64 under3 || return 1
    nl_bridge far br-int -- add-port br-int vm0p
}

# nl_world_up TSO(true|false): (re)starts both Open vSwitch, with a third virtual
# machine, vmt, that has an internal port.  The namespace must be there.
NL_TSO=
nl_world_up() {
    local state=off link
    nl_world_down
    test "$1" = false || state=on
    # Without vnet headers Open vSwitch cannot take unfinished packets.
    for link in vm/vm0 vm2/vm0 kern/plain1; do
        in_ns ${link%/*} ethtool -K ${link#*/} tx $state sg $state tso $state \
            tx-udp-segmentation $state >/dev/null 2>&1
    done
    # The same Ethernet addresses each time: the kernels remember them.
    NL_N_BRIDGES=0
    nl_world_ovs "$1" || return 1
    nl_vsctl ovs add-port br-int vmi -- set Interface vmi type=internal \
        mtu_request=1400 || return 1
    nl_ip ovs link set vmi netns "$NL_RUN-vmt" || return 1
    nl_ip vmt link set vmi up
    nl_ip vmt addr add 10.0.0.5/24 dev vmi
    nl_ip vmt addr add fd00:10::5/64 dev vmi nodad
    NL_TSO=$1
}

nl_world_down() {
    test -n "$NL_TSO" || return 0
    nl_ovs_stop ovs
    nl_ovs_stop far
    nl_del_taps vmt
    nl_del_taps kern
    NL_TSO=
}

# nl_underlays nl_tso|nl_wire: with nl_tso, both ends of the underlays take and
# hand over what nobody has cut: superpackets of the kernel's vxlan, trains.
nl_underlays() {
    $1 ovs under0
    $1 kern under1
    $1 ovs under2
    $1 far under3
}

# nl_diff_world: a namespace "diff", with nothing in it but what is injected.
# What is written to out0 is cut by the kernel, if it is a superpacket, and
# arrives on in0; so is what is written to NL_TAP, which takes tunnelled
# superpackets ("-": this kernel has no such thing).  Fails if there are no veth
# devices.
NL_TAP=
nl_diff_world() {
    nl_ns diff || return 1
    # Nobody but us speaks on these devices.
    in_ns diff sysctl -qw net.ipv6.conf.all.disable_ipv6=1 \
        net.ipv6.conf.default.disable_ipv6=1
    # A segment of the matrix may have up to 64 kB.
    nl_veth diff out0 diff in0 65535 || return 1
    nl_wire diff out0
    in_ns diff ethtool -K out0 tx-udp_tnl-segmentation off \
        tx-udp_tnl-csum-segmentation off tx-udp-segmentation off \
        >/dev/null 2>&1
    in_ns diff ethtool -K in0 gro off >/dev/null 2>&1

    # Made persistent, so that it can be wired before somebody opens it.
    NL_TAP=tap0
    if ! nl_ip diff tuntap add dev tap0 mode tap vnet_hdr; then
        NL_TAP=-
    else
        nl_ip diff link set tap0 mtu 65521 up
        if ! { in_ns diff tc qdisc add dev tap0 clsact &&
               in_ns diff tc filter add dev tap0 ingress protocol all \
                   u32 match u32 0 0 \
                   action mirred egress redirect dev out0; }; then
            NL_TAP=-
        fi
    fi
    return 0
}

# nl_nic_plugin: sets NL_PLUGIN, the NIC for tests as DPDK loads it: EAL takes no
# plugin from below a directory that others may write to, such as /tmp.
NL_PLUGIN=
nl_nic_plugin() {
    test -r "$BUILD/tnlnic/librte_net_tnlnic.so" || return 1
    NL_PLUGINS=$(mktemp -d ~root/"$NL_RUN.XXXXXX") || return 1
    NL_PLUGIN=$NL_PLUGINS/librte_net_tnlnic.so
    cp "$BUILD/tnlnic/librte_net_tnlnic.so" "$NL_PLUGIN"
}

# nl_addresses PEER OUTER: sets LOCAL and REMOTE, a tunnel's addresses as seen
# from namespace ovs.
nl_addresses() {
    local net
    case $1 in kern) net=1 ;; far) net=2 ;; esac
    case $2 in
        4) LOCAL=172.16.$net.1 REMOTE=172.16.$net.2 ;;
        6) LOCAL=fd00:$net::1 REMOTE=fd00:$net::2 ;;
    esac
}

# nl_tunnel_up TYPE OUTER CHECKSUM(on|off) PEER(kern|far) [options...]: port
# "tun" of br-int, and the other end of the tunnel.  NL_VXLAN are more words for
# the kernel's device, here and below.
NL_VXLAN=()
nl_tunnel_up() {
    local type=$1 outer=$2 csum=true peer=$4 udp=udpcsum
    test "$3" = on || csum=false
    case $2$3 in
        4off) udp=noudpcsum ;;
        6on) udp="noudp6zerocsumtx noudp6zerocsumrx" ;;
        # Linux drops UDP without checksum over IPv6 unless it is told.
        6off) udp="udp6zerocsumtx udp6zerocsumrx" ;;
    esac
    shift 4
    nl_addresses "$peer" "$outer"
    nl_vsctl ovs add-port br-int tun -- set Interface tun type="$type" \
        options:remote_ip="$REMOTE" options:local_ip="$LOCAL" \
        options:csum="$csum" options:key=7 "$@" || return 1
    case $peer in
    kern)
        nl_neigh ovs br-k "$REMOTE" "$(nl_mac kern under1)"
        # The same Ethernet address each time: the virtual machine remembers
        # it.  $udp is a list of words.
        # shellcheck disable=SC2086
        nl_ip kern link add vx0 address 02:00:00:02:00:01 type vxlan id 7 \
            dstport 4789 local "$REMOTE" remote "$LOCAL" $udp \
            ${NL_VXLAN[@]+"${NL_VXLAN[@]}"} || return 1
        nl_ip kern link set vx0 mtu 1400 up
        nl_ip kern addr add 10.0.0.2/24 dev vx0
        nl_ip kern addr add fd00:10::2/64 dev vx0 nodad
        ;;
    far)
        nl_neigh ovs br-o "$REMOTE" "$(nl_mac far br-o)"
        nl_vsctl far add-port br-int tun -- set Interface tun type="$type" \
            options:remote_ip="$LOCAL" options:local_ip="$REMOTE" \
            options:csum="$csum" options:key=7 "$@" || return 1
        nl_neigh far br-o "$LOCAL" "$(nl_mac ovs br-o)"
        ;;
    esac
}

nl_tunnel_down() {
    nl_vsctl ovs --if-exists del-port br-int tun
    nl_vsctl far --if-exists del-port br-int tun
    nl_ip kern link del vx0 2>/dev/null
}

# nl_tap_tunnel_up OUTER CHECKSUM(on|off): a VXLAN tunnel whose underlay is a
# tap that the kernel's vxlan reads: what we write there comes in as if from a
# network device, and what it sends is read with the kernel's own vnet headers.
#
#     br-int -- tun ... br-t (172.16.3.1) -- undert |==| undert (172.16.3.2)
#
nl_tap_tunnel_up() {
    local outer=$1 csum=$2 udp me=172.16.3.1 you=172.16.3.2
    test $outer = 4 || { me=fd00:3::1; you=fd00:3::2; }
    case $outer$csum in
        4on) udp=(udpcsum) ;;
        4off) udp=(noudpcsum) ;;
        6on) udp=(noudp6zerocsumtx udp6zerocsumrx) ;;
        6off) udp=(udp6zerocsumtx udp6zerocsumrx) ;;
    esac
    nl_bridge ovs br-t other-config:hwaddr=02:00:00:03:00:01 -- \
        add-port br-t undert -- set Interface undert type=internal || return 1
    nl_ip ovs addr add 172.16.3.1/24 dev br-t
    nl_ip ovs addr add fd00:3::1/64 dev br-t nodad
    nl_ip ovs link set br-t up
    nl_ip ovs link set undert netns "$NL_RUN-kern"
    nl_ip kern link set undert up
    nl_ip kern addr add 172.16.3.2/24 dev undert
    nl_ip kern addr add fd00:3::2/64 dev undert nodad
    nl_vsctl ovs add-port br-int tun -- set Interface tun type=vxlan \
        options:remote_ip=$you options:key=7 \
        options:csum="$(test "$csum" = on && echo true || echo false)"
    nl_neigh ovs br-t $you "$(nl_mac kern undert)"
    nl_ip kern link add vx0 address 02:00:00:02:00:01 type vxlan id 7 \
        dstport 4789 local $you remote $me "${udp[@]}" \
        ${NL_VXLAN[@]+"${NL_VXLAN[@]}"} || return 1
    nl_ip kern link set vx0 mtu 1400 up
    nl_ip kern addr add 10.0.0.2/24 dev vx0
    nl_ip kern addr add fd00:10::2/64 dev vx0 nodad
}

nl_tap_tunnel_down() {
    nl_tunnel_down
    nl_vsctl ovs --if-exists del-br br-t
}

# nl_container_up CHECKSUM(on|off): a tunnel that Open vSwitch does not make:
# the virtual machine has a vxlan device of its own.  A packet socket reports
# its superpackets as if they were plain TCP, with the inner header's offsets.
#
#     vm: vx1 ... vm0 -- vm0p -- br-int -- plain0 |==| plain1 ... vx0 :kern
#
nl_container_up() {
    local udp=udpcsum
    test "$1" = on || udp=noudpcsum
    nl_ip kern route replace 10.0.0.1/32 dev plain1
    nl_ip vm link set vm0 mtu 1460
    nl_ip ovs link set plain0 mtu 1460
    nl_ip kern link set plain1 mtu 1460
    nl_ip vm link add vx1 type vxlan id 9 dstport 4789 local 10.0.0.1 \
        remote 10.0.0.4 $udp ${NL_VXLAN[@]+"${NL_VXLAN[@]}"} || return 1
    nl_ip kern link add vx0 type vxlan id 9 dstport 4789 local 10.0.0.4 \
        remote 10.0.0.1 $udp ${NL_VXLAN[@]+"${NL_VXLAN[@]}"} || return 1
    nl_ip vm link set vx1 mtu 1400 up
    nl_ip kern link set vx0 mtu 1400 up
    nl_ip vm addr add 10.0.9.1/24 dev vx1
    nl_ip kern addr add 10.0.9.2/24 dev vx0
}

nl_container_down() {
    nl_ip kern route del 10.0.0.1/32 dev plain1
    nl_ip vm link del vx1
    nl_ip kern link del vx0 2>/dev/null
    nl_ip vm link set vm0 mtu 1400
    nl_ip ovs link set plain0 mtu 1500
    nl_ip kern link set plain1 mtu 1400
}

# ---------------------------------------------------------------------------
# Our counters.
# ---------------------------------------------------------------------------

# nl_stats NS PORT|all ENCAP|all: prints "METHOD PACKETS SEGMENTS BYTES" for
# each method that was used on this port for this kind of tunnel, "drop REASON
# PACKETS" and "event NAME PACKETS".  Prints nothing for an Open vSwitch that
# has no such counters.
nl_stats() {
    local port=()
    test "$2" = all || port=("$2")
    nl_appctl "$1" --format json tnl-gso/stats ${port[@]+"${port[@]}"} \
        2>/dev/null | "$PYTHON3" "$NL_TOOLS/stats.py" "$2" "$3"
}

# nl_counted BEFORE AFTER: what nl_stats has counted in between, as "METHODS
# SUPERPACKETS SEGMENTS".  "pass" is left out: these were no superpackets.
nl_counted() {
    awk '
        FILENAME == ARGV[1] { p[$1] = $2; s[$1] = $3; next }
        $1 == "drop" || $1 == "event" || $1 == "pass" { next }
        $2 > p[$1] {
            method = method (method == "" ? "" : "+") $1
            packets += $2 - p[$1]
            segs += $3 - s[$1]
        }
        END { print (method == "" ? "-" : method), packets + 0, segs + 0 }
        ' "$1" "$2"
}

# ---------------------------------------------------------------------------
# Traffic.
# ---------------------------------------------------------------------------

# What the receiver knows as its address, if somebody on the way changes it.
NL_LOCAL=

# nl_tcp NS-FROM NS-TO ADDRESS FILE [SECONDS]: moves FILE over one TCP
# connection and prints "SHA256 BYTES GBIT/S", as the far end saw it.
nl_tcp() {
    local from=$1 to=$2 addr=$3 file=$4 limit=${5:-60} out server client status
    out=$NL_TMP/tcp
    rm -f "$out".*
    in_ns_bg "$to" "$PYTHON3" "$NL_TOOLS/tcp.py" receive \
        "${NL_LOCAL:-$addr}" "$out.port" "$limit" >"$out.result" 2>"$out.err"
    server=$NL_LAST_PID
    nl_wait 10 test -s "$out.port"
    in_ns_bg "$from" "$PYTHON3" "$NL_TOOLS/tcp.py" send "$addr" "$out.port" \
        "$limit" "$file" 2>>"$out.err"
    client=$NL_LAST_PID
    nl_join "$client"
    status=$?
    # The receiver has a time limit of its own; without a sender there is
    # nothing to wait for.
    test $status = 0 || kill "$server" 2>/dev/null
    nl_join "$server" || status=1
    if test $status != 0; then
        echo "- 0 0"
        return 1
    fi
    cat "$out.result"
}

# nl_udp NS-FROM NS-TO ADDRESS MODE WINDOW ROUNDS SIZE...: prints the words of
# udp.py, the receiver's and then the sender's.
nl_udp() {
    local from=$1 to=$2 addr=$3 mode=$4 out=$NL_TMP/udp server client status
    shift 4
    rm -f "$out".*
    in_ns_bg "$to" "$PYTHON3" "$NL_TOOLS/udp.py" receive \
        "${NL_LOCAL:-$addr}" "$out.port" 20 "$mode" >"$out.result" 2>"$out.err"
    server=$NL_LAST_PID
    nl_wait 10 test -s "$out.port"
    in_ns_bg "$from" "$PYTHON3" "$NL_TOOLS/udp.py" send "$addr" "$out.port" \
        10 "$@" >"$out.sent" 2>>"$out.err"
    client=$NL_LAST_PID
    nl_join "$client"
    status=$?
    test $status = 0 || kill "$server" 2>/dev/null
    nl_join "$server" || status=1
    echo "$(cat "$out.result") $(cat "$out.sent")"
    return $status
}

# nl_capture_start NS IF FILE [FILTER]: sets NL_TCPDUMP and NL_CAPTURE.
nl_capture_start() {
    local ns=$1 ifc=$2 file=$3
    NL_CAPTURE=$3
    shift 3
    # -B: KiB of buffer, so that a burst is not lost while tcpdump writes.
    # --immediate-mode: otherwise the kernel hands over a block of packets
    # once a second, and the last ones would be lost when tcpdump is stopped.
    # "Listening" is written once the socket is open, i.e. nothing is missed.
    in_ns_bg "$ns" tcpdump -i "$ifc" -p -U -s 0 -B 65536 -Z root \
        --immediate-mode \
        -w "$file" "$@" 2>"$file.err"
    NL_TCPDUMP=$NL_LAST_PID
    nl_wait 10 grep -q '^tcpdump: listening\|^listening' "$file.err"
}

# nl_capture_stop: ends it, once the file does not grow any more: packets may
# be on their way through the kernel's buffer, for long on a busy machine.
nl_capture_stop() {
    local size='' i
    for ((i = 0; i < 20; i++)); do
        size=$(stat -c %s "$NL_CAPTURE")
        sleep .3
        test "$size" != "$(stat -c %s "$NL_CAPTURE")" || break
    done
    kill -INT "$NL_TCPDUMP" 2>/dev/null
    nl_reap "$NL_TCPDUMP"
    nl_forget "$NL_TCPDUMP"
}

# nl_judge FILE [tshark options]: prints "PACKETS TCP BAD ZERO", the number of
# packets, of TCP headers whose checksum was found good, of packets with an IP,
# TCP, UDP or GRE checksum, outer or inner, that is not good, and of packets
# with a UDP header without a checksum.  What it found bad is in FILE.bad.
nl_judge() {
    local file=$1
    shift
    nl_fg tshark -n -r "$file" \
        -o ip.check_checksum:TRUE -o tcp.check_checksum:TRUE \
        -o udp.check_checksum:TRUE \
        -o tcp.desegment_tcp_streams:FALSE \
        -o tcp.analyze_sequence_numbers:FALSE \
        -o ip.defragment:FALSE -o ipv6.defragment:FALSE \
        "$@" -T fields -E separator=/t -E occurrence=a -E aggregator=, \
        -e ip.checksum.status -e udp.checksum.status \
        -e tcp.checksum.status -e gre.checksum.status -e frame.number \
        -e tcp.checksum -e tcp.checksum_calculated \
        -e ip.src -e ipv6.src -e ip.len -e ipv6.plen -e tcp.seq -e tcp.flags \
        >"$file.judged" 2>>"$NL_TMP/tshark.err"
    awk -F '\t' -v badfile="$file.bad" '
        # Status: 0 bad, 1 good, 2 unverified, 3 not present.  "Unverified" is
        # as bad as bad: nobody has looked at that packet.
        # UDP not present: the zero checksum, right where it is asked for;
        # the caller knows.
        # The kernel writes a TCP checksum of zero as 0xffff, which is the same
        # number, but not to tshark.
        $3 == "0" && $6 == "0xffff" && $7 == "0x0000" { $3 = 1 }
        {
            packets++
            if ($1 ~ /[02]/ || $2 ~ /[02]/ || $3 ~ /[023]/ || $4 ~ /[02]/) {
                bad++
                print >badfile
            }
            if ($2 ~ /3/) zero++
            n = split($3, s, ",")
            for (i = 1; i <= n; i++) if (s[i] == 1) good++
        }
        END { print packets + 0, good + 0, bad + 0, zero + 0 }
        ' "$file.judged"
    rm -f "$file.judged"
}
