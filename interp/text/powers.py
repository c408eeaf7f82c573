#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints powers.c: the powers of ten that reading and printing of floats share.

Usage: powers.py > powers.c; powers.py --check powers.c
"""
import sys

FIRST, LAST = -342, 324

HEAD = '''/* SPDX-License-Identifier: Apache-2.0 */
/* Printed by powers.py, which the tests compare with this file. */
#include "interp/text/powers.h"

const struct interp_power interp_powers[INTERP_POWER_LAST - INTERP_POWER_FIRST + 1] = {
'''


def power(exponent):
    """The 128 leading bits of 10^exponent, cut off."""
    top, bottom = (10 ** exponent, 1) if exponent >= 0 else (1, 10 ** -exponent)
    shift = 128 - (top.bit_length() - bottom.bit_length())
    bits = (top << shift) // bottom if shift >= 0 else top // (bottom << -shift)
    while bits.bit_length() > 128:
        bits >>= 1
    assert bits.bit_length() == 128
    return bits


def text():
    lines = [HEAD]
    for exponent in range(FIRST, LAST + 1):
        bits = power(exponent)
        lines.append(f'    {{UINT64_C(0x{bits >> 64:016x}), UINT64_C(0x{bits & (1 << 64) - 1:016x})}}, /* {exponent} */\n')
    lines.append('};\n')
    return ''.join(lines)


def main():
    if len(sys.argv) == 1:
        sys.stdout.write(text())
        return 0
    with open(sys.argv[2], encoding='utf-8') as file:
        is_same = file.read() == text()
    print('the table is right' if is_same else 'the table is not what powers.py prints')
    return 0 if is_same else 1


if __name__ == '__main__':
    sys.exit(main())
