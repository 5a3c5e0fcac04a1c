# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# The world that is drawn in tests/demo, and the tunnels in it.  To be sourced
# after netns-lib.sh.

# ---------------------------------------------------------------------------
# Namespaces and both Open vSwitch.
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
    # Nobody but vx0 answers for 10.0.0.2: nothing must get around the tunnel.
    in_ns kern sysctl -qw net.ipv4.conf.all.arp_ignore=1

    # A packet socket's receive buffer is net.core.rmem_default, which is the
    # whole machine's and stays as it is; its 208 kB hold three superpackets.
    # A sender that keeps less than that in flight loses nothing there.
    in_ns vm sysctl -qw net.ipv4.tcp_wmem="4096 16384 262144"
    # At the far Open vSwitch they hold about ninety segments.
    in_ns vm2 sysctl -qw net.ipv4.tcp_rmem="4096 131072 131072"
}

# nl_world_ovs TSO(true|false): both Open vSwitch, and their bridges.
nl_world_ovs() {
    nl_ovs ovs "$1" || return 1
    nl_underlay ovs br-k 172.16.1.1/24 fd00:1::1/64 under0 || return 1
    nl_underlay ovs br-o 172.16.2.1/24 fd00:2::1/64 under2 || return 1
    nl_bridge ovs br-int -- add-port br-int vm0p -- add-port br-int plain0 \
        || return 1
    nl_ovs far "$1" || return 1
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
    nl_ip ovs link set vmi netns vmt || return 1
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

# nl_world_is TSO(on|off): what the next case needs.
nl_world_is() {
    local want=true
    test "$1" = on || want=false
    test "$NL_TSO" = $want || nl_world_up $want \
        || die "cannot start Open vSwitch"
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

# ---------------------------------------------------------------------------
# Tunnels.
# ---------------------------------------------------------------------------

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
    local type=$1 outer=$2 csum=true peer=$4 udp=udpcsum there=()
    test "$3" = on || csum=false
    case $2$3 in
        4off) udp=noudpcsum ;;
        6on) udp="noudp6zerocsumtx noudp6zerocsumrx" ;;
        # Linux drops UDP without checksum over IPv6 unless it is told.
        6off) udp="udp6zerocsumtx udp6zerocsumrx" ;;
    esac
    shift 4
    nl_addresses "$peer" "$outer"
    if test "$type" = srv6; then
        # It has no key, and one segment.
        there=(options:srv6_segs="$LOCAL" "$@")
        set -- options:srv6_segs="$REMOTE" "$@"
    else
        set -- options:csum="$csum" options:key=7 "$@"
        there=("$@")
    fi
    nl_vsctl ovs add-port br-int tun -- set Interface tun type="$type" \
        options:remote_ip="$REMOTE" options:local_ip="$LOCAL" \
        "$@" || return 1
    case $peer in
    kern)
        nl_neigh ovs br-k "$REMOTE" "$(nl_mac kern under1)"
        nl_kernel_vxlan kern "$REMOTE" "$LOCAL" "$udp" || return 1
        nl_ip kern addr add 10.0.0.2/24 dev vx0
        nl_ip kern addr add fd00:10::2/64 dev vx0 nodad
        ;;
    far)
        nl_neigh ovs br-o "$REMOTE" "$(nl_mac far br-o)"
        nl_vsctl far add-port br-int tun -- set Interface tun type="$type" \
            options:remote_ip="$LOCAL" options:local_ip="$REMOTE" \
            "${there[@]}" || return 1
        nl_neigh far br-o "$LOCAL" "$(nl_mac ovs br-o)"
        ;;
    esac
    case $type in gtpu|srv6) nl_l3_machines ;; esac
}

# nl_kernel_vxlan NS LOCAL REMOTE UDP: the kernel's device, "vx0".  UDP is a list
# of words.
nl_kernel_vxlan() {
    # The same Ethernet address each time: the virtual machine remembers it.
    # shellcheck disable=SC2086
    nl_ip "$1" link add vx0 address 02:00:00:02:00:01 type vxlan id 7 \
        dstport 4789 local "$2" remote "$3" $4 "${NL_VXLAN[@]}" &&
        nl_ip "$1" link set vx0 mtu 1400 up
}

# nl_l3_tunnel NS BRIDGE TUN PORT MAC: lets IP, without an Ethernet header, go
# from PORT of BRIDGE to TUN and back, to MAC, until nl_l3_tunnel_down().
nl_l3_tunnel() {
    local flow
    for flow in "in_port=$3,actions=mod_dl_dst:$5,output:$4" \
                "ip,in_port=$4,actions=output:$3" \
                "ipv6,in_port=$4,actions=output:$3"; do
        nl_ofctl $1 add-flow $2 "cookie=3,priority=100,$flow" || return 1
    done
}

nl_l3_tunnel_down() { nl_ofctl $1 del-flows $2 cookie=3/-1 2>/dev/null; }

# nl_l3_machines: the tunnel "tun" takes IP only, so that nobody can ask for
# Ethernet addresses through it.
nl_l3_machines() {
    local mac=$(nl_mac vm vm0) mac2=$(nl_mac vm2 vm0) ip
    for ip in 10.0.0. fd00:10::; do
        nl_ip vm neigh replace ${ip}3 lladdr $mac2 dev vm0
        nl_ip vm2 neigh replace ${ip}1 lladdr $mac dev vm0
    done
    nl_l3_tunnel ovs br-int tun vm0p $mac &&
        nl_l3_tunnel far br-int tun vm0p $mac2
}

