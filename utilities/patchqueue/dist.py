# Licensed under the Apache License, Version 2.0; see LICENSE.

"""The series for others: quilt for distributions, git am for Open vSwitch."""

import datetime
import email
import os
import re
import shlex
import shutil
import tempfile

from .common import (AUTHOR, OVERLAY, SRC, compare, read, report, run, say,
                     write)
from .patch import message, patch_tree, queue, trailers


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


def version():
    text = read(os.path.join(SRC, 'lib/version.m4')).decode()
    return re.search(r'TNL_GSO_VERSION\], \[([^]]+)', text).group(1)


def last_update(*paths):
    """The day of the last change of files, as YYYY-MM-DD: Git's, or where
    there is none, as in a release's tarball, the files' own, which are all of
    the release's day ("make dist")."""
    r = run(['git', 'log', '-1', '--format=%as', '--'] + list(paths), cwd=SRC,
            check=False)
    if r.returncode or not r.stdout:
        newest = max(os.stat(os.path.join(SRC, path)).st_mtime
                     for path in paths)
        return datetime.datetime.fromtimestamp(
            newest, datetime.timezone.utc).strftime('%Y-%m-%d')
    return r.stdout.decode().strip()


def with_dep3(patch, updated):
    """A patch with Debian's header for patches, DEP-3, of which format-patch
    has made Author (From) and Description (Subject)."""
    head, _, rest = patch.partition(b'\n\n')
    forwarded = (trailers(patch, 'Forwarded') or ['not-needed'])[0]
    fields = ('Origin: other, tnl-gso %s\nForwarded: %s\nLast-Update: %s'
              % (version(), forwarded, updated))
    return head + b'\n' + fields.encode() + b'\n\n' + rest


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
                  '--signoff', '--no-renames', '--abbrev=12',
                  '--relative=openvswitch')
        for name, options in (('debian', ('-N', '--no-stat')),
                              ('git-am', ('-n', '--stat'))):
            path = os.path.join(os.path.abspath(out), name)
            shutil.rmtree(path, ignore_errors=True)
            tree.git(*common, *options, '-o', path, 'ovs-base..', cwd=cwd)
    debian = os.path.join(out, 'debian')
    sources = [OVERLAY] + [('datapath/' + name,) for name in queue()]
    patches = []
    for name, source in zip(sorted(os.listdir(debian)), sources):
        path = os.path.join(debian, name)
        # A distribution's other patches have numbers of their own.
        patches.append('tnl-gso-' + name)
        write(os.path.join(debian, patches[-1]),
              with_dep3(read(path), last_update(*source)))
        os.unlink(path)
    write(os.path.join(debian, 'series'),
          ''.join(p + '\n' for p in patches).encode())
    say('%s/debian (quilt) and %s/git-am hold %d patches each'
        % (out, out, len(patches)))


def check_headers(out):
    """What DEP-3 and "Developer's Certificate of Origin" want of patches."""
    problems = []
    for folder, fields in (
            ('debian', ('From', 'Subject', 'Origin', 'Forwarded',
                        'Last-Update')),
            ('git-am', ('From', 'Subject'))):
        path = os.path.join(out, folder)
        for name in sorted(os.listdir(path)):
            if name == 'series':
                continue
            patch = read(os.path.join(path, name))
            header = email.message_from_bytes(patch.partition(b'\n')[2])
            problems += ['%s has no %s' % (name, field) for field in fields
                         if not header[field]]
            if trailers(patch, 'Signed-off-by') != [
                    ' '.join(header['From'].split())]:
                problems.append(name + ' is not signed off by its author')
            if len(message(patch)[1].strip().split('\n')) < 3:
                problems.append(name + ' has no description')
    return problems


def check_dist(tree, out, build=None):
    tree.need()
    failed = 0
    with tempfile.TemporaryDirectory(prefix='ovs-tree-') as tmp:
        failed += report('the headers of the patches', check_headers(out))

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
    print('%d passed, %d failed' % (3 + bool(build) - failed, failed))
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
