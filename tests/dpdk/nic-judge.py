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
"""Judges what Open vSwitch hands to the NICs for tests, and what they send.

    nic-judge.py begin DIR APPCTL
    nic-judge.py check DIR APPCTL ROWS COLUMN PCAP [NAME=VALUE]...

begin remembers where captures, logs and counters in DIR are.  check looks at
what came since then: superpackets of system/superpacket.py, whose fields are
given; also 'encap', 'outer', 'csum'; 'optlen', bytes of options in the tunnel
header.  For each port in ROWS, lines of words as in nic-cases.sh, the letter in
COLUMN (WORD.LETTER, both from 0) says who cuts:

    h   the NIC
    p   the NIC, equal segments; the outer UDP checksum is ours
    H,P the same NIC, told that it is some tunnel over UDP or IP
    u   the NIC, the outer UDP header: a train
    t   the NIC, STT's outer header as TCP
    s   nobody but Open vSwitch

Demanded are: the reference's segments on the wire, all checksums right; in each
mbuf that is to be cut, exactly the flags and lengths that this needs; our
counters, unless 'uncounted=1'; no line BAD in the log, nor "refuse" unless
'refused=N' says how many, and those went out otherwise.
Prints "PASS NAME" or "FAIL NAME: why" for each port; writes all frames to PCAP
and prints "TOTAL N", the number of packets in it, and what they are.
"""

import collections
import io
import contextlib
import json
import os
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '..', 'system'))
import frames                                                   # noqa: E402
import stt                                                      # noqa: E402
import superpacket                                              # noqa: E402

METHODS = {'h': 'hw', 'H': 'hw', 'p': 'hw-partial', 'P': 'hw-partial',
           'u': 'udp-gso', 't': 'tcp-tso', 's': 'software'}
# Bytes of the tunnel's header, without IP, and what it is called by the flag.
TUNNELS = {'vxlan': (16, 'VXLAN', 'UDP'), 'geneve': (16, 'GENEVE', 'UDP'),
           'gre': (8, 'GRE', 'IP'), 'ipip': (0, 'IPIP', 'IP')}
OURS, STT = 40000, 7471         # Ports.


