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
"""Judges captures of tunnels with remote checksum offload (RCO).

    rco.py check PCAP [WORD=VALUE]...
    rco.py mutate PCAP [WORD=VALUE]...

check looks at each VXLAN and Geneve packet of a capture, field by field, on
all levels of tunnels:

    tx=ADDRESS,...  These send TCP and UDP with RCO, all others without.  TCP
                    resets may be without: the kernel sums them itself.
                    "none": nobody.
    levels=any      RCO may be on any level of tunnels in tunnels; otherwise it
                    has to be on the last one, and may be on others.
    csum=off        Outer UDP checksums are zero; otherwise right.
    noop=yes        Others may send Geneve's option, if it says nothing.
    gbp=yes         VXLAN may have a group policy.
    payload=FILE    TCP connections that carry more than a few bytes carry this
    streams=N       file, whole, and there are N of them.

It prints "RCO PLAIN" for each sender: packets with and without RCO.

mutate damages every field of the capture's packets that check is there for,
one at a time, and fails unless check notices each.

Source: what Linux v6.18's vxlan device sends with "remcsumtx"; for Geneve,
Documentation/ref/encapsulations.rst.
"""

import collections
import struct
import sys

import frames
from frames import (ETH_P_IP, ETH_P_IPV6, GENEVE_PORT, TCP, UDP, VXLAN_PORT,
                    ones_sum, parse_l2, parse_l3, pcap_read, pseudo_sum)

VXLAN_VNI = 0x08000000
VXLAN_RCO = 0x00200000
# Group policy: G, D, A and the group.
VXLAN_GBP = 0x8000ffff | 0x00400000 | 0x00080000

# The class is the default; the critical bit and the type; words of data.
GENEVE_RCO = struct.pack('!HBB', 0xff52, 0x81, 1)
GENEVE_CRITICAL = 0x40

FRAGMENT_HEADER = 44


# ---------------------------------------------------------------------------
# Captures.
# ---------------------------------------------------------------------------

class Wrong(Exception):
    pass


def want(condition, text, *args):
    if not condition:
        raise Wrong(text % args)


# What a tunnel's header says: where the inner frame begins; whether there is
# RCO or, in Geneve, the option for it; then where the sum begins and where its
# field is, as offsets in the frame.
Header = collections.namedtuple('Header', 'inner rco option start field')


def vxlan(frame, at, gbp):
    flags, vni = struct.unpack_from('!II', frame, at)
    known = VXLAN_VNI | VXLAN_RCO | (VXLAN_GBP if gbp else 0)
    want(flags & ~known == 0, 'VXLAN flags are %08x', flags)
    want(flags & VXLAN_VNI, 'VXLAN packet without a VNI')
    low = vni & 0xff
    inner = at + 8
    if not flags & VXLAN_RCO:
        want(low == 0, 'low byte of the VNI word is %02x without RCO', low)
        return Header(inner, False, False, 0, 0)
    start = inner + (low & 0x7f) * 2
    return Header(inner, True, True, start, start + (6 if low & 0x80 else 16))


def geneve(frame, at, _):
    version_length, critical, proto, vni = struct.unpack_from('!BBHI', frame,
                                                              at)
    length = (version_length & 0x3f) * 4
    want(version_length < 0x40 and proto == frames.ETH_P_TEB,
         'Geneve version or protocol')
    want(vni & 0xff == 0, 'low byte of the VNI word is %02x', vni & 0xff)
    at += 8
    inner = at + length
    found = []
    while at < inner:
        if frame[at:at + 4] == GENEVE_RCO:
            found.append(struct.unpack_from('!HH', frame, at + 4))
        at += 4 + (frame[at + 3] & 0x1f) * 4
    want(at == inner, 'Geneve options overrun their length')
    want(len(found) < 2, 'Geneve option for RCO twice')
    want(critical == (GENEVE_CRITICAL if found else 0),
         'Geneve flags are %02x', critical)
    if not found or found[0] == (0, 0):
        return Header(inner, False, bool(found), 0, 0)
    return Header(inner, True, True, inner + found[0][0], inner + found[0][1])


TUNNELS = {VXLAN_PORT: vxlan, GENEVE_PORT: geneve,
           # Where a virtual machine has a tunnel of its own.
           4790: vxlan}

# One level of a packet: its IP header, or None, what the tunnel in front of it
# says, if there is one, and whether it is a fragment.
Level = collections.namedtuple('Level', 'layer header fragment')


