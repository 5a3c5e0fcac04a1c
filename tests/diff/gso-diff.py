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
"""Compares our segments with those of the kernel, byte by byte.

    gso-diff.py OVSTEST OUT IN TAP|- TMPDIR [NAME-PART]

SEED in the environment chooses the random part of the matrix.

Runs inside a namespace that tests/run-diff has made: a superpacket that is
written to OUT, or to TAP with a 24-byte vnet header, is cut by the kernel on
its way out of OUT and arrives on IN.  OVSTEST cuts the same bytes with our code.
UDP superpackets go both ways too.

A case "train" is the other way round: OVSTEST makes trains of the superpacket,
which are written to OUT as they are, vnet header included, so that the kernel
cuts them by their outer UDP header.  The result must be our own segments, and
nothing is normalised.

Elsewhere, only these fields are normalised, everything else has to be the same:
  * outer IPv4 ID: counted from that of the first segment, since ours are drawn
    from a counter of our own; the header checksum is verified, then ignored;
  * a TCP checksum of 0xffff is the same as 0x0000 (RFC 1624): the kernel writes
    either, depending on which of its functions completes the checksum.
"""

import errno
import fcntl
import itertools
import os
import random
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '..', 'system'))
from frames import (ACK, CWR, DSTOPTS, ECE, ETH_P_8021AD,       # noqa: E402
                    ETH_P_8021Q, FIN, HOPOPTS, PSH, ROUTING, ROW, RST, SRC,
                    Sniffer, Superpacket, TCP, URG, inject_socket, ones_sum,
                    parse, pcap_read, pcap_write)

RANDOM = 500
TIMESTAMPS = bytes.fromhex('0101080a') + bytes.fromhex('11223344aabbccdd')
# MD5 is what fills all 40 bytes; its content is not looked at.
FULL = b'\x01\x01\x13\x12' + bytes(range(16)) + TIMESTAMPS + b'\x01' * 8
TAG = (ETH_P_8021Q, 0x6064)
OUTER_TAG = (ETH_P_8021AD, 0x0fff)
ROUTER_ALERT = bytes.fromhex('94040000')
HOP = (HOPOPTS, bytes.fromhex('050200000100'))
DEST = (DSTOPTS, bytes.fromhex('010c') + bytes(12))
# Segments left 0: the destination address is the final one.
SPENT_ROUTE = (ROUTING, bytes.fromhex('0000') + bytes(4) + bytes(16))

# The matrix.  Each of these is one case per combination of what is before it
# (kind, see below) and one or a few fields that differ from frames.ROW.
SIZES = [(mss, payload)
         for mss in (88, 536, 1400, 8900)
         for payload in (mss + 1, 2 * mss - 1, 2 * mss, 2 * mss + 1, 7 * mss,
                         7 * mss + 1)
         if payload < 64000]
LIMITS = [(1400, 64400), (1400, 65000), (1460, 65100), (1, 100), (7, 200),
          (32000, 64000), (1399, 13991), (64000, 65000)]
FLAGS = [ACK | PSH, ACK | FIN, ACK | FIN | PSH, ACK | CWR, ACK | ECE,
         ACK | CWR | ECE | PSH, ACK | URG, ACK | RST, 0,
         ACK | FIN | PSH | CWR | ECE | URG]
VARIANTS = (
    [dict(flags=f, urgent=77 if f & URG else 0) for f in FLAGS]
    + [dict(seq=s) for s in (0, 0xffffffff, 0xfffff000, 0x7fffff00)]
    + [dict(tcpopts=TIMESTAMPS), dict(tcpopts=FULL)]
    + [dict(tags=(TAG,))]
    + [dict(tos=t) for t in (1, 2, 3, 0xb8)]
    + [dict(ttl=1), dict(fill='zeros'), dict(fill='ones')]
    + [dict(fill='zeros', seq=0, payload=4201)]
)
VARIANTS4 = [
    dict(df=False), dict(id=0xfffe), dict(id=0xffff, df=False), dict(id=0),
    dict(ipopts=ROUTER_ALERT), dict(ipopts=ROUTER_ALERT + b'\x01' * 36),
]
VARIANTS6 = [
    dict(ext=(HOP,)), dict(ext=(DEST,)), dict(ext=(HOP, DEST)),
    dict(ext=(SPENT_ROUTE,)),
]
# The kernel cuts UDP into no more than 64 segments before Linux 6.9.
UDP_LIMITS = [(1400, 64400), (1460, 65100), (1, 64), (7, 200), (1000, 64000),
              (32000, 64000), (1399, 13991), (64000, 65000)]
