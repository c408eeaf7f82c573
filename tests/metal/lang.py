#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The programs of tests/lang/run inside an image: each prints what it prints on Linux.

lang.py VKD IMAGE FOLDER

Every program is compiled on the host; one boot runs them all from a bundle (main_lang.c). Exits 77 when there is no QEMU.
"""
import concurrent.futures
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'lang'))
import boot
import run_all

NAME_BYTES = 56
TIMEOUT_S = 150
MEMORY_MIB = 1024


def module_of(vkd, path, out):
    done = subprocess.run([vkd, 'build', '--tests', str(path), '-o', str(out)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f'lang.py: {path}: {done.stderr}')
    return out.read_bytes()


def bundle_of(names, modules):
    parts = []
    for name, module in zip(names, modules):
        encoded = name.encode()
        assert len(encoded) < NAME_BYTES, name
        parts.append(struct.pack('<Q56s', len(module), encoded) + module + bytes(-len(module) % 8))
    return b''.join(parts)


def outputs_of(console):
    """{program: its lines}, and whether the image came to its end."""
    found, name = {}, None
    for line in console.split('\n'):
        if line.startswith('== '):
            name = line[3:]
            found[name] = []
        elif name is not None:
            found[name].append(line)
    return found


def main():
    vkd, image, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    programs = sorted([*folder.glob('*.vk'), *folder.glob('*/main.vk')])
    names = [run_all.name_of(path) for path in programs]
    with tempfile.TemporaryDirectory() as scratch:
        outs = [pathlib.Path(scratch) / f'{name}.vkb' for name in names]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            modules = list(pool.map(lambda pair: module_of(vkd, *pair), zip(programs, outs)))
        bundle = pathlib.Path(scratch) / 'bundle'
        bundle.write_bytes(bundle_of(names, modules))
        console, status = boot.run(boot.command('microvm', image, module=str(bundle), memory_mib=MEMORY_MIB), TIMEOUT_S)

    found = outputs_of(console)
    failed = 0
    for path, name in zip(programs, names):
        expected, printed = run_all.expected_of(path), found.get(name, ['(it was not run)'])
        if printed != expected or not expected:
            failed += 1
            print('\n'.join([f'{name}:', *(f'  expected: {line}' for line in expected), *(f'  printed:  {line}' for line in printed)]))
    if status != boot.STATUS_OK or f'end of {len(programs)} programs' not in found:
        failed += 1
        print(f'the machine ended with status {status}; its last lines:', *console.split('\n')[-12:], sep='\n')
    print(f'{len(programs)} programs, {failed} failed')
    return 1 if failed or not programs else 0


if __name__ == '__main__':
    sys.exit(main())
