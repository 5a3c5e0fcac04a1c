# Licensed under the Apache License, Version 2.0; see LICENSE.

"""Names that an operator meets: those that the code knows, and those that the
documentation describes.  tests/run-docs wants them to be the same.

Each function returns a set.  What the code knows is found in its text, so
these patterns know how the code is written; check() complains of an empty
set."""

import functools
import glob
import os
import re

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
REFERENCE = 'Documentation/ref/appctl.rst'
MANUALS = ['tnl-gso-unixctl.man', 'stt-unixctl.man']


@functools.lru_cache(maxsize=None)
def read(pattern):
    """All files that match 'pattern', in any folder where it has a **."""
    names = sorted(glob.glob(os.path.join(TOP, pattern), recursive=True))
    return '\n'.join(open(name, encoding='utf-8').read() for name in names)


def code():
    return read('lib/**/*.c') + read('ofproto/**/*.c')


def added():
    """The lines that the patches of the queue add."""
    return '\n'.join(re.findall(r'^\+(.*)', read('datapath/*.patch'), re.M))


# What the code knows.

def returned(function):
    """The strings that C function 'function' returns."""
    body = re.search(r'^%s\(.*?^}' % function, code(), re.M | re.S)
    return set(re.findall(r'return "(\w+)"', body[0])) if body else set()


def commands():
    return set(re.findall(r'unixctl_command_register\("([^"]+)"', code()))


def methods():
    """Those that are shown: what is split counts as what its parts are."""
    return set(re.findall(r'\[TNL_GSO_\w+\] = "([^"]+)"',
                          code())) - {'split'}


def encaps():
    return set(re.findall(r'MEMBER\(name, "([^"]+)"', code()))


def reasons():
    return returned('tnl_gso_reason_to_string') - {'ok'}


def events():
    return returned('tnl_gso_event_to_string')


def rules():
    return returned('tnl_gro_rule_to_string')


def results():
    return returned('stt_verdict_to_string')


def coverage():
    return set(re.findall(r'COVERAGE_DEFINE\((\w+)\)', code() + added()))


def metrics():
    return set(re.findall(r'^    METRIC\(\w+, "([^"]+)"', code(), re.M))


def checksum_codes():
    return {'plain'} | set(re.findall(r'csum_copy_(avx\w*)', code()))


def settings():
    """Keys of other_config and options, but for those of dummy ports."""
    text = code() + added()
    return {key for key in
            re.findall(r'\bsmap_get(?:_\w+)?\(\w+,\s*"([^"]+)"', text)
            + re.findall(r'\btnl_gso_get_bool\(\w+,\s*"([^"]+)"', text)
            + re.findall(r'\bget_number\(config,\s*"([^"]+)"', text)
            + re.findall(r'!strcmp\(key, "([^"]+)"', text)
            if not key.startswith('ol_')}


def json_keys():
    """What the commands' answers in JSON have."""
    return set(re.findall(r'\bjson_object_put(?:_string|_format)?\('
                          r'[^,;]+,\s*"([^"]+)"', code()))


def dummy_options(text):
    """Options by which a test says what a dummy port can do."""
    return set(re.findall(r'\bsmap_get(?:_\w+)?\(args,\s*"(ol_\w+)"', text))


def upstream(path, ovs_src):
    with open(os.path.join(ovs_src, path), encoding='utf-8') as f:
        return f.read()


def statistics():
    """tnl_gso_drop_<reason> and the like."""
    variable = {'encap': '<encap>', 'method': '<method>',
                'tnl_gso_reason_to_string(i)': '<reason>',
                'tnl_gso_event_to_string(i)': '<event>',
                'tnl_gro_rule_to_string(i)': '<rule>'}
    shared = {'tnl_gso_%s<counter>' % prefix for prefix in re.findall(
        r'put_counters\(\w+, [^,]+, "(\w+)"\);', code())}
    def word(arg):
        return arg.strip('"') if arg.startswith('"') else variable[arg]
    return shared | {'tnl_gso_%s_%s%s' % (word(what), word(which), unit)
            for what, which, unit in re.findall(
                r'put_counter\(\w+,[^;,]*?,\s*prefix,\s*([^,;]+?),\s*([^,;]+?),'
                r'\s*"(\w*)"\);', code())}


