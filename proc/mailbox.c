/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mailboxes and calls. Only one heap is ever open, so a message lies in a
 * kernel buffer between its sender and its receiver. A mailbox is bounded: a
 * sender that finds it full waits with its bytes still in its own heap, and
 * posts them at its next turn after room has come. Every caller that waits
 * for an answer is on a list of the process that owes it, whose death answers.
 */
#include "proc/kernel_impl.h"

/* ---- posting ------------------------------------------------------------------ */

int proc_mail_post(struct proc_kernel *kernel, struct proc_process *to, const struct proc_letter *letter)
{
    uint64_t len = (uint64_t)letter->head_len + letter->bytes_len;
    if (len > PROC_MESSAGE_MAX_BYTES)
        return -VK_ETOOBIG;
    if (to->messages_count >= PROC_MAILBOX_MAX && !letter->is_notice)
        return -VK_EAGAIN;
    struct vk_buf data = {0};
    if (len && !vk_bufs_get(&kernel->bufs, (uint32_t)len, &data))
        return -VK_ENOMEM;
    struct proc_message *m = vk_table_take(&kernel->messages);
    if (!m) {
        vk_bufs_put(&kernel->bufs, &data);
        return -VK_ENOMEM;
    }
    if (letter->head_len)
        memcpy(data.ptr, letter->head, letter->head_len);
    if (letter->bytes_len)
        memcpy(data.ptr + letter->head_len, letter->bytes, letter->bytes_len);
    m->data = data;
    m->len = (uint32_t)len;
    m->user = letter->user;
    m->req = letter->req ? letter->req->entry.handle : 0;
    m->flags = letter->flags | (letter->req ? PROC_DONE_REQUEST : 0);
    m->passed = letter->passed ? *letter->passed : (struct proc_object){0};
    if (letter->req) {
        letter->req->server = proc_pid(to);
        vk_list_push(&to->calls, &letter->req->wait);
    }
    vk_fifo_push(&to->messages, &m->link);
    to->messages_count++;
    proc_mail_wake(kernel, to);
    return 0;
}

void proc_mail_wake(struct proc_kernel *kernel, struct proc_process *process)
{
    struct proc_req *receiver = process->receiver;
    if (!receiver)
        return;
    process->receiver = NULL;
    receiver->deliver = true;
    proc_req_finish(kernel, receiver, 0);
}

/* The op as a letter. The object that goes along is taken from its handle only when the letter is posted. */
static int post_op(struct proc_kernel *k, struct proc_process *from, struct proc_process *to,
                   struct proc_req *req, const struct proc_op *op, const uint8_t *bytes)
{
    bool is_call = op->code == PROC_OP_CALL;
    struct proc_letter letter = {.bytes = bytes, .bytes_len = op->len, .req = is_call ? req : NULL};
    struct proc_object passed = {0};
    if (!is_call) {
        letter.user = (uint32_t)(op->arg >> 32);
        bool is_own = op->handle > VK_HANDLE_INDEX_MASK && (uint32_t)op->arg == op->handle;
        if (is_own && (op->flags & PROC_SEND_MOVE))
            return -VK_EINVAL; /* away over itself */
        if (to->messages_count >= PROC_MAILBOX_MAX)
            return -VK_EAGAIN;
        int rc = proc_handle_detach(k, from, (uint32_t)op->arg, op->flags & PROC_SEND_MOVE, &passed);
        if (rc)
            return rc;
        letter.passed = &passed;
    }
    int rc = proc_mail_post(k, to, &letter);
    if (rc && passed.kind)
        proc_object_release(k, &passed);
    return rc;
}

int proc_mail_op(struct proc_kernel *kernel, struct proc_process *from, uint32_t to,
                 const struct proc_kind *kind, void *object, const struct proc_op *op, const uint8_t *bytes)
{
    struct proc_process *target = proc_process_find(kernel, to);
    if (!target)
        return -VK_EDIED;
    bool is_call = op->code == PROC_OP_CALL;
    struct proc_req *req = is_call ? proc_req_begin(kernel, from, kind, object, op) : NULL;
    if (is_call && !req)
        return -VK_EOVERFLOW;
    int rc = post_op(kernel, from, target, req, op, bytes);
    if (rc == 0)
        return is_call ? PROC_PENDING : 0;
    if (rc == -VK_EAGAIN) {
        if (!req)
            req = proc_req_begin(kernel, from, kind, object, op);
        if (!req)
            return -VK_EOVERFLOW;
        req->server = to;
        vk_list_push(&target->senders, &req->wait);
        return PROC_PENDING;
    }
    if (!req)
        return rc;
    proc_req_finish(kernel, req, rc);
    return PROC_PENDING;
}

