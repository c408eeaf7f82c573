#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whole servers around their start and their end: the queue at SIGTERM, spent slots, standard error.

Goal: who was let in is answered; what runs out is said once and refuses politely; words that nobody
reads never stop a server. Method: the built examples on ports of the system's choice, their workers
held still by SIGSTOP where an order of events matters. No test asserts a duration.

Usage: test_serve.py DRIVER EXAMPLES_DIR
"""
import collections
import concurrent.futures
import fcntl
import os
import re
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

DRIVER, EXAMPLES = sys.argv.pop(1), sys.argv.pop(1)
PATIENCE_S = 60  # of a test that waits for what must come; never how long it takes
GET = b'GET / HTTP/1.1\r\nHost: a\r\n\r\n'


class Server:
    """An example in a session of its own; ended with everything in it."""

    def __init__(self, example, *flags, **popen):
        named = dict(stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, start_new_session=True)
        named.update(popen)
        listen = [] if '--listen' in flags else ['--listen', '127.0.0.1:0']
        argv = [f'{EXAMPLES}/{example}', *listen, '--driver', DRIVER, *flags]
        self.process = subprocess.Popen(argv, **named)
        self.text, self.port = '', 0
        if self.process.stderr:
            self.port = int(self.expect(r'listening on \w+://.*:(\d+) ').group(1))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stderr:
            self.process.stderr.close()

    def expect(self, pattern):
        """Read standard error until the pattern is there; its match."""
        until = time.monotonic() + PATIENCE_S
        while not re.search(pattern, self.text):
            ready, _, _ = select.select([self.process.stderr], [], [], max(0, until - time.monotonic()))
            more = os.read(self.process.stderr.fileno(), 65536) if ready else b''
            if not more:
                raise AssertionError(f'no {pattern!r} in {self.text!r}')
            self.text += more.decode()
        return re.search(pattern, self.text)

    def workers(self):
        with open(f'/proc/{self.process.pid}/task/{self.process.pid}/children', encoding='ascii') as children:
            return [int(pid) for pid in children.read().split()]

    def connect(self):
        return socket.create_connection(('127.0.0.1', self.port), PATIENCE_S)

    def ask(self, data):
        with self.connect() as sock:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            return read_to_end(sock)

    def counters(self):
        text = self.ask(b'GET /counters HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n').partition(b'\r\n\r\n')[2]
        return {name: int(value) for name, value in re.findall(r'^(\w+) (\d+)$', text.decode(), re.M)}

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def rest(self):
        self.text += self.process.stderr.read().decode()
        return self.text


def read_to_end(sock):
    data = b''
    while part := sock.recv(65536):
        data += part
    return data


def outcome(sock):
    """How a client fares: its answer's first line, or the name of its error."""
    try:
        return read_to_end(sock).partition(b'\r\n')[0].decode() or 'nothing'
    except OSError as error:
        return type(error).__name__


class Start(unittest.TestCase):
    def refused(self, *flags):
        done = subprocess.run([f'{EXAMPLES}/counter', '--listen', '127.0.0.1:0', *flags], capture_output=True, text=True,
                              timeout=PATIENCE_S, check=False)
        self.assertEqual((done.returncode, done.stdout), (2, ''))
        return done.stderr

    def test_a_program_with_one_process_for_all_refuses_more_workers(self):
        self.assertEqual(self.refused('--workers', '3'),
                         "counter: --workers '3': this program keeps state that other workers cannot reach; "
                         'leave --workers at 1\n')

    def test_slots_that_leave_none_for_a_request_are_refused(self):
        self.assertEqual(self.refused('--slots', '1'),
                         "counter: --slots '1': this program takes 1 for itself and needs one more for a client; "
                         '--slots 2 is the least\n')
        with Server('counter', '--slots', '2') as server:
            for count in (1, 2):
                self.assertTrue(server.ask(GET).endswith(f'\r\n\r\n{count}\n'.encode()))
            self.assertEqual(server.stop(), 0)

    def test_a_killed_server_starts_again_at_once(self):
        """The kernel frees the sockets of a ring some time after its process is gone."""
        listen = '127.0.0.1:0'
        for _ in range(10):
            with Server('hello', '--listen', listen) as server:
                listen = f'127.0.0.1:{server.port}'
                self.assertRegex(server.ask(GET), rb'^HTTP/1\.1 200 ')
                server.process.kill()


