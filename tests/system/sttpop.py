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

import itertools
import json
import socket
import struct
import subprocess
import sys
import time

import frames
import sttbed
from frames import ACK, ADDRESSES, ETH_P_8021AD, ETH_P_8021Q, PSH, RST, TCP
from stt import (IPV4, IS_TCP, MAX_INNER, PARTIAL, VERIFIED, Inner, Outer,
                 csum, cut, header, pieces, stt_frame, superpacket)
from sttbed import (KEY, MARKER, SECONDS, compare, final, opaque, spoiled,
                    tagged, tcp)

REASONS = ('bad_checksum', 'bad_length', 'duplicate', 'overlap', 'other_total',
           'too_many_holes', 'no_memory', 'bad_ip', 'bad_tcp_header',
           'bad_version', 'bad_offload', 'evicted_peer', 'evicted')
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


@pop('flags 0')
def _(bed, v):
    f = final(payload=500)
    return parts(bed, v, stt_frame(f, KEY, partial=False)), [(f, 0)], {}


@pop('flags 0, mss is ignored')
def _(bed, v):
    f = final(payload=500)
    return (parts(bed, v, stt_frame(f, KEY, partial=False, mss=100)), [(f, 0)],
            {})


@pop('verified')
def _(bed, v):
    f = final(payload=500)
    return parts(bed, v, header(VERIFIED, key=KEY) + f), [(f, 0)], {}


@pop('flags 0, wrong inner checksum stays wrong')
def _(bed, v):
    f = spoiled(final(payload=500), 60, 0x99)
    return parts(bed, v, stt_frame(f, KEY, partial=False)), [(f, 0)], {}


@pop('partial', flows=True)
def _(bed, v):
    send, want = [], []
    for ip in 4, 6:
        for l4 in 'tcp', 'udp':
            f = tcp(ip=ip, l4=l4, payload=701).frame
            send += parts(bed, v, stt_frame(f, KEY))
            want.append((Inner(f).complete(), 0))
    # A guest has padded it.
    f = tcp(payload=1).frame + bytes(5)
    return (send + parts(bed, v, stt_frame(f, KEY)),
            want + [(Inner(f).complete(), 0)], {})


@pop('partial, IPv4 options and IPv6 extension headers', flows=True)
def _(bed, v):
    send, want = [], []
    for f in (tcp(ipopts=bytes(8), payload=10).frame,
              tcp(ip=6, ext=((0, bytes.fromhex('050200000100')),),
                  payload=10).frame):
        send += parts(bed, v, stt_frame(f, KEY))
        want.append((Inner(f).complete(), 0))
    return send, want, {}


@pop('partial, reserved bits are ignored')
def _(bed, v):
    f = tcp(payload=800).frame
    data = spoiled(stt_frame(f, KEY, reserved=0x5a), 1,
                   0xf0 | PARTIAL | IPV4 | IS_TCP)
    return parts(bed, v, data), [(Inner(f).complete(), 0)], {}


@pop('superpacket', flows=True)
def _(bed, v):
    send, want = [], []
    for ip in 4, 6:
        sp = tcp(ip=ip, payload=20000, mss=1300)
        send += parts(bed, v, stt_frame(sp.frame, KEY, 1300))
        want += whole(bed, sp)
    return send, want, {}


@pop('largest superpacket')
def _(bed, v):
    # Over IPv6 the length of an IP packet has no room for more than over IPv4.
    n = MAX_INNER
    sp = tcp(payload=n - 54, mss=1300)
    assert len(sp.frame) == n
    return parts(bed, v, stt_frame(sp.frame, KEY, 1300)), whole(bed, sp), {}


@pop('superpacket, FIN, PSH and CWR')
def _(bed, v):
    sp = tcp(payload=5000, mss=1300, flags=ACK | PSH | frames.FIN | frames.CWR)
    return parts(bed, v, stt_frame(sp.frame, KEY, 1300)), whole(bed, sp), {}


@pop('mss is more than there is')
def _(bed, v):
    sp = tcp(payload=1000, mss=1400)
    return parts(bed, v, stt_frame(sp.frame, KEY, 1400)), whole(bed, sp), {}


