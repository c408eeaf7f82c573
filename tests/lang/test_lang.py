#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The language from outside: messages, formatting, the reference, the command line.

Goal: a wrong program is told what is wrong with it, in these very words; the formatter keeps every program
it is given and is idempotent; every example of docs/language.md passes its tests.
Method: wrong/NAME.vk next to wrong/NAME.txt, what `vkd check` says of it; the fences of the reference; limits
at, below and above, generated. A new NAME.vk needs a NAME.txt: `vkd check NAME.vk 2>NAME.txt` in wrong/, read
and found right. right/NAME.vk has no error. Usage: test_lang.py VKD ROOT
"""
import glob
import os
import re
import subprocess
import sys
import tempfile
import time
import unittest

VKD, ROOT = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
del sys.argv[1:3]
WRONG = os.path.join(ROOT, 'tests/lang/wrong')
RIGHT = os.path.join(ROOT, 'tests/lang/right')
FENCE = re.compile(r'^```(vk|vk-error)\n(.*?)^```$', re.M | re.S)


def run(*arguments, text=None, cwd=None):
    """(exit code, standard output, standard error) of vkd; never an exit by a signal."""
    done = subprocess.run([VKD, *arguments], input=text, stdin=None if text is not None else subprocess.DEVNULL,
                          capture_output=True, cwd=cwd, timeout=600, check=False,
                          env={**os.environ, 'NO_COLOR': '1'})
    assert done.returncode >= 0, (done.returncode, done.stderr)
    return done.returncode, done.stdout, done.stderr


# What the examples of the reference embed.
FILES = {'static/page.html': b'<h1>Hi</h1>\n', 'static/logo.png': b'\x89PNG\r\n\x1a\n'}


def put_files(folder):
    for name, content in FILES.items():
        os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
        with open(os.path.join(folder, name), 'wb') as file:
            file.write(content)


def check(text):
    """What `vkd check` says of that text, next to FILES."""
    with tempfile.TemporaryDirectory() as folder:
        put_files(folder)
        with open(os.path.join(folder, 'a.vk'), 'wb') as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        code, out, err = run('check', 'a.vk', cwd=folder)
    assert out == b'' and (code == 0) == (err == b''), (code, out, err)
    return err.decode()


def parse(text):
    """What `vkd fmt` says of that text: it only parses."""
    code, out, err = run('fmt', '-', text=text.encode())
    assert (code == 0) == (err == b''), (code, out, err)
    return err.decode()


def fences():
    with open(os.path.join(ROOT, 'docs/language.md'), encoding='utf-8') as file:
        return [(match.group(1), match.group(2)) for match in FENCE.finditer(file.read())]


def sources():
    """Every .vk file of the tree, by path."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if not name.startswith('.') and name != 'build']
        for name in names:
            if name.endswith('.vk'):
                yield os.path.join(folder, name)


class Wrong(unittest.TestCase):
    def test_every_program_has_its_text_and_back(self):
        programs = {os.path.splitext(os.path.basename(path))[0] for path in glob.glob(WRONG + '/*.vk')}
        texts = {os.path.splitext(os.path.basename(path))[0] for path in glob.glob(WRONG + '/*.txt')}
        self.assertEqual(programs, texts)
        self.assertGreaterEqual(len(programs), 170)


def add_wrong(name):
    def test(self):
        with open(os.path.join(WRONG, name + '.txt'), encoding='utf-8') as file:
            wanted = file.read()
        code, out, err = run('check', name + '.vk', cwd=WRONG)
        self.maxDiff = None
        self.assertEqual(err.decode(), wanted)
        self.assertEqual((code, out), (1, b''))
    setattr(Wrong, 'test_' + name, test)


for vk in sorted(glob.glob(WRONG + '/*.vk')):
    add_wrong(os.path.splitext(os.path.basename(vk))[0])


