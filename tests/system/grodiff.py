# Licensed under the Apache License, Version 2.0; see LICENSE.
"""grodiff.py OVSTEST ENCAP N SEED SENDER RECEIVER

N random lists of packets go through the kernel's GRO and through ours, which
must make the same superpackets of them, but for differences that are listed in
grodiff_rules.py.  They are numbers SEED and following of `ovstest test-tnl-gso
gro-diff`, which also says what ours makes of them.

SENDER and RECEIVER are NAMESPACE/DEVICE.  What is sent on the one arrives at a
device with GRO; the other is that device, or for a tunnel the one behind it,
from which superpackets are read with vnet headers.  The device with GRO holds
packets until a clock tick, so all are sent between two of them.

What a superpacket stands for is found out by cutting it, as the kernel would
(tso_cut()): ours must give the packets that were sent, byte by byte.  The
kernel's may differ from them in fields that it loses; the packets are then
known by their data."""

import collections
import itertools
import select
import socket
import struct
import subprocess
import sys
import time

import grodiff_rules
from gropackets import (CWR, Packet, decap, decap_ecn, decapsulate,
                        tso_cut, without_lengths)
from gro import SO_RCVBUFFORCE, in_netns

# From the kernel's headers.
ETH_P_ALL = 3
SO_SNDBUFFORCE = 32
SOL_PACKET = 263
PACKET_AUXDATA, PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING = 8, 15, 23
TP_STATUS_VLAN_VALID, TP_STATUS_VLAN_TPID_VALID = 1 << 4, 1 << 6
GSO_TYPES = {4: 1, 6: 4}        # Of struct virtio_net_hdr, by IP version.
GSO_ECN = 0x80
CLOCK_MONOTONIC_COARSE = 6      # It goes on with each clock tick.

# Nothing more comes after this many seconds: the device with GRO waits for one
# millisecond.
IDLE = .008
TRIES = 100


class Out:
    """A packet as it goes on: 'mss' is 0 if it is no superpacket, 'gso' its
    type for the kernel, which does not say whether IDs are fixed."""

    def __init__(self, frame, mss, fixed_id=False, gso=None):
        self.frame, self.mss, self.fixed_id = frame, mss, fixed_id
        self.gso, self.ours = gso, gso is None
        self.units = []         # What it stands for.
        self.lost = {}          # Of a unit: names of fields that differ.
        self.pieces = []


class Unit:
    """A packet that was sent."""

    def __init__(self, number, frame, tunnel):
        self.number = number
        self.outer, inner = decapsulate(frame) if tunnel else (b'', frame)
        self.frame = frame
        self.readable = inner is not None
        self.packet = Packet(inner if self.readable else frame)
        self.ours = self.packet.frame
        # What comes out of the kernel's tunnel device, if anything.
        self.kernel, self.dropped = self.ours, None
        if tunnel:
            self.dropped = grodiff_rules.why_dropped(self)
            # If that is what is wrong, it may be merged nevertheless.
            if self.dropped in (None, grodiff_rules.OUTER_LENGTH):
                self.kernel = decap(self.outer, self.packet)
            else:
                self.kernel = None
        # What packets have in common that are merged.
        self.way = (without_lengths(self.outer) if tunnel and self.readable
                    else self.outer)


class List:
    def __init__(self, seed, how):
        self.seed, self.how = seed, how
        self.units = []
        self.ours = []
        self.error = None


def read_lists(stream, tunnel):
    current = None
    error = None
    for line in stream:
        words = line.split()
        if words[0] == 'error':
            error = line.strip()
        elif words[0] == 'list':
            current = List(int(words[1]), ' '.join(words[2:]))
            current.error, error = error, None
        elif words[0] == 'in':
            current.units.append(Unit(len(current.units),
                                      bytes.fromhex(words[3]), tunnel))
        elif words[0] == 'out':
            frame = bytes.fromhex(words[3])
            if tunnel:
                inner = decapsulate(frame)[1]
                frame = frame if inner is None else inner
            current.ours.append(Out(frame, int(words[1]), words[2] == '1'))
        elif words[0] == 'end':
            yield current


# ---------------------------------------------------------------------------
# The kernel.
# ---------------------------------------------------------------------------

