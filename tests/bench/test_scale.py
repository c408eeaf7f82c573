# SPDX-License-Identifier: Apache-2.0
"""`./dev bench latency` and `./dev bench scale` without measuring: what they compute, their tables and files.

Method: figures that are made up, of which the results are known. Usage: test_scale.py ROOT VKD
"""
import contextlib
import io
import math
import os
import subprocess
import sys
import tempfile
import unittest
from xml.etree import ElementTree

ROOT, VKD = sys.argv[1:3]
del sys.argv[1:3]
sys.path[:0] = [os.path.join(ROOT, 'bench', folder) for folder in ('latency', 'scale', '')]

import latency  # noqa: E402
import law  # noqa: E402
import report  # noqa: E402
import scale  # noqa: E402

SCALE_ROW = {'requests': 1000, 'seconds': 0.3, 'foreign': 0.1}


def scale_record(costs):
    """costs: {row: function of its number}"""
    rows = [{'server': row, 'case': n, 'round': r, 'us': cost(n) + r, **SCALE_ROW}
            for row, cost in costs.items() for n in scale.ROWS[row][1] for r in (-1, 0, 1)]
    return {'title': 'a machine', 'load': '0.0', 'rounds': 3, 'secs': 0.3, 'minutes': 1, 'problems': [], 'rows': rows}


def latency_record(p9999):
    rows = [{'server': 'vkd_uring_rt', 'case': latency.case_of(load), 'round': 1, 'rate': 1000 * load, 'requests': 100,
             'seconds': 0.8, 'unanswered': 0, 'p50': 10.0, 'p90': 12.0, 'p99': 20.0, 'p999': 30.0, 'p9999': p9999,
             'max': 2 * p9999, 'late_p50': 0.1, 'late_p9999': 5.0, 'us': 6.0, 'server_pct': 60.0, 'foreign': 0.0}
            for load in latency.LOADS]
    return {'title': 'a machine', 'load': '0.0', 'rounds': 1, 'secs': 0.8, 'minutes': 1,
            'capacity': {'vkd_uring_rt': 100000}, 'problems': ['one'], 'rows': rows,
            'checks': [{'server': 'vkd_uring_rt', 'rate': 70000, 'done': 69000.0, **dict.fromkeys(
                ('p50', 'p90', 'p99', 'p999', 'p9999'), 15)}],
            'histograms': {f'vkd_uring_rt {latency.case_of(load)}': [(10000, 9998), (90000, 2)]
                           for load in latency.LOADS}}


class Law(unittest.TestCase):
    def test_exponent_of_a_power(self):
        for b in (-0.5, 0, 0.5, 1, 2):
            self.assertAlmostEqual(law.exponent([(n, 3 * n ** b) for n in (1, 10, 100, 1000)]), b)

    def test_exponent_is_the_least_squares_one(self):
        """Of three points, a tenfold apart, the middle one does not count."""
        self.assertAlmostEqual(law.exponent([(1, 1), (10, 7), (100, 100)]), 1)
        self.assertAlmostEqual(law.exponent([(1, 1), (10, 1), (100, 10), (1000, 10)]), 0.4)

    def test_too_few_points_have_none(self):
        self.assertIsNone(law.exponent([]))
        self.assertIsNone(law.exponent([(10, 5)]))
        self.assertIsNone(law.exponent([(10, 5), (10, 6)]))
        self.assertIsNone(law.exponent([(10, 5), (100, 0)]))

    def test_names(self):
        self.assertEqual([law.name(b) for b in (-1, -0.04, 0.04, 0.1, 0.5, 1, 1.3, None)], [
            'falls', 'constant', 'constant', 'like a logarithm', 'below linear', 'linear', 'above linear', '-'])
        self.assertEqual(law.name(law.exponent([(n, 5 + 0.4 * math.log10(n)) for n in (10, 100, 1000, 10000)])),
                         'constant')
        self.assertEqual(law.name(law.exponent([(n, 2 + 0.8 * math.log10(n)) for n in (10, 100, 1000, 10000)])),
                         'like a logarithm')

    def test_beyond_a_base(self):
        self.assertEqual(law.beyond([(1, 5), (2, 7), (3, 9), (4, 4)], {1: 5, 2: 5, 4: 5}), [(2, 2)])


class Scale(unittest.TestCase):
    def test_tables_judge_each_row(self):
        text = scale.render(scale_record({'routes': lambda n: 6 + 0.01 * n, 'actors': lambda n: 6,
                                          'heap': lambda n: 5, 'filled': lambda n: 5 + n / 10,
                                          'large': lambda n: 5 + n * n / 1000}))
        verdicts = {line.split()[0]: line.split()[-1] for line in text.splitlines() if line.endswith(('PASS', 'MISS'))}
        self.assertEqual(verdicts, {'routes': 'PASS', 'actors': 'PASS', 'heap': 'PASS', 'filled': 'PASS', 'large': 'MISS'})
        self.assertRegex(text, r'(?m)^filled +1\.60 +25\.60 +16\.00 +1\.000  linear')
        self.assertRegex(text, r'(?m)^actors +6\.00 +6\.00 +1\.00 +0\.000  constant')

    def test_a_cost_that_grows_too_fast_is_a_miss(self):
        text = scale.render(scale_record({'routes': lambda n: 6 + 0.1 * n, 'busy_ev': lambda n: n / 10}))
        self.assertRegex(text, r'(?m)^routes .*MISS$')
        self.assertRegex(text, r'(?m)^busy_ev .*linear .*MISS$')

    def test_programs_are_programs(self):
        programs = [scale.ACTORS] + [scale.routes_program(n) for n in scale.ROWS['routes'][1]] \
            + [scale.heap_program(n) for n in scale.ROWS['heap'][1]]
        with tempfile.TemporaryDirectory() as folder:
            for number, source in enumerate(programs):
                path = os.path.join(folder, f'p{number}.vk')
                with open(path, 'w') as file:
                    file.write(source)
                run = subprocess.run([VKD, 'check', path], capture_output=True, text=True)
                self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    def test_paths_are_of_a_route(self):
        for n in scale.ROWS['routes'][1]:
            number = int(scale.path_of('routes', n).split('/')[1][1:])
            self.assertIn(f'GET "/r{number}/{{id}}"', scale.routes_program(n))


