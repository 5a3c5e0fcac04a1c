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
"""Random packets of a guest, and what may become of them.

    fuzz.py make SEED N > FILE-FOR-GUEST
    fuzz.py check SEED N PCAP [plain] [zero_ok]

make prints N packets: well-formed ones, and such whose vnet header, bytes or
length have been changed, in any descriptors.  Each has its number in its source
address.  Behind them come those of case "udp", and in PCAP they show that there
is nothing more to come.  check demands of PCAP:

  * the headers in front of each guest's frame have right lengths and checksums;
  * of a well-formed packet everything comes out, and as it should;
  * of any other comes out, if anything,
      - one packet, which differs from it in checksums only, or
      - segments that are right, and whose payload is the packet's, all of it.
"""

import random
import struct
import sys

import vhost                    # Knows where frames.py is.
from vhost import ANYTHING, Header, Packet, fail, superpacket, unwrap
import frames
from frames import ACK, CWR, DSTOPTS, FIN, HOPOPTS, PSH, TCP
import cases
from cases import ECN, QINQ, TCPV4, TCPV6, VLAN

MAC = b'\x02\x5f'


def well_formed(rng):
    """A packet that a guest's kernel may hand over."""
    v = rng.choice((4, 6))
    kind = rng.randrange(10)
    if kind < 4:
        fields = {'tags': rng.choice(((), (), VLAN, QINQ))}
        if rng.random() < .3:
            if v == 4:
                fields['ipopts'] = bytes([1] * 4 * rng.randint(1, 10))
            else:
                fields['ext'] = rng.choice((
                    ((DSTOPTS, bytes.fromhex('010c') + bytes(12)),),
                    ((HOPOPTS, bytes.fromhex('050200000100')),
                     (DSTOPTS, bytes.fromhex('0104') + bytes(4)))))
        if rng.random() < .3:
            fields['tcpopts'] = bytes([1] * 4 * rng.randint(1, 10))
        fields['flags'] = ACK | rng.choice((0, PSH, FIN, CWR, FIN | PSH | CWR))
        fields['seq'] = rng.getrandbits(32)
        mss = rng.choice((1200, 1100, 536, 100, 33, rng.randint(10, 1200)))
        n = rng.choice((0, 1, mss - 1, mss, mss + 1, 2 * mss, 3 * mss + 1,
                        rng.randint(0, 5000), rng.randint(0, 5000)))
        if rng.random() < .02:
            n = rng.randint(0, 65368 - 200)
        if n > 2000 * mss:
            n = 2000 * mss
        header = {}
        if rng.random() < .3:
            header['hdr_len'] = rng.getrandbits(16)
        if rng.random() < .2:
            header['type'] = (TCPV4 if v == 4 else TCPV6) | ECN
        return cases.cut(v, rng.getrandbits(16), mss=mss, payload=n,
                         header=header, **fields)
    if kind < 6:
        return cases.whole(v, payload=rng.randint(0, 1200),
                           tags=rng.choice(((), (), VLAN, QINQ)))
    if kind < 8:
        return cases.datagram(v, rng.randbytes(rng.randint(0, 1200)))
    if kind == 8:
        return cases.labelled(v, cases.whole(v, payload=rng.randint(0, 1000)),
                              rng.randint(1, 3))
    name = rng.choice(('sctp', 'icmp', 'arp', 'fragments', 'udp'))
    return rng.choice(cases.CASES[name](v))


def interesting(rng, n):
    return rng.choice((0, 1, 2, 6, 8, 13, 14, 16, 20, 33, 34, 35, 54, 55, 74,
                       n - 2, n - 1, n, n + 1, 0x7fff, 0x8000, 0xfffe, 0xffff,
                       rng.getrandbits(16))) & 0xffff


def nested(rng):
    """A packet that is in a tunnel already."""
    v = rng.choice((4, 6))
    sp = superpacket(seed=rng.getrandbits(16), encap=rng.choice(('vxlan',
                     'geneve')), outer=rng.choice((4, 6)), ip=v,
                     csum=rng.random() < .5, opts=4 * rng.randint(0, 8),
                     payload=rng.randint(0, 1000), mss=300)
    fields = struct.unpack('<BBHHHH', sp.vnet_header(24)[:10])
    h = Header(*fields, 0)
    return Packet(h._replace(flags=h.flags & rng.choice((1, 9)),
                             type=rng.choice((0, h.type, h.type & 15))),
                  sp.frame, ANYTHING)


