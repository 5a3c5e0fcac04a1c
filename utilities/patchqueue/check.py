# Licensed under the Apache License, Version 2.0; see LICENSE.

"""The rules of the queue, and a build after each patch."""

import os
import re
import sys
import tempfile

from .common import QUEUE, Error, compare, run, say
from .dist import unlisted
from .patch import MAX_HUNK, message, parse, patch_tree, queue, trailers
from .table import check as check_table

# A queue of themes, not of days.
MAX_PATCHES = 20


def check(tree):
    tree.need()
    patches, results = queue(), []

    def judge(what, problems):
        """Counts one check: passed unless there are problems."""
        results.append(not problems)
        print('%s %s' % ('FAIL' if problems else 'ok  ', what))
        for problem in problems:
            print('     ' + problem)

    def attempt(what, function):
        try:
            judge(what, function() or [])
        except Error as e:
            judge(what, str(e).split('\n'))

    attempt('_ovs and datapath/ are equal (export is the identity)',
            lambda: differences(tree, tree.export(), patches))
    attempt('import and export again is the identity (git am)',
            lambda: check_am(tree, patches))
    attempt('patch -p1 -F0 gives the same tree',
            lambda: check_patch(tree, patches))
    judge('automake.mk names every file of the overlay', unlisted(tree))
    for (name, patch), commit in zip(patches.items(), tree.commits()):
        attempt(name, lambda: check_rules(tree, name, patch, commit))
    judge('the table of README.rst', check_table(tree, patches))
    judge('at most %d patches' % MAX_PATCHES,
          [] if len(patches) <= MAX_PATCHES else
          ['%d patches: fold mends into what they mend' % len(patches)])
    print_size(patches)
    print('%d passed, %d failed' % (sum(results),
                                    len(results) - sum(results)))
    return 0 if all(results) else 1


def differences(tree, exported, patches):
    work = tree.local_work()
    return (['_ovs holds ' + work] if work else []) + [
        name + ' differs' for name in sorted(set(exported) | set(patches))
        if exported.get(name) != patches.get(name)]


def check_am(tree, patches):
    with tree.worktree('ovs-base') as cwd:
        tree.apply(patches, cwd)
        tip = tree.out('rev-parse', 'HEAD', cwd=cwd)
        problems = differences(tree, tree.export(tip, cwd), patches)
    if tree.subtree(tip) != tree.subtree('HEAD'):
        problems.append('the imported tree is not that of _ovs')
    return problems


def check_patch(tree, patches):
    with tempfile.TemporaryDirectory(prefix='ovs-tree-') as tmp:
        ours, theirs = os.path.join(tmp, 'a'), os.path.join(tmp, 'b')
        tree.checkout('HEAD', ours)
        tree.checkout('ovs-base', theirs)
        patch_tree(patches, QUEUE, theirs)
        return compare(ours, theirs)


def check_rules(tree, name, patch, commit):
    problems = []
    if re.search(rb'^(new file|deleted file|old|rename|copy) ', patch,
                 re.M):
        problems.append('adds, removes, renames or chmods a file')
    if b'\nGIT binary patch\n' in patch:
        problems.append('changes a binary file')
    hunks = parse(patch)
    for h in hunks:
        if h.path.endswith(('.c', '.h')) and h.added > MAX_HUNK:
            problems.append('%s:%d: a hunk of %d new lines: logic belongs '
                            'into lib/' % (h.path, h.start, h.added))
    deleted = [h for h in hunks if deletes_upstream(tree, h, commit)]
    if deleted and not any(trailers(patch, 'Deletes')):
        problems.append('deletes lines of %s without a "Deletes: reason" '
                        'trailer' % ', '.join({h.path for h in deleted}))
    if not trailers(patch, 'Test'):
        problems.append('names no test in a "Test:" trailer')
    if 'Without it, ' not in message(patch)[1]:
        problems.append('does not say what would be "Without it, ..."')
    r = run([sys.executable, 'utilities/checkpatch.py', '-q', '-s',
             os.path.join(QUEUE, name)], cwd=tree.ovs, check=False)
    if r.returncode:
        problems += (r.stdout + r.stderr).decode().strip().split('\n')
    return problems


def deletes_upstream(tree, hunk, commit):
    """True when a deleted line is upstream's, not an earlier patch's."""
    base = tree.out('rev-parse', 'ovs-base^{commit}')
    for number in hunk.deleted():
        blame = tree.out('blame', '-l', '-s', '--root',
                         '-L%d,%d' % (number, number), commit + '^', '--',
                         'openvswitch/' + hunk.path)
        if blame.startswith(base):
            return True
    return False


def print_size(patches):
    hunks = [h for p in patches.values() for h in parse(p)]
    signs = [sign for h in hunks for sign, text in h.lines]
    print('queue: %d patches, %d files, %d hunks, +%d -%d lines, '
          '%d lines of context'
          % (len(patches), len({h.path for h in hunks}), len(hunks),
             signs.count(b'+'), signs.count(b'-'), signs.count(b' ')))


def check_build(tree):
    """Builds after each patch, in one build directory, oldest first."""
    tree.need()
    jobs = '-j%d' % len(os.sched_getaffinity(0))
    with tree.worktree('ovs-base') as cwd:
        ovs = os.path.join(cwd, 'openvswitch')
        # Beside it, as _build is beside _ovs.
        build = os.path.join(os.path.dirname(cwd), '_build')
        os.mkdir(build)
        for commit in tree.commits():
            say('building after "%s"'
                % tree.out('log', '-1', '--format=%s', commit))
            tree.git('checkout', '-q', commit, cwd=cwd)
            if not os.path.exists(os.path.join(ovs, 'configure')):
                tree.link_overlay(ovs)
                run(['./boot.sh'], cwd=ovs)
                # What is built does not run.
                run(['../_ovs/openvswitch/configure', '--enable-Werror',
                     'CFLAGS=-O0 -g0'], cwd=build)
            run(['make', '-s', jobs], cwd=build)