class Kernel:
    def __init__(self, sender, receiver):
        self.out = self.socket(sender, 0)
        self.back = self.socket(receiver, ETH_P_ALL)
        self.retries = 0

    @staticmethod
    def socket(where, protocol):
        namespace, device = where.split('/')
        s = in_netns(namespace, socket.socket, socket.AF_PACKET,
                     socket.SOCK_RAW, 0)
        if not protocol:
            # Does not wait for what the device with GRO holds.
            s.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 1 << 28)
        else:
            s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 28)
            s.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
            s.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
            s.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        in_netns(namespace, s.bind, (device, protocol))
        return s

    def one(self):
        data, aux, _, _ = self.back.recvmsg(1 << 17, 256)
        _, gso_type, _, mss, _, _ = struct.unpack_from('=BBHHHH', data)
        frame = data[10:]
        for level, kind, value in aux:
            if level == SOL_PACKET and kind == PACKET_AUXDATA:
                status, _, _, _, _, tci, tpid = struct.unpack('=IIIHHHH',
                                                              value)
                if status & TP_STATUS_VLAN_VALID:
                    if not status & TP_STATUS_VLAN_TPID_VALID:
                        tpid = 0x8100
                    frame = (frame[:12] + struct.pack('>HH', tpid, tci)
                             + frame[12:])
        return Out(frame, mss if gso_type else 0, gso=gso_type)

    def receive(self, n):
        """Returns what comes until nothing more does, or 'n' packets, with
        each in a superpacket."""
        outs = []
        while n > 0 and select.select([self.back], [], [], IDLE)[0]:
            out = self.one()
            n -= 1
            if out.mss:
                n -= (len(Packet(out.frame).payload) - 1) // out.mss
            outs.append(out)
        return outs

    def once(self, frames):
        """Returns whether all have been sent within one tick."""
        clock = CLOCK_MONOTONIC_COARSE
        before = time.clock_gettime(clock)
        while time.clock_gettime(clock) == before:
            pass
        before = time.clock_gettime(clock)
        for frame in frames:
            self.out.send(frame)
        return time.clock_gettime(clock) == before

    def merge(self, frames, n):
        """Returns what the kernel makes of 'frames', of which 'n' come
        through."""
        for _ in range(TRIES):
            good = self.once(frames)
            outs = self.receive(n)
            while select.select([self.back], [], [], 0)[0]:
                outs.append(self.one())
            if good:
                return outs
            self.retries += 1
        raise TimeoutError('%d packets take longer than a tick' % len(frames))


# ---------------------------------------------------------------------------
# What superpackets stand for.
# ---------------------------------------------------------------------------

def take(units, taken, good, behind=-1):
    """Takes the first of the 'units' that are left, behind number 'behind',
    and 'good', or none."""
    for unit in units[behind + 1:]:
        if unit.number not in taken and good(unit):
            taken.add(unit.number)
            return unit
    return None


def alike(piece, side):
    """Is a unit 'piece' but for some fields of its headers?"""
    def good(unit):
        frame = getattr(unit, side)
        packet = Packet(frame or b'')
        return (piece.key is not None and packet.key == piece.key
                and packet.seq == piece.seq
                and packet.payload == piece.payload
                and len(frame) == len(piece.frame))
    return good


def assign_exact(out, units, side, taken, fixed_id, near):
    """Stores in 'out' what it stands for, with None for each piece that is not
    in 'units'.  Returns how bad that is, and the units that are taken then.
    Where several are alike, with 'near' takes those that are near each other,
    otherwise the first."""
    out.fixed_id = fixed_id
    packet = Packet(out.frame)
    out.pieces = (tso_cut(packet, out.mss, fixed_id)
                  if out.mss and packet.key else [packet])
    best = None

    def good(unit, piece, start):
        return (getattr(unit, side) == piece.frame
                and (out.ours or out.mss or not unit.dropped)
                and (out.ours or not out.mss
                     or not grodiff_rules.no_candidate(unit))
                and (start is None or unit.way == start.way))

    for start in [u for u in units if u.number not in taken
                  and good(u, out.pieces[0], None)] or [None]:
        now, found = set(taken), [start]
        if start is not None:
            now.add(start.number)
        for piece in out.pieces[1:]:
            last = max((u.number for u in found if u), default=-1)
            found.append(take(units, now, lambda u, p=piece, s=start:
                              good(u, p, s), last))
        numbers = [u.number for u in found if u] or [0]
        rank = found.count(None), near and numbers[-1] - numbers[0]
        if best is None or rank < best[0]:
            best, out.units = (rank, now), found
    return best


def unknown(outs, units, side):
    """Which of 'outs' is nothing that has been sent, and where is it not like
    the one of the 'units' that it is most like?  None if all have been."""
    for out in outs:
        if None in out.units:
            names = min((Packet(getattr(u, side)).differences(
                             Packet(out.frame))
                         for u in units if getattr(u, side) is not None),
                        key=lambda n: (n == ('length',), len(n)), default=())
            return ('something that was not sent: mss %d, %d bytes, which '
                    'differ in %s' % (out.mss, len(out.frame), names))
    return None


