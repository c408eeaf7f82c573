/* SPDX-License-Identifier: Apache-2.0 */
/* Source: virtio 1.2, 4.1; PCI Local Bus 3.0, 6.1, 6.2.5 (BARs), 6.7 and 6.8.2 (capabilities, MSI-X). */
#include "metal/virtio/pci.h"

#include "vk/err.h"

#define VENDOR_VIRTIO   0x1af4u
#define ID_TRANSITIONAL 0x1000u
#define ID_MODERN       0x1040u
#define ID_LAST         0x107fu
#define HEADER_KIND     0x7fu
#define HEADER_ORDINARY 0u

/* Configuration space, as offsets of bytes; each is read as the word it lies in. */
#define SPACE_ID           0x00u
#define SPACE_COMMAND      0x04u
#define SPACE_HEADER       0x0cu /* the kind is the third byte */
#define SPACE_BARS         0x10u
#define SPACE_SUBSYSTEM    0x2cu
#define SPACE_CAPABILITIES 0x34u
#define SPACE_LISTS        0x40u
#define SPACE_BYTES        0x100u

#define COMMAND_MEMORY   (1u << 1)
#define COMMAND_MASTER   (1u << 2)
#define COMMAND_NO_INTX  (1u << 10)
#define COMMAND_BITS     0xffffu /* the rest of the word is status, which is cleared by writing ones */
#define STATUS_HAS_LIST  (1u << 20)
#define BAR_IS_IO        (1u << 0)
#define BAR_KIND         (3u << 1)
#define BAR_IS_64        (2u << 1)
#define BAR_ADDRESS      (~(uint64_t)15)
#define BAR_MIN_BYTES    4096u /* what we place lies on pages of its own */
#define CAPABILITIES_MAX 48u   /* they are 4 bytes or more: more of them is a circle */

#define CAPABILITY_VENDOR 0x09u
#define CAPABILITY_MSIX   0x11u
#define MSIX_ON           (1u << 31)
#define MSIX_MASKED       (1u << 30)
#define MSIX_LAST_BIT     16u
#define MSIX_LAST         0x7ffu
#define MSIX_BAR          7u
#define MSIX_ENTRY_WORDS  4u
#define MSIX_ENTRIES      2u /* what we use of them */

/* Kinds of virtio's own capabilities. */
#define PART_COMMON 1u
#define PART_KICKS  2u
#define PART_CONFIG 4u

/* The common registers, as offsets of bytes. */
#define REG_OFFERED_SELECT 0u
#define REG_OFFERED        4u
#define REG_ACCEPT_SELECT  8u
#define REG_ACCEPT         12u
#define REG_CHANGE_VECTOR  16u
#define REG_STATUS         20u
#define REG_GENERATION     21u
#define REG_QUEUE_SELECT   22u
#define REG_QUEUE_SIZE     24u
#define REG_QUEUE_VECTOR   26u
#define REG_QUEUE_ON       28u
#define REG_QUEUE_KICK     30u
#define REG_QUEUE_DESC     32u
#define REG_QUEUE_AVAIL    40u
#define REG_QUEUE_USED     48u
#define COMMON_BYTES       56u

#define VECTOR_QUEUES  0u /* entries of the MSI-X table */
#define VECTOR_CHANGES 1u

/* ---- configuration space ------------------------------------------------------------ */

static uint32_t read_word(const struct metal_pci_space *space, uint32_t offset)
{
    return space->read(space, offset);
}

static void write_word(const struct metal_pci_space *space, uint32_t offset, uint32_t value)
{
    space->write(space, offset, value);
}

uint32_t metal_pci_type(const struct metal_pci_space *space)
{
    uint32_t id = read_word(space, SPACE_ID);
    uint32_t device = id >> 16;
    if ((id & 0xffff) != VENDOR_VIRTIO || device < ID_TRANSITIONAL || device > ID_LAST)
        return 0;
    if ((read_word(space, SPACE_HEADER) >> 16 & HEADER_KIND) != HEADER_ORDINARY)
        return 0;
    return device >= ID_MODERN ? device - ID_MODERN : read_word(space, SPACE_SUBSYSTEM) >> 16;
}

static void set_command(const struct metal_pci_space *space, uint32_t clear, uint32_t set)
{
    uint32_t command = read_word(space, SPACE_COMMAND) & COMMAND_BITS;
    write_word(space, SPACE_COMMAND, (command & ~clear) | set);
}

