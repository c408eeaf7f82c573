# SPDX-License-Identifier: Apache-2.0
"""Measures what a request costs as connections, processes, routes, heaps and workers grow tenfold, and by which law.

The cost is the server's CPU per request. Servers on CPU 0, the generator on CPU 1; a round measures each number of
each row for a slice, one after the other; figures are medians of the rounds. docs/benchmarks.md explains the method.
"""
import argparse
import contextlib
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

import blast  # noqa: E402
import host  # noqa: E402
import law  # noqa: E402
import plot  # noqa: E402
import procs  # noqa: E402
import publish  # noqa: E402
import report  # noqa: E402
from host import SERVER_CPU  # noqa: E402

BUSY = 64  # connections that ask, where another number grows
HEAP_BUSY = 16
FIRST_PORT = 24000
ROUTES_OF_A_BLOCK = 512
ACTORS_AT_ONCE = 10000  # that one request starts
FILL_DIVISOR = 64  # bytes of heap for each number that is put into it
ROWS = {  # name: (what grows, its numbers, largest exponent, what the row is)
    'busy_uring': ('connections', (10, 100, 1000, 10000), 0.15, 'connections that all ask, io_uring'),
    'busy_ev': ('connections', (10, 100, 1000, 10000), 0.15, 'connections that all ask, epoll'),
    'open_uring': ('connections', (10, 100, 1000, 10000), 0.05, f'connections open beside {BUSY} that ask, io_uring'),
    'open_ev': ('connections', (10, 100, 1000, 10000), 0.05, f'connections open beside {BUSY} that ask, epoll'),
    'actors': ('processes', (10, 100, 1000, 10000, 50000), 0.05, 'living processes, of which a request asks none'),
    'asked': ('processes', (10, 100, 1000, 10000, 50000), 0.15, 'living processes, of which a request asks one, by chance'),
    'routes': ('routes', (1, 10, 100, ROUTES_OF_A_BLOCK), 0.15, 'routes of a block, with a capture'),
    'heap': ('KiB of heap', (16, 64, 256, 1024, 4096, 16384), 0.05, 'heap of a request that touches little of it'),
    'filled': ('KiB of heap', (16, 64, 256), 1.15, 'heap of a request that fills a part of it, and is wiped'),
    'large': ('KiB of heap', (1024, 4096, 16384), 1.15, 'the same of heaps whose pages are given back'),
    'workers': ('workers', (1, 2, 4, 8), 0.15, 'workers, all on one processor'),
}
BASES = {'filled': 'heap', 'large': 'heap'}  # rows that are judged by what they cost beyond another one


# ---- programs ----------------------------------------------------------------------

ACTORS = '''service scale
actor Idle(n: Int) {
  var seen = 0
  on number() -> Int {
    seen += 1
    n + seen
  }
}
actor Keeper(), heap: 16m, cpu: 60s {
  var all: List<Idle> = []
  on more(n: Int) -> Int {
    for _ in 0..n {
      let one = start Idle(all.len)
      let _ = await one.number()
      all.push(one)
    }
    all.len
  }
  on some() -> Idle { all[random(all.len)] }
}
supervise restart(max: 5, per: 10s) { keeper = Keeper() }
http on 8080, cpu: 60s, deadline: 120s {
  GET "/" => text("Hello, World!")
  GET "/more/{n: Int}" => text("{await keeper.more(n) timeout: 110s}")
  GET "/ask" => {
    let one = await keeper.some()
    let n = await one.number()
    text(if n > 0 { "Hello, World!" } else { "" })
  }
}
'''

HEAP = '''service scale
fn fill(n: Int) -> Int {
  var xs: List<Int> = []
  for i in 0..n { xs.push(i) }
  xs.len
}
http on 8080, heap: %dk, cpu: 10s {
  GET "/" => text("Hello, World!")
  GET "/fill" => text(if fill(%d) > 0 { "Hello, World!" } else { "" })
}
'''


def routes_program(count):
    routes = ''.join(f'  GET "/r{i}/{{id}}" => text("Hello, World!")\n' for i in range(count))
    return 'service scale\nhttp on 8080 {\n' + routes + '}\n'


