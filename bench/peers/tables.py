# SPDX-License-Identifier: Apache-2.0
"""The raw figures of run.py, as a file, as tables and as plots."""
import os
import statistics

import plot
import report

TITLES = {  # in the order of the tables
    'vkd_uring': 'vkd, io_uring', 'vkd_ev': 'vkd, epoll', 'vkd_uring_off': 'vkd, io_uring, guard off',
    'vkd_ev_off': 'vkd, epoll, guard off', 'native_uring': 'vkd native, io_uring', 'native_ev': 'vkd native, epoll',
    'native_uring_off': 'vkd native, io_uring, guard off', 'native_ev_off': 'vkd native, epoll, guard off',
    'nginx': 'nginx', 'nginx_lua': 'nginx, Lua', 'h2o': 'h2o, C', 'haproxy': 'haproxy', 'lighttpd': 'lighttpd',
    'go': 'Go', 'node': 'Node', 'erlang': 'Erlang',
}
NAMES = list(TITLES)
OURS = [name for name in NAMES if name.startswith(('vkd', 'native'))]
BASE = 'vkd_uring'  # what `vkd run` is where the kernel has io_uring
CONNECTIONS = {'c1': 1, 'c10': 10, 'c100': 100, 'c1000': 1000, 'c10000': 10000}
METRICS = [  # of report.METRICS: the rest says little here
    (title, field, form) for title, field, form in report.METRICS if field != 'switches']
MARKS = ('<!-- peers: begin -->', '<!-- peers: end -->')
FOLDER = os.path.join('docs', 'bench')
SUMMARY = (  # column, what is in it: a case's CPU, or a fact
    ('text', 'text'), ('JSON', 'json'), ('pipelined', 'pipe16'), ('connection per request', 'close'),
    ('10,000 connections', 'c10000'), ('1 ms wait', 'wait'), ('1 MiB down', 'down'), ('1 MiB up', 'up'))


# ---- the file ------------------------------------------------------------------

def write(path, record):
    """One row a line; their fields are named once."""
    with open(path, 'w') as f:
        f.write(report.record_text(record, ['rate']))


def read(path):
    record = report.read_record(path)
    missing = {'title', 'rounds', 'secs', 'minutes', 'versions', 'problems', 'idle', 'startup', 'peak', 'small',
               'unlimited'} - set(record)
    if missing:
        raise SystemExit(f"bench: {path} holds no raw figures of ./dev bench peers: without {', '.join(sorted(missing))}")
    return record


# ---- figures -------------------------------------------------------------------

class Record:
    """Medians, and what is computed of them."""

    def __init__(self, record):
        self.record = record
        for row in record['rows']:
            row['rate'] = row['requests'] / row['seconds']
        self.figures = report.Figures(record['rows'], record)
        self.servers = [n for n in NAMES if n in {r['server'] for r in record['rows']}
                        or n in record['idle'] or n in record['startup']]
        self.peers = [n for n in self.servers if n not in OURS]

    def median(self, server, case, field='us'):
        return self.figures.median(server, case, field)

    def cases(self, is_small):
        return [c for c in report.unique(self.record['rows'], 'case') if c.startswith('small') == is_small]

    def idle_bytes(self, server):
        """For each idle connection."""
        fact = self.record['idle'].get(server)
        return (fact['pss'] - fact['pss_rest']) * 1024 / fact['connections'] if fact else None

    def idle_mb(self, server):
        fact = self.record['idle'].get(server)
        return fact['pss'] / 1024 if fact else None

    def startup_ms(self, server):
        runs = self.record['startup'].get(server)
        return statistics.median(runs) if runs else None

    def foreign_pct(self):
        rows = self.record['rows']
        return 100 * statistics.median(r['foreign'] for r in rows) if rows else None

    def measured(self):
        """(what, unit, values by server, whether more is better) of everything that is compared."""
        for case in self.cases(False) + self.cases(True):
            for title, field, unit, more in (('CPU per request', 'us', 'us', False),
                                             ('requests per second', 'rate', '', True), ('p99', 'p99', 'us', False)):
                if field == 'us' or case != 'pipe16' or field == 'rate':
                    yield f'{case}: {title}', unit, {n: self.median(n, case, field) for n in self.servers}, more
        peak = {n: kib / 1024 for n, kib in self.record['peak'].items()}
        yield 'small: most memory', 'MiB', peak, False
        yield 'memory per idle connection', 'bytes', {n: self.idle_bytes(n) for n in self.servers}, False
        yield 'memory with all idle connections', 'MiB', {n: self.idle_mb(n) for n in self.servers}, False
        yield 'exec to first 200', 'ms', {n: self.startup_ms(n) for n in self.servers}, False

    def losses(self):
        """(what, unit, our value, [(peer, its better value)]) wherever a peer is better than `vkd run`."""
        for what, unit, values, more in self.measured():
            own = values.get(BASE)
            better = [(n, values[n]) for n in self.peers if own is not None and values.get(n) is not None
                      and (values[n] > own if more else values[n] < own)]
            if better:
                yield what, unit, own, sorted(better, key=lambda pair: pair[1], reverse=more)


# ---- tables --------------------------------------------------------------------

def number(value):
    """Three digits, or all of a larger one."""
    if value is None:
        return '-'
    return f'{value:,.0f}' if value >= 100 else f'{value:.1f}' if value >= 10 else f'{value:.2f}'


