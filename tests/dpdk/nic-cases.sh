# Licensed under the Apache License, Version 2.0; see LICENSE.

# What leaves through NICs that cut, by what they can do.  Part of
# tests/run-dpdk, which sources this; the NICs are those of README.rst.
#
#    vm0p, br-int, tunnel port, br-u --+-- each NIC of the table below
#                                      '-- ...
#
# All NICs get the same superpackets.  dpdk/nic-judge.py compares, for each, what
# it was handed and what it sent with what its row says.

# name    a driver of DPDK, or a kind of device, that has these capabilities
#         (RTE_ETH_TX_OFFLOAD_* of DPDK 25.11, besides checksums and TCP_TSO)
# driver  the name in dev_info: drivers' own limits apply
# preset  of checksum fields, see README.rst
# caps    v VXLAN_TNL_TSO    g GENEVE_TNL_TSO    r GRE_TNL_TSO
#         i IPIP_TNL_TSO     u UDP_TNL_TSO and IP_TNL_TSO
#         o OUTER_IPV4_CKSUM d OUTER_UDP_CKSUM   s UDP_TSO
#         -  none of them, 0  no checksums and no TCP_TSO either
# others  who cuts, a letter of nic-judge.py: over IPv4 with and without outer
#         checksum, over IPv6 with and without; STT: over IPv4, over IPv6;
#         plain: TCP over IPv4, over IPv6, UDP over IPv4, over IPv6; ipip, in
#         transit: over IPv4, over IPv6
NIC_ROWS="
#name     driver     preset caps     vxlan geneve gre  stt plain ipip
bnxt      net_bnxt   none   vgrios   phph  phph   shsh tt hhhh  hh
cnxk      net_cn10k  none   vgriuods hhhh  hhhh   shsh tt hhss  hh
enic      net_enic   lib    vgo      phph  phph   ssss tt hhss  ss
hns3      net_hns3   old    vgrod    hhhh  hhhh   shsh tt hhss  ss
i40e      net_i40e   lib    vgrio    phph  phph   shsh tt hhss  hh
x722      net_i40e   lts    vgriod   hhhh  hhhh   shsh tt hhss  hh
iavf      net_iavf   new    vgriod   hhhh  hhhh   shsh tt hhss  hh
ice       net_ice    lib    vgriod   hhhh  hhhh   shsh tt hhss  hh
ipn3ke    net_ipn3ke new    vgrio    phph  phph   shsh tt hhss  hh
mlx4      net_mlx4   none   vro      phph  ssss   shsh tt hhss  ss
mlx5      mlx5_pci   none   vgruo    phph  phph   shsh tt hhss  HH
nfp       net_nfp_pf none   vs       ssph  ssss   ssss tt hhss  ss
qede      net_qede   old    vgo      phph  phph   ssss tt hhss  ss
rnp       net_rnp    new    vro      phph  ssss   shsh tt hhss  ss
sfc       net_sfc    none   vgod     hhhh  hhhh   ssss tt hhss  ss
txgbe     net_txgbe  lib    vgrio    phph  phph   shsh tt hhss  hh
txgbe22   net_txgbe  old    vgriuod  hhhh  hhhh   shsh tt hhss  hh
txgbe25   net_txgbe  new    vgriuos  phph  phph   shsh tt hhss  hh
zxdh      net_zxdh   none   vods     ssss  ssss   ssss ss ssss  ss
ixgbe     net_ixgbe  lib    o        ssss  ssss   ssss tt hhss  ss
ionic     net_ionic  new    od       ssss  ssss   ssss tt hhss  ss
igc       net_igc    lib    s        usus  usus   ssss tt hhhh  ss
igc25     net_igc    new    s        usus  usus   ssss tt hhhh  ss
ngbe      net_ngbe   lib    s        ssss  ssss   ssss tt hhss  ss
ena       net_ena    lib    -        ssss  ssss   ssss ts hsss  ss
null      net_null   none   0        ssss  ssss   ssss ss ssss  ss
generic   net_new    new    uod      HHHH  HHHH   sHsH tt hhss  HH
generic2  net_new    new    uo       PHPH  PHPH   sHsH tt hhss  HH
"

# word, letter   of a row of the above that say who cuts, both from 0
NIC_PATHS="
#encap word outer csum letter
vxlan  4    4     on   0
vxlan  4    4     off  1
vxlan  4    6     on   2
vxlan  4    6     off  3
geneve 5    4     on   0
geneve 5    4     off  1
geneve 5    6     on   2
geneve 5    6     off  3
gre    6    4     on   0
gre    6    4     off  1
gre    6    6     on   2
gre    6    6     off  3
stt    7    4     on   0
stt    7    6     on   1
plain  8    4     on   0
plain  8    6     on   1
udp    8    4     on   2
udp    8    6     on   3
ipip   9    4     on   0
ipip   9    4     off  0
ipip   9    6     on   1
ipip   9    6     off  1
"

NIC_DIR=

nic_caps() {
    local letters=$1 caps=MULTI_SEGS i
    test "$letters" = 0 || caps+=+IPV4_CKSUM+TCP_CKSUM+UDP_CKSUM+TCP_TSO
    for ((i = 0; i < ${#letters}; i++)); do
        case ${letters:i:1} in
        v) caps+=+VXLAN_TNL_TSO ;;
        g) caps+=+GENEVE_TNL_TSO ;;
        r) caps+=+GRE_TNL_TSO ;;
        i) caps+=+IPIP_TNL_TSO ;;
        u) caps+=+UDP_TNL_TSO+IP_TNL_TSO ;;
        o) caps+=+OUTER_IPV4_CKSUM ;;
        d) caps+=+OUTER_UDP_CKSUM ;;
        s) caps+=+UDP_TSO ;;
        esac
    done
    echo $caps
}

