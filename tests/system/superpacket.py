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
"""Sends superpackets from a virtual machine's interface, and checks what came
out on the other side of Open vSwitch.

    superpacket.py send IF [FIELD=VALUE]...
    superpacket.py check PCAP [FIELD=VALUE]...
    superpacket.py same N PCAP PCAP
    superpacket.py udp IF SIZE...
    superpacket.py check-udp PCAP SIZE...
    superpacket.py decap IF MAC [FIELD=VALUE]...
    superpacket.py check-decap PCAP

send writes 'count' superpackets with vnet headers.  Fields are those of
frames.ROW, and 'count'.  check, which gets the same fields, demands that PCAP
has exactly the segments of these superpackets in order, each byte behind the
tunnel's header as the reference in frames.py makes it, and that all checksums
on all levels are right.  Also: 'zero_ok=1', a UDP checksum of zero is right;
'l3=1', the tunnel's inner frame has no Ethernet header;
'ids=1', no outer IPv4 ID occurs twice; 'n=N', only the number of packets and
their outermost checksums are looked at.

same demands that both have the same segments of superpackets of N each, in the
same order, byte by byte, but for these fields of the outer headers: UDP's
source port, which is one of 32768 to 61000, the same in a superpacket, and its
checksum, which must be right, or zero in both; IPv4's ID, which may begin
anywhere in a superpacket, and its checksum, which must be right.  Prints the
number of segments.

udp sends one UDP datagram of each SIZE (of the IP packet); check-udp demands
that all arrive, but for those with a '-' in front.

decap sends a finished VXLAN packet to MAC.  'pad=N' puts N bytes that are not
zero behind it, 'outerext=dest' an IPv6 extension header into it, 'csum=no'
leaves out its UDP checksum.  check-decap demands that what was inside arrives.
"""

import struct
import sys

import frames
from frames import (ACK, ADDRESSES, CWR, DSTOPTS, ETH_P_8021AD, ETH_P_8021Q,
                    ETH_P_IP, FIN, HOPOPTS, OUTER_ADDRESSES, PSH, ROW, SRC, DST,
                    TCP, UDP, VXLAN_PORT, Superpacket, checksum_errors, eth,
                    inject_socket, ipv4, mac, ones_sum, parse, parse_l2,
                    pcap_read, pseudo_sum)

# What cannot be written as a number.
NAMES = {
    'yes': True, 'no': False, 'tcp': 'tcp', 'udp': 'udp',
    'vlan': ((ETH_P_8021Q, 0x0064),),
    'qinq': ((ETH_P_8021AD, 0x0065), (ETH_P_8021Q, 0x0064)),
    'dest': ((DSTOPTS, bytes.fromhex('010c') + bytes(12)),),
    'hop+dest': ((HOPOPTS, bytes.fromhex('050200000100')),
                 (DSTOPTS, bytes.fromhex('010c') + bytes(12))),
    'plain': 'plain', 'ipip': 'ipip',
    'fin+psh+cwr': ACK | FIN | PSH | CWR,
}


def fields(words):
    """Returns (row, everything else)."""
    row, rest = ROW.copy(), {}
    for word in words:
        key, _, value = word.partition('=')
        value = NAMES[value] if value in NAMES else int(value, 0)
        (row if key in row else rest)[key] = value
    return row, rest


def superpackets(row, count):
    """'count' of them: one stream."""
    for i in range(count):
        r = row.copy()
        r['seq'] = (row['seq'] + i * row['payload']) & 0xffffffff
        r['id'] = (row['id'] + 100 * i) & 0xffff
        yield Superpacket(r, i)


def send(ifname, row, rest):
    s = inject_socket(ifname)
    for sp in superpackets(row, rest.get('count', 1)):
        s.send(sp.vnet_header() + sp.frame)


def fail(text):
    sys.exit('superpacket.py: ' + text)


