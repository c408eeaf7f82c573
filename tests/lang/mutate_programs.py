#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Valid programs, changed a little.

Goal: whatever a program has become, it is refused with a message, or the verifier accepts what the compiler made
of it, and it runs to an end of its own.
Method: programs of tests/lang are cut into tokens and lines; words are put for words, operators for operators,
lines for lines of other programs, from a seed; each change is compiled and run. A failure keeps its text.

Usage: mutate_programs.py LANG_RUN FOLDER COUNT [SEED]
"""
import collections
import pathlib
import random
import re
import subprocess
import sys
import tempfile

TOKEN = re.compile(r'//[^\n]*|"""|"|[A-Za-z_]\w*|\d[\w.]*|\s+|=>|->|==|!=|<=|>=|&&|\|\||\?\?|\.\.|<<|[-+*/%]=|.', re.S)
KINDS = [('word', re.compile(r'[a-z_]\w*$')), ('type', re.compile(r'[A-Z]\w*$')), ('number', re.compile(r'\d')),
         ('operator', re.compile(r'(==|!=|<=|>=|&&|\|\||\?\?|<<|[-+*/%<>&|^]|[-+*/%]=)$')), ('bracket', re.compile(r'[][(){}]$'))]
EDGES = ['0', '1', '-1', '127', '128', '255', '64', '9223372036854775807', '1.5', '1e300', '1s', '0xff', '""', 'true', '[]', '{}', 'None', 'nil']


def kind_of(token):
    return next((kind for kind, form in KINDS if form.match(token)), None)


class Mutator:
    def __init__(self, texts, seed):
        self.rng = random.Random(seed)
        self.texts = texts
        self.lines = [line for text in texts for line in text.split('\n')]
        self.pool = collections.defaultdict(list)
        for text in texts:
            for token in TOKEN.findall(text):
                if kind_of(token):
                    self.pool[kind_of(token)].append(token)

    def replace(self, tokens):
        """A word for a word; most often one of the same program, whose type may fit."""
        places = [i for i, token in enumerate(tokens) if kind_of(token)]
        at = self.rng.choice(places)
        kind = kind_of(tokens[at])
        own = [token for token in tokens if kind_of(token) == kind]
        tokens[at] = self.rng.choice(own if self.rng.random() < 0.8 else self.pool[kind])

    def change(self, text):
        tokens = TOKEN.findall(text)
        lines = text.split('\n')
        at, other = self.rng.randrange(len(lines)), self.rng.randrange(len(lines))
        way = self.rng.randrange(10)
        if way < 4:
            self.replace(tokens)
        elif way == 4:
            i, j = self.rng.randrange(len(tokens)), self.rng.randrange(len(tokens))
            tokens[i], tokens[j] = tokens[j], tokens[i]
        elif way == 5:
            numbers = [i for i, token in enumerate(tokens) if kind_of(token) == 'number'] or [0]
            tokens[self.rng.choice(numbers)] = self.rng.choice(EDGES)
        elif way == 6:
            del lines[at]
        elif way == 7:
            lines.insert(at, lines[other])
        elif way == 8:
            lines[at], lines[other] = lines[other], lines[at]
        else:
            lines.insert(at, self.rng.choice(self.lines))
        return ''.join(tokens) if way < 6 else '\n'.join(lines)

    def mutant(self):
        text = self.rng.choice(self.texts)
        for _ in range(self.rng.choice([1, 1, 1, 2, 3])):
            text = self.change(text)
        return text


def problem(runner, path):
    """What is wrong with how that program ended; None: nothing. And whether it ran."""
    try:
        done = subprocess.run([runner, str(path)], capture_output=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        return 'no end', False
    said = (done.stdout + done.stderr).decode(errors='replace')
    if done.returncode not in (0, 1):
        return f'exit {done.returncode}: {said[-300:]}', False
    if re.search(r'is refused|\bstuck\b|Sanitizer', said):
        return said[-300:], False
    return None, 'error: ' not in said


def main():
    runner, folder, count = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    texts = [path.read_text(encoding='utf-8') for path in sorted(folder.glob('run/*.vk'))]
    mutator, failed, ran = Mutator(texts, seed), 0, 0
    with tempfile.TemporaryDirectory() as scratch:
        path = pathlib.Path(scratch) / 'mutant.vk'
        for i in range(count):
            text = mutator.mutant()
            path.write_text(text, encoding='utf-8')
            what, has_run = problem(runner, path)
            ran += has_run
            if what:
                failed += 1
                kept = pathlib.Path(f'mutant-{seed}-{i}.vk').absolute()
                kept.write_text(text, encoding='utf-8')
                print(f'{kept}: {what}')
    print(f'{count} changed programs, {ran} of them valid, {failed} failed')
    return 1 if failed or ran < count // 20 else 0


if __name__ == '__main__':
    sys.exit(main())
