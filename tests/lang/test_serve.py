#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`vkd run` serves a program, from its source and from its module.

Usage: test_serve.py VKD SOURCE
"""
import http.client
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

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


def ask(port, method, target, body=None, host='127.0.0.1'):
    connection = http.client.HTTPConnection(host, port, timeout=20)
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


BLOCKS = '''
http on "127.0.0.1:0" { GET "/" => text("first") }
http on "127.0.0.1:0", heap: 1m { GET "/" => text("second") }
http on "[::1]:0" { GET "/" => text("third") }
'''


def children_of(pid):
    return [int(word) for word in pathlib.Path(f'/proc/{pid}/task/{pid}/children').read_text(encoding='ascii').split()]


def replace_worker(pid):
    """Kill the worker and wait for the next: one that is dying may take a request with it."""
    dying = children_of(pid)[0]
    os.kill(dying, signal.SIGKILL)
    until = time.monotonic() + 20
    while time.monotonic() < until and children_of(pid) in ([], [dying]):
        time.sleep(0.01)


def check_blocks(vkd, folder):
    """Each block serves at its address, also after its worker has been replaced; --listen is the first one's."""
    program = str(pathlib.Path(folder) / 'blocks.vk')
    pathlib.Path(program).write_text(BLOCKS, encoding='utf-8')
    with subprocess.Popen([vkd, 'run', program, '--listen=127.0.0.2:0'], stderr=subprocess.PIPE, text=True) as server:
        places = re.findall(r'http://(\S+):(\d+)', server.stderr.readline())
        if [host for host, _ in places] != ['127.0.0.2', '127.0.0.1', '[::1]']:
            yield f'three blocks listen on {places}'
        for restarted in (False, True):
            for (host, port), name in zip(places, ('first', 'second', 'third')):
                got = ask(int(port), 'GET', '/', host=host.strip('[]'))
                if got != (200, name):
                    yield f'block at {host}:{port}, restarted: {restarted}: {got}'
            if not restarted:
                replace_worker(server.pid)
        server.send_signal(signal.SIGTERM)
        if server.wait(20) != 0:
            yield f'three blocks: exit {server.returncode}'


def check_taken(vkd, folder):
    """An address in use: --listen gives the first block another one, but no other block."""
    program = pathlib.Path(folder) / 'taken.vk'
    with socket.socket() as owner:
        owner.bind(('127.0.0.1', 0))
        owner.listen()
        taken = f'127.0.0.1:{owner.getsockname()[1]}'
        program.write_text(f'http on "127.0.0.1:0" {{ GET "/" => text("") }}\n'
                           f'http on "{taken}" {{ GET "/" => text("") }}\n', encoding='utf-8')
        for flags, words in ([], f'cannot listen on {taken}, of http block 2: the address is in use; stop the server that '
                                 'has it (ss -ltnp shows it) or change it in the program'), \
                ([f'--listen={taken}'], f'cannot listen on {taken}: the address is in use; stop the server that has it '
                                        '(ss -ltnp shows it) or choose another --listen\n'):
            if flags:
                program.write_text('http on 1 { GET "/" => text("") }\n', encoding='utf-8')
            run = subprocess.run([vkd, 'run', program, *flags], capture_output=True, text=True, timeout=60, check=False)
            if run.returncode != 1 or words not in run.stderr:
                yield f'an address in use: exit {run.returncode}: {run.stderr}'


WORKER = '''
actor Clock() { every 10ms { log("tick") } }
supervise restart(max: 1, per: 1s) { clock = Clock() }
'''


def check_worker(vkd, folder):
    """A program without an http block works until it is told to stop."""
    program = str(pathlib.Path(folder) / 'worker.vk')
    pathlib.Path(program).write_text(WORKER, encoding='utf-8')
    with subprocess.Popen([vkd, 'run', program], stderr=subprocess.PIPE, text=True) as server:
        lines = []
        while len(lines) < 3 or (len(lines) < 100 and not any(line.startswith('running') for line in lines)):
            lines.append(server.stderr.readline())
        # The parent says that it runs, the worker what its actor logs: whoever comes first.
        if not any(re.fullmatch(r'running \(\w+, \S+, 1 worker\)\n', line) for line in lines) or \
                not any('tick' in line for line in lines):
            yield f'a program without an http block says {lines}'
        server.send_signal(signal.SIGTERM)
        if server.wait(20) != 0:
            yield f'a program without an http block: exit {server.returncode}'
    for flag, words in (('--listen=127.0.0.1:0', 'this program listens nowhere'),
                        ('--workers=2', 'keeps state that other workers cannot reach'),
                        ('--slots=1', '--slots 2 is the least')):
        run = subprocess.run([vkd, 'run', program, flag], capture_output=True, text=True, timeout=30, check=False)
        if run.returncode != 2 or words not in run.stderr:
            yield f'{flag}: exit {run.returncode}: {run.stderr}'


# program, flags, exit code, what standard error says
REFUSED = [
    ('fn f() -> Int { 1 }', [], 1, 'there is nothing to run: it has neither an `http` block nor a `supervise` block'),
    ('http on "localhost" { GET "/" => text("") }', [], 1, 'this is no address to listen on'),
    ('http on 8080 { GET "/" => text("") }\nhttp on "0.0.0.0:8081" { GET "/" => text("") }', ['--listen=0.0.0.0:8081'], 1,
     'two http blocks listen on 0.0.0.0:8081; give each a port of its own'),
    ('http on 1 { GET "/" => text("") }', ['--port=1'], 2, "vkd run: unknown flag '--port=1'\nusage: vkd run FILE [FLAGS]"),
    ('store s: Int\nhttp on 8080 { GET "/" => text(s.increment("n", 1).str()) }', ['--workers=2'], 2,
     'this program keeps state that other workers cannot reach; leave --workers at 1'),
    ('http on 8080 { GET "/" => text("") }', ['--listen=192.0.2.1:80'], 1,
     'vkd run: cannot listen on 192.0.2.1:80: this machine has no such address'),
    (None, [], 2, 'vkd run: '),
]


def check_refused(vkd, folder):
    for program, flags, code, words in REFUSED:
        path = pathlib.Path(folder) / 'refused.vk'
        path.unlink(missing_ok=True)
        if program is not None:
            path.write_text(program, encoding='utf-8')
        run = subprocess.run([vkd, 'run', str(path)] + flags, capture_output=True, text=True, timeout=30, check=False)
        if run.returncode != code or words not in run.stderr:
            yield f'{program!r} {flags}: exit {run.returncode}: {run.stderr}'


def main():
    vkd, source = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as folder:
        module = str(pathlib.Path(folder) / 'served.vkb')
        subprocess.run([vkd, 'build', source, '-o', module], check=True)
        listing = subprocess.run([vkd, 'disasm', module], check=True, capture_output=True, text=True).stdout
        findings = [] if 'GET /hi/{name}' in listing else ['disasm does not name the route']
        findings += list(check(vkd, source)) + list(check(vkd, module))
        findings += list(check_blocks(vkd, folder)) + list(check_refused(vkd, folder))
        findings += list(check_worker(vkd, folder)) + list(check_taken(vkd, folder))
    print('\n'.join(findings) or 'served alike from source and module')
    return 1 if findings else 0


if __name__ == '__main__':
    sys.exit(main())
