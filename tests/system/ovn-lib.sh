# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# OVN around two Open vSwitch, as Documentation/howto/ovn.rst sets it up: its
# commands are run as they stand, in namespaces "ovs", the first host, and
# "far", the second.  To be sourced after netns-lib.sh; $OVN is where Debian's
# packages are unpacked (system/ovn-packages).
#
#   vm-one        ovs, the first host      far, the second host     vm-two
# +---------+  +----------------------+  +----------------------+  +---------
# | vm0 ----|--|- vm0p                |  |                vm0p -|--|- vm0
# |10.0.0.1 |  |    br-int            |  |            br-int    |  | 10.0.1.2
# +---------+  |      ovn-two-0       |  |       ovn-one-0      |  +---------
#              |        : Geneve, STT |  |           :          |   vm-three
#              |    br-phy 192.0.2.1  |  |    br-phy 192.0.2.2  |  +---------
#              |      eth0 -----------|--|------ eth0     vm1p -|--|- vm0
#              |    ovn-controller    |  |    ovn-controller    |  | 10.0.0.3
#              |    ovsdb-server,     |  +----------------------+  +---------
#              |    ovn-northd        |
#              +----------------------+
#
# vm-two is behind the logical router, 10.0.0.254 and 10.0.1.254; vm-three, on
# the same logical switch as vm-one, is not on the page.  Nor is IPv6, which is
# fd00:10:: and fd00:11::.

OVN_PAGE=$TESTS/../Documentation/howto/ovn.rst
OVN_DIR=$TMP/ovn

# ovn_env NS COMMAND...: with the environment of that host.
ovn_env() {
    local ns=$1 dir=$TMP/ovs-$1
    shift
    test $ns != ovs || dir=$OVN_DIR
    OVN_RUNDIR=$dir OVN_LOGDIR=$dir OVN_DBDIR=$dir OVN_SYSCONFDIR=$dir "$@"
}

ovn_nbctl() {
    ovn_env ovs timeout 20 "$OVN/usr/bin/ovn-nbctl" "$@"
}

# ovn_commands TITLE: those of a section of the page.
ovn_commands() {
    awk -v title="$1" '
        /^--+$/ { here = last == title; block = 0 }
        here && block && /^    / { print substr($0, 5); next }
        /./ { block = 0 }
        /::$/ { block = 1 }
        { last = $0 }' "$OVN_PAGE"
}

# ovn_page NS TITLE...: runs the commands of these sections in NS, one after
# the other in one shell; what they say goes to "out".
ovn_page() {
    local ns=$1 title
    shift
    for title; do
        ovn_commands "$title"
    done >"$TMP/commands"
    test -s "$TMP/commands" || { problem "no commands: $*"; return 1; }
    # Not "ip netns exec", whose mounts would be gone with it.
    ovn_env $ns nl_ovs_env $ns env PATH="$BUILD/utilities:$OVN/usr/bin:$PATH" \
        nsenter --net=/run/netns/$ns bash -ex "$TMP/commands" \
        >"$TMP/out" 2>&1 </dev/null ||
        { problem "$*: $(tail -n 3 "$TMP/out")"; return 1; }
}

# ovn_central: what the units of ovn-central start.
ovn_central() {
    local db
    mkdir "$OVN_DIR" || return 1
    for db in nb sb; do
        "$BUILD/ovsdb/ovsdb-tool" create "$OVN_DIR/$db.db" \
            "$OVN/usr/share/ovn/ovn-$db.ovsschema" || return 1
    done
    ovn_env ovs in_ns_bg ovs "$BUILD/ovsdb/ovsdb-server" "$OVN_DIR/nb.db" \
        "$OVN_DIR/sb.db" --remote="punix:$OVN_DIR/ovnnb_db.sock" \
        --remote="punix:$OVN_DIR/ovnsb_db.sock" \
        --remote=db:OVN_Northbound,NB_Global,connections \
        --remote=db:OVN_Southbound,SB_Global,connections \
        --unixctl="$OVN_DIR/ovsdb.ctl" --log-file="$OVN_DIR/ovsdb-server.log" \
        >"$OVN_DIR/ovsdb-server.out" 2>&1
    wait_for 10 test -S "$OVN_DIR/ovnsb_db.sock" || return 1
    ovn_env ovs in_ns_bg ovs "$OVN/usr/bin/ovn-northd" \
        --ovnnb-db="unix:$OVN_DIR/ovnnb_db.sock" \
        --ovnsb-db="unix:$OVN_DIR/ovnsb_db.sock" \
        --unixctl="$OVN_DIR/northd.ctl" --log-file="$OVN_DIR/northd.log" \
        >"$OVN_DIR/northd.out" 2>&1
    ovn_nbctl --wait=sb init
}

