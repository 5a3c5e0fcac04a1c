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
"""Packets with remote checksum offload (RCO), good and malformed.

    rco_packets.py send IF MAC ENCAP OUTER GROUP...
    rco_packets.py arrived PCAP ENCAP OUTER GROUP...
    rco_packets.py counts GROUP...
    rco_packets.py super TAP OUTER INNER
    rco_packets.py padded IF MAC SRC DST
    rco_packets.py device IF OUTER

send writes the packets of CASES below, those of GROUPs, to IF, in tunnel ENCAP
(vxlan or geneve) with an outer IP header of version OUTER; arrived judges what
came out of the tunnel, behind whoever has to complete checksums, at an
interface where a capture shows final bytes.  counts prints the lines "drop
REASON PACKETS" and "event NAME PACKETS" by which counters have to grow.

super writes a superpacket to TAP, as a virtual machine's kernel whose tunnel
has made it with RCO, TCP over IP version INNER, and stays until it is ended.
padded writes a UDP datagram with its checksum pending, as a virtual machine,
and an Ethernet frame that goes on behind it.

device makes a vxlan device of the kernel's that completes checksums itself
("nopartial", for which iproute2 has no word): it judges this file.

Sources: behaviour of Linux v6.18 vxlan_rcv() and skb_remcsum_process(); for
Geneve, Documentation/ref/encapsulations.rst.
"""

import collections
import fcntl
import random
import signal
import socket
import struct
import sys

import frames
from frames import (ETH_P_8021Q, ETH_P_IP, ETH_P_IPV6, GENEVE_PORT, TCP, UDP,
                    VXLAN_PORT, inject_socket, mac, ones_sum, pcap_read,
                    pseudo_sum)

VXLAN_VNI = 0x08000000
VXLAN_RCO = 0x00200000
FRAGMENT = 44
# The class is the default; the critical bit and the type; words of data.
GENEVE_RCO = struct.pack('!HBB', 0xff52, 0x81, 1)
VNI = 7
ETH_P_ARP = 0x0806
ICMP, SCTP, ICMPV6 = 1, 132, 58
MORE_FRAGMENTS = 0x2000

# A packet, as keys of unit() and inner_frame(); what is not said is right.  Or
# several of them in one superpacket, see train().
#
# verdict   "ok": what arrives is the inner frame with the right checksum;
#           "wrong": its checksum is as wrong as it was, by the rule of RCO;
#           "drop": it must not arrive; otherwise neither, and the verdict is
#           the reason that is counted.
Case = collections.namedtuple('Case', 'group name verdict keys')


def case(group, name, verdict, **keys):
    return Case(group, name, verdict, keys)


DEEP = ((frames.DSTOPTS, b'\1\xc4' + bytes(196)),)
DEST = ((frames.DSTOPTS, b'\1\x0c' + bytes(12)),)
TAG = ((ETH_P_8021Q, 100),)
QINQ = ((frames.ETH_P_8021AD, 101), (ETH_P_8021Q, 100))