def ask_on_and_on(server, all_ask):
    """One connection, request after request until an answer says that it is the last: how that ended."""
    answers = 0
    with server.connect() as sock:
        while True:
            try:
                sock.sendall(GET)
                data = b''
                while not data.endswith(b'Hello, World!'):
                    part = sock.recv(65536)
                    if not part:
                        return f'not answered behind {answers}'
                    data += part
            except OSError as error:
                return f'{type(error).__name__} behind {answers}'
            answers += 1
            if b'\r\nConnection: close\r\n' in data:
                return 'told' if read_to_end(sock) == b'' else 'more behind the last answer'
            if answers == 10:
                all_ask.wait(PATIENCE_S)


class Stop(unittest.TestCase):
    """Who is in the accept queue when SIGTERM comes has been let in by the OS: it is served."""

    def queue(self, server, count, data):
        """Clients whose data is in the OS's queue: nobody has accepted them."""
        for pid in server.workers():
            os.kill(pid, signal.SIGSTOP)
        socks = [server.connect() for _ in range(count)]
        for sock in socks:
            sock.sendall(data)
        return socks

    def drain(self, server, socks):
        server.process.send_signal(signal.SIGTERM)
        for pid in server.workers():
            os.kill(pid, signal.SIGCONT)
        seen = collections.Counter(outcome(sock) for sock in socks)
        for sock in socks:
            sock.close()
        self.assertEqual(server.process.wait(PATIENCE_S), 0, server.rest())
        return seen

    def test_requests_in_the_queue_are_answered(self):
        for workers in (1, 3):
            for count in (1, 500):
                with self.subTest(workers=workers, count=count), Server('hello', '--workers', str(workers)) as server:
                    self.assertEqual(self.drain(server, self.queue(server, count, GET)), {'HTTP/1.1 200 OK': count})

    def test_lines_in_the_queue_are_sent_back(self):
        with Server('echo', '--workers', '2') as server:
            socks = self.queue(server, 300, b'line\n')
            for sock in socks:
                sock.shutdown(socket.SHUT_WR)
            self.assertEqual(self.drain(server, socks), {'line\n': 300})

    def test_requests_that_wait_are_answered_too(self):
        with Server('hello') as server:
            asked = b'GET /wait?ms=300 HTTP/1.1\r\nHost: a\r\n\r\n'
            self.assertEqual(self.drain(server, self.queue(server, 50, asked)), {'HTTP/1.1 200 OK': 50})

    def test_clients_that_ask_on_and_on_are_told_of_the_end(self):
        """Each answer but the last lets its client go on; behind the last one nothing is lost."""
        for workers in (1, 3):
            with self.subTest(workers=workers), Server('hello', '--workers', str(workers)) as server:
                all_ask = threading.Barrier(41)
                with concurrent.futures.ThreadPoolExecutor(40) as pool:
                    ends = [pool.submit(ask_on_and_on, server, all_ask) for _ in range(40)]
                    all_ask.wait(PATIENCE_S)
                    server.process.send_signal(signal.SIGTERM)
                    seen = collections.Counter(end.result(PATIENCE_S) for end in ends)
                self.assertEqual(seen, {'told': 40})
                self.assertEqual(server.process.wait(PATIENCE_S), 0, server.rest())

    def test_the_queue_is_served_though_connections_are_at_their_limit(self):
        """Out of descriptors: those who wait come in as idle ones are sent away."""
        limited = ['sh', '-c', 'ulimit -n 64; exec "$@"', 'sh']
        with Server('hello') as probe:
            argv = [*limited, *probe.process.args]
        with subprocess.Popen(argv, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, start_new_session=True) as process:
            server = object.__new__(Server)
            server.process, server.text = process, ''
            try:
                server.port = int(server.expect(r'listening on \w+://.*:(\d+) ').group(1))
                idle = []
                for _ in range(30):
                    idle.append(server.connect())
                    idle[-1].sendall(GET)
                    self.assertIn(b'200', idle[-1].recv(4096))
                socks = self.queue(server, 100, GET)
                self.assertEqual(self.drain(server, socks), {'HTTP/1.1 200 OK': 100})
                for sock in idle:
                    sock.close()
            finally:
                if process.poll() is None:
                    process.kill()


