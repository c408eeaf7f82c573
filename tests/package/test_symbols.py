#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A library's names: what it offers, what it needs, and what it keeps to itself.

Goal: libvk, and libvkc likewise, exports what its header declares and nothing else, refers to nothing that a host
would not expect, and is the same shared and static.
Method: nm on both, against the header, the linker's list and a list of imports.

Usage: test_symbols.py SHARED STATIC MAP HEADER IMPORTS
"""
import fnmatch
import os
import re
import subprocess
import sys
import unittest

SHARED, STATIC, MAP, HEADER, IMPORTS = sys.argv[1:6]
del sys.argv[1:6]

# The compiler's own, in every shared library or object.
MADE_BY_TOOLS = {'_ITM_deregisterTMCloneTable', '_ITM_registerTMCloneTable', '__cxa_finalize', '__gmon_start__',
                 '_GLOBAL_OFFSET_TABLE_'}
# In libgcc's static part, which only a shared library has in it; libc's other name of another.
ONLY_STATIC = {'__cpu_model'}
ALIASES = {'__progname': 'program_invocation_short_name'}
NEVER = re.compile(r'_?_?(exit|_exit|_Exit|quick_exit|at_quick_exit|atexit|v?f?printf|puts|putchar|fputs|fwrite|perror|stdout|stderr|'
                   r'signal|sigaction|sigprocmask|raise|kill|fork|vfork|exec\w*|system|pthread_create|malloc|realloc|'
                   r'dlopen|setenv|setlocale|mallocx|rallocx|je_\w+)')


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def nm(*arguments):
    """(name, letter, version) of each symbol."""
    output = subprocess.run(('nm', '--format=posix') + arguments, check=True, capture_output=True, text=True).stdout
    for line in output.splitlines():
        fields = line.split()
        if len(fields) >= 2 and not line.endswith(':'):
            name, _, version = fields[0].partition('@')
            yield name, fields[1], version.lstrip('@')


def defined(*arguments):
    return {name for name, letter, _ in nm('--defined-only', *arguments) if letter != 'A'}


def needed(*arguments):
    names = {name for name, _, _ in nm('--undefined-only', *arguments)}
    return {ALIASES.get(name, name) for name in names - MADE_BY_TOOLS}


def declared():
    """Functions that the header marks as the library's."""
    text = re.sub(r'/\*.*?\*/', '', read(HEADER), flags=re.S)
    return set(re.findall(r'^VKC?_API [^;(]*?(\w+)\(', text, re.M))


def versions():
    """{name: version} of the linker's list."""
    found = {}
    for version, body in re.findall(r'^(\S+) \{\nglobal:\n(.*?)^(?:local:|\})', read(MAP), re.S | re.M):
        for name in re.findall(r'^    (\w+);$', body, re.M):
            found[name] = version
    return found


def allowed():
    names = []
    for line in read(IMPORTS).splitlines():
        if line and not line.startswith('#'):
            listed, _, why = line.partition(':')
            assert why.strip(), f'{IMPORTS}: no reason in "{line}"'
            names += listed.split()
    return names


class Offers(unittest.TestCase):
    def test_the_list_is_the_header(self):
        self.assertGreater(len(declared()), 2)
        self.assertEqual(set(versions()), declared(), f'{MAP} and {HEADER} differ')

    def test_the_shared_library_exports_the_list(self):
        self.assertEqual({name: version for name, letter, version in nm('-D', '--defined-only', SHARED) if letter != 'A'},
                         versions())

    def test_the_static_library_has_no_other_global_name(self):
        self.assertEqual(defined('-g', STATIC), declared())

    def test_what_is_kept_is_there_all_the_same(self):
        names = {name for name, letter, _ in nm('--defined-only', STATIC) if letter == 't'}
        self.assertGreater(len(names - declared()), 100)


class Needs(unittest.TestCase):
    def compare(self, names):
        reasons = allowed()
        why = f'{IMPORTS} has each with its reason'
        self.assertEqual([name for name in sorted(names) if not any(fnmatch.fnmatchcase(name, one) for one in reasons)], [], why)
        self.assertEqual([one for one in reasons if not fnmatch.filter(names, one)], [], 'nobody needs these any more')

    def test_the_static_library_needs_what_is_listed(self):
        self.compare(needed(STATIC))

    def test_the_shared_library_needs_the_same(self):
        self.compare(needed('-D', SHARED) | (needed(STATIC) & ONLY_STATIC))

    def test_nothing_is_listed_twice(self):
        self.assertEqual(sorted(allowed()), sorted(set(allowed())))

    def test_a_host_is_neither_ended_nor_written_over(self):
        self.assertEqual([name for name in allowed() if NEVER.fullmatch(name)], [])
        for name in ('exit', 'printf', 'vfprintf', '__sigaction', 'execve', 'pthread_create', 'malloc', 'mallocx'):
            self.assertTrue(NEVER.fullmatch(name), name)


class Shared(unittest.TestCase):
    def dynamic(self, tag):
        text = subprocess.run(('readelf', '-dW', SHARED), check=True, capture_output=True, text=True).stdout
        return re.findall(rf'\({tag}\).*\[(.*)\]', text), text

    def test_its_name_is_that_of_its_interface(self):
        self.assertEqual(self.dynamic('SONAME')[0], [re.match(r'lib\w+\.so\.\d+', os.path.basename(SHARED)).group(0)])

    def test_it_is_loaded_as_it_is_on_disk(self):
        text = self.dynamic('NEEDED')[1]
        self.assertNotIn('TEXTREL', text)
        stack = subprocess.run(('readelf', '-lW', SHARED), check=True, capture_output=True, text=True).stdout
        self.assertRegex(stack, r'GNU_STACK\s.*\bRW\s')

    def test_it_loads_libc_and_the_drivers_libraries(self):
        libraries = {re.match(r'[\w+-]+', name).group(0) for name in self.dynamic('NEEDED')[0]}
        self.assertLessEqual(libraries, {'libc', 'libm', 'liburing', 'libev', 'ld-linux-x86-64'})


if __name__ == '__main__':
    outcome = unittest.main(exit=False, verbosity=2).result
    failed = len(outcome.failures) + len(outcome.errors)
    print(f'{max(0, outcome.testsRun - failed - len(outcome.skipped))} passed, {failed} failed, {len(outcome.skipped)} skipped')
    sys.exit(1 if failed else 0)
