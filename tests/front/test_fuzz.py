#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hours of fuzzing are counted as they were.

Goal: the table of docs/reliability.md cannot have time that no target had, or lose a finding.
Method: tests/fuzz/fuzz.py with targets that are scripts: one works a while, one finds something, one is ended by a signal.
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

FUZZ = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'fuzz', 'fuzz.py')
TARGET = '#!/usr/bin/env python3\nimport os, sys, time\n'
WORKS = TARGET + 'while time.process_time() < 0.1:\n    pass\nprint("#7 INITED\\n#40 NEW\\nstat::number_of_executed_units: 50")\n'
FINDS = TARGET + 'print("#9 NEW\\nTest unit written to build/x-crash-1")\nsys.exit(77)\n'
DIES = TARGET + 'os.kill(os.getpid(), 9)\n'


class Hours(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.build = scratch.name
        os.makedirs(os.path.join(self.build, 'tests', 'fuzz'))

    def target(self, name, text):
        path = os.path.join(self.build, 'tests', 'fuzz', 'fuzz_' + name)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)
        os.chmod(path, 0o755)

    def run_all(self, seconds, *flags):
        done = subprocess.run([sys.executable, '-B', FUZZ, self.build, 'all', str(seconds), '--eager', *flags], capture_output=True, text=True,
                              check=False, stdin=subprocess.DEVNULL)
        self.assertEqual(done.stderr, '')
        with open(os.path.join(self.build, 'hours.json'), encoding='utf-8') as file:
            return done, json.load(file)

    def test_slices_add_up_until_the_time_is_had_and_go_on_later(self):
        self.target('a', WORKS)
        done, had = self.run_all(0.25)
        self.assertEqual(done.returncode, 0)
        slices = done.stdout.count(' a: ')
        self.assertIn(slices, (2, 3, 4))
        self.assertEqual(had['a']['inputs'], 50 * slices)
        self.assertGreaterEqual(had['a']['cpu_s'], 0.25)
        self.assertEqual(len(had['a']['commits']), 1)
        done, had = self.run_all(0.25)
        self.assertEqual((done.stdout.count(' a: '), had['a']['inputs']), (0, 50 * slices))
        done, had = self.run_all(0.25, '--again', 'a')
        self.assertLess(had['a']['inputs'], 50 * slices + 50)
        self.assertIn(f"| a | 0 min | {had['a']['inputs']} | none | ", done.stdout)

    def test_one_that_is_asked_to_end_has_found_nothing(self):
        self.target('a', WORKS + 'sys.exit(72)\n')
        _, had = self.run_all(0.25)
        self.assertEqual(had['a']['finding'], '')

    def test_a_finding_rests_and_the_others_go_on(self):
        self.target('found', FINDS)
        self.target('gone', DIES)
        self.target('works', WORKS)
        done, had = self.run_all(0.25)
        self.assertEqual(done.returncode, 1)
        self.assertEqual((done.stdout.count(' found: '), done.stdout.count(' gone: ')), (1, 1))
        self.assertTrue(had['found']['finding'].startswith('build/x-crash-1 ('))
        self.assertEqual(had['found']['inputs'], 9)
        self.assertTrue(had['gone']['finding'].startswith('signal 9 ('))
        self.assertGreaterEqual(had['works']['cpu_s'], 0.25)
        self.target('found', WORKS)
        self.assertEqual(self.run_all(0.25, '--only', 'found')[0].returncode, 1)
        self.assertEqual(self.run_all(0.25, '--only', 'found', '--again', 'found')[0].returncode, 0)


if __name__ == '__main__':
    unittest.main()
