# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Tunnels in tunnels, in the world that is drawn in tests/demo.  To be sourced
# after world-lib.sh.
#
#   vm -- br-int -- tun ... br-n -- ntun ... br-k or br-o ======= the other end
#                    A   172.16.9.1  B      172.16.[12].1
#
# The other end of A and of B is the kernel's device ("k") or the other Open
# vSwitch ("o"), B's first:
#
#   kk   kern: under1 ... mid, the device of B, 172.16.9.2 ... vx0, 10.0.0.2
#   ko   far:  mid, whose underlay is that of kk, is a port of br-n; vm2
#   ok   far:  under3, br-o ... br-n, 172.16.9.2 ... vx0, 10.0.0.2
#   oo   far:  under3, br-o ... br-n ... br-int; vm2
#
# vm and its peer can have another tunnel, C, a VXLAN of the kernel's: 10.0.9.1
# and 10.0.9.2.

# The UDP port of B if it is a VXLAN, so that the two are different ports.
NESTED_PORT=4799

# nested_end FAR: sets NET and UNDER, network and port of the wire, WIRE, its
# other end, PEER, the namespace that TCP goes to, and P, the last number of
# its address.
nested_end() {
    case $1 in
        kk) NET=1 UNDER=under0 WIRE=kern/under1 PEER=kern P=2 ;;
        ko) NET=1 UNDER=under0 WIRE=kern/under1 PEER=vm2 P=3 ;;
        ok) NET=2 UNDER=under2 WIRE=far/under3 PEER=far P=2 ;;
        oo) NET=2 UNDER=under2 WIRE=far/under3 PEER=vm2 P=3 ;;
    esac
}

# nested_addr NET VERSION NUMBER: one on a network 172.16.NET.0/24.
nested_addr() {
    test $2 = 4 && echo 172.16.$1.$3 || echo fd00:$1::$3
}

# nested_bool on|off
nested_bool() { test $1 = on && echo true || echo false; }

# nested_kernel NS NAME ENCAP ID PORT LOCAL REMOTE VERSION CSUM MTU: a device
# of the kernel's.
nested_kernel() {
    local words=() ns=$1 name=$2
    case $3 in
        vxlan) words=(vxlan id $4 dstport $5 local $6 remote $7) ;;
        geneve) words=(geneve id $4 dstport 6081 remote $7) ;;
        gre)
            words=(gretap key $4 local $6 remote $7)
            test $8 = 4 || words[0]=ip6gretap
            test $9 = off || words+=(csum)
            ;;
    esac
    case $3/$8/$9 in
        gre/*) ;;
        */4/on) words+=(udpcsum) ;;
        */4/off) words+=(noudpcsum) ;;
        */6/on) words+=(noudp6zerocsumtx noudp6zerocsumrx) ;;
        */6/off) words+=(udp6zerocsumtx udp6zerocsumrx) ;;
    esac
    # The same Ethernet address each time: the other end remembers it.
    nl_ip $ns link add $name address 02:00:00:04:00:0$4 mtu ${10} type \
        "${words[@]}" && nl_ip $ns link set $name up
}

# nested_kernel_has ENCAP VERSION: does the kernel make such a device?
nested_kernel_has() {
    case $1$2 in
        gre4) nl_can_link gretap ;;
        gre6) nl_can_link ip6gretap ;;
        *) nl_can_link $1 ;;
    esac
}

# nested_port NS BRIDGE NAME ENCAP KEY PORT LOCAL REMOTE CSUM: Open vSwitch's.
nested_port() {
    local options=(options:key=$5 options:csum=$(nested_bool $9))
    test $4 != vxlan || options+=(options:dst_port=$6)
    nl_vsctl $1 add-port $2 $3 -- set Interface $3 type=$4 \
        options:local_ip=$7 options:remote_ip=$8 "${options[@]}"
}

# nested_bridge NS NUMBER: br-n, with its addresses.
nested_bridge() {
    nl_bridge $1 br-n other-config:hwaddr=02:00:00:04:01:0$2 || return 1
    nl_ip $1 addr add 172.16.9.$2/24 dev br-n
    nl_ip $1 addr add fd00:9::$2/64 dev br-n nodad
    nl_ip $1 link set br-n up
}

