/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handles served by processes. An op on such a handle becomes a message to
 * the serving process, a struct proc_request with the bytes that go out; its
 * REPLY becomes the completion. The holder cannot tell the difference. When it
 * no longer waits, by CANCEL, CLOSE or its end, the server is told the request's
 * id by a CANCEL. When the server dies, what waits for it fails with -VK_EDIED; when the last
 * handle is gone, the server is told by a CLOSE.
 */
#include "proc/kernel_impl.h"

int proc_op_serve(struct proc_kernel *kernel, struct proc_process *process, const struct proc_op *op,
                  struct proc_done *done)
{
    struct proc_served *served = vk_table_take(&kernel->served);
    if (!served)
        return -VK_ENOSPC;
    served->badge = op->arg;
    served->server = process->name;
    served->refs = 1;
    struct proc_object object = {&proc_kind_served, served};
    int rc = proc_handle_new(kernel, process, object, &done->handle);
    if (rc)
        proc_served_free(kernel, served);
    return rc;
}

void proc_served_free(struct proc_kernel *kernel, struct proc_served *served)
{
    vk_table_give(&kernel->served, served);
}

/* Ask the server: PROC_PENDING, or why that cannot be. */
static int post(struct proc_kernel *k, struct proc_req *req, struct proc_process *server,
                const uint8_t *bytes)
{
    const struct proc_served *served = req->object;
    const struct proc_op *op = &req->op;
    const struct proc_request head = {
        .arg = op->arg, .badge = served->badge, .code = op->code, .flags = op->flags, .len = op->len};
    const struct proc_letter letter = {
        .head = &head,
        .head_len = sizeof head,
        .bytes = bytes,
        .bytes_len = op->code & PROC_OP_OUT ? op->len : 0,
        .flags = PROC_DONE_OP,
        .req = req,
    };
    int rc = proc_mail_post(k, server, &letter);
    if (rc != -VK_EAGAIN)
        return rc ? rc : PROC_PENDING;
    rc = proc_req_keep(k, req, bytes);
    if (rc)
        return rc;
    proc_mail_queue(server, req);
    return PROC_PENDING;
}

static int served_op(struct proc_kernel *kernel, struct proc_process *process, void *object,
                     const struct proc_op *op, uint8_t *bytes, struct proc_done *done)
{
    (void)done;
    const struct proc_served *served = object;
    struct proc_process *server = proc_process_named(kernel, served->server);
    if (!server)
        return -VK_EDIED;
    struct proc_req *req = proc_req_begin(kernel, process, &proc_kind_served, object, op);
    if (!req)
        return -VK_EOVERFLOW;
    int rc = post(kernel, req, server, bytes);
    if (rc != PROC_PENDING)
        proc_req_finish(kernel, req, rc);
    return PROC_PENDING;
}

static int served_deliver(struct proc_kernel *kernel, struct proc_req *req, uint8_t *bytes)
{
    struct proc_process *server = proc_mail_claim(kernel, req);
    if (!server)
        return -VK_EDIED;
    int rc = post(kernel, req, server, bytes);
    proc_mail_room(kernel, server); /* left if the post failed */
    return rc;
}

/* The server may have begun what was asked: unless it hears that nobody waits, bytes it read are lost. */
static void served_cancel(struct proc_kernel *kernel, struct proc_req *req)
{
    const struct proc_served *served = req->object;
    struct proc_process *server = req->is_owed ? proc_process_named(kernel, req->server) : NULL;
    proc_mail_cancel(kernel, req);
    if (!server)
        return;
    const struct proc_request head = {
        .arg = req->entry.handle, .badge = served->badge, .code = PROC_OP_CANCEL};
    const struct proc_letter letter = {
        .head = &head, .head_len = sizeof head, .flags = PROC_DONE_OP, .is_notice = true};
    /* Without a buffer it goes on in vain, and its reply is refused. */
    (void)proc_mail_post(kernel, server, &letter);
}

static void served_share(struct proc_kernel *kernel, void *object)
{
    (void)kernel;
    ((struct proc_served *)object)->refs++;
}

static void served_release(struct proc_kernel *kernel, void *object, struct proc_process *process)
{
    (void)process;
    struct proc_served *served = object;
    if (--served->refs > 0)
        return;
    struct proc_process *server = proc_process_named(kernel, served->server);
    if (!server) {
        proc_served_free(kernel, served);
        return;
    }
    proc_mail_put(kernel, server, &served->mail, PROC_MAIL_CLOSE);
}

const struct proc_kind proc_kind_served = {
    .name = "served",
    .shareable = true,
    .lands = true,
    .op = served_op,
    .cancel = served_cancel,
    .deliver = served_deliver,
    .share = served_share,
    .release = served_release,
};
