# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Cases of tests/run-relay about the packets that pass through relays: their
# order, their bytes, and other daemons' packets.  To be sourced by it.

# ---------------------------------------------------------------------------
# Order.
# ---------------------------------------------------------------------------

# case_order tcp|udp QUEUES XPS QDISC: superpackets go through the relay,
# others through the packet socket; they leave in one order.  A veth whose ends
# have several queues, and receive in NAPI threads' order.  QDISC is tc's
# words, with dots in between, "-" for none.
case_order() {
    local before after sent_again i
    wide_underlay "$2" "$3" || return
    if test "$4" != -; then
        # shellcheck disable=SC2086
        in_ns ovs tc qdisc add dev under0 root ${4//./ } 2>"$TMP/tc.err" \
            || { LACKS="no queueing discipline ${4%%.*}"
                 underlay_again; return; }
    fi
    nl_vsctl ovs add-port br-k under0
    nl_tunnel_up vxlan 4 on kern || { problem "cannot set up"; return; }
    eventually has_relay
    case $1 in
    tcp)
        # What gets lost on a busy machine and is sent again comes late, too.
        for i in 1 2 3; do
            before=$(reordered) sent_again=$(sent_again)
            moves "run $i.1" kernel
            moves "run $i.2" kernel
            moves "run $i.3" kernel
            after=$(reordered)
            test "$after" != "$before" -a \
                "$(sent_again)" != "$sent_again" || break
        done
        is "segments out of order" $((after - before)) 0
        ;;
    udp)
        # Datagrams one by one and superpackets, 20 of them on their way.
        nl_stats ovs under0 vxlan >"$TMP/stats.0"
        numbered vm 200
        nl_stats ovs under0 vxlan >"$TMP/stats.1"
        read -r i _ < <(nl_counted "$TMP/stats.0" "$TMP/stats.1")
        is "methods" "$i" kernel
        ;;
    esac
    underlay_again
}
# reordered: what TCP of the receiver has got out of order, and of the sender
# has taken for that.
reordered() {
    { in_ns kern nstat -asz TcpExtTCPOFOQueue
      in_ns vm nstat -asz TcpExtTCPSACKReorder TcpExtTCPTSReorder
    } 2>/dev/null | awk '/TCP/ { n += $2 } END { print n + 0 }'
}
# sent_again: segments that the sender's TCP has sent once more.
sent_again() {
    in_ns vm nstat -asz TcpRetransSegs | awk '/Retrans/ { print $2 }'
}
# numbered FROM ROUNDS: 29 datagrams in each, singly and in superpackets; all
# of them arrive, each once, in order.
numbered() {
    local words
    words=$(nl_udp "$1" kern 10.0.0.2 plain 20 "$2" 1300:1300 1300:2600 \
        1300:1300 100:100 1300:26000 1300:1300 1200:2400 300:300) \
        || problem "UDP from $1 failed: $(cat "$TMP/udp.err")"
    is "UDP from $1" "$words" "$((29 * $2)) 0 0 0 0 0 0"
}

# case_senders main|pmd: several at once, of one thread or of several.  The
# relay is made while they send.
case_senders() {
    local ns words pids=()
    if test "$1" = pmd; then
        test "$(nproc)" -ge 2 || { LACKS="one CPU alone"; return; }
        pmd_world || { problem "cannot set up"; return; }
        in_ns vm ping -q -c 1 10.0.0.2 >/dev/null
    fi
    is "relays at first" "$(relays)" 0
    nl_stats ovs under0 vxlan >"$TMP/stats.0"
    for ns in vm $(test "$1" = pmd || echo vmt); do
        mkdir -p "$TMP/$ns"
        # Its own files; its problems are in there.
        { TMP=$TMP/$ns numbered "$ns" 200
          printf '%s\n' "${PROBLEMS[@]}" >"$TMP/$ns.problems"; } &
        pids+=($!)
    done
    if test "$1" = pmd; then
        words=$(in_ns kern "$PYTHON3" -B "$NL_TOOLS/flows.py" vx0 1300 300 \
            "$TMP/d0.sock" "$TMP/d1.sock" 2>&1)
        # Of 4800 packets, three in five are superpackets.
        grep -qxE '[0-9]{8} 0 0 2[0-9]{3}' <<<"$words" \
            || problem "flows of PMD threads: got '$words'"
    fi
    wait "${pids[@]}"
    nl_stats ovs under0 vxlan >"$TMP/stats.1"
    for ns in vm $(test "$1" = pmd || echo vmt); do
        words=$(cat "$TMP/$ns.problems")
        test -z "$words" || problem "$words"
    done
    read -r words _ < <(nl_counted "$TMP/stats.0" "$TMP/stats.1")
    is "methods" "$words" kernel
    is "relays" "$(relays)" 1
    test "$1" = main || world_again
}