def about(r):
    record, foreign = r.record, r.foreign_pct()
    versions = '; '.join(f'{TITLES.get(n, n)} {v}' for n, v in record['versions'].items())
    load = '' if foreign is None else f" Other programs took {foreign:.0f} % of a processor meanwhile" + \
        (': ratios hold, absolute figures do not.' if foreign > report.QUIET_PCT else '.')
    return [f"{record['title']}; medians of {record['rounds']} rounds, slices of {record['secs']:g} s, "
            f"{record['minutes']:g} minutes in all.{load}", '', f'Versions: {versions}.']


def summary(r):
    """Markdown: CPU per request of the main cases, memory and start-up."""
    columns = [(title, case) for title, case in SUMMARY if case in r.cases(False)]
    lines = ['| | ' + ' | '.join(title for title, _ in columns) + ' | bytes per idle connection | exec to first 200, ms |',
             '|---' + '|--:' * (len(columns) + 2) + '|']
    for name in r.servers:
        cells = [number(r.median(name, case)) for _, case in columns]
        title = f'**{TITLES[name]}**' if name == BASE else TITLES[name]
        lines.append('| ' + ' | '.join([title, *cells, number(r.idle_bytes(name)), number(r.startup_ms(name))]) + ' |')
    return lines


def metric_tables(r, is_small):
    rows = [row for row in r.record['rows'] if row['case'] in r.cases(is_small)]
    figures = report.Figures(sorted(rows, key=lambda row: NAMES.index(row['server'])), r.record)
    return [line for metric in METRICS for line in report.metric_table(figures, *metric, cases=r.cases(is_small))]


def guard_table(r):
    """Guard on as a multiple of off, CPU per request."""
    lines = []
    for name in (n for n in r.servers if n + '_off' in r.servers):
        cells = [(c, r.median(name, c), r.median(name + '_off', c)) for c in r.cases(False)]
        lines.append(f'{name:18}' + '  '.join(f'{c} {on / off:.2f}' for c, on, off in cells if on and off))
    return ['', '== CPU per request with the guard, as a multiple of that without'] + lines if lines else []


def small_tables(r):
    if not r.cases(True):
        return []
    peaks = [f'{n:18}{kib / 1024:>11.1f}' + ('  (without the limit)' if n in r.record['unlimited'] else '')
             for n, kib in r.record['peak'].items()]
    return ['', f"==== The small machine: {r.record['small']}"] + metric_tables(r, True) + \
        ['', '== most memory resident, MiB, after all of that'] + peaks


def loss_lines(r):
    """Markdown: everything at which a peer is better than `vkd run`."""
    lines = ['| | ' + TITLES[BASE] + ' | better |', '|---|--:|---|']
    for what, unit, own, better in r.losses():
        lines.append(f'| {what}{", " + unit if unit else ""} | {number(own)} | '
                     + ', '.join(f'{TITLES[n]} {number(v)}' for n, v in better) + ' |')
    return lines if len(lines) > 2 else ['Nothing that was measured.']


def details(r):
    return metric_tables(r, False) + guard_table(r) + report.idle_table(r.record) \
        + report.startup_table(r.record) + small_tables(r) + [f'problem: {p}' for p in r.record['problems']]


def render(record):
    """For a terminal."""
    r = Record(record)
    return '\n'.join(about(r) + details(r) + ['', '== at which a peer is better'] + loss_lines(r)) + '\n'


# ---- plots ---------------------------------------------------------------------

def bars_of(r, values):
    return [(TITLES[n], values(n), n in OURS) for n in r.servers if not n.endswith('_off') and any(
        v is not None for v in values(n))]


def plots(r):
    """name: SVG text."""
    drawn = [n for n in r.servers if n in ('vkd_uring', 'vkd_ev') or n not in OURS]  # the native ones lie on these
    lines = [(TITLES[n], [(count, r.median(n, case)) for case, count in CONNECTIONS.items() if r.median(n, case)],
              n in OURS) for n in drawn]
    found = {
        'cpu': plot.bars('CPU per request, 64 connections', 'microseconds of the server\'s CPU',
                         bars_of(r, lambda n: [r.median(n, 'text'), r.median(n, 'json')]), ['text', 'JSON']),
        'connections': plot.lines('CPU per request by connections', 'connections', 'microseconds of the server\'s CPU',
                                  [line for line in lines if line[1]]),
        'idle': plot.bars('Memory per idle connection', 'bytes', bars_of(r, lambda n: [r.idle_bytes(n)])),
        'startup': plot.bars('exec to the first complete answer', 'milliseconds, logarithmic',
                             bars_of(r, lambda n: [r.startup_ms(n)]), is_log=True),
    }
    return {name: svg for name, svg in found.items() if svg}


def write_docs(root, record):
    r = Record(record)
    folder = os.path.join(root, FOLDER)
    os.makedirs(folder, exist_ok=True)
    write(os.path.join(folder, 'peers.json'), record)
    pictures = plots(r)
    for name, svg in pictures.items():
        with open(os.path.join(folder, f'peers-{name}.svg'), 'w') as f:
            f.write(svg)
    text = about(r) + ['', 'CPU of the server per request, in microseconds, least is best:', ''] + summary(r) + ['']
    text += [f'![{name}](bench/peers-{name}.svg)\n' for name in pictures]
    text += ['### What vkd loses at', '', 'Every figure of this run at which a peer is better than '
             f'`vkd run` ({TITLES[BASE]}, guard on); differences of a few per cent are ties.', '']
    text += loss_lines(r) + ['', '### All figures', '', '```'] + details(r) + ['```', '']
    report.write_docs(os.path.join(root, 'docs', 'benchmarks.md'), '\n'.join(text), MARKS, fence='')
