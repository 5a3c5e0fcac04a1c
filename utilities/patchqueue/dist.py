# Licensed under the Apache License, Version 2.0; see LICENSE.

"""The series for others: quilt for distributions, git am for Open vSwitch."""

import os
import re
import shlex
import shutil
import tempfile

from .common import (AUTHOR, OVERLAY, SRC, compare, read, report, run, say,
                     write)
from .patch import patch_tree, queue


def overlay_files(tree):
    """What the overlay adds to the tree, as {path there: path here}: what
    automake.mk names, so the series hold what the build needs."""
    files = {}
    for name in OVERLAY:
        makefile = os.path.join(SRC, name, 'automake.mk')
        prefix = name + '/tnl-gso/'
        files[prefix + 'automake.mk'] = makefile
        text = re.sub(r'#.*', '', read(makefile).decode())
        for path in re.findall(r'(?:^|\s)' + prefix + r'(\S+)', text):
            here = os.path.join(SRC, name, path)
            if os.path.isfile(here):
                files[prefix + path] = here
    return files


def unlisted(tree):
    listed = set(overlay_files(tree).values())
    return ['%s/%s is not in %s/automake.mk' % (d, f, d)
            for d in ('lib', 'ofproto')
            for f in sorted(os.listdir(os.path.join(SRC, d)))
            if f.endswith(('.c', '.h', '.man', '.xml'))
            and os.path.join(SRC, d, f) not in listed]


def add_overlay(tree, path):
    for there, here in overlay_files(tree).items():
        there = os.path.join(path, there)
        os.makedirs(os.path.dirname(there), exist_ok=True)
        shutil.copy(here, there)


def dist(tree, out):
    tree.need()
    with tree.worktree('ovs-base') as cwd:
        add_overlay(tree, os.path.join(cwd, 'openvswitch'))
        tree.git('add', '--force', 'openvswitch', cwd=cwd)
        tree.git('commit', '-q', '-m', 'Tunnel segmentation offload.\n\n'
                 'The files of tnl-gso; the patches that follow call '
                 'them.', cwd=cwd, env=AUTHOR)
        tree.apply(queue(), cwd)
        common = ('format-patch', '-q', '--zero-commit', '--no-signature',
                  '--no-renames', '--abbrev=12',
                  '--relative=openvswitch')
        for name, options in (('debian', ('-N', '--no-stat')),
                              ('git-am', ('-n', '--stat'))):
            path = os.path.join(os.path.abspath(out), name)
            shutil.rmtree(path, ignore_errors=True)
            tree.git(*common, *options, '-o', path, 'ovs-base..', cwd=cwd)
    debian = os.path.join(out, 'debian')
    patches = []
    for name in sorted(os.listdir(debian)):
        # A distribution's other patches have numbers of their own.
        patches.append('tnl-gso-' + name)
        os.rename(os.path.join(debian, name),
                  os.path.join(debian, patches[-1]))
    write(os.path.join(debian, 'series'),
          ''.join(p + '\n' for p in patches).encode())
    say('%s/debian (quilt) and %s/git-am hold %d patches each'
        % (out, out, len(patches)))


def check_dist(tree, out, build=None):
    tree.need()
    failed = 0
    with tempfile.TemporaryDirectory(prefix='ovs-tree-') as tmp:
        ours = os.path.join(tmp, 'ours')
        tree.checkout('HEAD', ours)
        add_overlay(tree, ours)

        # The same place relative to the build directory as in _ovs: the
        # compiler puts source paths into the binaries.
        quilt = os.path.join(tmp, '_ovs', 'openvswitch')
        tree.checkout('ovs-base', quilt)
        debian = os.path.join(out, 'debian')
        patch_tree(read(os.path.join(debian, 'series')).decode()
                        .split(), debian, quilt)
        failed += report('debian/patches gives the tree of _ovs',
                         compare(ours, quilt))

        with tree.worktree('ovs-base') as cwd:
            path = os.path.join(out, 'git-am')
            tree.apply({f: read(os.path.join(path, f))
                        for f in sorted(os.listdir(path))}, cwd)
            failed += report('git am gives the tree of _ovs',
                             compare(ours,
                                     os.path.join(cwd, 'openvswitch')))
        if build:
            failed += report('debian/patches gives the same binaries',
                             check_binaries(tree, build, tmp, quilt))
    print('%d passed, %d failed' % (2 + bool(build) - failed, failed))
    return 1 if failed else 0


def check_binaries(tree, build, tmp, quilt):
    other = os.path.join(tmp, '_build')
    os.mkdir(other)
    args = run([os.path.join(build, 'config.status'), '--config']
               ).stdout.decode()
    say('building the quilt series')
    run(['./boot.sh'], cwd=quilt)
    run(['../_ovs/openvswitch/configure'] + shlex.split(args), cwd=other)
    names = ['vswitchd/ovs-vswitchd', 'ovsdb/ovsdb-server',
             'utilities/ovs-vsctl', 'utilities/ovs-ofctl',
             'utilities/ovs-appctl', 'utilities/ovs-dpctl']
    run(['make', '-s', '-j%d' % len(os.sched_getaffinity(0))], cwd=other)
    return [name + ' differs' for name in names
            if code(os.path.join(build, name), tmp) !=
            code(os.path.join(other, name), tmp)]


def code(path, tmp):
    """A program without its debug information, which names the directory in
    which it was built, and without the sum over that information."""
    copy = os.path.join(tmp, 'stripped')
    run(['objcopy', '--strip-all', '--remove-section=.note.gnu.build-id',
         path, copy])
    return read(copy)