@pop('9000 bytes without mss')
def _(bed, v):
    f = tcp(payload=8000, mss=8000).frame
    return (parts(bed, v, stt_frame(f, KEY)), [(Inner(f).complete(), 0)], {})


@pop('VLAN', flows=True)
def _(bed, v):
    send, want = [], []
    for tci in 0xb005, 0x0005, 0x1000:
        f = final(payload=300)
        send += parts(bed, v, stt_frame(f, KEY, tci=tci, partial=False))
        want.append((tagged(f, (ETH_P_8021Q, tci & 0xefff)), 0))
    return send, want, {}


@pop('VLAN, superpacket')
def _(bed, v):
    sp = tcp(payload=20000, mss=1300)
    want = [(tagged(f, (ETH_P_8021Q, 0xa005)), mss)
            for f, mss in whole(bed, sp)]
    return parts(bed, v, stt_frame(sp.frame, KEY, 1300, tci=0xb005)), want, {}


@pop('VLAN, and another tag inside')
def _(bed, v):
    f = tagged(final(payload=300), (ETH_P_8021Q, 9))
    return (parts(bed, v, stt_frame(f, KEY, tci=0x1005, partial=False)),
            [(tagged(f, (ETH_P_8021Q, 5)), 0)], {})


@pop('tag inside')
def _(bed, v):
    f = tagged(final(payload=300), (ETH_P_8021AD, 9))
    return parts(bed, v, stt_frame(f, KEY, partial=False)), [(f, 0)], {}


@pop('neither IP nor VLAN')
def _(bed, v):
    f = opaque()
    return parts(bed, v, stt_frame(f, KEY, partial=False)), [(f, 0)], {}


@pop('shortest frame')
def _(bed, v):
    # Ethernet, and 46 bytes: ARP in a frame of 60.
    f = opaque(0x0806, 46)
    return parts(bed, v, stt_frame(f, KEY, partial=False)), [(f, 0)], {}


@pop('SCTP')
def _(bed, v):
    src, dst = ADDRESSES[4]
    body = struct.pack('!HHII', 1, 2, 3, 0xdeadbeef) + bytes(40)
    f = (frames.eth(frames.INNER_SRC, frames.INNER_DST, frames.ETH_P_IP)
         + frames.ipv4(src, dst, 132, len(body)) + body)
    return parts(bed, v, stt_frame(f, KEY, partial=False)), [(f, 0)], {}


@pop('key of 64 bits')
def _(bed, v):
    # The flow table wants KEY; these differ in a bit of either half.
    f = final(payload=300)
    return ([p for key in (KEY ^ 1, KEY ^ 1 << 63, KEY)
             for p in parts(bed, v, stt_frame(f, key, partial=False))],
            [(f, 0)], {})


@pop('out of order')
def _(bed, v):
    send, want = [], []
    for i, order in enumerate(((4, 3, 2, 1, 0), (1, 2, 3, 4, 0),
                               (2, 0, 4, 1, 3), (0, 4, 1, 3, 2))):
        sp = tcp(seed=i, payload=6000, mss=1300)
        p = parts(bed, v, stt_frame(sp.frame, KEY, 1300))
        assert len(p) == 5
        send += [p[j] for j in order]
        want += whole(bed, sp)
    return send, want, {}


@pop('two frames, by turns')
def _(bed, v):
    sps = [tcp(seed=i, payload=6000 - i, mss=1300) for i in (1, 2)]
    a, b = (parts(bed, v, stt_frame(sp.frame, KEY, 1300)) for sp in sps)
    return ([p for pair in zip(a, b) for p in pair],
            [f for sp in sps for f in whole(bed, sp)], {})


@pop('two peers, one frame ID', flows=True)
def _(bed, v):
    sps = [tcp(seed=i, payload=6000, mss=1300) for i in (1, 2)]
    i = next(ids)
    a = parts(bed, v, stt_frame(sps[0].frame, KEY, 1300), frame_id=i)
    b = parts(bed, v, stt_frame(sps[1].frame, KEY, 1300), frame_id=i,
              src=other_peer(v))
    return ([p for pair in zip(a, b) for p in pair],
            [f for sp in sps for f in whole(bed, sp)], {})


