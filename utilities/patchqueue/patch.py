# Licensed under the Apache License, Version 2.0; see LICENSE.

"""The files of the queue, their hunks and their messages."""

import hashlib
import os
import re

from .common import QUEUE, Error, read, run

# A hunk in C is one call, one table row, one case or one include.  This many
# added lines are the most that such a thing takes with its braces and comment.
MAX_HUNK = 8


def queue_files():
    return sorted(f for f in os.listdir(QUEUE)
                  if re.fullmatch(r'\d{4}-.*\.patch', f))


def queue():
    """The queue as {file name: contents}, in order."""
    return {f: read(os.path.join(QUEUE, f)) for f in queue_files()}


def digest(patches):
    h = hashlib.sha256()
    for name, data in patches.items():
        h.update(b'%s %d\n' % (name.encode(), len(data)) + data)
    return h.hexdigest()


class Hunk:
    """One hunk of a patch: where it is, and its lines as (sign, text)."""
    def __init__(self, path, header):
        m = re.match(rb'@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@', header)
        self.path = path
        self.start, self.new_start = int(m.group(1)), int(m.group(3))
        self.left = [int(m.group(i) or 1) for i in (2, 4)]
        self.lines = []

    def add(self, line):
        sign = line[:1] or b' '
        self.lines.append((sign, line[1:]))
        self.left[0] -= sign in b' -'
        self.left[1] -= sign in b' +'

    @property
    def old(self):
        return [text for sign, text in self.lines if sign in b' -']

    @property
    def added(self):
        return sum(sign == b'+' for sign, text in self.lines)

    def deleted(self):
        """Line numbers, before the patch, of the lines that it deletes."""
        number = self.start
        for sign, text in self.lines:
            if sign == b'-':
                yield number
            number += sign in b' -'

    def fits_once(self, before):
        """True when no second place in the file (its lines) looks like the
        hunk's; one without context behind it is tied to the file's end."""
        old = self.old
        if self.lines[-1][0] != b' ' or self.start <= 1:
            return True
        return sum(before[i:i + len(old)] == old
                   for i in range(len(before) - len(old) + 1)) == 1


def parse(patch):
    """The hunks of a patch."""
    hunks, path = [], None
    for line in patch.split(b'\n'):
        if hunks and hunks[-1].left != [0, 0]:
            if not line.startswith(b'\\'):
                hunks[-1].add(line)
        elif line.startswith(b'--- a/'):
            path = line[6:].decode()
        elif line.startswith(b'@@ ') and path:
            hunks.append(Hunk(path, line))
    return hunks


def patch_tree(names, directory, path):
    """Applies patches as a distribution does; any fuzz is an Error, and
    so is an offset when the tree is the patches' own."""
    for name in names:
        r = run(['patch', '-p1', '-F0', '--no-backup-if-mismatch', '-i',
                 os.path.join(os.path.abspath(directory), name)],
                cwd=path, check=False)
        words = r.stdout.decode(errors='replace')
        if r.returncode or re.search(r'succeeded at|Reversed', words):
            raise Error('%s: %s' % (name, words.strip()))


def message(patch):
    """The message of a patch: (subject, body)."""
    head, _, text = patch.decode(errors='replace').partition('\n\n')
    subject = re.search(r'^Subject: (?:\[PATCH[^]]*\] )?(.*(?:\n .*)*)', head,
                        re.M).group(1).replace('\n', '')
    return subject, re.split(r'^(?:---$|diff --git )', text, flags=re.M)[0]


def trailers(patch, key):
    """The values of the trailers 'key: ...' of a patch.  A line that begins
    with a space continues the one before."""
    return [' '.join(value.split()) for value in
            re.findall(r'^%s: *(.*(?:\n[ \t]+\S.*)*)' % key,
                       message(patch)[1], re.M)]