int proc_mail_retry(struct proc_kernel *kernel, struct proc_req *req, uint32_t to, const uint8_t *bytes)
{
    struct proc_process *target = proc_process_find(kernel, to);
    if (!target)
        return -VK_EDIED;
    if (!bytes && req->op.len)
        return -VK_EFAULT;
    int rc = post_op(kernel, req->process, target, req, &req->op, bytes);
    if (rc == -VK_EAGAIN) {
        vk_list_push_front(&target->senders, &req->wait);
        return PROC_PENDING;
    }
    return rc == 0 && req->op.code == PROC_OP_CALL ? PROC_PENDING : rc;
}

/* Wherever it waits, for room or for the answer, it is one list. */
void proc_mail_cancel(struct proc_kernel *kernel, struct proc_req *req)
{
    (void)kernel;
    if (vk_node_is_linked(&req->wait))
        vk_list_remove(&req->wait);
}

/* ---- receiving -------------------------------------------------------------------- */

static void message_free(struct proc_kernel *k, struct proc_message *m)
{
    vk_bufs_put(&k->bufs, &m->data);
    proc_object_release(k, &m->passed);
    vk_table_give(&k->messages, m);
}

/* One waiting sender may try again; it keeps its place if it fails. */
static void room_came(struct proc_kernel *k, struct proc_process *p)
{
    struct vk_node *node = vk_list_pop(&p->senders);
    if (!node)
        return;
    struct proc_req *req = VK_CONTAINER(node, struct proc_req, wait);
    req->deliver = true;
    proc_req_finish(k, req, 0);
}

/* A served object that nobody names any more: told as a CLOSE that wants no answer. */
static int recv_closed(struct proc_kernel *k, struct proc_process *p, uint32_t room, uint8_t *bytes,
                       struct proc_done *done)
{
    struct proc_request request = {.code = PROC_OP_CLOSE};
    done->len = sizeof request;
    if (room < sizeof request)
        return -VK_ETOOBIG;
    struct proc_served *served = VK_CONTAINER(vk_list_pop(&p->closed), struct proc_served, node);
    request.badge = served->badge;
    proc_served_free(k, served);
    memcpy(bytes, &request, sizeof request);
    done->len = sizeof request;
    done->flags = PROC_DONE_OP;
    return 0;
}

/* The first message into the heap; -VK_EAGAIN when there is none. */
static int recv_now(struct proc_kernel *k, struct proc_process *p, const struct proc_op *op, uint8_t *bytes,
                    struct proc_done *done)
{
    struct vk_link *link = vk_fifo_first(&p->messages);
    if (!link) {
        /* One that was woken may have died before its turn, and the next have waited for it: all may try. */
        while (!vk_list_is_empty(&p->senders))
            room_came(k, p);
        return vk_list_is_empty(&p->closed) ? -VK_EAGAIN : recv_closed(k, p, op->len, bytes, done);
    }
    struct proc_message *m = VK_CONTAINER(link, struct proc_message, link);
    done->len = m->len;
    if (m->len > op->len)
        return -VK_ETOOBIG;
    if (m->len)
        memcpy(bytes, m->data.ptr, m->len);
    done->arg = (uint64_t)m->user << 32 | m->req;
    done->flags = m->flags;
    if (m->passed.kind)
        proc_done_attach(k, p, &m->passed, done);
    (void)vk_fifo_pop(&p->messages);
    p->messages_count--;
    message_free(k, m);
    room_came(k, p);
    return 0;
}

static void recv_cancel(struct proc_kernel *kernel, struct proc_req *req)
{
    (void)kernel;
    if (req->process->receiver == req)
        req->process->receiver = NULL;
}

static int recv_deliver(struct proc_kernel *kernel, struct proc_req *req, uint8_t *bytes)
{
    struct proc_process *p = req->process;
    if (!bytes)
        return -VK_EFAULT;
    int rc = recv_now(kernel, p, &req->op, bytes, &req->done);
    if (rc != -VK_EAGAIN)
        return rc;
    if (p->receiver)
        return -VK_EOVERFLOW;
    p->receiver = req;
    return PROC_PENDING;
}

static const struct proc_kind kind_recv = {.name = "receive", .cancel = recv_cancel, .deliver = recv_deliver};

int proc_op_recv(struct proc_kernel *kernel, struct proc_process *process, const struct proc_op *op,
                 uint8_t *bytes, struct proc_done *done)
{
    if (process->receiver)
        return -VK_EOVERFLOW;
    int rc = recv_now(kernel, process, op, bytes, done);
    if (rc != -VK_EAGAIN)
        return rc;
    process->receiver = proc_req_begin(kernel, process, &kind_recv, NULL, op);
    return process->receiver ? PROC_PENDING : -VK_EOVERFLOW;
}

/* ---- answering ------------------------------------------------------------------------ */

