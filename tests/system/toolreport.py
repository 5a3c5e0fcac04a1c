# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Is an archive of `ovs-tnl-gso report` in order?  Prints what is wrong.

    toolreport.py ARCHIVE hidden|shown ADDRESSES PATTERN...

No address of those in the file ADDRESSES may be in it, however it is written;
with "shown", some must be.  Each PATTERN, FILE:REGEX, must be found in a file
of the archive; with a "!" in front, in none of that name."""

import ipaddress
import os
import re
import sys
import tarfile


def forms(word):
    """How an address may be written."""
    try:
        a = ipaddress.ip_address(word)
    except ValueError:
        digits = word.lower().replace(':', '')
        return {word.lower(), digits, word.lower().replace(':', '-')}
    return {str(a), a.exploded, a.packed.hex()}


def main():
    archive, mode, addresses, *patterns = sys.argv[1:]
    with tarfile.open(archive) as tar:
        files = {m.name.partition('/')[2]: tar.extractfile(m).read().decode()
                 for m in tar}
    if os.stat(archive).st_mode & 0o077:
        print('others may read it')
    with open(addresses) as f:
        words = {form for word in f.read().split() for form in forms(word)}
    if len(words) < 20:
        print('only %d addresses are looked for' % len(words))
    found = {}
    for name, text in files.items():
        for word in words:
            # 10.0.0.1 is not in 10.0.0.100.
            if re.search(r'(?<![0-9a-f.])%s(?![0-9a-f])' % re.escape(word)
                         if '.' in word else re.escape(word), text.lower()):
                found.setdefault(name, word)
    if mode == 'hidden':
        for name, word in found.items():
            print('%s has %s' % (name, word))
    elif len(found) < 5:
        print('addresses are in %s only' % sorted(found))
    for pattern in patterns:
        name, _, regex = pattern.lstrip('!').partition(':')
        there = any(re.search(regex, text, re.M) for path, text
                    in files.items() if name in path)
        if there == pattern.startswith('!'):
            print('%s: %s' % (pattern, [p for p in files if name in p]
                              or 'no such file of %s' % sorted(files)))


main()
