# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# shellcheck shell=bash disable=SC2154
# Cases of tests/run-system: frames that upstream gets wrong.  To be sourced by
# it.

# name    a function defect_NAME below.
# title   part of the case's name.
# upstream  what unpatched 4.0.0 does, for the reader.
DEFECT_CASES="
#name          title                                             upstream
B1             output(port,max_len) of a superpacket, outer csum  abort
B3-plain       QinQ superpacket to a veth                         SIGSEGV
B3-tunnel      QinQ superpacket into VXLAN                        abort
B4-vxlan       65500 bytes into VXLAN over IPv6                   wrong bytes
B4-geneve      65281 bytes into Geneve over IPv6, 240 B options   wrong bytes
W3-software    FIN, PSH and CWR into VXLAN                        CWR in all
W4             GRE checksum of each segment                       wrong
W5-plain       IPv6 extension headers, plain                      wrong sums
W5-tunnel      IPv6 extension headers into VXLAN                  wrong sums
W6             outer IPv4 IDs with DF clear                       repeated
W7-padding     VXLAN frame with padding that is not zero          dropped
W7-extension   VXLAN over IPv6 with an extension header           dropped
W7-zero        VXLAN over IPv6 without checksum, counted          no counter
M4             ERSPAN superpacket                                 dropped
M2             superpackets with CWR and ECN in the vnet header    dropped
M6-off         too big a packet in a batch, TSO off               rest lost
M6-on          too big a packet in a batch, TSO on                rest lost
M7             ethtool -K and a new MTU after add-port            not noticed
leftover-off   tap that a crash has left with larger vnet headers  no such thing
clone          superpacket to a tunnel and to a port              CWR in all
amplify        60000 bytes in segments of 1: refused, counted     60000 packets
methods        other_config:tnl-gso-methods at run time           no such key
"

# Where the virtual machine's injected frames go; NORMAL does the rest.
flow() {
    nl_ofctl ovs add-flow br-int \
        "priority=100,in_port=vm0p,dl_src=02:5e:00:00:00:01,actions=$1"
}

# is_cut PORT NS IF FIELDS...: superpackets that are sent with FIELDS to PORT of
# br-int come out of NS's interface IF as the right segments.
is_cut() {
    local port=$1 ns=$2 ifc=$3
    shift 3
    flow "output:$port"
    cut_captured $ns $ifc "$@"
}

cut_captured() {
    local ns=$1 ifc=$2 status
    nl_capture_start $ns $ifc "$TMP/cap"
    superpacket vm send vm0 "${@:3}" &&
        eventually superpacket $ns check "$TMP/cap" "${@:3}"
    status=$?
    nl_capture_stop
    return $status
}

# unwired COMMAND...: while plain0 has no offloads.  What leaves it unfinished
# would be finished by the other side's kernel, unseen.
unwired() {
    local status
    nl_wire ovs plain0
    "$@"
    status=$?
    nl_tso ovs plain0
    return $status
}

defect_B1() {
    # "Cut to 1000 bytes" is done to each segment.
    nl_tunnel_up vxlan 4 on far || return 1
    flow "output(port=tun,max_len=1000)"
    cut_captured far under3 mss=1300 payload=5000 n=4
}

defect_B3-plain() {
    unwired is_cut plain0 kern plain1 tags=qinq mss=1300 payload=5000
}

defect_B3-tunnel() {
    nl_tunnel_up vxlan 4 on far || return 1
    is_cut tun far under3 tags=qinq mss=1300 payload=5000
}

# With their tunnel headers these pass 64 kB, and upstream reads over the end of
# a buffer that it took to be small.  What an earlier packet has left there may be
# right by luck: hence a new process, and two different packets (three of them
# fit in the receive buffer).
defect_B4-vxlan() {
    world_up "$TSO" || return 1
    nl_tunnel_up vxlan 6 on far || return 1
    is_cut tun far under3 mss=1300 payload=65446 count=2
}

defect_B4-geneve() {
    local tlv
    world_up "$TSO" || return 1
    tlv="{class=0x102,type=1,len=124}->tun_metadata0"
    tlv="$tlv,{class=0x102,type=2,len=108}->tun_metadata1"
    nl_tunnel_up geneve 6 on far || return 1
    nl_ofctl ovs add-tlv-map br-int "$tlv" || return 1
    # 1160 of payload, 54 of headers, 310 of tunnel headers: below 1500.
    flow "set_field:0x1->tun_metadata0,set_field:0x2->tun_metadata1,output:tun"
    cut_captured far under3 mss=1100 payload=65227 count=2
    local status=$?
    nl_ofctl ovs del-flows br-int
    nl_ofctl ovs add-flow br-int actions=NORMAL
    nl_ofctl ovs del-tlv-map br-int
    return $status
}

