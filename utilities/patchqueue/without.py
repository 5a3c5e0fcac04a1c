# Licensed under the Apache License, Version 2.0; see LICENSE.

"""The queue without each patch in turn, and the test that then fails.

A trailer "Test: SUITE NAME" of a patch's message names a test of ours; all
that a patch names must pass with the whole queue and fail without the patch.
"Test: build TARGET" says that make cannot build TARGET then.
"""

import contextlib
import fnmatch
import os
import re
import shutil
import tempfile
import time

from .common import SRC, Error, read, run
from .merge import leave_out
from .patch import queue, trailers

# What is built to run a suite's tests, and in which build directory.  A test
# of 'unit' is an argument of "ovstest test-tnl-gso", one of 'vswitchd' the
# title of a group; the others are parts of the names of cases that the script
# tests/run-SUITE is given.
PROGRAMS = ['vswitchd/ovs-vswitchd', 'tests/ovstest']
TARGETS = {
    'unit': ['tests/ovstest'],
    'vswitchd': PROGRAMS,
    'docs': PROGRAMS + ['vswitchd/ovs-vswitchd.8',
                        'vswitchd/ovs-vswitchd.conf.db.5'],
    'dpdk': PROGRAMS, 'vhost': PROGRAMS, 'nic': PROGRAMS,
}
WITH_DPDK = ('dpdk', 'vhost', 'nic')
# What needs no root: the others make networks of their own.
WITHOUT_ROOT = ('build', 'unit', 'vswitchd', 'docs')
# What is compiled without a patch need not be fast.  The build's own flags,
# some of which say how objects fit together, come before these.
QUICKLY = ' -O0 -g0 -U_FORTIFY_SOURCE'
# What is not copied with a build: the results of tests.
LEFT_BEHIND = ('check-logs', 'dist-patches', '*-testsuite.dir', '*-testsuite',
               '*.log', '*.json')
# Files of tests/ that name the build directory.
ADAPTED = ('atconfig', 'atlocal')
# A program that hangs without a patch has failed.
TIME_LIMIT = 180


class Scratch:
    """A copy of a patched tree and of its build, in which files are changed
    and what depends on them is built again."""

    def __init__(self, tree, build, tmp):
        self.build = build
        self.top = os.path.join(tmp, os.path.basename(build))
        self.src = os.path.join(self.top, '_ovs', 'openvswitch')
        self.out = os.path.join(self.top, os.path.basename(build))
        self.numbers = {}
        self.flags = re.search('^CFLAGS = *(.*)', read(os.path.join(
            build, 'Makefile')).decode(), re.M).group(1) + QUICKLY
        # Times are kept, so that make has nothing to do.
        copy_tree(tree.ovs, self.src)
        tree.link_overlay(self.src)
        copy_tree(build, self.out, *LEFT_BEHIND)
        # These name the directory, for tests of what is not compiled.
        for name in ADAPTED:
            path = os.path.join(self.out, 'tests', name)
            text = read(path).replace(tree.top.encode(), self.top.encode())
            with open(path, 'wb') as f:
                f.write(text)

    def n_objects(self, paths):
        """How many objects are compiled from files, or include them."""
        names = ['/openvswitch/%s' % path for path in paths]
        words = [read(os.path.join(directory, name)).decode().split()
                 for directory, _, files in os.walk(self.out)
                 if os.path.basename(directory) == '.deps' for name in files]
        return sum(any(word.endswith(tuple(names)) for word in some)
                   for some in words)

    @contextlib.contextmanager
    def changed(self, tree, files):
        """Writes files, {path: contents}; then everything is as it was, times
        too."""
        # Clocks of file systems are coarse; the copies are older than that.
        since = time.time() - 1
        for path, data in files.items():
            with open(os.path.join(self.src, path), 'wb') as f:
                f.write(data)
        try:
            yield
        finally:
            restore(self.src, tree.ovs, since)
            restore(self.out, self.build, since)

    def make(self, targets):
        """Builds targets; returns what the compiler says if that fails."""
        jobs = '-j%d' % len(os.sched_getaffinity(0))
        r = run(['env', '-u', 'DISTFILES', '-u', 'MAKEFLAGS', 'make', '-s',
                 jobs, 'CFLAGS=' + self.flags] + targets, cwd=self.out,
                check=False)
        if r.returncode:
            words = (r.stdout + r.stderr).decode(errors='replace')
            wrong = re.findall(r'.*(?:error:|undefined reference).*', words)
            return (wrong or words.strip().split('\n')[-1:])[0].strip()
        return None

    def test(self, tests):
        """Runs tests, [(suite, name)].  Returns {(suite, name): (passed,
        failed, last words)}."""
        results = {t: self.run(t[0], [t[1]]) for t in tests
                   if t[0] != 'vswitchd'}
        groups = [name for suite, name in tests if suite == 'vswitchd']
        if groups:
            results.update(self.test_groups(groups))
        return results

    def test_groups(self, names):
        """Runs groups of the test suite of ovs-vswitchd: all together, since
        making the test suite takes longer than most of them."""
        if not self.numbers:
            listed = self.output('vswitchd', ['-l'])[0]
            self.numbers = {title: number for number, title in
                            re.findall(r'^ *(\d+): \S+ +(.*\S)', listed, re.M)}
        missing = [name for name in names if name not in self.numbers]
        if missing:
            raise Error('tests/run-vswitchd has no test "%s"' % missing[0])
        words, _ = self.output('vswitchd', [self.numbers[n] for n in names])
        results = {}
        for name in names:
            m = re.search(r'^ *%s: .* (ok|FAILED|skipped)\b.*'
                          % self.numbers[name], words, re.M)
            word = m.group(1) if m else 'FAILED'
            results['vswitchd', name] = (word == 'ok', word == 'FAILED',
                                         m.group(0).strip() if m else words)
        return results

    def run(self, suite, args):
        """Runs a script, or a program of unit tests: (passed, failed, last
        words)."""
        words, status = self.output(suite, args)
        sums = re.findall(r'^(\d+) passed, (\d+) failed', words, re.M)
        passed, failed = map(int, sums[-1]) if sums else (0, 1)
        if not passed and not failed and 'SKIP: ' not in words:
            raise Error('tests/run-%s has no case "%s"' % (suite, args[0]))
        # A crash, or the end of its time.
        if status and not failed:
            failed = 1
        return passed, failed, ' '.join(words.split('\n')[-4:]).strip()

    def output(self, suite, args):
        cmd = [os.path.join(SRC, 'tests', 'run-' + suite)] + args
        if suite == 'unit':
            cmd = [os.path.join(self.out, 'tests', 'ovstest'),
                   'test-tnl-gso'] + args
        r = run(['timeout', '-k', '10', str(TIME_LIMIT)] + cmd, check=False,
                env=dict(BUILD=self.out, OVS_SRC=self.src, LOG_LINES='5'))
        return (r.stdout + r.stderr).decode(errors='replace'), r.returncode


