# Licensed under the Apache License, Version 2.0; see LICENSE.

"""Constants, running commands, and Error."""

import filecmp
import os
import subprocess

SRC = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.realpath(__file__))))
QUEUE = os.path.join(SRC, 'datapath')
OVERLAY = ('lib', 'ofproto', 'tests', 'utilities')

# What autoreconf and make write into the source tree.  Debian's package ships
# these files; in ovs-base they would show up as changes after every build.
GENERATED = '''
    Makefile.in aclocal.m4 autom4te.cache config.h.in config.h.in~ configure
    configure~ package.m4
    build-aux/ar-lib build-aux/compile build-aux/config.guess
    build-aux/config.sub build-aux/depcomp build-aux/install-sh
    build-aux/ltmain.sh build-aux/missing build-aux/py-compile
    m4/libtool.m4 m4/ltoptions.m4 m4/ltsugar.m4 m4/ltversion.m4
    m4/lt~obsolete.m4
    python/ovs/version.py
    tests/testsuite tests/*-testsuite
'''.split()


# Of the patches, as of this repository's commits.
NAME = 'Seed fba0cc55 maintainers'
EMAIL = 'maintainers@users.noreply.h-seed-fba0cc55.example'
DATE = '2026-01-01T00:00:00Z'

ENV = {k: v for k, v in os.environ.items() if not k.startswith('GIT_')}
# Results must not depend on who runs this, where, and with what preferences.
ENV.update(LC_ALL='C', TZ='UTC',
           GIT_CONFIG_GLOBAL='/dev/null', GIT_CONFIG_NOSYSTEM='1',
           GIT_CONFIG_COUNT='1', GIT_CONFIG_KEY_0='safe.directory',
           GIT_CONFIG_VALUE_0='*', GIT_EDITOR='true',
           GIT_COMMITTER_NAME=NAME, GIT_COMMITTER_EMAIL=EMAIL,
           GIT_COMMITTER_DATE=DATE)
AUTHOR = dict(GIT_AUTHOR_NAME=NAME, GIT_AUTHOR_EMAIL=EMAIL,
              GIT_AUTHOR_DATE=DATE)


class Error(Exception):
    pass


def say(text):
    print('ovs-tree: ' + text, flush=True)


def run(cmd, cwd=None, env=None, check=True, **kwargs):
    """Runs a command and returns its result, output as bytes; 'check' makes
    an Error of a failure, whose text is the command's own last words."""
    result = subprocess.run(cmd, cwd=cwd, env=dict(ENV, **(env or {})),
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            **kwargs)
    if check and result.returncode:
        words = (result.stderr or result.stdout).decode(errors='replace')
        raise Error('%s failed: %s' % (' '.join(cmd[:4]), words.strip()))
    return result


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as f:
        f.write(data)


def report(what, problems):
    print('%s %s' % ('FAIL' if problems else 'ok  ', what))
    for problem in problems:
        print('     ' + problem)
    return 1 if problems else 0


def files_below(path):
    return {os.path.relpath(os.path.join(d, f), path)
            for d, _, names in os.walk(path) for f in names}


def compare(ours, theirs):
    """How two directories differ, a line per file."""
    a, b = files_below(ours), files_below(theirs)
    return (['only in _ovs: ' + f for f in sorted(a - b)] +
            ['not in _ovs: ' + f for f in sorted(b - a)] +
            ['%s differs' % f for f in sorted(a & b)
             if not filecmp.cmp(os.path.join(ours, f),
                                os.path.join(theirs, f), shallow=False)])
