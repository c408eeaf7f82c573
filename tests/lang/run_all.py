#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Programs with what they print: each in tests/lang/run is compiled, verified and run.

The lines that begin with `// = ` are the expected output, in order. A program of several modules is a folder with a
main.vk.

Usage: run_all.py LANG_RUN FOLDER [NAME...]
"""
import pathlib
import subprocess
import sys


def expected_of(path):
    lines = path.read_text(encoding='utf-8').split('\n')
    return [line[5:] for line in lines if line.startswith('// = ') or line == '// =']


def name_of(path):
    return path.parent.name if path.name == 'main.vk' else path.stem


def main():
    runner, folder, names = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
    programs = sorted([*folder.glob('*.vk'), *folder.glob('*/main.vk')])
    programs = [path for path in programs if not names or name_of(path) in names]
    failed = 0
    for path in programs:
        expected = expected_of(path)
        done = subprocess.run([runner, str(path)], capture_output=True, text=True, timeout=60, check=False)
        output = done.stdout.split('\n')[:-1]
        if not expected or output != expected or done.stderr or done.returncode not in (0, 1):
            failed += 1
            print(f'{name_of(path)}: exit {done.returncode}')
            for line in expected:
                print(f'  expected: {line}')
            for line in output + done.stderr.split('\n')[:20]:
                print(f'  printed:  {line}')
    print(f'{len(programs)} programs, {failed} failed')
    return 1 if failed or not programs else 0


if __name__ == '__main__':
    sys.exit(main())
