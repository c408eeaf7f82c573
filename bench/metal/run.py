# SPDX-License-Identifier: Apache-2.0
"""The same services on bare metal and in a minimal Linux guest, in the same QEMU; docs/benchmarks.md explains it.

QEMU on CPU 0, wrk on CPU 1, a tap between them in a network namespace of our own. Each round boots each guest
afresh and loads it in each case, one guest after the other; figures are medians of the rounds.
"""
import argparse
import collections
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), HERE]
import guests  # noqa: E402
import host  # noqa: E402
import linux  # noqa: E402
import procs  # noqa: E402
import report  # noqa: E402
import soak  # noqa: E402
import todo  # noqa: E402
import verdicts  # noqa: E402
import wrk  # noqa: E402

CASES = {  # name: (connections, whether each request has a connection of its own)
    '1': (1, False),
    'paced': (1, False),
    '64': (64, False),
    '256': (256, False),
    'close': (64, True),
}
PACE, PACED_S = 2000, 10  # requests per second, which all guests can answer; and how long a slice then is
EXTRAS = ('startup', 'memory', 'size', 'many', 'events')
TRIES = 2  # of a guest that fails under load: so slow a machine may end a request that takes too long
MEMORY_KIB = 256 << 10  # of a guest, unless it is what is measured
MANY_CONNECTIONS, MANY_MEMORY_KIB = 1000, 16 << 10
SOAK_MEMORY_KIB = 64 << 10
ENOUGH_REQUESTS = 100  # that a guest with little memory must answer
STEPS_KIB = {'metal': 128, 'linux': 1024}  # to which the least memory is found
BOOT_S = 20  # to a first answer, at most
AFTER_ENTRY = re.compile(r'([0-9.]+) ms after entry')
EVENTS = {  # of QEMU's tracing: what it is to a guest on real hardware, an exit each
    'virtio_queue_notify': 'kicks',
    'virtio_notify': 'interrupts',
    'virtio_mmio_read': 'card read',
    'virtio_mmio_write_offset': 'card written',
    'apic_mem_writel': 'APIC written',
}
MARKS = ('<!-- metal: begin -->', '<!-- metal: end -->')


