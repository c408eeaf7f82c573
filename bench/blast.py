# SPDX-License-Identifier: Apache-2.0
"""Runs of bench/load/blast with its connections held open, so that the server can be measured during the load alone."""
import contextlib
import json
import subprocess

import procs
from host import LOAD_CPU


def expect(process, wanted=None):
    """A line of blast's; RuntimeError with its own words when there is none, or another one."""
    line = process.stdout.readline()
    if not line or wanted and line != wanted:
        process.kill()
        raise RuntimeError(process.communicate()[1].strip()[-200:] or f'blast: status {process.returncode}')
    return line


@contextlib.contextmanager
def held(program, port, connections, depth, seconds, *flags):
    """blast with its connections open, waiting for load()."""
    argv = ['taskset', '-c', str(LOAD_CPU), program, str(port), str(connections), str(depth), f'{seconds:g}', *flags,
            '--held']
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        expect(process, 'open\n')
        yield process
    finally:
        process.kill()
        process.communicate()


def load(process):
    """Begins the load; what blast says of it at its end."""
    process.stdin.write('\n')
    process.stdin.flush()
    return json.loads(expect(process))


def measured(process, server):
    """load(), and what it cost the server, which is the same processes from its beginning to its end."""
    pids = procs.tree(server.pid)
    meter = procs.Meter(pids, [process.pid])
    row = load(process)
    row.update(meter.finish(row['requests']))
    if procs.tree(server.pid) != pids:
        raise RuntimeError('the server replaced a process during the measurement')
    return row
