# SPDX-License-Identifier: Apache-2.0
"""The two guests of the comparison, and the network card that the host gives them.

Both run in the same QEMU with the same emulated processor, memory, machine type, card and address. The
card is a tap that this program makes in its own network namespace, one for each boot, and hands over as an
open file: it has a carrier before QEMU runs, so that what clients send early waits for the guest's driver
instead of being lost and sent again a second later.
"""
import fcntl
import os
import socket
import struct
import subprocess

import host
import linux
import procs

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
QEMU = 'qemu-system-x86_64'
HOST_IP, GUEST_IP, PORT = '10.77.0.1', '10.77.0.2', 8080
GUEST_MAC = '52:54:00:12:34:56'
TAP = 'vkd0'
TUNSETIFF, IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x400454ca, 0x2, 0x1000, 0x4000
SERVICES = {  # name: (source, what is asked first)
    'hello': ('bench/hello.vk', '/'),
    'todo': ('examples/todo/todo.vk', '/todos'),
}
DISCARD_PORT = 9
PAUSE_S = 0.0005  # between two tries to get a first answer


def make_tap():
    """File descriptor of a new card, configured; the card is gone when the last copy is closed."""
    fd = os.open('/dev/net/tun', os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack('16sH22x', TAP.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
    for command in (f'link set {TAP} addrgenmode none up', f'addr add {HOST_IP}/24 dev {TAP}',
                    f'neigh replace {GUEST_IP} lladdr {GUEST_MAC} dev {TAP}'):
        subprocess.run(['ip'] + command.split(), check=True)
    # QEMU reads one frame before the guest has said how long its headers are, and that frame is spoilt.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b'', (GUEST_IP, DISCARD_PORT))
    return fd


class Guest:
    """How one kind of guest is started. Images of services are made once, below folder."""
    machine = None

    def __init__(self, name, folder):
        self.name, self.folder = name, folder

    def boot_arguments(self, service):
        raise NotImplementedError

    def image_bytes(self, service):
        """Of all files that the guest is started from."""
        raise NotImplementedError

    def command(self, service, memory_kib, tap):
        return [QEMU, '-M', self.machine, '-accel', 'tcg', '-cpu', 'max', '-smp', '1', '-m', f'{memory_kib}k',
                '-nodefaults', '-no-reboot', '-display', 'none', '-serial', 'stdio',
                '-global', 'virtio-mmio.force-legacy=false', '-netdev', f'tap,id=n0,fd={tap}',
                '-device', f'virtio-net-device,netdev=n0,mac={GUEST_MAC}'] + self.boot_arguments(service)

    def start(self, service, memory_kib, extra=()):
        """A procs.Server whose process is QEMU's; its log is the guest's console."""
        tap = make_tap()
        try:
            return procs.Server(self.command(service, memory_kib, tap) + list(extra), PORT,
                                os.path.join(self.folder, self.name + '.log'), cpu=host.SERVER_CPU,
                                preexec=host.own_group_first, host=GUEST_IP, pass_fds=(tap,))
        finally:
            os.close(tap)


class Metal(Guest):
    """The image that `vkd metal --image` writes: kernel, drivers and module in one file, without symbols."""
    machine = 'microvm,x-option-roms=off,pit=off,pic=off,rtc=off,isa-serial=on,acpi=off,auto-kernel-cmdline=on'

    def __init__(self, folder, vkd):
        super().__init__('metal', folder)
        self.words = ''  # more for the image's command line
        self.images = {}
        for service, (source, _) in SERVICES.items():
            self.images[service] = os.path.join(folder, service + '.elf')
            subprocess.run([vkd, 'metal', os.path.join(ROOT, source), '--image', self.images[service]], check=True,
                           stdout=subprocess.DEVNULL)

    def boot_arguments(self, service):
        return ['-device', 'isa-debug-exit,iobase=0xf4,iosize=4', '-kernel', self.images[service],
                '-append', f'listen={PORT} ip={GUEST_IP}/24 guard=mprotect {self.words}']

    def image_bytes(self, service):
        return os.path.getsize(self.images[service])


class Linux(Guest):
    """Debian's cloud kernel, unpacked, and an initramfs with card drivers, init, vkd and one module.

    Its card's driver finds the card through ACPI alone, and its clocks need the interval timer and, on a machine
    without a reference to measure it by, the frequency of the time stamp counter.
    """
    machine = 'microvm,x-option-roms=off,pit=on,pic=on,rtc=on,isa-serial=on,acpi=on'
    quick = 'console=ttyS0 quiet panic=-1 mitigations=off tsc=reliable cryptomgr.notests'

    def __init__(self, folder, kernel, driver, vkd, init, tsc_khz):
        super().__init__('linux_' + driver, folder)
        self.driver, self.tsc_khz, self.kernel = driver, tsc_khz, kernel
        self.initrds = {}
        for service, (source, _) in SERVICES.items():
            module = os.path.join(folder, service + '.vkb')
            subprocess.run([vkd, 'build', os.path.join(ROOT, source), '-o', module], check=True)
            self.initrds[service] = os.path.join(folder, service + '.cpio')
            with open(self.initrds[service], 'wb') as file:
                file.write(self.archive(kernel, {'init': init, 'vkd': vkd, 'app.vkb': module}))

    def archive(self, kernel, files):
        archive = linux.Archive()
        archive.folder('proc')
        for number, driver in enumerate(linux.CARD_DRIVERS):
            archive.copy(kernel.module(driver), f'drivers/{number}')
        for name, source in files.items():
            stripped = os.path.join(self.folder, name)
            if subprocess.run(['strip', '-o', stripped, source], capture_output=True).returncode != 0:
                stripped = source  # no program
            archive.copy(stripped, name)
        return archive.finish()

    def boot_arguments(self, service):
        serve = f'{GUEST_IP} /vkd run /app.vkb --listen {GUEST_IP}:{PORT} --driver {self.driver} --guard mprotect'
        return ['-kernel', self.kernel.unpacked(), '-initrd', self.initrds[service],
                '-append', f'{self.quick} tsc_early_khz={self.tsc_khz} -- {serve}']

    def image_bytes(self, service):
        # Unpacked it starts faster and in less memory; packed it is smaller.
        return os.path.getsize(self.kernel.image) + os.path.getsize(self.initrds[service])


def first_answer(server, service, timeout_s):
    return server.wait_ready(timeout_s, SERVICES[service][1], ask_s=0.2, pause_s=PAUSE_S)
