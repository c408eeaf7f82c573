#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run programs on a CPU that has protection keys: QEMU's emulated one, under Debian's cloud kernel.

run.py --cache FOLDER --init PROGRAM [--file PATH]... [--timeout SECONDS] -- PROGRAM [ARG...] [-- PROGRAM [ARG...]]...

The kernel package is fetched by `apt-get download` into the cache folder and unpacked there, not
installed. The machine's only files are the programs, the libraries they are linked with, those given by
--file as /files/NAME, and the init program that runs one after the other. Passes when every program ended with status 0; a test of theirs
that skips for want of keys is a failure here, because this is where there are keys.

Exits 77 when QEMU or the kernel package is not to be had.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'bench', 'metal'))
import linux  # noqa: E402

QEMU = 'qemu-system-x86_64'


def skip(why):
    print(f'skip: {why}')
    sys.exit(77)


def build_archive(init, commands, files):
    archive = linux.Archive()
    archive.folder('proc')
    archive.copy(init, 'init')
    for path in files:
        archive.copy(path, 'files/' + os.path.basename(path))
    lines = []
    for index, command in enumerate(commands):
        archive.copy(command[0], f'bin/{index}')
        lines.append(' '.join([f'/bin/{index}'] + command[1:]) + '\n')
        for library in linux.libraries(command[0]):
            archive.copy(library, library)
    archive.file('list', ''.join(lines).encode(), 0o100644)
    return archive.finish()


def boot(image, initrd, timeout_s):
    command = [QEMU, '-M', 'q35', '-accel', 'tcg', '-cpu', 'max', '-m', '512', '-smp', '1', '-no-reboot',
               '-nodefaults', '-display', 'none', '-serial', 'stdio', '-kernel', image, '-initrd', initrd,
               '-append', 'console=ttyS0 quiet panic=-1 mitigations=off']
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        output, _ = child.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        child.kill()
        output, _ = child.communicate()
    return output.decode('utf-8', 'replace').replace('\r', '')


def problems(output, commands):
    ended = dict(re.findall(r'^# (\d+) ended with (\d+)$', output, re.MULTILINE))
    for index, command in enumerate(commands):
        name = ' '.join([os.path.basename(command[0])] + command[1:])
        if str(index) not in ended:
            yield f'{name} did not come to its end'
        elif ended[str(index)] != '0':
            yield f'{name} ended with {ended[str(index)]}'
    for line in re.findall(r'^skip.*key.*$', output, re.MULTILINE):
        yield f'there are keys here, but: {line}'


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--cache', required=True)
    parser.add_argument('--init', required=True)
    parser.add_argument('--file', action='append', default=[])
    parser.add_argument('--timeout', type=float, default=300)
    parser.add_argument('programs', nargs=argparse.REMAINDER)
    options = parser.parse_args()
    commands = []
    for word in options.programs:
        if word == '--':
            commands.append([])
        else:
            commands[-1].append(word)
    if not shutil.which(QEMU):
        skip(f'{QEMU} is not installed')
    try:
        image = linux.Kernel(options.cache).image
    except linux.Missing as why:
        skip(why)
    initrd = os.path.join(options.cache, 'initrd')
    with open(initrd, 'wb') as file:
        file.write(build_archive(options.init, commands, options.file))
    started = time.monotonic()
    output = boot(image, initrd, options.timeout)
    print(output)
    print(f'{len(commands)} programs on an emulated CPU in {time.monotonic() - started:.1f} s')
    found = list(problems(output, commands))
    for problem in found:
        print(f'problem: {problem}')
    sys.exit(1 if found else 0)


main()