def assign_in_order(outs, units, side, singles, near, fixed):
    """Finds what 'outs' stand for, and returns how many are unknown, and how
    many are not what was sent.  What is taken first, where there is a choice:
    single packets, those near each other, fixed IDs?"""
    taken = set()
    for out in sorted(outs, key=lambda out: (out.mss != 0) == singles):
        out.lost = {}
        fixed_ids = ([out.fixed_id] if out.ours or not out.mss
                     else [False, True])
        ranks = [assign_exact(out, units, side, taken, fixed_id, near)[0]
                 for fixed_id in fixed_ids]
        fixed_id = fixed_ids[-1 if fixed and ranks[0] == ranks[-1] else
                             ranks.index(min(ranks))]
        taken = assign_exact(out, units, side, taken, fixed_id, near)[1]
    for out in outs:
        for i, (unit, piece) in enumerate(zip(out.units, out.pieces)):
            if unit is None and out.mss:
                unit = out.units[i] = take(units, taken, alike(piece, side))
                if unit is not None:
                    out.lost[unit.number] = Packet(
                        getattr(unit, side)).differences(piece)
    return (sum(out.units.count(None) for out in outs),
            sum(len(out.lost) for out in outs))


def assign(outs, units, side):
    """Finds what 'outs' stand for.  Where packets are alike, there may be
    several ways: yields each that is best, with what is wrong, or None."""
    ranks = []
    for way in itertools.product((False, True), (True, False), (False, True)):
        rank = assign_in_order(outs, units, side, *way)
        if rank == (0, 0):
            yield None
        ranks.append((rank, way))
    best = min(ranks)[0]
    for rank, way in ranks if best != (0, 0) else ():
        if rank == best:
            assign_in_order(outs, units, side, *way)
            yield unknown(outs, units, side)


def twins(units):
    """Do two packets look alike?  What comes out of the kernel does not tell
    them apart."""
    frames = [unit.kernel for unit in units if unit.kernel is not None]
    return len(set(frames)) < len(frames)


class Joins:
    """Which unit has been put behind which."""

    def __init__(self, outs):
        self.before = {}
        self.out = {}
        for out in outs:
            previous = None
            for unit in out.units:
                self.before[unit.number] = previous
                self.out[unit.number] = out
                previous = unit.number


# ---------------------------------------------------------------------------
# The judge.
# ---------------------------------------------------------------------------

