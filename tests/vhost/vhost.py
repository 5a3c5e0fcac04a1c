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
"""What a guest behind a vhost-user port hands over, and what has to become of
it.

    vhost.py make CASE IPVERSION > FILE-FOR-GUEST
    vhost.py check CASE IPVERSION PCAP [plain] [zero_ok] [ignored]
    vhost.py outers PCAP N
    vhost.py arrive CASE IPVERSION PCAP [vxlan]
    vhost.py complete RECEIVED PCAP [super] [bare]
    vhost.py cases

make prints the packets of a case (cases.py), an ordinary one in front of each
and behind the last.  check demands that PCAP holds what has to become of
each of them, and nothing else: byte by byte behind the tunnel's header, which
must have the right lengths and checksums.  With 'ignored', what vnet headers
say has no effect.  outers demands N frames with right headers up to those of
the tunnel.

arrive writes what a case has to become to PCAP, with 'vxlan' as it comes to
172.16.1.1 in a tunnel: what a NIC receives.

complete does with what a guest has received ("HEADER FRAME" lines) what its
kernel would do, and writes the frames to PCAP: sums up what the header leaves
to it, and cuts superpackets if they are expected.  With 'bare', nothing may be
left to the guest.
"""

import collections
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '..', 'system'))

import frames
from frames import (CWR, FIN, GRE, NEEDS_CSUM, PSH, ROW, TCP, UDP,
                    Superpacket, ones_sum, parse_l2, parse_l3, pcap_read, pcap_write)

HEADER = struct.Struct('<BBHHHHH')
Header = collections.namedtuple('Header',
                                'flags type hdr_len size start ofs buffers')

# What may become of a packet that nobody has to understand.
ANYTHING = None


class Packet:
    """'want' are the frames that have to come out.  'sizes' are those of the
    descriptors."""

    def __init__(self, header, frame, want, sizes=''):
        self.header, self.frame, self.want = header, frame, want
        self.sizes = sizes

    def line(self):
        header = self.header
        if not isinstance(header, bytes):
            header = HEADER.pack(*header)
        return ' '.join([header.hex(), self.frame.hex() or '-',
                         self.sizes]).strip()


def superpacket(seed=1, **fields):
    row = ROW.copy()
    # Fits into 1500 bytes with every tunnel.
    row.update(dict({'mss': 1200}, **fields))
    return Superpacket(row, seed)


def header_of(sp, **changes):
    fields = struct.unpack('<BBHHHH', sp.vnet_header())
    return Header(*fields, 0)._replace(**changes)


def complete(frame, start, ofs):
    """What NEEDS_CSUM asks for, if it can be done (virtio 1.2 section
    5.1.6.2)."""
    if start > len(frame) or start + ofs + 2 > len(frame):
        return frame
    csum = ones_sum(frame[start:]) ^ 0xffff
    if csum == 0 and ofs == 6:
        csum = 0xffff
    at = start + ofs
    return frame[:at] + struct.pack('!H', csum) + frame[at + 2:]


def ordinary(i):
    sp = superpacket(seed=1000 + i, payload=100 + i, seq=1000 * i,
                     id=0x7000 + i)
    return Packet(header_of(sp, type=0, size=0), sp.frame,
                  list(sp.segments()))


def around(packets):
    """'packets' with ordinary ones between them."""
    yield ordinary(0)
    for i, packet in enumerate(packets, 1):
        yield packet
        yield ordinary(i)


# What has come out.

