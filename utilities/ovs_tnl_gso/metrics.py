# Licensed under the Apache License, Version 2.0; see LICENSE.

"""What `tnl-gso/metrics` has answered, and what has happened between two
answers."""

import re

SAMPLE = re.compile(r'([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
ESCAPES = {'n': '\n', '"': '"', '\\': '\\'}


def unescape(value):
    return re.sub(r'\\(.)', lambda m: ESCAPES.get(m[1], m[0]), value)


def parse(text):
    """{name: {labels: value}}; labels are sorted pairs."""
    metrics = {}
    for line in text.splitlines():
        m = SAMPLE.match(line)
        if m:
            labels = tuple(sorted((name, unescape(value)) for name, value
                                  in LABEL.findall(m[2] or '')))
            metrics.setdefault(m[1], {})[labels] = float(m[3])
    return metrics


class Change:
    """Two answers, 'seconds' apart.  Counters that are zero are not in an
    answer; one that has become smaller has begun again at zero."""

    def __init__(self, before, after, seconds):
        self.before = before
        self.after = after
        self.seconds = seconds

    def rows(self, name, by):
        """{values of the labels 'by': (total, per second)} of the counter
        'name', summed up over all other labels."""
        before = self.before.get(name, {})
        sums = {}
        for labels, total in self.after.get(name, {}).items():
            was = before.get(labels, 0)
            moved = total - was if total >= was else total
            label = dict(labels)
            key = tuple(label.get(b, '') for b in by)
            old = sums.get(key, (0, 0))
            sums[key] = old[0] + total, old[1] + moved / self.seconds
        return sums

    def rates(self, name, by):
        """The same, per second only."""
        return {key: rate for key, (_, rate) in self.rows(name, by).items()}

    def gauge(self, name, **labels):
        """The value of one sample, 0 if there is none."""
        return self.after.get(name, {}).get(
            tuple(sorted(labels.items())), 0)
