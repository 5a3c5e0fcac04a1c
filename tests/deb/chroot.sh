# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# A Debian in directory $ROOT, made by debootstrap from this machine's own Debian
# archive, and commands in it.  To be sourced after suite-lib.sh.

# dc_archive: the URI of this machine's Debian archive, whatever mirror that is.
dc_archive() {
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(ORIGIN) $(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
        awk '$1 == "Debian" && $2 !~ /-/ { print $3; exit }'
}

# dc_make DEBIAN: makes $ROOT, with what apt needs to ask the archive.
dc_make() {
    local archive keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    archive=$(dc_archive)
    test -n "$archive" || die "apt has no Debian archive (run 'apt-get update')"
    rm -rf "$ROOT"
    debootstrap --variant=minbase --include=ca-certificates,debian-archive-keyring \
        --keyring="$keyring" "$1" "$ROOT" "$archive" || return 1
    echo "deb [signed-by=$keyring] $archive $1 main" >"$ROOT/etc/apt/sources.list"
    # Proxies and the like.
    apt-config dump | grep '^Acquire::' >"$ROOT/etc/apt/apt.conf.d/90host"
    # What is downloaded stays: it is installed where there is no network.
    echo 'APT::Keep-Downloaded-Packages "true";' >"$ROOT/etc/apt/apt.conf.d/91keep"
    # Scripts of packages start daemons, though nothing else has.
    printf '#!/bin/sh\nexit 0\n' >"$ROOT/usr/sbin/policy-rc.d"
    chmod +x "$ROOT/usr/sbin/policy-rc.d"
    # No kernel module is needed, and there may be none.
    ln -s /bin/true "$ROOT/usr/local/sbin/modprobe"
    dc_online apt-get -q update
}

# dc_mount: mounts what programs want, in this mount namespace.
dc_mount() {
    mount --bind "$ROOT" "$ROOT" && mount --rbind /dev "$ROOT/dev" &&
        mount -t proc proc "$ROOT/proc" && mount -t sysfs sys "$ROOT/sys" &&
        mount -t tmpfs -o mode=755 run "$ROOT/run" &&
        mount -t tmpfs tmp "$ROOT/tmp"
}

# dc COMMAND...: after dc_mount.
dc() {
    env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        "${DC_ENV[@]}" chroot "$ROOT" "$@"
}
DC_ENV=()

# dc_online COMMAND...: with this machine's network; what it has started ends
# with it.
dc_online() {
    cp -L /etc/resolv.conf /etc/hosts "$ROOT/etc/" 2>/dev/null
    (export -f dc dc_mount; ROOT=$ROOT unshare --mount --pid --fork --kill-child \
        bash -c 'DC_ENV=(); dc_mount && dc "$@"' - "$@" </dev/null)
}
