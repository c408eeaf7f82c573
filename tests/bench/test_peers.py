# SPDX-License-Identifier: Apache-2.0
"""`./dev bench peers` without measuring: its command line, its record of figures, the tables and plots of these.

Method: a small record (peers.json beside this file) goes through all that a real one goes through. Usage:
test_peers.py ROOT
"""
import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from xml.etree import ElementTree

ROOT = sys.argv.pop(1)
RECORD = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'peers.json')
sys.path[:0] = [os.path.join(ROOT, 'bench', 'peers'), os.path.join(ROOT, 'bench')]

import confine  # noqa: E402
import plot  # noqa: E402
import servers  # noqa: E402
import tables  # noqa: E402

SVG = '{http://www.w3.org/2000/svg}'


def load_run():
    """run.py beside another module of that name."""
    import importlib.util
    spec = importlib.util.spec_from_file_location('peers_run', os.path.join(ROOT, 'bench', 'peers', 'run.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


run = load_run()


class Options(unittest.TestCase):
    def test_names_of_servers_and_cases_are_told_apart(self):
        o = run.parse_options(['--only', 'nginx,text,vkd_ev,idle', '--rounds', '2'])
        self.assertEqual((o.servers, o.cases, o.rounds), (['nginx', 'vkd_ev'], ['text', 'idle'], 2))

    def test_all_is_measured_without_names_and_less_when_quick(self):
        self.assertEqual(run.parse_options([]).cases, run.EVERY_CASE)
        quick = run.parse_options(['--quick'])
        self.assertEqual(quick.rounds, 1)
        self.assertLess(set(quick.cases), set(run.EVERY_CASE))

    def refused(self, *argv):
        err = io.StringIO()
        with contextlib.redirect_stderr(err), self.assertRaises(SystemExit) as e:
            run.parse_options(list(argv))
        self.assertEqual(e.exception.code, 2)
        return err.getvalue()

    def test_what_makes_no_sense_is_refused_with_what_would(self):
        self.assertIn('servers: vkd_uring', self.refused('--only', 'ngnix'))
        self.refused('--rounds', '0')
        self.refused('--connections', '19999')

    def test_every_case_of_a_server_is_one_that_is_measured(self):
        peers = [*servers.ours('build', 'm'), *servers.others('build', 'folder', 'lua')]
        self.assertEqual([p.name for p in peers if p.name not in tables.NAMES], [])
        self.assertEqual(len(peers), len(tables.NAMES))
        for peer in peers:
            self.assertLessEqual(set(peer.cases), set(run.EVERY_CASE), peer.name)


class Confined(unittest.TestCase):
    def make(self, folder, controllers):
        root = os.path.join(folder, 'cg')
        os.mkdir(root)
        for name, text in (('cgroup.controllers', controllers), ('cgroup.subtree_control', '')):
            with open(os.path.join(root, name), 'w') as f:
                f.write(text)
        mounts = os.path.join(folder, 'mounts')
        with open(mounts, 'w') as f:
            f.write(f'proc /proc proc rw 0 0\ncgroup2 {root} cgroup2 rw 0 0\n')
        return root, mounts

    def test_a_group_has_a_limit_where_groups_have_memory(self):
        with tempfile.TemporaryDirectory() as folder:
            root, mounts = self.make(folder, 'cpu memory pids\n')
            self.assertEqual(confine.memory_groups(mounts), root)
            group = confine.Confinement('nginx', root).group
            with open(os.path.join(group, 'memory.max')) as f:
                self.assertEqual(f.read(), str(512 << 20))
            self.assertIn('control group (memory.max', confine.describe(root))

    def test_there_is_none_without_the_controller_or_the_mount(self):
        with tempfile.TemporaryDirectory() as folder:
            _, mounts = self.make(folder, 'cpu pids\n')
            self.assertIsNone(confine.memory_groups(mounts))
            self.assertIsNone(confine.memory_groups(os.path.join(folder, 'nothing')))
            self.assertIsNone(confine.Confinement('nginx', None).group)
            self.assertIn('RLIMIT_DATA', confine.describe(None))


class Tables(unittest.TestCase):
    def setUp(self):
        self.record = tables.read(RECORD)

    def test_a_record_is_read_as_it_was_written(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'peers.json')
            tables.write(path, self.record)
            self.assertEqual(tables.read(path), self.record)

    def test_what_is_no_record_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'peers.json')
            for text in ('', '{}', '[]', json.dumps({'columns': ['a'], 'rows': [[1, 2]]})):
                with open(path, 'w') as f:
                    f.write(text)
                with self.assertRaises(SystemExit) as e:
                    tables.read(path)
                self.assertIn('holds no raw figures', e.exception.code)

    def test_figures_are_medians(self):
        r = tables.Record(self.record)
        self.assertEqual(r.median('nginx', 'text'), 7.5)
        self.assertEqual(r.startup_ms('node'), 61.5)
        self.assertEqual(r.idle_bytes('nginx'), 5000 * 1024 / 10000)

    def test_the_text_has_every_server_and_problem(self):
        text = tables.render(self.record)
        for line in (r'vkd_uring +6\.00 +6\.40', r'nginx +7\.50', r'node +16\.00', r'problem: haproxy',
                     r'vkd_uring +12\.0  \(without the limit\)', r'text 1\.02', 'Other programs took 2 %'):
            self.assertRegex(text, line)

    def test_all_that_is_lost_is_told_and_nothing_else(self):
        losses = {what: (own, better) for what, _, own, better in tables.Record(self.record).losses()}
        own, better = losses['up: CPU per request']
        self.assertEqual((own, better), (5000.0, [('nginx', 200.0), ('node', 450.0)]))
        self.assertEqual(losses['memory per idle connection'][1], [('nginx', 512.0)])
        self.assertEqual([n for n, _ in losses['up: requests per second'][1]], ['nginx', 'node'])
        self.assertNotIn('text: CPU per request', losses)
        self.assertNotIn('exec to first 200', losses)

    def test_docs_get_tables_plots_and_the_record(self):
        with tempfile.TemporaryDirectory() as root:
            os.mkdir(os.path.join(root, 'docs'))
            page = os.path.join(root, 'docs', 'benchmarks.md')
            with open(page, 'w') as f:
                f.write('before\n' + '\nold\n'.join(tables.MARKS) + '\nafter\n')
            tables.write_docs(root, self.record)
            with open(page) as f:
                text = f.read()
            self.assertTrue(text.startswith('before\n') and text.endswith('after\n'))
            self.assertNotIn('old', text)
            self.assertEqual(text.count('```'), 2)
            for name in re.findall(r'\]\((bench/peers-\w+\.svg)\)', text):
                ElementTree.parse(os.path.join(root, 'docs', name))
            self.assertEqual(len(os.listdir(os.path.join(root, 'docs', 'bench'))), 5)
            self.assertLess(os.path.getsize(os.path.join(root, 'docs', 'bench', 'peers.json')), 300000)

    def test_the_command_makes_them_from_a_file(self):
        done = subprocess.run([sys.executable, '-B', os.path.join(ROOT, 'bench', 'peers', 'run.py'), '--from', RECORD],
                              capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout.strip()), (0, tables.render(self.record).strip()), done.stderr)


