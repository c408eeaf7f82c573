#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files that a program carries (docs/language.md, section 7.1).

Goal: they come from the folder of the source that names them and from nowhere else, up to their limits; a module
carries them; they are served as what they are. Method: programs and files in folders made for each test, at, below
and above the limits; `vkd run` of one of them over a socket.

Usage: test_embed.py VKD
"""
import hashlib
import http.client
import os
import re
import signal
import subprocess
import sys
import tempfile
import unittest

VKD = os.path.abspath(sys.argv[1])
del sys.argv[1]
MIB = 1 << 20


class Embed(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = holder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, content):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), 'wb') as file:
            file.write(content if isinstance(content, bytes) else content.encode())

    def run_vkd(self, *arguments, cwd=None):
        done = subprocess.run([VKD, *arguments], stdin=subprocess.DEVNULL, capture_output=True, cwd=cwd or self.folder,
                              timeout=120, check=False, env={**os.environ, 'NO_COLOR': '1'})
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def assert_passes(self, *arguments, cwd=None):
        self.assertEqual(self.run_vkd('test', *arguments, cwd=cwd), (0, '1 passed, 0 failed\n', ''))

    def assert_refused(self, words):
        code, out, err = self.run_vkd('check', 'a.vk')
        self.assertEqual((code, out), (1, ''))
        self.assertIn(words, err)

    def test_from_the_folder_of_the_source_whatever_the_folder_one_is_in(self):
        self.write('app/main.vk', 'import lib/page\n\ntest "t" {\n  assert page.text() == "lib" && embed("x.txt") == "app"\n}\n')
        self.write('app/lib/page.vk', 'pub fn text() -> Str { embed("x.txt") }\n')
        self.write('app/x.txt', 'app')
        self.write('app/lib/x.txt', 'lib')
        self.assert_passes('app/main.vk')
        self.assert_passes('main.vk', cwd=self.path('app'))
        self.assert_passes(self.path('app/main.vk'), cwd='/')
        self.assert_passes('../main.vk', cwd=self.path('app/lib'))

    def test_links_lead_where_they_may(self):
        self.write('app/a.vk', 'test "t" { assert embed("in.txt") == "x" && embed("sub/x.txt") == "x" }\n')
        self.write('app/sub/x.txt', 'x')
        self.write('out.txt', 'secret')
        os.symlink('sub/x.txt', self.path('app/in.txt'))
        self.folder = self.path('app')
        self.assert_passes('a.vk')
        os.remove(self.path('in.txt'))
        os.symlink('../out.txt', self.path('in.txt'))
        self.assert_refused('cannot embed `in.txt`: it is a link that leads out of the folder of this source\n')
        os.remove(self.path('in.txt'))
        os.rename(self.path('sub'), self.path('../appsub'))
        os.symlink('../appsub', self.path('sub'))
        self.write('in.txt', 'x')
        self.assert_refused('cannot embed `sub/x.txt`: it is a link that leads out of the folder of this source\n')

    def test_only_files_that_can_be_read(self):
        self.write('a.vk', 'let a = embed_bytes("it")\n')
        os.mkfifo(self.path('it'))
        self.assert_refused('cannot embed `it`: it is no file\n')
        os.remove(self.path('it'))
        self.write('it', 'x')
        os.chmod(self.path('it'), 0)
        if not os.access(self.path('it'), os.R_OK):
            self.assert_refused('cannot embed `it`: Permission denied\n')

    def test_a_file_has_at_most_8_mib(self):
        self.write('a.vk', f'test "t" {{ assert embed_bytes("big").len == {8 * MIB} }}\n')
        self.write('big', b'\xff' * (8 * MIB))
        self.assert_passes('a.vk')
        self.write('big', b'\xff' * (8 * MIB + 1))
        self.assert_refused('`big` has more than 8 MiB, the most that one file may have\n')

    def test_all_files_have_at_most_64_mib(self):
        for i in range(8):
            self.write(f'{i}', bytes([i]) * (8 * MIB))
        self.write('8', 'x')
        calls = ' + '.join(f'embed_bytes("{i}").len' for i in range(8))
        self.write('a.vk', f'test "t" {{ assert {calls} + embed_bytes("0").len == {72 * MIB} }}\n')
        self.assert_passes('a.vk')
        self.write('a.vk', f'test "t" {{ assert {calls} + embed_bytes("8").len > 0 }}\n')
        self.assert_refused('with `8` the files of this program have more than 64 MiB together\n')

    def test_a_file_is_in_the_module_once(self):
        content = os.urandom(100_000)
        self.write('x.bin', content)
        self.write('same.bin', content)
        os.symlink('x.bin', self.path('link.bin'))
        self.write('a.vk', 'let a = embed_bytes("x.bin")\nlet b = [embed_bytes("x.bin"), embed_bytes("link.bin")]\n\n'
                           'fn c() -> Bytes { embed_bytes("same.bin") }\n\nhttp on 8080 {\n'
                           '  GET "/" => bytes("a/b", c() + a + b[0])\n  GET "/x" => asset("x.bin")\n}\n')
        self.assertEqual(self.run_vkd('build', 'a.vk'), (0, '', ''))
        with open(self.path('a.vkb'), 'rb') as file:
            module = file.read()
        self.assertEqual(module.count(content), 1)
        self.assertLess(len(module), len(content) + 10_000)

    def test_a_module_needs_the_files_no_longer(self):
        self.write('x.txt', 'carried')
        self.write('a.vk', 'let x = embed("x.txt")\n\ntest "t" { assert x == "carried" }\n')
        self.assertEqual(self.run_vkd('build', '--tests', 'a.vk'), (0, '', ''))
        os.remove(self.path('x.txt'))
        self.assert_passes('a.vkb')
        code, out, _ = self.run_vkd('disasm', 'a.vkb')
        self.assertEqual(code, 0)
        self.assertIn('"carried"', out)

    def test_build_does_not_write_over_a_file(self):
        self.write('x.txt', 'precious')
        self.write('a.vk', 'let x = embed("x.txt")\n')
        code, out, err = self.run_vkd('build', 'a.vk', '-o', './x.txt')
        self.assertEqual((code, out), (2, ''))
        self.assertIn("'./x.txt' is a source of the program and would be lost", err)
        with open(self.path('x.txt'), 'rb') as file:
            self.assertEqual(file.read(), b'precious')

    def test_the_type_is_by_the_end_of_the_name(self):
        cases = {'a.html': 'text/html; charset=utf-8', 'a.HTM': 'text/html; charset=utf-8', 'a.b.css': 'text/css; charset=utf-8',
                 'a.js': 'text/javascript; charset=utf-8', 'a.mjs': 'text/javascript; charset=utf-8',
                 'a.json': 'application/json', 'a.svg': 'image/svg+xml', 'a.png': 'image/png', 'a.JPG': 'image/jpeg',
                 'a.ico': 'image/vnd.microsoft.icon', 'a.woff2': 'font/woff2', 'a.wasm': 'application/wasm',
                 'a.pdf': 'application/pdf', 'a': 'application/octet-stream', 'a.': 'application/octet-stream',
                 'a.pngx': 'application/octet-stream', 'x.png/a': 'application/octet-stream', 'bad.txt': 'text/plain'}
        for name in cases:
            self.write(name, b'\xff' if name == 'bad.txt' else b'x')
        routes = ''.join(f'  GET "/{i}" => asset("{name}")\n' for i, name in enumerate(cases))
        checks = ''.join(f'  assert (GET "/{i}").header("content-type") == Some("{kind}")\n'
                         for i, kind in enumerate(cases.values()))
        self.write('a.vk', f'http on 8080 {{\n{routes}}}\n\ntest "t" {{\n{checks}}}\n')
        self.assert_passes('a.vk')

    def test_served_over_a_socket(self):
        large = os.urandom(5 * MIB)
        self.write('large.bin', large)
        self.write('page.html', '<p>hi</p>')
        self.write('a.vk', 'http on "127.0.0.1:0" {\n  GET "/large" => asset("large.bin")\n'
                           '  GET "/page" => asset("page.html")\n}\n')
        with subprocess.Popen([VKD, 'run', 'a.vk', '--workers', '1'], cwd=self.folder, stderr=subprocess.PIPE,
                              text=True) as server:
            try:
                port = int(re.search(r'http://127\.0\.0\.1:(\d+)', server.stderr.readline()).group(1))
                connection = http.client.HTTPConnection('127.0.0.1', port, timeout=20)
                tag = f'"{hashlib.sha256(large).hexdigest()[:32]}"'
                for method, sent, status, body in [('GET', '', 200, large), ('GET', tag, 304, b''), ('GET', '"x"', 200, large),
                                                   ('HEAD', '', 200, b''), ('HEAD', f'W/{tag}', 304, b'')]:
                    connection.request(method, '/large', headers={'If-None-Match': sent} if sent else {})
                    response = connection.getresponse()
                    self.assertEqual((response.status, response.read() == body), (status, True))
                    self.assertEqual(response.headers['ETag'], tag)
                connection.request('GET', '/page')
                response = connection.getresponse()
                self.assertEqual((response.read(), response.headers['Content-Type']),
                                 (b'<p>hi</p>', 'text/html; charset=utf-8'))
                connection.close()
            finally:
                server.send_signal(signal.SIGTERM)
                self.assertEqual(server.wait(timeout=20), 0)


if __name__ == '__main__':
    unittest.main()
