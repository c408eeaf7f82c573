# SPDX-License-Identifier: Apache-2.0
"""Measures vkd beside other servers; docs/benchmarks.md explains the method.

Servers on CPU 0, the generator on CPU 1. All servers run, one has work. A round measures each case on each server
for a short slice, one server after the other; figures are medians of the rounds.
"""
import argparse
import os
import resource
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.dirname(HERE))

import confine  # noqa: E402  (of this folder, the ones below of the folder above)
import servers  # noqa: E402
import tables  # noqa: E402
import blast  # noqa: E402
import host  # noqa: E402
import procs  # noqa: E402
from host import LOAD_CPU, SERVER_CPU  # noqa: E402

CASES = {  # name: (connections, depth, part of the seconds of a slice)
    'text': (64, 1, 1), 'json': (64, 1, 1), 'pipe16': (64, 16, 1), 'close': (64, 0, 1),
    'c1': (1, 1, 1), 'c10': (10, 1, 1), 'c100': (100, 1, 1), 'c1000': (1000, 1, 1.5), 'c10000': (10000, 1, 2.5),
    'down': (16, 1, 1), 'up': (16, 1, 1), 'wait': (64, 1, 1),
}
SMALL = {'small': 'text', 'small_close': 'close', 'small_c10000': 'c10000'}  # the case that is measured
EXTRAS = ('idle', 'startup')
EVERY_CASE = [*CASES, *SMALL, *EXTRAS]
QUICK_CASES = [c for c in EVERY_CASE if c not in ('c10', 'c1000', 'c10000', 'small_c10000')]
DESCRIPTORS = 20000  # as servers find them; some take memory for as many as they may have
IDLE_CONNECTIONS = 10000
STARTUP_RUNS = 9
FIRST_PORT = 22000
WARM_S = 0.2
DIGITS = {'seconds': 4, 'us': 3, 'p50': 1, 'p99': 1, 'foreign': 3, 'generator_pct': 1, 'server_pct': 1}


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.lua = os.path.join(options.build, '..', 'nginx-lua')
        self.peers, problems = servers.find(options.build, folder, self.lua,
                                            os.path.join(options.build, '..', 'peers-go'))
        self.versions = servers.versions(options.build, self.peers, self.lua)
        self.peers = {name: peer for name, peer in self.peers.items() if name in options.servers or not options.servers}
        self.next_port = FIRST_PORT
        self.rows, self.problems = [], []
        self.facts = {'idle': {}, 'startup': {}, 'peak': {}, 'small': '', 'unlimited': []}
        for text in problems:
            self.problem(text)

    def exe(self, name):
        return os.path.join(self.options.build, 'bench', name)

    def problem(self, text):
        text = text.replace(self.folder, 'DIR')
        self.problems.append(text)
        print('#', text, flush=True)

    def command(self, peer):
        """(argv, port), with a port of its own for each start."""
        port = self.next_port
        self.next_port += 1
        servers.configure(peer.name, self.folder, port, os.path.abspath(self.lua))
        return [a.replace('PORT', str(port)).replace('DIR', self.folder) for a in peer.argv], port

    def start(self, peer, confinement=None):
        argv, port = self.command(peer)

        def prepare():
            host.own_group_first()
            if confinement:
                confinement.enter()
        server = procs.Server(argv, port, os.path.join(self.folder, peer.name + '.log'), cpu=SERVER_CPU,
                              preexec=prepare, environment=peer.environment)
        try:
            self.check(server, peer)
        except (RuntimeError, OSError):
            server.stop()
            raise
        return server

    def start_confined(self, peer, confinement):
        """Without the limit on address space, where the server cannot live with it."""
        try:
            return self.start(peer, confinement)
        except RuntimeError:
            if not confinement or confinement.group:
                raise
            confinement.is_on = False
            self.facts['unlimited'].append(peer.name)
            return self.start(peer)

    def check(self, server, peer):
        """That it answers each path with what the others answer."""
        bodies = {'text': b'Hello, World!', 'json': b'{"message":"Hello, World!"}'}
        server.wait_ready(20)
        for case in (c for c in bodies if c in peer.cases):
            sock, answer = procs.ask(server.port, peer.path(case))
            sock.close()
            if not answer.startswith(b'HTTP/1.1 200') or answer.partition(b'\r\n\r\n')[2] != bodies[case]:
                raise RuntimeError(f'answers {answer[:200]!r} to {peer.path(case)}')

    def generator(self, server, peer, case, seconds):
        """blast with its connections open, waiting for the line that begins the load."""
        connections, depth, _ = CASES[case]
        if case == 'c10000':
            connections = self.options.connections
        flags = ['--body', str(servers.BIG_BYTES)] if case == 'up' else []
        return blast.held(self.exe('blast'), server.port, connections, depth, seconds, '--path', peer.path(case),
                          '--latency', *flags)

    def measure_once(self, server, peer, case):
        with self.generator(server, peer, case, self.options.secs * CASES[case][2]) as process:
            return blast.measured(process, server)

    def measure(self, server, peer, case, as_case, number):
        try:
            row = self.measure_once(server, peer, case)
        except (RuntimeError, OSError, ValueError) as e:
            self.problem(f'{peer.name}: {as_case}: {e}')
            return
        self.rows.append({'server': peer.name, 'case': as_case, 'round': number, 'requests': row['requests'],
                          **{field: round(row[field], digits) for field, digits in DIGITS.items()}})

    def warm(self, server, peer):
        for case in (c for c in ('text', 'json', 'close', 'up') if c in peer.cases and c in self.options.cases):
            with self.generator(server, peer, case, WARM_S) as process:
                blast.load(process)

    def start_all(self, peers, confinements):
        running = {}
        for peer in peers:
            try:
                running[peer.name] = self.start_confined(peer, confinements.get(peer.name))
                self.warm(running[peer.name], peer)
            except (RuntimeError, OSError, ValueError) as e:
                self.problem(f'{peer.name}{" in 512 MB" if confinements else ""}: {e}')
                if peer.name in running:
                    running.pop(peer.name).stop()
        return running

    def rounds(self, cases, confinements):
        """cases: name of the row: case that is measured."""
        peers = [peer for peer in self.peers.values() if set(cases) & set(peer.cases)]
        running = self.start_all(peers, confinements)
        try:
            for number in range(1, self.options.rounds + 1):
                for as_case, case in cases.items():
                    for peer in peers:
                        if as_case in peer.cases and peer.name in running:
                            self.measure(running[peer.name], peer, case, as_case, number)
                print(f'# round {number} of {self.options.rounds}{" in 512 MB" if confinements else ""}', flush=True)
            if confinements:
                self.facts['peak'] = {n: procs.peak(procs.tree(s.pid)) for n, s in running.items()}
        finally:
            for server in running.values():
                server.stop()

    def small(self, cases):
        root = confine.memory_groups()
        self.facts['small'] = confine.describe(root)
        confinements = {name: confine.Confinement(name, root) for name in self.peers}
        try:
            self.rounds(cases, confinements)
        finally:
            for confinement in confinements.values():
                confinement.leave()

    def idle(self, peer):
        """Memory at rest, and with many keep-alive connections of which each made one request; then each makes more."""
        server = self.start(peer)
        try:
            time.sleep(0.3)
            rest = procs.memory(procs.tree(server.pid))
            with self.generator(server, peer, 'c10000', 0.05) as process:
                time.sleep(0.5)
                full = procs.memory(procs.tree(server.pid))
                answers = blast.load(process)['requests']
            self.facts['idle'][peer.name] = {'connections': self.options.connections, 'rss_rest': rest[0],
                                             'pss_rest': rest[1], 'rss': full[0], 'pss': full[1],
                                             'alive': min(answers, self.options.connections)}
        finally:
            server.stop()

    def startup(self, peer):
        argv, port = self.command(peer)
        run = subprocess.run(['taskset', '-c', str(LOAD_CPU), self.exe('startup'), str(port),
                              str(self.options.starts), str(SERVER_CPU)] + argv, capture_output=True, text=True,
                             env=dict(os.environ, **peer.environment))
        if run.returncode:
            raise RuntimeError(run.stderr.strip())
        self.facts['startup'][peer.name] = [int(line) / 1000 for line in run.stdout.split()]

    def run(self):
        cases = {c: c for c in CASES if c in self.options.cases}
        small = {name: case for name, case in SMALL.items() if name in self.options.cases}
        if cases:
            self.rounds(cases, {})
        if small:
            self.small(small)
        for extra in (e for e in EXTRAS if e in self.options.cases):
            for peer in (p for p in self.peers.values() if extra in p.cases):
                try:
                    getattr(self, extra)(peer)
                except (RuntimeError, OSError, ValueError) as e:
                    self.problem(f'{peer.name}: {extra}: {e}')