def ours(path, *protos):
    """The frames of a capture that belong to our stream, with layers."""
    result = []
    for frame in pcap_read(path):
        layers = parse(frame)
        if layers and layers[-1].proto in (protos or (TCP,)):
            ports = struct.unpack_from('!HH', frame, layers[-1].l4_ofs)
            if ports == (40000, 50000):
                result.append((frame, layers))
    return result


def check(path, row, rest):
    got = ours(path, UDP if row['l4'] == 'udp' else TCP)
    if 'n' in rest:
        if len(got) != rest['n']:
            fail('%d packets, not %d' % (len(got), rest['n']))
        for frame, layers in got:
            # The outermost checksums are about all that has been sent.
            errors = [e for e in checksum_errors(frame) if e[-1] == '0'
                      or ' 0 ' in e]
            if errors:
                fail('bad: ' + ', '.join(errors))
        return
    want = [f for sp in superpackets(row, rest.get('count', 1))
            for f in sp.segments()]
    ids = {}
    for i, ((frame, layers), expected) in enumerate(zip(got, want)):
        errors = checksum_errors(frame, rest.get('zero_ok'))
        if errors:
            fail('segment %d of %d: bad: %s' % (i, len(want),
                                                ', '.join(errors)))
        last = layers[-1]
        # Up to the end of the IP packet: an Ethernet frame may be padded.
        inner = frame[last.l2:last.l4_ofs + last.length]
        if 'l3' in rest:
            expected = expected[parse_l2(expected)[1]:]
        if inner != expected:
            at = next((j for j, (a, b) in enumerate(zip(inner, expected))
                       if a != b), min(len(inner), len(expected)))
            fail('segment %d of %d: byte %d of the inner frame is wrong: '
                 '%s (%d bytes), not %s (%d bytes)'
                 % (i, len(want), at, inner[at:at + 8].hex(), len(inner),
                    expected[at:at + 8].hex(), len(expected)))
        if rest.get('ids') and layers[0].version == 4:
            ip_id = frame[layers[0].ofs + 4:layers[0].ofs + 6]
            if ip_id in ids:
                fail('segments %d and %d have the same outer IP ID 0x%s'
                     % (ids[ip_id], i, ip_id.hex()))
            ids[ip_id] = i
    if len(got) != len(want):
        fail('%d segments, not %d' % (len(got), len(want)))


def comparable(path, n):
    """The frames of ours(), without what may differ; see above."""
    result = []
    got = ours(path, TCP, UDP)
    if len(got) % n:
        fail('%s: %d segments, not whole superpackets' % (path, len(got)))
    for i, (frame, layers) in enumerate(got):
        f = bytearray(frame)
        outer = layers[0]
        errors = checksum_errors(frame, zero_ok=True)
        if errors:
            fail('%s: segment %d is bad: %s' % (path, i, ', '.join(errors)))
        sport, _, _, csum = struct.unpack_from('!HHHH', f, outer.l4_ofs)
        ip_id, = struct.unpack_from('!H', f, outer.ofs + 4)
        if i % n == 0:
            first, first_id = sport, ip_id
        if sport != first or not 32768 <= sport <= 61000:
            fail('%s: segment %d has source port %d' % (path, i, sport))
        struct.pack_into('!H', f, outer.l4_ofs, 0)
        struct.pack_into('!H', f, outer.l4_ofs + 6, bool(csum))
        if outer.version == 4:
            struct.pack_into('!H', f, outer.ofs + 4,
                             (ip_id - first_id) & 0xffff)
            struct.pack_into('!H', f, outer.ofs + 10, 0)
        result.append(bytes(f))
    return result


def same(n, *paths):
    one, other = (comparable(path, n) for path in paths)
    for i, (a, b) in enumerate(zip(one, other)):
        if a != b:
            at = next((j for j, (x, y) in enumerate(zip(a, b)) if x != y),
                      min(len(a), len(b)))
            fail('segment %d differs at byte %d: %s (%d bytes), %s (%d bytes)'
                 % (i, at, a[at:at + 8].hex(), len(a), b[at:at + 8].hex(),
                    len(b)))
    if len(one) != len(other):
        fail('%d segments, and %d' % (len(one), len(other)))
    print(len(one))


