#!/usr/bin/python3
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
"""STT packets that nobody but this program has made, into Open vSwitch.

    sttpop.py VM-NETNS VM-IF PEER-NETNS PEER-IF MAC TSO PART VERSIONS
              COMMAND...

Each case sends STT packets from PEER-IF to MAC, Open vSwitch's.  What is
expected must arrive at VM-IF, and nothing else; and `stt/show`, which COMMAND
prints as JSON, must have counted the expected reasons, and nothing else.

TSO ("on", "off") is whether Open vSwitch hands over superpackets.  Runs each
case that has PART in its name, over outer IP of VERSIONS ("46"), and prints a
line "FAIL: ..." for each that fails, and "PASSED FAILED" in the end.
"""

import json
import struct
import subprocess
import sys
import time

import frames
import sttbed
import sttgood         # These two register their cases.
import sttrefused
from stt import Inner, stt_frame
from sttbed import KEY, MARKER, SECONDS, compare
from sttparts import CASES, SOME, parts

REASONS = ('bad_checksum', 'bad_length', 'duplicate', 'overlap',
           'too_many_holes', 'no_memory', 'bad_ip', 'bad_tcp_header',
           'bad_version', 'bad_offload', 'small_mss', 'evicted_peer', 'evicted')
# May follow later, from what an earlier case has left.
LATE_REASONS = ('expired',)


def arrived(vnet, frame):
    """A frame with its checksum completed, and its mss."""
    flags, gso, _, mss, start, ofs = struct.unpack('<BBHHHH', vnet)
    inner = Inner(frame)
    if gso:
        want = (frames.GSO_TCPV4 if inner.layer.version == 4
                else frames.GSO_TCPV6)
        if gso & ~frames.GSO_ECN != want or not flags & frames.NEEDS_CSUM:
            return ('vnet header %s' % vnet.hex()).encode(), 0
    if flags & frames.NEEDS_CSUM:
        tag = 4 * (struct.unpack_from('!H', frame, 12)[0] in frames.TAGS)
        if (inner.csum_ofs is None or start != inner.l4_ofs - tag
                or start + ofs != inner.csum_ofs - tag
                or inner.field() % 0xffff != inner.pseudo % 0xffff):
            return ('vnet header %s' % vnet.hex()).encode(), 0
        frame = inner.complete()
    return frame, mss if gso else 0


def counts(command):
    """All numbers of `stt/show`, by name."""
    text = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    found = {}

    def walk(x):
        for k, value in x.items():
            if isinstance(value, dict):
                walk(value)
            elif isinstance(value, int):
                found[k] = value

    walk(json.loads(text))
    return found


def counted(before, after, wanted):
    reasons = {r: after[r] - before[r] for r in REASONS + LATE_REASONS
               if after[r] != before[r] and (r in REASONS or r in wanted)}
    return {r: SOME if wanted.get(r) == SOME else n
            for r, n in reasons.items()}


def run_case(bed, case, version, command):
    before = counts(command)
    send, want, reasons = case.function(bed, version)
    for f in send:
        if isinstance(f, float):
            time.sleep(f)
            continue
        vnet, f = f if isinstance(f, tuple) else (bytes(10), f)
        bed.peer_out.send(vnet + f)
    got = bed.vm_in.collect(len(want), SECONDS)
    deadline = time.monotonic() + SECONDS
    while True:
        after = counts(command)
        n = counted(before, after, reasons)
        if (sum(n.values()) >= sum(reasons.values()) and len(n) >= len(reasons)
                or time.monotonic() > deadline):
            break
    # Whatever else there is must come before this one.
    for f in parts(bed, version, stt_frame(MARKER, KEY, partial=False)):
        bed.peer_out.send(bytes(10) + f)
    while not got or got[-1][10:] != MARKER:
        more = bed.vm_in.collect(1, SECONDS)
        if not more:
            return ['nothing gets through afterwards']
        got += more
    problems = compare(case, [arrived(f[:10], f[10:]) for f in got[:-1]], want)
    if n != reasons:
        problems.append('counted %s, not %s' % (n, reasons))
    if after['max-bytes'] > after['limit']:
        problems.append('memory: %d, limit %d' % (after['max-bytes'],
                                                  after['limit']))
    return problems


if __name__ == '__main__':
    if not sttbed.run('pop', sys.argv[1:], CASES, run_case):
        sys.exit(__doc__)