class Reference(unittest.TestCase):
    def test_examples_are_understood(self):
        found = fences()
        self.assertGreaterEqual(len(found), 10)
        for kind, text in found:
            with self.subTest(text=text):
                if kind == 'vk':
                    self.assertEqual(check(text), '')
                else:
                    wanted = text.split('\n')[0].removeprefix('// ')
                    self.assertIn('error: ' + wanted + '\n', check(text))

    def test_examples_pass_their_tests(self):
        for kind, text in fences():
            with self.subTest(text=text), tempfile.TemporaryDirectory() as folder:
                put_files(folder)
                with open(os.path.join(folder, 'a.vk'), 'w', encoding='utf-8') as file:
                    file.write(text)
                code, out, err = run('test', 'a.vk', cwd=folder)
                passed = code == 0 and re.fullmatch(rb'[1-9][0-9]* passed, 0 failed\n', out) and err == b''
                self.assertEqual(bool(passed), kind == 'vk', (code, out, err))

    def test_examples_are_in_the_style(self):
        for _, text in fences():
            with self.subTest(text=text):
                code, out, err = run('fmt', '-', text=text.encode())
                self.assertEqual((code, out.decode(), err), (0, text, b''))


class Right(unittest.TestCase):
    def test_every_program_has_no_error(self):
        programs = sorted(glob.glob(RIGHT + '/*.vk'))
        self.assertGreaterEqual(len(programs), 3)
        for path in programs:
            with self.subTest(path=path):
                self.assertEqual(run('check', path), (0, b'', b''))
                self.assertEqual(run('test', path)[0], 0)

    def test_every_program_passes_its_tests(self):
        self.assertEqual(run('test', RIGHT), (0, b'3 passed, 0 failed\n', b''))

    def test_where_functions_wait(self):
        code, out, err = run('check', '--explain-waits', 'processes.vk', cwd=RIGHT)
        self.assertEqual((code, err), (0, b''))
        with open(os.path.join(RIGHT, 'processes.waits'), encoding='utf-8') as file:
            self.assertEqual(out.decode(), file.read())


class Format(unittest.TestCase):
    def once(self, text):
        code, out, err = run('fmt', '-', text=text)
        self.assertEqual((code, err), (0, b''))
        return out

    def test_every_source_is_idempotent(self):
        count = 0
        for path in sources():
            with open(path, 'rb') as file:
                text = file.read()
            code, out, _ = run('fmt', '-', text=text)
            with self.subTest(path=path):
                if code == 0:
                    count += 1
                    self.assertEqual(self.once(out), out)
                else:
                    self.assertIn('wrong', path)
                    self.assertEqual(out, b'')
        self.assertGreater(count, 0)

    def test_forms(self):
        with open(os.path.join(ROOT, 'tests/lang/fmt/before.vk'), 'rb') as file:
            before = file.read()
        with open(os.path.join(ROOT, 'tests/lang/fmt/after.vk'), 'rb') as file:
            after = file.read()
        self.assertEqual(self.once(before).decode(), after.decode())
        self.assertEqual(self.once(before.replace(b'\n', b'\r\n')).decode(), after.decode())
        self.assertEqual(self.once(before.replace(b'\n\n', b'\n\n\n\n')).decode(), after.decode())
        self.assertEqual(self.once(b'\n \n' + before + b'\n \n').decode(), after.decode())

    def test_nothing_stays_nothing(self):
        self.assertEqual(self.once(b''), b'')
        self.assertEqual(self.once(b' \n\n'), b'')
        self.assertEqual(self.once(b'  // only this'), b'// only this\n')


