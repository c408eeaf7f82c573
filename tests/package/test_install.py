#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `meson install` lays down, used as its users use it.

Goal: exactly what belongs there is installed, and a host finds by pkg-config all that it needs, in C and in C++,
by hand and through CMake, with the shared library and with the static one.
Method: install into a scratch folder; compile hosts against nothing but what is there; run them.

Usage: test_install.py BUILD SOURCE
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
import urllib.request

BUILD, SOURCE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
del sys.argv[1:3]
HERE = os.path.join(SOURCE, 'tests', 'package')
STRICT = ('-Wall', '-Wextra', '-Werror', '-pedantic-errors', '-Wconversion', '-Wshadow', '-Wundef')
STRICT_CXX = STRICT + ('-Wold-style-cast', '-Wuseless-cast', '-Wzero-as-null-pointer-constant')

# Below the prefix; LIB is the folder of libraries. Examples and pages are sources, compared with their folders.
FILES = {
    'bin/vkd', 'include/vk.h', 'include/vkc.h', 'lib/systemd/system/vkd@.service',
    'LIB/libvk.a', 'LIB/libvk.so', 'LIB/libvk.so.0', 'LIB/libvk.so.VERSION', 'LIB/pkgconfig/vk.pc',
    'LIB/libvkc.a', 'LIB/libvkc.so', 'LIB/libvkc.so.0', 'LIB/libvkc.so.VERSION', 'LIB/pkgconfig/vkc.pc',
    'share/doc/vkd/README.md', 'share/doc/vkd/docs/bytecode.md', 'share/doc/vkd/docs/embedding.md', 'share/doc/vkd/docs/isolation.md',
    'share/doc/vkd/docs/language.md', 'share/doc/vkd/docs/metal.md',
}
EXAMPLES = 'share/doc/vkd/examples/'
PAGES = 'share/man/'


def run(*command, **options):
    done = subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, **options)
    if done.returncode != 0:
        raise AssertionError(f'{" ".join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}')
    return done.stdout


class Installed(unittest.TestCase):
    """One installation for all cases."""

    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.scratch)
        cls.root = os.path.join(cls.scratch, 'root')
        run('meson', 'install', '-C', BUILD, '--no-rebuild', '--quiet', '--destdir', cls.root)
        pc = [os.path.join(folder, 'vk.pc') for folder, _, names in os.walk(cls.root) if 'vk.pc' in names]
        cls.lib = os.path.dirname(os.path.dirname(pc[0]))
        with open(pc[0], encoding='utf-8') as text:
            cls.prefix = cls.root + re.search(r'(?m)^prefix=(/.*)$', text.read()).group(1)
        # pkg-config puts the scratch folder before the paths of other packages too.
        os.makedirs(os.path.join(cls.root, 'usr', 'include'), exist_ok=True)
        own = run('pkg-config', '--variable=pc_path', 'pkg-config').strip()
        cls.environment = dict(os.environ, PKG_CONFIG_SYSROOT_DIR=cls.root, LD_LIBRARY_PATH=cls.lib,
                               PKG_CONFIG_LIBDIR=os.path.dirname(pc[0]) + ':' + own)
        cls.vkd = os.path.join(cls.prefix, 'bin', 'vkd')
        cls.module = os.path.join(cls.scratch, 'installed.vkb')
        run(cls.vkd, 'build', os.path.join(HERE, 'installed.vk'), '-o', cls.module)

    def flags(self, *which, packages=('vk',)):
        return run('pkg-config', *which, *packages, env=self.environment).split()

    def compile(self, name, *command):
        program = os.path.join(self.scratch, name)
        run(*command, '-o', program, env=self.environment)
        return program

    def answers(self, program):
        """A host that is its own client."""
        self.assertRegex(run(program, self.module, env=self.environment), r'\AHTTP/1.1 200 OK\n[^\0]*\n\ninstalled\n')

    def serves(self, program):
        """A host that says its port and runs until it is told to stop."""
        with subprocess.Popen((program, self.module, '127.0.0.1:0'), env=self.environment, stdout=subprocess.PIPE, text=True) as host:
            try:
                port = re.fullmatch(r'listening on port (\d+)\n', host.stdout.readline()).group(1)
                with urllib.request.urlopen(f'http://127.0.0.1:{port}/', timeout=30) as answer:
                    self.assertEqual(answer.read(), b'installed\n')
                host.send_signal(signal.SIGTERM)
                self.assertEqual(host.wait(30), 0)
            finally:
                host.kill()

    def needs_libvk(self, program):
        return 'libvk.so.0' in run('readelf', '-d', program)


