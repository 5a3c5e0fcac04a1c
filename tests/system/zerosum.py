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
"""UDP datagrams whose checksum comes to zero, left to be completed.

    zerosum.py receive INTERFACE READYFILE SECONDS   prints "TAGS VERSION FIELD"
    zerosum.py send    INTERFACE

send hands each datagram, behind 0 to 3 VLAN tags, over IPv4 and IPv6, to a
packet socket whose vnet header says that its checksum is partial.  receive
prints the field of each one as it arrives: it must be ffff, since zero says
that there is none (RFC 768).
"""

import socket
import struct
import sys
import time

ETH_P_ALL, SOL_PACKET, PACKET_VNET_HDR = 3, 263, 15
PORT = 4660


def fold(data):
    total = sum(w for w, in struct.iter_unpack('!H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def datagram(tags, version):
    """The frame and the offset of its UDP header."""
    length = 8 + 100
    if version == 4:
        addresses = bytes([10, 0, 0, 1, 10, 0, 0, 99])
        ip = struct.pack('!BBHHHBBH', 0x45, 0, 20 + length, tags, 0, 64, 17,
                         0) + addresses
        ip = ip[:10] + struct.pack('!H', fold(ip) ^ 0xffff) + ip[12:]
    else:
        addresses = b'\xfd' + bytes(14) + b'\1\xfd' + bytes(14) + b'\2'
        ip = struct.pack('!IHBB', 6 << 28, length, 17, 64) + addresses
    pseudo = fold(addresses + struct.pack('!HH', 17, length))
    # All but the last word of payload, and with it 0xffff.
    udp = struct.pack('!HHHH', PORT, PORT, length, pseudo) + bytes(range(98))
    udp += struct.pack('!H', 0xffff - fold(udp))
    kinds = ([0x88a8] if tags > 1 else []) + [0x8100] * (tags - (tags > 1))
    vlan = b''.join(struct.pack('!HH', kind, 7 + i)
                    for i, kind in enumerate(kinds))
    head = (b'\xff' * 6 + b'\2\0\0\0\0\1' + vlan
            + struct.pack('!H', 0x0800 if version == 4 else 0x86dd) + ip)
    return head + udp, len(head)


def send(interface):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    s.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    s.bind((interface, 0))
    for tags in range(4):
        for version in 4, 6:
            frame, start = datagram(tags, version)
            s.send(struct.pack('=BBHHHH', 1, 0, 0, 0, start, 6) + frame)


def receive(interface, ready, seconds):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                      socket.htons(ETH_P_ALL))
    s.bind((interface, ETH_P_ALL))
    # The kernel takes the first tag out of the frame.
    s.setsockopt(SOL_PACKET, 8, 1)
    open(ready, 'w').close()
    end = time.monotonic() + seconds
    n = 0
    while n < 8 and time.monotonic() < end:
        s.settimeout(max(end - time.monotonic(), .01))
        try:
            data, control, _, _ = s.recvmsg(2048, 256)
        except socket.timeout:
            break
        tags = sum(struct.unpack('=I', value[:4])[0] >> 4 & 1
                   for level, kind, value in control
                   if (level, kind) == (SOL_PACKET, 8))
        ofs = 12
        while data[ofs:ofs + 2] in (b'\x81\0', b'\x88\xa8'):
            ofs += 4
            tags += 1
        version = data[ofs + 2] >> 4
        udp = ofs + 2 + (20 if version == 4 else 40)
        if data[udp:udp + 2] == struct.pack('!H', PORT):
            print(tags, version, data[udp + 6:udp + 8].hex(), flush=True)
            n += 1


def main():
    if len(sys.argv) == 5 and sys.argv[1] == 'receive':
        receive(sys.argv[2], sys.argv[3], float(sys.argv[4]))
    elif len(sys.argv) == 3 and sys.argv[1] == 'send':
        send(sys.argv[2])
    else:
        sys.exit(__doc__)


if __name__ == '__main__':
    main()