class Comparison:
    def __init__(self, options, folder):
        self.options = options
        self.rows = []  # every slice of load
        self.facts = {extra: {} for extra in EXTRAS}
        self.facts['entry'] = collections.defaultdict(list)  # ms from the guest's entry to listening
        self.problems = []
        self.paced, self.is_real_time = os.path.join(options.build, 'bench', 'paced'), True
        self.guests = self.make_guests(folder)

    def make_guests(self, folder):
        build, static = self.options.build, self.options.static
        tsc_khz = int(subprocess.run([os.path.join(build, 'bench', 'tsc_khz')], capture_output=True, text=True,
                                     check=True).stdout)
        made = {}
        for name in self.options.guests:
            if name == 'metal':
                made[name] = guests.Metal(folder, os.path.join(build, 'vkd', 'vkd'))
            else:
                made[name] = guests.Linux(folder, linux.Kernel(self.options.kernel), name.partition('_')[2],
                                          os.path.join(static, 'vkd', 'vkd'),
                                          os.path.join(static, 'bench', 'guest_init'), tsc_khz)
        return made

    def problem(self, text):
        self.problems.append(text)
        print('#', text, flush=True)

    # ---- load ---------------------------------------------------------------

    def send(self, service, case, seconds):
        connections, close = CASES[case]
        address = (guests.GUEST_IP, guests.PORT)
        if case == 'paced':
            lines = todo.lines(PACE * seconds, todo.clean(address)) if service == 'todo' else 'GET /\n'
            result = wrk.paced(self.paced, address, PACE, seconds, lines, host.LOAD_CPU)
        elif service == 'todo':
            return todo.load(address, connections, seconds, todo.clean(address), host.LOAD_CPU, close)
        else:
            result = wrk.run('http://%s:%d/' % address, connections, seconds, close=close, cpu=host.LOAD_CPU)
        if result['errors']:
            raise RuntimeError(f'{result}')
        return result

    def measure(self, server, service, case, seconds=None):
        meter = procs.Meter([server.pid])
        row = self.send(service, case, seconds or self.options.secs)
        row['rate'] = row['requests'] / row['us'] * 1e6
        row.update(meter.finish(row['requests']))
        return row

    def measure_paced(self, server, service):
        """QEMU and generator run before every other program: what is late then is late because of the guest."""
        self.is_real_time = host.set_real_time(server.pid, True) and self.is_real_time
        try:
            return self.measure(server, service, 'paced', PACED_S)
        finally:
            host.set_real_time(server.pid, False)

    def slice(self, guest, service, number):
        """One boot of a guest and all its cases. Returns whether all went well."""
        server = guest.start(service, MEMORY_KIB)
        try:
            guests.first_answer(server, service, BOOT_S)
            if service == 'todo':
                todo.fill((guests.GUEST_IP, guests.PORT))
            self.send(service, '64', 1)  # warm: the emulator translates code as it meets it
            for case in (case for case in CASES if case in self.options.cases):
                row = self.measure_paced(server, service) if case == 'paced' else self.measure(server, service, case)
                row.update(server=guest.name, case=f'{service} {case}', round=number)
                self.rows.append(row)
            return True
        except (RuntimeError, OSError) as e:
            self.problem(f'{guest.name}: {service}: {e}; console: {server.log()[-500:]}')
            return False
        finally:
            server.stop(0.1)

    def loads(self):
        for number in range(1, self.options.rounds + 1):
            for service in self.options.services:
                for guest in self.guests.values():
                    any(self.slice(guest, service, number) for _ in range(TRIES))
            print(f'# round {number} of {self.options.rounds}', flush=True)

    # ---- what is measured without load ----------------------------------------

    def startup(self, guest):
        """Milliseconds from exec to the first answer, for each service."""
        for service in self.options.services:
            times = []
            for _ in range(self.options.boots):
                begin = time.monotonic()
                server = guest.start(service, MEMORY_KIB)
                try:
                    guests.first_answer(server, service, BOOT_S)
                    times.append((time.monotonic() - begin) * 1000)
                    self.facts['entry'][guest.name] += map(float, AFTER_ENTRY.findall(server.log()))
                finally:
                    server.stop(0.1)
            self.facts['startup'][f'{guest.name} {service}'] = times

    def serves_with(self, guest, service, memory_kib):
        server = guest.start(service, memory_kib)
        try:
            guests.first_answer(server, service, BOOT_S)
            for _ in range(ENOUGH_REQUESTS):
                sock, answer = procs.ask(guests.PORT, guests.SERVICES[service][1], host=guests.GUEST_IP)
                sock.close()
                if not answer.startswith(b'HTTP/1.1 200'):
                    return False
            return True
        except (RuntimeError, OSError):
            return False
        finally:
            server.stop(0.1)

    def memory(self, guest):
        """The least memory, in KiB, that a guest serves with; by halving, since more memory never hurts."""
        step = STEPS_KIB[guest.name.partition('_')[0]]
        for service in self.options.services:
            least, most = 0, MEMORY_KIB // step  # in steps: never serves, serves
            if not self.serves_with(guest, service, most * step):
                raise RuntimeError(f'{service}: no good answers in {MEMORY_KIB >> 10} MiB')
            while most - least > 1:
                middle = (least + most) // 2
                if self.serves_with(guest, service, middle * step):
                    most = middle
                else:
                    least = middle
            self.facts['memory'][f'{guest.name} {service}'] = most * step

    def size(self, guest):
        for service in self.options.services:
            self.facts['size'][f'{guest.name} {service}'] = guest.image_bytes(service)

    def many(self, guest):
        """Connections that are open at once in little memory, each answered, and again after the last came."""
        server, socks = guest.start('hello', MANY_MEMORY_KIB), []
        alive = 0
        try:
            guests.first_answer(server, 'hello', BOOT_S)
            while len(socks) < MANY_CONNECTIONS:
                socks.append(procs.ask(guests.PORT, host=guests.GUEST_IP)[0])
            alive = sum(procs.ask_on(sock).endswith(procs.HELLO_BODY) for sock in socks)
        except (RuntimeError, OSError) as e:
            self.problem(f'{guest.name}: connection {len(socks)} of {MANY_CONNECTIONS}: {e}; '
                         f'console: {server.log()[-300:]}')
        finally:
            for sock in socks:
                sock.close()
            server.stop(0.1)
        self.facts['many'][guest.name] = (alive, MANY_CONNECTIONS, MANY_MEMORY_KIB)

    def events(self, guest):
        """What a request makes the guest ask of the machine; counted, since tracing changes times."""
        trace = os.path.join(guest.folder, 'trace')
        for case in ('1', '64', 'close'):
            extra = [word for event in EVENTS for word in ('-trace', event)] + ['-D', trace]
            server = guest.start('hello', MEMORY_KIB, extra)
            try:
                guests.first_answer(server, 'hello', BOOT_S)
                at_rest = os.path.getsize(trace)
                requests = self.send('hello', case, 1)['requests']
                with open(trace) as f:
                    f.seek(at_rest)
                    names = collections.Counter(line.split(None, 1)[0] for line in f)
            finally:
                server.stop(0.1)
            self.facts['events'][f'{guest.name} {case}'] = {what: names[event] / requests
                                                            for event, what in EVENTS.items()}

    def run(self):
        for extra in (extra for extra in EXTRAS if extra in self.options.cases):
            for guest in self.guests.values():
                # Debian's kernel does not start in as little as that.
                if extra == 'many' and guest.name != 'metal':
                    continue
                try:
                    getattr(self, extra)(guest)
                except (RuntimeError, OSError) as e:
                    self.problem(f'{guest.name}: {extra}: {e}')
            print(f'# {extra} done', flush=True)
        if any(case in CASES for case in self.options.cases):
            self.loads()


