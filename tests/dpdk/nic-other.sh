# Licensed under the Apache License, Version 2.0; see LICENSE.

# What NICs may do besides cutting.  Part of tests/run-dpdk, which sources this
# and nic-cases.sh.

# name    a function nic_NAME below
NIC_OTHER_CASES="
#name     title
small     packets that nobody has to cut
pmd       superpackets of a PMD thread
vlan      VLAN tags around and inside of tunnels
sizes     the longest superpackets, and the shortest
lost      capabilities that a reconfiguration loses
limits    the driver refuses what Open vSwitch does not know
i40e      segments below the driver's smallest mss
options   Geneve options that an mbuf's l2_len cannot say
every     the driver refuses each third superpacket
tunnel    the driver refuses all tunnels
flags     the driver refuses all packets with a flag
segsz     tso_segsz of received packets is left over from others
"

# nic_expect NAME LETTER ENCAP OUTER CSUM FIELD=VALUE...: sends superpackets to
# one NIC; LETTER is for nic-judge.py.
nic_expect() {
    local name=$1 letter=$2 encap=$3 outer=$4 csum=$5 before
    shift 5
    nic_path "$name" "$encap" "$outer" "$csum" \
        || { problem "cannot set up"; return 1; }
    before=$(in_use "$name")
    echo "$name $letter" >"$TMP/row"
    # What is refused was counted before, as what was planned.
    case $* in *refused=*) set -- "$@" uncounted=1 ;; esac
    nic_send "$TMP/row" 1.0 "$encap" "$outer" "$csum" "$@" \
        || { problem "cannot judge"; return 1; }
    if ! grep -q "^PASS" "$TMP/verdicts"; then
        problem "$encap outer=$outer csum=$csum $*:" \
            "$(head -n 1 "$TMP/verdicts")"
        return 1
    fi
    nic_tshark "$outer" "$csum" && eventually all_back "$name" "$before"
}

ALL_CAPS=$(nic_caps vgruods)

# Checksums alone; with IPv6 extension headers not for DPDK's drivers; and
# datagrams that ask for nothing, so that the outer header is all that does.
nic_small() {
    local encap csum fields nics
    nic_world || { problem "no NICs"; return 1; }
    nics=$(cut -d' ' -f1 "$TMP/rows" | paste -sd,)
    sed 's/ .*/ s/' "$TMP/rows" >"$TMP/row"
    for encap in plain vxlan geneve gre; do
        for csum in on off; do
            nic_path "$nics" $encap 4 $csum \
                || { problem "cannot set up"; return 1; }
            for fields in ip=4 l4=udp "ip=6 ext=dest"; do
                # $fields is a list of words.
                # shellcheck disable=SC2086
                nic_send "$TMP/row" 1.0 $encap 4 $csum uncounted=1 \
                    payload=1000 $fields || { problem "cannot judge"; return 1; }
                ! grep -q ^FAIL "$TMP/verdicts" && nic_tshark 4 $csum || {
                    problem "$encap csum=$csum $fields:" \
                        "$(grep -m 1 ^FAIL "$TMP/verdicts")"
                    return 1
                }
            done
            nic_datagrams $encap $csum || return 1
        done
    done
}

nic_datagrams() {
    local name size bad
    while read -r name _; do
        echo "$name $(stat -c %s "$NIC_DIR/$name.log")"
    done <"$TMP/rows" >"$TMP/sizes"
    superpacket vm udp vm0 100 1400
    while read -r name size; do
        eventually nic_logged 2 "$NIC_DIR/$name.log" "$size" || return 1
        bad=$(tail -c "+$((size + 1))" "$NIC_DIR/$name.log" \
              | grep -m 1 -e ^BAD -e ^refuse) || continue
        problem "$name: datagrams in $1 csum=$2: $bad"
        return 1
    done <"$TMP/sizes"
}

# nic_logged N LOG SIZE: N lines or more since the log had that size.
nic_logged() {
    local n
    n=$(tail -c "+$(($3 + 1))" "$2" | grep -c .)
    test "$n" -ge "$1" || { echo "only $n lines in the log"; return 1; }
}

nic_pmd() {
    local status=0
    nic_add t0 "caps=$(nic_caps vgruo),preset=new" \
        || { problem "no port"; return 1; }
    NIC_FROM=pmd
    nic_expect t0 p vxlan 4 on count=3 payload=28001 mss=1400 \
        && nic_expect t0 h geneve 4 off count=3 payload=28001 mss=1400 \
        && nic_expect t0 h gre 4 off count=3 payload=28001 mss=1400 \
        && nic_expect t0 h plain 4 on count=3 payload=28001 mss=1400 \
        || status=1
    NIC_FROM=main
    return $status
}

