# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# shellcheck shell=bash disable=SC2154
# Cases of tests/run-rco that are more than a row of a table: each other_NAME()
# is one.  To be sourced by it; PROBLEMS is what went wrong.  Those with packets
# that are made by us are in rco-inject.sh.

# ---------------------------------------------------------------------------
# Judging the judges: two kernels.
# ---------------------------------------------------------------------------

#    k1: vx0 ... u |==| u ... vx0 :k2
other_judge() {
    local ns me=1 you=2 v g said
    nl_ns k1 k2 && nl_veth k1 u k2 u || return 1
    nl_wire k1 u
    nl_wire k2 u
    for ns in k1 k2; do
        nl_ip $ns addr add 172.16.1.$me/24 dev u
        nl_ip $ns addr add fd00:1::$me/64 dev u nodad
        nl_ip $ns link add vx0 type vxlan id 7 dstport 4789 remcsumtx \
            remcsumrx local 172.16.1.$me remote 172.16.1.$you || return 1
        # See the head of this file.
        in_ns $ns ethtool -K vx0 tso off gso off tx-udp-segmentation off \
            >/dev/null
        nl_ip $ns link set vx0 mtu 1400 up
        nl_ip $ns addr add 10.0.9.$me/24 dev vx0
        nl_ip $ns addr add fd00:9::$me/64 dev vx0 nodad
        me=2 you=1
    done
    nl_capture_start k2 u "$TMP/cap" || problem "tcpdump does not start"
    traffic k1 k2 10.0.9.2
    traffic k2 k1 fd00:9::1
    nl_capture_stop
    said=$(rco_py mutate "$TMP/cap" tx=172.16.1.1,172.16.1.2) \
        || problem "rco.py: $said"
    judged tx=172.16.1.1,172.16.1.2 payload="$TMP/data" streams=2

    for v in 4 6; do
        nl_ip k1 link del vx0
        said=$(packets k1 device vx0 $v) || { problem "$said"; break; }
        nl_ip k1 link set vx0 up
        nl_capture_start k1 vx0 "$TMP/cap"
        for g in good wrong unsummed; do
            # Linux takes no UDP without a sum over IPv6 unless it is told.
            test $v$g = 6unsummed || said=$(packets k2 send u \
                "$(nl_mac k1 u)" vxlan $v $g) || problem "$said"
        done
        nl_capture_stop
        said=$(packets k1 arrived "$TMP/cap" vxlan $v good wrong \
            $(test $v = 6 || echo unsummed)) || problem "the kernel: $said"
    done
    nl_ns_del k1 k2
}

# ---------------------------------------------------------------------------
# More than one tunnel.
# ---------------------------------------------------------------------------

# kern -- tun -- br-int -- tun2 -- far, vm2: what comes with RCO goes on with
# RCO, and nobody completes.  Then tun2 is one without, for what is sent to
# far, and for what far sends.
other_transit() {
    local errors step rx tx completed senders machine=
    NL_VXLAN=(remcsumtx remcsumrx)
    # What is merged has a partial checksum, and could leave with RCO.
    nl_tunnel_up vxlan 4 on kern "${RCO[@]}" other_config:tnl-gro=false &&
        tunnel2 "${RCO[@]}" other_config:tnl-gro=false || return 1
    errors=$(kernel_errors)
    # Without userspace TSO, far's machine has completed its checksums.
    test $NL_TSO = true || machine=no
    for step in 172.16.1.1,172.16.1.2 172.16.2.1,172.16.2.2 172.16.2.2 none
    do
        case $step in
            172.16.2.2)
                nl_vsctl ovs set Interface tun2 options:remote_csum_tx=false
                ;;
            none) nl_vsctl far set Interface tun options:remote_csum_tx=false
                ;;
        esac
        counters ovs
        case $step in
            172.16.1.1*) nl_capture_start kern under1 "$TMP/cap" ;;
            *) nl_capture_start far under3 "$TMP/cap" ;;
        esac
        traffic kern vm2 10.0.0.3
        traffic vm2 kern 10.0.0.2
        nl_capture_stop
        case $step$machine in
            172.16.1.1*no) senders=172.16.1.2 ;;
            172.16.2.1*no) senders=172.16.2.1 ;;
            *no) senders=none ;;
            *) senders=$step ;;
        esac
        judged tx=$senders payload="$TMP/data" streams=2
        rx=$(counted ovs $RECEIVED)
        test "$rx" -gt 20 || problem "$step: received $rx with RCO"
        tx=$(counted ovs $SENT) completed=$(counted ovs $COMPLETED)
        test "$tx" -gt 20 -o $senders = none \
            || problem "$step: sent $tx with RCO"
        # What far sends without RCO it has completed itself.
        test "$completed" = $((rx - tx)) \
            || problem "$step: $rx in, $tx out, $completed completed"
        test -z "$(dropped ovs)" || problem "$step: drops:" $(dropped ovs)
    done
    same_errors "$errors"
    nl_vsctl ovs del-port br-int tun2
}

