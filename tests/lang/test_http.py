#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""HTTP of programs (docs/language.md, section 8), byte for byte.

Goal: what a program says is what goes over the wire, whatever it says and
whatever its client does; each failure is one request's. Method: `vkd run` of
one program, requests over raw sockets.

Usage: test_http.py VKD PROGRAM [COMMAND FLAGS]

COMMAND is what serves, `run` or `metal`.
"""
import hashlib
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
import unittest

COMMAND = sys.argv[3:] or ['run']

TEXT = 'Content-Type: text/plain; charset=utf-8\r\n'
CLOSE = 'Connection: close\r\n'


def head(status, *lines):
    """The head of a response of the first block, whose connection ends."""
    return (f'HTTP/1.1 {status}\r\nDate: D\r\nServer: trials\r\n' + ''.join(lines) + '\r\n').encode()


def said(status, body, *lines, kind=TEXT, close=True):
    """A whole response. Lines of the program's own come behind those of the server."""
    body = body if isinstance(body, bytes) else body.encode()
    end = CLOSE if close else ''
    return head(status, kind, end, f'Content-Length: {len(body)}\r\n', *lines) + body


def crashed(words, close=True):
    return said('503 Service Unavailable', f'sorry: {words}', 'x-crash: true\r\n', close=close)


def ask(target, method='GET', headers='', body=b'', close=True):
    end = CLOSE if close else ''
    return f'{method} {target} HTTP/1.1\r\nHost: a\r\n{end}{headers}\r\n'.encode() + body


def post(target, body, headers='', close=True):
    body = body if isinstance(body, bytes) else body.encode()
    return ask(target, 'POST', f'Content-Length: {len(body)}\r\n{headers}', body, close)


def chunked(target, *pieces, close=True):
    body = b''.join(b'%x\r\n%s\r\n' % (len(piece), piece) for piece in pieces) + b'0\r\n\r\n'
    return ask(target, 'POST', 'Transfer-Encoding: chunked\r\n', body, close)


def whole(response):
    """The body of a response in chunks, the last of which is there."""
    at, body = response.index(b'\r\n\r\n') + 4, []
    while True:
        end = response.index(b'\r\n', at)
        length = int(response[at:end], 16)
        if length == 0:
            return b''.join(body) if response[end:] == b'\r\n\r\n' else b'something behind the end'
        body.append(response[end + 2:end + 2 + length])
        at = end + 4 + length


FORM = 'Content-Type: application/x-www-form-urlencoded\r\n'
COOKIE = '; Path=/; HttpOnly; SameSite=Lax\r\n'
BAD = '400 Bad Request'

PIXEL = pathlib.Path(__file__).with_name('files').joinpath('pixel.gif').read_bytes()
TAG = f'"{hashlib.sha256(PIXEL).hexdigest()[:32]}"'

