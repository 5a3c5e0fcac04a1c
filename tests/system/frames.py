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
"""Frames as bytes, and packet sockets that carry them with vnet headers.

What the system and differential tests build, inject, sniff and take apart.
Standard library only, and no code of ours from lib/: this is one of its judges.
"""

import collections
import random
import select
import socket
import struct

ETH_P_ALL = 0x0003
ETH_P_IP = 0x0800
ETH_P_IPV6 = 0x86dd
ETH_P_8021Q = 0x8100
ETH_P_8021AD = 0x88a8
ETH_P_TEB = 0x6558
TAGS = (ETH_P_8021Q, ETH_P_8021AD)

TCP, UDP, GRE = 6, 17, 47
IPIP, IPV6 = 4, 41              # IPv4 and IPv6 behind an IP header.
HOPOPTS, ROUTING, DSTOPTS = 0, 43, 60
EXTENSIONS = (HOPOPTS, ROUTING, DSTOPTS)

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << i for i in range(8))

VXLAN_PORT = 4789
GENEVE_PORT = 6081

# linux/if_packet.h, linux/virtio_net.h, asm/socket.h.
SOL_PACKET = 263
PACKET_ADD_MEMBERSHIP = 1
PACKET_AUXDATA = 8
PACKET_VNET_HDR = 15
PACKET_IGNORE_OUTGOING = 23
PACKET_MR_PROMISC = 1
TP_STATUS_VLAN_VALID = 1 << 4
TP_STATUS_VLAN_TPID_VALID = 1 << 6
SO_RCVBUFFORCE = 33
NEEDS_CSUM = 1
UDP_TUNNEL_CSUM = 8
GSO_TCPV4 = 1
GSO_TCPV6 = 4
GSO_UDP_L4 = 5
GSO_UDP_TUNNEL_IPV4 = 0x20
GSO_UDP_TUNNEL_IPV6 = 0x40
GSO_ECN = 0x80


# Sums.

def ones_sum(data, start=0):
    """Ones-complement sum of 'data' (RFC 1071), folded, not complemented: 0
    only if everything is."""
    if len(data) & 1:
        data = bytes(data) + b'\0'
    value = start + int.from_bytes(data, 'big')
    return value and (value % 0xffff or 0xffff)


def pseudo_sum(src, dst, proto, length):
    return ones_sum(src + dst + struct.pack('!II', length, proto))


# Building.

def mac(s):
    return bytes.fromhex(s.replace(':', ''))


def eth(src, dst, ethertype, tags=()):
    """An Ethernet header.  'tags' are (TPID, TCI) pairs, outermost first."""
    h = dst + src
    for tpid, tci in tags:
        h += struct.pack('!HH', tpid, tci)
    return h + struct.pack('!H', ethertype)


def ipv4(src, dst, proto, length, id=1, df=True, tos=0, ttl=64, options=b''):
    """An IPv4 header in front of 'length' bytes."""
    h = struct.pack('!BBHHHBBH4s4s', 0x45 + len(options) // 4, tos,
                    (20 + len(options) + length) & 0xffff, id,
                    0x4000 if df else 0, ttl, proto, 0, src, dst) + options
    return h[:10] + struct.pack('!H', ones_sum(h) ^ 0xffff) + h[12:]


