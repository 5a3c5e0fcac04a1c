# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# The world of tests/run-gro-tcp, its traffic, and its judges.

# ---------------------------------------------------------------------------
# The world.
# ---------------------------------------------------------------------------

world() {
    local end ns
    nl_ns vm a wire b vm2 mon || return 1
    nl_veth vm vm0 a vm0p
    nl_veth a u0 wire w0
    nl_veth a p0 wire q0
    nl_veth wire w1 b u1
    nl_veth wire q1 b p1
    nl_veth b vm0p vm2 vm0
    nl_veth b m0p mon m0
    for end in a/u0 wire/w0 wire/w1 b/u1 a/p0 wire/q0 wire/q1 b/p1 b/m0p \
               mon/m0; do
        nl_wire ${end%/*} ${end#*/}
    done
    for ns in vm vm2; do
        nl_tso $ns vm0
        in_ns $ns ethtool -K vm0 gro off >/dev/null 2>&1
        # 1400 leaves room for the tunnel's headers in the underlay's 1500.
        nl_ip $ns link set vm0 mtu 1400
        # A receiver that does not get the CPU loses nothing: what it has room
        # for is many times its window.  No tail loss probes.
        in_ns $ns sysctl -qw net.ipv4.tcp_ecn=1 net.ipv4.tcp_early_retrans=0 \
            net.ipv4.tcp_rmem="4096 4000000 4000000" \
            net.ipv4.tcp_wmem="4096 16384 262144"
        # Linux 6.15.
        in_ns $ns sysctl -qw net.ipv4.tcp_rto_max_ms=1000 2>/dev/null
    done
    nl_tso a vm0p
    nl_tso b vm0p
    nl_ip vm addr add 10.0.0.1/24 dev vm0
    nl_ip vm addr add fd00:10::1/64 dev vm0 nodad
    nl_ip vm2 addr add 10.0.0.3/24 dev vm0
    nl_ip vm2 addr add fd00:10::3/64 dev vm0 nodad
    # Nothing is to be asked while there is traffic.
    for ns in "vm vm2 3" "vm2 vm 1"; do
        set -- $ns
        nl_ip $1 neigh replace 10.0.0.$3 lladdr "$(nl_mac $2 vm0)" dev vm0
        nl_ip $1 neigh replace fd00:10::$3 lladdr "$(nl_mac $2 vm0)" dev vm0
    done
    world_up
}

world_up() {
    NL_N_BRIDGES=0
    nl_ovs a true && nl_ovs b true || return 1
    nl_underlay a br-u 172.16.1.1/24 fd00:1::1/64 u0 || return 1
    nl_underlay b br-u 172.16.1.2/24 fd00:1::2/64 u1 || return 1
    nl_bridge a br-int -- add-port br-int vm0p || return 1
    nl_bridge b br-int -- add-port br-int vm0p -- add-port br-int m0p
}

world_again() {
    nl_ovs_stop a
    nl_ovs_stop b
    world_up
}

# bed_up ENCAP OUTER CSUM: from vm to vm2.  Sets WIRE, its ends, and ENCAP.
bed_up() {
    local csum=true local remote
    ENCAP=$1
    if test $1 = plain; then
        WIRE=(q0 q1) PORT=p0
        nl_vsctl a add-port br-int p0 && nl_vsctl b add-port br-int p1
        return
    fi
    WIRE=(w0 w1) PORT=tun
    case $2 in
        4) local=172.16.1.1 remote=172.16.1.2 ;;
        6) local=fd00:1::1 remote=fd00:1::2 ;;
    esac
    test $3 = on || csum=false
    tunnel a $1 $csum $local $remote && tunnel b $1 $csum $remote $local \
        || return 1
    nl_neigh a br-u $remote "$(nl_mac b br-u)"
    nl_neigh b br-u $local "$(nl_mac a br-u)"
}

# tunnel NS ENCAP CSUM LOCAL REMOTE
tunnel() {
    nl_vsctl $1 add-port br-int tun -- set Interface tun type=$2 \
        options:local_ip=$4 options:remote_ip=$5 options:key=7 \
        options:csum=$3
}

bed_down() {
    nl_vsctl a --if-exists del-port tun -- --if-exists del-port p0
    nl_vsctl b --if-exists del-port tun -- --if-exists del-port p1
    nl_vsctl a remove Interface vm0p other_config tnl-gro
    nl_vsctl b remove Interface vm0p other_config tnl-gro
}

# gro_switch true|false: are both to merge?
gro_switch() {
    local ns ports=()
    test $PORT != tun || ports=(-- set Interface tun other_config:tnl-gro=$1)
    for ns in a b; do
        nl_vsctl $ns set Interface vm0p other_config:tnl-gro=$1 \
            "${ports[@]}" || return 1
    done
}