# name, request, response
CASES = [
    # ---- responses
    ('text', ask('/'), said('200 OK', 'hello')),
    ('html', ask('/html'), said('200 OK', '<p>hi</p>', kind='Content-Type: text/html; charset=utf-8\r\n')),
    ('bytes', ask('/bytes'), said('200 OK', b'\0\xff\n', kind='Content-Type: image/x\r\n')),
    ('bytes with a status', ask('/bytes/206'), said('206 Partial Content', 'ab', kind='Content-Type: image/x\r\n')),
    ('text with a status', ask('/text/404'), said('404 Not Found', 't')),
    ('html with a status', ask('/html/201'),
     said('201 Created', 'h', kind='Content-Type: text/html; charset=utf-8\r\n')),
    ('an unknown status', ask('/text/599'), said('599 ', 't')),
    ('a status too low', ask('/text/199'), crashed('a status is 200 to 599')),
    ('a status too high', ask('/status/600'), crashed('a status is 200 to 599')),
    ('a status alone', ask('/status/404'), said('404 Not Found', '', kind='')),
    ('204 has no body', ask('/text/204'), head('204 No Content', CLOSE)),
    ('304 has no body', ask('/text/304'), head('304 Not Modified', CLOSE)),
    ('205 has a body of nothing', ask('/text/205'), said('205 Reset Content', '')),
    ('205 of bytes', ask('/bytes/205'), said('205 Reset Content', '', kind='Content-Type: image/x\r\n')),
    ('205 with headers', ask('/changed/205'), said('205 Reset Content', '', 'x-a: 1\r\n')),
    ('205 of a stream', ask('/stream/205'), said('205 Reset Content', '', kind='Content-Type: text/plain\r\n')),
    ('a status set later', ask('/changed'), said('201 Created', 'a')),
    ('HEAD of a text', ask('/', 'HEAD'), head('200 OK', TEXT, CLOSE, 'Content-Length: 5\r\n')),
    ('HEAD with headers', ask('/bytesh', 'HEAD'),
     head('200 OK', 'Content-Type: a/b\r\n', CLOSE, 'Content-Length: 3\r\n', 'x-a: 1\r\n')),
    ('headers', ask('/headers'),
     said('203 Non-Authoritative Information', 'a', 'X-One: 1\r\n', 'x-one: 2\r\n', 'X-Two: \r\n')),
    ('headers of bytes', ask('/bytesh'), said('200 OK', 'xyz', 'x-a: 1\r\n', kind='Content-Type: a/b\r\n')),
    ('headers of json', ask('/jsonh'), said('200 OK', '[1,2]', 'etag: "e"\r\n', kind='Content-Type: application/json\r\n')),
    ('a file', ask('/asset'), said('200 OK', PIXEL, f'etag: {TAG}\r\n', kind='Content-Type: image/gif\r\n')),
    ('a file that is known', ask('/asset', headers=f'If-None-Match: "x"\r\nif-none-match: W/{TAG}\r\n'),
     head('304 Not Modified', CLOSE, f'etag: {TAG}\r\n')),
    ('a file that is not known', ask('/asset', headers='If-None-Match: "x"\r\n'),
     said('200 OK', PIXEL, f'etag: {TAG}\r\n', kind='Content-Type: image/gif\r\n')),
    ('a file that HEAD knows', ask('/asset', 'HEAD', headers=f'If-None-Match: {TAG}\r\n'),
     head('304 Not Modified', CLOSE, f'etag: {TAG}\r\n')),
    ('a tag of the program', ask('/jsonh', headers='If-None-Match: "e"\r\n'),
     head('304 Not Modified', CLOSE, 'etag: "e"\r\n')),
    ('a header that is the type', ask('/css'), said('200 OK', 'a', kind='Content-Type: text/css\r\n')),
    ('no type', ask('/notype'), said('200 OK', 'x', kind='')),
    ('a type of two lines', ask('/badtype'),
     crashed('a type of a response is at most 128 bytes without control characters')),
    ('a header of two lines', ask('/field?n=x-a&v=1%0d%0aX:2'),
     crashed('a control character in the value of the header: x-a')),
    ('a header with a NUL', ask('/field?n=x-a&v=%00'),
     crashed('a control character in the value of the header: x-a')),
    ('a header with a tab', ask('/field?n=x-a&v=1%092'), said('200 OK', 'a', 'x-a: 1\t2\r\n')),
    ('a header with UTF-8', ask('/field?n=x-a&v=%C3%A9'), said('200 OK', 'a', 'x-a: \u00e9\r\n')),
    ('a header without a name', ask('/field?n=&v=1'), crashed('this is no name of a header: ')),
    ('a name with a space', ask('/field?n=x+a&v=1'), crashed('this is no name of a header: x a')),
    ('a name with a colon', ask('/field?n=x:&v=1'), crashed('this is no name of a header: x:')),
    ('many headers', ask('/many/100'), said('200 OK', 'a', *[f'x-{i}: v\r\n' for i in range(100)])),
    ('too many headers', ask('/many/2000'), crashed('out of memory')),
    ('cookies', ask('/cookies'),
     said('200 OK', 'a', 'set-cookie: sid=abc' + COOKIE, 'set-cookie: b=' + COOKIE)),
    ('a cookie with a semicolon', ask('/cookie?n=a&v=1;Path'),
     crashed('the value has a character that no cookie may have; url_encode it: a')),
    ('a cookie with a line end', ask('/cookie?n=a&v=1%0a'),
     crashed('the value has a character that no cookie may have; url_encode it: a')),
    ('a cookie without a name', ask('/cookie?n=&v=1'), crashed('this is no name of a cookie: ')),
    ('a redirect of two lines', ask('/split'), crashed('a control character in the address of a redirect')),
    # ---- requests
    ('path and target', ask('/what/a%20b?x=%41'), said('200 OK', 'GET /what/a b /what/a%20b?x=%41 a b')),
    ('the target with a host', ask('http://a/what/b?c'), said('200 OK', 'GET /what/b http://a/what/b?c b')),
    ('a path that is no UTF-8', ask('/what/%ff'), said(BAD, f'{BAD}: the path is not UTF-8\n')),
    ('a header', ask('/header?n=X-a', headers='x-A: 1\r\n'), said('200 OK', '1')),
    ('headers joined', ask('/header?n=x-a', headers='X-A: 1\r\nb: 2\r\nx-a:\r\nx-a: 3\r\n'), said('200 OK', '1, , 3')),
    ('no such header', ask('/header?n=x-a'), said('200 OK', 'none')),
    ('a header that is no UTF-8', ask('/header?n=x-a', headers='x-a: ?\r\n').replace(b'?\r', b'\xff\r'),
     said(BAD, f'{BAD}: a header is not UTF-8\n')),
    ('a query', ask('/query?a=1&b=x+%2B&a=2'), said('200 OK', '1 x +')),
    ('a query without values', ask('/query?a'), said('200 OK', ' none')),
    ('a malformed query', ask('/query?a=%f'), said(BAD, f'{BAD}: the query parameter `a` is malformed\n')),
    ('cookies sent', ask('/crumb?n=b', headers='Cookie: a=1; b=2=3\r\n'), said('200 OK', '2=3')),
    ('a cookie in quotes', ask('/crumb?n=b', headers='Cookie: a=1\r\nCookie: b="x y" ;c=3\r\n'), said('200 OK', 'x y')),
    ('a cookie that is no UTF-8', ask('/crumb?n=b', headers='Cookie: b=?\r\n').replace(b'?\r', b'\xff\r'),
     said(BAD, f'{BAD}: a cookie is not UTF-8\n')),
    ('odd cookies', ask('/crumb?n=b', headers='Cookie: ;;b;a=b=1; =x;b="\r\nCookie: b=2\r\n'), said('200 OK', '"')),
    ('an empty cookie', ask('/crumb?n=b', headers='Cookie: b=""\r\n'), said('200 OK', '')),
    ('no such cookie', ask('/crumb?n=B', headers='Cookie: b=1; aB=2\r\n'), said('200 OK', 'none')),
    # ---- parameters and routes
    ('parameters', ask('/p?a=x&b=-1&c=y&d=1e3&e=true'), said('200 OK', 'x -1 y 1000.0 true')),
    ('defaults', ask('/p?a='), said('200 OK', ' 7 - 0.5 false')),
    ('a parameter missing', ask('/p?b=1'), said(BAD, 'a query parameter is missing: `a`\n')),
    ('no Int', ask('/p?a=1&b=x'), said(BAD, 'a query parameter of the wrong form: `b`\n')),
    ('no Float', ask('/p?a=1&d=x'), said(BAD, 'a query parameter of the wrong form: `d`\n')),
    ('no Bool', ask('/p?a=1&e=1'), said(BAD, 'a query parameter of the wrong form: `e`\n')),
    ('an Int too large', ask('/p?a=1&b=9223372036854775808'), said(BAD, 'a query parameter of the wrong form: `b`\n')),
    ('an optional Int', ask('/pi?n=5'), said('200 OK', 'some')),
    ('an optional Int left out', ask('/pi'), said('200 OK', 'none')),
    ('an optional Int that is none', ask('/pi?n=x'), said(BAD, 'a query parameter of the wrong form: `n`\n')),
    ('a literal segment', ask('/n/7'), said('200 OK', 'seven')),
    ('a number', ask('/n/-8'), said('200 OK', 'int -8')),
    ('a number encoded', ask('/n/%38'), said('200 OK', 'int 8')),
    ('a name', ask('/n/8x'), said('200 OK', 'str 8x')),
    ('a number that no Int holds', ask('/n/9223372036854775808'), said('200 OK', 'str 9223372036854775808')),
    ('no number, no route', ask('/only/x'), said('404 Not Found', '404 Not Found\n', kind='Content-Type: text/plain\r\n')),
    ('no route', ask('/nowhere'), said('404 Not Found', '404 Not Found\n', kind='Content-Type: text/plain\r\n')),
    ('no such method', ask('/put'),
     said('405 Method Not Allowed', '405 Method Not Allowed\n',
          kind='Content-Type: text/plain\r\nAllow: PUT, DELETE, OPTIONS\r\n')),
    ('OPTIONS', ask('/', 'OPTIONS'), head('204 No Content', 'Allow: GET, HEAD, OPTIONS\r\n', CLOSE)),
    ('OPTIONS of a program', ask('/own', 'OPTIONS'), said('200 OK', 'mine')),
    # ---- bodies
    ('a text', post('/text', 'h\u00e9llo'), said('200 OK', '6 h')),
    ('no body', ask('/echo', 'POST'), said('200 OK', '')),
    ('an empty body', post('/echo', ''), said('200 OK', '')),
    ('a body in chunks', chunked('/echo', b'one ', b'two ', b'three'), said('200 OK', 'one two three')),
    ('no chunk at all', chunked('/echo'), said('200 OK', '')),
    ('a body of 20,000 bytes', post('/echo', 'x' * 20000), said('200 OK', 'x' * 20000)),
    ('chunks of 20,000 bytes', chunked('/text', *[b'x' * 1000] * 20), said('200 OK', '20000 x')),
    ('bytes of a body', post('/bytes', b'\0\xff'), said('200 OK', b'\0\xff', kind='Content-Type: a/b\r\n')),
    ('the body again', post('/both', 'abc'), said('200 OK', '3 3 3')),
    ('a body that is no UTF-8', post('/echo', b'a\xff'), said(BAD, f'{BAD}: the body is not UTF-8\n')),
    ('a body beside a full heap', post('/full', 'x' * 20000),
     said('413 Content Too Large', "413 Content Too Large: the body has no room in what is left of its handler's heap\n")),
    ('chunks beside a full heap', chunked('/full', *[b'x' * 1000] * 20),
     said('413 Content Too Large', "413 Content Too Large: the body has no room in what is left of its handler's heap\n")),
    ('a body that nobody reads', post('/ignore', 'x' * 30000), said('200 OK', 'ignored')),
    ('a broken chunk', ask('/echo', 'POST', 'Transfer-Encoding: chunked\r\n', b'5\r\nhello\r\nx\r\n'),
     said(BAD, f'{BAD}\n', kind='Content-Type: text/plain\r\n')),
    ('a body in pieces', post('/read', 'x' * 100000), said('200 OK', '100000')),
    ('chunks in pieces', chunked('/read', *[b'x' * 700] * 100), said('200 OK', '70000')),
    ('pieces of nothing', ask('/read', 'POST'), said('200 OK', '0')),
    ('a body after its pieces', post('/mixed', 'abc'), crashed('the body was read by req.read()')),
    ('a body read twice at once', post('/two', 'x' * 20000, 'Expect: 100-continue\r\n'),
     crashed('another fiber reads the body')),
    ('a form', post('/form', 'a=1&b=2+3&&c&a=%C3%A9', FORM), said('200 OK', 'a=\u00e9;b=2 3;c=;')),
    ('a form without a type', post('/form', 'a=1'), said('200 OK', 'a=1;')),
    ('an empty form', post('/form', '', FORM), said('200 OK', '')),
    ('a form with a charset', post('/form', 'a=1', FORM.replace('\r\n', ' ; charset=utf-8\r\n')), said('200 OK', 'a=1;')),
    ('a form that is no UTF-8', post('/form', 'a=%ff', FORM), said(BAD, f'{BAD}: the form is malformed\n')),
    ('a malformed form', post('/form', 'a=%zz', FORM), said(BAD, f'{BAD}: the form is malformed\n')),
    ('no form', post('/form', '{}', 'Content-Type: application/json\r\n'),
     said('415 Unsupported Media Type',
          '415 Unsupported Media Type: the body is no application/x-www-form-urlencoded\n')),
    # ---- streams
    ('a stream', ask('/stream'),
     head('200 OK', 'Content-Type: text/plain\r\n', CLOSE, 'Transfer-Encoding: chunked\r\n') +
     b'7\r\npart 0\n\r\n7\r\npart 1\n\r\n7\r\npart 2\n\r\n1\r\n\xff\r\n0\r\n\r\n'),
    ('an empty stream', ask('/empty'),
     head('200 OK', 'Content-Type: text/plain\r\n', CLOSE, 'Transfer-Encoding: chunked\r\n') + b'0\r\n\r\n'),
    ('a stream with headers', ask('/streamh'),
     head('201 Created', 'Content-Type: a/b\r\n', CLOSE, 'Transfer-Encoding: chunked\r\n', 'x-a: 1\r\n') +
     b'1\r\nx\r\n0\r\n\r\n'),
    ('HEAD of a stream', ask('/stream', 'HEAD'),
     head('200 OK', 'Content-Type: text/plain\r\n', CLOSE, 'Transfer-Encoding: chunked\r\n')),
    ('a stream for HTTP/1.0', b'GET /streamh HTTP/1.0\r\n\r\n',
     head('201 Created', 'Content-Type: a/b\r\n', CLOSE, 'x-a: 1\r\n') + b'x'),
    # ---- failures
    ('an index', ask('/item/2'), crashed('index out of range')),
    ('fail', ask('/fail'), crashed('my own words')),
    ('the CPU limit', ask('/loop'), crashed('CPU limit')),
    ('the deadline', ask('/sleep'), crashed('deadline passed')),
    ('the stack', ask('/deep'), crashed('recursion too deep')),
    ('a crash after the body', post('/after', 'abc'), crashed('index out of range')),
    ('a crash before the body', post('/before', 'x' * 1000), crashed('index out of range')),
    ('HEAD of a crash', ask('/item/2', 'HEAD'),
     head('503 Service Unavailable', TEXT, CLOSE, 'Content-Length: 25\r\n', 'x-crash: true\r\n')),
    ('a crash for HTTP/1.0', b'GET /item/2 HTTP/1.0\r\n\r\n', crashed('index out of range')),
    ('a crash for HTTP/1.0 that stays', b'GET /item/2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n',
     crashed('index out of range').replace(b': close', b': keep-alive') + said('200 OK', 'hello')),
    ('no failure', ask('/odd/3'), said('200 OK', '3')),
    ('an error clause', ask('/odd/0'), said('404 Not Found', 'no\n')),
    ('an error with a payload', ask('/odd/-1'), said('422 Unprocessable Content', 'negative')),
    ('any other error', ask('/odd/4'), said('500 Internal Server Error', 'other /odd/4')),
    # ---- connections
    ('requests one behind the other, one crashing',
     ask('/item/0', close=False) + ask('/item/5', close=False) + post('/text', 'abc', close=False) +
     ask('/fail', close=False) + ask('/item/1'),
     said('200 OK', '10', close=False) + crashed('index out of range', close=False) +
     said('200 OK', '3 a', close=False) + crashed('my own words', close=False) + said('200 OK', '20')),
    ('a crash with its body behind it', post('/before', 'GET / HTTP/1.1\r\n\r\n', close=False) + ask('/'),
     crashed('index out of range', close=False) + said('200 OK', 'hello')),
    ('a refusal, then another request', ask('/query?a=%f', close=False) + ask('/'),
     said(BAD, f'{BAD}: the query parameter `a` is malformed\n', close=False) + said('200 OK', 'hello')),
    ('a stream, then another request', ask('/empty', close=False) + ask('/'),
     head('200 OK', 'Content-Type: text/plain\r\n', 'Transfer-Encoding: chunked\r\n') + b'0\r\n\r\n' +
     said('200 OK', 'hello')),
    ('a head that is none', b'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
     said(BAD, f'{BAD}\n', kind='Content-Type: text/plain\r\n')),
    ('an end after each answer',
     b''.join(ask(f'/redirect/{n}', close=n == 308) for n in (301, 302, 303, 307, 308)),
     b''.join(said(f'{n} {name}', '', 'location: /to?a=b\r\n', kind='', close=n == 308) for n, name in
              [(301, 'Moved Permanently'), (302, 'Found'), (303, 'See Other'), (307, 'Temporary Redirect'),
               (308, 'Permanent Redirect')])),
    ('a redirect that is none', ask('/redirect/300'), crashed('a redirect is 301, 302, 303, 307 or 308')),
]


