/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timers: a hierarchical timing wheel (Varghese and Lauck 1987, scheme 7).
 * Timers lie in the objects they belong to; arming and canceling are O(1),
 * nothing is allocated.
 *
 * Deadlines are nanoseconds of any monotonic clock, kept to a tick of 2^20 ns
 * (1.05 ms) and rounded up: a timer never fires early and at most one tick
 * after its deadline. A tick near a millisecond is what epoll can wait for,
 * makes timers that end together wake the worker once, and is still far below
 * every timeout of a protocol; a power of two turns the division into a shift.
 *
 * A timer lies at the level of the highest group of six bits in which its
 * tick differs from the wheel's. So all of a level come before all of the
 * next, each level's slots are in order, and the next one is the lowest bit
 * of the first bitmap that is not zero: nothing ticks while nothing is due.
 * Eight levels reach every 64-bit deadline. UINT64_MAX never fires.
 */
#ifndef VK_WHEEL_H
#define VK_WHEEL_H

#include "vk/base.h"
#include "vk/queue.h"

#define VK_WHEEL_TICK_SHIFT 20u /* log2 of the nanoseconds of a tick */
#define VK_WHEEL_TICK_NS    (UINT64_C(1) << VK_WHEEL_TICK_SHIFT)
#define VK_WHEEL_LEVELS     8u
#define VK_WHEEL_GROUP_BITS 6u
#define VK_WHEEL_SLOTS      (1u << VK_WHEEL_GROUP_BITS) /* of one level */

/* Zeroed: not armed. */
struct vk_timer {
    struct vk_node node;  /* in a slot while armed, then in the expired list; the caller pops it there */
    uint64_t deadline_ns; /* read-only */

    /* private */
    uint32_t slot; /* level * VK_WHEEL_SLOTS + slot; VK_WHEEL_EXPIRED in the expired list */
};

#define VK_WHEEL_EXPIRED UINT32_MAX

struct vk_wheel {
    /* private */
    uint64_t tick;                     /* everything that fires before this tick has been handed out */
    uint64_t draining;                 /* index + 1 of a slot that advance left half empty; 0: none */
    uint64_t bitmaps[VK_WHEEL_LEVELS]; /* a bit per slot that is not empty */
    struct vk_list slots[VK_WHEEL_LEVELS * VK_WHEEL_SLOTS];
};

void vk_wheel_init(struct vk_wheel *wheel, uint64_t now_ns);

VK_INLINE bool vk_timer_is_armed(const struct vk_timer *timer)
{
    return vk_node_is_linked(&timer->node);
}

/* The first tick at which a deadline may fire. */
VK_INLINE uint64_t vk_wheel_tick_of(uint64_t deadline_ns)
{
    return (deadline_ns >> VK_WHEEL_TICK_SHIFT) + ((deadline_ns & (VK_WHEEL_TICK_NS - 1)) != 0);
}

/* Put a timer that is in no list where its deadline belongs. Private. */
VK_INLINE void vk_wheel_place(struct vk_wheel *wheel, struct vk_timer *timer)
{
    uint64_t tick = vk_wheel_tick_of(timer->deadline_ns);
    tick = tick < wheel->tick ? wheel->tick : tick;
    uint64_t differs = (tick ^ wheel->tick) | (VK_WHEEL_SLOTS - 1);
    uint32_t level = (63u - (uint32_t)__builtin_clzll(differs)) / VK_WHEEL_GROUP_BITS;
    uint32_t slot = (uint32_t)(tick >> (level * VK_WHEEL_GROUP_BITS)) & (VK_WHEEL_SLOTS - 1);
    timer->slot = level * VK_WHEEL_SLOTS + slot;
    wheel->bitmaps[level] |= UINT64_C(1) << slot;
    vk_list_push(&wheel->slots[timer->slot], &timer->node);
}

/* Disarm; also takes a timer out of the expired list. Harmless when not armed. */
VK_INLINE void vk_wheel_cancel(struct vk_wheel *wheel, struct vk_timer *timer)
{
    if (!vk_timer_is_armed(timer))
        return;
    vk_list_remove(&timer->node);
    uint32_t slot = timer->slot;
    if (slot != VK_WHEEL_EXPIRED && vk_list_is_empty(&wheel->slots[slot]))
        wheel->bitmaps[slot / VK_WHEEL_SLOTS] &= ~(UINT64_C(1) << (slot % VK_WHEEL_SLOTS));
}

/*
 * Arm the timer, or move it if it is armed. A deadline that has passed fires
 * at the next advance. Moving one to a later deadline is a single store, so a
 * timeout that every request pushes on costs nothing: the timer stays in its
 * slot and is put right when that slot comes up.
 */
VK_INLINE void vk_wheel_set(struct vk_wheel *wheel, struct vk_timer *timer, uint64_t deadline_ns)
{
    if (vk_timer_is_armed(timer)) {
        if (VK_LIKELY(deadline_ns >= timer->deadline_ns && timer->slot != VK_WHEEL_EXPIRED)) {
            timer->deadline_ns = deadline_ns;
            return;
        }
        vk_wheel_cancel(wheel, timer);
    }
    timer->deadline_ns = deadline_ns;
    vk_wheel_place(wheel, timer);
}

/*
 * Move the timers that are due at now_ns to the end of `expired`, earliest
 * tick first, those of one tick in the order they came to it. Handles at most
 * work_max timers, each either due or carried to a finer level. Returns true
 * when everything due was handed out, false when there is more: call again,
 * in this tick of the kernel or the next. A now_ns before an earlier one
 * changes nothing.
 */
bool vk_wheel_advance(struct vk_wheel *wheel, uint64_t now_ns, struct vk_list *expired, uint32_t work_max);

/*
 * When advance must be called next; UINT64_MAX when no timer will fire. Never
 * later than the first timer fires. It can be earlier, when a far timer must
 * be carried to a finer level: at most once per level, so twice for a timeout
 * of up to 4 minutes.
 */
uint64_t vk_wheel_next_ns(const struct vk_wheel *wheel);

#endif
