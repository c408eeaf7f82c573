# SPDX-License-Identifier: Apache-2.0
"""Starting, watching and stopping servers: what the benchmark and the load tests share.

A server is a tree of processes (ours has a parent and its workers): CPU time, switches and memory are
sums over the tree. Only processes started here are ever signalled, by their number.
"""
import os
import re
import signal
import socket
import subprocess
import time

TICK = os.sysconf('SC_CLK_TCK')
HELLO_BODY = b'Hello, World!'


def tree(pid):
    """The process and all its descendants."""
    pids = [pid]
    for parent in pids:
        try:
            for task in os.listdir(f'/proc/{parent}/task'):
                with open(f'/proc/{parent}/task/{task}/children') as f:
                    pids += [int(child) for child in f.read().split()]
        except OSError:
            pass  # it ended meanwhile
    return pids


def usage(pids):
    """(CPU seconds from the scheduler's nanosecond counters, voluntary switches) of all threads."""
    cpu_ns = switches = 0
    for pid in pids:
        try:
            for task in os.listdir(f'/proc/{pid}/task'):
                with open(f'/proc/{pid}/task/{task}/schedstat') as f:
                    cpu_ns += int(f.read().split()[0])
                with open(f'/proc/{pid}/task/{task}/status') as f:
                    switches += int(re.search(r'^voluntary_ctxt_switches:\s+(\d+)', f.read(), re.M)[1])
        except OSError:
            pass
    return cpu_ns * 1e-9, switches


def memory(pids):
    """(resident, proportional) set sizes in KiB; pages shared inside the tree count once in the second."""
    rss = pss = 0
    for pid in pids:
        try:
            with open(f'/proc/{pid}/smaps_rollup') as f:
                for line in f:
                    if line.startswith('Rss:'):
                        rss += int(line.split()[1])
                    elif line.startswith('Pss:'):
                        pss += int(line.split()[1])
        except OSError:
            pass
    return rss, pss


def descriptors(pids):
    """Open descriptors of the tree."""
    count = 0
    for pid in pids:
        try:
            count += len(os.listdir(f'/proc/{pid}/fd'))
        except OSError:
            pass
    return count


def machine_cpu():
    """CPU seconds ever used by all processes of the machine and, in addition, stolen from it."""
    used = 0
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{pid}/stat') as f:
                used += sum(map(int, f.read().rsplit(')', 1)[1].split()[11:15]))
        except OSError:
            pass
    with open('/proc/stat') as f:
        stolen = int(f.readline().split()[8])
    return (used + stolen) / TICK


def ask(port, path='/', timeout_s=5, close=False):
    """One GET on a new connection. Returns (socket, whole answer) with Content-Length bodies only."""
    sock = socket.create_connection(('127.0.0.1', port), timeout_s)
    try:
        answer = ask_on(sock, path, close)
    except Exception:
        sock.close()
        raise
    return sock, answer


def ask_on(sock, path='/', close=False):
    """One GET on an open connection; the whole answer. OSError when the connection ended early."""
    extra = 'Connection: close\r\n' if close else ''
    sock.sendall(f'GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{extra}\r\n'.encode())
    return read_answer(sock)


def read_answer(sock):
    data = b''
    while True:
        head, blank, body = data.partition(b'\r\n\r\n')
        if blank:
            length = re.search(rb'\r\ncontent-length: *(\d+)', head, re.I)
            if length and len(body) >= int(length[1]):
                return data
        part = sock.recv(65536)
        if not part:
            raise OSError(f'connection ended after {len(data)} bytes: {data[:80]!r}')
        data += part


class Server:
    """A server under test, listening on 127.0.0.1:port and answering GET / once start returned."""

    def __init__(self, argv, port, log_path, cpu=None, preexec=None):
        self.port = port
        self.log_path = log_path
        self.expected_end = False  # a caller that ends it on purpose says so here
        prefix = ['taskset', '-c', str(cpu)] if cpu is not None else []
        with open(log_path, 'wb') as log:
            self.process = subprocess.Popen(prefix + argv, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT, start_new_session=True,
                                            preexec_fn=preexec)

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        with open(self.log_path, errors='replace') as f:
            return f.read()

    def wait_ready(self, timeout_s=10):
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f'server exited with {self.process.returncode}: {self.log()[-500:]}')
            try:
                sock, answer = ask(self.port)
                sock.close()
                return answer
            except OSError:
                time.sleep(0.01)
        raise RuntimeError(f'server did not answer on port {self.port}: {self.log()[-500:]}')

    def stop(self, timeout_s=3):
        """SIGTERM, then SIGKILL, to the whole tree. Returns the exit status of its root."""
        pids = tree(self.pid)
        for sig in (signal.SIGTERM, signal.SIGKILL):
            targets = [self.pid] if sig == signal.SIGTERM else pids
            for pid in targets:
                try:
                    os.kill(pid, sig)
                except ProcessLookupError:
                    pass
            try:
                self.process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                continue
            if not any(os.path.exists(f'/proc/{pid}') for pid in pids):
                break
            time.sleep(0.1)
        return self.process.returncode


def free_port():
    """A port that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        return sock.getsockname()[1]


def counters(port):
    """Our examples' GET /counters as a dict of integers; {} when the server has none."""
    sock, answer = ask(port, '/counters')
    sock.close()
    if not answer.startswith(b'HTTP/1.1 200'):
        return {}
    lines = answer.partition(b'\r\n\r\n')[2].decode().splitlines()
    return {name: int(value) for name, value in (line.split() for line in lines)}