/* Give an address to a BAR of this size. 0: the window has no room. */
static uint64_t place_bar(struct metal_pci_window *window, uint64_t size_bytes)
{
    uint64_t align_bytes = size_bytes > BAR_MIN_BYTES ? size_bytes : BAR_MIN_BYTES;
    uint64_t base = VK_ALIGN_UP(window->next, align_bytes);
    if (base < window->next || base >= window->end || size_bytes > window->end - base)
        return 0;
    window->next = base + align_bytes;
    return base;
}

/* Address and size of the memory behind a BAR, which gets an address when it has none. */
static int read_bar(const struct metal_pci_space *space, uint32_t bar, struct metal_pci_window *window,
                    struct metal_pci_part *ret_part)
{
    uint32_t at = SPACE_BARS + 4 * bar;
    uint32_t low = read_word(space, at);
    bool is_wide = (low & BAR_KIND) == BAR_IS_64;
    if ((low & BAR_IS_IO) || (is_wide && bar + 1 == METAL_PCI_BARS))
        return -VK_EMALFORMED;
    uint32_t high = is_wide ? read_word(space, at + 4) : 0;
    set_command(space, COMMAND_MEMORY, 0); /* while it has no sane address */
    write_word(space, at, UINT32_MAX);
    uint64_t mask = read_word(space, at) & BAR_ADDRESS;
    if (is_wide) {
        write_word(space, at + 4, UINT32_MAX);
        mask |= (uint64_t)read_word(space, at + 4) << 32;
    } else if (mask != 0) {
        mask |= UINT64_MAX << 32;
    }
    uint64_t size_bytes = ~mask + 1;
    uint64_t base = ((uint64_t)high << 32 | low) & BAR_ADDRESS;
    bool is_sane = mask != 0 && (size_bytes & (size_bytes - 1)) == 0;
    if (is_sane && base == 0)
        base = place_bar(window, size_bytes);
    write_word(space, at, (uint32_t)base);
    if (is_wide)
        write_word(space, at + 4, (uint32_t)(base >> 32));
    if (!is_sane || base > UINT64_MAX - size_bytes)
        return -VK_EMALFORMED;
    *ret_part = (struct metal_pci_part){base, size_bytes};
    return base != 0 ? 0 : -VK_ENOSPC;
}

/* What is known of a device while its capabilities are read. */
struct reading {
    const struct metal_pci_space *space;
    struct metal_pci_window *window;
    struct metal_pci_layout layout;
    struct metal_pci_part bars[METAL_PCI_BARS];
};

/* [offset, offset + len_bytes) of a BAR. */
static int read_part(struct reading *reading, uint32_t bar, uint64_t offset, uint64_t len_bytes,
                     struct metal_pci_part *ret_part)
{
    if (bar >= METAL_PCI_BARS)
        return -VK_EMALFORMED;
    struct metal_pci_part *memory = &reading->bars[bar];
    if (memory->len_bytes == 0) {
        int rc = read_bar(reading->space, bar, reading->window, memory);
        if (rc != 0)
            return rc;
    }
    if (offset > memory->len_bytes || len_bytes > memory->len_bytes - offset ||
        offset % sizeof(uint32_t) != 0)
        return -VK_EMALFORMED;
    *ret_part = (struct metal_pci_part){memory->base + offset, len_bytes};
    return 0;
}

/* One of virtio's own capabilities: the first of a kind is the one the device prefers. */
static int read_virtio(struct reading *reading, uint32_t at)
{
    const struct metal_pci_space *space = reading->space;
    struct metal_pci_layout *layout = &reading->layout;
    uint32_t kind = read_word(space, at) >> 24;
    struct metal_pci_part *part = kind == PART_COMMON   ? &layout->common
                                  : kind == PART_KICKS  ? &layout->kicks
                                  : kind == PART_CONFIG ? &layout->config
                                                        : NULL;
    uint32_t len = kind == PART_KICKS ? 20 : 16;
    if (part == NULL || part->len_bytes != 0)
        return 0;
    if (at + len > SPACE_BYTES)
        return -VK_EMALFORMED;
    if (kind == PART_KICKS)
        layout->kick_step_bytes = read_word(space, at + 16);
    return read_part(reading, read_word(space, at + 4) & 0xff, read_word(space, at + 8),
                     read_word(space, at + 12), part);
}