defect_W3-software() {
    nl_tunnel_up vxlan 4 on far || return 1
    is_cut tun far under3 flags=fin+psh+cwr mss=1300 payload=5001
}

# Into a tunnel, cut by us, and to a port, where the kernel cuts.
defect_M2() {
    nl_tunnel_up vxlan 4 on far || return 1
    is_cut tun far under3 flags=fin+psh+cwr ecn=yes mss=1300 payload=5001 \
        && unwired is_cut plain0 kern plain1 ip=6 flags=fin+psh+cwr ecn=yes \
               mss=1300 payload=5000
}

defect_W4() {
    nl_tunnel_up gre 4 on far || return 1
    is_cut tun far under3 mss=1300 payload=20001
}

defect_W5-plain() {
    unwired is_cut plain0 kern plain1 ip=6 ext=hop+dest mss=1300 payload=5000
}

defect_W5-tunnel() {
    nl_tunnel_up vxlan 4 on far || return 1
    is_cut tun far under3 ip=6 ext=dest mss=1300 payload=5000
}

defect_W6() {
    nl_tunnel_up vxlan 4 on far options:df_default=false || return 1
    is_cut tun far under3 mss=1300 payload=20000 count=5 ids=1
}

# decap FIELDS...: what a peer sends reaches the virtual machine.
decap() {
    local status
    nl_ofctl ovs add-flow br-int priority=90,in_port=tun,actions=output:vm0p
    nl_capture_start vm vm0 "$TMP/cap"
    superpacket kern decap under1 "$(nl_mac ovs br-k)" "$@"
    eventually superpacket vm check-decap "$TMP/cap"
    status=$?
    nl_capture_stop
    return $status
}

defect_W7-padding() {
    nl_tunnel_up vxlan 4 on kern || return 1
    decap outer=4 pad=7
}

defect_W7-extension() {
    nl_tunnel_up vxlan 6 on kern || return 1
    decap outer=6 outerext=dest
}

# RFC 6936 leaves it to the receiver; it is accepted, as by the kernel, and
# counted.
defect_W7-zero() {
    nl_tunnel_up vxlan 6 on kern || return 1
    nl_stats ovs all all | grep '^event rx_zero_csum6 ' >"$TMP/stats.0"
    decap outer=6 csum=no || return 1
    nl_stats ovs all all | grep '^event rx_zero_csum6 ' >"$TMP/stats.1"
    ! cmp -s "$TMP/stats.0" "$TMP/stats.1" \
        || problem "accepted, but not counted"
}

defect_M4() {
    nl_tunnel_up erspan 4 off far options:erspan_ver=1 options:erspan_idx=3 \
        || return 1
    # The reference does not look into ERSPAN; the far side's takes it out, and
    # must not merge what it finds.
    nl_ofctl far add-flow br-int priority=90,in_port=tun,actions=output:vm0p
    nl_vsctl far set Interface vm0p other_config:tnl-gro=false || return 1
    is_cut tun vm2 vm0 mss=1300 payload=5000
    local status=$?
    nl_vsctl far remove Interface vm0p other_config tnl-gro
    return $status
}

# One batch: all datagrams are there before ovs-vswitchd looks.
batch() {
    local status
    nl_tunnel_up vxlan 4 on far || return 1
    flow output:tun
    nl_ip vm link set vm0 mtu 1500
    # One for the upcall, so that the others take the fast path together.
    nl_capture_start far under3 "$TMP/cap"
    superpacket vm udp vm0 60
    eventually superpacket far check-udp "$TMP/cap" 60
    nl_capture_stop
    nl_capture_start far under3 "$TMP/cap"
    kill -STOP "${NL_VSWITCHD[ovs]}"
    superpacket vm udp vm0 100 1500 200 1490 300 400
    kill -CONT "${NL_VSWITCHD[ovs]}"
    eventually superpacket far check-udp "$TMP/cap" \
        100 -1500 200 -1490 300 400
    status=$?
    nl_capture_stop
    nl_ip vm link set vm0 mtu 1400
    return $status
}

defect_M6-off() { batch; }
defect_M6-on() { batch; }

# shows PORT PATTERN: `tnl-gso/show`.
shows() {
    nl_appctl ovs tnl-gso/show "$1" | grep -q "$2" \
        || { echo "tnl-gso/show $1 has no line '$2'"; return 1; }
}

