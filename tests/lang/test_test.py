#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`vkd test`, `vkd init` and the command line from outside.

Goal: what docs/language.md, section 11, promises: which tests run, what is said of those that fail, that a
seed is a run, what a wrong command line is told.
Method: small programs in folders of their own. Usage: test_test.py VKD ROOT
"""
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

VKD, ROOT = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
del sys.argv[1:3]

ECHO = """
http on 8080, heap: 1m {
  POST "/echo" => text(req.text())
  GET "/wait/{ms: Int}" => {
    sleep(1ms * ms)
    text("{ms}")
  }
}
"""


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), 'w', encoding='utf-8') as file:
            file.write(text)

    def run_vkd(self, *arguments):
        """(exit code, standard output, standard error); never an exit by a signal."""
        done = subprocess.run([VKD, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
                              cwd=self.folder.name, check=False, env={**os.environ, 'NO_COLOR': '1'})
        self.assertGreaterEqual(done.returncode, 0, done.stderr)
        return done.returncode, done.stdout, done.stderr

    def vkd_test(self, text, *flags):
        """Exit code and lines of standard output for a program; nothing may go to standard error."""
        self.write('a.vk', text)
        code, out, err = self.run_vkd('test', *flags, 'a.vk')
        self.assertEqual(err, '')
        return code, out.split('\n')[:-1]


class Verdicts(Case):
    def test_all_pass(self):
        self.assertEqual(self.vkd_test('test "a" { assert 1 + 1 == 2 }\ntest "b" { log("unseen") }\n'),
                         (0, ['2 passed, 0 failed']))

    def test_a_failure_is_one_line_with_its_log(self):
        code, out = self.vkd_test('test "sums up" {\n  log("first")\n  let n = 2\n  assert n + 1 == 4\n}\ntest "b" {}\n')
        self.assertEqual((code, out), (1, ['a.vk:4: "sums up": assertion failed: n + 1 == 4 (left 3, right 4)', '    first',
                                           'with --seed 1 it is the same again', '1 passed, 1 failed']))

    def test_the_line_is_the_tests_own_and_calls_follow(self):
        code, out = self.vkd_test('fn inner(n: Int) -> Int { 10 / n }\n\nfn outer() -> Int { inner(0) + 1 }\n\n'
                                  'test "divides" {\n  let _ = outer()\n}\n')
        self.assertEqual(code, 1)
        self.assertEqual(out[:2], ['a.vk:6: "divides": division by zero', '    in inner:1 < outer:3 < divides:6'])

    def test_a_name_with_in_and_digits(self):
        code, out = self.vkd_test('test "in 3 < 4 in x:9" {\n  fail "lost in a:1"\n}\n')
        self.assertEqual((code, out[0]), (1, 'a.vk:2: "in 3 < 4 in x:9": failed: lost in a:1'))

    def test_kinds_of_failure(self):
        for body, words in (('fail "no"', 'failed: no'), ('let xs = [1]\n  log("{xs[n]}")', 'index out of range'),
                            ('assert n < 0', 'assertion failed: n < 0 (left 1, right 0)'),
                            ('assert "a" == "b{n}"', 'assertion failed: "a" == "b{n}" (left "a", right "b1")'),
                            ('assert n == 1 && n == 2', 'assertion failed: n == 1 && n == 2'),
                            ('assert 1.5 * n.to_float < 1.0', 'assertion failed: 1.5 * n.to_float < 1.0 (left 1.5, right 1.0)'),
                            ('assert 1h == 90min', 'assertion failed: 1h == 90min (left 1h, right 90min)'),
                            ('assert true == (n == 2)', 'assertion failed: true == (n == 2) (left true, right false)')):
            with self.subTest(body=body):
                code, out = self.vkd_test(f'test "t" {{\n  var n = 1\n  {body}\n}}\n')
                self.assertEqual(code, 1)
                self.assertRegex(out[0], r'^a\.vk:[34]: "t": ' + re.escape(words) + '$')

    def test_sleep_takes_no_time(self):
        began = time.monotonic()
        code, out = self.vkd_test('test "t" {\n  let began = now()\n  sleep(5000h)\n  assert now() - began >= 5000h && now() - began < 5001h\n'
                                  '  log("{time()}")\n}\n', '--verbose')
        self.assertEqual((code, out), (0, ['a.vk:1: "t": passed', '    1785225600', '1 passed, 0 failed']))
        self.assertLess(time.monotonic() - began, 10)

    def test_ten_thousand_hours_are_the_most(self):
        code, out = self.vkd_test('test "t" { sleep(10001h) }\n')
        self.assertEqual((code, out[0]), (1, 'a.vk:1: "t": 10,000 hours of its clock have passed'))

    def test_the_log_is_cut(self):
        code, out = self.vkd_test('test "t" {\n  for i in 0..3000 { log("{i} " + "x".repeat(90)) }\n  fail ""\n}\n')
        self.assertEqual(code, 1)
        self.assertRegex(out[-3], '^    and [0-9]+ more lines$')
        self.assertLess(len('\n'.join(out)), 80000)

    def test_a_test_has_sixteen_megabytes(self):
        code, out = self.vkd_test('test "fits" { assert "x".repeat(7000000).len == 7000000 }\n'
                                  'test "does not" { log("x".repeat(20000000)) }\n')
        self.assertEqual((code, out[0], out[-1]), (1, 'a.vk:2: "does not": out of memory', '1 passed, 1 failed'))

    def test_a_long_side_is_cut(self):
        code, out = self.vkd_test('test "t" { assert "ab".repeat(500) == "" }\n')
        self.assertEqual(code, 1)
        self.assertRegex(out[0], r'\(left "(ab)+a?\.\.\., right ""\)$')
        self.assertLess(len(out[0]), 200)


class Requests(Case):
    def test_through_the_server(self):
        code, out = self.vkd_test(ECHO + 'test "t" {\n  let r = POST "/echo", body: "hi"\n  log("{r.status} {r.text()} {r.bytes().len}")\n'
                                  '  log("{r.header("CONTENT-TYPE") ?? ""} {(GET "/").status}")\n}\n', '--verbose')
        self.assertEqual((code, out[1:3]), (0, ['    200 hi 2', '    text/plain; charset=utf-8 404']))

    def test_time_of_the_server_is_virtual(self):
        began = time.monotonic()
        code, out = self.vkd_test(ECHO + 'test "t" {\n  let at = now()\n  assert (GET "/wait/20000").text() == "20000"\n'
                                  '  assert now() - at >= 20s && now() - at < 21s\n}\n')
        self.assertEqual((code, out), (0, ['1 passed, 0 failed']))
        self.assertLess(time.monotonic() - began, 10)

    def test_a_trap_of_the_server_is_in_the_log(self):
        code, out = self.vkd_test('http on 80 { GET "/" => text("{[1][4]}") }\n\ntest "t" { assert (GET "/").status == 200 }\n')
        self.assertEqual(code, 1)
        self.assertEqual(out[0], 'a.vk:3: "t": assertion failed: (GET "/").status == 200 (left 500, right 200)')
        self.assertIn('    a: trap: index out of range in ', out[1])

    def test_without_a_server(self):
        code, out = self.vkd_test('test "t" { let _ = GET "/x" }\n')
        self.assertEqual((code, out[0]), (1, 'a.vk:1: "t": failed: GET /x: the program has no `http` block'))

    def test_json(self):
        code, out = self.vkd_test('record Todo { id: Int, title: Str }\n\nhttp on 80 {\n  GET "/good" => json { id: 1, title: "a" }\n'
                                  '  GET "/bad" => text("no json")\n}\n\ntest "good" {\n  let t: Todo = (GET "/good").json()\n'
                                  '  assert t == Todo { id: 1, title: "a" }\n}\n\ntest "bad" {\n  let t: Todo = (GET "/bad").json()\n}\n')
        self.assertEqual((code, out[-1]), (1, '1 passed, 1 failed'))
        self.assertRegex(out[0], '^a.vk:14: "bad": failed: malformed JSON')

    def test_a_text_that_is_none(self):
        code, out = self.vkd_test('http on 80 { GET "/" => bytes("a/b", b"\\xff") }\n\ntest "t" {\n  let r = GET "/"\n'
                                  '  assert r.bytes() == b"\\xff"\n  log(r.text())\n}\n')
        self.assertEqual((code, out[0]), (1, 'a.vk:6: "t": failed: the reply\'s body is no UTF-8: bytes() gives it as it is'))

    def test_at_once(self):
        many = ('  var all: List<Fiber<Reply>> = []\n  for i in 0..{} {{ all.push(spawn {{ GET "/wait/5" }}) }}\n'
                '  var sum = 0\n  for f in all {{ sum += (await f).status }}\n  log("{{sum}}")\n')
        code, out = self.vkd_test(ECHO + f'test "a" {{\n{many.format(1000)}}}\n\ntest "b" {{\n{many.format(1001)}}}\n', '--verbose')
        self.assertEqual(code, 1)
        self.assertIn('    200000', out)
        self.assertIn('"b": failed: GET /wait/5: more than 1,000 requests at once', '\n'.join(out))

    def test_requests_stand_in_tests_only(self):
        self.write('a.vk', 'fn f() -> Int { (GET "/").status }\n')
        code, out, err = self.run_vkd('test', 'a.vk')
        self.assertEqual((code, out), (1, '1 file with errors\n0 passed, 0 failed\n'))
        self.assertIn('a.vk:1:17: error: requests are made in tests only', err)


ACTORS = """
actor Counter(first: Int) {
  var n = first

  on add(k: Int) -> Int {
    n += k
    n
  }
  on boom() { fail "boom" }
}