static int read_msix(struct reading *reading, uint32_t at)
{
    if (at + 12 > SPACE_BYTES)
        return -VK_EMALFORMED;
    uint32_t count = (read_word(reading->space, at) >> MSIX_LAST_BIT & MSIX_LAST) + 1;
    uint32_t table = read_word(reading->space, at + 4);
    if (count < MSIX_ENTRIES)
        return 0;
    reading->layout.vectors_at = at;
    return read_part(reading, table & MSIX_BAR, table & ~MSIX_BAR, (uint64_t)count * MSIX_ENTRY_WORDS * 4,
                     &reading->layout.vectors);
}

static int read_capabilities(struct reading *reading)
{
    const struct metal_pci_space *space = reading->space;
    if (!(read_word(space, SPACE_COMMAND) & STATUS_HAS_LIST))
        return 0;
    uint32_t at = read_word(space, SPACE_CAPABILITIES) & 0xfc;
    for (uint32_t i = 0; at != 0; i++) {
        if (at < SPACE_LISTS || i == CAPABILITIES_MAX)
            return -VK_EMALFORMED;
        uint32_t head = read_word(space, at);
        int rc = 0;
        if ((head & 0xff) == CAPABILITY_VENDOR)
            rc = read_virtio(reading, at);
        else if ((head & 0xff) == CAPABILITY_MSIX)
            rc = read_msix(reading, at);
        if (rc != 0)
            return rc;
        at = head >> 8 & 0xfc;
    }
    return 0;
}

int metal_pci_read(const struct metal_pci_space *space, struct metal_pci_window *window,
                   struct metal_pci_layout *ret_layout, const char **ret_why)
{
    struct reading reading = {.space = space, .window = window};
    int rc = read_capabilities(&reading);
    const struct metal_pci_layout *layout = &reading.layout;
    if (rc == -VK_ENOSPC)
        *ret_why = "no addresses are left for its registers";
    else if (rc != 0)
        *ret_why = "its capabilities make no sense";
    else if (layout->common.len_bytes == 0 || layout->kicks.len_bytes == 0)
        *ret_why = "a legacy device, left alone; QEMU makes it modern by disable-modern=off";
    else if (layout->common.len_bytes < COMMON_BYTES)
        *ret_why = "its registers are too few";
    else if (layout->vectors.len_bytes == 0)
        *ret_why = "it has no message interrupts (MSI-X); QEMU gives it some by vectors=3";
    else {
        set_command(space, 0, COMMAND_MEMORY | COMMAND_MASTER | COMMAND_NO_INTX);
        *ret_layout = *layout;
        return 0;
    }
    return rc != 0 ? rc : -VK_ENOTSUP;
}

/* ---- the table of functions ---------------------------------------------------------- */

static struct metal_pci *pci_of(struct metal_virtio *device)
{
    return VK_CONTAINER(device, struct metal_pci, virtio);
}

/* Registers are read and written by the width they have. */
static volatile void *at(struct metal_virtio *device, uint32_t offset)
{
    return (volatile uint8_t *)(uintptr_t)pci_of(device)->layout.common.base + offset;
}

static volatile uint8_t *byte_at(struct metal_virtio *device, uint32_t offset)
{
    return at(device, offset);
}

static volatile uint16_t *half_at(struct metal_virtio *device, uint32_t offset)
{
    return at(device, offset);
}

static volatile uint32_t *word_at(struct metal_virtio *device, uint32_t offset)
{
    return at(device, offset);
}

static uint32_t status(struct metal_virtio *device)
{
    return *byte_at(device, REG_STATUS);
}

static void set_status(struct metal_virtio *device, uint32_t value)
{
    *byte_at(device, REG_STATUS) = (uint8_t)value;
}

static uint64_t offered(struct metal_virtio *device)
{
    *word_at(device, REG_OFFERED_SELECT) = 0;
    uint64_t low = *word_at(device, REG_OFFERED);
    *word_at(device, REG_OFFERED_SELECT) = 1;
    return low | (uint64_t)*word_at(device, REG_OFFERED) << 32;
}

static void accept(struct metal_virtio *device, uint64_t features)
{
    *word_at(device, REG_ACCEPT_SELECT) = 0;
    *word_at(device, REG_ACCEPT) = (uint32_t)features;
    *word_at(device, REG_ACCEPT_SELECT) = 1;
    *word_at(device, REG_ACCEPT) = (uint32_t)(features >> 32);
}

static uint32_t queue_max(struct metal_virtio *device, uint16_t index)
{
    *half_at(device, REG_QUEUE_SELECT) = index;
    return index < METAL_PCI_QUEUES ? *half_at(device, REG_QUEUE_SIZE) : 0;
}

