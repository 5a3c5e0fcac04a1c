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
"""Several TCP connections at once, with data in both directions at once.

    tcpmany.py listen  ADDRESS PORTFILE SECONDS N BYTES WRITE
    tcpmany.py connect ADDRESS PORTFILE SECONDS N BYTES WRITE

Each end of N connections sends BYTES random bytes, at once or, if WRITE is not
0, in writes of 1 to WRITE bytes, each of which the kernel sends with PSH,
without waiting for the next.  The listener writes the port that the kernel
gave it to PORTFILE.

Prints "sent SHA256 BYTES" and "received SHA256 BYTES", of all connections in
the order in which they were made.
"""

import hashlib
import os
import random
import socket
import sys
import threading
import time


def family(address):
    return socket.AF_INET6 if ':' in address else socket.AF_INET


def listen(address, portfile, deadline, n):
    """Returns 'n' connections in the order in which the other end made
    them."""
    server = socket.socket(family(address), socket.SOCK_STREAM)
    server.settimeout(max(deadline - time.monotonic(), .1))
    server.bind((address, 0))
    server.listen(n)
    with open(portfile + '.new', 'w') as f:
        f.write('%d\n' % server.getsockname()[1])
    os.rename(portfile + '.new', portfile)
    found = {}
    for _ in range(n):
        s = server.accept()[0]
        s.settimeout(max(deadline - time.monotonic(), .1))
        found[s.recv(1)[0]] = s
    return [found[i] for i in range(n)]


def connect(address, portfile, deadline, n):
    with open(portfile) as f:
        port = int(f.read())
    found = []
    for i in range(n):
        s = socket.socket(family(address), socket.SOCK_STREAM)
        s.settimeout(max(deadline - time.monotonic(), .1))
        s.connect((address, port))
        s.sendall(bytes([i]))
        found.append(s)
    return found


class Connection:
    """One of them.  'problem' is what went wrong."""

    def __init__(self, s, n_bytes, write, deadline):
        self.socket = s
        self.sent = os.urandom(n_bytes)
        self.received = bytearray()
        self.write = write
        self.deadline = deadline
        self.problem = None
        self.threads = [threading.Thread(target=self.run, args=(function,))
                        for function in (self.send, self.receive)]

    def run(self, function):
        try:
            function()
        except OSError as e:
            self.problem = str(e)

    def send(self):
        if self.write:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        i = 0
        while i < len(self.sent):
            n = random.randint(1, self.write) if self.write else 1 << 20
            self.socket.sendall(self.sent[i:i + n])
            i += n

    def receive(self):
        while len(self.received) < len(self.sent):
            data = self.socket.recv(len(self.sent) - len(self.received))
            if not data:
                self.problem = 'closed after %d bytes' % len(self.received)
                return
            self.received += data
            if time.monotonic() > self.deadline:
                self.problem = 'not done in time'
                return

    def end(self, listens):
        """A FIN without data has no ECN mark.  A switch whose flows tell
        marks apart lets it overtake data, so there is to be none on its
        way: each end closes when the other one has everything."""
        if self.problem:
            return
        if listens:
            self.socket.sendall(b'.')
            self.socket.recv(1)
        else:
            self.socket.recv(1)
            self.socket.sendall(b'.')
            self.socket.recv(1)
        self.socket.close()


def report(word, streams):
    digest = hashlib.sha256()
    for stream in streams:
        digest.update(hashlib.sha256(stream).digest())
    print(word, digest.hexdigest(), sum(len(stream) for stream in streams))


def main():
    if len(sys.argv) != 8 or sys.argv[1] not in ('listen', 'connect'):
        sys.exit(__doc__)
    function = {'listen': listen, 'connect': connect}[sys.argv[1]]
    deadline = time.monotonic() + float(sys.argv[4])
    n, n_bytes, write = (int(arg) for arg in sys.argv[5:8])
    connections = [Connection(s, n_bytes, write, deadline) for s in
                   function(sys.argv[2], sys.argv[3], deadline, n)]
    threads = [thread for c in connections for thread in c.threads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for c in connections:
        c.run(lambda c=c: c.end(sys.argv[1] == 'listen'))
    report('sent', [c.sent for c in connections])
    report('received', [c.received for c in connections])
    for c in connections:
        if c.problem:
            sys.exit('tcpmany.py: %s' % c.problem)


if __name__ == '__main__':
    try:
        main()
    except OSError as e:
        sys.exit('tcpmany.py: %s' % e)