CASES = [
    case('good', 'TCP/IPv4', 'ok'),
    case('good', 'UDP/IPv4', 'ok', l4='udp'),
    case('good', 'TCP/IPv6', 'ok', ip=6),
    case('good', 'UDP/IPv6', 'ok', ip=6, l4='udp'),
    case('good', 'no payload', 'ok', payload=0),
    case('good', 'UDP without payload', 'ok', payload=0, l4='udp'),
    case('good', 'odd length', 'ok', payload=101),
    case('good', 'UDP, odd length', 'ok', payload=33, l4='udp'),
    case('good', 'long', 'ok', payload=1340),
    case('good', 'TCP, sum is zero', 'ok', zero=True),
    case('good', 'VLAN tag', 'ok', tags=TAG),
    case('good', 'two VLAN tags', 'ok', tags=QINQ),
    case('good', 'MPLS label', 'ok', ethertype=0x8847, mpls=b'\0\1\x01\x40'),
    case('good', 'IPv4 options', 'ok', ipopts=b'\1' * 8),
    case('good', 'most IPv4 options', 'ok', ipopts=b'\1' * 40, l4='udp'),
    case('good', 'IPv6 extension header', 'ok', ip=6, ext=DEST),
    case('good', 'start is 254', 'ok', ip=6, ext=DEEP),
    case('good', 'UDP, start is 254', 'ok', ip=6, ext=DEEP, l4='udp'),
    case('good', 'padding', 'ok', payload=2, pad=bytes(10)),
    case('good', 'without RCO', 'ok', rco=False),
    case('good', 'UDP without RCO', 'ok', rco=False, l4='udp'),

    # Not as Linux: it leaves the zero, which to UDP is no checksum, and takes
    # padding for payload.
    case('stricter', 'UDP, sum is zero', 'ok', l4='udp', zero=True),
    case('stricter', 'UDP/IPv6, sum is zero', 'ok', l4='udp', ip=6, zero=True),
    case('stricter', 'UDP, off by one, sum is zero', 'wrong', l4='udp', add=1,
         zero=True),
    case('stricter', 'padding that is not zero', 'ok', payload=3,
         pad=b'\xa5' * 9),

    case('wrong', 'sum off by one', 'wrong', add=1),
    case('wrong', 'UDP, sum off by one', 'wrong', add=1, l4='udp'),
    case('wrong', 'TCP/IPv6, sum off by one', 'wrong', add=1, ip=6),
    case('wrong', 'sum of another length', 'wrong', add=1400),
    case('wrong', 'zero', 'wrong', field=0),
    case('wrong', 'UDP, zero', 'wrong', field=0, l4='udp'),
    case('wrong', 'already complete', 'wrong', field='complete'),
    case('wrong', 'VLAN tag', 'wrong', add=1, tags=TAG),
    case('wrong', 'without RCO', 'wrong', add=1, rco=False),

    case('malformed', 'start is 0', 'bad_rco', start=0),
    case('malformed', 'start is 12', 'bad_rco', start=12),
    case('malformed', 'start at the IP header', 'bad_rco', start=14),
    case('malformed', 'start in the IP header', 'bad_rco', start=32),
    case('malformed', 'start in the L4 header', 'bad_rco', start=36),
    case('malformed', 'start in the payload', 'bad_rco', start=60),
    case('malformed', 'start ignores a tag', 'bad_rco', start=34, tags=TAG),
    case('malformed', 'start ignores IPv4 options', 'bad_rco', start=34,
         ipopts=b'\1' * 4),
    case('malformed', 'start ignores an IPv6 header', 'bad_rco', start=54,
         ip=6, ext=DEST),
    case('malformed', 'start at the last byte', 'bad_rco', cut=35),
    case('malformed', 'start behind the end', 'bad_rco', start=254),
    case('malformed', 'field behind the end', 'bad_rco', l4='tcp', cut=42),
    case('malformed', 'UDP field behind the end', 'bad_rco', l4='udp', cut=38),
    case('malformed', 'UDP bit, TCP', 'bad_rco', obit=True),
    case('malformed', 'TCP bit, UDP', 'bad_rco', obit=False, l4='udp'),
    case('malformed', 'TCP bit, UDP/IPv6', 'bad_rco', obit=False, l4='udp',
         ip=6),
    case('malformed', 'first fragment', 'bad_rco', fragment=MORE_FRAGMENTS),
    case('malformed', 'later fragment', 'bad_rco', fragment=10),
    case('malformed', 'IPv6 fragment', 'bad_rco', ip=6, l4='udp',
         ext=((FRAGMENT, b'\0\1\0\0\0\1'),)),
    case('malformed', 'ICMP', 'bad_rco', proto=ICMP),
    case('malformed', 'ICMPv6', 'bad_rco', ip=6, proto=ICMPV6),
    case('malformed', 'SCTP', 'bad_rco', proto=SCTP),
    case('malformed', 'ARP', 'bad_rco', ethertype=ETH_P_ARP),
    case('malformed', 'Ethertype of nothing', 'bad_rco', ethertype=0x88b5),
    case('malformed', 'IPv4 that says 6', 'bad_rco', ethertype=ETH_P_IPV6),
    case('malformed', 'cut in the IP header', 'bad_rco', cut=30),
    case('malformed', 'cut in the Ethernet header', 'bad_rco', cut=10),
    case('malformed', 'nothing inside', 'bad_rco', cut=0),
    case('malformed', 'IP is longer than the packet', 'bad_rco', cut=90),
    case('malformed', 'IP ends before the field', 'bad_rco', iplen=16),
    case('malformed', 'IP ends in the field', 'bad_rco', iplen=17),
    case('malformed', 'IPv6 ends in the field', 'bad_rco', iplen=7, l4='udp',
         ip=6),
    case('malformed', 'IP ends before L4', 'bad_rco', iplen=0),
    case('malformed', 'IP is shorter than its header', 'bad_rco', iplen=-4),

    case('reserved', 'another flag', 'drop', flags=0x0c200000),
    case('reserved', 'lowest flag', 'drop', flags=0x08200001),
    case('reserved', 'group policy', 'drop', flags=0x88200005),
    case('reserved', 'no VNI', 'drop', flags=0x00200000),
    case('reserved', 'start without RCO', 'drop', flags=0x08000000),

    case('geneve', 'start is odd', 'bad_rco',
         option=GENEVE_RCO + b'\0\x23\0\x32'),
    case('geneve', 'start is 0', 'bad_rco', option=GENEVE_RCO + b'\0\0\0\x32'),
    case('geneve', 'start is too large', 'bad_rco',
         option=GENEVE_RCO + b'\xff\xfe\xff\xff'),
    case('geneve', 'field is 0', 'bad_rco', option=GENEVE_RCO + b'\0\x22\0\0'),
    case('geneve', 'field of UDP', 'bad_rco',
         option=GENEVE_RCO + b'\0\x22\0\x28'),
    case('geneve', 'field before the start', 'bad_rco',
         option=GENEVE_RCO + b'\0\x22\0\x18'),
    case('geneve', 'field is too large', 'bad_rco',
         option=GENEVE_RCO + b'\0\x22\xff\xff'),
    case('geneve', 'twice', 'bad_rco',
         option=(GENEVE_RCO + b'\0\x22\0\x32') * 2),
    case('geneve', 'without data', 'bad_rco', option=GENEVE_RCO[:3] + b'\0'),
    case('geneve', 'with 8 bytes of data', 'bad_rco',
         option=GENEVE_RCO[:3] + b'\2\0\x22\0\x32\0\0\0\0'),
    case('geneve', 'another option before', 'ok',
         option=b'\1\2\1\1abcd' + GENEVE_RCO + b'\0\x22\0\x32'),
    case('geneve', 'another option behind', 'ok',
         option=GENEVE_RCO + b'\0\x22\0\x32' + b'\1\2\1\1abcd'),
    case('geneve', 'it says nothing', 'ok', rco=False,
         option=GENEVE_RCO + bytes(4)),
    case('geneve', 'another class', 'ok', rco=False,
         option=b'\xff\x53\1\1' + b'\0\x22\0\x32'),

    case('outer', 'outer checksum is wrong', 'drop', outer='wrong'),
    case('outer', 'UDP, outer checksum is wrong', 'drop', outer='wrong',
         l4='udp'),

    case('unsummed', 'no outer checksum', 'ok', outer='zero'),
    case('unsummed', 'UDP, no outer checksum', 'ok', outer='zero', l4='udp'),
    case('unsummed', 'no outer checksum, sum off by one', 'wrong', add=1,
         outer='zero'),

    case('off', 'TCP', 'rco_off'),
    case('off', 'UDP', 'rco_off', l4='udp'),
    case('off', 'TCP/IPv6', 'rco_off', ip=6),
    case('off', 'malformed', 'rco_off', start=0),
    case('off', 'without RCO', 'ok', rco=False, option=b''),
    # Whoever does not know a critical option has to drop the packet.
    case('geneve-off', 'it says nothing', 'rco_off', rco=False),
]


