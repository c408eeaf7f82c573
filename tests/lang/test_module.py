#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What becomes a module, and what does not.

Goal: the limits of section 12 that only compiled code meets, at and above; the formatter changes nothing of what
a program means; a listing says what the module holds.
Method: generated programs; every program of tests/lang/run is compiled before and after `vkd fmt`, and the modules
compared but for their lines. Usage: test_module.py VKD LANG_RUN ROOT
"""
import glob
import os
import re
import struct
import subprocess
import sys
import tempfile
import unittest

VKD, LANG_RUN, ROOT = (os.path.abspath(argument) for argument in sys.argv[1:4])
del sys.argv[1:4]


def run(*arguments, cwd=None):
    done = subprocess.run([VKD, *arguments], stdin=subprocess.DEVNULL, capture_output=True, cwd=cwd, timeout=600,
                          check=False, env={**os.environ, 'NO_COLOR': '1'})
    assert done.returncode >= 0, (done.returncode, done.stderr)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def checksum(data):
    """As interp_module_checksum has it."""
    total, mask = 0xcbf29ce484222325, (1 << 64) - 1
    for at in range(0, len(data), 8):
        total = (total ^ int.from_bytes(data[at:at + 8], 'little')) * 0x100000001b3 & mask
        total ^= total >> 29
    return total


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, text, name='a.vk'):
        with open(os.path.join(self.folder, name), 'w', encoding='utf-8') as file:
            file.write(text)

    def tried(self, text):
        """What `vkd test` says of a program."""
        self.write(text)
        code, out, err = run('test', 'a.vk', cwd=self.folder)
        return code, out + err


def in_functions(items, per, head, form, foot):
    """Functions g0, g1 ... with so many items each, and a test that calls them."""
    parts = [items[i:i + per] for i in range(0, len(items), per)]
    text = ''.join(f'fn g{i}() {{\n{head}{"".join(form.format(x) for x in part)}{foot}}}\n' for i, part in enumerate(parts))
    return text + 'test "t" {\n' + ''.join(f'  g{i}()\n' for i in range(len(parts))) + '}\n'


class Limits(Folder):
    def fits(self, text):
        code, said = self.tried(text)
        self.assertEqual(code, 0, said[-500:])

    def refused(self, text, words):
        code, said = self.tried(text)
        self.assertEqual(code, 1)
        self.assertRegex(said, words)
        self.assertRegex(said, r'a\.vk:\d+:\d+: error: ')

    def test_registers(self):
        def program(count):
            lines = ''.join(f'  let v{i} = a * {i + 3}\n' for i in range(count))
            total = ' + '.join(f'v{i}' for i in reversed(range(count)))
            result = sum(i + 3 for i in range(count))
            return f'fn f(a: Int) -> Int {{\n{lines}  {total}\n}}\n\ntest "t" {{ assert f(1) == {result} }}\n'
        self.fits(program(238))
        self.refused(program(242), '`f` needs more than 240 registers at once; divide it')

    def test_instances(self):
        def program(count):
            return 'fn id<T>(x: T) -> T { x }\n' + ''.join(f'record R{i} {{}}\n' for i in range(count)) + \
                in_functions(range(count), 100, '', '  let _ = id(R{} {{}})\n', '')
        self.fits(program(4000))
        self.refused(program(4100), 'more than 4096 instances')

    def test_types(self):
        def program(count):
            return ''.join(f'record R{i} {{}}\n' for i in range(count)) + \
                in_functions(range(count), 100, '', '  let _ = R{} {{}}\n', '')
        self.fits(program(16000))
        self.refused(program(16500), 'more than 16384 types')

    def test_constants(self):
        def program(count):
            lists = in_functions([f'{i:05x}' for i in range(count)], 500, '  let xs = [\n', '    "{}",\n', '  ]\n  log(xs.last ?? "")\n')
            return lists
        self.fits(program(65000))
        self.refused(program(66000), 'more than 65536 constants')

    def test_type_parameters(self):
        def program(count):
            names = ', '.join(f'T{i}' for i in range(count))
            params = ', '.join(f'a{i}: T{i}' for i in range(min(count, 16)))
            return f'fn f<{names}>({params}) -> Int {{ 1 }}\n\ntest "t" {{ assert f({", ".join(["1"] * min(count, 16))}) == 1 }}\n'
        self.fits(program(16))
        self.refused(program(17), 'type parameters: at most 16, here are 17')


class Format(Folder):
    def module(self, text):
        """The listing of the module, its tests too, and what they do: without lines, sizes and white space."""
        self.write(text)
        done = subprocess.run([LANG_RUN, 'a.vk', '--dump'], stdin=subprocess.DEVNULL, capture_output=True, cwd=self.folder,
                              timeout=600, check=False, env={**os.environ, 'NO_COLOR': '1'})
        self.assertIn(done.returncode, (0, 1))
        listing = re.sub(r'^ *\d+ +(\d+  [A-Z])', r' \1', done.stdout.decode().partition('\n')[2], flags=re.M)
        return re.sub(r':\d+(?= <|$)', '', listing, flags=re.M).replace(' ', '').replace('\n', '').replace('\\n', '')

    def formatted(self, text):
        self.write(text)
        self.assertEqual(run('fmt', 'a.vk', cwd=self.folder), (0, '', ''))
        with open(os.path.join(self.folder, 'a.vk'), encoding='utf-8') as file:
            return file.read()

    def test_the_module_stays_the_same(self):
        paths = sorted(glob.glob(os.path.join(ROOT, 'tests/lang/run/*.vk')))
        self.assertGreater(len(paths), 200)
        for path in paths:
            with open(path, encoding='utf-8') as file:
                text = file.read()
            before, once = self.module(text), self.formatted(text)
            with self.subTest(path=path):
                self.assertGreater(len(before), 100)
                self.assertEqual(before, self.module(once))
                self.assertEqual(self.formatted(once), once)


class Listing(Folder):
    PROGRAM = '''fn twice(n: Int) -> Int { n * 2 }

fn name(s: Str) -> Str { s + "!" }

http on 8080 {
  GET "/{who}" => text(name(who))
  GET "/n/{n: Int}" => text(twice(n).str())
}
'''

    def test_functions_and_routes(self):
        self.write(self.PROGRAM)
        self.assertEqual(run('build', 'a.vk', '-o', 'a.vkb', cwd=self.folder)[0], 0)
        code, out, err = run('disasm', 'a.vkb', cwd=self.folder)
        self.assertEqual((code, err), (0, ''))
        for words in r'^function \d+ twice: fn\(int\) ->  int, \d+ registers$', r'^ +1 +0  MULI +r\d+ r0 2$', r'RETS', \
                r'^function \d+ name: fn\(Str\) ->  Str, \d+ registers$', r'SCAT', r'; Str "!"', r'GET /\{who\}', r'GET /n/\{n':
            self.assertRegex(out, re.compile(words, re.M))
        self.assertEqual(run('disasm', 'a.vkb', cwd=self.folder)[1], out)

    def test_without_services(self):
        """Bytes behind the sections are nobody's: a module whose services are empty has no tests, whatever lies there."""
        self.write('test "a" { log("x") }\n')
        self.assertEqual(run('build', '--tests', 'a.vk', '-o', 'a.vkb', cwd=self.folder)[0], 0)
        path = os.path.join(self.folder, 'a.vkb')
        with open(path, 'rb') as file:
            module = bytearray(file.read())
        self.assertIn('1 passed', ''.join(run('test', 'a.vkb', cwd=self.folder)[1:]))
        head, sections = 24, 13  # struct interp_header
        struct.pack_into('<I', module, head + 8 * sections - 4, 0)
        struct.pack_into('<Q', module, head - 8, checksum(module[head + 8 * sections:]))
        with open(path, 'wb') as file:
            file.write(module)
        code, out, err = run('test', 'a.vkb', cwd=self.folder)
        self.assertEqual(code, 1)
        self.assertIn('no tests\n0 passed', out + err)

    def test_what_is_no_module(self):
        self.write('not a module\n', 'a.vkb')
        code, out, err = run('disasm', 'a.vkb', cwd=self.folder)
        self.assertEqual(out, '')
        self.assertNotEqual(code, 0)
        self.assertIn('a.vkb', err)
        self.assertNotEqual(run('disasm', 'none.vkb', cwd=self.folder)[0], 0)


if __name__ == '__main__':
    unittest.main()
