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
"""Judges the NIC for tests (nic.h).

    nic-test.py FEED PLUGIN OUT IN TAP|- TMPDIR [NAME-PART]

Runs inside a namespace that tests/run-nic has made.  FEED hands the NIC mbufs;
their flags and lengths are computed here, from where the superpacket was made.

kernel   the matrix of tests/diff/gso-diff.py: what the NIC makes of a
         superpacket against what the kernel makes of it, byte by byte; only a
         TCP checksum of 0xffff is the same as 0x0000 (RFC 1624).  Once with
         checksum fields as DPDK's preparation leaves them, once with
         preset=none.
tap      the same against DPDK's net_tap, plain TCP over IPv4 (it knows no
         other kind), but for CWR, which its library keeps on each segment.
sums     checksums without cutting, and tunnels that the kernel here does not
         have, judged by frames.py; tests/run-nic has tshark look at them, too.
preset   what tx_prepare makes of the checksum fields; one of the presets must
         be what the installed DPDK does.
bad      what must be refused, and the word that says why.
"""

import importlib.util
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'system'))
sys.path.insert(0, HERE)
from frames import (ACK, DST, FIN, INNER_SRC, PSH, ROW, SRC,    # noqa: E402
                    Sniffer, Superpacket, TCP, checksum_errors, inject_socket,
                    ones_sum, parse, pcap_write)
from nicfeed import (Feed, IP_CKSUM, IPV4, TCP_CKSUM,         # noqa: E402
                     TCP_SEG, UDP_CKSUM, UDP_SEG, mbuf_of, other_tunnel)
from nicbad import judge_bad                                    # noqa: E402

spec = importlib.util.spec_from_file_location(
    'gso_diff', os.path.join(HERE, '..', 'diff', 'gso-diff.py'))
gso_diff = importlib.util.module_from_spec(spec)
spec.loader.exec_module(gso_diff)

class Judge:
    def __init__(self, part):
        self.part = part
        self.passed = self.failed = self.skipped = 0

    def wants(self, name):
        return self.part in name

    def case(self, name, problem):
        if problem:
            self.failed += 1
            print('FAIL: %s: %s' % (name, problem))
        else:
            self.passed += 1

    def skip(self, why):
        self.skipped += 1
        print('SKIP: ' + why)


def tcp_sums(frames):
    """0xffff is the same TCP checksum as 0x0000."""
    result = []
    for frame in frames:
        f = bytearray(frame)
        layers = parse(frame)
        if layers and layers[-1].proto == TCP:
            at = layers[-1].l4_ofs + 16
            if f[at:at + 2] == b'\xff\xff':
                f[at:at + 2] = b'\0\0'
        result.append(bytes(f))
    return result


def difference(kernel, nic):
    text = gso_diff.difference(kernel, nic)
    return text and text.replace('kernel', 'other').replace('ours', 'NIC')


def fits(row, prepared):
    """Can the NIC be handed this at all?  DPDK's preparation knows no IPv6
    extension headers."""
    return (not row['train'] and row['mss'] <= 9000
            and (row['encap'] == 'plain' or 16 + row['opts'] + 14
                 + 4 * len(row['tags']) <= 127)
            and not (prepared and (row['ext'] or row['outerext'])))


def judge_kernel(judge, nics, out_if, in_if, tap_if):
    plain = inject_socket(out_if)
    sniffer = Sniffer(in_if)
    tap = gso_diff.tap_open(tap_if) if tap_if != '-' else None
    udp_gso = gso_diff.takes_udp(plain)
    skips = set()
    for row in gso_diff.rows(1):
        name = 'kernel ' + gso_diff.name_of(row)
        if not judge.wants(name) or not fits(row, False):
            continue
        why = None
        if row['encap'] != 'plain' and tap is None:
            why = 'tunnels: no tap here takes tunnelled superpackets'
        elif row['encap'] == 'plain' and row['l4'] == 'udp' and not udp_gso:
            why = 'UDP: no packet socket here takes UDP superpackets'
        if why:
            if why not in skips:
                judge.skip(why)
            skips.add(why)
            continue
        sp = Superpacket(row, name)
        sniffer.collect(0, 0)
        try:
            if row['encap'] == 'plain':
                plain.send(sp.vnet_header() + sp.frame)
            else:
                os.write(tap, sp.vnet_header(24) + sp.frame)
            kernel = tcp_sums(sniffer.collect(sp.n_segments(), 1,
                                              lambda f: f[6:12] == SRC))
            problem = None if kernel else 'nothing came from the kernel'
            for prepared in (False, True):
                if not problem and fits(row, prepared):
                    mine = nics[prepared].sent(mbuf_of(sp))
                    problem = difference(kernel, tcp_sums(mine))
        except (OSError, RuntimeError) as e:
            problem = str(e)
        judge.case(name, problem)


