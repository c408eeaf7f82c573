#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`vkd metal` from outside: its command line, what it says when something is in the way, and its end.

Usage: test_command.py VKD HELLO.vk
"""
import fcntl
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import boot

VKD, HELLO = sys.argv.pop(1), sys.argv.pop(1)
QEMU = shutil.which('qemu-system-x86_64')
GAVE_UP = 'actor Weak() { every 1ms { fail "no" } }\nsupervise restart(max: 1, per: 60s) { weak = Weak() }\n'
NEVER = 'let x = loop(0)\nfn loop(n: Int) -> Int { loop(n + 1) }\nhttp on 1 { GET "/" => text("{x}") }\n'


def run(*arguments, **options):
    return subprocess.run([VKD, 'metal', *arguments], capture_output=True, text=True, timeout=60, check=False, **options)


def fetch(port):
    with urllib.request.urlopen(f'http://127.0.0.1:{port}/', timeout=30) as response:
        return response.read()


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(('::1', 0))
        return True
    except OSError:
        return False


def children_of(pid):
    return pathlib.Path(f'/proc/{pid}/task/{pid}/children').read_text(encoding='ascii').split()


class CommandLine(unittest.TestCase):
    def test_wrong_flags_are_named_and_the_usage_shown(self):
        for flags, words in (
                ([], 'which file?'), (['a.vk', 'b.vk'], 'one file at a time'), (['a.vk', '--speed=1'], "unknown flag '--speed=1'"),
                (['a.vk', '--memory'], '--memory needs a value'), (['a.vk', '--memory=x'], "--memory 'x': expected MiB"),
                (['a.vk', '--memory=1'], "--memory '1': a machine has 8 MiB to 4096 MiB"),
                (['a.vk', '--memory=64', '--memory=64'], '--memory is given twice'), (['a.vk', '--memory=5G'], 'a machine has'),
                (['a.vk', '--accel=fast'], "--accel 'fast': expected tcg, kvm or auto"),
                (['a.vk', '--machine=pc'], "--machine 'pc': expected microvm or q35"),
                (['a.vk', '--listen=8080'], "--listen '8080': expected ADDR:PORT with an address of the host"),
                (['a.vk', '--listen=[::1]:80', '--print'], 'QEMU forwards IPv4 alone'), (['a.vk', '--listen=127.0.0.1:65536'], 'a port is 0 to 65535'),
                (['a.vk', '--image=b.vk'], "--image 'b.vk': expected a name for the image"),
                (['a.vk', '--append=' + 'x' * 800], '--append: at most'),
                (['a.vk', '--append=slots=5 listen=9000'], "--append 'listen=9000': where it is reached is said by --listen"),
                (['a.vk', '--append=ip=dhcp slots=5'], "--append 'ip=dhcp': the machine's address is what QEMU's network expects")):
            with self.subTest(flags):
                done = run(*flags)
                self.assertEqual(done.returncode, 2)
                self.assertIn(words, done.stderr)
                self.assertIn('usage: vkd metal FILE [FLAGS]', done.stderr)

    def test_help_lists_every_flag(self):
        done = run('--help')
        self.assertEqual(done.returncode, 0)
        for flag in '--listen', '--memory', '--accel', '--machine', '--append', '--image', '--print':
            self.assertIn(flag, done.stdout)

    def test_a_file_that_is_not_there_or_no_service(self):
        self.assertEqual(run('nowhere.vk').returncode, 2)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / 'a.vk'
            for program, words in ('fn f() -> Int { 1 }', 'there is nothing to run'), ('http on', 'error'), \
                    (NEVER, 'the top-level value `x` cannot be computed'):
                path.write_text(program, encoding='utf-8')
                done = run(str(path))
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn(words, done.stderr)

    def test_a_module_too_large_for_the_machine(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / 'a.vk'
            for name in 'wxyz':
                words = ''.join(f'pub let {name}{i} = "{name}{i}{"x" * 30000}"\n' for i in range(30))
                (pathlib.Path(folder) / f'{name}.vk').write_text(words, encoding='utf-8')
            path.write_text('import w\nimport x\nimport y\nimport z\n'
                            'http on 8080 { GET "/" => text(w.w7) }\n', encoding='utf-8')
            done = run(str(path), '--memory=8')
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, r'the module has \d+ KiB, and a machine of 8 MiB takes one of 2048 KiB at most; '
                                          'give it more with --memory')

    def test_two_blocks_at_one_port_of_the_machine(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / 'a.vk'
            path.write_text('http on "127.0.0.1:8081" { GET "/" => text("") }\nhttp on "127.0.0.2:8081" { GET "/" => text("") }\n',
                            encoding='utf-8')
            done = run(str(path))
        self.assertEqual(done.returncode, 1)
        self.assertIn('two http blocks listen on port 8081, and a machine has one address for both', done.stderr)

    def test_a_source_is_not_overwritten(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / 'source'
            path.write_text('http on 8080 { GET "/" => text("") }\n', encoding='utf-8')
            done = run(str(path), f'--image={path}')
            self.assertEqual(done.returncode, 1)
            self.assertIn('would be lost', done.stderr)

    def test_no_qemu(self):
        done = run(HELLO, env={**os.environ, 'PATH': '/nonexistent'})
        self.assertEqual(done.returncode, 1)
        self.assertIn('qemu-system-x86_64 is not installed; on Debian: apt-get install qemu-system-x86', done.stderr)

    @unittest.skipIf(QEMU is None, 'no QEMU')
    def test_a_port_that_is_taken(self):
        with socket.socket() as owner:
            owner.bind(('127.0.0.1', 0))
            owner.listen()
            place = f'127.0.0.1:{owner.getsockname()[1]}'
            done = run(HELLO, '--listen', place)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f'cannot listen on {place}: the address is in use', done.stderr)

    @unittest.skipIf(QEMU is None, 'no QEMU')
    def test_a_port_that_another_block_has(self):
        port = boot.free_port()
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / 'a.vk'
            path.write_text(f'http on 8080 {{ GET "/" => text("") }}\nhttp on {port} {{ GET "/" => text("") }}\n', encoding='utf-8')
            done = run(str(path), f'--listen=127.0.0.1:{port}')
        self.assertEqual(done.returncode, 1)
        self.assertIn(f'cannot listen on 127.0.0.1:{port}: the address is in use', done.stderr)


SERVES = 'echo "listening on http://10.0.2.15:8080 (lwip, mprotect, 1.00 ms after entry)"; exec sleep 100'


class Accelerator(unittest.TestCase):
    """Which QEMU is asked for, by one that does as it is told: KVM where it is there and fast, else plain emulation."""

    def boot(self, with_kvm, *flags, with_tcg=SERVES):
        """What is said up to the line that it listens, or to the end; and the status, None while it serves."""
        with tempfile.TemporaryDirectory() as folder:
            script = pathlib.Path(folder) / 'qemu-system-x86_64'
            script.write_text(f'#!/bin/sh\ncase "$*" in\n*"-accel kvm -cpu host"*) {with_kvm} ;;\n'
                              f'*"-accel tcg -cpu max"*) {with_tcg} ;;\nesac\n', encoding='utf-8')
            script.chmod(0o755)
            environment = {**os.environ, 'PATH': f'{folder}:{os.environ["PATH"]}'}
            with subprocess.Popen([VKD, 'metal', HELLO, '--listen=127.0.0.1:0', *flags], stderr=subprocess.PIPE, text=True,
                                  env=environment) as command:
                said = ''
                for line in command.stderr:
                    said += line
                    if line.startswith('listening'):
                        self.assertEqual(len(children_of(command.pid)), 1, 'one machine at a time')
                        command.terminate()
                        self.assertEqual(command.wait(20), 0)
                        return said, None
                return said, command.wait(20)

    def check_falls_back(self, with_kvm, note):
        for flag in '--accel=auto', '--accel=kvm':
            said, status = self.boot(with_kvm, flag)
            self.assertIsNone(status, said)
            self.assertRegex(said, note if os.access('/dev/kvm', os.R_OK | os.W_OK) else '^vkd metal: /dev/kvm: .*; plain emulation')
            self.assertIn('(metal by tcg, lwip, mprotect', said)

    def test_kvm_that_refuses_is_left(self):
        self.check_falls_back('echo "failed to initialize kvm: Permission denied"; exit 1',
                              '^failed to initialize kvm: .*\nvkd metal: KVM does not work here; plain emulation \\(tcg\\) instead\n')

    def test_kvm_that_crawls_is_ended_and_left(self):
        begin = time.monotonic()
        self.check_falls_back('exec sleep 100', '^vkd metal: KVM crawls here; plain emulation \\(tcg\\) instead\n')
        self.assertLess(time.monotonic() - begin, 60)

    @unittest.skipUnless(os.access('/dev/kvm', os.R_OK | os.W_OK), 'no KVM')
    def test_kvm_that_serves_is_kept(self):
        said, status = self.boot(SERVES, '--accel=auto', with_tcg='exit 1')
        self.assertIsNone(status)
        self.assertRegex(said, r'^listening on http://127\.0\.0\.1:\d+ \(metal by kvm, lwip, mprotect')

    @unittest.skipUnless(os.access('/dev/kvm', os.R_OK | os.W_OK), 'no KVM')
    def test_an_image_that_gives_up_is_not_tried_again(self):
        for code, words in (35, 'gave up'), (37, 'panic'):
            said, status = self.boot(f'echo "vkd: no"; exit {code}', '--accel=auto')
            self.assertEqual(status, 1)
            self.assertRegex(said, f'^vkd: no\nvkd metal: the machine .*{words}')

    def test_kvm_is_not_asked_unless_told(self):
        said, status = self.boot('exit 1')
        self.assertIsNone(status)
        self.assertRegex(said, r'^listening on .*\(metal by tcg')

    def test_a_qemu_that_cannot_be_run(self):
        said, status = self.boot('exit 1', with_tcg='echo "no such machine type"; exit 1')
        self.assertEqual(status, 1)
        self.assertEqual(said, 'no such machine type\nvkd metal: the machine could not be run; QEMU says above why\n')


@unittest.skipIf(QEMU is None, 'no QEMU')
class Machine(unittest.TestCase):
    def start(self, *arguments, **options):
        self.server = subprocess.Popen([VKD, 'metal', *arguments], stderr=subprocess.PIPE, text=True, **options)
        self.addCleanup(self.server.stderr.close)
        self.addCleanup(self.server.kill)
        line = self.server.stderr.readline()
        while line and not line.startswith(('listening', 'running')):
            line = self.server.stderr.readline()
        return line

    def port_of(self, line):
        match = re.match(r'listening on http://127\.0\.0\.1:(\d+) '
                         r'\(metal by (tcg|kvm), lwip, \w+, \d+\.\d\d ms after entry; QEMU started \d+ ms ago\)\n', line)
        self.assertIsNotNone(match, line)
        return int(match[1])

    def test_serves_until_it_is_told_to_stop_and_leaves_nothing(self):
        for how in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
            port = self.port_of(self.start(HELLO, '--listen=127.0.0.1:0'))
            self.assertEqual(fetch(port), b'Hello, World!\n')
            qemu = children_of(self.server.pid)
            self.assertEqual(len(qemu), 1)
            self.server.send_signal(how)
            self.assertEqual(self.server.wait(20), 0)
            self.assertEqual(self.server.stderr.read(), '')
            self.assertFalse(pathlib.Path(f'/proc/{qemu[0]}').exists())

    @unittest.skipUnless(has_ipv6(), 'no IPv6')
    def test_serves_by_ipv6_and_leaves_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / 'echo.vk'
            path.write_text('http on 8080, heap: 16m {\n  GET "/" => text("Hello, World!\\n")\n'
                            '  POST "/echo" => bytes("a/b", req.bytes())\n}\n', encoding='utf-8')
            line = self.start(str(path), '--listen=[::1]:0')
        match = re.match(r'listening on http://\[::1\]:(\d+) \(metal by tcg', line)
        self.assertIsNotNone(match, line)
        port = int(match[1])
        with urllib.request.urlopen(f'http://[::1]:{port}/', timeout=30) as response:
            self.assertEqual(response.read(), b'Hello, World!\n')
        body = os.urandom(1_000_000)
        self.assertEqual(self.echo(port, body), body)
        with socket.create_connection(('::1', port), 30):  # closed without a word
            pass
        self.assertEqual(self.echo(port, b'x'), b'x')
        children = children_of(self.server.pid)
        self.assertEqual(len(children), 2)
        self.server.terminate()
        self.assertEqual(self.server.wait(20), 0)
        self.assertFalse(any(pathlib.Path(f'/proc/{child}').exists() for child in children))
        with self.assertRaises(OSError):
            socket.create_connection(('::1', port), 5)

    def echo(self, port, body):
        """What comes back of a body, by an end of ours that closes its half first."""
        with socket.create_connection(('::1', port), 30) as sock:
            head = f'POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n'
            sender = threading.Thread(target=lambda: (sock.sendall(head.encode() + body), sock.shutdown(socket.SHUT_WR)))
            sender.start()
            got = b''
            while piece := sock.recv(65536):
                got += piece
            sender.join()
        return got.partition(b'\r\n\r\n')[2]

    def test_it_is_stopped_though_nobody_reads_what_it_says(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / 'log.vk'
            path.write_text('http on 8080 { GET "/" => { log("' + 'x' * 500 + '")\n text("said") } }\n', encoding='utf-8')
            port = self.port_of(self.start(str(path), '--listen=127.0.0.1:0'))
        fcntl.fcntl(self.server.stderr, fcntl.F_SETPIPE_SZ, 4096)
        for _ in range(30):
            self.assertEqual(fetch(port), b'said')
        self.server.terminate()
        self.assertEqual(self.server.wait(20), 0)

    def test_the_machine_ends_with_its_command(self):
        self.port_of(self.start(HELLO, '--listen=127.0.0.1:0'))
        qemu = children_of(self.server.pid)[0]
        self.server.kill()
        self.server.wait(20)
        until = time.monotonic() + 20
        while pathlib.Path(f'/proc/{qemu}').exists() and time.monotonic() < until:
            time.sleep(0.01)
        self.assertFalse(pathlib.Path(f'/proc/{qemu}').exists())

    def test_an_accelerator_that_does_not_do_is_left(self):
        port = self.port_of(self.start(HELLO, '--listen=127.0.0.1:0', '--accel=auto'))
        self.assertEqual(fetch(port), b'Hello, World!\n')

    def test_the_least_memory_is_enough_and_less_is_refused(self):
        for size in '16M', '8':
            port = self.port_of(self.start(HELLO, '--listen=127.0.0.1:0', f'--memory={size}'))
            self.assertEqual(fetch(port), b'Hello, World!\n')
        with tempfile.TemporaryDirectory() as folder:
            image = str(pathlib.Path(folder) / 'hello.elf')
            self.assertEqual(run(HELLO, '--image', image).returncode, 0)
            output, status = boot.run(boot.command('microvm', image, memory_mib=5, more=boot.forward('microvm', boot.free_port())), 60)
        self.assertEqual(status, 35)
        self.assertRegex(output, r'^vkd: the machine has \d+ KiB of memory left beside the image; it needs \d+ KiB\n$')

    def test_an_option_that_the_image_does_not_have(self):
        done = run(HELLO, '--listen=127.0.0.1:0', '--append=guard=off color=blue')
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, '^vkd: color=blue: unknown option; there are listen=, .*\n'
                                      'vkd metal: the machine gave up; its last line says why\n$')
        self.assertIn('lwip, off', self.start(HELLO, '--listen=127.0.0.1:0', '--append=guard=off slots=100'))

    def test_stores_are_told_with_the_machines_own_figures(self):
        program = 'store hits: Int, entries: 100, bytes: 128k\nfn hit() -> Int { hits.increment("x", 1) }\n' \
                  'http on 8080 { GET "/" => text("{hit()}\\n") }\n'
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / 'hits.vk'
            path.write_text(program, encoding='utf-8')
            port = self.port_of(self.start(str(path), '--listen=127.0.0.1:0', '--append=stats=1'))
        self.assertEqual([fetch(port), fetch(port)], [b'1\n', b'2\n'])
        line = ''
        while not line.startswith('store hits: 1 '):  # the first may come before the requests
            line = self.server.stderr.readline()
            self.assertRegex(line, '^(memory: |store hits: )')
        self.assertRegex(line, r'^store hits: 1 entries, 128 bytes, 0 hits, 0 misses, 0 evicted, 0 expired\n')

    def test_a_program_that_gives_up(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / 'weak.vk'
            path.write_text(GAVE_UP, encoding='utf-8')
            done = run(str(path))
        self.assertEqual(done.returncode, 1)
        self.assertIn('running (lwip, mprotect, ', done.stderr)
        self.assertIn('vkd: a supervisor gave up', done.stderr)
        self.assertIn('vkd metal: the machine gave up', done.stderr)

    def start_with_debugger(self, folder):
        """A machine that listens, and a connection to QEMU's debugger, at which it stands still."""
        place, script = pathlib.Path(folder) / 'gdb', pathlib.Path(folder) / 'qemu-system-x86_64'
        script.write_text(f'#!/bin/sh\nexec {QEMU} "$@" -chardev socket,path={place},server=on,wait=off,id=gdb -gdb chardev:gdb\n',
                          encoding='utf-8')
        script.chmod(0o755)
        self.port_of(self.start(HELLO, '--listen=127.0.0.1:0', env={**os.environ, 'PATH': f'{folder}:{os.environ["PATH"]}'}))
        debugger = socket.socket(socket.AF_UNIX)
        self.addCleanup(debugger.close)
        debugger.settimeout(20)
        debugger.connect(str(place))
        return debugger

    def test_a_panic_names_functions(self):
        """An instruction that is none, put where the kernel of the real image is just then."""
        def ask(debugger, text, answered=True):
            debugger.sendall(f'${text}#{sum(text.encode()) % 256:02x}'.encode())
            answer = b''
            while answered and not re.search(rb'\$[^T#][^#]*#..', answer):  # T: it stands still, said unasked
                answer += debugger.recv(4096)
            return answer.rpartition(b'$')[2].partition(b'#')[0].decode()

        with tempfile.TemporaryDirectory() as folder:
            debugger = self.start_with_debugger(folder)
            rip = int.from_bytes(bytes.fromhex(ask(debugger, 'g'))[16 * 8:][:8], 'little')  # behind 16 registers
            self.assertEqual(ask(debugger, f'M{rip:x},2:0f0b'), 'OK')
            ask(debugger, 'c', answered=False)
            self.assertEqual(self.server.wait(20), 1)
        said = self.server.stderr.read()
        self.assertIn('\npanic: exception in the kernel: invalid opcode\n', said)
        self.assertRegex(said, f'\nrip {rip:016x} <\\w[\\w.]*\\+0x[0-9a-f]+>  rsp [0-9a-f]{{16}}  rfl')
        self.assertRegex(said, r'\nret [0-9a-f]{16} <\w[\w.]*\+0x[0-9a-f]+>')
        self.assertIn('vkd metal: the machine ended with a panic; its last lines say where\n', said)

    def test_only_what_a_panic_says_is_given_names(self):
        """By a QEMU that only writes; the code of the image begins at 1 MiB."""
        with tempfile.TemporaryDirectory() as folder:
            script = pathlib.Path(folder) / 'qemu-system-x86_64'
            line = 'rip 0000000000100000  ret 00000000000fffff  ret 0000000000100001, ret 00007fffffffffff  rip 00'
            script.write_text(f'#!/bin/sh\necho "{line}"; echo "panic: x"; echo "{line}"; exit 37\n', encoding='utf-8')
            script.chmod(0o755)
            done = run(HELLO, '--listen=127.0.0.1:0', env={**os.environ, 'PATH': f'{folder}:{os.environ["PATH"]}'})
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.splitlines()[:2], [line, 'panic: x'])
        self.assertRegex(done.stderr.splitlines()[2],
                         r'^rip 0000000000100000 <(\w+)\+0x0>  ret 00000000000fffff  ret 0000000000100001 <\1\+0x1>, '
                         r'ret 00007fffffffffff  rip 00$')

    def test_the_command_that_is_shown_boots_the_image(self):
        with tempfile.TemporaryDirectory() as folder, socket.socket() as finder:
            finder.bind(('127.0.0.1', 0))
            port = finder.getsockname()[1]
            finder.close()
            image = pathlib.Path(folder) / 'hello.elf'
            done = run(HELLO, f'--image={image}', '--print', f'--listen=127.0.0.1:{port}', '--memory=32')
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(done.stderr, r'vkd metal: wrote \S+hello\.elf, \d+ KiB\n')
            words = shlex.split(done.stdout.replace('\\\n', ''))
            self.assertEqual(words[0], 'qemu-system-x86_64')
            with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as machine:
                line = machine.stdout.readline()
                self.assertIn('listening on http://10.0.2.15:8080', line)
                self.assertEqual(fetch(port), b'Hello, World!\n')
                machine.terminate()

    def test_any_port_is_one_that_no_other_block_has(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / 'two.vk'
            path.write_text('http on 8081 { GET "/" => text("a") }\nhttp on 0 { GET "/" => text("b") }\n', encoding='utf-8')
            ports = re.findall(r'http://127\.0\.0\.1:(\d+)', self.start(str(path), '--listen=127.0.0.1:0'))
        self.assertEqual([fetch(port) for port in ports], [b'a', b'b'])

    def test_a_command_that_is_shown_has_ports(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / 'two.vk'
            path.write_text('http on 8081 { GET "/" => text("a") }\nhttp on 0 { GET "/" => text("b") }\n', encoding='utf-8')
            done = run(str(path), '--print', '--listen=127.0.0.1:0')
        self.assertEqual(done.returncode, 0, done.stderr)
        ports = re.findall(r'hostfwd=tcp:127\.0\.0\.1:([1-9]\d+)-10\.0\.2\.15:(\d+)', done.stdout)
        self.assertEqual([guest for _, guest in ports], ['8081', '8082'], done.stdout)

    def boot_image(self, program, *more, append='', module=None):
        """A machine of its own from an image with this program; its console is a pipe."""
        with tempfile.TemporaryDirectory() as folder:
            image = str(pathlib.Path(folder) / 'image.elf')
            self.assertEqual(run(program, '--image', image).returncode, 0)
            line = boot.command('microvm', image, module=module, append=append, more=more)
            machine = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
            self.addCleanup(machine.wait)
            self.addCleanup(machine.kill)
            self.addCleanup(machine.stdout.close)
            first = machine.stdout.readline()
        return machine, first

    def test_an_image_boots_by_itself_with_dhcp(self):
        """It says that it listens when it has its address: who connected before would wait for seconds."""
        port = boot.free_port()
        _, line = self.boot_image(HELLO, *boot.forward('microvm', port))
        self.assertIn('listening on http://10.0.2.15:8080', line)
        self.assertEqual(fetch(port), b'Hello, World!\n')

    NOBODY = '-netdev', 'socket,id=n0,listen=127.0.0.1:0', '-device', 'virtio-net-device,netdev=n0'

    def test_a_network_without_dhcp_is_told(self):
        machine, line = self.boot_image(HELLO, *self.NOBODY)
        self.assertIn('the machine has no address; ip=dhcp, which goes on, needs a server', line)
        self.assertIn('listening on http://0.0.0.0:8080', machine.stdout.readline())

    def test_a_machine_of_ipv6_listens_there(self):
        _, line = self.boot_image(HELLO, *self.NOBODY, append='ip=fd00::2/64,router=fd00::1')
        self.assertIn('listening on http://[fd00::2]:8080', line)

    def test_an_image_with_a_program_takes_no_other(self):
        machine, line = self.boot_image(HELLO, *self.NOBODY, module=HELLO)
        self.assertEqual(line, 'vkd: the image has a program of its own, and a module beside it (-initrd): leave that away\n')
        self.assertEqual(machine.wait(20), 35)

    def test_a_console_that_nobody_reads_holds_up_nobody(self):
        """Thirty lines fill the pipe many times; while each waited for room they took minutes."""
        port = boot.free_port()
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / 'log.vk'
            path.write_text('http on 8080 { GET "/" => { log("' + 'x' * 500 + '")\n text("said") } }\n', encoding='utf-8')
            machine, line = self.boot_image(str(path), *boot.forward('microvm', port), append=boot.GUEST_NET)
        self.assertIn('listening on', line)
        fcntl.fcntl(machine.stdout, fcntl.F_SETPIPE_SZ, 4096)
        until = time.monotonic() + 60
        for _ in range(30):
            self.assertEqual(fetch(port), b'said')
            self.assertLess(time.monotonic(), until)


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1])
