# SPDX-License-Identifier: Apache-2.0
"""The same programs in vk, Lua and JavaScript: CPU time, medians of interleaved rounds, ratios and budgets.

Each round runs every program in every language for a few runs inside one process, one language after the
other, so that a slow second of the machine meets all of them; start-up and compiling are not counted. All must
give the same result. docs/benchmarks.md explains what the programs do.
"""
import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import report  # noqa: E402

MARKS = ('<!-- language: begin -->', '<!-- language: end -->')
PROGRAMS = {  # name: (file, most that vk may take of what `luajit -joff` takes)
    'fib': ('fib', 0.7),
    'nbody': ('nbody', 0.7),
    'list': ('lists', 1.0),
    'strcat': ('lists', 1.0),
    'mapint': ('maps', 1.0),
    'mapstr': ('maps', 1.0),
    'encode': ('json', 1.0),
    'decode': ('json', 1.0),
    'spawn': ('fibers', 1.0),
    'switch': ('fibers', None),
    'processes': ('processes', None),
}
IN_KERNEL = ('processes',)
JOFF = 'luajit -joff'
LANGUAGES = {  # name: the command in front of NAME RUNS; vk's is made for each program
    'vk': None,
    JOFF: ['luajit', '-joff', os.path.join(HERE, 'peers.lua')],
    'luajit': ['luajit', os.path.join(HERE, 'peers.lua')],
    'lua5.4': ['lua5.4', os.path.join(HERE, 'peers.lua')],
    'lua cjson': ['luajit', os.path.join(HERE, 'peers.lua')],
    'node': ['node', os.path.join(HERE, 'peers.js')],
}
CJSON = {'encode': 'encode_c', 'decode': 'decode_c'}  # what the language of that name can do
SWITCHES = 10_000_000  # of the program of that name
IDLE_PROCESSES = 20_000  # of the test idle
SWITCH_NS, START_US = 10, 0.15
IDLE_KIB, FRESH_KIB = 4.5, 0.5  # a page, and entries in the kernel's tables; one of these


class Figures:
    def __init__(self):
        self.times = {}  # (program, language): milliseconds of each run
        self.results = {}
        self.starts_ns = []
        self.idle_kib = []  # of one process
        self.fresh_kib = []  # that was never asked

    def median(self, program, language):
        times = self.times.get((program, language))
        return statistics.median(times) if times else None

    def ratio(self, program, language=JOFF):
        ours, theirs = self.median(program, 'vk'), self.median(program, language)
        return ours / theirs if ours and theirs else None


def same(a, b):
    """Whether two languages wrote the same number, however they write numbers."""
    return a == b or float(a) == float(b)


def measure(figures, language, program, command):
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        sys.exit(f'bench: {" ".join(command)}: exit {run.returncode}: {(run.stderr or run.stdout).strip()[-300:]}')
    times, _, result = run.stdout.partition('=')
    first = figures.results.setdefault(program, result.strip())
    if not same(first, result.strip()):
        sys.exit(f'bench: {program} in {language} gives {result.strip()}, in others {first}')
    figures.times.setdefault((program, language), []).extend(float(word) for word in times.split())