def spoiled(rng, packet):
    """'packet' with something wrong."""
    h, f = packet.header, bytearray(packet.frame)
    what = rng.randrange(1, 8)
    if what & 1:
        for name in rng.sample(Header._fields, rng.randint(1, 3)):
            value = interesting(rng, len(f))
            if name == 'flags':
                value = rng.choice((0, 1, 2, 3, 4, 8, 9, 255))
            elif name == 'type':
                value = rng.choice((0, 1, 3, 4, 5, 0x80, 0x81, 0x83, 0x84,
                                    0x21, 0x44, 255, rng.getrandbits(8)))
            h = h._replace(**{name: value})
        # The library counts in 16 bits.  A sum there would spoil the number.
        if 4 < (h.start + h.ofs) & 0xffff < 12:
            h = h._replace(ofs=h.ofs ^ 0x100)
    if what & 2:
        for _ in range(rng.randint(1, 4)):
            # Mostly in the headers, never in the addresses.
            end = rng.choice((14, 40, 60, 100, len(f)))
            at = rng.randrange(12, max(min(end, len(f)), 13))
            if at < len(f):
                f[at] = rng.choice((0, 1, 0x45, 0x60, 0x7f, 0x80, 0xff, 6, 17,
                                    132, f[at] ^ 1 << rng.randrange(8),
                                    rng.getrandbits(8)))
    if what & 4:
        n = rng.choice((12, 13, 14, 15, 18, 33, 34, 53, 54, 55, 73, 74,
                        rng.randint(12, 120), len(f) - 1, len(f) + 3))
        f = f[:n] + b'\xa5' * (n - len(f))
    return Packet(h, bytes(f), ANYTHING)


def packets(seed, n):
    rng = random.Random(seed)
    for number in range(n):
        kind = rng.random()
        packet = well_formed(rng)
        if kind < .1:
            packet = nested(rng)
        if kind < .05 or kind > .4:
            packet = spoiled(rng, packet)

        def numbered(frame):
            return frame[:6] + MAC + struct.pack('!I', number) + frame[12:]
        packet.frame = numbered(packet.frame)
        if packet.want is not ANYTHING:
            packet.want = [numbered(f) for f in packet.want]
        if rng.random() < .4:
            packet.sizes = ','.join(
                str(rng.choice((1, 2, 7, 12, 13, 14, 20, 40, 54, 100, 1000)))
                for _ in range(rng.randint(1, 8)))
        yield packet


def differences(a, b):
    return sum(x != y for x, y in zip(a, b))


def segments_errors(packet, got):
    """What is wrong with the segments of a packet that was not well-formed."""
    data, first = b'', None
    for i, f in enumerate(got):
        errors = frames.checksum_errors(f, zero_ok=True)
        if errors:
            return 'segment %d: %s: %s' % (i, errors, f[:80].hex())
        layer = frames.parse(f)[-1]
        if layer.proto != TCP:
            return 'segment %d is no TCP' % i
        seq, _, payload = frames.tcp_of(f, layer)
        if not i:
            first = seq
            hdr_len = len(f) - len(payload)
        if (seq - first) & 0xffffffff != len(data):
            return 'segment %d has sequence number %d' % (i, seq)
        data += payload
    # The vnet header may have asked for a sum anywhere.
    sent = packet.frame[hdr_len:]
    if len(data) != len(sent) or differences(data, sent) > 2:
        return 'the payload of %d bytes is not the one that was sent' % len(
            data)
    return None


def check(seed, n, path, tunnelled, zero_ok):
    got, others = {}, []
    for i, f in enumerate(frames.pcap_read(path)):
        if tunnelled:
            f, errors = unwrap(f, zero_ok)
            if errors:
                fail('frame %d: %s: %s' % (i, errors, f[:60].hex()))
        if f[6:8] == MAC:
            number, = struct.unpack_from('!I', f, 8)
            got.setdefault(number, []).append(f)
        else:
            others.append(f)
    last = [f for p in vhost.around(cases.CASES['udp'](4)) for f in p.want]
    if sorted(last) != sorted(others):
        fail('%d of %d ordinary packets' % (len(others), len(last)))
    for number, packet in enumerate(packets(seed, n)):
        mine = got.pop(number, [])
        problem = None
        if packet.want is not ANYTHING:
            if not tunnelled:
                mine = [f[:len(w)] for f, w in zip(mine, packet.want)]
            if mine != packet.want:
                problem = ('%d frames, not %d' % (len(mine),
                                                  len(packet.want))
                           if len(mine) != len(packet.want) else
                           [vhost.describe(a, b) for a, b
                            in zip(mine, packet.want) if a != b][0])
        elif len(mine) == 1 and len(mine[0]) == len(packet.frame):
            # Two checksums, and the one of IPv4.
            if differences(mine[0], packet.frame) > 6 + 2:
                problem = vhost.describe(mine[0], packet.frame)
        elif mine:
            try:
                problem = segments_errors(packet, mine)
            except (struct.error, IndexError) as e:
                problem = str(e)
        if problem:
            fail('seed %d, packet %d: %s; %s %s'
                 % (seed, number, problem, packet.header,
                    packet.frame[:100].hex()))
    if got:
        fail('frames that were not sent: %s' % sorted(got))


def main(words):
    if len(words) >= 3 and words[0] == 'make':
        for packet in packets(int(words[1]), int(words[2])):
            print(packet.line())
        for packet in vhost.around(cases.CASES['udp'](4)):
            print(packet.line())
    elif len(words) >= 4 and words[0] == 'check':
        check(int(words[1]), int(words[2]), words[3], 'plain' not in words,
              'zero_ok' in words)
    else:
        sys.exit(__doc__)


if __name__ == '__main__':
    main(sys.argv[1:])
