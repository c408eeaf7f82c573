#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Top-level values of served programs: computed at the load, from source and from module, once for all workers.

Usage: test_lets.py VKD
"""
import http.client
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

GOOD = '''service lets

let primes = sieve(30)
let banner = loud("{primes.len} primes")
let ages: Map<Str, Int> = { "ada": 36 }

fn sieve(n: Int) -> List<Int> {
  var found: List<Int> = []
  for i in 2..n {
    if found.all(fn(p) => i % p != 0) { found.push(i) }
  }
  found
}

fn loud(s: Str) -> Str {
  log("computed")
  "{s}!"
}

http on 8080 {
  GET "/" => text(banner)
  GET "/ages" => {
    var mine = ages
    mine["ada"] = mine["ada"] + 1
    text("{mine["ada"]} {ages["ada"]}")
  }
}
'''

# source of the value, what `vkd run` says of it behind the name of the file
BAD = [
    ('let bad = 10 / primes.len', '8: the top-level value `bad` cannot be computed: division by zero in bad:8'),
    ('let bad = deep(0)\nfn deep(n: Int) -> Int { deep(n + 1) + 1 }',
     '9: the top-level value `bad` cannot be computed: recursion too deep in deep:9 < '),
    ('let bad = turn()\nfn turn() -> Int {\n  while true { }\n  1\n}',
     '10: the top-level value `bad` cannot be computed: the top-level values need more than 100,000,000 '
     'reductions; CPU limit in turn:10 < bad:8'),
    ('let first = filled(3_000_000)\nlet bad = filled(3_000_000)\nfn filled(n: Int) -> List<Int> {\n'
     '  var xs: List<Int> = []\n  for i in 0..n { xs.push(i) }\n  xs\n}',
     '12: the top-level value `bad` cannot be computed: the top-level values need more than 64 MiB; '
     'out of memory in filled:12 < bad:9'),
]


def get(port, target):
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=20)
    connection.request('GET', target)
    return connection.getresponse().read().decode()


def check_good(vkd, program):
    with subprocess.Popen([vkd, 'run', program, '--listen', '127.0.0.1:0', '--workers', '2'],
                          stderr=subprocess.PIPE, text=True) as server:
        lines = [server.stderr.readline()]
        while lines[-1] and 'listening' not in lines[-1]:
            lines.append(server.stderr.readline())
        port = int(re.search(r':(\d+)', lines[-1]).group(1))
        answers = [get(port, target) for target in ('/', '/ages', '/ages', '/')]
        server.send_signal(signal.SIGTERM)
        rest = server.stderr.read()
    if answers != ['10 primes!', '37 36', '37 36', '10 primes!']:
        yield f'{program}: {answers}'
    if (''.join(lines) + rest).count('computed') != 1:
        yield f'{program}: logs {lines} {rest!r}'


def check_bad(vkd, folder, value, message):
    source = folder / 'bad.vk'
    source.write_text('service bad\n\nhttp on 8080 {\n  GET "/" => text(show(bad))\n}\nfn show<T>(t: T) -> Str { "x" }\n'
                      'let primes: List<Int> = []\n' + value + '\n')
    module = folder / 'bad.vkb'
    for command in (['build', source, '-o', module], ['run', source, '--listen', '127.0.0.1:0']):
        done = subprocess.run([vkd, *command], capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 1 or f'{source}:{message}' not in done.stderr or module.exists():
            yield f'{command}: exit {done.returncode}, {done.stderr!r}'


def main():
    vkd, found = sys.argv[1], []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / 'good.vk').write_text(GOOD)
        built = subprocess.run([vkd, 'build', folder / 'good.vk', '-o', folder / 'good.vkb'], capture_output=True, check=True)
        if built.stdout + built.stderr != b'':
            found.append(f'build: {built.stderr!r}')
        for program in ('good.vk', 'good.vkb'):
            found += check_good(vkd, str(folder / program))
        for value, message in BAD:
            found += check_bad(vkd, folder, value, message)
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
