#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the fuzz targets of a build: one for a while, or all until each has had its processor time.

All: in slices, one process at a time, at the lowest priority, which takes only what nobody else wants. A ledger beside the
build keeps each target's processor time, inputs and commits, so that a run that was ended goes on where it was. A
target with a finding rests, with its input and log named, until it is begun again.
"""
import argparse
import glob
import json
import os
import re
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FUZZ = os.path.join('tests', 'fuzz')
SLICE_LEAST_S = 5
# An input that takes longer is a finding. The clock on the wall goes on for a process that is not given a processor.
TIMEOUT_S, TIMEOUT_IDLE_S = 10, 300
INTERRUPTED = 72  # how libFuzzer ends by a signal that asks it to


def command(build, name, seconds, timeout):
    """New inputs go to the work corpus, which comes first; the committed seeds are only read."""
    work, seeds = f'{build}/corpus/{name}', [os.path.join(FUZZ, 'corpus', name)]
    os.makedirs(work, exist_ok=True)
    if name == 'compile':
        seeds += [os.path.join('tests', 'lang', folder) for folder in ('run', 'right', 'wrong')]
    words = os.path.join(FUZZ, f'{name}.dict')
    return [f'{build}/{FUZZ}/fuzz_{name}', f'-max_total_time={seconds}', f'-timeout={timeout}', '-print_final_stats=1',
            f'-artifact_prefix={build}/{name}-', *([f'-dict={words}'] if os.path.exists(words) else []), work,
            *filter(os.path.isdir, seeds)]


def built(build):
    programs = glob.glob(f'{build}/{FUZZ}/fuzz_*')
    return sorted(os.path.basename(program)[len('fuzz_'):] for program in programs if os.path.isfile(program))


def commit():
    """Of the tree that is fuzzed; one that is changed says so."""
    told = subprocess.run(['git', 'describe', '--always', '--dirty', '--exclude=*'], capture_output=True, text=True, check=False)
    return told.stdout.strip() or 'no commit'


def inputs_of(log):
    """What libFuzzer counted: in its last statistics, or, when it was ended, in its last line."""
    counts = re.findall(r'^(?:#|stat::number_of_executed_units:\s*)(\d+)', log, re.M)
    return max(map(int, counts), default=0)


class Ledger:
    def __init__(self, path):
        self.path, self.targets = path, {}
        if os.path.exists(path):
            with open(path, encoding='utf-8') as file:
                self.targets = json.load(file)

    def entry(self, name):
        return self.targets.setdefault(name, {'cpu_s': 0.0, 'inputs': 0, 'commits': [], 'last': '', 'finding': ''})

    def forget(self, name):
        self.targets.pop(name, None)

    def save(self):
        with open(self.path + '.new', 'w', encoding='utf-8') as file:
            json.dump(self.targets, file, indent=1)
        os.replace(self.path + '.new', self.path)

    def table(self, names):
        lines = ['| target | processor time | inputs | finding | until, commit |', '|---|---|---|---|---|']
        for name in names:
            had = self.entry(name)
            lines.append(f"| {name} | {had['cpu_s'] / 60:.0f} min | {had['inputs']:,} | {had['finding'] or 'none'} "
                         f"| {had['last']}, {' '.join(had['commits'])} |")
        return '\n'.join(lines)


def finding_of(status, log, log_path):
    """What is to be told of a process that ended so; '' when it only ended."""
    if status in (0, INTERRUPTED):
        return ''
    kept = re.search(r'Test unit written to (\S+)', log)
    how = f'signal {-status}' if status < 0 else f'exit {status}'
    return f"{kept.group(1) if kept else how} ({log_path})"


def run_slice(build, name, seconds, ledger):
    """One process, waited for; its processor time and inputs are counted, however it ended."""
    log_path = f'{build}/{name}.log'
    with open(log_path, 'wb') as out:
        child = subprocess.Popen(command(build, name, seconds, TIMEOUT_IDLE_S), stdout=out, stderr=out)  # pylint: disable=consider-using-with
    stopped = False
    while True:
        try:
            _, status, usage = os.wait4(child.pid, 0)
            break
        except KeyboardInterrupt:
            stopped = True
            os.kill(child.pid, signal.SIGINT)
    child.returncode = os.waitstatus_to_exitcode(status)
    with open(log_path, encoding='utf-8', errors='replace') as file:
        log = file.read()
    had, now = ledger.entry(name), commit()
    had['cpu_s'] += usage.ru_utime + usage.ru_stime
    had['inputs'] += inputs_of(log)
    had['last'] = time.strftime('%Y-%m-%d %H:%M', time.gmtime())
    had['commits'] += [] if now in had['commits'] else [now]
    had['finding'] = '' if stopped else finding_of(child.returncode, log, log_path)
    ledger.save()
    told = f"finding: {had['finding']}" if had['finding'] else 'no finding'
    print(f"{had['last']} {name}: {had['cpu_s']:.0f} s, {had['inputs']:,} inputs, {told}", flush=True)
    if stopped:
        raise KeyboardInterrupt


def run_round(args, names, ledger):
    """A slice for each target that has not had its time; whether one is left that may go on."""
    for name in names:
        left = args.seconds - ledger.entry(name)['cpu_s']
        if left > 0 and not ledger.entry(name)['finding']:
            run_slice(args.build, name, max(SLICE_LEAST_S, int(min(left + 1, args.slice))), ledger)
    entries = [ledger.entry(name) for name in names]
    return any(had['cpu_s'] < args.seconds and not had['finding'] for had in entries)


def run_all(args):
    names = args.only.split(',') if args.only else built(args.build)
    unknown = [name for name in names if name not in built(args.build)]
    if unknown:
        raise SystemExit(f"fuzz: no target {unknown[0]}; there are {', '.join(built(args.build))}")
    ledger = Ledger(f'{args.build}/hours.json')
    for name in filter(None, args.again.split(',')):
        ledger.forget(name)
    if not args.eager:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background processes ignore the first
        signal.signal(number, signal.default_int_handler)
    try:
        while run_round(args, names, ledger):
            pass
    except KeyboardInterrupt:
        print('fuzz: ended; the same command goes on from here', flush=True)
    print(ledger.table(names), flush=True)
    done = all(ledger.entry(name)['cpu_s'] >= args.seconds and not ledger.entry(name)['finding'] for name in names)
    return 0 if done else 1


def main():
    parser = argparse.ArgumentParser(prog='./dev fuzz', usage='./dev fuzz NAME SECONDS | ./dev fuzz all SECONDS [FLAGS]')
    parser.add_argument('build', help=argparse.SUPPRESS)
    parser.add_argument('name', help='a target, for SECONDS on the clock; all: each until it had SECONDS of processor time')
    parser.add_argument('seconds', type=float)
    parser.add_argument('--slice', type=int, default=600, help='seconds at a time (600)')
    parser.add_argument('--only', default='', help='these targets, in this order: a,b,c')
    parser.add_argument('--again', default='', help='begin these at nothing: a,b,c')
    parser.add_argument('--eager', action='store_true', help='at the usual priority')
    args = parser.parse_args()
    os.chdir(ROOT)
    args.build = os.path.relpath(args.build)
    if args.name == 'all':
        return run_all(args)
    words = command(args.build, args.name, int(args.seconds), TIMEOUT_S)
    os.execv(words[0], words)
    return 1


if __name__ == '__main__':
    sys.exit(main())
