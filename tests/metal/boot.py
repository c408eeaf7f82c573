#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Boot an image in QEMU (plain emulation) and judge what it writes to its serial console.

The image prints `ok NAME` or `FAIL NAME ...` per test and `N passed, N failed` at the end, and leaves
through isa-debug-exit. The run passes when it ended by itself with the good status, its counts agree with
its lines, nothing failed, and at least every test that the same runner passes on the host was run.

boot.py --machine microvm|q35|q35-qboot [--hosted PROGRAM] [--timeout SECONDS] [--command-line TEXT] [--module FILE]
        [--device NAME]... [--cpu CPU] IMAGE

With the device `console` the output is that of a virtio console, and there is no serial port; with
`console+serial` there is one, whose output is lost.

An image that is to end badly is judged by its status and by what it says instead:

boot.py ... --status STATUS --says REGEX IMAGE

Where the kernel panics, the addresses of code that it prints are followed by the names of functions.

Exits 77 when there is no QEMU, and when the image says `skipped: WHY`.
"""
import argparse
import bisect
import re
import shutil
import socket
import subprocess
import sys

STATUS_OK = 2 * 0x10 + 1  # METAL_EXIT_OK through isa-debug-exit

MACHINES = {
    'microvm': ['-M', 'microvm,x-option-roms=off,pit=off,pic=off,rtc=off,isa-serial=on,acpi=off,'
                      'auto-kernel-cmdline=on', '-global', 'virtio-mmio.force-legacy=false'],
    'q35': ['-M', 'q35'],
    'q35-qboot': ['-M', 'q35', '-bios', 'qboot.rom'],
}

# {} is the bus of the machine.
BUSES = {'microvm': 'device', 'q35': 'pci', 'q35-qboot': 'pci'}
DEVICES = {
    'console': ['-serial', 'none', '-chardev', 'stdio,id=out', '-device', 'virtio-serial-{}',
                '-device', 'virtconsole,chardev=out'],
    'console+serial': ['-serial', 'null', '-chardev', 'stdio,id=out', '-device', 'virtio-serial-{}',
                       '-device', 'virtconsole,chardev=out'],
    'rng': ['-object', 'rng-builtin,id=rng0', '-device', 'virtio-rng-{},rng=rng0'],
    'net': ['-netdev', 'user,id=net0', '-device', 'virtio-net-{},netdev=net0'],
}


def run(command, timeout_s):
    """Output and status of a command; a status of None when it was still running after timeout_s."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT)
    try:
        output, _ = child.communicate(timeout=timeout_s)
        status = child.returncode
    except subprocess.TimeoutExpired:
        child.kill()
        output, _ = child.communicate()
        status = None
    return output.decode('utf-8', 'replace').replace('\r', ''), status


def command(machine, image, module=None, append='', memory_mib=64, more=(), cpu='max'):
    """The command that boots an image by plain emulation. Exits 77 when there is no QEMU."""
    qemu = shutil.which('qemu-system-x86_64')
    if qemu is None:
        print('skipped: qemu-system-x86_64 is not installed')
        sys.exit(77)
    line = [qemu, *MACHINES[machine], '--accel', 'tcg', '-cpu', cpu, '-m', str(memory_mib), '-nodefaults',
            '-no-reboot', '-display', 'none', *([] if '-serial' in more else ['-serial', 'stdio']),
            '-device', 'isa-debug-exit,iobase=0xf4,iosize=4', *more, '-kernel', image]
    if append:
        line += ['-append', append]
    if module:
        line += ['-initrd', module]
    return line


def free_port():
    """A port of 127.0.0.1 that nobody has now."""
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        return sock.getsockname()[1]


# What user networking gives a guest, said so that it need not ask by DHCP.
GUEST_NET = 'ip=10.0.2.15/24,router=10.0.2.2,dns=10.0.2.3'


def forward(machine, port, guest_port=8080):
    """Arguments of a network card by which a port of 127.0.0.1 leads to the guest."""
    return ['-netdev', f'user,id=n0,hostfwd=tcp:127.0.0.1:{port}-10.0.2.15:{guest_port}',
            '-device', f'virtio-net-{BUSES[machine]},netdev=n0']


