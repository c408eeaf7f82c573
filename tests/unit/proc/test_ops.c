/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: whatever stands in an op, the kernel answers it and nothing else
 * happens. Method: a process submits ops from a list in its start argument,
 * one after the other, and notes each result.
 */
#include "tests/unit/proc/rig.h"

struct lister {
    struct rig_state base;
    uint32_t next;
};

static enum proc_step step_list(struct proc_self *self, struct proc_fiber *fiber)
{
    struct lister *l = (struct lister *)fiber;
    const struct proc_op *ops = proc_at(self, self->arg_off);
    while (l->next < self->arg_len / sizeof *ops) {
        if (!rig_op(self, &l->base, ops[l->next]))
            return PROC_STEP_WAIT;
        seen[l->next] = fiber->done.res;
        l->next++;
    }
    return PROC_STEP_END;
}
RIG_PROGRAM(program_list, step_list, struct lister);

static void check_results(const struct proc_op *ops, uint32_t count, int want)
{
    struct proc_kernel *kernel = rig_kernel();
    rig_spawn(kernel, &program_list, ops, count * (uint32_t)sizeof *ops, NULL);
    rig_run(kernel, 100);
    CHECK_EQ(rig_ended(kernel, PROC_REASON_NORMAL), 1);
    for (uint32_t i = 0; i < count; i++)
        CHECK_EQ(seen[i], want);
    rig_check_empty(kernel);
    proc_kernel_destroy(kernel);
}

TEST(proc_ops, handle_that_is_not_ours_is_refused)
{
    const uint32_t handles[] = {0, 1, 2, 15, 16, 17, 1u << 20, 0xffffffff, 0x80000001};
    struct proc_op ops[VK_COUNT(handles) * 3];
    for (uint32_t i = 0; i < VK_COUNT(handles); i++) {
        ops[3 * i] = (struct proc_op){.code = PROC_OP_READ, .handle = handles[i], .off = 2000, .len = 8};
        ops[3 * i + 1] = (struct proc_op){.code = PROC_OP_CLOSE, .handle = handles[i]};
        ops[3 * i + 2] = (struct proc_op){.code = PROC_OP_DUP, .handle = handles[i]};
    }
    check_results(ops, VK_COUNT(ops), -VK_EBADH);
}

TEST(proc_ops, range_outside_the_heap_is_refused)
{
    const struct proc_op ops[] = {
        {.code = PROC_OP_RECV, .off = 65536, .len = 1},
        {.code = PROC_OP_RECV, .off = 65535, .len = 2},
        {.code = PROC_OP_RECV, .off = 0xffffffff, .len = 1},
        {.code = PROC_OP_RECV, .off = 0xffffffff, .len = 0xffffffff},
        {.code = PROC_OP_RECV, .off = 1, .len = 0xffffffff},
        {.code = PROC_OP_REPLY, .off = 65536, .len = 1},
    };
    check_results(ops, VK_COUNT(ops), -VK_EFAULT);
}

TEST(proc_ops, reply_to_nothing_is_refused)
{
    const struct proc_op ops[] = {
        {.code = PROC_OP_REPLY},
        {.code = PROC_OP_REPLY, .arg = 0xffffffff},
        {.code = PROC_OP_REPLY, .arg = 1u << 20},
        {.code = PROC_OP_CANCEL, .arg = 99},
    };
    check_results(ops, VK_COUNT(ops), -VK_ENOENT);
}

TEST(proc_ops, sleeps_end_in_the_order_of_their_deadlines)
{
    struct proc_kernel *kernel = rig_kernel();
    const uint64_t sleeps_ms[] = {50, 10, 30};
    for (size_t i = 0; i < VK_COUNT(sleeps_ms); i++) {
        const struct proc_op op = {.code = PROC_OP_SLEEP, .arg = sleeps_ms[i] * 1000000};
        rig_spawn(kernel, &program_list, &op, sizeof op, NULL);
    }
    rig_run_for(kernel, 5000000);
    CHECK_EQ(rig_ended(kernel, PROC_REASON_NORMAL), 0);
    rig_run_for(kernel, 8000000);
    CHECK_EQ(rig_ended(kernel, PROC_REASON_NORMAL), 1);
    rig_run_for(kernel, 20000000);
    CHECK_EQ(rig_ended(kernel, PROC_REASON_NORMAL), 2);
    rig_run_for(kernel, 20000000);
    CHECK_EQ(rig_ended(kernel, PROC_REASON_NORMAL), 3);
    rig_check_empty(kernel);
    proc_kernel_destroy(kernel);
}

