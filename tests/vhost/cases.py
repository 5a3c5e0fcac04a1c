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
"""The cases of tests/run-vhost: what a guest hands over, well or badly.

Each is a function of the IP version that returns packets (vhost.Packet).  What
becomes of them depends on the vhost library as well, which looks at a vnet
header before Open vSwitch does (vhost_dequeue_offload() of DPDK 22.11):

  * it ignores gso_type unless the packet is TCP, or UDP for UFO; and one with
    a gso_size of zero;
  * of NEEDS_CSUM it keeps that the TCP, UDP or SCTP checksum is to be
    completed if csum_start is within or in front of that header, whatever
    csum_offset says, and does what the header asks for otherwise.
"""

import struct

import frames
from frames import (ACK, CWR, DSTOPTS, ECE, ETH_P_8021AD, ETH_P_8021Q, FIN,
                    HOPOPTS, NEEDS_CSUM, PSH, TCP, UDP)
from vhost import (ANYTHING, HEADER, Header, Packet, complete, header_of,
                   superpacket)

CASES = {}
NONE, TCPV4, UFO, TCPV6, USO, ECN = 0, 1, 3, 4, 5, 0x80
SCTP, ICMP = 132, 1
VLAN = ((ETH_P_8021Q, 0x0064),)
QINQ = ((ETH_P_8021AD, 0x0065), (ETH_P_8021Q, 0x0064))


def case(function):
    CASES[function.__name__.replace('_', '-')] = function
    return function


def cut(v, seed=1, sizes='', header=None, **fields):
    """A superpacket that has to be cut.  'header' are fields of its vnet header
    that are not as they should be."""
    sp = superpacket(seed=seed, ip=v, **fields)
    return Packet(header_of(sp, **(header or {})), sp.frame,
                  list(sp.segments()), sizes)


def whole(v, sizes='', header=None, **fields):
    """TCP that is no superpacket."""
    sp = superpacket(ip=v, **dict({'payload': 1000}, **fields))
    changes = dict({'type': NONE, 'size': 0}, **(header or {}))
    row = dict(sp.row, mss=65535)
    final = list(superpacket(**row).segments())
    return Packet(header_of(sp, **changes), sp.frame, final, sizes)


def refused(v, header=None, **fields):
    packet = cut(v, header=header, **fields)
    packet.want = []
    return packet


def as_asked(packet):
    """The library does what the vnet header says."""
    h = packet.header
    packet.want = [complete(packet.frame, h.start, h.ofs)]
    return packet


def spliced(packet, ofs, data, old=b''):
    """'packet' with 'data' in place of 'old' at 'ofs', in what comes out too."""
    def splice(frame):
        assert frame[ofs:ofs + len(old)] == old
        return frame[:ofs] + data + frame[ofs + len(old):]
    grown = len(data) - len(old)
    h = packet.header
    packet.header = h._replace(start=h.start + grown,
                               hdr_len=h.hdr_len + grown)
    packet.frame = splice(packet.frame)
    packet.want = [splice(f) for f in packet.want]
    return packet


def labelled(v, packet, n):
    """... behind 'n' MPLS labels."""
    ethertype = struct.pack('!H', 0x0800 if v == 4 else 0x86dd)
    labels = b''.join(struct.pack('!I', 16 + i << 12 | (i == n - 1) << 8 | 64)
                      for i in range(n))
    return spliced(packet, 12, b'\x88\x47' + labels, ethertype)


def poked(packet, ofs, data):
    """'packet' with other bytes; the IPv4 header's sum is made again."""
    f = bytearray(packet.frame)
    f[ofs:ofs + len(data)] = data
    if f[12:14] == b'\x08\x00':
        end = 14 + (f[14] & 15) * 4
        f[24:26] = bytes(2)
        f[24:26] = struct.pack('!H', frames.ones_sum(bytes(f[14:end]))
                               ^ 0xffff)
    packet.frame = bytes(f)
    return packet