class Counters(unittest.TestCase):
    def test_each_worker_says_what_it_counts_when_it_is_asked(self):
        with Server('hello', '--workers', '2') as server, server.connect() as idle:
            idle.sendall(GET)
            self.assertIn(b'200', idle.recv(4096))
            for _ in range(2):
                server.text = ''
                server.process.send_signal(signal.SIGUSR1)
                lines = [server.expect(rf'worker {index}: now .*; so far .*\n').group(0) for index in range(2)]
                said = [list(map(int, re.findall(r'(\d+) (?:connections|requests)', line))) for line in lines]
                self.assertEqual([sum(numbers) for numbers in zip(*said)], [1, 1, 1], lines)  # open, accepted, answered
            self.assertEqual(server.stop(), 0)

    def test_the_stores_are_told_by_name(self):
        with Server('visits') as server:
            for path in b'/a', b'/a', b'/b':
                self.assertIn(b'200 OK', server.ask(b'GET ' + path + b' HTTP/1.1\r\nHost: a\r\n\r\n'))
            server.process.send_signal(signal.SIGUSR1)
            server.expect(r'\nstore visits: 2 entries, 256 bytes, 0 hits, 0 misses, 0 evicted, 0 expired\n')
            self.assertEqual(server.stop(), 0)


def symbol_at(program, place):
    """The function of a program that has an address as it was linked."""
    listing = subprocess.run(['nm', '--defined-only', program], capture_output=True, text=True, check=True).stdout
    functions = sorted((int(at, 16), name) for at, name in re.findall(r'^([0-9a-f]+) [tT] (\w+)$', listing, re.M))
    return [name for at, name in functions if at <= place][-1]


class CrashLines(unittest.TestCase):
    """What the log says of a fault: an address only where there is one, and code that tools can look up."""

    def line(self, server, route):
        self.assertRegex(server.ask(f'GET /{route} HTTP/1.1\r\nHost: a\r\n\r\n'.encode()), rb'^HTTP/1\.1 500 ')
        text = server.expect(r'process \d+ \(crash\) crashed, id \d+: (.*)\n').group(1)
        server.text = ''
        return text

    def test_each_fault_has_what_it_has(self):
        with open(f'{EXAMPLES}/crash', 'rb') as program:
            is_sanitized = b'__ubsan_handle' in program.read()
        place = r', code crash\+0x([0-9a-f]+)$'
        with Server('crash') as server:
            server.text = ''
            for route, said in (('null', 'fault, bad access at address 0x0'), ('illegal', 'fault, illegal instruction'),
                                ('divide', 'fault, division by zero'), ('loop', '[a-z ]*, endless step'), ('stack', 'fault, stack overflow at address 0x[0-9a-f]+')):
                if is_sanitized and route in ('null', 'divide'):
                    continue  # its run-time library reports these first, by a system call
                with self.subTest(route):
                    line = self.line(server, route)
                    self.assertRegex(line, '^' + said + place)
                    if route != 'stack':  # which overflows in a function that its own calls
                        at = int(re.search(place, line).group(1), 16)
                        self.assertEqual(symbol_at(server.process.args[0], at), 'crash_' + route)
            # The number of write(2), in whatever library it is.
            self.assertRegex(self.line(server, 'syscall'), r'^fault, system call 1, code [\w.+-]+\+0x[0-9a-f]+$')
            self.assertRegex(self.line(server, 'jump'), r'^fault, bad access at address (0x[0-9a-f]+), code \1$')


