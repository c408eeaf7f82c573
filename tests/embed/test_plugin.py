#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The host of plug-ins in examples/embed.

Goal: good plug-ins are served, bad ones cost a line of text each, and the host goes on: whatever the order, and
under valgrind without an error or a leak.
Method: run it with plug-ins of every kind, a good one after each bad one, and compare what it prints.

Usage: test_plugin.py PLUGIN GOOD_FOLDER BAD_FOLDER [VALGRIND]
"""
import os
import subprocess
import sys
import unittest

PLUGIN, GOOD, BAD = (os.path.abspath(argument) for argument in sys.argv[1:4])
WRAPPER = [sys.argv[4], '--quiet', '--error-exitcode=99', '--leak-check=full', '--errors-for-leak-kinds=all'] if len(sys.argv) > 4 else []
del sys.argv[1:]

# What is said of each bad one; under valgrind the deadline may come before what takes time.
SAID = {
    'deep.vk': 'recursion too deep',
    'endless.vk': 'CPU limit',
    'hoards.vk': 'out of memory',
    'other_host.vk': 'it declares the host function price as fn(Str, Int) -> Float, and the host has it as '
                     'fn(Str) -> Result<Float, Str>',
    'other_plugin.vk': 'it has no `pub fn discount(item: Str, count: Int) -> Float`',
    'sleeps.vk': 'deadline',
    'traps.vk': 'division by zero in discount:',
    'typo.vk': '`Str` has no field or method `lenth`',
}


def run(*names):
    """Run in a folder that has all of them; the lines and the status."""
    paths = [os.path.join(GOOD if name == 'good.vk' else BAD, name) for name in names]
    done = subprocess.run(WRAPPER + [PLUGIN] + paths, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=170, check=False)
    return done.stdout.splitlines(), done.returncode, done.stderr


class Plugins(unittest.TestCase):
    def test_every_bad_one_has_its_line(self):
        self.assertEqual(sorted(os.listdir(BAD)), sorted(SAID))

    def test_good_and_bad_ones_in_turn(self):
        names = [name for bad in sorted(SAID) for name in (bad, 'good.vk')]
        lines, status, error = run(*names)
        self.assertEqual((status, error), (0, ''))
        self.assertEqual(lines[-1], 'the host is well')
        good = [line for line in lines if line == os.path.join(GOOD, 'good.vk') + ': 4.50']
        notes = [line for line in lines if line == '  note: 10 tea at 4.5']
        self.assertEqual((len(good), len(notes)), (len(SAID), len(SAID)), lines)
        for name, said in SAID.items():
            about = [line for line in lines if line.startswith(os.path.join(BAD, name) + ':')]
            self.assertEqual(len(about), 1, lines)
            late = WRAPPER and name in ('endless.vk', 'hoards.vk', 'deep.vk') and 'deadline passed' in about[0]
            self.assertTrue(said in about[0] or late, about[0])


if __name__ == '__main__':
    unittest.main()
