# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# What suites share that make networks: namespaces and devices, Open vSwitch in
# them, captures, and tshark's verdict on these.  To be sourced after
# suite-lib.sh, whose isolate() makes that all names are free.

NL_TOOLS=$TESTS/system

# ---------------------------------------------------------------------------
# Namespaces and devices.
# ---------------------------------------------------------------------------

# nl_ns NAME...: makes namespaces.  From then on `in_ns NAME command` runs a
# command in one of them, and `nl_ip NAME ...` is its ip(8).
nl_ns() {
    local n
    for n; do
        ip netns add "$n" && ip -n "$n" link set lo up || return 1
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
    local n
    for n; do
        ip netns del "$n"
    done
}

in_ns() { ip netns exec "$@"; }
nl_ip() { ip -n "$@"; }

# in_ns_bg NS COMMAND...: in the background, see background(): `ip netns exec`
# turns itself into the command.
in_ns_bg() { background ip netns exec "$@"; }

# nl_veth NS1 IF1 NS2 IF2 [MTU]: a veth pair, both ends up.
nl_veth() {
    ip -n "$1" link add "$2" mtu "${5:-1500}" type veth \
        peer name "$4" mtu "${5:-1500}" netns "$3" || return 1
    ip -n "$1" link set "$2" up
    ip -n "$3" link set "$4" up
}

nl_mac() { in_ns "$1" cat "/sys/class/net/$2/address"; }

# need_devices KIND...: what the suite cannot do without; "tun" is a tap.
need_devices() {
    local kind missing=
    for kind; do
        case $kind in
            tun) test -c /dev/net/tun ;;
            *) nl_can_link "$kind" ;;
        esac || missing+=" $kind"
    done
    test -z "$missing" || skip_all "this kernel has no devices:$missing"
}

# nl_can_link KIND: does the kernel make such a device?
nl_can_link() {
    case $1 in
        vxlan|geneve) set -- type "$1" id 1 remote 192.0.2.1 dstport 4789 ;;
        gretap) set -- type "$1" remote 192.0.2.1 ;;
        ip6gretap) set -- type "$1" remote 2001:db8::1 ;;
        veth) set -- type "$1" peer name probe1 ;;
        bridge) set -- type "$1" ;;
        8021q) set -- link lo type vlan id 1 ;;
    esac
    ip link add name probe0 "$@" 2>/dev/null && ip link del probe0
}

# nl_tap_grants SIZE OFFLOADS: does this kernel grant a tap a vnet header of SIZE
# bytes and then OFFLOADS (TUN_F_*)?  Asked without Open vSwitch.
nl_tap_grants() {
    "$PYTHON3" -B - "$1" "$2" 2>/dev/null <<'EOF'
import fcntl
import struct
import sys
fd = open('/dev/net/tun', 'r+b', buffering=0)
fcntl.ioctl(fd, 0x400454ca, struct.pack('16sH22x', b'grants', 0x5002))
fcntl.ioctl(fd, 0x400454d8, struct.pack('i', int(sys.argv[1])))
fcntl.ioctl(fd, 0x400454d0, int(sys.argv[2], 0))
EOF
}

# nl_learn_kernel: sets HAVE_USO and HAVE_TUNNEL, "true" or "false": does this
# kernel take UDP superpackets (Linux 6.2), and tunnelled ones (6.17)?
nl_learn_kernel() {
    HAVE_USO=false HAVE_TUNNEL=false
    ! nl_tap_grants 10 0x6f || HAVE_USO=true
    ! nl_tap_grants 24 0x1ef || HAVE_TUNNEL=true
}

# nl_method METHOD CSUM: METHOD, by which VXLAN and Geneve superpackets whose
# outer checksum is CSUM ("on" or "off") leave through a device, or what takes
# its place on an older kernel.
nl_method() {
    local method=$1
    case $method in
        hw|hw-partial|kernel) $HAVE_TUNNEL || method=udp-gso ;;
    esac
    test "$method" != udp-gso || { $HAVE_USO && test "$2" = on; } ||
        method=software
    echo "$method"
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

