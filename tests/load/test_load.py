#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hello and crash under load and under hostile clients, on both drivers.

Goal: no error under any shape of good load; flat memory; bad clients, spent descriptors, crashes and
killed workers never hurt a good client. Method: the built examples on free loopback ports, wrk and
plain sockets as clients, /proc and the server's own counters as witnesses. No test asserts a duration.

Usage: test_load.py HELLO CRASH [unittest arguments]; LOAD_LONG=1 for longer runs; LOAD_SANITIZED=1
leaves memory figures out.
"""
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

from harness import (EXAMPLES, HELLO, LONG, PATIENCE_S, SANITIZED, Background, GoodClient, Sampler, Wrk, crash,
                     crash_many, crash_routes, eventually, gauges, mappings, procs, raise_descriptor_limit, serving,
                     settled, workers_of)

EXAMPLES.update(hello=sys.argv[1] if os.path.exists(sys.argv[1]) else None,
                crash=sys.argv[2] if os.path.exists(sys.argv[2]) else None)
MANY_BYTES = 100 << 20
FLAT_KIB = 4096  # growth of the workers' resident size that still counts as flat
IDLE_COUNT, IDLE_MAX_KIB = 10000, 12 << 10
BIG_BLOCK = bytes(ord('a') + i % 26 for i in range(32768))  # /big repeats it


def read_until_blank(sock):
    data = b''
    while b'\r\n\r\n' not in data:
        part = sock.recv(4096)
        if not part:
            raise OSError(f'connection ended in the head: {data!r}')
        data += part
    head, _, rest = data.partition(b'\r\n\r\n')
    return head, rest


def slow_reads(sock, first, total):
    """Pieces of a body of total bytes; a pause each megabyte lets the server run into a full socket."""
    got, pause_at = len(first), 1 << 20
    if first:
        yield first
    while got < total:
        part = sock.recv(min(65536, total - got))
        if not part:
            raise OSError(f'body ended after {got} of {total} bytes')
        got += len(part)
        if got >= pause_at:
            pause_at += 1 << 20
            time.sleep(0.002)
        yield part


class Checker:
    """Compares a stream with an endless repetition of a block."""

    def __init__(self, block):
        self.twice, self.length, self.at = block * 4, len(block), 0

    def feed(self, part):
        start = self.at % self.length
        while part:
            piece = part[:3 * self.length]
            if self.twice[start:start + len(piece)] != piece:
                raise AssertionError(f'other bytes than expected after byte {self.at}')
            self.at += len(piece)
            part, start = part[len(piece):], self.at % self.length


def drip_clients(port, count):
    """Connections that have sent the start of a head."""
    socks = []
    for _ in range(count):
        sock = socket.create_connection(('127.0.0.1', port), PATIENCE_S)
        sock.sendall(b'GET / HTTP/1.1\r\nX-Slow: ')
        sock.setblocking(False)
        socks.append(sock)
    return socks


class Load:
    """Run once for each driver by the classes below."""

    driver = None

    def serving(self, *args, **named):
        return serving(args[0] if args else 'hello', self.driver, *args[1:], **named)

    # ---- good load ----

    def test_wrk_keep_alive_without_an_error(self):
        with self.serving() as server:
            Wrk(server, 64, 10 if LONG else 2).finish()

    def test_wrk_1000_connections_without_an_error(self):
        with self.serving() as server:
            Wrk(server, 1000, 10 if LONG else 1).finish()

    def test_wrk_pipelined_by_16_without_an_error(self):
        with self.serving() as server:
            Wrk(server, 64, 10 if LONG else 1, pipelined=True).finish()

    def test_wrk_connection_per_request_without_an_error(self):
        with self.serving() as server:
            Wrk(server, 64, 10 if LONG else 1, close=True).finish()

    def test_wrk_on_requests_that_wait_without_an_error(self):
        with self.serving() as server:
            Wrk(server, 256, 10 if LONG else 1, path='/wait?ms=1').finish()

    # ---- large bodies ----

    def test_100_mb_down_to_a_slow_reader_is_whole_and_memory_flat(self):
        with self.serving() as server, socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            sock.settimeout(PATIENCE_S)
            sock.connect(('127.0.0.1', server.port))
            check = Checker(BIG_BLOCK)
            with Sampler(server) as memory, Background(GoodClient(server.port)):
                sock.sendall(f'GET /big?bytes={MANY_BYTES} HTTP/1.1\r\nHost: a\r\n\r\n'.encode())
                head, rest = read_until_blank(sock)
                self.assertIn(b'HTTP/1.1 200', head)
                self.assertIn(f'content-length: {MANY_BYTES}'.encode(), head.lower())
                for part in slow_reads(sock, rest, MANY_BYTES):
                    check.feed(part)
            self.assertEqual(check.at, MANY_BYTES)
            self.assert_flat(memory.growth_kib)
            self.assertIn(HELLO, procs.ask_on(sock))  # the connection goes on

    def test_100_mb_up_comes_back_whole_and_memory_flat(self):
        block = random.Random(1).randbytes(65537)  # an odd length: never in step with any buffer
        with self.serving() as server, socket.create_connection(('127.0.0.1', server.port), PATIENCE_S) as sock:
            check = Checker(block)
            failed = []

            def send():
                try:
                    left = MANY_BYTES
                    while left:
                        piece = block[:left]
                        sock.sendall(piece)
                        left -= len(piece)
                except OSError as e:
                    failed.append(e)
            with Sampler(server) as memory:
                sock.sendall(f'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {MANY_BYTES}\r\n\r\n'.encode())
                sender = threading.Thread(target=send)
                sender.start()
                head, rest = read_until_blank(sock)
                self.assertIn(b'HTTP/1.1 200', head)
                for part in slow_reads(sock, rest, MANY_BYTES):
                    check.feed(part)
                sender.join()
            self.assertEqual((check.at, failed), (MANY_BYTES, []))
            self.assert_flat(memory.growth_kib)
            self.assertIn(HELLO, procs.ask_on(sock))

    def assert_flat(self, growth_kib):
        if not SANITIZED:
            self.assertLessEqual(growth_kib, FLAT_KIB)

    # ---- many and bad clients ----

    def test_10000_idle_connections_in_12_mb(self):
        if raise_descriptor_limit() < IDLE_COUNT + 100:
            self.skipTest('the descriptor limit of this machine is too low')
        with self.serving() as server:
            socks = []
            try:
                for _ in range(IDLE_COUNT):
                    socks.append(procs.ask(server.port, timeout_s=PATIENCE_S)[0])
                rss_kib = procs.memory(procs.tree(server.pid))[0]
                for sock in socks[::200]:
                    self.assertIn(HELLO, procs.ask_on(sock))
            finally:
                for sock in socks:
                    sock.close()
            if not SANITIZED:
                self.assertLessEqual(rss_kib, IDLE_MAX_KIB)

    def test_64_descriptors_keep_the_server_up(self):
        with self.serving(nofile=64) as server:
            socks, served = [], 0
            try:
                for _ in range(200):
                    sock = socket.create_connection(('127.0.0.1', server.port), PATIENCE_S)
                    sock.sendall(b'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
                    socks.append(sock)
                for sock in socks:
                    sock.settimeout(0.02)
                    try:
                        served += sock.recv(4096).startswith(b'HTTP/1.1 200')
                    except OSError:
                        pass
                self.assertGreater(served, 10)
                cpu = procs.usage(procs.tree(server.pid))[0]
                time.sleep(1)
                cpu = procs.usage(procs.tree(server.pid))[0] - cpu
                self.assertLess(cpu, 0.5, 'spins while out of descriptors')
            finally:
                for sock in socks:
                    sock.close()
            sock, answer = procs.ask(server.port, timeout_s=PATIENCE_S)
            sock.close()
            self.assertIn(HELLO, answer)
            self.assertLessEqual(len(server.log().splitlines()), 6, server.log())

    def test_2000_dripping_clients_do_not_hold_up_good_ones(self):
        raise_descriptor_limit()
        with self.serving() as server:
            socks = drip_clients(server.port, 2000)
            try:
                wrk = Wrk(server, 32, 10 if LONG else 3)
                while wrk.process.poll() is None:
                    for sock in socks:  # a byte a second; the server may end a head that takes too long
                        try:
                            sock.send(b'x')
                        except OSError:
                            pass
                    time.sleep(1)
                wrk.finish()
            finally:
                for sock in socks:
                    sock.close()

    def test_500_half_open_connections_do_not_hold_up_good_ones(self):
        with self.serving() as server:
            before = procs.descriptors(workers_of(server))
            socks = drip_clients(server.port, 500)
            try:
                for sock in socks[::2]:
                    sock.shutdown(socket.SHUT_WR)  # its head will never be complete
                Wrk(server, 32, 1).finish()
            finally:
                for sock in socks:
                    sock.close()
            eventually(lambda: procs.descriptors(workers_of(server)) <= before, 'descriptors are given back')

    def test_more_waiting_requests_than_connections_get_503_or_wait(self):
        """Every request is answered: 200, or 503 when there is no room; and the server goes on."""
        limit = raise_descriptor_limit()
        count = min(12000, limit - 200)
        with self.serving(nofile=limit) as server:
            socks, statuses = [], {}
            try:
                for _ in range(count):
                    sock = socket.create_connection(('127.0.0.1', server.port), PATIENCE_S)
                    sock.sendall(b'GET /wait?ms=2000 HTTP/1.1\r\nHost: a\r\n\r\n')
                    socks.append(sock)
                for sock in socks:
                    status = procs.read_answer(sock)[:12]
                    statuses[status] = statuses.get(status, 0) + 1
            finally:
                for sock in socks:
                    sock.close()
            self.assertLessEqual(set(statuses), {b'HTTP/1.1 200', b'HTTP/1.1 503'}, statuses)
            self.assertGreater(statuses.get(b'HTTP/1.1 200', 0), 0, statuses)
            sock, answer = procs.ask(server.port, timeout_s=PATIENCE_S)
            sock.close()
            self.assertIn(HELLO, answer)
            self.assertLessEqual(len(server.log().splitlines()), 6, server.log()[-800:])

    # ---- crashes ----

    def test_10000_crashes_hurt_no_bystander(self):
        total = 10000 if self.driver == 'uring' or LONG else 2000
        with self.serving('crash') as server:
            routes, listing = crash_routes(server.port)
            self.assertGreaterEqual(len(routes), 9)
            workers = workers_of(server)
            for route in routes * 8:  # warm: what is made on demand is there
                crash(server.port, route)
            before = settled(lambda: self.witnesses(server, workers))
            bystander = GoodClient(server.port, expect=listing)
            with Background(bystander, 1), Sampler(server) as memory:
                crash_many(server.port, routes, total)
            bystander.close()
            self.assertEqual(workers_of(server), workers, 'a worker died')
            eventually(lambda: self.witnesses(server, workers) == before,
                       f'counters as before: {before}, now {self.witnesses(server, workers)}', 15)
            self.assert_flat(memory.growth_kib)

    def witnesses(self, server, workers):
        """What must be the same before and after."""
        seen = {'descriptors': procs.descriptors(workers), 'mappings': mappings(workers)}
        return {**seen, **gauges(server.port)}

    # ---- stopping, workers, start ----

    def test_sigterm_lets_requests_finish_and_exits_0(self):
        with self.serving() as server:
            idle = [procs.ask(server.port)[0] for _ in range(5)]
            waiting = [socket.create_connection(('127.0.0.1', server.port), PATIENCE_S) for _ in range(20)]
            for sock in waiting:
                sock.sendall(b'GET /wait?ms=1500 HTTP/1.1\r\nHost: a\r\n\r\n')
            time.sleep(0.5)
            os.kill(server.pid, signal.SIGTERM)
            for sock in idle:
                self.assertEqual(sock.recv(1), b'', 'an idle connection is closed')
            for sock in waiting:
                self.assertTrue(procs.read_answer(sock).startswith(b'HTTP/1.1 200'))
            self.assertEqual(server.process.wait(PATIENCE_S), 0, server.log())
            for sock in idle + waiting:
                sock.close()
            server.expected_end = True

    def test_killed_workers_are_replaced_and_no_connection_is_refused(self):
        with self.serving(workers=2) as server:
            refused = []

            def client():
                try:
                    procs.ask(server.port, timeout_s=PATIENCE_S)[0].close()
                except ConnectionRefusedError as e:
                    refused.append(e)
                except OSError:
                    pass  # the killed worker had it
            with Background(client, 2) as clients:
                for _ in range(5):
                    victim = workers_of(server)[0]
                    os.kill(victim, signal.SIGKILL)
                    eventually(lambda: victim not in workers_of(server) and len(workers_of(server)) == 2,
                               'the worker is replaced')
                    rounds = clients.rounds
                    eventually(lambda: clients.rounds > rounds + 20, 'clients are served')
            self.assertEqual(refused, [])


class LoadEv(Load, unittest.TestCase):
    driver = 'ev'


class LoadUring(Load, unittest.TestCase):
    driver = 'uring'

    @classmethod
    def setUpClass(cls):
        """Where io_uring is refused (many containers), the ev class has to do."""
        try:
            with serving('hello', cls.driver):
                pass
        except RuntimeError as e:
            if 'io_uring' in str(e):
                raise unittest.SkipTest(str(e))
            raise


class Start(unittest.TestCase):
    """Bad starts end at once with a sentence that says why."""

    def run_hello(self, *flags, **popen):
        if not EXAMPLES['hello']:
            self.skipTest('no hello example in this build')
        return subprocess.run([EXAMPLES['hello'], *flags], capture_output=True, text=True, timeout=PATIENCE_S,
                              stdin=subprocess.DEVNULL, **popen)

    def test_bad_flags_exit_2_with_message_and_usage(self):
        for flags in (['--nonsense'], ['--driver', 'kqueue'], ['--guard', 'none'], ['--workers', '0'],
                      ['--workers', 'many'], ['--listen', 'nowhere'], ['--listen', '127.0.0.1:99999'], ['--listen'],
                      ['extra']):
            with self.subTest(flags=flags):
                run = self.run_hello(*flags)
                self.assertEqual(run.returncode, 2, run.stderr)
                self.assertIn('usage:', run.stderr)
                self.assertIn(flags[-1], run.stderr)
                self.assertEqual(run.stdout, '')

    def test_address_in_use_is_said(self):
        with socket.socket() as taken:
            taken.bind(('127.0.0.1', 0))
            taken.listen()
            address = f'127.0.0.1:{taken.getsockname()[1]}'
            run = self.run_hello('--listen', address)
        self.assertEqual(run.returncode, 1)
        self.assertIn(address, run.stderr)
        self.assertIn('in use', run.stderr)

    def test_port_without_permission_is_said(self):
        with open('/proc/sys/net/ipv4/ip_unprivileged_port_start') as f:
            if int(f.read()) <= 1:
                self.skipTest('every port is free for all here')
        run = None
        if os.geteuid() == 0:
            try:
                run = self.run_hello('--listen', '127.0.0.1:1', user=65534, group=65534, extra_groups=[])
            except PermissionError:
                self.skipTest('nobody may not run the example here')
        else:
            run = self.run_hello('--listen', '127.0.0.1:1')
        self.assertEqual(run.returncode, 1)
        self.assertIn('127.0.0.1:1', run.stderr)
        self.assertIn('permission', run.stderr.lower())


if __name__ == '__main__':
    del sys.argv[1:3]
    unittest.main(verbosity=2)
