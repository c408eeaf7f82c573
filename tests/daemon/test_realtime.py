#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`--realtime`, seen from outside.

Goal: workers have what the log says, or the server does not start and says which right is missing; a process
that never ends is ended all the same; locked memory is given back.
Method: run servers with and without rights, and read what Linux says of their processes. Where the tests
themselves may not have a real-time priority, only the refusals are looked at.
Usage: test_realtime.py VKD EXAMPLES
"""
import ctypes
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'bench'))
import procs  # noqa: E402

VKD, EXAMPLES = sys.argv[1], sys.argv[2]
del sys.argv[1:3]
PATIENCE_S = 60  # of a test that waits for what must come; never how long it takes
IS_SANITIZED = bool(os.environ.get('REALTIME_SANITIZED'))  # a sanitizer locks nothing
CAP_IPC_LOCK, CAP_SYS_NICE, CAP_SYS_RESOURCE = 14, 23, 24
PR_CAPBSET_DROP = 24
RLIMIT_RTPRIO = 14  # of Linux; the module resource of this Python has no name for it
FIFO = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
PROGRAM = '''service realtime
fn fill(n: Int) -> Int {
  var xs: List<Int> = []
  for i in 0..n { xs.push(i) }
  xs.len
}
http on 8080, heap: 16m, cpu: 10s {
  GET "/"     => text("Hello, World!")
  GET "/fill" => text("{fill(700000)}")
}
'''
libc = ctypes.CDLL(None, use_errno=True)


class Limit(ctypes.Structure):
    _fields_ = [('soft', ctypes.c_ulong), ('hard', ctypes.c_ulong)]


def allow(kind, amount):
    """A limit of the calling process; None leaves it. False when that may not be."""
    if amount is None:
        return True
    limit = Limit(amount, amount)
    return libc.setrlimit(kind, ctypes.byref(limit)) == 0


def with_rights(priority, memory, lost=(CAP_IPC_LOCK, CAP_SYS_NICE, CAP_SYS_RESOURCE)):
    """For subprocess: these capabilities lost, and these limits in their place."""
    def prepare():
        allow(RLIMIT_RTPRIO, priority)
        allow(resource.RLIMIT_MEMLOCK, memory)
        for capability in lost:
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)  # without root there is none to drop
    return prepare


def can(prepare, action):
    """Whether a process prepared like that could do it."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            prepare()
            code = 0 if action() else 1
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1] == 0


def take_priority():
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(2))
    return True


def has_rights():
    return can(lambda: None, lambda: take_priority() and libc.mlockall(1) == 0)


def can_raise_limits():
    infinite = resource.RLIM_INFINITY
    return can(lambda: None, lambda: allow(RLIMIT_RTPRIO, 2) and allow(resource.RLIMIT_MEMLOCK, infinite))


def status_of(pid):
    with open(f'/proc/{pid}/status') as file:
        return dict(line.rstrip('\n').split(':\t', 1) for line in file if ':\t' in line)


