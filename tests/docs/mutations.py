# Licensed under the Apache License, Version 2.0; see LICENSE.

"""Does names.check() notice?  Each name that is missing on one side only, in
the code or in what describes it, must be an error."""

import re

import names

APPCTL = names.REFERENCE
CODE = 'lib/**/*.c'
MAN = 'ofproto/tnl-gso-unixctl.man'
STT_MAN = 'ofproto/stt-unixctl.man'
QUEUE = 'datapath/*.patch'

# What names.read() is asked for, a regular expression, what takes the place of
# all that it finds, and the name whose check must fail.
MUTATIONS = [
    # In the code, but not described.
    (APPCTL, r'^tnl-gso/explain\n', 'explain\n', 'command tnl-gso/explain'),
    (APPCTL, r'^``udp-gso``  ', 'udp-gso', 'method udp-gso'),
    (APPCTL, r'^``bad_tcp``$', 'bad_tcp', 'reason bad_tcp'),
    (APPCTL, r'^``rx_rco_wrong``$', '', 'event rx_rco_wrong'),
    (APPCTL, r'^``expired``$', '', 'result expired'),
    (APPCTL, r'^``Interface other_config:tnl-gso-methods``$', '',
     'setting tnl-gso-methods'),
    (APPCTL, r'^``tnl_gso_event_<event>``', '',
     'statistics tnl_gso_event_<event>'),
    (APPCTL, r'^``tnl_gso_truncated``$', '',
     'coverage counter tnl_gso_truncated'),
    (APPCTL, r'``n-peers``', 'n-peers', 'JSON key n-peers'),
    (MAN, r'rx_trains', 'trains', 'name rx_trains'),
    (MAN, r'\\fBtcp\\-tso\\fR', '', 'name tcp-tso'),
    (STT_MAN, r'evicted_peer', '', 'name evicted_peer'),
    (QUEUE, r'^\+.*key="tnl_gso_event_name".*', '',
     'statistics tnl_gso_event_<event>'),
    (QUEUE, r'^\+.*<column name="other_config" key="tnl-gso-methods".*', '',
     'setting tnl-gso-methods'),
    (QUEUE, r'^\+.*<column name="\w+" key="remote_csum_tx".*', '',
     'setting remote_csum_tx'),
    (CODE, r'\Z', 'COVERAGE_DEFINE(tnl_gso_new);',
     'coverage counter tnl_gso_new'),
    (CODE, r'\Z', 'unixctl_command_register("tnl-gso/new", "", 0, 0, f, f);',
     'command tnl-gso/new'),
    (CODE, r'\Z', 's = smap_get(config, "tnl-gso-new");',
     'setting tnl-gso-new'),
    (CODE, r'\Z', 'put_counter(cs, s.new, prefix, "new", method, "_x");',
     'statistics tnl_gso_new_<method>_x'),
    (CODE, r'return "bad_rco";', 'return "bad_new";', 'reason bad_new'),

    # Described, but not in the code.
    (APPCTL, r'\Z', '\n``tnl_gso_gone``\n    Gone.\n',
     'coverage counter tnl_gso_gone'),
    (APPCTL, r'^``rx_trains``$', '``rx_gone``', 'event rx_gone'),
    (APPCTL, r'^``tnl_gso_drop_<reason>``', '``tnl_gso_gone_<reason>``',
     'statistics tnl_gso_gone_<reason>'),
    (APPCTL, r'``inner_ip_version``', '``inner_gone``', 'JSON key inner_gone'),
    (MAN, r'\Z', '\n.IP \\\\fBtnl\\\\-gso/gone\\\\fR\n', 'name tnl-gso/gone'),
    (QUEUE, r'\Z', '\n+<column name="other_config" key="tnl-gso-gone"\n',
     'setting tnl-gso-gone'),
    (QUEUE, r'\Z', '\n+<column name="statistics" key="tnl_gso_gone">\n',
     'statistics tnl_gso_gone'),
    (CODE, r'return "rx_trains";', '', 'event rx_trains'),
    (CODE, r'MEMBER\(name, ', 'MEMBER(title, ', 'encapsulations'),
    (CODE, r'MEMBER\(name, "stt"', 'MEMBER(name, "new"', 'encapsulation new'),
]
RUNNING = [
    ('tnl_gso_plain=hw, tnl_gso_new=hw', 'status tnl_gso_new'),
    ('tnl_gso_plain=hw', 'status tnl_gso_<encap>_<family>_csum'),
]


def wrong(checks):
    return {name for name, errors in checks if errors}


def check(ovs_src):
    """Yields (name, errors) of each mutation."""
    original = names.read
    for pattern, old, new, name in MUTATIONS:
        def read(asked, pattern=pattern, old=old, new=new):
            text = original(asked)
            return (re.sub(old, new, text, flags=re.M) if asked == pattern
                    else text)

        names.read = read
        try:
            noticed = name in wrong(names.check(ovs_src))
        finally:
            names.read = original
        unchanged = not re.search(old, original(pattern), re.M)
        yield 'mutation of %s: %s' % (pattern, name), (
            ['there is nothing to change'] if unchanged
            else [] if noticed else ['is not noticed'])
    for status, name in RUNNING:
        yield 'mutation of status: ' + name, (
            [] if name in wrong(names.check_running(status, ''))
            else ['is not noticed'])