def peak_kib(command):
    """Largest resident memory of a program."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f'bench: {" ".join(command)}: status {status}')
    return usage.ru_maxrss


def one_round(figures, options):
    exe = os.path.join(options.build, 'bench', 'lang_bench')
    for program, (file, _) in PROGRAMS.items():
        for language in options.languages:
            prefix = LANGUAGES[language] or [exe, os.path.join(HERE, file + '.vk')]
            name = CJSON.get(program) if language == 'lua cjson' else program
            last = ['--kernel'] if language == 'vk' and program in IN_KERNEL else []
            if name:
                measure(figures, language, program, prefix + [name, str(options.runs)] + last)
    start = subprocess.run([exe, os.path.join(HERE, 'fibers.vk'), 'nothing', '--start'], check=True,
                           capture_output=True, text=True)
    figures.starts_ns.append(float(start.stdout))
    alone, idle, fresh = (peak_kib([exe, os.path.join(HERE, 'processes.vk'), test, '1', '--kernel'])
                          for test in ('alone', 'idle', 'fresh'))
    figures.idle_kib.append((idle - alone) / IDLE_PROCESSES)
    figures.fresh_kib.append((fresh - alone) / IDLE_PROCESSES)


def table(title, columns, cell):
    """A row for each program; cell gives a figure or None."""
    lines = ['', f'== {title}', f"{'':12}" + ''.join(f'{name:>14}' for name in columns)]
    for program in PROGRAMS:
        figures = (cell(program, name) for name in columns)
        lines.append(f'{program:12}' + ''.join(f"{'-' if x is None else format(x, '.2f'):>14}" for x in figures))
    return lines


def budgets(figures):
    """(what, measured, budget, whether it is met)"""
    for program, (_, most) in PROGRAMS.items():
        if most is not None:
            ratio = figures.ratio(program)
            yield f'{program}, to {JOFF}', ratio, f'at most {most:g} x', ratio is not None and ratio <= most
    switch = figures.median('switch', 'vk') * 1e6 / SWITCHES
    yield 'a switch from fiber to fiber, ns', switch, f'at most {SWITCH_NS} ns', switch <= SWITCH_NS
    start = statistics.median(figures.starts_ns) / 1000
    yield 'a process from its start to its end, warm, us', start, f'at most {START_US} us', start <= START_US
    idle = statistics.median(figures.idle_kib)
    yield 'an idle process, KiB', idle, f'at most {IDLE_KIB} KiB', idle <= IDLE_KIB
    fresh = statistics.median(figures.fresh_kib)
    yield 'one that was never asked, KiB', fresh, f'at most {FRESH_KIB} KiB', fresh <= FRESH_KIB


def budget_table(figures):
    lines, missed = ['', '== budgets'], 0
    for what, measured, budget, is_met in budgets(figures):
        verdict = 'no figure' if measured is None else 'PASS' if is_met else 'MISS'
        missed += verdict == 'MISS'
        lines.append(f'{what:50}{"-" if measured is None else f"{measured:.2f}":>10}   {budget:18}{verdict}')
    return lines + [f'{missed} budgets missed'], missed


def versions(languages):
    commands = {JOFF: ['luajit', '-v'], 'lua5.4': ['lua5.4', '-v'], 'node': ['node', '--version']}
    out = []
    for language, command in commands.items():
        if language in languages:
            text = subprocess.run(command, capture_output=True, text=True).stdout
            out.append(('Node ' if language == 'node' else '') + re.sub(r'\s*(Copyright|--).*', '', text.strip()))
    return ', '.join(out)


def parse_options():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--build', default='build/release', help='build folder (release)')
    p.add_argument('--rounds', type=int, default=5)
    p.add_argument('--runs', type=int, default=3, help='of each program in a round')
    p.add_argument('--quick', action='store_true', help='two rounds')
    p.add_argument('--docs', default='', help='replace the results in this file (docs/benchmarks.md)')
    p.add_argument('--strict', action='store_true', help='exit 1 when a budget is missed')
    o = p.parse_args()
    if o.quick:
        o.rounds = 2
    o.languages = [name for name, command in LANGUAGES.items() if command is None or shutil.which(command[0])]
    for name in LANGUAGES:
        if name not in o.languages:
            print(f'# {LANGUAGES[name][0]} is not installed: no {name}')
    return o


def main():
    options, figures = parse_options(), Figures()
    for number in range(1, options.rounds + 1):
        one_round(figures, options)
        print(f'# round {number} of {options.rounds}', flush=True)
    budget_lines, missed = budget_table(figures)
    text = '\n'.join([f"{time.strftime('%Y-%m-%d')}, {versions(options.languages)}",
                      f'medians of {options.rounds} rounds of {options.runs} runs; load {os.getloadavg()[0]:.1f}']
                     + table('CPU ms of one run', options.languages, figures.median)
                     + table('vk as a part of each', options.languages[1:], figures.ratio) + budget_lines) + '\n'
    print('\n' + text)
    if options.docs:
        report.write_docs(options.docs, text, MARKS)
    sys.exit(1 if options.strict and missed else 0)


if __name__ == '__main__':
    main()
