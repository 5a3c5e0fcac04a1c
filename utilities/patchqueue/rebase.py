# Licensed under the Apache License, Version 2.0; see LICENSE.

"""The queue on another version of Open vSwitch."""

import contextlib
import os
import re
import tempfile

from .common import AUTHOR, Error, run, say, write
from .merge import blob_of, changed_files, contents, merge
from .patch import message, queue
from .tree import Tree

# What can become of a patch, and what is to be done about it.
APPLIES, MERGED, PRESENT, CONFLICT = 'applies', 'merged', 'present', 'CONFLICT'


@contextlib.contextmanager
def unpacked(base):
    """The directory that holds a source: 'base' is one, a .deb of the package
    openvswitch-source, or a tarball."""
    if os.path.isdir(base):
        yield base
        return
    with tempfile.TemporaryDirectory(prefix='ovs-tree-') as tmp:
        if base.endswith('.deb'):
            run(['dpkg-deb', '-x', base, tmp])
            yield os.path.join(tmp, 'usr', 'src', 'openvswitch')
        else:
            run(['tar', '-xf', base, '-C', tmp, '--strip-components=1'])
            yield tmp


def rebase(tree, base, out):
    """Makes OUT/_ovs from the source 'base' and as much of the queue as fits
    there, a commit per patch, and says what is left to be done."""
    tree.need()
    work = tree.local_work()
    if work:
        raise Error('_ovs holds %s: "make refresh" first' % work)
    new = Tree(out)
    if os.path.exists(new.top):
        raise Error('%s is there: finish what it was made for, or remove it'
                    % out)
    if not os.path.exists(base):
        raise Error('%s does not exist' % base)
    with unpacked(os.path.abspath(base)) as source:
        if not os.path.exists(os.path.join(source, 'configure.ac')):
            raise Error('%s is not the source of Open vSwitch' % base)
        os.makedirs(new.top)
        new.init(source)
    new.git('reset', '-q', '--hard')
    # Before and after each patch, what it changes is known there.
    new.git('fetch', '-q', '--no-tags', tree.repo, 'HEAD')
    say('the queue on Open vSwitch %s, %s' % (new.version(), base))

    patches, counts = queue(), {}
    for (name, data), commit in zip(patches.items(), tree.commits()):
        verdict, words = attempt(new, name, data, commit)
        counts[verdict] = counts.get(verdict, 0) + 1
        print('\n           '.join(['%-8s  %s' % (verdict, name)] + words))
    new.link_overlay(new.ovs)
    new.set_stamp(patches, new.out('rev-parse', 'HEAD'))
    print(', '.join('%d %s' % (counts[v], v) for v in
                    (APPLIES, MERGED, PRESENT, CONFLICT) if v in counts))
    print('The tree is %s; Documentation/internals/new-base.rst tells how to '
          'go on' % os.path.relpath(new.ovs))
    return 1 if CONFLICT in counts else 0


def attempt(new, name, data, commit):
    """Applies a patch, or what can be applied of it; 'commit' is its commit on
    the old base.  Returns what became of it, and lines about that."""
    before = new.out('rev-parse', 'HEAD')
    r = new.git('am', '-q', '--directory=openvswitch', '--no-3way',
                '--committer-date-is-author-date', input=data, check=False)
    if r.returncode == 0:
        return APPLIES, []
    new.git('am', '--abort', check=False)

    wrong, text, paths = [], [], changed_files(new, commit)
    for path in paths:
        ours = blob_of(new, 'HEAD', path)
        if not ours:
            wrong.append('%s: the base has it no more' % path)
            continue
        old = blob_of(new, commit + '^', path)
        merged, pairs = merge(new, old, ours, blob_of(new, commit, path))
        write(os.path.join(new.ovs, path), merged)
        for pair in pairs:
            what = '%s, about line %d' % (path, near(merged, pair[0]))
            wrong.append(what)
            text.append('=== %s\n' % what
                        + both(contents(new, old).split(b'\n'), pair))
    new.git('add', '--force', '--update')
    # A patch of which nothing is left is there for its message.
    new.git('commit', '-q', '--allow-empty', '-m', '\n\n'.join(message(data)),
            env=dict(AUTHOR, GIT_AUTHOR_DATE=re.search(
                rb'^Date: (.*)', data, re.M).group(1).decode()))
    if wrong:
        kept = os.path.join(new.top, name[:4] + '.conflict')
        write(kept, '\n'.join(text).encode(errors='surrogateescape'))
        return CONFLICT, wrong + [
            '%s shows what the base and the patch do' % os.path.relpath(kept),
            'there; edit, and then', 'git -C %s commit -a --fixup=%s' % (
                os.path.relpath(new.repo), new.out('rev-parse', '--short',
                                                   'HEAD'))]
    if new.subtree('HEAD') == new.subtree(before):
        new.git('reset', '-q', '--hard', before)
        return PRESENT, ['the base has all of it: drop the patch']
    return MERGED, ['the base has changed right beside it: read both changes',
                    'in ' + ', '.join(p for p in paths if different(new, p))]


def different(new, path):
    """True if a file differs between the old base and the new one."""
    old_base = new.out('rev-list', '--max-parents=0', 'FETCH_HEAD')
    return blob_of(new, 'ovs-base', path) != blob_of(new, old_base, path)


def near(merged, edit):
    """The number of the line of 'merged' where an edit has put its lines."""
    first, end, instead = edit
    lines = merged.split(b'\n')
    places = [i for i in range(len(lines) - len(instead) + 1)
              if lines[i:i + len(instead)] == instead]
    return min(places, key=lambda i: abs(i - first), default=first) + 1


def both(lines, pair):
    """A conflict as text: the lines that the patch was made for, those that
    the new base has, and those that the patch makes of the first."""
    start = min(edit[0] for edit in pair)
    end = max(edit[1] for edit in pair)
    text = []
    for title, edit in (('the old base', None), ('the new base', pair[0]),
                        ('the patch', pair[1])):
        part = lines[start:end]
        if edit:
            part[edit[0] - start:edit[1] - start] = edit[2]
        text += ['--- ' + title] + [line.decode(errors='surrogateescape')
                                    for line in part]
    return '\n'.join(text) + '\n'