static void write_pair(struct metal_virtio *device, uint32_t offset, uint64_t value)
{
    *word_at(device, offset) = (uint32_t)value;
    *word_at(device, offset + 4) = (uint32_t)(value >> 32);
}

static int queue_on(struct metal_virtio *device, uint16_t index, const struct metal_queue *queue)
{
    const struct metal_pci_part *kicks = &pci_of(device)->layout.kicks;
    *half_at(device, REG_QUEUE_SELECT) = index;
    uint64_t kick_at = (uint64_t)*half_at(device, REG_QUEUE_KICK) * pci_of(device)->layout.kick_step_bytes;
    if (*half_at(device, REG_QUEUE_ON) != 0 || kick_at % sizeof(uint16_t) != 0 ||
        kick_at + sizeof(uint16_t) > kicks->len_bytes)
        return -VK_EIO;
    pci_of(device)->kicks[index] = (volatile uint16_t *)(uintptr_t)(kicks->base + kick_at);

    *half_at(device, REG_CHANGE_VECTOR) = VECTOR_CHANGES;
    *half_at(device, REG_QUEUE_VECTOR) = VECTOR_QUEUES;
    if (*half_at(device, REG_CHANGE_VECTOR) != VECTOR_CHANGES ||
        *half_at(device, REG_QUEUE_VECTOR) != VECTOR_QUEUES)
        return -VK_EIO;
    *half_at(device, REG_QUEUE_SIZE) = queue->size;
    write_pair(device, REG_QUEUE_DESC, (uintptr_t)queue->desc);
    write_pair(device, REG_QUEUE_AVAIL, (uintptr_t)queue->avail);
    write_pair(device, REG_QUEUE_USED, (uintptr_t)queue->used);
    *half_at(device, REG_QUEUE_ON) = 1;
    return *half_at(device, REG_QUEUE_ON) == 1 ? 0 : -VK_EIO;
}

static void kick(struct metal_virtio *device, uint16_t index)
{
    *pci_of(device)->kicks[index] = index;
}

static uint32_t config(struct metal_virtio *device, uint32_t offset, uint32_t width_bytes)
{
    const struct metal_pci_part *part = &pci_of(device)->layout.config;
    if (offset + width_bytes > part->len_bytes)
        return 0;
    volatile void *field = (volatile uint8_t *)(uintptr_t)part->base + offset;
    if (width_bytes == 1)
        return *(volatile uint8_t *)field;
    if (width_bytes == 2)
        return *(volatile uint16_t *)field;
    return *(volatile uint32_t *)field;
}

static uint32_t config_generation(struct metal_virtio *device)
{
    return *byte_at(device, REG_GENERATION);
}

static const struct metal_virtio_ops pci_ops = {
    .name = "virtio-pci",
    .status = status,
    .set_status = set_status,
    .offered = offered,
    .accept = accept,
    .queue_max = queue_max,
    .queue_on = queue_on,
    .kick = kick,
    .config = config,
    .config_generation = config_generation,
};

/* ---- life ------------------------------------------------------------------------------ */

static void set_message(const struct metal_pci_layout *layout, uint32_t entry,
                        const struct metal_pci_message *message)
{
    volatile uint32_t *words =
        (volatile uint32_t *)(uintptr_t)layout->vectors.base + entry * MSIX_ENTRY_WORDS;
    words[0] = (uint32_t)message->address;
    words[1] = (uint32_t)(message->address >> 32);
    words[2] = message->data;
    words[3] = 0; /* not masked */
}

void metal_pci_init(struct metal_pci *pci, uint32_t type, const struct metal_pci_space *space,
                    const struct metal_pci_layout *layout, const struct metal_pci_message *queues,
                    const struct metal_pci_message *changes)
{
    *pci = (struct metal_pci){.virtio = {.ops = &pci_ops, .type = type}, .layout = *layout};
    set_message(layout, VECTOR_QUEUES, queues);
    set_message(layout, VECTOR_CHANGES, changes);
    uint32_t control = read_word(space, layout->vectors_at);
    write_word(space, layout->vectors_at, (control & ~MSIX_MASKED) | MSIX_ON);
}

/* That it came is enough: it ends a sleep, and whoever slept looks at the queues. */
void metal_pci_queue_interrupt(void *ctx)
{
    (void)ctx;
}

void metal_pci_change_interrupt(void *ctx)
{
    struct metal_pci *pci = ctx;
    pci->virtio.is_config_changed = true;
}