def copy_tree(src, dst, *ignored):
    shutil.copytree(src, dst, symlinks=True,
                    ignore=shutil.ignore_patterns(*ignored))


def restore(copy, original, since):
    """What has changed in a copy of a directory, or is gone from it, becomes
    what it was."""
    for directory, _, names in os.walk(original):
        for name in names:
            here = os.path.join(directory, name)
            path = os.path.join(copy, os.path.relpath(here, original))
            if not os.path.lexists(path) and os.path.isdir(
                    os.path.dirname(path)) and not any(
                        fnmatch.fnmatch(name, p) for p in LEFT_BEHIND):
                shutil.copy2(here, path, follow_symlinks=False)
    for directory, _, names in os.walk(copy):
        for name in names:
            path = os.path.join(directory, name)
            here = os.path.join(original, os.path.relpath(path, copy))
            if name in ADAPTED or os.lstat(path).st_mtime < since:
                continue
            os.unlink(path)
            if os.path.lexists(here):
                shutil.copy2(here, path, follow_symlinks=False)


def named_tests(patch):
    """(suite, name) of each test that a patch names."""
    for value in trailers(patch, 'Test'):
        suite, _, name = value.partition(' ')
        yield suite, name.strip('"')


class Judge:
    """Leaves out patches.  Their tests must pass with the whole queue.

    With 'most', leaves out those without which at most that many objects are
    compiled again, and runs one test of each suite with the whole queue, which
    shows that the copy works.  That is for "make check", whose other suites
    run all tests with the whole queue."""

    def __init__(self, tree, build, tmp, most):
        self.tree, self.tmp, self.most = tree, tmp, most
        self.builds = {False: build,
                       True: os.path.join(tree.top, '_build-dpdk')}
        self.scratches = {}
        self.passing = {}

    def scratch(self, dpdk):
        """The copy in which tests run, or None."""
        build = self.builds[dpdk]
        if not os.path.exists(os.path.join(build, 'vswitchd/ovs-vswitchd')):
            return None
        if build not in self.scratches:
            self.scratches[build] = Scratch(self.tree, build, self.tmp)
        return self.scratches[build]

    def whole(self, scratch, tests):
        """[(test, what Scratch.test() says of it)] with the whole queue: a
        test that fails then says nothing about a patch."""
        new = [t for t in tests if t not in self.passing]
        if new:
            self.passing.update(scratch.test(new))
        return [(t, self.passing[t]) for t in tests]

    def judge(self, patch, commit):
        """Leaves out a patch.  Returns ('ok', 'FAIL', 'SKIP' or 'MANY',
        words)."""
        tests = list(named_tests(patch))
        if not tests:
            return 'FAIL', 'names no test in a "Test:" trailer'
        files = leave_out(self.tree, commit)
        targets = [name for suite, name in tests if suite == 'build']
        if targets:
            return self.judge_build(targets, files)
        if self.most is not None:
            builds = {self.scratch(suite in WITH_DPDK) for suite, _ in tests}
            if max((b.n_objects(files) for b in builds if b),
                   default=0) > self.most:
                return 'MANY', ''
        verdicts = []
        for dpdk in (False, True):
            some = [t for t in tests if (t[0] in WITH_DPDK) == dpdk]
            if some:
                verdicts += self.judge_tests(some, files, dpdk)
        # What is skipped for want of a build or of a tool says nothing.
        kinds = {verdict for verdict, _ in verdicts}
        kind = next(k for k in ('FAIL', 'ok', 'SKIP') if k in kinds)
        return kind, '; '.join(text for verdict, text in verdicts
                               if verdict == kind or kind == 'ok')

    def judge_build(self, targets, files):
        scratch = self.scratch(False)
        for target in targets:
            if not os.path.exists(os.path.join(scratch.out, target)):
                return 'FAIL', 'there is no %s with the whole queue' % target
        with scratch.changed(self.tree, files):
            errors = {target: scratch.make([target]) for target in targets}
        built = [target for target in targets if not errors[target]]
        if built:
            return 'FAIL', ', '.join(built) + ' can be built without it'
        return 'ok', '; '.join('%s is not built: %s' % item
                               for item in errors.items())

    def judge_tests(self, tests, files, dpdk):
        """(verdict, words) of each of 'tests', all in the same build."""
        scratch = self.scratch(dpdk)
        if not scratch:
            return [('SKIP', 'there is no build with DPDK (make '
                     'build-dpdk)')]
        verdicts, fit = [], []
        for suite, name in tests:
            if os.getuid() and suite not in WITHOUT_ROOT:
                verdicts.append(('SKIP', 'tests/run-%s needs root' % suite))
            else:
                fit.append((suite, name))
        suites = {suite for suite, _ in self.passing}
        control = [t for t in fit if self.most is None or t[0] not in suites]
        for test, (passed, failed, last) in self.whole(scratch, control):
            if failed:
                verdicts.append(('FAIL', '%s "%s" fails with the whole queue: '
                                 '%s' % (*test, last)))
            elif not passed:
                verdicts.append(('SKIP', '%s "%s": %s' % (*test, last)))
            else:
                continue
            fit.remove(test)
        if not fit:
            return verdicts
        with scratch.changed(self.tree, files):
            error = scratch.make(sorted({target for suite, _ in fit for target
                                         in TARGETS.get(suite, PROGRAMS)}))
            if error:
                return [('FAIL', 'does not build without it: ' + error)]
            for test, (passed, failed, last) in scratch.test(fit).items():
                verdicts.append(
                    ('ok', '%s "%s" fails' % test) if failed else
                    ('FAIL', '%s "%s" passes without it' % test) if passed else
                    ('SKIP', '%s "%s": %s' % (*test, last)))
        return verdicts