def kib(pid, name):
    return int(status_of(pid)[name].split()[0])


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.program = os.path.join(self.folder.name, 'realtime.vk')
        with open(self.program, 'w') as file:
            file.write(PROGRAM)

    def start(self, *flags, argv=None, preexec=None):
        port = procs.free_port()
        argv = argv or [VKD, 'run', self.program]
        log = os.path.join(self.folder.name, f'log-{port}')
        server = procs.Server(argv + ['--listen', f'127.0.0.1:{port}', *flags], port, log, preexec=preexec)
        self.addCleanup(server.stop)
        server.wait_ready(PATIENCE_S)
        return server

    def refused(self, *flags, preexec=None):
        """What a server says that does not start, and its exit status."""
        run = subprocess.run([VKD, 'run', self.program, '--listen', '127.0.0.1:0', *flags], preexec_fn=preexec,
                             capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertNotIn('listening', run.stderr)
        self.assertEqual(run.stderr.count('\n'), 1, run.stderr)
        return run.stderr, run.returncode


class Refusals(Case):
    def test_no_more_workers_than_processors(self):
        def one_processor():
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        text, status = self.refused('--realtime', '--workers', '2', preexec=one_processor)
        self.assertIn("--realtime: --workers '2': each worker takes a processor, and this program may use 1", text)
        self.assertEqual(status, 2)

    def test_no_right_to_a_priority(self):
        text, status = self.refused('--realtime', preexec=with_rights(0, None))
        self.assertIn('SCHED_FIFO is not allowed: give the capability CAP_SYS_NICE', text)
        self.assertIn('RLIMIT_RTPRIO of at least 2 (ulimit -r 2; systemd: LimitRTPRIO=2), which is 0 here', text)
        self.assertEqual(status, 1)

    def test_a_priority_that_is_not_enough(self):
        if not can_raise_limits():
            self.skipTest('limits cannot be raised here')
        text, _ = self.refused('--realtime', preexec=with_rights(1, resource.RLIM_INFINITY))
        self.assertIn('RLIMIT_RTPRIO of at least 2', text)
        self.assertIn('which is 1 here', text)

    @unittest.skipIf(IS_SANITIZED, 'a sanitizer locks nothing')
    def test_no_right_to_lock_memory(self):
        if not can(lambda: None, take_priority):
            self.skipTest('no real-time priority here')
        for amount, shown in ((0, '0'), (1 << 20, '1'), (8 << 20, '8')):
            text, status = self.refused('--realtime', preexec=with_rights(None, amount, [CAP_IPC_LOCK]))
            self.assertIn('memory cannot be locked', text)
            self.assertIn('CAP_IPC_LOCK, or a limit RLIMIT_MEMLOCK', text)
            self.assertIn('systemd: LimitMEMLOCK=infinity', text)
            self.assertIn(f'it is {shown} MiB here', text)
            self.assertEqual(status, 1)


class Rights(Case):
    def setUp(self):
        super().setUp()
        if not has_rights():
            self.skipTest('no real-time priority, or no locked memory, here')

    def check_worker(self, pid, processor):
        self.assertEqual(os.sched_getscheduler(pid), FIFO)
        self.assertEqual(os.sched_getparam(pid).sched_priority, 1)
        self.assertEqual(os.sched_getaffinity(pid), {processor})
        if not IS_SANITIZED:
            self.assertGreater(kib(pid, 'VmLck'), kib(pid, 'VmRSS') // 2)

    def said(self, server):
        """What the log says of it, once every worker is ready."""
        until = time.monotonic() + PATIENCE_S
        while not (found := re.findall(r'^realtime: .*$', server.log(), re.M)) and time.monotonic() < until:
            time.sleep(0.01)
        self.assertEqual(len(found), 1, server.log())
        return found[0]

    def check_server(self, server, workers):
        line = self.said(server)
        processors = sorted(os.sched_getaffinity(0))[:workers]
        parent, *pids = procs.tree(server.pid)
        self.assertEqual(os.sched_getscheduler(parent), FIFO)
        self.assertEqual(os.sched_getparam(parent).sched_priority, 2)
        self.assertEqual(os.sched_getaffinity(parent), os.sched_getaffinity(0))
        self.assertEqual(len(pids), workers)
        for pid, processor in zip(pids, processors):
            self.check_worker(pid, processor)
        self.assertIn(f"on processor{'s' if workers > 1 else ''} {', '.join(map(str, processors))} with SCHED_FIFO 1, "
                      'parent with 2; memory locked as it is touched; polling for 200 us before a sleep', line)

    def test_worker_has_what_the_log_says(self):
        server = self.start('--realtime')
        self.check_server(server, 1)
        self.assertEqual(server.stop(), 0)

    def test_both_drivers(self):
        for driver in ('ev', 'uring'):
            try:
                server = self.start('--realtime', '--driver', driver)
            except RuntimeError as error:
                self.assertIn('does not work here', str(error))
                continue
            self.check_server(server, 1)

    def test_each_worker_has_a_processor(self):
        if len(os.sched_getaffinity(0)) < 2:
            self.skipTest('one processor')
        self.check_server(self.start('--realtime', '--workers', '2'), 2)

    def test_a_worker_that_takes_another_ones_place(self):
        server = self.start('--realtime')
        first = procs.tree(server.pid)[1]
        os.kill(first, signal.SIGKILL)
        server.wait_ready(PATIENCE_S)
        second = procs.tree(server.pid)[1]
        self.assertNotEqual(first, second)
        self.said(server)
        self.check_worker(second, min(os.sched_getaffinity(0)))

    def test_limits_are_enough_without_capabilities(self):
        if not can_raise_limits():
            self.skipTest('limits cannot be raised here')
        self.check_server(self.start('--realtime', preexec=with_rights(2, resource.RLIM_INFINITY)), 1)

    def test_without_the_flag_nothing_of_it(self):
        server = self.start()
        for pid in procs.tree(server.pid):
            self.assertEqual(os.sched_getscheduler(pid), os.SCHED_OTHER)
            self.assertEqual(kib(pid, 'VmLck'), 0)
        self.assertNotIn('realtime:', server.log())

    def test_an_endless_native_process_is_ended(self):
        server = self.start('--realtime', argv=[os.path.join(EXAMPLES, 'crash')])
        pids = procs.tree(server.pid)
        sock, answer = procs.ask(server.port, '/loop', PATIENCE_S)
        sock.close()
        self.assertTrue(answer.startswith(b'HTTP/1.1 500'), answer[:100])
        procs.ask(server.port, '/', PATIENCE_S)[0].close()
        self.assertEqual(procs.tree(server.pid), pids)

    def test_large_heaps_give_their_pages_back(self):
        """The largest heap of each request stays for none: after many there is as much as after one."""
        server = self.start('--realtime')
        worker = procs.tree(server.pid)[1]
        least = kib(worker, 'VmRSS')
        after = []
        for _ in range(6):
            sock, answer = procs.ask(server.port, '/fill', PATIENCE_S)
            sock.close()
            self.assertTrue(answer.endswith(b'700000'), answer)
            after.append(kib(worker, 'VmRSS') - least)
        self.assertLess(max(after), 8 << 10, f'KiB kept after each request: {after}')
        self.assertGreater(kib(worker, 'VmHWM') - least, 8 << 10, 'the heap was not as large as this test thinks')


if __name__ == '__main__':
    unittest.main(verbosity=1)
