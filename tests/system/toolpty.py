# Licensed under the Apache License, Version 2.0; see LICENSE.
"""A terminal for `ovs-tnl-gso top`, 100 columns wide.

    toolpty.py COMMAND...

Reads a line from its input, answers with one, "ok" or what is wrong:

    wait SECONDS REGEX   until the screen matches
    key KEYS             types them
    size COLUMNS LINES   another size
    settle SECONDS       until there is a screen of that size
    screen FILE          stores the screen
    end                  the command must have ended, with status 0, and the
                         terminal must be as it was

It knows the codes that may come, and no other."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time

CODE = re.compile('\033\\[(\\?\\d+[hl]|[\\d;]*[A-Za-z])')


class Screen:
    def __init__(self):
        self.main = True        # Not the other screen.
        self.cursor = True
        self.bold = False
        self.columns = self.soon = 100
        self.late = 0           # Screens that may be of another width.
        self.rows = ['']
        self.row = self.column = 0
        self.wrong = []

    def put(self, text):
        while text:
            m = CODE.match(text)
            if m:
                self.obey(m[1])
                text = text[m.end():]
            else:
                self.type(text[0])
                text = text[1:]

    def type(self, c):
        if c == '\r':
            self.column = 0
        elif c == '\n':
            self.row += 1
            self.rows += [''] * (self.row + 1 - len(self.rows))
        elif not c.isprintable():
            self.wrong.append('character %r' % c)
        else:
            line = self.rows[self.row].ljust(self.column)
            self.rows[self.row] = (line[:self.column] + c
                                   + line[self.column + 1:])
            self.column += 1
            if self.column == self.columns + 1:
                self.wrong.append('a line is too long: ' + line)

    def obey(self, code):
        if code in ('?1049h', '?1049l'):
            self.main = code == '?1049l'
        elif code in ('?25h', '?25l'):
            self.cursor = code == '?25h'
        elif code in ('1m', 'm'):
            self.bold = code == '1m'
        elif code == 'H':
            self.row = self.column = 0
            self.late -= self.late > 0
            if not self.late:
                self.columns = self.soon
        elif code == 'K':
            self.rows[self.row] = self.rows[self.row][:self.column]
        elif code == 'J':
            self.rows[self.row] = self.rows[self.row][:self.column]
            del self.rows[self.row + 1:]
        else:
            self.wrong.append('code %s' % code)


class Terminal:
    def __init__(self, command):
        self.screen = Screen()
        self.fd, slave = pty.openpty()
        self.slave = slave
        self.size(100, 30)
        self.before = termios.tcgetattr(slave)
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.rest = b''

    def size(self, columns, lines):
        # What is on its way, and what was measured before, has the old size.
        self.screen.soon = int(columns)
        self.screen.columns = max(self.screen.columns, self.screen.soon)
        self.screen.late = 3
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ,
                    struct.pack('HHHH', int(lines), int(columns), 0, 0))

    def read(self, seconds):
        """What comes until nothing has come for so long."""
        while select.select([self.fd], [], [], seconds)[0]:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                return
            self.rest += data
            text = self.rest.decode('utf-8', 'ignore')
            # A code that is not there in full.
            cut = re.search('\033(\\[[?\\d;]*)?$', text)
            keep = cut[0] if cut else ''
            self.rest = keep.encode()
            self.screen.put(text[:len(text) - len(keep)])
            seconds = .02

    def text(self):
        return '\n'.join(row.rstrip() for row in self.screen.rows)

    def wait(self, seconds, regex):
        end = time.monotonic() + float(seconds)
        while not re.search(regex, self.text(), re.M):
            if time.monotonic() > end:
                return 'no "%s" in: %s' % (regex,
                                           self.text().replace('\n', '|'))
            self.read(.05)
        return ''

    def settle(self, seconds):
        """Until there is a screen of the new size."""
        end = time.monotonic() + seconds
        while self.screen.late:
            if time.monotonic() > end:
                return 'no screen of the new size'
            self.read(.05)
        return ''

    def end(self):
        try:
            status = self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return 'it does not end'
        self.read(.1)
        s = self.screen
        if status or not s.main or not s.cursor or s.bold:
            return 'status %d, main screen %s, cursor %s, bold %s' % (
                status, s.main, s.cursor, s.bold)
        if termios.tcgetattr(self.slave) != self.before:
            return 'the terminal has other modes than before'
        return ', '.join(s.wrong[:3])

    def command(self, word, rest):
        if word == 'wait':
            return self.wait(*rest.split(' ', 1))
        elif word == 'key':
            os.write(self.fd, rest.encode())
        elif word == 'size':
            self.size(*rest.split())
        elif word == 'settle':
            return self.settle(float(rest))
        elif word == 'screen':
            with open(rest, 'w') as f:
                f.write(self.text() + '\n')
        elif word == 'end':
            return self.end()
        return ''


def main():
    terminal = Terminal(sys.argv[1:])
    for line in sys.stdin:
        word, _, rest = line.rstrip('\n').partition(' ')
        print(terminal.command(word, rest) or 'ok', flush=True)


main()
