/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mailboxes and calls. Only one heap is ever open, so a message lies in a
 * kernel buffer between its sender and its receiver. A mailbox is bounded: a
 * sender that finds it full waits with its bytes still in its own heap. Room
 * that comes is kept for the first who waits until it has had its turn, so
 * nobody overtakes; while senders wait there is no room that is not kept.
 * Messages and the ends of served objects are received in order of arrival.
 * Every caller that waits for an answer is on a list of the process that owes
 * it, whose death answers.
 */
#include "proc/kernel_impl.h"

/* ---- posting ------------------------------------------------------------------ */

static bool is_full(const struct proc_process *p)
{
    return p->messages_count + p->promised_count >= PROC_MAILBOX_MAX;
}

/* The bytes and the handle of a letter; on failure nothing is taken. */
static int fill(struct proc_kernel *k, struct proc_message *m, const struct proc_letter *letter)
{
    m->len = letter->head_len + letter->bytes_len;
    m->passed = (struct proc_object){0};
    m->data = (struct vk_buf){.ptr = m->here};
    if (VK_UNLIKELY(m->len > sizeof m->here) && !vk_bufs_get(&k->bufs, m->len, &m->data))
        return -VK_ENOMEM;
    int rc = proc_handle_detach(k, letter->from, letter->handle, letter->moves, &m->passed);
    if (rc) {
        vk_bufs_put(&k->bufs, &m->data);
        return rc;
    }
    vk_copy(m->data.ptr, letter->head, letter->head_len);
    vk_copy_record(m->data.ptr + letter->head_len, letter->bytes, letter->bytes_len);
    return 0;
}

int proc_mail_post(struct proc_kernel *kernel, struct proc_process *to, const struct proc_letter *letter)
{
    if ((uint64_t)letter->head_len + letter->bytes_len > PROC_MESSAGE_MAX_BYTES)
        return -VK_ETOOBIG;
    if (is_full(to) && !letter->is_notice)
        return -VK_EAGAIN;
    struct proc_message *m = vk_table_take(&kernel->messages);
    if (!m)
        return -VK_ENOMEM;
    int rc = fill(kernel, m, letter);
    if (rc) {
        vk_table_give(&kernel->messages, m);
        return rc;
    }
    m->user = letter->user;
    m->req = letter->req ? letter->req->entry.handle : 0;
    m->flags = letter->flags | (letter->req ? PROC_DONE_REQUEST : 0);
    if (letter->req) {
        letter->req->server = to->name;
        letter->req->is_owed = true;
        vk_list_push(&to->calls, &letter->req->wait);
    }
    to->messages_count += !letter->is_notice;
    proc_mail_put(kernel, to, &m->mail, letter->is_notice ? PROC_MAIL_NOTICE : PROC_MAIL_MESSAGE);
    return 0;
}

void proc_mail_put(struct proc_kernel *kernel, struct proc_process *process, struct proc_mail *mail,
                   enum proc_mail_sort sort)
{
    mail->sort = (uint8_t)sort;
    vk_fifo_push(&process->mail, &mail->link);
    struct proc_req *receiver = process->receiver;
    if (VK_UNLIKELY(process->fresh))
        proc_wake_fresh(kernel, process);
    if (!receiver)
        return;
    process->receiver = NULL;
    receiver->deliver = true;
    proc_req_finish(kernel, receiver, 0);
}

/* ---- waiting for room ------------------------------------------------------------ */

void proc_mail_queue(struct proc_process *to, struct proc_req *req)
{
    req->server = to->name;
    vk_list_push(&to->senders, &req->wait);
}

void proc_mail_room(struct proc_kernel *kernel, struct proc_process *process)
{
    if (is_full(process))
        return;
    struct vk_node *node = vk_list_pop(&process->senders);
    if (!node)
        return;
    struct proc_req *req = VK_CONTAINER(node, struct proc_req, wait);
    process->promised_count++;
    req->deliver = true;
    proc_req_finish(kernel, req, 0);
}

