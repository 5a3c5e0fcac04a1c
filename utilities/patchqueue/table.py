# Licensed under the Apache License, Version 2.0; see LICENSE.

"""The table of datapath/README.rst: what each patch changes, what the new
lines call, and which test fails without it.  Made from the patches, and from
the "Test:" trailers of their messages."""

import os
import re
import textwrap

from .common import QUEUE, read
from .patch import message, parse, trailers

README = os.path.join(QUEUE, 'README.rst')
BEGIN = '.. The table is written by "make refresh".\n'
END = '.. The end of the table.\n'
TITLES = ('Patch', 'File: function', 'Calls', 'Test that fails without it')
# Of the columns; words are not broken.
WIDTHS = (5, 44, 30, 30)

# Functions that only exist because of us; csum_*() of ours are named.
OURS = re.compile(r'\b((?:tnl_(?:gso|rco)|netdev_(?:linux|dpdk|dummy)_'
                  r'(?:tnl|vnet|ufo|rx)|netdev_stt|stt|'
                  r'dp_packet_gso_count)\w*|csum_f(?:old|ast))\(')
# Lines that say nothing by themselves: includes, and the type of a function's
# value.
SILENT = re.compile(r' *#include|[\w *]+$')
COMMENT = re.compile(r'/\*.*?(\*/|$)|^ +\*.*')
FUNCTION = re.compile(r'^(\w+)\(|^(?:static |const |OVS_\w+ )*(?:struct|enum)'
                      r'(?: OVS_\w+)? (\w+)(?: \w+\[.*\] =)? \{')


def enclosing(lines, number):
    """The function, or the type, that line 'number' of a C file is in."""
    for i in range(number, -1, -1):
        m = FUNCTION.match(lines[i])
        if m:
            return m.group(1) + '()' if m.group(1) else m.group(2)
        if lines[i].startswith('}') and i < number:
            break
    return ''


def rows(tree, patch, commit):
    """[(where, calls)] of a patch."""
    result = {}
    files = {}
    for hunk in parse(patch):
        path = hunk.path
        if path not in files:
            files[path] = tree.git('show', '%s:openvswitch/%s'
                                   % (commit, path)).stdout.decode(
                                       errors='replace').split('\n')
        number = hunk.new_start - 1
        for sign, text in hunk.lines:
            text = COMMENT.sub('', text.decode(errors='replace'))
            if sign == b'+' and text.strip() and not SILENT.match(text):
                where = path
                if path.endswith(('.c', '.h')):
                    name = enclosing(files[path], number)
                    where += ': ' + name if name else ''
                calls = result.setdefault(where, [])
                if re.match(r'\w+\(.*\)$', text) and path.endswith('.c'):
                    calls.append('(new function)')
                else:
                    calls += [c + '()' for c in OURS.findall(text)
                              if c + '()' not in calls]
            number += sign != b'-'
    return [(where, ', '.join(calls)) for where, calls in result.items()]


def cells(patches, commits, tree):
    for number, ((name, patch), commit) in enumerate(
            zip(patches.items(), commits), 1):
        tests = trailers(patch, 'Test')
        yield ('%04d' % number, '**%s**' % message(patch)[0].rstrip('.'), '',
               '; '.join(tests))
        for where, calls in rows(tree, patch, commit):
            yield '%04d' % number, where, calls, ''


def table(tree, patches):
    """The text of the table."""
    body = [[textwrap.wrap(cell, width, break_long_words=False,
                           break_on_hyphens=False) or ['']
             for cell, width in zip(row, WIDTHS)]
            for row in cells(patches, tree.commits(), tree)]
    widths = [max([len(line) for row in body for line in row[i]]
                  + [len(title)]) for i, title in enumerate(TITLES)]
    rule = ' '.join('=' * width for width in widths)
    lines = [rule, '  '.join(TITLES), rule]
    lines[1] = join(TITLES, widths)
    for row in body:
        for i in range(max(map(len, row))):
            lines.append(join([cell[i] if i < len(cell) else ''
                               for cell in row], widths))
    return '\n'.join(lines + [rule, ''])


def join(cells_, widths):
    return ' '.join(cell.ljust(width)
                    for cell, width in zip(cells_, widths)).rstrip()


def parts():
    """README.rst as (text before the table, table, text behind it)."""
    text = read(README).decode()
    before, begin, rest = text.partition(BEGIN)
    old, end, after = rest.partition(END)
    if not end:
        return None
    return before + begin + '\n', old.strip('\n') + '\n', '\n' + end + after


def update(tree, patches):
    """Writes the table again.  Returns True if it has changed."""
    found = parts()
    if not found:
        return False
    before, old, after = found
    new = table(tree, patches)
    if new != old:
        with open(README, 'w', encoding='utf-8') as f:
            f.write(before + new + after)
    return new != old


def check(tree, patches):
    """What is wrong with the table."""
    found = parts()
    if not found:
        return []
    return ([] if found[1] == table(tree, patches) else
            ['the table of datapath/README.rst is not up to date: '
             'run "make refresh"'])
