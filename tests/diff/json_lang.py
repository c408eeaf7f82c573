#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""parse_json and to_json of compiled programs against Python's json.

Three parts: the cases written from RFC 8259's grammar (tests/unit/interp/json_cases.h) and random documents, some
of them damaged, read as the dynamic type; random values of random types, their fields in any order, with others
between them, read and written again; the same with one part of another type, which must be refused.

Usage: json_lang.py LANG_RUN JSON_CASES [COUNT [SEED]]
"""
import ast
import json
import os
import random
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import json_python  # noqa: E402

LINE_MAX = 450  # bytes of a line that is logged
NOT_LOGGED = re.compile('[\x7f-\x9f\u2028\u2029]')  # a log line shows something else for these
IN_A_PROGRAM = 100


def literal(text):
    """A Str of the language."""
    named = {'\\': '\\\\', '"': '\\"', '{': '\\{', '}': '\\}', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\0': '\\0'}
    return '"' + ''.join(named.get(c) or (f'\\u{{{ord(c):x}}}' if ord(c) < 0x20 or c == '\x7f' else c) for c in text) + '"'


def fits_line(value):
    text = json.dumps(value, ensure_ascii=False)
    return len(text.encode('utf-8', 'replace')) <= LINE_MAX and not NOT_LOGGED.search(text)


def run(runner, source, count):
    """What a program logs: one line for each of its texts."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'json.vk')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(source)
        done = subprocess.run([runner, path], capture_output=True, timeout=300, check=False)
    lines = done.stdout.decode('utf-8').split('\n')[:-1]
    if done.returncode != 0 or len(lines) != count:
        sys.exit(f'exit {done.returncode}, {len(lines)} lines for {count} texts: {lines[-3:]} {done.stderr[:400]}')
    return lines


def program(declarations, checks):
    """checks: (type, text)"""
    lines = [declarations]
    for i, (kind, text) in enumerate(checks):
        lines.append(f'fn read{i}() -> Str {{\n  let r: Result<{kind}, JsonError> = parse_json({literal(text)})\n'
                     '  match r {\n    Ok(v)  => "=" + to_json(v)\n    Err(e) => "!" + debug(e)\n  }\n}')
    lines.append('test "all" {')
    lines += [f'  log(read{i}())' for i in range(len(checks))]
    lines.append('}\n')
    return '\n'.join(lines)


# ---- as the dynamic type ----------------------------------------------------------


def grammar_cases(path):
    """(text, is valid); those that a Str cannot hold are the scanner's own tests'."""
    with open(path, encoding='utf-8') as file:
        source = file.read()
    for macro, quoted in re.findall(r'\b(TEXT|BAD)\(((?:"(?:[^"\\]|\\.)*"\s*)+)', source):
        data = b''.join(ast.literal_eval('b' + part) for part in re.findall(r'"(?:[^"\\]|\\.)*"', quoted)
                        if part.isascii())
        try:
            yield data.decode('utf-8'), macro == 'TEXT'
        except UnicodeDecodeError:
            continue


class Twice(Exception):
    pass


def unique(pairs):
    if len({name for name, _ in pairs}) < len(pairs):
        raise Twice
    return dict(pairs)


def number(text):
    value = int(text)
    return value if json_python.INT_MIN <= value <= json_python.INT_MAX else finite(text)


def finite(text):
    value = float(text)
    if value in (float('inf'), float('-inf')):
        raise ValueError('no Float')
    return value


def is_shallow(value, depth=json_python.DEPTH_MAX):
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return parts is None or (depth > 0 and all(is_shallow(part, depth - 1) for part in parts))


def load(text):
    """The value, or None in a tuple when Python's rules, ours added, refuse it."""
    try:
        text.encode('utf-8')
        value = json.loads(text, object_pairs_hook=unique, parse_int=number, parse_float=finite,
                           parse_constant=json_python.refuse)
        json.dumps(value, ensure_ascii=False).encode('utf-8')  # no half of a pair
        return (value,) if is_shallow(value) else None
    except (ValueError, Twice, RecursionError, OverflowError):
        return None


