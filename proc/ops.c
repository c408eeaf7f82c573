/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking ops out of a heap, finding who carries them out, and bringing
 * completions back in. An op is copied before it is looked at; its range is
 * checked against the quota and opened before anyone touches it.
 */
#include "proc/kernel_impl.h"
#include "vk/fmt.h"

/* ---- ops in flight ---------------------------------------------------------- */

/* Whether one more may be in flight: the end of the table is kept for processes that have few there. */
static bool may_begin(const struct proc_kernel *k, const struct proc_process *p)
{
    if (VK_LIKELY(p->reqs_count < PROC_OPS_SHARE))
        return true;
    return p->reqs_count < PROC_OPS_MAX && k->reqs.count < k->reqs_crowded;
}

struct proc_req *proc_req_begin(struct proc_kernel *kernel, struct proc_process *process,
                                const struct proc_kind *kind, void *object, const struct proc_op *op)
{
    if (VK_UNLIKELY(!may_begin(kernel, process)))
        return NULL;
    struct proc_req *req = vk_table_take(&kernel->reqs);
    if (VK_UNLIKELY(!req))
        return NULL;
    req->op = *op;
    req->done = (struct proc_done){.tag = op->tag};
    req->process = process;
    req->kind = kind;
    req->object = object;
    req->deliver = false;
    req->finished = false;
    req->data_len = 0;
    req->server = 0;
    req->is_owed = false;
    req->has_timer = false;
    req->is_late = false;
    req->passed = (struct proc_object){0};
    process->reqs_count++;
    vk_list_push(&process->reqs, &req->node);
    if (VK_UNLIKELY(kind->share != NULL))
        kind->share(kernel, object); /* it lives as long as somebody waits for it */
    return req;
}

void proc_req_finish(struct proc_kernel *kernel, struct proc_req *req, int res)
{
    struct proc_process *p = req->process;
    vk_assert(!req->finished);
    req->finished = true;
    req->done.res = res;
    vk_list_remove(&req->node);
    vk_fifo_push(&p->ready, &req->ready);
    if (p->state == PROC_STATE_WAITING) {
        p->state = PROC_STATE_READY;
        proc_queue(kernel, p);
    }
}

static void req_free(struct proc_kernel *k, struct proc_req *req)
{
    req->process->reqs_count--;
    if (req->has_timer)
        proc_timer_clear(k, &req->timer);
    if (VK_UNLIKELY(req->data.cap_bytes))
        vk_bufs_put(&k->bufs, &req->data);
    if (VK_UNLIKELY(req->passed.kind != NULL))
        proc_object_release(k, &req->passed);
    if (VK_UNLIKELY(req->kind->share != NULL))
        req->kind->release(k, req->object, NULL);
    vk_table_give(&k->reqs, req);
}

void proc_req_drop(struct proc_kernel *kernel, struct proc_req *req)
{
    if (req->finished) {
        (void)vk_fifo_remove(&req->process->ready, &req->ready);
        if (req->deliver)
            req->kind->cancel(kernel, req);
    } else {
        req->kind->cancel(kernel, req);
        vk_list_remove(&req->node);
    }
    req_free(kernel, req);
}

VK_SELDOM void proc_reqs_close(struct proc_kernel *kernel, struct proc_process *process, uint32_t handle)
{
    for (struct vk_link *link = vk_fifo_first(&process->ready); link; link = link->next) {
        struct proc_req *req = VK_CONTAINER(link, struct proc_req, ready);
        if (req->op.handle != handle || !req->deliver)
            continue;
        req->kind->cancel(kernel, req);
        req->deliver = false;
        req->done.res = -VK_ECANCELED;
    }
    /* Canceling one may finish others, which then leave this list too: a process may serve itself. */
    struct vk_list asked;
    vk_list_init(&asked);
    for (struct vk_node *node = vk_list_first(&process->reqs), *next; node; node = next) {
        next = vk_list_next(&process->reqs, node);
        if (VK_CONTAINER(node, struct proc_req, node)->op.handle != handle)
            continue;
        vk_list_remove(node);
        vk_list_push(&asked, node);
    }
    for (struct vk_node *node; (node = vk_list_first(&asked));) {
        struct proc_req *req = VK_CONTAINER(node, struct proc_req, node);
        req->kind->cancel(kernel, req);
        proc_req_finish(kernel, req, -VK_ECANCELED);
    }
}

/* ---- delivery ----------------------------------------------------------------- */

