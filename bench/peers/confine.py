# SPDX-License-Identifier: Apache-2.0
"""A small machine for one server: one processor (its pinning) and 512 MB.

A control group (version 2) of its own where one can be made, which limits what is in memory, the kernel's buffers of
its connections too. Otherwise a limit on its private writable address space (RLIMIT_DATA): a server that reserves more
than it touches does not start with that, and then runs without; what it had resident says whether it would have fitted.
"""
import os
import resource

LIMIT_BYTES = 512 << 20
MOUNTS = '/proc/self/mounts'


def memory_groups(mounts=MOUNTS):
    """The root of the groups that can limit memory, or None."""
    try:
        with open(mounts) as f:
            roots = [line.split()[1] for line in f if line.split()[2] == 'cgroup2']
        for root in roots:
            with open(os.path.join(root, 'cgroup.controllers')) as f:
                if 'memory' not in f.read().split():
                    continue
            write(root, 'cgroup.subtree_control', '+memory')
            return root
    except OSError:
        pass  # not allowed to
    return None


def write(*path_and_text):
    with open(os.path.join(*path_and_text[:-1]), 'w') as f:
        f.write(path_and_text[-1])


class Confinement:
    """Of one server. enter() runs in its process before it is executed."""

    def __init__(self, name, root):
        self.is_on = True
        self.group = os.path.join(root, f'vkd-bench-{os.getpid()}-{name}') if root else None
        if self.group:
            os.mkdir(self.group)
            write(self.group, 'memory.max', str(LIMIT_BYTES))
            try:
                write(self.group, 'memory.swap.max', '0')
            except OSError:
                pass  # a kernel without swap has no such file

    def enter(self):
        if not self.is_on:
            return
        if self.group:
            write(self.group, 'cgroup.procs', '0')
        else:
            resource.setrlimit(resource.RLIMIT_DATA, (LIMIT_BYTES, LIMIT_BYTES))

    def leave(self):
        """Once its processes have ended."""
        if self.group:
            os.rmdir(self.group)


def describe(root):
    """What was done, for the report."""
    if root:
        return 'one processor by affinity, 512 MB by a control group (memory.max, no swap; kernel memory included)'
    return 'one processor by affinity, 512 MB by RLIMIT_DATA (no control group could be made)'
