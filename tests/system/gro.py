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
"""Linux' selftest gro.c, with something in between that merges.

usage: gro.py list [--nested] SOURCE-DIR
       gro.py run [OPTION...] PROGRAM PRELOAD SENDER WIRE-IN WIRE-OUT RECEIVER
              FAMILY/TEST...

"list" prints "FAMILY/TEST" for each test that a version of gro.c has for IPv4
and IPv6; for IP in IP and PPPoE if it is to be nested.

"run" runs tests: PROGRAM sends on SENDER and receives on RECEIVER.  On their
way, the frames come out on WIRE-IN, one by one.  This program is the wire: it
keeps them until the test sleeps, or has come to its end, and then writes them
to WIRE-OUT without a pause.  All are NAMESPACE/DEVICE.  The options:

    --stop PID CONTROL GATE   ovs-vswitchd, its unixctl socket, and its port at
                              the end of the wire, NAMESPACE/DEVICE: it is
                              stopped until all is in that port's socket, so
                              that one receive call gets it, and has to be done
                              with that before the test goes on
    --settle MS               that long after the last frame, what comes next
                              does not meet it
    --tries N                 a test that does not pass is tried again
    --warm                    each test is run before, when the datapath has no
                              flow for its packets: then they are handled one
                              by one, so that "less" does not count
    --go-on                   old versions: one program has several tests

Nothing else in here depends on time.  Prints for each test, and for each part
of a test of old versions,

    FAMILY/TEST RESULT FRAMES PACKETS WHAT

FRAMES that were sent, PACKETS that became of them; WHAT was received, and what
should have been.  RESULT is

    pass  what should have been
    less  as many packets or more, of which some have other sizes
    over  merged too much: all bytes, in less packets
    lost  less or more bytes, before the FIN
"""

import argparse
import ast
import collections
import ctypes
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time

SECONDS = 10

ETH_P_IP = 0x0800
ETH_P_IPV6 = 0x86dd
ETH_P_PPP_SES = 0x8864
PROTOCOLS = ETH_P_IP, ETH_P_IPV6, ETH_P_PPP_SES
SO_RCVBUFFORCE = 33
CLONE_NEWNET = 0x40000000

# None is a device's own: no kernel takes the packets for itself.
MACS = ['--smac', 'aa:00:00:00:00:02', '--dmac', 'aa:00:00:00:00:01']

Result = collections.namedtuple('Result', 'name word packets what')


# ---------------------------------------------------------------------------
# Which tests there are.
# ---------------------------------------------------------------------------

def receiver_tests(path):
    """The names that the receiver of gro.c compares its --test with."""
    with open(path, encoding='utf-8') as f:
        receiver = f.read().split('static void gro_receiver(')[1]
    receiver = receiver.split('\nstatic ')[0]
    return re.findall(r'strcmp\(testname, "(\w+)"\) == 0', receiver)


def lists_of(path):
    """What gro.py, which runs gro.c in new versions, has in its lists
    NAME_tests: those for each family, for IPv4, for IPv6, for PPPoE."""
    lists = {}
    if path:
        with open(path, encoding='utf-8') as f:
            tree = ast.parse(f.read())
        for node in ast.walk(tree):
            if (isinstance(node, ast.Assign)
                    and isinstance(node.targets[0], ast.Name)
                    and node.targets[0].id.endswith('_tests')):
                lists[node.targets[0].id] = ast.literal_eval(node.value)
    return [lists.get(word + '_tests', [])
            for word in ['common', 'ipv4', 'ipv6', 'pppoe']]


def find(top, name):
    paths = [os.path.join(d, name) for d, _, files in os.walk(top)
             if name in files]
    return paths[0] if paths else None


def print_tests(top, nested):
    common, ipv4, ipv6, pppoe = lists_of(find(top, 'gro.py'))
    if nested:
        families = {'ipip': common + ipv4, 'ip6ip6': common,
                    'pppoev4': pppoe, 'pppoev6': pppoe}
    else:
        # Those that gro.py runs in its own way are in none of its lists.
        tests = receiver_tests(find(top, 'gro.c'))
        only = set(ipv4 + ipv6 + pppoe) - set(common)
        families = {'ipv4': [t for t in tests if t not in only or t in ipv4],
                    'ipv6': [t for t in tests if t not in only or t in ipv6]}
    for family, tests in families.items():
        for test in tests:
            print('%s/%s' % (family, test))


# ---------------------------------------------------------------------------
# Namespaces and sockets.
# ---------------------------------------------------------------------------

def in_netns(name, function, *args):
    """Calls it there; a socket stays where it was made."""
    libc = ctypes.CDLL(None, use_errno=True)
    here = os.open('/proc/self/ns/net', os.O_RDONLY)
    there = os.open('/run/netns/' + name, os.O_RDONLY)
    if libc.setns(there, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), 'setns ' + name)
    try:
        return function(*args)
    finally:
        libc.setns(here, CLONE_NEWNET)
        os.close(here)
        os.close(there)


