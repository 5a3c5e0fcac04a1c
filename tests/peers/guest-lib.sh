# Licensed under the Apache License, Version 2.0; see LICENSE.

# A guest with a stock Debian kernel in QEMU, for tests/run-peers: its image, and
# a way to have it run commands.  To be sourced after netns-lib.sh, once
# peers/guest-kernel has filled $GUEST_DIR.

GUEST_TOOLS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# What a row may need, and what reaches the guest at all.
GUEST_MODULES="virtio_pci virtio_net geneve vxlan ip_gre ip6_gre ipip sit
               ip6_tunnel dummy 8021q"
GUEST_PROGRAMS="busybox dash ip ethtool"
# Of busybox' programs: those that peers/init and the rows call.
GUEST_APPLETS="awk cat cut grep head insmod kill mkdir mkfifo mount nc
               sha256sum stty sysctl timeout tr uname"

# guest_can_run: does QEMU, whatever becomes of our image?  It compiles to
# memory that must be writable and executable.
guest_can_run() {
    echo quit | timeout 20 qemu-system-x86_64 -machine none -accel tcg \
        -nodefaults -display none -monitor stdio >"$TMP/guest.log" 2>&1
}

# guest_kernel: sets GUEST_KERNEL and GUEST_VERSION.
guest_kernel() {
    GUEST_KERNEL=$(ls "$GUEST_DIR"/root/boot/vmlinuz-*)
    GUEST_VERSION=${GUEST_KERNEL##*/vmlinuz-}
}

# guest_image: makes $TMP/initramfs.
guest_image() {
    local base=$GUEST_DIR/root image=$TMP/image
    local modules n=100 m p path lib
    # Debian 13 has lib below usr.
    test ! -d "$base/usr/lib/modules" || base=$base/usr
    rm -rf "$image"
    mkdir -p "$image"/{bin,dev,modules,proc,sys,tmp} || return 1

    # modprobe(8) knows in which order they are loaded.
    depmod -b "$base" "$GUEST_VERSION" || return 1
    modules=$(for m in $GUEST_MODULES; do
                  modprobe -d "$base" -S "$GUEST_VERSION" --show-depends \
                      "$m" || echo "missing $m"
              done 2>/dev/null | awk '!seen[$2]++')
    while read -r m p _; do
        case $m in builtin) continue ;; missing) return 1 ;; esac
        n=$((n + 1))
        m=$image/modules/$n-$(basename "$p")
        case $p in
            *.xz) xz -dc "$p" >"${m%.xz}" ;;
            *.zst) zstd -qdc "$p" >"${m%.zst}" ;;
            *) cp "$p" "$m" ;;
        esac || return 1
    done <<<"$modules"

    for p in $GUEST_PROGRAMS; do
        path=$(command -v "$p") || return 1
        cp -L "$path" "$image/bin/$p" || return 1
        # "name => path (address)", or "path (address)" for the loader.
        for lib in $(ldd "$path" 2>/dev/null | grep -o '/[^ ]*'); do
            mkdir -p "$image${lib%/*}"
            cp -Ln "$lib" "$image$lib" || return 1
        done
    done
    for p in $GUEST_APPLETS; do
        ln -s busybox "$image/bin/$p"
    done
    cp "$GUEST_TOOLS/init" "$image/init"
    chmod +x "$image/init"
    (cd "$image" && find . | busybox cpio -o -H newc 2>/dev/null |
        gzip -1) >"$TMP/initramfs" || return 1
    rm -rf "$image"
}