# wire_up WIRE, wire_down: the latter sets CHANGED to "N0 N1", frames that it
# has changed on their way to b and to a, and ECT likewise to those with a mark
# of ECN.
wire_up() {
    local odds=(0 0 0) change=()
    case $1 in
        good) ;;
        bad) odds=(20 30 20) ;;
        bit) change=(50 bit) ;;
        *) change=(23 $1) ;;
    esac
    in_ns_bg wire "$TMP/impair" "${WIRE[@]}" 1 "${odds[@]}" "${change[@]}" \
        >"$TMP/impaired"
    IMPAIR=$LAST_PID
    wait_for 5 grep -q ready "$TMP/impaired" || problem "impair does not start"
}
wire_down() {
    end $IMPAIR
    CHANGED=$(awk '/^[qw]/ { print $7 }' "$TMP/impaired" | xargs)
    ECT=$(awk '/^[qw]/ { print $8 }' "$TMP/impaired" | xargs)
    test "$(awk '/^[qw]/ { n += $6 } END { print n }' "$TMP/impaired")" = 0 \
        || problem "there are frames over the MTU on the wire"
}

# ---------------------------------------------------------------------------
# Counters.
# ---------------------------------------------------------------------------

# counters NS: of this kernel, as "NAME VALUE" lines.
counters() { in_ns $1 nstat -asz | awk '!/^#/ { print $1, $2 }'; }

# grown NS NAME...: the sum of these in $TMP/NS.1, less that in $TMP/NS.0.  What
# a kernel does not have counts as 0.
grown() {
    awk -v names="${*:2}" '
        BEGIN { n = split(names, a, " "); for (i in a) wanted[a[i]] = 1 }
        !($1 in wanted) { next }
        FILENAME == ARGV[1] { sum -= $2; next }
        { sum += $2 }
        END { print sum + 0 }' "$TMP/$1.0" "$TMP/$1.1"
}

# nothing NS WHAT NAME...: these counters have not grown.
nothing() {
    local text
    text=$(awk -v names="${*:3}" '
        BEGIN { n = split(names, a, " "); for (i in a) wanted[a[i]] = 1 }
        !($1 in wanted) { next }
        FILENAME == ARGV[1] { old[$1] = $2; next }
        $2 != old[$1] + 0 { print $1, $2 - old[$1] }' "$TMP/$1.0" "$TMP/$1.1")
    test -z "$text" || problem "$2: $1 has counted" $text
}

# gro_count NS RULE: where the packets of this bed are merged.
gro_count() {
    local port=vm0p
    case $ENCAP in
        vxlan) port=vxlan_sys_4789 ;;
        geneve) port=genev_sys_6081 ;;
        gre) port=gre_sys ;;
    esac
    nl_appctl $1 tnl-gso/stats $port | awk -v rule="$2:" '
        $1 == "gro" && $2 == rule { n += $3 } END { print n + 0 }'
}

# What is never to be, on any wire; but a flipped bit gives TcpInCsumErrors.
BAD="IpInHdrErrors IpInDiscards IpInAddrErrors Ip6InHdrErrors Ip6InDiscards
    IpExtInCsumErrors IpExtInTruncatedPkts Ip6InTruncatedPkts UdpInCsumErrors"
# What TCP sees of a loss or another order; not to be on a good wire.
ORDER="TcpExtTCPOFOQueue TcpExtTCPSACKReorder TcpExtTCPTSReorder
    TcpExtTCPRenoReorder TcpExtTCPDSACKRecv TcpExtTCPDSACKOldSent
    TcpExtTCPDSACKOfoSent TcpExtTCPDSACKOfoRecv TcpRetransSegs"

# ---------------------------------------------------------------------------
# Traffic.
# ---------------------------------------------------------------------------

# transfer ADDRESS N BYTES WRITE: each of N connections from vm to vm2 carries
# BYTES each way (system/tcpmany.py).
transfer() {
    local out=$TMP/tcp server client status words=(20 "${@:2}")
    rm -f "$out".*
    in_ns_bg vm2 "$PYTHON3" -B "$NL_TOOLS/tcpmany.py" listen \
        "${NL_LOCAL:-$1}" "$out.port" "${words[@]}" \
        >"$out.vm2" 2>"$out.vm2.err"
    server=$LAST_PID
    wait_for 10 test -s "$out.port"
    in_ns_bg vm "$PYTHON3" -B "$NL_TOOLS/tcpmany.py" connect "$1" \
        "$out.port" "${words[@]}" >"$out.vm" 2>"$out.vm.err"
    client=$LAST_PID
    wait $client
    status=$?
    test $status = 0 || kill $server 2>/dev/null
    wait $server || status=1
    test $status = 0 || problem "TCP to $1: $(cat "$out.vm.err" \
        "$out.vm2.err" | tail -n 1)"
    is "what vm2 has received" "$(sed -n 's/^received //p' "$out.vm2")" \
        "$(sed -n 's/^sent //p' "$out.vm")"
    is "what vm has received" "$(sed -n 's/^received //p' "$out.vm")" \
        "$(sed -n 's/^sent //p' "$out.vm2")"
}

