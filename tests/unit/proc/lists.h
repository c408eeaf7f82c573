/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that follow a list of ops and keep every completion: what most
 * tests of ops, mailboxes and served handles are made of.
 */
#ifndef TESTS_UNIT_PROC_LISTS_H
#define TESTS_UNIT_PROC_LISTS_H

#include "tests/unit/proc/world.h"

/*
 * In a list, what the completion of op i brought: its handle, where a handle
 * is asked for, or the id of the request to REPLY to.
 */
#define GOT(i)    (0xfff00000u + (i))
#define ENV       2u /* the first handle of the environment */
#define OPS_MAX   80u
#define LISTS_MAX 6u

struct list {
    struct proc_op ops[OPS_MAX];
    uint32_t count;
    bool all_at_once;                /* submitted in one run; else each after the completion of the last */
    bool stays;                      /* waits for good in the end */
    struct proc_done dones[OPS_MAX]; /* of op i */
    uint8_t heads[OPS_MAX][32];      /* what lay at IN_OFF then */
    uint32_t done_count;
};

static struct list lists[LISTS_MAX];

static inline uint32_t got_handle(const struct list *list, uint32_t handle)
{
    uint32_t i = handle - GOT(0);
    return i < OPS_MAX ? list->dones[i].handle : handle;
}

static inline void ask_next(struct list *list, struct proc_self *self, uint32_t i)
{
    struct proc_op op = list->ops[i];
    op.handle = got_handle(list, op.handle);
    if (op.code == PROC_OP_SEND)
        op.arg = (op.arg >> 32 << 32) | got_handle(list, (uint32_t)op.arg);
    uint32_t received = (uint32_t)op.arg - GOT(0);
    if (op.code == PROC_OP_REPLY && received < OPS_MAX)
        op.arg = (op.arg >> 32 << 32) | (uint32_t)list->dones[received].arg;
    op.tag = i;
    ask(self, op);
}

static inline void keep_done(struct list *list, struct proc_self *self, const struct proc_done *done)
{
    CHECK(done->tag < OPS_MAX);
    list->dones[done->tag] = *done;
    memcpy(list->heads[done->tag], proc_at(self, IN_OFF), sizeof list->heads[0]);
    list->done_count++;
}

static inline int follows_a_list(struct actor *actor, struct proc_self *self)
{
    struct list *list = &lists[actor->word];
    for (uint32_t i = 0; i < self->done_count; i++)
        if (self->done[i].tag != OPS_MAX)
            keep_done(list, self, &self->done[i]);
    while (actor->step < list->count && (list->all_at_once || list->done_count == actor->step)) {
        ask_next(list, self, actor->step++);
        if (self->ops_count == PROC_RING_ENTRIES)
            return PROC_RUN_AGAIN;
    }
    if (list->done_count < list->count)
        return PROC_RUN_WAIT;
    if (!list->stays)
        return PROC_RUN_END;
    if (!actor->stays++)
        ask(self, (struct proc_op){.code = PROC_OP_SLEEP, .arg = UINT64_MAX, .tag = OPS_MAX});
    return PROC_RUN_WAIT;
}

static inline struct actor *follow(uint32_t at, const struct proc_env *env)
{
    struct actor *actor = start_with(follows_a_list, env);
    actor->word = at;
    return actor;
}

static inline void add(uint32_t at, struct proc_op op)
{
    struct list *list = &lists[at];
    CHECK(list->count < OPS_MAX);
    list->ops[list->count++] = op;
}

/* The list that ended may go on with ops added to it. */
static inline void go_on(struct actor *actor)
{
    proc_run_soon(world.kernel, proc_process_find(world.kernel, actor->pid));
}

static inline void begin(void)
{
    memset(lists, 0, sizeof(lists));
}

static inline void check_results(uint32_t at, const int *results, size_t count)
{
    const struct list *list = &lists[at];
    CHECK_EQ(list->done_count, count);
    for (size_t i = 0; i < count; i++)
        CHECK_EQ(list->dones[i].res, results[i]);
}

#define CHECK_RESULTS(at, ...) \
    check_results(at, (const int[]){__VA_ARGS__}, VK_COUNT(((const int[]){__VA_ARGS__})))

static inline void end_actor(const struct actor *actor)
{
    proc_end(world.kernel, proc_process_find(world.kernel, actor->pid), PROC_REASON_KILLED);
}

#endif
