# SPDX-License-Identifier: Apache-2.0
"""Tables of what was measured, and for each figure whether metal is as far ahead as it has to be."""
import statistics

import report

METRICS = (  # title, field, format, whether more is better
    ('requests per second', 'rate', '{:.0f}', True),
    ('CPU of QEMU per request, us', 'us', '{:.1f}', False),
    ('p50, us', 'p50', '{:.0f}', False),
    ('p99, us', 'p99', '{:.0f}', False),
    ('p99.99, us', 'p9999', '{:.0f}', False),
)
UNJUDGED = {('paced', 'rate')}  # which is given
SPREAD_MAX_PCT = 10  # of rates and CPU per request between rounds
STARTUP_TIMES, MEMORY_TIMES = 20, 10
IMAGE_KIB_MAX = 256
ENTRY_MS_MAX = 2


class Figures(report.Figures):
    def spread(self, server, case):
        """Distance between the least and the largest of the rounds, in per cent of the median."""
        worst = None
        for field in ('rate', 'us'):
            values = self.values(server, case, field)
            if len(values) > 1:
                worst = max(worst or 0, 100 * (max(values) - min(values)) / statistics.median(values))
        return worst

    def fact(self, kind, server, service):
        value = self.facts[kind].get(f'{server} {service}')
        return statistics.median(value) if isinstance(value, list) and value else value or None


class Verdict:
    """Metal's figure beside the better of the Linux guests'."""

    def __init__(self, what, metal, others, fmt, more_is_better=False, times=1, is_judged=True):
        self.what, self.fmt, self.times, self.is_judged = what, fmt, times, is_judged
        others = [other for other in others if other is not None]
        self.metal, self.linux = metal, (max if more_is_better else min)(others, default=None)
        self.ahead = None
        if self.metal and self.linux:
            self.ahead = self.metal / self.linux if more_is_better else self.linux / self.metal

    def line(self):
        cells = ['-' if x is None else self.fmt.format(x) for x in (self.metal, self.linux)]
        ahead = '-' if self.ahead is None else f'{self.ahead:.2f} x'
        wanted = f'at least {self.times:g} x' if self.is_judged else '-'
        return f'{self.what:42}{cells[0]:>12}{cells[1]:>12}{ahead:>11}   {wanted:14}   {self.word()}'

    def word(self):
        if not self.is_judged:
            return 'not judged'
        return 'no figure' if self.ahead is None else 'PASS' if self.ahead >= self.times else 'MISS'


def verdicts(figures):
    cases = report.unique(figures.rows, 'case')
    servers = [s for s in report.unique(figures.rows, 'server') if s != 'metal']
    for title, field, fmt, more in METRICS:
        for case in cases:
            yield Verdict(f'{case}: {title}', figures.median('metal', case, field),
                          [figures.median(server, case, field) for server in servers], fmt, more,
                          is_judged=(case.split()[1], field) not in UNJUDGED)
    for kind, title, fmt, times in (('startup', 'exec to first 200, ms', '{:.1f}', STARTUP_TIMES),
                                    ('memory', 'least memory, KiB', '{:.0f}', MEMORY_TIMES),
                                    ('size', 'image, bytes', '{:.0f}', 1)):
        for service in sorted({name.split()[1] for name in figures.facts[kind]}):
            yield Verdict(f'{service}: {title}', figures.fact(kind, 'metal', service),
                          [figures.fact(kind, server, service) for server in ('linux_ev', 'linux_uring')], fmt,
                          times=times)


def budgets(figures):
    """(what, measured, budget, whether it is met) of metal alone."""
    size = figures.fact('size', 'metal', 'hello')
    if size:
        yield 'image with hello, KiB', f'{size / 1024:.0f}', f'at most {IMAGE_KIB_MAX}', size <= IMAGE_KIB_MAX << 10
    for name, times in figures.facts['entry'].items():
        entry = statistics.median(times) if times else None
        if entry:
            yield f'{name}: entry to listening, ms', f'{entry:.2f}', f'at most {ENTRY_MS_MAX}', entry <= ENTRY_MS_MAX
    for name, (alive, wanted, memory_kib) in figures.facts['many'].items():
        yield f'{name}: connections open in {memory_kib >> 10} MiB', f'{alive}', f'{wanted}', alive == wanted


def events_table(facts):
    lines = []
    for name, counts in facts['events'].items():
        if not lines:
            lines = ['', '== asked of the machine per request of hello, at 1 and 64 connections and one each',
                     f"{'':18}" + ''.join(f'{what:>14}' for what in counts)]
        lines.append(f'{name:18}' + ''.join(f'{count:>14.2f}' for count in counts.values()))
    return lines


def render(title, rows, facts, problems):
    figures = Figures(rows, facts)
    lines = [title]
    if rows:
        foreign = 100 * statistics.median(row['foreign'] for row in rows)
        lines.append(f'other processes took {foreign:.0f} % of a processor meanwhile')
    for title, field, fmt, _ in METRICS:
        lines += report.metric_table(figures, title, field, fmt)
    lines += report.metric_table(figures, 'spread of rate and CPU per request over the rounds, %', None, '{:.0f}')
    lines += report.startup_table(facts) + events_table(facts)
    missed = 0
    lines += ['', f"== {'metal beside the better Linux guest':39}{'metal':>12}{'linux':>12}{'ahead':>11}"]
    for verdict in verdicts(figures):
        lines.append(verdict.line())
        missed += verdict.word() == 'MISS'
    for what, measured, budget, is_met in budgets(figures):
        lines.append(f"{what:42}{measured:>12}{'':26}{budget:14}   {'PASS' if is_met else 'MISS'}")
        missed += not is_met
    wide = sum(1 for server in report.unique(rows, 'server') for case in report.unique(rows, 'case')
               if (figures.spread(server, case) or 0) > SPREAD_MAX_PCT)
    lines += [f'{missed} missed', f'{wide} cells whose rounds are more than {SPREAD_MAX_PCT} % apart']
    return '\n'.join(lines + [f'problem: {problem}' for problem in problems]) + '\n', missed
