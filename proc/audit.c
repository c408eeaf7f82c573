/* SPDX-License-Identifier: Apache-2.0 */
#include "proc/audit.h"

#include "proc/kernel_impl.h"

/* What is found by walking, to be compared with what is counted. */
struct sums {
    uint32_t reqs;
    uint32_t slots;
    uint32_t slotless; /* of slot class 0 */
    uint32_t queued;
    uint32_t parked;
    uint32_t messages;
};

/* Up to max + 1 links: a queue that has more is broken anyway. */
static uint32_t fifo_len(const struct vk_fifo *fifo, uint32_t max)
{
    uint32_t count = 0;
    for (const struct vk_link *link = vk_fifo_first(fifo); link && count <= max; link = link->next)
        count++;
    return count;
}

static uint32_t list_len(const struct vk_list *list, uint32_t max)
{
    uint32_t count = 0;
    for (const struct vk_node *node = vk_list_first(list); node && count <= max;
         node = vk_list_next(list, node))
        count++;
    return count;
}

static const char *audit_mailbox(const struct proc_process *p, struct sums *sums)
{
    uint32_t messages = 0;
    for (const struct vk_link *link = vk_fifo_first(&p->mail); link; link = link->next)
        messages += VK_CONTAINER(link, const struct proc_mail, link)->sort == PROC_MAIL_MESSAGE;
    sums->messages += messages;
    if (messages != p->messages_count)
        return "a mailbox holds another number of messages than it counts";
    if (p->messages_count + p->promised_count > PROC_MAILBOX_MAX)
        return "a mailbox holds more messages than it has places";
    if (!vk_list_is_empty(&p->senders) && p->messages_count + p->promised_count < PROC_MAILBOX_MAX)
        return "a sender waits though the mailbox has room";
    return NULL;
}

static const char *audit_process(const struct proc_process *p, struct sums *sums)
{
    sums->reqs += p->reqs_count;
    sums->queued += p->queued;
    if (p->state == PROC_STATE_RUNNING)
        return "a process runs between two ticks";
    if (p->state == PROC_STATE_ENDING)
        return p->slot ? "a process that has ended keeps its slot" : NULL;
    sums->slots += p->slot != NULL;
    sums->slotless += p->slot == NULL;
    sums->parked += p->parked.cap_bytes != 0;
    if (p->slot && !p->slot->in_use)
        return "a process lies in a slot that is free";
    if (p->reqs_count > PROC_OPS_MAX)
        return "a process has more ops in flight than it may";
    if (p->done_count > PROC_RING_ENTRIES)
        return "a process has more completions than its ring holds";
    if (p->state == PROC_STATE_READY && !p->queued && !p->fresh)
        return "a process is runnable, and in no queue";
    return audit_mailbox(p, sums);
}

static uint32_t slots_in_use(const struct proc_kernel *k)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < VK_SLOT_CLASSES; i++)
        sum += k->pool.classes[i].in_use;
    return sum;
}

static const char *audit_sums(const struct proc_kernel *k, const struct sums *sums)
{
    if (sums->reqs != k->reqs.count)
        return "ops in flight belong to no process";
    if (sums->slots != slots_in_use(k))
        return "slots are in use that no process lies in";
    if (sums->slotless != k->slotless)
        return "the processes without a slot are miscounted";
    if (sums->parked != k->parks.in_use)
        return "heaps are parked that no process has";
    if (sums->messages > k->messages.count)
        return "mailboxes hold more messages than there are";
    if (sums->queued != fifo_len(&k->runnable, k->processes.made))
        return "the run queue has another length than processes are queued";
    return NULL;
}

static const char *audit_handles(const struct proc_kernel *k)
{
    uint32_t owned = 0;
    for (struct proc_process *p = NULL; (p = vk_table_next(&k->processes, p));)
        owned += p->state == PROC_STATE_ENDING ? 0 : list_len(&p->handles, k->handles.count);
    return owned == k->handles.count ? NULL : "handles belong to no process";
}

bool proc_heap_is_alone(const struct proc_kernel *kernel, const void *base)
{
    const struct vk_slot *open = kernel->guard.open_slot;
    if (base && (!open || open->base != base))
        return false;
    if (kernel->guard.kind == VK_GUARD_OFF)
        return true;
    for (uint32_t i = 0; i < VK_SLOT_CLASSES; i++)
        for (uint32_t j = 0; j < kernel->pool.classes[i].made; j++) {
            const struct vk_slot *slot = &kernel->pool.classes[i].slots[j];
            if (slot->is_accessible && slot != open && slot->key == 0)
                return false;
        }
    return true;
}

bool proc_heap_is_open(const struct proc_kernel *kernel, const void *base)
{
    const struct vk_slot *open = kernel->guard.open_slot;
    return kernel->guard.kind == VK_GUARD_OFF || (open && open->base == base);
}

bool proc_kernel_is_at_rest(const struct proc_kernel *kernel)
{
    return !proc_kernel_busy(kernel) && vk_wheel_next_ns(&kernel->wheel) == UINT64_MAX;
}

struct proc_process *proc_process_nth(struct proc_kernel *kernel, uint32_t n)
{
    struct proc_process *found = NULL;
    if (kernel->processes.count == 0)
        return NULL;
    for (n %= kernel->processes.count; (found = vk_table_next(&kernel->processes, found)) && n > 0; n--)
        ;
    return found;
}

const void *proc_heap_at(const struct proc_kernel *kernel, uint32_t i)
{
    const struct vk_pool_class *class = &kernel->pool.classes[0];
    return i < class->made ? class->slots[i].base : NULL;
}

const char *proc_kernel_audit(const struct proc_kernel *kernel)
{
    struct sums sums = {0};
    if (kernel->running)
        return "a process is said to run between two ticks";
    if (!proc_heap_is_alone(kernel, NULL))
        return "more than one heap is open";
    for (struct proc_process *p = NULL; (p = vk_table_next(&kernel->processes, p));) {
        const char *why = audit_process(p, &sums);
        if (why)
            return why;
    }
    const char *why = audit_sums(kernel, &sums);
    return why ? why : audit_handles(kernel);
}