class Http(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = subprocess.Popen([sys.argv[1], *COMMAND, sys.argv[2], '--listen', '127.0.0.1:0'], stderr=subprocess.PIPE)
        line = cls.server.stderr.readline().decode()
        cls.ports = [int(port) for port in re.findall(r'127\.0\.0\.1:(\d+)', line)]

    @classmethod
    def tearDownClass(cls):
        cls.server.send_signal(signal.SIGTERM)
        log = cls.server.stderr.read().decode()
        assert cls.server.wait(20) == 0, log

    def connect(self, block=0, **options):
        peer = socket.create_connection(('127.0.0.1', self.ports[block]), timeout=30)
        for option, value in options.items():
            peer.setsockopt(socket.SOL_SOCKET, getattr(socket, option), value)
        return peer

    def read_all(self, peer):
        """What comes until the end; the date is replaced."""
        data = b''
        while True:
            try:
                piece = peer.recv(1 << 16)
            except ConnectionResetError:
                return data + b'<reset>'
            if not piece:
                return self.undated(data)
            data += piece

    @staticmethod
    def undated(data):
        return re.sub(rb'\r\nDate: [^\r]{29}\r\n', b'\r\nDate: D\r\n', data)

    def talk(self, data, block=0):
        with self.connect(block) as peer:
            peer.sendall(data)
            return self.read_all(peer)

    def test_byte_for_byte(self):
        for name, request, response in CASES:
            with self.subTest(name):
                self.assertEqual(self.talk(request), response)

    def test_the_server_writes_some_headers_alone(self):
        for name in ('Connection', 'content-length', 'Date', 'keep-alive', 'SERVER', 'TE', 'Trailer', 'Transfer-Encoding',
                     'upgrade'):
            self.assertEqual(self.talk(ask(f'/field?n={name}&v=1')),
                             crashed(f'the server alone writes this header: {name}'))

    def test_byte_by_byte(self):
        """However a request is cut, it is the same."""
        request = chunked('/echo', b'one', b'two')
        with self.connect() as peer:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for i in range(len(request)):
                peer.sendall(request[i:i + 1])
                time.sleep(0.001)
            self.assertEqual(self.read_all(peer), said('200 OK', 'onetwo'))

    def test_continue(self):
        """100 goes out when a body is asked for, and not before."""
        with self.connect() as peer:
            peer.sendall(ask('/echo', 'POST', 'Content-Length: 3\r\nExpect: 100-continue\r\n'))
            self.assertEqual(peer.recv(1000), b'HTTP/1.1 100 Continue\r\n\r\n')
            peer.sendall(b'abc')
            self.assertEqual(self.read_all(peer), said('200 OK', 'abc'))
        expected = ask('/before', 'POST', 'Content-Length: 3\r\nExpect: 100-continue\r\n')
        self.assertEqual(self.talk(expected), crashed('index out of range'))
        large = ask('/echo', 'POST', 'Content-Length: 2000000\r\nExpect: 100-continue\r\n')
        self.assertEqual(self.talk(large, 1), said('413 Content Too Large', '413 Content Too Large: a body is at most 1 MiB\n'))

    def test_limits_of_bodies(self):
        """1 MiB and not a byte more, however it is framed."""
        mib = b'x' * (1 << 20)
        self.assertTrue(self.talk(post('/text', mib), 1).endswith(b'\r\n\r\n1048576'))
        self.assertTrue(self.talk(chunked('/text', *[mib[:4096]] * 256), 1).endswith(b'\r\n\r\n1048576'))
        for request in (ask('/text', 'POST', 'Content-Length: 1048577\r\n'), chunked('/text', mib, b'x')):
            self.assertIn(b'413 Content Too Large: a body is at most 1 MiB\n', self.talk(request, 1))

    def most(self, framed, path, body):
        """The largest body that the answer to a larger one names. It depends on the path, which the heap holds too."""
        answer = self.talk(framed(path, body))
        match = re.search(rb"413 Content Too Large: a body is at most (\d+) bytes here, a third of its handler's heap\n$", answer)
        self.assertIsNotNone(match, answer)
        return int(match[1])

    def fits(self, framed, name, body_of):
        """The largest body, to the byte; body_of gives one of a length, and the number that the answer ends with."""
        path = '/most/' + name
        most = self.most(framed, path, b'x' * 60000)
        self.assertTrue(20000 < most < 21000, most)
        self.assertEqual(self.most(framed, path, b'x' * (most + 1)), most)
        body, said = body_of(most)
        self.assertEqual(len(body), most)
        answer = self.talk(framed(path, body))
        self.assertTrue(answer.endswith(b'\r\n\r\n%d' % said), answer[-200:])

    def test_a_third_of_the_heap(self):
        """So large is a body at most, to the byte, and then there is room for a copy of it, or for what it says."""
        def text(most):
            return b'x' * most, most

        def form(most):
            return b'a=' + b'x' * (most - 2), most - 2

        def items(most):
            count = (most - 2) // 101
            return (b'[' + b','.join([b'"%s"' % (b'y' * 98)] * count) + b']').ljust(most), count
        bodies = {name: text for name in ('echo', 'bytes_text', 'text_bytes', 'more', 'upper', 'replaced')}
        for framed in (post, chunked):
            for name, body_of in {**bodies, 'form': form, 'json': items}.items():
                with self.subTest(name, framed=framed.__name__):
                    self.fits(framed, name, body_of)
        large = self.talk(post('/echo', b'x' * 60000, 'X-A: ' + 'a' * 12000 + '\r\n')) # a head takes of the heap, too
        self.assertIn(b'413 Content Too Large: a body is at most 16', large)

    def test_large_responses(self):
        for count in (3276, 3277, 6553, 100000):
            body = b'0123456789' * count
            for target in ('/big', '/bigh', '/bigb'):
                answer = self.talk(ask(f'{target}/{count}'), 1)
                self.assertEqual(answer.split(b'\r\n\r\n', 1)[1], body)
                self.assertIn(b'Content-Length: %d\r\n' % len(body), answer)
            self.assertEqual(self.talk(ask(f'/big/{count}', 'HEAD'), 1).split(b'\r\n\r\n', 1)[1], b'')

    def test_a_slow_reader_gets_all(self):
        with self.connect(1, SO_RCVBUF=65536) as peer:
            peer.sendall(ask('/slow'))
            time.sleep(0.3)
            answer = self.read_all(peer)
        self.assertEqual(whole(answer), b'0123456789' * 200000)

    def test_a_body_becomes_a_stream(self):
        data = bytes(range(256)) * 400
        self.assertEqual(whole(self.talk(post('/pipe', data), 1)), data)

    def cut(self, body, close):
        """A stream that has begun, and ends without its last chunk."""
        return head('200 OK', 'Content-Type: text/plain\r\n', CLOSE if close else '',
                    'Transfer-Encoding: chunked\r\n') + b'%x\r\n%s\r\n' % (len(body), body)

    def test_a_crash_in_a_stream_cuts_it_off(self):
        """What was written arrives, and so do the responses before it; the end is no reset."""
        for target, body in (('/broken', b'begun'), ('/written', b'begin\n'), ('/late', b'x')):
            with self.subTest(target):
                self.assertEqual(self.talk(ask(target)), self.cut(body, True))
                self.assertEqual(self.talk(ask('/', close=False) + ask(target, close=False) + ask('/')),
                                 said('200 OK', 'hello', close=False) + self.cut(body, False))

    def test_a_crash_in_a_stream_without_chunks(self):
        """What was written arrives here too, and the end is no reset."""
        for target, body in (('/broken', b'begun'), ('/written', b'begin\n'), ('/late', b'x')):
            self.assertEqual(self.talk(f'GET {target} HTTP/1.0\r\n\r\n'.encode()),
                             head('200 OK', 'Content-Type: text/plain\r\n', CLOSE) + body)

    def test_a_stream_that_fails_before_it_began(self):
        self.assertEqual(self.talk(ask('/stillborn')), crashed('at once'))
        self.assertEqual(self.talk(ask('/', close=False) + ask('/stillborn', close=False) + ask('/')),
                         said('200 OK', 'hello', close=False) + crashed('at once', False) +
                         said('200 OK', 'hello'))
        self.assertEqual(self.talk(b'GET /stillborn HTTP/1.0\r\n\r\n'), crashed('at once'))
        self.assertRegex(self.talk(ask('/', close=False) + ask('/stillborn', close=False), 1),
                         rb'\r\n\r\nsecondHTTP/1.1 500 (.|\r\n)*\(crash \d+\)\n$')

    def test_a_writer_learns_that_its_client_has_gone(self):
        with self.connect() as peer:
            peer.sendall(ask('/flood'))
            peer.recv(1000)
        for line in iter(self.server.stderr.readline, b''):
            if b'the client is gone' in line:
                break
        self.assertEqual(self.talk(ask('/')), said('200 OK', 'hello'))

    def test_clients_that_go_in_the_middle(self):
        """Of a head, of a body, before an answer: nobody else notices."""
        for data in (b'GET / HT', ask('/echo', 'POST', 'Content-Length: 10\r\n', b'abc'),
                     ask('/echo', 'POST', 'Transfer-Encoding: chunked\r\n', b'5\r\nab'), ask('/sleep')):
            for linger in (None, b'\1\0\0\0\0\0\0\0'):
                with self.connect() as peer:
                    if linger:
                        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    peer.sendall(data)
                    time.sleep(0.02)
            self.assertEqual(self.talk(ask('/')), said('200 OK', 'hello'))

    def test_a_body_cut_short(self):
        with self.connect() as peer:
            peer.sendall(ask('/echo', 'POST', 'Content-Length: 10\r\n', b'abc'))
            peer.shutdown(socket.SHUT_WR)
            self.assertEqual(self.read_all(peer), said(BAD, f'{BAD}: the body ends before its length\n'))

    def log_to_here(self):
        """What the server has written and nobody has read yet."""
        lines = []
        self.talk(ask('/fail'))
        while not lines or b'my own words' not in lines[-1]:
            lines.append(self.server.stderr.readline())
            self.assertTrue(lines[-1])
        return lines[:-1]

    def test_a_body_that_comes_too_slowly(self):
        """At the deadline that is the client's fault: 408, and no word of a crash in the log or from the clause."""
        self.log_to_here()
        slow = said('408 Request Timeout', '408 Request Timeout\n', kind='Content-Type: text/plain\r\n')
        for headers, drip in (('Content-Length: 500\r\n', b'x'), ('Content-Length: 500\r\n', b''),
                              ('Transfer-Encoding: chunked\r\n', b'1\r\nx\r\n')):
            for target in ('/echo', '/read'):
                with self.subTest(target, headers=headers, drip=drip), self.connect() as peer:
                    peer.sendall(ask(target, 'POST', headers, close=False))
                    peer.settimeout(0.1)
                    began, data = time.monotonic(), b''
                    while not data and time.monotonic() - began < 10:
                        peer.sendall(drip)
                        try:
                            data = peer.recv(1 << 16)
                        except TimeoutError:
                            pass
                    self.assertTrue(1.5 < time.monotonic() - began < 5)
                    peer.settimeout(10)
                    self.assertEqual(self.undated(data) + self.read_all(peer), slow)
        self.assertNotIn(b'deadline', b''.join(self.log_to_here()))

    def test_a_crash_without_a_clause(self):
        for block in (1, 2):
            self.assertRegex(self.talk(ask('/item/7'), block),
                             rb'^HTTP/1.1 500 Internal Server Error\r\n(.|\r\n)*\r\n\r\n'
                             rb'500 Internal Server Error \(crash \d+\)\n$')
        self.assertTrue(self.talk(ask('/'), 2).endswith(b'third'))

    def test_many_connections_that_crash_at_once(self):
        # QEMU's forward lets one client in after the other, some of them a second apart.
        peers = [self.connect() for _ in range(200 if COMMAND[0] == 'run' else 8)]
        for peer in peers:
            peer.sendall(ask('/item/9'))
        for peer in peers:
            self.assertEqual(self.read_all(peer), crashed('index out of range'))
            peer.close()

    def memory(self):
        """Resident pages of the worker, and its open descriptors."""
        pid = int(pathlib.Path(f'/proc/{self.server.pid}/task/{self.server.pid}/children').read_text(encoding='ascii'))
        status = pathlib.Path(f'/proc/{pid}/status').read_text(encoding='ascii')
        return (int(re.search(r'VmRSS:\s+(\d+)', status).group(1)), len(list(pathlib.Path(f'/proc/{pid}/fd').iterdir())))

    def rest(self, descriptors):
        """Resident memory once all connections have gone."""
        deadline = time.monotonic() + 20
        while self.memory()[1] > descriptors and time.monotonic() < deadline:
            time.sleep(0.05)
        memory, left = self.memory()
        self.assertLessEqual(left, descriptors)
        return memory

    def mix(self, requests):
        """So many requests of all kinds, one in ten of them crashing, and clients that go away."""
        kinds = [ask('/', close=False), ask('/item/7', close=False), post('/text', 'abc', close=False),
                 chunked('/echo', b'a' * 300, b'b' * 3000, close=False), ask('/headers', close=False),
                 post('/form', 'a=1&b=2', FORM, close=False), ask('/stream', close=False), ask('/nowhere', close=False),
                 post('/read', b'x' * 5000, close=False), ask('/query?a=%f', close=False)]
        batch = b''.join(kinds) * 5 + ask('/fail')
        for i in range(0, requests, 51):
            with self.connect() as peer:
                peer.sendall(batch)
                self.assertEqual(self.read_all(peer).count(b'HTTP/1.1 '), 51)
            with self.connect(i % 3) as peer:
                peer.sendall(ask('/echo', 'POST', 'Content-Length: 10\r\n', b'abc') if i % 2 else ask('/slow'))

    @unittest.skipIf(COMMAND[0] != 'run', 'the memory of a process of Linux')
    def test_memory_stays_flat(self):
        descriptors = self.memory()[1]
        self.mix(60000)  # until each of the ring's 2,048 buffers has been used once
        before = self.rest(descriptors)
        self.mix(20000)
        self.assertLessEqual(self.rest(descriptors) - before, 64, 'KiB more')


if __name__ == '__main__':
    print(f'{len(CASES)} requests compared byte for byte')
    unittest.main(argv=sys.argv[:1])