class Slots(unittest.TestCase):
    """More clients than processes: those beyond are told so, the server and the others go on."""

    def counters_again(self, server, before):
        """Those of things held, until they are as before."""
        held = ('processes', 'handles', 'ops', 'buffers', 'slots', 'conns', 'busy')
        until = time.monotonic() + PATIENCE_S
        while any(server.counters()[name] != before[name] for name in held) and time.monotonic() < until:
            time.sleep(0.01)
        after = server.counters()
        self.assertEqual([(name, after[name]) for name in held], [(name, before[name]) for name in held])
        return after

    def waves(self, server, slots, count):
        """Three waves of waiting requests; what each of them got."""
        seen = collections.Counter()
        for _ in range(3):
            socks = [server.connect() for _ in range(count)]
            for sock in socks:
                sock.sendall(b'GET /wait?ms=400 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
            wave = collections.Counter(outcome(sock) for sock in socks)
            for sock in socks:
                sock.close()
            self.assertGreaterEqual(wave['HTTP/1.1 200 OK'], slots)
            seen += wave
            for _ in range(50):  # good clients are served as if nothing had been
                self.assertRegex(server.ask(GET), rb'^HTTP/1\.1 200 ')
        return seen

    def test_requests_beyond_the_slots_get_503_and_one_line_says_so(self):
        for slots in (1, 8, 64):
            with self.subTest(slots=slots), Server('hello', '--slots', str(slots)) as server:
                before = server.counters()
                seen = self.waves(server, slots, 4 * slots + 60)
                self.assertEqual(set(seen), {'HTTP/1.1 200 OK', 'HTTP/1.1 503 Service Unavailable'})
                after = self.counters_again(server, before)
                self.assertEqual(after['overload'] - before['overload'], seen['HTTP/1.1 503 Service Unavailable'])
                self.assertEqual(server.stop(), 0)
                said = server.rest().splitlines()
                self.assertEqual(len(said), 2, said)
                self.assertIn('http: out of processes or slots, answering 503', said[1])

    def test_streams_beyond_the_slots_are_reset_and_one_line_says_so(self):
        with Server('echo', '--slots', '4') as server:
            for _ in range(3):
                socks, seen = [], collections.Counter()
                for _ in range(40):
                    try:
                        socks.append(server.connect())
                        socks[-1].sendall(b'line\n')
                        seen[socks[-1].recv(100)] += 1
                    except (ConnectionResetError, BrokenPipeError):
                        seen['reset'] += 1
                for sock in socks:
                    sock.close()
                self.assertEqual(seen, {b'line\n': 4, 'reset': 36})
                self.eventually_echoes(server)
            self.assertEqual(server.stop(), 0)
            said = server.rest().splitlines()
            self.assertEqual(len(said), 2, said)
            self.assertIn('tcp: out of processes or slots, connections are reset', said[1])

    def eventually_echoes(self, server):
        """The four slots are free again: four clients at once have an answer."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            socks = []
            try:  # a reset while they are not free yet can come at any of these calls
                for _ in range(4):
                    socks.append(server.connect())
                    socks[-1].sendall(b'again\n')
                    socks[-1].shutdown(socket.SHUT_WR)
            except OSError:
                pass
            if [outcome(sock) for sock in socks] == ['again\n'] * 4:
                break
        else:
            self.fail('slots did not come back')

    def test_out_of_descriptors_is_said_once_and_good_clients_are_served_after(self):
        limit = (64, 64)
        with Server('hello', preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limit)) as server:
            for _ in range(5):
                socks = [server.connect() for _ in range(150)]
                for sock in socks:
                    sock.sendall(GET)
                until = time.monotonic() + PATIENCE_S
                while len(served := select.select(socks, [], [])[0]) <= 10 and time.monotonic() < until:
                    time.sleep(0.01)
                self.assertTrue(10 < len(served) < 64, len(served))  # the others wait in the queue
                for sock in socks:
                    sock.close()
                for _ in range(20):
                    self.assertRegex(server.ask(GET), rb'^HTTP/1\.1 200 ')
            self.assertEqual(server.stop(), 0)
            said = server.rest().splitlines()
            self.assertEqual(len(said), 2, said)
            self.assertIn('http: out of descriptors, accepting pauses', said[1])


class Pipe:
    """Standard error that nobody reads, full from the start."""

    def __init__(self):
        self.read_end, self.write_end = os.pipe()
        self.room = fcntl.fcntl(self.write_end, fcntl.F_SETPIPE_SZ, 4096)
        os.write(self.write_end, b'x' * self.room)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close_reader()
        os.close(self.write_end)

    def close_reader(self):
        if self.read_end >= 0:
            os.close(self.read_end)
        self.read_end = -1

    def empty(self):
        os.read(self.read_end, self.room)

    def read(self, pattern):
        text, until = '', time.monotonic() + PATIENCE_S
        while not re.search(pattern, text) and select.select([self.read_end], [], [], until - time.monotonic())[0]:
            text += os.read(self.read_end, self.room).decode()
        return text


def free_port():
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        return sock.getsockname()[1]


class Words(unittest.TestCase):
    """A server whose standard error nobody reads, or cannot be written to, serves on."""

    def serving(self, stderr):
        """The crash example once it answers; it cannot say where it listens."""
        port = free_port()
        server = Server('crash', '--listen', f'127.0.0.1:{port}', stderr=stderr)
        server.port = port
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            try:
                server.connect().close()
                return server
            except ConnectionRefusedError:
                time.sleep(0.01)
        server.__exit__()
        raise AssertionError('never accepted')

    def crash(self, server):
        self.assertRegex(server.ask(b'GET /null HTTP/1.1\r\nHost: a\r\n\r\n'), rb'^HTTP/1\.1 500 ')

    def replace_worker(self, server):
        """The parent has something to say, and must start another after it could not."""
        before = server.workers()
        os.kill(before[0], signal.SIGKILL)
        until = time.monotonic() + PATIENCE_S
        while (not server.workers() or server.workers() == before) and time.monotonic() < until:
            time.sleep(0.01)
        self.crash(server)

    def test_a_full_pipe_holds_up_neither_parent_nor_worker(self):
        with Pipe() as pipe, self.serving(pipe.write_end) as server:
            for _ in range(5):
                self.crash(server)
            pipe.empty()
            self.crash(server)
            self.assertRegex(pipe.read(r'crashed.*\n'),
                             r'^5 lines dropped: standard error did not take them\nprocess \d+ .* crashed, id 6: .*\n$')
            os.write(pipe.write_end, b'x' * pipe.room)
            self.replace_worker(server)
            pipe.empty()
            self.replace_worker(server)
            # The parent's two: that it listens, and the end of the first worker.
            self.assertRegex(pipe.read(r'starting another'),
                             r'(^|\n)2 lines dropped: standard error did not take them\ncrash: worker 0 .* starting another')
            self.assertEqual(server.stop(), 0)

    def test_a_closed_pipe_ends_nothing(self):
        with Pipe() as pipe, self.serving(pipe.write_end) as server:
            pipe.close_reader()
            self.crash(server)
            self.replace_worker(server)
            self.assertEqual(server.stop(), 0)

    def test_a_full_device_ends_nothing(self):
        with open('/dev/full', 'w', encoding='ascii') as full, self.serving(full) as server:
            self.crash(server)
            self.replace_worker(server)
            self.assertEqual(server.stop(), 0)

    def test_help_that_cannot_be_written_is_a_failure(self):
        with open('/dev/full', 'w', encoding='ascii') as full:
            for flag in ('--help', '--version'):
                done = subprocess.run([f'{EXAMPLES}/hello', flag], stdout=full, stderr=subprocess.PIPE, check=False)
                self.assertEqual(done.returncode, 1)
                self.assertEqual(done.stderr, b'hello: cannot write to standard output: No space left on device\n')


if __name__ == '__main__':
    outcome_of_all = unittest.main(exit=False, verbosity=2).result
    failed = len(outcome_of_all.failures) + len(outcome_of_all.errors)
    passed = outcome_of_all.testsRun - failed - len(outcome_of_all.skipped)
    print(f'{passed} passed, {failed} failed, {len(outcome_of_all.skipped)} skipped')
    sys.exit(1 if failed else 0)
