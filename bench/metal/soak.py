# SPDX-License-Identifier: Apache-2.0
"""A guest under load for a long time: its memory, seen from outside and as it says itself, and its speed."""
import re
import time

import guests
import procs
import todo

CASES = ('64', 'close', '256')  # of the load, by turns
SLICE_S = 10
WARM_PART = 0.25  # of the time: what grows meanwhile is the emulator's cache of code, and pages touched the first time
GUEST_MAX_PCT = 1  # of its memory
QEMU_MAX_KIB = 2048  # it grows by huge pages, of which the guest touches one more some time
STATS_S = 5  # between two lines of the guest about itself
FREE = re.compile(r'memory: (\d+) KiB free')


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
        warm = [sample for sample in self.samples if sample[0] > WARM_PART * self.seconds]
        if len(warm) < 2 * len(CASES):
            return ['too short to say whether memory is flat'], False
        (begin, rss_begin, free_begin, _, _), (seconds, rss_end, free_end, _, _) = warm[0], warm[-1]
        if free_begin is None:
            return ['the guest says nothing about its memory'], False
        lines = [f'{sum(sample[4] for sample in self.samples)} requests of todo in {seconds:.0f} s; '
                 f'from second {begin:.0f} on:',
                 f'QEMU: {rss_begin} KiB, at the end {rss_end} KiB',
                 f'free in the guest: {free_begin} KiB, at the end {free_end} KiB']
        is_flat = rss_end - rss_begin <= QEMU_MAX_KIB and free_begin - free_end <= free_begin * GUEST_MAX_PCT / 100
        return lines + ['memory is flat' if is_flat else 'memory is NOT flat'], is_flat
