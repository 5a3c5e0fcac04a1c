# Licensed under the Apache License, Version 2.0; see LICENSE.

# The rows of tests/run-peers whose tunnel is nothing but IP: made by a
# container, passing through Open vSwitch, or, for SRv6, by Open vSwitch.
#
#    namespace vm                     namespace ovs              guest
#  +----------------+               +------------------------+ +-------------
#  | ctun ----------|- peers/ipip --|- ctap   br-w -- wire --|-|- eth0 .1.2
#  | 10.0.7.1       |               |         172.16.1.1     | |
#  | vm0 10.0.7.1 --|---------------|- vm0p   br-int   tun   | |  t0: 10.0.7.2
#  +----------------+               +------------------------+ +-------------
#
# The machine's own kernel need not have such tunnels: a program has one.  The
# superpackets in it come to Open vSwitch as those of a container do.
#
# To be sourced after guest-lib.sh.  Of run-peers it uses SIZE, nic and drops.

# by      container: the program; push: Open vSwitch, in which flows connect
#         vm0 and the tunnel.
# encap   ipip (SIT and the tunnels over IPv6, too), or srv6.
TRANSIT_CASES="
#by       encap outer inner
container ipip  4     4
container ipip  4     6
container ipip  6     4
container ipip  6     6
container srv6  6     4
push      srv6  6     4
"
# Of the program's Ethernet, and of a segment of SRv6 in the guest.
CONTAINER_MAC=02:00:00:05:00:09
SEGMENT=fd00:1::e

transit_name() { echo "$1 $2 outer=$3 inner=$4"; }

# transit_guest_up BY ENCAP OUTER INNER: the guest's end.
transit_guest_up() {
    local back=fd00:1::3
    test $1 = container || back=fd00:1::1
    shift
    local remote=172.16.1.3 local=172.16.1.2 type=ipip
    if test $2 = 6; then
        remote=fd00:1::3 local=fd00:1::2
    fi
    case $1$2$3 in
        ipip46) type=sit ;;
        ipip64) type="ip6tnl mode ipip6" remote="$remote encaplimit none" ;;
        # With the option that says how many tunnels may follow.
        ipip66) type="ip6tnl mode ip6ip6" ;;
        srv6*)
            guest "sysctl -qw net.ipv6.conf.all.seg6_enabled=1
                       net.ipv6.conf.eth0.seg6_enabled=1 &&
                   ip sr tunsrc set $SEGMENT && ip link add t0 type dummy &&
                   ip link set t0 up && ip addr add 10.0.7.2/32 dev t0 &&
                   ip -6 route add $SEGMENT encap seg6local action End.DX4
                       nh4 0.0.0.0 dev t0 &&
                   ip neigh replace fd00:1::3 lladdr $CONTAINER_MAC dev eth0
                       nud permanent &&
                   ip route add 10.0.7.1 src 10.0.7.2 mtu 1380 encap seg6
                       mode encap segs $back dev eth0"
            return
            ;;
    esac
    guest "ip neigh replace ${remote%% *} lladdr $CONTAINER_MAC dev eth0
               nud permanent &&
           ip link add t0 type $type local $local remote $remote &&
           ip link set t0 mtu 1400 up && ip addr add 10.0.7.2/24 dev t0 &&
           ip addr add fd00:107::2/64 dev t0 nodad"
}

transit_guest_down() {
    guest "ip route del 10.0.7.1; ip -6 route del $SEGMENT; ip link del t0" \
        >/dev/null 2>&1
}

# container_up ENCAP OUTER: the program, and its devices.
container_up() {
    local addresses=(172.16.1.3 172.16.1.2)
    case $1$2 in
        srv66) addresses=(fd00:1::3 $SEGMENT $SEGMENT) ;;
        *6) addresses=(fd00:1::3 fd00:1::2) ;;
    esac
    in_ns_bg ovs "$PYTHON3" "$GUEST_TOOLS/ipip" ctun ctap $CONTAINER_MAC $MAC \
        "${addresses[@]}" >"$TMP/ipip.out" 2>&1
    CONTAINER=$LAST_PID
    wait_for 10 grep -q ready "$TMP/ipip.out" || return 1
    nl_ip ovs link set ctun netns vm && nl_ip ovs link set ctap up &&
        nl_ip vm addr add 10.0.7.1/24 dev ctun &&
        nl_ip vm addr add fd00:107::1/64 dev ctun nodad &&
        nl_ip vm link set ctun mtu 1380 up &&
        nl_vsctl ovs add-port $BR ctap
}