def until(what, done):
    """Polls, because nobody tells."""
    end = time.monotonic() + SECONDS
    while not done():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(.0005)


def packet_sockets(pid):
    """Yields (protocol, device's number, bytes that are queued) of each packet
    socket in the network namespace of a process."""
    with open('/proc/%d/net/packet' % pid, encoding='ascii') as f:
        for line in list(f)[1:]:
            words = line.split()
            yield int(words[3], 16), int(words[4]), int(words[6])


class Gate:
    """Takes what comes in on a device, but for multicast.  The kernel gives
    each packet to sockets for one protocol after those for all protocols, such
    as Open vSwitch's: what is here is in there."""

    def __init__(self, where):
        namespace, device = where.split('/')
        self.sockets = []
        for protocol in PROTOCOLS:
            s = in_netns(namespace, socket.socket, socket.AF_PACKET,
                         socket.SOCK_RAW, 0)
            s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
            in_netns(namespace, s.bind, (device, protocol))
            s.setblocking(False)
            self.sockets.append(s)

    def empty(self):
        for s in self.sockets:
            try:
                while True:
                    s.recv(1)
            except BlockingIOError:
                pass

    def take(self, n):
        """Returns the next 'n' frames."""
        frames = []
        end = time.monotonic() + SECONDS
        while len(frames) < n:
            left = max(end - time.monotonic(), 0)
            ready = select.select(self.sockets, [], [], left)[0]
            if not ready:
                raise TimeoutError('%d of %d frames have come'
                                   % (len(frames), n))
            frame = ready[0].recv(65535)
            if not frame[0] & 1:
                frames.append(frame)
        return frames


def exit_to(where):
    namespace, device = where.split('/')
    s = in_netns(namespace, socket.socket, socket.AF_PACKET,
                 socket.SOCK_RAW, 0)
    in_netns(namespace, s.bind, (device, 0))
    return s


class Switch:
    """An ovs-vswitchd that can be stopped."""

    def __init__(self, pid, control, gate):
        self.pid = int(pid)
        self.control = control
        self.gate = Gate(gate)

    def state(self):
        for task in os.listdir('/proc/%d/task' % self.pid):
            with open('/proc/%d/task/%s/stat' % (self.pid, task),
                      encoding='utf-8') as f:
                yield f.read().rsplit(')', 1)[1].split()[0]

    def stop(self):
        self.gate.empty()
        os.kill(self.pid, signal.SIGSTOP)
        until('ovs-vswitchd does not stop', lambda: set(self.state()) == {'T'})

    def got(self, n):
        self.gate.take(n)

    def go_on(self):
        os.kill(self.pid, signal.SIGCONT)

    def finish(self):
        """Returns when it has done with all that it has been sent: it reads
        packets and answers in turns."""
        until('ovs-vswitchd does not receive', lambda: not any(
            queued for protocol, _, queued in packet_sockets(self.pid)
            if protocol not in PROTOCOLS))
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(SECONDS)
            s.connect(self.control)
            s.sendall(b'{"id":0,"method":"version","params":[]}')
            answer = b''
            while True:
                data = s.recv(4096)
                if not data:
                    raise ConnectionError('ovs-vswitchd hangs up')
                answer += data
                try:
                    json.loads(answer)
                    return
                except ValueError:
                    pass


# ---------------------------------------------------------------------------
# Results.
# ---------------------------------------------------------------------------

def compare(expected, received):
    """What is the result if packets with 'received' bytes of data arrive, not
    with 'expected'?"""
    if received == expected:
        return 'pass'
    if sum(received) != sum(expected):
        return 'lost'
    return 'over' if len(received) < len(expected) else 'less'


def sizes(text):
    """'100 [!=200]100 ' are two packets."""
    return [int(n) for n in re.sub(r'\[!=\d+\]', ' ', text).split()]


def words(numbers):
    return '+'.join(map(str, numbers)) or 'nothing'


def slug(title):
    return re.sub(r'\W+', '_', title.lower()).strip('_')


def parse(name, status, text, n_data, go_on):
    """The receiver has ended with 'status' and has printed 'text'."""
    text = text.replace('\0', '').replace('ready\n', '')
    stats = re.search(r'STATS: received=(\d+) wire=(\d+)', text)
    if stats:
        packets, wire = map(int, stats.groups())
        word = ('pass' if status == 0 else
                'less' if wire == n_data else 'lost')
        yield Result(name, word, packets, stats[0].replace(' ', ','))
        return
    parts = list(re.finditer(r'(?:([^\n{}]*): *)?Expected \{([^}]*)\}[^\n]*\n'
                             r'Received \{([^}\n]*)(\}?)', text))
    for i, part in enumerate(parts):
        expected, received = sizes(part[2]), sizes(part[3])
        word = compare(expected, received) if part[4] else 'lost'
        if word == 'pass' and status and not go_on:
            word = 'less'
        title = name
        if go_on:
            title += '/' + slug(part[1] or 'part %d' % (i + 1))
        yield Result(title, word, len(received),
                     '%s,expected:%s' % (words(received), words(expected)))
    if not parts or (status not in (0, 1, 42)):
        raise RuntimeError('%s: exit status %d: %s' % (name, status, text))


