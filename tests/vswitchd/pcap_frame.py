# Licensed under the Apache License, Version 2.0; see LICENSE.
"""What is in a frame, for check-pcap: every header, and whether its lengths
and checksums are right."""

import struct

ETH_IP, ETH_IP6, ETH_TEB, ETH_NSH = 0x0800, 0x86dd, 0x6558, 0x894f


def fold(total):
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def words(data):
    if len(data) % 2:
        data += b"\0"
    return sum(struct.unpack("!%dH" % (len(data) // 2), data))


def be16(data, ofs):
    return data[ofs] << 8 | data[ofs + 1]


def be32(data, ofs):
    return be16(data, ofs) << 16 | be16(data, ofs + 2)


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


class Malformed(Exception):
    pass


class L3:
    """One IP header: where it is, and what its pseudo-header is."""

    def __init__(self, version, ofs):
        self.version = version
        self.ofs = ofs
        self.l4 = self.end = 0
        self.proto = None
        self.pseudo = 0
        self.frag = False


class Frame:
    """A dissected frame.  If 'lenient', the lengths in headers do not count,
    everything up to the end does."""

    def __init__(self, data, lenient=False):
        self.data = data
        self.lenient = lenient
        self.text = []
        self.bad = []
        self.l3s = []
        self.udps = []          # (L3, offset)
        self.gres = []          # (offset, end)
        self.gtpus = []         # Offsets.
        self.tcp = None         # Offset, if the innermost L4 is TCP.
        self.remote = None      # (Start, field) of a remote checksum.
        self.remote_seen = False
        self.end = len(data)
        self.start = 12         # Of the innermost packet.
        try:
            self.eth(0, len(data))
        except Malformed as e:
            self.wrong(str(e))
        except IndexError:
            self.wrong("cut short")
        if self.remote and not self.remote_seen and not lenient:
            self.wrong("remote checksum of nothing")

    def wrong(self, what):
        self.bad.append(what)
        self.text.append("BAD(%s)" % what)

    @property
    def inner(self):
        return self.l3s[-1] if self.l3s else None

    def payload_ofs(self):
        return self.tcp + (self.data[self.tcp + 12] >> 4) * 4

    def eth(self, ofs, end):
        ofs += 12
        kind = be16(self.data, ofs)
        ofs += 2
        while kind in (0x8100, 0x88a8):
            self.text.append("vlan(%d)" % (be16(self.data, ofs) & 0xfff))
            kind = be16(self.data, ofs + 2)
            ofs += 4
        self.network(kind, ofs, end)

    def network(self, kind, ofs, end):
        while kind in (0x8847, 0x8848):
            lse = be32(self.data, ofs)
            self.text.append("mpls(%d)" % (lse >> 12))
            ofs += 4
            if lse & 0x100:
                kind = {4: ETH_IP, 6: ETH_IP6}.get(self.data[ofs] >> 4, 0)
        if kind == ETH_NSH:     # RFC 8300 section 2.2.
            size = (self.data[ofs + 1] & 63) * 4
            self.text.append("nsh(%d)" % (be32(self.data, ofs + 4) >> 8))
            kind = {1: ETH_IP, 2: ETH_IP6, 3: ETH_TEB}.get(self.data[ofs + 3],
                                                           0)
            ofs += size
        if kind == ETH_IP:
            self.ip4(ofs, end)
        elif kind == ETH_IP6:
            self.ip6(ofs, end)
        elif kind == ETH_TEB:
            self.text.append("/")
            self.eth(ofs, end)
        elif kind == 0x0806:
            self.start = ofs
            self.text.append("arp")
        else:
            raise Malformed("type 0x%04x" % kind)

    def bound(self, ofs, end, length):
        if self.lenient:
            return end
        if ofs + length > end:
            raise Malformed("length %d, there are %d" % (length, end - ofs))
        if ofs + length < end:
            # What an Ethernet of 60 bytes needs; more is a wrong length.
            if self.l3s[:-1] or len(self.data) > 60:
                self.wrong("%d bytes too many" % (end - ofs - length))
            else:
                self.text.append("pad(%d)" % (end - ofs - length))
        return ofs + length

    def ip4(self, ofs, end):
        d = self.data
        l3 = L3(4, ofs)
        self.l3s.append(l3)
        self.start = ofs
        hlen = (d[ofs] & 15) * 4
        flags = be16(d, ofs + 6)
        ident = be16(d, ofs + 4)
        # IDs mean something without DF only, and are random then.
        self.text.append("ip4(%s%s)" % (
            "id=%d,df" % ident if flags & 0x4000 else
            "id=%d" % ident if self.l3s[:-1] else "id",
            ",opt" if hlen > 20 else ""))
        if d[ofs] >> 4 != 4 or hlen < 20 or ofs + hlen > end:
            raise Malformed("IPv4 header")
        if not self.lenient and fold(words(d[ofs:ofs + hlen])) != 0xffff:
            self.wrong("IPv4 checksum 0x%04x" % be16(d, ofs + 10))
        l3.end = self.bound(ofs, end, be16(d, ofs + 2))
        l3.l4 = ofs + hlen
        l3.proto = d[ofs + 9]
        l3.pseudo = words(d[ofs + 12:ofs + 20])
        l3.frag = bool(flags & 0x3fff)
        self.transport(l3)

    def ip6(self, ofs, end):
        d = self.data
        l3 = L3(6, ofs)
        self.l3s.append(l3)
        self.start = ofs
        if d[ofs] >> 4 != 6 or ofs + 40 > end:
            raise Malformed("IPv6 header")
        self.text.append("ip6")
        l3.end = self.bound(ofs, end, be16(d, ofs + 4) + 40)
        proto, ofs = d[ofs + 6], ofs + 40
        dst = d[l3.ofs + 24:l3.ofs + 40]
        while proto in (0, 43, 44, 51, 60):
            size = (8 if proto == 44 else (d[ofs + 1] + 2) * 4 if proto == 51
                    else (d[ofs + 1] + 1) * 8)
            if ofs + size > l3.end:
                raise Malformed("extension header")
            name = {0: "hop", 43: "rt", 44: "frag", 51: "ah", 60: "dst"}[proto]
            if proto == 43:
                name += "(%d left)" % d[ofs + 3]
                if d[ofs + 3]:
                    # RFC 8754 section 2: Segment List[0] is the last one.
                    dst = d[ofs + 8:ofs + 24]
            if proto == 44:
                l3.frag = bool(be16(d, ofs + 2) & 0xfff9)
            self.text.append(name)
            proto, ofs = d[ofs], ofs + size
        l3.l4, l3.proto = ofs, proto
        l3.pseudo = words(d[l3.ofs + 8:l3.ofs + 24]) + words(dst)
        self.transport(l3)

    def transport(self, l3):
        d, ofs, n = self.data, l3.l4, l3.end - l3.l4
        self.end = l3.end
        if l3.frag:
            self.text.append("fragment(%d)" % n)
        elif l3.proto == 6:
            self.tcp = ofs
            hlen = (d[ofs + 12] >> 4) * 4
            if hlen < 20 or hlen > n:
                self.tcp = None
                raise Malformed("TCP header")
            flags = "".join(c for i, c in enumerate("FSRPAUEC")
                            if d[ofs + 13] >> i & 1)
            self.text.append("tcp(%d+%d,%s%s)" % (
                be32(d, ofs + 4), n - hlen, flags,
                ",opt" if hlen > 20 else ""))
            self.l4_sum(l3, ofs + 16, "TCP")
        elif l3.proto == 17:
            self.udp(l3)
        elif l3.proto == 132:
            self.text.append("sctp(%d)" % n)
            crc = crc32c(d[ofs:ofs + 8] + bytes(4) + d[ofs + 12:l3.end])
            if not self.lenient and d[ofs + 8:ofs + 12] \
                    != struct.pack("<I", crc):
                self.wrong("SCTP CRC")
        elif l3.proto in (1, 58):
            self.text.append("icmp(%d)" % n)
            self.l4_sum(l3, ofs + 2, "ICMP", l3.version == 6)
        elif l3.proto == 47:
            self.gre(ofs, l3.end)
        elif l3.proto in (4, 41):
            self.text.append("/")
            self.network(ETH_IP if l3.proto == 4 else ETH_IP6, ofs, l3.end)
        else:
            self.text.append("proto%d(%d)" % (l3.proto, n))

    def l4_sum(self, l3, field, name, pseudo=True):
        if self.lenient:
            return
        if self.remote:
            self.remote_seen = True
            want = fold(l3.pseudo + l3.proto + l3.end - l3.l4)
            if self.remote != (l3.l4, field):
                self.wrong("remote checksum at %d from %d on" % (
                    self.remote[1], self.remote[0]))
            elif be16(self.data, field) != want:
                self.wrong("remote %s checksum 0x%04x, should be 0x%04x" % (
                    name, be16(self.data, field), want))
            return
        total = words(self.data[l3.l4:l3.end])
        if pseudo:
            total += l3.pseudo + l3.proto + l3.end - l3.l4
        if fold(total) != 0xffff:
            want = fold(total - be16(self.data, field)) ^ 0xffff
            self.wrong("%s checksum 0x%04x, should be 0x%04x" % (
                name, be16(self.data, field), want))

    def udp(self, l3):
        d, ofs = self.data, l3.l4
        if ofs + 8 > l3.end:
            raise Malformed("UDP header")
        if not self.lenient and be16(d, ofs + 4) != l3.end - ofs:
            self.wrong("UDP length %d, should be %d" % (
                be16(d, ofs + 4), l3.end - ofs))
        port, csum = be16(d, ofs + 2), be16(d, ofs + 6)
        tunnel = {4789: self.vxlan, 4790: self.vxlan, 8472: self.vxlan,
                  6081: self.geneve, 2152: self.gtpu}.get(port)
        if tunnel:
            self.text.append("udp(%s)" % ("csum" if csum else "nocsum"))
        else:
            self.text.append("udp(%d%s)" % (l3.end - ofs - 8,
                                            "" if csum else ",nocsum"))
        if csum:
            self.l4_sum(l3, ofs + 6, "UDP")
        if tunnel:
            self.udps.append((l3, ofs))
            tunnel(ofs + 8, l3.end)

    def vxlan(self, ofs, end):
        d = self.data
        gpe = d[ofs] & 4
        rco = d[ofs + 1] & 0x20
        self.text.append("vxlan%s(%d%s)" % (
            "-gpe" if gpe else "", be32(d, ofs + 4) >> 8,
            ",rco" if rco else ""))
        if rco:
            start = ofs + 8 + (d[ofs + 7] & 127) * 2
            self.remote = start, start + (6 if d[ofs + 7] & 128 else 16)
        if not self.lenient and (d[ofs] & ~4 != 8 or not gpe and d[ofs + 1]
                                 & ~0x20 or not rco and d[ofs + 7]):
            self.wrong("VXLAN header %s" % d[ofs:ofs + 8].hex())
        kind = {1: ETH_IP, 2: ETH_IP6, 3: ETH_TEB, 4: ETH_NSH}.get(
            d[ofs + 3], 0) if gpe else ETH_TEB
        self.network(kind, ofs + 8, end)

    def geneve(self, ofs, end):
        d = self.data
        optlen = (d[ofs] & 63) * 4
        self.text.append("geneve(%d%s)" % (be32(d, ofs + 4) >> 8,
                                           ",opt=%d" % optlen if optlen
                                           else ""))
        if d[ofs] >> 6 or ofs + 8 + optlen > end:
            raise Malformed("Geneve header")
        at, stop = ofs + 8, ofs + 8 + optlen
        while at < stop:
            if d[at] == 0xff and d[at + 2:at + 4] == b"\x81\x01":
                self.text.append("rco(0x%04x)" % be16(d, at))
                if any(d[at + 4:at + 8]):
                    self.remote = (stop + be16(d, at + 4),
                                   stop + be16(d, at + 6))
                else:
                    self.text[-1] = "norco"
                if not d[ofs + 1] & 0x40:
                    self.wrong("critical option, no C bit")
            at += 4 + (d[at + 3] & 31) * 4
        if at != stop:
            raise Malformed("Geneve options")
        if d[ofs + 7] and not self.lenient:
            self.wrong("Geneve header %s" % d[ofs:ofs + 8].hex())
        self.network(be16(d, ofs + 2), stop, end)

    def gtpu(self, ofs, end):
        d = self.data
        size = 12 if d[ofs] & 7 else 8
        self.text.append("gtpu(%d%s)" % (be32(d, ofs + 4), ",seq=%d" % be16(
            d, ofs + 8) if d[ofs] & 2 else ""))
        self.gtpus.append(ofs)
        kind = d[ofs + 11] if d[ofs] & 4 else 0
        while kind:             # Extension headers.
            self.text.append("ext(0x%02x)" % kind)
            if not d[ofs + size]:
                raise Malformed("GTP-U extension header of length 0")
            size += d[ofs + size] * 4
            kind = d[ofs + size - 1]
        if d[ofs + 1] != 255 and not self.lenient:
            self.wrong("GTP-U message of type %d" % d[ofs + 1])
        if not self.lenient and be16(d, ofs + 2) != end - ofs - 8:
            self.wrong("GTP-U length")
        self.text.append("/")
        self.network({4: ETH_IP, 6: ETH_IP6}.get(d[ofs + size] >> 4, 0),
                     ofs + size, end)

    def gre(self, ofs, end):
        d = self.data
        flags, kind = be16(d, ofs), be16(d, ofs + 2)
        text, at = [], ofs + 4
        if flags & 0x8000:
            text.append("csum")
            if not self.lenient and (fold(words(d[ofs:end])) != 0xffff
                                     or be16(d, at + 2)):
                self.wrong("GRE checksum 0x%04x" % be16(d, at))
            at += 4
            self.gres.append((ofs, end))
        if flags & 0x2000:
            text.append("key=%d" % be32(d, at))
            at += 4
        if flags & 0x1000:
            text.append("seq=%d" % be32(d, at))
            at += 4
        self.text.append("gre(%s)" % ",".join(text))
        if kind in (0x88be, 0x22eb):
            # ERSPAN II and III: draft-foschiano-erspan.
            version = d[at] >> 4
            self.text.append("erspan%d(%d)" % (version,
                                               be16(d, at + 2) & 0x3ff))
            at += 8 if version == 1 else 12
            kind = ETH_TEB
        elif kind != ETH_TEB:
            self.text.append("/")
        self.network(kind, at, end)