def judge_tap(judge, nic, feed, tmp):
    rows = [dict(ROW, mss=mss, payload=payload, flags=flags, id=id_)
            for mss in (100, 536, 1400)
            for payload in (mss + 1, 2 * mss, 7 * mss, 40 * mss + 1)
            for flags in (ACK, ACK | PSH, ACK | FIN | PSH)
            for id_ in (1, 0xfffe)]
    if not judge.wants('tap'):
        return
    tap = Feed(feed, None, tmp, 'tap', 'net_tap0,iface=dtap0')
    sniffer = Sniffer('dtap0')
    for row in rows:
        name = 'tap mss=%d payload=%d flags=%#x id=%#x' % (
            row['mss'], row['payload'], row['flags'], row['id'])
        if not judge.wants(name):
            continue
        sp = Superpacket(row, name)
        sniffer.collect(0, 0)
        answer = tap.hand('send', mbuf_of(sp))
        theirs = sniffer.collect(sp.n_segments(), 1,
                                 lambda f: f[6:12] == SRC)
        judge.case(name, answer != 'sent' and answer
                   or difference(tcp_sums(theirs),
                                 tcp_sums(nic.sent(mbuf_of(sp)))))
    tap.end()


def same_inside(frames, sp):
    """Are these, behind a tunnel header, the segments of 'sp'?"""
    want = list(sp.segments())
    if len(frames) != len(want):
        return '%d segments, not %d' % (len(frames), len(want))
    for i, (frame, expected) in enumerate(zip(frames, want)):
        if not frame.endswith(expected):
            return 'segment %d is wrong' % i
    return None


def judge_sums(judge, nics, tmp):
    """Writes all frames to sums.pcap."""
    all_frames = []
    for prepared in (False, True):
        for kind in ('gre', 'ipip', 'udp', 'ip'):
            for outer in (4, 6):
                for ip in (4, 6):
                    name = 'sums %s outer=%d ip=%d prepared=%s' % (
                        kind, outer, ip, prepared)
                    if not judge.wants(name):
                        continue
                    m, sp = other_tunnel(kind, outer, ip, 9999)
                    frames = nics[prepared].sent(m)
                    if kind == 'ipip':
                        sp = Superpacket(sp.row, 'ipip', macs=(INNER_SRC,
                                                               DST))
                        want = [f[14:] for f in sp.segments()]
                        problem = (None if [f[14 + m.outer_l3:]
                                            for f in frames] == want
                                   else 'inner packets are wrong')
                    else:
                        problem = same_inside(frames, sp)
                    for frame in frames:
                        length = len(frame) - 14 - (40 if outer == 6 else 0)
                        at = 14 + (2 if outer == 4 else 4)
                        if struct.unpack_from('!H', frame, at)[0] != length:
                            problem = 'outer length is wrong'
                        problem = problem or ', '.join(
                            checksum_errors(frame, zero_ok=outer == 4))
                    if kind in ('gre', 'udp'):
                        all_frames += frames
                    judge.case(name, problem)
        # Not cut: the superpacket itself, if its checksums are asked for.
        for encap in ('plain', 'vxlan', 'geneve'):
            for outer in (4, 6):
                for ip in (4, 6):
                    for l4 in ('tcp', 'udp'):
                        name = 'sums only %s outer=%d ip=%d %s prepared=%s' % (
                            encap, outer, ip, l4, prepared)
                        if not judge.wants(name):
                            continue
                        row = dict(ROW, encap=encap, outer=outer, ip=ip,
                                   l4=l4, payload=1000, mss=1400)
                        m = mbuf_of(Superpacket(row, name))
                        m.flags = (m.flags & ~(TCP_SEG | UDP_SEG)
                                   | (UDP_CKSUM if l4 == 'udp'
                                      else TCP_CKSUM))
                        m.segsz = 0
                        frames = nics[prepared].sent(m)
                        all_frames += frames
                        problem = ', '.join(checksum_errors(frames[0]))
                        if len(frames) != 1 or len(frames[0]) != len(m.frame):
                            problem = 'it has been cut'
                        judge.case(name, problem)
    # A UDP checksum that comes out as zero is sent as 0xffff: the sum over
    # everything else is put into the payload.
    if judge.wants('sums zero'):
        sp = Superpacket(dict(ROW, l4='udp', payload=1000, mss=1400), 'zero')
        f = bytearray(sp.frame)
        f[sp.hdr_len:sp.hdr_len + 2] = b'\0\0'
        rest = 0xffff - ones_sum(bytes(f[sp.l4_ofs:]))
        struct.pack_into('!H', f, sp.hdr_len, rest)
        m = mbuf_of(sp).but(frame=bytes(f), segsz=0,
                            flags=UDP_CKSUM | IPV4 | IP_CKSUM)
        frames = nics[True].sent(m)
        all_frames += frames
        judge.case('sums zero', None if frames[0][sp.l4_ofs + 6:][:2]
                   == b'\xff\xff' else frames[0][sp.l4_ofs:][:8].hex())
    # Segments of mbufs make no difference, if the headers are in the first.
    sp = Superpacket(dict(ROW, encap='vxlan', payload=9999), 'parts')
    if judge.wants('sums parts'):
        m = mbuf_of(sp)
        whole = nics[True].sent(m)
        split = nics[True].sent(m.but(parts=(sp.hdr_len, 1, 1400, 3001)))
        # Nothing in the packet differs, so nothing on the wire may.
        judge.case('sums parts', None if whole == split else 'not the same')
    pcap_write(os.path.join(tmp, 'sums.pcap'), all_frames)


