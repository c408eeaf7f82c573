/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Links and monitors: how the end of one process reaches others. The abnormal
 * end of a linked process ends its partner at the partner's next turn, so a
 * chain of any length never recurses. A monitor is an op that completes when
 * the other process has ended.
 */
#include "proc/kernel_impl.h"

static void monitor_cancel(struct proc_kernel *kernel, struct proc_req *req)
{
    (void)kernel;
    vk_list_remove(&req->wait);
}

static const struct proc_kind kind_monitor = {.name = "monitor", .cancel = monitor_cancel};

int proc_op_monitor(struct proc_kernel *kernel, struct proc_process *process, struct proc_process *other,
                    const struct proc_op *op)
{
    struct proc_req *req = proc_req_begin(kernel, process, &kind_monitor, NULL, op);
    if (!req)
        return -VK_EOVERFLOW;
    vk_list_push(&other->monitors, &req->wait);
    return PROC_PENDING;
}

static void join(struct proc_link_pair *pair, unsigned i, struct proc_process *p)
{
    pair->ends[i].process = p;
    pair->ends[i].pair = pair;
    vk_list_push(&p->links, &pair->ends[i].node);
}

int proc_link(struct proc_kernel *kernel, struct proc_process *a, struct proc_process *b)
{
    if (a == b)
        return -VK_EINVAL;
    struct proc_link_pair *pair = vk_table_take(&kernel->links);
    if (!pair)
        return -VK_ENOSPC;
    join(pair, 0, a);
    join(pair, 1, b);
    return 0;
}

/* Break the link that `end` is one half of; returns the process at the other half. */
static struct proc_process *part(struct proc_kernel *k, struct proc_link_end *end)
{
    struct proc_link_pair *pair = end->pair;
    struct proc_link_end *other = end == &pair->ends[0] ? &pair->ends[1] : &pair->ends[0];
    struct proc_process *partner = other->process;
    vk_list_remove(&end->node);
    vk_list_remove(&other->node);
    vk_table_give(&k->links, pair);
    return partner;
}

/* Why it ended, for who asked for it in words; without a buffer the reason must do. */
static void stage_words(struct proc_kernel *k, const struct proc_process *p, struct proc_req *req)
{
    struct vk_span words = proc_end_words(k, p);
    if (!(req->op.flags & PROC_OP_LAND) || words.len == 0 ||
        !vk_bufs_get(&k->bufs, (uint32_t)words.len, &req->data))
        return;
    memcpy(req->data.ptr, words.ptr, words.len);
    req->data_len = (uint32_t)words.len;
}

void proc_links_end(struct proc_kernel *kernel, struct proc_process *process)
{
    bool abnormal = process->reason != PROC_REASON_NORMAL;
    for (struct vk_node *node; (node = vk_list_first(&process->links));) {
        struct proc_process *partner = part(kernel, VK_CONTAINER(node, struct proc_link_end, node));
        if (abnormal)
            proc_process_doom(kernel, partner, PROC_REASON_LINK);
    }
    for (struct vk_node *node; (node = vk_list_pop(&process->monitors));) {
        struct proc_req *req = VK_CONTAINER(node, struct proc_req, wait);
        req->done.arg = process->crash_id;
        if (abnormal)
            stage_words(kernel, process, req);
        proc_req_finish(kernel, req, process->reason);
    }
}
