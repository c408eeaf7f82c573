/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel proper: makes the machine ready in the one order that works, then
 * hands over to the image's metal_main.
 */
#include "metal/start.h"

#include "metal/apic.h"
#include "metal/clock.h"
#include "metal/console.h"
#include "metal/exit.h"
#include "metal/frames.h"
#include "metal/keys.h"
#include "metal/paging.h"
#include "metal/trap.h"
#include "metal/virtio/find.h"
#include "vk/plat.h"

void metal_start(const struct boot_info *info)
{
    if (info->magic != BOOT_INFO_MAGIC || info->version != BOOT_INFO_VERSION)
        plat_panic("start: the loader speaks another version of boot_info");
    metal_trap_init();
    metal_frames_init(info);
    metal_paging_init(info);
    metal_keys_init();
    metal_apic_init();
    metal_clock_init(info->entry_tsc);
    metal_virtio_find_init(info);
    metal_console_choose(info);
    int rc = metal_main(info);
    metal_exit(rc == 0 ? METAL_EXIT_OK : METAL_EXIT_FAIL);
}