def datagram(v, data, header=None, proto=UDP, csum_ofs=6):
    """A datagram with a partial checksum, or another protocol's packet whose
    first bytes are in 'data'."""
    src, dst = frames.ADDRESSES[v]
    if proto == UDP:
        n = 8 + len(data)
        l4 = frames.udp(40000, 50000, n,
                        frames.pseudo_sum(src, dst, UDP, n)) + data
    else:
        l4 = data
    if v == 4:
        l3 = frames.ipv4(src, dst, proto, len(l4))
    else:
        l3 = frames.ipv6(src, dst, proto, len(l4))
    l2 = frames.eth(frames.INNER_SRC, frames.INNER_DST,
                    0x0800 if v == 4 else 0x86dd)
    start = len(l2) + len(l3)
    h = Header(NEEDS_CSUM, NONE, 0, 0, start, csum_ofs, 0)
    frame = l2 + l3 + l4
    return Packet(h._replace(**(header or {})), frame,
                  [complete(frame, start, csum_ofs)])


# Segment sizes.

@case
def gso(v):
    return [cut(v, payload=20000),
            cut(v, payload=1201, flags=ACK | FIN | PSH),
            cut(v, payload=2400, tcpopts=bytes.fromhex('0101080a') + bytes(8)),
            cut(v, payload=700, mss=7), cut(v, payload=65000)]


@case
def gso_not_smaller(v):
    """gso_size of what is one segment."""
    return [cut(v, payload=1000), cut(v, payload=1200), cut(v, payload=1),
            cut(v, payload=0), cut(v, payload=1000, mss=65535),
            cut(v, payload=1000, mss=1000), cut(v, payload=1000, mss=1001)]


@case
def gso_zero(v):
    return [whole(v, header={'type': TCPV4, 'size': 0})]


@case
def gso_one(v):
    """60,000 segments of a byte."""
    return [refused(v, payload=60000, mss=1)]


@case
def gso_over_mtu(v):
    return [refused(v, payload=20000, mss=9000)]


@case
def stale(v):
    """Ordinary packets that use the mbufs of superpackets."""
    return [p for i in range(40)
            for p in (cut(v, seed=i, payload=3000, mss=300),
                      whole(v, payload=1000), datagram(v, bytes(1000)))]


@case
def sizes(v):
    """Up to what the library takes."""
    headers = 54 if v == 4 else 74
    return [cut(v, payload=n - headers)
            for n in (65000, 65300, 65353, 65354, 65355, 65368)]


@case
def sizes_refused(v):
    """More than it takes."""
    packets = [cut(v, payload=n) for n in (65400, 65460)]
    for packet in packets:
        packet.want = []
    return packets


@case
def tso_off(v):
    """Without userspace TSO these are no superpackets."""
    kind = TCPV4 if v == 4 else TCPV6
    return [whole(v, header={'type': t, 'size': n})
            for t in (kind, kind | ECN) for n in (1, 300, 500, 1000, 65535)]


# vnet headers.

@case
def ecn(v):
    return [cut(v, payload=5000, flags=ACK | ECE | CWR | PSH,
                header={'type': (TCPV4 if v == 4 else TCPV6) | ECN})]


@case
def flags(v):
    """GSO without NEEDS_CSUM, with DATA_VALID, RSC_INFO, everything."""
    return [cut(v, payload=5000, header={'flags': f})
            for f in (0, 2, 3, 5, 0xff)]


@case
def flags_plain(v):
    """A checksum that is complete stays as it is, and so does a wrong one."""
    good = whole(v)
    return [Packet(good.header._replace(flags=f), frame, [frame])
            for f in (0, 2, 4, 0xfe)
            for frame in (good.want[0],
                          good.want[0][:-1] + b'\x00')]


@case
def type_family(v):
    """TCPV6 of IPv4, and the reverse."""
    return [cut(v, payload=5000,
                header={'type': TCPV6 if v == 4 else TCPV4})]


@case
def type_unknown(v):
    return [whole(v, header={'type': t, 'size': 300})
            for t in (2, 5, 6, 0x21, 0x41, 0x61, 0x7f, 0x80, 0xff)]


@case
def type_not_tcp(v):
    """TCP segmentation of a datagram."""
    return [datagram(v, bytes(1000), {'type': t, 'size': 300})
            for t in (TCPV4, TCPV6, TCPV4 | ECN, USO)]


@case
def ufo(v):
    """UDP fragmentation, which is not offered."""
    packet = datagram(v, bytes(3000), {'type': UFO, 'size': 1400})
    packet.want = []
    return [packet]


@case
def ufo_short(v):
    """No longer than gso_size: nothing to cut, whatever it is."""
    packets = [datagram(v, bytes(n), {'type': UFO, 'size': 1400, 'flags': f})
               for n in (0, 100, 1000) for f in (0, NEEDS_CSUM)]
    return packets


