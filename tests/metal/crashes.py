#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ten thousand processes that crash inside the image, under load: nobody else notices.

Goal: an accident of one request costs that request only, as on Linux (tests/load). Method: the image of
examples/crash behind a forwarded port; its accidents by turns from four clients while another asks for what
must work. Afterwards the kernel has as many objects of each kind as before, and the machine still serves.

crashes.py MACHINE IMAGE [TOTAL]; exits 77 when there is no QEMU.
"""
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, '..', 'load')]
import boot  # noqa: E402
import harness  # noqa: E402

WARM_ROUNDS = 8  # of all accidents: what is made on demand is there
SLOW = ('/loop',)  # ended by ticks of time, a tenth of a second each; among the rounds that warm only
START_S = 60


def wait_until_listening(child, console):
    end = time.monotonic() + START_S
    while 'listening on ' not in read(console):
        if child.poll() is not None or time.monotonic() > end:
            raise AssertionError('the image does not listen')
        time.sleep(0.02)


def read(path):
    with open(path, encoding='utf-8', errors='replace') as file:
        return file.read()


def crash_all(port, total):
    routes, listing = harness.crash_routes(port)
    if len(routes) < 9:
        raise AssertionError(f'only these accidents: {routes}')
    harness.crash_many(port, routes, WARM_ROUNDS * len(routes))
    before = harness.settled(lambda: harness.gauges(port))
    bystander = harness.GoodClient(port, expect=listing)
    begin = time.monotonic()
    quick = [route for route in routes if route not in SLOW]
    with harness.Background(bystander) as good:
        harness.crash_many(port, quick, total)
    bystander.close()
    print(f'{total} crashes in {time.monotonic() - begin:.1f} s beside {good.rounds} good answers')
    harness.eventually(lambda: harness.gauges(port) == before, f'as before, {before}, now {harness.gauges(port)}')
    print(f'as before: {before}')


def main():
    machine, image = sys.argv[1:3]
    total = int(sys.argv[3]) if len(sys.argv) > 3 else 10000
    port = boot.free_port()
    line = boot.command(machine, image, append=boot.GUEST_NET, more=boot.forward(machine, port))
    with tempfile.NamedTemporaryFile() as console:
        child = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT)
        try:
            wait_until_listening(child, console.name)
            crash_all(port, total)
            if child.poll() is not None:
                raise AssertionError(f'the machine ended with {child.returncode}')
        except AssertionError as e:
            print(f'problem: {e}\n{read(console.name)[-2000:]}')
            sys.exit(1)
        finally:
            child.kill()
            child.wait()


main()
