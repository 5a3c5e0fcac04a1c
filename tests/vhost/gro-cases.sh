# Licensed under the Apache License, Version 2.0; see LICENSE.

# What guests receive of packets that have arrived cut at a NIC.  Part of
# tests/run-vhost, which sources this.
#
#    r0 (the NIC for tests, ../dpdk/README.rst) -- br-u, tun, br-int -- guest
#                                                     '-- guest of the underlay
#
# A PMD thread receives them.  In a tunnel they are merged when its header comes
# off, otherwise when they are sent to a guest that takes superpackets.  Guest
# "single" has no mergeable buffers.  Whatever becomes of them, a guest gets each
# byte, and all mbufs must be back.

# becomes  super  two superpackets, and the ordinary packets
#          again  merged, and cut again for the guest, until merging pauses
#          same   what has arrived
GRO_CASES="
#from  inner to      becomes
vxlan  4     full    super
vxlan  6     full    super
vxlan  4     single  super
vxlan  4     sums    again
vxlan  6     bare    again
plain  4     fullu   super
plain  6     fullu   super
plain  4     singleu super
plain  4     sumsu   same
plain  6     bareu   same
"

# What case "arrive" of cases.py is on the wire: ordinary packets, and two
# superpackets in 20 and in 4 packets.
ARRIVE_ORDINARY=3 ARRIVE_SUPERS=2 ARRIVE_SEGMENTS=24

gro_world() {
    test -z "${GRO_WORLD:-}" || return 0
    nl_vsctl ovs add-port br-u r0 -- set Interface r0 type=dpdk \
        options:dpdk-devargs="net_tnlnic_r0,rx_pcap=$TMP/rx,log=$TMP/r0.log" \
        && port single br-int "${FEATURES[single]}" \
        && port singleu br-u "${FEATURES[single]}" || return 1
    GRO_WORLD=1
}

# gro_path FROM TO: from r0 to a guest.  Sets GRO_PORT, which merges.
gro_path() {
    path vxlan 4 on || return 1
    PATH_IS=
    nl_ofctl ovs del-flows br-int
    nl_ofctl ovs del-flows br-u
    if test "$1" = vxlan; then
        GRO_PORT=vxlan_sys_4789
        nl_ofctl ovs add-flow br-u in_port=r0,actions=LOCAL
        nl_ofctl ovs add-flow br-int "in_port=tun,actions=output:$2"
    else
        GRO_PORT=$2
        nl_ofctl ovs add-flow br-u "in_port=r0,actions=output:$2"
    fi
}

# gro_stat NAME: prints how often tnl-gso/stats has counted it.
gro_stat() {
    local n
    n=$(nl_appctl ovs tnl-gso/stats "$GRO_PORT" | sed -n "s/^  gro $1: //p")
    echo "${n:-0}"
}

# gro_judged LINE TO INNER CASE: what the guest has received behind that line is
# what has arrived.
gro_judged() {
    local words=(super)
    test "${2%u}" != bare || words=(bare)
    tail -n "+$(($1 + 1))" "$TMP/$2.received" >"$TMP/received"
    "$PYTHON3" -B "$TOOLS/vhost.py" complete "$TMP/received" "$TMP/cap" \
        "${words[@]}" &&
        "$PYTHON3" -B "$TOOLS/vhost.py" check "$4" "$3" "$TMP/cap" plain
}

# gro_arrives FROM INNER TO CASE: it does, and the guest gets it.
gro_arrives() {
    local lines
    lines=$(wc -l <"$TMP/$3.received")
    "$PYTHON3" -B "$TOOLS/vhost.py" arrive "$4" "$2" "$TMP/rx.new" "$1" \
        && mv "$TMP/rx.new" "$TMP/rx" || { problem "no packets"; return 1; }
    eventually gro_judged "$lines" "$3" "$2" "$4"
}

# gro_shapes: prints how many packets the guest has received, and how many of
# them were superpackets.
gro_shapes() {
    awk 'substr($1, 3, 2) != "00" { n++ } END { print NR, n + 0 }' \
        "$TMP/received"
}

# gro_again FROM INNER TO: merging does not pay: it pauses, and is tried again.
gro_again() {
    local i
    is "cut again" "$(gro_stat 'cut again')" $((2 * ARRIVE_SUPERS))
    for ((i = 0; i < 5 && $(gro_stat pauses) == 0; i++)); do
        gro_arrives "$@" arrive-many || return 1
    done
    test "$(gro_stat pauses)" -gt 0 || { problem "no pause"; return 1; }
    eventually gro_tries "$@"
}

# gro_tries FROM INNER TO: what arrives now is merged.
gro_tries() {
    local joined
    joined=$(gro_stat joined)
    gro_arrives "$@" arrive && test "$(gro_stat joined)" -gt "$joined"
}

gro_case() {
    local from=$1 inner=$2 to=$3 becomes=$4 before before_r0 joined no_mbuf
    begin "gro $from inner=$inner to $to: $becomes" || return 0
    gro_world && gro_path "$from" "$to" || { verdict "cannot set up"; return; }
    before=$(in_use "$to") before_r0=$(in_use r0)
    gro_right
    eventually all_back "$to" "$before" && eventually all_back r0 "$before_r0"
    verdict_alive again
}

