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
"""Sends UDP superpackets and says which datagrams arrived.

    udp.py receive ADDRESS PORTFILE SECONDS plain|gro|joined
    udp.py send    ADDRESS PORTFILE SECONDS WINDOW[,PID] ROUNDS SIZE:LENGTH...

send hands the kernel, in each of ROUNDS, one superpacket per SIZE:LENGTH:
LENGTH bytes that are to be cut into datagrams of SIZE bytes of payload, the
last one shorter (UDP_SEGMENT).  Of an equal LENGTH there is nothing to be cut.
The receiver acknowledges a superpacket once all of its datagrams are there;
after each WINDOW of them, the sender waits for that: no buffer on the way can
overflow, so whatever is missing was lost for another reason.  What is not
acknowledged within half a second is given up.  Process PID is stopped while a
window is sent, so that it gets all of it at once.

receive prints "DATAGRAMS MISSING TWICE REORDERED BAD WHOLE".  BAD ones have
not the bytes or the length that they should have.  With "gro" the kernel may
hand over several datagrams at once (UDP_GRO), which are WHOLE superpackets if
nobody on the way has cut them.  With "joined" a superpacket must come as one
datagram, as which somebody on the way has treated it.  The sender prints how many superpackets were
not acknowledged.
"""

import hashlib
import os
import signal
import socket
import struct
import sys
import time

SOL_UDP = 17
UDP_SEGMENT = 103
UDP_GRO = 104
SO_RCVBUFFORCE = 33

# Kind of message, number of the superpacket, of the datagram in it, of all
# datagrams in it, length of this datagram.
HEADER = struct.Struct('!4sIHHH')
HELLO, DATA, DONE = b'helo', b'data', b'done'

ACK_SECONDS = .5


def family(address):
    return socket.AF_INET6 if ':' in address else socket.AF_INET


def datagram(super_, i, n, length):
    """Its bytes, which are different in each one."""
    header = HEADER.pack(DATA, super_, i, n, length)
    seed = hashlib.sha256(header).digest()
    return (header + seed * (length // len(seed) + 1))[:length]


def superpacket(number, size, length):
    # A last datagram must have room for the header.
    lengths = [size] * (length // size)
    if length % size:
        lengths.append(length % size)
    return b''.join(datagram(number, i, len(lengths), n)
                    for i, n in enumerate(lengths))


class Receiver:
    def __init__(self):
        self.got = {}           # By superpacket: number of each datagram.
        self.last = (-1, -1)
        self.datagrams = self.twice = self.reordered = self.bad = 0
        self.whole = 0

    def take(self, data):
        """Returns the number of a superpacket that is now complete, or
        None."""
        self.datagrams += 1
        if len(data) < HEADER.size:
            self.bad += 1
            return None
        kind, number, i, n, length = HEADER.unpack_from(data)
        if (kind != DATA or length != len(data)
                or data != datagram(number, i, n, length)):
            self.bad += 1
            return None
        got = self.got.setdefault(number, set())
        if i in got:
            self.twice += 1
            return None
        self.reordered += (number, i) < self.last
        self.last = number, i
        got.add(i)
        return number if len(got) == n else None

    def missing(self, total):
        return total - sum(map(len, self.got.values()))


def receive(address, portfile, seconds, gro, joined):
    s = socket.socket(family(address), socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
    if gro:
        s.setsockopt(SOL_UDP, UDP_GRO, 1)
    s.settimeout(seconds)
    s.bind((address, 0))
    with open(portfile + '.new', 'w') as f:
        f.write('%d\n' % s.getsockname()[1])
    os.rename(portfile + '.new', portfile)

    r = Receiver()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        data, control, _, peer = s.recvmsg(1 << 16, 64)
        if data[:4] == HELLO:
            s.sendto(data, peer)
            continue
        if data[:4] == DONE:
            s.sendto(data, peer)
            print(r.datagrams, r.missing(*struct.unpack('!I', data[4:])),
                  r.twice, r.reordered, r.bad, r.whole)
            return
        size = len(data)
        for level, kind, value in control:
            if (level, kind) == (SOL_UDP, UDP_GRO):
                size = struct.unpack('i', value[:4])[0]
        if joined and len(data) >= HEADER.size:
            size = max(HEADER.unpack_from(data)[4], HEADER.size)
        r.whole += size < len(data)
        for begin in range(0, len(data), size):
            number = r.take(data[begin:begin + size])
            if number is not None:
                s.sendto(DATA + struct.pack('!I', number), peer)
    sys.exit('udp.py: not done after %g seconds' % seconds)


def ask(s, message, answer, seconds):
    """Sends 'message' until there is an 'answer'."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        s.send(message)
        s.settimeout(ACK_SECONDS)
        try:
            while s.recv(1 << 16) != answer:
                pass
            return
        except socket.timeout:
            pass
    sys.exit('udp.py: no answer within %g seconds' % seconds)


def acknowledged(s, numbers):
    """Waits until all superpackets of 'numbers' are acknowledged.  Returns how
    many are not."""
    s.settimeout(ACK_SECONDS)
    try:
        while numbers:
            answer = s.recv(1 << 16)
            if answer[:4] == DATA:
                numbers.discard(struct.unpack('!I', answer[4:])[0])
    except socket.timeout:
        pass
    return len(numbers)


def send(address, portfile, seconds, window, rounds, *sizes):
    with open(portfile) as f:
        port = int(f.read())
    s = socket.socket(family(address), socket.SOCK_DGRAM)
    s.connect((address, port))
    # Both sides know each other's Ethernet addresses after this.
    ask(s, HELLO, HELLO, seconds)

    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 18)
    window, _, pid = window.partition(',')
    queue = [tuple(map(int, size.split(':'))) for size in sizes] * int(rounds)
    lost = total = number = 0
    while number < len(queue):
        waiting = set()
        if pid:
            os.kill(int(pid), signal.SIGSTOP)
        try:
            for size, length in queue[number:number + int(window)]:
                s.setsockopt(SOL_UDP, UDP_SEGMENT, size)
                s.send(superpacket(number, size, length))
                waiting.add(number)
                total += -(-length // size)
                number += 1
        finally:
            if pid:
                os.kill(int(pid), signal.SIGCONT)
        lost += acknowledged(s, waiting)
    s.setsockopt(SOL_UDP, UDP_SEGMENT, 0)
    done = DONE + struct.pack('!I', total)
    ask(s, done, done, seconds)
    print(lost)


def main():
    if (len(sys.argv) == 6 and sys.argv[1] == 'receive'
            and sys.argv[5] in ('plain', 'gro', 'joined')):
        receive(sys.argv[2], sys.argv[3], float(sys.argv[4]),
                sys.argv[5] == 'gro', sys.argv[5] == 'joined')
    elif len(sys.argv) > 7 and sys.argv[1] == 'send':
        send(sys.argv[2], sys.argv[3], float(sys.argv[4]), *sys.argv[5:])
    else:
        sys.exit(__doc__)


if __name__ == '__main__':
    try:
        main()
    except OSError as e:
        sys.exit('udp.py: %s' % e)