class Judge:
    def __init__(self, tunnel):
        self.tunnel = tunnel
        self.counts = collections.Counter()
        self.passed = self.failed = self.undecided = 0
        self.n = collections.Counter()

    def ours_is_lossless(self, lst):
        """Yields the ways to read what ours has made, with what is wrong, or
        None."""
        sent = [u.number for u in lst.units]
        for error in assign(lst.ours, lst.units, 'ours'):
            got = [u for out in lst.ours for u in out.units]
            if not error and sorted(u.number for u in got) != sent:
                error = 'packets are lost'
            lost = [out.lost for out in lst.ours if out.lost]
            if not error and lost:
                error = 'cut again, %s differ' % lost
            yield error

    def same_superpacket(self, ours, kernel):
        """Both stand for the same packets.  What is different?"""
        unit = ours.units[0]
        frame = ours.frame
        if not ours.mss and not kernel.mss:
            return None
        if self.tunnel:
            frame = decap_ecn(unit.outer, Packet(frame))
        if ours.mss != kernel.mss:
            return 'mss %d, the kernel %d' % (ours.mss, kernel.mss)
        if len(ours.pieces) != len(kernel.pieces):
            return 'another number of segments'
        if frame != kernel.frame:
            return ('superpacket differs in %s'
                    % (Packet(kernel.frame).differences(Packet(frame)),))
        packet = Packet(frame)
        if kernel.gso != (GSO_TYPES[packet.version]
                          | (GSO_ECN if packet.flags & CWR else 0)):
            return 'gso_type %#x' % kernel.gso
        if ours.fixed_id != kernel.fixed_id:
            return 'IDs fixed: %s' % ours.fixed_id
        return None

    def compare(self, lst, kernel):
        """Yields (rule, text) for each difference; the rule is None if there
        is none that explains it."""
        ours = Joins(lst.ours)
        theirs = Joins(kernel)
        world = grodiff_rules.World(lst, ours, theirs)
        astray = {}
        for unit in lst.units:
            i, key = unit.number, unit.packet.key
            if i not in theirs.before:
                reason = unit.dropped
                yield ('kernel: dropped: %s' % reason if reason else None,
                       'unit %d does not come through' % i)
                if key is not None:
                    astray[key] = 'behind one that the kernel drops'
                continue
            a, b = ours.before[i], theirs.before[i]
            if a == b:
                if a is None:
                    astray.pop(key, None)
                continue
            if b is not None:
                rule = grodiff_rules.why_less(world, unit, b)
            else:
                rule = grodiff_rules.why_more(world, unit, a)
            rule = rule or astray.get(key)
            astray[key] = 'follows from one of these'
            yield rule, ('unit %d: ours behind %s, the kernel behind %s'
                         % (i, a, b))
        for out in kernel:
            if out.lost:
                names = sorted({n for v in out.lost.values() for n in v})
                yield ('kernel: merged, and lost: ' + ', '.join(names)
                       if names else None, 'the kernel has merged what it '
                       'should not look at: %s' % sorted(out.lost))
            mine = ours.out[out.units[0].number]
            if [u.number for u in mine.units] == [u.number
                                                  for u in out.units]:
                problem = self.same_superpacket(mine, out)
                if problem and not out.lost:
                    yield None, problem

    def read(self, lst, kernel):
        """Returns what is wrong, and the differences: in the way to read both
        that has the fewest that no rule explains."""
        best = None
        for error in self.ours_is_lossless(lst):
            if error:
                return ['ours: ' + error], []
            for error in assign(kernel, lst.units, 'kernel'):
                if error:
                    return ['the kernel: ' + error], []
                differences = list(self.compare(lst, kernel))
                n = sum(rule is None for rule, _ in differences)
                if best is None or n < best[0]:
                    best = n, differences
                if not n:
                    return [], differences
        return [text for rule, text in best[1] if rule is None], best[1]

    def judge(self, lst, kernel):
        wrong, differences = self.read(lst, kernel)
        if wrong and not wrong[0].startswith('ours: ') and twins(lst.units):
            wrong, differences = [], []
            self.undecided += 1
        problems = [lst.error] * bool(lst.error) + wrong
        for rule, _ in differences:
            self.counts[rule or 'UNEXPLAINED'] += 1
        self.n['packets'] += len(lst.units)
        for side, outs in ('ours', lst.ours), ('kernel', kernel):
            supers = [out for out in outs if out.mss]
            self.n[side + ' superpackets'] += len(supers)
            self.n[side + ' merged'] += sum(len(o.units) for o in supers)
        return problems

    def verdict(self, lst, problems):
        if problems:
            self.failed += 1
            print('FAIL: list %d (%s): %s' % (lst.seed, lst.how, problems[0]))
            for problem in problems[1:]:
                print('  ' + problem)
        else:
            self.passed += 1


def main():
    ovstest, encap, n, seed, sender, receiver = sys.argv[1:]
    tunnel = encap != 'plain'
    kernel = Kernel(sender, receiver)
    judge = Judge(tunnel)
    with subprocess.Popen([ovstest, 'test-tnl-gso', 'gro-diff', encap, n,
                           seed], stdout=subprocess.PIPE,
                          encoding='ascii') as lists:
        for lst in read_lists(lists.stdout, tunnel):
            n_through = sum(not u.dropped for u in lst.units)
            for attempt in range(3):
                outs = kernel.merge([u.frame for u in lst.units], n_through)
                before = judge.counts.copy(), judge.n.copy(), judge.undecided
                problems = judge.judge(lst, outs)
                # A clock tick may have come in between nevertheless.
                if not problems or attempt == 2:
                    break
                judge.counts, judge.n, judge.undecided = before
            judge.verdict(lst, problems)
    if lists.returncode:
        sys.exit('ovstest: %d' % lists.returncode)
    print('%s: ' % encap
          + ', '.join('%s %d' % item for item in sorted(judge.n.items()))
          + ', sent again %d' % kernel.retries)
    for kind, count in sorted(judge.counts.items()):
        print('%8d  %s' % (count, kind))
    if judge.undecided:
        print('%8d  undecided: packets look alike'
              % judge.undecided)
    if judge.undecided > 1 + int(n) // 200:
        judge.failed += 1
        print('FAIL: that is too often')
    print('%d passed, %d failed' % (judge.passed, judge.failed))
    sys.exit(judge.failed != 0)


if __name__ == '__main__':
    main()
