# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# shellcheck shell=bash disable=SC2154
# Cases of tests/run-rco with packets from rco_packets.py, right and malformed.
# To be sourced by it; PROBLEMS is what went wrong.

# inject OUTER GROUP...: packets from kern reach a machine whose port takes no
# pending checksums; exactly the right ones, as they have to.
inject() {
    local encap=$1 outer=$2 said
    shift 2
    counters ovs
    nl_capture_start vm vm0 "$TMP/cap"
    said=$(packets kern send under1 "$(nl_mac ovs br-k)" $encap $outer "$@") \
        || problem "$said"
    eventually inject_counted "$@"
    eventually packets vm arrived "$TMP/cap" $encap $outer "$@"
    nl_capture_stop
    said=$(packets vm arrived "$TMP/cap" $encap $outer "$@") \
        || problem "$said"
}

# inject_counted GROUP...: trains count as one packet, if it has become one.
inject_counted() {
    diff <(packets vm counts "$@") \
        <(dropped ovs; test $1 = train || dropped ovs event) && return
    echo "counted, should be < and is >"
    return 1
}

# inject_setup ENCAP OUTER [options]
inject_setup() {
    NL_VXLAN=()
    # Nobody is at the other end but rco_packets.py.
    nl_addresses kern "$2"
    nl_vsctl ovs add-port br-int tun -- set Interface tun type="$1" \
        options:remote_ip="$REMOTE" options:local_ip="$LOCAL" \
        options:key=7 "${@:3}" || return 1
    nl_wire ovs vm0p
    nl_ofctl ovs add-flow br-int priority=90,in_port=tun,actions=output:vm0p
}

inject_teardown() {
    normal
    nl_tso ovs vm0p
}

received() {
    inject_setup $1 $2 options:remote_csum_rx=true || return 1
    inject $1 $2 good stricter wrong malformed outer unsummed \
        $(test $1 = vxlan && echo reserved || echo geneve)
    inject_teardown
}

# Several packets at once, which may come out of the tunnel as one; behind a
# port that cuts nothing, it does not matter.
trains() {
    inject_setup $1 $2 options:remote_csum_rx=true || return 1
    nl_underlays nl_tso
    inject $1 $2 train
    test "$(counted ovs rx_train_merged)" -gt 5 \
        || problem "merged $(counted ovs rx_train_merged) trains"
    nl_underlays nl_wire
    inject_teardown
}

other_trains-vxlan-4() { trains vxlan 4; }
other_trains-vxlan-6() { trains vxlan 6; }
other_trains-geneve-4() { trains geneve 4; }

other_received-vxlan-4() { received vxlan 4; }
other_received-vxlan-6() { received vxlan 6; }
other_received-geneve-4() { received geneve 4; }
other_received-geneve-6() { received geneve 6; }

# A machine that takes pending checksums believes them: it must not be told of
# wrong ones that they are pending.  Its kernel counts.
other_believed() {
    nl_ip vm addr add 10.4.5.6/32 dev vm0
    nl_ip vm addr add fd00::4:5:6/128 dev vm0 nodad
    inject_setup vxlan 4 options:remote_csum_rx=true || return 1
    nl_tso ovs vm0p
    nl_ofctl ovs add-flow br-int "priority=91,in_port=tun,actions=$(
        )mod_dl_dst:$(nl_mac vm vm0),output:vm0p"
    nstat_mark vm TcpInCsumErrors TcpOutRsts Udp6InCsumErrors Udp6NoPorts \
        UdpInCsumErrors UdpNoPorts
    packets kern send under1 "$(nl_mac ovs br-k)" vxlan 4 good wrong
    # Of 11 right ones over TCP, IPv6 has no way back for 3.
    eventually nstat_is vm "TcpInCsumErrors=6 TcpOutRsts=8 Udp6InCsumErrors=0 $(
        )Udp6NoPorts=1 UdpInCsumErrors=2 UdpNoPorts=5 "
    inject_teardown
    nl_ip vm addr del 10.4.5.6/32 dev vm0
    nl_ip vm addr del fd00::4:5:6/128 dev vm0
}

refused() {
    inject_setup $1 4 || return 1
    inject $1 4 off $(test $1 = vxlan || echo geneve-off)
    inject_teardown
}

other_refused-vxlan() { refused vxlan; }
other_refused-geneve() { refused geneve; }
