#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a client sees of the example servers, byte for byte.

Goal: every form of request is answered as RFC 9110 and 9112 want it, or refused with its status and a
closed connection; nothing a client sends crosses into another answer. Method: raw sockets against the
real programs, one server per class.

Usage: test_http.py DRIVER EXAMPLES_DIR

With DRIVER metal the programs are images (NAME.elf) that boot in QEMU.
"""
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

DRIVER, EXAMPLES = sys.argv.pop(1), sys.argv.pop(1)
GET = b'GET / HTTP/1.1\r\nHost: a\r\n\r\n'


def command(name):
    """What starts the program, and its port; None: it says so itself."""
    if DRIVER != 'metal':
        return [f'{EXAMPLES}/{name}', '--listen', '127.0.0.1:0', '--driver', DRIVER], None
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'metal'))
    import boot
    port = boot.free_port()
    return boot.command('microvm', f'{EXAMPLES}/{name}.elf', append=boot.GUEST_NET,
                        more=boot.forward('microvm', port)), port


class Server:
    def __init__(self, name):
        arguments, port = command(name)
        self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)
        self.log = []
        line = ''
        while 'listening on' not in line:
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError(f'{name} did not start: {self.log}')
            self.log.append(line)
        self.port = port or int(re.search(r':(\d+) \(', line)[1])
        self.reader = threading.Thread(target=lambda: self.log.extend(self.process.stdout), daemon=True)
        self.reader.start()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(15)
        self.reader.join(5)
        self.process.stdout.close()
        return status

    def connect(self):
        sock = socket.create_connection(('127.0.0.1', self.port), 10)
        sock.settimeout(10)
        return sock

    def talk(self, data, shut=True):
        """Everything the server says to data until it closes."""
        with self.connect() as sock:
            sock.sendall(data)
            if shut:
                sock.shutdown(socket.SHUT_WR)
            got = b''
            while True:
                try:
                    piece = sock.recv(65536)
                except ConnectionResetError:
                    return got + b'<reset>'
                if not piece:
                    return got
                got += piece


class Base(unittest.TestCase):
    program = ''

    @classmethod
    def setUpClass(cls):
        cls.server = Server(cls.program)

    @classmethod
    def tearDownClass(cls):
        status = cls.server.stop()
        if status != 0:
            raise AssertionError(f'{cls.program} ended with {status}')

    def status(self, data, shut=False):
        """The statuses of all responses to data; the server must close by itself unless shut."""
        return [int(s) for s in re.findall(rb'HTTP/1\.1 (\d{3}) ', self.server.talk(data, shut))]


class Hello(Base):
    program = 'hello'

    def test_hello_has_what_it_promises(self):
        head, body = self.server.talk(GET).split(b'\r\n\r\n', 1)
        self.assertEqual(body, b'Hello, World!')
        for want in (rb'^HTTP/1\.1 200 OK\r\n', rb'\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT(\r\n|$)',
                     rb'\r\nServer: vkd(\r\n|$)', rb'\r\nContent-Type: text/plain(\r\n|$)',
                     rb'\r\nContent-Length: 13(\r\n|$)'):
            self.assertRegex(head, want)

    def test_smuggling_forms_are_refused_and_the_connection_closed(self):
        post = b'POST /echo HTTP/1.1\r\nHost: a\r\n'
        forms = [
            post + b'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
            post + b'Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello',
            post + b'Content-Length: 5, 5\r\n\r\nhello',
            post + b'Content-Length: +5\r\n\r\nhello',
            post + b'Content-Length: 0x5\r\n\r\nhello',
            post + b'Content-Length: -1\r\n\r\n',
            post + b'Content-Length: 99999999999999999999\r\n\r\n',
            post + b'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
            post + b'Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n',
            post + b'Content-Length : 5\r\n\r\nhello',
            b'GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n',
            b'GET / HTTP/1.1\nHost: a\n\n',
            b'GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n',
            b'GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n',
            b'GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n',
            b'GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n',
            b'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
            b'GET / HTTP/1.1\r\n\r\n',
            b'GET  / HTTP/1.1\r\nHost: a\r\n\r\n',
            b'GET /\tHTTP/1.1\r\nHost: a\r\n\r\n',
            b'GET / HTTP/1.1 \r\nHost: a\r\n\r\n',
            b'GET / http/1.1\r\nHost: a\r\n\r\n',
            b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
            b'GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n',
        ]
        for form in forms:
            with self.subTest(form=form):
                self.assertEqual(self.status(form + GET), [400])

    def test_obfuscated_chunks_break_the_answer_off(self):
        head = b'POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'
        for body in (b'5 \r\nhello\r\n0\r\n\r\n', b'0x5\r\nhello\r\n0\r\n\r\n', b'5\nhello\r\n0\r\n\r\n',
                     b'5\r\nhelloX\r\n0\r\n\r\n', b'-5\r\nhello\r\n0\r\n\r\n', b'5\r\nhello\r\n0\r\n\n',
                     b'fffffffffffffffff\r\nhello'):
            with self.subTest(body=body):
                got = self.server.talk(head + body + GET, shut=False)
                self.assertNotIn(b'Hello, World!', got)
                self.assertNotIn(b'\r\n0\r\n\r\n', got)

    def test_limits_have_their_statuses(self):
        self.assertEqual(self.status(b'GET /' + b'a' * 9000 + b' HTTP/1.1\r\nHost: a\r\n\r\n'), [414])
        self.assertEqual(self.status(b'GET /' + b'a' * 40000), [414])
        self.assertEqual(self.status(b'GET / HTTP/1.1\r\nHost: a\r\nX: ' + b'a' * 20000), [431])
        self.assertEqual(self.status(b'GET / HTTP/1.1\r\nHost: a\r\n' + b'X: b\r\n' * 64 + b'\r\n'), [431])
        self.assertEqual(self.status(b'GET / HTTP/1.1\r\nHost: a\r\n' + b'X: b\r\n' * 63 + b'\r\n', True), [200])
        trailers = b'POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n' + b'X: b\r\n' * 1500
        self.assertEqual(self.status(trailers + b'\r\n'), [431])
        self.assertEqual(self.status(b'GET / HTTP/2.0\r\nHost: a\r\n\r\n'), [505])
        self.assertEqual(self.status(b'POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'),
                         [501])
        self.assertEqual(self.status(b'POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n'), [400])
        self.assertEqual(self.status(b'POST /echo HTTP/1.1\r\nHost: a\r\nExpect: more\r\n'
                                     b'Content-Length: 1\r\n\r\n'), [417])

    def test_routes_that_do_not_fit(self):
        self.assertEqual(self.status(b'GET /none HTTP/1.1\r\nHost: a\r\n\r\n', True), [404])
        got = self.server.talk(b'PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n')
        self.assertRegex(got, rb'^HTTP/1\.1 405 [^\0]*\r\nAllow: POST, OPTIONS\r\n')
        got = self.server.talk(b'OPTIONS /echo HTTP/1.1\r\nHost: a\r\n\r\n')
        self.assertRegex(got, rb'^HTTP/1\.1 204 [^\0]*\r\nAllow: POST, OPTIONS\r\n')
        self.assertRegex(self.server.talk(b'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n'), rb'^HTTP/1\.1 20[04] ')

    def test_head_is_get_without_a_body(self):
        got = self.server.talk(b'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n' + GET)
        self.assertEqual(got.count(b'Content-Length: 13'), 2)
        self.assertEqual(got.count(b'Hello, World!'), 1)
        got = self.server.talk(b'HEAD /big?bytes=1000 HTTP/1.1\r\nHost: a\r\n\r\n' + GET)
        self.assertIn(b'Content-Length: 1000', got)
        self.assertEqual(len(got.split(b'\r\n\r\n')), 3)

    def test_head_of_a_long_body_does_not_keep_anybody_busy(self):
        got = self.server.talk(b'HEAD /big?bytes=9223372036854775807 HTTP/1.1\r\nHost: a\r\n\r\n' + GET)
        self.assertEqual(re.findall(rb'HTTP/1\.1 (\d+)', got), [b'200', b'200'])

    def test_malformed_body_is_the_clients_fault(self):
        head = b'POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'
        for body in (b'ffffffffffffffff\r\n', b'0' * 300, b'x\r\n'):
            with self.subTest(body=body):
                self.assertEqual(self.status(head + body), [400])

    def test_head_that_always_has_begun_is_not_late(self):
        """Each request completes with the first bytes of the next: no timeout of a head may add up."""
        with self.server.connect() as sock:
            sock.sendall(GET + b'GE')
            for _ in range(23):
                self.assertIn(b'Hello, World!', sock.recv(4096))
                time.sleep(0.5)
                sock.sendall(GET[2:] + b'GE')
            self.assertIn(b'Hello, World!', sock.recv(4096))

    def test_persistence_of_each_version(self):
        two = self.server.talk(GET + b'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' + GET, shut=False)
        self.assertEqual(two.count(b'Hello, World!'), 2)
        self.assertEqual(two.count(b'Connection: close'), 1)
        one = self.server.talk(b'GET / HTTP/1.0\r\n\r\n' + GET, shut=False)
        self.assertEqual(one.count(b'Hello, World!'), 1)
        kept = self.server.talk(b'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n' + GET)
        self.assertEqual(kept.count(b'Hello, World!'), 2)
        self.assertIn(b'Connection: keep-alive', kept)

    def test_pipelined_answers_keep_their_order(self):
        asked = b''
        for i in range(40):
            asked += b'GET /wait?ms=%d HTTP/1.1\r\nHost: a\r\n\r\n' % (3 if i % 7 == 0 else 0)
            asked += b'GET /none%d HTTP/1.1\r\nHost: a\r\n\r\n' % i + GET
        self.assertEqual(self.status(asked, True), [200, 404, 200] * 40)

    def test_head_in_pieces_of_every_size(self):
        request = b'\r\nGET / HTTP/1.1\r\nHost: a\r\nX-Padding: ' + b'p' * 40 + b'\r\n\r\n'
        for size in (1, 2, 3, 7, 16, 33):
            with self.subTest(size=size), self.server.connect() as sock:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for at in range(0, len(request), size):
                    sock.sendall(request[at:at + size])
                self.assertIn(b'Hello, World!', sock.recv(4096))

    def echo(self, head, body, want):
        got = self.server.talk(b'POST /echo HTTP/1.1\r\nHost: a\r\n' + head + b'\r\n' + body + GET)
        first, rest = got.split(b'\r\n\r\n', 1)
        self.assertTrue(first.startswith(b'HTTP/1.1 200 '), first)
        self.assertIn(want, rest)
        self.assertTrue(got.endswith(b'Hello, World!'), got[-200:])

    def test_bodies_come_back(self):
        big = bytes(range(256)) * 1200
        self.echo(b'Content-Length: 5\r\n', b'hello', b'hello')
        self.echo(b'Content-Length: 0\r\n', b'', b'')
        self.echo(b'', b'', b'')
        self.echo(b'Content-Length: %d\r\n' % len(big), big, big)
        self.echo(b'Transfer-Encoding: chunked\r\n', b'5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nTrailer: x\r\n\r\n', b'hello')
        self.echo(b'Transfer-Encoding: chunked\r\n', b'0\r\n\r\n', b'0\r\n\r\n')
        chunks = b''.join(b'%x\r\n%s\r\n' % (len(big[at:at + 999]), big[at:at + 999]) for at in range(0, len(big), 999))
        self.echo(b'Transfer-Encoding: chunked\r\n', chunks + b'0\r\n\r\n', big[-900:])

    def test_expect_is_answered_when_the_body_is_wanted(self):
        with self.server.connect() as sock:
            sock.sendall(b'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n')
            got = sock.recv(4096)
            while b'100 Continue\r\n\r\n' not in got:
                got += sock.recv(4096)
            sock.sendall(b'hello')
            while not got.endswith(b'hello'):
                piece = sock.recv(4096)
                self.assertTrue(piece, got)
                got += piece
        empty = self.server.talk(b'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n'
                                 b'Expect: 100-continue\r\n\r\n')
        self.assertTrue(empty.startswith(b'HTTP/1.1 200 OK\r\n'), empty) # there is nothing to go on with
        refused = self.server.talk(b'POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n'
                                   b'Expect: 100-continue\r\n\r\n', shut=False)
        self.assertNotIn(b'100 Continue', refused)
        self.assertIn(b'404', refused)

    def test_unread_body_does_not_become_a_request(self):
        body = b'GET /big?bytes=99 HTTP/1.1\r\nHost: a\r\n\r\n'
        got = self.server.talk(b'POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n' % len(body) + body + GET)
        self.assertNotIn(b'Content-Length: 99', got)
        self.assertEqual(re.findall(rb'HTTP/1\.1 (\d+)', got), [b'404', b'200'])

    def test_client_that_leaves_in_the_middle_hurts_nobody(self):
        for data in (b'', b'GET', GET[:-2], GET, b'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\nhalf',
                     b'GET /wait?ms=200 HTTP/1.1\r\nHost: a\r\n\r\n', b'GET /big?bytes=9999999 HTTP/1.1\r\nHost: a\r\n\r\n'):
            for reset in (False, True):
                sock = self.server.connect()
                if reset:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
                sock.sendall(data)
                sock.close()
        self.assertTrue(self.server.talk(GET).endswith(b'Hello, World!'))

    def test_bad_numbers_are_the_clients_fault(self):
        for target in (b'/big', b'/big?bytes=', b'/big?bytes=x', b'/big?bytes=-1', b'/wait?ms=99999999999999999999'):
            with self.subTest(target=target):
                self.assertEqual(self.status(b'GET ' + target + b' HTTP/1.1\r\nHost: a\r\n\r\n', True), [400])


class Crash(Base):
    program = 'crash'

    def test_each_accident_is_one_requests_own(self):
        routes = self.server.talk(GET).split(b'\r\n\r\n', 1)[1].split()
        self.assertGreaterEqual(len(routes), 10)
        with self.server.connect() as bystander:
            for route in routes:
                with self.subTest(route=route):
                    got = self.server.talk(b'GET ' + route + b' HTTP/1.1\r\nHost: a\r\n\r\n')
                    self.assertRegex(got, rb'^HTTP/1\.1 200 ' if route == b'/ok' else rb'^HTTP/1\.1 500 ')
                    bystander.sendall(b'GET /ok HTTP/1.1\r\nHost: a\r\n\r\n')
                    self.assertIn(b'ok\n', bystander.recv(4096))


class Visits(Base):
    program = 'visits'

    def get(self, path):
        got = self.server.talk(b'GET ' + path + b' HTTP/1.1\r\nHost: a\r\n\r\n')
        return int(got[9:12]), got.partition(b'\r\n\r\n')[2]

    def counters(self):
        status, text = self.get(b'/counters')
        self.assertEqual(status, 200)
        return {name: int(value) for name, value in re.findall(rb'^store_visits_(\w+) (\d+)$', text, re.M)}

    def test_each_path_is_counted_by_itself_and_the_store_counts(self):
        before = self.counters()
        for path, count in ((b'/a', 1), (b'/b', 1), (b'/a', 2), (b'/', 1), (b'/a', 3)):
            self.assertEqual(self.get(path), (200, b'%d\n' % count))
        after = self.counters()
        self.assertEqual(sorted(after), [b'bytes', b'entries', b'evicted', b'expired', b'hits', b'misses'])
        self.assertEqual(after[b'entries'], before[b'entries'] + 3)
        self.assertEqual(after[b'bytes'], before[b'bytes'] + 3 * 128)
        self.assertEqual((after[b'evicted'], after[b'expired']), (0, 0))

    def test_a_path_longer_than_a_key_is_refused_alone(self):
        entries = self.counters()[b'entries']
        self.assertEqual(self.get(b'/' + b'x' * 2000)[0], 414)
        self.assertEqual(self.counters()[b'entries'], entries)
        self.assertEqual(self.get(b'/c'), (200, b'1\n'))


class Counter(Base):
    program = 'counter'

    def counters(self):
        got = self.server.talk(b'GET /counters HTTP/1.1\r\nHost: a\r\n\r\n')
        self.assertRegex(got, rb'^HTTP/1\.1 200 ')
        return {name: int(value) for name, value in re.findall(rb'^(\w+) (\d+)$', got.partition(b'\r\n\r\n')[2], re.M)}

    def test_counters_count_requests_and_processes(self):
        before = self.counters()
        self.ask(b'GET /')
        after = self.counters()
        self.assertEqual(after[b'requests'], before[b'requests'] + 2)
        self.assertEqual(after[b'processes'], 2)  # the counter, and the request that asks

    def ask(self, request):
        return self.server.talk(request + b' HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n')

    def test_a_request_that_passes_its_deadline_is_ended_alone(self):
        lose = b'POST /lose HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n'
        before = self.counters()
        late = [self.server.connect() for _ in range(5)]
        for sock in late:
            sock.sendall(lose + GET)  # what follows belongs to a connection that is closed
        self.assertRegex(self.ask(b'GET /'), rb'^HTTP/1\.1 200 ')  # the counter has lost five and answers on
        for sock in late:
            got = b''
            while piece := sock.recv(4096):
                got += piece
            sock.close()
            self.assertRegex(got, rb'^HTTP/1\.1 500 [^\0]*\r\nConnection: close\r\n[^\0]*\(crash \d+\)\n$')
        held = (b'processes', b'handles', b'ops', b'buffers', b'slots', b'conns', b'busy')
        self.eventually(lambda: [self.counters()[name] for name in held], [before[name] for name in held])
        self.assertEqual(self.counters()[b'crashes'], before[b'crashes'] + 5)
        self.eventually(lambda: sum('deadline passed' in line for line in self.server.log), 5)

    def eventually(self, look, want):
        """What must come to pass: connections are closed, and the log is read, a moment after the answer."""
        until = time.monotonic() + 60
        while look() != want and time.monotonic() < until:
            time.sleep(0.01)
        self.assertEqual(look(), want)

    def test_counts_and_comes_back_after_a_crash(self):
        self.ask(b'POST /reset')
        for want in (b'1\n', b'2\n', b'3\n'):
            self.assertTrue(self.ask(b'GET /').endswith(b'\r\n\r\n' + want))
        self.ask(b'POST /reset')
        self.assertTrue(self.ask(b'GET /').endswith(b'\r\n\r\n1\n'))
        self.ask(b'POST /crash')
        self.assertTrue(self.ask(b'GET /').endswith(b'\r\n\r\n1\n'))


class Echo(Base):
    program = 'echo'

    def test_lines_come_back_whole(self):
        with self.server.connect() as sock:
            sock.sendall(b'one\ntw')
            self.assertEqual(sock.recv(100), b'one\n')
            sock.sendall(b'o\n')
            self.assertEqual(sock.recv(100), b'two\n')
            sock.sendall(b'rest')
            sock.shutdown(socket.SHUT_WR)
            self.assertEqual(sock.recv(100), b'rest')
            self.assertEqual(sock.recv(100), b'')

    def test_many_at_once(self):
        # QEMU's forward lets one client in after the other, some of them a second apart.
        socks = [self.server.connect() for _ in range(20 if DRIVER == 'metal' else 200)]
        for i, sock in enumerate(socks):
            sock.sendall(b'line %d\n' % i)
        for i, sock in enumerate(socks):
            self.assertEqual(sock.recv(100), b'line %d\n' % i)
            sock.close()

    def test_long_stream_is_identical(self):
        data = b''.join(b'%d\n' % i for i in range(200000))
        with self.server.connect() as sock:
            def send():
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
            sender = threading.Thread(target=send)
            sender.start()
            got = bytearray()
            while piece := sock.recv(65536):
                got += piece
            sender.join()
        self.assertEqual(bytes(got), data)


if __name__ == '__main__':
    unittest.main(verbosity=1)