def choose(only, names, parser):
    """(servers, cases) of what --only names; an empty list stands for all."""
    chosen = [word for word in only.split(',') if word]
    wanted = [word for word in chosen if word in names]
    cases = [word for word in chosen if word in EVERY_CASE]
    unknown = set(chosen) - set(wanted) - set(cases)
    if unknown:
        parser.error(f"--only: no server and no case is called {', '.join(sorted(unknown))}; "
                     f"servers: {', '.join(names)}; cases: {', '.join(EVERY_CASE)}")
    return wanted, cases


def parse_options(argv=None):
    p = argparse.ArgumentParser(prog='./dev bench peers', description=__doc__.splitlines()[0])
    p.add_argument('--build', default='build/release', help='build folder (release)')
    p.add_argument('--rounds', type=int, default=5)
    p.add_argument('--secs', type=float, default=0.4, help='of one slice')
    p.add_argument('--quick', action='store_true', help='one short round of the main cases: a minute or two')
    p.add_argument('--only', default='', help='servers and cases, by the names of the tables, with commas between')
    p.add_argument('--connections', type=int, default=IDLE_CONNECTIONS, help='of c10000 and idle')
    p.add_argument('--out', default='', help='raw figures as JSON (default: BUILD/peers.json)')
    p.add_argument('--from', dest='recorded', default='', help='measure nothing: the tables of these raw figures')
    p.add_argument('--write', action='store_true', help='tables, plots and raw figures into docs/')
    o = p.parse_args(argv)
    o.servers, o.cases = choose(o.only, tables.NAMES, p)
    o.cases = o.cases or (QUICK_CASES if o.quick else EVERY_CASE)
    o.starts = STARTUP_RUNS
    if o.quick:
        o.rounds, o.secs, o.starts, o.connections = 1, 0.15, 3, 1000
    if o.rounds < 1 or o.secs <= 0 or not 1 <= o.connections < DESCRIPTORS - 100:
        p.error('rounds and secs are positive, connections at most 19,899')
    o.out = o.out or os.path.join(o.build, 'peers.json')
    return o


def measure(options):
    with host.measuring('peers') as (folder, record):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, DESCRIPTORS), hard))
        bench = Bench(options, folder)
        bench.run()
    return {**record, 'rounds': options.rounds, 'secs': options.secs, 'versions': bench.versions,
            'problems': bench.problems, **bench.facts, 'rows': bench.rows}


def main():
    options = parse_options()
    if options.recorded:
        record = tables.read(options.recorded)
    else:
        record = measure(options)
        tables.write(options.out, record)
        print(f'raw figures: {options.out}')
    print('\n' + tables.render(record))
    if options.write:
        tables.write_docs(servers.ROOT, record)


if __name__ == '__main__':
    main()