# pmd_world: "ovs" with two ports of br-int, d0 and d1, that a thread each
# polls; their packets of more than 1300 bytes of payload are superpackets.
pmd_world() {
    local i
    nl_tunnel_down
    nl_ovs_stop ovs
    NL_N_BRIDGES=0
    NL_VSWITCHD_ARGS=(--enable-dummy)
    nl_ovs ovs true other_config:pmd-cpu-mask=0x3 || return
    NL_VSWITCHD_ARGS=()
    nl_underlay ovs br-k 172.16.1.1/24 fd00:1::1/64 under0 || return
    nl_bridge ovs br-int -- add-port br-int vm0p || return
    for i in 0 1; do
        nl_vsctl ovs add-port br-int d$i -- set Interface d$i type=dummy-pmd \
            options:pstream="punix:$TMP/d$i.sock" options:ol_tso_segsz=1300 \
            options:ol_ip_rx_csum_set_good=true \
            options:ol_l4_rx_csum_set_partial=true \
            other_config:pmd-rxq-affinity=0:$i || return
    done
    nl_tunnel_up vxlan 4 on kern && eventually has_relay
}

# case_below -|xps: the port is a device without queues of its own, on one in
# which packets wait in one of four.
case_below() {
    wide_underlay 4 "$1" || return
    in_ns ovs tc qdisc add dev under0 root handle 1: mq \
        || problem "no queueing discipline mq"
    nl_ip ovs link set under0 name lower0
    nl_ip ovs link add under0 link lower0 type macvlan mode passthru \
        || { LACKS="no macvlan devices"; nl_ip ovs link del lower0
             underlay_again; return; }
    nl_ip ovs link set lower0 up
    nl_ip ovs link set under0 up promisc on
    nl_wire ovs under0
    nl_vsctl ovs add-port br-k under0
    nl_tunnel_up vxlan 4 on kern || { problem "cannot set up"; return; }
    if test "$1" = xps; then
        eventually has_relay
        moves "with XPS"
        is "relays" "$(relays)" 1
    else
        has_no_relay || problem "there is a relay"
        nl_appctl ovs tnl-gso/show under0 \
            | grep -q "relay: none, several transmit queues without XPS" \
            || problem "no reason: $(nl_appctl ovs tnl-gso/show under0)"
        moves "without XPS"
        is "relays" "$(relays)" 0
    fi
    numbered vm 100
    nl_ip ovs link del lower0
    underlay_again
}

# ---------------------------------------------------------------------------
# Bytes.
# ---------------------------------------------------------------------------

# What is sent: three superpackets of 20 segments each.
KINDS="
ip=4 l4=tcp
ip=6 l4=tcp
ip=4 l4=udp
ip=6 l4=udp
ip=4 l4=tcp payload=25999 flags=fin+psh+cwr
ip=6 l4=tcp payload=24701 flags=fin+psh+cwr
ip=4 l4=tcp tos=0xba df=no
ip=4 l4=udp tos=1 ttl=3
ip=6 l4=tcp tos=3
ip=6 l4=udp tos=0xba
ip=4 l4=tcp tags=vlan
ip=6 l4=udp tags=vlan
"
SENT="count=3 mss=1300 payload=26000"