# nl_big NS IF gso|gro BYTES: how long TCP packets are that leave through it, or
# that it joins, over IPv4 and IPv6 ("BIG TCP").  By netlink, since ip(8) before
# 6.3 knows only one of the two.  Fails if the kernel knows no more than 64 kB,
# or the device cannot.
nl_big() {
    in_ns "$1" "$PYTHON3" -B - "$2" "$3" "$4" <<'EOF'
import socket
import struct
import sys
RTM_SETLINK = 19
# IFLA_GSO_MAX_SIZE, IFLA_GSO_IPV4_MAX_SIZE, and the same for GRO.
ATTRS = {'gso': (41, 63), 'gro': (58, 64)}
body = struct.pack('BxHiII', 0, 0, socket.if_nametoindex(sys.argv[1]), 0, 0)
for attr in ATTRS[sys.argv[2]]:
    body += struct.pack('HHI', 8, attr, int(sys.argv[3]))
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
s.send(struct.pack('IHHII', 16 + len(body), RTM_SETLINK, 5, 1, 0) + body)
sys.exit(struct.unpack_from('i', s.recv(4096), 16)[0] != 0)
EOF
}

# ---------------------------------------------------------------------------
# Open vSwitch.
# ---------------------------------------------------------------------------

# need_build DIR: $BUILD is this build tree of Open vSwitch.
need_build() {
    local p
    for p in vswitchd/ovs-vswitchd ovsdb/ovsdb-server ovsdb/ovsdb-tool \
             utilities/ovs-vsctl utilities/ovs-appctl utilities/ovs-ofctl; do
        test -x "$1/$p" || die "$1/$p is missing: build it (make), or set BUILD"
    done
    BUILD=$(cd "$1" && pwd)
    # The database schema lies in the source tree of the build.
    NL_SCHEMA=$(sed -n 's/^abs_top_srcdir *= *//p' "$BUILD/Makefile" \
                | head -n 1)/vswitchd/vswitch.ovsschema
    test -r "$NL_SCHEMA" || NL_SCHEMA=$BUILD/vswitchd/vswitch.ovsschema
    test -r "$NL_SCHEMA" || die "cannot find vswitch.ovsschema of $BUILD"
}

# nl_ovs NS TSO(true|false) [COLUMN...]: starts ovsdb-server and ovs-vswitchd in
# NS.  COLUMNs are set in Open_vSwitch before, NL_VSWITCHD_ARGS are more
# arguments of ovs-vswitchd.  They do not fork.
declare -A NL_VSWITCHD NL_OVSDB
NL_VSWITCHD_ARGS=()
NL_N_BRIDGES=0
nl_ovs() {
    local ns=$1 tso=$2 dir=$TMP/ovs-$1
    shift 2
    rm -rf "$dir"
    mkdir -p "$dir" || return 1
    "$BUILD/ovsdb/ovsdb-tool" create "$dir/conf.db" "$NL_SCHEMA" || return 1
    nl_ovs_env "$ns" in_ns_bg "$ns" "$BUILD/ovsdb/ovsdb-server" \
        "$dir/conf.db" --remote="punix:$dir/db.sock" --pidfile \
        --log-file="$dir/ovsdb-server.log" >"$dir/ovsdb-server.out" 2>&1
    NL_OVSDB[$ns]=$LAST_PID
    wait_for 10 test -S "$dir/db.sock" || return 1
    nl_vsctl "$ns" --no-wait init -- set Open_vSwitch . \
        other_config:userspace-tso-enable="$tso" "$@" || return 1
    nl_ovs_env "$ns" in_ns_bg "$ns" "$BUILD/vswitchd/ovs-vswitchd" \
        "unix:$dir/db.sock" --pidfile --disable-system \
        "${NL_VSWITCHD_ARGS[@]}" \
        --log-file="$dir/ovs-vswitchd.log" >"$dir/ovs-vswitchd.out" 2>&1
    NL_VSWITCHD[$ns]=$LAST_PID
    wait_for 20 nl_appctl "$ns" version
}

nl_ovs_env() {
    local ns=$1 dir=$TMP/ovs-$1
    shift
    OVS_RUNDIR=$dir OVS_LOGDIR=$dir OVS_DBDIR=$dir \
        OVS_SYSCONFDIR=$dir "$@"
}