nic_vlan() {
    local status=0
    nic_add t0 "caps=$ALL_CAPS" || { problem "no port"; return 1; }
    nic_expect t0 h vxlan 4 on payload=28001 tags=vlan mss=1380 \
        && nic_expect t0 h geneve 6 off payload=28001 tags=vlan mss=1360 \
        && nic_expect t0 h plain 4 on payload=28001 tags=vlan || return 1
    NIC_OUTER_ACTIONS=mod_vlan_vid:100,
    nic_expect t0 h vxlan 4 on payload=28001 outertags=vlan \
        && nic_expect t0 h gre 6 off payload=28001 outertags=vlan mss=1360 \
        || status=1
    NIC_OUTER_ACTIONS=
    return $status
}

# Of 'mss' + 1 bytes, equal segments leave none to be cut.
nic_sizes() {
    local encap
    nic_add t0 "caps=$ALL_CAPS" || { problem "no port"; return 1; }
    nic_add t1 "caps=$(nic_caps vgo)" || { problem "no port"; return 1; }
    for encap in vxlan geneve; do
        nic_expect t0 h $encap 4 on payload=65000 \
            && nic_expect t0 h $encap 4 on payload=1401 \
            && nic_expect t0 h $encap 4 on payload=2000 mss=88 \
            && nic_expect t1 p $encap 4 on payload=65001 \
            && nic_expect t1 p $encap 4 on payload=2801 \
            && nic_expect t1 s $encap 4 on payload=1401 uncounted=1 \
            && nic_expect t1 h $encap 4 off payload=1401 || return 1
    done
    nic_expect t0 t stt 4 on payload=65000
}

# nic_reconfigure NAME CAPS MTU: the device has other capabilities now.
nic_reconfigure() {
    echo "caps=$2" >"$NIC_DIR/ctl"
    nl_vsctl ovs set Interface "$1" mtu_request="$3" || return 1
    nl_vsctl ovs wait-until Interface "$1" mtu="$3"
}

nic_lost() {
    echo "caps=$ALL_CAPS" >"$NIC_DIR/ctl"
    nic_add t0 "ctl=$NIC_DIR/ctl,preset=new" || { problem "no port"; return 1; }
    nic_expect t0 h vxlan 4 on payload=28000 \
        && nic_expect t0 t stt 4 on payload=28000 \
        && nic_reconfigure t0 "${ALL_CAPS/+VXLAN_TNL_TSO+/+}" 1600 \
        && nic_expect t0 H vxlan 4 on payload=28000 \
        && nic_expect t0 h geneve 6 on payload=28000 mss=1340 \
        && nic_reconfigure t0 "${ALL_CAPS/+OUTER_UDP_CKSUM/}" 1500 \
        && nic_expect t0 p vxlan 4 on payload=28001 \
        && nic_reconfigure t0 TCP_TSO+TCP_CKSUM+IPV4_CKSUM 1600 \
        && nic_expect t0 s vxlan 4 on payload=28000 \
        && nic_expect t0 s geneve 6 off payload=28000 mss=1340 \
        && nic_reconfigure t0 none 1500 \
        && nic_expect t0 s vxlan 6 on payload=28000 mss=1340 \
        && nic_expect t0 s stt 4 on payload=28000 \
        && nic_expect t0 s plain 4 on payload=28000 mss=1460 \
        && nic_reconfigure t0 "$ALL_CAPS" 1600 \
        && nic_expect t0 h vxlan 4 on payload=28000
}

nic_limits() {
    nic_add t0 "caps=$ALL_CAPS,min_mss=256,max_mss=1380,max_hdr=120" \
        || { problem "no port"; return 1; }
    nic_expect t0 h vxlan 4 on payload=28000 mss=256 \
        && nic_expect t0 s vxlan 4 on payload=28000 mss=255 refused=1 \
        && nic_expect t0 s vxlan 4 on payload=28000 mss=1400 refused=1 \
        && nic_expect t0 s vxlan 6 on payload=28000 mss=1360 refused=1
}

nic_i40e() {
    nic_add t0 "caps=$(nic_caps vgo),driver=net_i40e,min_mss=256" \
        || { problem "no port"; return 1; }
    nic_expect t0 s vxlan 4 on payload=28000 mss=255 \
        && nic_expect t0 s plain 4 on payload=28000 mss=255 \
        && nic_expect t0 h plain 4 on payload=28000 mss=256 \
        && nic_expect t0 p vxlan 4 on payload=28000 mss=256
}

