#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server of bytecode.

Goal: handlers see their request, answer, wait; each way to fail ends one
request with a line in the log that says why and where, and nothing else.
Method: an assembled module behind vm_serve, requests over the loopback.

Usage: test_web.py VM_SERVE MODULE
"""
import http.client
import re
import subprocess
import sys
import unittest

ROUTES = {'GET /': 'hello', 'POST /echo': 'echo', 'GET /show/{x}': 'show', 'GET /wait': 'wait', 'GET /loop': 'loop',
          'GET /deep': 'deep', 'GET /grow': 'grow', 'GET /divide': 'divide', 'GET /index': 'index'}


class Web(unittest.TestCase):
    def setUp(self):
        command = [sys.argv[1], sys.argv[2]] + [f'{pattern}={name}' for pattern, name in ROUTES.items()]
        self.server = subprocess.Popen(command + ['--', '--listen', '127.0.0.1:0'], stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, text=True)
        self.port = None
        for line in self.server.stdout:
            found = re.search(r'127\.0\.0\.1:(\d+)', line)
            if found:
                self.port = int(found.group(1))
                break

    def tearDown(self):
        self.server.terminate()
        self.server.wait(20)
        self.server.stdout.close()

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=60)
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, text

    def test_answers(self):
        self.assertEqual(self.ask('GET', '/'), (200, 'Hello, World!'))
        self.assertEqual(self.ask('GET', '/wait'), (200, 'Hello, World!'))
        self.assertEqual(self.ask('GET', '/nowhere')[0], 404)
        self.assertEqual(self.ask('POST', '/')[0], 405)

    def test_sees_the_request(self):
        self.assertEqual(self.ask('GET', '/show/a%20b'), (200, 'a b /show/a b none none'))
        self.assertEqual(self.ask('GET', '/show/x?name=J+D', headers={'x-test': 'yes'}), (200, 'x /show/x J D yes'))

    def test_reads_bodies(self):
        self.assertEqual(self.ask('POST', '/echo', 'body'), (201, 'POST body'))
        self.assertEqual(self.ask('POST', '/echo', ''), (201, 'POST '))
        self.assertEqual(self.ask('POST', '/echo', 'x' * 8000), (201, 'POST ' + 'x' * 8000))
        self.assertEqual(self.ask('POST', '/echo', iter([b'in ', b'chunks'])), (201, 'POST in chunks'))
        self.assertEqual(self.ask('POST', '/echo', 'x' * 60000)[0], 413)
        self.assertEqual(self.ask('POST', '/echo', b'\xff')[0], 400)

    def test_each_failure_is_one_requests(self):
        failures = {'/loop': 'CPU limit in loop', '/deep': 'recursion too deep in deep', '/grow': 'out of memory in grow',
                    '/divide': 'division by zero in divide', '/index': 'index out of range in index'}
        for path, why in failures.items():
            self.assertEqual(self.ask('GET', path)[0], 500)
            line = self.server.stdout.readline()
            self.assertIn(f'trap: {why}:', line)
            self.assertIn('crashed', self.server.stdout.readline())
            self.assertEqual(self.ask('GET', '/'), (200, 'Hello, World!'))


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
