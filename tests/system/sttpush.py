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
"""Frames into Open vSwitch, of which nobody but this program says what STT
must make of them.

    sttpush.py VM-NETNS VM-IF PEER-NETNS PEER-IF MAC TSO PART VERSION

Each case sends frames from VM-IF.  At PEER-IF, what is expected must arrive in
STT packets of IP VERSION, and nothing else.

TSO ("on", "off") is whether Open vSwitch takes superpackets.  Runs each case
that has PART in its name, and prints a line "FAIL: ..." for each that fails,
and "PASSED FAILED" in the end.
"""

import struct
import sys
import time

import frames
import sttbed
from frames import ACK, ETH_P_8021AD, ETH_P_8021Q, PSH
from stt import (MAX_INNER, PARTIAL, Errors, Inner, Joiner, check_header,
                 frame_of, packet_of)
from sttbed import (KEY, MARKER, SECONDS, compare, final, opaque, spoiled,
                    tagged, tcp)

# Cases return (what to send, what must arrive).  What is sent is (vnet header,
# frame); expected are (frame, mss, vlan_tci, partial?), with None for either.
CASES = []


def push(*args, **kwargs):
    return sttbed.register(CASES, *args, **kwargs)


NO_VNET = bytes(10)


def sent(sp):
    """A superpacket, with the vnet header that it needs."""
    if sp.n_segments() > 1:
        return sp.vnet_header(), sp.frame
    return needs_csum(sp.frame), sp.frame


def needs_csum(frame):
    inner = Inner(frame)
    return struct.pack('<BBHHHH', frames.NEEDS_CSUM, 0, 0, 0, inner.l4_ofs,
                       inner.csum_ofs - inner.l4_ofs)


def with_id(sp, frame, n):
    """'frame', with the headers of 'sp', as that segment of it which 'n' others
    are in front of."""
    f = bytearray(frame)
    struct.pack_into('!H', f, sp.l3_ofs + 4, sp.row['id'] + n & 0xffff)
    struct.pack_into('!H', f, sp.l3_ofs + 10, 0)
    struct.pack_into('!H', f, sp.l3_ofs + 10, frames.ones_sum(
        bytes(f[sp.l3_ofs:sp.l4_ofs])) ^ 0xffff)
    return bytes(f)


def udp_segments(sp):
    """What an UDP superpacket becomes."""
    size, head = sp.row['mss'], sp.frame[:sp.hdr_len]
    payload = sp.frame[sp.hdr_len:]
    for i in range(sp.n_segments()):
        part = payload[i * size:(i + 1) * size]
        f = bytearray(head + part)
        struct.pack_into('!H', f, sp.l4_ofs + 4, 8 + len(part))
        if sp.row['ip'] == 4:
            struct.pack_into('!H', f, sp.l3_ofs + 2, len(f) - sp.l3_ofs)
            f = bytearray(with_id(sp, f, i))
        else:
            struct.pack_into('!H', f, sp.l3_ofs + 4, len(f) - sp.l4_ofs)
        yield Inner(bytes(f)).complete()


@push('superpacket', tso=True, flows=True)
def _(bed, v):
    sps = [tcp(ip=ip, payload=n, mss=1300) for ip in (4, 6)
           for n in (1301, 20000, 60000)]
    return ([sent(sp) for sp in sps],
            [(Inner(sp.frame).complete(), 1300, 0, True) for sp in sps])


@push('largest superpacket that is not split, and one more', tso=True)
def _(bed, v):
    # What 16 bits of a dp_packet leave beside the headers and a reserve.
    payload = (65335 if v == 4 else 65315) - 54
    sp = tcp(payload=payload, mss=1300)
    more = tcp(seed=2, payload=payload + 1, mss=1300)
    # The other one has 51 segments, of which 50 fit.  The last part has two.
    first, last = tcp(seed=2, payload=payload + 1, mss=49 * 1300).segments()
    return ([sent(sp), sent(more)],
            [(Inner(sp.frame).complete(), 1300, 0, True),
             (first, 1300, 0, True),
             (with_id(more, last, 49), 1300, 0, True)])


@push('partial', tso=True, flows=True)
def _(bed, v):
    fs = [tcp(ip=ip, l4=l4, payload=700).frame for ip in (4, 6)
          for l4 in ('tcp', 'udp')]
    return ([(needs_csum(f), f) for f in fs],
            [(Inner(f).complete(), 0, 0, True) for f in fs])


@push('finished', flows=True)
def _(bed, v):
    fs = [final(payload=700), opaque(), final(l4='udp', ip=6, payload=3),
          spoiled(final(payload=10), 70, 1)]
    return ([(NO_VNET, f) for f in fs], [(f, 0, 0, False) for f in fs])


@push('9000 bytes, finished', flows=True)
def _(bed, v):
    fs = [final(ip=ip, payload=8800, mss=8800) for ip in (4, 6)]
    fs.append(opaque(n=8000))
    return ([(NO_VNET, f) for f in fs], [(f, 0, 0, False) for f in fs])


@push('around the length of one packet')
def _(bed, v):
    # 1500 - 20 - 20 - 18 of inner frame; 1422 over IPv6.
    fs = [opaque(n=n - 14) for n in (1421, 1422, 1423, 1441, 1442, 1443)]
    return ([(NO_VNET, f) for f in fs], [(f, 0, 0, False) for f in fs])


