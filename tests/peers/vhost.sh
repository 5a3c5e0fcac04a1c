# Licensed under the Apache License, Version 2.0; see LICENSE.

# The rows of tests/run-peers whose virtual machine is behind vhost-user, on
# Open vSwitch with DPDK ($DPDK_BUILD).  No hardware, no huge pages.
#
#    guest                    namespace dpdk
#  +----------------------+ +-----------------------------------------------
#  | vm0: eth1 10.0.0.1 --|-|- vhu0               sys0 ----- veth .
#  | vm1: eth2 10.0.0.3 --|-|- vhu1   tun .. br-u  afp ----- veth .
#  |                      | |  br-int    172.16.1.1 tap ----- tap0 .
#  | eth0 172.16.1.2 -----|-|--------- under ----------- Linux bridge --- k1
#  |   t0 10.0.0.2        | +-----------------------------------------------
#  +----------------------+   namespace kern: k1 172.16.1.3, t0 10.0.0.2
#
#   vm0, vm1  namespaces of the guest's kernel, which cuts nothing itself where
#             virtio lets it: vm0's card has all features, vm1's has none.
#   sys0      a kernel port with all offloads: gives and takes trains, and the
#             superpackets of the vxlan device in "kern".
#   afp, tap  DPDK's net_af_packet and net_tap: no tunnel TSO, so segments are
#             cut in mbufs.
#   under     a tap of QEMU's without offloads: what passes is final.
#
# Flows connect the ports of a row with each other, and no others.
#
# To be sourced after guest-lib.sh.  Of run-peers it uses SIZE, host_data,
# guest_data and lost.

# port    sys0, afp or tap.
# peer    guest: the guest's own tunnel; kern: the machine's, VXLAN only;
#         vm1: no tunnel.
# method  As in run-peers, of what the machine sends; "-": no superpackets.
# extra   "-" or, comma-separated:
#         vlan    vm0 puts a tag into what it sends
#         notso   vm0's kernel cuts
#         nocsum  vm0's kernel completes checksums
#         vm1     the machine is vm1 instead: the same, and can take nothing
#         whole   what comes back arrives as superpackets
#         trains  other_config:tnl-gso-methods=udp-gso,software
#         ecn     what vm0 sends at first is marked CE on its way
VHOST_CASES="
#encap outer csum inner port peer  method   extra
vxlan  4     on   4     afp  guest software -
vxlan  4     off  4     tap  guest software -
vxlan  6     on   6     tap  guest software -
vxlan  4     on   6     sys0 guest hw       -
vxlan  6     off  4     sys0 guest hw       -
geneve 4     on   4     afp  guest software -
geneve 4     off  6     afp  guest software -
geneve 6     on   4     afp  guest software vlan
geneve 6     off  6     tap  guest software -
geneve 4     on   4     tap  guest software -
geneve 4     on   4     sys0 guest udp-gso  trains
gre    4     on   4     afp  guest software -
gre    6     off  6     tap  guest software -
vxlan  4     on   4     afp  guest -        notso
geneve 6     on   4     tap  guest -        notso,nocsum
geneve 4     on   4     sys0 guest -        vm1
vxlan  4     on   4     tap  guest -        vm1
geneve 4     on   4     afp  guest software ecn
vxlan  4     on   4     sys0 kern  udp-gso  whole,trains
vxlan  6     on   6     sys0 kern  hw       whole
vxlan  4     off  4     sys0 kern  hw       whole
vxlan  4     on   4     sys0 kern  -        vm1
vxlan  4     on   4     afp  kern  software -
plain  -     -    4     -    vm1   software -
plain  -     -    6     -    vm1   software -
"

vhost_name() {
    local name="vhost $1 outer=$2 csum=$3 inner=$4 port=$5 peer=$6"
    test "$8" = - || name="$name $8"
    echo "$name"
}

