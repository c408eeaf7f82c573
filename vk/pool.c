/* SPDX-License-Identifier: Apache-2.0 */
#include "vk/pool.h"

#include "vk/err.h"
#include "vk/guard.h"
#include "vk/plat.h"

/* A slot stays grown from so many uses in a row that grew it ... */
#define GROWN_RUNS_KEEP 2u
/* ... until so many in a row left the tail alone. */
#define IDLE_RUNS_DROP 16u

enum shape { WHOLE, PREFIX };

static enum shape shape_of(const struct vk_slot *slot)
{
    return slot->shape_bytes == slot->size_bytes ? WHOLE : PREFIX;
}

/* A slot whose tail stays closed while its prefix is open is two mappings to the OS kernel. */
static uint32_t mappings_of(enum shape shape)
{
    return shape == WHOLE ? 1 : 2;
}

uint32_t vk_pool_class_bytes(uint32_t slot_class)
{
    vk_assert(slot_class < VK_SLOT_CLASSES);
    return VK_SLOT_CLASS0_BYTES << (4 * slot_class);
}

uint32_t vk_pool_class_for(uint32_t need_bytes)
{
    uint32_t slot_class = 0;
    while (slot_class < VK_SLOT_CLASSES && vk_pool_class_bytes(slot_class) < need_bytes)
        slot_class++;
    return slot_class;
}

static uint32_t index_of(const struct vk_pool_class *class, const struct vk_slot *slot)
{
    return (uint32_t)(slot - class->slots);
}

static bool is_odd(const struct vk_pool_class *class, const struct vk_slot *slot)
{
    return (index_of(class, slot) & 1) != 0;
}

/*
 * The slot the guard has open is always the first of its list when it is free:
 * taking it costs no system call. Others go behind it.
 */
static void push_free(struct vk_pool *pool, struct vk_pool_class *class, struct vk_slot *slot)
{
    enum shape shape = shape_of(slot);
    uint32_t *link = &class->free_first[shape];
    if (*link != 0 && &class->slots[*link - 1] == pool->guard->open_slot)
        link = &class->slots[*link - 1].next;
    slot->next = *link;
    *link = index_of(class, slot) + 1;
    class->free[shape]++;
}

static struct vk_slot *pop_free(struct vk_pool_class *class, enum shape shape)
{
    uint32_t first = class->free_first[shape];
    if (first == 0)
        return NULL;
    struct vk_slot *slot = &class->slots[first - 1];
    class->free_first[shape] = slot->next;
    class->free[shape]--;
    return slot;
}

/* The next slot that has never been used, or NULL. Its shape is decided when it is opened. */
static struct vk_slot *make_slot(struct vk_pool *pool, uint32_t slot_class, uint32_t shape_bytes)
{
    struct vk_pool_class *class = &pool->classes[slot_class];
    uint32_t size_bytes = vk_pool_class_bytes(slot_class);
    uint32_t mappings = mappings_of(shape_bytes == size_bytes ? WHOLE : PREFIX);
    if (class->made == class->max || pool->mappings_max - pool->mappings_used < mappings)
        return NULL;
    struct vk_slot *slot = &class->slots[class->made];
    uint8_t *base = class->base + (size_t) class->made * size_bytes;
    if (plat_slot_map(base, size_bytes, is_odd(class, slot)) != 0)
        return NULL;
    *slot = (struct vk_slot){.base = base,
                             .size_bytes = size_bytes,
                             .open_bytes = shape_bytes,
                             .shape_bytes = shape_bytes,
                             .slot_class = (uint8_t)slot_class};
    class->made++;
    pool->mappings_used += mappings;
    return slot;
}

/*
 * Give a free slot another shape: its pages are thrown away, so that the
 * tail's mapping is as if never opened and the prefix opens without a split
 * the OS kernel would have to undo.
 */