# ---------------------------------------------------------------------------
# Tests.
# ---------------------------------------------------------------------------

class NoSwitch:
    """Whoever merges need not be stopped."""
    def stop(self):
        pass

    got = go_on = finish = lambda self, *args: None


class Runner:
    def __init__(self, args):
        self.args = args
        self.wire_in = Gate(args.wire_in)
        self.wire_out = exit_to(args.wire_out)
        self.switch = Switch(*args.stop) if args.stop else NoSwitch()

    def start(self, side, test, env, extra=(), **kwargs):
        family, name = test.split('/')
        namespace, device = side.split('/')
        return subprocess.Popen(
            ['ip', 'netns', 'exec', namespace,
             'env', 'LD_PRELOAD=' + self.args.preload, env,
             self.args.program, '--' + family, '--test', name,
             '--iface', device, '--verbose', *MACS, *extra], **kwargs)

    def receiver(self, test):
        receiver = self.start(
            self.args.receiver, test,
            'GRO_GO_ON=1' if self.args.go_on else 'GRO_STOP=1', ['--rx'],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

        # Here and in there nobody else has such sockets.
        until('the receiver does not listen', lambda: any(
            protocol and device
            for protocol, device, _ in packet_sockets(receiver.pid)))
        return receiver

    def deliver(self, frames):
        """All of these at once."""
        self.switch.stop()
        try:
            for frame in frames:
                self.wire_out.send(frame)
            self.switch.got(len(frames))
        finally:
            self.switch.go_on()
        self.switch.finish()
        time.sleep(self.args.settle / 1000)

    def send(self, test):
        """Returns how many frames the sender has sent, without FINs."""
        ours, its = socket.socketpair()
        ours.settimeout(SECONDS)
        frames = []
        n_data = 0
        self.wire_in.empty()
        with ours:
            sender = self.start(self.args.sender, test,
                                'GRO_PAUSE_FD=%d' % its.fileno(),
                                pass_fds=[its.fileno()],
                                stdout=subprocess.DEVNULL)
            its.close()
            while True:
                what = ours.recv(1)
                if not what:
                    break
                if what in b'df':
                    frames += self.wire_in.take(1)
                    n_data += what == b'd'
                if what in b'fp':
                    self.deliver(frames)
                    frames = []
                ours.sendall(b'.')
        if sender.wait():
            raise RuntimeError('%s: the sender ends with %d'
                               % (test, sender.returncode))
        return n_data

    def once(self, test):
        """Returns how many frames were sent, and the results."""
        receiver = self.receiver(test)
        try:
            n_data = self.send(test)
            text = receiver.communicate(timeout=SECONDS)[0].decode()
        finally:
            if receiver.poll() is None:
                receiver.kill()
                receiver.communicate()
        return n_data, {result.name: result for result in parse(
            test, receiver.returncode, text, n_data, self.args.go_on)}

    def tried(self, test):
        """Returns the best of several tries, but merging too much is no
        accident."""
        best = {}
        for _ in range(self.args.tries):
            n_data, results = self.once(test)
            for name, result in results.items():
                if name not in best or best[name].word not in ('pass', 'over'):
                    best[name] = result
            if all(r.word in ('pass', 'over') for r in best.values()):
                break
        return n_data, best

    def run(self, test):
        worst = {}
        if self.args.warm:
            worst = {name: result
                     for name, result in self.once(test)[1].items()
                     if result.word in ('over', 'lost')}
        n_data, results = self.tried(test)
        results.update(worst)
        for result in results.values():
            print(result.name, result.word, n_data, result.packets,
                  result.what, flush=True)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    commands = parser.add_subparsers(dest='command', required=True)
    tests = commands.add_parser('list')
    tests.add_argument('--nested', action='store_true')
    tests.add_argument('top')
    run = commands.add_parser('run')
    run.add_argument('--stop', nargs=3)
    run.add_argument('--settle', type=float, default=0)
    run.add_argument('--tries', type=int, default=1)
    run.add_argument('--warm', action='store_true')
    run.add_argument('--go-on', action='store_true')
    for word in ['program', 'preload', 'sender', 'wire_in', 'wire_out',
                 'receiver']:
        run.add_argument(word)
    run.add_argument('tests', nargs='+')
    args = parser.parse_args()
    if args.command == 'list':
        print_tests(args.top, args.nested)
    else:
        runner = Runner(args)
        for test in args.tests:
            runner.run(test)


if __name__ == '__main__':
    sys.exit(main())
