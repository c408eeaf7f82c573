# SPDX-License-Identifier: Apache-2.0
"""Measures how long answers take at a fixed rate, with --realtime and without, beside nginx.

An open loop: requests are due at a rate that is a part of what the server can do, and the time of each begins when
it was due (bench/load/blast.c, --rate). Servers on CPU 0, the generator on CPU 1; a round measures each rate on each
server for a slice, one after the other; figures are medians of the rounds. docs/benchmarks.md explains the method.
"""
import argparse
import contextlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.append(os.path.dirname(HERE))

import host  # noqa: E402
import nginx  # noqa: E402
import plot  # noqa: E402
import procs  # noqa: E402
import publish  # noqa: E402
import report  # noqa: E402
from host import LOAD_CPU, SERVER_CPU  # noqa: E402

SERVERS = {  # name: (title, flags of `vkd run`; None: nginx, priority by chrt)
    'vkd_uring': ('vkd, io_uring', ['--driver', 'uring'], 0),
    'vkd_ev': ('vkd, epoll', ['--driver', 'ev'], 0),
    'vkd_uring_rt': ('realtime, io_uring', ['--driver', 'uring', '--realtime'], 0),
    'vkd_ev_rt': ('realtime, epoll', ['--driver', 'ev', '--realtime'], 0),
    'nginx': ('nginx', None, 0),
    'nginx_fifo': ('nginx, chrt -f 1', None, 1),
}
LOADS = (10, 50, 70, 90)  # per cent of what the server can do
JUDGED_LOAD, JUDGED_RATIO = 70, 10  # p99.99 to p50 at that load, with --realtime
CONNECTIONS = 64
FIRST_PORT = 23000
PAUSE_S = 0.15  # after a slice, so that neither real-time program takes all of its processor for a second
SLICE_MAX_S = 0.9  # of less than a second: then Linux takes the processor away from who has all of it
STEPS = [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]  # of the closed loop's rate: the largest that is kept up with
PERCENTILES = (('p50', 50), ('p90', 90), ('p99', 99), ('p999', 99.9), ('p9999', 99.99))
METRICS = (
    ('requests per second', 'rate', '{:.0f}'), ('p50, us', 'p50', '{:.0f}'), ('p90, us', 'p90', '{:.0f}'),
    ('p99, us', 'p99', '{:.0f}'), ('p99.9, us', 'p999', '{:.0f}'), ('p99.99, us', 'p9999', '{:.0f}'),
    ('the generator itself was late by, p99.99, us', 'late_p9999', '{:.0f}'),
    ('server CPU, % of a processor', 'server_pct', '{:.0f}'),
    ('server CPU per request, us; polling included', 'us', '{:.1f}'))
LOCATION = '    location / { default_type text/plain; return 200 "Hello, World!"; }'


# ---- calculations ----------------------------------------------------------------

def pooled(histograms):
    """The sum of histograms, each a list of pairs (ns, count)."""
    counts = {}
    for histogram in histograms:
        for ns, count in histogram:
            counts[ns] = counts.get(ns, 0) + count
    return sorted(counts.items())


def percentile_us(histogram, percent):
    """As bench/load/blast.c computes it: the bucket with the first time above that part of all."""
    total = sum(count for _, count in histogram)
    rank, seen = int(total * percent / 100), 0
    for ns, count in histogram:
        seen += count
        if seen > rank:
            return ns / 1000
    return histogram[-1][0] / 1000 if histogram else None


def keeps_up(row, seconds):
    """Whether an open loop's run had its answers when its time was over."""
    return row['unanswered'] == 0 and row['seconds'] < seconds * 1.02 + 0.005


def h2load_times_us(text):
    """Times of the good answers in a log of h2load's: lines of start, status and microseconds."""
    rows = (line.split('\t') for line in text.splitlines())
    return sorted(int(row[2]) for row in rows if len(row) == 3 and row[1] == '200')


def case_of(load):
    return f'{load} %'


# ---- measuring -------------------------------------------------------------------

