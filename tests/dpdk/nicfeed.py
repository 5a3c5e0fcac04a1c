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
"""Hands mbufs to the NIC for tests, or to another DPDK port, by feed.c.

What an application has to say of a packet is computed here, from where
frames.py has put its headers.
"""

import os
import struct
import subprocess

from frames import (ACK, CWR, DST, ETH_P_IP, ETH_P_IPV6, ETH_P_TEB, FIN, GRE,
                    INNER_SRC, OUTER_ADDRESSES, PSH, ROW, SRC, Superpacket,
                    UDP, eth, ipv4, ipv6)

# Bits of ol_flags (rte_mbuf_core.h) and of Tx offloads (rte_ethdev.h).
OUTER_UDP_CKSUM, UDP_SEG = 1 << 41, 1 << 42
VXLAN, TUN_GRE, IPIP, GENEVE, TUN_IP, TUN_UDP = (
    n << 45 for n in (1, 2, 3, 4, 0xd, 0xe))
TCP_SEG, TCP_CKSUM, SCTP_CKSUM, UDP_CKSUM = (
    1 << 50, 1 << 52, 2 << 52, 3 << 52)
IP_CKSUM, IPV4, IPV6, OUTER_IP_CKSUM, OUTER_IPV4, OUTER_IPV6 = (
    1 << n for n in (54, 55, 56, 58, 59, 60))
VLAN_PKT = 1 << 57
TX_MULTI_SEGS = 1 << 15

ENOTSUP, EINVAL = 95, 22


class Feed:
    """A process with one port, and the capture that the NIC writes."""

    def __init__(self, feed, plugin, tmp, name, devargs, offloads=0):
        self.capture = os.path.join(tmp, name + '.pcap')
        self.log = os.path.join(tmp, name + '.log')
        if plugin:
            devargs = ('net_tnlnic0,tx_pcap=%s,log=%s,%s'
                       % (self.capture, self.log, devargs))
        self.p = subprocess.Popen(
            [feed, hex(offloads), '--no-huge', '-m', '128', '--no-pci',
             '--no-telemetry', '--no-shconf', '--file-prefix=' + name,
             '--log-level=1', '--vdev=' + devargs]
            + (['-d', plugin] if plugin else []),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self._answer() != 'ready':
            raise RuntimeError('feed does not start with ' + devargs)
        self.at = 24

    def _answer(self):
        line = self.p.stdout.readline()
        if not line:
            raise RuntimeError('feed has ended')
        return line.strip()

    def ask(self, line):
        self.p.stdin.write(line + '\n')
        self.p.stdin.flush()
        return self._answer()

    def hand(self, command, m):
        return self.ask('%s %x %d %d %d %d %d %d %s %s' % (
            command, m.flags, m.outer_l2, m.outer_l3, m.l2, m.l3, m.l4,
            m.segsz, ','.join(map(str, m.parts)) or '-', m.frame.hex()))

    def frames(self):
        """What has been written since the last call."""
        with open(self.capture, 'rb') as f:
            f.seek(self.at)
            data = f.read()
        self.at += len(data)
        result, ofs = [], 0
        while ofs < len(data):
            n, = struct.unpack_from('<I', data, ofs + 8)
            result.append(data[ofs + 16:ofs + 16 + n])
            ofs += 16 + n
        return result

    def sent(self, m):
        """The frames that 'm' becomes."""
        answer = self.hand('send', m)
        if answer != 'sent':
            with open(self.log) as f:
                raise RuntimeError('%s: %s' % (answer, f.readlines()[-1]))
        return self.frames()

    def info(self):
        """(driver's name, capabilities, frames sent, errors, mbufs in use)"""
        words = self.ask('info').split()
        return [words[0]] + [int(word, 0) for word in words[1:]]

    def end(self):
        self.p.stdin.close()
        return self.p.wait()


class Mbuf:
    """What an application says of a packet."""

    def __init__(self, frame, flags, outer_l2, outer_l3, l2, l3, l4, segsz,
                 parts=()):
        self.frame, self.flags = frame, flags
        self.outer_l2, self.outer_l3 = outer_l2, outer_l3
        self.l2, self.l3, self.l4, self.segsz = l2, l3, l4, segsz
        self.parts = parts

    def but(self, **changes):
        m = Mbuf(**self.__dict__)
        for key, value in changes.items():
            if not hasattr(m, key):
                raise KeyError(key)
            setattr(m, key, value)
        return m


def mbuf_of(sp):
    """Everything that 'sp' asks for: cutting, and all checksums."""
    row = sp.row
    flags = ((UDP_SEG | UDP_CKSUM if row['l4'] == 'udp' else TCP_SEG)
             | (IPV4 | IP_CKSUM if row['ip'] == 4 else IPV6))
    outer_l2 = outer_l3 = 0
    l2 = sp.l3_ofs
    if row['encap'] != 'plain':
        flags |= VXLAN if row['encap'] == 'vxlan' else GENEVE
        flags |= (OUTER_IPV4 | OUTER_IP_CKSUM if row['outer'] == 4
                  else OUTER_IPV6)
        if row['csum']:
            flags |= OUTER_UDP_CKSUM
        outer_l2 = 14 + 4 * len(row['outertags'])
        outer_l3 = sp.outer_l4_ofs - outer_l2
        l2 = sp.l3_ofs - sp.outer_l4_ofs
    return Mbuf(sp.frame, flags, outer_l2, outer_l3, l2,
                sp.l4_ofs - sp.l3_ofs, sp.hdr_len - sp.l4_ofs, row['mss'])


def other_tunnel(kind, outer, ip, payload, mss=1400, version_only=False):
    """A superpacket in a tunnel that frames.py does not make, as Mbuf, and
    the same without the tunnel."""
    row = dict(ROW, encap='plain', ip=ip, mss=mss, payload=payload,
               flags=ACK | FIN | PSH | CWR)
    sp = Superpacket(row, kind, macs=(INNER_SRC, DST))
    inner = sp.frame if kind != 'ipip' else sp.frame[14:]
    if kind == 'gre':
        proto, flag = GRE, TUN_GRE
        header = struct.pack('!HHI', 0x2000, ETH_P_TEB, 77)
    elif kind == 'ipip':
        proto, flag = 4 if ip == 4 else 41, IPIP
        header = b''
    elif kind == 'udp':                 # Bare Ethernet in UDP.
        proto, flag = UDP, TUN_UDP
        header = struct.pack('!HHHH', 50505, 7777, 8 + len(inner), 0)
    elif kind == 'ip':                  # Ethernet in IP (RFC 3378's is 97).
        proto, flag = 97, TUN_IP
        header = struct.pack('!H', 0x3000)
    src, dst = OUTER_ADDRESSES[outer]
    length = len(header) + len(inner)
    l3 = (ipv4 if outer == 4 else ipv6)(src, dst, proto, length)
    frame = (eth(SRC, DST, ETH_P_IP if outer == 4 else ETH_P_IPV6) + l3
             + header + inner)
    flags = (TCP_SEG | flag | (IPV4 | IP_CKSUM if ip == 4 else IPV6)
             | (OUTER_IPV4 | OUTER_IP_CKSUM if outer == 4 else OUTER_IPV6))
    if kind == 'udp' and outer == 6:
        flags |= OUTER_UDP_CKSUM
    m = Mbuf(frame, flags, 14, len(l3),
             len(header) + (14 if kind != 'ipip' else 0),
             sp.l4_ofs - sp.l3_ofs, sp.hdr_len - sp.l4_ofs, mss)
    return m, sp