def levels(frame, gbp=False):
    """Checks all that can be wrong with a frame's IP headers, lengths and
    checksums, and returns the list of Levels, outermost first."""
    result = []
    begin, end, header, rco = 0, len(frame), None, False
    while True:
        n = len(result)
        want(end - begin >= 14, 'level %d: no Ethernet header', n)
        ethertype, ofs = parse_l2(frame, begin)
        if ethertype not in (ETH_P_IP, ETH_P_IPV6):
            want(not rco, 'level %d: RCO for Ethertype %04x', n, ethertype)
            return result + [Level(None, header, False)]
        layer = parse_l3(frame, begin, ofs, ethertype)
        l4 = layer.l4_ofs
        if layer.version == 4:
            want(ones_sum(frame[ofs:l4]) == 0xffff,
                 'level %d: IPv4 header checksum', n)
            fragment = struct.unpack_from('!H', frame, ofs + 6)[0] & 0x3fff
        else:
            fragment = layer.proto == FRAGMENT_HEADER
        # What is summed up by who completes it ends where the packet ends.
        want(l4 + layer.length == end
             or header and not rco and l4 + layer.length < end,
             'level %d: IP says %d bytes, not %d', n, layer.length, end - l4)
        end = l4 + layer.length
        result.append(Level(layer, header, fragment))
        if fragment or layer.proto not in (TCP, UDP):
            want(not rco, 'level %d: RCO, not for TCP or UDP', n)
            return result
        field = l4 + (6 if layer.proto == UDP else 16)
        value, = struct.unpack_from('!H', frame, field)
        src, dst = frames.addresses_of(frame, layer)
        pseudo = pseudo_sum(src, dst, layer.proto, layer.length)
        if layer.proto == UDP:
            length, = struct.unpack_from('!H', frame, l4 + 4)
            want(length == layer.length, 'level %d: UDP says %d bytes, not %d',
                 n, length, layer.length)
        if rco:
            want(header.start == l4, 'level %d: RCO starts at %d, L4 at %d',
                 n, header.start, l4)
            want(header.field == field,
                 'level %d: RCO is of another protocol', n)
            # The same number in ones' complement may be written in two ways,
            # but everyone who computes this sum gets the same way.
            want(value == pseudo, 'level %d: checksum field is %04x, not the '
                 'pseudo-header\'s sum %04x', n, value, pseudo)
            # What the receiver will do.
            done = bytearray(frame[l4:end])
            struct.pack_into('!H', done, field - l4,
                             ones_sum(bytes(done)) ^ 0xffff)
            want(ones_sum(bytes(done), pseudo) == 0xffff,
                 'level %d: completed, the checksum is wrong', n)
        elif layer.proto == TCP or value:
            want(ones_sum(frame[l4:end], pseudo) == 0xffff,
                 'level %d: checksum is %04x', n, value)
        port, = struct.unpack_from('!H', frame, l4 + 2)
        if layer.proto != UDP or port not in TUNNELS:
            return result
        header = TUNNELS[port](frame, l4 + 8, gbp)
        begin, rco = header.inner, header.rco


def address(raw):
    family = (frames.socket.AF_INET if len(raw) == 4
              else frames.socket.AF_INET6)
    return frames.socket.inet_ntop(family, raw)


