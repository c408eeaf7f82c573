# SPDX-License-Identifier: Apache-2.0
"""Measures hello against the yardsticks and its peers; docs/benchmarks.md explains the method.

Servers on CPU 0, the generator on CPU 1. All servers run; only one has work. A round measures each case
on each server for a short slice, one server after the other, so that a slow second of the machine meets
all of them; figures are medians of the rounds.
"""
import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import host
import nginx
import procs
import report
import todo

from host import LOAD_CPU, SERVER_CPU

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
IDLE_CONNECTIONS = 10000
STARTUP_RUNS = 10

CASES = {  # name: (connections, depth, extra arguments of blast)
    'sat64': (64, 1, []),
    'pipe16': (64, 16, []),
    'close': (64, 0, []),
    'c1': (1, 1, ['--latency']),
    'c64': (64, 1, ['--latency']),
    'wait': (64, 1, ['--latency', '--path', '/wait?ms=1']),
}
EXTRAS = ('idle', 'startup', 'guard')
TODO_SECONDS = 1  # of a slice of the case `todo`, which wrk loads

NGINX = '    location / { default_type text/plain; return 200 "Hello, World!"; }'


class Bench:
    def __init__(self, options, work_dir):
        self.options = options
        self.dir = work_dir
        self.next_port = 21000
        self.rows = []  # every measurement, as it goes into the JSON
        self.facts = {'idle': {}, 'startup': {}, 'guard': {}, 'answers': {}, 'todo': {}}
        self.problems = []
        self.running = {}  # name: procs.Server
        self.servers = self.find_servers()

    def exe(self, *path):
        return os.path.join(self.options.build, *path)

    def find_servers(self):
        """name: (argv with PORT to be replaced, cases)"""
        common = ['sat64', 'pipe16', 'close', 'c1', 'c64']
        found = {}
        for driver, yardstick in (('ev', 'limit_epoll'), ('uring', 'limit_uring')):
            exe = self.exe('bench', yardstick)
            found[yardstick] = ([exe, 'PORT'], common + ['idle', 'startup'])
            found[yardstick + '_d'] = ([exe, 'PORT', '--defer'], ['close'])
        for guard, cases in (('mprotect', common + ['wait'] + list(EXTRAS)), ('off', ['sat64', 'pipe16', 'wait'])):
            for driver in ('ev', 'uring'):
                name = f'hello_{driver}' + ('' if guard == 'mprotect' else '_off')
                found[name] = ([self.exe('examples', 'hello'), '--listen', '127.0.0.1:PORT', '--driver', driver,
                                '--guard', guard, '--workers', '1'], cases)
        module = os.path.join(self.dir, 'hello.vkb')
        subprocess.run([self.exe('vkd', 'vkd'), 'build', os.path.join(ROOT, 'bench', 'hello.vk'), '-o', module],
                       check=True)
        for driver in ('ev', 'uring'):
            found[f'vk_{driver}'] = ([self.exe('vkd', 'vkd'), 'run', module, '--listen', '127.0.0.1:PORT', '--driver',
                                      driver, '--guard', 'mprotect', '--workers', '1'], common + ['idle', 'startup'])
        if shutil.which('nginx'):
            found['nginx'] = (['nginx', '-c', os.path.join(self.dir, 'nginx.conf')], common + ['idle', 'startup'])
        found['h2o_lib'] = ([self.exe('bench', 'h2olib_hello'), 'PORT'], common + ['idle', 'startup'])
        for name in list(found):
            if not shutil.which(found[name][0][0]):
                self.problem(f'{name}: no {found[name][0][0]}; left out')
                del found[name]
        if self.options.servers:
            found = {k: v for k, v in found.items() if k in self.options.servers.split(',')}
        return found

    def problem(self, text):
        self.problems.append(text)
        print('#', text, flush=True)

    def command(self, name):
        """(argv, port) with a port of its own for each start: a killed ring may hold its listener a moment."""
        port = self.next_port
        self.next_port += 1
        if name == 'nginx':
            nginx.write(self.dir, 'nginx', port, NGINX)
        return [a.replace('PORT', str(port)) for a in self.servers[name][0]], port

    def start(self, name):
        argv, port = self.command(name)
        server = procs.Server(argv, port, os.path.join(self.dir, name + '.log'), cpu=SERVER_CPU,
                              preexec=host.own_group_first)
        try:
            answer = server.wait_ready()
        except RuntimeError:
            server.stop()
            raise
        if not answer.startswith(b'HTTP/1.1 200') or not answer.endswith(procs.HELLO_BODY):
            server.stop()
            raise RuntimeError(f'{name} answers {answer[:200]!r}')
        self.facts['answers'][name] = len(answer)
        return server

    def blast(self, port, case, seconds):
        conns, depth, extra = CASES[case]
        argv = ['taskset', '-c', str(LOAD_CPU), self.exe('bench', 'blast'), str(port), str(conns), str(depth),
                str(seconds)] + extra
        run = subprocess.run(argv, capture_output=True, text=True)
        if run.returncode:
            raise RuntimeError(f'{" ".join(argv[3:])}: exit {run.returncode}: {run.stderr.strip()[-300:]}')
        return json.loads(run.stdout)

    def measure_once(self, server, case):
        pids = procs.tree(server.pid)
        meter = procs.Meter(pids)
        row = self.blast(server.port, case, self.options.secs)
        row.update(meter.finish(row['requests']))
        if procs.tree(server.pid) != pids:
            raise RuntimeError('the server replaced a process during the measurement')
        row['rate'] = row['requests'] / row['seconds']
        row['rss'], row['pss'] = procs.memory(pids)
        return row

    def measure(self, name, case, number):
        try:
            row = self.measure_once(self.running[name], case)
        except (RuntimeError, OSError) as e:
            self.problem(f'{name}: {case}: {e}')
            self.running.pop(name).stop()
            return
        row.update(server=name, case=case, round=number)
        self.rows.append(row)

    def round(self, number):
        for case in (c for c in CASES if c in self.options.cases):
            for name in [n for n in self.running if case in self.servers[n][1]]:
                self.measure(name, case, number)
        print(f'# round {number} of {self.options.rounds}', flush=True)

    def start_all(self):
        for name in self.servers:
            try:
                self.running[name] = self.start(name)
                self.blast(self.running[name].port, 'sat64', 0.3)  # warm
            except (RuntimeError, OSError) as e:
                self.problem(f'{name}: {e}')

    def stop_all(self):
        for server in self.running.values():
            server.stop()
        self.running = {}

    def idle(self, name):
        """Memory at rest, and with many keep-alive connections of which each made one request."""
        server = self.start(name)
        socks = []
        try:
            time.sleep(0.3)
            rest = procs.memory(procs.tree(server.pid))
            while len(socks) < self.options.idle:
                socks.append(procs.ask(server.port)[0])
            time.sleep(0.5)
            full = procs.memory(procs.tree(server.pid))
            alive = sum(procs.ask_on(s).endswith(procs.HELLO_BODY) for s in socks[::len(socks) // 50 or 1])
            self.facts['idle'][name] = {'connections': len(socks), 'rss_rest': rest[0], 'pss_rest': rest[1],
                                        'rss': full[0], 'pss': full[1], 'alive': alive}
        finally:
            for sock in socks:
                sock.close()
            server.stop()

    def startup(self, name):
        argv, port = self.command(name)
        run = subprocess.run(['taskset', '-c', str(LOAD_CPU), self.exe('bench', 'startup'), str(port),
                              str(STARTUP_RUNS), str(SERVER_CPU)] + argv, capture_output=True, text=True)
        if run.returncode:
            raise RuntimeError(run.stderr.strip())
        self.facts['startup'][name] = [int(line) / 1000 for line in run.stdout.split()]

    def guard(self, name):
        """Switches of the guard per request: pairs of mprotect, counted (not timed) under strace."""
        if not shutil.which('strace'):
            raise RuntimeError('strace is not installed')
        server = self.start(name)
        summary = os.path.join(self.dir, 'strace')
        try:
            for case in ('sat64', 'wait'):
                trace = subprocess.Popen(['strace', '-f', '-c', '-e', 'trace=mprotect', '-o', summary, '-p',
                                          str(procs.tree(server.pid)[-1])], stderr=subprocess.PIPE, text=True)
                if 'attached' not in trace.stderr.readline():
                    trace.wait()
                    raise RuntimeError('strace may not attach here')
                requests = self.blast(server.port, case, 1)['requests']
                trace.send_signal(signal.SIGINT)
                trace.communicate()
                with open(summary) as f:
                    calls = [int(line.split()[3]) for line in f if line.rstrip().endswith(' mprotect')]
                # Those in flight at the end were counted by strace, not by blast.
                self.facts['guard'].setdefault(name, {})[case] = sum(calls) / 2 / (requests + CASES[case][0])
        finally:
            server.stop()

    def todo(self):
        """The JSON service of examples/todo beside the same in nginx with Lua and in Node."""
        bench = todo.Todo(self.options.build, self.dir, os.path.join(self.options.build, '..', 'nginx-lua'),
                          (SERVER_CPU, LOAD_CPU), host.own_group_first)
        bench.run(self.options.rounds, TODO_SECONDS, self.next_port)
        self.facts['todo'] = bench.rows
        for problem in bench.problems:
            self.problem(problem)

    def run(self):
        if any(case in CASES for case in self.options.cases):
            try:
                self.start_all()
                for number in range(1, self.options.rounds + 1):
                    self.round(number)
            finally:
                self.stop_all()
        for name, (_, cases) in self.servers.items():
            for extra in (e for e in EXTRAS if e in cases and e in self.options.cases):
                try:
                    getattr(self, extra)(name)
                except (RuntimeError, OSError) as e:
                    self.problem(f'{name}: {extra}: {e}')
        if 'todo' in self.options.cases:
            self.todo()


def parse_options():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--build', default='build/release', help='build folder (release)')
    p.add_argument('--rounds', type=int, default=15)
    p.add_argument('--secs', type=float, default=0.4, help='of one slice')
    p.add_argument('--cases', default=','.join(list(CASES) + list(EXTRAS) + ['todo']), help='of: %(default)s')
    p.add_argument('--servers', default='', help='only these, by the names of the table')
    p.add_argument('--quick', action='store_true', help='few and short rounds, the main cases')
    p.add_argument('--idle', type=int, default=IDLE_CONNECTIONS, help='idle connections')
    p.add_argument('--out', default='', help='raw figures as JSON (default: BUILD/bench.json)')
    p.add_argument('--docs', default='', help='replace the results in this file (docs/benchmarks.md)')
    p.add_argument('--strict', action='store_true', help='exit 1 when a budget is missed')
    o = p.parse_args()
    if o.quick:
        o.rounds, o.secs = 5, 0.25
        if o.cases == p.get_default('cases'):
            o.cases = 'sat64,pipe16,close,c1,wait,startup,guard,todo'
    o.cases = o.cases.split(',')
    unknown = set(o.cases) - set(CASES) - set(EXTRAS) - {'todo'}
    if unknown or o.rounds < 1 or o.secs <= 0:
        p.error(f'unknown case {unknown}' if unknown else 'rounds and secs are positive')
    o.out = o.out or os.path.join(o.build, 'bench.json')
    return o


def main():
    options = parse_options()
    with host.measuring('bench') as (work_dir, record):
        bench = Bench(options, work_dir)
        bench.run()
    title = f"{record['title']}; {options.rounds} rounds, slices of {options.secs:g} s"
    text, missed = report.render(title, bench.rows, bench.facts, bench.problems, options.rounds)
    print('\n' + text)
    with open(options.out, 'w') as f:
        json.dump({'title': title, 'rows': bench.rows, 'facts': bench.facts, 'problems': bench.problems}, f, indent=1)
    print(f'raw figures: {options.out}')
    if options.docs:
        report.write_docs(options.docs, text)
    sys.exit(1 if options.strict and (missed or bench.problems) else 0)


if __name__ == '__main__':
    main()
