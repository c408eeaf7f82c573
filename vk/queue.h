/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intrusive queues: the links lie in the objects, so nothing is allocated and
 * nothing can fail. An object finds itself again by VK_CONTAINER.
 *
 *  - struct vk_fifo: singly linked, first in first out. Zeroed memory is an
 *    empty one, so that tables of them cost nothing until used.
 *  - struct vk_list: doubly linked, circular around its head; any node leaves
 *    in O(1). Must be initialised. A zeroed node is in no list.
 *
 * A link or node is in at most one queue at a time; the queue does not own it.
 */
#ifndef VK_QUEUE_H
#define VK_QUEUE_H

#include "vk/base.h"

/* ---- first in, first out ------------------------------------------------- */

struct vk_link {
    struct vk_link *next;
};

struct vk_fifo {
    /* private */
    struct vk_link *first; /* NULL: empty */
    struct vk_link *last;  /* meaningful only when not empty */
};

VK_INLINE void vk_fifo_init(struct vk_fifo *fifo)
{
    *fifo = (struct vk_fifo){0};
}

VK_INLINE bool vk_fifo_is_empty(const struct vk_fifo *fifo)
{
    return fifo->first == NULL;
}

/* The oldest link, left where it is; NULL when empty. */
VK_INLINE struct vk_link *vk_fifo_first(const struct vk_fifo *fifo)
{
    return fifo->first;
}

VK_INLINE void vk_fifo_push(struct vk_fifo *fifo, struct vk_link *link)
{
    /* Choosing the place to write, not the write, compiles without a branch. */
    struct vk_link **place = fifo->first != NULL ? &fifo->last->next : &fifo->first;
    link->next = NULL;
    *place = link;
    fifo->last = link;
}

/* Push before the oldest one, for what must be looked at first. */
VK_INLINE void vk_fifo_push_front(struct vk_fifo *fifo, struct vk_link *link)
{
    if (fifo->first == NULL)
        fifo->last = link;
    link->next = fifo->first;
    fifo->first = link;
}

/* Take the oldest link; NULL when empty. */
VK_INLINE struct vk_link *vk_fifo_pop(struct vk_fifo *fifo)
{
    struct vk_link *link = fifo->first;
    if (VK_LIKELY(link != NULL))
        fifo->first = link->next;
    return link;
}

/* Append all of `from`, in order; `from` is empty afterwards. O(1). */
VK_INLINE void vk_fifo_append(struct vk_fifo *fifo, struct vk_fifo *from)
{
    if (from->first == NULL)
        return;
    struct vk_link **place = fifo->first != NULL ? &fifo->last->next : &fifo->first;
    *place = from->first;
    fifo->last = from->last;
    from->first = NULL;
}

/*
 * Take link out wherever it is. O(n): for rare paths only. Returns false when
 * it was not in the queue.
 */
VK_INLINE bool vk_fifo_remove(struct vk_fifo *fifo, struct vk_link *link)
{
    struct vk_link *before = NULL;
    for (struct vk_link *at = fifo->first; at != NULL; before = at, at = at->next) {
        if (at != link)
            continue;
        *(before != NULL ? &before->next : &fifo->first) = link->next;
        if (fifo->last == link)
            fifo->last = before;
        return true;
    }
    return false;
}

/* ---- doubly linked ------------------------------------------------------- */

struct vk_node {
    struct vk_node *next; /* NULL: in no list */
    struct vk_node *prev;
};

struct vk_list {
    /* private */
    struct vk_node head; /* next: the first node, prev: the last; itself when empty */
};

VK_INLINE void vk_list_init(struct vk_list *list)
{
    list->head.next = &list->head;
    list->head.prev = &list->head;
}

VK_INLINE bool vk_list_is_empty(const struct vk_list *list)
{
    return list->head.next == &list->head;
}

/* Whether the node is in a list. */
VK_INLINE bool vk_node_is_linked(const struct vk_node *node)
{
    return node->next != NULL;
}

/* The node in no list goes right after `at`, a node in a list or its head. */
VK_INLINE void vk_node_insert_after(struct vk_node *at, struct vk_node *node)
{
    vk_assert_slow(node->next == NULL);
    node->prev = at;
    node->next = at->next;
    at->next->prev = node;
    at->next = node;
}

VK_INLINE void vk_list_push(struct vk_list *list, struct vk_node *node)
{
    vk_node_insert_after(list->head.prev, node);
}

VK_INLINE void vk_list_push_front(struct vk_list *list, struct vk_node *node)
{
    vk_node_insert_after(&list->head, node);
}

/* Take a node out of the list it is in, whichever that is. */
VK_INLINE void vk_list_remove(struct vk_node *node)
{
    vk_assert_slow(node->next != NULL);
    node->next->prev = node->prev;
    node->prev->next = node->next;
    node->next = NULL;
    node->prev = NULL;
}

/* First and last node, left where they are; NULL when empty. */
VK_INLINE struct vk_node *vk_list_first(const struct vk_list *list)
{
    return vk_list_is_empty(list) ? NULL : list->head.next;
}

VK_INLINE struct vk_node *vk_list_last(const struct vk_list *list)
{
    return vk_list_is_empty(list) ? NULL : list->head.prev;
}

/* The node after `node`; NULL after the last. For walks: for (n = first; n; n = next). */
VK_INLINE struct vk_node *vk_list_next(const struct vk_list *list, const struct vk_node *node)
{
    return node->next == &list->head ? NULL : node->next;
}

/* Take the first node; NULL when empty. */
VK_INLINE struct vk_node *vk_list_pop(struct vk_list *list)
{
    struct vk_node *node = vk_list_first(list);
    if (node != NULL)
        vk_list_remove(node);
    return node;
}

/* Append all of `from`, in order; `from` is empty afterwards. O(1). */
VK_INLINE void vk_list_append(struct vk_list *list, struct vk_list *from)
{
    if (vk_list_is_empty(from))
        return;
    from->head.next->prev = list->head.prev;
    list->head.prev->next = from->head.next;
    from->head.prev->next = &list->head;
    list->head.prev = from->head.prev;
    vk_list_init(from);
}

#endif
