# Licensed under the Apache License, Version 2.0; see LICENSE.
#
# What all suites in bash share.  A suite is the script tests/run-SUITE:
#
#     set -u
#     . "$(dirname "$0")/suite-lib.sh"
#     isolate "$@"
#     CASES="
#     #name  words
#     one    1
#     "
#     row() {                       # The words of a row.
#         begin "row $1" || return 0
#         test "$2" = 1 || problem "it is $2"
#         verdict
#     }
#     need_programs awk             # Or the suite fails,
#     need_devices veth             # or everything is skipped.
#     rows row "$CASES"
#     finish
#
# The first argument of a suite is a part of the names of the cases to run.  It
# prints "FAIL: ..." for each case that fails, "SKIP: ..." for each that cannot
# be run here, with the reason, and at last "N passed, N failed, N skipped".
#
# To be sourced by bash, with 'set -u', from the script itself.

SUITE=${0##*/} SUITE=${SUITE#run-}
TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PYTHON3=${PYTHON3:-/usr/bin/python3}
ONLY=${1:-}
# What is made while it runs; gone with it, unless KEEP is set.
TMP=

# ---------------------------------------------------------------------------
# A world of its own.
# ---------------------------------------------------------------------------

# isolate "$@": goes on in mount, network and process namespaces of the suite's
# own, with /run empty.  $TMP is a directory in there, on a tmpfs, and network
# namespaces have any names.  When the suite ends, in whatever way, the kernel
# takes all of that away: processes, namespaces, devices and files.
#
# There is no network in there: what is to be fetched has to be there before.
isolate() {
    local child
    if isolated; then
        mount -t tmpfs -o mode=755 "$SUITE" /run &&
            mkdir /run/netns /run/suite && ip link set lo up || exit 1
        make_tmp
        return
    fi
    if test "$(id -u)" != 0; then
        die "needs root (network namespaces)"
    elif ! unshare --mount --net --pid --fork true; then
        die "cannot make namespaces here"
    fi
    # This process waits; without it the others are killed.
    SUITE_INSIDE=1 setpriv --pdeathsig KILL unshare --mount --net --pid \
        --fork --kill-child --mount-proc "$0" "$@" <&0 &
    child=$!
    trap 'kill -KILL $child; exit 130' INT
    trap 'kill -KILL $child; exit 143' TERM
    trap 'kill -KILL $child; exit 129' HUP
    wait $child
    exit
}

# isolated: are we there already?
isolated() { test $$ = 1 -a -n "${SUITE_INSIDE:-}"; }

# make_tmp: for a suite that needs no world of its own, $TMP alone.
make_tmp() {
    if test -n "${KEEP:-}"; then
        TMP=$(mktemp -d "${TMPDIR:-/tmp}/run-$SUITE.XXXXXX") || exit 1
        echo "Kept: $TMP" >&2
    elif isolated; then
        TMP=/run/suite
    else
        TMP=$(mktemp -d "${TMPDIR:-/tmp}/run-$SUITE.XXXXXX") || exit 1
        trap 'rm -rf -- "$TMP"' EXIT
    fi
}

# need_programs PROGRAM...
need_programs() {
    local p missing=
    for p; do
        command -v "$p" >/dev/null || missing+=" $p"
    done
    test -z "$missing" || die "missing:$missing"
}

# die WHY...: the suite cannot go on, which is a failure.
die() {
    echo "$0: $*" >&2
    exit 1
}

# ---------------------------------------------------------------------------
# Cases and their verdicts.
# ---------------------------------------------------------------------------

PASSED=0 FAILED=0 SKIPPED=0
# Of the case that runs: its name, and what is wrong.
NAME=
PROBLEMS=()

pass() { PASSED=$((PASSED + 1)); }
skip() { SKIPPED=$((SKIPPED + 1)); echo "SKIP: $*"; }
fail() { FAILED=$((FAILED + 1)); echo "FAIL: $*"; }

# selected NAME: is a case of that name to be run?
selected() { case $1 in *"$ONLY"*) ;; *) return 1 ;; esac; }

