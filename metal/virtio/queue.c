/* SPDX-License-Identifier: Apache-2.0 */
/* Source: virtio 1.2, 2.7. */
#include "metal/virtio/queue_impl.h"

#include "metal/frames.h"
#include "vk/err.h"

#define DESC_BYTES  sizeof(struct metal_queue_desc)
#define AVAIL_BYTES (sizeof(struct metal_queue_avail) + sizeof(uint16_t))
#define USED_BYTES  (sizeof(struct metal_queue_used_ring) + sizeof(uint16_t))
#define ENTRY_BYTES (sizeof(uint16_t) + sizeof(struct metal_queue_used_entry)) /* in both rings */

/* The two rings share a frame, and with them the descriptors where these leave them room. */
_Static_assert(METAL_QUEUE_MAX *DESC_BYTES <= VK_PAGE_BYTES, "descriptors fit into a frame");
_Static_assert(AVAIL_BYTES + USED_BYTES + METAL_QUEUE_MAX * ENTRY_BYTES + 2 <= VK_PAGE_BYTES,
               "both rings fit into a frame");

/* ---- memory shared with the device --------------------------------------------- */

/* Reads and writes that happen once and as they stand; what they order is said where they are used. */
static uint16_t load_16(const uint16_t *from)
{
    return __atomic_load_n(from, __ATOMIC_ACQUIRE);
}

static void store_16(uint16_t *to, uint16_t value)
{
    __atomic_store_n(to, value, __ATOMIC_RELEASE);
}