class Files(unittest.TestCase):
    """The command on files: what it writes, and what it leaves alone."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.folder.name, name)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def read(self, name):
        with open(os.path.join(self.folder.name, name), encoding='utf-8') as file:
            return file.read()

    def test_fmt_replaces_what_differs_and_nothing_else(self):
        self.write('a.vk', 'let  x=1\n', 0o640)
        same = os.stat(self.write('b.vk', 'let x = 1\n')).st_ino
        os.symlink('a.vk', os.path.join(self.folder.name, 'link.vk'))
        self.assertEqual(run('fmt', 'link.vk', 'b.vk', cwd=self.folder.name), (0, b'', b''))
        self.assertEqual(self.read('a.vk'), 'let x = 1\n')
        self.assertEqual(os.stat(os.path.join(self.folder.name, 'a.vk')).st_mode & 0o777, 0o640)
        self.assertTrue(os.path.islink(os.path.join(self.folder.name, 'link.vk')))
        self.assertEqual(os.stat(os.path.join(self.folder.name, 'b.vk')).st_ino, same)
        self.assertEqual(sorted(os.listdir(self.folder.name)), ['a.vk', 'b.vk', 'link.vk'])

    def test_fmt_leaves_a_wrong_file_alone(self):
        self.write('a.vk', 'let  x=\n')
        code, out, err = run('fmt', 'a.vk', cwd=self.folder.name)
        self.assertEqual((code, out), (1, b''))
        self.assertIn(b'a.vk:1:8: error: expected an expression', err)
        self.assertEqual(self.read('a.vk'), 'let  x=\n')

    def test_fmt_check_names_files_and_writes_nothing(self):
        self.write('a.vk', 'let  x=1\n')
        self.write('b.vk', 'let x = 1\n')
        self.assertEqual(run('fmt', '--check', 'a.vk', 'b.vk', cwd=self.folder.name), (1, b'a.vk\n', b''))
        self.assertEqual(self.read('a.vk'), 'let  x=1\n')
        self.assertEqual(run('fmt', '--check', 'b.vk', cwd=self.folder.name), (0, b'', b''))
        self.assertEqual(run('fmt', '--check', '-', text=b'let  x=1\n')[:2], (1, b''))

    def test_files_that_cannot_be_read(self):
        for command in ('check', 'fmt'):
            code, out, err = run(command, 'none.vk', cwd=self.folder.name)
            self.assertEqual((code, out), (2, b''))
            self.assertIn(b'none.vk: No such file or directory', err)
            self.assertIn(b'is a folder', run(command, '.', cwd=self.folder.name)[2])

    def test_usage(self):
        for arguments, words in ((), b'usage: vkd'), (('chekc',), b"did you mean 'check'?"), (('--no',), b'unknown flag'), \
                (('check',), b'which file?'), (('fmt', '--chek', 'a'), b"unknown flag '--chek'"), (('fmt',), b'which file?'), \
                (('check', '-x'), b"unknown flag '-x'"):
            code, out, err = run(*arguments)
            self.assertEqual((code, out), (2, b''), arguments)
            self.assertIn(words, err)
        for arguments in ('--help',), ('help',), ('check', '--help'), ('fmt', '--help'), ('--version',):
            code, out, err = run(*arguments)
            self.assertEqual((code, err), (0, b''))
            self.assertIn(b'vkd', out)


def numbered(count, form, between=', '):
    return between.join(form.format(i) for i in range(count))


class Limits(unittest.TestCase):
    """Each limit that the syntax has: at it understood, one more refused by name."""

    def limit(self, most, program, words):
        for count in (most - 1, most):
            self.assertEqual(parse(program(count)), '', count)
        said = check(program(most + 1))
        self.assertIn(words, said)
        self.assertEqual(said.count('error:'), 1, said)

    def test_parameters(self):
        self.limit(16, lambda n: f'fn f({numbered(n, "p{}: Int")}) {{}}\n', 'parameters: at most 16, here are 17')

    def test_arguments(self):
        self.limit(16, lambda n: f'fn f() {{ g({numbered(n, "{}")}) }}\n', 'arguments of a call: at most 16')

    def test_fields(self):
        self.limit(64, lambda n: f'record R {{ {numbered(n, "f{}: Int")} }}\n', 'fields of a record: at most 64')

    def test_variants(self):
        self.limit(256, lambda n: f'enum E {{ {numbered(n, "V{}")} }}\n', 'variants of an enum: at most 256')

    def test_payload(self):
        self.limit(16, lambda n: f'enum E {{ V({numbered(n, "Int")}) }}\n', 'payload of a variant: at most 16')

    def test_captures(self):
        self.limit(8, lambda n: f'http on 80 {{ GET "/{numbered(n, "{{c{}}}", "/")}" => status(200) }}\n', 'captures of a route: at most 8')

    def test_query(self):
        self.limit(16, lambda n: f'http on 80 {{ GET "/?{numbered(n, "{{c{}}}", "&")}" => status(200) }}\n', 'query parameters of a route: at most 16')

    def test_blocks(self):
        self.limit(8, lambda n: numbered(n, 'http on 8{} {{ GET "/" => status(200) }}', '\n') + '\n',
                   'http blocks of a program: at most 8')

    def test_routes(self):
        self.limit(512, lambda n: 'http on 80 {\n' + numbered(n, 'GET "/{}" => status(200)', '\n') + '\n}\n', 'routes of a block: at most 512')

    def test_name(self):
        self.limit(64, lambda n: f'let {"a" * n} = 1\n', 'a name has at most 64 bytes, this one has 65')

    def test_text(self):
        def program(count):
            lines = ('x' * 1023 + '\n') * (count // 1024)
            return f'let a = """\n{lines}{"x" * (count % 1024 - 1)}\n"""\n' if count % 1024 else f'let a = """\n{lines}"""\n'
        self.limit(65536, program, 'a text has at most 65536 bytes, this one has 65537')

    def test_line(self):
        self.limit(65536, lambda n: 'let a = 1 //' + 'x' * (n - 12) + '\n', 'a line has at most 65536 bytes, this one has 65537')

    def test_file(self):
        line = '//' + 'x' * 61 + '\n'
        self.limit(1 << 20, lambda n: line * (n // 64) + '\n' * (n % 64), 'is longer than 1 MiB')

    def test_nesting(self):
        for begin, end in ('(', ')'), ('[', ']'), ('-', ''), ('!', ''), ('f(', ')'), ('{\n', '\n}'), ('if a { ', ' }'), \
                ('fn() => ', ''), ('await ', ''), ('a ?? ', ''), ('a[', ']'), ('{ 1: ', ' }'), ('R { a: ', ' }'), ('json { a: ', ' }'), \
                ('match a { _ => ', ' }'), ('return ', ''), ('"{', '}"'), ('spawn { ', ' }'), ('json ', ''):
            with self.subTest(begin=begin):
                self.assertEqual(parse('let a = ' + begin * 60 + '1' + end * 60 + '\n'), '')
                for count in (201, 400, 3000):
                    said = check('let a = ' + begin * count + '1' + end * count + '\n')
                    self.assertIn('nested too deep: at most 200', said)
                    self.assertEqual(said.count('error:'), 1, said[:400])
        self.limit(200, lambda n: 'let a = ' + '(' * n + '1' + ')' * n + '\n', 'nested too deep')

    def test_nesting_of_types_and_patterns(self):
        for begin, end in ('List<', '>'), ('fn(', ')'), ('fn() -> ', ''), ('(', ')'), ('', '?'):
            with self.subTest(begin=begin, end=end):
                self.assertEqual(parse('fn f(a: ' + begin * 100 + 'Int' + end * 100 + ') {}\n'), '')
                self.assertIn('nested too deep', check('fn f(a: ' + begin * 10000 + 'Int' + end * 10000 + ') {}\n'))
        for begin, end in ('A(', ')'), ('[', ']'), ('R { a: ', ' }'), ('(', ')'):
            with self.subTest(begin=begin, end=end):
                self.assertEqual(parse('let a = match b { ' + begin * 100 + 'x' + end * 100 + ' => 1 }\n'), '')
                self.assertIn('nested too deep', check('let a = match b { ' + begin * 10000 + 'x' + end * 10000 + ' => 1 }\n'))

    def test_arms(self):
        """No limit: the time grows with the square of the arms at most. A cube would be minutes here."""
        for kind, arm in (('Int', '{}'), ('Str', '"k{}"'), ('E', 'Of({}, 1)'), ('Int', 'n if n == {}')):
            with self.subTest(arm):
                start = time.monotonic()
                text = f'fn f(e: {kind}) -> Int {{\nmatch e {{\n{numbered(5000, arm + " => 1", chr(10))}\n_ => 0\n}}\n}}\n'
                self.assertEqual(check('enum E { Of(Int, Int), None }\n' + text), '')
                again = check('enum E { Of(Int, Int), None }\n' + text.replace('4999', '0'))
                self.assertEqual('nothing reaches this arm' in again, 'if' not in arm)
                self.assertLess(time.monotonic() - start, 20)

    def test_chain(self):
        for link in ' + 1', '.a', '()', '[0]', '? ', ' && b':
            with self.subTest(link=link):
                self.assertEqual(parse('let a = b' + link * 900 + '\n'), '')
                self.assertIn('at most 1000 operators', check('let a = b' + link * 5000 + '\n'))
        self.limit(1000, lambda n: 'let a = b' + ' + 1' * n + '\n', 'this expression is too long: at most 1000')
        self.limit(1000, lambda n: 'fn f() -> Int {\n{ b' + ' + 1' * n + ' }\n}\n', 'this expression is too long: at most 1000')

    def test_lets_that_need_one_another(self):
        def program(count):
            return ''.join(f'let a{i} = a{i + 1}\n' for i in range(count - 1)) + f'let a{count - 1} = 1\n'
        self.assertEqual(check(program(200)), '')
        self.assertIn('more than 200 top-level lets', check(program(201)))

    def test_size_of_a_type(self):
        def program(count):
            lines = ''.join(f'  let x{i + 1} = P {{ a: x{i}, b: x{i} }}\n' for i in range(count))
            return 'record P<A, B> { a: A, b: B }\n\nfn f() {\n  let x0 = 1\n' + lines + '}\n'
        self.assertEqual(check(program(8)), '')
        for count in 9, 60:
            said = check(program(count))
            self.assertIn('the type of this is too large: more than 1000', said)
            self.assertEqual(said.count('error:'), 1, said)

    def test_instances_and_types_without_end(self):
        said = check('fn grow<T>(x: T, n: Int) -> Int { if n == 0 { 0 } else { grow([x], n - 1) } }\n\n'
                     'test "t" { assert grow(1, 3) == 0 }\n')
        self.assertRegex(said, 'more than 4096 instances|the type of this is too large')

    def test_many_errors_are_cut_and_counted(self):
        said = check('let = 1\n' * 200)
        self.assertEqual(said.count('error:'), 50)
        self.assertTrue(said.endswith('and 150 more\n200 errors\n'), said[-100:])


class Bytes(unittest.TestCase):
    """Bytes that are no source text."""

    def test_what_is_not_utf8(self):
        for bad in b'\xff', b'\xc0\x80', b'\xe0\x80\x80', b'\xed\xa0\x80', b'\xf4\x90\x80\x80', b'\xe2\x82':
            self.assertIn('is not UTF-8', check(b'let a = "' + bad + b'"\n'))
        self.assertEqual(check('let a = "\u20ac\U0001f600\u07ff"\n'), '')

    def test_marks_and_controls(self):
        self.assertIn('byte order mark', check(b'\xef\xbb\xbflet a = 1\n'))
        self.assertIn('carriage return', check(b'let a = 1\rlet b = 2\n'))
        self.assertIn('a control character, U+0000', check(b'let a = \x001\n'))
        self.assertIn('a control character, U+0007', check(b'let a = "\x07"\n'))
        self.assertEqual(check(b'let a = 1\r\nlet b = "\t"\r\n'), '')


if __name__ == '__main__':
    unittest.main()
