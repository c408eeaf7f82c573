/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtio over PCI (virtio 1.2, 4.1), the modern interface only, with message
 * interrupts (MSI-X). What the configuration space says is checked before any
 * of it becomes an address.
 */
#ifndef METAL_VIRTIO_PCI_H
#define METAL_VIRTIO_PCI_H

#include "metal/virtio/virtio.h"

#define METAL_PCI_BARS   6u
#define METAL_PCI_QUEUES 2u /* all that our drivers use of any device */

/* The configuration space of one function, by words of 4 bytes. */
struct metal_pci_space {
    uint32_t (*read)(const struct metal_pci_space *space, uint32_t offset);
    void (*write)(const struct metal_pci_space *space, uint32_t offset, uint32_t value);
    uint32_t function; /* bits 15..8 bus, 7..3 device, 2..0 function */
};

/* Addresses for BARs that firmware left without any. */
struct metal_pci_window {
    uint64_t next;
    uint64_t end;
};

/* A part of device memory; len_bytes of 0: the device has none of this kind. */
struct metal_pci_part {
    uint64_t base;
    uint64_t len_bytes;
};

/* Where the registers of a device are, once metal_pci_read has looked. */
struct metal_pci_layout {
    struct metal_pci_part common;
    struct metal_pci_part kicks;
    struct metal_pci_part config;
    struct metal_pci_part vectors; /* the table of MSI-X */
    uint32_t kick_step_bytes;
    uint32_t vectors_at; /* of MSI-X in the configuration space */
};

/* The kind of virtio device that this function is; 0: none. */
uint32_t metal_pci_type(const struct metal_pci_space *space);

/*
 * Find the registers of a virtio device, give addresses to BARs that need one and
 * have none, and switch the device's memory on. On failure *ret_why says what
 * is wrong. -VK_ENOTSUP: it is legacy, or without MSI-X; -VK_EMALFORMED: it is
 * broken; -VK_ENOSPC: the window has no room.
 */
int metal_pci_read(const struct metal_pci_space *space, struct metal_pci_window *window,
                   struct metal_pci_layout *ret_layout, const char **ret_why);

/* A message that raises an interrupt. */
struct metal_pci_message {
    uint64_t address;
    uint32_t data;
};

struct metal_pci {
    struct metal_virtio virtio;
    struct metal_pci_layout layout;
    volatile uint16_t *kicks[METAL_PCI_QUEUES]; /* set when the queue is on */
};

/* The layout's parts are mapped. Interrupts go to one message for queues, one for everything else. */
void metal_pci_init(struct metal_pci *pci, uint32_t type, const struct metal_pci_space *space,
                    const struct metal_pci_layout *layout, const struct metal_pci_message *queues,
                    const struct metal_pci_message *changes);

/* The two interrupts, for metal_irq_take. There is nothing to quiet. */
void metal_pci_queue_interrupt(void *pci);
void metal_pci_change_interrupt(void *pci);

#endif
