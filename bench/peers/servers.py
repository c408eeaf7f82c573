# SPDX-License-Identifier: Apache-2.0
"""The servers that are compared: what each is made of, how it is started, and which cases it can serve.

Each has one worker on one processor, no log, and its own limits and timeouts, but for idle connections, which may
stay for an hour.
"""
import dataclasses
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.append(os.path.dirname(HERE))

import nginx  # noqa: E402  (of the folder above)

BIG_BYTES = 1 << 20

TEXT_CASES = ('text', 'pipe16', 'close', 'c1', 'c10', 'c100', 'c1000', 'c10000', 'idle', 'startup')
SMALL_CASES = ('small', 'small_close', 'small_c10000')
ALL = TEXT_CASES + ('json', 'down', 'up', 'wait')
GUARD_OFF_CASES = ('text', 'json', 'pipe16', 'close', 'down', 'up', 'wait')
WITHOUT_BODIES = TEXT_CASES + ('json',) + SMALL_CASES
PATHS = {'text': '/', 'json': '/json', 'down': '/big', 'up': '/up', 'wait': '/wait'}


@dataclasses.dataclass
class Peer:
    name: str
    argv: list  # PORT and DIR in it are replaced; its first word must be there, or the peer is left out
    cases: tuple
    package: str = ''
    environment: dict = dataclasses.field(default_factory=dict)
    paths: dict = dataclasses.field(default_factory=dict)  # where they differ from PATHS
    needs: tuple = ()  # files, which a failed build or download leaves out

    def path(self, case):
        return {**PATHS, **self.paths}.get(case, '/')

    def missing(self):
        """What it lacks on this machine, or ''."""
        absent = [need for need in self.needs if not os.path.exists(need)]
        return absent[0] if absent else '' if shutil.which(self.argv[0]) else self.argv[0]


def ours(build, module):
    """vkd's: from bytecode and native, by driver, guard on and off."""
    vkd, hello = os.path.join(build, 'vkd', 'vkd'), os.path.join(build, 'examples', 'hello')
    native_paths = {'down': f'/big?bytes={BIG_BYTES}', 'wait': '/wait?ms=1'}
    native = TEXT_CASES + ('down', 'wait')
    for guard, suffix in (('mprotect', ''), ('off', '_off')):
        for driver in ('uring', 'ev'):
            flags = ['--listen', '127.0.0.1:PORT', '--driver', driver, '--guard', guard, '--workers', '1']
            yield Peer(f'vkd_{driver}{suffix}', [vkd, 'run', module] + flags,
                       GUARD_OFF_CASES if suffix else ALL + SMALL_CASES)
            yield Peer(f'native_{driver}{suffix}', [hello] + flags,
                       tuple(c for c in native if not suffix or c in GUARD_OFF_CASES), paths=native_paths)


def others(build, folder, lua):
    every = ALL + SMALL_CASES
    own = os.path.join(build, 'bench')
    yield Peer('nginx', ['nginx', '-c', 'DIR/nginx.conf'], WITHOUT_BODIES + ('down', 'up'), 'nginx-light',
               paths={'down': '/big.bin'})
    yield Peer('nginx_lua', ['nginx', '-c', 'DIR/nginx_lua.conf'], WITHOUT_BODIES + ('up', 'wait'),
               'libnginx-mod-http-lua', nginx.lua_environment(lua), needs=(os.path.join(lua, 'usr'),))
    yield Peer('h2o', [os.path.join(own, 'h2olib_hello'), 'PORT'], every, 'libh2o-evloop-dev')
    yield Peer('haproxy', ['haproxy', '-db', '-q', '-f', 'DIR/haproxy.cfg'], WITHOUT_BODIES, 'haproxy')
    yield Peer('lighttpd', ['lighttpd', '-D', '-f', 'DIR/lighttpd.conf'], WITHOUT_BODIES + ('down',), 'lighttpd',
               paths={'json': '/hello.json', 'down': '/big.bin'})
    yield Peer('go', [os.path.join(folder, 'hello-go'), 'PORT'], every, 'golang-go', {'GOMAXPROCS': '1'})
    yield Peer('node', ['node', os.path.join(HERE, 'hello.js'), 'PORT'], every, 'nodejs')
    yield Peer('erlang', ['erl', '-noshell', '-noinput', '+S', '1:1', '+SDcpu', '1:1', '+SDio', '1', '+A', '1',
                          '+sbwt', 'none', '+sbwtdcpu', 'none', '+sbwtdio', 'none', '+P', '262144', '+Q', '65536',
                          '-pa', folder, '-s', 'hello', 'start', 'PORT'], every, 'erlang-base',
               needs=(os.path.join(folder, 'hello.beam'),))


