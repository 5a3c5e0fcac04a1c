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
"""STT, seen by a judge: builds, cuts, joins and checks it.

    stt.py check PCAP [NAME=VALUE]...
    stt.py list PCAP
    stt.py oracle IF1 IF2

check demands that each STT packet in PCAP has all fields and checksums right,
that they join to whole STT frames, and that what is inside is right as well,
once the checksum that STT has left to the receiver is completed.  It prints
"PACKETS FRAMES SUPERPACKETS PARTIAL JOINED", the last being the frames that
were in more than one packet.  More demands:

    key, tci     of all STT frames
    outer        IP version
    mtu          of the path: segments are as long as they may be
    tos, df=0    of outer IP
    data         a file: what each TCP connection inside carries, in either
                 direction, is its beginning
    missing=1    packets may be lost, repeated and out of order
    dmac         look at those only that are sent to this Ethernet address

list prints what is in the STT header of each STT frame, as tshark does with
the options in tests/run-stt: last packet, version, flags, L4 offset, mss,
VLAN, key, frame ID, length.

oracle writes superpackets to IF1, a device that cannot cut.  What the kernel
makes of them and delivers to IF2 must be what cut() makes, byte by byte.

From the wire format as in draft-davie-stt-08 and the behaviour of Open vSwitch
2.17's kernel module; no code of ours from lib/.
"""

import collections
import struct
import sys

import frames
from frames import ACK, ETH_P_IP, ETH_P_IPV6, PSH, SYN, TCP, UDP

PORT = 7471
HEADER = struct.Struct('!BBBBHHQH')
HEADER_LEN = 18
VERIFIED, PARTIAL, IPV4, IS_TCP = 1, 2, 4, 8
VLAN_PRESENT = 0x1000
CSUM_OFS = {TCP: 16, UDP: 6}
MAX_INNER = 65535 - 20 - 20 - HEADER_LEN


def csum(data, start=0):
    """Ones-complement sum, from 0 to 0xfffe: 65536 is 1 modulo 65535."""
    n = int.from_bytes(data, 'big') << (8 if len(data) & 1 else 0)
    return (n + start) % 0xffff


# Building.

class Outer:
    """What is around an STT frame: everything but the STT frame."""

    def __init__(self, version=4, src=None, dst=None, smac=frames.SRC,
                 dmac=frames.DST, sport=40001, dport=PORT, tos=0, ttl=64,
                 df=True, ip_id=0x3000, ext=()):
        addresses = frames.OUTER_ADDRESSES[version]
        self.version, self.src, self.dst = (version, src or addresses[0],
                                            dst or addresses[1])
        self.smac, self.dmac, self.sport, self.dport = smac, dmac, sport, dport
        self.tos, self.ttl, self.df, self.ip_id = tos, ttl, df, ip_id
        self.ext = ext

    def packet(self, seq, frame_id, payload, flags=ACK, index=0, window=0xffff,
               urgent=0, options=b'', partial=False, spoil=0):
        """One packet.  'partial' leaves the checksum to the kernel, 'spoil' is
        added to it."""
        l4 = frames.tcp(self.sport, self.dport, seq, frame_id, flags,
                        window=window, urgent=urgent, options=options)
        n = len(l4) + len(payload)
        s = frames.pseudo_sum(self.src, self.dst, TCP, n)
        if not partial:
            s = (csum(l4 + payload, s) ^ 0xffff) + spoil & 0xffff
        l4 = l4[:16] + struct.pack('!H', s) + l4[18:]
        if self.version == 4:
            l3 = frames.ipv4(self.src, self.dst, TCP, n, df=self.df,
                             id=self.ip_id + index & 0xffff, tos=self.tos,
                             ttl=self.ttl)
        else:
            l3 = frames.ipv6(self.src, self.dst, TCP, n, tos=self.tos,
                             ttl=self.ttl, ext=self.ext)
        ethertype = ETH_P_IP if self.version == 4 else ETH_P_IPV6
        return (frames.eth(self.smac, self.dmac, ethertype) + l3 + l4
                + payload)

    def l4_ofs(self):
        return 14 + (20 if self.version == 4 else 40)