# vhost_build: prints why there is no build with DPDK, and fails.
vhost_build() {
    local source newer
    test -x "$DPDK_BUILD/vswitchd/ovs-vswitchd" &&
        grep -q '^#define DPDK_NETDEV 1' "$DPDK_BUILD/config.h" ||
        { echo "no Open vSwitch with DPDK (make build-dpdk)"; return 1; }
    source=$(sed -n 's/^abs_top_srcdir *= *//p' "$DPDK_BUILD/Makefile")
    newer=$(find -L "$source/lib" -name '*.[ch]' \
            -newer "$DPDK_BUILD/vswitchd/ovs-vswitchd" -print -quit)
    test -z "$newer" || {
        echo "Open vSwitch with DPDK is older than ${newer##*/}" \
             "(make build-dpdk)"
        return 1
    }
}

# ---------------------------------------------------------------------------
# The world.
# ---------------------------------------------------------------------------

VHOST_MAC=(02:00:00:07:00:01 02:00:00:07:00:02)
VHOST_UNDER=02:00:00:05:00:01

vhost_up() {
    local off="csum=off,gso=off,guest_csum=off,guest_tso4=off,guest_tso6=off"
    local args=() features i link

    NET=1
    off=$off,guest_ecn=off,guest_ufo=off,host_tso4=off,host_tso6=off
    off=$off,host_ecn=off,host_ufo=off
    nl_ns dpdk kern || return 1
    nl_ip dpdk link add kbr up type bridge mcast_snooping 0 || return 1
    # sys0 has all offloads, and so has the way to kern: superpackets and
    # trains stay whole as far as the bridge.  DPDK's port does not take them.
    nl_veth dpdk sys0 dpdk sys1 && nl_veth dpdk k0 kern k1 &&
        nl_veth dpdk afp0 dpdk afp1 || return 1
    nl_tso dpdk sys0 && nl_tso dpdk sys1 && nl_tso dpdk k0 && nl_tso kern k1
    nl_wire dpdk afp0
    nl_wire dpdk afp1
    for link in sys1 k0 afp1; do
        nl_ip dpdk link set $link master kbr
    done
    nl_ip kern addr add 172.16.1.3/24 dev k1
    nl_ip kern addr add fd00:1::3/64 dev k1 nodad
    in_ns kern sysctl -qw net.ipv4.tcp_wmem="4096 16384 131072"

    # QEMU waits until Open vSwitch has connected to its sockets.
    vhost_ovs || return 1
    args=(-object memory-backend-memfd,id=memory,size=256M,share=on
          -machine memory-backend=memory
          -netdev "tap,id=under,ifname=under,script=no,downscript=no"
          -device "virtio-net-pci,romfile=,netdev=under,mac=$VHOST_UNDER,$off")
    for i in 0 1; do
        # With vectors, QEMU 7.2 crashes.
        features=vectors=0,mac=${VHOST_MAC[i]}
        test $i = 0 || features=$features,$off
        args+=(-chardev "socket,id=vhu$i,path=$TMP/vhu$i,server=on"
               -netdev "vhost-user,id=vhu$i,chardev=vhu$i"
               -device "virtio-net-pci,romfile=,netdev=vhu$i,$features")
    done
    guest_boot dpdk "${args[@]}" || return 1
    nl_ip dpdk link set under up master kbr

    guest "ip link set eth0 up && ip addr add 172.16.1.2/24 dev eth0 &&
           ip addr add fd00:1::2/64 dev eth0 nodad &&
           ethtool -K eth0 gro off && mkdir -p /run/netns" || return 1
    for i in "vm0 eth1 1" "vm1 eth2 3"; do
        # shellcheck disable=SC2086
        set -- $i
        guest "ip netns add $1 && ip link set $2 netns $1 &&
               ip -n $1 link set $2 mtu 1400 up &&
               ip -n $1 addr add 10.0.0.$3/24 dev $2 &&
               ip -n $1 addr add fd00:10::$3/64 dev $2 nodad" || return 1
    done
    for i in "" vm0 vm1; do
        guest "in_ns '$i' sysctl -qw net.ipv4.tcp_wmem='4096 16384 131072'" ||
            return 1
    done
    for i in 172.16.1.1 fd00:1::1; do
        guest "ip neigh replace $i lladdr $(nl_mac dpdk br-u) dev eth0
               nud permanent" || return 1
        nl_ip kern neigh replace $i lladdr "$(nl_mac dpdk br-u)" dev k1 \
            nud permanent || return 1
    done
    nl_learn_kernel
    guest_data
}