def datagram(i, size):
    src, dst = ADDRESSES[4]
    data = bytes([i & 255]) * (size - 28)
    udp = struct.pack('!HHHH', 40000, 50000, size - 20, 0)
    csum = ones_sum(udp + data, pseudo_sum(src, dst, UDP, size - 20))
    udp = udp[:6] + struct.pack('!H', csum ^ 0xffff or 0xffff)
    return (eth(SRC, DST, ETH_P_IP)
            + ipv4(src, dst, UDP, size - 20, id=i) + udp + data)


def udp(ifname, sizes):
    s = inject_socket(ifname, vnet=False)
    for i, size in enumerate(sizes):
        s.send(datagram(i, size))


def check_udp(path, words):
    got = []
    for frame in pcap_read(path):
        layers = parse(frame)
        if layers and layers[-1].proto == UDP:
            last = layers[-1]
            ports = struct.unpack_from('!HH', frame, last.l4_ofs)
            if ports == (40000, 50000):
                got.append(frame[last.l2:last.l4_ofs + last.length])
    want = [datagram(i, abs(int(word))) for i, word in enumerate(words)]
    for frame, word in zip(want, words):
        if (frame in got) != (word[0] != '-'):
            fail('the datagram of %s bytes has %sarrived'
                 % (word.lstrip('-'), '' if frame in got else 'not '))
    if [w for w in want if w in got] != got:
        fail('datagrams arrived that were not sent, twice or out of order')


def decap_frame(row, rest, dst_mac):
    """A VXLAN packet, finished: what a correct peer may send."""
    r = ROW.copy()
    r.update(payload=20, mss=1400)
    inner = next(Superpacket(r, 0).segments())
    # From the far end to here.
    dst, src = OUTER_ADDRESSES[row['outer']]
    data = struct.pack('!II', 0x08000000, 7 << 8) + inner
    h = struct.pack('!HHHH', 50505, VXLAN_PORT, 8 + len(data), 0)
    if row['csum']:
        csum = ones_sum(h + data, pseudo_sum(src, dst, UDP, 8 + len(data)))
        h = h[:6] + struct.pack('!H', csum ^ 0xffff or 0xffff)
    if row['outer'] == 4:
        l3 = ipv4(src, dst, UDP, 8 + len(data))
    else:
        l3 = frames.ipv6(src, dst, UDP, 8 + len(data), ext=row['outerext'])
    l2 = eth(SRC, dst_mac, ETH_P_IP if row['outer'] == 4
             else frames.ETH_P_IPV6)
    return l2 + l3 + h + data + b'\xa5' * rest.get('pad', 0)


def check_decap(path):
    r = ROW.copy()
    r.update(payload=20, mss=1400)
    want = next(Superpacket(r, 0).segments())
    got = [frame[layers[-1].l2:layers[-1].l4_ofs + layers[-1].length]
           for frame, layers in ours(path)]
    if got != [want]:
        fail('%d packets arrived, and the right one is %samong them'
             % (len(got), '' if want in got else 'not '))


def main(words):
    if len(words) < 2:
        sys.exit(__doc__)
    command, where, words = words[0], words[1], words[2:]
    if command == 'send':
        send(where, *fields(words))
    elif command == 'check':
        check(where, *fields(words))
    elif command == 'same':
        same(int(where), *words)
    elif command == 'udp':
        udp(where, [abs(int(w)) for w in words])
    elif command == 'check-udp':
        check_udp(where, words)
    elif command == 'decap':
        row, rest = fields(words[1:])
        s = inject_socket(where, vnet=False)
        s.send(decap_frame(row, rest, mac(words[0])))
    elif command == 'check-decap':
        check_decap(where)
    else:
        sys.exit(__doc__)


if __name__ == '__main__':
    try:
        main(sys.argv[1:])
    except OSError as e:
        fail(str(e))