def header(flags=0, l4_ofs=0, mss=0, tci=0, key=0, version=0, reserved=0):
    return HEADER.pack(version, flags, l4_ofs, reserved, mss, tci, key, 0)


def pieces(stt_frame, mss):
    """(offset, payload, is last) of each packet that carries a part."""
    for ofs in range(0, len(stt_frame), mss):
        part = stt_frame[ofs:ofs + mss]
        yield ofs, part, ofs + len(part) == len(stt_frame)


def cut(outer, frame_id, stt_frame, mss):
    """An STT frame as the packets on the wire."""
    return [outer.packet(len(stt_frame) << 16 | ofs, frame_id, part,
                         ACK | (PSH if last else 0), i)
            for i, (ofs, part, last) in enumerate(pieces(stt_frame, mss))]


def superpacket(outer, frame_id, stt_frame, mss):
    """(vnet header, frame): the same for someone who can cut TCP."""
    frame = outer.packet(len(stt_frame) << 16, frame_id, stt_frame, ACK | PSH,
                         partial=True)
    gso = 0
    if len(stt_frame) > mss:
        gso = frames.GSO_TCPV4 if outer.version == 4 else frames.GSO_TCPV6
    return struct.pack('<BBHHHH', frames.NEEDS_CSUM, gso,
                       outer.l4_ofs() + 20 if gso else 0, mss if gso else 0,
                       outer.l4_ofs(), CSUM_OFS[TCP]), frame


class Inner:
    """An Ethernet frame, as STT sees it.  Attributes: 'layer' and 'l4_ofs' of
    the innermost header, 'csum_ofs', or None for what is neither TCP nor UDP.
    """

    def __init__(self, frame):
        layers = frames.parse(frame)
        self.frame = frame
        self.layer = layers[0] if layers else None
        self.csum_ofs = None
        if self.layer and self.layer.proto in CSUM_OFS:
            self.l4_ofs = self.layer.l4_ofs
            self.csum_ofs = self.l4_ofs + CSUM_OFS[self.layer.proto]
            self.end = self.l4_ofs + self.layer.length
            src, dst = frames.addresses_of(frame, self.layer)
            self.pseudo = frames.pseudo_sum(src, dst, self.layer.proto,
                                            self.layer.length)

    def flags(self):
        """With PARTIAL, what the receiver has to know."""
        return (PARTIAL | (IPV4 if self.layer.version == 4 else 0)
                | (IS_TCP if self.layer.proto == TCP else 0))

    def field(self):
        return struct.unpack_from('!H', self.frame, self.csum_ofs)[0]

    def with_field(self, value):
        return (self.frame[:self.csum_ofs] + struct.pack('!H', value)
                + self.frame[self.csum_ofs + 2:])

    def partial(self):
        """The frame with a checksum that is to be completed."""
        return self.with_field(self.pseudo)

    def complete(self):
        """The frame with the right checksum."""
        zero = self.with_field(0)
        s = csum(zero[self.l4_ofs:self.end], self.pseudo) ^ 0xffff
        return self.with_field(s)

    def is_right(self):
        s = csum(self.frame[self.l4_ofs:self.end], self.pseudo)
        return not s or self.layer.proto == UDP and not self.field()


def stt_frame(inner, key=7, mss=0, tci=0, partial=True, **kwargs):
    """An Ethernet frame behind its STT header."""
    if not partial:
        return header(key=key, tci=tci, **kwargs) + inner
    it = Inner(inner)
    return header(it.flags(), it.l4_ofs, mss, tci, key,
                  **kwargs) + it.partial()


# Taking apart.

Packet = collections.namedtuple(
    'Packet', 'number layer src dst ip_id dont_fragment tos sport frame_id '
    'total ofs payload flags')

Frame = collections.namedtuple(
    'Frame', 'packet version flags l4_ofs reserved mss tci key pad inner '
    'total')


class Errors:
    def __init__(self):
        self.n = 0
        self.texts = []

    def __call__(self, number, text):
        self.n += 1
        if len(self.texts) < 20:
            self.texts.append('packet %d: %s' % (number, text))