vhost_ovs() {
    local i
    dpdk_ovs dpdk true "" other_config:pmd-sleep-max=100 || return 1
    nl_underlay dpdk br-u 172.16.1.1/24 fd00:1::1/64 sys0 || return 1
    # More than one way to kbr would be a loop.
    nl_ofctl dpdk del-flows br-u || return 1
    nl_vsctl dpdk add-port br-u afp -- set Interface afp type=dpdk \
        options:dpdk-devargs=net_af_packet0,iface=afp0 \
        -- add-port br-u tap -- set Interface tap type=dpdk \
        options:n_rxq=2 options:dpdk-devargs=net_tap0,iface=tap0 || return 1
    nl_ip dpdk link set tap0 up master kbr || return 1
    nl_bridge dpdk br-int && nl_ofctl dpdk del-flows br-int || return 1
    for i in 0 1; do
        nl_vsctl dpdk add-port br-int vhu$i -- set Interface vhu$i \
            type=dpdkvhostuserclient \
            options:vhost-server-path="$TMP/vhu$i" || return 1
    done
}

# ---------------------------------------------------------------------------
# One row.
# ---------------------------------------------------------------------------

# vhost_options OUTER CSUM: of the tunnel to $HOST.
vhost_options() {
    local csum=true remote=172.16.1.$HOST
    test "$1" = 4 || remote=fd00:1::$HOST
    test "$2" = on || csum=false
    echo options:remote_ip=$remote options:csum=$csum options:key=7
}

# vhost_flows BRIDGE PORT PORT: all from one to the other, and nothing else.
vhost_flows() {
    printf 'priority=1,in_port=%s,actions=output:%s\n' "$2" "$3" "$3" "$2" |
        nl_ofctl dpdk replace-flows "$1" -
}

# vhost_row_up ENCAP OUTER CSUM PORT PEER EXTRA: sets
#
#   VM, BASE, DEVICE   the machine, its card, and what has its address
#   FROM4, FROM6       its addresses
#   PEER_NS, PEER_DEVICE, TO4, TO6
#                      the same of the other side, where that is in the guest
vhost_row_up() {
    local outer=$2 peer=$5 extra=,$6, net=10.0.0 net6=fd00:10 off=
    VM=vm0 BASE=eth1
    case $extra in *,vm1,*) VM=vm1 BASE=eth2 ;; esac
    DEVICE=$BASE
    case $extra in
        *,vlan,*)
            net=10.0.5 net6=fd00:15 DEVICE=$BASE.5
            vhost_vlan $VM $BASE $net.1 $net6::1 || return 1
            ;;
    esac
    FROM4=$net.1 FROM6=$net6::1 TO4=$net.2 TO6=$net6::2
    test $VM = vm0 || { FROM4=$net.3 FROM6=$net6::3; }
    case $extra in *,notso,*) off="tso off" ;; esac
    case $extra in *,nocsum,*) off="$off tx off" ;; esac
    test -z "$off" || guest "in_ns $VM ethtool -K $BASE $off" || return 1

    case $peer in
        vm1)
            PEER_NS=vm1 PEER_DEVICE=eth2 TO4=10.0.0.3 TO6=fd00:10::3
            vhost_flows br-int vhu0 vhu1
            return
            ;;
        guest) PEER_NS='' PEER_DEVICE=t0 HOST=2 MAC=$VHOST_UNDER ;;
        kern) PEER_NS='' PEER_DEVICE='' HOST=3 MAC=$(nl_mac kern k1) ;;
    esac
    vhost_flows br-u $4 LOCAL || return 1
    case $extra in *,trains,*)
        nl_vsctl dpdk set Interface sys0 \
            other_config:tnl-gso-methods=udp-gso,software || return 1
        ;;
    esac
    # Options, and below words for `ip link`.
    # shellcheck disable=SC2046
    nl_vsctl dpdk add-port br-int tun -- set Interface tun type="$1" \
        $(vhost_options $outer $3) || return 1
    vhost_flows br-int vhu${VM#vm} tun || return 1
    nl_neigh dpdk br-u 172.16.1.$HOST $MAC
    nl_neigh dpdk br-u fd00:1::$HOST $MAC
    if test $peer = kern; then
        # shellcheck disable=SC2046
        nl_ip kern link add t0 address 02:00:00:06:00:02 \
            type $(guest_tunnel "$1" $outer $3 -) || return 1
        nl_ip kern link set t0 mtu 1400 up
        nl_ip kern addr add $TO4/24 dev t0
        nl_ip kern addr add $TO6/64 dev t0 nodad
        return
    fi
    guest "ip link add t0 address 02:00:00:06:00:01
           type $(guest_tunnel "$1" $outer $3 -) &&
           ip link set t0 mtu 1400 up" || return 1
    case $extra in
        *,vlan,*) vhost_vlan "" t0 $TO4 $TO6 ;;
        *) guest "ip addr add $TO4/24 dev t0 &&
                  ip addr add $TO6/64 dev t0 nodad" ;;
    esac
}