class Checker:
    def __init__(self, words):
        self.options = {'tx': '', 'csum': 'on', 'levels': 'last', 'gbp': 'no',
                        'noop': 'no', 'payload': '', 'streams': '0'}
        for word in words:
            key, _, value = word.partition('=')
            if key not in self.options:
                sys.exit(__doc__)
            self.options[key] = value
        self.tx = self.options['tx'].split(',')
        self.seen = {}
        self.streams = {}

    def frame(self, frame):
        """Returns True for a packet that is judged, that is, a tunnelled
        one."""
        ethertype, ofs = parse_l2(frame)
        if ethertype not in (ETH_P_IP, ETH_P_IPV6):
            return False
        layer = parse_l3(frame, 0, ofs, ethertype)
        if (layer.proto != UDP or struct.unpack_from('!H', frame, layer.l4_ofs
                                                     + 2)[0] not in TUNNELS):
            return False
        found = levels(frame, self.options['gbp'] == 'yes')
        for n, level in enumerate(found[:-1]):
            # A tunnel's own checksum, unless a tunnel around it has RCO for
            # it.
            value, = struct.unpack_from('!H', frame, level.layer.l4_ofs + 6)
            if (self.options['csum'] == 'off'
                    and not (level.header and level.header.rco)):
                want(value == 0, 'level %d: UDP checksum is not zero', n)
            else:
                want(value != 0, 'level %d: UDP checksum is zero', n)
        self.policy(frame, found)
        if found[-1].layer and not found[-1].fragment:
            self.payload(frame, found[-1].layer)
        return True

    def policy(self, frame, found):
        sender = address(frames.addresses_of(frame, found[0].layer)[0])
        counts = self.seen.setdefault(sender, [0, 0])
        last = found[-1].layer
        tunnels = [level.header for level in found[1:]]
        with_rco = any(header.rco for header in tunnels)
        counts[0 if with_rco else 1] += 1
        if sender not in self.tx:
            want(not with_rco, '%s sends with RCO', sender)
            want(self.options['noop'] == 'yes'
                 or not any(header.option for header in tunnels),
                 '%s sends with an option for RCO', sender)
            return
        if (not last or found[-1].fragment
                or self.options['levels'] == 'any'):
            return
        if last.proto == TCP and frame[last.l4_ofs + 13] & frames.RST:
            return
        want(tunnels[-1].rco or last.proto not in (TCP, UDP),
             '%s sends without RCO', sender)

    def payload(self, frame, layer):
        """Puts TCP's bytes where they belong."""
        if layer.proto != TCP:
            return
        seq, flags, data = frames.tcp_of(frame, layer)
        key = (frames.addresses_of(frame, layer),
               bytes(frame[layer.l4_ofs:layer.l4_ofs + 4]))
        if flags & frames.SYN:
            self.streams[key] = [seq + 1, bytearray(), bytearray()]
        if key not in self.streams or not data:
            return
        first, content, present = self.streams[key]
        at = (seq - first) & 0xffffffff
        grow = at + len(data) - len(content)
        if grow > 0:
            content.extend(bytes(grow))
            present.extend(bytes(grow))
        content[at:at + len(data)] = data
        present[at:at + len(data)] = b'\1' * len(data)

    def file(self, path):
        """Checks a whole capture; returns the list of what is wrong."""
        errors, judged = [], 0
        for i, frame in enumerate(pcap_read(path)):
            try:
                judged += self.frame(frame)
            except Wrong as e:
                errors.append('packet %d: %s' % (i + 1, e))
            except (struct.error, IndexError):
                errors.append('packet %d: cut short' % (i + 1))
        if not judged:
            errors.append('no tunnelled packet')
        if self.options['payload']:
            with open(self.options['payload'], 'rb') as f:
                expected = f.read()
            n = 0
            for _, content, present in self.streams.values():
                if len(content) > 1000:
                    n += 1
                    if b'\0' in present:
                        errors.append('a TCP stream has holes')
                    elif content != expected:
                        errors.append('a TCP stream has %d other bytes'
                                      % len(content))
            if n != int(self.options['streams']):
                errors.append('%d TCP streams, not %s'
                              % (n, self.options['streams']))
        for sender in self.tx:
            if (sender != 'none' and self.options['levels'] == 'last'
                    and self.seen.get(sender, [0])[0] < 10):
                errors.append('%s has sent next to nothing with RCO' % sender)
        return errors


def check(path, words):
    checker = Checker(words)
    errors = checker.file(path)
    for sender, counts in sorted(checker.seen.items()):
        print(sender, *counts)
    if errors:
        sys.exit('\n'.join(errors[:4])
                 + ('\n%d more' % (len(errors) - 4) if errors[4:] else ''))


# What is damaged in one packet: name, whether the outer checksum is made right
# again, function of (frame, outer Layer, inner Layer).

def flip(frame, at, bits):
    frame[at] ^= bits