# case_differ ENCAP OUTER CSUM: the same superpackets through Open vSwitch and
# a relay, and through the kernel's own device; what arrives on a wire is the
# same.
#
#     diff: vx0 ... out0 (172.16.1.1, br-k's Ethernet address) |==| in0
case_differ() {
    local encap=$1 outer=$2 csum=$3 udp=udpcsum mac words ovs kernel
    nl_can_link "$encap" || { LACKS="no $encap devices"; return; }
    case $outer$csum in
        4off) udp=noudpcsum ;;
        6on) udp="noudp6zerocsumtx noudp6zerocsumrx" ;;
        6off) udp="udp6zerocsumtx udp6zerocsumrx" ;;
    esac
    nl_tunnel_down
    nl_addresses kern "$outer"
    nl_vsctl ovs add-port br-int tun -- set Interface tun type="$encap" \
        options:remote_ip="$REMOTE" options:local_ip="$LOCAL" options:key=7 \
        options:csum="$(test "$csum" = on && echo true || echo false)"
    mac=$(nl_mac kern under1)
    nl_neigh ovs br-k "$REMOTE" "$mac"
    nl_ns diff && nl_veth diff out0 diff in0 && nl_wire diff out0 &&
        nl_ip diff link set out0 address "$(nl_mac ovs br-k)" &&
        nl_ip diff addr add 172.16.1.1/24 dev out0 &&
        nl_ip diff addr add fd00:1::1/64 dev out0 nodad &&
        nl_ip diff neigh replace "$REMOTE" lladdr "$mac" dev out0 \
        || problem "cannot set up"
    in_ns diff ethtool -K in0 gro off
    words="remote $REMOTE dstport 6081"
    test "$encap" = geneve || words="local $LOCAL remote $REMOTE dstport 4789"
    # shellcheck disable=SC2086
    nl_ip diff link add vx0 mtu 1450 type "$encap" id 7 $words df set $udp &&
        nl_ip diff link set vx0 up || problem "cannot set up vx0"

    nl_stats ovs under0 "$encap" >"$TMP/stats.0"
    nl_capture_start kern under1 "$TMP/ovs.cap" || problem "no tcpdump"
    rows differ_send "$(sed -n 's/^i/vm vm0 i/p' <<<"$KINDS")"
    nl_capture_stop
    nl_stats ovs under0 "$encap" >"$TMP/stats.1"
    nl_capture_start diff in0 "$TMP/kernel.cap" || problem "no tcpdump"
    rows differ_send "$(sed -n 's/^i/diff vx0 i/p' <<<"$KINDS")"
    nl_capture_stop
    is "counted" "$(nl_counted "$TMP/stats.0" "$TMP/stats.1")" \
        "kernel 36 $((12 * 60))"
    words=$(superpacket kern same 20 "$TMP/ovs.cap" "$TMP/kernel.cap" 2>&1) \
        || problem "$words"
    is "segments" "$words" $((12 * 60))
    nl_ns_del diff
    world_again
}
# shellcheck disable=SC2086
differ_send() {
    superpacket "$1" send "$2" $SENT "${@:3}" || problem "not sent: ${*:3}"
}

# case_vlan ENCAP OUTER wire|uncut: a flow pushes a tag in front of the packet
# that has just got its tunnel's headers.  The other end's takes it away.
case_vlan() {
    local ns port n method=kernel
    nl_tunnel_down
    if test "$3" = uncut; then
        method=hw
        nl_underlays nl_tso
        eventually port_method_is under2 "$1" "$2" hw
    fi
    nl_tunnel_up "$1" "$2" on far || { problem "cannot set up"; return; }
    for ns in ovs far; do
        port=$(nl_vsctl $ns get Interface \
            "$(test $ns = ovs && echo under2 || echo under3)" ofport)
        nl_ofctl $ns add-flow br-o \
            "in_port=LOCAL,actions=mod_vlan_vid:30,mod_vlan_pcp:5,output:$port"
        nl_ofctl $ns add-flow br-o \
            "in_port=$port,dl_vlan=30,actions=strip_vlan,LOCAL"
        nl_ofctl $ns add-flow br-o "priority=9,in_port=$port,actions=drop"
    done
    test "$3" = uncut || nl_capture_start far under3 "$TMP/cap" \
        || problem "tcpdump does not start"
    nl_stats ovs under2 "$1" >"$TMP/stats.0"
    nl_through 4 "$TMP/little" "$LITTLE_SHA"
    nl_through 6 "$TMP/little" "$LITTLE_SHA"
    nl_stats ovs under2 "$1" >"$TMP/stats.1"
    read -r n _ < <(nl_counted "$TMP/stats.0" "$TMP/stats.1")
    is "methods" "$n" $method
    if test "$3" = wire; then
        nl_capture_stop
        nl_judged "$2" on
        is "tags" "$(tshark -n -r "$TMP/cap" -Y udp -T fields -e vlan.id \
            -e vlan.priority 2>>"$TMP/tshark.err" | sort -u)" $'30\t5'
        test "$PACKETS" -gt 3000 || problem "only $PACKETS packets"
    fi
    for ns in ovs far; do
        nl_ofctl $ns del-flows br-o
        nl_ofctl $ns add-flow br-o actions=NORMAL
    done
    test "$3" = wire || nl_underlays nl_wire
    world_again
}
# port_method_is PORT ENCAP OUTER METHOD: the plan says that, with a checksum.
port_method_is() {
    nl_appctl ovs tnl-gso/show "$1" | awk -v e="$2" -v o="ipv$3" -v m="$4" \
        '$1 == e && $2 == o && $3 == "yes" && $4 == m { ok = 1 }
         END { exit !ok }'
}

# ---------------------------------------------------------------------------
# Other daemons.
# ---------------------------------------------------------------------------