def judge_preset(judge, make):
    """The checksum fields that tx_prepare leaves behind."""
    rows = {
        'plain': dict(ROW),
        'vxlan4': dict(ROW, encap='vxlan'),
        'vxlan6': dict(ROW, encap='vxlan', outer=6, ip=6),
        'vxlan4 off': dict(ROW, encap='vxlan', csum=False),
        'vxlan6 udp': dict(ROW, encap='vxlan', outer=6, l4='udp'),
        'geneve6 off': dict(ROW, encap='geneve', outer=6, csum=False, ip=6),
    }
    nics = {preset: make('preset-' + preset, 'caps=all,preset=' + preset)
            for preset in ('none', 'old', 'lts', 'new', 'lib')}
    for title, row in rows.items():
        if not judge.wants('preset ' + title):
            continue
        sp = Superpacket(row, title)
        for tso in (True, False):
            m = mbuf_of(sp)
            if not tso:
                m.flags = (m.flags & ~(TCP_SEG | UDP_SEG)
                           | (UDP_CKSUM if row['l4'] == 'udp' else TCP_CKSUM))
            # A sum that somebody has computed, to see whether it survives.
            outer_udp = sp.outer_l4_ofs + 6
            if row['encap'] != 'plain':
                f = bytearray(m.frame)
                struct.pack_into('!H', f, outer_udp, 0xbeef)
                m.frame = bytes(f)
            done = {preset: bytes.fromhex(nic.hand('prepare', m).split()[1])
                    for preset, nic in nics.items()}
            problem = None
            if done['none'] != m.frame:
                problem = 'none changes bytes'
            if done['lib'] not in (done['old'], done['lts'], done['new']):
                problem = 'the library does something else'
            if row['encap'] != 'plain':
                field = {preset: frame[outer_udp:outer_udp + 2].hex()
                         for preset, frame in done.items()}
                same = {preset: frame[:outer_udp] + frame[outer_udp + 2:]
                        for preset, frame in done.items()}
                if same['old'] != same['lts'] or (row['l4'] != 'udp' and
                                                  same['lts'] != same['new']):
                    problem = 'presets differ elsewhere'
                if field['old'] != 'beef':
                    problem = 'old touches the outer UDP checksum'
                if (row['csum'] and row['l4'] != 'udp'
                        and field['new'] != field['lts']):
                    problem = 'new is not as lts'
                if row['csum'] and field['lts'] == 'beef':
                    problem = 'lts leaves what was there'
                if not row['csum'] and field['new'] != '0000':
                    problem = 'new does not zero'
                if not row['csum'] and field['lts'] != 'beef':
                    problem = 'lts touches what was not asked for'
            judge.case('preset %s tso=%s' % (title, tso), problem)
    for nic in nics.values():
        nic.end()


def main(feed, plugin, out_if, in_if, tap_if, tmp, part=''):
    judge = Judge(part)

    def make(name, devargs, offloads=0):
        return Feed(feed, plugin, tmp, name, devargs, offloads)

    nics = {True: make('new', 'caps=all,preset=new'),
            False: make('none', 'caps=all,preset=none')}
    judge_kernel(judge, nics, out_if, in_if, tap_if)
    judge_tap(judge, nics[True], feed, tmp)
    judge_sums(judge, nics, tmp)
    for nic in nics.values():
        if judge.wants('mbufs'):
            info = nic.info()
            judge.case('mbufs', (info[3] or info[4]) and str(info))
        nic.end()
    judge_preset(judge, make)
    judge_bad(judge, make)
    print('%d passed, %d failed, %d skipped'
          % (judge.passed, judge.failed, judge.skipped))
    sys.exit(1 if judge.failed or not judge.passed else 0)


if __name__ == '__main__':
    if len(sys.argv) not in (7, 8):
        sys.exit(__doc__)
    main(*sys.argv[1:])
