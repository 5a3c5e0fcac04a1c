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
"""Moves one file over one TCP connection and says what arrived.

    tcp.py receive ADDRESS PORTFILE SECONDS        prints SHA256 BYTES GBIT/S
    tcp.py send    ADDRESS PORTFILE SECONDS FILE

The receiver writes the port that the kernel gave it to PORTFILE.  It hashes
after the last byte, so that hashing does not count as transfer time.
"""

import hashlib
import os
import socket
import sys
import time


def family(address):
    return socket.AF_INET6 if ':' in address else socket.AF_INET


def receive(address, portfile, seconds):
    server = socket.socket(family(address), socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.settimeout(seconds)
    server.bind((address, 0))
    server.listen(1)
    with open(portfile + '.new', 'w') as f:
        f.write('%d\n' % server.getsockname()[1])
    os.rename(portfile + '.new', portfile)

    connection = server.accept()[0]
    deadline = time.monotonic() + seconds
    connection.settimeout(seconds)
    chunks = []
    begin = None
    while True:
        data = connection.recv(1 << 20)
        if begin is None:
            begin = time.monotonic()
        if not data:
            break
        chunks.append(data)
        if time.monotonic() > deadline:
            sys.exit('tcp.py: not done after %g seconds' % seconds)
    took = time.monotonic() - begin
    connection.close()

    digest = hashlib.sha256()
    n = 0
    for data in chunks:
        digest.update(data)
        n += len(data)
    print(digest.hexdigest(), n, '%.2f' % (n * 8 / took / 1e9))


def send(address, portfile, seconds, path):
    with open(portfile) as f:
        port = int(f.read())
    s = socket.socket(family(address), socket.SOCK_STREAM)
    s.settimeout(seconds)
    s.connect((address, port))
    with open(path, 'rb') as f:
        s.sendfile(f)
    s.shutdown(socket.SHUT_WR)
    # Until the receiver has closed: everything has arrived.
    s.recv(1)


def main():
    if len(sys.argv) == 5 and sys.argv[1] == 'receive':
        receive(sys.argv[2], sys.argv[3], float(sys.argv[4]))
    elif len(sys.argv) == 6 and sys.argv[1] == 'send':
        send(sys.argv[2], sys.argv[3], float(sys.argv[4]), sys.argv[5])
    else:
        sys.exit(__doc__)


if __name__ == '__main__':
    try:
        main()
    except OSError as e:
        sys.exit('tcp.py: %s' % e)
