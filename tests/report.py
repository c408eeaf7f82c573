#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts of ./dev test.

report.py meson BUILD TESTLOG   rows 'BUILD SUITE passed failed skipped seconds' of one meson run
report.py table ROWS            the table of all rows and the closing line; exit 1 on a failure

A Criterion program holds many tests and says how many it ran; a script may
close with 'N passed, N failed'. Any other program is one test.
"""
import collections
import json
import os
import re
import sys

SYNTHESIS = re.compile(r'Synthesis: Tested: *(\d+) *\| *Passing: *(\d+) *\| *Failing: *(\d+) *\| *Crashing: *(\d+)')
CLOSING = re.compile(r'^(?:\w+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$', re.M)
COLOUR = re.compile(r'\x1b\[[0-9;]*m')


def count(entry):
    """(passed, failed, skipped) of one entry of meson's log."""
    text = COLOUR.sub('', entry.get('stdout', '') + '\n' + entry.get('stderr', ''))
    if entry['result'] == 'SKIP':
        return 0, 0, 1
    passed = failed = skipped = 0
    for tested, passing, failing, crashing in SYNTHESIS.findall(text):
        passed += int(passing)
        failed += int(failing) + int(crashing)
        skipped += max(0, int(tested) - int(passing) - int(failing) - int(crashing))
    if not SYNTHESIS.search(text):
        closing = CLOSING.findall(text)
        if closing:
            passed, failed, skipped = (int(n or 0) for n in closing[-1])
        elif entry['result'] in ('OK', 'EXPECTEDFAIL'):
            passed = 1
    good = entry['result'] in ('OK', 'EXPECTEDFAIL')
    if not good and failed == 0:
        failed = 1  # died, timed out, or failed beyond its own count
    if good and passed + failed + skipped == 0:
        failed = 1  # a program of tests that ran none
    return passed, failed, skipped


def suite_of(entry):
    """'vkd:unit / vk' -> 'unit'; the whole name where a test has no suite."""
    head, _, _ = entry['name'].partition(' / ')
    return head.split(':')[-1].split('+')[0].replace(' ', '_')


def meson(build, path):
    if not os.path.exists(path):
        print(build, 'no-tests-ran', 0, 1, 0, 0)
        return
    rows = collections.OrderedDict()
    with open(path, encoding='utf-8') as log:
        for line in log:
            entry = json.loads(line)
            row = rows.setdefault(suite_of(entry), [0, 0, 0, 0.0])
            for i, n in enumerate(count(entry)):
                row[i] += n
            row[3] += entry['duration']
    for suite, (passed, failed, skipped, seconds) in rows.items():
        print(build, suite, passed, failed, skipped, round(seconds, 1))


def table(path):
    total = [0, 0, 0, 0.0]
    print(f'\n{"build":12}{"suite":16}{"passed":>8}{"failed":>8}{"skipped":>8}{"seconds":>9}')
    with open(path, encoding='utf-8') as rows:
        for row in rows:
            build, suite, *numbers = row.split()
            values = [int(n) for n in numbers[:3]] + [float(numbers[3])]
            total = [a + b for a, b in zip(total, values)]
            print(f'{build:12}{suite:16}{values[0]:8}{values[1]:8}{values[2]:8}{values[3]:9.1f}')
    print(f'{"all":28}{total[0]:8}{total[1]:8}{total[2]:8}{total[3]:9.1f}\n')
    print(f'{total[0]} passed, {total[1]} failed, {total[2]} skipped', flush=True)
    return 1 if total[1] or not total[0] else 0


def main(arguments):
    if len(arguments) == 3 and arguments[0] == 'meson':
        return meson(arguments[1], arguments[2])
    if len(arguments) == 2 and arguments[0] == 'table':
        return table(arguments[1])
    sys.exit(__doc__)


sys.exit(main(sys.argv[1:]))