# ADDRESS is that of vm2, if somebody on the way changes it.
ADDRESS=

# windows FRAMES RTO: so many frames of a connection may be on their way.  A
# packet socket's receive buffer is net.core.rmem_default, which is the whole
# machine's and stays as it is; its 208 kB hold about ninety frames, or three
# superpackets.
windows() {
    local ns
    for ns in vm vm2; do
        nl_ip $ns route change 10.0.0.0/24 dev vm0 cwnd lock $1 rto_min $2
        nl_ip $ns route change fd00:10::/64 dev vm0 proto kernel metric 256 \
            cwnd lock $1 rto_min $2
        # Else the old ones count.
        nl_ip $ns tcp_metrics flush all
    done
}

# traffic INNER TRAFFIC WIRE
traffic() {
    local address=${ADDRESS:-10.0.0.3} rto=3s
    test $1 = 4 || address=fd00:10::3
    test $3 != bad -a $3 != bit || rto=5ms
    case $2 in
        one) windows 44 $rto; transfer $address 1 3000000 0 ;;
        many) windows 5 $rto; transfer $address 16 300000 0 ;;
        small) windows 44 $rto; transfer $address 1 400000 600 ;;
    esac
}

# run true|false INNER WIRE TRAFFIC: with GRO, or without; and judges it.  On a
# busy machine a packet socket may have no room; then frames were lost that the
# wire knows nothing of, and it is tried again, a few times.
run() {
    local full _
    JOINED=0
    for _ in 1 2 3 4 5; do
        full=$(sockets_full)
        once "$@"
        well || return
        if test "$full" = "$(sockets_full)"; then
            judge "$@"
            return
        fi
    done
    problem "packet sockets have no room"
}

# sockets_full: how many packets both have lost because of that.
sockets_full() {
    local ns
    for ns in a b; do
        # Which has it ask the kernel.
        nl_ofctl $ns dump-ports br-int >/dev/null
        nl_ofctl $ns dump-ports br-u >/dev/null
    done
    { nl_stats a all all; nl_stats b all all; } \
        | awk '$2 == "rx_socket_full" { n += $3 } END { print n + 0 }'
}

# once true|false INNER WIRE TRAFFIC: the same without a verdict.  Adds what b
# has joined to JOINED, and sets its BAD_CSUM.
once() {
    local joined bad ns
    for ns in vm vm2; do
        counters $ns >"$TMP/$ns.0"
    done
    joined=$(gro_count b joined) bad=$(gro_count b bad_csum)
    wire_up $3
    traffic $2 $4 $3
    wire_down
    for ns in vm vm2; do
        counters $ns >"$TMP/$ns.1"
    done
    JOINED=$((JOINED + $(gro_count b joined) - joined))
    BAD_CSUM=$(($(gro_count b bad_csum) - bad))
}

# judge true|false INNER WIRE TRAFFIC
judge() {
    local gro=$1 wire=$3 ns i=0 ip=IpExt what="GRO $1" ce bad min=200
    local changed=($CHANGED) ect=($ECT)
    test $2 = 4 || ip=Ip6
    if test $gro = true; then
        test $4 != small || min=1
        test $JOINED -ge $min || problem "only $JOINED were joined"
    else
        is "joined without GRO" $JOINED 0
    fi
    for ns in vm2 vm; do
        # shellcheck disable=SC2086
        nothing $ns "$what" $BAD
        # shellcheck disable=SC2086
        test $wire = bad -o $wire = bit || nothing $ns "$what" $ORDER
        # Linux counts segments, not superpackets.
        is "$what: segments with ECT or CE that $ns has got" \
            "$(grown $ns ${ip}InECT0Pkts ${ip}InECT1Pkts ${ip}InCEPkts)" \
            ${ect[i]}
        ce=0 bad=0
        case $wire in
            bit) bad=${changed[i]} ;;
            outer|inner|both) ce=${changed[i]} ;;
        esac
        is "$what: CE marks that $ns has got" "$(grown $ns ${ip}InCEPkts)" $ce
        is "$what: wrong TCP checksums at $ns" \
            "$(grown $ns TcpInCsumErrors)" $bad
        test $wire = good -o $wire = bad -o ${changed[i]} -ge 10 \
            || problem "$what: the wire has changed only ${changed[i]}"
        i=$((i + 1))
    done
    if test $gro$wire = truebit; then
        test $BAD_CSUM -gt 0 -a $BAD_CSUM -le ${changed[0]} \
            || problem "$BAD_CSUM bad_csum of ${changed[0]}"
    else
        is "$what: bad_csum" $BAD_CSUM 0
    fi
}
