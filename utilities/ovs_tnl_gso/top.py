# Licensed under the Apache License, Version 2.0; see LICENSE.

"""ovs-tnl-gso top: the rates of all tunnels and ports, live."""

import os
import select
import signal
import sys
import termios
import time
import tty

from .daemon import Error
from .metrics import Change, parse
from .view import SORTS, View

ENTER = '\033[?1049h\033[?25l'  # Another screen, without a cursor.
LEAVE = '\033[?25h\033[?1049l'
HOME, REST_OF_LINE, REST = '\033[H', '\033[K', '\033[J'
BOLD, NORMAL = '\033[1m', '\033[m'
KEYS = 'q: quit  s: sort by %s  a: %s  space: now'


class Scrape:
    """What ovs-vswitchd says at one time."""

    def __init__(self, daemon):
        self.socket = daemon.socket_name()
        self.metrics = parse(daemon.ask('tnl-gso/metrics'))
        self.time = time.monotonic()
        self.ports = daemon.ask('tnl-gso/show', '--brief', json=True)['ports']
        self.version = daemon.ask('version').split('\n')[0].split(' ')[-1]

    def pid(self):
        """As its socket is named."""
        parts = os.path.basename(self.socket).split('.')
        return parts[-2] if len(parts) > 2 else '-'


class Top:
    def __init__(self, daemon, interval, sort, everything):
        self.daemon = daemon
        self.interval = interval
        self.sort = sort
        self.everything = everything
        self.before = self.now = None
        self.gone = None
        self.note = ''

    def scrape(self):
        """Asks ovs-vswitchd.  It may be away, or another process than it
        was, whose counters have nothing to do with the ones before."""
        try:
            scrape = Scrape(self.daemon)
        except Error as e:
            self.gone = str(e)
            return
        if self.now and self.now.socket != scrape.socket:
            self.note = ('ovs-vswitchd was restarted before %s, all counters '
                         'have begun at zero' % time.strftime('%H:%M:%S'))
            self.now = None
        self.gone = None
        self.before, self.now = self.now, scrape

    def lines(self):
        """(text, is a heading) of each line of the screen."""
        yield '%-60s %s' % ('ovs-tnl-gso top - every %g s, sorted by %s' % (
            self.interval, self.sort), time.strftime('%H:%M:%S')), False
        if self.gone:
            yield '', False
            yield 'ovs-vswitchd does not answer: ' + self.gone, True
            return
        before = self.before or self.now
        view = View(Change(before.metrics, self.now.metrics,
                           self.now.time - before.time or 1),
                    self.now.ports, self.sort, self.everything)
        yield 'ovs-vswitchd %s, pid %s; %s' % (
            self.now.version, self.now.pid(), view.state()), False
        if self.note:
            yield self.note, True
        if not self.before:
            yield '', False
            yield 'The first rates come in %g s.' % self.interval, False
            return
        lines = list(view.lines())
        yield from lines or [('', False), ('Nothing moves.', False)]

    def once(self):
        """Prints one screen, without a terminal's codes."""
        # A reader that has seen enough, as head(1), is no error.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        self.scrape()
        if not self.gone:
            time.sleep(self.interval)
            self.scrape()
        if self.gone:
            sys.exit('ovs-tnl-gso: ' + self.gone)
        for text, _ in self.lines():
            print(text)

    def draw(self):
        width, height = os.get_terminal_size(sys.stdout.fileno())
        lines = list(self.lines())
        if len(lines) > height - 1:
            more = len(lines) - height + 2
            lines[height - 2:] = [('... %d more lines' % more, False)]
        lines.append((KEYS % (
            self.next_sort(), 'what moves' if self.everything
            else 'everything'), False))
        sys.stdout.write(HOME + '\n'.join(
            (BOLD if heading else '') + text[:width] + NORMAL + REST_OF_LINE
            for text, heading in lines[-height:]) + REST)
        sys.stdout.flush()

    def next_sort(self):
        return SORTS[(SORTS.index(self.sort) + 1) % len(SORTS)]

    def press(self, key):
        """Returns whether it is time to ask ovs-vswitchd again."""
        if key in 'qQ':
            sys.exit(0)
        elif key == 's':
            self.sort = self.next_sort()
        elif key == 'a':
            self.everything = not self.everything
        return key == ' '

    def wait(self, inputs, resized):
        """Until it is time to ask again; keys and another size are
        answered."""
        end = time.monotonic() + self.interval
        while True:
            left = end - time.monotonic()
            ready = select.select(inputs, [], [], max(left, 0))[0]
            if resized in ready:
                os.read(resized, 100)
            if 0 in ready:
                keys = os.read(0, 100).decode(errors='replace')
                if not keys or any([self.press(key) for key in keys]):
                    return
            if not ready:
                return
            self.draw()

    def live(self):
        """Until a key or a signal ends it."""
        if not sys.stdout.isatty() or not sys.stdin.isatty():
            sys.exit('ovs-tnl-gso: top needs a terminal, or --once')
        resized, resize = os.pipe()
        os.set_blocking(resize, False)
        signal.signal(signal.SIGWINCH, lambda *_: None)
        signal.set_wakeup_fd(resize, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        signal.signal(signal.SIGHUP, lambda *_: sys.exit(0))
        saved = termios.tcgetattr(0)
        try:
            tty.setcbreak(0)
            sys.stdout.write(ENTER)
            while True:
                self.scrape()
                self.draw()
                self.wait([0, resized], resized)
        except KeyboardInterrupt:
            pass
        finally:
            sys.stdout.write(LEAVE)
            sys.stdout.flush()
            termios.tcsetattr(0, termios.TCSADRAIN, saved)


def run(daemon, args):
    top = Top(daemon, args.interval, args.sort, args.all)
    if args.once:
        top.once()
    else:
        top.live()
