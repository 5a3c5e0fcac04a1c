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
"""What sttpop.py and sttpush.py share: Open vSwitch between a "virtual
machine" and a peer of its STT tunnel, both of them packet sockets in network
namespaces of their own.
"""

import collections
import ctypes
import os
import struct
import subprocess

import frames
from stt import Inner

SECONDS = 3
KEY = 0x123456789abcdef0
MARKER = bytes.fromhex('025e00000fff025e00000ffe88b5') + b'marker' * 10

# 'function' is called with a bed and the version of outer IP, one of
# 'versions'.  'tso' is None where it does not matter what Open vSwitch does
# with superpackets.  'flows': there are several, so that the order is open.
Case = collections.namedtuple('Case', 'name function tso versions flows')


def register(cases, name, tso=None, versions=(4, 6), flows=False):
    """Decorator: a function is a case."""
    return lambda f: cases.append(Case(name, f, tso, versions, flows)) or f


def in_netns(name, function, *args):
    """Calls it there; a socket stays where it was made."""
    libc = ctypes.CDLL(None, use_errno=True)
    here = os.open('/proc/self/ns/net', os.O_RDONLY)
    there = os.open('/run/netns/' + name, os.O_RDONLY)
    if libc.setns(there, 0x40000000):
        raise OSError(ctypes.get_errno(), 'setns ' + name)
    try:
        return function(*args)
    finally:
        libc.setns(here, 0x40000000)
        os.close(here)
        os.close(there)


class Bed:
    def __init__(self, vm_ns, vm_if, peer_ns, peer_if, mac, tso):
        self.mac, self.tso = frames.mac(mac), tso == 'on'
        self.vm_out = in_netns(vm_ns, frames.inject_socket, vm_if, True)
        self.vm_in = in_netns(vm_ns, frames.Sniffer, vm_if, True)
        self.peer_out = in_netns(peer_ns, frames.inject_socket, peer_if, True)
        self.peer_in = in_netns(peer_ns, frames.Sniffer, peer_if)


# Inner frames.

def tcp(seed=1, **fields):
    """A TCP superpacket or packet of frames.py, checksum pending."""
    row = frames.ROW.copy()
    row.update(fields)
    return frames.Superpacket(row, seed)


def final(seed=1, **fields):
    """The same, finished, without anything pending."""
    return Inner(tcp(seed, **fields).frame).complete()


def opaque(ethertype=0x88b5, n=100):
    return frames.eth(frames.INNER_SRC, frames.INNER_DST, ethertype) + bytes(
        i * 7 & 255 for i in range(n))


def tagged(frame, *tags):
    return frame[:12] + b''.join(struct.pack('!HH', *t) for t in tags) \
        + frame[12:]


def spoiled(frame, ofs, value):
    """With another byte at 'ofs'."""
    return frame[:ofs] + bytes([value]) + frame[ofs + 1:]


def compare(case, got, want):
    """Problems: the first of (frame, ...) in 'got' that is wrong."""
    if case.flows:
        got, want = sorted(got), sorted(want)
    if got == want:
        return []
    text = '%d frames, should be %d' % (len(got), len(want))
    i = next((i for i, (g, w) in enumerate(zip(got, want)) if g != w),
             min(len(got), len(want)))
    if i == len(want):
        return [text, 'frame %d: %s' % (i, got[i][0][:80].hex())]
    if i == len(got):
        return [text]
    g, w = got[i], want[i]
    if g[0] == w[0]:
        return [text, 'frame %d: %s, not %s' % (i, g[1:], w[1:])]
    at = next((j for j, (a, b) in enumerate(zip(g[0], w[0])) if a != b),
              min(len(g[0]), len(w[0])))
    return [text, 'frame %d: byte %d is wrong: %s (%d bytes), not %s (%d)'
            % (i, at, g[0][at:at + 8].hex(), len(g[0]), w[0][at:at + 8].hex(),
               len(w[0]))]


def run(what, words, cases, run_case):
    """The program: 'words' are Bed's, PART, VERSIONS."""
    if len(words) < 8:
        return False
    bed, part, versions = Bed(*words[:6]), words[6], words[7]
    n = {True: 0, False: 0}
    for case in cases:
        for version in case.versions:
            name = '%s %s outer=%d tso=%s' % (what, case.name, version,
                                              words[5])
            if (case.tso not in (None, bed.tso) or part not in name
                    or str(version) not in versions):
                continue
            try:
                problems = run_case(bed, case, version, words[8:])
            except (OSError, ValueError, subprocess.SubprocessError) as e:
                problems = [str(e)]
            if problems:
                print('FAIL: %s: %s' % (name, '; '.join(problems)))
            n[not problems] += 1
    print(n[True], n[False])
    return True
