#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The rules of the libraries: what they define, need, and keep.

Symbols that cross files begin with their folder. A freestanding library needs
nothing but ours below it, plat_ and the four memory functions (so no libc, no
run-time library of the compiler), has no variable, and was compiled
freestanding. `nm` and the build's compile_commands.json tell.

Usage: libs.py COMMANDS_JSON (LAYER LIBRARY)...
"""
import json
import os
import subprocess
import sys

from style import ARROWS, FREESTANDING, layer_of

MEMORY = {'memcpy', 'memmove', 'memset', 'memcmp'}
# What a library may define, and beyond its own prefix, name in full.
PREFIXES = {
    'vk': ('vk_',), 'proc': ('proc_',), 'interp': ('interp_',), 'net': ('net_',), 'net/bind': ('net_bind_',),
    'compiler': ('vkc_',), 'sim': ('sim_',), 'vk/linux': ('vk_linux_', 'plat_'),
    'net/linux': ('net_',), 'metal': ('metal_', 'plat_'),
}
DEFINES_TOO = {'metal': MEMORY}
# Made by compiler and linker; no code stands behind it.
LINKER = {'_GLOBAL_OFFSET_TABLE_'}


def symbols(library):
    """(name, class letter, section) of each symbol in an archive."""
    output = subprocess.run(['nm', '--format=sysv', library], check=True, capture_output=True, text=True).stdout
    for line in output.split('\n'):
        fields = [field.strip() for field in line.split('|')]
        if len(fields) == 7:
            yield fields[0], fields[2], fields[6]


def is_variable(section):
    writable = section.startswith(('.data', '.bss', '.tdata', '.tbss', '*COM*'))
    return writable and not section.startswith('.data.rel.ro')


def check_library(layer, library):
    prefixes = PREFIXES[layer]
    below = ('plat_',) + tuple(prefix for other in ARROWS[layer] for prefix in PREFIXES.get(other, ()))
    found = list(symbols(library))
    defined = {name for name, letter, _ in found if letter.isupper() and letter != 'U'}
    if not defined:
        yield f'{layer}: the library is empty'
    for name in sorted(defined):
        if not name.startswith(prefixes) and name not in DEFINES_TOO.get(layer, ()):
            yield f'{layer}: {name} does not begin with {" or ".join(prefixes)}'
    if layer not in FREESTANDING:
        return
    needed = {name for name, letter, _ in found if letter in 'Uw'} - defined - LINKER
    for name in sorted(needed):
        if not name.startswith(below) and name not in MEMORY:
            yield f'{layer}: {name} is needed, and is neither ours below nor plat_ nor a memory function'
    for name, _, section in sorted(found):
        if is_variable(section):
            yield f'{layer}: {name} is a variable'


def check_commands(path):
    """Sources of freestanding folders are compiled so, whatever target they go into."""
    with open(path, encoding='utf-8') as file:
        commands = json.load(file)
    for entry in commands:
        source = os.path.normpath(os.path.join(entry['directory'], entry['file']))
        root = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..'))
        layer = layer_of(os.path.relpath(source, root))
        words = entry['command'].split()
        if layer in FREESTANDING and source.endswith('.c') and '-ffreestanding' not in words:
            yield f'{os.path.relpath(source, root)} is compiled without -ffreestanding'


def main():
    findings = list(check_commands(sys.argv[1]))
    pairs = list(zip(sys.argv[2::2], sys.argv[3::2]))
    for layer, library in pairs:
        findings += check_library(layer, library)
    for finding in findings:
        print(finding)
    print(f'{len(pairs)} libraries ({", ".join(layer for layer, _ in pairs)}), {len(findings)} findings')
    return 1 if findings or not pairs else 0


if __name__ == '__main__':
    sys.exit(main())
