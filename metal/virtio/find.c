/* SPDX-License-Identifier: Apache-2.0 */
#include "metal/virtio/find.h"

#include "metal/console.h"
#include "metal/cpu.h"
#include "metal/irq.h"
#include "metal/paging.h"
#include "metal/virtio/mmio.h"
#include "metal/virtio/pci.h"
#include "vk/err.h"

#define MMIO_MIN_BYTES 0x110u /* registers, and the fields of any configuration we read */
#define MMIO_MAX_BYTES 0x10000u
#define LARGE_BYTES    0x200000ull /* memory is mapped in such pages, so registers keep off them */

#define PCI_ADDRESS     0xcf8u /* ports (PCI Local Bus 3.0, 3.2.2.3.2) */
#define PCI_DATA        0xcfcu
#define PCI_ENABLE      (1u << 31)
#define PCI_FUNCTIONS   256u /* of a bus */
#define PCI_PER_DEVICE  8u
#define PCI_HEADER      0x0cu
#define PCI_HEADER_MANY (1u << 23) /* the device has more functions than the first */
#define PCI_NOBODY      UINT32_MAX
#define PCI_WINDOW_START                                                              \
    0xfd000000ull /* below the IO-APIC, above any memory; firmware puts nothing there \
                   */
#define PCI_WINDOW_END 0xfe000000ull

/* Devices that were found. Here, since interrupts write to them while processes run. */
static struct found {
    uint64_t place; /* which device it is: its first register, or its function */
    union {
        struct metal_mmio mmio;
        struct metal_pci pci;
    };
} devices[METAL_VIRTIO_MAX];
static uint32_t device_count;

static const struct boot_info *boot;
static struct metal_pci_window window = {PCI_WINDOW_START, PCI_WINDOW_END};

void metal_virtio_find_init(const struct boot_info *info)
{
    boot = info;
}

static void complain(const char *bus, uint64_t place, const char *what)
{
    metal_console_text(bus);
    metal_console_text(" at 0x");
    metal_console_hex(place);
    metal_console_text(": ");
    metal_console_text(what);
    metal_console_text("\n");
}

static bool is_taken(uint64_t place)
{
    for (uint32_t i = 0; i < device_count; i++)
        if (devices[i].place == place)
            return true;
    return false;
}

/* Whether these addresses are no memory, as far as that is mapped, and below what plat_reserve hands out. */
static bool can_map(uint64_t base, uint64_t len_bytes)
{
    if (base < boot->image_end || base >= METAL_RESERVE_START || len_bytes > METAL_RESERVE_START - base)
        return false;
    for (uint32_t i = 0; i < boot->range_count; i++) {
        const struct boot_range *range = &boot->ranges[i];
        uint64_t end = VK_ALIGN_UP(range->base + range->len_bytes, LARGE_BYTES);
        if (range->kind == BOOT_RANGE_FREE && base < end &&
            base + len_bytes > (range->base & ~(LARGE_BYTES - 1)))
            return false;
    }
    return true;
}

static void map(uint64_t base, uint64_t len_bytes)
{
    uint64_t page = base & ~(uint64_t)(VK_PAGE_BYTES - 1);
    for (; page < base + len_bytes; page += VK_PAGE_BYTES)
        metal_paging_map_device(page);
}

/* ---- memory-mapped registers --------------------------------------------------------- */

/* The device at a place of the command line, if it is of the kind. */
static struct metal_virtio *try_mmio(const struct metal_mmio_place *place, enum metal_virtio_type type)
{
    struct metal_mmio *mmio = &devices[device_count].mmio;
    map(place->base, place->len_bytes);
    enum metal_mmio_look look = metal_mmio_init(mmio, (volatile uint32_t *)(uintptr_t)place->base);
    if (look == METAL_MMIO_LEGACY)
        complain(
            "virtio-mmio", place->base,
            "a legacy device, left alone; QEMU makes it modern by -global virtio-mmio.force-legacy=false");
    if (look != METAL_MMIO_GOOD || mmio->virtio.type != type)
        return NULL;
    uint32_t vector;
    int rc = metal_irq_take(metal_mmio_interrupt, mmio, &vector);
    if (rc == 0)
        rc = metal_irq_route_line(place->line, vector);
    if (rc != 0) {
        complain("virtio-mmio", place->base, "its interrupt cannot be used");
        return NULL;
    }
    devices[device_count].place = place->base;
    return &mmio->virtio;
}