@push('9000 bytes, partial', tso=True, flows=True)
def _(bed, v):
    fs = [tcp(ip=ip, l4=l4, payload=8000, mss=8000).frame for ip in (4, 6)
          for l4 in ('tcp', 'udp')]
    return ([(needs_csum(f), f) for f in fs],
            [(Inner(f).complete(), 0, 0, True) for f in fs])


@push('more than STT has room for')
def _(bed, v):
    # Only a superpacket could go in parts.
    return [(NO_VNET, opaque(n=n - 14)) for n in (MAX_INNER + 1, 65549)], []


@push('more than STT has room for, partial', tso=True)
def _(bed, v):
    f = tcp(payload=MAX_INNER - 53, mss=65535).frame
    return [(needs_csum(f), f)], []


@push('jumbo superpacket', tso=True)
def _(bed, v):
    sp = tcp(payload=60000, mss=8900)
    return [sent(sp)], [(Inner(sp.frame).complete(), 8900, 0, True)]


@push('VLAN')
def _(bed, v):
    f = final(payload=700)
    return ([(NO_VNET, tagged(f, (ETH_P_8021Q, 0x6005)))],
            [(f, 0, 0x7005, False)])


@push('VLAN, superpacket', tso=True)
def _(bed, v):
    sp = tcp(payload=20000, mss=1300, tags=((ETH_P_8021Q, 0x6005),))
    return [sent(sp)], [(Inner(tcp(payload=20000, mss=1300).frame).complete(),
                         1300, 0x7005, True)]


@push('two tags')
def _(bed, v):
    f = tagged(final(payload=700), (ETH_P_8021AD, 9), (ETH_P_8021Q, 5))
    return [(NO_VNET, f)], [(f, 0, 0, False)]


@push('two tags, superpacket', tso=True)
def _(bed, v):
    # STT has no room for the outer one, so what is inside cannot be described.
    tags = (ETH_P_8021AD, 9), (ETH_P_8021Q, 5)
    sp = tcp(payload=20000, mss=1300, tags=tags)
    return ([sent(sp)],
            [(tagged(f, *tags), 0, 0, False)
             for f in tcp(payload=20000, mss=1300).segments()])


@push('UDP superpacket', tso=True, flows=True)
def _(bed, v):
    # STT knows no USO.
    sps = [tcp(ip=ip, l4='udp', payload=20000, mss=1200) for ip in (4, 6)]
    return ([sent(sp) for sp in sps],
            [(f, 0, 0, None) for sp in sps for f in udp_segments(sp)])


@push('L4 header behind 255 bytes', tso=True)
def _(bed, v):
    ext = ((frames.DSTOPTS, bytes.fromhex('01f6') + bytes(246 + 6)),)
    sp = tcp(ip=6, ext=ext, payload=5000, mss=1000)
    return [sent(sp)], [(f, 0, 0, False) for f in sp.segments()]


@push('FIN and PSH', tso=True)
def _(bed, v):
    sp = tcp(payload=5000, mss=1300, flags=ACK | PSH | frames.FIN)
    return [sent(sp)], [(Inner(sp.frame).complete(), 1300, 0, True)]


@push('CWR', tso=True)
def _(bed, v):
    # Not every receiver knows that it belongs into the first segment only.
    sp = tcp(payload=5000, mss=1300, flags=ACK | PSH | frames.CWR, ecn=True)
    return [sent(sp)], [(f, 0, 0, None) for f in sp.segments()]


def run_case(bed, case, version, _):
    send, want = case.function(bed, version)
    error = Errors()
    joiner = Joiner(error, mtu=1500)
    got = []

    def collect(done):
        deadline = time.monotonic() + SECONDS
        number = 0
        while not done() and time.monotonic() < deadline:
            for f in bed.peer_in.collect(1, .1):
                number += 1
                p = packet_of(number, f, error)
                data = p and joiner.add(p)
                f = data and frame_of(p, data, error)
                if f:
                    got.append(f)

    for vnet, f in send:
        bed.vm_out.send(vnet + f)
    collect(lambda: len(got) >= len(want))
    # Whatever else there is must come before this one.
    bed.vm_out.send(NO_VNET + MARKER)
    collect(lambda: got and got[-1].inner == MARKER)
    if not got or got.pop().inner != MARKER:
        error(0, 'nothing gets through afterwards')
    joiner.finish()
    frames_ = []
    for f in got:
        check_header(f, error)
        partial = bool(f.flags & PARTIAL)
        if f.key != KEY or f.packet.layer.version != version:
            error(f.packet.number, 'key 0x%x, IPv%d'
                  % (f.key, f.packet.layer.version))
        frames_.append((Inner(f.inner).complete() if partial else f.inner,
                        f.mss, f.tci, partial))
    # Where it may be either.
    want = [w if w[3] is not None or i >= len(frames_)
            else w[:3] + frames_[i][3:] for i, w in enumerate(want)]
    return compare(case, frames_, want) + error.texts[:3]


if __name__ == '__main__':
    if not sttbed.run('push', sys.argv[1:], CASES, run_case):
        sys.exit(__doc__)
