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
"""Judges captures of TCP and UDP in tunnels in tunnels.

    nested.py CAPTURE MAX-LENGTH TUNNEL... INNER [tshark options]

TUNNEL is ENCAP/IP-VERSION/CHECKSUM(on|off), the outermost first; INNER is the
IP version of what is inside.  tshark dissects; each frame with TCP, and each
long one, must have just these headers before TCP or UDP.  Each header's length
must reach to the end of the frame, each checksum must be there and good, or
not there where it is off, and no frame may be longer than MAX-LENGTH.

Prints the number of frames with TCP, of those with UDP, and then what is wrong
with some.
"""

import subprocess
import sys

# Fields by layer.  tshark prints one value for each layer of that name.
FIELDS = {
    'ip': ['ip.len', 'ip.hdr_len', 'ip.checksum.status'],
    'ipv6': ['ipv6.plen'],
    'udp': ['udp.length', 'udp.checksum.status'],
    'gtp': ['gtp.length'],
    'gre': ['gre.flags.checksum', 'gre.flags.key',
            'gre.flags.sequence_number'],
    'tcp': ['tcp.hdr_len', 'tcp.checksum.status', 'tcp.checksum',
            'tcp.checksum_calculated'],
}
# These are not there for each.
SOME = ['gre.checksum.status', 'geneve.option.length', 'eth.trailer']
NAMES = (['frame.number', 'frame.len', 'frame.protocols']
         + [name for names in FIELDS.values() for name in names] + SOME)
# Of frames as long as that, all are judged: they are no ARP or the like.
LONG = 300
# A checksum's status.  The others are "bad" and "unverified".
GOOD, NONE = '1', '3'


def flag(word):
    return word in ('1', 'True')


class Frame:
    """What tshark says of one, taken layer by layer."""

    def __init__(self, line):
        words = dict(zip(NAMES, line.rstrip('\n').split('\t')))
        self.number = words['frame.number']
        self.len = int(words['frame.len'])
        self.layers = [layer for layer in words['frame.protocols'].split(':')
                       if layer not in ('ethertype', 'data')]
        self.values = {name: word.split(',') if word else []
                       for name, word in words.items()}
        self.ofs = 0

    def take(self, layer):
        """The next values of the fields of 'layer'."""
        return [self.values[name].pop(0) for name in FIELDS[layer]]

    def reaches(self, what, length):
        if self.ofs + length != self.len:
            yield ('%s of %d bytes at %d, in a frame of %d'
                   % (what, length, self.ofs, self.len))

    def ip(self, version):
        if version == '6':
            plen, = self.take('ipv6')
            yield from self.reaches('IPv6', 40 + int(plen))
            self.ofs += 40
            return
        length, hdr_len, status = self.take('ip')
        yield from self.reaches('IPv4', int(length))
        if status != GOOD:
            yield 'status of an IPv4 checksum: ' + status
        self.ofs += int(hdr_len)

    def tunnel(self, encap, csum):
        want = GOOD if csum == 'on' else NONE
        if encap == 'gre':
            has_csum, key, seq = self.take('gre')
            self.ofs += 4 + 4 * (flag(has_csum) + flag(key) + flag(seq))
            status = NONE
            if flag(has_csum):
                status = self.values['gre.checksum.status'].pop(0)
        else:
            length, status = self.take('udp')
            yield from self.reaches('UDP', int(length))
            self.ofs += 16
            if encap == 'gtpu':
                length, = self.take('gtp')
                yield from self.reaches('GTP-U', int(length))
        if status != want:
            yield 'status of the checksum of %s: %s' % (encap, status)

    def tcp_or_udp(self, layer):
        if layer == 'udp':
            length, status = self.take('udp')
            yield from self.reaches('UDP', int(length))
            if status != GOOD:
                yield 'status of a UDP checksum: ' + status
            return
        hdr_len, status, got, calculated = self.take('tcp')
        # The kernel writes zero as 0xffff, which is the same number.
        if status != GOOD and (got, calculated) != ('0xffff', '0x0000'):
            yield 'status of a TCP checksum: ' + status
        if self.ofs + int(hdr_len) > self.len:
            yield 'TCP is cut short'

    def judge(self, max_len, tunnels, inner):
        """Yields what is wrong with one that has 'headers(tunnels, inner)'."""
        if self.len > max_len:
            yield '%d bytes' % self.len
        if (self.values['eth.trailer']
                or any(map(int, self.values['geneve.option.length']))):
            yield 'bytes that nobody has put there'
        self.ofs = 14
        for encap, version, csum in tunnels:
            yield from self.ip(version)
            yield from self.tunnel(encap, csum)
            self.ofs += 0 if encap == 'gtpu' else 14
        yield from self.ip(inner)
        yield from self.tcp_or_udp('tcp' if 'tcp' in self.layers else 'udp')


def headers(tunnels, inner):
    layers = ['eth']
    for encap, version, _csum in tunnels:
        layers.append('ip' if version == '4' else 'ipv6')
        layers += {'gre': ['gre', 'eth'],
                   'gtpu': ['udp', 'gtp']}.get(encap, ['udp', encap, 'eth'])
    return layers + ['ip' if inner == '4' else 'ipv6']


def main(capture, max_len, *words):
    n = next((i for i, word in enumerate(words) if word.startswith('-')),
             len(words))
    tunnels, inner = [word.split('/') for word in words[:n - 1]], words[n - 1]
    command = ['tshark', '-n', '-r', capture, '-T', 'fields', '-E',
               'separator=/t', '-E', 'occurrence=a', '-E', 'aggregator=,']
    for option in ('ip.check_checksum:TRUE', 'tcp.check_checksum:TRUE',
                   'udp.check_checksum:TRUE', 'ip.defragment:FALSE',
                   'udp.ignore_ipv6_zero_checksum:TRUE',
                   'tcp.desegment_tcp_streams:FALSE',
                   'tcp.analyze_sequence_numbers:FALSE'):
        command += ['-o', option]
    for name in NAMES:
        command += ['-e', name]
    tshark = subprocess.run(command + list(words[n:]), text=True, check=True,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    want, n, problems = headers(tunnels, inner), {'tcp': 0, 'udp': 0}, []
    for line in tshark.stdout.splitlines():
        frame = Frame(line)
        proto = 'tcp' if 'tcp' in frame.layers else 'udp'
        if frame.layers[:len(want) + 1] == want + [proto]:
            n[proto] += 1
            problems += ['frame %s: %s' % (frame.number, problem) for problem
                         in frame.judge(int(max_len), tunnels, inner)]
        elif proto == 'tcp' or frame.len > LONG:
            problems.append('frame %s: %s' % (frame.number,
                                              ':'.join(frame.layers)))
    print(n['tcp'], n['udp'])
    print('\n'.join(problems[:4]))


if __name__ == '__main__':
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