def packet_of(number, frame, error):
    """A Packet, or None for what is not STT.  RSTs are what a host answers
    that does not know STT."""
    layers = frames.parse(frame)
    if not layers or layers[-1].proto != TCP:
        return None
    layer = layers[-1]
    if struct.unpack_from('!H', frame, layer.l4_ofs + 2)[0] != PORT:
        return None
    (sport, _, seq, ack, doff, flags, window, _,
     urgent) = struct.unpack_from('!HHIIBBHHH', frame, layer.l4_ofs)
    end = layer.l4_ofs + layer.length
    if len(frame) < end:
        error(number, 'longer than its frame')
        return None
    if frame[end:].strip(b'\0'):
        error(number, 'padding is not zero')
    src, dst = frames.addresses_of(frame, layer)
    ip_id, dont_fragment = None, True
    tos = struct.unpack_from('!H', frame, layer.ofs)[0] >> 4 & 0xff
    if layer.version == 4:
        tos = frame[layer.ofs + 1]
        if csum(frame[layer.ofs:layer.l4_ofs]):
            error(number, 'IPv4 checksum')
        ip_id, fragment = struct.unpack_from('!HH', frame, layer.ofs + 4)
        dont_fragment = bool(fragment & 0x4000)
        if fragment & ~0x4000:
            error(number, 'an IP fragment')
        if layer.l4_ofs - layer.ofs != 20:
            error(number, 'IPv4 options')
    elif layer.l4_ofs - layer.ofs != 40:
        error(number, 'IPv6 extension headers')
    if csum(frame[layer.l4_ofs:end],
            frames.pseudo_sum(src, dst, TCP, layer.length)):
        error(number, 'outer TCP checksum')
    if doff != 0x50:
        error(number, 'data offset and reserved bits are 0x%02x' % doff)
    if window != 0xffff or urgent:
        error(number, 'window 0x%x, urgent 0x%x' % (window, urgent))
    payload = frame[layer.l4_ofs + 20:end]
    total, ofs = seq >> 16, seq & 0xffff
    if not payload or ofs + len(payload) > total:
        error(number, '%d bytes at %d of %d' % (len(payload), ofs, total))
        return None
    want = ACK | (PSH if ofs + len(payload) == total else 0)
    if flags != want:
        error(number, 'flags 0x%x, not 0x%x' % (flags, want))
    return Packet(number, layer, src, dst, ip_id, dont_fragment, tos, sport,
                  ack, total, ofs, payload, flags)


def frame_of(packet, data, error):
    """The STT frame whose last packet is 'packet'."""
    if len(data) < HEADER_LEN:
        error(packet.number, 'STT frame of %d bytes' % len(data))
        return None
    (version, flags, l4_ofs, reserved, mss, tci, key,
     pad) = HEADER.unpack_from(data)
    return Frame(packet, version, flags, l4_ofs, reserved, mss, tci, key, pad,
                 data[HEADER_LEN:], len(data))


class Joiner:
    """Joins packets to STT frames.  'lossy': some may be missing, repeated
    or out of order."""

    def __init__(self, error, mtu=0, lossy=False):
        self.error, self.mtu, self.lossy = error, mtu, lossy
        self.open = collections.OrderedDict()
        self.done = set()

    def add(self, p):
        """Returns the STT frame's bytes if it is whole now."""
        key = p.src, p.dst, p.frame_id
        if key in self.done:
            if not self.lossy:
                self.error(p.number, 'frame ID 0x%x again' % p.frame_id)
            return None
        parts = self.open.setdefault(key, {})
        if p.ofs in parts:
            if not self.lossy:
                self.error(p.number, 'offset %d again' % p.ofs)
            return None
        parts[p.ofs] = p
        if sum(len(q.payload) for q in parts.values()) < p.total:
            return None
        del self.open[key]
        self.done.add(key)
        parts = [parts[ofs] for ofs in sorted(parts)]
        self._compare(parts)
        data = b''.join(q.payload for q in parts)
        if any(q.ofs != sum(len(r.payload) for r in parts[:i])
               for i, q in enumerate(parts)):
            self.error(p.number, 'a hole, or an overlap')
            return None
        return data

    def _compare(self, parts):
        first = parts[0]
        for i, q in enumerate(parts):
            if (q.total, q.sport) != (first.total, first.sport):
                self.error(q.number, 'length or source port is not that of '
                           'packet %d' % first.number)
            if q.ip_id is not None and q.ip_id != first.ip_id + i & 0xffff:
                self.error(q.number, 'IP ID 0x%x, not 0x%x + %d'
                           % (q.ip_id, first.ip_id, i))
            if i and q.number < parts[i - 1].number and not self.lossy:
                self.error(q.number, 'out of order')
            last = q is parts[-1]
            mss = (self.mtu - (q.layer.l4_ofs - q.layer.ofs) - 20
                   if self.mtu else len(first.payload))
            if (len(q.payload) > mss if last else len(q.payload) != mss):
                self.error(q.number, 'payload of %d bytes, not %d'
                           % (len(q.payload), mss))

    def finish(self):
        for key, parts in self.open.items():
            if not self.lossy:
                p = next(iter(parts.values()))
                self.error(p.number, 'frame ID 0x%x is not complete: has %d '
                           'packets' % (p.frame_id, len(parts)))


