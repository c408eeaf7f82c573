/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: a collection of a large heap holds nobody up, and loses nothing.
 * Method: the tests of a program, each in a heap of as many MiB as its name
 * begins with, whose objects make it collect several times in slices. A line
 * for each: its collections, and its longest dispatches, with one under way
 * and without.
 *
 * Usage: collect FILE [NAME_BEGINS_WITH]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "interp/program.h"
#include "vkd/load.h"

#define MIB       (1u << 20)
#define SLEEP_MAX 4096u

static struct vkd_loaded loaded = {.has_tests = true, .seed = 1};
static struct interp_program program;
static uint64_t asleep[SLEEP_MAX]; /* tags */
static uint32_t asleep_count;

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* The kernel's part: who sleeps is woken at the next dispatch where something may be delivered. */
static void serve(struct proc_self *self)
{
    for (uint32_t i = 0; i < self->ops_count; i++) {
        const struct proc_op *op = &self->ops[i];
        if (op->code == PROC_OP_LOG)
            printf("%.*s\n", (int)op->len, (const char *)self + op->off);
        if (!(op->flags & PROC_OP_SILENT) && asleep_count < SLEEP_MAX)
            asleep[asleep_count++] = op->tag;
    }
    self->ops_count = 0;
    if (self->is_busy)
        return;
    self->done_count = 0;
    while (asleep_count > 0 && self->done_count < PROC_RING_ENTRIES)
        self->done[self->done_count++] = (struct proc_done){.tag = asleep[--asleep_count]};
}

struct pauses {
    double busy_us, free_us; /* the longest */
    double busy_sum_us;
    uint32_t busy_runs;
};

static int dispatch(struct proc_self *self, struct pauses *pauses)
{
    self->budget = PROC_BUDGET;
    double before = now_us();
    int value = program.program.resume(&program.program, self);
    double us = now_us() - before, *most = self->is_busy ? &pauses->busy_us : &pauses->free_us;
    if (us > *most)
        *most = us;
    if (self->is_busy) { /* nothing else was done in it */
        pauses->busy_runs++;
        pauses->busy_sum_us += us;
    }
    serve(self);
    return value;
}

/* true: it ended well, and was collected in slices. */
static bool run(const char *name, uint32_t function, uint32_t heap_bytes)
{
    struct proc_self *self =
        mmap(NULL, heap_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    struct pauses pauses = {0};
    struct interp_state state;
    int value = PROC_RUN_AGAIN;
    if (self == MAP_FAILED)
        return false;
    interp_program_init(&program, "test", &loaded.code.image, function, heap_bytes, 1ull << 60);
    self->heap = (struct vk_heap){sizeof *self, heap_bytes};
    program.program.start(&program.program, self);
    asleep_count = 0;
    double before = now_us();
    while (value == PROC_RUN_AGAIN || value == PROC_RUN_WAIT)
        value = dispatch(self, &pauses);
    double all_us = now_us() - before;
    interp_program_state(self, &state);
    printf("%-24s %3u collections, %5u dispatches of them, longest %5.0f us (others %4.0f us), %4.1f %% of "
           "the time\n",
           name, state.collections, pauses.busy_runs, pauses.busy_us, pauses.free_us,
           100 * pauses.busy_sum_us / all_us);
    (void)munmap(self, heap_bytes);
    return value == PROC_RUN_END && pauses.busy_runs >= 4 * state.collections;
}

int main(int argc, char **argv)
{
    static const struct interp_native *const natives[] = {interp_natives, interp_list_natives,
                                                          interp_text_natives, NULL};
    const char *with = argc > 2 ? argv[2] : "";
    if (argc < 2 || !vkd_load_image(argv[1], natives, &loaded))
        return 2;
    const struct interp_services *services = (const void *)loaded.code.module.services;
    const struct interp_test *tests = (const void *)(loaded.code.module.services + services->tests.first);
    int failed = 0;
    for (uint32_t i = 0; i < services->tests.count; i++) {
        const char *name = interp_module_name(&loaded.code.module, tests[i].name);
        if (strncmp(name, with, strlen(with)) != 0)
            continue;
        if (!run(name, tests[i].function, (uint32_t)atoi(name) * MIB)) {
            printf("failed: %s\n", name);
            failed = 1;
        }
    }
    return failed;
}