@case
def hdr_len(v):
    return [cut(v, payload=5000, header={'hdr_len': n})
            for n in (0, 1, 54, 0xffff)]


@case
def csum_start_inside(v):
    """Anywhere up to the end of the TCP header: the TCP checksum is meant."""
    l4 = 14 + (20 if v == 4 else 40)
    return [whole(v, header={'start': s, 'ofs': o})
            for s in (0, 1, 13, 14, l4 - 1, l4, l4 + 1, l4 + 19, l4 + 20)
            for o in (0, 6, 16, 17, 1000, 0xffff)]


@case
def csum_start_behind(v):
    l4 = 14 + (20 if v == 4 else 40)
    packets = [whole(v, header={'start': s, 'ofs': o})
               for s, o in ((l4 + 21, 0), (l4 + 21, 100), (500, 16), (501, 17),
                            (l4 + 1018, 0), (l4 + 1000, 18))]
    return [as_asked(p) for p in packets]


@case
def csum_start_outside(v):
    """Nothing that can be done."""
    l4 = 14 + (20 if v == 4 else 40)
    packets = [whole(v, header={'start': s, 'ofs': o})
               for s, o in ((l4 + 1020, 0), (l4 + 1021, 16), (0xffff, 0),
                            (0xffff, 0xffff), (500, 1000))]
    for p in packets:
        p.want = [p.frame]
    return packets


@case
def csum_start_super(v):
    l4 = 14 + (20 if v == 4 else 40)
    return [cut(v, payload=5000, header={'start': s, 'ofs': o})
            for s in (0, l4 - 1, l4 + 19) for o in (0, 6, 0xffff)]


# Packets.

@case
def vlan(v):
    return [cut(v, payload=5000, tags=VLAN), whole(v, tags=VLAN)]


@case
def qinq(v):
    return [whole(v, tags=QINQ), cut(v, payload=5000, tags=QINQ),
            cut(v, payload=500, tags=QINQ)]


@case
def mpls(v):
    """The library completes these, and takes none for a superpacket."""
    packets = []
    for n in 1, 2, 3:
        big = labelled(v, whole(v, payload=5000, mss=1200, header={
            'type': TCPV4 if v == 4 else TCPV6, 'size': 1200}), n)
        big.want = []           # Over the MTU.
        packets += [labelled(v, whole(v), n), big]
    return packets


@case
def ip_options(v):
    if v == 4:
        return [cut(v, payload=5000, ipopts=bytes.fromhex('01010101')),
                whole(v, ipopts=bytes.fromhex('0101010101010101'))]
    ext = ((HOPOPTS, bytes.fromhex('050200000100')),
           (DSTOPTS, bytes.fromhex('010c') + bytes(12)))
    return [cut(v, payload=5000, ext=ext), whole(v, ext=ext)]


@case
def udp(v):
    """Datagrams, one with a sum of zero, which is sent as 0xffff."""
    src, dst = frames.ADDRESSES[v]
    s = frames.ones_sum(frames.udp(40000, 50000, 10),
                        frames.pseudo_sum(src, dst, UDP, 10))
    packets = [datagram(v, b'x' * n) for n in (0, 1, 100, 999)]
    zero = datagram(v, struct.pack('!H', 0xffff ^ s))
    assert zero.want[0][14 + (20 if v == 4 else 40) + 6:][:2] == b'\xff\xff'
    return packets + [zero]


def crc32c(data):
    """RFC 9260 appendix A, as it is stored."""
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return struct.pack('<I', crc ^ 0xffffffff)


@case
def sctp(v):
    data = struct.pack('!HHII', 40000, 50000, 7, 0) + bytes(range(100))
    p = datagram(v, data, proto=SCTP, csum_ofs=8)
    at = p.header.start
    p.want = [p.frame[:at + 8] + crc32c(data) + p.frame[at + 12:]]
    return [p]


@case
def icmp(v):
    """Something without a checksum that Open vSwitch would know."""
    p = datagram(v, struct.pack('!BBHI', 8, 0, 0, 1) + bytes(60),
                 proto=ICMP if v == 4 else 58, csum_ofs=2)
    return [as_asked(p)]


@case
def arp(v):
    frame = (frames.eth(frames.INNER_SRC, frames.INNER_DST, 0x0806)
             + struct.pack('!HHBBH', 1, 0x0800, 6, 4, 1) + bytes(20))
    packets = [Packet(Header(NEEDS_CSUM, t, 0, s, 14, 10, 0), frame, [])
               for t, s in ((NONE, 0), (TCPV4, 10))]
    return [as_asked(p) for p in packets]


