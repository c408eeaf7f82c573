/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A native program that serves like any other and then does harm, as the plan
 * of the round says: to what it and the kernel say to each other, to its heap
 * and stack, to addresses that are not its own.
 */
#include "tests/faults/app.h"
#include "tests/faults/faults.h"

struct evil_plan evil_plan;
struct proc_program evil_program, victim_program;

/* Splitmix64; its state on the process's own stack. */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void flip(uint64_t *state, void *from, size_t len)
{
    if (len == 0)
        return;
    uint64_t bit = draw(state) % (8 * len);
    ((uint8_t *)from)[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

static void random_ops(uint64_t *state, struct proc_self *self)
{
    static const uint16_t codes[] = {
        PROC_OP_SLEEP,    PROC_OP_SERVE,  PROC_OP_CANCEL,  PROC_OP_RECV,       PROC_OP_REPLY,
        PROC_OP_SPAWN,    PROC_OP_SEND,   PROC_OP_MONITOR, PROC_OP_LINK,       PROC_OP_KILL,
        PROC_OP_CLOSE,    PROC_OP_DUP,    PROC_OP_CALL,    PROC_OP_READ,       PROC_OP_WRITE,
        PROC_OP_SHUTDOWN, PROC_OP_ACCEPT, PROC_OP_CONNECT, PROC_OP_HTTP_FRAME, PROC_OP_HTTP_RESPOND,
        PROC_OP_LOG,
    };
    for (uint64_t n = 1 + draw(state) % PROC_RING_ENTRIES; n > 0; n--) {
        struct proc_op *op = proc_op_next(self);
        uint64_t dice = draw(state);
        if (!op)
            return;
        *op = (struct proc_op){
            .code = dice % 16 ? codes[dice / 16 % VK_COUNT(codes)] : (uint16_t)draw(state),
            .flags = (uint16_t)(dice >> 32 & (dice >> 20 & 1 ? 0xffff : 0x1f)),
            .handle = (uint32_t)(dice >> 48 & (dice >> 21 & 1 ? 0xffff : 7)),
            .off = (uint32_t)draw(state) & (dice >> 22 & 1 ? UINT32_MAX : 0x3fff),
            .len = (uint32_t)draw(state) & (dice >> 23 & 1 ? UINT32_MAX : 0x3ff),
            .arg = draw(state) & (dice >> 24 & 1 ? UINT64_MAX : 0xff),
            .tag = draw(state) & 0xffff,
        };
    }
}

/* Values that such a field may have, and ones just beside them. */
static void set_words(uint64_t *state, struct proc_self *self)
{
    static const uint32_t values[] = {0, 1, 2, 15, 16, 17, 255, 4095, 65535, 65536, UINT32_MAX};
    uint32_t *fields[] = {&self->ops_count, &self->done_count, &self->is_busy,          &self->land_len,
                          &self->budget,    &self->arg_off,    &self->arg_len,          &self->heap.top_bytes,
                          &self->run_first, &self->root,       &self->heap.limit_bytes, &self->fibers};
    for (uint64_t n = 1 + draw(state) % 4; n > 0; n--)
        *fields[draw(state) % VK_COUNT(fields)] = values[draw(state) % VK_COUNT(values)];
}

static void random_heap(uint64_t *state, struct proc_self *self, uint32_t len)
{
    uint32_t off = (uint32_t)draw(state) % len;
    uint8_t *at = (uint8_t *)self;
    for (uint64_t n = 1 + draw(state) % 512; n > 0 && off < len; n--)
        at[off++] = (uint8_t)draw(state);
}

static void whole_heap(uint64_t *state, struct proc_self *self)
{
    for (volatile uint64_t *at = (volatile uint64_t *)(void *)self;; at++)
        *at = *state * 0x9e3779b97f4a7c15u; /* until the guard ends it */
}

static void wild_write(uintptr_t addr)
{
    __asm__ volatile("movb $0xa5, (%0)" : : "r"(addr) : "memory");
}

static uint8_t wild_read(uintptr_t addr)
{
    uint8_t value;
    __asm__ volatile("movb (%1), %0" : "=q"(value) : "r"(addr) : "memory");
    return value;
}

static void wild_jump(uintptr_t addr)
{
    __asm__ volatile("jmp *%0" : : "r"(addr) : "memory");
}

/* From below the frame to the stack's end, return addresses and all. */
static void smash_stack(uint64_t *state)
{
    volatile uint64_t here = *state;
    for (volatile uint64_t *at = &here - 32;; at++)
        *at = here;
}

static int deeper(volatile uint8_t *above, int depth)
{
    volatile uint8_t frame[512];
    frame[0] = (uint8_t)(above[0] + depth);
    return depth < 0 ? 0 : deeper(frame, depth + 1) + frame[0];
}

static void call_system(uint64_t *state)
{
    uint64_t number = draw(state) % 450, result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(draw(state)), "S"(draw(state)), "d"(draw(state))
                     : "rcx", "r11", "memory");
}

/* Harm that does not come back, or that the run's value is. */
static void harm_at_once(const struct evil_plan *plan, uint64_t *state, struct proc_self *self)
{
    uint8_t top = 1;
    switch (plan->evil) {
    case EVIL_WHOLE_HEAP:
        whole_heap(state, self);
        break;
    case EVIL_WILD_WRITE:
        wild_write(plan->addr);
        break;
    case EVIL_WILD_READ:
        self->now_ns = wild_read(plan->addr);
        break;
    case EVIL_WILD_JUMP:
        wild_jump(plan->addr);
        break;
    case EVIL_STACK:
        smash_stack(state);
        break;
    case EVIL_DEEP:
        self->now_ns = (uint64_t)deeper(&top, 1);
        break;
    case EVIL_SYSCALL:
        call_system(state);
        break;
    case EVIL_LOOP:
        for (;;)
            self->now_ns++;
    default:
        break;
    }
}

static void harm(const struct evil_plan *plan, uint64_t *state, struct proc_self *self)
{
    uint32_t count = self->ops_count < PROC_RING_ENTRIES ? self->ops_count : PROC_RING_ENTRIES;
    switch (plan->evil) {
    case EVIL_FLIP_OPS:
        flip(state, self->ops, count * sizeof self->ops[0]);
        break;
    case EVIL_FLIP_DONE:
        flip(state, self->done, sizeof self->done);
        break;
    case EVIL_FLIP_HEAD:
        flip(state, self, offsetof(struct proc_self, ops));
        break;
    case EVIL_FLIP_HEAP:
        flip(state, self, draw(state) & 1 ? 4096 : 65536);
        break;
    case EVIL_RANDOM_OPS:
        random_ops(state, self);
        break;
    case EVIL_WORDS:
        set_words(state, self);
        random_ops(state, self);
        break;
    case EVIL_RANDOM_HEAP:
        random_heap(state, self, draw(state) & 1 ? 4096 : 65536);
        break;
    default:
        harm_at_once(plan, state, self);
        break;
    }
}

static int resume(const struct proc_program *program, struct proc_self *self)
{
    struct evil_plan plan = evil_plan;
    uint64_t state = plan.seed ^ self->now_ns;
    bool comes_first = draw(&state) % 4 == 0;
    if (comes_first && (plan.evil == EVIL_FLIP_DONE || plan.evil == EVIL_FLIP_HEAP))
        harm(&plan, &state, self);
    int value = app_program.resume(program, self);
    if (plan.evil != EVIL_NONE)
        harm(&plan, &state, self);
    if (plan.evil == EVIL_RETURN)
        return (int)draw(&state);
    /* What ends by itself does little: let it go on with what it has done. */
    if (plan.evil != EVIL_NONE && draw(&state) % 2)
        return draw(&state) % 2 ? PROC_RUN_AGAIN : PROC_RUN_WAIT;
    return value;
}

void evil_init(void)
{
    app_init();
    victim_program = evil_program = app_program;
    victim_program.name = "victim";
    evil_program.name = "evil";
    evil_program.resume = resume;
}