def build_vkd(build, folder):
    """The module of service.vk, with the file that it sends."""
    shutil.copy(os.path.join(HERE, 'service.vk'), folder)
    with open(os.path.join(folder, 'big.bin'), 'wb') as f:
        f.write(b'b' * BIG_BYTES)
    module = os.path.join(folder, 'service.vkb')
    subprocess.run([os.path.join(build, 'vkd', 'vkd'), 'build', os.path.join(folder, 'service.vk'), '-o', module],
                   check=True)
    return module


def build_others(folder, cache):
    """The programs in Go and Erlang. Returns what could not be built, one line each."""
    problems = []
    for tool, argv in (('go', ['go', 'build', '-o', os.path.join(folder, 'hello-go'), os.path.join(HERE, 'hello.go')]),
                       ('erlc', ['erlc', '-o', folder, os.path.join(HERE, 'hello.erl')])):
        if not shutil.which(tool):
            continue  # said when the peer is found missing
        run = subprocess.run(argv, capture_output=True, text=True,
                             env=dict(os.environ, GO111MODULE='off', GOCACHE=os.path.abspath(cache)))
        if run.returncode:
            problems.append(f'{tool}: {run.stderr.strip()[-300:]}')
    return problems


def write_files(folder):
    """What lighttpd and nginx send from the disk (its cache, in fact)."""
    www = os.path.join(folder, 'www')
    os.makedirs(www, exist_ok=True)
    for name, body in (('hello.txt', b'Hello, World!'), ('hello.json', b'{"message":"Hello, World!"}'),
                       ('big.bin', b'b' * BIG_BYTES)):
        with open(os.path.join(www, name), 'wb') as f:
            f.write(body)


def template(name, folder, port):
    with open(os.path.join(HERE, name)) as f:
        return f.read().replace('@DIR@', folder).replace('@PORT@', str(port))


def configure(name, folder, port, lua):
    """Writes the configuration of a server that is about to start on that port, if it has one."""
    if name == 'nginx':
        nginx.write(folder, name, port, template('nginx.conf', folder, port),
                    http='  sendfile on; tcp_nopush on; client_max_body_size 8m;')
    elif name == 'nginx_lua':
        nginx.write(folder, name, port, template('nginx_lua.conf', folder, port), lua=lua,
                    http=nginx.lua_path(lua) + ' client_max_body_size 8m; client_body_buffer_size 1m;')
    elif name in ('haproxy', 'lighttpd'):
        file = {'haproxy': 'haproxy.cfg', 'lighttpd': 'lighttpd.conf'}[name]
        with open(os.path.join(folder, file), 'w') as f:
            f.write(template(file, folder, port))


def find(build, folder, lua, cache):
    """(the servers that can run here by name, lines about those that cannot)"""
    write_files(folder)
    problems = build_others(folder, cache)
    found = {}
    for peer in [*ours(build, build_vkd(build, folder)), *others(build, folder, os.path.abspath(lua))]:
        if peer.missing():
            problems.append(f'{peer.name}: no {peer.missing()}; left out')
        else:
            found[peer.name] = peer
    return found, problems


def versions(build, peers, lua):
    """name: version of each server's package, and of vkd with its commit."""
    def first_line(argv):
        run = subprocess.run(argv, capture_output=True, text=True)
        return run.stdout.strip().splitlines()[0] if run.returncode == 0 and run.stdout.strip() else 'unknown'
    commit = first_line(['git', '-C', ROOT, 'rev-parse', '--short', 'HEAD'])
    version = first_line([os.path.join(build, 'vkd', 'vkd'), '--version']).removeprefix('vkd ')
    found = {'vkd': f'{version} at {commit}'}
    for peer in peers.values():
        if peer.package == 'libnginx-mod-http-lua':
            names = ' '.join(os.listdir(os.path.dirname(os.path.join(lua, 'usr'))))
            match = re.search(r'libnginx-mod-http-lua_(\S+?)_\w+\.deb', names)
            found[peer.name] = match[1].replace('%3a', ':') if match else 'unknown'
        elif peer.package:
            found[peer.name] = first_line(['dpkg-query', '-W', '-f=${Version}', peer.package])
    return found
