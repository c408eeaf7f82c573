# SPDX-License-Identifier: Apache-2.0
"""Tables of medians, and the budgets with what was measured: PASS, MISS, or no figure."""
import json
import re
import statistics

METRICS = (  # title, field, format
    ('requests per second', 'rate', '{:.0f}'),
    ('server CPU per request, us', 'us', '{:.2f}'),
    ('p50, us', 'p50', '{:.0f}'),
    ('p99, us', 'p99', '{:.0f}'),
    ('voluntary switches per request', 'switches', '{:.3f}'),
    ('generator CPU, %', 'generator_pct', '{:.0f}'),
    ('spread of CPU per request: middle half of the rounds, % of the median', None, '{:.0f}'),
)
QUIET_PCT = 5  # of a processor: what others may take
MARKS = ('<!-- results: begin -->', '<!-- results: end -->')


class Figures:
    def __init__(self, rows, facts):
        self.rows, self.facts = rows, facts

    def values(self, server, case, field):
        return [r[field] for r in self.rows if r['server'] == server and r['case'] == case and field in r]

    def median(self, server, case, field):
        values = self.values(server, case, field)
        return statistics.median(values) if values else None

    def spread(self, server, case):
        """Width of the middle half of the rounds, in per cent of the median."""
        us = self.values(server, case, 'us')
        if len(us) < 4:
            return None
        low, middle, high = statistics.quantiles(us, n=4)
        return 100 * (high - low) / middle

    def idle(self, server, field='rss'):
        fact = self.facts['idle'].get(server)
        return fact[field] if fact else None

    def todo(self, server):
        rows = self.facts['todo'].get(server)
        return statistics.median(us for us, _ in rows) if rows else None

    def switches(self, server, case):
        return self.facts['guard'].get(server, {}).get(case)

    def startup(self, server):
        runs = self.facts['startup'].get(server)
        return statistics.median(runs) if runs else None


def unique(rows, field):
    return list(dict.fromkeys(r[field] for r in rows))


def metric_table(figures, title, field, fmt, cases=None):
    servers, cases = unique(figures.rows, 'server'), cases or unique(figures.rows, 'case')
    lines, width = [], max([11] + [len(case) + 2 for case in cases])
    for server in servers:
        cells = []
        for case in cases:
            value = figures.median(server, case, field) if field else figures.spread(server, case)
            cells.append('-' if value is None else fmt.format(value))
        if any(c != '-' for c in cells):
            lines.append(f'{server:18}' + ''.join(f'{c:>{width}}' for c in cells))
    if not lines:
        return []
    return ['', f'== {title}', f"{'':18}" + ''.join(f'{c:>{width}}' for c in cases)] + lines


def idle_table(facts):
    if not facts['idle']:
        return []
    lines = ['', '== memory, KiB: at rest, and with idle keep-alive connections that made one request each',
             f"{'':18}{'rss':>9}{'pss':>9}{'idle':>9}{'rss':>9}{'pss':>9}{'B/conn':>9}{'alive':>9}"]
    for name, f in facts['idle'].items():
        per_conn = (f['pss'] - f['pss_rest']) * 1024 / f['connections']
        lines.append(f"{name:18}{f['rss_rest']:>9}{f['pss_rest']:>9}{f['connections']:>9}{f['rss']:>9}{f['pss']:>9}"
                     f"{per_conn:>9.0f}{f['alive']:>9}")
    return lines


def startup_table(facts):
    if not facts['startup']:
        return []
    lines = ['', '== exec to first 200, ms', f"{'':18}{'min':>9}{'median':>9}{'max':>9}"]
    for name, runs in facts['startup'].items():
        lines.append(f'{name:18}{min(runs):>9.2f}{statistics.median(runs):>9.2f}{max(runs):>9.2f}')
    return lines


def todo_table(facts):
    if not facts['todo']:
        return []
    lines = ['', '== the todo service: 64 connections, reads and writes mixed',
             f"{'':18}{'requests/s':>11}{'CPU us':>9}{'least':>9}{'most':>9}"]
    for name, rows in facts['todo'].items():
        us = [row[0] for row in rows]
        lines.append(f'{name:18}{statistics.median(row[1] for row in rows):>11.0f}{statistics.median(us):>9.2f}'
                     f'{min(us):>9.2f}{max(us):>9.2f}')
    return lines


def ratio(what, a, b, limit, unit):
    """A budget as a ratio of two figures; strict: 'below' is a limit of 1."""
    if a is None or not b:
        return what, None, f'at most {limit:g} x', None
    return what, f'{a:.2f} / {b:.2f} {unit} = {a / b:.2f} x', f'at most {limit:g} x', a / b <= limit


def absolute(what, a, limit, unit):
    if a is None:
        return what, None, f'at most {limit:g} {unit}', None
    return what, f'{a:.2f} {unit}', f'at most {limit:g} {unit}', a <= limit


def guard_budgets(f, driver):
    hello, off = f'hello_{driver}', f'hello_{driver}_off'
    on_us, off_us = f.median(hello, 'wait', 'us'), f.median(off, 'wait', 'us')
    cost = on_us - off_us if on_us and off_us else None
    return [
        ratio(f'{driver}: guard on against off, hello saturated', f.median(hello, 'sat64', 'us'),
              f.median(off, 'sat64', 'us'), 1.05, 'us'),
        absolute(f'{driver}: guard switches per hello request', f.switches(hello, 'sat64'), 0.01, ''),
        absolute(f'{driver}: guard switches per /wait request', f.switches(hello, 'wait'), 2, ''),
        absolute(f'{driver}: cost of the guard per /wait request', cost, 5, 'us'),
    ]