# The same with trains from far, which have become superpackets in between.
other_merged-transit() {
    local senders errors
    NL_VXLAN=(remcsumtx remcsumrx)
    nl_tunnel_up vxlan 4 on kern "${RCO[@]}" || return 1
    tunnel2 "${RCO[@]}" || return 1
    nl_tso ovs under2
    nl_tso far under3
    errors=$(kernel_errors)
    for senders in 172.16.1.1,172.16.1.2 172.16.1.2; do
        test $senders != 172.16.1.2 ||
            nl_vsctl ovs set Interface tun options:remote_csum_tx=false
        counters ovs
        nl_capture_start kern under1 "$TMP/cap"
        traffic vm2 kern 10.0.0.2
        traffic kern vm2 10.0.0.3
        nl_capture_stop
        judged tx=$senders payload="$TMP/data" streams=2
        test "$(counted ovs rx_train_merged)" -gt 5 \
            || problem "merged $(counted ovs rx_train_merged) trains"
        test -z "$(dropped ovs)" || problem "drops:" $(dropped ovs)
    done
    same_errors "$errors"
    nl_wire ovs under2
    nl_wire far under3
    nl_vsctl ovs del-port br-int tun2
}

# tunnel2 [options...]: another port of br-int, and far's end.
tunnel2() {
    nl_vsctl ovs add-port br-int tun2 -- set Interface tun2 type=vxlan \
        options:remote_ip=172.16.2.2 options:local_ip=172.16.2.1 \
        options:csum=true options:key=7 "$@" || return 1
    nl_vsctl far add-port br-int tun -- set Interface tun type=vxlan \
        options:remote_ip=172.16.2.1 options:local_ip=172.16.2.2 \
        options:csum=true options:key=7 "$@" || return 1
    nl_neigh ovs br-o 172.16.2.2 "$(nl_mac far br-o)"
    nl_neigh far br-o 172.16.2.1 "$(nl_mac ovs br-o)"
}

# A tunnel with RCO in one without, then in one with.
other_nested() {
    local ns levels round=0
    nl_ip vm link set vm0 mtu 1340
    nl_ip vm2 link set vm0 mtu 1340
    nl_nested 172.16.2. vxlan options:key=99 options:csum=true \
        options:remote_csum_rx=true || return 1
    nl_nested_tunnel vxlan options:csum=true "${RCO[@]}" || return 1
    # Last, the outer one alone.
    for levels in last last any; do
        case $((++round)) in
            2) for ns in ovs far; do
                   nl_vsctl $ns set Interface ntun options:remote_csum_tx=true
               done ;;
            3) for ns in ovs far; do
                   nl_vsctl $ns remove Interface tun options remote_csum_tx
               done ;;
        esac
        counters ovs
        nl_capture_start far under3 "$TMP/cap"
        traffic vm vm2 10.0.0.3
        traffic vm2 vm 10.0.0.1
        nl_capture_stop
        judged tx=172.16.2.1,172.16.2.2 levels=$levels payload="$TMP/data" \
            streams=2
        test -z "$(dropped ovs)" || problem "drops:" $(dropped ovs)
    done
    nl_nested_down
    nl_ip vm link set vm0 mtu 1400
    nl_ip vm2 link set vm0 mtu 1400
}