UDP_VARIANTS = (
    [dict(tags=(TAG,))]
    + [dict(tos=t) for t in (1, 2, 3, 0xb8)]
    + [dict(ttl=1), dict(fill='zeros'), dict(fill='ones')]
    + [dict(fill='zeros', payload=4201)]
)
# Trains: one, two or many, a last one of a single segment, odd lengths.
TRAIN_SIZES = [(1400, 1401), (1400, 2800), (1400, 2801), (1448, 64000),
               (1448, 43 * 1448), (100, 6400), (100, 6401), (100, 12801),
               (1, 65), (1399, 30001), (32000, 64001), (20000, 60001)]
PLAIN = [dict(tags=(OUTER_TAG, TAG))]
OUTERS = [dict(outertos=3), dict(outertags=(TAG,)),
          dict(outertags=(TAG,), tags=(TAG,))]
OUTERS6 = [dict(outerext=(DEST,)), dict(outerext=(HOP, DEST))]
OUTERS4 = [dict(outerdf=False), dict(outerid=0xfffe, outerdf=False),
           dict(outerid=0xffff), dict(outerid=0)]


def parts_have(parts, *keys):
    return any(part.get(key) for part in parts for key in keys)


def rows(seed):
    """All rows of the matrix, then random ones."""
    def row(*parts):
        r = ROW.copy()
        r['train'] = False
        for p in parts:
            r.update(p)
        return r

    kinds = [dict(encap='plain', l4=l4, ip=ip)
             for l4, ip in itertools.product(('tcp', 'udp'), (4, 6))]
    kinds += [dict(encap=encap, outer=outer, csum=csum, l4=l4, ip=ip)
              for encap, outer, csum, l4, ip
              in itertools.product(('vxlan', 'geneve'), (4, 6), (True, False),
                                   ('tcp', 'udp'), (4, 6))]
    for kind in kinds:
        udp = kind['l4'] == 'udp'
        parts = [dict(mss=m, payload=p)
                 for m, p in SIZES + (UDP_LIMITS if udp else LIMITS)]
        parts += UDP_VARIANTS if udp else VARIANTS
        parts += VARIANTS4 if kind['ip'] == 4 else VARIANTS6
        if kind['encap'] == 'plain':
            parts += PLAIN
        else:
            parts += OUTERS
            parts += OUTERS4 if kind['outer'] == 4 else OUTERS6
        if kind['encap'] == 'geneve':
            parts += [dict(opts=n) for n in (4, 8, 128, 252)]
            parts += [dict(opts=252, mss=1400, payload=64000, tags=(TAG,))]
        for part in parts:
            yield row(kind, part)
        if kind.get('csum'):
            for part in ([dict(mss=m, payload=p) for m, p in TRAIN_SIZES]
                         + OUTERS
                         + (OUTERS4 if kind['outer'] == 4 else [])
                         + ([dict(opts=252)] if kind['encap'] == 'geneve'
                            else [])
                         + [dict(tags=(TAG,)), dict(fill='ones')]
                         + ([] if udp else [dict(flags=FLAGS[-1]),
                                            dict(tcpopts=FULL)])):
                yield row(kind, dict(train=True), part)

    # Anything with anything: each field from a different row of the above.
    rng = random.Random(seed)
    for _ in range(RANDOM):
        kind = rng.choice(kinds)
        udp = kind['l4'] == 'udp'
        parts = [rng.choice(UDP_VARIANTS if udp else VARIANTS)
                 for _ in range(4)]
        parts += [rng.choice(VARIANTS4 if kind['ip'] == 4 else VARIANTS6)
                  for _ in range(2)]
        if kind['encap'] != 'plain':
            parts += [rng.choice(OUTERS),
                      rng.choice(OUTERS4 if kind['outer'] == 4 else OUTERS6)]
        if kind['encap'] == 'geneve':
            parts += [dict(opts=4 * rng.randrange(64))]
        mss = rng.choice((rng.randrange(30, 1460), 1400, 1448, 8948))
        # A veth queues 1000 packets at most (net.core.netdev_max_backlog).
        longest = min(64000, (64 if udp else 900) * mss)
        parts += [dict(mss=mss, payload=rng.randrange(mss + 1, longest),
                       seq=rng.getrandbits(32), id=rng.getrandbits(16))]
        yield row(kind, *parts)
        if kind.get('csum') and not parts_have(parts, 'outerext', 'ext'):
            yield row(kind, dict(train=True), *parts)