def check_header(f, error):
    """What the STT header says is true of what is behind it."""
    n = f.packet.number
    if f.version or f.reserved or f.pad or f.flags & 0xf0:
        error(n, 'version %d, reserved 0x%x, padding 0x%x, flags 0x%x'
              % (f.version, f.reserved, f.pad, f.flags))
    if f.flags & PARTIAL and f.flags & VERIFIED:
        error(n, 'flags 0x%x' % f.flags)
    if f.tci and not f.tci & VLAN_PRESENT:
        error(n, 'vlan_tci 0x%x' % f.tci)
    if f.tci and struct.unpack_from('!H', f.inner, 12)[0] in frames.TAGS[:1]:
        error(n, 'tag 0x%x was taken off, but there is another' % f.tci)
    inner = Inner(f.inner)
    if inner.layer and inner.layer.version == 4:
        if csum(f.inner[inner.layer.ofs:inner.layer.l4_ofs]):
            error(n, 'inner IPv4 checksum')
    if inner.layer and inner.layer.l4_ofs + inner.layer.length > len(f.inner):
        error(n, 'inner IP packet is longer than its frame')
        return
    if not f.flags & PARTIAL:
        if f.flags & (IPV4 | IS_TCP) or f.l4_ofs or f.mss:
            error(n, 'not partial, but flags 0x%x, L4 offset %d, mss %d'
                  % (f.flags, f.l4_ofs, f.mss))
        if inner.csum_ofs and not inner.is_right():
            error(n, 'inner checksum 0x%04x' % inner.field())
        return
    if not inner.csum_ofs:
        error(n, 'partial, but neither TCP nor UDP')
        return
    if f.flags != inner.flags() or f.l4_ofs != inner.l4_ofs:
        error(n, 'flags 0x%x and L4 offset %d, not 0x%x and %d'
              % (f.flags, f.l4_ofs, inner.flags(), inner.l4_ofs))
    if inner.field() % 0xffff != inner.pseudo % 0xffff:
        error(n, 'inner checksum 0x%04x, not the sum 0x%04x of the '
              'pseudo-header' % (inner.field(), inner.pseudo))
    if f.mss:
        doff = (f.inner[inner.l4_ofs + 12] >> 4) * 4
        payload = inner.layer.length - doff
        if inner.layer.proto != TCP or payload <= f.mss:
            error(n, 'mss %d, and %d bytes of payload' % (f.mss, payload))


class Stream:
    """Each TCP connection carries a file's first bytes."""

    def __init__(self, path):
        with open(path, 'rb') as f:
            self.data = f.read()
        self.start = {}

    def check(self, f, error):
        layers = frames.parse(f.inner)
        if not layers or layers[-1].proto != TCP:
            return
        layer = layers[-1]
        flow = (frames.addresses_of(f.inner, layer)
                + struct.unpack_from('!HH', f.inner, layer.l4_ofs))
        seq, flags, payload = frames.tcp_of(f.inner, layer)
        if flags & SYN:
            self.start[flow] = seq + 1
        elif payload:
            at = seq - self.start.get(flow, 0) & 0xffffffff
            if self.data[at:at + len(payload)] != payload:
                error(f.packet.number, 'wrong payload at %d' % at)


