#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The hosts that users copy from.

Goal: each serves what its comment says and ends clean; under valgrind without an error or a leak.
Method: start it, ask it over sockets, send SIGTERM, look at its status.

Usage: test_examples.py MODULE [VALGRIND] MIN LIBEV THREAD
"""
import ctypes
import os
import signal
import socket
import struct
import subprocess
import sys
import unittest

ARGUMENTS = sys.argv[1:]
del sys.argv[1:]
MODULE = ARGUMENTS.pop(0)
WRAPPER = []
if len(ARGUMENTS) == 4:
    WRAPPER = [ARGUMENTS.pop(0), '--quiet', '--error-exitcode=99', '--leak-check=full', '--errors-for-leak-kinds=all', '--track-fds=yes',
               '--fair-sched=yes']
MIN, LIBEV, THREAD = ARGUMENTS


def ask(port, path):
    with socket.create_connection(('127.0.0.1', port), timeout=30) as client:
        client.sendall(f'GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'.encode())
        reply = b''
        while True:
            piece = client.recv(65536)
            if not piece:
                break
            reply += piece
    head, _, body = reply.partition(b'\r\n\r\n')
    return int(head.split()[1]), body.decode()


def refuse_rings():
    """io_uring_setup is refused in the child: valgrind holds its lock, and signals, while a thread sleeps in a ring."""
    libc = ctypes.CDLL(None, use_errno=True)
    load, equal, give = 0x20, 0x15, 0x06
    code = b''.join(struct.pack('HBBI', *line) for line in
                    ((load, 0, 0, 0), (equal, 0, 1, 425), (give, 0, 0, 0x00050001), (give, 0, 0, 0x7fff0000)))
    code = ctypes.create_string_buffer(code, len(code))
    program = struct.pack('HxxxxxxP', 4, ctypes.addressof(code))
    if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, ctypes.c_char_p(program), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), 'seccomp')


class Host:
    def __init__(self, *command):
        self.process = subprocess.Popen(WRAPPER + list(command), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        preexec_fn=refuse_rings if WRAPPER else None)
        line = self.process.stdout.readline()
        if not line.startswith('listening on port '):
            self.process.kill()
            raise AssertionError(f'{command[0]}: {line}{self.process.communicate()[1]}')
        self.port = int(line.split()[-1])

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate(timeout=60)
        if kind is None and self.process.returncode != 0:
            raise AssertionError(f'ended with {self.process.returncode}: {out}{err}')



class Examples(unittest.TestCase):
    def expect_app(self, port):
        self.assertEqual(ask(port, '/app/hi/Ada'), (200, 'Hello, Ada!\n'))
        self.assertEqual(ask(port, '/app/share/4'), (200, '25 for each\n'))
        self.assertEqual(ask(port, '/app/share/0')[0], 500)
        self.assertEqual(ask(port, '/app/hi/Bob'), (200, 'Hello, Bob!\n'))

    def test_min(self):
        with Host(MIN, MODULE, '127.0.0.1:0') as host:
            self.expect_app(host.port)
            self.assertEqual(ask(host.port, '/')[0], 404)

    def test_min_says_why_not(self):
        for path in ('/no/such/file.vkb', os.path.abspath(__file__)):
            done = subprocess.run([MIN, path], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertGreater(len(done.stdout), 10)

    def test_libev(self):
        with Host(LIBEV, MODULE) as host:
            self.assertEqual(ask(host.port, '/'), (200, 'From the host.\n'))
            self.expect_app(host.port)
            self.assertEqual(ask(host.port, '/else'), (200, 'From the host.\n'))

    def test_thread(self):
        with Host(THREAD, MODULE, '2') as host:  # the addresses of three do not fit into what valgrind has
            for _ in range(10):
                self.expect_app(host.port)


if __name__ == '__main__':
    unittest.main(verbosity=2)