def parse_options():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--build', default='build/release', help='build folder (release)')
    p.add_argument('--static', default='build/static', help='build folder of the Linux guest (release, static)')
    p.add_argument('--kernel', default='build/kernel', help="folder that keeps the Linux guest's kernel")
    p.add_argument('--rounds', type=int, default=3)
    p.add_argument('--secs', type=int, default=5, help='of one slice of load')
    p.add_argument('--boots', type=int, default=10, help='of each guest and service, for exec to first 200')
    p.add_argument('--cases', default=','.join(list(CASES) + list(EXTRAS)), help='of: %(default)s')
    p.add_argument('--services', default=','.join(guests.SERVICES), help='of: %(default)s')
    p.add_argument('--guests', default='metal,linux_ev,linux_uring', help='of: %(default)s')
    p.add_argument('--soak', type=float, default=0, metavar='MINUTES', help='only load metal for so long')
    p.add_argument('--out', default='', help='raw figures as JSON (default: BUILD/metal.json)')
    p.add_argument('--docs', default='', help='replace the results in this file (docs/benchmarks.md)')
    p.add_argument('--strict', action='store_true', help='exit 1 when a budget is missed')
    o = p.parse_args()
    for name, known in (('cases', list(CASES) + list(EXTRAS)), ('services', guests.SERVICES),
                        ('guests', ('metal', 'linux_ev', 'linux_uring'))):
        chosen = getattr(o, name).split(',')
        setattr(o, name, chosen)
        if set(chosen) - set(known):
            p.error(f"--{name}: unknown {', '.join(set(chosen) - set(known))}; there are {', '.join(known)}")
    if min(o.rounds, o.secs, o.boots) < 1:
        p.error('--rounds, --secs and --boots are at least 1')
    if o.soak:
        o.guests, o.services = ['metal'], ['todo']
    o.out = o.out or os.path.join(o.build, 'metal.json')
    return o


def need_machine():
    """The namespace and the card are root's to make; without them there is nothing that could be compared."""
    if os.cpu_count() < 2:
        sys.exit('bench: needs two processors, one for QEMU and one for the generator')
    for program in (guests.QEMU, 'wrk', 'ip', 'unshare'):
        if not shutil.which(program):
            sys.exit(f'bench: {program} is not installed')
    if not host.enter_namespace():
        sys.exit('bench: needs a network namespace of its own: run it as root, where unshare --net is allowed')
    if not os.access('/dev/net/tun', os.W_OK):
        sys.exit('bench: needs /dev/net/tun, for the card of the guests')


def main():
    options = parse_options()
    need_machine()
    os.sched_setaffinity(0, {host.LOAD_CPU})
    priority = not options.soak and host.take_priority()
    host.raise_descriptor_limit()
    with tempfile.TemporaryDirectory(prefix='vkd-metal-') as folder:
        try:
            comparison = Comparison(options, folder)
        except linux.Missing as why:
            sys.exit(f'bench: the Linux guest: {why}')
        if options.soak:
            lines, is_flat = soak.Soak(comparison, options.soak).run(comparison.guests['metal'], SOAK_MEMORY_KIB)
            print('\n'.join(lines))
            sys.exit(0 if is_flat else 1)
        comparison.run()
    qemu = subprocess.run([guests.QEMU, '--version'], capture_output=True, text=True).stdout.split()[3]
    title = host.describe(f'QEMU {qemu}, plain emulation', priority) + \
        f'; {options.rounds} rounds, slices of {options.secs} s' + \
        ('' if comparison.is_real_time or 'paced' not in options.cases else '; paced without real-time priority')
    text, missed = verdicts.render(title, comparison.rows, comparison.facts, comparison.problems)
    print('\n' + text)
    with open(options.out, 'w') as f:
        json.dump({'title': title, 'rows': comparison.rows, 'facts': comparison.facts,
                   'problems': comparison.problems}, f, indent=1)
    print(f'raw figures: {options.out}')
    if options.docs:
        report.write_docs(options.docs, text, MARKS)
    sys.exit(1 if options.strict and (missed or comparison.problems) else 0)


if __name__ == '__main__':
    main()
