# Licensed under the Apache License, Version 2.0; see LICENSE.

"""Questions to a running ovs-vswitchd, over the socket of ovs-appctl."""

import errno
import os

import ovs.json
import ovs.jsonrpc
import ovs.poller
import ovs.stream
import ovs.timeval
import ovs.unixctl


class Error(Exception):
    """There is no answer, and why."""


class Refused(Error):
    """The answer is that the command is wrong."""


class Daemon:
    def __init__(self, target='ovs-vswitchd', timeout=5):
        """'target' is as in ovs-appctl(8), 'timeout' in seconds: how long one
        command may take."""
        self.target = target
        self.timeout = timeout

    def socket_name(self):
        """That of the process that runs now: it differs after a restart."""
        error, name = ovs.unixctl.socket_name_from_target(self.target)
        if error:
            raise Error('%s (%s)' % (name, os.strerror(error)))
        return name

    def ask(self, command, *args, json=False):
        """Returns the answer: text, or with 'json' what that stands for."""
        deadline = ovs.timeval.msec() + int(self.timeout * 1000)
        conn = self._connect(deadline)
        try:
            if json:
                self._transact(conn, 'set-options', ['--format', 'json'],
                               deadline)
            return self._transact(conn, command, list(args), deadline)
        finally:
            conn.close()

    def _connect(self, deadline):
        name = self.socket_name()
        error, stream = ovs.stream.Stream.open('unix:' + name)
        while not error:
            error = stream.connect()
            if error != errno.EAGAIN:
                break
            error = 0
            poller = ovs.poller.Poller()
            stream.run_wait(poller)
            stream.connect_wait(poller)
            self._block(poller, deadline)
        if error:
            raise Error('cannot connect to %s (%s)'
                        % (name, os.strerror(error)))
        return ovs.jsonrpc.Connection(stream)

    def _transact(self, conn, command, args, deadline):
        request = ovs.jsonrpc.Message.create_request(command, args)
        error = conn.send(request)
        while not error:
            conn.run()
            error, reply = conn.recv()
            if error == errno.EAGAIN:
                error = 0
                poller = ovs.poller.Poller()
                conn.wait(poller)
                conn.recv_wait(poller)
                self._block(poller, deadline)
            elif not error and reply.id == request.id:
                if reply.error is not None:
                    raise Refused(str(reply.error).strip())
                return reply.result
        raise Error('the connection was closed' if error == ovs.jsonrpc.EOF
                    else os.strerror(error))

    def _block(self, poller, deadline):
        left = deadline - ovs.timeval.msec()
        if left <= 0:
            raise Error('no answer for %g s' % self.timeout)
        poller.timer_wait(left)
        poller.block()