/* The device sees what was stored before, and loads after this see what it stored before it looked. */
static void full_fence(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Where the driver says after which entry it wants an interrupt. */
static uint16_t *wake_me_at(const struct metal_queue *queue)
{
    return &queue->avail->entries[queue->size];
}

/* Where the device says after which entry it wants a kick. */
static const uint16_t *kick_it_at(const struct metal_queue *queue)
{
    return (const uint16_t *)(const void *)&queue->used->entries[queue->size];
}

/* ---- life ------------------------------------------------------------------------ */

int metal_queue_init(struct metal_queue *queue, uint16_t size)
{
    vk_assert(size > 0 && size <= METAL_QUEUE_MAX);
    vk_assert((size & (size - 1)) == 0);
    *queue = (struct metal_queue){.size = size};
    size_t desc_bytes = size * DESC_BYTES;
    size_t ring_bytes = VK_ALIGN_UP(AVAIL_BYTES + size * sizeof(uint16_t), (size_t)4);
    size_t all_bytes = desc_bytes + AVAIL_BYTES + USED_BYTES + size * ENTRY_BYTES + 2;
    uint64_t first = metal_frame_take();
    if (first == METAL_FRAME_NONE)
        return -VK_ENOMEM;
    uint64_t second = all_bytes <= VK_PAGE_BYTES ? first + desc_bytes : metal_frame_take();
    if (second == METAL_FRAME_NONE) {
        metal_frame_give(first);
        return -VK_ENOMEM;
    }
    queue->desc = (void *)(uintptr_t)first;
    queue->avail = (void *)(uintptr_t)second;
    queue->used = (void *)(uintptr_t)(second + ring_bytes);
    metal_queue_reset(queue, false);
    return 0;
}

void metal_queue_fini(struct metal_queue *queue)
{
    if (queue->desc == NULL)
        return;
    uint64_t first = (uintptr_t)queue->desc, second = (uintptr_t)queue->avail;
    metal_frame_give(first);
    if (second % VK_PAGE_BYTES == 0)
        metal_frame_give(second);
    *queue = (struct metal_queue){0};
}

void metal_queue_reset(struct metal_queue *queue, bool has_event_index)
{
    memset(queue->desc, 0, queue->size * DESC_BYTES);
    memset(queue->avail, 0, AVAIL_BYTES + queue->size * sizeof(uint16_t));
    memset(queue->used, 0, USED_BYTES + queue->size * sizeof(struct metal_queue_used_entry));
    memset(queue->entries, 0, sizeof queue->entries);
    for (uint16_t i = 0; i < queue->size; i++)
        queue->entries[i].next = (uint16_t)(i + 1);
    queue->free_first = 0;
    queue->free_count = queue->size;
    queue->added = queue->taken = queue->kicked = 0;
    queue->has_event_index = has_event_index;
    metal_queue_disarm(queue);
}

/* ---- to the device ----------------------------------------------------------------- */

int metal_queue_add(struct metal_queue *queue, const struct metal_queue_piece *pieces, uint16_t count,
                    bool is_writable, uint16_t cookie)
{
    vk_assert(count > 0);
    if (count > queue->free_count)
        return -VK_EAGAIN;
    uint16_t head = queue->free_first, at = head;
    uint32_t room_bytes = 0;
    for (uint16_t i = 0; i < count; i++) {
        bool is_last = i + 1 == count;
        uint16_t next = queue->entries[at].next;
        queue->desc[at] = (struct metal_queue_desc){
            .address = (uintptr_t)pieces[i].data,
            .len_bytes = pieces[i].len_bytes,
            .flags = (uint16_t)((is_writable ? METAL_DESC_WRITE : 0) | (is_last ? 0 : METAL_DESC_NEXT)),
            .next = is_last ? 0 : next,
        };
        room_bytes += is_writable ? pieces[i].len_bytes : 0;
        at = next;
    }
    queue->free_first = at;
    queue->free_count = (uint16_t)(queue->free_count - count);
    queue->entries[head].pieces = count;
    queue->entries[head].cookie = cookie;
    queue->entries[head].room_bytes = room_bytes;
    queue->avail->entries[queue->added & (queue->size - 1)] = head;
    queue->added++;
    store_16(&queue->avail->index, queue->added); /* after the descriptors: the device may take it now */
    return 0;
}

bool metal_queue_must_kick(struct metal_queue *queue)
{
    uint16_t before = queue->kicked, now = queue->added;
    if (now == before)
        return false;
    queue->kicked = now;
    full_fence(); /* either the device sees the index that was stored, or we see that it sleeps */
    if (!queue->has_event_index)
        return !(load_16(&queue->used->flags) & METAL_USED_NO_KICK);
    return (uint16_t)(now - load_16(kick_it_at(queue)) - 1) < (uint16_t)(now - before);
}

/* ---- from the device --------------------------------------------------------------- */

int metal_queue_ready(const struct metal_queue *queue, uint16_t *ret_count)
{
    uint16_t count = (uint16_t)(load_16(&queue->used->index) - queue->taken);
    if (count > metal_queue_lent(queue))
        return -VK_EMALFORMED;
    *ret_count = count;
    return 0;
}

/* Put the entries of a buffer in front of the free list. */
static void free_entries(struct metal_queue *queue, uint16_t head)
{
    uint16_t last = head, count = queue->entries[head].pieces;
    for (uint16_t i = 1; i < count; i++)
        last = queue->entries[last].next;
    queue->entries[last].next = queue->free_first;
    queue->entries[head].pieces = 0;
    queue->free_first = head;
    queue->free_count = (uint16_t)(queue->free_count + count);
}

int metal_queue_take(struct metal_queue *queue, struct metal_queue_used *ret_used)
{
    const volatile struct metal_queue_used_entry *entry =
        &queue->used->entries[queue->taken & (queue->size - 1)];
    uint32_t id = entry->id, len_bytes = entry->len_bytes;
    if (id >= queue->size || queue->entries[id].pieces == 0)
        return -VK_EMALFORMED;
    if (len_bytes > queue->entries[id].room_bytes)
        return -VK_EMALFORMED;
    *ret_used = (struct metal_queue_used){queue->entries[id].cookie, len_bytes};
    free_entries(queue, (uint16_t)id);
    queue->taken++;
    return 0;
}

void metal_queue_arm(struct metal_queue *queue)
{
    if (queue->has_event_index)
        store_16(wake_me_at(queue), queue->taken);
    else
        store_16(&queue->avail->flags, 0);
    full_fence(); /* either the device sees this, or the caller sees what it used before */
}

/* With an event index the entry asked for is behind: it comes round again once in 65,536. */
void metal_queue_disarm(struct metal_queue *queue)
{
    if (queue->has_event_index)
        store_16(wake_me_at(queue), (uint16_t)(queue->taken - 1));
    else
        store_16(&queue->avail->flags, METAL_AVAIL_NO_INTERRUPT);
}
