# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Why the kernel's GRO and ours may differ, for grodiff.py: each rule is a
reason that is checked here, in the packets, and not in the code under test.
What Linux does is from v6.18 net/core/gro.c, net/ipv4/af_inet.c,
net/ipv4/tcp_offload.c, net/ipv6/ip6_offload.c and drivers/net/vxlan."""

from gropackets import (CWR, csum, decap, get16, get32, outer_ip,
                        udp_csum_right)

# Of the device that gets the packets.
ADDRESSES = bytes([172, 16, 1, 2]), bytes.fromhex('fd000001' + '0' * 22 + '02')
OUTER_LENGTH = 'outer length'
NO_VXLAN = 'bits of the VXLAN header'
# Flows that Linux keeps at once, where they have no hash: MAX_GRO_SKBS.
MAX_FLOWS = 8
# What Linux makes is less than this, with all its headers: gro_max_size.  And
# ours, with those of the tunnel and Ethernet.
MAX_SIZE = 65536
# We look at so many packets at once.
TURN = 64


class World:
    """The packets, and what both sides have made of them."""

    def __init__(self, lst, ours, theirs):
        self.units = lst.units
        self.ours, self.theirs = ours, theirs


def why_dropped(unit):
    """Why does a packet not come out of the kernel's tunnel device?"""
    if not unit.readable:
        return 'no tunnel header'
    if decap(unit.outer, unit.packet) is None:
        return 'ECN: congestion was experienced by a packet without ECN'
    frame, ip = unit.outer + unit.packet.frame, outer_ip(unit.outer)
    udp = ip.l4
    if frame[:6] != bytes([2, 0, 0, 0, 0, 1]) and not frame[0] & 1:
        return 'Ethernet address'
    if csum_wrong(frame, ip) or frame[ip.ofs] >> 4 != ip.version:
        return 'outer IP header'
    if ip.addresses[len(ip.addresses) // 2:] not in ADDRESSES:
        return 'outer address'
    if ip.version == 4 and ip.addresses[0] in (0, 127, *range(224, 256)):
        return 'outer source address'
    if ip.version == 6 and ip.addresses[0] == 255:
        return 'outer source address'
    if ip.end > len(frame) or not 30 <= get16(frame, udp + 4) <= ip.end - udp:
        return OUTER_LENGTH
    if get16(frame, udp + 2) != 4789:
        return 'UDP port'
    if not udp_csum_right(frame, ip):
        return 'outer checksum'
    if not is_vxlan(unit):
        return NO_VXLAN
    return None


def is_vxlan(unit):
    """Has it no bits in the VXLAN header that mean something else?"""
    header = unit.outer[-8:]
    return header[0] == 8 and header[1:4] == bytes(3) and not header[7]


# ---------------------------------------------------------------------------
# Flows of the kernel.
# ---------------------------------------------------------------------------

def flow_parts(unit):
    """What tells two packets of the same addresses and ports apart to the
    kernel, so that one does not end the other's flow."""
    packet, ip = unit.packet, unit.packet.ip
    parts = {'Ethernet': packet.frame[:ip.ofs]}
    if ip.version == 6:
        parts['flow label'] = get32(packet.frame, ip.ofs) & 0xf00fffff
        parts['extension headers'] = packet.frame[ip.ofs + 40:ip.l4]
    if unit.outer:
        outer = outer_ip(unit.outer)
        udp = outer.l4
        parts['tunnel header'] = unit.outer[udp + 8:udp + 16]
        parts['outer addresses'] = (unit.outer[:outer.ofs], outer.addresses,
                                    unit.outer[udp:udp + 4])
        parts['outer checksum'] = get16(unit.outer, udp + 6) != 0
        if outer.version == 6:
            parts['outer flow label'] = (get32(unit.outer, outer.ofs)
                                         & 0xf00fffff)
    return parts


def no_candidate(unit):
    """Why does the kernel not look at a packet, so that it leaves alone what
    was before it?  None if it does look."""
    packet, ip = unit.packet, unit.packet.ip
    if packet.key is None:
        return packet.why
    if packet.n_vlans:
        return 'VLAN tag'       # Where it has no such module.
    if ip.version == 4 and packet.frame[ip.ofs] != 0x45:
        return 'IPv4 options'
    if ip.version == 4 and packet.frame[ip.ofs + 6] & 0x80:
        return 'IPv4 flag that is reserved'
    if not packet.ip_csum_right() or not packet.tcp_csum_right():
        return 'checksum'
    if packet.why:
        return packet.why
    if ip.segments_left:
        return 'routing header'
    if unit.outer:
        if not udp_csum_right(unit.outer + packet.frame,
                              outer_ip(unit.outer)):
            return 'outer checksum'
        return outer_strange(unit)
    return None


def outer_strange(unit):
    """What is it that makes nobody look for TCP in a tunnel?"""
    outer = outer_ip(unit.outer)
    if (csum_wrong(unit.outer, outer)
            or unit.outer[outer.ofs] >> 4 != outer.version):
        return 'outer IP header'
    if outer.version == 4 and outer.l4 != outer.ofs + 20:
        return 'outer IPv4 options'
    if outer.version == 4 and unit.outer[outer.ofs + 6] & 0xbf:
        return 'outer IPv4 flags'
    if outer.end != len(unit.outer) + len(unit.packet.frame):
        return 'outer padding'
    return None


def outer_unreadable(unit):
    """The same for ours, which looks at the UDP length."""
    outer = outer_ip(unit.outer)
    if get16(unit.outer, outer.l4 + 4) != outer.end - outer.l4:
        return OUTER_LENGTH
    return outer_strange(unit)


def csum_wrong(frame, ip):
    return ip.version == 4 and csum(frame[ip.ofs:ip.l4]) != 0


# ---------------------------------------------------------------------------
# Ours merges less.
# ---------------------------------------------------------------------------

def why_less(world, unit, before):
    """The kernel has put 'unit' behind number 'before', and ours has not."""
    out = world.theirs.out[unit.number]
    numbers = [u.number for u in out.units]
    lost = {name for number in numbers[:numbers.index(unit.number) + 1]
            for name in out.lost.get(number, ())}
    if lost:
        return 'kernel merges, and loses %s' % ', '.join(sorted(lost))
    if unit.packet.version_wrong:
        return 'kernel merges what is no IPv6: another version'
    if OUTER_LENGTH in (unit.dropped, world.units[before].dropped):
        return 'kernel merges what it would drop: ' + OUTER_LENGTH
    for other in world.units[before + 1:unit.number]:
        packet = other.packet
        if packet.version_wrong:
            return 'kernel merges across what cannot be read: IP version'
        if other.outer and not is_vxlan(other):
            return 'kernel merges across what it drops: ' + NO_VXLAN
        if packet.key == unit.packet.key:
            reason = no_candidate(other)
            if reason:
                return ('kernel merges across a packet of the same ports: '
                        + reason)
            names = set(unit.packet.differences(packet))
            if names == {'urgent pointer', 'TCP checksum'}:
                # It has put this one there, and it looks like that one.
                return 'kernel merges, and loses TCP checksum, urgent pointer'
            mine, its = flow_parts(unit), flow_parts(other)
            names = [n for n in mine if mine[n] != its.get(n)]
            if names:
                return ('kernel merges across a packet of the same ports: '
                        'another ' + names[0])
        elif packet.key is None and packet.why != 'not TCP':
            return ('kernel merges across what cannot be read: %s'
                    % packet.why)
        elif other.outer and outer_unreadable(other):
            return ('kernel merges across what cannot be read: %s'
                    % outer_unreadable(other))
    if any(other.packet.key == unit.packet.key
           and no_candidate(other) in ('checksum', 'outer checksum')
           for other in world.units[:unit.number]):
        # It may have been shorter, for instance.
        return ('ours: a wrong checksum is found late, and has decided what '
                'can follow')
    if before // TURN != unit.number // TURN:
        return 'ours: end of a turn of %d packets' % TURN
    return None


# ---------------------------------------------------------------------------
# Ours merges more.
# ---------------------------------------------------------------------------

def n_flows(world, first, last):
    """How many flows has the kernel begun to keep between numbers 'first' and
    'last'?"""
    return sum(1 for other in world.units[first + 1:last]
               if world.theirs.before.get(other.number) is None
               and other.packet.key and not no_candidate(other))


def ids_continue(frames, ofs):
    """Do the IPv4 IDs at 'ofs' count, or are they all the same with DF?"""
    ids = [get16(frame, ofs + 4) for frame in frames]
    df = all(frame[ofs + 6] & 0x40 for frame in frames)
    return (all((i - ids[0]) & 0xffff == n for n, i in enumerate(ids))
            or df and len(set(ids)) == 1)


def why_more(world, unit, before):
    """Ours has put 'unit' behind number 'before', and the kernel has not."""
    previous = world.units[before]
    for other in previous, unit:
        reason = no_candidate(other)
        if reason:
            return 'kernel does not look at: ' + reason
    chain = [u for u in world.ours.out[unit.number].units
             if u.number <= unit.number]
    theirs = world.theirs.out.get(before)
    if theirs:
        # From where the kernel's superpacket begins.
        chain = [u for u in chain if u.number >= theirs.units[0].number]
    if any((u.packet.flags ^ unit.packet.flags) & CWR for u in chain):
        return 'kernel does not merge behind CWR'
    if unit.packet.version == 4 and not ids_continue(
            [u.packet.frame for u in chain], unit.packet.ip.ofs):
        return 'kernel does not merge fixed IDs without DF'
    if unit.outer:
        outer = outer_ip(unit.outer)
        if outer.version == 4 and not ids_continue([u.outer for u in chain],
                                                   outer.ofs):
            return 'kernel does not merge: outer IDs'
    size = sum(len(u.packet.payload) for u in chain) \
        + len(unit.outer) + unit.packet.hdr_len
    if size >= MAX_SIZE - 14:
        return 'kernel: size'
    first = theirs.units[0].number if theirs else before
    if n_flows(world, first, unit.number) >= MAX_FLOWS:
        return 'kernel keeps %d flows' % MAX_FLOWS
    return None