# vhost_vlan GUEST-NS DEVICE IP4 IP6
vhost_vlan() {
    guest "in_ns '$1' ip link add link $2 name $2.5 type vlan id 5 &&
           in_ns '$1' ip link set $2.5 up &&
           in_ns '$1' ip addr add $3/24 dev $2.5 &&
           in_ns '$1' ip addr add $4/64 dev $2.5 nodad"
}

vhost_row_down() {
    case ,$2, in
        *,vlan,*) guest "ip -n $VM link del $DEVICE" ;;
        *,notso,*|*,nocsum,*)
            guest "in_ns $VM ethtool -K $BASE tx on tso on" ;;
        # The kernel's own setting: where the other side asks for it.
        *,ecn,*) guest "in_ns $VM sysctl -qw net.ipv4.tcp_ecn=2 &&
                        in_ns '$PEER_NS' sysctl -qw net.ipv4.tcp_ecn=2" ;;
    esac
    # The next row's peer has the same address.
    guest "ip -n $VM neigh flush dev $BASE"
    test "$1" != guest || guest "ip link del t0"
    test "$1" != kern || nl_ip kern link del t0
    ! nl_ovs_alive dpdk || nl_vsctl dpdk --if-exists del-port br-int tun \
        -- remove Interface sys0 other_config tnl-gso-methods
} >/dev/null

# vhost_errors PEER: what either end has against a packet.
vhost_errors() {
    guest errors $BASE $VM
    if test $1 = kern; then
        in_ns kern nstat -asz TcpInErrs TcpInCsumErrors UdpInErrors \
            UdpInCsumErrors UdpNoPorts Udp6InErrors Udp6InCsumErrors \
            Udp6NoPorts IpInHdrErrors Ip6InHdrErrors | sed 's/ [^ ]*$//'
        in_ns kern sh -c 'cd /sys/class/net/t0/statistics && grep . *errors'
    else
        guest errors $PEER_DEVICE $PEER_NS
    fi
}

# vhost_resent PEER: segments that TCP has sent twice.
vhost_resent() {
    local n
    n=$(guest counted RetransSegs $VM)
    if test $1 = kern; then
        n=$((n + $(in_ns kern nstat -asz TcpRetransSegs |
                   awk '$1 ~ /^Tcp/ { print $2 }')))
    else
        n=$((n + $(guest counted RetransSegs $PEER_NS)))
    fi
    echo $n
}

# vhost_drops: what Open vSwitch did not forward.  Upcalls can fail while ports
# come and go, with an ARP packet for instance; what matters is sent again.
vhost_drops() {
    local bridge
    nl_appctl dpdk coverage/show |
        awk '/^[a-z_]*_drop/ && !/upcall|userspace/ { print $1, $NF }'
    nl_stats dpdk all all | grep '^drop'
    for bridge in br-int br-u; do
        nl_ofctl dpdk -O OpenFlow14 dump-ports $bridge |
            awk -v bridge=$bridge '
                $1 == "port" { port = $2 }
                { gsub(",", "\n") }
                /_drops=[1-9]/ {
                    n = split($0, word, " ")
                    for (i = 1; i <= n; i++)
                        if (word[i] ~ /_drops=[1-9]/)
                            print bridge, port, word[i]
                }'
    done
}