class Files(Installed):
    def installed(self):
        for folder, _, names in os.walk(self.root):
            for name in names:
                yield os.path.relpath(os.path.join(folder, name), self.prefix).replace(
                    os.path.relpath(self.lib, self.prefix), 'LIB', 1)

    def test_nothing_more_and_nothing_less(self):
        version = run('meson', 'introspect', '--projectinfo', BUILD)
        version = re.search(r'"version": "([^"]*)"', version).group(1)
        self.assertEqual({path.replace(version, 'VERSION') for path in self.installed()
                          if not path.startswith((EXAMPLES, PAGES))}, FILES)

    def test_the_examples_are_those_of_the_sources(self):
        installed = {path[len(EXAMPLES):] for path in self.installed() if path.startswith(EXAMPLES)}
        source = os.path.join(SOURCE, 'examples')
        ours = {os.path.relpath(os.path.join(folder, name), source)
                for folder, _, names in os.walk(source) if folder != source for name in names}
        self.assertEqual(installed, ours)

    def test_the_pages_are_those_of_the_sources(self):
        installed = {path for path in self.installed() if path.startswith(PAGES)}
        pages = [name[:-4] for name in os.listdir(os.path.join(SOURCE, 'docs', 'man')) if name.endswith('.scd')]
        wanted = {f'{PAGES}man{page[-1]}/{page}' for page in pages} if shutil.which('scdoc') else set()
        self.assertEqual(installed, wanted)

    def test_links_in_the_documents_lead_somewhere(self):
        doc = os.path.join(self.prefix, 'share', 'doc', 'vkd')
        pages = [os.path.join(doc, 'README.md')] + [os.path.join(doc, 'docs', name) for name in os.listdir(os.path.join(doc, 'docs'))]
        links = 0
        for page in pages:
            with open(page, encoding='utf-8') as text:
                for link in re.findall(r'\]\(([^()\s]+)\)', text.read()):
                    if not link.startswith(('#', 'http:', 'https:')):
                        target = os.path.join(os.path.dirname(page), link.split('#')[0])
                        self.assertTrue(os.path.exists(target), f'{page}: {link}')
                        links += 1
        self.assertGreater(links, 5) # those to each other and to the examples

    def test_the_documents_are_those_of_the_sources(self):
        doc = os.path.join(self.prefix, 'share', 'doc', 'vkd')
        for path in sorted(FILES):
            if path.startswith('share/doc/vkd/'):
                with open(os.path.join(self.prefix, path), encoding='utf-8') as ours, \
                     open(os.path.join(SOURCE, os.path.relpath(os.path.join(self.prefix, path), doc)), encoding='utf-8') as theirs:
                    bare = [re.sub(r'\[([^]\[]*)\]\([^()\s]+\)', r'\1', text.read()) for text in (ours, theirs)]
                self.assertEqual(*bare)

    def test_the_unit_runs_the_installed_command(self):
        with open(os.path.join(self.prefix, 'lib/systemd/system/vkd@.service'), encoding='utf-8') as unit:
            command = re.search(r'(?m)^ExecStart=(\S+) run ', unit.read()).group(1)
        self.assertEqual(self.root + command, self.vkd)

    def test_the_command_runs_from_there(self):
        self.assertRegex(run(self.vkd, '--version'), r'^vkd \d+\.\d+\.\d+$')
        self.assertIn('2 passed, 0 failed', run(self.vkd, 'test', os.path.join(self.prefix, EXAMPLES, 'hello')))


class Header(Installed):
    def check(self, compiler, language, standard, *flags):
        for header in sorted(name for name in os.listdir(os.path.join(self.prefix, 'include'))):
            with self.subTest(header=header, standard=standard):
                text = f'#include <{header}>\n#include <{header}>\nint main(' + ('void' if language == 'c' else '') + ') { return 0; }\n'
                source = os.path.join(self.scratch, 'header.' + language)
                with open(source, 'w', encoding='utf-8') as file:
                    file.write(text)
                run(compiler, f'-std={standard}', '-fsyntax-only', *flags, *self.flags('--cflags'), source)

    def test_it_is_c(self):
        for standard in ('c99', 'c11', 'c2x'):
            self.check('gcc', 'c', standard, *STRICT)

    def test_it_is_cxx(self):
        for standard in ('c++11', 'c++20'):
            self.check('g++', 'cc', standard, *STRICT_CXX)


    def test_the_example_of_the_manual_compiles(self):
        with open(os.path.join(SOURCE, 'docs', 'man', 'libvk.3.scd'), encoding='utf-8') as page:
            example = [block for block in re.findall(r'```\n(.*?)```', page.read(), re.S) if '#include' in block][0]
        source = os.path.join(self.scratch, 'example.c')
        with open(source, 'w', encoding='utf-8') as file:
            file.write(example)
        self.compile('example', 'gcc', '-std=c99', *STRICT, source, *self.flags('--cflags', '--libs'))