# gro_right: the row whose words gro_case() has.
gro_right() {
    local n=$((ARRIVE_SEGMENTS - ARRIVE_SUPERS))
    # Packets without a flow in the datapath take its slow path one by one.
    gro_arrives "$from" "$inner" "$to" arrive || return
    joined=$(gro_stat joined)
    no_mbuf=$(nl_appctl ovs coverage/read-counter netdev_dpdk_tnl_no_mbuf)
    gro_arrives "$from" "$inner" "$to" arrive || return
    test "$becomes" != same || n=0
    is "packets joined" $(($(gro_stat joined) - joined)) $n
    if test "$becomes" = super; then
        is "packets, superpackets" "$(gro_shapes)" \
            "$((ARRIVE_ORDINARY + ARRIVE_SUPERS)) $ARRIVE_SUPERS"
        is "cut again" "$(gro_stat 'cut again')" 0
    else
        is "packets, superpackets" "$(gro_shapes)" \
            "$((ARRIVE_ORDINARY + ARRIVE_SEGMENTS)) 0"
    fi
    test "$from" = vxlan || is "superpackets without mbuf" \
        "$(nl_appctl ovs coverage/read-counter netdev_dpdk_tnl_no_mbuf)" \
        "$no_mbuf"
    test "$becomes" != again || gro_again "$from" "$inner" "$to"
}

# gro_lro: nobody has asked the NIC, which offers it, to merge.
gro_lro() {
    local offloads n=0
    begin "gro: LRO of NICs stays off" || return 0
    gro_world || { verdict "cannot set up"; return; }
    while read -r offloads; do
        n=$((n + 1))
        # RTE_ETH_RX_OFFLOAD_TCP_LRO.
        test $((offloads >> 4 & 1)) = 0 || problem "rx_offloads=$offloads"
    done < <(sed -n 's/^configure rx_offloads=//p' "$TMP/r0.log")
    test $n -gt 0 || problem "the NIC has not been configured"
    verdict
}

# gro_cost FROM TO BRIDGE SECONDS: prints the CPU time of the PMD thread, in nanoseconds,
# for each byte that the guest gets, with merging and without, and how many of
# 1000 packets the guest had no room for.  The source never ends, and is DPDK's
# net_pcap, which makes a copy of each packet.
gro_cost() {
    local from=$1 to=$2 seconds=$4 gro thread clock=$(getconf CLK_TCK) a b
    gro_world && port "$to" "$3" "${FEATURES[full]}" -q \
        && gro_path "$from" "$to" || return 1
    "$PYTHON3" -B "$TOOLS/vhost.py" arrive arrive-full 4 "$TMP/full" "$from" \
        || return 1
    nl_ofctl ovs add-flow br-u \
        "in_port=99,actions=output:$(test "$from" = vxlan && echo LOCAL || echo "$to")"
    for gro in true false; do
        nl_vsctl ovs set Interface tun other_config:tnl-gro=$gro \
            -- set Interface "$to" other_config:tnl-gro=$gro
        nl_vsctl ovs add-port br-u src -- set Interface src type=dpdk \
            ofport_request=99 \
            options:dpdk-devargs="net_pcap9,rx_pcap=$TMP/full,infinite_rx=1"
        thread=$(grep -l ^pmd- "/proc/${NL_VSWITCHD[ovs]}/task/"*/comm | head -n 1)
        sleep 2
        a=$(gro_sample "$to" "${thread%/comm}")
        sleep "$seconds"
        b=$(gro_sample "$to" "${thread%/comm}")
        nl_vsctl ovs del-port br-u src
        echo "$a $b $clock" | awk -v what="$from to $to, tnl-gro=$gro" '{
            printf "%s: %.2f ns a byte, %.1f Gbit/s, %d of 1000 dropped\n",
                what, ($8 - $4) / $9 * 1e9 / ($5 - $1),
                ($5 - $1) * 8 / 1e9 / (($8 - $4) / $9),
                1000 * ($7 - $3) / ($6 - $2 + $7 - $3) }'
    done
    end "${GUEST[$to]}"
}

# gro_sample TO THREAD: prints bytes, packets and drops towards the guest, and
# clock ticks of the thread.
gro_sample() {
    nl_appctl ovs dpctl/show -s | sed -n "/ $1 (/,/port [0-9]*:/p" \
        | sed -nE 's/.*TX packets:([0-9]*) errors:.* dropped:([0-9]*) .*/\1 \2/p
                   s/.*TX bytes:([0-9]*).*/\1/p' | head -n 2 | tr '\n' ' ' \
        | awk '{ printf "%s %s %s ", $3, $1, $2 }'
    cut -d' ' -f14,15 "$2/stat" | awk '{ print $1 + $2 }'
}

gro_cases() {
    if test -z "$NL_PLUGIN"; then
        skip "gro: all cases: no NIC for tests (make dpdk-nic says why)"
        return
    fi
    gro_lro
    rows gro_case "$GRO_CASES"
}