static bool reshape(struct vk_pool *pool, struct vk_slot *slot, uint32_t shape_bytes)
{
    struct vk_pool_class *class = &pool->classes[slot->slot_class];
    uint32_t before = mappings_of(shape_of(slot));
    uint32_t after = mappings_of(shape_bytes == slot->size_bytes ? WHOLE : PREFIX);
    if (after > before && pool->mappings_max - pool->mappings_used < after - before)
        return false;
    if (plat_slot_map(slot->base, slot->size_bytes, is_odd(class, slot)) != 0)
        return false;
    vk_guard_forget(pool->guard, slot);
    pool->mappings_used = pool->mappings_used - before + after;
    slot->shape_bytes = shape_bytes;
    slot->open_bytes = shape_bytes;
    slot->dirty_bytes = 0;
    slot->grown_runs = 0;
    return true;
}

/* A free slot of the other shape, or of another prefix. */
static struct vk_slot *take_other(struct vk_pool *pool, uint32_t slot_class, uint32_t shape_bytes)
{
    struct vk_pool_class *class = &pool->classes[slot_class];
    struct vk_slot *slot = pop_free(class, WHOLE);
    if (slot == NULL)
        slot = pop_free(class, PREFIX);
    if (slot == NULL)
        return NULL;
    if (reshape(pool, slot, shape_bytes))
        return slot;
    push_free(pool, class, slot);
    return NULL;
}

static struct vk_slot *take_slot(struct vk_pool *pool, uint32_t slot_class, uint32_t shape_bytes)
{
    struct vk_pool_class *class = &pool->classes[slot_class];
    struct vk_slot *slot = pop_free(class, shape_bytes == vk_pool_class_bytes(slot_class) ? WHOLE : PREFIX);
    if (VK_LIKELY(slot != NULL && slot->shape_bytes == shape_bytes))
        return slot;
    if (slot != NULL) {
        if (reshape(pool, slot, shape_bytes))
            return slot;
        push_free(pool, class, slot);
    }
    slot = make_slot(pool, slot_class, shape_bytes);
    return slot != NULL ? slot : take_other(pool, slot_class, shape_bytes);
}

/* The slot is open. */
static void wipe(struct vk_pool *pool, struct vk_slot *slot)
{
    (void)plat_wipe(slot->base, VK_ALIGN_UP(slot->dirty_bytes, 128u)); /* open to the end of its page */
    pool->wipes++;
    pool->wipe_bytes += slot->dirty_bytes;
    slot->dirty_bytes = 0;
}

/* What is left to wipe after giving pages back, which needs no access. False when the platform refused. */
static bool discard(struct vk_pool *pool, struct vk_slot *slot)
{
    uint32_t len_bytes = slot->dirty_bytes > slot->large_bytes ? slot->dirty_bytes : slot->large_bytes;
    if (plat_discard(slot->base, VK_ALIGN_UP(len_bytes, VK_PAGE_BYTES)) != 0)
        return false;
    slot->large_bytes = 0;
    pool->wipes++;
    pool->wipe_bytes += slot->dirty_bytes;
    slot->dirty_bytes = 0;
    return true;
}

int vk_pool_take(struct vk_pool *pool, uint32_t slot_class, uint32_t prefix_bytes, struct vk_slot **ret_slot)
{
    if (slot_class >= VK_SLOT_CLASSES || prefix_bytes % VK_PAGE_BYTES != 0 ||
        prefix_bytes > vk_pool_class_bytes(slot_class))
        return -VK_EINVAL;
    uint32_t shape_bytes = prefix_bytes != 0 ? prefix_bytes : vk_pool_class_bytes(slot_class);
    struct vk_slot *slot = take_slot(pool, slot_class, shape_bytes);
    if (VK_UNLIKELY(slot == NULL))
        return -VK_ENOMEM;
    if (VK_UNLIKELY(slot->dirty_bytes != 0)) {
        int rc = vk_guard_enter(pool->guard, slot);
        if (rc != 0) {
            push_free(pool, &pool->classes[slot_class], slot);
            return rc;
        }
        wipe(pool, slot);
    }
    slot->in_use = true;
    pool->classes[slot_class].in_use++;
    *ret_slot = slot;
    return 0;
}

/*
 * Give a slot that grew a tail as if never opened. When the OS kernel has no
 * mapping left to split it, it becomes a whole slot without pages. False when
 * even that is refused.
 */
