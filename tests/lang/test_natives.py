#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""No name of a native dangles: what the compiler can ask for is offered, with one signature, and what is offered is
asked for.

The compiler asks by the strings that its lower_*.c give to vkc_fun_native, and by the names of builtins.def that no
lower_*.c compares with; it offers what the X(name, signature, function) tables of interp/ and net/bind/ hold.

Usage: test_natives.py ROOT
"""
import pathlib
import re
import sys

# A native whose name is made: the prefix of a built-in's name, and the one of the natives.
PREFIXES = {'request.': 'http.'}
OTHERS = {'request.text': 'http.body'}
UNUSED = {'pass'}  # for modules written by hand


def tables(root):
    """{name: signature} of all natives."""
    offered = {}
    for path in sorted(root.glob('interp/*.h')) + sorted(root.glob('net/bind/*.h')) + sorted(root.glob('interp/actor*')):
        for name, signature in re.findall(r'\bX\("([a-z_0-9.?]+)",\s*"([^"]*>[^"]*)",\s*\w+\)', path.read_text()):
            if offered.setdefault(name, signature) != signature:
                yield name, None
            yield name, signature


def builtins(root):
    for native, signature in re.findall(r'^B\(\w+, "([^"]+)", "[^"]*", "([^"]*)"', (root / 'compiler/builtins.def').read_text(),
                                        re.M):
        yield native, signature


def main():
    root = pathlib.Path(sys.argv[1])
    offered = dict(tables(root))
    sources = ''.join(path.read_text() for path in sorted(root.glob('compiler/lower*.c')))
    strings = set(re.findall(r'"([a-z_0-9]+(?:\.[a-z_0-9]+)*\??)"', sources))
    compared = set(re.findall(r'\bis\(b, "([^"]+)"\)|\{"([a-z.0-9_]+)", INTERP_OP', sources))
    compared = {a or b for a, b in compared}
    findings = [f'{name}: two natives of this name with other signatures' for name, s in offered.items() if s is None]
    asked = {text for text in strings if text in offered or ('.' in text and text not in compared)}
    for native, signature in builtins(root):
        if native in compared:
            continue
        name = OTHERS.get(native, native)
        for before, behind in PREFIXES.items():
            name = behind + name[len(before):] if name.startswith(before) else name
        is_scalar_option = re.search(r'-> Option<(Int|Float|Bool|Duration)>', signature)
        asked |= {name, name + '?'} if is_scalar_option else {name}
    findings += [f'{name}: the compiler can ask for it, and no table has it' for name in sorted(asked - set(offered))]
    findings += [f'{name}: no compiled program can ask for it' for name in sorted(set(offered) - asked - strings - UNUSED)]
    for finding in findings:
        print(finding)
    print(f'{len(offered)} natives, {len(asked)} asked for, {len(findings)} findings')
    return 1 if findings or len(asked) < 80 else 0


if __name__ == '__main__':
    sys.exit(main())