# vhost_taken: "BYTES PACKETS" that the machine's card has received.
vhost_taken() {
    guest "in_ns $VM cat /sys/class/net/$BASE/statistics/rx_bytes \
           /sys/class/net/$BASE/statistics/rx_packets"
}

# vhost_differs WHAT FILE: a problem if FILE.0 and FILE.1
# are not the same.
vhost_differs() {
    cmp -s "$2.0" "$2.1" || problem "$1:
$(diff "$2.0" "$2.1" | grep '^>')"
}

# vhost_ecn: both ends have ECN, and what vm0 sends at first is marked CE on
# its way, until 200 kB have been captured; by a job whose pid is ECN.  (A flow
# that has some packets of a batch marked would have them overtake each other.)
vhost_ecn() {
    local flow="priority=9,in_port=vhu0,tcp,nw_ecn=2"
    ECN=0
    guest "in_ns $VM sysctl -qw net.ipv4.tcp_ecn=1 &&
           in_ns '$PEER_NS' sysctl -qw net.ipv4.tcp_ecn=1" || return 1
    nl_ofctl dpdk add-flow br-int \
        "$flow,actions=mod_nw_ecn:3,output:tun" || return 1
    {
        wait_for 15 vhost_captured 200000
        nl_ofctl dpdk --strict del-flows br-int "$flow"
    } &
    ECN=$!
}

# vhost_captured BYTES: the capture is as long as that.
vhost_captured() { test "$(stat -c %s "$TMP/cap")" -ge "$1"; }

# vhost_move FROM-NS TO-NS ADDRESS PEER: prints "ok" if the file has arrived.
vhost_move() {
    local sha want=$SHA_GUEST
    if test $4 != kern; then
        sha=$(in_guest "$1" "$2" "$3")
    elif test "$1" = "$VM"; then
        sha=$(from_guest kern "$3" $VM)
    else
        sha=$(to_guest kern "$3" $VM) want=$SHA_HERE
    fi
    test "$sha" != "$want" || echo ok
}

# vhost_counted PORT ENCAP WANT FILE MIN: checks METHOD SUPERPACKETS SEGMENTS
# between FILE.0 and FILE.1; at least MIN superpackets.
vhost_counted() {
    local counted method supers segs want=$3
    counted=$(nl_counted "$4.0" "$4.1")
    read -r method supers segs <<<"$counted"
    want=$(nl_method "$want" on)
    test "$method" = "$want" ||
        problem "$1: method is $method, should be $want"
    # 48 segments in the largest; TCP does not always send the largest.
    test "$want" = - || test "$supers" -ge "$5" -a "$segs" -ge $((2 * supers)) ||
        problem "$1: counted only $counted"
}

# vhost_judge OUTER CSUM: what has passed "under", and what of it t0 has taken.
vhost_judge() {
    local n taken
    # A capture may miss one, the guest must not.  tcpdump writes what is
    # inside of VXLAN on a line of its own.
    n=$(tcpdump -nr "$TMP/cap" "ether dst $VHOST_UNDER and (udp dst port
        6081 or udp dst port 4789 or ip proto 47 or ip6 proto 47)" \
        2>/dev/null | grep -c '^[0-9][0-9]:')
    taken=$(guest "cat /sys/class/net/t0/statistics/rx_packets")
    test "${taken:-0}" -ge "$n" -a "$n" != 0 ||
        problem "the guest's tunnel took $taken of $n packets"
    nl_judged $1 $2
    # Both directions, 1400 bytes each at most.
    test "$GOOD" -ge $((2 * SIZE / 1400)) ||
        problem "tshark judged only $GOOD TCP headers"
    test -n "${KEEP:-}" || rm -f "$TMP"/cap*
}

