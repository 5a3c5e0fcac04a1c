#! /bin/sh
# Makes ./configure; Open vSwitch's own boot.sh is run by ./configure.
command -v autoreconf >/dev/null || {
    echo "boot.sh: autoreconf is missing: apt install autoconf automake" >&2
    exit 1
}
cd "$(dirname "$0")" && exec autoreconf --install --force