def same(a, b):
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    return repr(a) == repr(b)


def check_dynamic(runner, cases):
    wrong = 0
    for first in range(0, len(cases), IN_A_PROGRAM):
        batch = cases[first:first + IN_A_PROGRAM]
        lines = run(runner, program('', [('Json', text) for text, _ in batch]), len(batch))
        for (text, expected), line in zip(batch, lines):
            good = line.startswith('!') if expected is None else \
                line.startswith('=') and same(json.loads(line[1:]), expected[0])
            if not good:
                wrong += 1
                print(f'{text!r}: expected {expected!r}, printed {line}')
    return wrong


# ---- as values of types -------------------------------------------------------------


class Types:
    def __init__(self, rng):
        self.rng, self.records = rng, []

    def any(self, depth):
        kind = self.rng.randrange(9 if depth > 0 else 5)
        if kind < 5:
            return ['Int', 'Float', 'Bool', 'Str', 'Choice'][kind]
        if kind == 5:
            return ('List', self.any(depth - 1))
        if kind == 6:
            return ('Map', self.any(depth - 1))
        if kind == 7:
            inner = self.any(depth - 1)
            return inner if inner[0] == 'Option' else ('Option', inner)
        fields = [(f'f{i}', self.any(depth - 1)) for i in range(self.rng.randrange(1, 6))]
        self.records.append(fields)
        return ('R', len(self.records) - 1)

    def name(self, kind):
        if isinstance(kind, str):
            return kind
        if kind[0] == 'R':
            return f'R{kind[1]}'
        if kind[0] == 'Map':
            return f'Map<Str, {self.name(kind[1])}>'
        return f'{kind[0]}<{self.name(kind[1])}>'

    def declarations(self):
        lines = ['enum Choice { Red, Green, Blue }']
        for i, fields in enumerate(self.records):
            lines.append(f'record R{i} {{ ' + ', '.join(f'{n}: {self.name(k)}' for n, k in fields) + ' }')
        return '\n'.join(lines)

    def value(self, kind):
        rng = self.rng
        if kind == 'Int':
            return rng.choice([0, -1, 7, rng.randint(json_python.INT_MIN, json_python.INT_MAX)])
        if kind == 'Float':
            return rng.choice([0.0, -0.5, 1e300, 5e-324, rng.random(), float(rng.randrange(1000))])
        if kind == 'Bool':
            return rng.random() < 0.5
        if kind == 'Str':
            return json_python.random_text(rng)[:12]
        if kind == 'Choice':
            return rng.choice(['Red', 'Green', 'Blue'])
        if kind[0] == 'List':
            return [self.value(kind[1]) for _ in range(rng.randrange(4))]
        if kind[0] == 'Map':
            return {json_python.random_text(rng)[:5]: self.value(kind[1]) for _ in range(rng.randrange(4))}
        if kind[0] == 'Option':
            return None if rng.random() < 0.4 else self.value(kind[1])
        return {n: self.value(k) for n, k in self.records[kind[1]]}

    def written(self, kind, value):
        """What to_json makes of it, as Python reads it."""
        if kind == 'Float':
            return float(value)
        if isinstance(kind, str) or value is None:
            return value
        if kind[0] == 'List':
            return [self.written(kind[1], v) for v in value]
        if kind[0] == 'Map':
            return {n: self.written(kind[1], v) for n, v in value.items()}
        if kind[0] == 'Option':
            return self.written(kind[1], value)
        return {n: self.written(k, value[n]) for n, k in self.records[kind[1]] if value[n] is not None}

    def text(self, kind, value):
        """The value as JSON in any of its forms."""
        rng = self.rng
        if isinstance(kind, str) or value is None:
            if kind == 'Float' and isinstance(value, float) and value.is_integer() and abs(value) < 1e15 and rng.random() < 0.5:
                value = int(value)
            return json.dumps(value, ensure_ascii=rng.random() < 0.5)
        if kind[0] == 'Option':
            return self.text(kind[1], value)
        if kind[0] == 'List':
            return '[' + ','.join(json_python.space(rng) + self.text(kind[1], v) for v in value) + ']'
        pairs = [(n, self.text(kind[1], v)) for n, v in value.items()] if kind[0] == 'Map' else \
            [(n, self.text(k, value[n])) for n, k in self.records[kind[1]]
             if value[n] is not None or rng.random() < 0.5]
        if kind[0] == 'R':
            rng.shuffle(pairs)
            if rng.random() < 0.5:
                pairs.insert(rng.randrange(len(pairs) + 1), ('other', rng.choice(['null', '[{"a":[]}]', '"x"', '{}'])))
        return '{' + ','.join(json.dumps(n) + json_python.space(rng) + ':' + t for n, t in pairs) + '}'

    def spoiled(self, kind, value):
        """The value with one part of another type; None when it has no part."""
        rng = self.rng
        if isinstance(kind, str):
            return rng.choice([[], {}, {'Red': 1}, None] + ([1.5] if kind == 'Int' else []) + (['x'] if kind != 'Str' else []))
        if kind[0] == 'Option':
            return self.spoiled(kind[1], self.value(kind[1]) if value is None else value) or 3.25 if kind[1] != 'Float' else 'x'
        if kind[0] == 'List':
            return [self.value(kind[1]), self.spoiled(kind[1], self.value(kind[1]))] if kind[1][0] != 'Option' else {'a': 1}
        if kind[0] == 'Map':
            return {'k': self.spoiled(kind[1], self.value(kind[1]))} if kind[1][0] != 'Option' else [1]
        name, inner = rng.choice(self.records[kind[1]])
        if inner[0] == 'Option':
            return 'x'
        return {**value, name: self.spoiled(inner, value[name])}


