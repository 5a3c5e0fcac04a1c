# Licensed under the Apache License, Version 2.0; see LICENSE.

"""ovs-tnl-gso serve: `tnl-gso/metrics` for Prometheus, over HTTP."""

import http.server
import socket
import sys
import threading

import ovs.daemon
import ovs.version
import ovs.vlog

from .daemon import Error

vlog = ovs.vlog.Vlog('tnl_gso_serve')

TYPE = 'text/plain; version=0.0.4; charset=utf-8'
UP = '''\
# HELP ovs_tnl_gso_up 1 if ovs-vswitchd has answered, else 0.
# TYPE ovs_tnl_gso_up gauge
ovs_tnl_gso_up %d
'''
PAGE = '''\
<!DOCTYPE html>
<html><head><title>ovs-tnl-gso</title></head>
<body><p><a href="/metrics">/metrics</a></p></body></html>
'''


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    # Who sends no version that is understood gets a status line, too.
    default_request_version = 'HTTP/1.0'
    timeout = 10                # Seconds that a client may say nothing.

    def do_GET(self):
        path = self.path.partition('?')[0]
        if path == '/metrics':
            self.answer(200, TYPE, self.server.metrics())
        elif path == '/':
            self.answer(200, 'text/html; charset=utf-8', PAGE)
        else:
            self.answer(404, 'text/plain', 'Only /metrics is here.\n')

    do_HEAD = do_GET

    def refuse(self):
        # There may be a body, which nobody reads.
        self.close_connection = True
        self.answer(405, 'text/plain', 'Only GET and HEAD are answered.\n',
                    Allow='GET, HEAD')

    do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = refuse

    def answer(self, code, content_type, text, **headers):
        data = text.encode()
        self.send_response(code)
        self.send_header('Content-Type', content_type)
        self.send_header('Content-Length', str(len(data)))
        for name, value in headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header('Connection', 'close')
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(data)

    def version_string(self):
        return 'ovs-tnl-gso'

    def log_message(self, fmt, *args):
        vlog.dbg('%s: %s' % (self.client_address[0], fmt % args))


class Server(http.server.ThreadingHTTPServer):
    MAX_CLIENTS = 16            # Each has a thread.

    def __init__(self, address, daemon):
        if ':' in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, Handler)
        self.daemon = daemon
        self.asking = threading.Lock()
        self.clients = threading.BoundedSemaphore(self.MAX_CLIENTS)
        self.why_down = None

    def metrics(self):
        """The page.  ovs-vswitchd gets one question at a time, whoever
        asks."""
        with self.asking:
            try:
                text, why = self.daemon.ask('tnl-gso/metrics'), None
            except Error as e:
                text, why = '', str(e)
            if why != self.why_down:
                if why:
                    vlog.warn('ovs-vswitchd does not answer: %s' % why)
                else:
                    vlog.info('ovs-vswitchd answers again')
                self.why_down = why
        return text + UP % (why is None)

    def process_request(self, request, client_address):
        if self.clients.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            request.setblocking(False)
            try:
                request.send(b'HTTP/1.1 503 Service Unavailable\r\n'
                             b'Connection: close\r\nContent-Length: 0\r\n\r\n')
            except OSError:
                pass
            self.shutdown_request(request)

    def process_request_thread(self, request, client_address):
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.clients.release()

    def handle_error(self, request, client_address):
        # A client that goes away is none.
        vlog.info('%s: %s' % (client_address[0], sys.exc_info()[1]))


def parse_listen(s):
    """'s', ADDRESS:PORT or PORT, as a pair.  Raises ValueError."""
    address, _, port = s.rpartition(':')
    port = int(port)
    if not 0 <= port < 65536:
        raise ValueError('no such port')
    return address.strip('[]') or '127.0.0.1', port


def run(daemon, args):
    ovs.vlog.handle_args(args)
    ovs.daemon.handle_args(args)
    try:
        server = Server(args.listen, daemon)
    except OSError as e:
        sys.exit('ovs-tnl-gso: cannot listen on %s port %d: %s'
                 % (*args.listen, e.strerror))
    ovs.daemon.daemonize()
    address, port = server.server_address[:2]
    vlog.info('ovs-tnl-gso %s, http://%s:%d/metrics' % (
        ovs.version.VERSION, '[%s]' % address if ':' in address else address,
        port))
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