# begin NAME: a case begins, unless it is not to be run.
begin() {
    selected "$1" || return 1
    NAME=$1 PROBLEMS=()
}

problem() { PROBLEMS+=("$*"); }

# is WHAT GOT WANTED
is() { test "$2" = "$3" || problem "$1: got '$2', not '$3'"; }

# well: has the case no problems so far?
well() { test ${#PROBLEMS[@]} = 0; }

# verdict [WHY...]: the case ends, with a problem if there is a WHY.
verdict() {
    local p
    test $# = 0 || problem "$@"
    well && { pass; return; }
    fail "$NAME: ${PROBLEMS[0]}"
    for p in "${PROBLEMS[@]:1}"; do
        echo "  $NAME: $p"
    done
}

# rows FUNCTION TABLE: calls it with the words of each line of the table that is
# not empty and does not begin with '#'.  It may read from its input, and call
# rows() again.
rows() {
    local words
    while read -r -a words -u 4; do
        case ${words[0]-} in ''|'#'*) continue ;; esac
        "$1" "${words[@]}"
    done 4<<<"$2"
}

# closing FILE: the numbers of the closing line at the end of FILE: passed,
# failed, and skipped if it says so.  Nothing without one.
closing() {
    grep -aE '^[0-9]+ passed, [0-9]+ failed' "$1" | tail -n 1 | sed -nE \
        's/^([0-9]+) passed, ([0-9]+) failed(, ([0-9]+) skipped)?$/\1 \2 \4/p'
}

# add_up NAME STATUS FILE: a test has counted by itself; its output is in FILE.
# Adds up its closing line.  Without one, it has crashed.
add_up() {
    local p f s
    if read -r p f s < <(closing "$3"); then
        PASSED=$((PASSED + p)) FAILED=$((FAILED + f))
        SKIPPED=$((SKIPPED + ${s:-0}))
        test "$2" -eq 0 -o "$f" -ne 0 && return
    fi
    fail "$1: exit status $2"
}

# skip_all WHY...: nothing can be run here.
skip_all() {
    skip "everything: $*"
    finish
}

# finish: the closing line, and the end of the suite.  What has crashed when it
# was to end is a failure, see reap().
finish() {
    local what
    while read -r what; do
        fail "$what"
    done < <(test ! -e "$TMP/crashed" || cat "$TMP/crashed")
    echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"
    test $FAILED = 0 -a $((PASSED + SKIPPED)) != 0
    exit
}

# ---------------------------------------------------------------------------
# Waiting and processes.
# ---------------------------------------------------------------------------

# wait_for SECONDS COMMAND...: until the command succeeds.
wait_for() {
    local i n=$(($1 * 20))
    shift
    for ((i = 0; i < n; i++)); do
        "$@" >/dev/null 2>&1 && return 0
        sleep .05
    done
    return 1
}

# background COMMAND...: LAST_PID is the command itself, which is no function.
# COMMANDS are those that nobody has ended, or found ended.
declare -A COMMANDS
background() {
    "$@" &
    LAST_PID=$! COMMANDS[$!]=$*
}

# end PID...: ends what has been started in the background; kills what is still
# there after 5 seconds.
end() {
    local pid
    for pid; do
        # One that has crashed before is alive()'s to judge.
        kill "$pid" 2>/dev/null || unset "COMMANDS[$pid]"
    done
    reap "$@"
}

# reap PID...: waits for these, which have been told to end.  A crash is told
# at once, and counted by finish(), since this may be a subshell.
reap() {
    local pid
    for pid; do
        wait_for 5 ended "$pid" || kill -KILL "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
        # SIGABRT, SIGBUS, SIGFPE, SIGSEGV.
        case $?${COMMANDS[$pid]:+ known} in
            134*known|135*known|136*known|139*known)
                echo "$NAME: crashed when it was to end: ${COMMANDS[$pid]}" \
                    | tee -a "$TMP/crashed" >&2
                ;;
        esac
        unset "COMMANDS[$pid]"
    done
}

ended() { ! kill -0 "$1"; }