class Plots(unittest.TestCase):
    def elements(self, svg, kind):
        return ElementTree.fromstring(svg).iter(SVG + kind)

    def texts(self, svg):
        return [e.text for e in self.elements(svg, 'text')]

    def test_bars_are_as_long_as_their_values(self):
        svg = plot.bars('T <&>', 'us', [('ours', [5, 10], True), ('other', [20, None], False)], ['a', 'b'])
        bars = [float(e.get('width')) for e in self.elements(svg, 'rect') if float(e.get('y') or 0) >= plot.TOP]
        whole = plot.WIDTH - plot.LEFT - plot.RIGHT
        self.assertEqual(bars, [whole / 4, whole / 2, float(whole)])
        self.assertEqual([t for t in self.texts(svg) if t in ('T <&>', 'us', 'ours', 'other', 'a', 'b')],
                         ['T <&>', 'a', 'b', 'ours', 'other', 'us'])

    def test_all_lies_within_the_picture(self):
        r = tables.Record(tables.read(RECORD))
        found = tables.plots(r)
        self.assertEqual(list(found), ['cpu', 'connections', 'idle', 'startup'])
        for name, svg in found.items():
            height = float(ElementTree.fromstring(svg).get('height'))
            for e in self.elements(svg, 'text'):
                self.assertTrue(0 <= float(e.get('x')) <= plot.WIDTH and 0 <= float(e.get('y')) <= height, name)
            for title in ('nginx', 'Node', 'vkd, io_uring'):
                self.assertTrue(any(t.startswith(title) for t in self.texts(svg)), (name, title))
            self.assertIn('prefers-color-scheme: dark', svg)

    def test_lines_go_through_their_points_and_labels_do_not_touch(self):
        svg = plot.lines('T', 'x', 'y', [(str(i), [(1, 10 + i / 100), (100, 10 + i / 1000)], i == 0) for i in range(12)])
        paths = [[tuple(map(float, p.split(','))) for p in e.get('points').split()]
                 for e in self.elements(svg, 'polyline')]
        self.assertEqual(len(paths), 12)
        self.assertEqual(len({p[0][0] for p in paths}), 1)
        labels = sorted(float(e.get('y')) for e in self.elements(svg, 'text') if 'f' in (e.get('class') or ''))
        self.assertTrue(all(b - a >= plot.LABEL_STEP - 0.2 for a, b in zip(labels, labels[1:])), labels)

    def test_nothing_to_draw_is_no_picture(self):
        self.assertEqual(plot.bars('T', 'us', [('a', [None], True)]), '')
        self.assertEqual(plot.lines('T', 'x', 'y', []), '')

    def test_ticks_hold_all_values(self):
        for most in (0.003, 1, 7.4, 10, 19.8, 170000):
            ticks = plot.linear_ticks(most)
            self.assertTrue(ticks[0] == 0 and most <= ticks[-1] * 1.0001 and 3 <= len(ticks) <= 8, (most, ticks))
        for least, most in ((1, 10000), (2.2, 106), (5, 5), (0.4, 900)):
            ticks = plot.log_ticks(least, most)
            self.assertTrue(ticks[0] <= least * 1.0001 and ticks[-1] >= most * 0.9999, (least, most, ticks))

    def test_numbers_are_short(self):
        self.assertEqual([plot.short(v) for v in (0, 0.57, 6, 6.04, 15.6, 1506.4, 17826)],
                         ['0', '0.57', '6', '6.04', '15.6', '1,506', '17,826'])


if __name__ == '__main__':
    unittest.main(verbosity=2)
