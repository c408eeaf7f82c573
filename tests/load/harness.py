# SPDX-License-Identifier: Apache-2.0
"""What the load tests share: servers, wrk, background clients. See test_load.py."""
import contextlib
import os
import resource
import socket
import sys
import tempfile
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', '..', 'bench'))
import procs  # noqa: E402
import wrk  # noqa: E402
from host import raise_descriptor_limit  # noqa: E402, F401

PATIENCE_S = 60  # of a test that waits for what must come; never how long it takes
HELLO = procs.HELLO_BODY
EXAMPLES = {}  # name: executable, set from the command line
LONG = bool(os.environ.get('LOAD_LONG'))
SANITIZED = bool(os.environ.get('LOAD_SANITIZED'))  # memory figures are the sanitizer's, not ours


@contextlib.contextmanager
def serving(example, driver, *flags, workers=1, guard='auto', nofile=None):
    """A running example; afterwards it must still be alive, and end with 0 on SIGTERM."""
    if not EXAMPLES.get(example):
        raise unittest.SkipTest(f'no {example} example in this build')

    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (nofile, nofile))
    port = procs.free_port()
    with tempfile.NamedTemporaryFile(prefix='vkd-load-') as log:
        server = procs.Server([EXAMPLES[example], '--listen', f'127.0.0.1:{port}', '--driver', driver, '--guard',
                               guard, '--workers', str(workers), *flags], port, log.name,
                              preexec=limit if nofile else None)
        try:
            server.wait_ready()
            eventually(lambda: 'listening on' in server.log(), 'the line that says where it listens')
            yield server
            if server.expected_end:
                return
            if server.process.poll() is not None:
                raise AssertionError(f'server ended with {server.process.returncode}: {server.log()[-800:]}')
            status = server.stop(timeout_s=PATIENCE_S)
            if status != 0:
                raise AssertionError(f'exit status {status} after SIGTERM: {server.log()[-800:]}')
        except (AssertionError, OSError) as e:
            raise AssertionError(f'{e}\nserver said: {server.log()[-800:]}') from e
        finally:
            if server.process.poll() is None:
                server.stop(timeout_s=0.1)


def workers_of(server):
    return [pid for pid in procs.tree(server.pid) if pid != server.pid]


def mappings(pids):
    """Kernel mappings of the processes: slots made show up here."""
    count = 0
    for pid in pids:
        with open(f'/proc/{pid}/maps') as f:
            count += sum(1 for _ in f)
    return count


def eventually(test, what, patience_s=PATIENCE_S):
    """Wait for what must come to pass."""
    end = time.monotonic() + patience_s
    while not test():
        if time.monotonic() > end:
            raise AssertionError(f'never: {what}')
        time.sleep(0.02)


class Wrk:
    """One run of wrk in the background; finish() checks that it had answers and no error."""

    def __init__(self, server, connections, seconds, path='/', pipelined=False, close=False):
        try:
            self.process = wrk.start(f'http://127.0.0.1:{server.port}{path}', connections, seconds,
                                     script='pipe16' if pipelined else 'report', close=close)
        except FileNotFoundError as e:
            raise unittest.SkipTest(str(e)) from None

    def finish(self):
        try:
            result = wrk.finish(self.process, PATIENCE_S + 60)
        except RuntimeError as e:
            raise AssertionError(str(e)) from e
        if result['requests'] == 0 or result['errors']:
            raise AssertionError(f'wrk: {result}')
        return result['requests']


class Sampler:
    """The largest resident size of a server's workers while a block runs, in KiB."""

    def __init__(self, server):
        self.pids = workers_of(server)
        self.before = self.most = procs.memory(self.pids)[0]
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self):
        while not self.over.wait(0.02):
            self.most = max(self.most, procs.memory(self.pids)[0])

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    @property
    def growth_kib(self):
        return max(self.most, procs.memory(self.pids)[0]) - self.before


class Background:
    """Threads that repeat a function until told to stop; the first failure is kept."""

    def __init__(self, function, count=1):
        self.function, self.failure, self.rounds = function, None, 0
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.loop) for _ in range(count)]

    def loop(self):
        try:
            while not self.over.is_set():
                self.function()
                self.rounds += 1
        except Exception as e:  # reported by __exit__ in the test's own thread
            self.failure = e

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, kind, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()
        if kind is None and self.failure:
            raise AssertionError(f'a bystander failed: {self.failure!r}') from self.failure
        if kind is None and self.rounds == 0:
            raise AssertionError('no bystander was served')


class GoodClient:
    """Asks for hello on one kept connection, and on a new one each tenth time."""

    def __init__(self, port, expect=HELLO):
        self.port, self.expect, self.sock, self.left = port, expect, None, 0

    def __call__(self):
        if not self.left:
            self.close()
            self.sock, self.left = procs.ask(self.port, timeout_s=PATIENCE_S)[0], 10
        answer = procs.ask_on(self.sock)
        self.left -= 1
        if not answer.startswith(b'HTTP/1.1 200') or self.expect not in answer:
            raise AssertionError(f'answer {answer[:200]!r}')

    def close(self):
        if self.sock:
            self.sock.close()

    __del__ = close


# ---- crashes ----

def crash_routes(port):
    """The accidents that the crash example offers, and the text that lists them."""
    sock, answer = procs.ask(port, timeout_s=PATIENCE_S)
    sock.close()
    body = answer.partition(b'\r\n\r\n')[2]
    return [route for route in body.decode().split() if route != '/ok'], body


def crash(port, route):
    """A 500, or a closed connection; never a 200 and never silence."""
    with socket.create_connection(('127.0.0.1', port), PATIENCE_S) as sock:
        sock.sendall(f'GET {route} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'.encode())
        try:
            answer = sock.recv(4096)
        except ConnectionResetError:
            answer = b''
    if answer and not answer.startswith(b'HTTP/1.1 500'):
        raise AssertionError(f'{route}: {answer[:100]!r}')


def crash_many(port, routes, total, at_once=4):
    """So many crashes, of all routes by turns."""
    work = iter([routes[i % len(routes)] for i in range(total)])
    lock = threading.Lock()

    def next_crash():
        with lock:
            route = next(work, None)
        if route is None:
            raise StopIteration
        crash(port, route)
    crashers = [Background(next_crash) for _ in range(at_once)]
    threads = [thread for crasher in crashers for thread in crasher.threads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for crasher in crashers:
        if not isinstance(crasher.failure, StopIteration):
            raise AssertionError(f'a crash: {crasher.failure!r}') from crasher.failure


def gauges(port):
    """What the kernel has of each kind of object now."""
    names = ('processes', 'handles', 'ops', 'buffers', 'slots', 'conns', 'busy')
    counted = procs.counters(port)
    return {name: counted[name] for name in names if name in counted}


def settled(look):
    """What look gives once it has stood still: connections of the past are closed."""
    seen = []
    while len(seen) < 10 or any(s != seen[-1] for s in seen[-10:]):
        seen.append(look())
        time.sleep(0.05)
    return seen[-1]