# nic_add NAME KEY=VALUE,...: a NIC, and its port of br-u.
nic_add() {
    local args=net_tnlnic_$1,tx_pcap=$NIC_DIR/$1.pcap,log=$NIC_DIR/$1.log,$2
    nl_vsctl ovs add-port br-u "$1" -- set Interface "$1" type=dpdk \
        options:dpdk-devargs="$args" || return 1
    test "$(nl_vsctl ovs get Interface "$1" error)" = '[]'
}

nic_del() {
    nl_vsctl ovs --if-exists del-port br-u "$1"
    rm -f "$NIC_DIR/$1.pcap" "$NIC_DIR/$1.log"
}

# nic_path NAME[,NAME...] ENCAP OUTER CSUM: from vm0p to these NICs, with
# NIC_ACTIONS before the tunnel and NIC_OUTER_ACTIONS behind it.
NIC_ACTIONS=
NIC_OUTER_ACTIONS=
nic_path() {
    path "$2" "$3" "$4" || return 1
    test -z "$NIC_ACTIONS" || nl_ofctl ovs add-flow br-int \
        "in_port=vm0p,actions=$NIC_ACTIONS,output:$OUT"
    nl_ofctl ovs del-flows br-u
    nl_ofctl ovs add-flow br-u \
        "in_port=$IN,actions=${NIC_OUTER_ACTIONS}output:${1//,/,output:}"
}

nic_judge() {
    local command=$1
    shift
    nl_ovs_env ovs "$PYTHON3" -B "$TESTS/dpdk/nic-judge.py" "$command" \
        "$NIC_DIR" "$BUILD/utilities/ovs-appctl" "$@"
}

NIC_FROM=main
# nic_send ROWS COLUMN ENCAP OUTER CSUM FIELD=VALUE...: sends superpackets and
# puts the verdicts into $TMP/verdicts.  They come from NIC_FROM.
nic_send() {
    local rows=$1 column=$2 encap=$3 outer=$4 csum=$5 field words=()
    shift 5
    test "$encap" != ipip || words=(encap=ipip outer="$outer")
    for field; do
        case $field in refused=*|optlen=*|uncounted=*) ;; *) words+=("$field") ;; esac
    done
    test "$csum" = on && csum=1 || csum=0
    nic_judge begin && send "$NIC_FROM" "${words[@]}" || return 1
    nic_judge check "$rows" "$column" "$TMP/cap" encap="$encap" \
        outer="$outer" csum="$csum" "$@" >"$TMP/verdicts"
}

# nic_tshark OUTER CSUM: tshark's opinion of all frames of the last nic_send.
nic_tshark() {
    local total l4 packets good bad zero judge=()
    read -r total l4 < <(sed -n 's/^TOTAL //p' "$TMP/verdicts")
    test "$1$2" != 6off || judge=(-o udp.ignore_ipv6_zero_checksum:TRUE)
    nl_judge "$TMP/cap" "${judge[@]}" >"$TMP/verdict"
    read -r packets good bad zero <"$TMP/verdict"
    test "$2" = off || bad=$((bad + zero))
    # Only TCP headers are counted as good.
    test "$l4" = tcp || good=$packets
    test "$packets $good $bad" = "$total $total 0" \
        || { problem "tshark: $packets packets, $good good, $bad bad, not $total"
             return 1; }
}

# One path, all NICs.
nic_matrix() {
    local encap=$1 outer=$3 csum=$4 column=$2.$5 inner flags name verdict ports before l4=tcp
    local path=$encap NIC_FROM=main
    selected "nic $encap outer=$outer csum=$csum" && nic_world && still_runs \
        || return 0
    # All combinations of IP versions.  IP in IP has no checksum.
    inner=4
    test $outer$csum != 4off -a $outer$csum != 6on || inner=6
    case $encap in plain|udp) inner=$outer ;; esac
    test $encap != udp || l4=udp encap=plain path=plain
    # The kernel sends no superpacket of a tunnel that it has no module for.
    test $encap != ipip || path=plain NIC_FROM=pmd
    # STT does not carry a superpacket with CWR whole.
    flags=fin+psh+cwr
    test $encap != stt || flags=0x18
    name="nic $1 outer=$outer csum=$csum inner=$inner"
    begin "$name"
    ports=$(cut -d' ' -f1 "$TMP/rows" | paste -sd,)
    nic_path "$ports" "$path" "$outer" "$csum" \
        || { verdict "cannot set up"; return; }
    before=$(in_use bnxt)
    nic_send "$TMP/rows" "$column" "$encap" "$outer" "$csum" count=2 \
        ip=$inner l4=$l4 mss=1340 payload=32860 flags=$flags \
        || { verdict "cannot judge"; return; }
    while read -r verdict port why; do
        case $verdict in
        PASS) pass ;;
        FAIL) fail "$name on $port $why" ;;
        esac
    done <"$TMP/verdicts"
    nic_tshark "$outer" "$csum" && eventually all_back bnxt "$before"
    verdict
}

# nic_world: all NICs of the table, once.
nic_world() {
    test -e "$TMP/rows" || rows nic_row "$NIC_ROWS"
}

nic_row() {
    nic_add "$1" "driver=$2,preset=$3,caps=$(nic_caps "$4")" \
        || die "nic $1: no port"
    echo "$*" >>"$TMP/rows"
}

nic_cases() {
    NIC_DIR=$TMP/nic
    mkdir "$NIC_DIR"
    rows nic_matrix "$NIC_PATHS"
    rows nic_other_case "$NIC_OTHER_CASES"
    test ! -e "$TMP/rows" || rows nic_del "$(cut -d' ' -f1 "$TMP/rows")"
}