struct proc_process *proc_mail_claim(struct proc_kernel *kernel, const struct proc_req *req)
{
    struct proc_process *to = proc_process_named(kernel, req->server);
    if (!to)
        return NULL;
    vk_assert(to->promised_count > 0);
    to->promised_count--;
    return to;
}

/* It waits on a list, for room or for the answer, or room is kept for it, which the next one gets. */
void proc_mail_cancel(struct proc_kernel *kernel, struct proc_req *req)
{
    if (vk_node_is_linked(&req->wait)) {
        vk_list_remove(&req->wait);
        return;
    }
    struct proc_process *to = proc_mail_claim(kernel, req);
    if (to)
        proc_mail_room(kernel, to);
}

/* ---- SEND and CALL ---------------------------------------------------------------- */

static int post_op(struct proc_kernel *k, struct proc_process *from, struct proc_process *to,
                   struct proc_req *req, const struct proc_op *op, const uint8_t *bytes)
{
    struct proc_letter letter = {.from = from, .bytes = bytes, .bytes_len = op->len};
    if (op->code == PROC_OP_CALL) {
        letter.req = req;
    } else {
        letter.user = (uint32_t)(op->arg >> 32);
        letter.handle = (uint32_t)op->arg;
        letter.moves = op->flags & PROC_SEND_MOVE;
        if (letter.moves && letter.handle == op->handle && letter.handle > VK_HANDLE_INDEX_MASK)
            return -VK_EINVAL; /* away over itself */
    }
    return proc_mail_post(k, to, &letter);
}

/* Whom a process waits for that asked somebody; NULL: nobody who lives. */
static VK_SELDOM struct proc_process *asked_by(struct proc_kernel *k, const struct proc_process *p)
{
    for (struct vk_node *node = vk_list_first(&p->reqs); node; node = vk_list_next(&p->reqs, node)) {
        const struct proc_req *req = VK_CONTAINER(node, struct proc_req, node);
        if (req->op.code == PROC_OP_CALL && req->server)
            return proc_process_named(k, req->server);
    }
    return NULL;
}

/* Whether who was asked waits for the asking process: each of them by its oldest call. */
static VK_SELDOM bool is_in_circle(struct proc_kernel *k, const struct proc_req *req)
{
    const struct proc_process *at = proc_process_named(k, req->server);
    for (uint32_t i = 0; at && i < PROC_CIRCLE_MAX; i++) {
        if (at == req->process)
            return true;
        at = asked_by(k, at);
    }
    return false;
}

/* A call's time is over. One whose place in the mailbox is about to be used finds that out there. */
static VK_SELDOM void call_fire(struct proc_kernel *kernel, struct proc_timer *timer)
{
    struct proc_req *req = VK_CONTAINER(timer, struct proc_req, timer);
    req->is_late = true;
    if (req->finished)
        return;
    req->done.arg = is_in_circle(kernel, req);
    req->kind->cancel(kernel, req);
    proc_req_finish(kernel, req, -VK_ETIMEDOUT);
}

static void limit_call(struct proc_kernel *k, struct proc_req *req)
{
    uint64_t deadline_ns = k->now_ns + req->op.arg;
    req->has_timer = true;
    req->timer.fire = call_fire;
    proc_timer_set(k, &req->timer, deadline_ns < k->now_ns ? UINT64_MAX - 1 : deadline_ns);
}