/* Where the bytes of the answer go. */
static void answer_room(const struct proc_op *op, uint32_t *ret_off, uint32_t *ret_len)
{
    bool is_call = op->code == PROC_OP_CALL;
    *ret_off = is_call ? (uint32_t)op->arg : op->off;
    *ret_len = is_call ? (uint32_t)(op->arg >> 32) : op->len;
}

uint8_t *proc_land(struct proc_kernel *kernel, struct proc_req *req, uint32_t len_bytes, int *ret_rc)
{
    struct proc_process *p = req->process;
    struct proc_self *self = (struct proc_self *)p->slot->base;
    uint32_t off = p->program->land(p->program, self, req->op.tag, len_bytes);
    if (off == 0) {
        self->land_len = len_bytes ? len_bytes : 1;
        self->land_tag = req->op.tag;
        *ret_rc = PROC_NO_ROOM;
        return NULL;
    }
    *ret_rc = off == PROC_LAND_FULL ? -VK_ETOOBIG : -VK_EFAULT;
    return off >= PROC_LAND_FULL ? NULL : proc_reach(kernel, p, off, len_bytes);
}

/* Where a staged answer goes, and how much of it; NULL: *ret_rc says why nowhere. */
static uint8_t *find_room(struct proc_kernel *k, struct proc_req *req, uint32_t *ret_len, int *ret_rc)
{
    uint32_t off, room;
    bool is_bounded = req->op.code & PROC_OP_IN;
    answer_room(&req->op, &off, &room);
    if (proc_op_lands(&req->op)) {
        *ret_len = is_bounded && req->op.len < req->data_len ? req->op.len : req->data_len;
        return proc_land(k, req, *ret_len, ret_rc);
    }
    *ret_len = req->data_len < room ? req->data_len : room;
    *ret_rc = -VK_EFAULT;
    return proc_reach(k, req->process, off, *ret_len);
}

/*
 * Copy a staged answer in; it is cut to the room there is, and done.len says
 * how long it was. PROC_NO_ROOM: later.
 */
static int put_staged(struct proc_kernel *k, struct proc_req *req)
{
    uint32_t n;
    int rc;
    if ((req->op.flags & PROC_OP_SHORT) && proc_op_lands(&req->op) && req->data_len <= sizeof req->done.arg) {
        memcpy(&req->done.arg, req->data.ptr, req->data_len);
        req->done.len = req->data_len;
        req->done.flags |= PROC_DONE_HERE;
        return 0;
    }
    uint8_t *dst = find_room(k, req, &n, &rc);
    if (!dst && rc == PROC_NO_ROOM)
        return rc;
    req->done.len = req->data_len;
    if (!dst) {
        req->done.res = rc;
        return 0;
    }
    memcpy(dst, req->data.ptr, n);
    return 0;
}

int proc_req_keep(struct proc_kernel *kernel, struct proc_req *req, const uint8_t *bytes)
{
    if (!req->process->program->land || !(req->op.code & PROC_OP_OUT) || req->op.len == 0)
        return 0;
    if (!vk_bufs_get(&kernel->bufs, req->op.len, &req->data))
        return -VK_ENOMEM;
    memcpy(req->data.ptr, bytes, req->op.len);
    return 0;
}

/* The bytes of the op for its deliver: those that were kept, else where the op says; NULL without any. */
static uint8_t *delivery_bytes(struct proc_kernel *k, const struct proc_req *req)
{
    const struct proc_op *op = &req->op;
    bool has_bytes = (op->code & PROC_OP_OUT) || ((op->code & PROC_OP_IN) && !proc_op_lands(op));
    if (!has_bytes)
        return NULL;
    if (req->data.cap_bytes)
        return req->data.ptr;
    uint8_t *bytes = proc_reach(k, req->process, op->off, op->len);
    vk_assert(bytes); /* what was open when the op was taken stays so */
    return bytes;
}

/* The second half of an op: deliver's answer. */
static int deliver(struct proc_kernel *k, struct proc_process *p, struct proc_req *req)
{
    uint8_t *bytes = delivery_bytes(k, req);
    struct vk_buf kept = req->data;
    req->data = (struct vk_buf){0};
    req->deliver = false;
    req->finished = false;
    vk_list_push(&p->reqs, &req->node);
    int res = req->kind->deliver(k, req, bytes);
    if (kept.cap_bytes)
        vk_bufs_put(&k->bufs, &kept);
    if (res == PROC_PENDING)
        return res;
    req->finished = true;
    vk_list_remove(&req->node);
    req->deliver = res == PROC_NO_ROOM;
    if (!req->deliver)
        req->done.res = res;
    return res;
}

