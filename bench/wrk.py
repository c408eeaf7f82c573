# SPDX-License-Identifier: Apache-2.0
"""Runs of wrk, and of paced: what it is to send, and what it reports (bench/load/report.lua)."""
import os
import re
import shutil
import subprocess
import tempfile

import host

SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'load')
ERRORS = ('connect', 'read', 'write', 'status', 'timeout')


def start(url, connections, seconds, script='report', arguments=(), close=False, cpu=None):
    """A run in the background. script: of bench/load, without its ending; close: a connection for each request."""
    exe = shutil.which('wrk')
    if not exe:
        raise FileNotFoundError('wrk is not installed')
    argv = ['taskset', '-c', str(cpu)] if cpu is not None else []
    argv += [exe, '-t1', f'-c{connections}', f'-d{seconds}s', '--timeout', '30s', '-s',
             os.path.join(SCRIPTS, script + '.lua')]
    argv += ['-H', 'Connection: close'] if close else []
    return subprocess.Popen(argv + [url, '--', *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, env=dict(os.environ, LUA_PATH=os.path.join(SCRIPTS, '?.lua')))


def paced(program, address, rate, seconds, requests, cpu):
    """The same report of a run of bench/load/paced, before other programs where that is allowed."""
    argv = ['taskset', '-c', str(cpu), program, address[0], str(address[1]), str(rate), str(seconds)]
    with tempfile.TemporaryFile('w+') as file:
        file.write(requests)
        file.seek(0)
        process = subprocess.Popen(argv, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    host.set_real_time(process.pid, True)
    return finish(process, seconds + 60)


def finish(process, patience_s):
    """What report.lua wrote, as integers by name, and `errors`, the sum of all kinds."""
    try:
        out = process.communicate(timeout=patience_s)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        raise RuntimeError(f'wrk: no end after {patience_s} s: {process.communicate()[0][-300:]}') from None
    found = re.search(r'^RESULT (.*)$', out, re.M)
    if process.returncode or not found:
        raise RuntimeError(f'wrk: status {process.returncode}: {out.strip()[-300:]}')
    result = {name: int(value) for name, value in (pair.split('=') for pair in found[1].split())}
    result['errors'] = sum(result[kind] for kind in ERRORS)
    return result


def run(url, connections, seconds, **options):
    return finish(start(url, connections, seconds, **options), seconds + 60)