nl_l3_machines_down() {
    local ip
    nl_l3_tunnel_down ovs br-int
    nl_l3_tunnel_down far br-int
    for ip in 10.0.0. fd00:10::; do
        nl_ip vm neigh del ${ip}3 dev vm0 2>/dev/null
        nl_ip vm2 neigh del ${ip}1 dev vm0 2>/dev/null
    done
}

nl_tunnel_down() {
    nl_l3_machines_down
    nl_vsctl ovs --if-exists del-port br-int tun
    nl_vsctl far --if-exists del-port br-int tun
    nl_ip kern link del vx0 2>/dev/null
}

# nl_evidence: what each Open vSwitch thinks of its neighbours, stations and flows,
# for whoever has to find out why nothing arrives.
nl_evidence() {
    local ns command
    for ns in "${!NL_VSWITCHD[@]}"; do
        for command in tnl/neigh/show "fdb/show br-int" dpctl/dump-flows; do
            echo "  $ns: $command"
            # shellcheck disable=SC2086
            nl_appctl "$ns" $command 2>&1 | cut -c 1-300 | head -n 30 \
                | sed 's/^/    /'
        done
    done
}

# nl_tap_underlay NS: bridge br-t of "ovs", whose port undert, a tap, is in NS.
nl_tap_underlay() {
    nl_bridge ovs br-t other-config:hwaddr=02:00:00:03:00:01 -- \
        add-port br-t undert -- set Interface undert type=internal || return 1
    nl_ip ovs addr add 172.16.3.1/24 dev br-t
    nl_ip ovs addr add fd00:3::1/64 dev br-t nodad
    nl_ip ovs link set br-t up
    nl_ip ovs link set undert netns "$1" && nl_ip "$1" link set undert up
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
    nl_tap_underlay kern || return 1
    nl_ip kern addr add 172.16.3.2/24 dev undert
    nl_ip kern addr add fd00:3::2/64 dev undert nodad
    nl_vsctl ovs add-port br-int tun -- set Interface tun type=vxlan \
        options:remote_ip=$you options:key=7 \
        options:csum="$(test "$csum" = on && echo true || echo false)"
    nl_neigh ovs br-t $you "$(nl_mac kern undert)"
    nl_ip kern link add vx0 address 02:00:00:02:00:01 type vxlan id 7 \
        dstport 4789 local $you remote $me "${udp[@]}" \
        "${NL_VXLAN[@]}" || return 1
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
        remote 10.0.0.4 $udp "${NL_VXLAN[@]}" || return 1
    nl_ip kern link add vx0 type vxlan id 9 dstport 4789 local 10.0.0.4 \
        remote 10.0.0.1 $udp "${NL_VXLAN[@]}" || return 1
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

# nl_nested NET TYPE [options...]: br-n of both Open vSwitch, whose addresses can
# be reached only through the tunnel "ntun" between NET1 and NET2, those of br-o.
#
#     br-int -- tun ... br-n (172.16.9.1, fd00:9::1) -- ntun ... br-o -- under2
#
nl_nested() {
    local net=$1 type=$2 ns me=1 you=2 address
    shift 2
    for ns in ovs far; do
        nl_bridge $ns br-n "other-config:hwaddr=02:00:00:04:00:0$me" -- \
            add-port br-n ntun -- set Interface ntun type="$type" \
            options:remote_ip=$net$you "$@" || return 1
        nl_ip $ns addr add 172.16.9.$me/24 dev br-n
        nl_ip $ns addr add fd00:9::$me/64 dev br-n nodad
        nl_ip $ns link set br-n up
        for address in 172.16.9.$you fd00:9::$you; do
            nl_neigh $ns br-n $address 02:00:00:04:00:0$you
        done
        me=2 you=1
    done
    nl_neigh ovs br-o ${net}2 "$(nl_mac far br-o)"
    nl_neigh far br-o ${net}1 "$(nl_mac ovs br-o)"
}

# nl_nested_tunnel TYPE [options...]: "tun" through it.
nl_nested_tunnel() {
    local type=$1 ns you=2
    shift
    for ns in ovs far; do
        nl_vsctl $ns add-port br-int tun -- set Interface tun type="$type" \
            options:remote_ip=172.16.9.$you options:key=7 "$@" || return 1
        you=1
    done
}

nl_nested_down() {
    nl_vsctl ovs --if-exists del-br br-n
    nl_vsctl far --if-exists del-br br-n
}

# ---------------------------------------------------------------------------
# Traffic that has to arrive whole.
# ---------------------------------------------------------------------------

# nl_through INNER DATA SHA256: between "vm" and "vm2", a file each way, and UDP
# superpackets, all of whose datagrams have to arrive.
nl_through() {
    local here=10.0.0.1 there=10.0.0.3 words
    test "$1" = 4 || { here=fd00:10::1; there=fd00:10::3; }
    nl_tcp_whole vm vm2 $there "$2" "$3"
    nl_tcp_whole vm2 vm $here "$2" "$3"
    words=$(nl_udp vm vm2 $there plain 1 5 1200:24000 900:9500) \
        || problem "UDP to $there failed: $(cat "$TMP/udp.err")"
    is "UDP to $there" "$words" "$((31 * 5)) 0 0 0 0 0 0"
}

# nl_tcp_whole FROM TO ADDRESS DATA SHA256
nl_tcp_whole() {
    local sha rest
    read -r sha rest < <(nl_tcp "$1" "$2" "$3" "$4" 20)
    test "$sha" = "$5" || problem "TCP to $3: got '$sha $rest'"
}
