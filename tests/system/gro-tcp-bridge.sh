# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# Cases of tests/run-gro-tcp in which the receiving bridge does more with what
# is merged than to forward it.  To be sourced after gro-tcp-lib.sh.

# flows FLOW...: of b's br-int, and nothing else.
flows() {
    local flow
    nl_ofctl b -O OpenFlow13 del-flows br-int
    for flow; do
        nl_ofctl b -O OpenFlow13 add-flow br-int "$flow" || problem "cannot add $flow"
    done
}

# flow_count WHAT MATCH: n_packets or n_bytes of the flows in b's br-int that a
# regular expression matches.
flow_count() {
    nl_appctl b revalidator/wait
    nl_ofctl b -O OpenFlow13 --names dump-flows br-int | grep -E -- "$2" \
        | sed -n "s/.*$1=\([0-9]*\).*/\1/p" \
        | awk '{ n += $1 } END { print n + 0 }'
}

# copy_py WORD...: what gro-copy.py says; its complaint is a problem.
copy_py() {
    "$PYTHON3" -B "$NL_TOOLS/gro-copy.py" "$@" 2>"$TMP/copy.err" \
        || problem "$1: $(tail -n 1 "$TMP/copy.err")"
}

# capture COMMAND...: with $TMP/wire and $TMP/copy, what has crossed u1 and m0.
capture() {
    local tcpdump
    nl_capture_start b u1 "$TMP/wire" || problem "tcpdump does not start"
    tcpdump=$NL_TCPDUMP
    nl_capture_start mon m0 "$TMP/copy" || problem "tcpdump does not start"
    "$@"
    nl_capture_stop
    NL_TCPDUMP=$tcpdump NL_CAPTURE=$TMP/wire
    nl_capture_stop
}

# JOINED are those at the pop, here.
bridge_run() { run $1 4 good one; }

# nat: both ends know each other by other addresses than their own.
bridge_nat() {
    local src=10.0.0.100 dst=10.0.0.200
    nl_ip vm neigh replace $dst lladdr "$(nl_mac vm2 vm0)" dev vm0
    nl_ip vm2 neigh replace $src lladdr "$(nl_mac vm vm0)" dev vm0
    flows "ip,in_port=tun,actions=ct(zone=1,nat,table=1)" \
        "table=1,ip,ct_state=+inv,actions=drop" \
        "table=1,ip,in_port=tun,ct_state=+new,actions=ct(commit,zone=1,nat(dst=10.0.0.3)),ct(zone=2,nat,table=2)" \
        "table=1,ip,in_port=tun,ct_state=+est,actions=ct(zone=2,nat,table=2)" \
        "table=2,ip,ct_state=+inv,actions=drop" \
        "table=2,ip,ct_state=+new,actions=ct(commit,zone=2,nat(src=$src)),output:vm0p" \
        "table=2,ip,ct_state=+est,actions=output:vm0p" \
        "ip,in_port=vm0p,actions=ct(zone=2,nat,table=3)" \
        "table=3,ip,actions=ct(zone=1,nat,table=4)" \
        "table=4,ip,ct_state=+inv,actions=drop" \
        "table=4,ip,actions=output:tun"
    nl_appctl b dpctl/flush-conntrack
    NL_LOCAL=10.0.0.3 ADDRESS=$dst
    bridge_run $1
    NL_LOCAL='' ADDRESS=
    is "packets without a connection" "$(flow_count n_packets 'ct_state=\+inv')" 0
    is "zones with connections" "$(nl_appctl b dpctl/dump-conntrack \
        | grep -o 'zone=[0-9]*' | sort -u | xargs)" "zone=1 zone=2"
}

# mirror: of all that the bridge has, to a port that takes no superpackets.
bridge_mirror() {
    nl_vsctl b --id=@p get Port m0p -- --id=@m create Mirror name=m \
        select-all=true output-port=@p -- set Bridge br-int mirrors=@m \
        >/dev/null || problem "cannot mirror"
    capture bridge_run $1
    copy_py same "$TMP/wire" 10.0.0.1 "$TMP/copy" 65535
    copy_py same "$TMP/wire" 10.0.0.3 "$TMP/copy" 65535
    nl_vsctl b clear Bridge br-int mirrors
}

