#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The front door counts right and refuses what it does not know.

Goal: a failing, dying or empty test program can never read as a pass in ./dev test's closing line.
Method: tests/report.py on logs written here; ./dev itself with commands that change nothing; the
README's programs, compared with their files and run.

Usage: test_front.py LEAST VKD, the built examples/least and vkd
"""
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LEAST = os.path.abspath(sys.argv.pop(1))
VKD = os.path.abspath(sys.argv.pop(1))
HELLO = os.path.join('examples', 'hello', 'hello.vk')
REPORT = os.path.join(ROOT, 'tests', 'report.py')


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, cwd=ROOT)


def synthesis(tested, passing, failing, crashing):
    return (f'[\x1b[0;34m====\x1b[0m] Synthesis: Tested: \x1b[0;34m{tested}\x1b[0m | Passing: {passing} | '
            f'Failing: {failing} | Crashing: {crashing} \n')


class Report(unittest.TestCase):
    def row(self, result, stdout='', stderr=''):
        """'passed failed skipped' of a meson log with one entry."""
        entry = {'name': 'vkd:unit / x', 'stdout': stdout, 'stderr': stderr, 'result': result, 'duration': 0.5}
        with tempfile.NamedTemporaryFile('w', suffix='.json') as log:
            log.write(json.dumps(entry) + '\n')
            log.flush()
            done = run(REPORT, 'meson', 'gcc', log.name)
        self.assertEqual(done.returncode, 0, done.stderr)
        build, suite, *numbers = done.stdout.split()
        self.assertEqual((build, suite, numbers[3]), ('gcc', 'unit', '0.5'))
        return tuple(int(number) for number in numbers[:3])

    def test_a_plain_program_is_one_test(self):
        self.assertEqual(self.row('OK'), (1, 0, 0))
        self.assertEqual(self.row('FAIL'), (0, 1, 0))
        self.assertEqual(self.row('SKIP'), (0, 0, 1))
        self.assertEqual(self.row('TIMEOUT'), (0, 1, 0))
        self.assertEqual(self.row('ERROR'), (0, 1, 0))

    def test_criterion_programs_count_their_tests(self):
        self.assertEqual(self.row('OK', stderr=synthesis(12, 12, 0, 0)), (12, 0, 0))
        self.assertEqual(self.row('FAIL', stderr=synthesis(12, 9, 2, 1)), (9, 3, 0))

    def test_closing_lines_are_counted(self):
        self.assertEqual(self.row('OK', '7 passed, 0 failed\n'), (7, 0, 0))
        self.assertEqual(self.row('OK', '7 passed, 0 failed, 2 skipped\n'), (7, 0, 2))
        self.assertEqual(self.row('FAIL', '7 passed, 3 failed\n'), (7, 3, 0))

    def test_a_failure_beyond_the_count_is_a_failure(self):
        self.assertEqual(self.row('FAIL', stderr=synthesis(12, 12, 0, 0)), (12, 1, 0))
        self.assertEqual(self.row('TIMEOUT', '7 passed, 0 failed\n'), (7, 1, 0))

    def test_a_failure_counted_by_a_program_that_passed_is_a_failure(self):
        self.assertEqual(self.row('OK', '7 passed, 1 failed\n'), (7, 1, 0))

    def test_a_program_that_ran_no_test_failed(self):
        self.assertEqual(self.row('OK', stderr=synthesis(0, 0, 0, 0)), (0, 1, 0))

    def test_no_log_at_all_is_a_failure(self):
        self.assertEqual(run(REPORT, 'meson', 'gcc', '/nonexistent').stdout.split(), 'gcc no-tests-ran 0 1 0 0'.split())

    def closing(self, rows):
        with tempfile.NamedTemporaryFile('w') as table:
            table.write(rows)
            table.flush()
            done = run(REPORT, 'table', table.name)
        return done.returncode, done.stdout.splitlines()[-1]

    def test_the_table_sums_and_decides(self):
        self.assertEqual(self.closing('gcc unit 3 0 0 1.0\nclang unit 4 0 1 2.5\n'), (0, '7 passed, 0 failed, 1 skipped'))
        self.assertEqual(self.closing('gcc unit 3 1 0 1.0\n'), (1, '3 passed, 1 failed, 0 skipped'))
        self.assertEqual(self.closing(''), (1, '0 passed, 0 failed, 0 skipped'))


class Dev(unittest.TestCase):
    def test_unknown_commands_exit_2_with_usage(self):
        done = run('./dev', 'no-such-command')
        self.assertEqual(done.returncode, 2)
        self.assertIn("dev: unknown command 'no-such-command'\nusage: ./dev COMMAND", done.stderr)
        self.assertEqual(done.stdout, '')

    def test_arguments_that_nothing_reads_exit_2(self):
        for command in ('test', 'build', 'lint', 'fmt', 'asan', 'coverage', 'test-pkey', 'test-bare', 'deb',
                        'test-deb', 'abi', 'clean', 'help'):
            with self.subTest(command=command):
                done = run('./dev', command, 'EXTRA')
                self.assertEqual((done.returncode, done.stdout), (2, ''))
                self.assertTrue(done.stderr.startswith(f"dev: {command} takes no argument, but was given 'EXTRA'; "))
        done = run('./dev', 'fuzz', 'head', '1', 'EXTRA')
        self.assertEqual((done.returncode, done.stderr), (2, "dev: fuzz takes NAME and SECONDS, not 'EXTRA' as well\n"))

    def test_help_names_every_command(self):
        done = run('./dev', 'help')
        self.assertEqual(done.returncode, 0)
        for command in ('run', 'test', 'build', 'bench', 'lint', 'fmt', 'asan', 'fuzz', 'coverage', 'test-pkey',
                        'test-bare', 'deb', 'test-deb', 'abi', 'clean'):
            self.assertIn(f'\n  {command} ', done.stdout)

    def test_unknown_fuzz_targets_exit_2(self):
        done = run('./dev', 'fuzz', 'no-such-target', '1')
        self.assertEqual(done.returncode, 2)
        self.assertIn('dev: no fuzz target no-such-target\n', done.stderr)


class Readme(unittest.TestCase):
    """Each program is a block, followed by one of commands with their answers and one of the server's log."""

    def setUp(self):
        with open(os.path.join(ROOT, 'README.md'), encoding='utf-8') as readme:
            self.blocks = re.findall(r'```\w*\n(.*?)```', readme.read(), re.S)

    def shows(self, first, path):
        with open(os.path.join(ROOT, path), encoding='utf-8') as program:
            self.assertEqual(self.blocks[first], program.read())

    def answers_as_shown(self, first, *command):
        commands = re.findall(r'^\$ curl http://127\.0\.0\.1:8080(\S*)\n(.*)$', self.blocks[first + 1], re.M)
        self.assertEqual(len(commands), 4)
        with subprocess.Popen(command + ('--listen', '127.0.0.1:0'), stderr=subprocess.PIPE, text=True, cwd=ROOT) as server:
            try:
                port = re.match(r'listening on http://127\.0\.0\.1:(\d+) ', server.stderr.readline()).group(1)
                for path, answer in commands:
                    client = http.client.HTTPConnection('127.0.0.1', int(port), timeout=30)
                    client.request('GET', path)
                    self.assertEqual(client.getresponse().read().decode().strip(), answer)
                    client.close()
                server.send_signal(signal.SIGTERM)
                self.assertEqual(server.wait(30), 0)
                shown, real = self.blocks[first + 2].splitlines()[1:], server.stderr.read().splitlines()
                self.assertEqual([re.sub(r'\+0x[0-9a-f]+$', '', line) for line in real],
                                 [re.sub(r'\+0x[0-9a-f]+$', '', line) for line in shown])
            finally:
                server.kill()

    def test_the_programs_are_their_files(self):
        self.shows(0, HELLO)
        self.shows(3, os.path.join('examples', 'least.c'))

    def test_the_program_answers_as_shown(self):
        self.answers_as_shown(0, VKD, 'run', HELLO)

    def test_its_tests_pass(self):
        done = run(VKD, 'test', HELLO)
        self.assertEqual((done.returncode, done.stdout.splitlines()[-1:]), (0, ['2 passed, 0 failed']), done.stderr)

    def test_the_program_in_c_answers_as_shown(self):
        self.answers_as_shown(3, LEAST)


if __name__ == '__main__':
    outcome = unittest.main(exit=False, verbosity=2).result
    failed = len(outcome.failures) + len(outcome.errors)
    print(f'{outcome.testsRun - failed - len(outcome.skipped)} passed, {failed} failed, {len(outcome.skipped)} skipped')
    sys.exit(1 if failed else 0)
