# Licensed under the Apache License, Version 2.0; see LICENSE.

"""Addresses in text, and words in place of them."""

import ipaddress
import re

MAC = re.compile(r'(?<![\w:])[0-9a-fA-F]{2}(?:([:-])[0-9a-fA-F]{2})'
                 r'(?:\1[0-9a-fA-F]{2}){4}(?![\w:-])')
# What may be an IPv6 address, or have one in it.
COLONS = re.compile(r'[0-9a-fA-F]*:[0-9a-fA-F:]*:[0-9a-fA-F:.]*')
IPV4 = re.compile(r'(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.]*\d)')
# A bridge's own MAC address, in its datapath ID.
DPID = re.compile(r'(?<![0-9a-f-])0000([0-9a-f]{12})(?![0-9a-f-])')
# They say nothing of a network.
KEPT = {'0.0.0.0', '127.0.0.1', '255.255.255.255', '::', '::1',
        '00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff'}


def ipv6_in(s):
    """(start, end, address) of the longest IPv6 address in 's', or None."""
    starts = [0] + [i + 1 for i, c in enumerate(s) if c == ':']
    ends = [len(s)] + [i for i, c in enumerate(s) if c in ':.']
    for start, end in sorted(((a, b) for a in starts for b in ends if a < b),
                             key=lambda pair: pair[0] - pair[1]):
        try:
            if s.count(':', start, end) >= 2:
                return start, end, ipaddress.IPv6Address(s[start:end])
        except ValueError:
            pass
    return None


class Hider:
    """Replaces addresses by words: the same one by the same word, whatever
    text it is in.  All texts have to be learned before the first one is
    changed, since an address can be written in other ways, without colons or
    dots, which are recognized by what is known."""

    def __init__(self):
        self.words = {}
        self.numbers = {}
        self.raw = {}           # Hexadecimal digits.

    def word(self, kind, address, digits):
        if address not in self.words:
            n = self.numbers[kind] = self.numbers.get(kind, 0) + 1
            self.words[address] = '%s-%d' % (kind, n)
            # Words and numbers that happen to look like it are no harm.
            self.raw[digits] = self.words[address]
        return self.words[address]

    def mac(self, m):
        text = m[0].lower().replace('-', ':')
        return m[0] if text in KEPT else self.word('mac', text,
                                                   text.replace(':', ''))

    def dpid(self, m):
        return '0000' + self.word('mac', ':'.join(re.findall('..', m[1])),
                                  m[1])

    def ipv4(self, m):
        try:
            address = ipaddress.IPv4Address(m[0])
        except ValueError:
            return m[0]
        return m[0] if m[0] in KEPT else self.word(
            'ip4', address, address.packed.hex())

    def ipv6(self, m):
        found = ipv6_in(m[0])
        if not found or str(found[2]) in KEPT:
            return m[0]
        start, end, address = found
        return m[0][:start] + self.word(
            'ip6', address, address.packed.hex()) + m[0][end:]

    def known(self, text):
        """'text' with words for all addresses in their usual form."""
        for pattern, replace in ((MAC, self.mac), (COLONS, self.ipv6),
                                 (IPV4, self.ipv4), (DPID, self.dpid)):
            text = pattern.sub(replace, text)
        return text

    learn = known

    def hide(self, text):
        text = self.known(text)
        if self.raw:
            text = re.sub('|'.join(sorted(self.raw, key=len, reverse=True)),
                          lambda m: self.raw[m[0].lower()], text,
                          flags=re.IGNORECASE)
        return text
