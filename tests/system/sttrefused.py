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
"""Cases of sttpop.py with something that has to be refused."""

import struct

import frames
from frames import ACK, TCP
from stt import csum, cut, header, stt_frame
from sttbed import KEY, opaque, spoiled, tcp
from sttparts import (SMALL, SOME, ids, one, other_peer, outer_of, parts, pop,
                      refused, whole)


@refused('TCP checksum', 'bad_checksum')
def _(bed, v):
    return [one(bed, v, SMALL, spoil=1),
            spoiled(one(bed, v, SMALL), 150, 0x11),
            one(bed, v, SMALL)[:-1] + b'\xee']


@pop('TCP checksum of a part; then the right one')
def _(bed, v):
    sp = tcp(payload=6000, mss=1300)
    p = parts(bed, v, stt_frame(sp.frame, KEY, 1300))
    return ([p[0], p[1], spoiled(p[2], 200, p[2][200] ^ 1), p[3], p[4], p[2]],
            whole(bed, sp), {'bad_checksum': 1})


@refused('lengths', 'bad_length')
def _(bed, v):
    n = len(SMALL)
    return [one(bed, v, b'', seq=100 << 16),
            one(bed, v, SMALL, seq=n - 1 << 16),
            one(bed, v, SMALL, seq=n << 16 | 1),
            one(bed, v, SMALL, seq=0),
            one(bed, v, SMALL, seq=0xffff << 16 | 0xffff),
            one(bed, v, SMALL[:17]),
            one(bed, v, SMALL[:1], seq=17 << 16)]


@refused('too short for Ethernet', 'bad_length')
def _(bed, v):
    return [one(bed, v, SMALL[:n]) for n in (18, 31)]


@pop('parts twice, and over each other')
def _(bed, v):
    sp = tcp(payload=6000, mss=1300)
    data = stt_frame(sp.frame, KEY, 1300)
    outer, i = outer_of(bed, v), next(ids)

    def part(a, b):
        return outer.packet(len(data) << 16 | a, i, data[a:b], ACK)
    return ([part(1400, 2800), part(1400, 2800), part(1400, 2000),
             part(2799, 2900), part(1000, 1401), part(1000, 4000),
             part(0, 1400), part(2800, 4200), part(0, 1), part(4200, 5600),
             part(5600, len(data))], whole(bed, sp),
            {'duplicate': 3, 'overlap': 3})


@pop('parts of another length')
def _(bed, v):
    sp = tcp(payload=6000, mss=1300)
    data = stt_frame(sp.frame, KEY, 1300)
    i = next(ids)
    p = cut(outer_of(bed, v), i, data, 1400)
    wrong = outer_of(bed, v).packet((len(data) + 1) << 16 | 1400, i,
                                data[1400:2800], ACK)
    ahead = outer_of(bed, v).packet((len(data) - 1) << 16, i, data[:8], ACK)
    # Parts of frames of their own.
    return [ahead, p[0], wrong] + p[1:], whole(bed, sp), {}


@pop('data offset')
def _(bed, v):
    def doff(f, n):
        # The checksum stays right.
        at = outer_of(bed, v).l4_ofs()
        g = bytearray(f)
        g[at + 12] = n << 4
        g[at + 16:at + 18] = bytes(2)
        length = len(f) - at
        src, dst = outer_of(bed, v).src, outer_of(bed, v).dst
        s = csum(bytes(g[at:]), frames.pseudo_sum(src, dst, TCP, length))
        g[at + 16:at + 18] = struct.pack('!H', s ^ 0xffff)
        return bytes(g)
    f = one(bed, v, SMALL)
    # The others are not TCP to Open vSwitch.
    return ([one(bed, v, SMALL, options=b'\1\1\1\0')]
            + [doff(f, n) for n in (0, 4, 6, 15)], [], {'bad_tcp_header': 3})


@refused('version', 'bad_version')
def _(bed, v):
    return [one(bed, v, spoiled(SMALL, 0, version)) for version in (1, 255)]