def with_symbols(output, image):
    """What a panic prints, with the name of the function behind each address of code."""
    if 'panic: ' not in output:
        return output
    listing = subprocess.run(['nm', '-n', '--defined-only', image], capture_output=True, check=True).stdout.decode()
    symbols = [(int(address, 16), name) for address, kind, name in (line.split() for line in listing.splitlines())
               if kind in 'tT']

    def named(match):
        address = int(match[2], 16)
        code = address - (match[1] == 'ret')  # a call that does not return may be its function's last instruction
        at = bisect.bisect_right(symbols, (code, chr(0x10ffff))) - 1
        return f'{match[0]} <{symbols[at][1]}+{address - symbols[at][0]:#x}>' if at >= 0 else match[0]

    return re.sub(r'\b(rip|ret) ([0-9a-f]{16})', named, output)


def parse(output):
    """Names of the tests that passed, of those that failed, and the two counts of the last line."""
    passed = re.findall(r'^ok (\S+)', output, re.MULTILINE)
    failed = re.findall(r'^FAIL (\S+)', output, re.MULTILINE)
    totals = re.findall(r'^(\d+) passed, (\d+) failed', output, re.MULTILINE)
    return passed, failed, (int(totals[-1][0]), int(totals[-1][1])) if totals else None


def problems(output, status, hosted):
    passed, failed, totals = parse(output)
    if status is None:
        yield 'the machine was still running at the time limit'
    elif status != STATUS_OK:
        yield f'the machine ended with status {status}, not {STATUS_OK}'
    if totals is None:
        yield 'the run did not print its counts'
    elif totals != (len(passed), len(failed)):
        yield f'the counts {totals} are not those of the lines ({len(passed)}, {len(failed)})'
    for name in failed:
        yield f'{name} failed'
    if not passed:
        yield 'no test was run'
    for name in sorted(hosted - set(passed)):
        yield f'{name} passes on the host and is not among the tests passed here'


def expected_end_problems(output, status, wanted_status, wanted_text):
    if status != wanted_status:
        yield f'the machine ended with status {status}, not {wanted_status}'
    if not re.search(wanted_text, output):
        yield f'the output does not match {wanted_text!r}'


def hosted_names(program):
    output, status = run([program], 120)
    passed, _, _ = parse(output)
    if status != 0 or not passed:
        sys.exit(f'boot.py: {program}: status {status}, {len(passed)} tests\n{output}')
    return set(passed)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--machine', choices=MACHINES, required=True)
    parser.add_argument('--hosted')
    parser.add_argument('--timeout', type=float, default=120)
    parser.add_argument('--command-line', default='')
    parser.add_argument('--module')
    parser.add_argument('--cpu', default='max')
    parser.add_argument('--device', action='append', choices=DEVICES, default=[])
    parser.add_argument('--status', type=int)
    parser.add_argument('--says')
    parser.add_argument('image')
    args = parser.parse_args()

    devices = [word.format(BUSES[args.machine]) for name in args.device for word in DEVICES[name]]
    line = command(args.machine, args.image, module=args.module, append=args.command_line, more=devices,
                   cpu=args.cpu)
    hosted = hosted_names(args.hosted) if args.hosted else set()
    output, status = run(line, args.timeout)
    output = with_symbols(output, args.image)
    if args.says:
        found = list(expected_end_problems(output, status, args.status, args.says))
    else:
        found = list(problems(output, status, hosted))
    # The counts of an image that is to end badly are not the counts of this test.
    print(re.sub(r'^', '| ', output, flags=re.MULTILINE) if args.says else output)
    if re.search(r'^skipped: ', output, re.MULTILINE):
        sys.exit(77)
    if found:
        print('command:', ' '.join(line))
        print('\n'.join('problem: ' + problem for problem in found))
    if args.says:
        print(f'{int(not found)} passed, {int(bool(found))} failed')
    sys.exit(1 if found else 0)


if __name__ == '__main__':
    main()
