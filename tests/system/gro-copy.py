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
"""What a capture of a tunnel's wire has of TCP from one IPv4 address.

    gro-copy.py count WIRE SOURCE SIZE
        prints "FRAMES BYTES HEADERS LARGEST LARGER": of what is in the tunnel;
        HEADERS are those in front of the payload of the frames that have some,
        if they are equally long in all, LARGEST the bytes of the largest
        frame, LARGER the number of those with more than SIZE.
    gro-copy.py same WIRE SOURCE COPY MAX
        fails unless the frames in COPY, which are in no tunnel, are the first
        MAX bytes of those in WIRE, in the same order.
"""

import socket
import sys

import frames


def inner(path, source):
    """Returns the list of (frame, bytes of headers, has payload)."""
    found = []
    for frame in frames.pcap_read(path):
        layers = frames.parse(frame)
        if not layers or layers[-1].proto != frames.TCP:
            continue
        layer = layers[-1]
        src, _ = frames.addresses_of(frame, layer)
        if src == socket.inet_aton(source):
            begin = layer.l4_ofs + (frame[layer.l4_ofs + 12] >> 4) * 4
            found.append((frame[layer.l2:], begin - layer.l2,
                          layer.l4_ofs + layer.length > begin))
    return found


def main():
    words = sys.argv[1:]
    if words[0] == 'count':
        found = inner(words[1], words[2])
        headers = {h for _, h, payload in found if payload}
        sizes = [len(f) for f, _, _ in found]
        print(len(sizes), sum(sizes), *headers if len(headers) == 1 else '-',
              max(sizes, default=0),
              sum(size > int(words[3]) for size in sizes))
        return
    wire = [f[:int(words[4])] for f, _, _ in inner(words[1], words[2])]
    copy = [f for f, _, _ in inner(words[3], words[2])]
    for i, (a, b) in enumerate(zip(wire, copy)):
        if a != b:
            at = next((j for j, (x, y) in enumerate(zip(a, b)) if x != y), '-')
            sys.exit('copy %d of %d has %d bytes, the frame on the wire %d; '
                     'they differ at byte %s'
                     % (i, len(copy), len(b), len(a), at))
    if len(wire) != len(copy):
        sys.exit('%d copies of %d frames' % (len(copy), len(wire)))
    if len(wire) < 200:
        sys.exit('only %d frames' % len(wire))


if __name__ == '__main__':
    main()