# guest_boot NS QEMU-ARGUMENTS...: returns when it takes commands; GUEST_PID.
# Without "erms" the kernel copies words: QEMU's "rep movsb" does a byte at a
# time.
guest_boot() {
    local ns=$1
    shift
    rm -f "$TMP"/guest.*
    mkfifo "$TMP/guest.in" "$TMP/guest.out" || return 1
    in_ns_bg "$ns" qemu-system-x86_64 -machine pc,accel=tcg \
        -cpu max,-erms,-fsrm -m 256 \
        -nodefaults -no-user-config -display none -no-reboot \
        -kernel "$GUEST_KERNEL" -initrd "$TMP/initramfs" \
        -append "console=ttyS0 quiet panic=-1 rdinit=/init" \
        -chardev file,id=console,path="$TMP/guest.console" \
        -serial chardev:console \
        -chardev pipe,id=control,path="$TMP/guest" -serial chardev:control \
        "$@" </dev/null >"$TMP/guest.log" 2>&1
    GUEST_PID=$LAST_PID
    # Open for both: neither side has to wait for the other.
    exec {GUEST_IN}<>"$TMP/guest.in" {GUEST_OUT}<>"$TMP/guest.out"
    guest_answer 60 READY >/dev/null
}

# guest_answer SECONDS WORD: prints what it says up to the line that begins
# with WORD.  After DONE, that line's number is the status.
guest_answer() {
    local line
    while IFS= read -r -t "$1" -u "$GUEST_OUT" line; do
        line=${line%$'\r'}
        case $line in
            "$2 "*)
                line=${line#"$2 "}
                test "$2" != DONE || return "$line"
                return 0
                ;;
        esac
        printf '%s\n' "$line"
    done
    echo "the guest does not answer"
    return 1
}

# guest COMMAND...: has it run, prints its output, returns its status.
guest() {
    printf '%s\n' "${*//$'\n'/ }" >&"$GUEST_IN"
    guest_answer "${GUEST_SECONDS:-30}" DONE
}

# guest_alive: it answers, and to the last question, not to one before.
guest_alive() {
    local question=$RANDOM
    test "$(GUEST_SECONDS=5 guest "echo $question")" = "$question"
}

# guest_tunnel ENCAP OUTER CSUM EXTRA: its words for `ip link`, from $HOST to 1
# on network 172.16.$NET.0/24 or fd00:$NET::/64.
HOST=2
guest_tunnel() {
    local local=172.16.$NET.$HOST remote=172.16.$NET.1
    local udp=udpcsum key="key 7" csum=
    if test $2 = 6; then
        local=fd00:$NET::$HOST remote=fd00:$NET::1
        udp="noudp6zerocsumtx noudp6zerocsumrx"
        test "$3" = on || udp="udp6zerocsumtx udp6zerocsumrx"
    else
        test "$3" = on || udp=noudpcsum
    fi
    case ,$4, in *,nokey,*) key= ;; esac
    test "$3" = off || csum=csum
    case $1$2 in
        geneve?) echo "geneve id 7 remote $remote dstport 6081 $udp" ;;
        vxlan?) echo "vxlan id 7 local $local remote $remote dstport 4789" \
                     "$udp" ;;
        gre4) echo "gretap local $local remote $remote $key $csum" ;;
        gre6) echo "ip6gretap local $local remote $remote $key $csum" ;;
    esac
}

# to_guest NS ADDRESS [GUEST-NS]: moves $TMP/data from namespace NS to the
# guest, and prints the SHA-256 of what it got.
to_guest() {
    guest "receive 20 ${3:-}" || return 1
    echo 5001 >"$TMP/port"
    in_ns "$1" "$PYTHON3" "$NL_TOOLS/tcp.py" send "$2" \
        "$TMP/port" 15 "$TMP/data" 2>>"$TMP/tcp.err"
    guest received
}

# from_guest NS ADDRESS [GUEST-NS]: has the guest send its /data, and prints
# the SHA-256 of what has arrived in namespace NS.
from_guest() {
    local server
    rm -f "$TMP/port" "$TMP/result"
    in_ns_bg "$1" "$PYTHON3" "$NL_TOOLS/tcp.py" receive "$2" "$TMP/port" \
        15 >"$TMP/result" 2>>"$TMP/tcp.err"
    server=$LAST_PID
    wait_for 10 test -s "$TMP/port" || return 1
    guest "send 15 $2 $(cat "$TMP/port") ${3:-}"
    wait "$server" || return 1
    cut -d ' ' -f 1 "$TMP/result"
}

# in_guest FROM TO ADDRESS: the same from one of its namespaces to another; ""
# is its own.
in_guest() {
    guest "receive 20 $2 && send 15 $3 5001 $1; received"
}