def ipv6(src, dst, proto, length, tos=0, ttl=64, flow=0, ext=()):
    """An IPv6 header.  'ext' are (type, body) pairs: each body is what follows
    the two bytes of next header and length, and fills units of 8 bytes."""
    chain = b''
    for i, (_, body) in enumerate(ext):
        following = ext[i + 1][0] if i + 1 < len(ext) else proto
        chain += struct.pack('!BB', following, (len(body) + 2) // 8 - 1) + body
    return struct.pack('!IHBB', 6 << 28 | tos << 20 | flow,
                       (len(chain) + length) & 0xffff,
                       ext[0][0] if ext else proto, ttl) + src + dst + chain


def tcp(sport, dport, seq, ack, flags, window=501, urgent=0, options=b'',
        csum=0):
    return struct.pack('!HHIIBBHHH', sport, dport, seq & 0xffffffff, ack,
                       (20 + len(options)) // 4 << 4, flags, window, csum,
                       urgent) + options


def udp(sport, dport, length, csum=0):
    return struct.pack('!HHHH', sport, dport, length & 0xffff, csum)


# One row of a matrix: a superpacket, and how it is to be cut.
ROW = collections.OrderedDict([
    ('encap', 'plain'),         # plain, vxlan, geneve, gre or ipip.
    ('outer', 4),               # IP version of the tunnel.
    ('csum', True),             # Outer checksum wanted.
    ('l4', 'tcp'),              # What is cut: tcp or udp.
    ('ip', 4),                  # IP version in front of it.
    ('mss', 1400),
    ('payload', 4200),
    ('flags', ACK),
    ('ecn', False),             # vnet header says that CWR is special.
    ('seq', 0x12345678),
    ('urgent', 0),
    ('tcpopts', b''),
    ('tags', ()),               # VLAN tags of the (inner) frame.
    ('outertags', ()),
    ('opts', 0),                # Bytes of Geneve options.
    ('id', 0x1000),
    ('df', True),
    ('tos', 0),
    ('ttl', 64),
    ('ipopts', b''),
    ('ext', ()),                # IPv6 extension headers.
    ('outerid', 0x2000),
    ('outerdf', True),
    ('outertos', 0),
    ('outerext', ()),
    ('fill', 'random'),         # Payload: random, zeros or ones.
])

ADDRESSES = {
    4: (socket.inet_pton(socket.AF_INET, '10.1.2.3'),
        socket.inet_pton(socket.AF_INET, '10.4.5.6')),
    6: (socket.inet_pton(socket.AF_INET6, 'fd00::1:2:3'),
        socket.inet_pton(socket.AF_INET6, 'fd00::4:5:6')),
}
OUTER_ADDRESSES = {
    4: (socket.inet_pton(socket.AF_INET, '172.16.1.1'),
        socket.inet_pton(socket.AF_INET, '172.16.1.2')),
    6: (socket.inet_pton(socket.AF_INET6, 'fd00:1::1'),
        socket.inet_pton(socket.AF_INET6, 'fd00:1::2')),
}
SRC, DST = mac('02:5e:00:00:00:01'), mac('02:5e:00:00:00:02')
INNER_SRC, INNER_DST = mac('02:5e:00:00:01:01'), mac('02:5e:00:00:01:02')


class Superpacket:
    """A frame that is to be cut: TCP or UDP checksum pending, i.e. the field
    holds the sum of the pseudo-header; the outer UDP checksum likewise."""

    def __init__(self, row, seed, addresses=ADDRESSES, macs=None):
        rng = random.Random(seed)
        self.row = row
        n = row['payload']
        payload = {'random': rng.randbytes(n) if hasattr(rng, 'randbytes')
                   else bytes(rng.getrandbits(8) for _ in range(n)),
                   'zeros': bytes(n), 'ones': b'\xff' * n}[row['fill']]
        self.addresses = src, dst = addresses[row['ip']]
        if row['l4'] == 'udp':
            proto, length, self.csum_ofs = UDP, 8 + n, 6
            l4 = udp(40000, 50000, length,
                     csum=pseudo_sum(src, dst, UDP, length))
        else:
            proto, length, self.csum_ofs = TCP, 20 + len(row['tcpopts']) + n, 16
            l4 = tcp(40000, 50000, row['seq'], 0xabcdef01, row['flags'],
                     urgent=row['urgent'], options=row['tcpopts'],
                     csum=pseudo_sum(src, dst, TCP, length))
        if row['ip'] == 4:
            l3 = ipv4(src, dst, proto, length, id=row['id'], df=row['df'],
                      tos=row['tos'], ttl=row['ttl'], options=row['ipopts'])
        else:
            l3 = ipv6(src, dst, proto, length, tos=row['tos'], ttl=row['ttl'],
                      flow=0x12345, ext=row['ext'])
        tunnelled = row['encap'] != 'plain'
        esrc, edst = macs or ((INNER_SRC, INNER_DST) if tunnelled
                              else (SRC, DST))
        l2 = eth(esrc, edst, ETH_P_IP if row['ip'] == 4 else ETH_P_IPV6,
                 row['tags']) if row['encap'] != 'ipip' else b''
        frame = l2 + l3 + l4 + payload
        self.l3_ofs = len(l2)
        self.l4_ofs = len(l2) + len(l3)
        self.hdr_len = self.l4_ofs + len(l4)
        self.outer_l4_ofs = 0
        if tunnelled:
            header = self._tunnel(row, len(frame), rng)
            frame = header + frame
            self.l3_ofs += len(header)
            self.l4_ofs += len(header)
            self.hdr_len += len(header)
        self.frame = frame

    def _tunnel(self, row, n, rng):
        src, dst = OUTER_ADDRESSES[row['outer']]
        proto = UDP
        if row['encap'] == 'ipip':
            proto = IPIP if row['ip'] == 4 else IPV6
        elif row['encap'] == 'vxlan':
            th = struct.pack('!II', 0x08000000, 0xabcdef << 8)
            port = VXLAN_PORT
        elif row['encap'] == 'geneve':
            # Options of one unit of 4 bytes each, or with up to 124 of data.
            opts = b''
            while len(opts) < row['opts']:
                data = min(row['opts'] - len(opts) - 4, 124)
                opts += struct.pack('!HBB', 0x0102, 0x11, data // 4)
                opts += bytes(rng.getrandbits(8) for _ in range(data))
            th = struct.pack('!BBHI', len(opts) // 4, 0, ETH_P_TEB,
                             0xabcdef << 8) + opts
            port = GENEVE_PORT
        else:
            raise ValueError(row['encap'])
        if proto == UDP:
            length = 8 + len(th) + n
            # A partial sum for the kernel and for us; nothing if not wanted.
            csum = (pseudo_sum(src, dst, UDP, length) if row['csum'] else 0)
            l4 = udp(50505, port, length, csum) + th
        else:
            length, l4 = n, b''
        if row['outer'] == 4:
            l3 = ipv4(src, dst, proto, length, id=row['outerid'],
                      df=row['outerdf'], tos=row['outertos'])
        else:
            l3 = ipv6(src, dst, proto, length, tos=row['outertos'],
                      ext=row['outerext'])
        l2 = eth(SRC, DST, ETH_P_IP if row['outer'] == 4 else ETH_P_IPV6,
                 row['outertags'])
        self.outer_l4_ofs = len(l2) + len(l3)
        return l2 + l3 + l4

    def n_segments(self):
        return max(1, -(-self.row['payload'] // self.row['mss']))

    def vnet_header(self, size=10):
        """The virtio-net header that asks the kernel to cut this frame.
        24 bytes are needed for a tunnel."""
        row = self.row
        flags = NEEDS_CSUM
        gso_type = (GSO_UDP_L4 if row['l4'] == 'udp'
                    else GSO_TCPV4 if row['ip'] == 4 else GSO_TCPV6)
        if row['ecn']:
            gso_type |= GSO_ECN
        if row['encap'] not in ('plain', 'ipip'):
            assert size >= 24
            gso_type |= (GSO_UDP_TUNNEL_IPV4 if row['outer'] == 4
                         else GSO_UDP_TUNNEL_IPV6)
            if row['csum']:
                flags |= UDP_TUNNEL_CSUM
        h = struct.pack('<BBHHHH', flags, gso_type, self.hdr_len, row['mss'],
                        self.l4_ofs, self.csum_ofs)
        if size > 10:
            h += bytes(10)
            h += struct.pack('<HH', self.outer_l4_ofs, self.l3_ofs)
        return h


    def segments(self):
        """The frames that an untunnelled superpacket becomes: a reference, as
        slow as it is simple (facts of Linux: FIN and PSH belong to the last
        segment, CWR to the first, the IPv4 ID counts)."""
        row = self.row
        assert row['encap'] == 'plain'
        n = self.n_segments()
        payload = self.frame[self.hdr_len:]
        proto = UDP if row['l4'] == 'udp' else TCP
        for i in range(n):
            part = payload[i * row['mss']:(i + 1) * row['mss']]
            f = bytearray(self.frame[:self.hdr_len] + part)
            l3, l4 = self.l3_ofs, self.l4_ofs
            if row['ip'] == 4:
                struct.pack_into('!H', f, l3 + 2, len(f) - l3)
                struct.pack_into('!H', f, l3 + 4, (row['id'] + i) & 0xffff)
                struct.pack_into('!H', f, l3 + 10, 0)
                struct.pack_into('!H', f, l3 + 10,
                                 ones_sum(bytes(f[l3:l4])) ^ 0xffff)
            else:
                struct.pack_into('!H', f, l3 + 4, len(f) - l3 - 40)
            if proto == UDP:
                struct.pack_into('!H', f, l4 + 4, len(f) - l4)
            else:
                struct.pack_into('!I', f, l4 + 4,
                                 (row['seq'] + i * row['mss']) & 0xffffffff)
                if i > 0:
                    f[l4 + 13] &= ~CWR
                if i < n - 1:
                    f[l4 + 13] &= ~(FIN | PSH)
            src, dst = self.addresses
            at = l4 + self.csum_ofs
            struct.pack_into('!H', f, at, 0)
            csum = ones_sum(bytes(f[l4:]),
                            pseudo_sum(src, dst, proto, len(f) - l4)) ^ 0xffff
            struct.pack_into('!H', f, at,
                             0xffff if proto == UDP and not csum else csum)
            yield bytes(f)


# Taking apart.

# One IP header: 'l2' is where the Ethernet header in front of it begins,
# 'length' counts from 'l4_ofs'.
Layer = collections.namedtuple('Layer', 'l2 ofs version proto l4_ofs length')


def parse_l2(frame, ofs=0):
    """Returns (Ethertype, offset behind the header)."""
    ofs += 12
    ethertype, = struct.unpack_from('!H', frame, ofs)
    while ethertype in TAGS:
        ofs += 4
        ethertype, = struct.unpack_from('!H', frame, ofs)
    return ethertype, ofs + 2


def parse_l3(frame, l2, ofs, ethertype):
    """Returns a Layer; 'length' is that of the IP payload, from its headers
    alone."""
    if ethertype == ETH_P_IP:
        ihl = (frame[ofs] & 15) * 4
        total, = struct.unpack_from('!H', frame, ofs + 2)
        return Layer(l2, ofs, 4, frame[ofs + 9], ofs + ihl, total - ihl)
    length, = struct.unpack_from('!H', frame, ofs + 4)
    proto, at = frame[ofs + 6], ofs + 40
    while proto in EXTENSIONS:
        n = (frame[at + 1] + 1) * 8
        proto, at, length = frame[at], at + n, length - n
    return Layer(l2, ofs, 6, proto, at, length)


def parse(frame):
    """Returns the list of IP layers of 'frame', outermost first.  Looks into
    VXLAN and Geneve on their usual ports, into GRE, and into IP in IP, where
    there is no Ethernet header."""
    layers = []
    ofs = 0
    while True:
        l2 = ofs
        ethertype, ofs = parse_l2(frame, ofs)
        if ethertype not in (ETH_P_IP, ETH_P_IPV6):
            return layers
        layer = parse_l3(frame, l2, ofs, ethertype)
        layers.append(layer)
        while layer.proto in (IPIP, IPV6):
            layer = parse_l3(frame, layer.l4_ofs, layer.l4_ofs,
                             ETH_P_IP if layer.proto == IPIP else ETH_P_IPV6)
            layers.append(layer)
        l4 = layer.l4_ofs
        if layer.proto == UDP:
            port, = struct.unpack_from('!H', frame, l4 + 2)
            if port == VXLAN_PORT:
                ofs = l4 + 16
                continue
            if port == GENEVE_PORT:
                ofs = l4 + 16 + (frame[l4 + 8] & 0x3f) * 4
                continue
        elif layer.proto == GRE:
            flags, proto = struct.unpack_from('!HH', frame, l4)
            if proto == ETH_P_TEB:
                ofs = l4 + 4 + 4 * bin(flags & 0xb000).count('1')
                continue
        return layers


def addresses_of(frame, layer):
    n, at = (4, layer.ofs + 12) if layer.version == 4 else (16, layer.ofs + 8)
    return frame[at:at + n], frame[at + n:at + 2 * n]


def tcp_of(frame, layer):
    """Returns (seq, flags, payload) of a TCP layer."""
    seq, = struct.unpack_from('!I', frame, layer.l4_ofs + 4)
    doff = (frame[layer.l4_ofs + 12] >> 4) * 4
    begin = layer.l4_ofs + doff
    return seq, frame[layer.l4_ofs + 13], frame[begin:layer.l4_ofs
                                                + layer.length]


def checksum_errors(frame, zero_ok=False):
    """Returns the list of what is wrong with the checksums of 'frame'.
    A zero UDP checksum is wrong unless 'zero_ok'."""
    errors = []
    layers = parse(frame)
    if not layers:
        return ['no IP header']
    for i, layer in enumerate(layers):
        if (layer.version == 4
                and ones_sum(frame[layer.ofs:layer.l4_ofs]) != 0xffff):
            errors.append('IPv4 header %d' % i)
        if layer.proto == GRE:
            # The checksum covers the GRE header and all behind it.
            end = layer.l4_ofs + layer.length
            if (frame[layer.l4_ofs] & 0x80
                    and ones_sum(frame[layer.l4_ofs:end]) != 0xffff):
                errors.append('GRE %d' % i)
        if layer.proto not in (TCP, UDP):
            continue
        end = layer.l4_ofs + layer.length
        if end > len(frame):
            errors.append('L4 %d is longer than the frame' % i)
            continue
        if layer.proto == UDP:
            length, csum = struct.unpack_from('!HH', frame, layer.l4_ofs + 4)
            if length != layer.length:
                errors.append('UDP %d has length %d, not %d'
                              % (i, length, layer.length))
            if not csum:
                if not zero_ok:
                    errors.append('UDP %d has no checksum' % i)
                continue
        src, dst = addresses_of(frame, layer)
        if ones_sum(frame[layer.l4_ofs:end],
                    pseudo_sum(src, dst, layer.proto, layer.length)) != 0xffff:
            errors.append('%s %d' % ('TCP' if layer.proto == TCP else 'UDP',
                                     i))
    return errors


# Files.

def pcap_write(path, frames):
    with open(path, 'wb') as f:
        f.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))
        for frame in frames:
            f.write(struct.pack('<IIII', 0, 0, len(frame), len(frame)))
            f.write(frame)


def pcap_read(path):
    with open(path, 'rb') as f:
        data = f.read()
    magic = data[:4]
    if magic in (b'\xd4\xc3\xb2\xa1', b'\x4d\x3c\xb2\xa1'):
        order = '<'
    elif magic in (b'\xa1\xb2\xc3\xd4', b'\xa1\xb2\x3c\x4d'):
        order = '>'
    else:
        raise ValueError('%s: not a pcap file' % path)
    frames = []
    ofs = 24
    while ofs < len(data):
        n, = struct.unpack_from(order + 'I', data, ofs + 8)
        frames.append(data[ofs + 16:ofs + 16 + n])
        ofs += 16 + n
    return frames


# Packet sockets.

def inject_socket(ifname, vnet=True):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    if vnet:
        s.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    s.bind((ifname, 0))
    return s


class Sniffer:
    """What arrives on an interface, whole, VLAN tags in their place.  With
    'vnet', each frame comes with its vnet header in front."""

    def __init__(self, ifname, vnet=False):
        self.s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.addresses = 12
        if vnet:
            self.s.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
            self.addresses += 10
        self.s.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.s.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        try:
            self.s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        except OSError:
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 20)
        self.s.bind((ifname, ETH_P_ALL))
        index = socket.if_nametoindex(ifname)
        self.s.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP,
                          struct.pack('iHH8s', index, PACKET_MR_PROMISC, 0,
                                      b''))

    def read(self, seconds):
        """Returns the next frame, or None after 'seconds'."""
        if not select.select([self.s], [], [], seconds)[0]:
            return None
        data, aux, _, _ = self.s.recvmsg(1 << 18, 256)
        for level, kind, value in aux:
            if level == SOL_PACKET and kind == PACKET_AUXDATA:
                status, _, _, _, _, tci, tpid = struct.unpack('IIIHHHH', value)
                # The kernel takes the outermost tag away and reports it.
                if status & TP_STATUS_VLAN_VALID:
                    if not status & TP_STATUS_VLAN_TPID_VALID:
                        tpid = ETH_P_8021Q
                    n = self.addresses
                    data = data[:n] + struct.pack('!HH', tpid, tci) + data[n:]
        return data

    def collect(self, n, seconds, wanted=lambda frame: True):
        """Returns 'n' frames that are 'wanted', or fewer if none arrives for
        'seconds'; and more, if there are more at once."""
        frames = []
        while len(frames) < n:
            frame = self.read(seconds)
            if frame is None:
                return frames
            if wanted(frame):
                frames.append(frame)
        while True:
            frame = self.read(0)
            if frame is None:
                return frames
            if wanted(frame):
                frames.append(frame)