def check_tests(tree, build, objects=None, only=None):
    """Leaves out each patch, or each of 'only', or those for which no more
    than 'objects' have to be compiled again."""
    tree.need()
    work = tree.local_work()
    if work:
        raise Error('_ovs holds %s: "make refresh" first' % work)
    patches = list(zip(queue().items(), tree.commits()))
    if only:
        wanted = [int(number) for number in only.split(',')]
        patches = [p for i, p in enumerate(patches, 1) if i in wanted]
    counts, many = dict(ok=0, FAIL=0, SKIP=0), []
    with tempfile.TemporaryDirectory(prefix='ovs-tree-') as tmp:
        judge = Judge(tree, os.path.abspath(build), tmp,
                      int(objects) if objects else None)
        for (name, patch), commit in patches:
            since = time.monotonic()
            try:
                kind, words = judge.judge(patch, commit)
            except Error as e:
                kind, words = 'FAIL', str(e)
            if kind == 'MANY':
                many.append(name[:4])
                continue
            counts[kind] += 1
            text = '%s: %s' % (name, words)
            if kind == 'SKIP':
                print('SKIP: ' + text, flush=True)
            else:
                print('%-4s %3d s %s' % (kind, time.monotonic() - since, text),
                      flush=True)
    if many:
        print('SKIP: %s: more than %s objects to compile again; "make '
              'check-queue-tests" leaves out each patch'
              % (', '.join(many), objects))
    print('%d passed, %d failed, %d skipped'
          % (counts['ok'], counts['FAIL'], counts['SKIP'] + len(many)))
    return 1 if counts['FAIL'] else 0
