#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our JSON against Python's: thousands of documents, valid ones and such with
something changed, are accepted or refused alike and mean the same.

Python's is made strict where it is not: no NaN, UTF-8, whole surrogate pairs,
our limits. Usage: json_python.py PROGRAM [COUNT [SEED]]
"""
import json
import random
import struct
import subprocess
import sys

DEPTH_MAX = 64
NUMBER_MAX = 4096
INT_MIN, INT_MAX = -2 ** 63, 2 ** 63 - 1


def random_text(rng):
    kinds = ['ascii', 'ascii', 'latin', 'any', 'control', 'long']
    kind = rng.choice(kinds)
    length = rng.choice([0, 1, 3, 10, 15, 16, 17, 31, 40]) if kind != 'long' else rng.randrange(300)
    limits = {'ascii': (0x20, 0x7f), 'latin': (0x20, 0x17f), 'any': (0, 0x10ffff), 'control': (0, 0x30), 'long': (0x20, 0x7f)}
    low, high = limits[kind]
    codes = (rng.randint(low, high) for _ in range(length))
    return ''.join(chr(code) for code in codes if not 0xd800 <= code <= 0xdfff)


def random_number(rng):
    kind = rng.randrange(6)
    if kind == 0:
        return rng.choice(['0', '-0', '-0.0', '1e400', '-1e400', '1e-400', '5e-324', '1.7976931348623157e308', '0e99'])
    if kind == 1:
        return str(rng.randint(-10, 10))
    if kind == 2:
        return str(rng.choice([INT_MIN, INT_MAX]) + rng.randint(-2, 2))
    if kind == 3:
        return repr(struct.unpack('<d', rng.randbytes(8))[0]).replace('inf', '1').replace('nan', '2')
    if kind == 4:
        return str(rng.randrange(10 ** rng.randrange(1, 60)))
    digits = str(rng.randrange(10 ** rng.randrange(1, 40)))
    fraction = '.' + ''.join(rng.choice('0123456789') for _ in range(rng.randrange(1, 40))) if rng.random() < 0.7 else ''
    exponent = rng.choice('eE') + rng.choice(['', '+', '-']) + str(rng.randrange(340)) if rng.random() < 0.5 else ''
    return rng.choice(['', '-']) + digits + fraction + exponent


def space(rng):
    return ''.join(rng.choice(' \t\n\r') for _ in range(rng.choice([0, 0, 0, 1, 2, 20])))


def random_string(rng):
    text = json.dumps(random_text(rng), ensure_ascii=rng.random() < 0.5)
    return text.replace('/', '\\/') if rng.random() < 0.2 else text


def random_value(rng, depth):
    kind = rng.randrange(8 if depth > 0 else 5)
    if kind == 0:
        return rng.choice(['true', 'false', 'null'])
    if kind in (1, 2):
        return random_number(rng)
    if kind in (3, 4):
        return random_string(rng)
    count = rng.choice([0, 1, 2, 5])
    if kind == 5:
        deep = rng.randrange(1, 70) if rng.random() < 0.05 else 1
        items = (space(rng) + random_value(rng, depth - 1) + space(rng) for _ in range(count))
        return '[' * deep + (','.join(items) or space(rng)) + ']' * deep
    fields = (f'{space(rng)}{random_string(rng)}{space(rng)}:{space(rng)}{random_value(rng, depth - 1)}{space(rng)}'
              for _ in range(count))
    return '{' + (','.join(fields) or space(rng)) + '}'


def changed(rng, data):
    """A byte or a piece of a document taken out, put in, doubled, swapped."""
    at = rng.randrange(len(data) + 1)
    end = min(len(data), at + rng.choice([1, 1, 1, 2, 5]))
    kind = rng.randrange(5)
    if kind == 0:
        return data[:at] + data[end:]
    if kind == 1:
        return data[:at] + bytes([rng.choice(b'{}[]:,"\\u0e+-.19 \n\x00\x1f\x7f\x80\xc3\xed\xff')]) + data[at:]
    if kind == 2:
        return data[:end] + data[at:]
    if kind == 3:
        return data[:at] + bytes([rng.randrange(256)]) + data[end:]
    return data[:at]


def documents(rng, count):
    for _ in range(count):
        data = (space(rng) + random_value(rng, rng.randrange(5)) + space(rng)).encode()
        yield data
        for _ in range(2):
            yield changed(rng, data)


def refuse(_):
    raise ValueError('no constant of JSON')


def number(text, kind):
    if len(text) > NUMBER_MAX:
        raise ValueError('number too long')
    value = kind(text)
    return float(text) if kind is int and not INT_MIN <= value <= INT_MAX else value


def check_inside(value, depth):
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, (list, tuple)):
        is_object = isinstance(value, tuple)
        if depth == DEPTH_MAX:
            raise ValueError('too deep')
        for item in value:
            if is_object:
                item[0].encode()
            check_inside(item[1] if is_object else item, depth + 1)


def meaning(data, is_input):
    """What Python understands; objects are tuples of pairs. Raises ValueError."""
    value = json.loads(data.decode(), parse_constant=refuse, object_pairs_hook=tuple,
                       parse_int=lambda text: number(text, int), parse_float=lambda text: number(text, float))
    if is_input:
        check_inside(value, 0)
    return value


def exact(value):
    """repr tells 1 from 1.0 and 0.0 from -0.0."""
    return repr(value)


def compare(data, line, verdict):
    try:
        wanted = exact(meaning(data, True))
    except ValueError as error:
        return None if verdict.startswith('bad ') else f'accepted, and Python says {error}'
    if verdict != 'ok':
        return f'{verdict}, and Python accepts'
    ours = exact(meaning(line, False))
    return None if ours == wanted else f'read as {ours}, by Python as {wanted}'


def main():
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    data = list(documents(random.Random(seed), count))
    framed = b''.join(struct.pack('<I', len(document)) + document for document in data)
    output = subprocess.run([sys.argv[1]], input=framed, check=True, capture_output=True).stdout
    lines = output.split(b'\n')
    if len(lines) != 2 * len(data) + 1:
        print(f'{len(lines)} lines for {len(data)} documents')
        return 1
    failed, accepted = 0, 0
    for index, document in enumerate(data):
        verdict = lines[2 * index + 1].decode()
        accepted += verdict == 'ok'
        what = compare(document, lines[2 * index], verdict)
        if what:
            failed += 1
            print(f'seed {seed}, {document!r}: {what}')
    print(f'{len(data)} documents, {accepted} accepted, {failed} otherwise than by Python')
    return 1 if failed or accepted < count or accepted == len(data) else 0


if __name__ == '__main__':
    sys.exit(main())