/* ---- cancel --------------------------------------------------------------------- */

static enum proc_step step_cancel(struct proc_self *self, struct proc_fiber *fiber)
{
    struct rig_state *s = (struct rig_state *)fiber;
    const uint32_t code = *(const uint32_t *)proc_at(self, self->arg_off);
    struct proc_op *op;
    PROC_BEGIN(fiber->step)
    op = proc_op_next(self);
    *op = (struct proc_op){
        .code = (uint16_t)code, .off = proc_off(self, s->bytes), .arg = 1u << 30, .tag = 4096};
    op->len = code == PROC_OP_RECV ? sizeof s->bytes : 0;
    PROC_AWAIT(fiber->step, rig_op(self, s, (struct proc_op){.code = PROC_OP_CANCEL, .arg = 4096}),
               PROC_STEP_WAIT);
    seen[0] = fiber->done.res;
    PROC_END
    return PROC_STEP_END;
}
RIG_PROGRAM(program_cancel, step_cancel, struct rig_state);

TEST(proc_ops, canceled_ones_leave_nothing_behind)
{
    struct proc_kernel *kernel = rig_kernel();
    const uint32_t codes[] = {PROC_OP_SLEEP, PROC_OP_RECV};
    for (size_t i = 0; i < VK_COUNT(codes); i++) {
        seen[0] = 1;
        rig_spawn(kernel, &program_cancel, &codes[i], sizeof codes[i], NULL);
        rig_run(kernel, 10);
        CHECK_EQ(seen[0], 0);
    }
    rig_check_empty(kernel);
    proc_kernel_destroy(kernel);
}

/* ---- too many -------------------------------------------------------------------- */

static int flood_resume(const struct proc_program *program, struct proc_self *self)
{
    (void)program;
    struct proc_self *head = self;
    for (uint32_t i = 0; i < head->done_count; i++)
        seen[0] += head->done[i].res == -VK_EOVERFLOW;
    for (struct proc_op *op; (op = proc_op_next(head));)
        *op = (struct proc_op){.code = PROC_OP_SLEEP, .arg = UINT64_MAX};
    seen[1] += PROC_RING_ENTRIES;
    return PROC_RUN_AGAIN;
}

TEST(proc_ops, more_than_the_limit_in_flight_are_refused)
{
    struct proc_kernel *kernel = rig_kernel();
    const struct proc_program flood = {.name = "flood", .heap_bytes = 65536, .resume = flood_resume};
    struct proc_process *process = rig_spawn(kernel, &flood, NULL, 0, NULL);
    rig_run(kernel, 2 * PROC_OPS_MAX / PROC_RING_ENTRIES);
    struct proc_counters counters;
    proc_kernel_counters(kernel, &counters);
    CHECK_EQ(counters.requests, PROC_OPS_MAX);
    CHECK_EQ(seen[1], 2 * PROC_OPS_MAX);
    CHECK_EQ(seen[0], PROC_OPS_MAX - PROC_RING_ENTRIES); /* of the last run it does not know yet */
    proc_end(kernel, process, PROC_REASON_KILLED);
    rig_run(kernel, 2);
    rig_check_empty(kernel);
    proc_kernel_destroy(kernel);
}

/* Every code and every flag with arbitrary fields: answered or pending, never a crash of the kernel. */
static int noise_resume(const struct proc_program *program, struct proc_self *self)
{
    (void)program;
    uint64_t *state = proc_at(self, self->arg_off);
    uint64_t x = *state;
    for (struct proc_op *op; (op = proc_op_next(self));) {
        uint64_t words[4];
        for (int i = 0; i < 4; i++) {
            x = x * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX generator */
            words[i] = x >> 20;
        }
        op->code = (uint16_t)((words[0] & 63) | (words[0] & 0x300));
        op->flags = (uint16_t)(words[0] >> 16);
        op->handle = words[1] & 1 ? (uint32_t)(words[1] >> 1) & 7 : (uint32_t)words[1];
        op->off = (uint32_t)words[2] & 0x1ffff;
        op->len = (uint32_t)(words[2] >> 20) & 0x3fff;
        op->arg = words[3];
        op->tag = words[3] & 7;
    }
    *state = x;
    seen[0]++;
    return (x >> 60) == 3 ? PROC_RUN_END : PROC_RUN_AGAIN;
}

