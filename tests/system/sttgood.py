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
"""Cases of sttpop.py in which what is sent arrives."""

import struct

import frames
from frames import ACK, ADDRESSES, ETH_P_8021AD, ETH_P_8021Q, PSH, RST
from stt import (IPV4, IS_TCP, MAX_INNER, PARTIAL, VERIFIED, Inner, header,
                 pieces, stt_frame, superpacket)
from sttbed import KEY, final, opaque, spoiled, tagged, tcp
from sttparts import ids, other_peer, outer_of, parts, pop, whole


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
