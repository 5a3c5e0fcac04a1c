# Licensed under the Apache License, Version 2.0; see LICENSE.

"""The command line of ovs-tnl-gso(8)."""

import argparse

import ovs.daemon
import ovs.version
import ovs.vlog

from . import report, serve, top
from .daemon import Daemon
from .view import SORTS


def between(convert, least, most):
    """For argparse: a number in these bounds."""
    def parse(s):
        value = convert(s)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError('%s is not between %g and %g'
                                             % (s, least, most))
        return value
    parse.__name__ = 'number'
    return parse


def listen(s):
    try:
        return serve.parse_listen(s)
    except ValueError:
        raise argparse.ArgumentTypeError('%s is no ADDRESS:PORT' % s)


def parser():
    p = argparse.ArgumentParser(
        prog='ovs-tnl-gso', description='Tunnel segmentation offload of a '
        'running ovs-vswitchd: see ovs-tnl-gso(8).')
    p.add_argument('-V', '--version', action='version',
                   version='ovs-tnl-gso (Open vSwitch) '
                   + ovs.version.VERSION)
    p.add_argument('-t', '--target', default='ovs-vswitchd',
                   help='pidfile or socket to contact, as for ovs-appctl')
    p.add_argument('-T', '--timeout', type=between(float, .1, 600), default=5,
                   metavar='SECS', help='wait at most SECS seconds for each '
                   'answer (default: %(default)s)')
    commands = p.add_subparsers(dest='command', required=True)

    c = commands.add_parser('top', help='rates of tunnels and ports, live')
    c.add_argument('-i', '--interval', type=between(float, .1, 3600),
                   default=2, metavar='SECS',
                   help='default: %(default)s seconds')
    c.add_argument('-s', '--sort', choices=SORTS, default='tx')
    c.add_argument('-a', '--all', action='store_true',
                   help='also what does not move')
    c.add_argument('--once', action='store_true',
                   help='print one screen after one interval')
    c.set_defaults(run=top.run)

    c = commands.add_parser('serve', help='an exporter for Prometheus')
    c.add_argument('-l', '--listen', type=listen, default='127.0.0.1:10475',
                   metavar='ADDRESS:PORT', help='default: %(default)s')
    ovs.vlog.add_args(c)
    ovs.daemon.add_args(c)
    c.set_defaults(run=serve.run)

    c = commands.add_parser('report', help='an archive for a bug report')
    c.add_argument('-o', '--output', metavar='FILE',
                   help='default: ovs-tnl-gso-DATE-TIME.tar.gz')
    c.add_argument('--log-lines', type=between(int, 0, 1000000),
                   default=2000, metavar='N', help='of ovs-vswitchd.log, from '
                   'its end (default: %(default)s)')
    c.add_argument('--addresses', action='store_true',
                   help='leave IP and MAC addresses as they are')
    c.set_defaults(run=report.run)
    return p


def main():
    args = parser().parse_args()
    args.run(Daemon(args.target, args.timeout), args)
