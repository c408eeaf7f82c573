# SPDX-License-Identifier: Apache-2.0
"""The todo service of examples/todo beside the same in nginx with Lua and in Node: CPU per request.

wrk sends a mix of reads and writes (bench/load/todo.lua) from 64 connections. Each round loads every server
once, one after the other; todos that a round left are removed before the next.
"""
import http.client
import json
import os
import shutil
import subprocess
import time

import nginx
import procs
import wrk

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
KEPT = 20
REMOVED_AT_ONCE = 50
CONNECTIONS = 64
ERRORS_MAX = 0.001  # a part of all answers

HTTP = '\n  init_by_lua_block { require("resty.core"); require("todo") }'
LOCATION = '    location / { content_by_lua_block { require("todo").serve() } }'


def ask(address, method, path, value=None):
    """(status, what the JSON of the answer says)"""
    connection = http.client.HTTPConnection(*address, timeout=5)
    try:
        body = None if value is None else json.dumps(value)
        connection.request(method, path, body, {'Content-Type': 'application/json'} if body else {})
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None
    finally:
        connection.close()


def fill(address, patience_s=10):
    """Adds the todos that stay, as soon as the server answers."""
    end = time.monotonic() + patience_s
    while True:
        try:
            ask(address, 'GET', '/todos')
            break
        except OSError:
            if time.monotonic() > end:
                raise RuntimeError('does not answer') from None
            time.sleep(0.02)
    for number in range(1, KEPT + 1):
        status, todo = ask(address, 'POST', '/todos', {'title': f'todo {number}'})
        if status != 201 or todo != {'id': number, 'title': f'todo {number}', 'done': False}:
            raise RuntimeError(f'answers {status} {todo}')


def clean(address):
    """Removes what is beyond the first ones, a part at a time. Returns the id given last."""
    _, last = ask(address, 'POST', '/todos', {'title': 'last'})
    connection = http.client.HTTPConnection(*address, timeout=5)
    while True:
        status, todos = ask(address, 'GET', f'/todos?limit={KEPT + REMOVED_AT_ONCE}')
        if status != 200:
            raise RuntimeError(f'answers {status} {todos} when asked for todos')
        if len(todos) <= KEPT:
            break
        for todo in todos[KEPT:]:
            connection.request('DELETE', f"/todos/{todo['id']}")
            connection.getresponse().read()
    connection.close()
    return last['id']


def load(address, connections, seconds, last, cpu, close=False):
    """One run of wrk with the mix of requests; what it reports."""
    result = wrk.run('http://%s:%d' % address, connections, seconds, script='todo', close=close, cpu=cpu,
                     arguments=(KEPT, last, connections))
    if result['errors'] > result['requests'] * ERRORS_MAX:
        raise RuntimeError(f"{result['errors']} of {result['requests']} answers were errors")
    return result


def lines(count, last):
    """As many requests in the same mix, in order, as bench/load/paced takes them."""
    mix = ['GET /todos/{one}'] * 20
    mix[1] = mix[8] = mix[15] = 'GET /todos'
    mix[3] = mix[10] = mix[17] = 'PATCH /todos/{one} {{"done":true}}'
    mix[5], mix[12] = 'POST /todos {{"title":"write letters"}}', 'DELETE /todos/{added}'
    return ''.join(mix[i % 20].format(one=1 + i * 7 % KEPT, added=last + 1 + i // 20) + '\n' for i in range(count))


class Todo:
    def __init__(self, build, folder, lua, cpus, preexec=None):
        self.build, self.folder, self.lua, self.cpus, self.preexec = build, folder, lua, cpus, preexec
        self.problems = []
        self.running = {}
        self.rows = {}  # name: [(microseconds of CPU per request, requests per second)]

    def commands(self):
        """Yields (name, command, environment); PORT in the command is replaced."""
        vkd, module = os.path.join(self.build, 'vkd', 'vkd'), os.path.join(self.folder, 'todo.vkb')
        subprocess.run([vkd, 'build', os.path.join(ROOT, 'examples', 'todo', 'todo.vk'), '-o', module], check=True)
        for driver in ('ev', 'uring'):
            yield f'vk_{driver}', [vkd, 'run', module, '--listen', '127.0.0.1:PORT', '--driver', driver, '--guard',
                                   'mprotect', '--workers', '1'], {}
        if shutil.which('nginx') and os.path.exists(os.path.join(self.lua, 'usr')):
            yield 'nginx_lua', ['nginx', '-c', os.path.join(self.folder, 'nginx-lua.conf')], \
                nginx.lua_environment(os.path.abspath(self.lua))
        else:
            self.problems.append('todo: nginx with Lua is not there; left out')
        if shutil.which('node'):
            yield 'node', ['node', os.path.join(HERE, 'peers', 'todo.js'), 'PORT'], {}
        else:
            self.problems.append('todo: no node; left out')

    def start(self, name, command, environment, port):
        lua = os.path.abspath(self.lua)
        nginx.write(self.folder, 'nginx-lua', port, LOCATION, lua=lua,
                    http=nginx.lua_path(lua, os.path.join(HERE, 'peers')) + HTTP)
        server = procs.Server([a.replace('PORT', str(port)) for a in command], port,
                              os.path.join(self.folder, name + '-todo.log'), cpu=self.cpus[0], preexec=self.preexec,
                              environment=environment)
        self.running[name] = server
        try:
            fill(('127.0.0.1', port))
        except RuntimeError as e:
            raise RuntimeError(f'{name} {e}: {server.log()[-500:]}') from None

    def measure(self, name, seconds):
        server = self.running[name]
        address = ('127.0.0.1', server.port)
        last = clean(address)
        pids = procs.tree(server.pid)
        before, _ = procs.usage(pids)
        result = load(address, CONNECTIONS, seconds, last, self.cpus[1])
        after, _ = procs.usage(pids)
        if procs.tree(server.pid) != pids:
            raise RuntimeError('the server replaced a process')
        requests = result['requests']
        self.rows.setdefault(name, []).append(((after - before) / requests * 1e6, requests / result['us'] * 1e6))

    def run(self, rounds, seconds, port):
        try:
            for name, command, environment in self.commands():
                self.start(name, command, environment, port)
                port += 1
                self.measure(name, 1)  # warm
                self.rows.pop(name)
            for _ in range(rounds):
                for name in self.running:
                    self.measure(name, seconds)
        except (RuntimeError, OSError, subprocess.CalledProcessError) as e:
            self.problems.append(f'todo: {e}')
        finally:
            for server in self.running.values():
                server.stop()
