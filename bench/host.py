# SPDX-License-Identifier: Apache-2.0
"""The machine that measures: its namespace, priorities and limits, and a line that describes it."""
import contextlib
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

SERVER_CPU, LOAD_CPU = 0, 1
REAL_TIME_PRIORITY = 10


def enter_namespace():
    """Run again in a network namespace of our own: same TCP, own loopback, no other traffic or settings.

    The route carries the congestion control, since a namespace may not set every one as its default.
    Returns whether we are in one; it ends with the last of our processes.
    """
    if os.environ.get('VKD_BENCH_NETNS'):
        return True
    can = os.geteuid() == 0 and shutil.which('unshare') and shutil.which('ip') and \
        subprocess.run(['unshare', '--net', 'true'], capture_output=True).returncode == 0
    if not can:
        return False
    setup = ('ip link set lo up; for r in 127.0.0.0/8 127.0.0.1; do ip route replace local $r dev lo table local '
             'proto kernel scope host src 127.0.0.1 congctl cubic; done; exec "$@"')
    os.environ['VKD_BENCH_NETNS'] = '1'
    os.execvp('unshare', ['unshare', '--net', 'sh', '-c', setup, 'sh', sys.executable] + sys.argv)


def take_priority():
    """Run servers and generators before everything else, where that is allowed."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, -20)
        own_group_first()
        return True
    except OSError:
        return False


def own_group_first():
    """Niceness counts inside a session only where sessions are scheduled as groups (sched_autogroup)."""
    try:
        with open('/proc/self/autogroup', 'w') as f:
            f.write('-20')
    except OSError:
        pass


def set_real_time(pid, is_on):
    """Whether all threads of a process now run before every other program, or as they did before, respectively."""
    policy, priority = (os.SCHED_FIFO, REAL_TIME_PRIORITY) if is_on else (os.SCHED_OTHER, 0)
    try:
        for task in os.listdir(f'/proc/{pid}/task'):
            os.sched_setscheduler(int(task), policy, os.sched_param(priority))
        return True
    except OSError:
        return False


def raise_descriptor_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


@contextlib.contextmanager
def measuring(name):
    """The machine as a measurement of servers wants it, for as long as that takes: (a folder for it, its record).

    This program becomes the generator's side. The record says what the machine is, its load before, and at the end
    how many minutes it took.
    """
    if os.cpu_count() < 2:
        sys.exit('bench: needs two processors, one for the servers and one for the generator')
    record = {'load': '%.1f' % os.getloadavg()[0]}
    where = 'own network namespace, cubic' if enter_namespace() else "the machine's network settings"
    os.sched_setaffinity(0, {LOAD_CPU})
    record['title'] = describe(where, take_priority())
    raise_descriptor_limit()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=f'vkd-{name}-') as folder:
        os.chmod(folder, 0o755)  # workers of some servers are another user where the master is root
        yield folder, record
    record['minutes'] = round((time.monotonic() - began) / 60, 1)


def describe(where, priority):
    with open('/proc/cpuinfo') as f:
        cpu = re.search(r'model name\s*:\s*(.*)', f.read())
    return f"{time.strftime('%Y-%m-%d')}, Linux {os.uname().release}, {os.cpu_count()} x " \
           f"{cpu[1] if cpu else 'unknown CPU'}, {where}{', nice -20' if priority else ''}"