@case
def fragments(v):
    """TCP in a fragment: nobody looks into it."""
    packets = []
    for kind, size in (NONE, 0), (TCPV4 if v == 4 else TCPV6, 300):
        for first in True, False:
            p = whole(v, header={'type': kind, 'size': size})
            if v == 4:
                p = poked(p, 20, b'\x20\x00' if first else b'\x00\x10')
            else:
                ext = struct.pack('!BBHI', TCP, 0, 1 if first else 0x80, 99)
                p = spliced(p, 54, ext)
                p = poked(p, 18, struct.pack('!H', len(p.frame) - 54))
                p = poked(p, 20, b'\x2c')
            packets.append(as_asked(p))
    return packets


@case
def lengths(v):
    """IP lengths that are not true."""
    packets = []
    for length in (0, 19, 20, 40, 41, 900, 1100, 0xffff):
        for p in whole(v), cut(v, payload=5000):
            p = poked(p, 16 if v == 4 else 18, struct.pack('!H', length))
            p.want = ANYTHING
            packets.append(p)
    return packets


@case
def bad_tcp(v):
    """TCP headers that are too short, or longer than the packet."""
    at = 14 + (20 if v == 4 else 40) + 12
    packets = []
    for payload in (10, 5000):
        for doff in (0, 1, 4):
            p = refused(v, payload=payload, mss=9)
            packets.append(poked(p, at, bytes([doff << 4])))
    p = refused(v, payload=10, mss=9)
    return packets + [poked(p, at, b'\xf0')]


@case
def bad_tcp_plain(v):
    """Its checksum is completed all the same."""
    at = 14 + (20 if v == 4 else 40) + 12
    packets = []
    for doff in (0, 4, 15):
        p = poked(whole(v, payload=10), at, bytes([doff << 4]))
        packets.append(as_asked(p))
    return packets


@case
def cut_short(v):
    """Frames that end within their headers."""
    packets = []
    for n in list(range(1, 14)) + [14, 15, 20, 33, 34, 35, 53, 54]:
        for kind in NONE, TCPV4 if v == 4 else TCPV6:
            p = whole(v, header={'type': kind, 'size': 100 if kind else 0})
            p.frame = p.frame[:n]
            p.want = [] if n < 14 else ANYTHING
            packets.append(p)
    return packets


@case
def no_frame(v):
    """Chains with a part of the vnet header, or with nothing else."""
    header = HEADER.pack(1, 1, 54, 100, 34, 16, 0)
    return [Packet(header[:n], b'', []) for n in (1, 9, 10, 11, 12)]


@case
def chains(v):
    """Headers in many descriptors."""
    return [cut(v, payload=5000, sizes=s)
            for s in ('12', '1,1,1,1,1,1,1,1,1,1,1,1', '13', '5,7,14,20,20',
                      '12,1,13,1,19,1,19', '11,3,0,0,7', '40,100,1000',
                      ','.join(['20'] * 200), '0,0,12,0')]


# Between namesakes: all of them in one batch.

@case
def mixed(v):
    """One of each, in one burst."""
    names = ('gso-zero', 'gso-one', 'gso-over-mtu', 'ufo', 'qinq', 'bad-tcp',
             'gso-not-smaller')
    return [p for name in names for p in CASES[name](v)[:2]]


# What guests receive.

@case
def receive(v):
    return [whole(v), datagram(v, bytes(700)), cut(v, payload=9000),
            cut(v, payload=1100),
            cut(v, payload=6000, flags=ACK | FIN | PSH)]


@case
def receive_stt(v):
    return [p for p in receive(v) if len(p.frame) != 1100 + 54]


@case
def receive_short(v):
    return [whole(v), datagram(v, bytes(700)), whole(v, payload=10)]


# What NICs receive, cut.

@case
def arrive(v):
    """As many packets as one call receives, with those between."""
    return [cut(v, payload=24000), cut(v, payload=3700, flags=ACK | PSH)]


@case
def arrive_many(v):
    """No more packets than a guest's ring has room for."""
    return [cut(v, seed=i, payload=2400) for i in range(30)]


@case
def arrive_full(v):
    """64 kB in 46 packets."""
    return [cut(v, payload=46 * 1398, mss=1398)]