def unwrap(frame, zero_ok):
    """Returns (frame inside a tunnel, errors of the headers in front of it).
    What is inside is the caller's to judge, who knows all its bytes."""
    ethertype, ofs = parse_l2(frame)
    layer = parse_l3(frame, 0, ofs, ethertype)
    l4, errors = layer.l4_ofs, []
    if l4 + layer.length != len(frame):
        errors.append('the IP packet ends at %d of %d'
                      % (l4 + layer.length, len(frame)))
    if layer.version == 4 and ones_sum(frame[ofs:l4]) != 0xffff:
        errors.append('IPv4 header checksum')
    if layer.proto == GRE:
        flags, = struct.unpack_from('!H', frame, l4)
        if flags & 0x8000 and ones_sum(frame[l4:]) != 0xffff:
            errors.append('GRE checksum')
        return frame[l4 + 4 + 4 * bin(flags & 0xb000).count('1'):], errors
    port, length, csum = struct.unpack_from('!HHH', frame, l4 + 2)
    if length != layer.length:
        errors.append('UDP length %d, not %d' % (length, layer.length))
    if csum:
        pseudo = frames.pseudo_sum(*frames.addresses_of(frame, layer), UDP,
                                   layer.length)
        if ones_sum(frame[l4:], pseudo) != 0xffff:
            errors.append('UDP checksum')
    elif not zero_ok:
        errors.append('no UDP checksum')
    opts = (frame[l4 + 8] & 0x3f) * 4 if port == frames.GENEVE_PORT else 0
    return frame[l4 + 16 + opts:], errors


def fail(text):
    sys.exit('vhost.py: ' + text)


def describe(a, b):
    at = next((j for j, (x, y) in enumerate(zip(a, b)) if x != y),
              min(len(a), len(b)))
    return ('byte %d: %s (%d bytes), not %s (%d bytes)'
            % (at, a[at:at + 8].hex(), len(a), b[at:at + 8].hex(), len(b)))


def compare(packets, path, tunnelled=True, zero_ok=False):
    """Order is that of each packet's segments: Open vSwitch keeps it within a
    flow, and packets of one case are of several."""
    packets = list(packets)
    got = []
    for i, frame in enumerate(pcap_read(path)):
        if tunnelled:
            frame, errors = unwrap(frame, zero_ok)
            if errors:
                fail('frame %d: %s' % (i, ', '.join(errors)))
        got.append(frame)
    where = collections.defaultdict(list)
    for i, frame in enumerate(got):
        where[frame].insert(0, i)
    left = set(range(len(got)))
    for n, packet in enumerate(packets):
        last = -1
        for j, want in enumerate(packet.want or ()):
            if not where[want]:
                near = min((got[i] for i in left), default=b'',
                           key=lambda f: -len(os.path.commonprefix([f, want])))
                fail('packet %d, %d of %d is not there: %s'
                     % (n, j, len(packet.want), describe(near, want)))
            at = where[want].pop()
            if at < last:
                fail('packet %d, %d of %d is out of order'
                     % (n, j, len(packet.want)))
            last = at
            left.discard(at)
    if left and not any(p.want is ANYTHING for p in packets):
        frame = got[min(left)]
        fail('%d frames too many, %s (%d bytes)'
             % (len(left), frame[:80].hex(), len(frame)))


# What a NIC receives.

def in_vxlan(frame, i):
    """'frame' in VXLAN, with a checksum.  'i' is the outer ID."""
    src, dst = reversed(frames.OUTER_ADDRESSES[4])
    inner = struct.pack('!II', 0x08000000, 7 << 8) + frame
    length = 8 + len(inner)
    csum = ones_sum(frames.udp(50505, frames.VXLAN_PORT, length) + inner,
                    frames.pseudo_sum(src, dst, UDP, length)) ^ 0xffff
    return (frames.eth(frames.DST, frames.mac('02:00:00:01:00:01'),
                       frames.ETH_P_IP)
            + frames.ipv4(src, dst, UDP, length, id=i)
            + frames.udp(50505, frames.VXLAN_PORT, length, csum or 0xffff)
            + inner)


# A guest that receives.

