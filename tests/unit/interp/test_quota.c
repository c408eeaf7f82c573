/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: the limits of a process lie where they are said to lie, to the byte
 * and to the reduction. Method: the largest that passes is searched for, and
 * one more has the trap.
 */
#include "interp/interp_impl.h"
#include "tests/interp/vm.h"
#include "tests/unit/test.h"

static struct vm vm;
static _Alignas(4096) uint8_t heap[64u << 10];

static const char head[] =
    "type Str str\ntype F fn > int\ntype Repeat fn Str int > Str\nnative str.repeat Repeat\n"
    "data x str Str \"12345678\"\n";

static void load(const char *code)
{
    static char text[1024];
    size_t len = sizeof head - 1, n = 0;
    memcpy(text, head, len);
    while (code[n])
        n++;
    memcpy(text + len, code, n + 1);
    CHECK_EQ(vm_load(&vm, text), 0);
}

/* How `main`, which finds `number` in its first constant, ends with so many reductions. */
static int run(uint64_t number, uint64_t reductions)
{
    struct proc_self *self = (void *)heap;
    const struct proc_program *program = &vm.program.program;
    ((uint64_t *)(uintptr_t)vm.image.constants)[0] = number;
    interp_program_init(&vm.program, "test", &vm.image, interp_image_find(&vm.image, VK_SPAN_LIT("main")),
                        sizeof heap, reductions);
    memset(heap, 0, VK_PAGE_BYTES);
    self->heap = (struct vk_heap){sizeof *self, sizeof heap};
    program->start(program, self);
    int value = PROC_RUN_AGAIN;
    while (value == PROC_RUN_AGAIN) {
        self->budget = PROC_BUDGET;
        self->ops_count = 0;
        value = program->resume(program, self);
    }
    interp_program_state(self, &vm.state);
    return value;
}

TEST(interp_quota, half_of_the_heap_is_for_objects)
{
    const struct interp_process *p = (const void *)(heap + INTERP_PROCESS_OFF);
    load("func main F 6 Str Str\n LDQ 0 x\n LDK 5 1000\n MOVR 4 0\n CALLN 4 str.repeat 1\n SLEN 2 1\n RETS "
         "2\nend\n");
    uint32_t fits = 1, fails = 8192; /* eights of bytes */
    while (fails - fits > 1) {
        uint32_t n = fits + (fails - fits) / 2;
        *(run(n, 1u << 30) == PROC_RUN_END ? &fits : &fails) = n;
    }
    CHECK_EQ(run(fits, 1u << 30), PROC_RUN_END);
    CHECK_EQ(vm.state.result, 8 * fits);
    CHECK(vm.state.top <= p->half && vm.state.top + 8 > p->half);
    CHECK(p->half - p->floor > sizeof heap / 2 - 4096);
    CHECK_EQ(run(fits + 1, 1u << 30), PROC_RUN_FAIL);
    CHECK_EQ(vm.state.trap, INTERP_TRAP_MEMORY);
}

TEST(interp_quota, a_jump_back_costs_one_reduction)
{
    load("func main F 3\n LDK 2 1000\n LDI 1 0\n JMP in\nin:\n LDI 0 0\nagain:\n ADDI 0 0 1\n JGE 0 2 out\n"
         " JMPB again\nout:\n RETS 0\nend\n");
    static const uint64_t turns[] = {2, 1000, PROC_BUDGET, PROC_BUDGET + 1, 3 * PROC_BUDGET};
    for (uint32_t i = 0; i < VK_COUNT(turns); i++) {
        CHECK_EQ(run(turns[i], turns[i] - 1), PROC_RUN_END);
        CHECK_EQ(vm.state.result, turns[i]);
        CHECK_EQ(run(turns[i], turns[i] - 2), PROC_RUN_FAIL);
        CHECK_EQ(vm.state.trap, INTERP_TRAP_CPU);
    }
}
