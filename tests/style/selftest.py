#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The style tests must be able to fail.

Goal: each rule finds the input that breaks it, at its line, and nothing else.
Method: a good tree without findings; then, one by one, a file that breaks one
rule is put into it. Libraries are compiled from a few bad lines.

Usage: selftest.py COMPILER...
"""
import os
import subprocess
import sys
import tempfile

import libs
import style

C = '/* SPDX-License-Identifier: Apache-2.0 */\n'
PY = '# SPDX-License-Identifier: Apache-2.0\n'

GOOD = {
    'vk/base.h': C + '#ifndef VK_BASE_H\n#define VK_BASE_H\n#include <stddef.h>\n#include <string.h>\n#endif\n',
    'vk/linux/linux_impl.h': C + '#ifndef VK_LINUX_LINUX_IMPL_H\n#endif\n',
    'vk/linux/plat.c': C + '#include "vk/linux/linux_impl.h"\n#include <errno.h>\n',
    'proc/io.h': C + '#ifndef PROC_IO_H\n#endif\n',
    'proc/kernel.h': C + '#ifndef PROC_KERNEL_H\n#endif\n',
    'proc/kernel_impl.h': C + '#ifndef PROC_KERNEL_IMPL_H\n#endif\n',
    'proc/kernel.c': C + '#include "proc/kernel_impl.h"\n#include "vk/base.h"\n',
    'net/http.h': C + '#ifndef NET_HTTP_H\n#endif\n',
    'net/linux/uring.h': C + '#ifndef NET_LINUX_URING_H\n#endif\n',
    'net/linux/uring.c': C + '#include <liburing.h>\n#include "proc/io.h"\nstatic struct io_uring ring;\n',
    'examples/hello.c': C + '#include "net/linux/uring.h"\n#include "proc/kernel.h"\n',
    'tools/check': '#!/bin/sh\n' + PY,
}

def function(lines):
    """A function of that many lines, from its name to its brace."""
    return 'static int f(int a,\n             int b)\n{\n' + '    g();\n' * (lines - 4) + '}\n'


AWAIT = '''static int f(void)
{
    switch (x) {
    case 1: {
        PROC_AWAIT(s, g(), 1);
    }
    }
    PROC_AWAIT(s, g(), 1);
}
'''

# path, text, the findings expected in full
BAD = [
    ('vk/a.c', C + '#include "proc/kernel.h"\n', ['vk/a.c:2: vk may not include "proc/kernel.h"']),
    ('vk/a.c', C + '#  include   "net/http.h"\n', ['vk/a.c:2: vk may not include "net/http.h"']),
    ('vk/a.c', C + '#include "vk/linux/linux_impl.h"\n',
     ['vk/a.c:2: "vk/linux/linux_impl.h" is private to vk/linux']),
    ('proc/a.c', C + '#include "net/http.h"\n', ['proc/a.c:2: proc may not include "net/http.h"']),
    ('net/a.c', C + '#include "net/linux/uring.h"\n', ['net/a.c:2: net may not include "net/linux/uring.h"']),
    ('net/a.c', C + '#include "proc/kernel_impl.h"\n', ['net/a.c:2: "proc/kernel_impl.h" is private to proc']),
    ('examples/a.c', C + '#include "proc/kernel_impl.h"\n',
     ['examples/a.c:2: "proc/kernel_impl.h" is private to proc']),
    ('net/linux/a.c', C + '#include "proc/kernel.h"\n', ['net/linux/a.c:2: net/linux may not include "proc/kernel.h"']),
    ('sim/a.c', C + '#include "net/http.h"\n', ['sim/a.c:2: sim may not include "net/http.h"']),
    ('metal/a.c', C + '#include "net/http.h"\n', ['metal/a.c:2: metal may not include "net/http.h"']),
    ('compiler/a.c', C + '#include "proc/io.h"\n', ['compiler/a.c:2: compiler may not include "proc/io.h"']),
    ('vk/a.c', C + '#include "base.h"\n', ['vk/a.c:2: "base.h" is not a path from the root']),
    ('vk/a.c', C + '#include <stdio.h>\n', ['vk/a.c:2: <stdio.h> is not a freestanding header']),
    ('net/a.c', C + '#include <string.h>\n', ['net/a.c:2: <string.h> is not a freestanding header']),
    ('proc/a.c', C + '#include <liburing.h>\n', ['proc/a.c:2: proc may not name <liburing.h>']),
    ('examples/a.c', C + '#include <ev.h>\n', ['examples/a.c:2: examples may not name <ev.h>']),
    ('examples/a.c', C + 'struct ev_loop *loop;\n', ['examples/a.c:2: examples may not name ev_loop']),
    ('proc/a.c', C + '/* "io_uring" is fine here */ struct io_uring_sqe *sqe;\n',
     ['proc/a.c:2: proc may not name io_uring_sqe']),
    ('vk/a.c', C + '\n' + function(style.FUNCTION_LINES_MAX + 1), ['vk/a.c:3: f has 71 lines, 70 is the limit']),
    ('vk/a.c', C + 'int f(void) {\n}\n', ['vk/a.c:2: the brace of a function stands on a line of its own']),
    ('vk/a.c', C + 'static int vk_f(void)\n{\n}\n', ['vk/a.c:2: vk_f is static and needs no prefix']),
    ('vk/a.c', C + '\n' * style.FILE_LINES_MAX, ['vk/a.c:1000: 1001 lines, 1000 is the limit']),
    ('proc/a.c', C + AWAIT, ['proc/a.c:6: an await inside a switch']),
    ('vk/a.c', C + '/* TODO: make it fast */\n', ['vk/a.c:2: TODO without the condition for its removal']),
    ('vk/a.c', C + '/* FIXME when it is broken */\n', ['vk/a.c:2: FIXME without the condition for its removal']),
    ('tools/a.py', PY + 'path = "/home/me/src"\n', ['tools/a.py:2: a path of one machine']),
    ('vk/a.c', 'int x;\n', [f'vk/a.c:1: not "{C.strip()}"']),
    ('tools/a.sh', '#!/bin/sh\necho\n', [f'tools/a.sh:2: not "{PY.strip()}"']),
    ('tools/a', '#!/bin/sh\necho\n', [f'tools/a:2: not "{PY.strip()}"']),
    ('vk/a.h', C + '#ifndef A_H\n#endif\n', ['vk/a.h:2: the include guard is not VK_A_H']),
    ('vk/a.h', C, ['vk/a.h:1: no include guard']),
    ('tests/style/long_functions.txt', 'vk/a.c f a table\n',
     ['tests/style/long_functions.txt:1: vk/a.c f is not long, or gone']),
]

# Like the bad ones, and allowed.
FINE = [
    ('vk/a.c', C + '\n' + function(style.FUNCTION_LINES_MAX)),
    ('vk/a.c', C + '\n' * (style.FILE_LINES_MAX - 1)),
    ('vk/a.c', C + '/* TODO: drop this when the oldest kernel served is 6.1 */\n'),
    ('proc/a.c', C + '/* not io_uring, nor libev */\nstatic const char *name = "io_uring";\n'),
    ('metal/app/main.c', C + '#include "net/http.h"\n#include "proc/kernel.h"\n'),
    ('metal/a.c', C + '#include "proc/io.h"\n'),
    ('tests/unit/proc/a.c', C + '#include "proc/kernel_impl.h"\n'),
    ('tests/a.c', C + '#include <criterion/criterion.h>\n#include "net/linux/uring.h"\n'),
]

# layer, C text, the finding's end; None: no finding
LIBRARIES = [
    ('vk', 'int vk_a(int x) { return x + 1; }', None),
    ('vk', 'void plat_panic(const char *); void vk_a(void) { plat_panic(""); }', None),
    ('proc', 'int vk_b(void); int proc_a(void) { return vk_b(); }', None),
    ('vk', 'static const char *const names[] = {"a", "b"}; const char *vk_a(int x) { return names[x]; }', None),
    ('vk', 'int other(int x) { return x + 1; }', 'other does not begin with vk_'),
    ('net', 'int vk_a(int x) { return x + 1; }', 'vk_a does not begin with net_'),
    ('vk/linux', 'int vk_a(int x) { return x + 1; }', 'vk_a does not begin with vk_linux_ or plat_'),
    ('vk', 'void *malloc(unsigned long); void *vk_a(void) { return malloc(9); }', 'malloc is needed'),
    ('vk', 'int proc_b(void); int vk_a(void) { return proc_b(); }', 'proc_b is needed'),
    ('net', 'double net_a(double x) { return __builtin_sqrt(x); }', 'sqrt is needed'),
    ('vk', 'typedef unsigned __int128 u; u vk_a(u x, u y) { return x / y; }', '__udivti3 is needed'),
    ('vk', 'void vk_b(char *); void vk_a(void) { char x[99]; vk_b(x); }', '__stack_chk_fail is needed'),
    ('vk', 'int vk_a = 3;', 'vk_a is a variable'),
    ('proc', 'int *proc_a(void) { static int count; return &count; }', 'is a variable'),
    ('vk', 'static int x;', 'the library is empty'),
]


def write(root, path, text):
    full = os.path.join(root, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, 'w', encoding='utf-8') as file:
        file.write(text)


def findings_with(path, text):
    with tempfile.TemporaryDirectory() as root:
        for good_path, good_text in GOOD.items():
            write(root, good_path, good_text)
        if path:
            write(root, path, text)
        return style.check_tree(root)


def library_findings(compiler, layer, text):
    with tempfile.TemporaryDirectory() as root:
        write(root, 'a.c', text + '\n')
        options = ['-O2', '-ffreestanding', '-w']
        # Only the case that asks for it may have the stack protector.
        options.append('-fstack-protector-strong' if 'char x[99]' in text else '-fno-stack-protector')
        subprocess.run(compiler + options + ['-c', 'a.c', '-o', 'a.o'], check=True, cwd=root)
        subprocess.run(['ar', 'rc', 'a.a', 'a.o'], check=True, cwd=root)
        return list(libs.check_library(layer, os.path.join(root, 'a.a')))


def check_long_list():
    """A long function passes when it is on the list, under its own name and path only."""
    text = C + '\n' + function(style.FUNCTION_LINES_MAX + 1)
    with tempfile.TemporaryDirectory() as root:
        write(root, 'vk/a.c', text)
        write(root, 'tests/style/long_functions.txt', '# why\nvk/a.c f a table\n')
        yield 'long_functions.txt', style.check_tree(root), []


def check_commands():
    """A source compiled without -ffreestanding is found, whatever else is said of it."""
    here = os.path.dirname(os.path.abspath(__file__))
    entry = '{"directory": "%s", "file": "../../vk/%s.c", "command": "cc %s -c"}'
    commands = '[' + entry % (here, 'a', '-O2') + ',' + entry % (here, 'b', '-ffreestanding') + ']'
    with tempfile.TemporaryDirectory() as root:
        write(root, 'commands.json', commands)
        found = list(libs.check_commands(os.path.join(root, 'commands.json')))
        yield 'commands', found, ['vk/a.c is compiled without -ffreestanding']


def cases(compiler):
    """(what, found, expected) of each case."""
    yield 'the good tree', findings_with(None, None), []
    for path, text, expected in BAD:
        yield path, findings_with(path, text), expected
    for path, text in FINE:
        yield path, findings_with(path, text), []
    yield from check_long_list()
    yield from check_commands()
    for layer, text, expected in LIBRARIES:
        found = library_findings(compiler, layer, text)
        is_right = found == [] if expected is None else any(expected in finding for finding in found)
        yield text, found if not is_right else expected, expected


def main():
    failed = 0
    count = 0
    for what, found, expected in cases(sys.argv[1:]):
        count += 1
        if found != expected:
            failed += 1
            print(f'{what!r}: found {found}, expected {expected}')
    print(f'{count} cases, {failed} failed')
    return 1 if failed or count == 0 else 0


if __name__ == '__main__':
    sys.exit(main())