class Hosts(Installed):
    source = os.path.join(HERE, 'consumer.c')

    def test_shared(self):
        program = self.compile('shared', 'gcc', '-std=c99', *STRICT, '-D_POSIX_C_SOURCE=200809L', self.source,
                               *self.flags('--cflags', '--libs'))
        self.assertTrue(self.needs_libvk(program))
        self.answers(program)

    def test_shared_from_cxx(self):
        program = self.compile('cxx', 'g++', '-x', 'c++', '-std=c++11', *STRICT, self.source, '-x', 'none',
                               *self.flags('--cflags', '--libs'))
        self.assertTrue(self.needs_libvk(program))
        self.answers(program)

    def test_static_library(self):
        """libvk in the program, the rest shared: position independent, as the compiler's default is."""
        flags = [flag for flag in self.flags('--cflags', '--libs', '--static') if flag != '-lvk']
        program = self.compile('part', 'gcc', self.source, os.path.join(self.lib, 'libvk.a'), *flags)
        self.assertFalse(self.needs_libvk(program))
        self.answers(program)

    def test_static_program(self):
        program = self.compile('static', 'gcc', '-static', self.source, *self.flags('--cflags', '--libs', '--static'))
        self.assertNotIn('NEEDED', run('readelf', '-d', program))
        self.answers(program)

    def test_source_is_compiled_by_the_host(self):
        """By libvkc, shared and static, beside libvk."""
        for name, flags in (('plugin-shared', ()), ('plugin-static', ('-static',))):
            with self.subTest(name=name):
                libs = self.flags('--cflags', '--libs', *(('--static',) if flags else ()), packages=('vkc', 'vk'))
                program = self.compile(name, 'gcc', '-std=c99', *STRICT, '-D_POSIX_C_SOURCE=200809L', '-DWITH_COMPILER', *flags,
                                       self.source, *libs)
                answer = run(program, os.path.join(HERE, 'installed.vk'), env=self.environment)
                self.assertRegex(answer, r'\AHTTP/1.1 200 OK\n[^\0]*\n\ninstalled\n')

    def test_names_of_the_inside_are_free(self):
        """A host may have functions that are called as some of the library's own are."""
        own = os.path.join(self.scratch, 'own.c')
        with open(own, 'w', encoding='utf-8') as file:
            for name in ('proc_kernel_create', 'vk_pool_create', 'plat_mono_ns', 'interp_vm_run', 'net_io_create'):
                file.write(f'int {name}(void);\nint {name}(void) {{ __builtin_trap(); }}\n')
        for name, flags in (('own-shared', ()), ('own-static', ('-static',))):
            with self.subTest(name=name):
                libs = self.flags('--cflags', '--libs', *(('--static',) if flags else ()))
                self.answers(self.compile(name, 'gcc', '-rdynamic', *flags, own, self.source, *libs))


class Examples(Installed):
    """Each host that users copy from, by what is installed alone."""

    def test_each_compiles(self):
        folder = os.path.join(self.prefix, EXAMPLES, 'embed')
        sources = sorted(name for name in os.listdir(folder) if name.endswith('.c'))
        self.assertIn('min.c', sources)
        libs = self.flags('--cflags', '--libs', packages=('vkc', 'vk')) + ['-lev', '-pthread']
        for name in sources:
            with self.subTest(name=name):
                self.compile(name[:-2], 'gcc', '-std=gnu11', '-Wall', '-Wextra', '-Werror', os.path.join(folder, name), *libs)
        self.serves(os.path.join(self.scratch, 'min'))


class CMake(Installed):
    def build(self, name, *options):
        folder = os.path.join(self.scratch, name)
        source = os.path.join(self.prefix, EXAMPLES, 'embed', 'cmake')
        run('cmake', '-S', source, '-B', folder, '-DCMAKE_C_COMPILER=gcc', *options, env=self.environment)
        run('cmake', '--build', folder, env=self.environment)
        return os.path.join(folder, 'host')

    def test_shared(self):
        program = self.build('cmake')
        self.assertTrue(self.needs_libvk(program))
        self.serves(program)

    def test_static(self):
        program = self.build('cmake-static', '-DSTATIC=ON')
        self.assertFalse(self.needs_libvk(program))
        self.serves(program)


if __name__ == '__main__':
    outcome = unittest.main(exit=False, verbosity=2).result
    failed = len(outcome.failures) + len(outcome.errors)
    print(f'{max(0, outcome.testsRun - failed - len(outcome.skipped))} passed, {failed} failed, {len(outcome.skipped)} skipped')
    sys.exit(1 if failed else 0)