def bytecode_budgets(f, driver, limit):
    """Of hello from bytecode."""
    def us(server, case):
        return f.median(server, case, 'us')
    vk = f'vk_{driver}'
    return [
        ratio(f'{driver}: bytecode, saturated, to {limit}', us(vk, 'sat64'), us(limit, 'sat64'), 1.15, 'us'),
        ratio(f"{driver}: bytecode, the same to h2o's library (below)", us(vk, 'sat64'), us('h2o_lib', 'sat64'), 1,
              'us'),
        ratio(f'{driver}: bytecode, pipelined by 16, to {limit}', us(vk, 'pipe16'), us(limit, 'pipe16'), 2.2, 'us'),
        absolute(f'{driver}: bytecode, exec to first 200', f.startup(vk), 3, 'ms'),
        ratio(f'{driver}: todo service, to nginx with Lua (below)', f.todo(vk), f.todo('nginx_lua'), 1, 'us'),
        ratio(f'{driver}: todo service, to Node (below)', f.todo(vk), f.todo('node'), 1, 'us'),
    ]


def driver_budgets(f, driver, limit):
    hello = f'hello_{driver}'

    def us(server, case):
        return f.median(server, case, 'us')
    idle = f.idle(hello)
    return [
        ratio(f'{driver}: saturated, 64 connections, to {limit}', us(hello, 'sat64'), us(limit, 'sat64'), 1.06, 'us'),
        ratio(f'{driver}: the same to nginx (below)', us(hello, 'sat64'), us('nginx', 'sat64'), 1, 'us'),
        ratio(f"{driver}: the same to h2o's library (below)", us(hello, 'sat64'), us('h2o_lib', 'sat64'), 1, 'us'),
        ratio(f'{driver}: pipelined by 16, to {limit}', us(hello, 'pipe16'), us(limit, 'pipe16'), 1.6, 'us'),
        ratio(f'{driver}: connection per request, to {limit}, deferred', us(hello, 'close'),
              us(limit + '_d', 'close'), 1.1, 'us'),
        ratio(f'{driver}: one connection, p50 to nginx', f.median(hello, 'c1', 'p50'), f.median('nginx', 'c1', 'p50'),
              0.6, 'us'),
        absolute(f'{driver}: 10,000 idle connections, resident', idle / 1024 if idle else None, 12, 'MB'),
        absolute(f'{driver}: exec to first 200', f.startup(hello), 3, 'ms'),
    ] + guard_budgets(f, driver) + bytecode_budgets(f, driver, limit)


def budget_table(figures):
    lines, missed = ['', '== budgets'], 0
    for driver, limit in (('ev', 'limit_epoll'), ('uring', 'limit_uring')):
        for what, measured, budget, good in driver_budgets(figures, driver, limit):
            verdict = 'no figure' if good is None else 'PASS' if good else 'MISS'
            missed += good is False
            lines.append(f"{what:58}{measured or '-':>32}   {budget:16}{verdict}")
    lines.append(f'{missed} budgets missed')
    return lines, missed


def render(title, rows, facts, problems, rounds):
    figures = Figures(rows, facts)
    lines = [title, f'medians of {rounds} rounds']
    lines += foreign_line(rows, 'ratios hold, absolute figures do not')
    lines.append('bytes of an answer: ' + ', '.join(f'{k} {v}' for k, v in facts['answers'].items()))
    for metric in METRICS:
        lines += metric_table(figures, *metric)
    lines += idle_table(facts) + startup_table(facts) + todo_table(facts)
    budgets, missed = budget_table(figures)
    lines += budgets + [f'problem: {p}' for p in problems]
    return '\n'.join(lines) + '\n', missed


def foreign_line(rows, meaning):
    """What others took of a processor during the measurements, and what that means where it is much."""
    if not rows:
        return []
    foreign = 100 * statistics.median(r['foreign'] for r in rows)
    return [f'other processes took {foreign:.0f} % of a processor meanwhile'
            + (f': {meaning}' if foreign > QUIET_PCT else '')]


def record_text(record, without=()):
    """Raw figures as JSON: one row a line; the fields of rows, less those without, are named once."""
    columns = [c for c in record['rows'][0] if c not in without] if record['rows'] else []
    head = [f'"{name}":{json.dumps(value, separators=(",", ":"))}'
            for name, value in {**record, 'columns': columns}.items() if name != 'rows']
    rows = ',\n'.join(json.dumps([round(row[c], 3) if isinstance(row[c], float) else row[c] for c in columns],
                                 separators=(',', ':')) for row in record['rows'])
    return '{' + ',\n'.join(head) + ',\n"rows":[\n' + rows + '\n]}\n'


def read_record(path):
    """What record_text wrote to a file."""
    try:
        with open(path) as f:
            record = json.load(f)
        record['rows'] = [dict(zip(record['columns'], row, strict=True)) for row in record['rows']]
        return record
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise SystemExit(f'bench: {path} holds no raw figures: {e!r}') from None


def write_docs(path, text, marks=MARKS, fence='```\n'):
    """Replace what is between the two marks of a Markdown file: a block of text, or Markdown without a fence."""
    with open(path) as f:
        old = f.read()
    begin, end = map(re.escape, marks)
    new, count = re.subn(f'{begin}.*{end}', lambda _: f'{marks[0]}\n{fence}{text}{fence}{marks[1]}', old, flags=re.S)
    if count != 1:
        raise SystemExit(f'bench: {path} has no single pair of result marks')
    with open(path, 'w') as f:
        f.write(new)
