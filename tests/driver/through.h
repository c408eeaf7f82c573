/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A driver that is two processes over another driver: the pass-through holds
 * the real listeners, connectors and streams and serves a handle for each; the
 * user turns requests of proc/io.h into ops on the served handles. The suite
 * thereby runs against handles that a process serves, in front of net/stream.
 *
 * Both programs are test code in a kernel without a guard: they keep what they
 * know in plain memory shared with the adapter, and only bytes in their heaps.
 */
#ifndef TESTS_DRIVER_THROUGH_H
#define TESTS_DRIVER_THROUGH_H

#include "net/stream.h"
#include "proc/program.h"

#define THROUGH_UNIT_BYTES 4096u /* of one READ or WRITE */
#define THROUGH_READ_BYTES 1024u
#define THROUGH_OPS        2048u /* requests of the suite, and of the user to the pass-through */
#define THROUGH_CONNS      4096u
#define THROUGH_NONE       UINT32_MAX
#define THROUGH_HEAP_BYTES (16u << 20)
#define THROUGH_MESSAGE_AT 32768u /* heap offset of the room for messages */
#define THROUGH_AREAS_AT   65536u /* and of one unit for each op */

/* Where the bytes of op number index are, in either heap. */
VK_INLINE uint32_t through_area(uint32_t index)
{
    return THROUGH_AREAS_AT + index * THROUGH_UNIT_BYTES;
}

/* Ops on their way into a heap's ring, which has room for a few only. */
struct through_queue {
    struct proc_op ops[2 * THROUGH_OPS];
    uint32_t first;
    uint32_t count;
};

VK_INLINE void through_ask(struct through_queue *q, struct proc_op op)
{
    vk_assert(q->count < VK_COUNT(q->ops));
    q->ops[(q->first + q->count++) % VK_COUNT(q->ops)] = op;
}

/* What a resume returns: AGAIN while the ring is full. */
VK_INLINE int through_flush(struct through_queue *q, struct proc_self *self)
{
    struct proc_op *op;
    while (q->count > 0 && (op = proc_op_next(self)) != NULL) {
        *op = q->ops[q->first];
        q->first = (q->first + 1) % VK_COUNT(q->ops);
        q->count--;
    }
    return q->count > 0 ? PROC_RUN_AGAIN : PROC_RUN_WAIT;
}

/* Tags: what was asked, and the number of what it was asked for. */
VK_INLINE uint64_t through_tag(uint32_t what, uint32_t index)
{
    return (uint64_t)(what + 1) << 32 | index;
}

VK_INLINE uint32_t through_what(uint64_t tag)
{
    return (uint32_t)(tag >> 32) - 1;
}

/* ---- the pass-through ------------------------------------------------------------ */

enum pass_state {
    PASS_FREE,
    PASS_PARKED,   /* another READ or ACCEPT of the same object comes first */
    PASS_ASKED,    /* of the real handle */
    PASS_SERVING,  /* the new connection is to become a served handle */
    PASS_REPLYING, /* whether anybody still waits will be known then */
};

/* A request of the user's. */
struct pass_job {
    uint8_t state;
    bool is_canceled;
    struct proc_request request;
    uint32_t req; /* id to answer */
    uint32_t real;
    uint32_t len;    /* bytes moved */
    uint32_t handle; /* of the new connection, served */
    uint32_t serial;
};

/* A real handle. Its badge is its number. */
struct pass_real {
    bool is_used;
    bool is_closing;
    uint32_t handle;
    uint32_t jobs;
    uint32_t in_job; /* the READ or ACCEPT under way, or NONE */
    uint32_t parked;
    uint32_t left_len; /* bytes read for a READ that was canceled meanwhile */
    uint32_t line_count;
    uint32_t line[64]; /* and connections, served already */
    uint8_t left[THROUGH_UNIT_BYTES];
};

struct through_pass {
    struct through_queue queue;
    bool is_receiving;
    uint32_t serials;
    uint32_t offers_count;
    struct {
        uint32_t handle;
        uint32_t word;
    } offers[16]; /* new real handles: serve each and send it to the user with its word */
    uint32_t words[THROUGH_CONNS];
    struct pass_job jobs[THROUGH_OPS];
    struct pass_real reals[THROUGH_CONNS];
};

/* The start argument is a pointer to its struct through_pass; environment: the user's process. */
extern const struct proc_program through_pass_program;

/* ---- the driver ------------------------------------------------------------------ */

/* A driver over inner, which belongs to it from then on, also when it fails. -VK_E... */
int through_create(struct proc_io *inner, struct proc_io **ret_io);

#endif