# Somebody else's RCO tunnel passes through, superpackets and all.
other_container() {
    local errors
    NL_VXLAN=(remcsumtx remcsumrx)
    nl_container_up on || return 1
    errors=$(kernel_errors)
    counters ovs
    traffic vm kern 10.0.9.2
    traffic kern vm 10.0.9.1
    test -z "$(dropped ovs)" || problem "drops:" $(dropped ovs)
    same_errors "$errors"
    nl_container_down
}

# Linux 6.18 cuts what has RCO before it hands it over.  Nothing says that it
# must: what we cut then are segments with RCO again.
other_foreign() {
    local outer inner n tx=172.16.1.1
    nl_wire ovs plain0
    nl_ip ovs tuntap add dev vmx mode tap vnet_hdr
    nl_ip ovs link set vmx up
    nl_vsctl ovs add-port br-int vmx || return 1
    nl_ofctl ovs add-flow br-int priority=90,in_port=vmx,actions=plain0
    for outer in 4 6; do
        nl_capture_start kern plain1 "$TMP/cap"
        n=0
        for inner in 4 6; do
            n=$((n + 17))
            in_ns_bg ovs "$PYTHON3" -B "$NL_TOOLS/rco_packets.py" super vmx \
                $outer $inner
            eventually cut_with_rco $tx $n
            end $LAST_PID
        done
        nl_capture_stop
        cut_with_rco $tx $n || problem "it is not the same in the end"
        tx=fd00:1::1
    done
    nl_vsctl ovs del-port br-int vmx
    nl_ip ovs link del vmx
    nl_tso ovs plain0
    normal
}

# cut_with_rco TX N: that many segments with RCO, from TX, have been captured.
cut_with_rco() {
    local said
    said=$(rco_py check "$TMP/cap" tx=$1)
    test "$said" = "$1 $2 0" || { echo "$said"; return 1; }
}

# The same, and Open vSwitch has it in a tunnel of its own, with RCO.
#
#     vm: vx1 ... vm0 -- vm0p -- br-int -- tun |==| vx0 ... vx1 :kern
#
other_guest-tunnel() {
    local errors rco ns me=1 you=2 tx rx
    NL_VXLAN=(remcsumtx remcsumrx)
    nl_tunnel_up vxlan 4 on kern "${RCO[@]}" || return 1
    for rco in "" "remcsumtx remcsumrx"; do
        for ns in vm kern; do
            # shellcheck disable=SC2086
            nl_ip $ns link add vx1 address 02:00:00:05:00:0$me type vxlan \
                id 9 dstport 4790 local 10.0.0.$me remote 10.0.0.$you udpcsum \
                $rco || return 1
            nl_ip $ns link set vx1 mtu 1340 up
            nl_ip $ns addr add 10.0.9.$me/24 dev vx1
            me=$((3 - me)) you=$((3 - you))
        done
        errors=$(kernel_errors)
        counters ovs
        nl_capture_start kern under1 "$TMP/cap"
        traffic vm kern 10.0.9.2
        traffic kern vm 10.0.9.1
        nl_capture_stop
        # What the machine and the kernel do inside is their business.
        judged tx=172.16.1.1,172.16.1.2 levels=any payload="$TMP/data" \
            streams=2
        # A superpacket of the machine's own tunnel is cut before it is put in
        # another, with nothing pending.
        tx=$(counted ovs $SENT) rx=$(counted ovs $RECEIVED)
        test "$tx" -gt 0 -a "$rx" -gt 20 || problem "$rx in, $tx out with RCO"
        test -z "$(dropped ovs)" || problem "drops:" $(dropped ovs)
        same_errors "$errors"
        for ns in vm kern; do nl_ip $ns link del vx1; done
    done
}