# vhost_case ENCAP OUTER CSUM INNER PORT PEER METHOD EXTRA
vhost_case() {
    local encap=$1 outer=$2 csum=$3 inner=$4 port=$5 peer=$6 want=$7 extra=$8
    local name there here p back=- vhu resent taken
    name=$(vhost_name "$@")
    begin "$name" || return 0
    if test $peer = kern && ! nl_can_link vxlan; then
        skip "$name: needs vxlan devices"
        return
    fi
    if ! vhost_row_up "$encap" $outer $csum $port $peer $extra; then
        verdict "cannot set up"
        vhost_row_down $peer $extra
        return
    fi
    test $peer != guest ||
        nl_capture_start dpdk under "$TMP/cap" ||
        lost "tcpdump does not start"
    there=$TO4 here=$FROM4 vhu=vhu${VM#vm}
    test $inner = 4 || { there=$TO6 here=$FROM6; }
    test $peer != vm1 || port=vhu1
    # What comes back is merged, or whole already.  It is cut again for a machine
    # that cannot take it.
    case ,$extra, in
        *,vm1,*) back=software ;;
        *) back=hw ;;
    esac
    vhost_errors $peer >"$TMP/errors.0"
    vhost_drops >"$TMP/drops.0"
    resent=$(vhost_resent $peer)
    nl_stats dpdk $port "$encap" >"$TMP/out.0"
    nl_stats dpdk $vhu plain >"$TMP/back.0"
    case ,$extra, in *,ecn,*) vhost_ecn || problem "no ECN" ;; esac

    test "$(vhost_move $VM "$PEER_NS" $there $peer)" = ok ||
        problem "SHA-256 differs at the peer"
    nl_stats dpdk $port "$encap" >"$TMP/out.1"
    taken=$(vhost_taken)
    if well; then
        test "$(vhost_move "$PEER_NS" $VM $here $peer)" = ok ||
            problem "SHA-256 differs in the virtual machine"
    fi
    nl_stats dpdk $vhu plain >"$TMP/back.1"
    # "$taken" is two words, and so is what comes second.
    # shellcheck disable=SC2046,SC2086
    set -- $taken $(vhost_taken)
    case ,$extra, in
        *,whole,*)
            p=$((($3 - $1) / ($4 - $2 + 1)))
            test $p -gt 3000 || problem "came back in packets of $p bytes"
            ;;
        *,ecn,*)
            test $ECN = 0 || wait $ECN
            test "$(guest counted TCPDeliveredCE $VM)" -gt 0 ||
                problem "no mark has arrived"
            ;;
    esac
    vhost_counted $port "$encap" "$want" "$TMP/out" 11
    # The guest, which has no KVM, sends slowly: few batches have two packets,
    # and of those some are not looked at.
    vhost_counted $vhu plain $back "$TMP/back" 1
    vhost_drops >"$TMP/drops.1"
    vhost_differs "Open vSwitch dropped packets" "$TMP/drops"
    resent=$(($(vhost_resent $peer) - resent))
    test $resent -le 10 || problem "$resent segments were sent twice"
    # Nothing is sent any more when the kernels' counters are read; and without
    # the tunnel the namespace would answer "port unreachable".
    ! nl_ovs_alive dpdk || nl_ofctl dpdk del-flows br-u
    vhost_errors $peer >"$TMP/errors.1"
    vhost_differs "the kernels' errors" "$TMP/errors"
    if test $peer = guest; then
        nl_capture_stop
        vhost_judge $outer $csum
    fi
    vhost_row_down $peer $extra
    alive
    verdict
    nl_ovs_alive dpdk || lost "ovs-vswitchd has crashed"
    well || guest_alive || lost "the guest does not answer any more"
}

# vhost_main: all rows that are selected.
vhost_main() {
    local why
    if ! why=$(vhost_build); then
        skip "vhost: $why"
        return
    fi
    need_build "$DPDK_BUILD"
    host_data
    vhost_up || {
        tail -n 30 "$TMP/ovs-dpdk/ovs-vswitchd.log"
        lost "cannot set up: vhost"
    }
    rows vhost_case "$VHOST_CASES"
    end "$GUEST_PID"
    nl_ovs_stop dpdk
}