def check_typed(runner, rng, count):
    wrong = 0
    for _ in range(0, count, IN_A_PROGRAM // 2):
        types, checks, expected = Types(rng), [], []
        while len(checks) < IN_A_PROGRAM:
            kind = types.any(3)
            value = types.value(kind)
            written, spoiled = types.written(kind, value), types.spoiled(kind, value)
            if not fits_line(written):
                continue
            checks.append((types.name(kind), types.text(kind, value)))
            expected.append((written,))
            checks.append((types.name(kind), json.dumps(spoiled)))
            expected.append(None)
        lines = run(runner, program(types.declarations(), checks), len(checks))
        for (kind, text), value, line in zip(checks, expected, lines):
            good = line.startswith('!Mismatch') if value is None else \
                line.startswith('=') and same(json.loads(line[1:]), value[0])
            if not good:
                wrong += 1
                print(f'{kind} of {text}: expected {value!r}, printed {line}')
    return wrong


def main():
    runner, cases_path = sys.argv[1:3]
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 400
    rng = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 1)
    cases = []
    for text, is_valid in grammar_cases(cases_path):
        value = load(text)
        if not is_valid and value is not None:
            sys.exit(f'Python takes {text!r}')
        cases.append((text, value))
    grammar = len(cases)
    for data in json_python.documents(rng, count):
        try:
            text = data.decode('utf-8')
        except UnicodeDecodeError:
            continue
        cases.append((text, load(text)))
    cases = [(text, value) for text, value in cases if value is None or fits_line(value[0])]
    refused = sum(value is None for _, value in cases)
    wrong = check_dynamic(runner, cases) + check_typed(runner, rng, count)
    print(f'{grammar} cases of the grammar, {len(cases)} texts in all, {refused} of them refused; {wrong} wrong')
    return 1 if wrong or grammar < 150 else 0


if __name__ == '__main__':
    sys.exit(main())