@pop('version, in parts')
def _(bed, v):
    sp = tcp(payload=6000, mss=1300)
    return (parts(bed, v, stt_frame(sp.frame, KEY, 1300, version=1)), [],
            {'bad_version': 1})


@refused('offload fields', 'bad_offload')
def _(bed, v):
    t4, t6, u4, u6 = (tcp(ip=ip, l4=l4, payload=900).frame
                      for l4 in ('tcp', 'udp') for ip in (4, 6))
    return [one(bed, v, header(flags, ofs, mss, key=KEY) + f)
            for flags, ofs, mss, f in (
                (0x0e, 33, 0, t4), (0x0e, 35, 0, t4), (0x0e, 38, 0, t4),
                (0x0e, 0, 0, t4), (0x0e, 255, 0, t4), (0x0a, 34, 0, t6),
                (0x0e, 54, 0, t6), (0x0a, 34, 0, t4), (0x0a, 53, 0, t6),
                (0x06, 34, 0, t4), (0x0e, 34, 0, u4), (0x0a, 54, 0, u6),
                (0x02, 54, 0, t6), (0x06, 34, 500, u4), (0x02, 54, 500, u6),
                (0x0e, 34, 0, t4[:50]), (0x06, 34, 0, u4[:38]),
                (0x0e, 34, 0, opaque()),
                (0x0e, 34, 500, spoiled(t4, 46, 0x40)),
                (0x0e, 34, 500, spoiled(t4, 46, 0xf0)[:90]),
                # Less than its IP header says.
                (0x0e, 34, 0, t4[:-1]), (0x0a, 54, 0, t6[:-1]),
                (0x06, 34, 0, u4[:-1]), (0x02, 54, 0, u6[:-1]),
                # A fragment.
                (0x0e, 34, 0, spoiled(t4, 20, 0x20)))]


@refused('small mss', 'small_mss')
def _(bed, v):
    t4, t6 = (tcp(ip=ip, l4='tcp', payload=900).frame for ip in (4, 6))
    return [one(bed, v, header(flags, ofs, mss, key=KEY) + f)
            for flags, ofs, f in ((0x0e, 34, t4), (0x0a, 54, t6))
            for mss in (1, 48, 471)]


@pop('least mss')
def _(bed, v):
    sp = tcp(payload=6000, mss=472)
    return parts(bed, v, stt_frame(sp.frame, KEY, 472)), whole(bed, sp), {}


@pop('IP length', versions=(4,))
def _(bed, v):
    # These do not look like IP to Open vSwitch.
    def length(f, n):
        f = bytearray(f)
        struct.pack_into('!HHHBBH', f, 16, n, 1, 0, 64, TCP, 0)
        struct.pack_into('!H', f, 24, csum(bytes(f[14:34])) ^ 0xffff)
        return bytes(f)
    f = one(bed, v, SMALL)
    return [length(f, n) for n in (len(f) - 13, 39, 21)], [], {}


@pop('fragments of IP', versions=(4,))
def _(bed, v):
    # Not ours: nobody puts them together.
    f = bytearray(one(bed, v, SMALL))
    struct.pack_into('!H', f, 20, 0x2000)
    struct.pack_into('!H', f, 24, 0)
    struct.pack_into('!H', f, 24, csum(bytes(f[14:34])) ^ 0xffff)
    return [bytes(f)], [], {}


@pop('expiry')
def _(bed, v):
    # The script that calls this has set a time of one second.
    sp = tcp(payload=6000, mss=1300)
    p = parts(bed, v, stt_frame(sp.frame, KEY, 1300))
    return p[:2] + p[3:] + [2.5, p[2]], [], {'expired': SOME}


@pop('flood of first parts')
def _(bed, v):
    sp = tcp(payload=6000, mss=1300)
    p = parts(bed, v, stt_frame(sp.frame, KEY, 1300))
    flood = []
    for i in range(500):
        flood.append(outer_of(bed, v, src=other_peer(v)).packet(
            0xffd7 << 16, next(ids), SMALL, ACK))
        # A socket's buffer may be small.
        if i % 25 == 0:
            flood.append(.01)
    return p[:3] + flood + p[3:], whole(bed, sp), {'evicted_peer': SOME}