class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.running, self.capacity = {}, {}
        self.rows, self.problems, self.checks = [], [], []
        self.histograms = {}  # (server, case): of every round
        self.next_port = FIRST_PORT
        self.module = os.path.join(folder, 'hello.vkb')
        subprocess.run([self.exe('vkd', 'vkd'), 'build', os.path.join(ROOT, 'bench', 'hello.vk'), '-o', self.module],
                       check=True)

    def exe(self, *path):
        return os.path.join(self.options.build, *path)

    def problem(self, text):
        self.problems.append(text)
        print('#', text, flush=True)

    def command(self, name, port):
        _, flags, priority = SERVERS[name]
        prefix = ['chrt', '-f', str(priority)] if priority else []
        if flags is None:
            return prefix + ['nginx', '-c', nginx.write(self.folder, name, port, LOCATION)]
        return prefix + [self.exe('vkd', 'vkd'), 'run', self.module, '--listen', f'127.0.0.1:{port}', '--workers', '1',
                         *flags]

    def start(self, name):
        self.next_port += 1
        argv = self.command(name, self.next_port)
        if not shutil.which(argv[0]) or (SERVERS[name][1] is None and not shutil.which('nginx')):
            raise RuntimeError('is not installed')
        server = procs.Server(argv, self.next_port, os.path.join(self.folder, name + '.log'), cpu=SERVER_CPU,
                              preexec=host.own_group_first)
        try:
            server.wait_ready()
        except RuntimeError:
            server.stop()
            raise
        self.running[name] = server

    def start_all(self):
        for name in (n for n in SERVERS if n in self.options.servers):
            try:
                self.start(name)
                self.find_capacity(name)
            except (RuntimeError, OSError) as e:
                self.problem(f'{name}: {e}')
                self.stop(name)

    def stop(self, name):
        if name in self.running:
            self.running.pop(name).stop()

    def blast(self, name, seconds, *flags):
        """A run of the generator, before everything else where that is allowed."""
        argv = ['taskset', '-c', str(LOAD_CPU), self.exe('bench', 'blast'), str(self.running[name].port),
                str(CONNECTIONS), '1', f'{seconds:g}', *map(str, flags)]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if not host.set_real_time(process.pid, True) and not any('real-time' in p for p in self.problems):
            self.problem('the generator has no real-time priority here: what it is late by is in the times')
        out, err = process.communicate(timeout=60)
        if process.returncode:
            raise RuntimeError(f'blast: {err.strip()[-300:]}')
        time.sleep(PAUSE_S)
        return json.loads(out)

    def find_capacity(self, name):
        """Requests a second: the largest part of a closed loop's that this generator and server keep up with."""
        seconds = self.options.secs / 2
        closed = self.blast(name, seconds)
        most = closed['requests'] / closed['seconds']
        for step in STEPS:
            if any(keeps_up(self.blast(name, seconds, '--rate', int(most * step)), seconds) for _ in range(2)):
                self.capacity[name] = int(most * step)
                print(f'# {name}: {self.capacity[name]} requests a second are kept up with', flush=True)
                return
        raise RuntimeError(f'keeps up with no part of {most:.0f} requests a second')

    def measure(self, name, load, number):
        server, rate = self.running[name], max(1, self.capacity[name] * load // 100)
        pids = procs.tree(server.pid)
        meter = procs.Meter(pids)
        row = self.blast(name, self.options.secs, '--rate', rate)
        spent = meter.finish(row['requests'])
        wall = row['seconds']
        histogram = row.pop('histogram')
        row.pop('answer_bytes')
        self.histograms.setdefault((name, case_of(load)), []).append(histogram)
        row.update(us=spent['us'], foreign=spent['foreign'], server_pct=100 * spent['cpu'] / wall, rate=rate,
                   server=name, case=case_of(load), round=number)
        self.rows.append(row)

    def round(self, number):
        for load in LOADS:
            for name in list(self.running):
                try:
                    self.measure(name, load, number)
                except (RuntimeError, OSError) as e:
                    self.problem(f'{name}: {load} %: {e}')
                    self.stop(name)
        print(f'# round {number} of {self.options.rounds}', flush=True)

    def check(self, name):
        """The same by h2load, whose times begin when a request is written."""
        rate = self.capacity[name] * JUDGED_LOAD // 100
        log = os.path.join(self.folder, 'h2load.log')
        with contextlib.suppress(FileNotFoundError):
            os.remove(log)
        seconds = 2 if not self.options.quick else 1
        run = subprocess.Popen(['taskset', '-c', str(LOAD_CPU), 'h2load', '--h1', '-t', '1', '-c', str(CONNECTIONS),
                                '--rps', f'{rate / CONNECTIONS:.3f}', '-D', str(seconds), '--log-file', log,
                                f'http://127.0.0.1:{self.running[name].port}/'], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
        out = run.communicate(timeout=60)[0]
        if run.returncode or not os.path.exists(log):
            raise RuntimeError(f'h2load: {out.strip()[-200:]}')
        with open(log) as f:
            times = h2load_times_us(f.read())
        if not times:
            raise RuntimeError('h2load: no good answer')
        histogram = [(us * 1000, 1) for us in times]
        done = re.search(r'([\d.]+) req/s', out)
        self.checks.append({'server': name, 'rate': rate, 'done': float(done[1]) if done else len(times) / seconds,
                            **{field: percentile_us(histogram, p) for field, p in PERCENTILES}})

    def check_all(self):
        if not shutil.which('h2load'):
            self.problem('h2load is not installed: no cross-check')
            return
        for name in list(self.running):
            try:
                self.check(name)
            except (RuntimeError, OSError, subprocess.TimeoutExpired) as e:
                self.problem(f'{name}: {e}')

    def run(self):
        try:
            self.start_all()
            for number in range(1, self.options.rounds + 1):
                self.round(number)
            self.check_all()
        finally:
            for name in list(self.running):
                self.stop(name)


# ---- tables ------------------------------------------------------------------------

def ratios(rows, name):
    """p99.99 to p50 of each round at the judged load."""
    return [r['p9999'] / r['p50'] for r in rows
            if r['server'] == name and r['case'] == case_of(JUDGED_LOAD) and r['p50'] > 0]


def pooled_table(record):
    lines = ['', f"== p99.99 of all rounds together, us{'':14}" + ''.join(f'{case_of(load):>12}' for load in LOADS)]
    for name in record['capacity']:
        cells = [percentile_us(record['histograms'].get(f'{name} {case_of(load)}', []), 99.99) for load in LOADS]
        lines.append(f'{name:47}' + ''.join(f"{'-' if c is None else f'{c:.0f}':>12}" for c in cells))
    return lines


def check_table(record):
    if not record['checks']:
        return []
    lines = ['', f'== the same at {JUDGED_LOAD} % by h2load, whose times begin when a request is written, us',
             f"{'':18}{'asked/s':>10}{'done/s':>10}" + ''.join(f'{field:>9}' for field, _ in PERCENTILES)]
    return lines + [f"{c['server']:18}{c['rate']:>10}{c['done']:>10.0f}"
                    + ''.join(f'{c[field]:>9.0f}' for field, _ in PERCENTILES) for c in record['checks']]


def budget_lines(record):
    lines = ['', f'== budget: p99.99 to p50 at {JUDGED_LOAD} % load, median of the rounds']
    for name in (n for n in record['capacity'] if n.endswith('_rt')):
        found = ratios(record['rows'], name)
        middle = statistics.median(found) if found else None
        verdict = 'no figure' if middle is None else 'PASS' if middle <= JUDGED_RATIO else 'MISS'
        lines.append(f"{name:18}{'-' if middle is None else f'{middle:.1f}':>10}   at most {JUDGED_RATIO} x   {verdict}")
    return lines


def render(record):
    figures = report.Figures(record['rows'], {})
    lines = [record['title'], f"medians of {record['rounds']} rounds, slices of {record['secs']:g} s, {CONNECTIONS} "
             f"connections; load of the machine before: {record['load']}"]
    lines += report.foreign_line(record['rows'], 'tails, and the budget with them, are those of a busy machine')
    lines.append('kept up with, requests per second: '
                 + ', '.join(f'{name} {rate}' for name, rate in record['capacity'].items()))
    for metric in METRICS:
        lines += report.metric_table(figures, *metric, [case_of(load) for load in LOADS])
    lines += pooled_table(record) + check_table(record) + budget_lines(record)
    return '\n'.join(lines + [f'problem: {p}' for p in record['problems']]) + '\n'


def picture(record):
    figures = report.Figures(record['rows'], {})
    lines = [(SERVERS[name][0], [(load, figures.median(name, case_of(load), 'p9999')) for load in LOADS
                                 if figures.median(name, case_of(load), 'p9999')], name.endswith('_rt'))
             for name in record['capacity']]
    return plot.lines('p99.99 by load, open loop', 'load, % of what each can do', 'microseconds',
                      [line for line in lines if line[1]])


def write_docs(record):
    publish.write_docs(ROOT, 'latency', record, render(record), picture(record), 'p99.99 by load')


# ---- the command ---------------------------------------------------------------------

def parse_options(argv=None):
    p = argparse.ArgumentParser(prog='./dev bench latency', description=__doc__.splitlines()[0])
    p.add_argument('--build', default='build/release', help='build folder (release)')
    p.add_argument('--rounds', type=int, default=15)
    p.add_argument('--secs', type=float, default=0.8, help=f'of one slice, at most {SLICE_MAX_S}')
    p.add_argument('--quick', action='store_true', help='two short rounds: less than a minute')
    p.add_argument('--servers', default=','.join(SERVERS), help='of: %(default)s')
    publish.add_flags(p, 'latency')
    o = p.parse_args(argv)
    o.servers = o.servers.split(',')
    if o.quick:
        o.rounds, o.secs = 2, 0.4
    unknown = set(o.servers) - set(SERVERS)
    if unknown or o.rounds < 1 or not 0.1 <= o.secs <= SLICE_MAX_S:
        p.error(f"no server is called {', '.join(sorted(unknown))}" if unknown
                else f'rounds are positive, secs 0.1 to {SLICE_MAX_S}')
    o.out = o.out or os.path.join(o.build, 'latency.json')
    return o


def measure(options):
    with host.measuring('latency') as (folder, record):
        bench = Bench(options, folder)
        bench.run()
    return {**record, 'rounds': options.rounds, 'secs': options.secs, 'capacity': bench.capacity, 'checks': bench.checks,
            'problems': bench.problems, 'rows': bench.rows,
            'histograms': {f'{name} {case}': pooled(all_) for (name, case), all_ in bench.histograms.items()}}


def main():
    publish.main(parse_options(), measure, render, write_docs)


if __name__ == '__main__':
    main()