def train(name, n, each={}, **odd):
    """'n' packets with 'each' as keys and 1000 bytes of payload; odd ones as
    _POSITION=(verdict, more keys)."""
    return Case('train', name, 'train',
                {'n': n, 'each': each,
                 'odd': {int(k[1:]): v for k, v in odd.items()}})


CASES += [
    train('TCP', 10),
    train('TCP/IPv6', 7, {'ip': 6}),
    train('UDP', 5, {'l4': 'udp'}),
    train('UDP/IPv6', 5, {'l4': 'udp', 'ip': 6}),
    train('the last is shorter', 6, _5=('ok', {'payload': 333})),
    train('VLAN tags', 4, {'tags': TAG}),
    train('IPv4 options', 4, {'ipopts': b'\1' * 8}),
    train('without RCO', 4, {'rco': False}),
    train('no outer checksum', 4, {'outer': 'zero'}),
    train('one is wrong', 6, _3=('wrong', {'add': 1})),
    train('the first is wrong', 6, _0=('wrong', {'add': 1})),
    train('the last is wrong', 6, _5=('wrong', {'field': 0})),
    train('a UDP is wrong', 6, {'l4': 'udp'},
          _2=('wrong', {'add': 1, 'l4': 'udp'})),
    train('all are wrong', 3, {'add': 1}, _0=('wrong', {}), _1=('wrong', {}),
          _2=('wrong', {})),
    train('one without RCO', 6, _2=('ok', {'rco': False})),
    train('the first without RCO', 6, _0=('ok', {'rco': False})),
    train('one without RCO is wrong', 6, _2=('wrong', {'rco': False,
                                                       'add': 1})),
    train('one starts elsewhere', 6, _4=('bad_rco', {'start': 36})),
    train('the first starts elsewhere', 6, _0=('bad_rco', {'start': 0})),
    train('all start elsewhere', 3, {'start': 36}, _0=('bad_rco', {}),
          _1=('bad_rco', {}), _2=('bad_rco', {})),
    train('one is of the other protocol', 6, _1=('bad_rco', {'obit': True})),
    train('a fragment', 6, _2=('bad_rco', {'fragment': MORE_FRAGMENTS})),
    train('UDP among TCP', 6, _3=('ok', {'l4': 'udp', 'payload': 1012})),
]


