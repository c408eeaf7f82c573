/* SPDX-License-Identifier: Apache-2.0 */
/* Virtio over memory-mapped registers (virtio 1.2, 4.2), the modern kind only. */
#ifndef METAL_VIRTIO_MMIO_H
#define METAL_VIRTIO_MMIO_H

#include "metal/virtio/virtio.h"

/* A device as the command line names it. */
struct metal_mmio_place {
    uint64_t base;
    uint64_t len_bytes;
    uint32_t line; /* of the IO-APIC */
};

/*
 * The next device on a command line from *at on, which moves behind it. False:
 * there is none. *ret_is_good is false when the word is none we understand.
 */
bool metal_mmio_parse(const char **at, struct metal_mmio_place *ret_place, bool *ret_is_good);

struct metal_mmio {
    struct metal_virtio virtio;
    volatile uint32_t *registers;
};

enum metal_mmio_look {
    METAL_MMIO_GOOD,
    METAL_MMIO_NOTHING, /* no virtio device is there, or none is plugged in */
    METAL_MMIO_LEGACY,
};

/* What is behind these registers; a good one is ready for use, but for its interrupt. */
enum metal_mmio_look metal_mmio_init(struct metal_mmio *mmio, volatile uint32_t *registers);

/* Its interrupt: quiets it and notes a change of configuration. For metal_irq_take. */
void metal_mmio_interrupt(void *mmio);

#endif
