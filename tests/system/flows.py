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
"""Sends TCP flows into dummy ports, one each, and says how they come out.

    flows.py IF MSS ROUNDS SOCKET...

SOCKETs are those of the dummy ports' options:pstream.  In each of ROUNDS, each
flow has eight packets, some of MSS bytes of payload and some superpackets, as
chance has it; the next round begins when all of that has arrived on IF.
Prints "BYTES MISSING REORDERED SUPERPACKETS": a packet is reordered if it is
not the one that continues its flow.
"""

import random
import socket
import struct
import sys
import time

from frames import (ROW, TCP, Sniffer, Superpacket, parse, tcp_of)

PACKETS = 8
SECONDS = 5
FIRST_PORT = 40000


class Flow:
    def __init__(self, index, path):
        self.s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.s.connect(path)
        self.port = FIRST_PORT + index
        self.sent = self.got = self.next = self.reordered = self.supers = 0
        self.n = 0

    def send(self, mss):
        payload = mss * random.choice((1, 1, 2, 3, 12))
        self.supers += payload > mss
        sp = Superpacket(dict(ROW, mss=mss, payload=payload, seq=self.sent,
                              id=self.n & 0xffff), self.n)
        frame = bytearray(sp.frame)
        # The checksum is unfinished and does not cover the port.
        struct.pack_into('!H', frame, sp.l4_ofs, self.port)
        self.s.sendall(struct.pack('!H', len(frame)) + frame)
        self.sent += payload
        self.n += 1

    def take(self, seq, length):
        self.reordered += seq != self.next
        self.next = seq + length
        self.got += length


def take(flows, frame):
    layers = parse(frame)
    if not layers or layers[0].proto != TCP:
        return
    port, = struct.unpack_from('!H', frame, layers[0].l4_ofs)
    seq, _, payload = tcp_of(frame, layers[0])
    if FIRST_PORT <= port < FIRST_PORT + len(flows) and payload:
        flows[port - FIRST_PORT].take(seq, len(payload))


def main(ifname, mss, rounds, *paths):
    sniffer = Sniffer(ifname)
    flows = [Flow(i, path) for i, path in enumerate(paths)]
    for _ in range(rounds):
        for _ in range(PACKETS):
            for flow in flows:
                flow.send(mss)
        deadline = time.monotonic() + SECONDS
        while any(flow.got < flow.sent for flow in flows):
            frame = sniffer.read(deadline - time.monotonic()
                                 if time.monotonic() < deadline else 0)
            if frame is None:
                break
            take(flows, frame)
    print(*(sum(column) for column in
            zip(*((flow.got, flow.sent - flow.got, flow.reordered,
                   flow.supers) for flow in flows))))


if __name__ == '__main__':
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