def status_keys(text):
    """Of what "ovs-vsctl get Interface X status" has printed."""
    family = r'_(ipv[46])(?=_|$)'
    return {re.sub(family, '_<family>', re.sub(
                r'^tnl_gso_(%s)(?=_)' % '|'.join(encaps() - {'plain'}),
                'tnl_gso_<encap>', key))
            for key in re.findall(r'\b(tnl_g[rs]o\w*)=', text)}


# What the documentation describes.

def section(title, name=REFERENCE):
    """The text of section 'title', without subsections, of a page."""
    text = read(name)
    found = re.search(r'^%s\n([-~])\1+\n(.*?)(?=^[^\s\n][^\n]*\n([-~])\3{2,}$'
                      r'|\Z)' % re.escape(title), text, re.M | re.S)
    return found[2] if found else ''


def terms(*titles, name=REFERENCE):
    """What definition lists and first columns of tables say between ``; there
    must be two blanks after the column."""
    found = set()
    for title in titles:
        lines = section(title, name).splitlines() + ['']
        for line, following in zip(lines, lines[1:]):
            if re.fullmatch(r'(?:``[^`]+``(?:, )?)+', line) and (
                    following.startswith('    ')):
                found.update(re.findall(r'``([^`]+)``', line))
            else:
                found.update(re.findall(r'^``([^`]+)`` {2,}\S', line))
    return found


def command_sections():
    return set(re.findall(r'^(\S+/\S+)\n-+$', read(REFERENCE), re.M))


def last_word(names):
    """Of "Interface other_config:key" the key."""
    return {re.split('[ :]', name)[-1] for name in names}


def manual():
    """What the lists in the manual pages describe."""
    found = set()
    for name in MANUALS:
        for line in re.findall(r'^\.IP (.*)', read('ofproto/' + name), re.M):
            bold = re.findall(r'\\fB(.*?)(?:\\fR|$)', line)
            bold = [word.replace('\\', '').strip('"') for word in bold]
            found.update(bold[:1] if bold and '/' in bold[0] else bold)
    return found


def xml_keys(column):
    """Keys in 'column' that the queue adds to vswitch.xml."""
    return set(re.findall(r'<column name="%s"\s+key="([^"]+)"' % column,
                          added()))


def xml_templates(column):
    words = {'encap': '<encap>', 'method': '<method>', 'reason': '<reason>',
             'family': '<family>', 'name': '<event>', 'rule': '<rule>',
             'counter': '<counter>'}
    return {'_'.join(words.get(word, word) for word in key.split('_'))
            for key in xml_keys(column)}


def xml_words(title, ovs_src):
    """What is between <code> in the group 'title' of vswitch.xml."""
    text = upstream('vswitchd/vswitch.xml', ovs_src)
    group = text[text.index('<group title="%s">' % title):]
    return set(re.findall(r'<code>([^<]+)</code>',
                          group[:group.index('</group>')]))


# The comparison.

def differences(kind, known, described, where):
    """(name, errors) of each name of 'kind' that the code has in set 'known',
    and that is 'described' in what 'where' calls."""
    if not known:
        yield kind, ['none found in the code: correct tests/docs/names.py']
    if not described:
        yield kind, ['none found in %s: correct it, or tests/docs/names.py'
                     % where]
    for name in sorted(known | described):
        yield '%s %s' % (kind, name), (
            ['not in ' + where] if name not in described
            else ['in %s, but not in the code' % where] if name not in known
            else [])


