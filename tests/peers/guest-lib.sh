# Copyright (c) 2026 The tnl-gso authors.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at:
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

# A guest with a stock Debian kernel in QEMU, for tests/run-peers: what it
# takes, its image, and a way to have it run commands.
#
# To be sourced after netns-lib.sh.  The unpacked kernel is kept in
# $GUEST_DIR, so that the next run need not fetch them.  Nothing of the
# kernel's package is installed, and no configuration of apt is touched.

GUEST_TOOLS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# What a row may need, and what reaches the guest at all.
GUEST_MODULES="virtio_pci virtio_net geneve vxlan ip_gre ip6_gre 8021q"
GUEST_PROGRAMS="busybox dash ip ethtool"
# Of busybox' programs: those that peers/init and the rows call.
GUEST_APPLETS="awk cat cut grep head insmod kill mkdir mkfifo mount nc
               sha256sum stty sysctl timeout tr uname"

# guest_need: installs what is missing, where that can be done.  Prints why the
# guest cannot be had and fails.
guest_need() {
    local missing=() p
    for p in qemu-system-x86_64:qemu-system-x86 busybox:busybox-static \
             ip:iproute2 ethtool:ethtool dash:dash modprobe:kmod \
             xz:xz-utils; do
        command -v "${p%%:*}" >/dev/null || missing+=("${p#*:}")
    done
    test "$(uname -m)" = x86_64 || { echo "no x86-64 machine"; return 1; }
    command -v apt-get >/dev/null ||
        { echo "no apt, to fetch a kernel"; return 1; }
    if test ${#missing[@]} != 0; then
        echo "Installing: ${missing[*]}" >&2
        guest_apt install -y --no-install-recommends "${missing[@]}" ||
            { guest_apt update && guest_apt install -y \
                --no-install-recommends "${missing[@]}"; } ||
            { echo "cannot install: ${missing[*]}"; return 1; }
    fi
}

# guest_can_run: does QEMU, whatever becomes of our image?  It compiles to
# memory that must be writable and executable.
guest_can_run() {
    echo quit | timeout 20 qemu-system-x86_64 -machine none -accel tcg \
        -nodefaults -display none -monitor stdio >"$NL_TMP/guest.log" 2>&1
}

guest_apt() {
    DEBIAN_FRONTEND=noninteractive nl_fg apt-get -q \
        -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 "$@" \
        </dev/null >>"$NL_TMP/apt.log" 2>&1
}

# guest_kernel: sets GUEST_KERNEL and GUEST_VERSION.  The small kernel (a third
# of the other's size) has all modules.
guest_kernel() {
    mkdir -p "$GUEST_DIR" || return 1
    if ! ls "$GUEST_DIR"/root/boot/vmlinuz-* >/dev/null 2>&1; then
        # Package lists may be missing, or older than what can be fetched.
        guest_fetch || { guest_apt update && guest_fetch; } || {
            echo "apt cannot fetch what linux-image-cloud-amd64 depends on"
            return 1
        }
        rm -rf "$GUEST_DIR/root" "$GUEST_DIR/new"
        dpkg-deb -x "$NL_TMP"/deb/*.deb "$GUEST_DIR/new" ||
            { echo "cannot unpack the kernel"; return 1; }
        mv "$GUEST_DIR/new" "$GUEST_DIR/root"
    fi
    GUEST_KERNEL=$(ls "$GUEST_DIR"/root/boot/vmlinuz-*)
    GUEST_VERSION=${GUEST_KERNEL##*/vmlinuz-}
}

# guest_fetch: one package, in $NL_TMP/deb.
guest_fetch() {
    local package
    package=$(guest_package)
    test -n "$package" || return 1
    echo "Fetching: $package" >&2
    rm -rf "$NL_TMP/deb"
    mkdir "$NL_TMP/deb"
    (cd "$NL_TMP/deb" && guest_apt download "$package")
}

guest_package() {
    apt-cache depends --important linux-image-cloud-amd64 2>/dev/null |
        sed -n 's/^ *Depends: *\(linux-image-[0-9]\)/\1/p' | head -n 1
}

# guest_image: makes $NL_TMP/initramfs.
guest_image() {
    local base=$GUEST_DIR/root image=$NL_TMP/image
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
        gzip -1) >"$NL_TMP/initramfs" || return 1
    rm -rf "$image"
}

# guest_boot NS QEMU-ARGUMENTS...: returns when it takes commands; GUEST_PID.
# Without "erms" the kernel copies words: QEMU's "rep movsb" does a byte at a
# time.
guest_boot() {
    local ns=$1
    shift
    rm -f "$NL_TMP"/guest.*
    mkfifo "$NL_TMP/guest.in" "$NL_TMP/guest.out" || return 1
    in_ns_bg "$ns" qemu-system-x86_64 -machine pc,accel=tcg \
        -cpu max,-erms,-fsrm -m 256 \
        -nodefaults -no-user-config -display none -no-reboot \
        -kernel "$GUEST_KERNEL" -initrd "$NL_TMP/initramfs" \
        -append "console=ttyS0 quiet panic=-1 rdinit=/init" \
        -chardev file,id=console,path="$NL_TMP/guest.console" \
        -serial chardev:console \
        -chardev pipe,id=control,path="$NL_TMP/guest" -serial chardev:control \
        "$@" </dev/null >"$NL_TMP/guest.log" 2>&1
    GUEST_PID=$NL_LAST_PID
    # Open for both: neither side has to wait for the other.
    exec {GUEST_IN}<>"$NL_TMP/guest.in" {GUEST_OUT}<>"$NL_TMP/guest.out"
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

# to_guest NS ADDRESS [GUEST-NS]: moves $NL_TMP/data from namespace NS to the
# guest, and prints the SHA-256 of what it got.
to_guest() {
    guest "receive 20 ${3:-}" || return 1
    echo 5001 >"$NL_TMP/port"
    nl_fg ip netns exec "$NL_RUN-$1" "$PYTHON3" "$NL_TOOLS/tcp.py" send "$2" \
        "$NL_TMP/port" 15 "$NL_TMP/data" 2>>"$NL_TMP/tcp.err"
    guest received
}

# from_guest NS ADDRESS [GUEST-NS]: has the guest send its /data, and prints
# the SHA-256 of what has arrived in namespace NS.
from_guest() {
    local server
    rm -f "$NL_TMP/port" "$NL_TMP/result"
    in_ns_bg "$1" "$PYTHON3" "$NL_TOOLS/tcp.py" receive "$2" "$NL_TMP/port" \
        15 >"$NL_TMP/result" 2>>"$NL_TMP/tcp.err"
    server=$NL_LAST_PID
    nl_wait 10 test -s "$NL_TMP/port" || return 1
    guest "send 15 $2 $(cat "$NL_TMP/port") ${3:-}"
    nl_join "$server" || return 1
    cut -d ' ' -f 1 "$NL_TMP/result"
}

# in_guest FROM TO ADDRESS: the same from one of its namespaces to another; ""
# is its own.
in_guest() {
    guest "receive 20 $2 && send 15 $3 5001 $1; received"
}
