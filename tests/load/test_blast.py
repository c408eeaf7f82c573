#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The load generator believes nothing: a wrong, short or missing answer fails its run.

Method: a small server that answers rightly a number of times and then not. Usage: test_blast.py BLAST
"""
import json
import socket
import subprocess
import sys
import threading
import time
import unittest

BLAST = sys.argv.pop(1)
GOOD = b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nHello, World!'
BLANK = b'\r\n\r\n'


class Fake:
    """Answers good_count requests with GOOD, those after with bad; None ends the connection.

    Before the answer to request pause_at it pauses, once.
    """

    def __init__(self, bad, good_count, pause_at=0, pause_s=0):
        self.bad, self.left = bad, good_count
        self.pause_at, self.pause_s = good_count - pause_at if pause_at else None, pause_s
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=64)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        with sock:
            data = b''
            try:
                while part := sock.recv(4096):
                    data += part
                    heads = data.count(BLANK)
                    data = data.rpartition(BLANK)[2]
                    for _ in range(heads):
                        self.left -= 1
                        if self.left == self.pause_at:
                            time.sleep(self.pause_s)
                        answer = GOOD if self.left >= 0 else self.bad
                        if answer is None:
                            return
                        sock.sendall(answer)
            except OSError:
                pass

    def blast(self, *args):
        port = str(self.listener.getsockname()[1])
        run = subprocess.run([BLAST, port, *args], capture_output=True, text=True, timeout=60)
        self.listener.close()
        return run


class Blast(unittest.TestCase):
    def test_good_answers_are_counted(self):
        run = Fake(None, 1 << 60).blast('4', '1', '0.3', '--latency')
        self.assertEqual(run.returncode, 0, run.stderr)
        result = json.loads(run.stdout)
        self.assertGreater(result['requests'], 0)
        self.assertEqual(result['answer_bytes'], len(GOOD))
        self.assertLessEqual(result['p50'], result['p99'])
        self.assertLessEqual(result['p99'], result['p999'])

    def assert_fails(self, bad, depth, text):
        run = Fake(bad, 20).blast('4', depth, '5')
        self.assertEqual((run.returncode, run.stdout), (1, ''), run.stderr)
        self.assertIn(text, run.stderr)

    def test_another_body_of_the_same_length_fails(self):
        self.assert_fails(GOOD[:-1] + b'?', '1', 'other bytes')
        self.assert_fails(GOOD[:-1] + b'?', '16', 'other bytes')

    def test_a_later_status_that_is_not_200_fails(self):
        self.assert_fails(GOOD.replace(b'200 OK', b'503 No'), '1', 'not a 200')

    def test_a_header_may_change(self):
        """Dates do, and stand in front of the body."""
        run = Fake(GOOD.replace(b'Content-Length: 13', b'content-length: 13'), 20).blast('4', '1', '0.1')
        self.assertEqual(run.returncode, 0, run.stderr)

    def test_a_body_is_sent_whole_though_the_answer_came_before(self):
        run = Fake(None, 1 << 60).blast('2', '1', '0.2', '--body', '3000000')
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertGreater(json.loads(run.stdout)['requests'], 0)

    def held(self, depth):
        port = str(Fake(None, 1 << 60).listener.getsockname()[1])
        return subprocess.Popen([BLAST, port, '20', depth, '0.1', '--held'], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def test_held_waits_for_its_line_and_keeps_connections_open(self):
        for depth in ('1', '0'):
            with self.held(depth) as process:
                self.assertEqual(process.stdout.readline(), 'open\n')
                process.stdin.write('\n')
                process.stdin.flush()
                self.assertGreater(json.loads(process.stdout.readline())['requests'], 0)
                self.assertIsNone(process.poll())
                process.stdin.close()
                self.assertEqual(process.wait(10), 0)

    def test_held_without_its_line_fails(self):
        with self.held('1') as process:
            self.assertEqual(process.stdout.readline(), 'open\n')
            process.stdin.close()
            self.assertEqual(process.wait(10), 1)
            self.assertIn('before the load began', process.stderr.read())

    def open_loop(self, fake, *args):
        run = fake.blast(*args)
        self.assertEqual(run.returncode, 0, run.stderr)
        result = json.loads(run.stdout)
        self.assertEqual(sum(count for _, count in result['histogram']), result['requests'] + result['unanswered'])
        return result

    def test_a_rate_is_so_many_requests(self):
        result = self.open_loop(Fake(None, 1 << 60), '4', '1', '0.5', '--rate', '200')
        self.assertEqual(result['requests'] + result['unanswered'], 100)  # a busy machine leaves some unanswered
        self.assertGreater(result['requests'], 0)
        self.assertGreaterEqual(result['seconds'], 0.49)
        self.assertLessEqual(result['p50'], result['p9999'])
        self.assertLessEqual(result['p9999'], result['max'])

    def test_one_pause_counts_for_all_that_it_held_up(self):
        """Of 500 requests in a second those of half a second are due during the pause; a closed loop sees one."""
        result = self.open_loop(Fake(None, 1 << 60, pause_at=100, pause_s=0.5), '1', '1', '1', '--rate', '500')
        slow = sum(count for ns, count in result['histogram'] if ns >= 100e6)
        self.assertGreaterEqual(slow, 190)
        self.assertGreaterEqual(result['max'], 490e3)

    def test_what_was_never_answered_counts_as_long_as_it_waited(self):
        result = self.open_loop(Fake(None, 1 << 60, pause_at=50, pause_s=30), '1', '1', '0.5', '--rate', '200')
        self.assertGreaterEqual(result['unanswered'], 50)
        self.assertEqual(result['requests'] + result['unanswered'], 100)
        self.assertGreaterEqual(result['p99'], 1e6)

    def test_a_longer_answer_fails(self):
        self.assert_fails(GOOD + b'x', '1', 'bad stream')

    def test_a_closed_connection_fails(self):
        self.assert_fails(None, '1', 'bad stream')

    def test_a_status_that_is_not_200_fails(self):
        run = Fake(GOOD.replace(b'200 OK', b'503 No'), 0).blast('1', '1', '1')
        self.assertEqual(run.returncode, 1)
        self.assertIn('not a 200', run.stderr)

    def test_bad_arguments_exit_2(self):
        for args in ([], ['0', '1', '1', '1'], ['80', '0', '1', '1'], ['80', '1', '1', '-1'], ['80', '1', '1', '1', '--x'],
                     ['80', '1', '1', '1', '--rate', '0'], ['80', '1', '16', '1', '--rate', '9'],
                     ['80', '1', '1', '1', '--rate', '9', '--latency'], ['80', '1', '16', '1', '--body', '5'], ['80', '1', '1', '1', '--body', '0']):
            self.assertEqual(subprocess.run([BLAST, *args], capture_output=True).returncode, 2)


if __name__ == '__main__':
    unittest.main(verbosity=2)