# ---------------------------------------------------------------------------
# What a flow may do to a packet whose checksum is pending.
# ---------------------------------------------------------------------------

# both_ways FLOWS: the machine knows the kernel as 10.0.0.77, the kernel the
# machine as 10.0.0.66; flows change the addresses.
both_ways() {
    local errors n
    NL_VXLAN=(remcsumtx remcsumrx)
    nl_tunnel_up vxlan 4 on kern "${RCO[@]}" || return 1
    nl_ip vm neigh replace 10.0.0.77 lladdr 02:00:00:02:00:01 dev vm0
    nl_ip kern neigh replace 10.0.0.66 lladdr "$(nl_mac vm vm0)" dev vx0
    nl_ofctl ovs add-flows br-int - <<<"$1"
    errors=$(kernel_errors)
    counters ovs
    nl_capture_start kern under1 "$TMP/cap"
    traffic vm kern 10.0.0.77 10.0.0.2
    traffic kern vm 10.0.0.66 10.0.0.1
    nl_capture_stop
    judged tx=172.16.1.1,172.16.1.2 payload="$TMP/data" streams=2
    n=0
    test $NL_TSO = true || n=$(counted ovs $RECEIVED)
    test "$(counted ovs $COMPLETED)" = $n \
        || problem "completed $(counted ovs $COMPLETED), should be $n"
    test -z "$(dropped ovs)" || problem "drops:" $(dropped ovs)
    same_errors "$errors"
    normal
}

other_rewritten() {
    local to=mod_nw_dst:10.0.0.2,mod_nw_src:10.0.0.66,mod_nw_tos:32
    local from=mod_nw_dst:10.0.0.1,mod_nw_src:10.0.0.77,dec_ttl
    both_ways "
        priority=90,in_port=vm0p,ip,nw_dst=10.0.0.77,actions=$to,output:tun
        priority=90,in_port=tun,ip,nw_dst=10.0.0.66,actions=$from,output:vm0p"
}

# Without userspace TSO as well: connection tracking has found the machine's
# checksum right and leaves the new one pending.
other_nat() {
    local new=priority=90,ip,ct_state=-trk commit=ct\(table=1,commit,nat
    both_ways "
        $new,in_port=vm0p,nw_dst=10.0.0.77,actions=$commit(dst=10.0.0.2))
        $new,in_port=vm0p,nw_dst=10.0.0.2,actions=ct(table=1,nat)
        $new,in_port=tun,nw_dst=10.0.0.66,actions=$commit(dst=10.0.0.1))
        $new,in_port=tun,nw_dst=10.0.0.1,actions=ct(table=1,nat)
        table=1,priority=90,ip,ct_state=+inv,actions=drop
        table=1,in_port=vm0p,actions=output:tun
        table=1,in_port=tun,actions=output:vm0p"
}

# The same packet goes to ports that want different things of it.
other_clone() {
    local errors plain packets bad zero
    NL_VXLAN=(remcsumtx remcsumrx)
    nl_tunnel_up vxlan 4 on kern "${RCO[@]}" && tunnel2 "${RCO[@]}" \
        || return 1
    # Nothing is sent from there.
    nl_vsctl far set Interface tun options:key=8
    nl_wire ovs plain0
    nl_ofctl ovs add-flows br-int - <<<"
        priority=90,in_port=vm0p,actions=output:plain0,output:tun2,output:tun
        priority=90,in_port=tun,actions=output:plain0,output:tun2,output:vm0p"
    errors=$(kernel_errors)
    counters ovs
    nl_capture_start kern plain1 "$TMP/cap.plain" tcp or udp
    plain=$NL_TCPDUMP
    nl_capture_start kern under1 "$TMP/cap"
    traffic vm kern 10.0.0.2
    traffic kern vm 10.0.0.1
    nl_capture_stop
    judged tx=172.16.1.1,172.16.1.2 payload="$TMP/data" streams=2
    # netns-lib.sh's.
    # shellcheck disable=SC2034
    NL_TCPDUMP=$plain NL_CAPTURE=$TMP/cap.plain
    nl_capture_stop
    nl_judge "$TMP/cap.plain" >"$TMP/verdict"
    read -r packets _ bad zero <"$TMP/verdict"
    test "$bad $zero" = "0 0" -a "$packets" -gt 1000 \
        || problem "at plain1: $bad bad of $packets packets"
    same_errors "$errors"
    nl_tso ovs plain0
    nl_vsctl ovs del-port br-int tun2
    normal
}

