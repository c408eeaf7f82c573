#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A request that is in one built-in for long holds up no other: one worker, and short requests beside it.

Each short one must be answered in a part of the time that the long one takes. Usage: test_long.py VKD SOURCE
"""
import http.client
import re
import signal
import subprocess
import sys
import threading
import time

LONG = {'/find': 'false', '/lower': '40000000', '/parse': '1500001'}
SHARE = 3  # of the long one's time; a built-in that kept its turn would take nearly all of it
SHORT_LEAST = 10


def ask(connection, target):
    connection.request('GET', target)
    response = connection.getresponse()
    return response.status, response.read().decode()


def beside(port, target):
    """(seconds of the long request, its answer, seconds of each short one)"""
    answer = []

    def run_long():
        begun = time.monotonic()
        got = ask(http.client.HTTPConnection('127.0.0.1', port, timeout=120), target)
        answer.extend([time.monotonic() - begun, got])

    thread = threading.Thread(target=run_long)
    connection, times = http.client.HTTPConnection('127.0.0.1', port, timeout=120), []
    assert ask(connection, '/quick') == (200, 'quick')
    thread.start()
    while thread.is_alive():
        begun = time.monotonic()
        assert ask(connection, '/quick') == (200, 'quick')
        times.append(time.monotonic() - begun)
    thread.join()
    return answer[0], answer[1], times


def main():
    vkd, source = sys.argv[1:3]
    failed = 0
    with subprocess.Popen([vkd, 'run', source, '--listen', '127.0.0.1:0', '--workers', '1'],
                          stderr=subprocess.PIPE, text=True) as server:
        match = re.search(r'http://127\.0\.0\.1:(\d+)', server.stderr.readline())
        for target, expected in LONG.items() if match else []:
            seconds, got, times = beside(int(match.group(1)), target)
            good = got == (200, expected) and len(times) >= SHORT_LEAST and max(times) < seconds / SHARE
            failed += not good
            print(f'{target}: {got[0]} {got[1]!r} in {seconds * 1000:.0f} ms, beside it {len(times)} short ones, '
                  f'the longest {max(times) * 1000:.1f} ms: {"good" if good else "FAILED"}')
        server.send_signal(signal.SIGTERM)
        if server.wait(timeout=30) != 0 or not match:
            failed += 1
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