container_down() {
    ! nl_ovs_alive ovs || nl_vsctl ovs --if-exists del-port $BR ctap
    end "$CONTAINER"
}

# push_up ENCAP OUTER: Open vSwitch's own, and vm0's address.
push_up() {
    nl_neigh ovs $BR $SEGMENT $MAC
    nl_ip vm addr add 10.0.7.1/24 dev vm0 &&
        nl_ip vm neigh replace 10.0.7.2 lladdr $MAC dev vm0 &&
        nl_vsctl ovs add-port br-int tun -- set Interface tun type=$1 \
            options:remote_ip=$SEGMENT options:srv6_segs=$SEGMENT &&
        nl_ofctl ovs add-flow br-int \
            "priority=9,in_port=vm0p,ip,actions=output:tun" &&
        nl_ofctl ovs add-flow br-int "priority=9,in_port=tun,actions=$(
            )mod_dl_dst:$(nl_mac vm vm0),output:vm0p"
}

push_down() {
    nl_ip vm addr del 10.0.7.1/24 dev vm0
    nl_ovs_alive ovs || return 0
    nl_ofctl ovs del-flows br-int
    nl_ofctl ovs add-flow br-int priority=0,actions=NORMAL
    nl_vsctl ovs --if-exists del-port br-int tun
}

# transit_case BY ENCAP OUTER INNER
transit_case() {
    local name there=10.0.7.2 here=10.0.7.1 sha method supers segs counted n
    name=$(transit_name "$@")
    begin "$name" || return
    test $4 = 4 || there=fd00:107::2 here=fd00:107::1

    nic wire
    nl_capture_start ovs wire "$TMP/cap" || lost "tcpdump does not start"
    nl_stats ovs wire ipip >"$TMP/stats.0"
    if ! { ${1}_up $2 $3 && transit_guest_up "$@" &&
               guest errors t0 >"$TMP/errors.0"; }; then
        verdict "cannot set up"
        transit_guest_down
        ${1}_down
        return
    fi
    drops >"$TMP/drops.0"
    sha=$(to_guest vm $there)
    test "$sha" = "$SHA_HERE" || problem "SHA-256 differs in the guest"
    nl_stats ovs wire ipip >"$TMP/stats.1"
    if well; then
        sha=$(from_guest vm $here)
        test "$sha" = "$SHA_GUEST" || problem "SHA-256 differs here"
    fi
    counted=$(nl_counted "$TMP/stats.0" "$TMP/stats.1")
    read -r method supers segs <<<"$counted"
    test "$method" = software -a "$supers" -gt 10 \
        -a "$segs" -gt $((2 * supers)) || problem "counted only $counted"
    drops >"$TMP/drops.1"
    cmp -s "$TMP/drops.0" "$TMP/drops.1" ||
        problem "Open vSwitch dropped packets:
$(diff "$TMP/drops.0" "$TMP/drops.1" | grep '^>')"

    ${1}_down
    nl_capture_stop
    guest errors t0 >"$TMP/errors.1"
    cmp -s "$TMP/errors.0" "$TMP/errors.1" ||
        problem "the guest's errors:
$(diff "$TMP/errors.0" "$TMP/errors.1" | grep '^>')"
    nl_judged $3 off
    test "$GOOD" -ge $((2 * SIZE / 1400)) ||
        problem "tshark judged only $GOOD TCP headers"
    # All that it has dissected as such.
    n=$(tshark -n -r "$TMP/cap" -Y "$(case $2$3 in
            srv6*) echo ipv6.routing.type==4 ;;
            *4) echo "ip.proto == 4 || ip.proto == 41" ;;
            *6) echo "ipv6.nxt == 4 || ipv6.nxt == 41 || ipv6.dstopts" ;;
        esac)" 2>>"$TMP/tshark.err" | wc -l)
    test "$n" -ge $((2 * SIZE / 1400)) ||
        problem "only $n packets in such a tunnel"
    test -n "${KEEP:-}" || rm -f "$TMP"/cap*
    transit_guest_down
    verdict_alive ovs_again
    well || guest_alive || lost "the guest does not answer any more"
}