# A frame that is longer than its IP packet: whoever completes a remote
# checksum may take the rest for payload.
other_padded() {
    NL_VXLAN=(remcsumtx remcsumrx)
    nl_tunnel_up vxlan 4 on kern "${RCO[@]}" || return 1
    counters ovs
    nstat_mark kern UdpNoPorts UdpInCsumErrors
    nl_capture_start kern under1 "$TMP/cap"
    packets vm padded vm0 02:00:00:02:00:01 10.0.0.1 10.0.0.2
    eventually nstat_is kern "UdpNoPorts=1 UdpInCsumErrors=0 "
    nl_capture_stop
    judged tx=172.16.1.1 levels=any
    test "$(counted ovs $SENT)" = 0 || problem "sent with RCO"
}

# Datagrams that a machine has cut into fragments: nothing of TCP or UDP is
# known of them.
other_fragments() {
    local addr ns errors
    NL_VXLAN=(remcsumtx remcsumrx)
    nl_tunnel_up vxlan 4 on kern "${RCO[@]}" || return 1
    errors=$(kernel_errors)
    counters ovs
    nstat_mark kern UdpNoPorts Udp6NoPorts
    nstat_mark vm UdpNoPorts Udp6NoPorts
    nl_capture_start kern under1 "$TMP/cap"
    for addr in vm/10.0.0.2 kern/10.0.0.1 vm/fd00:10::2 kern/fd00:10::1; do
        in_ns ${addr%/*} ping -c 2 -i .1 -s 5000 -q ${addr#*/} >/dev/null \
            || problem "ping from $addr"
        in_ns ${addr%/*} "$PYTHON3" -c "
import socket
s = socket.socket(socket.getaddrinfo('${addr#*/}', 9)[0][0], socket.SOCK_DGRAM)
for n in 1373, 3000, 9000, 30001:
    s.sendto(b'x' * n, ('${addr#*/}', 9))"
    done
    nl_capture_stop
    judged tx=none,172.16.1.1,172.16.1.2 levels=any
    for ns in vm kern; do
        test "$(nstat_since $ns)" = "UdpNoPorts=4 Udp6NoPorts=4 " \
            || problem "$ns has got $(nstat_since $ns)"
    done
    same_errors "$errors"
    test -z "$(dropped ovs)" || problem "drops:" $(dropped ovs)
}

# ---------------------------------------------------------------------------
# Settings.
# ---------------------------------------------------------------------------

# Off, on at both ends while traffic has gone on, off again.
other_switched() {
    local tx
    NL_VXLAN=()
    nl_tunnel_up vxlan 4 on far || return 1
    for tx in none 172.16.2.1,172.16.2.2 none; do
        case $tx in
            none) set_rco clear; set_rco_far clear ;;
            *) set_rco true; set_rco_far true ;;
        esac
        counters ovs
        counters far
        nl_capture_start far under3 "$TMP/cap"
        traffic vm vm2 10.0.0.3
        traffic vm2 vm 10.0.0.1
        nl_capture_stop
        judged tx=$tx payload="$TMP/data" streams=2
        case $tx in
            none) test "$(counted ovs $SENT)$(counted ovs $RECEIVED)" = 00 \
                      || problem "counted RCO without RCO" ;;
            *) test "$(counted ovs $SENT)" -gt 20 -a \
                   "$(counted ovs $RECEIVED)" -gt 20 \
                   || problem "not counted" ;;
        esac
        test -z "$(dropped ovs)$(dropped far)" \
            || problem "drops:" $(dropped ovs) $(dropped far)
    done
}