static struct metal_virtio *find_mmio(enum metal_virtio_type type)
{
    const char *at = boot->command_line;
    struct metal_mmio_place place;
    bool is_good;
    while (metal_mmio_parse(&at, &place, &is_good)) {
        is_good = is_good && place.base % sizeof(uint32_t) == 0 && place.len_bytes >= MMIO_MIN_BYTES &&
                  place.len_bytes <= MMIO_MAX_BYTES && can_map(place.base, place.len_bytes);
        if (!is_good)
            complain("virtio-mmio", place.base, "a virtio_mmio.device= of the command line is wrong");
        struct metal_virtio *device = is_good && !is_taken(place.base) ? try_mmio(&place, type) : NULL;
        if (device != NULL)
            return device;
    }
    return NULL;
}

/* ---- PCI --------------------------------------------------------------------------------- */

static uint32_t pci_read(const struct metal_pci_space *space, uint32_t offset)
{
    metal_outl(PCI_ADDRESS, PCI_ENABLE | space->function << 8 | offset);
    return metal_inl(PCI_DATA);
}

static void pci_write(const struct metal_pci_space *space, uint32_t offset, uint32_t value)
{
    metal_outl(PCI_ADDRESS, PCI_ENABLE | space->function << 8 | offset);
    metal_outl(PCI_DATA, value);
}

static bool has_pci(void)
{
    metal_outl(PCI_ADDRESS, PCI_ENABLE);
    return metal_inl(PCI_ADDRESS) == PCI_ENABLE;
}

static struct metal_pci_message message_of(uint32_t vector)
{
    return (struct metal_pci_message){metal_irq_message_address(), metal_irq_message_data(vector)};
}

static int map_layout(const struct metal_pci_layout *layout)
{
    const struct metal_pci_part *parts[] = {&layout->common, &layout->kicks, &layout->config,
                                            &layout->vectors};
    for (uint32_t i = 0; i < VK_COUNT(parts); i++)
        if (!can_map(parts[i]->base, parts[i]->len_bytes) && parts[i]->len_bytes > 0)
            return -VK_EMALFORMED;
    for (uint32_t i = 0; i < VK_COUNT(parts); i++)
        map(parts[i]->base, parts[i]->len_bytes);
    return 0;
}

/* A function of the right kind: the device, or NULL when it cannot be used. */
static struct metal_virtio *try_pci(const struct metal_pci_space *space, enum metal_virtio_type type)
{
    struct metal_pci *pci = &devices[device_count].pci;
    struct metal_pci_layout layout;
    const char *why = "its registers are where there is memory";
    uint32_t queue_vector, change_vector;
    int rc = metal_pci_read(space, &window, &layout, &why);
    if (rc == 0)
        rc = map_layout(&layout);
    if (rc == 0) {
        why = "no interrupt is left for it";
        rc = metal_irq_take(metal_pci_queue_interrupt, pci, &queue_vector);
    }
    if (rc == 0)
        rc = metal_irq_take(metal_pci_change_interrupt, pci, &change_vector);
    if (rc != 0) {
        complain("virtio-pci", space->function, why);
        return NULL;
    }
    struct metal_pci_message queues = message_of(queue_vector), changes = message_of(change_vector);
    metal_pci_init(pci, type, space, &layout, &queues, &changes);
    devices[device_count].place = space->function;
    return &pci->virtio;
}

/* The first bus only, which is where QEMU puts what it is not told to put elsewhere. */
static struct metal_virtio *find_pci(enum metal_virtio_type type)
{
    if (!has_pci())
        return NULL;
    struct metal_pci_space space = {pci_read, pci_write, 0};
    while (space.function < PCI_FUNCTIONS) {
        bool is_first = space.function % PCI_PER_DEVICE == 0;
        bool is_there = pci_read(&space, 0) != PCI_NOBODY;
        bool has_more = is_there && (pci_read(&space, PCI_HEADER) & PCI_HEADER_MANY);
        struct metal_virtio *device = NULL;
        if (is_there && metal_pci_type(&space) == type && !is_taken(space.function))
            device = try_pci(&space, type);
        if (device != NULL)
            return device;
        space.function += is_first && !has_more ? PCI_PER_DEVICE : 1;
    }
    return NULL;
}

int metal_virtio_find(enum metal_virtio_type type, struct metal_virtio **ret_device)
{
    vk_assert(boot != NULL);
    if (device_count == METAL_VIRTIO_MAX)
        return -VK_ENOENT;
    struct metal_virtio *device = find_mmio(type);
    if (device == NULL)
        device = find_pci(type);
    if (device == NULL)
        return -VK_ENOENT;
    device_count++;
    *ret_device = device;
    return 0;
}
