#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Actors of a served program: they keep state between requests, are started again, and their supervisor gives up.

Usage: test_actors.py VKD PROGRAM
"""
import http.client
import re
import subprocess
import sys


def ask(port, target):
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=20)
    connection.request('GET', target)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text


def check(vkd, program):
    """The differences found; the third end of the actor is one too many, and ends the server with 1."""
    steps = [('/', 200, '1'), ('/', 200, '2'), ('/try', 200, 'died'), ('/', 200, '1'),
             ('/call', 500, 'call failed: actor Weak died during crash'), ('/', 200, '1'), ('/', 200, '2'),
             ('/try', 200, 'died')]
    with subprocess.Popen([vkd, 'run', program, '--workers', '1'], stderr=subprocess.PIPE, text=True) as server:
        match = re.search(r'http://127\.0\.0\.1:(\d+)', server.stderr.readline())
        if not match:
            server.kill()
            yield 'it does not say where it listens'
            return
        for target, status, body in steps:
            got = ask(int(match.group(1)), target)
            if got != (status, body):
                yield f'GET {target}: {got}, expected {status} {body!r}'
        log = server.stderr.read()
        if server.wait(20) != 1:
            yield f'exit {server.returncode}, expected 1'
        if 'a supervisor gave up' not in log:
            yield f'the log does not say that the supervisor gave up:\n{log}'


def check_workers(vkd, program):
    done = subprocess.run([vkd, 'run', program, '--workers', '2'], capture_output=True, text=True, timeout=20,
                          check=False)
    if done.returncode != 2 or '--workers' not in done.stderr:
        yield f'two workers: exit {done.returncode}: {done.stderr}'


def main():
    failed = [*check(*sys.argv[1:]), *check_workers(*sys.argv[1:])]
    for line in failed:
        print(line)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