/* 0; PROC_PENDING: the op goes on waiting; PROC_NO_ROOM: it is finished, and its bytes have no place yet. */
static int complete(struct proc_kernel *k, struct proc_process *p, struct proc_req *req)
{
    if (req->deliver) {
        int res = deliver(k, p, req);
        if (res == PROC_PENDING || res == PROC_NO_ROOM)
            return res;
    }
    if (req->data_len && put_staged(k, req) == PROC_NO_ROOM)
        return PROC_NO_ROOM;
    if (VK_UNLIKELY(req->passed.kind != NULL))
        proc_done_attach(k, p, &req->passed, &req->done);
    return 0;
}

void proc_deliver(struct proc_kernel *kernel, struct proc_process *process, struct proc_self *self)
{
    uint32_t n = process->done_count;
    self->done_count = 0;
    if (VK_UNLIKELY(self->is_busy))
        return;
    process->done_count = 0;
    while (n < PROC_RING_ENTRIES) {
        struct vk_link *link = vk_fifo_pop(&process->ready);
        if (!link)
            break;
        struct proc_req *req = VK_CONTAINER(link, struct proc_req, ready);
        int rc = complete(kernel, process, req);
        if (VK_UNLIKELY(rc == PROC_NO_ROOM)) {
            vk_fifo_push_front(&process->ready, &req->ready);
            break;
        }
        if (rc == PROC_PENDING)
            continue;
        self->done[n++] = req->done;
        req_free(kernel, req);
    }
    self->done_count = n;
    /* Not when only room is missing: a program that collects for it may wait until its ops are taken. */
    process->has_backlog = n == PROC_RING_ENTRIES && !vk_fifo_is_empty(&process->ready);
}

/* ---- ops of the kernel itself ---------------------------------------------------- */

static void sleep_fire(struct proc_kernel *kernel, struct proc_timer *timer)
{
    proc_req_finish(kernel, VK_CONTAINER(timer, struct proc_req, timer), 0);
}

static void sleep_cancel(struct proc_kernel *kernel, struct proc_req *req)
{
    proc_timer_clear(kernel, &req->timer);
}

static const struct proc_kind kind_sleep = {.name = "sleep", .cancel = sleep_cancel};

static int op_sleep(struct proc_kernel *k, struct proc_process *p, const struct proc_op *op)
{
    struct proc_req *req = proc_req_begin(k, p, &kind_sleep, NULL, op);
    if (!req)
        return -VK_EOVERFLOW;
    req->timer.fire = sleep_fire;
    uint64_t deadline_ns = k->now_ns + op->arg;
    proc_timer_set(k, &req->timer, deadline_ns < op->arg ? UINT64_MAX - 1 : deadline_ns);
    return PROC_PENDING;
}

static VK_SELDOM int op_cancel(struct proc_kernel *k, struct proc_process *p, const struct proc_op *op)
{
    for (struct vk_node *node = vk_list_first(&p->reqs); node; node = vk_list_next(&p->reqs, node)) {
        struct proc_req *req = VK_CONTAINER(node, struct proc_req, node);
        if (req->op.tag != op->arg)
            continue;
        req->kind->cancel(k, req);
        proc_req_finish(k, req, -VK_ECANCELED);
        return 0;
    }
    return -VK_ENOENT;
}

static VK_SELDOM int op_dup(struct proc_kernel *k, struct proc_process *p, const struct proc_op *op,
                            struct proc_done *done)
{
    struct proc_object object;
    int rc = proc_handle_detach(k, p, op->handle, false, &object);
    if (rc)
        return rc;
    if (!object.kind)
        return -VK_EBADH;
    done->handle = proc_handle_attach(k, p, &object);
    return done->handle ? 0 : -VK_ENOSPC;
}

/* One line: what is no printable text becomes a space, what is too long is cut. */
static VK_SELDOM int op_log(struct proc_kernel *k, const struct proc_process *p, const struct proc_op *op,
                            const uint8_t *bytes)
{
    char line[PROC_LOG_MAX_BYTES + 64];
    struct vk_out out;
    if (!k->log || !proc_log_allowed(k))
        return 0;
    vk_out_init(&out, line, sizeof line);
    vk_out_fmt(&out, "process %u (%s): ", proc_pid(p), p->program->name);
    uint32_t len = op->len < PROC_LOG_MAX_BYTES ? op->len : PROC_LOG_MAX_BYTES;
    for (uint32_t i = 0; i < len; i++)
        vk_out_byte(&out, bytes[i] < 0x20 || bytes[i] == 0x7f ? ' ' : bytes[i]);
    proc_log(k, PROC_LOG_INFO, vk_out_span(&out));
    return 0;
}