# max_len: the first bytes of each packet.
bridge_max_len() {
    flows "tcp,in_port=tun,actions=output(port=m0p,max_len=200),output:vm0p" \
        "in_port=vm0p,actions=output:tun"
    capture bridge_run $1
    copy_py same "$TMP/wire" 10.0.0.1 "$TMP/copy" 200
}

# check_pkt_larger: a packet is as large as its segments.  Those that are larger
# go to m0p as well.
bridge_check_pkt_larger() {
    local larger largest _ copies size
    for size in 1414 1413; do
        flows "tcp,in_port=tun,actions=check_pkt_larger($size)->NXM_NX_REG0[0],resubmit(,1)" \
            "table=1,reg0=1/1,actions=output:m0p,output:vm0p" \
            "table=1,reg0=0/1,actions=output:vm0p" \
            "in_port=vm0p,actions=output:tun"
        capture bridge_run $1
        read -r _ _ _ largest larger \
            < <(copy_py count "$TMP/wire" 10.0.0.1 $size)
        read -r copies _ < <(copy_py count "$TMP/copy" 10.0.0.1 $size)
        is "the largest frame" "$largest" 1414
        if test $size = 1414; then
            is "copies of what is larger than $size" "$copies" 0
        elif test $1 = false; then
            is "copies of what is larger than $size" "$copies" "$larger"
        else
            # With a shorter one that is the last of its superpacket.
            test "$copies" -ge "$larger" -a "$larger" -gt 200 \
                || problem "$copies copies, $larger are larger than $size"
        fi
    done
}

# wire_count: sets FRAMES and BYTES, what the tunnel has carried to vm2, and
# what became of these when JOINED were joined, each of which has lost its
# headers: MERGED_FRAMES and MERGED_BYTES.
wire_count() {
    local headers
    read -r FRAMES BYTES headers _ < <(copy_py count "$TMP/wire" 10.0.0.1 1400)
    test "$headers" != - || problem "headers differ in length"
    MERGED_FRAMES=$((FRAMES - JOINED))
    MERGED_BYTES=$((BYTES - JOINED * headers))
}

# meter: counts superpackets as packets.
bridge_meter() {
    local unit words
    for unit in kbps pktps; do
        nl_ofctl b -O OpenFlow13 add-meter br-int \
            "meter=1,$unit,stats,burst,bands=type=drop,rate=1000000000,burst_size=1000000" \
            || problem "cannot add the meter"
        flows "tcp,in_port=tun,actions=meter:1,output:vm0p" \
            "in_port=vm0p,actions=output:tun"
        capture bridge_run $1
        wire_count
        words=$(nl_ofctl b -O OpenFlow13 meter-stats br-int | tr '\n' ' ' \
            | sed -n 's/.*packet_in_count:\([0-9]*\) byte_in_count:\([0-9]*\) .*/\1 \2/p')
        is "what the meter in $unit has counted" "$words" \
            "$MERGED_FRAMES $MERGED_BYTES"
        flows
        nl_ofctl b -O OpenFlow13 del-meters br-int
    done
}

# statistics: so do flows and Interfaces.
bridge_statistics() {
    local rx0 rx1
    flows "tcp,in_port=tun,actions=output:vm0p" "in_port=vm0p,actions=output:tun"
    rx0=$(port_count)
    capture bridge_run $1
    wire_count
    is "n_packets" "$(flow_count n_packets in_port=tun)" $MERGED_FRAMES
    is "n_bytes" "$(flow_count n_bytes in_port=tun)" $MERGED_BYTES
    rx1=$(port_count)
    # shellcheck disable=SC2086
    set -- $rx0 $rx1
    is "rx_packets and rx_bytes of the tunnel" "$(($3 - $1)) $(($4 - $2))" \
        "$MERGED_FRAMES $MERGED_BYTES"
}
port_count() {
    nl_ofctl b dump-ports br-int tun \
        | sed -n 's/.*rx pkts=\([0-9]*\), bytes=\([0-9]*\),.*/\1 \2/p'
}

