/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of every heap: how a process and the kernel talk. It lies at
 * offset 0 of the slot, is written by both, and is trusted by neither: the
 * kernel reads each field once, checks it, and keeps what matters elsewhere.
 *
 * One run of a process: the kernel writes completions into done[] and their
 * number into done_count; the program takes all of them, runs its fibers,
 * and leaves ops in ops[0 .. ops_count-1]; the kernel takes those and sets
 * ops_count to 0, unless there were more completions than done[] holds: then
 * ops stay until the program was told all of them. A program whose ops[] is
 * full returns PROC_RUN_AGAIN.
 */
#ifndef PROC_SELF_H
#define PROC_SELF_H

#include "proc/op.h"
#include "vk/heap.h"
#include "vk/limits.h"

/* The handle of what a request process was started for, and of the arguments' extras. */
#define PROC_HANDLE_ORIGIN 1u

#define PROC_DATE_BYTES 29u /* "Sun, 06 Nov 1994 08:49:37 GMT" */

struct proc_self {
    struct vk_heap heap; /* native programs allocate here; bytecode has its own marks */
    uint32_t ops_count;
    uint32_t done_count;
    uint32_t budget;  /* reductions left in this run */
    uint32_t arg_off; /* the start argument: bytes the starter gave */
    uint32_t arg_len;
    uint32_t pid;
    uint64_t now_ns; /* the tick's clock */
    int64_t wall_s;

    union {
        struct {                /* The program's own: native fibers (proc/native.h). */
            uint32_t run_first; /* runnable fibers, FIFO; offsets, 0 none */
            uint32_t run_last;
            uint32_t root;   /* the fiber whose end ends the process */
            uint32_t fibers; /* alive */
        };
        /*
         * Of a program that waits for its first message (proc/program.h), when it begins: that message, if it
         * is short and brought no handle. 0 bytes: it is received like any other.
         */
        struct {
            uint64_t mail_arg; /* as of a RECV */
            uint32_t mail_off;
            uint32_t mail_len;
        };
    };

    /*
     * An answer that has to land (PROC_OP_LAND) found no room: it needs so many
     * bytes, and is brought again before the next run. 0: none does.
     */
    uint32_t land_len;

    /*
     * The program's own: not 0 while its objects are between two places. Nothing is delivered meanwhile,
     * and an op that would have no place left in done[] ends the process.
     */
    uint32_t is_busy;
    uint64_t land_tag; /* of its op */

    uint8_t date[PROC_DATE_BYTES + 3]; /* IMF-fixdate of wall_s, NUL-padded */

    struct proc_op ops[PROC_RING_ENTRIES];
    struct proc_done done[PROC_RING_ENTRIES];
};
_Static_assert(sizeof(struct proc_self) == 8 + 24 + 16 + 16 + 16 + 32 + 2 * 32 * PROC_RING_ENTRIES,
               "layout of the heap's head");

/* Memory of this process by offset; the caller has checked the offset. */
VK_INLINE void *proc_at(struct proc_self *self, uint32_t off)
{
    return (uint8_t *)self + off;
}

VK_INLINE uint32_t proc_off(const struct proc_self *self, const void *ptr)
{
    return (uint32_t)((const uint8_t *)ptr - (const uint8_t *)self);
}

/* len_bytes of this heap for good, aligned to 16; NULL when the quota is exhausted. */
VK_INLINE void *proc_alloc(struct proc_self *self, uint32_t len_bytes)
{
    uint32_t off = vk_heap_alloc(&self->heap, len_bytes, 16);
    return off ? proc_at(self, off) : NULL;
}

/* The next free op, to be filled by the caller; NULL when the kernel must take the others first. */
VK_INLINE struct proc_op *proc_op_next(struct proc_self *self)
{
    if (VK_UNLIKELY(self->ops_count >= PROC_RING_ENTRIES))
        return NULL;
    return &self->ops[self->ops_count++];
}

#endif
