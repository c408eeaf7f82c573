#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A program goes on while its network card is reset under it.

Goal: connections and processes outlive the card. Method: an image whose card goes wrong every 200 frames
(faulty_card.c) serves examples/counter; clients keep their connections and count; no request may fail, no visit may
be lost or counted twice, so the one actor has lived all the time.

Usage: test_faulty.py VKD IMAGE PROGRAM. Exits 77 when there is no QEMU.
"""
import http.client
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import threading

import boot

CLIENTS = 8
REQUESTS = 150  # of each client
RESETS_MIN = 4


def count(port, numbers, problems):
    """One connection; every answer is a number of its own."""
    try:
        connection = http.client.HTTPConnection('127.0.0.1', port, timeout=60)
        for _ in range(REQUESTS):
            connection.request('GET', '/visit/front')
            response = connection.getresponse()
            match = re.fullmatch(rb'front: (\d+)\n', response.read())
            if response.status != 200 or match is None:
                problems.append(f'status {response.status}')
                return
            numbers.append(int(match[1]))
        connection.close()
    except (OSError, http.client.HTTPException) as error:
        problems.append(f'a client failed: {error!r}')


def visits(port):
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=60)
    connection.request('GET', '/visits')
    return json.loads(connection.getresponse().read())


def load(port):
    numbers, problems = [], []
    clients = [threading.Thread(target=count, args=(port, numbers, problems)) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    if not problems and sorted(numbers) != list(range(1, CLIENTS * REQUESTS + 1)):
        problems.append(f'{len(numbers)} visits, {len(set(numbers))} different numbers up to {max(numbers)}')
    if not problems and visits(port) != {'front': CLIENTS * REQUESTS}:
        problems.append('the actor counted otherwise')
    return problems


def main():
    vkd, image, program = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        module = str(pathlib.Path(folder) / 'program.vkb')
        subprocess.run([vkd, 'build', program, '-o', module], check=True)
        port = boot.free_port()
        line = boot.command('microvm', image, module=module, append=boot.GUEST_NET, more=boot.forward('microvm', port))
        with subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True) as machine:
            first = machine.stdout.readline()
            problems = load(port) if 'listening' in first else [f'it does not listen: {first}']
            machine.terminate()
            console = first + machine.stdout.read()
    resets = [int(us) for us in re.findall(r'^virtio-net: reset, since .*; running again after (\d+) us$', console, re.M)]
    if len(resets) < RESETS_MIN:
        problems.append(f'{len(resets)} resets')
    if problems:
        print(console)
    print('\n'.join(problems) or f'{CLIENTS * REQUESTS} requests answered over {len(resets)} resets of the card, each '
                                 f'over in {min(resets)} to {max(resets)} us')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
