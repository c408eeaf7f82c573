#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Print gcovr's branch coverage per file and compare it with the list of gated files.

Usage: coverage.py SUMMARY_JSON LIST
"""
import json
import sys


def read_gates(path):
    """{file: least percentage} from lines of `PERCENT PATH`."""
    gates = {}
    with open(path, encoding='utf-8') as file:
        for line in file:
            if line.strip() and not line.startswith('#'):
                percent, name = line.split()
                gates[name] = float(percent)
    return gates


def main():
    with open(sys.argv[1], encoding='utf-8') as file:
        files = {entry['filename']: entry for entry in json.load(file)['files']}
    gates = read_gates(sys.argv[2])
    failures = [f'{name} was not measured' for name in sorted(set(gates) - set(files))]
    print(f'{"branches":>9} {"taken":>6} {"%":>6} {"least":>6}  file')
    for name, entry in sorted(files.items()):
        total, taken = entry['branch_total'], entry['branch_covered']
        percent = 100.0 * taken / total if total else 100.0
        least = gates.get(name)
        mark = '' if least is None else f'{least:.0f}'
        print(f'{total:9} {taken:6} {percent:6.1f} {mark:>6}  {name}')
        if least is not None and percent < least:
            failures.append(f'{name} has {percent:.1f} %, {least:.0f} % is the least')
    for failure in failures:
        print(f'coverage: {failure}')
    return 1 if failures or not files else 0


if __name__ == '__main__':
    sys.exit(main())
