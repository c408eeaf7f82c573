#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every allocation and every system call of a start fails in turn.

Goal: a start that is refused something either serves rightly all the same, or ends soon, with an exit
code that is no success and a message; it never dies of a signal and never hangs. Method: the real vkd
with a library preloaded in which one call fails (refuse.c): the program compiled and served, by each
driver. What happens more often than --most is drawn at random.

Usage: test_start.py VKD LIBRARY PROGRAM [--most N]
"""
import argparse
import concurrent.futures
import errno
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading

PATIENCE_S = 60
# What the pages of the manual say; of those that differ only in the number one stands for the others.
ERRORS = {
    'allocation': ['ENOMEM'],
    'mmap': ['ENOMEM', 'EAGAIN'],
    'mprotect': ['ENOMEM', 'EACCES'],
    'madvise': ['ENOMEM', 'EINVAL', 'EAGAIN'],
    'socket': ['EACCES', 'EAFNOSUPPORT', 'EINVAL', 'EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EPROTONOSUPPORT'],
    'socketpair': ['EAFNOSUPPORT', 'EMFILE', 'ENFILE', 'EOPNOTSUPP'],
    'bind': ['EACCES', 'EADDRINUSE', 'EBADF', 'EINVAL', 'EADDRNOTAVAIL', 'ENOMEM'],
    'listen': ['EADDRINUSE', 'EBADF', 'ENOTSOCK', 'EOPNOTSUPP'],
    'setsockopt': ['EBADF', 'EINVAL', 'ENOPROTOOPT', 'ENOTSOCK', 'ENOMEM'],
    'getsockopt': ['EBADF', 'EINVAL', 'ENOPROTOOPT', 'ENOTSOCK'],
    'getsockname': ['EBADF', 'EINVAL', 'ENOBUFS', 'ENOTSOCK'],
    'fcntl': ['EBADF', 'EINVAL', 'EMFILE', 'EPERM'],
    'eventfd': ['EINVAL', 'EMFILE', 'ENFILE', 'ENODEV', 'ENOMEM'],
    'signalfd': ['EINVAL', 'EMFILE', 'ENFILE', 'ENODEV', 'ENOMEM'],
    'epoll_create': ['EINVAL', 'EMFILE', 'ENFILE', 'ENOMEM'],
    'epoll_ctl': ['ENOMEM', 'ENOSPC'],
    'prctl': ['EINVAL', 'EFAULT', 'EPERM'],
    'sigaltstack': ['EFAULT', 'EINVAL', 'ENOMEM', 'EPERM'],
    'getrandom': ['EAGAIN', 'EFAULT', 'EINTR', 'EINVAL', 'ENOSYS'],
    'fork': ['EAGAIN', 'ENOMEM', 'ENOSYS'],
    'timer_create': ['EAGAIN', 'EINVAL', 'ENOMEM', 'ENOTSUP', 'EPERM'],
    'timer_settime': ['EFAULT', 'EINVAL'],
    'io_uring_setup': ['EFAULT', 'EINVAL', 'EMFILE', 'ENFILE', 'ENOMEM', 'EPERM', 'ENOSYS'],
    'io_uring_register': ['EACCES', 'EBADF', 'EBUSY', 'EFAULT', 'EINVAL', 'EMFILE', 'ENOMEM', 'ENXIO', 'EOPNOTSUPP'],
    'io_uring_register_buf_ring': ['EEXIST', 'EINVAL', 'ENOMEM'],
    'io_uring_register_ring_fd': ['EBUSY', 'EINVAL', 'ENOMEM'],
}


class Start:
    """One start with one call that fails."""

    def __init__(self, vkd, library, arguments, kind, nth, error):
        self.what = f'{" ".join(arguments)}: {kind} {nth} fails with {error}'
        self.log = tempfile.NamedTemporaryFile(prefix='vkd-fault-')
        env = dict(os.environ, LD_PRELOAD=library, FAULT_KIND=kind, FAULT_NTH=str(nth), FAULT_LOG=self.log.name,
                   FAULT_ERRNO=str(getattr(errno, error)))
        self.process = subprocess.Popen([vkd, *arguments], env=env, stdin=subprocess.DEVNULL, start_new_session=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.said = ''

    def read_until(self, pattern):
        """The match; None when the output ended before."""
        for line in self.process.stdout:
            self.said += line
            if match := re.search(pattern, line):
                return match
        return None

    def end(self):
        try:
            self.said += self.process.communicate(timeout=PATIENCE_S)[0]
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            return f'{self.what}: it hangs; it said {self.said!r}'
        self.process.stdout.close()
        status = self.process.returncode
        if '(libev) cannot allocate' in self.said:
            return None  # it ends its worker, which is replaced; nothing else can be told it
        if status < 0 or 'panic' in self.said or 'ended by signal' in self.said:
            return f'{self.what}: status {status}, it said {self.said!r}'
        if status > 0 and not self.said.strip():
            return f'{self.what}: status {status} without a word'
        return None

    def has_failed(self):
        return os.path.getsize(self.log.name) > 0


def answers(port):
    """One request, on a connection that must come to something; libev's workers may die one after the other."""
    try:
        with socket.create_connection(('127.0.0.1', port), PATIENCE_S) as sock:
            sock.settimeout(PATIENCE_S / 6)
            sock.sendall(b'GET /id/7 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
            data = b''
            while part := sock.recv(4096):
                data += part
    except (ConnectionResetError, TimeoutError):
        return True  # a connection that had to be given up: the OS refused it something
    return data == b'' or data.startswith((b'HTTP/1.1 200', b'HTTP/1.1 500', b'HTTP/1.1 503'))


def one(vkd, library, arguments, kind, nth, error):
    """(whether the call was reached, what is wrong or None)."""
    start = Start(vkd, library, arguments, kind, nth, error)
    wrong = None
    if arguments[0] == 'run':
        watchdog = threading.Timer(PATIENCE_S, os.killpg, (start.process.pid, signal.SIGKILL))
        watchdog.start()
        listening = start.read_until(r'listening on \w+://.*:(\d+) ')
        if listening and not answers(int(listening[1])):
            wrong = f'{start.what}: it serves, and answers wrongly'
        if listening:
            start.process.send_signal(signal.SIGTERM)
        watchdog.cancel()
    wrong = start.end() or wrong
    if start.process.returncode == 0 or start.has_failed():
        return start.has_failed(), wrong
    return False, wrong or f'{start.what}: it failed though nothing did: {start.said!r}'


def count_calls(vkd, library, arguments, kind):
    """How often such a call is made: doubling, then by halves, until one is not reached."""
    low, high = 0, 1
    while one(vkd, library, arguments, kind, high, ERRORS[kind][0])[0]:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if one(vkd, library, arguments, kind, middle, ERRORS[kind][0])[0]:
            low = middle
        else:
            high = middle
    return low


def plan(args, arguments, kind, dice):
    count = count_calls(args.vkd, args.library, arguments, kind)
    wanted = [(kind, nth, error) for nth in range(1, count + 1) for error in ERRORS[kind]]
    return count, wanted if len(wanted) <= args.most else dice.sample(wanted, args.most)


def main():
    parser = argparse.ArgumentParser()
    for name in ('vkd', 'library', 'program'):
        parser.add_argument(name)
    parser.add_argument('--most', type=int, default=20)
    parser.add_argument('--seed', type=int, default=1)
    args = parser.parse_args()
    args.library = os.path.abspath(args.library)
    dice, wrong, done = random.Random(args.seed), [], 0
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(2) as pool:
        module = os.path.join(folder, 'app.vkb')
        subprocess.run([args.vkd, 'build', args.program, '-o', module], check=True)
        served = [['run', module, '--listen', '127.0.0.1:0', '--driver', driver] for driver in ('auto', 'ev')]
        for arguments in [['check', args.program], *served]:
            tally = []
            for kind in ERRORS if arguments[0] == 'run' else ['allocation']:
                count, wanted = plan(args, arguments, kind, dice)
                results = list(pool.map(lambda w, a=arguments: one(args.vkd, args.library, a, *w), wanted))
                wrong += [text for _, text in results if text]
                done += sum(reached for reached, _ in results)
                if count:
                    tally.append(f'{kind} {len(wanted)} of {count * len(ERRORS[kind])}')
            print(f'{arguments[0]} {arguments[-1] if arguments[0] == "run" else ""}: {", ".join(tally)}', flush=True)
    for text in wrong:
        print(text)
    print(f'{done} starts with a call that failed, {len(wrong)} wrong')
    return 1 if wrong or not done else 0


if __name__ == '__main__':
    sys.exit(main())
