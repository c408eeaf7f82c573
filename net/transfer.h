/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One direction of a byte stream behind a handle: its READ, or its WRITE, from
 * the moment it finds neither bytes nor room until its process's heap is open
 * again and they can move. Of each there is at most one; HTTP exchanges and
 * raw streams have this in common. It knows neither the bytes nor the pipe.
 */
#ifndef NET_TRANSFER_H
#define NET_TRANSFER_H

#include "proc/service.h"

struct net_transfer {
    struct proc_req *req; /* waits for net_transfer_wake */
    bool is_due;          /* woken, its deliver is to come */
};

/* Whether op may be carried out. 0; -VK_EPERM another one is under way; -VK_EINVAL it asks for no bytes. */
VK_INLINE int net_transfer_check(const struct net_transfer *transfer, const struct proc_op *op)
{
    if (transfer->req || transfer->is_due)
        return -VK_EPERM;
    return op->len ? 0 : -VK_EINVAL;
}

/*
 * The answer to op after a first attempt that ended with rc: rc, but where
 * that is PROC_PENDING a request is made and waits; bytes are the op's, NULL
 * when they land. -VK_EOVERFLOW.
 */
int net_transfer_begin(struct net_transfer *transfer, struct proc_kernel *kernel,
                       struct proc_process *process, const struct proc_object *object,
                       const struct proc_op *op, const uint8_t *bytes, int rc);

/* Bytes, room or an end came: the one that waits, if any, is delivered at its process's next turn. */
void net_transfer_wake(struct net_transfer *transfer, struct proc_kernel *kernel);

/* The one that waits, if any, ends with res. */
void net_transfer_end(struct net_transfer *transfer, struct proc_kernel *kernel, int res);

/* From proc_kind.cancel. true when req was waiting, false when its deliver was still to come. */
bool net_transfer_cancel(struct net_transfer *transfer, const struct proc_req *req);

/*
 * From proc_kind.deliver, after an attempt that ended with rc; returns it, or -VK_ENOMEM.
 * PROC_PENDING: req waits again. bytes as for net_transfer_begin.
 */
int net_transfer_deliver(struct net_transfer *transfer, struct proc_kernel *kernel, struct proc_req *req,
                         const uint8_t *bytes, int rc);

#endif