int proc_mail_op(struct proc_kernel *kernel, struct proc_process *from, struct proc_process *to, void *object,
                 const struct proc_op *op, const uint8_t *bytes)
{
    bool may_wait = from != to || !(op->flags & PROC_SEND_NO_WAIT_SELF);
    bool waits = op->code == PROC_OP_CALL || (is_full(to) && may_wait);
    struct proc_req *req = waits ? proc_req_begin(kernel, from, &proc_kind_process, object, op) : NULL;
    if (waits && !req)
        return -VK_EOVERFLOW;
    int rc = post_op(kernel, from, to, req, op, bytes);
    if (!waits)
        return rc;
    bool is_full_up = rc == -VK_EAGAIN;
    if (is_full_up)
        rc = proc_req_keep(kernel, req, bytes);
    if (rc) {
        proc_req_finish(kernel, req, rc);
        return PROC_PENDING;
    }
    if (is_full_up)
        proc_mail_queue(to, req);
    if (op->code == PROC_OP_CALL && (op->flags & PROC_OP_LAND) && op->arg)
        limit_call(kernel, req);
    return PROC_PENDING;
}

static VK_SELDOM int retry(struct proc_kernel *kernel, struct proc_req *req, const uint8_t *bytes)
{
    struct proc_process *to = proc_mail_claim(kernel, req);
    if (!to) {
        req->done.arg = PROC_DIED_BEFORE;
        return -VK_EDIED;
    }
    if (req->is_late) {
        proc_mail_room(kernel, to);
        return -VK_ETIMEDOUT;
    }
    int rc = post_op(kernel, req->process, to, req, &req->op, bytes);
    proc_mail_room(kernel, to); /* left if the post failed */
    return rc == 0 && req->op.code == PROC_OP_CALL ? PROC_PENDING : rc;
}

/* ---- receiving -------------------------------------------------------------------- */

static void message_free(struct proc_kernel *k, struct proc_message *m)
{
    vk_bufs_put(&k->bufs, &m->data);
    proc_object_release(k, &m->passed);
    vk_table_give(&k->messages, m);
}

static void message_taken(struct proc_kernel *k, struct proc_process *p, struct proc_message *m)
{
    (void)vk_fifo_pop(&p->mail);
    p->messages_count -= m->mail.sort == PROC_MAIL_MESSAGE;
    message_free(k, m);
    proc_mail_room(k, p);
}

void proc_mail_begin(struct proc_kernel *kernel, struct proc_process *process, struct proc_self *self)
{
    struct vk_link *link = vk_fifo_first(&process->mail);
    if (!link || VK_CONTAINER(link, struct proc_mail, link)->sort == PROC_MAIL_CLOSE)
        return;
    struct proc_message *m = VK_CONTAINER(link, struct proc_message, mail.link);
    if (m->len == 0 || m->len > PROC_MAIL_HERE_BYTES || m->passed.kind)
        return;
    uint32_t off = vk_heap_alloc(&self->heap, m->len, 8);
    uint8_t *dst = off ? proc_reach(kernel, process, off, m->len) : NULL;
    if (!dst)
        return;
    vk_copy_record(dst, m->data.ptr, m->len);
    self->mail_off = off;
    self->mail_len = m->len;
    self->mail_arg = (uint64_t)m->user << 32 | m->req;
    message_taken(kernel, process, m);
}

/* A RECV under way. */
struct receipt {
    struct proc_process *process;
    const struct proc_op *op;
    uint8_t *bytes;       /* room; NULL: they have to land ... */
    struct proc_req *req; /* ... and then this is the op's */
    struct proc_done *done;
};

/* Room for so many bytes: 0, or what the RECV ends or goes on with. */
static int recv_room(struct proc_kernel *k, const struct receipt *r, uint32_t len, uint8_t **ret_bytes)
{
    int rc = 0;
    r->done->len = len;
    *ret_bytes = r->bytes;
    if (len > r->op->len)
        return -VK_ETOOBIG;
    if (r->req && len)
        *ret_bytes = proc_land(k, r->req, len, &rc);
    return *ret_bytes || len == 0 ? 0 : rc;
}