static bool drop_tail(struct vk_pool *pool, struct vk_slot *slot)
{
    bool odd = is_odd(&pool->classes[slot->slot_class], slot);
    uint32_t tail_bytes = slot->size_bytes - slot->shape_bytes;
    slot->idle_runs = 0;
    slot->open_bytes = slot->shape_bytes;
    if (plat_slot_map(slot->base + slot->shape_bytes, tail_bytes, odd) == 0)
        return true;
    if (plat_slot_map(slot->base, slot->size_bytes, odd) != 0)
        return false;
    vk_guard_forget(pool->guard, slot);
    pool->mappings_used--;
    slot->shape_bytes = slot->open_bytes = slot->size_bytes;
    slot->dirty_bytes = 0;
    return true;
}

/*
 * The tail of a slot that grew: opening it cost a fault, and making it anew
 * costs as much again, so it stays while it is used. False when the slot is lost.
 */
static VK_COLD bool settle_tail(struct vk_pool *pool, struct vk_slot *slot)
{
    if (slot->grown_runs < GROWN_RUNS_KEEP)
        slot->grown_runs++;
    if (slot->grown_runs < GROWN_RUNS_KEEP || !slot->is_accessible ||
        slot->size_bytes > VK_SLOT_WIPE_MAX_BYTES)
        return drop_tail(pool, slot);
    uint32_t tail_bytes = slot->size_bytes - slot->shape_bytes;
    bool was_dirty = plat_wipe(slot->base + slot->shape_bytes, tail_bytes);
    pool->wipe_bytes += tail_bytes;
    slot->idle_runs = was_dirty ? 0 : (uint8_t)(slot->idle_runs + 1);
    if (slot->idle_runs < IDLE_RUNS_DROP)
        return true;
    slot->grown_runs = 0;
    return drop_tail(pool, slot);
}

void vk_pool_give(struct vk_pool *pool, struct vk_slot *slot, uint32_t used_bytes)
{
    struct vk_pool_class *class = &pool->classes[slot->slot_class];
    vk_assert(slot->in_use);
    slot->in_use = false;
    class->in_use--;
    slot->dirty_bytes = used_bytes != 0 && used_bytes < slot->shape_bytes ? used_bytes : slot->shape_bytes;
    /* A slot that cannot be wiped is lost rather than shown to another process. */
    if (VK_UNLIKELY(slot->open_bytes > slot->shape_bytes)) {
        if (!settle_tail(pool, slot))
            return;
    } else {
        slot->grown_runs = 0;
    }
    if (VK_UNLIKELY(slot->dirty_bytes > VK_SLOT_WIPE_MAX_BYTES) && !discard(pool, slot))
        return;
    if (VK_LIKELY(slot->dirty_bytes != 0 && slot->is_accessible))
        wipe(pool, slot);
    push_free(pool, class, slot);
}

void vk_pool_gather(const struct vk_pool *pool, struct vk_slot *slot, uint32_t used_bytes)
{
    uint32_t least_bytes = slot->large_bytes == 0 ? VK_LARGE_PAGE_BYTES / 2 : VK_LARGE_PAGE_BYTES / 8;
    uint32_t filled_bytes =
        (used_bytes + VK_LARGE_PAGE_BYTES - least_bytes) / VK_LARGE_PAGE_BYTES * VK_LARGE_PAGE_BYTES;
    if (VK_LIKELY(filled_bytes <= slot->large_bytes) || filled_bytes > slot->open_bytes ||
        pool->guard->kind == VK_GUARD_OFF)
        return;
    plat_gather(slot->base + slot->large_bytes, filled_bytes - slot->large_bytes);
    slot->large_bytes = filled_bytes;
}

uint32_t vk_pool_room(const struct vk_pool *pool)
{
    const struct vk_pool_class *class = &pool->classes[0];
    uint32_t room = pool->mappings_max - pool->mappings_used;
    uint32_t unmade = class->max - class->made;
    return (room < unmade ? room : unmade) + class->free[WHOLE] + class->free[PREFIX];
}

