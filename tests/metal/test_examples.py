#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The example programs without Linux: `vkd metal` answers as `vkd run` does.

Goal: nobody who talks HTTP to a program can tell what it runs on. Method: the same requests, in the same order, to
both; all that came back is compared, but for the date.

Usage: test_examples.py VKD EXAMPLES_DIR [FLAG...]

The flags are those of `vkd metal`. Exits 77 when there is no QEMU.
"""
import http.client
import json
import pathlib
import re
import shutil
import signal
import subprocess
import sys

JSON = {'Content-Type': 'application/json'}


def get(path):
    return ('GET', path, None, {})


def send(method, path, value):
    return (method, path, json.dumps(value), JSON)


# program: requests, one behind the other
REQUESTS = {
    'hello': [get('/'), get('/hi/Zo%C3%AB'), get('/share/4'), get('/share/0'), get('/share/us'), get('/nowhere'),
              ('DELETE', '/', None, {}), ('HEAD', '/', None, {})],
    'counter': [get('/visit/a'), get('/visit/a'), get('/visit/b'), get('/visits'), ('DELETE', '/visits', None, {}),
                get('/visits'), get('/visit/a')],
    'links': [get('/l/abc'), get('/l/abc/stats'), get('/l/abc'), get('/l/abc/stats'), get('/l/nowhere'), get('/l/down'),
              get('/l/')],
    'todo': [get('/todos'), send('POST', '/todos', {'title': 'milk'}), send('POST', '/todos', {'title': ' '}),
             send('POST', '/todos', {'title': 'bread'}), get('/todos'), get('/todos?limit=1'), get('/todos/1'),
             send('PATCH', '/todos/1', {'done': True}), get('/todos/1'), ('DELETE', '/todos/1', None, {}), get('/todos/1'),
             ('POST', '/todos', '{"title":', JSON), get('/todos?limit=x')],
    'jobs': [get('/jobs/1'), ('POST', '/jobs', 'x', JSON), send('POST', '/jobs', {}), get('/jobs/x')],
    'cache': [get('/'), ('GET', '/', None, {'If-None-Match': '*'}), ('HEAD', '/style.css', None, {}), get('/style.css'),
              get('/report/7'), get('/report/7'), get('/report/x'), get('/me'), ('POST', '/tokens/x', None, {}),
              ('POST', '/logout', None, {})] + [('GET', '/report/7', None, {'X-Client': 'me'})] * 21,
    'app': [get('/app/hi/Ada'), get('/app/share/4'), get('/app/share/0'), get('/app')],
    'wait': [get('/wait?ms=1&times=3'), get('/wait?ms=0'), get('/wait?ms=5001'), get('/wait?times=101')],
}


class Server:
    """A program that serves; its port is any that is free."""

    def __init__(self, vkd, command, program, flags=()):
        self.process = subprocess.Popen([vkd, command, str(program), '--listen', '127.0.0.1:0', *flags],
                                        stderr=subprocess.PIPE, text=True)
        self.line = self.process.stderr.readline()
        match = re.search(r'http://127\.0\.0\.1:(\d+)', self.line)
        if match is None:
            self.process.kill()
            sys.exit(f'{command} {program}: {self.line}{self.process.stderr.read()}')
        self.port = int(match[1])

    def ask(self, request):
        """Status, headers without the date, and body."""
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=30)
        connection.request(*request)
        response = connection.getresponse()
        headers = [(name, value) for name, value in response.getheaders() if name != 'Date']
        got = response.status, headers, response.read()
        connection.close()
        return got

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        log = self.process.stderr.read()
        return self.process.wait(30), log


def undated(answer):
    """Without what differs from run to run: numbers of crashes, and times that a program measured itself."""
    status, headers, body = answer
    body = re.sub(rb'"(took_ms|waited_ms|ms)":\d+', rb'"\1":T', body)
    headers = [(name, value) for name, value in headers if name != 'Content-Length'] if b':T' in body else headers
    return status, headers, body


def check(vkd, program, flags):
    linux = Server(vkd, 'run', program)
    metal = Server(vkd, 'metal', program, flags)
    for request in REQUESTS[program.stem]:
        expected, got = undated(linux.ask(request)), undated(metal.ask(request))
        if expected != got:
            yield f'{program.stem}: {request}: {got}, on Linux {expected}'
    for name, server in ('run', linux), ('metal', metal):
        status, log = server.stop()
        if status != 0:
            yield f'{program.stem}: vkd {name} ended with {status}: {log}'


def main():
    vkd, folder, flags = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
    if shutil.which('qemu-system-x86_64') is None:
        print('skipped: qemu-system-x86_64 is not installed')
        return 77
    programs = sorted(folder.glob('*/*.vk'))
    findings = [f'{program.stem}: no requests for it here' for program in programs if program.stem not in REQUESTS]
    for program in programs:
        findings += check(vkd, program, flags) if program.stem in REQUESTS else []
    print('\n'.join(findings) or f'{len(programs)} programs answer alike')
    return 1 if findings or not programs else 0


if __name__ == '__main__':
    sys.exit(main())
