/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a native that touches many bytes lets other processes run, is charged
 * for what it touches, and the CPU limit ends it in the middle. Method: each
 * test of a program runs without a kernel. It must take as many turns, and as
 * many reductions, as the bytes in its name say; no turn spends many more
 * reductions than its budget; with half of the reductions that it needs it
 * ends with the trap of the CPU limit.
 *
 *   turns FILE.vk
 */
#include "interp/program.h"
#include "net/bind/host.h"
#include "vkd/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HEAP_BYTES (256u << 20)
#define OVER       4096u /* reductions that a turn may spend beyond its budget */

struct outcome {
    int value;
    uint32_t trap;
    uint32_t turns;
    char line[64]; /* the last one logged */
};

static void take_ops(struct outcome *o, struct proc_self *self)
{
    self->done_count = 0;
    for (uint32_t i = 0; i < self->ops_count; i++) {
        const struct proc_op *op = &self->ops[i];
        if (op->code == PROC_OP_LOG)
            snprintf(o->line, sizeof o->line, "%.*s", (int)op->len, (const char *)self + op->off);
        if (!(op->flags & PROC_OP_SILENT))
            self->done[self->done_count++] = (struct proc_done){.tag = op->tag};
    }
    self->ops_count = 0;
}

static struct outcome run(struct vkd_loaded *l, uint32_t function, uint64_t reductions, void *heap)
{
    static struct interp_program program;
    struct outcome o = {.value = PROC_RUN_AGAIN};
    struct interp_state state;
    struct proc_self *self = heap;
    interp_program_init(&program, "turns", &l->code.image, function, HEAP_BYTES, reductions);
    memset(self, 0, VK_PAGE_BYTES); /* head and state */
    self->heap = (struct vk_heap){sizeof *self, HEAP_BYTES};
    program.program.start(&program.program, self);
    for (; o.value == PROC_RUN_AGAIN || o.value == PROC_RUN_WAIT; o.turns++) {
        self->budget = PROC_BUDGET;
        o.value = program.program.resume(&program.program, self);
        take_ops(&o, self);
    }
    interp_program_state(self, &state);
    o.trap = state.trap;
    return o;
}

/* The least limit with which it comes to its end, to within a hundredth. */
static uint64_t cost_of(struct vkd_loaded *l, uint32_t function, void *heap)
{
    uint64_t low = 0, high = 64u << 20;
    while (high - low > high / 100) {
        uint64_t mid = low + (high - low) / 2;
        if (run(l, function, mid, heap).value == PROC_RUN_END)
            high = mid;
        else
            low = mid;
    }
    return high;
}

/* "bytes and text 8000000" */
static uint64_t number_in(const char *name)
{
    const char *last = strrchr(name, ' ');
    return strtoull(last ? last : name, NULL, 10);
}

static bool check(struct vkd_loaded *l, const struct interp_test *test, void *heap)
{
    const char *name = interp_module_name(&l->code.module, test->name);
    uint64_t bytes = number_in(name), least = bytes / 64;
    struct outcome whole = run(l, test->function, 1ull << 60, heap);
    uint64_t cost = cost_of(l, test->function, heap);
    struct outcome half = run(l, test->function, cost / 2, heap);
    uint64_t turns_least = bytes / (64 * (PROC_BUDGET + OVER));
    bool is_good = whole.value == PROC_RUN_END && whole.turns >= turns_least &&
                   whole.turns >= cost / (PROC_BUDGET + OVER) && cost >= least &&
                   half.value == PROC_RUN_FAIL && half.trap == INTERP_TRAP_CPU;
    printf("%s %s: %s; %u turns, %llu reductions (at least %llu), cut at half: %s\n",
           is_good ? "ok  " : "FAIL", name, whole.line, whole.turns, (unsigned long long)cost,
           (unsigned long long)least, interp_trap_text(half.trap));
    return is_good;
}

int main(int argc, char **argv)
{
    static struct vkd_loaded l = {.has_tests = true, .seed = 1};
    if (argc != 2 || !vkd_load_host(argv[1], net_bind_host_natives, &l))
        return 1;
    void *heap = mmap(NULL, HEAP_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (heap == MAP_FAILED)
        return 1;
    const struct interp_services *services = (const void *)l.code.module.services;
    const struct interp_test *tests = (const void *)(l.code.module.services + services->tests.first);
    uint32_t failed = 0;
    for (uint32_t i = 0; i < services->tests.count; i++)
        failed += !check(&l, &tests[i], heap);
    printf("%u natives, %u failed\n", services->tests.count, failed);
    return failed || services->tests.count == 0;
}
