#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""System calls and instructions that hello spends on a request, in C and in bytecode, against committed ceilings.

Goal: a change that makes a request dearer is seen whatever the machine and however noisy. Method: the
worker is stopped while 64 connections each send one batch, then continued until all answers are there,
so that every tick finds the same work. strace counts the system calls of a number of such rounds;
callgrind counts the instructions of two runs of different length, whose difference has no start-up in
it. Ceilings are in bench/gates.txt, about 5 % above what was measured.

Usage: test_gate.py HELLO VKD HELLO.VK NO_TRAP BUILD CEILINGS [--show]; exit 77 where valgrind or strace is
missing, or the file has no line for this build. --show prints lines for the file and checks nothing.
"""
import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'bench'))
import procs  # noqa: E402

SKIP = 77
CONNECTIONS = 64
PATIENCE_S = 120
SHORT, LONG = 4, 24  # rounds of the two callgrind runs
CASES = {'keepalive': 1, 'pipelined': 16, 'close': 0}  # requests of one batch; 0: a connection per request
WAIT_PATH = '/wait?ms=1'  # the process waits once: what the guard costs shows here
HEADROOM = 1.05
# The sum, and the end of a handler of the CPU timer, which ticks by time.
NOT_OF_A_REQUEST = ('total', 'rt_sigreturn')
# One memset for all machines: callgrind counts each byte of `rep stosb` as an instruction.
TUNABLES = 'glibc.cpu.x86_rep_stosb_threshold=1000000000'


def worker_of(server):
    return procs.tree(server.pid)[-1]


def wait_stopped(pid):
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        with open(f'/proc/{pid}/stat') as f:
            if f.read().rsplit(')', 1)[1].split()[0] in 'Tt':
                return
        time.sleep(0.001)
    raise RuntimeError('the worker does not stop')


class Client:
    """CONNECTIONS clients in step: every batch is there before the worker runs again."""

    def __init__(self, server, depth, path='/'):
        self.port, self.worker, self.depth = server.port, worker_of(server), depth
        last = '' if depth else 'Connection: close\r\n'
        self.batch = f'GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{last}\r\n'.encode() * max(depth, 1)
        self.socks = [self.connect() for _ in range(CONNECTIONS)]
        self.answer_len = max(len(procs.ask_on(sock, path)) for sock in self.socks)
        if depth == 0:
            self.close()

    def connect(self):
        return socket.create_connection(('127.0.0.1', self.port), PATIENCE_S)

    def send_batches(self):
        if self.depth == 0:
            self.socks = [self.connect() for _ in range(CONNECTIONS)]
        for sock in self.socks:
            sock.sendall(self.batch)

    def take_answers(self):
        for sock in self.socks:
            left = self.answer_len * self.depth if self.depth else 1 << 20
            while left:
                got = len(sock.recv(left))
                if got == 0:
                    break
                left -= got
            if (left > 0) != (self.depth == 0):
                raise RuntimeError('a connection ended that should not, or went on')
        if self.depth == 0:
            self.close()

    def rounds(self, count):
        for _ in range(count):
            os.kill(self.worker, signal.SIGSTOP)
            wait_stopped(self.worker)
            self.send_batches()
            os.kill(self.worker, signal.SIGCONT)
            self.take_answers()
        return count * CONNECTIONS * max(self.depth, 1)

    def close(self):
        for sock in self.socks:
            sock.close()


class Gate:
    def __init__(self, options, folder, command):
        self.options, self.folder, self.command = options, folder, command

    def server(self, driver, prefix=(), environment=()):
        port = procs.free_port()
        argv = ['env', *environment, *prefix, *self.command, '--listen', f'127.0.0.1:{port}', '--driver', driver,
                '--guard', 'mprotect', '--workers', '1']
        server = procs.Server(argv, port, os.path.join(self.folder, 'log'))
        try:
            server.wait_ready(PATIENCE_S)
        except RuntimeError:
            server.stop()
            raise
        return server

    def system_calls(self, driver, depth, path='/'):
        """Calls per request: {name: count}."""
        server = self.server(driver)
        summary = os.path.join(self.folder, 'strace')
        try:
            client = Client(server, depth, path)
            trace = subprocess.Popen(['strace', '-f', '-c', '-o', summary, '-p', str(worker_of(server))],
                                     stderr=subprocess.PIPE, text=True)
            if 'attached' not in trace.stderr.readline():
                trace.wait()
                raise SystemExit(SKIP)  # tracing is forbidden here
            requests = client.rounds(LONG)
            trace.send_signal(signal.SIGINT)
            trace.communicate(timeout=PATIENCE_S)
            client.close()
        finally:
            server.stop()
        calls = {}
        with open(summary) as f:
            for line in f:
                fields = line.split()
                if len(fields) >= 5 and fields[0][0].isdigit() and fields[-1] not in NOT_OF_A_REQUEST:
                    calls[fields[-1]] = int(fields[3]) / requests
        return calls

    def callgrind_run(self, driver, depth, rounds):
        """(instructions of the worker from start to end, requests in it beyond the fixed start)."""
        environment = [f'LD_PRELOAD={self.options.no_trap}', f'GLIBC_TUNABLES={TUNABLES}']
        for name in os.listdir(self.folder):
            if name.startswith('out.'):
                os.unlink(os.path.join(self.folder, name))
        server = self.server(driver, ('valgrind', '--tool=callgrind', '--trace-children=yes',
                                      f'--callgrind-out-file={self.folder}/out.%p'), environment)
        worker = worker_of(server)
        try:
            client = Client(server, depth)
            requests = client.rounds(rounds)
            client.close()
        finally:
            server.stop(PATIENCE_S)
        with open(os.path.join(self.folder, f'out.{worker}')) as f:
            return int(re.search(r'^(?:totals|summary): (\d+)', f.read(), re.M)[1]), requests

    def instructions(self, driver, depth):
        short, requests_short = self.callgrind_run(driver, depth, SHORT)
        long, requests_long = self.callgrind_run(driver, depth, LONG)
        return (long - short) / (requests_long - requests_short)


def read_ceilings(path, build):
    """Lines: BUILD DRIVER CASE WHAT CEILING; BUILD any is for every build."""
    ceilings = {}
    with open(path) as f:
        for line in f:
            fields = line.split('#')[0].split()
            if fields and fields[0] in (build, 'any'):
                ceilings[tuple(fields[1:4])] = float(fields[4])
    return ceilings


def measure_requests(gate, driver, prefix):
    """Yields (case, what, measured, note)."""
    for case, depth in CASES.items():
        calls = gate.system_calls(driver, depth)
        note = ', '.join(f'{name} {count:.3f}' for name, count in sorted(calls.items()) if count >= 0.001)
        yield prefix + case, 'syscalls', sum(calls.values()), note
        yield prefix + case, 'instructions', gate.instructions(driver, depth), ''


def measure(options, folder, driver):
    """The same: hello in C, then what `vkd run` makes of hello.vk, whose cases begin with vk-."""
    module = os.path.join(folder, 'hello.vkb')
    subprocess.run([options.vkd, 'build', options.program, '-o', module], check=True)
    gate = Gate(options, folder, [options.hello])
    yield from measure_requests(gate, driver, '')
    yield from measure_requests(Gate(options, folder, [options.vkd, 'run', module]), driver, 'vk-')
    calls = gate.system_calls(driver, 1, WAIT_PATH)
    yield 'wait', 'mprotect', calls.get('mprotect', 0), f'{calls.get("mprotect", 0) / 2:.2f} guard switches'


def check(options, folder, driver, ceilings):
    missed = []
    for case, what, measured, note in measure(options, folder, driver):
        ceiling = ceilings.get((driver, case, what))
        verdict = 'no ceiling for this build' if ceiling is None else 'ok' if measured <= ceiling else 'TOO MANY'
        print(f'{driver} {case}: {measured:.3f} {what} a request, ceiling {ceiling}: {verdict}  {note}', flush=True)
        if options.show:
            key = options.build if what == 'instructions' else 'any'
            print(f'{key} {driver} {case} {what} {measured * HEADROOM:.3f}')
        elif verdict == 'TOO MANY':
            missed.append((driver, case, what))
    return missed


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('hello')
    p.add_argument('vkd')
    p.add_argument('program', help='hello.vk')
    p.add_argument('no_trap', help='the library that keeps the system call trap off under valgrind')
    p.add_argument('build', help='which lines of the file apply, such as gcc-O3')
    p.add_argument('ceilings')
    p.add_argument('--show', action='store_true')
    p.add_argument('--drivers', default='ev,uring')
    options = p.parse_args()
    for tool in ('valgrind', 'strace'):
        if not shutil.which(tool):
            print(f'skipped: {tool} is not installed')
            sys.exit(SKIP)
    with open('/proc/cpuinfo') as f:
        if ' avx2' not in f.read():
            print('skipped: the ceilings are of processors with AVX2')
            sys.exit(SKIP)
    ceilings = read_ceilings(options.ceilings, options.build)
    if not options.show and not any(key[2] == 'instructions' for key in ceilings):
        print(f'skipped: {options.ceilings} has no line for {options.build}')
        sys.exit(SKIP)
    missed = []
    with tempfile.TemporaryDirectory(prefix='vkd-gate-') as folder:
        for driver in options.drivers.split(','):
            missed += check(options, folder, driver, ceilings)
    sys.exit(1 if missed else 0)


if __name__ == '__main__':
    main()