int proc_op_reply(struct proc_kernel *kernel, struct proc_process *process, const struct proc_op *op,
                  const uint8_t *bytes)
{
    struct proc_req *req = vk_table_get(&kernel->reqs, (uint32_t)op->arg);
    if (!req || req->finished || req->server != proc_pid(process) || !vk_node_is_linked(&req->wait))
        return -VK_ENOENT;
    if (op->len > PROC_MESSAGE_MAX_BYTES)
        return -VK_ETOOBIG;
    struct proc_object passed;
    int rc = proc_handle_detach(kernel, process, op->handle, op->flags & PROC_SEND_MOVE, &passed);
    if (rc)
        return rc;
    bool is_out = (req->op.code & PROC_OP_OUT) && req->op.code != PROC_OP_CALL;
    if (is_out) {
        req->done.len = op->len < req->op.len ? op->len : req->op.len;
    } else if (!proc_req_stage(kernel, req, bytes, op->len)) {
        proc_object_release(kernel, &passed);
        return -VK_ENOMEM;
    }
    vk_list_remove(&req->wait);
    req->passed = passed;
    int32_t res = (int32_t)(uint32_t)(op->arg >> 32);
    proc_req_finish(kernel, req, res == PROC_PENDING ? -VK_EINVAL : res);
    return 0;
}

static void fail_all(struct proc_kernel *k, struct vk_list *list)
{
    for (struct vk_node *node; (node = vk_list_pop(list));)
        proc_req_finish(k, VK_CONTAINER(node, struct proc_req, wait), -VK_EDIED);
}

void proc_mailbox_end(struct proc_kernel *kernel, struct proc_process *process)
{
    for (struct vk_link *link; (link = vk_fifo_pop(&process->messages));)
        message_free(kernel, VK_CONTAINER(link, struct proc_message, link));
    process->messages_count = 0;
    fail_all(kernel, &process->senders);
    fail_all(kernel, &process->calls);
    for (struct vk_node *node; (node = vk_list_pop(&process->closed));)
        proc_served_free(kernel, VK_CONTAINER(node, struct proc_served, node));
}

/* ---- handles that name a process or a program --------------------------------------------- */

static uint32_t object_pid(const void *object)
{
    return (uint32_t)(uintptr_t)object;
}

static int process_op(struct proc_kernel *kernel, struct proc_process *process, void *object,
                      const struct proc_op *op, uint8_t *bytes, struct proc_done *done)
{
    (void)done;
    struct proc_process *other = proc_process_find(kernel, object_pid(object));
    switch (op->code) {
    case PROC_OP_SEND:
    case PROC_OP_CALL:
        return proc_mail_op(kernel, process, object_pid(object), &proc_kind_process, object, op, bytes);
    case PROC_OP_MONITOR:
        return other ? proc_op_monitor(kernel, process, other, op) : -VK_EDIED;
    case PROC_OP_LINK:
        return other ? proc_link(kernel, process, other) : -VK_EDIED;
    case PROC_OP_KILL:
        if (!other)
            return -VK_EDIED;
        proc_process_doom(kernel, other, PROC_REASON_KILLED);
        return 0;
    default:
        return -VK_ENOTSUP;
    }
}

static int process_deliver(struct proc_kernel *kernel, struct proc_req *req, uint8_t *bytes)
{
    return proc_mail_retry(kernel, req, object_pid(req->object), bytes);
}

const struct proc_kind proc_kind_process = {
    .name = "process",
    .shareable = true,
    .op = process_op,
    .cancel = proc_mail_cancel,
    .deliver = process_deliver,
};

static int program_op(struct proc_kernel *kernel, struct proc_process *process, void *object,
                      const struct proc_op *op, uint8_t *bytes, struct proc_done *done)
{
    if (op->code != PROC_OP_SPAWN)
        return -VK_ENOTSUP;
    const struct proc_spawn spawn = {
        .program = object, .arg = bytes, .arg_len = op->len, .copy_arg = true, .env = process->env};
    struct proc_process *child;
    int rc = proc_spawn(kernel, &spawn, &child);
    if (rc)
        return rc;
    struct proc_object name = {&proc_kind_process, (void *)(uintptr_t)proc_pid(child)};
    rc = proc_handle_new(kernel, process, name, &done->handle);
    if (!rc && (op->flags & PROC_SPAWN_LINK))
        rc = proc_link(kernel, process, child);
    if (rc) {
        if (done->handle)
            (void)proc_handle_close(kernel, process, done->handle); /* made just now */
        done->handle = 0;
        proc_end(kernel, child, PROC_REASON_SHUTDOWN);
        return rc;
    }
    done->arg = proc_pid(child);
    proc_run_soon(kernel, child);
    return 0;
}

const struct proc_kind proc_kind_program = {.name = "program", .shareable = true, .op = program_op};
