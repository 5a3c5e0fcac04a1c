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
"""What the cases of sttpop.py are made of: STT packets of the peer's."""

import itertools
import socket

import frames
import sttbed
from stt import Inner, Outer, cut, stt_frame
from sttbed import KEY, final

# Cases: functions that are called with a bed and the outer IP version, and
# return (what to send, what must arrive, reasons counted).  What is sent is a
# frame, or (vnet header, frame), or a pause in seconds.  What must arrive is
# (frame, mss).  A reason may be counted any number of times if it says SOME.
SOME = -1
CASES = []


def pop(*args, **kwargs):
    return sttbed.register(CASES, *args, **kwargs)


# Frame IDs that have been used.
ids = itertools.count(0x7f000001)


def outer_of(bed, version, **kwargs):
    """From the peer to Open vSwitch."""
    here, there = frames.OUTER_ADDRESSES[version]
    kwargs.setdefault('src', there)
    return Outer(version, dst=here, dmac=bed.mac, **kwargs)


def other_peer(version):
    if version == 4:
        return socket.inet_pton(socket.AF_INET, '172.16.1.3')
    return socket.inet_pton(socket.AF_INET6, 'fd00:1::3')


def parts(bed, version, data, mss=1400, frame_id=None, **kwargs):
    """An STT frame in packets, with a frame ID of its own."""
    return cut(outer_of(bed, version, **kwargs), frame_id or next(ids), data,
               mss)


def whole(bed, sp):
    """What becomes of an STT frame with a superpacket inside."""
    if bed.tso and sp.n_segments() > 1:
        return [(Inner(sp.frame).complete(), sp.row['mss'])]
    return [(f, 0) for f in sp.segments()]


def refused(name, reason, versions=(4, 6)):
    """The case of one packet or a list of them, each refused."""
    def register(f):
        def case(bed, v):
            send = f(bed, v)
            send = send if isinstance(send, list) else [send]
            return send, [], {reason: len(send)}
        return pop(name, versions=versions)(case)
    return register


def one(bed, v, data, frame_id=None, **kwargs):
    """One packet with all of 'data'."""
    outer = {k: kwargs.pop(k) for k in ('tos', 'sport') if k in kwargs}
    return outer_of(bed, v, **outer).packet(
        kwargs.pop('seq', len(data) << 16),
        next(ids) if frame_id is None else frame_id, data, **kwargs)


SMALL = stt_frame(final(payload=300), KEY, partial=False)
