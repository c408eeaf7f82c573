#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The rules of the source text that a machine can check.

Include arrows, names of third parties, lengths of functions and files, and a
few words. ARCHITECTURE.md has the arrows; every finding is one line,
`path:line: what`. The layout of the code is clang-format's, so a function's
body begins and ends with a brace in the first column.

Usage: style.py ROOT
"""
import os
import re
import sys

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 1000

# A layer is the longest of these names that a file's folder begins with.
# Right of it: the layers and single headers it may include. Folders not named
# here (vkd, examples, bench, tests, ...) put the parts together.
# And the tables that the drivers of the first seam share.
SEAMS = ['proc/io.h', 'net/dev.h', 'net/io_table.h']
ARROWS = {
    'vk': ['vk'],
    'proc': ['proc', 'vk'],
    'interp': ['interp', 'proc', 'vk'],
    'net': ['net', 'proc', 'vk'],
    'net/bind': ['net/bind', 'net', 'interp', 'proc', 'vk'],
    'compiler': ['compiler', 'vk', 'interp/bytecode.h'],
    'vk/linux': ['vk/linux', 'vk'],
    'net/linux': ['net/linux', 'vk'] + SEAMS,
    'metal': ['metal', 'vk'] + SEAMS,
    'sim': ['sim', 'vk'] + SEAMS,
    'include': [],
    'examples/embed': ['include'],
}
PLATFORMS = ['vk/linux', 'net/linux', 'metal', 'sim']
FREESTANDING = ['vk', 'proc', 'interp', 'net', 'net/bind', 'sim']
FREESTANDING_HEADERS = {
    'float.h', 'iso646.h', 'limits.h', 'stdalign.h', 'stdarg.h', 'stdbool.h', 'stddef.h', 'stdint.h',
    'stdnoreturn.h',
    # Not in the C11 list, yet the compiler's own and without a library.
    'stdatomic.h', 'emmintrin.h',
}
# In a hosted build only; the header says so itself.
HEADER_EXCEPTIONS = {('vk/base.h', 'string.h')}

THIRD_PARTIES = re.compile(r'\b(liburing|io_uring\w*|libev|ev_\w+|jemalloc|mallocx|lwip\w*|criterion|cr_(?:assert|expect|skip)\w*)\b', re.I)
THIRD_PARTY_HEADERS = re.compile(r'^(liburing|ev\.h|jemalloc/|lwip/|criterion/)')
# Hosts of the library have loops of their own; its header says what it does itself.
THIRD_PARTY_LAYERS = ['vk/linux', 'net/linux', 'metal', 'compiler', 'vkd', 'tests', 'bench', 'include', 'examples/embed']

SPDX = {
    '.c': '/* SPDX-License-Identifier: Apache-2.0 */', '.h': '/* SPDX-License-Identifier: Apache-2.0 */',
    '.S': '/* SPDX-License-Identifier: Apache-2.0 */', '.ld': '/* SPDX-License-Identifier: Apache-2.0 */',
    '.py': '# SPDX-License-Identifier: Apache-2.0', '.sh': '# SPDX-License-Identifier: Apache-2.0',
    '.js': '// SPDX-License-Identifier: Apache-2.0',
}
# A note of work to do says what will make it go away.
NOTE = re.compile(r'\b(TODO|FIXME|XXX|HACK)\b')
NOTE_WITH_CONDITION = re.compile(r'\bTODO: .*\b(when|once|until|as soon as)\b')
MACHINE_PATH = re.compile(r'(?<![\w.])/(home|root|work|Users)/')

FUNCTION_NAME = re.compile(r'(\w+)\(')
INCLUDE = re.compile(r'\s*#\s*include\s+([<"])([^>"]+)[>"]')
WORDS_EXEMPT = 'tests/style/'  # the rules themselves


def layer_of(path):
    folder = os.path.dirname(path)
    best = folder.split('/')[0]
    for layer in ARROWS:
        if (folder == layer or folder.startswith(layer + '/')) and len(layer) > len(best):
            best = layer
    return best


def blank(match):
    return re.sub(r'[^\n]', ' ', match.group(0))


def without_comments(text):
    """The text with comments, and what stands in quotes, blanked out: lines and columns stay."""
    tokens = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return tokens.sub(blank, text)


def check_own_include(root, path, header):
    layer = layer_of(path)
    target = layer_of(header)
    if not os.path.exists(os.path.join(root, header)):
        # The yardsticks of bench stand alone.
        return None if layer == 'bench' else f'"{header}" is not a path from the root'
    sees_inside = target == layer or layer in PLATFORMS or layer == 'tests'
    if header.endswith('_impl.h') and not sees_inside:
        return f'"{header}" is private to {target}'
    puts_parts_together = layer not in ARROWS or path.startswith('metal/app/')
    if puts_parts_together:
        return None
    if target not in ARROWS[layer] and header not in ARROWS[layer]:
        return f'{layer} may not include "{header}"'
    return None


def check_system_include(path, header):
    layer = layer_of(path)
    if THIRD_PARTY_HEADERS.match(header):
        return None if layer in THIRD_PARTY_LAYERS else f'{layer} may not name <{header}>'
    if layer in FREESTANDING and header not in FREESTANDING_HEADERS and (path, header) not in HEADER_EXCEPTIONS:
        return f'<{header}> is not a freestanding header'
    return None


def check_includes(root, path, text):
    for number, line in enumerate(text.split('\n'), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        if match.group(1) == '"':
            what = check_own_include(root, path, match.group(2))
        else:
            what = check_system_include(path, match.group(2))
        if what:
            yield number, what


def check_third_parties(path, text):
    if layer_of(path) in THIRD_PARTY_LAYERS:
        return
    for number, line in enumerate(without_comments(text).split('\n'), 1):
        match = THIRD_PARTIES.search(line)
        if match and not INCLUDE.match(line):
            yield number, f'{layer_of(path)} may not name {match.group(1)}'


def functions(text):
    """(name, first line, last line, is static) of each function defined in a text."""
    lines = without_comments(text).split('\n')
    for start, line in enumerate(lines):
        if line.rstrip() != '{':
            continue
        head = start
        while head > 0 and re.match(r'[^\s#}/]|\s+\S', lines[head - 1]) and not lines[head - 1].rstrip().endswith(';'):
            head -= 1
        signature = ' '.join(lines[head:start])
        names = [name for name in FUNCTION_NAME.findall(signature) if name != '__attribute__']
        end = start
        while end < len(lines) - 1 and lines[end].rstrip() != '}':
            end += 1
        if names:
            yield names[0], head + 1, end + 1, re.search(r'\bstatic\b', signature) is not None


def check_braces(text):
    """What clang-format did not lay out would escape the count of lines."""
    for number, line in enumerate(without_comments(text).split('\n'), 1):
        if re.match(r'\w[^=]*\)\s*\{', line):
            yield number, 'the brace of a function stands on a line of its own'


def check_functions(path, text, allowed, used):
    prefix = layer_of(path).split('/')[0] + '_'
    for name, first, last, is_static in functions(text):
        length = last - first + 1
        if length > FUNCTION_LINES_MAX:
            if (path, name) in allowed:
                used.add((path, name))
            else:
                yield first, f'{name} has {length} lines, {FUNCTION_LINES_MAX} is the limit'
        is_layer = layer_of(path) in ARROWS
        if is_layer and is_static and path.endswith('.c') and name.startswith(prefix):
            yield first, f'{name} is static and needs no prefix'


def check_awaits(text):
    """An await is a case label: inside a switch of the program's own it would belong to that one."""
    depth = 0
    switches = []
    for number, line in enumerate(without_comments(text).split('\n'), 1):
        if line.startswith('#') or line.startswith(' ' * 4 + '#'):
            continue
        if 'PROC_AWAIT(' in line and switches:
            yield number, 'an await inside a switch'
        opens = re.search(r'\bswitch \(.*\{$', line.rstrip())
        depth += line.count('{') - line.count('}')
        while switches and depth < switches[-1]:
            switches.pop()
        if opens:
            switches.append(depth)


