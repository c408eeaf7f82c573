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
import resource
import shutil
import signal
import stat
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


def with_functions(count, entry):
    """A module with so many functions, those that call them in pieces of 500, and the entry, which calls these."""
    parts = [range(at, min(at + 500, count)) for at in range(0, count, 500)]
    text = ''.join(f'fn f{i}() {{}}\n' for i in range(count))
    text += ''.join(f'fn g{i}() {{\n' + ''.join(f'f{j}()\n' for j in part) + '}\n' for i, part in enumerate(parts))
    return text + entry + ''.join(f'g{i}()\n' for i in range(len(parts))) + '}\n'


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

    def test_functions(self):
        """To the one: what the listing counts, and what is refused. Two modules, since a file has at most 1 MiB."""
        def program(count):
            self.write(with_functions(count // 2, 'pub fn all() {\n'), 'far.vk')
            return 'import far\n' + with_functions(count - count // 2, 'test "t" {\nfar.all()\n')
        for count, functions in ((65_400, 65_534), (65_401, 65_535)):
            self.fits(program(count))
            self.assertEqual(run('build', '--tests', 'a.vk', cwd=self.folder)[0], 0)
            self.assertIn(f', {functions} functions,', run('disasm', 'a.vkb', cwd=self.folder)[1].split('\n', 1)[0])
        code, said = self.tried(program(65_402))
        self.assertEqual(code, 1)
        self.assertRegex(said, r'far\.vk:\d+:\d+: error: the program has more than 65535 functions')

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
        shutil.copytree(os.path.join(ROOT, 'tests/lang/run/files'), os.path.join(self.folder, 'files'))
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

    def test_output_that_does_not_arrive(self):
        self.write(self.PROGRAM)
        for who, arguments, text in ('vkd disasm', ('disasm', 'a.vk'), None), ('vkd fmt', ('fmt', '-'), self.PROGRAM), \
                ('vkd', ('--help',), None), ('vkd', ('--version',), None):
            with self.subTest(arguments=arguments), open('/dev/full', 'w', encoding='ascii') as full:
                done = subprocess.run([VKD, *arguments], input=text, stdout=full, stderr=subprocess.PIPE, cwd=self.folder,
                                      text=True, timeout=60, check=False)
                self.assertEqual((done.returncode, done.stderr), (2, f'{who}: standard output: No space left on device\n'))

    def test_what_is_no_module(self):
        self.write('not a module\n', 'a.vkb')
        code, out, err = run('disasm', 'a.vkb', cwd=self.folder)
        self.assertEqual(out, '')
        self.assertNotEqual(code, 0)
        self.assertIn('a.vkb', err)
        self.assertNotEqual(run('disasm', 'none.vkb', cwd=self.folder)[0], 0)


class Outputs(Folder):
    """A module never takes the place of what it was made from."""

    def test_a_source_is_not_overwritten(self):
        self.write('import lib\n\nfn f() -> Int { lib.one() }\n')
        self.write('pub fn one() -> Int { 1 }\n', 'lib.vk')
        before = self.files()
        os.symlink('lib.vk', os.path.join(self.folder, 'link'))
        os.link(os.path.join(self.folder, 'a.vk'), os.path.join(self.folder, 'hard'))
        for out, words in ('a.vk', "'a.vk' is the name of a source"), ('new.vk', "'new.vk' is the name of a source"), \
                ('link', "'link' is a source of the program and would be lost"), ('./hard', "'./hard' is a source of the program"):
            with self.subTest(out=out):
                code, said, err = run('build', 'a.vk', '-o', out, cwd=self.folder)
                self.assertEqual((code, said), (2, ''))
                self.assertIn(words, err)
                self.assertEqual({name: self.files()[name] for name in before}, before)
        self.assertFalse(os.path.exists(os.path.join(self.folder, 'new.vk')))
        self.assertEqual(run('build', 'a.vk', '-o', 'out', cwd=self.folder), (0, '', ''))

    def files(self):
        found = {}
        for name in os.listdir(self.folder):
            with open(os.path.join(self.folder, name), 'rb') as file:
                found[name] = file.read()
        return found

    def build_little(self, *arguments):
        """With room for 100 bytes in each file."""
        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        done = subprocess.run([VKD, 'build', 'a.vk', *arguments], stderr=subprocess.PIPE, cwd=self.folder, text=True,
                              timeout=60, check=False, preexec_fn=limit)
        return done.returncode, done.stderr

    def test_a_write_that_fails_keeps_what_was_there(self):
        self.write('fn f() -> Int { 1 }\n')
        self.assertEqual(self.build_little(), (1, 'vkd build: a.vkb: File too large\n'))
        self.assertEqual(list(self.files()), ['a.vk'])
        self.write('before', 'a.vkb')
        os.symlink('a.vkb', os.path.join(self.folder, 'link'))
        before = self.files()
        for name in 'a.vkb', 'link':
            self.assertEqual(self.build_little('-o', name), (1, f'vkd build: {name}: File too large\n'))
            self.assertEqual(self.files(), before)
        os.chmod(os.path.join(self.folder, 'a.vkb'), 0o640)
        self.assertEqual(run('build', 'a.vk', '-o', 'link', cwd=self.folder), (0, '', ''))
        self.assertTrue(os.path.islink(os.path.join(self.folder, 'link')))
        self.assertEqual(os.stat(os.path.join(self.folder, 'a.vkb')).st_mode & 0o777, 0o640)
        self.assertEqual(run('disasm', 'a.vkb', cwd=self.folder)[0], 0)

    def test_outputs_that_are_no_files(self):
        self.write('fn f() -> Int { 1 }\n')
        for out, words in ('/dev/full', 'No space left on device'), ('none/a.vkb', 'No such file or directory'), ('.', 'Is a directory'):
            self.assertEqual(run('build', 'a.vk', '-o', out, cwd=self.folder), (1, '', f'vkd build: {out}: {words}\n'))
        self.assertEqual(run('build', 'a.vk', '-o', '/dev/null', cwd=self.folder), (0, '', ''))
        self.assertTrue(stat.S_ISCHR(os.stat('/dev/null').st_mode))
        mask = os.umask(0o027)
        self.assertEqual(run('build', 'a.vk', '-o', 'b.vkb', cwd=self.folder), (0, '', ''))
        os.umask(mask)
        self.assertEqual(os.stat(os.path.join(self.folder, 'b.vkb')).st_mode & 0o777, 0o640)

    def test_a_module_is_no_source(self):
        self.write('fn f() -> Int { 1 }\n')
        self.assertEqual(run('build', 'a.vk', cwd=self.folder), (0, '', ''))
        code, _, err = run('build', 'a.vkb', cwd=self.folder)
        self.assertEqual((code, err.splitlines()[0]), (2, "vkd build: 'a.vkb' is a module already"))
        for command in 'check', 'fmt':
            code, _, err = run(command, 'a.vkb', cwd=self.folder)
            self.assertEqual(code, 1)
            self.assertIn('a.vkb: this is a module (.vkb), not a source\n', err)
            self.assertLessEqual(err.count('\n'), 2)
        for nuls, words in (7, 'a control character, U+0000'), (8, 'a.vk: this is no text: it is full of NUL bytes'):
            self.write('fn f() {}\n' + '\0' * nuls)
            code, _, err = run('check', 'a.vk', cwd=self.folder)
            self.assertEqual(code, 1)
            self.assertIn(words, err)


class Forged(Folder):
    """Modules that were changed, with the right checksum."""
    FUNCTIONS, LINES = 2, 11  # sections

    def built(self):
        self.write(Listing.PROGRAM)
        self.assertEqual(run('build', 'a.vk', cwd=self.folder), (0, '', ''))
        with open(os.path.join(self.folder, 'a.vkb'), 'rb') as file:
            return bytearray(file.read())

    def section(self, module, which):
        first, count = struct.unpack_from('<II', module, 24 + 8 * which)
        return range(first, first + count)

    def listed(self, module):
        struct.pack_into('<Q', module, 16, checksum(module[128:]))
        with open(os.path.join(self.folder, 'b.vkb'), 'wb') as file:
            file.write(module)
        return run('disasm', 'b.vkb', cwd=self.folder)

    def test_unchanged(self):
        module = self.built()
        self.assertEqual(self.listed(module), run('disasm', 'a.vkb', cwd=self.folder))

    def test_lines_outside_of_their_section(self):
        end = len(self.section(self.built(), self.LINES))
        for first, code in (end, 0), (end + 1, 1), (0x7fffffff, 1), (0xffffffff, 1):
            module = self.built()
            struct.pack_into('<I', module, self.section(module, self.FUNCTIONS)[28], first)
            with self.subTest(first=first):
                got, out, err = self.listed(module)
                self.assertEqual(got, code, err)
                self.assertEqual(err, '' if code == 0 else "vkd disasm: b.vkb: the module is refused: a function's lines lie "
                                 'outside their section (entry 0 of its section)\n')
                self.assertEqual(out == '', code == 1)

    def test_lines_that_do_not_end(self):
        module = self.built()
        for i in self.section(module, self.LINES):
            module[i] = 0x81
        self.assertEqual(self.listed(module)[0], 0)

    def test_an_instruction_that_does_not_exist(self):
        module = self.built()
        module[self.section(module, 5)[4]] = 0xff
        code, _, err = self.listed(module)
        self.assertEqual(code, 1)
        self.assertRegex(err, r'the module is refused: .* \(function 0 .+, instruction 0\)\n$')

    def test_cut_short(self):
        module = self.built()
        for part, words in (module[:50], 'the file is shorter than a header'), (module[:-8], 'the file is cut short or has something behind it'):
            with open(os.path.join(self.folder, 'b.vkb'), 'wb') as file:
                file.write(part)
            self.assertEqual(run('disasm', 'b.vkb', cwd=self.folder), (1, '', f'vkd disasm: b.vkb: the module is refused: {words}\n'))

    def test_each_command_says_who_refuses(self):
        self.write('not a module\n', 'b.vkb')
        for command in 'disasm', 'run', 'test', 'sim':
            code, _, err = run(command, 'b.vkb', cwd=self.folder)
            self.assertEqual((code, err), (1, f'vkd {command}: b.vkb: the module is refused: the file is shorter than a header\n'))
            code, _, err = run(command, 'none.vkb', cwd=self.folder)
            self.assertEqual((code, err), (2, f'vkd {command}: none.vkb: No such file or directory\n'))


class FunctionsOfTheHost(Folder):
    """`vkd` has none: it checks and builds, tests stand-ins, and runs nothing that needs one."""

    SOURCE = ('host fn price(item: Str, count: Int) -> Float\n'
              'host fn stock(item: Str) -> Result<Int?, Str> { Ok(Some(item.len)) }\n'
              'http on "127.0.0.1:0" { GET "/" => text("{price("tea", 2)}{stock("tea").is_ok}") }\n'
              'test "stand-in" { assert stock("tea") == Ok(Some(3)) }\n'
              'test "none" { assert price("tea", 1) == 1.0 }\n')

    def test_without_a_host(self):
        self.write(self.SOURCE)
        self.assertEqual(run('check', 'a.vk', cwd=self.folder)[::2], (0, ''))
        code, out, err = run('test', 'a.vk', cwd=self.folder)
        self.assertEqual((code, err), (1, ''))
        self.assertIn('a.vk:5: "none": host function: price: there is no host here; in a test, give the function a body\n'
                      '    in price:1 < none:5\n', out)
        self.assertIn('1 passed, 1 failed', out)
        self.assertEqual(run('build', 'a.vk', cwd=self.folder)[::2], (0, ''))
        for name in 'a.vk', 'a.vkb':
            code, _, err = run('run', name, cwd=self.folder)
            self.assertEqual((code, err), (1, f'vkd run: {name}: it needs the host function price, fn(Str, Int) -> Float, and there '
                                           'is none; a program that embeds the kernel supplies it (docs/embedding.md)\n'))
        listed = run('disasm', 'a.vkb', cwd=self.folder)[1]
        self.assertIn('; host price: fn(Str, Int) -> Float\n', listed)
        self.assertIn('; host stock: fn(Str) -> Result<Int?, Str>\n', listed)

    def test_stand_ins_are_for_tests(self):
        self.write(self.SOURCE)
        self.assertEqual(run('build', '--tests', 'a.vk', cwd=self.folder)[::2], (0, ''))
        self.assertNotIn('host stock', run('disasm', 'a.vkb', cwd=self.folder)[1])


if __name__ == '__main__':
    unittest.main()
