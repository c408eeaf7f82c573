/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the loader hands to the kernel proper: everything it learned from
 * whoever started it, copied into one plain struct, so that the kernel knows
 * nothing of boot protocols and another loader can take this one's place.
 *
 * The kernel finds the processor in 64-bit mode, interrupts off, on a stack
 * of at least 16 KiB, with the first 4 GiB mapped one to one, readable and
 * writable. Physical memory named by a module stays the module's for ever;
 * everything else in BOOT_RANGE_FREE ranges, the image aside, is the kernel's.
 *
 * Changing a field or its meaning raises BOOT_INFO_VERSION.
 */
#ifndef METAL_BOOT_INFO_H
#define METAL_BOOT_INFO_H

#include "vk/base.h"

#define BOOT_INFO_MAGIC   0x31646b76u /* "vkd1" */
#define BOOT_INFO_VERSION 2u

#define BOOT_RANGES_MAX        32u  /* memory ranges beyond it are left unused */
#define BOOT_MODULES_MAX       8u   /* a loader given more of them refuses to boot */
#define BOOT_COMMAND_MAX_BYTES 1024 /* with the NUL; a longer line refuses to boot */

enum boot_range_kind {
    BOOT_RANGE_FREE = 1, /* memory to use */
    BOOT_RANGE_RESERVED, /* anything else: firmware, tables, devices */
};

/* Physical memory [base, base + len_bytes), not aligned to anything. */
struct boot_range {
    uint64_t base;
    uint64_t len_bytes;
    uint32_t kind; /* enum boot_range_kind */
    uint32_t reserved;
};

/* A file that was loaded beside the image, or is part of it. */
struct boot_module {
    uint64_t base; /* physical */
    uint64_t len_bytes;
};

struct boot_info {
    uint32_t magic;       /* BOOT_INFO_MAGIC */
    uint32_t version;     /* BOOT_INFO_VERSION */
    uint64_t entry_tsc;   /* time stamp counter at the loader's first instruction */
    uint64_t rsdp;        /* physical address of the ACPI root pointer; 0: none */
    uint64_t image_start; /* physical memory of the image, its .bss included */
    uint64_t image_end;
    uint32_t range_count;
    uint32_t module_count;
    struct boot_range ranges[BOOT_RANGES_MAX];
    struct boot_module modules[BOOT_MODULES_MAX];
    char command_line[BOOT_COMMAND_MAX_BYTES]; /* NUL-terminated; empty when there is none */
    uint32_t
        own_module_count; /* 0 or 1: the first module is of the image's own file, by who made the image */
    uint32_t reserved;
};

_Static_assert(sizeof(struct boot_range) == 24, "another loader may write these");
_Static_assert(sizeof(struct boot_module) == 16, "another loader may write these");
_Static_assert(offsetof(struct boot_info, ranges) == 48, "another loader may write these");
_Static_assert(offsetof(struct boot_info, modules) == 816, "another loader may write these");
_Static_assert(offsetof(struct boot_info, command_line) == 944, "another loader may write these");
_Static_assert(sizeof(struct boot_info) == 1976, "another loader may write these");

/* The kernel proper (start.c). info must stay valid; it is not written to. */
_Noreturn void metal_start(const struct boot_info *info);

#endif
