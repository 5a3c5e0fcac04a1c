# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Packets with TCP for grodiff.py: their headers, taking a VXLAN header off,
and cutting a superpacket as the kernel's tcp_gso_segment() does.  Uses nothing
of Open vSwitch."""

import struct

import frames

VLAN_TYPES = (0x8100, 0x88a8)
IPV4, IPV6 = 0x0800, 0x86dd
TCP, UDP = 6, 17
EXTENSIONS = {0: 8, 43: 8, 60: 8, 51: 4}    # Units of their length fields.
FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << i for i in range(8))


def get16(data, ofs):
    return int.from_bytes(data[ofs:ofs + 2], 'big')


def get32(data, ofs):
    return int.from_bytes(data[ofs:ofs + 4], 'big')


def put16(data, ofs, value):
    data[ofs:ofs + 2] = struct.pack('>H', value & 0xffff)


def csum(*parts):
    """The checksum field over 'parts', all but the last of even length."""
    return 0xffff - frames.ones_sum(b''.join(map(bytes, parts)))


class Ip:
    """An IP header at 'ofs' of 'frame'; 'l4' is what is behind it.  Raises
    ValueError if that cannot be found."""

    def __init__(self, frame, ofs, ethertype):
        self.ofs = ofs
        self.fragment = False
        self.segments_left = 0
        if ethertype == IPV4 and len(frame) >= ofs + 20:
            self.version = 4
            self.l4 = ofs + (frame[ofs] & 15) * 4
            self.proto = frame[ofs + 9]
            self.end = ofs + get16(frame, ofs + 2)
            self.fragment = get16(frame, ofs + 6) & 0x3fff != 0
            self.addresses = frame[ofs + 12:ofs + 20]
            if self.l4 < ofs + 20:
                raise ValueError('IPv4 header')
        elif ethertype == IPV6 and len(frame) >= ofs + 40:
            self.version = 6
            self.l4 = ofs + 40
            self.proto = frame[ofs + 6]
            self.end = ofs + 40 + get16(frame, ofs + 4)
            self.addresses = frame[ofs + 8:ofs + 40]
            while self.proto in EXTENSIONS and len(frame) >= self.l4 + 8:
                unit = EXTENSIONS[self.proto]
                if self.proto == 43:
                    self.route(frame)
                self.proto = frame[self.l4]
                self.l4 += (frame[self.l4 + 1] + 8 // unit) * unit
            self.fragment = self.proto == 44
            if self.proto in EXTENSIONS:
                self.l4 = len(frame) + 1    # Cut short.
        else:
            raise ValueError('not IP')

    def route(self, frame):
        """The last address of a routing header is what checksums cover: RFC
        8200 section 8.1."""
        n = frame[self.l4 + 3]
        first = self.l4 + 8
        if n and frame[self.l4 + 2] in (0, 2, 4):
            self.segments_left = n
            # RFC 8754: they are in reverse order.
            last = (0 if frame[self.l4 + 2] == 4
                    else frame[self.l4 + 1] // 2 - 1)
            self.final = frame[first + last * 16:first + last * 16 + 16]

    def pseudo(self, length):
        if self.version == 4:
            return self.addresses + struct.pack('>HH', self.proto, length)
        addresses = self.addresses
        if self.segments_left:
            addresses = addresses[:16] + self.final
        return addresses + struct.pack('>II', length, self.proto)


class Packet:
    """An Ethernet frame.  'key', its flow, is None if it has no TCP that could
    be read; 'why' then says why."""

    def __init__(self, frame):
        self.frame = bytes(frame)
        self.key = self.ip = self.why = None
        self.version = self.seq = None
        self.payload = b''
        self.hdr_len = len(frame)
        self.n_vlans = 0
        self.version_wrong = False
        ofs = 12
        while get16(frame, ofs) in VLAN_TYPES:
            ofs += 4
            self.n_vlans += 1
        self.ethertype = get16(frame, ofs)
        try:
            self.ip = Ip(self.frame, ofs + 2, self.ethertype)
        except ValueError as error:
            self.why = str(error)
            return
        self.version = self.ip.version
        # Linux' GRO does not look at it.
        self.version_wrong = self.frame[self.ip.ofs] >> 4 != self.version
        self.tcp = self.ip.l4
        if self.ip.fragment:
            self.why = 'fragment'
        elif len(self.frame) < self.tcp:
            self.why = 'cut short'
        elif self.ip.proto != TCP:
            self.why = 'not TCP'
        elif len(self.frame) < self.tcp + 20:
            self.why = 'cut short'
        else:
            self.read_tcp()

    def read_tcp(self):
        frame, tcp = self.frame, self.tcp
        self.key = (self.version, self.ip.addresses, frame[tcp:tcp + 4])
        self.seq = get32(frame, tcp + 4)
        self.flags = frame[tcp + 13]
        self.hdr_len = tcp + (frame[tcp + 12] >> 4) * 4
        if self.hdr_len < tcp + 20 or self.hdr_len > len(frame):
            self.why = 'TCP header'
            self.hdr_len = len(frame)
        self.payload = frame[self.hdr_len:self.ip.end]
        if len(frame) != self.ip.end:
            self.why = 'padding or cut short'

    def tcp_csum_right(self):
        segment = self.frame[self.tcp:self.ip.end]
        return csum(self.ip.pseudo(len(segment)), segment) == 0

    def ip_csum_right(self):
        ofs = self.ip.ofs
        return self.version == 6 or not csum(self.frame[ofs:self.ip.l4])

    def name_of(self, i):
        """The name of byte 'i'."""
        if self.ip is None or i < self.ip.ofs:
            return 'Ethernet'
        ofs = i - self.ip.ofs
        if i >= self.ip.l4:
            ofs = i - self.ip.l4
            return ('sequence number' if 4 <= ofs < 8 else
                    'acknowledgement' if 8 <= ofs < 12 else
                    'TCP flags' if ofs in (12, 13) else
                    'window' if ofs in (14, 15) else
                    'TCP checksum' if ofs in (16, 17) else
                    'urgent pointer' if ofs in (18, 19) else
                    'TCP options' if i < self.hdr_len else
                    'payload' if i < self.ip.end else 'padding')
        if self.version == 4:
            return {1: 'TOS', 2: 'total length', 3: 'total length', 4: 'ID',
                    5: 'ID', 6: 'DF', 7: 'DF', 8: 'TTL', 10: 'IP checksum',
                    11: 'IP checksum'}.get(ofs, 'IP')
        return {0: 'TOS', 1: 'TOS or flow label', 4: 'payload length',
                5: 'payload length', 7: 'hop limit'}.get(ofs, 'IP')

    def differences(self, other):
        """Names of the fields in which two packets differ."""
        if len(self.frame) != len(other.frame):
            return ('length',)
        return tuple(sorted({self.name_of(i) for i, (a, b) in enumerate(
            zip(self.frame, other.frame)) if a != b}))


def decapsulate(frame):
    """Returns what is in front of the inner Ethernet header of a VXLAN packet,
    and what is behind; or None if that is not to be found."""
    try:
        ip = Ip(frame, 14, get16(frame, 12))
    except ValueError:
        return frame, None
    inner = ip.l4 + 16
    if ip.proto != UDP or ip.fragment or len(frame) < inner + 14:
        return frame, None
    return frame[:inner], frame[inner:]


def outer_ip(frame):
    return Ip(frame, 14, get16(frame, 12))


def without_lengths(outer):
    """What is in front of an Ethernet header in VXLAN, but lengths, IDs and
    checksums."""
    ip = outer_ip(outer)
    data = bytearray(outer)
    for ofs in (2, 4, 10) if ip.version == 4 else (4,):
        put16(data, ip.ofs + ofs, 0)
    put16(data, ip.l4 + 4, 0)
    put16(data, ip.l4 + 6, get16(data, ip.l4 + 6) != 0)
    return bytes(data)


def udp_csum_right(frame, ip):
    udp = frame[ip.l4:ip.l4 + get16(frame, ip.l4 + 4)]
    return not get16(udp, 6) or csum(ip.pseudo(len(udp)), udp) == 0


def ecn_of(frame, ofs, version):
    return (frame[ofs + 1] if version == 4 else frame[ofs + 1] >> 4) & 3


def decap_ecn(outer, packet):
    """What comes out of Linux' tunnel device: the frame with the ECN mark of
    the outer header, or None if it is dropped (RFC 6040, Linux v6.18
    INET_ECN_decapsulate()).  That takes a VLAN tag for a part of the IP header."""
    ip = outer_ip(outer)
    mark = ecn_of(outer, ip.ofs, ip.version)
    frame, ofs = bytearray(packet.frame), 14
    version = {IPV4: 4, IPV6: 6}.get(packet.ethertype)
    if version is None or len(frame) < ofs + (20 if version == 4 else 40):
        return packet.frame
    inner = ecn_of(frame, ofs, version)
    if inner == 0:
        return None if mark == 3 else packet.frame
    if mark == 3 and inner != 3:
        change = 0xfffb + inner + 1
    elif mark == 1 and inner == 2:
        change = 1
    else:
        return packet.frame
    if version == 6:
        frame[ofs + 1] = frame[ofs + 1] & 0xcf | mark << 4
    else:
        frame[ofs + 1] = frame[ofs + 1] & 0xfc | mark
        value = get16(frame, ofs + 10) + change
        put16(frame, ofs + 10, value + (value >> 16))
    return bytes(frame)


def decap(outer, packet):
    """The same for a packet that has been sent, without padding behind the
    outer one."""
    ip = outer_ip(outer)
    end = min(ip.end, ip.l4 + get16(outer, ip.l4 + 4)) - len(outer)
    if end < len(packet.frame):
        packet = Packet(packet.frame[:max(end, 14)])
    return decap_ecn(outer, packet)


def tso_cut(packet, mss, fixed_id):
    """Returns the packets that a superpacket is cut into."""
    payload = packet.payload
    ofs, tcp = packet.ip.ofs, packet.tcp
    pieces = []
    for start in range(0, len(payload), mss):
        part = payload[start:start + mss]
        last = start + mss >= len(payload)
        head = bytearray(packet.frame[:packet.hdr_len])
        length = packet.hdr_len + len(part) - ofs
        if packet.version == 4:
            put16(head, ofs + 2, length)
            if not fixed_id:
                put16(head, ofs + 4, get16(head, ofs + 4) + start // mss)
            put16(head, ofs + 10, 0)
            put16(head, ofs + 10, csum(head[ofs:packet.ip.l4]))
        else:
            put16(head, ofs + 4, length - 40)
        head[tcp + 4:tcp + 8] = struct.pack('>I', (packet.seq + start)
                                            & 0xffffffff)
        if not last:
            head[tcp + 13] &= ~(FIN | PSH)
        if start:
            head[tcp + 13] &= ~CWR
        put16(head, tcp + 16, 0)
        put16(head, tcp + 16, csum(
            packet.ip.pseudo(len(head) - tcp + len(part)), head[tcp:], part))
        pieces.append(Packet(bytes(head) + part))
    return pieces
