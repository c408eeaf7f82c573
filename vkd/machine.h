/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A virtual machine in QEMU: the command line that boots an image, and running
 * it with its console passed through.
 */
#ifndef VKD_MACHINE_H
#define VKD_MACHINE_H

#include "proc/io.h"
#include "vk/limits.h"

#include <stdio.h>

#define VKD_MACHINE_QEMU "qemu-system-x86_64"

enum vkd_machine_kind {
    VKD_MACHINE_MICROVM,
    VKD_MACHINE_Q35,
};

enum vkd_accel {
    VKD_ACCEL_TCG, /* plain emulation */
    VKD_ACCEL_KVM,
    VKD_ACCEL_AUTO, /* KVM where it is there and fast */
};

/* A port of the host that leads to one of the guest. */
struct vkd_forward {
    struct proc_addr host;  /* IPv4, QEMU's */
    struct proc_addr shown; /* where it is reached; of IPv6 where a relay leads to host */
    uint16_t guest_port;
};

struct vkd_machine {
    enum vkd_machine_kind kind;
    enum vkd_accel accel;
    uint32_t memory_mib;
    const char *image;  /* path of the ELF */
    const char *append; /* more words for the image; "" for none */
    uint32_t forwards_count;
    struct vkd_forward forwards[NET_LISTENERS_MAX];
};

/* The path of QEMU as PATH says it; false: it is not installed. */
bool vkd_machine_find_qemu(char *path, size_t room);

/* Print the command that boots the machine, as a shell takes it; accel AUTO is shown as TCG. */
void vkd_machine_print(const struct vkd_machine *machine, FILE *to);

/*
 * Run the machine until SIGINT, SIGTERM or SIGHUP, or its end. Its console goes
 * to standard error, a line at a time; its line about where it listens is told
 * in the host's terms. An accelerator that is absent or crawls is left for plain
 * emulation, with a note. Returns the exit status of the command: 0 when it was
 * told to stop, 1 when the machine ended by itself.
 */
int vkd_machine_run(const struct vkd_machine *machine, const char *qemu);

#endif