def check_words(path, text):
    if path.startswith(WORDS_EXEMPT):
        return
    for number, line in enumerate(text.split('\n'), 1):
        match = NOTE.search(line)
        if match and not NOTE_WITH_CONDITION.search(line):
            yield number, f'{match.group(1)} without the condition for its removal'
        if MACHINE_PATH.search(line):
            yield number, 'a path of one machine'


def check_spdx(path, text):
    lines = text.split('\n')
    wanted = SPDX.get(os.path.splitext(path)[1])
    if wanted is None and lines[0].startswith('#!'):
        wanted = SPDX['.sh']
    if wanted is None:
        return
    line = 1 if lines[0].startswith('#!') else 0
    if len(lines) <= line or lines[line] != wanted:
        yield line + 1, f'not "{wanted}"'


def check_guard(path, text):
    if not path.endswith('.h') or layer_of(path) in ('bench', 'tests'):
        return
    guard = re.sub(r'\W', '_', path).upper()
    for number, line in enumerate(text.split('\n'), 1):
        if line.startswith('#'):
            if line != f'#ifndef {guard}':
                yield number, f'the include guard is not {guard}'
            return
    yield 1, 'no include guard'


def check_length(text):
    count = text.count('\n')
    if count > FILE_LINES_MAX:
        yield FILE_LINES_MAX, f'{count} lines, {FILE_LINES_MAX} is the limit'


