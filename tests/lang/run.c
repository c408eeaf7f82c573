/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiles a program, verifies it, and runs its tests in order, each in a
 * fresh heap without a kernel: sleeps are answered at once, lines of the log
 * are printed, then how each test ended.
 *
 *   run FILE.vk [--dump]
 */
#include "compiler/check.h"
#include "compiler/disasm.h"
#include "compiler/lower.h"
#include "interp/program.h"
#include "interp/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAP_BYTES (1u << 20)

struct loaded {
    struct vkc_text file;
    struct interp_module module;
    struct interp_image image;
    struct interp_program program;
};

static void *take(size_t len)
{
    void *memory = aligned_alloc(64, VK_ALIGN_UP(len + 1, (size_t)64));
    if (memory == NULL)
        exit(3);
    memset(memory, 0, VK_ALIGN_UP(len + 1, (size_t)64));
    return memory;
}

static bool compile(const char *path, struct vkc_text *file)
{
    struct vkc_program program;
    struct vkc_text text = {0};
    vkc_program_init(&program);
    bool is_good = vkc_check(&program, path) && vkc_lower(program.checked, file);
    vkc_diags_print(&program.diags, false, &text);
    if (text.len > 0)
        fwrite(text.bytes, 1, text.len, stdout);
    vkc_text_fini(&text);
    vkc_checked_fini(program.checked);
    vkc_program_fini(&program);
    return is_good;
}

static bool load(struct loaded *l)
{
    static const struct interp_native *const tables[] = {interp_natives, interp_list_natives,
                                                         interp_text_natives, NULL};
    const struct interp_image_options options = {
        .natives = tables,
        .hash_key = {.sip = {1, 2}, .factor = {0x0123456789abcdefu, 0xfedcba9876543211u}, .summand = {3, 4}}};
    struct interp_refusal refusal = {0};
    int rc = interp_module_open(&l->module, l->file.bytes, l->file.len, &refusal);
    if (!rc) {
        void *scratch = take(interp_verify_scratch_bytes(&l->module));
        rc = interp_verify(&l->module, scratch, &refusal);
        free(scratch);
    }
    if (!rc)
        rc = interp_image_init(&l->image, &l->module, take(interp_image_bytes(&l->module)), &options,
                               &refusal);
    if (!rc)
        return true;
    printf("refused: %s (function %d, at %u)\n", refusal.why, (int)refusal.function, refusal.at);
    return false;
}

static void take_ops(struct proc_self *self)
{
    self->done_count = 0;
    for (uint32_t i = 0; i < self->ops_count; i++) {
        const struct proc_op *op = &self->ops[i];
        if (op->code == PROC_OP_LOG)
            printf("%.*s\n", (int)op->len, (const char *)self + op->off);
        if (op->code == PROC_OP_SLEEP)
            self->now_ns += op->arg;
        if (!(op->flags & PROC_OP_SILENT))
            self->done[self->done_count++] = (struct proc_done){.tag = op->tag};
    }
    self->ops_count = 0;
}

static bool run(struct loaded *l, uint32_t function)
{
    struct proc_self *self = take(HEAP_BYTES);
    const struct proc_program *program = &l->program.program;
    interp_program_init(&l->program, "test", &l->image, function, HEAP_BYTES, 100000000);
    self->heap = (struct vk_heap){sizeof *self, HEAP_BYTES};
    program->start(program, self);
    int value = PROC_RUN_AGAIN;
    while (value == PROC_RUN_AGAIN || value == PROC_RUN_WAIT) {
        self->budget = PROC_BUDGET;
        value = program->resume(program, self);
        take_ops(self);
    }
    free(self);
    return value == PROC_RUN_END;
}

static void dump(const struct loaded *l)
{
    struct vkc_text text = {0};
    vkc_disasm(l->file.bytes, &text);
    fwrite(text.bytes, 1, text.len, stdout);
    vkc_text_fini(&text);
}

int main(int argc, char **argv)
{
    static struct loaded l;
    if (argc < 2 || !compile(argv[1], &l.file))
        return 1;
    if (argc > 2)
        dump(&l);
    if (!load(&l))
        return 1;
    const struct interp_services *services = (const void *)l.module.services;
    const struct interp_test *tests = (const void *)(l.module.services + services->tests.first);
    int failed = 0;
    for (uint32_t i = 0; i < services->tests.count; i++)
        if (!run(&l, tests[i].function)) {
            printf("failed: %s\n", interp_module_name(&l.module, tests[i].name));
            failed = 1;
        }
    return failed;
}
