# Licensed under the Apache License, Version 2.0; see LICENSE.

"""ovs-tnl-gso report: what a bug report needs, in one archive."""

import collections
import io
import os
import platform
import re
import subprocess
import sys
import tarfile
import time

import ovs.dirs
import ovs.version

from .addresses import Hider
from .daemon import Error
from .metrics import parse

APPCTL = (
    ('version',), ('tnl-gso/show',), ('tnl-gso/show', '--brief'),
    ('tnl-gso/stats',), ('tnl-gso/metrics',), ('stt/show',), ('dpif/show',),
    ('dpctl/show',), ('ovs/route/show',), ('tnl/neigh/show',),
    ('tnl/ports/show',), ('upcall/show',), ('coverage/show',),
    ('memory/show',), ('dpif-netdev/pmd-stats-show',),
    ('dpif-netdev/pmd-rxq-show',), ('bond/list',), ('vlog/list',),
)
VSCTL = (
    ('show',),
    ('--columns=other_config,ovs_version,dpdk_initialized,dpdk_version,'
     'datapath_types,system_type,system_version', 'list', 'Open_vSwitch'),
    ('--columns=name,datapath_type,fail_mode,other_config,protocols', 'list',
     'Bridge'),
    ('--columns=name,type,options,other_config,mtu,mtu_request,ofport,'
     'admin_state,link_state,status,statistics,error', 'list', 'Interface'),
)
DEVICE = (('ethtool', '-k'), ('ethtool', '-i'), ('ip', '-d', '-s', 'link',
                                                 'show', 'dev'))
# Values of options that are nobody's business.
SECRET = re.compile(r'(\b(?:psk|\w*password|\w*private_key)=)'
                    r'("(?:[^"\\]|\\.)*"|[^,}\s]*)')
MORE = '''\
Made by ovs-tnl-gso report, version %s, at %s.
%s

%s
'''


def file_name(words):
    return '-'.join(word.strip('-') for word in words).replace('/', '-')


class Report:
    def __init__(self, daemon, log_lines):
        self.daemon = daemon
        self.log_lines = log_lines
        self.texts = collections.OrderedDict()
        self.failed = []

    def add(self, name, text):
        self.texts[name] = SECRET.sub(r'\1(left out)', text)

    def fail(self, name, why):
        self.failed.append('%s: %s' % (name, why))
        self.add(name, 'failed: %s\n' % why)

    def run(self, name, *command):
        try:
            r = subprocess.run(command, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, timeout=15)
        except (OSError, subprocess.SubprocessError) as e:
            self.fail(name, e)
            return
        text = r.stdout.decode(errors='replace')
        if r.returncode:
            self.fail(name, 'exit status %d\n%s' % (r.returncode, text))
        else:
            self.add(name, text)

    def ask(self, name, *command):
        try:
            self.add(name, self.daemon.ask(*command))
        except Error as e:
            self.fail(name, e)

    def read(self, name, path, lines=None):
        try:
            with open(path, errors='replace') as f:
                self.add(name, ''.join(collections.deque(f, lines)))
        except OSError as e:
            self.fail(name, e)

    def collect(self):
        for command in APPCTL:
            self.ask('appctl/%s.txt' % file_name(command), *command)
        for command in VSCTL:
            self.run('database/%s.txt' % command[-1], 'ovs-vsctl',
                     '--timeout=10', *command)
        self.add('system/kernel.txt', ' '.join(
            (platform.system(), platform.release(), platform.version(),
             platform.machine())) + '\n')
        self.read('system/os-release.txt', '/etc/os-release')
        for device in self.devices():
            for command in DEVICE:
                self.run('devices/%s/%s.txt' % (device, file_name(command)),
                         *command, device)
        self.read('ovs-vswitchd.log', os.path.join(ovs.dirs.LOGDIR,
                                                   'ovs-vswitchd.log'),
                  self.log_lines)

    def devices(self):
        """Ports that are devices of the kernel; all are in the metrics."""
        samples = parse(self.texts['appctl/tnl-gso-metrics.txt'])
        ports = {dict(labels).get('port') for sample in samples.values()
                 for labels in sample}
        return sorted(port for port in ports - {None}
                      if re.fullmatch(r'[^/\s]+', port)
                      and os.path.exists('/sys/class/net/' + port))

    def hide_addresses(self):
        hider = Hider()
        for text in self.texts.values():
            hider.learn(text)
        for name, text in self.texts.items():
            self.texts[name] = hider.hide(text)
        self.failed = [hider.hide(why) for why in self.failed]

    def write(self, path, hidden):
        now = time.time()
        self.texts['README'] = MORE % (
            ovs.version.VERSION,
            time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime(now)),
            'IP and MAC addresses are words here: ip4-1, ip6-1, mac-1 and so '
            'on,\nthe same word for the same address in all files.' if hidden
            else 'Addresses are as they were.',
            'These have failed:\n  ' + '\n  '.join(self.failed)
            if self.failed else 'Nothing has failed.')
        self.texts.move_to_end('README', last=False)
        top = os.path.basename(path).split('.')[0]
        # What is in there is for the eyes of who asked for it.
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, 'wb') as f, tarfile.open(fileobj=f,
                                                    mode='w:gz') as tar:
            for name, text in self.texts.items():
                data = text.encode(errors='replace')
                info = tarfile.TarInfo('%s/%s' % (top, name))
                info.size, info.mtime = len(data), int(now)
                tar.addfile(info, io.BytesIO(data))


def run(daemon, args):
    path = args.output or time.strftime('ovs-tnl-gso-%Y%m%d-%H%M%S.tar.gz')
    report = Report(daemon, args.log_lines)
    report.collect()
    if not args.addresses:
        report.hide_addresses()
    try:
        report.write(path, not args.addresses)
    except OSError as e:
        sys.exit('ovs-tnl-gso: %s: %s' % (path, e.strerror))
    for why in report.failed:
        print('ovs-tnl-gso: ' + why.split('\n')[0], file=sys.stderr)
    print(path)
