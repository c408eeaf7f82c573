/* SPDX-License-Identifier: Apache-2.0 */
#include "metal/virtio/find.h"

#include "metal/console.h"
#include "metal/irq.h"
#include "metal/paging.h"
#include "metal/virtio/mmio.h"
#include "vk/err.h"

#define MMIO_MIN_BYTES 0x108u /* registers, and the fields of any configuration we read */
#define MMIO_MAX_BYTES 0x10000u
#define MMIO_END       0x100000000ull /* device registers are below it on every machine of ours */

/* Devices that were found. Here, since interrupts write to them while processes run. */
static struct {
    uint64_t base; /* which device it is: its first register */
    struct metal_mmio mmio;
} devices[METAL_VIRTIO_MAX];
static uint32_t device_count;

static const struct boot_info *boot;

void metal_virtio_find_init(const struct boot_info *info)
{
    boot = info;
}

static void complain(const char *bus, uint64_t where, const char *what)
{
    metal_console_text(bus);
    metal_console_text(" at 0x");
    metal_console_hex(where);
    metal_console_text(": ");
    metal_console_text(what);
    metal_console_text("\n");
}

static bool is_taken(uint64_t base)
{
    for (uint32_t i = 0; i < device_count; i++)
        if (devices[i].base == base)
            return true;
    return false;
}

static bool is_sane(const struct metal_mmio_place *place)
{
    return place->len_bytes >= MMIO_MIN_BYTES && place->len_bytes <= MMIO_MAX_BYTES &&
           place->base % sizeof(uint32_t) == 0 && place->base >= boot->image_end &&
           place->base < MMIO_END - MMIO_MAX_BYTES;
}

static bool is_memory(const struct metal_mmio_place *place)
{
    for (uint32_t i = 0; i < boot->range_count; i++) {
        const struct boot_range *range = &boot->ranges[i];
        if (range->kind == BOOT_RANGE_FREE && place->base < range->base + range->len_bytes &&
            place->base + place->len_bytes > range->base)
            return true;
    }
    return false;
}

static volatile uint32_t *map(const struct metal_mmio_place *place)
{
    uint64_t end = place->base + place->len_bytes;
    for (uint64_t page = place->base & ~(uint64_t)(VK_PAGE_BYTES - 1); page < end; page += VK_PAGE_BYTES)
        metal_paging_map_device(page);
    return (volatile uint32_t *)(uintptr_t)place->base;
}

/* Look at one place; true when the device there is of the kind and now taken. */
static bool try_mmio(const struct metal_mmio_place *place, enum metal_virtio_type type)
{
    struct metal_mmio *mmio = &devices[device_count].mmio;
    enum metal_mmio_look look = metal_mmio_init(mmio, map(place));
    if (look == METAL_MMIO_LEGACY)
        complain(
            "virtio-mmio", place->base,
            "a legacy device, left alone; QEMU makes it modern by -global virtio-mmio.force-legacy=false");
    if (look != METAL_MMIO_GOOD || mmio->virtio.type != type)
        return false;
    uint32_t vector;
    int rc = metal_irq_take(metal_mmio_interrupt, mmio, &vector);
    if (rc == 0)
        rc = metal_irq_route_line(place->line, vector);
    if (rc != 0) {
        complain("virtio-mmio", place->base, "its interrupt cannot be used");
        return false;
    }
    devices[device_count].base = place->base;
    return true;
}

static struct metal_virtio *find_mmio(enum metal_virtio_type type)
{
    const char *at = boot->command_line;
    struct metal_mmio_place place;
    bool is_good;
    while (metal_mmio_parse(&at, &place, &is_good)) {
        if (!is_good || !is_sane(&place) || is_memory(&place))
            complain("virtio-mmio", is_good ? place.base : 0,
                     "virtio_mmio.device= on the command line is wrong");
        else if (!is_taken(place.base) && try_mmio(&place, type))
            return &devices[device_count++].mmio.virtio;
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
        return -VK_ENOENT;
    *ret_device = device;
    return 0;
}
