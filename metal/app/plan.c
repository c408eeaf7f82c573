/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory is touched as it is used, so what counts is how much each part can
 * come to. In sixteenths of what is free: the driver's buffers 3, the kernel's
 * 3, connections 2, heaps put aside while they wait 2, heaps in their slots 4;
 * the rest is for tables and page tables. A slot is counted with a quarter of
 * its addresses: a heap that grows beyond what there is ends its process, not the
 * machine.
 */
#include "metal/app/plan.h"

#include "vk/limits.h"

#define PARTS       16u
#define IO_PARTS    3u
#define BUFS_PARTS  3u
#define CONNS_PARTS 2u
#define PARKS_PARTS 2u
#define SLOTS_PARTS 4u

#define CONN_BYTES      1024u /* of tables, for a connection that is idle */
#define CONNS_MIN       64u
#define CLOSING_PARTS   8u /* one connection of so many may still be closing in the driver */
#define SLOT_SHARE      4u
#define HANDLES_EACH    4u
#define REQUESTS_EACH   4u
#define BUFFERS_FULL    (160u << 20) /* what the default counts of buffers come to */
#define FREEZE_HEAP_MIN VK_SLOT_CLASS0_BYTES

static const uint32_t full_bufs[VK_BUF_CLASSES] = {32768, 16384, 4096, 1024, 64};
static const uint32_t full_slots[VK_SLOT_CLASSES] = {VKD_SLOTS_MAX, 8192, 1024, 16};

static uint32_t clamp(size_t value, uint32_t min, uint32_t max)
{
    return value < min ? min : value > max ? max : (uint32_t)value;
}

static void plan_slots(struct app_plan *plan, size_t part_bytes, uint32_t slots)
{
    for (uint32_t i = 0; i < VK_SLOT_CLASSES; i++)
        plan->slots_max[i] = clamp(part_bytes / (vk_pool_class_bytes(i) / SLOT_SHARE), 1, full_slots[i]);
    if (slots != 0)
        plan->slots_max[0] = slots;
    plan->slots_warm = plan->slots_max[0] < VK_SLOT_WARM ? plan->slots_max[0] : VK_SLOT_WARM;
}

/* The largest heap of a power of two that fits twice. */
static uint32_t freeze_heap(size_t free_bytes, uint32_t max_bytes)
{
    uint32_t bytes = FREEZE_HEAP_MIN;
    while (bytes < max_bytes && bytes * 4ull <= free_bytes)
        bytes *= 2;
    return bytes;
}

void app_plan_make(struct app_plan *plan, size_t free_bytes, uint32_t slots)
{
    size_t part = free_bytes / PARTS;
    *plan = (struct app_plan){0};
    plan->conns_max = clamp(CONNS_PARTS * part / CONN_BYTES, CONNS_MIN, NET_CONNS_DEFAULT);
    plan->io_conns_max = plan->conns_max + plan->conns_max / CLOSING_PARTS + NET_LISTENERS_MAX;
    plan->io_bytes = clamp(IO_PARTS * part, 256u << 10, 256u << 20);
    plan_slots(plan, SLOTS_PARTS * part, slots);
    for (uint32_t i = 0; i < VK_BUF_CLASSES; i++)
        plan->bufs_max[i] =
            clamp((uint64_t)full_bufs[i] * (BUFS_PARTS * part) / BUFFERS_FULL, 2, full_bufs[i]);
    plan->parks_max =
        clamp(PARKS_PARTS * part / (PROC_PARK_MAX_BYTES + PROC_PARK_SMALL_BYTES), 16, PROC_PARKS_MAX);
    plan->kernel_bytes = (BUFS_PARTS + CONNS_PARTS + PARKS_PARTS) * part;
    uint32_t alive = 0;
    for (uint32_t i = 0; i < VK_SLOT_CLASSES; i++)
        alive += plan->slots_max[i];
    plan->processes_max = clamp(alive, 1, PROC_MAX);
    plan->handles_max = clamp((size_t)plan->processes_max * HANDLES_EACH, 1024, PROC_HANDLES_MAX);
    plan->requests_max = clamp((size_t)plan->processes_max * REQUESTS_EACH, 4096, PROC_REQUESTS_MAX);
    plan->freeze_heap_bytes = freeze_heap(free_bytes, 4u * INTERP_LETS_MAX_BYTES);
}