def heap_program(kib):
    return HEAP % (kib, kib * 1024 // FILL_DIVISOR)


def path_of(row, n):
    return {'asked': '/ask', 'routes': f'/r{n // 2}/7', 'filled': '/fill', 'large': '/fill'}.get(row, '/')


# ---- measuring ---------------------------------------------------------------------

class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.running = {}  # by what was started
        self.rows, self.problems = [], []
        self.next_port = FIRST_PORT

    def exe(self, *path):
        return os.path.join(self.options.build, *path)

    def problem(self, text):
        self.problems.append(text.replace(self.folder, 'DIR'))
        print('#', self.problems[-1], flush=True)

    def build(self, name, source):
        path = os.path.join(self.folder, name + '.vk')
        with open(path, 'w') as f:
            f.write(source)
        subprocess.run([self.exe('vkd', 'vkd'), 'build', path, '-o', path + 'b'], check=True)
        return path + 'b'

    def start(self, key, source, *flags):
        """A server of that program, one for each key."""
        if key not in self.running:
            self.next_port += 1
            argv = [self.exe('vkd', 'vkd'), 'run', self.build(key, source), '--listen', f'127.0.0.1:{self.next_port}',
                    *flags]
            server = procs.Server(argv, self.next_port, os.path.join(self.folder, key + '.log'), cpu=SERVER_CPU,
                                  preexec=host.own_group_first)
            self.running[key] = server
            server.wait_ready(path=path_of('routes', 1) if key.startswith('routes') else '/')
        return self.running[key]

    def start_actors(self, n):
        key = f'actors-{n}'
        if key in self.running:
            return self.running[key]
        server = self.start(key, ACTORS)
        for begin in range(0, n, ACTORS_AT_ONCE):
            sock, answer = procs.ask(server.port, f'/more/{min(ACTORS_AT_ONCE, n - begin)}', 120)
            sock.close()
            if not answer.startswith(b'HTTP/1.1 200'):
                raise RuntimeError(f'{n} processes: {answer[:100]!r}')
        return server

    def server_of(self, row, n):
        if row in ('actors', 'asked'):
            return self.start_actors(n)
        if row == 'routes':
            return self.start(f'routes-{n}', routes_program(n))
        if row in ('heap', *BASES):
            return self.start(f'heap-{n}', heap_program(n))
        if row == 'workers':
            return self.start(f'workers-{n}', heap_program(64), '--workers', str(n))
        return self.start(row.partition('_')[2], heap_program(64), '--driver', row.partition('_')[2])

    @contextlib.contextmanager
    def bystanders(self, row, server, n):
        """Connections that were answered once and ask nothing."""
        if not row.startswith('open_'):
            yield
            return
        with blast.held(self.exe('bench', 'blast'), server.port, n, 1, 1):
            yield

    def measure_once(self, row, n):
        server = self.server_of(row, n)
        busy = n if row.startswith('busy_') else HEAP_BUSY if row in ('heap', *BASES) else BUSY
        seconds = self.options.secs * (2 if busy > 1000 else 1)
        with self.bystanders(row, server, n), blast.held(self.exe('bench', 'blast'), server.port, busy, 1, seconds,
                                                         '--path', path_of(row, n)) as generator:
            return blast.measured(generator, server)

    def measure(self, row, n, number):
        try:
            found = self.measure_once(row, n)
        except (RuntimeError, OSError, ValueError, subprocess.SubprocessError) as e:
            self.problem(f'{row}: {n}: {e}')
            return
        self.rows.append({'server': row, 'case': n, 'round': number, 'requests': found['requests'],
                          'seconds': found['seconds'], 'us': found['us'], 'foreign': found['foreign']})

    def run(self):
        try:
            for number in range(0, self.options.rounds + 1):
                for row in self.options.rows:
                    for n in ROWS[row][1]:
                        self.measure(row, n, number)
                print(f'# round {number} of {self.options.rounds}' if number else '# all have started', flush=True)
        finally:
            for server in self.running.values():
                server.stop()
        self.rows = [r for r in self.rows if r['round'] > 0]  # before that everything was new


# ---- tables ------------------------------------------------------------------------

def costs(record, row):
    """[(n, median CPU per request in us)]"""
    found = []
    for n in ROWS[row][1]:
        values = [r['us'] for r in record['rows'] if r['server'] == row and r['case'] == n]
        if values:
            found.append((n, statistics.median(values)))
    return found


def judged(record, row):
    """(points that are judged, exponent)"""
    points = costs(record, row)
    if row in BASES:
        points = law.beyond(points, dict(costs(record, BASES[row])))
    return points, law.exponent(points)


def verdict(b, most):
    return 'no figure' if b is None else 'PASS' if b <= most else 'MISS'


def render(record):
    lines = [record['title'], f"medians of {record['rounds']} rounds, slices of {record['secs']:g} s; load of the machine "
             f"before: {record['load']}"]
    lines += report.foreign_line(record['rows'], 'ratios hold, absolute figures do not')
    lines += ['', '== server CPU per request, us, at each number']
    for row in (r for r in ROWS if costs(record, r)):
        what, _, _, title = ROWS[row]
        lines.append(f'{row}: {title}')
        lines.append(f"{'':14}" + ''.join(f'{n:>10}' for n, _ in costs(record, row)) + f'  {what}')
        lines.append(f"{'':14}" + ''.join(f'{cost:>10.2f}' for _, cost in costs(record, row)))
    lines += ['', '== growth: cost = a * n^b, by least squares',
              f"{'':14}{'first':>10}{'last':>10}{'ratio':>8}{'b':>8}  {'law':18}{'b at most':>10}"]
    for row in (r for r in ROWS if costs(record, r)):
        points, b = judged(record, row)
        if not points:
            continue
        first, last = points[0][1], points[-1][1]
        lines.append(f"{row:14}{first:>10.2f}{last:>10.2f}{last / first:>8.2f}{'-' if b is None else f'{b:.3f}':>8}  "
                     f'{law.name(b):18}{ROWS[row][2]:>10.2f}   {verdict(b, ROWS[row][2])}')
    return '\n'.join(lines + [f'problem: {p}' for p in record['problems']]) + '\n'


def picture(record):
    lines = [(row, costs(record, row), row in ('actors', 'asked')) for row in ROWS if costs(record, row)]
    return plot.lines('CPU per request as one number grows', 'the number: connections, processes, routes, KiB, workers',
                      "microseconds of the server's CPU", lines)


def write_docs(record):
    publish.write_docs(ROOT, 'scale', record, render(record), picture(record), 'CPU per request as one number grows')


# ---- the command -------------------------------------------------------------------

def parse_options(argv=None):
    p = argparse.ArgumentParser(prog='./dev bench scale', description=__doc__.splitlines()[0])
    p.add_argument('--build', default='build/release', help='build folder (release)')
    p.add_argument('--rounds', type=int, default=7)
    p.add_argument('--secs', type=float, default=0.3, help='of one slice')
    p.add_argument('--quick', action='store_true', help='one short round: a minute')
    p.add_argument('--rows', default=','.join(ROWS), help='of: %(default)s')
    publish.add_flags(p, 'scale')
    o = p.parse_args(argv)
    o.rows = o.rows.split(',')
    if o.quick:
        o.rounds, o.secs = 1, 0.15
    unknown = set(o.rows) - set(ROWS)
    if unknown or o.rounds < 1 or o.secs <= 0:
        p.error(f"no row is called {', '.join(sorted(unknown))}" if unknown else 'rounds and secs are positive')
    o.out = o.out or os.path.join(o.build, 'scale.json')
    return o


def measure(options):
    with host.measuring('scale') as (folder, record):
        bench = Bench(options, folder)
        bench.run()
    return {**record, 'rounds': options.rounds, 'secs': options.secs, 'problems': bench.problems, 'rows': bench.rows}


def main():
    publish.main(parse_options(), measure, render, write_docs)


if __name__ == '__main__':
    main()
