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
"""For tests/run-sizes: frames in, frames out, and what is between a control
connection's ends.

    sizes.py frames FROM-NETNS FROM-IF TO-NETNS PLAIN-IF UNDERLAY-IF LENGTH...
        sends an ordinary frame of each LENGTH by each path, and prints
        "PATH LENGTH RESULT" for it.
    sizes.py fragment NETNS IF
        sends the first fragment of a datagram, prints the last one in hex.
    sizes.py ftp-server PORT
    sizes.py ftp-client ADDRESS PORT LENGTH
"""

import ctypes
import os
import random
import select
import socket
import struct
import sys

import frames

TIMEOUT = 20                            # Seconds; never waited for in full.
PATHS = {'plain': 0x88b5, 'vxlan': 0x88b6, 'geneve': 0x88b7}
# What the paths put in front of a frame: Ethernet, IPv4, UDP, and a header
# that has 128 bytes of options in Geneve.
HEADERS = {'plain': 0, 'vxlan': 14 + 20 + 8 + 8, 'geneve': 14 + 20 + 8 + 136}
MARK = 60                               # Length of the frame behind it.


def packet_socket(netns, ifname):
    """A packet socket in another namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    here = os.open('/proc/self/ns/net', os.O_RDONLY)
    there = os.open('/var/run/netns/' + netns, os.O_RDONLY)
    if libc.setns(there, 0x40000000):
        raise OSError(ctypes.get_errno(), 'setns')
    try:
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        s.setsockopt(socket.SOL_SOCKET, frames.SO_RCVBUFFORCE, 8 << 20)
        s.bind((ifname, frames.ETH_P_ALL))
        mreq = struct.pack('IHH8x', socket.if_nametoindex(ifname),
                           frames.PACKET_MR_PROMISC, 0)
        s.setsockopt(frames.SOL_PACKET, frames.PACKET_ADD_MEMBERSHIP, mreq)
    finally:
        libc.setns(here, 0x40000000)
        os.close(here)
        os.close(there)
    return s


def frame(path, length):
    return (b'\x02\0\0\0\x0e\x02\x02\0\0\0\x0e\x01'
            + struct.pack('!H', PATHS[path])
            + random.randbytes(length - 14))


def unwrap(path, data):
    """The frame in 'data', or None if it is none of ours."""
    if path != 'plain':
        if (len(data) < HEADERS[path] or data[12:14] != b'\x08\0'
                or data[23] != frames.UDP):
            return None
        total, = struct.unpack_from('!H', data, 16)
        udp_len, = struct.unpack_from('!H', data, 38)
        if total + 14 != len(data) or udp_len + 34 != len(data):
            return b'wrong outer lengths'
        data = data[HEADERS[path]:]
    return data if data[12:14] == struct.pack('!H', PATHS[path]) else None


def exchange(source, sink, path, length):
    """Sends a frame, and a small one behind it; what arrives before that?"""
    sent = frame(path, length)
    mark = frame(path, MARK)
    source.send(sent)
    source.send(mark)
    got = []
    while True:
        if not select.select([sink], [], [], TIMEOUT)[0]:
            return 'nothing arrives any more'
        data = unwrap(path, sink.recv(1 << 17))
        if data == mark:
            break
        if data is not None:
            got.append(data)
    if not got:
        return 'dropped'
    if got == [sent]:
        return 'right'
    wrong = sum(a != b for a, b in zip(got[0], sent))
    return ('wrong: %d frames, %d bytes, %d of them differ'
            % (len(got), len(got[0]), wrong))


def run_frames(netns, ifname, to_netns, plain, under, *lengths):
    source = packet_socket(netns, ifname)
    sinks = {p: packet_socket(to_netns, plain if p == 'plain' else under)
             for p in PATHS}
    for path in PATHS:
        for length in lengths:
            print(path, length,
                  exchange(source, sinks[path], path, int(length)), flush=True)


def ipv4_fragment(ofs, more, payload):
    ip = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(payload), 0x1234,
                     (0x2000 if more else 0) | ofs // 8, 64, frames.UDP, 0,
                     socket.inet_aton('10.9.0.1'),
                     socket.inet_aton('10.9.0.2'))
    total = sum(struct.unpack('!10H', ip))
    total = (total & 0xffff) + (total >> 16)
    ip = ip[:10] + struct.pack('!H', 0xffff & ~total) + ip[12:]
    return (b'\x02\0\0\0\x0e\x02\x02\0\0\0\x0e\x01\x08\0' + ip + payload)


def run_fragment(netns, ifname):
    datagram = struct.pack('!HHHH', 1000, 2000, 8 + 2000, 0) + bytes(2000)
    packet_socket(netns, ifname).send(ipv4_fragment(0, True, datagram[:1304]))
    print(ipv4_fragment(1304, False, datagram[1304:]).hex())


def run_ftp_server(port):
    with socket.create_server(('', int(port))) as s:
        s.settimeout(TIMEOUT)
        print('listening', flush=True)
        c = s.accept()[0]
    with c:
        c.settimeout(TIMEOUT)
        data = b''
        while True:
            part = c.recv(1 << 16)
            if not part:
                break
            data += part
    line, _, rest = data.partition(b'\r\n')
    print(line.decode(errors='replace'), len(rest), len(rest.strip(b'x')))


def run_ftp_client(address, port, length):
    with socket.create_connection((address, int(port)), TIMEOUT) as s:
        host = s.getsockname()[0].replace('.', ',')
        s.sendall(b'PORT %s,4,1\r\n' % host.encode() + b'x' * int(length))
        s.shutdown(socket.SHUT_WR)
        s.recv(1)


{'frames': run_frames, 'fragment': run_fragment, 'ftp-server': run_ftp_server,
 'ftp-client': run_ftp_client}[sys.argv[1]](*sys.argv[2:])