actor Clock() {
  var n = 0

  every 10s { n += 1 }
  on ticks() -> Int { n }
}

supervise restart(max: 2, per: 10s) {
  counter = Counter(5)
}

http on 80 { GET "/" => text("{await counter.add(1)}") }
"""


class Actors(Case):
    def test_each_test_has_fresh_ones(self):
        code, out = self.vkd_test(ACTORS + 'test "a" { assert (await counter.add(1)) == 6 }\n\n'
                                  'test "b" { assert (GET "/").text() + (GET "/").text() == "67" }\n\n'
                                  'test "c" { assert (await counter.add(1)) == 6 }\n')
        self.assertEqual((code, out), (0, ['3 passed, 0 failed']))

    def test_every_follows_the_virtual_clock(self):
        code, out = self.vkd_test(ACTORS + 'test "a" {\n  let c = start Clock()\n  sleep(1h)\n  assert (await c.ticks()) >= 359\n}\n')
        self.assertEqual((code, out), (0, ['1 passed, 0 failed']))

    def test_an_actor_that_fails_fails_no_test(self):
        code, out = self.vkd_test(ACTORS + 'test "a" {\n  assert (try await counter.boom()) == Err(Died)\n  sleep(1s)\n'
                                  '  assert (await counter.add(0)) == 5\n}\n')
        self.assertEqual((code, out), (0, ['1 passed, 0 failed']))

    def test_a_supervisor_that_gives_up_does(self):
        code, out = self.vkd_test(ACTORS + 'test "a" {\n  for i in 0..4 {\n    let _ = try await counter.boom()\n    sleep(1s)\n  }\n}\n')
        self.assertEqual((code, out[0]), (1, 'a.vk:24: "a": a supervisor gave up: its actors ended too often'))
        self.assertEqual(sum('trap: failed: boom' in line for line in out), 3)
        self.assertFalse(any('crashed' in line for line in out), out)

    def test_what_can_never_happen(self):
        code, out = self.vkd_test(ACTORS + 'test "a" { log(await monitor(counter)) }\n')
        self.assertEqual((code, out[0]), (1, 'a.vk:24: "a": it waits for what can never happen'))

    def test_what_never_comes_to_an_end(self):
        code, out = self.vkd_test(ACTORS + 'test "a" { log(await monitor(start Clock())) }\n')
        self.assertEqual(code, 1)
        self.assertIn(out[0].removeprefix('a.vk:24: "a": '), ('5,000,000 turns of the kernel have passed, and it has not ended',
                                                             '10,000 hours of its clock have passed'))

    def test_a_call_that_gets_no_answer(self):
        code, out = self.vkd_test(ACTORS + 'test "a" {\n  let _ = await counter.boom()\n}\n')
        self.assertEqual(code, 1)
        self.assertRegex(out[0], '^a.vk:25: "a": call failed: actor Counter died during boom')

    def test_places_of_several_modules_name_their_files(self):
        self.write('lib/half.vk', 'pub fn of(n: Int) -> Int {\n  if n % 2 == 1 { fail "{n} in two" }\n  n / 2\n}\n')
        code, out = self.vkd_test('import lib/half\n\ntest "in the middle" {\n  assert half.of(3) == 1\n}\n')
        self.assertEqual((code, out[:2]), (1, ['a.vk:4: "in the middle": failed: 3 in two',
                                               '    in of (lib/half.vk:2) < in the middle (a.vk:4)']))

    def test_what_reached_its_deadline_says_where_it_was(self):
        code, out = self.vkd_test('http on 8080, deadline: 1s {\n  GET "/" => {\n    sleep(2s)\n    text("never")\n  }\n}\n'
                                  'test "late" { assert (GET "/").status == 200 }\n')
        self.assertEqual(code, 1)
        self.assertIn('    a: trap: deadline passed in route:3 < GET /:2', out)


RACE = ECHO + """
test "order" {
  var all: List<Fiber<Nil>> = []
  for i in 0..20 {
    all.push(spawn {
      let r = POST "/echo", body: "{i}"
      log("{r.text()} at {now()}")
    })
  }
  for f in all { await f }
}
"""


class Seeds(Case):
    def test_a_seed_is_a_run(self):
        first = self.vkd_test(RACE, '--seed', '7', '--verbose')
        self.assertEqual(first[0], 0)
        self.assertEqual(len(first[1]), 22)
        self.assertEqual(self.vkd_test(RACE, '--seed', '7', '--verbose'), first)
        self.assertEqual(self.vkd_test(RACE, '--verbose'), self.vkd_test(RACE, '--verbose', '--seed', '1'))

    def test_seeds_differ(self):
        orders = set()
        for seed in range(1, 6):
            lines = self.vkd_test(RACE, '--seed', str(seed), '--verbose')[1][1:-1]
            orders.add(tuple(line.split()[0] for line in lines))
            self.assertEqual(sorted(int(word) for word in [line.split()[0] for line in lines]), list(range(20)))
        self.assertGreater(len(orders), 2)

    def test_the_seed_of_a_failure_is_said(self):
        out = self.vkd_test('test "t" { fail "x" }\n', '--seed', '12345')[1]
        self.assertEqual(out[-2], 'with --seed 12345 it is the same again')


class Files(Case):
    def test_folders(self):
        self.write('one/a.vk', 'test "a" {}\n')
        self.write('one/deep/b.vk', 'test "b" {}\n')
        self.write('one/.hidden/c.vk', 'test "c" { fail "" }\n')
        self.write('one/.d.vk', 'test "d" { fail "" }\n')
        self.write('one/notes.txt', 'test "e" { fail "" }\n')
        self.write('two.vk', 'test "f" {}\n')
        self.assertEqual(self.run_vkd('test', 'one'), (0, '2 passed, 0 failed\n', ''))
        self.assertEqual(self.run_vkd('test', 'one/', 'two.vk'), (0, '3 passed, 0 failed\n', ''))
        self.assertEqual(self.run_vkd('test'), (0, '3 passed, 0 failed\n', ''))
        out = self.run_vkd('test', '--verbose', '.')[1]
        self.assertEqual(out, 'one/a.vk:1: "a": passed\none/deep/b.vk:1: "b": passed\ntwo.vk:1: "f": passed\n3 passed, 0 failed\n')

    def test_imports_below_a_folder(self):
        self.write('app/main.vk', 'import shop/cart\n\ntest "main" { assert cart.sum() == 3 }\n')
        self.write('app/shop/cart.vk', 'import shop/item\n\npub fn sum() -> Int { item.one() + 2 }\n\ntest "cart" { assert sum() == 3 }\n')
        self.write('app/shop/item.vk', 'pub fn one() -> Int { 1 }\n\ntest "item" { assert one() == 1 }\n')
        self.write('other/main.vk', 'import item\n\ntest "other" { assert item.one() == 7 }\n')
        self.write('other/item.vk', 'pub fn one() -> Int { 7 }\n')
        self.assertEqual(self.run_vkd('test', 'app'), (0, '3 passed, 0 failed\n', ''))
        self.assertEqual(self.run_vkd('test', '.'), (0, '4 passed, 0 failed\n', ''))
        self.assertEqual(self.run_vkd('test', 'app/main.vk'), (0, '1 passed, 0 failed\n', ''))

    def test_a_file_with_errors_does_not_hide_others(self):
        self.write('a.vk', 'test "a" { let x = }\n')
        self.write('b.vk', 'test "b" {}\n')
        code, out, err = self.run_vkd('test')
        self.assertEqual((code, out), (1, '1 file with errors\n1 passed, 0 failed\n'))
        self.assertIn('a.vk:1:20: error:', err)

    def test_a_let_that_cannot_be_computed(self):
        self.write('a.vk', 'let x = 1 / zero()\n\nfn zero() -> Int { 0 }\n\ntest "a" { assert x == 1 }\n')
        code, out, err = self.run_vkd('test')
        self.assertEqual((code, out), (1, '1 file with errors\n0 passed, 0 failed\n'))
        self.assertIn('a.vk:1: the top-level value `x` cannot be computed', err)

    def test_filter(self):
        self.write('a.vk', 'test "adds" {}\n\ntest "adds more" {}\n\ntest "takes" { fail "" }\n')
        self.assertEqual(self.run_vkd('test', '--filter', 'adds', 'a.vk'), (0, '2 passed, 0 failed\n', ''))
        self.assertEqual(self.run_vkd('test', '--filter', 'nothing', 'a.vk'),
                         (1, 'no tests whose name contains nothing\n0 passed, 0 failed\n', ''))

    def test_no_tests(self):
        self.write('a.vk', 'fn f() {}\n')
        self.assertEqual(self.run_vkd('test', 'a.vk'), (1, 'no tests\n0 passed, 0 failed\n', ''))
        os.mkdir(self.path('empty'))
        self.assertEqual(self.run_vkd('test', 'empty'), (1, 'no tests\n0 passed, 0 failed\n', ''))

    def test_modules(self):
        self.write('a.vk', ECHO + 'test "t" { assert (POST "/echo", body: "x").text() == "x" }\n')
        self.assertEqual(self.run_vkd('build', 'a.vk'), (0, '', ''))
        self.assertEqual(self.run_vkd('test', 'a.vkb'), (1, 'no tests\n0 passed, 0 failed\n', ''))
        plain = os.path.getsize(self.path('a.vkb'))
        self.assertEqual(self.run_vkd('build', '--tests', 'a.vk', '-o', 'b.vkb'), (0, '', ''))
        self.assertGreater(os.path.getsize(self.path('b.vkb')), plain)
        self.assertEqual(self.run_vkd('test', 'b.vkb'), (0, '1 passed, 0 failed\n', ''))
        code, out, err = self.run_vkd('run', 'b.vkb', '--listen=127.0.0.1:0')
        self.assertEqual((code, out), (1, ''))
        self.assertIn('b.vkb: it was built with its tests, which make requests: `vkd test` runs them', err)

    def test_a_hundred_tests_are_quick(self):
        text = ECHO + ''.join(f'test "{i}" {{ assert (POST "/echo", body: "{i}").text() == "{i}" }}\n' for i in range(100))
        began = time.monotonic()
        self.assertEqual(self.vkd_test(text), (0, ['100 passed, 0 failed']))
        self.assertLess(time.monotonic() - began, 5)  # a tenth of a second on an idle machine


class CommandLine(Case):
    def test_usage(self):
        for arguments, words in ((('test', '--chek'), "unknown flag '--chek'"), (('test', '-v'), "unknown flag '-v'"),
                                 (('test', '--seed'), '--seed needs a value'), (('test', '--filter'), '--filter needs a value'),
                                 (('test', '--seed', 'x'), "--seed takes a whole number from 1 on, not 'x'"),
                                 (('test', '--seed', '0'), "not '0'"), (('test', '--seed', '-1'), "not '-1'"),
                                 (('test', '--seed', '99999999999999999999'), 'takes a whole number'),
                                 (('build', 'a.vk', '--no'), "unknown flag '--no'"), (('build', 'a.vk', '-o'), '-o needs a name'),
                                 (('build', 'a', 'b'), 'one file at a time'), (('build',), 'which file?'), (('disasm',), 'which file?'),
                                 (('run',), 'which file?'), (('tset',), "did you mean 'test'?"), (('ini',), "did you mean 'init'?")):
            with self.subTest(arguments=arguments):
                code, out, err = self.run_vkd(*arguments)
                self.assertEqual((code, out), (2, ''))
                self.assertIn(words, err)
                self.assertIn('usage: vkd', err)

    def test_files_that_cannot_be_read(self):
        self.write('good.vk', 'test "a" {}\n')
        for paths in ('none.vk',), ('good.vk', 'none.vk'), ('none/',):
            code, out, err = self.run_vkd('test', *paths)
            self.assertEqual((code, out), (2, ''))
            self.assertIn('No such file or directory', err)
        for command in 'check', 'fmt', 'build', 'disasm', 'run':
            for path, why in ('none.vk', 'No such file or directory'), ('.', 'is a folder'):
                self.assertEqual(self.run_vkd(command, path), (2, '', f'vkd {command}: {path}: {why}\n'))
        os.chmod(self.path('good.vk'), 0)
        if os.geteuid() != 0:
            self.assertEqual(self.run_vkd('test', 'good.vk'), (2, '', 'vkd test: good.vk: Permission denied\n'))

    def test_help_names_every_command(self):
        code, out, err = self.run_vkd('--help')
        self.assertEqual((code, err), (0, ''))
        for command in 'run', 'build', 'check', 'fmt', 'test', 'init', 'disasm':
            self.assertRegex(out, rf'\n  {command} +[A-Z\[]')
            code, more, err = self.run_vkd(command, '--help')
            self.assertEqual((code, err), (0, ''))
            self.assertIn(f'usage: vkd {command}', more)

    def test_a_file_that_begins_with_a_dash(self):
        self.write('-a.vk', 'test "a" {}\n')
        self.assertEqual(self.run_vkd('test', '--', '-a.vk'), (0, '1 passed, 0 failed\n', ''))


class Init(Case):
    def test_what_it_makes(self):
        code, out, err = self.run_vkd('init', 'my-shop')
        self.assertEqual((code, err), (0, ''))
        self.assertEqual(out, 'made my-shop/main.vk; go on with\n\n  vkd test my-shop\n  vkd run my-shop/main.vk\n')
        self.assertEqual(sorted(os.listdir(self.path('my-shop'))), ['.gitignore', 'main.vk'])
        self.assertEqual(self.run_vkd('check', 'my-shop/main.vk'), (0, '', ''))
        self.assertEqual(self.run_vkd('fmt', '--check', 'my-shop/main.vk'), (0, '', ''))
        self.assertEqual(self.run_vkd('test', 'my-shop'), (0, '2 passed, 0 failed\n', ''))

    def test_it_serves(self):
        self.assertEqual(self.run_vkd('init', 'shop')[0], 0)
        server = subprocess.Popen([VKD, 'run', 'shop/main.vk', '--listen=127.0.0.1:0'], cwd=self.folder.name,
                                  stderr=subprocess.PIPE, text=True)
        try:
            port = re.search(r'127\.0\.0\.1:([0-9]+)', server.stderr.readline()).group(1)
            with urllib.request.urlopen(f'http://127.0.0.1:{port}/hi/Ada', timeout=20) as reply:
                self.assertEqual(reply.read(), b'Hello, Ada!')
        finally:
            server.send_signal(signal.SIGTERM)
            server.communicate(timeout=30)
        self.assertEqual(server.returncode, 0)

    def test_an_empty_folder_will_do(self):
        os.mkdir(self.path('shop'))
        self.assertEqual(self.run_vkd('init', 'shop')[0], 0)

    def test_a_folder_further_down(self):
        os.mkdir(self.path('apps'))
        self.assertEqual(self.run_vkd('init', 'apps/shop')[0], 0)
        with open(self.path('apps/shop/main.vk'), encoding='utf-8') as file:
            self.assertEqual(file.readline(), 'service shop\n')

    def test_what_is_there_stays(self):
        self.write('shop/main.vk', 'mine')
        self.assertEqual(self.run_vkd('init', 'shop'), (1, '', 'vkd init: shop: is there already, and is not empty\n'))
        self.write('file', '')
        self.assertEqual(self.run_vkd('init', 'file'), (1, '', 'vkd init: file: is there already, and is no folder\n'))
        with open(self.path('shop/main.vk'), encoding='utf-8') as file:
            self.assertEqual(file.read(), 'mine')

    def test_a_folder_that_cannot_be_made(self):
        self.assertEqual(self.run_vkd('init', 'none/shop'), (1, '', 'vkd init: none/shop: No such file or directory\n'))

    def test_bad_names(self):
        for name in 'Shop', '1shop', '.', '..', 'a b', 'é', 'shop/', '', 'a' * 65, 'a.b':
            with self.subTest(name=name):
                code, out, err = self.run_vkd('init', name)
                self.assertEqual((code, out), (2, ''))
                self.assertIn('is no name: a small letter, then', err)
        for name in 'test', 'actor', 'http':
            self.assertIn('is a word of the language', self.run_vkd('init', name)[2])
        self.assertEqual(os.listdir(self.folder.name), [])
        for arguments in (), ('a', 'b'), ('--x',):
            self.assertEqual(self.run_vkd('init', *arguments)[0], 2)


if __name__ == '__main__':
    unittest.main()
