# SPDX-License-Identifier: Apache-2.0
"""A guest under load for a long time: its memory, seen from outside and as it says itself, and its speed.

What leaks goes on leaking, and what is touched the first time ends. So memory is flat when it does not grow with the
requests once the guest is warm, which the tables of the kernel are last: an entry used 4,095 times rests until 1,024 do
(vk/table.h), so a new one is touched each 4,095 requests, 1,024 times. The growth is the median of the slopes between all pairs of samples (Theil and
Sen), which a single step, as of one more huge page, does not move. The bound is the least that is worth finding: the smallest block that
the guest allocates, lost by one request in a thousand.
"""
import itertools
import re
import statistics
import time

import guests
import procs
import todo

CASES = ('64', 'close', '256')  # of the load, by turns
SLICE_S = 10
WARM_REQUESTS = 1024 * 4095
GROWTH_MAX_KIB = 64 / 1024 * 1000  # in a million requests
STATS_S = 5  # between two lines of the guest about itself
FREE = re.compile(r'memory: (\d+) KiB free')


def growth(points):
    """KiB in a million requests, of points (requests so far, KiB)."""
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in itertools.combinations(points, 2)]
    return statistics.median(slopes) * 1e6


class Soak:
    """Samples of (seconds since the start, KiB of QEMU, free KiB in the guest, requests per second, requests)."""

    def __init__(self, comparison, minutes):
        self.comparison, self.seconds = comparison, minutes * 60
        self.samples = []

    def sample(self, server, begin, row):
        free = FREE.findall(server.log())
        self.samples.append((time.monotonic() - begin, procs.memory([server.pid])[0], int(free[-1]) if free else None,
                             row['rate'], row['requests']))
        seconds, rss, free, rate, _ = self.samples[-1]
        print(f"{seconds:8.0f} s {rss:9} KiB of QEMU {free or '-':>9} KiB free in the guest {rate:9.0f} requests/s",
              flush=True)

    def run(self, guest, memory_kib):
        guest.words = f'stats={STATS_S}'
        server = guest.start('todo', memory_kib)
        try:
            guests.first_answer(server, 'todo', 20)
            todo.fill((guests.GUEST_IP, guests.PORT))
            begin = time.monotonic()
            while time.monotonic() - begin < self.seconds:
                for case in CASES:
                    self.sample(server, begin, self.comparison.measure(server, 'todo', case, SLICE_S))
        finally:
            server.stop(0.1)
        return self.report()

    def report(self):
        """(lines, whether memory stayed flat) of the time after warming up."""
        served = list(itertools.accumulate(sample[4] for sample in self.samples))
        warm = [(done, sample) for done, sample in zip(served, self.samples) if done > WARM_REQUESTS]
        if len(warm) < 4 * len(CASES):
            return [f'too short to say whether memory is flat: {served[-1]} requests, of which {WARM_REQUESTS} are to warm up'], False
        if warm[0][1][2] is None:
            return ['the guest says nothing about its memory'], False
        qemu = [(done, sample[1]) for done, sample in warm]
        guest = [(done, -sample[2]) for done, sample in warm]
        lines = [f'{served[-1]} requests of todo in {self.samples[-1][0]:.0f} s; from second {warm[0][1][0]:.0f} on, '
                 f'{warm[-1][0] - warm[0][0]} requests:']
        for name, points in ('QEMU', qemu), ('in use in the guest', guest):
            lines.append(f'{name}: {points[-1][1] - points[0][1]:+} KiB; growth {growth(points):+.1f} KiB in a million '
                         f'requests, at most {GROWTH_MAX_KIB:.1f}')
        is_flat = max(growth(qemu), growth(guest)) <= GROWTH_MAX_KIB
        return lines + ['memory is flat' if is_flat else 'memory is NOT flat'], is_flat