def check(ovs_src):
    """Yields (name, errors)."""
    described = [
        ('command', commands(), command_sections()),
        ('method', methods(), terms('Methods')),
        ('reason', reasons(), terms('Reasons')),
        ('event', events(), terms('Events')),
        ('rule', rules(), terms('Merging')),
        ('result', results(), terms('Packets', 'Packets Dropped',
                                    'Frames Given Up')),
        ('setting', settings(), last_word(terms('Settings'))),
        ('metric', metrics(), terms('tnl-gso/metrics')),
        ('statistics', statistics(), terms('Statistics')),
        # dp_packet_gso counts our cuts as well.
        ('coverage counter', coverage() | {'dp_packet_gso'},
         terms('Coverage Counters')),
    ]
    for kind, known, names in described:
        yield from differences(kind, known, names, REFERENCE)
    ours = dummy_options(code() + added())
    yield from differences(
        'option of dummy ports', ours,
        set(re.findall(r'``options:(ol_\w+)``',
                       read('Documentation/internals/testing.rst')))
        - (dummy_options(upstream('lib/netdev-dummy.c', ovs_src)) - ours),
        'testing.rst')
    yield from differences('name',
                           commands() | methods() | reasons() | events()
                           | results(), manual(),
                           ' or '.join(MANUALS))
    yield from differences('setting', settings(),
                           xml_keys('other_config') | xml_keys('options'),
                           'the part of vswitch.xml in datapath/')
    # Those that Open vSwitch has in every build have a row in bridge.c.
    yield from differences('statistics', statistics(), {
        key for key in xml_templates('statistics')
        if 'IFACE_STAT(%s,' % key not in upstream('vswitchd/bridge.c',
                                                  ovs_src)}, 'vswitch.xml')
    for title, names in (
            ('Superpackets', methods() - {'pass', 'drop'}),
            ('superpackets', encaps() - {'plain'}),
            ('Statistics: Superpackets', encaps())):
        missing = names - xml_words(title, ovs_src)
        yield 'group "%s" of vswitch.xml' % title, [
            'lacks ' + name for name in sorted(missing)]
    described = set(re.findall(r'``([\w-]+)``', section('JSON')))
    for name in sorted(json_keys()):
        yield 'JSON key ' + name, (
            [] if name in described else ['not in "JSON" of ' + REFERENCE])
    for name in sorted(described - {'ok', 'TCP', 'UDP'}):
        yield 'JSON key ' + name, (
            [] if '"%s"' % name in code() else ['not in the code'])
    shown = section('tnl-gso/show') + section('Methods')
    yield 'encapsulations', [] if encaps() else [
        'none found in the code: correct tests/docs/names.py']
    for kind, names in (('encapsulation', encaps()),
                        ('checksum code', checksum_codes())):
        for name in sorted(names):
            yield '%s %s' % (kind, name), (
                [] if re.search(r'(?<![\w-])%s(?![\w-])' % name, shown)
                else ['not in "tnl-gso/show" of ' + REFERENCE])


def check_running(status, statistics_text):
    """The same for what "ovs-vsctl get Interface X status" and the same for
    statistics have printed."""
    keys = status_keys(status)
    yield from differences('status', keys, terms('Status'), REFERENCE)
    yield from differences('status', keys, xml_templates('status'),
                           'vswitch.xml')
    patterns = '|'.join(
        re.sub('<\\w+>', r'\\w+', name) for name in statistics())
    for key in re.findall(r'\b(tnl_g[rs]o\w*)=', statistics_text):
        yield 'statistics ' + key, (
            [] if re.fullmatch(patterns, key)
            else ['tests/docs/names.py does not know how it is made'])


def check_mentions(pages, known_commands, ovs_src):
    """Every command and key that 'pages', name to text, mention is there."""
    keys = set(re.findall(r'key="([^"]+)"',
                          upstream('vswitchd/vswitch.xml', ovs_src)))
    keys |= dummy_options(code() + upstream('lib/netdev-dummy.c', ovs_src))
    for name, text in pages.items():
        errors = ['no command ' + command for command in sorted(
            set(re.findall(r'(?<![/\w])((?:tnl-gso|stt)/[a-z-]+)\b', text))
            - known_commands)]
        errors += ['no key ' + key for key in sorted(
            set(re.findall(r'\b(?:other_config|options):([a-z][\w-]*\w)',
                           text)) - keys)]
        yield 'names in ' + name, errors