nl_vsctl() {
    local ns=$1
    shift
    nl_ovs_env "$ns" "$BUILD/utilities/ovs-vsctl" --timeout=15 \
        --db="unix:$TMP/ovs-$ns/db.sock" "$@"
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

# nl_sanitize: $BUILD becomes a copy of it, whose ovs-vswitchd has been built
# under AddressSanitizer, unless NO_ASAN is set.
nl_sanitize() {
    local flags='-fsanitize=address -fno-omit-frame-pointer'
    test -z "${NO_ASAN:-}" || return 0
    BUILD=$(cd "$BUILD" && pwd)
    BUILD=$BUILD "$TESTS/tools/sanitized-copy" "$BUILD-asan-vswitchd" \
        vswitchd/ovs-vswitchd CFLAGS="-g -O1 $flags" LDFLAGS="$flags" \
        || return 1
    BUILD=$BUILD-asan-vswitchd
    nm "$BUILD/vswitchd/ovs-vswitchd" | grep -q __asan_report_load
}

# verdict_asan NS: the case ends.  Fails if the daemon has not survived, or has
# touched what is not its own.
verdict_asan() {
    local out=$TMP/ovs-$1/ovs-vswitchd.out status=0
    if grep -q 'ERROR: AddressSanitizer' "$out"; then
        problem "$(grep -m 1 -A 12 'ERROR: AddressSanitizer' "$out")"
        status=1
    else
        alive || { problem "$(tail -n 3 "$out")"; status=1; }
    fi
    verdict
    return $status
}

# nl_ovs_alive NS: it has not crashed.
nl_ovs_alive() { kill -0 "${NL_VSWITCHD[$1]}" 2>/dev/null; }

# alive: no ovs-vswitchd has crashed.  If one has, that is a problem.
alive() {
    local ns status=0
    for ns in "${!NL_VSWITCHD[@]}"; do
        nl_ovs_alive "$ns" && continue
        problem "ovs-vswitchd of $ns has crashed: $(tail -n 1 \
            "$TMP/ovs-$ns/ovs-vswitchd.log" | cut -c 1-300)"
        status=1
    done
    return $status
}

# verdict_alive COMMAND...: the case ends.  If an ovs-vswitchd has crashed, that
# is a problem, and the command makes a new world.
verdict_alive() {
    local crashed=false
    alive || crashed=true
    verdict
    ! $crashed || "$@" || die "cannot start Open vSwitch again"
}

# nl_die WHY...: with what Open vSwitch has said last.
nl_die() {
    tail -n 5 "$TMP"/ovs-*/*.log 2>/dev/null >&2
    die "$@"
}

# nl_refusing COMMAND...: it starts an ovs-vswitchd in which system calls fail as
# $TMP/rules says (system/refusals.c).  nl_refusing_build() comes first.
nl_refusing() {
    REFUSALS=$TMP/rules REFUSALS_PROGRAM=ovs-vswitchd \
        LD_PRELOAD=$TMP/refusals.so "$@"
}
nl_refusing_build() {
    gcc -O -Wall -shared -fPIC -o "$TMP/refusals.so" "$NL_TOOLS/refusals.c" \
        -ldl || die "cannot build system/refusals.c"
}

# eventually COMMAND...: until it succeeds, 20 seconds at most; then its words
# are a problem.
eventually() {
    local words end=$((SECONDS + 20))
    while ! words=$("$@" 2>&1); do
        alive || return 1
        test $SECONDS -lt $end || { problem "$words"; return 1; }
        sleep .05
    done
}

# nl_ovs_stop NS: also after a crash.  Bridges and internal ports are taps that
# outlive their process.
nl_ovs_stop() {
    end "${NL_VSWITCHD[$1]}" "${NL_OVSDB[$1]}"
    nl_del_taps "$1"
    unset "NL_VSWITCHD[$1]" "NL_OVSDB[$1]"
}

# nl_vswitchd_start DIR: ovs-vswitchd of build tree DIR in "ovs", with the
# database of nl_ovs().
NL_ENDED=
nl_vswitchd_start() {
    local dir=$TMP/ovs-ovs
    rm -f "$dir"/ovs-vswitchd.*.ctl "$dir"/ovs-vswitchd.pid
    nl_ovs_env ovs in_ns_bg ovs "$1/vswitchd/ovs-vswitchd" \
        "unix:$dir/db.sock" --pidfile --disable-system \
        --log-file="$dir/ovs-vswitchd.log" >>"$dir/ovs-vswitchd.out" 2>&1
    NL_VSWITCHD[ovs]=$LAST_PID
    NL_ENDED=false
    wait_for 20 nl_appctl ovs version \
        || { problem "ovs-vswitchd of $1 does not start"; return 1; }
    # Returns when all ports are there.
    nl_vsctl ovs set Open_vSwitch . external_ids:started="$RANDOM" \
        || problem "ovs-vswitchd of $1 does not configure"
}

# nl_vswitchd_end HOW: exit, cleanup, TERM or KILL; that of "ovs", without its
# database.
nl_vswitchd_end() {
    local pid=${NL_VSWITCHD[ovs]}
    case $1 in
    exit) nl_appctl ovs exit ;;
    cleanup) nl_appctl ovs exit --cleanup ;;
    *) kill -"$1" "$pid" ;;
    esac
    wait_for 15 ended "$pid" || problem "ovs-vswitchd does not end"
    reap "$pid"
    NL_ENDED=true
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

# nl_wait_mtu NS PORT MTU: until Open vSwitch has read the device's new MTU.
nl_wait_mtu() {
    nl_vsctl "$1" wait-until Interface "$2" mtu="$3" \
        || problem "Open vSwitch does not notice that $2's MTU is $3"
}

# nl_neigh NS BRIDGE IP MAC: the tunnel's next hop, without waiting for ARP.
nl_neigh() {
    nl_appctl "$1" tnl/neigh/set "$2" "$3" "$4" >/dev/null
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
    nl_appctl "$1" --format json tnl-gso/stats "${port[@]}" \
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

# kernel_errors: what the kernels in $KERNELS have counted so far of
# $KERNEL_ERRORS.
kernel_errors() {
    local ns
    for ns in $KERNELS; do
        # shellcheck disable=SC2086
        in_ns $ns nstat -asz $KERNEL_ERRORS 2>/dev/null \
            | awk -v ns=$ns '/^[ITU]/ && $2 > 0 { print ns, $1, $2 }'
    done
}

# same_errors ERRORS: they are what `kernel_errors` has said before.
same_errors() {
    local now
    now=$(kernel_errors)
    test "$1" = "$now" || problem "the kernels have seen '$now', not '$1'"
}

# ---------------------------------------------------------------------------
# Traffic.
# ---------------------------------------------------------------------------

# nl_random FILE BYTES: makes it, and prints its SHA-256.
nl_random() {
    head -c "$2" /dev/urandom >"$1" && sha256sum <"$1" | cut -d' ' -f1
}

# What the receiver knows as its address, if somebody on the way changes it.
NL_LOCAL=

# nl_tcp NS-FROM NS-TO ADDRESS FILE [SECONDS]: moves FILE over one TCP
# connection and prints "SHA256 BYTES GBIT/S", as the far end saw it.
nl_tcp() {
    local from=$1 to=$2 addr=$3 file=$4 limit=${5:-60} out server client status
    out=$TMP/tcp
    rm -f "$out".*
    in_ns_bg "$to" "$PYTHON3" "$NL_TOOLS/tcp.py" receive \
        "${NL_LOCAL:-$addr}" "$out.port" "$limit" >"$out.result" 2>"$out.err"
    server=$LAST_PID
    wait_for 10 test -s "$out.port"
    in_ns_bg "$from" "$PYTHON3" "$NL_TOOLS/tcp.py" send "$addr" "$out.port" \
        "$limit" "$file" 2>>"$out.err"
    client=$LAST_PID
    wait "$client"
    status=$?
    # The receiver has a time limit of its own; without a sender there is
    # nothing to wait for.
    test $status = 0 || kill "$server" 2>/dev/null
    wait "$server" || status=1
    if test $status != 0; then
        grep -E '^[A-Za-z.]+: ' "$out.err" | sed 's/^/  /' >&2
        echo "- 0 0"
        return 1
    fi
    cat "$out.result"
}

# nl_udp NS-FROM NS-TO ADDRESS MODE WINDOW ROUNDS SIZE...: prints the words of
# udp.py, the receiver's and then the sender's.
nl_udp() {
    local from=$1 to=$2 addr=$3 mode=$4 out=$TMP/udp server client status
    shift 4
    rm -f "$out".*
    in_ns_bg "$to" "$PYTHON3" "$NL_TOOLS/udp.py" receive \
        "${NL_LOCAL:-$addr}" "$out.port" 20 "$mode" >"$out.result" 2>"$out.err"
    server=$LAST_PID
    wait_for 10 test -s "$out.port"
    in_ns_bg "$from" "$PYTHON3" "$NL_TOOLS/udp.py" send "$addr" "$out.port" \
        10 "$@" >"$out.sent" 2>>"$out.err"
    client=$LAST_PID
    wait "$client"
    status=$?
    test $status = 0 || kill "$server" 2>/dev/null
    wait "$server" || status=1
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
    NL_TCPDUMP=$LAST_PID
    wait_for 10 grep -q '^tcpdump: listening\|^listening' "$file.err"
}

# nl_capture_idle: has tcpdump written all that the kernel has had for it?
nl_capture_idle() {
    local n captured received dropped
    n=$(grep -c 'received by filter' "$NL_CAPTURE.err")
    kill -USR1 "$NL_TCPDUMP" && wait_for 5 nl_capture_told $((n + 1)) || return 1
    read -r captured received dropped < <(tail -n 1 "$NL_CAPTURE.err" \
        | sed 's/^[^0-9]*\([0-9]*\) p[^0-9]*\([0-9]*\) p[^0-9]*\([0-9]*\) p.*/\1 \2 \3/')
    test $((captured + dropped)) -ge "$received"
}
nl_capture_told() {
    test "$(grep -c 'received by filter.*by kernel' "$NL_CAPTURE.err")" = "$1"
}

# nl_capture_stop: ends it, with nothing left in the kernel's buffer.
nl_capture_stop() {
    wait_for 10 nl_capture_idle
    kill -INT "$NL_TCPDUMP" 2>/dev/null
    reap "$NL_TCPDUMP"
}

# superpacket NS WORD...: system/superpacket.py in a namespace.
superpacket() {
    in_ns "$1" "$PYTHON3" -B "$NL_TOOLS/superpacket.py" "${@:2}"
}

# nl_judge FILE [tshark options]: prints "PACKETS TCP BAD ZERO", the number of
# packets, of TCP headers whose checksum was found good, of packets with an IP,
# TCP, UDP or GRE checksum, outer or inner, that is not good, and of packets
# with a UDP header without a checksum.  What it found bad is in FILE.bad.
nl_judge() {
    local file=$1
    shift
    tshark -n -r "$file" \
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
        >"$file.judged" 2>>"$TMP/tshark.err"
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

# nl_judged OUTER CSUM: judges what nl_capture_stop() has ended.  A checksum that
# is not good is a problem, and so is none at all if CSUM is "on".  Sets PACKETS
# and GOOD, the number of TCP headers that were found good.
nl_judged() {
    local bad zero judge=()
    # Its default calls a zero UDP checksum over IPv6 illegal.
    test "$1$2" != 6off || judge=(-o udp.ignore_ipv6_zero_checksum:TRUE)
    nl_judge "$NL_CAPTURE" "${judge[@]}" >"$TMP/verdict"
    read -r PACKETS GOOD bad zero <"$TMP/verdict"
    test "$2" = off || bad=$((bad + zero))
    test "$bad" = 0 || problem "$bad bad checksums of $PACKETS packets:
$(head -n 3 "$NL_CAPTURE.bad" 2>/dev/null)"
}

# nl_dropped NS PORT ENCAP REASON: prints how many packets have been.
nl_dropped() {
    nl_stats "$1" "$2" "$3" | sed -n "s/^drop $4 //p"
}