def counters(appctl):
    p = subprocess.run([appctl, '--format', 'json', 'tnl-gso/stats'],
                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    result = collections.defaultdict(dict)
    # An unpatched Open vSwitch has no such command.
    for port in json.loads(p.stdout)['ports'] if not p.returncode else []:
        for encap, methods in port['tx'].items():
            for method, c in methods.items():
                result[port['name']][encap + ' ' + method] = (c['packets'],
                                                              c['segments'])
        for reason, n in port['drops'].items():
            result[port['name']]['drop ' + reason] = (n, 0)
    return result


def size(path):
    return os.path.getsize(path) if os.path.exists(path) else 0


def begin(directory, appctl):
    state = {'at': {name: size(os.path.join(directory, name))
                    for name in os.listdir(directory)},
             'counters': counters(appctl)}
    with open(os.path.join(directory, 'state.json'), 'w') as f:
        json.dump(state, f)


def since(directory, state, name):
    path = os.path.join(directory, name)
    if not os.path.exists(path):
        return b''
    with open(path, 'rb') as f:
        f.seek(state['at'].get(name, 0))
        return f.read()


class Expectation:
    """What the superpackets of one call look like, everywhere."""

    def __init__(self, words):
        self.words = words
        self.row, self.rest = superpacket.fields(
            [w for w in words if not w.startswith('encap=')])
        self.encap = dict(w.split('=', 1) for w in words)['encap']
        # The row is what is inside; the tunnel is Open vSwitch's.
        self.outer, self.csum = self.row['outer'], self.row['csum']
        self.count = self.rest.get('count', 1)
        self.row.update(encap='plain')
        self.supers = list(superpacket.superpackets(self.row, self.count))
        self.n_segments = self.supers[0].n_segments()

    def check_wire(self, pcap):
        """Returns what is wrong, or None."""
        if self.encap == 'stt':
            return self.check_stt(pcap)
        words = [w for w in self.words if w.split('=')[0] not in
                 ('encap', 'outer', 'csum', 'refused', 'optlen',
                  'uncounted')]
        if not self.csum and self.encap != 'gre':
            words.append('zero_ok=1')
        if self.encap == 'ipip':
            words.append('l3=1')
        try:
            superpacket.check(pcap, *superpacket.fields(words))
        except SystemExit as e:
            return str(e)
        return None

    def check_stt(self, pcap):
        error = stt.Errors()
        with contextlib.redirect_stdout(io.StringIO()):
            got = [f for _, f in stt.stt_frames(pcap, error, mtu=1500) if f]
        for f in got:
            stt.check_header(f, error)
        if error.n:
            return '; '.join(error.texts[:3])
        if [f.inner for f in got] != [sp.frame for sp in self.supers]:
            return 'inside are not the frames that were sent'
        return None

    def mbuf(self, letter):
        """What is said of an mbuf that is to be cut: flags and lengths."""
        v6 = self.outer == 6
        sp = self.supers[0]
        inner = (['UDP_SEG', 'UDP_CKSUM'] if self.row['l4'] == 'udp'
                 else ['TCP_SEG'])
        inner += ['IPV6'] if self.row['ip'] == 6 else ['IPV4', 'IP_CKSUM']
        ip = ['IPV6'] if v6 else ['IPV4', 'IP_CKSUM']
        ip_len = 40 if v6 else 20
        if letter == 't':
            return (set(['TCP_SEG'] + ip), 0, 0, 14, ip_len, 20,
                    1500 - ip_len - 20)
        if self.encap == 'plain':
            return (set(inner), 0, 0, sp.l3_ofs, sp.l4_ofs - sp.l3_ofs,
                    sp.hdr_len - sp.l4_ofs, self.row['mss'])
        th, name, generic = TUNNELS[self.encap]
        th += self.rest.get('optlen', 0)
        if letter == 'u':
            # The train's unit is all behind the outer UDP header.
            return (set(['UDP_SEG', 'UDP_CKSUM'] + ip), 0, 0, 14, ip_len, 8,
                    th - 8 + sp.hdr_len + self.row['mss'])
        name = generic if letter in 'HP' else name
        flags = set(inner + ['TUNNEL_' + name])
        flags |= set(['OUTER_IPV6'] if v6 else ['OUTER_IPV4',
                                                'OUTER_IP_CKSUM'])
        if letter in 'hH' and self.csum and self.encap not in ('gre', 'ipip'):
            flags.add('OUTER_UDP_CKSUM')
        outer_l2 = 14 + 4 * len(self.row['outertags'])
        l2_len = th + (sp.l3_ofs if self.encap != 'ipip' else 0)
        return (flags, outer_l2, ip_len, l2_len, sp.l4_ofs - sp.l3_ofs,
                sp.hdr_len - sp.l4_ofs, self.row['mss'])

    def check_log(self, log, letter):
        cut = []
        refused = 0
        for line in log.decode().splitlines():
            verb = line.split(' ', 1)[0]
            if verb == 'BAD':
                return line
            refused += verb == 'refuse'
            m = dict(w.split('=', 1) for w in line.split()[1:])
            if verb == 'tx' and 'SEG' in m['flags']:
                cut.append(m)
        if refused != self.rest.get('refused', 0):
            return '%d packets refused' % refused
        if letter == 's':
            return cut and 'it has been told to cut'
        if not cut:
            return 'it has not been told to cut anything'
        want = self.mbuf(letter)
        for m in cut:
            # TCP_SEG implies TCP_CKSUM.
            flags = set(m['flags'].split('+')) - {'TCP_CKSUM'}
            got = (flags,) + tuple(int(m[key]) for key in (
                'outer_l2_len', 'outer_l3_len', 'l2_len', 'l3_len', 'l4_len',
                'tso_segsz'))
            if got != want:
                return 'mbuf: %s, not %s' % (got, want)
            payload = int(m['pkt_len']) - sum(want[1:6])
            if payload <= want[6]:
                return 'mbuf: %d bytes of payload' % payload
            if letter in 'pP' and payload % want[6]:
                return 'mbuf: unequal segments'
        return None

    def check_counters(self, old, new, letter):
        if self.rest.get('uncounted'):
            return None
        grown = {}
        for key, (packets, segments) in new.items():
            before = old.get(key, (0, 0))
            if packets > before[0] and not key.endswith(' pass'):
                grown[key] = (packets - before[0], segments - before[1])
        want = self.encap + ' ' + METHODS[letter]
        if list(grown) != [want]:
            return 'counted %s, not %s' % (', '.join(grown) or 'nothing', want)
        packets, segments = grown[want]
        # More if the driver does not take such long ones.
        if packets < self.count:
            return 'counted %d superpackets' % packets
        if self.encap != 'stt' and segments != self.count * self.n_segments:
            return 'counted %d segments' % segments
        return None


def is_ours(frame):
    layers = frames.parse(frame)
    if not layers or layers[-1].proto not in (frames.TCP, frames.UDP):
        return False
    sport, dport = struct.unpack_from('!HH', frame, layers[-1].l4_ofs)
    return sport == OURS or dport == STT


def check(directory, appctl, rows, column, pcap, words):
    with open(os.path.join(directory, 'state.json')) as f:
        state = json.load(f)
    expected = Expectation(words)
    word, letter = map(int, column.split('.'))
    with open(rows) as f:
        ports = [(line.split()[0], line.split()[word][letter]) for line in f]
    problems = {}
    piece = os.path.join(directory, 'piece')
    total = []
    deadline = time.monotonic() + 5
    for name, _ in ports:
        while True:
            data = since(directory, state, name + '.pcap')
            with open(piece, 'wb') as f:
                with open(os.path.join(directory, name + '.pcap'), 'rb') as g:
                    f.write(g.read(24))
                f.write(data)
            problems[name] = expected.check_wire(piece)
            if not problems[name] or time.monotonic() > deadline:
                break
            time.sleep(.05)
        total += [f for f in frames.pcap_read(piece) if is_ours(f)]
    frames.pcap_write(pcap, total)
    new = counters(appctl)
    for name, letter in ports:
        problem = (problems[name]
                   or expected.check_log(since(directory, state,
                                               name + '.log'), letter)
                   or expected.check_counters(
                       state['counters'].get(name, {}), new.get(name, {}),
                       letter))
        print('FAIL %s: %s' % (name, problem) if problem else 'PASS ' + name)
    print('TOTAL', len(total), expected.row['l4'])


def main(words):
    if len(words) == 3 and words[0] == 'begin':
        begin(*words[1:])
    elif len(words) >= 6 and words[0] == 'check':
        check(*words[1:6], words[6:])
    else:
        sys.exit(__doc__)


if __name__ == '__main__':
    main(sys.argv[1:])
