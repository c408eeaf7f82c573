/* SPDX-License-Identifier: Apache-2.0 */
#include "vk/wheel.h"

#define TICK_BITS (64u - VK_WHEEL_TICK_SHIFT) /* ticks beyond this many bits lie past the end of time */

void vk_wheel_init(struct vk_wheel *wheel, uint64_t now_ns)
{
    wheel->tick = now_ns >> VK_WHEEL_TICK_SHIFT;
    wheel->draining = 0;
    memset(wheel->bitmaps, 0, sizeof(wheel->bitmaps));
    for (size_t i = 0; i < VK_COUNT(wheel->slots); i++)
        vk_list_init(&wheel->slots[i]);
}

/* The first slot that is not empty, and the tick at which it begins; false when all are empty. */
static bool find_next(const struct vk_wheel *wheel, uint32_t *ret_slot, uint64_t *ret_tick)
{
    for (uint32_t level = 0; level < VK_WHEEL_LEVELS; level++) {
        if (wheel->bitmaps[level] == 0)
            continue;
        uint32_t slot = (uint32_t)__builtin_ctzll(wheel->bitmaps[level]);
        uint32_t shift = level * VK_WHEEL_GROUP_BITS;
        uint64_t above = wheel->tick >> (shift + VK_WHEEL_GROUP_BITS) << (shift + VK_WHEEL_GROUP_BITS);
        *ret_slot = level * VK_WHEEL_SLOTS + slot;
        *ret_tick = above | (uint64_t)slot << shift;
        return true;
    }
    return false;
}

/*
 * Empty a slot that the wheel has reached: what is due expires, the rest finds
 * a finer level or, when its deadline was moved on, a later place. Returns how
 * much of work_max is left; the slot is not empty only if that is 0.
 */
static uint32_t drain(struct vk_wheel *wheel, uint32_t slot, struct vk_list *expired, uint32_t work_max)
{
    struct vk_list *list = &wheel->slots[slot];
    while (work_max > 0 && !vk_list_is_empty(list)) {
        struct vk_timer *timer = VK_CONTAINER(vk_list_pop(list), struct vk_timer, node);
        work_max--;
        if (vk_wheel_tick_of(timer->deadline_ns) > wheel->tick) {
            vk_wheel_place(wheel, timer);
            continue;
        }
        timer->slot = VK_WHEEL_EXPIRED;
        vk_list_push(expired, &timer->node);
    }
    if (vk_list_is_empty(list))
        wheel->bitmaps[slot / VK_WHEEL_SLOTS] &= ~(UINT64_C(1) << (slot % VK_WHEEL_SLOTS));
    return work_max;
}

bool vk_wheel_advance(struct vk_wheel *wheel, uint64_t now_ns, struct vk_list *expired, uint32_t work_max)
{
    uint64_t now_tick = now_ns >> VK_WHEEL_TICK_SHIFT;
    for (;;) {
        /* What was left half empty comes first: its timers may be due before all others. */
        if (wheel->draining != 0) {
            uint32_t slot = (uint32_t)(wheel->draining - 1);
            work_max = drain(wheel, slot, expired, work_max);
            if (!vk_list_is_empty(&wheel->slots[slot]))
                return false;
            wheel->draining = 0;
        }
        uint32_t slot;
        uint64_t tick;
        if (!find_next(wheel, &slot, &tick) || tick > now_tick)
            break;
        wheel->tick = tick;
        wheel->draining = slot + 1;
    }
    if (now_tick > wheel->tick)
        wheel->tick = now_tick;
    return true;
}

uint64_t vk_wheel_next_ns(const struct vk_wheel *wheel)
{
    uint32_t slot;
    uint64_t tick;
    if (wheel->draining != 0)
        return wheel->tick << VK_WHEEL_TICK_SHIFT;
    if (!find_next(wheel, &slot, &tick) || tick >> TICK_BITS != 0)
        return UINT64_MAX;
    return tick << VK_WHEEL_TICK_SHIFT;
}
