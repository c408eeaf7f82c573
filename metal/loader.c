/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loader's second half: reads what the PVH loader (QEMU, Firecracker, Xen)
 * left in low memory and copies it into struct boot_info. Knows the boot
 * protocol and nothing of the kernel but its entry.
 *
 * Source: Xen's public header arch-x86/hvm/start_info.h.
 */
#include "metal/attach.h"
#include "metal/boot_info.h"
#include "metal/console.h"
#include "vk/plat.h"

#define HVM_START_MAGIC 0x336ec578u

struct hvm_start_info {
    uint32_t magic;
    uint32_t version; /* the memory map is there from version 1 on */
    uint32_t flags;
    uint32_t module_count;
    uint64_t modules;
    uint64_t command_line;
    uint64_t rsdp;
    uint64_t memory_map;
    uint32_t memory_map_count;
    uint32_t reserved;
};

struct hvm_module {
    uint64_t base;
    uint64_t len_bytes;
    uint64_t command_line;
    uint64_t reserved;
};

struct hvm_memory {
    uint64_t base;
    uint64_t len_bytes;
    uint32_t type; /* as in an E820 map: 1 is usable memory */
    uint32_t reserved;
};

_Static_assert(sizeof(struct hvm_start_info) == 56, "fixed by the boot protocol");
_Static_assert(sizeof(struct hvm_module) == 32, "fixed by the boot protocol");
_Static_assert(sizeof(struct hvm_memory) == 24, "fixed by the boot protocol");

extern char metal_image_start[], metal_image_end[]; /* link.ld */

/* Called by boot.S. */
_Noreturn void metal_loader(const struct hvm_start_info *start, uint64_t entry_tsc);

/* Changed in the file, so the compiler must not know what it says. */
static const volatile struct metal_attach attached = {.magic = METAL_ATTACH_MAGIC};

/* The one boot_info; constant once metal_start runs. */
static struct boot_info info;

static const void *at(uint64_t physical)
{
    return (const void *)(uintptr_t)physical;
}

static void copy_memory_map(const struct hvm_start_info *start)
{
    const struct hvm_memory *map = at(start->memory_map);
    uint32_t count = start->memory_map_count < BOOT_RANGES_MAX ? start->memory_map_count : BOOT_RANGES_MAX;
    for (uint32_t i = 0; i < count; i++)
        info.ranges[i] = (struct boot_range){
            .base = map[i].base,
            .len_bytes = map[i].len_bytes,
            .kind = map[i].type == 1 ? BOOT_RANGE_FREE : BOOT_RANGE_RESERVED,
        };
    info.range_count = count;
}

/* First the one in the image's file, then those beside it. */
static void copy_modules(const struct hvm_start_info *start)
{
    uint32_t own_count = attached.len_bytes != 0 ? 1 : 0;
    if (start->module_count > BOOT_MODULES_MAX - own_count)
        plat_panic("loader: more modules than BOOT_MODULES_MAX");
    if (own_count != 0)
        info.modules[0] = (struct boot_module){attached.base, attached.len_bytes};
    const struct hvm_module *modules = at(start->modules);
    for (uint32_t i = 0; i < start->module_count; i++)
        info.modules[own_count + i] = (struct boot_module){modules[i].base, modules[i].len_bytes};
    info.own_module_count = own_count;
    info.module_count = own_count + start->module_count;
}

static void copy_command_line(const struct hvm_start_info *start)
{
    if (start->command_line == 0)
        return;
    const char *line = at(start->command_line);
    for (uint32_t i = 0; line[i] != '\0'; i++) {
        if (i + 1 == BOOT_COMMAND_MAX_BYTES)
            plat_panic("loader: the command line is longer than BOOT_COMMAND_MAX_BYTES");
        info.command_line[i] = line[i];
    }
}

void metal_loader(const struct hvm_start_info *start, uint64_t entry_tsc)
{
    metal_console_init();
    if (start->magic != HVM_START_MAGIC)
        plat_panic("loader: not started by the PVH boot protocol");
    if (start->version < 1 || start->memory_map_count == 0)
        plat_panic("loader: the boot protocol gave no memory map");
    info.magic = BOOT_INFO_MAGIC;
    info.version = BOOT_INFO_VERSION;
    info.entry_tsc = entry_tsc;
    info.rsdp = start->rsdp;
    info.image_start = (uintptr_t)metal_image_start;
    info.image_end = (uintptr_t)metal_image_end;
    copy_memory_map(start);
    copy_modules(start);
    copy_command_line(start);
    metal_start(&info);
}