# An option is 4 bytes and its data; l2_len is 8 + 8 + options + 14.
nic_options() {
    local data letter
    nic_add t0 "caps=$ALL_CAPS" || { problem "no port"; return 1; }
    for data in 92 96 124; do
        letter=h
        test $data = 92 || letter=s
        nl_ofctl ovs del-flows br-int
        # Refused as long as a flow of before is still being removed.
        eventually nl_ofctl ovs del-tlv-map br-int || return 1
        eventually nl_ofctl ovs add-tlv-map br-int \
            "{class=0x102,type=0x1,len=$data}->tun_metadata0" || return 1
        NIC_ACTIONS="set_field:0x$(printf 'a5%.0s' $(seq $data))->tun_metadata0"
        nic_expect t0 $letter geneve 4 on payload=28000 mss=1260 \
            optlen=$((4 + data)) || { NIC_ACTIONS=; return 1; }
        NIC_ACTIONS=
    done
    nl_ofctl ovs del-flows br-int
    eventually nl_ofctl ovs del-tlv-map br-int
}

nic_every() {
    nic_add t0 "caps=$ALL_CAPS,refuse=super:3" \
        || { problem "no port"; return 1; }
    nic_expect t0 h vxlan 4 on count=6 payload=20000 refused=2 \
        && nic_expect t0 h plain 4 on count=6 payload=20000 refused=2 \
        && nic_expect t0 t stt 6 on count=6 payload=20000 mss=1340 refused=2
}

nic_tunnel() {
    nic_add t0 "caps=$ALL_CAPS,refuse=tunnel+einval,preset=new" \
        || { problem "no port"; return 1; }
    nic_expect t0 s vxlan 4 on count=3 payload=28001 refused=3 \
        && nic_expect t0 s geneve 6 on count=3 payload=28001 mss=1340 refused=3 \
        && nic_expect t0 h plain 4 on count=3 payload=28001
}

# Superpackets, and packets with a checksum alone.
nic_flags() {
    nic_add t0 "caps=$ALL_CAPS,refuse=flags,preset=new,driver=net_igc" \
        || { problem "no port"; return 1; }
    nic_expect t0 s vxlan 4 on payload=28001 refused=1 \
        && nic_expect t0 s plain 4 on payload=28001 refused=1 \
        && nic_expect t0 s plain 4 on payload=28001 refused=1 l4=udp \
        && nic_expect t0 s vxlan 4 on payload=1000 refused=1 \
        && nic_expect t0 s geneve 4 off payload=1000 refused=1 l4=udp \
        && nic_expect t0 s plain 6 on payload=1000 refused=1 ip=6
}

# A frame of 1000 bytes of payload that nobody has asked to cut, received by a
# driver that leaves tso_segsz as it was, to another NIC, as it is and in a
# tunnel, and to the kernel.
nic_segsz() {
    local encap stale status=0
    "$PYTHON3" -B -c '
import sys
sys.path.insert(0, sys.argv[1])
import frames
sp = frames.Superpacket(dict(frames.ROW, payload=1000), 0)
frames.pcap_write(sys.argv[2], sp.segments())' "$NL_TOOLS" "$TMP/one"
    nic_add t0 "caps=$ALL_CAPS" || { problem "no port"; return 1; }
    nl_vsctl ovs add-port br-int r0 -- set Interface r0 type=dpdk \
        options:dpdk-devargs="net_tnlnic_r0,rx_pcap=$NIC_DIR/rx,rx_segsz=100"
    for encap in plain vxlan geneve; do
        nic_path t0 $encap 4 on || { problem "cannot set up"; status=1; break; }
        nl_ofctl ovs add-flow br-int \
            "in_port=r0,actions=output:$OUT,output:vm0p"
        nl_capture_start vm vm0 "$TMP/vm0" tcp
        nic_judge begin
        cp "$TMP/one" "$TMP/rx" && mv "$TMP/rx" "$NIC_DIR/rx"
        echo "t0 s" >"$TMP/row"
        nic_judge check "$TMP/row" 1.0 "$TMP/cap" encap=$encap outer=4 \
            csum=1 payload=1000 uncounted=1 >"$TMP/verdicts"
        nl_capture_stop
        if ! grep -q "^PASS" "$TMP/verdicts"; then
            problem "$encap: $(head -n 1 "$TMP/verdicts")"; status=1
            break
        fi
        if stale=$(grep -m 1 '^tx.*tso_segsz=[1-9]' "$NIC_DIR/t0.log"); then
            problem "$encap: $stale"; status=1
            break
        fi
        stale=$(superpacket vm check "$TMP/vm0" payload=1000 2>&1) \
            || { problem "to the kernel: $stale"; status=1; break; }
    done
    nl_vsctl ovs del-port br-int r0
    return $status
}

nic_other_case() {
    begin "nic $1: ${*:2}" && still_runs || return 0
    "nic_$1" || ! well || problem "cannot do it"
    verdict
    nic_del t0
    nic_del t1
}