/* A served object that nobody names any more: told as a CLOSE that wants no answer. */
static VK_SELDOM int recv_close(struct proc_kernel *k, const struct receipt *r)
{
    struct proc_request request = {.code = PROC_OP_CLOSE};
    struct proc_process *p = r->process;
    struct proc_done *done = r->done;
    uint8_t *bytes;
    int rc = recv_room(k, r, sizeof request, &bytes);
    if (rc)
        return rc;
    struct proc_served *served = VK_CONTAINER(vk_fifo_pop(&p->mail), struct proc_served, mail.link);
    request.badge = served->badge;
    proc_served_free(k, served);
    memcpy(bytes, &request, sizeof request);
    done->flags = PROC_DONE_OP;
    return 0;
}

static int recv_message(struct proc_kernel *k, const struct receipt *r)
{
    struct proc_process *p = r->process;
    struct proc_done *done = r->done;
    struct proc_message *m = VK_CONTAINER(vk_fifo_first(&p->mail), struct proc_message, mail.link);
    uint8_t *bytes;
    int rc = recv_room(k, r, m->len, &bytes);
    if (rc)
        return rc;
    if (m->len)
        memcpy(bytes, m->data.ptr, m->len);
    done->arg = (uint64_t)m->user << 32 | m->req;
    done->flags = m->flags;
    if (m->passed.kind)
        proc_done_attach(k, p, &m->passed, done);
    message_taken(k, p, m);
    return 0;
}

/* What came first into the heap; -VK_EAGAIN when there is nothing. */
static int recv_now(struct proc_kernel *k, const struct receipt *r)
{
    const struct vk_link *link = vk_fifo_first(&r->process->mail);
    if (!link)
        return -VK_EAGAIN;
    return VK_CONTAINER(link, struct proc_mail, link)->sort == PROC_MAIL_CLOSE ? recv_close(k, r)
                                                                               : recv_message(k, r);
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
    const struct receipt receipt = {p, &req->op, bytes, bytes ? NULL : req, &req->done};
    int rc = recv_now(kernel, &receipt);
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
    const struct receipt receipt = {process, op, bytes, NULL, done};
    int rc = bytes ? recv_now(kernel, &receipt) : -VK_EAGAIN;
    if (rc != -VK_EAGAIN)
        return rc;
    struct proc_req *req = proc_req_begin(kernel, process, &kind_recv, NULL, op);
    if (!req)
        return -VK_EOVERFLOW;
    if (vk_fifo_is_empty(&process->mail)) {
        process->receiver = req;
    } else { /* what is there lands before the next run */
        req->deliver = true;
        proc_req_finish(kernel, req, 0);
    }
    return PROC_PENDING;
}

/* ---- answering ------------------------------------------------------------------------ */

/* No memory for an answer. Who gives it silently does not try again, so the one who waits is told instead. */
static VK_SELDOM int lose_answer(struct proc_kernel *k, struct proc_req *req, const struct proc_op *op)
{
    if (op->flags & PROC_OP_SILENT) {
        vk_list_remove(&req->wait);
        proc_req_finish(k, req, -VK_ENOMEM);
    }
    return -VK_ENOMEM;
}

int proc_op_reply(struct proc_kernel *kernel, struct proc_process *process, const struct proc_op *op,
                  const uint8_t *bytes)
{
    struct proc_req *req = vk_table_get(&kernel->reqs, (uint32_t)op->arg);
    if (!req || req->finished || !req->is_owed || req->server != process->name)
        return -VK_ENOENT;
    if (op->len > PROC_MESSAGE_MAX_BYTES)
        return -VK_ETOOBIG;
    bool moves = op->flags & PROC_SEND_MOVE;
    if (moves && req->process == process && req->op.handle == op->handle)
        return -VK_EINVAL; /* giving up what was asked would end the request first */
    bool is_out = (req->op.code & PROC_OP_OUT) && req->op.code != PROC_OP_CALL;
    struct vk_buf data = {.ptr = req->here};
    if (!is_out && op->len > sizeof req->here && !vk_bufs_get(&kernel->bufs, op->len, &data))
        return lose_answer(kernel, req, op);
    int rc = proc_handle_detach(kernel, process, op->handle, moves, &req->passed);
    if (rc) {
        vk_bufs_put(&kernel->bufs, &data);
        return rc;
    }
    if (is_out)
        req->done.len = op->len < req->op.len ? op->len : req->op.len;
    else
        vk_copy_short(data.ptr, bytes, op->len);
    req->data = data;
    req->data_len = is_out ? 0 : op->len;
    vk_list_remove(&req->wait);
    proc_req_finish(kernel, req, (int32_t)(uint32_t)(op->arg >> 32));
    return 0;
}

