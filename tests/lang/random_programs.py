#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random expressions with known results.

Goal: what is compiled computes what docs/language.md says, in every mixture of operators, types and constants.
Method: expressions of Int, Float, Bool, Str and lists are drawn from a seed and evaluated here too, with 64-bit
overflow, truncating division and the traps in the order in which they come; programs of them are compiled and
run, and every result or trap compared. A failure names the seed, which repeats it.

Usage: random_programs.py LANG_RUN PROGRAMS [SEED]
"""
import math
import pathlib
import random
import subprocess
import sys
import tempfile

PER_PROGRAM = 120
LEAST, MOST = -(1 << 63), (1 << 63) - 1
EDGES = [0, 1, -1, 2, 3, -3, 7, 10, 63, 64, 127, 128, -128, -129, 255, 1000, -1000, 1 << 31, -(1 << 31), 1 << 32, 3037000500,
         MOST, MOST - 1, LEAST, LEAST + 1]
FLOATS = [0.0, -0.0, 1.0, -1.5, 0.1, 0.25, 3.0, 1e9, 123456.789, 1e20, 1e21, 1e-6, 1e-7, 1e300, 5e-324]
TEXTS = ['', 'a', 'ab', 'b', 'Z', 'é', '€uro', 'a b', '0']


class Trap(Exception):
    """The process ends with this text."""


def int64(n):
    if not LEAST <= n <= MOST:
        raise Trap('integer overflow')
    return n


def wrap(n):
    n &= (1 << 64) - 1
    return n - (1 << 64) if n > MOST else n


def divide(a, b):
    if b == 0:
        raise Trap('division by zero')
    q = abs(a) // abs(b)
    return int64(-q if (a < 0) != (b < 0) else q)


def remainder(a, b):
    return a - divide(a, b) * b


def shift(a, b, is_left):
    if not 0 <= b <= 63:
        raise Trap('shift count out of range')
    return wrap(a << b) if is_left else a >> b


def item(xs, i):
    if not 0 <= i < len(xs):
        raise Trap('index out of range')
    return xs[i]


def part(xs, a, b):
    if not 0 <= a <= b <= len(xs):
        raise Trap('index out of range')
    return xs[a:b]


def float_div(a, b):
    if b != 0:
        return a / b
    if a == 0 or math.isnan(a):
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def float_text(x):
    """The shortest digits that read back, written as section 4.9 says."""
    if math.isnan(x):
        return 'nan'
    if math.isinf(x):
        return 'inf' if x > 0 else '-inf'
    sign, (digits, _, exponent) = '-' if math.copysign(1, x) < 0 else '', repr(abs(x)).partition('e')
    whole, _, fraction = digits.partition('.')
    fraction = '' if fraction == '0' else fraction
    point = len(whole) + int(exponent or 0)
    figures = (whole + fraction).lstrip('0')
    point -= len(whole + fraction) - len(figures)
    figures = figures.rstrip('0') or '0'
    if figures == '0':
        return sign + '0.0'
    if not 1e-6 <= abs(x) < 1e21:
        return f'{sign}{figures[0]}{"." + figures[1:] if len(figures) > 1 else ""}e{point - 1}'
    if point <= 0:
        return sign + '0.' + '0' * -point + figures
    if point >= len(figures):
        return sign + figures + '0' * (point - len(figures)) + '.0'
    return sign + figures[:point] + '.' + figures[point:]


def text_of(value):
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, float):
        return float_text(value)
    if isinstance(value, list):
        return ','.join(str(x) for x in value)
    return str(value)


class Gen:
    """Draws expressions: each a pair of its text and a function from the variables to its value."""

    def __init__(self, rng):
        self.rng = rng
        self.names = {'int': ['a', 'b', 'c'], 'float': ['x', 'y'], 'bool': ['p', 'q'], 'str': ['s', 't'], 'list': ['xs', 'ys']}
        self.fresh = 0

    def draw(self, kind, depth):
        if depth <= 0 or self.rng.random() < 0.12:
            return self.leaf(kind)
        return self.rng.choice(getattr(self, 'forms_' + kind)())(depth - 1)

    def leaf(self, kind):
        if self.rng.random() < 0.6:
            name = self.rng.choice(self.names[kind])
            return name, lambda env: env[name]
        text, value = self.literal(kind)
        return text, lambda env: value

    def literal(self, kind):
        if kind == 'int':
            n = self.rng.choice(EDGES) if self.rng.random() < 0.6 else self.rng.randint(-200, 200)
            return (f'({n})' if n < 0 else str(n)), n
        if kind == 'float':
            x = self.rng.choice(FLOATS)
            text = float_text(abs(x))
            return (f'(-{text})' if math.copysign(1, x) < 0 else text), x
        if kind == 'bool':
            b = self.rng.random() < 0.5
            return text_of(b), b
        if kind == 'str':
            s = self.rng.choice(TEXTS)
            return f'"{s}"', s
        xs = [self.rng.choice([0, 1, 2, -5, 100]) for _ in range(self.rng.randint(1, 4))]
        return '[' + ', '.join(str(x) for x in xs) + ']', xs

    # ---- forms of every kind ----

    def choose(self, kind):
        def form(depth):
            (c, fc), (a, fa), (b, fb) = self.draw('bool', depth), self.draw(kind, depth), self.draw(kind, depth)
            return f'(if {c} {{ {a} }} else {{ {b} }})', lambda env: fa(env) if fc(env) else fb(env)
        return form

    def bind(self, kind):
        """A block with a variable that shadows nothing; at times it is assigned again."""
        def form(depth):
            of = self.rng.choice(['int', 'str', 'list', 'float'])
            a, fa = self.draw(of, depth)
            self.fresh += 1
            name = f'v{self.fresh}'
            self.names[of].append(name)
            again = self.draw(of, depth) if self.rng.random() < 0.5 else None
            b, fb = self.draw(kind, depth)
            self.names[of].remove(name)
            lines = [f'{"var" if again else "let"} {name} = {a}'] + ([f'{name} = {again[0]}'] if again else []) + [b]

            def value(env):
                inner = dict(env)
                inner[name] = fa(env)
                if again:
                    inner[name] = again[1](inner)
                return fb(inner)
            return '({\n' + '\n'.join(lines) + '\n})', value
        return form

    def through_closure(self, kind):
        def form(depth):
            a, fa = self.draw('int', depth)
            self.fresh += 1
            name = f'v{self.fresh}'
            self.names['int'].append(name)
            b, fb = self.draw(kind, depth)
            self.names['int'].remove(name)
            return f'(fn({name}: Int) => {b})({a})', lambda env: fb({**env, name: fa(env)})
        return form

    def by_match(self, kind):
        def form(depth):
            (n, fn), keys = self.draw('int', depth), self.rng.sample([0, 1, -1, 5, 64, MOST], 2)
            arms = [self.draw(kind, depth) for _ in range(3)]
            text = f'(match {n} {{\n{keys[0]} => {arms[0][0]}\n{keys[1]} => {arms[1][0]}\n_ => {arms[2][0]}\n}})'

            def value(env):
                found = fn(env)
                return arms[keys.index(found) if found in keys else 2][1](env)
            return text, value
        return form

    def common(self, kind):
        return [self.choose(kind), self.bind(kind), self.through_closure(kind), self.by_match(kind)]

    # ---- forms by kind ----

    def binary(self, kind, op, f):
        def form(depth):
            (a, fa), (b, fb) = self.draw(kind, depth), self.draw(kind, depth)
            return f'({a} {op} {b})', lambda env: f(fa(env), fb(env))
        return form

    def method(self, of, name, f, *kinds):
        def form(depth):
            (x, fx), args = self.draw(of, depth), [self.draw(kind, depth) for kind in kinds]
            call = f'.{name}' + (f'({", ".join(text for text, _ in args)})' if args else '')

            def value(env):
                got = fx(env)
                return f(got, *[arg(env) for _, arg in args])
            return f'({x}){call}', value
        return form

    def forms_int(self):
        def negate(depth):
            a, fa = self.draw('int', depth)
            return f'(-({a}))', lambda env: int64(-fa(env))

        def invert(depth):
            a, fa = self.draw('int', depth)
            return f'(~{a})', lambda env: ~fa(env)

        def index_or(depth):
            (xs, fx), (i, fi), (d, fd) = self.draw('list', depth), self.draw('int', depth), self.draw('int', depth)

            def value(env):
                got, at = fx(env), fi(env)
                return got[at] if 0 <= at < len(got) else fd(env)
            return f'(({xs})[{i}] ?? {d})', value

        def index(depth):
            (xs, fx), i = self.draw('list', depth), self.rng.randint(0, 4)
            return f'({xs})[{i}]', lambda env: item(fx(env), i)

        def total(xs):
            n = 0
            for x in xs:
                n = int64(n + x)
            return n
        ops = [('+', lambda a, b: int64(a + b)), ('-', lambda a, b: int64(a - b)), ('*', lambda a, b: int64(a * b)),
               ('/', divide), ('%', remainder), ('&', lambda a, b: a & b), ('|', lambda a, b: a | b), ('^', lambda a, b: a ^ b),
               ('<<', lambda a, b: shift(a, b, True)), ('>>', lambda a, b: shift(a, b, False))]
        return [self.binary('int', op, f) for op, f in ops] + self.common('int') + [
            negate, invert, index_or, index, self.method('list', 'sum', total), self.method('list', 'len', len),
            self.method('str', 'len', lambda s: len(s.encode())), self.method('int', 'min', min, 'int'), self.method('int', 'max', max, 'int'),
            self.method('int', 'wrapping_add', lambda a, b: wrap(a + b), 'int'),
            self.method('int', 'wrapping_sub', lambda a, b: wrap(a - b), 'int'),
            self.method('int', 'wrapping_mul', lambda a, b: wrap(a * b), 'int')]

    def forms_float(self):
        ops = [('+', lambda a, b: a + b), ('-', lambda a, b: a - b), ('*', lambda a, b: a * b), ('/', float_div)]

        def negate(depth):
            a, fa = self.draw('float', depth)
            return f'(-({a}))', lambda env: -fa(env)
        return [self.binary('float', op, f) for op, f in ops] + self.common('float') + [
            negate, self.method('int', 'to_float', float)]

    def forms_bool(self):
        def logic(op):
            def form(depth):
                (a, fa), (b, fb) = self.draw('bool', depth), self.draw('bool', depth)
                return f'({a} {op} {b})', (lambda env: fa(env) and fb(env)) if op == '&&' else (lambda env: fa(env) or fb(env))
            return form

        def negate(depth):
            a, fa = self.draw('bool', depth)
            return f'(!{a})', lambda env: not fa(env)
        forms = [logic('&&'), logic('||'), negate] + self.common('bool')
        for kind in 'int', 'float', 'str':
            order = (lambda f: lambda a, b: f(a.encode(), b.encode())) if kind == 'str' else (lambda f: f)
            forms += [self.binary(kind, '<', order(lambda a, b: a < b)), self.binary(kind, '<=', order(lambda a, b: a <= b)),
                      self.binary(kind, '>', order(lambda a, b: a > b)), self.binary(kind, '>=', order(lambda a, b: a >= b))]
        for kind in 'int', 'float', 'str', 'bool', 'list':
            forms += [self.binary(kind, '==', lambda a, b: a == b), self.binary(kind, '!=', lambda a, b: a != b)]
        return forms + [self.method('list', 'contains', lambda xs, x: x in xs, 'int'), self.method('str', 'contains', lambda s, t: t in s, 'str')]

    def forms_str(self):
        def text(depth):
            parts = [self.draw(self.rng.choice(['int', 'bool', 'str', 'float']), 0) for _ in range(self.rng.randint(1, 4))]
            return '"' + '-'.join(f'{{{p}}}' for p, _ in parts) + '"', lambda env: '-'.join(text_of(f(env)) for _, f in parts)

        def repeat(depth):
            (s, fs), n = self.draw('str', depth), self.rng.randint(0, 3)
            return f'({s}).repeat({n})', lambda env: fs(env) * n
        return [self.binary('str', '+', lambda a, b: a + b), text, repeat] + self.common('str')

    def forms_list(self):
        def build(depth):
            parts = [self.draw('int', depth) for _ in range(self.rng.randint(1, 3))]
            return '[' + ', '.join(p for p, _ in parts) + ']', lambda env: [f(env) for _, f in parts]

        def mapped(depth):
            xs, fx = self.draw('list', depth)
            self.fresh += 1
            name = f'v{self.fresh}'
            self.names['int'].append(name)
            b, fb = self.draw('int', depth)
            c, fc = self.draw('bool', depth)
            self.names['int'].remove(name)
            if self.rng.random() < 0.5:
                return f'({xs}).map(fn({name}) => {b})', lambda env: [fb({**env, name: x}) for x in fx(env)]
            return f'({xs}).filter(fn({name}) => {c})', lambda env: [x for x in fx(env) if fc({**env, name: x})]

        def changed(depth):
            (xs, fx), (n, fn), at = self.draw('list', depth), self.draw('int', depth), self.rng.randint(0, 3)
            self.fresh += 1
            name = f'v{self.fresh}'

            def value(env):
                got = list(fx(env))
                got.append(fn(env))
                item(got, at)
                got[at] = wrap(got[at] ^ 1)
                return got
            return f'({{\nvar {name} = {xs}\n{name}.push({n})\n{name}[{at}] = {name}[{at}] ^ 1\n{name}\n}})', value
        return [build, mapped, changed, self.method('list', 'reverse', lambda xs: xs[::-1]),
                self.method('list', 'concat', lambda xs, ys: xs + ys, 'list'), self.method('list', 'slice', part, 'int', 'int')] + \
            self.common('list')


def shown(kind, name):
    return f'{name}.map(fn(i) => i.str()).join(",")' if kind == 'list' else f'"{{{name}}}"'


def program(seed):
    """The text of a program and what it prints."""
    rng = random.Random(seed)
    gen = Gen(rng)
    kinds = {'a': 'int', 'b': 'int', 'c': 'int', 'x': 'float', 'y': 'float', 'p': 'bool', 'q': 'bool', 's': 'str', 't': 'str',
             'xs': 'list', 'ys': 'list'}
    types = {'int': 'Int', 'float': 'Float', 'bool': 'Bool', 'str': 'Str', 'list': 'List<Int>'}
    params = ', '.join(f'{name}: {types[kind]}' for name, kind in kinds.items())
    lines, tests, output = [], [], []
    for i in range(PER_PROGRAM):
        kind = rng.choice(list(types))
        values = {name: gen.literal(of) for name, of in kinds.items()}
        text, f = gen.draw(kind, rng.randint(1, 4))
        lines.append(f'fn f{i}({params}) -> {types[kind]} {{\n{text}\n}}\n')
        tests.append(f'test "{i}" {{\nlet got = f{i}({", ".join(value for value, _ in values.values())})\nlog({shown(kind, "got")})\n}}\n')
        try:
            output.append(text_of(f({name: value for name, (_, value) in values.items()})))
        except Trap as trap:
            output += [f'trap: {trap}', f'failed: {i}']
    return ''.join(lines + tests), output


def run(runner, path):
    done = subprocess.run([runner, str(path)], capture_output=True, text=True, timeout=120, check=False)
    lines = done.stdout.split('\n')[:-1]
    return [line.partition(' in ')[0] if line.startswith('trap: ') else line for line in lines] + done.stderr.split('\n')[:-1]


def main():
    runner, count = sys.argv[1], int(sys.argv[2])
    first = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, first + count):
            text, expected = program(seed)
            path = pathlib.Path(folder) / f'seed{seed}.vk'
            path.write_text(text, encoding='utf-8')
            got = run(runner, path)
            if got != expected:
                failed += 1
                where = next((i for i, pair in enumerate(zip(expected, got)) if pair[0] != pair[1]), min(len(expected), len(got)))
                print(f'seed {seed}, line {where}: expected {expected[where:where + 2]}, printed {got[where:where + 6]}')
    print(f'{count * PER_PROGRAM} expressions, {failed} programs of {count} failed')
    return 1 if failed or count < 1 else 0


if __name__ == '__main__':
    sys.exit(main())
