# Licensed under the Apache License, Version 2.0; see LICENSE.

"""What `top` shows, as lines of text; nothing here knows a terminal."""

SORTS = ('tx', 'rx', 'name')

# Events that are losses.
LOSSES = ('rx_socket_full', 'rx_tap_full', 'rx_zero_csum6_drop', 'tx_refused',
          'relay_lost')
# What becomes of STT packets and frames that are lost.
STT_LOSSES = ('no_memory', 'expired', 'evicted_peer', 'evicted')
# Rules of merging that leave nothing apart that could have been merged.
MERGED = ('joined', 'first')


def plain(s):
    """'s', which anybody may have chosen, without what a terminal obeys."""
    return ''.join(c if c.isprintable() else '?' for c in s)


def number(x):
    """Three digits that count, and k, M or G."""
    for unit in '', 'k', 'M', 'G':
        if x < 999.5:
            return ('%.0f%s' if x >= 99.95 or (not unit and x == int(x))
                    else '%.1f%s' if x >= 9.995 else '%.2f%s') % (x, unit)
        x /= 1000
    return '%.0fT' % x


def gbits(bytes_per_second):
    return '%.3f' % (bytes_per_second * 8 / 1e9)


def mean(what, each):
    return '%.*f' % (what < 100 * each, what / each) if each else '-'


class View:
    """The lines of one screen.  'change' is of class Change, 'ports' what
    `tnl-gso/show --brief` has answered."""

    def __init__(self, change, ports, sort='tx', everything=False):
        self.change = change
        self.ports = {port['name']: port for port in ports}
        self.sort = sort
        self.everything = everything
        # Only what sends has a method.
        self.senders = {dict(labels).get('port') for labels in
                        change.after.get('ovs_tnl_gso_method', {})}

    def lines(self):
        """(text, is a heading) of each."""
        for section in (self.tunnels, self.sent, self.merged, self.lost,
                        self.advice):
            heading, rows = section()
            if rows:
                yield '', False
                yield heading, True
                for row in rows:
                    yield row.rstrip(), False

    def state(self):
        """The line about what is no port's."""
        c = self.change
        return ('userspace TSO %s; buffers: %d used, %d idle; %d STT frames '
                'of %d hosts' % (
                    'on' if c.gauge('ovs_tnl_gso_userspace_tso') else 'off',
                    c.gauge('ovs_tnl_gso_buffers', state='used'),
                    c.gauge('ovs_tnl_gso_buffers', state='idle'),
                    c.gauge('ovs_stt_frames'), c.gauge('ovs_stt_peers')))

    def order(self, rows):
        """The texts of 'rows', (tx, rx, name, text), as they are sorted."""
        key = {'tx': lambda r: (-r[0], -r[1], r[2]),
               'rx': lambda r: (-r[1], -r[0], r[2]),
               'name': lambda r: r[2]}[self.sort]
        return [row[3] for row in sorted(rows, key=key)]

    def tunnels(self):
        form = '%-15.15s %-7.7s %9s %7s %6s %9s %7s %6s  %-13s %s'
        by = 'port', 'type', 'direction'
        packets = self.change.rates('ovs_tnl_gso_port_packets_total', by)
        bytes_ = self.change.rates('ovs_tnl_gso_port_bytes_total', by)
        names = {(name, type_) for name, type_, _ in packets} | {
            (name, port['type']) for name, port in self.ports.items()}
        rows = []
        for name, type_ in names:
            if name in self.senders:
                continue
            port = self.ports.get(name, {})
            words, rate = [], {}
            for way in 'tx', 'rx':
                b = rate[way] = bytes_.get((name, type_, way), 0)
                p = packets.get((name, type_, way), 0)
                words += [gbits(b), number(p), mean(b, p)]
            if not any(rate.values()) and not self.everything:
                continue
            rows.append((rate['tx'], rate['rx'], name, form % (
                plain(name), type_, *words,
                plain(','.join(port.get('through', [])) or '-'),
                ','.join(port.get('methods', [])) or '-')))
        return form % ('TUNNEL', 'TYPE', 'TX Gbit/s', 'pkt/s', 'B/pkt',
                       'RX Gbit/s', 'pkt/s', 'B/pkt', 'THROUGH',
                       'CUT BY'), self.order(rows)

    def sent(self):
        form = '%-15.15s %-7.7s %9s %7s %6s  %s'
        by = 'port', 'encap', 'method'
        supers = self.change.rows('ovs_tnl_gso_tx_superpackets_total', by)
        segments = self.change.rates('ovs_tnl_gso_tx_segments_total', by)
        bytes_ = self.change.rates('ovs_tnl_gso_tx_bytes_total', by)
        rows = []
        for key, (_, rate) in supers.items():
            if not rate and not self.everything:
                continue
            b = bytes_.get(key, 0)
            rows.append((b, 0, key, form % (
                plain(key[0]), key[1], gbits(b), number(rate),
                mean(segments.get(key, 0), rate), key[2])))
        return form % ('PORT', 'SENDS', 'Gbit/s', 'super/s', 'seg',
                       'CUT BY'), self.order(rows)

    def merged(self):
        form = '%-15.15s %9s %9s %6s %9s %7s %7s  %s'
        rules = self.change.rates('ovs_tnl_gso_gro_packets_total',
                                  ('port', 'rule'))
        made, cut, pauses = (self.change.rows(name, ('port',)) for name in (
            'ovs_tnl_gso_gro_superpacket_packets_count',
            'ovs_tnl_gso_gro_cut_again_total',
            'ovs_tnl_gso_gro_pauses_total'))
        rows = []
        for name in {port for port, _ in rules}:
            mine = {rule: rate for (port, rule), rate in rules.items()
                    if port == name}
            packets = sum(mine.values())
            if not packets and not self.everything:
                continue
            supers = made.get((name,), (0, 0))[1]
            merged = mine.get('joined', 0) + supers
            apart = max((r for r in mine if r not in MERGED),
                        key=mine.get, default=None)
            rows.append((0, packets, name, form % (
                plain(name), number(packets), number(supers),
                mean(merged, supers),
                '%.1f %%' % (100 * merged / packets) if packets else '-',
                number(cut.get((name,), (0, 0))[1]),
                number(pauses.get((name,), (0, 0))[0]),
                '%s %.1f %%' % (apart, 100 * mine[apart] / packets)
                if apart and mine[apart] else '-')))
        return form % ('RECEIVES CUT', 'pkt/s', 'super/s', 'pkt', 'merged',
                       'again/s', 'pauses',
                       'LEFT APART MOST BY'), self.order(rows)

    def lost(self):
        form = '%-15.15s %9s %9s  %s'
        found = []
        for name, by, words, only in (
                ('ovs_tnl_gso_drops_total', ('port', 'reason'),
                 'drop %s', None),
                ('ovs_tnl_gso_events_total', ('port', 'event'), '%s', LOSSES),
                ('ovs_tnl_gso_port_drops_total', ('port', 'direction'),
                 'any packet, %s', None),
                ('ovs_stt_verdicts_total', ('', 'verdict'), 'stt %s',
                 STT_LOSSES)):
            for (port, what), (total, rate) in self.change.rows(
                    name, by).items():
                if total and (only is None or what in only):
                    found.append((-rate, -total, port, words % what))
        return form % ('LOST BY', 'per s', 'in all', 'WHAT'), [
            form % (plain(port) or '-', number(-rate), number(-total), what)
            for rate, total, port, what in sorted(found)]

    def advice(self):
        return 'ADVICE', ['%s: %s' % (plain(name), plain(words))
                          for name, port in sorted(self.ports.items())
                          for words in port.get('advice', [])]
