/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPU time of a test of a program, compiled, and run without a kernel in a heap
 * of 256 MiB: so many runs, then what it logged. With --kernel, each run has a
 * kernel with the usual guard, without a network, as for `vkd test`. With
 * --start, a whole process from its zeroed heap to its end and the wiping of
 * what it wrote, in ns: the warm one that a server starts again and again.
 *
 *   lang_bench FILE.vk TEST RUNS [--kernel]
 *   lang_bench FILE.vk TEST --start
 */
#include "interp/program.h"
#include "vkd/load.h"
#include "vkd/trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define HEAP_BYTES  (256u << 20)
#define SMALL_BYTES 65536u
#define STARTS      1000000
#define PROCESSES   30000
#define LINE_MAX    256

struct bench {
    struct vkd_loaded loaded;
    struct interp_program program;
    char line[LINE_MAX]; /* the last one logged */
};

static void *take(size_t len)
{
    void *memory = mmap(NULL, len + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        exit(3);
    return memory;
}

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* The function of the test of that name. */
static uint32_t find_test(const struct bench *b, const char *name)
{
    const struct interp_module *module = &b->loaded.code.module;
    const struct interp_services *services = interp_module_services(module);
    const struct interp_test *tests = services ? interp_module_at(module, services->tests) : NULL;
    for (uint32_t i = 0; services && i < services->tests.count; i++)
        if (strcmp(interp_module_name(module, tests[i].name), name) == 0)
            return tests[i].function;
    fprintf(stderr, "there is no test \"%s\"\n", name);
    exit(1);
}

/* The kernel's part: lines of the log are kept, everything else completes. */
static void take_ops(struct bench *b, struct proc_self *self)
{
    self->done_count = 0;
    for (uint32_t i = 0; i < self->ops_count; i++) {
        const struct proc_op *op = &self->ops[i];
        if (op->code == PROC_OP_LOG)
            snprintf(b->line, sizeof b->line, "%.*s", (int)op->len, (const char *)self + op->off);
        if (!(op->flags & PROC_OP_SILENT))
            self->done[self->done_count++] = (struct proc_done){.tag = op->tag};
    }
    self->ops_count = 0;
}

static void run(struct bench *b, struct proc_self *self)
{
    const struct proc_program *program = &b->program.program;
    memset(self, 0, VK_PAGE_BYTES); /* head and state */
    self->heap = (struct vk_heap){sizeof *self, program->heap_bytes};
    program->start(program, self);
    int value = PROC_RUN_AGAIN;
    while (value == PROC_RUN_AGAIN || value == PROC_RUN_WAIT) {
        self->budget = PROC_BUDGET;
        value = program->resume(program, self);
        take_ops(b, self);
    }
    if (value == PROC_RUN_END)
        return;
    fprintf(stderr, "%s\n", b->line);
    exit(1);
}

static void keep_line(void *ctx, struct vk_span name, struct vk_span text)
{
    struct bench *b = ctx;
    (void)name;
    snprintf(b->line, sizeof b->line, "%.*s", (int)text.len, (const char *)text.ptr);
}

static void run_in_kernel(struct bench *b, uint32_t function)
{
    const struct vkd_trial trial = {.host = &b->loaded.host,
                                    .seed = 1,
                                    .heap_bytes = HEAP_BYTES,
                                    .reductions = UINT64_C(1) << 60,
                                    .processes_max = PROCESSES,
                                    .log = keep_line,
                                    .log_ctx = b};
    struct vkd_outcome outcome;
    vkd_trial_run(&trial, function, &outcome);
    if (outcome.verdict == VKD_VERDICT_PASSED)
        return;
    fprintf(stderr, "it has not passed (%u, %d): %s\n", (unsigned)outcome.verdict, outcome.error, b->line);
    exit(1);
}

static void measure_starts(const struct bench *b, struct proc_self *self)
{
    const struct proc_program *program = &b->program.program;
    double before = cpu_ms();
    for (int i = 0; i < STARTS; i++) {
        self->heap = (struct vk_heap){sizeof *self, program->heap_bytes};
        program->start(program, self);
        self->budget = PROC_BUDGET;
        if (program->resume(program, self) != PROC_RUN_END)
            exit(1);
        memset(self, 0, program->used(program, self));
    }
    printf("%.1f\n", (cpu_ms() - before) * 1e6 / STARTS);
}

int main(int argc, char **argv)
{
    static struct bench b = {.loaded = {.has_tests = true, .seed = 1}};
    bool has_kernel = argc == 5 && strcmp(argv[4], "--kernel") == 0;
    if ((argc != 4 && !has_kernel) || !vkd_load_host(argv[1], net_bind_host_natives, &b.loaded))
        return 1;
    bool is_start = strcmp(argv[3], "--start") == 0;
    uint32_t function = find_test(&b, argv[2]), heap_bytes = is_start ? SMALL_BYTES : HEAP_BYTES;
    interp_program_init(&b.program, "bench", &b.loaded.code.image, function, heap_bytes, 1ull << 60);
    void *heap = take(heap_bytes);
    if (is_start) {
        measure_starts(&b, heap);
        return 0;
    }
    for (int i = 0; i < atoi(argv[3]); i++) {
        double before = cpu_ms();
        if (has_kernel)
            run_in_kernel(&b, function);
        else
            run(&b, heap);
        printf("%.2f ", cpu_ms() - before);
    }
    printf("= %s\n", b.line);
    return 0;
}
