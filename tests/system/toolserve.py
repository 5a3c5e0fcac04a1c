# Licensed under the Apache License, Version 2.0; see LICENSE.
"""Is `ovs-tnl-gso serve` a good exporter?  Prints what is wrong.

    toolserve.py up PORT [METRIC LABEL=VALUE VALUE]...
    toolserve.py down PORT
    toolserve.py http PORT
    toolserve.py crowd PORT

The first two scrape as Prometheus would, and read with its own parser for
Python: "up" with the values that samples must have, as the kernel has counted.
The others ask in ways in which one should not."""

import http.client
import socket
import sys
import urllib.error
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

TYPE = 'text/plain; version=0.0.4; charset=utf-8'


def scrape(port):
    with urllib.request.urlopen('http://127.0.0.1:%d/metrics' % port,
                                timeout=10) as r:
        if r.headers['Content-Type'] != TYPE:
            yield None, 'type is %s' % r.headers['Content-Type']
        for family in text_string_to_metric_families(r.read().decode()):
            if not family.documentation or family.type == 'unknown':
                yield None, '%s has no HELP or TYPE' % family.name
            for s in family.samples:
                yield (s.name, frozenset(s.labels.items())), s.value


def check_scrape(port, up, wanted):
    samples = {}
    for key, value in scrape(port):
        if key is None:
            yield value
        elif key in samples:
            yield '%s comes twice' % (key,)
        samples[key] = value
    if samples.get(('ovs_tnl_gso_up', frozenset())) != up:
        yield 'ovs_tnl_gso_up is not %d' % up
    if not up and len(samples) != 1:
        yield 'samples although nobody answers'
    while wanted:
        name, labels, value = wanted[:3]
        del wanted[:3]
        labels = {tuple(word.split('=')) for word in labels.split(',')}
        got = [v for key, v in samples.items()
               if key and key[0] == name and labels <= key[1]]
        if got != [float(value)]:
            yield '%s %s is %s, not %s' % (name, sorted(labels), got, value)


def answer(port, data, shut=False):
    """What the bytes are answered with, in words: "405 Allow: GET, HEAD"."""
    with socket.create_connection(('127.0.0.1', port), 5) as s:
        s.sendall(data)
        if shut:
            s.shutdown(socket.SHUT_WR)
        r = http.client.HTTPResponse(s, method=data.split(b' ')[0].decode(
            errors='replace'))
        try:
            r.begin()
        except http.client.HTTPException:
            return 'nothing'
        body = r.read()
        words = str(r.status)
        if r.headers['Allow']:
            words += ' Allow: ' + r.headers['Allow']
        return words + (' empty' if not body else '')


def check_http(port):
    for data, want in (
            (b'GET / HTTP/1.1\r\nHost: x\r\n\r\n', '200'),
            (b'GET /metrics?collect[]=x HTTP/1.0\r\n\r\n', '200'),
            (b'HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n', '200 empty'),
            (b'GET /other HTTP/1.1\r\nHost: x\r\n\r\n', '404'),
            (b'GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n', '404'),
            (b'POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n'
             b'abc', '405 Allow: GET, HEAD'),
            (b'DELETE / HTTP/1.1\r\nHost: x\r\n\r\n', '405 Allow: GET, HEAD'),
            (b'BREW / HTTP/1.1\r\nHost: x\r\n\r\n', '501'),
            (b'GET / HTTP/9.9\r\n\r\n', '505'),
            (b'GET /a b c\r\n\r\n', '400'),
            (b'\x16\x03\x01\x02\x00\x01\xff\r\n\r\n', '400'),
            (b'GET /' + b'a' * 70000 + b' HTTP/1.1\r\n\r\n', '414'),
            (b'GET / HTTP/1.1\r\n' + b'a: b\r\n' * 200 + b'\r\n', '431')):
        got = answer(port, data)
        if got != want:
            yield '%r: answered %s, not %s' % (data[:40], got, want)
    got = answer(port, b'GET /metr', shut=True)
    # HTTP 0.9 has no more than that.
    if got not in ('nothing', '400', '404'):
        yield 'half a request: answered ' + got


def check_crowd(port):
    """Many who say nothing: others are told so, and served when they go."""
    request = b'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
    idle = [socket.create_connection(('127.0.0.1', port), 5)
            for _ in range(16)]
    got = answer(port, request)
    if got != '503 empty':
        yield 'a crowd: answered ' + got
    for s in idle:
        s.close()
    for _ in range(100):
        got = answer(port, request)
        if got == '200':
            return
    yield 'after a crowd: answered ' + got


def main():
    what, port, *wanted = sys.argv[1:]
    port = int(port)
    errors = {'up': lambda: check_scrape(port, 1, wanted),
              'down': lambda: check_scrape(port, 0, []),
              'http': lambda: check_http(port),
              'crowd': lambda: check_crowd(port)}[what]()
    for error in errors:
        print(error)


main()
