# Licensed under the Apache License, Version 2.0; see LICENSE.

"""Merging what two changes do to a file.

Git's merge refuses changes of lines next to each other.  Ours are often that:
an include beside an include, a case beside a case.  Here, only changes of the
same lines are a conflict.
"""

from .common import Error
from .patch import parse


def edits(tree, old, new):
    """How blob 'old' becomes blob 'new', as [(first, end, instead)]: lines
    'first' up to, not including, 'end', from 0, become the list 'instead'."""
    diff = tree.git('diff', '-U0', '--minimal', '--no-color', old, new).stdout
    result = []
    for hunk in parse(diff):
        # Of no lines, diff names the one before.
        first = hunk.start - (1 if hunk.old else 0)
        result.append((first, first + len(hunk.old),
                       [text for sign, text in hunk.lines if sign == b'+']))
    return result


def overlap(a, b):
    """True if two edits are about the same lines; insertions in one place, or
    beside lines that are changed, are not."""
    return (max(a[0], b[0]) < min(a[1], b[1])
            or a[0] < b[0] == b[1] < a[1] or b[0] < a[0] == a[1] < b[1])


def merge(tree, base, ours, theirs):
    """Merges what makes blob 'ours' from blob 'base' with what makes 'theirs'.
    Returns (contents, [(edit of ours, edit of theirs)]): of each pair in
    conflict, only ours has been done.  What both do is done once."""
    a, b = edits(tree, base, ours), edits(tree, base, theirs)
    pairs = [(x, y) for x in a for y in b if x != y and overlap(x, y)]
    both = a + [y for y in b
                if y not in a and all(y is not pair[1] for pair in pairs)]
    lines = contents(tree, base).split(b'\n')
    # From the end, so that line numbers stay what they are.
    for first, end, instead in sorted(both, key=lambda e: e[:2], reverse=True):
        lines[first:end] = instead
    return b'\n'.join(lines), pairs


def contents(tree, blob):
    return tree.git('cat-file', 'blob', blob).stdout


def blob_of(tree, rev, path):
    """The blob of a file in a revision, or None."""
    return tree.out('rev-parse', '-q', '--verify',
                    '%s:openvswitch/%s' % (rev, path), check=False) or None


def leave_out(tree, commit):
    """The files that a commit changes, {path: contents}, without its lines
    but with those of all other commits up to HEAD."""
    title = tree.out('log', '-1', '--format=%s', commit)
    return {path: contents(tree, without(tree, commit, path,
                                         blob_of(tree, 'HEAD', path), title))
            for path in changed_files(tree, commit)}


def changed_files(tree, commit):
    return tree.out('diff', '--name-only', '--relative=openvswitch',
                    commit + '^', commit).split()


def fold(tree, groups):
    """Makes a commit over ovs-base of each group (message, commits), whatever
    the order of the commits was: 'groups' has all of them, and each takes
    author and date of its first.  Returns the last one, whose tree is HEAD's.
    """
    files = {path: blob_of(tree, 'HEAD', path) for _, commits in groups
             for commit in commits for path in changed_files(tree, commit)}
    states = []
    for title, commits in reversed(groups):
        states.append(dict(files))
        for commit in reversed(commits):
            for path in changed_files(tree, commit):
                files[path] = without(tree, commit, path, files[path], title)
    if any(blob != blob_of(tree, 'ovs-base', path)
           for path, blob in files.items()):
        raise Error('the commits do not make HEAD of ovs-base')

    tip = tree.out('rev-parse', 'ovs-base^{commit}')
    for (text, commits), state in zip(groups, reversed(states)):
        name, email, date = tree.out(
            'log', '-1', '--date=raw', '--format=%an%n%ae%n%ad',
            commits[0]).split('\n')
        tip = tree.out(
            'commit-tree', '-p', tip, '-F', '-', tree.with_files(tip, state),
            input=text.encode(),
            env=dict(GIT_AUTHOR_NAME=name, GIT_AUTHOR_EMAIL=email,
                     GIT_AUTHOR_DATE=date, GIT_COMMITTER_DATE=date))
    return tip


def without(tree, commit, path, blob, title):
    """'blob' is a file with what a commit does to it, and more.  Returns the
    blob without that."""
    after, before = (blob_of(tree, rev, path) for rev in (commit,
                                                          commit + '^'))
    if not (after and before and blob):
        raise Error('%s is added or removed in _ovs' % path)
    data, pairs = merge(tree, after, blob, before)
    if pairs:
        raise Error('%s: other commits change what "%s" does to line %d: do '
                    'it by hand, in _ovs' % (path, title.split('\n')[0],
                                             pairs[0][1][0] + 1))
    return tree.out('hash-object', '-w', '--stdin', input=data)
