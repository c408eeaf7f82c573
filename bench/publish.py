# SPDX-License-Identifier: Apache-2.0
"""What becomes of a benchmark's record: a file of raw figures, tables, a plot, a part of docs/benchmarks.md."""
import os
import sys

import report


def add_flags(parser, name):
    parser.add_argument('--out', default='', help=f'raw figures as JSON (default: BUILD/{name}.json)')
    parser.add_argument('--from', dest='recorded', default='', help='measure nothing: the tables of these raw figures')
    parser.add_argument('--write', action='store_true', help='tables, plot and raw figures into docs/')
    parser.add_argument('--strict', action='store_true', help='exit 1 when a budget is missed')


def write_docs(root, name, record, text, svg, about):
    """docs/bench/NAME.json and .svg, and what stands between the marks of that name."""
    folder = os.path.join(root, 'docs', 'bench')
    os.makedirs(folder, exist_ok=True)
    for ending, content in (('json', report.record_text(record)), ('svg', svg)):
        with open(os.path.join(folder, f'{name}.{ending}'), 'w') as f:
            f.write(content)
    report.write_docs(os.path.join(root, 'docs', 'benchmarks.md'),
                      f'![{about}](bench/{name}.svg)\n\n```\n{text}```\n',
                      (f'<!-- {name}: begin -->', f'<!-- {name}: end -->'), fence='')


def main(options, measure, render, write):
    """Measures, or reads what was measured; prints the tables, and does what the flags say."""
    if options.recorded:
        record = report.read_record(options.recorded)
    else:
        record = measure(options)
        with open(options.out, 'w') as f:
            f.write(report.record_text(record))
        print(f'raw figures: {options.out}')
    text = render(record)
    print('\n' + text)
    if options.write:
        write(record)
    sys.exit(1 if options.strict and 'MISS' in text else 0)
