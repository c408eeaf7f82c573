#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Wrong checks planted in the verifier and the HTTP parser: a test must notice each.

Method: one small change of one source at a time (a comparison, a connective, a condition turned round or
never true, one more or less, an error that is none); that object is compiled anew as the build compiles it, linked in
front of its library into the programs that test it, and these are run until one fails. A change that none notices
survives: it is a hole in the tests, or it changes nothing, and then stands in equivalent.txt with the reason.

Usage: mutants.py BUILD [--set verifier|parser] [--count N] [--seed SEED] [--file PATH] [--line N]
"""
import argparse
import concurrent.futures
import json
import os
import random
import re
import shlex
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EQUIVALENT = os.path.join(ROOT, 'tests', 'mutants', 'equivalent.txt')
TIMEOUT_S = 120  # a test that does not end has noticed

# The sources, and what tests them: the program, the library whose object is replaced in it, and its arguments.
SETS = {
    'parser': (['net/head.c', 'net/chunk.c', 'net/scan.c', 'net/query.c', 'net/chars.c'], [
        ('tests/unit/unit_net', 'net/libnet.a.p', ['-j1']),
        ('tests/unit/net/unit_net_bounds', 'net/libnet.a.p', ['-j1']),
        ('tests/sim/test_talk', 'net/libnet.a.p', []),
    ]),
    'verifier': (['interp/verify.c', 'interp/verify_call.c', 'interp/verify_data.c', 'interp/verify_op.c',
                  'interp/verify_services.c', 'interp/verify_types.c', 'interp/module.c'], [
        ('tests/unit/unit_interp', 'interp/libinterp', ['-j1']),
        ('tests/interp/interp_mutate', 'tests/interp/libinterp_mutate.a.p', ['20000', '1']),
    ]),
}

SWAPS = [(r'(?<![<>=!\-])<=(?!=)', '<'), (r'(?<![<>=!\-])>=(?!=)', '>'), (r'(?<![<\-=!])<(?![<=])', '<='),
         (r'(?<![>\-=!])>(?![>=])', '>='), (r'==', '!='), (r'!=', '=='), (r'&&', '||'), (r'\|\|', '&&'),
         (r'\+ 1\b', '+ 2'), (r'\+ 1\b', '+ 0'), (r'- 1\b', '- 0'), (r'\breturn -VK_E\w+;', 'return 0;'),
         (r'\breturn false;', 'return true;'), (r'\breturn true;', 'return false;')]


def blank(text):
    """Comments, texts, directives and assertions blanked out: columns stay."""
    token = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|^[ ]*#(?:\\\n|[^\n])*|vk_assert[^\n]*|_Static_assert[^;]*',
                       re.S | re.M)
    return token.sub(lambda m: re.sub(r'[^\n]', ' ', m.group(0)), text)


def condition_end(code, start):
    depth = 0
    for at in range(start, len(code)):
        depth += (code[at] == '(') - (code[at] == ')')
        if depth == 0:
            return at
    return None


def mutations(path):
    """(path, line, start, end, replacement) of all of them."""
    with open(os.path.join(ROOT, path), encoding='utf-8') as file:
        text = file.read()
    code, found = blank(text), []
    for pattern, instead in SWAPS:
        for match in re.finditer(pattern, code):
            found.append((match.start(), match.end(), instead))
    for match in re.finditer(r'\bif \(', code):
        start, end = match.end() - 1, condition_end(code, match.end() - 1)
        if end:
            condition = text[start:end + 1]
            found += [(start, end + 1, f'(!{condition})'), (start, end + 1, f'(0 && {condition})')]
    return [(path, code.count('\n', 0, start) + 1, start, end, instead) for start, end, instead in sorted(found)]


def describe(mutation):
    path, line, start, end, instead = mutation
    with open(os.path.join(ROOT, path), encoding='utf-8') as file:
        text = file.read()
    was, now = (re.sub(r'\s+', ' ', part) for part in (text[start:end], instead))
    lines = [line.strip() for line in text.split('\n')]
    where = lines[line - 1] if len(lines[line - 1]) > 20 else f'{lines[line - 2]} {lines[line - 1]}'
    return f'{path}:{line}: {was} -> {now} in `{where}`'


class Build:
    def __init__(self, folder):
        self.folder = folder
        with open(os.path.join(folder, 'compile_commands.json'), encoding='utf-8') as file:
            self.commands = {entry['output']: entry['command'] for entry in json.load(file)}
        self.links = {}

    def object_command(self, source, library):
        base = os.path.basename(source) + '.o'
        for output, command in self.commands.items():
            if output.startswith(library) and (output.endswith('/' + base) or output.endswith('_' + base)):
                return output, command
        raise SystemExit(f'mutants: no object of {source} in {library}')

    def link_command(self, program):
        if program not in self.links:
            run = subprocess.run(['ninja', '-C', self.folder, '-t', 'commands', '-s', program], capture_output=True,
                                 text=True, check=True)
            self.links[program] = run.stdout.strip().split('\n')[-1]
        return self.links[program]

    def make(self, mutation, program, library, scratch):
        """The program with the change in it; None: it does not compile."""
        path, _, start, end, instead = mutation
        with open(os.path.join(ROOT, path), encoding='utf-8') as file:
            text = file.read()
        source, made, exe = (os.path.join(scratch, name) for name in (os.path.basename(path), 'mutant.o', 'program'))
        with open(source, 'w', encoding='utf-8') as file:
            file.write(text[:start] + instead + text[end:])
        output, command = self.object_command(path, library)
        words = [word for word in shlex.split(command) if word not in ('ccache', '-Werror')]
        words[words.index('-o') + 1], words[words.index('-c') + 1] = made, source
        words += ['-w', '-O0', '-I' + os.path.join(ROOT, os.path.dirname(path)), '-MF', os.path.join(scratch, 'd')]
        if subprocess.run(words, cwd=self.folder, capture_output=True, check=False).returncode:
            return None
        words = shlex.split(self.link_command(program))
        at = words.index('-o')
        words[at + 1] = exe
        # In front of the libraries: theirs is not looked for any more.
        words = [made if word == output else word for word in words]
        if made not in words:
            words.insert(at + 2, made)
        linked = subprocess.run(words, cwd=self.folder, capture_output=True, text=True, check=False)
        if linked.returncode:
            raise SystemExit(f'mutants: {program} cannot be linked: {linked.stderr[-600:]}')
        return exe


def is_noticed(exe, arguments, scratch):
    try:
        run = subprocess.run([exe, *arguments], cwd=scratch, capture_output=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return True
    return run.returncode != 0


def judge(build, mutation, tests):
    """'killed', 'survived' or 'no program'."""
    with tempfile.TemporaryDirectory() as scratch:
        for program, library, arguments in tests:
            exe = build.make(mutation, program, library, scratch)
            if exe is None:
                return 'no program'
            if is_noticed(exe, arguments, scratch):
                return 'killed'
    return 'survived'


def check_unchanged(build, sources, tests):
    """The tests pass when nothing is changed, or they could not tell anything."""
    with tempfile.TemporaryDirectory() as scratch:
        for program, library, arguments in tests:
            exe = build.make((sources[0], 1, 0, 0, ''), program, library, scratch)
            if exe is None or is_noticed(exe, arguments, scratch):
                raise SystemExit(f'mutants: {program} fails without a change')


def read_equivalent():
    with open(EQUIVALENT, encoding='utf-8') as file:
        return {line.split(' | ')[0].strip() for line in file if line.strip() and not line.startswith('#')}


def without_line(text):
    return re.sub(r':\d+:', ':', text, count=1)


def run_set(args, name, build, known):
    sources, tests = SETS[name]
    check_unchanged(build, sources, tests)
    every = [m for source in sources if args.file in (None, source) for m in mutations(source)]
    every = [m for m in every if args.line in (None, m[1])]
    chosen = every if len(every) <= args.count else random.Random(args.seed).sample(every, args.count)
    counts, survivors = {'killed': 0, 'survived': 0, 'equivalent': 0, 'no program': 0}, []
    begun = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for mutation, verdict in zip(chosen, pool.map(lambda m: judge(build, m, tests), chosen)):
            text = describe(mutation)
            if verdict == 'survived' and without_line(text) in known:
                verdict = 'equivalent'
            counts[verdict] += 1
            if verdict == 'survived':
                survivors.append(text)
                print(f'survived: {text}', flush=True)
    said = ', '.join(f'{count} {what}' for what, count in counts.items())
    print(f'{name}: {len(chosen)} of {len(every)} changes (seed {args.seed}): {said}; {time.monotonic() - begun:.0f} s')
    return survivors


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('build')
    parser.add_argument('--set', choices=SETS, default=None)
    parser.add_argument('--count', type=int, default=1 << 30, help='of each set, drawn by the seed; all of them')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--file')
    parser.add_argument('--line', type=int)
    parser.add_argument('--jobs', type=int, default=os.cpu_count())
    args = parser.parse_args()
    build, known, survivors = Build(os.path.abspath(args.build)), read_equivalent(), []
    for name in SETS if args.set is None else [args.set]:
        survivors += run_set(args, name, build, known)
    return 1 if survivors else 0


if __name__ == '__main__':
    sys.exit(main())
