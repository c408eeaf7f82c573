#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The parent and its workers, seen from outside.

Goal: workers start, are replaced and stop as vkd/daemon.h says, and no client is refused meanwhile.
Method: run the fixture on a port of the system's choice; talk to it and send it signals; read its
standard error. Usage: test_daemon.py FIXTURE
"""
import fcntl
import os
import pty
import re
import resource
import select
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
import unittest

FIXTURE = sys.argv.pop(1)
PATIENCE_S = 60  # of a test that waits for what must come; never how long it takes

# Servers inherit it; whoever started the tests by nohup meant the tests, and one case speaks of it.
signal.signal(signal.SIGHUP, signal.SIG_DFL)


class Server:
    """The fixture as a process group of its own, ended with everything in it."""

    def __init__(self, *flags, mode='', listen='127.0.0.1:0', wait=True, **popen):
        environment = dict(os.environ, FIXTURE=mode)
        self.process = subprocess.Popen([FIXTURE, '--listen', listen, *flags], stderr=subprocess.PIPE,
                                        stdin=subprocess.DEVNULL, env=environment, start_new_session=True,
                                        **popen)
        self.text = ''
        self.port = 0
        if wait:
            self.port = int(self.expect(r'listening on tcp://.*:(\d+) ').group(1))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stderr.close()

    def expect(self, pattern):
        """Read standard error until the pattern is there; its match."""
        until = time.monotonic() + PATIENCE_S
        while not re.search(pattern, self.text):
            ready, _, _ = select.select([self.process.stderr], [], [], max(0, until - time.monotonic()))
            more = os.read(self.process.stderr.fileno(), 65536) if ready else b''
            if not more:
                raise AssertionError(f'no {pattern!r} in {self.text!r}')
            self.text += more.decode()
        return re.search(pattern, self.text)

    def ask(self, command='pid', family=socket.AF_INET, address='127.0.0.1'):
        with socket.socket(family) as client:
            client.settimeout(PATIENCE_S)
            client.connect((address, self.port))
            client.sendall(command.encode() + b'\n')
            return client.makefile().readline().split()

    def crash(self, command):
        """A command that ends its worker: the connection closes or is reset, and nothing else."""
        try:
            return self.ask(command)
        except ConnectionResetError:
            return []

    def workers(self):
        with open(f'/proc/{self.process.pid}/task/{self.process.pid}/children', encoding='ascii') as children:
            return [int(pid) for pid in children.read().split()]

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    def rest(self):
        return self.text + self.process.stderr.read().decode()


class Start(unittest.TestCase):
    def test_one_line_says_where_and_with_what(self):
        with Server('--guard', 'off') as server:
            self.assertEqual(server.text, f'listening on tcp://127.0.0.1:{server.port} (poll, off, 1 worker)\n')
            self.assertEqual(server.ask()[0], '0')
            self.assertEqual(server.stop(), 0)

    def test_ipv6(self):
        with Server(listen='[::1]:0') as server:
            self.assertIn(f'tcp://[::1]:{server.port} ', server.text)
            self.assertEqual(server.ask(family=socket.AF_INET6, address='::1')[0], '0')

    def test_connections_are_spread_over_all_workers(self):
        with Server('--workers', '4') as server:
            self.assertIn(', 4 workers)', server.text)
            self.assertEqual(len(server.workers()), 4)
            seen = set()
            for _ in range(1000):  # each worker is missed with a chance of (3/4)^1000
                seen.add(server.ask()[0])
                if len(seen) == 4:
                    break
            self.assertEqual(seen, {'0', '1', '2', '3'})

    def test_a_worker_holds_no_descriptor_of_another(self):
        with Server('--workers', '1') as one, Server('--workers', '8') as eight:
            self.assertEqual(one.ask('fds'), eight.ask('fds'))

    def test_the_soft_limit_of_descriptors_is_raised_to_the_hard_one(self):
        limit = (64, 512)
        with Server(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limit)) as server:
            self.assertEqual(server.ask('limit'), ['512'])

    def test_address_in_use_is_said_and_exit_is_1(self):
        for flags in ([], ['--workers', '2']):
            with Server('--workers', '2') as first:
                with Server(*flags, listen=f'127.0.0.1:{first.port}', wait=False) as second:
                    self.assertEqual(second.process.wait(PATIENCE_S), 1)
                    self.assertRegex(second.rest(), r'^\S+: cannot listen on \S+: the address is in use; .*\n$')

    def test_an_address_that_becomes_free_soon_is_waited_for(self):
        for workers in ('1', '3'):
            with socket.socket() as holder:
                holder.bind(('127.0.0.1', 0))
                holder.listen()
                port = holder.getsockname()[1]
                with Server('--workers', workers, listen=f'127.0.0.1:{port}', wait=False) as server:
                    time.sleep(0.2)
                    holder.close()
                    server.expect(r'listening on tcp://')
                    self.assertEqual(server.stop(), 0)

    def test_an_address_this_machine_lacks_is_said(self):
        with Server(listen='192.0.2.1:0', wait=False) as server:
            self.assertEqual(server.process.wait(PATIENCE_S), 1)
            self.assertIn('cannot listen on 192.0.2.1:0: this machine has no such address', server.rest())

    def test_a_worker_that_refuses_ends_the_server_with_its_sentence(self):
        with Server('--workers', '4', mode='refuse', wait=False) as server:
            self.assertEqual(server.process.wait(PATIENCE_S), 1)
            self.assertRegex(server.rest(), r'^\S+: this fixture refuses; choose another\n$')

    def test_a_worker_that_dies_before_it_serves_ends_the_server(self):
        with Server('--workers', '2', mode='die-before-ready', wait=False) as server:
            self.assertEqual(server.process.wait(PATIENCE_S), 1)
            self.assertRegex(server.rest(), r'worker 0 \(pid \d+\) was ended by signal 9 .* before it served\n$')

    def test_bad_flags_exit_2_with_usage(self):
        done = subprocess.run([FIXTURE, '--wrong'], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("unknown flag '--wrong'\nusage: ", done.stderr)
        self.assertEqual(done.stdout, '')

    def test_help_and_version_exit_0(self):
        for flag, text in (('--help', 'A server that obeys one line.\n\nusage: '), ('--version', ' (vkd) ')):
            done = subprocess.run([FIXTURE, flag], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ''))
            self.assertIn(text, done.stdout)


class Restart(unittest.TestCase):
    def test_a_crashed_worker_is_replaced_on_the_same_listener(self):
        with Server() as server:
            before = server.ask()
            self.assertEqual(server.crash('crash'), [])
            server.expect(r'worker 0 \(pid ' + before[1] + r'\) was ended by signal 9 \(Killed\); starting another')
            after = server.ask()
            self.assertEqual(after[0], before[0])
            self.assertNotEqual(after[1], before[1])
            self.assertEqual(server.stop(), 0)

    def test_a_worker_that_ends_unasked_is_replaced(self):
        with Server() as server:
            self.assertEqual(server.crash('exit'), [])
            server.expect(r'ended with exit status 7; starting another')
            self.assertEqual(server.ask()[0], '0')

    def test_no_connection_is_refused_while_workers_are_replaced(self):
        """Crash a worker ten times under clients; a client may lose its connection, never be refused."""
        refused, answered, stop = [], [], threading.Event()

        def client(server):
            while not stop.is_set():
                try:
                    answered.append(server.ask())
                except ConnectionRefusedError as error:
                    refused.append(error)
                except ConnectionError:
                    pass  # it was in the hands of the worker that died

        with Server('--workers', '2') as server:
            clients = [threading.Thread(target=client, args=(server,)) for _ in range(4)]
            for thread in clients:
                thread.start()
            for _ in range(10):
                server.crash('crash')
            before = len(answered)
            until = time.monotonic() + PATIENCE_S
            while len(answered) < before + 20 and time.monotonic() < until:
                time.sleep(0.01)
            stop.set()
            for thread in clients:
                thread.join()
            self.assertEqual(refused, [])
            self.assertGreaterEqual(len(answered), before + 20)
            self.assertEqual(server.stop(), 0)

    def test_quick_deaths_in_a_row_wait_longer_and_longer(self):
        with Server(mode='die-after-ready') as server:
            server.expect(r'starting another\n.*starting another in 0\.1 s\n.*in 0\.2 s\n.*in 0\.4 s\n')
            self.assertEqual(server.stop(), 0)


class Stop(unittest.TestCase):
    def test_each_stop_signal_drains_all_workers_and_exits_0(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with Server('--workers', '3') as server:
                workers = server.workers()
                self.assertEqual(server.stop(number), 0)
                self.assertEqual([pid for pid in workers if os.path.exists(f'/proc/{pid}')], [])
                self.assertEqual(server.rest().count('\n'), 1)

    def test_nohup_is_respected(self):
        with Server(preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) as server:
            server.process.send_signal(signal.SIGHUP)
            for _ in range(20):
                self.assertEqual(server.ask()[0], '0')
            self.assertIsNone(server.process.poll())
            self.assertEqual(server.stop(), 0)

    def test_a_signal_to_the_whole_group_drains_too(self):
        with Server('--workers', '2') as server:
            os.killpg(server.process.pid, signal.SIGINT)
            self.assertEqual(server.process.wait(PATIENCE_S), 0)
            self.assertEqual(server.rest().count('\n'), 1)

    def test_signals_at_once_are_one_request_to_stop(self):
        """As timeout(1) sends them: to the process, then to its group."""
        with Server('--workers', '2', mode='slow') as server:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                server.process.send_signal(number)
            os.killpg(server.process.pid, signal.SIGTERM)
            self.assertEqual(server.process.wait(PATIENCE_S), 0)
            self.assertEqual(server.rest().count('\n'), 1)

    def test_control_c_drains(self):
        controller, terminal = pty.openpty()
        with Server('--workers', '2', mode='slow', preexec_fn=lambda: fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)) as server:
            os.write(controller, b'\x03')
            self.assertEqual(server.process.wait(PATIENCE_S), 0)
            self.assertEqual(server.rest().count('\n'), 1)
        os.close(controller)
        os.close(terminal)

    def test_an_interrupt_drains_what_a_script_started_in_the_background(self):
        with Server(preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)) as server:
            self.assertEqual(server.stop(signal.SIGINT), 0)

    def test_a_worker_that_fails_to_drain_is_said_and_exit_is_1(self):
        with Server(mode='fail-drain') as server:
            self.assertEqual(server.stop(), 1)
            self.assertRegex(server.rest(), r'ended with exit status 3 while it drained\n$')

    def test_a_second_signal_ends_workers_that_do_not_drain(self):
        with Server('--workers', '2', mode='deaf') as server:
            workers = server.workers()
            server.process.send_signal(signal.SIGTERM)
            while server.process.poll() is None:  # one that comes too soon does not count
                server.process.send_signal(signal.SIGTERM)
                time.sleep(0.01)
            self.assertEqual(server.process.returncode, 1)
            self.assertRegex(server.rest(), r'\A.*\n\S+: a second signal to stop; ending the workers at once\n\Z')
            self.assertEqual([pid for pid in workers if os.path.exists(f'/proc/{pid}')], [])

    def test_workers_that_do_not_drain_are_ended_when_patience_is(self):
        with Server(mode='deaf') as server:
            self.assertEqual(server.stop(), 1)
            self.assertRegex(server.rest(), r'workers still running 12 s after the request to stop; ending them\n$')

    def test_workers_end_with_their_parent(self):
        with Server('--workers', '2', mode='deaf') as server:
            workers = [os.pidfd_open(pid) for pid in server.workers()]
            server.process.kill()
            for worker in workers:
                ready, _, _ = select.select([worker], [], [], PATIENCE_S)
                os.close(worker)
                self.assertEqual(ready, [worker])

    def test_the_port_is_free_at_once_after_a_stop(self):
        with Server() as first:
            first.ask()
            self.assertEqual(first.stop(), 0)
            with Server(listen=f'127.0.0.1:{first.port}') as second:
                self.assertEqual(second.ask()[0], '0')


if __name__ == '__main__':
    outcome = unittest.main(exit=False, verbosity=2).result
    failed = len(outcome.failures) + len(outcome.errors)
    print(f'{outcome.testsRun - failed - len(outcome.skipped)} passed, {failed} failed, {len(outcome.skipped)} skipped')
    sys.exit(1 if failed else 0)
