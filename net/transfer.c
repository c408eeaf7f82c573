/* SPDX-License-Identifier: Apache-2.0 */
#include "net/transfer.h"

int net_transfer_begin(struct net_transfer *transfer, struct proc_kernel *kernel,
                       struct proc_process *process, const struct proc_object *object,
                       const struct proc_op *op, const uint8_t *bytes, int rc)
{
    if (rc != PROC_PENDING)
        return rc;
    transfer->req = proc_req_begin(kernel, process, object->kind, object->object, op);
    if (!transfer->req)
        return -VK_EOVERFLOW;
    rc = proc_req_keep(kernel, transfer->req, bytes);
    if (VK_UNLIKELY(rc))
        net_transfer_end(transfer, kernel, rc);
    return PROC_PENDING;
}

void net_transfer_wake(struct net_transfer *transfer, struct proc_kernel *kernel)
{
    struct proc_req *req = transfer->req;
    if (!req)
        return;
    transfer->req = NULL;
    transfer->is_due = true;
    req->deliver = true;
    proc_req_finish(kernel, req, 0);
}

void net_transfer_end(struct net_transfer *transfer, struct proc_kernel *kernel, int res)
{
    struct proc_req *req = transfer->req;
    if (!req)
        return;
    transfer->req = NULL;
    proc_req_finish(kernel, req, res);
}

bool net_transfer_cancel(struct net_transfer *transfer, const struct proc_req *req)
{
    if (transfer->req != req) {
        transfer->is_due = false;
        return false;
    }
    transfer->req = NULL;
    return true;
}

int net_transfer_deliver(struct net_transfer *transfer, struct proc_kernel *kernel, struct proc_req *req,
                         const uint8_t *bytes, int rc)
{
    if (rc == PROC_PENDING)
        rc = proc_req_keep(kernel, req, bytes) ? -VK_ENOMEM : PROC_PENDING;
    transfer->is_due = rc == PROC_NO_ROOM;
    if (rc == PROC_PENDING)
        transfer->req = req;
    return rc;
}