static int carry_out(struct proc_kernel *k, struct proc_process *p, const struct proc_op *op, uint8_t *bytes,
                     struct proc_done *done)
{
    switch (op->code) {
    case PROC_OP_SLEEP:
        return op_sleep(k, p, op);
    case PROC_OP_SERVE:
        return proc_op_serve(k, p, op, done);
    case PROC_OP_CANCEL:
        return op_cancel(k, p, op);
    case PROC_OP_RECV:
        return proc_op_recv(k, p, op, bytes, done);
    case PROC_OP_REPLY:
        return proc_op_reply(k, p, op, bytes);
    case PROC_OP_LOG:
        return op_log(k, p, op, bytes);
    case PROC_OP_CLOSE:
        return proc_handle_close(k, p, op->handle);
    case PROC_OP_DUP:
        return op_dup(k, p, op, done);
    default:
        break;
    }
    struct proc_object object = proc_handle_find(k, p, op->handle);
    if (VK_UNLIKELY(!object.kind))
        return -VK_EBADH;
    if (VK_UNLIKELY(op->flags & PROC_OP_LAND) && (op->code & PROC_OP_IN) && !object.kind->lands)
        return -VK_ENOTSUP;
    return object.kind->op(k, p, object.object, op, bytes, done);
}

/* ---- within a run ------------------------------------------------------------------ */

struct errand {
    const struct proc_op *op;
    struct proc_done *done;
    bool is_done;
};

static void carry_out_now(void *home, void *arg)
{
    struct proc_kernel *k = home;
    struct errand *errand = arg;
    const struct proc_op *op = errand->op;
    if (k->guard.kind == VK_GUARD_MPROTECT_KERNEL) /* the tables are closed until the run ends */
        return;
    struct proc_process *p = k->running;
    if (((const struct proc_self *)p->slot->base)->ops_count > 0)
        return;
    struct proc_object object = proc_handle_find(k, p, op->handle);
    if (!object.kind || !object.kind->now)
        return;
    uint8_t *bytes = proc_reach(k, p, op->off, op->len);
    errand->is_done = bytes && object.kind->now(k, p, object.object, op, bytes, errand->done);
}

bool proc_op_now(const struct proc_op *op, struct proc_done *ret_done)
{
    struct errand errand = {.op = op, .done = ret_done};
    *ret_done = (struct proc_done){.tag = op->tag};
    return plat_run_home(carry_out_now, &errand) && errand.is_done;
}

/* ---- taking ops -------------------------------------------------------------------- */

static void take(struct proc_kernel *k, struct proc_process *p, struct proc_self *self,
                 const struct proc_op *op)
{
    struct proc_done done = {.tag = op->tag};
    uint8_t *bytes = NULL;
    bool lands = proc_op_lands(op);
    int res = lands && !p->program->land ? -VK_ENOTSUP : 0;
    if (VK_LIKELY(res == 0) && ((op->code & PROC_OP_OUT) || ((op->code & PROC_OP_IN) && !lands))) {
        bytes = proc_reach(k, p, op->off, op->len);
        res = bytes ? 0 : -VK_EFAULT;
    }
    if (VK_LIKELY(res == 0))
        res = carry_out(k, p, op, bytes, &done);
    /* It may have wiped a slot for somebody else, who was to have it; one heap is open at a time. */
    if (VK_UNLIKELY(k->guard.open_slot != p->slot) && proc_enter(k, p)) {
        proc_process_doom(k, p, PROC_REASON_MEMORY);
        return;
    }
    if (res == PROC_PENDING || (res == 0 && (op->flags & PROC_OP_SILENT)))
        return;
    /* Finished already, it needs no place in the table: there is one in the heap for each op of a run. */
    done.res = res;
    self->done[p->done_count++] = done;
}

void proc_take_ops(struct proc_kernel *kernel, struct proc_process *process, struct proc_self *self)
{
    uint32_t count = self->ops_count;
    /* Each may have an answer in done[], behind those that a program which calls itself busy was not told. */
    if (VK_UNLIKELY(count > PROC_RING_ENTRIES - process->done_count)) {
        proc_process_doom(kernel, process, PROC_REASON_OP);
        return;
    }
    for (uint32_t i = 0; i < count && !process->doomed; i++) {
        struct proc_op op = self->ops[i];
        take(kernel, process, self, &op);
    }
}
