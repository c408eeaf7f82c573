# SPDX-License-Identifier: Apache-2.0
"""Debian's cloud kernel and file systems for it: what the Linux guest of the comparison and tests/pkey share.

The kernel's package is fetched by `apt-get download` into a cache folder and unpacked there, not installed.
"""
import glob
import os
import re
import shutil
import struct
import subprocess

PACKAGE = 'linux-image-cloud-amd64'
LZ4_LEGACY = b'\x02\x21\x4c\x18'
# The drivers of a network card, each behind those it needs; the kernel has them as modules only.
CARD_DRIVERS = ('drivers/virtio/virtio_ring.ko', 'drivers/virtio/virtio.ko', 'drivers/virtio/virtio_mmio.ko',
                'net/core/failover.ko', 'drivers/net/net_failover.ko', 'drivers/net/virtio_net.ko')


class Missing(Exception):
    """What is needed is not to be had here; the text says what."""


def kernel_package():
    """The package that the one without a version stands for."""
    output = subprocess.run(['apt-cache', 'depends', PACKAGE], capture_output=True, text=True, check=False).stdout
    found = re.search(r'Depends: (linux-image-\S+)', output)
    return found.group(1) if found else None


def fetch_kernel(cache):
    if not shutil.which('apt-get') or not shutil.which('dpkg-deb'):
        raise Missing('no apt-get to fetch a kernel with')
    package = kernel_package()
    if package is None:
        raise Missing(f'no package {PACKAGE} in the package lists')
    os.makedirs(cache, exist_ok=True)
    fetched = subprocess.run(['apt-get', 'download', package], cwd=cache, check=False, capture_output=True, text=True)
    archives = glob.glob(os.path.join(cache, 'linux-image-*.deb'))
    if fetched.returncode != 0 or not archives:
        raise Missing(f'cannot fetch {package}: {fetched.stderr.strip()}')
    subprocess.run(['dpkg-deb', '-x', archives[0], os.path.join(cache, 'root')], check=True)
    os.remove(archives[0])


class Kernel:
    """The kernel below a cache folder, fetched when it is not there yet. Raises Missing."""

    def __init__(self, cache):
        self.cache = cache
        pattern = os.path.join(cache, 'root/boot/vmlinuz-*')
        if not glob.glob(pattern):
            fetch_kernel(cache)
        self.image = sorted(glob.glob(pattern))[-1]
        self.version = self.image.partition('vmlinuz-')[2]

    def module(self, path):
        return os.path.join(self.cache, 'root/lib/modules', self.version, 'kernel', path)

    def unpacked(self):
        """The kernel as an ELF file with a PVH note, so that the guest need not decompress it."""
        path = os.path.join(self.cache, 'vmlinux-' + self.version)
        if not os.path.exists(path):
            with open(self.image, 'rb') as file:
                data = file.read()
            # Documentation/x86/boot.rst: sectors of the setup part, then where the compressed part lies behind it.
            offset, length = struct.unpack_from('<II', data, 0x248)
            packed = data[(data[0x1f1] + 1) * 512 + offset:][:length]
            if not packed.startswith(LZ4_LEGACY) or not shutil.which('lz4'):
                raise Missing('lz4 is not installed, or the kernel is not compressed with it')
            # Behind the stream stand the four bytes of its length, which lz4 takes for a damaged frame.
            with open(path + '.part', 'wb') as file:
                subprocess.run(['lz4', '-dc', '-'], input=packed[:-4], stdout=file, stderr=subprocess.DEVNULL,
                               check=True)
            os.rename(path + '.part', path)
        return path


def libraries(program):
    """What the dynamic linker loads for a program, itself included."""
    output = subprocess.run(['ldd', program], capture_output=True, text=True, check=False).stdout
    return re.findall(r'(/\S+) \(0x', output)


class Archive:
    """An initial file system in the kernel's "newc" format (Documentation/driver-api/early-userspace)."""

    def __init__(self):
        self.data = bytearray()
        self.names = set()

    def _entry(self, name, mode, content):
        fields = [len(self.names) + 1, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0]
        self.data += b'070701' + b''.join(b'%08x' % field for field in fields)
        self.data += name.encode() + b'\0'
        self.data += bytes(-len(self.data) % 4) + content
        self.data += bytes(-len(self.data) % 4)
        self.names.add(name)

    def folder(self, name):
        if name and name not in self.names:
            self.folder(os.path.dirname(name))
            self._entry(name, 0o40755, b'')

    def file(self, name, content, mode=0o100755):
        name = name.lstrip('/')
        if name not in self.names:
            self.folder(os.path.dirname(name))
            self._entry(name, mode, content)

    def copy(self, source, name):
        with open(source, 'rb') as file:
            self.file(name, file.read())

    def finish(self):
        self._entry('TRAILER!!!', 0, b'')
        return bytes(self.data)