TEST(proc_ops, noise_hurts_nobody)
{
    struct proc_kernel *kernel = rig_kernel();
    const struct proc_program noise = {.name = "noise", .heap_bytes = 65536, .resume = noise_resume};
    for (uint64_t seed = 1; seed <= 400; seed++) {
        rig_spawn(kernel, &noise, &seed, sizeof seed, NULL);
        rig_run(kernel, 30);
    }
    rig_run(kernel, 2000);
    CHECK(seen[0] > 2000);
    rig_check_empty(kernel);
    proc_kernel_destroy(kernel);
}

/* Says that it may be told nothing now, and asks on. */
static int asks_while_busy(const struct proc_program *program, struct proc_self *self)
{
    struct proc_op *op;
    (void)program;
    self->is_busy = 1;
    while ((op = proc_op_next(self)))
        *op = (struct proc_op){.code = PROC_OP_CLOSE, .handle = 99};
    return PROC_RUN_AGAIN;
}

TEST(proc_ops, answers_that_are_not_taken_end_the_process)
{
    static const struct proc_program program = {
        .name = "busy", .heap_bytes = 65536, .prefix_bytes = VK_PAGE_BYTES, .resume = asks_while_busy};
    struct proc_kernel *kernel = rig_kernel();
    rig_spawn(kernel, &program, NULL, 0, NULL);
    rig_run(kernel, 100);
    CHECK_EQ(rig_ended(kernel, PROC_REASON_OP), 1);
    rig_check_empty(kernel);
    proc_kernel_destroy(kernel);
}

/* ---- within a run ---- */

static bool adds_now(struct proc_kernel *kernel, struct proc_process *process, void *object,
                     const struct proc_op *op, uint8_t *bytes, struct proc_done *done)
{
    (void)kernel;
    (void)process;
    (void)object;
    for (uint32_t i = 0; i < op->len; i++)
        done->arg += bytes[i];
    done->res = 5;
    return op->arg != 99;
}

enum { NOW_FIRST = 2, NOW_OTHER = 3, NOW_NONE = 4, NOW_OFF = 2000 };

/* What was asked at once with that handle at that place: its sum, or -1. */
static int64_t ask_now(uint32_t handle, uint32_t off, uint64_t arg)
{
    const struct proc_op op = {
        .code = PROC_OP_SEND, .handle = handle, .off = off, .len = 3, .arg = arg, .tag = 8};
    struct proc_done done;
    if (!proc_op_now(&op, &done))
        return -1;
    CHECK(done.tag == 8 && done.res == 5);
    return (int64_t)done.arg;
}

static int asks_at_once(const struct proc_program *program, struct proc_self *self)
{
    (void)program;
    memcpy(proc_at(self, NOW_OFF), "\1\2\3", 3);
    seen[0] = ask_now(NOW_FIRST, NOW_OFF, 0);
    seen[1] = ask_now(NOW_FIRST, NOW_OFF, 99);
    seen[2] = ask_now(NOW_FIRST, 65535, 0);
    seen[3] = ask_now(NOW_OTHER, NOW_OFF, 0);
    seen[4] = ask_now(NOW_NONE, NOW_OFF, 0);
    *proc_op_next(self) = (struct proc_op){.code = PROC_OP_CLOSE, .handle = 99};
    seen[5] = ask_now(NOW_FIRST, NOW_OFF, 0);
    return PROC_RUN_END;
}

TEST(proc_ops, op_within_a_run_is_done_or_has_not_happened)
{
    static const struct proc_kind quick = {.name = "quick", .now = adds_now}, other = {.name = "other"};
    static const struct proc_program program = {.name = "now", .heap_bytes = 65536, .resume = asks_at_once};
    const struct proc_env env = {.count = 2, .objects = {{&quick, NULL}, {&other, NULL}}};
    struct proc_kernel *kernel = rig_kernel();
    rig_spawn(kernel, &program, NULL, 0, &env);
    rig_run(kernel, 100);
    CHECK_EQ(rig_ended(kernel, PROC_REASON_NORMAL), 1);
    CHECK(seen[0] == 6 || seen[0] == -1); /* where the platform does not offer it */
    for (uint32_t i = 1; i < 6; i++)
        CHECK_EQ(seen[i], -1);
    rig_check_empty(kernel);
    proc_kernel_destroy(kernel);
}
