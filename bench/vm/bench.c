/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPU time of an assembled module's `main`, which takes nothing and gives a
 * number, in a heap of 256 MiB; or, with --start, of a whole process from its
 * start to its end, in ns, with the wiping of what it wrote.
 *
 * Usage: vm_bench MODULE.vka [--start]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "net/bind/http.h"
#include "tests/interp/vm.h"

#define HEAP_BYTES (256u << 20)
#define RUNS       5
#define STARTS     1000000

static struct vm vm;
static char text[65536];

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void measure_starts(void *heap)
{
    struct proc_self *self = heap;
    (void)vm_run(&vm, "main", heap, 65536);
    vm.program.program.heap_bytes = 65536;
    const struct proc_program *program = &vm.program.program;
    double before = cpu_ms();
    for (int i = 0; i < STARTS; i++) {
        memset(heap, 0, program->used(program, self));
        self->heap = (struct vk_heap){sizeof *self, 65536};
        program->start(program, self);
        self->budget = PROC_BUDGET;
        if (program->resume(program, self) != PROC_RUN_END)
            exit(1);
    }
    printf("%.1f\n", (cpu_ms() - before) * 1e6 / STARTS);
}

int main(int argc, char **argv)
{
    static const struct interp_native *const natives[] = {interp_natives, net_bind_natives, NULL};
    FILE *file = argc > 1 ? fopen(argv[1], "r") : NULL;
    void *heap = mmap(NULL, HEAP_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!file || heap == MAP_FAILED)
        return 1;
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    vm.natives = natives;
    if (vm_load(&vm, text)) {
        fprintf(stderr, "%s%s\n", vm.assembly.error, vm.refusal.why ? vm.refusal.why : "");
        return 1;
    }
    if (argc > 2) {
        measure_starts(heap);
        return 0;
    }
    for (int i = 0; i < RUNS; i++) {
        double before = cpu_ms();
        if (vm_run(&vm, "main", heap, HEAP_BYTES) != PROC_RUN_END) {
            fprintf(stderr, "%s\n", vm.log);
            return 1;
        }
        printf("%.2f ", cpu_ms() - before);
    }
    double number;
    memcpy(&number, &vm.state.result, sizeof number);
    printf("= %lld %.9g (%u collections)\n", (long long)vm.state.result, number, vm.state.collections);
    return 0;
}