def is_source(path):
    return path.endswith(('.c', '.h'))


def check_file(root, path, allowed, used):
    with open(os.path.join(root, path), encoding='utf-8', errors='replace') as file:
        text = file.read()
    checks = [check_spdx(path, text), check_words(path, text)]
    if is_source(path):
        checks += [check_includes(root, path, text), check_third_parties(path, text), check_awaits(text), check_braces(text),
                   check_functions(path, text, allowed, used), check_guard(path, text), check_length(text)]
    for check in checks:
        for number, what in check:
            yield f'{path}:{number}: {what}'


def files(root):
    """Every file but those of build folders, subprojects and hidden folders."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders
                            if not name.startswith('.') and name not in ('build', 'subprojects', '__pycache__')
                            and not os.path.exists(os.path.join(folder, name, 'meson-private')))
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), root)
            if os.path.splitext(name)[1] in SPDX or is_script(os.path.join(root, path)):
                yield path


def is_script(path):
    if '.' in os.path.basename(path) or os.path.islink(path):
        return False
    with open(path, 'rb') as file:
        return file.read(2) == b'#!'


def read_allowed(root):
    """Reviewed long functions: a line each, `path function why`."""
    allowed = {}
    path = os.path.join(root, 'tests/style/long_functions.txt')
    if not os.path.exists(path):
        return allowed
    with open(path, encoding='utf-8') as file:
        for line in file:
            if line.strip() and not line.startswith('#'):
                where, name, why = line.split(maxsplit=2)
                allowed[(where, name)] = why
    return allowed


def check_tree(root):
    allowed = read_allowed(root)
    used = set()
    findings = []
    for path in files(root):
        findings += check_file(root, path, allowed, used)
    for where, name in sorted(set(allowed) - used):
        findings.append(f'tests/style/long_functions.txt:1: {where} {name} is not long, or gone')
    return findings


def main():
    root = os.path.abspath(sys.argv[1])
    findings = check_tree(root)
    count = sum(1 for _ in files(root))
    for finding in findings:
        print(finding)
    print(f'{count} files, {len(findings)} findings')
    # No files at all means that the walk is broken, not that all is well.
    return 1 if findings or count == 0 else 0


if __name__ == '__main__':
    sys.exit(main())