@pop('ports and flags do not matter')
def _(bed, v):
    sp = tcp(payload=6000, mss=1300)
    data = stt_frame(sp.frame, KEY, 1300)
    frame_id = next(ids)
    send = [outer_of(bed, v, sport=i * 7 + 1).packet(
                len(data) << 16 | ofs, frame_id, part, flags, window=i)
            for i, ((ofs, part, _), flags) in enumerate(
                zip(pieces(data, 1400), (0, 0x3f, RST, frames.SYN, PSH)))]
    return send, whole(bed, sp), {}


@pop('parts of any length')
def _(bed, v):
    # As if a device had joined some.
    sp = tcp(payload=30000, mss=1300)
    data = stt_frame(sp.frame, KEY, 1300)
    outer, frame_id, ofs, send = outer_of(bed, v), next(ids), 0, []
    for n in 1, 7000, 17, 1400, 2800, 8000, 2, 5600, 5600, 5600:
        if ofs < len(data):
            send.append(outer.packet(len(data) << 16 | ofs, frame_id,
                                     data[ofs:ofs + n], ACK))
        ofs += n
    return send, whole(bed, sp), {}


@pop('whole, not cut on the way', tso=True)
def _(bed, v):
    sp = tcp(payload=50000, mss=1300)
    return ([superpacket(outer_of(bed, v), next(ids),
                         stt_frame(sp.frame, KEY, 1300), 1400)],
            whole(bed, sp), {})


@pop('joined in part, checksums pending', tso=True)
def _(bed, v):
    sp = tcp(payload=50000, mss=1300)
    data = stt_frame(sp.frame, KEY, 1300)
    frame_id, send = next(ids), []
    for ofs, part, _ in pieces(data, 14000):
        outer = outer_of(bed, v)
        f = outer.packet(len(data) << 16 | ofs, frame_id, part, ACK,
                         partial=True)
        vnet, _ = superpacket(outer, 0, part, 1400)
        send.append((vnet, f))
    return send, whole(bed, sp), {}


@pop('padding', flows=True)
def _(bed, v):
    sp = tcp(payload=6000, mss=1300)
    data = stt_frame(sp.frame, KEY, 1300)
    # A last packet of one byte: the device pads it.
    p = parts(bed, v, data, mss=-(-len(data) // 4 - 1))
    p = [f + b'\xa5' * 7 for f in p]
    p[-1] = p[-1][:-7] + bytes(6)
    f = final(payload=0)
    return (p + [parts(bed, v, stt_frame(f, KEY, partial=False))[0] + b'\x5a'],
            whole(bed, sp) + [(f, 0)], {})


@pop('extension header', versions=(6,))
def _(bed, v):
    sp = tcp(payload=6000, mss=1300)
    ext = ((frames.DSTOPTS, bytes.fromhex('010c') + bytes(12)),)
    return (parts(bed, v, stt_frame(sp.frame, KEY, 1300), ext=ext),
            whole(bed, sp), {})


@pop('congestion experienced')
def _(bed, v):
    send, want = [], []
    for ce in range(5):
        sp = tcp(seed=ce, payload=6000, mss=1300, tos=2)
        data, i = stt_frame(sp.frame, KEY, 1300), next(ids)
        p = parts(bed, v, data, frame_id=i, tos=2)
        p[ce] = parts(bed, v, data, frame_id=i, tos=3)[ce]
        send += p
        want += whole(bed, tcp(seed=ce, payload=6000, mss=1300, tos=3))
    return send, want, {}


@pop('RSTs')
def _(bed, v):
    # What a host answers, and the same to our port.
    rsts = [outer_of(bed, v, sport=7471, dport=dport).packet(
                0x7f000001, 0, b'', RST, window=0) for dport in (45678, 7471)]
    return rsts, [], {'bad_length': 1}


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
    return [p[0], wrong] + p[1:], whole(bed, sp), {'other_total': 1}


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
