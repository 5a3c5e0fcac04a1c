#!/usr/bin/python3
# Copyright (c) 2026 The tnl-gso authors.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at:
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""Reads `ovs-appctl --format json tnl-gso/stats` for shell scripts.

    stats.py PORT ENCAP < JSON

PORT may be several ones, with commas in between.  Prints one line "METHOD PACKETS SEGMENTS BYTES" for each method that was used
for ENCAP on PORT, one line "drop REASON PACKETS" for each reason for which
packets were dropped on PORT, and "event NAME PACKETS".  PORT "all" adds up all
ports, ENCAP "all" all kinds.
"""

import collections
import json
import sys


def main(port, encap):
    text = sys.stdin.read()
    if not text.strip():
        return
    sums = collections.OrderedDict()
    for p in json.loads(text)['ports']:
        if port != 'all' and p['name'] not in port.split(','):
            continue
        for kind, methods in p['tx'].items():
            if encap not in (kind, 'all'):
                continue
            for method, c in methods.items():
                old = sums.get((method,), [0, 0, 0])
                sums[(method,)] = [old[0] + c['packets'],
                                   old[1] + c['segments'],
                                   old[2] + c['bytes']]
        for word, key in ('drop', 'drops'), ('event', 'events'):
            for name, n in p[key].items():
                old = sums.get((word, name), [0])
                sums[(word, name)] = [old[0] + n]
    for key, numbers in sums.items():
        print(*key, *numbers)


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