struct vk_slot *vk_pool_find(struct vk_pool *pool, uintptr_t addr)
{
    for (uint32_t i = 0; i < VK_SLOT_CLASSES; i++) {
        struct vk_pool_class *class = &pool->classes[i];
        uintptr_t off = addr - (uintptr_t) class->base;
        if (class->made == 0 || off >= (uintptr_t) class->made * vk_pool_class_bytes(i))
            continue;
        struct vk_slot *slot = &class->slots[off / vk_pool_class_bytes(i)];
        return slot->in_use ? slot : NULL;
    }
    return NULL;
}

/*
 * Addresses of a class. What native code reaches by a wrong 32-bit offset from
 * its heap lies in the pool or nowhere: behind the slots nothing else comes.
 */
static size_t reserved_bytes(uint32_t slot_class, uint32_t max)
{
    return (size_t)max * vk_pool_class_bytes(slot_class) + VK_SLOT_BEYOND_BYTES;
}

static int init_class(struct vk_pool *pool, uint32_t slot_class, uint32_t max, struct vk_region *region)
{
    struct vk_pool_class *class = &pool->classes[slot_class];
    size_t size_bytes = vk_pool_class_bytes(slot_class);
    void *base;
    if (max == 0)
        return 0;
    class->slots = vk_region_alloc(region, max * sizeof(struct vk_slot), VK_CACHE_LINE_BYTES);
    if (class->slots == NULL)
        return -VK_ENOMEM;
    int rc = plat_reserve(reserved_bytes(slot_class, max), size_bytes, &base);
    if (rc != 0)
        return rc;
    class->base = base;
    class->max = max;
    return 0;
}

/* Make slots before they are needed, each with its first page touched. */
static int warm(struct vk_pool *pool, uint32_t count, uint32_t prefix_bytes)
{
    uint32_t size_bytes = vk_pool_class_bytes(0);
    for (uint32_t i = 0; i < count; i++) {
        struct vk_slot *slot = make_slot(pool, 0, prefix_bytes != 0 ? prefix_bytes : size_bytes);
        if (slot == NULL)
            return -VK_ENOMEM;
        int rc = vk_guard_enter(pool->guard, slot);
        if (rc != 0)
            return rc;
        *(volatile uint8_t *)slot->base = 0;
        push_free(pool, &pool->classes[0], slot);
    }
    return 0;
}

static int check_options(const struct vk_pool_options *options)
{
    if (options->warm > options->slots_max[0] || options->warm_prefix_bytes % VK_PAGE_BYTES != 0 ||
        options->warm_prefix_bytes > vk_pool_class_bytes(0))
        return -VK_EINVAL;
    return 0;
}

VK_SELDOM int vk_pool_init(struct vk_pool *pool, const struct vk_pool_options *options,
                           struct vk_guard *guard, struct vk_region *region)
{
    struct plat_caps caps;
    *pool = (struct vk_pool){.guard = guard};
    int rc = check_options(options);
    if (rc != 0)
        return rc;
    plat_caps(&caps);
    pool->mappings_max = options->mappings_max;
    if (pool->mappings_max == 0)
        pool->mappings_max =
            caps.mappings_max > VK_MAPPINGS_RESERVED ? caps.mappings_max - VK_MAPPINGS_RESERVED : 0;
    for (uint32_t i = 0; rc == 0 && i < VK_SLOT_CLASSES; i++)
        rc = init_class(pool, i, options->slots_max[i], region);
    if (rc == 0)
        rc = warm(pool, options->warm, options->warm_prefix_bytes);
    if (rc != 0)
        vk_pool_fini(pool);
    return rc;
}

void vk_pool_fini(struct vk_pool *pool)
{
    for (uint32_t i = 0; i < VK_SLOT_CLASSES; i++) {
        struct vk_pool_class *class = &pool->classes[i];
        for (uint32_t k = 0; k < class->made; k++)
            vk_guard_forget(pool->guard, &class->slots[k]);
        if (class->base != NULL)
            plat_release(class->base, reserved_bytes(i, class->max));
    }
    *pool = (struct vk_pool){0};
}