class Latency(unittest.TestCase):
    def test_percentiles_of_a_histogram(self):
        histogram = [(ns * 1000, 1) for ns in range(1, 101)]
        self.assertEqual([latency.percentile_us(histogram, p) for p in (0, 50, 90, 99, 99.99, 100)],
                         [1, 51, 91, 100, 100, 100])
        self.assertEqual(latency.percentile_us([(5000, 9999), (80000, 1)], 99.99), 80)
        self.assertEqual(latency.percentile_us([(5000, 9999), (80000, 1)], 99.98), 5)
        self.assertIsNone(latency.percentile_us([], 50))

    def test_histograms_are_added(self):
        self.assertEqual(latency.pooled([[(1, 2), (5, 1)], [(5, 3)], []]), [(1, 2), (5, 4)])

    def test_keeping_up(self):
        self.assertTrue(latency.keeps_up({'unanswered': 0, 'seconds': 0.404}, 0.4))
        self.assertFalse(latency.keeps_up({'unanswered': 0, 'seconds': 0.5}, 0.4))
        self.assertFalse(latency.keeps_up({'unanswered': 3, 'seconds': 0.4}, 0.4))

    def test_times_of_h2load(self):
        self.assertEqual(latency.h2load_times_us('17\t200\t90\n18\t200\t30\n19\t503\t5\n20\t-1\t7\n\n'), [30, 90])

    def test_budget(self):
        self.assertRegex(latency.render(latency_record(99.0)), r'(?m)^vkd_uring_rt +9\.9 .*PASS$')
        self.assertRegex(latency.render(latency_record(101.0)), r'(?m)^vkd_uring_rt +10\.1 .*MISS$')

    def test_tables_have_every_load(self):
        text = latency.render(latency_record(99.0))
        for part in ('10 %', '90 %', 'p99.99, us', 'of all rounds together', 'by h2load', 'problem: one'):
            self.assertIn(part, text)
        pooled = text.split('of all rounds together')[1].splitlines()[1].split()
        self.assertEqual(pooled, ['vkd_uring_rt', '90', '90', '90', '90'])


class Files(unittest.TestCase):
    def check_docs(self, module, record, name):
        with tempfile.TemporaryDirectory() as root:
            docs = os.path.join(root, 'docs')
            os.makedirs(docs)
            page = os.path.join(docs, 'benchmarks.md')
            with open(page, 'w') as file:
                file.write('before\n' + f'<!-- {name}: begin -->\nremoved figures\n<!-- {name}: end -->' + '\nafter\n')
            before, module.ROOT = module.ROOT, root
            try:
                module.write_docs(record)
            finally:
                module.ROOT = before
            with open(page) as file:
                text = file.read()
            self.assertNotIn('removed figures', text)
            self.assertIn(record['title'], text)
            self.assertTrue(text.startswith('before') and text.endswith('after\n'))
            ElementTree.parse(os.path.join(docs, 'bench', name + '.svg'))
            again = report.read_record(os.path.join(docs, 'bench', name + '.json'))
        self.assertEqual(module.render(again), module.render(record))

    def test_documents(self):
        self.check_docs(scale, scale_record({'routes': lambda n: 6, 'asked': lambda n: 9}), 'scale')
        self.check_docs(latency, latency_record(99.0), 'latency')

    def test_the_page_has_room_for_both(self):
        with open(os.path.join(ROOT, 'docs', 'benchmarks.md')) as file:
            text = file.read()
        for name in ('scale', 'latency'):
            self.assertEqual([text.count(f'<!-- {name}: {end} -->') for end in ('begin', 'end')], [1, 1])

    def test_options(self):
        self.assertEqual(latency.parse_options([]).rounds, 15)
        self.assertEqual(latency.parse_options(['--quick']).rounds, 2)
        self.assertEqual(scale.parse_options(['--rows', 'heap,routes']).rows, ['heap', 'routes'])
        for module, wrong in ((latency, ['--servers', 'apache']), (latency, ['--secs', '2']), (scale, ['--rows', 'x']),
                              (latency, ['--rounds', '0']), (scale, ['--secs', '0'])):
            with self.assertRaises(SystemExit) as caught, contextlib.redirect_stderr(io.StringIO()):
                module.parse_options(wrong)
            self.assertEqual(caught.exception.code, 2)

    def test_no_record_is_told(self):
        with self.assertRaises(SystemExit) as caught:
            report.read_record(os.path.join(ROOT, 'README.md'))
        self.assertIn('holds no raw figures', str(caught.exception))


if __name__ == '__main__':
    unittest.main()