# sflow: samples segments.  Where all packets are sampled, the collector is
# told of each frame on the wire, and of 4 bytes more for Ethernet's checksum.
bridge_sflow() {
    local collector
    rm -f "$TMP/sflow"
    nl_ovs_env b in_ns_bg b stdbuf -oL "$BUILD/tests/ovstest" test-sflow \
        6343:127.0.0.1 >"$TMP/sflow" 2>/dev/null
    collector=$LAST_PID
    flows "in_port=tun,actions=output:vm0p" "in_port=vm0p,actions=output:tun"
    nl_vsctl b --id=@s create sFlow 'targets="127.0.0.1:6343"' agent=lo \
        header=64 sampling=1 polling=0 -- set Bridge br-int sflow=@s \
        >/dev/null || problem "cannot sample"
    capture bridge_run $1
    wire_count
    # It is sent once a second.
    eventually sampled_by_sflow "$FRAMES $BYTES"
    nl_vsctl b clear Bridge br-int sflow
    end $collector
}

# sampled_by_sflow "FRAMES BYTES": from 10.0.0.1.
sampled_by_sflow() {
    local got
    got=$(sed -n 's/.*pkt_len=\([0-9]*\) .*hdr=\([-0-9A-F]*\).*/\1 \2/p' \
        "$TMP/sflow" | awk 'substr($2, 79, 11) == "0A-00-00-01" {
            n++; bytes += $1 - 4 }
        END { print n + 0, bytes + 0 }')
    test "$got" = "$1" || { echo "sFlow has $got, the wire $1"; return 1; }
}

# ipfix: accounts for segments, too: flow records have the packets of the wire,
# and the bytes of IP in them.
bridge_ipfix() {
    local collector exported
    # Datagrams for a port that nobody listens on would be refused.
    in_ns_bg b "$PYTHON3" -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 4739))
while True:
    s.recv(65535)'
    collector=$LAST_PID
    flows "in_port=tun,actions=output:vm0p" "in_port=vm0p,actions=output:tun"
    nl_capture_start b lo "$TMP/ipfix" udp port 4739 \
        || problem "tcpdump does not start"
    exported=$NL_TCPDUMP
    nl_vsctl b --id=@i create IPFIX 'targets="127.0.0.1:4739"' sampling=1 \
        cache_active_timeout=1 other_config:enable-output-sampling=false \
        -- set Bridge br-int ipfix=@i >/dev/null || problem "cannot sample"
    capture bridge_run $1
    wire_count
    eventually sampled_by_ipfix "$FRAMES $((BYTES - FRAMES * 14))"
    nl_vsctl b clear Bridge br-int ipfix
    NL_TCPDUMP=$exported NL_CAPTURE=$TMP/ipfix
    nl_capture_stop
    end $collector
}

# sampled_by_ipfix "PACKETS BYTES": from 10.0.0.1, as tshark reads it.
sampled_by_ipfix() {
    local got
    got=$(tshark -n -r "$TMP/ipfix" -d udp.port==4739,cflow -T fields \
        -E separator=/t -E occurrence=a -E aggregator=, -e cflow.srcaddr \
        -e cflow.packets -e cflow.octets 2>/dev/null | awk -F '\t' '{
            n = split($1, src, ","); split($2, packets, ",")
            split($3, octets, ",")
            for (i = 1; i <= n; i++) if (src[i] == "10.0.0.1") {
                p += packets[i]; o += octets[i] } }
        END { print p + 0, o + 0 }')
    test "$got" = "$1" || { echo "IPFIX has $got, the wire $1"; return 1; }
}