def stt_frames(path, error, dmac=b'', **kwargs):
    """Yields (packet, frame or None) for each STT packet in a capture."""
    joiner = Joiner(error, **kwargs)
    for number, data in enumerate(frames.pcap_read(path), 1):
        p = data.startswith(dmac) and packet_of(number, data, error)
        if p:
            whole = joiner.add(p)
            yield p, whole and frame_of(p, whole, error)
    joiner.finish()


def check(path, words):
    want = dict(word.split('=', 1) for word in words)
    error = Errors()
    stream = Stream(want['data']) if 'data' in want else None
    n_packets = n_frames = n_supers = n_partial = n_joined = 0
    for p, f in stt_frames(path, error, frames.mac(want.get('dmac', '')),
                           mtu=int(want.get('mtu', 0)),
                           lossy='missing' in want):
        n_packets += 1
        if p.layer.version != int(want.get('outer', p.layer.version)):
            error(p.number, 'outer IPv%d' % p.layer.version)
        if p.dont_fragment == (want.get('df') == '0') and p.ip_id is not None:
            error(p.number, 'DF is %d' % p.dont_fragment)
        if p.tos != int(want.get('tos', '0'), 0):
            error(p.number, 'TOS is 0x%x' % p.tos)
        if not f:
            continue
        n_frames += 1
        n_joined += len(p.payload) < f.total
        n_supers += f.mss != 0
        n_partial += bool(f.flags & PARTIAL)
        check_header(f, error)
        for name in 'key', 'tci':
            if name in want and getattr(f, name) != int(want[name], 0):
                error(p.number, '%s is 0x%x' % (name, getattr(f, name)))
        if stream:
            stream.check(f, error)
    print(n_packets, n_frames, n_supers, n_partial, n_joined)
    if error.n:
        sys.exit('\n'.join(error.texts + ['%d errors' % error.n]))


def list_frames(path):
    for p, f in stt_frames(path, lambda *a: None):
        if f:
            print(p.number, f.version, '0x%02x' % f.flags, f.l4_ofs, f.mss,
                  '0x%04x' % f.tci, '0x%016x' % f.key, '0x%08x' % p.frame_id,
                  f.total, sep='\t')


# The kernel as a judge of cut().

def oracle(out, into):
    s = frames.inject_socket(out)
    sniffer = frames.Sniffer(into)
    n = 0
    for version in 4, 6:
        overhead = Outer(version).l4_ofs() - 14 + 20
        for mtu in 1500, 1499, 1281, 9000:
            mss = mtu - overhead
            for length in (HEADER_LEN + 60, mss - 1, mss, mss + 1, 2 * mss,
                           2 * mss + 1, 20001, 65535 - overhead):
                row = frames.ROW.copy()
                # A frame that ends with the STT frame: the inner headers
                # take 54 bytes.
                row.update(payload=max(length - HEADER_LEN - 54, 6))
                inner = frames.Superpacket(row, length).frame
                data = stt_frame(inner, key=0x0123456789abcdef, mss=1400)
                outer = Outer(version, ip_id=0xfffe, df=length & 1 == 0)
                frame_id = 0xdeadbe00 + n
                vnet, big = superpacket(outer, frame_id, data, mss)
                want = cut(outer, frame_id, data, mss)
                s.send(vnet + big)
                got = sniffer.collect(
                    len(want), 1, lambda f: f[6:12] == outer.smac)
                if got != want:
                    i = next((i for i, (a, b) in enumerate(zip(got, want))
                              if a != b), min(len(got), len(want)))
                    sys.exit('IPv%d, %d bytes, mss %d: %d packets, not %d; '
                             'packet %d:\n%s\n%s'
                             % (version, len(data), mss, len(got), len(want),
                                i, got[i][:80].hex() if i < len(got) else '-',
                                want[i][:80].hex() if i < len(want) else '-'))
                n += 1
    print(n)


def main(words):
    if len(words) >= 2 and words[0] == 'check':
        check(words[1], words[2:])
    elif len(words) == 2 and words[0] == 'list':
        list_frames(words[1])
    elif len(words) == 3 and words[0] == 'oracle':
        oracle(words[1], words[2])
    else:
        sys.exit(__doc__)


if __name__ == '__main__':
    main(sys.argv[1:])