# Two ovs-vswitchd in two namespaces have relays of the same names.
case_netns() {
    nl_tunnel_down
    nl_tunnel_up vxlan 4 on far || problem "cannot set up"
    nl_tcp_whole vm vm2 10.0.0.3 "$TMP/data" "$SHA"
    nl_tcp_whole vm2 vm 10.0.0.1 "$TMP/data" "$SHA"
    is "relays here" "$(relay_names ovs)" ovs-relay0
    is "relays there" "$(relay_names far)" ovs-relay0
    world_again
}
# relay_names NS: in one line.
relay_names() {
    nl_ip "$1" -br link show | grep -o '^ovs-relay[0-9]*' | sort \
        | paste -s -d ' '
}

# Two ovs-vswitchd in one namespace, of which the second one, "two", has dummy
# bridges, since there can be one device ovs-netdev only.
#
#     vmb: vm0 == vmbp, br-b, tun ... br-kb -- under6 |==| under7 :kern
case_twice() {
    moves "the first, alone" kernel
    is "relays, one daemon" "$(relay_names ovs)" ovs-relay0
    two_up || { problem "cannot set up"; two_down; return; }
    two_sends "at first"
    is "relays, two daemons" "$(relay_names ovs)" "ovs-relay0 ovs-relay1"
    nl_ip ovs -d link show ovs-relay1 | grep -q 'alias .* to under6' \
        || problem "ovs-relay1 is whose? $(nl_ip ovs -d link show ovs-relay1)"
    moves "the first, beside the second" kernel

    nl_vsctl ovs del-port br-k under0
    is "relays, del-port" "$(relay_names ovs)" ovs-relay1
    two_sends "without the first's port"
    nl_vsctl ovs add-port br-k under0
    nl_neigh ovs br-k 172.16.1.2 "$(nl_mac kern under1)"
    eventually has_relay
    moves "the first, again" kernel
    is "relays, add-port" "$(relay_names ovs)" "ovs-relay0 ovs-relay1"

    kill -KILL "${NL_VSWITCHD[two]}"
    end "${NL_VSWITCHD[two]}"
    unset "NL_VSWITCHD[two]"
    eventually one_relay
    is "relays, second killed" "$(relay_names ovs)" ovs-relay0
    moves "the first, left alone" kernel
    is "relay_down" "$(event relay_down)" 0
    two_down
}
one_relay() { test "$(relays)" = 1; }
two_up() {
    # The same namespace by another name.
    ip netns attach two "${NL_VSWITCHD[ovs]}" && nl_ns vmb || return
    nl_veth vmb vm0 ovs vmbp
    nl_veth ovs under6 kern under7
    nl_tso vmb vm0
    nl_wire ovs under6
    nl_wire kern under7
    NL_VSWITCHD_ARGS=(--enable-dummy)
    nl_ovs two true || return
    NL_VSWITCHD_ARGS=()
    nl_vsctl two add-br br-kb -- set Bridge br-kb datapath_type=dummy \
        other-config:hwaddr=02:00:00:06:00:01 -- add-port br-kb under6 \
        -- add-br br-b -- set Bridge br-b datapath_type=dummy \
        -- add-port br-b vmbp -- add-port br-b tun -- set Interface tun \
        type=vxlan options:remote_ip=172.16.6.2 options:key=7 \
        options:csum=true || return
    # No options:local_ip: what is known of the addresses of dummy bridges is
    # forgotten when the kernel's routes change.
    nl_appctl two netdev-dummy/ip4addr br-kb 172.16.6.1/24 &&
        nl_appctl two ovs/route/add 172.16.6.1/24 br-kb || return
    nl_neigh two br-kb 172.16.6.2 "$(nl_mac kern under7)"
} >/dev/null
two_down() {
    local pid
    for pid in ${NL_VSWITCHD[two]:-} ${NL_OVSDB[two]:-}; do
        end "$pid"
    done
    unset "NL_VSWITCHD[two]" "NL_OVSDB[two]"
    nl_ip ovs link del under6
    nl_ns_del vmb two
}
# two_sends WHAT: the second's superpackets arrive, through its relay.
# shellcheck disable=SC2086
two_sends() {
    local words
    nl_stats two under6 vxlan >"$TMP/stats.0"
    nl_capture_start kern under7 "$TMP/two.cap" udp || problem "no tcpdump"
    superpacket vmb send vm0 $SENT || problem "$1: the second's not sent"
    nl_capture_stop
    nl_stats two under6 vxlan >"$TMP/stats.1"
    words=$(superpacket kern check "$TMP/two.cap" $SENT 2>&1) \
        || problem "$1: the second's: $words"
    is "$1: the second's" "$(nl_counted "$TMP/stats.0" "$TMP/stats.1")" \
        "kernel 3 60"
}