VXLAN_MUTATIONS = [
    ('RCO bit off', True, lambda f, o, i: flip(f, o.l4_ofs + 9, 0x20)),
    ('another flag', True, lambda f, o, i: flip(f, o.l4_ofs + 8, 0x04)),
    ('no VNI', True, lambda f, o, i: flip(f, o.l4_ofs + 8, 0x08)),
    ('start', True, lambda f, o, i: flip(f, o.l4_ofs + 15, 0x01)),
    ('O bit', True, lambda f, o, i: flip(f, o.l4_ofs + 15, 0x80)),
]
# The option is the last one.
GENEVE_MUTATIONS = [
    ('reserved byte', True, lambda f, o, i: flip(f, o.l4_ofs + 15, 1)),
    ('C bit', True, lambda f, o, i: flip(f, o.l4_ofs + 9, 0x40)),
    ('class', True, lambda f, o, i: flip(f, i.l2 - 7, 1)),
    ('critical bit', True, lambda f, o, i: flip(f, i.l2 - 6, 0x80)),
    ('type', True, lambda f, o, i: flip(f, i.l2 - 6, 1)),
    ('length', True, lambda f, o, i: flip(f, i.l2 - 5, 1)),
    ('start', True, lambda f, o, i: flip(f, i.l2 - 3, 2)),
    ('field', True, lambda f, o, i: flip(f, i.l2 - 1, 2)),
    ('no-op', True, lambda f, o, i: f.__setitem__(slice(i.l2 - 4, i.l2),
                                                  bytes(4))),
]
MUTATIONS = [
    ('field of TCP', True, lambda f, o, i: flip(f, i.l4_ofs + 17, 1)
     if i.proto == TCP else None),
    ('field of UDP', True, lambda f, o, i: flip(f, i.l4_ofs + 7, 1)
     if i.proto == UDP else None),
    ('field completed', True, lambda f, o, i: complete(f, i)),
    ('another length in the sum', True, lambda f, o, i: add(f, i, 8)),
    ('IPv4 checksum', True, lambda f, o, i: flip(f, i.ofs + 10, 1)
     if i.version == 4 else None),
    ('IP length', True, lambda f, o, i: flip(
        f, i.ofs + (3 if i.version == 4 else 5), 1)),
    ('address', True, lambda f, o, i: flip(f, i.l4_ofs - 1, 1)),
    ('protocol', True, lambda f, o, i: flip(
        f, i.ofs + (9 if i.version == 4 else 6), TCP ^ UDP)),
    ('inner UDP length', True, lambda f, o, i: flip(f, i.l4_ofs + 5, 1)
     if i.proto == UDP else None),
    ('outer UDP length', False, lambda f, o, i: flip(f, o.l4_ofs + 5, 1)),
    ('outer UDP checksum', False, lambda f, o, i: flip(f, o.l4_ofs + 7, 1)),
    ('outer IPv4 checksum', False, lambda f, o, i: flip(f, o.ofs + 10, 1)
     if o.version == 4 else None),
    ('end of the payload', False, lambda f, o, i: flip(f, len(f) - 1, 1)),
    ('one byte more', False, lambda f, o, i: f.append(0)),
    ('one byte less', False, lambda f, o, i: f.pop()),
]


def field_of(layer):
    return layer.l4_ofs + (6 if layer.proto == UDP else 16)


def complete(frame, layer):
    end = layer.l4_ofs + layer.length
    csum = ones_sum(bytes(frame[layer.l4_ofs:end])) ^ 0xffff
    struct.pack_into('!H', frame, field_of(layer), csum or 0xffff)


def add(frame, layer, n):
    value, = struct.unpack_from('!H', frame, field_of(layer))
    value += n
    struct.pack_into('!H', frame, field_of(layer),
                     (value & 0xffff) + (value >> 16))


def settle(frame, outer):
    """Writes the outer UDP checksum, if there is one."""
    at = outer.l4_ofs + 6
    if not frame[at] and not frame[at + 1]:
        return
    src, dst = frames.addresses_of(frame, outer)
    struct.pack_into('!H', frame, at, 0)
    csum = ones_sum(bytes(frame[outer.l4_ofs:]),
                    pseudo_sum(src, dst, UDP, outer.length)) ^ 0xffff
    struct.pack_into('!H', frame, at, csum or 0xffff)


def mutations(frame, outer, csum):
    port, = struct.unpack_from('!H', frame, outer.l4_ofs + 2)
    for m in MUTATIONS + (VXLAN_MUTATIONS if port == VXLAN_PORT
                          else GENEVE_MUTATIONS):
        # Without an outer checksum nobody knows that the payload is damaged.
        if m[0] != 'end of the payload' or csum == 'on':
            yield m


def mutate(path, words):
    """Three packets of each kind suffer each damage."""
    kinds, noticed = {}, {}
    checker = Checker(words)
    for frame in pcap_read(path):
        if not checker.frame(frame):
            continue
        found = levels(frame, checker.options['gbp'] == 'yes')
        if not found[1].header.rco:
            continue
        outer, inner = found[0].layer, found[1].layer
        kind = (inner.version, inner.proto, inner.length % 2)
        kinds[kind] = kinds.get(kind, 0) + 1
        if kinds[kind] > 3:
            continue
        for name, right_again, damage in mutations(frame, outer,
                                                   checker.options['csum']):
            noticed.setdefault(name, 0)
            bad = bytearray(frame)
            damage(bad, outer, inner)
            if bad == frame:
                continue
            if right_again:
                settle(bad, outer)
            try:
                checker.frame(bytes(bad))
            except (Wrong, struct.error, IndexError):
                noticed[name] += 1
            else:
                sys.exit('not noticed: %s, in %s' % (name, bad.hex()))
    missing = [name for name, n in noticed.items() if not n]
    if missing or len(kinds) < 2:
        sys.exit('never tried: %s; %d kinds of packets'
                 % (', '.join(missing) or 'none', len(kinds)))
    print(sum(noticed.values()))


def main(words):
    if len(words) < 2 or words[0] not in ('check', 'mutate'):
        sys.exit(__doc__)
    (check if words[0] == 'check' else mutate)(words[1], words[2:])


if __name__ == '__main__':
    try:
        main(sys.argv[1:])
    except OSError as e:
        sys.exit('rco.py: %s' % e)
