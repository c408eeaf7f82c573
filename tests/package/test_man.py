#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The manual pages are clean, and the command's says what the command says.

Goal: no command, argument or flag without its words in vkd(1), no function without its words in libvk(3), and
none there that is gone.
Method: render the pages as a reader would, listen for warnings, and compare with what --help prints and with the
headers.

Usage: test_man.py VKD INCLUDE PAGE...
"""
import os
import re
import subprocess
import sys
import unittest

VKD = os.path.abspath(sys.argv.pop(1))
INCLUDE = sys.argv.pop(1)
PAGES = [os.path.abspath(page) for page in sys.argv[1:]]
del sys.argv[1:]

FLAG = re.compile(r'(?<![\w-])(--?[a-z][\w-]*)')


def man(page, *options):
    environment = dict(os.environ, MANWIDTH='160', LC_ALL='C.UTF-8')
    done = subprocess.run(('man', '--warnings', *options, '-l', page), env=environment, check=False,
                          capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return done.stdout, done.stderr


def vkd_help(*command):
    return subprocess.run((VKD, *command, '--help'), check=True, capture_output=True, text=True).stdout


def flags_of(text):
    """--help and --version stand in the page once, for all commands."""
    return set(FLAG.findall(text)) - {'--help', '--version', '-h'}


class Pages(unittest.TestCase):
    def test_they_render_without_a_warning(self):
        self.assertTrue(PAGES)
        for page in PAGES:
            with self.subTest(page=page):
                text, warnings = man(page)
                self.assertEqual(warnings, '')
                for heading in ('NAME', 'SYNOPSIS', 'DESCRIPTION', 'SEE ALSO'):
                    self.assertRegex(text, rf'(?m)^{heading}$')

    def test_a_warning_would_be_seen(self):
        bad = subprocess.run(('man', '--warnings', '-l', '-'), input='.TH X 1\n.SH NAME\n.nosuchmacro\n', check=False,
                             capture_output=True, text=True)
        self.assertIn('nosuchmacro', bad.stderr)


def text_of(name):
    return man([page for page in PAGES if os.path.basename(page) == name][0])[0]


class Library(unittest.TestCase):
    def setUp(self):
        self.declared = {}
        for name in os.listdir(INCLUDE):
            with open(os.path.join(INCLUDE, name), encoding='utf-8') as header:
                text = re.sub(r'/\*.*?\*/', '', header.read(), flags=re.S)
            for function, arguments in re.findall(r'^VKC?_API [^;(]*?(\w+)\((.*?)\);', text, re.M | re.S):
                names = re.findall(r'(\w+)(?:\[\w*\])?(?:,|$)', arguments)
                self.declared[function] = [name for name in names if name != 'void']

    def test_each_function_is_named_with_its_arguments(self):
        self.assertGreater(len(self.declared), 10)
        listed = re.findall(r'\b(vkc?_\w+)\(([\w, ]*)\)', re.search(r'(?ms)^A KERNEL$(.*)^EXAMPLE$', text_of('libvk.3')).group(1))
        self.assertEqual({function: arguments.split(', ') if arguments else [] for function, arguments in listed}, self.declared,
                         'docs/man/libvk.3.scd and include/ differ')


class Command(unittest.TestCase):
    def setUp(self):
        text = re.search(r'(?ms)^COMMANDS$(.*?)^EXIT STATUS$', text_of('vkd.1')).group(1)
        parts = re.split(r'(?m)^   vkd (\S+) ?(.*)$', text)
        self.general = parts[0]
        self.sections = {name: (arguments, body) for name, arguments, body in zip(parts[1::3], parts[2::3], parts[3::3])}
        self.commands = dict(re.findall(r'(?m)^  (\w+) +(\S.*?)  ', vkd_help()))

    def test_each_command_has_its_section_and_its_arguments(self):
        commands = {name: arguments for name, arguments in self.commands.items() if name != 'vkd'}
        self.assertIn('run', commands)
        self.assertEqual({name: arguments for name, (arguments, _) in self.sections.items()}, commands)

    def test_each_has_its_flags_and_no_other(self):
        for name, (arguments, body) in self.sections.items():
            with self.subTest(command=name):
                self.assertEqual(flags_of(arguments + body), flags_of(vkd_help(name)))

    def test_help_and_version_are_there(self):
        for flag in ('--help', '--version'):
            self.assertIn(flag, self.general)


if __name__ == '__main__':
    outcome = unittest.main(exit=False, verbosity=2).result
    failed = len(outcome.failures) + len(outcome.errors)
    print(f'{max(0, outcome.testsRun - failed - len(outcome.skipped))} passed, {failed} failed, {len(outcome.skipped)} skipped')
    sys.exit(1 if failed else 0)