# ovn_host NS: what the unit of ovn-host starts.
ovn_host() {
    local dir=$TMP/ovs-$1
    OVN_RUNDIR=$dir OVN_LOGDIR=$dir OVN_SYSCONFDIR=$dir nl_ovs_env "$1" \
        in_ns_bg "$1" "$OVN/usr/bin/ovn-controller" "unix:$dir/db.sock" \
        --pidfile --log-file="$dir/ovn-controller.log" \
        >"$dir/ovn-controller.out" 2>&1
}

# ovn_hosts: both of them, with what the page wants to be installed.
ovn_hosts() {
    nl_ns ovs far && nl_veth ovs eth0 far eth0 || return 1
    nl_wire ovs eth0
    nl_wire far eth0
    nl_ovs ovs true && nl_ovs far true || return 1
    ovn_central && ovn_host ovs && ovn_host far
}

# ovn_more: what is not on the page.
ovn_more() {
    local ns
    nl_ns vm-three && nl_veth vm-three vm0 far vm1p 1442 || return 1
    nl_ip vm-three link set vm0 address 02:00:00:00:00:03
    nl_ip vm-three addr add 10.0.0.3/24 dev vm0
    nl_ip vm-three addr add fd00:10::3/64 dev vm0 nodad
    nl_ip vm-one addr add fd00:10::1/64 dev vm0 nodad
    nl_ip vm-two addr add fd00:11::2/64 dev vm0 nodad
    nl_ip vm-one route add default via fd00:10::fe
    nl_ip vm-two route add default via fd00:11::fe
    ovn_nbctl set Logical_Router_Port to-left \
        'networks=["10.0.0.254/24","fd00:10::fe/64"]' \
        -- set Logical_Router_Port to-right \
        'networks=["10.0.1.254/24","fd00:11::fe/64"]' \
        -- lsp-set-addresses vm-one '02:00:00:00:00:01 10.0.0.1 fd00:10::1' \
        -- lsp-set-addresses vm-two '02:00:00:00:00:02 10.0.1.2 fd00:11::2' \
        -- lsp-add left vm-three \
        -- lsp-set-addresses vm-three '02:00:00:00:00:03 10.0.0.3 fd00:10::3' \
        || return 1
    nl_vsctl far add-port br-int vm1p \
        -- set Interface vm1p external_ids:iface-id=vm-three || return 1
    for ns in vm-one vm-two vm-three; do
        nl_tso $ns vm0
        # As in nl_world().
        in_ns $ns sysctl -qw net.ipv4.tcp_wmem="4096 16384 262144" \
            net.ipv4.tcp_rmem="4096 131072 131072"
    done
    ovn_nbctl --wait=hv sync
}

# ovn_mtu BYTES: of the virtual machines, and of the ports to them.
ovn_mtu() {
    local m ns side port
    for m in vm-one/ovs/vm0p vm-two/far/vm0p vm-three/far/vm1p; do
        IFS=/ read -r ns side port <<<"$m"
        nl_ip "$ns" link set vm0 mtu "$1"
        nl_ip "$side" link set "$port" mtu "$1"
        nl_wait_mtu "$side" "$port" "$1"
    done
}

# ovn_tunnel_is NS TYPE CSUM: ovn-controller has made such a tunnel.
ovn_tunnel_is() {
    local name
    name=$(nl_vsctl "$1" --bare --columns=name find Interface type="$2") ||
        return 1
    case $name in ovn-*) ;; *) return 1 ;; esac
    test "$2" = stt ||
        test "$(nl_vsctl "$1" get Interface "$name" options:csum)" = "\"$3\""
}

# ovn_encap TYPE CSUM(true|false): of both hosts, when it is there.
ovn_encap() {
    local ns
    for ns in ovs far; do
        test "$1" != stt || ovn_page $ns STT
        nl_vsctl $ns set Open_vSwitch . external_ids:ovn-encap-type="$1" \
            external_ids:ovn-encap-csum="$2"
    done
    for ns in ovs far; do
        wait_for 15 ovn_tunnel_is $ns "$1" "$2" ||
            problem "ovn-controller makes no tunnel $1 csum=$2 in $ns"
    done
    ovn_nbctl --wait=hv sync || problem "OVN does not answer"
}

# ovn_acls on|off: allow-related for TCP to virtual machines, and nothing else
# of IP but ICMP.
ovn_acls() {
    local one='outport == {"vm-one", "vm-three"}' two='outport == "vm-two"'
    ovn_nbctl acl-del left -- acl-del right || problem "cannot delete ACLs"
    test $1 = off || ovn_nbctl \
        acl-add left to-lport 1000 "$one && tcp" allow-related \
        -- acl-add right to-lport 1000 "$two && tcp" allow-related \
        -- acl-add left to-lport 900 "$one && ip && !icmp && !icmp6" drop \
        -- acl-add right to-lport 900 "$two && ip && !icmp && !icmp6" drop ||
        problem "cannot set ACLs"
    ovn_nbctl --wait=hv sync || problem "OVN does not answer"
}
