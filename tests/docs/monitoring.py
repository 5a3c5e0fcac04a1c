# Licensed under the Apache License, Version 2.0; see LICENSE.

"""What the tool, the dashboard and the alerts want to know of metrics is what
`tnl-gso/metrics` has."""

import json
import os
import re
import shutil
import subprocess
import tempfile

import names

RULES = 'utilities/ovs-tnl-gso.rules.yml'
DASHBOARD = 'utilities/ovs-tnl-gso.dashboard.json'
METRICS = 'ofproto/tnl-gso-metrics.c'
PARTS = '_bucket', '_sum', '_count'     # Of a histogram.
# What Prometheus adds.
TARGET = {'instance', 'job'}


def known_types():
    """{name: type} of all samples, from the table in the code, and from the
    exporter, which adds one."""
    found = dict(re.findall(r'^    METRIC\(\w+, "([^"]+)", "(\w+)"',
                            names.read(METRICS), re.M))
    for name in [n for n, kind in found.items() if kind == 'histogram']:
        del found[name]
        found.update((name + part, 'counter') for part in PARTS)
    found.update(re.findall(r'^# TYPE (\S+) (\w+)$',
                            names.read('utilities/ovs_tnl_gso/serve.py'),
                            re.M))
    return found


def known_labels():
    code = names.read(METRICS)
    # The one that begins with "_" is part of a name.
    return TARGET | {'le'} | set(
        re.findall(r'put_(?:label|count|sample)\([^;]*?, "([a-z]\w*)",', code))


def known_values():
    return {'method': names.methods(), 'reason': names.reasons(),
            'event': names.events(), 'rule': names.rules(),
            'verdict': names.results(), 'direction': {'rx', 'tx'},
            'state': {'idle', 'used'}}


def errors_in(expr):
    """What is wrong in 'expr', of PromQL, as far as names go."""
    types, labels, values = known_types(), known_labels(), known_values()
    for name in sorted(set(re.findall(r'\bovs_\w+', expr)) - set(types)):
        yield 'no metric ' + name
    for function, name in re.findall(r'\b(rate|increase)\(\s*(ovs_\w+)',
                                     expr):
        if types.get(name) == 'gauge':
            yield '%s() of a gauge: %s' % (function, name)
    for group in re.findall(r'\b(?:by|on) \(([^)]*)\)', expr):
        for label in sorted(set(re.findall(r'\w+', group)) - labels):
            yield 'no label ' + label
    for label, words in re.findall(r'(\w+)=~?"([^"]*)"', expr):
        if label not in labels:
            yield 'no label ' + label
        elif '$' not in words:
            for word in set(words.split('|')) - values[label]:
                yield 'no %s "%s"' % (label, word)


def expressions():
    """(where, expression) of all."""
    try:
        import yaml
        groups = yaml.safe_load(names.read(RULES))['groups']
        for rule in (rule for group in groups for rule in group['rules']):
            yield rule['alert'], rule['expr']
    except ImportError:
        yield RULES, re.sub(r'(?m)^ *#.*', '', names.read(RULES))
    dashboard = json.loads(names.read(DASHBOARD))
    for panel in dashboard['panels']:
        for target in panel['targets']:
            yield panel['title'], target['expr']
    for variable in dashboard['templating']['list']:
        yield variable['name'], variable['query']


# Each has a mistake.
MISTAKES = ('ovs_tnl_gso_drop_total', 'rate(ovs_tnl_gso_buffers[5m])',
            'ovs_tnl_gso_tx_bytes_total{method="hardware"}',
            'ovs_tnl_gso_tx_superpacket_segments',
            'sum by (device) (ovs_tnl_gso_up)',
            'ovs_tnl_gso_drops_total{reasons=~"mtu|too_big"}')


def check():
    """Yields (name, errors)."""
    yield 'mistakes with metrics are found', [
        'not in ' + expr for expr in MISTAKES if not list(errors_in(expr))]
    for where, expr in expressions():
        yield 'metrics of "%s"' % where, list(errors_in(expr))
    tool = names.read('utilities/ovs_tnl_gso/*.py')
    yield 'metrics of ovs-tnl-gso', [
        'no metric ' + name for name in sorted(
            set(re.findall(r"'(ovs_(?!tnl_gso')\w+)'", tool))
            - set(known_types()))]
    view = names.read('utilities/ovs_tnl_gso/view.py')
    for name, known in (('LOSSES', names.events()),
                        ('STT_LOSSES', names.results()),
                        ('MERGED', names.rules())):
        words = re.search(r'^%s = \(([^)]*)\)' % name, view, re.M)
        yield 'names of ovs-tnl-gso: ' + name, sorted(
            set(re.findall(r"'(\w+)'", words[1])) - known)
    panels = json.loads(names.read(DASHBOARD))['panels']
    ids = [panel['id'] for panel in panels]
    yield 'numbers of panels', [] if len(ids) == len(set(ids)) else [str(ids)]


def promtool(*args):
    r = subprocess.run(('promtool',) + args, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True)
    return r.stdout.splitlines() if r.returncode else []


def check_promtool():
    """Yields (name, errors) of what Prometheus' own tool says, or nothing if
    it is not there."""
    if not shutil.which('promtool'):
        return
    for what, path in ('check', RULES), ('test', 'tests/docs/alerts.yml'):
        yield 'promtool %s rules' % what, promtool(
            what, 'rules', os.path.join(names.TOP, path))
    # As rules, of which it knows whether they are PromQL.
    rules = [{'record': 'a:%d' % i,
              'expr': re.sub(r'\$(?!__)\w+', '.*', target['expr']).replace(
                  '$__rate_interval', '1m')}
             for panel in json.loads(names.read(DASHBOARD))['panels']
             for i, target in enumerate(panel['targets'], panel['id'] * 100)]
    with tempfile.NamedTemporaryFile('w', suffix='.yml') as f:
        json.dump({'groups': [{'name': 'dashboard', 'rules': rules}]}, f)
        f.flush()
        yield 'promtool: the dashboard', promtool('check', 'rules', f.name)