def complete_bytes(data, at, l4):
    """'data' from the L4 header to the end, with the field at 'at'
    completed."""
    csum = ones_sum(data) ^ 0xffff
    if l4 == 'udp':
        csum = csum or 0xffff
    return data[:at] + struct.pack('!H', csum) + data[at + 2:]


def inner_frame(index, ip=4, l4='tcp', payload=100, tags=(), ipopts=b'',
                ext=(), add=0, field=None, zero=False, fragment=0, proto=None,
                ethertype=None, iplen=None, seq=0, mpls=b'',
                rco=True):
    """Returns (frame with the sum pending, frame as it has to arrive, offset
    of L4).  The source address tells which case it is."""
    rng = random.Random(index + seq)
    src, dst = frames.ADDRESSES[ip]
    number = TCP if l4 == 'tcp' else UDP
    data = bytes(rng.getrandbits(8) for _ in range(payload))
    at = 16 if l4 == 'tcp' else 6
    length = (20 if l4 == 'tcp' else 8) + payload
    pseudo = pseudo_sum(src, dst, number, length)

    def header(csum):
        if l4 == 'tcp':
            return frames.tcp(40000, 50000, 0x1000 + seq, 0x2000, frames.ACK,
                              csum=csum)
        return frames.udp(40000, 50000, length, csum)

    value = ones_sum(struct.pack('!HH', pseudo, add))
    if zero:
        # The first word of the payload makes the whole sum 0xffff.
        data = b'\0\0' + data[2:]
        data = struct.pack('!H', 0xffff - ones_sum(header(value) + data)) \
            + data[2:]
    right = complete_bytes(header(pseudo) + data, at, l4)
    if field is None:
        pass
    elif field == 'complete':
        value, = struct.unpack_from('!H', right, at)
    else:
        value = field
    pending = header(value) + data
    arrives = complete_bytes(pending, at, l4)
    if not rco:
        # Complete, and damaged by 'add'.
        value, = struct.unpack_from('!H', right, at)
        pending = arrives = header(value ^ add) + data

    if iplen is not None:
        length = iplen
    if ip == 4:
        l3 = frames.ipv4(src, dst, proto or number, length, options=ipopts,
                         id=1 + seq // (payload or 1))
        if fragment:
            l3 = bytearray(l3)
            struct.pack_into('!H', l3, 6, fragment)
            struct.pack_into('!H', l3, 10, 0)
            struct.pack_into('!H', l3, 10, ones_sum(bytes(l3)) ^ 0xffff)
            l3 = bytes(l3)
    else:
        l3 = frames.ipv6(src, dst, proto or number, length, ext=ext)
    l2 = frames.eth(mac('02:5e:02:00:00:%02x' % index), frames.INNER_DST,
                    ethertype or (ETH_P_IP if ip == 4 else ETH_P_IPV6), tags)
    l2 += mpls
    return l2 + l3 + pending, l2 + l3 + arrives, len(l2 + l3)


def unit(index, encap, keys):
    """Returns (tunnel header and inner frame, inner frame as it has to
    arrive)."""
    keys = dict(keys)
    start, obit = keys.pop('start', None), keys.pop('obit', None)
    flags, cut = keys.pop('flags', None), keys.pop('cut', None)
    pad, option = keys.pop('pad', b''), keys.pop('option', None)
    rco = keys.get('rco', True)
    inner, arrives, l4_ofs = inner_frame(index, **keys)
    inner += pad
    if cut is not None:
        inner = inner[:cut]
    if obit is None:
        obit = keys.get('l4') == 'udp'
    if start is None:
        start = l4_ofs
    if encap == 'vxlan':
        low = start // 2 | (0x80 if obit else 0)
        if flags is None:
            flags = VXLAN_VNI | (VXLAN_RCO if rco else 0)
            low = low if rco else 0
        return struct.pack('!II', flags, VNI << 8 | low) + inner, arrives
    if option is None:
        option = (GENEVE_RCO
                  + (struct.pack('!HH', start, start + (6 if obit else 16))
                     if rco else bytes(4)))
    critical = 0x40 if GENEVE_RCO[:3] in option else 0
    return (struct.pack('!BBHI', len(option) // 4, critical, frames.ETH_P_TEB,
                        VNI << 8) + option + inner), arrives


def packet(index, encap, outer_ip, dst_mac, keys):
    """Returns (vnet header, frame, [inner frame as it has to arrive, verdict]
    for each packet in it)."""
    outer = keys.get('outer', keys.get('each', {}).get('outer', 'right'))
    units = []
    for i in range(keys.get('n', 1)):
        verdict, more = keys.get('odd', {}).get(i, ('ok', {}))
        unit_keys = {k: v for k, v in keys.items() if k != 'outer'}
        if 'n' in keys:
            unit_keys = dict(keys['each'], **more)
            unit_keys.pop('outer', None)
            unit_keys.setdefault('payload', 1000)
            unit_keys['seq'] = i * 1000
        units.append(unit(index, encap, unit_keys) + (verdict,))
    data = b''.join(u[0] for u in units)

    # From the far end to here.
    dst, src = frames.OUTER_ADDRESSES[outer_ip]
    port = VXLAN_PORT if encap == 'vxlan' else GENEVE_PORT
    l4 = frames.udp(50505, port, 8 + len(data))
    pseudo = pseudo_sum(src, dst, UDP, len(l4 + data))
    csum = (ones_sum(l4 + data, pseudo) ^ 0xffff) or 0xffff
    if 'n' in keys:
        # The kernel completes it.
        csum = pseudo
    csum = {'right': csum, 'zero': 0, 'wrong': csum ^ 0x0100}[outer]
    l4 = l4[:6] + struct.pack('!H', csum)
    make = frames.ipv4 if outer_ip == 4 else frames.ipv6
    headers = (frames.eth(frames.SRC, dst_mac,
                          ETH_P_IP if outer_ip == 4 else ETH_P_IPV6)
               + make(src, dst, UDP, len(l4 + data)))
    vnet = bytes(10)
    if 'n' in keys:
        vnet = struct.pack('<BBHHHH', frames.NEEDS_CSUM, frames.GSO_UDP_L4,
                           len(headers) + 8, len(units[0][0]), len(headers), 6)
    return vnet, headers + l4 + data, [u[1:] for u in units]


def chosen(groups):
    for index, c in enumerate(CASES):
        if c.group in groups:
            yield index, c


def send(ifname, dst_mac, encap, outer_ip, groups):
    s = inject_socket(ifname)
    for index, c in chosen(groups):
        vnet, frame, _ = packet(index, encap, outer_ip, mac(dst_mac), c.keys)
        s.send(vnet + frame)


def arrived(path, encap, outer_ip, groups):
    got = {}
    for frame in pcap_read(path):
        if frame[6:11] == mac('02:5e:02:00:00:00')[:5]:
            got.setdefault(frame[11], []).append(frame)
    errors = []
    for index, c in chosen(groups):
        name = '%s, %s: ' % (c.group, c.name)
        have = got.pop(index, [])
        _, _, units = packet(index, encap, outer_ip, frames.DST, c.keys)
        if c.verdict != 'train':
            units = [(units[0][0], c.verdict)]
        expected = [u for u in units if u[1] in ('ok', 'wrong')]
        if len(have) != len(expected):
            errors.append(name + '%d have arrived, not %d: %s'
                          % (len(have), len(expected),
                             have[0].hex() if have else ''))
            continue
        for frame, (right, verdict) in zip(have, expected):
            # Padding may stay or go.
            frame = frame[:len(right)]
            bad = [e for e in frames.checksum_errors(frame) if ' 0' in e]
            if frame != right:
                errors.append(name + '%s, not %s' % (frame.hex(), right.hex()))
                break
            if (verdict == 'ok') == bool(bad):
                errors.append(name + 'the reference is %s' % (bad or 'right'))
                break
    if got:
        errors.append('%d frames that nobody has sent' % len(got))
    if errors:
        sys.exit('\n'.join(errors))


def counts(groups):
    n = collections.Counter()
    for _, c in chosen(groups):
        if c.verdict == 'train':
            for verdict, _ in c.keys['odd'].values():
                n['drop', verdict] += verdict not in ('ok', 'wrong')
        elif c.verdict not in ('ok', 'wrong'):
            n['drop', c.verdict] += 1
        elif c.keys.get('rco', True):
            n['event', 'rx_rco'] += 1
            # Wrong ones are not left to the port that they leave through.
            n['event', 'rco_completed'] += c.verdict == 'ok'
            n['event', 'rx_rco_wrong'] += c.verdict == 'wrong'
            n['event', 'rx_rco_no_csum'] += c.keys.get('outer') == 'zero'
    for (kind, name), number in sorted(n.items()):
        if number and name != 'drop':
            print(kind, name, number)


def superpacket(tap, outer_ip, ip):
    row = frames.ROW.copy()
    row.update(encap='vxlan', outer=outer_ip, ip=ip, mss=1200, payload=20001)
    sp = frames.Superpacket(row, 0)
    frame = bytearray(sp.frame)
    hdr = sp.outer_l4_ofs + 8
    struct.pack_into('!II', frame, hdr, VXLAN_VNI | VXLAN_RCO,
                     VNI << 8 | (sp.l4_ofs - hdr - 8) // 2)
    with open('/dev/net/tun', 'r+b', buffering=0) as f:
        # linux/if_tun.h: IFF_TAP, IFF_NO_PI and IFF_VNET_HDR, TUNSETVNETHDRSZ,
        # TUNSETOFFLOAD with all that Linux 6.17 has.
        fcntl.ioctl(f, 0x400454ca,
                    struct.pack('16sH22x', tap.encode(), 0x5002))
        fcntl.ioctl(f, 0x400454d8, struct.pack('i', 24))
        fcntl.ioctl(f, 0x400454d0, 0x1ef)
        f.write(sp.vnet_header(24) + frame)
        # The link goes down with the file.
        signal.pause()


def padded(ifname, dst_mac, src, dst):
    src, dst = socket.inet_aton(src), socket.inet_aton(dst)
    with open('/sys/class/net/%s/address' % ifname) as f:
        src_mac = f.read().strip()
    data = b'padded'
    length = 8 + len(data)
    frame = (frames.eth(mac(src_mac), mac(dst_mac), ETH_P_IP)
             + frames.ipv4(src, dst, UDP, length)
             + frames.udp(40000, 9, length, pseudo_sum(src, dst, UDP, length))
             + data + bytes(12))
    vnet = struct.pack('<BBHHHH', frames.NEEDS_CSUM, 0, 0, 0, 34, 6)
    inject_socket(ifname).send(vnet + frame)


def attribute(kind, data):
    n = 4 + len(data)
    return struct.pack('=HH', n, kind) + data + bytes(-n % 4)


def device(ifname, outer_ip):
    """RTM_NEWLINK: linux/if_link.h, linux/rtnetlink.h."""
    here, there = frames.OUTER_ADDRESSES[outer_ip]
    yes = struct.pack('=B', 1)
    data = (attribute(1, struct.pack('=I', VNI))
            + attribute(15, struct.pack('!H', VXLAN_PORT))
            + attribute(2 if outer_ip == 4 else 16, there)
            + attribute(4 if outer_ip == 4 else 17, here)
            # REMCSUM_TX, REMCSUM_RX, REMCSUM_NOPARTIAL.
            + attribute(21, yes) + attribute(22, yes) + attribute(24, b''))
    body = (struct.pack('=BxHiII', 0, 0, 0, 1, 1)
            + attribute(3, ifname.encode() + b'\0')
            + attribute(18, attribute(1, b'vxlan\0') + attribute(2, data)))
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    # NLM_F_REQUEST, ACK, EXCL, CREATE.
    s.send(struct.pack('=IHHII', 16 + len(body), 16, 0x605, 1, 0) + body)
    error, = struct.unpack_from('=i', s.recv(4096), 16)
    if error:
        raise OSError(-error, 'cannot make a vxlan device')


def main(words):
    command, words = words[0] if words else '', words[1:]
    if command == 'send' and len(words) > 4:
        send(words[0], words[1], words[2], int(words[3]), words[4:])
    elif command == 'arrived' and len(words) > 3:
        arrived(words[0], words[1], int(words[2]), words[3:])
    elif command == 'counts' and words:
        counts(words)
    elif command == 'super' and len(words) == 3:
        superpacket(words[0], int(words[1]), int(words[2]))
    elif command == 'padded' and len(words) == 4:
        padded(*words)
    elif command == 'device' and len(words) == 2:
        device(words[0], int(words[1]))
    else:
        sys.exit(__doc__)


if __name__ == '__main__':
    try:
        main(sys.argv[1:])
    except OSError as e:
        sys.exit('rco_packets.py: %s' % e)
