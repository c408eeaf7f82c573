#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run programs on a CPU that has protection keys: QEMU's emulated one, under Debian's cloud kernel.

run.py --cache FOLDER --init PROGRAM [--timeout SECONDS] -- PROGRAM [ARG...] [-- PROGRAM [ARG...]]...

The kernel package is fetched by `apt-get download` into the cache folder and unpacked there, not
installed. The machine's only files are the programs, the libraries they are linked with, and the init
program that runs one after the other. Passes when every program ended with status 0; a test of theirs
that skips for want of keys is a failure here, because this is where there are keys.

Exits 77 when QEMU or the kernel package is not to be had.
"""
import argparse
import glob
import os
import re
import shutil
import subprocess
import sys
import time

QEMU = 'qemu-system-x86_64'
PACKAGE = 'linux-image-cloud-amd64'


def skip(why):
    print(f'skip: {why}')
    sys.exit(77)


def kernel_package():
    """The package that the one without a version stands for."""
    output = subprocess.run(['apt-cache', 'depends', PACKAGE], capture_output=True, text=True, check=False).stdout
    found = re.search(r'Depends: (linux-image-\S+)', output)
    return found.group(1) if found else None


def kernel(cache):
    """Path of the kernel's image, fetched when it is not in the cache yet."""
    found = sorted(glob.glob(os.path.join(cache, 'root/boot/vmlinuz-*')))
    if found:
        return found[-1]
    if not shutil.which('apt-get') or not shutil.which('dpkg-deb'):
        skip('no apt-get to fetch a kernel with')
    package = kernel_package()
    if package is None:
        skip(f'no package {PACKAGE} in the package lists')
    os.makedirs(cache, exist_ok=True)
    fetched = subprocess.run(['apt-get', 'download', package], cwd=cache, check=False, capture_output=True, text=True)
    archives = glob.glob(os.path.join(cache, 'linux-image-*.deb'))
    if fetched.returncode != 0 or not archives:
        skip(f'cannot fetch {package}: {fetched.stderr.strip()}')
    subprocess.run(['dpkg-deb', '-x', archives[0], os.path.join(cache, 'root')], check=True)
    os.remove(archives[0])
    return sorted(glob.glob(os.path.join(cache, 'root/boot/vmlinuz-*')))[-1]


def libraries(program):
    """What the dynamic linker loads for a program, itself included."""
    output = subprocess.run(['ldd', program], capture_output=True, text=True, check=False).stdout
    return re.findall(r'(/\S+) \(0x', output)


class Archive:
    """An initial file system in the kernel's "newc" format (Documentation/driver-api/early-userspace)."""

    def __init__(self):
        self.data = bytearray()
        self.names = set()

    def _entry(self, name, mode, content):
        fields = [len(self.names) + 1, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0]
        self.data += b'070701' + b''.join(b'%08x' % field for field in fields)
        self.data += name.encode() + b'\0'
        self.data += bytes(-len(self.data) % 4) + content
        self.data += bytes(-len(self.data) % 4)
        self.names.add(name)

    def folder(self, name):
        if name and name not in self.names:
            self.folder(os.path.dirname(name))
            self._entry(name, 0o40755, b'')

    def file(self, name, content, mode=0o100755):
        name = name.lstrip('/')
        if name not in self.names:
            self.folder(os.path.dirname(name))
            self._entry(name, mode, content)

    def copy(self, source, name):
        with open(source, 'rb') as file:
            self.file(name, file.read())

    def finish(self):
        self._entry('TRAILER!!!', 0, b'')
        return bytes(self.data)


def build_archive(init, commands):
    archive = Archive()
    archive.folder('proc')
    archive.copy(init, 'init')
    lines = []
    for index, command in enumerate(commands):
        archive.copy(command[0], f'bin/{index}')
        lines.append(' '.join([f'/bin/{index}'] + command[1:]) + '\n')
        for library in libraries(command[0]):
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
    image = kernel(options.cache)
    initrd = os.path.join(options.cache, 'initrd')
    with open(initrd, 'wb') as file:
        file.write(build_archive(options.init, commands))
    started = time.monotonic()
    output = boot(image, initrd, options.timeout)
    print(output)
    print(f'{len(commands)} programs on an emulated CPU in {time.monotonic() - started:.1f} s')
    found = list(problems(output, commands))
    for problem in found:
        print(f'problem: {problem}')
    sys.exit(1 if found else 0)


main()
