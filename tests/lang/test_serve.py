#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`vkd run` serves a program, from its source and from its module.

Usage: test_serve.py VKD SOURCE
"""
import http.client
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

# target, status, body (None: not looked at)
CASES = [
    ('/', 200, 'Hello, World!'),
    ('/hi/Bob%20x', 200, 'Hello, Bob x!'),
    ('/l/abc', 200, 'https://example.org/abc'),
    ('/l/down', 502, '{"error":"no answer"}'),
    ('/l/longlonglong', 404, '{"error":"no such link"}'),
    ('/j/x', 200, '{"url":"https://example.org/x","link":{"id":"x","url":"https://example.org/x"},"n":3}'),
    ('/j/down', 502, '{"error":"no answer"}'),
    ('/sq/-12', 200, '144'),
    ('/sq/x', 404, None),
    ('/sq/99999999999', 500, None),
    ('/q?a=5', 200, '5 7 -'),
    ('/q?b=2', 400, 'a query parameter is missing: `a`\n'),
    ('/q?a=1&b=x', 400, 'a query parameter of the wrong form: `b`\n'),
    ('/q?a=1&b=2&c=3', 200, '1 2 3'),
    ('/loop', 500, None),
    ('/who', 201, 'GET /who q'),
    ('/none', 404, None),
    ('/', 200, 'Hello, World!'),
]


def ask(port, method, target, body=None):
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=20)
    connection.request(method, target, body=body, headers={'X-A': 'q'})
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text


def check(vkd, program):
    """The differences found; the server ends by SIGTERM with exit code 0."""
    with subprocess.Popen([vkd, 'run', program, '--listen', '127.0.0.1:0', '--workers', '1'],
                          stderr=subprocess.PIPE, text=True) as server:
        match = re.search(r'http://127\.0\.0\.1:(\d+)', server.stderr.readline())
        if not match:
            server.kill()
            yield 'it does not say where it listens'
            return
        port = int(match.group(1))
        for target, status, body in CASES:
            got = ask(port, 'GET', target)
            if got[0] != status or (body is not None and got[1] != body):
                yield f'{program}: GET {target}: {got}, expected {status} {body!r}'
        if ask(port, 'POST', '/echo', 'a body') != (200, 'a body'):
            yield f'{program}: POST /echo'
        server.send_signal(signal.SIGTERM)
        log = server.stderr.read()
        if server.wait(20) != 0:
            yield f'{program}: exit {server.returncode}'
        for words in ['integer overflow in route:27', 'CPU limit in route:30']:
            if words not in log:
                yield f'{program}: the log does not say "{words}":\n{log}'


def main():
    vkd, source = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as folder:
        module = str(pathlib.Path(folder) / 'served.vkb')
        subprocess.run([vkd, 'build', source, '-o', module], check=True)
        listing = subprocess.run([vkd, 'disasm', module], check=True, capture_output=True, text=True).stdout
        findings = [] if 'GET /hi/{name}' in listing else ['disasm does not name the route']
        findings += list(check(vkd, source)) + list(check(vkd, module))
    print('\n'.join(findings) or 'served alike from source and module')
    return 1 if findings else 0


if __name__ == '__main__':
    sys.exit(main())
