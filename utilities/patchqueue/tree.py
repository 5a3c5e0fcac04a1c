# Licensed under the Apache License, Version 2.0; see LICENSE.

"""_ovs: a Git repository with Open vSwitch and a commit per patch."""

import contextlib
import os
import re
import shutil
import tempfile

from .common import (AUTHOR, EMAIL, GENERATED, NAME, OVERLAY, QUEUE, SRC,
                     Error, read, run, say, write)
from .merge import fold
from .patch import digest, parse, queue
from .table import update

# Context is grown up to this many lines until a hunk fits in one place only.
MAX_CONTEXT = 12


class Tree:
    def __init__(self, top):
        self.top = os.path.abspath(top)
        self.repo = os.path.join(self.top, '_ovs')
        self.ovs = os.path.join(self.repo, 'openvswitch')
        self.stamp = os.path.join(self.repo, '.git', 'tnl-gso')

    def git(self, *args, cwd=None, **kwargs):
        return run(('git',) + args, cwd=cwd or self.repo, **kwargs)

    def out(self, *args, **kwargs):
        return self.git(*args, **kwargs).stdout.decode().strip()

    def need(self):
        if not os.path.isdir(self.repo):
            raise Error('there is no %s: run ./configure' % self.repo)

    def commits(self, tip='HEAD', cwd=None):
        return self.out('rev-list', '--reverse', 'ovs-base..' + tip,
                        cwd=cwd).split()

    def subtree(self, rev):
        return self.out('rev-parse', rev + ':openvswitch')

    def stamped(self):
        """Digest of the queue that _ovs was made equal to, and its commit."""
        with contextlib.suppress(OSError):
            with open(self.stamp) as f:
                return f.read().split()
        return ['', '']

    def set_stamp(self, patches, tip):
        write(self.stamp, ('%s %s\n' % (digest(patches), tip)).encode())

    def local_work(self):
        """What _ovs holds that the queue does not, in words, or None."""
        if self.out('status', '--porcelain', '--untracked-files=no'):
            return 'uncommitted edits'
        if self.out('rev-parse', 'HEAD') != self.stamped()[1]:
            return 'commits that "make refresh" has not exported'
        return None

    @contextlib.contextmanager
    def worktree(self, rev):
        """A second, temporary work tree, so that the first keeps its files'
        times (and with them what make has built) unless contents differ."""
        with tempfile.TemporaryDirectory(prefix='ovs-tree-') as tmp:
            path = os.path.join(tmp, '_ovs')
            self.git('worktree', 'prune')
            self.git('worktree', 'add', '--detach', path, rev)
            try:
                yield path
            finally:
                self.git('worktree', 'remove', '--force', path, check=False)

    def checkout(self, rev, path):
        """The files of a revision, as a plain directory."""
        os.makedirs(path)
        tar = self.git('archive', '--format=tar', rev + ':openvswitch').stdout
        run(['tar', '-xf', '-', '-C', path], input=tar)

    # --- create -----------------------------------------------------------

    def write_tree(self, path):
        """Puts a directory's files into the repository; returns their tree."""
        with tempfile.TemporaryDirectory(prefix='ovs-tree-') as tmp:
            env = dict(GIT_DIR=os.path.join(self.repo, '.git'),
                       GIT_WORK_TREE=os.path.abspath(path),
                       GIT_INDEX_FILE=os.path.join(tmp, 'index'))
            self.git('add', '--force', '--all', '.', cwd=path, env=env)
            self.git('rm', '-r', '-q', '--cached', '--ignore-unmatch', '--',
                     *GENERATED, cwd=path, env=env)
            tree = self.out('write-tree', env=env)
        return self.out('mktree', input=('040000 tree %s\topenvswitch\n'
                                         % tree).encode())

    def init(self, base):
        """Makes _ovs with nothing but ovs-base in it."""
        self.git('init', '-q', '-b', 'tnl-gso', self.repo, cwd=self.top)
        for key, value in (('user.name', NAME), ('user.email', EMAIL),
                           ('commit.gpgSign', 'false'),
                           ('core.autocrlf', 'false'),
                           ('core.hooksPath', '/dev/null'),
                           ('gc.auto', '0')):
            self.git('config', key, value)
        # New files belong into the overlay: git add refuses them here.
        write(os.path.join(self.repo, '.git', 'info', 'exclude'),
              b'*\n!*/\n')
        commit = self.out('commit-tree', '-m', 'Open vSwitch, as released.',
                          self.write_tree(base), env=AUTHOR)
        self.git('tag', 'ovs-base', commit)
        self.git('reset', '-q', '--soft', commit)
        shutil.copytree(base, self.ovs, symlinks=True,
                        ignore=shutil.ignore_patterns('.git'))
        self.git('reset', '-q')

    def apply(self, patches, cwd):
        """Applies patches, in a work tree, as a commit each."""
        for name, data in patches.items():
            r = self.git('am', '-q', '--directory=openvswitch', '--no-3way',
                         '--committer-date-is-author-date', cwd=cwd,
                         input=data, check=False)
            if r.returncode:
                self.git('am', '--abort', cwd=cwd, check=False)
                raise Error('datapath/%s does not apply to Open vSwitch %s: %s'
                            % (name, self.version(),
                               r.stderr.decode().strip().split('\n')[0]))

    def version(self):
        m = re.search(r'AC_INIT\(openvswitch, *([^,]+),',
                      self.out('show', 'ovs-base:openvswitch/configure.ac'))
        return m.group(1)

    def link_overlay(self, ovs):
        for name in OVERLAY:
            link = os.path.join(ovs, name, 'tnl-gso')
            target = os.path.relpath(os.path.join(SRC, name),
                                     os.path.realpath(os.path.dirname(link)))
            if not os.path.islink(link) or os.readlink(link) != target:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(link)
                os.symlink(target, link)

    def create(self, base=None, force=False, rebase=False):
        patches = queue()
        new = not os.path.isdir(os.path.join(self.repo, '.git'))
        if new and not base:
            raise Error('there is no %s: run ./configure' % self.repo)
        if not new and base and (self.write_tree(base) !=
                                 self.out('rev-parse', 'ovs-base^{tree}')):
            self.remove(force)
            new = True
        if new:
            self.create_new(base, patches)
        elif digest(patches) != self.stamped()[0] or force:
            self.update(patches, force, rebase)
        self.link_overlay(self.ovs)

    def create_new(self, base, patches):
        """All of it happens beside _ovs, which is there whole or not."""
        tmp = Tree(self.top)
        tmp.repo += '.new'
        tmp.ovs = os.path.join(tmp.repo, 'openvswitch')
        tmp.stamp = os.path.join(tmp.repo, '.git', 'tnl-gso')
        shutil.rmtree(tmp.repo, ignore_errors=True)
        tmp.init(base)
        tmp.apply(patches, tmp.repo)
        tmp.link_overlay(tmp.ovs)
        say('running Open vSwitch\'s boot.sh')
        run(['./boot.sh'], cwd=tmp.ovs)
        tmp.set_stamp(patches, tmp.out('rev-parse', 'HEAD'))
        shutil.rmtree(self.repo, ignore_errors=True)
        os.rename(tmp.repo, self.repo)
        say('_ovs/openvswitch is Open vSwitch %s and %d patches'
            % (self.version(), len(patches)))

    def update(self, patches, force, rebase):
        work = self.local_work()
        if work and not force and not (rebase and work.startswith('commits')):
            raise Error('the queue has changed, but _ovs holds %s: '
                        '"utilities/ovs-tree create --rebase" replays commits '
                        'on the new queue, "--force" throws local work away'
                        % work)
        with self.worktree('ovs-base') as cwd:
            self.apply(patches, cwd)
            tip = self.out('rev-parse', 'HEAD', cwd=cwd)
            if rebase and work:
                old = self.stamped()[1]
                head = self.out('rev-parse', 'HEAD')
                self.git('checkout', '-q', head, cwd=cwd)
                self.git('rebase', '-q', '--onto', tip, old, cwd=cwd)
            head = self.out('rev-parse', 'HEAD', cwd=cwd)
        self.git('reset', '-q', '--hard', head)
        self.set_stamp(patches, tip)
        say('_ovs/openvswitch follows the queue: %d patches' % len(patches))

    def remove(self, force=False):
        if os.path.isdir(self.repo):
            work = self.local_work()
            if work and not force:
                raise Error('_ovs holds %s: "make refresh" exports them, '
                            '"utilities/ovs-tree remove --force" throws them '
                            'away' % work)
            shutil.rmtree(self.repo)

    # --- refresh ----------------------------------------------------------

    def export(self, tip='HEAD', cwd=None):
        """The commits over ovs-base as {file name: patch}.  Each patch has
        the least context with which every hunk fits in one place only."""
        return {name: patch for name, patch in
                (self.export_one(number, commit, cwd) for number, commit in
                 enumerate(self.commits(tip, cwd), 1))}

    def export_one(self, number, commit, cwd):
        before = {}
        for context in range(1, MAX_CONTEXT + 1):
            with tempfile.TemporaryDirectory(prefix='ovs-tree-') as tmp:
                self.git('format-patch', '-q', '-1', '-N', '--zero-commit',
                         '--no-signature', '--no-stat', '--minimal',
                         '--no-renames', '--abbrev=12', '-U%d' % context,
                         '--relative=openvswitch',
                         '--start-number=%d' % number, '-o', tmp, commit,
                         cwd=cwd)
                name, = os.listdir(tmp)
                patch = read(os.path.join(tmp, name))
            hunks = parse(patch)
            if not hunks:
                raise Error('commit %s in _ovs changes nothing' % commit[:12])
            for path in {h.path for h in hunks} - set(before):
                before[path] = self.git(
                    'show', '%s^:openvswitch/%s' % (commit, path),
                    cwd=cwd).stdout.split(b'\n')
            if all(h.fits_once(before[h.path]) for h in hunks):
                break
        return name, patch

    def with_files(self, rev, blobs):
        """The tree of a revision, but for files {path: blob}."""
        with tempfile.TemporaryDirectory(prefix='ovs-tree-') as tmp:
            env = dict(GIT_INDEX_FILE=os.path.join(tmp, 'index'))
            self.git('read-tree', rev, env=env)
            self.git('update-index', '--index-info', env=env, input=''.join(
                '%s %s\topenvswitch/%s\n' % (
                    self.out('ls-tree', rev, 'openvswitch/' + path).split()[0],
                    blob, path) for path, blob in blobs.items()).encode())
            return self.out('write-tree', env=env)

    def autosquash(self):
        """Folds fixup! commits into what they name, squash! commits with
        their message, and amend! commits with theirs instead; the files stay
        what they are."""
        groups, changed = [], False
        for commit in self.commits():
            text = self.out('log', '-1', '--format=%B', commit)
            m = re.match(r'(fixup|squash|amend)! +((?:\w+! +)*)(.*)', text)
            target = m and self.find_group(groups, m.group(3))
            if not target:
                if m:
                    raise Error('no commit is "%s"' % m.group(3))
                groups.append([text, [commit]])
                continue
            changed = True
            target[1].append(commit)
            body = text.partition('\n')[2].strip('\n')
            if m.group(1) == 'amend':
                target[0] = body
            elif m.group(1) == 'squash' and body:
                target[0] += '\n\n' + body
        if changed:
            tip = fold(self, groups)
            if self.subtree(tip) != self.subtree('HEAD'):
                raise Error('folding commits would change the tree')
            self.git('reset', '-q', '--soft', tip)

    def find_group(self, groups, name):
        """The group that a fixup names, by subject or by commit."""
        found = [g for g in groups if g[0].split('\n')[0] == name]
        if not found and re.fullmatch('[0-9a-f]{7,40}', name):
            found = [g for g in groups if g[1][0].startswith(name)]
        return found[-1] if found else None

    def refresh(self, force=False):
        self.need()
        if self.local_work() == 'uncommitted edits':
            raise Error('_ovs holds uncommitted edits: commit them first '
                        '(git -C _ovs commit -a --fixup=COMMIT)')
        if digest(queue()) != self.stamped()[0] and not force:
            raise Error('datapath/ has changed since _ovs was made from it: '
                        '"utilities/ovs-tree create --rebase" first, or '
                        '"utilities/ovs-tree refresh --force" to overwrite it')
        self.autosquash()
        patches = self.export()
        old = queue()
        for name in old.keys() - patches.keys():
            os.unlink(os.path.join(QUEUE, name))
        for name, data in patches.items():
            if old.get(name) != data:
                write(os.path.join(QUEUE, name), data)
                say('wrote datapath/' + name)
        self.set_stamp(patches, self.out('rev-parse', 'HEAD'))
        if update(self, patches):
            say('wrote the table of datapath/README.rst')