/* Who waits for the answer to a message that nobody has received is told so. */
static void mark_unread(struct proc_kernel *k, const struct proc_message *m)
{
    struct proc_req *req = vk_table_get(&k->reqs, m->req);
    if (req && !req->finished && req->op.code == PROC_OP_CALL)
        req->done.arg = PROC_DIED_BEFORE;
}

static void fail_all(struct proc_kernel *k, struct vk_list *list, uint64_t arg)
{
    for (struct vk_node *node; (node = vk_list_pop(list));) {
        struct proc_req *req = VK_CONTAINER(node, struct proc_req, wait);
        req->done.arg = arg ? arg : req->done.arg;
        proc_req_finish(k, req, -VK_EDIED);
    }
}

VK_SELDOM void proc_mailbox_end(struct proc_kernel *kernel, struct proc_process *process)
{
    for (struct vk_link *link; (link = vk_fifo_pop(&process->mail));) {
        struct proc_mail *mail = VK_CONTAINER(link, struct proc_mail, link);
        struct proc_message *m = VK_CONTAINER(mail, struct proc_message, mail);
        if (mail->sort == PROC_MAIL_CLOSE) {
            proc_served_free(kernel, VK_CONTAINER(mail, struct proc_served, mail));
            continue;
        }
        mark_unread(kernel, m);
        message_free(kernel, m);
    }
    process->messages_count = 0;
    process->promised_count = 0;
    fail_all(kernel, &process->senders, PROC_DIED_BEFORE);
    fail_all(kernel, &process->calls, 0);
}

/* ---- handles that name a process or a program --------------------------------------------- */

static int process_op(struct proc_kernel *kernel, struct proc_process *process, void *object,
                      const struct proc_op *op, uint8_t *bytes, struct proc_done *done)
{
    (void)done;
    struct proc_process *other = proc_process_named(kernel, (uintptr_t)object);
    if (!other)
        return -VK_EDIED;
    switch (op->code) {
    case PROC_OP_SEND:
    case PROC_OP_CALL:
        return proc_mail_op(kernel, process, other, object, op, bytes);
    case PROC_OP_MONITOR:
        return proc_op_monitor(kernel, process, other, op);
    case PROC_OP_LINK:
        return proc_link(kernel, process, other);
    case PROC_OP_KILL:
        proc_process_doom(kernel, other, PROC_REASON_KILLED);
        return 0;
    default:
        return -VK_ENOTSUP;
    }
}

int proc_send(struct proc_kernel *kernel, uint64_t name, const void *bytes, uint32_t len_bytes)
{
    struct proc_process *to = proc_process_named(kernel, name);
    const struct proc_letter letter = {.bytes = bytes, .bytes_len = len_bytes};
    return to ? proc_mail_post(kernel, to, &letter) : -VK_EDIED;
}

int proc_named_op(struct proc_kernel *kernel, struct proc_process *process, uint64_t name,
                  const struct proc_op *op, uint8_t *bytes, struct proc_done *done)
{
    return process_op(kernel, process, (void *)(uintptr_t)name, op, bytes, done);
}

static int process_deliver(struct proc_kernel *kernel, struct proc_req *req, uint8_t *bytes)
{
    return retry(kernel, req, bytes);
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
    rc = proc_handle_new(kernel, process, proc_process_object(child), &done->handle);
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

struct proc_object proc_program_object(const struct proc_program *program)
{
    return (struct proc_object){&proc_kind_program, (void *)(uintptr_t)program};
}
