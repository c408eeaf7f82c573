#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bytecode against LuaJIT's interpreter: CPU time, medians of interleaved rounds, ratios.

Usage: run.py BUILD_DIR [ROUNDS]
"""
import os
import shutil
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = ['fib', 'nbody', 'list', 'strcat', 'mapint', 'mapstr', 'switch', 'spawn']


def times(command):
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [float(word) for word in out.split('=')[0].split()]


def main():
    bench = os.path.join(sys.argv[1], 'bench', 'vm_bench')
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    lua = shutil.which('luajit')
    if not lua:
        print('luajit is not installed: no ratios')
    for name in PROGRAMS:
        ours, theirs = [], []
        for _ in range(rounds):
            ours += times([bench, os.path.join(HERE, name + '.vka')])
            if lua:
                theirs += times([lua, '-joff', os.path.join(HERE, 'peers.lua'), name])
        line = f'{name:8} {statistics.median(ours):9.1f} ms'
        if lua:
            line += f'   luajit -joff {statistics.median(theirs):9.1f} ms   ratio {statistics.median(ours) / statistics.median(theirs):.2f}'
        print(line, flush=True)
    starts = subprocess.run([bench, os.path.join(HERE, 'least.vka'), '--start'], check=True, capture_output=True,
                            text=True).stdout.strip()
    print(f'start    {starts} ns from start to end of a process')


if __name__ == '__main__':
    main()