# nested_mid B VERSION CSUM: the kernel's device of B, in "kern".
nested_mid() {
    nested_kernel kern mid $1 2 $NESTED_PORT $(nested_addr 1 $2 2) \
        $(nested_addr 1 $2 1) $2 $3 1430
}

# nested_up FAR A VERSION CSUM B VERSION CSUM: nested_end() comes first.
nested_up() {
    local far=$1 a=$2 aver=$3 acsum=$4 b=$5 bver=$6 bcsum=$7
    local me=$(nested_addr $NET $bver 1) you=$(nested_addr $NET $bver 2)
    local ame=$(nested_addr 9 $aver 1) ayou=$(nested_addr 9 $aver 2) mac

    nested_bridge ovs 1 || return 1
    nested_port ovs br-n ntun $b 2 $NESTED_PORT $me $you $bcsum || return 1
    nested_port ovs br-int tun $a 7 4789 $ame $ayou $acsum || return 1

    # B's other end.
    case $far in
        k?) nested_mid $b $bver $bcsum || return 1 ;;
        o?)
            nested_bridge far 2 || return 1
            nested_port far br-n ntun $b 2 $NESTED_PORT $you $me $bcsum ||
                return 1
            nl_neigh far br-o $me $(nl_mac ovs br-o)
            ;;
    esac
    case $far in
        kk)
            nl_ip kern addr add 172.16.9.2/24 dev mid
            nl_ip kern addr add fd00:9::2/64 dev mid nodad
            mac=$(nl_mac kern mid)
            ;;
        ko)
            # Its socket stays where it has been made.
            nl_ip kern link set mid netns far
            nl_ip far link set mid up
            nested_bridge far 2 && nl_vsctl far add-port br-n mid || return 1
            ;;&
        *) mac=$(nl_mac far br-n) ;;
    esac
    case $far in
        k?) nl_neigh ovs br-k $you $(nl_mac kern under1) ;;
        o?) nl_neigh ovs br-o $you $(nl_mac far br-o) ;;
    esac
    nl_neigh ovs br-n $ayou $mac

    # A's other end.
    case $far in
        ?k)
            nested_kernel $PEER vx0 $a 7 4789 $ayou $ame $aver $acsum 1360 ||
                return 1
            nl_ip $PEER addr add 10.0.0.2/24 dev vx0
            nl_ip $PEER addr add fd00:10::2/64 dev vx0 nodad
            ;;
        ?o)
            nested_port far br-int tun $a 7 4789 $ayou $ame $acsum || return 1
            nl_neigh far br-n $ame $(nl_mac ovs br-n)
            ;;
    esac
    if test $b = gtpu; then
        nl_l3_tunnel ovs br-n ntun LOCAL $(nl_mac ovs br-n) &&
            nl_l3_tunnel far br-n ntun LOCAL $(nl_mac far br-n) || return 1
    fi
    test $a != gtpu || nl_l3_machines
}

# nested_container_up P VERSION CSUM: C, from vm to PEER, where P is the number
# in the address that it goes to.
nested_container_up() {
    local me=10.0.0.1 you=10.0.0.$1
    test $2 = 4 || { me=fd00:10::1; you=fd00:10::$1; }
    nested_kernel vm vx1 vxlan 5 4789 $me $you $2 $3 1290 &&
        nested_kernel $PEER vx1 vxlan 5 4789 $you $me $2 $3 1290 || return 1
    # Each end has a link of its own.
    nl_ip $PEER link set vx1 address 02:00:00:04:02:01
    nl_ip vm addr add 10.0.9.1/24 dev vx1
    nl_ip vm addr add fd00:109::1/64 dev vx1 nodad
    nl_ip $PEER addr add 10.0.9.2/24 dev vx1
    nl_ip $PEER addr add fd00:109::2/64 dev vx1 nodad
}

nested_down() {
    local ns dev
    nl_l3_machines_down
    for ns in ovs far; do
        nl_vsctl $ns --if-exists del-br br-n -- --if-exists del-port br-int tun
    done
    for dev in vm/vx1 vm2/vx1 kern/vx1 far/vx1 kern/vx0 far/vx0 kern/mid \
               far/mid; do
        nl_ip ${dev%/*} link del ${dev#*/} 2>/dev/null
    done
}