defect_M7() {
    local status before
    nl_tunnel_up vxlan 4 on far || return 1
    in_ns ovs ethtool -K plain0 tx off tso off >/dev/null
    eventually shows plain0 "offloads (ethtool): \(udp_seg\|vxlan_tso\)"
    nl_tso ovs plain0
    well && eventually shows plain0 "offloads (ethtool): tcp_csum.*tcp_seg" \
        || return 1

    # 1300 bytes of payload, 90 of headers.
    nl_ip ovs link set under2 mtu 1380
    nl_wait_mtu ovs under2 1380
    before=$(nl_dropped ovs under2 vxlan mtu)
    flow output:tun
    superpacket vm send vm0 mss=1300 payload=5000
    eventually mtu_drops_are $((before + 1))
    status=$?
    nl_ip ovs link set under2 mtu 1500
    nl_wait_mtu ovs under2 1500
    test $status = 0 && is_cut tun far under3 mss=1300 payload=5000
}

mtu_drops_are() {
    test "$(nl_dropped ovs under2 vxlan mtu)" = "$1" \
        || { echo "a smaller MTU is not noticed"; return 1; }
}

# The tap outlives its process, with a vnet header of 24 bytes.
defect_leftover-off() {
    in_ns ovs "$PYTHON3" -B - <<'EOF' || return 1
import fcntl
import struct
fd = open('/dev/net/tun', 'r+b', buffering=0)
fcntl.ioctl(fd, 0x400454ca, struct.pack('16sH22x', b'left0', 0x5002))
fcntl.ioctl(fd, 0x400454d8, struct.pack('i', 24))
fcntl.ioctl(fd, 0x400454cb, 1)
EOF
    nl_vsctl ovs add-port br-int left0 -- set Interface left0 type=internal \
        || return 1
    nl_ip ovs link set left0 up
    nl_ip ovs addr add 10.0.0.6/24 dev left0
    nl_tcp vm ovs 10.0.0.6 "$TMP/data.off" 5 >"$TMP/result" \
        || problem "no TCP through it"
    nl_vsctl ovs del-port br-int left0
}

defect_clone() {
    nl_tunnel_up geneve 4 on far || return 1
    flow output:plain0,output:tun
    unwired clone_captured
}

clone_captured() {
    cut_captured far under3 mss=1300 payload=20000 flags=fin+psh+cwr &&
        cut_captured kern plain1 mss=1300 payload=20000 flags=fin+psh+cwr
}

defect_amplify() {
    nl_tunnel_up vxlan 4 on far || return 1
    flow output:tun
    nl_stats ovs under2 vxlan >"$TMP/stats.0"
    nl_capture_start far under3 "$TMP/cap"
    superpacket vm send vm0 mss=1 payload=60000
    # The next one is served.
    superpacket vm send vm0 mss=1300 payload=5000
    eventually superpacket far check "$TMP/cap" mss=1300 payload=5000
    nl_capture_stop
    is "counted as dropped" \
        "$(nl_dropped ovs under2 vxlan too_many_segments)" 1
}

defect_methods() {
    local method
    nl_ip kern route replace 10.0.0.1/32 dev plain1
    nl_vsctl ovs set Interface plain0 other_config:tnl-gso-methods=software
    nl_stats ovs plain0 plain >"$TMP/stats.0"
    nl_tcp vm kern 10.0.0.4 "$TMP/data.on" 15 >"$TMP/result"
    nl_stats ovs plain0 plain >"$TMP/stats.1"
    method=$(nl_counted "$TMP/stats.0" "$TMP/stats.1")
    nl_vsctl ovs remove Interface plain0 other_config tnl-gso-methods
    nl_tcp vm kern 10.0.0.4 "$TMP/data.on" 15 >>"$TMP/result"
    nl_stats ovs plain0 plain >"$TMP/stats.0"
    method=${method%% *},$(nl_counted "$TMP/stats.1" "$TMP/stats.0")
    method=${method%% *}
    is methods "$method" software,hw
    is "files that arrived" "$(grep -c "^${SHA[on]}" "$TMP/result")" 2
}

# defect_case NAME TITLE... UPSTREAM: if it belongs to this value of TSO.
defect_case() {
    local name=$1 off=true
    case $name in *-off) off=false ;; esac
    test $off = $TSO || return 0
    begin "defect $name" || return 0
    case $name in
        W7-*) $HAVE_VXLAN || { skip "$NAME: no vxlan devices"; return; } ;;
    esac
    "defect_$name" || ! well || problem "cannot set up"
    nl_tunnel_down
    if alive; then
        nl_ofctl ovs del-flows br-int
        nl_ofctl ovs add-flow br-int actions=NORMAL
        nl_ofctl far del-flows br-int
        nl_ofctl far add-flow br-int actions=NORMAL
    fi
    verdict_alive world_up $TSO
}