def show(value):
    if isinstance(value, bytes):
        return '%dB' % len(value)
    if isinstance(value, tuple):
        return '+'.join('%x' % v[0] for v in value)
    if isinstance(value, bool):
        return 'yes' if value else 'no'
    return str(value)


def name_of(row):
    """A case's name is what its row says."""
    words = (['train'] if row['train'] else []) + [row['encap'], row['l4']]
    if row['encap'] != 'plain':
        words += ['outer=%d' % row['outer'], 'csum=' + show(row['csum'])]
    words += ['ip=%d' % row['ip']]
    words += ['mss=%d' % row['mss'], 'payload=%d' % row['payload']]
    words += ['%s=%s' % (key, show(value)) for key, value in row.items()
              if key not in ('encap', 'l4', 'outer', 'csum', 'ip', 'mss',
                             'payload', 'train')
              and value != ROW[key]]
    return ' '.join(words)


# The kernel's part.

IFF_TAP = 0x0002
IFF_NO_PI = 0x1000
IFF_VNET_HDR = 0x4000
TUNSETIFF = 0x400454ca
TUNSETOFFLOAD = 0x400454d0
TUNSETVNETHDRSZ = 0x400454d8
TUN_F_CSUM, TUN_F_TSO4, TUN_F_TSO6 = 1, 2, 4
TUN_F_UDP_TUNNEL_GSO, TUN_F_UDP_TUNNEL_GSO_CSUM = 0x80, 0x100