def cut(header, frame):
    """Segments of a superpacket that a guest has received: what its header
    says, and the bytes."""
    th = header.start
    hdr_len = th + (frame[th + 12] >> 4) * 4
    ethertype, l3 = parse_l2(frame)
    version = 4 if ethertype == frames.ETH_P_IP else 6
    if header.type & 0x7f != {4: 1, 6: 4}[version]:
        fail('gso_type %d of IPv%d' % (header.type, version))
    payload = frame[hdr_len:]
    if len(payload) <= header.size:
        fail('a superpacket with one segment')
    # The vhost library leaves the length out of this sum, as a NIC wants it.
    # Linux needs it there to cut a packet that it does not keep.
    addresses = frames.addresses_of(frame, parse_l3(frame, 0, l3, ethertype))
    sums = [frames.pseudo_sum(*addresses, TCP, n)
            for n in (0, len(frame) - th)]
    if struct.unpack_from('!H', frame, th + 16)[0] not in sums:
        fail('a superpacket without the sum of its pseudo-header')
    for i in range(0, len(payload), header.size):
        part = payload[i:i + header.size]
        f = bytearray(frame[:hdr_len] + part)
        if version == 4:
            ip_id, = struct.unpack_from('!H', f, l3 + 4)
            struct.pack_into('!HH', f, l3 + 2, len(f) - l3,
                             (ip_id + i // header.size) & 0xffff)
            struct.pack_into('!H', f, l3 + 10, 0)
            struct.pack_into('!H', f, l3 + 10,
                             ones_sum(bytes(f[l3:th])) ^ 0xffff)
        else:
            struct.pack_into('!H', f, l3 + 4, len(f) - l3 - 40)
        seq, = struct.unpack_from('!I', f, th + 4)
        struct.pack_into('!I', f, th + 4, (seq + i) & 0xffffffff)
        if i:
            f[th + 13] &= ~CWR
        if i + header.size < len(payload):
            f[th + 13] &= ~(FIN | PSH)
        struct.pack_into('!H', f, th + 16,
                         frames.pseudo_sum(*addresses, TCP, len(f) - th))
        struct.pack_into('!H', f, th + 16, ones_sum(bytes(f[th:])) ^ 0xffff)
        yield bytes(f)


def received(path, supers, bare):
    for i, line in enumerate(open(path)):
        raw, frame = map(bytes.fromhex, line.split())
        header = Header(*HEADER.unpack(raw[:12].ljust(12, b'\0')))
        if header.flags & ~NEEDS_CSUM:
            fail('frame %d: flags %#x' % (i, header.flags))
        if bare and (header.flags or header.type):
            fail('frame %d: flags %#x, gso_type %#x for a guest that takes '
                 'none' % (i, header.flags, header.type))
        if header.type:
            if not supers:
                fail('frame %d: gso_type %#x' % (i, header.type))
            if not header.flags & NEEDS_CSUM or header.ofs != 16:
                fail('frame %d: a superpacket without checksum' % i)
            yield from cut(header, frame)
        elif header.flags & NEEDS_CSUM:
            if header.start + header.ofs + 2 > len(frame):
                fail('frame %d: csum_start %d, csum_offset %d, %d bytes'
                     % (i, header.start, header.ofs, len(frame)))
            yield complete(frame, header.start, header.ofs)
        else:
            yield frame


def main(words):
    import cases
    if words == ['cases']:
        print('\n'.join(cases.CASES))
        return
    if len(words) < 3:
        sys.exit(__doc__)
    if words[0] == 'complete':
        pcap_write(words[2], received(words[1], 'super' in words[3:],
                                      'bare' in words[3:]))
        return
    if words[0] == 'outers':
        got = [unwrap(f, False) for f in pcap_read(words[1])]
        if len(got) != int(words[2]) or any(errors for _, errors in got):
            fail('%d frames: %s' % (len(got), [e for _, e in got if e][:1]))
        return
    packets = list(around(cases.CASES[words[1]](int(words[2]))))
    if 'ignored' in words:
        for p in packets:
            p.want = [p.frame] if 14 <= len(p.frame) <= 1500 else []
    if words[0] == 'arrive':
        wire = [f for p in packets for f in p.want]
        if 'vxlan' in words[4:]:
            wire = [in_vxlan(f, i) for i, f in enumerate(wire)]
        pcap_write(words[3], wire)
    elif words[0] == 'make':
        for packet in packets:
            print(packet.line())
    elif words[0] == 'check':
        compare(packets, words[3], 'plain' not in words[4:],
                'zero_ok' in words[4:])
    else:
        sys.exit(__doc__)


if __name__ == '__main__':
    sys.modules['vhost'] = sys.modules['__main__']
    main(sys.argv[1:])