set_rco() {
    if test $1 = clear; then
        nl_vsctl ovs remove Interface tun options remote_csum_tx \
            -- remove Interface tun options remote_csum_rx
    else
        nl_vsctl ovs set Interface tun "${RCO[@]}"
    fi
}

set_rco_far() {
    if test $1 = clear; then
        nl_vsctl far remove Interface tun options remote_csum_tx \
            -- remove Interface tun options remote_csum_rx
    else
        nl_vsctl far set Interface tun "${RCO[@]}"
    fi
}

# Two tunnels on one UDP port: who receives through one and the other is not
# known before the header has been understood, so both have to agree.
other_shared-port() {
    local rx old=tun new=tun3 i
    nl_tunnel_up vxlan 4 on kern || return 1
    tunnel2 || return 1
    for rx in true false; do
        nl_vsctl ovs set Interface tun2 options:remote_csum_rx=$rx \
            >/dev/null 2>&1
        case $(interface_errors) in
            tun2,*must\ be\ the\ same\ as\ on\ tun,*) ;;
            *) problem "rx=$rx on one: $(interface_errors)" ;;
        esac
        nl_vsctl ovs set Interface tun options:remote_csum_rx=$rx \
            -- set Interface tun2 options:remote_csum_rx=$rx
        test -z "$(interface_errors)" \
            || problem "rx=$rx on both: $(interface_errors)"
    done
    nl_vsctl ovs del-port br-int tun2
    # One goes, another comes.
    for i in 1 2 3 4 5 6 7 8; do
        rx=$(test $rx = true && echo false || echo true)
        nl_vsctl ovs del-port br-int $old -- add-port br-int $new \
            -- set Interface $new type=vxlan options:remote_csum_rx=$rx \
            options:remote_ip=172.16.1.2 options:local_ip=172.16.1.1 2>&1
        test -z "$(interface_errors)" \
            || problem "instead of $old, $new: $(interface_errors)"
        i=$old old=$new new=$i
    done
    nl_vsctl ovs --if-exists del-port br-int tun3
}

interface_errors() {
    nl_vsctl ovs --columns=name,error --format=csv --no-headings \
        find Interface 'error!=[]'
}

# One end sends with it, the other was not told: nothing arrives, and it is
# said why.
other_tx-only() {
    local words drops
    nl_tunnel_up vxlan 4 on far || return 1
    nl_vsctl ovs set Interface tun options:remote_csum_tx=true
    counters far
    in_ns vm ping -c 1 -W 2 -q 10.0.0.3 >/dev/null || problem "no ping"
    nl_tcp vm vm2 10.0.0.3 "$TMP/little" 2 >/dev/null \
        && problem "TCP arrives, but the receiver does not know RCO"
    drops=$(dropped far)
    case $drops in
        "drop rco_off "[1-9]*) ;;
        *) problem "drops: '$drops'" ;;
    esac
}

# Only the receiver was told: plain packets arrive.
other_rx-only() {
    nl_tunnel_up vxlan 4 on far options:remote_csum_rx=true || return 1
    counters far
    nl_capture_start far under3 "$TMP/cap"
    traffic vm vm2 10.0.0.3
    traffic vm2 vm 10.0.0.1
    nl_capture_stop
    judged tx=none payload="$TMP/data" streams=2
    test "$(counted far $RECEIVED)" = 0 || problem "counted as received"
    test -z "$(dropped far)" || problem "drops:" $(dropped far)
}
