/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a source file. Whatever it is, it gets a message or a module, never
 * both; a program that the compiler accepts is one that the verifier accepts,
 * and its tests run under the checks of INTERP_CHECKED for a while: compiled
 * code touches nothing but its own objects, with a collection at every
 * allocation.
 */
#include "compiler/limits.h"
#include "compiler/lower.h"

#include "tests/fuzz/fuzz.h"
#include "tests/interp/vm.h"

#include <stdio.h>

#define TESTS_MAX 4u

static struct vm vm;
static _Alignas(4096) uint8_t heap[64u << 10];

static void check_messages(struct vkc_program *program)
{
    struct vkc_text messages = {0};
    vkc_diags_print(&program->diags, false, &messages);
    FUZZ_CHECK((messages.len > 0) == (program->diags.errors > 0));
    vkc_text_fini(&messages);
}

/* Writes the module of the text into `file`; false: it was refused, with a message. */
static bool compile(const char *text, size_t size, struct vkc_text *file)
{
    struct vkc_program program;
    vkc_program_init(&program);
    struct vkc_source *source = vkc_source_add(&program.sources, "fuzz.vk", text, size);
    FUZZ_CHECK(source != NULL);
    (void)vkc_program_parse(&program, source); /* kept in the program */
    if (program.diags.errors == 0)
        (void)vkc_analyse(&program, NULL, NULL); /* kept in the program */
    bool is_good = program.diags.errors == 0 && vkc_lower(program.checked, file);
    FUZZ_CHECK(is_good == (program.diags.errors == 0));
    check_messages(&program);
    vkc_checked_fini(program.checked);
    vkc_program_fini(&program);
    return is_good;
}

static void verify(const struct vkc_text *file)
{
    vm.file_bytes = file->len;
    memcpy(vm.file, file->bytes, file->len);
    FUZZ_CHECK(interp_module_open(&vm.module, vm.file, vm.file_bytes, &vm.refusal) == 0);
    if (interp_verify_scratch_bytes(&vm.module) > sizeof vm.scratch)
        return;
    if (interp_verify(&vm.module, vm.scratch, &vm.refusal) == 0)
        return;
    (void)fprintf(stderr, "refused: %s (function %d, at %u)\n", vm.refusal.why, (int)vm.refusal.function,
                  vm.refusal.at); /* the trap below is what counts */
    __builtin_trap();
}

/* Natives that need a server are not there: such a program is not run. */
static void run(void)
{
    static const struct interp_native *const tables[] = {interp_natives, interp_list_natives,
                                                         interp_text_natives, NULL};
    vm.natives = tables;
    vm.runs_max = 4;
    if (vm_open(&vm) != 0)
        return;
    const struct interp_services *services = (const void *)vm.module.services;
    const struct interp_test *tests = (const void *)(vm.module.services + services->tests.first);
    for (uint32_t i = 0; i < services->tests.count && i < TESTS_MAX; i++)
        (void)vm_run_at(&vm, tests[i].function, heap, sizeof heap); /* however it ends */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vkc_text file = {0};
    if (size > VKC_SOURCE_MAX_BYTES)
        return 0;
    if (compile((const char *)data, size, &file) && file.len <= sizeof vm.file) {
        verify(&file);
        run();
    }
    vkc_text_fini(&file);
    return 0;
}