def tap_open(name):
    """Returns a tap that takes tunnelled superpackets, or None if this kernel
    has no such thing (before Linux 6.17)."""
    fd = os.open('/dev/net/tun', os.O_RDWR)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack('16sH22x', name.encode(),
                                           IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
    # The size first: with the offloads on, the driver refuses a smaller one.
    fcntl.ioctl(fd, TUNSETVNETHDRSZ, struct.pack('i', 24))
    try:
        fcntl.ioctl(fd, TUNSETOFFLOAD,
                    TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6
                    | TUN_F_UDP_TUNNEL_GSO | TUN_F_UDP_TUNNEL_GSO_CSUM)
    except OSError:
        os.close(fd)
        return None
    return fd


def takes_udp(sock):
    """Do packet sockets take UDP superpackets?"""
    sp = Superpacket(dict(ROW, l4='udp', mss=100, payload=200), 0)
    try:
        sock.send(sp.vnet_header() + sp.frame)
    except OSError as e:
        if e.errno != errno.EINVAL:
            raise
        return False
    return True


# Ours.

def ours(ovstest, sp, tmp, train=False):
    """Returns our segments of 'sp', or the trains that a kernel port would be
    written, vnet headers included."""
    in_ = os.path.join(tmp, 'in.pcap')
    out = os.path.join(tmp, 'out.pcap')
    pcap_write(in_, [sp.frame])
    if os.path.exists(out):
        os.unlink(out)
    args = ['train' if train else 'segment', sp.row['encap'],
            str(sp.row['mss'])]
    if not train:
        args += ['1' if sp.row['csum'] else '0']
    args += [in_, out] + (['udp'] if sp.row['l4'] == 'udp' else [])
    p = subprocess.run([ovstest, 'test-tnl-gso'] + args,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if p.returncode:
        raise RuntimeError('ovstest: exit %d: %s'
                           % (p.returncode,
                              p.stdout.decode(errors='replace').strip()))
    return pcap_read(out)


# The comparison.

def normalise(frames):
    """See the top of this file.  Raises ValueError if an outer IPv4 header
    checksum is wrong."""
    result = []
    first_id = None
    for i, frame in enumerate(frames):
        f = bytearray(frame)
        layers = parse(frame)
        if len(layers) > 1 and layers[0].version == 4:
            ofs = layers[0].ofs
            if ones_sum(frame[ofs:layers[0].l4_ofs]) != 0xffff:
                raise ValueError('segment %d: outer IPv4 checksum is wrong'
                                 % i)
            ip_id, = struct.unpack_from('!H', f, ofs + 4)
            first_id = ip_id if first_id is None else first_id
            struct.pack_into('!H', f, ofs + 4, (ip_id - first_id) & 0xffff)
            struct.pack_into('!H', f, ofs + 10, 0)
        if layers and layers[-1].proto == TCP:
            at = layers[-1].l4_ofs + 16
            if f[at:at + 2] == b'\xff\xff':
                f[at:at + 2] = b'\0\0'
        result.append(bytes(f))
    return result


def where(frame, ofs):
    """The name of the header in which offset 'ofs' lies."""
    place = 'Ethernet'
    for i, layer in enumerate(parse(frame)):
        if ofs >= layer.ofs:
            place = 'IPv%d[%d]+%d' % (layer.version, i, ofs - layer.ofs)
        if ofs >= layer.l4_ofs:
            place = 'L4[%d]+%d' % (i, ofs - layer.l4_ofs)
    return place


def difference(kernel, mine):
    """Returns None, or what differs first."""
    for i, (k, m) in enumerate(zip(kernel, mine)):
        if k == m:
            continue
        at = next((j for j, (a, b) in enumerate(zip(k, m)) if a != b),
                  min(len(k), len(m)))
        return ('segment %d of %d differs at byte %d (%s): kernel %s (%d '
                'bytes), ours %s (%d bytes)'
                % (i, len(kernel), at, where(k, at), k[at:at + 8].hex(),
                   len(k), m[at:at + 8].hex(), len(m)))
    if len(kernel) != len(mine):
        return '%d segments of the kernel, %d of ours' % (len(kernel),
                                                          len(mine))
    return None


def main(ovstest, out_if, in_if, tap_if, tmp, part=''):
    seed = int(os.environ.get('SEED', '1'))
    print('seed %d' % seed)
    passed = failed = skipped = 0
    plain = inject_socket(out_if)
    sniffer = Sniffer(in_if)
    tap = tap_open(tap_if) if tap_if != '-' else None
    udp_gso = takes_udp(plain)
    skip_reasons = set()
    for row in rows(seed):
        name = name_of(row)
        if part not in name:
            continue
        why = None
        if (row['l4'] == 'udp' or row['train']) and not udp_gso:
            why = ('UDP and trains: this kernel\'s packet sockets take no UDP '
                   'superpackets (Linux 6.2 does)')
        elif row['encap'] != 'plain' and not row['train'] and tap is None:
            why = ('all vxlan and geneve cases: '
                   + ('needs a tap, and tc with u32 and mirred'
                      if tap_if == '-' else
                      'this kernel\'s tap takes no tunnelled superpackets '
                      '(Linux 6.17 does)'))
        if why:
            skipped += 1
            if why not in skip_reasons:
                skip_reasons.add(why)
                print('SKIP: ' + why)
            continue
        sp = Superpacket(row, name)
        # What the last case may have left.
        sniffer.collect(0, 0)
        try:
            if row['train']:
                for frame in ours(ovstest, sp, tmp, train=True):
                    plain.send(frame)
            elif row['encap'] == 'plain':
                plain.send(sp.vnet_header() + sp.frame)
            else:
                os.write(tap, sp.vnet_header(24) + sp.frame)
            kernel = sniffer.collect(sp.n_segments(), 1,
                                     lambda f: f[6:12] == SRC)
            if not kernel:
                raise RuntimeError('nothing came from the kernel')
            mine = ours(ovstest, sp, tmp)
            problem = (difference(kernel, mine) if row['train'] else
                       difference(normalise(kernel), normalise(mine)))
        except (OSError, RuntimeError, ValueError) as e:
            problem = str(e)
        if problem:
            failed += 1
            print('FAIL: %s: %s' % (name, problem))
        else:
            passed += 1
    print('%d passed, %d failed, %d skipped' % (passed, failed, skipped))
    sys.exit(1 if failed or not passed else 0)


if __name__ == '__main__':
    if len(sys.argv) not in (6, 7):
        sys.exit(__doc__)
    main(*sys.argv[1:])
